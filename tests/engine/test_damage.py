"""Files that somebody killed, and damaged ones: looked at when there is a reason."""

import asyncio
from collections.abc import Callable
import contextlib
from functools import partial
from pathlib import Path
import sqlite3
import subprocess
import sys
import threading
from typing import Any

import pytest

from custom_components import plexsync
from custom_components.plexsync.engine.database.database import (
    Database,
    StorageDamagedError,
    StorageError,
)
from custom_components.plexsync.engine.database.layout import Layout

RING = Path(plexsync.__file__).parent
SCHEMA = "CREATE TABLE IF NOT EXISTS t (n INTEGER PRIMARY KEY, filler TEXT);"
ROWS = 2000


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Name a file."""
    return tmp_path / "plexsync.db"


def opened(path: Path, connect: Callable[..., Any] = sqlite3.connect) -> Database:
    """Open a database."""
    database = Database(path, Layout((SCHEMA,)), connect=connect)
    database.open()
    return database


def fill(db: sqlite3.Connection) -> None:
    """Insert some megabytes."""
    db.executemany(
        "INSERT INTO t VALUES (?, ?)", ((n, "x" * 3000) for n in range(ROWS))
    )


def count(db: sqlite3.Connection) -> int:
    """Read each row."""
    return int(db.execute("SELECT count(filler) FROM t").fetchone()[0])


async def filled(path: Path) -> None:
    """Leave a database that was closed well."""
    database = opened(path)
    await database.run(fill)
    database.close()


def spoil(path: Path) -> None:
    """Write over some pages in the middle."""
    with path.open("r+b") as file:
        file.seek(path.stat().st_size // 8192 * 4096)
        file.write(b"\xff" * 40960)


# The engine alone, without Home Assistant: so it is imported in no time.
_KILLED = """
import asyncio, os, sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from engine.database.database import Database
from engine.database.layout import Layout
async def main():
    database = Database(Path(sys.argv[1]), Layout((sys.argv[3],)))
    database.open()
    await database.run(lambda db: db.execute("INSERT INTO t VALUES (-1, '')").rowcount)
    os._exit(9)
