"""The judge: whose each fault is, with a real circuit and a probe in virtual time."""

import asyncio
from collections.abc import Awaitable, Callable
import gc
from itertools import pairwise
import json
from random import Random

import pytest

from custom_components.plexsync.engine.calls.bulkheads import Bulkheads
from custom_components.plexsync.engine.calls.guarded_calls import GuardedCalls
from custom_components.plexsync.engine.calls.judge import About, Judge, Purpose
from custom_components.plexsync.engine.calls.side_calls import SideCalls
from custom_components.plexsync.engine.circuit.breaker import Result, State
from custom_components.plexsync.engine.circuit.circuit import Circuit
from custom_components.plexsync.engine.circuit.health import Health
from custom_components.plexsync.engine.model.events import CircuitOpened, Event
from custom_components.plexsync.engine.model.faults import Fault, FaultClass
from custom_components.plexsync.engine.model.holds import Hold
from custom_components.plexsync.engine.util.clock import Clock
from custom_components.plexsync.plex.classify import classify
from tests.rig import MemoryStore
from tests.virtual import VirtualLoop

EPOCH = 1_800_000_000.0
PROBE = 2.0  # seconds that one takes
MINUTE, HOUR = 60.0, 3600.0
FILMS, MUSIC = "films", "music"
DAY = 86_400.0


def sick(status: int = 500) -> Fault:
    """Give a fault as it comes over the wire."""
    kind = FaultClass.AUTH if status in (401, 403) else FaultClass.SERVER
    return Fault(kind, f"http_{status}")


def hang() -> Fault:
    """Give what a deadline makes."""
    return Fault(FaultClass.SERVER, "timeout", unreachable=True)


def slow(seconds: float | None = None) -> Fault:
    """Give a wish to slow down."""
    return Fault(FaultClass.SERVER, "http_429", throttled=True, retry_after=seconds)


def edit(item: str, library: str = FILMS) -> About:
    """Name the edit of an item."""
    return About(Purpose.EDIT, item, library)


class World:
    """One process: a circuit, who looks after it, and a server that is well or not."""

    def __init__(self, store: MemoryStore | None = None) -> None:
        """Start, in a running loop."""
        self.loop = asyncio.get_running_loop()
        self.clock = Clock(self.loop.time, lambda: EPOCH + self.loop.time())
        self.store = store or MemoryStore()
        self.circuit = Circuit(
            clock=self.clock, random=Random(0), store=self.store, tell=self._hear
        )
        self.health = Health(self.circuit, self._probe, self.clock)
        self.bulkheads = Bulkheads(Random(0))
        self.judge = Judge(self.circuit, self.health, self.bulkheads, self.clock)
        self.finds: Fault | None = None  # what a probe meets
        self.probes: list[float] = []
        self.events: list[Event] = []

    def _hear(self, event: Event) -> None:
        self.events.append(event)

    async def _probe(self) -> None:
        self.probes.append(self.loop.time())
        await asyncio.sleep(PROBE)
        if self.finds is not None:
            raise self.finds

    async def start(self) -> World:
        """Take up what was saved, and let the first probe pass."""
        assert await self.circuit.load() is None
        await self.health.ask()
        self.probes.clear()
        return self

    @property
    def state(self) -> State:
        """Give the circuit's state, which anything may have changed."""
        return self.circuit.breaker.state

    def worked(self, about: About, began: int | None = None) -> None:
        """Let a call go well that begins now, or began at a moment before."""
        self.judge.worked(about, self.judge.next_number() if began is None else began)

    async def fail(self, *items: str, status: int = 500, library: str = FILMS) -> Fault:
        """Let the edits of items fail one after the other; give the last verdict."""
        verdicts = [
            await self.judge.decide(sick(status), edit(item, library)) for item in items
        ]
        return verdicts[-1]

    def outage_began(self) -> float | None:
        """Give since when an outage lasts, in seconds of the loop."""
        current = self.circuit.outages.current
        return None if current is None else current.start - EPOCH


