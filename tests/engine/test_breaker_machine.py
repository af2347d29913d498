"""The breaker against a model of the rules, in whatever order things happen.

The model knows eras: each transition begins one, and what the breaker shows is
derived from what was heard within the era. The invariants I1 to I25 of the
resilience notes are checked as far as they are the breaker's; the host's part
(saved on each transition, expiry looked at, probes only when due) is played here.
"""

import copy
from dataclasses import dataclass, field
import json
import math
from random import Random
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import invariant, precondition, rule
import pytest

from custom_components.plexsync.engine.circuit.breaker import (
    Breaker,
    Permit,
    Result,
    State,
)

from .machines import LIMIT, Machine, run

FIRST, CAP, JITTER = 5.0, 60.0, 0.2
LEASE = 600.0
ASKED_CAP = 600.0
THROTTLED, THROTTLED_FOR = 1.0, 300.0
LONGEST = CAP * (1 + JITTER)
LONGEST_ASKED = ASKED_CAP * 1.1
# A forgotten trial may have to run out, and then one ordinary delay.
RECOVERY = max(LONGEST_ASKED, LEASE + LONGEST)

LEGAL = {
    (State.CLOSED, State.OPEN),
    (State.OPEN, State.OPEN),
    (State.OPEN, State.HALF_OPEN),
    (State.HALF_OPEN, State.OPEN),
    (State.HALF_OPEN, State.CLOSED),
}


class Jitter(Random):
    """Every jitter there can be, the extremes first."""

    _round = (0.0, 0.999_999, 0.5, 0.1, 0.9)

    def __init__(self) -> None:
        """Begin with the shortest delay."""
        super().__init__(0)
        self._at = -1

    def random(self) -> float:
        """Give the next one."""
        self._at = (self._at + 1) % len(self._round)
        return self._round[self._at]


@dataclass
class Era:
    """One stay in one state, and what was heard during it."""

    state: State
    number: int
    step: int = 0
    quiet: bool = False  # a trial had nothing to write
    verified: bool = True
    doubted: bool = False  # since the probe under way began
    wishes: list[float] = field(default_factory=list)  # when it was asked to wait
    quiet_until: float = -math.inf
    probe: tuple[float, float] | None = None  # not before, not after
    waits: float = -1.0  # how long in all, once that is known
    probing: bool = False
    trial: Permit | None = None  # the one under way
    lease: float = math.inf  # its end


