"""How soon a source is asked again: at once, soon, or seldom."""

from collections.abc import Callable
import math

QUICK = 1.0  # seconds between two looks while things change
USUAL = 10.0
SLOWEST = 30.0  # unless the owner chose another
LIVELY = 120.0  # seconds after a change in which the next one may follow
BUSY = 60.0  # the same, and after the start of a job, while a job of the source runs
ASLEEP = 3600.0  # seconds without a change until the looks become seldom


class PollRhythm:
    """Say how long to wait before the next look at a source.

    Whoever edits goes on editing: after a change the looks are quick for two minutes.
    A job of the source may change much, or run for hours and change nothing: the looks
    are quick when it begins, and for a minute after each change. After an hour without
    any change or job they are seldom.
    """

    def __init__(
        self, monotonic: Callable[[], float], slowest: float = SLOWEST
    ) -> None:
        """Take a clock that never jumps, and the longest wait in seconds."""
        self._monotonic = monotonic
        self._slowest = slowest
        self._changed = -math.inf
        self._begun: float | None = None  # when a job did, while one runs
        self._active = monotonic()

    def changed(self) -> None:
        """Note that a look has found a change."""
        self._changed = self._active = self._monotonic()

    def wait(self, *, busy: bool = False) -> float:
        """Return the seconds until the next look; ``busy`` while a job of the source runs."""
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
