"""What was written when, by whom, and what stood there before: kept for a while.

Same database as the queue: what was written to an item is noted in the transaction that
ends its job, an undo in the one that gives its fields up. It is there to be looked at:
undo itself goes by the ledger, and outlives it.

A row is small: what was written to one item at one moment is compressed together, the
item's title is not stored, and the only index over rows is that of undos.
"""

import asyncio
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
import json
from sqlite3 import Connection
from typing import Any, Final
import zlib

from ..database import stats
from ..database.database import Database, StorageError
from ..util.clock import Clock
from ..util.concurrency import wait_at_most
from ..util.json_text import load
from .words import MARK, WORDS

SCHEMA = """
CREATE TABLE IF NOT EXISTS history (
    id INTEGER PRIMARY KEY,
    run INTEGER NOT NULL,
    at REAL NOT NULL,              -- seconds since the epoch, by the wall's clock
    item INTEGER NOT NULL,         -- as the ledger numbers it
    key TEXT,                      -- of the record; NULL: it was undone
    changes BLOB NOT NULL          -- see ``pack``
) STRICT;
CREATE INDEX IF NOT EXISTS history_undone ON history (item) WHERE key IS NULL;
CREATE TABLE IF NOT EXISTS history_run (
    id INTEGER PRIMARY KEY,
    source TEXT NOT NULL,
    first REAL NOT NULL,
    last REAL NOT NULL,
    items INTEGER NOT NULL,        -- that were written
    fields INTEGER NOT NULL,       -- of these items
    rows INTEGER NOT NULL,         -- of the run, that are still kept
    bytes INTEGER NOT NULL         -- of these rows
) STRICT;
CREATE INDEX IF NOT EXISTS history_run_source ON history_run (source);
CREATE TABLE IF NOT EXISTS history_split (
    item INTEGER NOT NULL,         -- that Plex has split off
    whole INTEGER NOT NULL,        -- of this one
    last INTEGER NOT NULL,         -- the newest row by then
    PRIMARY KEY (item, whole)
) STRICT, WITHOUT ROWID;
"""
UNDO: Final = "undo"  # the source of what an undo brought back
KEEP_DAYS: Final = 30
MAX_BYTES: Final = 20_000_000
PAUSE: Final = 600.0  # seconds after which a source begins another run
_OVERHEAD = 24  # bytes of a row beside its text
_SLACK = 500_000  # bytes that are written until the bounds are checked again
_STEP = 500  # rows that are dropped in one transaction
_LONGEST = 4_000  # letters of one value that are kept
_DAYS = "history_days"  # the note with the newest row of each day, oldest day first
_DAY_BEGAN = "history_day"
_DAY = 86_400.0
_AGAIN = 300.0  # seconds until a database that failed is tried again

_WINDOW = -12  # 4 kB, no header: to set up a larger one takes longer than to compress

type Shown = list[Any]  # [field, before, after], or [field] where nothing had to change


@dataclass(frozen=True, slots=True)
class Entry:
    """What was written to one item at once; ``key`` is None for an undo."""

    source: str
    item: int
    key: str | None
    changes: Sequence[Shown]


def pack(changes: Sequence[Shown]) -> bytes:
    """Write changes as they are kept."""
    text = json.dumps(changes, ensure_ascii=False, separators=(",", ":"))
    press = zlib.compressobj(6, zlib.DEFLATED, _WINDOW, 5, zdict=WORDS)
    # Half of a letter, which a source may send, is no text.
    return MARK + press.compress(text.encode("utf-8", "replace")) + press.flush()


def unpack(data: bytes) -> list[Shown]:
    """Read what ``pack`` wrote; what cannot be read is nothing."""
    press = zlib.decompressobj(_WINDOW, zdict=WORDS)
    try:
        found = load(press.decompress(data.removeprefix(MARK)).decode())
    except zlib.error, ValueError:
        return []
    return found if isinstance(found, list) else []


def bounded(value: Any) -> Any:
    """Cut a value that is too long to be kept: text, or a list of members."""
    if isinstance(value, str) and len(value) > _LONGEST:
        return value[:_LONGEST] + "…"
    if isinstance(value, list):
        left, members = _LONGEST, list[Any]()
        for member in value:
            left -= sum(
                map(len, [member] if isinstance(member, str) else member.values())
            )
            if left < 0:
                return [*members, "…"]
            members.append(member)
    return value


