"""Jobs that wait for a kind of call (``calls.bulkheads``), which one of them has to try.

A job that is ``blocked`` waits for a kind; if it is also ``solo`` it was chosen to try it.

Every function is one step of a transaction under way (``Database.run``).
"""

from sqlite3 import Connection

from ..calls.bulkheads import REASONS
from .leases import FREE

# Longest wait in seconds, once its kind of call works again, of a job that may be sick.
LONGEST_IF_SICK = 60.0


def waited_for(db: Connection) -> list[str]:
    """Return the kinds of call that jobs wait for."""
    kinds = "SELECT DISTINCT blocked FROM job WHERE blocked IS NOT NULL"
    return [kind for (kind,) in db.execute(kinds)]


def failing_groups(db: Connection) -> list[str]:
    """Return the groups of calls that failed for jobs which wait by themselves."""
    found = db.execute("SELECT DISTINCT reason FROM job WHERE failed = 0 AND solo = 1")
    reasons = {reason for (reason,) in found}
    return [group for group, reason in REASONS.items() if reason in reasons]


def choose_next(db: Connection, kind: str, due: float) -> None:
    """Of the jobs that wait for a kind of call, let the one tried longest ago try it."""
    db.execute(
        "UPDATE job SET due = :due, solo = 1 WHERE id = (SELECT id FROM job"
        f" WHERE blocked = :kind AND solo = 0 AND failed = 0 AND {FREE}"
        " AND held = 0 ORDER BY tried, id LIMIT 1) AND NOT EXISTS (SELECT 1 FROM job"
        " WHERE blocked = :kind AND failed = 0 AND held = 0 AND solo = 1)",
        {"kind": kind, "due": due},
    )


def unblock(db: Connection, kind: str, reason: str, now: float) -> int:
    """Make all jobs due that wait for a kind of call; return how many.

    One whose own call failed before goes to the second lane, a little later: it may be
    sick itself. ``reason`` is shown for what waits for the kind.
    """
    # The delay is that of ``RetryPolicy.transient``, 5 s that double each time, in SQL.
    db.execute(
        "UPDATE job SET due = min(due, ?) WHERE solo = 1 AND blocked IS NULL"
        " AND reason = ? AND failed = 0",
        (now + LONGEST_IF_SICK, reason),
    )
    return db.execute(
        "UPDATE job SET solo = snoozes > 0, blocked = NULL, reason = NULL,"
        " due = ? + CASE WHEN snoozes > 0 THEN min(?, 5 << min(snoozes, 7)) ELSE 0 END"
        " WHERE blocked = ? AND failed = 0",
        (now, LONGEST_IF_SICK, kind),
    ).rowcount
