"""A ledger that came back from a backup, or is lost: the owner's answer, and what comes of it."""

import shutil
from typing import Any

import pytest

from custom_components.plexsync.engine.ledger import sources_lead
from custom_components.plexsync.engine.model.holds import Hold
from custom_components.plexsync.engine.model.record import Actor, Find, Image, Record
from tests.rig import PNG, Rig

from .test_whose import kept, record, say, state

pytestmark = pytest.mark.usefixtures("tag_mode")

OTHER = b"\xff\xd8\xff\xe0 another picture" + bytes(64)


async def back_up(rig: Rig) -> None:
    """Copy the database as Home Assistant does."""
    database, file = rig.engine.database, rig.folder / "engine.db"
    await database.freeze(rig.clock.wall())
    shutil.copy2(file, rig.folder / "backup.db")
    await database.thaw()


async def restore(rig: Rig) -> None:
    """Stop, put the copy in the place of the database, and start."""
    await rig.stop()
    shutil.copy2(rig.folder / "backup.db", rig.folder / "engine.db")
    await rig.start()
    assert rig.engine.circuit.holds == {Hold.LEDGER}


async def lose(rig: Rig) -> None:
    """Stop, take the database away, and start."""
    await rig.stop()
    (rig.folder / "engine.db").unlink()
    await rig.start()
    assert rig.engine.circuit.holds == {Hold.LEDGER}


async def answer(rig: Rig, *, lead: bool = True) -> None:
    """Answer the repair, and let what waits be done."""
    await rig.engine.ledger_identity.accept(lead=lead)
    await rig.drained()


async def sweep(rig: Rig, *records: Record, whole: bool = True) -> dict[str, int]:
    """Compare all that sources say."""

    async def pages() -> Any:
        yield list(records)

    counts = await rig.engine.sweep.run(pages(), everything=whole)
    await rig.drained()
    return counts


async def nothing() -> Any:
    """Give no record."""
    for page in ():
        yield page


async def stands(rig: Rig) -> bool:
    """Say whether the sources lead anything still."""
    return await rig.engine.database.run(sources_lead.stands)


async def undo(rig: Rig) -> None:
    """Undo the first film."""
    rig.engine.plex_notices.void(str(rig.item(1).rating_key))
    await rig.engine.undoing.undo(Find((rig.path(1),)))


def genres(rig: Rig) -> set[str]:
    """Give the genres of the first film."""
    return set(rig.item(1).tag_names("genre"))


def edit(rig: Rig, **values: Any) -> None:
    """Let a person edit and lock something of the first film."""
    rig.plex.core.edit_by_person(rig.item(1).rating_key, **values)


# -- the story -----------------------------------------------------------------------


@pytest.mark.parametrize("lead", [True, False])
async def test_what_was_written_after_the_backup_and_edited_again(
    rig: Rig, lead: bool
) -> None:
    """Stays as a person's, or follows the source; an undo gives back what stood there."""
    await say(rig, title="One")
    await back_up(rig)
    more = {"summary": "After.", "studio": "After", "actors": (Actor("Ann", "After"),)}
    await say(rig, title="Two", **more)
    stood = state(rig)
    await restore(rig)
    again = {"summary": "Again.", "studio": "Again", "actors": (Actor("Ann", "Again"),)}
    rec = record(rig, title="Three", **again)
    await rig.submit([rec])
    await answer(rig, lead=lead)
    if not lead:
        assert state(rig) == stood
        names = ("title", *again)
        assert await kept(rig, title="Three", **again) == dict.fromkeys(names, "locked")
        return
    assert rig.item(1).title == "Three"
    assert rig.item(1).values["summary"] == "Again."
    assert rig.item(1).values["studio"] == "Again"
    assert await kept(rig, title="Three", **again) == {}
    rig.plex.journal.clear()
    assert await sweep(rig, rec) == {"in_line": 1}
    assert rig.edits() == 0
    await undo(rig)
    assert state(rig) == stood


@pytest.mark.parametrize("lost", [True, False])
async def test_what_is_in_line_follows_its_source_from_then_on(
    rig: Rig, lost: bool
) -> None:
    """The sweep after the answer takes its locks for ours, and writes nothing."""
    fields = {"title": "Ours", "studio": "Ours", "genres": ("Ours",)}
    await back_up(rig)
    await say(rig, **fields)
    stood = state(rig)
    await (lose if lost else restore)(rig)
    await answer(rig)
    rig.plex.journal.clear()
    assert await sweep(rig, record(rig, **fields)) == {"in_line": 1}
    assert rig.edits() == 0
    assert not await stands(rig)
    await say(rig, title="New", studio="New", genres=("New",))
    assert (rig.item(1).title, rig.item(1).values["studio"]) == ("New", "New")
    assert "New" in genres(rig)
    await undo(rig)
    assert state(rig) == stood


