"""Which record of a source an item follows.

Plex merges files into one item, and then several records of one source find it. One of
them is its owner, whose key stands in the ledger; the others wait as ``shared_item``.

Every function is one step of a transaction under way (``Database.run``).
"""

from sqlite3 import Connection

from . import ledger
from .ports import Item
from .record import Record


def owner(db: Connection, item: Item, record: Record) -> str | None:
    """Give the key of another record of the same source that the item follows.

    None where the item is free, or the record's own. Who is tied to it by hand comes
    first. What an action says stands beside all of its other words: its last one counts.
    """
    if not record.mirror:
        return None
    pinned = db.execute(
        "SELECT key FROM pin WHERE source = ? AND rating_key = ?",
        (record.source, item.rating_key),
    ).fetchone()
    row = pinned or _last_writer(db, item, record.source)
    return None if row is None or row[0] in ("", record.key) else row[0]


def hand_over(db: Connection, item: Item, record: Record) -> None:
    """Let the item follow another record, which takes over what is known of the values."""
    db.execute(
        "UPDATE ledger SET key = ? WHERE item = ? AND source = ?",
        (record.key, ledger.item_id(db, item), record.source),
    )


def _last_writer(db: Connection, item: Item, source: str) -> tuple[str] | None:
    return db.execute(  # type: ignore[no-any-return]
        "SELECT key FROM ledger WHERE item = ? AND source = ?"
        " ORDER BY written DESC, key LIMIT 1",
        (ledger.item_id(db, item), source),
    ).fetchone()
