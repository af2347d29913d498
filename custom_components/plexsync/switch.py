"""The switch that pauses syncing."""

from typing import Any, override

from homeassistant.components.switch import SwitchEntity, SwitchEntityDescription
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .coordinator import PlexSyncConfigEntry
from .engine.model.holds import Hold
from .entity import PlexSyncEntity
from .errors import translated_errors

PARALLEL_UPDATES = 1

SYNC = SwitchEntityDescription(key="sync")


async def async_setup_entry(
    hass: HomeAssistant,
    entry: PlexSyncConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Set up the switch of one server."""
    async_add_entities([PlexSyncSwitch(entry.runtime_data, SYNC)])


class PlexSyncSwitch(PlexSyncEntity, SwitchEntity):
    """A switch that holds syncing while it is off: jobs are kept, nothing is written."""

    @property
    @override
    def is_on(self) -> bool:
        """Return whether jobs may be written."""
        return Hold.SWITCH not in self.coordinator.data.holds

    @override
    async def async_turn_on(self, **kwargs: Any) -> None:
        """Let the worker continue."""
        await self._switch(on=True)

    @override
    async def async_turn_off(self, **kwargs: Any) -> None:
        """Hold the worker."""
        await self._switch(on=False)

    async def _switch(self, *, on: bool) -> None:
        with translated_errors():
            await self.coordinator.engine.switch(on)
        await self.coordinator.async_refresh()
