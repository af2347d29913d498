"""Base classes of the entities."""

from homeassistant.config_entries import ConfigSubentry
from homeassistant.helpers.entity import EntityDescription
from homeassistant.helpers.update_coordinator import CoordinatorEntity

from .coordinator import PlexSyncCoordinator
from .device import server_device, source_device


class PlexSyncEntity(CoordinatorEntity[PlexSyncCoordinator]):
    """An entity of a server; it stays available while Plex is down."""

    _attr_has_entity_name = True

    def __init__(
        self, coordinator: PlexSyncCoordinator, description: EntityDescription
    ) -> None:
        """Initialize the entity; its key is also its translation key."""
        super().__init__(coordinator)
        self.entity_description = description
        self._attr_translation_key = description.key
        self._attr_unique_id = f"{coordinator.config_entry.entry_id}_{description.key}"
        self._attr_device_info = server_device(coordinator)


class PlexSyncSourceEntity(PlexSyncEntity):
    """An entity of a source."""

    def __init__(
        self,
        coordinator: PlexSyncCoordinator,
        description: EntityDescription,
        subentry: ConfigSubentry,
    ) -> None:
        """Initialize the entity on the source's own device, behind the server's."""
        super().__init__(coordinator, description)
        entry_id = coordinator.config_entry.entry_id
        self.source = subentry.subentry_id
        self._attr_unique_id = f"{entry_id}_{self.source}_{description.key}"
        self._attr_device_info = source_device(coordinator, subentry)
