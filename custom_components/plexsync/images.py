"""Fetch the pictures that records name, wherever they are."""

from pathlib import Path

import aiohttp
from homeassistant.core import HomeAssistant
from homeassistant.helpers.aiohttp_client import async_get_clientsession

from .const import SOURCE_ACTION
from .engine.image_bytes import MAX_IMAGE
from .engine.ports import FetchedImage
from .engine.record import Image
from .engine.retry import Fault, FaultClass
from .sources.base import Source

_DEADLINE = aiohttp.ClientTimeout(total=30)


class ImageDesk:
    """Hand each picture to the source that named it; an action's are ours to fetch."""

    def __init__(self, hass: HomeAssistant) -> None:
        """Start without sources."""
        self._hass = hass
        self._sources: dict[str, Source] = {}

    def add(self, source: Source) -> None:
        """Know one more source."""
        self._sources[source.id] = source

    async def fetch(self, source: str, image: Image, known: str | None) -> FetchedImage:
        """Fetch one picture. Raises Fault of class source or item."""
        if (owner := self._sources.get(source)) is not None:
            return await owner.fetch(image, known)
        if source != SOURCE_ACTION:
            raise Fault(FaultClass.SOURCE, "source_gone")
        if image.ref.startswith(("http://", "https://")):
            return await self._fetch_url(image.ref)
        return await self._hass.async_add_executor_job(self._read, image.ref)

    def allowed(self, ref: str) -> bool:
        """Say whether an action may name this URL or path; not what can be neither."""
        config = self._hass.config
        try:
            if ref.startswith(("http://", "https://")):
                return config.is_allowed_external_url(ref)
            return config.is_allowed_path(ref)
        except OSError, ValueError:
            return False

    def _read(self, ref: str) -> FetchedImage:
        # Asked again here: the list may have changed since the job was accepted.
        if not self.allowed(ref):
            raise Fault(FaultClass.ITEM, "image_not_allowed", permanent=True)
        try:
            with Path(ref).open("rb") as file:
                data = file.read(MAX_IMAGE + 1)
        except OSError as error:
            raise Fault(FaultClass.ITEM, "image_missing") from error
        return FetchedImage(_checked(data))

    async def _fetch_url(self, url: str) -> FetchedImage:
        if not self.allowed(url):
            raise Fault(FaultClass.ITEM, "image_not_allowed", permanent=True)
        session = async_get_clientsession(self._hass)
        try:
            # A redirect could lead to an address that is not on the list.
            async with session.get(
                url, timeout=_DEADLINE, allow_redirects=False
            ) as answer:
                if answer.status != 200:
                    raise Fault(FaultClass.ITEM, "image_missing")
                data = await answer.content.read(MAX_IMAGE + 1)
                while len(data) <= MAX_IMAGE and (
                    more := await answer.content.read(MAX_IMAGE + 1 - len(data))
                ):
                    data += more
        except (aiohttp.ClientError, TimeoutError) as error:
            raise Fault(FaultClass.SOURCE, "image_unreachable") from error
        return FetchedImage(_checked(data))


def _checked(data: bytes) -> bytes:
    if len(data) > MAX_IMAGE:
        raise Fault(FaultClass.ITEM, "image_too_large", permanent=True)
    return data
