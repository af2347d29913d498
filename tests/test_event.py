"""The event entity tells what happens, in counts and reasons only."""

from datetime import timedelta
from typing import Any

from homeassistant.components.event import ATTR_EVENT_TYPE, ATTR_EVENT_TYPES
from homeassistant.const import EVENT_STATE_CHANGED, STATE_UNAVAILABLE, STATE_UNKNOWN
from homeassistant.core import Event, EventStateChangedData, HomeAssistant, callback
from homeassistant.helpers import device_registry as dr, entity_registry as er
from homeassistant.util import dt as dt_util
import pytest
from pytest_homeassistant_custom_component.common import (
    async_capture_events,
    async_fire_time_changed,
)

from custom_components.plexsync.const import (
    CONF_RECORD_TITLES,
    DOMAIN,
    EVENT_PLEXSYNC,
    SCOPES,
)
from custom_components.plexsync.engine.jobs.job import Priority
from custom_components.plexsync.engine.model.record import Find, Record
from custom_components.plexsync.failures import MOST
from tests.home import (
    PLEX_ROOT,
    call,
    entity_id,
    make_entry,
    ruin,
    set_up,
    stash_subentry,
    state_of,
    until,
    until_state,
)
from tests.simulators.films import FILMS
from tests.simulators.plex import PlexSimulator
from tests.simulators.stash import StashSimulator

PATH = f"{PLEX_ROOT}/{FILMS[0].path}"
IMDB = "imdb://tt4711"


class Told:
    """Everything that the entity told, in order."""

    def __init__(self, hass: HomeAssistant) -> None:
        """Begin to listen."""
        self.events: list[dict[str, Any]] = []
        self._entity = entity_id(hass, "event", "sync_event")
        hass.bus.async_listen(EVENT_STATE_CHANGED, self._heard)

    @callback
    def _heard(self, event: Event[EventStateChangedData]) -> None:
        state, old = event.data["new_state"], event.data["old_state"]
        if event.data["entity_id"] != self._entity or state is None:
            return
        if old is None or state.state != old.state:
            self.events.append(dict(state.attributes))

    @property
    def types(self) -> list[str]:
        """Give the types of the events."""
        return [event[ATTR_EVENT_TYPE] for event in self.events]

    def of(self, kind: str) -> dict[str, Any]:
        """Give what was told of the first event of a type."""
        return next(each for each in self.events if each[ATTR_EVENT_TYPE] == kind)


async def test_an_outage_is_told_from_beginning_to_end(
    hass: HomeAssistant, plex: PlexSimulator
) -> None:
    """Tell of each change of the circuit, with its cause."""
    entry = await set_up(hass, make_entry(plex))
    told = Told(hass)
    state = state_of(hass, "event", "sync_event")
    assert state.state == STATE_UNKNOWN
    assert set(state.attributes[ATTR_EVENT_TYPES]) == {
        "circuit_opened",
        "circuit_half_opened",
        "circuit_closed",
        "items_failed",
        "reconcile_finished",
    }
    await plex.stop()
    await call(hass, "sync_item", path=PATH, fields={"summary": "Outage."})
    await until_state(hass, "sensor", "circuit", "open")
    await plex.start()
    entry.runtime_data.engine.health.hurry()
    await until(hass, lambda: "circuit_closed" in told.types)
    assert told.types == ["circuit_opened", "circuit_half_opened", "circuit_closed"]
    assert told.of("circuit_opened")["cause"] == "refused"
    closed = told.of("circuit_closed")
    assert closed["cause"] == "recovery"
    assert closed["duration"] > 0


async def _fail(hass: HomeAssistant, plex: PlexSimulator, *names: str) -> list[int]:
    """Let jobs fail, of an item that is one of two, and give their numbers."""
    for item in list(plex.core.items.values())[-2:]:
        item.guids = (IMDB,)
    for name in names:
        order = {"guid": IMDB, "key": name, "fields": {"title": name}}
        await call(hass, "sync_item", **order, wait=20)
    jobs = (await call(hass, "get_jobs", state="failed", limit=500))["jobs"]
    return sorted(job["id"] for job in jobs)


@callback
def _pass_a_minute(hass: HomeAssistant) -> None:
    async_fire_time_changed(hass, dt_util.utcnow() + timedelta(seconds=61))


