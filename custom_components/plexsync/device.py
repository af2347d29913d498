"""Devices: one for each server, and one behind it for each of its sources."""

from typing import Unpack

from homeassistant.config_entries import ConfigSubentry
from homeassistant.const import CONF_URL
from homeassistant.core import callback
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers.device_registry import DeviceEntryType, DeviceInfo
from yarl import URL

from .connection import NOWHERE
from .const import CONF_REVIEW_PAGE, DOMAIN
from .coordinator import PlexSyncCoordinator


def server_device(coordinator: PlexSyncCoordinator) -> DeviceInfo:
    """Return the device of a server; it leads to the review page, or else to Plex's own."""
    entry, access = coordinator.config_entry, coordinator.host.access
    if entry.options.get(CONF_REVIEW_PAGE, True):
        page: str | None = (
            f"homeassistant://{DOMAIN}/plan?config_entry={entry.entry_id}"
        )
    else:
        page = None if access == NOWHERE else _page(access.url, "web")
    return _device(
        entry.entry_id,
        manufacturer="Plex",
        model="Plex Media Server",
        name=entry.title,
        configuration_url=page,
        sw_version=coordinator.server.version,
    )


def source_device(
    coordinator: PlexSyncCoordinator, subentry: ConfigSubentry
) -> DeviceInfo:
    """Return the device of a source; the server's device is created if it is missing."""
    entry_id, number = coordinator.config_entry.entry_id, subentry.subentry_id
    # Platforms are set up in parallel: none may rely on a device that another creates.
    server = dr.async_get(coordinator.hass).async_get_or_create(
        config_entry_id=entry_id, **server_device(coordinator)
    )
    return _device(
        f"{entry_id}_{number}",
        manufacturer="Stash",
        model="Stash",
        name=subentry.title,
        configuration_url=_page(subentry.data[CONF_URL]),
        sw_version=coordinator.runners[number].version,
        via_device_id=server.id,
    )


def _device(identifier: str, **facts: Unpack[DeviceInfo]) -> DeviceInfo:
    """Return a device; an unknown version must not replace one known from before."""
    if facts.get("sw_version") is None:
        facts.pop("sw_version", None)
    return DeviceInfo(
        identifiers={(DOMAIN, identifier)}, entry_type=DeviceEntryType.SERVICE, **facts
    )


def _page(address: str, *path: str) -> str:
    """Return the web page of a server, without any credentials."""
    url = URL(address).with_user(None).with_query(None).with_fragment(None)
    return str(url.joinpath(*path) if path else url)


@callback
def async_follow_versions(coordinator: PlexSyncCoordinator) -> None:
    """Keep the devices' versions up to date."""
    registry, entry = dr.async_get(coordinator.hass), coordinator.config_entry

    @callback
    def follow() -> None:
        known = {entry.entry_id: coordinator.server.version}
        for number, runner in coordinator.runners.items():
            known[f"{entry.entry_id}_{number}"] = runner.version
        for identifier, version in known.items():
            device = registry.async_get_device_by_identifier(
                (DOMAIN, identifier), entry.entry_id
            )
            if device and version and device.sw_version != version:
                registry.async_update_device(device.id, sw_version=version)

    entry.async_on_unload(coordinator.async_add_listener(follow))
    follow()
