"""What becomes of a job, from what became of its items."""

from collections.abc import Mapping, Sequence
from functools import cached_property

from ..jobs.job import Job
from ..model.outcome import ItemOutcome, Outcome
from ..model.reasons import Reason
from .task import Task, Verdict

# A job is over when each of its items is, and counts as the worst of them.
_WORST_FIRST = (
    Verdict.SNOOZED,
    Verdict.FAILED,
    Verdict.WRITTEN,
    Verdict.UNCHANGED,
    Verdict.SKIPPED,
)
_STATUS = {
    Verdict.SNOOZED: "queued",
    Verdict.FAILED: "failed",
    Verdict.WRITTEN: "written",
    Verdict.UNCHANGED: "unchanged",
    Verdict.SKIPPED: "skipped",
}


class Ending:
    """The end of a job's turn.

    ``earlier`` gives what became of items in turns before this one, by rating key:
    what was written then is unchanged now.
    """

    def __init__(self, tasks: Sequence[Task], earlier: Mapping[str, str]) -> None:
        """Take all tasks of the job."""
        self.tasks = tasks
        self._earlier = earlier
        self.superseded = False  # a newer record came in meanwhile, so the job goes on

    @property
    def job(self) -> Job:
        """The job."""
        return self.tasks[0].job

    @property
    def main(self) -> Task:
        """The task whose verdict is the job's: the worst one, then the one due soonest."""
        return min(self.tasks, key=lambda task: (_rank(task), task.delay))

    @property
    def verdict(self) -> Verdict:
        """What becomes of the job."""
        verdict = _verdict(self.main)
        if verdict is Verdict.UNCHANGED and any(
            each.status == "written" for each in self.items
        ):
            return Verdict.WRITTEN
        return verdict

    @property
    def solo(self) -> bool:
        """Whether the job goes alone next time: one of its items may be sick."""
        if self.main.blocked:
            return self.main.solo
        return any(task.solo for task in self.tasks)

    @cached_property
    def items(self) -> tuple[ItemOutcome, ...]:
        """What became of each item that was found."""
        return tuple(self._item(task) for task in self.tasks if task.lookup.rating_key)

    def _item(self, task: Task) -> ItemOutcome:
        key, status = task.lookup.rating_key or "", _STATUS[_verdict(task)]
        if status == "unchanged" and self._earlier.get(key) == "written":
            status = "written"
        is_over = status in ("written", "unchanged")
        changes = task.plan.changes if task.verdict is Verdict.WRITTEN else ()
        return ItemOutcome(
            key,
            status,
            None if is_over else task.reason,
            changes,
            _left_alone(task, is_over) | task.kept,
        )

    @property
    def refused(self) -> dict[str, str]:
        """Fields that Plex does not take or keep, with the reasons, of all items."""
        return {name: why for task in self.tasks for name, why in task.kept.items()}

    @property
    def outcome(self) -> Outcome:
        """The outcome, as it is told to whoever waits for the job."""
        if self.superseded:
            return Outcome("queued")
        verdict = self.verdict
        is_over = verdict in (Verdict.WRITTEN, Verdict.UNCHANGED)
        reason = None if is_over else self.main.reason
        return Outcome(_STATUS[verdict], reason, self.items)


def _left_alone(task: Task, is_over: bool) -> dict[str, str]:
    """Name the fields that the plan leaves as they are, once the item is over."""
    plan = task.plan.kept if is_over else {}
    return {name: str(why) for name, why in plan.items()}


def _verdict(task: Task) -> Verdict:
    return task.verdict or Verdict.SNOOZED


def _rank(task: Task) -> tuple[int, bool]:
    # An item whose plan has changed is still to be written. So it outranks those that are
    # done, but not those that wait or have failed.
    unseen = task.reason == Reason.PLAN_CHANGED
    worst = Verdict.FAILED if unseen else _verdict(task)
    return _WORST_FIRST.index(worst), unseen
