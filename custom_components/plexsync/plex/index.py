"""The index from files and guids to rating keys, stored in SQLite.

It is a cache: the read that follows verifies every hit.

An item is found by its names: the digests of its files' paths and of its guids. Its own
row lists them, too, so that a listing changes only those names that are others now.
"""

import asyncio
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict, dataclass, field
import json
from math import inf
import sqlite3
import struct
from typing import Any

from ..engine.database.database import Database
from ..engine.model.faults import Fault
from ..engine.util.digests import short_digest
from ..engine.util.json_text import dump, load
from . import paths
from .items import is_rating_key
from .library import Library
from .listing import PageSize, Row

SCHEMA = """
CREATE TABLE IF NOT EXISTS plex_section (
    number INTEGER PRIMARY KEY,
    uuid TEXT NOT NULL UNIQUE,
    key TEXT NOT NULL,
    type TEXT NOT NULL,
    locations TEXT NOT NULL,
    changed_at INTEGER NOT NULL DEFAULT 0,
    listing INTEGER NOT NULL DEFAULT 0,
    newest INTEGER NOT NULL DEFAULT 0,
    place TEXT
) STRICT;
CREATE TABLE IF NOT EXISTS plex_item (
    rating_key INTEGER PRIMARY KEY,
    section INTEGER NOT NULL,      -- its number
    type INTEGER NOT NULL,
    listing INTEGER NOT NULL,
    paths TEXT NOT NULL,           -- [normal path]
    names BLOB NOT NULL            -- as in ``plex_name``, packed
) STRICT;
CREATE INDEX IF NOT EXISTS plex_item_section ON plex_item (section, type);
CREATE TABLE IF NOT EXISTS plex_name (
    name INTEGER NOT NULL,         -- digest of a path's key, or of a guid
    rating_key INTEGER NOT NULL,
    PRIMARY KEY (name, rating_key)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS plex_trait (
    name TEXT PRIMARY KEY,
    value INTEGER NOT NULL
) WITHOUT ROWID;
"""
_SECTION = "(SELECT number FROM plex_section WHERE uuid = ?)"


@dataclass(frozen=True, slots=True)
class Place:
    """How far a listing has come, so that it can continue there, even after a restart.

    ``listing`` is the number that its rows get, ``changed_at`` the library's counter
    before it began, ``known`` how many items with files were known then. ``since`` is
    None for a full listing; otherwise only items added after that time are listed. Of
    the type ``kind``, the first ``start`` rows of ``total`` are stored; ``seen`` counts
    the rows with files, and ``newest`` is the latest time at which a row was added.
    """

    listing: int
    changed_at: int
    kind: int
    known: int = 0
    since: int | None = None
    start: int = 0
    total: int = 0
    seen: int = 0
    newest: int = 0


@dataclass(slots=True)
class Section:
    """A library as the index knows it, and what became of it since the start.

    ``changed_at`` is the library's counter before it was last listed, in full or in
    part; ``listing`` is the number of that listing, 0 if there was none; ``newest`` is
    the latest time, by the server's clock, at which an item was added; ``place`` is the
    place of a listing that is not complete yet. Nothing else is stored.
    """

    library: Library
    changed_at: int = 0
    listing: int = 0
    newest: int = 0
    place: Place | None = None
    page_size: PageSize = field(default_factory=PageSize)
    missing_since: float | None = None
    shrunk_since: float | None = None  # when much of it has been missing
    filter_failed: float = -inf  # when asking for a file failed last
    count_failed: float = -inf  # when counting its items failed last
    # Whoever searches the library holds the lock; the others learn what that met.
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    searches: int = 0  # that have ended
    fault: Fault | None = None  # of the last search

    @property
    def has_news(self) -> bool:
        """Whether the library may have changed since it was listed."""
        counter = self.library.content_changed_at
        return not counter or counter != self.changed_at or self.place is not None


@dataclass(slots=True)
class Found:
    """Rating keys by normal path and by guid, and the library of each key.

    ``doubtful`` are paths that no file matches exactly, while several files differ from
    them only by case.
    """

    by_path: dict[str, set[str]] = field(default_factory=dict)
    doubtful: set[str] = field(default_factory=set)
    by_guid: dict[str, set[str]] = field(default_factory=dict)
    libraries: dict[str, str] = field(default_factory=dict)


def clear(connection: sqlite3.Connection) -> None:
    """Forget everything, because another machine has replaced the server."""
    for table in ("plex_section", "plex_item", "plex_name", "plex_trait"):
        connection.execute(f"DELETE FROM {table}")  # noqa: S608  # names of our own


