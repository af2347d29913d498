"""Who may ask: keys, the login page, and the tripwire."""

from dataclasses import dataclass, field
from hashlib import md5
from pathlib import PurePosixPath
import secrets
from urllib.parse import parse_qs, quote

from aiohttp import web

LOGIN_PAGE = "<!doctype html><html><head><title>Login</title></head><body><form action='login'></form></body></html>"
_REFUSED_PAGE = LOGIN_PAGE.replace(
    "<form", "<p>Username or password is invalid</p><form"
)
_TRIPWIRE = (
    "Stash is reachable from the public internet without authentication, and answers nothing until"
    " authentication is set up."
)
_OPEN_PATHS = ("/login", "/logout", "/css", "/assets")
_FIRST_EMPTY_401 = 26
_FIRST_PLAIN_LOGIN = 28


def page(text: str) -> web.Response:
    """Make a web page as Stash serves its own: with a tag, to be asked for again each time."""
    tag = md5(text.encode(), usedforsecurity=False).hexdigest()
    headers = {"ETag": f'"{tag}"', "Cache-Control": "no-cache"}
    return web.Response(text=text, content_type="text/html", headers=headers)


@dataclass(slots=True)
class Auth:
    """How the server is protected.

    With a key it has credentials. ``credentials`` may be set without one: then
    nobody gets in but by logging in. A server whose password was removed is open
    but knows its key still: ``opened``. ``tripwire`` acts only on a server without
    credentials.
    """

    api_key: str | None = None
    credentials: bool = False
    tripwire: bool = False
    opened: bool = False
    username: str = ""
    password: str = ""
    sessions: set[str] = field(default_factory=set)

    @property
    def protected(self) -> bool:
        """Whether a client must say who it is."""
        return self.credentials or (self.api_key is not None and not self.opened)

    def set_password(self, username: str, password: str) -> None:
        """Ask for a user name and a password from now on; empty ones open the server."""
        self.username, self.password = username, password
        self.credentials = bool(username and password)
        self.opened = not self.credentials

    def make_key(self) -> str:
        """Deal out a new key; the old one dies."""
        self.api_key = f"eyJhbGciOiJIUzI1NiJ9.{secrets.token_hex(16)}"
        return self.api_key

    def log_in(self, body: str, minor: int) -> web.Response:
        """Answer the form of the login page."""
        given = {name: values[0] for name, values in parse_qs(body).items()}
        plain = minor >= _FIRST_PLAIN_LOGIN
        if (given.get("username"), given.get("password")) != (
            self.username,
            self.password,
        ):
            if plain:
                text = "Username or password is invalid\n"
                return web.Response(status=401, text=text)
            return page(_REFUSED_PAGE)
        session = secrets.token_urlsafe(24)
        self.sessions.add(session)
        done = (
            web.Response()
            if plain
            else web.Response(status=302, headers={"Location": "/"})
        )
        done.set_cookie("session", session, httponly=True)
        return done

    def refuse(
        self, request: web.Request, path: str, minor: int
    ) -> web.Response | None:
        """Return the refusal a request deserves, if any."""
        given = request.headers.get("ApiKey", "").strip() or request.query.get("apikey")
        unauthorized = web.Response(
            status=401, headers={"WWW-Authenticate": "FormBased"}
        )
        if given:
            if given == self.api_key:
                return None
            # Even an open server refuses a key that is not its own.
            if minor < _FIRST_EMPTY_401:
                return web.Response(status=500, text="unauthorized")
            return unauthorized
        if not self.protected:
            return web.Response(status=403, text=_TRIPWIRE) if self.tripwire else None
        if request.cookies.get("session") in self.sessions or path.startswith(
            _OPEN_PATHS
        ):
            return None
        suffix = PurePosixPath(path).suffix
        if path == "/graphql" or suffix not in ("", ".html"):
            return unauthorized
        target = f"{request.path.removesuffix(path)}/login?returnURL={quote(request.path_qs, safe='')}"
        return web.Response(
            status=302,
            text=f'<a href="{target}">Found</a>.\n\n',
            content_type="text/html",
            headers={"Location": target},
        )
