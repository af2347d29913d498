"""What Plex's notifications say of items that somebody else edits."""

from collections import OrderedDict

from .util.clock import Clock

_VOID = 60.0  # seconds; no read is used for that long


class PlexNotices:
    """Remember which reads are old."""

    def __init__(self, clock: Clock) -> None:
        """Begin with none."""
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
