"""The simulated Stash lives the recorded lives of real ones, and answers as they did."""

from collections.abc import AsyncIterator
from datetime import timedelta

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
    """Give a player that has played a life to its end."""
    clock = PlayClock()
    core = StashCore(clock=clock, zone=timedelta(0))
    async with (
        StashSimulator(core, version) as stash,
        ControlServer(stash) as control,
        aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session,
    ):
        player = Player(stash.url, control.url, clock, session)
        await player.play(steps(version))
        yield player
    core.close()


async def test_a_life_goes_as_recorded(version: str, player: Player) -> None:
    """Every answer is the recorded one, but for those a list names; and the changes are those told.

    One test, since a life takes some seconds.
    """
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


def test_the_table_of_changes(version: str) -> None:
    """Each operation is either seen by a poll, or seen by asking for objects, or unseen, or nothing."""
    for change in changes(version):
        ways = [change.seen, bool(change.seen_by_asking), change.unseen]
        assert sum(ways) == (change.poll_sees != "nothing to see"), change
