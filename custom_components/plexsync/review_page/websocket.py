"""The review page's websocket commands; most of them do what an action does."""

from collections.abc import Mapping
from typing import Any, Final

from homeassistant.components import websocket_api
from homeassistant.components.websocket_api.connection import ActiveConnection
from homeassistant.components.websocket_api.const import WebSocketCommandHandler
from homeassistant.components.websocket_api.decorators import (
    require_admin,
    websocket_command,
)
from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant, callback
from homeassistant.util.json import JsonObjectType
import probatio

from ..actions import schemas
from ..actions.schemas import (
    ATTR_KEY,
    ATTR_RATING_KEY,
    ATTR_SCOPE,
    ATTR_SOURCE,
    ATTR_WAIT,
)
from ..actions.shared_actions import (
    cancel_reconcile,
    discard_failed,
    get_jobs,
    get_outages,
    pin_item,
    reconcile,
    retry_failed,
    unpin_item,
)
from ..const import DOMAIN, SCOPES, SOURCE_ACTION
from ..coordinator import PlexSyncConfigEntry, PlexSyncCoordinator
from .candidates import candidates
from .live import Live
from .panel import review_page
from .websocket_entry import ENTRY, PAGE, command, coordinator_of
from .websocket_history import COMMANDS as HISTORY
from .websocket_plan import COMMANDS as PLAN

_MAX_ITEMS: Final = 20  # candidates of one question


@websocket_command({probatio.Required("type"): f"{DOMAIN}/overview"})
@require_admin
@callback
def _overview(
    hass: HomeAssistant, connection: ActiveConnection, msg: dict[str, Any]
) -> None:
    """List the servers and their sources."""
    servers = [
        _server(entry)
        for entry in hass.config_entries.async_entries(DOMAIN)
        if entry.disabled_by is None
    ]
    answer = {"version": review_page(hass).version, "servers": servers}
    connection.send_result(msg["id"], answer)


def _server(entry: PlexSyncConfigEntry) -> dict[str, Any]:
    found: dict[str, Any] = {
        "config_entry_id": entry.entry_id,
        "title": entry.title,
        "loaded": entry.state is ConfigEntryState.LOADED,
        "sources": [],
    }
    if found["loaded"]:
        coordinator = entry.runtime_data
        found["sources"] = [
            {"id": SOURCE_ACTION, "title": "sync_item"},
            *(
                {"id": number, "title": runner.name}
                for number, runner in coordinator.runners.items()
            ),
        ]
    return found


@websocket_command({probatio.Required("type"): f"{DOMAIN}/subscribe", **ENTRY})
@require_admin
@callback
def _subscribe(
    hass: HomeAssistant, connection: ActiveConnection, msg: dict[str, Any]
) -> None:
    """Send the state of one server, and send it again whenever it changes."""
    live = Live(coordinator_of(hass, msg), connection, msg["id"])
    connection.subscriptions[msg["id"]] = live.stop
    connection.send_result(msg["id"])
    live.start()


async def _pin(
    coordinator: PlexSyncCoordinator, msg: Mapping[str, Any]
) -> JsonObjectType:
    """Tie a record to an item, or undo that."""
    tie = unpin_item if msg[ATTR_RATING_KEY] is None else pin_item
    return await tie(coordinator, msg)


async def _sweep(
    coordinator: PlexSyncCoordinator, msg: Mapping[str, Any]
) -> JsonObjectType:
    """Start a comparison, and return at once."""
    return await reconcile(coordinator, {**msg, ATTR_WAIT: 0})


_KEYS: Final = probatio.All(
    [schemas.text_or_number], probatio.Length(min=1, max=_MAX_ITEMS)
)
_TIE: Final = {
    probatio.Required(ATTR_SOURCE): schemas.text,
    probatio.Required(ATTR_KEY): schemas.text,
    probatio.Required(ATTR_RATING_KEY): probatio.Any(None, schemas.text_or_number),
}
_SCOPE: Final = {probatio.Optional(ATTR_SCOPE, default="all"): probatio.In(SCOPES)}

COMMANDS: Final[tuple[WebSocketCommandHandler, ...]] = (
    _overview,
    _subscribe,
    command("jobs", {**schemas.GET_JOBS.schema, **PAGE}, get_jobs),
    command("retry", schemas.FAILED_JOBS.schema, retry_failed),
    command("discard", schemas.FAILED_JOBS.schema, discard_failed),
    command("candidates", {probatio.Required("rating_keys"): _KEYS}, candidates),
    command("pin", _TIE, _pin),
    command("outages", {}, get_outages),
    command("sweep", _SCOPE, _sweep),
    command("sweep/cancel", {}, cancel_reconcile),
    *PLAN,
    *HISTORY,
)


@callback
def async_setup_commands(hass: HomeAssistant) -> None:
    """Register the commands; they stay while entries come and go."""
    for handler in COMMANDS:
        websocket_api.async_register_command(hass, handler)
