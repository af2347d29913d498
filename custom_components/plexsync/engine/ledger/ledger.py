"""What we wrote to each item, and what stood there before we first touched it.

Same database and same transactions as the queue. An item is known by its path;
the rating key is a cache, so a row moves with the file.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import batched
import json
from sqlite3 import Connection
from typing import Any

from ..model.change import Change
from ..model.compare import by_name, is_form, same
from ..model.fields import FIELDS
from ..model.ports import Item
from ..model.record import Record, Value
from ..util.json_text import dump, load
from . import (
    created_collections,
    known_items,
    known_pictures,
    ledger_tables,
    members,
    pins,
)
from .ledger_sources import REMOVED
from .ledger_tables import NEXT_PLACE, OF_FIELD, OF_ITEM, ROW, of_source
from .row import (
    DECODERS,
    NOTHING,
    UNDONE,
    WAITS,
    Ledger,
    LedgerRow,
    encode,
    row_of,
    to_json,
)

# The second value, a record's key, unless the item names that.
_KEY = "nullif(?2, (SELECT record_key FROM item WHERE item.id = ?1 / 1048576))"
# Writes of unknown outcome, one after another, that are remembered whole. Of those before
# them only what stands there counts.
_EARLIER = 8

SCHEMA = (
    known_items.SCHEMA
    + ledger_tables.SCHEMA
    + known_pictures.SCHEMA
    + created_collections.SCHEMA
    + pins.SCHEMA
)


def rows(db: Connection, item: Item) -> Ledger:
    """Read the rows of one item, by field."""
    number = known_items.find(db, item)
    return {} if number is None else rows_of(db, number)


def rows_of(db: Connection, number: int) -> Ledger:
    """Read the rows of one item, given by the ledger's number."""
    return _rows(db, OF_ITEM, number)


def _rows_to_change(db: Connection, number: int, changes: Iterable[Change]) -> Ledger:
    """Read the rows of an item, at least of the fields that are about to change."""
    match list(changes):
        case [change]:
            return _rows(db, OF_FIELD, number, change.field)
        case _:
            return rows_of(db, number)


def _rows(db: Connection, which: str, *values: Any) -> Ledger:
    found: dict[str, list[LedgerRow]] = {}
    told = db.execute(
        "SELECT value, intent, earlier, shown, before, field, source, key, written,"  # noqa: S608  # our own words
        " pending, before_known, before_locked, released, locked, before_year, let_go"
        f" FROM ledger WHERE {which} ORDER BY place",
        values,
    ).fetchall()
    # As one text: to decode each by itself takes longer than all the rest.
    texts = ",".join([text or "null" for row in told for text in row[:5]])
    decoded = batched(load(f"[{texts}]"), 5, strict=True)
    for row, each in zip(told, decoded, strict=True):
        if (name := row[5]) in FIELDS:
            found.setdefault(name, []).append(_written(row, each))
    return found


def _written(row: tuple[Any, ...], decoded: tuple[Any, ...]) -> LedgerRow:
    value, intent, earlier, shown, before = decoded
    name, source, key, at, pending, known, before_locked, released = row[5:13]
    locked, year, let_go = row[13:]
    of = DECODERS[name]
    # In the order of its fields: naming them takes half as long again.
    return LedgerRow(
        name,
        source,
        None if value is None else of(value),
        key,
        at,
        row[0] is not None,
        None if intent is None else of(intent),
        tuple([each if each is None else of(each) for each in earlier or ()]),
        bool(pending),
        None if shown is None else of(shown),
        bool(locked),
        None if before is None else of(before),
        bool(known),
        bool(before_locked),
        year,
        released,
        bool(let_go) or source.startswith(REMOVED),
    )


def intend(
    db: Connection,
    item: Item,
    source: str,
    key: str,
    changes: Iterable[Change],
    now: float,
) -> int:
    """Note what is about to be written, and what stands there now if it is the first.

    Return the ledger's number of the item.
    """
    changes = list(changes)
    number = known_items.find_or_add(db, item, key)
    known, moment = _rows_to_change(db, number, changes), ledger_tables.moment(db, now)
    names = [change.field for change in changes]
    numbered = zip(
        ledger_tables.numbers(db, number, names, source), changes, strict=True
    )
    before, after = list[tuple[Any, ...]](), list[tuple[Any, ...]]()
    for row, change in numbered:
        story = known.get(change.field, ())
        members.find_again(db, number, source, change, story)
        before.append((row, _earlier(row_of(story, source), change)))
        image, own = change.is_picture, encode(change.own)
        after.append(
            (
                row,
                key,
                own,
                own != NOTHING,
                None if image else encode(change.before),
                not image,
                change.was_locked,
                moment,
                _year(item, change),
            )
        )
    ledger_tables.begin_writes(db, before)
    db.executemany(
        "INSERT INTO written (id, key, value, locked, before, before_known,"  # noqa: S608  # our own words
        " before_locked, moment, before_year, place)"
        f" VALUES (?1, {_KEY}, ?3, ?4, ?5, ?6, ?7, ?8, ?9, {NEXT_PLACE})"
        " ON CONFLICT (id) DO UPDATE SET value = excluded.value, shown = NULL,"
        " locked = excluded.locked, moment = excluded.moment, key = excluded.key,"
        " let_go = 0,"
        # After an undo the story of the field begins anew.
        " before = iif(released IS NULL, before, excluded.before),"
        " before_known = iif(released IS NULL, before_known, excluded.before_known),"
        " before_locked = iif(released IS NULL, before_locked, excluded.before_locked),"
        " before_year = iif(released IS NULL, before_year, excluded.before_year),"
        " place = iif(released IS NULL, place, excluded.place), released = NULL",
        after,
    )
    for change in changes:
        if change.field in known and (change.anew or change.taken):
            _begin_anew(db, number, source, item, change)
    return number


