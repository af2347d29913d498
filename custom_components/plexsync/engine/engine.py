"""One server's engine: queue, ledger, circuit and worker behind one door."""

import asyncio
from collections import OrderedDict
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    Awaitable,
    Callable,
    Iterable,
    Mapping,
    Sequence,
)
import contextlib
from dataclasses import dataclass, field
from random import Random
from sqlite3 import Connection
from typing import Any

from . import failed, intake, jobs_view, ledger, outages, queue, settled, stats
from .breaker import Permit, Policy, State
from .bulkheads import Bulkheads
from .circuit import BY_HAND, READING, Circuit, Hold, Listener
from .clock import Clock
from .contact import CircuitRefusedError, Contact
from .database import Database, StorageClosedError, StorageDamagedError
from .failed import Choice
from .health import Health
from .intake import Accepted
from .job import Job, Priority
from .jobs_view import JobInfo
from .judge import About, Judge, Purpose
from .look import Look, Sight, Tools
from .outages import Availability
from .pictures import known_digests
from .plan import Plan
from .ports import BreakerStore, Images, Item, Server
from .reconcile import Reconcile
from .record import Find, Outcome, Record
from .retry import Fault, FaultClass, RetryPolicy
from .undo import make_undo, missed
from .unforeseen import tell
from .upkeep import Fresh, Retried, Upkeep, nothing_newer
from .worker import Worker

_AGAIN = 5.0  # seconds before a task that broke is started again
_VOID = 60.0  # seconds; no read is used for that long

