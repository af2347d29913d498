"""One item of a job on its way through a turn, and what becomes of it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Self

from ..jobs.job import Job
from ..look.pictures import Pictures
from ..model.ports import Item
from ..model.reasons import Reason
from ..model.record import Value
from ..plan.approvals import Approval
from ..plan.lookup_result import LookupResult
from ..plan.plan import Plan


class Verdict(StrEnum):
    """What becomes of an item, and of its job, at the end of a turn; the worst comes first."""

    SNOOZED = "queued"
    FAILED = "failed"
    WRITTEN = "written"
    UNCHANGED = "unchanged"
    SKIPPED = "skipped"  # there is nothing to write to, which is nobody's fault

    @property
    def is_done(self) -> bool:
        """Whether what was wanted stands there."""
        return self in (Verdict.WRITTEN, Verdict.UNCHANGED)


@dataclass(slots=True)
class Task:
    """One item that a job of a turn has to bring into line.

    The turn is over when every task has its verdict. What stands below ``verdict``
    goes into the queue with that of the whole job (see ``ending``).
    """

    job: Job
    lookup: LookupResult
    pictures: Pictures = field(default_factory=Pictures)
    # Rating key of the item, if nothing but its pictures can have changed.
    settled_key: str | None = None
    approval: Approval | None = None  # what may be written, where its owner chose that
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
    # Fields that Plex does not take or keep, and why.
    kept: dict[str, str] = field(default_factory=dict)

    @property
    def plan(self) -> Plan:
        """What is to be written."""
        return self.lookup.plan

    @property
    def item(self) -> Item:
        """The item, once it was found."""
        assert self.lookup.item is not None
        return self.lookup.item

    @property
    def is_done(self) -> bool:
        """Whether the item is in line."""
        return self.verdict is not None and self.verdict.is_done

    @property
    def is_left_undone(self) -> bool:
        """Whether there may be something to write that this turn did not get to."""
        put_off = self.verdict is Verdict.SNOOZED and not self.missed
        return put_off or self.reason == Reason.UNFORESEEN

    @property
    def picture_changes(self) -> list[str]:
        """The picture fields that are to be written."""
        return [change.field for change in self.plan.changes if change.is_picture]

    @property
    def is_resumed(self) -> bool:
        """Whether a write of this record that was cut short turns out to stand there."""
        return any(
            row.pending and row.source == self.job.record.source
            for change in self.plan.adopted
            for row in self.lookup.ledger.get(change.field, ())
        )

    @property
    def is_as_shown(self) -> bool:
        """Whether its owner has seen all that would be written, or asked to see nothing."""
        return self.approval is None or self.approval.covers(self.lookup)

    def spread(self) -> list[Self]:
        """Keep the first item that was found, and give a task for each of the others."""
        self.lookup, *others = self.lookup.targets
        pictures = self.pictures
        return [
            replace(
                self,
                lookup=lookup,
                pictures=replace(pictures, data=pictures.data.copy()),
                kept={},
            )
            for lookup in others
        ]

    def end(self, verdict: Verdict, reason: str | None = None) -> None:
        """Set the verdict."""
        self.verdict, self.reason = verdict, reason

    def fail(self, reason: str, *, passing: bool = False) -> None:
        """Give the job up; ``passing`` says that what failed may pass by itself."""
        self.passing = passing
        self.end(Verdict.FAILED, reason)

    def refuse(self, fields: Mapping[str, str]) -> None:
        """Go on without the fields that Plex does not take."""
        if fields:
            self.kept |= fields
            self.lookup.plan = self.plan.without(fields)

    def fail_refused(self) -> None:
        """Fail for the fields that Plex does not take; all others are done."""
        reasons = list(self.kept.values())
        self.fail(reasons[0], passing=Reason.ERROR_500 in reasons)

    def snooze(self, reason: str | None, delay: float) -> None:
        """Put the job off for some seconds; this alone costs it nothing."""
        self.delay = delay
        self.end(Verdict.SNOOZED, reason)


def open_ones(tasks: Iterable[Task]) -> list[Task]:
    """Return the tasks that have no verdict yet."""
    return [task for task in tasks if task.verdict is None]
