"""Calls for those that wait for an answer: let through at once, or refused with a reason.

The worker does not come this way: ``queue.claim_trial`` says which job is its trial.
"""

from collections.abc import AsyncGenerator
import contextlib

from ..circuit.breaker import Permit, State
from ..circuit.circuit import Circuit
from ..circuit.health import Health
from ..model.faults import BROKEN_OFF, Fault, FaultClass
from ..model.holds import Hold, foremost
from ..model.reasons import Reason
from .guarded_calls import CircuitRefusedError, GuardedCalls
from .judge import Judge


class Admission:
    """Admit callers that wait for an answer; the worker has permits of its own."""

    def __init__(self, circuit: Circuit, health: Health, judge: Judge) -> None:
        """Take the circuit, its health checks and the judge of faults."""
        self._circuit = circuit
        self._health = health
        self._judge = judge
        self._closed = False

    def close(self) -> None:
        """Admit nobody from now on: the engine closes."""
        self._closed = True

    @contextlib.asynccontextmanager
    async def calls(self, past: frozenset[Hold]) -> AsyncGenerator[GuardedCalls]:
        """Give the calls of one caller that waits; a refusal becomes a Fault.

        ``past`` names the holds that do not concern these calls. After a start only
        the probe before the first call may be missing: it is made.
        """
        circuit = self._circuit
        permit = self._admit(past)
        probe = circuit.breaker.state is State.CLOSED and not circuit.breaker.verified
        if probe and not (self._closed or circuit.holds.difference(past)):
            await self._health.ask()
            permit = self._admit(past)
        calls = GuardedCalls(circuit, self._health, self._judge, permit, past)
        try:
            if permit is None:
                raise self._refusal(past)
            yield calls
        except CircuitRefusedError as error:
            raise self._refusal(past) from error
        except Fault as fault:
            if not self._closed:
                raise
            raise self._refusal(past) from fault  # it was we who broke the call off
        finally:
            await calls.finish()
            circuit.notify()

    def _admit(self, past: frozenset[Hold]) -> Permit | None:
        return None if self._closed else self._circuit.admit(past)

    def _refusal(self, past: frozenset[Hold]) -> Fault:
        if self._closed:
            return Fault(FaultClass.SERVER, BROKEN_OFF)
        hold = foremost(self._circuit.holds.difference(past))
        return Fault(
            FaultClass.SERVER, Reason.HELD if hold else Reason.CIRCUIT_OPEN, hold=hold
        )
