"""Make websocket commands that are about one server, for administrators only."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from homeassistant.components.websocket_api.connection import ActiveConnection
from homeassistant.components.websocket_api.const import WebSocketCommandHandler
from homeassistant.components.websocket_api.decorators import (
    async_response,
    require_admin,
    websocket_command,
)
from homeassistant.const import ATTR_CONFIG_ENTRY_ID
from homeassistant.core import HomeAssistant
from homeassistant.helpers import service
from homeassistant.util.json import JsonObjectType
import probatio

from ..actions.schemas import ATTR_LIMIT, WHOLE, text
from ..const import DOMAIN
from ..coordinator import PlexSyncConfigEntry, PlexSyncCoordinator
from ..errors import translated_errors

type Handler = Callable[
    [PlexSyncCoordinator, dict[str, Any]], Awaitable[JsonObjectType]
]

_MAX_PAGE: Final = 100  # rows of one answer, so that messages stay small
PAGE: Final[Mapping[Any, Any]] = {
    probatio.Optional(ATTR_LIMIT, default=50): probatio.All(
        WHOLE, probatio.Range(min=1, max=_MAX_PAGE)
    )
}
ENTRY: Final[Mapping[Any, Any]] = {probatio.Required(ATTR_CONFIG_ENTRY_ID): text}


def coordinator_of(hass: HomeAssistant, msg: Mapping[str, Any]) -> PlexSyncCoordinator:
    """Find the server that a message names. Raises ServiceValidationError."""
    entry: PlexSyncConfigEntry = service.async_get_config_entry(
        hass, DOMAIN, msg[ATTR_CONFIG_ENTRY_ID]
    )
    return entry.runtime_data


def command(
    name: str, fields: Mapping[Any, Any], handler: Handler
) -> WebSocketCommandHandler:
    """Register ``plexsync/<name>`` for administrators, with translated errors.

    The handler is given the server's coordinator and the message, and returns the answer.
    """

    # The first of two equal keys counts, so here the server is required.
    @websocket_command(
        {probatio.Required("type"): f"{DOMAIN}/{name}", **({**ENTRY} | {**fields})}
    )
    @require_admin
    @async_response
    async def handle(
        hass: HomeAssistant, connection: ActiveConnection, msg: dict[str, Any]
    ) -> None:
        coordinator = coordinator_of(hass, msg)
        with translated_errors():
            answer = await handler(coordinator, msg)
        connection.send_result(msg["id"], answer)

    return handle
