"""The simulated month in its quick form, and that it sees what it looks for."""

import re
import subprocess
import sys
from typing import Any

import pytest

from custom_components.plexsync.engine.breaker import State
from custom_components.plexsync.engine.circuit import Proof
from custom_components.plexsync.engine.retry import Fault, FaultClass
from proofs.month.run import month
from proofs.month.watch import EPOCH, ByHand, Wall, Watch, length, without
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
        "months 4, days 40$",
        r"outages logged ([1-9]\d*), of which injected and seen \1;",
        r"restarts [1-9]\d*, kills [1-9]\d*, clock jumps [1-9]\d*, scans [1-9]",
        "edits by hand [1-9]",
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
        watch.ended(None, probe=False)
    assert not watch.broken
    watch.sends(READ, probe=False)
    watch.sends(READ, probe=False)
    assert len(watch.broken) == 1


@pytest.mark.parametrize(
    ("left", "heard", "seen"),
    [(99, None, False), (101, None, False), (111, None, True), (101, 100.5, True)],
)
def test_it_sees_a_person_overwritten(
    watch: Watch, left: float, heard: float | None, seen: bool
) -> None:
    """Unless our edit had left already, or nobody could have told us."""
    watch.by_hand["scene:7", "title"] = ByHand("Mine", 100, heard)
    watch.applied(EDIT, left)
    assert bool(watch.broken) is seen


def test_it_sees_an_older_revision_after_a_newer(watch: Watch) -> None:
    """By the edits that were applied."""
    watch.applied(EDIT, 0)
    older = _request("PUT", "/library/sections/1/all?id=7&title.value=title+rev3")
    watch.applied(older, 0)
    assert len(watch.older.found) == 1


def _save(state: str, first_fault: float | None = None) -> dict[str, Any]:
    breaker = {"state": state, "failures": 1 if first_fault else 0}
    return {"breaker": breaker, "first_fault": first_fault, "doubt": 0}


def test_an_opening_is_dated_back_to_the_first_fault(watch: Watch, time: Time) -> None:
    """A good answer begins the streak anew; only what was saved outlives a kill."""
    for at, fault in ((1, REFUSED), (2, None), (3, REFUSED), (4, REFUSED)):
        time.now = at
        watch.called(Proof.WRITE, fault, "7")
    watch.saved(_save("closed"))
    watch.gone()
    time.now = 9
    watch.called(Proof.READ, REFUSED, None)
    watch.saved(_save("open", 9))
    watch.saved(_save("half_open"))
    time.now = 12
    watch.saved(_save("closed"))
    (opening,) = watch.openings
    assert (opening.start, opening.closed) == (9, 12)


@pytest.mark.parametrize(
    ("fault", "good", "start"),
    [
        (Proof.WRITE, Proof.READ, 1),
        (Proof.WRITE, Proof.WRITE, 9),
        (Proof.READ, Proof.READ, 9),
    ],
)
def test_a_good_read_says_nothing_of_writes_that_fail(
    watch: Watch, time: Time, fault: Proof, good: Proof, start: float
) -> None:
    """Whatever else ends the streak; nothing of before the last closing counts."""
    for era in (0, 100):
        time.now = era + 1
        watch.called(fault, REFUSED, None)
        watch.called(good, None, None)
        time.now = era + 9
        watch.called(Proof.READ, REFUSED, None)
        watch.opens()
        watch.called(Proof.WRITE, None, "7")  # it had left before
        watch.saved(_save("open", 9))
        assert watch.openings[-1].start == era + start
        watch.saved(_save("closed"))


def test_a_poisoned_item_is_no_fault_of_the_server(watch: Watch, time: Time) -> None:
    """No outage is dated back to it."""
    watch.poisoned.add("7")
    time.now = 5
    poison = Fault(FaultClass.SERVER, "error_500", ambiguous=True)
    watch.called(Proof.WRITE, poison, "7")
    time.now = 9
    watch.called(Proof.READ, REFUSED, None)
    watch.saved(_save("open", 9))
    assert watch.openings[0].start == 9


def test_the_wall_remembers_when_it_was_set(time: Time) -> None:
    """What it showed at any moment."""
    wall = Wall(time)
    time.now = 10
    wall.jump(-100)
    assert (wall.at(9), wall(), wall.moved) == (EPOCH + 9, EPOCH - 90, 100)


def test_spans_are_taken_out_of_spans() -> None:
    """Whatever overlaps."""
    left = without([(0, 10), (5, 20)], [(3, 4), (2, 3.5)], [(19, 30)])
    assert left == [(0, 2), (4, 19)]
    assert length(left) == 17
