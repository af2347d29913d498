"""Undo one item: show what that would do, and do it."""

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from sqlite3 import Connection

from ..calls.admission import Admission
from ..calls.guarded_calls import GuardedCalls
from ..calls.judge import About, Purpose
from ..ledger import known_items, ledger, members, parts, settled, sources_lead
from ..ledger.row import UNDONE, WAITS, LedgerRow, name_value, row_of
from ..look.common import Common
from ..look.look import Look
from ..look.spared_collections import spared_at_undo
from ..model.faults import Fault, FaultClass
from ..model.fields import FIELDS
from ..model.holds import BY_HAND, READING
from ..model.ports import FieldEdit, Item
from ..model.reasons import Reason
from ..model.record import Find
from ..plan.lookup_result import LookupResult
from ..plan.undo import (
    NotRestored,
    Restore,
    UndoPlan,
    make_undo,
    once_more,
    why_no_picture,
)
from ..worker import history_entries


@dataclass(slots=True)
class Undone:
    """How many items and fields were restored, and why other fields were not."""

    items: int = 0
    fields: int = 0
    kept: Counter[str] = field(default_factory=Counter)
    # Rating keys of all that were looked at.
    keys: set[str] = field(default_factory=set)

    def count(self, names: Collection[str], reasons: Mapping[str, str]) -> None:
        """Count one item more, and its fields."""
        self.items += bool(names)
        self.fields += len(names)
        self.kept.update(reasons.values())


type Which = Callable[[Sequence[LedgerRow]], bool]


def every_field(rows: Sequence[LedgerRow]) -> bool:
    """Choose every field."""
    return True


type IsMeant = Callable[[Connection, Item], bool]


class NotAsShownError(Exception):
    """What an undo would do by now is not what was shown; nothing was done."""


