"""The one path to a plan: match → read → confirm → plan.

The write, the preview, the sweep and undo all walk it. What is remembered of Plex
(index, rating keys, pins, candidates) is a cache: the read confirms it by path, and
what does not hold is forgotten and looked up once more.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from random import Random
from sqlite3 import Connection
from typing import Any

from . import ledger
from .aside import Aside
from .bulkheads import Bulkheads
from .clock import Clock
from .contact import CircuitRefusedError, Contact
from .database import Database
from .judge import About, Purpose
from .plan import Change, Kept, Ledger, Plan, make_plan
from .ports import Images, Item, Items, Match, Server
from .record import Find, Record
from .retry import Fault, FaultClass, RetryPolicy
from .search import kind_of, search
from .together import together

ALONE = 600.0  # seconds that items are read alone after a shared read was refused
AT_ONCE = 8  # reads of single items side by side
_HALVINGS = 3  # that bring nothing, for each part that could be read
CANDIDATES = 10  # of an ambiguous match that are worth reading


@dataclass(slots=True)
class Settings:
    """What outer rings set while the engine runs."""

    fill_only: dict[str, frozenset[str]] = field(default_factory=dict)

    def fills(self, source: str) -> frozenset[str]:
        """Name the fields that a source only fills where Plex has nothing."""
        return self.fill_only.get(source, frozenset())


@dataclass(slots=True)
class Bulk:
    """How many items may be read in one request."""

    most: int = 100  # in one request
    off_until: float = float("-inf")  # monotonic seconds

    def turn_off(self, now: float) -> None:
        """Read alone for a while: one of them may be what asks us to slow down."""
        self.off_until = now + ALONE

    def is_off(self, now: float) -> bool:
        """Say whether items are to be read alone."""
        return now < self.off_until


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
    bulk: Bulk = field(default_factory=Bulk)
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
    rating_key: str | None = None
    library: str = ""
    item: Item | None = None
    reason: str | None = None
    candidates: tuple[str, ...] = ()
    fault: Fault | None = None
    ledger: Ledger = field(default_factory=dict)
    plan: Plan = field(default_factory=Plan)
    waits: Fault | None = None
    slowed: bool = False  # its own read was asked to wait
    # Collections that a write would make.
    creates: set[str] = field(default_factory=set)

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
        """Give the size of one; what nobody knows is not the item's alone."""
        return self._exact.get(title, self.folded.get(title.casefold(), 2))


