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
from functools import partial
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
        """Set the message."""
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
        """Take the path of the file and the layout of its tables."""
        self.file = SqliteFile(path, layout, connect)
        self._inline = inline
        self._tasks: queue.SimpleQueue[_Task | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._taking = threading.Lock()  # nothing is asked for after the end
        self._open = False
        self.damaged = asyncio.Event()
        self.commits = 0

    def open(self) -> None:
        """Open and lay out the file; blocking. Raises StorageError.

        A file that is damaged is renamed, never deleted, and a fresh one takes its
        place. One of a newer version stays as it is: raises StorageTooNewError.
        """
        self.damaged.clear()
        try:
            self.file.open()
        except (NewerFileError, OSError, sqlite3.Error) as error:
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
        then: Callable[[], None] | None = None,
    ) -> T:
        """Run one whole transaction; it completes even if the caller is cancelled.

        ``durable`` waits for the disk; without it a power cut (never a crash of
        the process) may undo the newest commits. ``then`` is called on the loop once it
        is committed, for a caller that was cancelled too. Raises StorageError, or
        whatever ``work`` raised after rolling back what it did.
        """
        task = _Task(work, Future(), durable)
        try:
            result: T = await self._ask(task)
        except asyncio.CancelledError:
            if then is not None:
                _call_once_done(task.future, then)
            raise
        if then is not None:
            then()
        return result

    async def _ask(self, task: _Task) -> Any:
        # From here on a caller that is cancelled cannot cancel the work.
        task.future.set_running_or_notify_cancel()
        with self._taking:
            if not self._open:
                raise StorageClosedError
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
            others = not (insist or self._tasks.empty())
            return cancelled.is_set() or not self._open or others

        def work(db: sqlite3.Connection) -> bool:
            if (sound := self.file.is_sound(db, stop)) is False:
                raise StorageDamagedError("the database is damaged")
            return sound is not None

        try:
            for left in reversed(range(_LOOKS)):
                insist = not left
                if await self._ask(_Task(work, Future(), alone=True)):
                    self.file.unclean = False
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
            _Task(lambda db: self.file.freeze(db, now), Future(), alone=True)
        )

    async def thaw(self) -> None:
        """Go on as before ``freeze``. Raises StorageError, and nothing has changed then."""
        await self._ask(_Task(self.file.thaw, Future(), alone=True))

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
                self.file.move_aside()
        self.file.close()

    def _serve(self) -> None:
        closing = False
        while not closing:
            group = list[_Task]()
            while len(group) < _GROUP:
                try:
                    task = self._tasks.get(block=not group)
                except queue.Empty:
                    break
                if closing := task is None:
                    break
                group.append(task)
                if task.alone:
                    break
            self._work_off(group)

    def _work_off(self, group: list[_Task]) -> None:
        """Commit what was asked for; what has to be alone comes last."""
        connection = self.file.connection
        assert connection is not None
        if together := [task for task in group if not task.alone]:
            self._commit(connection, together)
        for task in group[len(together) :]:
            self._run_alone(connection, task)

    def _run_alone(self, connection: sqlite3.Connection, task: _Task) -> None:
        try:
            connection.execute("PRAGMA synchronous=FULL")
            result = task.work(connection)
        except sqlite3.Error as error:
            task.future.set_exception(_storage_error(error))
        except Exception as error:  # noqa: BLE001  # it belongs to the caller
            task.future.set_exception(error)
        else:
            task.future.set_result(result)

    def _commit(self, connection: sqlite3.Connection, group: list[_Task]) -> None:
        answers: list[Callable[[], None]] = []
        try:
            level = "FULL" if any(task.durable for task in group) else "NORMAL"
            connection.execute(f"PRAGMA synchronous={level}")
            connection.execute("BEGIN IMMEDIATE")
            for task in group:
                connection.execute("SAVEPOINT task")
                try:
                    result = task.work(connection)
                    answers.append(partial(task.future.set_result, result))
                except sqlite3.Error:
                    raise
                except Exception as error:  # noqa: BLE001  # it belongs to the caller
                    connection.execute("ROLLBACK TO task")
                    answers.append(partial(task.future.set_exception, error))
                connection.execute("RELEASE task")
            connection.execute("COMMIT")
            self.commits += 1
        except sqlite3.Error as error:
            if connection.in_transaction:
                with contextlib.suppress(sqlite3.Error):
                    connection.execute("ROLLBACK")
            failure = _storage_error(error)
            answers = [partial(task.future.set_exception, failure) for task in group]
        for answer in answers:
            answer()


def _call_once_done(future: Future[Any], call: Callable[[], None]) -> None:
    """Call something on this loop once a transaction is committed."""
    loop = asyncio.get_running_loop()

    def over(done: Future[Any]) -> None:
        # A loop that has ended takes everything with it.
        with contextlib.suppress(RuntimeError):
            if done.exception() is None:
                loop.call_soon_threadsafe(call)

    future.add_done_callback(over)


def _storage_error(error: Exception) -> StorageError:
    if isinstance(error, NewerFileError):
        return StorageTooNewError("a newer version made the database")
    name = getattr(error, "sqlite_errorname", None) or type(error).__name__
    if isinstance(error, sqlite3.Error):
        if is_in_use(error):
            return StorageInUseError("the database is in use")
        if is_damage(error):
            return StorageDamagedError(f"the database is damaged ({name})")
    return StorageError(f"the database cannot be used ({name})")
