"""Failed jobs: taken up again, withdrawn by their source, discarded, pruned.

``queue.fail`` keeps a job as failed; a newer record supersedes it. Every function is
one step of a transaction under way (``Database.run``).
"""

from collections.abc import Sequence
from dataclasses import dataclass
import json
from sqlite3 import Connection
from typing import Any, NamedTuple

from ..model.reasons import SKIPPED
from . import skipped
from .leases import FREE
from .queue import MAX_CRASHES

MAX_OUTAGE_RETRIES = 3  # of one record
KEEP_DAYS = 30
KEEP_JOBS = 1000


@dataclass(frozen=True, slots=True)
class Choice:
    """Which failed jobs are meant: those that fit everything that is given.

    ``passing`` chooses those that an outage explains, but not for ever: what fails
    again and again after outages is not explained by them. With ``skipped``
    jobs that had nothing to write to are meant, too.
    """

    reason: str | None = None
    ids: Sequence[int] | None = None
    source: str | None = None
    passing: bool = False
    skipped: bool = False

    def where(self) -> tuple[str, list[Any]]:
        """Return the condition and its values."""
        terms = ["failed > 0" if self.skipped else "failed = 1"]
        values = list[Any]()
        for column, value in (("reason", self.reason), ("source", self.source)):
            if value is not None:
                terms.append(f"{column} = ?")
                values.append(value)
        if self.ids is not None:
            # One value: SQLite bounds the number of variables.
            terms.append("id IN (SELECT value FROM json_each(?))")
            values.append(json.dumps(list(self.ids)))
        if self.passing:
            terms.append("passing = 1 AND outage_retries < ?")
            values.append(MAX_OUTAGE_RETRIES)
        return " AND ".join(terms), values


EVERYTHING = Choice()


class Failed(NamedTuple):
    """A failed job, and the record that it is about."""

    id: int
    source: str
    key: str


def chosen(db: Connection, choice: Choice) -> list[Failed]:
    """Return the chosen jobs, oldest first."""
    where, values = choice.where()
    rows = db.execute(
        f"SELECT id, source, key FROM job WHERE {where} ORDER BY id", values
    )
    return [Failed(*row) for row in rows]


def retry(db: Connection, choice: Choice, now: float) -> int:
    """Make failed jobs ready again, as if they came in now; return how many.

    After an outage (``passing``) one that may crash the process gets a single try.
    """
    where, values = choice.where()
    return db.execute(
        "UPDATE job SET failed = 0, enqueued = ?, due = ?, reason = NULL,"
        " candidates = NULL, attempts = 0, misses = 0, missed_since = NULL,"
        " crashes = min(crashes, ?), retries = retries + 1,"
        f" outage_retries = outage_retries + ? WHERE {where}",
        (now, now, (MAX_CRASHES - 1) * choice.passing, choice.passing, *values),
    ).rowcount


def try_again(db: Connection, ids: Sequence[int], now: float) -> None:
    """Let jobs be tried now: those that failed, were skipped, or wait by themselves."""
    retry(db, Choice(ids=ids, skipped=True), now)
    db.executemany(
        f"UPDATE job SET due = ? WHERE id = ? AND failed = 0 AND {FREE}",
        [(now, job) for job in ids],
    )


def withdraw(db: Connection, job: int, reason: str) -> int:
    """Keep a failed job whose source has nothing to write now; return how many (0 or 1).

    If the reason is one for skipping, the job is skipped from now on, which is no failure.
    Else it stays failed: one answer of a source never proves a deletion.
    """
    return db.execute(
        "UPDATE job SET reason = ?, candidates = NULL, passing = 0, failed = ?"
        " WHERE id = ? AND failed > 0",
        (reason, SKIPPED if reason in skipped.REASONS else 1, job),
    ).rowcount


def discard(db: Connection, choice: Choice) -> int:
    """Drop failed jobs; return how many. Their next newer record starts anew."""
    where, values = choice.where()
    return db.execute(f"DELETE FROM job WHERE {where}", values).rowcount


def prune(db: Connection) -> int:
    """Add a day to each failed job, and drop those too old or too many; return how many.

    It is called once a day. No clock is asked, so one that jumps drops nothing.
    """
    db.execute("UPDATE job SET days = days + 1 WHERE failed = 1")
    return db.execute(
        "DELETE FROM job WHERE failed = 1 AND (days > ? OR id NOT IN (SELECT id FROM job"
        " WHERE failed = 1 ORDER BY days, last_failed DESC, id DESC LIMIT ?))",
        (KEEP_DAYS, KEEP_JOBS),
    ).rowcount
