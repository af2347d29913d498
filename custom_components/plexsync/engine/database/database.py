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
from itertools import groupby
from pathlib import Path
import queue
import sqlite3
import threading
from typing import Any

from .layout import Layout
from .sqlite_file import Connect, NewerFileError, SqliteFile, is_damage, is_in_use

_GROUP = 200  # transactions that share one commit, at most
_LOOKS = 10  # times that the look for damage gives way to whoever asks meanwhile
_LOOK_AGAIN = 2.0  # seconds until it tries again


class StorageError(Exception):
    """The database cannot be opened, read or written now (disk full, in use, …)."""


class StorageInUseError(StorageError):
    """Another process or entry holds the file."""


class StorageClosedError(StorageError):
    """The database was closed, or is about to be: its entry is unloaded."""

    def __init__(self) -> None:
        """Say so."""
        super().__init__("the database is closed")


class StorageTooNewError(StorageError):
    """A newer version made the file: it is left as it is."""


class StorageDamagedError(StorageError):
    """The file is damaged: it is set aside when it is closed."""


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
        layout: Layout,
        *,
        inline: bool = False,
        connect: Connect = sqlite3.connect,
    ) -> None:
        """Name the file and how it is laid out."""
        self._file = SqliteFile(path, layout, connect)
        self._inline = inline
        self._tasks: queue.SimpleQueue[_Task | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._taking = threading.Lock()  # nothing is asked for after the end
        self._open = False
        self._asked = self._answered = 0
        self.damaged = asyncio.Event()
        self.commits = 0

    @property
    def set_aside(self) -> bool:
        """Return whether the file that was there was damaged, and got another name."""
        return self._file.set_aside

    @property
    def unclean(self) -> bool:
        """Return whether whoever had the file last never closed it: see ``look_for_damage``."""
        return self._file.unclean

    @property
    def restored(self) -> bool:
        """Return whether this came back from a backup, and nobody has said yes."""
        return self._file.restored

    @property
    def frozen_since(self) -> float | None:
        """Return since when a backup is under way, in seconds since the epoch."""
        return self._file.frozen_since

    def open(self) -> None:
        """Open and lay out the file; blocking. Raises StorageError.

        A file that is damaged is renamed, never deleted, and a fresh one takes its
        place. One of a newer version stays as it is: raises StorageTooNewError.
        """
        self.damaged.clear()
        try:
            self._file.open()
        except NewerFileError as error:
            raise StorageTooNewError("a newer version made the database") from error
        except (OSError, sqlite3.Error) as error:
            raise _storage_error(error) from error
        self._open = True
        if not self._inline:
            self._thread = threading.Thread(
                target=self._serve, name="plexsync-database", daemon=True
            )
            self._thread.start()

    async def run[T](
        self,
        work: Callable[[sqlite3.Connection], T],
        *,
        durable: bool = True,
        if_left: Callable[[], None] | None = None,
    ) -> T:
        """Run one whole transaction; it completes even if the caller is cancelled.

        ``durable`` waits for the disk; without it a power cut (never a crash of
        the process) may undo the newest commits. Where the caller is cancelled,
        ``if_left`` is called on the loop once the transaction is over. Raises
        StorageError, or whatever ``work`` raised after rolling back what it did.
        """
        task = _Task(work, Future(), durable)
        try:
            return await self._ask(task)  # type: ignore[no-any-return]
        except asyncio.CancelledError:
            if if_left is not None:
                _call_once_over(task.future, if_left)
            raise

    async def _ask(self, task: _Task) -> Any:
        # From here on a caller that is cancelled cannot cancel the work.
        task.future.set_running_or_notify_cancel()
        with self._taking:
            if not self._open:
                raise StorageClosedError
            self._asked += 1
            if not self._inline:
                self._tasks.put(task)
        try:
            if self._inline:
                self._work_off([task])
                return task.future.result()
            return await asyncio.wrap_future(task.future)
        except StorageDamagedError:
            self.damaged.set()
            raise

    async def look_for_damage(self, *, again: float = _LOOK_AGAIN) -> None:
        """Read the whole file, in moments when nobody else asks for anything.

        ``again`` is how many seconds later it tries again; in the end it insists.
        Raises StorageDamagedError, and StorageError when it cannot be read now.
        """
        cancelled = threading.Event()
        insist = False

        def stop() -> bool:
            others = self._asked - self._answered > 1
            return cancelled.is_set() or not self._open or (others and not insist)

        def work(db: sqlite3.Connection) -> bool:
            if (sound := self._file.is_sound(db, stop)) is False:
                raise StorageDamagedError("the database is damaged")
            return sound is not None

        try:
            for left in reversed(range(_LOOKS)):
                insist = not left
                if await self._ask(_Task(work, Future(), alone=True)):
                    self._file.unclean = False
                    return
                await asyncio.sleep(again)
        finally:
            cancelled.set()

    async def freeze(self, now: float) -> None:
        """Leave the file as it is until ``thaw``, so that it can be copied alone.

        It then holds everything up to this moment; what is committed later goes
        on beside it, in the log. A copy is recognised when it is opened, with or
        without its log: ``restored``. Raises StorageError.
        """
        await self._ask(
            _Task(lambda db: self._file.freeze(db, now), Future(), alone=True)
        )

    async def thaw(self) -> None:
        """Go on as before ``freeze``. Raises StorageError, and nothing has changed then."""
        await self._ask(_Task(self._file.thaw, Future(), alone=True))

    def accept(self, connection: sqlite3.Connection) -> None:
        """Forget, within a transaction, that this came back from a backup."""
        self._file.accept(connection)

    def close(self) -> None:
        """Finish what was asked for, checkpoint and close; blocking.

        A file that is known to be damaged is set aside.
        """
        with self._taking:
            was_open, self._open = self._open, False
        if self._thread is not None:
            self._tasks.put(None)
            self._thread.join()
            self._thread = None
        if was_open and self.damaged.is_set():
            with contextlib.suppress(OSError):  # the next one finds it damaged, too
                self._file.move_aside()
        self._file.close()

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
                    self._answered += 1
            else:
                together = list(tasks)
                self._commit(together)
                self._answered += len(together)

    def _run_alone(self, task: _Task) -> None:
        if (connection := self._file.connection) is None:
            task.future.set_exception(StorageClosedError())
            return
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
        results: list[tuple[_Task, Any, BaseException | None]] = []
        connection = self._file.connection
        try:
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
            if connection is not None and connection.in_transaction:
                with contextlib.suppress(sqlite3.Error):
                    connection.execute("ROLLBACK")
            failure = _storage_error(error)
            results = [(task, None, failure) for task in group]
        for task, result, failed in results:
            if failed is None:
                task.future.set_result(result)
            else:
                task.future.set_exception(failed)


def _call_once_over(future: Future[Any], call: Callable[[], None]) -> None:
    """Call something on this loop once a transaction has ended, however it did."""
    loop = asyncio.get_running_loop()

    def over(_: Future[Any]) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has ended, and all with it
            loop.call_soon_threadsafe(call)

    future.add_done_callback(over)


def _storage_error(error: Exception) -> StorageError:
    name = getattr(error, "sqlite_errorname", None) or type(error).__name__
    if isinstance(error, sqlite3.Error):
        if is_in_use(error):
            return StorageInUseError("the database is in use")
        if is_damage(error):
            return StorageDamagedError(f"the database is damaged ({name})")
    return StorageError(f"the database cannot be used ({name})")
