"""Items as the ledger numbers them: by their file, under whatever rating key.

That is how undo, and every later write, finds an item that got a new key. Several
episodes may have one file: these are told apart by what Plex numbers them as.

Every function is one step of a transaction under way (``Database.run``).
"""

from sqlite3 import Connection

from ..model.ports import Item
from ..util.digests import short_digest

SCHEMA = """
CREATE TABLE IF NOT EXISTS item (
    id INTEGER PRIMARY KEY,
    rating_key TEXT NOT NULL,
    section TEXT NOT NULL,
    path TEXT NOT NULL,
    file INTEGER NOT NULL DEFAULT 0,  -- digest of the path
    record_key TEXT NOT NULL DEFAULT ''  -- of its first record: its rows need not repeat it
) STRICT;
CREATE INDEX IF NOT EXISTS item_rating_key ON item (rating_key);
CREATE INDEX IF NOT EXISTS item_shelf_file ON item (id / 8192, file);
CREATE TABLE IF NOT EXISTS item_episode (
    item INTEGER PRIMARY KEY,
    episode TEXT NOT NULL          -- of its file, which may have several
) STRICT;
"""
# Digests are in no order: in one index of all items each new one would change a page of its
# own. So the index is in shelves of 8192 items each, and only the last one changes.
_BY_FILE = """
WITH RECURSIVE shelf (number) AS (
    SELECT max(id) / 8192 FROM item
    UNION ALL SELECT number - 1 FROM shelf WHERE number > 0
)
SELECT item.id FROM shelf CROSS JOIN item ON item.id / 8192 = shelf.number
    AND item.file = ?2 AND item.path = ?3 AND item.section IN (?1, '')
LEFT JOIN item_episode ON item_episode.item = item.id
WHERE ?4 IN (coalesce(episode, ?4), '')
ORDER BY episode IS NULL, item.section DESC
"""


def find(db: Connection, item: Item) -> int | None:
    """Find the ledger's number of an item, following its file to a new rating key."""
    row = db.execute(
        "SELECT id, path, coalesce(episode, ?2) FROM item"
        " LEFT JOIN item_episode ON item = id WHERE rating_key = ?1",
        (item.rating_key, item.episode),
    ).fetchone()
    is_it = row is not None and row[1] in item.paths and row[2] == item.episode
    if is_it or (row is not None and not item.paths):
        _note_episode(db, row[0], item)
        return int(row[0])
    for path in item.paths:
        if (moved := by_file(db, item.section, path, item.episode)) is not None:
            db.execute(
                "UPDATE item SET rating_key = ?, section = ? WHERE id = ?",
                (item.rating_key, item.section, moved),
            )
            _note_episode(db, moved, item)
            return moved
    if row is not None:
        # Same rating key, other files: the file was renamed in place, or Plex gave the
        # key to another item. We cannot tell which, so the rows stay with the key; a
        # value counts as ours only where it still stands there.
        path = item.paths[0] if item.paths else row[1]
        db.execute(
            "UPDATE item SET path = ?, file = ? WHERE id = ?",
            (path, short_digest(path), row[0]),
        )
        _note_episode(db, row[0], item)
        return int(row[0])
    return None


def find_or_add(db: Connection, item: Item, key: str = "") -> int:
    """Return the ledger's number of an item, a new one if it has none.

    ``key`` is that of the record that led to it.
    """
    if (number := find(db, item)) is not None:
        return number
    path = item.paths[0] if item.paths else ""
    number = add(db, item.rating_key, item.section, path, key)
    _note_episode(db, number, item)
    return number


def by_file(db: Connection, section: str, path: str, episode: str = "") -> int | None:
    """Find the ledger's number of the item of a file, whatever its rating key is now.

    Of several episodes it is the named one, or one of which it is not known which it is.
    """
    # Without a section it is of a server whose place this one took.
    row = db.execute(_BY_FILE, (section, short_digest(path), path, episode)).fetchone()
    return int(row[0]) if row else None


def is_part(db: Connection, number: int, item: Item) -> bool:
    """Return whether an item may be a part of one that the ledger knows by this number."""
    row = db.execute(
        "SELECT 1 FROM item LEFT JOIN item_episode ON item = id"
        " WHERE id = ?1 AND section IN (?2, '') AND ?3 IN (coalesce(episode, ?3), '')",
        (number, item.section, item.episode),
    ).fetchone()
    return row is not None


def _note_episode(db: Connection, number: int, item: Item) -> None:
    if item.episode and item.paths:
        db.execute(
            "INSERT INTO item_episode VALUES (?, ?) ON CONFLICT (item)"
            " DO UPDATE SET episode = excluded.episode"
            " WHERE episode <> excluded.episode",
            (number, item.episode),
        )


def add(db: Connection, rating_key: str, section: str, path: str, key: str = "") -> int:
    """Give an item a number."""
    added = db.execute(
        "INSERT INTO item (rating_key, section, path, file, record_key)"
        " VALUES (?, ?, ?, ?, ?) RETURNING id",
        (rating_key, section, path, short_digest(path), key),
    ).fetchone()
    return int(added[0])
