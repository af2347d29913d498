"""The one path to a plan: find → read → confirm → plan.

The write, the preview, the sweep and undo all take it. What is remembered of where
items are in Plex is only a cache. The read that follows confirms it by path; what it
does not confirm is forgotten, and looked up once more.
"""

import asyncio
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from sqlite3 import Connection

from ..calls.access import CallAccess
from ..calls.guarded_calls import GuardedCalls
from ..calls.side_calls import SideCalls
from ..ledger import (
    item_owner,
    known_items,
    ledger,
    ledger_sources,
    left_alone,
    parts,
    pins,
    seen,
    sources_lead,
)
from ..ledger.row import Ledger, is_for_whoever_comes
from ..model.ports import Item, Items
from ..model.reasons import Reason
from ..model.record import Find, Record
from ..plan.lookup_result import LookupResult, every
from ..plan.plan import make_plan
from .bulk_read import BulkReader
from .common import Common
from .pictures import known_digests
from .search import Search
from .spared_collections import spare_collections

CANDIDATES = 10  # items of an ambiguous match that are worth a read
# The reason of a lookup whose item is gone, or has other files than we remembered. Nobody
# else sees it: the item is looked up once more, and is "not_found" if that fails as well.
_NOT_CONFIRMED = "not_confirmed"
_BREATH = 10  # plans made before the event loop gets its turn


def lookup_of(db: Connection, record: Record) -> LookupResult:
    """Begin to look for a record, with what is known of it."""
    find = pins.find(db, record.source, record.key) or record.find
    return LookupResult(find, record, known_digests(db, record))


