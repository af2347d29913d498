"""One SQLite file, one connection, one thread, whole transactions.

One connection is a safety rule (SQLite's WAL-reset bug needs two) and a thread
of our own keeps every statement off the event loop. What waits at the same time
is committed together; each caller keeps its own savepoint.
"""

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import Future
import contextlib
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
import queue
import sqlite3
import stat
import threading
from typing import Any

VERSION = 1
_GROUP = 200  # transactions that share one commit, at most
_CHECKPOINT = 1000  # pages of log after which SQLite moves them into the file

# One row per backup under way. ``file`` is the stamp of the file that it was taken
# of: a row with another file's, or with none yet, came back from a backup.
_BACKUPS = """
CREATE TABLE IF NOT EXISTS backup (
    id INTEGER PRIMARY KEY,
    file TEXT NOT NULL,
    since REAL NOT NULL
) STRICT;
"""


type Connect = Callable[..., sqlite3.Connection]  # as ``sqlite3.connect``


class StorageError(Exception):
    """The database cannot be opened, read or written now (disk full, in use, …)."""


class StorageInUseError(StorageError):
    """Another process or entry holds the file."""


class StorageClosedError(StorageError):
    """The database was closed, or is about to be: its entry is unloaded."""

    def __init__(self) -> None:
        """Say so."""
        super().__init__("the database is closed")


@dataclass(slots=True)
class _Task:
    work: Callable[[sqlite3.Connection], Any]
    future: Future[Any]
    durable: bool = True
    alone: bool = False  # outside of any transaction


