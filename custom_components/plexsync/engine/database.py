"""One SQLite file, one connection, one thread, whole transactions.

One connection is a safety rule (SQLite's WAL-reset bug needs two) and a thread
of our own keeps every statement off the event loop. What waits at the same time
is committed together; each caller keeps its own savepoint.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import Future
import contextlib
from dataclasses import dataclass
from pathlib import Path
import queue
import sqlite3
import threading
from typing import Any

VERSION = 1
_GROUP = 200  # transactions that share one commit, at most


class StorageError(Exception):
    """The database cannot be opened, read or written now (disk full, in use, …)."""


class StorageInUseError(StorageError):
    """Another process or entry holds the file."""


@dataclass(slots=True)
class _Task:
    work: Callable[[sqlite3.Connection], Any]
    future: Future[Any]
    durable: bool


class Database:
    """Run whole transactions, in order, off the event loop.

    With ``inline`` the caller's own thread does the work at once: for programs
    that run in virtual time.
    """

    def __init__(
        self, path: Path, schemas: tuple[str, ...], *, inline: bool = False
    ) -> None:
        """Name the file and the SQL that lays out its tables."""
        self._path = path
        self._schemas = schemas
        self._inline = inline
        self._connection: sqlite3.Connection | None = None
        self._tasks: queue.SimpleQueue[_Task | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self.set_aside: str | None = (
            None  # corrupt, foreign: why the old file was moved
        )
        self.created = False
        self.commits = 0

    def open(self) -> None:
        """Open, check and lay out the file; blocking. Raises StorageError.

        A file that is corrupt or from a newer version is renamed, never
        deleted, and a fresh one takes its place.
        """
        self.created = not self._path.exists()
        try:
            self._connect()
        except sqlite3.DatabaseError as error:
            if not _is_damage(error):
                self._disconnect()
                raise _storage_error(error) from error
            self._move_aside("corrupt")
        if self._stored_version() > VERSION:
            self._move_aside("foreign")
        try:
            self._lay_out()
        except sqlite3.Error as error:
            self._disconnect()
            raise _storage_error(error) from error
        if not self._inline:
            self._thread = threading.Thread(
                target=self._serve, name="plexsync-database", daemon=True
            )
            self._thread.start()

    async def run[T](
        self, work: Callable[[sqlite3.Connection], T], *, durable: bool = True
    ) -> T:
        """Run one whole transaction; it completes even if the caller is cancelled.

        ``durable`` waits for the disk; without it a power cut (never a crash of
        the process) may undo the newest commits. Raises StorageError, or
        whatever ``work`` raised after rolling back what it did.
        """
        task = _Task(work, Future(), durable)
        # From here on a caller that is cancelled cannot cancel the work.
        task.future.set_running_or_notify_cancel()
        if self._inline:
            self._commit([task])
            return task.future.result()  # type: ignore[no-any-return]
        if self._thread is None:
            raise StorageError("closed")
        self._tasks.put(task)
        return await asyncio.wrap_future(task.future)

    def close(self) -> None:
        """Finish what was asked for, checkpoint and close; blocking."""
        if self._thread is not None:
            self._tasks.put(None)
            self._thread.join()
            self._thread = None
        self._disconnect()

    def _connect(self) -> None:
        self._connection = sqlite3.connect(
            self._path, isolation_level=None, check_same_thread=False, timeout=0.5
        )
        # Exclusive: no second process can open the file, and no -shm file is needed.
        self._connection.execute("PRAGMA locking_mode=EXCLUSIVE")
        self._connection.execute("PRAGMA journal_mode=WAL")
        self._connection.execute("BEGIN IMMEDIATE")
        self._connection.execute("COMMIT")
        if self._connection.execute("PRAGMA quick_check(1)").fetchone()[0] != "ok":
            raise sqlite3.DatabaseError("quick_check failed")

    def _stored_version(self) -> int:
        assert self._connection is not None
        return int(self._connection.execute("PRAGMA user_version").fetchone()[0])

    def _lay_out(self) -> None:
        assert self._connection is not None
        for schema in self._schemas:
            self._connection.executescript(schema)
        self._connection.execute(f"PRAGMA user_version={VERSION}")
        self._path.chmod(0o600)

    def _move_aside(self, why: str) -> None:
        self._disconnect()
        number = 1
        while (
            target := self._path.with_name(f"{self._path.name}.{why}.{number}")
        ).exists():
            number += 1
        try:
            self._path.rename(target)
            for suffix in ("-wal", "-shm", "-journal"):
                side = self._path.with_name(self._path.name + suffix)
                if side.exists():
                    side.rename(target.with_name(target.name + suffix))
            self._connect()
        except (OSError, sqlite3.Error) as error:
            raise _storage_error(error) from error
        self.set_aside = why
        self.created = True

    def _disconnect(self) -> None:
        if self._connection is not None:
            with contextlib.suppress(sqlite3.Error):
                self._connection.close()
            self._connection = None

    def _serve(self) -> None:
        closing = False
        while not closing:
            group = [self._tasks.get()]
            while len(group) < _GROUP:
                try:
                    group.append(self._tasks.get_nowait())
                except queue.Empty:
                    break
            closing = None in group
            self._commit([task for task in group if task is not None])

    def _commit(self, group: list[_Task]) -> None:
        if not group:
            return
        results: list[tuple[_Task, Any, BaseException | None]] = []
        try:
            connection = self._connection
            if connection is None:
                raise sqlite3.OperationalError("closed")
            level = "FULL" if any(task.durable for task in group) else "NORMAL"
            connection.execute(f"PRAGMA synchronous={level}")
            connection.execute("BEGIN IMMEDIATE")
            for task in group:
                connection.execute("SAVEPOINT task")
                try:
                    results.append((task, task.work(connection), None))
                except sqlite3.Error:
                    raise
                except Exception as error:  # noqa: BLE001  # it belongs to the caller
                    connection.execute("ROLLBACK TO task")
                    results.append((task, None, error))
                connection.execute("RELEASE task")
            connection.execute("COMMIT")
            self.commits += 1
        except sqlite3.Error as error:
            if self._connection is not None and self._connection.in_transaction:
                with contextlib.suppress(sqlite3.Error):
                    self._connection.execute("ROLLBACK")
            failure = _storage_error(error)
            results = [(task, None, failure) for task in group]
        for task, result, failed in results:
            if failed is None:
                task.future.set_result(result)
            else:
                task.future.set_exception(failed)


def _is_damage(error: sqlite3.DatabaseError) -> bool:
    """Tell a damaged file from a disk, lock or permission that may come right."""
    code = getattr(error, "sqlite_errorcode", None)
    if code is None:
        return not isinstance(error, sqlite3.OperationalError)
    return code & 0xFF in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def _storage_error(error: Exception) -> StorageError:
    code = getattr(error, "sqlite_errorcode", None)
    if code is not None and code & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return StorageInUseError("the database is in use")
    name = getattr(error, "sqlite_errorname", None) or type(error).__name__
    return StorageError(f"the database cannot be used ({name})")
