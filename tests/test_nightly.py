"""Once a night everything is compared; what was missed is made up for."""

from datetime import datetime, time, timedelta
import json
from pathlib import Path
from sqlite3 import Connection
from typing import Any

from homeassistant.components.switch import DOMAIN as SWITCH, SERVICE_TURN_OFF
from homeassistant.const import ATTR_ENTITY_ID, STATE_UNKNOWN
from homeassistant.core import HomeAssistant
from homeassistant.util import dt as dt_util
import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_fire_time_changed,
)

from custom_components.plexsync.const import CONF_SWEEP_AT
from custom_components.plexsync.engine.sweep import last_sweep
from custom_components.plexsync.engine.sweep.last_sweep import LastSweep
from custom_components.plexsync.engine.util import unforeseen
from custom_components.plexsync.nightly import (
    default_time,
    last_night,
    next_night,
    sweep_time,
)
from tests.home import (
    SOURCE,
    call,
    entity_id,
    make_entry,
    set_up,
    stash_subentry,
    state_of,
    until,
    until_state,
)
from tests.simulators.films import FILMS
from tests.simulators.plex import PlexCore, PlexSimulator, from_films
from tests.simulators.stash import StashSimulator
from tests.test_button import PATH, press
from tests.test_event import Told
from tests.test_persistence import STORE, home

DAY = timedelta(days=1)


def soon() -> dict[str, Any]:
    """Let the night come in about two minutes."""
    local = dt_util.as_local(dt_util.utcnow() + timedelta(minutes=2))
    return {CONF_SWEEP_AT: local.time().isoformat("seconds")}


def fire(hass: HomeAssistant, wait: timedelta) -> None:
    """Let time pass."""
    async_fire_time_changed(hass, dt_util.utcnow() + wait)


def fire_night(hass: HomeAssistant, days: int = 0) -> None:
    """Let time pass until the night has come that ``soon`` chose, and some more."""
    fire(hass, timedelta(minutes=2, seconds=1) + days * DAY)


async def told_of_nothing(hass: HomeAssistant, told: Told) -> None:
    """See that nothing is begun, while there is time for it."""
    for _ in range(5):
        await call(hass, "get_jobs")  # it asks the database, as a decision does
        await hass.async_block_till_done()
    assert not told.events


# -- the time of day -------------------------------------------------------------


@pytest.mark.parametrize(
    ("now", "last", "following"),
    [
        ("2026-06-10T02:29:59+02:00", "2026-06-09T02:30", "2026-06-10T02:30+02:00"),
        ("2026-06-10T02:30:00+02:00", "2026-06-10T02:30", "2026-06-11T02:30+02:00"),
        ("2026-12-31T23:00:00+01:00", "2026-12-31T02:30", "2027-01-01T02:30+01:00"),
        # The clocks skip it: an hour later by them.
        ("2026-03-28T12:00:00+01:00", "2026-03-28T02:30", "2026-03-29T03:30+02:00"),
        ("2026-03-29T03:30:00+02:00", "2026-03-29T03:30", "2026-03-30T02:30+02:00"),
        # They show it twice: the first time counts.
        ("2026-10-25T02:00:00+02:00", "2026-10-24T02:30", "2026-10-25T02:30+02:00"),
        ("2026-10-25T02:30:00+02:00", "2026-10-25T02:30", "2026-10-26T02:30+01:00"),
        ("2026-10-25T02:15:00+01:00", "2026-10-25T02:30", "2026-10-26T02:30+01:00"),
    ],
)
async def test_once_a_day_by_the_local_clock(
    hass: HomeAssistant, now: str, last: str, following: str
) -> None:
    """On every day once, also on those with 23 or 25 hours."""
    await hass.config.async_set_time_zone("Europe/Berlin")
    moment, at = datetime.fromisoformat(now), time(2, 30)
    assert next_night(at, moment) == datetime.fromisoformat(following)
    local = dt_util.as_local(last_night(at, moment))
    assert local.replace(tzinfo=None) == datetime.fromisoformat(last)


