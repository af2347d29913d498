"""One record, several items: all are written, each with an outcome of its own."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from custom_components.plexsync.engine.circuit.breaker import State
from custom_components.plexsync.engine.jobs.job import Priority
from custom_components.plexsync.engine.model.faults import Fault
from custom_components.plexsync.engine.model.record import Find, Record
from custom_components.plexsync.engine.plan.plan import Plan
from tests.rig import Rig, library

LISTING = r"/library/sections/\w+/all"

pytestmark = pytest.mark.usefixtures("tag_mode")


@pytest.fixture
async def rig(socket_enabled: None, tmp_path: Path) -> AsyncIterator[Rig]:
    """Give a working engine, and a Plex with two libraries of the same ten films."""
    async with library(10) as plex:
        again = plex.core.add_section("Again", "movie", ["/data/movies"])
        for item in list(plex.core.items.values()):
            plex.core.add_item(again, item.title, file=item.files[0])
        rig = Rig(plex, tmp_path)
        await rig.start()
        yield rig
        await rig.stop()
        assert plex.whole_section_edits == 0


def keys(rig: Rig, *numbers: int) -> list[str]:
    """Name the items of these films, in both libraries."""
    paths = {rig.path(number) for number in numbers}
    return sorted(
        (str(each.rating_key) for each in rig.items() if each.files[0] in paths),
        key=int,
    )


def titles(rig: Rig, *numbers: int) -> set[str]:
    """Give the titles that the items of these films have."""
    return {rig.plex.core.item(key).title for key in keys(rig, *numbers)}


def edits(rig: Rig, key: str) -> int:
    """Count the edits of one item."""
    return sum(
        entry.param("id") == key for entry in rig.plex.journal.matching(method="PUT")
    )


async def say(rig: Rig, key: str, find: Find, **fields: str) -> None:
    """Sync what an action says, and wait until that is done."""
    await rig.submit([Record("action", key, find, fields)])
    await rig.drained()


async def test_a_file_in_two_libraries_is_written_twice(rig: Rig) -> None:
    """And an equal record then costs nothing at all."""
    records = rig.records(10)
    await rig.submit(records)
    await rig.drained()
    assert [titles(rig, number) for number in (1, 10)] == [{"New 1"}, {"New 10"}]
    assert rig.edits() == 20
    statistics = (await rig.engine.snapshot()).statistics
    assert (statistics.synced, statistics.failed) == (10, 0)
    rig.plex.journal.clear()
    await rig.submit(records)
    await rig.drained()
    assert not len(rig.plex.journal)


async def test_a_record_with_two_files_is_written_to_all_their_items(rig: Rig) -> None:
    """The answer names each of them; none is written again for another one's sake."""
    record = Record("stash", "1", Find((rig.path(1), rig.path(2))), {"title": "Both"})
    wanted = keys(rig, 1, 2)
    assert len(wanted) == 4
    plans = (await rig.engine.on_demand.preview(record)).plans
    assert sorted(plans, key=int) == wanted
    for plan in plans.values():
        assert isinstance(plan, Plan)
        assert [change.after for change in plan.changes] == ["Both"]
    rig.plex.core.item(wanted[0]).values["title"] = "Both"
    await rig.submit([record], Priority.INTERACTIVE)
    outcome = await rig.engine.outcomes.wait_for("stash", "1", 20)
    assert outcome.status == "written"
    assert {item.rating_key: item.status for item in outcome.items} == {
        key: "unchanged" if key == wanted[0] else "written" for key in wanted
    }
    assert titles(rig, 1, 2) == {"Both"}
    assert rig.edits() == 3


async def test_one_sick_item_keeps_none_of_the_others(rig: Rig) -> None:
    """The job goes on for that one; the others are in line and not written again."""
    well, sick = keys(rig, 1)
    rig.plex.faults.add("status", code=500, method="PUT", rating_key=int(sick))
    (record,) = rig.records(1)
    async with rig.traffic(3):
        await rig.submit([record])

        async def is_sick() -> bool:
            jobs, _ = await rig.engine.job_status.jobs(source="stash")
            return bool(jobs and jobs[0].attempts)

        await rig.until(is_sick)
        (job,), _ = await rig.engine.job_status.jobs(source="stash")
        statuses = {item.rating_key: item.status for item in job.items}
        assert statuses == {well: "written", sick: "queued"}
        assert rig.plex.core.item(well).title == "New 1"
        waiting = rig.engine.outcomes.wait_for("stash", record.key, 20)
        rig.plex.faults.clear()
        outcome = await waiting
    assert outcome.status == "written"
    assert {item.status for item in outcome.items} == {"written"}
    assert titles(rig, 1) == {"New 1"}
    assert edits(rig, well) == 1


