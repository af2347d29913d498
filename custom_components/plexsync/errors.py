"""Translate internal errors to messages for people."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Final

from homeassistant.exceptions import (
    ConfigEntryError,
    ConfigEntryNotReady,
    HomeAssistantError,
    ServiceValidationError,
)

from .const import DOMAIN
from .engine.database.database import (
    StorageClosedError,
    StorageError,
    StorageInUseError,
    StorageTooNewError,
)
from .engine.model.faults import BROKEN_OFF, Fault, FaultClass
from .engine.model.holds import Hold
from .engine.model.reasons import Reason
from .engine.model.record import InvalidRecordError


@contextmanager
def translated_errors() -> Iterator[None]:
    """Turn every error into a translated one."""
    try:
        yield
    except StorageClosedError as error:
        raise _failed("closed") from error
    except StorageError as error:
        raise _failed("storage_failed") from error
    except Fault as fault:
        raise fault_error(fault) from fault


# The message for each reason. Two kinds of fault need no reason.
BY_KIND: Final[Mapping[FaultClass, str]] = {
    FaultClass.AUTH: "fault_auth",
    FaultClass.WRONG_SERVER: "fault_wrong_server",
}
BY_REASON: Final[Mapping[str, str]] = {
    Reason.AMBIGUOUS: "item_ambiguous",
    Reason.ANSWER_TOO_BIG: "fault_unreadable",
    Reason.BAD_REQUEST: "fault_item",
    Reason.CHANGING: "item_changing",
    Reason.CIRCUIT_OPEN: "circuit_open",
    BROKEN_OFF: "closed",
    Reason.COLLECTIONS_FAIL: "fault_collections",
    Reason.CONFLICT: "fault_item",
    Reason.DNS: "fault_unreachable",
    Reason.EDITS_FAIL: "fault_edits",
    Reason.EMPTY_ANSWER: "fault_unreadable",
    Reason.ERROR_500: "fault_server",
    Reason.FORBIDDEN: "fault_refused",
    Reason.HELD: "held",
    Reason.IMAGE_INVALID: "fault_picture",
    Reason.IMAGE_MISSING: "fault_picture",
    Reason.IMAGE_NOT_ALLOWED: "fault_picture",
    Reason.IMAGE_TOO_LARGE: "fault_picture",
    Reason.IMAGE_UNREACHABLE: "fault_picture",
    Reason.LIBRARY_GONE: "fault_library",
    Reason.LISTING_EMPTY: "fault_listing",
    Reason.LISTING_FAILS: "fault_listing",
    Reason.LISTING_SHRUNK: "fault_listing",
    Reason.MAINTENANCE: "fault_maintenance",
    Reason.MOVED: "fault_broken_off",
    Reason.NO_ID: "fault_item",
    Reason.NOT_FOUND: "item_not_found",
    Reason.NOT_PLEX: "fault_foreign",
    Reason.OUTSIDE_LIBRARIES: "item_outside_libraries",
    Reason.PICTURES_FAIL: "fault_pictures",
    Reason.RATE_LIMITED: "fault_slow_down",
    Reason.READS_FAIL: "fault_reads",
    Reason.REDIRECT: "fault_foreign",
    Reason.REFUSED: "fault_unreachable",
    Reason.RESET: "fault_broken_off",
    Reason.SCANS_FAIL: "fault_server",
    Reason.SHORT_ANSWER: "fault_broken_off",
    Reason.SOURCE_AWAY: "fault_source_away",
    Reason.STARTING: "fault_maintenance",
    Reason.TIMEOUT: "fault_timeout",
    Reason.TLS: "fault_tls",
    Reason.TOO_LARGE: "fault_item",
    Reason.TOO_LONG: "fault_item",
    Reason.TOO_LONG_LIST: "fault_item",
    Reason.UNAUTHORIZED: "fault_refused",
    Reason.UNDER_WAY: "fault_under_way",
    Reason.UNFORESEEN: "fault_unforeseen",
    Reason.UNKNOWN: "fault_unforeseen",
    Reason.UNPARSABLE: "fault_unreadable",
    Reason.WRONG_MACHINE: "fault_wrong_server",
}
# The message for each hold of the server, which says what to do about it.
BY_HOLD: Final[Mapping[Hold, str]] = {
    Hold.SWITCH: "held",
    Hold.WRONG_SERVER: "fault_wrong_server",
    Hold.ADDRESS: "held_address",
    Hold.AUTH: "fault_auth",
    Hold.LIBRARY: "fault_library",
    Hold.LEDGER: "held_ledger",
}
# The message for each fault of a source that only its owner can fix.
BY_SOURCE: Final[Mapping[str, str]] = {
    "certificate": "source_certificate",
    "needs_migration": "source_needs_migration",
    "schema": "source_schema",
    "setup": "source_setup",
    "tripwire": "source_tripwire",
    Reason.UNAUTHORIZED: "source_unauthorized",
}
# Prefixes of reasons that end with the HTTP status of the answer.
BY_FAMILY: Final[Mapping[str, str]] = {
    "http_": "fault_server",
    "proxy_": "fault_foreign",
}


def fault_key(fault: Fault) -> str:
    """Return the translation key of the message for a fault."""
    reason = fault.reason
    if fault.hold is not None:
        return BY_HOLD[fault.hold]
    if key := BY_KIND.get(fault.kind):
        return key
    if fault.kind is FaultClass.SOURCE and reason != Reason.SOURCE_AWAY:
        return BY_SOURCE.get(reason, "fault_source")
    if fault.kind is FaultClass.SERVER and reason == Reason.NOT_FOUND:
        # No item is missing, but something that every Plex has.
        return "fault_server"
    if key := BY_REASON.get(reason):
        return key
    for prefix, key in BY_FAMILY.items():
        if reason.startswith(prefix):
            return key
    return "fault_server"


def fault_error(fault: Fault) -> HomeAssistantError:
    """Return the error to raise for a fault."""
    return _failed(fault_key(fault), reason=fault.reason)


def _failed(key: str, **placeholders: str) -> HomeAssistantError:
    return HomeAssistantError(
        translation_domain=DOMAIN,
        translation_key=key,
        translation_placeholders=placeholders or None,
    )


def invalid_record(error: InvalidRecordError) -> ServiceValidationError:
    """Return the error for an invalid field; the value itself is private."""
    return invalid(error.code, field=error.field)


def invalid(key: str, **placeholders: str) -> ServiceValidationError:
    """Return the error for invalid input of an action."""
    return ServiceValidationError(
        translation_domain=DOMAIN,
        translation_key=key,
        translation_placeholders=placeholders or None,
    )


def sources_away(faults: Sequence[Fault], of: int) -> HomeAssistantError:
    """Return the error for a record not found while some sources could not be asked.

    If one of these needs its owner, the error is about that: it does not pass by itself.
    """
    for fault in faults:
        if fault.reason in BY_SOURCE:
            return fault_error(fault)
    return _failed("sources_away", away=str(len(faults)), sources=str(of))


def not_opened(error: StorageError) -> ConfigEntryError | ConfigEntryNotReady:
    """Return the error for files that cannot be opened: final, or worth another try."""
    if isinstance(error, StorageTooNewError):
        return ConfigEntryError(
            translation_domain=DOMAIN, translation_key="storage_too_new"
        )
    return ConfigEntryNotReady(
        translation_domain=DOMAIN,
        translation_key="storage_in_use"
        if isinstance(error, StorageInUseError)
        else "storage_unusable",
    )


class InvalidInputError(Exception):
    """Input that cannot be used; ``error`` is the key of the text that says why.

    ``instead`` is an address that would work.
    """

    def __init__(self, error: str, field: str = "base", *, instead: str = "") -> None:
        """Take the error, and the field that shows it."""
        super().__init__(error)
        self.error = error
        self.field = field
        self.instead = instead

    @property
    def errors(self) -> dict[str, str]:
        """The errors for a form."""
        return {self.field: self.error}
