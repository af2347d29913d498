"""How fast to work after an outage: a rate that doubles while all is well."""

from collections.abc import Mapping
from dataclasses import dataclass
import math
from typing import Any

SECONDS_PER_STEP = 30.0
FLOOR = 0.2  # jobs per second
SHARE = 0.1  # of the healthy rate, to begin with


@dataclass(slots=True)
class Ramp:
    """A token bucket whose rate grows from a tenth of the healthy one to all of it.

    ``healthy`` is the smoothed rate of undisturbed work, in jobs per second.
    ``rate`` is None while nothing limits; it may double every ``step`` seconds.
    Times are monotonic seconds.
    """

    healthy: float = 1.0
    rate: float | None = None
    step: float = SECONDS_PER_STEP
    _tokens: float = 1.0
    _filled: float = -math.inf
    _stepped: float = -math.inf

    def begin(self, now: float) -> None:
        """Start slowly: the circuit has just closed."""
        self.rate = min(self.healthy, max(FLOOR, SHARE * self.healthy))
        self._tokens, self._filled, self._stepped = 1.0, now, now

    def stop(self) -> None:
        """Lift the limit."""
        self.rate = None

    def take(self, now: float, wanted: int) -> int:
        """Take up to ``wanted`` jobs; give how many may start now."""
        self._advance(now)
        if self.rate is None:
            return wanted
        granted = min(wanted, int(self._tokens))
        self._tokens -= granted
        return granted

    def wait(self, now: float) -> float:
        """Give the seconds until the next job may start."""
        self._advance(now)
        if self.rate is None or self._tokens >= 1:
            return 0.0
        return (1 - self._tokens) / self.rate

    def failed(self, now: float) -> None:
        """Halve the rate and hold it for a step."""
        self._advance(now)
        if self.rate is not None:  # it may have come to its end just now
            self.rate = min(self.rate, max(FLOOR, self.rate / 2))
            self._stepped = now

    def worked(self, jobs: int, seconds: float) -> None:
        """Learn the healthy rate from undisturbed work."""
        if self.rate is None and jobs > 0 and seconds > 0:
            # One batch in ten of weight: a single odd one moves it little.
            self.healthy += 0.1 * (min(jobs / seconds, 1000.0) - self.healthy)

    def _advance(self, now: float) -> None:
        if self.rate is None:
            return
        if not math.isfinite(self._filled):
            self._filled = self._stepped = now
        while self.rate is not None and now - self._stepped >= self.step:
            self._fill(self._stepped + self.step)
            self._stepped += self.step
            if self.rate * 2 >= self.healthy:
                self.stop()
                return
            self.rate *= 2
        self._fill(now)

    def _fill(self, now: float) -> None:
        if self.rate is not None and now > self._filled:
            # A burst of one second's work at most, and never less than one job.
            room = max(1.0, self.rate)
            self._tokens = min(room, self._tokens + (now - self._filled) * self.rate)
            self._filled = now

    def snapshot(self) -> dict[str, Any]:
        """Describe level and healthy rate for the store, never a time."""
        return {"healthy": self.healthy, "rate": self.rate}

    def restore(self, data: Mapping[str, Any]) -> None:
        """Take up a snapshot; what is unreadable stays as it is."""
        self.healthy = _rate(data.get("healthy")) or self.healthy
        self.rate = _rate(data.get("rate")) or self.rate


def _rate(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if 0 < value <= 1000 else None
