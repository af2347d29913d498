"""Reading what changed: nothing is skipped, nothing loops, and an idle poll is cheap."""

from datetime import timedelta
import time
from typing import Unpack

import pytest

from custom_components.plexsync.engine.model.faults import Fault
from custom_components.plexsync.engine.model.record import Actor
from custom_components.plexsync.sources.stash.stash import StashOptions, StashSource
from custom_components.plexsync.sources.stash.walk import PAGE
from tests.simulators.stash import (
    Kind,
    SceneFields,
    StashCore,
    StashSimulator,
    load_films,
    load_synthetic,
)

from .conftest import Clock, MakeSource, Reader, keys

VERSIONS = [
    "0.24.3",
    "0.25.1",
    "0.26.2",
    "0.27.2",
    "0.28.1",
    "0.29.3",
    "0.30.1",
    "0.31.0",
]


def _add(core: StashCore, count: int = 1, **fields: Unpack[SceneFields]) -> list[int]:
    """Add scenes with a file and a title."""
    with core.store.transaction():
        start = core.store.number("SELECT max(id) FROM scenes")
        added = []
        for number in range(start + 1, start + 1 + count):
            fields["title"] = f"Scene {number}"
            added.append(core.add_scene(f"/data/{number}.mkv", **fields))
        return added


async def _settle(reader: Reader) -> None:
    """Read until nothing is new."""
    for _ in range(5):
        await reader.read()
        if not reader.batches:
            return
    pytest.fail("The source finds news for ever")


@pytest.mark.parametrize("version", VERSIONS)
async def test_every_version(
    version: str,
    stash: StashSimulator,
    core: StashCore,
    clock: Clock,
    source: StashSource,
) -> None:
    """Connect, read everything, idle, see an edit; with what that version has."""
    stash.set_version(version)
    films = load_films(core, "/data/films")
    info = await source.connect()
    assert info.version == f"v{version}"
    assert info.roots == ("/data/films",)
    reader = Reader(source)
    records = await reader.read()
    assert records.keys() == keys(films.values())
    grouped = [
        record
        for record in records.values()
        if record.fields["collections"] is not None
    ]
    assert grouped
    assert all(record.fields["poster"] for record in records.values())
    assert all(record.identified for record in records.values())

    stash.journal.clear()
    await reader.read()
    await reader.read()
    assert not reader.batches
    assert len(stash.journal) == 2

    clock.tick()
    scene = films["The General"]
    core.edit_scene(scene, title="The General, again")
    stash.journal.clear()
    assert (await reader.read())[f"scene:{scene}"].fields["title"] == (
        "The General, again"
    )
    assert len(stash.journal) == 2
    assert stash.journal.count(status=200) == 2


async def test_idle_poll_is_one_request(
    stash: StashSimulator,
    core: StashCore,
    clock: Clock,
    source: StashSource,
    make_source: MakeSource,
) -> None:
    """With everything followed, right after reading, later, and after a restart."""
    load_films(core, "/data/films")
    reader = Reader(source)
    await reader.read()
    for _ in range(3):
        clock.tick(3600)
        stash.journal.clear()
        await reader.read()
        assert len(stash.journal) == 1
    assert not reader.batches
    restarted = make_source()
    await restarted.connect()
    stash.journal.clear()
    assert not await Reader(restarted, reader.cursor).read()
    assert len(stash.journal) == 1


async def test_first_reading_can_be_cut_anywhere(
    core: StashCore, clock: Clock, make_source: MakeSource
) -> None:
    """Every batch's cursor goes on where it was cut, in another process."""
    load_synthetic(core, 1700, "/data/movies")
    reader = Reader(make_source())
    whole = await reader.read()
    assert whole.keys() == keys(core.scene_ids())
    assert [len(batch.records) for batch in reader.batches] == [PAGE] * 6 + [200]
    for cut in range(1, 7):
        first = Reader(make_source())
        begun = await first.read(cut)
        rest = await Reader(make_source(), first.cursor).read()
        assert begun.keys() | rest.keys() == whole.keys()
        assert len(rest) < len(whole)


