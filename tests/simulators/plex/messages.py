"""Requests and answers as the simulated Plex sees them, without a socket."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self
from urllib.parse import unquote, unquote_plus

XML_TYPE = "text/xml;charset=utf-8"
JSON_TYPE = "application/json"
HTML_TYPE = "text/html"

REASONS = {
    200: "OK",
    201: "Created",
    204: "No Content",
    302: "Found",
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    409: "Conflict",
    413: "Request Entity Too Large",
    414: "Request-URI Too Long",
    429: "Too Many Requests",
    500: "Internal Server Error",
    502: "Bad Gateway",
    503: "Service Unavailable",
    504: "Gateway Timeout",
    520: "Web Server Returned an Unknown Error",
}

STARTING_TEXT = "Plex Media Server is still starting up. Please retry later"


class PlexError(Exception):
    """An answer that is not a success."""

    def __init__(self, status: int, text: str = "") -> None:
        """Remember the status and the text of the page."""
        super().__init__(f"{status} {text}".strip())
        self.status = status
        self.text = text


@dataclass(slots=True)
class Request:
    """One request; `fetched` is the image that the server layer downloaded for a `url=` upload."""

    method: str
    path: str
    query: list[tuple[str, str]] = field(default_factory=list)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    fetched: bytes | None = None
    length: int = 0
    """Bytes of the target as it came over the wire; 0 when made by hand."""

    @classmethod
    def build(
        cls,
        method: str,
        target: str,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
    ) -> Self:
        """Parse a request target (path and query, as on the wire)."""
        path, _, raw = target.partition("?")
        lowered = {name.lower(): value for name, value in (headers or {}).items()}
        query = parse_query(raw)
        return cls(
            method.upper(),
            unquote(path),
            query,
            lowered,
            body,
            length=len(target.encode()),
        )

    def header(self, name: str) -> str | None:
        """Return a header, whatever the case of its name."""
        wanted = name.lower()
        if (value := self.headers.get(wanted)) is not None:
            return value
        return next((v for k, v in self.headers.items() if k.lower() == wanted), None)

    def param(self, name: str) -> str | None:
        """Return the last value of a query parameter."""
        return next((v for k, v in reversed(self.query) if k == name), None)

    def flag(self, name: str) -> bool:
        """Return whether a query parameter is switched on."""
        return self.param(name) in ("1", "true")

    @property
    def is_write(self) -> bool:
        """Return whether the request changes something."""
        return self.method not in ("GET", "HEAD", "OPTIONS")

    @property
    def wants_json(self) -> bool:
        """Return whether the client prefers JSON."""
        return "json" in (self.header("accept") or "")


@dataclass(slots=True)
class Response:
    """One answer; `rows` feeds the latency model and `outcome` the journal."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    rows: int = 0
    outcome: str = ""


def parse_query(raw: str) -> list[tuple[str, str]]:
    """Split a raw query; the operators of filters (`title==x`) stay with the name."""
    pairs = []
    for piece in raw.split("&"):
        if not piece:
            continue
        name, _, value = piece.partition("=")
        name = unquote_plus(name)
        # `title==x` is the name `title=`; an edit's value may start with "=" and keeps it.
        if value.startswith("=") and not name.endswith(".value") and "[" not in name:
            name, value = f"{name}=", value[1:]
        pairs.append((name, unquote_plus(value)))
    return pairs


def html_page(status: int, text: str = "") -> bytes:
    """Return the small page that Plex sends with an error."""
    reason = REASONS.get(status, "Error")
    said = f"<p>{text}</p>" if text else ""
    return (
        f"<html><head><title>{reason}</title></head><body><h1>{status} {reason}</h1>{said}</body></html>"
    ).encode()


def error_response(status: int, text: str = "", *, plex: bool = True) -> Response:
    """Return an error page; `plex=False` leaves out what marks it as Plex's own."""
    headers = {"Content-Type": HTML_TYPE}
    if plex:
        headers |= plex_headers()
    return Response(status, headers, html_page(status, text))


def plex_headers() -> dict[str, str]:
    """Return the headers that stand on every answer of a real Plex."""
    return {"X-Plex-Protocol": "1.0", "Cache-Control": "no-cache"}


def empty_response() -> Response:
    """Return the bodiless success that edits answer with."""
    return Response(200, {"Content-Type": HTML_TYPE, **plex_headers()})
