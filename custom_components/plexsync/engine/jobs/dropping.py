"""Jobs that are dropped: their records are gone, or not to be written any more.

Every function is one step of a transaction under way (``Database.run``).
"""

from collections.abc import Sequence
import json
from math import inf
from sqlite3 import Connection

from ..ledger import settled
from ..plan import approvals, plan_cache
from .blocked import choose_next


def discard_source(db: Connection, source: str, now: float) -> int:
    """Drop a source's jobs and what is known of its records; return how many jobs."""
    settled.forget_source(db, source)
    return _drop(db, "source = ?", (source,), now)


def drop(db: Connection, source: str, key: str, now: float) -> None:
    """Drop the job of a record, and what is known of it."""
    settled.drop(db, source, key)
    _drop(db, "source = ? AND key = ?", (source, key), now)
    _forget_plan(db, source, key)


def withhold(
    db: Connection, source: str, keys: Sequence[str], now: float, asked: float = inf
) -> None:
    """Drop the jobs of records that their source does not send any more.

    Not those of which it has said more since it was ``asked``.
    """
    if keys:
        where = (
            "source = ? AND key IN (SELECT value FROM json_each(?))"
            " AND ifnull(heard, 0) <= ?"
        )
        _drop(db, where, (source, json.dumps(list(keys)), asked), now)
        for (key,) in db.execute(
            "SELECT value FROM json_each(?2) WHERE NOT EXISTS"
            " (SELECT 1 FROM job WHERE source = ?1 AND key = value)",
            (source, json.dumps(list(keys))),
        ).fetchall():
            _forget_plan(db, source, key)


def _forget_plan(db: Connection, source: str, key: str) -> None:
    """Forget what was shown of a record, and approved: nothing of it will be written."""
    plan_cache.drop(db, source, key)
    approvals.drop(db, source, key)


def _drop(db: Connection, where: str, values: Sequence[str | float], now: float) -> int:
    gone = db.execute(
        f"DELETE FROM job WHERE {where} RETURNING iif(solo, blocked, NULL)",
        values,
    ).fetchall()
    for kind in {row[0] for row in gone} - {None}:
        choose_next(db, kind, now)  # else nobody would try it any more
    return len(gone)
