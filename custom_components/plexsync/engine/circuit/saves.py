"""Keep the circuit's state in a store, and try again when a save fails."""

import asyncio
from collections.abc import Callable
import logging
from typing import Any

from ..model.faults import Backoff
from ..model.ports import BreakerStore
from ..util.clock import Clock

_LOGGER = logging.getLogger(__name__)

HEARTBEAT = 900.0  # seconds between saves that only say "somebody still looks"
_AGAIN = Backoff(5.0, 300.0)  # until a save that failed is tried again


class Saves:
    """Save, and know when to save next. Without a store nothing is kept."""

    def __init__(self, store: BreakerStore | None, clock: Clock, name: str) -> None:
        """Take the store, and the circuit's name for the log."""
        self._store = store
        self._clock = clock
        self._name = name
        self._saving = asyncio.Lock()
        self._failures = 0  # in a row
        self.failed: bool | None = None  # whether the last save did; None: none yet
        self.due_at = clock.monotonic() + HEARTBEAT  # monotonic time of the next save

    async def load(self) -> dict[str, Any] | None:
        """Return what was saved last. Raises ValueError, OSError as the store does."""
        return None if self._store is None else await self._store.load()

    async def save(
        self, snapshot: Callable[[], dict[str, Any]]
    ) -> dict[str, Any] | None:
        """Save now; return what is on disk by that, or None.

        A failure is logged once, and tried again later; it is never raised.
        """
        async with self._saving:
            self.due_at = self._clock.monotonic() + HEARTBEAT
            if self._store is None:
                return None
            data = snapshot()
            try:
                await self._store.save(data)
            except OSError:
                self.due_at = self._clock.monotonic() + _AGAIN.whole(self._failures)
                self._failures += 1
                if not self.failed:
                    _LOGGER.error("%s: the circuit's state cannot be saved", self._name)
                self.failed = True
                return None
            if self.failed:
                _LOGGER.info("%s: the circuit's state is saved again", self._name)
            self.failed, self._failures = False, 0
            return data

    def hurry(self) -> None:
        """Bring the next save forward; after a failure it comes anyway, when it is due."""
        if not self._failures:
            self.due_at = min(self.due_at, self._clock.monotonic())
