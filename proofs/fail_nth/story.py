"""One story in which everything happens that goes to the disk, in virtual time."""

import asyncio
from collections.abc import Awaitable, Callable
import json
from pathlib import Path
from random import Random
import sqlite3
from typing import Any, override

from custom_components.plexsync.engine.circuit.breaker import State
from custom_components.plexsync.engine.database.database import Database, StorageError
from custom_components.plexsync.engine.engine import Engine
from custom_components.plexsync.engine.jobs.failed_rows import Choice
from custom_components.plexsync.engine.jobs.job import Priority
from custom_components.plexsync.engine.layout import LAYOUT
from custom_components.plexsync.engine.model.events import CircuitMoved, Event
from custom_components.plexsync.engine.model.holds import Hold
from custom_components.plexsync.engine.model.record import (
    Actor,
    Find,
    Image,
    Record,
    Value,
)
from custom_components.plexsync.engine.util.clock import Clock
from custom_components.plexsync.plex.index import SCHEMA as INDEX_SCHEMA
from proofs.edge import Trouble, Way
from tests.rig import Gallery
from tests.simulators.plex import PlexCore
from tests.simulators.plex.library import synthetic
from tests.simulators.plex.messages import Request
from tests.simulators.plex.snapshot import item_state
from tests.wire import Network, Observer, VirtualServer

from .books import PROOF_SCHEMA, Books, portrait

_EPOCH = 1_800_000_000.0  # what the clocks show when the story begins
_LOOK = 0.5  # virtual seconds between two looks
_LONGEST = 4 * 3600.0  # virtual seconds that anything may take
_AGAIN = 5.0  # virtual seconds until a host asks once more
_TIMES = 3
FILMS = 8


class NeverError(Exception):
    """What was waited for did not come."""


