"""Holds: why work waits although the circuit allows it."""

from collections.abc import Collection
from enum import StrEnum
from typing import Final


class Hold(StrEnum):
    """What holds the whole server. Of several the first one here is named."""

    SWITCH = "switch"  # the owner switched syncing off
    WRONG_SERVER = "wrong_server"  # another machine answers
    ADDRESS = "address"  # nobody says where the server is
    AUTH = "auth"  # Plex refuses the token
    LIBRARY = "library"  # none of the chosen libraries is there
    LEDGER = "ledger"  # the ledger is lost or older than Plex


class SourceHold(StrEnum):
    """What holds one source. Of several the first one here is named.

    The first two wait for their owner's answer, and all jobs of the source with them.
    A source that is away holds only the jobs that still have to ask it for something, such
    as a picture: whatever it has sent is written.
    """

    FIRST_PLAN = "first_plan"  # nobody has said yes to what it would change
    MASS_CHANGE = "mass_change"  # more than a fifth of its records is gone
    AWAY = "away"  # it does not answer, or waits for its owner itself


# Whoever only reads needs neither the switch nor a sound ledger, and passes these.
READING: frozenset[Hold] = frozenset({Hold.SWITCH, Hold.LEDGER})
# What a person asks for by hand passes this one.
BY_HAND: frozenset[Hold] = frozenset({Hold.SWITCH})
# While one of these holds, Plex does not answer as the server that it was set up as.
REFUSED: frozenset[Hold] = frozenset({Hold.WRONG_SERVER, Hold.ADDRESS, Hold.AUTH})
# A look at Plex finds these, and finds out when they are over.
BY_LOOK: frozenset[Hold] = frozenset({Hold.WRONG_SERVER, Hold.AUTH, Hold.LIBRARY})


_ORDER: Final = {hold: number for number, hold in enumerate((*Hold, *SourceHold))}


def foremost[T: (Hold, SourceHold)](holds: Collection[T]) -> T | None:
    """Name the hold that is to be shown, None where there is none."""
    return min(holds, key=_ORDER.__getitem__, default=None)
