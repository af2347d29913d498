"""The breaker: transitions, permits, generations, memory."""

import math
from random import Random
from typing import Any

import pytest

from custom_components.plexsync.engine.circuit.breaker import (
    Breaker,
    Permit,
    Result,
    State,
)


class Fixed(Random):
    """A random source whose jitter is always in the middle."""

    def random(self) -> float:
        """Give no jitter at all."""
        return 0.5


def ready(breaker: Breaker | None = None, now: float = 0.0) -> Breaker:
    """Give a breaker whose first probe has passed."""
    breaker = breaker or Breaker(Fixed())
    breaker.end_probe(breaker.begin_probe(), Result.SUCCESS, now)
    return breaker


def permit(breaker: Breaker, now: float = 0.0) -> Permit:
    """Take a permit that must be given."""
    given = breaker.admit(now)
    assert given is not None
    return given


def opened(now: float = 0.0) -> Breaker:
    """Give a breaker that a server in trouble opened."""
    breaker = ready()
    breaker.trip(now)
    assert breaker.state is State.OPEN
    return breaker


def state(breaker: Breaker) -> State:
    """Give its state, which a call may have changed."""
    return breaker.state


def half_open(now: float = 10.0) -> Breaker:
    """Give a breaker whose probe found the server again."""
    breaker = opened()
    breaker.end_probe(breaker.begin_probe(), Result.SUCCESS, now)
    assert breaker.state is State.HALF_OPEN
    return breaker


def test_no_call_before_the_first_probe() -> None:
    """A start verifies first, and a failed probe opens without a job."""
    breaker = Breaker(Fixed())
    assert breaker.admit(0) is None
    assert breaker.probe_at(0) == 0
    breaker.end_probe(breaker.begin_probe(), Result.FAILURE, 0)
    assert breaker.state is State.OPEN


def test_a_doubt_lets_nobody_call_before_the_probe_has_decided() -> None:
    """It opens if the probe fails, without growing; it goes on if the probe passes."""
    for found, state in ((Result.FAILURE, State.OPEN), (Result.SUCCESS, State.CLOSED)):
        breaker = ready()
        breaker.doubt()
        assert breaker.state is State.CLOSED
        assert breaker.admit(1) is None
        assert breaker.probe_at(1) == 1
        breaker.end_probe(breaker.begin_probe(), found, 2)
        assert (breaker.state, breaker.step) == (state, 0)
        assert (breaker.admit(2) is not None) is (state is State.CLOSED)


def test_a_probe_that_says_nothing_leaves_the_doubt() -> None:
    """Who cannot look knows no more than before."""
    breaker = ready()
    breaker.doubt()
    breaker.end_probe(breaker.begin_probe(), Result.NEUTRAL, 1)
    assert breaker.admit(1) is None
    assert breaker.probe_at(1) == 1


def test_a_probe_that_began_before_the_doubt_does_not_end_it() -> None:
    """What it saw was of before; the next one decides."""
    breaker = ready()
    token = breaker.begin_probe()
    breaker.doubt()
    breaker.end_probe(token, Result.SUCCESS, 1)
    assert breaker.admit(1) is None
    ready(breaker, 1)
    assert breaker.admit(1) is not None


def test_trip_opens_once() -> None:
    """It begins an outage from closed, makes one longer from half open, and that is all."""
    breaker = ready()
    breaker.trip(1)
    assert (breaker.state, breaker.step, breaker.next_probe) == (State.OPEN, 0, 6)
    before = breaker.snapshot(1, 1)
    breaker.trip(3, retry_after=100)
    assert breaker.snapshot(1, 1) == before
    breaker.end_probe(breaker.begin_probe(), Result.SUCCESS, 6)
    breaker.trip(6, retry_after=30)
    assert (breaker.state, breaker.step) == (State.OPEN, 1)
    assert breaker.next_probe is not None
    assert 36 <= breaker.next_probe <= 39


