"""The whole server as JSON-able data, and one item as a test wants to see it."""

from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from .catalog import Catalog
from .state import (
    DiskFile,
    Images,
    Item,
    ItemType,
    Location,
    Media,
    Part,
    Section,
    Tag,
    Tagging,
)

_SECTION_PLAIN = [
    "key",
    "title",
    "uuid",
    "agent",
    "scanner",
    "language",
    "created_at",
    "updated_at",
    "scanned_at",
    "content_changed_at",
    "mounted",
    "vanished",
]
_ITEM_PLAIN = ["rating_key", "values", "guid", "index", "deleted_at", "agent", "smart"]


def item_state(item: Item) -> dict[str, Any]:
    """Return what an item holds, for people and tests to read."""
    return {
        "ratingKey": item.rating_key,
        "section": item.section.key,
        "type": item.type.word,
        "values": dict(item.values),
        "tags": {
            kind: [tagging.tag.name for tagging in tags]
            for kind, tags in item.tags.items()
        },
        "roles": item.roles(),
        "portraits": {t.tag.name: t.thumb for t in item.tags.get("actor", ())},
        "locks": sorted(item.locks),
        "files": item.files,
        "guid": item.guid,
        "guids": list(item.guids),
        "images": {name: images.selected for name, images in item.images.items()},
        "pictures": {name: list(images.keys) for name, images in item.images.items()},
        "deletedAt": item.deleted_at,
    }


def dump(catalog: Catalog) -> dict[str, Any]:
    """Return the whole catalog."""
    return {
        "version": 1,
        "next": [catalog.next_key, catalog.next_id, catalog.next_change],
        "sections": [_dump_section(section) for section in catalog.sections.values()],
        "items": [_dump_item(item) for item in catalog.items.values()],
        "disk": [[file.path, file.size, file.inode] for file in catalog.disk.values()],
        "blobs": {
            digest: b64encode(data).decode() for digest, data in catalog.blobs.items()
        },
    }


def load(catalog: Catalog, data: Mapping[str, Any]) -> None:
    """Replace the whole catalog."""
    if data.get("version") != 1:
        raise ValueError("not a state of this simulator")
    catalog.sections = {raw["key"]: _load_section(raw) for raw in data["sections"]}
    catalog.items = {}
    for raw in data["items"]:
        item = _load_item(raw, catalog.sections[raw["section"]])
        catalog.items[item.rating_key] = item
        item.section.of_type(item.type)[item.rating_key] = item
    for raw in data["items"]:
        item = catalog.items[raw["rating_key"]]
        if raw["parent"] is not None:
            item.parent = catalog.items[raw["parent"]]
            item.parent.children.append(item)
        if raw["tag"] is not None:
            item.tag = item.section.tags_by_id[raw["tag"]]
    for raw in data["sections"]:
        section = catalog.sections[raw["key"]]
        for tag_id, *_, members, _ in raw["tags"]:
            section.tags_by_id[tag_id].members = {
                key: catalog.items[key] for key in members
            }
    catalog.disk = {
        path: DiskFile(path, size, inode) for path, size, inode in data["disk"]
    }
    catalog.blobs = {digest: b64decode(text) for digest, text in data["blobs"].items()}
    catalog.next_key, catalog.next_id, catalog.next_change = data["next"]


def _dump_section(section: Section) -> dict[str, Any]:
    named = {id(tag): lookup for lookup, tag in section.tags_by_name.items()}
    return {name: getattr(section, name) for name in _SECTION_PLAIN} | {
        "type": int(section.type),
        "locations": [[place.id, place.path] for place in section.locations],
        "tags": [
            [
                tag.id,
                tag.kind,
                tag.name,
                tag.thumb,
                tag.collection,
                list(tag.members),
                named.get(id(tag)),
            ]
            for tag in section.tags_by_id.values()
        ],
    }


def _load_section(raw: Mapping[str, Any]) -> Section:
    section = Section(
        **{name: raw[name] for name in _SECTION_PLAIN},
        type=ItemType(raw["type"]),
        locations=[Location(key, path) for key, path in raw["locations"]],
    )
    for key, kind, name, thumb, collection, _, lookup in raw["tags"]:
        tag = Tag(key, kind, name, thumb, collection)
        section.tags_by_id[key] = tag
        if lookup is not None:
            section.tags_by_name[(lookup[0], lookup[1])] = tag
    return section


def _dump_item(item: Item) -> dict[str, Any]:
    return {name: getattr(item, name) for name in _ITEM_PLAIN} | {
        "section": item.section.key,
        "type": int(item.type),
        "guids": list(item.guids),
        "parent": item.parent.rating_key if item.parent else None,
        "tag": item.tag.id if item.tag else None,
        "locks": sorted(item.locks),
        "tags": {
            kind: [[t.tag.id, t.text, t.thumb] for t in tags]
            for kind, tags in item.tags.items()
        },
        "images": {
            name: [image.keys, image.selected, image.stamp]
            for name, image in item.images.items()
        },
        "media": [
            _plain(media, "parts") | {"parts": [_plain(part) for part in media.parts]}
            for media in item.media
        ],
    }


def _load_item(raw: Mapping[str, Any], section: Section) -> Item:
    item = Item(
        raw["rating_key"],
        section,
        ItemType(raw["type"]),
        dict(raw["values"]),
        raw["guid"],
    )
    item.guids = tuple(raw["guids"])
    item.index = raw["index"]
    item.deleted_at = raw["deleted_at"]
    item.smart = raw.get("smart", False)  # older states do not name it
    item.agent = {
        name: [tuple(spec) for spec in value] if isinstance(value, list) else value
        for name, value in raw["agent"].items()
    }
    item.locks = set(raw["locks"])
    item.images = {
        name: Images(keys, chosen, stamp)
        for name, (keys, chosen, stamp) in raw["images"].items()
    }
    item.media = [
        Media(**{**media, "parts": [Part(**part) for part in media["parts"]]})
        for media in raw["media"]
    ]
    item.tags = {
        kind: [
            Tagging(section.tags_by_id[key], text, thumb) for key, text, thumb in tags
        ]
        for kind, tags in raw["tags"].items()
    }
    return item


def _plain(thing: Media | Part, *without: str) -> dict[str, Any]:
    return {
        f.name: getattr(thing, f.name)
        for f in fields(thing)
        if f.init and f.name not in without
    }
