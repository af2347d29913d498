"""Sign in with a Plex account, and list its servers.

plexapi parses the servers that plex.tv lists (``MyPlexResource``), but the calls are our
own. plexapi's sign-in (``MyPlexPinLogin``) ends for good with the first poll that fails.
Its account (``MyPlexAccount``) sends the headers that another integration set in plexapi,
forgets the token that it was given, and fails if a field is missing. Our four calls use
the given session, need no thread, send our own headers and have deadlines.

The account's token and the codes appear in no log, no exception and no ``repr``.
"""

import asyncio
from dataclasses import dataclass, field
from itertools import cycle
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode
from xml.etree import ElementTree as ET

import aiohttp

from ..engine.model.faults import Fault
from ..engine.util.bounded import read_at_most
from ..engine.util.http_dates import retry_after
from .markup import Element, number, parse

if TYPE_CHECKING:
    from plexapi.myplex import ResourceConnection

PLEX_TV = "https://plex.tv"
LINK_PAGE = "https://plex.tv/link"  # where people enter the code
_BROWSER = "https://app.plex.tv/auth"
_DEADLINE = 10.0  # seconds for each call
_LARGEST = 4 * 1024 * 1024  # bytes of an answer at most
_LIFE = 900.0  # seconds that a code is valid, unless plex.tv says otherwise
_LONGEST = 60.0  # seconds that plex.tv can make us wait at most


class PlexTvError(Exception):
    """An error of plex.tv.

    ``error`` is one of: ``unreachable`` (no answer, or none that helps now), ``busy`` (it
    asks to wait ``wait`` seconds), ``refused`` (the token is not accepted), ``expired``
    (the code no longer exists) and ``unreadable``.
    """

    def __init__(self, error: str, wait: float | None = None) -> None:
        """Take the kind of error, and how long plex.tv asks to wait."""
        super().__init__(error)
        self.error = error
        self.wait = wait


@dataclass(frozen=True, slots=True)
class AccountServer:
    """A server that an account may use.

    ``addresses`` are in the order in which to try them; ``owner`` names the account that
    shares the server, if it is not the account's own.
    """

    machine_id: str
    name: str
    is_owned: bool
    owner: str
    addresses: tuple[str, ...]
    token: str = field(repr=False)  # valid for this server only


@dataclass(frozen=True, slots=True)
class SignIn:
    """A sign-in under way: people type ``code`` on ``LINK_PAGE``, or open ``link``.

    ``pins`` are the numbers by which plex.tv knows the two codes.
    """

    code: str = field(repr=False)
    link: str = field(repr=False)
    pins: tuple[int, int]
    life: float  # seconds


