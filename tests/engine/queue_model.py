"""What a job is by the rules of the queue, in plain Python, for its state machine."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from custom_components.plexsync.engine.jobs.job import Job, Priority
from custom_components.plexsync.engine.jobs.jobs_view import History, JobInfo
from custom_components.plexsync.engine.model.record import Image, Record, Value

ABSENT = object()
WHOLE = ""  # beside the fields: the newest view that a mirror gave of the whole

type Key = tuple[str, str]


def newest(one: int | None, two: int | None) -> int | None:
    """Give the greater of two revisions; without one, the other."""
    known = [revision for revision in (one, two) if revision is not None]
    return max(known, default=None)


def too_old(revision: int | None, known: int | None) -> bool:
    """Say whether a revision comes after a newer one; without one it never does."""
    return revision is not None and known is not None and revision < known


def names(record: Record, fields: Mapping[str, Value | None]) -> list[str]:
    """Name what a record speaks of: these fields, and a mirror of the whole."""
    return [*fields, WHOLE] if record.mirror else [*fields]


def content(record: Record, *, images: bool = True) -> tuple[Any, ...]:
    """Give what a record says, not which revision says it."""
    fields = {
        name: value
        for name, value in record.fields.items()
        if images or name != "poster"
    }
    return record.find, fields, record.identified, record.mirror, record.fill_only


def unmarked(record: Record) -> tuple[Any, ...]:
    """Give what a record says, whichever picture is in its place."""
    fields = {name: seen(value) for name, value in record.fields.items()}
    return content(replace(record, fields=fields))


def seen(value: Value | None) -> Value | None:
    """Give what a value looks like in Plex: a picture's mark does not show."""
    return value.ref if isinstance(value, Image) else value


@dataclass
class Row:
    """A job, as the rules want it."""

    id: int
    record: Record  # all that waits: newest of each field
    revisions: dict[str, int | None]  # of each field, and of the whole view
    priority: Priority
    enqueued: float
    due: float
    heard: float  # when the newest of it came in
    news: int = 1
    failed: bool = False
    flying: bool = False
    attempts: int = 0
    misses: int = 0
    missed_since: float | None = None
    crashes: int = 0
    reason: str | None = None
    candidates: tuple[str, ...] = ()
    failures: list[float] = field(default_factory=list)  # when
    passing: bool = False
    days: int = 0
    retries: int = 0
    outage_retries: int = 0
    tried: float | None = None
    solo: bool = False
    blocked: str | None = None
    snoozes: int = 0

    def ready(self, now: float) -> None:
        """Be tried from the beginning."""
        self.failed, self.due = False, now
        self.attempts = self.misses = 0
        self.missed_since, self.reason, self.candidates = None, None, ()

    def fresh(self, now: float) -> None:
        """Begin anew: what was counted belongs to what was asked for before.

        A sick item is hardly asked sooner for it.
        """
        due = min(self.due, now + 5) if self.is_sick else now
        if not self.is_sick:
            self.join()
        self.ready(now)
        self.due = due
        self.crashes = self.retries = self.outage_retries = 0
        self.failures = []

    @property
    def is_sick(self) -> bool:
        """Say whether it comes alone for its own sake."""
        return self.solo and self.blocked is None

    @property
    def is_live(self) -> bool:
        """Say whether it waits, for whatever it may be."""
        return not self.failed and not self.flying

    def join(self) -> None:
        """Come with all the others, and wait for no kind of call."""
        self.solo, self.blocked = False, None

    def overtaken(self, now: float) -> None:
        """Let what came in meanwhile be tried, as if nothing had been before."""
        self.join()
        self.due, self.crashes, self.snoozes = now, 0, 0

    def fail(self, reason: str, now: float, *, passing: bool) -> None:
        """Be kept as failed."""
        self.join()
        self.snoozes = 0
        self.failed, self.reason, self.passing, self.days = True, reason, passing, 0
        self.failures.append(now)

    def job(self) -> Job:
        """Give the job as it is handed out."""
        return Job(
            self.id,
            self.news,
            self.record,
            dict(self.revisions),
            self.attempts,
            self.misses,
            self.missed_since,
            self.crashes,
            self.snoozes,
            self.blocked,
        )

    def turn(self) -> tuple[Any, ...]:
        """Give what decides when it has its turn, as the database holds it."""
        return (
            self.id,
            self.solo,
            self.blocked,
            self.snoozes,
            self.tried,
            self.attempts,
            self.due,
        )

    def info(self) -> JobInfo:
        """Give the job as it is shown."""
        state = "waiting" if self.reason else "ready"
        if self.failed or self.flying:
            state = "failed" if self.failed else "in_flight"
        return JobInfo(
            self.id,
            self.record.source,
            self.record.key,
            state,
            self.reason,
            self.candidates,
            {},
            self.attempts,
            self.enqueued,
            None if self.failed else self.due,
            self.record.find.paths,
            tuple(sorted(self.record.fields)),
            History(
                len(self.failures), self.failures[0], self.failures[-1], self.retries
            )
            if self.failures
            else None,
        )


@dataclass
class Done:
    """What was brought into line, by record key."""

    revisions: dict[str, int | None]  # of each field, and of the whole view
    heard: float = 0.0  # when the newest of it came in
    record: Record | None = None  # as a whole; None: compare with Plex next time
    token: str = ""
    rating_key: str | None = None


@dataclass
class Promise:
    """What somebody was told that it is on disk."""

    revision: int | None = None  # the newest ever
    value: Any = ABSENT  # absent: the owner has discarded it


@dataclass
class Truth:
    """One item: what was promised of it, and what stands in Plex."""

    promised: dict[str, Promise] = field(default_factory=dict)
    plex: dict[str, Value | None] = field(default_factory=dict)
    started: dict[str, int] = field(default_factory=dict)  # newest revision ever begun
