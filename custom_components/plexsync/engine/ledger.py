"""What we wrote to each item, and what stood there before we first touched it.

Same database and same transactions as the queue. An item is known by its path;
the rating key is a cache, so a row moves with the file.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import batched
import json
from sqlite3 import Connection
from typing import Any

from . import created_collections, known_items, known_pictures, members, pins
from .change import Change
from .fields import FIELDS
from .ledger_sources import REMOVED
from .ports import Item
from .record import Record, Value, value_to_json
from .written import UNDONE, WAITS, Ledger, Written, decode, encode, row_of

_EARLIER = 8  # writes of unknown outcome, one after another, that are remembered

SCHEMA = (
    """
CREATE TABLE IF NOT EXISTS item (
    id INTEGER PRIMARY KEY,
    rating_key TEXT NOT NULL,
    section TEXT NOT NULL,
    path TEXT NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS item_rating_key ON item (rating_key);
CREATE INDEX IF NOT EXISTS item_path ON item (section, path);
CREATE TABLE IF NOT EXISTS ledger (
    item INTEGER NOT NULL REFERENCES item (id),
    field TEXT NOT NULL,
    source TEXT NOT NULL,
    key TEXT NOT NULL,
    value TEXT,                    -- NULL: nothing is ours; "null": we emptied it
    intent TEXT,
    earlier TEXT,                  -- [intent] of writes before it that nobody saw arrive
    pending INTEGER NOT NULL DEFAULT 0,
    before TEXT,
    before_known INTEGER NOT NULL DEFAULT 0,
    before_locked INTEGER NOT NULL DEFAULT 0,
    released TEXT,
    written REAL NOT NULL,
    place INTEGER NOT NULL,        -- which of the sources came upon the field first
    shown TEXT,                    -- how Plex shows the value, where in another form
    locked INTEGER NOT NULL DEFAULT 0,  -- the lock that stands on it is ours
    before_year INTEGER,
    let_go INTEGER NOT NULL DEFAULT 0,  -- its source wants it no more
    PRIMARY KEY (item, field, source)
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS ledger_written ON ledger (written);
"""
    + known_pictures.SCHEMA
    + created_collections.SCHEMA
    + pins.SCHEMA
)


def rows(db: Connection, item: Item) -> Ledger:
    """Read the rows of one item, by field."""
    number = known_items.find(db, item)
    return {} if number is None else _rows(db, number)


def _rows(db: Connection, number: int) -> Ledger:
    found: dict[str, list[Written]] = {}
    told = db.execute(
        "SELECT value, intent, earlier, shown, before, field, source, key, written,"
        " pending, before_known, before_locked, released, locked, before_year, let_go"
        " FROM ledger WHERE item = ? ORDER BY place",
        (number,),
    ).fetchall()
    # As one text: to decode each by itself takes longer than all the rest.
    texts = ",".join([text or "null" for row in told for text in row[:5]])
    values = batched(json.loads(f"[{texts}]"), 5, strict=True)
    for row, decoded in zip(told, values, strict=True):
        if (name := row[5]) in FIELDS:
            found.setdefault(name, []).append(_written(row, decoded))
    return found


def _written(row: tuple[Any, ...], decoded: tuple[Any, ...]) -> Written:
    value, intent, earlier, shown, before = decoded
    name, source, key, at, pending, known, before_locked, *rest = row[5:]
    released, locked, year, gone = rest
    return Written(
        field=name,
        source=source,
        key=key,
        at=at,
        value=decode(name, value),
        confirmed=row[0] is not None,
        intent=decode(name, intent),
        earlier=tuple([decode(name, each) for each in earlier or ()]),
        pending=bool(pending),
        shown=decode(name, shown),
        locked=bool(locked),
        before=decode(name, before),
        before_known=bool(known),
        before_locked=bool(before_locked),
        before_year=year,
        released=released,
        let_go=bool(gone) or source.startswith(REMOVED),
    )


def intend(
    db: Connection,
    item: Item,
    source: str,
    key: str,
    changes: Iterable[Change],
    now: float,
) -> None:
    """Note what is about to be written, and what stands there now if it is the first."""
    number = known_items.find_or_add(db, item)
    known = _rows(db, number)
    for change in changes:
        story = known.get(change.field, ())
        members.find_again(db, number, source, change, story)
        image = change.is_picture
        db.execute(
            "INSERT INTO ledger (item, field, source, key, intent, pending, before,"
            " before_known, before_locked, written, earlier, before_year, place)"
            " VALUES (?1, ?2, ?3, ?4, ?5, 1, ?6, ?7, ?8, ?9, ?10, ?11, (SELECT"
            " coalesce(max(place), 0) + 1 FROM ledger WHERE item = ?1 AND field = ?2))"
            " ON CONFLICT (item, field, source) DO UPDATE SET"
            " intent = excluded.intent, pending = 1, key = excluded.key,"
            " earlier = excluded.earlier, let_go = 0,"
            # After an undo the story of the field begins anew.
            " before = iif(released IS NULL, before, excluded.before),"
            " before_known = iif(released IS NULL, before_known, excluded.before_known),"
            " before_locked = iif(released IS NULL, before_locked, excluded.before_locked),"
            " before_year = iif(released IS NULL, before_year, excluded.before_year),"
            " place = iif(released IS NULL, place, excluded.place), released = NULL",
            (
                number,
                change.field,
                source,
                key,
                encode(change.own),
                None if image else encode(change.before),
                not image,
                change.was_locked,
                now,
                _earlier(row_of(story, source), change),
                _year(item, change),
            ),
        )
        if story and (change.anew or change.taken):
            _begin_anew(db, number, source, item, change)


def _begin_anew(
    db: Connection, number: int, source: str, item: Item, change: Change
) -> None:
    """Let what stands there now be what stood there before any of us.

    The item was made anew, or was merged, or somebody wrote over what was ours; or
    nobody knows whose it is, and its source leads once.
    """
    image, where = change.is_picture, (number, change.field)
    db.execute(
        "UPDATE ledger SET before = ?, before_known = ?, before_locked = ?,"
        " before_year = ? WHERE item = ? AND field = ? AND released IS NULL",
        (
            None if image else encode(change.before),
            not image,
            change.was_locked,
            _year(item, change),
            *where,
        ),
    )
    if image and change.taken:
        db.execute(
            "UPDATE ledger SET value = NULL"
            " WHERE item = ? AND field = ? AND source = ?",
            (*where, source),
        )


def _earlier(row: Written | None, change: Change) -> str | None:
    """Give what writes of unknown outcome meant before this one, the newest last.

    Without them what they have left there, or may yet bring, would pass for a
    person's under our lock.
    """
    if row is None or not row.pending:
        return None
    earlier = list(row.earlier)
    if row.intent != change.own and row.intent not in earlier:
        earlier.append(row.intent)
    return json.dumps([value_to_json(each) for each in earlier[-_EARLIER:]])


def confirm(
    db: Connection,
    item: Item,
    source: str,
    changes: Sequence[Change],
    now: float,
    shown: Mapping[str, Value | None] | None = None,
) -> None:
    """Make what was intended ours: a read-back has shown it, perhaps in another form."""
    if not changes:
        return
    number, shown = known_items.find(db, item), shown or {}
    alone = members.is_alone(db, number, source)
    for change in () if alone else changes:
        members.pass_on(db, number, source, change)
    db.executemany(
        "UPDATE ledger SET value = intent, intent = NULL, pending = 0, earlier = NULL,"
        " locked = intent <> 'null', shown = ?, written = ?"
        " WHERE item = ? AND field = ? AND source = ? AND pending = 1",
        [
            (_encode_shown(shown.get(each.field)), now, number, each.field, source)
            for each in changes
        ],
    )
    for change in () if alone else changes:
        if number is not None and FIELDS[change.field].is_list:
            members.take_out(db, number, source, change)


def adopt(
    db: Connection,
    item: Item,
    source: str,
    key: str,
    changes: Sequence[Change],
    now: float,
) -> None:
    """Own values that stand there already: what stands there is what was before."""
    if not changes:
        return
    number = known_items.find_or_add(db, item)
    known = _rows(db, number)
    for change in changes:
        if len(known.get(change.field, ())) > 1:
            members.pass_on(db, number, source, change)
        members.find_again(db, number, source, change, known.get(change.field, ()))
    db.executemany(
        "INSERT INTO ledger (item, field, source, key, value, written, shown, locked,"
        " before, before_known, before_locked, before_year, place)"
        " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, (SELECT"
        " coalesce(max(place), 0) + 1 FROM ledger WHERE item = ?1 AND field = ?2))"
        " ON CONFLICT (item, field, source) DO UPDATE SET"
        " value = excluded.value, intent = NULL, pending = 0, earlier = NULL,"
        " key = excluded.key, shown = excluded.shown, locked = excluded.locked,"
        " let_go = 0,"
        " before = iif(released IS NULL, before, excluded.before),"
        " before_known = iif(released IS NULL, before_known, excluded.before_known),"
        " before_locked = iif(released IS NULL, before_locked, excluded.before_locked),"
        " before_year = iif(released IS NULL, before_year, excluded.before_year),"
        " place = iif(released IS NULL, place, excluded.place), released = NULL",
        [
            (
                number,
                change.field,
                source,
                key,
                encode(change.own),
                now,
                _encode_shown(change.shown),
                change.locked,
                None if change.is_picture else encode(change.before),
                not change.is_picture,
                change.was_locked and not change.locked,
                _year(item, change),
            )
            for change in changes
        ],
    )
    for change in changes:
        if change.taken or (change.anew and change.field in known):
            _begin_anew(db, number, source, item, change)


def wait(
    db: Connection, item: Item, record: Record, fields: Iterable[str], now: float
) -> None:
    """Note that a record has values for fields that another source leads."""
    if not (fields := list(fields)):
        return
    number = known_items.find_or_add(db, item)
    db.executemany(
        "INSERT INTO ledger (item, field, source, key, released, written, place)"
        " VALUES (?1, ?2, ?3, ?4, ?5, ?6, (SELECT coalesce(max(place), 0) + 1"
        " FROM ledger WHERE item = ?1 AND field = ?2))"
        " ON CONFLICT (item, field, source) DO UPDATE SET"
        " key = excluded.key, released = excluded.released WHERE released IS NOT NULL",
        [(number, each, record.source, record.key, WAITS, now) for each in fields],
    )


def who_waits(
    db: Connection, item: Item, source: str, fields: Iterable[str]
) -> list[tuple[str, str]]:
    """Give source and key of the records that may lead fields which a source gave up."""
    return db.execute(
        "SELECT DISTINCT source, key FROM ledger WHERE item = ? AND source <> ?"
        " AND released IS NOT NULL AND key <> ''"
        " AND field IN (SELECT value FROM json_each(?))",
        (known_items.find(db, item), source, json.dumps(list(fields))),
    ).fetchall()


def release(
    db: Connection, item: Item, source: str, field: str, token: str | None
) -> None:
    """Give a field up until its record's next revision."""
    db.execute(
        "UPDATE ledger SET released = ?, value = NULL, intent = NULL, pending = 0,"
        " earlier = NULL, shown = NULL, locked = 0, let_go = 0"
        " WHERE item = ? AND field = ? AND source = ?",
        (token, known_items.find(db, item), field, source),
    )


def take_for_undone(db: Connection, item: Item, record: Record) -> None:
    """Tie to a record what was undone while nobody knew whose it was."""
    db.execute(
        "UPDATE ledger SET released = ?, key = ?"
        " WHERE item = ? AND source = ? AND released = ?",
        (
            record.token(),
            record.key,
            known_items.find(db, item),
            record.source,
            UNDONE,
        ),
    )


def let_go(db: Connection, item: Item, source: str, fields: Iterable[str]) -> None:
    """Give fields up to other sources; what was written there may stay, and is ours."""
    if not (fields := list(fields)):
        return
    number = known_items.find(db, item)
    db.executemany(
        "UPDATE ledger SET let_go = 1 WHERE item = ? AND field = ? AND source = ?",
        [(number, field, source) for field in fields],
    )


def keep_picture_before(
    db: Connection, item: Item, field: str, key: str | None
) -> None:
    """Note which picture was selected before our first one, whichever source's that is."""
    db.execute(
        "UPDATE ledger SET before = ?, before_known = 1 WHERE item = ? AND field = ?"
        " AND before_known = 0 AND released IS NULL",
        (json.dumps(key), known_items.find(db, item), field),
    )


def written_since(db: Connection, since: float) -> list[tuple[int, str, str]]:
    """Give number, path and rating key of all items written since then."""
    return db.execute(
        "SELECT DISTINCT id, path, rating_key FROM item"
        " JOIN ledger ON ledger.item = item.id"
        " WHERE written >= ? AND before_known = 1 ORDER BY id",
        (since,),
    ).fetchall()


def written_within(
    db: Connection, since: float, until: float, sources: Iterable[str] | None
) -> list[tuple[int, str, str]]:
    """Give number, path and rating key of all items that some sources wrote between times.

    Both times are included; without names, whichever sources. What was only found to
    stand there was not written.
    """
    names = None if sources is None else json.dumps(sorted(sources))
    return db.execute(
        "SELECT DISTINCT id, path, rating_key FROM item"
        " JOIN ledger ON ledger.item = item.id"
        " WHERE written >= ?1 AND written <= ?2 AND before_known = 1"
        " AND (locked OR pending OR value = 'null')"
        " AND (?3 IS NULL OR source IN (SELECT value FROM json_each(?3))) ORDER BY id",
        (since, until, names),
    ).fetchall()


def whose(db: Connection, item: Item) -> list[tuple[str, str, str]]:
    """Give source, record key and field of each row of an item, the newest first."""
    return db.execute(
        "SELECT source, key, field FROM ledger WHERE item = ? ORDER BY written DESC, key",
        (known_items.find(db, item),),
    ).fetchall()


def _year(item: Item, change: Change) -> int | None:
    """Give the item's year where the date changes: 0 for none."""
    return (item.year or 0) if change.field == "date" else None


def _encode_shown(value: Any) -> str | None:
    return None if value is None else encode(value)
