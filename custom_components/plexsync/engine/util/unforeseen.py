"""Errors that nobody foresaw: told once for each place, never with what they hold."""

import logging
import traceback

_LOGGER = logging.getLogger(__name__)
_told: set[tuple[str, str, int | None]] = set()


def tell(error: BaseException) -> None:
    """Log an error, once for each place. Its text may hold a title or a path."""
    frames = traceback.extract_tb(error.__traceback__)
    last = frames[-1] if frames else None
    kind = type(error).__name__
    place = (kind, last.filename if last else "", last.lineno if last else None)
    if place in _told:
        return
    _told.add(place)
    where = " < ".join(
        f"{frame.name}:{frame.lineno}" for frame in reversed(frames[-6:])
    )
    _LOGGER.error("Unforeseen %s at %s: please report it", kind, where)
