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
from .engine.database import (
    StorageClosedError,
    StorageError,
    StorageInUseError,
    StorageTooNewError,
)
from .engine.holds import Hold
from .engine.record import InvalidRecordError
from .engine.retry import Fault, FaultClass


@contextmanager
def translated_errors() -> Iterator[None]:
    """Turn every error into a translated one."""
    try:
        yield
    except StorageClosedError as error:
        raise HomeAssistantError(
            translation_domain=DOMAIN, translation_key="closed"
        ) from error
    except StorageError as error:
        raise HomeAssistantError(
            translation_domain=DOMAIN, translation_key="storage_failed"
        ) from error
    except Fault as fault:
        raise fault_error(fault) from fault


# The message for each reason. Two kinds of fault need no reason.
BY_KIND: Final[Mapping[FaultClass, str]] = {
    FaultClass.AUTH: "fault_auth",
    FaultClass.WRONG_SERVER: "fault_wrong_server",
}
BY_REASON: Final[Mapping[str, str]] = {
    "ambiguous": "item_ambiguous",
    "answer_too_big": "fault_unreadable",
    "bad_request": "fault_item",
    "circuit_open": "circuit_open",
    "closed": "closed",
    "collections_fail": "fault_collections",
    "conflict": "fault_item",
    "dns": "fault_unreachable",
    "edits_fail": "fault_edits",
    "empty_answer": "fault_unreadable",
    "error_500": "fault_server",
    "forbidden": "fault_refused",
    "held": "held",
    "image_invalid": "fault_picture",
    "image_missing": "fault_picture",
    "image_not_allowed": "fault_picture",
    "image_too_large": "fault_picture",
    "library_gone": "fault_library",
    "listing_empty": "fault_listing",
    "listing_fails": "fault_listing",
    "listing_shrunk": "fault_listing",
    "maintenance": "fault_maintenance",
    "moved": "fault_broken_off",
    "no_id": "fault_item",
    "not_found": "item_not_found",
    "not_plex": "fault_foreign",
    "outside_libraries": "item_outside_libraries",
    "pictures_fail": "fault_pictures",
    "rate_limited": "fault_slow_down",
    "reads_fail": "fault_reads",
    "redirect": "fault_foreign",
    "refused": "fault_unreachable",
    "reset": "fault_broken_off",
    "scans_fail": "fault_server",
    "short_answer": "fault_broken_off",
    "source_away": "fault_source_away",
    "starting": "fault_maintenance",
    "timeout": "fault_timeout",
    "tls": "fault_tls",
    "too_large": "fault_item",
    "too_long": "fault_item",
    "too_long_list": "fault_item",
    "unauthorized": "fault_refused",
    "under_way": "fault_under_way",
    "unforeseen": "fault_unforeseen",
    "unknown": "fault_unforeseen",
    "unparsable": "fault_unreadable",
    "wrong_machine": "fault_wrong_server",
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
    "unauthorized": "source_unauthorized",
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
    if fault.kind is FaultClass.SOURCE and reason != "source_away":
        return BY_SOURCE.get(reason, "fault_source")
    if fault.kind is FaultClass.SERVER and reason == "not_found":
        return (
            "fault_server"  # not of an item: something that Plex always knew is missing
        )
    if key := BY_REASON.get(reason):
        return key
    for prefix, key in BY_FAMILY.items():
        if reason.startswith(prefix):
            return key
    return "fault_server"


def fault_error(fault: Fault) -> HomeAssistantError:
    """Return the error to raise for a fault."""
    return HomeAssistantError(
        translation_domain=DOMAIN,
        translation_key=fault_key(fault),
        translation_placeholders={"reason": fault.reason},
    )


def invalid_record(error: InvalidRecordError) -> ServiceValidationError:
    """Return the error for an invalid field; the value itself is private."""
    return ServiceValidationError(
        translation_domain=DOMAIN,
        translation_key=error.code,
        translation_placeholders={"field": error.field},
    )


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
    return HomeAssistantError(
        translation_domain=DOMAIN,
        translation_key="sources_away",
        translation_placeholders={"away": str(len(faults)), "sources": str(of)},
    )


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
