"""Durable jobs: one row per (source, record key), the newest record of it wins.

From an action it wins field by field; a mirror's record is its source's whole view,
and replaces what waits.

Every function takes the connection of a transaction under way (``Database.run``)
and is one step of it; times are ``Clock.steady`` seconds.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum, StrEnum
import json
from sqlite3 import Connection
from typing import Any

from .record import (
    Record,
    fields_from_json,
    find_from_json,
    find_to_json,
    value_to_json,
)

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
    failed INTEGER NOT NULL DEFAULT 0,
    leased INTEGER,                -- the rev in flight
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
    tried REAL,                    -- when it was last taken
    solo INTEGER NOT NULL DEFAULT 0,  -- handled alone, beside all others
    blocked TEXT,                  -- the kind of call that it waits for
    snoozes INTEGER NOT NULL DEFAULT 0,  -- for what its item may not be to blame for
    UNIQUE (source, key)
) STRICT;
CREATE INDEX IF NOT EXISTS job_turn ON job (solo, priority, due, id)
    WHERE failed = 0 AND leased IS NULL;
CREATE INDEX IF NOT EXISTS job_blocked ON job (blocked, solo, tried)
    WHERE blocked IS NOT NULL;
CREATE INDEX IF NOT EXISTS job_enqueued ON job (enqueued) WHERE failed = 0;
CREATE INDEX IF NOT EXISTS job_failed ON job (id) WHERE failed = 1;
CREATE TABLE IF NOT EXISTS settled (
    source TEXT NOT NULL,
    key TEXT NOT NULL,
    fingerprint TEXT NOT NULL,     -- of the newest record that was brought into line
    plain TEXT NOT NULL,           -- the same without its pictures
    token TEXT NOT NULL,           -- names its revision
    revisions TEXT NOT NULL,       -- {field: revision} of what was written, "" as above
    rating_key TEXT,
    PRIMARY KEY (source, key)
) STRICT, WITHOUT ROWID;
"""

OWN_LONGEST = 60.0  # seconds, once the kind of call works again, for what failed itself
MAX_CRASHES = 3  # unclean stops with the job in flight before it is set aside


class Priority(IntEnum):
    """Who waits: a person or an automation, or nobody in particular."""

    INTERACTIVE = 0
    BULK = 1


class Accepted(StrEnum):
    """What enqueueing did."""

    QUEUED = "queued"
    UNCHANGED = "unchanged"  # equal to what was brought into line last


@dataclass(frozen=True, slots=True)
class Job:
    """A job in flight."""

    id: int
    rev: int
    record: Record
    revisions: Revisions
    priority: Priority
    attempts: int
    misses: int
    missed_since: float | None
    crashes: int
    snoozes: int = 0
    blocked: str | None = None


@dataclass(frozen=True, slots=True)
class History:
    """How a job has failed so far, and how often it was taken up again."""

    failures: int
    first: float
    last: float
    retries: int


@dataclass(frozen=True, slots=True)
class JobInfo:
    """A job as it is shown; ``next_attempt`` is None for a failed one.

    ``history`` is None for a record that never failed.
    """

    id: int
    source: str
    key: str
    state: str  # pending, waiting, in_flight, failed
    reason: str | None
    candidates: tuple[str, ...]
    kept: Mapping[str, str]
    attempts: int
    enqueued: float
    next_attempt: float | None
    paths: tuple[str, ...]
    fields: tuple[str, ...]
    history: History | None


@dataclass(frozen=True, slots=True)
class Counts:
    """How many jobs there are, and when the oldest pending one came in."""

    pending: int
    failed: int
    oldest: float | None


type Packed = dict[str, list[Any]]
type Revisions = dict[str, int | None]

# Beside the fields: the newest whole view, which also says what is not wanted any more.
_WHOLE = ""

_FAILS = (
    "leased = NULL, failed = 1, failures = failures + 1, days = 0, solo = 0,"
    " blocked = NULL, snoozes = 0,"
    " first_failed = coalesce(first_failed, :now), last_failed = :now"
)


