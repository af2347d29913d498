"""Keep-alive connections that track whether the same server is still behind them."""

import asyncio
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
import select
import socket
import ssl
import struct
from typing import override

import aiohttp
from aiohttp.connector import Connection
from aiohttp.resolver import ThreadedResolver
from aiohttp.tracing import Trace

_NO_LINGER = struct.pack("ii", 1, 0)
# Seconds beyond our own ``idle`` limit after which aiohttp drops connections.
_LONGER = 60.0


class MovedError(Exception):
    """The connection is of another generation than the call wants: nothing was sent."""


class ConnectionHistory:
    """The history of the connections to one server.

    Within one ``generation`` the server was there all the time: it never closed a
    connection in use, and was never silent for longer than connections are kept. Another
    machine can only have taken its place between two generations.
    """

    def __init__(self, idle: float, now: Callable[[], float]) -> None:
        """Initialize; ``idle`` is the number of seconds that connections are kept."""
        self.idle = idle
        self.now = now
        self.requests = 0  # including those that could not be sent
        self.attempts = 0  # to connect, including refused ones
        self.generation = 0
        self._since = 0.0  # when the generation began
        self._heard = -idle  # when the server last gave a sign of life

    def connected(self) -> None:
        """Note a new connection."""
        if self.now() - self._heard > self.idle:
            self.broke()

    def heard(self) -> None:
        """Note an answer."""
        self._heard = self.now()

    def broke(self) -> None:
        """Note that the server went away, or may have gone away."""
        self.generation += 1
        self._since = self.now()

    def found_closed(self, idle_since: float) -> None:
        """Note that the server closed a connection that was idle since the given time.

        A connection that was last used in an earlier generation says nothing new.
        """
        if idle_since >= self._since:
            self.broke()


@dataclass(slots=True)
class Call:
    """A call, and the connection that it uses.

    With ``generation``, it is only sent over connections of that generation. ``sent_in``
    is the generation in which it was sent.
    """

    generation: int | None = None
    sent_in: int | None = None
    reused: bool = False  # whether the connection was used before
    answered: bool = False  # whether a status line has arrived
    transport: asyncio.Transport | None = None

    def end(self) -> None:
        """Reset the connection, so that nothing more of this call arrives."""
        if self.transport is not None:
            self.transport.abort()


_current: ContextVar[Call] = ContextVar("call")


class Connector(aiohttp.TCPConnector):
    """A connector for one server that knows the call that uses each connection."""

    def __init__(
        self, history: ConnectionHistory, trust: ssl.SSLContext | bool
    ) -> None:
        """Take the history to update, and the certificates to trust.

        Create it in the event loop. With ``trust`` False, any certificate is accepted.
        """
        super().__init__(
            ssl=trust,
            limit=0,
            keepalive_timeout=history.idle + _LONGER,
            resolver=ThreadedResolver(),
            socket_factory=self._open,
        )
        self._history = history
        self._in_hand: dict[asyncio.Transport, Call] = {}
        # Since when each reusable connection has been idle.
        self._silent: dict[asyncio.Transport, float] = {}

    def enter(self, call: Call) -> None:
        """Let the requests of this task belong to a call."""
        _current.set(call)

    def leave(self, call: Call) -> None:
        """Detach the connection of a call that has ended.

        If it is still open, it may be reused. If not, reset it: a connection that is
        merely closed would still deliver its buffered data.
        """
        transport, call.transport = call.transport, None
        if transport is None:
            return
        del self._in_hand[transport]
        if transport.is_closing():
            transport.abort()
        else:
            self._silent[transport] = self._history.now()

    def _open(self, address: aiohttp.AddrInfoType) -> socket.socket:
        """Create the socket for a new connection.

        However it is closed, it is reset, and buffered data is never delivered.
        """
        family, kind, protocol, _, _ = address
        self._history.attempts += 1
        made = socket.socket(family, kind, protocol)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
        return made

    @override
    async def connect(
        self,
        req: aiohttp.ClientRequest,
        traces: list[Trace],
        timeout: aiohttp.ClientTimeout,
    ) -> Connection:
        """Return a connection for the current call. Raises MovedError and aiohttp's errors."""
        call = _current.get()
        await self._drop_closed()
        connection = await super().connect(req, traces, timeout)
        transport = connection.transport
        assert transport is not None
        earlier = self._in_hand.pop(transport, None)
        if earlier is not None:
            # The earlier call has its complete answer, but has not read the end yet.
            earlier.transport = None
        call.reused = self._silent.pop(transport, None) is not None or bool(earlier)
        if not call.reused:
            self._history.connected()
        if call.generation not in (None, self._history.generation):
            connection.close()
            raise MovedError
        call.sent_in = self._history.generation
        call.transport, self._in_hand[transport] = transport, call
        return connection

    async def _drop_closed(self) -> None:
        """Drop kept connections that are too old or closed by the server.

        The server may have closed one so recently that the event loop does not know yet.
        """
        now, gone = self._history.now(), False
        for transport, since in list(self._silent.items()):
            is_old = now - since > self._history.idle
            if is_old or _is_closed(transport):
                gone = True
                del self._silent[transport]
                transport.abort()
                if not is_old:
                    self._history.found_closed(since)
        if gone:
            # Closing a TLS connection takes two steps of the event loop.
            for _ in range(2):
                await asyncio.sleep(0)


def _is_closed(transport: asyncio.Transport) -> bool:
    """Return whether an idle connection was closed, or has something that nobody wants."""
    if transport.is_closing():
        return True
    poll = select.poll()
    poll.register(transport.get_extra_info("socket").fileno(), select.POLLIN)
    return bool(poll.poll(0))
