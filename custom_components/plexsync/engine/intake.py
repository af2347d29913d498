"""A record comes in: it becomes a job, joins the one that waits, or says nothing new.

Every function is one step of a transaction under way (``Database.run``); times are
``Clock.steady`` seconds.
"""

from enum import StrEnum
from sqlite3 import Connection

from . import settled
from .coalescing import COLUMNS, Waiting, drop_older, merge, older, too_late
from .job import Priority
from .record import Record


class Accepted(StrEnum):
    """What enqueueing did."""

    QUEUED = "queued"
    UNCHANGED = "unchanged"  # equal to what was brought into line last


def enqueue(
    db: Connection, record: Record, priority: Priority, now: float
) -> tuple[Accepted, int | None]:
    """Take in one record; give what happened and the job's id.

    Absent fields never supersede waiting ones, but those of a mirror do: what it
    lacks is not wanted any more. A field of an older revision loses against a newer
    one that waits or was written, and so does an older mirror's record as a whole. A
    record equal to what waits, failed or was settled changes nothing.
    """
    row = db.execute(
        f"SELECT id, {COLUMNS} FROM job WHERE source = ? AND key = ?",
        (record.source, record.key),
    ).fetchone()
    if row is None:
        if (news := _news(db, record)) is None:
            return Accepted.UNCHANGED, None
        return Accepted.QUEUED, _insert(db, news, priority, now)
    job, waiting = row[0], Waiting.from_row(row[1:])
    merged = merge(waiting, record, settled.revisions(db, record))
    if merged != waiting:
        _store(db, job, merged)
    db.execute(
        "UPDATE job SET priority = min(priority, ?) WHERE id = ?", (priority, job)
    )
    if not merged.says_the_same(waiting):
        _start_anew(db, job, now)
    return Accepted.QUEUED, job


def compare_anew(
    db: Connection, record: Record, priority: Priority, now: float
) -> None:
    """Take in a record that is compared with its items even where it was in line."""
    settled.forget(db, record.source, record.key)
    enqueue(db, record, priority, now)


def _news(db: Connection, record: Record) -> Record | None:
    """Give what of a record was not brought into line yet."""
    known = settled.find(db, record.source, record.key)
    if known is None:
        return record
    if known.fingerprint == record.fingerprint():
        settled.confirm(db, record, known.revisions)
        return None
    if too_late(record, {}, known.revisions):
        return None
    news = drop_older(record, known.revisions)
    if not news.fields:
        settled.confirm(db, news, known.revisions)
        return None
    return news


def _insert(
    db: Connection, record: Record, priority: Priority, now: float
) -> int | None:
    row = Waiting.of(record).row()
    marks = ", ?" * len(row)
    return db.execute(
        f"INSERT INTO job (source, key, rev, priority, enqueued, due, {COLUMNS})"
        f" VALUES (?, ?, 1, ?, ?, ?{marks})",
        (record.source, record.key, priority, now, now, *row),
    ).lastrowid


def _store(db: Connection, job: int, waiting: Waiting) -> None:
    row = waiting.row()
    marks = ", ".join("?" * len(row))
    db.execute(f"UPDATE job SET ({COLUMNS}) = ({marks}) WHERE id = ?", (*row, job))


def _start_anew(db: Connection, job: int, now: float) -> None:
    """Count it as news: what failed or was put off before says nothing of it."""
    db.execute(
        "UPDATE job SET rev = rev + 1, failed = 0, reason = NULL,"
        # An item that is sick is hardly asked more often because there is more to
        # say; a kind of call that fails keeps nobody's other fields back.
        " due = CASE WHEN solo = 1 AND blocked IS NULL THEN min(due, ? + 5) ELSE ?"
        " END, solo = CASE WHEN blocked IS NULL THEN solo ELSE 0 END, blocked = NULL,"
        " candidates = NULL, attempts = 0, misses = 0, missed_since = NULL,"
        " crashes = 0, failures = 0, first_failed = NULL, last_failed = NULL,"
        " retries = 0, outage_retries = 0 WHERE id = ?",
        (now, now, job),
    )


def refresh(db: Connection, job: int, record: Record) -> bool:
    """Let a failed job carry what its source says now; say whether it does.

    It does not if it knows newer, or has failed no longer.
    """
    row = db.execute(
        f"SELECT {COLUMNS} FROM job WHERE id = ? AND failed > 0", (job,)
    ).fetchone()
    if row is None:
        return False
    waiting, written = Waiting.from_row(row), settled.revisions(db, record)
    if older(record.revision, waiting.revision):
        return False
    if too_late(record, waiting.fields, written):
        return False
    _store(db, job, merge(waiting, record, written))
    db.execute("UPDATE job SET rev = rev + 1 WHERE id = ?", (job,))
    return True
