"""The one judge of faults: it decides the scope of each.

It goes by the answer, by what the call was about, and by the run of edits before it.
After a doubtful answer the server is probed, once for all who wait. If the probe fails,
the fault is the server's. If it passes, the subject of the call is put off, until five
different items in a row have failed: then the server is at fault after all.
"""

from dataclasses import dataclass
from enum import StrEnum

from ..circuit.breaker import State
from ..circuit.circuit import Circuit
from ..circuit.health import Health
from ..model.faults import Fault, FaultClass
from ..model.reasons import Reason
from ..util.clock import Clock
from .bulkheads import Bulkheads, fault_of, group_of, reason_of

# Seconds between the end of a pause and the next try of the kind of call that caused it:
# edits of others come first.
_AFTER_EDIT = 1.0
_AFTER_OTHER = 10.0
_FORGIVEN = 2  # how often a subject's doubt is dropped as its kind of call recovers


class Purpose(StrEnum):
    """What a call is for; with a library it names a kind of call (see ``bulkheads``)."""

    LISTING = "listing"
    READ = "reads"
    COLLECTIONS = "collections"
    EDIT = "edits"
    UPLOAD = "pictures"
    SCAN = "scans"


# A call that goes well shows that the server takes such calls: what failed before it in
# one of these ways was its own subject's fault.
_SHOWN_BY = {
    Purpose.EDIT: (Purpose.EDIT, Purpose.READ),
    Purpose.UPLOAD: (Purpose.UPLOAD,),
}


@dataclass(frozen=True, slots=True)
class About:
    """What one call is about: an item of a library, or the library's own list."""

    purpose: Purpose
    item: str | None = None
    library: str = ""

    @property
    def bulkhead(self) -> str:
        """The kind of call that fails, or works, with it."""
        return f"{self.purpose}:{self.library}"

    @property
    def is_of_library(self) -> bool:
        """Whether it asks something of a library itself, which is no item's matter."""
        return self.purpose in (Purpose.LISTING, Purpose.COLLECTIONS, Purpose.SCAN)

    @property
    def subject(self) -> str:
        """Whom it is about, for runs and doubts."""
        return f"{self.purpose}:{self.item or self.library}"


@dataclass(frozen=True, slots=True)
class _Doubt:
    """A fault that may be its subject's own: its place among the calls, and their kind."""

    number: int
    call_kind: str