async def test_each_server_has_its_own_minute(
    hass: HomeAssistant, plex: PlexSimulator
) -> None:
    """Outside the hours of maintenance; another server later on moves none."""
    entries: list[MockConfigEntry] = []
    before: list[time] = []
    for number in range(20):
        entry = make_entry(plex, entry_id=f"01ENTRY{number:02}")
        entry.add_to_hass(hass)
        entries.append(entry)
        times = [default_time(hass, each) for each in entries]
        assert times[:-1] == before
        assert len(set(times)) == len(times)
        assert all(at.hour == 5 and not at.second for at in times)
        before = times


async def test_the_time_of_the_owner_is_taken_as_it_is(
    hass: HomeAssistant, plex: PlexSimulator
) -> None:
    """In the hours of maintenance as well; and none is none."""
    entry = make_entry(plex, options={CONF_SWEEP_AT: "03:00:00"})
    entry.add_to_hass(hass)
    assert sweep_time(hass, entry) == time(3)
    hass.config_entries.async_update_entry(entry, options={CONF_SWEEP_AT: None})
    assert sweep_time(hass, entry) is None
    hass.config_entries.async_update_entry(entry, options={})
    assert sweep_time(hass, entry) == time(5, 5)


# -- by the clock ------------------------------------------------------------------


async def test_every_night(
    hass: HomeAssistant, plex: PlexSimulator, stash: StashSimulator
) -> None:
    """Mend what was changed in Plex, and say when all was compared last."""
    await set_up(hass, make_entry(plex, stash_subentry(stash), options=soon()))
    await until_state(hass, "sensor", "synced", "12")
    shown = state_of(hass, "sensor", "reconcile_progress")
    assert shown.attributes["last_sweep"] is None
    told = Told(hass)
    item = plex.core.find(PATH)
    for day in range(2):
        plex.core.set_lock(item.rating_key, "summary", False)
        item.values["summary"] = "An agent's."
        began = dt_util.utcnow().replace(microsecond=0)
        fire_night(hass, day)
        await until_state(hass, "sensor", "synced", f"{13 + day}")
        await until_state(hass, "sensor", "reconcile_progress", STATE_UNKNOWN)
        assert [each["differs"] for each in told.events] == [1] * (day + 1)
        shown = state_of(hass, "sensor", "reconcile_progress")
        assert began <= shown.attributes["last_sweep"] <= dt_util.utcnow()
        fire_night(hass, day)  # as if the clock had been set back
        await hass.async_block_till_done()
    assert told.types == ["reconcile_finished"] * 2


async def test_at_its_default_time(
    hass: HomeAssistant, plex: PlexSimulator, stash: StashSimulator
) -> None:
    """Without an option it is at five past five."""
    await set_up(hass, make_entry(plex, stash_subentry(stash)))
    await until_state(hass, "sensor", "synced", "12")
    told = Told(hass)
    night = next_night(time(5, 5), dt_util.utcnow())
    async_fire_time_changed(hass, night + timedelta(seconds=1))
    await until(hass, lambda: told.events)
    assert told.types == ["reconcile_finished"]


async def test_in_another_time_zone(
    hass: HomeAssistant, plex: PlexSimulator, stash: StashSimulator
) -> None:
    """The night comes when the clocks of today show it, not those of the start."""
    options, home_zone = soon(), hass.config.time_zone
    await hass.config.async_update(time_zone="Asia/Tokyo")
    entry = await set_up(hass, make_entry(plex, stash_subentry(stash), options=options))
    await until_state(hass, "sensor", "synced", "12")
    await hass.config.async_update(time_zone=home_zone)
    await hass.async_block_till_done()
    fire_night(hass)
    assert entry.runtime_data.reconcile.running
    await entry.runtime_data.reconcile.over()


async def test_two_servers_begin_one_after_the_other(
    hass: HomeAssistant, plex: PlexSimulator, stash: StashSimulator
) -> None:
    """Each at the minute that is its own."""
    core = PlexCore(machine_identifier="another")
    from_films(core, [{"path": film.path} for film in FILMS[:2]])
    async with PlexSimulator(core) as other:
        entries = [
            await set_up(hass, make_entry(server, stash_subentry(stash), entry_id=name))
            for name, server in (("01ENTRY", plex), ("02ENTRY", other))
        ]
        runs = [entry.runtime_data.reconcile for entry in entries]
        for entry in entries:
            await entry.runtime_data.runners[SOURCE].caught_up.wait()
        night = next_night(time(5, 5), dt_util.utcnow())
        for later, running in ((1, [True, False]), (7 * 60 + 1, [False, True])):
            async_fire_time_changed(hass, night + timedelta(seconds=later))
            assert [run.running for run in runs] == running
            await runs[running.index(True)].over()
        for entry in entries:
            assert await hass.config_entries.async_unload(entry.entry_id)


