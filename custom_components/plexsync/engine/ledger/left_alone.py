"""Fields that their owner wants left alone: of one record, or of all of a source.

What stands there stays, whoever wrote it. What is said of one record is meant for its
files: where a source merges records, or deals their keys anew, it goes with these.

Every function is one step of a transaction under way (``Database.run``).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from sqlite3 import Connection

from ..model.record import Record
from ..util.json_text import dump
from . import settled

_ALL = ""  # in place of a key: every record of the source

SCHEMA = """
CREATE TABLE IF NOT EXISTS left_alone (
    source TEXT NOT NULL,
    key TEXT NOT NULL,             -- '': every record of the source
    field TEXT NOT NULL,
    PRIMARY KEY (source, key, field)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS left_alone_file (
    source TEXT NOT NULL,
    key TEXT NOT NULL,             -- of a record that has rules of its own
    file TEXT NOT NULL,            -- mark of one of its files
    PRIMARY KEY (source, key, file)
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS left_alone_of_file ON left_alone_file (source, file);
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
    if record.files:
        _follow_files(db, record)
    rows = db.execute(
        "SELECT field FROM left_alone WHERE source = ? AND key IN (?, ?)",
        (record.source, _ALL, record.key),
    )
    return frozenset([row[0] for row in rows])


def _follow_files(db: Connection, record: Record) -> None:
    """Let the rules for each file of a record be the record's, and no others of its key."""
    source, key, files = record.source, record.key, dump(record.files)
    rows = db.execute(
        "SELECT key, file, file IN (SELECT value FROM json_each(?3)) FROM left_alone_file"
        " WHERE source = ?1 AND (key = ?2 OR file IN (SELECT value FROM json_each(?3)))",
        (source, key, files),
    ).fetchall()
    known = {file for each, file, _ in rows if each == key}
    whose = {each for each, _, is_mine in rows if is_mine}
    if known and key not in whose:
        # They wait for the record that has these files now, under a key that none has.
        _rename(db, source, key, f"{key}*")
        known = set()
    for former in whose - {key}:
        _rename(db, source, former, key)
    if whose and known != set(record.files):
        db.execute(
            "DELETE FROM left_alone_file WHERE source = ? AND key = ?", (source, key)
        )
        _note_files(db, source, key, files)


def _rename(db: Connection, source: str, former: str, key: str) -> None:
    for table in ("left_alone", "left_alone_file"):
        db.execute(
            f"UPDATE OR IGNORE {table} SET key = ? WHERE source = ? AND key = ?",  # noqa: S608  # our own words
            (key, source, former),
        )
        db.execute(
            f"DELETE FROM {table} WHERE source = ? AND key = ?",  # noqa: S608  # our own words
            (source, former),
        )


def _note_files(db: Connection, source: str, key: str, files: str) -> None:
    db.execute(
        "INSERT OR IGNORE INTO left_alone_file SELECT ?, ?, value FROM json_each(?)",
        (source, key, files),
    )


def leave(db: Connection, rule: Rule) -> bool:
    """Leave a field alone from now on; return whether that is news.

    The tables of jobs have to be laid out.
    """
    added = db.execute(
        "INSERT OR IGNORE INTO left_alone VALUES (?, ?, ?)",
        (rule.source, rule.key or _ALL, rule.field),
    )
    if rule.key:
        for (files,) in db.execute(
            "SELECT files FROM job WHERE source = ?1 AND key = ?2"
            " UNION SELECT files FROM settled WHERE source = ?1 AND key = ?2",
            (rule.source, rule.key),
        ).fetchall():
            _note_files(db, rule.source, rule.key, files)
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
    db.execute(
        "DELETE FROM left_alone_file WHERE source = ?1 AND key = ?2 AND NOT EXISTS"
        " (SELECT 1 FROM left_alone WHERE source = ?1 AND key = ?2)",
        (rule.source, rule.key or _ALL),
    )
    if rule.key is None:
        settled.compare_all_again(db, rule.source)
    else:
        settled.compare_again(db, rule.source, rule.key)
    return True


def follow(db: Connection, removed: str, source: str) -> None:
    """Let the rules for a source hold under the name that it was added again with."""
    for table in ("left_alone", "left_alone_file"):
        db.execute(
            f"UPDATE OR IGNORE {table} SET source = ? WHERE source = ?",  # noqa: S608  # our own words
            (source, removed),
        )
