"""The simulated Plex without sockets: our own client, server and listener over it."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
import contextlib
import json
from typing import Any, cast

import aiohttp
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from custom_components.plexsync.engine.calls.judge import Purpose
from custom_components.plexsync.engine.database.database import Database
from custom_components.plexsync.engine.engine import Engine
from custom_components.plexsync.engine.model.faults import Fault
from custom_components.plexsync.engine.model.ports import (
    FieldEdit,
    IsStale,
    Item,
    Items,
    Match,
    never,
)
from custom_components.plexsync.engine.model.record import Find
from custom_components.plexsync.plex import classify
from custom_components.plexsync.plex.client import Answer, Outgoing, PlexClient
from custom_components.plexsync.plex.connections import Call, MovedError
from custom_components.plexsync.plex.events import PATH, PlexEvents
from custom_components.plexsync.plex.server import PlexMediaServer
from tests.rig import identity
from tests.simulators.plex import Faults, PlexCore, Request, Response

ADDRESS = "http://plex.test:32400"
_SERVER_IDLE = 20.0  # seconds after which Plex closes a kept connection
_TRANSIT = 0.005  # seconds that an answer or a notification takes
_SILENCE = 22.5  # seconds of silence after which the listener gives a socket up
_NEVER = 1e6


class Observer:
    """Hears of everything that goes over the wire, as the client sees it."""

    def tried(self) -> None:
        """Hear that a connection is about to be tried."""

    def sends(self, request: Request, *, probe: bool) -> None:
        """Hear that a request of the session is about to leave."""

    def ended(self, request: Request, *, probe: bool) -> None:
        """Hear that it was answered, or that no answer came."""

    def called(self, purpose: Purpose, fault: Fault | None, item: str | None) -> None:
        """Hear how a call of the worker's went; ``item`` is the rating key of an edit."""

    def probes(self) -> None:
        """Hear that a probe begins."""

    def probed(self, fault: Fault | None) -> None:
        """Hear how it went."""

    def applied(self, request: Request, left: float) -> None:
        """Hear that Plex did what a write asked for that had left then, by the loop."""


