"""Scenes that are gone in Stash: let go of, undone, or asked about."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import PurePosixPath
import re
import time
from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.util import dt as dt_util
import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_fire_time_changed,
)
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.plexsync.const import CONF_FIELDS, DOMAIN
from custom_components.plexsync.sources.stash.options import StashOptions
from tests.home import (
    PLEX_ROOT,
    SOURCE,
    STASH_ROOT,
    call,
    make_entry,
    set_up,
    stash_subentry,
    until,
    until_state,
)
from tests.repairing import answer_fix, fix, issue, open_fix, until_issue
from tests.simulators.films import FILMS
from tests.simulators.plex import PlexSimulator
from tests.simulators.plex.state import ItemType
from tests.simulators.stash import Kind, StashSimulator


def rest(stash: StashSimulator) -> None:
    """Let an hour pass in Stash: nothing there is so new that a poll reads it once more."""
    stash.core.clock = lambda: time.time() + 3600
    stash.dated_by_core = True


async def begin(
    hass: HomeAssistant, plex: PlexSimulator, stash: StashSimulator, **options: Any
) -> MockConfigEntry:
    """Set up a server whose twelve films follow a Stash."""
    fields = {CONF_FIELDS: StashOptions(**options).as_dict()}
    entry = await set_up(hass, make_entry(plex, stash_subentry(stash, **fields)))
    await until_state(hass, "sensor", "synced", "12")
    return entry


async def look_soon(hass: HomeAssistant, seconds: float) -> None:
    """Wait until a look, or a comparison, is to come so much later; then let it come."""
    watch = hass.config_entries.async_entries(DOMAIN)[0].runtime_data.gone_watch
    await until(hass, lambda: watch._compares or watch._later)  # noqa: SLF001  # nobody else can tell
    async_fire_time_changed(hass, dt_util.utcnow() + timedelta(seconds=seconds + 1))


async def sweep(hass: HomeAssistant) -> None:
    """Compare everything."""
    answer = await call(hass, "reconcile", wait=60)
    assert answer["status"] == "finished"
    await hass.async_block_till_done()


@pytest.mark.parametrize("when_gone", ["leave", "undo"])
async def test_one_scene_that_is_gone(
    hass: HomeAssistant, plex: PlexSimulator, stash: StashSimulator, when_gone: str
) -> None:
    """Two sweeps have to lack it; then its item has its own values again, or follows nobody."""
    scene = stash.core.scene_ids()[0]
    (path,) = stash.core.paths(scene)
    section = next(iter(plex.core.sections.values()))
    films = section.of_type(ItemType.MOVIE).values()
    file = path.replace(STASH_ROOT, PLEX_ROOT)
    item = next(film for film in films if file in film.files)
    before = item.title
    stash.core.edit_scene(scene, title="From Stash")
    await begin(hass, plex, stash, when_gone=when_gone)
    assert item.title == "From Stash"
    stash.core.delete_scene(scene)
    await sweep(hass)
    assert item.title == "From Stash"
    await sweep(hass)
    if when_gone == "undo":
        await until(hass, lambda: item.title == before)
    assert item.title == (before if when_gone == "undo" else "From Stash")


async def test_many_scenes_that_are_gone(
    hass: HomeAssistant,
    hass_client: ClientSessionGenerator,
    plex: PlexSimulator,
    stash: StashSimulator,
) -> None:
    """Their owner is asked, and nothing is done before the answer."""
    entry = await begin(hass, plex, stash)
    gone = stash.core.scene_ids()[:4]
    for scene in gone:
        stash.core.delete_scene(scene)
    await sweep(hass)
    found = await until_issue(hass, "mass_change", SOURCE)
    assert found is not None
    assert found.translation_placeholders == {
        "name": "Cellar",
        "source": "Stash",
        "gone": "4",
        "known": "12",
    }
    assert not found.is_persistent
    await until_state(hass, "sensor", "status", "needs_review")
    stash.core.edit_scene(stash.core.scene_ids()[0], title="Edited")
    # Nothing else of the source is written meanwhile, over a restart too.
    assert await hass.config_entries.async_reload(entry.entry_id)
    await call(hass, "refresh_source")
    await until_state(hass, "sensor", "pending", "1")
    (job,) = (await call(hass, "get_jobs", state="held"))["jobs"]
    assert (job["reason"], job["hold"]) == ("held", "mass_change")
    assert await until_issue(hass, "mass_change", SOURCE)

    shown, left = await fix(hass, hass_client, "mass_change", "leave", SOURCE)
    sample = shown["description_placeholders"]["sample"].splitlines()
    assert len(sample) == 4
    assert [re.sub(r"\\(.)", r"\1", line) for line in sample] == [
        f"- {PurePosixPath(FILMS[number].path).name}" for number in range(4)
    ]
    assert (left["type"], left["reason"]) == ("abort", "left")
    assert issue(hass, "mass_change", SOURCE)
    _, ended = await fix(hass, hass_client, "mass_change", "part", SOURCE)
    assert ended["type"] == "create_entry"
    await until_state(hass, "sensor", "pending", "0")
    await sweep(hass)
    await sweep(hass)
    await until_state(hass, "sensor", "status", "up_to_date")
    assert issue(hass, "mass_change", SOURCE) is None


async def test_more_scenes_are_gone_than_the_owner_agreed_to(
    hass: HomeAssistant,
    hass_client: ClientSessionGenerator,
    plex: PlexSimulator,
    stash: StashSimulator,
) -> None:
    """Ask again, about all of them, and let go of none before the answer."""
    entry = await begin(hass, plex, stash)
    scenes = stash.core.scene_ids()
    for scene in scenes[:4]:
        stash.core.delete_scene(scene)
    await sweep(hass)
    await until_issue(hass, "mass_change", SOURCE)
    await stash.stop()  # the look that follows the answer fails
    _, ended = await fix(hass, hass_client, "mass_change", "part", SOURCE)
    assert ended["type"] == "create_entry"
    await until_issue(hass, "mass_change", SOURCE, gone=True)
    await stash.start(stash.port)
    for scene in scenes[4:]:
        stash.core.delete_scene(scene)
    await entry.runtime_data.gone_watch.look(SOURCE)
    found = await until_issue(hass, "mass_change", SOURCE)
    assert found is not None
    assert found.translation_placeholders is not None
    assert found.translation_placeholders["gone"] == "12"
    assert found.translation_placeholders["known"] == "12"


async def test_a_question_that_changed_is_shown_before_it_is_answered(
    hass: HomeAssistant,
    hass_client: ClientSessionGenerator,
    plex: PlexSimulator,
    stash: StashSimulator,
) -> None:
    """Also before the repair itself is renewed."""
    entry = await begin(hass, plex, stash)
    scenes = stash.core.scene_ids()
    for scene in scenes[:4]:
        stash.core.delete_scene(scene)
    await sweep(hass)
    await until_issue(hass, "mass_change", SOURCE)
    shown = await open_fix(hass, hass_client, "mass_change", SOURCE)
    for scene in scenes[4:8]:
        stash.core.delete_scene(scene)
    await entry.runtime_data.gone_watch.look(SOURCE)
    again = await answer_fix(hass_client, shown, next_step_id="part")
    assert (again["type"], again["step_id"]) == ("menu", "init")
    assert again["description_placeholders"]["gone"] == "8"
    ended = await answer_fix(hass_client, again, next_step_id="part")
    assert ended["type"] == "create_entry"
    assert not entry.runtime_data.engine.source_holds.all


async def test_an_answer_to_no_question_is_none_to_a_later_one(
    hass: HomeAssistant,
    hass_client: ClientSessionGenerator,
    plex: PlexSimulator,
    stash: StashSimulator,
) -> None:
    """A form may show a question that has gone; its source may be away just then."""
    entry = await begin(hass, plex, stash)
    whole = stash.core.store.copy()

    async def lose_some() -> None:
        for scene in stash.core.scene_ids()[:4]:
            stash.core.delete_scene(scene)
        await sweep(hass)

    await lose_some()
    await until_issue(hass, "mass_change", SOURCE)
    shown = await open_fix(hass, hass_client, "mass_change", SOURCE)
    stash.core.store.restore(whole)
    await entry.runtime_data.gone_watch.look(SOURCE)
    await until_issue(hass, "mass_change", SOURCE, gone=True)
    await stash.stop()
    ended = await answer_fix(hass_client, shown, next_step_id="part")
    assert ended["type"] == "create_entry"
    await entry.runtime_data.gone_watch.look(SOURCE)
    await stash.start(stash.port)
    await lose_some()
    await until_issue(hass, "mass_change", SOURCE)


async def test_scenes_that_come_back_are_noticed_by_themselves(
    hass: HomeAssistant, plex: PlexSimulator, stash: StashSimulator
) -> None:
    """The question goes, and nobody has answered it or asked for a comparison."""
    entry = await begin(hass, plex, stash)
    whole = stash.core.store.copy()
    for scene in stash.core.scene_ids():
        stash.core.delete_scene(scene)
    await sweep(hass)
    await until_issue(hass, "mass_change", SOURCE)
    stash.core.store.restore(whole)
    async_fire_time_changed(hass, dt_util.utcnow() + timedelta(seconds=700))
    await until_issue(hass, "mass_change", SOURCE, gone=True)
    assert not entry.runtime_data.engine.source_holds.all


async def test_nothing_is_gone_while_stash_imports(
    hass: HomeAssistant, plex: PlexSimulator, stash: StashSimulator
) -> None:
    """It has no scene for a while, and nobody is asked about them; all have another id then."""
    entry = await begin(hass, plex, stash)
    source = entry.runtime_data.runners[SOURCE].source
    stash.jobs.patience = None
    stash.api.execute("mutation { metadataImport }")
    stash.jobs.step()
    stash.jobs.step()
    await call(hass, "refresh_source")
    await until(hass, lambda: source.busy)
    await sweep(hass)
    assert not entry.runtime_data.engine.source_holds.all
    stash.jobs.release()
    await call(hass, "refresh_source")
    await until(hass, lambda: not source.busy)
    await sweep(hass)
    assert issue(hass, "mass_change", SOURCE) is None
    assert not entry.runtime_data.engine.source_holds.all


async def test_a_look_that_an_unload_cuts_short_is_the_last(
    hass: HomeAssistant, plex: PlexSimulator, stash: StashSimulator
) -> None:
    """While the owner is asked, others follow it; not once the entry is unloaded."""
    entry = await begin(hass, plex, stash)
    for scene in stash.core.scene_ids():
        stash.core.delete_scene(scene)
    await sweep(hass)
    await until_issue(hass, "mass_change", SOURCE)
    watch = entry.runtime_data.gone_watch
    assert await hass.config_entries.async_unload(entry.entry_id)
    await watch.look(SOURCE)  # it comes to the database when that is closed
    assert not watch._later  # noqa: SLF001  # nobody else can tell


async def test_a_scene_that_was_deleted_is_noticed_by_itself(
    hass: HomeAssistant,
    plex: PlexSimulator,
    stash: StashSimulator,
) -> None:
    """A poll counts, and two lists prove it; nobody asks for a comparison."""
    scene = stash.core.scene_ids()[0]
    (path,) = stash.core.paths(scene)
    section = next(iter(plex.core.sections.values()))
    file = path.replace(STASH_ROOT, PLEX_ROOT)
    item = next(
        film for film in section.of_type(ItemType.MOVIE).values() if file in film.files
    )
    before = item.title
    stash.core.edit_scene(scene, title="From Stash")
    await begin(hass, plex, stash, when_gone="undo")
    assert await call(hass, "refresh_source") == {"sources": 1}
    await until(hass, lambda: stash.journal.count("/graphql") > 5)
    stash.core.delete_scene(scene)
    await call(hass, "refresh_source")
    await look_soon(hass, 5)
    await look_soon(hass, 600)
    await until(hass, lambda: item.title == before)


def tagged(plex: PlexSimulator, stash: StashSimulator) -> Callable[[], set[str]]:
    """Give the first scene two tags; and give who tells which of them Plex shows."""
    scene = stash.core.scene_ids()[0]
    (path,) = stash.core.paths(scene)
    stash.core.edit_scene(scene, tags=["Kept", "Deleted"])
    rest(stash)
    section = next(iter(plex.core.sections.values()))
    file = path.replace(STASH_ROOT, PLEX_ROOT)
    films = section.of_type(ItemType.MOVIE).values()
    item = next(film for film in films if file in film.files)

    def tags() -> set[str]:
        return {each.tag.name for each in item.tags["genre"]}

    return tags


async def test_a_tag_that_was_deleted_is_noticed_by_itself(
    hass: HomeAssistant, plex: PlexSimulator, stash: StashSimulator
) -> None:
    """No scene of it tells; a poll counts, and then everything is compared."""
    tags = tagged(plex, stash)
    await begin(hass, plex, stash)
    assert {"Kept", "Deleted"} <= tags()
    await call(hass, "refresh_source")
    await until(hass, lambda: stash.journal.count("/graphql") > 5)
    stash.core.delete_object(Kind.TAG, "Deleted")
    await call(hass, "refresh_source")
    await look_soon(hass, 5)
    await until(hass, lambda: "Deleted" not in tags())
    assert "Kept" in tags()


async def test_a_loss_that_shows_while_a_comparison_runs(
    hass: HomeAssistant, plex: PlexSimulator, stash: StashSimulator
) -> None:
    """That one has read the scenes before: another one follows it."""
    tags = tagged(plex, stash)
    await begin(hass, plex, stash)
    await call(hass, "refresh_source")
    await until(hass, lambda: stash.journal.count("/graphql") > 5)
    run = hass.config_entries.async_entries(DOMAIN)[0].runtime_data.reconcile
    stash.journal.clear()
    plex.journal.clear()
    plex.latency_read = 3
    await call(hass, "reconcile")
    # By then it knows all scenes, and Plex takes its time to show the items.
    await until(hass, lambda: plex.journal.count(path="/library/metadata"))
    stash.core.delete_object(Kind.TAG, "Deleted")
    await call(hass, "refresh_source")
    await look_soon(hass, 5)
    assert run.running
    plex.latency_read = 0
    await until(hass, lambda: "Deleted" not in tags())
    assert "Kept" in tags()