async def test_changes_while_reading_are_not_lost(
    core: StashCore, clock: Clock, source: StashSource
) -> None:
    """Rows that change, come and go behind the page are found by the next poll."""
    ids = _add(core, 1200)
    clock.tick()
    reader = Reader(source)
    await reader.read(1)
    clock.tick()
    core.edit_scene(ids[3], title="Behind the page")
    core.edit_scene(ids[700], title="Before the page")
    core.delete_scene(ids[600])
    core.delete_scene(ids[PAGE - 1])
    (late,) = _add(core)
    rest = await reader.read()
    found = rest | await reader.read()
    assert keys(ids[PAGE:600] + ids[601:] + [late]) <= found.keys()
    assert found[f"scene:{ids[3]}"].fields["title"] == "Behind the page"
    assert found[f"scene:{ids[700]}"].fields["title"] == "Before the page"


async def test_many_scenes_share_a_second(
    stash: StashSimulator, core: StashCore, clock: Clock, source: StashSource
) -> None:
    """A bulk edit of 1,500 scenes in one second is read once, whole, and then over."""
    ids = _add(core, 1500)
    reader = Reader(source)
    assert (await reader.read()).keys() == keys(ids)
    await _settle(reader)
    clock.tick()
    with core.store.transaction():
        for scene_id in ids:
            core.edit_scene(scene_id, organized=True)
    stash.journal.clear()
    assert (await reader.read()).keys() == keys(ids)
    assert len(stash.journal) <= 1500 // PAGE + 4
    stash.journal.clear()
    await _settle(reader)
    assert not stash.journal.count("Scenes")
    stash.journal.clear()
    await reader.read()
    assert len(stash.journal) == 1
    clock.tick()
    core.edit_scene(ids[700], title="One of them")
    found = await reader.read()
    assert found[f"scene:{ids[700]}"].fields["title"] == "One of them"


async def test_bulk_edits_again_and_again(
    stash: StashSimulator, core: StashCore, clock: Clock, source: StashSource
) -> None:
    """While a job rewrites thousands of scenes, a poll reads what is new, not all of it."""
    ids = _add(core, 3000)
    clock.tick(7 * 86400)
    reader = Reader(source)
    await reader.read()
    await _settle(reader)
    for start in range(0, 3000, 600):
        clock.tick(60)
        part = ids[start : start + 600]
        with core.store.transaction():
            for scene_id in part:
                core.edit_scene(scene_id, organized=True)
        found = await reader.read()
        assert keys(part) <= found.keys()
    clock.tick(3600)
    core.edit_scene(ids[0], title="After the job")
    found = await reader.read()
    assert f"scene:{ids[0]}" in found


async def test_a_late_change_behind_a_bulk_edit(
    core: StashCore, clock: Clock, source: StashSource
) -> None:
    """More rows changed than a listing shows, and one of them with an older time."""
    (late, *ids) = _add(core, 1500)
    reader = Reader(source)
    await reader.read()
    clock.tick(60)
    with core.store.transaction():
        for scene_id in ids:
            core.edit_scene(scene_id, organized=True)
    await reader.read()
    await _settle(reader)
    clock.tick(-20)
    core.edit_scene(late, title="Late")
    clock.tick(60)
    core.edit_scene(ids[0], title="In time")
    assert keys([late, ids[0]]) <= (await reader.read()).keys()


