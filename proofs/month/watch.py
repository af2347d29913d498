"""Watches the wire and the store, and says at once what may not be."""

from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from custom_components.plexsync.engine.batch import FRESH
from custom_components.plexsync.engine.breaker import State
from custom_components.plexsync.engine.circuit import Proof
from custom_components.plexsync.engine.retry import Fault, FaultClass
from custom_components.plexsync.plex.classify import MOVED
from proofs.kill9.figures import Claim
from proofs.kill9.stream import TEXTS, Order, revisions_of_edit
from tests.simulators.plex import Request

EPOCH = 1_800_000_000.0

type Span = tuple[float, float]


class Wall:
    """The clock on Home Assistant's wall, which somebody sets now and then."""

    def __init__(self, now: Callable[[], float]) -> None:
        """Take the time that really passes."""
        self._now = now
        self._set_at = [float("-inf")]
        self._offsets = [0.0]
        self.moved = 0.0  # by how much in all, either way

    def __call__(self) -> float:
        """Give seconds since the epoch."""
        return EPOCH + self._now() + self._offsets[-1]

    def jump(self, seconds: float) -> None:
        """Set it forward or back."""
        self._set_at.append(self._now())
        self._offsets.append(self._offsets[-1] + seconds)
        self.moved += abs(seconds)

    def at(self, when: float) -> float:
        """Give what it showed then."""
        return EPOCH + when + self._offsets[bisect_right(self._set_at, when) - 1]

    @property
    def jumps(self) -> int:
        """How often it was set."""
        return len(self._offsets) - 1


@dataclass(slots=True)
class ByHand:
    """What a person wrote into a field, and when we heard that they touched the item."""

    value: str
    at: float
    heard: float | None = None


@dataclass(slots=True)
class Opening:
    """From the save that said open to the one that said closed, in virtual time.

    ``start`` is the first server fault that it is to be dated back to.
    """

    start: float
    at: float
    closed: float | None = None


@dataclass(frozen=True, slots=True)
class _Streak:
    """Server faults that no good answer has interrupted: since when, and of what.

    A good read says nothing of writes that fail.
    """

    first: float | None = None
    doubt: Proof = Proof.NONE

    def miss(self, now: float, proof: Proof) -> _Streak:
        """Take in a server fault."""
        first = now if self.first is None else self.first
        return _Streak(first, max(self.doubt, proof))


