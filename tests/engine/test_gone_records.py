"""Records that are gone: let go of, undone, or asked about, and only once that is sure."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
import json
from pathlib import Path
import threading

import pytest

from custom_components.plexsync.engine.jobs.gone_records import Gone, WhenGone
from custom_components.plexsync.engine.ledger.ledger_sources import SOURCES
from custom_components.plexsync.engine.model.faults import Fault
from custom_components.plexsync.engine.model.holds import SourceHold
from custom_components.plexsync.engine.model.record import Image, Record
from tests.rig import Rig, library

from .test_owners import Shelf

FILMS = 12


class Listed(Shelf):
    """A source that lists its keys, some of which it may forget to list."""

    def __init__(self) -> None:
        """List everything."""
        super().__init__()
        self.unlisted: set[str] = set()
        self.meanwhile: Callable[[], Awaitable[object]] | None = None

    async def fresh(
        self, source: str, keys: Sequence[str]
    ) -> Mapping[str, Record | str]:
        """Answer for single records."""
        if self.meanwhile is not None:
            await self.meanwhile()
        return await super().fresh(source, keys)

    async def listing(self) -> AsyncIterator[Sequence[str]]:
        """List keys, some at a time."""
        keys = [key for key in self.records if key not in self.unlisted]
        for start in range(0, len(keys), 5):
            yield keys[start : start + 5]


@pytest.fixture
def shelf() -> Listed:
    """Give an empty source."""
    return Listed()


@pytest.fixture
async def rig(
    socket_enabled: None, tmp_path: Path, shelf: Listed
) -> AsyncIterator[Rig]:
    """Give an engine that has written to twelve films."""
    async with library(FILMS) as plex:
        rig = Rig(plex, tmp_path, fresh=shelf.fresh)
        await rig.start()
        shelf.put(*(replace(each, mirror=True) for each in rig.records(FILMS)))
        await rig.submit(shelf.records.values())
        await rig.drained()
        yield rig
        await rig.stop()


async def look(rig: Rig, shelf: Listed, when_gone: WhenGone = WhenGone.LEAVE) -> Gone:
    """Compare what is known with what the source lists."""
    now = rig.engine.clock.steady()
    return await rig.engine.gone_records.look("stash", shelf.listing(), now, when_gone)


async def test_what_is_gone_twice_is_let_go_of(rig: Rig, shelf: Listed) -> None:
    """Its values stay, and can still be undone; its job goes."""
    title = rig.item(1).title
    del shelf.records["scene:1"]
    assert await look(rig, shelf) == Gone(FILMS, 1)
    assert await look(rig, shelf) == Gone(FILMS, 1, 1)
    assert await look(rig, shelf) == Gone(FILMS - 1)
    assert rig.item(1).title == title
    _, restored, _ = await rig.engine.undoing.undo(rig.records(1)[0].find)
    assert "title" in restored
    assert rig.item(1).title != title


async def test_what_comes_back_stays(rig: Rig, shelf: Listed) -> None:
    """It has to be gone in two lists, one after the other, and to itself as well."""
    first = shelf.records.pop("scene:1")
    assert (await look(rig, shelf)).gone == 1
    shelf.put(first)
    assert await look(rig, shelf) == Gone(FILMS)
    del shelf.records["scene:1"]
    assert await look(rig, shelf) == Gone(FILMS, 1)
    shelf.put(first)
    shelf.unlisted.add("scene:1")  # it was only left out of the list
    assert await look(rig, shelf) == Gone(FILMS)


async def test_what_is_gone_is_undone_where_its_owner_wants_that(
    rig: Rig, shelf: Listed
) -> None:
    """All that stood there before us comes back, to this item alone, once syncing is on."""
    before = {each.rating_key: each.title for each in rig.items()}
    del shelf.records["scene:1"]
    await look(rig, shelf, WhenGone.UNDO)
    await rig.engine.switch(False)
    assert (await look(rig, shelf, WhenGone.UNDO)).parted == 1
    await rig.restart()
    assert rig.item(1).title == before[rig.item(1).rating_key]
    await asyncio.sleep(0.2)  # it is held: to try again later is too late
    await rig.engine.switch(True)
    await rig.until(lambda: rig.item(1).title == "Movie 00001")
    assert not rig.item(1).locks
    changed = [
        each.rating_key for each in rig.items() if each.title != before[each.rating_key]
    ]
    assert changed == [rig.item(1).rating_key]


@pytest.mark.parametrize("where", ["item", "picture"])
async def test_what_is_owed_to_a_sick_item_stays_owed(
    rig: Rig, shelf: Listed, where: str
) -> None:
    """Nobody asks for it by hand: it is tried after each look, all else at once."""
    poster = Image("/p", "a")
    shelf.put(*(replace(r, mirror=True) for r in rig.records(FILMS, poster=poster)))
    await rig.submit(shelf.records.values())
    await rig.drained()
    for key in ("scene:1", "scene:2"):
        del shelf.records[key]
    sick, well = rig.item(1), rig.item(2)
    key = sick.rating_key
    fault = {"path": rf"/{key}/posters?$"}
    if where == "item":
        fault = {"method": "PUT", "rating_key": key}
    rig.plex.faults.add("status", code=500, **fault)

    async def owed() -> int:
        sql = "SELECT count(*) FROM undo_owed"
        found = await rig.engine.database.run(lambda db: db.execute(sql).fetchone())
        return int(found[0])

    async def is_paid() -> bool:
        return not await owed()

    await look(rig, shelf, WhenGone.UNDO)
    await look(rig, shelf, WhenGone.UNDO)
    await rig.until(lambda: well.title == "Movie 00002")
    await asyncio.sleep(0.2)  # it goes on by itself: to look later is too late
    assert await owed() == 1
    rig.plex.faults.clear()
    await look(rig, shelf, WhenGone.UNDO)
    await rig.until(is_paid)
    assert sick.title == "Movie 00001"
    assert not str(sick.image_key("thumb")).startswith("upload")


async def test_what_is_gone_is_undone_though_the_comparison_was_cancelled(
    rig: Rig, shelf: Listed
) -> None:
    """It was let go of all the same, and waits for no restart."""
    del shelf.records["scene:1"]
    await look(rig, shelf, WhenGone.UNDO)
    go_on, busy = threading.Event(), list[asyncio.Future[bool]]()

    async def keep_busy() -> None:
        busy.append(
            asyncio.ensure_future(rig.engine.database.run(lambda _: go_on.wait()))
        )
        await asyncio.sleep(0)

    shelf.meanwhile = keep_busy  # so that the last transaction waits
    task = asyncio.ensure_future(look(rig, shelf, WhenGone.UNDO))
    await rig.until(lambda: busy)
    for _ in range(10):
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])
    go_on.set()
    assert task.cancelled()
    await rig.until(lambda: rig.item(1).title == "Movie 00001")


async def test_what_an_action_wants_as_well_is_not_undone(
    rig: Rig, shelf: Listed
) -> None:
    """Only what nobody else says of the item goes."""
    first = rig.records(1)[0]
    await rig.engine.notes.keep(SOURCES, json.dumps(["action", "stash"]))
    await rig.submit(
        [Record("action", "a", first.find, {"title": "By hand", "studio": "Ours"})]
    )
    await rig.drained()
    summary = rig.item(1).values["summary"]
    del shelf.records["scene:1"]
    await look(rig, shelf, WhenGone.UNDO)
    await look(rig, shelf, WhenGone.UNDO)
    await rig.until(lambda: rig.item(1).values["summary"] != summary)
    values = rig.item(1).values
    assert (values["title"], values["studio"]) == ("By hand", "Ours")


@pytest.mark.parametrize("gone", [2, 3, FILMS])
async def test_many_at_once_are_asked_about(rig: Rig, shelf: Listed, gone: int) -> None:
    """Up to a fifth goes unasked; for more the owner has to agree."""
    for number in range(1, gone + 1):
        del shelf.records[f"scene:{number}"]
    for turn in range(2):
        found = await look(rig, shelf)
        sample = await rig.engine.gone_records.sample("stash")
        assert {name[:11] for name in sample} <= {
            f"Movie {n:05}" for n in range(1, gone + 1)
        }
        assert sample or not found.asks
        assert found == (
            Gone(FILMS, gone, asks=True)
            if gone > FILMS // 5
            else Gone(FILMS, gone, gone * turn)
        )
    if gone > FILMS // 5:
        await rig.engine.gone_records.agree("stash")
        assert await look(rig, shelf) == Gone(FILMS, gone, gone)
        assert await look(rig, shelf) == Gone(FILMS - gone)


async def test_an_answer_counts_for_what_it_was_asked_about(
    rig: Rig, shelf: Listed
) -> None:
    """Where more are gone by the next look, or others, it is asked again."""
    records = dict(shelf.records)

    def lose(*numbers: int) -> None:
        shelf.records = dict(records)
        for number in numbers:
            del shelf.records[f"scene:{number}"]

    holds = rig.engine.source_holds
    lose(1, 2, 3)
    assert (await look(rig, shelf)).asks
    for numbers in ((1, 2, 4), range(1, FILMS + 1)):
        await rig.engine.gone_records.agree("stash")
        assert not holds.is_held("stash")
        lose(*numbers)
        for _ in range(2):  # nor does the answer come to count later
            found = await look(rig, shelf)
            assert found == Gone(FILMS, len(numbers), asks=True)
        shown = {"known": FILMS, "gone": len(numbers)}
        assert holds.of("stash") == {SourceHold.MASS_CHANGE: shown}
    await rig.engine.gone_records.agree("stash")
    await rig.restart()
    lose(*range(2, FILMS + 1))  # fewer is what was agreed to
    assert await look(rig, shelf) == Gone(FILMS, FILMS - 1, FILMS - 1)
    lose(*range(1, FILMS + 1))
    assert (await look(rig, shelf)).asks


async def test_a_source_that_fails_proves_nothing(rig: Rig, shelf: Listed) -> None:
    """Neither on the first look nor on the second."""
    del shelf.records["scene:1"]
    for _ in range(2):
        shelf.away = True
        with pytest.raises(Fault):
            await look(rig, shelf)
        shelf.away = False
    assert await look(rig, shelf) == Gone(FILMS, 1)


@pytest.mark.parametrize("state", ["waits", "failed", "skipped"])
async def test_jobs_of_what_is_gone_go(rig: Rig, shelf: Listed, state: str) -> None:
    """Whatever they wait for: there is nothing to bring into line any more."""
    lost = replace(shelf.records["scene:1"], key="scene:99", fields={"title": "x"})
    find = replace(lost.find, paths=("/data/movies/Nowhere.mkv",))
    if state == "failed":
        rig.item(1).guids = rig.item(2).guids = ("imdb://tt9",)
        find = replace(lost.find, paths=(), guids=("imdb://tt9",))
    elif state == "skipped":
        find = replace(lost.find, paths=rig.records(2)[1].find.paths)
    await rig.submit([replace(lost, find=find)])
    where = None if state == "waits" else state

    async def jobs() -> list[str]:
        found, _ = await rig.engine.job_status.jobs(state=where)
        return [job.key for job in found if job.reason]

    await rig.until(jobs)
    await look(rig, shelf)
    await look(rig, shelf)
    assert await jobs() == []


async def test_a_merged_record_hands_over_at_once(rig: Rig, shelf: Listed) -> None:
    """The scene that stays has the file now: its item follows it without a sweep."""
    gone = shelf.records.pop("scene:1")
    paths = (*shelf.records["scene:2"].find.paths, *gone.find.paths)
    stays = shelf.records["scene:2"]
    merged = replace(
        stays,
        find=replace(stays.find, paths=paths),
        fields={**stays.fields, "title": "Merged"},
    )
    shelf.put(merged)
    await rig.submit([merged])
    await rig.drained()
    assert [rig.item(number).title for number in (1, 2)] == ["Merged", "Merged"]
    await look(rig, shelf, WhenGone.UNDO)
    await look(rig, shelf, WhenGone.UNDO)
    await rig.drained()
    assert [rig.item(number).title for number in (1, 2)] == ["Merged", "Merged"]
