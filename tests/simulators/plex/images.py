"""Posters and backgrounds: upload, list, select, delete, fetch."""

import hashlib
from urllib.parse import quote

from .catalog import Catalog
from .markup import Node
from .messages import PlexError
from .state import Item

# The word in a path -> (the field, the word in an upload's key).
IMAGE_PATHS = {
    "thumb": ("thumb", "posters"),
    "poster": ("thumb", "posters"),
    "posters": ("thumb", "posters"),
    "art": ("art", "art"),
    "arts": ("art", "art"),
    "banner": ("banner", "banners"),
    "banners": ("banner", "banners"),
    "clearLogo": ("clearLogo", "clearLogos"),
    "clearLogos": ("clearLogo", "clearLogos"),
    "squareArt": ("squareArt", "squareArts"),
    "squareArts": ("squareArt", "squareArts"),
    "theme": ("theme", "themes"),
    "themes": ("theme", "themes"),
}

_MAGIC = {
    b"\xff\xd8\xff": "image/jpeg",
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"GIF8": "image/gif",
    b"RIFF": "image/webp",
    b"BM": "image/bmp",
}

# What a thumb that only the agent knows looks like: one grey pixel.
PLACEHOLDER = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010800000000"
    "3a7e9b550000000a4944415478da6368000000820081dd436af40000000049454e44ae426082"
)


def image_type(data: bytes) -> str | None:
    """Return the media type of an image, or `None` when it is none."""
    return next(
        (kind for magic, kind in _MAGIC.items() if data.startswith(magic)), None
    )


def upload(catalog: Catalog, items: list[Item], word: str, data: bytes) -> str:
    """Store an image, select it and lock its field; return its key."""
    name, plural = IMAGE_PATHS[word]
    switches = catalog.switches
    if len(data) > switches.max_image_bytes:
        raise PlexError(switches.big_image_status, "image too large")
    if image_type(data) is None and name != "theme":
        raise PlexError(switches.bad_image_status, "not an image")
    digest = hashlib.sha1(data, usedforsecurity=False).hexdigest()
    catalog.blobs.setdefault(digest, data)
    key = f"upload://{plural}/{digest}"
    for item in items:
        if switches.select_uploads:
            catalog.select_image(item, name, key)
        elif key not in catalog.images(item, name).keys:
            catalog.images(item, name).keys.append(key)
        catalog.touch(item, [name])
    return key


def select(catalog: Catalog, item: Item, word: str, key: str) -> None:
    """Select an image that the item has."""
    name, _ = IMAGE_PATHS[word]
    if (images := item.images.get(name)) is None or key not in images.keys:
        raise PlexError(404, "no such image")
    catalog.select_image(item, name, key)
    catalog.touch(item, [name])


def unselect(catalog: Catalog, item: Item, word: str) -> None:
    """Show no image any more."""
    name, _ = IMAGE_PATHS[word]
    if (images := item.images.get(name)) is not None:
        images.selected = None
    catalog.touch(item, [name])


def forget(catalog: Catalog, item: Item, word: str, key: str) -> None:
    """Delete an image; where it was the selected one, Plex chooses another."""
    name, _ = IMAGE_PATHS[word]
    if (images := item.images.get(name)) is None or key not in images.keys:
        raise PlexError(404, "no such image")
    images.keys.remove(key)
    if images.selected == key:
        select_agent_image(item, name, force=True)
    catalog.touch(item, [name])


def select_agent_image(item: Item, name: str, *, force: bool = False) -> bool:
    """Go back to the agent's image, a locked one only by force; return whether that changed anything."""
    images = item.images.get(name)
    if images is None or (name in item.locks and not force):
        return False
    first = next((key for key in images.keys if not key.startswith("upload://")), None)
    if images.selected == first:
        return False
    images.selected = first
    images.stamp += 1
    return True


def nodes(item: Item, word: str) -> list[Node]:
    """Return the images of an item as elements."""
    name, _ = IMAGE_PATHS[word]
    images = item.images.get(name)
    found = []
    for key in images.keys if images else ():
        url = key
        if not key.startswith("http"):
            url = f"/library/metadata/{item.rating_key}/file?url={quote(key, safe='')}"
        selected = images is not None and key == images.selected
        attrs: dict[str, str | int | float | bool] = {
            "key": url,
            "ratingKey": key,
            "selected": selected,
            "thumb": url,
        }
        found.append(
            Node("Track" if name == "theme" else "Photo", attrs, json_key="Metadata")
        )
    return found


def data_of(catalog: Catalog, key: str | None) -> bytes | None:
    """Return the bytes behind an image's key."""
    if key is None:
        return None
    if key.startswith("upload://"):
        return catalog.blobs.get(key.rsplit("/", 1)[-1])
    return PLACEHOLDER
