"""What goes on, in one word: a table, and what is said where several would do."""

from dataclasses import replace
from itertools import combinations
from typing import Any

import pytest

from custom_components.plexsync.engine.circuit.breaker import State
from custom_components.plexsync.engine.circuit.outages import Availability
from custom_components.plexsync.engine.database.stats import Statistics
from custom_components.plexsync.engine.model.holds import Hold, SourceHold
from custom_components.plexsync.engine.snapshot import Snapshot
from custom_components.plexsync.engine.status import (
    BY_HOLD,
    FAILED_LONG,
    Status,
    status,
)

CALM = Snapshot(
    circuit=State.CLOSED,
    holds=frozenset(),
    source_holds={},
    reachable=True,
    at_work=False,
    pending=0,
    failed=0,
    skipped={},
    failed_for=0.0,
    oldest=None,
    stalled=0.0,
    statistics=Statistics(),
    next_probe=None,
    outages=0,
    last_outage=None,
    turned=None,
    mttr=None,
    mtbf=None,
    availability=Availability(None, 0.0),
    save_failed=False,
    storage_failed=False,
)


def held(*holds: Hold) -> dict[str, Any]:
    """Hold the server."""
    return {"holds": frozenset(holds)}


def asked(hold: SourceHold, **numbers: int) -> dict[str, Any]:
    """Hold one of two sources, with its question if there are numbers."""
    return {"source_holds": {"a": {hold: numbers or None}, "b": {}}}


# From the most to the least urgent: what is said, and each of what it is said for.
TABLE: list[tuple[Status, list[dict[str, Any]]]] = [
    (Status.OFF, [held(Hold.SWITCH)]),
    (Status.STORAGE_FAILED, [{"storage_failed": True}]),
    (Status.WRONG_SERVER, [held(Hold.WRONG_SERVER)]),
    (Status.ADDRESS_UNKNOWN, [held(Hold.ADDRESS)]),
    (Status.TOKEN_REFUSED, [held(Hold.AUTH)]),
    (Status.LIBRARY_GONE, [held(Hold.LIBRARY)]),
    (Status.LEDGER_IN_DOUBT, [held(Hold.LEDGER)]),
    (
        Status.WAITING_FOR_PLEX,
        [
            {"circuit": State.OPEN},
            {"circuit": State.HALF_OPEN},
            {"reachable": False, "at_work": True},
        ],
    ),
    (
        Status.NEEDS_REVIEW,
        [
            asked(SourceHold.FIRST_PLAN, differs=12),
            asked(SourceHold.MASS_CHANGE, gone=3, known=9),
            {"failed": 1, "failed_for": FAILED_LONG},
        ],
    ),
    (Status.WAITING_FOR_SOURCE, [{"sources": {"a": True, "b": False}}]),
    (
        Status.SYNCING,
        [
            {"at_work": True, "pending": 1},
            {"reconcile": 40.0},
            asked(SourceHold.FIRST_PLAN),  # its plan is being made
        ],
    ),
    (
        Status.UP_TO_DATE,
        [
            {},
            {"reachable": False},  # and nobody needs it
            {"reachable": None},
            {"pending": 3},  # they wait for items that Plex does not have yet
            {"failed": 1, "failed_for": FAILED_LONG - 1},
            {"sources": {"a": True, "b": None}},
            {"save_failed": True},
        ],
    ),
]
CASES = [(word, case) for word, cases in TABLE for case in cases]


def merged(*cases: dict[str, Any]) -> dict[str, Any]:
    """Let several things be so at once; of one thing the first says how it is."""
    both: dict[str, Any] = {}
    for case in reversed(cases):
        both |= case
    holds = [case["holds"] for case in cases if "holds" in case]
    return both | ({"holds": frozenset().union(*holds)} if holds else {})


@pytest.mark.parametrize(("word", "case"), CASES)
def test_each_word(word: Status, case: dict[str, Any]) -> None:
    """It is said for each of these."""
    assert status(replace(CALM, **case)) is word


def test_the_most_urgent_word_is_said_where_several_would_do() -> None:
    """In the order of the table, which is the order of the words."""
    assert [word for word, _ in TABLE] == list(Status)
    urgent = [each for each in CASES if each[0] is not Status.UP_TO_DATE]
    for (word, case), (_, other) in combinations(urgent, 2):
        assert status(replace(CALM, **merged(case, other))) is word, (case, other)


def test_every_hold_has_its_word() -> None:
    """Of the server, and of those of a source that wait for an answer."""
    assert BY_HOLD.keys() == set(Hold)
    assert list(BY_HOLD) == list(Hold)  # of several the first is named


@pytest.mark.parametrize(
    ("holds", "reachable", "answers"),
    [
        ((), True, True),
        ((), False, False),
        ((), None, None),
        ((Hold.AUTH,), True, False),
        ((Hold.AUTH,), None, False),
        ((Hold.WRONG_SERVER,), True, False),
        ((Hold.LIBRARY, Hold.LEDGER, Hold.SWITCH), True, True),
    ],
)
def test_plex_answers_only_as_what_it_was_set_up_as(
    holds: tuple[Hold, ...], reachable: bool | None, answers: bool | None
) -> None:
    """Not while it refuses us, nor while it is another one."""
    data = replace(CALM, holds=frozenset(holds), reachable=reachable)
    assert data.plex_answers is answers
