"""Holds: why work waits although the circuit allows it."""

from enum import StrEnum


class Hold(StrEnum):
    """What holds the whole server."""

    SWITCH = "switch"  # the owner switched syncing off
    AUTH = "auth"  # Plex refuses the token
    WRONG_SERVER = "wrong_server"  # another machine answers
    LEDGER = "ledger"  # the ledger is lost or older than Plex
    ADDRESS = "address"  # nobody says where the server is
    LIBRARY = "library"  # none of the chosen libraries is there


# What only reads needs neither the switch nor a ledger that is beyond doubt.
READING: frozenset[Hold] = frozenset({Hold.SWITCH, Hold.LEDGER})
BY_HAND: frozenset[Hold] = frozenset({Hold.SWITCH})
