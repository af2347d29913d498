"""Redirects of a picture's address, followed by hand so that each hop is checked."""

import aiohttp
from yarl import URL

HOPS = 5  # in a row; more are a loop
_STATUSES = frozenset({301, 302, 303, 307, 308})


def redirect(answer: aiohttp.ClientResponse, asked: URL) -> URL | None:
    """Return the address that an answer redirects to, None if it does not.

    Raises ValueError for redirects that are never followed: to anything but a web
    address, to another server with a name and password, or from https to http.
    """
    location = answer.headers.get("Location")
    if answer.status not in _STATUSES or not location:
        return None
    try:
        url = asked.join(URL(location)).with_fragment(None)
    except IndexError:  # yarl's, for "http://[]@"
        raise ValueError from None
    if url.scheme not in ("http", "https") or not url.host:
        raise ValueError
    if asked.scheme == "https" and url.scheme != "https":
        raise ValueError
    if (url.user or url.password) and url.origin() != asked.origin():
        raise ValueError
    return url
