"""How soon a source is polled again: at once, soon, or rarely."""

from collections.abc import Callable
import math

QUICK = 1.0  # seconds between two polls while things change
USUAL = 10.0
SLOWEST = 30.0  # unless the owner chose another limit
LIVELY = 120.0  # seconds of quick polls after a change
BUSY = 60.0  # the same while the source runs a job, and after the start of a job
ASLEEP = 3600.0  # seconds without a change until polls become rare


class PollRhythm:
    """Choose how long to wait before the next poll of a source.

    People who edit usually continue, so polls are quick for two minutes after a change. A
    job of the source may change much, or run for hours and change nothing, so polls are
    quick when it begins, and for a minute after each change. After an hour without any
    change or job, polls are rare.
    """

    def __init__(
        self, monotonic: Callable[[], float], slowest: float = SLOWEST
    ) -> None:
        """Take a clock that never jumps, and the longest wait in seconds."""
        self._monotonic = monotonic
        self._slowest = slowest
        self._changed = -math.inf
        self._begun: float | None = None  # when the running job began
        self._active = monotonic()

    def changed(self) -> None:
        """Note that a poll has found a change."""
        self._changed = self._active = self._monotonic()

    def wait(self, *, busy: bool = False) -> float:
        """Return the seconds until the next poll; ``busy`` while the source runs a job."""
        now = self._monotonic()
        lively, last = LIVELY, self._changed
        if busy:
            self._active = now
            self._begun = now if self._begun is None else self._begun
            lively, last = BUSY, max(last, self._begun)
        else:
            self._begun = None
        if now - last < lively:
            return min(QUICK, self._slowest)
        if now - self._active < ASLEEP:
            return min(USUAL, self._slowest)
        return self._slowest
