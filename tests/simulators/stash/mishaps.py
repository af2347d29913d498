"""How a wrong answer is given."""

import socket
import struct

from aiohttp import web

from .auth import LOGIN_PAGE
from .faults import Fault, FaultKind


def hang_up(request: web.Request) -> web.Response:
    """Reset the connection; the response that is returned never gets out."""
    transport = request.transport
    if transport is not None:
        connection: socket.socket | None = transport.get_extra_info("socket")
        if connection is not None:
            # To linger for no time makes the kernel send a reset instead of a farewell.
            connection.setsockopt(
                socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
            )
        transport.abort()
    return web.Response(status=500)


def wrong(fault: Fault) -> web.Response:
    """Make an answer that Stash did not give."""
    if fault.kind is FaultKind.GARBAGE:
        return web.Response(
            text='{"data": {"findScenes": {"scenes": [{"id"',
            content_type="application/json",
        )
    if fault.kind is FaultKind.HTML200:
        return web.Response(text=LOGIN_PAGE, content_type="text/html")
    headers = {}
    if fault.retry_after is not None:
        headers["Retry-After"] = str(fault.retry_after)
    return web.Response(
        status=fault.status,
        text=fault.body,
        content_type=fault.content_type,
        headers=headers,
    )


async def truncate(request: web.Request, whole: web.Response) -> web.StreamResponse:
    """Announce the whole of an answer and send half."""
    body = whole.body if isinstance(whole.body, bytes) else b"{}"
    response = web.StreamResponse(status=whole.status)
    response.content_type = whole.content_type
    response.content_length = len(body)
    response.force_close()
    await response.prepare(request)
    await response.write(body[: len(body) // 2])
    if request.transport is not None:
        request.transport.close()
    return response
