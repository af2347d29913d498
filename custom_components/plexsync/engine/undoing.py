"""Undo: one item at once, or all within bounds of time, which survives a restart."""

import asyncio
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial
import json
import math
from sqlite3 import Connection

from .calls.admission import Admission
from .calls.guarded_calls import GuardedCalls
from .calls.judge import About, Purpose
from .database import stats
from .database.database import StorageError
from .jobs import gone_records
from .ledger import known_items, ledger, ledger_sources, parts, settled, sources_lead
from .ledger.row import UNDONE, WAITS, LedgerRow, name_value, row_of
from .look.common import Common
from .look.look import Look
from .look.spared_collections import spared_at_undo
from .model.faults import Fault, FaultClass
from .model.holds import BY_HAND, READING, Hold
from .model.ports import FieldEdit, Item
from .model.reasons import Reason
from .model.record import Find
from .plan.lookup_result import LookupResult
from .plan.undo import (
    NotRestored,
    Restore,
    UndoPlan,
    make_undo,
    once_more,
    why_no_picture,
)
from .util.concurrency import wait_at_most
from .worker import history_entries

_MARK = "undo"  # the note of an undo under way
_PATIENCE = 30.0  # seconds until one that could not go on tries again
# Why something is not restored, and will not be another time.
_FINAL = frozenset(
    {*NotRestored, Reason.NOT_KEPT, Reason.NOT_FOUND, Reason.OUTSIDE_LIBRARIES}
)


@dataclass(frozen=True, slots=True)
class Progress:
    """An undo of everything since a time: how far it is, and what came of it.

    With ``until``, that time included, or a ``source`` it is one of what was written
    within these bounds, field by field.
    """

    since: float
    total: int
    last: int = 0  # number of the item that was undone last
    done: int = 0
    items: int = 0
    fields: int = 0
    kept: dict[str, int] | None = None
    until: float | None = None
    source: str | None = None

    @property
    def is_bounded(self) -> bool:
        """Whether not all is meant that was written since then."""
        return self.until is not None or self.source is not None

    def after(self, number: int, undone: _Undone) -> Progress:
        """Count one more item of the ledger."""
        return replace(
            self,
            last=number,
            done=self.done + 1,
            items=self.items + undone.items,
            fields=self.fields + undone.fields,
            kept=dict(Counter(self.kept) + undone.kept),
        )


@dataclass(slots=True)
class _Undone:
    """How many items and fields were restored, and why other fields were not."""

    items: int = 0
    fields: int = 0
    kept: Counter[str] = field(default_factory=Counter)

    def count(self, names: Collection[str], reasons: Mapping[str, str]) -> None:
        """Count one item more, and its fields."""
        self.items += bool(names)
        self.fields += len(names)
        self.kept.update(reasons.values())


type Which = Callable[[Sequence[LedgerRow]], bool]


def every_field(rows: Sequence[LedgerRow]) -> bool:
    """Choose every field."""
    return True


def _of(source: str) -> Which:
    """Choose the fields that a source wrote, and that no source wants any more."""
    return lambda rows: (
        (row := row_of(rows, source)) is not None
        and row.released is None
        and not any(row.claims for row in rows)
    )


def _within(since: float, until: float, names: Collection[str] | None) -> Which:
    """Choose what was written within bounds, by a source of one of these names."""

    def is_meant(row: LedgerRow) -> bool:
        return (
            row.released is None
            and since <= row.at <= until
            and (names is None or row.source in names)
            and (row.locked or row.value is None or row.pending)
        )

    return lambda rows: any(map(is_meant, rows))


class NotAsShownError(Exception):
    """What an undo would do by now is not what was shown; nothing was done."""