async def test_a_job_counts_as_its_worst_item(rig: Rig) -> None:
    """It fails for one item; a newer record begins anew."""
    well, sick = keys(rig, 1)
    rig.plex.faults.add("status", code=400, method="PUT", rating_key=int(sick))
    (record,) = rig.records(1)
    await rig.submit([record])
    await rig.failed(1)
    (job,), _ = await rig.engine.job_status.jobs(state="failed")
    assert [(each.rating_key, each.status, each.reason) for each in job.items] == [
        (well, "written", None),
        (sick, "failed", job.reason),
    ]
    rig.plex.faults.clear()
    await rig.submit([replace(record, fields={"title": "Newer"})])
    await rig.drained()
    assert titles(rig, 1) == {"Newer"}
    assert await rig.engine.database.run(
        lambda db: db.execute("SELECT count(*) FROM target").fetchone()
    ) == (0,)


async def test_a_stop_between_two_items_loses_none(rig: Rig) -> None:
    """What was written before is known as ours, and not written again."""
    (before,) = titles(rig, 1)
    well, late = keys(rig, 1)
    rig.plex.faults.add("slow", ms=30_000, method="PUT", rating_key=int(late))
    await rig.submit(rig.records(1))
    await rig.until(lambda: edits(rig, well) and edits(rig, late))
    await rig.stop()
    rig.plex.faults.clear()
    await rig.start()
    await rig.drained()
    assert titles(rig, 1) == {"New 1"}
    assert edits(rig, well) == 1
    _, restored, kept = await rig.engine.undoing.undo(Find((rig.path(1),)))
    assert (titles(rig, 1), kept) == ({before}, {})
    assert "title" in restored


async def test_an_undo_counts_each_item_of_a_file(rig: Rig) -> None:
    """And takes back nothing that was written to the other one before."""
    one, two = keys(rig, 1)
    before = rig.plex.core.item(two).title
    await say(rig, "one", Find(rating_key=one), title="Earlier")
    since = rig.clock.wall()
    await say(rig, "two", Find(rating_key=two), title="Later")
    assert await rig.engine.undo_runs.undo_since(since) == (1, 1, {})
    assert titles(rig, 1) == {"Earlier", before}
    await say(rig, "both", Find((rig.path(1),)), title="Both", summary="Both")
    assert await rig.engine.undo_runs.undo_since(0) == (2, 4, {})
    assert titles(rig, 1) == {before}


async def test_what_an_undo_leaves_is_counted_once(rig: Rig) -> None:
    """However many files the item has."""
    (one, _), film = keys(rig, 1), rig.item(1)
    rig.plex.core.add_media(film, "/data/movies/Second.mkv")
    await say(rig, "one", Find(rating_key=one), title="Ours", summary="Ours")
    rig.plex.core.edit_by_person(film.rating_key, title="Theirs")
    assert await rig.engine.undo_runs.undo_since(0) == (1, 1, {"changed_since": 1})


async def test_a_library_that_cannot_be_searched_keeps_no_undo_waiting(
    rig: Rig,
) -> None:
    """What lies in it is undone once it can be searched, and counted then."""
    core, films = rig.plex.core, range(1, 4)
    before = titles(rig, *films)
    again = max(section.key for section in core.sections.values())
    twins = [core.item(keys(rig, number)[1]) for number in films]
    for each in twins:  # they are the first to be undone
        await say(rig, each.title, Find(rating_key=str(each.rating_key)), title="Ours")
    await say(rig, "one", Find(rating_key=keys(rig, 1)[0]), title="Ours")
    twins = [core.recreate(each) for each in twins]
    for each in twins:
        core.edit_by_person(each.rating_key, title="Ours", lock=None)
    rig.plex.faults.add("status", code=500, path=f"/sections/{again}/all")
    with pytest.raises(Fault):
        await rig.engine.undo_runs.undo_since(0)
    so_far = rig.engine.undo_runs.progress
    assert so_far is not None
    assert (so_far.done, so_far.items, so_far.total) == (1, 1, 4)
    assert core.item(keys(rig, 1)[0]).title in before
    assert {each.title for each in twins} == {"Ours"}
    rig.plex.faults.clear()
    rig.engine.bulkheads.clear()
    rig.engine.undo_runs.look()
    await rig.until(lambda: rig.engine.undo_runs.progress is None)
    assert titles(rig, *films) == before


