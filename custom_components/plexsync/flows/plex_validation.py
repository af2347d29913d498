"""Validate a flow's input against the real Plex server."""

import asyncio
from dataclasses import dataclass
from typing import Final

from homeassistant.const import CONF_TOKEN, CONF_URL
from homeassistant.core import HomeAssistant
from yarl import URL

from ..connection import NOWHERE, Access, client_identifier
from ..engine.model.reasons import Reason
from ..errors import InvalidInputError
from ..plex.api import PlexApi, who_answers
from ..plex.client import PlexClient
from ..plex.deadlines import Deadlines
from ..plex.library import SUPPORTED, Identity, Library
from .validation import DEADLINE, explained, normalise_url, with_other_scheme

PORT: Final = 32400
_ERRORS = {
    Reason.STARTING: "starting_up",
    Reason.MAINTENANCE: "starting_up",
    Reason.TLS: "certificate",
    Reason.REDIRECT: "not_plex",
    Reason.NOT_PLEX: "not_plex",
    Reason.EMPTY_ANSWER: "not_plex",
    Reason.UNPARSABLE: "not_plex",
    # Refusals by something that does not identify itself as Plex.
    "proxy_400": "not_plex",
    "proxy_404": "not_plex",
}
_PERHAPS_ELSEWHERE = {"cannot_connect", "certificate", "not_plex"}


@dataclass(frozen=True, slots=True)
class PlexFound:
    """A Plex server that answered, and its libraries that can be synced."""

    identity: Identity
    libraries: tuple[Library, ...]

    @property
    def name(self) -> str:
        """The name of the server."""
        return self.identity.name or "Plex"


def normalise_plex_url(text: str) -> str:
    """Return the normal form of a Plex server's address, with its port.

    Plex listens on 32400 for both schemes, so that is the default port.
    Raises InvalidInputError.
    """
    url = normalise_url(text)
    if (port := _typed_port(text)) is None:
        port = PORT
    return with_port(url, port)


def with_port(url: str, port: int | None = None) -> str:
    """Return an address with an explicit port, by default the one it already implies."""
    address = URL(url)
    host = f"[{address.host}]" if ":" in (address.host or "") else address.host
    path = "" if address.path == "/" else address.path
    return f"{address.scheme}://{host}:{port or address.port}{path}"


def _typed_port(text: str) -> int | None:
    text = text.strip()
    return URL(text if "://" in text else f"http://{text}").explicit_port


async def async_look_at_plex(hass: HomeAssistant, access: Access) -> PlexFound:
    """Return the server that answers, and its libraries. Raises InvalidInputError.

    A token that may only read is refused, as far as that shows without an edit.
    """
    if access == NOWHERE:
        raise InvalidInputError("plex_entry_unusable")
    try:
        return await _look(hass, access)
    except InvalidInputError as error:
        raise await _second_look(hass, access, error) from None


async def _look(hass: HomeAssistant, access: Access) -> PlexFound:
    with explained(_ERRORS):
        client = PlexClient(
            access.url,
            access.token,
            verify_ssl=access.verify_ssl,
            client_id=await client_identifier(hass),
            deadlines=Deadlines(read=DEADLINE),
        )
        api = PlexApi(client, None)
        try:
            identity = await api.identify("/", probe=False)
            libraries = await api.libraries()
            may_edit = await api.may_edit()
        finally:
            await client.aclose()
    if not may_edit:
        raise InvalidInputError("read_only_token")
    found = tuple(each for each in libraries if each.type in SUPPORTED)
    if not found:
        raise InvalidInputError("no_libraries")
    return PlexFound(identity, found)


async def _second_look(
    hass: HomeAssistant, access: Access, error: InvalidInputError
) -> InvalidInputError:
    """Return a better error: that a token is missing, or where Plex does answer.

    A server that requires secure connections closes others without an answer.
    """
    if error.error == "invalid_auth" and not access.token:
        return InvalidInputError("token_missing", CONF_TOKEN)
    if error.error not in _PERHAPS_ELSEWHERE:
        return error
    address, client_id = with_port(access.url), await client_identifier(hass)
    other = with_other_scheme(address)
    usual = with_port(access.url, URL(f"{URL(address).scheme}://a").port)
    ways = {address: error.error}
    ways.setdefault(other, "use_https" if other.startswith("https") else "use_http")
    ways.setdefault(with_port(access.url, PORT), "other_port")
    ways.setdefault(usual, "other_port")
    # All at once: somebody waits, and an address that does not answer takes long.
    answers = await asyncio.gather(
        *(who_answers(url, client_id=client_id) for url in ways)
    )
    for (url, key), answer in zip(ways.items(), answers, strict=True):
        if answer and url != address:
            return InvalidInputError(key, CONF_URL, instead=url)
        if answer and error.error == "certificate":
            break  # it is Plex, and it does speak this scheme
    return error
