"""What an owner wants left alone goes with the files that it was said of."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from custom_components.plexsync.engine.ledger.left_alone import Rule
from custom_components.plexsync.engine.model.holds import SourceHold
from custom_components.plexsync.engine.model.record import Find, Record
from tests.rig import Rig, library

from .test_owners import Shelf

KEYS = [f"scene:{number}" for number in range(1, 5)]


@pytest.fixture
async def shelf() -> Shelf:
    """Give an empty source."""
    return Shelf()


@pytest.fixture(params=[True, False])
async def rig(
    socket_enabled: None, tmp_path: Path, shelf: Shelf, request: pytest.FixtureRequest
) -> AsyncIterator[Rig]:
    """Give an engine with a source of four films, which is held, or is in line with Plex."""
    async with library(len(KEYS)) as plex:
        rig = Rig(plex, tmp_path, fresh=shelf.fresh)
        await rig.start()
        if request.param:
            await rig.engine.source_holds.hold("stash", SourceHold.FIRST_PLAN)
        shelf.put(
            *(
                replace(each, revision=1, files=(f"file {number}",))
                for number, each in enumerate(rig.records(len(KEYS)), 1)
            )
        )
        await rig.submit(shelf.records.values())
        if not request.param:
            await rig.drained()
        yield rig
        await rig.stop()


async def leave(rig: Rig, number: int, *, leave: bool = True) -> None:
    """Leave the title of one film alone, or take that back."""
    rule = Rule("stash", KEYS[number - 1], "title")
    assert await rig.engine.review.leave(rule, leave=leave)


async def write(rig: Rig, shelf: Shelf, *records: Record) -> list[str]:
    """Let the source say something else, and write it; give the titles in Plex."""
    shelf.put(*records)
    await rig.submit(records)
    await rig.engine.source_holds.lift("stash", SourceHold.FIRST_PLAN)
    await rig.drained()
    return [rig.item(number).title for number in range(1, len(KEYS) + 1)]


def dealt(shelf: Shelf, film: int, key: int) -> Record:
    """Give the record of a film as the source says it under another key."""
    record = shelf.records[KEYS[film - 1]]
    fields = {**record.fields, "title": f"Newer {film}"}
    return replace(record, key=KEYS[key - 1], fields=fields, revision=2)


async def test_a_record_that_is_merged_into_another(rig: Rig, shelf: Shelf) -> None:
    """The one that stays takes over what was said of the other one's file."""
    before = rig.item(1).title
    await leave(rig, 1)
    one, two = shelf.records[KEYS[0]], dealt(shelf, 2, 2)
    paths = (*two.find.paths, *one.find.paths)
    merged = replace(two, find=Find(paths), files=(*two.files, *one.files))
    del shelf.records[one.key]
    await rig.engine.withhold("stash", [one.key], rig.clock.steady())
    after = await write(rig, shelf, merged)
    assert (after[0], after[2]) == (before, "New 3")
    assert (await rig.engine.review.rules(9)).page == [Rule("stash", KEYS[1], "title")]


async def test_keys_that_are_dealt_anew(rig: Rig, shelf: Shelf) -> None:
    """Each film keeps what was said of it, also where they change places."""
    before = [rig.item(number).title for number in (1, 2)]
    await leave(rig, 1)
    await leave(rig, 2)
    turn = [dealt(shelf, 1, 2), dealt(shelf, 2, 3), dealt(shelf, 3, 1)]
    after = await write(rig, shelf, *turn)
    assert after[:3] == [*before, "Newer 3"]
    rules = (await rig.engine.review.rules(9)).page
    assert rules == [Rule("stash", key, "title") for key in KEYS[1:3]]


async def test_what_was_taken_back_does_not_come_back(rig: Rig, shelf: Shelf) -> None:
    """A film whose files change has it all the while."""
    before = rig.item(1).title
    await leave(rig, 1)
    again = replace(dealt(shelf, 1, 1), files=("file 1", "moved"))
    assert (await write(rig, shelf, again))[0] == before
    await leave(rig, 1, leave=False)
    del shelf.records[KEYS[0]]
    moved = replace(again, key="scene:9", files=("moved",), revision=3)
    assert (await write(rig, shelf, moved))[0] == "Newer 1"
    tables = "SELECT count(*) FROM left_alone_file"
    count = await rig.engine.database.run(lambda db: db.execute(tables).fetchone())
    assert count == (0,)
