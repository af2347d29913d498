"""The one judge of faults: it says whose each of them is.

Judged from the answer, from what the call was about, and from the run of edits
before it. A doubtful answer asks the probe, once for all who wait; what the
probe finds is the server's. If it passes, the subject of the call is put off,
until five different items in a row say otherwise.
"""

from dataclasses import dataclass
from enum import StrEnum

from .bulkheads import Bulkheads, shut
from .circuit import Circuit
from .clock import Clock
from .health import Health
from .retry import Fault, FaultClass

_AFTER_WISH = 1.0  # seconds after a pause before whoever caused it is tried again


class Purpose(StrEnum):
    """What a call is for."""

    LISTING = "listing"
    READ = "read"
    COLLECTIONS = "collections"
    EDIT = "edit"
    UPLOAD = "upload"


_GROUPS = {
    Purpose.LISTING: "listing",
    Purpose.READ: "reads",
    Purpose.COLLECTIONS: "collections",
    Purpose.EDIT: "edits",
    Purpose.UPLOAD: "pictures",
}


# An edit that goes well shows that others' edits and reads could; uploads likewise.
_SETTLES = {Purpose.EDIT: ("edits", "reads"), Purpose.UPLOAD: ("pictures",)}


@dataclass(frozen=True, slots=True)
class About:
    """What one call is about: an item of a library, or the library's own list."""

    purpose: Purpose
    item: str | None = None
    library: str = ""

    @property
    def bulkhead(self) -> str:
        """The kind of call that fails, or works, with it."""
        group = _GROUPS[self.purpose]
        return group if self.purpose is Purpose.UPLOAD else f"{group}:{self.library}"

    @property
    def subject(self) -> str:
        """Whom it is about, for runs and doubts."""
        return f"{_GROUPS[self.purpose]}:{self.item or self.library}"


