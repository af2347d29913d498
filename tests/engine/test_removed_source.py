"""A source is removed: what it wrote stays, can be undone, and can be taken over."""

from dataclasses import replace

import pytest

from custom_components.plexsync.engine.record import Find, Record
from tests.rig import Rig

pytestmark = pytest.mark.usefixtures("tag_mode")


def record(rig: Rig, source: str, *genres: str, title: str = "Ours") -> Record:
    """Say something of the first film."""
    fields = {"title": title, "genres": genres or None}
    find = Find((rig.path(1),))
    return Record(source, "scene:1", find, fields, mirror=True)


async def sync(rig: Rig, rec: Record) -> set[str]:
    """Bring the film into line; give its genres."""
    await rig.submit([rec])
    await rig.drained()
    return genres(rig)


def genres(rig: Rig) -> set[str]:
    """Give the film's genres."""
    return set(rig.item(1).tag_names("genre"))


async def test_what_was_taken_over_leaves_with_its_new_source(rig: Rig) -> None:
    """And what was not stays; an undo brings back what stood there before both."""
    film = rig.item(1)
    before, found = film.title, genres(rig)
    await sync(rig, record(rig, "first", "Kept", "Left"))
    await rig.engine.remove_source("first")
    assert genres(rig) == found | {"Kept", "Left"}

    edits = rig.edits()
    same = record(rig, "second", "Kept")
    assert await sync(rig, same) == found | {"Kept", "Left"}
    assert rig.edits() == edits  # it stands there: owned from now on, not written
    dropped = record(rig, "second", "New")
    assert await sync(rig, dropped) == found | {"New", "Left"}
    assert await sync(rig, replace(dropped, fields={"genres": None})) == (
        found | {"Left"}
    )
    _, restored, kept = await rig.engine.undoing.undo(Find((rig.path(1),)))
    assert (restored, kept) == (["genres", "title"], {})
    assert (film.title, genres(rig)) == (before, found)


async def test_what_a_removed_source_wrote_can_be_undone(rig: Rig) -> None:
    """Each time that it was removed, under whatever name it came."""
    film = rig.item(1)
    before, found = film.title, genres(rig)
    for number in range(3):
        await sync(rig, record(rig, "same", f"G{number}", title=f"Title {number}"))
        await rig.engine.remove_source("same")
    assert genres(rig) == found | {"G0", "G1", "G2"}
    assert film.title == "Title 2"
    await rig.engine.undoing.undo(Find((rig.path(1),)))
    assert (film.title, genres(rig)) == (before, found)
