"""Counters never step back, whatever becomes of our own files."""

from collections.abc import AsyncGenerator
import contextlib
import json
from pathlib import Path
from typing import Any

from homeassistant.components.sensor import DOMAIN as SENSOR
from homeassistant.core import HomeAssistant
from homeassistant.helpers.restore_state import (
    STORAGE_KEY as RESTORED,
    RestoredExtraData,
    async_get,
)
import pytest

from custom_components.plexsync.sensor import SENSORS, CounterShown
from custom_components.plexsync.storage import database_path
from tests.home import call, make_entry, set_up, state_of, until_state
from tests.simulators.plex import PlexSimulator
from tests.test_persistence import home, sync

COUNTERS = ("synced", "unchanged", "outages")


@contextlib.asynccontextmanager
async def remembering(folder: Path) -> AsyncGenerator[HomeAssistant]:
    """Start one that keeps its last states, as it does outside of tests."""
    async with home(folder) as hass:
        states = async_get(hass)
        await states.async_load()
        yield hass
        await states.async_dump_states()


def shown(hass: HomeAssistant, key: str) -> int:
    """Give what a counter shows."""
    return int(state_of(hass, SENSOR, key).state)


def test_the_counters_are_those_that_only_grow() -> None:
    """Know here all that Home Assistant takes for ever increasing."""
    found = {each.key for each in SENSORS if each.state_class == "total_increasing"}
    assert found == set(COUNTERS)


async def test_an_older_database_takes_nothing_back(
    tmp_path: Path, plex: PlexSimulator
) -> None:
    """Restore the database of an earlier day: the counter goes on from what it showed."""
    async with remembering(tmp_path) as hass:
        await set_up(hass, make_entry(plex))
        await sync(hass, plex, "First", 3)
        await until_state(hass, SENSOR, "synced", "3")
        file = database_path(hass, "01ENTRY")
    backup = file.read_bytes()
    async with remembering(tmp_path) as hass:
        await set_up(hass, make_entry(plex))
        await sync(hass, plex, "Second", 12)
        await until_state(hass, SENSOR, "synced", "15")
    file.write_bytes(backup)
    async with remembering(tmp_path) as hass:
        entry = await set_up(hass, make_entry(plex))
        assert entry.runtime_data.data.statistics.synced == 3
        assert shown(hass, "synced") == 15
        await entry.runtime_data.engine.ledger_identity.accept(lead=True)
        await sync(hass, plex, "Third", 2)
        await until_state(hass, SENSOR, "synced", "17")
    # And so it does when it was shown by a process that was killed since.
    states = tmp_path / ".storage" / RESTORED
    data = json.loads(states.read_text())
    for each in data["data"]:
        if (extra := each["extra_data"]) and extra.get("shown") == 17:
            extra["shown"] = 16
    states.write_text(json.dumps(data))
    async with remembering(tmp_path) as hass:
        await set_up(hass, make_entry(plex))
        assert shown(hass, "synced") == 17


async def test_a_lost_database_takes_nothing_back(
    tmp_path: Path, plex: PlexSimulator
) -> None:
    """Begin the file anew, and not the counter."""
    async with remembering(tmp_path) as hass:
        await set_up(hass, make_entry(plex))
        await sync(hass, plex, "First", 4)
        await until_state(hass, SENSOR, "synced", "4")
        file = database_path(hass, "01ENTRY")
    file.unlink()
    async with remembering(tmp_path) as hass:
        entry = await set_up(hass, make_entry(plex))
        assert entry.runtime_data.data.statistics.synced == 0
        assert shown(hass, "synced") == 4


async def test_a_reload_changes_nothing(
    hass: HomeAssistant, plex: PlexSimulator
) -> None:
    """Take what the last life of the entity left for the next one."""
    entry = await set_up(hass, make_entry(plex))
    fields = {"summary": "Once."}
    path = next(iter(plex.core.items.values())).files[0]
    for _ in range(2):
        await call(hass, "sync_item", path=path, fields=fields, wait=20)
    await until_state(hass, SENSOR, "unchanged", "1")
    for _ in range(2):
        assert await hass.config_entries.async_reload(entry.entry_id)
        assert [shown(hass, key) for key in COUNTERS] == [1, 1, 0]
    assert async_get(hass).last_states


@pytest.mark.parametrize(
    "stored",
    [None, {}, {"shown": 5}, {"shown": "5", "ahead": 1}, {"native_value": 7}],
)
def test_what_cannot_be_read_counts_as_nothing(stored: dict[str, Any] | None) -> None:
    """Begin with what the database says where nothing else is known."""
    data = None if stored is None else RestoredExtraData(stored)
    assert CounterShown.recall(data) == CounterShown(0, 0)
