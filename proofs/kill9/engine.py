"""The engine in a process of its own, without Home Assistant: hundreds of quick lives."""

import asyncio
from collections.abc import AsyncIterator, Coroutine, Mapping, Sequence
import json
import logging
import multiprocessing
from multiprocessing.connection import Connection
import os
from pathlib import Path
from random import Random
import signal
import sqlite3
import traceback
from types import SimpleNamespace
from typing import Any, ClassVar, cast, override

from custom_components.plexsync.engine.jobs.job import Priority
from custom_components.plexsync.engine.model.record import Record
from proofs.promises import Promises
from tests.rig import Rig, library
from tests.simulators.plex import PlexSimulator

from .figures import Figures
from .inquest import Findings, look
from .series import Series

ITEMS = 200
_DRAIN = 120.0  # seconds until everything that waits must have been written
# A process that has everything imported makes the lives: each would take a second.
_LIVES = multiprocessing.get_context("forkserver")
_LIVES.set_forkserver_preload([__name__, "proofs.kill9.home"])


class FileStore:
    """Keep the circuit in a file: written beside it, then put in its place."""

    def __init__(self, folder: Path) -> None:
        """Name the file."""
        self._path = folder / "circuit.json"

    async def load(self) -> dict[str, Any] | None:
        """Give what was saved last."""
        return json.loads(self._path.read_text()) if self._path.exists() else None

    async def save(self, data: dict[str, Any]) -> None:
        """Save, on a thread."""
        await asyncio.to_thread(self._write, json.dumps(data))

    def _write(self, text: str) -> None:
        beside = self._path.with_suffix(".new")
        beside.write_text(text)
        beside.replace(self._path)


async def _open(plex: PlexSimulator, folder: Path) -> Rig:
    """Open the engine as its host does."""
    rig = await Rig(plex, folder, store=FileStore(folder)).start(work=False)
    engine = rig.engine
    set_aside = engine.database.file.set_aside
    if engine.circuit_problem or set_aside or engine.ledger_identity.lost:
        raise RuntimeError(
            f"not as it was left: {engine.circuit_problem}, {set_aside},"
            f" ledger lost {engine.ledger_identity.lost}"
        )
    return rig


# -- in the process that is killed -----------------------------------------------------


def _live(says: Connection, url: str, folder: Path, *work: Any) -> None:
    """Work, and take in records, until somebody ends the process."""
    logging.basicConfig(filename=folder / "engine.log", level=logging.WARNING)
    plex = cast("PlexSimulator", SimpleNamespace(core=library(ITEMS).core, url=url))
    try:
        asyncio.run(_work(says, plex, folder, *work))
    except BaseException:  # noqa: BLE001  # whatever it is, the other side prints it
        says.send(("error", traceback.format_exc()[-3000:]))


async def _work(
    says: Connection,
    plex: PlexSimulator,
    folder: Path,
    promises: Promises,
    seed: float,
    statements: int | None,
) -> None:
    rig = await _open(plex, folder)
    says.send(("open",))
    if statements is not None:
        doom = iter(range(statements))

        def count(_text: str) -> None:
            if next(doom, None) is None:
                os.kill(os.getpid(), signal.SIGKILL)

        def trace(db: sqlite3.Connection) -> None:
            db.set_trace_callback(count)

        await rig.engine.database.run(trace)
    async with asyncio.TaskGroup() as group:
        group.create_task(rig.engine.run())
        group.create_task(_submit(rig, says, promises, Random(seed)))


