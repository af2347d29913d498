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
        """Take where to save to, and the circuit's name for the log."""
        self._store = store
        self._clock = clock
        self._name = name
        self._saving = asyncio.Lock()
        self._failures = 0  # in a row
        self._last = clock.monotonic()
        self._again: float | None = None  # before the next heartbeat
        self.failed = False
        self.has_tried = False

    async def load(self) -> dict[str, Any] | None:
        """Return what was saved last. Raises ValueError, OSError as the store does."""
        return None if self._store is None else await self._store.load()

    async def save(
        self, snapshot: Callable[[], dict[str, Any]]
    ) -> dict[str, Any] | None:
        """Save now; return what is on disk by that, or None.

        A failure is logged once, and tried again later; it is never raised.
        """
        if self._store is None:
            self._last = self._clock.monotonic()
            return None
        async with self._saving:
            data = snapshot()
            try:
                await self._store.save(data)
            except OSError:
                self._note_failure()
                return None
            finally:
                self._last = self._clock.monotonic()
                self.has_tried = True
            if self.failed:
                _LOGGER.info("%s: the circuit's state is saved again", self._name)
            self.failed, self._failures, self._again = False, 0, None
            return data

    def _note_failure(self) -> None:
        self._again = self._clock.monotonic() + _AGAIN.whole(self._failures)
        self._failures += 1
        if not self.failed:
            _LOGGER.error("%s: the circuit's state cannot be saved", self._name)
        self.failed = True

    def soon(self) -> bool:
        """Ask for a save; return whether that is news: after a failure one comes anyway."""
        if self._again is not None:
            return False
        self._again = self._clock.monotonic()
        return True

    @property
    def due_at(self) -> float:
        """The monotonic time of the next save."""
        heartbeat = self._last + HEARTBEAT
        return heartbeat if self._again is None else min(heartbeat, self._again)
