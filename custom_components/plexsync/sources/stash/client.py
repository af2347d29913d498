"""The HTTP client for Stash, and the meaning of its failures.

Every failure is raised as a ``Fault`` of class source. Its reason is one of

=============== ==========================================================
unreachable     refused, unresolved, reset, or not answered in time
certificate     the TLS certificate was not accepted
unauthorized    key missing or wrong (401; 500 up to Stash 0.25.1)
tripwire        403: Stash thinks that it is exposed to the internet
not_found       404 for a picture: from Stash, or from a proxy in front of it
schema          the query does not fit this Stash (permanent)
broken_answer   no GraphQL answer: HTML, a redirect, truncated, too large
error           a GraphQL error
status_4xx      any other answer of that class
status_5xx      any other answer of that class
=============== ==========================================================

``stash.StashSource`` adds ``setup``, ``needs_migration`` and ``importing``. A fault's text
is its class and reason; the words of Stash are dropped, because they may name scenes or
paths.
"""

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
import time
from typing import Any

import aiohttp
import orjson
from yarl import URL

from ...engine.model.faults import Fault, FaultClass
from ...engine.model.reasons import Reason
from ...engine.util.bounded import read_at_most
from ...engine.util.http_dates import parse_date, retry_after
from ...engine.util.image_bytes import WHOLE_PICTURE
from ..base import source_fault
from ..redirect import HOPS, redirect

DEADLINE = 30.0  # seconds for one request and its complete answer
MAX_ANSWER = 32 * 1024 * 1024  # bytes, uncompressed
_MAX_ERROR = 64 * 1024  # bytes of an error's body that are worth reading
_MAX_RETRY_AFTER = 3600
_INVALID_QUERY = frozenset({"GRAPHQL_VALIDATION_FAILED", "GRAPHQL_PARSE_FAILED"})


class TooMuchFault(Fault):
    """The answer took too long or was too large."""


type Place = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class StashAnswer:
    """The data of a GraphQL answer, and the server's clock if the answer has a date.

    ``broken`` are the paths in the data that are empty because of an error.
    """

    data: Mapping[str, Any]
    date: datetime | None
    broken: tuple[Place, ...] = ()


@dataclass(frozen=True, slots=True)
class Download:
    """A file as the server sent it; ``body`` is None on 304."""

    body: bytes | None
    content_type: str
    etag: str | None


