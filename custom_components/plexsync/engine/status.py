"""What goes on, in one word that a person understands."""

from enum import StrEnum
from typing import Final

from .circuit.breaker import State
from .model.holds import Hold, SourceHold, foremost
from .snapshot import Snapshot

FAILED_LONG: Final = 86_400.0  # seconds after which failed jobs want to be looked at


class Status(StrEnum):
    """The words. Where several apply, the first one here is shown.

    First what the owner chose, then what nobody but the owner can mend, then what
    passes by itself, and what holds a part before what holds nothing.
    """

    OFF = "off"
    STORAGE_FAILED = "storage_failed"
    WRONG_SERVER = "wrong_server"
    ADDRESS_UNKNOWN = "address_unknown"
    TOKEN_REFUSED = "token_refused"  # a word, and no secret
    LIBRARY_GONE = "library_gone"
    LEDGER_IN_DOUBT = "ledger_in_doubt"
    WAITING_FOR_PLEX = "waiting_for_plex"
    NEEDS_REVIEW = "needs_review"
    WAITING_FOR_SOURCE = "waiting_for_source"
    SYNCING = "syncing"
    UP_TO_DATE = "up_to_date"


BY_HOLD: Final = {
    Hold.SWITCH: Status.OFF,
    Hold.WRONG_SERVER: Status.WRONG_SERVER,
    Hold.ADDRESS: Status.ADDRESS_UNKNOWN,
    Hold.AUTH: Status.TOKEN_REFUSED,
    Hold.LIBRARY: Status.LIBRARY_GONE,
    Hold.LEDGER: Status.LEDGER_IN_DOUBT,
}


def status(data: Snapshot) -> Status:
    """Say what goes on."""
    hold = foremost(data.holds)
    of_sources = [
        each for holds in data.source_holds.values() for each in holds.items()
    ]
    # A source asks its owner once there are numbers to show.
    is_asked = any(shown is not None for _, shown in of_sources)
    is_planned = any(each is SourceHold.FIRST_PLAN for each, _ in of_sources)
    if data.storage_failed and hold is not Hold.SWITCH:
        return Status.STORAGE_FAILED
    if hold is not None:
        return BY_HOLD[hold]
    if data.circuit is not State.CLOSED or (data.reachable is False and data.at_work):
        return Status.WAITING_FOR_PLEX
    if is_asked or data.failed_for >= FAILED_LONG:
        return Status.NEEDS_REVIEW
    if False in data.sources.values():
        return Status.WAITING_FOR_SOURCE
    if data.at_work or data.reconcile is not None or is_planned:
        return Status.SYNCING
    return Status.UP_TO_DATE
