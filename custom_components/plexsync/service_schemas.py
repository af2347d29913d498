"""Names and schemas of the actions' data.

Only types are checked here. Whatever needs an error in the reader's language (which
fields exist, what a date looks like, which item is meant) is checked by the handlers.
"""

from collections.abc import Mapping
from datetime import datetime
from functools import partial
from typing import Any, Final

from homeassistant.const import ATTR_CONFIG_ENTRY_ID
from homeassistant.helpers import config_validation as cv
from homeassistant.util import dt as dt_util
import probatio

from .engine.jobs_view import STATES

ATTR_ALL: Final = "all"
ATTR_FIELDS: Final = "fields"
ATTR_GUID: Final = "guid"
ATTR_IDS: Final = "ids"
ATTR_KEY: Final = "key"
ATTR_LIMIT: Final = "limit"
ATTR_OFFSET: Final = "offset"
ATTR_PATH: Final = "path"
ATTR_RATING_KEY: Final = "rating_key"
ATTR_REASON: Final = "reason"
ATTR_SCOPE: Final = "scope"
ATTR_SINCE: Final = "since"
ATTR_SOURCE: Final = "source"
ATTR_STATE: Final = "state"
ATTR_WAIT: Final = "wait"

SCOPES: Final = ("all", "recent")

MAX_WAIT: Final = 300  # seconds
MAX_PAGE: Final = 500  # jobs in one answer
_MAX_ID: Final = 2**63 - 1  # the largest number that SQLite can store


def _text(value: Any) -> str:
    """Validate text; a lone surrogate cannot be stored."""
    text = cv.string(value)
    try:
        text.encode()
    except UnicodeEncodeError:
        raise probatio.Invalid("expected text") from None
    return text


def _moment(value: Any) -> datetime:
    """Validate a time, and convert it to UTC."""
    if isinstance(value, str):
        value = _text(
            value
        )  # a lone surrogate crashes ``ciso8601`` and the whole process
    try:
        return dt_util.as_utc(cv.datetime(value))
    except OverflowError, ValueError:
        # The time is within a day of the first or the last possible year.
        raise probatio.Invalid("expected a time") from None


def _number[T: (int, float)](kind: type[T], value: Any) -> T:
    """Validate a number; unlike ``Coerce``, this catches OverflowError."""
    try:
        return kind(value)
    except OverflowError, TypeError, ValueError:
        raise probatio.Invalid("expected a number") from None


_WHOLE: Final = partial(_number, int)
_SECONDS: Final = partial(_number, float)


def _text_or_number(value: Any) -> str:
    """Validate a rating key, which YAML and templates turn into a number."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise probatio.Invalid("expected text or a whole number")
    return _text(value)


_ENTRY: Final = {probatio.Optional(ATTR_CONFIG_ENTRY_ID): _text}
_ITEM: Final = {
    probatio.Optional(ATTR_PATH): _text,
    probatio.Optional(ATTR_GUID): _text,
    probatio.Optional(ATTR_RATING_KEY): _text_or_number,
}
_RECORD: Final = {
    **_ITEM,
    probatio.Optional(ATTR_KEY): _text,
}
_WAIT: Final = {
    probatio.Optional(ATTR_WAIT, default=0): probatio.All(
        _SECONDS, probatio.Range(min=0, max=MAX_WAIT)
    )
}
_SOURCE: Final = {probatio.Optional(ATTR_SOURCE): _text}


def _schema(fields: Mapping[Any, Any]) -> probatio.Schema:
    return probatio.Schema({**_ENTRY, **fields})


SYNC_ITEM: Final = _schema(
    {
        **_RECORD,
        probatio.Required(ATTR_FIELDS): dict,
        **_WAIT,
    }
)
PREVIEW_ITEM: Final = _schema({**_RECORD, probatio.Optional(ATTR_FIELDS): dict})
UNDO_ITEM: Final = _schema(_ITEM)
UNDO_SINCE: Final = _schema({probatio.Required(ATTR_SINCE): _moment, **_WAIT})
UNPIN_ITEM: Final = _schema({probatio.Required(ATTR_KEY): _text, **_SOURCE})
PIN_ITEM: Final = UNPIN_ITEM.extend(
    {probatio.Required(ATTR_RATING_KEY): _text_or_number}
)
RECONCILE: Final = _schema(
    {probatio.Optional(ATTR_SCOPE, default="all"): probatio.In(SCOPES), **_WAIT}
)
GET_JOBS: Final = _schema(
    {
        probatio.Optional(ATTR_STATE): probatio.In(STATES),
        **_SOURCE,
        probatio.Optional(ATTR_REASON): _text,
        probatio.Optional(ATTR_LIMIT, default=50): probatio.All(
            _WHOLE, probatio.Range(min=1, max=MAX_PAGE)
        ),
        probatio.Optional(ATTR_OFFSET, default=0): probatio.All(
            _WHOLE, probatio.Range(min=0, max=_MAX_ID)
        ),
    }
)
REFRESH_SOURCE: Final = _schema(_SOURCE)
FAILED_JOBS: Final = _schema(
    {
        probatio.Optional(ATTR_REASON): _text,
        probatio.Optional(ATTR_IDS): probatio.All(
            cv.ensure_list,
            [probatio.All(_WHOLE, probatio.Range(min=1, max=_MAX_ID))],
        ),
        probatio.Optional(ATTR_ALL, default=False): cv.boolean,
    }
)
NOTHING: Final = _schema({})