def check(story: Callable[[], Awaitable[None]]) -> None:
    """Run a story in virtual time; it fails where everybody waits for ever."""

    async def main() -> None:
        await story()

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(main())


def is_put_off(fault: Fault) -> bool:
    """Say whether only the item waits, and nothing is proven."""
    return fault.kind is FaultClass.ITEM and fault.doubtful and not fault.permanent


# -- in doubt ----------------------------------------------------------------------


@pytest.mark.parametrize("status", [500, 502, 503, 401, 403])
@pytest.mark.parametrize("purpose", [Purpose.EDIT, Purpose.READ, Purpose.UPLOAD])
def test_a_doubtful_answer_and_a_probe_that_passes(
    status: int, purpose: Purpose
) -> None:
    """The item is put off, nothing else is touched, and no outage is dated back to it."""

    async def story() -> None:
        world = await World().start()
        verdict = await world.judge.decide(sick(status), About(purpose, "1", FILMS))
        assert is_put_off(verdict)
        assert verdict.reason == f"http_{status}"
        assert len(world.probes) == 1
        assert (world.state, world.circuit.holds) == (State.CLOSED, set())
        assert world.circuit.admit() is not None
        assert world.bulkheads.failing() == {}
        assert world.outage_began() is None

    check(story)


@pytest.mark.parametrize("purpose", list(Purpose))
def test_a_probe_that_fails_makes_it_the_servers(purpose: Purpose) -> None:
    """The circuit opens, and the outage began at the answer in doubt."""

    async def story() -> None:
        world = await World().start()
        await asyncio.sleep(100)
        world.finds = sick(503)
        asked = world.loop.time()
        about = About(purpose, "1", FILMS)
        verdict = await world.judge.decide(hang(), about)
        assert verdict.kind is FaultClass.SERVER
        assert world.state is State.OPEN
        assert world.outage_began() == pytest.approx(asked)
        assert world.loop.time() >= asked + PROBE
        assert world.judge.take_proven() == set()

    check(story)


def test_an_outage_began_at_the_doubt_and_not_at_the_probe_after_it() -> None:
    """Another probe was under way, and passed."""

    async def story() -> None:
        world = await World().start()
        probe = asyncio.create_task(world.health.ask())
        await asyncio.sleep(PROBE / 2)
        asked = world.loop.time()
        verdict = asyncio.create_task(world.judge.decide(hang(), edit("1")))
        assert await probe is None
        world.finds = hang()
        assert (await verdict).kind is FaultClass.SERVER
        assert world.outage_began() == pytest.approx(asked, abs=0.01)

    check(story)


def test_an_item_that_failed_long_ago_is_none_of_an_outage() -> None:
    """It is sick and nobody else is edited; a day later Plex is away for a moment."""

    async def story() -> None:
        world = await World().start()
        await world.fail("1")
        await asyncio.sleep(DAY)
        await world.fail("1")
        away = world.loop.time() + 10
        await asyncio.sleep(10)
        world.finds = hang()
        await world.judge.decide(hang(), edit("1"))
        assert world.state is State.OPEN
        began = world.outage_began()
        assert began is not None
        assert away - 11 <= began <= away + 1

    check(story)


def test_all_failed_probes_of_an_outage_are_counted() -> None:
    """The one that found it, too."""

    async def story() -> None:
        world = await World().start()
        world.finds = hang()
        running = asyncio.create_task(world.health.run())
        await world.judge.decide(hang(), edit("1"))
        for _ in range(2):
            (outage,) = world.circuit.outages.outages
            assert outage.probes == len(world.probes)
            await asyncio.sleep(MINUTE)
        running.cancel()

    check(story)


def test_a_probe_that_is_refused_is_no_outage() -> None:
    """The token's fault is nobody's else; three in a row ask the owner."""

    async def story() -> None:
        world = await World().start()
        world.finds = sick(401)
        for number in range(1, 4):
            verdict = await world.judge.decide(sick(401), edit(f"{number}"))
            assert verdict.kind is FaultClass.AUTH
            assert (Hold.AUTH in world.circuit.holds) is (number == 3)
        assert world.state is State.CLOSED
        assert world.outage_began() is None

    check(story)


