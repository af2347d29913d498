"""What we wrote to each item, and what stood there before we first touched it.

Same database and same transactions as the queue. An item is known by its path;
the rating key is a cache, so a row moves with the file.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import batched
import json
from sqlite3 import Connection
from typing import Any

from . import pins, stats
from .change import Change
from .compare import by_name, fold, members_of, name_of
from .fields import FIELDS, Kind
from .ports import Item
from .record import Record, Value, value_from_json, value_to_json
from .written import UNDONE, WAITS, Ledger, Written, row_of

SOURCES = "sources"  # the note that names them in the order in which they lead
_REMOVED = "removed:"  # begins the names of sources that were removed
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
CREATE TABLE IF NOT EXISTS picture (
    source TEXT NOT NULL,
    ref TEXT NOT NULL,
    tag TEXT,
    digest TEXT NOT NULL,
    mark TEXT NOT NULL,
    PRIMARY KEY (source, ref)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS collection (
    section TEXT NOT NULL,
    title TEXT NOT NULL,
    PRIMARY KEY (section, title)
) STRICT, WITHOUT ROWID;
"""
    + pins.SCHEMA
)


@dataclass(frozen=True, slots=True)
class Picture:
    """What is known of a picture: the source's tag for it, its digest, its last mark."""

    tag: str | None
    digest: str
    mark: str


def item_id(db: Connection, item: Item) -> int | None:
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
        # Same rating key, other files: the file was renamed in place, or the key
        # was given to another item. Only Plex's own lock tells, so it stays ours
        # where the value still stands and is nobody's where it does not.
        path = item.paths[0] if item.paths else row[1]
        db.execute("UPDATE item SET path = ? WHERE id = ?", (path, row[0]))
        return int(row[0])
    return None


def item_number(db: Connection, item: Item) -> int:
    """Give the ledger's number of an item, a new one if it has none."""
    if (number := item_id(db, item)) is not None:
        return number
    path = item.paths[0] if item.paths else ""
    added = db.execute(
        "INSERT INTO item (rating_key, section, path) VALUES (?, ?, ?) RETURNING id",
        (item.rating_key, item.section, path),
    ).fetchone()
    return int(added[0])


def rows(db: Connection, item: Item) -> Ledger:
    """Read the rows of one item, by field."""
    number = item_id(db, item)
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
        value=_value(name, value),
        confirmed=row[0] is not None,
        intent=_value(name, intent),
        earlier=tuple([_value(name, each) for each in earlier or ()]),
        pending=bool(pending),
        shown=_value(name, shown),
        locked=bool(locked),
        before=_value(name, before),
        before_known=bool(known),
        before_locked=bool(before_locked),
        before_year=year,
        released=released,
        let_go=bool(gone) or source.startswith(_REMOVED),
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
    number = item_number(db, item)
    known = _rows(db, number)
    for change in changes:
        story = known.get(change.field, ())
        _find_again(db, number, source, change, story)
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
                _encode(change.own),
                None if image else _encode(change.before),
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
            None if image else _encode(change.before),
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
    number, shown = item_id(db, item), shown or {}
    alone = _is_alone(db, number, source)
    for change in () if alone else changes:
        _pass_on(db, number, source, change)
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
            _take_out(db, number, source, change)


def _is_alone(db: Connection, number: int | None, source: str) -> bool:
    """Say whether nobody but this source has a row of an item."""
    found = db.execute(
        "SELECT 1 FROM ledger WHERE item = ? AND source <> ? LIMIT 1", (number, source)
    )
    return found.fetchone() is None


