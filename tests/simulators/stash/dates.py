"""Dates as Stash takes them, and how it says no."""

from datetime import datetime
import re

from .base import StashError

FIRST_PARTIAL_DATES = 30
_PART = re.compile(r"\d{4}(-(0[1-9]|1[0-2]))?$")


def date_of(value: str | None, minor: int) -> str | None:
    """Check a date; a time is cut to its day, and from 0.30 on a part of a date will do."""
    if not value:
        return None
    if re.match(r"\d{4}-\d{2}-\d{2}", value):
        try:
            return datetime.fromisoformat(value).date().isoformat()
        except ValueError:
            pass
    elif minor >= FIRST_PARTIAL_DATES and _PART.match(value):
        return value
    failed = f"ParseDateStringAsTime failed: dateString <{value}>"
    if minor >= FIRST_PARTIAL_DATES:
        also = " ".join(_go(value, layout) for layout in ("2006-01", "2006"))
        failed = f'failed to parse date "{value}": [{failed} {also}]'
    raise StashError(f"converting date: {failed}")


def _go(value: str, layout: str) -> str:
    """Say in Go's words why a text is no year, or no year and month."""
    rest = value
    for part in re.split("(-)", layout):
        if part == "-":
            fits = rest.startswith(part)
        else:
            part = "2006" if len(part) == 4 else "01"
            fits = rest[: len(part)].isdigit() and len(rest) >= len(part)
        if not fits:
            return f'parsing time "{value}" as "{layout}": cannot parse "{rest}" as "{part}"'
        if part == "01" and not 1 <= int(rest[:2]) <= 12:
            return f'parsing time "{value}": month out of range'
        rest = rest[len(part) :]
    return f'parsing time "{value}": extra text: "{rest}"'
