"""Jobs as they are shown: listed, counted, looked up. Nothing here changes one."""

from collections.abc import Mapping
from dataclasses import dataclass
import json
from sqlite3 import Connection
from typing import Any, Final

from ..model.holds import SourceHold
from ..model.outcome import ItemOutcome
from ..model.reasons import SKIPPED
from ..model.record import find_from_json
from ..model.revisions import WHOLE
from . import targets
from .leases import IN_FLIGHT


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
    state: str  # ready, waiting, held, in_flight; failed, skipped: one of STATES
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
    hold: str | None = None  # what holds it, of its source or of the server


@dataclass(frozen=True, slots=True)
class Counts:
    """How many jobs there are, and when the oldest pending one came in.

    Those of a source that is held are pending; when they came in says nothing.
    """

    pending: int
    failed: int
    oldest: float | None


def counts(db: Connection) -> Counts:
    """Count the jobs."""
    waiting = "SELECT count(*) FROM job WHERE failed = 0 AND held = "
    # Two questions, for each of which there is an index.
    free, kept = (db.execute(f"{waiting}{held}").fetchone()[0] for held in (0, 1))
    failed = db.execute("SELECT count(*) FROM job WHERE failed = 1").fetchone()[0]
    oldest = db.execute(
        "SELECT enqueued FROM job WHERE failed = 0 AND held = 0"
        " ORDER BY enqueued LIMIT 1"
    ).fetchone()
    return Counts(free + kept, failed, oldest[0] if oldest else None)


def failed_since(db: Connection) -> float | None:
    """Return when the job failed that has been left failed for longest."""
    found = db.execute("SELECT min(last_failed) FROM job WHERE failed = 1").fetchone()
    return found[0]  # type: ignore[no-any-return]


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


def failed_by_reason(db: Connection) -> dict[str, int]:
    """Count the failed jobs by their reason, most first."""
    return dict(
        db.execute(
            "SELECT reason, count(*) FROM job WHERE failed = 1"
            " GROUP BY reason ORDER BY count(*) DESC, reason"
        ).fetchall()
    )


def find_job(db: Connection, source: str, key: str) -> JobInfo | None:
    """Show the job of one record."""
    named = {"source": source, "key": key}
    return next(iter(_infos(db, "source = :source AND key = :key", named)), None)


def listing(
    db: Connection,
    *,
    state: str | None = None,
    source: str | None = None,
    reason: str | None = None,
    why_all_wait: str | None = None,
    hold: str | None = None,
    limit: int = 50,
    offset: int = 0,
) -> tuple[list[JobInfo], int]:
    """Return one page of jobs, oldest first, and how many there are in all.

    Those that are skipped are only given where that state is asked for; ``pending``
    means all that are neither done nor failed nor skipped.

    ``why_all_wait`` is the reason of those that have none of their own: what all wait for;
    ``hold`` is what holds the whole server.
    """
    where = [_BY_STATE.get(state, f"failed = 0 AND {_STATE} = :state")]
    if source is not None:
        where.append("source = :source")
    if reason is not None:
        where.append(f"{_REASON} = :reason")
    condition = " AND ".join(where)
    values = {
        "state": state,
        "source": source,
        "reason": reason,
        "why_all_wait": why_all_wait,
        "hold": hold,
        "limit": limit,
        "offset": offset,
    }
    total = db.execute(f"SELECT count(*) FROM job WHERE {condition}", values).fetchone()
    return _infos(db, condition, values), total[0]


STATES: Final = (
    "pending",
    "ready",
    "waiting",
    "held",
    "in_flight",
    "failed",
    "skipped",
)
# Those that are several states, and those that are found without reading all jobs.
_BY_STATE: Final = {
    None: f"failed <> {SKIPPED}",
    "pending": "failed = 0",
    "in_flight": IN_FLIGHT,
    "failed": "failed = 1",
    "skipped": f"failed = {SKIPPED}",
}
# What a job waits for: what it met itself, or what keeps all like it.
_REASON = (
    "CASE WHEN reason IS NOT NULL OR failed THEN reason"
    " WHEN held THEN 'held' ELSE :why_all_wait END"
)
# What holds a job, the server's hold first. Of those of its source that are on disk the
# alphabet names the same first as ``holds.foremost``.
_HOLD = (
    "CASE WHEN failed THEN NULL ELSE coalesce(:hold, iif(held, (SELECT min(hold)"
    " FROM source_hold WHERE source_hold.source = job.source), NULL),"
    f" iif(reason IS 'source_away', '{SourceHold.AWAY}', NULL)) END"
)
_STATE = (
    f"CASE WHEN failed = {SKIPPED} THEN 'skipped' WHEN failed THEN 'failed'"
    f" WHEN {IN_FLIGHT} THEN 'in_flight' WHEN {_HOLD} IS NOT NULL THEN 'held'"
    " WHEN reason IS NULL THEN 'ready' ELSE 'waiting' END"
)


def _infos(db: Connection, where: str, values: Mapping[str, Any]) -> list[JobInfo]:
    """Show the jobs that a condition selects; its values are given by name."""
    return [
        JobInfo(
            id=row[0],
            source=row[1],
            key=row[2],
            state=row[3],
            reason=row[4],
            candidates=tuple(named) if isinstance(named, list) else (),
            kept=named if isinstance(named, dict) else {},
            attempts=row[6],
            enqueued=row[7],
            next_attempt=row[8],
            paths=find_from_json(row[9]).paths,
            fields=tuple(name for name in json.loads(row[10]) if name != WHOLE),
            hold=row[11],
            history=History(*row[12:]) if row[12] else None,
            items=targets.of_job(db, row[0]),
        )
        for row in db.execute(
            f"SELECT id, source, key, {_STATE}, {_REASON}, candidates, attempts,"
            f" enqueued, iif(failed, NULL, due), find, fields, {_HOLD},"
            " failures, first_failed, last_failed, retries"
            f" FROM job WHERE {where} ORDER BY id LIMIT :limit OFFSET :offset",
            {"why_all_wait": None, "hold": None, "limit": -1, "offset": 0, **values},
        )
        for named in (json.loads(row[5] or "[]"),)
    ]