class PlexTv:
    """Calls to plex.tv. Every method raises PlexTvError."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        *,
        client_id: str,
        version: str = "0",
        base: str = PLEX_TV,
    ) -> None:
        """Take the session; ``client_id`` is the constant id of this installation."""
        self._session = session
        self._base = base.rstrip("/")
        self._client_id = client_id
        self._headers = {
            "Accept": "application/xml",
            "X-Plex-Client-Identifier": client_id,
            "X-Plex-Product": "PlexSync",
            "X-Plex-Version": version,
            "X-Plex-Platform": "Home Assistant",
            "X-Plex-Device": "Home Assistant",
            "X-Plex-Device-Name": "PlexSync",
        }

    async def begin(self) -> SignIn:
        """Request two codes: one to type, and one that is part of a link."""
        short, code, life = await self._pin("")
        strong, in_link, other_life = await self._pin("?strong=true")
        words = {
            "clientID": self._client_id,
            "code": in_link,
            "context[device][product]": "PlexSync",
        }
        link = f"{_BROWSER}#!?{urlencode(words, quote_via=quote)}"
        return SignIn(code, link, (short, strong), min(life, other_life))

    async def _pin(self, query: str) -> tuple[int, str, float]:
        """Request a code; return its number, itself, and the seconds that it is valid."""
        answer = await self._ask("POST", f"/api/v2/pins{query}")
        key, code = number(answer.get("id")), answer.get("code")
        if key is None or not code:
            raise PlexTvError("unreadable")
        return key, code, number(answer.get("expiresIn")) or _LIFE

    async def wait(self, sign_in: SignIn, pause: float) -> str:
        """Wait until somebody has signed in; return the account's token.

        A poll that fails does not end the wait. Raises PlexTvError ``expired`` when the
        codes are too old.
        """
        try:
            async with asyncio.timeout(sign_in.life):
                for pin in cycle(sign_in.pins):
                    rest, path = 0.0, f"/api/v2/pins/{pin}"
                    try:
                        answer = await self._ask("GET", path, missing="expired")
                        if token := answer.get("authToken"):
                            return token
                    except PlexTvError as error:
                        if error.error == "expired":
                            raise
                        rest = min(error.wait or 0.0, _LONGEST)
                    await asyncio.sleep(max(rest, pause / len(sign_in.pins)))
        except TimeoutError:
            pass
        raise PlexTvError("expired")

    async def servers(self, token: str) -> tuple[AccountServer, ...]:
        """Return the servers that an account may use, its own first."""
        answer = await self._ask(
            "GET",
            "/api/v2/resources?includeHttps=1&includeRelay=1&includeIPv6=1",
            token=token,
        )
        # In a thread, because it may have to import plexapi, which blocks.
        found = await asyncio.to_thread(_servers, answer)
        return tuple(sorted(found, key=lambda each: not each.is_owned))

    async def _ask(
        self,
        method: str,
        path: str,
        *,
        token: str | None = None,
        missing: str = "unreadable",
    ) -> Element:
        headers = self._headers | ({"X-Plex-Token": token} if token else {})
        try:
            async with (
                asyncio.timeout(_DEADLINE),
                self._session.request(
                    method,
                    f"{self._base}{path}",
                    headers=headers,
                    allow_redirects=False,
                    raise_for_status=False,
                ) as answer,
            ):
                chunks = answer.content.iter_any()
                body, is_whole = await read_at_most(chunks, _LARGEST)
                if not is_whole:
                    raise PlexTvError("unreadable")
                _judge(answer, missing)
        except aiohttp.ClientError, OSError, TimeoutError, ValueError:
            # The cause contains URLs, and with them the codes.
            raise PlexTvError("unreachable") from None
        if b"<!DOCTYPE" in body or b"<!ENTITY" in body:
            raise PlexTvError("unreadable")
        try:
            return parse(body)
        except Fault:
            raise PlexTvError("unreadable") from None


def _judge(answer: aiohttp.ClientResponse, missing: str) -> None:
    """Raise PlexTvError for an error response."""
    status = answer.status
    if 200 <= status < 300:
        return
    if status == 429:
        headers = answer.headers
        wait = retry_after(headers.get("Retry-After"), headers.get("Date"), 0.0)
        raise PlexTvError("busy", wait)
    if status in (401, 403, 422):
        raise PlexTvError("refused")
    if status in (404, 410):
        raise PlexTvError(missing)
    raise PlexTvError("unreachable")


def _servers(answer: Element) -> list[AccountServer]:
    """Parse an account's devices; return those that are servers."""
    return [server for node in answer if (server := _server(node)) is not None]


def _server(node: ET.Element) -> AccountServer | None:
    """Parse one of an account's devices; None if it is no server, or lacks too much."""
    # Not before somebody signs in: it takes megabytes, which no server needs to run.
    from plexapi.myplex import MyPlexResource

    try:
        resource = MyPlexResource(None, node)  # type: ignore[no-untyped-call]
        connections: list[ResourceConnection] = resource.connections
    except ValueError, TypeError, AttributeError:
        return None
    if "server" not in (resource.provides or "").split(","):
        return None
    if not resource.clientIdentifier or not resource.accessToken:
        return None
    return AccountServer(
        machine_id=resource.clientIdentifier,
        name=resource.name or "Plex",
        is_owned=bool(resource.owned),
        owner=resource.sourceTitle or "",
        addresses=_addresses(connections, secure_only=bool(resource.httpsRequired)),
        token=resource.accessToken,
    )


def _addresses(
    connections: list[ResourceConnection], *, secure_only: bool
) -> tuple[str, ...]:
    """Sort a server's addresses: local https, local http, remote https; no relays.

    Routers that protect against DNS rebinding do not resolve plex.direct names. The plain
    address is the fallback, unless the server requires secure connections.
    """
    ordered: dict[str, int] = {}
    for each in connections:
        if each.relay or not each.uri:
            continue
        if each.uri.startswith("https:"):
            ordered.setdefault(each.uri, 0 if each.local else 2)
        if each.local and not secure_only and each.address:
            host = f"[{each.address}]" if ":" in each.address else each.address
            ordered.setdefault(f"http://{host}:{each.port}", 1)
    return tuple(sorted(ordered, key=ordered.__getitem__))
