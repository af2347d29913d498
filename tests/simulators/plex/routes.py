"""The table of paths."""

from collections.abc import Callable
import re
from typing import TYPE_CHECKING

from . import images
from .item_routes import ItemRoutes
from .messages import STARTING_TEXT, PlexError, Request, Response
from .server_routes import ServerRoutes

if TYPE_CHECKING:
    from .core import PlexCore

Handler = Callable[[Request, re.Match[str]], Response]

_IMAGE_WORDS = "|".join(images.IMAGE_PATHS)


class Routes(ServerRoutes, ItemRoutes):
    """The path table; the handlers stand in the bases."""

    def __init__(self, core: PlexCore) -> None:
        """Build the table once."""
        super().__init__(core)
        section = r"/library/sections/(?P<section>\d+)"
        ids = r"/library/(?:metadata|collections)/(?P<ids>[\d,]+)"
        rows: list[tuple[str, str, Handler]] = [
            ("GET", r"/identity", self._identity),
            ("GET", ids, self._metadata),
            ("PUT", rf"{section}/all", self._edit_section),
            ("GET", rf"{section}/all", self._listing),
            ("POST", rf"{ids}/(?P<word>{_IMAGE_WORDS})", self._upload),
            ("GET", r"/", self._root),
            ("GET", r"/myplex/account", self._account),
            ("GET", r"/accounts", self._accounts),
            ("GET", r"/library", self._library),
            ("GET", r"/library/sections(?:/all)?", self._sections),
            ("GET", section, self._sections),
            ("GET", rf"{section}/collections", self._collections),
            ("GET|POST", rf"{section}/refresh", self._scan),
            ("DELETE", rf"{section}/refresh", self._cancel_scan),
            ("PUT", rf"{section}/emptyTrash", self._empty_trash),
            ("PUT", rf"{section}/analyze", self._nothing),
            ("GET", rf"{section}/(?P<directory>[A-Za-z]+)", self._directory),
            ("PUT", ids, self._edit_metadata),
            ("DELETE", ids, self._delete),
            ("PUT", rf"{ids}/refresh", self._refresh),
            ("PUT", rf"{ids}/analyze", self._nothing),
            ("PUT", rf"{ids}/merge", self._merge),
            ("PUT", rf"{ids}/split", self._split),
            ("PUT", rf"{ids}/prefs", self._set_preferences),
            ("PUT", rf"{ids}/items/(?P<member>\d+)/move", self._move_in_collection),
            ("GET", rf"{ids}/children", self._children),
            ("GET", rf"{ids}/allLeaves", self._leaves),
            ("PUT", rf"{ids}/items", self._add_to_collection),
            ("DELETE", rf"{ids}/items/(?P<member>\d+)", self._remove_from_collection),
            (
                "GET",
                rf"{ids}/(?P<word>posters|arts|banners|clearLogos|squareArts|themes)",
                self._images,
            ),
            ("PUT", rf"{ids}/(?P<word>{_IMAGE_WORDS})", self._select_image),
            ("DELETE", rf"{ids}/(?P<word>{_IMAGE_WORDS})", self._unselect_image),
            (
                "GET",
                rf"{ids}/(?P<word>{_IMAGE_WORDS}|composite)/(?P<stamp>\d+)",
                self._image_bytes,
            ),
            ("GET", rf"{ids}/file", self._image_file),
            ("PUT|GET", r"/:/rate", self._rate),
            ("POST", r"/library/collections", self._create_collection),
            ("GET", r"/activities", self._activities),
            ("GET", r"/status/sessions", self._empty_list),
            ("GET", r"/clients", self._empty_list),
            ("GET", r"/butler", self._butler),
            ("GET", r"/:/prefs", self._preferences),
        ]
        self._table = [
            (methods.split("|"), re.compile(rf"{path}/?"), handler)
            for methods, path, handler in rows
        ]

    def answer(self, request: Request) -> Response:
        """Find the handler of a path and run it."""
        method = "GET" if request.method == "HEAD" else request.method
        for methods, path, handler in self._table:
            if method in methods and (match := path.fullmatch(request.path)):
                if request.is_write and self._core.identity.start_state is not None:
                    raise PlexError(400, STARTING_TEXT)
                return handler(request, match)
        raise PlexError(404)
