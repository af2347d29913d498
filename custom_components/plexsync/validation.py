"""Try on the real servers what a flow was given, and say what is wrong with it."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
import logging

from homeassistant.const import CONF_URL
from homeassistant.core import HomeAssistant
from homeassistant.helpers.aiohttp_client import async_get_clientsession
from yarl import URL

from .engine.retry import Fault, FaultClass
from .sources.stash_client import StashClient
from .sources.stash_door import is_stash
from .sources.stash_first_look import FirstLook, first_look

_LOGGER = logging.getLogger(__name__)

DEADLINE = 15.0  # seconds for each test call; somebody waits
# Pages that people copy out of the address bar of their browser.
_PAGES = ("/web/index.html", "/web", "/graphql", "/playground")
_STASH_ERRORS = {
    "certificate": "certificate",
    "unauthorized": "invalid_auth",
    "tripwire": "tripwire",
    "setup": "setup",
    "needs_migration": "needs_migration",
    "schema": "unsupported",
    "broken_answer": "not_stash",
    "error": "not_stash",
    "status_4xx": "not_stash",
}
# What other servers say in the same words, and Stash does only where it is one.
_SAID_BY_OTHERS = {"invalid_auth", "tripwire", "unsupported"}
_PERHAPS_ELSEWHERE = {"cannot_connect", "not_stash"}


class InvalidInputError(Exception):
    """What was entered does not do; ``error`` is the key of the text that says why.

    ``instead`` is the address to offer, where another one would do.
    """

    def __init__(self, error: str, field: str = "base", *, instead: str = "") -> None:
        """Name the error, and the field that it is shown at."""
        super().__init__(error)
        self.error = error
        self.field = field
        self.instead = instead

    @property
    def errors(self) -> dict[str, str]:
        """What a form takes as its errors."""
        return {self.field: self.error}


def normalise_url(text: str) -> str:
    """Give a server's address in its one form. Raises InvalidInputError.

    Without a scheme it is http. What does not belong to an address is dropped;
    a password in it is refused, for addresses are shown.
    """
    text = text.strip()
    try:
        url = URL(text if "://" in text else f"http://{text}")
    except ValueError:
        raise InvalidInputError("invalid_url", CONF_URL) from None
    if url.scheme not in ("http", "https") or not url.host:
        raise InvalidInputError("invalid_url", CONF_URL)
    if url.raw_user is not None or url.raw_password is not None:
        raise InvalidInputError("url_with_password", CONF_URL)
    path = url.path.rstrip("/")
    for page in _PAGES:
        path = path.removesuffix(page)
    port = None if url.is_default_port() else url.explicit_port
    return str(url.with_path(path).with_port(port)).rstrip("/")


async def async_look_at_stash(
    hass: HomeAssistant, url: str, api_key: str | None, *, verify_ssl: bool
) -> FirstLook:
    """Say what a Stash holds. Raises InvalidInputError."""
    try:
        return await _look_at_stash(hass, url, api_key, verify_ssl=verify_ssl)
    except InvalidInputError as error:
        raise await _second_look(hass, url, error) from None


async def _second_look(
    hass: HomeAssistant, url: str, error: InvalidInputError
) -> InvalidInputError:
    """Say whether it is a Stash that answers so, or whether one is next door."""
    session = async_get_clientsession(hass)
    if error.error in _SAID_BY_OTHERS and not await is_stash(session, url):
        error = InvalidInputError("not_stash")
    if error.error in _PERHAPS_ELSEWHERE:
        other = normalise_url(with_other_scheme(url))
        if await is_stash(session, other):
            return InvalidInputError("other_scheme", CONF_URL, instead=other)
    return error


def with_other_scheme(url: str) -> str:
    """Give the same address with https in place of http, or the other way round."""
    scheme, _, rest = url.partition("://")
    return f"{'http' if scheme == 'https' else 'https'}://{rest}"


async def _look_at_stash(
    hass: HomeAssistant, url: str, api_key: str | None, *, verify_ssl: bool
) -> FirstLook:
    with explained(_STASH_ERRORS):
        client = StashClient(
            async_get_clientsession(hass, verify_ssl=verify_ssl),
            url,
            api_key,
            verify_ssl=verify_ssl,
            deadline=DEADLINE,
        )
        return await first_look(client)


@contextmanager
def explained(errors: Mapping[str, str]) -> Iterator[None]:
    """Turn what goes wrong in a test call into the error that says so."""
    try:
        yield
    except Fault as fault:
        _LOGGER.debug("The test call failed (%s)", fault)
        if fault.kind is FaultClass.AUTH:
            raise InvalidInputError("invalid_auth") from None
        error = errors.get(fault.reason, "cannot_connect")
        raise InvalidInputError(error) from None
    except Exception:
        _LOGGER.exception("Unexpected error in a test call")
        raise InvalidInputError("unknown") from None
