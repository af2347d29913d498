"""What a look at Plex finds of one record."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from .plan import Plan
from .ports import Item
from .record import Find, Record
from .retry import Fault
from .written import Ledger


@dataclass(slots=True)
class Sight:
    """What a look finds of one record, or of one way to find an item.

    Without an ``item`` there is a ``reason``, and a ``fault`` if one is the cause.
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
    ledger: Ledger = field(default_factory=dict)
    plan: Plan = field(default_factory=Plan)
    waits: Fault | None = None
    slowed: bool = False  # Plex answered the read of this item by asking us to wait
    creates: set[str] = field(default_factory=set)  # collections that do not exist yet

    @property
    def is_open(self) -> bool:
        """Say whether nothing has ended the look so far."""
        return self.reason is None

    def stop(self, fault: Fault) -> None:
        """End the look: this fault is in the way."""
        self.fault, self.reason, self.item = fault, fault.reason, None

    def miss(self, reason: str = "not_found") -> None:
        """End the look: there is no such item."""
        self.fault, self.reason, self.item = None, reason, None
