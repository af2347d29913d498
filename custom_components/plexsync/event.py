"""The event entity: what happened, as counts and reasons; titles only by choice."""

from typing import Any, override

from homeassistant.components.event import (
    DOMAIN as EVENT,
    EventEntity,
    EventEntityDescription,
)
from homeassistant.const import ATTR_DEVICE_ID, ATTR_ENTITY_ID, CONF_TYPE
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .answers import counts_answer
from .const import CONF_RECORD_TITLES, DOMAIN, EVENT_PLEXSYNC
from .coordinator import PlexSyncConfigEntry
from .engine.model.events import (
    CircuitClosed,
    CircuitHalfOpened,
    CircuitOpened,
    Event,
    ReconcileFinished,
)
from .entity import PlexSyncEntity
from .failures import ItemsFailed

PARALLEL_UPDATES = 0

SYNC_EVENT = EventEntityDescription(
    key="sync_event",
    event_types=[
        "circuit_opened",
        "circuit_half_opened",
        "circuit_closed",
        "items_failed",
        "reconcile_finished",
    ],
)


async def async_setup_entry(
    hass: HomeAssistant,
    entry: PlexSyncConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Set up the event entity of one server, and rename one of an earlier version."""
    registry, unique_id = er.async_get(hass), f"{entry.entry_id}_{SYNC_EVENT.key}"
    old = registry.async_get_entity_id(EVENT, DOMAIN, f"{entry.entry_id}_activity")
    if old is not None:
        if registry.async_get_entity_id(EVENT, DOMAIN, unique_id) is None:
            registry.async_update_entity(old, new_unique_id=unique_id)
        else:  # the earlier version was installed once more, and made its own again
            registry.async_remove(old)
    async_add_entities([PlexSyncEvent(entry.runtime_data, SYNC_EVENT)])


class PlexSyncEvent(PlexSyncEntity, EventEntity):
    """Report events as they happen; a restored state triggers nothing.

    The entity is always available: an event that arrived together with the change from
    unavailable would trigger no automation.
    """

    @property
    @override
    def available(self) -> bool:
        """Return True: the entity is always available."""
        return True

    @override
    async def async_added_to_hass(self) -> None:
        """Subscribe to the coordinator's events."""
        await super().async_added_to_hass()
        self.async_on_remove(self.coordinator.async_listen(self._heard))

    @callback
    def _heard(self, event: Event | ItemsFailed) -> None:
        names = bool(self.coordinator.config_entry.options.get(CONF_RECORD_TITLES))
        if (told := describe(event, names=names)) is None:
            return
        kind, facts = told
        self._trigger_event(kind, facts)
        self.async_write_ha_state()
        # The logbook can describe events of the bus in words, but not those of an entity.
        whose = {ATTR_ENTITY_ID: self.entity_id}
        if self.device_entry is not None:
            whose[ATTR_DEVICE_ID] = self.device_entry.id
        self.hass.bus.async_fire(EVENT_PLEXSYNC, {**whose, CONF_TYPE: kind, **facts})


def describe(
    event: Event | ItemsFailed, *, names: bool
) -> tuple[str, dict[str, Any]] | None:
    """Return an event's type and attributes; with ``names``, the items' titles too."""
    told: dict[str, Any]
    match event:
        case CircuitOpened(cause):
            return "circuit_opened", {"cause": cause}
        case CircuitHalfOpened(cause):
            return "circuit_half_opened", {"cause": cause}
        case CircuitClosed(cause, duration, jobs):
            told = {"cause": cause, "duration": duration, "jobs": jobs}
            return "circuit_closed", told
        case ItemsFailed(reason, count, first):
            ids = [each.job for each in first]
            told = {"reason": reason, "count": count, "job_ids": ids}
            if names:
                told["titles"] = [each.title for each in first if each.title]
                told["paths"] = [each.path for each in first if each.path]
            return "items_failed", told
        case ReconcileFinished(counts, duration, away, scope):
            told = {"scope": scope, **counts_answer(counts)}
            told |= {"duration": duration, "sources_away": away}
            return "reconcile_finished", told
    return None
