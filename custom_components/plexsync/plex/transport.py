"""Connections that another thread can shut at any moment.

A timeout in requests is per socket operation: a server that sends a byte now
and then beats it. So each call registers the socket that it works on, before
that socket connects, and whoever ends the call shuts it down.
"""

import contextlib
import socket
import struct
import threading
import time
from typing import Any

from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import NewConnectionError
from urllib3.response import HTTPResponse
from urllib3.util import parse_url

_NO_LINGER = struct.pack("ii", 1, 0)
_here = threading.local()


class EndedError(ConnectionAbortedError):
    """The call was ended: nothing may be sent for it any more."""


class MovedError(ConnectionAbortedError):
    """A write's connection is not of the generation that it was meant for: nothing was sent."""


class Tally:
    """What the connections of one session have been through.

    Within one ``generation`` the server has been there all the time: it never
    closed a connection in use, and never was silent for longer than a kept
    connection lives. Another machine can only have taken its place in between.
    """

    def __init__(self, idle: float) -> None:
        """Begin at nothing; ``idle`` is how many seconds a connection is kept."""
        self.idle = idle
        self.requests = 0  # sent, or tried to be
        self.attempts = 0  # connections tried, refused ones counted
        self.generation = 0
        self._since = 0.0  # monotonic time at which the generation began
        self._heard = -idle  # and of the last sign of life

    def connected(self) -> None:
        """Note a new connection."""
        if time.monotonic() - self._heard > self.idle:
            self.broke()

    def heard(self) -> None:
        """Note an answer."""
        self._heard = time.monotonic()

    def broke(self) -> None:
        """Note that the server went away, or may have."""
        self.generation += 1
        self._since = time.monotonic()

    def found_closed(self, idle_since: float) -> None:
        """Note that the server closed a connection that had been silent since then.

        What was last used in an earlier generation tells nothing new.
        """
        if idle_since >= self._since:
            self.broke()


class Call:
    """One call: its deadline, and the one socket that it has in hand."""

    def __init__(self, seconds: float, tally: Tally) -> None:
        """Start the clock."""
        self.tally = tally
        self.ended = False
        self.reused = False  # the exchange went out on a connection used before
        self.answered = False  # a status line has come back
        self.generation: int | None = None  # the only one that may be sent to
        self._until = time.monotonic() + seconds
        self._lock = threading.Lock()
        self._handle: socket.socket | None = None

    def left(self) -> float:
        """Give the seconds that are left, never quite nothing."""
        return max(0.001, self._until - time.monotonic())

    def watch(self, sock: socket.socket) -> None:
        """Register the socket in use; raises EndedError when it is too late.

        A duplicate is kept: TLS takes the descriptor out of the first object,
        and shutting any duplicate shuts the connection.
        """
        handle = socket.fromfd(sock.fileno(), sock.family, sock.type)
        with self._lock:
            if self._handle is not None:
                self._handle.close()
            self._handle = handle
            # The socket's own timeout may have been a little ahead of whoever ends us.
            self.ended = self.ended or time.monotonic() >= self._until
            if self.ended:
                _shut(handle)
                raise EndedError

    def release(self) -> None:
        """Let go of the socket: the exchange is over."""
        with self._lock:
            if self._handle is not None:
                self._handle.close()
                self._handle = None

    def end(self) -> None:
        """Shut the socket, and keep every later one from being used."""
        with self._lock:
            self.ended = True
            if self._handle is not None:
                _shut(self._handle)


def _shut(sock: socket.socket) -> None:
    with contextlib.suppress(OSError):
        # Without this the kernel would go on delivering what it still holds,
        # and a write could arrive long after we gave it up.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
    with contextlib.suppress(OSError):
        sock.shutdown(socket.SHUT_RDWR)


def current() -> Call:
    """Give the call that this thread works on."""
    call: Call | None = getattr(_here, "call", None)
    if call is None:
        raise RuntimeError("Plex is only spoken to through PlexSession.call")
    return call


def is_ours() -> bool:
    """Say whether this thread works on a call of ours."""
    return getattr(_here, "call", None) is not None


def enter(call: Call | None) -> None:
    """Name the call that this thread works on from now on."""
    _here.call = call


