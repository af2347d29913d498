"""The way to the server: every call under a permit, every fault judged."""

from collections.abc import Awaitable, Callable, Collection

from ..circuit.breaker import Permit, Result
from ..circuit.circuit import Circuit
from ..circuit.health import Health
from ..model.faults import Fault, FaultClass
from ..model.holds import Hold
from .judge import About, Judge, Purpose


class CircuitRefusedError(Exception):
    """The circuit gives no permit now."""


class GuardedCalls:
    """Make the calls of one turn, or of one caller that waits, and keep the permit to the end."""

    def __init__(
        self,
        circuit: Circuit,
        health: Health,
        judge: Judge,
        permit: Permit | None = None,
        past: Collection[Hold] = (),
    ) -> None:
        """Take the permit with which a turn was begun, if it has one already.

        ``past`` names the holds that do not concern these calls.
        """
        self._circuit = circuit
        self._health = health
        self._judge = judge
        self._permit = permit
        self._past = past
        self._wrote = False  # an edit or an upload went well
        self._failed = False
        self._complete = False  # all that was to be done was done
        self.refused: Fault | None = None  # the server's, or the token's: no more calls

    async def make[T](self, work: Callable[[], Awaitable[T]], about: About) -> T:
        """Make one call. Raises CircuitRefusedError, or the Fault with its scope."""
        await self._admit()
        began = self._judge.next_number()
        try:
            result = await work()
        except Fault as fault:
            raise await self.judged(fault, about) from None
        if about.purpose in (Purpose.EDIT, Purpose.UPLOAD):
            self._wrote = True
        self._judge.worked(about, began)
        return result

    async def judged(self, fault: Fault, about: About) -> Fault:
        """Return a fault with its scope; one of the server's or the token's ends these calls."""
        self._failed = True
        verdict = await self._judge.decide(fault, about)
        if verdict.kind in (
            FaultClass.SERVER,
            FaultClass.AUTH,
            FaultClass.WRONG_SERVER,
        ):
            self.refused = self.refused or verdict
        return verdict

    def completed(self) -> None:
        """Note that nothing was left undone: a trial without a write had nothing to write."""
        self._complete = True

    def saw_write(self) -> None:
        """Note that a write whose outcome was unknown has arrived: the server takes writes."""
        self._wrote = True

    async def _admit(self) -> None:
        """Ask for one call; waits while a probe is under way that somebody asked for."""
        if self._permit is not None and self._permit.trial:
            return
        permit, self._permit = self._permit, None
        if permit is None:
            permit = self._circuit.admit(self._past)
            while permit is None and self._health.is_asking:
                await self._health.until_idle()
                permit = self._circuit.admit(self._past)
            if permit is not None and permit.trial:
                # The circuit opened meanwhile: calls that began before that are no trial.
                await self._circuit.end_trial(permit, Result.NEUTRAL)
                permit = None
        if permit is None:
            raise CircuitRefusedError

    async def finish(self) -> None:
        """End a trial: it succeeded if it wrote, and is quiet if there was nothing to write.

        One that failed, was cancelled or broke off says nothing of the server.
        """
        permit, self._permit = self._permit, None
        if permit is None or not permit.trial:
            return
        quiet = self._complete and not self._failed
        says = Result.QUIET if quiet else Result.NEUTRAL
        await self._circuit.end_trial(permit, Result.SUCCESS if self._wrote else says)
