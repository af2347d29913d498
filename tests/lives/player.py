"""Plays a recorded life against a simulated Stash, and collects what differs."""

from collections.abc import AsyncIterator, Iterable
from hashlib import sha1
import json
from pathlib import PurePosixPath
from typing import Any

import aiohttp
from yarl import URL

from .recordings import Step
from .seen import Rows, rows
from .tokens import Difference, Tokens

MEDIA = "/media/library"
_HEADERS = ("ETag", "Location", "WWW-Authenticate", "Content-Encoding")
_JSON = {"Content-Type": "application/json", "Accept": "application/json"}
# By its hash an import sorts a video that has no title; these three have none by then.
_HASHES = {"Hotel": f"{1:016x}", "Golf": f"{2:016x}", "Lima": f"{3:016x}"}
_OURS = ("Accept", "Accept-Encoding", "Content-Type", "User-Agent")


class PlayClock:
    """The simulated server's clock, in Unix seconds."""

    def __init__(self) -> None:
        """Start on a day of June."""
        self.now = 1_781_000_000

    def __call__(self) -> float:
        """Tell the time."""
        return float(self.now)


class Player:
    """Sends each step over HTTP; files and the server's own life go through its other port."""

    def __init__(
        self, url: str, control: str, clock: PlayClock, session: aiohttp.ClientSession
    ) -> None:
        """Play against a server that runs on ``clock``."""
        self.url, self.control, self.clock = url, control, clock
        self.tokens = Tokens(MEDIA, url)
        self.differences: list[Difference] = []
        # The looks: step looked behind → the rows before it, and after it.
        self.looks: dict[str, tuple[Rows, Rows]] = {}
        self._rows: dict[str, Rows] = {}
        self.played = 0
        self._session = session

    async def play(self, life: Iterable[Step]) -> None:
        """Play every step."""
        async for _ in self.live(life):
            pass

    async def live(self, life: Iterable[Step]) -> AsyncIterator[Step]:
        """Play step by step; whoever goes through them may look at the server after each."""
        for step in life:
            if step.pause:
                self.clock.now += 1
                self.tokens.starts[step.number] = self.clock.now
            if step.do:
                await self._deed(step)
            if step.until and step.needs != "scan running":
                await self._order("job", {"release": True})
            if step.request:
                await self._ask(step)
            self.played += 1
            yield step

    def dealt(self, mark: str) -> str:
        """Return what a mark of the recording stands for here: ``{scene:3}`` → an id."""
        return self.tokens.known[mark]

    async def ask(self, query: str, **variables: Any) -> Any:
        """Ask something that is no part of the life; return the data."""
        request = {"query": query, "variables": variables}
        return (await self._send(request))["body"]["data"]

    async def _ask(self, step: Step) -> None:
        """Ask, and compare the answer."""
        came = await self._send(self.tokens.fill(step.request))
        for where, recorded, real in self.tokens.compare(step.answer, came):
            self.differences.append(Difference(step.number, where, recorded, real))
        if step.operation in ("Look", "Rest"):
            self._remember(step, rows(came["body"], self.tokens.names()))

    def _remember(self, step: Step, after: Rows) -> None:
        """Keep what a look saw beside what the one before it saw."""
        before = self._rows.get(step.operation, {})
        self._rows[step.operation] = after
        if step.look:
            old, new = self.looks.get(step.look, ({}, {}))
            self.looks[step.look] = (old | before, new | after)

    async def _send(self, request: dict[str, Any]) -> dict[str, Any]:
        """Send a request; return what the recordings tell of an answer."""
        path, body = request.get("path", "/graphql"), request.get("raw")
        if "query" in request:
            body = json.dumps({name: request[name] for name in ("query", "variables")})
        usual = _JSON if path.endswith("/graphql") else {}
        async with self._session.request(
            request.get("method", "POST"),
            URL(self.url + path, encoded=True),
            data=None if body is None else body.encode(),
            headers=usual | request.get("headers", {}),
            allow_redirects=False,
            skip_auto_headers=_OURS,
        ) as answer:
            data = await answer.read()
            if cookie := answer.headers.get("Set-Cookie"):
                self.tokens.known["{cookie}"] = cookie.split(";")[0]
            kind = answer.headers.get("Content-Type", "").split(";")[0]
            names = (
                _HEADERS if answer.method == "POST" else ("Cache-Control", *_HEADERS)
            )
            matter = {
                name: answer.headers[name] for name in names if name in answer.headers
            }
            told = {"status": answer.status, "content_type": kind}
            if matter:
                told["headers"] = matter
            return told | {"body": _body(data, kind)}

    async def _order(self, path: str, body: dict[str, Any]) -> None:
        """Do something through the other port."""
        async with self._session.post(
            f"{self.control}/__sim/{path}", json=body
        ) as answer:
            assert answer.status == 200, await answer.text()

    async def _deed(self, step: Step) -> None:
        """Do to files, to the process or to its database what no request does."""
        deed = self.tokens.fill(step.do)
        match deed["do"]:
            case "fresh":
                await self._order("state", {"status": "SETUP", "jobs": "held"})
            case "restart":
                await self._order("stop", {})
                await self._order("start", {})
            case "old database":
                await self._order(
                    "state", {"status": "NEEDS_MIGRATION", "database_schema": 68}
                )
            case _:
                await self._order("disk", _with_hash(deed))


def _with_hash(deed: dict[str, Any]) -> dict[str, Any]:
    """Say of a video what a disk must know; our videos are others than the recorded."""
    if "video" not in deed:
        return deed
    video = {name: deed["video"][name] for name in ("width", "height", "seconds")} | {
        "oshash": _HASHES.get(PurePosixPath(deed["path"]).stem)
    }
    return deed | {"video": video}


def _body(data: bytes, kind: str) -> Any:
    """Tell a body: as JSON, as text, or by its bytes."""
    if not data:
        return None
    try:
        return json.loads(data)
    except ValueError:
        if kind == "text/plain":
            return data.decode()
        return {"hash": sha1(data, usedforsecurity=False).hexdigest()}
