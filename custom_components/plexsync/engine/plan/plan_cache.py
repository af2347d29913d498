"""What would be written to each record's items, as the last comparison saw it.

It is a cache for the review page, in a temporary table: whoever opens a record looks at
Plex afresh, and whoever writes it is held to what was shown (``approvals``).

A *mark* is one line for each change: rating key, field, and a digest of what the change
would make of what. The digest of all marks names a whole plan.

Every function is one step of a transaction under way (``Database.run``).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
import hashlib
import json
from sqlite3 import Connection

from ..model.change import Change
from ..model.fields import FIELDS
from .lookup_result import LookupResult

_TABLES = (
    """
CREATE TEMP TABLE IF NOT EXISTS planned (
    source TEXT NOT NULL,
    key TEXT NOT NULL,
    run INTEGER NOT NULL,          -- of the comparison that saw it
    rating_key TEXT NOT NULL,      -- of the first item that would change
    library TEXT NOT NULL,
    title TEXT NOT NULL,
    items INTEGER NOT NULL,
    fields TEXT NOT NULL,          -- ",title,genres,"
    marks TEXT NOT NULL,           -- JSON list
    kept TEXT NOT NULL,            -- JSON object: field and reason
    unseen TEXT NOT NULL,          -- JSON list: pictures that were never fetched
    PRIMARY KEY (source, key)
) STRICT, WITHOUT ROWID
""",
    """
CREATE INDEX IF NOT EXISTS temp.planned_title ON planned (title COLLATE NOCASE, source, key)
""",
)
_SIZE = 6  # bytes of a mark's digest


# The rows that fit a ``Filter``, whose values are the first parameters.
FITS = (
    "(?1 IS NULL OR planned.source = ?1)"
    " AND (?2 IS NULL OR instr(planned.fields, ',' || ?2 || ',') > 0)"
    " AND (?3 IS NULL OR planned.library = ?3)"
    " AND (?4 IS NULL OR instr(lower(planned.title), lower(?4)) > 0)"
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
        """The parameters of ``FITS``."""
        return self.source, self.field, self.library, self.search, self.key


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
        _mark(lookup.rating_key, change)
        for lookup in lookups
        if lookup.item is not None
        for change in lookup.plan.changes
    )


def _mark(rating_key: str | None, change: Change) -> str:
    said = change.before, change.after, sorted(change.remove), change.lock
    digest = hashlib.blake2b(repr(said).encode(), digest_size=_SIZE).hexdigest()
    return f"{rating_key} {change.field} {digest}"


def field_of(mark: str) -> str:
    """Return the field that a mark is about."""
    return mark.split(" ")[1]


def digest(marks: Iterable[str]) -> str:
    """Name a plan: equal names mean equal changes."""
    text = "\n".join(sorted(marks))
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def unseen(lookup: LookupResult) -> list[str]:
    """Name the pictures of a record that were never fetched: a write compares them."""
    assert lookup.record is not None
    return [name for name in lookup.record.pictures if name not in lookup.images]


def begin(db: Connection) -> None:
    """Lay out the table, before anything else is asked of it."""
    for statement in _TABLES:
        db.execute(statement)


def next_run(db: Connection) -> int:
    """Give a comparison that begins its number."""
    begin(db)
    found = db.execute("SELECT coalesce(max(run), 0) + 1 FROM planned").fetchone()
    return int(found[0])


def end_run(db: Connection, run: int, sources: Iterable[str]) -> None:
    """Forget what a comparison of all records of some sources has not seen again."""
    db.executemany(
        "DELETE FROM planned WHERE run < ? AND source = ?",
        [(run, source) for source in sources],
    )


def keep(db: Connection, lookup: LookupResult, run: int | None = None) -> None:
    """Note what would be written to the items of one record, or that nothing would be.

    Without a ``run`` it counts as seen by the last one. What cannot be looked at now
    stays as it was.
    """
    assert lookup.record is not None
    source, key = lookup.record.source, lookup.record.key
    targets = [each for each in lookup.targets if each.item and each.plan.changes]
    if not targets and any(each.fault for each in lookup.targets):
        pass_over(db, source, key, run)
        return
    if not targets:
        drop(db, source, key)
        return
    first = targets[0]
    assert first.item is not None
    fields = {change.field for each in targets for change in each.plan.changes}
    kept = {name: str(why) for each in targets for name, why in each.plan.kept.items()}
    db.execute(
        "INSERT OR REPLACE INTO planned VALUES (?, ?, coalesce(?, (SELECT"
        " coalesce(max(run), 0) FROM planned)), ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            source,
            key,
            run,
            first.item.rating_key,
            first.item.section,
            str(first.item.fields.get("title") or ""),
            len(targets),
            f",{','.join(name for name in FIELDS if name in fields)},",
            json.dumps(marks_of(targets)),
            json.dumps(kept),
            json.dumps(unseen(lookup)),
        ),
    )


def pass_over(db: Connection, source: str, key: str, run: int | None) -> None:
    """Let what is known of a record stand, though a comparison did not look at it."""
    db.execute(
        "UPDATE planned SET run = coalesce(?, run) WHERE source = ? AND key = ?",
        (run, source, key),
    )


def drop(db: Connection, source: str, key: str) -> None:
    """Forget a record: it is in line, or gone."""
    db.execute("DELETE FROM planned WHERE source = ? AND key = ?", (source, key))


def leave(db: Connection, source: str, key: str | None, field: str) -> None:
    """Take a field out of the plans of one record, or of all of a source."""
    chosen = Filter(source=source, field=field, key=key)
    rows = db.execute(
        f"SELECT fields, marks, source, key FROM planned WHERE {FITS}", chosen.values
    ).fetchall()
    db.executemany(
        "UPDATE planned SET fields = ?, marks = ? WHERE source = ? AND key = ?",
        [
            (fields.replace(f",{field},", ","), _without(marks, field), *whose)
            for fields, marks, *whose in rows
        ],
    )
    db.execute("DELETE FROM planned WHERE fields = ','")


def _without(marks: str, field: str) -> str:
    return json.dumps([each for each in json.loads(marks) if field_of(each) != field])


def page(
    db: Connection, chosen: Filter, limit: int, offset: int
) -> list[PlannedRecord]:
    """Return some rows, in the order of their titles."""
    rows = db.execute(
        "SELECT source, key, rating_key, library, title, items, fields, kept, marks"
        f" FROM planned WHERE {FITS}"
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
            items,
            tuple(fields.strip(",").split(",")),
            json.loads(kept),
            digest(json.loads(marks)),
        )
        for source, key, rating_key, library, title, items, fields, kept, marks in rows
    ]


def count(db: Connection) -> int:
    """Count all rows."""
    return int(db.execute("SELECT count(*) FROM planned").fetchone()[0])


def totals(db: Connection, chosen: Filter) -> Totals:
    """Count the rows that are meant."""
    by_field = ", ".join(f"sum(instr(fields, ',{name},') > 0)" for name in FIELDS)
    records, *numbers = db.execute(
        f"SELECT count(*), {by_field} FROM planned WHERE {FITS}", chosen.values
    ).fetchone()

    def by(column: str) -> dict[str, int]:
        rows = db.execute(
            f"SELECT {column}, count(*) FROM planned WHERE {FITS}"
            f" GROUP BY {column} ORDER BY count(*) DESC",
            chosen.values,
        )
        return dict(rows.fetchall())

    fields = zip(FIELDS, numbers, strict=True)
    return Totals(
        records,
        {name: number for name, number in fields if number},
        by("source"),
        by("library"),
    )
