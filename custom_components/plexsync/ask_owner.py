"""Ask the owner for what only the owner can mend, and take it back once it is mended."""

from typing import TYPE_CHECKING

from homeassistant.core import callback

from . import issues
from .const import CONF_PLEX_ENTRY
from .engine.holds import Hold
from .stash_fields import async_names_of

if TYPE_CHECKING:
    from .coordinator import PlexSyncCoordinator


@callback
def async_tell_of_lost_files(coordinator: PlexSyncCoordinator) -> None:
    """Raise a repair, once, for what could not be read at the start."""
    engine = coordinator.engine
    if engine.circuit_problem is not None:
        issues.async_circuit_lost(coordinator.hass, coordinator.config_entry)
    if engine.database.set_aside:
        issues.async_database_lost(coordinator.hass, coordinator.config_entry)


@callback
def async_ask_owner(coordinator: PlexSyncCoordinator) -> None:
    """Follow what is wrong now."""
    hass, entry = coordinator.hass, coordinator.config_entry
    circuit = coordinator.engine.circuit
    if Hold.AUTH in circuit.holds:
        if CONF_PLEX_ENTRY in entry.data:
            issues.async_plex_refuses(hass, entry)
        else:
            entry.async_start_reauth(hass)
    issues.async_follow(hass, entry, circuit.holds, circuit.save_failed)
    async_follow_failing(coordinator)
    faults = {number: runner.fault for number, runner in coordinator.runners.items()}
    issues.async_follow_sources(hass, entry, faults)
    for number, runner in coordinator.runners.items():
        if (lacking := runner.source.lacking) is not None:
            names = async_names_of(hass, lacking) if lacking else []
            issues.async_follow_lacking(hass, entry, number, names)


@callback
def async_follow_failing(coordinator: PlexSyncCoordinator) -> None:
    """Tell of kinds of call that have been failing for long."""
    engine = coordinator.engine
    issues.async_follow_failing(
        coordinator.hass,
        coordinator.config_entry,
        engine.bulkheads.failing(),
        engine.clock.monotonic(),
    )
