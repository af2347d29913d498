"""The port: open, closed but still ours, or given back."""

import asyncio
from collections.abc import Callable
import socket


class Gate:
    """A listening socket that can close and open again on the same port."""

    def __init__(self, host: str, accept: Callable[[], asyncio.BaseProtocol]) -> None:
        """Start closed; `accept` makes the protocol of a new connection."""
        self.host = host
        self.port = 0
        self._accept = accept
        self._listener: socket.socket | None = None
        self._joining: set[asyncio.Task[object]] = set()
        self._holder: socket.socket | None = None

    def __del__(self) -> None:
        """Give the port back when a test forgot to."""
        self.release()

    @property
    def is_open(self) -> bool:
        """Return whether connections are accepted."""
        return self._listener is not None

    async def open(self) -> None:
        """Listen, on the port of before if there was one."""
        self.release()
        listener = socket.create_server((self.host, self.port), backlog=1024)
        listener.setblocking(False)
        self.port = listener.getsockname()[1]
        self._listener = listener
        asyncio.get_running_loop().add_reader(listener, self._incoming, listener)

    def close(self) -> None:
        """Refuse from now on, and keep the port."""
        if self._listener is not None:
            asyncio.get_running_loop().remove_reader(self._listener)
            self._listener.close()
            self._listener = None
            self._holder = _hold(self.host, self.port)

    def _incoming(self, listener: socket.socket) -> None:
        """Accept what waits.

        By hand: asyncio's own server stumbles over a connection that it has
        accepted and not yet set up when it is closed.
        """
        loop = asyncio.get_running_loop()
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            connection.setblocking(False)
            task: asyncio.Task[object] = loop.create_task(
                loop.connect_accepted_socket(self._accept, connection)
            )
            self._joining.add(task)
            task.add_done_callback(self._joining.discard)

    def release(self) -> None:
        """Give the port back."""
        if self._holder is not None:
            self._holder.close()
            self._holder = None


def _hold(host: str, port: int) -> socket.socket | None:
    """Keep a port for ourselves while nobody listens on it.

    Without this the kernel may give the port to an outgoing connection, and a client that
    tries it can even end up connected to itself.
    """
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((host, port))
    except OSError:
        sock.close()
        return None
    return sock