class Undoing:
    """Take back what we wrote to one item."""

    def __init__(self, common: Common, admission: Admission) -> None:
        """Take the shared parts and the admission of calls."""
        self._common = common
        self._admission = admission

    async def plan(self, rating_key: str, which: Which = every_field) -> UndoPlan:
        """Return what an undo of an item would do, and change nothing in Plex.

        Raises Fault, as ``undo`` does.
        """
        async with self._admission.calls(READING) as calls:
            items = await self._find(calls, Find(rating_key=rating_key))
            await self._common.database.run(partial(_see_parts, items=items))
            plan = await self._plan(calls, items[0], which)
            kept = dict(plan.kept)
            item, about = plan.item, About(Purpose.READ, rating_key, plan.item.section)
            for restore in plan.restores:
                if restore.is_picture:
                    look = partial(self._common.server.pictures, item, restore.field)
                    try:
                        why = why_no_picture(restore, await calls.make(look, about))
                    except Fault as fault:
                        why = _reason(calls, fault)
                    if why is not None:
                        kept[restore.field] = why
            return replace(plan, kept=kept)

    async def _plan(
        self, calls: GuardedCalls, read: Item, which: Which, *, by_hand: bool = True
    ) -> UndoPlan:
        rows = await self._common.database.run(
            lambda db: ledger.rows(db, known_items.find(db, read)), durable=False
        )
        chosen = {name: story for name, story in rows.items() if which(story)}
        restores, kept = make_undo(read, chosen, by_hand=by_hand)
        for edit in [each.edit for each in restores]:
            if edit is not None and edit.field == "collections" and edit.remove:
                access = Look(self._common, calls).access
                try:
                    spared = await spared_at_undo(
                        self._common, access, read, edit.remove
                    )
                except Fault as fault:
                    kept = {**kept, edit.field: _reason(calls, fault)}
                    restores = [each for each in restores if each.edit is not edit]
                else:
                    restores, kept = make_undo(read, chosen, spared, by_hand=by_hand)
        return UndoPlan(read, restores, kept)

    async def undo(
        self,
        find: Find,
        which: Which = every_field,
        *,
        shown: str | None = None,
    ) -> tuple[Item, list[str], dict[str, str]]:
        """Restore every item of a file; return the first, the restored fields, why others stayed.

        ``which`` chooses fields by their rows. ``shown`` is the digest of the plan that was
        shown. Raises Fault, of class item with the reason of the match if none was
        found, and NotAsShownError.
        """
        restored, kept = set[str](), dict[str, str]()
        async with self._admission.calls(BY_HAND) as calls:
            items = await self._find(calls, find)
            await self._common.database.run(partial(_see_parts, items=items))
            for item in items:
                names, reasons = await self._undo_one(calls, item, which, shown=shown)
                restored.update(names)
                kept |= reasons
        return items[0], sorted(restored), kept

    async def undo_meant(
        self,
        find: Find,
        is_meant: IsMeant,
        which: Which,
        done: Undone,
        *,
        held: bool,
    ) -> None:
        """Restore those items of a file that are meant, each once; count them in ``done``.

        What is ``held`` waits for the owner's switch: nobody asked for it by hand. Raises
        Fault, as ``undo`` does.
        """

        def choose(db: Connection) -> list[Item]:
            _see_parts(db, items=items)
            return [item for item in items if is_meant(db, item)]

        async with self._admission.calls(frozenset() if held else BY_HAND) as calls:
            items, fault = await self._look_for(calls, find)
            meant = await self._common.database.run(choose)
            if fault is not None and not meant:
                raise fault
            for item in meant:
                if item.rating_key not in done.keys:
                    done.keys.add(item.rating_key)
                    by_hand = not held
                    done.count(
                        *await self._undo_one(calls, item, which, by_hand=by_hand)
                    )

    async def _undo_one(
        self,
        calls: GuardedCalls,
        item: Item,
        which: Which,
        *,
        by_hand: bool = True,
        shown: str | None = None,
    ) -> tuple[set[str], dict[str, str]]:
        """Restore one item, once nobody else writes to it."""
        async with self._common.busy_items.alone(item.rating_key):
            # Whoever had it may have written to it.
            (read,) = await self._find(calls, Find(rating_key=item.rating_key))
            plan = await self._plan(calls, read, which, by_hand=by_hand)
            if shown is not None and plan.digest != shown:
                raise NotAsShownError
            return await self._undo_item(calls, plan, by_hand=by_hand)

    async def _find(self, calls: GuardedCalls, find: Find) -> list[Item]:
        items, fault = await self._look_for(calls, find)
        if fault is not None:
            raise fault
        return items

    async def _look_for(
        self, calls: GuardedCalls, find: Find
    ) -> tuple[list[Item], Fault | None]:
        """Return the items that were found, and why one that should be there was not."""
        lookup = LookupResult(find)
        await Look(self._common, calls).find([lookup])
        items, fault = list[Item](), None
        for each in lookup.targets:
            if each.item is not None:
                items.append(each.item)
            elif fault is None:
                why = each.reason or Reason.NOT_FOUND
                fault = each.fault or Fault(FaultClass.ITEM, why)
        return items, fault

    async def _undo_item(
        self, calls: GuardedCalls, plan: UndoPlan, *, by_hand: bool
    ) -> tuple[set[str], dict[str, str]]:
        read = plan.item
        gone = await self._restore_pictures(calls, read, plan.restores)
        kept = {**plan.kept, **gone}
        restores = list(replace(plan, kept=kept).to_do)
        edits = [restore.edit for restore in restores if restore.edit is not None]
        if edits:
            # What did not arrive stays ours, and the undo can be asked for again.
            lacking = await self._edit(calls, read, restores, edits)
            kept |= dict.fromkeys(lacking, Reason.NOT_KEPT)
            restores = [each for each in restores if each.field not in lacking]
        await self._note_undone(read, restores, kept, by_hand=by_hand)
        return {each.field for each in restores} - kept.keys(), kept

    async def _edit(
        self,
        calls: GuardedCalls,
        read: Item,
        restores: list[Restore],
        edits: list[FieldEdit],
    ) -> set[str]:
        """Write and read back, twice where something did not arrive; name what is missing."""
        about = About(Purpose.EDIT, read.rating_key, read.section)
        look = Look(self._common, calls)
        for _ in range(2):
            await calls.make(partial(self._common.server.edit, read, edits), about)
            items = await look.read({read.rating_key: read.section})
            there = items.get(read.rating_key) or read
            if not (lacking := once_more(restores, there)):
                break
            edits = list(lacking.values())
        return set(lacking)

    async def _restore_pictures(
        self, calls: GuardedCalls, item: Item, restores: Sequence[Restore]
    ) -> dict[str, str]:
        """Select the pictures of before; return why, for each that was not selected."""
        kept: dict[str, str] = {}
        about = About(Purpose.UPLOAD, item.rating_key, item.section)
        for restore in restores:
            if restore.is_picture:
                work = partial(self._restore_picture, item, restore)
                try:
                    why = await calls.make(work, about)
                except Fault as fault:
                    why = _reason(calls, fault)
                if why is not None:
                    kept[restore.field] = why
        return kept

    async def _restore_picture(self, item: Item, restore: Restore) -> str | None:
        """Select the picture of before; return the reason where that was not done."""
        server, name = self._common.server, restore.field
        found = await server.pictures(item, name)
        if (why := why_no_picture(restore, found)) == NotRestored.PICTURE_GONE:
            await server.unselect(item, name)
        elif why is None and found.selected != restore.before:
            assert isinstance(restore.before, str)
            await server.select(item, name, restore.before)
        return why

    async def _note_undone(
        self,
        item: Item,
        restores: list[Restore],
        kept: Mapping[str, str],
        *,
        by_hand: bool,
    ) -> None:
        """Give up what was restored; an undo ``by_hand`` is against the other sources, too."""

        def work(db: Connection) -> None:
            if (number := known_items.find(db, item)) is None:
                return  # nothing of it is ours
            names = {each.field for each in restores}
            undone = {(s, each.field) for each in restores for s in each.sources}
            rows, known = ledger.whose(db, number), ledger.rows(db, number)
            for each in restores:
                if not by_hand and FIELDS[each.field].is_list:
                    told = known.get(each.field, ())
                    members.were_undone(db, number, each.sources, told)
            tokens: dict[str, str] = {}  # of the record that each source's part follows
            for source, key, _ in rows:
                if key:
                    settled.compare_again(db, source, key)  # it says what was undone
                if key and (token := settled.token(db, source, key)):
                    tokens.setdefault(source, token)
            unknown = UNDONE if by_hand else WAITS
            for source, _, name in rows:
                if name in names and (by_hand or (source, name) in undone):
                    token = tokens.get(source, unknown)
                    row = row_of(known.get(name, ()), source)
                    if token != unknown and row is not None and row.released is None:
                        token = f"{name_value(row.wants)} {token}"
                    ledger.note_undone(db, number, source, name, token)
            for source, name in undone:
                # What stood there before us is nobody's to take.
                sources_lead.compared(db, number, source, (name,))
            entries = history_entries.undone(number, item, restores, kept)
            history.note(db, entries, self._common.clock.wall())

        history = self._common.history
        await self._common.database.run(work)
        history.prune_soon()


def _see_parts(db: Connection, *, items: Sequence[Item]) -> None:
    """Let parts that were split off keep what is known of the whole, before that is undone."""
    parts.recognise(db, *items)
    for item in items:
        if (number := known_items.find(db, item)) is not None:
            parts.notice(db, item, number)


def _reason(calls: GuardedCalls, fault: Fault) -> str:
    """Return why one field has to wait, where all others are restored.

    Raises the fault where it is the server's or the token's.
    """
    if calls.refused is not None:
        raise fault
    return fault.reason
