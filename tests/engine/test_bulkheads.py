"""The bulkheads: kinds of call that fail, each shut for itself."""

import itertools
import math
from random import Random

import pytest

from custom_components.plexsync.engine.calls.bulkheads import (
    REASONS,
    Bulkheads,
    fault_of,
    reason_of,
)
from custom_components.plexsync.engine.model.faults import FaultClass

MINUTE, HOUR = 60.0, 3600.0
LISTING = "listing:films"


def tries(bulkheads: Bulkheads, kinds: list[str], until: float) -> list[float]:
    """Try whatever may be tried, ten times a second; give when that was."""
    at = []
    for tick in range(int(until * 10)):
        now = tick / 10
        for kind in kinds:
            if bulkheads.admit(kind, now):
                at.append(now)
                bulkheads.failed(kind, kind, now)
    return at


def per_hour(at: list[float], begin: float) -> int:
    """Count the tries of the hour that begins then."""
    return sum(begin <= each < begin + HOUR for each in at)


def test_what_fails_is_asked_rarely_and_more_rarely() -> None:
    """At most once a second in the first minute, six times an hour after the first hour."""
    at = tries(Bulkheads(Random(1)), [LISTING], 4 * HOUR)
    gaps = [later - earlier for earlier, later in itertools.pairwise(at)]
    assert min(gaps) >= 1
    assert 10 < sum(each < MINUTE for each in at) <= 60  # but asked it is
    for hour in (1, 2, 3):
        assert 4 <= per_hour(at, hour * HOUR) <= 6
    assert all(later > 0.9 * earlier for earlier, later in itertools.pairwise(gaps))
    assert max(gaps) <= 661  # never more than the cap and a tenth


def test_all_libraries_share_the_turns_of_a_group() -> None:
    """Three that fail are asked as often as one, and each gets its turn."""
    kinds = [f"edits:{name}" for name in "abc"]
    bulkheads = Bulkheads(Random(2))
    for kind in kinds:
        bulkheads.failed(kind, "x", 0.0, at_once=True)
    at = tries(bulkheads, kinds, 3 * HOUR)
    assert sum(each < MINUTE for each in at) <= 60
    assert min(b - a for a, b in itertools.pairwise(at)) >= 1
    assert per_hour(at, HOUR) <= 6
    assert per_hour(at, 2 * HOUR) <= 6


def test_a_library_that_fails_alone_waits_for_nobody_else() -> None:
    """A kind of another group, or one that works, takes no turn away."""
    bulkheads = Bulkheads(Random(3))
    bulkheads.failed(LISTING, "a", 0.0)
    bulkheads.failed("collections:films", "a", 0.0, wait=100)
    bulkheads.failed("listing:music", "a", 0.0, wait=100)
    assert bulkheads.until(LISTING, 0.0) >= 100  # its like takes turns
    bulkheads.worked("listing:music")
    assert 1 <= bulkheads.until(LISTING, 0.0) <= 1.1


@pytest.mark.parametrize(
    ("group", "limit"),
    [
        ("pictures", 3),
        ("edits", 3),
        ("reads", 3),
        ("listing", 1),
        ("collections", 1),
        ("scans", 1),
        ("source", 1),
    ],
)
def test_how_many_fail_before_their_kind_is_shut(group: str, limit: int) -> None:
    """A list is one resource; one item says little of the others, however often it fails."""
    bulkheads, kind = Bulkheads(Random(4)), f"{group}:films"
    for number in range(limit - 1):
        for _ in range(5):
            assert not bulkheads.failed(kind, f"{number}", 0.0)
        assert bulkheads.admit(kind, 0.0)
        assert not bulkheads.is_shut(kind)
        assert bulkheads.failing() == {}
    assert bulkheads.failed(kind, "last", 7.0)
    assert bulkheads.is_shut(kind)
    assert bulkheads.failing() == {kind: 0.0 if limit > 1 else 7.0}
    assert not bulkheads.is_shut(f"{group}:music")