class Look:
    """Look at Plex through one contact.

    Raises CircuitRefusedError, StorageError, and Fault where it is the server's or
    the token's; everything else stands in the sights.
    """

    def __init__(
        self,
        tools: Tools,
        contact: Contact,
        aside: Aside | None = None,
        *,
        tries: bool = True,
    ) -> None:
        """Take what to look with; with ``aside`` no call that takes long is waited for.

        Without ``tries`` nothing is asked of what fails, not even now and then.
        """
        self._t = tools
        self._contact = contact
        self._tries = tries
        self._aside = aside
        self._slowed: set[str] = set()  # items whose read was asked to wait

    def may(self, kind: str) -> bool:
        """Say whether a call of this kind may be made now."""
        bulkheads = self._t.bulkheads
        if self._tries:
            return bulkheads.admit(kind, self._t.clock.monotonic())
        return not bulkheads.is_shut(kind)

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
        """Recall where items are, and search for those of which nothing is known."""
        if not sights:
            return
        server, bulkheads = self._t.server, self._t.bulkheads
        matches = await server.recall([sight.find for sight in sights])
        unknown: list[Sight] = []
        now = self._t.clock.monotonic()
        avoid = bulkheads.shut("listing", now if self._tries else None)
        for sight, match in zip(sights, matches, strict=True):
            if match.rating_key or match.reason:
                _take(sight, match, {}, bulkheads)
            elif (match.library or "") in avoid:
                sight.stop(bulkheads.why(kind_of(match.library)))
            else:
                sight.library = match.library or ""
                unknown.append(sight)
        if not unknown:
            return
        kinds: dict[str, list[Sight]] = {}
        for sight in unknown:
            kinds.setdefault(kind_of(sight.library), []).append(sight)
        await together(self._search(kind, of, avoid) for kind, of in kinds.items())

    async def _search(
        self, kind: str, sights: Sequence[Sight], avoid: frozenset[str]
    ) -> None:
        """Search for what may lie in one library, or anywhere."""
        finds = [sight.find for sight in sights]

        async def work(
            contact: Contact,
        ) -> tuple[list[Match], dict[str, Fault]]:
            found = await search(contact, self._t.server, finds, avoid)
            if kind not in found[1]:
                self._t.bulkheads.worked(kind)
            return found

        found = await self._beside(kind, work)
        matches, verdicts = found or ([Match() for _ in finds], {})
        for sight, match in zip(sights, matches, strict=True):
            _take(sight, match, verdicts, self._t.bulkheads)

    async def _beside[T](
        self, kind: str, work: Callable[[Contact], Awaitable[T]]
    ) -> T | None:
        """Make a call that may take long; None where nobody shall wait for it."""
        if self._aside is None:
            return await work(self._contact)
        try:
            return await self._aside.call(kind, work)
        except Fault as fault:
            if fault.kind is FaultClass.ITEM or fault.kept_from is not None:
                raise
            self._contact.refused = self._contact.refused or fault
            raise

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
        try:
            items = await self.read({key: lib for key, lib in keys.items() if key})
        finally:
            for sight in sights:
                sight.slowed = sight.rating_key in self._slowed
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
        alone = await self._read_in_bulk(keys, found)

        async def read() -> None:
            while alone and self._contact.refused is None:
                await self._read_alone(*alone.popitem(), found)

        await together(read() for _ in range(min(AT_ONCE, len(alone))))
        if alone:
            raise CircuitRefusedError  # what was not read is not known to be missing
        return found

    async def _read_in_bulk(
        self, keys: Mapping[str, str], found: Items
    ) -> dict[str, str]:
        """Read as many as can be read together; give those that have to be read alone.

        Of several items one may break the answer: it is found by halving. Where that
        would take long, or nothing goes well, each is asked for itself.
        """
        bulk, alone = self._t.bulk, dict[str, str]()
        if len(keys) == 1 or bulk.is_off(self._t.clock.monotonic()):
            return dict(keys)
        waiting = deque(_parts(list(keys), bulk.most))
        good = failed = 0
        while waiting:
            part = waiting.popleft()
            if len(part) == 1 or failed > _HALVINGS * (good + 1):
                alone |= {key: keys[key] for key in part}
                continue
            try:
                found.update(await self._read_part(part))
                good += 1
            except Fault as fault:
                if fault.throttled:
                    bulk.turn_off(self._t.clock.monotonic())
                if self._contact.refused is not None:
                    raise
                failed += 1
                if fault.reason == "too_long":
                    bulk.most = len(part) // 2
                if fault.unreachable:
                    alone |= {key: keys[key] for key in part}
                else:
                    waiting.extendleft(_parts(part, (len(part) + 1) // 2))
        return alone

    async def _read_part(self, keys: Sequence[str]) -> Items:
        return await self._contact.call(
            lambda: self._t.server.read(keys), About(Purpose.READ)
        )

    async def _read_alone(self, key: str, library: str, found: Items) -> None:
        about = About(Purpose.READ, key, library)
        if not self.may(about.bulkhead):
            found.faults[key] = self._t.bulkheads.why(about.bulkhead)
            return
        try:
            found.update(
                await self._contact.call(lambda: self._t.server.read([key]), about)
            )
        except Fault as fault:
            if self._contact.refused is not None:
                if fault.throttled:
                    self._slowed.add(key)
                raise
            if fault.kind is not FaultClass.ITEM or fault.reason != "not_found":
                found.faults[key] = fault

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
        unsure = [
            (sight, item, change)
            for sight, item, change in concerned
            if change.remove or not _names(change.after) <= created[item.section]
        ]
        sizes: dict[str, Sizes | Fault] = {}

        async def count(item: Item) -> None:
            sizes[item.section] = await self._collections(item)

        asked = {item.section: item for _, item, _ in unsure}
        await together(count(item) for item in asked.values())
        for sight, item, change in unsure:
            ours = created[item.section]
            if not change.remove and _names(change.after) <= ours:
                continue
            if isinstance(counts := sizes[item.section], Fault):
                sight.plan, sight.waits = _put_off(sight.plan, change), counts
                continue
            sight.creates = _names(change.after) - counts.folded.keys() - ours
            ours |= sight.creates
            spared = tuple(
                name
                for name in change.remove
                if name.casefold() in _names(change.before) - ours
                and counts.of(name) <= 1
            )
            if spared:
                sight.plan = _without(sight.plan, change, spared)

    async def _collections(self, item: Item) -> Sizes | Fault:
        """Count the members of each collection in an item's library, or say why not."""
        about = About(Purpose.COLLECTIONS, library=item.section)
        if not self.may(about.bulkhead):
            return self._t.bulkheads.why(about.bulkhead)
        try:
            found = await self._beside(
                about.bulkhead,
                lambda contact: contact.call(
                    lambda: self._t.server.collections(item), about
                ),
            )
        except Fault as fault:
            if self._contact.refused is not None:
                raise
            return fault
        if found is None:
            return self._t.bulkheads.why(about.bulkhead)
        return Sizes(found)


def _parts(keys: Sequence[str], most: int) -> list[Sequence[str]]:
    return [keys[start : start + most] for start in range(0, len(keys), most)]


def _take(
    sight: Sight, match: Match, verdicts: Mapping[str, Fault], bulkheads: Bulkheads
) -> None:
    sight.candidates = match.candidates
    if match.rating_key is not None:
        sight.rating_key, sight.library = match.rating_key, match.library or ""
    elif match.reason is not None:
        sight.miss(match.reason)
    else:
        kind = kind_of(match.library or sight.library)
        sight.stop(verdicts.get(kind) or bulkheads.why(kind))


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
