"""The paths about items: reads, edits, images, collections."""

import re

from . import grouping, images, upheavals
from .answers import Answers
from .edit import (
    apply_edit,
    apply_values,
    check_rename,
    parse_edit,
    parse_ids,
    parse_value,
)
from .listing import wanted_type
from .markup import Attr
from .messages import PlexError, Request, Response, empty_response, plex_headers
from .render import listing_attrs, row, style_for
from .state import Item, ItemType
from .switches import TagMode

WHOLE_SECTION = "EDITED WHOLE SECTION"


class ItemRoutes(Answers):
    """Everything under a rating key, and the edits of a section."""

    # Items

    def _metadata(self, request: Request, match: re.Match[str]) -> Response:
        keys = dict.fromkeys(parse_ids(match["ids"]))
        items = [
            item for key in keys if (item := self._catalog.items.get(key)) is not None
        ]
        if not items or (
            len(items) < len(keys) and not self._core.switches.partial_multi_get
        ):
            raise PlexError(404)
        style = style_for(
            self._core.switches, "full", request.query, json_wanted=request.wants_json
        )
        section = items[0].section
        attrs: dict[str, Attr] = {
            "size": len(items),
            "allowSync": True,
            "identifier": "com.plexapp.plugins.library",
            "librarySectionID": section.key,
            "librarySectionTitle": section.title,
            "librarySectionUUID": section.uuid,
            "mediaTagPrefix": "/system/bundle/media/flags/",
            "mediaTagVersion": 1700000000,
        }
        return self._answer(request, attrs, [row(item, style) for item in items])

    def _children(self, request: Request, match: re.Match[str]) -> Response:
        item = self._known(match)[0]
        attrs: dict[str, Attr] = {"key": str(item.rating_key), "title2": item.title}
        found = grouping.members(item)
        return self._items(request, found, listing_attrs(item.section) | attrs)

    def _leaves(self, request: Request, match: re.Match[str]) -> Response:
        item = self._known(match)[0]
        return self._items(request, grouping.leaves(item), listing_attrs(item.section))

    def _edit_section(self, request: Request, match: re.Match[str]) -> Response:
        section = self._section(match)
        item_type = wanted_type(section, request)
        mode = self._core.switches.tag_mode_section
        if keys := parse_ids(request.param("id") or ""):
            items = [section.of_type(item_type).get(key) for key in dict.fromkeys(keys)]
            if None in items:
                raise PlexError(404)
            return self._edit(
                request, [item for item in items if item is not None], item_type, mode
            )
        # The most dangerous line of the API: without ids the edit goes to every item.
        response = self._edit(
            request, list(section.of_type(item_type).values()), item_type, mode
        )
        self._core.whole_section_edits += 1
        response.outcome = WHOLE_SECTION
        return response

    def _edit_metadata(self, request: Request, match: re.Match[str]) -> Response:
        items = self._known(match)
        return self._edit(
            request, items, items[0].type, self._core.switches.tag_mode_metadata
        )

    def _edit(
        self, request: Request, items: list[Item], item_type: ItemType, mode: TagMode
    ) -> Response:
        edit = parse_edit(
            request.query, item_type, strict=self._core.switches.strict_types
        )
        for item in items:
            check_rename(self._catalog, item, edit)
        for item in items:
            apply_edit(self._catalog, item, edit, mode)
        return empty_response()

    def _delete(self, request: Request, match: re.Match[str]) -> Response:
        items = self._known(match)
        if not self._core.switches.allow_deletion and any(
            i.type is not ItemType.COLLECTION for i in items
        ):
            raise PlexError(403)
        for item in items:
            self._catalog.remove(item)
        return empty_response()

    def _refresh(self, request: Request, match: re.Match[str]) -> Response:
        for item in self._known(match):
            self._core.agent_refresh(item.rating_key)
        return empty_response()

    def _merge(self, request: Request, match: re.Match[str]) -> Response:
        items = [
            self._catalog.items.get(key)
            for key in parse_ids(request.param("ids") or "")
        ]
        if not items or None in items:
            raise PlexError(404)
        try:
            upheavals.merge(
                self._catalog, self._known(match)[0], [i for i in items if i]
            )
        except ValueError as err:
            raise PlexError(400, str(err)) from None
        return empty_response()

    def _split(self, request: Request, match: re.Match[str]) -> Response:
        if (item := self._known(match)[0]).media:
            upheavals.split(self._catalog, item)
        return empty_response()

    def _rate(self, request: Request, match: re.Match[str]) -> Response:
        key = request.param("key") or ""
        item = self._catalog.items.get(int(key)) if key.isdecimal() else None
        if item is None:
            raise PlexError(404)
        raw = request.param("rating")
        if raw is None:
            raise PlexError(400, "rating is missing")
        changed = apply_values(
            self._catalog, item, {"userRating": parse_value("userRating", raw)}
        )
        self._catalog.touch(item, changed)
        return empty_response()

    # Images

    def _upload(self, request: Request, match: re.Match[str]) -> Response:
        items, word = self._known(match), match["word"]
        if (url := request.param("url")) is None:
            images.upload(self._catalog, items, word, request.body)
            return empty_response()
        if url.startswith(("upload://", "media://", "metadata://")):
            for item in items:
                images.select(self._catalog, item, word, url)
            return empty_response()
        data = request.fetched
        if data is None and self._core.fetch is not None:
            data = self._core.fetch(url)
        if data is None:
            raise PlexError(500, "the image could not be fetched")
        images.upload(self._catalog, items, word, data)
        return empty_response()

    def _images(self, request: Request, match: re.Match[str]) -> Response:
        nodes = images.nodes(self._known(match)[0], match["word"])
        return self._nodes(
            request, {"identifier": "com.plexapp.plugins.library"}, nodes
        )

    def _select_image(self, request: Request, match: re.Match[str]) -> Response:
        for item in self._known(match):
            images.select(
                self._catalog, item, match["word"], request.param("url") or ""
            )
        return empty_response()

    def _unselect_image(self, request: Request, match: re.Match[str]) -> Response:
        for item in self._known(match):
            images.unselect(self._catalog, item, match["word"])
        return empty_response()

    def _image_bytes(self, request: Request, match: re.Match[str]) -> Response:
        item = self._known(match)[0]
        if match["word"] == "composite":
            return self._binary(images.PLACEHOLDER)
        name, _ = images.IMAGE_PATHS[match["word"]]
        return self._binary(images.data_of(self._catalog, item.image_key(name)))

    def _image_file(self, request: Request, match: re.Match[str]) -> Response:
        self._known(match)
        return self._binary(images.data_of(self._catalog, request.param("url")))

    def _binary(self, data: bytes | None) -> Response:
        if data is None:
            raise PlexError(404)
        kind = images.image_type(data) or "application/octet-stream"
        return Response(200, {"Content-Type": kind} | plex_headers(), data)

    # Collections

    def _create_collection(self, request: Request, match: re.Match[str]) -> Response:
        key = request.param("sectionId") or ""
        section = self._catalog.sections.get(int(key)) if key.isdecimal() else None
        if section is None:
            raise PlexError(404)
        item = grouping.create(self._catalog, section, request)
        style = style_for(
            self._core.switches, "full", [], json_wanted=request.wants_json
        )
        return self._answer(
            request, {"size": 1} | listing_attrs(section), [row(item, style)]
        )

    def _add_to_collection(self, request: Request, match: re.Match[str]) -> Response:
        collection = self._known(match)[0]
        for item in grouping.items_of_uri(self._catalog, request):
            grouping.add(self._catalog, collection, item)
        return self._metadata(request, match)

    def _remove_from_collection(
        self, request: Request, match: re.Match[str]
    ) -> Response:
        collection = self._known(match)[0]
        member = self._catalog.items.get(int(match["member"]))
        if member is None:
            raise PlexError(404)
        grouping.drop(self._catalog, collection, member)
        return empty_response()

    def _move_in_collection(self, request: Request, match: re.Match[str]) -> Response:
        collection, after = self._known(match)[0], request.param("after")
        member = self._catalog.items.get(int(match["member"]))
        if member is None:
            raise PlexError(404)
        grouping.move(collection, member, int(after) if after else None)
        return empty_response()

    def _set_preferences(self, request: Request, match: re.Match[str]) -> Response:
        for item in self._known(match):
            for name in ("collectionMode", "collectionSort"):
                if (raw := request.param(name)) is not None:
                    item.values[name] = raw
            self._catalog.touch(item, [])
        return empty_response()
