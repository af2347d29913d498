"""Members of lists that change hands among sources, and what stood there before.

``told`` are the rows of the list that a change follows from.

Every function is one step of a transaction under way (``Database.run``).
"""

from collections.abc import Collection, Iterable, Sequence
from sqlite3 import Connection
from typing import Any

from ..model.change import Change
from ..model.compare import by_name, fold, without
from ..model.fields import FIELDS
from . import ledger_tables
from .ledger_tables import ROW
from .row import LedgerRow, encode, row_of


def pass_on(
    db: Connection, number: int, source: str, change: Change, told: Sequence[LedgerRow]
) -> None:
    """Pass members that a source wrote, and drops now, on to the others that want them.

    To these they stood there before: if that stayed so, an undo would leave them.
    """
    story = _story(told)
    mine = row_of(story, source)
    if mine is None or not FIELDS[change.field].is_list or change.anew or change.taken:
        return  # what stands there anew was none of ours
    passed = (by_name(mine.value).keys() & by_name(change.after).keys()) - (
        by_name(mine.before).keys() | by_name(change.own).keys()
    )
    _were_not_before(db, number, story, [mine], passed)


def were_undone(
    db: Connection, number: int, sources: Collection[str], told: Sequence[LedgerRow]
) -> None:
    """Forget that what an undo took out for some sources stood there before the others.

    What stood there before all of them is the next one's to tell.
    """
    story = _story(told)
    undone = [row for row in story if row.source in sources]
    left = [row for row in story if row not in undone]
    gone = {
        name for row in undone for name in _ours([row]) - by_name(row.before).keys()
    }
    _were_not_before(db, number, story, undone, gone)
    if left and story[0] in undone:
        first = story[0]
        _set_before(db, number, left[0], by_name(first.before).values())
        db.execute(
            f"UPDATE written SET before_locked = ?4 WHERE {ROW}",  # noqa: S608  # our own words
            (number, first.field, left[0].source, first.before_locked),
        )


def _were_not_before(
    db: Connection,
    number: int,
    story: Sequence[LedgerRow],
    whose: Collection[LedgerRow],
    names: Collection[str],
) -> None:
    """Take members of some rows out of what the others found there."""
    # The first row tells what stood there before any of us.
    for row in story[1:]:
        if row not in whose and not by_name(row.before).keys().isdisjoint(names):
            before = without(by_name(row.before), names)
            _set_before(db, number, row, before.values())


def take_out(
    db: Connection, number: int, source: str, change: Change, told: Sequence[LedgerRow]
) -> None:
    """Take members that are gone out of the rows of sources that want none any more.

    If an agent brings one again it is the agent's. Nor is a lock theirs that was lifted.
    """
    if not FIELDS[change.field].is_list:
        return
    left = by_name(change.before).keys() - {fold(name) for name in change.remove}
    for row in told:
        if row.source != source and row.let_go and row.confirmed:
            there = [m for name, m in by_name(row.value).items() if name in left]
            row_id = ledger_tables.row_id(db, number, row.field, row.source)
            value = _encode(there)
            ledger_tables.change_value(db, row_id, value, lock=change.lock)


def find_again(
    db: Connection, number: int, source: str, change: Change, told: Sequence[LedgerRow]
) -> None:
    """Count members that a source wants, and finds there, as there before us.

    They are none that we wrote: somebody else brought them since the source first came,
    and an undo leaves them.
    """
    story = _story(told)
    mine = row_of(story, source)
    if mine is None or not FIELDS[change.field].is_list:
        return
    there, before = by_name(change.before), by_name(mine.before)
    found = by_name(change.own).keys() & there.keys()
    found -= _ours(story) | before.keys()
    if found:
        before |= {name: there[name] for name in there if name in found}
        _set_before(db, number, mine, before.values())


def keep_taken(
    db: Connection, number: int, change: Change, told: Sequence[LedgerRow]
) -> None:
    """Count members of others that a clear takes as there before us: an undo brings them back.

    If our lock stood, a person has added them, who locks a list with that.
    """
    story = _story(told)
    is_list = FIELDS[change.field].is_list
    if not (is_list and story and story[0].before_known) or change.anew or change.taken:
        return
    before, there = by_name(story[0].before), by_name(change.before)
    taken = there.keys() - by_name(change.after).keys() - before.keys() - _ours(story)
    if taken:
        before |= {name: there[name] for name in there if name in taken}
        _set_before(db, number, story[0], before.values())
        db.execute(
            f"UPDATE written SET before_locked = before_locked OR ?4 WHERE {ROW}",  # noqa: S608  # our own words
            (number, change.field, story[0].source, change.was_locked),
        )


def _ours(story: Iterable[LedgerRow]) -> set[str]:
    """Name the members that we wrote, or may have written."""
    return {
        name
        for row in story
        for value in (row.value, row.shown, row.intent, *row.earlier)
        for name in by_name(value)
    }


def _story(told: Sequence[LedgerRow]) -> list[LedgerRow]:
    """Return the rows that count."""
    return [row for row in told if row.released is None]


def _set_before(
    db: Connection, number: int, row: LedgerRow, before: Iterable[Any]
) -> None:
    db.execute(
        f"UPDATE written SET before = ?4 WHERE {ROW}",  # noqa: S608  # our own words
        (number, row.field, row.source, _encode(before)),
    )


def _encode(members: Iterable[Any]) -> str:
    return encode(tuple(members) or None)
