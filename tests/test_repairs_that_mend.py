"""Repairs for what lasts: each comes when its cause has, is answered, and goes with it."""

from collections.abc import AsyncIterator
import time
from typing import Any
from unittest.mock import patch

from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.helpers.issue_registry import IssueSeverity
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.plexsync.const import CONF_LIBRARIES
from custom_components.plexsync.engine.model.holds import Hold
from custom_components.plexsync.engine.util.clock import Clock
from tests.home import PLEX_ROOT, call, make_entry, set_up, state_of, until, until_state
from tests.repairing import answer_fix, fix, issue, open_fix, until_issue
from tests.simulators.films import FILMS
from tests.simulators.plex import PlexSimulator

PATH = f"{PLEX_ROOT}/{FILMS[0].path}"
IMDB = "imdb://tt0013442"
HOUR = 3600.0


class Days:
    """A clock that a test moves on by hours."""

    def __init__(self) -> None:
        """Begin with the real time."""
        self.ahead = 0.0
        self.clock = Clock(
            lambda: time.monotonic() + self.ahead, lambda: time.time() + self.ahead
        )

    async def pass_hours(self, entry: MockConfigEntry, hours: float) -> None:
        """Let hours pass, and what is shown be looked at."""
        self.ahead += hours * HOUR
        for _ in range(2):  # what follows from what is shown comes with the next look
            await entry.runtime_data.async_refresh()


@pytest.fixture
async def days() -> AsyncIterator[Days]:
    """Give the clock of every entry that is set up."""
    days = Days()
    with patch("custom_components.plexsync.coordinator.Clock", return_value=days.clock):
        yield days


async def test_an_outage_that_lasts_for_a_day(
    hass: HomeAssistant, plex: PlexSimulator, days: Days
) -> None:
    """Not before: most of them pass by themselves."""
    entry = await set_up(hass, make_entry(plex))
    await plex.stop()
    await call(hass, "sync_item", path=PATH, fields={"summary": "x"})
    await until_state(hass, "sensor", "circuit", "open")
    await days.pass_hours(entry, 23.9)
    assert issue(hass, "long_outage") is None
    await days.pass_hours(entry, 0.2)
    found = issue(hass, "long_outage")
    assert found is not None
    assert found.severity is IssueSeverity.WARNING
    assert not found.is_fixable
    assert found.translation_placeholders == {"name": "Cellar", "days": "1"}
    await days.pass_hours(entry, 48)
    found = issue(hass, "long_outage")
    assert found is not None
    assert found.translation_placeholders == {"name": "Cellar", "days": "3"}
    await plex.start()
    entry.runtime_data.engine.health.hurry()
    await until_issue(hass, "long_outage", gone=True)
    await until_state(hass, "sensor", "synced", "1")


async def test_failed_jobs_that_nobody_looks_at(
    hass: HomeAssistant,
    hass_client: ClientSessionGenerator,
    plex: PlexSimulator,
    days: Days,
) -> None:
    """After a day; all of them are tried again, and a new failure has its own day."""
    for film in FILMS[1:3]:
        plex.core.find(f"{PLEX_ROOT}/{film.path}").guids = (IMDB,)
    entry = await set_up(hass, make_entry(plex))
    await call(hass, "sync_item", guid=IMDB, fields={"summary": "x"})
    await until_state(hass, "sensor", "failed", "1")
    await days.pass_hours(entry, 23.9)
    assert issue(hass, "failed_jobs") is None
    assert state_of(hass, "sensor", "status").state == "up_to_date"
    await days.pass_hours(entry, 0.2)
    assert state_of(hass, "sensor", "status").state == "needs_review"
    found = issue(hass, "failed_jobs")
    assert found is not None
    assert found.severity is IssueSeverity.WARNING

    shown, ended = await fix(hass, hass_client, "failed_jobs")
    placeholders = shown["description_placeholders"]
    assert placeholders["reasons"] == "- Several items match: **1**"
    assert placeholders["query"] == f"config_entry={entry.entry_id}"
    assert ended["type"] == "create_entry"
    engine = entry.runtime_data.engine

    async def again() -> list[int]:
        jobs, _ = await engine.job_status.jobs(state="failed")
        return [job.history.failures for job in jobs if job.history]

    while await again() != [2]:
        await hass.async_block_till_done()
    await days.pass_hours(entry, 23.9)
    assert issue(hass, "failed_jobs") is None
    await days.pass_hours(entry, 0.2)
    assert issue(hass, "failed_jobs") is not None
    await call(hass, "discard_failed", reason="ambiguous")
    await until_issue(hass, "failed_jobs", gone=True)


