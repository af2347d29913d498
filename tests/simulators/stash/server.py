"""The simulated Stash on a real port of 127.0.0.1."""

import asyncio
from collections.abc import Iterable
from email.utils import formatdate
from random import Random
import re
from typing import Self

from aiohttp import web

from .api import StashApi
from .auth import LOGIN_PAGE, Auth, page
from .core import StashCore
from .faults import Fault, FaultKind, Faults
from .instance import Instance
from .jobs import Jobs
from .journal import Entry, Journal
from .mishaps import hang_up, truncate, wrong
from .pictures import placeholder
from .transport import (
    JSON,
    NO_STORE,
    GraphQLRequest,
    media_type,
    problem,
    read_request,
    respond,
)
from .websocket import Socket

_INDEX = "<!doctype html><html><head><title>Stash</title></head><body><div id='root'></div></body></html>"
_IMAGE = re.compile(
    r"/(scene|performer|studio|tag|group|movie)/([^/]+)/(screenshot|image|frontimage|backimage)$"
)
_ZIPPED = {
    JSON,
    "application/graphql-response+json",
    "image/svg+xml",
    "text/html",
    "text/plain",
}
_IMAGE_NAMES = {
    "scene": ("screenshot",),
    "group": ("frontimage", "backimage"),
    "movie": ("frontimage", "backimage"),
}


