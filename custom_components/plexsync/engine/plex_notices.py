"""What Plex's notifications say of items, and what follows for us."""

from collections import OrderedDict

from .circuit.circuit import Circuit
from .database.database import Database
from .jobs import queue
from .model.reasons import Reason
from .util.clock import Clock

_VOID = 60.0  # seconds; no read is used for that long


class PlexNotices:
    """Remember which reads are old, and wake what waits for an item."""

    def __init__(self, database: Database, circuit: Circuit, clock: Clock) -> None:
        """Take where jobs are, and the bell for whoever works on them."""
        self._database = database
        self._circuit = circuit
        self._clock = clock
        # Rating key → monotonic time of somebody else's edit, oldest first.
        self.voided: OrderedDict[str, float] = OrderedDict()

    def void(self, rating_key: str) -> None:
        """Note that somebody else changed an item: what was read of it is old."""
        now = self._clock.monotonic()
        self.voided[rating_key] = now
        self.voided.move_to_end(rating_key)
        while now - next(iter(self.voided.values())) > _VOID:
            self.voided.popitem(last=False)

    async def wake_missing(self) -> int:
        """Look again for every item that was not found; return how many jobs wait for one.

        Raises StorageError.
        """
        number = await self._database.run(
            lambda db: queue.wake(db, self._clock.steady(), Reason.NOT_FOUND),
            durable=False,
            if_left=self._circuit.notify,
        )
        if number:
            self._circuit.notify()
        return number
