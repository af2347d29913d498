"""Records tied to items by hand. A pin remembers the files: the rating key may change.

Where the item has files of the record it is these, and else all that the item has: when
Plex splits the item, the pin goes with them.

Every function is one step of a transaction under way (``Database.run``).
"""

from dataclasses import replace
import json
from sqlite3 import Connection

from ..model.ports import Item, Server
from ..model.record import Find, Record
from .ledger_tables import of_source

SCHEMA = """
CREATE TABLE IF NOT EXISTS pin (
    source TEXT NOT NULL,
    key TEXT NOT NULL,
    rating_key TEXT NOT NULL,
    PRIMARY KEY (source, key)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS pin_file (
    source TEXT NOT NULL,
    key TEXT NOT NULL,
    paths TEXT NOT NULL,           -- that it follows, as Plex last showed them
    PRIMARY KEY (source, key)
) STRICT, WITHOUT ROWID;
"""


def find(db: Connection, source: str, key: str) -> Find | None:
    """Return the way to the item that a record is tied to; None if it is not tied."""
    row = db.execute(
        "SELECT rating_key, paths FROM pin LEFT JOIN pin_file USING (source, key)"
        " WHERE source = ? AND key = ?",
        (source, key),
    ).fetchone()
    return Find(tuple(json.loads(row[1] or "[]")), (), row[0]) if row else None


def of_item(db: Connection, source: str, item: Item) -> str | None:
    """Return the key of the record that an item is tied to; not once the pin's files are gone."""
    return next(
        (
            key
            for key, paths in about(db, source, item.rating_key)
            if paths is None or not set(json.loads(paths)).isdisjoint(item.paths)
        ),
        None,
    )


def about(db: Connection, source: str, rating_key: str) -> list[tuple[str, str | None]]:
    """Return keys and files of the records that were tied to an item when it was last seen."""
    return db.execute(
        "SELECT key, paths FROM pin LEFT JOIN pin_file USING (source, key)"
        " WHERE source = ? AND rating_key = ?",
        (source, rating_key),
    ).fetchall()


def tie(
    db: Connection, source: str, key: str, rating_key: str, item: Item | None
) -> None:
    """Tie a record to an item, which then follows it and no other of its source.

    Without the ``item`` as it was read its files are remembered once a job has found it.
    """
    untie(db, source, key)
    for (earlier,) in db.execute(
        "SELECT key FROM pin WHERE source = ? AND rating_key = ?", (source, rating_key)
    ).fetchall():
        untie(db, source, earlier)
    db.execute("INSERT INTO pin VALUES (?, ?, ?)", (source, key, rating_key))
    db.execute(
        f"UPDATE written SET key = ?2 WHERE {of_source('?1')}"  # noqa: S608  # our own words
        " AND id / 1048576 IN (SELECT id FROM item WHERE rating_key = ?3)",
        (source, key, rating_key),
    )
    if item is not None:
        _keep_files(db, source, key, item.paths)


def untie(db: Connection, source: str, key: str) -> None:
    """Tie a record to no item any more."""
    db.execute("DELETE FROM pin WHERE source = ? AND key = ?", (source, key))
    db.execute("DELETE FROM pin_file WHERE source = ? AND key = ?", (source, key))


def confirm(
    db: Connection, record: Record, way: Find, item: Item, server: Server
) -> None:
    """Remember the rating key of the item that a pin has led to, and which files it follows.

    ``way`` is how the item was found. A pin that was made since did not lead there, and
    stays as it is.
    """
    whose = record.source, record.key
    if way is record.find or (known := find(db, *whose)) is None:
        return
    if way.rating_key not in (None, known.rating_key):
        return
    find_own = Find(record.find.paths)
    own = {
        path
        for path in item.paths
        if server.confirms(find_own, replace(item, paths=(path,)))
    }
    follows_own = not (known.paths and own.isdisjoint(known.paths))
    paths = tuple(path for path in item.paths if (path in own) is follows_own)
    paths = paths or item.paths
    if (known.rating_key, known.paths) == (item.rating_key, paths):
        return
    db.execute(
        "UPDATE pin SET rating_key = ? WHERE source = ? AND key = ?",
        (item.rating_key, *whose),
    )
    _keep_files(db, *whose, paths)


def forget_source(db: Connection, source: str) -> None:
    """Untie all records of a source."""
    db.execute("DELETE FROM pin WHERE source = ?", (source,))
    db.execute("DELETE FROM pin_file WHERE source = ?", (source,))


def _keep_files(db: Connection, source: str, key: str, paths: tuple[str, ...]) -> None:
    if paths:
        db.execute(
            "INSERT OR REPLACE INTO pin_file VALUES (?, ?, ?)",
            (source, key, json.dumps(paths)),
        )
