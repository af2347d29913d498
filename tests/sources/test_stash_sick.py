"""One scene that Stash cannot read stops nothing but itself."""

import json

import pytest

from custom_components.plexsync.engine.model.faults import Fault, FaultClass
from custom_components.plexsync.engine.model.record import Record
from custom_components.plexsync.sources.stash.sick import Sick
from custom_components.plexsync.sources.stash.stash import StashSource
from tests.simulators.stash import Kind, StashCore, StashSimulator

from .conftest import Clock, MakeSource, Reader, keys

# A row that spoils lists, a field that must not be null, one that may be.
HOW = pytest.mark.parametrize("how", ["row", "files", "studio"])


def _add(core: StashCore, count: int, **fields: str) -> list[int]:
    with core.store.transaction():
        start = core.store.number("SELECT coalesce(max(id), 0) FROM scenes")
        return [
            core.add_scene(f"/data/{number}.mkv", title=f"Scene {number}", **fields)
            for number in range(start + 1, start + 1 + count)
        ]


@HOW
async def test_the_first_reading_passes_it(
    how: str, stash: StashSimulator, core: StashCore, source: StashSource
) -> None:
    """Every other scene comes, in few requests; the next reading asks for it alone."""
    ids = _add(core, 700)
    sick = {ids[0], ids[333], ids[334], ids[699]}
    core.sick = dict.fromkeys(sick, how)
    reader = Reader(source)
    assert (await reader.read()).keys() == keys(set(ids) - sick)
    assert source.unreadable == 4
    # Each costs some twenty questions: nine halves, and as many counts to name it.
    assert len(stash.journal) < 80
    stash.journal.clear()
    assert (await Reader(source).read()).keys() == keys(set(ids) - sick)
    assert stash.journal.count("Scenes") == 3
    # The four are asked for together, in halves, and each alone.
    assert stash.journal.count("Reread") <= 7
    assert len(stash.journal) < 14


@pytest.mark.parametrize("how", ["files", "studio"])
async def test_those_that_are_read_together_with_it_are_not_blamed(
    how: str,
    stash: StashSimulator,
    core: StashCore,
    clock: Clock,
    source: StashSource,
) -> None:
    """Stash reads what scenes refer to for many at once: one fault shows at each of them."""
    ids = _add(core, 60, studio="House")
    well = keys({*ids} - {ids[7]})
    core.sick = {ids[7]: how}
    reader = Reader(source)
    assert (await reader.read()).keys() == well
    assert source.unreadable == 1
    clock.tick(600)
    for scene in ids:
        core.edit_scene(scene, title="New")
    stash.journal.clear()
    assert (await reader.read()).keys() == well
    assert len(stash.journal) < 30
    assert source.unreadable == 1
    found = await source.fresh([f"scene:{scene}" for scene in ids])
    assert {key for key, record in found.items() if isinstance(record, Record)} == well
    assert source.unreadable == 1


async def test_many_sick_ones_are_not_asked_for_all_at_once() -> None:
    """A look at a hundred of them asks for some; the next ones for the others."""
    sick = Sick()
    names = [str(number) for number in range(100)]
    sick.known(names)
    asked: list[str] = []
    for _ in range(4):
        due = sick.due()
        assert len(due) == 25
        for name in due:
            sick.found(name)
        asked += due
    assert sorted(asked) == sorted(names)


@HOW
async def test_a_poll_passes_it_and_moves_on(
    how: str,
    stash: StashSimulator,
    core: StashCore,
    clock: Clock,
    source: StashSource,
    make_source: MakeSource,
) -> None:
    """What changed with it arrives; what is mended arrives too, after a restart as well."""
    ids = _add(core, 20)
    reader = Reader(source)
    await reader.read()
    clock.tick(600)
    core.sick = {ids[3]: how}
    for scene in ids[:6]:
        core.edit_scene(scene, title="New")
    found = await reader.read()
    assert found.keys() >= keys(set(ids[:6]) - {ids[3]})
    assert f"scene:{ids[3]}" not in found
    assert source.unreadable == 1

    clock.tick(600)
    core.edit_scene(ids[9], title="Later")
    assert f"scene:{ids[9]}" in await reader.read()
    clock.tick(3600)
    await reader.read()
    await reader.read()
    assert not reader.batches

    # The cursor remembers it for a process that has seen nothing.
    restarted = Reader(make_source(), reader.cursor)
    await restarted.read()
    assert restarted.source.unreadable == 1
    core.sick = {}
    restarted = Reader(make_source(), reader.cursor)
    found = await restarted.read()
    assert found[f"scene:{ids[3]}"].fields["title"] == "New"
    assert restarted.source.unreadable == 0
    assert "sick" not in json.loads(restarted.cursor or "")


@HOW
async def test_one_that_was_changed_is_looked_at_soon(
    how: str, core: StashCore, clock: Clock, source: StashSource
) -> None:
    """Whoever mends it in Stash does not wait for a look that is long put off."""
    ids = _add(core, 5)
    core.sick = {ids[1]: how}
    reader = Reader(source)
    await reader.read()
    clock.tick(600)
    core.sick = {}
    core.edit_scene(ids[1], title="Mended")
    found = {}
    for _ in range(3):
        found |= await reader.read()
    if how == "row":
        # No list shows it: it comes when its time has.
        assert source.unreadable == 1
    else:
        assert found[f"scene:{ids[1]}"].fields["title"] == "Mended"


