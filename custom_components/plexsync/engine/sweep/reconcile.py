"""Compare a whole source with Plex, count what differs, enqueue the gaps."""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterable, Awaitable, Callable, Sequence
from contextlib import aclosing
from functools import partial
from itertools import batched
from sqlite3 import Connection

from ..calls.admission import Admission
from ..circuit.breaker import State
from ..circuit.circuit import Circuit
from ..jobs import failed_rows, intake, jobs_view, queue, skipped
from ..jobs.job import Priority
from ..ledger import known_items, ledger, seen, settled
from ..ledger.seen import Seen
from ..look.common import Common
from ..look.look import Look, lookup_of
from ..look.next_owner import seek_next_owners
from ..model.change import Kept
from ..model.faults import Fault
from ..model.holds import READING, Hold, foremost
from ..model.reasons import Reason
from ..model.record import Record
from ..plan import plan_cache
from ..plan.lookup_result import LookupResult, every
from ..util.concurrency import map_in_order, read_ahead

CHUNK = 100
_PAGES = 1  # of a source, read ahead
_LOOKS = 2  # at Plex side by side: while it answers one, what it answered is planned
_PATIENCE = 5.0  # seconds between looks at a circuit that refuses
_NOT_OVER = 99.9  # percent
_GIVE_WAY = 0.2  # seconds between looks at jobs that somebody waits for
_LONGEST = 50  # of these looks, before each chunk


type MakesJob = Callable[[Connection, Record, Priority, float], object]

# What keeps a job from its item, and may have passed.
_LACKING = frozenset({Reason.NOT_FOUND, Reason.AMBIGUOUS})
# Why a field stays although the source has no value for it: the item is in line even so.
_SILENT = frozenset({Kept.NOT_OURS, Kept.UNIDENTIFIED, Kept.IDENTITY, Kept.UNSUPPORTED})