@pytest.mark.parametrize("hours", [-8, 2, 0, 5.5])
@pytest.mark.parametrize("restart", [False, True])
async def test_server_in_another_zone(
    hours: float,
    restart: bool,
    core: StashCore,
    clock: Clock,
    make_source: MakeSource,
) -> None:
    """Stash compares local times as text: whoever sends UTC finds nothing."""
    core.set_zone(timedelta(hours=hours))
    ids = _add(core, 5)
    reader = Reader(make_source())
    await reader.read()
    for scene_id in ids:
        clock.tick(70)
        core.edit_scene(scene_id, title="Edited")
        if restart:
            reader = Reader(make_source(), reader.cursor)
        assert f"scene:{scene_id}" in await reader.read()


@pytest.mark.parametrize("restart", [False, True])
async def test_clock_goes_back_for_winter(
    restart: bool, core: StashCore, clock: Clock, make_source: MakeSource
) -> None:
    """The hour that comes twice hides nothing."""
    clock.set("2024-10-27T00:50:00Z")
    ids = _add(core, 20)
    reader = Reader(make_source())
    await reader.read()
    await _settle(reader)
    for index, scene_id in enumerate(ids):
        clock.tick(300)
        if index == 2:
            core.set_zone(timedelta(hours=1))
        core.edit_scene(scene_id, title=f"Edited {index}")
        if restart:
            reader = Reader(make_source(), reader.cursor)
        found = await reader.read()
        assert found[f"scene:{scene_id}"].fields["title"] == f"Edited {index}"
    await _settle(reader)


@pytest.mark.parametrize("restart", [False, True])
@pytest.mark.parametrize("hours", [-8, 9])
async def test_server_moves_to_another_zone(
    hours: int, restart: bool, core: StashCore, clock: Clock, make_source: MakeSource
) -> None:
    """Times far below the greatest are found, for as long as they stay below it."""
    core.set_zone(timedelta(0))
    ids = _add(core, 30)
    reader = Reader(make_source())
    await reader.read()
    await _settle(reader)
    core.set_zone(timedelta(hours=hours))
    for scene_id in ids:
        clock.tick(1200)
        core.edit_scene(scene_id, title="Edited")
        if restart:
            reader = Reader(make_source(), reader.cursor)
        assert f"scene:{scene_id}" in await reader.read()
    await _settle(reader)


@pytest.mark.parametrize("restart", [False, True])
async def test_a_clock_that_was_wrong_for_a_moment(
    restart: bool, core: StashCore, clock: Clock, make_source: MakeSource
) -> None:
    """A scene stamped with the year 2099 hides nothing that follows."""
    ids = _add(core, 5)
    reader = Reader(make_source())
    await reader.read()
    now = clock.time
    clock.set("2099-01-01T00:00:00Z")
    core.edit_scene(ids[0], title="From the future")
    assert f"scene:{ids[0]}" in await reader.read()
    clock.time = now
    for scene_id in ids[1:]:
        clock.tick(600)
        core.edit_scene(scene_id, title="Edited")
        if restart:
            reader = Reader(make_source(), reader.cursor)
        assert f"scene:{scene_id}" in await reader.read()
    await _settle(reader)


async def test_edits_within_one_second(
    core: StashCore, clock: Clock, make_source: MakeSource
) -> None:
    """The later ones change no time; as long as they can come, each look is a full one."""
    (scene_id, *_) = _add(core, 3)
    core.clock = time.time
    reader = Reader(make_source())
    await reader.read()
    for number in range(30):
        core.edit_scene(scene_id, title=f"Edit {number}")
        if number % 3 == 2:
            reader = Reader(make_source(), reader.cursor)
        found = await reader.read()
        assert found[f"scene:{scene_id}"].fields["title"] == f"Edit {number}"


async def test_an_edit_in_the_second_of_the_first_reading(
    core: StashCore, source: StashSource
) -> None:
    """What was just read is looked at once more, even if it seems to be old."""
    (scene_id,) = _add(core)
    reader = Reader(source)
    await reader.read()
    core.edit_scene(scene_id, title="Edited")
    assert f"scene:{scene_id}" in await reader.read()


