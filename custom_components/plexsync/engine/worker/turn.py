"""One turn of the worker: take some jobs to their verdicts.

The jobs share their reads. Each item of each job gets a verdict of its own: done,
skipped, failed, or snoozed to a later time; the job gets the worst of them.
"""

from collections.abc import Sequence
from dataclasses import replace

from ..calls.guarded_calls import CircuitRefusedError
from ..calls.judge import About, Purpose
from ..jobs.job import Job
from ..look.common import Common
from ..look.look import Look
from ..look.next_owner import seek_next_owners
from ..model.faults import Fault
from ..model.outcome import Outcome
from ..model.reasons import Reason
from ..model.record import Record
from ..plan.lookup_result import LookupResult
from .completer import SOON, Completer
from .ending import Ending
from .preparing import SHORTLY, fetch_pictures, recall
from .snoozing import not_found, snooze_for_missing_part, snooze_or_fail
from .task import Task, Verdict, open_ones
from .verifying import Verifying
from .writing import Place, Writing


class Turn:
    """Run some claimed jobs to their verdicts, by the calls of one look."""

    def __init__(
        self,
        common: Common,
        look: Look,
        completer: Completer,
        place: Place,
        jobs: Sequence[Job],
    ) -> None:
        """Take the jobs as they were claimed; ``place`` bounds the edits in flight."""
        self._common = common
        self._look = look
        self._calls = look.access.calls
        self._completer = completer
        self._writing = Writing(common, look, place)
        self._verifying = Verifying(common, look, place)
        self._mine: set[str] = set()  # rating keys of the items that this turn took
        self.tasks = [
            Task(job, LookupResult(job.record.find, job.record)) for job in jobs
        ]
        self._endings: list[Ending] = []
        self._began = common.clock.monotonic()

    async def run(self) -> None:
        """Take the jobs to their verdicts and record these. Raises StorageError."""
        try:
            try:
                await recall(self._common, self.tasks)
                await fetch_pictures(self._common, self.tasks)
                await self._find()
                await self._plan()
                self._leave_what_is_held()
                await self._writing.write(open_ones(self.tasks))
                await self._verifying.verify(self.tasks)
            except CircuitRefusedError:
                pass
            except Fault as fault:
                if self._calls.refused is None:
                    raise AssertionError(f"{fault} has no one's scope") from fault
            self._endings = await self._completer.end_turn(
                self.tasks, self._calls, self._began
            )
        finally:
            self._common.busy_items.leave(self._mine)

    async def _find(self) -> None:
        """Find the items, and take them: each has one writer at a time."""
        tasks = open_ones(self.tasks)
        try:
            await self._look.find([task.lookup for task in tasks])
        finally:
            for task in tasks:
                slowed = (
                    each.rating_key in self._look.slowed for each in task.lookup.all
                )
                task.slowed = any(slowed)
        twins = [twin for task in tasks for twin in task.spread()]
        self.tasks += twins
        for task in self._by_claim([*tasks, *twins]):
            lookup = task.lookup
            if lookup.fault is not None:
                about = About(Purpose.READ, lookup.rating_key)
                snooze_or_fail(self._common, task, lookup.fault, about)
            elif not lookup.is_open:
                not_found(self._common, task)
            elif lookup.rating_key in self._mine:
                task.snooze(None, SHORTLY)  # it is free once this turn is over
            elif lookup.rating_key in self._common.busy_items:
                task.snooze(None, SOON)
            else:
                assert lookup.rating_key is not None
                self._mine.add(lookup.rating_key)
                self._common.busy_items.take(lookup.rating_key)

    def _by_claim(self, tasks: Sequence[Task]) -> list[Task]:
        """Of several that found one item let the record of its first file come first."""
        claimed: dict[str, list[Task]] = {}
        for task in tasks:
            claimed.setdefault(task.lookup.rating_key or "", []).append(task)

        def rank(task: Task) -> tuple[bool, str]:
            record, item = task.job.record, task.lookup.item
            if item is None:
                return True, record.key
            first = replace(item, paths=item.paths[:1])
            return not self._common.server.confirms(record.find, first), record.key

        return [
            task
            for those in claimed.values()
            for task in (sorted(those, key=rank) if len(those) > 1 else those)
        ]

    async def _plan(self) -> None:
        """Plan what to write, and end the tasks for which that is nothing."""
        tasks = open_ones(self.tasks)
        lookups = [task.lookup for task in tasks]
        await self._look.plan(lookups)
        await seek_next_owners(self._common, self._look, lookups)
        for task in tasks:
            if task.lookup.item is None:
                not_found(self._common, task)
                continue
            if resumed := task.is_resumed:
                self._calls.saw_write()
            if not task.is_as_shown:
                task.end(Verdict.SKIPPED, Reason.PLAN_CHANGED)
            elif not task.plan.changes and not snooze_for_missing_part(
                self._common, task
            ):
                task.end(Verdict.WRITTEN if resumed else Verdict.UNCHANGED)

    def _leave_what_is_held(self) -> None:
        """Give back the jobs of a source that was held since they were claimed."""
        for task in open_ones(self.tasks):
            held = self._common.is_held(task.job.record.source)
            if held and task.approval is None:
                task.snooze(None, 0.0)

    def outcomes(self) -> list[tuple[Job, Outcome]]:
        """Return each job's outcome as it is told to whoever waits for it."""
        return [(ending.job, ending.outcome) for ending in self._endings]

    def missing(self) -> list[Record]:
        """Return the records whose item is not there yet."""
        return [task.job.record for task in self.tasks if task.missed]

    @property
    def ended(self) -> int:
        """How many jobs it brought to their end: they are not snoozed."""
        return sum(each.verdict is not Verdict.SNOOZED for each in self._endings)

    @property
    def is_fruitless(self) -> bool:
        """Whether it brought no job any further."""
        return all(
            task.verdict is Verdict.SNOOZED and not task.missed and not task.blocked
            for task in self.tasks
        )
