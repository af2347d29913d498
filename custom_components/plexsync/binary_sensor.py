"""Binary sensors: what can be reached, and whether work is piling up."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, override

from homeassistant.components.binary_sensor import (
    BinarySensorEntity,
    BinarySensorEntityDescription,
)
from homeassistant.components.binary_sensor.const import BinarySensorDeviceClass
from homeassistant.const import EntityCategory
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .coordinator import PlexSyncConfigEntry
from .engine.model.holds import foremost
from .engine.snapshot import Snapshot
from .entity import PlexSyncEntity, PlexSyncSourceEntity

PARALLEL_UPDATES = 0


@dataclass(frozen=True, kw_only=True)
class PlexSyncBinarySensorEntityDescription(BinarySensorEntityDescription):
    """A binary sensor and how to read its value from the snapshot."""

    value_fn: Callable[[Snapshot], bool | None]


BINARY_SENSORS: tuple[PlexSyncBinarySensorEntityDescription, ...] = (
    PlexSyncBinarySensorEntityDescription(
        key="plex",
        device_class=BinarySensorDeviceClass.CONNECTIVITY,
        entity_category=EntityCategory.DIAGNOSTIC,
        value_fn=lambda data: data.plex_answers,
    ),
    PlexSyncBinarySensorEntityDescription(
        key="out_of_sync",
        device_class=BinarySensorDeviceClass.PROBLEM,
        value_fn=lambda data: data.out_of_sync,
    ),
)

SOURCE = BinarySensorEntityDescription(
    key="source",
    device_class=BinarySensorDeviceClass.CONNECTIVITY,
    entity_category=EntityCategory.DIAGNOSTIC,
)


async def async_setup_entry(
    hass: HomeAssistant,
    entry: PlexSyncConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Set up the binary sensors of one server and of each of its sources."""
    coordinator = entry.runtime_data
    async_add_entities(
        PlexSyncBinarySensor(coordinator, description) for description in BINARY_SENSORS
    )
    for source in coordinator.runners:
        if (subentry := entry.subentries.get(source)) is None:
            continue  # it was removed during the set-up, and a reload follows
        async_add_entities(
            [PlexSyncSourceBinarySensor(coordinator, SOURCE, subentry)],
            config_subentry_id=source,
        )


class PlexSyncBinarySensor(PlexSyncEntity, BinarySensorEntity):
    """A yes or no from the snapshot."""

    entity_description: PlexSyncBinarySensorEntityDescription

    @property
    @override
    def is_on(self) -> bool | None:
        """Return the value."""
        return self.entity_description.value_fn(self.coordinator.data)


class PlexSyncSourceBinarySensor(PlexSyncSourceEntity, BinarySensorEntity):
    """Whether a source can be reached."""

    @property
    @override
    def is_on(self) -> bool | None:
        """Return the value; None until the source has been asked."""
        return self.coordinator.data.sources.get(self.source)

    @property
    @override
    def extra_state_attributes(self) -> dict[str, Any]:
        """Return the number of unreadable records, and what holds the source's jobs."""
        data = self.coordinator.data
        return {
            "unreadable": data.unreadable.get(self.source, 0),
            "hold": foremost(data.source_holds.get(self.source, ())),
        }
