"""The sources as the ledger knows them: their order, and those that were removed.

Every function is one step of a transaction under way (``Database.run``).
"""

import json
from sqlite3 import Connection

from . import history, known_pictures, pins, stats

SOURCES = "sources"  # the note that names them in the order in which they lead
REMOVED = "removed:"  # begins the names of sources that were removed


def in_order(db: Connection) -> tuple[str, ...]:
    """Name the sources in the order in which they lead."""
    return tuple(json.loads(stats.setting(db, SOURCES) or "[]"))


def release(db: Connection, source: str) -> None:
    """Let go of a removed source's ownership; its values and their undo stay.

    Each time under a name of its own: a source that came again may go again.
    """
    number = db.execute(
        "SELECT count(DISTINCT source) FROM ledger WHERE substr(source, 1, ?) = ?",
        (len(REMOVED), REMOVED),
    ).fetchone()[0]
    db.execute(
        "UPDATE ledger SET source = ? WHERE source = ?",
        (f"{REMOVED}{number}:{source}", source),
    )
    pins.forget_source(db, source)
    known_pictures.forget_source(db, source)


def former_names(db: Connection, source: str) -> list[str]:
    """Give the names under which the ledger has what a removed source wrote."""
    return [
        row[0]
        for row in db.execute(
            "SELECT DISTINCT source FROM ledger"
            " WHERE substr(source, 1, ?) = ? AND substr(source, -?) = ?",
            (len(REMOVED), REMOVED, len(source) + 1, f":{source}"),
        )
    ]


def take_back(db: Connection, removed: str, source: str) -> None:
    """Give a source that was added again what it wrote under its former name.

    Where it was removed more than once, the last time counts.
    """
    names = former_names(db, removed)
    for name in sorted(names, key=lambda each: int(each.split(":")[1]), reverse=True):
        db.execute(
            "UPDATE OR IGNORE ledger SET source = ? WHERE source = ?", (source, name)
        )
    history.follow_source(db, removed, source)
