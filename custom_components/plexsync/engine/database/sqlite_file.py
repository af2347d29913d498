"""The file of the database and the one connection to it: open, set aside, back up."""

from collections.abc import Callable, Iterator
import contextlib
from pathlib import Path
import sqlite3
import stat

from ..util.search_text import search_text
from .layout import Layout, stored_version

# Pages of the write-ahead log after which SQLite copies them into the file. The longer
# the log, the less often a page that keeps changing is copied.
_CHECKPOINT = 8000
_ROOM = 20  # of so many pages one may be empty
_AT_ONCE = 20_000  # pages that are given back, at most
_BESIDE = ("-wal", "-shm", "-journal")  # what SQLite keeps next to a file

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


class NewerFileError(Exception):
    """A newer version laid the file out."""


class SqliteFile:
    """One file. All methods block, and raise sqlite3.Error and OSError."""

    def __init__(self, path: Path, layout: Layout, connect: Connect) -> None:
        """Take the path of the file and the layout of its tables."""
        self._path = path
        self._layout = layout.beside(_BACKUPS)
        self._open_file = connect
        self.connection: sqlite3.Connection | None = None
        self.set_aside = False  # the file that was there was damaged, and moved
        self.unclean = False  # not closed by whoever had it last, nor looked at since
        self.restored = False  # from a backup, and nobody has accepted that yet
        self.frozen_since: float | None = None  # seconds since the epoch
        self._backup: int | None = None  # the row of the backup under way

    def open(self) -> None:
        """Connect and bring the layout up to date.

        A damaged file is renamed, never deleted, and a fresh one takes its place.
        One of a newer version stays as it is: raises NewerFileError.
        """
        with contextlib.suppress(OSError):  # the connection tells what is wrong
            self._path.parent.mkdir(parents=True, exist_ok=True)
        try:
            try:
                self._open()
            except sqlite3.DatabaseError as error:
                if not is_damage(error):
                    raise
                self.move_aside()
                self._open()
        except BaseException:
            self.close()
            raise

    def _open(self) -> None:
        stamp = self._stamp()
        # SQLite deletes its log when it closes the file.
        self.unclean = any(self._beside(suffix).exists() for suffix in _BESIDE)
        self.connection = connection = self._open_file(
            self._path, isolation_level=None, check_same_thread=False, timeout=0.5
        )
        # SQLite's own ``lower`` knows no letter outside ASCII.
        connection.create_function("search_text", 1, search_text, deterministic=True)
        # Exclusive: no second process can open the file, and no -shm file is needed.
        connection.execute("PRAGMA locking_mode=EXCLUSIVE")
        # Until it is known whose file it is, and whether a backup is under way.
        _keep(connection, True)
        if stored_version(connection) > self._layout.version:
            # An empty log goes, a full one stays: see ``close``.
            _keep(connection, False)
            raise NewerFileError
        # Only a file that is new takes this: see ``_give_room_back``.
        connection.execute("PRAGMA auto_vacuum=INCREMENTAL")
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA temp_store=MEMORY")  # a restart forgets it anyway
        # Some builds of SQLite overwrite with zeros whatever is deleted: that would
        # write each job, once it is done, to the disk another time.
        connection.execute("PRAGMA secure_delete=OFF")
        with transaction(connection):
            self._layout.climb(connection)
        if stat.S_IMODE(self._path.stat().st_mode) != 0o600:
            self._path.chmod(0o600)  # this changes the stamp
        self._recognise(connection, stamp)

    def _recognise(self, connection: sqlite3.Connection, stamp: str | None) -> None:
        """See whether a backup is under way, or this came back from one."""
        self._backup = self.frozen_since = None
        self.restored = False
        for number, file, since in connection.execute("SELECT * FROM backup"):
            if file == stamp:
                self._backup, self.frozen_since = number, since
            else:
                self.restored = True
        self.unclean = self.unclean or self.restored
        _keep(connection, self._backup is not None)

    def move_aside(self) -> None:
        """Close the file and give it, with its log, another name."""
        self.unclean = True  # its log goes with it
        self.close()
        number = 1
        while (
            target := self._path.with_name(f"{self._path.name}.corrupt.{number}")
        ).exists():
            number += 1
        self._path.rename(target)
        self.set_aside = True
        for suffix in _BESIDE:
            if (side := self._beside(suffix)).exists():
                side.rename(target.with_name(target.name + suffix))

    def close(self) -> None:
        """Move the log into the file, unless a backup is under way, and close it.

        Where a look at the whole file is due, the log stays and tells the next one.
        """
        if self.connection is not None:
            if self.unclean:
                with contextlib.suppress(sqlite3.Error):
                    _keep(self.connection, True)
            elif self._backup is None:
                with contextlib.suppress(sqlite3.Error):
                    _give_room_back(self.connection)
            with contextlib.suppress(sqlite3.Error):
                self.connection.close()
            self.connection = None

    @staticmethod
    def is_sound(
        connection: sqlite3.Connection, stop: Callable[[], bool]
    ) -> bool | None:
        """Look for damage in the whole file; None where ``stop`` broke it off."""
        connection.set_progress_handler(stop, 1000)
        try:
            row = connection.execute("PRAGMA quick_check(1)").fetchone()
        except sqlite3.OperationalError as error:
            if _code(error) == sqlite3.SQLITE_INTERRUPT:
                return None
            raise
        finally:
            connection.set_progress_handler(None, 0)
        return bool(row[0] == "ok")

    # -- backups -------------------------------------------------------------------

    def freeze(self, connection: sqlite3.Connection, now: float) -> None:
        """Leave the file as it is until ``thaw``; what is committed stays in the log."""
        _give_room_back(connection)
        _keep(connection, True)
        try:
            with transaction(connection):
                number = connection.execute(
                    "INSERT INTO backup (file, since) VALUES ('', ?)", (now,)
                ).lastrowid
                connection.execute("DELETE FROM backup WHERE id = ?", (self._backup,))
            self._backup, self.frozen_since = number, now
            _checkpoint(connection)
            with transaction(connection):
                # Only the log says which file this is.
                connection.execute(
                    "UPDATE backup SET file = ? WHERE id = ?",
                    (self._stamp() or "", number),
                )
        except BaseException:
            _keep(connection, False)
            raise

    def thaw(self, connection: sqlite3.Connection) -> None:
        """Go on as before ``freeze``."""
        if self._backup is None:
            return
        with transaction(connection):
            connection.execute("DELETE FROM backup WHERE id = ?", (self._backup,))
        self._backup = self.frozen_since = None
        _keep(connection, False)
        with contextlib.suppress(sqlite3.Error):
            _checkpoint(connection)  # the log may have grown; later will do

    def accept(self, connection: sqlite3.Connection) -> None:
        """Forget, within a transaction, that this came back from a backup."""
        connection.execute("DELETE FROM backup WHERE id IS NOT ?", (self._backup,))
        self.restored = False

    # -- names ---------------------------------------------------------------------

    def _beside(self, suffix: str) -> Path:
        return self._path.with_name(self._path.name + suffix)

    def _stamp(self) -> str | None:
        """Name this very file, as last written: nobody can make a copy with the same stamp."""
        try:
            found = self._path.stat()
        except OSError:
            return None
        return f"{found.st_ino}:{found.st_ctime_ns}"


