"""Plans that an owner has approved: just these changes may be written, held or not.

An approved job is worked on although its source is held. Whatever its turn would write
beyond what was shown ends it as ``plan_changed``, and it is shown anew. News of the
record ends the approval.

Every function is one step of a transaction under way (``Database.run``).
"""

from collections.abc import Sequence
from dataclasses import dataclass
import json
from sqlite3 import Connection

from .lookup_result import LookupResult
from .plan_cache import SOURCE, Filter, digest, field_of, marks_of, shown

SCHEMA = """
CREATE TABLE IF NOT EXISTS approval (
    source TEXT NOT NULL,
    key TEXT NOT NULL,
    marks TEXT NOT NULL,           -- JSON list: see ``plan_cache``
    unseen TEXT NOT NULL,          -- JSON list: pictures that may be written unseen
    PRIMARY KEY (source, key)
) STRICT, WITHOUT ROWID;
"""

# Whether a row of the plan has a job.
_HAS_JOB = (
    f"EXISTS (SELECT 1 FROM job WHERE job.source = {SOURCE} AND job.key = planned.key)"
)
# The jobs that are held, and were approved.
_HELD = (
    "held = 1 AND EXISTS (SELECT 1 FROM approval"
    " WHERE approval.source = job.source AND approval.key = job.key)"
)


@dataclass(frozen=True, slots=True)
class Approval:
    """What may be written to the items of one record."""

    marks: frozenset[str]
    unseen: frozenset[str]

    def covers(self, lookup: LookupResult) -> bool:
        """Return whether just what was shown would be written to an item.

        What stands there by now need not be written any more: an earlier turn may have
        brought a part of it. What has to be left alone by now was not shown so.
        """
        key = f"{lookup.rating_key} "
        shown = {field_of(mark) for mark in self.marks if mark.startswith(key)}
        # Of a list a part may stay that was shown together with what changes.
        changed = {change.field for change in lookup.plan.changes}
        return shown.isdisjoint(lookup.plan.kept.keys() - changed) and all(
            mark in self.marks or field_of(mark) in self.unseen
            for mark in marks_of([lookup])
        )


def find(db: Connection, source: str, key: str) -> Approval | None:
    """Recall what was approved of a record."""
    row = db.execute(
        "SELECT marks, unseen FROM approval WHERE source = ? AND key = ?", (source, key)
    ).fetchone()
    return Approval(*map(frozenset, map(json.loads, row))) if row else None


def approve(
    db: Connection,
    source: str,
    key: str,
    marks: Sequence[str],
    unseen: Sequence[str],
    now: float,
) -> None:
    """Let the job of a record be worked on now, to write just this."""
    db.execute(
        "INSERT OR REPLACE INTO approval VALUES (?, ?, ?, ?)",
        (source, key, json.dumps(list(marks)), json.dumps(list(unseen))),
    )
    db.execute(
        "UPDATE job SET held = 0, due = min(due, ?) WHERE source = ? AND key = ?",
        (now, source, key),
    )


def approve_all(db: Connection, chosen: Filter, now: float) -> int:
    """Approve what the rows say that are meant, where there is a job; return how many."""
    number = db.executemany(
        "INSERT OR REPLACE INTO approval VALUES (?, ?, ?, ?)",
        (
            (*whose, json.dumps(marks), json.dumps(unseen))
            for *whose, marks, unseen in shown(db, chosen, _HAS_JOB)
        ),
    ).rowcount
    db.execute(f"UPDATE job SET held = 0, due = min(due, ?) WHERE {_HELD}", (now,))
    return number


def without_job(db: Connection, chosen: Filter) -> dict[tuple[str, str], str]:
    """Name the plans of the rows that are meant, and have no job, by source and key."""
    return {
        (source, key): digest(marks)
        for source, key, marks, _ in shown(db, chosen, f"NOT {_HAS_JOB}")
    }


def failed(db: Connection) -> list[int]:
    """Name the jobs that were approved after they had failed, or were skipped."""
    rows = db.execute(
        "SELECT id FROM approval JOIN job USING (source, key) WHERE failed > 0"
    )
    return [row[0] for row in rows]


def go_on(db: Connection, source: str) -> None:
    """Let the jobs be worked on that are approved, whatever else holds their source."""
    db.execute(f"UPDATE job SET held = 0 WHERE source = ? AND {_HELD}", (source,))


def drop(db: Connection, source: str, key: str) -> None:
    """End an approval, if there is one: its source's hold holds the job again."""
    ended = db.execute(
        "DELETE FROM approval WHERE source = ? AND key = ?", (source, key)
    )
    if ended.rowcount:
        db.execute(
            "UPDATE job SET held = EXISTS (SELECT 1 FROM source_hold"
            " WHERE source_hold.source = job.source) WHERE source = ? AND key = ?",
            (source, key),
        )


def forget_source(db: Connection, source: str) -> None:
    """End all approvals of a source: it is removed, held no more, or asked about anew."""
    db.execute("DELETE FROM approval WHERE source = ?", (source,))


def forget_all(db: Connection) -> None:
    """End all approvals: the items have other keys now."""
    for whose in db.execute("SELECT source, key FROM approval").fetchall():
        drop(db, *whose)
