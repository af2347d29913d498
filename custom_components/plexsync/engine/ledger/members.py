"""Members of lists that change hands among sources, and what stood there before.

``told`` are the rows of the list that a change follows from.

Every function is one step of a transaction under way (``Database.run``).
"""

from collections.abc import Sequence
from sqlite3 import Connection

from ..model.change import Change
from ..model.compare import by_name, fold, members_of, name_of
from ..model.fields import FIELDS
from ..util.json_text import load
from . import ledger_tables
from .ledger_sources import REMOVED
from .ledger_tables import OF_FIELD, ROW, of_source
from .row import LedgerRow, decode, encode, row_of


def pass_on(
    db: Connection, number: int, source: str, change: Change, told: Sequence[LedgerRow]
) -> None:
    """Pass members that a source wrote, and drops now, on to the others that want them.

    To these they stood there before: if that stayed so, an undo would leave them.
    """
    if not _is_shared_list(source, change, told):
        return
    row = db.execute(
        f"SELECT value, before FROM ledger WHERE {ROW} AND released IS NULL",  # noqa: S608  # our own words
        (number, change.field, source),
    ).fetchone()
    if row is None or row[0] is None:
        return
    wrote, before = (by_name(decode(change.field, load(t or "null"))) for t in row)
    passed = (wrote.keys() & by_name(change.after).keys()) - (
        before.keys() | by_name(change.own).keys()
    )
    if not passed:
        return
    # The first row tells what stood there before any of us.
    for other, text in db.execute(
        f"SELECT id, before FROM written WHERE {OF_FIELD} AND NOT {of_source('?3')}"  # noqa: S608  # our own words
        " AND before IS NOT NULL AND released IS NULL AND place >"
        f" (SELECT min(place) FROM written WHERE {OF_FIELD} AND released IS NULL)",
        (number, change.field, source),
    ).fetchall():
        found = members_of(decode(change.field, load(text))) or ()
        left = tuple(each for each in found if fold(name_of(each)) not in passed)
        db.execute(
            "UPDATE written SET before = ? WHERE id = ?", (encode(left or None), other)
        )


def take_out(
    db: Connection, number: int, source: str, change: Change, told: Sequence[LedgerRow]
) -> None:
    """Take members that are gone out of the rows of sources that want none any more.

    If an agent brings one again it is the agent's. Nor is a lock theirs that was lifted.
    """
    if not _is_shared_list(source, change, told):
        return
    left = by_name(change.before).keys() - {fold(name) for name in change.remove}
    for other, text in db.execute(
        f"SELECT id, value FROM ledger WHERE {OF_FIELD}"  # noqa: S608  # our own words
        " AND value IS NOT NULL AND source <> ?3"
        " AND (let_go = 1 OR substr(source, 1, ?4) = ?5)",
        (number, change.field, source, len(REMOVED), REMOVED),
    ).fetchall():
        members = members_of(decode(change.field, load(text))) or ()
        there = tuple(each for each in members if fold(name_of(each)) in left)
        ledger_tables.change_value(db, other, encode(there or None), lock=change.lock)


def find_again(
    db: Connection, number: int, source: str, change: Change, told: Sequence[LedgerRow]
) -> None:
    """Count members that a source wants, and finds there, as there before us.

    They are none that we wrote: somebody else brought them since the source first came,
    and an undo leaves them.
    """
    story = [row for row in told if row.released is None]
    mine = row_of(story, source)
    if mine is None or not FIELDS[change.field].is_list:
        return
    ours = {
        name
        for row in story
        for value in (row.value, row.intent, *row.earlier)
        for name in by_name(value)
    }
    there = by_name(change.before)
    known = ours | by_name(mine.before).keys()
    names = (by_name(change.own).keys() & there.keys()) - known
    if names:
        found = (member for name, member in there.items() if name in names)
        before = (*(members_of(mine.before) or ()), *found)
        db.execute(
            f"UPDATE written SET before = ?4 WHERE {ROW}",  # noqa: S608  # our own words
            (number, change.field, source, encode(before)),
        )


def _is_shared_list(source: str, change: Change, told: Sequence[LedgerRow]) -> bool:
    """Return whether another source has a row of the list that changes."""
    return FIELDS[change.field].is_list and any(row.source != source for row in told)