@pytest.mark.parametrize("restart", [False, True])
async def test_a_change_committed_late(
    restart: bool, core: StashCore, clock: Clock, make_source: MakeSource
) -> None:
    """A write that waited for another carries an older time than what was read."""
    ids = _add(core, 5)
    reader = Reader(make_source())
    await reader.read()
    clock.tick(100)
    core.edit_scene(ids[0], title="In time")
    await reader.read()
    await _settle(reader)
    clock.tick(-30)
    core.edit_scene(ids[1], title="Late")
    clock.tick(90)
    if restart:
        reader = Reader(make_source(), reader.cursor)
    assert f"scene:{ids[1]}" in await reader.read()


async def test_only_what_changed_is_read(
    core: StashCore, clock: Clock, source: StashSource
) -> None:
    """One edit is one record, whatever else was edited the hours before."""
    ids = _add(core, 50)
    reader = Reader(source)
    await reader.read()
    await _settle(reader)
    for scene_id in ids[:10]:
        clock.tick()
        core.edit_scene(scene_id, title="Edited")
        assert (await reader.read()).keys() <= keys(ids[:10])
    await _settle(reader)
    clock.tick()
    core.edit_scene(ids[20], title="Edited")
    assert (await reader.read()).keys() == keys([ids[20]])


@pytest.mark.parametrize("version", ["0.24.0", "0.26.2", "0.27.0", "0.30.1", "0.31.0"])
@pytest.mark.parametrize("restart", [False, True])
async def test_a_rename_reaches_the_scenes(
    version: str,
    restart: bool,
    stash: StashSimulator,
    core: StashCore,
    clock: Clock,
    make_source: MakeSource,
) -> None:
    """Performers, studios, tags and groups are renamed without a word to their scenes."""
    stash.set_version(version)
    with core.store.transaction():
        bare = _add(core, 3)
        full = _add(
            core, 3, performers=["Ann"], studio="Pathe", tags=["Silent"], groups=["Set"]
        )
        # Scenes that have one, and neither of the others.
        lone = {
            Kind.PERFORMER: _add(core, performers=["Ann", "Bob"]),
            Kind.STUDIO: _add(core, studio="Pathe"),
            Kind.TAG: _add(core, tags=["Silent", "Short"]),
            Kind.GROUP: _add(core, groups=["Set"]),
        }
    clock.tick(86400)
    reader = Reader(make_source())
    await reader.read()
    await _settle(reader)
    for kind, name, field in (
        (Kind.PERFORMER, "Ann", "actors"),
        (Kind.STUDIO, "Pathe", "studio"),
        (Kind.TAG, "Silent", "genres"),
        (Kind.GROUP, "Set", "collections"),
    ):
        clock.tick(3 * 3600)
        core.edit_object(kind, name, name=f"New {name}")
        if restart:
            reader = Reader(make_source(), reader.cursor)
        found = await reader.read()
        assert found.keys() == keys(full + lone[kind])
        assert f"New {name}" in str(found[f"scene:{full[0]}"].fields[field])
        assert not found.keys() & keys(bare)
        stash.journal.clear()
        await _settle(reader)
        assert len(stash.journal) == 1


async def test_a_rename_within_the_second_it_was_read_in(
    core: StashCore, source: StashSource
) -> None:
    """Names are compared, not only times."""
    (scene_id,) = _add(core, tags=["One"])
    reader = Reader(source)
    await reader.read()
    await _settle(reader)
    core.rename_tag("One", "Two")
    found = await reader.read()
    assert found[f"scene:{scene_id}"].fields["genres"] == ("Two",)


async def test_merged_tags_reach_the_scenes_with_a_sweep(
    core: StashCore, clock: Clock, source: StashSource
) -> None:
    """A merge gives the scenes another tag, and moves nobody's time: no poll sees it."""
    (scene_id,) = _add(core, tags=["One"])
    _add(core, tags=["Two"])
    reader = Reader(source)
    await reader.read()
    await _settle(reader)
    clock.tick()
    core.merge_tags(["One"], "Two")
    assert await reader.read() == {}
    found = await Reader(source).read()
    assert found[f"scene:{scene_id}"].fields["genres"] == ("Two",)