def test_delays_grow_to_the_cap_and_stay_there() -> None:
    """5, 10, 20, 40, 60, 60 … seconds, whatever happens for however long."""
    breaker = opened()
    delays, now = [], 0.0
    for _ in range(100):
        assert breaker.next_probe is not None
        delays.append(breaker.next_probe - now)
        now = breaker.next_probe
        breaker.end_probe(breaker.begin_probe(), Result.FAILURE, now)
    assert delays[:6] == [5, 10, 20, 40, 60, 60]
    assert set(delays[6:]) == {60}


def test_jitter_stays_within_the_longest_wait() -> None:
    """No delay exceeds cap x 1.2."""
    breaker = Breaker(Random(7))
    now = 0.0
    for _ in range(500):
        breaker.end_probe(breaker.begin_probe(), Result.FAILURE, now)
        assert breaker.next_probe is not None
        assert 0 < breaker.next_probe - now <= breaker.policy.longest
        now = breaker.next_probe


def test_half_open_admits_one_trial_at_a_time() -> None:
    """Fifty askers get one permit."""
    breaker = half_open()
    given = [p for _ in range(50) if (p := breaker.admit(10)) is not None]
    assert len(given) == 1
    assert given[0].trial


def test_one_good_trial_closes() -> None:
    """And the backoff begins anew."""
    breaker = half_open()
    breaker.end_trial(permit(breaker, 10), Result.SUCCESS, 10)
    assert breaker.state is State.CLOSED
    assert breaker.step == 0
    assert breaker.admit(10) is not None


def test_a_quiet_trial_does_not_close_and_lets_the_next_one_try() -> None:
    """That nothing was to be written shows nothing of writing."""
    breaker = half_open()
    for _ in range(5):
        breaker.end_trial(permit(breaker, 10), Result.QUIET, 10)
        assert state(breaker) is State.HALF_OPEN
    assert breaker.quiet
    breaker.end_trial(permit(breaker, 10), Result.FAILURE, 10)
    assert state(breaker) is State.OPEN
    assert not breaker.quiet


def test_failed_trial_reopens_with_a_longer_delay() -> None:
    """The backoff goes on where it was."""
    breaker = half_open()
    breaker.end_trial(permit(breaker, 10), Result.FAILURE, 10)
    assert breaker.state is State.OPEN
    assert breaker.next_probe == 20


def test_cancelled_trial_frees_its_permit_and_says_nothing() -> None:
    """Neither success nor failure."""
    breaker = half_open()
    breaker.end_trial(permit(breaker, 10), Result.NEUTRAL, 10)
    assert (breaker.state, breaker.quiet) == (State.HALF_OPEN, False)
    assert breaker.admit(10) is not None


def test_forgotten_trial_fails_at_its_lease() -> None:
    """A trial that hangs cannot wedge the circuit."""
    breaker = half_open()
    permit(breaker, 10)
    assert breaker.admit(10 + breaker.policy.lease - 1) is None
    breaker.expire(10 + breaker.policy.lease)
    assert breaker.state is State.OPEN


def test_settling_twice_counts_once() -> None:
    """The second time does nothing."""
    breaker = half_open()
    given = permit(breaker, 10)
    breaker.end_trial(given, Result.NEUTRAL, 10)
    breaker.end_trial(given, Result.SUCCESS, 10)
    assert state(breaker) is State.HALF_OPEN


@pytest.mark.parametrize("result", list(Result))
def test_news_from_an_earlier_generation_changes_nothing(result: Result) -> None:
    """Neither state, nor counts, nor the probe's time, nor the trial under way."""
    breaker = half_open()
    late = permit(breaker, 10)
    breaker.trip(10)
    breaker.end_probe(breaker.begin_probe(), Result.SUCCESS, 20)
    permit(breaker, 20)
    before = breaker.snapshot(0, 0)
    breaker.end_trial(late, result, 23)
    assert breaker.snapshot(0, 0) == before
    assert breaker.admit(23) is None


def test_probe_from_before_a_reset_changes_nothing() -> None:
    """Its failure belongs to another era."""
    breaker = opened()
    token = breaker.begin_probe()
    breaker.reset()
    breaker.end_probe(token, Result.FAILURE, 9)
    assert state(breaker) is State.CLOSED
    assert breaker.admit(9) is None  # but a probe precedes the first job
    assert breaker.probe_at(9) == 9


