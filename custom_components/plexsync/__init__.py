"""PlexSync: metadata that changes at its source reaches Plex."""

from typing import Any

from homeassistant.config_entries import (
    SIGNAL_CONFIG_ENTRY_CHANGED,
    ConfigEntry,
    ConfigEntryChange,
    ConfigEntryState,
)
from homeassistant.const import EVENT_HOMEASSISTANT_STOP, Platform
from homeassistant.core import Event, HomeAssistant, callback
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.dispatcher import async_dispatcher_connect
from homeassistant.helpers.typing import ConfigType

from . import entry_migration, issues
from .connection import async_follow_plex_entry
from .const import DOMAIN
from .coordinator import PlexSyncConfigEntry, PlexSyncCoordinator
from .device import async_follow_versions
from .review_page.panel import review_page
from .review_page.picture_view import async_setup_pictures
from .review_page.websocket import async_setup_commands
from .services import async_setup_services
from .storage import async_remove_files

CONFIG_SCHEMA = cv.config_entry_only_config_schema(DOMAIN)

PLATFORMS = [
    Platform.BINARY_SENSOR,
    Platform.BUTTON,
    Platform.EVENT,
    Platform.SENSOR,
    Platform.SWITCH,
]


async def async_setup(hass: HomeAssistant, config: ConfigType) -> bool:
    """Register the actions, so that automations validate without an entry."""
    async_setup_services(hass)
    async_setup_commands(hass)
    async_setup_pictures(hass)
    await review_page(hass).serve()

    @callback
    def heard(change: ConfigEntryChange, entry: ConfigEntry) -> None:
        if entry.domain != DOMAIN:
            return
        review_page(hass).follow()
        # An entry that is not set up is not unloaded either when it gets disabled.
        if entry.disabled_by and entry.state is ConfigEntryState.NOT_LOADED:
            issues.async_put_aside(hass, entry)

    async_dispatcher_connect(hass, SIGNAL_CONFIG_ENTRY_CHANGED, heard)
    return True


async def async_migrate_entry(hass: HomeAssistant, entry: PlexSyncConfigEntry) -> bool:
    """Bring an older version's entry up to date."""
    return entry_migration.async_migrate(hass, entry)


async def async_setup_entry(hass: HomeAssistant, entry: PlexSyncConfigEntry) -> bool:
    """Set up one server; Plex need not be there."""
    settings = _settings(entry)
    coordinator = PlexSyncCoordinator(hass, entry)
    await coordinator.async_open()
    entry.runtime_data = coordinator

    async def stop(event: Event) -> None:
        # Entries are not unloaded when Home Assistant stops.
        await coordinator.async_close()

    try:
        await hass.config_entries.async_forward_entry_setups(entry, PLATFORMS)
    except BaseException:
        await coordinator.async_close()
        raise
    entry.async_on_unload(entry.add_update_listener(_async_reload))
    entry.async_on_unload(hass.bus.async_listen_once(EVENT_HOMEASSISTANT_STOP, stop))
    if hass.is_stopping:
        # The event came during the set-up, and comes only once.
        await coordinator.async_close()
        return True
    async_follow_versions(coordinator)
    async_follow_plex_entry(hass, entry, coordinator.host.access)
    coordinator.async_start()
    if _settings(entry) != settings:
        # The settings changed before anybody listened.
        hass.config_entries.async_schedule_reload(entry.entry_id)
    return True


def _settings(entry: PlexSyncConfigEntry) -> tuple[Any, ...]:
    """Return what an entry is set up with; a subentry itself would change in place."""
    sources = {
        number: (each.title, each.data) for number, each in entry.subentries.items()
    }
    return entry.title, entry.data, entry.options, sources


async def _async_reload(hass: HomeAssistant, entry: PlexSyncConfigEntry) -> None:
    """Follow a change of data, options or subentries."""
    await hass.config_entries.async_reload(entry.entry_id)


async def async_unload_entry(hass: HomeAssistant, entry: PlexSyncConfigEntry) -> bool:
    """Stop, save and let go of everything."""
    entry.runtime_data.async_tell_the_last()
    if not await hass.config_entries.async_unload_platforms(entry, PLATFORMS):
        return False
    entry.runtime_data.async_end()
    await entry.runtime_data.async_close()
    return True


async def async_remove_entry(hass: HomeAssistant, entry: PlexSyncConfigEntry) -> None:
    """Delete what the entry kept; what it wrote to Plex stays."""
    issues.async_clear(hass, entry)
    await async_remove_files(hass, entry.entry_id)
