"""The edge to the disk: where one statement, one commit or one step of a save fails, once."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
import contextlib
from dataclasses import dataclass, field
from enum import StrEnum
import errno
import os
import sqlite3
from typing import Any, override

_WRITING = ("INSERT", "UPDATE", "DELETE", "CREATE", "BEGIN", "PRAGMA user_version=")


class Way(StrEnum):
    """What fails, and how."""

    STATEMENT = "disk I/O error"
    FULL = "disk full, and SQLite rolls back by itself"
    READ_ONLY = "read-only"
    COMMIT = "disk I/O error, not on disk"
    COMMIT_BACK = "fsync failed, rolled back"
    COMMIT_DONE = "fsync failed, on disk all the same"
    SAVE = "no space left"


COUNTED = {
    Way.STATEMENT: "statements",
    Way.FULL: "statements that write",
    Way.READ_ONLY: "statements that write",
    Way.COMMIT: "commits",
    Way.COMMIT_BACK: "commits",
    Way.COMMIT_DONE: "commits",
    Way.SAVE: "steps of saves",
}
_CODES = {
    Way.STATEMENT: (sqlite3.SQLITE_IOERR, "SQLITE_IOERR"),
    Way.FULL: (sqlite3.SQLITE_FULL, "SQLITE_FULL"),
    Way.READ_ONLY: (sqlite3.SQLITE_READONLY, "SQLITE_READONLY"),
}
_FSYNC = (sqlite3.SQLITE_IOERR_FSYNC, "SQLITE_IOERR_FSYNC")


def _error(way: Way) -> sqlite3.OperationalError:
    """Make what SQLite raises."""
    error = sqlite3.OperationalError(way)
    error.sqlite_errorcode, error.sqlite_errorname = _CODES.get(way, _FSYNC)
    return error


@dataclass(slots=True)
class Trouble:
    """Count what goes to the disk, and let the ``at``-th of its way fail; 0: none does."""

    way: Way
    at: int
    committed: Callable[[sqlite3.Connection], None] = lambda connection: None
    seen: Counter[str] = field(default_factory=Counter)
    struck: str | None = None  # what failed
    connection: Edge | None = None

    def connect(self, *args: Any, **settings: Any) -> sqlite3.Connection:
        """Open a file as ``sqlite3.connect`` does."""
        connection = sqlite3.connect(*args, factory=Edge, **settings)
        connection.trouble = self
        self.connection = connection
        return connection

    def passes(self, counted: str, what: str, *ways: Way) -> bool:
        """Count one; say whether it may pass, or is the one that fails."""
        self.seen[counted] += 1
        return not self.strikes(what, *ways)

    def strikes(self, what: str, *ways: Way) -> bool:
        """Say whether what was counted last is the one that fails."""
        way = self.way
        if self.struck or way not in ways or self.seen[COUNTED[way]] != self.at:
            return False
        self.struck = what
        return True

    def step(self) -> None:
        """Stand between two steps of a save. Raises OSError."""
        if not self.passes("steps of saves", "a save", Way.SAVE):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    @contextlib.contextmanager
    def looking(self) -> Iterator[sqlite3.Connection]:
        """Give a connection whose statements neither count nor fail."""
        edge = self.connection
        assert edge is not None
        edge.trouble = None
        try:
            yield edge
        finally:
            edge.trouble = self


class Edge(sqlite3.Connection):
    """A connection that runs every statement by itself, past its trouble."""

    trouble: Trouble | None = None

    @override
    def execute(self, sql: str, parameters: Any = (), /) -> sqlite3.Cursor:
        if (trouble := self.trouble) is None:
            return super().execute(sql, parameters)
        if sql == "COMMIT":
            return self._commit(trouble)
        if not trouble.passes("statements", sql, Way.STATEMENT):
            raise _error(trouble.way)
        if sql.lstrip().startswith(_WRITING) and not trouble.passes(
            "statements that write", sql, Way.FULL, Way.READ_ONLY
        ):
            if trouble.way is Way.FULL and self.in_transaction:
                super().execute("ROLLBACK")
            raise _error(trouble.way)
        return super().execute(sql, parameters)

    def _commit(self, trouble: Trouble) -> sqlite3.Cursor:
        if not trouble.passes("commits", "COMMIT", Way.COMMIT, Way.COMMIT_BACK):
            if trouble.way is Way.COMMIT_BACK:
                super().execute("ROLLBACK")
            raise _error(trouble.way)
        cursor = super().execute("COMMIT")
        with trouble.looking() as connection:
            trouble.committed(connection)
        if trouble.strikes("COMMIT", Way.COMMIT_DONE):
            raise _error(trouble.way)
        return cursor

    @override
    def executemany(self, sql: str, parameters: Iterable[Any], /) -> sqlite3.Cursor:
        cursor = self.cursor()
        for row in parameters:
            cursor = self.execute(sql, row)
        return cursor
