"""Looks that reach less far back: cheap, and nothing is lost by them."""

from datetime import timedelta
from random import Random
import time
from typing import Any

import pytest

from custom_components.plexsync.engine.model.record import Record
from custom_components.plexsync.sources.stash.looks import Looks, Reach
from custom_components.plexsync.sources.stash.stash import StashSource
from custom_components.plexsync.sources.stash.walk import PAGE
from tests.simulators.stash import StashCore, StashSimulator

from .conftest import Clock, MakeSource, Reader, keys

DAY = 86_400.0


def _add(core: StashCore, count: int, **fields: Any) -> list[int]:
    with core.store.transaction():
        return [
            core.add_scene(f"/data/{number}.mkv", title=f"Old {number}", **fields)
            for number in range(1, count + 1)
        ]


def _bulk(core: StashCore, ids: list[int], **fields: Any) -> None:
    with core.store.transaction():
        for scene in ids:
            core.edit_scene(scene, **fields)


async def _quiet(reader: Reader, clock: Clock) -> None:
    """Look until all is read and its second is long over."""
    for _ in range(12):
        await reader.read()
        clock.tick(1)


async def _look(reader: Reader, stash: StashSimulator) -> dict[str, Any]:
    """Look once; give what the first request asked."""
    stash.journal.clear()
    await reader.read()
    return stash.journal.entries[0].variables


def test_reach() -> None:
    """Full at first and now and then, wide once a minute, and when it was in vain."""
    now = 100.0
    looks = Looks(lambda: now)

    def look(*, surprised: bool = False) -> Reach:
        reach = looks.next()
        looks.done(reach, surprised=surprised, by=reach)
        return reach

    assert look() is Reach.FULL
    assert look() is Reach.NARROW
    now += 59
    assert look() is Reach.NARROW
    now += 1
    assert look(surprised=True) is Reach.WIDE
    now += 599
    assert look() is Reach.WIDE
    now += 1
    assert look() is Reach.NARROW
    looks.widen()
    assert look() is Reach.FULL
    assert look() is Reach.NARROW
    now += 1200
    assert look(surprised=True) is Reach.FULL
    now += 300
    assert look() is Reach.FULL
    now += 300
    assert look() is Reach.WIDE


async def test_what_is_asked(
    stash: StashSimulator, core: StashCore, clock: Clock, source: StashSource
) -> None:
    """From two seconds before the last change on; once that is over, only what follows."""
    ids = _add(core, 3)
    clock.tick(DAY)
    core.edit_scene(ids[0], title="New")
    reader = Reader(source)
    await reader.read()
    asked = await _look(reader, stash)
    assert asked["page"]["per_page"] == 1000
    assert asked["scenes"]["updated_at"]["value"] == "2024-05-01T12:00:00"
    asked = await _look(reader, stash)
    assert asked["page"]["per_page"] == 200
    assert asked["scenes"]["updated_at"]["value"] == "2024-05-02T13:59:58"
    clock.tick(10)
    await reader.read()
    asked = await _look(reader, stash)
    assert asked["scenes"]["updated_at"]["value"] == "2024-05-02T14:00:01"
    clock.tick(50)
    asked = await _look(reader, stash)
    assert asked["page"]["per_page"] == 50
    assert asked["scenes"]["updated_at"]["value"] == "2024-05-01T12:00:00"
    source.look_far()
    assert (await _look(reader, stash))["page"]["per_page"] == 1000
    await source.connect()
    assert (await _look(reader, stash))["page"]["per_page"] == 1000
    assert not reader.batches


async def test_a_day_after_a_bulk_edit(
    stash: StashSimulator, core: StashCore, clock: Clock, source: StashSource
) -> None:
    """It is read once; hardly a look lists it again."""
    ids = _add(core, 2000)
    clock.tick(7 * DAY)
    reader = Reader(source)
    await reader.read()
    await _quiet(reader, clock)
    _bulk(core, ids, organized=True)
    stash.journal.clear()
    assert (await reader.read()).keys() == keys(ids)
    assert stash.journal.count("Scenes") == 2000 // PAGE
    stash.journal.clear()
    await _quiet(reader, clock)
    assert not stash.journal.count("Scenes")

    clock.tick(60)
    await reader.read()
    stash.journal.clear()
    for second in range(1, 3600):
        clock.tick(1)
        if second % 10 == 0:
            await reader.read()
            assert not reader.batches
    sizes = [entry.size for entry in stash.journal]
    assert 359 <= len(sizes) <= 362
    # One in twenty minutes has 55 kB, one in a minute 3 kB.
    assert sum(sizes) < 500_000
    assert sorted(sizes)[290] < 500
    clock.tick(1)
    core.edit_scene(ids[5], title="One of them")
    assert (await reader.read()).keys() == keys([ids[5]])


