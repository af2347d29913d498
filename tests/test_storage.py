"""Our files when the disk, or somebody else, is in the way."""

import contextlib
from pathlib import Path
import sqlite3

from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import issue_registry as ir
import pytest

from custom_components.plexsync.const import DOMAIN
from tests.home import call, make_entry, set_up, until, until_state
from tests.simulators.plex import PlexSimulator

NAME = ".storage/plexsync.01ENTRY.db"


async def test_somebody_else_has_the_database(
    hass: HomeAssistant, plex: PlexSimulator
) -> None:
    """A second owner is told why it waits, and gets its turn."""
    entry = make_entry(plex)
    entry.add_to_hass(hass)
    with contextlib.closing(sqlite3.connect(hass.config.path(NAME))) as other:
        other.execute("PRAGMA locking_mode=EXCLUSIVE")
        other.execute("BEGIN EXCLUSIVE")
        other.execute("COMMIT")
        assert not await hass.config_entries.async_setup(entry.entry_id)
        assert entry.state is ConfigEntryState.SETUP_RETRY
        assert entry.error_reason_translation_domain == DOMAIN
        assert entry.error_reason_translation_key == "storage_in_use"
    assert await hass.config_entries.async_reload(entry.entry_id)
    assert entry.state is ConfigEntryState.LOADED


async def test_the_database_cannot_be_opened(
    hass: HomeAssistant, plex: PlexSimulator
) -> None:
    """Set-up is tried again, and nothing is moved out of the way."""
    # Root opens anything, but nobody opens a folder.
    path = Path(hass.config.path(NAME))
    path.mkdir()
    entry = make_entry(plex)
    entry.add_to_hass(hass)
    assert not await hass.config_entries.async_setup(entry.entry_id)
    assert entry.state is ConfigEntryState.SETUP_RETRY
    assert entry.error_reason_translation_key == "storage_unusable"
    path.rmdir()
    assert await hass.config_entries.async_reload(entry.entry_id)
    assert entry.state is ConfigEntryState.LOADED
    assert not list(path.parent.glob(f"{path.name}.*.1"))


async def test_a_database_from_a_newer_version(
    hass: HomeAssistant, plex: PlexSimulator
) -> None:
    """It is kept under another name, and the owner is told."""
    path = Path(hass.config.path(NAME))
    with contextlib.closing(sqlite3.connect(path)) as newer:
        newer.execute("PRAGMA user_version=99")
    await set_up(hass, make_entry(plex))
    with contextlib.closing(sqlite3.connect(f"{path}.foreign.1")) as newer:
        assert newer.execute("PRAGMA user_version").fetchone() == (99,)
    assert (DOMAIN, "database_lost_01ENTRY") in ir.async_get(hass).issues


async def test_the_disk_fills_up(hass: HomeAssistant, plex: PlexSimulator) -> None:
    """Whoever asks is told; what was accepted is written once there is room."""
    entry = await set_up(hass, make_entry(plex))
    engine = entry.runtime_data.engine
    item = next(iter(plex.core.items.values()))
    await engine.switch(False)
    await call(hass, "sync_item", path=item.files[0], fields={"title": "Accepted"})
    await engine.database.run(_room(0))
    with pytest.raises(HomeAssistantError) as caught:
        await call(
            hass, "sync_item", path=item.files[0], fields={"summary": "x" * 9000}
        )
    assert caught.value.translation_key == "storage_failed"
    await engine.database.run(_room(100_000))
    await engine.switch(True)
    await until(hass, lambda: item.title == "Accepted")
    await until_state(hass, "sensor", "pending", "0")
    assert item.values.get("summary") != "x" * 9000


def _room(pages: int) -> object:
    """Make a disk have room for so many pages, or for no more than there are now."""
    return lambda db: db.execute(f"PRAGMA max_page_count={pages or 1}").fetchone()