def _connect(call: Call, host: str, port: int, options: Any) -> socket.socket:
    """Connect to the first address that answers, watched from before the start."""
    addresses = socket.getaddrinfo(host.strip("[]"), port, 0, socket.SOCK_STREAM)
    failure = OSError("no address")
    for number, (family, kind, proto, _, target) in enumerate(addresses):
        sock = socket.socket(family, kind, proto)
        try:
            for option in options or ():
                sock.setsockopt(*option)
            # An address that swallows packets leaves time for the next one.
            sock.settimeout(call.left() / (len(addresses) - number))
            call.watch(sock)
            call.tally.attempts += 1
            sock.connect(target)
        except OSError as error:
            failure = error
            sock.close()
            if call.ended:
                break
        else:
            call.tally.connected()
            sock.settimeout(call.left())
            return sock
    raise failure


class _WatchedMixin(HTTPConnection):
    """What both kinds of connection add."""

    used = False  # an answer has come through this very socket
    idle_since = 0.0

    def _new_conn(self) -> socket.socket:
        self.used = False
        try:
            return _connect(
                current(), self._dns_host, self.port or 80, self.socket_options
            )
        except (OSError, UnicodeError) as error:  # a name can be no name
            # The error urllib3 itself raises; it would swallow some plain ones.
            raise NewConnectionError(self, "not connected") from error

    def request(self, *args: Any, **kwargs: Any) -> None:
        """Send a request on the socket, which the current call now has in hand."""
        call = current()
        call.reused = self.used and self.sock is not None
        call.answered = False
        if self.sock is None:
            self.connect()
        self.sock.settimeout(call.left())  # it may have that of an earlier call
        call.watch(self.sock)
        if call.generation not in (None, call.tally.generation):
            raise MovedError
        super().request(*args, **kwargs)

    def getresponse(self) -> HTTPResponse:  # type: ignore[override]  # urllib3's own, not http.client's
        """Read the status line and the headers."""
        response = super().getresponse()
        call = current()
        call.answered = self.used = True
        call.tally.heard()
        return response


class WatchedConnection(_WatchedMixin):
    """A plain connection that its call can shut."""


class WatchedTlsConnection(_WatchedMixin, HTTPSConnection):
    """A TLS connection that its call can shut, also during the handshake."""


class _FreshMixin(HTTPConnectionPool):
    """A pool that hands out no connection which the server may just be closing."""

    def urlopen(  # type: ignore[override]  # for the one caller there is
        self,
        method: str,
        url: str,
        *,
        body: Any,
        headers: Any,
        timeout: Any,
        **_: Any,
    ) -> HTTPResponse:
        """Carry out one exchange; the body is left to be read.

        urllib3's own would encode anew, byte by byte, what is encoded already: half
        of all that a long edit costs. Nothing is retried, and no redirect followed.
        """
        connection = self._get_conn()
        try:
            return self._make_request(  # type: ignore[return-value]  # as the connections make it
                connection,
                method,
                url,
                body=body,
                headers=headers,
                timeout=timeout,
                response_conn=connection,
                preload_content=False,
                decode_content=False,
            )
        except BaseException:
            connection.close()
            self._put_conn(None)
            raise

    def _get_conn(self, timeout: float | None = None) -> Any:
        connection = super()._get_conn(timeout)
        if isinstance(connection, _WatchedMixin) and connection.used:
            tally = current().tally
            if time.monotonic() - connection.idle_since > tally.idle:
                connection.close()
            elif connection.is_closed:  # urllib3 saw that the server had closed it
                tally.found_closed(connection.idle_since)
        return connection

    def _put_conn(self, conn: Any) -> None:
        if isinstance(conn, _WatchedMixin):
            conn.idle_since = time.monotonic()
            # One that was closed as announced is as good as new.
            conn.used = conn.used and not conn.is_closed
        super()._put_conn(conn)


class WatchedPool(_FreshMixin):
    """Keep-alive for plain connections."""

    ConnectionCls = WatchedConnection


class WatchedTlsPool(_FreshMixin, HTTPSConnectionPool):
    """Keep-alive for TLS connections."""

    ConnectionCls = WatchedTlsConnection

    def _validate_conn(self, conn: Any) -> None:
        # As urllib3 does, without its warning per request for those who chose
        # not to verify: it names the host.
        if conn.is_closed:
            conn.connect()


def open_pool(url: str, size: int, trust: str | None) -> HTTPConnectionPool:
    """Make a pool of watched connections to a server; nothing is connected yet.

    ``size`` of them are kept. ``trust`` names the file of certificates that may
    vouch for the server; without it anybody may answer.
    """
    address = parse_url(url)
    host = address.host or ""
    if address.scheme != "https":
        return WatchedPool(host, address.port, maxsize=size)
    verify = "CERT_NONE" if trust is None else "CERT_REQUIRED"
    return WatchedTlsPool(
        host, address.port, maxsize=size, cert_reqs=verify, ca_certs=trust
    )
