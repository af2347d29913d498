"""Which record of a source an item follows. Who owns a list's members: ``plan.lists``.

Plex merges files into one item, and then several records of one source find it. One of
them is its owner, whose key stands in the ledger; the others wait as ``shared_item``.

Every function is one step of a transaction under way (``Database.run``).
"""

from sqlite3 import Connection

from ..model.ports import Item
from ..model.record import Record
from . import pins
from .ledger_tables import OF_ITEM, of_source
from .row import Ledger, row_of


def owner(db: Connection, item: Item, record: Record, known: Ledger) -> str | None:
    """Return the key of another record of the same source that the item follows.

    None where the item is free, or the record's own. A record that was pinned to the item
    comes first, then the one that wrote to it last, by what is ``known`` of it. An
    action's records never compete for an item: the last action counts.
    """
    if not record.mirror:
        return None
    pinned = pins.of_item(db, record.source, item)
    key = _last_writer(known, record.source) if pinned is None else pinned
    return None if key in ("", record.key) else key


def hand_over(db: Connection, number: int | None, item: Item, record: Record) -> None:
    """Let an item follow another record, which takes over what is known of the values.

    Not if a record is tied to the item: then it follows that, whatever its files are.
    """
    if pins.of_item(db, record.source, item) not in (None, record.key):
        return
    db.execute(
        f"UPDATE written SET key = ?2 WHERE {OF_ITEM} AND {of_source('?3')}",  # noqa: S608  # our own words
        (number, record.key, record.source),
    )


def _last_writer(known: Ledger, source: str) -> str:
    rows = [row for rows in known.values() if (row := row_of(rows, source))]
    return min(rows, key=lambda row: (-row.at, row.key)).key if rows else ""
