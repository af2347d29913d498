"""Faults, and how long what each of them caused has to wait."""

from dataclasses import dataclass
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


class Fault(Exception):  # noqa: N818  # the word that is used everywhere
    """A classified failure.

    ``reason`` is a short machine-readable word. As it comes over the wire a fault of
    the server's or the token's (a 500, a deadline, a 401) is in doubt: it may be its
    subject's, and ``calls.judge`` decides. ``doubtful`` says of an item's fault that
    it is not proven. ``unreachable`` says that no answer came; ``retry_after`` is the
    server's wish in seconds, ``throttled`` that it asked us to slow down. The text
    never holds a URL, a token, a title or a path.
    """

    def __init__(
        self,
        kind: FaultClass,
        reason: str,
        *,
        unreachable: bool = False,
        doubtful: bool = False,
        throttled: bool = False,
        permanent: bool = False,
        retry_after: float | None = None,
        kept_from: str | None = None,
        hold: Hold | None = None,
        fields: tuple[str, ...] = (),
    ) -> None:
        """Keep the evidence; nothing private goes in.

        ``kept_from`` names the kind of call that waits for itself (``bulkheads``),
        ``hold`` what holds the server, ``fields`` those that were refused, where others
        need not be.
        """
        super().__init__(f"{kind}: {reason}")
        self.kind = kind
        self.reason = reason
        self.unreachable = unreachable
        self.doubtful = doubtful
        self.throttled = throttled
        self.permanent = permanent
        self.retry_after = retry_after
        self.kept_from = kept_from
        self.hold = hold
        self.fields = fields

    @property
    def is_ours(self) -> bool:
        """Whether we broke the call off ourselves: it says nothing of the server."""
        return self.reason == BROKEN_OFF

    @property
    def needs_proof(self) -> bool:
        """Whether it only counts from a server that has shown to be well."""
        return False

    @property
    def proven(self) -> Fault:
        """What the same answer means once the server has shown to be well."""
        return self


def later(seconds: float, random: Random) -> float:
    """Lengthen a wait a little, so that not all who wait come at once."""
    return seconds * (1 + random.random() / 10)


def around(seconds: float, share: float, random: Random) -> float:
    """Lengthen or shorten a wait by up to that share of it."""
    return seconds * (1 + share * (2 * random.random() - 1))


@dataclass(frozen=True, slots=True)
class Backoff:
    """A growing, jittered, capped delay in seconds; never shorter than it says."""

    first: float
    cap: float
    factor: float = 2.0

    def delay(self, step: int, random: Random) -> float:
        """Return the wait before try number ``step`` (0 is the first retry)."""
        return later(self.whole(step), random)

    def whole(self, step: int) -> float:
        """Return the same without jitter, for those that nobody else waits with."""
        # The exponent is bounded because a float overflows at 2**1024.
        return min(self.cap, self.first * self.factor ** min(step, 60))

    @property
    def longest(self) -> float:
        """The longest wait that it gives."""
        return self.cap * 1.1


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
        return max(self.transient.longest, self.missing.longest)
