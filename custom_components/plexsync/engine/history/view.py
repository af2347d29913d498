"""The history as it is shown, page by page: nothing here changes it."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
import json
from sqlite3 import Connection
from typing import Any, Final

from ..database.database import Database
from ..util.search_text import search_text
from .history import Shown, unpack

_STEP: Final = 1_000  # rows that are looked at in one transaction
_FAST_STEP: Final = 2_000  # the same, where SQLite leaves most of them out
_LARGEST: Final = 150_000  # bytes of changes on one page; its first row may have more
_NEWEST: Final = 2**63 - 1

# The rows of one step that may be meant. One of an item that Plex has merged into another
# one is shown as the other one's. Of an item that was split off another one, those of the
# other one from before the split belong to it, too.
_ROWS: Final = (
    "SELECT history.id, history.run, at, source, history.key, coalesce(nullif((SELECT whole.rating_key FROM part"
    " JOIN item AS whole ON whole.id = part.item"
    " WHERE part.section = item.section AND part.path = item.path), ''),"
    " item.rating_key, ''), coalesce(item.section, ''), coalesce(item.path, ''),"
    " history.item, changes"
    # CROSS JOIN: history always comes first, because it has no index by run.
    " FROM history CROSS JOIN history_run ON history_run.id = history.run"
    " LEFT JOIN item ON item.id = history.item"
    " WHERE history.id < :before AND history.id >= :last"
    " AND (:source IS NULL OR source = :source)"
    " AND (:since IS NULL OR at >= :since) AND (:until IS NULL OR at <= :until)"
    " AND (:items IS NULL OR history.item IN (SELECT value FROM json_each(:items))"
    " OR EXISTS (SELECT 1 FROM history_split AS split"
    " WHERE split.whole = history.item AND history.id <= split.last"
    " AND split.item IN (SELECT value FROM json_each(:items))))"
    " ORDER BY history.id DESC"
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which rows are meant: those that fit everything that is given.

    ``since`` and ``until`` are seconds since the epoch, both included; ``search`` is
    looked for in the item's path and in the values, whatever its case. Rows come newest
    first, at most ``limit`` of those older than the row ``before``.
    """

    source: str | None = None
    rating_key: str | None = None
    field: str | None = None
    since: float | None = None
    until: float | None = None
    search: str | None = None
    limit: int = 50
    before: int | None = None


# From the row's number to the path: see ``WrittenRow``.
type _Row = tuple[int, int, float, str, str | None, str, str, str]


@dataclass(frozen=True, slots=True)
class WrittenRow:
    """What was written to one item at once.

    ``changes`` are [field, before, after]; ``taken_back`` names those of its fields that
    an undo has restored since. An undo itself has the ``key`` None. The rating key,
    library and path are empty if the item is not known any more.
    """

    id: int
    run: int
    at: float
    source: str
    key: str | None
    rating_key: str
    section: str
    path: str
    changes: tuple[Shown, ...]
    taken_back: frozenset[str]


@dataclass(frozen=True, slots=True)
class HistoryPage:
    """Some rows; ``next`` is the ``before`` of the next page, None at the end.

    ``total`` counts all rows that fit, None if each would have to be looked at for it.
    ``oldest`` is when the oldest row that is kept was written.
    """

    rows: tuple[WrittenRow, ...]
    next: int | None
    total: int | None
    oldest: float | None


@dataclass(frozen=True, slots=True)
class HistoryRun:
    """What one source wrote without a pause; an item counts each time it was written.

    ``undone`` counts the fields that an undo has restored since.
    """

    id: int
    source: str
    first: float
    last: float
    items: int
    fields: int
    undone: int = 0


class HistoryView:
    """Look at the history. Raises StorageError."""

    def __init__(self, database: Database) -> None:
        """Take the database."""
        self._database = database

    async def page(self, wanted: Wanted) -> HistoryPage:
        """Return one page, looked for in steps, each of which is a short transaction."""
        total, oldest = await self._database.run(
            lambda db: _overview(db, wanted), durable=False
        )
        rows: list[WrittenRow] = []
        size, before = 0, wanted.before or _NEWEST
        while True:
            some, seen = await self._database.run(
                partial(_look, wanted=wanted, before=before), durable=False
            )
            for row, length in some:
                full = len(rows) == wanted.limit
                if full or (rows and size + length > _LARGEST):
                    return HistoryPage(tuple(rows), rows[-1].id, total, oldest)
                rows.append(row)
                size += length
            if seen is None or len(rows) == wanted.limit:
                return HistoryPage(tuple(rows), seen, total, oldest)
            before = seen

    async def runs(self, limit: int, before: int | None = None) -> list[HistoryRun]:
        """Return the newest runs, at most ``limit`` of those older than the run ``before``."""
        runs = await self._database.run(
            lambda db: _runs(db, limit, before or _NEWEST), durable=False
        )
        names, undone = json.dumps([run.id for run in runs]), Counter[int]()
        below: int | None = _NEWEST
        while below is not None:
            some, below = await self._database.run(
                partial(_undone, runs=names, before=below), durable=False
            )
            undone += some
        return [replace(run, undone=undone[run.id]) for run in runs]

    async def find_run(self, number: int) -> HistoryRun | None:
        """Return one run; its ``undone`` is not counted."""
        found = await self._database.run(
            lambda db: _runs(db, 1, number + 1), durable=False
        )
        return found[0] if found and found[0].id == number else None

    async def knows(self, source: str) -> bool:
        """Return whether there are rows of a source; it may have been removed."""
        return await self._database.run(
            lambda db: (
                db.execute(
                    "SELECT 1 FROM history_run WHERE source = ? LIMIT 1", (source,)
                ).fetchone()
                is not None
            ),
            durable=False,
        )


