"""The outage log against the plain truth: what happened, second by second.

The model keeps what it did to the world, not what the log made of it, and works
out each figure by cutting the window at every moment where something changed and
looking at the middle of each piece. M1 to M3 of the resilience notes.
"""

from dataclasses import dataclass
import itertools
import json
import math
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import invariant, precondition, rule
import pytest

from custom_components.plexsync.engine.circuit.outages import Outage, OutageLog

from .machines import LIMIT, Machine, run

DAY = 86_400.0
MEANS = 90 * DAY
KEPT = 400 * DAY
FLAP = 60.0
LOOKS = 900.0
EPOCH = 1_800_000_000.0

seconds = st.sampled_from(
    [0.0, 1.0, 30.0, 59.0, 60.0, 61.0, 900.0, 3600.0, DAY, 6 * DAY, 40 * DAY]
) | st.integers(0, 7200).map(float)
windows = st.sampled_from([DAY, 7 * DAY, 30 * DAY, 90 * DAY]) | st.integers(
    1, 100_000
).map(float)


@dataclass
class Down:
    """One outage, as it was."""

    start: float
    cause: str
    end: float | None = None
    by: str | None = None
    jobs: int = 0
    probes: int = 0
    reopened: int = 0
    mark: float = 0.0  # what had been watched when it ended


