"""What holds each source, as it is on disk.

Every function is one step of a transaction under way (``Database.run``).
"""

from collections.abc import Mapping
import json
from sqlite3 import Connection

from ..model.holds import SourceHold

SCHEMA = """
CREATE TABLE IF NOT EXISTS source_hold (
    source TEXT NOT NULL,
    hold TEXT NOT NULL,
    shown TEXT,                    -- JSON: the numbers that its owner is asked about
    PRIMARY KEY (source, hold)
) STRICT, WITHOUT ROWID;
"""

type Shown = Mapping[str, int]
type Holds = Mapping[SourceHold, Shown | None]


def put(db: Connection, source: str, hold: SourceHold, shown: Shown | None) -> None:
    """Hold a source, or show other numbers."""
    db.execute(
        "INSERT OR REPLACE INTO source_hold VALUES (?, ?, ?)",
        (source, hold, None if shown is None else json.dumps(dict(shown))),
    )


def ask(db: Connection, source: str, hold: SourceHold, shown: Shown) -> None:
    """Keep the numbers of the question that a hold asks."""
    db.execute(
        "UPDATE source_hold SET shown = ? WHERE source = ? AND hold = ?",
        (json.dumps(dict(shown)), source, hold),
    )


def take(db: Connection, source: str, hold: SourceHold) -> None:
    """Let this hold a source no longer."""
    db.execute("DELETE FROM source_hold WHERE source = ? AND hold = ?", (source, hold))


def read(db: Connection) -> Mapping[str, Holds]:
    """Return what holds each source."""
    found: dict[str, dict[SourceHold, Shown | None]] = {}
    rows = db.execute("SELECT source, hold, shown FROM source_hold")
    for source, hold, shown in rows:
        numbers = None if shown is None else json.loads(shown)
        found.setdefault(source, {})[SourceHold(hold)] = numbers
    return found


def is_held(db: Connection, source: str) -> bool:
    """Return whether something holds a source."""
    found = db.execute("SELECT 1 FROM source_hold WHERE source = ? LIMIT 1", (source,))
    return found.fetchone() is not None


def forget_source(db: Connection, source: str) -> None:
    """Forget what held a source that is removed."""
    db.execute("DELETE FROM source_hold WHERE source = ?", (source,))