class WriteHistory:
    """Keep the history of one engine within its bounds.

    ``days`` is how long a row is kept, 0 keeps none at all; ``most`` bounds the bytes.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        days: int = KEEP_DAYS,
        most: int = MAX_BYTES,
    ) -> None:
        """Take the database and the bounds."""
        self._database = database
        self._clock = clock
        self.days = days
        self._most = most
        self._grown = 0  # bytes since the last look
        self._wake = asyncio.Event()

    def note(self, db: Connection, entries: Iterable[Entry], at: float) -> None:
        """Note what was written now; one step of the transaction that ends the jobs."""
        if not self.days:
            return
        by_source: dict[str, list[Entry]] = {}
        for entry in entries:
            by_source.setdefault(entry.source, []).append(entry)
        for source, mine in by_source.items():
            run = _run_of(db, source, at)
            rows = [(run, at, e.item, e.key, pack(e.changes)) for e in mine]
            db.executemany(
                "INSERT INTO history (run, at, item, key, changes)"
                " VALUES (?, ?, ?, ?, ?)",
                rows,
            )
            size = sum(_size(len(blob), key) for *_, key, blob in rows)
            fields = sum(len(change) > 1 for e in mine for change in e.changes)
            db.execute(
                "UPDATE history_run SET first = min(first, ?2), last = max(last, ?2),"
                " items = items + ?3, fields = fields + ?4, rows = rows + ?3,"
                " bytes = bytes + ?5 WHERE id = ?1",
                (run, at, len(mine), fields, size),
            )
            self._grown += size

    def prune_soon(self) -> None:
        """Check the bounds soon, if a good deal was written since they were checked."""
        if self._grown > _SLACK:
            self._grown = 0
            self._wake.set()

    async def run(self) -> None:
        """Drop what is too old or too much, until cancelled."""
        while True:
            self._wake.clear()
            try:
                wait = await self._prune()
            except StorageError:
                wait = _AGAIN  # the worker tells of that
            await wait_at_most(self._wake, wait)

    async def _prune(self) -> float:
        """Drop rows in small steps; return the seconds until a day is over."""
        wait, old = await self._database.run(self._see_the_day)
        while await self._database.run(lambda db: self._drop(db, old), durable=False):
            pass
        return wait

    def _see_the_day(self, db: Connection) -> tuple[float, int]:
        """Return the seconds that are left of the day, and the newest row that is too old.

        Days are counted, not taken from a calendar: a clock that jumps drops nothing. However
        long Home Assistant was off, the next look counts one day at most.
        """
        now, days = self._clock.steady(), json.loads(stats.setting(db, _DAYS) or "[]")
        since = now - float(stats.setting(db, _DAY_BEGAN) or "-inf")
        if not 0 <= since < _DAY:
            newest = db.execute("SELECT coalesce(max(id), 0) FROM history").fetchone()
            days = [*days, newest[0]][-self.days - 1 :]
            stats.keep(db, _DAYS, json.dumps(days))
            stats.keep(db, _DAY_BEGAN, repr(now))
            since = 0.0
        old = days[-self.days - 1] if len(days) > self.days else 0
        return _DAY - since, old

    def _drop(self, db: Connection, old: int) -> bool:
        """Drop some of the oldest rows, if they have to go; return whether there are more."""
        total = db.execute("SELECT coalesce(sum(bytes), 0) FROM history_run").fetchone()
        excess = total[0] - (self._most if self.days else -1)
        if excess <= 0 and not old:
            return False
        last, rows, sizes = 0, Counter[int](), Counter[int]()
        for number, run, key, length in db.execute(
            "SELECT id, run, key, length(changes) FROM history ORDER BY id LIMIT ?",
            (_STEP,),
        ):
            if number > old and excess <= 0:
                break
            last, size = number, _size(length, key)
            excess -= size
            rows[run] += 1
            sizes[run] += size
        if not last:
            return False
        db.execute("DELETE FROM history WHERE id <= ?", (last,))
        db.executemany(
            "UPDATE history_run SET rows = rows - ?, bytes = bytes - ? WHERE id = ?",
            [(number, sizes[run], run) for run, number in rows.items()],
        )
        db.execute("DELETE FROM history_run WHERE rows <= 0")
        if db.execute("SELECT 1 FROM history LIMIT 1").fetchone() is None:
            stats.keep(db, _DAYS, None)  # the ids of rows begin at 1 again
            db.execute("DELETE FROM history_split")
            return False
        return rows.total() == _STEP


def _size(length: int, key: str | None) -> int:
    return length + len(key or "") + _OVERHEAD


def _run_of(db: Connection, source: str, at: float) -> int:
    """Return the run of a source that goes on, or a new one."""
    known = db.execute(
        "SELECT id, last FROM history_run WHERE source = ? ORDER BY id DESC LIMIT 1",
        (source,),
    ).fetchone()
    if known is not None and abs(at - known[1]) < PAUSE:
        return int(known[0])
    added = db.execute(
        "INSERT INTO history_run (source, first, last, items, fields, rows, bytes)"
        " VALUES (?, ?, ?, 0, 0, 0, 0) RETURNING id",
        (source, at, at),
    ).fetchone()
    return int(added[0])


def follow_source(db: Connection, former: str, source: str) -> None:
    """Move the runs of a source that was added again from its former id to this one."""
    db.execute("UPDATE history_run SET source = ? WHERE source = ?", (source, former))


def lose_items(db: Connection) -> None:
    """Part rows from items that have no file, and are about to be forgotten.

    The rows stay, but the number of such an item may be used again.
    """
    db.execute(
        "UPDATE history SET item = 0 WHERE item IN (SELECT id FROM item WHERE path = '')"
    )
    db.execute(
        "DELETE FROM history_split WHERE EXISTS (SELECT 1 FROM item WHERE path = ''"
        " AND item.id IN (history_split.item, history_split.whole))"
    )


def follow_split(db: Connection, whole: int, part: int) -> None:
    """Let the rows of an item so far be found under a part that was split off it, too."""
    db.execute(
        "INSERT OR REPLACE INTO history_split"
        " SELECT ?2, whole, last FROM history_split WHERE item = ?1"
        " UNION SELECT ?2, ?1, coalesce((SELECT max(id) FROM history), 0)",
        (whole, part),
    )
