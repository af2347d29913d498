"""The review page's commands that show the plan, and write parts of it."""

from typing import Final

from homeassistant.components.websocket_api.const import WebSocketCommandHandler
from homeassistant.helpers import config_validation as cv
import probatio

from ..actions import schemas
from ..actions.schemas import (
    ATTR_DIGEST,
    ATTR_FIELD,
    ATTR_ITEMS,
    ATTR_KEY,
    ATTR_LEAVE,
    ATTR_SOURCE,
)
from ..actions.shared_plan import (
    compute_plan,
    get_plan,
    leave_alone,
    left_alone,
    planned_item,
    write_plan,
    write_whole_plan,
)
from ..engine.model.fields import FIELDS
from .websocket_entry import PAGE, command

_MAX_ITEMS: Final = 100  # records that can be selected one by one
_RECORD: Final = {
    probatio.Required(ATTR_SOURCE): schemas.text,
    probatio.Required(ATTR_KEY): schemas.text,
}
_SHOWN: Final = {**_RECORD, probatio.Required(ATTR_DIGEST): schemas.text}
_ITEMS: Final = probatio.All([_SHOWN], probatio.Length(min=1, max=_MAX_ITEMS))
_LEAVE: Final = {
    probatio.Required(ATTR_SOURCE): schemas.text,
    # Without a key every record is meant; an empty key means nothing.
    probatio.Optional(ATTR_KEY): probatio.All(schemas.text, probatio.Length(min=1)),
    probatio.Required(ATTR_FIELD): probatio.In(FIELDS),
    probatio.Required(ATTR_LEAVE): cv.boolean,
}

COMMANDS: Final[tuple[WebSocketCommandHandler, ...]] = (
    command("plan", {**schemas.GET_PLAN.schema, **PAGE}, get_plan),
    command("plan/compute", schemas.SOURCE, compute_plan),
    command("plan/item", _RECORD, planned_item),
    command("plan/write", {probatio.Required(ATTR_ITEMS): _ITEMS}, write_plan),
    command("plan/write_all", schemas.PLAN_FILTER, write_whole_plan),
    command("plan/leave", _LEAVE, leave_alone),
    command("plan/left", {**schemas.OFFSET, **PAGE}, left_alone),
)
