"""A fresh source rewrites nothing until its owner says so; it keeps nobody else waiting."""

from datetime import timedelta
import json
import re
from sqlite3 import Connection
from types import MappingProxyType
from typing import Any

from homeassistant.config_entries import ConfigSubentry, ConfigSubentryData
from homeassistant.const import CONF_URL
from homeassistant.core import HomeAssistant
from homeassistant.helpers import issue_registry as ir
from homeassistant.util import dt as dt_util
import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_fire_time_changed,
)
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.plexsync.const import (
    CONF_PATH_MAPPINGS,
    CONF_START,
    DOMAIN,
    START_EVERYTHING,
    START_PREVIEW,
)
from custom_components.plexsync.engine.model.holds import SourceHold
from custom_components.plexsync.engine.util import unforeseen
from tests.flows import texts
from tests.home import (
    PLEX_ROOT,
    SOURCE,
    STASH_ROOT,
    call,
    make_entry,
    set_up,
    stash_subentry,
    state_of,
    until,
    until_state,
)
from tests.repairing import ENTRY, answer_fix, fix, issue, open_fix, until_issue
from tests.simulators.films import FILMS
from tests.simulators.plex import PlexSimulator
from tests.simulators.stash import StashCore, StashSimulator, load_films

READY = "preview_ready"
PATH = f"{PLEX_ROOT}/{FILMS[0].path}"
HELD = SourceHold.FIRST_PLAN


def fresh(
    plex: PlexSimulator, stash: StashSimulator, **changes: Any
) -> MockConfigEntry:
    """Describe a server with a source that begins with its first plan."""
    return make_entry(
        plex, stash_subentry(stash, **{CONF_START: START_PREVIEW, **changes})
    )


async def until_differs(hass: HomeAssistant, number: str) -> None:
    """Wait until the question says of so many records that they differ."""

    def asked() -> bool:
        found = issue(hass, READY, SOURCE)
        shown = (found and found.translation_placeholders) or {}
        return shown.get("differs") == number

    await until(hass, asked, [ir.EVENT_REPAIRS_ISSUE_REGISTRY_UPDATED])


async def test_the_first_plan_is_counted_and_waits_for_an_answer(
    hass: HomeAssistant,
    hass_client: ClientSessionGenerator,
    plex: PlexSimulator,
    stash: StashSimulator,
) -> None:
    """Jobs of the source are kept; the repair says how much, of what, and begins."""
    plex.core.remove_item(plex.core.find(PATH))
    await set_up(hass, fresh(plex, stash))
    found = await until_issue(hass, READY, SOURCE)
    assert found is not None
    assert found.translation_placeholders == {
        "name": "Cellar",
        "source": "Stash",
        "differs": "11",
        "in_line": "0",
        "others": "1",
        "query": "config_entry=01ENTRY&source=01SOURCE",
    }
    assert found.is_fixable
    assert found.severity is ir.IssueSeverity.WARNING
    assert not found.is_persistent  # it is on our own disk, with the hold
    await until_state(hass, "sensor", "status", "needs_review")
    assert state_of(hass, "switch", "sync").state == "on"
    hold = state_of(hass, "binary_sensor", f"{SOURCE}_source").attributes["hold"]
    assert hold == "first_plan"
    await until_state(hass, "sensor", "pending", "12")
    assert plex.journal.count(method="PUT") == 0
    assert plex.journal.count(method="POST") == 0

    shown, left = await fix(hass, hass_client, READY, "leave", SOURCE)
    assert (shown["type"], shown["step_id"]) == ("menu", "init")
    assert shown["menu_options"] == ["begin", "leave"]
    told = shown["description_placeholders"]
    assert found.translation_placeholders.items() <= told.items()
    lines = told["sample"].split("\n")
    assert len(lines) == 5
    fields = texts()["selector"]["item_fields"]["fields"]
    names = {field["name"] for field in fields.values()}
    for line in lines:
        shape = re.fullmatch(r"- \*\*.+\*\*: (.+)", line)
        assert shape
        assert set(shape[1].split(", ")) <= names  # as the form of an action has them
    assert any("Summary" in line for line in lines)
    assert any("Rating" in line for line in lines)
    assert (left["type"], left["reason"]) == ("abort", "left")
    assert issue(hass, READY, SOURCE)
    assert plex.journal.count(method="PUT") == 0

    _, ended = await fix(hass, hass_client, READY, "begin", SOURCE)
    assert ended["type"] == "create_entry"
    await until_state(hass, "sensor", "synced", "11")
    assert issue(hass, READY, SOURCE) is None
    assert plex.journal.count(method="PUT") == 11
    await until(hass, lambda: _hold(hass) is None)