def _begin_anew(
    db: Connection, number: int, source: str, item: Item, change: Change
) -> None:
    """Let what stands there now be what stood there before any of us.

    The item was made anew, or was merged, or somebody wrote over what was ours; or
    nobody knows whose it is, and its source leads once.
    """
    image = change.is_picture
    db.execute(
        "UPDATE written SET before = ?3, before_known = ?4, before_locked = ?5,"  # noqa: S608  # our own words
        f" before_year = ?6 WHERE {OF_FIELD} AND released IS NULL",
        (
            number,
            change.field,
            None if image else encode(change.before),
            not image,
            change.was_locked,
            _year(item, change),
        ),
    )
    if image and change.taken:
        row = ledger_tables.row(db, number, change.field, source)
        ledger_tables.change_value(db, row, None, lock=True)


def _earlier(row: LedgerRow | None, change: Change) -> str | None:
    """Return what writes of unknown outcome meant before this one, the newest last.

    Without them what they have left there, or may yet bring, would pass for a
    person's under our lock.
    """
    if row is None or not row.pending:
        return None
    earlier = list(row.earlier)
    if row.intent != change.own and row.intent not in earlier:
        earlier.append(row.intent)
    standing, newest = _standing(change, earlier[:-_EARLIER]), earlier[-_EARLIER:]
    kept = newest if standing is None else [standing, *newest]
    return dump([to_json(each) for each in kept])


def _standing(change: Change, meant: Sequence[Value | None]) -> Value | None:
    """Return what stands there of what some writes meant."""
    spec, there = FIELDS[change.field], change.before
    if spec.is_list:
        names = by_name(there).keys()
        members = {
            name: member
            for each in meant
            for name, member in by_name(each).items()
            if name in names
        }
        return tuple(members.values()) or None  # type: ignore[return-value]  # one kind per field
    return next(
        (
            each
            for each in reversed(meant)
            if same(spec, there, each) or is_form(spec, each, there)
        ),
        None,
    )


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
    shown = shown or {}
    if (number := known_items.find(db, item)) is None:
        return
    alone = members.is_alone(db, number, source)
    for change in () if alone else changes:
        members.pass_on(db, number, source, change)
    names = [change.field for change in changes]
    forms = [_encode_shown(shown.get(name)) for name in names]
    numbers = ledger_tables.numbers(db, number, names, source)
    ledger_tables.confirm(db, dict(zip(numbers, forms, strict=True)), now)
    for change in () if alone else changes:
        if FIELDS[change.field].is_list:
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
    number = known_items.find_or_add(db, item, key)
    known, moment = _rows_to_change(db, number, changes), ledger_tables.moment(db, now)
    for change in changes:
        if len(known.get(change.field, ())) > 1:
            members.pass_on(db, number, source, change)
        members.find_again(db, number, source, change, known.get(change.field, ()))
        row = ledger_tables.row(db, number, change.field, source)
        db.execute(
            "INSERT INTO written (id, key, value, moment, shown, locked, before,"  # noqa: S608  # our own words
            " before_known, before_locked, before_year, place)"
            f" VALUES (?1, {_KEY}, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, {NEXT_PLACE})"
            " ON CONFLICT (id) DO UPDATE SET value = excluded.value,"
            " key = excluded.key, shown = excluded.shown, locked = excluded.locked,"
            " let_go = 0, moment = coalesce((SELECT unconfirmed.moment"
            " FROM unconfirmed WHERE unconfirmed.id = ?1), moment),"
            " before = iif(released IS NULL, before, excluded.before),"
            " before_known = iif(released IS NULL, before_known, excluded.before_known),"
            " before_locked = iif(released IS NULL, before_locked, excluded.before_locked),"
            " before_year = iif(released IS NULL, before_year, excluded.before_year),"
            " place = iif(released IS NULL, place, excluded.place), released = NULL",
            (
                row,
                key,
                encode(change.own),
                moment,
                _encode_shown(change.shown),
                change.locked,
                None if change.is_picture else encode(change.before),
                not change.is_picture,
                change.was_locked and not change.locked,
                _year(item, change),
            ),
        )
        ledger_tables.end_write(db, row)
    for change in changes:
        if change.taken or (change.anew and change.field in known):
            _begin_anew(db, number, source, item, change)


