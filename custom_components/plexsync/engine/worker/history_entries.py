"""What the history says of the jobs of a turn, and of an undo."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from ..history.history import UNDO, Entry, Shown, bounded
from ..ledger.row import LedgerRow, row_of
from ..model.change import shape
from ..model.compare import by_name, same
from ..model.fields import FIELDS, Kind
from ..model.ports import Item
from ..model.record import Value
from ..plan.undo import Restore
from .task import Task

_NEW: Final = "new picture"
_EARLIER: Final = "earlier picture"
_PLEXS: Final = "picture that Plex chose"


def written(tasks: Iterable[Task]) -> list[Entry]:
    """Tell what of these tasks a read-back has shown, with what stood there before.

    A write that was cut short before anybody saw it arrive is told now that a look
    has shown it; what stood there then is what the ledger knew before it.
    """
    entries = []
    for task in tasks:
        if task.lookup.item is None or (number := task.lookup.number) is None:
            continue
        source, key = task.job.record.source, task.job.record.key
        earlier, now = list(_cut_short(task)), list(_confirmed(task))
        entries += [
            Entry(source, number, key, changes) for changes in _in_turn(earlier, now)
        ]
    return entries


def undone(
    number: int,
    read: Item,
    restores: Sequence[Restore],
    kept: Mapping[str, str],
) -> list[Entry]:
    """Tell what an undo brought back to an item, read before that."""
    changes = restored(read, restores, kept)
    return [Entry(UNDO, number, None, changes)] if changes else []


def restored(
    read: Item, restores: Sequence[Restore], kept: Mapping[str, str]
) -> list[Shown]:
    """Tell what an undo makes of what an item has, field by field."""
    return [_restored(read, restore, kept) for restore in restores]


def _confirmed(task: Task) -> Iterator[Shown]:
    for change in task.plan.changes:
        if change.field in task.confirmed:
            yield _shown(change.field, change.before, change.after)


def _cut_short(task: Task) -> Iterator[Shown]:
    source, ledger = task.job.record.source, task.lookup.ledger
    for change in task.plan.adopted if task.is_done else ():
        row = row_of(ledger.get(change.field, ()), source)
        if row is not None and row.pending:
            yield _shown(change.field, _before(row, change.after), change.after)
    for change in task.plan.changes:
        row = row_of(ledger.get(change.field, ()), source)
        if row is None or change.field not in task.confirmed or change.is_picture:
            continue
        there = change.before  # something newer was written over it
        if any(_is_there(change.field, meant, there) for meant in row.meant):
            told = _shown(change.field, _before(row, there), there)
            if told[1] != told[2]:
                yield told


def _is_there(name: str, meant: Value | None, there: Value | None) -> bool:
    """Return whether what was meant stands there, beside members of others in a list."""
    spec = FIELDS[name]
    if not spec.is_list:
        return same(spec, meant, there)
    return bool(meant) and by_name(meant).keys() <= by_name(there).keys()


def _before(row: LedgerRow, there: Value | None) -> Value | None:
    """Return what stood there before a write that was cut short, as far as it is known."""
    spec = FIELDS[row.field]
    if not row.confirmed or same(spec, row.value, there):
        return row.before
    if not spec.is_list:
        return row.value
    was, meant = by_name(row.value), by_name(row.intent)
    left = {n: m for n, m in by_name(there).items() if n in was or n not in meant}
    return tuple((left | was).values())  # type: ignore[return-value]  # one kind per field


def _in_turn(earlier: list[Shown], now: list[Shown]) -> list[list[Shown]]:
    """Return rows in which each field stands once: most often it is one."""
    twice = {change[0] for change in earlier} & {change[0] for change in now}
    return [row for row in ([earlier, now] if twice else [earlier + now]) if row]


def _shown(name: str, before: Any, after: Any) -> Shown:
    if FIELDS[name].kind is Kind.IMAGE:
        return [name, None, _NEW]
    return [name, bounded(shape(before)), bounded(shape(after))]


def _restored(read: Item, restore: Restore, kept: Mapping[str, str]) -> Shown:
    name, edit = restore.field, restore.edit
    if restore.is_picture:
        return [name, None, _PLEXS if name in kept else _EARLIER]
    if edit is None or not edit.touch:
        return [name]
    after = edit.members or None if FIELDS[name].is_list else edit.value
    return [name, bounded(shape(read.fields.get(name))), bounded(shape(after))]
