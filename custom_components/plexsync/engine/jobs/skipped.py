"""Jobs with nothing to write to, which is no failure: kept, counted, tried in sweeps.

In the table of jobs they are neither open nor failed. Every function is one step of a
transaction under way (``Database.run``).
"""

import json
from sqlite3 import Connection

from ..model.reasons import SKIPPED, Reason

# Why a look or a source finds nothing to write to.
REASONS = frozenset(
    {
        Reason.OUTSIDE_LIBRARIES,
        Reason.NOT_MAPPED,
        Reason.NO_FILE,
        Reason.NOT_ORGANIZED,
        Reason.FILTERED,
        Reason.SHARED_ITEM,
        Reason.PLAN_CHANGED,
    }
)
# Many of these show that paths are mapped wrongly, or that a library was not chosen.
OF_PATHS = frozenset({Reason.OUTSIDE_LIBRARIES, Reason.NOT_MAPPED})


def counts(db: Connection) -> dict[str, int]:
    """Count the jobs that are skipped, by reason."""
    rows = db.execute(
        "SELECT reason, count(*) FROM job WHERE failed = ? GROUP BY reason", (SKIPPED,)
    )
    return dict(rows.fetchall())


def of_paths(db: Connection) -> dict[str, int]:
    """Count the jobs that are skipped because of where their files lie, by source."""
    rows = db.execute(
        "SELECT source, count(*) FROM job WHERE failed = ?"
        " AND reason IN (SELECT value FROM json_each(?)) GROUP BY source",
        (SKIPPED, json.dumps(sorted(OF_PATHS))),
    )
    return dict(rows.fetchall())


def clear_failed(db: Connection) -> None:
    """Skip the failed jobs that are no failures."""
    db.execute(
        "UPDATE job SET failed = ? WHERE failed = 1"
        " AND reason IN (SELECT value FROM json_each(?))",
        (SKIPPED, json.dumps(sorted(REASONS))),
    )


def take_up(
    db: Connection, source: str, reason: str, now: float, key: str | None = None
) -> None:
    """Try again what was skipped for a reason, once that may have passed."""
    db.execute(
        "UPDATE job SET failed = 0, due = ?, reason = NULL"
        " WHERE source = ? AND key = coalesce(?, key) AND failed = ? AND reason = ?",
        (now, source, key, SKIPPED, reason),
    )


def take_up_of_actions(db: Connection, now: float) -> None:
    """Try again what was skipped of actions: no source brings it in a sweep."""
    db.execute(
        "UPDATE job SET failed = 0, due = ?, reason = NULL"
        " WHERE failed = ? AND NOT mirror",
        (now, SKIPPED),
    )
