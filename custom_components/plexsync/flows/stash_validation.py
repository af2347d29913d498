"""Validate a flow's input against the real Stash."""

from homeassistant.const import CONF_URL
from homeassistant.core import HomeAssistant
from homeassistant.helpers.aiohttp_client import async_get_clientsession

from ..engine.model.reasons import Reason
from ..errors import InvalidInputError
from ..sources.stash.client import StashClient
from ..sources.stash.door import is_stash
from ..sources.stash.first_look import FirstLook, first_look
from .validation import DEADLINE, explained, normalise_url, with_other_scheme

_ERRORS = {
    "certificate": "certificate",
    Reason.UNAUTHORIZED: "invalid_auth",
    "tripwire": "tripwire",
    "setup": "setup",
    "needs_migration": "needs_migration",
    "schema": "unsupported",
    "broken_answer": "not_stash",
    "error": "not_stash",
    "status_4xx": "not_stash",
}
# Errors that other servers answer with, too: they count only from a real Stash.
_SAID_BY_OTHERS = {"invalid_auth", "tripwire", "unsupported"}
_PERHAPS_ELSEWHERE = {"cannot_connect", "not_stash"}


async def async_look_at_stash(
    hass: HomeAssistant, url: str, api_key: str | None, *, verify_ssl: bool
) -> FirstLook:
    """Return a first look at a Stash. Raises InvalidInputError."""
    try:
        return await _look(hass, url, api_key, verify_ssl=verify_ssl)
    except InvalidInputError as error:
        raise await _second_look(hass, url, error) from None


async def _look(
    hass: HomeAssistant, url: str, api_key: str | None, *, verify_ssl: bool
) -> FirstLook:
    with explained(_ERRORS):
        client = StashClient(
            async_get_clientsession(hass, verify_ssl=verify_ssl),
            url,
            api_key,
            verify_ssl=verify_ssl,
            deadline=DEADLINE,
        )
        return await first_look(client)


async def _second_look(
    hass: HomeAssistant, url: str, error: InvalidInputError
) -> InvalidInputError:
    """Return a better error: that this is no Stash, or that one has the other scheme."""
    session = async_get_clientsession(hass)
    if error.error in _SAID_BY_OTHERS and not await is_stash(session, url):
        error = InvalidInputError("not_stash")
    if error.error in _PERHAPS_ELSEWHERE:
        other = normalise_url(with_other_scheme(url))
        if await is_stash(session, other):
            return InvalidInputError("other_scheme", CONF_URL, instead=other)
    return error
