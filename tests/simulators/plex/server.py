"""The simulated Plex on a real socket of 127.0.0.1."""

import asyncio
from collections.abc import Callable, Mapping
import contextlib
from email.utils import formatdate
import gzip
import json
from pathlib import Path
import time
from typing import Any, Self

from aiohttp import ClientError, ClientSession, ClientTimeout, web

from .actions import Verdict
from .core import PlexCore
from .faults import Faults
from .gate import Gate
from .journal import Entry, Journal
from .messages import REASONS, Request, Response, error_response
from .notifications import Hub
from .wire import Resetter, cut, drip, hang, poll, reset

__all__ = ["Entry", "Journal", "PlexSimulator"]

_SOCKET_PATHS = ("/:/websockets/notifications", "/:/websocket/notifications")
_STREAM_PATH = "/:/eventsource/notifications"
_MAX_LINE = 1 << 20
_GZIP_FROM = 1400


class PlexSimulator:
    """One Plex server over HTTP; `start`, `stop` and `start` again on the same port."""

    def __init__(
        self,
        core: PlexCore | None = None,
        token: str | None = None,
        machine_identifier: str | None = None,
        seed: int = 1,
    ) -> None:
        """Wrap a core, or make an empty one."""
        self.core = core or PlexCore(seed=seed)
        if token is not None:
            self.core.token = token
        if machine_identifier is not None:
            self.core.identity.machine_identifier = machine_identifier
        self.faults = Faults(self.core)
        self.journal = Journal()
        self._gate = Gate("127.0.0.1", self._accept)
        self.connections = 0
        """Connections accepted so far; the kernel refuses the others without telling us."""
        self.latency_read = 0.0
        self.latency_write = 0.0
        self.latency_per_row = 0.0
        self.concurrency: int | None = None
        self.in_flight = 0
        self.hub = Hub(self.faults)
        self._running = False
        self._writer = asyncio.Lock()
        self._readers: asyncio.Semaphore | None = None
        self._web: web.Server | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._wake = asyncio.Event()
        self._handlers: set[asyncio.Task[Any]] = set()
        self._session: ClientSession | None = None
        self._unsubscribe: Callable[[], None] | None = None

    # Life

    @property
    def url(self) -> str:
        """Return the base URL."""
        return f"http://{self._gate.host}:{self._gate.port}"

    @property
    def port(self) -> int:
        """Return the port; it stays the same over stops."""
        return self._gate.port

    @property
    def token(self) -> str:
        """Return the token that opens the server."""
        return self.core.token

    @property
    def running(self) -> bool:
        """Return whether the server is up, refused connections or not."""
        return self._running

    @property
    def listening(self) -> bool:
        """Return whether the port is open now."""
        return self._gate.is_open

    @property
    def whole_section_edits(self) -> int:
        """Return how many edits went to a whole section for want of an id."""
        return self.core.whole_section_edits

    async def start(self, port: int = 0) -> Self:
        """Listen; on the same port as before when it was started before."""
        if self._running:
            return self
        await self._finish()  # after a kill there may be something left
        self._gate.port = self._gate.port or port
        self._web = web.Server(
            self._serve,
            access_log=None,
            keepalive_timeout=20,
            tcp_keepalive=False,
            lingering_time=0,
            max_line_size=_MAX_LINE,
            max_field_size=_MAX_LINE,
        )
        self._readers = (
            asyncio.Semaphore(self.concurrency) if self.concurrency else None
        )
        self._running = True
        if self._unsubscribe is None:
            self._unsubscribe = self.core.subscribe(self.hub.publish)
        self.faults.on_change = self._faults_changed
        if not self.faults.refusing():
            await self._gate.open()
        elif self.port == 0:
            raise RuntimeError("a server that refuses from the start needs a port")
        self._keeper = asyncio.create_task(self._keep())
        return self

    async def stop(self) -> None:
        """Close the port and all connections; the port stays ours, and refuses."""
        self._cut()
        await self._finish()

    async def close(self) -> None:
        """Stop for good and give the port back."""
        await self.stop()
        self._gate.release()
        if self._unsubscribe is not None:
            self._unsubscribe()
            self._unsubscribe = None

    async def __aenter__(self) -> Self:
        """Start."""
        return await self.start()

    async def __aexit__(self, *exc: object) -> None:
        """Stop for good."""
        await self.close()

    def kill(self) -> None:
        """Die now: nothing in flight is answered, nothing new accepted; `start` brings it back."""
        self._cut()

    def kill_when(self, *, when: str = "before", **matcher: Any) -> None:
        """Die when a request matching `matcher` arrives, before or after it has had its effect."""
        self.faults.add("kill", when=when, times=1, **matcher)

    async def settled(self, within: float = 10) -> None:
        """Wait until no request is in flight, those included that nobody waits for."""
        async with asyncio.timeout(within):
            await poll(lambda: self.in_flight > 0)

    def save(self, path: Path) -> None:
        """Write the library to a file, whole or not at all."""
        temporary = path.with_suffix(".tmp")
        temporary.write_text(json.dumps(self.core.dump()), encoding="utf-8")
        temporary.replace(path)

    def _cut(self) -> None:
        """Take everything down at once, the request that asks for it excepted."""
        self._running = False
        self._close_port()
        current = _current_task()
        for task in self._handlers:
            if task is not current:
                task.cancel()
        if self._keeper is not None:
            self._keeper.cancel()

    async def _finish(self) -> None:
        """Wait for what `_cut` ended."""
        left = [task for task in self._handlers if task is not _current_task()]
        if self._keeper is not None:
            left.append(self._keeper)
        await asyncio.gather(*left, return_exceptions=True)
        self._keeper = None
        await self.hub.finish()
        if self._web is not None:
            await self._web.shutdown(0.1)
            self._web = None
        if self._session is not None:
            await self._session.close()
            self._session = None
        # A cancelled reader leaves its place taken; the next start makes new ones.
        self._writer = asyncio.Lock()
        self.in_flight = 0

    # The port

    def _close_port(self) -> None:
        self._gate.close()
        if self._web is not None:
            for connection in self._web.connections:
                if isinstance(transport := connection.transport, asyncio.Transport):
                    transport.abort()

    def _accept(self) -> asyncio.BaseProtocol:
        self.connections += 1
        if self._web is None or self.faults.resetting():
            return Resetter()
        return self._web()

    def _faults_changed(self) -> None:
        self._follow_orders()
        if self._running and self.faults.refusing():
            self._close_port()
        self._wake.set()

    def _follow_orders(self) -> None:
        for rule in self.faults.tick():
            if rule.action == "ws_drop":
                self.hub.drop()
            else:
                self.hub.close(int(rule.params.get("code", 1001)))

    async def _keep(self) -> None:
        """Do what is due by time: windows of faults, phases of scans."""
        while True:
            self._follow_orders()
            self.core.tick()
            refusing = self.faults.refusing()
            if refusing and self._gate.is_open:
                self._close_port()
            elif not refusing and not self._gate.is_open:
                await self._gate.open()
            due = [
                at
                for at in (self.faults.next_change(), self.core.due)
                if at is not None
            ]
            # The core's clock may be a test's own, so the wait is short whenever one is due.
            wait = min(0.05, max(0.001, min(due) - self.core.clock())) if due else None
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait):
                    await self._wake.wait()
            self._wake.clear()

    # Requests

    async def _serve(self, http: web.BaseRequest) -> web.StreamResponse:
        task = _current_task()
        if task is not None:
            self._handlers.add(task)
        loop = asyncio.get_running_loop()
        started = loop.time()
        request = Request.build(http.method, http.raw_path, http.headers)
        self.in_flight += 1
        entry: Entry | None = None
        try:
            request.body = await http.content.read()
            entry = self.journal.record(request, time.time())
            return await self._exchange(http, request, entry)
        except asyncio.CancelledError:
            if entry is not None:
                entry.outcome = "stopped"
            raise
        finally:
            self.in_flight = max(0, self.in_flight - 1)
            if entry is not None:
                entry.duration = loop.time() - started
            if task is not None:
                self._handlers.discard(task)
            if self.core.due is not None:
                self._wake.set()

    async def _exchange(
        self, http: web.BaseRequest, request: Request, entry: Entry
    ) -> web.StreamResponse:
        if self.core.switches.secure_only:  # and we speak plain HTTP
            entry.outcome = "hung up"
            if http.transport is not None:
                http.transport.close()
            return web.Response()
        verdict = self.faults.judge(request, self.in_flight)
        if verdict.delay:
            await asyncio.sleep(verdict.delay)
        await poll(lambda: self.faults.holds(verdict))
        if request.path in _SOCKET_PATHS or request.path == _STREAM_PATH:
            if (
                verdict.response is None
                and verdict.ending is None
                and self.core.authorized(request)
            ):
                return await self._listen(http, request, entry)
            verdict.apply = False
            if verdict.response is None:
                verdict.response = error_response(401)
        if verdict.apply:
            await self._fetch_image(request)
        response = await self._answer(request, verdict)
        entry.outcome = response.outcome or "ok"
        entry.applied = verdict.apply
        self._dress(request, response)
        if verdict.ending is not None:
            return await self._end(http, response, verdict, entry)
        entry.status, entry.bytes_out = response.status, len(response.body)
        return web.Response(
            status=response.status,
            reason=REASONS.get(response.status, "Error"),
            headers=response.headers,
            body=response.body,
        )

    async def _answer(self, request: Request, verdict: Verdict) -> Response:
        if request.is_write:
            async with self._writer:
                if verdict.apply and self.latency_write:
                    await asyncio.sleep(self.latency_write)
                return self.faults.answer(request, verdict)
        async with self._readers or contextlib.nullcontext():
            if self.latency_read:
                await asyncio.sleep(self.latency_read)
            response = self.faults.answer(request, verdict)
            if self.latency_per_row and response.rows:
                await asyncio.sleep(self.latency_per_row * response.rows)
        return response

    async def _end(
        self, http: web.BaseRequest, response: Response, verdict: Verdict, entry: Entry
    ) -> web.StreamResponse:
        """Treat the connection as a fault wants it; what is returned then goes nowhere."""
        ending, transport = verdict.ending, http.transport
        if ending is None or not isinstance(transport, asyncio.Transport):
            return web.Response()
        match ending.kind:
            case "reset":
                reset(transport)
            case "fin":
                transport.close()
            case "hang":
                await hang(transport, ending.seconds)
            case "drip":
                entry.status = response.status
                entry.bytes_out = await drip(transport, response, ending.rate)
            case "kill":
                self._cut()
            case _:
                entry.status = response.status
                entry.bytes_out = await cut(
                    transport, response, ending.size, rst=ending.kind == "cut_reset"
                )
        return web.Response()

    async def _listen(
        self, http: web.BaseRequest, request: Request, entry: Entry
    ) -> web.StreamResponse:
        entry.outcome = "listening"
        if request.path == _STREAM_PATH:
            entry.status = 200
            filters = [
                kind for kind in (request.param("filters") or "").split(",") if kind
            ]
            return await self._while_not_counted(self.hub.stream(http, filters))
        if (request.header("upgrade") or "").lower() != "websocket":
            entry.status = 400
            return web.Response(status=400)
        entry.status = 101
        return await self._while_not_counted(self.hub.websocket(http))

    async def _while_not_counted[T: web.StreamResponse](self, serving: Any) -> T:
        """Serve a listener without it counting as a request in flight."""
        self.in_flight -= 1
        try:
            answer: T = await serving
            return answer
        finally:
            self.in_flight += 1

    async def _fetch_image(self, request: Request) -> None:
        """Download what a `url=` upload points at, as the real server does."""
        url = request.param("url")
        if (
            request.method != "POST"
            or url is None
            or not url.startswith(("http://", "https://"))
        ):
            return
        if not self.core.authorized(request):
            return
        if self._session is None:
            self._session = ClientSession(timeout=ClientTimeout(total=10))
        with contextlib.suppress(ClientError, TimeoutError):
            async with self._session.get(url) as answer:
                if answer.status == 200:
                    request.fetched = await answer.read()

    def _dress(self, request: Request, response: Response) -> None:
        """Add what the transport adds: compression, the date, how long to keep the connection."""
        headers: Mapping[str, str] = {
            "Connection": "Keep-Alive",
            "Keep-Alive": "timeout=20",
        }
        response.headers |= headers
        response.headers["Date"] = formatdate(self.core.catalog.now(), usegmt=True)
        accepts = "gzip" in (request.header("accept-encoding") or "")
        if accepts and len(response.body) > _GZIP_FROM and response.status == 200:
            response.body = gzip.compress(response.body, compresslevel=1)
            response.headers["Content-Encoding"] = "gzip"


def _current_task() -> asyncio.Task[Any] | None:
    try:
        return asyncio.current_task()
    except RuntimeError:
        return None