async def test_a_database_that_cannot_be_written(
    hass: HomeAssistant, plex: PlexSimulator, days: Days
) -> None:
    """It is told, also by the status, and taken back once a job has been done."""
    entry = await set_up(hass, make_entry(plex))
    engine = entry.runtime_data.engine
    await engine.switch(False)
    await call(hass, "sync_item", path=PATH, fields={"summary": "x"})
    full = (
        "CREATE TRIGGER full BEFORE INSERT ON lease BEGIN SELECT raise(ABORT, 'x'); END"
    )
    await engine.database.run(lambda db: db.execute(full).close())
    engine.circuit.hold(Hold.SWITCH, False)  # the switch itself could not be kept
    found = await until_issue(hass, "database_fails")
    assert found is not None
    assert found.severity is IssueSeverity.ERROR
    await until_state(hass, "sensor", "status", "storage_failed")
    await engine.database.run(lambda db: db.execute("DROP TRIGGER full").close())
    engine.circuit.notify()
    await until_issue(hass, "database_fails", gone=True)
    await until_state(hass, "sensor", "synced", "1")
    await until_state(hass, "sensor", "status", "up_to_date")


async def gone(hass: HomeAssistant, plex: PlexSimulator) -> MockConfigEntry:
    """Set up a server of which the chosen library is removed then."""
    entry = await set_up(hass, make_entry(plex))
    plex.core.remove_section(plex.core.sections[1])
    await call(hass, "sync_item", path=PATH, fields={"summary": "x"})
    found = await until_issue(hass, "library_gone")
    assert found is not None
    assert found.severity is IssueSeverity.ERROR
    return entry


async def test_other_libraries_are_chosen_where_none_is_left(
    hass: HomeAssistant, hass_client: ClientSessionGenerator, plex: PlexSimulator
) -> None:
    """The entry is set up anew with them, and what waited is written."""
    entry = await gone(hass, plex)
    anew = plex.core.add_section("Series", "movie", [PLEX_ROOT])
    item = plex.core.add_item(anew, "Film", file=PATH)
    shown = await open_fix(hass, hass_client, "library_gone")
    assert (shown["type"], shown["step_id"]) == ("form", "libraries")
    options = shown["data_schema"][0]["selector"]["select"]["options"]
    (folder,) = plex.core.sections[2].locations
    shows, films = f"Series ({folder.path})", f"Series ({PLEX_ROOT})"
    assert [each["label"] for each in options] == [shows, films]
    again = await answer_fix(hass_client, shown, **{CONF_LIBRARIES: []})
    assert again["errors"] == {CONF_LIBRARIES: "choose_library"}
    ended = await answer_fix(hass_client, again, **{CONF_LIBRARIES: [anew.uuid]})
    assert ended["type"] == "create_entry"
    await until(hass, lambda: item.values.get("summary") == "x")
    assert entry.data[CONF_LIBRARIES] == [anew.uuid]
    assert issue(hass, "library_gone") is None
    await until_state(hass, "sensor", "status", "up_to_date")


@pytest.mark.parametrize("why", ["not_loaded", "cannot_connect", "no_libraries"])
async def test_libraries_that_cannot_be_chosen_now(
    hass: HomeAssistant,
    hass_client: ClientSessionGenerator,
    plex: PlexSimulator,
    why: str,
) -> None:
    """The repair stays, and says why."""
    entry = await gone(hass, plex)
    match why:
        case "not_loaded":
            assert await hass.config_entries.async_unload(entry.entry_id)
        case "cannot_connect":
            await plex.stop()
        case "no_libraries":
            plex.core.remove_section(plex.core.sections[2])
    ended: dict[str, Any] = await open_fix(hass, hass_client, "library_gone")
    assert (ended["type"], ended["reason"]) == ("abort", why)
    assert issue(hass, "library_gone") is not None
    if why == "not_loaded":
        assert entry.state is ConfigEntryState.NOT_LOADED
