"""What the history says of the jobs of a turn, and of an undo."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from sqlite3 import Connection
from typing import Any, Final

from . import known_items
from .change import shape
from .fields import FIELDS, Kind
from .history import UNDO, Entry, Shown, bounded
from .ports import Item
from .task import Task, Verdict
from .undo import Restore
from .written import row_of

_NEW: Final = "new picture"
_EARLIER: Final = "earlier picture"
_PLEXS: Final = "picture that Plex chose"


def written(db: Connection, tasks: Iterable[Task]) -> list[Entry]:
    """Tell what of these tasks a read-back has shown, with what stood there before."""
    entries = []
    for task in tasks:
        changes = [*_confirmed(task), *_resumed(task)]
        if changes and (number := known_items.find(db, task.item)) is not None:
            record = task.job.record
            entries.append(Entry(record.source, number, record.key, changes))
    return entries


def undone(
    number: int | None,
    read: Item,
    restores: Sequence[Restore],
    kept: Mapping[str, str],
) -> list[Entry]:
    """Tell what an undo brought back to an item, read before that."""
    changes: dict[str, Shown] = {}
    for restore in restores:
        # The first one of a field carries what was done for all of its sources.
        changes.setdefault(restore.field, _restored(read, restore, kept))
    if number is None or not changes:
        return []
    return [Entry(UNDO, number, None, list(changes.values()))]


def _confirmed(task: Task) -> Iterator[Shown]:
    for change in task.plan.changes:
        if change.field in task.confirmed:
            yield _shown(change.field, change.before, change.after)


def _resumed(task: Task) -> Iterator[Shown]:
    """Tell of what was written and cut short before anybody saw it arrive.

    What stood there then is what the ledger knew before it.
    """
    if task.sight.item is None or task.verdict not in (
        Verdict.WRITTEN,
        Verdict.UNCHANGED,
    ):
        return
    for change in task.plan.adopted:
        rows = task.sight.ledger.get(change.field, ())
        row = row_of(rows, task.job.record.source)
        if row is not None and row.pending:
            before = row.value if row.confirmed else row.before
            yield _shown(change.field, before, change.after)


def _shown(name: str, before: Any, after: Any) -> Shown:
    if FIELDS[name].kind is Kind.IMAGE:
        return [name, None, _NEW]
    return [name, bounded(shape(before)), bounded(shape(after))]


def _restored(read: Item, restore: Restore, kept: Mapping[str, str]) -> Shown:
    name, edit = restore.field, restore.edit
    if restore.picture:
        return [name, None, _PLEXS if name in kept else _EARLIER]
    if edit is None or not edit.touch:
        return [name]
    after = edit.members or None if FIELDS[name].is_list else edit.value
    return [name, bounded(shape(read.fields.get(name))), bounded(shape(after))]
