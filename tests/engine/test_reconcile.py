"""A comparison of everything: what stops it, what it passes, and what goes first."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from custom_components.plexsync.engine.circuit.breaker import State
from custom_components.plexsync.engine.jobs import jobs_view
from custom_components.plexsync.engine.jobs.job import Priority
from custom_components.plexsync.engine.model.change import Kept
from custom_components.plexsync.engine.model.record import Find, Image, Record
from custom_components.plexsync.engine.plan.plan import Plan
from custom_components.plexsync.engine.util.concurrency import map_in_order, read_ahead
from custom_components.plexsync.plex.deadlines import Deadlines
from tests.rig import PNG, WITHIN, Rig
from tests.virtual import run
from tests.world import World, world

PAGE = 10
METADATA = "/library/metadata/"


class Shelf:
    """The records of a source, and how many pages of them were read."""

    def __init__(self, it: World) -> None:
        """Say of each film what Plex shows already."""
        self.records = [
            Record("t", str(number), Find(tuple(item.files)), {"title": item.title})
            for number, item in enumerate(it.plex.core.items.values())
        ]
        self.read = 0

    async def pages(self) -> AsyncIterator[Sequence[Record]]:
        """Give them, page by page."""
        for start in range(0, len(self.records), PAGE):
            self.read += 1
            yield self.records[start : start + PAGE]


def test_an_item_that_cannot_be_read_stops_nothing(
    socket_enabled: None, tmp_path: Path
) -> None:
    """It is counted as failed, neither as missing nor waited for."""

    async def main() -> None:
        async with world(tmp_path, listen=False) as it:
            shelf = Shelf(it)
            item = list(it.plex.core.items.values())[17]
            it.plex.faults.add("poison", rating_key=item.rating_key, reads=True)
            counts = await it.engine.sweep.run(shelf.pages())
            assert counts == {"in_line": 29, "failed": 1}
            assert it.engine.circuit.breaker.state is State.CLOSED

    run(main())


def test_what_is_only_filled_is_the_same_for_all_who_plan(
    socket_enabled: None, tmp_path: Path
) -> None:
    """Preview, comparison and write take it from the record."""

    async def main() -> None:
        async with world(tmp_path, listen=False) as it:
            item = next(iter(it.plex.core.items.values()))
            item.values["studio"] = "Theirs"
            record = Record(
                "t",
                "1",
                Find(tuple(item.files)),
                {"studio": "Other", "tagline": "Ours"},
                mirror=True,
                fill_only=frozenset({"studio", "tagline"}),
            )

            async def pages() -> AsyncIterator[Sequence[Record]]:
                yield [record]

            counts = await it.engine.sweep.run(pages(), enqueue=False)
            assert counts == {"differs": 1}
            (plan,) = (await it.engine.on_demand.preview(record)).plans.values()
            assert isinstance(plan, Plan)
            assert plan.kept == {"studio": Kept.FILLED}
            assert [change.field for change in plan.changes] == ["tagline"]
            await it.engine.submit([record], Priority.BULK)
            await it.drained()
            assert item.value("studio") == "Theirs"
            assert item.value("tagline") == "Ours"
            assert await it.engine.sweep.run(pages()) == {"kept:filled": 1}

    run(main())


def test_an_item_that_spoils_each_answer_stops_nothing(
    socket_enabled: None, tmp_path: Path
) -> None:
    """Those beside it are compared; it is tried a few times, and not for ever."""

    async def main() -> None:
        async with world(tmp_path, listen=False) as it:
            shelf = Shelf(it)
            item = list(it.plex.core.items.values())[17]
            it.plex.faults.add(
                "status", code=502, method="GET", rating_key=item.rating_key
            )
            it.plex.journal.clear()
            counts = await it.engine.sweep.run(shelf.pages())
            assert counts == {"in_line": 29, "failed": 1}
            assert it.plex.journal.count(method="GET", path="/library/metadata") < 30

    run(main())


def test_an_outage_is_waited_for(socket_enabled: None, tmp_path: Path) -> None:
    """The run goes on where it was: nothing is read again, and little ahead."""

    async def main() -> None:
        async with world(tmp_path, listen=False) as it:
            shelf = Shelf(it)
            shelf.records *= 4
            await it.plex.stop()
            task = asyncio.create_task(it.engine.sweep.run(shelf.pages(), total=120))
            await asyncio.sleep(3600)
            assert not task.done()
            assert shelf.read <= 4
            assert it.engine.sweep.progress == 0
            await it.plex.start()
            assert await task == {"in_line": 120}
            assert shelf.read == 12

    run(main())


def test_it_can_be_stopped_while_it_waits(socket_enabled: None, tmp_path: Path) -> None:
    """A cancelled run leaves nothing behind, and the next one may begin."""

    async def main() -> None:
        async with world(tmp_path, listen=False) as it:
            await it.plex.stop()
            tasks = asyncio.all_tasks()
            task = asyncio.create_task(it.engine.sweep.run(Shelf(it).pages()))
            await asyncio.sleep(100)
            task.cancel()
            await asyncio.wait([task])
            assert asyncio.all_tasks() <= tasks
            assert it.engine.sweep.progress is None
            await it.plex.start()
            assert (await it.engine.sweep.run(Shelf(it).pages()))["in_line"] == 30

    run(main())


async def test_a_cover_that_nobody_has_fetched(rig: Rig) -> None:
    """Where its mark is another one only a job can tell whether it is another cover."""
    await rig.submit(rig.records(1, poster=Image("/cover", "1")))
    await rig.drained()
    first = rig.item(1).images["thumb"].selected
    rig.gallery.pictures["/cover"] = PNG + b"other"
    records = rig.records(1, poster=Image("/cover", "2"))

    async def pages() -> AsyncIterator[Sequence[Record]]:
        yield records

    await rig.engine.sweep.run(pages())
    await rig.drained()
    assert rig.item(1).images["thumb"].selected != first
    # The next sweep finds nothing to do, and nothing to ask for.
    asked = rig.gallery.asked
    for _ in range(2):
        await rig.engine.sweep.run(pages())
        assert (await rig.engine.snapshot()).pending == 0
    assert rig.gallery.asked == asked


async def test_jobs_that_somebody_waits_for_go_first(rig: Rig) -> None:
    """The run begins once they are taken up, however busy the worker is with others."""
    rig.plex.latency_write = 0.1
    await rig.submit(rig.records(20))
    await rig.until(lambda: rig.edits() > 2)
    urgent = Record("t", "urgent", Find((rig.path(100),)), {"title": "Now"})
    await rig.submit([urgent], Priority.INTERACTIVE)

    async def pages() -> AsyncIterator[Sequence[Record]]:
        for start in range(50, 100, PAGE):
            yield rig.records(100)[start : start + PAGE]

    task = asyncio.create_task(rig.engine.sweep.run(pages(), total=50))
    engine = rig.engine
    await rig.until(lambda: engine.sweep.progress)
    job = await engine.database.run(lambda db: jobs_view.find_job(db, "t", "urgent"))
    assert job is None or job.state == "in_flight"
    assert await task == {"differs": 50}


def test_a_second_run_waits_for_the_first(socket_enabled: None, tmp_path: Path) -> None:
    """One at a time; neither is refused."""

    async def main() -> None:
        async with world(tmp_path, listen=False) as it:
            first, second = Shelf(it), Shelf(it)
            may_go_on = asyncio.Event()

            async def slow_pages() -> AsyncIterator[Sequence[Record]]:
                await may_go_on.wait()
                async for each in first.pages():
                    yield each

            tasks = [
                asyncio.create_task(it.engine.sweep.run(pages))
                for pages in (slow_pages(), second.pages())
            ]
            await asyncio.sleep(100)
            assert second.read == 0
            may_go_on.set()
            assert await asyncio.gather(*tasks) == [{"in_line": 30}] * 2

    run(main())


async def test_two_looks_side_by_side(rig: Rig) -> None:
    """While Plex answers one, it is asked for the next; for no more than that."""
    rig.deadlines = Deadlines()  # none of them is given up on a busy machine
    await rig.restart()
    rig.plex.faults.add("blackhole", method="GET", path=METADATA)

    async def pages() -> AsyncIterator[Sequence[Record]]:
        for start in range(0, 50, PAGE):
            yield rig.records(50)[start : start + PAGE]

    def asked() -> int:
        return rig.plex.journal.count(method="GET", path=METADATA)

    task = asyncio.create_task(rig.engine.sweep.run(pages(), total=50))
    async with asyncio.timeout(WITHIN):
        while asked() < 2:
            await asyncio.sleep(0.01)
    assert asked() == 2
    task.cancel()
    await asyncio.wait([task])


async def test_work_in_order() -> None:
    """So many at once; results in order; an error ends what is under way."""
    under_way: set[int] = set()

    async def stream() -> AsyncIterator[int]:
        for number in range(5):
            yield number

    async def work(number: int) -> int:
        under_way.add(number)
        try:
            assert len(under_way) <= 2
            for _ in range(10 - 2 * number):  # the later, the sooner it is done
                await asyncio.sleep(0)
            if number == 3:
                raise ValueError("over")
            await asyncio.sleep(0)
        finally:
            under_way.discard(number)
        return number

    found = []

    async def take() -> None:
        async for each in map_in_order(stream(), work, 2):
            found.append(each)  # noqa: PERF401  # what came before the error counts

    with pytest.raises(ValueError, match="over"):
        await take()
    assert found == [0, 1, 2]
    assert not under_way


async def test_reading_ahead() -> None:
    """In order, no further than was said, and with the error at its place."""
    given = 0

    async def stream() -> AsyncIterator[int]:
        nonlocal given
        for given in range(1, 6):
            yield given
        raise ValueError("over")

    found = []

    async def take() -> None:
        async for each in read_ahead(stream(), 2):
            for _ in range(10):
                await asyncio.sleep(0)
            # One is in hand, two lie ready, one waits at the door.
            assert given == min(5, each + 3)
            found.append(each)

    with pytest.raises(ValueError, match="over"):
        await take()
    assert found == [1, 2, 3, 4, 5]