class Reconcile:
    """One run over the records of some sources.

    It counts records by kind:

    - ``in_line``: nothing is to be written;
    - ``differs``: something is;
    - ``kept:<reason>``: nothing is written, because what differs is to be left alone;
    - ``missing``: Plex has no item of it;
    - ``ambiguous``: it may be any of several items;
    - ``skipped:<reason>``: there is nothing to write to;
    - ``pending``: it has a job;
    - ``failed``: its job has failed, or its item cannot be looked at now;
    - another reason: that is why its item was not found.

    With ``enqueue`` every record that differs becomes a job, and so does one whose pictures
    may. Those that have a job are not compared, unless it was skipped or lacks its item:
    then they are, and the job is tried again where that has changed.

    With ``catches_up`` it first learns of items that were added unnoticed, for example a
    second item with the same file: nothing else would look for it.

    While Plex is away the run waits where it is. The source is read ahead of Plex, and
    Plex answers while the answer before is compared; jobs that somebody waits for go
    first.
    """

    def __init__(
        self,
        common: Common,
        circuit: Circuit,
        admission: Admission,
        *,
        number: int,
        enqueue: bool,
        total: int | None,
        catches_up: bool,
        insists: bool,
    ) -> None:
        """Take the shared parts; ``total`` is how many records there will be.

        With ``insists`` what cannot be looked at now becomes a job, too. ``number`` is
        that of the run, for ``plan_cache``.
        """
        self._number = number
        self._common = common
        self._circuit = circuit
        self._admission = admission
        self._enqueue = enqueue
        self._total = total
        self._catches_up = catches_up
        self._insists = insists
        self._done = 0
        self._lacking = dict[tuple[str, str], int]()  # jobs without an item, by record
        self.counts: Counter[str] = Counter()
        self.passed_over: set[str] = set()  # sources of records whose jobs wait

    @property
    def progress(self) -> float:
        """How far it is, in percent; less than 100 until it is over."""
        if not self._total:
            return 0.0
        return min(_NOT_OVER, 100 * self._done / self._total)

    @property
    def held(self) -> Hold | None:
        """What keeps it from looking at Plex."""
        return foremost(self._circuit.holds - READING)

    async def run(self, records: AsyncIterable[Sequence[Record]]) -> Counter[str]:
        """Compare all records; return the counts. Raises what reading the records does."""
        if self._catches_up:
            await self._while_plex_is_there(lambda look: look.catch_up())
        async with (
            aclosing(read_ahead(records, _PAGES)) as pages,
            aclosing(self._chunks(pages)) as chunks,
            aclosing(map_in_order(chunks, self._look_at, _LOOKS)) as looks,
        ):
            async for lookups in looks:
                self.counts += Counter(map(_kind, lookups))
                await self._take_note(lookups)
                self._done += len(lookups)
                self._circuit.notify()
        return self.counts

    async def _chunks(
        self, records: AsyncIterable[Sequence[Record]]
    ) -> AsyncGenerator[list[LookupResult]]:
        """Yield what is to be looked at, some at a time."""
        async for some in records:
            for chunk in batched(some, CHUNK, strict=False):
                while self.held is not None:
                    await asyncio.sleep(_PATIENCE)  # nothing counts as compared then
                await self._give_way()
                lookups = await self._hand_to_jobs(chunk)
                self._done += len(chunk) - len(lookups)
                if lookups:
                    yield lookups

    async def _hand_to_jobs(self, records: Sequence[Record]) -> list[LookupResult]:
        """Hand records to the jobs that they have, and return the others to be looked at.

        Those are all records if this run only counts.
        """
        now = self._common.clock.steady()

        def work(db: Connection) -> tuple[list[LookupResult], Counter[str]]:
            lookups, counts = list[LookupResult](), Counter[str]()
            for record in records:
                whose = record.source, record.key
                job = jobs_view.find_job(db, *whose)
                if job is not None and self._enqueue:
                    if job.state != "skipped" and job.reason not in _LACKING:
                        counts["failed" if job.state == "failed" else "pending"] += 1
                        intake.enqueue(db, record, Priority.BULK, now)
                        plan_cache.pass_over(db, *whose, self._number)
                        if job.state != "failed":
                            self.passed_over.add(record.source)
                        continue
                    self._lacking[whose] = job.id
                lookups.append(lookup_of(db, record))
            return lookups, counts

        lookups, counts = await self._common.database.run(work, durable=False)
        if counts:
            self._circuit.notify()
        self.counts += counts
        return lookups

    async def _give_way(self) -> None:
        """Let jobs that somebody waits for go first, while they can go."""
        urgent = (Priority.INTERACTIVE,)
        next_urgent = partial(queue.next_due, solo=False, priorities=urgent)
        for _ in range(_LONGEST):
            if self._circuit.holds or self._circuit.breaker.state is not State.CLOSED:
                return
            due = await self._common.database.run(next_urgent, durable=False)
            if due is None or due > self._common.clock.steady():
                return
            await asyncio.sleep(_GIVE_WAY)

    async def _look_at(self, lookups: Sequence[LookupResult]) -> list[LookupResult]:
        """Look at some records; waits for as long as Plex is away."""

        async def work(look: Look) -> list[LookupResult]:
            fresh = [
                LookupResult(each.find, each.record, each.images) for each in lookups
            ]
            await look.find(fresh)
            await look.plan(every(fresh))
            if self._enqueue:
                await seek_next_owners(self._common, look, every(fresh))
            return fresh

        return await self._while_plex_is_there(work)

    async def _while_plex_is_there[T](self, work: Callable[[Look], Awaitable[T]]) -> T:
        """Do some work, anew after each outage that it met."""
        while True:
            if await self._may_look():
                try:
                    async with self._admission.calls(READING) as calls:
                        return await work(Look(self._common, calls, skims=True))
                except Fault:
                    pass  # the server's, and it passes; an item's fault is in its lookup
            await asyncio.sleep(_PATIENCE)

    def _take_up(self, lookups: Sequence[LookupResult]) -> list[int]:
        """Return the jobs that lacked their item, of which more is known now."""
        return [
            job
            for lookup in lookups
            if lookup.targets[0].reason not in _LACKING | skipped.REASONS
            and (job := self._lacking.pop(_whose(lookup), None)) is not None
        ]

    async def _may_look(self) -> bool:
        """Return whether Plex may be asked: a half open circuit is for trials of jobs.

        Where no job is due this is all there is to try.
        """
        if self.held is not None:
            return False
        if self._circuit.breaker.state is not State.HALF_OPEN:
            return self._circuit.breaker.state is State.CLOSED
        due = await self._common.database.run(queue.next_due, durable=False)
        return due is None or due > self._common.clock.steady()

    async def _take_note(self, lookups: Sequence[LookupResult]) -> None:
        """Remember what was seen, and let jobs mend what differs."""
        jobs = self._take_up(lookups)
        news = [
            (each, self._way_to_a_job(each)) for each in lookups if not each.is_same
        ]
        if not (news or jobs):
            return
        now, wall = self._common.clock.steady(), self._common.clock.wall()

        def work(db: Connection) -> None:
            for lookup, make_job in news:
                record = lookup.record
                assert record is not None
                seen.keep(db, *_whose(lookup), _seen(lookup))
                plan_cache.keep(db, lookup, self._number)
                _note_waiting(db, lookup, wall)
                if make_job is not intake.compare_anew:
                    settled.agree(db, record)
                if make_job is not None and self._enqueue:
                    make_job(db, record, Priority.BULK, now)
            failed_rows.try_again(db, jobs, now)

        makes_jobs = self._enqueue and any(make_job for _, make_job in news)
        durable = makes_jobs or bool(jobs)
        await self._common.database.run(
            work, durable=durable, then=self._circuit.notify
        )

    def _needs_a_job(self, target: LookupResult) -> bool:
        """Return whether there is something to write; or to take for ours, once."""
        if target.item is None:
            return self._insists and target.fault is not None
        return bool(target.plan.changes or target.leads_once)

    def _way_to_a_job(self, lookup: LookupResult) -> MakesJob | None:
        """Return what makes a job of a record, None where it is in line."""
        if any(map(self._needs_a_job, lookup.targets)):
            return intake.compare_anew
        pictures = lookup.record is not None and lookup.record.pictures
        if pictures and any(each.item for each in lookup.targets):
            # Only a job fetches pictures. None is made if the last one saw the same marks.
            return intake.enqueue
        return None