class World(Observer):
    """One engine on one folder, a Plex beside it, and hosts that ask again."""

    def __init__(self, folder: Path, trouble: Trouble) -> None:
        """Take where the files are, and what will fail."""
        self.trouble = trouble
        self.books = Books()
        self.wrong: list[str] = []
        self.events: list[str] = []  # of the circuit
        self.storage_errors = 0
        self.engine: Engine
        trouble.committed = self._look
        self._changes = -1  # rows changed, as of the last look
        self._database = folder / "engine.db"
        self.store = _Store(trouble)
        self._now = asyncio.get_running_loop().time
        self.core = PlexCore(clock=self._wall)
        self.section = synthetic(self.core, FILMS)
        self.network = Network(self.core, self)
        self.faults = self.network.faults
        self.requests = 0  # that left for Plex
        # Hears of each write that Plex did.
        self.written: Callable[[], object] = lambda: None
        self.gallery = Gallery()
        self._task: asyncio.Task[None] | None = None

    def _wall(self) -> float:
        return _EPOCH + self._now()

    def _look(self, db: sqlite3.Connection) -> None:
        if db.total_changes != self._changes:
            self._changes = db.total_changes
            self.wrong += self.books.look(db)

    # -- a life ------------------------------------------------------------------

    async def start(self) -> None:
        """Open the engine, as often as it takes, and let it work."""

        async def open_once() -> None:
            self.engine = self._make()
            try:
                await self.engine.open()
            except StorageError:
                await self._server.close()
                raise

        await self.ask(open_once)
        self._task = asyncio.create_task(self.engine.run())

    def _make(self) -> Engine:
        clock = Clock(self._now, self._wall)
        database = Database(
            self._database,
            LAYOUT.beside(INDEX_SCHEMA, PROOF_SCHEMA),
            inline=True,
            connect=self.trouble.connect,
        )
        self._server = VirtualServer(self.network, database, monotonic=self._now)
        return Engine(
            database,
            self._server,
            self.gallery,
            store=self.store,
            clock=clock,
            random=Random(1),
            tell=self._heard,
        )

    def _heard(self, event: Event) -> None:
        if isinstance(event, CircuitMoved):
            self.events.append(type(event).__name__)

    async def stop(self) -> None:
        """Stop as an unload does."""
        assert self._task is not None
        if self._task.done():
            self.wrong.append(f"a task ended: {self._task.exception()!r}")
        self._task.cancel()
        await asyncio.wait({self._task})
        await self.engine.close()

    # -- what hosts do -------------------------------------------------------------

    async def ask[T](self, work: Callable[[], Awaitable[T]]) -> T:
        """Ask, and ask again when the disk was in the way."""
        for _ in range(_TIMES):
            try:
                return await work()
            except StorageError:
                self.storage_errors += 1
                await asyncio.sleep(_AGAIN)
        return await work()

    async def submit(
        self, *records: Record, cursor: tuple[str, str] | None = None
    ) -> None:
        """Hand over records, and note what was answered."""
        if cursor is not None:
            self.books.pages[cursor[1]] = list(records)

        async def hand_over() -> None:
            try:
                receipts = await self.engine.submit(
                    records, Priority.BULK, cursor=cursor
                )
            except StorageError:
                if self.trouble.way is Way.COMMIT_DONE:
                    self.books.unheard += len(records)
                raise
            jobs = [receipt.job for receipt in receipts]
            self.books.answered(records, jobs, counted=cursor is None)

        await self.ask(hand_over)

    async def until(self, what: str, holds: Callable[[], Any]) -> None:
        """Wait until something holds."""
        end = self._now() + _LONGEST
        while not holds():
            if self._now() > end:
                raise NeverError(what)
            await asyncio.sleep(_LOOK)

    async def drained(self, waiting: int = 0) -> None:
        """Wait until no job is left but so many that wait, and failed ones."""

        def done() -> bool:
            with self.trouble.looking() as db:
                left = db.execute(
                    "SELECT count(*), sum(reason IS NULL) FROM job WHERE failed = 0"
                ).fetchone()
            return left[0] == waiting and not left[1]

        await self.until("an empty queue", done)

    async def state(self, state: State) -> None:
        """Wait for a state of the circuit."""
        await self.until(state, lambda: self.engine.circuit.breaker.state is state)

    # -- the wire's observer ---------------------------------------------------------

    @override
    def sends(self, request: Request, *, probe: bool) -> None:
        self.requests += 1

    @override
    def applied(self, request: Request, left: float) -> None:
        self.written()

    # -- Plex ------------------------------------------------------------------------

    def path(self, number: int) -> str:
        """Name the file of the n-th film, there or not."""
        title, year = f"Movie {number:05d}", 1950 + (number - 1) % 75
        return f"/data/movies/{title} ({year})/{title} ({year}).mkv"

    def record(
        self, number: int, revision: int, source: str = "stash", **fields: Value | None
    ) -> Record:
        """Make a record of the n-th film: a mirror's whole view, or only these fields."""
        given = fields or {
            "title": f"Title {revision} of {number}",
            "genres": ("Drama", f"Genre {revision}"),
        }
        find = Find((self.path(number),))
        return Record(
            source, f"scene:{number}", find, given, revision, mirror=not fields
        )

    def portrait(self) -> dict[str, Any]:
        """Give what is left in the end, without times."""
        with self.trouble.looking() as db:
            self.wrong += self.books.look(db) + self.books.unchanged(db)
            (integrity,) = db.execute("PRAGMA integrity_check").fetchone()
            found: dict[str, Any] = portrait(db) | {"integrity": integrity}
        circuit = self.engine.circuit
        found["circuit"] = [
            self.events,
            circuit.breaker.state,
            [
                (each.cause, each.reopened, each.ended_by)
                for each in circuit.outages.outages
            ],
        ]
        found["plex"] = [_lasting(item) for item in self.core.items.values()]
        return found


def _lasting(item: Any) -> dict[str, Any]:
    """Give what an item holds, without times."""
    state = item_state(item)
    for name in ("addedAt", "updatedAt"):
        state["values"].pop(name, None)
    return state


class _Store:
    """Keep the circuit as text; a save may fail before it is there, or behind that."""

    def __init__(self, trouble: Trouble) -> None:
        self.text = "null"
        self._trouble = trouble

    async def load(self) -> dict[str, Any] | None:
        found: dict[str, Any] | None = json.loads(self.text)
        return found

    async def save(self, data: dict[str, Any]) -> None:
        self._trouble.step()
        self.text = json.dumps(data)
        self._trouble.step()


async def tell(folder: Path, trouble: Trouble) -> tuple[World, dict[str, Any]]:
    """Tell the story; give the world and what is left in the end."""
    world = World(folder, trouble)
    await world.start()
    await _coalesce(world)
    await _meet_faults(world)
    await _outlive_an_outage(world)
    await _serve_by_hand(world)
    await _remove_a_source(world)
    await _be_copied(world)
    await world.stop()
    await _lose_the_ledger(world)
    found = world.portrait()
    await world.stop()
    return world, found


