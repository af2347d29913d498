"""From a config entry to a Plex server: where it is and how to be let in."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from homeassistant.config_entries import (
    SIGNAL_CONFIG_ENTRY_CHANGED,
    ConfigEntry,
    ConfigEntryChange,
)
from homeassistant.const import CONF_TOKEN, CONF_URL, CONF_VERIFY_SSL
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import instance_id
from homeassistant.helpers.dispatcher import async_dispatcher_connect

from . import issues
from .const import CONF_MACHINE_ID, CONF_REUSE, DOMAIN

if TYPE_CHECKING:
    from .coordinator import PlexSyncConfigEntry

PLEX: Final = "plex"  # Home Assistant's own integration


@dataclass(frozen=True, slots=True)
class Access:
    """How to reach a Plex server."""

    url: str
    token: str = field(repr=False)
    verify_ssl: bool = True


# Stands for an address that nobody knows: the name resolves nowhere, by its standard.
NOWHERE: Final = Access("http://plex.invalid:32400", "")


def plex_servers(hass: HomeAssistant) -> dict[str, str]:
    """Name the servers that the ``plex`` integration knows, by machine identifier."""
    found: dict[str, str] = {}
    for entry in hass.config_entries.async_entries(PLEX, include_ignore=False):
        if machine_id := _machine_id(entry):
            found.setdefault(machine_id, entry.title)
    return found


def plex_access(hass: HomeAssistant, machine_id: str) -> Access | None:
    """Read afresh how the ``plex`` integration reaches a server; None if it knows no way.

    Only the data of its entries is a stable interface. Their state plays no part: one
    that retries, or has given up, still says where its server is.
    """
    for entry in hass.config_entries.async_entries(PLEX, include_ignore=False):
        server = entry.data.get("server_config", {})
        if _machine_id(entry) == machine_id and (url := server.get("url")):
            token, verify_ssl = server.get("token"), server.get("verify_ssl", True)
            return Access(url, token or "", verify_ssl)
    return None


def _machine_id(entry: ConfigEntry) -> str | None:
    """Give the machine identifier of a ``plex`` entry's server."""
    return entry.unique_id or entry.data.get("server_id")


def entry_access(hass: HomeAssistant, entry: PlexSyncConfigEntry) -> Access:
    """Say how to reach an entry's server; ``NOWHERE`` if nobody knows that now."""
    if entry.data.get(CONF_REUSE):
        return plex_access(hass, entry.data[CONF_MACHINE_ID]) or NOWHERE
    return Access(
        entry.data[CONF_URL], entry.data[CONF_TOKEN], entry.data[CONF_VERIFY_SSL]
    )


@callback
def async_follow_plex_entry(
    hass: HomeAssistant, entry: PlexSyncConfigEntry, known: Access
) -> None:
    """Reload an entry, once, when the server that it borrows is reached otherwise.

    Home Assistant tells of every change of a ``plex`` entry, its state among them:
    those of an outage would make our entities flap. ``known`` is what the entry was
    set up with. Where the ``plex`` entry is gone that goes on being used until the next
    start, and a repair asks for an address; the entry added again is found again.
    """
    if not entry.data.get(CONF_REUSE):
        issues.async_follow_plex_entry(hass, entry, gone=False)
        return

    @callback
    def look() -> None:
        nonlocal known
        access = entry_access(hass, entry)
        issues.async_follow_plex_entry(hass, entry, gone=access == NOWHERE)
        if access not in (NOWHERE, known):
            known = access
            hass.config_entries.async_schedule_reload(entry.entry_id)

    @callback
    def heard(change: ConfigEntryChange, changed: ConfigEntry) -> None:
        if changed.domain == PLEX:
            look()

    entry.async_on_unload(
        async_dispatcher_connect(hass, SIGNAL_CONFIG_ENTRY_CHANGED, heard)
    )
    look()  # it may have changed while the entry was set up


async def client_identifier(hass: HomeAssistant) -> str:
    """Name this installation to Plex, always the same, so that it counts one device."""
    return f"{DOMAIN}-{await instance_id.async_get(hass)}"
