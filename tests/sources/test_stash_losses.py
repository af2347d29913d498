"""What is gone moves no time: a look that reaches far counts."""

import pytest

from custom_components.plexsync.sources.stash.losses import StashLosses
from custom_components.plexsync.sources.stash.stash import StashSource
from tests.simulators.stash import Kind, StashCore, StashSimulator

from .conftest import Clock, Reader


async def settled(source: StashSource) -> Reader:
    """Read everything, and look around once."""
    reader = Reader(source)
    await reader.read()
    source.look_far()
    await reader.read()
    source.losses()
    return reader


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        (Kind.TAG, "tags"),
        (Kind.PERFORMER, "performers"),
        (Kind.STUDIO, "studios"),
        (Kind.GROUP, "groups"),
    ],
)
async def test_an_object_that_was_destroyed(
    core: StashCore, source: StashSource, kind: Kind, name: str
) -> None:
    """Its scenes keep their time, and say less: a comparison has to bring it."""
    core.add_scene(
        "/data/a.mkv", tags=["One"], performers=["One"], studio="One", groups=["One"]
    )
    reader = await settled(source)
    core.delete_object(kind, "One")
    source.look_far()
    assert await reader.read() == {}
    assert source.losses() == {name}
    assert source.losses() == set()
    source.look_far()
    await reader.read()
    assert source.losses() == set()


async def test_tags_that_were_merged(core: StashCore, source: StashSource) -> None:
    """No time moves at all."""
    core.add_scene("/data/a.mkv", tags=["One", "Two"])
    reader = await settled(source)
    core.merge_tags(["One"], "Two")
    source.look_far()
    assert await reader.read() == {}
    assert source.losses() == {"tags"}


async def test_a_scene_that_was_deleted(
    stash: StashSimulator, core: StashCore, clock: Clock, source: StashSource
) -> None:
    """A near look asks for no numbers; the next far one sees it, and costs no more requests."""
    scenes = [core.add_scene(f"/data/{number}.mkv") for number in range(3)]
    clock.tick()
    core.edit_scene(scenes[2], title="The newest")
    reader = await settled(source)
    core.delete_scene(scenes[0])
    stash.journal.clear()
    await reader.read()
    assert source.losses() == set()
    source.look_far()
    await reader.read()
    assert source.losses() == {"records"}
    assert stash.journal.count("/graphql") == 2


async def test_a_database_that_was_restored(
    core: StashCore, clock: Clock, source: StashSource
) -> None:
    """There are as many, but the newest is older than the newest was."""
    scene = core.add_scene("/data/a.mkv", title="Old")
    copy = core.store.connection.serialize()
    clock.tick(3600)
    core.edit_scene(scene, title="New")
    reader = await settled(source)
    core.store.connection.deserialize(copy)
    source.look_far()
    await reader.read()
    assert source.losses() == {"back"}


def test_the_first_look_only_counts() -> None:
    """Nobody knows what there was before."""
    losses = StashLosses()
    losses.see({"scenes": 3, "tags": 0}, "2024")
    losses.see({"scenes": 4}, "2025")  # tags could not be listed
    assert losses.lost == set()
    losses.see({"scenes": 3, "tags": 0}, "2025")
    assert losses.lost == {"scenes"}
