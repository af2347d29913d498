"""The one path to a plan: find → read → confirm → plan.

The write, the preview, the sweep and undo all take it. What is remembered of where
items are in Plex is only a cache. The read that follows confirms it by path; what it
does not confirm is forgotten, and looked up once more.
"""

import asyncio
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from sqlite3 import Connection

from . import (
    item_owner,
    known_items,
    leading,
    ledger,
    ledger_sources,
    left_alone,
    parts,
    seen,
)
from .access import CallAccess
from .aside import Aside
from .bulk_read import BulkReader
from .common import Common
from .contact import Contact
from .plan import make_plan
from .ports import Items
from .record import Find
from .search import Search
from .sight import Sight, every
from .spared_collections import spare_collections
from .written import is_for_whoever_comes

CANDIDATES = 10  # items of an ambiguous match that are worth a read
_BREATH = 10  # plans made before the event loop gets its turn


class Look:
    """Look at Plex through one contact.

    Raises CircuitRefusedError, StorageError, and Fault where it is the server's or
    the token's. Whatever else was met stands in the sights.
    """

    def __init__(
        self,
        common: Common,
        contact: Contact,
        aside: Aside | None = None,
        *,
        tries: bool = True,
        skims: bool = False,
    ) -> None:
        """Take what to look with; ``CallAccess`` says what ``aside`` and ``tries`` mean.

        With ``skims`` an item of which all is as an earlier look saw it is left alone:
        see ``Sight.is_same``.
        """
        self._common = common
        self._skims = skims
        self.access = CallAccess(
            contact, common.bulkheads, common.clock, aside, tries=tries
        )
        self._search = Search(common.server, self.access)
        self._reader = BulkReader(common.server, self.access, common.bulk, common.clock)

    async def find(self, sights: Iterable[Sight]) -> None:
        """Find, read and confirm the items of each sight: see ``Sight.targets``."""
        wanted = [sight for sight in sights if sight.is_open]
        await self._search.match(wanted)
        if self._skims:
            await self._recall(wanted)
        await self._read_and_confirm(every(wanted))
        lost = [sight for sight in wanted if any(map(_is_doubtful, sight.all))]
        if not lost:
            return
        # What was remembered of them was wrong: look for them once more, by path.
        wrong = [sight.rating_key for sight in every(lost) if _is_doubtful(sight)]
        await self._common.server.forget([key for key in wrong if key])
        for sight in lost:
            sight.begin_anew()
        tied = [sight for sight in lost if sight.find.rating_key and sight.find.paths]
        for sight in tied:
            sight.find = Find(sight.find.paths)
        await self._search.match(lost)
        for sight in tied:
            sight.twins.clear()  # one item was meant
        await self._read_and_confirm(every(lost))
        for sight in every(lost):
            if _is_doubtful(sight):
                sight.miss()

    async def catch_up(self) -> None:
        """Learn of items that came unheard, of which nothing that is known tells."""
        await self._search.catch_up()

    async def _recall(self, sights: Sequence[Sight]) -> None:
        """Recall what was seen of each sight, if it follows from the same as today."""
        single = [each for each in sights if each.is_open and not each.twins]

        def work(db: Connection) -> None:
            seen.begin(db)
            order = ledger_sources.in_order(db)
            for sight in single:
                assert sight.record is not None
                known = seen.find(db, sight.record)
                if known is not None and known.basis == _basis(db, sight, order):
                    sight.seen = known

        await self._common.database.run(work, durable=False)

    async def refresh(self, sight: Sight) -> None:
        """Read the item of one sight again, and plan anew."""
        await self._read_and_confirm([sight])
        if _is_doubtful(sight):
            sight.miss()
        if sight.is_open:
            await self.plan([sight])

    async def read(
        self, keys: Mapping[str, str], known: Mapping[str, bytes] | None = None
    ) -> Items:
        """Read items, given as rating key → library; ``known`` as in ``Server.read``."""
        return await self._reader.read(keys, known)

    async def plan(self, sights: Iterable[Sight]) -> None:
        """Compute what would be written to the item of each sight.

        An item that follows another record of the same source ends the look, with
        ``shared_item``.
        """
        found = [sight for sight in sights if sight.item is not None]

        def read_ledger(db: Connection) -> tuple[str, ...]:
            order, leads = ledger_sources.in_order(db), leading.stands(db)
            for sight in found:
                sight.leads = frozenset()
                assert sight.item is not None
                assert sight.record is not None
                parts.recognise(db, sight.item)
                parts.notice(db, sight.item)
                parts.note(db, sight.item)
                known = ledger.rows(db, sight.item)
                key = item_owner.owner(db, sight.item, sight.record, known)
                if key is None and is_for_whoever_comes(known, sight.record):
                    ledger.take_for_undone(db, sight.item, sight.record)
                    known = ledger.rows(db, sight.item)
                sight.ledger = known
                if leads:
                    number = known_items.find(db, sight.item)
                    sight.leads = leading.fields(db, sight.record, number)
                sight.left_alone = left_alone.fields(db, sight.record)
                if self._skims:
                    sight.basis = _basis(db, sight, order)
                if key is not None:
                    sight.share(key)
            return order

        order = await self._common.database.run(read_ledger, durable=False)
        planned = [sight for sight in found if sight.item is not None]
        for number, sight in enumerate(planned):
            if number % _BREATH == _BREATH - 1:
                await asyncio.sleep(0)
            assert sight.item is not None
            assert sight.record is not None
            sight.waits, sight.creates = None, set()
            sight.plan = make_plan(
                sight.record,
                sight.item,
                sight.ledger,
                images=sight.images,
                order=order,
                leads=sight.leads,
                left_alone=sight.left_alone,
            )
        await spare_collections(self._common, self.access, planned)

    async def _read_and_confirm(self, sights: Sequence[Sight]) -> None:
        await self._read(sights)
        for sight in sights:
            self._confirm(sight)

    async def _read(self, sights: Sequence[Sight]) -> None:
        """Read the items of all sights, and the candidates of ambiguous ones."""
        known = [sight for sight in sights if sight.is_open and sight.rating_key]
        doubtful = [sight for sight in sights if sight.reason == "ambiguous"]
        keys = {sight.rating_key: sight.library for sight in known}
        for sight in doubtful:
            keys |= dict.fromkeys(sight.candidates[:CANDIDATES], sight.library)
        asked = Counter(sight.rating_key for sight in known)
        asked.update(key for each in doubtful for key in each.candidates)
        answers = {
            sight.rating_key: sight.seen.answer
            for sight in known
            if sight.rating_key and sight.seen and asked[sight.rating_key] == 1
        }
        try:
            wanted = {key: lib for key, lib in keys.items() if key}
            items = await self.read(wanted, answers if self._skims else None)
        finally:
            for sight in sights:
                sight.slowed = sight.rating_key in self._reader.slowed
        for sight in known:
            assert sight.rating_key is not None
            if (fault := items.faults.get(sight.rating_key)) is not None:
                sight.stop(fault)
            else:
                sight.item = items.get(sight.rating_key)
                sight.is_same = sight.item is None and sight.rating_key in items.same
        for sight in doubtful:
            await self._decide(sight, items)

    async def _decide(self, sight: Sight, items: Items) -> None:
        """Leave a sight ambiguous only if several of its candidates have the file."""
        looked = sight.candidates[:CANDIDATES]
        if any(key in items.faults for key in looked):
            return
        there = [
            key
            for key in looked
            if key in items and self._common.server.confirms(sight.find, items[key])
        ]
        gone = [key for key in looked if key not in there]
        if not gone:
            return
        await self._common.server.forget(gone)
        if len(sight.candidates) > len(looked):
            there += sight.candidates[len(looked) :]  # their turn comes
        if len(there) == 1 and there[0] in items:
            sight.reason, sight.candidates = None, ()
            sight.rating_key, sight.item = there[0], items[there[0]]
        elif len(there) > 1:
            sight.candidates = tuple(there)
        else:
            sight.reason, sight.rating_key = "not_confirmed", None

    def _confirm(self, sight: Sight) -> None:
        """Believe only in an item that was read and has the file."""
        if sight.is_same or not sight.is_open:
            return
        if sight.item is None or not self._common.server.confirms(
            sight.find, sight.item
        ):
            sight.item, sight.reason = None, "not_confirmed"


def _basis(db: Connection, sight: Sight, order: Sequence[str]) -> bytes:
    assert sight.record is not None
    key = sight.rating_key or ""
    return seen.basis(db, sight.record, sight.find, sight.images, key, order)


def _is_doubtful(sight: Sight) -> bool:
    """Return whether a read did not confirm what was remembered of the item."""
    return sight.reason == "not_confirmed"
