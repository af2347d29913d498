"""Answers on the bare transport: cut short, dripped, reset."""

import asyncio
from collections.abc import Callable
import socket
import struct

from .messages import REASONS, Response

_LINGER_ZERO = struct.pack("ii", 1, 0)
_POLL = 0.02


class Resetter(asyncio.Protocol):
    """A connection that is reset as soon as it is accepted."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Reset."""
        if isinstance(transport, asyncio.Transport):
            reset(transport)


async def poll(waiting: Callable[[], bool]) -> None:
    """Wait while `waiting()` holds: sockets and foreign clocks have no event for it."""
    while waiting():
        await asyncio.sleep(_POLL)


def reset(transport: asyncio.Transport) -> None:
    """Close a connection with RST instead of FIN."""
    sock = transport.get_extra_info("socket")
    if sock is not None and sock.fileno() >= 0:  # else the client was first
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_ZERO)
    transport.abort()


def head(response: Response) -> bytes:
    """Return status line and headers, promising the whole body."""
    reason = REASONS.get(response.status, "")
    lines = [f"HTTP/1.1 {response.status} {reason}"]
    lines += [f"{name}: {value}" for name, value in response.headers.items()]
    lines.append(f"Content-Length: {len(response.body)}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


async def cut(
    transport: asyncio.Transport, response: Response, size: int | None, *, rst: bool
) -> int:
    """Send the head and part of the body, then close; return the bytes sent."""
    part = response.body[: len(response.body) // 2 if size is None else size]
    data = head(response) + part
    transport.write(data)
    await poll(
        lambda: bool(transport.get_write_buffer_size()) and not transport.is_closing()
    )
    if rst:
        await asyncio.sleep(_POLL)  # else the reset may overtake what was sent
        reset(transport)
    else:
        transport.close()
    return len(data)


async def drip(transport: asyncio.Transport, response: Response, rate: float) -> int:
    """Send the body at `rate` bytes a second; return the bytes sent."""
    start = head(response)
    transport.write(start)
    step = max(1, int(rate * _POLL * 2))
    sent = 0
    while sent < len(response.body) and not transport.is_closing():
        transport.write(response.body[sent : sent + step])
        sent += step
        await asyncio.sleep(step / rate)
    transport.close()
    return len(start) + min(sent, len(response.body))


async def hang(transport: asyncio.Transport, seconds: float | None) -> None:
    """Send nothing until the client gives up, or for so long."""
    loop = asyncio.get_running_loop()
    end = None if seconds is None else loop.time() + seconds
    await poll(
        lambda: not transport.is_closing() and (end is None or loop.time() < end)
    )
    transport.close()
