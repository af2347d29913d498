"""Counters that change in the transaction of the job that they count."""

from collections.abc import Sequence
from dataclasses import dataclass
from sqlite3 import Connection
from statistics import median

SCHEMA = """
CREATE TABLE IF NOT EXISTS counter (
    name TEXT PRIMARY KEY,
    value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS recent (
    id INTEGER PRIMARY KEY,
    good INTEGER NOT NULL,
    seconds REAL NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS setting (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;
"""

RECENT = 500  # jobs that the success rate and the median duration look at


@dataclass(frozen=True, slots=True)
class Statistics:
    """Counts since the beginning, and figures of the recent jobs.

    ``success_rate`` is in percent, ``duration`` in seconds, ``last_sync`` in
    seconds since the epoch; each is None without data.
    """

    synced: int = 0
    unchanged: int = 0
    failed: int = 0
    success_rate: float | None = None
    duration: float | None = None
    last_sync: float | None = None


def count(db: Connection, name: str, number: int = 1) -> None:
    """Add to a counter."""
    db.execute(
        "INSERT INTO counter VALUES (?, ?)"
        " ON CONFLICT (name) DO UPDATE SET value = value + excluded.value",
        (name, number),
    )


def note_ended(db: Connection, good: Sequence[bool], seconds: float) -> None:
    """Note how jobs ended and how long each took, from its claim to its end."""
    if not good:
        return
    db.executemany(
        "INSERT INTO recent (good, seconds) VALUES (?, ?)",
        [(each, seconds) for each in good],
    )
    db.execute(
        "DELETE FROM recent WHERE id <= (SELECT max(id) FROM recent) - ?", (RECENT,)
    )


def read(db: Connection) -> Statistics:
    """Return all figures."""
    counters = dict(db.execute("SELECT name, value FROM counter").fetchall())
    recent = db.execute("SELECT good, seconds FROM recent").fetchall()
    last = setting(db, "last_sync")
    return Statistics(
        synced=counters.get("synced", 0),
        unchanged=counters.get("unchanged", 0),
        failed=counters.get("failed", 0),
        success_rate=100 * sum(row[0] for row in recent) / len(recent)
        if recent
        else None,
        duration=median(row[1] for row in recent) if recent else None,
        last_sync=float(last) if last else None,
    )


def setting(db: Connection, name: str) -> str | None:
    """Read one setting, cursor or mark."""
    row = db.execute("SELECT value FROM setting WHERE name = ?", (name,)).fetchone()
    return row[0] if row else None


def named(db: Connection, prefix: str, value: str) -> set[str]:
    """Name the settings that begin so and have this value."""
    return {
        row[0]
        for row in db.execute(
            "SELECT name FROM setting WHERE substr(name, 1, ?) = ? AND value = ?",
            (len(prefix), prefix, value),
        )
    }


def keep(db: Connection, name: str, value: str | None) -> None:
    """Write one setting, cursor or mark; None forgets it."""
    if value is None:
        db.execute("DELETE FROM setting WHERE name = ?", (name,))
    else:
        db.execute("INSERT OR REPLACE INTO setting VALUES (?, ?)", (name, value))
