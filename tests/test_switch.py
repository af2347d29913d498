"""The switch holds the worker and loses nothing."""

from homeassistant.components.switch import DOMAIN as SWITCH
from homeassistant.const import (
    ATTR_ENTITY_ID,
    SERVICE_TURN_OFF,
    SERVICE_TURN_ON,
    STATE_OFF,
    STATE_ON,
)
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
import pytest

from tests.home import (
    PLEX_ROOT,
    call,
    entity_id,
    make_entry,
    ruin,
    set_up,
    state_of,
    until_state,
)
from tests.simulators.films import FILMS
from tests.simulators.plex import PlexSimulator

PATH = f"{PLEX_ROOT}/{FILMS[0].path}"


async def turn(hass: HomeAssistant, service: str) -> None:
    """Turn the switch."""
    await hass.services.async_call(
        SWITCH,
        service,
        {ATTR_ENTITY_ID: entity_id(hass, "switch", "sync")},
        blocking=True,
    )


async def test_off_keeps_jobs_and_writes_nothing(
    hass: HomeAssistant, plex: PlexSimulator
) -> None:
    """Hold the worker, over a restart too, and write everything afterwards."""
    entry = await set_up(hass, make_entry(plex))
    assert state_of(hass, "switch", "sync").state == STATE_ON
    await turn(hass, SERVICE_TURN_OFF)
    assert state_of(hass, "switch", "sync").state == STATE_OFF

    answer = await call(hass, "sync_item", path=PATH, fields={"summary": "Held."})
    assert answer["status"] == "queued"
    assert answer["reason"] == "held"
    assert await hass.config_entries.async_reload(entry.entry_id)
    assert state_of(hass, "switch", "sync").state == STATE_OFF
    assert state_of(hass, "sensor", "pending").state == "1"
    assert state_of(hass, "sensor", "circuit").state == "closed"
    assert plex.core.find(PATH).value("summary") is None

    await turn(hass, SERVICE_TURN_ON)
    assert state_of(hass, "switch", "sync").state == STATE_ON
    await until_state(hass, "sensor", "synced", "1")
    assert plex.core.find(PATH).value("summary") == "Held."


async def test_a_switch_that_cannot_be_kept_does_not_turn(
    hass: HomeAssistant, plex: PlexSimulator
) -> None:
    """Say so in words when the disk refuses."""
    entry = await set_up(hass, make_entry(plex))
    await ruin(entry)
    with pytest.raises(HomeAssistantError) as caught:
        await turn(hass, SERVICE_TURN_OFF)
    assert caught.value.translation_key == "storage_failed"
    assert state_of(hass, "switch", "sync").state == STATE_ON
