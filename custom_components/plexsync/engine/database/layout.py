"""How a database is laid out: the tables that it needs, and the way from older versions."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
import sqlite3
from typing import Self

type Step = Callable[[sqlite3.Connection], None]


@dataclass(frozen=True, slots=True)
class Layout:
    """The SQL that creates the tables, and a ladder of steps keyed by ``user_version``.

    The first step leads from version 1 to 2, and so on.
    """

    schemas: tuple[str, ...]
    ladder: tuple[Step, ...] = ()

    @property
    def version(self) -> int:
        """The version that a file of this layout has."""
        return 1 + len(self.ladder)

    def beside(self, *schemas: str) -> Self:
        """Return the same layout with more tables."""
        return replace(self, schemas=(*self.schemas, *schemas))

    def climb(self, db: sqlite3.Connection) -> None:
        """Bring a file up to date, within the transaction under way."""
        for step in self.ladder[max(0, stored_version(db) - 1) :]:
            step(db)
        for schema in self.schemas:
            for statement in statements(schema):
                db.execute(statement)
        if stored_version(db) != self.version:
            db.execute(f"PRAGMA user_version={self.version}")


def stored_version(db: sqlite3.Connection) -> int:
    """Read which version laid the file out; 0 means none, or not wholly."""
    return int(db.execute("PRAGMA user_version").fetchone()[0])


def statements(script: str) -> Iterator[str]:
    """Cut a script into statements: ``executescript`` would commit first."""
    text = ""
    for piece in script.strip().split(";"):
        text += f"{piece};"
        if piece.strip() and sqlite3.complete_statement(text):
            yield text
            text = ""


def add_column(db: sqlite3.Connection, table: str, column: str) -> None:
    """Add a column where the table is there and lacks it."""
    found = [row[1] for row in db.execute(f"PRAGMA table_info({table})")]
    if found and column.partition(" ")[0] not in found:
        db.execute(f"ALTER TABLE {table} ADD COLUMN {column}")
