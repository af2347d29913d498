"""The newest record of each key that was brought into line: an equal one changes nothing.

Every function is one step of a transaction under way (``Database.run``).
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from sqlite3 import Connection

from ..model.record import Record
from ..model.revisions import (
    Revisions,
    newest,
    pack,
    revisions_from_text,
    revisions_to_text,
)
from ..util.json_text import dump, load

SCHEMA = """
CREATE TABLE IF NOT EXISTS settled (
    source TEXT NOT NULL,
    key TEXT NOT NULL,
    fingerprint BLOB NOT NULL,     -- of the newest record that was brought into line
    plain BLOB NOT NULL,           -- the same without its pictures; empty: it has none
    token TEXT NOT NULL,           -- names its revision
    revisions TEXT NOT NULL,       -- of what was written: see ``revisions_to_text``
    rating_key TEXT,
    files TEXT NOT NULL DEFAULT '[]',  -- marks of the record's
    heard REAL,                    -- when it came in
    kept TEXT,                     -- {field: why} of what was left alone
    PRIMARY KEY (source, key)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS unsettled (
    source TEXT NOT NULL,          -- of a record that need not be in line any more:
    key TEXT NOT NULL,             -- something was about to be written since
    PRIMARY KEY (source, key)
) STRICT, WITHOUT ROWID;
"""


@dataclass(frozen=True, slots=True)
class Settled:
    """The newest record that was brought into line, and the revision of each field."""

    fingerprint: bytes
    revisions: Revisions
    files: tuple[str, ...]
    heard: float | None


def find(db: Connection, source: str, key: str) -> Settled | None:
    """Recall what was brought into line of a record."""
    row = db.execute(
        "SELECT iif(EXISTS (SELECT 1 FROM unsettled WHERE source = ?1 AND key = ?2),"
        " x'', fingerprint), revisions, files, heard FROM settled"
        " WHERE source = ?1 AND key = ?2",
        (source, key),
    ).fetchone()
    if row is None:
        return None
    return Settled(row[0], revisions_from_text(row[1]), tuple(load(row[2])), row[3])


def recover(db: Connection, now: float) -> None:
    """Cap all arrival times at now: the clock may have been ahead when they were noted."""
    db.execute("UPDATE settled SET heard = :now WHERE heard > :now", {"now": now})


def is_any(db: Connection, source: str) -> bool:
    """Return whether a record of a source was ever brought into line."""
    found = db.execute("SELECT 1 FROM settled WHERE source = ? LIMIT 1", (source,))
    return found.fetchone() is not None


def go_back(db: Connection, record: Record, known: Settled) -> Settled:
    """Forget the revisions of a record's fields: its source went back in time."""
    db.execute(
        "UPDATE settled SET revisions = '' WHERE source = ? AND key = ?",
        (record.source, record.key),
    )
    return replace(known, revisions={})


def confirm(db: Connection, record: Record, known: Settled, now: float) -> None:
    """Note that a newer revision says the same: whatever is older than that comes too late."""
    revisions = known.revisions | {
        name: newest(record.revision, known.revisions.get(name))
        for name in pack(record)
    }
    if revisions != known.revisions or record.files != known.files:
        db.execute(
            "UPDATE settled SET revisions = ?, token = ?, files = ?, heard = ?"
            " WHERE source = ? AND key = ?",
            (
                revisions_to_text(revisions),
                record.token(),
                dump(record.files),
                now,
                record.source,
                record.key,
            ),
        )


def agree(db: Connection, record: Record) -> None:
    """Note a newer revision that needed no write: an undo will hold against this one."""
    db.execute(
        "UPDATE settled SET token = ?1 WHERE source = ?2 AND key = ?3 AND token <> ?1",
        (record.token(), record.source, record.key),
    )


def remember(
    db: Connection,
    record: Record,
    written: Revisions,
    rating_key: str | None,
    heard: float | None,
    kept: Mapping[str, str],
) -> None:
    """Note that a record was brought into line, and which revisions its fields have.

    ``heard`` is when it came in; ``kept`` are the fields that were left alone, and why.
    """
    before = find(db, record.source, record.key)
    known = before.revisions if before else {}
    known = known | {
        name: newest(revision, known.get(name)) for name, revision in written.items()
    }
    db.execute(
        "INSERT INTO settled VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (source, key) DO UPDATE SET fingerprint = excluded.fingerprint,"
        " plain = excluded.plain, token = excluded.token, revisions = excluded.revisions,"
        " rating_key = excluded.rating_key, files = excluded.files,"
        " heard = excluded.heard, kept = excluded.kept",
        (
            record.source,
            record.key,
            record.fingerprint(),
            record.fingerprint(images=False) if record.has_pictures else b"",
            record.token(),
            revisions_to_text(known),
            rating_key,
            dump(record.files),
            heard,
            dump(kept) if kept else None,
        ),
    )
    _is_in_line(db, record.source, record.key)


def kept_of(db: Connection, source: str, key: str) -> dict[str, str]:
    """Return what was left alone of a record when it was brought into line last."""
    row = db.execute(
        "SELECT kept FROM settled WHERE source = ? AND key = ?", (source, key)
    ).fetchone()
    return load(row[0]) if row and row[0] else {}


def token(db: Connection, source: str, key: str) -> str | None:
    """Name the revision of a record that was brought into line last."""
    row = db.execute(
        "SELECT token FROM settled WHERE source = ? AND key = ?", (source, key)
    ).fetchone()
    return row[0] if row else None


def compare_again(db: Connection, source: str, key: str) -> None:
    """Let the next record be compared with Plex, even an equal one."""
    db.execute(
        "INSERT OR IGNORE INTO unsettled SELECT source, key FROM settled"
        " WHERE source = ? AND key = ?",
        (source, key),
    )


def compare_all_again(db: Connection, source: str) -> None:
    """Let the next record of each key be compared with Plex, even an equal one."""
    db.execute(
        "UPDATE settled SET plain = x'', fingerprint = x'' WHERE source = ?", (source,)
    )


def same_but_pictures(db: Connection, record: Record) -> str | None:
    """Return the rating key if all but the pictures was brought into line before."""
    row = db.execute(
        "SELECT iif(plain = x'', fingerprint, plain), rating_key FROM settled"
        " WHERE source = ?1 AND key = ?2 AND NOT EXISTS"
        " (SELECT 1 FROM unsettled WHERE source = ?1 AND key = ?2)",
        (record.source, record.key),
    ).fetchone()
    if row is None or row[0] != record.fingerprint(images=False):
        return None
    return row[1]  # type: ignore[no-any-return]


def forget_source(db: Connection, source: str) -> None:
    """Forget all records of a source."""
    for table in ("settled", "unsettled"):
        db.execute(f"DELETE FROM {table} WHERE source = ?", (source,))  # noqa: S608  # our own words


def drop(db: Connection, source: str, key: str) -> None:
    """Forget a record: it is gone, or its key was dealt to another one."""
    db.execute("DELETE FROM settled WHERE source = ? AND key = ?", (source, key))
    _is_in_line(db, source, key)


def _is_in_line(db: Connection, source: str, key: str) -> None:
    """Note that nothing is known to be under way for a record."""
    db.execute("DELETE FROM unsettled WHERE source = ? AND key = ?", (source, key))
