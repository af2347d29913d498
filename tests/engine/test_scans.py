"""Files that the server does not have yet: it is asked to scan their folders, seldom."""

import asyncio
from collections.abc import Callable, Coroutine, Iterable
import itertools
from pathlib import Path
from typing import Any

import pytest

from custom_components.plexsync.engine.circuit.breaker import State
from custom_components.plexsync.engine.jobs.job import Priority
from custom_components.plexsync.engine.model.holds import Hold
from custom_components.plexsync.engine.model.record import Find, Record
from custom_components.plexsync.engine.scans import AGAIN, MOST
from tests.virtual import run, virtual
from tests.world import World, world

FOLDER = "/data/movies/New"
MINUTE, HOUR = 60.0, 3600.0

type Story = Callable[[World], Coroutine[Any, Any, None]]


@pytest.fixture
def play(socket_enabled: None, tmp_path: Path) -> Callable[[Story], None]:
    """Play a story in virtual time, with a source that wants scans and one that does not."""

    async def whole(story: Story) -> None:
        wants = {"stash"}.__contains__
        async with world(tmp_path, wants_scan=wants) as it:
            it.plex.journal.clear()
            await story(it)

    return lambda story: run(whole(story))


def new_files(number: int, folder: str = FOLDER) -> list[str]:
    """Name some files that no item has."""
    return [f"{folder}/New {each:03d} (1999).mkv" for each in range(number)]


async def submit(it: World, files: Iterable[str], source: str = "stash") -> None:
    """Enqueue a title for each file."""
    records = [
        Record(source, path, Find((path,)), {"title": path.rpartition("/")[2]})
        for path in files
    ]
    await it.engine.submit(records, Priority.BULK)


def scans(it: World) -> list[tuple[str, str]]:
    """List the scans that were asked for: the section, and the folder."""
    return [
        (entry.path, dict(entry.query).get("path", ""))
        for entry in it.plex.journal.matching(path="/refresh$")
    ]


ASKED = ("/library/sections/1/refresh", FOLDER)


def test_one_scan_for_a_hundred_files_of_a_folder(
    play: Callable[[Story], None],
) -> None:
    """What it finds wakes the jobs; nothing but the folder is looked at."""

    async def story(it: World) -> None:
        files, other = new_files(100), "/data/movies/Other/Other (1999).mkv"
        for path in (*files, other):
            it.plex.core.add_file(path)
        began = virtual().time()
        await submit(it, files)
        await it.drained()
        assert scans(it) == [ASKED]
        assert virtual().time() - began < MINUTE
        titles = {
            file: item.title
            for item in it.plex.core.items.values()
            for file in item.files
        }
        assert [titles[path] for path in files] == [
            path.rpartition("/")[2] for path in files
        ]
        assert other not in titles

    play(story)


def test_a_folder_is_scanned_again_after_ten_minutes(
    play: Callable[[Story], None],
) -> None:
    """A job that misses its file comes again sooner than that."""

    async def story(it: World) -> None:
        began = virtual().time()
        await submit(it, new_files(1))
        await asyncio.sleep(AGAIN - 10)
        misses = it.plex.journal.count(path="/all$")
        assert misses > 3
        assert scans(it) == [ASKED]
        times = []
        for _ in range(720):
            await asyncio.sleep(10)
            times += [virtual().time()] * (len(scans(it)) - 1 - len(times))
        assert len(times) > 1
        assert times[0] >= began + AGAIN
        assert all(b - a >= AGAIN - 10 for a, b in itertools.pairwise(times))

    play(story)


def test_nothing_is_scanned_that_no_library_has(play: Callable[[Story], None]) -> None:
    """Nor for a source that does not want it, nor for a record without files."""

    async def story(it: World) -> None:
        await submit(it, ["/elsewhere/a.mkv", "/data/moviestar/a.mkv"])
        await submit(it, new_files(3), "other")
        by_guid = Record("stash", "guid", Find(guids=("imdb://tt9",)), {"title": "A"})
        await it.engine.submit([by_guid], Priority.BULK)
        await asyncio.sleep(HOUR)
        assert it.plex.journal.count(path="/all$")
        assert scans(it) == []

    play(story)


