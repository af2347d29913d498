"""The one way to Plex: a blocking session on threads of our own.

``PlexSession`` is handed to plexapi as its ``requests`` session, so its calls
and ours obey the same rules: own headers, no redirects, one classification, and
a total deadline at which the socket is shut and the thread joined.
"""

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from http.client import HTTPException
import os
import threading
from typing import Any

from certifi import where
import requests
from requests.structures import CaseInsensitiveDict
from urllib3 import BaseHTTPResponse
from urllib3.exceptions import HTTPError

from ..engine.retry import Fault, FaultClass
from . import classify, quiet
from .deadlines import Deadlines
from .transport import Call, EndedError, Tally, current, enter, open_pool

WORKERS = 16
_MAX_BODY = 64 * 1024 * 1024  # bytes after decompression
_MAX_ERROR_BODY = 64 * 1024
_BROKEN = (requests.RequestException, HTTPError, HTTPException, OSError)


class PlexSession(requests.Session):
    """Carry requests to one server.

    Only ``call`` gives a thread the right to send. Every failure, of the
    connection or in the answer, leaves as a ``Fault``.
    """

    def __init__(
        self,
        url: str,
        token: str,
        *,
        client_id: str,
        version: str,
        verify_ssl: bool = True,
        deadlines: Deadlines | None = None,
    ) -> None:
        """Keep the address; nothing is connected yet. Raises ValueError for a bad URL."""
        super().__init__()
        self.url = url.rstrip("/")
        # Raises its own kinds of ValueError.
        address = requests.Request("GET", f"{self.url}/").prepare().url or ""
        if not address.startswith(("http://", "https://")):
            raise ValueError("not an HTTP URL")
        self.deadlines = deadlines or Deadlines()
        self.tally = Tally(self.deadlines.idle)
        # No proxies, no .netrc: the token goes where the user said and nowhere else.
        self.trust_env = False
        self._pool = open_pool(
            address, WORKERS + 1, _trust_store() if verify_ssl else None
        )
        self._own = {"X-Plex-Token": token} if token else {}
        self._own |= {
            "X-Plex-Client-Identifier": client_id,
            "X-Plex-Product": "PlexSync",
            "X-Plex-Version": version,
            "User-Agent": f"PlexSync/{version}",
            "Accept-Encoding": "gzip",
        }
        self._threads: set[threading.Thread] = set()
        self._workers = self._executor("plexsync-plex", WORKERS)
        # A probe never waits behind work that hangs.
        self._probes = self._executor("plexsync-plex-probe", 1)
        self._calls: dict[Future[Any], Call] = {}
        self._closed = False
        quiet.install()

    def _executor(self, name: str, size: int) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(
            size, name, lambda: self._threads.add(threading.current_thread())
        )

    @property
    def busy(self) -> bool:
        """Whether a call is not over yet, on whatever thread."""
        return bool(self._calls)

    async def call[T](
        self, work: Callable[[], T], *, deadline: float, probe: bool = False
    ) -> T:
        """Run ``work`` on a thread that may send, for ``deadline`` seconds in all.

        At the deadline, and when the caller is cancelled, the socket is shut
        and the thread joined before this returns. Raises Fault.
        """
        if self._closed:
            raise Fault(FaultClass.SERVER, "closed", unreachable=True)
        call = Call(deadline, self.tally)
        pool = self._probes if probe else self._workers
        future = pool.submit(_run, call, work)
        self._calls[future] = call
        future.add_done_callback(self._calls.pop)  # on its thread, before we are told
        waiter = asyncio.wrap_future(future)
        # Seen, also where nobody is left to be told.
        waiter.add_done_callback(lambda done: done.cancelled() or done.exception())
        cancelled = False
        try:
            await asyncio.wait({waiter}, timeout=deadline)
        except asyncio.CancelledError:
            cancelled = True
        if not waiter.done():
            self.tally.broke()
            cancelled |= await self._end(call, future, waiter)
        if cancelled:
            raise asyncio.CancelledError
        if waiter.done() and not waiter.cancelled():
            return waiter.result()
        raise Fault(FaultClass.SERVER, "timeout", unreachable=True)

    async def _end(
        self, call: Call, future: Future[Any], waiter: asyncio.Future[Any]
    ) -> bool:
        """Shut the call's socket and join its thread; say whether we were cancelled.

        A thread can outlast this only in the name look-up or while it computes;
        whatever it tries to send afterwards finds the call ended.
        """
        call.end()
        future.cancel()  # it may not have begun
        cancelled = False
        loop = asyncio.get_running_loop()
        until = loop.time() + self.deadlines.join
        while not waiter.done() and (left := until - loop.time()) > 0:
            try:
                await asyncio.wait({waiter}, timeout=left)
            except asyncio.CancelledError:
                cancelled = True
        return cancelled

    def exchange(
        self,
        method: str,
        path: str,
        query: str = "",
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        generation: int | None = None,
        write: bool | None = None,
    ) -> bytes:
        """Send one request from within a call and give the body of the good answer.

        ``query`` is encoded already. With ``generation`` nothing is sent over
        connections of any other; that Fault's reason is ``moved``. ``write`` says
        whether the answer may be empty, where the method does not. Raises Fault.
        """
        current().generation = generation
        # What requests would do to prepare it takes longer than Plex to answer it:
        # the URL is encoded, and there are no cookies, forms or environment.
        request = requests.PreparedRequest()
        request.method = method
        request.url = f"{self.url}{path}" + (f"?{query}" if query else "")
        request.headers = CaseInsensitiveDict(headers or {})
        request.headers["Accept"] = "*/*"
        if method != "GET":
            request.headers["Content-Length"] = str(len(body or b""))
        request.body = body
        if write is None:
            write = method != "GET"
        content: bytes = self._carry(request, write=write).content
        return content

    def send(
        self, request: requests.PreparedRequest, **kwargs: Any
    ) -> requests.Response:
        """Send one prepared request and judge the answer; raises Fault.

        What requests would do around it (cookies, redirects, environment) is
        left out on purpose.
        """
        return self._carry(request, write=request.method != "GET")

    def _carry(
        self, request: requests.PreparedRequest, *, write: bool
    ) -> requests.Response:
        call = current()
        self.tally.requests += 1
        self._sign(request)
        answer, stale = self._attempt(call, request)
        if stale:
            answer, _ = self._attempt(call, request)
        if isinstance(answer, Fault):
            raise answer
        fault = classify.judge(
            answer.status_code,
            answer.headers,
            answer.content[:_MAX_ERROR_BODY],
            write=write,
        )
        if fault is not None:
            raise fault
        return answer

    def _sign(self, request: requests.PreparedRequest) -> None:
        """Replace whom the request says it is from.

        Home Assistant's own plex integration rewrites plexapi's identity for
        the whole process, and plexapi sends it with each request.
        """
        headers = request.headers
        for name in list(headers):
            if name.lower().startswith("x-plex-") and "container" not in name.lower():
                del headers[name]
        headers.update(self._own)

    def _attempt(
        self, call: Call, request: requests.PreparedRequest
    ) -> tuple[requests.Response | Fault, bool]:
        """Send once; give the answer or the fault, and whether to simply send again.

        That is so where the server closed a kept connection before it answered:
        nothing happened, and a read cannot do harm.
        """
        try:
            raw = self._pool.urlopen(
                request.method or "GET",
                request.path_url,
                body=request.body,
                headers=request.headers,
                timeout=call.left(),
            )
            try:
                response = _read(raw)
            finally:
                raw.release_conn()
            if not call.ended:  # else what came may be cut where nobody noticed
                return response, False
            fault = classify.judge_error(EndedError(), ended=True)
        except _BROKEN as error:
            fault = classify.judge_error(error, ended=call.ended)
        except Fault as too_big:
            fault = too_big
        finally:
            call.release()
        stale = (
            request.method == "GET"
            and fault.reason == "reset"
            and call.reused
            and not call.answered
        )
        self.tally.broke()
        return fault, stale

    async def aclose(self) -> None:
        """Shut every socket, join every thread; waits for twice ``join`` at most."""
        if self._closed:
            return
        self._closed = True
        for future, call in list(self._calls.items()):
            call.end()
            future.cancel()
        self._workers.shutdown(wait=False)
        self._probes.shutdown(wait=False)
        loop = asyncio.get_running_loop()
        until = loop.time() + 2 * self.deadlines.join
        try:
            # The pools offer no join with a limit; idle threads are gone at once.
            while any(thread.is_alive() for thread in self._threads):
                if loop.time() > until:
                    break
                await asyncio.sleep(0.002)
        finally:
            self._pool.close()
            quiet.remove()


def _run[T](call: Call, work: Callable[[], T]) -> T:
    """Do the work of a call on its thread."""
    enter(call)
    try:
        return work()
    finally:
        call.release()
        enter(None)


def _read(raw: BaseHTTPResponse) -> requests.Response:
    """Read the body, up to a limit, to where requests and plexapi look for it."""
    good = raw.status < 300
    limit = _MAX_BODY if good else _MAX_ERROR_BODY
    chunks: list[bytes] = []
    size = 0
    for chunk in raw.stream(65536, decode_content=True):
        chunks.append(chunk)
        size += len(chunk)
        if size > limit:
            raw.close()
            if good:
                raise classify.TOO_BIG.fault()
            break
    response = requests.Response()
    response.status_code = raw.status
    response.headers = CaseInsensitiveDict(raw.headers)
    response.raw = raw
    response._content = b"".join(chunks)  # noqa: SLF001  # requests has no bounded read
    response.encoding = "utf-8"
    return response


def _trust_store() -> str:
    """Trust what Home Assistant trusts: its own setting for the whole process."""
    return os.environ.get("SSL_CERT_FILE") or where()
