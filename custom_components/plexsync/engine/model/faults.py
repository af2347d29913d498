"""Faults, and how long what each of them caused has to wait."""

from dataclasses import KW_ONLY, dataclass
from enum import StrEnum
from random import Random

from .holds import Hold

BROKEN_OFF = "closed"  # the reason of a call that we broke off ourselves


class FaultClass(StrEnum):
    """Whose a failure is. Only ``SERVER`` counts against the circuit."""

    SERVER = "server"
    AUTH = "auth"
    WRONG_SERVER = "wrong_server"
    LIBRARY = "library"
    ITEM = "item"
    PICTURE = "picture"
    SOURCE = "source"


@dataclass(eq=False, repr=False)
class Fault(Exception):  # noqa: N818  # the word that is used everywhere
    """A classified failure.

    ``reason`` is a short machine-readable word. As it comes over the wire a fault of
    the server's or the token's (a 500, a deadline, a 401) is in doubt: it may be its
    subject's, and ``calls.judge`` decides. The text never holds a URL, a token, a title
    or a path.
    """

    kind: FaultClass
    reason: str
    _: KW_ONLY
    unreachable: bool = False  # no answer came
    doubtful: bool = False  # of an item's: it is not proven
    throttled: bool = False  # the server asked us to slow down
    permanent: bool = False
    retry_after: float | None = None  # the server's wish, in seconds
    kept_from: str | None = None  # the kind of call that waits: see ``bulkheads``
    hold: Hold | None = None  # what holds the server
    fields: tuple[str, ...] = ()  # those that were refused, where others need not be
    # What the same answer means once the server has shown to be well, where that differs.
    proven: Fault | None = None

    def __post_init__(self) -> None:
        """Say what happened; nothing private goes in."""
        super().__init__(f"{self.kind}: {self.reason}")

    @property
    def is_ours(self) -> bool:
        """Whether we broke the call off ourselves: it says nothing of the server."""
        return self.reason == BROKEN_OFF


def later(seconds: float, random: Random) -> float:
    """Lengthen a wait a little, so that not all who wait come at once."""
    return seconds * (1 + random.random() / 10)


def around(seconds: float, share: float, random: Random) -> float:
    """Lengthen or shorten a wait by up to that share of it."""
    return seconds * (1 + share * (2 * random.random() - 1))


@dataclass(frozen=True, slots=True)
class Backoff:
    """A delay in seconds that doubles, jittered and capped; never shorter than it says."""

    first: float
    cap: float

    def delay(self, step: int, random: Random) -> float:
        """Return the wait before try number ``step`` (0 is the first retry)."""
        return later(self.whole(step), random)

    def whole(self, step: int) -> float:
        """Return the same without jitter, for those that nobody else waits with."""
        # The exponent is bounded because a float overflows at 2**1024.
        return min(self.cap, self.first * 2.0 ** min(step, 60))


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
        return max(self.transient.cap, self.missing.cap) * 1.1