def test_a_disk_that_is_missing_hammers_nobody(play: Callable[[Story], None]) -> None:
    """Of many folders only some are asked for in ten minutes; the others come later."""

    async def story(it: World) -> None:
        folders = [f"{FOLDER} {number}" for number in range(MOST * 2)]
        await submit(it, [new_files(1, folder)[0] for folder in folders])
        await asyncio.sleep(AGAIN - 10)
        assert len(scans(it)) == len(set(scans(it))) == MOST
        await asyncio.sleep(AGAIN)
        assert sorted(folder for _, folder in scans(it)) == sorted(folders)

    play(story)


def test_nothing_is_scanned_while_work_is_held(play: Callable[[Story], None]) -> None:
    """Nor kept for later: the job that misses its file comes again."""

    async def story(it: World) -> None:
        circuit, missed = it.engine.circuit, it.engine.scans.missed

        async def miss(name: str) -> None:
            missed([Record("stash", name, Find((f"{FOLDER} {name}/a.mkv",)), {})])
            await asyncio.sleep(1)

        for hold in (Hold.SWITCH, Hold.LEDGER):
            circuit.hold(hold, True)
            await miss(hold)
            circuit.hold(hold, False)
        await it.plex.stop()
        await it.submit(1, "Away")
        await it.until(lambda: circuit.breaker.state is State.OPEN)
        await miss("open")
        await it.plex.start()
        await it.until(lambda: circuit.breaker.state is State.CLOSED)
        assert scans(it) == []
        await miss("well")
        assert [folder for _, folder in scans(it)] == [f"{FOLDER} well"]

    play(story)


def test_a_scan_that_fails_costs_nobody_anything(play: Callable[[Story], None]) -> None:
    """It is a fault of its own kind, told until it works, or until nobody asks any more."""

    async def story(it: World) -> None:
        rule = it.plex.faults.add("status", code=500, path="/refresh$")
        bulkheads = it.engine.bulkheads
        await submit(it, new_files(1))
        await it.submit(10, "Others")
        await asyncio.sleep(HOUR)
        (kind,) = bulkheads.failing()
        assert kind.startswith("scans:")
        assert it.engine.circuit.breaker.state is State.CLOSED
        assert not it.engine.circuit.outages.outages
        (job,), number = await it.engine.job_status.jobs()
        assert (number, job.reason, job.attempts) == (1, "not_found", 0)
        it.plex.core.add_file(new_files(1)[0])
        it.plex.faults.remove(rule)
        await it.until(lambda: not bulkheads.failing(), 2 * HOUR)
        await it.drained()
        it.plex.faults.add("status", code=403, path="/refresh$")
        await submit(it, new_files(1, f"{FOLDER} 2"))
        await it.until(bulkheads.failing)
        await asyncio.sleep(24 * HOUR)  # the job is given up
        assert bulkheads.failing()
        await asyncio.sleep(4 * HOUR)
        assert not bulkheads.failing()
        assert it.engine.circuit.breaker.state is State.CLOSED
        assert not it.engine.circuit.holds

    play(story)


def test_a_doubt_of_scans_ends_when_nobody_wants_one(
    play: Callable[[Story], None],
) -> None:
    """A job that missed its file before the start comes again sooner than that."""

    async def story(it: World) -> None:
        bulkheads = it.engine.bulkheads
        it.engine.scans.doubt(["films"])
        await submit(it, new_files(1), "another")  # which wants none
        await asyncio.sleep(HOUR)
        bulkheads.end_doubt()
        assert bulkheads.in_doubt == {"scans:films"}
        await it.until(lambda: not bulkheads.in_doubt, 2 * HOUR)
        assert scans(it) == []

    play(story)
