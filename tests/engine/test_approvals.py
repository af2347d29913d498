"""What an owner has approved goes on, and ends when something else takes its place."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from custom_components.plexsync.engine import other_machine
from custom_components.plexsync.engine.jobs.job import Priority
from custom_components.plexsync.engine.model.holds import SourceHold
from custom_components.plexsync.engine.model.record import Record
from custom_components.plexsync.engine.plan.plan_cache import Filter
from tests.rig import Rig, library

from .test_owners import Shelf
from .test_review import ALL, FIRST, by_hand, compare, pending, rows

FILMS = 12  # as many as ``by_hand`` expects


@pytest.fixture
async def shelf() -> Shelf:
    """Give an empty source."""
    return Shelf()


@pytest.fixture
async def rig(socket_enabled: None, tmp_path: Path, shelf: Shelf) -> AsyncIterator[Rig]:
    """Give an engine whose only source is held until its first plan is answered."""
    async with library(FILMS) as plex:
        rig = Rig(plex, tmp_path, fresh=shelf.fresh)
        await rig.start()
        await rig.engine.source_holds.hold("stash", FIRST)
        shelf.put(*rig.records(FILMS))
        await rig.submit(shelf.records.values())
        await compare(rig, shelf)
        yield rig
        await rig.stop()


async def skipped(rig: Rig, number: int) -> None:
    """Wait until so many plans have changed."""

    async def seen() -> bool:
        found = (await rig.engine.snapshot()).skipped
        return found == ({"plan_changed": number} if number else {})

    await rig.until(seen)


async def change_before_the_write(rig: Rig, shelf: Shelf) -> str:
    """Let the plan of the first film turn out otherwise; give its key."""
    row = (await rows(rig))[0]
    await rig.halt()
    await rig.engine.review.write([(shelf.records[row.key], row.digest)])
    rig.plex.core.edit_by_person(row.rating_key, summary="A person's")
    rig.work()
    await skipped(rig, 1)
    return row.key


async def test_a_sweep_leaves_the_plan_of_what_is_held(rig: Rig, shelf: Shelf) -> None:
    """It passes over what has a job: that is not in line, and still to be reviewed."""
    plan = await rows(rig)
    counts = await rig.engine.sweep.run(shelf.pages(), read_whole=lambda: ["stash"])
    assert counts == {"pending": FILMS}
    assert await rows(rig) == plan


async def test_what_was_shown_anew_can_be_written(rig: Rig, shelf: Shelf) -> None:
    """A plan that changed before the write waits for nothing but the owner."""
    key = await change_before_the_write(rig, shelf)
    anew = next(each for each in await rows(rig) if each.key == key)
    (answer,) = await rig.engine.review.write([(shelf.records[key], anew.digest)])
    assert answer.status == "queued"
    await pending(rig, FILMS - 1)
    await skipped(rig, 0)
    assert not rig.in_line([shelf.records[key]])
    assert rig.edits() == 1


async def test_all_that_was_shown_anew_can_be_written(rig: Rig, shelf: Shelf) -> None:
    """With everything else."""
    await change_before_the_write(rig, shelf)
    assert (await rig.engine.review.write_all(ALL))[0] == FILMS
    await pending(rig, 0)
    await skipped(rig, 0)
    assert not rig.in_line(shelf.records.values())


async def test_what_failed_is_tried_again_once_it_is_approved(
    rig: Rig, shelf: Shelf
) -> None:
    """Its owner has asked for just this."""
    row = (await rows(rig))[0]
    record = shelf.records[row.key]
    rig.plex.faults.add("status", code=400, method="PUT")
    await rig.engine.review.write([(record, row.digest)])
    await rig.failed(1)
    rig.plex.faults.clear()
    (fresh,) = await rig.engine.review.look([record])
    (answer,) = await rig.engine.review.write([(record, fresh.digest)])
    assert answer.status == "queued"
    await rig.failed(0)
    await pending(rig, FILMS - 1)
    assert not rig.in_line([record])


async def test_a_collection_that_may_not_vanish_keeps_no_other_from_being_written(
    rig: Rig, shelf: Shelf
) -> None:
    """What stays of a list was shown together with what goes."""
    rig.plex.core.edit_by_person(rig.item(2).rating_key, collections=["Theirs"])
    shelf.records = {each.key: each for each in with_collections(rig, "Ours", "Theirs")}
    await rig.engine.source_holds.lift("stash", FIRST)
    await rig.submit(shelf.records.values())
    await rig.drained()
    rig.plex.core.edit_by_person(rig.item(2).rating_key, collections=[])
    await rig.engine.source_holds.hold("stash", FIRST)
    shelf.put(*with_collections(rig, "New"))
    await rig.submit(shelf.records.values())
    (fresh,) = await rig.engine.review.look([shelf.records["scene:1"]])
    assert fresh.lookup.plan.kept == {"collections": "last_member"}
    await rig.engine.review.write([(shelf.records["scene:1"], fresh.digest)])
    await pending(rig, 0)
    assert (await rig.engine.snapshot()).skipped == {}
    assert sorted(rig.item(1).tag_names("collection")) == ["New", "Theirs"]


def with_collections(rig: Rig, *names: str) -> list[Record]:
    """Say what the first film is a part of."""
    return rig.records(1, collections=names)


async def test_what_is_approved_is_held_by_no_other_question(
    rig: Rig, shelf: Shelf
) -> None:
    """Too many records are gone: that is asked at every look, and concerns others."""
    row = (await rows(rig))[4]
    await rig.halt()
    await rig.engine.review.write([(shelf.records[row.key], row.digest)])
    for gone in (9, 10):
        shown = {"known": FILMS, "gone": gone}
        await rig.engine.source_holds.hold("stash", SourceHold.MASS_CHANGE, shown)
    rig.work()
    await pending(rig, FILMS - 1)
    assert not rig.in_line([shelf.records[row.key]])
    assert rig.edits() == 1


async def test_a_question_that_is_asked_anew_ends_what_was_approved(
    rig: Rig, shelf: Shelf
) -> None:
    """Other settings make another plan, which nobody has seen."""
    row = (await rows(rig))[4]
    await rig.halt()
    await rig.engine.review.write([(shelf.records[row.key], row.digest)])
    await rig.engine.source_holds.hold("stash", FIRST)
    await rig.engine.review.write_all(Filter(source="other"))
    rig.work()
    await rig.submit([by_hand(rig)])
    await pending(rig, FILMS)
    assert rig.edits() == 1


async def test_a_reused_key_brings_no_approval(rig: Rig, shelf: Shelf) -> None:
    """It named another film when its plan was shown."""
    row = (await rows(rig))[0]
    await rig.halt()
    await rig.engine.source_holds.lift("stash", FIRST)
    record = replace(shelf.records[row.key], files=("one",))
    await rig.submit([record])
    await rig.engine.review.write([(record, row.digest)])
    await rig.submit([replace(rig.records(2)[1], key=row.key, files=("two",))])
    rig.work()
    await rig.drained()
    assert (await rig.engine.snapshot()).skipped.get("plan_changed") is None


async def test_a_record_that_comes_back_is_held(rig: Rig, shelf: Shelf) -> None:
    """Its source had withdrawn it after it was approved."""
    row = (await rows(rig))[0]
    record = shelf.records[row.key]
    await rig.halt()
    await rig.engine.review.write([(record, row.digest)])
    await rig.engine.submit(
        [], Priority.BULK, cursor=("stash", "1"), withheld=[row.key]
    )
    await rig.submit([record])
    await rig.engine.review.write_all(Filter(source="other"))
    rig.work()
    await rig.submit([by_hand(rig)])
    await pending(rig, FILMS)
    assert rig.edits() == 1


async def test_what_lost_its_job_is_asked_for(rig: Rig, shelf: Shelf) -> None:
    """Though it was approved while it had one."""
    row = (await rows(rig))[0]
    record = shelf.records[row.key]
    await rig.halt()
    await rig.engine.review.write([(record, row.digest)])
    await rig.engine.submit(
        [], Priority.BULK, cursor=("stash", "1"), withheld=[row.key]
    )
    await compare(rig, shelf)
    number, unknown = await rig.engine.review.write_all(ALL)
    assert (number, unknown) == (FILMS - 1, {("stash", row.key): row.digest})


async def test_an_item_that_cannot_be_read_now_stays_in_the_plan(
    rig: Rig, shelf: Shelf
) -> None:
    """Nobody knows that it is in line."""
    row = (await rows(rig))[0]
    rig.plex.faults.add("status", code=400, rating_key=row.rating_key, method="GET")
    await rig.engine.review.look([shelf.records[row.key]])
    assert row in await rows(rig)
    await compare(rig, shelf)
    assert len(await rows(rig)) == FILMS


async def test_a_record_that_is_tied_to_another_item_is_not_written_unseen(
    rig: Rig, shelf: Shelf
) -> None:
    """And it waits for its owner like all others, not for the next sweep."""
    row, other = (await rows(rig))[:2]
    await rig.halt()
    await rig.engine.review.write([(shelf.records[row.key], row.digest)])
    await rig.engine.on_demand.pin("stash", row.key, other.rating_key)
    rig.work()
    await rig.submit([by_hand(rig)])
    await pending(rig, FILMS)
    assert rig.edits() == 1
    assert (await rig.engine.snapshot()).skipped == {}


async def test_another_machine_ends_what_was_approved(rig: Rig, shelf: Shelf) -> None:
    """Its items have other keys, under which nothing was shown."""
    row = (await rows(rig))[0]
    await rig.halt()
    await rig.engine.review.write([(shelf.records[row.key], row.digest)])
    for machine in ("one", "another"):
        await rig.engine.database.run(
            lambda db, machine=machine: other_machine.recognise(db, machine)
        )
    rig.work()
    await rig.submit([by_hand(rig)])
    await pending(rig, FILMS)
    assert rig.edits() == 1


async def test_an_item_that_is_not_as_shown_keeps_its_record_waiting(
    rig: Rig, shelf: Shelf
) -> None:
    """Though another item of the same file was, and is written."""
    section = rig.plex.core.add_section("Again", "movie", ["/data/movies"])
    twin = rig.plex.core.add_item(section, "Twin", file=rig.path(1))
    await rig.stop()
    await rig.start(work=False)
    record = shelf.records["scene:1"]
    (fresh,) = await rig.engine.review.look([record])
    assert len(fresh.lookup.targets) == 2
    await rig.engine.review.write([(record, fresh.digest)])
    rig.plex.core.edit_by_person(twin.rating_key, summary="A person's")
    rig.work()
    await skipped(rig, 1)
    assert rig.edits() == 1
    assert (rig.item(1).title, twin.title) == (record.fields["title"], "Twin")
    await rig.engine.source_holds.lift("stash", FIRST)
    await rig.drained()
    assert twin.title == record.fields["title"]


@pytest.mark.parametrize("changed", [(0,), (1,), (0, 1)])
async def test_the_items_that_are_not_as_shown_are_shown_anew(
    rig: Rig, shelf: Shelf, changed: tuple[int, ...]
) -> None:
    """All of them, and none that was written."""
    section = rig.plex.core.add_section("Again", "movie", ["/data/movies"])
    items = [
        rig.item(1),
        rig.plex.core.add_item(section, "Twin", file=rig.path(1)),
    ]
    await rig.stop()
    await rig.start(work=False)
    record = shelf.records["scene:1"]
    (fresh,) = await rig.engine.review.look([record])
    await rig.engine.review.write([(record, fresh.digest)])
    for number in changed:
        rig.plex.core.edit_by_person(items[number].rating_key, summary="A person's")
    rig.work()
    await skipped(rig, 1)
    (row,) = await rows(rig)
    assert row.items == len(changed)
    (answer,) = await rig.engine.review.write([(record, row.digest)])
    assert answer.status == "queued"
    await pending(rig, FILMS - 1)
    assert {each.title for each in items} == {record.fields["title"]}


@pytest.mark.parametrize("sick", [0, 1])
async def test_a_failed_item_counts_more_than_one_that_is_not_as_shown(
    rig: Rig, shelf: Shelf, sick: int
) -> None:
    """Whichever of them comes first."""
    section = rig.plex.core.add_section("Again", "movie", ["/data/movies"])
    twin = rig.plex.core.add_item(section, "Twin", file=rig.path(1))
    await rig.stop()
    await rig.start(work=False)
    record = shelf.records["scene:1"]
    (fresh,) = await rig.engine.review.look([record])
    await rig.engine.review.write([(record, fresh.digest)])
    items = [rig.item(1), twin]
    refused = items.pop(sick).rating_key
    rig.plex.faults.add("status", code=400, method="PUT", rating_key=int(refused))
    rig.plex.core.edit_by_person(items[0].rating_key, summary="A person's")
    rig.work()
    await rig.failed(1)
    assert (await rig.engine.snapshot()).skipped == {}
    (job,), _ = await rig.engine.job_status.jobs(state="failed")
    assert job.reason == "bad_request"
    assert {each.reason for each in job.items} == {"bad_request", "plan_changed"}


async def test_the_end_of_a_hold_keeps_nothing_waiting(rig: Rig, shelf: Shelf) -> None:
    """Not even what was under way, and is not as it was shown."""
    row = (await rows(rig))[0]
    await rig.halt()
    await rig.engine.review.write([(shelf.records[row.key], row.digest)])
    rig.plex.core.edit_by_person(row.rating_key, summary="A person's")
    rig.plex.latency_read = 0.5
    rig.work()

    async def is_taken() -> bool:
        return bool((await rig.engine.job_status.jobs(state="in_flight"))[1])

    await rig.until(is_taken)
    await rig.engine.source_holds.lift("stash", FIRST)
    rig.plex.latency_read = 0
    await rig.drained()
    assert (await rig.engine.snapshot()).skipped == {}
    assert not rig.in_line(shelf.records.values())