class StashClient:
    """A client for one Stash, with limits for time and size; only pictures may redirect."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        url: str,
        api_key: str | None = None,
        *,
        verify_ssl: bool = True,
        deadline: float = DEADLINE,
        max_answer: int = MAX_ANSWER,
    ) -> None:
        """Initialize the client, without sending anything."""
        self._session = session
        self._url = url.strip()
        self._api_key = (api_key or "").strip()
        self._verify_ssl = verify_ssl
        self._deadline = deadline
        self._max_answer = max_answer

    async def query(
        self,
        document: str,
        variables: Mapping[str, Any] | None = None,
        *,
        partial: bool = False,
    ) -> StashAnswer:
        """Send a GraphQL document.

        An answer with errors is a fault. With ``partial``, it is only a fault if the
        errors do not name the paths in the data that they concern.
        """
        payload = orjson.dumps({"query": document, "variables": variables or {}})
        headers = {
            # Without this header, Stash 0.29 and newer change the media type and status.
            "Accept": "application/json",
            "Content-Type": "application/json",
        }
        async with self._request("POST", "/graphql", headers, payload) as response:
            if response.status != 200:
                raise await _refusal(response)
            body = await _read(response, self._max_answer)
            date = parse_date(response.headers.get("Date"))
        if body is None:
            raise TooMuchFault(FaultClass.SOURCE, "broken_answer")
        data, broken = _data(body)
        if broken and not partial:
            raise source_fault("error")
        return StashAnswer(data, date, broken)

    async def download(
        self, path: str, etags: Sequence[str | None], limit: int
    ) -> Download:
        """Download a file, unless it has one of the ``etags``; then return that.

        Raises a fault of class item, image_too_large, over ``limit`` bytes.
        """
        headers = WHOLE_PICTURE | {"Accept": "image/*"}
        known = [tag for tag in etags if tag and tag.isascii() and tag.isprintable()]
        if known:
            headers["If-None-Match"] = ", ".join(known)
        async with self._request("GET", path, headers, follow=True) as response:
            content_type = response.content_type.lower()
            if response.status == 304 and known:
                tag = response.headers.get("ETag", known[0])
                return Download(None, content_type, tag)
            if response.status == 404:
                raise source_fault(Reason.NOT_FOUND)
            if response.status != 200:
                raise await _refusal(response)
            body = await _read(response, limit)
            if body is None:
                raise Fault(FaultClass.ITEM, Reason.IMAGE_TOO_LARGE, permanent=True)
            return Download(body, content_type, response.headers.get("ETag"))

    @asynccontextmanager
    async def _request(
        self,
        method: str,
        path: str,
        headers: dict[str, str],
        data: bytes | None = None,
        *,
        follow: bool = False,
    ) -> AsyncGenerator[aiohttp.ClientResponse]:
        """Send a request; ``follow`` redirects only on the same server, which has our key."""
        # Drop the causes on purpose, because their texts contain the address.
        try:
            if self._api_key:
                if not (self._api_key.isascii() and self._api_key.isprintable()):
                    raise source_fault(Reason.UNAUTHORIZED)
                headers["ApiKey"] = self._api_key
            url = _address(self._url, path)
            async with asyncio.timeout(self._deadline):
                for hop in range(HOPS):
                    async with self._session.request(
                        method,
                        url,
                        headers=headers,
                        data=data,
                        allow_redirects=False,
                        raise_for_status=False,
                        ssl=self._verify_ssl,
                        timeout=aiohttp.ClientTimeout(total=None),
                    ) as response:
                        onward = _onward(response, url) if follow else None
                        if onward is None or hop == HOPS - 1:
                            yield response
                            return
                    url = onward
        except TimeoutError:
            raise TooMuchFault(
                FaultClass.SOURCE, "unreachable", unreachable=True
            ) from None
        except aiohttp.ClientConnectorCertificateError:
            raise source_fault("certificate", unreachable=True) from None
        except aiohttp.ClientPayloadError, aiohttp.ClientResponseError:
            raise source_fault("broken_answer") from None
        except aiohttp.ClientError, OSError, ValueError:
            # ValueError: an invalid address.
            raise source_fault("unreachable", unreachable=True) from None


def _onward(response: aiohttp.ClientResponse, asked: URL) -> URL | None:
    """Return where an answer redirects to on the same server, else None."""
    try:
        url = redirect(response, asked)
    except ValueError:
        return None
    if url is None or url.host != asked.host:
        return None
    # Another port may be another server, unless it is https on the same host.
    if url.origin() != asked.origin() and (asked.scheme, url.scheme) != (
        "http",
        "https",
    ):
        return None
    return url


def _address(url: str, path: str) -> URL:
    """Append a path to the base address, which may have a prefix of its own."""
    base = URL(url)
    prefix = base.raw_path.rstrip("/").removesuffix("/graphql").rstrip("/")
    return base.with_path(prefix + path, encoded=True)


async def _read(response: aiohttp.ClientResponse, limit: int) -> bytes | None:
    """Read a body; None if it is larger than ``limit`` bytes."""
    body, is_whole = await read_at_most(response.content.iter_any(), limit)
    if not is_whole:
        response.close()
        return None
    return body


async def _refusal(response: aiohttp.ClientResponse) -> Fault:
    """Return the fault of an answer that is not a GraphQL answer."""
    status = response.status
    if status < 400:
        return source_fault("broken_answer")
    if status == 401:
        return source_fault(Reason.UNAUTHORIZED)
    if status == 403:
        return source_fault("tripwire")
    if status == 422:
        return source_fault("schema", permanent=True)
    try:
        body = await _read(response, _MAX_ERROR) or b""
    except aiohttp.ClientPayloadError:
        body = b""
    if status == 400 and any(code.encode() in body for code in _INVALID_QUERY):
        return source_fault("schema", permanent=True)
    if status == 500 and b"unauthorized" in body.lower():
        return source_fault(Reason.UNAUTHORIZED)
    return source_fault(
        "status_5xx" if status >= 500 else "status_4xx",
        retry_after=_wait(response.headers),
    )


def _data(body: bytes) -> tuple[Mapping[str, Any], tuple[Place, ...]]:
    """Return the data of a GraphQL answer, and the paths that errors left empty."""
    try:
        answer = orjson.loads(body)
    except ValueError:
        raise source_fault("broken_answer") from None
    if not isinstance(answer, dict):
        raise source_fault("broken_answer")
    data, errors = answer.get("data"), answer.get("errors")
    broken: list[Place] = []
    if errors:
        for error in errors if isinstance(errors, list) else ():
            if not isinstance(error, dict):
                continue
            extensions, place = error.get("extensions"), error.get("path")
            if (
                isinstance(extensions, dict)
                and str(extensions.get("code")) in _INVALID_QUERY
            ):
                raise source_fault("schema", permanent=True)
            if isinstance(place, list) and place:
                broken.append(tuple(place))
        if not isinstance(data, dict) or len(broken) != len(errors):
            raise source_fault("error")
    if not isinstance(data, dict):
        raise source_fault("broken_answer")
    return data, tuple(broken)


def _wait(headers: Mapping[str, str]) -> float | None:
    """Return the seconds that Stash, or a proxy in front of it, asks us to wait."""
    wish = retry_after(headers.get("Retry-After"), headers.get("Date"), time.time())
    return None if wish is None else min(wish, _MAX_RETRY_AFTER)
