"""Probes: when the server is looked at, and what each look means for the circuit."""

import asyncio
from collections.abc import Awaitable, Callable

from ..database.database import StorageError
from ..model.faults import Backoff, Fault, FaultClass
from ..model.holds import BY_LOOK, Hold
from ..model.reasons import Reason
from ..util.clock import Clock
from ..util.concurrency import wait_at_most
from .breaker import Result, State
from .circuit import Circuit

AUTH_LIMIT = 3  # refused probes in a row before the owner is asked
_LONGEST_HOLD = 3600.0  # seconds between two looks at a server that refuses edits


class Health:
    """Look at the server when it is due, or when an answer to somebody is in doubt."""

    def __init__(
        self, circuit: Circuit, probe: Callable[[], Awaitable[None]], clock: Clock
    ) -> None:
        """Take the probe: process, then database; it raises Fault."""
        self._circuit = circuit
        self._probe = probe
        self._clock = clock
        self._probing = asyncio.Lock()
        self._begun = 0  # probes so far
        self._over = 0  # the last one that was not cancelled
        self._asking = 0  # who wait for one
        self._last: Fault | None = None  # what the last one found
        self._once_more = False  # if the one under way fails
        self._retry_at = float("-inf")  # no probe of a closed circuit before this
        self._refusals = 0  # in a row, by probes
        self._write_holds = 0  # since an edit went well
        self._held_looks = 0  # in a row that found the same hold as before

    async def run(self) -> None:
        """Probe when it is due, let forgotten permits expire, keep the saves going."""
        circuit = self._circuit
        while True:
            circuit.wake.clear()
            now = self._clock.monotonic()
            await circuit.expire()
            if (at := self._due(now)) is not None and at <= now:
                async with self._probing:
                    await self._probe_once()
                continue
            if circuit.saves.due_at <= now:
                await circuit.save()
            again = circuit.saves.due_at
            wait = min(again, again if at is None else at) - now
            await wait_at_most(circuit.wake, max(0.05, wait))

    def _due(self, now: float) -> float | None:
        """Return the monotonic time of the next probe, None while none is needed."""
        circuit = self._circuit
        if Hold.ADDRESS in circuit.holds:
            return None  # there is nobody to ask
        at = circuit.breaker.probe_at(now)
        refused = circuit.holds & BY_LOOK
        if at is None:
            return self._retry_at if refused else None
        closed = circuit.breaker.state is not State.OPEN
        if closed and not (circuit.wanted or refused):
            return None  # nobody waits for a permit
        return max(at, self._retry_at, circuit.breaker.not_before if closed else at)

    async def ask(self) -> Fault | None:
        """Return what a probe finds that begins after now; None: the server is well.

        Everybody who is in doubt at the same time shares one probe, and nobody
        else is let through before it has passed. Where the circuit is open by now
        that is the answer: the probes keep to their schedule.
        """
        seen = self._begun
        self._circuit.breaker.doubt()
        self._asking += 1
        try:
            async with self._probing:
                outage = self._circuit.outages.current
                if outage is not None and self._circuit.breaker.state is State.OPEN:
                    return self._last or Fault(FaultClass.SERVER, outage.cause)
                if self._over <= seen:
                    await asyncio.sleep(0)  # answers that came together doubt together
                    await self._probe_once()
                return self._last
        finally:
            self._asking -= 1

    async def until_idle(self) -> None:
        """Wait until no probe is under way."""
        async with self._probing:
            pass

    @property
    def is_asking(self) -> bool:
        """Return whether a probe is under way, or about to begin for somebody."""
        return self._probing.locked() or self._asking > 0

    def hurry(self) -> None:
        """Probe now: the server gave a sign of life.

        A probe that is under way may have begun too early to see it: if that one fails,
        another one follows at once.
        """
        self._once_more = self._probing.locked()
        self._bring_forward()

    def _bring_forward(self) -> None:
        self._circuit.breaker.hurry(self._clock.monotonic())
        self._retry_at = float("-inf")
        self._circuit.wake.set()

    def look(self) -> None:
        """Probe although nobody waits for a permit."""
        self._circuit.wanted = True
        self._circuit.wake.set()

    def sighted(self, there: bool) -> None:
        """Note that the socket was accepted, or that nobody answered it.

        Neither is evidence: the first brings a probe forward, the second only shows.
        """
        circuit = self._circuit
        if there and circuit.breaker.state is State.OPEN:
            self.hurry()  # a handshake that was under way when the circuit opened
        if there is not circuit.reachable:
            circuit.reachable = there
            circuit.notify()

    # -- what holds --------------------------------------------------------------

    def refuse_edits(self) -> None:
        """Hold: the token may read and not edit. Each time for longer."""
        wait = Backoff(self._circuit.breaker.policy.held, _LONGEST_HOLD)
        self._circuit.hold(Hold.AUTH, True)
        self._wait(wait.whole(self._write_holds))
        self._write_holds += 1

    def edit_worked(self) -> None:
        """Note that the token may edit."""
        self._write_holds = 0

    @property
    def edits_refused(self) -> bool:
        """Return whether edits were refused and none has gone well since."""
        return self._write_holds > 0

    def meet_wrong_server(self) -> None:
        """Hold: another machine answers."""
        self._circuit.reachable = False
        self._circuit.breaker.doubt()
        self._circuit.hold(Hold.WRONG_SERVER, True)
        self._wait_longer()

    def _wait_longer(self) -> None:
        """Look again, each time later, until that is six times an hour."""
        held = self._circuit.breaker.policy.held
        self._wait(Backoff(held / 5, held * 2).whole(self._held_looks))
        self._held_looks += 1

    def _wait(self, seconds: float) -> None:
        self._retry_at = self._clock.monotonic() + seconds
        self._circuit.wake.set()

    # -- one look ------------------------------------------------------------------

    async def _probe_once(self) -> None:
        circuit = self._circuit
        self._begun += 1
        self._once_more = False
        before, wall = circuit.breaker.state, self._clock.wall()
        token = circuit.breaker.begin_probe()
        fault: Fault | None = None
        result = Result.NEUTRAL
        try:
            await self._probe()
            result = Result.SUCCESS
        except Fault as error:
            fault = error
            if (
                fault.kind is FaultClass.SERVER
                and not fault.is_ours
                and not (fault.throttled and before is State.CLOSED)
            ):
                result = Result.FAILURE
        except StorageError:
            # Our own disk says nothing of the server: look again soon.
            self._over = self._begun
            self._last = Fault(FaultClass.SERVER, Reason.UNKNOWN)
            self._wait(circuit.breaker.policy.refused)
            return
        finally:
            # Also when cancelled: a probe that never ended would block all later ones.
            circuit.breaker.end_probe(
                token,
                result,
                self._clock.monotonic(),
                retry_after=fault.retry_after if fault else None,
            )
        self._last, self._over = fault, self._begun
        if fault is None:
            self._passed()
        elif fault.is_ours:
            return
        else:
            await self._failed(fault, wall)
        await circuit.moved(fault.reason if fault else "recovery")
        if result is Result.FAILURE:
            circuit.outages.touched(probes=1)  # of the outage that it may have found
        if before is State.OPEN is circuit.breaker.state:
            await circuit.save()  # the delay has grown, and a kill must not forget it
        if fault is not None and self._once_more:
            self._bring_forward()
        circuit.notify()

    def _passed(self) -> None:
        circuit = self._circuit
        circuit.wanted, circuit.reachable = False, True
        self._refusals = self._held_looks = 0
        self._retry_at = float("-inf")
        for hold in sorted(BY_LOOK):
            circuit.hold(hold, False)

    async def _failed(self, fault: Fault, wall: float) -> None:
        circuit, policy = self._circuit, self._circuit.breaker.policy
        if fault.kind is FaultClass.WRONG_SERVER:
            self.meet_wrong_server()
        elif fault.kind is FaultClass.AUTH:
            self._refusals += 1
            asked = self._refusals >= AUTH_LIMIT
            circuit.hold(Hold.AUTH, asked or Hold.AUTH in circuit.holds)
            if asked:
                self._wait_longer()
            else:
                self._wait(policy.refused)
        elif fault.kind is FaultClass.ITEM:
            # The server is well, but none of the chosen libraries is there.
            circuit.hold(Hold.LIBRARY, True)
            self._wait_longer()
        elif fault.throttled and circuit.breaker.state is State.CLOSED:
            await circuit.throttled(fault.reason, fault.retry_after)
        else:
            circuit.missed(wall)