async def test_an_edit_of_a_scene_that_this_poll_has_read_already(
    core: StashCore, clock: Clock, source: StashSource
) -> None:
    """The poll reads it once more for another rename: what changed meanwhile is sent."""
    ids = _add(core, 3, studio="House", tags=["Tag"])
    reader = Reader(source)
    await reader.read()
    clock.tick()
    await _settle(reader)
    clock.tick(600)
    core.rename_studio("House", "Manor")
    core.rename_tag("Tag", "Mark")
    sent = []
    async for batch in source.changes(reader.cursor):
        reader.cursor = batch.cursor
        sent += batch.records
        if len(sent) == len(ids):
            clock.tick()
            core.edit_scene(ids[0], title="New")
    assert [record.key for record in sent[len(ids) :]] == [f"scene:{ids[0]}"]
    assert sent[-1].fields["title"] == "New"
    clock.tick()
    assert not await reader.read()


async def test_a_cut_cascade_starts_over(
    core: StashCore, clock: Clock, make_source: MakeSource
) -> None:
    """A crash among a renamed tag's scenes loses none of them."""
    ids = _add(core, 1100, tags=["Everywhere"])
    reader = Reader(make_source())
    await reader.read()
    await _settle(reader)
    clock.tick(86400)
    core.rename_tag("Everywhere", "All over")
    core.edit_scene(ids[0], title="Edited as well")
    begun = await reader.read(2)
    assert begun
    rest = await Reader(make_source(), reader.cursor).read()
    assert begun.keys() | rest.keys() == keys(ids)
    again = await Reader(reader.source, reader.cursor).read()
    assert begun.keys() | again.keys() == keys(ids)


@pytest.mark.parametrize("restart", [False, True])
async def test_more_renames_than_a_listing_shows(
    restart: bool, core: StashCore, clock: Clock, make_source: MakeSource
) -> None:
    """Thousands of tags that change at once reach all their scenes."""
    names = [f"Tag {number}" for number in range(1300)]
    ids = [
        _add(core, tags=names[start : start + 100])[0] for start in range(0, 1300, 100)
    ]
    _add(core)
    clock.tick(7 * 86400)
    reader = Reader(make_source())
    await reader.read()
    await _settle(reader)
    clock.tick(3600)
    with core.store.transaction():
        for number, name in enumerate(names):
            clock.tick(number % 2)
            core.rename_tag(name, f"New {name}")
    if restart:
        reader = Reader(make_source(), reader.cursor)
    assert (await reader.read()).keys() == keys(ids)
    await _settle(reader)


async def test_only_wanted_kinds_are_followed(
    stash: StashSimulator, core: StashCore, clock: Clock, make_source: MakeSource
) -> None:
    """Who does not take tags over does not ask for them."""
    options = StashOptions(fields=frozenset({"title", "actors"}))
    _add(core, tags=["One"])
    reader = Reader(make_source(options=options))
    await reader.read()
    stash.journal.clear()
    await reader.read()
    (entry,) = stash.journal
    assert {each for each in entry.fields if each.startswith("find")} == {
        "findScenes",
        "findPerformers",
        "findJob",
    }
    # Enabled later, tags are followed from then on.
    reader = Reader(make_source(), reader.cursor)
    await _settle(reader)
    clock.tick()
    core.rename_tag("One", "Two")
    assert len(await reader.read()) == 1


async def test_deleted_scenes_are_no_news(
    stash: StashSimulator, core: StashCore, clock: Clock, source: StashSource
) -> None:
    """What is gone is the sweep's matter; the poll comes to rest."""
    ids = _add(core, 3)
    reader = Reader(source)
    await reader.read()
    await _settle(reader)
    core.delete_scene(ids[2])
    assert not await reader.read()
    assert all(not batch.withheld for batch in reader.batches)
    await _settle(reader)


