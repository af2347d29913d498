"""The review page's commands that show the history, and undo parts of it."""

from typing import Any, Final

from homeassistant.components.websocket_api.const import WebSocketCommandHandler
from homeassistant.util.json import JsonObjectType
import probatio

from ..actions.history_answer import (
    async_history,
    async_run_of,
    async_runs,
    bounds,
    chosen_fields,
)
from ..actions.record_input import find, identifier, rating_key
from ..actions.schemas import (
    ATTR_BEFORE,
    ATTR_DIGEST,
    ATTR_FIELDS,
    ATTR_RATING_KEY,
    ATTR_RUN,
    ATTR_SINCE,
    HISTORY,
    ROW_ID,
    moment,
    names,
    text,
    text_or_number,
)
from ..actions.undo_run import async_undo_item, async_undo_plan, async_undo_since
from ..coordinator import PlexSyncCoordinator
from .websocket_entry import PAGE, command


async def _undo(
    coordinator: PlexSyncCoordinator, msg: dict[str, Any]
) -> JsonObjectType:
    """Restore one item, or some of its fields."""
    given = identifier(msg)
    assert given is not None
    which = chosen_fields(msg.get(ATTR_FIELDS))
    return await async_undo_item(coordinator, find(given), which, msg.get(ATTR_DIGEST))


async def _undo_plan(
    coordinator: PlexSyncCoordinator, msg: dict[str, Any]
) -> JsonObjectType:
    """Show what an undo would restore."""
    which = chosen_fields(msg.get(ATTR_FIELDS))
    return await async_undo_plan(coordinator, rating_key(msg[ATTR_RATING_KEY]), which)


async def _undo_run(
    coordinator: PlexSyncCoordinator, msg: dict[str, Any]
) -> JsonObjectType:
    """Start to undo what one run wrote."""
    run = await async_run_of(coordinator, msg[ATTR_RUN])
    return await async_undo_since(coordinator, run.first, 0, run.last, run.source)


async def _undo_since(
    coordinator: PlexSyncCoordinator, msg: dict[str, Any]
) -> JsonObjectType:
    """Start to undo everything that was written since a moment."""
    since, _ = bounds(msg)
    assert since is not None
    return await async_undo_since(coordinator, since, 0)


_WHAT: Final = {
    probatio.Required(ATTR_RATING_KEY): text_or_number,
    probatio.Optional(ATTR_FIELDS): names,
}

COMMANDS: Final[tuple[WebSocketCommandHandler, ...]] = (
    command("history", {**HISTORY, **PAGE}, async_history),
    command(
        "history/runs",
        {probatio.Optional(ATTR_BEFORE): ROW_ID, **PAGE},
        async_runs,
    ),
    command("undo/plan", _WHAT, _undo_plan),
    command("undo", {**_WHAT, probatio.Optional(ATTR_DIGEST): text}, _undo),
    command("undo/run", {probatio.Required(ATTR_RUN): ROW_ID}, _undo_run),
    command("undo/since", {probatio.Required(ATTR_SINCE): moment}, _undo_since),
)
