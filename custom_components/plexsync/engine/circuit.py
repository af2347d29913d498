"""The breaker's host: probes, saves, keeps the outage log and the ramp.

The breaker decides; this class gives it time, evidence and a memory. Without a
store it works the same and keeps nothing.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection
import contextlib
from enum import IntEnum, StrEnum
import logging
from random import Random
from typing import Any

from .breaker import Breaker, Permit, Policy, Result, State
from .clock import Clock
from .database import StorageError
from .outages import OutageLog
from .ports import BreakerStore
from .ramp import Ramp
from .retry import Fault, FaultClass

_LOGGER = logging.getLogger(__name__)

AUTH_LIMIT = 3  # refusals in a row before the owner is asked
HEARTBEAT = 900.0  # seconds between saves of "somebody still looks"
_SAVE_RETRY = (5.0, 300.0)  # first wait and cap after a failed save


class Hold(StrEnum):
    """Why the worker waits although the circuit allows it."""

    SWITCH = "switch"  # the owner switched syncing off
    AUTH = "auth"  # Plex refuses the token
    WRONG_SERVER = "wrong_server"  # another machine answers
    LEDGER = "ledger"  # the ledger is lost or older than Plex
    LIBRARY = "library"  # none of the chosen libraries is there


# What only reads needs neither the switch nor a ledger that is beyond doubt.
READING: frozenset[Hold] = frozenset({Hold.SWITCH, Hold.LEDGER})
BY_HAND: frozenset[Hold] = frozenset({Hold.SWITCH})


class Proof(IntEnum):
    """What a call that went well proves, and what one that failed casts doubt on."""

    NONE = 0  # it made no request
    PROBE = 1
    READ = 2
    WRITE = 3  # reads can work while commits fail, not the other way about


type Listener = Callable[[str, dict[str, Any]], None]


class Circuit:
    """Host one breaker."""

    def __init__(
        self,
        probe: Callable[[], Awaitable[None]],
        *,
        clock: Clock,
        random: Random,
        name: str = "Plex",
        store: BreakerStore | None = None,
        policy: Policy | None = None,
        ramp: Ramp | None = None,
        listener: Listener | None = None,
    ) -> None:
        """Take the probe (process, then database; raises Fault) and where to keep state.

        ``name`` tells several servers apart in the log.
        """
        self.name = name
        self._probe = probe
        self._clock = clock
        self._store = store
        self._listener = listener or (lambda event, data: None)
        self.breaker = Breaker(random, policy)
        self.ramp = ramp or Ramp()
        self.outages = OutageLog()
        self.holds: set[Hold] = set()
        self.changed = asyncio.Event()  # for whoever waits for a permit
        self.save_failed = False
        self.reachable: bool | None = None  # what the last contact showed
        self.ledger_id: str | None = None  # which ledger this circuit's server has
        self._doubt = Proof.NONE  # what failed since it last went well
        self.suspects: set[str] = (
            set()
        )  # items that answered 500 since the last success
        self._wake = asyncio.Event()
        self._wanted = False
        self._saving = asyncio.Lock()
        self._dirty = False
        self._save_again: float | None = None
        self._saves_failed = 0
        self._fault_on_disk = False
        self._saved_at = clock.monotonic()
        self._refusals = 0
        self._refused_to = Proof.NONE  # what the last refusal was of
        self._retry_at = float("-inf")  # no neutral probe before this
        self._first_fault: float | None = None  # wall time of the streak's first

    # -- memory ----------------------------------------------------------------

    async def load(self) -> str | None:
        """Take up what was saved; say what was wrong with it, None if nothing.

        Never raises: a record that cannot be used starts a closed circuit, with
        a probe before its first job.
        """
        problem: str | None = None
        data: dict[str, Any] | None = None
        if self._store is not None:
            try:
                data = await self._store.load()
            except ValueError, OSError:
                problem = "unreadable"
        wall, now = self._clock.wall(), self._clock.monotonic()
        if data is not None:
            try:
                self.breaker.restore(_mapping(data.get("breaker")), now, wall)
            except ValueError, TypeError:
                problem = "invalid"
            try:
                self.ramp.restore(_mapping(data.get("ramp")))
                self.outages, bad = OutageLog.restore(_mapping(data.get("outages")))
            except ValueError:
                bad = 1
            if bad:
                problem = problem or "invalid"
            if isinstance(known := data.get("ledger_id"), str):
                self.ledger_id = known
            if data.get("doubt") in tuple(Proof):
                self._doubt = Proof(data["doubt"])
            first = data.get("first_fault")
            if self.breaker.failures and _is_time(first, wall):
                self._first_fault, self._fault_on_disk = first, True
        self._align_outage(wall)
        # Until now nobody looked, unless the clock says that this was no time at all.
        self.outages.observe(wall, gap=True)
        return problem

    def _align_outage(self, wall: float) -> None:
        """Make log and state agree: an open record belongs to a circuit not closed."""
        if self.breaker.state is State.CLOSED:
            self.outages.ended(min(wall, self.outages.seen or wall))
        elif self.outages.current is None:
            self.outages.began(wall, "unknown")

    def snapshot(self) -> dict[str, Any]:
        """Describe everything that the store keeps."""
        now, wall = self._clock.monotonic(), self._clock.wall()
        return {
            "breaker": self.breaker.snapshot(now, wall),
            "ramp": self.ramp.snapshot(),
            "outages": self.outages.snapshot(),
            "first_fault": self._first_fault,
            "ledger_id": self.ledger_id,
            "doubt": int(self._doubt),
        }

    async def save(self) -> None:
        """Save now; a failure is remembered and tried again, never raised."""
        blind = bool(self.holds & {Hold.AUTH, Hold.WRONG_SERVER})
        self.outages.observe(self._clock.wall(), gap=blind)
        if self._store is None:
            self._dirty = False
            return
        async with self._saving:
            self._dirty = False
            data = self.snapshot()
            try:
                await self._store.save(data)
            except OSError:
                first, cap = _SAVE_RETRY
                wait = min(cap, first * 2.0**self._saves_failed)
                self._saves_failed = min(self._saves_failed + 1, 10)
                self._save_again = self._clock.monotonic() + wait
                if not self.save_failed:
                    _LOGGER.error("%s: the circuit's state cannot be saved", self.name)
                self.save_failed = True
            else:
                if self.save_failed:
                    _LOGGER.info("%s: the circuit's state is saved again", self.name)
                self.save_failed = False
                self._save_again, self._saves_failed = None, 0
                self._fault_on_disk = data["first_fault"] is not None
                self._saved_at = self._clock.monotonic()
        self.notify()

    # -- calls -----------------------------------------------------------------

    def admit(self, past: Collection[Hold] = ()) -> Permit | None:
        """Give a permit, or None; then ``changed`` tells when to ask again.

        No permit is given between a transition and the end of its save. ``past``
        names the holds that do not concern what is asked for.
        """
        if self.holds.difference(past) or self._dirty:
            return None
        permit = self.breaker.admit(self._clock.monotonic())
        if permit is None:
            self._wanted = True
            self._wake.set()
        return permit

    def wait(self) -> float | None:
        """Give the seconds after which to ask again unless ``changed`` comes first."""
        if self.holds:
            return None
        now = self._clock.monotonic()
        wait = self.breaker.not_before - now
        return wait if wait > 0 else None

    async def settle(self, permit: Permit, fault: Fault | None, proof: Proof) -> None:
        """Take a permit back with what its call found (None: an answer).

        A read that goes well says nothing of writes that fail: it neither ends
        their streak nor closes the circuit.
        """
        before = self.breaker.state
        now = self._clock.monotonic()
        if fault is None or fault.kind is FaultClass.ITEM:
            result = (
                Result.SUCCESS
                if proof >= max(self._doubt, Proof.READ)
                else Result.NEUTRAL
            )
            if proof:
                self._answered(proof)
            if result is Result.SUCCESS:
                self._doubt, self._first_fault = Proof.NONE, None
                if self._fault_on_disk and self._save_again is None:
                    # After a kill an outage would be dated back to it.
                    self._save_again = now
                    self._wake.set()
            self.breaker.settle(permit, result, now)
        elif fault.kind is FaultClass.SERVER:
            self._missed(fault)
            self._doubt = max(self._doubt, proof)
            self.ramp.failed(now)
            self.breaker.settle(
                permit, _failure(fault), now, retry_after=fault.retry_after
            )
        else:
            self.breaker.settle(permit, Result.NEUTRAL, now)
            self._refused(fault, proof)
        if permit.trial:
            self.changed.set()  # the next trial may begin
        await self._moved(before, fault)

    def release(self, permit: Permit) -> None:
        """Take a permit back that says nothing: cancelled, or never used."""
        self.breaker.settle(permit, Result.NEUTRAL, self._clock.monotonic())
        if permit.trial:
            # Nobody waits for any other: a worker that the ramp holds back would only
            # wake itself, at once and again and again.
            self.notify()

    async def finish_trials(self) -> None:
        """Close after fewer successful trials than usual: no job is left to try."""
        before = self.breaker.state
        self.breaker.finish_trials()
        await self._moved(before, None)

    async def reset(self) -> None:
        """Close by hand; a probe precedes the next job."""
        before = self.breaker.state
        self.breaker.reset()
        self._first_fault = None
        if (
            self.outages.ended(self._clock.wall(), by="reset")
            or before is not State.CLOSED
        ):
            self._announce(before, State.CLOSED, "reset")
        await self.save()
        self._wake.set()

    def hold(self, hold: Hold, active: bool) -> None:
        """Set or lift a hold; it changes no circuit state."""
        if active is (hold in self.holds):
            return
        (self.holds.add if active else self.holds.discard)(hold)
        self._listener("hold", {"hold": str(hold), "active": active})
        self.notify()
        self._wake.set()

    def hurry(self) -> None:
        """Probe now: the server gave a sign of life."""
        self.breaker.hurry(self._clock.monotonic())
        self._retry_at = float("-inf")
        self._wake.set()

    # -- the notifications socket ------------------------------------------------

    def may_listen(self) -> bool:
        """Say whether the socket may try to connect.

        While the circuit is open there is one schedule, and the probe has it: the
        socket's turn comes as soon as a probe has passed. Nor is a server asked
        that refuses the token or is another one, except by the probe.
        """
        return self.breaker.state is not State.OPEN and not (
            self.holds & {Hold.AUTH, Hold.WRONG_SERVER}
        )

    def sighted(self, there: bool) -> None:
        """Note that the socket was accepted, or that nobody answered it.

        Neither is evidence: the first brings a probe forward, the second only shows.
        """
        if there and self.breaker.state is State.OPEN:
            self.hurry()  # a handshake that was under way when the circuit opened
        if there is not self.reachable:
            self.reachable = there
            self.notify()

    # -- evidence --------------------------------------------------------------

    def _answered(self, proof: Proof) -> None:
        self.reachable = True
        if proof >= self._refused_to:
            # Who may read need not be let write: only a write proves that again.
            self._refusals, self._refused_to = 0, Proof.NONE

    def _missed(self, fault: Fault) -> None:
        self.reachable = False
        if self._first_fault is None:
            self._first_fault = self._clock.wall()

    def _refused(self, fault: Fault, proof: Proof) -> None:
        """Verify access before the next job; after three refusals ask the owner."""
        self.breaker.verified = False
        wait = self.breaker.policy.refused
        if fault.kind is FaultClass.AUTH:
            self._refusals += 1
            self._refused_to = max(self._refused_to, proof)
            if self._refusals >= AUTH_LIMIT:
                wait = self.breaker.policy.held
                self.hold(Hold.AUTH, True)
        elif fault.kind is FaultClass.WRONG_SERVER:
            wait = self.breaker.policy.held
            self.reachable = False
            self.hold(Hold.WRONG_SERVER, True)
        self._retry_at = self._clock.monotonic() + wait
        self._wake.set()

    async def _moved(self, before: State, fault: Fault | None) -> None:
        """Follow a transition: log, ramp, event, and the save before anything else."""
        state = self.breaker.state
        if state is before:
            return
        self._dirty = True
        wall = self._clock.wall()
        cause = "lease_expired" if state is State.OPEN else "recovery"
        if fault is not None:
            cause = fault.reason
        if state is State.OPEN:
            self.outages.began(self._first_fault or wall, cause)
            self.ramp.stop()
        elif state is State.CLOSED:
            self.outages.ended(wall)
            self.ramp.begin(self._clock.monotonic())
            self._first_fault = None
        self._announce(before, state, cause)
        await self.save()
        self._wake.set()

    def _announce(self, before: State, state: State, cause: str) -> None:
        level = logging.WARNING if before is State.CLOSED else logging.INFO
        if (before, state) != (State.HALF_OPEN, State.OPEN):
            _LOGGER.log(level, "%s: the circuit is %s (%s)", self.name, state, cause)
        last = self.outages.outages[-1] if self.outages.outages else None
        data: dict[str, Any] = {"cause": cause}
        if state is State.CLOSED and last is not None:
            data |= {"duration": last.duration, "jobs": last.jobs}
        if (
            state is State.HALF_OPEN
            or before is not State.HALF_OPEN
            or state is State.CLOSED
        ):
            self._listener(
                {
                    State.OPEN: "circuit_opened",
                    State.HALF_OPEN: "circuit_half_opened",
                    State.CLOSED: "circuit_closed",
                }[state],
                data,
            )

    def notify(self) -> None:
        """Wake whoever waits, and let the world look."""
        self.changed.set()
        self._listener("changed", {})

    # -- probing ---------------------------------------------------------------

    def next_probe(self) -> float | None:
        """Give the wall time of the next scheduled probe, None when none is."""
        now = self._clock.monotonic()
        at = self.breaker.probe_at(now)
        if self.breaker.state is State.CLOSED or at is None:
            return None
        return self._clock.wall() + max(0.0, at - now)

    async def run(self) -> None:
        """Probe when it is due, retry failed saves, keep the log's observation."""
        while True:
            self._wake.clear()
            now = self._clock.monotonic()
            before = self.breaker.state
            self.breaker.expire(now)
            await self._moved(before, None)
            if (at := self._due(now)) is not None and at <= now:
                await self._probe_once()
                continue
            if self._save_again is not None and now >= self._save_again:
                await self.save()
            if now - self._saved_at >= HEARTBEAT:
                await self.save()
                self._saved_at = now
            times = [self._saved_at + HEARTBEAT]
            times += [time for time in (at, self._save_again) if time is not None]
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(max(0.05, min(times) - now)):
                    await self._wake.wait()

    def _due(self, now: float) -> float | None:
        """Give the monotonic time of the next probe, None while none is needed."""
        at = self.breaker.probe_at(now)
        if at is None:
            return None
        refused = self.holds & {Hold.AUTH, Hold.WRONG_SERVER, Hold.LIBRARY}
        if self.breaker.state is not State.OPEN and not (self._wanted or refused):
            return None  # nobody waits for a permit
        return max(at, self._retry_at)

    async def _probe_once(self) -> None:
        before = self.breaker.state
        token = self.breaker.begin_probe()
        fault: Fault | None = None
        result = Result.NEUTRAL
        try:
            await self._probe()
            result = Result.SUCCESS
        except Fault as error:
            fault = error
            if error.kind is FaultClass.SERVER:
                result = _failure(error)
        except StorageError:
            # Our own disk says nothing of the server: look again soon.
            self._retry_at = self._clock.monotonic() + self.breaker.policy.refused
            return
        finally:
            # Also when cancelled: a probe that never ended would block all later ones.
            now = self._clock.monotonic()
            self.breaker.end_probe(
                token, result, now, retry_after=fault.retry_after if fault else None
            )
        if fault is None:
            self._wanted = False
            self._answered(Proof.PROBE)
            for hold in (Hold.AUTH, Hold.WRONG_SERVER, Hold.LIBRARY):
                self.hold(hold, False)
        elif fault.kind is FaultClass.SERVER:
            self._missed(fault)
            self.outages.touched(probes=1)
        elif fault.kind is FaultClass.ITEM:
            # The server is well, but none of the chosen libraries is there.
            self._retry_at = now + self.breaker.policy.held
            self.hold(Hold.LIBRARY, True)
        else:
            self._refused(fault, Proof.PROBE)
        await self._moved(before, fault)
        if before is State.OPEN is self.breaker.state:
            await self.save()  # the delay has grown, and a kill must not forget it
        self.notify()


def _failure(fault: Fault) -> Result:
    if fault.reason == "rate_limited":
        return Result.THROTTLED
    return Result.UNREACHABLE if fault.unreachable else Result.FAILURE


def _mapping(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError("no mapping")  # noqa: TRY004  # unreadable is one case
    return value


def _is_time(value: Any, wall: float) -> bool:
    return (
        isinstance(value, int | float)
        and not isinstance(value, bool)
        and 0 < value <= wall
    )