async def test_a_lost_ledger_leads_over_every_lock(rig: Rig) -> None:
    """Of what a record says; where it has nothing, all stays as it is."""
    edit(rig, title="Mine", summary="Mine.", studio="Mine", genre=["Mine"])
    stood = state(rig)
    await lose(rig)
    rec = record(rig, title="Ours", summary=None, genres=("Ours",), actors=None)
    await rig.submit([rec])
    await answer(rig)
    assert rig.item(1).title == "Ours"
    assert rig.item(1).values["summary"] == "Mine."
    assert rig.item(1).values["studio"] == "Mine"
    assert genres(rig) == {"Mine", "Ours"}
    await undo(rig)
    assert state(rig) == stood


async def test_what_the_ledger_knows_as_ours_may_be_cleared(rig: Rig) -> None:
    """Its value is another one by now, which is given up, and undone."""
    await say(rig, studio="One", summary="One.")
    await back_up(rig)
    await say(rig, studio="Two", summary="Two.")
    stood = state(rig)
    await restore(rig)
    await rig.submit([record(rig, studio=None, summary="Two.")])
    await answer(rig)
    assert "studio" not in rig.item(1).values
    assert "studio" not in rig.item(1).locks
    await undo(rig)
    assert state(rig)["values"] == stood["values"]
    assert state(rig)["locks"] == stood["locks"]


async def test_members_of_a_list_after_a_restore(rig: Rig) -> None:
    """The source's are added, those of the older ledger go, all others stay."""
    theirs = genres(rig)
    await say(rig, genres=("A", "B", "C"))
    await back_up(rig)
    await say(rig, genres=("A", "D"))
    edit(rig, genre=[*genres(rig), "Mine"])
    await restore(rig)
    await rig.submit([record(rig, genres=("B", "E"))])
    await answer(rig)
    # What a person would have taken away under our lock, we did: it comes back.
    assert genres(rig) == theirs | {"B", "D", "E", "Mine"}
    await undo(rig)
    assert genres(rig) == theirs | {"D", "Mine"}


# -- pictures ------------------------------------------------------------------------


@pytest.mark.parametrize("same", [True, False])
async def test_a_picture_of_after_the_backup(rig: Rig, same: bool) -> None:
    """The same one is not uploaded again; another one is, and an undo takes it back."""
    rig.gallery.pictures |= {"/one": PNG, "/two": OTHER}
    rig.plex.core.add_picture(rig.item(1), "thumb", "metadata://posters/agent_1")
    await back_up(rig)
    await say(rig, poster=Image("/one", "a"))
    stood = rig.item(1).image_key("thumb")
    await restore(rig)
    rig.plex.journal.clear()
    image = Image("/one", "a") if same else Image("/two", "b")
    await rig.submit([record(rig, poster=image)])
    await answer(rig)
    assert rig.plex.journal.count(method="POST") == (not same)
    assert (rig.item(1).image_key("thumb") == stood) is same
    await undo(rig)
    assert rig.item(1).image_key("thumb") == stood
    assert "thumb" in rig.item(1).locks
    await say(rig, poster=Image("/two", "c"))
    assert rig.item(1).image_key("thumb") == stood


async def test_a_picture_that_a_person_chose_since_the_backup(rig: Rig) -> None:
    """An undo selects it again, although the list of pictures was not to be had at first."""
    rig.gallery.pictures |= {"/one": PNG, "/two": OTHER}
    await say(rig, poster=Image("/one", "a"))
    await back_up(rig)
    item, mine = rig.item(1), "upload://posters/mine"
    rig.plex.core.add_picture(item, "thumb", mine)
    rig.plex.core.catalog.select_image(item, "thumb", mine)
    await restore(rig)
    rig.plex.faults.add("status", code=500, method="GET", path="/posters", times=1)
    await rig.submit([record(rig, poster=Image("/two", "b"))])
    await answer(rig)
    assert item.image_key("thumb") != mine
    await undo(rig)
    assert item.image_key("thumb") == mine


# -- once ----------------------------------------------------------------------------


async def test_a_lock_of_after_the_comparison_is_a_persons(rig: Rig) -> None:
    """Whatever field it is, and although the answer still holds for others."""
    await lose(rig)
    await rig.submit([record(rig, title="Ours")])
    await answer(rig)
    await rig.restart()
    assert await stands(rig)
    edit(rig, title="Mine", studio="Mine")
    await say(rig, title="New", studio="New")
    assert (rig.item(1).title, rig.item(1).values["studio"]) == ("Mine", "Mine")


async def test_the_answer_survives_a_restart(rig: Rig) -> None:
    """And nothing but the answer lifts the hold."""
    edit(rig, title="Mine")
    await lose(rig)
    await rig.submit([record(rig, title="Ours")])
    await rig.restart()
    assert rig.engine.circuit.holds == {Hold.LEDGER}
    await rig.halt()
    await rig.engine.ledger_identity.accept(lead=True)
    await rig.restart()
    await rig.drained()
    assert rig.item(1).title == "Ours"


async def test_a_later_answer_takes_the_place_of_an_earlier_one(rig: Rig) -> None:
    """Which came back with the backup."""
    edit(rig, title="Mine")
    await lose(rig)
    await answer(rig)
    await back_up(rig)
    await restore(rig)
    await rig.submit([record(rig, title="Ours")])
    await answer(rig, lead=False)
    assert rig.item(1).title == "Mine"
    assert not await stands(rig)


