"""Nothing sick stops the rest: every endpoint, sick for one, some or all, in every way.

Some of the cases, always the same, unless ``PLEXSYNC_LIVENESS=all``. One case:
``pytest -n 0 tests/engine/test_liveness.py -k upload-all-500``, or, with what
went over the wire, ``python -m tests.engine.lattice upload-all-500``. All of
them in one process, with ``PLEXSYNC_WRITE_DOCS=1``, write the table into
``docs/fault-matrix.md``.
"""

from collections.abc import Iterator
import os
from zlib import crc32

import pytest

from .lattice import CASES, Case, Row, judge, observe, write

_SHARE = 20  # of so many cases one is looked at
_ALWAYS = frozenset(  # what owners have reported, and what hangs
    {
        "collections-all-500",
        "edit-all-500",
        "edit-one_item-429",
        "edit-one_item-502",
        "edit-three_items-500",
        "edit-three_items-hang",
        "listing-one_library-500",
        "pictures_of_the_source-all-away",
        "pictures_of_the_source-one_item-crash",
        "read-one_item-502",
        "read-one_item-hang",
        "upload-all-500",
    }
)
_WHOLE = os.environ.get("PLEXSYNC_LIVENESS") == "all"
CHOSEN = [
    case
    for case in CASES
    if _WHOLE or str(case) in _ALWAYS or not crc32(str(case).encode()) % _SHARE
]


@pytest.fixture(scope="module")
def rows() -> Iterator[dict[Case, Row]]:
    """Collect what is seen; write it down when that is all there is."""
    seen: dict[Case, Row] = {}
    yield seen
    if os.environ.get("PLEXSYNC_WRITE_DOCS") and len(seen) == len(CASES):
        write(seen[case] for case in CASES)


@pytest.mark.parametrize("case", CHOSEN, ids=str)
def test_nothing_sick_stops_the_rest(case: Case, rows: dict[Case, Row]) -> None:
    """Who is healthy is done in time; what is sick is shown, and asked ever more seldom."""
    seen = observe(case)
    rows[case] = Row.of(seen)
    broken = judge(seen)
    assert not broken, "\n".join([str(case), *broken])
