"""Describe logbook events."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from math import isfinite
from typing import Any

from homeassistant.components.logbook.const import (
    LOGBOOK_ENTRY_ENTITY_ID,
    LOGBOOK_ENTRY_MESSAGE,
    LOGBOOK_ENTRY_NAME,
)
from homeassistant.const import ATTR_DEVICE_ID, ATTR_ENTITY_ID, CONF_TYPE
from homeassistant.core import Event, HomeAssistant, callback
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers.translation import async_get_cached_translations

from .const import DOMAIN, EVENT_PLEXSYNC


@callback
def async_describe_events(
    hass: HomeAssistant,
    async_describe_event: Callable[[str, str, Callable[[Event], dict[str, Any]]], None],
) -> None:
    """Describe logbook events."""

    @callback
    def describe(event: Event) -> dict[str, Any]:
        """Describe an event of a server in the language of this Home Assistant."""
        data = event.data
        return {
            LOGBOOK_ENTRY_NAME: _server(hass, data.get(ATTR_DEVICE_ID)),
            LOGBOOK_ENTRY_MESSAGE: _message(hass, data),
            LOGBOOK_ENTRY_ENTITY_ID: data.get(ATTR_ENTITY_ID),
        }

    async_describe_event(DOMAIN, EVENT_PLEXSYNC, describe)


def _server(hass: HomeAssistant, device_id: Any) -> str:
    """Return the name of the server, which may be gone by now."""
    is_id = isinstance(device_id, str)
    device = dr.async_get(hass).async_get(device_id) if is_id else None
    return (device and (device.name_by_user or device.name)) or "PlexSync"


def _message(hass: HomeAssistant, data: Mapping[str, Any]) -> str:
    """Return the sentence for an event.

    Anybody can fire one, and one that is recorded may come from an older version.
    """
    kind = str(data.get(CONF_TYPE))
    others = sum(_number(data.get(name)) for name in _OTHERS)
    shown = {
        "cause": _word(hass, data.get("cause")),
        "count": _number(data.get("count")),
        "differs": _number(data.get("differs")),
        "duration": _duration(data.get("duration")),
        "in_line": _number(data.get("in_line")),
        "jobs": _number(data.get("jobs")),
        "others": others,
        "reason": _word(hass, data.get("reason")),
    }
    if kind == "circuit_closed" and data.get("cause") == "reset":
        kind = "circuit_reset"
    elif kind == "items_failed" and shown["count"] == 1:
        kind = "item_failed"
    if not (sentence := _text(hass, "common", kind, "")):
        return kind
    return sentence.format_map(shown)


# What a comparison counts besides items in line and items that differ.
_OTHERS = ("missing", "ambiguous", "pending", "failed", "kept", "skipped")


def _duration(seconds: Any) -> timedelta:
    """Round to whole seconds, at least one. What is no duration counts as none."""
    try:
        return timedelta(seconds=max(1, round(seconds)) if seconds else 0)
    except ArithmeticError, TypeError, ValueError:
        return timedelta()


def _number(value: Any) -> int:
    """Return a count; counts by reason are added up. What is no number counts as 0."""
    if isinstance(value, Mapping):
        return sum(_number(each) for each in value.values())
    if isinstance(value, float) and isfinite(value):
        return int(value)
    return value if isinstance(value, int) else 0


def _word(hass: HomeAssistant, reason: str | None) -> str:
    """Return a reason in words; a reason that ends in a number is returned as it is."""
    return _text(hass, "selector", f"reason.options.{reason}", str(reason))


def _text(hass: HomeAssistant, category: str, key: str, otherwise: str) -> str:
    texts = async_get_cached_translations(hass, hass.config.language, category, DOMAIN)
    return texts.get(f"component.{DOMAIN}.{category}.{key}", otherwise)
