"""The one path to a plan: match → read → confirm → plan.

The write, the preview, the sweep and undo all walk it. What is remembered of Plex
(index, rating keys, pins, candidates) is a cache: the read confirms it by path, and
what does not hold is forgotten and looked up once more.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from random import Random
from sqlite3 import Connection
from typing import Any

from . import ledger
from .bulkheads import Bulkheads, shut
from .clock import Clock
from .contact import Contact
from .database import Database
from .judge import About, Purpose
from .plan import Change, Kept, Ledger, Plan, make_plan
from .ports import Images, Item, Items, Match, Server
from .record import Find, Record
from .retry import Fault, FaultClass, RetryPolicy
from .together import together

AT_ONCE = 8  # reads of single items side by side
CANDIDATES = 10  # of an ambiguous match that are worth reading


@dataclass(slots=True)
class Settings:
    """What outer rings set while the engine runs."""

    fill_only: dict[str, frozenset[str]] = field(default_factory=dict)

    def fills(self, source: str) -> frozenset[str]:
        """Name the fields that a source only fills where Plex has nothing."""
        return self.fill_only.get(source, frozenset())


@dataclass(frozen=True, slots=True)
class Tools:
    """What a look, and a turn of the worker, work with."""

    database: Database
    server: Server
    images: Images
    clock: Clock
    random: Random
    retry: RetryPolicy
    settings: Settings
    bulkheads: Bulkheads
    voided: Mapping[str, float]  # rating key → monotonic time of somebody else's edit
    in_hand: set[str] = field(
        default_factory=set
    )  # rating keys that somebody writes to


@dataclass(slots=True)
class Sight:
    """What a look finds of one record, or of one way to find an item.

    Without ``item`` there is a ``reason``, and the ``fault`` where one is behind it.
    ``waits`` is why a part of the plan, the collections, had to be left out.
    """

    find: Find
    record: Record | None = None
    images: Mapping[str, str] = field(default_factory=dict)  # field → digest
    waited_for: str | None = None  # the kind of call that this waited for so far
    rating_key: str | None = None
    library: str = ""
    item: Item | None = None
    reason: str | None = None
    candidates: tuple[str, ...] = ()
    fault: Fault | None = None
    ledger: Ledger = field(default_factory=dict)
    plan: Plan = field(default_factory=Plan)
    waits: Fault | None = None
    creates: set[str] = field(
        default_factory=set
    )  # collections that a write would make

    @property
    def is_open(self) -> bool:
        """Say whether nothing has kept this from its item so far."""
        return self.reason is None

    def stop(self, fault: Fault) -> None:
        """Note what kept it from its item."""
        self.fault, self.reason, self.item = fault, fault.reason, None

    def miss(self, reason: str = "not_found") -> None:
        """Note that there is no such item."""
        self.fault, self.reason, self.item = None, reason, None


class Look:
    """Look at Plex through one contact.

    Raises CircuitRefusedError, StorageError, and Fault where it is the server's or
    the token's; everything else stands in the sights.
    """

    def __init__(self, tools: Tools, contact: Contact) -> None:
        """Take what to look with."""
        self._t = tools
        self._contact = contact

    async def find(self, sights: Iterable[Sight]) -> None:
        """Find, read and confirm the item of each."""
        wanted = [sight for sight in sights if sight.is_open]
        await self._match(wanted)
        await self._read_and_confirm(wanted)
        # A rating key was a cache, and it was wrong: look again by path.
        lost = [sight for sight in wanted if sight.reason == "not_confirmed"]
        if not lost:
            return
        await self._t.server.forget([s.rating_key for s in lost if s.rating_key])
        for sight in lost:
            sight.reason, sight.rating_key = None, None
        await self._match(lost)
        await self._read_and_confirm(lost)
        for sight in lost:
            if sight.reason == "not_confirmed":
                sight.miss()

    async def refresh(self, sight: Sight) -> None:
        """Read the item of one sight again, and plan anew."""
        await self._read([sight])
        self._confirm(sight)
        if sight.reason == "not_confirmed":
            sight.miss()
        if sight.is_open:
            await self.plan([sight])

    # -- match -----------------------------------------------------------------------

    async def _match(self, sights: Sequence[Sight]) -> None:
        if not sights:
            return
        now = self._t.clock.monotonic()
        avoid = self._t.bulkheads.shut("listing", now)
        try:
            matches = await self._contact.call(
                lambda: self._t.server.match([sight.find for sight in sights], avoid),
                About(Purpose.LISTING),
            )
        except Fault as fault:
            if fault.kept_from is None and fault.kind is not FaultClass.ITEM:
                raise
            for sight in sights:
                sight.stop(fault)
            return
        verdicts = await self._judge_listings(matches, sights, avoid)
        for sight, match in zip(sights, matches, strict=True):
            self._take(sight, match, verdicts)

    async def _judge_listings(
        self, matches: Sequence[Match], sights: Sequence[Sight], avoid: frozenset[str]
    ) -> dict[str, Fault]:
        """Say why libraries could not be looked through."""
        verdicts: dict[str, Fault] = {}
        for match in matches:
            if match.fault is not None and match.library not in verdicts:
                library = match.library or ""
                fault = await self._contact.judged(
                    match.fault, About(Purpose.LISTING, library=library)
                )
                if self._contact.refused is not None:
                    raise fault
                verdicts[library] = fault
        for library in avoid - verdicts.keys():
            kind = About(Purpose.LISTING, library=library).bulkhead
            verdicts[library] = shut(kind)
        for kind in {sight.waited_for for sight in sights if sight.waited_for}:
            group, _, library = kind.partition(":")
            if group == "listing" and library not in verdicts:
                self._contact.worked(About(Purpose.LISTING, library=library))
        return verdicts

    def _take(self, sight: Sight, match: Match, verdicts: dict[str, Fault]) -> None:
        sight.rating_key, sight.candidates = match.rating_key, match.candidates
        sight.library = match.library or ""
        if match.rating_key is not None:
            return
        if sight.library in verdicts and match.library is not None:
            sight.stop(verdicts[sight.library])
        else:
            sight.miss(match.reason or "not_found")

    # -- read and confirm --------------------------------------------------------------

    async def _read_and_confirm(self, sights: Sequence[Sight]) -> None:
        await self._read(sights)
        for sight in sights:
            self._confirm(sight)

    def _confirm(self, sight: Sight) -> None:
        """Believe what the read shows, and nothing that is only remembered."""
        if sight.is_open and (
            sight.item is None or not self._t.server.confirms(sight.find, sight.item)
        ):
            sight.item, sight.reason = None, "not_confirmed"

    async def _read(self, sights: Sequence[Sight]) -> None:
        """Read the items in shared requests, candidates of ambiguous ones as well."""
        known = [sight for sight in sights if sight.is_open and sight.rating_key]
        doubtful = [sight for sight in sights if sight.reason == "ambiguous"]
        keys = {sight.rating_key: sight.library for sight in known}
        for sight in doubtful:
            keys |= dict.fromkeys(sight.candidates[:CANDIDATES], sight.library)
        items = await self.read({key: lib for key, lib in keys.items() if key})
        for sight in known:
            assert sight.rating_key is not None
            if (fault := items.faults.get(sight.rating_key)) is not None:
                sight.stop(fault)
            else:
                sight.item = items.get(sight.rating_key)
        for sight in doubtful:
            await self._decide(sight, items)

    async def _decide(self, sight: Sight, items: Items) -> None:
        """Believe in several items only where they are all there, with the file."""
        looked = sight.candidates[:CANDIDATES]
        if any(key in items.faults for key in looked):
            return
        there = [
            key
            for key in looked
            if key in items and self._t.server.confirms(sight.find, items[key])
        ]
        gone = [key for key in looked if key not in there]
        if not gone or len(sight.candidates) > len(looked):
            return
        await self._t.server.forget(gone)
        if len(there) == 1:
            sight.reason, sight.candidates = None, ()
            sight.rating_key, sight.item = there[0], items[there[0]]
        elif there:
            sight.candidates = tuple(there)
        else:
            sight.reason, sight.rating_key = "not_confirmed", None

    async def read(self, keys: Mapping[str, str]) -> Items:
        """Read items by rating key (→ library); in bulk, and alone what breaks that."""
        found = Items()
        if not keys:
            return found
        try:
            about = self._about(keys) if len(keys) == 1 else About(Purpose.READ)
            read = await self._contact.call(
                lambda: self._t.server.read(list(keys)), about
            )
        except Fault as fault:
            if self._contact.refused is not None:
                raise
            if len(keys) == 1:
                if fault.kind is not FaultClass.ITEM or fault.reason != "not_found":
                    found.faults |= dict.fromkeys(keys, fault)
                return found
        else:
            return read
        waiting = dict(keys)

        async def alone() -> None:
            while waiting and self._contact.refused is None:
                key, library = waiting.popitem()
                one = {key: library}
                kind = self._about(one).bulkhead
                if not self._t.bulkheads.admit(kind, self._t.clock.monotonic()):
                    found.faults[key] = shut(kind)
                    continue
                part = await self.read(one)
                found.update(part)
                found.faults |= part.faults

        await together(alone() for _ in range(min(AT_ONCE, len(keys))))
        return found

    @staticmethod
    def _about(key: Mapping[str, str]) -> About:
        ((item, library),) = key.items()
        return About(Purpose.READ, item=item, library=library)

    # -- plan --------------------------------------------------------------------------

    async def plan(self, sights: Iterable[Sight]) -> None:
        """Compute what would be written to the item of each."""
        planned = [sight for sight in sights if sight.item is not None]

        def read_ledger(db: Connection) -> None:
            for sight in planned:
                assert sight.item is not None
                sight.ledger = ledger.rows(db, sight.item)

        await self._t.database.run(read_ledger, durable=False)
        for number, sight in enumerate(planned):
            if number % 10 == 9:
                await asyncio.sleep(0)  # a hundred plans in a row would be a pause
            assert sight.item is not None
            assert sight.record is not None
            sight.waits, sight.creates = None, set()
            sight.plan = make_plan(
                sight.record,
                sight.item,
                sight.ledger,
                images=sight.images,
                fill_only=self._t.settings.fills(sight.record.source),
            )
        await self._spare_collections(planned)

    async def _spare_collections(self, sights: Sequence[Sight]) -> None:
        """Leave an item in a collection that would vanish and is not ours.

        What there is already is asked once a library, and only where it is not known
        that we created it.
        """
        concerned = [
            (sight, sight.item, change)
            for sight in sights
            if sight.item is not None
            and (change := _change_of(sight.plan, "collections")) is not None
        ]
        if not concerned:
            return
        sections = {item.section for _, item, _ in concerned}
        created = await self._t.database.run(
            lambda db: {
                uuid: ledger.created_collections(db, uuid) for uuid in sections
            },
            durable=False,
        )
        sizes: dict[str, dict[str, int] | Fault] = {}
        for sight, item, change in concerned:
            ours = created[item.section]
            if not change.remove and _names(change.after) <= ours:
                continue
            if item.section not in sizes:
                sizes[item.section] = await self._collections(item)
            if isinstance(counts := sizes[item.section], Fault):
                sight.plan, sight.waits = _put_off(sight.plan, change), counts
                continue
            sight.creates = _names(change.after) - counts.keys() - ours
            ours |= sight.creates
            spared = tuple(
                name
                for name in change.remove
                if name.casefold() in _names(change.before) - ours
                and counts.get(name.casefold(), 2) <= 1
            )
            if spared:
                sight.plan = _without(sight.plan, change, spared)

    async def _collections(self, item: Item) -> dict[str, int] | Fault:
        """Count the members of each collection in an item's library, or say why not."""
        about = About(Purpose.COLLECTIONS, library=item.section)
        if not self._t.bulkheads.admit(about.bulkhead, self._t.clock.monotonic()):
            return shut(about.bulkhead)
        try:
            found = await self._contact.call(
                lambda: self._t.server.collections(item), about
            )
        except Fault as fault:
            if self._contact.refused is not None:
                raise
            return fault
        return {title.casefold(): size for title, size in found.items()}


def _change_of(plan: Plan, name: str) -> Change | None:
    return next((change for change in plan.changes if change.field == name), None)


def _members(value: Any) -> tuple[str, ...]:
    return value if isinstance(value, tuple) else ()


def _names(value: Any) -> set[str]:
    return {name.casefold() for name in _members(value)}


def _put_off(plan: Plan, change: Change) -> Plan:
    """Take one change out of a plan for now."""
    return replace(
        plan, changes=tuple(each for each in plan.changes if each is not change)
    )


def _without(plan: Plan, change: Change, spared: tuple[str, ...]) -> Plan:
    """Take removals out of a plan."""
    after = (*_members(change.after), *spared)
    remove = tuple(name for name in change.remove if name not in spared)
    rest = tuple(other for other in plan.changes if other is not change)
    kept: Mapping[str, Kept] = {**plan.kept, change.field: Kept.LAST_MEMBER}
    smaller = replace(change, after=after or None, remove=remove)
    if not remove and _names(after) == _names(change.before):
        return replace(plan, changes=rest, kept=kept)
    return replace(plan, changes=(*rest, smaller), kept=kept)
