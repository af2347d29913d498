"""Where a picture's address leads on to, followed by hand: each hop is looked at."""

import aiohttp
from yarl import URL

HOPS = 5  # in a row; more are a circle
_STATUSES = frozenset({301, 302, 303, 307, 308})


def redirect(answer: aiohttp.ClientResponse, asked: URL) -> URL | None:
    """Return where the answer to a request leads, None where it leads nowhere.

    Raises ValueError for what is never followed: no web address, another server with
    a name and password, or the way back from an encrypted address to an open one.
    """
    location = answer.headers.get("Location")
    if answer.status not in _STATUSES or not location:
        return None
    url = asked.join(URL(location)).with_fragment(None)
    if url.scheme not in ("http", "https") or not url.host:
        raise ValueError
    if asked.scheme == "https" and url.scheme != "https":
        raise ValueError
    if (url.user or url.password) and url.origin() != asked.origin():
        raise ValueError
    return url
