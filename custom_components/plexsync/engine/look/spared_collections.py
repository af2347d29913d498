"""Leave an item in a collection that is not ours and would vanish without it.

Plex deletes a collection when its last member leaves it. One that we created may
go that way; one that a person made must not.
"""

from collections.abc import Collection, Sequence
from dataclasses import replace

from ..calls.access import CallAccess
from ..calls.judge import About, Purpose
from ..ledger import created_collections
from ..model.change import Change, Kept
from ..model.compare import by_name, fold, members_of
from ..model.faults import Fault
from ..model.ports import Item
from ..plan.lookup_result import LookupResult
from ..plan.plan import Plan
from ..util.concurrency import run_all
from .common import Common

# How many members the collections of a library have, by title and by folded title.
type _Sizes = dict[str, int]


async def spare_collections(
    common: Common, access: CallAccess, lookups: Sequence[LookupResult]
) -> None:
    """Take removals out of plans where they would empty a collection of others.

    How many members the collections have is asked once for each library, and only
    when a plan may do harm.
    """
    cases = [
        (lookup, lookup.item, change)
        for lookup in lookups
        for change in lookup.plan.changes
        if lookup.item is not None and change.field == "collections"
    ]
    if not cases:
        return
    libraries = {item.section for _, item, _ in cases}
    created = await common.database.run(
        lambda db: {uuid: created_collections.titles(db, uuid) for uuid in libraries},
        durable=False,
    )
    # What takes nothing away, and adds only to what we created, does no harm.
    unsure = [
        (lookup, item, change)
        for lookup, item, change in cases
        if change.remove or not by_name(change.after).keys() <= created[item.section]
    ]
    sizes: dict[str, _Sizes | Fault] = {}

    async def count(item: Item) -> None:
        sizes[item.section] = await _count_members(common, access, item)

    asked = {item.section: item for _, item, _ in unsure}
    await run_all(count(item) for item in asked.values())
    for lookup, item, change in unsure:
        _spare(lookup, change, sizes[item.section], created[item.section])


async def _count_members(
    common: Common, access: CallAccess, item: Item
) -> _Sizes | Fault:
    """Count the members of each collection in an item's library, or say why not."""
    about = About(Purpose.COLLECTIONS, library=item.section)
    if not access.may(about.bulkhead):
        return access.why_not(about.bulkhead)
    try:
        found = await access.beside(
            about.bulkhead,
            lambda calls: calls.make(lambda: common.server.collections(item), about),
        )
    except Fault as fault:
        if access.calls.refused is not None:
            raise
        return fault
    if found is None:
        return access.why_not(about.bulkhead)
    sizes: _Sizes = {}
    for title, size in found.items():
        # Of titles that differ by case alone the smaller one is safe.
        sizes[fold(title)] = min(size, sizes.get(fold(title), size))
    return sizes | found


def _spare(
    lookup: LookupResult, change: Change, sizes: _Sizes | Fault, ours: set[str]
) -> None:
    """Take out of one plan what would do harm, or all of it while that is not known.

    ``ours`` are the collections that we created; those that this plan creates are
    added to it.
    """
    if isinstance(sizes, Fault):
        lookup.plan, lookup.waits = lookup.plan.without({change.field}), sizes
        return
    lookup.creates = by_name(change.after).keys() - sizes.keys() - ours
    ours |= lookup.creates
    theirs = by_name(change.before).keys() - ours
    spared = [
        name
        for name in change.remove
        # What nobody knows is not the item's alone.
        if fold(name) in theirs and sizes.get(name, sizes.get(fold(name), 2)) <= 1
    ]
    if spared:
        lookup.plan = _keep_members(lookup.plan, change, spared)


def _keep_members(plan: Plan, change: Change, spared: Collection[str]) -> Plan:
    """Take some removals out of one change of a plan, and say why."""
    after = (*(members_of(change.after) or ()), *spared)
    remove = tuple(name for name in change.remove if name not in spared)
    smaller = replace(change, after=after, remove=remove)
    rest = plan.without({change.field})
    if remove or by_name(after).keys() != by_name(change.before).keys():
        rest = replace(rest, changes=(*rest.changes, smaller))
    return replace(rest, kept={**plan.kept, change.field: Kept.LAST_MEMBER})
