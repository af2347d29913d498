"""Collections that people made: we put items into them, and never empty them."""

from collections.abc import Sequence

import pytest

from custom_components.plexsync.engine.model.record import Find
from tests.rig import Rig


def of(rig: Rig, number: int) -> list[str]:
    """Name the collections of an item."""
    return sorted(rig.item(number).tag_names("collection"))


def put(rig: Rig, number: int, *names: str) -> None:
    """Let a person put an item into just these collections."""
    rig.plex.core.edit_by_person(rig.item(number).rating_key, collections=names)


async def say(rig: Rig, tag: str, names: Sequence[str] | None) -> None:
    """Say of the first item which collections it is in."""
    await rig.submit(rig.records(1, tag, collections=names and tuple(names)))
    await rig.drained()


@pytest.mark.usefixtures("tag_mode")
@pytest.mark.parametrize("how", ["the source drops it", "an undo"])
async def test_what_was_spared_is_still_ours(rig: Rig, how: str) -> None:
    """Once the collection has another member again, ours leaves it."""
    put(rig, 2, "Theirs")
    await say(rig, "One", ["Theirs", "Ours"])
    put(rig, 2)
    await say(rig, "Two", ["New"])
    assert of(rig, 1) == ["New", "Theirs"]
    put(rig, 3, "Theirs")
    if how == "an undo":
        await rig.engine.undoing.undo(Find((rig.path(1),)))
        assert of(rig, 1) == []
        assert "collection" not in rig.item(1).locks
    else:
        await say(rig, "Three", ["New"])
        assert of(rig, 1) == ["New"]


@pytest.mark.usefixtures("tag_mode")
async def test_an_undo_leaves_the_last_member_of_what_a_person_made(rig: Rig) -> None:
    """All others leave, and the answer says why this one stays."""
    put(rig, 2, "Theirs")
    await say(rig, "One", ["Theirs", "Ours"])
    put(rig, 2)
    _, restored, kept = await rig.engine.undoing.undo(Find((rig.path(1),)))
    assert of(rig, 1) == ["Theirs"]
    assert kept == {"collections": "last_member"}
    assert "title" in restored
