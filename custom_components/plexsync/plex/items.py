"""Parse full reads: from Plex's XML to the engine's items."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ..engine.fields import FIELDS, Kind
from ..engine.ports import Item
from ..engine.record import Actor, Value
from .guids import canonical
from .markup import Element, number

TYPES = {"movie": 1, "show": 2, "season": 3, "episode": 4}
# Our name of a field -> Plex's name in edits and locks.
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
# In an answer, a list's elements are named like the list in an edit, except the cast's.
_ELEMENTS = {
    "Role" if name == "actors" else NAMES[name].capitalize(): name
    for name, field in FIELDS.items()
    if field.is_list
}
type SectionOf = Callable[[str, str], str | None]

_OPTIMISED = "42"  # a version that Plex converted for a device, with its own file
# The editable fields of each type by plexapi's mixins, plus the actors.
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
    """What an edit of an item needs: the key of its library, the number of its type.

    ``guids`` are all guids of the item, its own and those of other catalogues, in their
    canonical spelling (``guids.canonical``).
    """

    section_key: str
    type_number: int
    guids: frozenset[str] = frozenset()


def is_rating_key(text: str) -> bool:
    """Return whether a text is a single rating key, and for example no list of them."""
    return number(text) is not None


def parse_items(
    root: Element,
    *,
    read_at: float,
    section_of: SectionOf,
    digests: Mapping[str, bytes],
) -> dict[str, Item]:
    """Parse the items of an answer, by rating key; ``digests`` are those of their XML.

    ``section_of`` returns the uuid of a chosen library for the key and the uuid in the
    answer, or None. Items of other libraries, and of unknown types, are left out.
    """
    found: dict[str, Item] = {}
    here, named_here = root.get("librarySectionID"), root.get("librarySectionUUID")
    for node in root:
        rating_key = node.get("ratingKey") or ""
        kind = node.get("type") or ""
        section_key = node.get("librarySectionID") or here or ""
        named = node.get("librarySectionUUID")
        if named is None and section_key == here:
            named = named_here
        section = section_of(section_key, named or "")
        if kind in TYPES and section is not None and is_rating_key(rating_key):
            said = digests.get(rating_key, b"")
            found[rating_key] = _item(node, kind, section, section_key, read_at, said)
    return found


def _item(
    node: Element,
    kind: str,
    section: str,
    section_key: str,
    read_at: float,
    digest: bytes,
) -> Item:
    """Parse an item in one pass over its elements."""
    guid = node.get("guid") or ""
    paths: list[str] = []
    guids = {canonical(guid)} if guid else set()
    locks: set[str] = set()
    lists: dict[str, list[str | Actor]] = {}
    for child in node:
        tag = child.tag
        if (name := _ELEMENTS.get(tag)) is not None:
            if member := child.get("tag"):
                lists.setdefault(name, []).append(
                    _actor(member, child) if tag == "Role" else member
                )
        elif tag == "Field":
            if child.get("locked") == "1" and (
                lock := _FIELDS.get(child.get("name") or "")
            ):
                locks.add(lock)
        elif tag == "Guid":
            if other := child.get("id"):
                guids.add(canonical(other))
        elif tag == "Media" and child.get("proxyType") != _OPTIMISED:
            parts = (part.get("file") for part in child.findall("Part"))
            paths += [path for path in parts if path]
    values: dict[str, Value | None] = {
        name: read(node.get(attribute) or "")
        for name, attribute, read in _SINGLES[kind]
    }
    for name in _LISTS_OF[kind]:
        values[name] = tuple(lists.get(name, ())) or None  # type: ignore[assignment]  # one kind per field
    return Item(
        rating_key=node.get("ratingKey") or "",
        section=section,
        paths=tuple(paths),
        fields=values,
        locks=frozenset(locks),
        read_at=read_at,
        guid=guid,
        year=_year(node.get("year") or ""),
        handle=Handle(section_key, TYPES[kind], frozenset(guids)),
        digest=digest,
    )


def _actor(name: str, node: Element) -> Actor:
    return Actor(name, node.get("role") or "", node.get("thumb") or "")


def _year(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 5 else None


def _text(text: str) -> str | None:
    return text or None


def _date(text: str) -> str | None:
    return text[:10] or None


def _rating(text: str) -> float | None:
    try:
        rating = float(text)
    except ValueError:
        return None
    return rating if 0 <= rating <= 10 else None  # "nan" fails, too


_READ: dict[Kind, Callable[[str], Value | None]] = {
    Kind.DATE: _date,
    Kind.RATING: _rating,
}
_SINGLES = {
    kind: [
        (name, NAMES[name], _READ.get(FIELDS[name].kind, _text))
        for name in sorted(names)
        if not FIELDS[name].is_list
    ]
    for kind, names in FIELDS_OF.items()
}
_LISTS_OF = {
    kind: [name for name in sorted(names) if FIELDS[name].is_list]
    for kind, names in FIELDS_OF.items()
}
