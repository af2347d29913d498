"""Full reads: from Plex's XML to the engine's items."""

from collections.abc import Callable
from dataclasses import dataclass

from ..engine.fields import FIELDS
from ..engine.ports import Item
from ..engine.record import Actor, Value
from .markup import LARGEST, Element

TYPES = {"movie": 1, "show": 2, "season": 3, "episode": 4}
# Our name of a field -> the name in an edit and in a lock.
NAMES = {
    "title": "title",
    "sort_title": "titleSort",
    "original_title": "originalTitle",
    "summary": "summary",
    "tagline": "tagline",
    "studio": "studio",
    "content_rating": "contentRating",
    "date": "originallyAvailableAt",
    "user_rating": "userRating",
    "genres": "genre",
    "labels": "label",
    "collections": "collection",
    "directors": "director",
    "writers": "writer",
    "actors": "actor",
    "poster": "thumb",
    "background": "art",
}
_FIELDS = {plex: ours for ours, plex in NAMES.items()} | {
    "role": "actors",
    "year": "year",
}
_ELEMENTS = {
    "Genre": "genres",
    "Label": "labels",
    "Collection": "collections",
    "Director": "directors",
    "Writer": "writers",
    "Role": "actors",
}
type SectionOf = Callable[[str, str], str | None]

_OPTIMISED = "42"  # a version that Plex made for some device; its file is no one else's
# What plexapi's mixins say each type can be edited in, actors added by hand.
_ANY = {
    "title",
    "summary",
    "user_rating",
    "labels",
    "collections",
    "poster",
    "background",
}
FIELDS_OF: dict[str, frozenset[str]] = {
    "movie": frozenset(NAMES),
    "show": frozenset(NAMES) - {"directors", "writers"},
    "season": frozenset(_ANY),
    "episode": frozenset(
        _ANY | {"sort_title", "content_rating", "date", "directors", "writers"}
    ),
}


@dataclass(frozen=True, slots=True)
class Handle:
    """Where an edit of an item goes: the key of its library, the number of its type.

    ``guids`` are all the item's, its own and those of other catalogues.
    """

    section_key: str
    type_number: int
    guids: frozenset[str] = frozenset()


def is_rating_key(text: str) -> bool:
    """Say whether a text can be a rating key and nothing else, such as a list of them."""
    return (
        text.isascii() and text.isdecimal() and len(text) < 20 and int(text) <= LARGEST
    )


def parse_items(
    root: Element,
    *,
    read_at: float,
    section_of: SectionOf,
) -> dict[str, Item]:
    """Read the items of an answer by rating key.

    ``section_of`` gives the uuid of a chosen library from its key and the uuid
    that the answer names, or None; items of no chosen library, and of types
    that we do not know, are left out.
    """
    found: dict[str, Item] = {}
    for node in root:
        rating_key = node.get("ratingKey") or ""
        kind = node.get("type") or ""
        section_key = node.get("librarySectionID") or root.get("librarySectionID") or ""
        named = node.get("librarySectionUUID")
        if named is None and section_key == root.get("librarySectionID"):
            named = root.get("librarySectionUUID")
        section = section_of(section_key, named or "")
        if kind in TYPES and section is not None and is_rating_key(rating_key):
            found[rating_key] = Item(
                rating_key=rating_key,
                section=section,
                paths=_paths(node),
                fields=_values(node, kind),
                locks=_locks(node),
                read_at=read_at,
                guid=node.get("guid") or "",
                year=_year(node.get("year") or ""),
                handle=Handle(section_key, TYPES[kind], _guids(node)),
            )
    return found


def _year(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 5 else None


def _paths(node: Element) -> tuple[str, ...]:
    return tuple(
        path
        for media in node.findall("Media")
        if media.get("proxyType") != _OPTIMISED
        for part in media.findall("Part")
        if (path := part.get("file"))
    )


def _guids(node: Element) -> frozenset[str]:
    named = [each.get("id") for each in node.findall("Guid")]
    return frozenset(guid for guid in (node.get("guid"), *named) if guid)


def _locks(node: Element) -> frozenset[str]:
    return frozenset(
        ours
        for lock in node.findall("Field")
        if lock.get("locked") == "1" and (ours := _FIELDS.get(lock.get("name") or ""))
    )


def _values(node: Element, kind: str) -> dict[str, Value | None]:
    values: dict[str, Value | None] = {}
    for name in FIELDS_OF[kind]:
        if FIELDS[name].is_list:
            values[name] = None
        else:
            values[name] = _single(name, node.get(NAMES[name]))
    lists: dict[str, list[str | Actor]] = {}
    for child in node:
        name = _ELEMENTS.get(child.tag, "")
        if name in values and (tag := child.get("tag")):
            member = _actor(tag, child) if name == "actors" else tag
            lists.setdefault(name, []).append(member)
    for name, members in lists.items():
        values[name] = tuple(members)  # type: ignore[assignment]  # one kind per field
    return values


def _actor(name: str, node: Element) -> Actor:
    return Actor(name, node.get("role") or "", node.get("thumb") or "")


def _single(name: str, text: str | None) -> str | float | None:
    if not text:
        return None
    if name == "date":
        return text[:10]
    if name != "user_rating":
        return text
    try:
        return float(text)
    except ValueError:
        return None
