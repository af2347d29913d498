"""The HTTP client for Plex: every request has a deadline and is classified in one place.

The token is only in the headers, and in no log or exception: every error leaves as a
``Fault``, whose text is a class and a reason (``model.faults``). At its deadline a
request's connection is reset, so that nothing of it arrives later.
"""

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
import contextlib
from dataclasses import dataclass
from gzip import GzipFile
from io import BytesIO
import os
import ssl
import time
import zlib

import aiohttp
from certifi import where
from yarl import URL

from ..engine.model.faults import BROKEN_OFF, Fault, FaultClass
from ..engine.model.reasons import Reason
from ..engine.util.bounded import read_at_most
from ..engine.util.concurrency import outlast
from . import classify
from .connections import Call, ConnectionHistory, Connector
from .deadlines import Deadlines

_VERSION = "0"  # as Plex shows it; nothing depends on it
PLACES = 16  # concurrent requests, not counting probes
_MAX_BODY = 64 * 1024 * 1024  # bytes, compressed or not
_MAX_ERROR_BODY = 64 * 1024
_LITTLE = 16 * 1024  # bytes of a body that may be parsed in the event loop
_JOIN = 5.0  # seconds that closing waits for an answer that is being parsed
_BROKEN = (aiohttp.ClientError, OSError, ValueError)


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A request. ``target`` is the encoded path and query."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes | None = None
    most: int = _MAX_BODY  # bytes of a good answer