def _pass_on(db: Connection, number: int | None, source: str, change: Change) -> None:
    """Let members that a source wrote and wants no more, but others do, be theirs.

    To the others they stood there before; an undo would leave them.
    """
    if not FIELDS[change.field].is_list:
        return
    row = db.execute(
        "SELECT value, before FROM ledger"
        " WHERE item = ? AND field = ? AND source = ? AND released IS NULL",
        (number, change.field, source),
    ).fetchone()
    if row is None or row[0] is None:
        return
    wrote, before = (
        by_name(_value(change.field, json.loads(t or "null"))) for t in row
    )
    passed = (wrote.keys() & by_name(change.after).keys()) - (
        before.keys() | by_name(change.own).keys()
    )
    if not passed:
        return
    # The first row tells what stood there before any of us.
    for other, text in db.execute(
        "SELECT source, before FROM ledger WHERE item = ?1 AND field = ?2"
        " AND source <> ?3 AND before IS NOT NULL AND released IS NULL AND place >"
        " (SELECT min(place) FROM ledger"
        " WHERE item = ?1 AND field = ?2 AND released IS NULL)",
        (number, change.field, source),
    ).fetchall():
        found = members_of(_value(change.field, json.loads(text))) or ()
        left = tuple(each for each in found if fold(name_of(each)) not in passed)
        db.execute(
            "UPDATE ledger SET before = ? WHERE item = ? AND field = ? AND source = ?",
            (_encode(left or None), number, change.field, other),
        )


def _take_out(db: Connection, number: int, source: str, change: Change) -> None:
    """Let others, who want nothing there any more, have no member that is gone.

    If an agent brings it again it is the agent's. Nor is a lock theirs that was lifted.
    """
    left = by_name(change.before).keys() - {fold(name) for name in change.remove}
    for other, text in db.execute(
        "SELECT source, value FROM ledger WHERE item = ?1 AND field = ?2"
        " AND value IS NOT NULL AND source <> ?3"
        " AND (let_go = 1 OR substr(source, 1, ?4) = ?5)",
        (number, change.field, source, len(_REMOVED), _REMOVED),
    ).fetchall():
        members = members_of(_value(change.field, json.loads(text))) or ()
        there = tuple(each for each in members if fold(name_of(each)) in left)
        db.execute(
            "UPDATE ledger SET value = ?, locked = locked AND ?"
            " WHERE item = ? AND field = ? AND source = ?",
            (_encode(there or None), change.lock, number, change.field, other),
        )


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
    number = item_number(db, item)
    known = _rows(db, number)
    for change in changes:
        if len(known.get(change.field, ())) > 1:
            _pass_on(db, number, source, change)
        _find_again(db, number, source, change, known.get(change.field, ()))
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
                _encode(change.own),
                now,
                _encode_shown(change.shown),
                change.locked,
                None if change.is_picture else _encode(change.before),
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
    number = item_number(db, item)
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
        (item_id(db, item), source, json.dumps(list(fields))),
    ).fetchall()


def _find_again(
    db: Connection, number: int, source: str, change: Change, told: Sequence[Written]
) -> None:
    """Let members have stood there before us that a source only finds there now.

    Others than us brought them since it came first: an undo leaves them. ``told`` are
    the rows of the list.
    """
    story = [row for row in told if row.released is None]
    mine = row_of(story, source)
    if mine is None or not FIELDS[change.field].is_list:
        return
    ours = {
        name
        for row in story
        for value in (row.value, row.intent, *row.earlier)
        for name in by_name(value)
    }
    there = by_name(change.before)
    known = ours | by_name(mine.before).keys()
    names = (by_name(change.own).keys() & there.keys()) - known
    if names:
        found = (member for name, member in there.items() if name in names)
        before = (*(members_of(mine.before) or ()), *found)
        db.execute(
            "UPDATE ledger SET before = ? WHERE item = ? AND field = ? AND source = ?",
            (_encode(before), number, change.field, source),
        )


def release(
    db: Connection, item: Item, source: str, field: str, token: str | None
) -> None:
    """Give a field up until its record's next revision."""
    db.execute(
        "UPDATE ledger SET released = ?, value = NULL, intent = NULL, pending = 0,"
        " earlier = NULL, shown = NULL, locked = 0, let_go = 0"
        " WHERE item = ? AND field = ? AND source = ?",
        (token, item_id(db, item), field, source),
    )


def take_for_undone(db: Connection, item: Item, record: Record) -> None:
    """Let a record be the one that an undo was against, where nobody knew whose that was."""
    db.execute(
        "UPDATE ledger SET released = ?, key = ?"
        " WHERE item = ? AND source = ? AND released = ?",
        (record.token(), record.key, item_id(db, item), record.source, UNDONE),
    )


