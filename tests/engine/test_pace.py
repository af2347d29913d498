"""The pace: one number of edits in flight, which grows while that pays."""

import asyncio
from collections.abc import Callable, Coroutine
import json
from random import Random
from typing import Any

import pytest

from custom_components.plexsync.engine.circuit.pace import MOST, START, Pace
from tests.virtual import VirtualLoop


def make(limit: int = START) -> Pace:
    """Give a pace in virtual time that begins with so many."""
    pace = Pace(lambda: asyncio.get_running_loop().time())
    pace.restore({"in_flight": limit})
    return pace


async def turns(count: int = 5) -> None:
    """Let everybody do what they can."""
    for _ in range(count):
        await asyncio.sleep(0)


class Crowd:
    """Edits that want a place, and stay until they are told to go."""

    def __init__(self, pace: Pace) -> None:
        """Begin with nobody."""
        self.pace = pace
        self.inside: list[int] = []
        self.most = 0
        self._leave: dict[int, asyncio.Event] = {}
        self.tasks: dict[int, asyncio.Task[None]] = {}

    async def _edit(self, number: int) -> None:
        async with self.pace.place():
            self.inside.append(number)
            self.most = max(self.most, len(self.inside))
            try:
                await self._leave[number].wait()
            finally:
                self.inside.remove(number)

    async def come(self, *numbers: int) -> None:
        """Let edits come."""
        for number in numbers:
            self._leave[number] = asyncio.Event()
            self.tasks[number] = asyncio.create_task(self._edit(number))
        await turns()

    def go(self, *numbers: int) -> None:
        """Let edits end, now."""
        for number in numbers:
            self._leave[number].set()


