"""Calls that may take long, beside everything else: nobody waits long for one."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from ..database.database import StorageError
from ..model.faults import Fault
from ..util.bell import Bell
from ..util.unforeseen import tell
from .bulkheads import Bulkheads
from .guarded_calls import CircuitRefusedError, GuardedCalls

_PATIENCE = 2.0  # seconds that the others wait


class SideCalls:
    """Make such calls as tasks of their own, each with a permit of its own."""

    def __init__(
        self,
        bulkheads: Bulkheads,
        calls: Callable[[], GuardedCalls],
        bell: Bell,
        now: Callable[[], float],
    ) -> None:
        """Take the bell to ring when a long call is over; ``now`` is a monotonic clock."""
        self._bulkheads = bulkheads
        self._calls = calls
        self._bell = bell
        self._now = now
        self._tasks: set[asyncio.Task[Any]] = set()

    async def call[T](
        self, kind: str, work: Callable[[GuardedCalls], Coroutine[Any, Any, T]]
    ) -> T | None:
        """Do some work; None where it takes longer, and its kind is shut until it ends.

        Raises what the work raises.
        """
        task = asyncio.create_task(work(self._calls()))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        try:
            done, _ = await asyncio.wait({task}, timeout=_PATIENCE)
        except asyncio.CancelledError:
            task.cancel()  # else the log would tell of a fault that nobody takes
            raise
        if done:
            return task.result()
        self._bulkheads.occupy(kind, self._now())
        task.add_done_callback(lambda done: self._over(done, kind))
        return None

    def _over(self, task: asyncio.Task[Any], kind: str) -> None:
        """Log an unforeseen error, and wake those that wait for the call."""
        error = None if task.cancelled() else task.exception()
        if error and not isinstance(error, Fault | CircuitRefusedError | StorageError):
            tell(error)
        self._bulkheads.free(kind)
        self._bell.ring()

    async def stop(self) -> None:
        """End all calls."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
