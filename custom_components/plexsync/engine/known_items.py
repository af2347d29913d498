"""Items as the ledger numbers them: by their file, under whatever rating key.

That is how undo, and every later write, finds an item that got a new key.

Every function is one step of a transaction under way (``Database.run``).
"""

from sqlite3 import Connection

from .ports import Item


def find(db: Connection, item: Item) -> int | None:
    """Find the ledger's number of an item, following its file to a new rating key."""
    row = db.execute(
        "SELECT id, path FROM item WHERE rating_key = ?", (item.rating_key,)
    ).fetchone()
    if row is not None and (not item.paths or row[1] in item.paths):
        return int(row[0])
    for path in item.paths:
        if moved := db.execute(
            # Without a section it is of a server whose place this one took.
            "SELECT id FROM item WHERE section IN (?, '') AND path = ?"
            " ORDER BY section DESC",
            (item.section, path),
        ).fetchone():
            db.execute(
                "UPDATE item SET rating_key = ?, section = ? WHERE id = ?",
                (item.rating_key, item.section, moved[0]),
            )
            return int(moved[0])
    if row is not None:
        # Same rating key, other files: the file was renamed in place, or Plex gave the
        # key to another item. We cannot tell which, so the rows stay with the key; a
        # value counts as ours only where it still stands there.
        path = item.paths[0] if item.paths else row[1]
        db.execute("UPDATE item SET path = ? WHERE id = ?", (path, row[0]))
        return int(row[0])
    return None


def find_or_add(db: Connection, item: Item) -> int:
    """Return the ledger's number of an item, a new one if it has none."""
    if (number := find(db, item)) is not None:
        return number
    path = item.paths[0] if item.paths else ""
    added = db.execute(
        "INSERT INTO item (rating_key, section, path) VALUES (?, ?, ?) RETURNING id",
        (item.rating_key, item.section, path),
    ).fetchone()
    return int(added[0])
