"""Records that their source no longer has: let go, or undone, once that is certain.

One answer never proves that a record is gone: two full lists must lack it, and the
source must say so when it is asked for the record itself. Where more than a fifth is
gone at once the owner is asked first, and an answer counts for the records that were
gone when the question was asked.
"""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterable, Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import batched
import json
from sqlite3 import Connection

from ..circuit.circuit import Circuit
from ..database import stats
from ..database.database import Database
from ..ledger import ledger, pins
from ..model.holds import SourceHold
from ..model.ports import Fresh
from ..model.reasons import Reason
from . import dropping, skipped
from .next_source import NextSources
from .source_holds import SourceHolds

SCHEMA = """
CREATE TABLE IF NOT EXISTS departure (
    source TEXT NOT NULL,
    key TEXT NOT NULL,
    since REAL NOT NULL,           -- when a list first lacked it
    PRIMARY KEY (source, key)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS undo_owed (
    item INTEGER NOT NULL REFERENCES item (id),
    source TEXT NOT NULL,
    PRIMARY KEY (item, source)
) STRICT, WITHOUT ROWID;
"""
MASS = 5  # of all records one in so many may be gone unasked
_ASKED = 100  # records that a source is asked for at once
_SAMPLE = 5
_ACCEPTED = "departures:"  # begins the notes that the owner agreed


class WhenGone(StrEnum):
    """What becomes of items whose record is gone."""

    LEAVE = "leave"  # their values stay, and follow nobody
    UNDO = "undo"  # what stood there before comes back


@dataclass(frozen=True, slots=True)
class Gone:
    """What a list of all records showed.

    ``known`` records were expected, ``gone`` of them are missing, and ``parted`` were let
    go now. With ``asks`` none was: there are too many, and the owner has to agree first.
    Until then the source is held.
    """

    known: int = 0
    gone: int = 0
    parted: int = 0
    asks: bool = False

    @property
    def again(self) -> bool:
        """Whether another list may prove more."""
        return not self.asks and self.gone > self.parted


class GoneRecords:
    """Find the records that are gone, and let go of them."""

    def __init__(
        self,
        database: Database,
        circuit: Circuit,
        fresh: Fresh,
        holds: SourceHolds,
        next_sources: NextSources,
        owed: Callable[[], None],
    ) -> None:
        """Take the database, and ``fresh`` to ask a source for single records.

        ``holds`` keeps a source while its owner is asked, ``next_sources`` compares the
        records that lead now; ``owed`` is called when there is something to undo.
        """
        self._database = database
        self._circuit = circuit
        self._fresh = fresh
        self._holds = holds
        self._next_sources = next_sources
        self._owed = owed
        self._one_look = asyncio.Lock()

    async def look(
        self,
        source: str,
        listing: AsyncIterable[Sequence[str]],
        now: float,
        when_gone: WhenGone = WhenGone.LEAVE,
    ) -> Gone:
        """Compare what is known with a list of the keys of all records of a source.

        ``now`` is ``Clock.steady`` time. A second look waits for the first, so that it
        is a second opinion. Raises the source's Fault and StorageError.
        """
        async with self._one_look:
            lacking = await self._database.run(
                lambda db: _known(db, source), durable=False
            )
            known = len(lacking)
            async for keys in listing:
                for key in keys:
                    lacking.pop(key, None)
            return await self._follow(source, known, list(lacking), now, when_gone)

    async def _follow(
        self,
        source: str,
        known: int,
        missing: Sequence[str],
        now: float,
        when_gone: WhenGone,
    ) -> Gone:
        """Let go of the records that a list lacks, as far as that is sure."""
        is_mass = len(missing) * MASS > known

        def ask(db: Connection) -> bool:
            """Note what the owner is asked about, unless all of it was agreed to."""
            agreed = stats.setting(db, _ACCEPTED + source) is not None
            before = _see(db, source, missing, now)
            if agreed and before.issuperset(missing):
                return False
            stats.keep(db, _ACCEPTED + source, None)  # it was to another question
            return True

        if is_mass and await self._database.run(ask):
            shown = {"known": known, "gone": len(missing)}
            await self._holds.hold(source, SourceHold.MASS_CHANGE, shown)
            return Gone(known, len(missing), asks=True)
        await self._holds.lift(source, SourceHold.MASS_CHANGE)
        gone = await self._confirm(source, missing)
        next_ones = set[tuple[str, str]]()

        def part(db: Connection) -> int:
            before = _see(db, source, gone, now)
            sure = gone if is_mass else [key for key in gone if key in before]
            next_ones.update(_part(db, source, sure, now, when_gone))
            stats.keep(db, _ACCEPTED + source, None)
            return len(sure)

        def tell() -> None:
            self._circuit.notify()
            self._next_sources.ask(next_ones)
            if when_gone is WhenGone.UNDO:
                self._owed()

        return Gone(known, len(gone), await self._database.run(part, then=tell))

    async def agree(self, source: str) -> None:
        """Let go, at the next look, of the records that the owner was asked about.

        If more are gone by then, the owner is asked again, about all of them.
        """
        shown = self._holds.of(source).get(SourceHold.MASS_CHANGE) or {}

        def keep(db: Connection) -> bool:
            number = "SELECT count(*) FROM departure WHERE source = ?"
            if db.execute(number, (source,)).fetchone()[0] != shown.get("gone"):
                return False  # a look has just seen others, and is about to ask
            stats.keep(db, _ACCEPTED + source, "yes")
            return True

        if await self._database.run(keep):
            await self._holds.lift(source, SourceHold.MASS_CHANGE)

    async def sample(self, source: str) -> list[str]:
        """Name a few of the records that are gone: the file, else the key."""

        def look(db: Connection) -> list[str]:
            rows = db.execute(
                # By way of what has an index: the ledger may have a million rows.
                "SELECT key, min(path) FROM departure"
                " LEFT JOIN settled USING (source, key)"
                " LEFT JOIN item ON item.rating_key = settled.rating_key"
                " WHERE source = ? GROUP BY key ORDER BY key LIMIT ?",
                (source, _SAMPLE),
            )
            return [
                path.replace("\\", "/").rpartition("/")[2] if path else key
                for key, path in rows
            ]

        return await self._database.run(look, durable=False)

    async def _confirm(self, source: str, keys: Sequence[str]) -> list[str]:
        """Ask for each by itself; return those that are really gone."""
        gone: list[str] = []
        for some in batched(keys, _ASKED, strict=False):
            found = await self._fresh(source, some)
            gone += [key for key in some if found.get(key) == Reason.GONE]
        return gone


