"""Time, passed in."""

from collections.abc import Callable
from dataclasses import dataclass, field
import time


@dataclass(slots=True)
class Clock:
    """Two clocks in seconds: one that never jumps, and the one people read.

    ``steady`` counts like the wall clock of the moment this object was made, but
    follows the monotonic one: due times on disk use it, so that a wall clock
    that jumps moves no wait.
    """

    monotonic: Callable[[], float] = time.monotonic
    wall: Callable[[], float] = time.time
    _offset: float = field(init=False)

    def __post_init__(self) -> None:
        """Tie the steady clock to the wall once."""
        self._offset = self.wall() - self.monotonic()

    def steady(self) -> float:
        """Return seconds since the epoch as of start, plus what really passed."""
        return self._offset + self.monotonic()
