"""Pictures that were fetched, by what their source calls them.

Every function is one step of a transaction under way (``Database.run``).
"""

from dataclasses import dataclass
from sqlite3 import Connection

SCHEMA = """
CREATE TABLE IF NOT EXISTS picture (
    source TEXT NOT NULL,
    ref TEXT NOT NULL,
    tag TEXT,
    digest TEXT NOT NULL,
    mark TEXT NOT NULL,
    PRIMARY KEY (source, ref)
) STRICT, WITHOUT ROWID;
"""


@dataclass(frozen=True, slots=True)
class KnownPicture:
    """What is known of a picture: the source's tag for it, its digest, its last mark."""

    tag: str | None
    digest: str
    mark: str


def find(db: Connection, source: str, ref: str) -> KnownPicture | None:
    """Read what is known of a picture."""
    row = db.execute(
        "SELECT tag, digest, mark FROM picture WHERE source = ? AND ref = ?",
        (source, ref),
    ).fetchone()
    return KnownPicture(*row) if row else None


def keep(db: Connection, source: str, ref: str, known: KnownPicture) -> None:
    """Remember a picture that was fetched."""
    db.execute(
        "INSERT OR REPLACE INTO picture VALUES (?, ?, ?, ?, ?)",
        (source, ref, known.tag, known.digest, known.mark),
    )


def forget(db: Connection, source: str, ref: str) -> None:
    """Forget a picture."""
    db.execute("DELETE FROM picture WHERE source = ? AND ref = ?", (source, ref))


def forget_source(db: Connection, source: str) -> None:
    """Forget the pictures of a source."""
    db.execute("DELETE FROM picture WHERE source = ?", (source,))
