"""Keep-alive connections, with a record of whether the same server is still behind them."""

import asyncio
from collections.abc import Callable
from contextvars import ContextVar
import select
import socket
import ssl
import struct
from typing import TYPE_CHECKING, override

import aiohttp
from aiohttp.connector import Connection
from aiohttp.resolver import ThreadedResolver

if TYPE_CHECKING:
    from aiohttp.client import ClientTimeout
    from aiohttp.client_reqrep import ClientRequest
    from aiohttp.tracing import Trace

_NO_LINGER = struct.pack("ii", 1, 0)
_LONGER = 60.0  # seconds for which aiohttp would keep what we drop after ``ConnectionHistory.idle``


class MovedError(Exception):
    """A write's connection is not of the generation that it was meant for: nothing was sent."""


class ConnectionHistory:
    """What the connections to one server have been through.

    Within one ``generation`` the server has been there all the time: it never
    closed a connection in use, and never was silent for longer than a kept
    connection lives. Another machine can only have taken its place in between.
    """

    def __init__(self, idle: float, now: Callable[[], float]) -> None:
        """Begin at nothing; ``idle`` is how many seconds a connection is kept."""
        self.idle = idle
        self.now = now
        self.requests = 0  # sent, or tried to be
        self.attempts = 0  # connections tried, refused ones counted
        self.generation = 0
        self._since = 0.0  # when the generation began
        self._heard = -idle  # the last sign of life

    def connected(self) -> None:
        """Note a new connection."""
        if self.now() - self._heard > self.idle:
            self.broke()

    def heard(self) -> None:
        """Note an answer."""
        self._heard = self.now()

    def broke(self) -> None:
        """Note that the server went away, or may have."""
        self.generation += 1
        self._since = self.now()

    def found_closed(self, idle_since: float) -> None:
        """Note that the server closed a connection that had been silent since then.

        What was last used in an earlier generation tells nothing new.
        """
        if idle_since >= self._since:
            self.broke()


class Call:
    """One call, and the one connection that it has in hand.

    With ``generation`` nothing is sent over connections of any other. ``sent_in`` is the
    one in which it was sent.
    """

    def __init__(self, generation: int | None = None) -> None:
        """Begin without a connection."""
        self.generation = generation
        self.sent_in: int | None = None
        self.reused = False  # it went out on a connection used before
        self.answered = False  # a status line has come back
        self.transport: asyncio.Transport | None = None

    def end(self) -> None:
        """Reset the connection: nothing more of this call may arrive."""
        if self.transport is not None:
            self.transport.abort()


_current: ContextVar[Call] = ContextVar("call")


class Connector(aiohttp.TCPConnector):
    """Connections for one server, each in the hand of the call that is under way."""

    def __init__(
        self, history: ConnectionHistory, trust: ssl.SSLContext | bool
    ) -> None:
        """Take the history that they add to, and who may vouch for the server.

        On the loop that they will live on; with ``trust`` False anybody may answer.
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
        # Since when each connection that may be used again has been silent.
        self._silent: dict[asyncio.Transport, float] = {}

    def enter(self, call: Call) -> None:
        """Have the requests of this task go out for a call."""
        _current.set(call)

    def leave(self, call: Call) -> None:
        """Take a connection out of the hand of a call that is over.

        If it still stands it may serve another one. What was merely closed would go on
        delivering what it holds.
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
        """Make the socket of a connection that is tried now.

        However it is closed: it is reset, and what it still held is never delivered.
        """
        family, kind, protocol, _, _ = address
        self._history.attempts += 1
        made = socket.socket(family, kind, protocol)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
        return made

    @override
    async def connect(
        self, req: ClientRequest, traces: list[Trace], timeout: ClientTimeout
    ) -> Connection:
        """Return a connection to the call under way. Raises MovedError and aiohttp's errors."""
        call = _current.get()
        await self._drop_closed()
        connection = await super().connect(req, traces, timeout)
        transport = connection.transport
        assert transport is not None
        earlier = self._in_hand.pop(transport, None)
        if earlier is not None:
            # Its answer has come whole, and it has not read the end yet.
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
        """Drop kept connections that are too old, or that the server has closed.

        The latter may just have happened: the event loop need not know of it yet.
        """
        if not self._silent:
            return
        now, poll = self._history.now(), select.poll()
        sockets: dict[int, asyncio.Transport] = {}
        for transport in self._silent:
            if not transport.is_closing():
                number = transport.get_extra_info("socket").fileno()
                sockets[number] = transport
                poll.register(number, select.POLLIN)
        closed = {sockets[number] for number, _ in poll.poll(0)}
        gone = [
            (transport, since)
            for transport, since in self._silent.items()
            if transport.is_closing()
            or transport in closed
            or now - since > self._history.idle
        ]
        for transport, since in gone:
            del self._silent[transport]
            transport.abort()
            if now - since <= self._history.idle:
                self._history.found_closed(since)
        if gone:
            for _ in range(2):  # a connection beneath TLS tells it in two steps
                await asyncio.sleep(0)