class Model:
    """What the rules say should happen."""

    def __init__(self) -> None:
        """Start closed, to be verified."""
        self.era = Era(State.CLOSED, 0, verified=False)

    # Each of these returns what a caller should see.

    def may_call(self, now: float) -> bool:
        """Say whether a call may begin."""
        self.run_out(now)
        era = self.era
        if era.state is State.OPEN or not era.verified or now < era.quiet_until:
            return False
        return era.trial is None

    def hear(self, permit: Permit, result: Result, now: float) -> None:
        """Take in what a trial found, if it is of this era and heard for the first time."""
        era = self.era
        if era.trial is not permit:
            return
        era.trial = None
        if result is Result.QUIET:
            era.quiet = True
        elif result is Result.SUCCESS:
            self.close()
        elif result is Result.FAILURE:
            self.trip(now, None)

    def trip(self, now: float, asked: float | None) -> None:
        """Open, with a longer delay if a trial was due to show that all is well."""
        era = self.era
        if era.state is not State.OPEN:
            grown = era.step + (era.state is State.HALF_OPEN)
            self.open(now, asked, grown)

    def slow(self, now: float, asked: float | None) -> None:
        """Wait as asked; a trial that is, and who has been for too long, opens."""
        era = self.era
        if era.state is State.OPEN:
            return
        if now - era.quiet_until > THROTTLED_FOR:
            era.wishes = []  # those are over
        era.wishes.append(now)
        if era.state is State.HALF_OPEN or now - era.wishes[0] >= THROTTLED_FOR:
            self.trip(now, asked)
            return
        if asked is None or asked < THROTTLED:
            wait = min(CAP, THROTTLED * 2 ** (len(era.wishes) - 1))
        else:
            wait = min(asked, ASKED_CAP)
        if not math.isnan(wait):  # no number asks for nothing
            era.quiet_until = max(era.quiet_until, now + wait)

    def doubt(self) -> None:
        """Want a probe that begins after now."""
        self.era.verified, self.era.doubted = False, True

    def run_out(self, now: float) -> None:
        """Let the lease of a trial end."""
        if self.era.trial is not None and now >= self.era.lease:
            self.hear(self.era.trial, Result.FAILURE, now)

    def probed(self, result: Result, now: float, asked: float | None) -> None:
        """Take in what a probe of this era found."""
        era = self.era
        era.probing = False
        if result is Result.NEUTRAL:
            if era.state is State.OPEN:
                self.schedule(now, None)
        elif result is Result.FAILURE:
            grown = era.step + (era.state is not State.CLOSED)
            self.open(now, asked, grown)
        elif era.state is State.OPEN:
            self.era = Era(State.HALF_OPEN, era.number + 1, step=era.step)
        elif not era.doubted:
            era.verified = True

    def open(self, now: float, asked: float | None, step: int) -> None:
        """Begin an open era."""
        self.era = Era(State.OPEN, self.era.number + 1, step=min(step, 60))
        self.schedule(now, asked)

    def schedule(self, now: float, asked: float | None) -> None:
        """Say between which times the next probe is due."""
        base = min(CAP, FIRST * 2**self.era.step)
        low, high = base * (1 - JITTER), base * (1 + JITTER)
        if asked is not None and not math.isnan(asked):
            wish = min(asked, ASKED_CAP)
            low, high = max(low, wish), max(high, wish * 1.1)
        self.era.probe, self.era.waits = (now + low, now + high), -1.0

    def close(self, *, verified: bool = True) -> None:
        """Begin a closed era."""
        self.era = Era(State.CLOSED, self.era.number + 1, verified=verified)

    def probe_due(self, now: float) -> tuple[float, float] | None:
        """Say when a probe is wanted."""
        if self.era.probing:
            return None
        if self.era.state is State.OPEN:
            return self.era.probe
        return None if self.era.verified else (now, now)


asked_for = st.none() | st.sampled_from(
    [0.0, 1.0, 30.0, 59.0, 120.0, 600.0, 1e6, math.inf, math.nan, -5.0]
)
anything = st.sampled_from(list(Result))
found = st.sampled_from([Result.SUCCESS, Result.FAILURE, Result.NEUTRAL])
pick = st.integers(0, 63)
pauses = st.sampled_from(
    [0.0, 0.001, 1.0, 4.0, 5.0, 12.0, 60.0, 72.0, 300.0, 599.0, 600.0, 700.0, 1e5]
)