async def test_more_at_once_than_a_narrow_look_lists(
    stash: StashSimulator, core: StashCore, clock: Clock, source: StashSource
) -> None:
    """A job that writes hundreds in a second: all are read, and none is sent twice."""
    ids = _add(core, 1500)
    clock.tick(7 * DAY)
    reader = Reader(source)
    await reader.read()
    await _quiet(reader, clock)
    found: list[str] = []
    for start in range(0, 1500, 300):
        _bulk(core, ids[start : start + 300], organized=True)
        found += await reader.read()
        clock.tick(1)
        found += await reader.read()
    assert not stash.journal.count("Ids")
    await _quiet(reader, clock)
    found += [record.key for batch in reader.batches for record in batch.records]
    assert sorted(found) == sorted(keys(ids))


async def test_two_edits_in_one_second(
    stash: StashSimulator, core: StashCore, clock: Clock, source: StashSource
) -> None:
    """The later one arrives; what stands as it was read is not sent again."""
    ids = _add(core, 20)
    reader = Reader(source)
    await reader.read()
    await _quiet(reader, clock)
    now = time.time()
    core.clock = lambda: now
    core.edit_scene(ids[0], title="One")
    core.edit_scene(ids[1], title="One")
    assert (await reader.read()).keys() == keys(ids[:2])
    core.edit_scene(ids[1], title="Two")
    found = await reader.read()
    assert {key: record.fields["title"] for key, record in found.items()} == {
        f"scene:{ids[1]}": "Two"
    }
    assert not await reader.read()
    assert not reader.batches


async def test_an_edit_in_the_second_of_a_bulk_edit(
    stash: StashSimulator, core: StashCore, clock: Clock, source: StashSource
) -> None:
    """They are too many to be read again at once, but are when their second is over."""
    ids = _add(core, 200)
    reader = Reader(source)
    await reader.read()
    await _quiet(reader, clock)
    now = time.time()
    core.clock = lambda: now
    _bulk(core, ids, organized=True)
    assert (await reader.read()).keys() == keys(ids)
    core.edit_scene(ids[7], title="In the same second")
    await reader.read()
    now += 1
    core.edit_scene(ids[8], title="In the next one")
    assert (await reader.read()).keys() == keys(ids[7:9])


async def test_a_clock_that_is_set_back_between_looks(
    stash: StashSimulator, core: StashCore, clock: Clock, source: StashSource
) -> None:
    """The next wide look sees it, within a minute; then all looks do, for a while."""
    ids = _add(core, 9)
    clock.tick(DAY)
    core.edit_scene(ids[0], title="New")
    reader = Reader(source)
    await reader.read()
    await _quiet(reader, clock)
    clock.tick(-1800)
    core.edit_scene(ids[1], title="Back")
    assert not await reader.read()
    clock.tick(60)
    stash.journal.clear()
    assert (await reader.read()).keys() == keys([ids[1]])
    assert not stash.journal.count("Scenes")  # it alone is read
    for scene in ids[2:]:
        clock.tick(1)
        core.edit_scene(scene, title="Back too")
        assert (await reader.read()).keys() == keys([scene])


async def test_a_zone_further_west_between_looks(
    core: StashCore, clock: Clock, source: StashSource
) -> None:
    """Times hours before the greatest are found within a minute as well."""
    ids = _add(core, 9)
    clock.tick(DAY)
    core.edit_scene(ids[0], title="New")
    reader = Reader(source)
    await reader.read()
    await _quiet(reader, clock)
    core.set_zone(timedelta(hours=-8))
    core.edit_scene(ids[1], title="West")
    clock.tick(60)
    assert (await reader.read()).keys() == keys([ids[1]])
    clock.tick(1)
    core.edit_scene(ids[2], title="West too")
    assert (await reader.read()).keys() == keys([ids[2]])