class OutageMachine(Machine):
    """A server that comes and goes, somebody who looks now and then, restarts."""

    def __init__(self) -> None:
        """Begin with nothing known."""
        super().__init__()
        self.log = OutageLog()
        self.now = EPOCH
        self.downs: list[Down] = []
        self.gone = 0  # outages too old to keep
        self.blind: list[tuple[float, float, float]] = []
        self.watched = 0.0
        self.last: float | None = None
        self.since: float | None = None
        self.seen: float | None = None
        self.ended: dict[int, Outage] = {}  # its number → as it was when it ended
        self.saved = self.remember()

    # -- the host's part -----------------------------------------------------------

    def remember(self) -> tuple[Any, ...]:
        """Save, through real JSON; with what is true as of now."""
        data = json.dumps(self.log.snapshot(), allow_nan=False)
        return (
            json.loads(data),
            [Down(**vars(down)) for down in self.downs],
            self.gone,
            list(self.blind),
            self.watched,
            self.since,
            self.seen,
            dict(self.ended),
        )

    def look(self, *, gap: bool = False) -> None:
        """Observe in both worlds."""
        self.log.observe(self.now, gap=gap)
        if self.last is not None:
            # However far a clock jumps, the next look was no later than this.
            self.watched += min(max(0.0, self.now - self.last), LOOKS)
        self.last = self.now
        # What lies ahead never was: some clock was wrong.
        self.blind = [
            (a, min(b, self.now), mark) for a, b, mark in self.blind if a < self.now
        ]
        if gap and self.seen is not None and self.seen < self.now:
            self.blind.append((self.seen, self.now, self.watched))
        self.since = self.now if self.since is None else min(self.since, self.now)
        self.seen = self.now
        horizon = self.watched - KEPT
        kept = [d for d in self.downs if d.end is None or d.mark > horizon]
        self.gone += len(self.downs) - len(kept)
        self.downs = kept
        self.blind = [span for span in self.blind if span[2] > horizon]

    def current(self) -> Down | None:
        """Give the outage that lasts."""
        return self.downs[-1] if self.downs and self.downs[-1].end is None else None

    # -- what happens --------------------------------------------------------------

    @rule(length=seconds, looks=st.sampled_from([True, True, False]))
    def wait(self, length: float, looks: bool) -> None:
        """Let time pass."""
        self.now += length
        if looks:
            self.look()
            self.saved = self.remember()

    @rule(days=st.sampled_from([1, 10, 10, 150]))
    def watch(self, days: int) -> None:
        """Look on for so long."""
        for _ in range(days * 96):
            self.now += LOOKS
            self.look()
        self.saved = self.remember()

    @rule(ahead=st.sampled_from([DAY, 500 * DAY, 5000 * DAY]), gap=st.booleans())
    def jump(self, ahead: float, gap: bool) -> None:
        """Let the clock be far ahead once."""
        self.look()
        self.now += ahead
        self.look(gap=gap)
        self.now -= ahead
        self.look()
        self.saved = self.remember()

    @rule(ago=seconds, cause=st.sampled_from(["refused", "timeout"]))
    def open(self, ago: float, cause: str) -> None:
        """Open the circuit; its first fault was a while ago, but after all before."""
        self.look()
        last = self.downs[-1] if self.downs else None
        floor = self.since if last is None or last.end is None else last.end
        assert floor is not None
        at = max(min(floor, self.now), self.now - ago)
        new = self.log.began(at, cause)
        if last is not None and last.end is None:
            assert not new
        elif (
            last is not None
            and last.end is not None
            and last.by != "reset"
            and 0 <= at - last.end < FLAP
        ):
            assert not new
            self.ended.pop(self.log.count, None)
            last.end, last.by, last.reopened = None, None, last.reopened + 1
        else:
            assert new
            # A clock that was set back makes no outage begin before the last one's end.
            self.downs.append(Down(max(at, floor if last else at), cause))
        self.saved = self.remember()

    @rule(times=st.integers(1, 5), cause=st.sampled_from(["refused", "status_503"]))
    def open_again(self, times: int, cause: str) -> None:
        """Fail more probes and trials: still the same outage."""
        before = self.log.count
        for _ in range(times):
            if self.current() is not None:
                assert not self.log.began(self.now, cause)
                self.log.touched(probes=1)
                self.downs[-1].probes += 1
        assert self.log.count == before

    @rule(jobs=st.integers(0, 3), probes=st.integers(0, 2))
    def touch(self, jobs: int, probes: int) -> None:
        """Let jobs wait; without an outage there is nothing that they wait for."""
        self.log.touched(jobs=jobs, probes=probes)
        if (current := self.current()) is not None:
            current.jobs = max(current.jobs, jobs)
            current.probes += probes

    @rule(by=st.sampled_from(["recovery", "recovery", "reset"]))
    def close(self, by: str) -> None:
        """Close the circuit."""
        self.look()
        ended = self.log.ended(self.now, by=by)
        if (current := self.current()) is None:
            assert ended is None
        else:
            current.end, current.by = max(self.now, current.start), by
            current.mark = self.watched
            assert ended is not None
            assert ended.duration == current.end - current.start
            self.ended[self.log.count] = ended
        self.saved = self.remember()

    @rule(down=seconds, up=seconds)
    def flap(self, down: float, up: float) -> None:
        """Go down and come back."""
        self.open(0.0, "refused")
        self.now += down
        self.close("recovery")
        self.now += up

    @rule(length=seconds)
    def hold(self, length: float) -> None:
        """Be refused: nobody can tell whether it is up."""
        self.look()
        self.now += length
        self.look(gap=True)
        self.saved = self.remember()

    @rule(killed=st.booleans(), away=seconds)
    def restart(self, killed: bool, away: float) -> None:
        """Stop, or be killed with what was saved last, and start a while later."""
        if not killed:
            self.look()
            self.saved = self.remember()
        data, downs, self.gone, blind, self.watched, self.since, self.seen, ended = (
            self.saved
        )
        self.last = None
        self.downs = [Down(**vars(down)) for down in downs]
        self.blind, self.ended = list(blind), dict(ended)
        self.log, bad = OutageLog.restore(data)
        assert bad == 0
        assert self.log.snapshot() == data
        self.now += away
        self.look(gap=True)
        self.saved = self.remember()

    @precondition(lambda self: self.seen is not None)
    @rule(back=st.sampled_from([1.0, 30.0, 3600.0, 40 * DAY]))
    def set_clock_back(self, back: float) -> None:
        """Set the clock back; what was, was."""
        self.now -= back

    @rule(entry=st.sampled_from([None, "x", [], {"start": math.nan}, {"start": 1e400}]))
    def restore_rubbish(self, entry: Any) -> None:
        """Offer a record with one damaged entry: the others stay."""
        data = self.log.snapshot()
        data["outages"].insert(0, entry)
        log, bad = OutageLog.restore(data)
        assert bad == 1
        assert log.outages == self.log.outages

    # -- figures -------------------------------------------------------------------

    def shares(self, window: float) -> tuple[float, float, float]:
        """Cut the window wherever something changed, and look into each piece."""
        start, now = self.now - window, self.now
        if self.since is None:
            return 0.0, 0.0, window
        cuts = {start, now, self.since}
        for down in self.downs:
            cuts |= {down.start, now if down.end is None else down.end}
        for low, high, _ in self.blind:
            cuts |= {low, high}
        inside = sorted(cut for cut in cuts if start <= cut <= now)
        up = down_time = unknown = 0.0
        for low, high in itertools.pairwise(inside):
            middle = (low + high) / 2
            if middle < self.since or any(a <= middle < b for a, b, _ in self.blind):
                unknown += high - low
            elif any(
                down.start <= middle and (down.end is None or middle < down.end)
                for down in self.downs
            ):
                down_time += high - low
            else:
                up += high - low
        return up, down_time, unknown

    @rule(window=windows)
    def ask(self, window: float) -> None:
        """Ask for any window."""
        self.check(window)

    def check(self, window: float) -> None:
        """M1 and M2: the shares make up the window and follow from what happened."""
        up, down, unknown = self.shares(window)
        assert up + down + unknown == pytest.approx(window, abs=1e-3)
        found = self.log.availability(self.now, window)
        assert 0.0 <= found.coverage <= 100.0
        assert found.coverage == pytest.approx(100 * (up + down) / window, abs=1e-6)
        if up + down < 1e-3:
            assert found.availability is None
            return
        assert found.availability is not None
        assert 0.0 <= found.availability <= 100.0
        assert found.availability == pytest.approx(100 * up / (up + down), abs=1e-6)

    @invariant()
    def figures_follow(self) -> None:
        """MTTR, MTBF and availability are what the truth says."""
        for window in (DAY, 7 * DAY, 30 * DAY):
            self.check(window)
        begun = [d for d in self.downs if d.start >= self.now - MEANS]
        lengths = [
            d.end - d.start for d in begun if d.end is not None and d.by != "reset"
        ]
        mttr, mtbf = self.log.mttr(self.now), self.log.mtbf(self.now)
        if lengths:
            assert mttr == pytest.approx(sum(lengths) / len(lengths))
        else:
            assert mttr is None  # never 0
        if begun:
            up, _, _ = self.shares(MEANS)
            assert mtbf == pytest.approx(up / len(begun), abs=1e-3)
        else:
            assert mtbf is None

    @invariant()
    def one_record_each(self) -> None:
        """I22 to I24: one record per outage, one of them open at most, none negative."""
        outages = self.log.outages
        assert outages == [
            Outage(d.start, d.end, d.cause, d.jobs, d.probes, d.reopened, d.by)
            for d in self.downs
        ]
        assert self.log.count == self.gone + len(self.downs)
        assert all(outage.end is not None for outage in outages[:-1])
        assert (self.log.current is None) is (self.current() is None)
        for outage, following in itertools.pairwise(outages):
            assert outage.end is not None
            assert outage.start <= outage.end <= following.start
        assert all(
            outage.duration is None or outage.duration >= 0 for outage in outages
        )

    @invariant()
    def what_ended_stays(self) -> None:
        """M3: neither a restart nor anything else changes an outage that has ended."""
        first = self.log.count - len(self.log.outages) + 1
        for number, outage in enumerate(self.log.outages, first):
            if outage.end is not None:
                assert outage == self.ended[number]

    @invariant()
    def blind_spans_are_few(self) -> None:
        """Time in which nobody looked is kept as few spans as it can be."""
        spans = self.log.unknown
        for (_, end, _), (start, _, _) in itertools.pairwise(spans):
            assert end < start


@pytest.mark.timeout(LIMIT)
@pytest.mark.filterwarnings("ignore:It looks like `register_random`")
def test_outage_machine() -> None:
    """Let it run."""
    run(OutageMachine, 250, 40)