async def test_failed_items_are_told_without_their_names(
    hass: HomeAssistant, plex: PlexSimulator
) -> None:
    """Tell jobs and reason when the minute is over; titles and paths are nobody's business."""
    await set_up(hass, make_entry(plex))
    told = Told(hass)
    failed = await _fail(hass, plex, "secret title", "another secret title")
    assert told.events == []
    _pass_a_minute(hass)
    await until(hass, lambda: told.events)
    assert told.types == ["items_failed"]
    event = told.of("items_failed")
    assert event["reason"] == "ambiguous"
    assert (event["count"], event["job_ids"]) == (2, failed)
    for state in hass.states.async_all():
        assert "title" not in str(state.as_dict()).lower()


async def test_titles_are_told_where_the_owner_wants_them(
    hass: HomeAssistant, plex: PlexSimulator
) -> None:
    """Name the items that failed once the option is on."""
    await set_up(hass, make_entry(plex, options={CONF_RECORD_TITLES: True}))
    told = Told(hass)
    plex.faults.add("status", code=400, method="PUT")
    await call(hass, "sync_item", path=PATH, fields={"title": "A film"}, wait=20)
    _pass_a_minute(hass)
    await until(hass, lambda: told.events)
    failed = told.of("items_failed")
    assert (failed["titles"], failed["paths"]) == (["A film"], [PATH])


async def test_many_failures_are_one_event_a_reason_and_minute(
    hass: HomeAssistant, plex: PlexSimulator
) -> None:
    """Tell of four hundred at once, each counted and only some named; and then of the next."""
    entry = await set_up(hass, make_entry(plex))
    engine, told = entry.runtime_data.engine, Told(hass)
    await _fail(hass, plex)
    records = [
        Record("action", str(n), Find(guids=(IMDB,)), {"title": f"Film {n}"})
        for n in range(400)
    ]
    await engine.submit(records, Priority.BULK)
    await until_state(hass, "sensor", "failed", "400")
    assert told.events == []
    _pass_a_minute(hass)
    await until(hass, lambda: told.events)
    event = told.of("items_failed")
    assert event["count"] == 400
    assert len(event["job_ids"]) == MOST
    await _fail(hass, plex, "One more")
    _pass_a_minute(hass)
    await until(hass, lambda: len(told.events) == 2)
    assert [each["count"] for each in told.events] == [400, 1]


async def test_each_reason_has_its_own_event(
    hass: HomeAssistant, plex: PlexSimulator
) -> None:
    """An automation that waits for one reason hears its number."""
    await set_up(hass, make_entry(plex))
    told = Told(hass)
    await _fail(hass, plex, "One", "Two")
    plex.faults.add("status", code=400, method="PUT")
    await call(hass, "sync_item", path=PATH, fields={"summary": "Three."}, wait=20)
    _pass_a_minute(hass)
    await until(hass, lambda: len(told.events) == 2)
    counts = {each["reason"]: each["count"] for each in told.events}
    assert counts == {"ambiguous": 2, "bad_request": 1}


async def test_an_unload_tells_the_last_failures_before_it(
    hass: HomeAssistant, plex: PlexSimulator
) -> None:
    """No failure is lost from the counts, and none is told afterwards."""
    entry = await set_up(hass, make_entry(plex))
    told = Told(hass)
    failed = await _fail(hass, plex, "The last")
    assert await hass.config_entries.async_unload(entry.entry_id)
    await hass.async_block_till_done()
    events = [each for each in told.events if ATTR_EVENT_TYPE in each]
    assert [each["job_ids"] for each in events] == [failed]
    _pass_a_minute(hass)
    await hass.async_block_till_done()
    assert [each for each in told.events if ATTR_EVENT_TYPE in each] == events


@pytest.mark.parametrize("scope", SCOPES)
async def test_a_run_is_told_with_its_counts(
    hass: HomeAssistant, plex: PlexSimulator, stash: StashSimulator, scope: str
) -> None:
    """Tell what a run looked at, and how many of each kind it found."""
    await set_up(hass, make_entry(plex, stash_subentry(stash)))
    await until_state(hass, "sensor", "synced", "12")
    told = Told(hass)
    await call(hass, "reconcile", scope=scope)
    await until(hass, lambda: told.events)
    assert told.types == ["reconcile_finished"]
    finished = told.of("reconcile_finished")
    assert finished["scope"] == scope
    assert finished["in_line"] == 12
    assert finished["sources_away"] == 0
    assert finished["duration"] >= 0


