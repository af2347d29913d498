"""Find out, without sending a key, whether a Stash answers at an address.

All versions of Stash answer ``/healthz`` with a dot, without a key. If a proxy uses that
path itself, Stash is recognised by the way in which it asks for a key.
"""

import asyncio

import aiohttp
from yarl import URL

_DEADLINE = 5.0  # seconds for each request
_FIRST_BYTES = 16


async def is_stash(session: aiohttp.ClientSession, url: str) -> bool:
    """Return whether a Stash answers; its certificate is not verified."""
    status, text, _ = await _ask(session, url, "/healthz")
    if status == 200 and text.strip() == b".":
        return True
    status, _, wants = await _ask(session, url, "/graphql")
    return status == 401 and wants == "FormBased"


async def _ask(
    session: aiohttp.ClientSession, url: str, path: str
) -> tuple[int, bytes, str]:
    """Return the status, the first bytes and the challenge; 0 and nothing if none answers."""
    base = URL(url)
    address = base.with_path(base.raw_path.rstrip("/") + path, encoded=True)
    try:
        async with (
            asyncio.timeout(_DEADLINE),
            session.get(
                address, allow_redirects=False, raise_for_status=False, ssl=False
            ) as answer,
        ):
            text = await answer.content.read(_FIRST_BYTES)
            return answer.status, text, answer.headers.get("WWW-Authenticate", "")
    except aiohttp.ClientError, OSError, TimeoutError, ValueError:
        return 0, b"", ""