class Undoing:
    """Take back what we wrote."""

    def __init__(self, common: Common, admission: Admission) -> None:
        """Take the shared parts and the admission of calls."""
        self._common = common
        self._admission = admission
        self._one_run = asyncio.Lock()
        self._to_do = asyncio.Event()
        self.progress: Progress | None = None  # of one that is not over

    def look(self) -> None:
        """Look now whether there is something to undo."""
        self._to_do.set()

    async def run(self) -> None:
        """Go on with what a restart or an outage cut short, and undo what is owed."""
        while True:
            wait = None
            self._to_do.clear()
            try:
                async with self._one_run:
                    await self._go_on()
                    await self._undo_owed()
            except Fault, StorageError:
                wait = _PATIENCE
            await wait_at_most(self._to_do, wait)

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

    async def _plan(self, calls: GuardedCalls, read: Item, which: Which) -> UndoPlan:
        rows = await self._common.database.run(
            lambda db: ledger.rows(db, known_items.find(db, read)), durable=False
        )
        chosen = {name: story for name, story in rows.items() if which(story)}
        restores, kept = make_undo(read, chosen)
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
                    restores, kept = make_undo(read, chosen, spared)
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
            plan = await self._plan(calls, read, which)
            if shown is not None and plan.digest != shown:
                raise NotAsShownError
            return await self._undo_item(calls, plan, by_hand=by_hand)

    async def undo_since(
        self, since: float, until: float | None = None, source: str | None = None
    ) -> tuple[int, int, dict[str, int]]:
        """Restore what was written since then; count items, fields, and what stayed.

        Of an item that was written since, all; with ``until`` or ``source`` only the
        fields that were last written within these bounds. What a fault or a restart cuts
        short goes on by itself; one that was cut short before is done with it, or before
        it. Raises Fault and StorageError.
        """

        def begin(db: Connection) -> None:
            waiting = _under_way(db)
            mine = Progress(since, 0, until=until, source=source)
            if not mine.is_bounded:
                whole = [each.since for each in waiting if not each.is_bounded]
                mine = replace(mine, since=min([since, *whole]))
                waiting = [each for each in waiting if each.is_bounded]
            mine = replace(mine, total=len(_scope(db, mine)[0]))
            _keep(db, [*waiting, mine])

        async with self._one_run:
            self._to_do.set()
            await self._common.database.run(begin)
            done = await self._go_on()
        assert done is not None
        return done.items, done.fields, done.kept or {}

    async def _go_on(self) -> Progress | None:
        """Do what is left of the undos under way; return what came of the last one."""
        run, done = self._common.database.run, None
        while waiting := await run(_under_way, durable=False):
            self.progress = progress = waiting[0]
            items, which = await run(partial(_scope, progress=progress), durable=False)
            for number, path, rating_key in items:
                if number > progress.last:
                    undone = await self._undo_known(number, path, rating_key, which)
                    self.progress = progress = progress.after(number, undone)
                    await run(partial(_keep, waiting=[progress, *waiting[1:]]))
            await run(partial(_keep, waiting=waiting[1:]))
            self.progress, done = None, progress
        return done

    async def _undo_owed(self) -> None:
        """Undo what a source wrote to items whose record is gone.

        What met a fault stays owed: nobody sees it, and asks for it again.
        """
        items = await self._common.database.run(gone_records.owed, durable=False)
        for number, path, key, source in items:
            undone = await self._undo_known(number, path, key, _of(source), held=True)
            if _FINAL.issuperset(undone.kept):
                await self._common.database.run(
                    partial(gone_records.paid, number=number, source=source)
                )

    async def _undo_known(
        self,
        number: int,
        path: str,
        key: str,
        which: Which,
        *,
        held: bool = False,
    ) -> _Undone:
        """Undo one item of the ledger: by its files, which outlive its rating key.

        Of one that Plex has split every part is undone; other items that have a file of
        it, in another library for example, are not. What is ``held`` waits for the owner's
        switch: nobody asked for it by hand.
        """
        others = await self._common.database.run(
            lambda db: parts.of(db, number), durable=False
        )
        whole = Find((path,)) if path else Find(rating_key=key)
        # The parts first: what was written to the whole is known only until it is undone.
        finds = [*(Find((each,)) for each in others), whole]
        past = frozenset[Hold]() if held else BY_HAND
        done, seen = _Undone(), set[str]()
        for find in finds:
            try:
                async with self._admission.calls(past) as calls:
                    items, fault = await self._look_for(calls, find)
                    mine = await self._common.database.run(
                        partial(
                            _of_number,
                            items=items,
                            number=number,
                            parts=find is not whole,
                        )
                    )
                    if fault is not None and not mine:
                        raise fault
                    for item in mine:
                        if item.rating_key not in seen:
                            seen.add(item.rating_key)
                            done.count(
                                *await self._undo_one(
                                    calls, item, which, by_hand=not held
                                )
                            )
            except Fault as met:
                if met.kind is not FaultClass.ITEM:
                    raise
                done.kept.update([met.reason] if find is whole else ())
        return done

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
            tokens: dict[str, str] = {}  # of the record that each source's part follows
            for source, key, _ in rows:
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
            told = history_entries.undone(number, item, restores, kept)
            history.note(db, told, self._common.clock.wall())

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


def _of_number(
    db: Connection, *, items: Sequence[Item], number: int, parts: bool
) -> list[Item]:
    """Choose those that the ledger knows by a number, or that are ``parts`` of that item."""
    _see_parts(db, items=items)
    return [
        item
        for item in items
        if known_items.find(db, item) == number
        or (parts and known_items.is_part(db, number, item))
    ]


def _scope(
    db: Connection, progress: Progress
) -> tuple[list[tuple[int, str, str]], Which]:
    """Return number, path and rating key of what an undo is about, and which fields are."""
    since, until, source = progress.since, progress.until, progress.source
    if not progress.is_bounded:
        return ledger.written_since(db, since), every_field
    until = math.inf if until is None else until
    names = None
    if source is not None:
        names = {source, *ledger_sources.former_names(db, source)}
    items = ledger.written_within(db, since, until, names)
    return items, _within(since, until, names)


def _under_way(db: Connection) -> list[Progress]:
    """Return the undos that are not over, the one that is done now first."""
    told = json.loads(stats.setting(db, _MARK) or "[]")
    # Earlier versions knew of one only.
    return [Progress(**each) for each in ([told] if isinstance(told, dict) else told)]


def _keep(db: Connection, waiting: Sequence[Progress]) -> None:
    text = json.dumps([asdict(each) for each in waiting]) if waiting else None
    stats.keep(db, _MARK, text)