def recover(db: Connection, now: float, longest: float) -> int:
    """Make what was in flight ready again, and no wait longer than the longest.

    Give how many jobs were set aside because they may bring the process down.
    """
    db.execute(
        # Not beside others any more: whoever is suspected is alone when it is tried.
        "UPDATE job SET leased = NULL, crashes = crashes + 1, solo = 0"
        " WHERE leased IS NOT NULL"
    )
    set_aside = db.execute(
        f"UPDATE job SET {_FAILS}, reason = 'crashed', passing = 1"
        " WHERE failed = 0 AND crashes >= :most",
        {"now": now, "most": MAX_CRASHES},
    ).rowcount
    db.execute("UPDATE job SET due = ? WHERE due > ?", (now, now + longest))
    # Nobody comes before those that were tried by a clock that was ahead.
    db.execute("UPDATE job SET tried = :now WHERE tried > :now", {"now": now})
    # What was known of calls that fail is gone with the process.
    db.execute(
        "UPDATE job SET due = ?, blocked = NULL, solo = 0 WHERE blocked IS NOT NULL",
        (now,),
    )
    return set_aside


def enqueue(
    db: Connection, record: Record, priority: Priority, now: float
) -> tuple[Accepted, int | None]:
    """Take in one record; give what happened and the job's id.

    Absent fields never supersede waiting ones, but those of a mirror do: what it
    lacks is not wanted any more. A field of an older revision loses against a newer
    one that waits or was written, and so does an older mirror's record as a whole. A
    record equal to what waits, failed or was settled changes nothing.
    """
    settled = db.execute(
        "SELECT fingerprint, revisions FROM settled WHERE source = ? AND key = ?",
        (record.source, record.key),
    ).fetchone()
    row = db.execute(
        "SELECT id, find, fields, revision, identified, mirror FROM job"
        " WHERE source = ? AND key = ?",
        (record.source, record.key),
    ).fetchone()
    written: Revisions = json.loads(settled[1]) if settled else {}
    if row is None:
        if settled is not None:
            if settled[0] == record.fingerprint():
                _confirm_settled(db, record, written)
                return Accepted.UNCHANGED, None
            if _too_late(record, {}, written):
                return Accepted.UNCHANGED, None
            record = _drop_older(record, written)
            if not record.fields:
                _confirm_settled(db, record, written)
                return Accepted.UNCHANGED, None
        cursor = db.execute(
            "INSERT INTO job (source, key, find, fields, revision, identified, mirror,"
            " rev, priority, enqueued, due) VALUES (?, ?, ?, ?, ?, ?, ?, 1, ?, ?, ?)",
            (
                record.source,
                record.key,
                find_to_json(record.find),
                json.dumps(_pack(record), separators=(",", ":")),
                record.revision,
                record.identified,
                record.mirror,
                priority,
                now,
                now,
            ),
        )
        return Accepted.QUEUED, cursor.lastrowid
    job, find, fields, revision, identified, mirror = row
    waiting: Packed = json.loads(fields)
    late = _too_late(record, waiting, written)
    merged = waiting if late else _merge(waiting, record, written)
    newer = not late and not _older(record.revision, revision)
    head = (
        (find_to_json(record.find), record.identified, record.mirror)
        if newer
        else (find, bool(identified), bool(mirror))
    )
    same = _values(merged) == _values(waiting) and head == (
        find,
        bool(identified),
        bool(mirror),
    )
    db.execute(
        "UPDATE job SET find = ?, fields = ?, identified = ?, mirror = ?, revision = ?,"
        " priority = min(priority, ?) WHERE id = ?",
        (
            head[0],
            json.dumps(merged, separators=(",", ":")),
            head[1],
            head[2],
            record.revision if newer else revision,
            priority,
            job,
        ),
    )
    if not same:
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
    return Accepted.QUEUED, job


