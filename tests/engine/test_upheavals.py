"""What Plex did to items behind our back: each is found by its file, and mended."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from custom_components.plexsync.engine.circuit.breaker import State
from custom_components.plexsync.engine.jobs.failed_rows import Choice
from custom_components.plexsync.engine.model.faults import Backoff, RetryPolicy
from custom_components.plexsync.engine.model.record import Find, Record
from tests.rig import RETRY, Rig, library
from tests.simulators.plex.state import Location

pytestmark = pytest.mark.usefixtures("tag_mode")


@pytest.fixture
async def rig(socket_enabled: None, tmp_path: Path) -> AsyncIterator[Rig]:
    """Give a working engine that gives up at once, and a Plex with thirty films."""
    async with library(30) as plex:
        rig = Rig(plex, tmp_path, retry=replace(RETRY, missing_for=0))
        await rig.start()
        yield rig
        await rig.stop()
        assert plex.whole_section_edits == 0


async def sweep(rig: Rig, records: Sequence[Record]) -> dict[str, int]:
    """Compare records, and bring into line what differs."""

    async def pages() -> AsyncIterator[Sequence[Record]]:
        yield records

    return await rig.engine.sweep.run(pages())


async def test_items_made_anew_are_mended_by_one_sweep(rig: Rig) -> None:
    """They have other rating keys and the agent's values; what a person locks stays."""
    records = rig.records(30)
    await rig.submit(records)
    await rig.drained()
    for item in rig.items()[:20]:
        rig.plex.core.recreate(item)
    rig.plex.journal.clear()
    assert await sweep(rig, records) == {"differs": 20, "in_line": 10}
    await rig.drained()
    assert rig.in_line(records) == []
    assert rig.edits() == 20
    assert rig.plex.journal.count(method="GET") <= 10
    assert await sweep(rig, records) == {"in_line": 30}
    assert rig.edits() == 20


async def test_new_rating_keys_alone_cost_no_edit(rig: Rig) -> None:
    """The items are found by their files; what we wrote to them is known still."""
    records, newer = rig.records(30), rig.records(30, "Newer")
    await rig.submit(records)
    await rig.drained()
    for item in rig.items()[:20]:
        rig.plex.core.rekey(item)
    rig.plex.journal.clear()
    for _ in range(2):
        assert await sweep(rig, records) == {"in_line": 30}
    assert rig.edits() == 0
    await rig.submit(newer)
    await rig.drained()
    assert rig.in_line(newer) == []
    assert not [item for item in rig.items() if "New" in item.tag_names("genre")]


async def test_a_rating_key_that_another_file_has_now(rig: Rig) -> None:
    """Nothing is compared with, or written to, the wrong item."""
    records = rig.records(2)
    await rig.submit(records)
    await rig.drained()
    one, two = rig.item(1), rig.item(2)
    one.media, two.media = two.media, one.media
    for item in (one, two):  # a new film gets the key of one that is gone
        item.rows.clear()
        item.locks.clear()
        item.values["title"] = "The agent's"
    rig.plex.journal.clear()
    assert await sweep(rig, records) == {"differs": 2}
    await rig.drained()
    assert (one.title, two.title) == ("New 2", "New 1")


async def test_an_item_that_came_ends_a_failure(rig: Rig) -> None:
    """A failed job that lacked its item is tried again once a sweep finds it."""
    late = Record("stash", "late", Find(("/data/movies/late.mkv",)), {"title": "Late"})
    await rig.submit([late])
    await rig.drained(failed=1)
    assert await sweep(rig, [late]) == {"missing": 1}
    section = next(iter(rig.plex.core.sections.values()))
    item = rig.plex.core.add_item(section, "There", file="/data/movies/late.mkv")
    assert await sweep(rig, [late]) == {"differs": 1}
    await rig.drained()
    assert item.title == "Late"


@pytest.mark.parametrize("how", ["sweep", "retry", "newer"])
async def test_ambiguity_ends_with_its_cause(rig: Rig, how: str) -> None:
    """One of the two that had the guid is gone: whatever looks next finds the other."""
    one, two = rig.item(1), rig.item(2)
    one.guids = two.guids = ("imdb://tt9",)
    which = Record("stash", "1", Find(guids=("imdb://tt9",)), {"title": "Which?"})
    await rig.submit([which])
    await rig.drained(failed=1)
    assert await sweep(rig, [which]) == {"ambiguous": 1}
    rig.plex.core.remove_item(two)
    match how:
        case "sweep":
            assert await sweep(rig, [which]) == {"differs": 1}
        case "retry":
            await rig.engine.failed_jobs.retry(Choice())
        case "newer":
            await rig.submit([replace(which, fields={"title": "This one"})])
    await rig.drained()
    assert one.title in ("Which?", "This one")


async def test_ambiguity_among_many_ends_too(rig: Rig) -> None:
    """However many had the guid: those that are gone are forgotten, some at a time."""
    for item in rig.items():
        item.guids = ("imdb://tt9",)
    which = Record("stash", "1", Find(guids=("imdb://tt9",)), {"title": "Which?"})
    await rig.submit([which])
    await rig.drained(failed=1)
    *gone, last = rig.items()
    for item in gone:
        rig.plex.core.remove_item(item)
    for _ in range(5):
        await sweep(rig, [which])
    await rig.drained()
    assert last.title == "Which?"


