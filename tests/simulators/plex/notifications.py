"""The websocket and the event stream: everyone who listens gets every event."""

import asyncio
from collections.abc import Iterable
import contextlib
import json

from aiohttp import WSCloseCode, web

from .events import Event
from .faults import Faults
from .wire import reset

_ENTRIES = {
    "timeline": "TimelineEntry",
    "activity": "ActivityNotification",
    "status": "StatusNotification",
}

Queue = asyncio.Queue[Event]


class Hub:
    """The open sockets, and what the faults let through to them."""

    def __init__(self, faults: Faults) -> None:
        """Start with nobody connected."""
        self._faults = faults
        self._queues: dict[Queue, frozenset[str]] = {}
        self._sockets: dict[web.WebSocketResponse, asyncio.Transport] = {}
        self._closing: set[asyncio.Task[bool]] = set()

    @property
    def sockets(self) -> int:
        """Return how many websockets are open."""
        return len(self._sockets)

    def publish(self, event: Event) -> None:
        """Hand an event to everyone."""
        if not self._queues:
            return
        for sent in self._faults.deliver(event):
            for queue, kinds in self._queues.items():
                if not kinds or sent["type"] in kinds:
                    queue.put_nowait(sent)

    async def websocket(self, http: web.BaseRequest) -> web.WebSocketResponse:
        """Serve one websocket until it closes."""
        socket = web.WebSocketResponse(compress=False)
        await socket.prepare(http)
        queue: Queue = asyncio.Queue()
        self._queues[queue] = frozenset()
        if http.transport is not None:
            self._sockets[socket] = http.transport
        sender = asyncio.create_task(self._send(socket, queue))
        try:
            async for _ in socket:
                pass  # clients only listen
        finally:
            sender.cancel()
            self._sockets.pop(socket, None)
            self._queues.pop(queue, None)
            await asyncio.gather(sender, return_exceptions=True)
        return socket

    async def stream(
        self, http: web.BaseRequest, filters: Iterable[str]
    ) -> web.StreamResponse:
        """Serve one event stream until the client leaves."""
        response = web.StreamResponse(
            headers={"Content-Type": "text/event-stream", "X-Plex-Protocol": "1.0"}
        )
        await response.prepare(http)
        queue: Queue = asyncio.Queue()
        self._queues[queue] = frozenset(filters)
        try:
            while http.transport is not None and not http.transport.is_closing():
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(0.2):
                        event = await queue.get()
                    name = _ENTRIES.get(event["type"], event["type"])
                    data = json.dumps({name: event[name][0] if name in event else {}})
                    await response.write(
                        f"event: {event['type']}\ndata: {data}\n\n".encode()
                    )
        except ConnectionError:
            pass
        finally:
            self._queues.pop(queue, None)
        return response

    def drop(self) -> None:
        """Reset all websockets."""
        for transport in list(self._sockets.values()):
            reset(transport)

    def close(self, code: int = WSCloseCode.GOING_AWAY) -> None:
        """Close all websockets as the protocol wants it."""
        for socket in list(self._sockets):
            task = asyncio.ensure_future(socket.close(code=code))
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)

    async def finish(self) -> None:
        """Wait for the sockets that are closing."""
        for task in self._closing:
            task.cancel()
        await asyncio.gather(*self._closing, return_exceptions=True)

    async def _send(self, socket: web.WebSocketResponse, queue: Queue) -> None:
        with contextlib.suppress(ConnectionError):
            while True:
                event = await queue.get()
                await socket.send_str(json.dumps({"NotificationContainer": event}))
