"""What the engine tells its host, each thing once and as it happens."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from .holds import Hold, SourceHold


class Event:
    """What is told."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class CircuitMoved(Event):
    """The circuit has another state now, for a reason in one word."""

    cause: str


@dataclass(frozen=True, slots=True)
class CircuitOpened(CircuitMoved):
    """An outage has begun."""


@dataclass(frozen=True, slots=True)
class CircuitHalfOpened(CircuitMoved):
    """The first probe of an outage has passed; told once an outage."""


@dataclass(frozen=True, slots=True)
class CircuitClosed(CircuitMoved):
    """The outage is over; it took so many seconds, and so many jobs waited for its end."""

    duration: float | None = None
    jobs: int | None = None


@dataclass(frozen=True, slots=True)
class HoldChanged(Event):
    """A hold of the server was set or lifted."""

    hold: Hold
    active: bool


@dataclass(frozen=True, slots=True)
class SourceHoldChanged(Event):
    """A hold of one source was set or lifted."""

    source: str
    hold: SourceHold
    active: bool


@dataclass(frozen=True, slots=True)
class ItemFailed(Event):
    """A job failed for good.

    Title and path are for those whom the owner lets see them, and for no log.
    """

    job: int
    reason: str | None
    title: str | None = None
    path: str | None = None


@dataclass(frozen=True, slots=True)
class ReconcileFinished(Event):
    """Records were compared: counts by kind, and sources that could not be read.

    The ``scope`` is all, recent, or plan where nothing is written.
    """

    counts: Mapping[str, int]
    duration: float  # seconds
    sources_away: int
    scope: str


@dataclass(frozen=True, slots=True)
class Changed(Event):
    """Something that is shown may be different now."""


type Tell = Callable[[Event], None]


def nobody_listens(event: Event) -> None:
    """Tell nobody."""
