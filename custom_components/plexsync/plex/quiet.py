"""Keep what urllib3 and plexapi log about our requests out of the log.

Their debug lines carry URLs, and with them titles and paths. Other
integrations use the same loggers, so only records made while a thread of ours
works on a call of ours are dropped.
"""

import logging
import threading

from .transport import is_ours

_LOGGERS = (
    "plexapi",
    "requests",
    "urllib3.connection",
    "urllib3.connectionpool",
    "urllib3.response",
    "urllib3.util.retry",
)


class _OursFilter(logging.Filter):
    """Drop what is logged on behalf of our calls."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Let through what others caused; a record is filtered on the thread that made it."""
        return not is_ours()


_filter = _OursFilter()
_users = 0
_lock = threading.Lock()


def install() -> None:
    """Start filtering; each call needs one ``remove``."""
    global _users  # noqa: PLW0603  # loggers are global, so is the count of who needs the filter
    with _lock:
        _users += 1
        for name in _LOGGERS:
            logging.getLogger(name).addFilter(_filter)  # adding twice adds once


def remove() -> None:
    """Stop filtering when the last session is closed."""
    global _users  # noqa: PLW0603  # see install
    with _lock:
        _users -= 1
        if _users == 0:
            for name in _LOGGERS:
                logging.getLogger(name).removeFilter(_filter)