class Watch:
    """Sees every request and every save; ``circuit`` gives the state as of now."""

    def __init__(self, now: Callable[[], float]) -> None:
        """Begin with nothing seen."""
        self._now = now
        self.circuit: Callable[[], State | None] = lambda: None
        self.item_key: Callable[[str], str | None] = lambda rating_key: None
        self.broken: list[str] = []
        self.tries: list[float] = []
        self.requests = 0
        self.edits = 0
        self.older = Claim()
        self.order = Order(self.older)
        self.by_hand: dict[tuple[str, str], ByHand] = {}
        self.poisoned: set[str] = set()  # rating keys
        self.crossed = 0  # edits by hand that met one of ours on its way
        self.openings: list[Opening] = []
        self.states: Counter[str] = Counter()
        self._working = 0  # requests of jobs under way
        self._streak = _Streak()
        self._over = _Streak()  # the one before
        self._saved = _Streak()  # as of the last save
        self._opens: _Streak | None = None  # as of an opening that is being saved

    def breach(self, what: str) -> None:
        """Note that something happened that may not happen."""
        self.broken.append(f"{self._now():.3f} s: {what}")

    # The wire

    def tried(self) -> None:
        """Note a connection."""
        self.tries.append(self._now())

    def sends(self, request: Request, *, probe: bool) -> None:
        """Let only probes leave while the circuit is open, and one trial at a time."""
        self.requests += 1
        if probe:
            return
        state = self.circuit()
        if state is State.OPEN:
            self.breach(f"{request.method} {request.path} while the circuit is open")
        if state is State.HALF_OPEN and self._working:
            self.breach(f"{request.method} {request.path} beside a trial")
        self._working += 1

    def ended(self, fault: Fault | None, *, probe: bool) -> None:
        """Note that it is over; that a probe failed counts, that it passed proves nothing."""
        self._working -= not probe
        if probe and fault is not None and fault.kind is FaultClass.SERVER:
            self._streak = self._streak.miss(self._now(), Proof.NONE)

    def called(self, proof: Proof, fault: Fault | None, item: str | None) -> None:
        """Follow the streak of server faults."""
        if fault is not None and (
            fault.reason == MOVED or (fault.ambiguous and item in self.poisoned)
        ):
            return  # nothing was sent, or it is the item's own fault
        if fault is not None and fault.kind is FaultClass.SERVER:
            self._streak = self._streak.miss(self._now(), proof)
        elif fault is None or fault.kind is FaultClass.ITEM:
            shown = proof if fault is None else Proof.READ
            if shown >= self._streak.doubt:
                self._over, self._streak = self._streak, _Streak()

    def gone(self) -> None:
        """Note that our process has ended; what was not saved is forgotten."""
        self._working, self._opens = 0, None
        self._streak = self._saved

    def applied(self, request: Request, left: float) -> None:
        """Look at a write that Plex took: its order, and whom it overwrites."""
        if request.method != "PUT" or (number := request.param("id")) is None:
            self.breach(f"a write without an item: {request.method} {request.path}")
            return
        self.edits += 1
        if (key := self.item_key(number)) is None:
            return  # its file went while it was on its way
        self.order.see(key, revisions_of_edit(request.query))
        for name, plex in TEXTS.items():
            mine = self.by_hand.get((key, name))
            given = request.param(f"{plex}.value")
            if mine is None or given is None or given == mine.value:
                continue
            # In the very moment in which we heard of it ours may have left just before.
            heard = mine.heard is not None and mine.heard < left
            if heard or (mine.at <= left and left - mine.at > FRESH):
                self.breach(
                    f"{name} of {key}, edited by hand {left - mine.at:.3f} s before"
                    f" (heard: {heard}), is overwritten"
                )
            # Else it was on its way already, or nobody could tell us in time.
            self.crossed += 1
            del self.by_hand[key, name]

    # The store

    def opens(self) -> None:
        """Note that the circuit opens: calls that end while that is saved come too late."""
        self._opens = self._streak

    def saved(self, data: Mapping[str, Any]) -> None:
        """Follow what is on disk: that, and nothing later, is what a start finds."""
        state = data["breaker"]["state"]
        self.states[state] += 1
        self._saved = _Streak()
        if data["first_fault"] is not None and data["breaker"]["failures"]:
            # What is saved is as of a moment ago.
            told = self._over if self._streak.first is None else self._streak
            self._saved = _Streak(told.first, Proof(data["doubt"]))
        lasting = self.openings[-1] if self.openings else None
        if lasting is None or lasting.closed is not None:
            if state != "closed":
                first = (self._opens or self._streak).first
                self._opens = None
                start = self._now() if first is None else first
                self.openings.append(Opening(start, self._now()))
        elif state == "closed":
            lasting.closed = self._now()
            self._streak = _Streak()  # no outage begins before the last one's end

    # People

    def heard_of(self, rating_key: str) -> None:
        """Note that a notification named an item."""
        key = self.item_key(rating_key)
        for (owner, _), mine in self.by_hand.items():
            if owner == key and mine.heard is None:
                mine.heard = self._now()


@dataclass(slots=True)
class Spans:
    """Stretches of time that begin and end one after the other."""

    spans: list[Span] = field(default_factory=list)
    _since: float | None = None

    def begin(self, now: float) -> None:
        """Begin one, unless one lasts."""
        if self._since is None:
            self._since = now

    def end(self, now: float) -> None:
        """End the one that lasts."""
        if self._since is not None:
            self.spans.append((self._since, now))
            self._since = None


def union(spans: list[Span]) -> list[Span]:
    """Give the same time without overlaps, in order."""
    merged: list[Span] = []
    for low, high in sorted(spans):
        if merged and low <= merged[-1][1]:
            merged[-1] = merged[-1][0], max(high, merged[-1][1])
        elif low < high:
            merged.append((low, high))
    return merged


def without(spans: list[Span], *others: list[Span]) -> list[Span]:
    """Give what of some spans lies in none of the others."""
    left = union(spans)
    for low, high in union([span for other in others for span in other]):
        left = [
            piece
            for a, b in left
            for piece in ((a, min(b, low)), (max(a, high), b))
            if piece[0] < piece[1]
        ]
    return left


def length(spans: list[Span]) -> float:
    """Add them up."""
    return sum(high - low for low, high in spans)