def _seen(lookup: LookupResult) -> Seen | None:
    """Return what is worth remembering: a plan that writes nothing, to one item alone.

    Not one that could not be made whole, nor one that hangs on what other items have.
    """
    item, plan = lookup.item, lookup.plan
    if item is None or lookup.twins or plan.changes or not item.digest:
        return None
    if lookup.waits is not None or Kept.LAST_MEMBER in plan.kept.values():
        return None
    return Seen(item.digest, lookup.basis, _kind(lookup))


def _note_waiting(db: Connection, lookup: LookupResult, wall: float) -> None:
    """Note the fields that another source leads: this record is next to lead them."""
    for target in lookup.targets:
        item, record = target.item, target.record
        if item is None or record is None:
            continue
        if waiting := target.plan.waiting(record):
            number = target.number or known_items.find_or_add(db, item, record.key)
            ledger.wait(db, number, record.source, record.key, waiting, wall)


def _kind(lookup: LookupResult) -> str:
    """Name the kind that a record counts as: that of its item which is least in line."""
    if lookup.seen is not None and lookup.is_same:
        return lookup.seen.kind
    targets = lookup.targets
    if any(target.plan.changes for target in targets):
        return "differs"
    if any(target.fault is not None for target in targets):
        return "failed"
    there = [target for target in targets if target.item is not None]
    kept = {reason for each in there for reason in each.plan.kept.values()} - _SILENT
    if kept:
        return f"kept:{min(kept)}"
    if there:
        return "in_line"
    reason = targets[0].reason or Reason.NOT_FOUND
    if reason in skipped.REASONS:
        return f"skipped:{reason}"
    return "missing" if reason == Reason.NOT_FOUND else reason


def _whose(lookup: LookupResult) -> tuple[str, str]:
    """Name the record that a lookup is about."""
    assert lookup.record is not None
    return lookup.record.source, lookup.record.key
