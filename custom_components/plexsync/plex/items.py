"""Parse full reads: from Plex's XML to the engine's items."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from ..engine.model.fields import FIELDS, Kind
from ..engine.model.ports import Item, Items
from ..engine.model.record import Actor, Value
from .guids import canonical
from .markup import feed, number
from .same import Cut, cut

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
    for name, each in FIELDS.items()
    if each.is_list
}
type SectionOf = Callable[[str, str], str | None]

OPTIMISED = "42"  # a version that Plex converted for a device, with its own file
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
    read_at: float,
    section_of: SectionOf,
    known: Mapping[str, bytes] | None,
) -> Items:
    """Parse the items of an answer; ``known`` as in ``Server.read``.

    ``section_of`` returns the uuid of a chosen library for the key and the uuid in the
    answer, or None. Items of other libraries, and of unknown types, are left out.
    Raises Fault.
    """
    part = Cut(answer) if known is None else cut(answer, known)
    found = Items()
    found.same = part.same
    told: list[_Told] = feed(part.rest, _Answer)
    for each in told:
        said = each.attributes
        rating_key, kind = said.get("ratingKey", ""), said.get("type", "")
        section = section_of(*each.library())
        if kind in TYPES and section is not None and is_rating_key(rating_key):
            digest = part.digests.get(rating_key, b"")
            found[rating_key] = _item(each, kind, section, read_at, digest)
    return found


@dataclass(slots=True)
class _Told:
    """What an answer tells of one item; ``whole`` are the attributes of the answer."""

    attributes: dict[str, str]
    whole: dict[str, str]
    guids: set[str]
    paths: list[str] = field(default_factory=list)
    locks: set[str] = field(default_factory=set)
    lists: dict[str, list[str | Actor]] = field(default_factory=dict)

    def library(self) -> tuple[str, str]:
        """Return the key and the uuid of the library, which the answer may tell instead."""
        said, whole = self.attributes, self.whole
        key = said.get("librarySectionID") or whole.get("librarySectionID", "")
        if key != whole.get("librarySectionID"):
            whole = {}  # that is another library
        uuid = said.get("librarySectionUUID") or whole.get("librarySectionUUID", "")
        return key, uuid


class _Answer:
    """A parser's target: takes down what is wanted of each item and builds no tree."""

    def __init__(self) -> None:
        self._told: list[_Told] = []
        self._depth = 0
        self._whole: dict[str, str] = {}
        self._files = False  # whether we are in a version with files of the item's own

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        self._depth = depth = self._depth + 1
        if depth == 3:
            self._child(tag, attributes)
        elif depth == 4:
            if self._files and tag == "Part" and (path := attributes.get("file")):
                self._told[-1].paths.append(path)
        elif depth == 2:
            guid = attributes.get("guid")
            guids = {canonical(guid)} if guid else set[str]()
            self._told.append(_Told(attributes, self._whole, guids))
        elif depth == 1:
            self._whole = attributes

    def end(self, tag: str) -> None:
        self._depth -= 1

    def close(self) -> list[_Told]:
        return self._told

    def _child(self, tag: str, attributes: dict[str, str]) -> None:
        item = self._told[-1]
        self._files = False
        if (name := _ELEMENTS.get(tag)) is not None:
            if member := attributes.get("tag"):
                role, thumb = attributes.get("role", ""), attributes.get("thumb", "")
                value = Actor(member, role, thumb) if tag == "Role" else member
                item.lists.setdefault(name, []).append(value)
        elif tag == "Field":
            if attributes.get("locked") == "1" and (
                lock := _FIELDS.get(attributes.get("name", ""))
            ):
                item.locks.add(lock)
        elif tag == "Guid":
            if other := attributes.get("id"):
                item.guids.add(canonical(other))
        elif tag == "Media":
            self._files = attributes.get("proxyType") != OPTIMISED


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
        year=number(said.get("year")),
        episode=_episode(said) if kind == "episode" else "",
        handle=Handle(told.library()[0], TYPES[kind], frozenset(told.guids)),
        digest=digest,
    )


def _episode(said: Mapping[str, str]) -> str:
    """Name an episode by its numbers, which Plex reads off the file's name."""
    index = said.get("index")
    return f"{said.get('parentIndex', '')}x{index}" if index else ""


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
