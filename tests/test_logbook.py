"""The logbook says in words what happened, through Home Assistant's own logbook."""

from typing import Any

from homeassistant.components.logbook import DOMAIN as LOGBOOK
from homeassistant.components.logbook.processor import EventProcessor
from homeassistant.components.recorder import Recorder
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr
from homeassistant.setup import async_setup_component
from homeassistant.util import dt as dt_util
import pytest
from pytest_homeassistant_custom_component.components.recorder.common import (
    async_wait_recording_done,
)

from custom_components.plexsync.const import CONF_RECORD_TITLES, DOMAIN, EVENT_PLEXSYNC
from tests.home import (
    PLEX_ROOT,
    call,
    entity_id,
    make_entry,
    set_up,
    stash_subentry,
    until,
    until_state,
)
from tests.simulators.films import FILMS
from tests.simulators.plex import PlexSimulator
from tests.simulators.stash import StashSimulator
from tests.test_event import IMDB, Told, _fail, _pass_a_minute

PATH = f"{PLEX_ROOT}/{FILMS[0].path}"


@pytest.fixture
async def logbook(recorder_mock: Recorder, hass: HomeAssistant) -> None:
    """Set up the logbook, with its recorder."""
    assert await async_setup_component(hass, LOGBOOK, {})
    await hass.async_block_till_done()


async def entries(hass: HomeAssistant, begin: Any) -> list[dict[str, Any]]:
    """Give what the logbook shows of us since then."""
    await async_wait_recording_done(hass)
    processor = EventProcessor(hass, (EVENT_PLEXSYNC,))
    found = await hass.async_add_executor_job(
        processor.get_events, begin, dt_util.utcnow()
    )
    return [each for each in found if each.get("domain") == DOMAIN]


@pytest.mark.usefixtures("logbook")
async def test_an_outage_in_words(hass: HomeAssistant, plex: PlexSimulator) -> None:
    """Who it was, what happened and why, and which entity knows more."""
    begin = dt_util.utcnow()
    entry = await set_up(hass, make_entry(plex))
    told = Told(hass)
    await plex.stop()
    await call(hass, "sync_item", path=PATH, fields={"summary": "Outage."})
    await until_state(hass, "sensor", "pending", "1")
    await until_state(hass, "sensor", "circuit", "open")
    await plex.start()
    entry.runtime_data.engine.health.hurry()
    await until(hass, lambda: "circuit_closed" in told.types)
    opened, half_opened, closed = await entries(hass, begin)
    assert {each["name"] for each in (opened, half_opened, closed)} == {"Cellar"}
    assert opened["entity_id"] == entity_id(hass, "event", "sync_event")
    assert opened["message"] == (
        "is not available. Plex refuses connections. Its jobs are waiting"
    )
    assert half_opened["message"] == "answers again and is being tested"
    assert closed["message"].startswith("is available again after 0:00:")
    assert closed["message"].endswith(". Jobs that were waiting for it: 1")


@pytest.mark.usefixtures("logbook")
async def test_failures_and_comparisons_in_words(
    hass: HomeAssistant, plex: PlexSimulator, stash: StashSimulator
) -> None:
    """One and many, and what a night has found."""
    begin = dt_util.utcnow()
    for item in list(plex.core.items.values())[-2:]:
        item.guids = (IMDB,)
    subentry = stash_subentry(stash)
    options = {CONF_RECORD_TITLES: True}
    await set_up(hass, make_entry(plex, subentry, options=options))
    await until_state(hass, "sensor", "synced", "12")
    told = Told(hass)
    await _fail(hass, plex, "Secret")
    _pass_a_minute(hass)
    await until(hass, lambda: len(told.events) == 1)
    await _fail(hass, plex, "Secret too", "And this")
    _pass_a_minute(hass)
    await until(hass, lambda: len(told.events) == 2)
    plex.core.edit_by_person(plex.core.find(PATH).rating_key, summary="A person's.")
    await call(hass, "reconcile", wait=60)
    await until(hass, lambda: len(told.events) == 3)
    one, two, compared = [each["message"] for each in await entries(hass, begin)]
    assert one == "could not sync one item. Several items match"
    assert two == "could not sync 2 items. Several items match"
    assert compared.startswith("was compared with its sources in 0:00:0")
    assert compared.endswith(": 11 in line, 0 to be written, 1 others")


@pytest.mark.parametrize(
    ("data", "name", "message"),
    [
        (
            {"type": "circuit_closed", "cause": "reset", "duration": 61.4},
            "PlexSync",
            "was set to available again by hand after 0:01:01",
        ),
        (
            {"type": "circuit_opened", "cause": "http_502"},
            "PlexSync",
            "is not available. http_502. Its jobs are waiting",
        ),
        (
            {"type": "circuit_closed", "cause": "recovery", "duration": None},
            "PlexSync",
            "is available again after 0:00:00. Jobs that were waiting for it: 0",
        ),
        (
            {"type": "circuit_opened"},
            "PlexSync",
            "is not available. None. Its jobs are waiting",
        ),
        (
            {"type": "reconcile_finished", "duration": 0.02, "in_line": 38},
            "PlexSync",
            "was compared with its sources in 0:00:01: 38 in line, 0 to be written, 0 others",
        ),
        (
            {"type": "circuit_closed", "duration": "a while", "jobs": "some"},
            "PlexSync",
            "is available again after 0:00:00. Jobs that were waiting for it: 0",
        ),
        (
            {"type": "circuit_closed", "duration": 1e300, "jobs": [1]},
            "PlexSync",
            "is available again after 0:00:00. Jobs that were waiting for it: 0",
        ),
        (
            {
                "type": "reconcile_finished",
                "duration": {},
                "in_line": "all",
                "differs": 1e999,
                "kept": {"locked": "3", "other": 2, "deep": {"a": None}},
            },
            "PlexSync",
            "was compared with its sources in 0:00:00: 0 in line, 0 to be written, 2 others",
        ),
        (
            {"type": ["items_failed"], "device_id": ["no", "id"]},
            "PlexSync",
            "['items_failed']",
        ),
        ({"type": "of_the_future", "device_id": "gone"}, "PlexSync", "of_the_future"),
        ({"type": "{of} the {"}, "PlexSync", "{of} the {"),
        ({}, "PlexSync", "None"),
    ],
)
@pytest.mark.usefixtures("logbook")
async def test_whatever_was_recorded_is_described(
    hass: HomeAssistant,
    plex: PlexSimulator,
    caplog: pytest.LogCaptureFixture,
    data: dict[str, Any],
    name: str,
    message: str,
) -> None:
    """Also of a server that is gone, and of another version."""
    await set_up(hass, make_entry(plex))
    begin = dt_util.utcnow()
    hass.bus.async_fire(EVENT_PLEXSYNC, data)
    (found,) = await entries(hass, begin)
    assert (found["name"], found["message"]) == (name, message)
    assert "Error with plexsync" not in caplog.text


@pytest.mark.usefixtures("logbook")
async def test_a_server_is_called_as_its_owner_calls_it(
    hass: HomeAssistant, plex: PlexSimulator
) -> None:
    """By the name that was given to the device."""
    entry = await set_up(hass, make_entry(plex))
    devices = dr.async_get(hass)
    (device,) = dr.async_entries_for_config_entry(devices, entry.entry_id)
    devices.async_update_device(device.id, name_by_user="Attic")
    begin = dt_util.utcnow()
    data = {"type": "circuit_half_opened", "device_id": device.id}
    hass.bus.async_fire(EVENT_PLEXSYNC, data)
    (found,) = await entries(hass, begin)
    assert found["name"] == "Attic"
