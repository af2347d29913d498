"""Several records of one source, one item: it follows one of them, and nobody swaps."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from custom_components.plexsync.engine.jobs.failed_rows import Choice
from custom_components.plexsync.engine.ledger import pins
from custom_components.plexsync.engine.model.faults import Fault, FaultClass
from custom_components.plexsync.engine.model.record import Find, Record
from tests.rig import Rig, library

METADATA = r"/library/metadata/\d+$"

pytestmark = pytest.mark.usefixtures("tag_mode")


class Shelf:
    """A source that can be asked for its records, and can lose some."""

    def __init__(self) -> None:
        """Begin without any."""
        self.records: dict[str, Record] = {}
        self.away = False

    def put(self, *records: Record) -> None:
        """Have records, as they are now."""
        self.records |= {record.key: record for record in records}

    async def fresh(
        self, source: str, keys: Sequence[str]
    ) -> Mapping[str, Record | str]:
        """Give what there is of them."""
        if self.away:
            raise Fault(FaultClass.SOURCE, "refused")
        return {key: self.records.get(key, "gone") for key in keys}

    async def pages(self) -> AsyncIterator[Sequence[Record]]:
        """Give all."""
        yield list(self.records.values())


@pytest.fixture
def shelf() -> Shelf:
    """Give an empty source."""
    return Shelf()


@pytest.fixture
async def rig(socket_enabled: None, tmp_path: Path, shelf: Shelf) -> AsyncIterator[Rig]:
    """Give a working engine, a Plex with ten films, and a source that knows two of them."""
    async with library(10) as plex:
        rig = Rig(plex, tmp_path, fresh=shelf.fresh)
        await rig.start()
        shelf.put(*rig.records(2))
        yield rig
        await rig.stop()


async def sweep(rig: Rig, shelf: Shelf) -> dict[str, int]:
    """Compare all, and bring into line what differs."""
    counts = await rig.engine.sweep.run(shelf.pages())
    await rig.drained()
    return counts


async def test_merged_items_follow_one_record(rig: Rig, shelf: Shelf) -> None:
    """The other record waits: no write, no failure; after a split each has its own."""
    one, two = rig.item(1), rig.item(2)
    await rig.submit(shelf.records.values())
    await rig.drained()
    rig.plex.core.merge(one, two)
    edits = rig.edits()
    for _ in range(3):
        assert await sweep(rig, shelf) == {"in_line": 1, "skipped:shared_item": 1}
    newer = replace(shelf.records["scene:2"], fields={"title": "Newer"})
    shelf.put(newer)
    await rig.submit([newer])
    await rig.drained()
    assert (one.title, rig.edits()) == ("New 1", edits)
    snapshot = await rig.engine.snapshot()
    assert (snapshot.failed, snapshot.statistics.failed) == (0, 0)
    assert snapshot.statistics.success_rate == 100
    assert snapshot.skipped == {"shared_item": 1}
    assert rig.events == [event for event in rig.events if "Failed" not in repr(event)]

    rig.plex.core.switches.split_keeps_edits = False
    _, part = rig.plex.core.split(one)
    await sweep(rig, shelf)
    assert (one.title, part.title) == ("New 1", "Newer")
    assert await sweep(rig, shelf) == {"in_line": 2}
    assert (await rig.engine.snapshot()).skipped == {}


@pytest.mark.parametrize("merged", ["before", "after"])
async def test_each_part_of_a_split_item_has_what_is_ours(
    rig: Rig, shelf: Shelf, merged: str
) -> None:
    """Both parts show the values and locks of one record: none of them is a person's."""
    one, two = rig.item(1), rig.item(2)
    before = two.title
    if merged == "before":
        rig.plex.core.merge(one, two)
    await rig.submit(shelf.records.values())
    await rig.drained()
    if merged == "after":
        rig.plex.core.merge(one, two)
        newer = replace(
            shelf.records["scene:1"], fields={"title": "New 1", "genres": ("Other",)}
        )
        shelf.put(newer)
        await rig.submit([newer])
        await rig.drained()
    _, part = rig.plex.core.split(one)
    assert (part.title, "title" in part.locks) == ("New 1", True)
    await sweep(rig, shelf)
    assert (one.title, part.title) == ("New 1", "New 2")
    assert "Other" not in part.tag_names("genre")
    assert {"Drama", "New"} <= set(part.tag_names("genre"))
    edits = rig.edits()
    for _ in range(2):
        assert await sweep(rig, shelf) == {"in_line": 2}
    assert rig.edits() == edits
    if merged == "after":
        await rig.engine.undoing.undo(shelf.records["scene:2"].find)
        assert part.title == before


