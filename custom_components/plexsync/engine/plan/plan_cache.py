"""What would be written to each record's items, as the last comparison saw it.

It is a cache for the review page, in a temporary table: whoever opens a record looks at
Plex afresh, and whoever writes it is held to what was shown (``approvals``).

A *mark* is one line for each change: rating key, field, and a digest of what the change
would make of what. The digest of all marks names a whole plan.

The table is in memory, and before the first sync it has a row for every record. So what
many rows say stands in ``planned_word`` once, fields go by their letters, and of the marks
only the digests are kept: those of one item after the other, for each letter in ``fields``.

Every function is one step of a transaction under way (``Database.run``).
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
import hashlib
import json
from sqlite3 import Connection

from ..model.change import Change, Kept
from ..model.fields import FIELDS
from .lookup_result import LookupResult

SCHEMA = """
CREATE TEMP TABLE IF NOT EXISTS planned_word (
    id INTEGER PRIMARY KEY,
    word TEXT NOT NULL UNIQUE
) STRICT;
CREATE TEMP TABLE IF NOT EXISTS planned (
    source INTEGER NOT NULL,       -- a word, as are all other numbers but ``run``
    key TEXT NOT NULL,
    run INTEGER NOT NULL,          -- of the comparison that saw it
    rating_key TEXT NOT NULL,      -- of the first item that would change
    others TEXT NOT NULL,          -- and of those after it: "12 13"
    library INTEGER NOT NULL,
    beyond TEXT NOT NULL,          -- other libraries with items that would change: " 5 7 "
    title TEXT NOT NULL,
    fields TEXT NOT NULL,          -- the letters of those that would change: "aj"
    marks BLOB NOT NULL,           -- digests; zeros where an item's field would not change
    kept INTEGER NOT NULL,         -- JSON object: field and reason
    unseen TEXT NOT NULL,          -- the letters of pictures that were never fetched
    PRIMARY KEY (source, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS temp.planned_title ON planned (title COLLATE NOCASE, source, key);
"""
_SIZE = 6  # bytes of a mark's digest
_NONE = bytes(_SIZE)
_NONE_HEX = _NONE.hex()
_WIDTH = len(_NONE_HEX)
_NAMES = {field.letter: name for name, field in FIELDS.items()}

_ID = "(SELECT id FROM planned_word WHERE word = {})"
_WORD = "(SELECT word FROM planned_word WHERE id = planned.{})"
SOURCE = _WORD.format("source")  # of a row
_OF_RECORD = f"source = {_ID.format('?')} AND key = ?"

# The rows that fit a ``Filter``, whose values are the first parameters.
_FITS = (
    f"(?1 IS NULL OR planned.source = {_ID.format('?1')})"
    " AND (?2 IS NULL OR instr(planned.fields, ?2) > 0)"
    f" AND (?3 IS NULL OR planned.library = {_ID.format('?3')}"
    f" OR instr(planned.beyond, ' ' || {_ID.format('?3')} || ' ') > 0)"
    " AND (?4 IS NULL OR instr(search_text(planned.title), search_text(?4)) > 0)"
    " AND (?5 IS NULL OR planned.key = ?5)"
)


@dataclass(frozen=True, slots=True)
class Filter:
    """Which rows are meant: those that fit everything that is given."""

    source: str | None = None
    field: str | None = None
    library: str | None = None
    search: str | None = None  # a part of the title
    key: str | None = None

    @property
    def values(self) -> tuple[str | None, ...]:
        """The parameters of ``_FITS``."""
        letter = FIELDS[self.field].letter if self.field else None
        return self.source, letter, self.library, self.search, self.key


@dataclass(frozen=True, slots=True)
class PlannedRecord:
    """One record that would change something; ``digest`` names the plan."""

    source: str
    key: str
    rating_key: str
    library: str
    title: str
    items: int
    fields: tuple[str, ...]
    kept: Mapping[str, str]
    digest: str


@dataclass(frozen=True, slots=True)
class Totals:
    """How many records would change something: in all, and by what."""

    records: int
    by_field: Mapping[str, int]
    by_source: Mapping[str, int]
    by_library: Mapping[str, int]


def marks_of(lookups: Iterable[LookupResult]) -> list[str]:
    """Mark each change that the plans of some items would make."""
    return sorted(
        _mark(str(lookup.rating_key), change.field, _digest(change).hex())
        for lookup in lookups
        if lookup.item is not None
        for change in lookup.plan.changes
    )


def _mark(rating_key: str, field: str, digest: str) -> str:
    return f"{rating_key} {field} {digest}"


def _digest(change: Change) -> bytes:
    said = change.before, change.after, sorted(change.remove), change.lock
    return hashlib.blake2b(repr(said).encode(), digest_size=_SIZE).digest()


def field_of(mark: str) -> str:
    """Return the field that a mark is about."""
    return mark.split(" ")[1]


def digest(marks: Iterable[str]) -> str:
    """Name a plan: equal names mean equal changes."""
    text = "\n".join(sorted(marks))
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def _packed(lookups: Iterable[LookupResult], letters: str) -> bytes:
    """Return the marks of some items as they are kept."""
    digests = bytearray()
    for lookup in lookups:
        mine = {
            FIELDS[change.field].letter: _digest(change)
            for change in lookup.plan.changes
        }
        for letter in letters:
            digests += mine.get(letter, _NONE)
    return bytes(digests)


def _unpacked(rating_key: str, others: str, letters: str, digests: bytes) -> list[str]:
    """Return the marks that are kept in a row."""
    text, at, marks = digests.hex(), 0, []
    for item in (rating_key, *others.split()):
        for letter in letters:
            digest, at = text[at : at + _WIDTH], at + _WIDTH
            if digest != _NONE_HEX:
                marks.append(_mark(item, _NAMES[letter], digest))
    return marks


def unseen(lookup: LookupResult) -> list[str]:
    """Name the pictures of a record that were never fetched: a write compares them."""
    assert lookup.record is not None
    return [name for name in lookup.record.pictures if name not in lookup.images]


def next_run(db: Connection) -> int:
    """Give a comparison that begins its number."""
    found = db.execute("SELECT coalesce(max(run), 0) + 1 FROM planned").fetchone()
    return int(found[0])


def end_run(db: Connection, run: int, sources: Iterable[str]) -> None:
    """Forget what a comparison of all records of some sources has not seen again."""
    db.executemany(
        f"DELETE FROM planned WHERE run < ? AND source = {_ID.format('?')}",
        [(run, source) for source in sources],
    )


def keep(
    db: Connection,
    lookup: LookupResult,
    run: int | None = None,
    of: Sequence[LookupResult] | None = None,
) -> None:
    """Note what would be written to the items of one record, or that nothing would be.

    Without a ``run`` it counts as seen by the last one. What cannot be looked at now
    stays as it was. ``of`` are its items, unless all are meant that were found.
    """
    assert lookup.record is not None
    source, key = lookup.record.source, lookup.record.key
    found = lookup.targets if of is None else of
    targets = [each for each in found if each.item and each.plan.changes]
    if not targets and any(each.fault for each in found):
        pass_over(db, source, key, run)
        return
    if not targets:
        drop(db, source, key)
        return
    first, *others = targets
    assert first.item is not None
    fields = {change.field for each in targets for change in each.plan.changes}
    letters = _letters(name for name in FIELDS if name in fields)
    kept = {name: str(why) for each in targets for name, why in each.plan.kept.items()}
    shelves = dict.fromkeys(each.item.section for each in targets if each.item)
    words = source, *shelves, json.dumps(kept)
    _keep_words(db, words)
    beyond = [_id_of(db, each) for each in shelves if each != first.item.section]
    db.execute(
        f"INSERT OR REPLACE INTO planned VALUES ({_ID.format('?')}, ?, coalesce(?, ("
        "SELECT coalesce(max(run), 0) FROM planned)), ?, ?,"
        f" {_ID.format('?')}, ?, ?, ?, ?, {_ID.format('?')}, ?)",
        (
            source,
            key,
            run,
            first.item.rating_key,
            " ".join(str(each.rating_key) for each in others),
            first.item.section,
            f" {' '.join(map(str, beyond))} " if beyond else "",
            str(first.item.fields.get("title") or ""),
            letters,
            _packed(targets, letters),
            words[-1],
            _letters(unseen(lookup)),
        ),
    )


def _keep_words(db: Connection, words: Iterable[str]) -> None:
    db.executemany(
        "INSERT OR IGNORE INTO planned_word (word) VALUES (?)",
        [(word,) for word in words],
    )


def _id_of(db: Connection, word: str) -> int:
    return int(db.execute(f"SELECT {_ID.format('?')}", (word,)).fetchone()[0])


def _letters(fields: Iterable[str]) -> str:
    return "".join(FIELDS[name].letter for name in fields)


def pass_over(db: Connection, source: str, key: str, run: int | None) -> None:
    """Let what is known of a record stand, though a comparison did not look at it."""
    db.execute(
        f"UPDATE planned SET run = coalesce(?, run) WHERE {_OF_RECORD}",
        (run, source, key),
    )


def drop(db: Connection, source: str, key: str) -> None:
    """Forget a record: it is in line, or gone."""
    db.execute(f"DELETE FROM planned WHERE {_OF_RECORD}", (source, key))


def leave(db: Connection, source: str, key: str | None, field: str) -> None:
    """Take a field out of the plans of one record, or of all of a source."""
    chosen, letter = Filter(source=source, field=field, key=key), FIELDS[field].letter
    rows = db.execute(
        f"SELECT fields, marks, {_WORD.format('kept')}, key FROM planned WHERE {_FITS}",
        chosen.values,
    ).fetchall()
    kept = {
        each: json.dumps(json.loads(each) | {field: Kept.LEFT_ALONE})
        for each in {row[2] for row in rows}
    }
    _keep_words(db, kept.values())
    db.executemany(
        f"UPDATE planned SET fields = ?, marks = ?, kept = {_ID.format('?')}"
        f" WHERE {_OF_RECORD}",
        [
            (
                letters.replace(letter, ""),
                _without(marks, letters, letter),
                kept[before],
                source,
                key,
            )
            for letters, marks, before, key in rows
        ],
    )
    db.execute("DELETE FROM planned WHERE fields = ''")


def _without(digests: bytes, letters: str, letter: str) -> bytes:
    """Take a field out of the marks of all items."""
    width, at = len(letters) * _SIZE, letters.index(letter) * _SIZE
    items = (digests[start : start + width] for start in range(0, len(digests), width))
    return b"".join(item[:at] + item[at + _SIZE :] for item in items)


def page(
    db: Connection, chosen: Filter, limit: int, offset: int
) -> list[PlannedRecord]:
    """Return some rows, in the order of their titles."""
    rows = db.execute(
        f"SELECT {SOURCE}, key, rating_key, others, {_WORD.format('library')}, title,"
        f" fields, {_WORD.format('kept')}, marks FROM planned WHERE {_FITS}"
        " ORDER BY title COLLATE NOCASE, source, key LIMIT ?6 OFFSET ?7",
        (*chosen.values, limit, offset),
    )
    return [
        PlannedRecord(
            source,
            key,
            rating_key,
            library,
            title,
            1 + len(others.split()),
            tuple(_NAMES[letter] for letter in letters),
            json.loads(kept),
            digest(_unpacked(rating_key, others, letters, marks)),
        )
        for source, key, rating_key, others, library, title, letters, kept, marks in rows
    ]


def shown(
    db: Connection, chosen: Filter, also: str
) -> Iterator[tuple[str, str, list[str], list[str]]]:
    """Yield source, key, marks and unseen pictures of rows, where they fit ``also``, too.

    That is SQL for a row of ``planned``.
    """
    rows = db.execute(
        f"SELECT {SOURCE}, key, unseen, rating_key, others, fields, marks FROM planned"
        f" WHERE {_FITS} AND {also}",
        chosen.values,
    )
    for source, key, letters, *packed in rows:
        yield source, key, _unpacked(*packed), [_NAMES[letter] for letter in letters]


def count(db: Connection) -> int:
    """Count all rows."""
    return int(db.execute("SELECT count(*) FROM planned").fetchone()[0])


def totals(db: Connection, chosen: Filter) -> Totals:
    """Count the rows that are meant."""
    by_field = ", ".join(f"sum(instr(fields, '{each}') > 0)" for each in _NAMES)
    records, *numbers = db.execute(
        f"SELECT count(*), {by_field} FROM planned WHERE {_FITS}", chosen.values
    ).fetchone()

    def by(column: str) -> dict[str, int]:
        rows = db.execute(
            f"SELECT {_WORD.format(column)}, count(*) FROM planned WHERE {_FITS}"
            f" GROUP BY {column} ORDER BY count(*) DESC",
            chosen.values,
        )
        return dict(rows.fetchall())

    fields = zip(FIELDS, numbers, strict=True)
    libraries = Counter(by("library"))
    beyond = db.execute(
        f"SELECT word FROM planned CROSS JOIN planned_word"
        f" ON instr(beyond, ' ' || id || ' ') > 0 WHERE beyond <> '' AND {_FITS}",
        chosen.values,
    )
    libraries.update(word for (word,) in beyond)
    return Totals(
        records,
        {name: number for name, number in fields if number},
        by("source"),
        dict(libraries.most_common()),
    )