def test_all_who_doubt_at_the_same_time_share_one_probe() -> None:
    """Nobody gets a permit before it has passed."""

    async def story() -> None:
        world = await World().start()

        async def ask(item: str) -> None:
            assert is_put_off(
                await world.judge.decide(sick(), About(Purpose.READ, item, FILMS))
            )

        asking = asyncio.gather(*(ask(str(number)) for number in range(50)))
        await asyncio.sleep(PROBE / 2)
        assert world.circuit.admit() is None
        await asking
        assert len(world.probes) == 1
        assert world.circuit.admit() is not None
        assert world.circuit.evidence.first_fault is None

    check(story)


def test_a_probe_that_is_cancelled_answers_nobody() -> None:
    """Who shared it gets another one, and not what some probe before it found."""

    async def story() -> None:
        world = await World().start()
        world.finds = Fault(FaultClass.SERVER, "refused", unreachable=True)
        mine = asyncio.create_task(world.judge.decide(sick(), edit("a")))
        proxys = classify(404, {}, b"", write=False)
        assert proxys is not None
        read = About(Purpose.READ, "b", FILMS)
        other = asyncio.create_task(world.judge.decide(proxys, read))
        await asyncio.sleep(PROBE / 2)
        mine.cancel()
        verdict = await other
        assert (verdict.kind, verdict.reason) == (FaultClass.SERVER, "refused")
        assert len(world.probes) == 2
        assert world.state is State.OPEN

    check(story)


def test_who_doubts_while_a_probe_is_under_way_wants_another() -> None:
    """What it sees may be of before; one more is enough for all of them."""

    async def story() -> None:
        world = await World().start()
        first = asyncio.create_task(world.judge.decide(sick(), edit("1")))
        await asyncio.sleep(PROBE / 2)
        later = [
            asyncio.create_task(world.judge.decide(sick(), edit(f"{number}")))
            for number in (2, 3)
        ]
        await first
        assert world.circuit.admit() is None
        await asyncio.gather(*later)
        assert len(world.probes) == 2
        assert world.circuit.admit() is not None

    check(story)


def test_what_a_call_meets_after_its_caller_left_is_in_no_log() -> None:
    """It goes on beside, and nobody takes its fault any more."""

    async def story() -> None:
        world, told = await World().start(), list[object]()
        world.loop.set_exception_handler(lambda _, what: told.append(what))
        side_calls = SideCalls(
            world.bulkheads,
            lambda: GuardedCalls(world.circuit, world.health, world.judge),
            world.circuit.bell,
            world.loop.time,
        )
        answer = asyncio.Event()

        async def work(_: GuardedCalls) -> None:
            await answer.wait()
            raise hang()

        caller = asyncio.create_task(side_calls.call(f"listing:{FILMS}", work))
        await asyncio.sleep(0.1)
        answer.set()
        caller.cancel()
        await asyncio.wait([caller])
        await side_calls.stop()
        del caller
        gc.collect()
        assert told == []

    check(story)


def test_what_only_plex_can_say_is_believed_after_the_probe() -> None:
    """A 404 of a proxy is the server's until the server has shown to be well."""

    async def story() -> None:
        world = await World().start()
        fault = classify(404, {}, b"", write=False)
        assert fault is not None
        about = About(Purpose.READ, "1", FILMS)
        verdict = await world.judge.decide(fault, about)
        assert (verdict.kind, verdict.reason) == (FaultClass.ITEM, "not_found")
        assert len(world.probes) == 1
        world.finds = hang()
        verdict = await world.judge.decide(fault, about)
        assert verdict.kind is FaultClass.SERVER

    check(story)