class Index:
    """The tables; each method is one transaction. Raises the database's own errors."""

    def __init__(self, database: Database) -> None:
        """Take the database with the tables."""
        self._database = database

    async def open(self) -> dict[str, Section]:
        """Return the known libraries by uuid."""

        def work(connection: sqlite3.Connection) -> dict[str, Section]:
            rows = connection.execute(
                "SELECT uuid, key, type, locations, changed_at, listing, newest, place"
                " FROM plex_section"
            )
            return {
                uuid: Section(
                    Library(key, uuid, kind, "", tuple(json.loads(places)), changed_at),
                    changed_at,
                    listing,
                    newest,
                    Place(**json.loads(place)) if place else None,
                )
                for uuid, key, kind, places, changed_at, listing, newest, place in rows
            }

        return await self._database.run(work, durable=False)

    async def save_libraries(self, libraries: Iterable[Library]) -> None:
        """Store the libraries' folders, so that a restart need not ask for them."""
        rows = [
            (each.uuid, each.key, each.type, json.dumps(each.locations))
            for each in libraries
        ]

        def work(connection: sqlite3.Connection) -> None:
            connection.executemany(
                "INSERT INTO plex_section (uuid, key, type, locations) VALUES (?, ?, ?, ?)"
                " ON CONFLICT (uuid) DO UPDATE SET key = excluded.key,"
                " type = excluded.type, locations = excluded.locations",
                rows,
            )

        await self._database.run(work, durable=False)

    async def find(
        self, wanted: Iterable[str], guids: Iterable[str], sections: Collection[str]
    ) -> Found:
        """Look up normal paths and guids in the given libraries."""
        by_key: dict[str, list[str]] = {}
        for path in wanted:
            by_key.setdefault(paths.key(path), []).append(path)
        by_guid = {_name_of_guid(guid): guid for guid in guids}

        def work(connection: sqlite3.Connection) -> Found:
            found = Found()
            # If two files differ only by case, the exact match wins.
            exact: defaultdict[str, set[str]] = defaultdict(set)
            nearly: defaultdict[str, set[str]] = defaultdict(set)
            spellings: defaultdict[str, set[str]] = defaultdict(set)
            rows = connection.execute(
                "SELECT name, rating_key, paths, uuid FROM plex_name"
                " JOIN plex_item USING (rating_key)"
                " JOIN plex_section ON number = section"
                " WHERE name IN (SELECT value FROM json_each(?))",
                (dump([*map(short_digest, by_key), *by_guid]),),
            )
            for name, rating_key, files, section in rows:
                if section not in sections:
                    continue
                item = str(rating_key)
                found.libraries[item] = section
                if name in by_guid:
                    found.by_guid.setdefault(by_guid[name], set()).add(item)
                    continue
                for spelt in load(files):
                    for path in by_key.get(paths.key(spelt), ()):
                        (exact if spelt == path else nearly)[path].add(item)
                        spellings[path].add(spelt)
            found.by_path = {**nearly, **exact}
            inexact = nearly.keys() - exact.keys()
            found.doubtful = {path for path in inexact if len(spellings[path]) > 1}
            return found

        return await self._database.run(work, durable=False)

    async def add(
        self,
        section: str,
        type_number: int,
        listing: int,
        rows: Sequence[Row],
        place: Place | None = None,
    ) -> None:
        """Store rows, and replace what was known of their items.

        ``place``, the place of their listing, is stored in the same transaction.
        """
        names = {
            row.rating_key: {
                *(short_digest(paths.key(path)) for path in row.paths),
                *map(_name_of_guid, row.guids),
            }
            for row in rows
        }

        def work(connection: sqlite3.Connection) -> None:
            known = _names_of(connection, names)
            connection.executemany(
                f"INSERT INTO plex_item VALUES (?, {_SECTION}, ?, ?, ?, ?)"  # noqa: S608  # our own words
                " ON CONFLICT (rating_key) DO UPDATE SET type = excluded.type,"
                # An item that the current listing has shown keeps its number.
                " listing = CASE WHEN section = excluded.section"
                " THEN max(listing, excluded.listing) ELSE excluded.listing END,"
                " section = excluded.section, paths = excluded.paths,"
                " names = excluded.names",
                [
                    (
                        row.rating_key,
                        section,
                        type_number,
                        listing,
                        dump(row.paths),
                        _pack(names[row.rating_key]),
                    )
                    for row in rows
                ],
            )
            gone = {key: old - names[key] for key, old in known.items()}
            _drop_names(connection, gone)
            connection.executemany(
                "INSERT INTO plex_name VALUES (?, ?)",
                sorted(
                    (name, key)
                    for key, new in names.items()
                    for name in new - known.get(key, set())
                ),
            )
            if place is not None:
                connection.execute(
                    "UPDATE plex_section SET place = ? WHERE uuid = ?",
                    (json.dumps(asdict(place)), section),
                )

        await self._database.run(work, durable=False)

    async def has_shown(self, section: str, listing: int, rating_key: int) -> bool:
        """Return whether a library's listing has already shown an item."""
        found = await self._rows(
            f"SELECT 1 FROM plex_item WHERE rating_key = ? AND section = {_SECTION}"  # noqa: S608  # our own words
            " AND listing = ?",
            rating_key,
            section,
            listing,
        )
        return bool(found)

    async def finish(self, section: str, place: Place, *, prune: bool) -> None:
        """Note that a listing is complete; ``prune`` drops items that it did not show."""

        def work(connection: sqlite3.Connection) -> None:
            connection.execute(
                "UPDATE plex_section SET changed_at = ?, listing = ?, newest = ?,"
                " place = NULL WHERE uuid = ?",
                (place.changed_at, place.listing, place.newest, section),
            )
            if prune:
                gone = connection.execute(
                    f"SELECT rating_key FROM plex_item WHERE section = {_SECTION}"  # noqa: S608  # our own words
                    " AND listing <> ?",
                    (section, place.listing),
                )
                _drop(connection, [key for (key,) in gone])

        await self._database.run(work, durable=False)

    async def count(self, section: str, type_number: int) -> int:
        """Count the known items of a type in a library."""
        [(count,)] = await self._rows(
            f"SELECT count(*) FROM plex_item WHERE section = {_SECTION} AND type = ?",  # noqa: S608  # our own words
            section,
            type_number,
        )
        return int(count)

    async def forget(self, rating_keys: Iterable[str]) -> None:
        """Drop items."""
        gone = [int(each) for each in rating_keys if is_rating_key(each)]
        await self._database.run(
            lambda connection: _drop(connection, gone), durable=False
        )

    async def trait(self, name: str) -> bool | None:
        """Return what was learned about the server's behaviour, None if nothing was."""
        rows = await self._rows("SELECT value FROM plex_trait WHERE name = ?", name)
        return bool(rows[0][0]) if rows else None

    async def keep_trait(self, name: str, value: bool) -> None:
        """Store what was learned about the server's behaviour."""
        await self._rows("INSERT OR REPLACE INTO plex_trait VALUES (?, ?)", name, value)

    async def sample(self, section: str, limit: int) -> tuple[str, ...]:
        """Return a sample of a library's normal paths."""
        rows = await self._rows(
            f"SELECT paths FROM plex_item WHERE section = {_SECTION}"  # noqa: S608  # our own words
            " AND paths <> '[]'"
            # A multiplied key spreads the sample without randomness.
            " ORDER BY (rating_key * 2654435761) % 4294967296 LIMIT ?",
            section,
            limit,
        )
        return tuple(path for (files,) in rows for path in load(files))[:limit]

    async def _rows(self, sql: str, *values: Any) -> list[Any]:
        """Run one statement; return its rows."""
        return await self._database.run(
            lambda connection: connection.execute(sql, values).fetchall(), durable=False
        )