class Judge:
    """Decide each fault's scope, and remember what is in doubt."""

    def __init__(
        self, circuit: Circuit, health: Health, bulkheads: Bulkheads, clock: Clock
    ) -> None:
        """Take what hears of the verdicts."""
        self._circuit = circuit
        self._health = health
        self._bulkheads = bulkheads
        self._clock = clock
        self._moment = 0
        self._all_refused = True  # of the run of edits that failed
        self._doubts: dict[str, int] = {}  # subject → moment of its doubt
        self._proven: set[str] = set()  # doubts that the others have settled since
        self._wishes: dict[str, int] = {}  # subject → edits that had gone well by then
        self._good_edits = 0

    def moment(self) -> int:
        """Give this moment a number: what begins later is later evidence."""
        self._moment += 1
        return self._moment

    def take_proven(self) -> set[str]:
        """Hand over the subjects whose doubt was settled: the fault was their own."""
        proven, self._proven = self._proven, set()
        return proven

    # -- what went well ------------------------------------------------------------

    def worked(self, about: About, began: int) -> None:
        """Note a call that went well, and what that says of others."""
        self._bulkheads.worked(about.bulkhead)
        self._circuit.answered()
        self._doubts.pop(about.subject, None)
        if about.purpose is Purpose.EDIT:
            self._good_edits += 1
            self._wishes.pop(about.subject, None)
            self._wishes.pop(about.bulkhead, None)
            self._all_refused = True
            self._circuit.edit_worked()
            self._health.edit_worked()
        else:
            self._wishes.pop(about.bulkhead, None)
        if groups := _SETTLES.get(about.purpose):
            for subject, moment in list(self._doubts.items()):
                if moment < began and subject.partition(":")[0] in groups:
                    del self._doubts[subject]
                    self._proven.add(subject)

    # -- what failed -----------------------------------------------------------------

    async def decide(self, fault: Fault, about: About) -> Fault:
        """Give the same fault with its scope.

        ``item`` without doubt is the item's own; with it, the item is only put off.
        ``library`` and ``picture`` faults name in ``kept_from`` what waits as a whole.
        """
        wall = self._clock.wall()
        if fault.kind is FaultClass.WRONG_SERVER:
            self._health.meet_wrong_server()
            return fault
        if fault.throttled:
            return await self._throttled(fault, about)
        if fault.kind not in (FaultClass.SERVER, FaultClass.AUTH) or (
            fault.reason == "closed"  # by us
        ):
            return fault
        if (found := await self._ask(wall)) is not None:
            if found.kind is FaultClass.SERVER and not found.throttled:
                self._forget()
            return Fault(found.kind, found.reason, unreachable=found.unreachable)
        if (proven := fault.proven) is not fault:
            return proven
        if about.purpose is Purpose.READ and about.item is None:
            return Fault(FaultClass.ITEM, fault.reason, doubtful=True)  # of several
        if about.purpose is Purpose.EDIT:
            verdict = await self._run_on(fault, about, wall)
            if verdict is not None:
                return verdict
        return self._put_off(fault, about)

    async def _ask(self, wall: float) -> Fault | None:
        """Ask the probe; an outage that it finds began at the answer in doubt."""
        circuit = self._circuit
        first = circuit.first_fault
        circuit.first_fault = wall if first is None else first
        found = await self._health.ask()
        if found is None and first is None:
            circuit.first_fault = None
        return found

    async def _run_on(self, fault: Fault, about: About, wall: float) -> Fault | None:
        """Let the run of failed edits grow; give a verdict where it is no item's."""
        assert about.item is not None
        circuit = self._circuit
        refused = fault.kind is FaultClass.AUTH
        if refused and self._health.edits_refused:
            self._health.refuse_edits()
            return Fault(FaultClass.AUTH, fault.reason)
        self._all_refused = self._all_refused and refused
        run = circuit.edit_failed(about.item, wall)
        if run < circuit.breaker.policy.failures:
            return None
        self._forget()
        since = circuit.first_fault or wall
        circuit.run.clear()
        if self._all_refused:
            circuit.first_fault = None
            self._health.refuse_edits()
            return Fault(FaultClass.AUTH, fault.reason)
        self._all_refused = True
        await circuit.trip(fault.reason, since=since, retry_after=fault.retry_after)
        return Fault(FaultClass.SERVER, fault.reason)

    def _put_off(self, fault: Fault, about: About) -> Fault:
        kind, now = about.bulkhead, self._clock.monotonic()
        if self._bulkheads.failed(kind, about.subject, now):
            self._doubts.pop(about.subject, None)
            return shut(kind)
        if not fault.unreachable or fault.reason in (
            "timeout",
            "reset",
            "short_answer",
        ):
            self._doubts[about.subject] = self.moment()
        return Fault(
            FaultClass.ITEM, fault.reason, doubtful=True, unreachable=fault.unreachable
        )

    async def _throttled(self, fault: Fault, about: About) -> Fault:
        """Take a wish to slow down as the server's, unless others fare well without it."""
        kind, now = about.bulkhead, self._clock.monotonic()
        good = self._good_edits
        if self._wishes.get(about.subject, good) < good:
            return Fault(FaultClass.ITEM, fault.reason, doubtful=True)
        if self._wishes.get(kind, good) < good:
            self._bulkheads.failed(kind, about.subject, now, shut=True)
            return shut(kind)
        self._wishes[about.subject] = self._wishes[kind] = good
        await self._circuit.throttled(fault.reason, fault.retry_after)
        # After the pause the others first: they show whether it is the server's.
        wait = (self._circuit.wait() or 0.0) + _AFTER_WISH
        self._bulkheads.failed(kind, about.subject, now, shut=True, wait=wait)
        return Fault(
            FaultClass.SERVER,
            fault.reason,
            throttled=True,
            retry_after=fault.retry_after,
        )

    def _forget(self) -> None:
        """Forget what was in doubt: it was the server's."""
        self._doubts.clear()
        self._proven.clear()
        self._bulkheads.clear()
