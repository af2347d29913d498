"""A change at the source reaches Plex: the whole way, on Home Assistant."""

import asyncio
import time
from types import MappingProxyType

from homeassistant.config_entries import ConfigSubentry
from homeassistant.const import CONF_URL
from homeassistant.core import HomeAssistant
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.plexsync.const import CONF_FIELDS
from custom_components.plexsync.plex.events import Delays
from custom_components.plexsync.sources.stash.options import FIELDS, StashOptions
from tests.home import (
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
from tests.rig import WITHIN
from tests.simulators.films import FILMS
from tests.simulators.plex import PlexSimulator
from tests.simulators.plex.events import CREATED, DONE
from tests.simulators.plex.state import Item, ItemType
from tests.simulators.stash import Kind, StashCore, StashSimulator, load_films

FILM = FILMS[0]


def item_of(plex: PlexSimulator, path: str) -> Item:
    """Find a film in Plex by its file."""
    return next(i for i in plex.core.items.values() if f"/data/films/{path}" in i.files)


async def listening(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    """Wait until Plex is heard; what it tells from now on is reported at once."""
    events = entry.runtime_data.events
    await until(hass, lambda: events.connected)
    events._delays = Delays(slow=0.2)  # noqa: SLF001  # read at each news


async def settled(hass: HomeAssistant, synced: int) -> None:
    """Wait until so many jobs are done, and none waits."""
    await until_state(hass, "sensor", "synced", str(synced))
    await until_state(hass, "sensor", "pending", "0")


@pytest.fixture
async def entry(
    hass: HomeAssistant, plex: PlexSimulator, stash: StashSimulator
) -> MockConfigEntry:
    """Give an entry with a Stash whose films are all in Plex."""
    entry = await set_up(hass, make_entry(plex, stash_subentry(stash)))
    await settled(hass, 12)
    return entry


async def poll(entry: MockConfigEntry) -> None:
    """Ask Stash now, not in ten seconds."""
    entry.runtime_data.runners[SOURCE].hurry()


@pytest.mark.usefixtures("tag_mode")
async def test_every_field_arrives(
    hass: HomeAssistant, plex: PlexSimulator, entry: MockConfigEntry
) -> None:
    """Titles, newlines, dates, ratings, people, tags, collections and pictures."""
    item = item_of(plex, FILM.path)
    assert item.title == FILM.title
    assert item.value("summary") == FILM.summary
    assert item.value("originallyAvailableAt") == FILM.date
    assert item.value("studio") == FILM.studio
    assert item.value("userRating") == pytest.approx(FILM.rating100 / 10)
    assert set(FILM.tags) <= set(item.tag_names("genre"))
    assert {name for name, _ in FILM.cast} <= set(item.tag_names("actor"))
    assert FILM.director in item.tag_names("director")
    assert (item.image_key("thumb") or "").startswith("upload://posters/")
    assert item.locked("summary")
    assert not item.locked("title")  # it stood there already
    assert plex.journal.count(method="PUT") == 12
    assert plex.journal.count(method="POST") == 12
    assert plex.whole_section_edits == 0


@pytest.mark.usefixtures("tag_mode")
async def test_options_reach_plex(
    hass: HomeAssistant, plex: PlexSimulator, stash: StashSimulator
) -> None:
    """Of the scenes that pass the filter only: labels, collections, a rating, a title."""
    core, tag = stash.core, FILM.tags[0]
    core.edit_scene(core.find_scene(FILM.title), title="")
    parent = core.ensure(Kind.TAG, "Parent")
    core.set_tag_parents(tag, [parent])
    core.edit_object(
        Kind.STUDIO, FILM.studio, parent_id=core.ensure(Kind.STUDIO, "Network")
    )
    passing = [film for film in FILMS[:12] if tag in film.tags]
    assert 0 < len(passing) < 12
    options = StashOptions(
        fields=FIELDS | {"labels"},
        title_template="{studio}: {file}",
        content_rating="XXX",
        tags_below="Parent",
        tag_parents=True,
        network_collection=True,
        with_tags=(tag,),
    )
    subentry = stash_subentry(stash, fields=options.as_dict())
    entry = await set_up(hass, make_entry(plex, subentry))
    await settled(hass, len(passing))
    item = item_of(plex, FILM.path)
    stem = FILM.path.rpartition("/")[2].rpartition(".")[0]
    assert item.title == f"{FILM.studio}: {stem}"
    assert item.value("contentRating") == "XXX"
    assert item.tag_names("label") == [tag]
    assert "Network" in item.tag_names("collection")
    assert set(FILM.tags) & set(item.tag_names("genre")) >= {tag}
    assert plex.journal.count(method="PUT") == len(passing)
    source = entry.runtime_data.runners[SOURCE].source
    assert source.skipped["filtered"] == 12 - len(passing)


async def test_an_edit_in_stash_is_one_edit_in_plex(
    hass: HomeAssistant,
    plex: PlexSimulator,
    stash: StashSimulator,
    entry: MockConfigEntry,
) -> None:
    """And the cover, which is the same, is not sent again."""
    plex.journal.clear()
    number = stash.core.find_scene(FILM.title)
    stash.core.edit_scene(number, title="Another title")
    await poll(entry)
    await settled(hass, 13)
    assert item_of(plex, FILM.path).title == "Another title"
    assert [e.method for e in plex.journal].count("PUT") == 1
    assert plex.journal.count(method="POST") == 0


@pytest.mark.usefixtures("tag_mode")
async def test_a_renamed_performer_is_renamed_in_plex(
    hass: HomeAssistant,
    plex: PlexSimulator,
    stash: StashSimulator,
    entry: MockConfigEntry,
) -> None:
    """Stash does not touch the scene; the old name goes, the new one comes."""
    old = FILM.cast[0][0]
    stash.core.rename_performer(old, "Somebody Else")
    await poll(entry)
    await until(
        hass, lambda: "Somebody Else" in item_of(plex, FILM.path).tag_names("actor")
    )
    assert old not in item_of(plex, FILM.path).tag_names("actor")


async def test_a_source_that_is_away_holds_itself_only(
    hass: HomeAssistant,
    plex: PlexSimulator,
    stash: StashSimulator,
    entry: MockConfigEntry,
) -> None:
    """Its cursor stays; the queue goes on; what changed meanwhile arrives."""
    await stash.stop()
    await poll(entry)
    await until_state(hass, "binary_sensor", f"{SOURCE}_source", "off")
    stash.core.edit_scene(stash.core.find_scene(FILM.title), title="Meanwhile")
    path = f"/data/films/{FILMS[1].path}"
    answer = await call(
        hass, "sync_item", path=path, fields={"tagline": "Here"}, wait=10
    )
    assert answer["status"] == "written"
    assert state_of(hass, "sensor", "circuit").state == "closed"
    await stash.start()
    await poll(entry)
    await until(hass, lambda: item_of(plex, FILM.path).title == "Meanwhile")
    await until_state(hass, "binary_sensor", f"{SOURCE}_source", "on")


async def test_a_deleted_scene_fails_the_job_that_wants_its_picture(
    hass: HomeAssistant,
    plex: PlexSimulator,
    stash: StashSimulator,
    entry: MockConfigEntry,
) -> None:
    """Nobody asks for ever for a picture that is gone; the job can be discarded."""
    switch = {"entity_id": "switch.cellar_sync"}
    await hass.services.async_call("switch", "turn_off", switch, blocking=True)
    number = stash.core.find_scene(FILM.title)
    await asyncio.sleep(1.1)  # a cover's mark is the whole second of its scene's edit
    stash.core.edit_scene(number, title="Deleted soon")
    await poll(entry)
    await until_state(hass, "sensor", "pending", "1")
    stash.core.delete_scene(number)
    stash.journal.clear()
    await hass.services.async_call("switch", "turn_on", switch, blocking=True)
    await until_state(hass, "sensor", "failed", "1")
    job = (await call(hass, "get_jobs", state="failed"))["jobs"][0]
    assert job["reason"] == "image_missing"
    assert stash.journal.count("/scene") <= 2
    discarded = await call(hass, "discard_failed", reason="image_missing")
    assert discarded == {"discarded": 1}


async def test_what_failed_or_was_skipped_stays_so_while_nothing_is_new(
    hass: HomeAssistant,
    plex: PlexSimulator,
    stash: StashSimulator,
    entry: MockConfigEntry,
) -> None:
    """A scene is read once more soon after its edit: its cover may have followed."""
    refused, one, other = (item_of(plex, film.path) for film in FILMS[:3])
    plex.core.merge(one, other)
    plex.faults.add("status", code=400, method="PUT", rating_key=refused.rating_key)
    keys = [f"scene:{stash.core.find_scene(film.title)}" for film in FILMS[:3]]
    engine = entry.runtime_data.engine

    async def marks() -> dict[str, str]:
        rows = "SELECT key, fields ->> '$.poster[1].mark' FROM job WHERE failed > 0"
        return dict(await engine.database.run(lambda db: db.execute(rows).fetchall()))

    for film in FILMS[:3]:
        stash.core.edit_scene(stash.core.find_scene(film.title), details="Edited")
    await poll(entry)
    async with asyncio.timeout(WITHIN):
        while not set(await marks()) & {keys[0]} or len(await marks()) < 2:
            await asyncio.sleep(0.02)
    before = await marks()
    assert all(mark.endswith("?") for mark in before.values())
    switch = {"entity_id": "switch.cellar_sync"}
    await hass.services.async_call("switch", "turn_off", switch, blocking=True)
    async with asyncio.timeout(WITHIN):
        while any(mark.endswith("?") for mark in (await marks()).values()):
            await poll(entry)
            await asyncio.sleep(0.2)
    assert (await marks()).keys() == before.keys()


async def test_a_scene_that_stash_cannot_read_stops_itself_only(
    hass: HomeAssistant,
    plex: PlexSimulator,
    stash: StashSimulator,
    entry: MockConfigEntry,
) -> None:
    """The others' edits arrive, and a comparison of everything ends."""
    sick = stash.core.find_scene(FILMS[1].title)
    stash.core.sick = {sick: "performers"}
    stash.core.edit_scene(sick, title="Sick")
    stash.core.edit_scene(stash.core.find_scene(FILM.title), title="Well")
    await poll(entry)
    await settled(hass, 13)
    assert item_of(plex, FILM.path).title == "Well"
    assert state_of(hass, "binary_sensor", f"{SOURCE}_source").state == "on"
    answer = await call(hass, "reconcile", wait=20)
    assert answer["status"] == "finished"
    assert answer["counts"] == {"in_line": 11}
    assert answer["sources_away"] == 0


async def test_a_removed_source_takes_its_jobs_along(
    hass: HomeAssistant,
    plex: PlexSimulator,
    stash: StashSimulator,
    entry: MockConfigEntry,
) -> None:
    """What it wrote stays, and can still be undone."""
    await hass.services.async_call(
        "switch", "turn_off", {"entity_id": "switch.cellar_sync"}, blocking=True
    )
    stash.core.edit_scene(stash.core.find_scene(FILM.title), title="Too late")
    await poll(entry)
    await until_state(hass, "sensor", "pending", "1")
    assert hass.config_entries.async_remove_subentry(entry, SOURCE)
    await hass.async_block_till_done()
    await until_state(hass, "sensor", "pending", "0")
    assert item_of(plex, FILM.path).title == FILM.title
    answer = await call(hass, "undo_item", path=f"/data/films/{FILM.path}")
    # The title stood there already when we came; the summary did not.
    assert "summary" in answer["restored"]
    assert not item_of(plex, FILM.path).value("summary")


@pytest.mark.usefixtures("tag_mode")
async def test_a_source_that_was_added_again_takes_over_what_it_wrote(
    hass: HomeAssistant,
    plex: PlexSimulator,
    stash: StashSimulator,
    entry: MockConfigEntry,
) -> None:
    """An actor that it drops leaves Plex, whoever brought him there."""
    assert hass.config_entries.async_remove_subentry(entry, SOURCE)
    await hass.async_block_till_done()
    again = stash_subentry(stash) | {
        "data": MappingProxyType(stash_subentry(stash)["data"])
    }
    subentry = ConfigSubentry(**again | {"subentry_id": "01AGAIN"})
    assert hass.config_entries.async_add_subentry(entry, subentry)
    await hass.async_block_till_done()
    runner = entry.runtime_data.runners["01AGAIN"]
    await until(hass, runner.caught_up.is_set)
    async with asyncio.timeout(WITHIN):
        # Asked of the engine: the sensor's 0 may be the one of before.
        while (await entry.runtime_data.engine.snapshot()).pending:
            await asyncio.sleep(0.05)

    old = FILM.cast[0][0]
    assert old in item_of(plex, FILM.path).tag_names("actor")
    # A cover that was sent before is not sent again.
    assert plex.journal.count(method="POST") == 12
    stash.core.rename_performer(old, "Somebody Else")
    runner.hurry()
    await until(
        hass, lambda: "Somebody Else" in item_of(plex, FILM.path).tag_names("actor")
    )
    assert old not in item_of(plex, FILM.path).tag_names("actor")


async def test_another_stash_at_another_address_is_read_whole(
    hass: HomeAssistant, plex: PlexSimulator, entry: MockConfigEntry
) -> None:
    """Its last edits may be older than what was read of the one before."""
    other = StashCore(clock=lambda: time.time() - 30 * 86_400)
    other.edit_scene(load_films(other, STASH_ROOT)[FILM.title], title="Another")
    async with StashSimulator(other) as simulator:
        subentry = entry.subentries[SOURCE]
        hass.config_entries.async_update_subentry(
            entry, subentry, data={**subentry.data, CONF_URL: simulator.url}
        )
        await until(hass, lambda: item_of(plex, FILM.path).title == "Another")
        assert await hass.config_entries.async_unload(entry.entry_id)
    other.close()


async def test_an_item_made_anew_is_mended_without_a_sweep(
    hass: HomeAssistant, plex: PlexSimulator, entry: MockConfigEntry
) -> None:
    """Plex tells that it came, and Stash is asked for the record of its file."""
    await listening(hass, entry)
    item = plex.core.recreate(item_of(plex, FILM.path))
    assert item.value("summary") != FILM.summary
    notifier, now = plex.core.catalog.notifier, plex.core.catalog.now()
    for state in (CREATED, DONE):
        notifier.timeline(item, state, now)
    await until(hass, lambda: item.value("summary") == FILM.summary)
    await settled(hass, 13)


async def test_an_item_made_anew_is_left_alone_where_its_scene_is_not_sent(
    hass: HomeAssistant, plex: PlexSimulator, stash: StashSimulator
) -> None:
    """A news of Plex brings nothing that a poll would leave out."""
    stash.core.edit_scene(stash.core.find_scene(FILM.title), organized=False)
    source = stash_subentry(stash, **{CONF_FIELDS: {"organized_only": True}})
    entry = await set_up(hass, make_entry(plex, source))
    await settled(hass, 11)
    await listening(hass, entry)
    plex.journal.clear()
    asked = stash.journal.count("Scenes")
    item = plex.core.recreate(item_of(plex, FILM.path))
    notifier, now = plex.core.catalog.notifier, plex.core.catalog.now()
    for state in (CREATED, DONE):
        notifier.timeline(item, state, now)
    await until(hass, lambda: stash.journal.count("Scenes") > asked)
    await hass.async_block_till_done()
    # Whatever is about to be written is written by now.
    film = stash.core.find_scene(FILMS[1].title)
    stash.core.edit_scene(film, details="After it")
    await poll(entry)
    other = item_of(plex, FILMS[1].path)
    await settled(hass, 12)
    assert other.value("summary") == "After it"
    assert (await call(hass, "get_jobs"))["total"] == 0
    assert plex.journal.count(method="PUT") == 1


async def test_a_pin_brings_a_record_that_was_in_line_to_its_new_item(
    hass: HomeAssistant, plex: PlexSimulator, entry: MockConfigEntry
) -> None:
    """It has no job: the source is asked for it."""
    item = plex.core.add_item(
        next(iter(plex.core.sections.values())), "Copy", file="/data/films/copy.mkv"
    )
    await call(
        hass, "pin_item", source=SOURCE, key="scene:1", rating_key=item.rating_key
    )
    await until(hass, lambda: item.title == FILM.title)


async def test_a_new_file_is_scanned_where_that_is_wanted(
    hass: HomeAssistant, plex: PlexSimulator, stash: StashSimulator
) -> None:
    """Plex is asked for the folder, as Plex sees it; not for a library that was not chosen."""
    other = plex.core.add_section("Others", "movie", ["/data/others"])
    for path in ("/data/films/New/New (1999).mkv", "/data/others/New/Odd (1999).mkv"):
        plex.core.add_file(path)
    stash.core.add_scene("/media/films/New/New (1999).mkv", title="From Stash")
    stash.core.add_scene("/data/others/New/Odd (1999).mkv", title="Of no library")
    options = StashOptions(scan_new=True).as_dict()
    await set_up(hass, make_entry(plex, stash_subentry(stash, fields=options)))
    await settled(hass, 13)
    asked = [
        (entry.path, dict(entry.query)["path"])
        for entry in plex.journal.matching(path="/refresh$")
    ]
    assert asked == [("/library/sections/1/refresh", "/data/films/New")]
    item = next(i for i in plex.core.items.values() if i.title == "From Stash")
    assert item.files == ["/data/films/New/New (1999).mkv"]
    assert not other.of_type(ItemType.MOVIE)


async def test_a_new_file_is_not_scanned_unasked(
    hass: HomeAssistant, plex: PlexSimulator, stash: StashSimulator
) -> None:
    """It waits until Plex finds it by itself."""
    path = "/data/films/New/New (1999).mkv"
    plex.core.add_file(path)
    stash.core.add_scene("/media/films/New/New (1999).mkv", title="From Stash")
    await set_up(hass, make_entry(plex, stash_subentry(stash)))
    await until_state(hass, "sensor", "synced", "12")
    await until_state(hass, "sensor", "pending", "1")
    assert plex.journal.count(path="/refresh$") == 0
    plex.core.scan(next(iter(plex.core.sections.values())))
    await settled(hass, 13)