def test_what_is_decided_already_passes_through() -> None:
    """Also what we cut ourselves: no probe, no doubt."""

    async def story() -> None:
        world = await World().start()
        for fault in (
            Fault(FaultClass.SERVER, "closed", unreachable=True),
            Fault(FaultClass.ITEM, "rejected", permanent=True),
            Fault(FaultClass.SOURCE, "away"),
        ):
            assert await world.judge.decide(fault, edit("1")) is fault
        assert world.probes == []
        world.worked(edit("2"))
        assert world.judge.take_proven() == set()

    check(story)


def test_a_read_of_several_puts_nobody_off() -> None:
    """They are read alone then; only that shows whose it is."""

    async def story() -> None:
        world = await World().start()
        for _ in range(9):
            assert is_put_off(await world.judge.decide(sick(), About(Purpose.READ)))
        world.worked(edit("2"))
        assert world.judge.take_proven() == set()
        assert world.bulkheads.troubled("reads") == set()

    check(story)


@pytest.mark.parametrize(
    ("purpose", "reason"),
    [
        (Purpose.LISTING, "listing_fails"),
        (Purpose.COLLECTIONS, "collections_fail"),
    ],
)
def test_a_list_that_fails_is_its_librarys(purpose: Purpose, reason: str) -> None:
    """Whatever needs it waits for it, and nothing else."""

    async def story() -> None:
        world = await World().start()
        about = About(purpose, library=FILMS)
        verdict = await world.judge.decide(sick(), about)
        assert (verdict.kind, verdict.reason) == (FaultClass.LIBRARY, reason)
        assert verdict.kept_from == about.bulkhead
        assert world.bulkheads.failing().keys() == {about.bulkhead}
        assert world.state is State.CLOSED

    check(story)


def test_a_picture_that_hangs_is_not_waited_for_three_times() -> None:
    """One deadline shuts the pictures of a library; three answers do."""

    async def story() -> None:
        world = await World().start()
        upload = [About(Purpose.UPLOAD, f"{number}", FILMS) for number in range(3)]
        for number, about in enumerate(upload):
            verdict = await world.judge.decide(sick(), about)
            assert world.bulkheads.is_shut(about.bulkhead) is (number == 2)
        assert verdict.reason == "pictures_fail"
        other = About(Purpose.UPLOAD, "9", MUSIC)
        await world.judge.decide(hang(), other)
        assert world.bulkheads.is_shut(other.bulkhead)
        assert world.circuit.pace.limit == 2  # half of what it begins with

    check(story)


# -- the run of edits ------------------------------------------------------------------


def test_five_different_items_in_a_row_open_at_once() -> None:
    """The outage began with the first of them, and nobody's fault is proven by it."""

    async def story() -> None:
        world = await World().start()
        await asyncio.sleep(50)
        began = world.loop.time()
        for number in range(4):
            assert is_put_off(await world.fail(f"{number}"))
            assert world.state is State.CLOSED
            await asyncio.sleep(7)
        verdict = await world.fail("4")
        assert (verdict.kind, verdict.doubtful) == (FaultClass.SERVER, False)
        assert world.state is State.OPEN
        assert world.outage_began() == pytest.approx(began)
        assert world.circuit.evidence.run == {}
        assert world.bulkheads.failing() == {}
        world.worked(edit("9"))
        assert world.judge.take_proven() == set()

    check(story)


def test_one_item_alone_opens_nothing() -> None:
    """However often its edit fails; a read or an upload is no edit."""

    async def story() -> None:
        world = await World().start()
        for _ in range(20):
            assert is_put_off(await world.fail("1"))
        for number in range(20):
            await world.judge.decide(sick(), About(Purpose.READ, f"{number}", FILMS))
            await world.judge.decide(sick(), About(Purpose.UPLOAD, f"{number}", FILMS))
        assert world.state is State.CLOSED
        assert len(world.circuit.evidence.run) == 1

    check(story)