async def test_not_while_one_is_under_way(
    hass: HomeAssistant, plex: PlexSimulator, stash: StashSimulator
) -> None:
    """Skip the night then."""
    entry = await set_up(hass, make_entry(plex, stash_subentry(stash), options=soon()))
    await until_state(hass, "sensor", "synced", "12")
    told = Told(hass)
    plex.latency_read = 1
    await press(hass, "reconcile")
    fire_night(hass)
    assert entry.runtime_data.reconcile.running
    plex.latency_read = 0
    await until(hass, lambda: told.events)
    await until(hass, lambda: not entry.runtime_data.reconcile.running)
    assert told.types == ["reconcile_finished"]


@pytest.mark.parametrize("scope", ["plan", "recent"])
async def test_after_one_that_does_less(
    hass: HomeAssistant, plex: PlexSimulator, stash: StashSimulator, scope: str
) -> None:
    """No night is lost to a plan that is looked at, nor to what changed of late."""
    entry = await set_up(hass, make_entry(plex, stash_subentry(stash), options=soon()))
    await until_state(hass, "sensor", "synced", "12")
    before = await entry.runtime_data.engine.sweep.last()
    told = Told(hass)
    plex.latency_read = 1
    await call(hass, "reconcile", scope=scope)
    fire_night(hass)
    plex.latency_read = 0
    await until(hass, lambda: len(told.events) == 2)
    await until(hass, lambda: not entry.runtime_data.reconcile.running)
    assert told.types == ["reconcile_finished"] * 2
    after = await entry.runtime_data.engine.sweep.last()
    assert after.began > before.began


