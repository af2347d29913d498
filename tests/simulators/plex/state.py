"""What the simulated Plex holds: sections, items, tags, files."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

Value = str | int | float


class ItemType(IntEnum):
    """Plex's numbers for kinds of metadata."""

    MOVIE = 1
    SHOW = 2
    SEASON = 3
    EPISODE = 4
    COLLECTION = 18

    @property
    def word(self) -> str:
        """Return the name that stands in the `type` attribute."""
        return self.name.lower()


# Kinds of value: they decide what a bad one looks like (§3.2: bad value -> 500).
FIELD_KINDS = {
    "title": "text",
    "titleSort": "text",
    "originalTitle": "text",
    "summary": "text",
    "tagline": "text",
    "studio": "text",
    "contentRating": "text",
    "editionTitle": "text",
    "originallyAvailableAt": "date",
    "year": "integer",
    "userRating": "rating",
    "rating": "rating",
    "audienceRating": "rating",
    "addedAt": "integer",
}

# The name in an edit -> the element in an answer.
TAG_ELEMENTS = {
    "genre": "Genre",
    "country": "Country",
    "director": "Director",
    "writer": "Writer",
    "producer": "Producer",
    "actor": "Role",
    "collection": "Collection",
    "label": "Label",
    "mood": "Mood",
    "style": "Style",
    "similar": "Similar",
}

IMAGE_FIELDS = frozenset({"thumb", "art", "banner", "theme", "clearLogo", "squareArt"})

_RATINGS = {"userRating", "rating", "audienceRating", "addedAt"}

EDITABLE: dict[ItemType, frozenset[str]] = {
    ItemType.MOVIE: frozenset(FIELD_KINDS),
    ItemType.SHOW: frozenset(FIELD_KINDS),
    ItemType.SEASON: frozenset({"title", "summary"} | _RATINGS),
    ItemType.EPISODE: frozenset(
        {
            "title",
            "titleSort",
            "summary",
            "contentRating",
            "originallyAvailableAt",
            "year",
        }
        | _RATINGS
    ),
    ItemType.COLLECTION: frozenset(
        {"title", "titleSort", "summary", "contentRating"} | _RATINGS
    ),
}

TAGGABLE: dict[ItemType, frozenset[str]] = {
    ItemType.MOVIE: frozenset(TAG_ELEMENTS),
    ItemType.SHOW: frozenset(
        {"genre", "label", "collection", "actor", "mood", "style", "similar"}
    ),
    ItemType.SEASON: frozenset({"label", "collection"}),
    ItemType.EPISODE: frozenset({"director", "writer", "label", "collection"}),
    ItemType.COLLECTION: frozenset({"label"}),
}

# Names a person would write -> Plex's own.
ALIASES = {
    "sort_title": "titleSort",
    "title_sort": "titleSort",
    "original_title": "originalTitle",
    "content_rating": "contentRating",
    "edition_title": "editionTitle",
    "date": "originallyAvailableAt",
    "originally_available_at": "originallyAvailableAt",
    "user_rating": "userRating",
    "audience_rating": "audienceRating",
    "critic_rating": "rating",
    "added_at": "addedAt",
    "genres": "genre",
    "countries": "country",
    "directors": "director",
    "writers": "writer",
    "producers": "producer",
    "actors": "actor",
    "role": "actor",
    "roles": "actor",
    "collections": "collection",
    "labels": "label",
    "moods": "mood",
    "styles": "style",
}


@dataclass(slots=True, eq=False)
class Tag:
    """A tag of one section; `collection` is the rating key of its collection item."""

    id: int
    kind: str
    name: str
    thumb: str = ""
    collection: int | None = None
    members: dict[int, Item] = field(default_factory=dict, repr=False)


@dataclass(slots=True, eq=False)
class Tagging:
    """A tag on an item; `text` is the part that an actor plays."""

    tag: Tag
    text: str = ""
    thumb: str = ""


@dataclass(slots=True, eq=False)
class Part:
    """One file of an item; `inode` survives a rename on disk."""

    id: int
    file: str
    size: int
    duration: int
    container: str
    inode: int
    folded: str = field(init=False)
    """The path in the form that the `file` filter compares, kept because it runs over all."""

    def __post_init__(self) -> None:
        """Derive what is derived."""
        self.folded = self.file.casefold()

    def rename(self, path: str) -> None:
        """Follow a rename on the disk."""
        self.file = path
        self.folded = path.casefold()