class Network:
    """The way to the simulated Plex."""

    def __init__(self, core: PlexCore, observer: Observer) -> None:
        """Take the server and who watches."""
        self.core = core
        self.faults = Faults(core)
        self.observer = observer
        self.epoch = 0  # grows whenever Plex's process, and all connections with it, go
        self._sockets: set[Socket] = set()
        self._in_flight = 0
        self._held = 0
        self._serving: set[asyncio.Task[Response]] = set()
        self._gone = asyncio.Event()
        core.subscribe(self._publish)

    # Connections

    def connect(self) -> None:
        """Try one connection. Raises OSError."""
        self.observer.tried()
        if self.faults.refusing():
            raise ConnectionRefusedError
        if self.faults.resetting():
            raise ConnectionResetError

    def cut(self) -> None:
        """Close every connection: the process at the other end is gone."""
        self.epoch += 1
        self._gone.set()
        self._gone = asyncio.Event()
        for socket in tuple(self._sockets):
            socket.drop()

    def fall_silent(self) -> None:
        """Let the open sockets notice in their time that nobody is there."""
        for socket in self._sockets:
            asyncio.get_running_loop().call_later(_SILENCE, socket.drop)

    # Requests

    async def carry(self, request: Request) -> Response:
        """Carry a request over an open connection. Raises OSError when that breaks.

        Whoever gives up leaves the server at work: it may hold the write already.
        """
        serving = asyncio.ensure_future(self._serve(request))
        self._serving.add(serving)
        serving.add_done_callback(self._serving.discard)
        serving.add_done_callback(lambda done: done.cancelled() or done.exception())
        gone = asyncio.ensure_future(self._gone.wait())
        try:
            await asyncio.wait({serving, gone}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            gone.cancel()
        if not serving.done():
            raise ConnectionResetError
        return serving.result()

    async def _serve(self, request: Request) -> Response:
        left = asyncio.get_running_loop().time()
        faults = self.faults
        self._in_flight += 1
        try:
            verdict = faults.judge(request, self._in_flight)
            await asyncio.sleep(_TRANSIT + verdict.delay)
            if faults.holds(verdict) and verdict.hold is not None:
                self._held += 1  # they leave in the order in which they came
                until = verdict.hold.end + self._held % 1000 * 1e-4
                while (wait := until - self.core.clock()) > 0:
                    await asyncio.sleep(wait)
            if request.path == PATH:
                verdict.apply = False  # the socket is none of the core's matters
            response = faults.answer(request, verdict)
            if verdict.apply and verdict.response is None and request.is_write:
                self.observer.applied(request, left)
            if (ending := verdict.ending) is not None:
                if ending.kind == "hang":
                    await asyncio.sleep(ending.seconds or _NEVER)
                raise ConnectionResetError
            return response
        finally:
            self._in_flight -= 1

    # Notifications

    async def open_socket(self, request: Request) -> Socket:
        """Shake hands. Raises OSError, aiohttp.WSServerHandshakeError."""
        self.connect()
        epoch = self.epoch
        answer = await self.carry(request)
        if answer.status:
            url = URL(ADDRESS + PATH)
            raise aiohttp.WSServerHandshakeError(
                aiohttp.RequestInfo(url, "GET", CIMultiDictProxy(CIMultiDict()), url),
                (),
                status=answer.status,
            )
        if epoch != self.epoch:
            raise ConnectionResetError
        socket = Socket(self._sockets)
        self._sockets.add(socket)
        return socket

    def _publish(self, event: dict[str, Any]) -> None:
        for each in self.faults.deliver(event):
            text = json.dumps({"NotificationContainer": each})
            for socket in self._sockets:
                asyncio.get_running_loop().call_later(_TRANSIT, socket.put, text)


class Socket:
    """One open websocket: as much of aiohttp's as the listener uses."""

    def __init__(self, others: set[Socket]) -> None:
        """Take the set that it leaves when it closes."""
        self._others = others
        self._texts: asyncio.Queue[str | None] = asyncio.Queue()

    def put(self, text: str) -> None:
        """Deliver a message."""
        self._texts.put_nowait(text)

    def drop(self) -> None:
        """End it from the far end."""
        self._others.discard(self)
        self._texts.put_nowait(None)

    async def close(self) -> None:
        """End it from this end."""
        self._others.discard(self)

    async def __aiter__(self) -> AsyncIterator[aiohttp.WSMessage]:
        """Give the messages until it ends."""
        while (text := await self._texts.get()) is not None:
            yield aiohttp.WSMessage(aiohttp.WSMsgType.TEXT, text, None)


class VirtualEvents(PlexEvents):
    """The real listener, with the network in place of aiohttp's session."""

    def __init__(self, network: Network, engine: Engine, **settings: Any) -> None:
        """Take the network, and whom to tell unless ``settings`` name somebody else."""
        joined: dict[str, Any] = {
            "token": network.core.token,
            "client_id": "proof",
            "allowed": engine.circuit.may_listen,
            "contact": engine.health.sighted,
            "arrived": engine.arrivals.came,
            "changed": engine.plex_notices.void,
        }
        super().__init__(cast("Any", None), ADDRESS, **joined | settings)
        self._network = network

    async def run(self) -> None:
        """Listen until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._tell())
            group.create_task(self._listen(cast("aiohttp.ClientSession", self)))

    async def ws_connect(
        self, url: str, *, headers: dict[str, str], **_: Any
    ) -> Socket:
        """Stand in for the session's method of this name."""
        assert url == ADDRESS + PATH
        return await self._network.open_socket(Request.build("GET", PATH, headers))


class VirtualClient(PlexClient):
    """The client without sockets and threads."""

    def __init__(self, network: Network, *args: Any, **settings: Any) -> None:
        """Take the network; everything else as ``PlexClient``."""
        self._loop = asyncio.get_running_loop()
        super().__init__(*args, monotonic=self._loop.time, **settings)
        self._network = network
        self._epoch = network.epoch
        self._idle: list[float] = []  # when each kept connection was last used

    async def _carry(self, call: Call, sent: Outgoing, *, probe: bool) -> Answer:
        wire = Request.build(
            sent.method, sent.target, dict(sent.headers), sent.body or b""
        )
        observer = self._network.observer
        observer.sends(wire, probe=probe)
        self.history.requests += 1
        try:
            response = await self._send(call, wire)
        except (OSError, MovedError) as error:
            self._idle.clear()
            self.history.broke()
            raise classify.classify_error(error) from None
        except asyncio.CancelledError:
            self._idle.clear()
            raise
        finally:
            observer.ended(wire, probe=probe)
        self.history.heard()
        self._idle.append(self._loop.time())
        headers = {"Content-Length": str(len(response.body))} | response.headers
        return Answer(response.status, CIMultiDict(headers), response.body)

    async def _send(self, call: Call, wire: Request) -> Response:
        network, now = self._network, self._loop.time
        if self._epoch != network.epoch:
            self._epoch = network.epoch
            if self._idle:
                self._idle.clear()
                self.history.broke()
        limit = min(self.deadlines.idle, _SERVER_IDLE)
        self._idle = [since for since in self._idle if now() - since <= limit]
        if self._idle:
            self._idle.pop()
        else:
            self.history.attempts += 1
            network.connect()
            self.history.connected()
        if call.generation not in (None, self.history.generation):
            raise MovedError
        call.sent_in = self.history.generation
        return await network.carry(wire)

    async def _side_calls[T](self, work: Callable[[], T]) -> T:
        return work()  # a thread knows nothing of virtual time


class VirtualServer(PlexMediaServer):
    """The real server over the virtual session."""

    def __init__(self, network: Network, database: Database, **settings: Any) -> None:
        """Take the network; everything else as ``PlexMediaServer``."""
        known, token = identity(network.core), network.core.token
        super().__init__(ADDRESS, token, transactions=database, **known, **settings)
        self._network = network
        self._client = VirtualClient(
            network,
            ADDRESS,
            token,
            client_id=known["client_id"],
            verify_ssl=False,
            deadlines=settings.get("deadlines"),
        )
        self._api.client = self._client

    async def match(
        self, finds: Sequence[Find], avoid: frozenset[str] = frozenset()
    ) -> list[Match]:
        """Find items, and let the observer know how it went."""
        async with self._observed(Purpose.LISTING):
            found = await super().match(finds, avoid)
            for match in found:
                if match.fault is not None:
                    self._network.observer.called(Purpose.LISTING, match.fault, None)
        return found

    async def read(
        self, rating_keys: Sequence[str], known: Mapping[str, bytes] | None = None
    ) -> Items:
        """Read items, and let the observer know how it went."""
        async with self._observed(Purpose.READ):
            return await super().read(rating_keys, known)

    async def edit(
        self,
        item: Item,
        edits: Sequence[FieldEdit],
        is_stale: IsStale = never,
        *,
        apart: bool = False,
    ) -> Mapping[str, str]:
        """Edit an item, and let the observer know how it went."""
        async with self._observed(Purpose.EDIT, item.rating_key):
            return await super().edit(item, edits, is_stale, apart=apart)

    async def collections(self, item: Item) -> dict[str, int]:
        """Count collections, and let the observer know how it went."""
        async with self._observed(Purpose.COLLECTIONS):
            return await super().collections(item)

    async def probe_process(self) -> None:
        """Begin a probe, and let the observer know."""
        self._network.observer.probes()
        try:
            await super().probe_process()
        except Fault as fault:
            self._network.observer.probed(fault)
            raise

    async def probe_database(self) -> None:
        """End a probe, and let the observer know how it went."""
        try:
            await super().probe_database()
        except Fault as fault:
            self._network.observer.probed(fault)
            raise
        self._network.observer.probed(None)

    @contextlib.asynccontextmanager
    async def _observed(
        self, purpose: Purpose, item: str | None = None
    ) -> AsyncIterator[None]:
        observer = self._network.observer
        try:
            yield
        except Fault as fault:
            observer.called(purpose, fault, item)
            raise
        observer.called(purpose, None, item)