async def test_a_pin_remembers_the_file(rig: Rig) -> None:
    """It follows its film to a new rating key, and no key to another film."""
    await rig.submit(rig.records(1))
    await rig.drained()
    pinned = Record("stash", "pinned", Find(("/elsewhere.mkv",)), {"title": "Pinned"})
    film = rig.item(5)
    path = film.files[0]
    await rig.engine.on_demand.pin("stash", "pinned", str(film.rating_key))
    await rig.submit([pinned])
    await rig.drained()
    assert film.title == "Pinned"
    anew = rig.plex.core.recreate(film)
    assert await sweep(rig, [pinned]) == {"differs": 1}
    await rig.drained()
    assert anew.title == "Pinned"
    other = rig.item(9)
    anew.media, other.media = other.media, anew.media
    anew.rows.clear()
    other.rows.clear()
    assert await sweep(rig, [pinned]) == {"differs": 1}
    await rig.drained()
    assert (other.files[0], other.title) == (path, "Pinned")
    rig.plex.core.remove_item(other)
    assert await sweep(rig, [pinned]) == {"missing": 1}
    assert RetryPolicy(transient=Backoff(0.05, 0.5), missing=RETRY.missing) == RETRY


async def test_an_item_that_comes_wakes_whoever_lacks_it(rig: Rig) -> None:
    """Those that gave up too, and only for a file of theirs; nobody asked for a sweep."""
    paths = ["/data/movies/late.mkv", "/data/movies/later.mkv"]
    late = [Record("stash", path, Find((path,)), {"title": "Late"}) for path in paths]
    await rig.submit(late)
    await rig.drained(failed=2)
    section = next(iter(rig.plex.core.sections.values()))
    item = rig.plex.core.add_item(section, "There", file=paths[0])
    key = str(item.rating_key)
    assert await rig.engine.arrivals.came([key, "4711"]) == (paths[0],)
    await rig.drained(failed=1)
    assert item.title == "Late"
    assert await rig.engine.arrivals.came([]) == ()


@pytest.mark.parametrize(
    ("wanted", "file"),
    [
        ("/data/movies/Amélie.mkv", "/data/movies/Amélie.mkv"),
        ("/data/movies/Amélie.mkv", "/data/movies/Ame\u0301lie.mkv"),
        ("/data/movies/Ame\u0301lie.mkv", "/data/movies/Amélie.mkv"),
        ('/data/movies/"Éé".mkv', '/data/movies/"E\u0301e\u0301".mkv'),
        ("/data/movies/千と千尋", "/data/movies/千と千尋"),
        ("/data/movies/YEŞİL İ.mkv", "/data/movies/YEŞİL İ.mkv"),
        ("/data/movies/SEVGİ", "/data/movies/SEVGİ"),
        (r"D:\Films\ÉTÉ 85.MKV", "d:/films/Été 85.mkv"),
        (r"\\nas\Films\It.mkv", r"\\NAS\films\IT.mkv"),
    ],
)
async def test_an_item_that_comes_wakes_whoever_lacks_it_in_any_spelling(
    rig: Rig, wanted: str, file: str
) -> None:
    """Sources and Plex each write a path in their own way."""
    section = next(iter(rig.plex.core.sections.values()))
    new_id = rig.plex.core.catalog.new_id
    section.locations += [Location(new_id(), p) for p in (r"D:\Films", r"\\nas\Films")]
    await rig.submit(
        Record("stash", path, Find((path,)), {"title": "Late"})
        for path in (wanted, f"{wanted} 2")
    )
    await rig.drained(failed=2)
    item = rig.plex.core.add_item(section, "There", file=file)
    assert await rig.engine.arrivals.came([str(item.rating_key)]) == (file,)
    await rig.drained(failed=1)
    assert item.title == "Late"


async def test_a_second_item_of_a_record_in_line(rig: Rig) -> None:
    """It is known as soon as it has come; its record is compared again, and written."""
    one = rig.item(1)
    record = replace(rig.records(1)[0], find=Find((one.files[0], "/data/movies/b.mkv")))
    await rig.submit([record])
    await rig.drained()
    section = next(iter(rig.plex.core.sections.values()))
    twin = rig.plex.core.add_item(section, "Twin", file="/data/movies/b.mkv")
    edits = rig.edits()
    await rig.engine.arrivals.came([str(twin.rating_key)])
    await rig.engine.arrivals.compare([record])
    await rig.drained()
    assert (one.title, twin.title) == ("New 1", "New 1")
    assert rig.edits() == edits + 1


async def test_nothing_is_read_while_plex_is_away(rig: Rig) -> None:
    """A report of what came fails in silence; a sweep finds it later."""
    await rig.plex.stop()
    await rig.submit(rig.records(1))
    await rig.until(lambda: rig.engine.circuit.breaker.state is not State.CLOSED)
    assert await rig.engine.arrivals.came(["1"]) == ()
    await rig.plex.start()


@pytest.mark.parametrize("how", ["skipped", "failed", "waiting"])
async def test_a_pin_wakes_whatever_lacks_its_item(rig: Rig, how: str) -> None:
    """Whether the job was skipped, has failed, or waits for long."""
    if how == "waiting":
        await rig.stop()
        retry = replace(RETRY, missing=Backoff(3600, 3600))
        rig.settings |= {"retry": retry}
        await rig.start()
    folder = "/x" if how == "skipped" else "/data/movies"
    find = Find((f"{folder}/lost.mkv",))
    lost = Record("stash", "lost", find, {"title": "Found"})
    await rig.submit([lost])

    async def is_put_off() -> bool:
        jobs, _ = await rig.engine.job_status.jobs(state=how)
        return bool(jobs)

    await rig.until(is_put_off)
    film = rig.item(3)
    await rig.engine.on_demand.pin("stash", "lost", str(film.rating_key))
    await rig.until(lambda: film.title == "Found")
    await rig.drained()
    snapshot = await rig.engine.snapshot()
    assert (snapshot.skipped, snapshot.failed) == ({}, 0)
