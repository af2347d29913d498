"""Turn the data of an action into a record, or raise a translated error."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
import re
from typing import Any, Final

from homeassistant.core import HomeAssistant
from homeassistant.util import dt as dt_util

from ..const import SOURCE_ACTION
from ..engine.model.fields import FIELDS
from ..engine.model.record import (
    Find,
    Image,
    InvalidRecordError,
    Record,
    Value,
    normalise,
)
from ..errors import invalid, invalid_record
from ..images import ImageDesk
from .schemas import ATTR_FIELDS, ATTR_GUID, ATTR_KEY, ATTR_PATH, ATTR_RATING_KEY

_IDENTIFIERS: Final = (ATTR_PATH, ATTR_GUID, ATTR_RATING_KEY)
_MAX_KEY: Final = 1_000  # characters; a path may serve as key
_MAX_PATH: Final = 4_096
_RATING_KEY: Final = re.compile(r"[1-9][0-9]{0,17}")
_GUID: Final = re.compile(r"[a-z][a-z0-9.+-]*+://\S+", re.IGNORECASE)
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


def identifier(data: Mapping[str, Any]) -> tuple[str, str] | None:
    """Return the identifier of an item as (kind, value), None if there is none.

    Raises ServiceValidationError for more than one, and for one that is invalid.
    """
    given = [(name, data[name].strip()) for name in _IDENTIFIERS if name in data]
    if not given:
        return None
    if len(given) > 1:
        raise invalid("identifier_ambiguous")
    name, value = given[0]
    if name == ATTR_PATH and (
        not value or len(value) > _MAX_PATH or _CONTROL.search(value)
    ):
        raise invalid("path_invalid")
    if name == ATTR_GUID and (
        not _GUID.fullmatch(value) or len(value) > _MAX_KEY or _CONTROL.search(value)
    ):
        raise invalid("guid_invalid")
    if name == ATTR_RATING_KEY and not _RATING_KEY.fullmatch(value):
        raise invalid("rating_key_invalid")
    return name, value


def find(given: tuple[str, str]) -> Find:
    """Return the way to find an item by its identifier."""
    name, value = given
    if name == ATTR_PATH:
        return Find(paths=(value,))
    if name == ATTR_GUID:
        return Find(guids=(value,))
    return Find(rating_key=value)


def rating_key(value: str) -> str:
    """Validate a rating key."""
    if not _RATING_KEY.fullmatch(value := value.strip()):
        raise invalid("rating_key_invalid")
    return value


def record_key(value: str) -> str:
    """Validate the key of a record."""
    value = value.strip()
    if not value or len(value) > _MAX_KEY or _CONTROL.search(value):
        raise invalid("key_invalid")
    return value


async def async_record(
    hass: HomeAssistant, images: ImageDesk, data: Mapping[str, Any]
) -> Record:
    """Create the record that an action describes. Raises ServiceValidationError."""
    if (given := identifier(data)) is None:
        raise invalid("identifier_missing")
    key = record_key(data.get(ATTR_KEY) or ":".join(given))
    fields = _fields(data[ATTR_FIELDS])
    for name, value in fields.items():
        if isinstance(value, Image):
            # Resolving a path accesses the disk.
            allowed = await hass.async_add_executor_job(images.allowed, value.ref)
            if not allowed:
                raise invalid("image_not_allowed", field=name)
            mark = await hass.async_add_executor_job(_mark, value.ref)
            fields[name] = replace(value, mark=mark)
    return Record(SOURCE_ACTION, key, find(given), fields)


def _fields(data: Mapping[Any, Any]) -> dict[str, Value | None]:
    fields: dict[str, Value | None] = {}
    for key, value in data.items():
        name = key if isinstance(key, str) else ""  # a number, for example, is no field
        try:
            fields[name] = normalise(name, value)
        except InvalidRecordError as error:
            raise invalid_record(error) from error
        if fields[name] is None and FIELDS[name].identity:
            raise invalid("title_required", field=name)
    if not fields:
        raise invalid("fields_missing")
    return fields


def _mark(ref: str) -> str:
    """Return a text that differs whenever the picture may have changed."""
    try:
        stat = Path(ref).stat()
    except OSError, ValueError:
        # A change behind a URL only shows when it is fetched, so fetch it every time.
        return dt_util.utcnow().isoformat()
    return f"{stat.st_mtime_ns}:{stat.st_size}"
