"""Provide info to system health."""

from typing import Any

from homeassistant.components import system_health
from homeassistant.core import HomeAssistant, callback
from homeassistant.loader import async_get_integration

from .const import DOMAIN
from .coordinator import PlexSyncConfigEntry


@callback
def async_register(
    hass: HomeAssistant, register: system_health.SystemHealthRegistration
) -> None:
    """Register the info page."""
    register.async_register_info(_info)


async def _info(hass: HomeAssistant) -> dict[str, Any]:
    """Return the info for all servers together."""
    integration = await async_get_integration(hass, DOMAIN)
    entries: list[PlexSyncConfigEntry] = hass.config_entries.async_loaded_entries(
        DOMAIN
    )
    snapshots = [entry.runtime_data.data for entry in entries]
    return {
        "version": str(integration.version),
        "servers": len(snapshots),
        "reachable": sum(bool(data.reachable) for data in snapshots),
        "circuit": ", ".join(sorted(str(data.circuit) for data in snapshots)),
        "pending": sum(data.pending for data in snapshots),
        "failed": sum(data.failed for data in snapshots),
    }
