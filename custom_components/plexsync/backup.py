"""Hooks for Home Assistant's backups: the database file is complete when copied."""

import asyncio
from collections.abc import Awaitable, Callable
import logging

from homeassistant.core import HomeAssistant

from .const import DOMAIN
from .coordinator import PlexSyncConfigEntry, PlexSyncCoordinator

_LOGGER = logging.getLogger(__name__)

_PATIENCE = 30.0  # seconds that a backup waits for us


async def async_pre_backup(hass: HomeAssistant) -> None:
    """Write everything that was accepted to the files, and leave them alone meanwhile.

    Jobs are accepted and written all the while. A failure here makes our part of the
    backup less current; it never stops the backup.
    """
    await _for_all(hass, lambda each: each.backup.begin(each.engine.clock.wall()))


async def async_post_backup(hass: HomeAssistant) -> None:
    """Return to normal."""
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
            _LOGGER.warning("The backup may lack the newest changes (%r)", result)