async def test_a_part_that_was_undone_stays_so(rig: Rig, shelf: Shelf) -> None:
    """Nobody knew whose record it follows: the first one that finds it is the one."""
    one, two = rig.item(1), rig.item(2)
    rig.plex.core.merge(one, two)
    await rig.submit(shelf.records.values())
    await rig.drained()
    _, part = rig.plex.core.split(one)
    for number in (1, 2):
        await rig.engine.undoing.undo(shelf.records[f"scene:{number}"].find)
    titles = one.title, part.title
    assert "New" not in "".join(titles)
    for _ in range(2):
        assert await sweep(rig, shelf) == {"kept:released": 2}
    assert (one.title, part.title) == titles
    newer = replace(shelf.records["scene:2"], fields={"title": "Newer 2"})
    shelf.put(newer)
    await sweep(rig, shelf)
    assert (one.title, part.title) == (titles[0], "Newer 2")


async def test_the_record_of_the_first_file_leads(rig: Rig, shelf: Shelf) -> None:
    """Where both come upon the item at once, whatever their order."""
    one = rig.item(1)
    rig.plex.core.merge(one, rig.item(2))
    await rig.submit(reversed(shelf.records.values()))
    await rig.drained()
    assert (one.title, rig.edits()) == ("New 1", 1)


@pytest.mark.parametrize("first", ["scene:1", "scene:2"])
@pytest.mark.parametrize("how", ["two parts of one film", "one file"])
async def test_two_records_of_one_item_take_no_turns(
    rig: Rig, shelf: Shelf, how: str, first: str
) -> None:
    """The one of the first file, or the first one of two that have it, whoever came first."""
    one, two = rig.item(1), rig.item(2)
    if how == "one file":
        same = replace(shelf.records["scene:2"], find=shelf.records["scene:1"].find)
        shelf.put(same)
    else:
        one.media[0].parts += two.media[0].parts
        one.rows.clear()
        rig.plex.core.catalog.remove(two)
    await rig.submit(sorted(shelf.records.values(), key=lambda rec: rec.key != first))
    await rig.drained()
    assert (one.title, rig.edits()) == ("New 1", 1)
    assert {"Drama", "New"} <= set(one.tag_names("genre"))
    for _ in range(3):
        assert await sweep(rig, shelf) == {"in_line": 1, "skipped:shared_item": 1}
    assert (one.title, rig.edits()) == ("New 1", 1)


async def test_when_an_owner_goes_the_next_one_takes_over(
    rig: Rig, shelf: Shelf
) -> None:
    """With what is known of its values: what stood there before both comes back."""
    one = rig.item(1)
    before, find = one.title, shelf.records["scene:1"].find
    rig.plex.core.merge(one, rig.item(2))
    await rig.submit(shelf.records.values())
    await rig.drained()
    del shelf.records["scene:1"]
    shelf.away = True
    assert await sweep(rig, shelf) == {"skipped:shared_item": 1}
    shelf.away = False
    assert await sweep(rig, shelf) == {"differs": 1}
    assert one.title == "New 2"
    assert await sweep(rig, shelf) == {"in_line": 1}
    await rig.engine.undoing.undo(find)
    assert one.title == before


async def test_an_owner_whose_file_moved_away_goes(rig: Rig, shelf: Shelf) -> None:
    """It is asked at its source which files it has now."""
    one = rig.item(1)
    rig.plex.core.merge(one, rig.item(2))
    await rig.submit(shelf.records.values())
    await rig.drained()
    moved = replace(shelf.records["scene:1"].find, paths=("/data/movies/moved.mkv",))
    shelf.put(replace(shelf.records["scene:1"], find=moved))
    assert await sweep(rig, shelf) == {"missing": 1, "differs": 1}
    assert one.title == "New 2"


async def test_who_is_pinned_leads(rig: Rig, shelf: Shelf) -> None:
    """A later pin takes the place of an earlier one."""
    one = rig.item(1)
    rig.plex.core.merge(one, rig.item(2))
    await rig.submit(shelf.records.values())
    await rig.drained()
    for number in (2, 1):
        await rig.engine.on_demand.pin("stash", f"scene:{number}", str(one.rating_key))
        await sweep(rig, shelf)
        assert one.title == f"New {number}"
        assert await sweep(rig, shelf) == {"in_line": 1, "skipped:shared_item": 1}
    await rig.engine.on_demand.pin("stash", "scene:1", None)
    assert await sweep(rig, shelf) == {"in_line": 1, "skipped:shared_item": 1}


