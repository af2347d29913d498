"""Items that failed, reported together: once a minute for each reason.

The minute begins with the first failure, and the event comes at its end, when the
number is known: somebody who edits four hundred items at once wants one message, not
four hundred, nor one about the first item and one about the others.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from homeassistant.core import CALLBACK_TYPE, HassJob, HomeAssistant, callback
from homeassistant.helpers.event import async_call_later

from .engine.model.events import ItemFailed

MOST = 10  # items that are named in one event; the others are only counted
_MINUTE = 60.0


@dataclass(frozen=True, slots=True)
class ItemsFailed:
    """The items that failed for one reason within a minute; ``first`` has some of them."""

    reason: str | None
    count: int
    first: tuple[ItemFailed, ...]


@dataclass(slots=True)
class _Minute:
    """The failures of one reason so far."""

    cancel: CALLBACK_TYPE
    count: int = 0
    first: list[ItemFailed] = field(default_factory=list)


class Failures:
    """Collect failed items, and report them."""

    def __init__(
        self, hass: HomeAssistant, tell: Callable[[ItemsFailed], None]
    ) -> None:
        """Take the callback that receives the events."""
        self._hass = hass
        self._tell = tell
        self._minutes: dict[str | None, _Minute] = {}

    @callback
    def add(self, failure: ItemFailed) -> None:
        """Add a failed item."""
        reason = failure.reason
        if (minute := self._minutes.get(reason)) is None:
            minute = self._minutes[reason] = _Minute(self._end_later(reason))
        minute.count += 1
        if len(minute.first) < MOST:
            minute.first.append(failure)

    @callback
    def flush(self) -> None:
        """Report what has been collected now: soon nobody will listen."""
        for reason, minute in list(self._minutes.items()):
            minute.cancel()
            self._end(reason)

    def _end_later(self, reason: str | None) -> CALLBACK_TYPE:
        @callback
        def end(_now: datetime) -> None:
            self._end(reason)

        return async_call_later(self._hass, _MINUTE, HassJob(end))

    def _end(self, reason: str | None) -> None:
        minute = self._minutes.pop(reason)
        self._tell(ItemsFailed(reason, minute.count, tuple(minute.first)))
