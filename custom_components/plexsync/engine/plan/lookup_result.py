"""What a look at Plex finds of one record."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from ..ledger.row import Ledger
from ..ledger.seen import Seen
from ..model.faults import Fault
from ..model.ports import Item
from ..model.reasons import Reason
from ..model.record import Find, Record
from .plan import Plan


@dataclass(slots=True)
class LookupResult:
    """What a look finds of one record, or of one way to find an item.

    A record may have several items: ``twins`` are the lookups of those beside the
    first. Without an ``item`` there is a ``reason``, and a ``fault`` if one is the cause.
    ``waits`` says why a part of the plan (the collections) had to be left out.
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
    number: int | None = None  # the ledger's, where it knows the item
    ledger: Ledger = field(default_factory=dict)
    leads_once: frozenset[str] = frozenset()  # fields: see ``sources_lead``
    left_alone: frozenset[str] = frozenset()  # fields: see ``left_alone``
    plan: Plan = field(default_factory=Plan)
    waits: Fault | None = None
    creates: set[str] = field(default_factory=set)  # collections that do not exist yet
    twins: list[LookupResult] = field(default_factory=list)
    # Where the item follows another record of the same source: the item and its key.
    shared: tuple[Item, str] | None = None
    # For a look that skims: what the plan follows from beside the item, what an earlier
    # look saw, and whether all of it is still the same. Then there is no item.
    basis: bytes = b""
    seen: Seen | None = None
    is_same: bool = False

    @property
    def all(self) -> list[LookupResult]:
        """The lookup itself and its twins."""
        return [self, *self.twins]

    @property
    def targets(self) -> list[LookupResult]:
        """The lookups of all items, one each; if there is none, one that says why."""
        there = [s for s in self.all if s.item or s.fault or s.shared]
        return there or [self]

    def add_twin(self, rating_key: str | None, library: str) -> LookupResult:
        """Add the lookup of another item of the same record."""
        twin = LookupResult(self.find, self.record, self.images, rating_key, library)
        self.twins.append(twin)
        return twin

    def begin_anew(self) -> None:
        """Forget what was found."""
        self.rating_key = self.reason = self.item = self.fault = None
        self.seen, self.is_same = None, False
        self.twins.clear()

    @property
    def is_open(self) -> bool:
        """Return whether nothing has ended the look so far."""
        return self.reason is None

    def stop(self, fault: Fault) -> None:
        """End the look: this fault is in the way."""
        self.fault, self.reason, self.item = fault, fault.reason, None

    def share(self, key: str) -> None:
        """End the look: the item follows the record of this key."""
        assert self.item is not None
        self.shared, self.reason, self.item = (self.item, key), Reason.SHARED_ITEM, None

    def miss(self, reason: str = Reason.NOT_FOUND) -> None:
        """End the look: there is no such item."""
        self.fault, self.reason, self.item = None, reason, None


def every(lookups: Iterable[LookupResult]) -> list[LookupResult]:
    """Return lookups together with their twins."""
    return [each for lookup in lookups for each in lookup.all]