def test_hurry_brings_the_probe_forward_and_skips_nothing() -> None:
    """A sign of life is no proof."""
    breaker = opened()
    breaker.hurry(1)
    assert breaker.probe_at(1) == 1
    assert breaker.state is State.OPEN
    assert breaker.admit(1) is None


def test_retry_after_is_honoured_and_capped() -> None:
    """Closed waits without opening; open probes no earlier than asked."""
    breaker = ready()
    breaker.throttle(0, 30)
    assert breaker.state is State.CLOSED
    assert breaker.admit(29) is None
    assert breaker.admit(30) is not None
    breaker = opened()
    breaker.end_probe(breaker.begin_probe(), Result.FAILURE, 0, retry_after=1e9)
    assert breaker.next_probe is not None
    assert 600 <= breaker.next_probe <= 660
    breaker = ready()
    breaker.throttle(0, 1e9)
    assert breaker.not_before == 600


def test_a_server_that_says_no_time_is_given_more_each_time() -> None:
    """1, 2, 4 … seconds; a call that goes well begins anew."""
    breaker = ready()
    waits, now = [], 0.0
    for _ in range(7):
        breaker.throttle(now, None)
        waits.append(breaker.not_before - now)
        now = breaker.not_before
    assert waits == [1, 2, 4, 8, 16, 32, 60]
    breaker.worked()
    breaker.throttle(now, None)
    assert breaker.not_before == now + 1


def test_a_wish_for_no_time_is_none() -> None:
    """``Retry-After: 0``, or a date that is over: whoever took it at its word never rests."""
    breaker = ready()
    waits, now = [], 0.0
    for asked in (0.0, 0.0, 0.3, None):
        breaker.throttle(now, asked)
        waits.append(breaker.not_before - now)
        now = breaker.not_before
    assert waits == [1, 2, 4, 8]


def test_a_shorter_wish_does_not_shorten_the_pause() -> None:
    """Two calls under way bring two wishes."""
    breaker = ready()
    breaker.throttle(0, 30)
    breaker.throttle(1, 2)
    assert breaker.not_before == 30


def test_five_minutes_of_being_asked_to_wait_are_an_outage() -> None:
    """Not a second less, and not where a call went well in between."""
    breaker = ready()
    breaker.throttle(0, 10)
    breaker.throttle(299, 10)
    assert state(breaker) is State.CLOSED
    breaker.worked()
    breaker.throttle(310, 10)
    assert state(breaker) is State.CLOSED
    for now in (550, 609):
        breaker.throttle(now, 10)
        assert state(breaker) is State.CLOSED
    breaker.throttle(610, 10)
    assert state(breaker) is State.OPEN
    assert breaker.step == 0


def test_wishes_with_much_time_between_are_no_outage() -> None:
    """The second begins anew, also in how long it makes the pause."""
    breaker = ready()
    breaker.throttle(0, None)
    breaker.throttle(1, None)
    assert breaker.not_before == 3
    breaker.throttle(304, None)
    assert breaker.state is State.CLOSED
    assert breaker.not_before == 305


def test_a_trial_that_is_asked_to_wait_reopens() -> None:
    """No sooner than asked, and with a longer delay; while open it changes nothing."""
    breaker = half_open()
    breaker.throttle(10, 40)
    assert (breaker.state, breaker.step) == (State.OPEN, 1)
    assert breaker.next_probe is not None
    assert 50 <= breaker.next_probe <= 54
    before = breaker.snapshot(10, 10)
    breaker.throttle(11, 500)
    assert breaker.snapshot(10, 10) == before


def test_finish_trials_needs_a_quiet_one() -> None:
    """An empty queue does not close a circuit that nobody tried."""
    breaker = half_open()
    breaker.finish_trials()
    assert state(breaker) is State.HALF_OPEN
    breaker.end_trial(permit(breaker, 10), Result.NEUTRAL, 10)
    breaker.finish_trials()
    assert state(breaker) is State.HALF_OPEN
    breaker.end_trial(permit(breaker, 10), Result.QUIET, 10)
    trial = permit(breaker, 10)
    breaker.finish_trials()  # not while another one tries
    assert state(breaker) is State.HALF_OPEN
    breaker.end_trial(trial, Result.NEUTRAL, 10)
    breaker.finish_trials()
    assert state(breaker) is State.CLOSED


