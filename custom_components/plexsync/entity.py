"""What all entities share: their device, their name and where they read from."""

from homeassistant.config_entries import ConfigSubentry
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers.device_registry import DeviceEntryType, DeviceInfo
from homeassistant.helpers.entity import EntityDescription
from homeassistant.helpers.update_coordinator import CoordinatorEntity

from .const import DOMAIN
from .coordinator import PlexSyncCoordinator


class PlexSyncEntity(CoordinatorEntity[PlexSyncCoordinator]):
    """One fact of one server; it stays available while Plex is down."""

    _attr_has_entity_name = True

    def __init__(
        self, coordinator: PlexSyncCoordinator, description: EntityDescription
    ) -> None:
        """Describe the entity; its key is its translation key too."""
        super().__init__(coordinator)
        self.entity_description = description
        self._attr_translation_key = description.key
        self._attr_unique_id = f"{coordinator.config_entry.entry_id}_{description.key}"
        self._attr_device_info = _server_device(coordinator)


class PlexSyncSourceEntity(PlexSyncEntity):
    """One fact of one source."""

    def __init__(
        self,
        coordinator: PlexSyncCoordinator,
        description: EntityDescription,
        subentry: ConfigSubentry,
    ) -> None:
        """Describe the entity on a device of its own, behind the server's."""
        super().__init__(coordinator, description)
        entry_id = coordinator.config_entry.entry_id
        self.source = subentry.subentry_id
        self._attr_unique_id = f"{entry_id}_{self.source}_{description.key}"
        # The platforms start side by side: none may count on another's device.
        server = dr.async_get(coordinator.hass).async_get_or_create(
            config_entry_id=entry_id, **_server_device(coordinator)
        )
        self._attr_device_info = DeviceInfo(
            identifiers={(DOMAIN, f"{entry_id}_{self.source}")},
            entry_type=DeviceEntryType.SERVICE,
            manufacturer="Stash",
            name=subentry.title,
            via_device_id=server.id,
        )


def _server_device(coordinator: PlexSyncCoordinator) -> DeviceInfo:
    entry = coordinator.config_entry
    return DeviceInfo(
        identifiers={(DOMAIN, entry.entry_id)},
        entry_type=DeviceEntryType.SERVICE,
        manufacturer="Plex",
        name=entry.title,
    )
