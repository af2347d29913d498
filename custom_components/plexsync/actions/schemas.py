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

from ..const import SCOPES
from ..engine.jobs.jobs_view import STATES
from ..engine.model.fields import FIELDS

ATTR_ALL: Final = "all"
ATTR_BEFORE: Final = "before"
ATTR_DIGEST: Final = "digest"
ATTR_FIELD: Final = "field"
ATTR_FIELDS: Final = "fields"
ATTR_GUID: Final = "guid"
ATTR_IDS: Final = "ids"
ATTR_ITEMS: Final = "items"
ATTR_KEY: Final = "key"
ATTR_LEAVE: Final = "leave"
ATTR_LIBRARY: Final = "library"
ATTR_LIMIT: Final = "limit"
ATTR_OFFSET: Final = "offset"
ATTR_PATH: Final = "path"
ATTR_RATING_KEY: Final = "rating_key"
ATTR_REASON: Final = "reason"
ATTR_RUN: Final = "run"
ATTR_SCOPE: Final = "scope"
ATTR_SEARCH: Final = "search"
ATTR_SINCE: Final = "since"
ATTR_SOURCE: Final = "source"
ATTR_STATE: Final = "state"
ATTR_UNTIL: Final = "until"
ATTR_WAIT: Final = "wait"

MAX_WAIT: Final = 300  # seconds
MAX_PAGE: Final = 500  # jobs, records of a plan or rows of the history, in one answer
_MAX_ID: Final = 2**63 - 1  # the largest number that SQLite can store


def text(value: Any) -> str:
    """Validate text; a lone surrogate cannot be stored."""
    given = cv.string(value)
    try:
        given.encode()
    except UnicodeEncodeError:
        raise probatio.Invalid("expected text") from None
    return given


def moment(value: Any) -> datetime:
    """Validate a time, and convert it to UTC."""
    if isinstance(value, str):
        value = text(value)  # a lone surrogate crashes ``ciso8601`` and the process
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


WHOLE: Final = partial(_number, int)
_SECONDS: Final = partial(_number, float)


def text_or_number(value: Any) -> str:
    """Validate a rating key, which YAML and templates turn into a number."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise probatio.Invalid("expected text or a whole number")
    return text(value)


def names(value: Any) -> list[str]:
    """Validate the names of fields: one name, or a list with at least one."""
    given = [text(each) for each in cv.ensure_list(value)]
    if not given:
        raise probatio.Invalid("expected at least one name")
    return given


ROW_ID: Final = probatio.All(WHOLE, probatio.Range(min=1, max=_MAX_ID))
_ENTRY: Final = {probatio.Optional(ATTR_CONFIG_ENTRY_ID): text}
_ITEM: Final = {
    probatio.Optional(ATTR_PATH): text,
    probatio.Optional(ATTR_GUID): text,
    probatio.Optional(ATTR_RATING_KEY): text_or_number,
}
_RECORD: Final = {
    **_ITEM,
    probatio.Optional(ATTR_KEY): text,
}
_WAIT: Final = {
    probatio.Optional(ATTR_WAIT, default=0): probatio.All(
        _SECONDS, probatio.Range(min=0, max=MAX_WAIT)
    )
}
SOURCE: Final = {probatio.Optional(ATTR_SOURCE): text}


_LIMIT: Final = {
    probatio.Optional(ATTR_LIMIT, default=50): probatio.All(
        WHOLE, probatio.Range(min=1, max=MAX_PAGE)
    )
}
OFFSET: Final = {
    probatio.Optional(ATTR_OFFSET, default=0): probatio.All(
        WHOLE, probatio.Range(min=0, max=_MAX_ID)
    )
}
_PAGE: Final = {**_LIMIT, **OFFSET}


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
UNDO_ITEM: Final = _schema({**_ITEM, probatio.Optional(ATTR_FIELDS): names})
UNDO_SINCE: Final = _schema(
    {
        probatio.Required(ATTR_SINCE): moment,
        probatio.Optional(ATTR_UNTIL): moment,
        **SOURCE,
        **_WAIT,
    }
)
UNPIN_ITEM: Final = _schema({probatio.Required(ATTR_KEY): text, **SOURCE})
PIN_ITEM: Final = UNPIN_ITEM.extend(
    {probatio.Required(ATTR_RATING_KEY): text_or_number}
)
RECONCILE: Final = _schema(
    {probatio.Optional(ATTR_SCOPE, default="all"): probatio.In(SCOPES), **_WAIT}
)
GET_JOBS: Final = _schema(
    {
        probatio.Optional(ATTR_STATE): probatio.In(STATES),
        **SOURCE,
        probatio.Optional(ATTR_REASON): text,
        **_PAGE,
    }
)
PLAN_FILTER: Final = {
    **SOURCE,
    probatio.Optional(ATTR_FIELD): probatio.In(FIELDS),
    probatio.Optional(ATTR_LIBRARY): text,
    probatio.Optional(ATTR_SEARCH): text,
}
GET_PLAN: Final = _schema({**PLAN_FILTER, **_PAGE})
HISTORY: Final = {
    **SOURCE,
    probatio.Optional(ATTR_RATING_KEY): text_or_number,
    probatio.Optional(ATTR_FIELD): probatio.In(FIELDS),
    probatio.Optional(ATTR_SINCE): moment,
    probatio.Optional(ATTR_UNTIL): moment,
    probatio.Optional(ATTR_SEARCH): text,
    probatio.Optional(ATTR_BEFORE): ROW_ID,
}
GET_HISTORY: Final = _schema({**HISTORY, **_LIMIT})
REFRESH_SOURCE: Final = _schema(SOURCE)
FAILED_JOBS: Final = _schema(
    {
        probatio.Optional(ATTR_REASON): text,
        probatio.Optional(ATTR_IDS): probatio.All(
            cv.ensure_list,
            [ROW_ID],
        ),
        probatio.Optional(ATTR_ALL, default=False): cv.boolean,
    }
)
NOTHING: Final = _schema({})
