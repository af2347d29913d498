"""Collections as clients make them: create, add, remove, list."""

import re

from .catalog import Catalog
from .edit import parse_ids
from .messages import PlexError, Request
from .state import Item, ItemType, Section, Tag

_URI = re.compile(
    r"^server://[^/]+/com\.plexapp\.plugins\.library/library/metadata/(?P<ids>[\d,]+)"
)


def items_of_uri(catalog: Catalog, request: Request) -> list[Item]:
    """Return the items that a `server://…/library/metadata/1,2` names."""
    match = _URI.match(request.param("uri") or "")
    if match is None:
        raise PlexError(400, "bad uri")
    items = [catalog.items.get(key) for key in parse_ids(match["ids"])]
    if not items or None in items:
        raise PlexError(404)
    return [item for item in items if item is not None]


def create(catalog: Catalog, section: Section, request: Request) -> Item:
    """Create a collection; a title that exists gets a second one, as on a real server."""
    if request.flag("smart"):
        raise PlexError(400, "smart collections are not simulated")
    title = request.param("title") or ""
    members = items_of_uri(catalog, request)
    tag = Tag(catalog.new_id(), "collection", title)
    section.tags_by_id[tag.id] = tag
    if catalog.find_tag(section, "collection", title) is None:
        catalog.rename_tag(section, tag, title)  # puts it under its name
    collection = catalog.add_collection(section, title, members[0].type, tag)
    for item in members:
        add(catalog, collection, item)
    return collection


def add(catalog: Catalog, collection: Item, item: Item) -> None:
    """Put an item into a collection."""
    if collection.tag is None or item.section is not collection.section:
        raise PlexError(400, "not of this library")
    if catalog.add_tagging(item, collection.tag):
        catalog.touch(item, ["collection"])


def drop(catalog: Catalog, collection: Item, item: Item) -> None:
    """Take an item out of a collection; the last one takes the collection with it."""
    if collection.tag is None or item.rating_key not in collection.tag.members:
        raise PlexError(404)
    catalog.drop_tag(item, collection.tag)


def move(collection: Item, item: Item, after: int | None) -> None:
    """Put a member behind another one, or first."""
    tag = collection.tag
    if tag is None or item.rating_key not in tag.members:
        raise PlexError(404)
    del tag.members[item.rating_key]
    keys = list(tag.members)
    place = (
        0 if after is None else keys.index(after) + 1 if after in keys else len(keys)
    )
    keys.insert(place, item.rating_key)
    held = tag.members | {item.rating_key: item}
    tag.members.clear()
    tag.members.update((key, held[key]) for key in keys)


def members(item: Item) -> list[Item]:
    """Return what stands under a collection, a show or a season."""
    if item.tag is not None:
        return list(item.tag.members.values())
    return sorted(item.children, key=lambda child: (child.index or 0, child.rating_key))


def leaves(item: Item) -> list[Item]:
    """Return all episodes below a show or a season."""
    found = []
    for child in sorted(
        item.children, key=lambda below: (below.index or 0, below.rating_key)
    ):
        found += [child] if child.type is ItemType.EPISODE else leaves(child)
    return found
