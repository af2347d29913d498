"""Undo many items: all within bounds of time, and what is owed; both survive a restart."""

import asyncio
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
import json
import math
from sqlite3 import Connection

from ..database import stats
from ..database.database import Database, StorageError
from ..jobs import gone_records
from ..ledger import known_items, ledger, ledger_sources, parts
from ..ledger.row import LedgerRow, row_of
from ..model.faults import Fault, FaultClass
from ..model.fields import FIELDS
from ..model.ports import Item
from ..model.reasons import Reason
from ..model.record import Find
from ..plan.undo import NotRestored
from ..util.concurrency import wait_at_most
from .undoing import Undoing, Undone, Which, every_field

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
    left: tuple[
        int, ...
    ] = ()  # numbers up to ``last`` whose library could not be searched

    @property
    def is_bounded(self) -> bool:
        """Whether not all is meant that was written since then."""
        return self.until is not None or self.source is not None

    def has_to_do(self, number: int) -> bool:
        """Return whether an item is still to be undone."""
        return number > self.last or number in self.left

    def leave(self, number: int) -> Progress:
        """Put an item off until all others are undone."""
        left = {*self.left, number}
        return replace(self, last=max(self.last, number), left=tuple(sorted(left)))

    def after(self, number: int, undone: Undone) -> Progress:
        """Count one more item of the ledger."""
        return replace(
            self,
            last=max(self.last, number),
            left=tuple(each for each in self.left if each != number),
            done=self.done + 1,
            items=self.items + undone.items,
            fields=self.fields + undone.fields,
            kept=dict(Counter(self.kept) + undone.kept),
        )


class UndoRuns:
    """Take back much of what we wrote, one item after the other."""

    def __init__(self, database: Database, undoing: Undoing) -> None:
        """Take the database, and what undoes one item."""
        self._database = database
        self._undoing = undoing
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
            await self._database.run(begin)
            done = await self._go_on()
        assert done is not None
        return done.items, done.fields, done.kept or {}

    async def _go_on(self) -> Progress | None:
        """Do what is left of the undos under way; return what came of the last one.

        An item whose library cannot be searched keeps no other waiting. Raises Fault where
        some are left.
        """
        run, done = self._database.run, None
        while waiting := await run(_under_way, durable=False):
            self.progress = progress = waiting[0]
            items, which = await run(partial(_scope, progress=progress), durable=False)
            fault = None
            for number, path, rating_key in items:
                if not progress.has_to_do(number):
                    continue
                try:
                    undone = await self._undo_known(number, path, rating_key, which)
                except Fault as met:
                    fault = _of_library(met)
                    progress = progress.leave(number)
                else:
                    progress = progress.after(number, undone)
                self.progress = progress
                await run(partial(_keep, waiting=[progress, *waiting[1:]]))
            if fault is not None:
                raise fault
            await run(partial(_keep, waiting=waiting[1:]))
            self.progress, done = None, progress
        return done

    async def _undo_owed(self) -> None:
        """Undo what a source wrote to items whose record is gone.

        What met a fault stays owed: nobody sees it, and asks for it again. Raises Fault
        where the library of some could not be searched.
        """
        fault = None
        items = await self._database.run(gone_records.owed, durable=False)
        for number, path, key, source in items:
            try:
                undone = await self._undo_known(
                    number, path, key, _of(source), held=True
                )
            except Fault as met:
                fault = _of_library(met)
                continue
            if _FINAL.issuperset(undone.kept):
                await self._database.run(
                    partial(gone_records.paid, number=number, source=source)
                )
        if fault is not None:
            raise fault

    async def _undo_known(
        self,
        number: int,
        path: str,
        key: str,
        which: Which,
        *,
        held: bool = False,
    ) -> Undone:
        """Undo one item of the ledger: by its files, which outlive its rating key.

        Of one that Plex has split every part is undone; other items that have a file of
        it, in another library for example, are not.
        """
        others = await self._database.run(
            lambda db: parts.of(db, number), durable=False
        )
        whole = Find((path,)) if path else Find(rating_key=key)
        # The parts first: what was written to the whole is known only until it is undone.
        finds = [*(Find((each,)) for each in others), whole]
        done = Undone()
        for find in finds:
            is_meant = partial(_is_it, number=number, or_part=find is not whole)
            try:
                await self._undoing.undo_meant(find, is_meant, which, done, held=held)
            except Fault as met:
                if met.kind is not FaultClass.ITEM:
                    raise
                done.kept.update([met.reason] if find is whole else ())
        return done


def _of_library(fault: Fault) -> Fault:
    """Return a fault that is one library's; raise it where nothing else can be undone either."""
    if fault.kind is not FaultClass.LIBRARY:
        raise fault
    return fault


def _of(source: str) -> Which:
    """Choose the fields that a source wrote, and that no source wants any more.

    Of lists that another one wants its own members stay.
    """
    return lambda rows: (
        (row := row_of(rows, source)) is not None
        and row.released is None
        and not row.claims
        and (FIELDS[row.field].is_list or not any(row.claims for row in rows))
    )


def _within(since: float, until: float, names: Collection[str] | None) -> Which:
    """Choose what was last written within bounds, by a source of one of these names.

    Members of lists stand together; of a value only what was written last counts.
    """

    def is_meant(row: LedgerRow) -> bool:
        within = since <= row.at <= until
        return within and (names is None or row.source in names)

    def choose(rows: Sequence[LedgerRow]) -> bool:
        written = [
            row
            for row in rows
            if row.released is None and (row.locked or row.value is None or row.pending)
        ]
        if written and not FIELDS[written[0].field].is_list:
            last = max(written, key=lambda row: row.at)
            written = [row for row in written if row.wants == last.wants]
        return any(map(is_meant, written))

    return choose


def _is_it(db: Connection, item: Item, *, number: int, or_part: bool) -> bool:
    """Return whether the ledger knows an item by a number, or as a part of that one."""
    return known_items.find(db, item) == number or (
        or_part and known_items.is_part(db, number, item)
    )


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
    return [
        Progress(**each | {"left": tuple(each.get("left", ()))})
        for each in ([told] if isinstance(told, dict) else told)
    ]


def _keep(db: Connection, waiting: Sequence[Progress]) -> None:
    text = json.dumps([asdict(each) for each in waiting]) if waiting else None
    stats.keep(db, _MARK, text)