class Look:
    """Look at Plex by the calls of one turn, or of one caller that waits.

    Raises CircuitRefusedError, StorageError, and Fault where it is the server's or
    the token's. Whatever else was met stands in the lookups.
    """

    def __init__(
        self,
        common: Common,
        calls: GuardedCalls,
        side_calls: SideCalls | None = None,
        *,
        tries: bool = True,
        skims: bool = False,
    ) -> None:
        """Take the shared parts; ``CallAccess`` says what ``side_calls`` and ``tries`` mean.

        With ``skims`` an item of which all is as an earlier look saw it is left alone:
        see ``LookupResult.is_same``.
        """
        self._common = common
        self._skims = skims
        self.access = CallAccess(
            calls, common.bulkheads, common.clock, side_calls, tries=tries
        )
        self._search = Search(common.server, self.access)
        self._reader = BulkReader(common, self.access)
        self.slowed = self._reader.slowed  # items, as ``BulkReader`` says

    async def find(self, lookups: Iterable[LookupResult]) -> None:
        """Find, read and confirm the items of each lookup: see ``LookupResult.targets``."""
        wanted = [lookup for lookup in lookups if lookup.is_open]
        await self._search.match(wanted)
        if self._skims:
            await self._recall(wanted)
        await self._read_and_confirm(every(wanted))
        lost = [lookup for lookup in wanted if any(map(_is_doubtful, lookup.all))]
        if not lost:
            return
        # What was remembered of them was wrong: look for them once more, by path.
        wrong = [lookup.rating_key for lookup in every(lost) if _is_doubtful(lookup)]
        await self._common.server.forget([key for key in wrong if key])
        for lookup in lost:
            lookup.begin_anew()
        tied = [each for each in lost if each.find.rating_key and each.find.paths]
        for lookup in tied:
            lookup.find = Find(lookup.find.paths)
        await self._search.match(lost)
        for lookup in tied:
            lookup.twins.clear()  # one item was meant
        await self._read_and_confirm(every(lost))
        for lookup in every(lost):
            if _is_doubtful(lookup):
                lookup.miss()

    async def catch_up(self) -> None:
        """Learn of items that came into the libraries without any notice of it."""
        await self._search.catch_up()

    async def _recall(self, lookups: Sequence[LookupResult]) -> None:
        """Recall what was seen of each lookup, if it follows from the same as today."""
        single = [
            (each, each.record)
            for each in lookups
            if each.is_open and not each.twins and each.record is not None
        ]

        def work(db: Connection) -> None:
            order = ledger_sources.in_order(db)
            for lookup, record in single:
                known = seen.find(db, record)
                if known and known.basis == _basis(db, lookup, record, order):
                    lookup.seen = known

        await self._common.database.run(work, durable=False)

    async def refresh(self, lookup: LookupResult) -> None:
        """Read the item of one lookup again, and plan anew."""
        await self._read_and_confirm([lookup])
        if _is_doubtful(lookup):
            lookup.miss()
        if lookup.is_open:
            await self.plan([lookup])

    async def read(
        self, keys: Mapping[str, str], known: Mapping[str, bytes] | None = None
    ) -> Items:
        """Read items, given as rating key → library; ``known`` as in ``Server.read``."""
        return await self._reader.read(keys, known)

    async def plan(self, lookups: Iterable[LookupResult]) -> None:
        """Compute what would be written to the item of each lookup.

        An item that follows another record of the same source ends the look, with
        ``shared_item``.
        """
        found = [
            (lookup, lookup.record, lookup.item)
            for lookup in lookups
            if lookup.record is not None and lookup.item is not None
        ]

        def read_ledger(db: Connection) -> tuple[str, ...]:
            order, lead_once = ledger_sources.in_order(db), sources_lead.stands(db)
            for lookup, record, item in found:
                pins.confirm(db, record, lookup.find, item, self._common.server)
                parts.recognise(db, item)
                lookup.number = number = known_items.find(db, item)
                known: Ledger = {}
                if number is not None:
                    parts.notice(db, item, number)
                    parts.note(db, item, number)
                    known = ledger.rows(db, number)
                key = item_owner.owner(db, item, record, known)
                if key is None and is_for_whoever_comes(known, record):
                    ledger.take_for_undone(db, number, record)
                    known = ledger.rows(db, number)
                lookup.ledger = known
                lookup.leads_once = frozenset()
                if lead_once:
                    lookup.leads_once = sources_lead.fields(db, record, number)
                lookup.left_alone = left_alone.fields(db, record)
                if self._skims:
                    lookup.basis = _basis(db, lookup, record, order)
                if key is not None:
                    lookup.share(key)
            return order

        order = await self._common.database.run(read_ledger, durable=False)
        free = [case for case in found if case[0].item is not None]
        for number, (lookup, record, item) in enumerate(free):
            if number % _BREATH == _BREATH - 1:
                await asyncio.sleep(0)
            lookup.waits, lookup.creates = None, set()
            lookup.plan = make_plan(
                record,
                item,
                lookup.ledger,
                images=lookup.images,
                order=order,
                leads_once=lookup.leads_once,
                left_alone=lookup.left_alone,
            )
        planned = [lookup for lookup, *_ in free]
        await spare_collections(self._common, self.access, planned)

    async def _read_and_confirm(self, lookups: Sequence[LookupResult]) -> None:
        """Believe only in items that were read and have the file."""
        await self._read(lookups)
        for lookup in lookups:
            if lookup.is_open and not (
                lookup.is_same or self._is_it(lookup, lookup.item)
            ):
                lookup.item, lookup.reason = None, _NOT_CONFIRMED

    def _is_it(self, lookup: LookupResult, item: Item | None) -> bool:
        return item is not None and self._common.server.confirms(lookup.find, item)

    async def _read(self, lookups: Sequence[LookupResult]) -> None:
        """Read the items of all lookups, and the candidates of ambiguous ones."""
        known = [
            (key, each) for each in lookups if each.is_open and (key := each.rating_key)
        ]
        doubtful = [each for each in lookups if each.reason == Reason.AMBIGUOUS]
        keys = {key: each.library for key, each in known}
        asked = Counter(key for key, _ in known)
        for each in doubtful:
            candidates = each.candidates[:CANDIDATES]
            keys |= dict.fromkeys(candidates, each.library)
            asked.update(candidates)
        answers = {
            key: each.seen.answer
            for key, each in known
            if each.seen and asked[key] == 1
        }
        items = await self.read(keys, answers if self._skims else None)
        for key, lookup in known:
            if (fault := items.faults.get(key)) is not None:
                lookup.stop(fault)
            else:
                lookup.item = items.get(key)
                lookup.is_same = lookup.item is None and key in items.same
        for lookup in doubtful:
            await self._decide(lookup, items)

    async def _decide(self, lookup: LookupResult, items: Items) -> None:
        """Leave a lookup ambiguous only if several of its candidates have the file."""
        looked = lookup.candidates[:CANDIDATES]
        if any(key in items.faults for key in looked):
            return
        there = [key for key in looked if self._is_it(lookup, items.get(key))]
        gone = [key for key in looked if key not in there]
        if not gone:
            return
        await self._common.server.forget(gone)
        there += lookup.candidates[len(looked) :]  # their turn comes
        if len(there) == 1 and there[0] in items:
            lookup.reason, lookup.candidates = None, ()
            lookup.rating_key, lookup.item = there[0], items[there[0]]
        elif len(there) > 1:
            lookup.candidates = tuple(there)
        else:
            lookup.reason, lookup.rating_key = _NOT_CONFIRMED, None


def _basis(
    db: Connection, lookup: LookupResult, record: Record, order: Sequence[str]
) -> bytes:
    key = lookup.rating_key or ""
    return seen.basis(db, record, lookup.find, lookup.images, key, order)


def _is_doubtful(lookup: LookupResult) -> bool:
    """Return whether a read did not confirm what was remembered of the item."""
    return lookup.reason == _NOT_CONFIRMED
