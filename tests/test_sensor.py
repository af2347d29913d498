"""The sensors show the engine's own facts, whatever Plex does."""

from dataclasses import replace

from homeassistant.components.sensor import ATTR_OPTIONS, ATTR_STATE_CLASS
from homeassistant.const import (
    ATTR_DEVICE_CLASS,
    ATTR_UNIT_OF_MEASUREMENT,
    STATE_UNAVAILABLE,
    STATE_UNKNOWN,
    EntityCategory,
)
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr, entity_registry as er
from homeassistant.util import dt as dt_util
import pytest

from custom_components.plexsync.const import DOMAIN
from custom_components.plexsync.engine.status import Status
from custom_components.plexsync.sensor import SENSORS
from tests.home import (
    PLEX_ROOT,
    SOURCE,
    call,
    enable_all,
    entity_id,
    make_entry,
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
DIAGNOSTIC = EntityCategory.DIAGNOSTIC

# Device class, unit, state class and category: automations and statistics rely on them.
PROMISED = {
    "status": ("enum", None, None, None),
    "circuit": ("enum", None, None, None),
    "pending": (None, None, "measurement", None),
    "failed": (None, None, "measurement", None),
    "synced": (None, None, "total_increasing", None),
    "unchanged": (None, None, "total_increasing", None),
    "success_rate": (None, "%", "measurement", DIAGNOSTIC),
    "last_sync": ("timestamp", None, None, DIAGNOSTIC),
    "next_probe": ("timestamp", None, None, DIAGNOSTIC),
    "last_outage": ("timestamp", None, None, DIAGNOSTIC),
    "sync_duration": ("duration", "s", "measurement", DIAGNOSTIC),
    "outages": (None, None, "total_increasing", DIAGNOSTIC),
    "mttr": ("duration", "s", "measurement", DIAGNOSTIC),
    "mtbf": ("duration", "s", "measurement", DIAGNOSTIC),
    "availability": (None, "%", "measurement", DIAGNOSTIC),
    "reconcile_progress": (None, "%", None, DIAGNOSTIC),
}
# Disabled until their owner wants them.
FOR_EXPERTS = {"success_rate", "sync_duration", "mttr", "mtbf"}


async def test_the_sensors_are_what_was_promised(
    hass: HomeAssistant, entity_registry: er.EntityRegistry, plex: PlexSimulator
) -> None:
    """Offer exactly these, with these classes, units and categories."""
    entry = await set_up(hass, make_entry(plex))
    found = {
        each.unique_id: each
        for each in er.async_entries_for_config_entry(entity_registry, entry.entry_id)
        if each.domain == "sensor"
    }
    expected = {f"{entry.entry_id}_{key}" for key in PROMISED}
    assert found.keys() ^ expected == set()
    for key, (device_class, unit, state_class, category) in PROMISED.items():
        registered = found[f"{entry.entry_id}_{key}"]
        assert registered.has_entity_name
        hidden = er.RegistryEntryDisabler.INTEGRATION if key in FOR_EXPERTS else None
        assert registered.disabled_by is hidden
        if hidden:
            continue
        assert registered.entity_category == category
        attributes = state_of(hass, "sensor", key).attributes
        assert attributes.get(ATTR_DEVICE_CLASS) == device_class, key
        assert attributes.get(ATTR_UNIT_OF_MEASUREMENT) == unit, key
        assert attributes.get(ATTR_STATE_CLASS) == state_class, key
    options = state_of(hass, "sensor", "status").attributes[ATTR_OPTIONS]
    assert options == [str(word) for word in Status]
    entity_registry.async_update_entity(
        found[f"{entry.entry_id}_mtbf"].entity_id, disabled_by=None
    )
    assert await hass.config_entries.async_reload(entry.entry_id)
    assert state_of(hass, "sensor", "mtbf").attributes[ATTR_DEVICE_CLASS] == "duration"
    options = state_of(hass, "sensor", "circuit").attributes[ATTR_OPTIONS]
    assert options == ["closed", "open", "half_open"]


async def test_what_is_not_known_yet_is_unknown(
    hass: HomeAssistant, plex: PlexSimulator
) -> None:
    """Show nothing as zero that has no data."""
    await set_up(hass, enable_all(hass, make_entry(plex)))
    unknown = {
        key for key in PROMISED if state_of(hass, "sensor", key).state == STATE_UNKNOWN
    }
    assert unknown >= {
        "last_outage",
        "last_sync",
        "mtbf",
        "mttr",
        "next_probe",
        "reconcile_progress",
        "success_rate",
        "sync_duration",
    }
    assert not unknown & {"circuit", "failed", "outages", "pending", "synced"}


async def test_each_server_is_one_device(
    hass: HomeAssistant,
    device_registry: dr.DeviceRegistry,
    entity_registry: er.EntityRegistry,
    plex: PlexSimulator,
    stash: StashSimulator,
) -> None:
    """Put the server's entities on one service, and a source on one behind it."""
    entry = await set_up(hass, make_entry(plex, stash_subentry(stash)))
    server = device_registry.async_get_device_by_identifier(
        (DOMAIN, entry.entry_id), entry.entry_id
    )
    source = device_registry.async_get_device_by_identifier(
        (DOMAIN, f"{entry.entry_id}_{SOURCE}"), entry.entry_id
    )
    assert server is not None
    assert server.entry_type is dr.DeviceEntryType.SERVICE
    assert (server.manufacturer, server.name) == ("Plex", "Cellar")
    assert source is not None
    assert source.entry_type is dr.DeviceEntryType.SERVICE
    assert source.name == "Stash"
    assert source.via_device_id == server.id
    for each in er.async_entries_for_config_entry(entity_registry, entry.entry_id):
        is_source = SOURCE in each.unique_id
        assert each.device_id == (source.id if is_source else server.id)
        assert each.config_subentry_id == (SOURCE if is_source else None)


async def test_work_is_counted(hass: HomeAssistant, plex: PlexSimulator) -> None:
    """Count what was written and what was in line already, and keep it."""
    entry = await set_up(hass, enable_all(hass, make_entry(plex)))
    before = dt_util.utcnow().replace(microsecond=0)
    fields = {"summary": "A trip."}
    answer = await call(hass, "sync_item", path=PATH, fields=fields, wait=20)
    assert answer["status"] == "written"
    await until_state(hass, "sensor", "synced", "1")
    assert (await call(hass, "sync_item", path=PATH, fields=fields))["status"] == (
        "unchanged"
    )
    await until_state(hass, "sensor", "unchanged", "1")

    assert float(state_of(hass, "sensor", "success_rate").state) == 100
    assert float(state_of(hass, "sensor", "sync_duration").state) > 0
    last_sync = dt_util.parse_datetime(state_of(hass, "sensor", "last_sync").state)
    assert last_sync is not None
    assert last_sync >= before

    assert await hass.config_entries.async_reload(entry.entry_id)
    assert state_of(hass, "sensor", "synced").state == "1"
    assert state_of(hass, "sensor", "unchanged").state == "1"


async def test_our_own_facts_stay_while_plex_is_down(
    hass: HomeAssistant, plex: PlexSimulator
) -> None:
    """Show the outage, the jobs that wait for its end, and nothing as unavailable."""
    await set_up(hass, enable_all(hass, make_entry(plex)))
    await plex.stop()
    await call(hass, "sync_item", path=PATH, fields={"summary": "Later."})
    await until_state(hass, "sensor", "circuit", "open")
    await until_state(hass, "sensor", "pending", "1")
    for key in PROMISED:
        assert state_of(hass, "sensor", key).state != STATE_UNAVAILABLE, key
    assert state_of(hass, "sensor", "outages").state == "1"
    assert state_of(hass, "sensor", "mttr").state == STATE_UNKNOWN
    for key in ("next_probe", "last_outage"):
        assert dt_util.parse_datetime(state_of(hass, "sensor", key).state)
    begun = state_of(hass, "sensor", "circuit").attributes["since"]
    assert begun.isoformat(timespec="seconds") == (
        state_of(hass, "sensor", "last_outage").state
    )

    await plex.start()
    await call(hass, "reset_circuit")
    await until_state(hass, "sensor", "synced", "1")
    assert state_of(hass, "sensor", "circuit").state == "closed"
    assert state_of(hass, "sensor", "next_probe").state == STATE_UNKNOWN
    ended = state_of(hass, "sensor", "circuit").attributes["since"]
    assert begun < ended <= dt_util.utcnow()
    shown = state_of(hass, "sensor", "availability")
    assert (float(shown.state) < 100, shown.attributes["coverage"]) == (True, 0)
    # The state has changed with the restart; what it says since when has not.
    assert await hass.config_entries.async_reload("01ENTRY")
    assert state_of(hass, "sensor", "circuit").attributes["since"] == ended
    assert float(state_of(hass, "sensor", "mtbf").state) >= 0


async def test_a_failed_job_is_shown(hass: HomeAssistant, plex: PlexSimulator) -> None:
    """Count what needs a person."""
    await set_up(hass, enable_all(hass, make_entry(plex)))
    plex.faults.add("status", code=400, method="PUT")
    item = next(iter(plex.core.items.values()))
    answer = await call(
        hass, "sync_item", path=item.files[0], fields={"summary": "x"}, wait=20
    )
    assert answer["status"] == "failed"
    await until_state(hass, "sensor", "failed", "1")
    assert state_of(hass, "sensor", "pending").state == "0"
    assert float(state_of(hass, "sensor", "success_rate").state) == 0


async def test_the_progress_of_a_run_is_shown(
    hass: HomeAssistant, plex: PlexSimulator, stash: StashSimulator
) -> None:
    """Show how far a run is, and nothing when none runs."""
    await set_up(hass, make_entry(plex, stash_subentry(stash)))
    await until_state(hass, "sensor", "synced", "12")
    progress = entity_id(hass, "sensor", "reconcile_progress")
    assert hass.states.get(progress).state == STATE_UNKNOWN
    plex.latency_read = 1
    hass.async_create_task(call(hass, "reconcile"))
    await until(hass, lambda: hass.states.get(progress).state != STATE_UNKNOWN)
    plex.latency_read = 0
    await until_state(hass, "sensor", "reconcile_progress", STATE_UNKNOWN)


@pytest.mark.parametrize(("percent", "shown"), [(0.0, 0), (9.9, 5), (100.0, 100)])
async def test_the_progress_goes_in_steps(
    hass: HomeAssistant, plex: PlexSimulator, percent: float, shown: int
) -> None:
    """Fill no database with the progress of each night."""
    entry = await set_up(hass, make_entry(plex))
    snapshot = replace(entry.runtime_data.data, reconcile=percent)
    (progress,) = (each for each in SENSORS if each.key == "reconcile_progress")
    assert progress.value_fn(snapshot) == shown


async def test_without_a_database_nothing_is_claimed(
    hass: HomeAssistant, plex: PlexSimulator, caplog: pytest.LogCaptureFixture
) -> None:
    """Become unavailable when our own facts cannot be read, and say so once."""
    entry = await set_up(hass, make_entry(plex))
    coordinator = entry.runtime_data
    database = coordinator.engine.database
    await hass.async_add_executor_job(database.close)
    caplog.clear()
    await coordinator.async_refresh()
    await coordinator.async_refresh()
    assert state_of(hass, "sensor", "pending").state == STATE_UNAVAILABLE
    said = [each for each in caplog.records if "Error fetching" in each.message]
    assert len(said) == 1
    await hass.async_add_executor_job(database.open)
    await coordinator.async_refresh()
    assert state_of(hass, "sensor", "pending").state == "0"
