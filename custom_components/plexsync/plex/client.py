"""The one way to Plex: requests with a deadline each, judged in one place.

The token is in the headers only. No log and no exception has it: whatever goes wrong
leaves as a ``Fault``, whose text is a class and a reason (``engine.retry``).
"""

import asyncio
from collections.abc import Callable, Mapping
import contextlib
from dataclasses import dataclass
import os
import ssl
import time
import zlib

import aiohttp
from aiohttp.client_middlewares import ClientHandlerType
from certifi import where
from yarl import URL

from ..engine.bounded import read_at_most
from ..engine.retry import Fault, FaultClass
from . import classify
from .connections import Call, ConnectionHistory, Connector
from .deadlines import Deadlines

PLACES = 16  # requests at once, probes aside
_MAX_BODY = 64 * 1024 * 1024  # bytes, compressed or not
_MAX_ERROR_BODY = 64 * 1024
_LITTLE = 16 * 1024  # bytes that the event loop may well read through itself
_BROKEN = (aiohttp.ClientError, OSError, ValueError)


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One request. ``target`` is path and query, encoded already."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes | None = None
    most: int = _MAX_BODY  # bytes of a good answer


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer as it came; ``headers`` find their names in any case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class _BrokenOffError(Exception):
    """An exchange failed. Whatever it was, aiohttp must not send the request again."""


async def _once(
    request: aiohttp.ClientRequest, handler: ClientHandlerType
) -> aiohttp.ClientResponse:
    """Keep aiohttp from repeating a write whose connection broke: nobody knows its outcome."""
    try:
        return await handler(request)
    except Exception as error:
        raise _BrokenOffError from error


