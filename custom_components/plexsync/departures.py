"""When to look for records that their source has no more, and what to tell of it."""

import asyncio
import logging
from typing import TYPE_CHECKING

from homeassistant.core import CALLBACK_TYPE, callback
from homeassistant.helpers.event import async_call_later

from . import issues
from .const import DOMAIN
from .engine.database import StorageError
from .engine.departures import Departed
from .engine.retry import Fault

if TYPE_CHECKING:
    from datetime import datetime

    from .coordinator import PlexSyncCoordinator

_LOGGER = logging.getLogger(__name__)

_AGAIN = 600.0  # seconds until the second look, which proves what the first one saw


class DepartureWatch:
    """Look after each sweep, and when a source shows that something is gone."""

    def __init__(self, coordinator: PlexSyncCoordinator) -> None:
        """Begin without a look."""
        self._coordinator = coordinator
        self._one_look = asyncio.Lock()
        self._later: dict[str, CALLBACK_TYPE] = {}

    async def look(self, source: str) -> None:
        """Compare what is known of a source with all that it has.

        A source, or a database, that fails proves nothing: others tell of that.
        """
        if (runner := self._coordinator.runners.get(source)) is None:
            return
        engine = self._coordinator.engine
        try:
            async with self._one_look:
                found = await engine.departures.look(
                    source,
                    runner.source.listing(),
                    engine.clock.steady(),
                    runner.when_gone,
                )
        except Fault, StorageError:
            return
        self._tell(source, found)
        if found.again:
            self.look_soon(source, _AGAIN)

    @callback
    def look_soon(self, source: str, delay: float = 0.0) -> None:
        """Look after some seconds, unless a look is to come anyway."""
        if source in self._later:
            return

        @callback
        def begin(now: datetime) -> None:
            del self._later[source]
            self._coordinator.config_entry.async_create_background_task(
                self._coordinator.hass, self.look(source), f"{DOMAIN} departures"
            )

        self._later[source] = async_call_later(self._coordinator.hass, delay, begin)

    @callback
    def close(self) -> None:
        """Look no more."""
        for stop in self._later.values():
            stop()
        self._later.clear()

    def _tell(self, source: str, found: Departed) -> None:
        coordinator = self._coordinator
        issues.async_follow_departures(
            coordinator.hass, coordinator.config_entry, source, found
        )
        if found.parted:
            _LOGGER.info(
                "Source %s has %s records no more, of %s",
                coordinator.runners[source].name,
                found.parted,
                found.known,
            )