SCHEMAS = (queue.SCHEMA, ledger.SCHEMA, stats.SCHEMA)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything that is shown, at one moment.

    Times are seconds since the epoch, durations seconds, rates percent.
    """

    circuit: State
    holds: frozenset[Hold]
    reachable: bool | None
    pending: int
    failed: int
    oldest: float | None
    stalled: float  # since the worker last finished a job, while there is work due
    statistics: stats.Statistics
    next_probe: float | None
    outages: int
    last_outage: float | None
    mttr: float | None
    mtbf: float | None
    availability: Availability
    save_failed: bool
    storage_failed: bool
    failing: Mapping[str, float] = field(default_factory=dict)  # kinds of call, since
    reconcile: float | None = None  # progress in percent while one runs
    sources: Mapping[str, bool | None] = field(default_factory=dict)
    unreadable: Mapping[str, int] = field(default_factory=dict)  # records, by source
    out_of_sync: bool = False


@dataclass(frozen=True, slots=True)
class Receipt:
    """What submitting one record did; it is on disk."""

    accepted: Accepted
    job: int | None


@dataclass(frozen=True, slots=True)
class Preview:
    """The plan for one record; ``reason`` where there is none."""

    rating_key: str | None
    plan: Plan
    reason: str | None = None
    candidates: tuple[str, ...] = ()


class Engine:
    """Accept records and bring items into line, whatever happens in between."""

    def __init__(
        self,
        database: Database,
        server: Server,
        images: Images,
        *,
        name: str = "Plex",
        store: BreakerStore | None = None,
        clock: Clock | None = None,
        random: Random | None = None,
        policy: Policy | None = None,
        retry: RetryPolicy | None = None,
        fresh: Fresh = nothing_newer,
        listener: Listener | None = None,
    ) -> None:
        """Put the parts together; nothing is opened yet.

        The database has the tables of ``SCHEMAS``, and may have those of outer
        rings beside them. ``name`` tells several servers apart in the log.
        """
        self.clock = clock or Clock()
        self.database = database
        self._server = server
        self._listener = listener or (lambda event, data: None)
        self.random = random or Random()
        self.circuit = Circuit(
            clock=self.clock,
            random=self.random,
            name=name,
            store=store,
            policy=policy,
            listener=self._heard,
        )
        self.health = Health(self.circuit, self._probe, self.clock)
        self.bulkheads = Bulkheads(self.random)
        self._judge = Judge(self.circuit, self.health, self.bulkheads, self.clock)
        self._retry = retry or RetryPolicy()
        self._voided: OrderedDict[str, float] = OrderedDict()  # oldest first
        self._tools = Tools(
            database=self.database,
            server=server,
            images=images,
            clock=self.clock,
            random=self.random,
            retry=self._retry,
            bulkheads=self.bulkheads,
            voided=self._voided,
        )
        self.worker = Worker(
            self._tools, self.circuit, self.health, self._judge, self._done
        )
        self.upkeep = Upkeep(database, self.circuit, self.clock, fresh)
        self._waiting: dict[tuple[str, str], list[asyncio.Future[Outcome]]] = {}
        self._closed = False
        self.circuit_problem: str | None = None
        self.ledger_lost = False
        self.reconciling: Reconcile | None = None
        self._one_run = asyncio.Lock()

    # -- life ------------------------------------------------------------------

    async def open(self) -> None:
        """Open both stores. Raises StorageError when the database cannot be opened."""
        try:
            await self._open()
        except StorageDamagedError:
            await self._open()  # it was set aside

    async def _open(self) -> None:
        opening = asyncio.ensure_future(asyncio.to_thread(self.database.open))
        try:
            # A caller that is cancelled cannot stop the thread: it waits, and closes.
            await asyncio.shield(opening)
            await self.database.run(self._recover)
            self.circuit_problem = await self.circuit.load()
            await self._recognise_ledger()
            off = await self.setting("sync") == "off"
            self.circuit.hold(Hold.SWITCH, off)
        except BaseException:
            await asyncio.wait([opening])
            await asyncio.to_thread(self.database.close)
            raise

    def _recover(self, db: Connection) -> None:
        longest = self._retry.longest
        for _ in range(queue.recover(db, self.clock.steady(), longest)):
            stats.count(db, "failed")
            stats.settled(db, good=False, seconds=0.0)

    async def _recognise_ledger(self) -> None:
        """Hold writing when this is not the ledger that the circuit's store knows.

        Nor is it when it came back from a backup: then Plex is newer.
        """
        mine = await self.setting("ledger_id")
        known = self.circuit.ledger_id
        if self.database.restored or (known is not None and mine != known):
            self.ledger_lost = True
            self.circuit.hold(Hold.LEDGER, True)
        elif mine is None:
            await self.accept_ledger()
        elif known is None:
            self.circuit.ledger_id = mine
            await self.circuit.save()

    async def accept_ledger(self) -> None:
        """Go on with the ledger there is: what stands in Plex is adopted as found."""
        name = f"{self.random.getrandbits(64):016x}"

        def accept(db: Connection) -> None:
            stats.keep(db, "ledger_id", name)
            self.database.accept(db)

        await self.database.run(accept)
        self.circuit.ledger_id = name
        await self.circuit.save()
        self.ledger_lost = False
        self.circuit.hold(Hold.LEDGER, False)

    async def run(self) -> None:
        """Work and probe until cancelled."""
        async with asyncio.TaskGroup() as group:
            for work in (self.health.run, self.worker.run, self.upkeep.run):
                group.create_task(self._keep(work))

    async def _keep(self, work: Callable[[], Awaitable[None]]) -> None:
        """Keep one task running: what breaks it ends none of the others."""
        while True:
            try:
                await work()
            except Exception as error:  # noqa: BLE001  # a bug of ours; it is told
                tell(error)
            await asyncio.sleep(_AGAIN)

    async def close(self) -> None:
        """Close sockets, save, and close the database; ``run`` has been cancelled.

        Whoever waits for an outcome is told that it is queued: it is on disk.
        """
        self._closed = True
        for futures in self._waiting.values():
            for future in futures:
                if not future.done():
                    future.set_result(self._queued())
        await self._server.close()
        with contextlib.suppress(Exception):
            await self.database.run(queue.release_all)
        await self.circuit.save()
        await asyncio.to_thread(self.database.close)

    def _heard(self, event: str, data: dict[str, Any]) -> None:
        if event == "circuit_closed":
            self.upkeep.look()
        self._listener(event, data)

    async def _probe(self) -> None:
        await self._server.probe_process()
        await self._server.probe_database()

    # -- records ---------------------------------------------------------------

    async def submit(
        self,
        records: Iterable[Record],
        priority: Priority,
        *,
        cursor: tuple[str, str] | None = None,
    ) -> list[Receipt]:
        """Accept records; answers when they are on disk.

        ``cursor`` is (source, text) and moves in the same transaction. Raises
        StorageError, and then nothing was accepted.
        """
        accepted = list(records)

        def work(db: Connection) -> list[Receipt]:
            now = self.clock.steady()
            receipts = [
                Receipt(*intake.enqueue(db, record, priority, now))
                for record in accepted
            ]
            same = sum(receipt.accepted is Accepted.UNCHANGED for receipt in receipts)
            if same:
                stats.count(db, "unchanged", same)
            if cursor is not None:
                stats.keep(db, f"cursor:{cursor[0]}", cursor[1])
            return receipts

        receipts = await self.database.run(work)
        if any(receipt.job is not None for receipt in receipts):
            self.circuit.notify()
        elif receipts:
            self._listener("changed", {})
        return receipts

    async def wait_for(self, source: str, key: str, seconds: float) -> Outcome:
        """Wait for the outcome of a record's job, at most so long."""
        if self._closed:
            return self._queued()
        future: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault((source, key), []).append(future)
        try:
            async with asyncio.timeout(seconds):
                return await future
        except TimeoutError:
            return await self.status(source, key)
        finally:
            futures = self._waiting.get((source, key), [])
            if future in futures:
                futures.remove(future)
            if not futures:
                self._waiting.pop((source, key), None)

    async def status(self, source: str, key: str) -> Outcome:
        """Say where a record that was accepted stands."""
        try:
            info = await self.database.run(
                lambda db: jobs_view.find_job(db, source, key), durable=False
            )
        except StorageClosedError:
            return self._queued()
        if info is None:
            return Outcome("unchanged")
        if info.state == "failed":
            return Outcome("failed", info.reason)
        return Outcome("queued", info.reason or self.waiting_reason())

    def _queued(self) -> Outcome:
        return Outcome("queued", self.waiting_reason())

    def waiting_reason(self) -> str | None:
        """Say why nothing moves at the moment: held, circuit_open, or None."""
        if self.circuit.holds:
            return "held"
        if self.circuit.breaker.state is not State.CLOSED:
            return "circuit_open"
        return None

    def _done(self, job: Job, outcome: Outcome) -> None:
        if outcome.status != "queued":
            key = (job.record.source, job.record.key)
            for future in self._waiting.pop(key, []):
                if not future.done():
                    future.set_result(outcome)
        if outcome.status == "failed":
            # Title and path are for those that the owner lets see them, and for no log.
            self._listener(
                "item_failed",
                {
                    "job": job.id,
                    "reason": outcome.reason,
                    "title": job.record.fields.get("title"),
                    "path": next(iter(job.record.find.paths), None),
                },
            )
        self._listener("changed", {})

    def void(self, rating_key: str) -> None:
        """Note that somebody else changed an item: what was read of it is old."""
        now = self.clock.monotonic()
        self._voided[rating_key] = now
        self._voided.move_to_end(rating_key)
        while now - next(iter(self._voided.values())) > _VOID:
            self._voided.popitem(last=False)

    async def wake_missing(self) -> int:
        """Look again for every item that was not found; give how many jobs wait for one.

        Raises StorageError.
        """
        number = await self.database.run(
            lambda db: queue.wake(db, self.clock.steady(), "not_found"), durable=False
        )
        if number:
            self.circuit.notify()
        return number

    # -- by hand ---------------------------------------------------------------

    async def preview(self, record: Record) -> Preview:
        """Compute the plan for one record and write nothing. Raises Fault."""
        sight = Sight(record.find, record)

        def look_up(db: Connection) -> None:
            if pin := ledger.pinned(db, record.source, record.key):
                sight.find = Find(rating_key=pin)
            sight.images = known_digests(db, record)

        await self.database.run(look_up, durable=False)
        async with self._contact(READING) as contact:
            look = Look(self._tools, contact)
            await look.find([sight])
            if sight.item is not None:
                await look.plan([sight])
        if sight.fault is not None:
            raise sight.fault
        if sight.item is None:
            return Preview(None, Plan(), sight.reason, sight.candidates)
        return Preview(sight.item.rating_key, sight.plan)

    async def undo(self, find: Find) -> tuple[Item | None, list[str], dict[str, str]]:
        """Restore one item; give it, the restored fields, and why others stayed.

        Raises Fault, of class item with the reason of the match if none was found.
        """
        async with self._contact(BY_HAND) as contact:
            item = await self._find(contact, find)
            async with self._hand_on(item.rating_key):
                # Whoever had it in hand may have written to it.
                item = await self._find(contact, find)
                return await self._undo_item(contact, item)

    async def _find(self, contact: Contact, find: Find) -> Item:
        sight = Sight(find)
        await Look(self._tools, contact).find([sight])
        if sight.item is None:
            raise sight.fault or Fault(FaultClass.ITEM, sight.reason or "not_found")
        return sight.item

    @contextlib.asynccontextmanager
    async def _hand_on(self, rating_key: str) -> AsyncGenerator[None]:
        """Have an item for oneself: there is one writer at a time."""
        while rating_key in self._tools.in_hand:
            await asyncio.sleep(0.05)
        self._tools.in_hand.add(rating_key)
        try:
            yield
        finally:
            self._tools.in_hand.discard(rating_key)

    @contextlib.asynccontextmanager
    async def _contact(self, past: frozenset[Hold]) -> AsyncGenerator[Contact]:
        """Make calls that somebody waits for; a refusal becomes a Fault.

        After a start only the probe before the first call may be missing: it is made.
        """
        permit = self._admit(past)
        closed = self.circuit.breaker.state is State.CLOSED
        if permit is None and closed and not self.circuit.holds.difference(past):
            if not self.circuit.breaker.verified and not self._closed:
                await self.health.ask()
            permit = self._admit(past)
        contact = Contact(self.circuit, self.health, self._judge, permit, past)
        try:
            if permit is None:
                raise self._refusal(past)
            yield contact
        except CircuitRefusedError as error:
            raise self._refusal(past) from error
        except Fault as fault:
            if not self._closed:
                raise
            raise self._refusal(past) from fault  # it was we who broke the call off
        finally:
            await contact.finish()
            self.circuit.notify()

    def _admit(self, past: frozenset[Hold]) -> Permit | None:
        return None if self._closed else self.circuit.admit(past)

    def _refusal(self, past: frozenset[Hold]) -> Fault:
        if self._closed:
            return Fault(FaultClass.SERVER, "closed")
        held = self.circuit.holds.difference(past)
        return Fault(FaultClass.SERVER, "held" if held else "circuit_open")

    async def _undo_item(
        self, contact: Contact, read: Item
    ) -> tuple[Item | None, list[str], dict[str, str]]:
        key = read.rating_key
        rows = await self.database.run(lambda db: ledger.rows(db, read), durable=False)
        restores, kept = make_undo(read, rows)
        edits = [restore.edit for restore in restores if restore.edit is not None]
        if edits:
            about = About(Purpose.EDIT, key, read.section)
            await contact.call(lambda: self._server.edit(read, edits), about)
            items = await Look(self._tools, contact).read({key: read.section})
            # What did not arrive stays ours, and the undo can be asked for again.
            lacking = missed(restores, items.get(key) or read)
            kept |= dict.fromkeys(lacking, "not_kept")
            restores = [each for each in restores if each.field not in lacking]

        def let_go(db: Connection) -> None:
            tokens = {
                source: self._token(db, source, record_key)
                for source, record_key in ledger.keys_of(db, read)
            }
            for restore in restores:
                ledger.release(
                    db, read, restore.source, restore.field, tokens.get(restore.source)
                )

        await self.database.run(let_go)
        return read, sorted({restore.field for restore in restores}), kept

    @staticmethod
    def _token(db: Connection, source: str, key: str) -> str:
        """Name the record's revision that was undone."""
        return settled.token(db, source, key) or ""

    async def undo_since(self, since: float) -> tuple[int, int, dict[str, int]]:
        """Restore every item written since then; count items, fields, and what stayed."""
        keys = await self.database.run(lambda db: ledger.written_since(db, since))
        items = fields = 0
        reasons: dict[str, int] = {}
        for key in keys:
            try:
                _, restored, kept = await self.undo(Find(rating_key=key))
            except Fault as fault:
                if fault.kind is not FaultClass.ITEM:
                    raise
                reasons[fault.reason] = reasons.get(fault.reason, 0) + 1
                continue
            items += bool(restored)
            fields += len(restored)
            for reason in kept.values():
                reasons[reason] = reasons.get(reason, 0) + 1
        return items, fields, reasons

    async def pin(self, source: str, key: str, rating_key: str | None) -> None:
        """Tie a record to one item by hand, or untie it."""

        def work(db: Connection) -> None:
            ledger.pin(db, source, key, rating_key)
            settled.forget(db, source, key)
            if info := jobs_view.find_job(db, source, key):
                failed.retry(db, Choice(ids=[info.id]), self.clock.steady())

        await self.database.run(work)
        self.circuit.notify()

    async def jobs(self, **filters: Any) -> tuple[list[JobInfo], int]:
        """Give one page of jobs and how many there are; see ``jobs_view.listing``."""
        why = self.waiting_reason()
        return await self.database.run(
            lambda db: jobs_view.listing(db, unsaid=why, **filters), durable=False
        )

    async def job_reasons(self) -> dict[str, int]:
        """Count the jobs that have a reason, by state and reason."""
        return await self.database.run(jobs_view.reasons, durable=False)

    async def retry_failed(
        self, reason: str | None = None, ids: Sequence[int] | None = None
    ) -> Retried:
        """Make failed jobs ready again, with what their sources say of them now."""
        return await self.upkeep.retry(Choice(reason, ids))

    async def discard_failed(
        self, reason: str | None = None, ids: Sequence[int] | None = None
    ) -> int:
        """Drop failed jobs; give how many."""
        choice = Choice(reason, ids)
        number = await self.database.run(lambda db: failed.discard(db, choice))
        self.circuit.notify()
        return number

    async def switch(self, on: bool) -> None:
        """Switch syncing on or off; kept on disk before it takes effect."""
        await self.keep("sync", "on" if on else "off")
        self.circuit.hold(Hold.SWITCH, not on)

    # -- sources ---------------------------------------------------------------

    async def cursor(self, source: str) -> str | None:
        """Give where a source was read up to."""
        return await self.setting(f"cursor:{source}")

    async def remove_source(self, source: str) -> int:
        """Discard a source's jobs, release its ownership; give how many jobs."""

        def work(db: Connection) -> int:
            ledger.release_source(db, source)
            for mark in ("cursor", "settings", "retry"):
                stats.keep(db, f"{mark}:{source}", None)
            return queue.discard_source(db, source, self.clock.steady())

        number = await self.database.run(work)
        self.circuit.notify()
        return number

    async def reconcile(
        self,
        records: AsyncIterable[Sequence[Record]],
        *,
        enqueue: bool = True,
        total: int | None = None,
        left_out: Callable[[], int] = lambda: 0,
    ) -> dict[str, int]:
        """Compare records with Plex; give counts by kind (see ``Reconcile``).

        One run at a time: a second one waits for the first. ``left_out`` says at the end
        how many sources could not be read. Raises what reading the records does.
        """
        async with self._one_run:
            began = self.clock.monotonic()
            self.reconciling = Reconcile(
                self._tools,
                self.circuit,
                lambda: self._contact(READING),
                enqueue=enqueue,
                total=total,
            )
            self._listener("changed", {})
            try:
                counts = dict(await self.reconciling.run(records))
            finally:
                self.reconciling = None
                self._listener("changed", {})
        duration = round(self.clock.monotonic() - began, 1)
        self._listener(
            "reconcile_finished",
            counts | {"duration": duration, "sources_away": left_out()},
        )
        return counts

    async def setting(self, name: str) -> str | None:
        """Read one setting."""
        return await self.database.run(
            lambda db: stats.setting(db, name), durable=False
        )

    async def keep(self, name: str, value: str | None) -> None:
        """Write one setting."""
        await self.database.run(lambda db: stats.keep(db, name, value))

    # -- what is shown -----------------------------------------------------------

    def _stalled(self, due: float | None) -> float:
        """Say for how long the worker has had work and finished none of it."""
        if due is None:
            return 0.0
        idle = self.clock.monotonic() - self.worker.progress_at
        return max(0.0, min(idle, self.clock.steady() - due))

    async def snapshot(self) -> Snapshot:
        """Describe the moment. Raises StorageError."""

        def work(
            db: Connection,
        ) -> tuple[jobs_view.Counts, stats.Statistics, float | None]:
            return jobs_view.counts(db), stats.read(db), queue.next_due(db)

        counts, statistics, due = await self.database.run(work, durable=False)
        wall, log = self.clock.wall(), self.circuit.outages
        return Snapshot(
            circuit=self.circuit.breaker.state,
            holds=frozenset(self.circuit.holds),
            reachable=self.circuit.reachable,
            pending=counts.pending,
            failed=counts.failed,
            oldest=counts.oldest,
            stalled=self._stalled(due),
            statistics=statistics,
            next_probe=self.circuit.next_probe(),
            outages=log.count,
            last_outage=log.outages[-1].start if log.outages else None,
            mttr=log.mttr(wall),
            mtbf=log.mtbf(wall),
            availability=log.availability(wall, 30 * outages.DAY),
            save_failed=self.circuit.save_failed,
            storage_failed=self.worker.storage_failed,
            failing=self.bulkheads.failing(),
            reconcile=self.reconciling.progress if self.reconciling else None,
        )