def test_a_good_edit_starts_the_run_anew() -> None:
    """A good read does not."""

    async def story() -> None:
        world = await World().start()
        await world.fail(*"abcd")
        world.worked(edit("e"))
        await world.fail(*"abcd")
        assert len(world.circuit.evidence.run) == 4
        world.worked(About(Purpose.READ, "e", FILMS))
        assert (await world.fail("f")).kind is FaultClass.SERVER
        assert world.state is State.OPEN

    check(story)


@pytest.mark.parametrize("status", [401, 403])
def test_five_that_are_all_refused_are_the_tokens(status: int) -> None:
    """A hold and no outage; a probe that passes lifts it, and the next refusal is longer."""

    async def story() -> None:
        world = await World().start()
        looks = asyncio.create_task(world.health.run())
        assert is_put_off(await world.fail(*"abcd", status=status))
        assert world.circuit.holds == set()
        for whole in (300, 600, 1200):
            verdict = await world.fail("e", status=status)
            assert verdict.kind is FaultClass.AUTH
            assert world.circuit.holds == {Hold.AUTH}
            assert world.circuit.admit() is None
            world.probes.clear()
            held = world.loop.time()
            await asyncio.sleep(whole - 1)
            assert world.probes == []
            await asyncio.sleep(1 + PROBE + 1)
            assert world.probes == [pytest.approx(held + whole)]
            assert world.circuit.holds == set()
            # One refusal is enough now: edits have been refused, and none went well.
        world.worked(edit("e"))
        assert is_put_off(await world.fail("e", status=status))
        assert world.state is State.CLOSED
        assert world.outage_began() is None
        assert not any(isinstance(each, CircuitOpened) for each in world.events)
        looks.cancel()

    check(story)


def test_one_that_is_not_refused_makes_the_run_the_servers() -> None:
    """A token does not answer 500; after a good edit refusals are the token's again."""

    async def story() -> None:
        world = await World().start()
        await world.fail("a")
        world.worked(edit("z"))
        assert (await world.fail(*"abcde", status=403)).kind is FaultClass.AUTH
        world = await World().start()
        await world.fail("a")
        assert (await world.fail(*"bcde", status=403)).kind is FaultClass.SERVER
        assert world.state is State.OPEN
        assert world.circuit.holds == set()

    check(story)


@pytest.mark.parametrize(
    ("before", "last", "kind"),
    [
        (500, 500, FaultClass.SERVER),
        (500, 403, FaultClass.SERVER),
        (403, 403, FaultClass.AUTH),
    ],
)
def test_the_run_survives_a_restart(before: int, last: int, kind: FaultClass) -> None:
    """What it was made of, too; through real JSON."""

    async def story() -> None:
        store = MemoryStore()
        world = await World(store).start()
        began = world.loop.time()
        await world.fail(*"abcd", status=before)
        await world.circuit.save()
        store.data = json.loads(json.dumps(store.data))
        await asyncio.sleep(60)
        world = await World(store).start()
        assert len(world.circuit.evidence.run) == 4
        assert (await world.fail("e", status=last)).kind is kind
        if kind is FaultClass.SERVER:
            assert world.outage_began() == pytest.approx(began, abs=0.01)
        else:
            assert world.outage_began() is None

    check(story)


# -- whose an attempt is -----------------------------------------------------------------


def test_only_a_later_good_edit_of_another_proves_a_fault() -> None:
    """Not one that began before, not a read, and not its own."""

    async def story() -> None:
        world = await World().start()
        before = world.judge.next_number()
        await world.fail("a")
        subject = edit("a").subject
        assert world.judge.take_proven() == set()
        world.worked(edit("b"), before)
        world.worked(About(Purpose.READ, "b", FILMS))
        world.worked(About(Purpose.UPLOAD, "b", FILMS))
        assert world.judge.take_proven() == set()
        world.worked(edit("b", MUSIC))
        assert world.judge.take_proven() == {subject}
        assert world.judge.take_proven() == set()
        await world.fail("a")
        world.worked(edit("a"))
        world.worked(edit("b"))
        assert world.judge.take_proven() == set()

    check(story)


