"""Changing how a server is reached, also where the entry is not set up."""

import asyncio
from pathlib import Path
from typing import Any

from homeassistant.config_entries import ConfigEntryState
from homeassistant.const import CONF_TOKEN, CONF_URL, CONF_VERIFY_SSL
from homeassistant.core import Event, HomeAssistant, callback
from homeassistant.helpers import entity_registry as er
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.plexsync.const import (
    CONF_LIBRARIES,
    CONF_MACHINE_ID,
    CONF_POLL_SLOWEST,
)
from custom_components.plexsync.storage import database_path
from tests.flows import access, add_entry, enter, reconfigure, suggested, uuids
from tests.home import SOURCE, make_entry, set_up, stash_subentry
from tests.simulators.plex import PlexSimulator
from tests.simulators.stash import StashSimulator


async def test_reconfigure(hass: HomeAssistant, plex: PlexSimulator) -> None:
    """Change the address, keep the token where none is entered, choose libraries anew."""
    entry = add_entry(hass, plex, **access(plex, url="http://127.0.0.1:1"))
    # Both can be open: the token is refused and somebody changes the address.
    await entry.start_reauth_flow(hass)
    result = await reconfigure(hass, entry, "address")
    assert result["step_id"] == "address"
    assert suggested(result) == {CONF_URL: "http://127.0.0.1:1", CONF_VERIFY_SSL: True}

    result = await enter(hass, result, url=plex.url, token="wrong", verify_ssl=False)
    assert result["errors"] == {"base": "invalid_auth"}
    assert suggested(result) == {CONF_URL: plex.url, CONF_VERIFY_SSL: False}

    result = await enter(hass, result, url=plex.url, token=plex.token, verify_ssl=False)
    assert result["step_id"] == "libraries"
    (marker,) = result["data_schema"].schema
    assert marker.default() == uuids(plex)[:1]

    result = await enter(hass, result, libraries=uuids(plex))
    assert result["reason"] == "reconfigure_successful"
    assert entry.data == access(plex, verify_ssl=False) | {
        CONF_MACHINE_ID: "sim0001",
        CONF_LIBRARIES: uuids(plex),
    }


async def test_the_stored_token_stays(hass: HomeAssistant, plex: PlexSimulator) -> None:
    """Ask for no token where the one that is stored will do."""
    entry = add_entry(hass, plex, **access(plex, url="http://127.0.0.1:1"))
    result = await reconfigure(hass, entry, "address")
    result = await enter(hass, result, url=plex.url, verify_ssl=True)
    await enter(hass, result, libraries=uuids(plex)[:1])
    assert entry.data[CONF_TOKEN] == plex.token


async def test_an_address_without_a_port_keeps_its_meaning(
    hass: HomeAssistant, plex: PlexSimulator
) -> None:
    """Show the port that an address of an earlier version means, not Plex's usual one."""
    entry = add_entry(hass, plex, **access(plex, url="https://plex.example"))
    result = await reconfigure(hass, entry, "address")
    assert suggested(result)[CONF_URL] == "https://plex.example:443"


async def test_a_library_that_is_gone(hass: HomeAssistant, plex: PlexSimulator) -> None:
    """Preset only what still exists."""
    entry = add_entry(hass, plex)
    plex.core.remove_section(plex.core.sections[1])
    result = await reconfigure(hass, entry, "address")
    result = await enter(hass, result, url=plex.url, verify_ssl=True)
    (marker,) = result["data_schema"].schema
    assert marker.default() == []


async def test_an_entry_that_is_not_set_up_goes_on_at_once(
    hass: HomeAssistant, plex: PlexSimulator, setups: list[str]
) -> None:
    """Set it up now: nothing else listens, and Home Assistant would wait for minutes."""
    entry = make_entry(plex)
    path = database_path(hass, entry.entry_id)
    await asyncio.to_thread(_block, path)
    entry.add_to_hass(hass)
    assert not await hass.config_entries.async_setup(entry.entry_id)
    assert entry.state is ConfigEntryState.SETUP_RETRY
    await asyncio.to_thread(path.rmdir)

    setups.clear()
    await _reconfigure(hass, plex, entry)
    assert setups == [entry.entry_id]
    assert entry.state is ConfigEntryState.LOADED


def _block(path: Path) -> None:
    path.mkdir(parents=True)


async def test_an_entry_that_is_set_up_is_set_up_once_more(
    hass: HomeAssistant, plex: PlexSimulator, setups: list[str]
) -> None:
    """Reload for what changed, once, and not at all where nothing did."""
    entry = await set_up(hass, make_entry(plex))
    setups.clear()
    await _reconfigure(hass, plex, entry)
    assert setups == []
    await _reconfigure(hass, plex, entry, uuids(plex))
    assert setups == [entry.entry_id]


async def test_an_entry_that_is_being_set_up_is_set_up_once_more(
    hass: HomeAssistant, plex: PlexSimulator, setups: list[str]
) -> None:
    """What it is given then comes too late for this time, and nobody listens yet."""
    entry = make_entry(plex)
    entry.add_to_hass(hass)
    result = await reconfigure(hass, entry, "address")
    result = await enter(hass, result, url=plex.url, verify_ssl=True)
    given: list[ConfigEntryState] = []

    @callback
    def give(event: Event[Any]) -> None:
        given.append(entry.state)
        answer = {CONF_LIBRARIES: uuids(plex)}
        hass.async_create_task(
            hass.config_entries.flow.async_configure(result["flow_id"], answer)
        )
        setups.clear()

    hass.bus.async_listen_once(er.EVENT_ENTITY_REGISTRY_UPDATED, give)
    await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done()
    assert given == [ConfigEntryState.SETUP_IN_PROGRESS]
    assert entry.data[CONF_LIBRARIES] == uuids(plex)
    assert setups == [entry.entry_id]
    assert entry.state is ConfigEntryState.LOADED


async def test_a_source_that_changes_while_its_entry_is_set_up_is_followed(
    hass: HomeAssistant, plex: PlexSimulator, stash: StashSimulator, setups: list[str]
) -> None:
    """Home Assistant changes a subentry in place: what it was must be kept apart."""
    entry = make_entry(plex, stash_subentry(stash))
    entry.add_to_hass(hass)
    given: list[ConfigEntryState] = []

    @callback
    def give(event: Event[Any]) -> None:
        given.append(entry.state)
        source = entry.subentries[SOURCE]
        data = {**source.data, CONF_POLL_SLOWEST: 240}
        hass.config_entries.async_update_subentry(entry, source, data=data)
        setups.clear()

    hass.bus.async_listen_once(er.EVENT_ENTITY_REGISTRY_UPDATED, give)
    await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done()
    assert given == [ConfigEntryState.SETUP_IN_PROGRESS]
    assert setups == [entry.entry_id]
    assert entry.state is ConfigEntryState.LOADED


async def _reconfigure(
    hass: HomeAssistant,
    plex: PlexSimulator,
    entry: MockConfigEntry,
    libraries: list[str] | None = None,
) -> None:
    result = await reconfigure(hass, entry, "address")
    result = await enter(hass, result, url=plex.url, verify_ssl=True)
    result = await enter(hass, result, libraries=libraries or uuids(plex)[:1])
    assert result["reason"] == "reconfigure_successful"
    await hass.async_block_till_done()
