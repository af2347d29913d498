"""A job as it is stored: its table, its row, and what the worker gets of it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from sqlite3 import Connection
from typing import Any

from ..model.record import Record
from ..model.revisions import Revisions
from .coalescing import COLUMNS, Waiting

SCHEMA = """
CREATE TABLE IF NOT EXISTS job (
    id INTEGER PRIMARY KEY AUTOINCREMENT,  -- never given twice
    source TEXT NOT NULL,
    key TEXT NOT NULL,
    find TEXT NOT NULL,
    fields TEXT NOT NULL,          -- {name: [revision, value]}, "": of the whole view
    revision INTEGER,
    identified INTEGER NOT NULL,
    mirror INTEGER NOT NULL,
    rev INTEGER NOT NULL,          -- counts the records that went into it
    priority INTEGER NOT NULL,
    enqueued REAL NOT NULL,
    due REAL NOT NULL,
    failed INTEGER NOT NULL DEFAULT 0,  -- 1, or 2: skipped, which is no failure
    attempts INTEGER NOT NULL DEFAULT 0,
    missed_since REAL,             -- first time the item was not found
    misses INTEGER NOT NULL DEFAULT 0,
    crashes INTEGER NOT NULL DEFAULT 0,
    reason TEXT,
    candidates TEXT,               -- what the reason names: rating keys, or {field: why}
    failures INTEGER NOT NULL DEFAULT 0,   -- of this record, however often taken up again
    first_failed REAL,
    last_failed REAL,
    passing INTEGER NOT NULL DEFAULT 0,    -- it failed of what an outage explains
    days INTEGER NOT NULL DEFAULT 0,       -- that it has been failed for
    retries INTEGER NOT NULL DEFAULT 0,
    outage_retries INTEGER NOT NULL DEFAULT 0,  -- those that followed an outage
    tried REAL,                    -- when the last turn took it that is over
    solo INTEGER NOT NULL DEFAULT 0,  -- handled alone, beside all others
    blocked TEXT,                  -- the kind of call that it waits for
    snoozes INTEGER NOT NULL DEFAULT 0,  -- for what its item may not be to blame for
    fill_only TEXT NOT NULL DEFAULT '[]',  -- fields written only where Plex has nothing
    files TEXT NOT NULL DEFAULT '[]',  -- marks of them
    heard REAL,                    -- when the newest record came in
    held INTEGER NOT NULL DEFAULT 0,  -- its source is: see ``source_holds``
    UNIQUE (source, key)
) STRICT;
CREATE INDEX IF NOT EXISTS job_due ON job (solo, priority, due, id, tried)
    WHERE failed = 0 AND held = 0;
CREATE INDEX IF NOT EXISTS job_tried_first ON job (tried, priority, due, id)
    WHERE failed = 0 AND held = 0 AND tried IS NOT NULL;
CREATE INDEX IF NOT EXISTS job_held ON job (source, failed) WHERE held = 1;
CREATE INDEX IF NOT EXISTS job_blocked ON job (blocked, solo, tried)
    WHERE blocked IS NOT NULL;
CREATE INDEX IF NOT EXISTS job_age ON job (enqueued) WHERE failed = 0 AND held = 0;
CREATE INDEX IF NOT EXISTS job_failed ON job (id) WHERE failed = 1;
CREATE TABLE IF NOT EXISTS source_hold (
    source TEXT NOT NULL,
    hold TEXT NOT NULL,
    shown TEXT,                    -- JSON: the numbers that its owner is asked about
    PRIMARY KEY (source, hold)
) STRICT, WITHOUT ROWID;
"""


class Priority(IntEnum):
    """Who waits: a person or an automation, or nobody in particular."""

    INTERACTIVE = 0
    BULK = 1


@dataclass(frozen=True, slots=True)
class Job:
    """A job in flight."""

    id: int
    rev: int
    record: Record
    revisions: Revisions
    attempts: int
    misses: int
    missed_since: float | None
    crashes: int
    snoozes: int = 0
    blocked: str | None = None
    heard: float | None = field(default=None, compare=False)  # when its record came in
    # ``COLUMNS`` of its row, to see later whether that has changed.
    stored: tuple[Any, ...] = field(default=(), compare=False, repr=False)


def load(db: Connection, ids: Sequence[int]) -> list[Job]:
    """Read jobs, in the order in which they are to be handled."""
    if not ids:
        return []  # SQLite would read all jobs to find none
    marks = ",".join("?" * len(ids))
    rows = db.execute(
        "SELECT id, rev, source, key, attempts, misses, missed_since,"
        f" crashes, snoozes, blocked, heard, {COLUMNS}"
        f" FROM job WHERE id IN ({marks}) ORDER BY priority, due, id",
        tuple(ids),
    )
    return [_job(row) for row in rows]


def _job(row: tuple[Any, ...]) -> Job:
    waiting = Waiting.from_row(row[11:])
    return Job(
        id=row[0],
        rev=row[1],
        record=waiting.record(source=row[2], key=row[3]),
        revisions=waiting.revisions(),
        attempts=row[4],
        misses=row[5],
        missed_since=row[6],
        crashes=row[7],
        snoozes=row[8],
        blocked=row[9],
        heard=row[10],
        stored=row[11:],
    )
