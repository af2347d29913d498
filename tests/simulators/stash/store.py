"""The SQLite database of the simulated Stash, in memory or in a file.

Times are text, as Stash keeps them, because comparing that text is part of
what is simulated. Their columns are DATETIME, as Stash's are, which to SQLite
means: a value that reads as a number is compared as one.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
import re
import sqlite3
import weakref

type Param = str | int | float | bytes | None

_SCHEMA = """
CREATE TABLE IF NOT EXISTS studios (
    id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL, details TEXT NOT NULL DEFAULT '',
    parent_id INTEGER, favorite INTEGER NOT NULL DEFAULT 0, rating INTEGER,
    created_at DATETIME NOT NULL, updated_at DATETIME NOT NULL);
CREATE TABLE IF NOT EXISTS performers (
    id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL, disambiguation TEXT NOT NULL DEFAULT '',
    details TEXT NOT NULL DEFAULT '', gender TEXT, birthdate TEXT,
    favorite INTEGER NOT NULL DEFAULT 0, rating INTEGER,
    created_at DATETIME NOT NULL, updated_at DATETIME NOT NULL);
CREATE TABLE IF NOT EXISTS tags (
    id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL, sort_name TEXT NOT NULL DEFAULT '',
    description TEXT NOT NULL DEFAULT '', favorite INTEGER NOT NULL DEFAULT 0,
    created_at DATETIME NOT NULL, updated_at DATETIME NOT NULL);
CREATE TABLE IF NOT EXISTS "groups" (
    id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL, synopsis TEXT NOT NULL DEFAULT '',
    director TEXT NOT NULL DEFAULT '', date TEXT, rating INTEGER, duration INTEGER, studio_id INTEGER,
    created_at DATETIME NOT NULL, updated_at DATETIME NOT NULL);