async def test_from_now_on(
    stash: StashSimulator, core: StashCore, clock: Clock, source: StashSource
) -> None:
    """The cursor of this moment gives only what comes after it."""
    _add(core, 3)
    clock.tick(86400)
    (last,) = _add(core)
    stash.journal.clear()
    cursor = await source.latest()
    assert stash.journal.count("Changed") == 1
    clock.tick(100)
    reader = Reader(source, cursor)
    # The last second is looked at once more; it may not have been over.
    assert (await reader.read()).keys() <= keys([last])
    clock.tick()
    (new,) = _add(core)
    assert (await reader.read()).keys() == keys([new])


async def test_from_now_on_what_was_changed_together_long_ago_stays(
    core: StashCore, clock: Clock, source: StashSource
) -> None:
    """A bulk edit gave many scenes one time; the last look at them was that of nobody."""
    _add(core, 20)
    clock.tick(3600)
    reader = Reader(source, await source.latest())
    assert not await reader.read()
    clock.tick(5)
    (new,) = _add(core)
    assert (await reader.read()).keys() == keys([new])


async def test_from_now_on_in_an_empty_stash(
    core: StashCore, clock: Clock, source: StashSource
) -> None:
    """The first scene ever is found."""
    reader = Reader(source, await source.latest())
    assert not await reader.read()
    assert not reader.batches
    ids = _add(core, 2, tags=["One"])
    assert (await reader.read()).keys() == keys(ids)


async def test_empty_stash(core: StashCore, source: StashSource) -> None:
    """Nothing to read is one batch with a cursor, and rest."""
    reader = Reader(source)
    assert not await reader.read()
    assert len(reader.batches) == 1
    assert not await reader.read()
    assert not reader.batches


@pytest.mark.parametrize("cursor", ["", "x", '{"v":99}', "null"])
async def test_a_damaged_cursor_starts_over(
    cursor: str, core: StashCore, source: StashSource
) -> None:
    """Too much is read rather than too little."""
    ids = _add(core, 3)
    assert (await Reader(source, cursor).read()).keys() == keys(ids)


async def test_skipped_scenes_are_counted(
    core: StashCore, clock: Clock, make_source: MakeSource
) -> None:
    """Scenes that are not sent hold nothing up, and have a reason."""
    good = _add(core, organized=True)
    _add(core, 2)
    core.add_scene("/elsewhere/a.mkv", organized=True)
    core.add_scene(None, title="No file", organized=True)
    source = make_source(options=StashOptions(organized_only=True))
    assert (await Reader(source).read()).keys() == keys(good)
    assert source.skipped == {"not_organized": 2, "not_mapped": 1, "no_file": 1}


async def test_another_version_behind_the_same_address(
    stash: StashSimulator, core: StashCore, clock: Clock, source: StashSource
) -> None:
    """A query that no longer fits is a fault once; then the new version is learned."""
    ids = _add(core, groups=["Set"])
    reader = Reader(source)
    await reader.read()
    stash.set_version("0.24.0")
    clock.tick()
    core.edit_scene(ids[0], title="Edited")
    with pytest.raises(Fault) as caught:
        await reader.read()
    assert caught.value.reason == "schema"
    assert caught.value.permanent
    found = await reader.read()
    assert found[f"scene:{ids[0]}"].fields["collections"] == ("Set",)
    # And forward again, as an update goes.
    stash.set_version("0.31.0")
    clock.tick()
    core.rename_group("Set", "Series")
    found = await reader.read()
    assert found[f"scene:{ids[0]}"].fields["collections"] == ("Series",)