def _runs(db: Connection, limit: int, before: int) -> list[HistoryRun]:
    rows = db.execute(
        "SELECT id, source, first, last, items, fields FROM history_run"
        " WHERE id < ? ORDER BY id DESC LIMIT ?",
        (before, limit),
    )
    return [HistoryRun(*row) for row in rows]


def _undone(db: Connection, runs: str, before: int) -> tuple[Counter[int], int | None]:
    """Count what was undone in the next step's rows of some runs; say where to go on."""
    # No row after the newest undo can have been undone.
    newest = db.execute("SELECT max(id) FROM history WHERE key IS NULL").fetchone()[0]
    before = min(before, newest or 0)
    last = _last_of_step(db, before, _FAST_STEP)
    rows = db.execute(
        "SELECT id, run, item, changes FROM history WHERE id < ?1 AND id >= ?2"
        " AND key IS NOT NULL AND item > 0"
        " AND run IN (SELECT value FROM json_each(?3))"
        " AND EXISTS (SELECT 1 FROM history AS undo"
        " WHERE undo.key IS NULL AND undo.item = history.item)",
        (before, last or 0, runs),
    )
    counts = Counter[int]()
    for number, run, item, changes in rows:
        names = {change[0] for change in unpack(changes) if len(change) > 1}
        counts[run] += len(names & _taken_back(db, item, number))
    return counts, last


def _last_of_step(db: Connection, before: int, step: int) -> int | None:
    """Return the last row of the next step; None if all that is left fits into it."""
    last = db.execute(
        "SELECT id FROM history WHERE id < ? ORDER BY id DESC LIMIT 1 OFFSET ?",
        (before, step - 1),
    ).fetchone()
    return None if last is None else int(last[0])


def _taken_back(db: Connection, item: int, number: int) -> set[str]:
    """Name the fields of an item that were undone after one of its rows.

    There are none if the item is not known any more (0).
    """
    if not item:
        return set()
    rows = db.execute(
        "SELECT changes FROM history WHERE key IS NULL AND item = ? AND id > ?",
        (item, number),
    )
    return {change[0] for (undo,) in rows for change in unpack(undo)}


def _overview(db: Connection, wanted: Wanted) -> tuple[int | None, float | None]:
    """Return how many rows fit (None if runs alone do not tell), and the oldest row's time."""
    only = (wanted.rating_key, wanted.field, wanted.since, wanted.until, wanted.search)
    total = None
    if all(each is None for each in only):
        (total,) = db.execute(
            "SELECT coalesce(sum(rows), 0) FROM history_run"
            " WHERE source = coalesce(?, source)",
            (wanted.source,),
        ).fetchone()
    oldest = db.execute("SELECT at FROM history ORDER BY id LIMIT 1").fetchone()
    return total, oldest[0] if oldest else None


def _look(
    db: Connection, wanted: Wanted, before: int
) -> tuple[list[tuple[WrittenRow, int]], int | None]:
    """Look at the next rows, down from one; return those that fit, and where to go on."""
    last, key = _last_of_step(db, before, _STEP), wanted.rating_key
    values = {
        "before": before,
        "last": last or 0,
        "source": wanted.source,
        "since": wanted.since,
        "until": wanted.until,
        "items": None if key is None else json.dumps(_items(db, key)),
    }
    found: list[tuple[WrittenRow, int]] = []
    for row in db.execute(_ROWS, values):
        *_, path, item, packed = row
        changes = unpack(packed)
        if _fits(wanted, changes, path):
            found.append(_shown(db, row[:8], item, changes))
            if len(found) > wanted.limit:
                return found, found[-1][0].id
    return found, last


def _items(db: Connection, rating_key: str) -> list[int]:
    """Return the numbers of the items that a rating key stands for, merged ones too."""
    rows = db.execute(
        "SELECT id FROM item WHERE rating_key = ?1"
        " UNION SELECT other.id FROM item JOIN part ON part.item = item.id"
        " JOIN item AS other ON other.section = part.section AND other.path = part.path"
        " WHERE item.rating_key = ?1",
        (rating_key,),
    )
    return [row[0] for row in rows]


def _fits(wanted: Wanted, changes: Sequence[Shown], path: str) -> bool:
    if wanted.field is not None and wanted.field not in (each[0] for each in changes):
        return False
    if wanted.search is None:
        return True
    word = search_text(wanted.search)
    values = [change[1:] for change in changes]
    return any(word in search_text(text) for text in (path, *_texts(values)))


def _texts(value: Any) -> Iterator[str]:
    """Return every text within a value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | dict):
        for each in value.values() if isinstance(value, dict) else value:
            yield from _texts(each)


def _shown(
    db: Connection, row: _Row, item: int, changes: Sequence[Shown]
) -> tuple[WrittenRow, int]:
    """Return a row as it is shown, and the bytes of its changes."""
    told = tuple(change for change in changes if len(change) > 1)
    number, *_, key, _, _, _ = row
    back = _taken_back(db, item if key is not None else 0, number)
    names = frozenset(change[0] for change in told)
    shown = WrittenRow(*row, told, names & back)
    return shown, len(json.dumps(told, ensure_ascii=False).encode())
