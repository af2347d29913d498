"""A whole Home Assistant in a process of its own, between a Plex and a Stash."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
import contextlib
from pathlib import Path
import time
from typing import Any, ClassVar, override

from aiohttp import ClientError

from demo.home import HomeError
from proofs.promises import Promises
from proofs.records import revisions_of_item
from tests.hass_process import HassProcess, hass_process
from tests.simulators.films import FILMS
from tests.simulators.plex import PlexSimulator, from_films
from tests.simulators.stash import StashCore, StashSimulator, load_films

from .figures import Figures
from .inquest import differences, look
from .series import Series

# Each has fields of its own: which of two sources came last is nobody's promise.
BY_STASH = ("title", "summary", "genres")
BY_ACTION = ("sort_title", "original_title")
_FILMS = FILMS[:24]
_STASH_ROOT, _PLEX_ROOT = "/media/films", "/data/films"
_DRAIN = 400.0  # seconds until everything that waits must have been written


class HomeSeries(Series):
    """Lives of Home Assistant, while films are edited in Stash and by action."""

    longest, boot, overdue = 8.0, 0.0, 12.0
    moments: ClassVar[Mapping[str, int]] = {
        "time": 5,
        "start-up": 6,
        "answer": 4,
        "edit": 4,
        "save": 2,
    }
    # A refusal holds all edits for minutes, and so may a Plex that flaps.
    spared = ("edits refused", "flapping")

    def __init__(
        self,
        seed: int,
        folder: Path,
        plex: PlexSimulator,
        stash: StashSimulator,
        process: HassProcess,
    ) -> None:
        """Take servers that run and a Home Assistant that does not."""
        self._process = process
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
        super().__init__(seed, folder, plex, self._edits, self._actions)
        self._before: dict[str, Any] = {}  # the circuit, as the last life left it
        self._shown: str | None = None  # the circuit's state after the start

    async def set_up(self) -> None:
        """Start it for the first time and let it bring everything into line."""
        began = time.monotonic()
        await self._process.start()
        self.boot = time.monotonic() - began
        await self._process.set_up(self.plex, self._stash)
        await self._process.until_state("sensor.synced", str(len(_FILMS)))
        await self._process.until_state("sensor.pending", "0")
        self._process.kill()

    @override
    async def start(self, moment: str) -> None:
        self._before, self._shown = self._process.store(), None
        for _ in range(self.random.randint(0, 3)):
            self._edit_in_stash()
        await self._process.start()
        if moment != "start-up":
            self._shown = await self._process.state("sensor.circuit")

    @override
    def work(self) -> Sequence[Coroutine[Any, Any, None]]:
        return self._repeat(self._edit), self._repeat(self._act)

    @override
    async def until(self, moment: str) -> None:
        saved = self._process.store()
        if moment != "save":
            await super().until(moment)
            return
        while self._process.store() == saved:
            await asyncio.sleep(0.005)

    @override
    def kill(self) -> None:
        self._process.kill()

    async def _repeat(self, work: Callable[[], Awaitable[None]]) -> None:
        """Do something over and over, as long as there is somebody to do it to."""
        while self._process.program.pid is not None:
            await asyncio.sleep(self.random.expovariate(2.5))
            await work()

    async def _edit(self) -> None:
        self._edit_in_stash()

    def _edit_in_stash(self) -> None:
        edits = self._edits
        key = self.random.choice([*self._scenes])
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
        path = self.random.choice([*actions.keys])
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
        self.answers += 1
        self.news.set()

    # -- afterwards ----------------------------------------------------------------

    @override
    def check_disk(self) -> None:
        shown = {item["files"][0]: revisions_of_item(item) for item in self.items()}
        done = {
            key: shown[known.path]
            for promises in self.books.promises
            for key, known in promises.keys.items()
        }
        found = look(self._process.database, by_value=True)
        self.books.look(found, done)
        self.figures.complaints.looked += 1
        self.figures.complaints.found += self._process.complaints()
        self._check_circuit()

    def _check_circuit(self) -> None:
        """See that a life without Plex left an open circuit open, in the same outage."""
        if self._before["breaker"]["state"] != "open" or self.weather != "down":
            return
        figures = self.figures
        figures.circuit.looked += 1
        if self._shown == "open":
            figures.in_outage += 1
        elif self._shown is not None:
            figures.circuit.found.append(f"open was saved, {self._shown} is shown")
        figures.circuit.found += differences(self._before, self._process.store())

    @override
    async def drain(self, *, retry: bool) -> Mapping[str, str | None]:
        """Wait until Plex shows all that was promised, and no job waits."""
        if retry:
            await self._process.act("retry_failed")
        else:
            await self._process.start()
            # What stands in Stash counts as promised; there will be no more.
            for key, known in self._edits.keys.items():
                for revision in known.submitted:
                    self._edits.answer(key, revision)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_DRAIN):
                while self.books.missing(self.items(), await self._failed()) or (
                    await self._process.state("sensor.pending") != "0"
                ):
                    await asyncio.sleep(0.5)
        if (pending := await self._process.state("sensor.pending")) != "0":
            self.figures.lost.found.append(f"{pending} jobs still wait at the end")
        return await self._failed()

    async def _failed(self) -> dict[str, str | None]:
        answer = await self._process.act("get_jobs", state="failed", limit=500)
        return {job["key"]: job["reason"] for job in answer["jobs"]}


async def run(seed: int, kills: int, folder: Path) -> Figures:
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
        series = HomeSeries(seed, folder, plex, stash, process)
        await series.set_up()
        figures = await series.run(kills)
        process.program.stop()
    core.close()
    return figures
