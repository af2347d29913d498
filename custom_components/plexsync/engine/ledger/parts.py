"""What Plex splits an item into: what we wrote to the whole is ours in each part.

The ledger knows an item by one of its files. Of an item with several it is remembered
which files it had, so that a part is recognised that goes away with one of them.

Every function is one step of a transaction under way (``Database.run``).
"""

from sqlite3 import Connection

from ..history import history
from ..model.ports import Item
from ..util.json_text import dump, load
from . import known_items, ledger_tables, sources_lead
from .ledger_tables import OF_ITEM

SCHEMA = """
CREATE TABLE IF NOT EXISTS part (
    section TEXT NOT NULL,
    path TEXT NOT NULL,
    item INTEGER NOT NULL,         -- that had this file beside the one it is known by
    PRIMARY KEY (section, path)
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS part_item ON part (item);
"""


def note(db: Connection, item: Item, number: int) -> None:
    """Remember the files of an item that has several; ``number`` is the ledger's."""
    if len(item.paths) > 1:
        db.executemany(
            "INSERT OR REPLACE INTO part SELECT ?1, ?2, ?3"
            " WHERE NOT EXISTS (SELECT 1 FROM item WHERE id = ?3 AND path = ?2)",
            [(item.section, path, number) for path in item.paths],
        )


def of(db: Connection, number: int) -> list[str]:
    """Return the files that an item had beside the one that the ledger knows it by."""
    rows = db.execute("SELECT path FROM part WHERE item = ?", (number,))
    return [row[0] for row in rows]


def beside(db: Connection, item: Item) -> set[str]:
    """Return the files that were in one item with a file of this one, itself as well."""
    found = set[str]()
    for path in item.paths:
        wholes = db.execute(
            "SELECT id, path FROM item WHERE section IN (?1, '') AND (path = ?2 OR id ="
            " (SELECT item FROM part WHERE part.section IN (?1, '') AND part.path = ?2))",
            (item.section, path),
        )
        for number, known_by in wholes.fetchall():
            found |= {known_by, *of(db, number)}
    return found


def recognise(db: Connection, *items: Item) -> None:
    """Let items that were parts of another one have what we wrote to the whole."""
    for item, path in [(each, path) for each in items for path in each.paths]:
        whole = db.execute(
            "SELECT item, item.path FROM part JOIN item ON item.id = part.item"
            " WHERE part.section IN (?, '') AND part.path = ?",
            (item.section, path),
        ).fetchone()
        if whole is not None and whole[1] not in item.paths:
            _inherit(db, whole[0], known_items.find_or_add(db, item))
            _forget(db, item.section, path)


def notice(db: Connection, item: Item, number: int) -> None:
    """See which files have left an item: what was written to it is theirs, too.

    This comes before anything new is written to the item. Where the files are now is
    found out when it matters. ``number`` is the ledger's.
    """
    for path in of(db, number):
        if path not in item.paths:
            _inherit(db, number, _known_by(db, item.section, path))
            _forget(db, item.section, path)


def _known_by(db: Connection, section: str, path: str) -> int:
    """Return the ledger's number of the item of a file, whatever its rating key is now."""
    known = known_items.by_file(db, section, path)
    return known_items.add(db, "", section, path) if known is None else known


def _forget(db: Connection, section: str, path: str) -> None:
    db.execute(
        "DELETE FROM part WHERE section IN (?, '') AND path = ?", (section, path)
    )


def _inherit(db: Connection, whole: int, number: int) -> None:
    sources_lead.inherit(db, whole, number)
    history.follow_split(db, whole, number)
    rows = db.execute(
        f"SELECT id, id + (?2 - ?1) * 1048576, value FROM ledger WHERE {OF_ITEM}",  # noqa: S608  # our own words
        (whole, number),
    )
    for row, mine, value in rows.fetchall():
        known = db.execute(
            "SELECT intent, pending, earlier FROM ledger WHERE id = ?", (mine,)
        ).fetchone()
        if known is None:
            ledger_tables.copy(db, row, mine)  # nobody's, so far
        elif value is not None:
            # It may stand there like a write of ours that nobody saw arrive.
            intent, pending, earlier = known
            others = load(earlier or "[]")
            if pending:
                others.append(load(value))
            ledger_tables.begin_writes(db, [(mine, dump(others))])
            ledger_tables.set_intent(db, mine, intent if pending else value)