def check(story: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run a story in virtual time; it fails where everybody waits for ever."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(story())


def test_never_more_than_the_limit_and_first_come_first_served() -> None:
    """Whoever comes too many waits, and each that goes lets the next one in."""

    async def story() -> None:
        crowd = Crowd(make(3))
        await crowd.come(*range(8))
        assert crowd.inside == [0, 1, 2]
        crowd.go(1)
        await turns()
        assert crowd.inside == [0, 2, 3]
        crowd.go(0, 2, 3)
        await turns()
        assert crowd.inside == [4, 5, 6]
        crowd.go(4, 5, 6, 7)
        await turns()
        assert (crowd.inside, crowd.pace.in_flight, crowd.most) == ([], 0, 3)

    check(story)


def test_whoever_comes_back_at_once_overtakes_nobody() -> None:
    """A lane that begins its next edit without a pause keeps no other lane waiting."""

    async def story() -> None:
        pace, order = make(1), []

        async def lane(name: str) -> None:
            for _ in range(3):
                async with pace.place():
                    order.append(name)
                    await asyncio.sleep(1)

        await asyncio.gather(lane("a"), lane("b"), lane("c"))
        assert "".join(order) == "abcabcabc"

    check(story)


@pytest.mark.parametrize("first", ["leaves", "is cancelled"])
def test_whoever_is_cancelled_passes_the_place_on(first: str) -> None:
    """Also one that was just let in and had no time to begin."""

    async def story() -> None:
        crowd = Crowd(make(1))
        await crowd.come(0, 1, 2)
        if first == "leaves":
            crowd.go(0)
        else:
            crowd.tasks[0].cancel()
        while crowd.inside:
            await asyncio.sleep(0)
        assert not crowd.tasks[1].done()
        crowd.tasks[1].cancel()
        await turns()
        assert crowd.inside == [2]
        crowd.go(2)
        await turns()
        assert crowd.pace.in_flight == 0

    check(story)


def test_whoever_is_cancelled_while_waiting_leaves_the_line() -> None:
    """The place goes to the next one, and none is lost."""

    async def story() -> None:
        crowd = Crowd(make(1))
        await crowd.come(0, 1, 2)
        crowd.go(0)
        crowd.tasks[1].cancel()  # at the same moment
        await turns()
        assert crowd.inside == [2]
        crowd.tasks[2].cancel()
        await turns()
        await crowd.come(3)
        assert crowd.inside == [3]

    check(story)


@pytest.mark.parametrize("seed", range(20))
def test_whatever_comes_nobody_is_forgotten(seed: int) -> None:
    """Comings, goings, cancellations and trouble in any order: all ends well."""

    async def story() -> None:
        random, crowd = Random(seed), Crowd(make())
        pace = crowd.pace
        for number in range(200):
            await crowd.come(number)
            before = len(crowd.inside)
            match random.randrange(6):
                case 0 if crowd.inside:
                    crowd.go(random.choice(crowd.inside))
                case 1 if crowd.inside:
                    crowd.tasks[random.choice(crowd.inside)].cancel()
                case 2:
                    for one in random.sample(range(number + 1), min(3, number + 1)):
                        crowd.tasks[one].cancel()
                case 3:
                    pace.trouble()
                case 4:
                    pace.begin()
                case _:
                    pace.worked()
            await turns(random.randrange(4))
            assert len(crowd.inside) <= max(pace.limit, before)
            assert 1 <= pace.limit <= MOST
        crowd.go(*range(200))
        await asyncio.wait(crowd.tasks.values())
        assert (crowd.inside, pace.in_flight) == ([], 0)
        crowd = Crowd(pace)
        await crowd.come(*range(20))
        assert len(crowd.inside) == pace.limit

    check(story)


def test_one_after_an_outage_and_half_on_trouble() -> None:
    """Who is in flight stays; nobody else comes in until there is room."""

    async def story() -> None:
        crowd = Crowd(make(16))
        await crowd.come(*range(20))
        crowd.pace.trouble()
        assert crowd.pace.limit == 8
        crowd.go(*range(8))
        await turns()
        assert crowd.inside == list(range(8, 16))
        crowd.go(8)
        await turns()
        assert crowd.inside == [*range(9, 16), 16]
        crowd.pace.begin()
        assert crowd.pace.limit == 1
        crowd.go(*range(9, 16))
        await turns()
        assert crowd.inside == [16]
        for _ in range(5):
            crowd.pace.trouble()
        assert crowd.pace.limit == 1

    check(story)


async def serve(
    pace: Pace,
    at_once: int,
    edits: int,
    lanes: int = MOST,
    seconds: float = 0.02,
    wavers: int = 0,
) -> list[int]:
    """Make edits on a server that does so many at once; give the limits on the way.

    One that ``wavers`` may be slow, or not, anew after so many edits.
    """
    server, random = asyncio.Semaphore(at_once), Random(at_once)
    slow = 1.0
    limits: list[int] = []
    left = edits

    async def lane() -> None:
        nonlocal left, slow
        while left > 0:
            left -= 1
            if wavers and not left % wavers:
                slow = random.choice((1.0, 2.5, 5.0))
            async with pace.place():
                assert pace.in_flight <= max(pace.limit, *limits[-lanes:], 1)
                async with server:
                    await asyncio.sleep(slow * seconds * (0.5 + random.random()))
                pace.worked()
                limits.append(pace.limit)

    await asyncio.gather(*(lane() for _ in range(lanes)))
    return limits


@pytest.mark.parametrize("at_once", [1, 2, 3, 4, 6, 8])
@pytest.mark.parametrize("begins", ["new", "after an outage", "at most"])
def test_it_settles_where_more_do_not_pay(at_once: int, begins: str) -> None:
    """Near what the server does at once, wherever it begins and however rates waver."""

    async def story() -> None:
        pace = make(MOST if begins == "at most" else START)
        if begins == "after an outage":
            pace.begin()
        limits = (await serve(pace, at_once, 20_000))[5000:]
        usual = sorted(limits)[len(limits) // 2]
        assert at_once <= usual < 3 * at_once
        assert sum(limit > 3 * at_once for limit in limits) < len(limits) / 5
        assert sum(limit < at_once for limit in limits) < len(limits) / 10

    check(story)


def test_a_server_that_does_many_at_once_is_given_as_many_as_there_may_be() -> None:
    """Sixteen and no more, also after an outage."""

    async def story() -> None:
        pace = make()
        pace.begin()
        limits = await serve(pace, 100, 20_000, lanes=30)
        assert (limits[0], max(limits)) == (1, MOST)
        late = limits[1000:]
        assert late.count(MOST) > 0.95 * len(late)  # now and then half are tried
        assert max(await serve(make(12), 100, 2000, lanes=30)) == MOST

    check(story)


@pytest.mark.parametrize("at_once", [1, 2, 3, 4, 6])
def test_a_server_that_answers_otherwise_is_tried_at_once(at_once: int) -> None:
    """As many as pay are soon in flight, whatever was found out while it was faster."""

    async def story() -> None:
        pace = make()
        await serve(pace, at_once, 1000, seconds=0.001)
        assert MOST in (await serve(pace, 100, 300))[:100]

    check(story)


@pytest.mark.parametrize("wavers", [16, 48])
@pytest.mark.parametrize("at_once", [1, 2])
def test_a_server_that_wavers_is_not_given_more_for_that(
    at_once: int, wavers: int
) -> None:
    """Faster than a moment ago is no reason for more, however often it happens."""

    async def story() -> None:
        limits = await serve(make(), at_once, 10_000, wavers=wavers)
        assert sum(limits) / len(limits) < MOST / 2

    check(story)


def test_trouble_forgets_what_was_on_trial() -> None:
    """The limit before a step does not come back after trouble."""

    async def story() -> None:
        pace = make(8)
        crowd = Crowd(pace)
        await crowd.come(*range(30))
        while pace.limit == 8:
            pace.worked()
            await asyncio.sleep(0.1)
        assert pace.limit == 16
        for _ in range(4):
            pace.trouble()
        assert pace.limit == 1
        for _ in range(100):  # slower than it ever was
            await asyncio.sleep(100)
            pace.worked()
            assert pace.limit <= 2

    check(story)


def test_nothing_is_learnt_while_nobody_waits() -> None:
    """Who has little to do is not slow."""

    async def story() -> None:
        pace = make(4)
        limits = await serve(pace, 100, 1000, lanes=3)
        assert set(limits) == {4}

    check(story)


def test_the_number_survives() -> None:
    """A restart goes on with it, through real JSON."""
    pace = Pace(lambda: 0.0)
    pace.begin()
    other = Pace(lambda: 0.0)
    other.restore(json.loads(json.dumps(pace.snapshot())))
    assert other.limit == 1


@pytest.mark.parametrize(
    ("bad", "limit"),
    [
        (None, START),
        ("4", START),
        (True, START),
        (2.5, START),
        ([], START),
        (0, 1),
        (-3, 1),
        (10**400, MOST),
    ],
)
def test_a_bad_number_is_no_number(bad: object, limit: int) -> None:
    """No pace that stands still, none without a bound."""
    pace = Pace(lambda: 0.0)
    pace.restore({"in_flight": bad})
    assert pace.limit == limit
    pace = Pace(lambda: 0.0)
    pace.restore({})
    assert pace.limit == START
