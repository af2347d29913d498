"""A source is removed: what it wrote stays, can be undone, and can be taken over."""

from dataclasses import replace
import json

import pytest

from custom_components.plexsync.engine.ledger.ledger_sources import SOURCES
from custom_components.plexsync.engine.model.record import Find, Image, Record
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


@pytest.mark.parametrize("name", ["again", "same"])
async def test_a_source_that_is_added_again_is_the_same_source(
    rig: Rig, name: str
) -> None:
    """It takes back what it wrote before, and sends no picture a second time."""
    engine, film = rig.engine, rig.item(1)
    found, studio = genres(rig), film.values.get("studio")
    poster = {"poster": Image("/p", "a")}
    rec = record(rig, "same", "G")
    rec = replace(rec, fields=rec.fields | {"studio": "S"} | poster)
    await engine.notes.keep(SOURCES, '["same"]')
    await engine.recognise("same", "address")
    await sync(rig, rec)
    await engine.notes.keep(SOURCES, "[]")
    await engine.remove_source("same")
    await engine.notes.keep(SOURCES, json.dumps([name]))
    await engine.recognise(name, "address")
    uploads = rig.plex.journal.count(method="POST")
    # While it was gone its tags and its studio were emptied.
    empty = dict.fromkeys(("genres", "studio")) | poster | {"title": "Ours"}
    assert await sync(rig, replace(rec, source=name, fields=empty)) == found
    assert "studio" not in film.values
    assert rig.plex.journal.count(method="POST") == uploads
    await engine.undoing.undo(Find((rig.path(1),)))
    assert film.values.get("studio") == studio


async def test_another_address_is_another_source(rig: Rig) -> None:
    """It owns nothing of what one that was removed had written."""
    await rig.engine.recognise("first", "one")
    await sync(rig, record(rig, "first", "G"))
    await rig.engine.remove_source("first")
    await rig.engine.recognise("second", "two")
    assert "G" in await sync(rig, record(rig, "second"))
