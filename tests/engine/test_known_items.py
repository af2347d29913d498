"""Which item the ledger knows by a file."""

from collections.abc import Iterator
import contextlib
from functools import partial
from pathlib import Path
import sqlite3

import pytest

from custom_components.plexsync.engine.database.database import Database
from custom_components.plexsync.engine.database.layout import Layout
from custom_components.plexsync.engine.ledger import known_items
from custom_components.plexsync.engine.util.digests import short_digest

SECTION, MOON, SUN = "uuid-1", "/films/moon.mkv", "/films/sun.mkv"


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """Open a database."""
    database = Database(
        tmp_path / "engine.db", Layout((known_items.SCHEMA,)), inline=True
    )
    database.open()
    yield database
    database.close()


async def test_a_number_alone_finds_nothing(database: Database) -> None:
    """Two files may have the same number: only the item of the path itself is found."""

    async def found(path: str) -> int | None:
        return await database.run(lambda db: known_items.by_file(db, SECTION, path))

    sun = await database.run(lambda db: known_items.add(db, "1", SECTION, SUN))
    assert await found(SUN) == sun
    await database.run(
        lambda db: db.execute("UPDATE item SET file = ?", (short_digest(MOON),))
    )
    assert await found(MOON) is None
    moon = await database.run(lambda db: known_items.add(db, "2", SECTION, MOON))
    assert await found(MOON) == moon


async def test_files_of_many_items(database: Database) -> None:
    """The first one is found as the last one is."""

    def fill(db: sqlite3.Connection) -> list[int]:
        return [
            known_items.add(db, str(each), SECTION, f"/films/{each}.mkv")
            for each in range(20_000)
        ]

    numbers = await database.run(fill)
    for each in (0, 8_190, 8_191, 8_192, 19_999):
        path = f"/films/{each}.mkv"
        found = await database.run(
            partial(known_items.by_file, section=SECTION, path=path)
        )
        assert found == numbers[each]


def test_new_items_change_few_pages(tmp_path: Path) -> None:
    """However many items there are: a disk that wears out has to take each page."""

    def add(db: sqlite3.Connection, number: int, folder: str) -> int:
        with db:
            for each in range(number):
                known_items.add(db, f"{folder}{each}", SECTION, f"/{folder}/{each}.mkv")
        return Path(f"{tmp_path}/engine.db-wal").stat().st_size // 4096

    with contextlib.closing(sqlite3.connect(tmp_path / "engine.db")) as db:
        db.executescript(f"PRAGMA journal_mode=WAL; {known_items.SCHEMA}")
        few = add(db, 100, "a")
        add(db, 40_000, "b")
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        assert add(db, 100, "c") < few + 60
