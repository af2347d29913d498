"""What the review page subscribes to: the whole state of a server, again after each change."""

import asyncio
import contextlib
from typing import Any, Final

from homeassistant.components.websocket_api.connection import ActiveConnection
from homeassistant.components.websocket_api.messages import event_message
from homeassistant.core import callback
from homeassistant.util.json import JsonObjectType

from ..const import DOMAIN
from ..coordinator import PlexSyncCoordinator
from ..engine.database.database import StorageError
from .live_state import async_live_state

_APART: Final = 0.5  # seconds at least between two messages
_LOOK: Final = 2.0  # seconds; nobody is told when the progress of a run changes
_UNREADABLE: Final = {
    "translation_domain": DOMAIN,
    "translation_key": "storage_failed",
}


class Live:
    """One subscription, until the browser or the server's entry ends it."""

    def __init__(
        self,
        coordinator: PlexSyncCoordinator,
        connection: ActiveConnection,
        number: int,
    ) -> None:
        """Take the connection, and the number of the subscription there."""
        self._coordinator = coordinator
        self._connection = connection
        self._number = number
        self._changed = asyncio.Event()
        self._sent: JsonObjectType | None = None

    @callback
    def start(self) -> None:
        """Send the state now, and from now on when it changes."""
        coordinator = self._coordinator
        coordinator.endings.add(self.end)
        self._deaf = coordinator.async_add_listener(self._changed.set)
        self._task = coordinator.config_entry.async_create_background_task(
            coordinator.hass, self._run(), f"{DOMAIN} live"
        )

    @callback
    def stop(self) -> None:
        """Send nothing more."""
        if self.end in self._coordinator.endings:
            self._coordinator.endings.discard(self.end)
            self._deaf()
            self._task.cancel()

    @callback
    def end(self) -> None:
        """Say that the server is no longer loaded, and stop."""
        self.stop()
        self._send({"unloaded": True})

    async def _run(self) -> None:
        while True:
            self._changed.clear()
            try:
                state = await async_live_state(self._coordinator)
            except StorageError:
                if self._sent is None:
                    self.stop()
                    self._send({"error": _UNREADABLE})
                    return
                state = self._sent  # a repair tells of the database
            if state != self._sent:
                self._sent = state
                self._send(state)
            await asyncio.sleep(_APART)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_LOOK):
                    await self._changed.wait()

    def _send(self, event: Any) -> None:
        self._connection.send_message(event_message(self._number, event))
