"""Whether a Stash stands behind an address: asked without a key, so told to nobody.

Stash answers ``/healthz`` with one dot to whoever asks, in all versions. Where a proxy
keeps that path for itself, the way in which Stash asks for a key tells it.
"""

import asyncio

import aiohttp
from yarl import URL

_DEADLINE = 5.0  # seconds, for each question
_FIRST_BYTES = 16


async def is_stash(session: aiohttp.ClientSession, url: str) -> bool:
    """Return whether what answers there is a Stash; its certificate is not looked at."""
    status, text, _ = await _ask(session, url, "/healthz")
    if status == 200 and text.strip() == b".":
        return True
    status, _, wants = await _ask(session, url, "/graphql")
    return status == 401 and wants == "FormBased"


async def _ask(
    session: aiohttp.ClientSession, url: str, path: str
) -> tuple[int, bytes, str]:
    """Return the status, the first bytes and the wish for a key; nothing where none answers."""
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