def test_uploads_prove_pictures_and_edits_prove_reads() -> None:
    """Each shows what it can show."""

    async def story() -> None:
        world = await World().start()
        picture = About(Purpose.UPLOAD, "a", FILMS)
        read = About(Purpose.READ, "a", FILMS)
        await world.judge.decide(sick(), picture)
        await world.judge.decide(sick(), read)
        world.worked(About(Purpose.UPLOAD, "b", FILMS))
        assert world.judge.take_proven() == {picture.subject}
        world.worked(edit("b"))
        assert world.judge.take_proven() == {read.subject}

    check(story)


def test_an_outage_forgives_all_that_was_in_doubt() -> None:
    """An outage consumes no attempts."""

    async def story() -> None:
        world = await World().start()
        await world.fail("a", "b")
        world.finds = hang()
        await world.judge.decide(hang(), edit("c"))
        assert world.state is State.OPEN
        world.worked(edit("d"))
        assert world.judge.take_proven() == set()

    check(story)


def test_what_failed_while_its_kind_was_shut_is_forgiven_but_not_for_ever() -> None:
    """Twice it is taken for the kind's; whoever then still fails is sick himself."""

    async def story() -> None:
        world = await World().start()
        kind, mine = edit("a").bulkhead, {edit(item).subject for item in "abc"}
        for time in range(3):
            assert (await world.fail(*"abc")).reason == "edits_fail"
            assert world.bulkheads.is_shut(kind)
            world.worked(edit("m", MUSIC))  # says nothing of films while they are shut
            assert world.judge.take_proven() == set()
            world.worked(edit("d"))
            assert not world.bulkheads.is_shut(kind)
            world.worked(edit("e"))
            assert world.judge.take_proven() == (mine if time == 2 else set())

    check(story)


def test_edits_of_other_libraries_that_go_well_make_it_the_librarys() -> None:
    """Then no run grows, however many fail; until one of its own goes well."""

    async def story() -> None:
        world = await World().start()
        await world.fail(*"ab")
        world.worked(edit("m", MUSIC))
        for number in range(20):
            verdict = await world.fail(f"{number}")
            assert is_put_off(verdict)
        assert verdict.reason == "edits_fail"
        assert world.state is State.CLOSED
        world.worked(edit("z"))
        assert (await world.fail(*"abcde")).kind is FaultClass.SERVER

    check(story)


# -- asked to slow down --------------------------------------------------------------------


def test_a_wish_to_slow_down_makes_all_calls_wait() -> None:
    """For 600 seconds at most, with fewer in flight, and the item is not in doubt."""

    async def story() -> None:
        world = await World().start()
        world.circuit.pace.restore({"in_flight": 16})
        began = world.loop.time()
        verdict = await world.judge.decide(slow(1e6), edit("a"))
        assert (verdict.kind, verdict.throttled) == (FaultClass.SERVER, True)
        assert world.state is State.CLOSED
        assert world.circuit.wait() == pytest.approx(600)
        assert world.circuit.pace.limit == 8
        assert world.probes == []
        await asyncio.sleep(599)
        assert world.circuit.admit() is None
        await asyncio.sleep(2)
        assert world.circuit.admit() is not None
        assert world.loop.time() - began < 602
        world.worked(edit("b"))
        assert world.judge.take_proven() == set()

    check(story)


@pytest.mark.parametrize(
    ("about", "seconds"),
    [(edit("a"), 1.0), (About(Purpose.LISTING, library=FILMS), 10.0)],
)
def test_who_was_asked_to_slow_down_comes_after_the_others(
    about: About, seconds: float
) -> None:
    """Edits soon after the pause, other calls later: edits show whose it is."""

    async def story() -> None:
        world = await World().start()
        await world.judge.decide(slow(20), about)
        pause = world.circuit.wait()
        assert pause == pytest.approx(20)
        now = world.loop.time()
        assert not world.bulkheads.admit(about.bulkhead, now + pause + seconds - 0.1)
        # A wait is lengthened a little, so that not all come at once.
        assert world.bulkheads.until(about.bulkhead, now) < 1.2 * (pause + seconds)

    check(story)