def wait(
    db: Connection, item: Item, record: Record, fields: Iterable[str], now: float
) -> None:
    """Note that a record has values for fields that another source leads."""
    if not (fields := list(fields)):
        return
    number = known_items.find_or_add(db, item, record.key)
    moment = ledger_tables.moment(db, now)
    for field in fields:
        row = ledger_tables.row(db, number, field, record.source)
        db.execute(
            "INSERT INTO written (id, key, released, moment, place)"  # noqa: S608  # our own words
            f" VALUES (?1, {_KEY}, ?3, ?4, {NEXT_PLACE}) ON CONFLICT (id) DO UPDATE SET"
            " key = excluded.key, released = excluded.released"
            " WHERE released IS NOT NULL",
            (row, record.key, WAITS, moment),
        )


def who_waits(
    db: Connection, item: Item, source: str, fields: Iterable[str]
) -> list[tuple[str, str]]:
    """Return source and key of the records that may lead fields which a source gave up."""
    return db.execute(
        f"SELECT DISTINCT source, key FROM ledger WHERE {OF_ITEM} AND source <> ?2"  # noqa: S608  # our own words
        " AND released IS NOT NULL AND key <> ''"
        " AND field IN (SELECT value FROM json_each(?3))",
        (known_items.find(db, item), source, json.dumps(list(fields))),
    ).fetchall()


def note_undone(
    db: Connection, item: Item, source: str, field: str, token: str | None
) -> None:
    """Note that a field was undone: a row owns nothing until its record's next revision.

    ``token`` says which revision was undone, or is one of the other values that
    ``LedgerRow.released`` may have.
    """
    if (number := known_items.find(db, item)) is None:
        return
    row = ledger_tables.row(db, number, field, source)
    db.execute(
        "UPDATE written SET released = ?, value = NULL, shown = NULL, locked = 0,"
        " let_go = 0 WHERE id = ?",
        (token, row),
    )
    ledger_tables.end_write(db, row)


def take_for_undone(db: Connection, item: Item, record: Record) -> None:
    """Tie to a record what was undone while nobody knew whose it was."""
    db.execute(
        "UPDATE written SET released = ?2, key = ?3"  # noqa: S608  # our own words
        f" WHERE {OF_ITEM} AND {of_source('?4')} AND released = ?5",
        (
            known_items.find(db, item),
            record.token(),
            record.key,
            record.source,
            UNDONE,
        ),
    )


def let_go(db: Connection, item: Item, source: str, fields: Iterable[str]) -> None:
    """Note that a source wants nothing in some fields any more: others may lead them.

    What it wrote may have to stay, and is still ours to undo.
    """
    if not (fields := list(fields)):
        return
    number = known_items.find(db, item)
    db.executemany(
        f"UPDATE written SET let_go = 1 WHERE {ROW}",  # noqa: S608  # our own words
        [(number, field, source) for field in fields],
    )


def keep_picture_before(
    db: Connection, item: Item, field: str, key: str | None
) -> None:
    """Note which picture was selected before our first one, whichever source's that is."""
    db.execute(
        f"UPDATE written SET before = ?3, before_known = 1 WHERE {OF_FIELD}"  # noqa: S608  # our own words
        " AND before_known = 0 AND released IS NULL",
        (known_items.find(db, item), field, json.dumps(key)),
    )


def written_since(db: Connection, since: float) -> list[tuple[int, str, str]]:
    """Return number, path and rating key of all items written since then."""
    return db.execute(
        "SELECT DISTINCT item.id, path, rating_key FROM ledger"
        " JOIN item ON item.id = ledger.item"
        " WHERE written >= ? AND before_known = 1 ORDER BY item.id",
        (since,),
    ).fetchall()


def written_within(
    db: Connection, since: float, until: float, sources: Iterable[str] | None
) -> list[tuple[int, str, str]]:
    """Return number, path and rating key of all items that some sources wrote between times.

    Both times are included; without names, whichever sources. What was only found to
    stand there was not written.
    """
    names = None if sources is None else json.dumps(sorted(sources))
    return db.execute(
        "SELECT DISTINCT item.id, path, rating_key FROM ledger"
        " JOIN item ON item.id = ledger.item"
        " WHERE written >= ?1 AND written <= ?2 AND before_known = 1"
        " AND (locked OR pending OR value = 'null')"
        " AND (?3 IS NULL OR source IN (SELECT value FROM json_each(?3)))"
        " ORDER BY item.id",
        (since, until, names),
    ).fetchall()


def whose(db: Connection, item: Item) -> list[tuple[str, str, str]]:
    """Return source, record key and field of each row of an item, the newest first."""
    return db.execute(
        f"SELECT source, key, field FROM ledger WHERE {OF_ITEM}"  # noqa: S608  # our own words
        " ORDER BY written DESC, key",
        (known_items.find(db, item),),
    ).fetchall()


def _year(item: Item, change: Change) -> int | None:
    """Return the item's year where the date changes: 0 for none."""
    return (item.year or 0) if change.field == "date" else None


def _encode_shown(value: Any) -> str | None:
    return None if value is None else encode(value)
