"""Diagnostics: figures and states, and nothing that identifies people or media."""

from collections import Counter
from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

from homeassistant.config_entries import ConfigSubentry
from homeassistant.core import HomeAssistant
from homeassistant.loader import async_get_integration

from .answers import iso, outages_answer
from .const import (
    CONF_FIELDS,
    CONF_KEEP_HISTORY,
    CONF_LIBRARIES,
    CONF_PATH_MAPPINGS,
    CONF_POLL_SLOWEST,
    CONF_RECORD_TITLES,
    CONF_REUSE,
    CONF_REVIEW_PAGE,
    CONF_STALE_AFTER,
    CONF_START,
    CONF_SWEEP_AT,
    DOMAIN,
)
from .coordinator import PlexSyncConfigEntry
from .engine.calls.bulkheads import group_of
from .engine.database.database import StorageError
from .engine.engine import Engine
from .engine.snapshot import Snapshot
from .engine.status import status
from .sources.runner import SourceRunner
from .sources.stash.options import PRIVATE, StashOptions

_OPTIONS = (
    CONF_KEEP_HISTORY,
    CONF_RECORD_TITLES,
    CONF_REVIEW_PAGE,
    CONF_STALE_AFTER,
    CONF_SWEEP_AT,
)


async def async_get_config_entry_diagnostics(
    hass: HomeAssistant, entry: PlexSyncConfigEntry
) -> dict[str, Any]:
    """Return diagnostics of one server that can be shown to strangers.

    Every value is picked by name: what is not named here cannot leak.
    """
    coordinator = entry.runtime_data
    engine, data = coordinator.engine, coordinator.data
    integration = await async_get_integration(hass, DOMAIN)
    return {
        "versions": {
            "plexsync": str(integration.version),
            "plex": coordinator.server.version,
            "plexapi": await hass.async_add_executor_job(version, "plexapi"),
        },
        "entry": {
            "reuses_plex_entry": bool(entry.data.get(CONF_REUSE)),
            "libraries": len(entry.data[CONF_LIBRARIES]),
            "options": {name: entry.options.get(name) for name in _OPTIONS},
        },
        **_server(engine, data),
        "jobs": {
            "pending": data.pending,
            "failed": data.failed,
            "reasons": await _reasons(engine),
        },
        "skipped": dict(data.skipped),
        "statistics": {
            "synced": data.statistics.synced,
            "unchanged": data.statistics.unchanged,
            "failed": data.statistics.failed,
            "success_rate": data.statistics.success_rate,
            "duration": data.statistics.duration,
        },
        "last_sweep": iso(data.last_sweep),
        "out_of_sync": data.out_of_sync,
        "stalled": data.stalled,
        "storage": {
            "save_failed": data.save_failed,
            "database_failed": data.storage_failed,
            "circuit_problem": engine.circuit_problem,
            "database_set_aside": engine.database.file.set_aside,
            "ledger_lost": engine.ledger_identity.lost,
        },
        "sources": [
            _source(entry.subentries[number], runner, data)
            for number, runner in coordinator.runners.items()
            if number in entry.subentries
        ],
    }


async def _reasons(engine: Engine) -> dict[str, int] | None:
    """Count jobs by reason; None while the database fails."""
    try:
        return await engine.job_status.reasons()
    except StorageError:
        return None


def _server(engine: Engine, data: Snapshot) -> dict[str, Any]:
    """Describe the state of the connection to Plex."""
    circuit = engine.circuit.snapshot()
    circuit.pop("ledger_id", None)
    circuit.pop("outages", None)
    return {
        "circuit": circuit,
        "status": status(data),
        "holds": sorted(data.holds),
        "reachable": data.reachable,
        "failing": Counter(group_of(kind) for kind in data.failing),
        "outages": outages_answer(engine),
    }


def _source(
    subentry: ConfigSubentry, runner: SourceRunner, data: Snapshot
) -> dict[str, Any]:
    """Describe one source."""
    number = subentry.subentry_id
    return {
        "type": subentry.subentry_type,
        "connected": data.sources.get(number),
        "fault": runner.fault,
        "holds": sorted(data.source_holds.get(number, ())),
        "unreadable": data.unreadable.get(number),
        "version": runner.version,
        "mappings": len(subentry.data.get(CONF_PATH_MAPPINGS, ())),
        "start": subentry.data.get(CONF_START),
        "fields": _fields(subentry.data.get(CONF_FIELDS, {})),
        "poll_slowest": subentry.data.get(CONF_POLL_SLOWEST),
    }


def _fields(stored: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is synced; of texts that the owner typed, only their length."""
    return {
        name: len(value) if name in PRIVATE else value
        for name, value in StashOptions.from_dict(stored).as_dict().items()
    }
