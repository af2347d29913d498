"""Undo on request: one item, or many; an undo of many continues if nobody waits for it."""

import asyncio
from typing import Any

from homeassistant.util.json import JsonObjectType

from ..const import DOMAIN
from ..coordinator import PlexSyncCoordinator
from ..engine.model.faults import Fault
from ..engine.model.record import Find
from ..engine.undo.undoing import NotAsShownError, Which
from ..engine.worker.history_entries import restored


async def async_undo_plan(
    coordinator: PlexSyncCoordinator, rating_key: str, which: Which
) -> JsonObjectType:
    """Show what an undo would do to the chosen fields of one item, as Plex is now.

    Raises Fault and StorageError.
    """
    plan = await coordinator.engine.undoing.plan(rating_key, which)
    told = restored(plan.item, plan.to_do, plan.kept)
    changes: list[JsonObjectType] = [
        {"field": change[0], "before": change[1], "after": change[2]}
        for change in told
        if len(change) > 1
    ]
    return {
        "rating_key": plan.item.rating_key,
        "title": str(plan.item.fields.get("title") or ""),
        "changes": list(changes),
        "in_line": [change[0] for change in told if len(change) == 1],
        "kept": dict(plan.kept),
        "digest": plan.digest,
    }


async def async_undo_item(
    coordinator: PlexSyncCoordinator,
    find: Find,
    which: Which,
    shown: str | None = None,
) -> JsonObjectType:
    """Undo the chosen fields of one item. Raises Fault and StorageError.

    ``shown`` is the digest of what was shown: where it is something else by now,
    nothing is done.
    """
    undoing = coordinator.engine.undoing
    try:
        item, fields, kept = await undoing.undo(find, which, shown=shown)
    except NotAsShownError:
        return {"changed": True}
    return {
        "rating_key": item.rating_key,
        "restored": list(fields),
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

    The bounds are those of ``UndoRuns.undo_since``. Raises StorageError.
    """
    runs = coordinator.engine.undo_runs

    async def undo() -> tuple[int, int, dict[str, int]] | None:
        try:
            return await runs.undo_since(since, until, source)
        except Fault:
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
    if (so_far := runs.progress) is not None:
        answer["progress"] = round(100 * so_far.done / max(1, so_far.total), 1)
        answer |= {"items": so_far.items, "fields": so_far.fields}
    return answer
