"""The engine's snapshot, completed with what only its host knows."""

from dataclasses import replace

from .const import CONF_STALE_AFTER, DEFAULT_STALE_AFTER
from .engine.model.holds import Hold
from .engine.snapshot import Snapshot
from .host import Host


async def async_snapshot(host: Host) -> Snapshot:
    """Return the complete snapshot. Raises StorageError."""
    engine, runners = host.engine, host.runners
    snapshot = await engine.snapshot()
    hours = host.entry.options.get(CONF_STALE_AFTER, DEFAULT_STALE_AFTER)
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
