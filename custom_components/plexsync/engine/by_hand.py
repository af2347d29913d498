"""What an owner asks for by hand, and waits for: preview, undo, pin."""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Mapping
import contextlib
from dataclasses import dataclass
from sqlite3 import Connection

from . import failed, jobs_view, ledger, pins, queue, settled
from .admission import Admission
from .circuit import Circuit
from .contact import CircuitRefusedError, Contact
from .failed import Choice
from .holds import BY_HAND, READING
from .judge import About, Purpose
from .look import Look
from .pictures import known_digests, wanted
from .plan import Plan
from .ports import Item
from .record import Find, Record
from .retry import Fault, FaultClass
from .sight import Sight
from .tools import Tools
from .undo import make_undo, missed


@dataclass(frozen=True, slots=True)
class Preview:
    """What would be written to each item of one record; ``reason`` where there is none.

    An item that cannot be looked at now has its reason in place of a plan. ``unseen``
    are the pictures that were not fetched so far: a write compares them.
    """

    plans: Mapping[str, Plan | str]  # by rating key
    reason: str | None = None
    candidates: tuple[str, ...] = ()
    unseen: tuple[str, ...] = ()


class ByHand:
    """Do at once what is asked for, past the queue."""

    def __init__(self, tools: Tools, circuit: Circuit, admission: Admission) -> None:
        """Take what to look with, and who lets us in."""
        self._t = tools
        self._circuit = circuit
        self._admission = admission

    async def preview(self, record: Record) -> Preview:
        """Compute the plan for one record and write nothing. Raises Fault."""
        sight = Sight(record.find, record)

        def look_up(db: Connection) -> None:
            sight.find = pins.find(db, record) or record.find
            sight.images = known_digests(db, record)

        await self._t.database.run(look_up, durable=False)
        async with self._admission.contact(READING) as contact:
            look = Look(self._t, contact)
            await look.find([sight])
            await look.plan(sight.all)
        first = sight.targets[0]
        if not any(each.item for each in sight.targets):
            if first.fault is not None:
                raise first.fault
            return Preview({}, first.reason, first.candidates)
        return Preview(
            {
                each.rating_key: each.reason or each.plan
                for each in sight.targets
                if each.rating_key is not None
            },
            unseen=tuple(name for name in wanted(record) if name not in sight.images),
        )

    async def pin(self, source: str, key: str, rating_key: str | None) -> None:
        """Tie a record to one item, or untie it; its job, if there is one, tries it."""
        item = await self._read(rating_key) if rating_key is not None else None
        now = self._t.clock.steady()

        def work(db: Connection) -> None:
            if rating_key is None:
                pins.untie(db, source, key)
            else:
                pins.tie(db, source, key, rating_key, item)
            settled.forget(db, source, key)
            if info := jobs_view.find_job(db, source, key):
                failed.retry(db, Choice(ids=[info.id], skipped=True), now)
                queue.wake_jobs(db, [info.id], now)

        await self._t.database.run(work)
        self._circuit.notify()

    async def _read(self, rating_key: str) -> Item | None:
        """Read one item, if Plex can be asked now."""
        with contextlib.suppress(Fault, CircuitRefusedError):
            async with self._admission.contact(READING) as contact:
                items = await Look(self._t, contact).read({rating_key: ""})
                return items.get(rating_key)
        return None

    # -- undo ----------------------------------------------------------------------

    async def undo(self, find: Find) -> tuple[Item, list[str], dict[str, str]]:
        """Restore every item of a file; give the first, the restored fields, and why others stayed.

        Raises Fault, of class item with the reason of the match if none was found.
        """
        restored, kept = set[str](), dict[str, str]()
        async with self._admission.contact(BY_HAND) as contact:
            first, *others = await self._find(contact, find)
            for item in (first, *others):
                async with self._hand_on(item.rating_key):
                    # Whoever had it in hand may have written to it.
                    (read,) = await self._find(
                        contact, Find(rating_key=item.rating_key)
                    )
                    _, names, reasons = await self._undo_item(contact, read)
                    restored.update(names)
                    kept |= reasons
        return first, sorted(restored), kept

    async def undo_since(self, since: float) -> tuple[int, int, dict[str, int]]:
        """Restore every item written since then; count items, fields, and what stayed."""
        keys = await self._t.database.run(lambda db: ledger.written_since(db, since))
        items = fields = 0
        reasons = Counter[str]()
        for key in keys:
            try:
                _, restored, kept = await self.undo(Find(rating_key=key))
            except Fault as fault:
                if fault.kind is not FaultClass.ITEM:
                    raise
                reasons[fault.reason] += 1
                continue
            items += bool(restored)
            fields += len(restored)
            reasons.update(kept.values())
        return items, fields, dict(reasons)

    async def _find(self, contact: Contact, find: Find) -> list[Item]:
        sight = Sight(find)
        await Look(self._t, contact).find([sight])
        items = [each.item for each in sight.targets if each.item is not None]
        if len(items) < len(sight.targets):
            first = next(each for each in sight.targets if each.item is None)
            raise first.fault or Fault(FaultClass.ITEM, first.reason or "not_found")
        return items

    @contextlib.asynccontextmanager
    async def _hand_on(self, rating_key: str) -> AsyncGenerator[None]:
        """Have an item for oneself: there is one writer at a time."""
        while rating_key in self._t.in_hand:
            await asyncio.sleep(0.05)
        self._t.in_hand.add(rating_key)
        try:
            yield
        finally:
            self._t.in_hand.discard(rating_key)

    async def _undo_item(
        self, contact: Contact, read: Item
    ) -> tuple[Item, list[str], dict[str, str]]:
        key, database = read.rating_key, self._t.database
        rows = await database.run(lambda db: ledger.rows(db, read), durable=False)
        restores, kept = make_undo(read, rows)
        edits = [restore.edit for restore in restores if restore.edit is not None]
        if edits:
            about = About(Purpose.EDIT, key, read.section)
            await contact.call(lambda: self._t.server.edit(read, edits), about)
            items = await Look(self._t, contact).read({key: read.section})
            # What did not arrive stays ours, and the undo can be asked for again.
            lacking = missed(restores, items.get(key) or read)
            kept |= dict.fromkeys(lacking, "not_kept")
            restores = [each for each in restores if each.field not in lacking]

        def let_go(db: Connection) -> None:
            tokens = {
                # The record's revision that was undone.
                source: settled.token(db, source, record_key) or ""
                for source, record_key in ledger.keys_of(db, read)
            }
            for restore in restores:
                ledger.release(
                    db, read, restore.source, restore.field, tokens.get(restore.source)
                )

        await database.run(let_go)
        return read, sorted({restore.field for restore in restores}), kept
