"""How the ledger lies in the database, so that a write costs each row one change.

A row is named by one number, made of those of its item, its field and its source: the
rows of an item lie together, and none repeats a name. What a write is to leave behind
stands in its row at once; what the row said before is in ``unconfirmed`` until a
read-back has shown the write. ``ledger`` shows both as one table, to be read.

Every function is one step of a transaction under way (``Database.run``).
"""

from collections.abc import Iterable, Mapping, Sequence
from sqlite3 import Connection
from typing import Any

from .row import NOTHING

_FIELDS = 1 << 20  # row numbers of one item
_SOURCES = 1 << 12  # of one field of an item

SCHEMA = """
CREATE TABLE IF NOT EXISTS ledger_field (
    id INTEGER PRIMARY KEY CHECK (id BETWEEN 0 AND 255),
    name TEXT NOT NULL UNIQUE
) STRICT;
CREATE TABLE IF NOT EXISTS ledger_source (
    id INTEGER PRIMARY KEY CHECK (id BETWEEN 0 AND 4095),
    name TEXT NOT NULL UNIQUE
) STRICT;
CREATE TABLE IF NOT EXISTS moment (
    id INTEGER PRIMARY KEY,
    at REAL NOT NULL               -- seconds since the epoch
) STRICT;
CREATE TABLE IF NOT EXISTS written (
    id INTEGER PRIMARY KEY,        -- (item << 20) + (field << 12) + source
    key TEXT,                      -- of the record; NULL: the one that its item names
    value TEXT,                    -- NULL: nothing is ours; "null": we emptied it
    before TEXT,
    before_known INTEGER NOT NULL DEFAULT 0,
    before_locked INTEGER NOT NULL DEFAULT 0,
    before_year INTEGER,
    released TEXT,                 -- see ``LedgerRow.released``
    moment INTEGER NOT NULL,       -- when it became ours
    place INTEGER NOT NULL,        -- which of the sources came upon the field first
    shown TEXT,                    -- how Plex shows the value, where in another form
    locked INTEGER NOT NULL DEFAULT 0,  -- the lock that stands on it is ours
    let_go INTEGER NOT NULL DEFAULT 0   -- its source claims no value any more
) STRICT;
CREATE TABLE IF NOT EXISTS unconfirmed (
    id INTEGER PRIMARY KEY,        -- of the row in ``written``
    value TEXT,                    -- this and what follows as it was in that row
    shown TEXT,
    locked INTEGER NOT NULL DEFAULT 0,
    moment INTEGER,
    earlier TEXT                   -- [intent] of writes before it that nobody saw arrive
) STRICT;
CREATE VIEW IF NOT EXISTS ledger AS
SELECT written.id / 1048576 AS item, ledger_field.name AS field,
    ledger_source.name AS source,
    coalesce(written.key, (SELECT record_key FROM item
        WHERE item.id = written.id / 1048576)) AS key,
    iif(unconfirmed.id IS NULL, written.value, unconfirmed.value) AS value,
    iif(unconfirmed.id IS NULL, NULL, written.value) AS intent,
    unconfirmed.earlier, unconfirmed.id IS NOT NULL AS pending,
    before, before_known, before_locked, released, coalesce(moment.at, 0.0) AS written,
    place,
    iif(unconfirmed.id IS NULL, written.shown, unconfirmed.shown) AS shown,
    iif(unconfirmed.id IS NULL, written.locked, unconfirmed.locked) AS locked,
    before_year, let_go, written.id AS id
FROM written
CROSS JOIN ledger_field ON ledger_field.id = written.id / 4096 % 256
CROSS JOIN ledger_source ON ledger_source.id = written.id % 4096
LEFT JOIN unconfirmed ON unconfirmed.id = written.id
LEFT JOIN moment ON moment.id = coalesce(unconfirmed.moment, written.moment);
"""

# Conditions on ``written``. Their parameters are an item's number, a field's name and a
# source's name: ``ROW`` takes all three, ``OF_FIELD`` the first two.
_FIELD = "(SELECT id FROM ledger_field WHERE name = ?2)"
_SOURCE = "(SELECT id FROM ledger_source WHERE name = {})"
OF_ITEM = "id BETWEEN ?1 * 1048576 AND ?1 * 1048576 + 1048575"
_FIRST = f"?1 * 1048576 + {_FIELD} * 4096"
OF_FIELD = f"id BETWEEN {_FIRST} AND {_FIRST} + 4095"
ROW = f"id = {_FIRST} + {_SOURCE.format('?3')}"
# The place of a new row, given by its number: behind those of all sources of its field.
NEXT_PLACE = (
    "(SELECT coalesce(max(place), 0) + 1 FROM written"
    " WHERE id BETWEEN ?1 - ?1 % 4096 AND ?1 - ?1 % 4096 + 4095)"
)


# That a row is of the record whose key is the second parameter.
OF_RECORD = (
    "(key = ?2 OR key IS NULL"
    " AND id / 1048576 IN (SELECT id FROM item WHERE record_key = ?2))"
)


def of_source(mark: str) -> str:
    """Return the condition that a row is the source's that a parameter names."""
    return f"id % 4096 = {_SOURCE.format(mark)}"


def row_id(db: Connection, item: int, field: str, source: str) -> int:
    """Return the number of a row, whether there is one or not."""
    return row_ids(db, item, (field,), source)[0]


