"""What the flows share to validate their input: addresses, and errors in words."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
import logging

from homeassistant.const import CONF_URL
from yarl import URL

from ..engine.model.faults import Fault, FaultClass
from ..errors import InvalidInputError

_LOGGER = logging.getLogger(__name__)

DEADLINE = 15.0  # seconds for each test call, as somebody is waiting
# Pages that people copy from the address bar of their browser.
_PAGES = ("/web/index.html", "/web", "/graphql", "/playground")


def normalise_url(text: str) -> str:
    """Return the normal form of a server's address. Raises InvalidInputError.

    The default scheme is http. What does not belong to an address is dropped. An
    address with a password is refused, because addresses are shown.
    """
    try:
        return _normal(text.strip())
    except ValueError, IndexError:  # yarl raises either, now or when it is asked
        raise InvalidInputError("invalid_url", CONF_URL) from None


def _normal(text: str) -> str:
    url = URL(text if "://" in text else f"http://{text}")
    if url.scheme not in ("http", "https") or not url.host:
        raise ValueError
    if url.raw_user is not None or url.raw_password is not None:
        raise InvalidInputError("url_with_password", CONF_URL)
    path = url.path.rstrip("/")
    for page in _PAGES:
        path = path.removesuffix(page)
    port = None if url.is_default_port() else url.explicit_port
    return str(url.with_path(path).with_port(port)).rstrip("/")


def with_other_scheme(url: str) -> str:
    """Return the same address with http and https swapped."""
    scheme, _, rest = url.partition("://")
    return f"{'http' if scheme == 'https' else 'https'}://{rest}"


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
