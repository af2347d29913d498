"""Ask the owner for help with what nobody else can fix, until it is fixed."""

import logging

from homeassistant.config_entries import SOURCE_REAUTH, ConfigEntry
from homeassistant.core import callback
from homeassistant.util.hass_dict import HassKey

from . import issues
from .const import CONF_LIBRARIES, CONF_REUSE
from .engine.circuit.breaker import State
from .engine.model.events import SourceHoldChanged
from .engine.model.holds import BY_LOOK, Hold, SourceHold
from .engine.snapshot import Snapshot
from .engine.status import FAILED_LONG
from .host import Host
from .stash_fields import async_names_of

_LOGGER = logging.getLogger(__name__)

_HELD: HassKey[dict[str, frozenset[Hold]]] = HassKey("plexsync_held")


@callback
def async_tell_of_lost_files(host: Host) -> None:
    """Raise a repair, once, for each file that could not be read at the start."""
    hass, entry, engine = host.hass, host.entry, host.engine
    if engine.circuit_problem is not None:
        _LOGGER.warning("%s: the state of the circuit was lost", entry.title)
        issues.async_follow(hass, entry, issues.CIRCUIT_LOST, present=True)
    if engine.database.file.set_aside:
        _LOGGER.warning("%s: the database was damaged, and set aside", entry.title)
        issues.async_follow(hass, entry, issues.DATABASE_LOST, present=True)


@callback
def async_log_source_hold(entry: ConfigEntry, event: SourceHoldChanged) -> None:
    """Log that a source is held, or that its hold has ended."""
    if (subentry := entry.subentries.get(event.source)) is None:
        return  # it was removed
    asks = event.active and event.hold is SourceHold.MASS_CHANGE
    _LOGGER.log(
        logging.WARNING if asks else logging.INFO,
        "%s: jobs of source %s are %s (%s)",
        entry.title,
        subentry.title,
        "held" if event.active else "no longer held",
        event.hold,
    )


@callback
def async_look_at_what_was_asked(host: Host) -> None:
    """Find out after a start whether the repairs of before still apply.

    Some need a probe of Plex for that, one needs a save of the circuit, and one a scan.
    """
    if issues.async_waits_for_a_look(host.hass, host.entry):
        host.engine.health.look()
    if issues.async_waits_for_a_save(host.hass, host.entry):
        host.engine.circuit.save_soon()
    wants_scans = any(runner.scan_new for runner in host.runners.values())
    if wants_scans and issues.async_waits_for_a_scan(host.hass, host.entry):
        host.engine.scans.doubt(host.entry.data[CONF_LIBRARIES])


@callback
def async_keep_holds(host: Host) -> None:
    """Remember the server's holds across a reload: their end has yet to be logged."""
    held = BY_LOOK & host.engine.circuit.holds
    number = host.entry.entry_id
    host.hass.data.setdefault(_HELD, {})[number] = held


@callback
def _async_tell_of_ends(host: Host) -> None:
    """Log the end of holds from before a reload, once a probe has seen that they ended."""
    entry, circuit = host.entry, host.engine.circuit
    if circuit.breaker.found_well:
        held = host.hass.data.get(_HELD, {}).pop(entry.entry_id, frozenset())
        for hold in sorted(held - circuit.holds):
            _LOGGER.info("%s: jobs are no longer held (%s)", entry.title, hold)


@callback
def async_ask_owner(host: Host, data: Snapshot | None) -> None:
    """Raise repairs for what is wrong now, and remove those for what is fixed."""
    hass, entry, engine = host.hass, host.entry, host.engine
    circuit = engine.circuit
    _async_tell_of_ends(host)
    _async_follow_token(host)
    issues.async_follow_holds(
        hass, entry, circuit.holds, found_well=circuit.breaker.found_well
    )
    issues.async_follow_save(hass, entry, has_failed=circuit.saves.failed)
    # Opening the database has written to it, so it is known to work from the start.
    fails = engine.worker.storage_failed
    issues.async_follow(hass, entry, issues.DATABASE_FAILS, present=fails)
    outage = circuit.outages.current
    seconds = 0.0 if outage is None else engine.clock.wall() - outage.start
    issues.async_follow_long_outage(hass, entry, seconds)
    issues.async_follow_source_holds(hass, entry, engine.source_holds.all)
    bulkheads = engine.bulkheads
    if data is not None and _has_tried_all(data):
        bulkheads.end_doubt()
    issues.async_follow_failing(
        hass,
        entry,
        bulkheads.failing(),
        engine.clock.monotonic(),
        in_doubt=bulkheads.in_doubt,
    )
    faults = {
        number: runner.fault
        for number, runner in host.runners.items()
        if runner.connected is not None
    }
    issues.async_follow_sources(hass, entry, faults)
    for number, runner in host.runners.items():
        if (lacking := runner.source.lacking) is not None:
            names = async_names_of(hass, lacking) if lacking else []
            issues.async_follow_lacking(hass, entry, number, names)
    if data is not None:
        is_long = data.failed_for >= FAILED_LONG
        issues.async_follow(hass, entry, issues.FAILED_JOBS, present=is_long)


def _has_tried_all(data: Snapshot) -> bool:
    """Return whether every job has had a turn since the start that was due then."""
    return not (
        data.at_work
        or data.holds
        or data.source_holds
        or data.circuit is not State.CLOSED
    )


@callback
def _async_follow_token(host: Host) -> None:
    """Ask for another token while Plex refuses the current one."""
    hass, entry = host.hass, host.entry
    circuit = host.engine.circuit
    if Hold.AUTH in circuit.holds:
        is_borrowed = bool(entry.data.get(CONF_REUSE))
        issues.async_follow(hass, entry, issues.PLEX_REFUSES, present=is_borrowed)
        if not is_borrowed:
            entry.async_start_reauth(hass)
    elif circuit.breaker.found_well and not host.engine.health.edits_refused:
        # Plex accepts the token again: there is nothing left to ask for.
        issues.async_follow(hass, entry, issues.PLEX_REFUSES, present=False)
        for flow in entry.async_get_active_flows(hass, {SOURCE_REAUTH}):
            hass.config_entries.flow.async_abort(flow["flow_id"])
