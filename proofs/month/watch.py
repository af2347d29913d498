"""Watches the wire and the store, and says at once what may not be."""

from bisect import bisect_right
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from custom_components.plexsync.engine.calls.judge import Purpose
from custom_components.plexsync.engine.circuit.breaker import State
from custom_components.plexsync.engine.circuit.evidence import LATELY
from custom_components.plexsync.engine.model.events import (
    CircuitClosed,
    CircuitMoved,
    CircuitOpened,
)
from custom_components.plexsync.engine.model.faults import Fault, FaultClass
from proofs.promises import Claim, Order
from proofs.records import revisions_of_edit
from tests.simulators.plex import Request
from tests.wire import Observer

EPOCH = 1_800_000_000.0

type Span = tuple[float, float]


class Wall:
    """The clock on Home Assistant's wall, which somebody sets now and then."""

    def __init__(self, now: Callable[[], float]) -> None:
        """Take the time that really passes."""
        self._now = now
        self._set_at = [float("-inf")]
        self._offsets = [0.0]

    def __call__(self) -> float:
        """Give seconds since the epoch."""
        return EPOCH + self._now() + self._offsets[-1]

    def jump(self, seconds: float) -> None:
        """Set it forward or back."""
        self._set_at.append(self._now())
        self._offsets.append(self._offsets[-1] + seconds)

    def at(self, when: float) -> float:
        """Give what it showed then."""
        return EPOCH + when + self._offsets[bisect_right(self._set_at, when) - 1]

    @property
    def jumps(self) -> int:
        """How often it was set."""
        return len(self._offsets) - 1


@dataclass(slots=True)
class Opening:
    """From the save that said open to the one that said closed, in virtual time.

    ``start`` is the first server fault that it is to be dated back to.
    """

    start: float
    at: float
    closed: float | None = None


@dataclass(frozen=True, slots=True)
class Streak:
    """What no good edit has ended: since when, and whether edits failed in it.

    Only a run of failed edits outlives our process.
    """

    first: float | None = None
    edits: bool = False

    def since(self, when: float, *, edits: bool = False) -> Streak:
        """Take in a fault of then."""
        first = when if self.first is None else min(when, self.first)
        return Streak(first, self.edits or edits)

    def broken_by(self, when: float) -> Streak:
        """Take in that a probe made it the server's; what is long over is none of it."""
        if self.first is not None and when - self.first > LATELY:
            return Streak(when, self.edits)
        return self.since(when)


class Watch(Observer):
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
        self.openings: list[Opening] = []
        self._trial: set[int] = set()  # its requests under way, by identity
        self._streak = Streak()
        self._doubts: list[
            tuple[float, bool]
        ] = []  # faults that await a probe; of edits
        self._probing = 0.0  # when the probe under way began
        self._opens: Streak | None = None  # as of an opening that is being saved

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
        if state is not State.HALF_OPEN:
            self._trial.clear()
            return
        if self._trial:
            self.breach(f"{request.method} {request.path} beside a trial")
        self._trial.add(id(request))

    def ended(self, request: Request, *, probe: bool) -> None:
        """Note that it is over."""
        self._trial.discard(id(request))

    def called(self, purpose: Purpose, fault: Fault | None, item: str | None) -> None:
        """Follow what is in doubt; a call that went well says nothing, but for an edit."""
        now = self._now()
        if fault is None:
            if purpose is Purpose.EDIT:
                self._streak = Streak()
                self._doubts.clear()
        elif fault.throttled:
            self._streak = self._streak.since(now)
        elif fault.kind in (FaultClass.SERVER, FaultClass.AUTH):
            edit = purpose is Purpose.EDIT and fault.proven is None
            self._doubts.append((now, edit))

    def probes(self) -> None:
        """Note that a probe begins: it decides all that is in doubt by now."""
        self._probing = self._now()

    def probed(self, fault: Fault | None) -> None:
        """Note whose the faults are that were in doubt."""
        began = self._probing
        decided = [doubt for doubt in self._doubts if doubt[0] <= began]
        self._doubts = self._doubts[len(decided) :]
        if fault is None:
            for when, edit in decided:
                if edit:
                    self._streak = self._streak.since(when, edits=True)
        elif fault.throttled:
            # It answers, and asks for a pause: an outage only if that goes on.
            self._streak = self._streak.since(began)
        elif fault.kind is FaultClass.SERVER:
            for when, _ in [*decided, (began, False)]:
                self._streak = self._streak.broken_by(when)

    def gone(self, saved: Streak) -> None:
        """Note that our process has ended; what was not saved is forgotten."""
        self._opens = None
        self._trial.clear()
        self._doubts.clear()
        self._streak = saved if saved.edits else Streak()

    def applied(self, request: Request, left: float) -> None:
        """Look at the order of the writes that Plex took."""
        if request.method != "PUT" or (number := request.param("id")) is None:
            self.breach(f"a write without an item: {request.method} {request.path}")
            return
        self.edits += 1
        if (key := self.item_key(number)) is not None:
            self.order.see(key, revisions_of_edit(request.query))

    # The store

    def moves(self, event: CircuitMoved) -> None:
        """Note that the circuit has opened or closed: that is saved next."""
        if isinstance(event, CircuitOpened):
            self._opens = self._streak
        if isinstance(event, CircuitClosed):
            self._streak = Streak()  # no outage begins before the last one's end

    def saving(self) -> Streak:
        """Give what a start would know, were it to find what is being saved now."""
        return self._streak

    def saved(self, data: Mapping[str, Any]) -> None:
        """Follow what is on disk."""
        state = data["breaker"]["state"]
        lasting = self.openings[-1] if self.openings else None
        if lasting is None or lasting.closed is not None:
            if state != "closed":
                first = (self._opens or self._streak).first
                self._opens = None
                start = self._now() if first is None else first
                self.openings.append(Opening(start, self._now()))
        elif state == "closed":
            lasting.closed = self._now()


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