def test_five_minutes_of_wishes_are_an_outage() -> None:
    """Since the first of them."""

    async def story() -> None:
        world = await World().start()
        began = world.loop.time()
        for item in "abc":
            await world.judge.decide(slow(100), edit(item))
            assert world.state is State.CLOSED
            await asyncio.sleep(101)
        await world.judge.decide(slow(100), edit("d"))
        assert world.state is State.OPEN
        assert world.outage_began() == pytest.approx(began)

    check(story)


def test_an_outage_of_wishes_that_probes_met_too_began_at_the_first() -> None:
    """A probe that is asked to wait finds no outage of its own."""

    async def story() -> None:
        world = await World().start()
        began = world.loop.time()
        about = About(Purpose.LISTING, library=FILMS)
        await world.judge.decide(slow(80), about)
        await asyncio.sleep(81)
        world.finds = slow(80)
        await world.judge.decide(slow(80), about)  # twice: the probe is asked
        assert world.state is State.CLOSED
        for item in "abc":
            await asyncio.sleep(81)
            await world.judge.decide(slow(80), edit(item))
        assert world.state is State.OPEN
        assert world.outage_began() == pytest.approx(began)

    check(story)


def test_a_wish_of_days_ago_is_none_of_an_outage() -> None:
    """Nothing was edited since, so nothing had shown that it was over."""

    async def story() -> None:
        world = await World().start()
        await world.judge.decide(slow(10), About(Purpose.READ, "a", FILMS))
        await asyncio.sleep(3 * DAY)
        began = world.loop.time()
        for item in "bcde":
            await world.judge.decide(slow(100), edit(item))
            await asyncio.sleep(101)
        assert world.state is State.OPEN
        assert world.outage_began() == pytest.approx(began)

    check(story)


def test_two_wishes_with_a_day_between_are_no_outage() -> None:
    """Nobody edited meanwhile, and nobody was asked to wait either."""

    async def story() -> None:
        world = await World().start()
        await world.judge.decide(slow(10), About(Purpose.LISTING, library=FILMS))
        await asyncio.sleep(DAY)
        await world.judge.decide(slow(10), About(Purpose.COLLECTIONS, library=FILMS))
        assert world.state is State.CLOSED

    check(story)


@pytest.mark.parametrize(
    "purpose", [Purpose.UPLOAD, Purpose.LISTING, Purpose.COLLECTIONS]
)
def test_a_second_wish_of_what_is_no_edit_is_for_its_kind(purpose: Purpose) -> None:
    """It waits as asked; everything else goes on."""

    async def story() -> None:
        world = await World().start()
        item = "a" if purpose is Purpose.UPLOAD else None
        about = About(purpose, item, FILMS)
        assert (await world.judge.decide(slow(20), about)).throttled
        await asyncio.sleep(31)
        verdict = await world.judge.decide(slow(50), about)
        assert verdict.kept_from == about.bulkhead
        assert world.bulkheads.until(about.bulkhead, world.loop.time()) >= 49
        assert world.circuit.wait() is None
        assert world.circuit.admit() is not None
        assert world.state is State.CLOSED
        world.worked(about)
        assert (await world.judge.decide(slow(20), about)).throttled

    check(story)


def test_a_wish_for_a_kind_is_the_servers_if_the_probe_fails() -> None:
    """Before one kind alone is made to wait, the server is looked at."""

    async def story() -> None:
        world = await World().start()
        about = About(Purpose.LISTING, library=FILMS)
        await world.judge.decide(slow(20), about)
        await asyncio.sleep(31)
        world.finds = hang()
        assert (await world.judge.decide(slow(20), about)).kind is FaultClass.SERVER
        assert world.state is State.OPEN

    check(story)