@dataclass(slots=True, eq=False)
class Media:
    """One version of an item; `proxy_type` 42 marks an optimised one."""

    id: int
    duration: int
    width: int
    height: int
    bitrate: int
    parts: list[Part]
    proxy_type: int | None = None


@dataclass(slots=True, eq=False)
class Images:
    """The images of one field: keys in order, and the selected one."""

    keys: list[str] = field(default_factory=list)
    selected: str | None = None
    stamp: int = 0


@dataclass(slots=True, eq=False)
class Item:
    """One metadata item; `values` uses Plex's attribute names."""

    rating_key: int
    section: Section = field(repr=False)
    type: ItemType
    values: dict[str, Value]
    guid: str
    guids: tuple[str, ...] = ()
    parent: Item | None = None
    index: int | None = None
    media: list[Media] = field(default_factory=list)
    tags: dict[str, list[Tagging]] = field(default_factory=dict)
    locks: set[str] = field(default_factory=set)
    images: dict[str, Images] = field(default_factory=dict)
    children: list[Item] = field(default_factory=list, repr=False)
    tag: Tag | None = None
    smart: bool = False
    """A collection that a filter fills; ours is always empty."""
    agent: dict[str, Any] = field(default_factory=dict)
    deleted_at: int | None = None
    rows: dict[object, bytes] = field(default_factory=dict, repr=False)

    @property
    def title(self) -> str:
        """Return the title."""
        return str(self.values.get("title", ""))

    @property
    def files(self) -> list[str]:
        """Return the paths of all parts."""
        return [part.file for part in self.parts()]

    @property
    def key(self) -> str:
        """Return the API path."""
        if self.type is ItemType.COLLECTION:
            return f"/library/collections/{self.rating_key}"
        return f"/library/metadata/{self.rating_key}"

    def parts(self) -> Iterator[Part]:
        """Yield all files of all versions."""
        for media in self.media:
            yield from media.parts

    def value(self, name: str) -> Value | None:
        """Return a field by Plex's name or a person's; `None` when not set."""
        return self.values.get(ALIASES.get(name, name))

    def tag_names(self, kind: str) -> list[str]:
        """Return the names of the tags of one kind, in order."""
        return [
            tagging.tag.name for tagging in self.tags.get(ALIASES.get(kind, kind), ())
        ]

    def roles(self) -> dict[str, str]:
        """Return who plays what."""
        return {
            tagging.tag.name: tagging.text for tagging in self.tags.get("actor", ())
        }

    def locked(self, name: str) -> bool:
        """Return whether a field is locked."""
        return ALIASES.get(name, name) in self.locks

    def image_key(self, name: str) -> str | None:
        """Return the rating key of the selected image, as `upload://posters/<sha1>`."""
        images = self.images.get(name)
        return images.selected if images else None


@dataclass(slots=True, eq=False)
class Location:
    """A folder of a section."""

    id: int
    path: str


@dataclass(slots=True, eq=False)
class Section:
    """One library; `versions` counts changes per field so that cached orders know their age."""

    key: int
    type: ItemType
    title: str
    uuid: str
    agent: str
    scanner: str
    language: str
    locations: list[Location]
    created_at: int
    updated_at: int
    scanned_at: int
    content_changed_at: int
    refreshing: bool = False
    mounted: bool = True
    vanished: bool = False
    items: dict[ItemType, dict[int, Item]] = field(default_factory=dict, repr=False)
    tags_by_id: dict[int, Tag] = field(default_factory=dict, repr=False)
    tags_by_name: dict[tuple[str, str], Tag] = field(default_factory=dict, repr=False)
    versions: Counter[str] = field(default_factory=Counter)
    orders: dict[object, tuple[tuple[int, ...], list[Item]]] = field(
        default_factory=dict, repr=False
    )

    def of_type(self, item_type: ItemType) -> dict[int, Item]:
        """Return the items of one type by rating key."""
        return self.items.setdefault(item_type, {})


@dataclass(slots=True, eq=False)
class DiskFile:
    """A file on the simulated disk."""

    path: str
    size: int
    inode: int
