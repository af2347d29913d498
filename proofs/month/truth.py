"""What was injected against what the engine made of it: outages and recovery.

All bounds follow from the schedule:

- NOTICE: while Plex is down and there is work, a request fails at its deadline at
  the latest, and the probe that follows confirms it. The worker may rest for a
  moment before it takes the work.
- RECOVER: once Plex is well, a probe that was under way comes to its end, the next
  one is at most one delay away, and then the trials begin.
- DATED: a server fault is one as soon as a probe has confirmed it.
- HELD: a refused token is tried again after twice ``Policy.held`` at most.
"""

from bisect import bisect_left
from collections import Counter
from dataclasses import dataclass

from custom_components.plexsync.engine.circuit.breaker import Policy
from custom_components.plexsync.engine.circuit.outages import Outage, OutageLog
from custom_components.plexsync.plex.deadlines import Deadlines

from .figures import Report
from .watch import Span, Watch, without
from .weather import HOUR
from .world import World

_DEADLINES, _POLICY = Deadlines(), Policy()
_PROBE = 2 * _DEADLINES.probe  # process, then database
_AT_ONCE = 1.0  # seconds: answers, saves, and one job
_REST = 2.0  # after turns that brought nobody further
_TRIALS = 15.0  # a few jobs, one after the other
NOTICE = _DEADLINES.listing + _PROBE + _REST + _AT_ONCE
RECOVER = _PROBE + _POLICY.longest + _TRIALS
DATED = _PROBE + _AT_ONCE
HELD = 2 * _POLICY.held + _PROBE + _AT_ONCE
_FLAP = 60.0  # seconds within which two outages are one
TRIES = 80  # connections in an hour of down time


@dataclass(slots=True)
class Expected:
    """One outage as it should stand in the log; virtual times and what the wall showed."""

    start: float
    closed: float
    wall_start: float
    wall_end: float
    reopened: int = 0


def judge(world: World) -> Report:
    """Compare the whole month; the engine is still open."""
    watch = world.watch
    report = Report(watch.broken)
    report.broken += [f"older after newer: {each}" for each in watch.older.found]
    expected = expect(world)
    log = world.engine.circuit.outages
    _check_openings(world, report)
    _check_recovery(world, report)
    _check_log(expected, log, report)
    _check_tries(world, report)
    counts = world.counts
    report.spells.update(spell.kind.name for spell in world.spells)
    report.failed += world.failed
    report.numbers += Counter(
        {
            "months": 1,
            "outages": log.count,
            "expected": len(expected),
            "openings": len(watch.openings),
            "jumps": world.wall.jumps,
            "by hand": counts["edits by hand"],
            "scans": counts["removed"] + counts["added"] + counts["moved"],
            "promised": world.promises.answered,
            "edits": watch.edits,
            "requests": watch.requests,
        }
    )
    for name in ("restarts", "kills"):
        report.numbers[name] = counts[name]
    return report


def _open_spans(watch: Watch, now: float) -> list[Span]:
    return [
        (each.at, now if each.closed is None else each.closed)
        for each in watch.openings
    ]


def _check_openings(world: World, report: Report) -> None:
    """See that every opening has a reason, and none is missing."""
    late = _DEADLINES.listing + DATED
    for opening in world.watch.openings:
        if not any(
            spell.kind.breaks and spell.start <= opening.at <= spell.end + late
            for spell in world.spells
        ):
            report.broken.append(f"{opening.at:.3f} s: the circuit opened in calm")
    dead = without([(0.0, world.now())], world.alive.spans)
    slowest = 0.0
    for spell in world.spells:
        if spell.kind.down:
            unseen = without(
                [(spell.start, spell.end)],
                dead,
                _open_spans(world.watch, world.now()),
            )
            slowest = max([slowest, *(high - low for low, high in unseen)])
    report.bound("seconds until an outage is noticed", slowest, NOTICE)


def _check_recovery(world: World, report: Report) -> None:
    """See that in calm the circuit closes, and a refused token is forgiven, in time."""
    dead = without([(0.0, world.now())], world.alive.spans)
    trouble = [
        (spell.start, spell.end)
        for spell in world.spells
        if spell.kind.breaks or spell.kind.name in ("slow", "token refused")
    ]
    closing = without(
        _open_spans(world.watch, world.now()), trouble, dead, world.held.spans
    )
    slowest = max((high - low for low, high in closing), default=0.0)
    report.bound("seconds from well to closed", slowest, RECOVER)
    holding = without(world.held.spans, trouble, dead)
    slowest = max((high - low for low, high in holding), default=0.0)
    report.bound("seconds held after the token is good again", slowest, HELD)


def expect(world: World) -> list[Expected]:
    """Write down the outages as the design defines them, from what was seen on the wire."""
    found: list[Expected] = []
    wall = world.wall.at
    for opening in world.watch.openings:
        closed = world.now() if opening.closed is None else opening.closed
        last = found[-1] if found else None
        start = wall(opening.start)
        if last is not None and 0 <= start - last.wall_end < _FLAP:
            last.closed, last.wall_end = closed, wall(closed)
            last.reopened += 1
        else:
            # The wall may have been set back: no record begins before the last one's end.
            floor = last.wall_end if last is not None else 0.0
            start = max(start, floor)
            found.append(Expected(opening.start, closed, start, wall(closed)))
        found[-1].wall_end = max(found[-1].wall_end, found[-1].wall_start)
    return found


def _check_log(expected: list[Expected], log: OutageLog, report: Report) -> None:
    if len(expected) != len(log.outages):
        report.broken.append(f"{len(log.outages)} outages, not {len(expected)}")
        return
    off = 0.0
    for truth, logged in zip(expected, log.outages, strict=True):
        off = max(off, _difference(truth, logged))
        if logged.reopened != truth.reopened:
            report.broken.append(f"reopened {logged.reopened}, not {truth.reopened}")
    report.bound("seconds that the outage log is off", off, DATED)


def _difference(truth: Expected, logged: Outage) -> float:
    start = abs(logged.start - truth.wall_start)
    end = float("inf") if logged.end is None else abs(logged.end - truth.wall_end)
    return max(start, end if end > _AT_ONCE else 0.0)


def _check_tries(world: World, report: Report) -> None:
    """Count the connections tried within any hour of down time."""
    tries = world.watch.tries
    worst = 0
    for spell in world.spells:
        if not (spell.kind.down or spell.kind.name in ("token refused", "writes hang")):
            continue
        first = bisect_left(tries, spell.start)
        last = bisect_left(tries, spell.end)
        for number in range(first, last):
            until = bisect_left(tries, tries[number] + HOUR, number, last)
            worst = max(worst, until - number)
    report.bound("connections tried in an hour of down time", worst, TRIES - 1)