@HOW
async def test_who_asks_in_vain_does_not_take_it_away_from_the_poll(
    how: str, core: StashCore, source: StashSource
) -> None:
    """A reading of everything that meets a mended scene leaves it to the poll as well."""
    ids = _add(core, 5)
    core.sick = {ids[1]: how}
    reader = Reader(source)
    await reader.read()
    core.sick = {}
    assert f"scene:{ids[1]}" in await Reader(source).read()
    assert source.unreadable == 1


@HOW
async def test_single_records(
    how: str, stash: StashSimulator, core: StashCore, source: StashSource
) -> None:
    """It is left out, and is not taken for one that is gone."""
    ids = _add(core, 60)
    core.delete_scene(ids[5])
    core.sick = {ids[2]: how}
    await source.connect()
    stash.journal.clear()
    found = await source.fresh([f"scene:{each}" for each in ids])
    assert found.keys() == keys(set(ids) - {ids[2]})
    assert found[f"scene:{ids[5]}"] == "gone"
    assert sum(isinstance(each, Record) for each in found.values()) == 58
    assert source.unreadable == 1
    assert len(stash.journal) <= 2 + 2 * 6  # fifty of them are halved six times


@HOW
async def test_a_path(how: str, core: StashCore, source: StashSource) -> None:
    """Others are found; of its own files it is said that they cannot be read."""
    ids = _add(core, 3)
    core.sick = {ids[0]: how}
    record = await source.find("/plex/3.mkv")
    assert record is not None
    for _ in range(2):
        with pytest.raises(Fault) as caught:
            await source.find("/plex/1.mkv")
        assert (caught.value.kind, caught.value.reason) == (FaultClass.SOURCE, "error")
    assert await source.find("/plex/none.mkv") is None


async def test_a_sweep_names_it(core: StashCore, source: StashSource) -> None:
    """A scene that no list can show is not one that was deleted."""
    ids = _add(core, 30)
    core.sick = {ids[4]: "row", ids[8]: "files"}
    rows = [row async for page in source.listing() for row in page]
    assert set(rows) == keys(ids)
    assert await source.count() == 30


@pytest.mark.parametrize("seen_by", ["poll", "listing"])
async def test_one_that_no_list_could_show_is_followed_once_it_is_mended(
    seen_by: str, core: StashCore, clock: Clock, source: StashSource
) -> None:
    """Its next edit arrives, and it can be gone."""
    ids = _add(core, 5)
    reader = Reader(source)
    await reader.read()
    clock.tick(600)
    core.sick = {ids[2]: "row"}
    if seen_by == "poll":
        core.edit_scene(ids[2], title="Broken")
        await reader.read()
    rows = [row async for page in source.listing() for row in page]
    assert set(rows) == keys(ids)
    assert source.unreadable == 1
    core.sick = {}
    source._reader.sick.hurry(str(ids[2]))  # noqa: SLF001  # else it waits by the loop's clock
    assert f"scene:{ids[2]}" in await reader.read()
    assert source.unreadable == 0
    clock.tick(60)
    await reader.read()
    clock.tick(60)
    core.edit_scene(ids[2], title="New")
    found = await reader.read()
    assert found[f"scene:{ids[2]}"].fields["title"] == "New"
    core.delete_scene(ids[2])
    rows = [row async for page in source.listing() for row in page]
    assert set(rows) == keys(ids) - keys([ids[2]])


async def test_a_stash_that_answers_to_nothing_has_no_sick_scenes(
    stash: StashSimulator, core: StashCore, make_source: MakeSource
) -> None:
    """It is the source's fault then, found out in few requests; nothing is skipped."""
    ids = _add(core, 60)
    for how in ("row", "files", "studio"):
        source = make_source()
        await source.connect()
        core.sick = dict.fromkeys(ids, how)
        stash.journal.clear()
        with pytest.raises(Fault) as caught:
            await Reader(source).read()
        assert (caught.value.kind, caught.value.reason) == (FaultClass.SOURCE, "error")
        assert len(stash.journal) < 20
        assert source.unreadable == 0
        core.sick = {}
        assert (await Reader(source).read()).keys() == keys(ids)


async def test_many_sick_ones_in_a_row(
    stash: StashSimulator, core: StashCore, clock: Clock, source: StashSource
) -> None:
    """One person with a broken row spoils all their scenes, and no others."""
    ids = _add(core, 900)
    reader = Reader(source)
    await reader.read()
    clock.tick(600)
    core.sick = dict.fromkeys(ids[100:160], "performers")
    for scene in ids[100:160]:
        core.edit_scene(scene, title="New")
    stash.journal.clear()
    assert not keys(ids[100:160]) & (await reader.read()).keys()
    assert source.unreadable == 60
    assert len(stash.journal) < 60 * 6
    clock.tick(600)
    core.edit_scene(ids[500], title="New")
    assert f"scene:{ids[500]}" in await reader.read()


async def test_a_kind_that_cannot_be_listed(
    stash: StashSimulator, core: StashCore, clock: Clock, source: StashSource
) -> None:
    """Scenes still come while the list of tags is an error."""
    ids = _add(core, 5, studio="House")
    core.ensure(Kind.TAG, "Tag")
    reader = Reader(source)
    await reader.read()
    clock.tick(600)
    core.sick_kinds = {"tags"}
    core.edit_scene(ids[0], title="New")
    core.rename_studio("House", "Manor")
    found = await reader.read()
    assert found[f"scene:{ids[0]}"].fields["title"] == "New"
    assert found[f"scene:{ids[1]}"].fields["studio"] == "Manor"
    assert source.unreadable == 1
    clock.tick(600)
    stash.journal.clear()
    await reader.read()
    assert len(stash.journal) <= 2
