"""Unloading an entry ends nobody's wait badly: each caller gets an answer, or words."""

import asyncio
from datetime import timedelta
import logging
import threading
from typing import Any

from homeassistant.config_entries import (
    SIGNAL_CONFIG_ENTRY_CHANGED,
    ConfigEntry,
    ConfigEntryChange,
    ConfigEntryState,
)
from homeassistant.const import EVENT_HOMEASSISTANT_STOP
from homeassistant.core import CoreState, Event, HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers.dispatcher import async_dispatcher_connect
from homeassistant.setup import async_setup_component
from homeassistant.util import dt as dt_util
import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_fire_time_changed,
)

from custom_components.plexsync.const import DOMAIN
from custom_components.plexsync.coordinator import PlexSyncCoordinator
from custom_components.plexsync.engine.circuit.breaker import State
from custom_components.plexsync.engine.model.faults import Fault
from tests.home import PATIENCE, PLEX_ROOT, call, make_entry, set_up, until, until_state
from tests.simulators.films import FILMS
from tests.simulators.plex import PlexSimulator

PATH = f"{PLEX_ROOT}/{FILMS[0].path}"
RECORD = {"path": PATH, "fields": {"summary": "Waited for."}}
SCRIPT = {
    "sequence": [
        {
            "action": "plexsync.sync_item",
            "data": RECORD | {"wait": 300},
            "response_variable": "answer",
        },
        {"event": "went_on", "event_data": {"answer": "{{ answer }}"}},
    ]
}


@pytest.fixture
async def entry(hass: HomeAssistant, plex: PlexSimulator) -> MockConfigEntry:
    """Give a loaded entry without sources."""
    return await set_up(hass, make_entry(plex))


@pytest.fixture
async def answers(hass: HomeAssistant) -> list[dict[str, Any]]:
    """Have a script that waits for its item; give what it saw when it went on."""
    found: list[dict[str, Any]] = []

    @callback
    def heard(event: Event[Any]) -> None:
        found.append(event.data["answer"])

    hass.bus.async_listen("went_on", heard)
    assert await async_setup_component(hass, "script", {"script": {"sync": SCRIPT}})
    return found


async def begin(hass: HomeAssistant) -> None:
    """Start the script, and let it come to where it waits."""
    await hass.services.async_call("script", "turn_on", {"entity_id": "script.sync"})
    await until_state(hass, "sensor", "pending", "1")


@pytest.mark.parametrize("away", [True, False])
async def test_a_script_that_waits_goes_on(
    hass: HomeAssistant,
    plex: PlexSimulator,
    entry: MockConfigEntry,
    answers: list[dict[str, Any]],
    away: bool,
) -> None:
    """With what it waited for queued, on disk; it is written later."""
    plex.faults.add("maintenance") if away else plex.faults.add("blackhole")
    await begin(hass)
    if away:
        await until_state(hass, "sensor", "circuit", "open")
    assert answers == []
    assert await hass.config_entries.async_unload(entry.entry_id)
    await until(hass, lambda: answers, ["went_on"])
    assert answers[0]["status"] == "queued"
    assert answers[0].get("reason") == ("circuit_open" if away else None)

    plex.faults.clear()
    await set_up(hass, entry)
    entry.runtime_data.engine.health.hurry()
    await until_state(hass, "sensor", "pending", "0")
    assert plex.core.find(PATH).value("summary") == "Waited for."


async def test_a_caller_is_answered_when_home_assistant_stops(
    hass: HomeAssistant, plex: PlexSimulator, entry: MockConfigEntry
) -> None:
    """Entries are not unloaded then; scripts Home Assistant stops by itself."""
    plex.faults.add("maintenance")
    asking = asyncio.ensure_future(call(hass, "sync_item", **RECORD, wait=300))
    await until_state(hass, "sensor", "pending", "1")
    hass.bus.async_fire(EVENT_HOMEASSISTANT_STOP)
    async with asyncio.timeout(PATIENCE):
        assert (await asking)["status"] == "queued"
        while any(each.name == "plexsync-database" for each in threading.enumerate()):
            await asyncio.sleep(0.01)  # else it outlives the test


async def test_nothing_begins_when_home_assistant_stops_during_the_set_up(
    hass: HomeAssistant, plex: PlexSimulator, caplog: pytest.LogCaptureFixture
) -> None:
    """As after a change of the settings just before a restart."""
    entry = make_entry(plex)

    @callback
    def stop(change: ConfigEntryChange, changed: ConfigEntry) -> None:
        if changed.state is ConfigEntryState.SETUP_IN_PROGRESS and not hass.is_stopping:
            hass.set_state(CoreState.stopping)
            hass.bus.async_fire(EVENT_HOMEASSISTANT_STOP)

    async_dispatcher_connect(hass, SIGNAL_CONFIG_ENTRY_CHANGED, stop)
    await set_up(hass, entry)
    assert "plexsync-database" not in {each.name for each in threading.enumerate()}
    assert not plex.journal.entries
    assert not [each for each in caplog.records if each.levelno >= logging.ERROR]


