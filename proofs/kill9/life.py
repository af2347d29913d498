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

from custom_components.plexsync.engine.breaker import Policy
from custom_components.plexsync.engine.database import Database
from custom_components.plexsync.engine.engine import SCHEMAS, Engine
from custom_components.plexsync.engine.job import Priority
from custom_components.plexsync.engine.ports import FetchedImage
from custom_components.plexsync.engine.record import Image, Record
from custom_components.plexsync.engine.retry import Backoff, RetryPolicy
from custom_components.plexsync.plex.deadlines import Deadlines
from custom_components.plexsync.plex.index import SCHEMA as INDEX_SCHEMA
from custom_components.plexsync.plex.server import PlexMediaServer
from proofs.file_store import FileStore
from proofs.forks import Say

from .stream import Promises

# The proportions of the real ones, a hundred times faster.
POLICY = Policy(first_delay=0.05, cap=0.4, refused=0.05, held=1)
RETRY = RetryPolicy(transient=Backoff(0.05, 0.5), missing=Backoff(0.05, 0.5))
DEADLINES = Deadlines(probe=0.5, read=0.5, listing=2, edit=0.5, upload=0.5)

# Bookkeeping of the proof itself, by SQLite and in the same transactions: nothing
# that the engine forgets to count can be missing here too.
PROOF_SCHEMA = """
CREATE TABLE IF NOT EXISTS proof (name TEXT PRIMARY KEY, number INTEGER NOT NULL) STRICT;
INSERT OR IGNORE INTO proof VALUES ('came', 0), ('went', 0), ('dropped', 0), ('settled', 0), ('failed', 0);
CREATE TRIGGER IF NOT EXISTS proof_came AFTER INSERT ON job
    BEGIN UPDATE proof SET number = number + 1 WHERE name = 'came'; END;
CREATE TRIGGER IF NOT EXISTS proof_went AFTER DELETE ON job
    BEGIN UPDATE proof SET number = number + 1 WHERE name = 'went'; END;
CREATE TRIGGER IF NOT EXISTS proof_dropped AFTER DELETE ON job WHEN old.leased IS NULL
    BEGIN UPDATE proof SET number = number + 1 WHERE name = 'dropped'; END;
CREATE TRIGGER IF NOT EXISTS proof_settled AFTER INSERT ON settled
    BEGIN UPDATE proof SET number = number + 1 WHERE name = 'settled'; END;
CREATE TRIGGER IF NOT EXISTS proof_settled_again AFTER UPDATE OF rating_key ON settled
    BEGIN UPDATE proof SET number = number + 1 WHERE name = 'settled'; END;
CREATE TRIGGER IF NOT EXISTS proof_failed AFTER UPDATE OF failed ON job
    WHEN old.failed = 0 AND new.failed = 1
    BEGIN UPDATE proof SET number = number + 1 WHERE name = 'failed'; END;
"""


@dataclass(frozen=True, slots=True)
class Place:
    """Where everything is."""

    folder: Path
    url: str
    token: str
    machine_id: str
    libraries: frozenset[str]

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


class NoImages:
    """No record of this proof has a picture."""

    async def fetch(
        self, source: str, image: Image, known: str | None, files: object = ()
    ) -> FetchedImage:
        """Give none."""
        return FetchedImage()


async def open_engine(place: Place, say: Say, doom: Doom) -> Engine:
    """Open the engine as its host does, and say in which state the circuit came back."""
    logging.basicConfig(filename=place.folder / "engine.log", level=logging.WARNING)
    database = Database(place.database, (*SCHEMAS, INDEX_SCHEMA, PROOF_SCHEMA))
    server = PlexMediaServer(
        place.url,
        place.token,
        client_id="proof",
        machine_id=place.machine_id,
        libraries=place.libraries,
        transactions=database,
        deadlines=DEADLINES,
    )

    def saved(data: dict[str, Any]) -> None:
        say(f"saved {data['breaker']['state']}")

    engine = Engine(
        database,
        server,
        NoImages(),
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
        await engine.upkeep.retry()
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