async def test_a_fault_in_the_middle_loses_nothing(
    stash: StashSimulator, core: StashCore, clock: Clock, make_source: MakeSource
) -> None:
    """Pages that fail are asked for again, from the last cursor."""
    ids = _add(core, 1300)
    reader = Reader(make_source())
    found = await reader.read(1)
    for fault in (
        stash.faults.reset,
        stash.faults.truncate,
        stash.faults.garbage,
        stash.faults.html200,
    ):
        fault(times=1, match="Scenes")
        with pytest.raises(Fault):
            await reader.read()
    assert len(found) == PAGE
    found |= await reader.read()
    assert found.keys() == keys(ids)
    clock.tick()
    core.edit_scene(ids[0], title="Edited")
    stash.faults.reset(times=1, match="Scenes")
    with pytest.raises(Fault):
        await reader.read()
    assert f"scene:{ids[0]}" in await reader.read()


async def test_a_fault_makes_no_look_less_exact(
    stash: StashSimulator, core: StashCore, clock: Clock, source: StashSource
) -> None:
    """What was written while the clock was hours slow is found by the retry, too."""
    ids = _add(core, 3)
    reader = Reader(source)
    await reader.read()
    clock.tick(86400)
    core.edit_scene(ids[0], title="In time")
    await reader.read()
    await _settle(reader)
    clock.tick(60)
    clock.tick(-5 * 3600)
    core.edit_scene(ids[1], title="Five hours slow")
    stash.faults.reset(times=2, match="Reread")
    for _ in range(2):
        with pytest.raises(Fault):
            await reader.read()
    assert f"scene:{ids[1]}" in await reader.read()


@pytest.mark.parametrize("version", ["0.24.0", "0.31.0"])
async def test_disambiguation_as_role(
    version: str,
    stash: StashSimulator,
    core: StashCore,
    clock: Clock,
    make_source: MakeSource,
) -> None:
    """Where it is shown, a change of it reaches the scenes like a rename."""
    stash.set_version(version)
    _add(core, performers=["Ann"])
    options = StashOptions(role="disambiguation")
    reader = Reader(make_source(options=options))
    (record,) = (await reader.read()).values()
    assert record.fields["actors"] == (Actor("Ann"),)
    await _settle(reader)
    core.edit_object(Kind.PERFORMER, "Ann", disambiguation="the elder")
    (record,) = (await reader.read()).values()
    assert record.fields["actors"] == (Actor("Ann", "the elder"),)


@pytest.mark.parametrize("version", ["0.24.0", "0.27.2", "0.31.0"])
@pytest.mark.parametrize("restart", [False, True])
async def test_what_options_need_of_relatives_is_followed(
    version: str,
    restart: bool,
    stash: StashSimulator,
    core: StashCore,
    clock: Clock,
    make_source: MakeSource,
) -> None:
    """Parents of tags and studios, aliases and genders: their changes reach the scenes."""
    stash.set_version(version)
    options = StashOptions(
        tag_parents=True, network_collection=True, role="alias", gender="female"
    )
    with core.store.transaction():
        _add(core, 2, performers=["Cy"], studio="Lone", tags=["Other"])
        (scene_id,) = _add(
            core, performers=["Ann", "Bob"], studio="Pathe", tags=["Silent"]
        )
        for kind, name in ((Kind.TAG, "Kind"), (Kind.STUDIO, "Network")):
            core.ensure(kind, name)
        core.set_tag_parents("Silent", [core.object_id(Kind.TAG, "Kind")])
        core.edit_object(
            Kind.STUDIO, "Pathe", parent_id=core.object_id(Kind.STUDIO, "Network")
        )
    reader = Reader(make_source(options=options))
    fields = (await reader.read())[f"scene:{scene_id}"].fields
    assert fields["genres"] == ("Silent", "Kind")
    assert fields["collections"] == ("Network",)
    assert fields["actors"] == (Actor("Ann"), Actor("Bob"))
    await _settle(reader)

    async def seen(field: str) -> object:
        """Give a field of the scene, which alone the next poll has to bring."""
        nonlocal reader
        if restart:
            reader = Reader(make_source(options=options), reader.cursor)
        found = await reader.read()
        assert restart or found.keys() == keys([scene_id])
        await _settle(reader)
        return found[f"scene:{scene_id}"].fields[field]

    clock.tick(3 * 3600)
    core.rename_tag("Kind", "Genre")
    assert await seen("genres") == ("Silent", "Genre")
    clock.tick(3 * 3600)
    core.set_tag_parents("Silent", [])
    assert await seen("genres") == ("Silent",)
    clock.tick(3 * 3600)
    core.rename_studio("Network", "House")
    assert await seen("collections") == ("House",)
    clock.tick(3 * 3600)
    core.edit_object(Kind.STUDIO, "Pathe", parent_id=None)
    assert await seen("collections") is None
    clock.tick(3 * 3600)
    core.edit_object(Kind.PERFORMER, "Bob", aliases=["Bobby", "Rob"])
    assert await seen("actors") == (Actor("Ann"), Actor("Bob", "Bobby"))
    clock.tick(3 * 3600)
    core.edit_object(Kind.PERFORMER, "Bob", gender="FEMALE")
    assert await seen("actors") == (Actor("Bob", "Bobby"), Actor("Ann"))


