"""Where the sources lead once: what the owner may answer after a lost ledger.

What stands in Plex under a lock is then taken for ours at the first comparison of an
item with what a source says of it, and so it follows the source. After that the
ordinary rules hold: who locks a field from then on keeps it. The answer itself ends
with the first whole comparison of all sources; it goes on for the jobs that are left.

Every function is one step of a transaction under way (``Database.run``).
"""

from collections.abc import Iterable
from sqlite3 import Connection

from ..database import stats
from ..model.fields import FIELDS
from ..model.reasons import SKIPPED
from ..model.record import Record

SCHEMA = """
CREATE TABLE IF NOT EXISTS compared (
    item INTEGER NOT NULL,
    source TEXT NOT NULL,
    field TEXT NOT NULL,           -- "": all of them
    PRIMARY KEY (item, source, field)
) STRICT, WITHOUT ROWID;
"""

_LEAD = "sources_lead"  # the setting: absent, this word, or the last job it holds for
_ALL = "all"
WHOLE = ""  # in the place of a field


def answer(db: Connection, *, lead: bool) -> None:
    """Let the sources lead once, or not; what was answered before is over."""
    stats.keep(db, _LEAD, _ALL if lead else None)
    db.execute("DELETE FROM compared")


def stands(db: Connection) -> bool:
    """Return whether the sources lead anything still."""
    return stats.setting(db, _LEAD) is not None


def is_to_compare(db: Connection) -> bool:
    """Return whether a whole comparison is due, for which the sources lead."""
    return stats.setting(db, _LEAD) == _ALL


def fields(db: Connection, record: Record, number: int | None) -> frozenset[str]:
    """Name the fields in which a record leads an item once, given by the ledger's number."""
    until = stats.setting(db, _LEAD)
    if until is None or (until != _ALL and not _is_left(db, record, int(until))):
        return frozenset()
    done = {
        row[0]
        for row in db.execute(
            "SELECT field FROM compared WHERE item = ? AND source = ?",
            (number, record.source),
        )
    }
    return frozenset() if WHOLE in done else frozenset(FIELDS.keys() - done)


def _is_left(db: Connection, record: Record, last: int) -> bool:
    found = db.execute(
        "SELECT 1 FROM job WHERE source = ? AND key = ? AND id <= ? AND failed <> ?",
        (record.source, record.key, last, SKIPPED),
    )
    return found.fetchone() is not None


def compared(db: Connection, number: int, source: str, names: Iterable[str]) -> None:
    """Note that fields of an item were compared; ``WHOLE`` stands for all of them."""
    if stands(db):
        db.executemany(
            "INSERT OR IGNORE INTO compared VALUES (?, ?, ?)",
            [(number, source, name) for name in names],
        )


def inherit(db: Connection, whole: int, part: int) -> None:
    """Count for a part of an item as compared what was of the whole."""
    db.execute(
        "INSERT OR IGNORE INTO compared SELECT ?, source, field FROM compared"
        " WHERE item = ?",
        (part, whole),
    )


def all_compared(db: Connection) -> None:
    """Note that all sources were compared: what is left has a job."""
    if is_to_compare(db):
        last = db.execute("SELECT coalesce(max(id), 0) FROM job").fetchone()[0]
        stats.keep(db, _LEAD, str(last))
        end_if_over(db)


def end_if_over(db: Connection) -> None:
    """Forget the answer once the last job for which it holds is gone."""
    last = stats.setting(db, _LEAD)
    if last is None or last == _ALL:
        return
    left = db.execute(
        "SELECT 1 FROM job WHERE id <= ? AND failed <> ? LIMIT 1", (int(last), SKIPPED)
    )
    if left.fetchone() is None:
        answer(db, lead=False)
