"""What an owner has approved goes on, and ends when something else takes its place."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.rig import Rig, library

from .test_owners import Shelf
from .test_review import FIRST, compare, rows

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


async def test_a_sweep_leaves_the_plan_of_what_is_held(rig: Rig, shelf: Shelf) -> None:
    """It passes over what has a job: that is not in line, and still to be reviewed."""
    plan = await rows(rig)
    counts = await rig.engine.sweep.run(shelf.pages(), read_whole=lambda: ["stash"])
    assert counts == {"pending": FILMS}
    assert await rows(rig) == plan


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