async def test_a_relative_within_the_second_it_was_read_in(
    core: StashCore, make_source: MakeSource
) -> None:
    """What options need is compared as names are, not by time alone."""
    options = StashOptions(tag_parents=True, role="alias")
    (scene_id,) = _add(core, tags=["Silent"], performers=["Ann"])
    parent = core.ensure(Kind.TAG, "Kind")
    reader = Reader(make_source(options=options))
    await reader.read()
    await _settle(reader)
    core.set_tag_parents("Silent", [parent])
    found = await reader.read()
    assert found[f"scene:{scene_id}"].fields["genres"] == ("Silent", "Kind")
    await _settle(reader)
    core.edit_object(Kind.PERFORMER, "Ann", aliases=["Annie"])
    found = await reader.read()
    assert found[f"scene:{scene_id}"].fields["actors"] == (Actor("Ann", "Annie"),)


async def test_a_filter_follows_names(
    core: StashCore, clock: Clock, make_source: MakeSource
) -> None:
    """A scene comes in once its tag or studio is renamed; one that goes is skipped."""
    options = StashOptions(
        fields=frozenset({"title"}), with_tags=("Good",), without_studios=("Bad",)
    )
    (scene_id,) = _add(core, tags=["Bud"], studio="Bed")
    source = make_source(options=options)
    reader = Reader(source)
    assert not await reader.read()
    assert source.skipped == {"filtered": 1}
    await _settle(reader)
    clock.tick(86400)
    core.rename_tag("Bud", "Good")
    assert (await reader.read()).keys() == keys([scene_id])
    await _settle(reader)
    clock.tick(86400)
    core.rename_studio("Bed", "Bad")
    assert not await reader.read()
    assert await source.fresh([f"scene:{scene_id}"]) == {
        f"scene:{scene_id}": "filtered"
    }


async def test_pages_shrink_for_a_slow_stash(
    stash: StashSimulator, core: StashCore, make_source: MakeSource
) -> None:
    """A page that takes too long is asked for in smaller pieces."""
    ids = _add(core, 600)
    source = make_source(deadline=0.5)
    await source.connect()
    stash.faults.blackhole(times=1, match="Scenes")
    reader = Reader(source)
    with pytest.raises(Fault):
        await reader.read()
    found = await reader.read()
    assert found.keys() == keys(ids)
    sizes = [
        entry.variables["page"]["per_page"] for entry in stash.journal.find("Scenes")
    ]
    assert sizes[:2] == [PAGE, PAGE // 2]
    assert sizes[2] > PAGE // 2
