"""Life after life of a whole Home Assistant: let it live, kill it, look at what it has left."""

import asyncio
from collections.abc import Awaitable, Callable
import contextlib
from pathlib import Path
from random import Random
import sys
import time
from typing import Any

from aiohttp import ClientError

from demo.home import HomeError
from proofs.books import Books
from proofs.figures import Figures
from proofs.inquest import differences, look
from proofs.promises import Promises
from proofs.records import revisions_of_item
from tests.hass_process import HassProcess, hass_process
from tests.simulators.films import FILMS
from tests.simulators.plex import PlexSimulator, from_films
from tests.simulators.plex.snapshot import item_state
from tests.simulators.stash import StashCore, StashSimulator, load_films

# Each has fields of its own: which of two sources came last is nobody's promise.
BY_STASH = ("title", "summary", "genres")
BY_ACTION = ("sort_title", "original_title")
_FILMS = FILMS[:24]
_STASH_ROOT, _PLEX_ROOT = "/media/films", "/data/films"
_LONGEST = 8.0  # seconds that it lives once it has started
_OVERDUE = 12.0  # seconds after which it is killed although its moment never came
_DRAIN = 400.0  # seconds until everything that waits must have been written

# What Plex does during a life, and how often.
WEATHERS: dict[str, tuple[int, list[tuple[str, dict[str, Any]]]]] = {
    "fine": (26, []),
    "down": (24, []),
    "changing": (16, []),  # goes down or comes back in the middle of it
    "slow": (10, [("slow", {"ms": 200, "jitter_ms": 800})]),
    "answers lost": (
        14,
        [("commit_then_drop", {"method": "PUT", "probability": 0.3}),
         ("reset_mid_body", {"probability": 0.05})],
    ),
    "busy": (6, [("status", {"code": 503, "probability": 0.2})]),
    "hanging": (
        4,
        [("blackhole", {"method": "PUT", "probability": 0.3, "apply": True, "seconds": 3})],
    ),
}  # fmt: skip
_LASTS = 0.4  # how likely it is that an outage outlives a kill

MOMENTS = {"start-up": 6, "time": 5, "answer": 4, "edit": 4, "save": 2}


