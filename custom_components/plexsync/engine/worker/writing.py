"""Send what the plans of a turn say to Plex."""

from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager

from ..calls.guarded_calls import CircuitRefusedError
from ..calls.judge import About, Purpose
from ..circuit.pace import MOST
from ..database.database import StorageError
from ..ledger import ledger
from ..look import pictures
from ..look.common import Common
from ..look.look import Look
from ..model.faults import Fault, FaultClass
from ..model.ports import Server
from ..model.reasons import Reason
from ..util.concurrency import run_all
from .fresh import freshen, is_stale
from .intent import note_intent
from .preparing import SHORTLY
from .snoozing import (
    keeps_changing,
    not_found,
    snooze_for_missing_part,
    snooze_or_fail,
    unforeseen,
)
from .task import Task, open_ones

# Gives a place among the edits in flight, and takes it back.
type Place = Callable[[], AbstractAsyncContextManager[None]]


def about(task: Task, purpose: Purpose = Purpose.EDIT) -> About:
    """Say what a call that writes to a task's item is about."""
    return About(purpose, task.item.rating_key, task.item.section)


async def choose_picture(server: Server, task: Task, name: str) -> bool:
    """Select a picture that was uploaded; return whether the item has it. Raises Fault."""
    item = task.item
    change = next(each for each in task.plan.changes if each.field == name)
    found = await server.pictures(item, name)
    if (key := found.of(str(change.after))) is None:
        return False
    if found.selected != key or name not in item.locks:
        await server.select(item, name, key)
    if found.selected == key:
        task.confirmed += (name,)  # Plex need not give it another mark
    return True


