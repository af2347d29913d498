"""Let an item whose record is gone follow another record of its files.

Stash merges two scenes, for example: the one that stays takes over.
"""

import asyncio
from collections.abc import Sequence
from sqlite3 import Connection

from ..ledger import item_owner
from ..model.faults import Fault
from ..model.ports import Item
from ..model.record import Record
from ..plan.lookup_result import LookupResult
from .common import Common
from .look import Look

_DEADLINE = 10.0  # seconds that a source may take to answer


async def seek_next_owners(
    common: Common, look: Look, lookups: Sequence[LookupResult]
) -> None:
    """Let items follow another record where theirs is gone, or has none of their files.

    Looks at the lookups that ended with ``shared_item``; those that may go on are
    planned anew. Where a source does not answer, all stays as it is.
    """
    shared: dict[str, list[tuple[LookupResult, Record, Item, str]]] = {}
    for lookup in lookups:
        record = lookup.record
        if record is None or lookup.shared is None or common.is_held(record.source):
            continue  # nothing of a source that is held moves from one record to another
        case = lookup, record, *lookup.shared
        shared.setdefault(record.source, []).append(case)
    next_owners: list[tuple[LookupResult, Record, Item]] = []
    for source, cases in shared.items():
        try:
            async with asyncio.timeout(_DEADLINE):
                records = await common.fresh(source, list({key for *_, key in cases}))
        except Fault, TimeoutError:
            continue  # each may still have its item; a sweep asks again
        next_owners += [
            (lookup, record, item)
            for lookup, record, item, key in cases
            if (owner := records.get(key)) is not None
            and not _still_has(common, owner, item)
        ]
    if not next_owners:
        return

    def hand_over(db: Connection) -> None:
        for lookup, record, item in reversed(next_owners):
            item_owner.hand_over(db, lookup.number, item, record)

    await common.database.run(hand_over)
    for lookup, _, item in next_owners:
        lookup.shared, lookup.reason, lookup.item = None, None, item
    # Of several records that may follow one item the first one does; the others share it now.
    await look.plan(lookup for lookup, *_ in next_owners)


def _still_has(common: Common, owner: Record | str, item: Item) -> bool:
    """Return whether an item's owner is still there, with a file of it."""
    return not isinstance(owner, str) and common.server.confirms(owner.find, item)