def let_go(db: Connection, item: Item, source: str, fields: Iterable[str]) -> None:
    """Give fields up to other sources; what was written there may stay, and is ours."""
    if not (fields := list(fields)):
        return
    number = item_id(db, item)
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
        (json.dumps(key), item_id(db, item), field),
    )


def order_of_sources(db: Connection) -> tuple[str, ...]:
    """Name the sources in the order in which they lead."""
    return tuple(json.loads(stats.setting(db, SOURCES) or "[]"))


def release_source(db: Connection, source: str) -> None:
    """Let go of a removed source's ownership; its values and their undo stay.

    Each time under a name of its own: a source that came again may go again.
    """
    number = db.execute(
        "SELECT count(DISTINCT source) FROM ledger WHERE substr(source, 1, ?) = ?",
        (len(_REMOVED), _REMOVED),
    ).fetchone()[0]
    db.execute(
        "UPDATE ledger SET source = ? WHERE source = ?",
        (f"{_REMOVED}{number}:{source}", source),
    )
    pins.forget_source(db, source)
    db.execute("DELETE FROM picture WHERE source = ?", (source,))


def take_back(db: Connection, removed: str, source: str) -> None:
    """Give a source that was added again what it wrote under its former name.

    Where it was removed more than once, the last time counts.
    """
    names = [
        row[0]
        for row in db.execute(
            "SELECT DISTINCT source FROM ledger"
            " WHERE substr(source, 1, ?) = ? AND substr(source, -?) = ?",
            (len(_REMOVED), _REMOVED, len(removed) + 1, f":{removed}"),
        )
    ]
    for name in sorted(names, key=lambda each: int(each.split(":")[1]), reverse=True):
        db.execute(
            "UPDATE OR IGNORE ledger SET source = ? WHERE source = ?", (source, name)
        )


def written_since(db: Connection, since: float) -> list[tuple[int, str, str]]:
    """Give number, path and rating key of all items written since then."""
    return db.execute(
        "SELECT DISTINCT id, path, rating_key FROM item"
        " JOIN ledger ON ledger.item = item.id"
        " WHERE written >= ? AND before_known = 1 ORDER BY id",
        (since,),
    ).fetchall()


def whose(db: Connection, item: Item) -> list[tuple[str, str, str]]:
    """Give source, record key and field of each row of an item, the newest first."""
    return db.execute(
        "SELECT source, key, field FROM ledger WHERE item = ? ORDER BY written DESC, key",
        (item_id(db, item),),
    ).fetchall()


def picture(db: Connection, source: str, ref: str) -> Picture | None:
    """Read what is known of a picture."""
    row = db.execute(
        "SELECT tag, digest, mark FROM picture WHERE source = ? AND ref = ?",
        (source, ref),
    ).fetchone()
    return Picture(*row) if row else None


def keep_picture(db: Connection, source: str, ref: str, known: Picture) -> None:
    """Remember a picture that was fetched."""
    db.execute(
        "INSERT OR REPLACE INTO picture VALUES (?, ?, ?, ?, ?)",
        (source, ref, known.tag, known.digest, known.mark),
    )


def created_collections(db: Connection, section: str) -> set[str]:
    """Give the titles of the collections that we created, case-folded."""
    return {
        row[0]
        for row in db.execute(
            "SELECT title FROM collection WHERE section = ?", (section,)
        )
    }


def note_collections(db: Connection, section: str, titles: Iterable[str]) -> None:
    """Remember collections as created by us."""
    db.executemany(
        "INSERT OR IGNORE INTO collection VALUES (?, ?)",
        [(section, title.casefold()) for title in titles],
    )


def _encode(value: Any) -> str:
    return json.dumps(value_to_json(value))


def _year(item: Item, change: Change) -> int | None:
    """Give the item's year where the date changes: 0 for none."""
    return (item.year or 0) if change.field == "date" else None


def _encode_shown(value: Any) -> str | None:
    return None if value is None else _encode(value)


def _value(field: str, data: Any) -> Any:
    if data is not None and FIELDS[field].kind is Kind.IMAGE:
        return data  # the digest of the bytes, a mark or a key, as text
    return value_from_json(field, data)
