"""The sources as the ledger knows them: their order, and those that were removed.

Every function is one step of a transaction under way (``Database.run``).
"""

import json
from sqlite3 import Connection

from ..database import stats
from ..history import history
from . import known_pictures, ledger_tables, pins

SOURCES = "sources"  # the note that names them in the order in which they lead
REMOVED = "removed:"  # begins the names of sources that were removed


def in_order(db: Connection) -> tuple[str, ...]:
    """Name the sources in the order in which they lead."""
    return tuple(json.loads(stats.setting(db, SOURCES) or "[]"))


def remove(db: Connection, source: str) -> None:
    """Note that a source was removed: it owns nothing any more; its values and undo stay.

    Each time under a name of its own: a source that came again may go again.
    """
    names = (name for (name,) in db.execute("SELECT name FROM ledger_source"))
    numbers = [_number(name) for name in names if name.startswith(REMOVED)]
    db.execute(
        "UPDATE ledger_source SET name = ? WHERE name = ?",
        (f"{REMOVED}{max(numbers, default=-1) + 1}:{source}", source),
    )
    pins.forget_source(db, source)
    known_pictures.forget_source(db, source)


def former_names(db: Connection, source: str) -> list[str]:
    """Return the names under which the ledger has what a removed source wrote."""
    return [
        row[0]
        for row in db.execute(
            "SELECT name FROM ledger_source"
            " WHERE substr(name, 1, ?) = ? AND substr(name, -?) = ?",
            (len(REMOVED), REMOVED, len(source) + 1, f":{source}"),
        )
    ]


def take_back(db: Connection, removed: str, source: str) -> None:
    """Give a source that was added again what it wrote under its former name.

    Where it was removed more than once, the last time counts.
    """
    for name in sorted(former_names(db, removed), key=_number, reverse=True):
        ledger_tables.give(db, name, source)
    history.follow_source(db, removed, source)


def _number(removed: str) -> int:
    """Return the number of a removal."""
    return int(removed.split(":")[1])
