"""The benchmark measures what it says: small, and without looking at the clock."""

from bench.__main__ import line, run, tell
from bench.results import Backlog, Row


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