class Database:
    """Run whole transactions, in order, off the event loop.

    With ``inline`` the caller's own thread does the work at once: for programs
    that run in virtual time. ``connect`` opens the file.
    """

    def __init__(
        self,
        path: Path,
        schemas: tuple[str, ...],
        *,
        inline: bool = False,
        connect: Connect = sqlite3.connect,
    ) -> None:
        """Name the file and the SQL that lays out its tables."""
        self._path = path
        self._schemas = schemas
        self._inline = inline
        self._open_file = connect
        self._connection: sqlite3.Connection | None = None
        self._tasks: queue.SimpleQueue[_Task | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        # After the thread was told to end nobody would answer what is asked for.
        self._closed = True
        self._asking = threading.Lock()
        self.set_aside: str | None = (
            None  # corrupt, foreign: why the old file was moved
        )
        self.created = False
        self.commits = 0
        self.restored = False  # this came back from a backup, and nobody has said yes
        self.frozen_since: float | None = None  # seconds since the epoch
        self._backup: int | None = None  # the row of the backup under way

    def open(self) -> None:
        """Open, check and lay out the file; blocking. Raises StorageError.

        A file that is corrupt or from a newer version is renamed, never
        deleted, and a fresh one takes its place.
        """
        with contextlib.suppress(OSError):  # the connection tells what is wrong
            self._path.parent.mkdir(parents=True, exist_ok=True)
        self.created = not self._path.exists()
        stamp = self._stamp()
        try:
            self._connect_to_sound_file()
            self._lay_out()
            self._recognise(stamp)
        except (OSError, sqlite3.Error) as error:
            self._disconnect()
            raise _storage_error(error) from error
        self._closed = False
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
        the process) may undo the newest commits. Raises StorageError
        (StorageClosedError from the moment on that ``close`` is called), or whatever
        ``work`` raised after rolling back what it did.
        """
        return await self._ask(_Task(work, Future(), durable))  # type: ignore[no-any-return]

    async def _ask(self, task: _Task) -> Any:
        # From here on a caller that is cancelled cannot cancel the work.
        task.future.set_running_or_notify_cancel()
        with self._asking:
            if self._closed:
                raise StorageClosedError
            if not self._inline:
                self._tasks.put(task)
        if self._inline:
            self._work_off([task])
            return task.future.result()
        return await asyncio.wrap_future(task.future)

    async def freeze(self, now: float) -> None:
        """Leave the file as it is until ``thaw``, so that it can be copied alone.

        It then holds everything up to this moment; what is committed later goes
        on beside it, in the log. A copy is recognised when it is opened, with or
        without its log: ``restored``. Raises StorageError.
        """

        def work(connection: sqlite3.Connection) -> None:
            self._keep_file(connection, True)
            try:
                with _transaction(connection):
                    number = connection.execute(
                        "INSERT INTO backup (file, since) VALUES ('', ?)", (now,)
                    ).lastrowid
                    connection.execute(
                        "DELETE FROM backup WHERE id = ?", (self._backup,)
                    )
                self._backup, self.frozen_since = number, now
                _checkpoint(connection)
                with _transaction(connection):
                    # Only the log says which file this is.
                    connection.execute(
                        "UPDATE backup SET file = ? WHERE id = ?",
                        (self._stamp() or "", number),
                    )
            except BaseException:
                self._keep_file(connection, False)
                raise

        await self._ask(_Task(work, Future(), alone=True))

    async def thaw(self) -> None:
        """Go on as before ``freeze``. Raises StorageError, and nothing has changed then."""

        def work(connection: sqlite3.Connection) -> None:
            if self._backup is None:
                return
            with _transaction(connection):
                connection.execute("DELETE FROM backup WHERE id = ?", (self._backup,))
            self._backup = self.frozen_since = None
            self._keep_file(connection, False)
            with contextlib.suppress(sqlite3.Error):
                _checkpoint(connection)  # the log may have grown; later will do

        await self._ask(_Task(work, Future(), alone=True))

    def accept(self, connection: sqlite3.Connection) -> None:
        """Forget, within a transaction, that this came back from a backup."""
        connection.execute("DELETE FROM backup WHERE id IS NOT ?", (self._backup,))
        self.restored = False

    def close(self) -> None:
        """Finish what was asked for, checkpoint and close; blocking."""
        with self._asking:
            self._closed = True
        if self._thread is not None:
            self._tasks.put(None)
            self._thread.join()
            self._thread = None
        self._disconnect()

    def _connect_to_sound_file(self) -> None:
        try:
            self._connect()
        except sqlite3.DatabaseError as error:
            if not _is_damage(error):
                raise
            self._move_aside("corrupt")
        if self._stored_version() > VERSION:
            self._move_aside("foreign")

    def _connect(self) -> None:
        self._connection = self._open_file(
            self._path, isolation_level=None, check_same_thread=False, timeout=0.5
        )
        # Exclusive: no second process can open the file, and no -shm file is needed.
        self._connection.execute("PRAGMA locking_mode=EXCLUSIVE")
        self._connection.execute("PRAGMA journal_mode=WAL")
        # Until it is known whether a backup is under way.
        self._keep_file(self._connection, True)
        self._connection.execute("BEGIN IMMEDIATE")
        self._connection.execute("COMMIT")
        if self._connection.execute("PRAGMA quick_check(1)").fetchone()[0] != "ok":
            raise sqlite3.DatabaseError("quick_check failed")

    def _stored_version(self) -> int:
        assert self._connection is not None
        return int(self._connection.execute("PRAGMA user_version").fetchone()[0])

    def _lay_out(self) -> None:
        assert self._connection is not None
        for schema in (*self._schemas, _BACKUPS):
            self._connection.executescript(schema)
        self._connection.execute(f"PRAGMA user_version={VERSION}")
        if stat.S_IMODE(self._path.stat().st_mode) != 0o600:
            self._path.chmod(0o600)  # this changes the stamp

    def _recognise(self, stamp: str | None) -> None:
        """See whether a backup is under way, or this came back from one."""
        assert self._connection is not None
        self._backup = self.frozen_since = None
        self.restored = False
        for number, file, since in self._connection.execute("SELECT * FROM backup"):
            if file == stamp:
                self._backup, self.frozen_since = number, since
            else:
                self.restored = True
        self._keep_file(self._connection, self._backup is not None)

    def _stamp(self) -> str | None:
        """Name this very file, as last written: nobody can make a copy with the same stamp."""
        try:
            found = self._path.stat()
        except OSError:
            return None
        return f"{found.st_ino}:{found.st_ctime_ns}"

    @staticmethod
    def _keep_file(connection: sqlite3.Connection, keep: bool) -> None:
        """Let SQLite move nothing from the log into the file, not even when it closes."""
        connection.execute(f"PRAGMA wal_autocheckpoint={0 if keep else _CHECKPOINT}")
        connection.setconfig(sqlite3.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, keep)

    def _move_aside(self, why: str) -> None:
        self._disconnect()
        number = 1
        while (
            target := self._path.with_name(f"{self._path.name}.{why}.{number}")
        ).exists():
            number += 1
        self._path.rename(target)
        for suffix in ("-wal", "-shm", "-journal"):
            side = self._path.with_name(self._path.name + suffix)
            if side.exists():
                side.rename(target.with_name(target.name + suffix))
        self._connect()
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
            self._work_off([task for task in group if task is not None])

    def _work_off(self, group: list[_Task]) -> None:
        for alone, tasks in groupby(group, key=lambda task: task.alone):
            if alone:
                for task in tasks:
                    self._run_alone(task)
            else:
                self._commit(list(tasks))

    def _run_alone(self, task: _Task) -> None:
        connection = self._connection
        assert connection is not None
        try:
            connection.execute("PRAGMA synchronous=FULL")
            result = task.work(connection)
        except sqlite3.Error as error:
            task.future.set_exception(_storage_error(error))
        except Exception as error:  # noqa: BLE001  # it belongs to the caller
            task.future.set_exception(error)
        else:
            task.future.set_result(result)

    def _commit(self, group: list[_Task]) -> None:
        if not group:
            return
        connection = self._connection
        assert connection is not None
        results: list[tuple[_Task, Any, BaseException | None]] = []
        try:
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
            if connection.in_transaction:
                with contextlib.suppress(sqlite3.Error):
                    connection.execute("ROLLBACK")
            failure = _storage_error(error)
            results = [(task, None, failure) for task in group]
        for task, result, failed in results:
            if failed is None:
                task.future.set_result(result)
            else:
                task.future.set_exception(failed)


@contextlib.contextmanager
def _transaction(connection: sqlite3.Connection) -> Iterator[None]:
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            with contextlib.suppress(sqlite3.Error):
                connection.execute("ROLLBACK")
        raise


def _checkpoint(connection: sqlite3.Connection) -> None:
    """Move all of the log into the file."""
    busy = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
    if busy:
        raise sqlite3.OperationalError("the log is in use")


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
