"""The engine's snapshot, completed with what only its host knows."""

from dataclasses import replace
from typing import TYPE_CHECKING

from .const import CONF_STALE_AFTER, DEFAULT_STALE_AFTER
from .engine.holds import Hold
from .engine.snapshot import Snapshot

if TYPE_CHECKING:
    from .coordinator import PlexSyncCoordinator


async def async_snapshot(coordinator: PlexSyncCoordinator) -> Snapshot:
    """Return the complete snapshot. Raises StorageError."""
    engine, runners = coordinator.engine, coordinator.runners
    snapshot = await engine.snapshot()
    hours = coordinator.config_entry.options.get(CONF_STALE_AFTER, DEFAULT_STALE_AFTER)
    age = 0.0
    if snapshot.oldest is not None:
        age = engine.clock.steady() - snapshot.oldest
    overdue = max(age, snapshot.stalled) > hours * 3600
    return replace(
        snapshot,
        sources={number: each.connected for number, each in runners.items()},
        unreadable={number: each.source.unreadable for number, each in runners.items()},
        # Work that the owner holds on purpose is no problem.
        out_of_sync=overdue and Hold.SWITCH not in snapshot.holds,
    )
