"""The binary sensors: who can be reached, and whether work is left lying."""

import asyncio
import logging

from homeassistant.const import ATTR_DEVICE_CLASS, STATE_OFF, STATE_ON, EntityCategory
from homeassistant.core import HomeAssistant
from homeassistant.helpers import entity_registry as er
import pytest

from custom_components.plexsync.const import CONF_STALE_AFTER
from custom_components.plexsync.plex.events import PATH as PATH_SOCKET
from tests.home import (
    PLEX_ROOT,
    SOURCE,
    call,
    make_entry,
    set_up,
    stash_subentry,
    state_of,
    until_state,
)
from tests.simulators.films import FILMS
from tests.simulators.plex import PlexSimulator
from tests.simulators.stash import StashSimulator

PATH = f"{PLEX_ROOT}/{FILMS[0].path}"
STASH = f"{SOURCE}_source"


async def test_they_are_what_was_promised(
    hass: HomeAssistant,
    entity_registry: er.EntityRegistry,
    plex: PlexSimulator,
    stash: StashSimulator,
) -> None:
    """Offer exactly these, with these classes and categories."""
    entry = await set_up(hass, make_entry(plex, stash_subentry(stash)))
    promised = {
        "plex": ("connectivity", EntityCategory.DIAGNOSTIC),
        "out_of_sync": ("problem", None),
        STASH: ("connectivity", EntityCategory.DIAGNOSTIC),
    }
    found = {
        each.unique_id.removeprefix(f"{entry.entry_id}_"): each
        for each in er.async_entries_for_config_entry(entity_registry, entry.entry_id)
        if each.domain == "binary_sensor"
    }
    assert found.keys() ^ promised.keys() == set()
    for key, (device_class, category) in promised.items():
        state = state_of(hass, "binary_sensor", key)
        assert state.attributes[ATTR_DEVICE_CLASS] == device_class
        assert found[key].entity_category == category


async def test_a_source_that_is_removed_during_the_set_up(
    hass: HomeAssistant,
    plex: PlexSimulator,
    stash: StashSimulator,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Its sensor is left out, and the others are there; then the entry is reloaded."""
    entry = make_entry(plex, stash_subentry(stash))
    entry.add_to_hass(hass)
    setting_up = hass.async_create_task(
        hass.config_entries.async_setup(entry.entry_id), eager_start=False
    )
    while not hasattr(entry, "runtime_data"):
        await asyncio.sleep(0)
    assert hass.config_entries.async_remove_subentry(entry, SOURCE)
    await setting_up
    await hass.async_block_till_done()
    assert not [each for each in caplog.records if each.levelno >= logging.ERROR]
    await until_state(hass, "binary_sensor", "plex", STATE_ON)


async def test_plex_is_followed_without_work(
    hass: HomeAssistant, plex: PlexSimulator
) -> None:
    """Show after an idle start whether Plex is there; the circuit has no part in that."""
    entry = await set_up(hass, make_entry(plex))
    await until_state(hass, "binary_sensor", "plex", STATE_ON)
    await plex.stop()
    await until_state(hass, "binary_sensor", "plex", STATE_OFF)
    assert await hass.config_entries.async_reload(entry.entry_id)
    await until_state(hass, "binary_sensor", "plex", STATE_OFF)
    await plex.start()
    await until_state(hass, "binary_sensor", "plex", STATE_ON)
    assert {(each.method, each.path) for each in plex.journal} == {("GET", PATH_SOCKET)}
    assert state_of(hass, "sensor", "circuit").state == "closed"
    assert state_of(hass, "sensor", "outages").state == "0"


async def test_plex_is_followed_with_work(
    hass: HomeAssistant, plex: PlexSimulator
) -> None:
    """Follow what the last contact showed."""
    await set_up(hass, make_entry(plex))
    await call(hass, "sync_item", path=PATH, fields={"summary": "One."})
    await until_state(hass, "binary_sensor", "plex", STATE_ON)
    await plex.stop()
    await call(hass, "sync_item", path=PATH, fields={"summary": "Two."})
    await until_state(hass, "binary_sensor", "plex", STATE_OFF)


async def test_a_source_is_followed(
    hass: HomeAssistant, plex: PlexSimulator, stash: StashSimulator
) -> None:
    """Follow each source by itself."""
    entry = await set_up(hass, make_entry(plex, stash_subentry(stash)))
    await until_state(hass, "binary_sensor", STASH, STATE_ON)
    await stash.stop()
    entry.runtime_data.runners[SOURCE].hurry()
    await until_state(hass, "binary_sensor", STASH, STATE_OFF)
    await stash.start()
    entry.runtime_data.runners[SOURCE].hurry()
    await until_state(hass, "binary_sensor", STASH, STATE_ON)


async def test_what_a_source_cannot_read_is_counted(
    hass: HomeAssistant, plex: PlexSimulator, stash: StashSimulator
) -> None:
    """Show how many records it answers to with an error; it is there nevertheless."""
    stash.core.sick = {stash.core.find_scene(FILMS[3].title): "row"}
    await set_up(hass, make_entry(plex, stash_subentry(stash)))
    await until_state(hass, "sensor", "synced", "11")
    state = await until_state(hass, "binary_sensor", STASH, STATE_ON)
    assert state.attributes["unreadable"] == 1


async def test_work_that_lies_too_long_is_a_problem(
    hass: HomeAssistant, plex: PlexSimulator
) -> None:
    """Turn on once a job is older than the limit, and off when it is done."""
    await plex.stop()
    await set_up(hass, make_entry(plex, options={CONF_STALE_AFTER: 0}))
    assert state_of(hass, "binary_sensor", "out_of_sync").state == STATE_OFF
    await call(hass, "sync_item", path=PATH, fields={"summary": "Late."})
    await until_state(hass, "binary_sensor", "out_of_sync", STATE_ON)
    await plex.start()
    await call(hass, "reset_circuit")
    await until_state(hass, "binary_sensor", "out_of_sync", STATE_OFF)


async def test_what_the_owner_holds_is_no_problem(
    hass: HomeAssistant, plex: PlexSimulator
) -> None:
    """Blame nobody while syncing is switched off."""
    entry = await set_up(hass, make_entry(plex, options={CONF_STALE_AFTER: 0}))
    await entry.runtime_data.engine.switch(False)
    await call(hass, "sync_item", path=PATH, fields={"summary": "Held."})
    await until_state(hass, "sensor", "pending", "1")
    assert state_of(hass, "binary_sensor", "out_of_sync").state == STATE_OFF
