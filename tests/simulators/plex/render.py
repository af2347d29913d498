"""How items and sections look in an answer."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
import re
from typing import Literal

from .markup import Attr, Node, render
from .state import TAG_ELEMENTS, Item, ItemType, Media, Section, Tagging
from .switches import Switches

View = Literal["row", "full"]

_NOT_A_WORD = re.compile(r"[^a-z0-9]+")

_ORDER = (
    "studio",
    "type",
    "title",
    "titleSort",
    "subtype",
    "collectionMode",
    "collectionSort",
    "originalTitle",
    "contentRating",
    "editionTitle",
    "summary",
    "rating",
    "audienceRating",
    "userRating",
    "lastRatedAt",
    "tagline",
    "year",
    "thumb",
    "art",
    "duration",
    "originallyAvailableAt",
    "addedAt",
    "updatedAt",
)

# (container, codec, frame rate): what a real row carries, so that sizes are lifelike.
_RESOLUTIONS = {720: "720", 1080: "1080", 2160: "4k"}


@dataclass(slots=True, frozen=True)
class Style:
    """What a rendering depends on, beside the item itself; the key of the row cache."""

    view: View = "row"
    json: bool = False
    guids: bool = False
    truncate: bool = True
    without_elements: frozenset[str] = frozenset()
    without_fields: frozenset[str] = frozenset()
    check_files: bool = False
    equal_sort_titles: bool = False
    early_dates: bool = False
    preferences: bool = False


def row(item: Item, style: Style) -> bytes:
    """Return an item as one rendered element, from the cache when nothing changed."""
    if style.view == "full" or style.check_files:
        return render(item_node(item, style), json_wanted=style.json)
    if (cached := item.rows.get(style)) is None:
        cached = render(item_node(item, style), json_wanted=style.json)
        item.rows[style] = cached
    return cached


def style_for(
    switches: Switches,
    view: View,
    query: Iterable[tuple[str, str]],
    *,
    json_wanted: bool,
) -> Style:
    """Read the wishes of a request off its query."""
    params = dict(query)
    elements: frozenset[str] = frozenset()
    fields: frozenset[str] = frozenset()
    if switches.honour_excludes:
        elements = frozenset(filter(None, params.get("excludeElements", "").split(",")))
        fields = frozenset(filter(None, params.get("excludeFields", "").split(",")))
    return Style(
        view=view,
        json=json_wanted,
        guids=view == "full" or params.get("includeGuids") == "1",
        truncate=view == "row" and switches.truncate_listing,
        without_elements=elements,
        without_fields=fields,
        check_files=params.get("checkFiles") == "1",
        equal_sort_titles=not switches.omit_equal_sort_title,
        early_dates=switches.early_summer_dates,
        preferences=params.get("includePreferences") == "1",
    )


def item_node(item: Item, style: Style) -> Node:
    """Build the element of an item."""
    is_video = item.type in (ItemType.MOVIE, ItemType.EPISODE)
    attrs: dict[str, Attr] = {
        "ratingKey": str(item.rating_key),
        "key": item.key if is_video else f"{item.key}/children",
        "guid": item.guid,
    }
    if not item.guid.startswith(("local://", "com.plexapp.", "collection://")):
        attrs["slug"] = _NOT_A_WORD.sub("-", item.title.lower()).strip("-")
    attrs |= _parent_attrs(item)
    values = item.values
    for name in _ORDER:
        if name in style.without_fields:
            continue
        if name == "type":
            attrs["type"] = item.type.word
        elif name == "summary":
            attrs["summary"] = values.get("summary", "")
        elif name in ("thumb", "art"):
            if url := image_url(item, name):
                attrs[name] = url
        elif (value := values.get(name)) is not None:
            if name == "titleSort" and not style.equal_sort_titles:
                if value == values.get("title"):
                    continue
            elif name == "originallyAvailableAt" and style.early_dates:
                value = _day_early(str(value))
            attrs[name] = value
    if item.index is not None:
        attrs["index"] = item.index
    attrs |= _count_attrs(item)
    if item.deleted_at is not None:
        attrs["deletedAt"] = item.deleted_at
    if style.view == "full":
        attrs |= _section_attrs(item.section)
    children = [media_node(item, media, style) for media in item.media]
    children += _tag_nodes(item, style)
    children += _picture_nodes(item)
    if style.guids:
        children += [Node("Guid", {"id": guid}) for guid in item.guids]
    if not style.truncate or style.view == "full":
        children += [
            Node("Field", {"locked": True, "name": name}) for name in sorted(item.locks)
        ]
    if style.preferences and item.type is ItemType.COLLECTION:
        children.append(_preferences(item))
    if style.without_elements:
        children = [
            child for child in children if child.tag not in style.without_elements
        ]
    return Node("Video" if is_video else "Directory", attrs, children, "Metadata")


def _day_early(text: str) -> str:
    """Return the day before one of a summer; other days as they are."""
    day = date.fromisoformat(text[:10])
    if not 4 <= day.month <= 10:
        return text
    return f"{day - timedelta(days=1)}{text[10:]}"


def image_url(item: Item, name: str) -> str:
    """Return the path of the selected image, or an empty text."""
    images = item.images.get(name)
    if images is not None and images.selected is not None:
        return f"/library/metadata/{item.rating_key}/{name}/{images.stamp}"
    if item.type is ItemType.COLLECTION and name == "thumb":
        return f"/library/collections/{item.rating_key}/composite/{item.values.get('updatedAt', 0)}"
    return ""


def media_node(item: Item, media: Media, style: Style) -> Node:
    """Build the element of one version with its files."""
    attrs: dict[str, Attr] = {
        "id": media.id,
        "duration": media.duration,
        "bitrate": media.bitrate,
        "width": media.width,
        "height": media.height,
        "aspectRatio": 1.78,
        "audioChannels": 2,
        "audioCodec": "aac",
        "videoCodec": "h264",
        "videoResolution": _RESOLUTIONS.get(media.height, "sd"),
        "container": media.parts[0].container if media.parts else "mkv",
        "videoFrameRate": "24p",
        "videoProfile": "high",
        "hasVoiceActivity": False,
    }
    if media.proxy_type is not None:
        attrs |= {
            "proxyType": media.proxy_type,
            "target": "Optimized for TV",
            "title": "Optimized for TV",
        }
    if item.deleted_at is not None:
        attrs["deletedAt"] = item.deleted_at
    parts = []
    for part in media.parts:
        part_attrs: dict[str, Attr] = {
            "id": part.id,
            "key": f"/library/parts/{part.id}/{item.values.get('addedAt', 0)}/file.{part.container}",
            "duration": part.duration,
            "file": part.file,
            "size": part.size,
            "container": part.container,
            "videoProfile": "high",
        }
        if style.check_files:
            there = item.deleted_at is None and item.section.mounted
            part_attrs |= {"accessible": there, "exists": there}
        streams = _streams(part.id) if style.view == "full" else []
        parts.append(Node("Part", part_attrs, streams))
    return Node("Media", attrs, parts)


def tag_attrs(tagging: Tagging, *, full: bool) -> dict[str, Attr]:
    """Return the attributes of a tag on an item."""
    tag = tagging.tag
    attrs: dict[str, Attr] = {}
    if full:
        attrs |= {"id": tag.id, "filter": f"{tag.kind}={tag.id}"}
    attrs["tag"] = tag.name
    if tag.kind == "actor" and full:
        if tagging.text:
            attrs["role"] = tagging.text
        if tagging.thumb:
            attrs["thumb"] = tagging.thumb
    return attrs


def section_node(section: Section) -> Node:
    """Build the element of a library."""
    attrs: dict[str, Attr] = {
        "allowSync": True,
        "filters": True,
        "refreshing": section.refreshing,
        "key": str(section.key),
        "type": section.type.word,
        "title": section.title,
        "agent": section.agent,
        "scanner": section.scanner,
        "language": section.language,
        "uuid": section.uuid,
        "updatedAt": section.updated_at,
        "createdAt": section.created_at,
        "scannedAt": section.scanned_at,
        "content": True,
        "directory": True,
        "contentChangedAt": section.content_changed_at,
        "hidden": 0,
    }
    locations = [
        Node("Location", {"id": place.id, "path": place.path})
        for place in section.locations
    ]
    return Node("Directory", attrs, locations)


def listing_attrs(section: Section) -> dict[str, Attr]:
    """Return what the container of a section's rows says about the section."""
    return {
        "allowSync": True,
        "art": f"/:/resources/{section.type.word}-fanart.jpg",
        "identifier": "com.plexapp.plugins.library",
        "librarySectionID": section.key,
        "librarySectionTitle": section.title,
        "librarySectionUUID": section.uuid,
        "mediaTagPrefix": "/system/bundle/media/flags/",
        "mediaTagVersion": 1700000000,
        "thumb": f"/:/resources/{section.type.word}.png",
        "title1": section.title,
        "title2": f"All {section.title}",
        "viewGroup": section.type.word,
        "viewMode": 65592,
    }


