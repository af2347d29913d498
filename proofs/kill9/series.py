"""Life after life: let it live, kill it, look at what it has left on disk and in Plex."""

from abc import ABC, abstractmethod
import asyncio
from collections.abc import Awaitable, Collection, Coroutine, Mapping, Sequence
import contextlib
from pathlib import Path
from random import Random
import sys
from typing import Any, ClassVar

from aiohttp import ClientError

from proofs.promises import Promises
from tests.simulators.plex import PlexSimulator
from tests.simulators.plex.snapshot import item_state

from .books import Books
from .figures import Figures

# What Plex does during a life, and how often.
WEATHERS: dict[str, tuple[int, list[tuple[str, dict[str, Any]]]]] = {
    "fine": (30, []),
    "down": (18, []),
    "changing": (14, []),  # goes down in the midst of it
    "flapping": (6, [("flap", {"up": 0.15, "down": 0.1})]),
    "slow": (8, [("slow", {"ms": 20, "jitter_ms": 200})]),
    "answers lost": (
        10,
        [("commit_then_drop", {"method": "PUT", "probability": 0.25}),
         ("reset_mid_body", {"probability": 0.04})],
    ),
    "busy": (
        5,
        [("rate_limit", {"per_second": 60, "burst": 20, "retry_after": 0}),
         ("status", {"code": 503, "probability": 0.1})],
    ),
    "edits refused": (
        6,
        [("status", {"code": 409, "method": "PUT", "probability": 0.1}),
         ("status", {"code": 500, "method": "PUT", "probability": 0.1})],
    ),
    "hanging": (
        3,
        [("blackhole", {"method": "PUT", "probability": 0.3, "apply": True, "seconds": 3})],
    ),
}  # fmt: skip
_LASTS = 0.5  # how likely it is that an outage outlives a kill


class Series(ABC):
    """One Plex, one folder, and one life after the other."""

    longest: float  # seconds of a life
    boot: float  # seconds of a start
    overdue: float  # seconds after which it is killed although its moment never came
    moments: ClassVar[Mapping[str, int]]  # at which it is killed, and how often
    spared: ClassVar[Collection[str]] = ()  # weathers that outlast a life

    def __init__(
        self, seed: int, folder: Path, plex: PlexSimulator, *promises: Promises
    ) -> None:
        """Take a Plex that runs; nothing else does yet."""
        self.figures = Figures()
        self.random = Random(seed)
        self.folder = folder
        self.plex = plex
        self.books = Books(self.figures, *promises)
        self.weather = "fine"
        self.answers = 0  # of this life
        self.news = asyncio.Event()  # there was one more

    # -- what is killed ------------------------------------------------------------

    @abstractmethod
    async def start(self, moment: str) -> None:
        """Start it to die at a moment, and wait until it is open."""

    @abstractmethod
    def work(self) -> Sequence[Coroutine[Any, Any, None]]:
        """Give what goes on beside it until it is killed."""

    @abstractmethod
    def kill(self) -> None:
        """Kill -9, and hear its last words."""

    @abstractmethod
    def check_disk(self) -> None:
        """Compare what is on disk with the promises."""

    @abstractmethod
    async def drain(self, *, retry: bool) -> Mapping[str, str | None]:
        """Let all work be done, with ``retry`` what failed, too; give what failed."""

    # -- a life ------------------------------------------------------------------

    async def run(self, kills: int) -> Figures:
        """Kill so often, then let the work be done and compare it with Plex."""
        figures = self.figures
        while figures.kills < kills and not figures.troubles:
            await self._live()
            if sys.stderr.isatty():
                print(f"\r{figures.kills} kills ", end="", file=sys.stderr)
        if not figures.troubles:
            await self._finish()
        self.books.end()
        return figures

    async def _live(self) -> None:
        moment = self._choose(self.moments)
        if self.weather != "down" or self.random.random() > _LASTS:
            await self._set_weather(
                self._choose(
                    {
                        name: weight
                        for name, (weight, _) in WEATHERS.items()
                        if name not in self.spared
                    }
                )
            )
        self.answers = 0
        tasks: list[asyncio.Task[None]] = [asyncio.create_task(self.start(moment))]
        if moment == "start-up":
            await asyncio.wait(tasks, timeout=self.random.random() * self.boot)
        else:
            await tasks[0]
            tasks += [asyncio.create_task(each) for each in self.work()]
            if self.weather == "changing":
                tasks.append(asyncio.create_task(self._turn()))
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self.overdue):
                    await self.until(moment)
        self.kill()
        await _ended(tasks)
        self.figures.moments[moment] += 1
        self.figures.weathers[self.weather] += 1
        self.plex.faults.clear()
        await self.plex.settled()
        self._check_plex()
        self.check_disk()

    def _choose(self, weights: Mapping[str, int]) -> str:
        return self.random.choices([*weights], [*weights.values()])[0]

    async def until(self, moment: str) -> None:
        """Wait for the moment at which it is killed."""
        match moment:
            case "answer":
                wanted = self.random.randint(1, 15)
                while self.answers < wanted:
                    self.news.clear()
                    await self.news.wait()
            case "edit":
                wanted = len(self._puts()) + self.random.randint(1, 6)
                await self.plex.journal.arrived(
                    wanted, method="PUT", within=2 * self.overdue
                )
            case _:
                await asyncio.sleep(self.random.random() * self.longest)

    async def _set_weather(self, weather: str) -> None:
        self.weather = weather
        self.plex.faults.clear()
        for action, spec in WEATHERS[weather][1]:
            self.plex.faults.add(action, **spec)
        await (self.plex.stop() if weather == "down" else self.plex.start())

    async def _turn(self) -> None:
        """Take Plex down in the midst of a life."""
        await asyncio.sleep(self.random.random() * self.longest / 2)
        await self.plex.stop()

    # -- afterwards ----------------------------------------------------------------

    def _puts(self) -> list[Any]:
        return list(self.plex.journal.matching(method="PUT"))

    def items(self) -> list[dict[str, Any]]:
        """Give the films; a collection is an item too, but has no file."""
        items = self.plex.core.items.values()
        return [item_state(item) for item in items if item.files]

    def _check_plex(self) -> None:
        """Look at the order of what was sent, and of what is shown."""
        self.books.see([entry.query for entry in self._puts()], self.items())
        self.plex.journal.clear()

    async def _finish(self) -> None:
        """Let everything be written, then what had failed; each time Plex must show it."""
        await self._set_weather("fine")
        failed = await self.drain(retry=False)
        self.figures.left.update(map(str, failed.values()))
        self.figures.lost.found += self.books.missing(self.items(), failed)
        if failed:
            await self.drain(retry=True)
            self.figures.lost.found += self.books.missing(self.items(), ())
        self._check_plex()
        self.check_disk()


async def _ended(tasks: Sequence[Awaitable[None]]) -> None:
    """Let them notice that nobody is there; an answer that was given before still counts."""
    running = [asyncio.ensure_future(task) for task in tasks]
    _, left = await asyncio.wait(running, timeout=5)
    for task in left:
        task.cancel()
    for result in await asyncio.gather(*running, return_exceptions=True):
        if isinstance(result, Exception) and not isinstance(result, ClientError):
            raise result