class Writing:
    """Write the items of one turn, several at a time.

    What cannot be sent ends its task. A fault of the server's or the token's ends all
    writing: the tasks stay open, so that what was sent can still be verified.
    """

    def __init__(self, common: Common, look: Look, place: Place) -> None:
        """Take the look whose calls are used; ``place`` bounds the edits in flight."""
        self._common = common
        self._look = look
        self._calls = look.access.calls
        self._place = place

    async def write(self, tasks: Sequence[Task]) -> None:
        """Write the fields of all items, then their pictures, which may take long."""
        if not tasks:
            return
        await note_intent(self._common, tasks)
        await self._side_by_side(tasks, self._edit)
        await self._side_by_side(open_ones(tasks), self._upload)
        for task in open_ones(tasks):
            if task.wrote or self._calls.refused is not None:
                continue
            if not snooze_for_missing_part(self._common, task) and task.kept:
                task.fail_refused()

    async def _side_by_side(
        self, tasks: Sequence[Task], work: Callable[[Task], Awaitable[None]]
    ) -> None:
        waiting = deque(tasks)

        async def lane() -> None:
            while waiting and self._calls.refused is None:
                task = waiting.popleft()
                try:
                    await work(task)
                except CircuitRefusedError, Fault:
                    return
                except StorageError:
                    raise  # no job's own fault
                except Exception as error:  # noqa: BLE001  # costs this job alone
                    unforeseen(self._common, task, error)

        await run_all(lane() for _ in range(min(MOST, len(tasks))))

    async def _edit(self, task: Task) -> None:
        """Write the fields of one item. Raises what ends the lane."""

        async def send() -> None:
            item = task.item  # not the one of before: it may have been read again
            if edits := task.plan.edits():
                try:
                    refused = await self._calls.make(
                        lambda: self._common.server.edit(
                            item,
                            edits,
                            lambda: is_stale(self._common, task),
                            # Not each time: to find the field out takes several
                            # requests. Two doubts may be charged between two turns.
                            apart=task.job.attempts in (1, 2),
                        ),
                        about(task),
                    )
                except Fault as fault:
                    if not fault.fields:
                        raise
                    task.refuse(dict.fromkeys(fault.fields, fault.reason))
                else:
                    task.wrote = True
                    task.refuse(refused)

        if not all(change.is_picture for change in task.plan.changes):
            await self._send(task, send, about(task))

    async def _upload(self, task: Task) -> None:
        """Send the pictures of one item. Raises what ends the lane."""
        for name in task.picture_changes:
            if (data := await self._bytes(task, name)) is not None:
                await self._upload_one(task, name, data)
            if task.verdict is not None:
                return

    async def _upload_one(self, task: Task, name: str, data: bytes) -> None:
        call = about(task, Purpose.UPLOAD)

        async def send() -> None:
            if name not in task.picture_changes:
                return  # the item was read again, and has it by now
            # One call: that its pictures can be listed says nothing of uploads.
            await self._calls.make(lambda: self._bring(task, name, data), call)
            task.wrote = True
            task.uploaded += (name,)

        await self._send(task, send, call, name)

    async def _bring(self, task: Task, name: str, data: bytes) -> None:
        """Select a picture if the item has it, else upload it."""
        if await self._has(task, name):
            return
        await self._common.server.upload(
            task.item, name, data, lambda: is_stale(self._common, task)
        )

    async def _has(self, task: Task, name: str) -> bool:
        """Return whether the item has the picture already, which then is selected.

        Asked where an earlier upload may have brought it, and at our first touch: then
        the one that is selected is noted, so that an undo can select it again. So it
        is where we take one for ours, which may be the very picture.
        """
        ours = [r for r in task.lookup.ledger.get(name, ()) if r.released is None]
        change = next(each for each in task.plan.changes if each.field == name)
        again = any(change.after in (r.value, *r.meant) for r in ours)
        noted = any(r.before_known or r.confirmed for r in ours)
        anew = change.anew or change.taken
        if not ours or anew or (again and not noted):
            number = task.lookup.number
            found = await self._common.server.pictures(task.item, name)
            await self._common.database.run(
                lambda db: ledger.keep_picture_before(db, number, name, found.selected)
            )
        return (again or change.taken) and await choose_picture(
            self._common.server, task, name
        )

    async def _bytes(self, task: Task, name: str) -> bytes | None:
        """Return the bytes of a picture, or None if they cannot be had."""
        if (data := task.pictures.data.pop(name, None)) is not None:
            return data
        record = task.job.record
        image, digest = record.pictures[name], task.lookup.images[name]
        try:
            data = await pictures.load(self._common, record, image, digest)
        except Fault as fault:
            task.pictures.fault = fault
            return None
        if data is None:
            task.snooze(None, SHORTLY)
        return data

    async def _send(
        self,
        task: Task,
        send: Callable[[], Awaitable[None]],
        call: About,
        name: str | None = None,
    ) -> None:
        """Send from a fresh read, as soon as there is a place; or end the task.

        ``name`` is the picture that is sent, if it is one.
        """
        access = self._look.access
        try:
            async with self._place():
                if not access.may(call.bulkhead):
                    snooze_or_fail(
                        self._common, task, access.why_not(call.bulkhead), call
                    )
                elif await freshen(self._common, self._look, task):
                    await send()
        except Fault as fault:
            if self._calls.refused is not None:
                task.slowed = fault.throttled
                raise
            await self._not_sent(task, fault, call, name)

    async def _not_sent(
        self, task: Task, fault: Fault, call: About, name: str | None
    ) -> None:
        """End a task whose call met a fault of its own, or go on without a picture."""
        if fault.kind is FaultClass.ITEM and fault.reason == Reason.NOT_FOUND:
            await self._common.server.forget([task.item.rating_key])
            task.lookup.miss()
            not_found(self._common, task)
        elif fault.reason == Reason.CHANGING:
            keeps_changing(self._common, task)
        elif name is not None and fault.kind is FaultClass.ITEM and fault.permanent:
            task.refuse({name: fault.reason})
        else:
            snooze_or_fail(self._common, task, fault, call)
