"""Leave an item in a collection that is not ours and would vanish without it.

Plex deletes a collection when its last member leaves it. One that we created may
go that way; one that a person made must not.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..calls.access import CallAccess
from ..calls.judge import About, Purpose
from ..ledger import created_collections
from ..model.change import Change, Kept
from ..model.faults import Fault
from ..model.ports import Item
from ..plan.lookup_result import LookupResult
from ..plan.plan import Plan
from ..util.concurrency import run_all
from .common import Common


class Sizes:
    """How many members the collections of a library have, by title."""

    def __init__(self, exact: Mapping[str, int]) -> None:
        """Take the counts; of titles that differ by case alone the smaller one is safe."""
        self._exact = exact
        self.folded: dict[str, int] = {}
        for title, size in exact.items():
            known = self.folded.get(title.casefold(), 0)
            self.folded[title.casefold()] = min(size or known, known or size)

    def of(self, title: str) -> int:
        """Return the size of one; what nobody knows is not the item's alone."""
        return self._exact.get(title, self.folded.get(title.casefold(), 2))


@dataclass(frozen=True, slots=True)
class _Case:
    """One plan that changes the collections of an item."""

    lookup: LookupResult
    item: Item
    change: Change

    def is_harmless(self, ours: set[str]) -> bool:
        """Return whether it takes nothing away and adds only to what we created."""
        return not self.change.remove and _names(self.change.after) <= ours


async def spare_collections(
    common: Common, access: CallAccess, lookups: Sequence[LookupResult]
) -> None:
    """Take removals out of plans where they would empty a collection of others.

    How many members the collections have is asked once for each library, and only
    when a plan may do harm.
    """
    cases = list(_cases(lookups))
    if not cases:
        return
    libraries = {case.item.section for case in cases}
    created = await common.database.run(
        lambda db: {uuid: created_collections.titles(db, uuid) for uuid in libraries},
        durable=False,
    )
    unsure = [
        case for case in cases if not case.is_harmless(created[case.item.section])
    ]
    sizes: dict[str, Sizes | Fault] = {}

    async def count(item: Item) -> None:
        sizes[item.section] = await _count_members(common, access, item)

    asked = {case.item.section: case.item for case in unsure}
    await run_all(count(item) for item in asked.values())
    for case in unsure:
        _spare(case, sizes[case.item.section], created[case.item.section])


def _cases(lookups: Sequence[LookupResult]) -> Iterable[_Case]:
    for lookup in lookups:
        for change in lookup.plan.changes:
            if lookup.item is not None and change.field == "collections":
                yield _Case(lookup, lookup.item, change)


async def _count_members(
    common: Common, access: CallAccess, item: Item
) -> Sizes | Fault:
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
    return Sizes(found)


def _spare(case: _Case, sizes: Sizes | Fault, ours: set[str]) -> None:
    """Take out of one plan what would do harm, or all of it while that is not known.

    ``ours`` are the collections that we created; those that this plan creates are
    added to it.
    """
    lookup, change = case.lookup, case.change
    if case.is_harmless(ours):
        return
    if isinstance(sizes, Fault):
        lookup.plan, lookup.waits = _without(lookup.plan, change), sizes
        return
    lookup.creates = _names(change.after) - sizes.folded.keys() - ours
    ours |= lookup.creates
    theirs = _names(change.before) - ours
    spared = tuple(
        name
        for name in change.remove
        if name.casefold() in theirs and sizes.of(name) <= 1
    )
    if spared:
        lookup.plan = _keep_members(lookup.plan, change, spared)


def _without(plan: Plan, change: Change) -> Plan:
    """Take one change out of a plan."""
    rest = tuple(other for other in plan.changes if other is not change)
    return replace(plan, changes=rest)


def _keep_members(plan: Plan, change: Change, spared: tuple[str, ...]) -> Plan:
    """Take some removals out of one change of a plan, and say why."""
    after = (*_members(change.after), *spared)
    remove = tuple(name for name in change.remove if name not in spared)
    kept: Mapping[str, Kept] = {**plan.kept, change.field: Kept.LAST_MEMBER}
    smaller = replace(change, after=after or None, remove=remove)
    rest = replace(_without(plan, change), kept=kept)
    if not remove and _names(after) == _names(change.before):
        return rest
    return replace(rest, changes=(*rest.changes, smaller))


def _members(value: Any) -> tuple[str, ...]:
    return value if isinstance(value, tuple) else ()


def _names(value: Any) -> set[str]:
    return {name.casefold() for name in _members(value)}
