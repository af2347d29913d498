"""The breaker's host: permits, holds, transitions, and the outage log.

The breaker decides whether Plex may be called. This class gives it a memory and
tells the world what it decided; ``health.py`` probes for it, ``judge.py`` brings it
what speaks against the server. Without a store it works the same, in memory.
"""

import asyncio
from collections.abc import Collection
import logging
from random import Random
from typing import Any

from ..model.events import (
    Changed,
    CircuitClosed,
    CircuitHalfOpened,
    CircuitOpened,
    HoldChanged,
    Tell,
    nobody_listens,
)
from ..model.holds import REFUSED, Hold
from ..model.ports import BreakerStore
from ..model.reasons import Reason
from ..util.bell import Bell
from ..util.clock import Clock
from ..util.concurrency import to_its_end
from .breaker import Breaker, Permit, Policy, Result, State
from .evidence import Evidence
from .outages import OutageLog
from .pace import Pace
from .saves import Saves
from .validation import read_mapping

_LOGGER = logging.getLogger(__name__)

_SLEEP = 60.0  # seconds that only the wall clock counted: it was set, or all slept


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
        tell: Tell = nobody_listens,
    ) -> None:
        """Take the store for its state; ``name`` tells several servers apart in the log."""
        self.name = name
        self._clock = clock
        self._tell = tell
        self.breaker = Breaker(random, policy)
        self.pace = Pace(clock.monotonic)
        self.outages = OutageLog()
        self.holds: set[Hold] = set()
        self.bell = Bell()  # for whoever waits for work or a permit
        self.wake = asyncio.Event()  # for the prober
        self.wanted = False  # somebody waits for a permit
        self.reachable: bool | None = None  # what the last call showed
        self.ledger_id: str | None = None  # which ledger this circuit's server has
        self.evidence = Evidence()
        self.saves = Saves(store, clock, name)
        self._state = self.breaker.state  # as it was told last
        self._unsaved = 0  # transitions whose save is not over yet
        self._half_opened = False  # in this outage, and told
        self._ahead = clock.wall() - clock.monotonic()  # at the last look

    # -- memory ----------------------------------------------------------------

    async def load(self) -> str | None:
        """Take up what was saved; return what was wrong with it, or None.

        Never raises. A state that cannot be used starts a closed circuit, with a
        probe before its first job.
        """
        problem: str | None = None
        data: dict[str, Any] | None = None
        try:
            data = await self.saves.load()
        except ValueError, OSError:
            problem = "unreadable"
        wall, now = self._clock.wall(), self._clock.monotonic()
        if data is not None:
            try:
                self.breaker.restore(read_mapping(data.get("breaker")), now, wall)
            except ValueError:
                problem = "invalid"
            try:
                self.pace.restore(read_mapping(data.get("pace", {})))
                self.outages, bad = OutageLog.restore(read_mapping(data.get("outages")))
            except ValueError:
                bad = 1
            if bad:
                problem = "invalid"
            if isinstance(known := data.get("ledger_id"), str):
                self.ledger_id = known
            if self.breaker.state is State.CLOSED:
                self.evidence.restore(data, wall)
        self._state = self.breaker.state
        # Make the log agree with the state: while not closed, an outage is under way.
        if self._state is State.CLOSED:
            self.outages.ended(min(wall, self.outages.seen or wall))
        elif self.outages.current is None:
            self.outages.began(wall, Reason.UNKNOWN)
        # Nobody looked since the last save, unless by the clock no time has passed.
        self.outages.observe(wall, gap=True)
        return problem

    def snapshot(self) -> dict[str, Any]:
        """Describe everything that the store keeps."""
        now, wall = self._clock.monotonic(), self._clock.wall()
        return {
            "breaker": self.breaker.snapshot(now, wall),
            "pace": self.pace.snapshot(),
            "outages": self.outages.snapshot(),
            "ledger_id": self.ledger_id,
            **self.evidence.snapshot(),
        }

    async def save(self) -> None:
        """Save now; a failure is remembered and tried again, never raised."""
        wall = self._clock.wall()
        ahead = wall - self._clock.monotonic()
        slept = ahead - self._ahead > _SLEEP
        self._ahead = ahead
        self.outages.observe(wall, gap=slept or bool(self.holds & REFUSED))
        if (saved := await self.saves.save(self.snapshot)) is not None:
            self.evidence.on_disk = saved["first_fault"] is not None
        self.notify()

    def save_soon(self) -> None:
        """Have the prober save, though nothing has moved."""
        self.saves.hurry()
        self.wake.set()

    # -- permits ---------------------------------------------------------------

    def admit(self, past: Collection[Hold] = ()) -> Permit | None:
        """Return a permit, or None; then the bell tells when to ask again.

        No permit is given between a transition and the end of its save. ``past``
        names the holds that do not concern who asks.
        """
        if self.holds.difference(past) or self._unsaved:
            return None
        permit = self.breaker.admit(self._clock.monotonic())
        if permit is None:
            self.wanted = True
            self.wake.set()
        return permit

    def wait(self) -> float | None:
        """Return the seconds after which to ask again unless ``changed`` comes first."""
        if self.holds:
            return None
        wait = self.breaker.not_before - self._clock.monotonic()
        return wait if wait > 0 else None

    async def end_trial(self, permit: Permit, result: Result) -> None:
        """Take a permit back with what its trial showed."""
        self.breaker.end_trial(permit, result, self._clock.monotonic())
        self.notify()  # the next one may begin
        await self.moved("recovery")

    async def finish_trials(self) -> None:
        """Close after a trial that had nothing to write, if no job is left to try."""
        self.breaker.finish_trials()
        await self.moved("recovery")

    # -- evidence --------------------------------------------------------------

    def edit_worked(self) -> None:
        """Note that an edit went well: no run of failures goes on over it."""
        self.pace.worked()
        self.breaker.worked()
        self.evidence.forget()
        # After a kill, an outage would be dated back to the fault that is on disk.
        if self.evidence.on_disk:
            self.save_soon()

    async def trip(
        self, reason: str, *, since: float, retry_after: float | None = None
    ) -> None:
        """Open: the server is in trouble, and has been since then (wall time)."""
        self.missed(since)
        self.breaker.trip(self._clock.monotonic(), retry_after)
        await self.moved(reason)

    async def throttled(self, reason: str, retry_after: float | None) -> None:
        """Let all calls wait, as the server asks."""
        self.pace.trouble()
        if self.breaker.throttle(self._clock.monotonic(), retry_after):
            self.evidence.begins(self._clock.wall())
        await self.moved(reason)

    def missed(self, since: float) -> None:
        """Note that the server did not answer, or not as itself."""
        self.reachable = False
        self.evidence.begins(since)

    async def expire(self) -> None:
        """Count a trial that was forgotten."""
        self.breaker.expire(self._clock.monotonic())
        await self.moved("lease_expired")

    # -- by hand ---------------------------------------------------------------

    async def reset(self) -> None:
        """Close by hand; a probe precedes the next job."""
        self.breaker.reset()
        self.evidence.forget()
        self.outages.ended(self._clock.wall(), by="reset")
        await self.moved("reset")
        await self.save()  # also where it was closed
        self.wake.set()

    def hold(self, hold: Hold, active: bool) -> None:
        """Set or lift a hold; it changes no circuit state."""
        if active is (hold in self.holds):
            return
        (self.holds.add if active else self.holds.discard)(hold)
        level = logging.WARNING if active and hold is not Hold.SWITCH else logging.INFO
        says = "are held" if active else "are no longer held"
        _LOGGER.log(level, "%s: jobs %s (%s)", self.name, says, hold)
        self._tell(HoldChanged(hold, active))
        self.notify()
        self.wake.set()

    # -- the notifications socket ------------------------------------------------

    def may_listen(self) -> bool:
        """Return whether the socket may try to connect.

        While the circuit is open there is one schedule, and the probe has it: the
        socket's turn comes as soon as a probe has passed. Nor is a server asked
        that refuses the token or is another one, except by the probe.
        """
        return self.breaker.state is not State.OPEN and not (self.holds & REFUSED)

    # -- transitions -------------------------------------------------------------

    async def moved(self, cause: str) -> None:
        """Follow a transition: log it, tell it, and save it before anybody goes on."""
        before, state = self._state, self.breaker.state
        if state is before:
            return
        self._state = state
        wall = self._clock.wall()
        if state is State.OPEN:
            self.outages.began(self.evidence.first_fault or wall, cause)
        elif state is State.CLOSED:
            self.outages.ended(wall)
            self.pace.begin()
            self.evidence.forget()
        self.evidence.run.clear()
        self._announce(before, state, cause)
        self._unsaved += 1
        try:
            await self.save()
        except asyncio.CancelledError:
            await to_its_end(self.save())  # of the caller this is no matter
            raise
        finally:
            self._unsaved -= 1
            self.notify()
            self.wake.set()

    def _announce(self, before: State, state: State, cause: str) -> None:
        if state is State.HALF_OPEN and self._half_opened:
            return  # told once in an outage, however many trials fail
        if state is State.OPEN and before is State.HALF_OPEN:
            return
        self._half_opened = state is State.HALF_OPEN
        level = logging.WARNING if before is State.CLOSED else logging.INFO
        _LOGGER.log(level, "%s: the circuit is %s (%s)", self.name, state, cause)
        if state is State.OPEN:
            self._tell(CircuitOpened(cause))
        elif state is State.HALF_OPEN:
            self._tell(CircuitHalfOpened(cause))
        else:
            last = self.outages.outages[-1]
            self._tell(CircuitClosed(cause, last.duration, last.jobs))

    def notify(self) -> None:
        """Wake all that wait, and tell the listener that something changed."""
        self.bell.ring()
        self._tell(Changed())

    def next_probe(self) -> float | None:
        """Return the wall time of the next scheduled probe, None when none is."""
        now = self._clock.monotonic()
        at = self.breaker.probe_at(now)
        if self.breaker.state is State.CLOSED or at is None:
            return None
        return self._clock.wall() + max(0.0, at - now)
