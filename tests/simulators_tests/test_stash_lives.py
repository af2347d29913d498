"""The simulated Stash lives the recorded lives of real ones, and answers as they did."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import aiohttp
import pytest

from tests.lives import MISSING, VERSIONS, PlayClock, Player, changes, known, steps
from tests.lives.seen import moved, other_records
from tests.simulators.stash import ControlServer, StashCore, StashSimulator

pytestmark = pytest.mark.skipif(bool(MISSING), reason=MISSING or "they are")


@pytest.fixture(params=VERSIONS)
def version(request: pytest.FixtureRequest) -> str:
    """Give each version of which there is a life."""
    return str(request.param)


@pytest.fixture
async def player(version: str, socket_enabled: None) -> AsyncIterator[Player]:
    """Give a player, before an empty server."""
    clock = PlayClock()
    core = StashCore(clock=clock, zone=timedelta(0))
    async with (
        StashSimulator(core, version) as stash,
        ControlServer(stash) as control,
        aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session,
    ):
        yield Player(stash.url, control.url, clock, session)
    core.close()


async def test_a_life_goes_as_recorded(version: str, player: Player) -> None:
    """Every answer is the recorded one, but for those a list names; and the changes are those told.

    One test, since a life takes some seconds.
    """
    await player.play(steps(version))
    assert player.played > 700
    reasons = known(version)
    found = {(each.step, each.where) for each in player.differences}
    unknown = [each for each in player.differences if each[:2] not in reasons]
    assert not unknown, f"{len(unknown)} differences, first {unknown[:5]}"
    assert not reasons.keys() - found, "These places differ no more."
    told = changes(version)
    assert len(told) > 150
    for change in told:
        if change.step not in player.looks:
            continue
        before, after = player.looks[change.step]
        assert change.moved == moved(before, after), change
        assert change.records == other_records(before, after), change
        assert change.new == after.keys() - before.keys(), change
        assert change.gone == before.keys() - after.keys(), change
    assert {change.step for change in told} - player.looks.keys() <= {"623"}


POLL = """query ($scenes: SceneFilterType, $tags: TagFilterType, $performers: PerformerFilterType,
    $studios: StudioFilterType, $groups: GroupFilterType) {
  scene: findScenes(scene_filter: $scenes) { rows: scenes { id } }
  tag: findTags(tag_filter: $tags) { rows: tags { id } }
  performer: findPerformers(performer_filter: $performers) { rows: performers { id } }
  studio: findStudios(studio_filter: $studios) { rows: studios { id } }
  group: findGroups(group_filter: $groups) { rows: groups { id } }
}"""
FILTERS = ("scenes", "tags", "performers", "studios", "groups")


async def stamped(player: Player) -> set[tuple[str, str]]:
    """Ask as a poll does for what was stamped within this second, by kind and id."""
    now = datetime.fromtimestamp(player.clock(), UTC).isoformat()[:19]
    newer = {"updated_at": {"value": now, "modifier": "GREATER_THAN"}}
    data = await player.ask(POLL, **dict.fromkeys(FILTERS, newer))
    return {(kind, row["id"]) for kind, found in data.items() for row in found["rows"]}


async def test_what_a_poll_sees(version: str, player: Player) -> None:
    """Asked for by time, each operation shows the objects that the table says moved, and those that are new."""
    table = {change.step: change for change in changes(version)}
    pauses = {step.number for step in steps(version) if step.pause}
    async for step in player.live(steps(version)):
        if step.number == "620":
            break  # From here on ids are others.
        # A look comes when the job of an operation is over, and within the same second.
        change = table.get(step.look) if step.operation == "Look" else None
        if change is None or change.step not in pauses:
            continue
        kinds = ("scene", "tag", "performer", "studio", "group")
        expected = {
            (mark[1:].split(":")[0], player.dealt(mark))
            for mark in change.moved | change.new
            if mark[1:].split(":")[0] in kinds
        }
        assert await stamped(player) == expected, change


def test_the_table_of_changes(version: str) -> None:
    """Each operation is either seen by a poll, or seen by asking for objects, or unseen, or nothing."""
    for change in changes(version):
        ways = [change.seen, bool(change.seen_by_asking), change.unseen]
        assert sum(ways) == (change.poll_sees != "nothing to see"), change