def test_one_that_works_starts_the_count_anew() -> None:
    """Failures count in a row; what was never shut wakes nobody."""
    bulkheads = Bulkheads(Random(5))
    for subject in "ab":
        bulkheads.failed("edits:films", subject, 0.0)
    assert bulkheads.troubled("edits") == {"edits:films"}
    bulkheads.worked("edits:films")
    assert bulkheads.troubled("edits") == set()
    assert bulkheads.take_reopened() == set()
    assert not bulkheads.failed("edits:films", "c", 0.0)


def test_a_trial_is_let_through_once() -> None:
    """Whatever becomes of it, the next one does not follow at once."""
    bulkheads = Bulkheads(Random(6))
    bulkheads.failed(LISTING, "a", 0.0)
    wait = bulkheads.until(LISTING, 0.0)
    assert 1 <= wait <= 1.1
    assert not bulkheads.admit(LISTING, wait - 0.01)
    assert bulkheads.admit(LISTING, wait)
    assert not bulkheads.admit(LISTING, wait)
    assert bulkheads.until(LISTING, wait) >= 1


def test_the_trial_of_one_library_is_that_of_its_like() -> None:
    """Two that are due at the same moment are not asked at the same moment."""
    bulkheads = Bulkheads(Random(7))
    bulkheads.failed(LISTING, "a", 0.0)
    bulkheads.failed("listing:music", "b", 0.0)
    assert bulkheads.admit(LISTING, 10.0)
    assert not bulkheads.admit("listing:music", 10.0)


def test_a_trial_that_works_opens_and_says_so_once() -> None:
    """Whoever waited for the kind is woken, and the wait begins anew next time."""
    bulkheads = Bulkheads(Random(8))
    bulkheads.failed(LISTING, "a", 0.0)
    tries(bulkheads, [LISTING], HOUR)
    bulkheads.worked(LISTING)
    assert bulkheads.admit(LISTING, HOUR)
    assert bulkheads.take_reopened() == {LISTING}
    assert bulkheads.take_reopened() == set()
    bulkheads.failed(LISTING, "a", HOUR)
    assert bulkheads.until(LISTING, HOUR) <= 1.1


def test_whoever_does_not_try_what_fails_is_told_all_that_is_shut() -> None:
    """Also what somebody else may try now."""
    bulkheads = Bulkheads(Random(9))
    bulkheads.failed(LISTING, "a", 0.0)
    bulkheads.failed("collections:films", "a", 0.0)
    bulkheads.failed("edits:films", "a", 0.0)  # one of three
    assert bulkheads.not_to_ask("listing", 0.0) == {"films"}
    assert bulkheads.not_to_ask("listing", 9.0) == frozenset()
    assert bulkheads.not_to_ask("listing", -math.inf) == {"films"}
    assert bulkheads.not_to_ask("edits", -math.inf) == frozenset()


def test_a_kind_waits_for_as_long_as_it_was_asked_to() -> None:
    """And no longer than its like would, once it fails for long."""
    bulkheads = Bulkheads(Random(10))
    bulkheads.failed("edits:films", "a", 0.0, at_once=True, wait=90)
    assert bulkheads.is_shut("edits:films")
    assert bulkheads.until("edits:films", 0.0) == 90
    assert not bulkheads.admit("edits:films", 89.9)
    assert bulkheads.admit("edits:films", 90.0)


def test_a_long_call_keeps_the_others_away_until_it_ends() -> None:
    """One that ended well is forgotten; one that failed goes on failing."""
    for good in (True, False):
        bulkheads = Bulkheads(Random(11))
        bulkheads.occupy(LISTING, 0.0)
        assert not bulkheads.admit(LISTING, 29.0)
        assert bulkheads.failing() == {}
        assert bulkheads.take_reopened() == set()
        if good:
            bulkheads.worked(LISTING)
        else:
            bulkheads.failed(LISTING, "a", 30.0)
        bulkheads.free(LISTING)
        assert bulkheads.take_reopened() == {LISTING}  # look what became of it
        assert bulkheads.admit(LISTING, 31.0) is good
        assert bulkheads.admit(LISTING, 36.0)