def _hold(hass: HomeAssistant) -> Any:
    return state_of(hass, "binary_sensor", f"{SOURCE}_source").attributes["hold"]


async def test_titles_are_shown_as_they_are(
    hass: HomeAssistant,
    hass_client: ClientSessionGenerator,
    plex: PlexSimulator,
    stash: StashSimulator,
) -> None:
    """Others wrote them: nothing in them is a link, or lays anything out."""
    for item in plex.core.items.values():
        item.values["title"] = "[a](http://e.x)\n# <b>" + "x" * 90
    await set_up(hass, fresh(plex, stash))
    await until_issue(hass, READY, SOURCE)
    shown = await open_fix(hass, hass_client, READY, SOURCE)
    line = shown["description_placeholders"]["sample"].split("\n")[0]
    title = r"\[a\]\(http\:\/\/e\.x\) \# \<b\>"
    assert line.startswith(f"- **{title}")
    assert line.count("x") < 90 < len(line)


async def test_automations_and_other_sources_go_on(
    hass: HomeAssistant, plex: PlexSimulator, stash: StashSimulator
) -> None:
    """Only the source that is new is held, over a restart too."""
    other = dict(stash_subentry(stash, **{CONF_START: START_EVERYTHING}))
    other |= {"subentry_id": "01OTHER", "unique_id": "other", "title": "Other"}
    entry = fresh(plex, stash)
    await set_up(hass, entry)
    await until_issue(hass, READY, SOURCE)
    answer = await call(hass, "sync_item", path=PATH, fields={"tagline": "x"}, wait=20)
    assert answer["status"] == "written"
    assert await hass.config_entries.async_reload(entry.entry_id)
    hass.config_entries.async_add_subentry(entry, _subentry(other))
    await hass.async_block_till_done()
    await until_state(hass, "sensor", "synced", "13")
    assert plex.core.find(PATH).title == FILMS[0].title
    assert entry.runtime_data.engine.source_holds.all.keys() == {SOURCE}
    jobs = (await call(hass, "get_jobs"))["jobs"]
    assert {job["source"] for job in jobs} == {SOURCE}
    assert {(job["state"], job["reason"], job["hold"]) for job in jobs} == {
        ("held", "held", "first_plan")
    }


def _subentry(data: dict[str, Any]) -> ConfigSubentry:
    return ConfigSubentry(**(data | {"data": MappingProxyType(data["data"])}))


async def test_a_source_that_stumbles_is_counted_later(
    hass: HomeAssistant, plex: PlexSimulator, stash: StashSimulator
) -> None:
    """The owner waits for that answer: it comes with the source's next reading."""
    stash.faults.status(503, match="Count")
    entry = fresh(plex, stash)
    await set_up(hass, entry)
    await until(hass, lambda: stash.journal.count("Count"))
    await until_state(hass, "sensor", "pending", "12")
    assert issue(hass, READY, SOURCE) is None
    assert state_of(hass, "sensor", "status").state != "needs_review"
    stash.faults.clear()
    entry.runtime_data.runners[SOURCE].hurry()
    await until_issue(hass, READY, SOURCE)