async def _submit(
    rig: Rig, says: Connection, promises: Promises, random: Random
) -> None:
    """Hand over record after record; ``promises`` is this process's own copy."""
    # Few of them, so that much of it is about the same ones.
    keys = random.sample([*promises.keys], ITEMS // 5)
    late: list[tuple[str, int]] = []  # held back, so that they come after newer ones
    while True:
        chosen: dict[str, int] = {}
        for key in dict.fromkeys(random.choices(keys, k=random.choice((1, 2, 5, 20)))):
            revision = promises.keys[key].next
            promises.submit(key, revision)
            if random.random() < 0.1:
                late.append((key, revision))
            else:
                chosen[key] = revision
        if late and random.random() < 0.3:
            key, revision = late.pop(random.randrange(len(late)))
            chosen.setdefault(key, revision)
        if not chosen:
            continue
        says.send(("submits", chosen))
        await rig.submit(
            [promises.record(key, revision) for key, revision in chosen.items()],
            random.choice((Priority.INTERACTIVE, Priority.BULK)),
        )
        says.send(("promised", chosen))
        await asyncio.sleep(random.choice((0.0, 0.005, 0.02, 0.05)))


# -- in the process that kills ---------------------------------------------------------


class EngineSeries(Series):
    """Lives of the engine; each says what it promises once that has been answered."""

    longest, boot, overdue = 2.0, 0.3, 4.0
    moments: ClassVar[Mapping[str, int]] = {
        "time": 45,
        "start-up": 8,
        "answer": 14,
        "edit": 8,
        "statement": 25,
    }

    def __init__(self, seed: int, folder: Path, plex: PlexSimulator) -> None:
        """Begin with a library that nobody has touched."""
        films = plex.core.items.items()
        self._promises = Promises(
            seed, {f"scene:{key}": film.files[0] for key, film in films}
        )
        super().__init__(seed, folder, plex, self._promises)
        self._heard: Connection
        self._process: Any = None
        self._is_open = asyncio.Event()
        self._is_gone = asyncio.Event()

    @override
    async def start(self, moment: str) -> None:
        loop = asyncio.get_running_loop()
        self._is_open.clear()
        self._is_gone.clear()
        statements = self.random.randint(1, 2500) if moment == "statement" else None
        self._heard, says = _LIVES.Pipe(duplex=False)
        self._process = _LIVES.Process(
            target=_live,
            args=(
                *(says, self.plex.url, self.folder, self._promises),
                *(self.random.random(), statements),
            ),
        )
        self._process.start()
        says.close()
        loop.add_reader(self._heard.fileno(), self._hear)
        await self._is_open.wait()

    def _hear(self) -> None:
        """Hear what it says; what it said before its end is in the pipe."""
        try:
            while self._heard.poll():
                self._note(*self._heard.recv())
        except EOFError, OSError:
            asyncio.get_running_loop().remove_reader(self._heard.fileno())
            self._is_open.set()
            self._is_gone.set()

    def _note(self, what: str, said: Any = None) -> None:
        match what:
            case "open":
                self._is_open.set()
            case "submits":
                for key, revision in said.items():
                    self._promises.submit(key, revision)
            case "promised":
                for key, revision in said.items():
                    self._promises.answer(key, revision)
                self.answers += len(said)
                self.news.set()
            case _:
                self.figures.complaints.found.append(said)

    @override
    def work(self) -> Sequence[Coroutine[Any, Any, None]]:
        return ()

    @override
    async def until(self, moment: str) -> None:
        if moment == "statement":
            await self._is_gone.wait()
        else:
            await super().until(moment)

    @override
    def kill(self) -> None:
        self._process.kill()
        self._process.join()
        while not self._is_gone.is_set():
            self._hear()
        self._heard.close()
        self.figures.complaints.looked += 1
        if self._process.exitcode != -signal.SIGKILL:
            self.figures.complaints.found.append(
                f"a life ended by itself ({self._process.exitcode})"
            )

    @override
    def check_disk(self) -> None:
        self._look()

    def _look(self) -> Findings:
        found = look(self.folder / "engine.db")
        self.books.look(found, found.settled)
        return found

    @override
    async def drain(self, *, retry: bool) -> Mapping[str, str | None]:
        """Work until nothing is left to do, and compare all as every night does.

        A field that Plex refused once is left out of a job that is done, and the
        sweep brings it.
        """
        rig = await _open(self.plex, self.folder)
        if retry:
            await rig.engine.failed_jobs.retry()
        rig.work()

        async def done() -> None:
            while (await rig.engine.snapshot()).pending:
                await asyncio.sleep(0.05)

        async def pages() -> AsyncIterator[Sequence[Record]]:
            yield list(self._promises.newest())

        async with asyncio.timeout(_DRAIN):
            await done()
            await rig.engine.sweep.run(pages())
            await done()
        await rig.stop()
        return self._look().failed


async def run(seed: int, kills: int, folder: Path) -> Figures:
    """Run the series in a folder."""
    plex = library(ITEMS)
    plex.latency_read = plex.latency_write = 0.001
    async with plex:
        return await EngineSeries(seed, folder, plex).run(kills)