@contextlib.contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Do all of it, or nothing."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            with contextlib.suppress(sqlite3.Error):
                connection.execute("ROLLBACK")
        raise


def is_damage(error: sqlite3.Error) -> bool:
    """Tell a damaged file from a disk, lock or permission that may come right."""
    return _code(error) in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def is_in_use(error: sqlite3.Error) -> bool:
    """Tell that another process or entry holds the file."""
    return _code(error) in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def _code(error: sqlite3.Error) -> int:
    """Return SQLite's own code without what details it; 0 where Python raised the error."""
    return int(getattr(error, "sqlite_errorcode", 0)) & 0xFF


def _keep(connection: sqlite3.Connection, keep: bool) -> None:
    """Let SQLite move nothing from the log into the file, not even when it closes."""
    connection.execute(f"PRAGMA wal_autocheckpoint={0 if keep else _CHECKPOINT}")
    connection.setconfig(sqlite3.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, keep)


def _checkpoint(connection: sqlite3.Connection) -> None:
    """Move all of the log into the file."""
    busy = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
    if busy:
        raise sqlite3.OperationalError("the log is in use")


def _give_room_back(connection: sqlite3.Connection) -> None:
    """Let the file get smaller where a long queue has left much of it empty."""
    pages, free = (
        connection.execute(f"PRAGMA {name}").fetchone()[0]
        for name in ("page_count", "freelist_count")
    )
    if free * _ROOM > pages:
        connection.execute(f"PRAGMA incremental_vacuum({_AT_ONCE})").fetchall()
