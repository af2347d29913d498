"""Times in the heads of HTTP answers, whoever sent them: hostile input."""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
import re

_SECONDS = re.compile(r"[0-9]+")


def parse_date(text: str | None) -> datetime | None:
    """Read a date as HTTP writes it; one without a zone is in UTC."""
    try:
        date: datetime = parsedate_to_datetime(text or "")
    except ValueError, OverflowError:
        return None
    return date if date.tzinfo else date.replace(tzinfo=UTC)


def retry_after(wish: str | None, date: str | None, now: float) -> float | None:
    """Read ``Retry-After``: seconds, or the date of its end; return seconds from now.

    For a date the sender's own clock counts, its ``Date``, and ours, in seconds
    since the epoch, where it gave none.
    """
    wish = (wish or "").strip()
    if _SECONDS.fullmatch(wish):
        return float(wish)
    if (until := parse_date(wish)) is None:
        return None
    since = parse_date(date)
    return max(0.0, until.timestamp() - (now if since is None else since.timestamp()))
