"""How to reach the Plex server of a config entry: its address and token."""

from dataclasses import dataclass, field
from typing import Final

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

PLEX: Final = "plex"  # Home Assistant's own integration


@dataclass(frozen=True, slots=True)
class Access:
    """How to reach a Plex server."""

    url: str
    token: str = field(repr=False)
    verify_ssl: bool = True


# Stands for an unknown address: by its standard, this name never resolves.
NOWHERE: Final = Access("http://plex.invalid:32400", "")


def plex_servers(hass: HomeAssistant) -> dict[str, str]:
    """Return the servers that the ``plex`` integration knows, by machine identifier."""
    found: dict[str, str] = {}
    for entry in hass.config_entries.async_entries(PLEX, include_ignore=False):
        if machine_id := _machine_id(entry):
            found.setdefault(machine_id, entry.title)
    return found


def plex_access(hass: HomeAssistant, machine_id: str) -> Access | None:
    """Return how the ``plex`` integration reaches a server now; None if it does not.

    Only the data of its entries is a stable interface. Their state does not matter: an
    entry that retries, or has given up, still knows where its server is.
    """
    for entry in hass.config_entries.async_entries(PLEX, include_ignore=False):
        server = entry.data.get("server_config", {})
        if _machine_id(entry) == machine_id and (url := server.get("url")):
            token, verify_ssl = server.get("token"), server.get("verify_ssl", True)
            return Access(url, token or "", verify_ssl)
    return None


def _machine_id(entry: ConfigEntry) -> str | None:
    """Return the machine identifier of a ``plex`` entry's server."""
    return entry.unique_id or entry.data.get("server_id")


def entry_access(hass: HomeAssistant, entry: ConfigEntry) -> Access:
    """Return how to reach an entry's server; ``NOWHERE`` if that is unknown now."""
    if entry.data.get(CONF_REUSE):
        return plex_access(hass, entry.data[CONF_MACHINE_ID]) or NOWHERE
    return Access(
        entry.data[CONF_URL], entry.data[CONF_TOKEN], entry.data[CONF_VERIFY_SSL]
    )


@callback
def async_follow_plex_entry(
    hass: HomeAssistant, entry: ConfigEntry, known: Access
) -> None:
    """Reload an entry, once, when the access that it borrows has changed.

    Home Assistant signals every change of a ``plex`` entry, changes of its state
    included: during an outage, following those would make our entities flap. ``known``
    is the access that the entry was set up with. If the ``plex`` entry is removed, that
    access is used until the next start, and a repair asks for an address. A ``plex``
    entry that is added again is found again.
    """
    if not entry.data.get(CONF_REUSE):
        issues.async_follow(hass, entry, issues.PLEX_ENTRY_GONE, present=False)
        return

    @callback
    def look() -> None:
        nonlocal known
        access = entry_access(hass, entry)
        is_gone = access == NOWHERE
        issues.async_follow(hass, entry, issues.PLEX_ENTRY_GONE, present=is_gone)
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
    """Return the identifier by which Plex counts this installation as one device."""
    return f"{DOMAIN}-{await instance_id.async_get(hass)}"
