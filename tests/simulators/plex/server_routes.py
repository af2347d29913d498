"""The paths about the server and its libraries."""

import re

from . import status
from .answers import Answers
from .listing import page, select, wanted_type
from .markup import Attr, Node
from .messages import PlexError, Request, Response, empty_response
from .meta import meta_node
from .render import listing_attrs, row, section_node, style_for
from .state import FIELD_KINDS, TAG_ELEMENTS, ItemType, Section


class ServerRoutes(Answers):
    """Identity, status, sections, listings, scans."""

    # The server

    def _identity(self, request: Request, match: re.Match[str]) -> Response:
        return self._answer(request, status.identity_attrs(self._core.identity), [])

    def _root(self, request: Request, match: re.Match[str]) -> Response:
        attrs = status.root_attrs(self._core.identity, self._catalog.now())
        return self._nodes(request, attrs, status.ROOT_ROWS)

    def _account(self, request: Request, match: re.Match[str]) -> Response:
        return self._nodes(request, {"username": "owner", "signInState": "ok"}, [])

    def _accounts(self, request: Request, match: re.Match[str]) -> Response:
        owner = Node("Account", {"id": 1, "key": "/accounts/1", "name": "owner"})
        return self._nodes(request, {}, [owner])

    def _library(self, request: Request, match: re.Match[str]) -> Response:
        return self._nodes(request, status.LIBRARY_ATTRS, status.LIBRARY_ROWS)

    def _activities(self, request: Request, match: re.Match[str]) -> Response:
        nodes = [
            Node(
                "Activity",
                {
                    "uuid": scan.uuid,
                    "type": "library.update.section",
                    "cancellable": False,
                    "userID": 1,
                    "title": "Scanning",
                    "subtitle": scan.section.title,
                    "progress": 50 if scan.found is not None else 0,
                },
                [Node("Context", {"librarySectionID": str(scan.section.key)})],
            )
            for scan in self._core.scanner.running[:1]
        ]
        return self._nodes(request, {}, nodes)

    def _empty_list(self, request: Request, match: re.Match[str]) -> Response:
        return self._nodes(request, {}, [])

    def _butler(self, request: Request, match: re.Match[str]) -> Response:
        return self._nodes(request, {}, status.butler_rows())

    def _preferences(self, request: Request, match: re.Match[str]) -> Response:
        return self._nodes(request, {}, status.preference_rows())

    def _nothing(self, request: Request, match: re.Match[str]) -> Response:
        return empty_response()

    # Sections

    def _sections(self, request: Request, match: re.Match[str]) -> Response:
        sections = (
            []
            if self._core.identity.hide_sections
            else list(self._catalog.sections.values())
        )
        if "section" in match.re.groupindex:
            sections = [self._section(match)]
        attrs: dict[str, Attr] = {"allowSync": False, "title1": "Plex Library"}
        return self._nodes(
            request, attrs, [section_node(section) for section in sections]
        )

    def _listing(self, request: Request, match: re.Match[str]) -> Response:
        section = self._section(match)
        return self._list_section(request, section, wanted_type(section, request))

    def _collections(self, request: Request, match: re.Match[str]) -> Response:
        request.query = [("type", str(int(ItemType.COLLECTION)))] + [
            pair for pair in request.query if pair[0] != "type"
        ]
        return self._list_section(request, self._section(match), ItemType.COLLECTION)

    def _list_section(
        self, request: Request, section: Section, item_type: ItemType
    ) -> Response:
        found = page(
            self._core.switches, select(self._catalog, section, request), request
        )
        style = style_for(
            self._core.switches, "row", request.query, json_wanted=request.wants_json
        )
        rows = [row(item, style) for item in found.items]
        extra = meta_node(section, item_type) if request.flag("includeMeta") else None
        attrs = found.attrs() | listing_attrs(section)
        return self._answer(request, attrs, rows, extra=extra, headers=found.headers())

    def _directory(self, request: Request, match: re.Match[str]) -> Response:
        section, name = self._section(match), match["directory"]
        item_type = wanted_type(section, request)
        items = section.of_type(item_type)
        base = f"/library/sections/{section.key}/all?type={int(item_type)}&{name}="
        entries: list[tuple[str, str]]
        if name in TAG_ELEMENTS:
            tags = [
                tag
                for tag in section.tags_by_id.values()
                if tag.kind == name and not items.keys().isdisjoint(tag.members)
            ]
            entries = sorted(
                ((str(tag.id), tag.name) for tag in tags),
                key=lambda entry: entry[1].casefold(),
            )
        elif name in FIELD_KINDS:
            values = {
                str(item.values[name]) for item in items.values() if name in item.values
            }
            entries = [(value, value) for value in sorted(values)]
        elif name == "decade":
            decades = {
                int(item.values.get("year") or 0) // 10 * 10 for item in items.values()
            } - {0}
            entries = [(str(decade), f"{decade}s") for decade in sorted(decades)]
        else:
            raise PlexError(404)
        nodes = [
            Node(
                "Directory",
                {"fastKey": f"{base}{key}", "key": key, "title": title, "type": name},
            )
            for key, title in entries
        ]
        return self._nodes(
            request, {"identifier": "com.plexapp.plugins.library"}, nodes
        )

    def _scan(self, request: Request, match: re.Match[str]) -> Response:
        self._core.scan(
            self._section(match),
            request.param("path") or None,
            force=request.flag("force"),
        )
        return empty_response()

    def _cancel_scan(self, request: Request, match: re.Match[str]) -> Response:
        self._core.scanner.cancel(self._section(match))
        return empty_response()

    def _empty_trash(self, request: Request, match: re.Match[str]) -> Response:
        for by_type in tuple(self._section(match).items.values()):
            for item in [
                item for item in by_type.values() if item.deleted_at is not None
            ]:
                self._catalog.remove(item)
        return empty_response()
