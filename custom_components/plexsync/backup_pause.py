"""The time of a backup, in which the database file is complete and left alone."""

from datetime import datetime
import logging

from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.helpers.event import async_call_later

from .engine.database.database import Database, StorageError

_LOGGER = logging.getLogger(__name__)

_LONGEST = 3600.0  # seconds that a backup may take
_AGAIN = 60.0  # seconds until a pause that could not be ended is tried again


class BackupPause:
    """One database's pause; it ends by itself after an hour."""

    def __init__(self, hass: HomeAssistant, database: Database) -> None:
        """Take the database, open or not."""
        self._hass = hass
        self._database = database
        self._cancel: CALLBACK_TYPE | None = None
        self._closed = False

    async def begin(self, wall: float) -> None:
        """Leave the file alone from now on. Raises StorageError."""
        self._end_in(_LONGEST)
        await self._database.freeze(wall)

    @callback
    def resume(self, wall: float) -> None:
        """Continue a pause that began before a restart."""
        if (since := self._database.file.frozen_since) is not None:
            self._end_in(since + _LONGEST - wall)

    async def end(self, _now: datetime | None = None) -> None:
        """End the pause."""
        self._drop()
        try:
            await self._database.thaw()
        except StorageError as error:
            _LOGGER.warning("The backup cannot be ended yet: %s", error)
            self._end_in(_AGAIN)

    @callback
    def close(self) -> None:
        """Stop the timer; the next start continues the pause."""
        self._closed = True
        self._drop()

    def _end_in(self, seconds: float) -> None:
        self._drop()
        if self._closed:
            return
        self._cancel = async_call_later(
            self._hass, min(max(0.0, seconds), _LONGEST), self.end
        )

    def _drop(self) -> None:
        if self._cancel is not None:
            self._cancel()
            self._cancel = None
