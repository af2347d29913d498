"""Compare a whole source with Plex, count what differs, enqueue the gaps."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from sqlite3 import Connection

from . import ledger, queue
from .circuit import Circuit
from .contact import Contact
from .look import Look, Sight, Tools
from .pictures import known_digests
from .queue import Priority
from .record import Find, Record
from .retry import Fault, FaultClass

CHUNK = 100
_PATIENCE = 5.0  # seconds between looks at a circuit that refuses


class ReconcileRunningError(Exception):
    """There is one run at a time, and one is under way."""

    def __init__(self) -> None:
        """Say so."""
        super().__init__("a run is under way")


class Reconcile:
    """One run over the records of some sources.

    Counts by kind: in_line, differs, missing, ambiguous, outside_libraries,
    pending (a job is at it already) and failed (a failed job stands for it).
    With ``enqueue`` every record that differs becomes a job, and those that have
    one already are not compared.
    """

    def __init__(
        self,
        tools: Tools,
        circuit: Circuit,
        contact: Callable[[], AbstractAsyncContextManager[Contact]],
        *,
        enqueue: bool,
        total: int | None,
    ) -> None:
        """Take the way to Plex, and how many records there will be, if that is known."""
        self._t = tools
        self._circuit = circuit
        self._contact = contact
        self._enqueue = enqueue
        self._total = total
        self._done = 0
        self.counts: Counter[str] = Counter()

    @property
    def progress(self) -> float:
        """How far it is, in percent."""
        if not self._total:
            return 0.0
        return min(100.0, 100 * self._done / self._total)

    async def run(self, records: AsyncIterable[Sequence[Record]]) -> Counter[str]:
        """Compare all records; give the counts. Raises the source's Fault."""
        async for some in records:
            for start in range(0, len(some), CHUNK):
                await self._chunk(some[start : start + CHUNK])
        return self.counts

    async def _chunk(self, records: Sequence[Record]) -> None:
        self._done += len(records)
        self._circuit.notify()
        sights = await self._unhandled(records)
        while sights:
            try:
                await self._compare(sights)
            except Fault as fault:
                if fault.kind is FaultClass.SOURCE:
                    raise
                await asyncio.sleep(_PATIENCE)
            else:
                return

    async def _unhandled(self, records: Sequence[Record]) -> list[Sight]:
        """Leave out what a job stands for already, unless this run only counts."""

        def look_up(db: Connection) -> tuple[list[Sight], Counter[str]]:
            sights, counts = list[Sight](), Counter[str]()
            for record in records:
                job = queue.find_job(db, record.source, record.key)
                if job is not None and self._enqueue:
                    counts["failed" if job.state == "failed" else "pending"] += 1
                    continue
                pin = ledger.pinned(db, record.source, record.key)
                find = Find(rating_key=pin) if pin else record.find
                sights.append(Sight(find, record, known_digests(db, record)))
            return sights, counts

        sights, counts = await self._t.database.run(look_up, durable=False)
        self.counts += counts
        return sights

    async def _compare(self, sights: Sequence[Sight]) -> None:
        fresh = [Sight(sight.find, sight.record, sight.images) for sight in sights]
        async with self._contact() as contact:
            look = Look(self._t, contact)
            await look.find(fresh)
            await look.plan(fresh)
        counts = Counter(_kind(sight) for sight in fresh)
        differing = [sight.record for sight in fresh if sight.plan.changes]
        if differing and self._enqueue:
            now = self._t.clock.steady()

            def enqueue(db: Connection) -> None:
                for record in differing:
                    assert record is not None
                    queue.forget_settled(db, record.source, record.key)
                    queue.enqueue(db, record, Priority.BULK, now)

            await self._t.database.run(enqueue)
            self._circuit.notify()
        self.counts += counts


def _kind(sight: Sight) -> str:
    if sight.item is not None:
        return "differs" if sight.plan.changes else "in_line"
    if sight.fault is not None:
        return "failed"
    return "missing" if sight.reason == "not_found" else sight.reason or "missing"