asyncio.run(main())
"""


async def kill(path: Path) -> None:
    """Let a process use the file until it is killed."""
    command = [sys.executable, "-c", _KILLED, str(path), str(RING), SCHEMA]
    ended = await asyncio.to_thread(subprocess.run, command, timeout=60, check=False)
    assert ended.returncode == 9


class Watched(sqlite3.Connection):
    """A connection that tells of each look for damage, and can make it stand still."""

    looks = 0
    begun: threading.Event
    go: threading.Event

    def set_progress_handler(self, handler: Any, /, n: int) -> None:
        """Stand still in the middle of a look."""
        if handler is None:
            super().set_progress_handler(None, n)
            return
        self.looks += 1

        def progress() -> bool:
            self.begun.set()
            self.go.wait(20)
            return bool(handler())

        super().set_progress_handler(progress, n)


class Watch:
    """Open files with such connections."""

    def __init__(self) -> None:
        """Let every look pass."""
        self.begun, self.go = threading.Event(), threading.Event()
        self.go.set()
        self.connection: Watched

    def connect(self, *args: Any, **settings: Any) -> sqlite3.Connection:
        """Connect."""
        self.connection = sqlite3.connect(*args, factory=Watched, **settings)
        self.connection.begun, self.connection.go = self.begun, self.go
        return self.connection


async def test_who_was_closed_well_is_not_looked_at(path: Path) -> None:
    """Not at its first start, nor at any other."""
    for number in range(3):
        database = opened(path)
        assert not database.file.unclean
        await database.run(
            lambda db, n=number: db.execute(
                "INSERT INTO t VALUES (?, '')", (n,)
            ).close()
        )
        database.close()


async def test_who_was_killed_is_looked_at_after_the_start(path: Path) -> None:
    """Opening does not wait for it, and once it is done it is done."""
    await filled(path)
    await kill(path)
    watch = Watch()
    database = opened(path, watch.connect)
    assert database.file.unclean
    assert watch.connection.looks == 0
    assert await database.run(count) == ROWS + 1
    await database.look_for_damage()
    assert watch.connection.looks == 1
    assert not database.file.unclean
    database.close()
    database = opened(path)
    assert not database.file.unclean
    database.close()


async def test_a_look_that_was_not_finished_is_due_again(path: Path) -> None:
    """Who stops before it is over leaves it to the next one; stopping does not wait."""
    await filled(path)
    await kill(path)
    watch = Watch()
    watch.go.clear()
    database = opened(path, watch.connect)
    look = asyncio.ensure_future(database.look_for_damage())
    await asyncio.to_thread(watch.begun.wait, 20)
    look.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await look
    watch.go.set()
    await database.run(count)
    database.close()
    database = opened(path)
    assert database.file.unclean
    await database.look_for_damage()
    database.close()
    assert not path.with_name(f"{path.name}-wal").exists()


async def test_a_look_gives_way(path: Path) -> None:
    """Whoever asks meanwhile is answered first."""
    await filled(path)
    watch = Watch()
    watch.go.clear()
    database = opened(path, watch.connect)
    look = asyncio.ensure_future(database.look_for_damage())
    await asyncio.to_thread(watch.begun.wait, 20)
    asked = asyncio.ensure_future(database.run(count))
    await asyncio.sleep(0)
    watch.go.set()
    assert await asked == ROWS
    assert not look.done()
    look.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await look
    database.close()


async def test_a_look_comes_to_its_end_though_somebody_always_asks(path: Path) -> None:
    """It gives way some times, and then insists."""
    await filled(path)
    watch = Watch()
    database = opened(path, watch.connect)

    async def ask() -> None:
        while True:
            await database.run(count)

    asking = [asyncio.ensure_future(ask()) for _ in range(3)]
    await database.look_for_damage(again=0)
    assert 1 <= watch.connection.looks <= 10
    for task in asking:
        task.cancel()
    await asyncio.wait(asking)
    database.close()


async def test_damage_is_found_by_the_look(path: Path) -> None:
    """It goes on until it is closed: then the file is set aside, and the next is fresh."""
    await filled(path)
    await kill(path)
    spoil(path)
    content = path.read_bytes()
    database = opened(path)
    assert not database.file.set_aside
    with pytest.raises(StorageDamagedError):
        await database.look_for_damage()
    assert database.damaged.is_set()
    database.close()
    assert not path.exists()
    assert path.with_name(f"{path.name}.corrupt.1").read_bytes() == content
    assert path.with_name(f"{path.name}.corrupt.1-wal").exists()
    database.open()
    assert (database.file.set_aside, database.file.unclean) == (True, False)
    assert not database.damaged.is_set()
    assert await database.run(count) == 0
    database.close()
    assert path.exists()


async def test_damage_is_found_by_whoever_comes_upon_it(path: Path) -> None:
    """After a clean stop nobody looks; it is told apart from a disk that is full."""
    await filled(path)
    spoil(path)
    database = opened(path)
    assert not database.file.unclean
    with pytest.raises(StorageDamagedError):
        await database.run(count)
    assert database.damaged.is_set()
    database.close()
    assert path.with_name(f"{path.name}.corrupt.1").exists()


async def test_damage_where_the_layout_is_read(path: Path) -> None:
    """The pages that opening itself needs: set aside at once."""
    await filled(path)
    with contextlib.closing(sqlite3.connect(path)) as db:
        (page,) = db.execute(
            "SELECT rootpage FROM sqlite_schema WHERE name = 'backup'"
        ).fetchone()
    with path.open("r+b") as file:
        file.seek((page - 1) * 4096)
        file.write(b"\xff" * 4096)
    database = opened(path)
    assert database.file.set_aside
    assert await database.run(count) == 0
    database.close()


async def test_who_asks_while_it_closes_is_answered(path: Path) -> None:
    """During the last commit, too: with a refusal."""
    database = opened(path)
    begun = [threading.Event() for _ in range(2)]
    go = [threading.Event() for _ in range(2)]

    def hold(number: int, _: sqlite3.Connection) -> None:
        begun[number].set()
        go[number].wait(20)

    held = [asyncio.ensure_future(database.run(partial(hold, 0)))]
    await asyncio.to_thread(begun[0].wait, 20)
    held.append(asyncio.ensure_future(database.run(partial(hold, 1))))
    closing = asyncio.ensure_future(asyncio.to_thread(database.close))
    for _ in range(200):  # until it has begun to close, as far as one can tell
        await asyncio.to_thread(begun[0].wait)
    go[0].set()
    await asyncio.to_thread(begun[1].wait, 20)  # this is the last commit
    late = [asyncio.ensure_future(database.run(count)) for _ in range(3)]
    await asyncio.sleep(0)
    go[1].set()
    await closing
    await asyncio.gather(*held)
    late.append(asyncio.ensure_future(database.run(count)))
    _, waiting = await asyncio.wait(late, timeout=5)
    assert not waiting
    for task in late:
        assert isinstance(task.exception(), StorageError)
