"""Undo on request: one item, or many; an undo of many continues if nobody waits for it."""

import asyncio
from typing import Any

from .const import DOMAIN
from .coordinator import PlexSyncCoordinator
from .engine.guarded_calls import CircuitRefusedError
from .engine.record import Find
from .engine.retry import Fault
from .engine.undoing import Which


async def async_undo_item(
    coordinator: PlexSyncCoordinator, find: Find, which: Which
) -> dict[str, Any]:
    """Undo the chosen fields of one item. Raises Fault and StorageError."""
    item, restored, kept = await coordinator.engine.undoing.undo(find, which)
    return {
        "rating_key": item.rating_key,
        "restored": list(restored),
        "kept": dict(kept),
    }


async def async_undo_since(
    coordinator: PlexSyncCoordinator,
    since: float,
    seconds: float,
    until: float | None = None,
    source: str | None = None,
) -> dict[str, Any]:
    """Start the undo, wait up to ``seconds`` for it, and describe its progress.

    The bounds are those of ``Undoing.undo_since``. Raises StorageError.
    """
    undoing = coordinator.engine.undoing

    async def undo() -> tuple[int, int, dict[str, int]] | None:
        try:
            return await undoing.undo_since(since, until, source)
        except Fault, CircuitRefusedError:
            return None  # Plex is away: the engine continues once it is back

    task = coordinator.config_entry.async_create_background_task(
        coordinator.hass, undo(), f"{DOMAIN} undo"
    )
    # Nobody may be waiting, so retrieve the exception.
    task.add_done_callback(lambda it: None if it.cancelled() else it.exception())
    await asyncio.wait([task], timeout=seconds)
    over = task.done() and not task.cancelled()  # an unload cancels; a start continues
    if over and (result := task.result()) is not None:
        items, fields, kept = result
        return {"status": "finished", "items": items, "fields": fields, "kept": kept}
    answer: dict[str, Any] = {"status": "running", "progress": 0.0}
    if (so_far := undoing.progress) is not None:
        answer["progress"] = round(100 * so_far.done / max(1, so_far.total), 1)
        answer |= {"items": so_far.items, "fields": so_far.fields}
    return answer
