"""Outage history: one record per outage, and figures that can be recomputed."""

import math
from typing import Any

import pytest

from custom_components.plexsync.engine.circuit.outages import (
    DAY,
    Availability,
    OutageLog,
)

T0 = 1_700_000_000.0


def watched(*, days: float = 30) -> OutageLog:
    """Give a log of somebody who has looked for so long."""
    log = OutageLog()
    log.observe(T0 - days * DAY)
    log.observe(T0)
    return log


def look_on(log: OutageLog, start: float, days: float) -> float:
    """Look every quarter of an hour, as the host does; give when it ends."""
    for number in range(int(days * 96) + 1):
        log.observe(start + number * 900)
    return start + days * DAY


def test_one_outage_is_one_record_however_often_it_is_told() -> None:
    """Forty failed probes are not forty outages."""
    log = watched()
    assert log.began(T0, "refused")
    for _ in range(40):
        assert not log.began(T0 + 60, "timeout")
        log.touched(probes=1)
    for waiting in (1, 3, 2):
        log.touched(jobs=waiting)
    ended = log.ended(T0 + 2501)
    assert ended is not None
    assert (ended.duration, ended.probes, ended.jobs, ended.cause) == (
        2501,
        40,
        3,
        "refused",
    )
    assert log.ended(T0 + 9999) is None
    assert log.mttr(T0 + 3000) == 2501


def test_flaps_within_a_minute_are_one_outage() -> None:
    """And a minute later it is another."""
    log = watched()
    log.began(T0, "refused")
    log.ended(T0 + 100)
    assert not log.began(T0 + 159, "refused")
    log.ended(T0 + 200)
    assert log.began(T0 + 260, "refused")
    assert [(o.start - T0, o.reopened) for o in log.outages] == [(0, 1), (260, 0)]


def test_figures_without_data_are_unknown() -> None:
    """Never a made-up zero or hundred."""
    log = OutageLog()
    assert log.mttr(T0) is None
    assert log.mtbf(T0) is None
    assert log.availability(T0, DAY) == Availability(None, 0.0)


def test_availability_is_by_time_and_counts_the_running_outage() -> None:
    """Ten hours of thirty days, and two more of the one that lasts."""
    log = watched(days=40)
    log.began(T0 - 20 * 3600, "refused")
    log.ended(T0 - 10 * 3600)
    log.began(T0 - 2 * 3600, "refused")
    month = log.availability(T0, 30 * DAY)
    assert month.availability == pytest.approx(100 * (1 - 12 / 720))
    assert month.coverage == pytest.approx(100)
    day = log.availability(T0, DAY)
    assert day.availability == pytest.approx(50)


def test_time_in_which_nobody_looked_is_unknown() -> None:
    """Neither up nor down, also in the middle of an outage."""
    log = OutageLog()
    log.observe(T0 - DAY)
    log.observe(T0 - DAY / 2)
    log.began(T0 - DAY / 2, "refused")
    log.observe(T0, gap=True)
    figures = log.availability(T0, DAY)
    assert figures.availability == pytest.approx(100)
    assert figures.coverage == pytest.approx(50)


def test_the_spans_in_which_nobody_looked_are_told() -> None:
    """Those of the window only, the time before the first look too; touching ones are one."""
    log = OutageLog()
    assert log.blind(T0, DAY) == [(T0 - DAY, T0)]
    log.observe(T0 - 20 * 3600)
    log.observe(T0 - 10 * 3600)
    log.observe(T0 - 9 * 3600, gap=True)
    log.observe(T0 - 8 * 3600, gap=True)
    log.observe(T0)
    hole = (T0 - 10 * 3600, T0 - 8 * 3600)
    assert log.blind(T0, DAY) == [(T0 - DAY, T0 - 20 * 3600), hole]
    assert log.blind(T0, 9 * 3600) == [(T0 - 9 * 3600, T0 - 8 * 3600)]
    assert log.blind(T0, 3600) == []


def test_a_reset_is_left_out_of_mttr() -> None:
    """The owner's click says nothing of the server."""
    log = watched()
    log.began(T0 - 100, "refused")
    log.ended(T0, by="reset")
    assert log.mttr(T0) is None
    assert log.outages[0].ended_by == "reset"
    assert log.mtbf(T0) == pytest.approx(30 * DAY - 100, rel=1e-6)


