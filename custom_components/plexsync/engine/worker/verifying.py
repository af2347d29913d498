"""Read back what was written; write once more what did not arrive."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from ..calls.judge import About, Purpose
from ..look.common import Common
from ..look.look import Look
from ..model.change import Change
from ..model.compare import fold, members_of, name_of, same
from ..model.faults import Fault
from ..model.fields import FIELDS
from ..model.ports import Item
from ..model.reasons import Reason
from .snoozing import not_found, snooze_for_missing_part, snooze_or_fail
from .task import Task, Verdict, open_ones
from .writing import Place, about, choose_picture


class Verifying:
    """Hold what stands in Plex against the plans of one turn."""

    def __init__(self, common: Common, look: Look, place: Place) -> None:
        """Take the look whose calls are used; ``place`` bounds the edits in flight."""
        self._common = common
        self._look = look
        self._calls = look.access.calls
        self._place = place

    async def verify(self, tasks: Sequence[Task]) -> None:
        """Read back what was written, and end each task of which all arrived."""
        written = [t for t in tasks if t.wrote and t.lookup.item is not None]
        lacking = await self._check(written)
        for task, changes in lacking:
            if task.verdict is None:
                await self._repair(task, changes)
        for task, changes in await self._check(open_ones(task for task, _ in lacking)):
            fields = [change.field for change in changes]
            task.kept = dict.fromkeys(fields, Reason.NOT_KEPT) | task.kept
            task.fail(Reason.NOT_KEPT, passing=True)
        for task in written:
            if task.verdict is not None or snooze_for_missing_part(self._common, task):
                continue
            if task.kept:
                task.fail_refused()
            elif all(change.field in task.confirmed for change in task.plan.changes):
                task.end(Verdict.WRITTEN)

    async def _check(self, tasks: Sequence[Task]) -> list[tuple[Task, list[Change]]]:
        """Read items back in bulk and note what arrived; return what each of them lacks."""
        if not tasks:
            return []
        items = await self._look.read(
            {task.item.rating_key: task.item.section for task in tasks}
        )
        lacking = []
        for task in tasks:
            key = task.item.rating_key
            if (fault := items.faults.get(key)) is not None:
                if task.verdict is None:
                    snooze_or_fail(self._common, task, fault, About(Purpose.READ, key))
            elif (item := items.get(key)) is None:
                if task.verdict is None:
                    task.lookup.miss()
                    not_found(self._common, task)
            elif changes := _confirm(task, item):
                lacking.append((task, changes))
        return lacking

    async def _repair(self, task: Task, lacking: Sequence[Change]) -> None:
        """Write what did not arrive once more, from what is there now.

        Servers differ in whether a list that is written replaces the old one or is
        added to it. After this a field that still lacks its value is given up.
        """
        item = task.item
        edits = [
            _again(change, item).edit()
            for change in lacking
            if not change.is_picture and not _is_anothers(change, item)
        ]
        call = about(task)
        try:
            if edits:
                async with self._place():
                    refused = await self._calls.make(
                        lambda: self._common.server.edit(item, edits), call
                    )
                task.refuse(refused)
            call = about(task, Purpose.UPLOAD)
            for change in lacking:
                if change.is_picture:
                    choose = partial(
                        choose_picture, self._common.server, task, change.field
                    )
                    async with self._place():
                        await self._calls.make(choose, call)
        except Fault as fault:
            if self._calls.refused is not None:
                raise
            if fault.fields:
                task.refuse(dict.fromkeys(fault.fields, fault.reason))
            else:
                snooze_or_fail(self._common, task, fault, call)


def _confirm(task: Task, item: Item) -> list[Change]:
    """Note which fields arrived, perhaps in a form of Plex's own; return what did not."""
    task.lookup.item = item
    lacking = []
    for change in task.plan.changes:
        name, arrived = change.field, change.arrived(item)
        if change.is_picture:
            task.shown[name] = item.fields.get(name)
            if name not in task.uploaded:
                continue
            arrived = arrived or name in task.confirmed
        else:
            task.shown.pop(name, None)
            if not arrived and (form := change.form(item)) is not None:
                task.shown[name], arrived = form, True
        if not arrived:
            lacking.append(change)
        elif name not in task.confirmed:
            task.confirmed += (name,)
    return lacking


def _is_anothers(change: Change, item: Item) -> bool:
    """Return whether somebody else edited the field since we read it.

    Neither our value nor that of before stands there. It is not ours to write again.
    """
    spec = FIELDS[change.field]
    return not spec.is_list and not same(
        spec, item.fields.get(change.field), change.before
    )


def _again(change: Change, item: Item) -> Change:
    """Aim a change at what a read-back shows: remove every spelling of what has to go."""
    if not FIELDS[change.field].is_list:
        return change
    gone = set(map(fold, change.remove))
    stays = {name_of(member) for member in members_of(change.after) or ()}
    names = [name_of(each) for each in members_of(item.fields.get(change.field)) or ()]
    remove = tuple(n for n in names if fold(n) in gone and n not in stays)
    return replace(change, remove=remove)
