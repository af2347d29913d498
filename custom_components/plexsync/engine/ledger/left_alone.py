"""Fields that their owner wants left alone: of one record, or of all of a source.

What stands there stays, whoever wrote it. Every function is one step of a transaction
under way (``Database.run``).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from sqlite3 import Connection

from ..model.record import Record
from . import settled

_ALL = ""  # in place of a key: every record of the source

SCHEMA = """
CREATE TABLE IF NOT EXISTS left_alone (
    source TEXT NOT NULL,
    key TEXT NOT NULL,             -- '': every record of the source
    field TEXT NOT NULL,
    PRIMARY KEY (source, key, field)
) STRICT, WITHOUT ROWID;
"""


@dataclass(frozen=True, slots=True)
class Rule:
    """One field that is left alone; ``key`` is None where that is so for all records."""

    source: str
    key: str | None
    field: str


@dataclass(frozen=True, slots=True)
class Rules:
    """One page of the rules, and how many there are.

    ``items`` gives rating keys by source and key of the record, as far as they are known.
    """

    page: Sequence[Rule]
    items: Mapping[tuple[str, str | None], str]
    total: int


def rules(db: Connection, limit: int, offset: int) -> Rules:
    """List the rules, those for whole sources first; ``plan_cache`` has to be laid out."""
    rows = db.execute(
        "SELECT source, key, field, coalesce((SELECT rating_key FROM planned WHERE"
        " source = (SELECT id FROM planned_word WHERE word = left_alone.source)"
        " AND key = left_alone.key), settled.rating_key) FROM left_alone"
        " LEFT JOIN settled USING (source, key)"
        " ORDER BY key <> '', source, key, field LIMIT ? OFFSET ?",
        (limit, offset),
    ).fetchall()
    (total,) = db.execute("SELECT count(*) FROM left_alone").fetchone()
    return Rules(
        [Rule(source, key or None, field) for source, key, field, _ in rows],
        {(source, key): item for source, key, _, item in rows if item},
        total,
    )


def fields(db: Connection, record: Record) -> frozenset[str]:
    """Name the fields of a record that are left alone."""
    rows = db.execute(
        "SELECT field FROM left_alone WHERE source = ? AND key IN (?, ?)",
        (record.source, _ALL, record.key),
    )
    return frozenset([row[0] for row in rows])


def leave(db: Connection, rule: Rule) -> bool:
    """Leave a field alone from now on; return whether that is news."""
    added = db.execute(
        "INSERT OR IGNORE INTO left_alone VALUES (?, ?, ?)",
        (rule.source, rule.key or _ALL, rule.field),
    )
    return bool(added.rowcount)


def take_back(db: Connection, rule: Rule) -> bool:
    """Let a field follow its source again; return whether it had been left alone.

    Nothing counts as in line any more that may differ in it.
    """
    removed = db.execute(
        "DELETE FROM left_alone WHERE source = ? AND key = ? AND field = ?",
        (rule.source, rule.key or _ALL, rule.field),
    )
    if not removed.rowcount:
        return False
    if rule.key is None:
        settled.compare_all_again(db, rule.source)
    else:
        settled.compare_again(db, rule.source, rule.key)
    return True


def follow(db: Connection, removed: str, source: str) -> None:
    """Let the rules for a source hold under the name that it was added again with."""
    db.execute(
        "UPDATE OR IGNORE left_alone SET source = ? WHERE source = ?", (source, removed)
    )
