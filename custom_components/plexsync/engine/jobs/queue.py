"""Durable jobs: one row per (source, record key). They are taken, done, put off, failed.

``intake`` puts them in. A trial takes a job that was never tried, else the one that was
tried longest ago, so that one sick job cannot keep the circuit open.

A job that is ``solo`` belongs to the second lane of the worker, which takes one job at a
time, beside the lane that takes many.

Every function takes the connection of a transaction under way (``Database.run``) and is
one step of it; times are ``Clock.steady`` seconds.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
import json
from sqlite3 import Connection
from types import MappingProxyType
from typing import Any

from ..calls.bulkheads import REASONS
from ..ledger import settled
from ..model.reasons import SKIPPED, Reason
from . import leases
from .coalescing import COLUMNS, Waiting
from .job import Job, Priority, load
from .leases import FREE, IN_FLIGHT

_NOTHING: Mapping[str, str] = MappingProxyType({})
MAX_CRASHES = 3  # unclean stops with the job in flight before it is set aside

# A job that may be taken once it is due.
_OPEN = f"failed = 0 AND {FREE} AND held = 0"
# Both walk an index in its order: with 100,000 jobs due nothing is sorted for a trial.
NEVER_TRIED = (
    f"SELECT due, id FROM job WHERE {_OPEN}"
    " AND solo = ? AND priority = ? AND due <= ? AND tried IS NULL ORDER BY due, id LIMIT 1"
)
TRIED_LONGEST_AGO = (
    f"SELECT id FROM job WHERE {_OPEN}"
    " AND tried IS NOT NULL AND due <= ? ORDER BY tried, priority, due, id LIMIT 1"
)

_FAILS = (
    "failed = 1, failures = failures + 1, days = 0, solo = 0,"
    " blocked = NULL, snoozes = 0,"
    " first_failed = coalesce(first_failed, :now), last_failed = :now"
)


def recover(db: Connection, now: float, longest: float) -> int:
    """Make what was in flight ready again, and let no job wait longer than ``longest``.

    Return how many jobs were set aside because they may bring the process down.
    """
    db.execute(
        # Out of the second lane: ``claim`` lets no other job run beside a suspect.
        f"UPDATE job SET crashes = crashes + 1, solo = 0 WHERE {IN_FLIGHT}"
    )
    leases.end_all(db)
    set_aside = db.execute(
        f"UPDATE job SET {_FAILS}, reason = '{Reason.CRASHED}', passing = 1"
        " WHERE failed = 0 AND crashes >= :most",
        {"now": now, "most": MAX_CRASHES},
    ).rowcount
    db.execute("UPDATE job SET due = ? WHERE due > ?", (now, now + longest))
    # A job that was tried while the clock was ahead must not come last for ever.
    db.execute("UPDATE job SET tried = :now WHERE tried > :now", {"now": now})
    # Nor may a record that came in then pass for newer than what is read from now on.
    db.execute("UPDATE job SET heard = :now WHERE heard > :now", {"now": now})
    settled.recover(db, now)
    # What was known of calls that fail is gone with the process: each is tried at once.
    reasons = json.dumps(list(REASONS.values()))
    db.execute(
        "UPDATE job SET due = ?, solo = solo AND blocked IS NULL, blocked = NULL"
        " WHERE blocked IS NOT NULL OR (failed = 0 AND solo = 1"
        " AND reason IN (SELECT value FROM json_each(?)))",
        (now, reasons),
    )
    return set_aside


def claim(
    db: Connection, limit: int, now: float, before: int = 0, *, solo: bool = False
) -> list[Job]:
    """Lease up to ``limit`` due jobs, interactive ones first, bulk never starved.

    ``before`` is how many jobs the worker has claimed so far: it reserves every fourth
    place for bulk work, even where it claims only one or two at a time.
    ``solo`` asks for jobs of the second lane.

    A job that was in flight at an unclean stop is a suspect. It is leased with no other
    beside it, so that only the one that brings the process down is ever set aside.
    """
    ids: list[int] = []
    for priority, room in (
        (Priority.BULK, (before + limit) // 4 - before // 4),
        (Priority.INTERACTIVE, limit),
        (Priority.BULK, limit),
    ):
        room = min(room, limit - len(ids))
        if room <= 0:
            continue
        known = set(ids)
        ids += [
            row[0]
            for row in db.execute(
                f"SELECT id FROM job WHERE {_OPEN}"
                " AND solo = ? AND priority = ? AND due <= ? ORDER BY due, id LIMIT ?",
                (solo, priority, now, room + len(known)),
            )
            if row[0] not in known
        ][:room]
    jobs = load(db, ids)
    if suspects := [job for job in jobs if job.crashes]:
        calm = [job for job in jobs if not job.crashes]
        jobs = calm or suspects[:1]
    leases.begin(db, (job.id for job in jobs), now)
    return jobs


def claim_trial(db: Connection, now: float) -> list[Job]:
    """Lease the due job that was never tried, or was tried longest ago; none, or one."""
    jobs = load(db, _next_trial(db, now))
    leases.begin(db, (job.id for job in jobs), now)
    return jobs


def _next_trial(db: Connection, now: float) -> Sequence[int]:
    for priority in Priority:
        rows = [
            row
            for solo in (False, True)
            if (row := db.execute(NEVER_TRIED, (solo, priority, now)).fetchone())
        ]
        if rows:
            return min(rows)[1:]  # type: ignore[no-any-return]
    return db.execute(TRIED_LONGEST_AGO, (now,)).fetchone() or ()


def settle(
    db: Connection,
    job: Job,
    rating_key: str | None,
    now: float,
    kept: Mapping[str, str] = _NOTHING,
) -> bool:
    """Take a finished job out, and remember what it brought into line, and what not.

    If a newer record came in meanwhile, the job stays and is ready again; then
    the answer is False.
    """
    gone = db.execute(
        f"DELETE FROM job WHERE id = ? AND rev = ? RETURNING heard, {COLUMNS}",
        (job.id, job.rev),
    ).fetchone()
    record, written, heard = job.record, job.revisions, job.heard
    if gone is not None and gone != (heard, *job.stored):
        # A newer revision that says the same came in meanwhile.
        heard, waiting = gone[0], Waiting.from_row(gone[1:])
        record = replace(record, revision=waiting.revision, files=waiting.files)
        written = waiting.revisions()
    elif gone is None:
        leases.end(db, [job.id])
        if not _ready_again(db, job, now):
            # Its key now names another record, of which nothing is known.
            return False
    settled.remember(db, record, written, rating_key, heard, kept)
    return gone is not None


def _end_turn(
    db: Connection,
    job: Job,
    now: float,
    change: str,
    values: Mapping[str, Any],
    *,
    sick: bool = False,
) -> bool:
    """Change a job that was in flight, unless a newer record came in meanwhile.

    Then it is ready at once, and the answer is False. A ``sick`` item waits all the
    same: news from its source is no reason to ask for it more often.
    """
    leases.end(db, [job.id])
    same = "id = :id" if sick else "id = :id AND rev = :rev"
    changed = db.execute(
        f"UPDATE job SET {change} WHERE {same}",
        {**values, "now": now, "id": job.id, "rev": job.rev},
    )
    if not changed.rowcount:
        _ready_again(db, job, now)
    return bool(changed.rowcount)


def skip(db: Connection, job: Job, reason: str, now: float) -> bool:
    """Keep a job as skipped; say False where a newer record came in meanwhile."""
    return _end_turn(
        db,
        job,
        now,
        f"failed = {SKIPPED}, reason = :reason, candidates = NULL,"
        " attempts = 0, misses = 0, missed_since = NULL, crashes = 0, solo = 0,"
        " blocked = NULL, snoozes = 0",
        {"reason": reason},
    )


@dataclass(frozen=True, slots=True)
class Snooze:
    """Why a job waits, and until when (``Clock.steady`` seconds).

    It counts as an ``attempt``, as ``missed``, or as neither, which costs nothing.
    A ``solo`` job goes to the second lane; ``blocked`` names the kind of call that it
    waits for.
    """

    due: float
    reason: str | None = None
    candidates: tuple[str, ...] = ()
    attempt: bool = False
    missed: bool = False
    solo: bool = False
    blocked: str | None = None


def snooze(db: Connection, job: Job, why: Snooze, now: float) -> None:
    """Put a job off. A newer record that came in meanwhile is ready at once."""
    sick = why.solo and why.blocked is None
    _end_turn(
        db,
        job,
        now,
        "due = :due, reason = :reason,"
        " candidates = :candidates, attempts = attempts + :attempt,"
        " misses = misses + :missed, crashes = 0, solo = :solo, blocked = :blocked,"
        " snoozes = snoozes + :uncharged,"
        " missed_since = CASE WHEN :missed THEN coalesce(missed_since, :now)"
        " ELSE missed_since END",
        {
            "due": why.due,
            "reason": why.reason,
            "candidates": json.dumps(why.candidates),
            "attempt": why.attempt,
            "missed": why.missed,
            "uncharged": sick,
            "solo": why.solo,
            "blocked": why.blocked,
        },
        sick=sick,
    )


def make_solo(db: Connection, jobs: Sequence[Job], now: float) -> None:
    """Move jobs to the second lane: one of them broke their turn, nobody knows which."""
    leases.end(db, [job.id for job in jobs])
    db.executemany(
        "UPDATE job SET solo = 1, blocked = NULL, due = ? WHERE id = ?",
        [(now, job.id) for job in jobs],
    )


def charge(db: Connection, ids: Iterable[int]) -> None:
    """Count an attempt: what these jobs met has shown to be their own."""
    db.executemany(
        "UPDATE job SET attempts = attempts + 1 WHERE id = ?", [(each,) for each in ids]
    )


def fail(
    db: Connection,
    job: Job,
    reason: str,
    now: float,
    candidates: Iterable[str] = (),
    *,
    kept: Mapping[str, str] | None = None,
    passing: bool = False,
) -> bool:
    """Keep a job as failed; say False where a newer record came in meanwhile.

    ``passing`` says that it may be over by itself, after an outage for example;
    ``kept`` names the fields that it failed of, and why.
    """
    return _end_turn(
        db,
        job,
        now,
        f"{_FAILS}, reason = :reason, candidates = :candidates,"
        " attempts = attempts + 1, passing = :passing",
        {
            "reason": reason,
            "candidates": json.dumps(kept or list(candidates)),
            "passing": passing,
        },
    )


def _ready_again(db: Connection, job: Job, now: float) -> bool:
    """Make a job due; say False where there is none of this id any more."""
    changed = db.execute(
        "UPDATE job SET due = ?, crashes = 0, solo = 0, blocked = NULL,"
        " snoozes = 0 WHERE id = ?",
        (now, job.id),
    )
    return bool(changed.rowcount)


def wake(db: Connection, now: float, reason: str) -> int:
    """Make jobs that wait for this reason due now."""
    sql = f"UPDATE job SET due = ? WHERE failed = 0 AND {FREE} AND reason = ?"
    return db.execute(sql, (now, reason)).rowcount


def next_due(
    db: Connection,
    *,
    solo: bool | None = None,
    priorities: Iterable[Priority] = Priority,
) -> float | None:
    """Return when the next job is due, in one lane or in both."""
    times = [
        row[0]
        for alone in ((False, True) if solo is None else (solo,))
        for priority in priorities
        if (
            row := db.execute(
                f"SELECT due FROM job WHERE {_OPEN}"
                " AND solo = ? AND priority = ? ORDER BY due LIMIT 1",
                (alone, priority),
            ).fetchone()
        )
    ]
    return min(times, default=None)


def count_due(db: Connection, now: float) -> int:
    """Count the jobs that could be worked on now."""
    sql = f"SELECT count(*) FROM job WHERE {_OPEN} AND due <= ?"
    return int(db.execute(sql, (now,)).fetchone()[0])
