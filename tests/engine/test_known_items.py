"""Which item the ledger knows by a file."""

from collections.abc import Iterator
from pathlib import Path

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
