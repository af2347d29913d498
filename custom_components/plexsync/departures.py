"""When to look for records that their source has no more, and what to tell of it."""

import asyncio
from datetime import datetime
import logging
from typing import TYPE_CHECKING

from homeassistant.core import CALLBACK_TYPE, callback
from homeassistant.helpers.event import async_call_later

from .const import DOMAIN
from .engine.database import StorageError
from .engine.departures import Departed
from .engine.holds import SourceHold
from .engine.retry import Backoff, Fault

if TYPE_CHECKING:
    from .coordinator import PlexSyncCoordinator

_LOGGER = logging.getLogger(__name__)

_SOON = 5.0  # seconds, so that what is deleted together is looked for together
_HOUR = 3600.0  # between two comparisons of everything that only a sign asked for
_AGAIN = 600.0  # seconds until the second look, which proves what the first one saw
_ASKED = Backoff(_AGAIN, 6 * _HOUR)  # while the owner is asked: perhaps they come back


class DepartureWatch:
    """Look after each sweep, and when a source shows that something is gone."""

    def __init__(self, coordinator: PlexSyncCoordinator) -> None:
        """Begin without a look."""
        self._coordinator = coordinator
        # By source: the monotonic time of the next look, and how to call it off.
        self._later: dict[str, tuple[float, CALLBACK_TYPE]] = {}
        self._asked: dict[str, int] = {}  # looks while the owner is asked, by source
        self._compares: CALLBACK_TYPE | None = None
        self._comparing: asyncio.Task[None] | None = None
        self._compared = float("-inf")  # monotonic seconds
        self._closed = False

    @callback
    def start(self) -> None:
        """Look again at what the owner was asked about before."""
        for source, holds in self._coordinator.engine.source_holds.all.items():
            if SourceHold.MASS_CHANGE in holds:
                self.look_soon(source, _AGAIN)

    async def look(self, source: str) -> None:
        """Compare what is known of a source with all that it has.

        A source, or a database, that fails proves nothing: others tell of that.
        """
        if (runner := self._coordinator.runners.get(source)) is None:
            return
        engine = self._coordinator.engine
        try:
            found = await engine.departures.look(
                source,
                runner.source.listing(),
                engine.clock.steady(),
                runner.when_gone,
            )
        except Fault, StorageError:
            if SourceHold.MASS_CHANGE in engine.source_holds.of(source):
                self._look_while_asked(source)
            return
        self._tell(source, found)
        if found.asks:
            self._look_while_asked(source)
            return
        self._asked.pop(source, None)
        if found.again:
            self.look_soon(source, _AGAIN)

    def _look_while_asked(self, source: str) -> None:
        """Look later, each time for longer, whether the question is still one."""
        step = self._asked.get(source, 0)
        self._asked[source] = step + 1
        random = self._coordinator.engine.random
        self.look_soon(source, _ASKED.delay(step, random))

    @callback
    def look_soon(self, source: str, delay: float = 0.0) -> None:
        """Look after some seconds, unless a look is to come by then anyway."""
        if self._closed:
            return  # a look that was under way ends after us
        at = self._coordinator.engine.clock.monotonic() + delay
        if (later := self._later.get(source)) is not None:
            if later[0] <= at:
                return
            later[1]()

        @callback
        def begin(now: datetime) -> None:
            del self._later[source]
            self._coordinator.config_entry.async_create_background_task(
                self._coordinator.hass, self.look(source), f"{DOMAIN} departures"
            )

        stop = async_call_later(self._coordinator.hass, delay, begin)
        self._later[source] = at, stop

    @callback
    def job_ended(self, source: str, kind: str) -> None:
        """Look for what a job of a source may have taken away, or dealt anew."""
        if kind == "clean":
            self.look_soon(source, _SOON)
        elif kind == "import":
            self._compare_soon()

    @callback
    def lost(self, source: str, kind: str) -> None:
        """Look for what is gone: records, or what records are made of."""
        if kind == "records":
            self.look_soon(source, _SOON)
        else:
            self._compare_soon()

    @callback
    def _compare_soon(self) -> None:
        """Compare everything: no record tells that what it is made of is gone.

        A comparison that runs already has read some of it before.
        """
        coordinator = self._coordinator
        if self._closed or self._compares is not None:
            return
        now = coordinator.engine.clock.monotonic()
        delay = max(_SOON, self._compared + _HOUR - now)

        @callback
        def begin(_: datetime) -> None:
            self._compares = None
            self._compared = coordinator.engine.clock.monotonic()
            # One that waits already begins after this sign, too.
            if self._comparing is None or self._comparing.done():
                self._comparing = coordinator.config_entry.async_create_background_task(
                    coordinator.hass,
                    coordinator.reconcile.start_next(),
                    f"{DOMAIN} comparison",
                )

        self._compares = async_call_later(coordinator.hass, delay, begin)

    @callback
    def close(self) -> None:
        """Look no more."""
        self._closed = True
        for _, stop in self._later.values():
            stop()
        self._later.clear()
        if self._compares is not None:
            self._compares()
            self._compares = None
        if self._comparing is not None:
            self._comparing.cancel()

    def _tell(self, source: str, found: Departed) -> None:
        if found.parted:
            _LOGGER.info(
                "Source %s has %s records no more, of %s",
                self._coordinator.runners[source].name,
                found.parted,
                found.known,
            )