def _name_of_guid(guid: str) -> int:
    return short_digest(f"guid:{guid}")


def _pack(names: Collection[int]) -> bytes:
    return struct.pack(f"<{len(names)}q", *names)


def _unpack(names: bytes) -> set[int]:
    return set(struct.unpack(f"<{len(names) // 8}q", names))


def _names_of(
    connection: sqlite3.Connection, rating_keys: Iterable[int]
) -> dict[int, set[int]]:
    """Return the names of each known item among these."""
    rows = connection.execute(
        "SELECT rating_key, names FROM plex_item"
        " WHERE rating_key IN (SELECT value FROM json_each(?))",
        (dump(list(rating_keys)),),
    )
    return {rating_key: _unpack(names) for rating_key, names in rows}


def _drop(connection: sqlite3.Connection, rating_keys: Sequence[int]) -> None:
    _drop_names(connection, _names_of(connection, rating_keys))
    connection.executemany(
        "DELETE FROM plex_item WHERE rating_key = ?", [(key,) for key in rating_keys]
    )


def _drop_names(connection: sqlite3.Connection, gone: dict[int, set[int]]) -> None:
    connection.executemany(
        "DELETE FROM plex_name WHERE name = ? AND rating_key = ?",
        sorted((name, key) for key, names in gone.items() for name in names),
    )
