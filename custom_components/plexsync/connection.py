"""From a config entry to a Plex server: where it is and how to be let in."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from homeassistant.config_entries import (
    SIGNAL_CONFIG_ENTRY_CHANGED,
    ConfigEntry,
    ConfigEntryChange,
)
from homeassistant.const import CONF_TOKEN, CONF_URL, CONF_VERIFY_SSL
from homeassistant.core import HomeAssistant, callback
from homeassistant.exceptions import ConfigEntryNotReady
from homeassistant.helpers import instance_id
from homeassistant.helpers.dispatcher import async_dispatcher_connect

from .const import CONF_PLEX_ENTRY, DOMAIN

if TYPE_CHECKING:
    from .coordinator import PlexSyncConfigEntry


@dataclass(frozen=True, slots=True)
class Access:
    """How to reach a Plex server."""

    url: str
    token: str
    verify_ssl: bool = True


def plex_entry_access(hass: HomeAssistant, plex_entry_id: str) -> Access | None:
    """Read afresh what Home Assistant's own ``plex`` integration knows.

    Only the entry's data is a stable interface; None if it is gone or unusable.
    """
    entry = hass.config_entries.async_get_entry(plex_entry_id)
    if entry is None or entry.domain != "plex":
        return None
    server = entry.data.get("server_config", {})
    if not (url := server.get("url")):
        return None
    return Access(url, server.get("token") or "", server.get("verify_ssl", True))


def entry_access(hass: HomeAssistant, entry: PlexSyncConfigEntry) -> Access:
    """Say how to reach an entry's server. Raises ConfigEntryNotReady."""
    if plex_entry_id := entry.data.get(CONF_PLEX_ENTRY):
        if (access := plex_entry_access(hass, plex_entry_id)) is None:
            raise ConfigEntryNotReady(
                translation_domain=DOMAIN, translation_key="plex_entry_gone"
            )
        return access
    return Access(
        entry.data[CONF_URL], entry.data[CONF_TOKEN], entry.data[CONF_VERIFY_SSL]
    )


@callback
def async_follow_plex_entry(
    hass: HomeAssistant, entry: PlexSyncConfigEntry, known: Access
) -> None:
    """Reload an entry, once, when the server that it borrows is reached otherwise.

    Home Assistant tells of every change of the ``plex`` entry, its state among
    them: those of an outage would make our entities flap. ``known`` is what the
    entry was set up with.
    """
    if (plex_entry_id := entry.data.get(CONF_PLEX_ENTRY)) is None:
        return

    @callback
    def look() -> None:
        nonlocal known
        access = plex_entry_access(hass, plex_entry_id)
        if access is not None and access != known:
            known = access
            hass.config_entries.async_schedule_reload(entry.entry_id)

    @callback
    def heard(change: ConfigEntryChange, changed: ConfigEntry) -> None:
        if change is ConfigEntryChange.UPDATED and changed.entry_id == plex_entry_id:
            look()

    entry.async_on_unload(
        async_dispatcher_connect(hass, SIGNAL_CONFIG_ENTRY_CHANGED, heard)
    )
    look()  # it may have changed while the entry was set up


async def client_identifier(hass: HomeAssistant) -> str:
    """Name this installation to Plex, always the same, so that it counts one device."""
    return f"{DOMAIN}-{await instance_id.async_get(hass)}"
