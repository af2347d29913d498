"""Pictures for the review page, served by Home Assistant to administrators.

The browser need not reach Plex or a source, and never gets their tokens. A picture that
cannot be shown is answered as not found, whatever the reason.
"""

from typing import Final

from aiohttp import web
from homeassistant.components.http.const import KEY_HASS_USER
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.http import KEY_HASS, HomeAssistantView

from ..const import DOMAIN
from ..coordinator import PlexSyncCoordinator, loaded
from ..engine.circuit.breaker import State
from ..engine.database.database import StorageError
from ..engine.model.faults import Fault
from ..engine.model.holds import READING
from ..engine.model.record import Record
from ..engine.util.image_bytes import MAX_IMAGE, is_picture
from ..plex.items import is_rating_key
from ..plex.pictures import ENDPOINTS

_HEADERS: Final = {
    "Cache-Control": "private, max-age=600",
    "X-Content-Type-Options": "nosniff",
    # Opened as a page of its own, it may do nothing at all.
    "Content-Security-Policy": "default-src 'none'; sandbox",
}


# By its first byte; ``is_picture`` has made sure that it is one of these.
_TYPES: Final = {b"\xff": "image/jpeg", b"\x89": "image/png", b"G": "image/gif"}


class _View(HomeAssistantView):
    """Answer an administrator with one picture."""

    requires_auth = True

    def _coordinator(self, request: web.Request, entry_id: str) -> PlexSyncCoordinator:
        """Find the server. Raises HTTPNotFound."""
        user = request.get(KEY_HASS_USER)
        entry = request.app[KEY_HASS].config_entries.async_get_entry(entry_id)
        if (
            user is None
            or not user.is_admin
            or entry is None
            or entry.domain != DOMAIN
            or (coordinator := loaded(entry)) is None
        ):
            raise web.HTTPNotFound
        return coordinator

    def _answer(self, data: bytes | None) -> web.Response:
        """Send data that is a picture by its first bytes. Raises HTTPNotFound."""
        if data is None or len(data) > MAX_IMAGE or not is_picture(data):
            raise web.HTTPNotFound
        kind = _TYPES.get(data[:1], "image/webp")
        return web.Response(body=data, content_type=kind, headers=_HEADERS)


def _kind(request: web.Request) -> str:
    """Return the field whose picture is asked for. Raises HTTPNotFound."""
    if (kind := request.query.get("kind", "poster")) not in ENDPOINTS:
        raise web.HTTPNotFound
    return kind


class PlexPictureView(_View):
    """The picture of an item in a chosen library that Plex shows now."""

    url = f"/api/{DOMAIN}/picture/{{entry_id}}/{{rating_key}}"
    name = f"api:{DOMAIN}:picture"

    async def get(
        self, request: web.Request, entry_id: str, rating_key: str
    ) -> web.Response:
        """Fetch the picture from Plex, unless the circuit or a hold forbids that."""
        coordinator, kind = self._coordinator(request, entry_id), _kind(request)
        circuit = coordinator.engine.circuit
        if (
            not is_rating_key(rating_key)
            or circuit.breaker.state is not State.CLOSED
            or circuit.holds - READING
        ):
            raise web.HTTPNotFound
        try:
            data = await coordinator.server.picture(rating_key, kind)
        except Fault, StorageError:
            raise web.HTTPNotFound from None
        return self._answer(data)


class WantedPictureView(_View):
    """The picture that a source has for one of its records."""

    url = f"/api/{DOMAIN}/wanted/{{entry_id}}/{{source}}"
    name = f"api:{DOMAIN}:wanted"

    async def get(
        self, request: web.Request, entry_id: str, source: str
    ) -> web.Response:
        """Fetch the picture from its source, as a write would."""
        coordinator, kind = self._coordinator(request, entry_id), _kind(request)
        key, runner = request.query.get("key", ""), coordinator.runners.get(source)
        if runner is None:
            raise web.HTTPNotFound
        try:
            record = (await runner.source.fresh([key])).get(key)
            if not isinstance(record, Record) or kind not in record.pictures:
                raise web.HTTPNotFound
            fetched = await coordinator.host.images.fetch(
                source, record.pictures[kind], None, record.files
            )
        except Fault, StorageError:
            raise web.HTTPNotFound from None
        return self._answer(fetched.data)


@callback
def async_setup_pictures(hass: HomeAssistant) -> None:
    """Register both views; they stay while entries come and go."""
    hass.http.register_view(PlexPictureView)
    hass.http.register_view(WantedPictureView)