def refresh(db: Connection, job: int, record: Record) -> bool:
    """Let a failed job carry what its source says now; say whether it does.

    It does not if it knows newer, or has failed no longer.
    """
    row = db.execute(
        "SELECT fields, revision FROM job WHERE id = ? AND failed = 1", (job,)
    ).fetchone()
    if row is None or _older(record.revision, row[1]):
        return False
    waiting, written = json.loads(row[0]), _revisions(db, record)
    if _too_late(record, waiting, written):
        return False
    packed = _merge(waiting, record, written)
    db.execute(
        "UPDATE job SET find = ?, fields = ?, revision = ?, identified = ?, mirror = ?,"
        " rev = rev + 1 WHERE id = ?",
        (
            find_to_json(record.find),
            json.dumps(packed, separators=(",", ":")),
            record.revision,
            record.identified,
            record.mirror,
            job,
        ),
    )
    return True


def _revisions(db: Connection, record: Record) -> Revisions:
    """Give the revision of each field that was written."""
    row = db.execute(
        "SELECT revisions FROM settled WHERE source = ? AND key = ?",
        (record.source, record.key),
    ).fetchone()
    return json.loads(row[0]) if row else {}


def _confirm_settled(db: Connection, record: Record, revisions: Revisions) -> None:
    """Note that this revision says the same: what lies in between comes too late now."""
    known = revisions | {
        name: _newest(record.revision, revisions.get(name)) for name in _pack(record)
    }
    if known != revisions:
        db.execute(
            "UPDATE settled SET revisions = ?, token = ? WHERE source = ? AND key = ?",
            (
                json.dumps(known, separators=(",", ":")),
                record.token(),
                record.source,
                record.key,
            ),
        )


