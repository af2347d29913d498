"""Shows, seasons and episodes: what they have in common with films, and what not."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from custom_components.plexsync.engine.jobs.job import Priority
from custom_components.plexsync.engine.model.outcome import Outcome
from custom_components.plexsync.engine.model.record import Find, Record
from tests.rig import Rig, library
from tests.simulators.plex.state import ItemType

BOTH = "/data/shows/A/S01E01-E02.mkv"
NAMES = ["Episode 1", "Episode 2", "Episode 3"]


@pytest.fixture
async def rig(socket_enabled: None, tmp_path: Path) -> AsyncIterator[Rig]:
    """Give a working engine, and a Plex with films and with a show of three episodes.

    The first two have one file.
    """
    async with library(5) as plex:
        shows = plex.core.add_section("Shows", "show", ["/data/shows"])
        for number, file in ((1, BOTH), (2, BOTH), (3, "/data/shows/A/S01E03.mkv")):
            plex.core.add_episode(shows, "A", 1, number, file=file)
        rig = Rig(plex, tmp_path)
        await rig.start()
        yield rig
        await rig.stop()
        assert plex.whole_section_edits == 0


def of_type(rig: Rig, kind: ItemType) -> list[Any]:
    """Give all items of a type."""
    return [
        item
        for section in rig.plex.core.sections.values()
        for item in section.of_type(kind).values()
    ]


def titles(rig: Rig) -> list[str]:
    """Give the titles of the episodes."""
    return [item.title for item in of_type(rig, ItemType.EPISODE)]


def by_key(item: Any) -> Find:
    """Name one item by its rating key."""
    return Find(rating_key=str(item.rating_key))


async def say(rig: Rig, find: Find, key: str = "1", **fields: Any) -> Outcome:
    """Sync one item, as an action does, and wait for the outcome."""
    await rig.submit([Record("action", key, find, fields)], Priority.INTERACTIVE)
    return await rig.engine.outcomes.wait_for("action", key, 20)


async def test_an_undo_tells_the_episodes_of_one_file_apart(rig: Rig) -> None:
    """Each gets back what it had before."""
    outcome = await say(rig, Find((BOTH,)), title="Double", summary="Both")
    assert [item.status for item in outcome.items] == ["written", "written"]
    assert titles(rig) == ["Double", "Double", "Episode 3"]
    assert await rig.engine.undo_runs.undo_since(0) == (2, 4, {})
    assert titles(rig) == NAMES


@pytest.mark.parametrize("rekeyed", [False, True])
async def test_an_episode_is_undone_without_the_other(rig: Rig, rekeyed: bool) -> None:
    """Whichever rating keys they have by then."""
    for episode in of_type(rig, ItemType.EPISODE)[:2]:
        key = str(episode.rating_key)
        await say(rig, by_key(episode), key, title=f"New {episode.index}")
    one, two, _ = of_type(rig, ItemType.EPISODE)
    if rekeyed:
        for each in (two, one):
            rig.plex.core.rekey(each)
    await rig.engine.undoing.undo(by_key(one))
    assert (one.title, two.title) == ("Episode 1", "New 2")
    await rig.engine.undoing.undo(by_key(two))
    assert (one.title, two.title) == ("Episode 1", "Episode 2")


async def test_what_the_other_episode_got_before_stays(rig: Rig) -> None:
    """An undo of what was written since a time is about what was written since then."""
    one, two, _ = of_type(rig, ItemType.EPISODE)
    await say(rig, by_key(one), "one", title="Earlier")
    since = rig.clock.wall()
    await say(rig, by_key(two), "two", title="Later")
    assert await rig.engine.undo_runs.undo_since(since) == (1, 1, {})
    assert titles(rig) == ["Earlier", "Episode 2", "Episode 3"]


async def test_an_episode_that_is_renumbered_is_the_same(rig: Rig) -> None:
    """As long as it has its rating key."""
    *_, episode = of_type(rig, ItemType.EPISODE)
    await say(rig, by_key(episode), title="New")
    episode.index = 4
    episode.rows.clear()
    assert (await say(rig, by_key(episode), title="Newer")).status == "written"
    await rig.engine.undoing.undo(by_key(episode))
    assert titles(rig) == NAMES


@pytest.mark.parametrize("kind", [ItemType.SHOW, ItemType.SEASON])
async def test_what_has_no_file_is_undone_as_well(rig: Rig, kind: ItemType) -> None:
    """Fields that its type does not have are named."""
    (item,) = of_type(rig, kind)
    before = item.title
    outcome = await say(
        rig, by_key(item), title="New", labels=("Ours",), directors=("Nobody",)
    )
    assert outcome.kept == {"directors": "unsupported"}
    assert (item.title, item.tag_names("label")) == ("New", ["Ours"])
    assert await rig.engine.undo_runs.undo_since(0) == (1, 2, {})
    assert (item.title, item.tag_names("label"), item.locks) == (before, [], set())


@pytest.mark.parametrize("sick", [False, True])
async def test_a_guid_may_be_in_a_library_that_was_never_listed(
    rig: Rig, sick: bool
) -> None:
    """Two that have it are never guessed among; a library that fails stops no other."""
    film, episode = rig.item(1), of_type(rig, ItemType.EPISODE)[2]
    film.guid = episode.guid = "example://1"
    await say(rig, Find((rig.path(2),)), "film", title="The films are listed now")
    if sick:
        key = episode.section.key
        rig.plex.faults.add("status", code=500, path=r"/sections/\w+/all", section=key)
    outcome = await say(rig, Find(guids=("example://1",)), title="Which?")
    if sick:
        assert (outcome.status, film.title) == ("written", "Which?")
    else:
        assert (outcome.status, outcome.reason) == ("failed", "ambiguous")
        assert "Which?" not in (film.title, episode.title)