class StashSimulator:
    """A Stash that can be asked, stopped, started again and made to fail.

    ``core`` is its state, ``api`` its GraphQL interface, ``journal`` what was
    asked, ``faults`` what goes wrong, ``auth`` who may ask; ``latency`` delays
    every answer by so many seconds.
    """

    def __init__(
        self,
        core: StashCore | None = None,
        version: str = "0.30.1",
        api_key: str | None = None,
        seed: int = 0,
        prefix: str = "",
    ) -> None:
        """Make a server; ``prefix`` is what a reverse proxy puts before its paths."""
        self.core = core or StashCore()
        self.jobs = Jobs(self.core.now)
        self.instance = Instance(auth=Auth(api_key))
        self.api = StashApi(self.core, version, self.jobs, self.instance)
        self.journal = Journal()
        self.faults = Faults(Random(seed))
        self.latency = 0.0
        self.prefix = prefix
        # The host name in the addresses of pictures, if it is not the one that was asked.
        self.external_url: str | None = None
        # Whether answers are dated by the clock of the core, or by the machine's.
        self.dated_by_core = False
        self.port = 0
        self._runner: web.AppRunner | None = None
        self._stopping = asyncio.Event()

    @property
    def url(self) -> str:
        """The address to configure a client with."""
        return f"http://127.0.0.1:{self.port}{self.prefix}"

    @property
    def running(self) -> bool:
        """Whether connections are accepted."""
        return self._runner is not None

    @property
    def auth(self) -> Auth:
        """Who may ask."""
        return self.instance.auth

    @property
    def status(self) -> str:
        """What ``systemStatus`` says: OK, NEEDS_MIGRATION or SETUP."""
        return self.instance.status

    @status.setter
    def status(self, status: str) -> None:
        self.instance.status = status

    def set_version(self, version: str, *, lacks: Iterable[str] = ()) -> None:
        """Become another version, as an update does; ``lacks`` as in ``schema_of``."""
        self.api = StashApi(self.core, version, self.jobs, self.instance, lacks)

    async def start(self, port: int = 0) -> Self:
        """Listen; without a port on the one used before, or else on any."""
        if self._runner is not None:
            return self
        self._stopping = asyncio.Event()
        app = web.Application(client_max_size=64 * 1024**2)
        app.router.add_route("*", "/{tail:.*}", self._handle)
        runner = web.AppRunner(
            app, access_log=None, shutdown_timeout=1, handle_signals=False
        )
        await runner.setup()
        try:
            await web.TCPSite(
                runner, "127.0.0.1", port or self.port, reuse_address=True
            ).start()
        except OSError:
            await runner.cleanup()
            raise
        self._runner = runner
        self.port = runner.addresses[0][1]
        return self

    async def stop(self) -> None:
        """Die: cut every connection, answered or not, and refuse new ones."""
        runner, self._runner = self._runner, None
        if runner is None:
            return
        self.jobs.forget()
        self._stopping.set()
        if runner.server is not None:
            for connection in runner.server.connections:
                if connection.transport is not None:
                    connection.transport.abort()
        await runner.cleanup()

    async def __aenter__(self) -> Self:
        """Start."""
        return await self.start()

    async def __aexit__(self, *_: object) -> None:
        """Stop."""
        await self.stop()

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        """Answer one request, with what is to go wrong."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        entry = Entry(request.method, request.path, self.core.clock())
        self.journal.entries.append(entry)
        path = request.path.removeprefix(self.prefix)
        asked = await self._read(request, path, entry)
        fault = self.faults.take(request.path, (entry.operation, *entry.fields))
        entry.fault = fault.kind if fault else ""
        if not await self._wait(fault):
            return hang_up(request)
        response: web.StreamResponse
        if fault is not None and fault.kind in (
            FaultKind.STATUS,
            FaultKind.GARBAGE,
            FaultKind.HTML200,
        ):
            response = wrong(fault)
        else:
            response = await self._answer(request, path, asked)
        if isinstance(response, web.Response):
            if isinstance(response.body, bytes):
                entry.size = len(response.body)
            if fault is not None and fault.kind is FaultKind.TRUNCATE:
                response = await truncate(request, response)
            elif (
                "gzip" in request.headers.get("Accept-Encoding", "")
                and response.content_type in _ZIPPED
                and response.body
            ):
                response.enable_compression(web.ContentCoding.gzip)
            if self.dated_by_core:
                response.headers["Date"] = formatdate(self.core.clock(), usegmt=True)
        entry.status, entry.took = response.status, loop.time() - began
        return response

    async def _read(
        self, request: web.Request, path: str, entry: Entry
    ) -> GraphQLRequest | None:
        """Read a GraphQL request and note what it asks."""
        if path != "/graphql" or "Upgrade" in request.headers:
            return None
        asked = await read_request(request)
        if not asked.problem:
            entry.operation = asked.name(self.api)
            entry.fields = asked.root_fields(self.api)
            entry.variables = asked.variables
        return asked

    async def _wait(self, fault: Fault | None) -> bool:
        """Pass the time before an answer; return False if there is to be none."""
        if fault is not None and fault.kind is FaultKind.RESET:
            return False
        delay: float | None = self.latency
        if fault is not None and fault.kind is FaultKind.SLOW:
            delay = self.latency + fault.seconds
        elif fault is not None and fault.kind is FaultKind.BLACKHOLE:
            delay = None
        if delay == 0:
            return True
        try:
            async with asyncio.timeout(delay):
                await self._stopping.wait()
        except TimeoutError:
            return True
        return False

    async def _answer(
        self, request: web.Request, path: str, asked: GraphQLRequest | None
    ) -> web.StreamResponse:
        """Answer as Stash does."""
        if self.prefix and not request.path.startswith(f"{self.prefix}/"):
            return web.Response(status=404, text="404 page not found")
        if path == "/healthz":
            return web.Response(text=".")
        if (refusal := self.auth.refuse(request, path, self.api.minor)) is not None:
            return refusal
        if path == "/graphql":
            return await self._graphql(request, asked)
        if match := _IMAGE.match(path):
            return self._image(request, match[1], match[2], match[3])
        if path.startswith("/login"):
            if request.method == "POST":
                return self.auth.log_in(await request.text(), self.api.minor)
            return page(LOGIN_PAGE)
        if "." in path.rsplit("/", 1)[-1]:
            return web.Response(status=404, text="404 page not found")
        # Whatever has no extension is a place in the single-page application.
        return page(_INDEX)

    def _base_url(self, request: web.Request) -> str:
        """Return what the addresses in an answer start with."""
        return self.external_url or f"{request.scheme}://{request.host}{self.prefix}"

    async def _graphql(
        self, request: web.Request, asked: GraphQLRequest | None
    ) -> web.StreamResponse:
        """Answer a query, or talk over a websocket."""
        if asked is None:
            return await Socket(self.api, request, self._base_url(request)).run()
        if request.method == "OPTIONS":
            return web.Response(headers=NO_STORE)
        kind = media_type(request.headers.get("Accept"), self.api.minor)
        if request.method == "GET":
            kind = JSON
        if asked.problem:
            return problem(asked.problem, asked.status, asked.kind or kind)
        if request.method == "GET" and self.api.is_mutation(
            asked.query, asked.operation
        ):
            return problem("GET requests only allow query operations", 406, kind)
        answer = self.api.execute(
            asked.query,
            asked.variables,
            asked.operation,
            base_url=self._base_url(request),
            api_key=self.auth.api_key,
        )
        return respond(answer, kind)

    def _image(
        self, request: web.Request, kind: str, which: str, name: str
    ) -> web.Response:
        """Serve a picture, or say that the client has it already."""
        known = {"group": self.api.minor >= 27, "movie": self.api.minor < 27}.get(
            kind, True
        )
        if name not in _IMAGE_NAMES.get(kind, ("image",)) or not known:
            return web.Response(status=404, text="404 page not found")
        if request.method != "GET":
            return web.Response(status=405)
        if self.status != "OK":
            return web.Response(status=500)
        if not which.isdigit():
            return web.Response(status=400, text="Bad Request\n")
        key = int(which)
        owner = "group" if kind == "movie" else kind
        if not self.core.exists(owner, key):
            return web.Response(status=404, text="Not Found\n")
        if request.query.get("default") == "true":
            picture = placeholder(owner)
        else:
            picture = self.core.picture(
                f"{owner}_back" if name == "backimage" else owner, key
            )
        stamped = "t" in request.query
        headers = {
            "ETag": picture.etag,
            "Cache-Control": "private, max-age=31536000, immutable"
            if stamped
            else "no-cache",
        }
        tags = request.headers.get("If-None-Match", "").split(",")
        if picture.etag in {tag.strip() for tag in tags}:
            return web.Response(status=304, headers=headers)
        return web.Response(
            body=picture.data, content_type=picture.content_type, headers=headers
        )