def test_figures_change_when_there_is_news() -> None:
    """That is as an outage begins and ends, and four times a day: not with each look."""
    log = watched()
    assert log.turned is None
    assert log.news(T0 + 59) == T0 + 59  # nothing that time could change
    begin = T0 + 100
    log.began(begin, "refused")
    assert log.news(begin + 50) == log.turned == begin
    log.ended(begin + 1000)
    assert log.news(begin + 2000) == log.turned == begin + 1000
    moments = {log.news(begin + 1000 + minute * 60) for minute in range(24 * 60)}
    assert len(moments) == 1 + 4
    assert all(moment % (DAY / 4) == 0 for moment in moments - {begin + 1000})
    shown = {log.availability(moment, DAY).availability for moment in moments}
    assert len(shown) <= len(moments)
    # A clock that was set back shows nothing of what lies ahead of it.
    assert log.news(begin + 10) == begin + 10


def test_old_outages_leave_but_the_count_stays() -> None:
    """By age, never by number."""
    log = OutageLog()
    for number in range(60):
        log.began(T0 + number * 1000, "refused")
        log.ended(T0 + number * 1000 + 10)
    now = look_on(log, T0 + 60_000, 399)
    assert len(log.outages) == 60
    look_on(log, now, 2)
    assert log.outages == []
    assert log.count == 60


@pytest.mark.parametrize("gap", [False, True])
def test_a_clock_that_is_far_ahead_once_drops_nothing(gap: bool) -> None:
    """Nor does one that does it again and again, over restarts too."""
    log = watched()
    log.began(T0, "refused")
    log.ended(T0 + 100)
    log.observe(T0 + 3600, gap=True)
    before = log.availability(T0 + 3700, DAY)
    for number in range(20):
        log.observe(T0 + 3650 + number)
        log.observe(T0 + 5000 * DAY, gap=gap)
        log, bad = OutageLog.restore(log.snapshot())
        assert bad == 0
    log.observe(T0 + 3700)
    assert len(log.outages) == 1
    assert log.unknown[0][:2] == (T0, T0 + 3600)
    assert log.availability(T0 + 3700, DAY).coverage == pytest.approx(
        before.coverage, abs=0.1
    )
    # And what nobody saw later is not taken for seen.
    log.observe(T0 + DAY, gap=True)
    start, end, _ = log.unknown[-1]
    assert start <= T0 + 3700
    assert end == T0 + DAY


def test_it_survives_exactly() -> None:
    """Snapshot and restore are inverse."""
    log = watched()
    log.began(T0, "refused")
    log.ended(T0 + 5)
    log.began(T0 + 500, "timeout")
    log.observe(T0 + 600, gap=True)
    other, bad = OutageLog.restore(log.snapshot())
    assert bad == 0
    assert other.snapshot() == log.snapshot()


@pytest.mark.parametrize(
    "entry",
    [
        None,
        [],
        {"start": None, "end": None},
        {"start": math.nan, "end": 5},
        {"start": "then", "end": 5},
        {"start": -1, "end": 5},
        {"start": 5, "end": 6, "jobs": "many"},
    ],
    ids=str,
)
def test_a_bad_record_is_left_out_alone(entry: Any) -> None:
    """The others stay."""
    log = watched()
    log.began(T0, "refused")
    log.ended(T0 + 5)
    data = log.snapshot()
    data["outages"].append(entry)
    other, bad = OutageLog.restore(data)
    assert bad == 1
    assert len(other.outages) == 1


def test_only_the_newest_record_may_last() -> None:
    """A leftover open record does not make an outage of two days."""
    log = watched()
    log.began(T0, "refused")
    data = log.snapshot()
    data["outages"].append({"start": T0 + 100, "end": T0 + 200, "cause": "x"})
    other, _ = OutageLog.restore(data)
    assert other.current is None
    assert len(other.outages) == 1


def test_a_clock_set_back_makes_no_negative_duration() -> None:
    """The end is never before the start."""
    log = watched()
    log.began(T0, "refused")
    ended = log.ended(T0 - 3600)
    assert ended is not None
    assert ended.duration == 0