async def test_a_change_that_was_not_taken_in(
    core: StashCore, clock: Clock, source: StashSource
) -> None:
    """Whoever reads fails on the way; the next look gives it again, from wherever it is."""
    ids = _add(core, 5)
    clock.tick(DAY)
    core.edit_scene(ids[0], title="New")
    reader = Reader(source)
    await reader.read()
    await _quiet(reader, clock)
    clock.tick(60)
    clock.tick(-600)
    core.edit_scene(ids[1], title="Late")
    for _ in range(3):
        changes = source.changes(reader.cursor)
        batch = await anext(changes)
        assert [record.key for record in batch.records] == [f"scene:{ids[1]}"]
    assert (await reader.read()).keys() == keys([ids[1]])
    clock.tick(60)
    assert not await reader.read()


async def test_another_reader_takes_nothing_away(
    core: StashCore, clock: Clock, source: StashSource
) -> None:
    """What a reading of everything was given still reaches the poll."""
    ids = _add(core, 5)
    reader = Reader(source)
    await reader.read()
    await _quiet(reader, clock)
    core.edit_scene(ids[1], title="New")
    other = Reader(source, reader.cursor)
    assert (await other.read()).keys() == keys([ids[1]])
    assert (await Reader(source).read()).keys() == keys(ids)
    assert (await reader.read()).keys() == keys([ids[1]])


class _Life:
    """Random things that happen to a Stash, and what reached a reader of it."""

    def __init__(
        self, seed: int, core: StashCore, clock: Clock, reader: Reader
    ) -> None:
        """Begin with some scenes, and some tags."""
        self.random = Random(seed)
        self.core, self.clock, self.reader = core, clock, reader
        self.ids = _add(core, self.random.choice((4, 30, 260)), tags=["A"])
        self.arrived: dict[str, Record] = {}
        self.tag, self.edits = "A", 0
        self.times: dict[int, set[str]] = {}
        self.blurred: set[str] = set()  # changed twice under one time: for the sweep

    def _edit(self, scenes: list[int], title: str) -> None:
        _bulk(self.core, scenes, title=title)
        for scene in scenes:
            times = self.times.setdefault(scene, set())
            if (now := self.core.updated_at(scene)) in times:
                self.blurred.add(f"scene:{scene}")
            times.add(now)

    def happen(self) -> None:
        """Let something happen."""
        self.edits += 1
        title = f"Edit {self.edits}"
        match self.random.randrange(12):
            case 0:
                self.tag, old = f"Tag {self.edits}", self.tag
                self.core.rename_tag(old, self.tag)
            case 1:
                number = self.random.randrange(1, len(self.ids) + 1)
                self._edit(self.random.sample(self.ids, number), title)
            case 2:
                hours = self.random.choice((-8, -1, 0, 2, 5.5))
                self.core.set_zone(timedelta(hours=hours))
            case 3:
                self.clock.tick(-self.random.choice((2, 30, 3000)))
            case 4:
                path = f"/data/new {self.edits}.mkv"
                self.ids.append(self.core.add_scene(path, title=title, tags=[self.tag]))
            case 5:
                pass
            case _:
                self._edit([self.random.choice(self.ids)], title)

    async def read(self, seconds: float) -> None:
        """Let time pass, and look."""
        self.clock.tick(seconds)
        self.arrived |= await self.reader.read()


@pytest.mark.parametrize("seed", range(12))
async def test_random_lives(
    seed: int, core: StashCore, clock: Clock, make_source: MakeSource
) -> None:
    """Whatever happens between two looks: soon all of it has arrived.

    That is after a minute, or after the next full look where more changed in a day than
    a wide one lists.
    """
    life = _Life(seed, core, clock, Reader(make_source()))
    await life.read(0)
    for _ in range(60):
        for _ in range(life.random.randrange(4)):
            life.happen()
        await life.read(life.random.choice((1, 1, 1, 2, 10, 30)))
        if life.random.random() < 0.05:
            life.reader = Reader(make_source(), life.reader.cursor)
    few = len(life.ids) < 50
    for seconds in [10] * 12 if few else [1200]:
        await life.read(seconds)
    everything = await Reader(make_source()).read()
    differ = [
        key
        for key, record in everything.items()
        if record.fields != life.arrived[key].fields and key not in life.blurred
    ]
    assert not differ
