"""The simulated Plex as a plain object: requests in, answers out, no I/O and no clock of its own."""

from collections.abc import Callable
import time

from .events import Listener
from .messages import PlexError, Request, Response, error_response
from .model import Model
from .routes import Routes
from .status import Identity
from .switches import Switches

# What a home or shared user may not even read.
_OWNERS_PATHS = frozenset({"/accounts", "/status/sessions", "/butler", "/:/prefs"})


def _token(request: Request) -> str | None:
    return request.header("x-plex-token") or request.param("X-Plex-Token")


class PlexCore(Model):
    """A Plex Media Server without its socket; `handle` never blocks and never raises."""

    def __init__(
        self,
        *,
        token: str = "sim-token",
        machine_identifier: str = "sim0001",
        seed: int = 1,
        clock: Callable[[], float] = time.time,
        switches: Switches | None = None,
    ) -> None:
        """Start with an empty server; `clock` gives seconds since the epoch."""
        super().__init__(seed, clock, switches or Switches())
        self.token = token
        self.identity = Identity(machine_identifier)
        self.fetch: Callable[[str], bytes | None] | None = None
        """How `url=` uploads get their bytes when the server layer has not fetched them."""
        self.whole_section_edits = 0
        self._routes = Routes(self)

    def handle(self, request: Request) -> Response:
        """Answer one request."""
        self.scanner.tick()
        limit = self.switches.max_request_line
        if limit is not None and request.length > limit:
            return error_response(414)
        if not self.authorized(request):
            return error_response(401)
        if self._is_guest(request) and (
            request.is_write
            or request.path in _OWNERS_PATHS
            or request.path.endswith("/refresh")
        ):
            return error_response(403)
        try:
            return self._routes.answer(request)
        except PlexError as err:
            return error_response(err.status, err.text)

    def authorized(self, request: Request) -> bool:
        """Return whether a request may pass; `/identity` always may."""
        if not self.switches.require_token or request.path == "/identity":
            return True
        return _token(request) == self.token or self._is_guest(request)

    def _is_guest(self, request: Request) -> bool:
        guest = self.switches.guest_token
        return guest is not None and _token(request) == guest

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Call `listener` with every notification container; return how to stop it."""
        return self.notifier.subscribe(listener)

    def tick(self) -> None:
        """Move scans on; `due` says when that is of use."""
        self.scanner.tick()

    @property
    def due(self) -> float | None:
        """Return when `tick` has something to do, by the core's clock."""
        return self.scanner.due