CREATE TABLE IF NOT EXISTS aliases (kind TEXT NOT NULL, owner_id INTEGER NOT NULL, alias TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS aliases_owner ON aliases (kind, owner_id);
CREATE TABLE IF NOT EXISTS tags_relations (
    parent_id INTEGER NOT NULL, child_id INTEGER NOT NULL, PRIMARY KEY (parent_id, child_id));
CREATE TABLE IF NOT EXISTS scenes (
    id INTEGER PRIMARY KEY AUTOINCREMENT, title TEXT NOT NULL DEFAULT '', code TEXT NOT NULL DEFAULT '',
    details TEXT NOT NULL DEFAULT '', director TEXT NOT NULL DEFAULT '', date TEXT, rating INTEGER,
    organized INTEGER NOT NULL DEFAULT 0, studio_id INTEGER, resume_time REAL NOT NULL DEFAULT 0,
    play_duration REAL NOT NULL DEFAULT 0, play_count INTEGER NOT NULL DEFAULT 0,
    o_counter INTEGER NOT NULL DEFAULT 0, last_played_at DATETIME,
    created_at DATETIME NOT NULL, updated_at DATETIME NOT NULL);
CREATE INDEX IF NOT EXISTS scenes_updated ON scenes (updated_at DESC, natural(title), id);
CREATE INDEX IF NOT EXISTS scenes_studio ON scenes (studio_id);
CREATE TABLE IF NOT EXISTS scene_urls (scene_id INTEGER NOT NULL, position INTEGER NOT NULL, url TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS scene_urls_scene ON scene_urls (scene_id);
CREATE TABLE IF NOT EXISTS folders (id INTEGER PRIMARY KEY, path TEXT NOT NULL UNIQUE);
CREATE TABLE IF NOT EXISTS files (
    id INTEGER PRIMARY KEY AUTOINCREMENT, basename TEXT NOT NULL, parent_folder_id INTEGER NOT NULL,
    size INTEGER NOT NULL, duration REAL NOT NULL, mod_time DATETIME NOT NULL,
    width INTEGER NOT NULL DEFAULT 1440, height INTEGER NOT NULL DEFAULT 1080,
    created_at DATETIME NOT NULL, updated_at DATETIME NOT NULL, UNIQUE (parent_folder_id, basename));
CREATE TABLE IF NOT EXISTS files_fingerprints (
    file_id INTEGER NOT NULL, type TEXT NOT NULL, fingerprint TEXT NOT NULL, PRIMARY KEY (file_id, type));
CREATE TABLE IF NOT EXISTS scenes_files (
    scene_id INTEGER NOT NULL, file_id INTEGER NOT NULL UNIQUE, "primary" INTEGER NOT NULL DEFAULT 0);
CREATE INDEX IF NOT EXISTS scenes_files_scene ON scenes_files (scene_id);
CREATE TABLE IF NOT EXISTS performers_scenes (
    scene_id INTEGER NOT NULL, performer_id INTEGER NOT NULL, PRIMARY KEY (scene_id, performer_id));
CREATE INDEX IF NOT EXISTS performers_scenes_back ON performers_scenes (performer_id);
CREATE TABLE IF NOT EXISTS scenes_tags (
    scene_id INTEGER NOT NULL, tag_id INTEGER NOT NULL, PRIMARY KEY (scene_id, tag_id));
CREATE INDEX IF NOT EXISTS scenes_tags_back ON scenes_tags (tag_id);
CREATE TABLE IF NOT EXISTS groups_scenes (
    scene_id INTEGER NOT NULL, group_id INTEGER NOT NULL, scene_index INTEGER, PRIMARY KEY (scene_id, group_id));
CREATE INDEX IF NOT EXISTS groups_scenes_back ON groups_scenes (group_id);
CREATE TABLE IF NOT EXISTS scene_stash_ids (
    scene_id INTEGER NOT NULL, endpoint TEXT NOT NULL, stash_id TEXT NOT NULL, PRIMARY KEY (scene_id, endpoint));
CREATE TABLE IF NOT EXISTS images (
    kind TEXT NOT NULL, owner_id INTEGER NOT NULL, data BLOB, recipe TEXT, PRIMARY KEY (kind, owner_id));
CREATE TABLE IF NOT EXISTS history (scene_id INTEGER NOT NULL, kind TEXT NOT NULL, at TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS history_scene ON history (scene_id, kind);
CREATE TABLE IF NOT EXISTS galleries (
    id INTEGER PRIMARY KEY AUTOINCREMENT, title TEXT NOT NULL DEFAULT '',
    created_at DATETIME NOT NULL, updated_at DATETIME NOT NULL);
CREATE TABLE IF NOT EXISTS scenes_galleries (
    scene_id INTEGER NOT NULL, gallery_id INTEGER NOT NULL, PRIMARY KEY (scene_id, gallery_id));
CREATE TABLE IF NOT EXISTS scene_markers (
    id INTEGER PRIMARY KEY AUTOINCREMENT, title TEXT NOT NULL DEFAULT '', seconds REAL NOT NULL,
    scene_id INTEGER NOT NULL, primary_tag_id INTEGER NOT NULL,
    created_at DATETIME NOT NULL, updated_at DATETIME NOT NULL);
CREATE TABLE IF NOT EXISTS disk (path TEXT PRIMARY KEY, content TEXT);
CREATE TABLE IF NOT EXISTS library (path TEXT PRIMARY KEY, exclude_video INTEGER NOT NULL DEFAULT 0);
"""


@lru_cache(maxsize=256)
def _pattern(text: str) -> re.Pattern[str]:
    """Compile a regular expression once."""
    return re.compile(text)


def _regexp(pattern: str, value: str | None) -> bool:
    """Answer SQLite's ``value REGEXP pattern``."""
    return value is not None and _pattern(pattern).search(value) is not None


_DIGITS = re.compile(r"\d+")


@lru_cache(maxsize=65536)
def natural(text: str) -> str:
    """Return what a text is sorted by: blind to case, numbers in it by their value."""
    folded = text.casefold()
    if folded.isalpha():
        return folded
    return _DIGITS.sub(lambda match: match[0].lstrip("0").rjust(20, "0"), folded)


class Store:
    """One connection, with the few calls the simulator needs."""

    def __init__(self, path: str | Path = ":memory:") -> None:
        """Open the database, and make its tables where they are missing."""
        self.connection = sqlite3.connect(
            path, isolation_level=None, check_same_thread=False
        )
        # A test may forget to close, and a forgotten connection is a warning somewhere else.
        weakref.finalize(self, self.connection.close)
        self.connection.row_factory = sqlite3.Row
        self.connection.create_function("REGEXP", 2, _regexp, deterministic=True)
        self.connection.create_function("natural", 1, natural, deterministic=True)
        self.connection.execute("PRAGMA journal_mode = WAL")
        self.connection.execute("PRAGMA synchronous = NORMAL")
        self.connection.executescript(_SCHEMA)
        self._depth = 0

    def rows(self, sql: str, params: Sequence[Param] = ()) -> list[sqlite3.Row]:
        """Return every row."""
        return self.connection.execute(sql, params).fetchall()

    def first(self, sql: str, params: Sequence[Param] = ()) -> sqlite3.Row | None:
        """Return the first row, if any."""
        row: sqlite3.Row | None = self.connection.execute(sql, params).fetchone()
        return row

    def number(self, sql: str, params: Sequence[Param] = ()) -> int:
        """Return the single number a query gives; NULL counts as 0."""
        row = self.first(sql, params)
        return int(row[0] or 0) if row else 0

    def run(self, sql: str, params: Sequence[Param] = ()) -> int:
        """Change something; return the id of the row last inserted."""
        return self.connection.execute(sql, params).lastrowid or 0

    def run_many(self, sql: str, params: Sequence[Sequence[Param]]) -> None:
        """Change something for each set of parameters."""
        self.connection.executemany(sql, params)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Keep all changes within, or none; the outermost one counts."""
        if self._depth == 0:
            self.connection.execute("BEGIN")
        self._depth += 1
        try:
            yield
        except BaseException:
            self._depth -= 1
            if self._depth == 0:
                self.connection.execute("ROLLBACK")
            raise
        self._depth -= 1
        if self._depth == 0:
            self.connection.execute("COMMIT")

    def copy(self) -> sqlite3.Connection:
        """Return a copy of everything, to be restored later."""
        copy = sqlite3.connect(":memory:", check_same_thread=False)
        weakref.finalize(self, copy.close)
        self.connection.backup(copy)
        return copy

    def restore(self, copy: sqlite3.Connection) -> None:
        """Replace everything by a copy, which stays as it is."""
        copy.backup(self.connection)

    def close(self) -> None:
        """Close the database."""
        self.connection.close()
