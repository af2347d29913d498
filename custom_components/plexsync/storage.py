"""The files of an entry, and the circuit's store on Home Assistant's ``Store``."""

import glob
import logging
from pathlib import Path
from typing import Any, override

from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError, UnsupportedStorageVersionError
from homeassistant.helpers.storage import STORAGE_DIR, Store
from homeassistant.util import dt as dt_util

from .const import DOMAIN
from .engine.database.database import StorageError, StorageTooNewError

_LOGGER = logging.getLogger(__name__)

VERSION = 1


def database_path(hass: HomeAssistant, entry_id: str) -> Path:
    """Return the path of the entry's database."""
    return Path(hass.config.path(STORAGE_DIR, f"{DOMAIN}.{entry_id}.db"))


class _HonestStore(Store[dict[str, Any]]):
    """A store that remembers whether a write failed.

    ``Store`` logs a failed write and returns as if all were well. It also returns
    without writing if Home Assistant postpones the write because it is stopping.
    """

    failure: BaseException | None = None
    written = 0

    @override
    async def _async_write_data(self, data: dict[str, Any]) -> None:
        try:
            await super()._async_write_data(data)
        except BaseException as error:
            self.failure = error
            raise
        self.failure = None
        self.written += 1

    @override
    async def _async_migrate_func(
        self, old_major_version: int, old_minor_version: int, old_data: Any
    ) -> dict[str, Any]:
        """Refuse data of a newer version, which ``Store`` would overwrite as ours."""
        if (old_major_version, old_minor_version) > (self.version, self.minor_version):
            raise StorageTooNewError("a newer version made the circuit's store")
        raise NotImplementedError


class CircuitStore:
    """Keep the circuit, the pace and the outage history in ``.storage``."""

    def __init__(self, hass: HomeAssistant, entry_id: str) -> None:
        """Initialize the store; nothing is read yet."""
        self._hass = hass
        self._store = _HonestStore(
            hass, VERSION, f"{DOMAIN}.{entry_id}", private=True, atomic_writes=True
        )
        self.path = Path(self._store.path)

    async def load(self) -> dict[str, Any] | None:
        """Return what was saved last; an unusable file is set aside.

        Raises ValueError for JSON that is not a store, StorageError for a file that
        cannot be read now, and StorageTooNewError for one of a newer version. Home
        Assistant itself sets unparsable JSON aside and raises a repair for it.
        """
        try:
            data: Any = await self._store.async_load()
        except UnsupportedStorageVersionError as error:
            raise StorageTooNewError(
                "a newer version made the circuit's store"
            ) from error
        except HomeAssistantError as error:
            raise StorageError("the circuit's store cannot be read") from error
        except (KeyError, TypeError, AttributeError, NotImplementedError) as error:
            await self._set_aside()
            raise ValueError("not a store") from error
        if data is None:
            return None
        if not isinstance(data, dict):
            await self._set_aside()
            raise ValueError("not an object")  # noqa: TRY004  # unusable is one case
        return data

    async def save(self, data: dict[str, Any]) -> None:
        """Save durably. Raises OSError if the data is not on disk afterwards."""
        written = self._store.written
        await self._store.async_save(data)
        if self._store.failure is not None:
            raise OSError("the store cannot be written") from self._store.failure
        if self._store.written == written and not self._hass.is_stopping:
            raise OSError("the store was not written")

    async def remove(self) -> None:
        """Delete the file."""
        await self._store.async_remove()

    async def _set_aside(self) -> None:
        stamp = dt_util.utcnow().isoformat().replace(":", "-")
        target = self.path.with_name(f"{self.path.name}.corrupt.{stamp}")

        def move() -> None:
            if self.path.exists():
                self.path.rename(target)

        await self._hass.async_add_executor_job(move)


async def async_remove_files(hass: HomeAssistant, entry_id: str) -> None:
    """Delete all files of an entry, those that were set aside included."""
    store = CircuitStore(hass, entry_id)
    await store.remove()

    def remove() -> None:
        # Every file has the entry's id in its name: the database, files that we or Home
        # Assistant set aside, and those that SQLite keeps beside them.
        pattern = f"{glob.escape(store.path.name)}.*"
        for path in store.path.parent.glob(pattern):
            try:
                path.unlink(missing_ok=True)
            except OSError as error:
                _LOGGER.warning("A file cannot be deleted (%s)", type(error).__name__)

    await hass.async_add_executor_job(remove)