@pytest.mark.parametrize("keeps", [True, False])
@pytest.mark.parametrize("noticed", ["by a sweep", "as it comes", "by the one first"])
@pytest.mark.parametrize("follows", ["pinned", "pinned before", "first"])
async def test_each_part_of_a_split_item_follows_the_record_of_its_file(
    rig: Rig, shelf: Shelf, follows: str, noticed: str, keeps: bool
) -> None:
    """As soon as the split is noticed, whichever record the whole followed, tied to it or not."""
    one, two = rig.item(1), rig.item(2)
    rig.plex.core.switches.split_keeps_edits = keeps
    pin = rig.engine.on_demand.pin
    if follows == "pinned before":
        await pin("stash", "scene:2", str(two.rating_key))
    else:
        rig.plex.core.merge(one, two)
    await rig.submit(shelf.records.values())
    await rig.drained()
    if follows == "pinned before":
        rig.plex.core.merge(one, two)
        await sweep(rig, shelf)
    if follows == "pinned":
        await pin("stash", "scene:2", str(one.rating_key))
        await rig.until(lambda: one.title == "New 2")
        await rig.drained()
    assert one.title == ("New 1" if follows == "first" else "New 2")
    _, part = rig.plex.core.split(one)
    if noticed == "by the one first":
        await rig.engine.arrivals.compare([shelf.records["scene:1"]])
        retry = rig.engine.failed_jobs.retry
        await retry(Choice(reason="shared_item", skipped=True))
        await rig.until(lambda: one.title == "New 1")
        await rig.drained()
    if noticed != "as it comes":
        await sweep(rig, shelf)
    else:
        came = await rig.engine.arrivals.came([str(part.rating_key)])
        assert came == tuple(part.files + one.files)
        await rig.engine.arrivals.compare(shelf.records.values())
        await rig.drained()
    assert (one.title, part.title) == ("New 1", "New 2")
    assert (one.value("summary"), part.value("summary")) == (
        "New lines\nof 1",
        "New lines\nof 2",
    )
    edits = rig.edits()
    assert await sweep(rig, shelf) == {"in_line": 2}
    assert (rig.edits(), (await rig.engine.snapshot()).skipped) == (edits, {})
    if follows != "first":
        await pin("stash", "scene:1", str(one.rating_key))
        rig.plex.core.merge(one, part)
        assert await sweep(rig, shelf) == {"in_line": 1, "skipped:shared_item": 1}


async def test_a_pin_to_another_ones_file_stays_with_that(
    rig: Rig, shelf: Shelf
) -> None:
    """Although Plex merges and splits the record's own file, too."""
    one, two = rig.item(1), rig.item(2)
    await rig.submit(shelf.records.values())
    await rig.drained()
    await rig.engine.on_demand.pin("stash", "scene:2", str(one.rating_key))
    await sweep(rig, shelf)
    rig.plex.core.merge(one, two)
    for _ in range(2):
        await sweep(rig, shelf)
    _, part = rig.plex.core.split(one)
    await sweep(rig, shelf)
    assert one.title == "New 2"
    rig.plex.core.merge(part, one)
    await sweep(rig, shelf)
    assert part.title == "New 2"


async def test_an_undo_holds_against_a_record_that_was_tied_to_the_item(
    rig: Rig, shelf: Shelf
) -> None:
    """Although the item has a record of its own, which waits."""
    one = rig.item(1)
    before = one.title
    await rig.submit(shelf.records.values())
    await rig.drained()
    await rig.engine.on_demand.pin("stash", "scene:2", str(one.rating_key))
    for _ in range(2):
        await sweep(rig, shelf)
    assert one.title == "New 2"
    await rig.engine.undoing.undo(Find((rig.path(1),)))
    for _ in range(2):
        await sweep(rig, shelf)
    assert one.title == before


@pytest.mark.parametrize("before", [None, 2])
async def test_a_pin_that_is_made_while_its_job_is_done_stays(
    rig: Rig, before: int | None
) -> None:
    """The item that the job had found is not the one that the record is tied to now."""

    async def tie(number: int) -> str:
        key = str(rig.item(number).rating_key)
        await rig.engine.database.run(
            lambda db: pins.tie(db, "stash", "scene:1", key, None)
        )
        return key

    if before is not None:
        await tie(before)
    rig.plex.faults.add("slow", method="GET", path=METADATA, ms=100)
    await rig.submit(rig.records(1))
    await rig.plex.journal.arrived(method="GET", path=METADATA)
    key = await tie(3)
    await rig.drained()
    found = await rig.engine.database.run(lambda db: pins.find(db, "stash", "scene:1"))
    assert found == Find((), (), key)


async def test_what_lies_in_no_chosen_library_is_no_failure(
    rig: Rig, shelf: Shelf
) -> None:
    """It is counted, told to whoever waits, and looked at again in every sweep."""
    (record,) = rig.records(1)
    outside = replace(record, key="out", find=replace(record.find, paths=("/x/1.mkv",)))
    shelf.put(outside)
    await rig.submit([outside])
    outcome = await rig.engine.outcomes.wait_for("stash", "out", 20)
    assert (outcome.status, outcome.reason) == ("skipped", "outside_libraries")
    await rig.drained()
    snapshot = await rig.engine.snapshot()
    assert snapshot.skipped == {"outside_libraries": 1}
    assert (snapshot.failed, snapshot.statistics.success_rate) == (0, None)
    assert (await sweep(rig, shelf))["skipped:outside_libraries"] == 1
    assert not [event for event in rig.events if "Failed" in repr(event)]
    section = next(iter(rig.plex.core.sections.values()))
    section.locations.append(type(section.locations[0])(99, "/x"))
    rig.plex.core.add_item(section, "Out", file="/x/1.mkv")
    await rig.restart()
    await sweep(rig, shelf)
    assert (await rig.engine.snapshot()).skipped == {}
    assert rig.plex.core.find("/x/1.mkv").title == "New 1"
