"""The database on real files: transactions, groups, damage, other owners."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
import sqlite3
import threading

import pytest

from custom_components.plexsync.engine.database.database import (
    Database,
    StorageClosedError,
    StorageError,
    StorageInUseError,
)
from custom_components.plexsync.engine.database.layout import Layout

SCHEMA = "CREATE TABLE IF NOT EXISTS t (n INTEGER UNIQUE);"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Name a file."""
    return tmp_path / "plexsync.db"


@pytest.fixture
async def database(path: Path) -> AsyncIterator[Database]:
    """Give an open database."""
    database = Database(path, Layout((SCHEMA,)))
    database.open()
    yield database
    database.close()


def insert(number: int) -> object:
    """Make a transaction that inserts."""
    return lambda db: db.execute("INSERT INTO t VALUES (?)", (number,)).rowcount


async def count(database: Database) -> int:
    """Count the rows."""
    return await database.run(
        lambda db: db.execute("SELECT count(*) FROM t").fetchone()[0]
    )


async def test_what_waits_together_is_committed_together(database: Database) -> None:
    """Each caller gets its own answer."""
    answers = await asyncio.gather(*(database.run(insert(n)) for n in range(500)))
    assert answers == [1] * 500
    assert await count(database) == 500


async def test_one_callers_error_is_not_the_groups(database: Database) -> None:
    """It is rolled back alone; the others stand."""

    def broken(db: sqlite3.Connection) -> None:
        db.execute("INSERT INTO t VALUES (99)")
        raise ValueError("mine")

    results = await asyncio.gather(
        database.run(insert(1)),
        database.run(broken),
        database.run(insert(2)),
        return_exceptions=True,
    )
    assert isinstance(results[1], ValueError)
    assert await count(database) == 2


async def test_what_is_deleted_is_not_written_once_more(
    database: Database, path: Path
) -> None:
    """Nor overwritten with zeros, whatever the SQLite at hand was built for."""
    await database.run(lambda db: db.execute("CREATE TABLE large (text)") and None)
    fill = "INSERT INTO large SELECT hex(zeroblob(500)) FROM json_each(?)"
    rows = f"[{','.join(['1'] * 1000)}]"
    await database.run(lambda db: db.execute(fill, (rows,)) and None)
    log = path.with_name(f"{path.name}-wal")
    before = log.stat().st_size
    await database.run(
        lambda db: db.execute("DELETE FROM large WHERE rowid > 0") and None
    )
    assert log.stat().st_size - before < 0.8 * before


async def test_the_room_of_what_is_gone_is_given_back(
    database: Database, path: Path
) -> None:
    """At the end, and before a copy is made: a long queue makes no backup larger for ever."""
    rows = f"[{','.join(['1'] * 1000)}]"
    await database.run(lambda db: db.execute("CREATE TABLE large (text)").close())

    async def fill_and_empty() -> None:
        await database.run(
            lambda db: db.execute(
                "INSERT INTO large SELECT hex(zeroblob(500)) FROM json_each(?)", (rows,)
            ).close()
        )
        await database.run(lambda db: db.execute("DELETE FROM large").close())

    await fill_and_empty()
    await database.freeze(0.0)
    assert path.stat().st_size < 200_000
    await database.thaw()
    await fill_and_empty()
    database.close()
    assert path.stat().st_size < 200_000


async def test_a_cancelled_caller_leaves_no_open_transaction(
    database: Database,
) -> None:
    """The work is done or not, and the next one finds a clean connection."""
    task = asyncio.ensure_future(database.run(insert(1)))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])  # it may have been done already
    assert await count(database) in (0, 1)


async def test_a_second_owner_is_refused(database: Database, path: Path) -> None:
    """Two entries on one file, or two processes."""
    with pytest.raises(StorageInUseError):
        await asyncio.to_thread(Database(path, Layout((SCHEMA,))).open)
    assert path.exists()


@pytest.mark.parametrize(
    "content",
    [
        b"not a database, but long enough to be one" * 50,
        b"SQLite format 3\0" + b"\xff" * 5000,
    ],
)
async def test_damage_is_set_aside(path: Path, content: bytes) -> None:
    """Renamed, never deleted, and a fresh file takes its place."""
    path.write_bytes(content)
    for number in (1, 2):
        database = Database(path, Layout((SCHEMA,)))
        database.open()
        assert database.file.set_aside
        assert await count(database) == 0
        database.close()
        assert path.with_name(f"plexsync.db.corrupt.{number}").read_bytes() == content
        path.write_bytes(content)


async def test_a_file_that_cannot_be_opened_is_an_error_and_stays(path: Path) -> None:
    """A folder in its place, say."""
    path.mkdir()
    with pytest.raises(StorageError):
        Database(path, Layout((SCHEMA,))).open()
    assert path.is_dir()


async def test_an_empty_file_is_a_first_start(path: Path) -> None:
    """SQLite makes no difference, and neither do we."""
    path.touch()
    database = Database(path, Layout((SCHEMA,)))
    database.open()
    assert not database.file.set_aside
    assert await count(database) == 0
    database.close()


async def test_closing_finishes_what_was_asked_for(path: Path) -> None:
    """And what comes later is refused."""
    database = Database(path, Layout((SCHEMA,)))
    database.open()
    waiting = [asyncio.ensure_future(database.run(insert(n))) for n in range(50)]
    await asyncio.sleep(0)
    await asyncio.to_thread(database.close)
    assert [await task for task in waiting] == [1] * 50
    with pytest.raises(StorageClosedError):
        await database.run(insert(1))
    assert not path.with_name("plexsync.db-wal").exists()


async def test_what_is_asked_while_it_closes_is_refused_at_once(path: Path) -> None:
    """Its thread may look no more at what it is given: nobody would ever answer."""
    database = Database(path, Layout((SCHEMA,)))
    database.open()
    busy = threading.Event()
    working = asyncio.ensure_future(database.run(lambda db: busy.wait()))
    closing = asyncio.ensure_future(asyncio.to_thread(database.close))
    asked: list[asyncio.Future[object]] = []
    try:
        async with asyncio.timeout(20):
            while not any(each.done() for each in asked):
                asked.append(asyncio.ensure_future(database.run(insert(len(asked)))))
                await asyncio.sleep(0.01)
        assert isinstance(asked.pop().exception(), StorageClosedError)
    finally:
        busy.set()
        await asyncio.gather(working, closing)
    assert await asyncio.gather(*asked) == [1] * len(asked)
