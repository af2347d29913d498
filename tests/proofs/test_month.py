"""The simulated month in its quick form, and that it sees what it looks for."""

import re
import subprocess
import sys

import pytest

from custom_components.plexsync.engine.calls.judge import Purpose
from custom_components.plexsync.engine.circuit.breaker import State
from custom_components.plexsync.engine.model.events import CircuitClosed, CircuitOpened
from custom_components.plexsync.engine.model.faults import Fault, FaultClass
from proofs.month.run import month
from proofs.month.watch import EPOCH, Streak, Wall, Watch, without
from tests.simulators.plex import Request


class Time:
    """A clock that is set."""

    now = 0.0

    def __call__(self) -> float:
        """Give the time."""
        return self.now


@pytest.fixture
def time() -> Time:
    """Give a clock at zero."""
    return Time()


@pytest.fixture
def watch(time: Time) -> Watch:
    """Give a watch over one item, number 7."""
    watch = Watch(time)
    watch.item_key = {"7": "scene:7"}.get
    return watch


def _request(method: str, target: str) -> Request:
    return Request.build(method, target)


READ = _request("GET", "/library/metadata/7")
EDIT = _request("PUT", "/library/sections/1/all?id=7&title.value=title+rev4")
REFUSED = Fault(FaultClass.SERVER, "refused", unreachable=True)
REFUSED_TOKEN = Fault(FaultClass.AUTH, "unauthorized")


@pytest.mark.timeout(1200)
def test_some_months_hold(pytestconfig: pytest.Config) -> None:
    """A few seeds, side by side, in processes of their own."""
    done = subprocess.run(
        [sys.executable, "-m", "proofs.month", "--quick"],
        cwd=pytestconfig.rootpath,
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=1100,
    )
    assert done.returncode == 0, done.stdout
    for line in (
        "months 2, trouble [1-9]",
        r"outages logged ([1-9]\d*), of which injected and seen \1;",
        r"restarts [1-9]\d*, kills [1-9]\d*, clock jumps [1-9]\d*, scans [1-9]",
        "records promised [1-9].*, edits by hand [1-9]",
        r"worst connections tried in an hour of down time \d+ \(bound 79\)$",
        "invariants broken 0$",
    ):
        assert re.search(f"^{line}", done.stdout, re.MULTILINE), (line, done.stdout)


def test_a_seed_replays() -> None:
    """The same seed gives the same figures."""
    assert month(5, 1.0) == month(5, 1.0)


@pytest.mark.parametrize("request_", [READ, EDIT])
def test_it_sees_work_while_the_circuit_is_open(
    watch: Watch, request_: Request
) -> None:
    """Probes may leave, nothing else."""
    watch.circuit = lambda: State.OPEN
    watch.sends(READ, probe=True)
    assert not watch.broken
    watch.sends(request_, probe=False)
    assert len(watch.broken) == 1


def test_it_sees_two_trials(watch: Watch) -> None:
    """One after the other is right."""
    watch.circuit = lambda: State.HALF_OPEN
    for _ in range(2):
        watch.sends(READ, probe=False)
        watch.ended(READ, probe=False)
    assert not watch.broken
    watch.sends(READ, probe=False)
    watch.sends(EDIT, probe=False)
    assert len(watch.broken) == 1


def test_what_left_before_the_outage_is_no_trial(watch: Watch) -> None:
    """It may hang all the time until the first trial."""
    watch.circuit = lambda: State.CLOSED
    watch.sends(EDIT, probe=False)
    watch.circuit = lambda: State.HALF_OPEN
    watch.sends(READ, probe=False)
    assert not watch.broken


def test_it_sees_an_older_revision_after_a_newer(watch: Watch) -> None:
    """By the edits that were applied."""
    watch.applied(EDIT, 0)
    older = _request("PUT", "/library/sections/1/all?id=7&title.value=title+rev3")
    watch.applied(older, 0)
    assert len(watch.older.found) == 1


def _save(watch: Watch, state: str) -> Streak:
    """Save; give what a start would know."""
    known = watch.saving()
    watch.saved({"breaker": {"state": state}})
    return known


def _probe(watch: Watch, fault: Fault | None) -> None:
    watch.probes()
    watch.probed(fault)


def test_an_opening_is_dated_back_to_the_first_edit_of_a_run(
    watch: Watch, time: Time
) -> None:
    """A good edit begins it anew; only what was saved outlives a kill."""
    for at, fault in ((1, REFUSED), (2, None), (3, REFUSED), (4, REFUSED)):
        time.now = at
        watch.called(Purpose.EDIT, fault, "7")
        _probe(watch, None)
    kept = _save(watch, "closed")
    assert kept == Streak(3, edits=True)
    watch.gone(Streak())
    time.now = 9
    watch.called(Purpose.READ, REFUSED, None)
    time.now = 10
    _probe(watch, REFUSED)
    watch.moves(CircuitOpened("refused"))
    _save(watch, "open")
    _save(watch, "half_open")
    time.now = 12
    watch.moves(CircuitClosed("recovery"))
    _save(watch, "closed")
    (opening,) = watch.openings
    assert (opening.start, opening.closed) == (9, 12)
    watch.gone(kept)
    _probe(watch, REFUSED)
    _save(watch, "open")
    assert watch.openings[-1].start == 3


@pytest.mark.parametrize(
    ("purpose", "fault", "probe", "good", "start"),
    [
        (Purpose.EDIT, REFUSED, None, Purpose.READ, 1),
        (Purpose.EDIT, REFUSED, None, Purpose.EDIT, 9),
        (Purpose.READ, REFUSED, None, Purpose.READ, 9),
        (Purpose.EDIT, REFUSED_TOKEN, REFUSED_TOKEN, Purpose.READ, 9),
    ],
)
def test_what_an_outage_begins_with(
    watch: Watch,
    time: Time,
    purpose: Purpose,
    fault: Fault,
    probe: Fault | None,
    good: Purpose,
    start: float,
) -> None:
    """Reads that go well say nothing; of what is in doubt the probe decides."""
    for era in (0, 100):
        time.now = era + 1
        watch.called(purpose, fault, "7")
        _probe(watch, probe)
        watch.called(good, None, "7")
        time.now = era + 9
        _probe(watch, REFUSED)
        watch.moves(CircuitOpened("refused"))
        watch.called(Purpose.EDIT, None, "7")  # it had left before
        _save(watch, "open")
        assert watch.openings[-1].start == era + start
        watch.moves(CircuitClosed("recovery"))
        _save(watch, "closed")


def test_an_outage_begins_with_the_answer_in_doubt(watch: Watch, time: Time) -> None:
    """Not with the probe that it brought about, nor with one that a probe answered for."""
    for at, of_probe in ((1, None), (5, REFUSED)):
        time.now = at
        watch.called(Purpose.READ, REFUSED, None)
        time.now = at + 1
        _probe(watch, of_probe)
    _save(watch, "open")
    assert watch.openings[0].start == 5


def test_the_wall_remembers_when_it_was_set(time: Time) -> None:
    """What it showed at any moment."""
    wall = Wall(time)
    time.now = 10
    wall.jump(-100)
    assert (wall.at(9), wall(), wall.jumps) == (EPOCH + 9, EPOCH - 90, 1)


def test_spans_are_taken_out_of_spans() -> None:
    """Whatever overlaps."""
    left = without([(0, 10), (5, 20)], [(3, 4), (2, 3.5)], [(19, 30)])
    assert left == [(0, 2), (4, 19)]
