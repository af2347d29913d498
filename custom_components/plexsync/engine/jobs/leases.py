"""Which jobs are in flight, and since when.

They stand in a small table of their own: the row of a job has about a kilobyte, and
would be written once more for each turn.

Every function is one step of a transaction under way (``Database.run``); times are
``Clock.steady`` seconds.
"""

from collections.abc import Iterable
from sqlite3 import Connection

SCHEMA = """
CREATE TABLE IF NOT EXISTS lease (
    job INTEGER PRIMARY KEY REFERENCES job (id),
    taken REAL NOT NULL
) STRICT;
CREATE TRIGGER IF NOT EXISTS leased_job_gone AFTER DELETE ON job BEGIN
    DELETE FROM lease WHERE job = OLD.id;
END;
"""

# Conditions on ``job``.
IN_FLIGHT = "id IN (SELECT job FROM lease)"
FREE = "id NOT IN (SELECT job FROM lease)"


def begin(db: Connection, jobs: Iterable[int], now: float) -> None:
    """Note that jobs are in flight."""
    db.executemany("INSERT INTO lease VALUES (?, ?)", [(job, now) for job in jobs])


def end(db: Connection, jobs: Iterable[int]) -> None:
    """Note that jobs are in flight no longer, and when they were tried."""
    ids = [(job,) for job in jobs]
    db.executemany(
        "UPDATE job SET tried = taken FROM lease WHERE id = ?1 AND lease.job = ?1", ids
    )
    db.executemany("DELETE FROM lease WHERE job = ?", ids)


def end_all(db: Connection) -> None:
    """Note that no job is in flight any longer."""
    end(db, [job for (job,) in db.execute("SELECT job FROM lease").fetchall()])