@dataclass(frozen=True, slots=True)
class Answer:
    """A raw answer; ``headers`` are case-insensitive."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def own_headers(client_id: str, token: str) -> dict[str, str]:
    """Return the headers by which Plex knows us."""
    headers = {
        "User-Agent": f"PlexSync/{_VERSION}",
        "X-Plex-Client-Identifier": client_id,
        "X-Plex-Product": "PlexSync",
        "X-Plex-Version": _VERSION,
    }
    return headers | ({"X-Plex-Token": token} if token else {})


class _BrokenOffError(Exception):
    """An exchange failed; this error keeps aiohttp from sending the request again."""


async def _once(
    request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
) -> aiohttp.ClientResponse:
    """Keep aiohttp from repeating a request after a broken connection."""
    try:
        return await handler(request)
    except Exception as error:
        raise _BrokenOffError from error


class PlexClient:
    """A client for one server. Every failure is raised as a ``Fault``."""

    def __init__(
        self,
        url: str,
        token: str,
        *,
        client_id: str,
        verify_ssl: bool = True,
        deadlines: Deadlines | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Take the address, without connecting. Raises ValueError for a bad URL."""
        self.url = url.rstrip("/")
        address = URL(self.url)
        if address.scheme not in ("http", "https") or not address.host:
            raise ValueError("not an HTTP URL")
        self.deadlines = deadlines or Deadlines()
        self.history = ConnectionHistory(self.deadlines.idle, monotonic)
        self._verify = verify_ssl and address.scheme == "https"
        self._headers = {
            "Accept": "*/*",
            "Accept-Encoding": "gzip",
        } | own_headers(client_id, token)
        self._places = asyncio.Semaphore(PLACES)
        self._opening = asyncio.Lock()
        self._session: aiohttp.ClientSession | None = None
        self._connector: Connector
        self._thread = ThreadPoolExecutor(1, "plexsync-plex")  # starts when needed
        self._calls: dict[asyncio.Task[Answer], Call] = {}
        self._closed = False

    @property
    def busy(self) -> bool:
        """Whether a call is under way."""
        return bool(self._calls)

    async def exchange[T](
        self,
        method: str,
        path: str,
        query: str = "",
        *,
        parse: Callable[[bytes], T],
        deadline: float,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        call: Call | None = None,
        write: bool = False,
        probe: bool = False,
    ) -> T:
        """Send one request and parse the body of a good answer.

        ``query`` is already encoded. If ``call`` has a generation, nothing is sent over
        connections of another one; the reason of that Fault is ``moved``. A good answer
        to a ``write`` may be empty. A ``probe`` never waits behind other requests. After
        ``deadline`` seconds in total, and when the caller is cancelled, the connection
        is reset before this returns. Raises Fault.
        """
        target = path + (f"?{query}" if query else "")
        sent = Outgoing(method, target, {**self._headers, **(headers or {})}, body)
        answer = await self._within(deadline, call or Call(), sent, probe=probe)

        def work(content: bytes | None) -> T:
            if content is None:
                raise Fault(FaultClass.SERVER, Reason.ANSWER_TOO_BIG)
            fault = classify.classify(
                answer.status, answer.headers, content[:_MAX_ERROR_BODY], write=write
            )
            if fault is not None:
                raise fault
            return parse(content)

        if len(answer.body) <= _LITTLE:
            content = _unpack(answer, _LITTLE)
            if content is not None:
                return work(content)
        return await self._in_thread(lambda: work(_unpack(answer, _MAX_BODY)))

    async def download(self, path: str, *, deadline: float, most: int) -> bytes:
        """Fetch a file of at most so many bytes; what it is its own bytes say. Raises Fault."""
        sent = Outgoing("GET", path, self._headers, most=most)
        answer = await self._within(deadline, Call(), sent, probe=False)
        content = _unpack(answer, most)
        if answer.status != 200 or content is None:
            raise Fault(FaultClass.ITEM, Reason.IMAGE_MISSING)
        return content

    async def _within(
        self, deadline: float, call: Call, sent: Outgoing, *, probe: bool
    ) -> Answer:
        if self._closed:
            raise Fault(FaultClass.SERVER, BROKEN_OFF, unreachable=True)
        task = asyncio.create_task(self._carry(call, sent, probe=probe))
        self._calls[task] = call
        task.add_done_callback(self._over)
        cancelled = False
        try:
            await asyncio.wait({task}, timeout=deadline)
        except asyncio.CancelledError:
            cancelled = True
        if not task.done():
            self.history.broke()
            # Reset the connection first, so that buffered data is not sent any more.
            call.end()
            task.cancel()
            cancelled |= await outlast(task)
        if cancelled:
            raise asyncio.CancelledError
        if task.cancelled():
            reason = BROKEN_OFF if self._closed else Reason.TIMEOUT
            raise Fault(FaultClass.SERVER, reason, unreachable=True)
        return task.result()

    def _over(self, task: asyncio.Task[Answer]) -> None:
        """Forget a call, and retrieve its exception, as maybe nobody waits for it."""
        del self._calls[task]
        if not task.cancelled():
            task.exception()

    async def _carry(self, call: Call, sent: Outgoing, *, probe: bool) -> Answer:
        """Send a request, and repeat a read if a kept connection had just been closed.

        In that case the server did nothing, and repeating a read is harmless.
        """
        async with contextlib.nullcontext() if probe else self._places:
            try:
                return await self._attempt(call, sent)
            except Fault as fault:
                was_closed = fault.reason == Reason.RESET and not call.answered
                if not was_closed or not call.reused or sent.method != "GET":
                    raise
            return await self._attempt(call, sent)

    async def _attempt(self, call: Call, sent: Outgoing) -> Answer:
        """Send a request once."""
        self.history.requests += 1
        session = await self._open()
        self._connector.enter(call)
        call.answered = False
        try:
            async with session.request(
                sent.method,
                URL(self.url + sent.target, encoded=True),
                headers=sent.headers,
                data=sent.body,
                allow_redirects=False,
            ) as response:
                call.answered = True
                self.history.heard()
                body = await _read(response, sent.most)
                return Answer(response.status, response.headers, body)
        except _BrokenOffError as error:
            fault = classify.classify_error(error.__cause__)
        except _BROKEN as error:
            fault = classify.classify_error(error)
        except Fault as too_big:
            fault = too_big
        finally:
            self._connector.leave(call)
        self.history.broke()
        raise fault

    async def _open(self) -> aiohttp.ClientSession:
        """Return the session; loading certificates from disk is done in a thread."""
        async with self._opening:
            if self._session is None:
                trust = await asyncio.to_thread(_trust) if self._verify else False
                self._connector = Connector(self.history, trust)
                # No proxies, no .netrc, no cookies: the token only goes where the user said.
                self._session = aiohttp.ClientSession(
                    connector=self._connector,
                    cookie_jar=aiohttp.DummyCookieJar(),
                    timeout=aiohttp.ClientTimeout(total=None),
                    skip_auto_headers=("Content-Type",),
                    auto_decompress=False,
                    trust_env=False,
                    middlewares=(_once,),
                )
        return self._session

    async def _in_thread[T](self, work: Callable[[], T]) -> T:
        """Run work that would block the event loop in our thread.

        In whatever thread is free each of them would keep memory for the largest answer.
        Only one of them can run Python at a time anyway.
        """
        if self._closed:  # just as the answer was complete
            raise Fault(FaultClass.SERVER, BROKEN_OFF, unreachable=True)
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    async def aclose(self) -> None:
        """Reset all connections and end all calls."""
        self._closed = True
        for task, call in list(self._calls.items()):
            call.end()
            task.cancel()
        if self._calls:
            await asyncio.wait(list(self._calls))
        if self._session is not None:
            await self._session.close()
        joining = asyncio.ensure_future(asyncio.to_thread(self._thread.shutdown))
        await asyncio.wait({joining}, timeout=_JOIN)


async def _read(response: aiohttp.ClientResponse, most: int) -> bytes:
    """Read a body up to a limit; for an error, its beginning is enough."""
    good = response.status < 300
    limit = most if good else _MAX_ERROR_BODY
    body, is_whole = await read_at_most(response.content.iter_any(), limit)
    if not is_whole:
        response.close()
        if good:
            raise Fault(FaultClass.SERVER, Reason.ANSWER_TOO_BIG)
    return body


def _unpack(answer: Answer, limit: int) -> bytes | None:
    """Return the uncompressed body; None if it exceeds the limit.

    Raises Fault.
    """
    if answer.headers.get("Content-Encoding", "").lower() != "gzip":
        return answer.body
    content, is_whole = b"", False
    with (
        contextlib.suppress(EOFError, OSError, zlib.error),
        GzipFile(fileobj=BytesIO(answer.body)) as file,
    ):
        content = file.read(limit + 1)
        is_whole = True
    if len(content) > limit:
        return None
    if answer.status < 300 and not is_whole:
        raise Fault(FaultClass.SERVER, Reason.SHORT_ANSWER, unreachable=True)
    return content


def _trust() -> ssl.SSLContext:
    """Return an SSL context with the certificates that Home Assistant trusts."""
    return ssl.create_default_context(cafile=os.environ.get("SSL_CERT_FILE") or where())
