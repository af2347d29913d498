"""Parse full reads: from Plex's XML to the engine's items."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ..engine.model.fields import FIELDS, Kind
from ..engine.model.ports import Item
from ..engine.model.record import Actor, Value
from .guids import canonical
from .markup import feed, number

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
    answer: bytes,
    *,
    read_at: float,
    section_of: SectionOf,
    digests: Mapping[str, bytes],
) -> dict[str, Item]:
    """Parse the items of an answer, by rating key; ``digests`` are those of their XML.

    ``section_of`` returns the uuid of a chosen library for the key and the uuid in the
    answer, or None. Items of other libraries, and of unknown types, are left out.
    Raises Fault.
    """
    told: list[_Told] = feed(answer, _Answer)
    found: dict[str, Item] = {}
    for each in told:
        said = each.attributes
        rating_key, kind = said.get("ratingKey", ""), said.get("type", "")
        section = section_of(each.section_key, each.section_uuid)
        if kind in TYPES and section is not None and is_rating_key(rating_key):
            digest = digests.get(rating_key, b"")
            found[rating_key] = _item(each, kind, section, read_at, digest)
    return found


class _Told:
    """What an answer tells of one item."""

    __slots__ = (
        "attributes",
        "guids",
        "lists",
        "locks",
        "paths",
        "section_key",
        "section_uuid",
    )

    def __init__(self, attributes: dict[str, str], here: Mapping[str, str]) -> None:
        """Begin; of the library the answer may tell instead of the item."""
        self.attributes = attributes
        key = here.get("librarySectionID", "")
        self.section_key = attributes.get("librarySectionID") or key
        named = attributes.get("librarySectionUUID")
        if named is None and key and self.section_key == key:
            named = here.get("librarySectionUUID")
        self.section_uuid = named or ""
        guid = attributes.get("guid")
        self.guids = {canonical(guid)} if guid else set[str]()
        self.paths: list[str] = []
        self.locks: set[str] = set()
        self.lists: dict[str, list[str | Actor]] = {}


class _Answer:
    """A parser's target: takes down what is wanted of each item and builds no tree."""

    def __init__(self) -> None:
        self._told: list[_Told] = []
        self._depth = 0
        self._here: dict[str, str] = {}
        self._item: _Told | None = None
        self._files = False  # whether we are in a version with files of the item's own

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        self._depth = depth = self._depth + 1
        if depth == 3:
            self._child(tag, attributes)
        elif depth == 4:
            if self._files and tag == "Part" and (path := attributes.get("file")):
                assert self._item is not None
                self._item.paths.append(path)
        elif depth == 2:
            self._item = _Told(attributes, self._here)
            self._told.append(self._item)
        elif depth == 1:
            self._here = attributes

    def end(self, tag: str) -> None:
        self._depth -= 1

    def close(self) -> list[_Told]:
        return self._told

    def _child(self, tag: str, attributes: dict[str, str]) -> None:
        item = self._item
        assert item is not None
        self._files = False
        if (name := _ELEMENTS.get(tag)) is not None:
            if member := attributes.get("tag"):
                item.lists.setdefault(name, []).append(
                    _actor(member, attributes) if tag == "Role" else member
                )
        elif tag == "Field":
            if attributes.get("locked") == "1" and (
                lock := _FIELDS.get(attributes.get("name", ""))
            ):
                item.locks.add(lock)
        elif tag == "Guid":
            if other := attributes.get("id"):
                item.guids.add(canonical(other))
        elif tag == "Media":
            self._files = attributes.get("proxyType") != _OPTIMISED


def _item(told: _Told, kind: str, section: str, read_at: float, digest: bytes) -> Item:
    """Make an item of what was told of it."""
    said = told.attributes
    values: dict[str, Value | None] = {
        name: read(said.get(attribute, "")) for name, attribute, read in _SINGLES[kind]
    }
    for name in _LISTS_OF[kind]:
        values[name] = tuple(told.lists.get(name, ())) or None  # type: ignore[assignment]  # one kind per field
    return Item(
        rating_key=said["ratingKey"],
        section=section,
        paths=tuple(told.paths),
        fields=values,
        locks=frozenset(told.locks),
        read_at=read_at,
        year=_year(said.get("year", "")),
        handle=Handle(told.section_key, TYPES[kind], frozenset(told.guids)),
        digest=digest,
    )


def _actor(name: str, said: Mapping[str, str]) -> Actor:
    return Actor(name, said.get("role", ""), said.get("thumb", ""))


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
