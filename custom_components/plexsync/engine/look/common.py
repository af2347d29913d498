"""What everything that looks at Plex, or writes to it, works with."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from random import Random

from ..calls.bulkheads import Bulkheads
from ..database.database import Database
from ..history.history import WriteHistory
from ..jobs.next_source import NextSources
from ..model.faults import RetryPolicy
from ..model.ports import Fresh, Images, Server
from ..util.clock import Clock
from .busy_items import BusyItems

ALONE = 600.0  # seconds that items are read alone after a shared read was refused


@dataclass(slots=True)
class Bulk:
    """How many items one request may read."""

    most: int = 100
    off_until: float = float("-inf")  # monotonic seconds

    def turn_off(self, now: float) -> None:
        """Read items alone for a while, because one may be why we were told to wait."""
        self.off_until = now + ALONE

    def is_off(self, now: float) -> bool:
        """Return whether every item has to be read alone."""
        return now < self.off_until


@dataclass(frozen=True, slots=True)
class Common:
    """The parts of one engine that are shared by all who look at Plex or write to it."""

    database: Database
    server: Server
    images: Images
    clock: Clock
    random: Random
    retry: RetryPolicy
    bulkheads: Bulkheads
    # Rating key → monotonic time at which somebody else was last seen to edit the item.
    voided: Mapping[str, float]
    next_sources: NextSources
    history: WriteHistory
    fresh: Fresh
    is_held: Callable[[str], bool]  # whether the jobs of a source wait for their owner
    bulk: Bulk = field(default_factory=Bulk)
    busy_items: BusyItems = field(default_factory=BusyItems)
