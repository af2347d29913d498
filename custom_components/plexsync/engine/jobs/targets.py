"""How each item of a waiting or failed job fared, so that it can be shown.

Every function is one step of a transaction under way (``Database.run``).
"""

from collections.abc import Sequence
from sqlite3 import Connection

from ..model.outcome import ItemOutcome
from .job import Job

SCHEMA = """
CREATE TABLE IF NOT EXISTS target (
    job INTEGER NOT NULL REFERENCES job (id),
    rating_key TEXT NOT NULL,
    rev INTEGER NOT NULL,          -- of the job: a newer record begins anew
    status TEXT NOT NULL,
    reason TEXT,
    PRIMARY KEY (job, rating_key)
) STRICT, WITHOUT ROWID;
CREATE TRIGGER IF NOT EXISTS job_gone AFTER DELETE ON job BEGIN
    DELETE FROM target WHERE job = OLD.id;
END;
"""


def earlier(db: Connection, job: Job) -> dict[str, str]:
    """Return what became of items in earlier turns of the same record, by rating key."""
    return dict(
        db.execute(
            "SELECT rating_key, status FROM target WHERE job = ? AND rev = ?",
            (job.id, job.rev),
        ).fetchall()
    )


def remember(db: Connection, job: Job, items: Sequence[ItemOutcome]) -> None:
    """Keep how the items fared of a job that is not over, or has failed."""
    db.execute("DELETE FROM target WHERE job = ?", (job.id,))
    db.executemany(
        "INSERT INTO target VALUES (?, ?, ?, ?, ?)",
        [
            (job.id, item.rating_key, job.rev, item.status, item.reason)
            for item in items
        ],
    )


def of_job(db: Connection, job: int) -> tuple[ItemOutcome, ...]:
    """Return how the items of a job have fared so far."""
    rows = db.execute(
        "SELECT rating_key, status, reason FROM target WHERE job = ?", (job,)
    )
    return tuple(ItemOutcome(*row) for row in rows)
