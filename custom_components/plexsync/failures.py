"""Items that failed, told together: once for each reason and minute.

The minute begins with the first of them and is told at its end, when their number is
known: whoever edits four hundred items at once wants one message, not four hundred,
nor one about the first and one about the others.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from homeassistant.core import CALLBACK_TYPE, HassJob, HomeAssistant, callback
from homeassistant.helpers.event import async_call_later

from .engine.events import ItemFailed

MOST = 10  # items that are told one by one; the others are counted
_MINUTE = 60.0


@dataclass(frozen=True, slots=True)
class ItemsFailed:
    """So many items failed for one reason within a minute; ``first`` names some."""

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
    """Gather failed items, and tell of them."""

    def __init__(
        self, hass: HomeAssistant, tell: Callable[[ItemsFailed], None]
    ) -> None:
        """Take whom to tell."""
        self._hass = hass
        self._tell = tell
        self._minutes: dict[str | None, _Minute] = {}

    @callback
    def add(self, failure: ItemFailed) -> None:
        """Count one more."""
        reason = failure.reason
        if (minute := self._minutes.get(reason)) is None:
            minute = self._minutes[reason] = _Minute(self._end_later(reason))
        minute.count += 1
        if len(minute.first) < MOST:
            minute.first.append(failure)

    @callback
    def flush(self) -> None:
        """Tell at once of what is not told yet: soon there is nobody to tell it to."""
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