async def test_an_error_that_nobody_foresaw_is_told_and_counted_later(
    hass: HomeAssistant,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    plex: PlexSimulator,
    stash: StashSimulator,
) -> None:
    """Once, without what it holds; the owner is asked all the same in the end."""
    monkeypatch.setattr(unforeseen, "_told", set())
    stash.faults.status(503, match="Count")
    entry = fresh(plex, stash)
    await set_up(hass, entry)
    await until(hass, lambda: stash.journal.count("Count"))
    await until_state(hass, "sensor", "pending", "12")
    engine = entry.runtime_data.engine

    def damage(db: Connection) -> None:
        db.execute("INSERT INTO pin SELECT source, key, '1' FROM job")
        db.execute("INSERT INTO pin_file SELECT source, key, 'A Secret' FROM job")

    await engine.database.run(damage)
    stash.faults.clear()
    entry.runtime_data.runners[SOURCE].hurry()
    for minutes in (0, 2):
        async_fire_time_changed(hass, dt_util.utcnow() + timedelta(minutes=minutes))
        await until(hass, lambda: "Unforeseen JSONDecodeError" in caplog.text)
    assert issue(hass, READY, SOURCE) is None

    await engine.database.run(lambda db: db.execute("DELETE FROM pin").close())
    async_fire_time_changed(hass, dt_util.utcnow() + timedelta(minutes=10))
    found = await until_issue(hass, READY, SOURCE)
    assert found is not None
    assert found.translation_placeholders is not None
    assert found.translation_placeholders["differs"] == "12"
    assert caplog.text.count("Unforeseen") == 1
    assert "A Secret" not in caplog.text


async def test_each_of_two_sources_is_counted(
    hass: HomeAssistant,
    hass_client: ClientSessionGenerator,
    plex: PlexSimulator,
    stash: StashSimulator,
) -> None:
    """One run at a time: the second has to wait. Each has a question of its own."""
    first = stash_subentry(stash, **{CONF_START: START_PREVIEW})
    second = dict(first) | {"subentry_id": "01OTHER", "unique_id": "other"}
    entry = make_entry(plex, first, ConfigSubentryData(**second))
    plex.latency_read = 0.2
    await set_up(hass, entry)
    await until_issue(hass, READY, SOURCE)
    await until_issue(hass, READY, "01OTHER")
    await fix(hass, hass_client, READY, "begin", "01OTHER")
    await until_state(hass, "sensor", "synced", "12")
    assert entry.runtime_data.engine.source_holds.all.keys() == {SOURCE}
    assert issue(hass, READY, SOURCE)
    assert state_of(hass, "sensor", "status").state == "needs_review"


async def test_it_is_counted_once(
    hass: HomeAssistant, plex: PlexSimulator, stash: StashSimulator
) -> None:
    """Not again at every start; the question is there again all the same."""
    entry = fresh(plex, stash)
    await set_up(hass, entry)
    await until_issue(hass, READY, SOURCE)
    plex.journal.clear()
    assert await hass.config_entries.async_reload(entry.entry_id)
    await until_issue(hass, READY, SOURCE)
    assert plex.journal.count(path="/library/metadata") == 0


async def test_other_settings_make_another_plan(
    hass: HomeAssistant, plex: PlexSimulator, stash: StashSimulator
) -> None:
    """It is counted again: nobody is asked about what would not happen."""
    nowhere = [{"source": STASH_ROOT, "plex": "/nowhere"}]
    entry = fresh(plex, stash, **{CONF_PATH_MAPPINGS: nowhere})
    await set_up(hass, entry)
    found = await until_issue(hass, READY, SOURCE)
    assert found is not None
    assert found.translation_placeholders is not None
    assert found.translation_placeholders["differs"] == "0"
    subentry = entry.subentries[SOURCE]
    mended = [{"source": STASH_ROOT, "plex": PLEX_ROOT}]
    hass.config_entries.async_update_subentry(
        entry, subentry, data={**subentry.data, CONF_PATH_MAPPINGS: mended}
    )

    await until_differs(hass, "12")
    assert plex.journal.count(method="PUT") == 0


async def test_another_stash_makes_another_plan(
    hass: HomeAssistant, plex: PlexSimulator, stash: StashSimulator
) -> None:
    """Nobody is asked with the numbers of the one before."""
    entry = fresh(plex, stash)
    await set_up(hass, entry)
    await until_issue(hass, READY, SOURCE)
    subentry = entry.subentries[SOURCE]
    core = StashCore()
    load_films(core, films=FILMS[:3])
    async with StashSimulator(core) as other:
        hass.config_entries.async_update_subentry(
            entry, subentry, data={**subentry.data, CONF_URL: other.url}
        )
        await until_differs(hass, "3")
        assert await hass.config_entries.async_unload(entry.entry_id)
    core.close()


