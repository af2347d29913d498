"""Find out, without sending a token, which Plex server answers at an address."""

import asyncio

import aiohttp
from yarl import URL

from ..engine.model.faults import Fault
from ..engine.util.bounded import read_at_most
from . import classify
from .library import parse_identity

_DEADLINE = 5.0  # seconds
_MOST = 64 * 1024  # bytes; a real answer has a few hundred


async def who_answers(
    session: aiohttp.ClientSession, url: str, *, verify_ssl: bool = False
) -> str | None:
    """Return the machine identifier of the Plex server, None if none answers.

    ``GET /identity`` needs no token. One request; raises nothing.
    """
    try:
        base = URL(url)
        address = base.with_path(f"{base.path.rstrip('/')}/identity")
        async with (
            asyncio.timeout(_DEADLINE),
            session.get(
                address,
                allow_redirects=False,
                raise_for_status=False,
                ssl=verify_ssl,
                headers={"Accept": "*/*"},
            ) as answer,
        ):
            body, _ = await read_at_most(answer.content.iter_any(), _MOST)
            if fault := classify.classify(
                answer.status, answer.headers, body, write=False
            ):
                raise fault
            return parse_identity(body).machine_id
    except Fault, aiohttp.ClientError, OSError, TimeoutError, ValueError:
        return None