def test_a_long_call_that_said_nothing_shuts_nothing_for_good() -> None:
    """Cancelled, or refused by the circuit: the next one may try at once."""
    bulkheads = Bulkheads(Random(12))
    bulkheads.occupy(LISTING, 0.0)
    bulkheads.free(LISTING)
    assert bulkheads.admit(LISTING, 3.0)
    assert bulkheads.failing() == {}


def test_one_item_that_fails_after_a_long_call_shuts_nothing() -> None:
    """A kind was shut for the call only."""
    bulkheads = Bulkheads(Random(15))
    bulkheads.occupy("edits:films", 0.0)
    assert not bulkheads.failed("edits:films", "a", 9.0)
    assert bulkheads.admit("edits:films", 9.0)


def test_a_long_call_beside_trouble_leaves_the_trouble() -> None:
    """What failed before the call goes on waiting as before if it says nothing."""
    bulkheads = Bulkheads(Random(13))
    bulkheads.failed(LISTING, "a", 0.0)
    bulkheads.occupy(LISTING, 10.0)
    bulkheads.free(LISTING)
    assert bulkheads.is_shut(LISTING)
    assert bulkheads.failing() == {LISTING: 0.0}
    assert bulkheads.admit(LISTING, 11.0)


def test_an_outage_forgets_all_and_wakes_all() -> None:
    """It was the server: what was shut may be tried as soon as that is back."""
    bulkheads = Bulkheads(Random(14))
    bulkheads.failed(LISTING, "a", 0.0)
    bulkheads.failed("edits:films", "a", 0.0)
    bulkheads.clear()
    assert bulkheads.take_reopened() == {LISTING}
    assert bulkheads.admit(LISTING, 0.0)
    for subject in "bc":
        assert not bulkheads.failed("edits:films", subject, 0.0)


def test_a_kind_is_in_doubt_until_it_is_tried_or_not_needed() -> None:
    """What failed before the start is open; only a call that goes well speaks for it."""
    bulkheads = Bulkheads(Random(16))
    bulkheads.in_doubt.update([LISTING, "edits:films", "edits:music"])
    assert bulkheads.admit(LISTING, 0.0)
    bulkheads.worked(LISTING)
    assert bulkheads.in_doubt == {"edits:films", "edits:music"}
    assert not bulkheads.failed("edits:films", "a", 0.0)  # one item says little
    bulkheads.end_doubt()
    assert bulkheads.in_doubt == {"edits:films"}
    bulkheads.clear()
    assert bulkheads.in_doubt == {"edits:films"}
    bulkheads.worked("edits:films")
    assert not bulkheads.in_doubt


def test_a_group_is_in_doubt_until_one_of_its_kinds_works() -> None:
    """Of what failed by itself nobody knows the kind any more."""
    bulkheads = Bulkheads(Random(1))
    bulkheads.in_doubt.update(["edits", "pictures"])
    bulkheads.failed("edits:films", "41", 0.0)
    bulkheads.end_doubt()
    assert bulkheads.in_doubt == {"edits"}
    bulkheads.worked("edits:films")
    assert not bulkheads.in_doubt


def test_scans_are_in_doubt_though_no_job_waits_for_them() -> None:
    """Only one that goes well speaks for them."""
    bulkheads = Bulkheads(Random(17))
    bulkheads.in_doubt.update([LISTING, "scans:films"])
    bulkheads.end_doubt()
    assert bulkheads.in_doubt == {"scans:films"}
    bulkheads.worked("scans:films")
    assert not bulkheads.in_doubt


@pytest.mark.parametrize("group", sorted(REASONS))
def test_what_waits_for_a_kind_has_its_reason(group: str) -> None:
    """One reason for all of a kind, and the kind itself, so that it is woken."""
    fault = fault_of(f"{group}:films")
    assert fault.kept_from == f"{group}:films"
    assert fault.reason == reason_of(f"{group}:music") == REASONS[group]
    scopes = {"pictures": FaultClass.PICTURE}
    scopes |= dict.fromkeys(("source", "address"), FaultClass.SOURCE)
    assert fault.kind is scopes.get(group, FaultClass.LIBRARY)
