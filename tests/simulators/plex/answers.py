"""How a handler answers: containers, rows, and the things that a path names."""

import re
from typing import TYPE_CHECKING

from .edit import parse_ids
from .listing import page
from .markup import Attr, Node, container, render
from .messages import JSON_TYPE, XML_TYPE, PlexError, Request, Response, plex_headers
from .render import row, style_for
from .state import Item, Section

if TYPE_CHECKING:
    from .core import PlexCore


class Answers:
    """What all handlers share."""

    def __init__(self, core: PlexCore) -> None:
        """Answer for one core."""
        self._core = core
        self._catalog = core.catalog

    def _answer(
        self,
        request: Request,
        attrs: dict[str, Attr],
        rows: list[bytes],
        *,
        json_key: str = "Metadata",
        extra: Node | None = None,
        headers: dict[str, str] | None = None,
    ) -> Response:
        json_wanted = request.wants_json
        body = container(
            json_wanted=json_wanted,
            attrs=attrs,
            rows=rows,
            json_key=json_key,
            extra=extra,
        )
        kind = {"Content-Type": JSON_TYPE if json_wanted else XML_TYPE}
        return Response(
            200, kind | plex_headers() | (headers or {}), body, rows=len(rows)
        )

    def _nodes(
        self, request: Request, attrs: dict[str, Attr], nodes: list[Node]
    ) -> Response:
        rows = [render(node, json_wanted=request.wants_json) for node in nodes]
        json_key = (nodes[0].json_key or nodes[0].tag) if nodes else "Directory"
        return self._answer(
            request, {"size": len(rows)} | attrs, rows, json_key=json_key
        )

    def _items(
        self, request: Request, items: list[Item], attrs: dict[str, Attr]
    ) -> Response:
        style = style_for(
            self._core.switches, "row", request.query, json_wanted=request.wants_json
        )
        found = page(self._core.switches, items, request)
        rows = [row(item, style) for item in found.items]
        return self._answer(
            request, found.attrs() | attrs, rows, headers=found.headers()
        )

    def _section(self, match: re.Match[str]) -> Section:
        section = self._catalog.sections.get(int(match["section"]))
        if section is None or self._core.identity.hide_sections:
            raise PlexError(404)
        return section

    def _known(self, match: re.Match[str]) -> list[Item]:
        items = [self._catalog.items.get(key) for key in parse_ids(match["ids"])]
        if not items or None in items:
            raise PlexError(404)
        return [item for item in items if item is not None]