def claim(
    db: Connection, limit: int, now: float, before: int = 0, *, solo: bool = False
) -> list[Job]:
    """Lease up to ``limit`` due jobs, interactive ones first, bulk never starved.

    ``before`` is how many the worker has claimed so far: of all places that it has
    to give every fourth stays with bulk work, however few there are at a time.
    ``solo`` asks for those that are handled alone, beside all others.

    A job that was in flight at an unclean stop is leased alone, so that only the
    one that brings the process down is ever set aside.
    """
    ids: list[int] = []
    for priority, room in (
        (Priority.BULK, (before + limit) // 4 - before // 4),
        (Priority.INTERACTIVE, limit),
        (Priority.BULK, limit),
    ):
        room = min(room, limit - len(ids))
        if room <= 0:
            continue
        known = set(ids)
        ids += [
            row[0]
            for row in db.execute(
                "SELECT id FROM job WHERE failed = 0 AND leased IS NULL AND solo = ?"
                " AND priority = ? AND due <= ? ORDER BY due, id LIMIT ?",
                (solo, priority, now, room + len(known)),
            )
            if row[0] not in known
        ][:room]
    if not ids:
        return []
    jobs = _load(db, ids)
    if suspects := [job for job in jobs if job.crashes]:
        calm = [job for job in jobs if not job.crashes]
        jobs = calm or suspects[:1]
    _lease(db, jobs, now)
    return jobs


def claim_trial(db: Connection, now: float) -> list[Job]:
    """Lease the due job that was never tried, or was tried longest ago; none, or one."""
    row = db.execute(
        "SELECT id FROM job WHERE failed = 0 AND leased IS NULL AND due <= ?"
        " ORDER BY tried IS NOT NULL, tried, priority, due, id LIMIT 1",
        (now,),
    ).fetchone()
    jobs = _load(db, [row[0]]) if row else []
    _lease(db, jobs, now)
    return jobs


def _lease(db: Connection, jobs: Iterable[Job], now: float) -> None:
    db.executemany(
        "UPDATE job SET leased = rev, tried = ? WHERE id = ?",
        [(now, job.id) for job in jobs],
    )


def _load(db: Connection, ids: Sequence[int]) -> list[Job]:
    marks = ",".join("?" * len(ids))
    rows = db.execute(
        "SELECT id, rev, source, key, find, fields, revision, identified, mirror,"
        " priority, attempts, misses, missed_since, crashes, snoozes, blocked"
        f" FROM job WHERE id IN ({marks}) ORDER BY priority, due, id",
        tuple(ids),
    )
    return [_job(row) for row in rows]


def _job(row: tuple[Any, ...]) -> Job:
    packed: Packed = json.loads(row[5])
    return Job(
        id=row[0],
        rev=row[1],
        record=Record(
            source=row[2],
            key=row[3],
            find=find_from_json(row[4]),
            fields=fields_from_json({name: pair[1] for name, pair in packed.items()}),
            revision=row[6],
            identified=bool(row[7]),
            mirror=bool(row[8]),
        ),
        revisions={name: pair[0] for name, pair in packed.items()},
        priority=Priority(row[9]),
        attempts=row[10],
        misses=row[11],
        missed_since=row[12],
        crashes=row[13],
        snoozes=row[14],
        blocked=row[15],
    )


def settle(db: Connection, job: Job, rating_key: str | None, now: float) -> bool:
    """Take a finished job out, and remember what it brought into line.

    If a newer record came in meanwhile, the job stays and is ready again; then
    the answer is False.
    """
    gone = db.execute(
        "DELETE FROM job WHERE id = ? AND rev = ? RETURNING fields, revision",
        (job.id, job.rev),
    ).fetchone()
    record, written = job.record, job.revisions
    if gone is not None:
        # A newer revision that says the same may have come in meanwhile.
        packed: Packed = json.loads(gone[0])
        written = {name: pair[0] for name, pair in packed.items()}
        record = replace(record, revision=gone[1])
    revisions = _revisions(db, record)
    revisions |= {
        name: _newest(revision, revisions.get(name))
        for name, revision in written.items()
    }
    db.execute(
        "INSERT INTO settled VALUES (?, ?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (source, key) DO UPDATE SET fingerprint = excluded.fingerprint,"
        " plain = excluded.plain, token = excluded.token, revisions = excluded.revisions,"
        " rating_key = excluded.rating_key",
        (
            record.source,
            record.key,
            record.fingerprint(),
            record.fingerprint(images=False),
            record.token(),
            json.dumps(revisions, separators=(",", ":")),
            rating_key,
        ),
    )
    if gone is None:
        _ready_again(db, job, now)
    return gone is not None


@dataclass(frozen=True, slots=True)
class Snooze:
    """Why a job waits, and until when (``Clock.steady`` seconds).

    Of ``attempt`` and ``missed`` one is counted, or a wait that costs nothing.
    What is ``solo`` comes alone, beside all others; ``blocked`` names the kind of
    call that it waits for.
    """

    due: float
    reason: str | None = None
    candidates: tuple[str, ...] = ()
    attempt: bool = False
    missed: bool = False
    solo: bool = False
    blocked: str | None = None


def snooze(db: Connection, job: Job, why: Snooze, now: float) -> None:
    """Put a job off. A newer record that came in meanwhile is ready at once.

    Not so where the item is sick: it is not asked more often because its source has
    more to say.
    """
    same = "" if why.solo and why.blocked is None else " AND rev = :rev"
    changed = db.execute(
        "UPDATE job SET leased = NULL, due = :due, reason = :reason,"
        " candidates = :candidates, attempts = attempts + :attempt,"
        " misses = misses + :missed, crashes = 0, solo = :solo, blocked = :blocked,"
        " snoozes = snoozes + :free,"
        " missed_since = CASE WHEN :missed THEN coalesce(missed_since, :now)"
        f" ELSE missed_since END WHERE id = :id{same}",
        {
            "due": why.due,
            "reason": why.reason,
            "candidates": json.dumps(list(why.candidates)),
            "attempt": why.attempt,
            "missed": why.missed,
            "free": why.solo and why.blocked is None,
            "solo": why.solo,
            "blocked": why.blocked,
            "now": now,
            "id": job.id,
            "rev": job.rev,
        },
    )
    if not changed.rowcount:
        _ready_again(db, job, now)


def alone(db: Connection, jobs: Iterable[Job], now: float) -> None:
    """Let jobs be handled one by one: one of them is more than their turn could bear."""
    db.executemany(
        "UPDATE job SET leased = NULL, solo = 1, blocked = NULL, due = ? WHERE id = ?",
        [(now, job.id) for job in jobs],
    )


def charge(db: Connection, ids: Iterable[int]) -> None:
    """Count an attempt: what these jobs met has shown to be their own."""
    db.executemany(
        "UPDATE job SET attempts = attempts + 1 WHERE id = ?", [(each,) for each in ids]
    )


def choose_next(db: Connection, kind: str, due: float) -> None:
    """Of the jobs that wait for a kind of call, let the one tried longest ago try it."""
    db.execute(
        "UPDATE job SET due = :due, solo = 1 WHERE id = (SELECT id FROM job"
        " WHERE blocked = :kind AND solo = 0 AND failed = 0 AND leased IS NULL"
        " ORDER BY tried, id LIMIT 1) AND NOT EXISTS (SELECT 1 FROM job"
        " WHERE blocked = :kind AND failed = 0 AND solo = 1)",
        {"kind": kind, "due": due},
    )


def unblock(db: Connection, kind: str, reason: str, now: float) -> int:
    """Make all jobs due that wait for a kind of call; give how many.

    One whose own call failed before comes alone, and a little later: it may be sick
    itself. ``reason`` is shown for what waits for the kind.
    """
    db.execute(
        "UPDATE job SET due = min(due, ?) WHERE solo = 1 AND blocked IS NULL"
        " AND reason = ? AND failed = 0",
        (now + OWN_LONGEST, reason),
    )
    return db.execute(
        "UPDATE job SET solo = snoozes > 0, blocked = NULL, reason = NULL,"
        " due = ? + CASE WHEN snoozes > 0 THEN min(?, 5 << min(snoozes, 7)) ELSE 0 END"
        " WHERE blocked = ? AND failed = 0",
        (now, OWN_LONGEST, kind),
    ).rowcount


def release_all(db: Connection) -> None:
    """Give back whatever is in flight: nobody works on it any more."""
    db.execute("UPDATE job SET leased = NULL WHERE leased IS NOT NULL")


def fail(
    db: Connection,
    job: Job,
    reason: str,
    now: float,
    candidates: Iterable[str] = (),
    *,
    kept: Mapping[str, str] | None = None,
    passing: bool = False,
) -> bool:
    """Keep a job as failed; say False where a newer record came in meanwhile.

    ``passing`` says that it may be over by itself, after an outage for example;
    ``kept`` names the fields that it failed of, and why.
    """
    changed = db.execute(
        f"UPDATE job SET {_FAILS}, reason = :reason, candidates = :candidates,"
        " attempts = attempts + 1, passing = :passing WHERE id = :id AND rev = :rev",
        {
            "now": now,
            "reason": reason,
            "candidates": json.dumps(dict(kept) if kept else list(candidates)),
            "passing": passing,
            "id": job.id,
            "rev": job.rev,
        },
    )
    if not changed.rowcount:
        _ready_again(db, job, now)
    return bool(changed.rowcount)


def _ready_again(db: Connection, job: Job, now: float) -> None:
    db.execute(
        "UPDATE job SET leased = NULL, due = ?, crashes = 0, solo = 0, blocked = NULL,"
        " snoozes = 0 WHERE id = ?",
        (now, job.id),
    )


def wake(db: Connection, now: float, reason: str, path: str | None = None) -> int:
    """Make jobs that wait for this reason due now."""
    sql = "UPDATE job SET due = ? WHERE failed = 0 AND leased IS NULL AND reason = ?"
    values: tuple[Any, ...] = (now, reason)
    if path is not None:
        sql += " AND instr(find, ?) > 0"
        values += (json.dumps(path)[1:-1],)
    return db.execute(sql, values).rowcount


def discard_source(db: Connection, source: str, now: float) -> int:
    """Drop a source's jobs and what is known of its records; give how many jobs."""
    db.execute("DELETE FROM settled WHERE source = ?", (source,))
    gone = db.execute(
        "DELETE FROM job WHERE source = ? RETURNING iif(solo, blocked, NULL)", (source,)
    ).fetchall()
    for kind in {row[0] for row in gone} - {None}:
        choose_next(db, kind, now)  # else nobody would try it any more
    return len(gone)


def settled_token(db: Connection, source: str, key: str) -> str | None:
    """Name the revision of a record that was brought into line last."""
    row = db.execute(
        "SELECT token FROM settled WHERE source = ? AND key = ?", (source, key)
    ).fetchone()
    return row[0] if row else None


def forget_settled(db: Connection, source: str, key: str) -> None:
    """Let the next record be compared with Plex, even an equal one."""
    db.execute(
        "UPDATE settled SET fingerprint = '', plain = '' WHERE source = ? AND key = ?",
        (source, key),
    )


def same_but_pictures(db: Connection, job: Job) -> str | None:
    """Give the rating key if all but the pictures was brought into line before."""
    row = db.execute(
        "SELECT plain, rating_key FROM settled WHERE source = ? AND key = ?",
        (job.record.source, job.record.key),
    ).fetchone()
    if row is None or row[0] != job.record.fingerprint(images=False):
        return None
    return row[1]  # type: ignore[no-any-return]


def is_due(db: Connection, priority: Priority, now: float) -> bool:
    """Say whether a job of a priority waits for nothing but the worker."""
    return (
        db.execute(
            "SELECT 1 FROM job WHERE failed = 0 AND leased IS NULL AND solo = 0"
            " AND priority = ? AND due <= ? LIMIT 1",
            (priority, now),
        ).fetchone()
        is not None
    )


def next_due(db: Connection, *, solo: bool | None = None) -> float | None:
    """Give when the next job is due, of one kind or of both."""
    times = [
        row[0]
        for alone in ((False, True) if solo is None else (solo,))
        for priority in Priority
        if (
            row := db.execute(
                "SELECT due FROM job WHERE failed = 0 AND leased IS NULL"
                " AND solo = ? AND priority = ? ORDER BY due LIMIT 1",
                (alone, priority),
            ).fetchone()
        )
    ]
    return min(times, default=None)


def count_due(db: Connection, now: float) -> int:
    """Count the jobs that could be worked on now."""
    found = db.execute(
        "SELECT count(*) FROM job WHERE failed = 0 AND leased IS NULL AND due <= ?",
        (now,),
    ).fetchone()
    return int(found[0])


def counts(db: Connection) -> Counts:
    """Count the jobs."""
    pending = db.execute("SELECT count(*) FROM job WHERE failed = 0").fetchone()[0]
    failed = db.execute("SELECT count(*) FROM job WHERE failed = 1").fetchone()[0]
    oldest = db.execute(
        "SELECT enqueued FROM job WHERE failed = 0 ORDER BY enqueued LIMIT 1"
    ).fetchone()
    return Counts(pending, failed, oldest[0] if oldest else None)


def reasons(db: Connection) -> dict[str, int]:
    """Count the jobs that have a reason, by state and reason."""
    return {
        f"{'failed' if failed else 'waiting'}:{reason}": number
        for failed, reason, number in db.execute(
            "SELECT failed, reason, count(*) FROM job WHERE reason IS NOT NULL"
            " GROUP BY failed, reason ORDER BY failed, reason"
        )
    }


def find_job(db: Connection, source: str, key: str) -> JobInfo | None:
    """Show the job of one record."""
    rows = _infos(db, "source = ? AND key = ?", (source, key), 1, 0)
    return rows[0] if rows else None


def listing(
    db: Connection,
    *,
    state: str | None = None,
    source: str | None = None,
    reason: str | None = None,
    limit: int = 50,
    offset: int = 0,
) -> tuple[list[JobInfo], int]:
    """Give one page of jobs, oldest first, and how many there are in all."""
    conditions = {
        None: "1",
        "failed": "failed = 1",
        "in_flight": "leased IS NOT NULL",
        "waiting": "failed = 0 AND leased IS NULL AND reason IS NOT NULL",
        "pending": "failed = 0 AND leased IS NULL AND reason IS NULL",
    }
    where, values = [conditions[state]], list[Any]()
    for column, value in (("source", source), ("reason", reason)):
        if value is not None:
            where.append(f"{column} = ?")
            values.append(value)
    condition = " AND ".join(where)
    total = db.execute(f"SELECT count(*) FROM job WHERE {condition}", values).fetchone()
    return _infos(db, condition, tuple(values), limit, offset), total[0]


def _infos(
    db: Connection, where: str, values: tuple[Any, ...], limit: int, offset: int
) -> list[JobInfo]:
    return [
        JobInfo(
            id=row[0],
            source=row[1],
            key=row[2],
            state="failed"
            if row[3]
            else "in_flight"
            if row[4] is not None
            else "waiting"
            if row[5]
            else "pending",
            reason=row[5],
            candidates=tuple(named) if isinstance(named, list) else (),
            kept=named if isinstance(named, dict) else {},
            attempts=row[7],
            enqueued=row[8],
            next_attempt=None if row[3] else row[9],
            paths=find_from_json(row[10]).paths,
            fields=tuple(name for name in json.loads(row[11]) if name != _WHOLE),
            history=History(*row[12:]) if row[12] else None,
        )
        for row in db.execute(
            "SELECT id, source, key, failed, leased, reason, candidates, attempts,"
            " enqueued, due, find, fields, failures, first_failed, last_failed, retries"
            f" FROM job WHERE {where} ORDER BY id LIMIT ? OFFSET ?",
            (*values, limit, offset),
        )
        for named in (json.loads(row[6] or "[]"),)
    ]


def _pack(record: Record) -> Packed:
    packed = {
        name: [record.revision, value_to_json(value)]
        for name, value in record.fields.items()
    }
    return packed | {_WHOLE: [record.revision, None]} if record.mirror else packed


def _values(packed: Packed) -> dict[str, Any]:
    return {name: pair[1] for name, pair in packed.items()}


def _older(revision: int | None, than: int | None) -> bool:
    """Compare by the source's own order; where it has none, arrival decides."""
    return revision is not None and than is not None and revision < than


def _newest(revision: int | None, known: int | None) -> int | None:
    """Give the greater one: news without a revision do not let older ones in again."""
    return max((r for r in (revision, known) if r is not None), default=None)


def _too_late(record: Record, waiting: Packed, written: Revisions) -> bool:
    """Say whether a newer whole view than this one waits or was written."""
    waits = waiting[_WHOLE][0] if _WHOLE in waiting else None
    return record.mirror and _older(
        record.revision, _newest(waits, written.get(_WHOLE))
    )


def _merge(waiting: Packed, record: Record, written: Revisions) -> Packed:
    """Let a record into what waits: the newest of each field."""
    merged = dict(waiting)
    for name, (revision, value) in _pack(_drop_older(record, written)).items():
        known = waiting[name][0] if name in waiting else None
        if not _older(revision, known):
            merged[name] = [_newest(revision, known), value]
    if not record.mirror:
        return merged
    # What a whole view lacks is not wanted any more, unless something newer wants it.
    return {
        name: pair
        for name, pair in merged.items()
        if name in record.fields or name == _WHOLE or _older(record.revision, pair[0])
    }


def _drop_older(record: Record, written: Revisions) -> Record:
    fields = {
        name: value
        for name, value in record.fields.items()
        if not _older(record.revision, written.get(name))
    }
    return (
        record if len(fields) == len(record.fields) else replace(record, fields=fields)
    )
