"""One life of the process that is killed: the real engine at work, saying what it promises."""

import asyncio
from collections.abc import AsyncIterator, Sequence
import contextlib
from dataclasses import dataclass
import logging
import os
from pathlib import Path
from random import Random
import signal
import sqlite3
from typing import Any

from custom_components.plexsync.engine.circuit.breaker import Policy
from custom_components.plexsync.engine.database.database import Database
from custom_components.plexsync.engine.engine import Engine
from custom_components.plexsync.engine.jobs.job import Priority
from custom_components.plexsync.engine.layout import LAYOUT
from custom_components.plexsync.engine.model.faults import Backoff, RetryPolicy
from custom_components.plexsync.engine.model.record import Record
from custom_components.plexsync.plex.deadlines import Deadlines
from custom_components.plexsync.plex.index import SCHEMA as INDEX_SCHEMA
from proofs.file_store import FileStore
from proofs.forks import Say
from proofs.promises import Promises
from tests.rig import Gallery, server_of
from tests.simulators.plex import PlexCore

# The proportions of the real ones, a hundred times faster.
POLICY = Policy(first_delay=0.05, cap=0.4, refused=0.05, held=1)
RETRY = RetryPolicy(transient=Backoff(0.05, 0.5), missing=Backoff(0.05, 0.5))
DEADLINES = Deadlines(probe=0.5, read=0.5, listing=2, edit=0.5, upload=0.5)


@dataclass(frozen=True, slots=True)
class Place:
    """Where everything is; ``core`` is as the simulated Plex was in the beginning."""

    folder: Path
    url: str
    core: PlexCore

    @property
    def database(self) -> Path:
        """The engine's database."""
        return self.folder / "engine.db"

    @property
    def store(self) -> Path:
        """The circuit's file."""
        return self.folder / "circuit.json"


@dataclass(slots=True)
class Doom:
    """The statement, or the step of a save, before which the process ends itself."""

    statements: int | None = None
    steps: int | None = None

    def statement(self, _text: str) -> None:
        """Count one statement."""
        self.statements = _count_down(self.statements)

    def step(self) -> None:
        """Count one step of a save."""
        self.steps = _count_down(self.steps)


def _count_down(left: int | None) -> int | None:
    if left is not None and left <= 1:
        os.kill(os.getpid(), signal.SIGKILL)
    return None if left is None else left - 1


async def open_engine(place: Place, say: Say, doom: Doom) -> Engine:
    """Open the engine as its host does, and say in which state the circuit came back."""
    logging.basicConfig(filename=place.folder / "engine.log", level=logging.WARNING)
    database = Database(place.database, LAYOUT.beside(INDEX_SCHEMA))
    server = server_of(place.core, place.url, database, deadlines=DEADLINES)

    def saved(data: dict[str, Any]) -> None:
        say(f"saved {data['breaker']['state']}")

    engine = Engine(
        database,
        server,
        Gallery(),
        store=FileStore(place.store, step=doom.step, saved=saved),
        policy=POLICY,
        retry=RETRY,
    )
    await engine.open()
    if engine.circuit_problem or database.set_aside or engine.ledger_identity.lost:
        raise RuntimeError(
            f"not as it was left: {engine.circuit_problem}, "
            f"{database.set_aside}, ledger lost {engine.ledger_identity.lost}"
        )
    breaker = engine.circuit.breaker
    say(f"loaded {breaker.state} {breaker.step} {breaker.generation}")
    if doom.statements is not None:

        def trace(db: sqlite3.Connection) -> None:
            db.set_trace_callback(doom.statement)

        await database.run(trace)
    return engine


async def work_and_submit(
    place: Place, say: Say, *, doom: Doom, promises: Promises, random: Random
) -> None:
    """Work, and take in records, until somebody ends the process."""
    engine = await open_engine(place, say, doom)
    async with asyncio.TaskGroup() as group:
        group.create_task(engine.run())
        group.create_task(_submit(engine, say, promises, random))


async def _submit(engine: Engine, say: Say, promises: Promises, random: Random) -> None:
    """Hand over record after record; ``promises`` is this process's own copy."""
    keys = list(promises.keys)
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
        said = [f"{key} {revision}" for key, revision in chosen.items()]
        say("\n".join(f"submits {each}" for each in said))
        await engine.submit(
            [promises.record(key, revision) for key, revision in chosen.items()],
            random.choice((Priority.INTERACTIVE, Priority.BULK)),
        )
        say("\n".join(f"promised {each}" for each in said))
        await asyncio.sleep(random.choice((0.0, 0.005, 0.02, 0.05)))


async def drain(
    place: Place,
    say: Say,
    records: Sequence[Record],
    *,
    retry: bool,
    seconds: float,
) -> None:
    """Work until nothing is left to do; with ``retry`` on what had failed, too.

    Then compare the ``records`` as every night does: a field that Plex refused once
    is left out of a job that is done, and the sweep brings it.
    """
    engine = await open_engine(place, say, Doom())
    if retry:
        await engine.failed_jobs.retry()
    working = asyncio.create_task(engine.run())

    async def done() -> None:
        while (await engine.snapshot()).pending:
            if working.done():
                await working
            await asyncio.sleep(0.05)

    async def pages() -> AsyncIterator[Sequence[Record]]:
        yield records

    async with asyncio.timeout(seconds):
        await done()
        await engine.sweep.run(pages())
        await done()
    working.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await working
    await engine.close()
