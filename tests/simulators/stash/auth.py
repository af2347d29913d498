"""Who may ask: keys, the login page, and the tripwire."""

from dataclasses import dataclass
from pathlib import PurePosixPath

from aiohttp import web
from yarl import URL

LOGIN_PAGE = "<!doctype html><html><head><title>Login</title></head><body><form action='login'></form></body></html>"
_TRIPWIRE = (
    "Stash is reachable from the public internet without authentication, and answers nothing until"
    " authentication is set up."
)
_OPEN_PATHS = ("/login", "/logout", "/css", "/assets")


@dataclass(slots=True)
class Auth:
    """How the server is protected.

    With a key it has credentials. ``credentials`` may be set without one: then
    nobody gets in. ``tripwire`` acts only on a server without credentials.
    """

    api_key: str | None = None
    credentials: bool = False
    tripwire: bool = False

    def refuse(
        self, request: web.Request, path: str, minor: int
    ) -> web.Response | None:
        """Return the refusal a request deserves, if any."""
        given = request.headers.get("ApiKey") or request.query.get("apikey")
        if given:
            if given == self.api_key:
                return None
            # Even an open server refuses a key that is not its own.
            return web.Response(status=401 if minor >= 26 else 500, text="unauthorized")
        if self.api_key is None and not self.credentials:
            return web.Response(status=403, text=_TRIPWIRE) if self.tripwire else None
        if path.startswith(_OPEN_PATHS):
            return None
        suffix = PurePosixPath(path).suffix
        if path == "/graphql" or suffix not in ("", ".html"):
            return web.Response(status=401, headers={"WWW-Authenticate": "FormBased"})
        target = URL(request.path.removesuffix(path) + "/login").with_query(
            returnURL=request.path_qs
        )
        return web.Response(status=302, headers={"Location": str(target)})
