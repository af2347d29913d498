"""Home Assistant's backups: a database file that is whole when it is copied."""

import asyncio
from collections.abc import Awaitable, Callable
import logging

from homeassistant.core import HomeAssistant

from .const import DOMAIN
from .coordinator import PlexSyncConfigEntry, PlexSyncCoordinator

_LOGGER = logging.getLogger(__name__)

_PATIENCE = 30.0  # seconds that a backup waits for us


async def async_pre_backup(hass: HomeAssistant) -> None:
    """Put all that was accepted into the files, and leave them alone meanwhile.

    Accepting and writing go on. A backup is never stopped: whatever fails here
    makes ours less good, not everybody's impossible.
    """
    await _for_all(hass, lambda each: each.backup.begin(each.engine.clock.wall()))


async def async_post_backup(hass: HomeAssistant) -> None:
    """Go on as before."""
    await _for_all(hass, lambda each: each.backup.end())


async def _for_all(
    hass: HomeAssistant, step: Callable[[PlexSyncCoordinator], Awaitable[None]]
) -> None:
    entries: list[PlexSyncConfigEntry] = hass.config_entries.async_loaded_entries(
        DOMAIN
    )

    async def one(coordinator: PlexSyncCoordinator) -> None:
        async with asyncio.timeout(_PATIENCE):
            await step(coordinator)

    results = await asyncio.gather(
        *(one(entry.runtime_data) for entry in entries), return_exceptions=True
    )
    for result in results:
        if isinstance(result, BaseException):
            _LOGGER.warning("The backup may be without the newest (%r)", result)
