"""Validate a flow's input against the real servers."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
import logging

from homeassistant.const import CONF_URL
from homeassistant.core import HomeAssistant
from homeassistant.helpers.aiohttp_client import async_get_clientsession
from yarl import URL

from ..engine.model.faults import Fault, FaultClass
from ..engine.model.reasons import Reason
from ..sources.stash.client import StashClient
from ..sources.stash.door import is_stash
from ..sources.stash.first_look import FirstLook, first_look

_LOGGER = logging.getLogger(__name__)

DEADLINE = 15.0  # seconds for each test call, as somebody is waiting
# Pages that people copy from the address bar of their browser.
_PAGES = ("/web/index.html", "/web", "/graphql", "/playground")
_STASH_ERRORS = {
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


class InvalidInputError(Exception):
    """Input that cannot be used; ``error`` is the key of the text that says why.

    ``instead`` is an address that would work.
    """

    def __init__(self, error: str, field: str = "base", *, instead: str = "") -> None:
        """Take the error, and the field that shows it."""
        super().__init__(error)
        self.error = error
        self.field = field
        self.instead = instead

    @property
    def errors(self) -> dict[str, str]:
        """The errors for a form."""
        return {self.field: self.error}


def normalise_url(text: str) -> str:
    """Return the normal form of a server's address. Raises InvalidInputError.

    The default scheme is http. What does not belong to an address is dropped. An
    address with a password is refused, because addresses are shown.
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
    """Return a first look at a Stash. Raises InvalidInputError."""
    try:
        return await _look_at_stash(hass, url, api_key, verify_ssl=verify_ssl)
    except InvalidInputError as error:
        raise await _second_look(hass, url, error) from None


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


def with_other_scheme(url: str) -> str:
    """Return the same address with http and https swapped."""
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
    """Turn an exception in a test call into an error of the form."""
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
