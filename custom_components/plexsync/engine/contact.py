"""One batch's way to the server: every call under a permit of the circuit."""

from collections.abc import Awaitable, Callable, Collection

from .breaker import Permit
from .circuit import Circuit, Hold, Proof
from .ports import Server
from .retry import Fault, FaultClass

SUSPECTS = 3  # different items in a row that answer 500 are no coincidence


class CircuitRefusedError(Exception):
    """The circuit gives no permit now."""


class Contact:
    """Make calls, report what they say of the server, hold a trial to its end."""

    def __init__(
        self,
        circuit: Circuit,
        server: Server,
        permit: Permit | None,
        past: Collection[Hold] = (),
    ) -> None:
        """Take the permit with which the batch was begun, if it has one already.

        ``past`` names the holds that do not concern these calls.
        """
        self._past = past
        self._circuit = circuit
        self._server = server
        self._permit = permit
        self.proof = Proof.NONE  # the best that the server has shown so far
        self.fault: Fault | None = None  # the server's or the token's, not an item's

    async def call[T](
        self, work: Callable[[], Awaitable[T]], item: str | None = None
    ) -> T:
        """Make one call; ``item`` names the item that it is about, if it is about one.

        Raises CircuitRefusedError, or the Fault. A 500 is the item's if the
        database answers right after and not every item fares like it.
        """
        permit = self._permit or self._circuit.admit(self._past)
        if permit is None:
            raise CircuitRefusedError
        self._permit = permit if permit.trial else None
        requests = self._server.requests
        proof = Proof.READ if item is None else Proof.WRITE
        try:
            result = await self._judged(work, item)
        except Fault as fault:
            if fault.kind is not FaultClass.ITEM:
                self.fault = self.fault or fault
                self._permit = None
                await self._circuit.settle(permit, fault, proof)
            else:
                await self._answered(permit, Proof.READ)
            raise
        except BaseException:
            self._permit = None
            self._circuit.release(permit)
            raise
        if item is not None:
            self._circuit.suspects.clear()
        if self._server.requests == requests:
            proof = Proof.NONE
        await self._answered(permit, proof)
        return result

    async def _answered(self, permit: Permit, proof: Proof) -> None:
        """Note an answer; a trial is settled at its end only."""
        self.proof = max(self.proof, proof)
        if not permit.trial:
            await self._circuit.settle(permit, None, proof)

    async def _judged[T](self, work: Callable[[], Awaitable[T]], item: str | None) -> T:
        try:
            return await work()
        except Fault as fault:
            if not fault.ambiguous or item is None:
                raise
            await self._server.probe_database()
            suspects = self._circuit.suspects
            suspects.add(item)
            if len(suspects) >= SUSPECTS:
                raise
            raise Fault(FaultClass.ITEM, fault.reason) from fault

    def saw_write(self) -> None:
        """Note that a write of unknown outcome stands there: writes do work."""
        self.proof = Proof.WRITE

    async def finish(self) -> None:
        """Settle a trial with the best that the server has shown."""
        if (permit := self._permit) is None:
            return
        self._permit = None
        await self._circuit.settle(permit, None, self.proof)
