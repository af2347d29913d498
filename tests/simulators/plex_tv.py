"""A plex.tv that gives out codes and knows an account's servers, over HTTP on 127.0.0.1.

As plex.tv it answers XML. What goes wrong is set by attributes, each for so many
requests as it counts.
"""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Self
from xml.sax.saxutils import quoteattr

from aiohttp import web

ACCOUNT_TOKEN = "planted-account-token"


@dataclass(slots=True)
class Connection:
    """One address of a server, as plex.tv lists it."""

    uri: str
    address: str = ""
    port: int = 32400
    local: bool = True
    relay: bool = False
    ipv6: bool = False


@dataclass(slots=True)
class Resource:
    """One device of an account; `token` is good for this one alone."""

    name: str
    machine_id: str
    token: str = "planted-server-token"
    owned: bool = True
    owner: str = ""
    provides: str = "server"
    https_required: bool = False
    connections: list[Connection] = field(default_factory=list)


class PlexTvSimulator:
    """One plex.tv; `sign_in` is what a person does in the browser."""

    def __init__(self) -> None:
        """Know nobody."""
        self.resources: list[Resource] = []
        self.life = 900
        """Seconds that a code says it is good for."""
        self.statuses: list[int] = []
        """What the next requests are answered with instead, first come, first served."""
        self.is_broken = False
        """Answer something that is no XML."""
        self.asked: Counter[str] = Counter()
        """Requests by method and path, numbers left out."""
        self.headers: list[dict[str, str]] = []
        """What each request said of itself."""
        self.codes: dict[int, str] = {}
        self.url = ""
        self._signed_in: set[int] = set()
        self._runner: web.ServerRunner | None = None

    async def __aenter__(self) -> Self:
        """Start."""
        self._runner = web.ServerRunner(
            web.Server(self._serve, access_log=None), shutdown_timeout=0.1
        )
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(self, *exc: object) -> None:
        """Stop."""
        assert self._runner is not None
        await self._runner.cleanup()

    def sign_in(self, code: str) -> None:
        """Let the account's owner confirm a code."""
        (pin,) = (number for number, known in self.codes.items() if known == code)
        self._signed_in.add(pin)

    def forget_codes(self) -> None:
        """Let all codes be too old."""
        self.codes.clear()

    async def _serve(self, request: web.BaseRequest) -> web.StreamResponse:
        head, _, tail = request.path.rpartition("/")
        path = head if tail.isdecimal() else request.path
        self.asked[f"{request.method} {path}"] += 1
        self.headers.append(dict(request.headers))
        if self.statuses and (status := self.statuses.pop(0)):
            wait = {"Retry-After": "0"} if status == 429 else {}
            return web.Response(status=status, headers=wait)
        if self.is_broken:
            return web.Response(text="<html><body>Sign in</body></html>")
        if not request.headers.get("X-Plex-Client-Identifier"):
            return web.Response(status=400)
        match request.method, path:
            case "POST", "/api/v2/pins":
                return self._new_pin(strong="strong" in request.query)
            case "GET", "/api/v2/pins":
                return self._pin(int(tail))
            case "GET", "/api/v2/resources":
                return self._list(request.headers.get("X-Plex-Token"))
            case "GET", "/api/v2/user":  # what core's own integration asks for
                return web.Response(status=401)
        return web.Response(status=404)

    def _new_pin(self, *, strong: bool) -> web.Response:
        count = self.asked["POST /api/v2/pins"]
        number = 470_811_000 + count
        code = f"PLANTED-STRONG-CODE-{count}" if strong else f"{count:03}Q"
        self.codes[number] = code
        return self._pin(number, status=201)

    def _pin(self, number: int, status: int = 200) -> web.Response:
        if number not in self.codes:
            return web.Response(status=404)
        token = ACCOUNT_TOKEN if number in self._signed_in else ""
        attrs = {
            "id": number,
            "code": self.codes[number],
            "expiresIn": self.life,
            "authToken": token,
        }
        return _xml(_element("pin", attrs), status)

    def _list(self, token: str | None) -> web.Response:
        if token != ACCOUNT_TOKEN:
            return web.Response(status=401)
        found = "".join(_resource(each) for each in self.resources)
        return _xml(f"<resources>{found}</resources>")


def _resource(each: Resource) -> str:
    attrs = {
        "name": each.name,
        "product": "Plex Media Server",
        "clientIdentifier": each.machine_id,
        "provides": each.provides,
        "owned": int(each.owned),
        "sourceTitle": each.owner,
        "accessToken": each.token,
        "httpsRequired": int(each.https_required),
        "presence": 1,
    }
    connections = "".join(
        _element(
            "connection",
            {
                "protocol": one.uri.partition(":")[0],
                "address": one.address,
                "port": one.port,
                "uri": one.uri,
                "local": int(one.local),
                "relay": int(one.relay),
                "IPv6": int(one.ipv6),
            },
        )
        for one in each.connections
    )
    start = _element("resource", attrs).removesuffix("/>")
    return f"{start}><connections>{connections}</connections></resource>"


def _element(name: str, attrs: dict[str, Any]) -> str:
    words = " ".join(f"{key}={quoteattr(str(value))}" for key, value in attrs.items())
    return f"<{name} {words}/>"


def _xml(text: str, status: int = 200) -> web.Response:
    return web.Response(text=text, status=status, content_type="application/xml")