@pytest.mark.parametrize(
    ("action", "data"),
    [("preview_item", RECORD), ("undo_item", {"path": PATH})],
)
@pytest.mark.parametrize("path", [None, "/library/metadata/"])
async def test_who_waits_for_plex_itself_is_told_in_words(
    hass: HomeAssistant,
    plex: PlexSimulator,
    action: str,
    data: dict[str, Any],
    path: str | None,
) -> None:
    """While the first probe is under way, and while the item is read."""
    plex.faults.add("blackhole", **({"path": path} if path else {}))
    entry = await set_up(hass, make_entry(plex))
    asking = asyncio.ensure_future(call(hass, action, **data))
    await plex.journal.arrived(path=path, within=PATIENCE)
    assert not asking.done()
    assert await hass.config_entries.async_unload(entry.entry_id)
    with pytest.raises(HomeAssistantError) as caught:
        async with asyncio.timeout(PATIENCE):
            await asking
    assert (caught.value.translation_domain, caught.value.translation_key) == (
        DOMAIN,
        "closed",
    )
    assert entry.state is ConfigEntryState.NOT_LOADED

    # What we broke off ourselves speaks against nobody.
    plex.faults.clear()
    await set_up(hass, entry)
    circuit = entry.runtime_data.engine.circuit
    assert circuit.breaker.state is State.CLOSED
    assert circuit.outages.current is None
    assert not circuit.outages.outages


async def test_an_engine_that_is_closed_says_queued(
    hass: HomeAssistant, plex: PlexSimulator, entry: MockConfigEntry
) -> None:
    """To whoever was accepted, and comes to ask only now."""
    engine = entry.runtime_data.engine
    assert await hass.config_entries.async_unload(entry.entry_id)
    assert (await engine.job_status.of("action", "key")).status == "queued"
    assert (await engine.outcomes.wait_for("action", "key", 600)).status == "queued"


@pytest.mark.parametrize("scope", ["all", "plan"])
async def test_no_comparison_begins_while_an_entry_closes(
    hass: HomeAssistant, entry: MockConfigEntry, scope: str
) -> None:
    """Whoever asks for one then is told in words."""
    closing = asyncio.ensure_future(entry.runtime_data.async_close())
    while not entry.runtime_data.reconcile._closed:  # noqa: SLF001  # nobody else can tell
        await asyncio.sleep(0)
    with pytest.raises(HomeAssistantError) as caught:
        await call(hass, "reconcile", scope=scope)
    assert caught.value.translation_key == "closed"
    assert not entry.runtime_data.reconcile.running
    await closing


async def test_a_look_that_is_due_while_an_entry_closes_is_left_out(
    hass: HomeAssistant, entry: MockConfigEntry, caplog: pytest.LogCaptureFixture
) -> None:
    """Its database is closed, and that is no error."""
    await entry.runtime_data.async_close()
    async_fire_time_changed(hass, dt_util.utcnow() + timedelta(minutes=2))
    await hass.async_block_till_done(wait_background_tasks=True)
    assert entry.runtime_data.last_update_success
    assert not [each for each in caplog.records if each.levelno >= logging.ERROR]


async def test_whoever_closes_second_waits_for_the_end(entry: MockConfigEntry) -> None:
    """An entry may be unloaded while Home Assistant stops."""
    first = asyncio.ensure_future(entry.runtime_data.async_close())
    await asyncio.sleep(0)
    await entry.runtime_data.async_close()
    threads = {each.name for each in threading.enumerate()}
    assert "plexsync-database" not in threads
    await first


async def test_a_server_is_closed_where_an_entry_cannot_be_opened(
    hass: HomeAssistant, entry: MockConfigEntry
) -> None:
    """Whatever the error: this one nobody foresaw."""
    sql = "INSERT INTO source_hold VALUES ('x', 'first_plan', 'no JSON')"
    engine = entry.runtime_data.engine
    await engine.database.run(lambda db: db.execute(sql).close())
    assert await hass.config_entries.async_unload(entry.entry_id)
    coordinator = PlexSyncCoordinator(hass, entry)
    with pytest.raises(ValueError):
        await coordinator.async_open()
    with pytest.raises(Fault) as caught:
        await coordinator.server.libraries()
    assert caught.value.reason == "closed"