async def test_an_answer_to_an_old_plan_does_not_begin_another(
    hass: HomeAssistant,
    hass_client: ClientSessionGenerator,
    plex: PlexSimulator,
    stash: StashSimulator,
) -> None:
    """A dialog may stay open while the settings change; the new plan was seen by nobody."""
    entry = await set_up(hass, fresh(plex, stash))
    await until_issue(hass, READY, SOURCE)
    shown = await open_fix(hass, hass_client, READY, SOURCE)
    await stash.stop()
    subentry = entry.subentries[SOURCE]
    hass.config_entries.async_update_subentry(
        entry, subentry, data={**subentry.data, "fields": {"poster": False}}
    )
    await hass.async_block_till_done()
    await answer_fix(hass_client, shown, next_step_id="begin")
    assert entry.runtime_data.engine.source_holds.of(SOURCE) == {HELD: None}
    await stash.start(stash.port)
    await call(hass, "refresh_source")
    await until_issue(hass, READY, SOURCE)
    assert state_of(hass, "sensor", "synced").state == "0"


async def test_an_answer_to_old_numbers_is_asked_again(
    hass: HomeAssistant,
    hass_client: ClientSessionGenerator,
    plex: PlexSimulator,
    stash: StashSimulator,
) -> None:
    """The dialog shows those of the new plan, and takes the answer to them."""
    nowhere = [{"source": STASH_ROOT, "plex": "/nowhere"}]
    entry = await set_up(hass, fresh(plex, stash, **{CONF_PATH_MAPPINGS: nowhere}))
    await until_differs(hass, "0")
    shown = await open_fix(hass, hass_client, READY, SOURCE)
    subentry = entry.subentries[SOURCE]
    mended = [{"source": STASH_ROOT, "plex": PLEX_ROOT}]
    hass.config_entries.async_update_subentry(
        entry, subentry, data={**subentry.data, CONF_PATH_MAPPINGS: mended}
    )
    await until_differs(hass, "12")
    shown = await answer_fix(hass_client, shown, next_step_id="begin")
    assert shown["type"] == "menu"
    assert shown["description_placeholders"]["differs"] == "12"
    assert _hold(hass) is not None
    ended = await answer_fix(hass_client, shown, next_step_id="begin")
    assert ended["type"] == "create_entry"
    await until_state(hass, "sensor", "synced", "12")


async def test_another_start_is_an_answer(
    hass: HomeAssistant, plex: PlexSimulator, stash: StashSimulator
) -> None:
    """The owner chose to begin at once after all."""
    entry = fresh(plex, stash)
    await set_up(hass, entry)
    await until_issue(hass, READY, SOURCE)
    subentry = entry.subentries[SOURCE]
    hass.config_entries.async_update_subentry(
        entry, subentry, data={**subentry.data, CONF_START: START_EVERYTHING}
    )
    await until_state(hass, "sensor", "synced", "12")
    assert issue(hass, READY, SOURCE) is None


async def test_a_plan_that_cannot_be_looked_at_now(
    hass: HomeAssistant,
    hass_client: ClientSessionGenerator,
    plex: PlexSimulator,
    stash: StashSimulator,
) -> None:
    """The numbers are there without Plex, and so are both answers."""
    await set_up(hass, fresh(plex, stash))
    await until_issue(hass, READY, SOURCE)
    await plex.stop()
    await call(hass, "sync_item", path=PATH, fields={"summary": "x"})
    await until_state(hass, "sensor", "circuit", "open")
    shown = await open_fix(hass, hass_client, READY, SOURCE)
    assert shown["step_id"] == "unseen"
    assert shown["description_placeholders"]["differs"] == "12"
    ended = await answer_fix(hass_client, shown, next_step_id="begin")
    assert ended["type"] == "create_entry"
    await until(hass, lambda: _hold(hass) is None)


@pytest.mark.parametrize("choice", ["begin", None])
async def test_an_entry_that_is_not_loaded_asks_again(
    hass: HomeAssistant,
    hass_client: ClientSessionGenerator,
    plex: PlexSimulator,
    stash: StashSimulator,
    choice: str | None,
) -> None:
    """Whether it went before the flow was opened or before the answer."""
    entry = fresh(plex, stash)
    await set_up(hass, entry)
    await until_issue(hass, READY, SOURCE)
    if choice:
        shown = await open_fix(hass, hass_client, READY, SOURCE)
        assert await hass.config_entries.async_unload(entry.entry_id)
        ended = await answer_fix(hass_client, shown, next_step_id=choice)
    else:
        assert await hass.config_entries.async_unload(entry.entry_id)
        ended = await open_fix(hass, hass_client, READY, SOURCE)
    assert (ended["type"], ended["reason"]) == ("abort", "not_loaded")


