"""The benchmark measures what it says: small, and without looking at the clock."""

from dataclasses import replace
import json
from pathlib import Path
import shutil

import pytest

from bench import polls
from bench.__main__ import compare, compare_edits, line, run, tell
from bench.page import Figures, tell as tell_page
from bench.results import Backlog, Edits, Polls, Row, Sweeps


def test_a_row() -> None:
    """One listing request, one edit a record and shared reads; nothing for the unchanged."""
    row = Row.from_json(run("bench.row", 60, 0, 40, 8))
    assert (row.jobs, row.plain_jobs) == (40, 8)
    assert row.listing_requests == 1
    assert 40 < row.first_requests < 2 * 40
    assert row.unchanged_requests == 0
    assert 40 < row.changed_requests < 2 * 40
    assert row.resumed_seconds > 0
    assert row.plain_requests >= 5 * 8
    assert str(row.items) in line(row)


def test_a_backlog() -> None:
    """All of it is taken in, and some of it is done."""
    backlog = Backlog.from_json(run("bench.backlog", 50, 200, 20))
    assert backlog.records == 200
    assert 20 <= backlog.jobs <= 200
    assert backlog.written > 0
    assert "200 records for 50 items" in tell(backlog)


def test_sweeps_in_turns() -> None:
    """Beside another checkout, here our own: both compare all, with shared reads."""
    here = Path(__file__).parent.parent
    found = run("bench.sweep", here, 120, "0,1", 1).splitlines()
    for sweeps in map(Sweeps.from_json, found):
        assert (sweeps.requests, sweeps.other_requests) == (2, 2)
        assert "sweep of 120 items" in compare(sweeps)
    assert len(found) == 2


def test_edits_in_turns() -> None:
    """Beside our own checkout: all kinds of latency, and what each misses is said."""
    found = run("bench.edits", Path(__file__).parent.parent, 40, 20, 2).splitlines()
    *lines, ours, theirs = found
    edits = [Edits.from_json(each) for each in lines]
    assert [(each.latency, each.first) for each in edits] == [
        ("none", True),
        ("none", False),
        ("each", False),
        ("writes", False),
    ]
    for each in edits:
        assert each.ours.items == each.theirs.items == (40 if each.first else 20)
        assert 0.5 < each.ratio("written") < 2
        assert "20 changed items" in compare_edits(each) or each.first
        slow = replace(each.ours, seconds=each.theirs.seconds * 10)
        assert replace(each, ours=slow).misses()
    assert float(ours) == float(theirs) > 0


def test_polls() -> None:
    """Edits arrive; an idle Stash is asked little, also after a bulk edit."""
    found = Polls.from_json(run("bench.polling", 3))
    assert found.edits == 3
    assert [requests for requests, _ in found.idle] == [340, 120, 120]
    for (requests, size), (_, idle) in zip(found.bulk, found.idle, strict=True):
        assert requests <= 420
        assert idle < 100_000
        assert size < 500_000
    assert "3 edits" in polls.tell(found)


def test_a_stash() -> None:
    """A list costs one request for a thousand scenes, an hour of nothing one for each look."""
    lines = run("bench.stash", 60).splitlines()
    asked = {
        what: int(told.partition(" requests to Stash")[0].rpartition("; ")[2])
        for what, _, told in (line.partition(": ") for line in lines)
    }
    assert list(asked) == [
        "first read, with all fields",
        "first read, with titles, and all jobs",
        "list of all scenes",
        "sweep",
        "sweep again",
        "an hour of nothing",
    ]
    assert asked["list of all scenes"] == 1
    assert asked["sweep"] == asked["sweep again"] < 5
    assert asked["an hour of nothing"] in (360, 361)


def test_a_plan() -> None:
    """Every record that differs is in it, wherever its pages are read."""
    lines = run("bench.plan", 120).splitlines()
    assert lines[0].startswith("plan of 120 records that differ: ")
    assert [line.partition(":")[0] for line in lines[1:4]] == [
        "rows from 0",
        "rows from 60",
        "rows from 20",
    ]
    assert lines[4].startswith("the same once all is in line: ")


@pytest.mark.skipif(shutil.which("chromium") is None, reason="no browser is installed")
def test_the_review_page() -> None:
    """All of a plan is scrolled through in a browser, and what is sent is weighed."""
    found = Figures(**json.loads(run("bench.page", 150, "--quick", "--json")))
    assert found.items == 150
    assert found.frames > 150 * 77 / 900
    assert found.seconds > 0
    assert len(found.jumps) == 5
    assert 10_000 < found.messages["plexsync/plan"] < 256_000
    assert found.heap["scrolled"] > 0
    assert found.home["planned"] > found.home["without us"]
    assert "plan of 150 items" in tell_page(found)


def test_what_a_review_page_misses() -> None:
    """Rows that come late, a task that holds the page, a message that is too large."""
    assert not Figures(first=900, idle=[60], scrolled=[70, 80]).misses()
    late = Figures(first=1100, worked=[51.0], messages={"plexsync/plan": 300_000})
    assert len(late.misses()) == 3
