"""When to look for records that their source no longer has."""

import asyncio
from collections.abc import Callable, Coroutine
from datetime import datetime
import logging
from typing import Any

from homeassistant.core import CALLBACK_TYPE, callback
from homeassistant.helpers.event import async_call_later

from .const import DOMAIN
from .engine.database.database import StorageError
from .engine.model.faults import Backoff, Fault
from .engine.model.holds import SourceHold
from .host import Host

_LOGGER = logging.getLogger(__name__)

_SOON = 5.0  # seconds, so that records deleted together are looked for together
_HOUR = 3600.0  # seconds at least between comparisons that a mere sign triggers
_AGAIN = 600.0  # seconds until the second look, which confirms the first one
_ASKED = Backoff(_AGAIN, 6 * _HOUR)  # while the owner is asked: records may come back


class GoneWatch:
    """Look for records that are gone, after a sweep, and when a source shows signs of loss."""

    def __init__(
        self, host: Host, compare: Callable[[], Coroutine[Any, Any, None]]
    ) -> None:
        """Initialize without a look; ``compare`` starts a run over everything."""
        self._host = host
        self._compare = compare
        # By source: the monotonic time of the next look, and how to cancel it.
        self._later: dict[str, tuple[float, CALLBACK_TYPE]] = {}
        self._asked: dict[str, int] = {}  # looks while the owner is asked, by source
        self._compares: CALLBACK_TYPE | None = None
        self._comparing: asyncio.Task[None] | None = None
        self._compared = float("-inf")  # monotonic seconds
        self._closed = False

    @callback
    def start(self) -> None:
        """Look again at sources that the owner was asked about before the start."""
        for source, holds in self._host.engine.source_holds.all.items():
            if SourceHold.MASS_CHANGE in holds:
                self.look_soon(source, _AGAIN)

    async def look(self, source: str) -> None:
        """Compare the records known of a source with all that it has.

        If the source or the database fails, nothing is proven; others report the error.
        """
        if (runner := self._host.runners.get(source)) is None:
            return
        engine = self._host.engine
        try:
            found = await engine.gone_records.look(
                source,
                runner.source.listing(),
                engine.clock.steady(),
                runner.when_gone,
            )
        except Fault, StorageError:
            if SourceHold.MASS_CHANGE in engine.source_holds.of(source):
                self._look_while_asked(source)
            return
        if found.parted:
            _LOGGER.info(
                "Source %s no longer has %s of its %s records",
                runner.name,
                found.parted,
                found.known,
            )
        if found.asks:
            self._look_while_asked(source)
            return
        self._asked.pop(source, None)
        if found.again:
            self.look_soon(source, _AGAIN)

    def _look_while_asked(self, source: str) -> None:
        """Check later whether the question still applies, with growing waits."""
        step = self._asked.get(source, 0)
        self._asked[source] = step + 1
        random = self._host.engine.random
        self.look_soon(source, _ASKED.delay(step, random))

    @callback
    def look_soon(self, source: str, delay: float = 0.0) -> None:
        """Look after some seconds, unless a look is scheduled by then anyway."""
        if self._closed:
            return  # a look that was under way may end after the close
        at = self._host.engine.clock.monotonic() + delay
        if (later := self._later.get(source)) is not None:
            if later[0] <= at:
                return
            later[1]()

        @callback
        def begin(now: datetime) -> None:
            del self._later[source]
            self._host.entry.async_create_background_task(
                self._host.hass, self.look(source), f"{DOMAIN} gone records"
            )

        stop = async_call_later(self._host.hass, delay, begin)
        self._later[source] = at, stop

    @callback
    def job_ended(self, source: str, kind: str) -> None:
        """Look for records that a job of the source may have removed or changed."""
        if kind == "clean":
            self.look_soon(source, _SOON)
        elif kind == "import":
            self._compare_soon()

    @callback
    def lost(self, source: str, kind: str) -> None:
        """Look for losses: of records, or of things that records refer to."""
        if kind == "records":
            self.look_soon(source, _SOON)
        else:
            self._compare_soon()

    @callback
    def _compare_soon(self) -> None:
        """Compare everything: records do not show that what they refer to is gone.

        A comparison under way does not count, as it read some records before the loss.
        """
        host = self._host
        if self._closed or self._compares is not None:
            return
        now = host.engine.clock.monotonic()
        delay = max(_SOON, self._compared + _HOUR - now)

        @callback
        def begin(_: datetime) -> None:
            self._compares = None
            self._compared = host.engine.clock.monotonic()
            # A comparison that still waits to start will see this loss, too.
            if self._comparing is None or self._comparing.done():
                self._comparing = host.entry.async_create_background_task(
                    host.hass,
                    self._compare(),
                    f"{DOMAIN} comparison",
                )

        self._compares = async_call_later(host.hass, delay, begin)

    @callback
    def close(self) -> None:
        """Cancel all looks."""
        self._closed = True
        for _, stop in self._later.values():
            stop()
        self._later.clear()
        if self._compares is not None:
            self._compares()
            self._compares = None
        if self._comparing is not None:
            self._comparing.cancel()