def row_ids(db: Connection, item: int, fields: Iterable[str], source: str) -> list[int]:
    """Return the number of the row of each field, whether there is one or not."""
    first = item * _FIELDS + _number(db, "ledger_source", source)
    known = dict(db.execute("SELECT name, id FROM ledger_field").fetchall())
    return [
        first + (known.get(field) or _number(db, "ledger_field", field)) * _SOURCES
        for field in fields
    ]


def _number(db: Connection, table: str, name: str) -> int:
    find = f"SELECT id FROM {table} WHERE name = ?"  # noqa: S608  # our own words
    if (found := db.execute(find, (name,)).fetchone()) is None:
        add = f"INSERT INTO {table} (name) VALUES (?) RETURNING id"  # noqa: S608
        found = db.execute(add, (name,)).fetchone()
    return int(found[0])


def give(db: Connection, source: str, to: str) -> None:
    """Give a source the rows of another one, except where it has one of its own."""
    old, new = (_number(db, "ledger_source", name) for name in (source, to))
    moves = (
        "id % 4096 = ?1"
        " AND NOT EXISTS (SELECT 1 FROM written AS own WHERE own.id = {}.id - ?1 + ?2)"
    )
    for table in ("unconfirmed", "written"):
        where = moves.format(table)
        db.execute(f"UPDATE {table} SET id = id - ?1 + ?2 WHERE {where}", (old, new))  # noqa: S608  # our own words
    db.execute(
        "DELETE FROM ledger_source WHERE id = ?1"
        " AND NOT EXISTS (SELECT 1 FROM written WHERE id % 4096 = ?1)",
        (old,),
    )


def moment(db: Connection, now: float) -> int:
    """Return the number of a moment, of the newest one if that is the same."""
    last = db.execute("SELECT id, at FROM moment ORDER BY id DESC LIMIT 1").fetchone()
    if last is not None and last[1] == now:
        return int(last[0])
    add = "INSERT INTO moment (at) VALUES (?) RETURNING id"
    return int(db.execute(add, (now,)).fetchone()[0])


def prune_moments(db: Connection) -> None:
    """Drop the moments that no row refers to any more."""
    db.execute(
        "DELETE FROM moment WHERE id NOT IN (SELECT moment FROM written"
        " UNION SELECT moment FROM unconfirmed WHERE moment IS NOT NULL)"
    )


def begin_writes(db: Connection, rows: Iterable[tuple[Any, ...]]) -> None:
    """Keep what rows say, until the writes that are about to change them were seen.

    What is kept of a write that nobody saw yet stays; with the number of each row comes
    what such writes meant.
    """
    db.executemany(
        "INSERT INTO unconfirmed (id, value, shown, locked, moment, earlier)"
        " SELECT id, value, shown, locked, moment, ?2 FROM written WHERE id = ?1"
        " UNION ALL SELECT ?1, NULL, NULL, 0, NULL, ?2"
        " WHERE NOT EXISTS (SELECT 1 FROM written WHERE id = ?1)"
        " ON CONFLICT (id) DO UPDATE SET earlier = excluded.earlier",
        rows,
    )


def set_intent(db: Connection, number: int, intent: str) -> None:
    """Say what a row's write, which nobody saw, meant."""
    db.execute(
        "UPDATE written SET value = ?, shown = NULL, locked = ? WHERE id = ?",
        (intent, intent != NOTHING, number),
    )


def confirm(db: Connection, rows: Mapping[int, str | None], now: float) -> None:
    """Confirm the writes that are under way; ``rows`` says how Plex shows each value."""
    begun = end_writes(db, list(rows))
    if begun:
        db.execute(
            "UPDATE moment SET at = ?1 WHERE at <> ?1"
            " AND id = (SELECT moment FROM written WHERE id = ?2)",
            (now, begun[0]),
        )
    db.executemany(
        "UPDATE written SET shown = ? WHERE id = ?",
        [(rows[row], row) for row in begun if rows[row] is not None],
    )


def end_writes(db: Connection, rows: Sequence[int]) -> list[int]:
    """Forget what rows said before their writes; return those of which one was under way."""
    marks = ",".join("?" * len(rows))
    gone = db.execute(
        f"DELETE FROM unconfirmed WHERE id IN ({marks}) RETURNING id",  # noqa: S608  # marks only
        rows,
    )
    return [row[0] for row in gone.fetchall()]


def change_value(db: Connection, number: int, value: str | None, lock: bool) -> None:
    """Change what was seen of a row, whatever is being written; a lock may only go."""
    sql = "UPDATE {} SET value = ?, locked = locked AND ? WHERE id = ?"
    changed = db.execute(sql.format("unconfirmed"), (value, lock, number))
    if not changed.rowcount:
        db.execute(sql.format("written"), (value, lock, number))


def copy(db: Connection, number: int, to: int) -> None:
    """Copy a row to another item, where it is no record's."""
    db.execute(
        "INSERT INTO written (id, key, value, before, before_known, before_locked,"
        " before_year, released, moment, place, shown, locked, let_go)"
        " SELECT ?2, '', value, before, before_known, before_locked, before_year,"
        " released, moment, place, shown, locked, let_go FROM written WHERE id = ?1",
        (number, to),
    )
    db.execute(
        "INSERT INTO unconfirmed SELECT ?2, value, shown, locked, moment, earlier"
        " FROM unconfirmed WHERE id = ?1",
        (number, to),
    )
