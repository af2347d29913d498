"""The state of one server as the review page shows it: no titles of items, paths or secrets."""

from typing import Any

from homeassistant.util.json import JsonObjectType

from .. import issues
from ..answers import iso, plan_state
from ..coordinator import PlexSyncCoordinator
from ..engine.calls.bulkheads import reason_of
from ..engine.model.holds import SourceHold, foremost
from ..engine.snapshot import Snapshot
from ..engine.status import status
from ..show import async_snapshot


async def async_live_state(coordinator: PlexSyncCoordinator) -> JsonObjectType:
    """Describe the state at this moment. Raises StorageError."""
    data, engine = await async_snapshot(coordinator.host), coordinator.engine
    _, in_flight = await engine.job_status.jobs(state="in_flight", limit=1)
    next_sweep = coordinator.nightly.next
    return {
        "status": str(status(data)),
        "circuit": str(data.circuit),
        "reachable": data.plex_answers,
        "next_probe": iso(data.next_probe),
        "pending": data.pending,
        "failed": data.failed,
        "written": data.statistics.synced,
        "reasons": await _reasons(coordinator, data),
        "holds": _holds(coordinator, data),
        "failing": [*sorted(set(map(reason_of, data.failing)))],
        "in_flight": in_flight,
        "sweep": _sweep(coordinator),
        "undo": _undo(coordinator),
        "plan": {
            **plan_state(engine, coordinator.runners),
            "differs": await engine.review.count(),
        },
        "sources": _sources(coordinator, data),
        # After a start they are not known until Plex was looked at.
        "libraries": [
            {"id": library.uuid, "title": library.title}
            for library in await coordinator.server.known_libraries()
        ],
        "next_sweep": None if next_sweep is None else next_sweep.isoformat(),
        "last_sweep": iso(data.last_sweep),
    }


async def _reasons(coordinator: PlexSyncCoordinator, data: Snapshot) -> dict[str, Any]:
    """Count by reason what waits, failed, or has nothing to write to."""
    found: dict[str, Any] = dict(await coordinator.engine.job_status.reasons())
    found |= {f"skipped:{reason}": number for reason, number in data.skipped.items()}
    return found


def _holds(coordinator: PlexSyncCoordinator, data: Snapshot) -> list[Any]:
    hass, entry = coordinator.hass, coordinator.config_entry
    found: list[Any] = [
        {
            "hold": str(hold),
            "source": None,
            "asked": None,
            "issue": issues.async_asked(hass, entry, issues.BY_HOLD[hold])
            if hold in issues.BY_HOLD
            else None,
        }
        for hold in sorted(data.holds)
    ]
    for source, holds in sorted(data.source_holds.items()):
        found += [
            {
                "hold": str(hold),
                "source": source,
                "asked": None if shown is None else dict(shown),
                "issue": issues.async_asked(
                    hass, entry, issues.BY_SOURCE_HOLD[hold], source
                ),
            }
            for hold, shown in sorted(holds.items())
        ]
    return found


def _sweep(coordinator: PlexSyncCoordinator) -> dict[str, Any]:
    run, sweep = coordinator.reconcile, coordinator.engine.sweep
    return {
        "running": run.running,
        "scope": run.scope,
        "progress": None if sweep.progress is None else round(sweep.progress, 1),
        "hold": None if sweep.held is None else str(sweep.held),
    }


def _undo(coordinator: PlexSyncCoordinator) -> dict[str, Any] | None:
    if (undo := coordinator.engine.undo_runs.progress) is None:
        return None
    return {"progress": round(100 * undo.done / max(1, undo.total), 1)}


def _sources(coordinator: PlexSyncCoordinator, data: Snapshot) -> list[Any]:
    found: list[Any] = []
    for number, runner in coordinator.runners.items():
        held = foremost(data.source_holds.get(number, {}))
        if held is None and runner.connected is False:
            held = SourceHold.AWAY
        found.append(
            {
                "id": number,
                "title": runner.name,
                "connected": runner.connected,
                "reason": runner.fault,
                "last_look": iso(runner.last_look),
                "held": None if held is None else str(held),
            }
        )
    return found
