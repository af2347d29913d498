"""The ramp against a model: never faster than it may be, never slower than it must.

The model says what the rate is at any moment; what was granted is then held
against the area below it. R1 to R4 of the resilience notes.
"""

from dataclasses import replace
import json
import math
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import invariant, rule
import pytest

from custom_components.plexsync.engine.ramp import Ramp

from .machines import LIMIT, Machine, run

STEP, FLOOR, SHARE = 30.0, 0.2, 0.1
FUZZ = 1e-6
FASTEST = 1000.0

# Binary fractions, so that the model's clock and the ramp's agree to the last bit.
pauses = st.sampled_from(
    [0.0, 0.125, 0.5, 1.0, 2.5, 5.0, 10.0, 15.0, 29.5, 30.0, 30.5, 60.0, 300.0]
) | st.integers(0, 1000).map(lambda number: number / 8)


class RampMachine(Machine):
    """A worker that takes what it may, an outage now and then, a restart."""

    def __init__(self) -> None:
        """Start healthy."""
        super().__init__()
        self.ramp = Ramp()
        self.now = 100.0
        self.healthy = 1.0
        self.rate: float | None = None  # the model's, as of ``level_at``
        self.level_at = 0.0
        self.tokens = 1.0
        self.filled = 0.0
        self.untouched = False
        self.granted: list[tuple[int, float]] = []  # how many, and the area until then
        self.area = 0.0  # below the rate since the ramp began
        self.peak = 0.0
        self.saved: dict[str, Any] = {"healthy": 1.0, "rate": None}

    # -- the model ---------------------------------------------------------------

    def pass_time(self) -> None:
        """Bring the model to now, piece by piece."""
        if (
            self.untouched
        ):  # a level that was restored: its time begins at the first look
            self.level_at = self.filled = self.now
            self.untouched = False
        while self.rate is not None and self.now - self.level_at >= STEP:
            self.level_at += STEP
            self.pour(self.level_at)
            self.rate *= 2
            self.peak = max(self.peak, self.rate)
            if self.rate >= self.healthy:
                self.rate = None
        self.pour(self.now)

    def pour(self, until: float) -> None:
        """Fill the bucket: at most one second's work, never less than one job."""
        if self.rate is None or until <= self.filled:
            return
        gain = (until - self.filled) * self.rate
        self.tokens = min(max(1.0, self.rate), self.tokens + gain)
        self.area += gain
        self.filled = until

    def start_over(self, rate: float | None) -> None:
        """Begin a slope at this rate."""
        self.rate, self.level_at = rate, self.now
        self.tokens, self.filled, self.untouched = 1.0, self.now, False
        self.granted, self.area = [], 0.0
        self.peak = rate or 0.0

    # -- what happens --------------------------------------------------------------

    @rule(seconds=pauses)
    def wait(self, seconds: float) -> None:
        """Let time pass; nobody looks."""
        self.now += seconds

    @rule()
    def close(self) -> None:
        """Close the circuit: start slowly."""
        self.ramp.begin(self.now)
        self.start_over(min(self.healthy, max(FLOOR, SHARE * self.healthy)))
        self.saved = self.snapshot()

    @rule()
    def open(self) -> None:
        """Open the circuit: the breaker limits more than any rate."""
        self.ramp.stop()
        self.rate = None
        self.saved = self.snapshot()

    @rule(wanted=st.sampled_from([0, 1, 1, 2, 3, 10, 1000]), times=st.integers(1, 3))
    def take(self, wanted: int, times: int) -> None:
        """Take as much as there is, at once or in bites."""
        for _ in range(times):
            granted = self.ramp.take(self.now, wanted)
            self.pass_time()
            if self.rate is None:
                assert granted == wanted
                continue
            assert 0 <= granted <= wanted
            # R1 from both sides: no token more than the model has, and none kept back.
            assert min(wanted, int(self.tokens - FUZZ)) <= granted
            assert granted <= self.tokens + FUZZ
            self.tokens -= granted
            self.granted.append((granted, self.area))

    @rule()
    def take_when_told(self) -> None:
        """Wait as long as the ramp says: then at least one job may start."""
        wait = self.ramp.wait(self.now)
        self.pass_time()
        assert wait >= 0
        if self.rate is None:
            assert wait == 0
            return
        assert wait <= 1 / self.rate + FUZZ
        if wait > FUZZ and self.now + wait < self.level_at + STEP:
            early = replace(self.ramp)
            assert early.take(self.now + wait * 0.99 - FUZZ, 1) == 0
        self.now += math.ceil((wait + FUZZ) * 1024) / 1024
        before = len(self.granted)
        self.take(1, 1)
        assert self.rate is None or self.granted[before][0] == 1

    @rule(times=st.sampled_from([1, 1, 1, 2, 20]))
    def fail(self, times: int) -> None:
        """Fail once or in a row."""
        for _ in range(times):
            before = replace(self.ramp).rate
            self.ramp.failed(self.now)
            self.pass_time()
            if self.rate is not None:
                old = self.rate
                self.rate = min(old, max(FLOOR, old / 2))
                self.level_at = self.now
                assert self.ramp.rate is not None
                assert self.ramp.rate <= old * (1 + FUZZ)  # R3
            assert before is not None or self.ramp.rate is None

    @rule(
        jobs=st.sampled_from([0, 1, 3, 100]),
        seconds=st.sampled_from([0.0, 0.001, 0.5, 4.0, 60.0, 86_400.0]),
    )
    def work(self, jobs: int, seconds: float) -> None:
        """Learn, but only from undisturbed work."""
        before = self.ramp.healthy
        self.ramp.worked(jobs, seconds)
        if self.ramp.rate is not None or not jobs or not seconds:
            assert self.ramp.healthy == before
            return
        sample = min(jobs / seconds, FASTEST)
        self.healthy = 0.9 * before + 0.1 * sample
        low, high = sorted((before, sample))
        assert low - FUZZ <= self.ramp.healthy <= high + FUZZ

    @rule(pace=st.sampled_from([0.01, 0.1, 0.3, 2.0, 700.0]))
    def work_for_long(self, pace: float) -> None:
        """Work undisturbed until this pace is what healthy means."""
        self.open()
        for _ in range(150):
            self.work(1, 1 / pace)
        assert self.ramp.healthy == pytest.approx(pace, rel=0.5)

    @rule(
        strides=st.lists(
            st.tuples(st.sampled_from([0.125, 8.0, 22.0, 29.5]), st.integers(0, 2)),
            min_size=2,
            max_size=6,
        )
    )
    def stumble(self, strides: list[tuple[float, int]]) -> None:
        """Close the circuit, and fail now and then on the way up."""
        self.close()
        for seconds, failures in strides:
            self.wait(seconds)
            if failures:
                self.fail(failures)
            self.they_agree()

    @rule(killed=st.booleans(), booted=st.sampled_from([0.0, 8.0, 1e6]))
    def restart(self, killed: bool, booted: float) -> None:
        """Go on at the level that was saved; no time is remembered."""
        data = self.saved if killed else self.snapshot()
        self.ramp = Ramp()
        self.ramp.restore(data)
        self.now = booted
        self.healthy = data["healthy"]
        self.start_over(data["rate"])
        self.untouched = True
        assert self.ramp.rate == data["rate"]

    @rule(
        key=st.sampled_from(["healthy", "rate"]),
        bad=st.sampled_from(
            [None, "x", True, -1, 0, math.nan, math.inf, 10**400, 1e9, [], {}]
        ),
    )
    def restore_rubbish(self, key: str, bad: Any) -> None:
        """Offer a damaged record: that entry is left out, and time still passes."""
        ramp = Ramp()
        ramp.restore({**self.snapshot(), key: bad})
        assert getattr(ramp, key) == getattr(Ramp(), key)
        assert ramp.take(self.now, 1) == 1
        assert ramp.take(self.now + 400 * STEP, 100) == 100

    # -- always --------------------------------------------------------------------

    @invariant()
    def never_too_many(self) -> None:
        """R1: in no span more than the area below the rate, and one bucket."""
        bucket = max(1.0, self.peak) + FUZZ
        total, least = 0, 0.0  # least: of what was granted beyond the area, ever before
        for count, area in self.granted:
            least = min(least, total - area)
            total += count
            assert total - area - least <= bucket

    @invariant()
    def they_agree(self) -> None:
        """R2 and R3: the rate is what the model says, as of the last look."""
        ramp = replace(self.ramp)
        ramp.take(self.now, 0)
        before = dict(vars(self))
        self.pass_time()
        assert (ramp.rate is None) is (self.rate is None)
        if ramp.rate is not None:
            assert ramp.rate == pytest.approx(self.rate)
            assert 0 < ramp.rate <= max(self.healthy, FLOOR)
        assert ramp.healthy == pytest.approx(self.healthy)
        assert 0 < ramp.healthy <= FASTEST
        vars(self).update(before)

    @invariant()
    def it_gets_there(self) -> None:
        """R4: without another failure nothing limits any more, in bounded time."""
        if self.ramp.rate is None:
            return
        ramp = replace(self.ramp)
        doublings = max(1, math.ceil(math.log2(ramp.healthy / self.ramp.rate) - FUZZ))
        ramp.take(self.now, 0)
        ramp.take(self.now + STEP * (doublings + 1), 0)
        assert ramp.rate is None
        fresh = replace(self.ramp)
        fresh.begin(self.now)
        fresh.take(self.now + 4 * STEP, 0)
        assert fresh.rate is None

    def snapshot(self) -> dict[str, Any]:
        """Describe it through real JSON."""
        data = json.dumps(self.ramp.snapshot(), allow_nan=False)
        return json.loads(data)  # type: ignore[no-any-return]


@pytest.mark.timeout(LIMIT)
@pytest.mark.filterwarnings("ignore:It looks like `register_random`")
def test_ramp_machine() -> None:
    """Let it run."""
    run(RampMachine, 400, 50)