# Entries of a version that switched the whole server off


async def make_old(
    hass: HomeAssistant, entry: MockConfigEntry, *, counted: bool, asked: bool
) -> None:
    """Leave what that version left: the switch off, and perhaps a count and a repair."""
    engine = entry.runtime_data.engine
    await engine.switch(False)
    await engine.source_holds.lift(SOURCE, HELD)
    await until_issue(hass, READY, SOURCE, gone=True)
    await engine.notes.keep("first_plans_hold_sources", None)
    counts = {"differs": 7, "in_line": 4, "missing": 1}
    kept = json.dumps(counts) if counted else None
    await engine.notes.keep(f"previewed:{SOURCE}", kept)
    if asked:
        ir.async_create_issue(
            hass,
            DOMAIN,
            f"{READY}_{ENTRY}",
            data={"entry_id": ENTRY, "source": None},
            is_fixable=True,
            is_persistent=True,
            severity=ir.IssueSeverity.WARNING,
            translation_key=READY,
            translation_placeholders={"name": "Cellar"},
        )
    assert await hass.config_entries.async_reload(entry.entry_id)
    await hass.async_block_till_done()


@pytest.mark.parametrize(("counted", "asked"), [(True, True), (False, False)])
async def test_a_switch_that_is_off_for_a_first_plan_becomes_a_hold(
    hass: HomeAssistant,
    hass_client: ClientSessionGenerator,
    plex: PlexSimulator,
    stash: StashSimulator,
    counted: bool,
    asked: bool,
) -> None:
    """The server goes on, the source waits; what was counted is not counted again."""
    entry = fresh(plex, stash)
    await set_up(hass, entry)
    await until_issue(hass, READY, SOURCE)
    plex.journal.clear()
    await make_old(hass, entry, counted=counted, asked=asked)
    assert state_of(hass, "switch", "sync").state == "on"
    assert issue(hass, READY) is None
    found = await until_issue(hass, READY, SOURCE)
    assert found is not None
    assert found.translation_placeholders is not None
    expected = ("7", "4", "1") if counted else ("12", "0", "0")
    assert expected == tuple(
        found.translation_placeholders[name]
        for name in ("differs", "in_line", "others")
    )
    assert plex.journal.count(method="PUT") == 0
    await fix(hass, hass_client, READY, "begin", SOURCE)
    await until_state(hass, "sensor", "synced", "12")
    # What its owner switches off later stays off.
    await entry.runtime_data.engine.switch(False)
    assert await hass.config_entries.async_reload(entry.entry_id)
    assert state_of(hass, "switch", "sync").state == "off"
    assert not entry.runtime_data.engine.source_holds.all


@pytest.mark.parametrize(
    ("start", "counted", "settled"),
    [
        (
            START_PREVIEW,
            True,
            False,
        ),  # the question was answered, and it was switched off
        (START_PREVIEW, False, True),  # something of it was written
        (START_EVERYTHING, False, False),  # it had no first plan
    ],
)
async def test_a_switch_that_its_owner_turned_off_stays_off(
    hass: HomeAssistant,
    plex: PlexSimulator,
    stash: StashSimulator,
    start: str,
    counted: bool,
    settled: bool,
) -> None:
    """Nothing says that a first plan had turned it off."""
    entry = fresh(plex, stash, **{CONF_START: START_EVERYTHING if settled else start})
    await set_up(hass, entry)
    if settled:
        await until_state(hass, "sensor", "synced", "12")
        subentry = entry.subentries[SOURCE]
        await entry.runtime_data.engine.switch(False)
        hass.config_entries.async_update_subentry(
            entry, subentry, data={**subentry.data, CONF_START: START_PREVIEW}
        )
        await hass.async_block_till_done()
    await make_old(hass, entry, counted=counted, asked=settled)
    assert state_of(hass, "switch", "sync").state == "off"
    assert not entry.runtime_data.engine.source_holds.all