async def test_one_item_gone_before_its_edit_is_no_failure(rig: Rig) -> None:
    """The other one is all there is to write."""
    there, gone = keys(rig, 1)
    await rig.submit(rig.records(1))
    await rig.drained()
    rig.plex.core.catalog.remove(rig.plex.core.item(gone))
    await rig.submit(rig.records(1, "Newer"))
    await rig.drained()
    assert rig.plex.core.item(there).title == "Newer 1"


@pytest.mark.parametrize("how", ["sweep", "restart", "retry", "newer"])
async def test_a_library_goes_that_had_the_guid_too(rig: Rig, how: str) -> None:
    """What nobody could choose between is one item now: it is written."""
    one, again = rig.items()[0], rig.items()[10]
    one.guids = again.guids = ("imdb://tt9",)
    find = Find(guids=("imdb://tt9",))
    which = said = Record("stash", "1", find, {"title": "Which?"})

    async def sweep() -> dict[str, int]:
        async def pages() -> AsyncIterator[list[Record]]:
            yield [said]

        return await rig.engine.sweep.run(pages())

    await rig.submit([which])
    await rig.drained(failed=1)
    assert await sweep() == {"ambiguous": 1}
    rig.plex.core.remove_section(again.section)
    match how:
        case "retry":
            await rig.engine.failed_jobs.retry()
        case "newer":
            said = replace(which, fields={"title": "This one"})
            await rig.submit([said])
        case "restart":
            await rig.restart()
            await sweep()
        case _:
            await sweep()
    await rig.drained()
    assert one.title == said.fields["title"]
    assert await sweep() == {"in_line": 1}


async def test_a_copy_that_came_unheard(rig: Rig) -> None:
    """No event told of it, and the item that is known is in line: a whole sweep looks."""
    records = rig.records(10)
    await rig.submit(records)
    await rig.drained()
    again = rig.items()[10].section
    copy = rig.plex.core.add_item(again, "A copy", file=rig.path(3))
    rig.plex.journal.clear()
    assert await whole_sweep(rig, records) == {"differs": 1, "in_line": 9}
    await rig.drained()
    assert copy.title == "New 3"
    assert rig.edits() == 1
    assert await whole_sweep(rig, records) == {"in_line": 10}
    rig.plex.journal.clear()
    assert await whole_sweep(rig, records) == {"in_line": 10}
    assert rig.plex.journal.count(path=LISTING) == 0
    assert rig.edits() == 0


async def test_a_library_that_cannot_be_listed_stops_no_sweep(rig: Rig) -> None:
    """What came into it is found by a later one."""
    records = rig.records(10)
    await rig.submit(records)
    await rig.drained()
    again = rig.items()[10].section
    copy = rig.plex.core.add_item(again, "A copy", file=rig.path(3))
    listing = f"/library/sections/{again.key}/all"
    rig.plex.faults.add("status", code=500, path=listing)
    assert await whole_sweep(rig, records) == {"in_line": 10}
    assert (await rig.engine.snapshot()).circuit is State.CLOSED
    rig.plex.faults.clear()

    async def is_written() -> bool:
        await whole_sweep(rig, records)
        await rig.drained()
        return bool(copy.title == "New 3")

    await rig.until(is_written)


async def whole_sweep(rig: Rig, records: list[Record]) -> dict[str, int]:
    """Compare all records of all sources."""

    async def pages() -> AsyncIterator[list[Record]]:
        yield records

    return await rig.engine.sweep.run(pages(), everything=True)
