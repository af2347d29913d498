"""The server of Home Assistant's own Plex integration, and when we follow it."""

from typing import Any

from homeassistant.config_entries import ConfigEntryState
from homeassistant.const import EVENT_STATE_CHANGED
from homeassistant.core import Event, HomeAssistant, callback
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.plexsync.const import CONF_REUSE
from tests.home import make_entry, set_up
from tests.simulators.plex import PlexSimulator

CHANGES = [{"url": "http://127.0.0.1:9"}, {"token": "another"}, {"verify_ssl": False}]


@pytest.fixture
async def theirs(hass: HomeAssistant, plex: PlexSimulator) -> MockConfigEntry:
    """Add an entry of the Plex integration."""
    server = {"url": plex.url, "token": plex.token, "verify_ssl": True}
    entry = MockConfigEntry(
        domain="plex", unique_id="sim0001", data={"server_config": server}
    )
    entry.add_to_hass(hass)
    return entry


def change_server(hass: HomeAssistant, theirs: MockConfigEntry, **changes: Any) -> None:
    """Have the Plex integration know its server otherwise."""
    server = theirs.data["server_config"] | changes
    hass.config_entries.async_update_entry(theirs, data={"server_config": server})


def pass_through_states(hass: HomeAssistant, theirs: MockConfigEntry) -> None:
    """Have the Plex integration reload, and fail to reach its server."""
    for state in ConfigEntryState:
        theirs.mock_state(hass, state)
    theirs.mock_state(hass, ConfigEntryState.SETUP_RETRY, "away")
    theirs.mock_state(hass, ConfigEntryState.LOADED)


async def test_an_outage_of_the_plex_integration_is_no_reason_to_reload(
    hass: HomeAssistant,
    plex: PlexSimulator,
    theirs: MockConfigEntry,
    setups: list[str],
) -> None:
    """Nor is another title, an option, or data that leads to the same server."""
    await set_up(hass, make_entry(plex, **{CONF_REUSE: True}))
    setups.clear()
    pass_through_states(hass, theirs)
    await hass.async_block_till_done()
    update = hass.config_entries.async_update_entry
    update(theirs, title="Another title")
    await hass.async_block_till_done()
    update(theirs, options={"media_player": {"use_episode_art": True}})
    await hass.async_block_till_done()
    update(theirs, data=theirs.data | {"server": "Cellar"})
    await hass.async_block_till_done()
    change_server(hass, theirs, url=None)  # nowhere to go
    await hass.async_block_till_done()
    assert setups == []


@pytest.mark.parametrize("changes", CHANGES)
async def test_another_way_to_the_server_reloads_once(
    hass: HomeAssistant,
    plex: PlexSimulator,
    theirs: MockConfigEntry,
    setups: list[str],
    changes: dict[str, Any],
) -> None:
    """Also when the Plex integration reloads because of it, as it does."""
    entry = make_entry(plex, **{CONF_REUSE: True})
    await set_up(hass, entry)
    setups.clear()
    change_server(hass, theirs, **changes)
    pass_through_states(hass, theirs)
    await hass.async_block_till_done()
    pass_through_states(hass, theirs)
    await hass.async_block_till_done()
    assert setups == [entry.entry_id]
    (name, value), *_ = changes.items()
    assert getattr(entry.runtime_data.host.access, name) == value


async def test_what_changes_while_we_are_set_up_is_followed(
    hass: HomeAssistant,
    plex: PlexSimulator,
    theirs: MockConfigEntry,
    setups: list[str],
) -> None:
    """The address was read already, and nobody listened yet."""

    @callback
    def change(event: Event[Any]) -> None:
        change_server(hass, theirs, token="another")

    hass.bus.async_listen_once(EVENT_STATE_CHANGED, change)
    entry = make_entry(plex, **{CONF_REUSE: True})
    entry.add_to_hass(hass)
    await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done()
    assert entry.state is ConfigEntryState.LOADED
    assert setups == [entry.entry_id] * 2
    assert entry.runtime_data.host.access.token == "another"


async def test_an_entry_with_an_address_of_its_own_follows_nobody(
    hass: HomeAssistant,
    plex: PlexSimulator,
    theirs: MockConfigEntry,
    setups: list[str],
) -> None:
    """Whatever becomes of the Plex integration."""
    await set_up(hass, make_entry(plex))
    setups.clear()
    change_server(hass, theirs, token="another")
    await hass.async_block_till_done()
    assert setups == []
