"""One server's engine: queue, ledger, circuit and worker behind one door."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
import contextlib
from random import Random
from sqlite3 import Connection

from .arrivals import Arrivals
from .calls.admission import Admission
from .calls.bulkheads import Bulkheads
from .calls.judge import Judge
from .circuit.breaker import Policy
from .circuit.circuit import Circuit
from .circuit.health import Health
from .database import stats
from .database.database import Database, StorageDamagedError
from .database.notes import Notes
from .history import history
from .history.history import WriteHistory
from .history.view import HistoryView
from .jobs import blocked, dropping, leases, queue, skipped, submissions
from .jobs.failed_jobs import FailedJobs
from .jobs.gone_records import GoneRecords
from .jobs.job import Priority
from .jobs.job_status import JobStatus
from .jobs.next_source import NextSources
from .jobs.outcomes import Outcomes
from .jobs.source_holds import SourceHolds
from .jobs.submissions import Receipt
from .ledger.identity import LedgerIdentity
from .look.common import Common
from .model.events import (
    CircuitClosed,
    Event,
    HoldChanged,
    SourceHoldChanged,
    Tell,
    nobody_listens,
)
from .model.faults import RetryPolicy
from .model.holds import Hold
from .model.ports import (
    BreakerStore,
    Fresh,
    Images,
    Server,
    WantsScan,
    nobody_does,
    nothing_newer,
)
from .model.record import Record
from .on_demand import OnDemand
from .plex_notices import PlexNotices
from .review import Review
from .scans import Scans
from .snapshot import Snapshot, take_snapshot
from .sweep.sweep import Sweep
from .undo.undo_runs import UndoRuns
from .undo.undoing import Undoing
from .util.clock import Clock
from .util.unforeseen import tell as tell_unforeseen
from .worker.worker import Worker

_AGAIN = 5.0  # seconds before a task that broke is started again


class Engine:
    """Accept records and bring items into line, whatever happens in between.

    What else there is to ask for or to see has a part of its own: ``on_demand``,
    ``sweep``, ``gone_records``, ``job_status``, ``failed_jobs``, ``circuit`` and so on.
    """

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
        wants_scan: WantsScan = nobody_does,
        tell: Tell = nobody_listens,
        keep_history: int = history.KEEP_DAYS,
    ) -> None:
        """Put the parts together; nothing is opened yet.

        The database is laid out as ``LAYOUT`` says, and may have tables of outer
        rings besides. ``name`` tells several servers apart in the log;
        ``keep_history`` is in days.
        """
        self.clock = clock = clock or Clock()
        self.random = random = random or Random()
        self.database = database
        self._host = tell
        self.circuit = circuit = Circuit(
            clock=clock,
            random=random,
            name=name,
            store=store,
            policy=policy,
            tell=self._tell,
        )
        self.health = Health(circuit, self._probe, clock)
        self.bulkheads = Bulkheads(random)
        self.plex_notices = PlexNotices(clock)
        self.source_holds = SourceHolds(database, circuit, clock, self._tell)
        self.next_sources = NextSources(database, circuit, clock, fresh)
        self.history = HistoryView(database)
        self.common = Common(
            database=database,
            server=server,
            images=images,
            clock=clock,
            random=random,
            retry=retry or RetryPolicy(),
            bulkheads=self.bulkheads,
            voided=self.plex_notices.voided,
            next_sources=self.next_sources,
            history=WriteHistory(database, clock, keep_history),
            fresh=fresh,
            is_held=self.source_holds.is_held,
        )
        self.notes = Notes(database)
        self.ledger_identity = LedgerIdentity(database, self.notes, circuit, random)
        self.circuit_problem: str | None = None
        self._join(wants_scan)

    def _join(self, wants_scan: WantsScan) -> None:
        """Create the parts that work with those that are shared."""
        common, circuit, health = self.common, self.circuit, self.health
        judge = Judge(circuit, health, self.bulkheads, self.clock)
        self.job_status = JobStatus(self.database, circuit, self.source_holds)
        self.outcomes = Outcomes(self.job_status, self._tell)
        self.admission = Admission(circuit, health, judge)
        self.scans = Scans(common, circuit, self.admission, wants_scan)
        self.worker = Worker(
            common, circuit, health, judge, self.outcomes.done, self.scans.missed
        )
        self.failed_jobs = FailedJobs(self.database, circuit, self.clock, common.fresh)
        self.on_demand = OnDemand(common, circuit, self.admission)
        self.review = Review(common, circuit, self.admission)
        self.undoing = Undoing(common, self.admission)
        self.undo_runs = UndoRuns(self.database, self.undoing)
        self.arrivals = Arrivals(common, circuit, self.admission)
        self.gone_records = GoneRecords(
            self.database,
            circuit,
            common.fresh,
            self.source_holds,
            self.next_sources,
            self.undo_runs.look,
        )
        self.sweep = Sweep(common, circuit, self.admission, self._tell)

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
            self.bulkheads.in_doubt.update(await self.database.run(self._recover))
            self.circuit_problem = await self.circuit.load()
            await self.ledger_identity.recognise()
            await self.source_holds.load()
            off = await self.notes.get("sync") == "off"
            self.circuit.hold(Hold.SWITCH, off)
        except BaseException:
            await asyncio.wait([opening])
            await asyncio.to_thread(self.database.close)
            raise

    def _recover(self, db: Connection) -> list[str]:
        """Make jobs ready again; return the kinds and groups of call that failed for some."""
        doubted = [*blocked.waited_for(db), *blocked.failing_groups(db)]
        lost = queue.recover(db, self.clock.steady(), self.common.retry.longest)
        stats.count(db, "failed", lost)
        stats.note_ended(db, [False] * lost, 0.0)
        skipped.clear_failed(db)
        return doubted

    async def run(self) -> None:
        """Work and probe until cancelled."""
        async with asyncio.TaskGroup() as group:
            for work in (
                self.health.run,
                self.worker.run,
                self.failed_jobs.run,
                self.undo_runs.run,
                self.next_sources.run,
                self.scans.run,
                self.common.history.run,
            ):
                group.create_task(self._keep(work))

    async def _keep(self, work: Callable[[], Awaitable[None]]) -> None:
        """Keep one task running: what breaks it ends none of the others."""
        while True:
            try:
                await work()
            except Exception as error:  # noqa: BLE001  # a bug of ours; it is told
                tell_unforeseen(error)
            await asyncio.sleep(_AGAIN)

    async def close(self) -> None:
        """Close sockets, save, and close the database; ``run`` has been cancelled.

        Whoever waits for an outcome is told that it is queued: it is on disk.
        """
        self.admission.close()
        self.outcomes.close()
        await self.common.server.close()
        with contextlib.suppress(Exception):
            await self.database.run(leases.end_all)
        await self.circuit.save()
        await asyncio.to_thread(self.database.close)

    def _tell(self, event: Event) -> None:
        if isinstance(event, CircuitClosed):
            self.failed_jobs.look()
        if isinstance(event, CircuitClosed | HoldChanged | SourceHoldChanged):
            self.undo_runs.look()
        self._host(event)

    async def _probe(self) -> None:
        await self.common.server.probe_process()
        await self.common.server.probe_database()

    # -- the door ----------------------------------------------------------------

    async def submit(
        self,
        records: Iterable[Record],
        priority: Priority,
        *,
        cursor: tuple[str, str] | None = None,
        withheld: Sequence[str] = (),
    ) -> list[Receipt]:
        """Accept records; answers when they are on disk.

        ``cursor`` is (source, text) and moves in the same transaction; ``withheld``
        are keys of records that the same source does not send any more. Raises
        StorageError, and then nothing was accepted.
        """
        accepted = list(records)
        return await self.database.run(
            lambda db: submissions.take_in(
                db, accepted, priority, self.clock.steady(), cursor, withheld
            ),
            then=self.circuit.notify if accepted or withheld else None,
        )

    async def withhold(self, source: str, keys: Sequence[str], asked: float) -> None:
        """Drop what waits of records that their source, when ``asked``, did not send.

        Raises StorageError.
        """
        await self.database.run(
            lambda db: dropping.withhold(db, source, keys, self.clock.steady(), asked),
            then=self.circuit.notify,
        )

    async def recognise(
        self, source: str, identity: str, *, read_again: bool = True
    ) -> None:
        """Let a source that was removed and added again be the same source again.

        With ``read_again`` one that has moved is read from its beginning.
        """
        await self.database.run(
            lambda db: submissions.recognise(
                db, source, identity, read_again=read_again
            )
        )

    async def remove_source(self, source: str) -> int:
        """Discard a source's jobs, release its ownership; return how many jobs."""
        number = await self.database.run(
            lambda db: submissions.remove_source(db, source, self.clock.steady()),
            then=self.circuit.notify,
        )
        await self.source_holds.load()
        return number

    async def switch(self, on: bool) -> None:
        """Switch syncing on or off; kept on disk before it takes effect."""
        await self.database.run(
            lambda db: stats.keep(db, "sync", "on" if on else "off"),
            then=lambda: self.circuit.hold(Hold.SWITCH, not on),
        )

    async def snapshot(self) -> Snapshot:
        """Describe the moment. Raises StorageError."""
        return await take_snapshot(
            self.common, self.circuit, self.worker, self.sweep, self.source_holds
        )