async def test_a_sweep_that_breaks_begins_again_before_the_next_night(
    hass: HomeAssistant,
    plex: PlexSimulator,
    stash: StashSimulator,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Of an error that nobody foresaw: it is told, without what it holds."""
    monkeypatch.setattr(unforeseen, "_told", set())
    entry = await set_up(hass, make_entry(plex, stash_subentry(stash), options=soon()))
    await until_state(hass, "sensor", "synced", "12")
    engine, run = entry.runtime_data.engine, entry.runtime_data.reconcile

    def damage(db: Connection) -> None:
        db.execute("INSERT INTO pin SELECT source, key, '1' FROM settled")
        db.execute("INSERT INTO pin_file SELECT source, key, 'A Secret' FROM settled")

    await engine.database.run(damage)
    told = Told(hass)
    fire_night(hass)
    await until(hass, lambda: "Unforeseen JSONDecodeError" in caplog.text)
    await until(hass, lambda: not run.running)
    assert not told.events
    assert "A Secret" not in caplog.text

    await engine.database.run(lambda db: db.execute("DELETE FROM pin").close())
    # Nor does the end of a run that writes nothing put an end to it.
    plex.latency_read = 1
    await call(hass, "reconcile", scope="plan")
    assert await call(hass, "cancel_reconcile") == {"cancelled": True}
    plex.latency_read = 0
    # A run over what is recent does not stand for it.
    await call(hass, "reconcile", scope="recent", wait=10)
    assert told.types == ["reconcile_finished"]
    fire(hass, timedelta(minutes=7))
    await until(hass, lambda: len(told.events) == 2)
    assert told.types == ["reconcile_finished"] * 2


async def test_a_retry_that_is_owed_ends_with_the_entry(
    hass: HomeAssistant, plex: PlexSimulator, stash: StashSimulator
) -> None:
    """Though a run that does less is under way."""
    entry = await set_up(hass, make_entry(plex, stash_subentry(stash)))
    await until_state(hass, "sensor", "synced", "12")
    engine, run = entry.runtime_data.engine, entry.runtime_data.reconcile

    def damage(db: Connection) -> None:
        db.execute("INSERT INTO pin SELECT source, key, '1' FROM settled")
        db.execute("INSERT INTO pin_file SELECT source, key, 'Nothing' FROM settled")

    await engine.database.run(damage)
    await call(hass, "reconcile")
    await until(hass, lambda: not run.running)
    plex.latency_read = 1
    await call(hass, "reconcile", scope="plan")
    assert await hass.config_entries.async_unload(entry.entry_id)
    assert not run.running
    fire(hass, timedelta(hours=7))
    await hass.async_block_till_done()
    assert not run.running


async def test_while_syncing_is_off(
    hass: HomeAssistant, plex: PlexSimulator, stash: StashSimulator
) -> None:
    """Compare as the button does, and write nothing."""
    await set_up(hass, make_entry(plex, stash_subentry(stash), options=soon()))
    await until_state(hass, "sensor", "synced", "12")
    switch = {ATTR_ENTITY_ID: entity_id(hass, "switch", "sync")}
    await hass.services.async_call(SWITCH, SERVICE_TURN_OFF, switch, blocking=True)
    item = plex.core.find(PATH)
    plex.core.set_lock(item.rating_key, "summary", False)
    item.values["summary"] = "An agent's."
    told = Told(hass)
    fire_night(hass)
    await until_state(hass, "sensor", "pending", "1")
    await until(hass, lambda: told.events)
    assert told.of("reconcile_finished")["differs"] == 1
    assert item.value("summary") == "An agent's."


async def test_where_its_owner_wants_none(
    hass: HomeAssistant, plex: PlexSimulator, stash: StashSimulator
) -> None:
    """Neither at night nor to make up for one."""
    entry = make_entry(plex, stash_subentry(stash), options={CONF_SWEEP_AT: None})
    await set_up(hass, entry)
    await until_state(hass, "sensor", "synced", "12")
    await swept(entry, 3 * DAY)
    told = Told(hass)
    fire(hass, 2 * DAY)
    await told_of_nothing(hass, told)


async def test_where_there_is_no_source(
    hass: HomeAssistant, plex: PlexSimulator
) -> None:
    """Have nothing to compare, and nothing to tell."""
    await set_up(hass, make_entry(plex, options=soon()))
    told = Told(hass)
    fire_night(hass)
    await told_of_nothing(hass, told)


# -- what was missed -----------------------------------------------------------------


async def swept(entry: MockConfigEntry, ago: timedelta, *, whole: bool = True) -> None:
    """Let the last sweep have been that long ago."""
    engine = entry.runtime_data.engine
    at = engine.clock.wall() - ago.total_seconds()
    await engine.database.run(lambda db: last_sweep.finish(db, at, at, whole=whole))


async def calm(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    """Let the time after a start pass, once the source has been read."""
    await entry.runtime_data.runners[SOURCE].caught_up.wait()
    fire(hass, timedelta(seconds=301))


async def test_a_missed_night_is_made_up_for(
    tmp_path: Path, plex: PlexSimulator, stash: StashSimulator
) -> None:
    """After the next start, once it is calm, and only once."""
    async with home(tmp_path) as hass:
        entry = await set_up(hass, make_entry(plex, stash_subentry(stash)))
        await until_state(hass, "sensor", "synced", "12")
        await calm(hass, entry)
        await told_of_nothing(hass, Told(hass))  # it was only just added
        await swept(entry, 2 * DAY)
    async with home(tmp_path) as hass:
        entry = await set_up(hass, make_entry(plex, stash_subentry(stash)))
        before = await entry.runtime_data.engine.sweep.last()
        told = Told(hass)
        await calm(hass, entry)
        await until(hass, lambda: told.events)
        assert told.types == ["reconcile_finished"]
        await until(hass, lambda: not entry.runtime_data.reconcile.running)
        after = await entry.runtime_data.engine.sweep.last()
        assert after.began > before.began
        assert after.whole == after.ended
    async with home(tmp_path) as hass:
        entry = await set_up(hass, make_entry(plex, stash_subentry(stash)))
        assert await entry.runtime_data.engine.sweep.last() == after
        shown = state_of(hass, "sensor", "reconcile_progress").attributes
        assert shown["last_sweep"].timestamp() == pytest.approx(after.whole)
        told = Told(hass)
        await calm(hass, entry)
        await told_of_nothing(hass, told)


async def test_a_sweep_that_lacks_a_source_is_not_whole(
    hass: HomeAssistant, plex: PlexSimulator, stash: StashSimulator
) -> None:
    """It has run, but the time that is shown is that of the one before."""
    entry = await set_up(hass, make_entry(plex, stash_subentry(stash)))
    await until_state(hass, "sensor", "synced", "12")
    await swept(entry, DAY)
    before = await entry.runtime_data.engine.sweep.last()
    await stash.stop()
    assert (await call(hass, "reconcile", wait=20))["sources_away"] == 1
    after = await entry.runtime_data.engine.sweep.last()
    assert after.began > before.began
    assert after.whole == before.whole


async def test_a_recent_comparison_is_no_sweep(
    hass: HomeAssistant, plex: PlexSimulator, stash: StashSimulator
) -> None:
    """Nor is one that was cancelled."""
    entry = await set_up(hass, make_entry(plex, stash_subentry(stash)))
    await until_state(hass, "sensor", "synced", "12")
    before = await entry.runtime_data.engine.sweep.last()
    await call(hass, "reconcile", scope="recent", wait=20)
    plex.latency_read = 1
    await call(hass, "reconcile")
    await call(hass, "cancel_reconcile")
    assert await entry.runtime_data.engine.sweep.last() == before
    assert before == LastSweep(before.began)


async def age_outage(folder: Path, by: timedelta) -> None:
    """Let the outage under way have begun earlier."""
    file = folder / STORE
    content = json.loads(file.read_text())
    content["data"]["outages"]["outages"][-1]["start"] -= by.total_seconds()
    file.write_text(json.dumps(content))


@pytest.mark.parametrize(("age", "owed"), [(2 * DAY, True), (DAY / 2, False)])
async def test_after_an_outage_of_more_than_a_day(
    tmp_path: Path,
    plex: PlexSimulator,
    stash: StashSimulator,
    age: timedelta,
    owed: bool,
) -> None:
    """Compare everything as soon as it is over, and not again after a restart."""
    async with home(tmp_path) as hass:
        entry = await set_up(hass, make_entry(plex, stash_subentry(stash)))
        await until_state(hass, "sensor", "synced", "12")
        await swept(entry, timedelta(0), whole=False)
        plex.faults.add("maintenance")
        await call(hass, "sync_item", path=PATH, fields={"tagline": "Later."})
        await until_state(hass, "sensor", "circuit", "open")
    await age_outage(tmp_path, age)
    plex.faults.clear()
    async with home(tmp_path) as hass:
        entry = await set_up(hass, make_entry(plex, stash_subentry(stash)))
        told = Told(hass)
        entry.runtime_data.engine.health.hurry()
        await until_state(hass, "sensor", "circuit", "closed")
        if owed:
            await until(hass, lambda: "reconcile_finished" in told.types)
            assert told.of("circuit_closed")["duration"] > 2 * DAY.total_seconds()
        else:
            await until(hass, lambda: "circuit_closed" in told.types)
            told.events.clear()
            await told_of_nothing(hass, told)
        await until(hass, lambda: not entry.runtime_data.reconcile.running)
    async with home(tmp_path) as hass:
        entry = await set_up(hass, make_entry(plex, stash_subentry(stash)))
        told = Told(hass)
        await calm(hass, entry)
        await told_of_nothing(hass, told)


async def test_a_long_outage_is_made_up_for_after_a_restart(
    tmp_path: Path, plex: PlexSimulator, stash: StashSimulator
) -> None:
    """Where Home Assistant stopped before the sweep had ended."""
    async with home(tmp_path) as hass:
        entry = await set_up(hass, make_entry(plex, stash_subentry(stash)))
        await until_state(hass, "sensor", "synced", "12")
        await swept(entry, timedelta(hours=1), whole=False)
        log = entry.runtime_data.engine.circuit.outages
        now = entry.runtime_data.engine.clock.wall()
        log.began(now - 2 * DAY.total_seconds(), "refused")
        log.ended(now)
    async with home(tmp_path) as hass:
        entry = await set_up(hass, make_entry(plex, stash_subentry(stash)))
        told = Told(hass)
        await calm(hass, entry)
        await until(hass, lambda: told.events)
        assert told.types == ["reconcile_finished"]
