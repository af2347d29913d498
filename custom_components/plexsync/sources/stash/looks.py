"""How far back the next look at a Stash reaches."""

from collections.abc import Callable
from enum import IntEnum
import math

WIDE_EVERY = 60.0  # seconds
FULL_EVERY = 1200.0
DOUBT = 600.0


class Reach(IntEnum):
    """How far back a look reaches, and how much it lists."""

    NARROW = 0  # only what is newer than the last change, which is cheap enough for each poll
    WIDE = 1  # the whole window, but if it has many rows, only the newest and a count
    FULL = 2  # the whole window, complete


class Looks:
    """Choose the reach of each look.

    A narrow look only finds changes with a time after the last one; once a minute a wide
    look finds the rest. If there is a rest (the clock was set back, or the server moved
    to another time zone), looks are not narrow for a while.
    """

    def __init__(self, monotonic: Callable[[], float]) -> None:
        """Take a monotonic clock."""
        self._monotonic = monotonic
        self._wide = self._full = -math.inf  # time of the last look of that reach
        self._doubted = Reach.NARROW
        self._doubted_until = -math.inf

    def widen(self) -> None:
        """Let the next look be a full one."""
        self._full = -math.inf

    def next(self) -> Reach:
        """Return the reach of the next look."""
        now = self._monotonic()
        if now - self._full >= FULL_EVERY:
            return Reach.FULL
        least = self._doubted if now < self._doubted_until else Reach.NARROW
        return max(least, Reach.WIDE) if now - self._wide >= WIDE_EVERY else least

    def done(self, reach: Reach, *, surprised: bool, by: Reach) -> None:
        """Note a look; ``surprised`` if it found what no narrow look would have found.

        ``by`` is the reach that is sufficient to find such changes.
        """
        now = self._monotonic()
        if reach >= Reach.WIDE:
            self._wide = now
        if reach is Reach.FULL:
            self._full = now
        if surprised:
            self._doubted, self._doubted_until = by, now + DOUBT
