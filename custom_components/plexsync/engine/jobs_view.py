"""Jobs as they are shown: listed, counted, looked up. Nothing here changes one."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
import json
from sqlite3 import Connection
from typing import Any

from . import targets
from .coalescing import WHOLE
from .job import SKIPPED
from .record import ItemOutcome, find_from_json


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
    state: str  # pending, waiting, in_flight, failed, skipped
    reason: str | None
    candidates: tuple[str, ...]
    kept: Mapping[str, str]
    attempts: int
    enqueued: float
    next_attempt: float | None
    paths: tuple[str, ...]
    fields: tuple[str, ...]
    history: History | None
    items: tuple[ItemOutcome, ...] = ()  # as far as they are known; see ``targets``


@dataclass(frozen=True, slots=True)
class Counts:
    """How many jobs there are, and when the oldest pending one came in."""

    pending: int
    failed: int
    oldest: float | None


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
            "SELECT failed, reason, count(*) FROM job"
            f" WHERE reason IS NOT NULL AND failed <> {SKIPPED}"
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
    unsaid: str | None = None,
    limit: int = 50,
    offset: int = 0,
) -> tuple[list[JobInfo], int]:
    """Give one page of jobs, oldest first, and how many there are in all.

    Those that are skipped are only given where that state is asked for.

    ``unsaid`` is the reason of those that have none of their own: what all wait for.
    """
    conditions = {
        None: f"failed <> {SKIPPED}",
        "skipped": f"failed = {SKIPPED}",
        "failed": "failed = 1",
        "in_flight": "leased IS NOT NULL",
        "waiting": "failed = 0 AND leased IS NULL AND reason IS NOT NULL",
        "pending": "failed = 0 AND leased IS NULL AND reason IS NULL",
    }
    where, values = [conditions[state]], list[Any]()
    if source is not None:
        where.append("source = ?")
        values.append(source)
    if reason is not None:
        where.append("(reason IS NULL AND ? OR reason = ?)")
        values += [reason == unsaid, reason]
    condition = " AND ".join(where)
    total = db.execute(f"SELECT count(*) FROM job WHERE {condition}", values).fetchone()
    found = _infos(db, condition, tuple(values), limit, offset)
    return [
        replace(job, reason=unsaid) if job.reason is None else job for job in found
    ], total[0]


def _infos(
    db: Connection, where: str, values: tuple[Any, ...], limit: int, offset: int
) -> list[JobInfo]:
    return [
        JobInfo(
            id=row[0],
            source=row[1],
            key=row[2],
            state="skipped"
            if row[3] == SKIPPED
            else "failed"
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
            fields=tuple(name for name in json.loads(row[11]) if name != WHOLE),
            history=History(*row[12:]) if row[12] else None,
            items=targets.of_job(db, row[0]),
        )
        for row in db.execute(
            "SELECT id, source, key, failed, leased, reason, candidates, attempts,"
            " enqueued, due, find, fields, failures, first_failed, last_failed, retries"
            f" FROM job WHERE {where} ORDER BY id LIMIT ? OFFSET ?",
            (*values, limit, offset),
        )
        for named in (json.loads(row[6] or "[]"),)
    ]
