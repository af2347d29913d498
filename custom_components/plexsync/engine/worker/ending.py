"""What becomes of a job, from what became of its items."""

from collections.abc import Mapping, Sequence
from functools import cached_property

from ..jobs.job import Job
from ..model.outcome import ItemOutcome, Outcome
from ..model.reasons import Reason
from .task import Task, Verdict


class Ending:
    """The end of a job's turn: the job is over when each of its items is.

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
        wrote = any(each.status == Verdict.WRITTEN for each in self.items)
        return Verdict.WRITTEN if verdict is Verdict.UNCHANGED and wrote else verdict

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
        key, verdict = task.lookup.rating_key or "", _verdict(task)
        changes = task.plan.changes if verdict is Verdict.WRITTEN else ()
        if verdict is Verdict.UNCHANGED and self._earlier.get(key) == Verdict.WRITTEN:
            verdict = Verdict.WRITTEN
        kept = {name: str(why) for name, why in task.plan.kept.items()}
        return ItemOutcome(
            key,
            verdict.value,
            None if task.is_done else task.reason,
            changes,
            (kept if task.is_done else {}) | task.kept,
        )

    @property
    def refused(self) -> dict[str, str]:
        """Fields that Plex does not take or keep, with the reasons, of all items."""
        return {name: why for task in self.tasks for name, why in task.kept.items()}

    @property
    def outcome(self) -> Outcome:
        """The outcome, as it is told to whoever waits for the job."""
        if self.superseded:
            return Outcome(Verdict.SNOOZED.value)
        verdict = self.verdict
        reason = None if verdict.is_done else self.main.reason
        return Outcome(verdict.value, reason, self.items)


def _verdict(task: Task) -> Verdict:
    return task.verdict or Verdict.SNOOZED


def _rank(task: Task) -> tuple[int, bool]:
    # An item whose plan has changed is still to be written. So it outranks those that are
    # done, but not those that wait or have failed.
    unseen = task.reason == Reason.PLAN_CHANGED
    worst = Verdict.FAILED if unseen else _verdict(task)
    return list(Verdict).index(worst), unseen
