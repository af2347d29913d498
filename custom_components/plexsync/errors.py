"""From what went wrong inside to what a person is told."""

from collections.abc import Iterator
from contextlib import contextmanager

from homeassistant.exceptions import HomeAssistantError, ServiceValidationError

from .const import DOMAIN
from .engine.database import StorageClosedError, StorageError
from .engine.record import InvalidRecordError
from .engine.retry import Fault, FaultClass


@contextmanager
def translated_errors() -> Iterator[None]:
    """Let nothing but translated errors out."""
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


def fault_error(fault: Fault) -> HomeAssistantError:
    """Say in words what a fault means for whoever asked."""
    match fault.kind, fault.reason:
        case _, "circuit_open":
            return HomeAssistantError(
                translation_domain=DOMAIN, translation_key="circuit_open"
            )
        case _, "closed":
            return HomeAssistantError(
                translation_domain=DOMAIN, translation_key="closed"
            )
        case _, "held":
            return HomeAssistantError(translation_domain=DOMAIN, translation_key="held")
        case FaultClass.ITEM, "not_found":
            return HomeAssistantError(
                translation_domain=DOMAIN, translation_key="item_not_found"
            )
        case FaultClass.ITEM, "ambiguous":
            return HomeAssistantError(
                translation_domain=DOMAIN, translation_key="item_ambiguous"
            )
        case FaultClass.ITEM, "outside_libraries":
            return HomeAssistantError(
                translation_domain=DOMAIN, translation_key="item_outside_libraries"
            )
        case FaultClass.AUTH, _:
            return HomeAssistantError(
                translation_domain=DOMAIN, translation_key="fault_auth"
            )
        case FaultClass.WRONG_SERVER, _:
            return HomeAssistantError(
                translation_domain=DOMAIN, translation_key="fault_wrong_server"
            )
        case FaultClass.ITEM, reason:
            return HomeAssistantError(
                translation_domain=DOMAIN,
                translation_key="fault_item",
                translation_placeholders={"reason": reason},
            )
        case FaultClass.SOURCE, reason:
            return HomeAssistantError(
                translation_domain=DOMAIN,
                translation_key="fault_source",
                translation_placeholders={"reason": reason},
            )
        case _, reason:
            return HomeAssistantError(
                translation_domain=DOMAIN,
                translation_key="fault_server",
                translation_placeholders={"reason": reason},
            )


def invalid_record(error: InvalidRecordError) -> ServiceValidationError:
    """Say which field cannot be accepted and why; the value itself is private."""
    return ServiceValidationError(
        translation_domain=DOMAIN,
        translation_key=error.code,
        translation_placeholders={"field": error.field},
    )


def invalid(key: str, **placeholders: str) -> ServiceValidationError:
    """Refuse what an action was given."""
    return ServiceValidationError(
        translation_domain=DOMAIN,
        translation_key=key,
        translation_placeholders=placeholders or None,
    )


def sources_away(number: int, of: int) -> HomeAssistantError:
    """Say that nothing was found, and that not all who may know were asked."""
    return HomeAssistantError(
        translation_domain=DOMAIN,
        translation_key="sources_away",
        translation_placeholders={"away": str(number), "sources": str(of)},
    )
