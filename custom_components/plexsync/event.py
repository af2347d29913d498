"""The event entity: what happened, in counts and reasons, never in titles."""

from collections.abc import Mapping
from typing import Any, Final, override

from homeassistant.components.event import EventEntity, EventEntityDescription
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .const import CONF_RECORD_TITLES
from .coordinator import PlexSyncConfigEntry
from .entity import PlexSyncEntity

PARALLEL_UPDATES = 0

# What an event may tell besides, where the owner switched that on.
TITLES: Final = frozenset({"title", "path"})

# What each event may tell. A list, so that nothing private slips through.
ATTRIBUTES: Final[Mapping[str, frozenset[str]]] = {
    "circuit_opened": frozenset({"cause"}),
    "circuit_half_opened": frozenset({"cause"}),
    "circuit_closed": frozenset({"cause", "duration", "jobs"}),
    "item_failed": frozenset({"job", "reason"}),
    "reconcile_finished": frozenset(
        {
            "duration",
            "sources_away",
            "in_line",
            "differs",
            "missing",
            "ambiguous",
            "outside_libraries",
            "pending",
            "failed",
        }
    ),
}

ACTIVITY = EventEntityDescription(key="activity", event_types=list(ATTRIBUTES))


async def async_setup_entry(
    hass: HomeAssistant,
    entry: PlexSyncConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Set up the event entity of one server."""
    async_add_entities([PlexSyncEvent(entry.runtime_data, ACTIVITY)])


class PlexSyncEvent(PlexSyncEntity, EventEntity):
    """Tell what happens as it happens; a restored state tells nothing anew."""

    @override
    async def async_added_to_hass(self) -> None:
        """Begin to listen."""
        await super().async_added_to_hass()
        self.async_on_remove(self.coordinator.async_listen(self._heard))

    @callback
    def _heard(self, event: str, data: dict[str, Any]) -> None:
        if (known := ATTRIBUTES.get(event)) is None:
            return
        if self.coordinator.config_entry.options.get(CONF_RECORD_TITLES):
            known |= TITLES
        self._trigger_event(
            event, {name: value for name, value in data.items() if name in known}
        )
        self.async_write_ha_state()
