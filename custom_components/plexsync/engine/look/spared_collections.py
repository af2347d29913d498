"""Leave an item in a collection that is not ours and would vanish without it.

Plex deletes a collection when its last member leaves it. One that we created may
go that way; one that a person made must not, and no undo is an exception.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace

from ..calls.access import CallAccess
from ..calls.judge import About, Purpose
from ..ledger import created_collections
from ..ledger.row import row_of
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


async def spared_at_undo(
    common: Common, access: CallAccess, item: Item, remove: Collection[str]
) -> set[str]:
    """Name the collections, out of some, that an item may not leave at an undo.

    Raises Fault where nobody knows how many members they have.
    """
    created = await common.database.run(
        lambda db: created_collections.titles(db, item.section), durable=False
    )
    if created.issuperset(map(fold, remove)):
        return set()
    sizes = await _count_members(common, access, item)
    if isinstance(sizes, Fault):
        raise sizes
    return {name for name in _last_ones(remove, sizes) if fold(name) not in created}


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
    spared = [n for n in _last_ones(change.remove, sizes) if fold(n) in theirs]
    if spared:
        lookup.plan = _keep_members(lookup, change, spared)


def _last_ones(names: Iterable[str], sizes: _Sizes) -> list[str]:
    """Return those of which an item is the last member."""
    # What nobody knows is not the item's alone.
    return [n for n in names if sizes.get(n, sizes.get(fold(n), 2)) <= 1]


def _keep_members(
    lookup: LookupResult, change: Change, spared: Collection[str]
) -> Plan:
    """Take some removals out of one change of a plan, and say why.

    Where we put the item, it is there for us: it leaves once it is not the last one.
    """
    assert lookup.record is not None
    plan = lookup.plan
    row = row_of(lookup.ledger.get(change.field, ()), lookup.record.source)
    known = {n for v in (row.value, *row.meant) for n in by_name(v)} if row else set()
    ours = [name for name in spared if fold(name) in known]
    after = (*(members_of(change.after) or ()), *spared)
    own = (*(members_of(change.own) or ()), *ours) or None
    remove = tuple(name for name in change.remove if name not in spared)
    smaller = replace(change, after=after, own=own, remove=remove)
    rest = plan.without({change.field})
    if remove or by_name(after).keys() != by_name(change.before).keys():
        rest = replace(rest, changes=(*rest.changes, smaller))
    return replace(rest, kept={**plan.kept, change.field: Kept.LAST_MEMBER})