def test_a_quiet_trial_of_before_a_restart_needs_a_probe() -> None:
    """What was seen then proves nothing of today."""
    breaker = half_open()
    breaker.end_trial(permit(breaker, 10), Result.QUIET, 10)
    other = Breaker(Fixed())
    other.restore(breaker.snapshot(10, 10), 20, 20)
    other.finish_trials()
    assert state(other) is State.HALF_OPEN
    ready(other, 20)
    other.finish_trials()
    assert state(other) is State.CLOSED


@pytest.mark.parametrize("make", [ready, opened, half_open])
def test_every_state_survives(make: Any) -> None:
    """State, counts and step come back; a probe precedes the first call."""
    breaker = make()
    if breaker.state is State.HALF_OPEN:
        breaker.end_trial(permit(breaker, 10), Result.QUIET, 10)
        permit(breaker, 10)  # lost with the process
    saved = breaker.snapshot(10, 1_000_010)
    other = Breaker(Fixed())
    other.restore(saved, 500, 1_000_012)
    assert other.admit(500) is None
    assert other.snapshot(500, 1_000_012) == saved | (
        {"probe_at": max(saved["probe_at"], 1_000_012)} if saved["probe_at"] else {}
    )


def test_a_restart_during_an_outage_forgets_no_backoff() -> None:
    """The remaining wait remains, and the step goes on."""
    breaker = opened()
    for _ in range(3):
        breaker.end_probe(breaker.begin_probe(), Result.FAILURE, 0)
    other = Breaker(Fixed())
    other.restore(breaker.snapshot(10, 10_010), 77, 10_020)
    assert other.next_probe == pytest.approx(77 + 40 - 20)
    other.end_probe(other.begin_probe(), Result.FAILURE, 100)
    assert other.next_probe == 160


@pytest.mark.parametrize("wall", [0.0, 1e5, 1e12])
def test_no_clock_makes_a_wait_longer_than_the_longest(wall: float) -> None:
    """The wall clock jumped while the process was away."""
    saved = opened().snapshot(0, 1e6)
    other = Breaker(Fixed())
    other.restore(saved, 50, wall)
    assert other.next_probe is not None
    assert 50 <= other.next_probe <= 50 + other.policy.longest


GOOD = opened().snapshot(0, 1e6)


@pytest.mark.parametrize(
    "change",
    [
        {"probe_at": None},
        {"probe_at": math.nan},
        {"probe_at": math.inf},
        {"probe_at": "soon"},
        {"probe_at": -5},
        {"probe_at": True},
        {"state": "melted"},
        {"state": None},
        {"state": ["open"]},
        {"quiet": 1},
        {"quiet": None},
        {"step": 61},
        {"step": 1.5},
        {"step": -1},
        {"step": True},
        {"generation": None},
        {"format": 2},
    ],
    ids=str,
)
def test_a_bad_record_is_refused_and_changes_nothing(change: dict[str, Any]) -> None:
    """A ValueError, and the breaker stays closed and unverified."""
    breaker = Breaker(Fixed())
    with pytest.raises(ValueError):
        breaker.restore(GOOD | change, 0, 1e6)
    assert breaker.state is State.CLOSED
    assert breaker.probe_at(0) == 0


def test_a_record_of_the_first_version() -> None:
    """It counted trials that went well, and is taken up all the same."""
    data = {name: value for name, value in GOOD.items() if name != "quiet"}
    breaker = Breaker(Fixed())
    breaker.restore(data | {"successes": 2}, 0, 1e6)
    assert (breaker.state, breaker.step) == (State.OPEN, GOOD["step"])
    assert not breaker.quiet


@pytest.mark.parametrize("key", sorted(GOOD))
def test_a_missing_key_is_refused(key: str) -> None:
    """A torn record is no record, except for a probe time not needed."""
    data = {name: value for name, value in GOOD.items() if name != key}
    with pytest.raises(ValueError):
        Breaker(Fixed()).restore(data, 0, 1e6)
