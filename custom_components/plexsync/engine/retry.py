"""Faults, classified once, and how long what each of them caused has to wait."""

from dataclasses import dataclass
from enum import StrEnum
from random import Random


class FaultClass(StrEnum):
    """What a failure says, and of whom. Only ``SERVER`` counts against the circuit."""

    SERVER = "server"
    AUTH = "auth"
    WRONG_SERVER = "wrong_server"
    ITEM = "item"
    SOURCE = "source"


class Fault(Exception):  # noqa: N818  # the design's word
    """A classified failure.

    ``reason`` is a short machine-readable word. ``unreachable`` says that no
    answer came at all; ``ambiguous`` that the answer (a 500) may be the item's
    fault or the server's; ``retry_after`` is the server's wish in seconds. The
    text never holds a URL, a token, a title or a path.
    """

    def __init__(
        self,
        kind: FaultClass,
        reason: str,
        *,
        unreachable: bool = False,
        ambiguous: bool = False,
        permanent: bool = False,
        retry_after: float | None = None,
    ) -> None:
        """Keep the evidence; nothing private goes in."""
        super().__init__(f"{kind}: {reason}")
        self.kind = kind
        self.reason = reason
        self.unreachable = unreachable
        self.ambiguous = ambiguous
        self.permanent = permanent
        self.retry_after = retry_after


@dataclass(frozen=True, slots=True)
class Backoff:
    """A growing, jittered, capped delay in seconds; half of it is fixed."""

    first: float
    cap: float
    factor: float = 2.0

    def delay(self, step: int, random: Random) -> float:
        """Give the wait before try number ``step`` (0 is the first retry)."""
        # The exponent is bounded because a float overflows at 2**1024.
        whole = min(self.cap, self.first * self.factor ** min(step, 60))
        return whole / 2 + random.random() * whole / 2


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """When a job tries again, and when it gives up."""

    attempts: int = 5
    transient: Backoff = Backoff(5, 600)
    missing: Backoff = Backoff(30, 3600)
    missing_for: float = 24 * 3600

    @property
    def longest(self) -> float:
        """The longest wait any job can be given, in seconds."""
        return max(self.transient.cap, self.missing.cap)
