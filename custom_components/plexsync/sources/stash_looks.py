"""How far back the next look at a Stash reaches."""

from collections.abc import Callable
from enum import IntEnum
import math

WIDE_EVERY = 60.0  # seconds
FULL_EVERY = 1200.0
DOUBT = 600.0


class Reach(IntEnum):
    """How far back a look reaches, and how much of that it lists."""

    NARROW = 0  # just behind the last change, and this is what a quick poll costs
    WIDE = 1  # the whole window, but of many rows only the newest and their number
    FULL = 2  # the whole window


class Looks:
    """Choose the reach of each look.

    Narrow looks find whatever Stash stamps with a time after the last one, and nothing
    else; once a minute a wide one finds the rest. Where that turns out to be something
    (a clock that was set back, a server that moved to another zone), looks are no
    longer narrow for a while.
    """

    def __init__(self, monotonic: Callable[[], float]) -> None:
        """Take a clock that never jumps."""
        self._monotonic = monotonic
        self._wide = self._full = -math.inf  # when the last one was
        self._doubted = Reach.NARROW
        self._doubted_until = -math.inf

    def widen(self) -> None:
        """Let the next look be a full one."""
        self._full = -math.inf

    def next(self) -> Reach:
        """Choose."""
        now = self._monotonic()
        if now - self._full >= FULL_EVERY:
            return Reach.FULL
        least = self._doubted if now < self._doubted_until else Reach.NARROW
        return max(least, Reach.WIDE) if now - self._wide >= WIDE_EVERY else least

    def done(self, reach: Reach, *, surprised: bool, by: Reach) -> None:
        """Note a look; ``surprised`` if it found what no narrow one would ever find.

        ``by`` is the reach that is enough to notice such things.
        """
        now = self._monotonic()
        if reach >= Reach.WIDE:
            self._wide = now
        if reach is Reach.FULL:
            self._full = now
        if surprised:
            self._doubted, self._doubted_until = by, now + DOUBT