def _section_attrs(section: Section) -> dict[str, Attr]:
    return {
        "librarySectionTitle": section.title,
        "librarySectionID": section.key,
        "librarySectionKey": f"/library/sections/{section.key}",
    }


def _parent_attrs(item: Item) -> dict[str, Attr]:
    attrs: dict[str, Attr] = {}
    for prefix, above in zip(
        ("parent", "grandparent"),
        (item.parent, item.parent and item.parent.parent),
        strict=True,
    ):
        if above is None:
            break
        attrs |= {
            f"{prefix}RatingKey": str(above.rating_key),
            f"{prefix}Key": above.key,
            f"{prefix}Guid": above.guid,
            f"{prefix}Title": above.title,
        }
        if above.index is not None:
            attrs[f"{prefix}Index"] = above.index
    return attrs


def _count_attrs(item: Item) -> dict[str, Attr]:
    if item.tag is not None:
        members = len(item.tag.members)
        years = [
            int(member.values["year"])
            for member in item.tag.members.values()
            if "year" in member.values
        ]
        span: dict[str, Attr] = {}
        if years:
            span = {"minYear": min(years), "maxYear": max(years)}
        return {"childCount": members, "smart": False, "ratingCount": members} | span
    if item.type is ItemType.COLLECTION:
        return {"childCount": 0, "smart": item.smart, "ratingCount": 0}
    if item.type is ItemType.SHOW:
        return {
            "childCount": len(item.children),
            "leafCount": sum(len(s.children) for s in item.children),
        }
    if item.type is ItemType.SEASON:
        return {"leafCount": len(item.children)}
    return {}


