"""What a circuit keeps in its store, so that a restart forgets nothing of it."""

import asyncio
import logging
from typing import TYPE_CHECKING, Any

from .breaker import State
from .clock import Clock
from .holds import Hold
from .outages import OutageLog
from .ports import BreakerStore

if TYPE_CHECKING:
    from .circuit import Circuit

_LOGGER = logging.getLogger(__name__)

HEARTBEAT = 900.0  # seconds between saves of "somebody still looks"
_SAVE_RETRY = (5.0, 300.0)  # first wait and cap after a failed save


class CircuitMemory:
    """Save one circuit and take it up again; without a store it keeps nothing."""

    def __init__(
        self, circuit: Circuit, store: BreakerStore | None, clock: Clock
    ) -> None:
        """Take the circuit, and where to keep it."""
        self._circuit = circuit
        self._store = store
        self._clock = clock
        self.save_failed = False
        self._saving = asyncio.Lock()
        self._save_again: float | None = None
        self._saves_failed = 0
        self._fault_on_disk = False
        self._saved_at = clock.monotonic()

    # -- a start -------------------------------------------------------------------

    async def load(self) -> str | None:
        """Take up what was saved; say what was wrong with it, None if nothing.

        Never raises: a record that cannot be used starts a closed circuit, with
        a probe before its first job.
        """
        circuit = self._circuit
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
                circuit.breaker.restore(_mapping(data.get("breaker")), now, wall)
            except ValueError, TypeError:
                problem = "invalid"
            try:
                circuit.pace.restore(_mapping(data.get("pace", {})))
                circuit.outages, bad = OutageLog.restore(_mapping(data.get("outages")))
            except ValueError:
                bad = 1
            if bad:
                problem = problem or "invalid"
            if isinstance(known := data.get("ledger_id"), str):
                circuit.ledger_id = known
            self._restore_run(data, wall)
        self._align_outage(wall)
        # Until now nobody looked, unless the clock says that this was no time at all.
        circuit.outages.observe(wall, gap=True)
        return problem

    def _restore_run(self, data: dict[str, Any], wall: float) -> None:
        circuit = self._circuit
        closed = circuit.breaker.state is State.CLOSED
        run, first = data.get("run"), data.get("first_fault")
        if closed and isinstance(run, dict):
            circuit.run = {item: refused is True for item, refused in run.items()}
        if circuit.run and _is_time(first, wall):
            circuit.first_fault, self._fault_on_disk = first, True
        elif closed:
            circuit.breaker.failures = len(circuit.run)

    def _align_outage(self, wall: float) -> None:
        """Make log and state agree: an open record belongs to a circuit not closed."""
        log = self._circuit.outages
        if self._circuit.breaker.state is State.CLOSED:
            log.ended(min(wall, log.seen or wall))
        elif log.current is None:
            log.began(wall, "unknown")

    # -- saves ---------------------------------------------------------------------

    def snapshot(self) -> dict[str, Any]:
        """Describe everything that the store keeps."""
        circuit = self._circuit
        now, wall = self._clock.monotonic(), self._clock.wall()
        return {
            "breaker": circuit.breaker.snapshot(now, wall),
            "pace": circuit.pace.snapshot(),
            "outages": circuit.outages.snapshot(),
            "first_fault": circuit.first_fault,
            "run": dict(circuit.run),
            "ledger_id": circuit.ledger_id,
        }

    async def save(self) -> None:
        """Save now; a failure is remembered and tried again, never raised."""
        circuit = self._circuit
        blind = bool(circuit.holds & {Hold.AUTH, Hold.WRONG_SERVER})
        circuit.outages.observe(self._clock.wall(), gap=blind)
        if self._store is None:
            return
        async with self._saving:
            data = self.snapshot()
            try:
                await self._store.save(data)
            except OSError:
                first, cap = _SAVE_RETRY
                wait = min(cap, first * 2.0**self._saves_failed)
                self._saves_failed = min(self._saves_failed + 1, 10)
                self._save_again = self._clock.monotonic() + wait
                if not self.save_failed:
                    _LOGGER.error(
                        "%s: the circuit's state cannot be saved", circuit.name
                    )
                self.save_failed = True
            else:
                if self.save_failed:
                    _LOGGER.info("%s: the circuit's state is saved again", circuit.name)
                self.save_failed = False
                self._save_again, self._saves_failed = None, 0
                self._fault_on_disk = data["first_fault"] is not None
                self._saved_at = self._clock.monotonic()
        circuit.notify()

    async def tend(self, now: float) -> float:
        """Save what is due to be saved; give the monotonic time of the next look."""
        if self._save_again is not None and now >= self._save_again:
            await self.save()
        if now - self._saved_at >= HEARTBEAT:
            await self.save()
            self._saved_at = now
        times = [self._saved_at + HEARTBEAT]
        return min(times if self._save_again is None else [*times, self._save_again])

    def forget_fault(self) -> None:
        """Save soon that the last fault was no outage's: a kill would date one back to it."""
        if self._fault_on_disk and self._save_again is None:
            self._save_again = self._clock.monotonic()
            self._circuit.wake.set()


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
