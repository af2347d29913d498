"""The collections that we created: only these may be left without an item.

Every function is one step of a transaction under way (``Database.run``).
"""

from collections.abc import Iterable
from sqlite3 import Connection

SCHEMA = """
CREATE TABLE IF NOT EXISTS collection (
    section TEXT NOT NULL,
    title TEXT NOT NULL,
    PRIMARY KEY (section, title)
) STRICT, WITHOUT ROWID;
"""


def titles(db: Connection, section: str) -> set[str]:
    """Return the titles of the collections that we created, case-folded."""
    return {
        row[0]
        for row in db.execute(
            "SELECT title FROM collection WHERE section = ?", (section,)
        )
    }


def note(db: Connection, section: str, names: Iterable[str]) -> None:
    """Remember collections as created by us."""
    db.executemany(
        "INSERT OR IGNORE INTO collection VALUES (?, ?)",
        [(section, name.casefold()) for name in names],
    )
