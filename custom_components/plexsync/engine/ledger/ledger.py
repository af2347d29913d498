"""What we wrote to each item, and what stood there before we first touched it.

Same database and same transactions as the queue. Items go by their numbers, which stay
with the files (see ``known_items``); one without a number has no rows.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import batched
import json
from sqlite3 import Connection
from typing import Any

from ..model.change import Change
from ..model.compare import by_name, is_form, same
from ..model.fields import FIELDS
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
    locked_before,
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


def rows(db: Connection, number: int | None) -> Ledger:
    """Read the rows of one item, by field."""
    found: dict[str, list[LedgerRow]] = {}
    told = db.execute(
        "SELECT value, intent, earlier, shown, before, field, source, key, written,"  # noqa: S608  # our own words
        " pending, before_known, before_locked, released, locked, before_year, let_go"
        f" FROM ledger WHERE {OF_ITEM} ORDER BY place",
        (number,),
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
    # By position: with the names of the fields it takes half as long again.
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
    number: int,
    source: str,
    key: str,
    known: Ledger,
    changes: Sequence[Change],
    now: float,
) -> None:
    """Note what is about to be written, and what stands there now if it is the first.

    ``known`` are the rows of the item that the changes follow from.
    """
    moment = ledger_tables.moment(db, now)
    ids = ledger_tables.row_ids(db, number, [each.field for each in changes], source)
    kept, values = list[tuple[Any, ...]](), list[tuple[Any, ...]]()
    for row, change in zip(ids, changes, strict=True):
        told = known.get(change.field, ())
        members.find_again(db, number, source, change, told)
        members.keep_taken(db, number, change, told)
        kept.append((row, _earlier(row_of(told, source), change)))
        own = encode(change.own)
        was = _before(change, locked=change.was_locked)
        values.append((row, key, own, None, own != NOTHING, moment, *was))
    ledger_tables.begin_writes(db, kept)
    _own(db, values, "excluded.moment")
    _forget_opened_locks(db, number, known, changes)
    _begin_anew(db, number, source, known, changes)


def adopt(
    db: Connection,
    number: int,
    source: str,
    key: str,
    known: Ledger,
    changes: Sequence[Change],
    now: float,
) -> None:
    """Own values that stand there already: what stands there is what was before."""
    if not changes:
        return
    moment = ledger_tables.moment(db, now)
    ids = ledger_tables.row_ids(db, number, [each.field for each in changes], source)
    values = list[tuple[Any, ...]]()
    for row, change in zip(ids, changes, strict=True):
        told = known.get(change.field, ())
        members.pass_on(db, number, source, change, told)
        members.find_again(db, number, source, change, told)
        own, shown = encode(change.own), _encode_shown(change.shown)
        was = _before(change, locked=change.was_locked and not change.locked)
        values.append((row, key, own, shown, change.locked, moment, *was))
    # A row keeps the moment that it had before a write whose outcome is known now.
    seen = "(SELECT moment FROM unconfirmed WHERE unconfirmed.id = ?1)"
    _own(db, values, f"coalesce({seen}, moment)")
    ledger_tables.end_writes(db, ids)
    _begin_anew(db, number, source, known, changes)


def _own(db: Connection, rows: Sequence[tuple[Any, ...]], moment: str) -> None:
    """Note values as ours; ``moment`` says since when, where a row is there already."""
    db.executemany(
        "INSERT INTO written (id, key, value, shown, locked, moment, before,"  # noqa: S608  # our own words
        " before_known, before_locked, before_year, place)"
        f" VALUES (?1, {_KEY}, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, {NEXT_PLACE})"
        " ON CONFLICT (id) DO UPDATE SET key = excluded.key, value = excluded.value,"
        f" shown = excluded.shown, locked = excluded.locked, moment = {moment},"
        " let_go = 0,"
        # After an undo the story of the field begins anew.
        " before = iif(released IS NULL, before, excluded.before),"
        " before_known = iif(released IS NULL, before_known, excluded.before_known),"
        " before_locked = iif(released IS NULL, before_locked, excluded.before_locked),"
        " before_year = iif(released IS NULL, before_year, excluded.before_year),"
        " place = iif(released IS NULL, place, excluded.place), released = NULL",
        rows,
    )


def _forget_opened_locks(
    db: Connection, number: int, known: Ledger, changes: Iterable[Change]
) -> None:
    """Forget locks of before that a person has opened: from now on the lock is ours alone."""
    for change in changes:
        if not change.was_locked and locked_before(known.get(change.field, ())):
            db.execute(
                f"UPDATE written SET before_locked = 0 WHERE {OF_FIELD}",  # noqa: S608  # our own words
                (number, change.field),
            )


def _begin_anew(
    db: Connection, number: int, source: str, known: Ledger, changes: Iterable[Change]
) -> None:
    """Let what stands there now be what stood there before any of us.

    The item was made anew, or was merged, or somebody wrote over what was ours; or
    nobody knows whose it is, and its source leads once.
    """
    for change in changes:
        if not (change.taken or (change.anew and change.field in known)):
            continue
        db.execute(
            "UPDATE written SET before = ?3, before_known = ?4, before_locked = ?5,"  # noqa: S608  # our own words
            f" before_year = ?6 WHERE {OF_FIELD} AND released IS NULL",
            (number, change.field, *_before(change, locked=change.was_locked)),
        )
        if change.is_picture and change.taken:
            row = ledger_tables.row_id(db, number, change.field, source)
            ledger_tables.change_value(db, row, None, lock=True)


def _before(change: Change, *, locked: bool) -> tuple[Any, ...]:
    """Return what the columns of a row say of what stands there now."""
    if change.is_picture:
        return None, False, locked, None
    return encode(change.before), True, locked, change.year


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
    number: int,
    source: str,
    known: Ledger,
    changes: Sequence[Change],
    now: float,
    shown: Mapping[str, Value | None],
) -> None:
    """Make what was intended ours: a read-back has shown it, perhaps in another form."""
    if not changes:
        return
    for change in changes:
        members.pass_on(db, number, source, change, known.get(change.field, ()))
    names = [change.field for change in changes]
    forms = [_encode_shown(shown.get(name)) for name in names]
    ids = ledger_tables.row_ids(db, number, names, source)
    ledger_tables.confirm(db, dict(zip(ids, forms, strict=True)), now)
    for change in changes:
        members.take_out(db, number, source, change, known.get(change.field, ()))


def wait(
    db: Connection,
    number: int,
    source: str,
    key: str,
    fields: Sequence[str],
    now: float,
) -> None:
    """Note that a record has values for fields that another source leads."""
    if not fields:
        return
    moment = ledger_tables.moment(db, now)
    db.executemany(
        "INSERT INTO written (id, key, released, moment, place)"  # noqa: S608  # our own words
        f" VALUES (?1, {_KEY}, ?3, ?4, {NEXT_PLACE}) ON CONFLICT (id) DO UPDATE SET"
        " key = excluded.key, released = excluded.released WHERE released IS NOT NULL",
        [
            (row, key, WAITS, moment)
            for row in ledger_tables.row_ids(db, number, fields, source)
        ],
    )


def who_waits(
    db: Connection, number: int | None, source: str, fields: Iterable[str]
) -> list[tuple[str, str]]:
    """Return source and key of the records that may lead fields which a source gave up."""
    return db.execute(
        f"SELECT DISTINCT source, key FROM ledger WHERE {OF_ITEM} AND source <> ?2"  # noqa: S608  # our own words
        " AND NOT let_go AND key <> ''"
        " AND field IN (SELECT value FROM json_each(?3))",
        (number, source, json.dumps(list(fields))),
    ).fetchall()


def note_undone(
    db: Connection, number: int, source: str, field: str, token: str
) -> None:
    """Note that a field was undone: a row owns nothing until its record says otherwise.

    ``token`` is what ``LedgerRow.released`` may have.
    """
    row = ledger_tables.row_id(db, number, field, source)
    db.execute(
        "UPDATE written SET released = ?, value = NULL, shown = NULL, locked = 0,"
        " let_go = 0 WHERE id = ?",
        (token, row),
    )
    ledger_tables.end_writes(db, [row])


def take_for_undone(db: Connection, number: int | None, record: Record) -> None:
    """Tie to a record what was undone while nobody knew whose it was."""
    db.execute(
        "UPDATE written SET released = ?2, key = ?3"  # noqa: S608  # our own words
        f" WHERE {OF_ITEM} AND {of_source('?4')} AND released = ?5",
        (number, record.token(), record.key, record.source, UNDONE),
    )


def let_go(db: Connection, number: int, source: str, fields: Iterable[str]) -> None:
    """Note that a source wants nothing in some fields any more: others may lead them.

    What it wrote may have to stay, and is still ours to undo. What was undone is forgotten.
    """
    rows = [(number, field, source) for field in fields]
    db.executemany(
        f"DELETE FROM written WHERE {ROW} AND released IS NOT NULL",  # noqa: S608  # our own words
        rows,
    )
    db.executemany(f"UPDATE written SET let_go = 1 WHERE {ROW}", rows)  # noqa: S608  # our own words


def keep_picture_before(
    db: Connection, number: int | None, field: str, key: str | None
) -> None:
    """Note which picture was selected before our first one, whichever source's that is."""
    db.execute(
        f"UPDATE written SET before = ?3, before_known = 1 WHERE {OF_FIELD}"  # noqa: S608  # our own words
        " AND before_known = 0 AND released IS NULL",
        (number, field, json.dumps(key)),
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


def whose(db: Connection, number: int | None) -> list[tuple[str, str, str]]:
    """Return source, record key and field of each row of an item, the newest first."""
    return db.execute(
        f"SELECT source, key, field FROM ledger WHERE {OF_ITEM}"  # noqa: S608  # our own words
        " ORDER BY written DESC, key",
        (number,),
    ).fetchall()


def _encode_shown(value: Any) -> str | None:
    return None if value is None else encode(value)