class Series:
    """The series of lives."""

    def __init__(
        self,
        figures: Figures,
        seed: int,
        folder: Path,
        process: HassProcess,
        plex: PlexSimulator,
        stash: StashSimulator,
    ) -> None:
        """Take servers that run and a Home Assistant that does not."""
        self.figures = figures
        self._random = Random(seed)
        self._folder = folder
        self._process = process
        self._plex = plex
        self._stash = stash
        self._scenes = {f"scene:{number}": number for number in stash.core.scene_ids()}
        paths = {
            key: stash.core.paths(number)[0].replace(_STASH_ROOT, _PLEX_ROOT, 1)
            for key, number in self._scenes.items()
        }
        self._edits = Promises(seed, paths, BY_STASH)
        self._actions = Promises(
            seed, {path: path for path in paths.values()}, BY_ACTION
        )
        self._books = Books(figures, self._edits, self._actions)
        self._weather = "fine"
        self._boot = 0.0  # seconds of the last start that was let be
        self._answers = 0  # of this life
        self._news = asyncio.Event()

    async def set_up(self) -> None:
        """Start it for the first time and let it bring everything into line."""
        await self._start()
        await self._process.set_up(self._plex, self._stash)
        await self._process.until_state("sensor.synced", str(len(_FILMS)))
        await self._process.until_state("sensor.pending", "0")

    async def _start(self) -> None:
        began = time.monotonic()
        await self._process.start()
        self._boot = time.monotonic() - began

    # -- a life ------------------------------------------------------------------

    async def live(self) -> None:
        """Let it live, and kill it; look at what it has left.

        The first time it runs already.
        """
        figures, random = self.figures, self._random
        moment = random.choices([*MOMENTS], [*MOMENTS.values()])[0]
        before = self._process.store()
        weather = await self._begin_weather()
        for _ in range(random.randint(0, 3)):
            self._edit_in_stash()
        shown: str | None = None
        if self._process.program.pid is not None:
            moment = "time" if moment == "start-up" else moment
            await self._work_until(moment, weather)
        elif moment == "start-up":
            starting = asyncio.create_task(self._start())
            await asyncio.wait([starting], timeout=random.random() * self._boot)
            self._process.kill()
            await _ended([starting])
        else:
            await self._start()
            shown = await self._process.state("sensor.circuit")
            await self._work_until(moment, weather)
        figures.moments[moment] += 1
        figures.weathers[weather] += 1
        self._plex.faults.clear()
        await self._plex.settled()
        self._read_log()
        self._check_plex()
        self._check_disk()
        self._check_circuit(before, self._process.store(), weather, shown)

    async def _work_until(self, moment: str, weather: str) -> None:
        """Let things happen until it is time, and kill it."""
        self._answers = 0
        work: list[Callable[[], Awaitable[None]]] = [self._edit, self._act]
        if weather == "changing":
            work.append(self._change_weather)
        tasks = [asyncio.create_task(self._repeat(each)) for each in work]
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_OVERDUE):
                await self._until(moment)
        self._process.kill()
        # An answer that was given before still counts.
        await _ended(tasks)

    async def _until(self, moment: str) -> None:
        random = self._random
        match moment:
            case "answer":
                wanted = random.randint(1, 15)
                while self._answers < wanted:
                    self._news.clear()
                    await self._news.wait()
            case "edit":
                wanted = len(self._puts()) + random.randint(1, 6)
                await self._plex.journal.arrived(
                    wanted, method="PUT", within=2 * _OVERDUE
                )
            case "save":
                saved = self._process.store()
                while self._process.store() == saved:
                    await asyncio.sleep(0.005)
            case _:
                await asyncio.sleep(random.random() * _LONGEST)

    async def _repeat(self, work: Callable[[], Awaitable[None]]) -> None:
        """Do something over and over, as long as there is somebody to do it to."""
        while self._process.program.pid is not None:
            await asyncio.sleep(self._random.expovariate(2.5))
            await work()

    async def _edit(self) -> None:
        self._edit_in_stash()

    def _edit_in_stash(self) -> None:
        edits = self._edits
        key = self._random.choice([*self._scenes])
        revision = edits.keys[key].next
        edits.submit(key, revision)
        fields: Any = dict(edits.record(key, revision).fields)
        names = {"summary": "details", "genres": "tags"}
        self._stash.core.edit_scene(
            self._scenes[key],
            **{names.get(name, name): value for name, value in fields.items()},
        )

    async def _act(self) -> None:
        """Ask for new values by action; the answer says that they are on disk."""
        actions = self._actions
        path = self._random.choice([*actions.keys])
        revision = actions.keys[path].next
        actions.submit(path, revision)
        fields = dict(actions.record(path, revision).fields)
        try:
            await self._process.act("sync_item", path=path, key=path, fields=fields)
        except ClientError:
            return  # it is dead: the promise was not made
        except HomeError as error:
            self.figures.complaints.found.append(str(error))
            return
        actions.answer(path, revision)
        self._answers += 1
        self._news.set()

    # -- Plex --------------------------------------------------------------------

    async def _begin_weather(self) -> str:
        names = [*WEATHERS]
        if self._weather == "down" and self._random.random() < _LASTS:
            return "down"
        weather = self._random.choices(names, [WEATHERS[name][0] for name in names])[0]
        for action, spec in WEATHERS[weather][1]:
            self._plex.faults.add(action, **spec)
        await (self._plex.stop() if weather == "down" else self._plex.start())
        self._weather = weather
        return weather

    async def _change_weather(self) -> None:
        await asyncio.sleep(self._random.random() * _LONGEST / 2)
        await (self._plex.stop() if self._plex.running else self._plex.start())

    def _puts(self) -> list[Any]:
        return list(self._plex.journal.matching(method="PUT"))

    def _items(self) -> list[dict[str, Any]]:
        """Give the films; a collection is an item too, but has no file."""
        items = self._plex.core.items.values()
        return [item_state(item) for item in items if item.files]

    # -- afterwards ----------------------------------------------------------------

    def _check_plex(self) -> None:
        """Look at the order of what was sent, and of what is shown."""
        self._books.see([entry.query for entry in self._puts()], self._items())
        self._plex.journal.clear()

    def _check_disk(self) -> None:
        shown = {item["files"][0]: revisions_of_item(item) for item in self._items()}
        done = {
            key: shown[known.path]
            for promises in self._books.promises
            for key, known in promises.keys.items()
        }
        self._books.look(
            look(self._process.database, self._folder, by_value=True), done
        )

    def _check_circuit(
        self,
        before: dict[str, Any],
        after: dict[str, Any],
        weather: str,
        shown: str | None,
    ) -> None:
        """See that a life without Plex left an open circuit open, in the same outage."""
        if before["breaker"]["state"] != "open" or weather != "down":
            return
        figures = self.figures
        figures.circuit.looked += 1
        if shown == "open":
            figures.in_outage += 1
        elif shown is not None:
            figures.circuit.found.append(f"open was saved, {shown} is shown")
        figures.circuit.found += differences(before, after)

    # -- the end -------------------------------------------------------------------

    async def finish(self) -> None:
        """Lift all faults, let everything drain, and stop as a person does."""
        await self._plex.start()
        if self._process.program.pid is None:
            await self._start()
        # Everything that stands in Stash counts as promised; there will be no more.
        for key, known in self._edits.keys.items():
            for revision in known.submitted:
                self._edits.answer(key, revision)
        failed = await self._drain()
        self.figures.left.update(failed.values())
        if failed:
            await self._process.act("retry_failed")
            self.figures.lost.found += [
                f"{key} failed again ({reason})"
                for key, reason in (await self._drain()).items()
            ]
        self._process.program.stop()
        self._read_log()
        self._check_plex()
        self._check_disk()
        self._books.end()

    async def _drain(self) -> dict[str, str]:
        """Wait until Plex shows all that was promised; give what failed, by key."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_DRAIN):
                while True:
                    failed = await self._failed()
                    missing = self._books.missing(self._items(), failed)
                    if not missing and await self._pending() == "0":
                        return failed
                    await asyncio.sleep(0.5)
        failed = await self._failed()
        self.figures.lost.found += self._books.missing(self._items(), failed)
        if (pending := await self._pending()) != "0":
            self.figures.lost.found.append(f"{pending} jobs still wait at the end")
        return failed

    def _read_log(self) -> None:
        self.figures.complaints.looked += 1
        self.figures.complaints.found += self._process.complaints()

    async def _pending(self) -> str:
        return await self._process.state("sensor.pending")

    async def _failed(self) -> dict[str, str]:
        answer = await self._process.act("get_jobs", state="failed", limit=500)
        return {job["key"]: job["reason"] for job in answer["jobs"]}


async def _ended(tasks: list[asyncio.Task[None]]) -> None:
    """Wait until they have noticed that nobody is there, and no longer than that takes."""
    _, left = await asyncio.wait(tasks, timeout=5)
    for task in left:
        task.cancel()
    for result in await asyncio.gather(*tasks, return_exceptions=True):
        if isinstance(result, Exception) and not isinstance(result, ClientError):
            raise result


async def run(figures: Figures, seed: int, kills: int, folder: Path) -> None:
    """Run the series in a folder."""
    core = StashCore()
    load_films(core, _STASH_ROOT, _FILMS)
    plex = PlexSimulator(seed=seed)
    from_films(plex.core, [{"path": film.path} for film in _FILMS], location=_PLEX_ROOT)
    async with (
        plex,
        StashSimulator(core, seed=seed) as stash,
        hass_process(folder) as process,
    ):
        series = Series(figures, seed, folder, process, plex, stash)
        await series.set_up()
        began = time.monotonic()
        while figures.kills < kills:
            await series.live()
            seconds = time.monotonic() - began
            print(f"{figures.kills} kills, {seconds:.0f} s", file=sys.stderr)
        await series.finish()
    core.close()
