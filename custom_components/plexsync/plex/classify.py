"""Classify answers and connection errors as faults: one table for all requests.

The raw answer is classified in one place, because plexapi maps seven statuses to one
exception, and raises TypeError for statuses that requests has no name for.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
import re
import socket
import ssl
import time
from typing import Any

import aiohttp

from ..engine.model.faults import Fault, FaultClass
from ..engine.model.reasons import Reason
from ..engine.util.http_dates import retry_after
from .connections import MovedError

PLEX_HEADER = "X-Plex-Protocol"  # in every answer of a real Plex, errors included
MAX_RETRY_AFTER = 600.0  # seconds
_LENGTHS = ("Content-Length", "Transfer-Encoding")
_SUCCESS = frozenset({200, 201, 204})
# The root element of a document, after a byte order mark and an XML declaration.
_ROOT = re.compile(rb"^(?:\xef\xbb\xbf)?\s*(?:<\?xml[^>]*\?>\s*)?<([A-Za-z][\w.-]*)")


@dataclass(frozen=True, slots=True)
class FaultRow:
    """One row of the table."""

    kind: FaultClass
    reason: str
    permanent: bool = False
    # A proxy in front of a dead Plex answers this too: it only counts from Plex itself.
    only_plex: bool = False

    def fault(self, **details: Any) -> Fault:
        """Return the fault, with further details of the answer."""
        return Fault(self.kind, self.reason, permanent=self.permanent, **details)


BY_STATUS: Mapping[int, FaultRow] = {
    400: FaultRow(FaultClass.ITEM, Reason.BAD_REQUEST, permanent=True, only_plex=True),
    401: FaultRow(FaultClass.AUTH, Reason.UNAUTHORIZED),
    403: FaultRow(FaultClass.AUTH, Reason.FORBIDDEN),
    404: FaultRow(FaultClass.ITEM, Reason.NOT_FOUND, only_plex=True),
    408: FaultRow(FaultClass.SERVER, "http_408"),
    409: FaultRow(FaultClass.ITEM, Reason.CONFLICT, permanent=True),
    413: FaultRow(FaultClass.ITEM, Reason.TOO_LARGE, permanent=True),
    414: FaultRow(FaultClass.ITEM, Reason.TOO_LONG, permanent=True),
    429: FaultRow(FaultClass.SERVER, Reason.RATE_LIMITED),
    431: FaultRow(FaultClass.ITEM, Reason.TOO_LONG, permanent=True),
    # Caused by a bad value, a picture over 10 MB, or a database that cannot commit.
    500: FaultRow(FaultClass.SERVER, Reason.ERROR_500),
}


def classify(
    status: int,
    headers: Mapping[str, str],
    body: bytes,
    *,
    write: bool,
    now: float | None = None,
) -> Fault | None:
    """Return the fault of an answer, None if the answer is good.

    ``headers`` are case-insensitive, ``body`` may be truncated after its first
    kilobytes. A good answer to a read is a ``MediaContainer``; one to a write may also
    be empty, or Plex's own page that says OK. ``now`` is in epoch seconds.
    """
    if status in _SUCCESS:
        return _classify_body(status, headers, body, write=write)
    wish = headers.get("Retry-After")
    now = time.time() if now is None else now
    if (wait := retry_after(wish, headers.get("Date"), now)) is not None:
        wait = min(wait, MAX_RETRY_AFTER)
    slow_down = status == 429 or (status == 503 and wait is not None)
    if status == 503 and b"maintenance" in body.lower():
        return Fault(
            FaultClass.SERVER,
            Reason.MAINTENANCE,
            throttled=slow_down,
            retry_after=wait,
        )
    if status == 400 and b"starting up" in body.lower():
        return Fault(FaultClass.SERVER, Reason.STARTING, retry_after=wait)
    verdict = BY_STATUS.get(status) or FaultRow(FaultClass.SERVER, f"http_{status}")
    if 300 <= status < 400:
        # A login page, or a proxy that moved: following it would turn a PUT into a GET.
        verdict = FaultRow(FaultClass.SERVER, Reason.REDIRECT)
    if verdict.only_plex and PLEX_HEADER not in headers:
        # It counts as the server's until a probe passes.
        proven = verdict.fault()
        return Fault(FaultClass.SERVER, f"proxy_{status}", proven=proven)
    return verdict.fault(retry_after=wait, throttled=slow_down)


def _classify_body(
    status: int, headers: Mapping[str, str], body: bytes, *, write: bool
) -> Fault | None:
    if not body.strip():
        if status != 204 and not any(name in headers for name in _LENGTHS):
            # The standard library takes a connection lost within the headers for their
            # end, so this is not a complete answer, let alone a good one.
            return Fault(FaultClass.SERVER, Reason.SHORT_ANSWER, unreachable=True)
        return None if write else Fault(FaultClass.SERVER, Reason.EMPTY_ANSWER)
    match = _ROOT.match(body)
    root = match[1] if match else b""
    if root == b"MediaContainer":
        return None
    if root == b"Response" and b"maintenance" in body.lower():
        return Fault(FaultClass.SERVER, Reason.MAINTENANCE)
    if write and root != b"Response" and PLEX_HEADER in headers:
        return None
    return Fault(FaultClass.SERVER, Reason.NOT_PLEX)


# The order matters: the cause of an error says more than the error that wraps it.
_BY_ERROR: tuple[tuple[str, tuple[type[BaseException], ...]], ...] = (
    (Reason.MOVED, (MovedError,)),
    (Reason.RESET, (ssl.SSLEOFError, ssl.SSLZeroReturnError)),
    (Reason.TLS, (ssl.SSLError,)),
    (Reason.DNS, (socket.gaierror, UnicodeError)),
    (Reason.REFUSED, (ConnectionRefusedError,)),
    (Reason.TIMEOUT, (TimeoutError,)),
    (Reason.SHORT_ANSWER, (aiohttp.ClientPayloadError,)),
)


def classify_error(error: BaseException | None) -> Fault:
    """Return the fault of a connection that failed before the answer was complete."""
    causes = list(_causes(error))
    for reason, kinds in _BY_ERROR:
        if any(isinstance(cause, kinds) for cause in causes):
            return Fault(FaultClass.SERVER, reason, unreachable=True)
    return Fault(FaultClass.SERVER, Reason.RESET, unreachable=True)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__
