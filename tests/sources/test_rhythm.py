"""How soon a source is asked again; in no time at all."""

import pytest

from custom_components.plexsync.sources.rhythm import PollRhythm

HOUR = 3600.0


class Time:
    """A clock that is moved by hand."""

    now = 5000.0

    def __call__(self) -> float:
        """Tell the time in seconds."""
        return self.now


@pytest.fixture
def time() -> Time:
    """Give a clock."""
    return Time()


def test_a_start_is_no_change(time: Time) -> None:
    """Whoever starts while nobody edits asks six times a minute for an hour."""
    rhythm = PollRhythm(time)
    assert rhythm.wait() == 10
    time.now += HOUR - 1
    assert rhythm.wait() == 10
    time.now += 1
    assert rhythm.wait() == 30


def test_quick_while_things_change(time: Time) -> None:
    """And for two minutes after the last one."""
    rhythm = PollRhythm(time)
    for _ in range(5):
        rhythm.changed()
        assert rhythm.wait() == 1
        time.now += 119
        assert rhythm.wait() == 1
    time.now += 1
    assert rhythm.wait() == 10
    time.now += HOUR - 121
    assert rhythm.wait() == 10
    time.now += 1
    assert rhythm.wait() == 30
    rhythm.changed()
    assert rhythm.wait() == 1


def test_while_a_job_runs(time: Time) -> None:
    """Quick when it begins, and whenever it changes something; never seldom."""
    rhythm = PollRhythm(time)
    time.now += 2 * HOUR
    for _ in range(2):
        assert rhythm.wait(busy=True) == 1
        time.now += 59
        assert rhythm.wait(busy=True) == 1
        time.now += 1
        assert rhythm.wait(busy=True) == 10
        time.now += 5 * HOUR
        assert rhythm.wait(busy=True) == 10
        rhythm.changed()
        assert rhythm.wait(busy=True) == 1
        time.now += 60
        assert rhythm.wait(busy=True) == 10
        time.now += 5 * HOUR
        assert rhythm.wait(busy=True) == 10
        assert rhythm.wait() == 10  # it is over, and the next one is another one
    time.now += HOUR
    assert rhythm.wait() == 30


@pytest.mark.parametrize(("slowest", "usual"), [(3600, 10), (5, 5), (0.5, 0.5)])
def test_another_longest_wait(time: Time, slowest: float, usual: float) -> None:
    """It bounds all others."""
    rhythm = PollRhythm(time, slowest)
    assert rhythm.wait() == usual
    assert rhythm.wait(busy=True) == min(1, slowest)
    time.now += HOUR
    assert rhythm.wait() == slowest