def _tag_nodes(item: Item, style: Style) -> list[Node]:
    nodes = []
    for kind, element in TAG_ELEMENTS.items():
        taggings = item.tags.get(kind)
        if not taggings:
            continue
        if style.truncate:
            if kind == "label":
                continue
            taggings = taggings[: 3 if kind == "actor" else 2]
        full = style.view == "full"
        nodes += [Node(element, tag_attrs(tagging, full=full)) for tagging in taggings]
    return nodes


def _preferences(item: Item) -> Node:
    choices = {
        "collectionMode": (-1, "-1:Default|0:Hide|1:Hide items|2:Show items"),
        "collectionSort": (0, "0:Release date|1:Alphabetical|2:Custom"),
    }
    settings = [
        Node(
            "Setting",
            {
                "id": name,
                "type": "int",
                "default": default,
                "value": item.values.get(name, default),
                "enumValues": words,
            },
        )
        for name, (default, words) in choices.items()
    ]
    return Node("Preferences", {}, settings)


def _picture_nodes(item: Item) -> list[Node]:
    """Return what newer servers say of the pictures, once more and in colours."""
    nodes = [
        Node("Image", {"alt": item.title, "type": kind, "url": url})
        for kind, name in (("coverPoster", "thumb"), ("background", "art"))
        if (url := image_url(item, name))
    ]
    if nodes:
        corners = ("topLeft", "topRight", "bottomRight", "bottomLeft")
        nodes.append(
            Node("UltraBlurColors", dict.fromkeys(corners, f"{item.index or 0:06x}"))
        )
    return nodes


def _streams(part_id: int) -> list[Node]:
    base = part_id * 10
    return [
        Node(
            "Stream",
            {"id": base, "streamType": 1, "default": True, "codec": "h264", "index": 0},
        ),
        Node(
            "Stream",
            {
                "id": base + 1,
                "streamType": 2,
                "selected": True,
                "codec": "aac",
                "index": 1,
            },
        ),
    ]