class Judge:
    """Decide each fault's scope, and remember what is in doubt."""

    def __init__(
        self, circuit: Circuit, health: Health, bulkheads: Bulkheads, clock: Clock
    ) -> None:
        """Take those that act on its verdicts."""
        self._circuit = circuit
        self._health = health
        self._bulkheads = bulkheads
        self._clock = clock
        self._number = 0
        self._doubts: dict[str, _Doubt] = {}  # by subject
        self._forgiven: dict[str, int] = {}  # by subject, how often
        # Kinds of edits whose failures are their library's: edits in others go well.
        self._libraries_own: set[str] = set()
        self._proven: set[str] = set()  # subjects whose fault was their own
        # By subject and by kind of call: how many edits had gone well when Plex last
        # asked it to slow down.
        self._slow_downs: dict[str, int] = {}
        self._good_edits = 0

    def next_number(self) -> int:
        """Return the next number: what begins later has a higher one."""
        self._number += 1
        return self._number

    def take_proven(self) -> set[str]:
        """Hand over the subjects whose fault has proven to be their own."""
        proven, self._proven = self._proven, set()
        return proven

    # -- what went well ------------------------------------------------------------

    def worked(self, about: About, began: int) -> None:
        """Note a call that went well, and what that proves of others that failed."""
        if self._bulkheads.is_shut(about.bulkhead):
            self._forgive(about.bulkhead)
        self._bulkheads.worked(about.bulkhead)
        self._circuit.reachable = True
        self._doubts.pop(about.subject, None)
        self._forgiven.pop(about.subject, None)
        self._slow_downs.pop(about.bulkhead, None)
        if about.purpose is Purpose.EDIT:
            self._good_edits += 1
            self._slow_downs.pop(about.subject, None)
            self._circuit.edit_worked()
            self._health.edit_worked()
            self._libraries_own |= self._bulkheads.troubled(Purpose.EDIT)
            self._libraries_own.discard(about.bulkhead)
        if others := _SHOWN_BY.get(about.purpose):
            for subject, doubt in list(self._doubts.items()):
                if (
                    doubt.number < began
                    and group_of(doubt.call_kind) in others
                    and not self._bulkheads.is_shut(doubt.call_kind)
                ):
                    del self._doubts[subject]
                    self._proven.add(subject)

    def _forgive(self, call_kind: str) -> None:
        """Drop the doubts about subjects that failed while their whole kind of call did.

        Each subject is forgiven only a few times.
        """
        for subject, doubt in list(self._doubts.items()):
            times = self._forgiven.get(subject, 0)
            if doubt.call_kind == call_kind and times < _FORGIVEN:
                self._forgiven[subject] = times + 1
                del self._doubts[subject]

    # -- what failed -----------------------------------------------------------------

    async def decide(self, fault: Fault, about: About) -> Fault:
        """Return the same fault with its scope.

        A fault of class ``item`` is the item's own, or if it is ``doubtful`` the item is
        only put off. ``library`` and ``picture`` faults name in ``kept_from`` the kind of
        call that waits as a whole.
        """
        wall = self._clock.wall()
        if fault.kind is FaultClass.WRONG_SERVER:
            self._health.meet_wrong_server()
            return fault
        if fault.throttled:
            return await self._throttled(fault, about)
        if fault.is_ours:
            return fault
        if fault.kind not in (FaultClass.SERVER, FaultClass.AUTH):
            return self._put_off(fault, about) if about.is_of_library else fault
        if (found := await self._ask(wall)) is not None:
            if found.kind is FaultClass.SERVER and not found.throttled:
                self._forget()
            return _of_server(found)
        if fault.proven is not None and not about.is_of_library:
            return fault.proven
        if about.purpose is Purpose.READ and about.item is None:
            # One of the items that were read together spoils the answer.
            return _doubtful(fault, fault.reason)
        if about.purpose is Purpose.EDIT:
            verdict = await self._run_on(fault, about, wall)
            if verdict is not None:
                return verdict
        return self._put_off(fault, about)

    async def _ask(self, wall: float) -> Fault | None:
        """Probe the server; an outage that this finds began with the answer in doubt.

        A probe that is only asked to slow down has found no outage: a first fault that
        was noted before stays.
        """
        evidence = self._circuit.evidence
        before = evidence.first_fault
        evidence.begins(wall)
        begun = evidence.first_fault
        found = await self._health.ask()
        if evidence.first_fault == begun:
            if found is None:
                evidence.first_fault = before
            elif found.throttled:
                evidence.first_fault = before or begun
        return found

    async def _run_on(self, fault: Fault, about: About, wall: float) -> Fault | None:
        """Let the run of failed edits grow; return a verdict once the fault is not the item's."""
        assert about.item is not None
        circuit, evidence = self._circuit, self._circuit.evidence
        refused = fault.kind is FaultClass.AUTH
        if about.bulkhead in self._libraries_own:
            return None  # it is the library's fault, and counts in no run
        if refused and self._health.edits_refused:
            self._health.refuse_edits()
            return fault
        run = evidence.edit_failed(about.item, wall, refused=refused)
        if run < circuit.breaker.policy.failures:
            return None
        self._forget()
        if all(evidence.run.values()):
            evidence.forget()
            self._health.refuse_edits()
            return fault
        since = evidence.first_fault or wall
        await circuit.trip(fault.reason, since=since, retry_after=fault.retry_after)
        return Fault(FaultClass.SERVER, fault.reason)

    def _put_off(self, fault: Fault, about: About) -> Fault:
        """Put the subject off, and its whole kind of call where several subjects fail."""
        call_kind, now = about.bulkhead, self._clock.monotonic()
        if fault.unreachable:
            self._circuit.pace.trouble()
        # A picture that hangs is not waited for three times.
        hangs = fault.unreachable and about.purpose is Purpose.UPLOAD
        is_shut = self._bulkheads.failed(call_kind, about.subject, now, at_once=hangs)
        if about.item is None:
            return fault_of(call_kind)
        if not fault.unreachable or fault.reason in (
            Reason.TIMEOUT,
            Reason.RESET,
            Reason.SHORT_ANSWER,
        ):
            self._doubts[about.subject] = _Doubt(self.next_number(), call_kind)
        return _doubtful(fault, reason_of(call_kind) if is_shut else fault.reason)

    async def _throttled(self, fault: Fault, about: About) -> Fault:
        """Take a request to slow down as the server's, unless other calls go well meanwhile."""
        call_kind, good = about.bulkhead, self._good_edits
        if about.item and self._slow_downs.get(about.subject, good) < good:
            return _doubtful(fault, fault.reason)
        # Other calls than edits say nothing of edits: when one kind is asked for the second
        # time, that kind alone slows down.
        again = call_kind in self._slow_downs and about.purpose is not Purpose.EDIT
        if again or self._slow_downs.get(call_kind, good) < good:
            if (found := await self._ask(self._clock.wall())) is not None:
                return _of_server(found)
            wait, now = fault.retry_after or 0.0, self._clock.monotonic()
            self._bulkheads.failed(
                call_kind, about.subject, now, at_once=True, wait=wait
            )
            return fault_of(call_kind)
        self._slow_downs[about.subject] = self._slow_downs[call_kind] = good
        await self._circuit.throttled(fault.reason, fault.retry_after)
        if self._circuit.breaker.state is State.OPEN:
            self._forget()
            return fault
        # After the pause the other kinds go first: they show whether it is the server's.
        after = _AFTER_EDIT if about.purpose is Purpose.EDIT else _AFTER_OTHER
        wait, now = (self._circuit.wait() or 0.0) + after, self._clock.monotonic()
        self._bulkheads.failed(call_kind, about.subject, now, at_once=True, wait=wait)
        return fault

    def _forget(self) -> None:
        """Forget what was in doubt: it was the server's."""
        self._doubts.clear()
        self._proven.clear()
        self._libraries_own.clear()
        self._bulkheads.clear()


def _doubtful(fault: Fault, reason: str) -> Fault:
    """Return the fault of an item that is put off: it may be its own."""
    return Fault(FaultClass.ITEM, reason, doubtful=True, unreachable=fault.unreachable)


def _of_server(found: Fault) -> Fault:
    """Return the same fault anew: everybody who waited for the probe raises one."""
    return Fault(
        found.kind,
        found.reason,
        unreachable=found.unreachable,
        throttled=found.throttled,
        retry_after=found.retry_after,
    )
