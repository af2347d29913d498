"""A record comes in: it becomes a job, joins the one that waits, or says nothing new.

Every function is one step of a transaction under way (``Database.run``); times are
``Clock.steady`` seconds.
"""

from dataclasses import dataclass
from sqlite3 import Connection

from ..ledger import settled
from ..ledger.settled import Settled
from ..model.reasons import OF_PICTURES
from ..model.record import Record
from ..model.revisions import Revisions, older
from ..plan import approvals
from .coalescing import COLUMNS, Waiting, drop_older, merge, too_late
from .job import Priority
from .reused_keys import begin_anew, is_another


def enqueue(
    db: Connection, record: Record, priority: Priority, now: float
) -> int | None:
    """Take in one record; return its job, None where it says nothing new.

    Absent fields never supersede waiting ones, but those of a mirror do: what it
    lacks is not wanted any more. A field of an older revision loses against a newer
    one that waits or was written, and so does an older mirror's record as a whole; not
    where its source was asked for it after the newer one had come in: then the source
    went back. A record equal to what waits, failed or was settled changes nothing; what
    failed is not tried again because a picture may be another one, unless it failed of
    that. A record of other files than its key was known for is another record.
    """
    waits, known = _look_up(db, record, now)
    if waits is None:
        news = _news(db, record, known, now)
        return None if news is None else _insert(db, news, priority, now)
    job, waiting = waits.job, waits.waiting
    merged = _merge(waits, record, known)
    if merged != waiting:
        _store(db, job, merged, now)
        approvals.drop(db, record.source, record.key)
    db.execute(
        "UPDATE job SET priority = ?1 WHERE id = ?2 AND priority > ?1", (priority, job)
    )
    if not (merged.content() == waiting.content() or _is_only_marked(waits, merged)):
        _start_anew(db, job, now)
    return job


def compare_anew(
    db: Connection, record: Record, priority: Priority, now: float
) -> None:
    """Take in a record that is compared with its items even where it was in line."""
    settled.compare_again(db, record.source, record.key)
    enqueue(db, record, priority, now)


@dataclass(frozen=True, slots=True)
class _Waits:
    """A job, what it has to bring into line, and when the newest of that came in."""

    job: int
    waiting: Waiting
    heard: float | None
    failed: bool  # or skipped
    reason: str | None  # why


def _waits(db: Connection, record: Record) -> _Waits | None:
    row = db.execute(
        f"SELECT id, heard, failed, reason, {COLUMNS} FROM job"
        " WHERE source = ? AND key = ?",
        (record.source, record.key),
    ).fetchone()
    if row is None:
        return None
    return _Waits(row[0], Waiting.from_row(row[4:]), row[1], bool(row[2]), row[3])


def _look_up(
    db: Connection, record: Record, now: float
) -> tuple[_Waits | None, Settled | None]:
    """Return the job of a record, and what was brought into line for it before.

    There is neither where its key was known for other files.
    """
    waits = _waits(db, record)
    known = settled.find(db, record.source, record.key)
    files = waits.waiting.files if waits else known.files if known else ()
    if is_another(files, record.files):
        begin_anew(db, record, now)
        return None, None
    if known is not None and _goes_back(record, known.revisions, known.heard):
        known = settled.go_back(db, record, known)
    return waits, known


def _goes_back(record: Record, revisions: Revisions, heard: float | None) -> bool:
    """Return whether a whole view of a smaller revision is the later one all the same.

    It is if its source was asked for it after the other one had come in.
    """
    if not record.mirror or record.asked is None:
        return False
    if heard is not None and record.asked <= heard:
        return False
    return any(older(record.revision, each) for each in revisions.values())


def _merge(waits: _Waits, record: Record, known: Settled | None) -> Waiting:
    """Let a record into what waits."""
    if _goes_back(record, waits.waiting.revisions(), waits.heard):
        return Waiting.of(record)
    return merge(waits.waiting, record, known.revisions if known else {})


def _is_only_marked(waits: _Waits, merged: Waiting) -> bool:
    """Return whether a failed job only hears that a picture may have changed.

    Stash's covers may change within the second of an edit, and so each of its edits is
    read once more, with another mark.
    """
    return (
        waits.failed
        and waits.reason not in OF_PICTURES
        and merged.differs_in_marks(waits.waiting)
    )


def _news(
    db: Connection, record: Record, known: Settled | None, now: float
) -> Record | None:
    """Return the part of a record that was not brought into line yet."""
    if known is None:
        return record
    if known.fingerprint == record.fingerprint():
        settled.confirm(db, record, known, now)
        return None
    if too_late(record, {}, known.revisions):
        return None
    news = drop_older(record, known.revisions)
    if not news.fields:
        settled.confirm(db, news, known, now)
        return None
    return news


def _insert(
    db: Connection, record: Record, priority: Priority, now: float
) -> int | None:
    # What was approved for an earlier job of this key is not what this one would write.
    approvals.drop(db, record.source, record.key)
    row = Waiting.of(record).row()
    marks = ", ?" * len(row)
    return db.execute(
        "INSERT INTO job"
        f" (source, key, rev, priority, enqueued, due, heard, {COLUMNS}, held)"
        f" VALUES (?, ?, 1, ?, ?, ?, ?{marks},"
        " EXISTS (SELECT 1 FROM source_hold WHERE source = ?))",
        (record.source, record.key, priority, now, now, now, *row, record.source),
    ).lastrowid


def _store(db: Connection, job: int, waiting: Waiting, now: float) -> None:
    row = waiting.row()
    marks = ", ".join("?" * len(row))
    db.execute(
        f"UPDATE job SET heard = ?, ({COLUMNS}) = ({marks}) WHERE id = ?",
        (now, *row, job),
    )


def _start_anew(db: Connection, job: int, now: float) -> None:
    """Count it as news: what failed or was put off before says nothing about it."""
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


def refresh(db: Connection, record: Record, now: float) -> bool:
    """Let the failed job of a record carry what its source says now; return whether it does.

    It does not if it knows newer, or has failed no longer.
    """
    before = _waits(db, record)
    if before is None or not before.failed:
        return False
    waits, known = _look_up(db, record, now)
    if waits is None:  # the key names another record now
        enqueue(db, record, Priority.BULK, now)
        return True
    waiting, written = waits.waiting, known.revisions if known else {}
    merged = _merge(waits, record, known)
    if not _goes_back(record, waiting.revisions(), waits.heard) and (
        older(record.revision, waiting.revision)
        or too_late(record, waiting.fields, written)
    ):
        return False
    _store(db, waits.job, merged, now)
    approvals.drop(db, record.source, record.key)
    db.execute("UPDATE job SET rev = rev + 1 WHERE id = ?", (waits.job,))
    return True
