"""What has to hold whatever sources, people, agents and Plex do, in whatever order.

A few programs each time; ``PLEXSYNC_PROGRAMS=2000`` tries so many. A promise that was
broken names its seed: ``live(seed, mode_of(seed))`` plays that program again.
"""

import os

import pytest

from tests.simulators.plex.switches import TagMode

from .programs import BrokenError, live

_GROUPS = 10
_EACH = int(os.environ.get("PLEXSYNC_PROGRAMS", "100")) // _GROUPS


def mode_of(seed: int) -> TagMode:
    """Try both meanings of an index, in turns."""
    return "replace" if seed % 2 else "append"


@pytest.mark.timeout(60 + 2 * _EACH)
@pytest.mark.parametrize("group", range(_GROUPS))
def test_every_promise_holds(group: int) -> None:
    """Let some programs happen; one after the other, each in a world of its own."""
    for seed in range(group * _EACH, (group + 1) * _EACH):
        try:
            live(seed, mode_of(seed))
        except BrokenError as error:
            pytest.fail(f"seed {seed}:\n{error}")
