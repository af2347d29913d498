"""The ramp: slow after an outage, doubling, bounded."""

import math

import pytest

from custom_components.plexsync.engine.ramp import FLOOR, SECONDS_PER_STEP, Ramp


def drain(ramp: Ramp, start: float, seconds: int) -> int:
    """Take all there is, ten times a second."""
    return sum(ramp.take(start + tick / 10, 1000) for tick in range(seconds * 10))


def test_nothing_limits_a_healthy_server() -> None:
    """All that is wanted, at once."""
    assert Ramp().take(0, 100) == 100


def test_it_starts_with_a_tenth_and_doubles() -> None:
    """Tokens never exceed rate x time + 1."""
    ramp = Ramp(healthy=8.0)
    ramp.begin(0)
    taken = [drain(ramp, step * SECONDS_PER_STEP, 30) for step in range(3)]
    assert [count / 30 for count in taken] == pytest.approx([0.8, 1.6, 3.2], rel=0.1)
    assert ramp.take(4 * SECONDS_PER_STEP, 1000) == 1000  # full again in two minutes


def test_a_failure_halves_and_holds() -> None:
    """And never raises the rate."""
    ramp = Ramp(healthy=100.0)
    ramp.begin(0)
    ramp.take(31, 0)
    assert ramp.rate == 20
    ramp.failed(31)
    assert ramp.rate == 10
    ramp.take(60, 0)
    assert ramp.rate == 10
    ramp.take(62, 0)
    assert ramp.rate == 20
    for _ in range(50):
        ramp.failed(62)
    assert ramp.rate == FLOOR


def test_wait_tells_when_the_next_may_start() -> None:
    """Exactly then, and not before."""
    ramp = Ramp(healthy=1.0)
    ramp.begin(0)
    assert ramp.take(0, 5) == 1
    wait = ramp.wait(0)
    assert wait == pytest.approx(1 / FLOOR)
    assert ramp.take(wait - 0.01, 1) == 0
    assert ramp.take(wait, 1) == 1


def test_it_learns_the_healthy_rate_slowly() -> None:
    """One odd batch moves it little."""
    ramp = Ramp(healthy=10)
    ramp.worked(100, 1.0)
    assert ramp.healthy == pytest.approx(19)


def test_level_survives_but_no_time_does() -> None:
    """A restart during the ramp goes on at its level."""
    ramp = Ramp(healthy=10)
    ramp.begin(500)
    other = Ramp()
    other.restore(ramp.snapshot())
    assert other.rate == ramp.rate
    assert other.take(3, 100) == 1


@pytest.mark.parametrize("bad", [None, math.nan, -1, 0, "fast", True, math.inf])
def test_bad_levels_start_as_new(bad: object) -> None:
    """No rate that stands still, none that is negative."""
    ramp = Ramp()
    ramp.restore({"healthy": bad, "rate": bad})
    assert ramp == Ramp()