async def _coalesce(world: World) -> None:
    """Let records wait together, one come in mid-flight, and one be known already."""
    record, engine = world.record, world.engine
    await world.ask(lambda: engine.switch(False))
    first = record(
        1,
        1,
        title="First",
        collections=("Set",),
        actors=(Actor("Ann Example", "Herself"),),
        poster=Image("poster", "a"),
    )
    twins = Record(
        "stash", "scene:twins", Find(guids=("imdb://twins",)), {"title": "Twins"}, 1
    )
    gone = Record(
        "stash", "scene:gone", Find(guids=("imdb://twins",)), {"title": "Gone"}, 1
    )
    for name in "AB":
        world.core.add_item(
            world.section,
            name,
            file=f"/data/movies/{name}.mkv",
            guids=("imdb://twins",),
        )
    await world.submit(
        first,
        record(2, 1),
        record(3, 1),
        record(FILMS + 1, 1, title="Late"),
        twins,
        gone,
        cursor=("stash", "one"),
    )
    await world.submit(
        record(1, 2, title="Second"), record(2, 1), cursor=("stash", "two")
    )
    later: list[asyncio.Task[None]] = []

    def written() -> None:
        if not later:
            later.append(asyncio.create_task(world.submit(record(3, 2), record(2, 2))))

    world.written = written
    await world.ask(lambda: engine.switch(True))
    await world.until("a write", lambda: later)
    await later[0]
    await world.drained(waiting=1)
    await world.submit(record(2, 2), record(3, 1))  # known, and older
    await world.drained(waiting=1)


async def _meet_faults(world: World) -> None:
    """Try a job again, find an item late, let failed jobs fail again or go."""
    world.faults.add("status", code=500, method="PUT", times=1)
    await world.submit(world.record(4, 1))
    await world.drained(waiting=1)
    world.core.add_item(world.section, "Late", file=world.path(FILMS + 1))
    await world.ask(lambda: world.engine.arrivals.came([]))
    await world.drained()
    await world.ask(world.engine.failed_jobs.retry)
    await world.drained()
    jobs, _ = await world.ask(lambda: world.engine.job_status.jobs(state="failed"))
    ids = [job.id for job in jobs if job.key == "scene:gone"]
    world.books.dropped("stash", "scene:gone")
    await world.ask(lambda: world.engine.failed_jobs.discard(Choice(ids=ids)))


async def _outlive_an_outage(world: World) -> None:
    """Take work in while Plex is away, and do it when it is back."""
    world.faults.add("refuse")
    world.network.cut()
    await world.submit(*(world.record(number, 3) for number in (1, 2, 5, 6, 7)))
    await world.state(State.OPEN)
    await asyncio.sleep(120)
    await world.submit(world.record(8, 1))
    world.faults.clear()
    await world.state(State.CLOSED)
    await world.drained()
    await world.ask(world.engine.snapshot)


async def _serve_by_hand(world: World) -> None:
    """Undo, pin, and compare all with Plex, where somebody else has been."""
    engine, record = world.engine, world.record
    undone = Find((world.path(2),))
    await world.ask(lambda: engine.undoing.undo(undone))
    twin = world.core.find("/data/movies/A.mkv").rating_key
    await world.ask(lambda: engine.on_demand.pin("stash", "scene:twins", str(twin)))
    await world.drained()
    item = world.core.find(world.path(6))
    world.core.edit_by_person(item.rating_key, lock=False, title="By hand")

    async def records() -> Any:
        yield [record(1, 3), record(2, 3), record(6, 3)]

    await world.ask(lambda: engine.sweep.run(records(), total=3))
    await world.drained()


async def _remove_a_source(world: World) -> None:
    """Let a second source write and wait, and take it away."""
    engine, record = world.engine, world.record
    await world.submit(
        record(5, 1, "other", tagline="Other"), cursor=("other", "other")
    )
    await world.drained()
    await world.ask(lambda: engine.switch(False))
    await world.submit(record(6, 1, "other", tagline="Other"))
    world.books.dropped("other")
    await world.ask(lambda: engine.remove_source("other"))
    await world.ask(lambda: engine.switch(True))


async def _be_copied(world: World) -> None:
    """Work on during a backup, which nothing stops."""
    database = world.engine.database
    try:
        await database.freeze(0.0)
    except StorageError:
        world.storage_errors += 1  # the backup is less good, no more
    await world.submit(world.record(1, 4))
    await world.drained()
    await world.ask(database.thaw)


async def _lose_the_ledger(world: World) -> None:
    """Hold writing for a ledger that the circuit's file does not know."""
    world.store.text = json.dumps(
        json.loads(world.store.text) | {"ledger_id": "another"}
    )
    await world.start()
    if world.engine.circuit.holds != {Hold.LEDGER}:
        world.wrong.append(f"held by {world.engine.circuit.holds}")
    requests = world.requests
    await world.submit(world.record(7, 4))
    await asyncio.sleep(60)
    if world.requests != requests:
        world.wrong.append("Plex was asked although the ledger is in doubt")
    await world.ask(world.engine.ledger_identity.accept)
    await world.drained()