def owed(db: Connection) -> list[tuple[int, str, str, str]]:
    """Return number, path, rating key and source of the items that are to be undone.

    Not those of a source that is held.
    """
    return db.execute(
        "SELECT item.id, path, rating_key, source FROM undo_owed"
        " JOIN item ON item.id = undo_owed.item"
        " WHERE source NOT IN (SELECT source FROM source_hold) ORDER BY item.id"
    ).fetchall()


def paid(db: Connection, number: int, source: str) -> None:
    """Note that an item was undone."""
    db.execute("DELETE FROM undo_owed WHERE item = ? AND source = ?", (number, source))


def forget_source(db: Connection, source: str) -> None:
    """Forget what a removed source lacked; what it wrote stays."""
    for table in ("departure", "undo_owed"):
        db.execute(f"DELETE FROM {table} WHERE source = ?", (source,))  # noqa: S608  # its own names


def _known(db: Connection, source: str) -> dict[str, None]:
    """Return the keys of the records that are known of a source, in their order."""
    rows = db.execute(
        "SELECT key FROM settled WHERE source = ?1"
        " UNION SELECT key FROM job WHERE source = ?1 AND mirror ORDER BY key",
        (source,),
    )
    return {key: None for (key,) in rows}


def _see(db: Connection, source: str, gone: Sequence[str], now: float) -> set[str]:
    """Note which records are gone; return those that were gone before as well."""
    keys = json.dumps(list(gone))
    db.execute(
        "DELETE FROM departure WHERE source = ?"
        " AND key NOT IN (SELECT value FROM json_each(?))",
        (source, keys),
    )
    rows = db.execute("SELECT key FROM departure WHERE source = ?", (source,))
    before = {row[0] for row in rows}
    db.execute(
        "INSERT OR IGNORE INTO departure SELECT ?, value, ? FROM json_each(?)",
        (source, now, keys),
    )
    return before


def _part(
    db: Connection,
    source: str,
    keys: Sequence[str],
    now: float,
    when_gone: WhenGone,
) -> set[tuple[str, str]]:
    """Let go of records: their items follow another record of their files, if there is one.

    Return source and key of the records of other sources that may lead now.
    """
    if not keys:
        return set()
    whose = (source, json.dumps(list(keys)))
    those = "source = ? AND key IN (SELECT value FROM json_each(?))"
    if when_gone is WhenGone.UNDO:
        db.execute(
            f"INSERT OR IGNORE INTO undo_owed SELECT item, source FROM ledger WHERE {those}"  # noqa: S608  # our own words
            " AND released IS NULL",
            whose,
        )
    fields = defaultdict[int, list[str]](list)
    for item, field in db.execute(
        f"SELECT item, field FROM ledger WHERE {those}",  # noqa: S608  # our own words
        whose,
    ):
        fields[item].append(field)
    db.execute(
        "UPDATE written SET let_go = 1, key = ''"  # noqa: S608
        f" WHERE id IN (SELECT id FROM ledger WHERE {those})",
        whose,
    )
    db.execute(f"DELETE FROM departure WHERE {those}", whose)  # noqa: S608
    for key in keys:
        dropping.drop(db, source, key, now)
        pins.untie(db, source, key)
    skipped.take_up(db, source, Reason.SHARED_ITEM, now)
    return {
        each
        for item, names in fields.items()
        for each in ledger.who_waits(db, item, source, names)
    }
