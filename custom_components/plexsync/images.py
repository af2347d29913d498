"""Fetch the pictures that records refer to."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import aiohttp
from homeassistant.core import HomeAssistant
from homeassistant.helpers.aiohttp_client import async_get_clientsession
from yarl import URL

from .const import SOURCE_ACTION
from .engine.model.faults import Fault, FaultClass
from .engine.model.ports import FetchedImage
from .engine.model.reasons import Reason
from .engine.model.record import Image
from .engine.util.bounded import read_at_most
from .engine.util.image_bytes import MAX_IMAGE, WHOLE_PICTURE
from .sources.base import Source
from .sources.redirect import HOPS, redirect

_DEADLINE = 30.0  # seconds, for all hops together


class ImageDesk:
    """Fetch pictures: a source's through that source, an action's by ourselves."""

    def __init__(self, hass: HomeAssistant) -> None:
        """Start without sources."""
        self._hass = hass
        self._sources: dict[str, Source] = {}

    def add(self, source: Source) -> None:
        """Add a source."""
        self._sources[source.id] = source

    async def fetch(
        self,
        source: str,
        image: Image,
        known: str | None,
        files: Sequence[str] = (),
    ) -> FetchedImage:
        """Fetch one picture. Raises Fault of class source or item."""
        if (owner := self._sources.get(source)) is not None:
            return await owner.fetch(image, known, files)
        if source != SOURCE_ACTION:
            raise Fault(FaultClass.SOURCE, Reason.SOURCE_GONE)
        if image.ref.startswith(("http://", "https://")):
            return await self._fetch_url(image.ref)
        return await self._hass.async_add_executor_job(self._read, image.ref)

    def allowed(self, ref: str) -> bool:
        """Return whether an action may use this URL or path; False if it is neither."""
        config = self._hass.config
        try:
            if ref.startswith(("http://", "https://")):
                return config.is_allowed_external_url(ref)
            return config.is_allowed_path(ref)
        except OSError, ValueError, IndexError:  # the last one is yarl's
            return False

    def _read(self, ref: str) -> FetchedImage:
        # Check again: the allowlist may have changed since the job was accepted.
        if not self.allowed(ref):
            raise _not_allowed()
        try:
            with Path(ref).open("rb") as file:
                data = file.read(MAX_IMAGE + 1)
        except OSError as error:
            raise Fault(FaultClass.ITEM, Reason.IMAGE_MISSING) from error
        return FetchedImage(_checked(data))

    async def _fetch_url(self, url: str) -> FetchedImage:
        if not self.allowed(url):
            raise _not_allowed()
        session = async_get_clientsession(self._hass)
        try:
            async with asyncio.timeout(_DEADLINE):
                return await self._follow(session, URL(url))
        except (aiohttp.ClientError, TimeoutError) as error:
            raise Fault(FaultClass.SOURCE, Reason.IMAGE_UNREACHABLE) from error
        except ValueError:  # a redirect that is never followed
            raise _not_allowed() from None

    async def _follow(self, session: aiohttp.ClientSession, url: URL) -> FetchedImage:
        """Fetch a picture and follow redirects, each of which must be on the allowlist."""
        for _ in range(HOPS):
            async with session.get(
                url,
                headers=WHOLE_PICTURE,
                timeout=aiohttp.ClientTimeout(total=None),
                allow_redirects=False,
            ) as answer:
                if (onward := redirect(answer, url)) is None:
                    return FetchedImage(_checked(await _body(answer)))
            if not self.allowed(str(onward)):
                raise _not_allowed()
            url = onward
        raise _not_allowed()


def _not_allowed() -> Fault:
    return Fault(FaultClass.ITEM, Reason.IMAGE_NOT_ALLOWED, permanent=True)


async def _body(answer: aiohttp.ClientResponse) -> bytes:
    """Read a picture, or a little more than the limit of one that is too large."""
    if answer.status != 200:
        busy = answer.status == 429 or answer.status >= 500
        why = Reason.IMAGE_UNREACHABLE if busy else Reason.IMAGE_MISSING
        raise Fault(FaultClass.ITEM, why)
    data, _ = await read_at_most(answer.content.iter_any(), MAX_IMAGE)
    return data


def _checked(data: bytes) -> bytes:
    if len(data) > MAX_IMAGE:
        raise Fault(FaultClass.ITEM, Reason.IMAGE_TOO_LARGE, permanent=True)
    return data
