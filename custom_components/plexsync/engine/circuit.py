"""The breaker's host: permits, holds, saves, and the outage log.

The breaker decides; this class gives it a memory and tells the world.
``health.py`` probes, ``judge.py`` brings the evidence. Without a store it works
the same and keeps nothing.
"""

import asyncio
from collections.abc import Callable, Collection
from enum import StrEnum
import logging
from random import Random
from typing import Any

from .bell import Bell
from .breaker import Breaker, Permit, Policy, Result, State
from .clock import Clock
from .outages import OutageLog
from .pace import Pace
from .ports import BreakerStore
from .retry import Backoff

_LOGGER = logging.getLogger(__name__)

LATELY = 60.0  # seconds between faults that are of one outage
HEARTBEAT = 900.0  # seconds between saves of "somebody still looks"
_SAVE_RETRY = Backoff(5.0, 300.0)  # first wait and cap after a failed save


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

type Listener = Callable[[str, dict[str, Any]], None]


class Circuit:
    """Host one breaker."""

    def __init__(
        self,
        *,
        clock: Clock,
        random: Random,
        name: str = "Plex",
        store: BreakerStore | None = None,
        policy: Policy | None = None,
        listener: Listener | None = None,
    ) -> None:
        """Take where to keep state; ``name`` tells several servers apart in the log."""
        self.name = name
        self._clock = clock
        self._store = store
        self._listener = listener or (lambda event, data: None)
        self.breaker = Breaker(random, policy)
        self.pace = Pace(clock.monotonic)
        self.outages = OutageLog()
        self.holds: set[Hold] = set()
        self.bell = Bell()  # for whoever waits for work or a permit
        self.wake = asyncio.Event()  # for the prober
        self.wanted = False  # somebody waits for a permit
        self.save_failed = False
        self.reachable: bool | None = None  # what the last contact showed
        self.ledger_id: str | None = None  # which ledger this circuit's server has
        # Wall time of the fault that an outage would be dated back to.
        self.first_fault: float | None = None
        # The items whose edits failed in a row, and whether each was only refused.
        self.run: dict[str, bool] = {}
        self._saving = asyncio.Lock()
        self._unsaved = 0  # transitions whose save is not over yet
        self._save_again: float | None = None
        self._saves_failed = 0
        self._fault_on_disk = False
        self._saved_at = clock.monotonic()
        self._half_opened = False  # in this outage, and told

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
                self.pace.restore(_mapping(data.get("pace", {})))
                self.outages, bad = OutageLog.restore(_mapping(data.get("outages")))
            except ValueError:
                bad = 1
            if bad:
                problem = problem or "invalid"
            if isinstance(known := data.get("ledger_id"), str):
                self.ledger_id = known
            self._restore_run(data, wall)
        self._align_outage(wall)
        # Until now nobody looked, unless the clock says that this was no time at all.
        self.outages.observe(wall, gap=True)
        return problem

    def _restore_run(self, data: dict[str, Any], wall: float) -> None:
        run, first = data.get("run"), data.get("first_fault")
        if self.breaker.state is State.CLOSED and isinstance(run, dict):
            self.run = {item: refused is True for item, refused in run.items()}
        if self.run and _is_time(first, wall):
            self.first_fault, self._fault_on_disk = first, True
        elif self.breaker.state is State.CLOSED:
            self.breaker.failures = len(self.run)

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
            "pace": self.pace.snapshot(),
            "outages": self.outages.snapshot(),
            "first_fault": self.first_fault,
            "run": dict(self.run),
            "ledger_id": self.ledger_id,
        }

    async def save(self) -> None:
        """Save now; a failure is remembered and tried again, never raised."""
        blind = bool(self.holds & {Hold.AUTH, Hold.WRONG_SERVER})
        self.outages.observe(self._clock.wall(), gap=blind)
        if self._store is None:
            return
        async with self._saving:
            data = self.snapshot()
            try:
                await self._store.save(data)
            except OSError:
                wait = _SAVE_RETRY.whole(self._saves_failed)
                self._saves_failed += 1
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

    async def tend(self, now: float) -> float:
        """Save what is due to be saved; give the monotonic time of the next look."""
        if self._save_again is not None and now >= self._save_again:
            await self.save()
        if now - self._saved_at >= HEARTBEAT:
            await self.save()
            self._saved_at = now
        times = [self._saved_at + HEARTBEAT]
        return min(times if self._save_again is None else [*times, self._save_again])

    # -- permits ---------------------------------------------------------------

    def admit(self, past: Collection[Hold] = ()) -> Permit | None:
        """Give a permit, or None; then the bell tells when to ask again.

        No permit is given between a transition and the end of its save. ``past``
        names the holds that do not concern what is asked for.
        """
        if self.holds.difference(past) or self._unsaved:
            return None
        permit = self.breaker.admit(self._clock.monotonic())
        if permit is None:
            self.wanted = True
            self.wake.set()
        return permit

    def wait(self) -> float | None:
        """Give the seconds after which to ask again unless ``changed`` comes first."""
        if self.holds:
            return None
        wait = self.breaker.not_before - self._clock.monotonic()
        return wait if wait > 0 else None

    async def settle(self, permit: Permit, result: Result) -> None:
        """Take a permit back with what its call, or its whole trial, showed."""
        before = self.breaker.state
        self.breaker.settle(permit, result, self._clock.monotonic())
        if permit.trial:
            self.notify()  # the next trial may begin
        await self.moved(before, "recovery")

    def give_back(self, permit: Permit) -> None:
        """Take a permit back that says nothing: cancelled, or never used."""
        self.breaker.settle(permit, Result.NEUTRAL, self._clock.monotonic())
        if permit.trial:
            # Nobody waits for any other: a worker that waits for a place would only
            # wake itself, at once and again and again.
            self.notify()

    async def finish_trials(self) -> None:
        """Close after a trial that had nothing to write: no job is left to try."""
        before = self.breaker.state
        self.breaker.finish_trials()
        await self.moved(before, "recovery")

    # -- evidence --------------------------------------------------------------

    def answered(self) -> None:
        """Note that the server answered somebody."""
        self.reachable = True

    def edit_worked(self) -> None:
        """Note that an edit went well: no run of failures goes on over it."""
        self.answered()
        self.pace.worked()
        self.run.clear()
        self.breaker.failures = 0
        self.first_fault = None
        if self._fault_on_disk and self._save_again is None:
            # After a kill an outage would be dated back to it.
            self._save_again = self._clock.monotonic()
            self.wake.set()

    def edit_failed(self, item: str, wall: float, *, refused: bool) -> int:
        """Note whose edit failed, and when; give how many items did in a row."""
        if self.first_fault is None:
            self.first_fault = wall
        self.run[item] = refused and self.run.get(item, True)
        self.breaker.failures = len(self.run)
        return len(self.run)

    async def trip(
        self, reason: str, *, since: float, retry_after: float | None = None
    ) -> None:
        """Open: the trouble is the server's, and has been since then (wall time)."""
        before = self.breaker.state
        self.missed(since)
        self.breaker.trip(self._clock.monotonic(), retry_after)
        await self.moved(before, reason)

    async def throttled(self, reason: str, retry_after: float | None) -> None:
        """Let all calls wait as the server asks."""
        before = self.breaker.state
        self.pace.trouble()
        if self.first_fault is None:
            self.first_fault = self._clock.wall()
        self.breaker.throttle(self._clock.monotonic(), retry_after)
        await self.moved(before, reason)

    def missed(self, since: float) -> None:
        """Note that the server did not answer, or not as itself."""
        self.reachable = False
        self._begins(since)

    def _begins(self, since: float) -> None:
        """Date an outage that may come; what is long over is none of it.

        Probes have passed since an item failed an hour ago.
        """
        first = self.first_fault
        if first is None or since < first or since - first > LATELY:
            self.first_fault = since

    async def expire(self) -> None:
        """Count permits that were forgotten."""
        before = self.breaker.state
        self.breaker.expire(self._clock.monotonic())
        await self.moved(before, "lease_expired")

    # -- by hand ---------------------------------------------------------------

    async def reset(self) -> None:
        """Close by hand; a probe precedes the next job."""
        before = self.breaker.state
        self.breaker.reset()
        self._forget_run()
        if (
            self.outages.ended(self._clock.wall(), by="reset")
            or before is not State.CLOSED
        ):
            self._announce(before, State.CLOSED, "reset")
        await self.save()
        self.wake.set()

    def hold(self, hold: Hold, active: bool) -> None:
        """Set or lift a hold; it changes no circuit state."""
        if active is (hold in self.holds):
            return
        (self.holds.add if active else self.holds.discard)(hold)
        self._listener("hold", {"hold": str(hold), "active": active})
        self.notify()
        self.wake.set()

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

    # -- transitions -------------------------------------------------------------

    async def moved(self, before: State, cause: str) -> None:
        """Follow a transition: log, pace, event, and the save before anything else."""
        state = self.breaker.state
        if state is before:
            return
        wall = self._clock.wall()
        if state is State.OPEN:
            self.outages.began(self.first_fault or wall, cause)
        elif state is State.CLOSED:
            self.outages.ended(wall)
            self.pace.begin()
            self._forget_run()
        self.run.clear()
        self._announce(before, state, cause)
        self._unsaved += 1
        try:
            await self.save()
        finally:
            self._unsaved -= 1
        self.notify()
        self.wake.set()

    def _forget_run(self) -> None:
        self.run.clear()
        self.first_fault = None

    def _announce(self, before: State, state: State, cause: str) -> None:
        if state is State.HALF_OPEN and self._half_opened:
            return  # once an outage, however many trials fail
        if state is State.OPEN and before is State.HALF_OPEN:
            return
        self._half_opened = state is State.HALF_OPEN
        level = logging.WARNING if before is State.CLOSED else logging.INFO
        _LOGGER.log(level, "%s: the circuit is %s (%s)", self.name, state, cause)
        last = self.outages.outages[-1] if self.outages.outages else None
        data: dict[str, Any] = {"cause": cause}
        if state is State.CLOSED and last is not None:
            data |= {"duration": last.duration, "jobs": last.jobs}
        events = {
            State.OPEN: "circuit_opened",
            State.HALF_OPEN: "circuit_half_opened",
            State.CLOSED: "circuit_closed",
        }
        self._listener(events[state], data)

    def notify(self) -> None:
        """Wake whoever waits, and let the world look."""
        self.bell.ring()
        self._listener("changed", {})

    def next_probe(self) -> float | None:
        """Give the wall time of the next scheduled probe, None when none is."""
        now = self._clock.monotonic()
        at = self.breaker.probe_at(now)
        if self.breaker.state is State.CLOSED or at is None:
            return None
        return self._clock.wall() + max(0.0, at - now)


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