class PlexClient:
    """Carries requests to one server. Every failure leaves as a ``Fault``."""

    def __init__(
        self,
        url: str,
        token: str,
        *,
        client_id: str,
        version: str,
        verify_ssl: bool = True,
        deadlines: Deadlines | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Keep the address; nothing is connected yet. Raises ValueError for a bad URL."""
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
            "User-Agent": f"PlexSync/{version}",
            "X-Plex-Client-Identifier": client_id,
            "X-Plex-Product": "PlexSync",
            "X-Plex-Version": version,
        } | ({"X-Plex-Token": token} if token else {})
        self._places = asyncio.Semaphore(PLACES)
        self._opening = asyncio.Lock()
        self._session: aiohttp.ClientSession | None = None
        self._connector: Connector
        self._calls: dict[asyncio.Task[Answer], Call] = {}
        self._closed = False

    @property
    def busy(self) -> bool:
        """Whether a call is not over yet."""
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
        """Send one request and parse the body of the good answer.

        ``query`` is encoded already. Where a ``call`` names a generation nothing is sent
        over connections of any other; that Fault's reason is ``moved``. The good answer
        to a ``write`` may be empty. A ``probe`` never waits behind other requests. After
        ``deadline`` seconds in all, and when the caller is cancelled, the connection is
        reset before this returns. Raises Fault.
        """
        target = path + (f"?{query}" if query else "")
        sent = Outgoing(method, target, {**self._headers, **(headers or {})}, body)
        answer = await self._within(deadline, call or Call(), sent, probe=probe)

        def work(content: bytes | None) -> T:
            if content is None:
                raise classify.TOO_BIG.fault()
            fault = classify.judge(
                answer.status, answer.headers, content[:_MAX_ERROR_BODY], write=write
            )
            if fault is not None:
                raise fault
            return parse(content)

        if len(answer.body) <= _LITTLE:
            content = _unpack(answer, _LITTLE)
            if content is not None:
                return work(content)
        return await self._aside(lambda: work(_unpack(answer, _MAX_BODY)))

    async def download(self, path: str, *, deadline: float, most: int) -> bytes:
        """Fetch a file of at most so many bytes; what it is its own bytes say. Raises Fault."""
        sent = Outgoing("GET", path, self._headers, most=most)
        answer = await self._within(deadline, Call(), sent, probe=False)
        content = _unpack(answer, most)
        if answer.status != 200 or content is None:
            raise Fault(FaultClass.ITEM, "image_missing")
        return content

    async def _within(
        self, deadline: float, call: Call, sent: Outgoing, *, probe: bool
    ) -> Answer:
        if self._closed:
            raise Fault(FaultClass.SERVER, "closed", unreachable=True)
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
            # Before anything else is done about it: what is buffered must not leave.
            call.end()
            task.cancel()
            cancelled |= await _ended(task)
        if cancelled:
            raise asyncio.CancelledError
        if task.cancelled():
            reason = "closed" if self._closed else "timeout"
            raise Fault(FaultClass.SERVER, reason, unreachable=True)
        return task.result()

    def _over(self, task: asyncio.Task[Answer]) -> None:
        """Forget a call; what became of it is seen, also where nobody is left to be told."""
        del self._calls[task]
        if not task.cancelled():
            task.exception()

    async def _carry(self, call: Call, sent: Outgoing, *, probe: bool) -> Answer:
        """Send a request; a read once more where a kept connection had just been closed.

        Then nothing happened, and a read cannot do harm.
        """
        async with contextlib.nullcontext() if probe else self._places:
            answer = await self._attempt(call, sent)
            if _is_stale(call, sent, answer):
                answer = await self._attempt(call, sent)
        if isinstance(answer, Fault):
            raise answer
        return answer

    async def _attempt(self, call: Call, sent: Outgoing) -> Answer | Fault:
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
        except _BrokenOffError as error:
            fault = classify.judge_error(error.__cause__)
        except _BROKEN as error:
            fault = classify.judge_error(error)
        except Fault as too_big:
            fault = too_big
        else:
            return Answer(response.status, response.headers, body)
        finally:
            self._connector.leave(call)
        self.history.broke()
        return fault

    async def _open(self) -> aiohttp.ClientSession:
        """Have a session; its certificates are read from disk, which takes a thread."""
        async with self._opening:
            if self._session is None:
                trust = await asyncio.to_thread(_trust) if self._verify else False
                self._connector = Connector(self.history, trust)
                # No proxies, no .netrc, no cookies: the token goes where the user said.
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

    async def _aside[T](self, work: Callable[[], T]) -> T:
        """Do on a thread what would hold the event loop for long."""
        return await asyncio.to_thread(work)

    async def aclose(self) -> None:
        """Reset every connection and end every call."""
        self._closed = True
        for task, call in list(self._calls.items()):
            call.end()
            task.cancel()
        if self._calls:
            await asyncio.wait(list(self._calls))
        if self._session is not None:
            await self._session.close()


def _is_stale(call: Call, sent: Outgoing, answer: Answer | Fault) -> bool:
    """Say whether to simply send again: the server closed a kept connection just then."""
    return (
        isinstance(answer, Fault)
        and sent.method == "GET"
        and answer.reason == "reset"
        and call.reused
        and not call.answered
    )


async def _ended(task: asyncio.Task[Answer]) -> bool:
    """Wait for the end of a call that was cancelled; say whether we were, too."""
    cancelled = False
    while not task.done():
        try:
            await asyncio.wait({task})
        except asyncio.CancelledError:
            cancelled = True
    return cancelled


async def _read(response: aiohttp.ClientResponse, most: int) -> bytes:
    """Read a body up to a limit; of an error's the beginning is enough."""
    good = response.status < 300
    limit = most if good else _MAX_ERROR_BODY
    body, is_whole = await read_at_most(response.content.iter_any(), limit)
    if not is_whole:
        response.close()
        if good:
            raise classify.TOO_BIG.fault()
    return body


def _unpack(answer: Answer, limit: int) -> bytes | None:
    """Give the body as it was before it was compressed; None for more than the limit.

    Raises Fault.
    """
    if answer.headers.get("Content-Encoding", "").lower() != "gzip":
        return answer.body
    unpacker = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    try:
        content, broken = unpacker.decompress(answer.body, limit), False
    except zlib.error:
        content, broken = b"", True
    if not broken and unpacker.unconsumed_tail:
        return None
    if answer.status < 300 and (broken or not unpacker.eof):
        raise Fault(FaultClass.SERVER, "short_answer", unreachable=True)
    return content


def _trust() -> ssl.SSLContext:
    """Trust what Home Assistant trusts: its own setting for the whole process."""
    return ssl.create_default_context(cafile=os.environ.get("SSL_CERT_FILE") or where())
