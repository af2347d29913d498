"""What a store gives back, where there may be anything in place of what was written.

Each function raises ValueError for what it cannot take.
"""

from typing import Any

_LATEST = 1e15  # seconds since the epoch; no clock says more, and no float fails at it


def read_count(value: Any) -> int:
    """Return a whole number from 0 on."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ValueError("no count")
    return value


def read_time(value: Any) -> float:
    """Return a number of seconds, or a time in seconds since the epoch."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError("no number")  # noqa: TRY004  # unreadable is one case
    if not 0 <= value <= _LATEST:
        raise ValueError("no time")
    return float(value)


def read_mapping(value: Any) -> dict[str, Any]:
    """Return a mapping."""
    if not isinstance(value, dict):
        raise ValueError("no mapping")  # noqa: TRY004  # as above
    return value
