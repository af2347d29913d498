"""What the last sweep saw of each record, so that the same is not compared again.

A plan follows from the record, from what Plex says of the item, and from the ledger.
Where none of them has changed, neither has what comes of it. Both sides are kept as
digests, in a temporary table: a restart, after which the rules may be others, or the
libraries, begins with a whole comparison.

Every function is one step of a transaction under way (``Database.run``).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
import hashlib
from sqlite3 import Connection

from ..model.record import Find, Record
from . import left_alone, pins, sources_lead

SCHEMA = """
CREATE TEMP TABLE IF NOT EXISTS seen (
    source TEXT NOT NULL,
    key TEXT NOT NULL,
    answer BLOB NOT NULL,          -- digest of what Plex said of the item
    basis BLOB NOT NULL,           -- digest of all else that the plan followed from
    kind TEXT NOT NULL,            -- that the record counted as; nothing was to be written
    PRIMARY KEY (source, key)
) STRICT, WITHOUT ROWID;
"""
_SIZE = 16  # bytes of a digest


@dataclass(frozen=True, slots=True)
class Seen:
    """What a sweep saw of one record, as digests, and the kind that it counted as."""

    answer: bytes
    basis: bytes
    kind: str


def digest(*parts: bytes) -> bytes:
    """Return the digest of some bytes."""
    return hashlib.blake2b(b"".join(parts), digest_size=_SIZE).digest()


def find(db: Connection, record: Record) -> Seen | None:
    """Recall what the last sweep saw of a record."""
    row = db.execute(
        "SELECT answer, basis, kind FROM seen WHERE source = ? AND key = ?",
        (record.source, record.key),
    ).fetchone()
    return Seen(*row) if row else None


def basis(
    db: Connection,
    record: Record,
    find: Find,
    images: Mapping[str, str],
    rating_key: str,
    order: Sequence[str],
) -> bytes:
    """Return a digest of all that a plan follows from, except what Plex says of the item.

    ``find`` is the way to the item, ``images`` are the digests of the record's
    pictures by field, ``order`` names the sources as they lead.
    """
    rows = db.execute(
        "SELECT ledger.*, item.path FROM item CROSS JOIN ledger ON ledger.id BETWEEN"
        " item.id * 1048576 AND item.id * 1048576 + 1048575"
        " WHERE item.rating_key = ? ORDER BY place, field, source",
        (rating_key,),
    ).fetchall()
    pinned = pins.about(db, record.source, rating_key)
    leads_once = _leads_once(db, record, rating_key) if sources_lead.stands(db) else []
    left = sorted(left_alone.fields(db, record))
    said = record.fingerprint(), record.revision, find, sorted(images.items()), left
    return digest(repr((rating_key, said, order, pinned, rows, leads_once)).encode())


def _leads_once(db: Connection, record: Record, rating_key: str) -> list[str]:
    number = db.execute(
        "SELECT id FROM item WHERE rating_key = ?", (rating_key,)
    ).fetchone()
    return sorted(sources_lead.fields(db, record, number[0] if number else None))


def keep(db: Connection, source: str, key: str, seen: Seen | None) -> None:
    """Note what was seen of a record; None forgets what was seen before."""
    if seen is None:
        db.execute("DELETE FROM seen WHERE source = ? AND key = ?", (source, key))
    else:
        db.execute(
            "INSERT OR REPLACE INTO seen VALUES (?, ?, ?, ?, ?)",
            (source, key, seen.answer, seen.basis, seen.kind),
        )