@pytest.mark.parametrize("restarts", [1, 2])
async def test_a_restored_state_tells_nothing_anew(
    hass: HomeAssistant, plex: PlexSimulator, restarts: int
) -> None:
    """Fire for what happens, not for what is remembered: an outage goes on quietly."""
    entry = await set_up(hass, make_entry(plex))
    await plex.stop()
    await call(hass, "sync_item", path=PATH, fields={"summary": "Quiet."})
    await until_state(hass, "sensor", "circuit", "open")
    for _ in range(restarts):
        assert await hass.config_entries.async_unload(entry.entry_id)
        before = state_of(hass, "event", "sync_event")
        told = Told(hass)
        assert await hass.config_entries.async_setup(entry.entry_id)
        await hass.async_block_till_done()
        assert state_of(hass, "sensor", "circuit").state == "open"
        after = state_of(hass, "event", "sync_event")
        assert after.attributes.get(ATTR_EVENT_TYPE) == "circuit_opened"
        assert before.state != after.state  # unavailable, and then the moment it was
        assert set(told.types) <= {"circuit_opened"}
        stamps = {after.state}
        assert len(stamps) == 1


async def test_an_entity_of_an_earlier_version_is_the_same_one(
    hass: HomeAssistant, plex: PlexSimulator
) -> None:
    """Keep its name, its history and what its owner made of it."""
    entry = make_entry(plex)
    entry.add_to_hass(hass)
    registry = er.async_get(hass)
    old = registry.async_get_or_create(
        "event", DOMAIN, f"{entry.entry_id}_activity", config_entry=entry
    )
    await set_up(hass, entry)
    assert entity_id(hass, "event", "sync_event") == old.entity_id
    assert hass.states.get(old.entity_id) is not None


async def test_an_entity_that_an_earlier_version_made_again(
    hass: HomeAssistant, plex: PlexSimulator
) -> None:
    """Who goes back a version and on again has two; the one of today stays."""
    entry = make_entry(plex)
    entry.add_to_hass(hass)
    registry = er.async_get(hass)
    today, old = (
        registry.async_get_or_create(
            "event", DOMAIN, f"{entry.entry_id}_{key}", config_entry=entry
        )
        for key in ("sync_event", "activity")
    )
    await set_up(hass, entry)
    assert entity_id(hass, "event", "sync_event") == today.entity_id
    assert registry.async_get(old.entity_id) is None
    told = Told(hass)
    await plex.stop()
    await call(hass, "sync_item", path=PATH, fields={"summary": "x"})
    await until(hass, lambda: "circuit_opened" in told.types)


async def test_an_event_is_told_on_the_bus_as_well(
    hass: HomeAssistant, plex: PlexSimulator
) -> None:
    """With the same facts, and whose it is."""
    entry = await set_up(hass, make_entry(plex))
    told, fired = Told(hass), async_capture_events(hass, EVENT_PLEXSYNC)
    failed = await _fail(hass, plex, "secret title")
    _pass_a_minute(hass)
    await until(hass, lambda: fired)
    (device,) = dr.async_entries_for_config_entry(dr.async_get(hass), entry.entry_id)
    assert fired[0].data == {
        "device_id": device.id,
        "entity_id": entity_id(hass, "event", "sync_event"),
        "type": "items_failed",
        "reason": "ambiguous",
        "count": 1,
        "job_ids": failed,
    }
    assert (
        told.of("items_failed").items() >= {"count": 1, "reason": "ambiguous"}.items()
    )


async def test_events_are_told_while_nothing_can_be_read(
    hass: HomeAssistant, plex: PlexSimulator
) -> None:
    """An event that came with the way back from unavailable would start no automation."""
    entry = await set_up(hass, make_entry(plex))
    await ruin(entry)
    await entry.runtime_data.async_refresh()
    assert state_of(hass, "sensor", "pending").state == STATE_UNAVAILABLE
    assert state_of(hass, "event", "sync_event").state == STATE_UNKNOWN
