"""Compare a whole source with Plex, count what differs, enqueue the gaps."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterable, AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from functools import partial
from sqlite3 import Connection

from . import intake, jobs_view, ledger, queue, settled
from .breaker import State
from .circuit import Circuit
from .contact import Contact
from .holds import READING
from .job import Priority
from .look import Look
from .pictures import known_digests
from .record import Find, Record
from .retry import Fault
from .sight import Sight
from .together import ahead
from .tools import Tools

CHUNK = 100
_PAGES = 2  # of a source, read ahead
_CHUNKS = 1  # looked at ahead of the one that is counted
_PATIENCE = 5.0  # seconds between looks at a circuit that refuses
_GIVE_WAY = 0.2  # seconds between looks at jobs that somebody waits for
_LONGEST = 50  # of these looks, before each chunk


class Reconcile:
    """One run over the records of some sources.

    Counts by kind: in_line, differs, missing, ambiguous, outside_libraries,
    pending (a job is at it already) and failed (a failed job stands for it, or its
    item cannot be looked at now). With ``enqueue`` every record that differs becomes
    a job, and those that have one already are not compared.

    While Plex is away the run waits where it is. The source is read ahead of Plex, and
    Plex ahead of the counting; jobs that somebody waits for go first.
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
        """Compare all records; give the counts. Raises what reading the records does."""
        async for sights in ahead(self._look_at_all(ahead(records, _PAGES)), _CHUNKS):
            self.counts += Counter(map(_kind, sights))
            await self._fill_gaps(sights)
            self._done += len(sights)
            self._circuit.notify()
        return self.counts

    async def _look_at_all(
        self, records: AsyncIterable[Sequence[Record]]
    ) -> AsyncIterator[list[Sight]]:
        """Give what there is to see of all records, some at a time."""
        async for some in records:
            for start in range(0, len(some), CHUNK):
                chunk = some[start : start + CHUNK]
                await self._give_way()
                sights = await self._unhandled(chunk)
                self._done += len(chunk) - len(sights)
                if sights:
                    yield await self._look_at(sights)

    async def _unhandled(self, records: Sequence[Record]) -> list[Sight]:
        """Leave out what a job stands for already, unless this run only counts."""

        def look_up(db: Connection) -> tuple[list[Sight], Counter[str]]:
            sights, counts = list[Sight](), Counter[str]()
            for record in records:
                job = jobs_view.find_job(db, record.source, record.key)
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

    async def _give_way(self) -> None:
        """Let jobs that somebody waits for go first, while they can go."""
        for _ in range(_LONGEST):
            if self._circuit.holds or self._circuit.breaker.state is not State.CLOSED:
                return
            due = partial(
                queue.is_due,
                priority=Priority.INTERACTIVE,
                now=self._t.clock.steady(),
            )
            if not await self._t.database.run(due, durable=False):
                return
            await asyncio.sleep(_GIVE_WAY)

    async def _look_at(self, sights: Sequence[Sight]) -> list[Sight]:
        """Look at some records; waits for as long as Plex is away."""
        while True:
            fresh = [Sight(each.find, each.record, each.images) for each in sights]
            if await self._may_look():
                try:
                    async with self._contact() as contact:
                        look = Look(self._t, contact)
                        await look.find(fresh)
                        await look.plan(
                            target for each in fresh for target in each.targets
                        )
                except Fault:
                    pass  # the server's, and it passes: what is an item's is its sight's
                else:
                    return fresh
            await asyncio.sleep(_PATIENCE)

    async def _may_look(self) -> bool:
        """Say whether Plex may be asked: a half open circuit is for trials of jobs.

        Where no job is due this is all there is to try.
        """
        if self._circuit.holds - READING:
            return False
        if self._circuit.breaker.state is not State.HALF_OPEN:
            return self._circuit.breaker.state is State.CLOSED
        due = await self._t.database.run(queue.next_due, durable=False)
        return due is None or due > self._t.clock.steady()

    async def _fill_gaps(self, sights: Sequence[Sight]) -> None:
        differing = [
            each.record
            for each in sights
            if each.record and any(target.plan.changes for target in each.targets)
        ]
        if not differing or not self._enqueue:
            return
        now = self._t.clock.steady()

        def enqueue(db: Connection) -> None:
            for record in differing:
                settled.forget(db, record.source, record.key)
                intake.enqueue(db, record, Priority.BULK, now)

        await self._t.database.run(enqueue)
        self._circuit.notify()


def _kind(sight: Sight) -> str:
    """Name the kind that a record counts as: that of its item that is furthest from it."""
    if any(target.plan.changes for target in sight.targets):
        return "differs"
    if any(target.fault is not None for target in sight.targets):
        return "failed"
    if sight.targets[0].item is not None:
        return "in_line"
    return "missing" if sight.reason == "not_found" else sight.reason or "missing"