def test_a_wish_at_one_item_that_others_do_not_meet_is_the_items() -> None:
    """Nobody else waits for it a second time."""

    async def story() -> None:
        world = await World().start()
        await world.judge.decide(slow(20), edit("a"))
        await asyncio.sleep(30)
        world.worked(edit("b"))
        assert is_put_off(await world.judge.decide(slow(20), edit("a")))
        assert world.circuit.wait() is None
        # Another item may be asked as if for the first time.
        assert (await world.judge.decide(slow(20), edit("c"))).throttled

    check(story)


def test_a_wish_at_one_library_that_others_do_not_meet_is_the_librarys() -> None:
    """Its edits wait for themselves."""

    async def story() -> None:
        world = await World().start()
        await world.judge.decide(slow(20), edit("a"))
        await asyncio.sleep(30)
        world.worked(edit("m", MUSIC))
        verdict = await world.judge.decide(slow(40), edit("b"))
        assert verdict.kept_from == edit("b").bulkhead
        assert world.bulkheads.until(edit("b").bulkhead, world.loop.time()) >= 39
        assert world.circuit.wait() is None

    check(story)


# -- another server ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("finds", "hold", "first"),
    [
        (Fault(FaultClass.WRONG_SERVER, "wrong_machine"), Hold.WRONG_SERVER, 0),
        (Fault(FaultClass.ITEM, "library_gone"), Hold.LIBRARY, 0),
        (Fault(FaultClass.AUTH, "unauthorized"), Hold.AUTH, 2),
    ],
)
def test_what_holds_is_looked_at_ever_later(
    caplog: pytest.LogCaptureFixture, finds: Fault, hold: Hold, first: int
) -> None:
    """Six times an hour in the end; it ends at the first look that finds it gone.

    The log tells of its beginning and of its end, once each. Who refuses is asked
    twice more at first.
    """

    async def story() -> None:
        world = await World().start()
        world.finds = finds
        world.circuit.breaker.doubt()
        world.circuit.wanted = True  # somebody wants to write
        looks = asyncio.create_task(world.health.run())
        await asyncio.sleep(2 * HOUR)
        assert world.circuit.holds == {hold}
        times = world.probes[first:]
        waits = [round(later - earlier) for earlier, later in pairwise(times)]
        assert waits[:4] == [60 + PROBE, 120 + PROBE, 240 + PROBE, 480 + PROBE]
        assert set(waits[4:]) == {600 + PROBE}
        world.finds = None
        await asyncio.sleep(600 + 2 * PROBE)
        assert not world.circuit.holds
        # The next one is looked at again as soon as the first was.
        world.finds = finds
        world.circuit.breaker.doubt()
        world.circuit.wanted = True
        world.probes.clear()
        world.circuit.wake.set()
        await asyncio.sleep(100)
        assert len(world.probes) == first + 2
        looks.cancel()

    check(story)
    told = [
        (record.levelname, record.getMessage())
        for record in caplog.records
        if "held" in record.getMessage()
    ]
    assert told == [
        ("WARNING", f"Plex: jobs are held ({hold})"),
        ("INFO", f"Plex: jobs are no longer held ({hold})"),
        ("WARNING", f"Plex: jobs are held ({hold})"),
    ]


def test_another_machine_holds_until_the_right_one_answers() -> None:
    """No probe at once, no outage, and not a call before one has passed."""

    async def story() -> None:
        world = await World().start()
        looks = asyncio.create_task(world.health.run())
        fault = Fault(FaultClass.WRONG_SERVER, "wrong_machine")
        assert await world.judge.decide(fault, edit("a")) is fault
        assert world.circuit.holds == {Hold.WRONG_SERVER}
        assert world.circuit.admit() is None
        await asyncio.sleep(59)
        assert world.probes == []
        await asyncio.sleep(1 + PROBE + 1)
        assert len(world.probes) == 1
        assert world.circuit.holds == set()
        permit = world.circuit.admit()
        assert permit is not None
        await world.circuit.end_trial(permit, Result.SUCCESS)
        assert (world.state, world.outage_began()) == (State.CLOSED, None)
        looks.cancel()

    check(story)
