"""What an owner reviews: the plan of all records, one of them afresh, and what to do.

The plan itself is kept by ``plan_cache``, as each comparison sees it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from sqlite3 import Connection

from .calls.admission import Admission
from .circuit.circuit import Circuit
from .jobs import failed_rows, intake, jobs_view
from .jobs.job import Job, Priority, load
from .ledger import left_alone
from .ledger.left_alone import Rule, Rules
from .look.common import Common
from .model.outcome import Outcome
from .model.record import Record
from .on_demand import look_afresh
from .plan import approvals, plan_cache
from .plan.lookup_result import LookupResult
from .plan.plan_cache import Filter, PlannedRecord, Totals


@dataclass(frozen=True, slots=True)
class Fresh:
    """The plans of one record as they are now, and the digest that names them."""

    lookup: LookupResult
    unseen: Sequence[str]
    left_alone: Sequence[str]

    @property
    def digest(self) -> str:
        """Name the plans."""
        return plan_cache.digest(plan_cache.marks_of(self.lookup.targets))


type _State = tuple[Connection, int, Filter]  # of the plan: how much was written, ever


class Review:
    """Show plans, and hold what is written to what was shown."""

    def __init__(self, common: Common, circuit: Circuit, admission: Admission) -> None:
        """Take the shared parts, the circuit and the admission of calls."""
        self._common = common
        self._circuit = circuit
        self._admission = admission
        self._counted: tuple[_State, Totals] | None = None

    async def page(
        self, chosen: Filter, limit: int, offset: int
    ) -> list[PlannedRecord]:
        """Return some records that would change something. Raises StorageError."""
        return await self._see(lambda db: plan_cache.page(db, chosen, limit, offset))

    async def count(self) -> int:
        """Count all records that would change something. Raises StorageError."""
        return await self._see(plan_cache.count)

    async def totals(self, chosen: Filter) -> Totals:
        """Count the records that would change something. Raises StorageError.

        What was counted last holds until something else is written: a list is read in
        pages, and each of them comes with the totals.
        """

        def work(db: Connection) -> tuple[_State, Totals]:
            state = db, db.total_changes, chosen
            if self._counted is not None and self._counted[0] == state:
                return self._counted
            return state, plan_cache.totals(db, chosen)

        # Not before it is sure to stay written.
        self._counted = await self._see(work)
        return self._counted[1]

    async def waiting(self, source: str, keys: Sequence[str]) -> dict[str, Record]:
        """Return the records of some jobs, by key. Raises StorageError."""

        def work(db: Connection) -> list[Job]:
            jobs = [jobs_view.find_job(db, source, key) for key in keys]
            return load(db, [each.id for each in jobs if each is not None])

        jobs = await self._common.database.run(work, durable=False)
        return {each.record.key: each.record for each in jobs}

    async def look(self, records: Sequence[Record]) -> list[Fresh]:
        """Look at Plex afresh for some records, and note what is seen. Raises Fault."""
        lookups = await look_afresh(self._common, self._admission, records)

        def note(db: Connection) -> None:
            for lookup in lookups:
                plan_cache.keep(db, lookup)

        await self._see(note)
        return [
            Fresh(lookup, plan_cache.unseen(lookup), sorted(lookup.left_alone))
            for lookup in lookups
        ]

    async def write(
        self,
        chosen: Sequence[tuple[Record, str]],
        priority: Priority = Priority.INTERACTIVE,
    ) -> list[Outcome]:
        """Queue records whose plans are those that were shown, given by their digests.

        A record whose plan is another one by now is not written, and answered with the
        status ``changed``. Raises Fault, StorageError.
        """
        looks = await self.look([record for record, _ in chosen])
        now = self._common.clock.steady()
        answers = [
            _answer(fresh, shown)
            for (_, shown), fresh in zip(chosen, looks, strict=True)
        ]
        good = [
            (record, fresh)
            for (record, _), fresh, answer in zip(chosen, looks, answers, strict=True)
            if answer.status == "queued"
        ]

        def work(db: Connection) -> None:
            for record, fresh in good:
                intake.compare_anew(db, record, priority, now)
                marks = plan_cache.marks_of(fresh.lookup.targets)
                whose = record.source, record.key
                approvals.approve(db, *whose, marks, fresh.unseen, now)
            failed_rows.try_again(db, approvals.failed(db), now)

        if good:
            await self._common.database.run(work, then=self._circuit.notify)
        return answers

    async def write_all(self, chosen: Filter) -> tuple[int, dict[tuple[str, str], str]]:
        """Approve all rows that are meant, as they were seen; return how many.

        And the digests of those that have no job, whose records have to be asked for.
        """
        now = self._common.clock.steady()

        def work(db: Connection) -> tuple[int, dict[tuple[str, str], str]]:
            number = approvals.approve_all(db, chosen, now)
            failed_rows.try_again(db, approvals.failed(db), now)
            return number, approvals.without_job(db, chosen)

        return await self._common.database.run(work, then=self._circuit.notify)

    async def rules(self, limit: int, offset: int = 0) -> Rules:
        """List what is left alone. Raises StorageError."""
        return await self._see(lambda db: left_alone.rules(db, limit, offset))

    async def leave(self, rule: Rule, *, leave: bool) -> bool:
        """Leave a field alone, or take that back; return whether it is news."""

        def work(db: Connection) -> bool:
            if leave:
                plan_cache.leave(db, rule.source, rule.key, rule.field)
                return left_alone.leave(db, rule)
            return left_alone.take_back(db, rule)

        return await self._common.database.run(work)

    async def _see[T](self, work: Callable[[Connection], T]) -> T:
        """Do some work with the plan, of which a power cut may undo a part."""

        return await self._common.database.run(work, durable=False)


def _answer(fresh: Fresh, shown: str) -> Outcome:
    """Say what becomes of a record, by what it would write now."""
    targets = fresh.lookup.targets
    if (reason := targets[0].reason) is not None and not any(t.item for t in targets):
        return Outcome("failed", reason)
    if fresh.digest != shown:
        return Outcome("changed")
    if not fresh.unseen and not any(target.plan.changes for target in targets):
        return Outcome("unchanged")
    return Outcome("queued")