async def test_an_item_is_compared_anew_after_another_answer(rig: Rig) -> None:
    """Though it was after the one before."""
    await lose(rig)
    await answer(rig)
    await say(rig, title="Ours")
    await back_up(rig)
    edit(rig, title="Mine")
    await restore(rig)
    await rig.submit([record(rig, title="Ours again")])
    await answer(rig)
    assert rig.item(1).title == "Ours again"


async def test_the_answer_ends_with_a_whole_comparison(rig: Rig) -> None:
    """What comes later is as ever; for the jobs that are left it goes on."""
    for number in (1, 2, 3):
        key = rig.item(number).rating_key
        rig.plex.core.edit_by_person(key, title=f"Mine {number}")
    one, two, three = rig.records(3, "Ours")
    await lose(rig)
    await answer(rig)
    await sweep(rig, one, whole=False)
    assert await stands(rig)
    await rig.halt()
    await rig.submit([two])

    async def pages() -> Any:
        yield [one, two]

    await rig.engine.sweep.run(pages(), everything=True)
    assert await stands(rig)
    await rig.submit([three])
    rig.work()
    await rig.drained()
    titles = [rig.item(number).title for number in (1, 2, 3)]
    assert titles == ["Ours 1", "Ours 2", "Mine 3"]
    assert not await stands(rig)


async def test_a_source_that_is_away_leaves_the_answer_standing(rig: Rig) -> None:
    """What it says was not compared."""
    await lose(rig)
    await answer(rig)
    await rig.engine.sweep.run(nothing(), everything=True, left_out=lambda: 1)
    assert await stands(rig)


async def test_an_item_that_cannot_be_read_is_compared_later(rig: Rig) -> None:
    """The answer goes on for its job alone."""
    edit(rig, title="Mine")
    key = rig.item(1).rating_key
    await lose(rig)
    await answer(rig)
    rig.plex.faults.add("status", code=500, method="read", rating_key=key)

    async def pages() -> Any:
        yield [record(rig, title="Ours")]

    await rig.engine.sweep.run(pages(), everything=True)
    assert await stands(rig)
    other = rig.item(2)
    rig.plex.core.edit_by_person(other.rating_key, title="Theirs")
    await rig.submit(rig.records(2)[1:])
    rig.plex.faults.clear()
    await rig.drained()
    assert (rig.item(1).title, other.title) == ("Ours", "Theirs")
    assert not await stands(rig)


async def test_a_write_that_was_cut_short_is_led_still(rig: Rig) -> None:
    """What stood there before it is what an undo gives back."""
    edit(rig, title="Mine", genre=["Mine"])
    stood = state(rig)
    await lose(rig)
    rig.plex.faults.add("status", code=500, method="PUT")
    await rig.submit([record(rig, title="Ours", genres=("Ours",))])
    await rig.engine.ledger_identity.accept(lead=True)
    await rig.until(lambda: rig.edits() > 0)
    await rig.restart()
    rig.plex.faults.clear()
    await rig.drained()
    assert rig.item(1).title == "Ours"
    assert genres(rig) == {"Mine", "Ours"}
    await undo(rig)
    assert state(rig) == stood


async def test_what_an_undo_gave_back_stays(rig: Rig) -> None:
    """Although the item was not compared since the answer."""
    edit(rig, title="Mine")
    await lose(rig)
    await answer(rig)
    await say(rig, title="Ours")
    await back_up(rig)
    await restore(rig)
    await answer(rig)
    await undo(rig)
    assert rig.item(1).title == "Mine"
    await say(rig, title="Ours again")
    assert rig.item(1).title == "Mine"


async def test_what_arrived_of_a_job_that_failed_is_compared(rig: Rig) -> None:
    """A person's lock on it is the person's from then on; the rest is led still."""
    edit(rig, title="Mine", studio="Mine")
    await lose(rig)
    rig.plex.faults.add("status", code=409, method="PUT", param=r"^studio\.")
    await rig.submit([record(rig, title="Ours", studio="Ours")])
    await rig.engine.ledger_identity.accept(lead=True)
    await rig.failed(1)
    assert rig.item(1).title == "Ours"
    rig.plex.faults.clear()
    edit(rig, title="Mine after all")
    await rig.engine.sweep.run(nothing(), everything=True)
    await rig.engine.failed_jobs.retry()
    await rig.drained()
    assert rig.item(1).title == "Mine after all"
    assert rig.item(1).values["studio"] == "Ours"


async def test_two_sources_after_a_lost_ledger(rig: Rig) -> None:
    """The one that leads has the value, whichever is compared first."""
    await rig.engine.notes.keep("sources", '["first", "second"]')
    edit(rig, title="Mine")
    stood = state(rig)
    await lose(rig)
    await rig.engine.notes.keep("sources", '["first", "second"]')
    await answer(rig)
    await say(rig, "second", title="Second")
    await say(rig, "first", title="First")
    await say(rig, "second", title="Second again")
    assert rig.item(1).title == "First"
    await undo(rig)
    assert state(rig) == stood
