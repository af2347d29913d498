"""What a disk does to the database: full, read-only, a failed fsync; as SQLite says it."""

import asyncio
from collections.abc import Callable
from functools import partial
from pathlib import Path
import sqlite3
import threading
from typing import Any

import pytest

from custom_components.plexsync.engine.database.database import Database, StorageError
from custom_components.plexsync.engine.database.layout import Layout
from proofs.edge import Trouble, Way
from tests.fixtures import lay_out

SCHEMA = "CREATE TABLE IF NOT EXISTS t (n INTEGER UNIQUE, filler TEXT) STRICT;"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Name a file."""
    return tmp_path / "plexsync.db"


def opened(path: Path, connect: Callable[..., Any] = sqlite3.connect) -> Database:
    """Open a database."""
    database = Database(path, Layout((SCHEMA,)), connect=connect)
    database.open()
    return database


def small(pages: int, path: Path, **settings: Any) -> sqlite3.Connection:
    """Connect on a disk with room for so many pages."""
    connection = sqlite3.connect(path, **settings)
    connection.execute(f"PRAGMA max_page_count={pages}")
    return connection


def read_only(path: Path, **settings: Any) -> sqlite3.Connection:
    """Connect on a disk that takes no writes."""
    return sqlite3.connect(f"file:{path}?mode=ro", uri=True, **settings)


def insert(number: int) -> Callable[[sqlite3.Connection], int]:
    """Make a transaction that inserts a few kilobytes."""
    return lambda db: (
        db.execute("INSERT INTO t VALUES (?, ?)", (number, "x" * 3000)).rowcount
    )


async def numbers(database: Database) -> list[int]:
    """Read what is there."""
    return await database.run(
        lambda db: [row[0] for row in db.execute("SELECT n FROM t ORDER BY n")]
    )


async def test_full_at_the_start(path: Path) -> None:
    """An error, nothing set aside, and a first start once there is room."""
    with pytest.raises(StorageError, match="SQLITE_FULL"):
        opened(path, partial(small, 2))
    database = opened(path)
    assert not database.file.set_aside
    assert await numbers(database) == []
    database.close()


async def test_full_while_running(path: Path) -> None:
    """What was accepted stays, what was refused is not there, and room is all it takes."""
    database = opened(path, partial(small, 30))
    kept = 0
    with pytest.raises(StorageError, match="SQLITE_FULL"):  # noqa: PT012  # sooner or later
        for kept in range(100):
            await database.run(insert(kept))
    assert 5 < kept < 30
    assert await numbers(database) == list(range(kept))
    await database.run(lambda db: db.execute("PRAGMA max_page_count=1000").fetchone())
    await database.run(insert(kept))
    database.close()
    database = opened(path)
    assert await numbers(database) == list(range(kept + 1))
    database.close()


async def test_read_only_at_the_start(path: Path) -> None:
    """An error, and not a byte of the file is touched."""
    database = opened(path)
    await database.run(insert(1))
    database.close()
    before = path.read_bytes()
    with pytest.raises(StorageError):
        opened(path, read_only)
    assert path.read_bytes() == before
    assert [each.name for each in path.parent.iterdir()] == [path.name]
    database = opened(path)
    assert await numbers(database) == [1]
    database.close()


async def test_read_only_while_running(path: Path) -> None:
    """Each caller hears of it, and what was accepted before stays."""
    connections: list[sqlite3.Connection] = []

    def connect(*args: Any, **settings: Any) -> sqlite3.Connection:
        connections.append(sqlite3.connect(*args, **settings))
        return connections[0]

    database = opened(path, connect)
    await database.run(insert(1))
    connections[0].execute("PRAGMA query_only=ON")
    for _ in range(2):
        with pytest.raises(StorageError, match="SQLITE_READONLY"):
            await database.run(insert(2))
    connections[0].execute("PRAGMA query_only=OFF")
    assert await numbers(database) == [1]
    await database.run(insert(2))
    assert await numbers(database) == [1, 2]
    database.close()


@pytest.mark.parametrize("way", [Way.COMMIT, Way.COMMIT_BACK, Way.COMMIT_DONE])
async def test_a_failed_fsync_fails_the_whole_group(path: Path, way: Way) -> None:
    """All that shared the commit is there, or none of it; each caller hears of it."""
    trouble = Trouble(way, 3)
    database = opened(path, trouble.connect)
    begun, go = threading.Event(), threading.Event()

    def hold(_: sqlite3.Connection) -> None:
        begun.set()
        go.wait(20)

    first = asyncio.ensure_future(database.run(hold))
    await asyncio.to_thread(begun.wait, 20)  # else it would share the group's commit
    group = [asyncio.ensure_future(database.run(insert(n))) for n in range(5)]
    await asyncio.sleep(0)
    go.set()
    await first
    for task in group:
        with pytest.raises(StorageError, match="SQLITE_IOERR"):
            await task
    assert trouble.struck == "COMMIT"
    there = await numbers(database)
    assert there == (list(range(5)) if way is Way.COMMIT_DONE else [])
    await database.run(insert(9))
    database.close()
    database = opened(path)
    assert await numbers(database) == [*there, 9]
    database.close()


async def test_a_rollback_that_fails_too(path: Path) -> None:
    """The transaction is taken back before anything else is done."""

    class Stubborn(sqlite3.Connection):
        refused = False

        def execute(self, sql: str, *parameters: Any) -> sqlite3.Cursor:
            if sql == "ROLLBACK" and not self.refused:
                self.refused = True
                raise sqlite3.OperationalError("disk I/O error")
            return super().execute(sql, *parameters)

    def broken(db: sqlite3.Connection) -> None:
        db.execute("INSERT INTO t VALUES (1, '')")
        raise sqlite3.OperationalError("disk I/O error")

    database = opened(path, partial(sqlite3.connect, factory=Stubborn))
    with pytest.raises(StorageError):
        await database.run(broken)
    with pytest.raises(StorageError):
        await database.run(insert(2))
    await database.run(insert(3))
    assert await numbers(database) == [3]
    database.close()


def _new(path: Path) -> None:
    """Leave no file."""


def _old(path: Path) -> None:
    opened(path).close()


def _killed(path: Path) -> None:
    """Leave a log behind."""
    connection = sqlite3.connect(path)
    connection.setconfig(sqlite3.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, True)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("CREATE TABLE other (x)")
    connection.close()


def _damaged(path: Path) -> None:
    path.write_bytes(b"not a database, but long enough to be one" * 50)


@pytest.mark.parametrize("make", [_new, _old, partial(lay_out, 1), _killed, _damaged])
async def test_every_statement_of_opening_fails_once(
    tmp_path: Path, make: Callable[[Path], None]
) -> None:
    """A StorageError, no lock left behind, and the next try finds what there was."""
    at, passed = 0, False
    while not passed:
        at += 1
        path = tmp_path / f"{at}.db"
        make(path)
        trouble = Trouble(Way.STATEMENT, at)
        try:
            opened(path, trouble.connect).close()
        except StorageError:
            assert trouble.struck
        else:
            passed = trouble.struck is None
        database = opened(path)
        await database.run(insert(1))
        database.close()
        aside = {each.suffixes[-2] for each in tmp_path.glob(f"{at}.db.*")}
        assert aside == ({".corrupt"} if make is _damaged else set())
    assert at > 8


async def test_a_file_that_vanishes_while_it_is_opened(path: Path) -> None:
    """Whatever the operating system says, it is one kind of error to the host."""

    def connect(*args: Any, **settings: Any) -> sqlite3.Connection:
        connection = sqlite3.connect(*args, **settings)
        connection.execute("PRAGMA journal_mode=WAL")
        path.unlink()
        return connection

    with pytest.raises(StorageError):
        opened(path, connect)