class BreakerMachine(Machine):
    """One breaker, its host, and everybody who calls."""

    def __init__(self) -> None:
        """Start a process."""
        super().__init__()
        self.now, self.wall = 1000.0, 1_800_000_000.0
        self.breaker = Breaker(Jitter())
        self.model = Model()
        self.held: list[Permit] = []  # calls under way
        self.lost: list[Permit] = []  # calls that nobody will settle in time
        self.done: list[Permit] = []  # settled, or of an earlier era
        self.token: int | None = None  # of the probe under way
        self.void: list[int] = []  # tokens of probes that were overtaken
        self.saved: dict[str, Any] = {}
        self.saved_wait = 0.0  # how long the wait was that has been saved
        self.seen = (self.breaker.state, self.breaker.generation)
        self.next_probe: float | None = None
        self.host_saves()

    # -- the host's part ---------------------------------------------------------

    def host_saves(self) -> None:
        """Save as the circuit does on each transition, through real JSON."""
        data = self.breaker.snapshot(self.now, self.wall)
        self.saved = json.loads(json.dumps(data, allow_nan=False))
        self.saved_wait = self.model.era.waits

    def after(self, by_hand: bool = False) -> None:
        """Look at what a step did: legal moves only, each new, each saved."""
        state, generation = self.breaker.state, self.breaker.generation
        before, old = self.seen
        if (state, generation) != self.seen:
            assert generation > old  # I1, I2
            assert by_hand or (before, state) in LEGAL  # I3
            if self.token is not None:
                self.void.append(self.token)
                self.token = None
        if self.model.era.probe is None:
            assert self.breaker.next_probe is None
        else:
            low, high = self.model.era.probe
            at = self.breaker.next_probe
            assert at is not None
            assert low - 1e-6 <= at <= high + 1e-6  # I19, I13
            # It is chosen once, and then it stands.
            self.model.era.probe = (at, at)
            if self.model.era.waits < 0:
                self.model.era.waits = at - self.now
        if (state, generation) != self.seen:
            self.host_saves()  # I4
        self.seen = (state, generation)

    def take(self) -> Permit | None:
        """Ask for a permit; the model says whether one may be had."""
        may = self.model.may_call(self.now)
        permit = self.breaker.admit(self.now)
        assert (permit is not None) is may  # I5, I7, I8, I9
        if permit is None:
            self.after()
            return None
        assert permit.trial is (self.breaker.state is State.HALF_OPEN)
        assert permit not in self.held + self.lost + self.done
        if permit.trial:
            self.model.era.trial, self.model.era.lease = permit, self.now + LEASE
        self.after()
        return permit

    def give(self, permit: Permit, result: Result) -> None:
        """Settle a permit in both worlds."""
        self.breaker.end_trial(permit, result, self.now)
        self.model.hear(permit, result, self.now)
        self.after()

    def probe(self, result: Result, asked: float | None = None) -> None:
        """Wait for the next probe and make it."""
        if self.token is None:
            at = self.breaker.probe_at(self.now)
            assert at is not None
            self.now = max(self.now, at)
            self.begin_probe()
        self.end_probe(result, asked)

    def keep(self, permit: Permit | None) -> None:
        """Remember who calls."""
        if permit is not None:
            self.held.append(permit)

    # -- calls -------------------------------------------------------------------

    @rule(askers=st.sampled_from([1, 1, 1, 2, 6, 50]))
    def admit(self, askers: int) -> None:
        """Let some ask at the same moment."""
        before = len(self.held)
        for _ in range(askers):
            self.keep(self.take())
        if self.breaker.state is State.HALF_OPEN:
            assert len(self.held) - before <= 1
        if self.breaker.state is State.OPEN:
            assert len(self.held) == before

    @precondition(lambda self: self.held)
    @rule(which=pick, result=anything)
    def settle(self, which: int, result: Result) -> None:
        """End a call."""
        permit = self.held.pop(which % len(self.held))
        self.give(permit, result)
        self.done.append(permit)

    @precondition(lambda self: self.held)
    @rule(result=st.sampled_from([Result.SUCCESS, Result.QUIET, Result.FAILURE]))
    def settle_all(self, result: Result) -> None:
        """End all calls alike: a server that comes or goes."""
        while self.held:
            permit = self.held.pop(0)
            self.give(permit, result)
            self.done.append(permit)

    @precondition(lambda self: self.held)
    @rule(which=pick)
    def cancel(self, which: int) -> None:
        """Cancel a call: it says nothing, and somebody else may call."""
        permit = self.held.pop(which % len(self.held))
        before = self.breaker.snapshot(self.now, self.wall)
        self.give(permit, Result.NEUTRAL)
        assert self.breaker.snapshot(self.now, self.wall) == before  # I10
        self.done.append(permit)

    @precondition(lambda self: self.held)
    @rule(which=pick)
    def forget(self, which: int) -> None:
        """Hang: only the lease ends this call."""
        self.lost.append(self.held.pop(which % len(self.held)))

    @precondition(lambda self: self.done)
    @rule(which=pick, result=anything)
    def settle_again(self, which: int, result: Result) -> None:
        """Settle what was settled: nothing changes, whoever holds a permit now."""
        before = self.breaker.snapshot(self.now, self.wall)
        self.give(self.done[which % len(self.done)], result)
        assert self.breaker.snapshot(self.now, self.wall) == before  # I11, I12

    @precondition(lambda self: self.lost)
    @rule(which=pick, result=anything)
    def come_late(self, which: int, result: Result) -> None:
        """Hear of a call that was given up."""
        permit = self.lost.pop(which % len(self.lost))
        late = permit is not self.model.era.trial
        before = self.breaker.snapshot(self.now, self.wall)
        self.give(permit, result)
        if late:
            assert self.breaker.snapshot(self.now, self.wall) == before
        self.done.append(permit)

    @rule()
    def finish_trials(self) -> None:
        """Say that no job is left to try."""
        era = self.model.era
        if (
            era.state is State.HALF_OPEN
            and era.verified  # every start verifies first
            and era.quiet
            and era.trial is None
        ):
            self.model.close()
        self.breaker.finish_trials()
        self.after()

    @rule(
        calls=st.integers(1, 3),
        result=anything,
        reached=st.sampled_from(list(State)),
        pause=st.sampled_from([0.0, 1.0, 4.0]),
    )
    def overhang(
        self,
        calls: int,
        result: Result,
        reached: State,
        pause: float,
    ) -> None:
        """Let calls outlast their era: the circuit opens, and perhaps recovers, meanwhile."""
        over = [permit for _ in range(calls) if (permit := self.take()) is not None]
        if not over:
            return
        era = self.model.era.number
        self.go_through_outage(reached)
        # Late: what began it is a while ago.
        self.now += pause
        self.wall += pause
        assert self.breaker.generation > era
        for permit in over:
            before = self.breaker.snapshot(self.now, self.wall)
            self.give(permit, result)
            # I10: neither state, nor counts, nor the probe's time.
            assert self.breaker.snapshot(self.now, self.wall) == before
        self.done += over

    def go_through_outage(self, reached: State) -> None:
        """Let the circuit open, and perhaps recover."""
        if self.model.era.state is State.HALF_OPEN:
            self.breaker.reset()
            self.model.close(verified=False)
            self.after(by_hand=True)
        if self.model.era.state is State.CLOSED:
            if not self.model.era.verified:
                self.probe(Result.FAILURE)
            else:
                self.trip(None)
        if reached is not State.OPEN and self.model.era.state is State.OPEN:
            self.probe(Result.SUCCESS)
        while reached is State.CLOSED and self.model.era.state is State.HALF_OPEN:
            self.call(Result.SUCCESS)

    def call(self, result: Result) -> None:
        """Wait as long as was asked, and make one call, if none of before is in the way."""
        self.now = max(self.now, self.model.era.quiet_until)
        if (permit := self.take()) is None:
            return
        assert self.breaker.state is State.CLOSED or self.take() is None
        self.give(permit, result)
        self.done.append(permit)

    @rule(results=st.lists(anything, min_size=1, max_size=4))
    def trials(self, results: list[Result]) -> None:
        """Open half, and try one call after another: each ends in its own way."""
        self.go_through_outage(State.HALF_OPEN)
        for result in results:
            if self.breaker.state is State.HALF_OPEN:
                self.call(result)

    @rule(results=st.lists(anything, min_size=5, max_size=9))
    def calls(self, results: list[Result]) -> None:
        """Be closed, and make one call after another: each ends in its own way."""
        self.go_through_outage(State.CLOSED)
        for result in results:
            if self.breaker.state is State.CLOSED:
                self.verify()
                self.call(result)

    @rule(killed=st.booleans())
    def restart_among_trials(self, killed: bool) -> None:
        """End the process between two trials; no job is left when it starts again."""
        self.go_through_outage(State.HALF_OPEN)
        self.call(Result.QUIET)
        self.restart(killed=killed, away=1.0, jump=0.0, booted=5.0)
        self.finish_trials()

    # -- verdicts ----------------------------------------------------------------

    @rule(asked=asked_for)
    def trip(self, asked: float | None) -> None:
        """Find that the server is in trouble, whatever its state."""
        before = self.breaker.snapshot(self.now, self.wall)
        is_open = self.model.era.state is State.OPEN
        self.breaker.trip(self.now, asked)
        self.model.trip(self.now, asked)
        self.after()
        if is_open:
            assert self.breaker.snapshot(self.now, self.wall) == before

    @rule(asked=asked_for)
    def throttle(self, asked: float | None) -> None:
        """Be asked to slow down."""
        before = self.breaker.snapshot(self.now, self.wall)
        is_open = self.model.era.state is State.OPEN
        self.breaker.throttle(self.now, asked)
        self.model.slow(self.now, asked)
        self.after()
        if is_open:
            assert self.breaker.snapshot(self.now, self.wall) == before

    @rule(
        wishes=st.lists(
            st.tuples(
                st.sampled_from([1.0, 99.0, 149.0, 150.0, 301.0, 901.0]), asked_for
            ),
            min_size=2,
            max_size=8,
        ),
        good=st.integers(0, 9),
    )
    def throttles(self, wishes: list[tuple[float, float | None]], good: int) -> None:
        """Be asked again and again; perhaps one call goes well in between."""
        self.go_through_outage(State.CLOSED)
        self.verify()
        for number, (pause, asked) in enumerate(wishes):
            if self.model.era.state is not State.CLOSED:
                return
            self.throttle(asked)
            self.now += pause
            self.wall += pause
            if number == good and self.model.era.state is State.CLOSED:
                self.worked()

    @rule()
    def worked(self) -> None:
        """Hear of an edit that went well: all wishes of before are forgotten."""
        self.breaker.worked()
        self.model.era.wishes = []
        self.after()

    @rule()
    def doubt(self) -> None:
        """Doubt an answer: nobody calls before a probe that begins now has passed."""
        self.breaker.doubt()
        self.model.doubt()
        self.after()
        assert self.breaker.admit(self.now) is None

    # -- probes ------------------------------------------------------------------

    @precondition(lambda self: self.token is None)
    @rule()
    def begin_probe(self) -> None:
        """Begin the probe that is due."""
        at = self.breaker.probe_at(self.now)
        if at is None or at > self.now:
            return
        self.token = self.breaker.begin_probe()
        self.model.era.probing, self.model.era.doubted = True, False
        assert self.breaker.probe_at(self.now) is None  # one at a time
        self.after()

    @precondition(lambda self: self.token is not None)
    @rule(result=found, asked=asked_for)
    def end_probe(self, result: Result, asked: float | None) -> None:
        """End the probe under way."""
        token, self.token = self.token, None
        assert token is not None
        self.breaker.end_probe(token, result, self.now, retry_after=asked)
        self.model.probed(result, self.now, asked)
        self.after()
        if self.breaker.state is State.OPEN:
            self.host_saves()  # a kill must not forget the delay

    @precondition(
        lambda self: self.token is None and self.model.era.state is State.OPEN
    )
    @rule(
        result=st.sampled_from([*[Result.SUCCESS] * 3, Result.FAILURE]), asked=asked_for
    )
    def wait_for_probe(self, result: Result, asked: float | None) -> None:
        """Let the time pass until the probe is due, and make it."""
        self.probe(result, asked)

    @precondition(lambda self: self.model.era.state is not State.OPEN)
    @rule()
    def verify(self) -> None:
        """Make the probe that a start, a doubt or a reset wants."""
        if self.model.probe_due(self.now) is not None:
            self.probe(Result.SUCCESS)

    @precondition(lambda self: self.void)
    @rule(which=pick, result=found, asked=asked_for)
    def probe_of_before(self, which: int, result: Result, asked: float | None) -> None:
        """End a probe that a transition overtook: nothing changes."""
        token = self.void.pop(which % len(self.void))
        before = self.breaker.snapshot(self.now, self.wall)
        self.breaker.end_probe(token, result, self.now, retry_after=asked)
        assert self.breaker.snapshot(self.now, self.wall) == before
        self.after()

    @rule()
    def hurry(self) -> None:
        """Give a sign of life: the probe comes forward, and that is all."""
        self.breaker.hurry(self.now)
        if self.model.era.state is State.OPEN:
            self.model.era.probe, self.model.era.waits = (self.now, self.now), 0.0
        self.after()

    @rule()
    def reset(self) -> None:
        """Close by hand."""
        self.breaker.reset()
        self.model.close(verified=False)
        self.after(by_hand=True)
        assert self.breaker.admit(self.now) is None

    # -- time --------------------------------------------------------------------

    @rule(seconds=pauses, looks=st.booleans())
    def wait(self, seconds: float, looks: bool) -> None:
        """Let time pass; the host looks at the leases, or somebody who asks will."""
        self.now += seconds
        self.wall += seconds
        if looks:
            self.breaker.expire(self.now)
            self.model.run_out(self.now)
            self.after()

    @rule(
        killed=st.booleans(),
        away=st.sampled_from([0.0, 1.0, 30.0, 1000.0]),
        jump=st.sampled_from(
            [
                0.0,
                0.0,
                0.0,
                -3.0,
                3.0,
                -100.0,
                100.0,
                -300.0,
                -3600.0,
                3600.0,
                1000000000.0,
                -1000000000.0,
                -1790000000.0,
                100000000000.0,
            ]
        ),
        booted=st.sampled_from([0.0, 5.0, 1e6]),
    )
    def restart(self, killed: bool, away: float, jump: float, booted: float) -> None:
        """End the process, well or badly; the wall clock may have moved meanwhile."""
        if not killed:
            self.host_saves()
        saved = self.saved
        due = saved["probe_at"]
        self.now = booted
        self.wall = max(0.0, self.wall + away + jump)
        self.breaker = Breaker(Jitter())
        self.breaker.restore(saved, self.now, self.wall)
        self.model.era = era = Era(
            State(saved["state"]),
            saved["generation"],
            step=saved["step"],
            quiet=saved["quiet"],
            verified=False,
        )
        if saved["quiet"]:
            assert era.state is State.HALF_OPEN
        if era.state is State.OPEN:
            assert due is not None
            left = max(0.0, due - self.wall)
            if left <= self.saved_wait:
                era.probe = (self.now + left - 0.01, self.now + left + 0.01)
            else:
                # The clock was set back: no longer than the whole wait ever was.
                era.probe = (self.now, self.now + self.saved_wait)
            era.waits = self.saved_wait
        self.held, self.lost, self.done, self.void = [], [], [], []
        self.token = None
        # I15 to I18, I1: as it was saved, and not a generation less.
        self.seen = (self.breaker.state, self.breaker.generation)
        assert self.seen == (saved["state"], saved["generation"])
        self.after()
        self.host_saves()

    @rule(
        key=st.sampled_from(
            [
                "format",
                "state",
                "generation",
                "quiet",
                "step",
                "probe_at",
                "wait",
            ]
        ),
        value=st.sampled_from(
            [None, "x", -1, 1.5, math.nan, math.inf, 10**6, 10**400, True, [], {}]
        ),
    )
    def restore_rubbish(self, key: str, value: Any) -> None:
        """Offer a damaged record: taken as it is, or refused and nothing changed."""
        fresh = Breaker(Jitter())
        empty = fresh.snapshot(0, 0)
        try:
            fresh.restore({**self.saved, key: value}, self.now, self.wall)
        except ValueError:
            assert fresh.snapshot(0, 0) == empty
        assert fresh.admit(self.now) is None
        at = fresh.probe_at(self.now)
        assert at is not None
        assert self.now <= at <= self.now + LONGEST_ASKED

    # -- always ------------------------------------------------------------------

    @invariant()
    def they_agree(self) -> None:
        """Everything that shows is as the rules say."""
        era, breaker = self.model.era, self.breaker
        assert (breaker.state, breaker.generation) == (era.state, era.number)
        assert breaker.verified is era.verified
        assert breaker.step == era.step
        assert breaker.quiet is era.quiet
        assert breaker.not_before == era.quiet_until
        due, at = self.model.probe_due(self.now), breaker.probe_at(self.now)
        assert (due is None) is (at is None)
        if due is not None and at is not None:
            assert due[0] - 1e-6 <= at <= due[1] + 1e-6
            assert at - self.now <= LONGEST_ASKED

    @invariant()
    def it_recovers(self) -> None:
        """I25: if the server is well from now on, the circuit closes within the bound."""
        breaker = copy.deepcopy(
            self.breaker, {id(random): random for random in [_random(self.breaker)]}
        )
        ends = [self.model.era.lease]
        now, token = self.now, self.token
        for _ in range(20):
            if token is not None:
                breaker.end_probe(token, Result.SUCCESS, now)
                token = None
            elif (at := breaker.probe_at(now)) is not None:
                now = max(now, at)
                breaker.end_probe(breaker.begin_probe(), Result.SUCCESS, now)
            elif (permit := breaker.admit(now)) is not None:
                breaker.end_trial(permit, Result.SUCCESS, now)
                if breaker.state is State.CLOSED:
                    break
            elif breaker.state is not State.OPEN:
                later = [end for end in (*ends, breaker.not_before) if end > now]
                now = min(later, default=now)
                breaker.expire(now)
        assert breaker.state is State.CLOSED
        assert breaker.admit(now) is not None
        assert now - self.now <= RECOVERY


def _random(breaker: Breaker) -> Random:
    """Find what need not be copied."""
    return next(value for value in vars(breaker).values() if isinstance(value, Random))


@pytest.mark.timeout(LIMIT)
@pytest.mark.filterwarnings("ignore:It looks like `register_random`")
def test_breaker_machine() -> None:
    """Let it run."""
    run(BreakerMachine, 500, 60)
