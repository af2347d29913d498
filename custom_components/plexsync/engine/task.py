"""One job on its way through a turn, and what becomes of it."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

from .fields import FIELDS, Kind
from .job import Job
from .pictures import Pictures
from .plan import Plan
from .ports import Item
from .record import Outcome, Value
from .sight import Sight


class Verdict(StrEnum):
    """What becomes of a job at the end of its turn."""

    WRITTEN = "written"
    UNCHANGED = "unchanged"
    SNOOZED = "snoozed"
    FAILED = "failed"


@dataclass(slots=True)
class Task:
    """One job of a turn.

    The turn is over when every task has its verdict. What stands below ``verdict``
    goes into the queue with it.
    """

    job: Job
    sight: Sight
    pictures: Pictures = field(default_factory=Pictures)
    # Rating key of the item, if nothing but its pictures can have changed.
    settled_key: str | None = None
    wrote: bool = False  # Plex took an edit or a picture
    confirmed: tuple[str, ...] = ()  # fields that are known to have arrived
    uploaded: tuple[str, ...] = ()  # pictures that Plex has, and is to show
    # How Plex shows them, where in another form; of pictures their mark.
    shown: dict[str, Value | None] = field(default_factory=dict)
    slowed: bool = False  # Plex answered a call of its own by asking us to wait
    doubt: str | None = None  # the subject of a fault that may be its own

    verdict: Verdict | None = None
    reason: str | None = None
    passing: bool = False  # what failed may pass by itself
    delay: float = 0.0  # seconds until a snoozed job is due again
    attempt: bool = False  # this cost it an attempt
    missed: bool = False  # Plex does not have its item yet
    solo: bool = False  # next time it goes alone
    blocked: str | None = None  # the kind of call that it waits for
    superseded: bool = False  # a newer record came in meanwhile, so the job goes on

    @property
    def plan(self) -> Plan:
        """What is to be written."""
        return self.sight.plan

    @property
    def item(self) -> Item:
        """The item, once it was found."""
        assert self.sight.item is not None
        return self.sight.item

    @property
    def picture_changes(self) -> list[str]:
        """The picture fields that are to be written."""
        changed = [change.field for change in self.plan.changes]
        return [name for name in changed if FIELDS[name].kind is Kind.IMAGE]

    @property
    def is_resumed(self) -> bool:
        """Whether a write of this record that was cut short turns out to stand there."""
        return any(
            row.pending and row.source == self.job.record.source
            for change in self.plan.adopted
            for row in self.sight.ledger.get(change.field, ())
        )

    @property
    def outcome(self) -> Outcome:
        """What whoever waits for the job is told."""
        if self.superseded:
            return Outcome("queued")
        match self.verdict:
            case Verdict.WRITTEN:
                changes = tuple(change.as_dict() for change in self.plan.changes)
                return Outcome("written", changes=changes)
            case Verdict.UNCHANGED:
                return Outcome("unchanged")
            case Verdict.FAILED:
                return Outcome("failed", self.reason)
            case _:
                return Outcome("queued", self.reason)

    def end(self, verdict: Verdict, reason: str | None = None) -> None:
        """Give the verdict."""
        self.verdict, self.reason = verdict, reason

    def fail(self, reason: str, *, passing: bool = False) -> None:
        """Give the job up; ``passing`` says that what failed may pass by itself."""
        self.passing = passing
        self.end(Verdict.FAILED, reason)

    def snooze(self, reason: str | None, delay: float) -> None:
        """Put the job off for some seconds; this alone costs it nothing."""
        self.delay = delay
        self.end(Verdict.SNOOZED, reason)


def open_ones(tasks: Iterable[Task]) -> list[Task]:
    """Return the tasks that have no verdict yet."""
    return [task for task in tasks if task.verdict is None]
