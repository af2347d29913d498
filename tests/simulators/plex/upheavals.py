"""What becomes of items behind everybody's back: made anew, merged, split, moved."""

from collections.abc import Iterable, Sequence
from copy import deepcopy
from dataclasses import replace

from . import images
from .catalog import Catalog, TagSpec, file_name
from .edit import PERSONAL, agent_tags
from .events import DONE
from .state import TAG_ELEMENTS, Images, Item, Media, Section


def recreate(catalog: Catalog, item: Item, section: Section | None = None) -> Item:
    """Make a new item of an item's files: the agent's defaults, and a rating key never seen.

    Edits, locks, ratings and uploaded pictures are gone; only the files are as before.
    """
    _check_has_files(item)
    media = [_anew(catalog, each) for each in item.media]
    new = _new_item(catalog, item, section or item.section, media)
    tags = _agents_tags(item)
    catalog.remove(item)
    _insert(catalog, new, tags)
    return new


def merge(catalog: Catalog, item: Item, others: Sequence[Item]) -> None:
    """Make versions of one item out of several; the other keys are no more."""
    if any(
        other is item
        or other.section is not item.section
        or other.type is not item.type
        for other in others
    ):
        raise ValueError("only other items of one type in one library can be merged")
    for other in others:
        item.media += other.media
        catalog.remove(other)
    catalog.touch(item, [])


def split(catalog: Catalog, item: Item) -> list[Item]:
    """Make an item of each version; the first keeps the rating key."""
    _check_has_files(item)
    parts = [item]
    for media in item.media[1:]:
        new = _new_item(catalog, item, item.section, [media])
        tags = _agents_tags(item)
        if catalog.switches.split_keeps_edits:
            new.values |= item.values | {"duration": media.duration}
            new.locks = set(item.locks)
            new.images = deepcopy(item.images)
            new.agent = deepcopy(item.agent)
            tags = {kind: agent_tags(item, kind) for kind in item.tags}
        parts.append(new)
        _insert(catalog, new, tags)
    del item.media[1:]
    catalog.touch(item, [])
    return parts


def move(
    catalog: Catalog, item: Item, section: Section, folder: str | None = None
) -> Item:
    """Take an item to another library, where it is a new one; its files move to `folder`."""
    if section.type is not item.section.type or item.parent is not None:
        raise ValueError("only a film can move, to a library of films")
    if folder is not None:
        for part in item.parts():
            file = catalog.disk.pop(part.file)
            file.path = f"{folder.rstrip('/')}/{file_name(part.file)}"
            catalog.disk[file.path] = file
            part.rename(file.path)
    return recreate(catalog, item, section)


def drop_file(catalog: Catalog, path: str) -> None:
    """Delete a file from the disk and from its items; an item goes with its last file."""
    catalog.disk.pop(path, None)
    for item in [each for each in catalog.items.values() if path in each.files]:
        for media in item.media:
            media.parts = [part for part in media.parts if part.file != path]
        item.media = [media for media in item.media if media.parts]
        if item.media:
            catalog.touch(item, [])
        else:
            catalog.remove(item)


def _check_has_files(item: Item) -> None:
    if not item.media:
        raise ValueError("only items with files can be made anew")


def _anew(catalog: Catalog, media: Media) -> Media:
    parts = [replace(part, id=catalog.new_id()) for part in media.parts]
    return replace(media, id=catalog.new_id(), parts=parts)


def _new_item(
    catalog: Catalog, item: Item, section: Section, media: list[Media]
) -> Item:
    key, now = catalog.new_key(), catalog.now()
    found = {
        name: value
        for name, value in (item.values | item.agent).items()
        if value is not None
        and name not in TAG_ELEMENTS
        and name not in PERSONAL
        and name != "lastRatedAt"
    }
    found |= {"addedAt": now, "updatedAt": now, "duration": media[0].duration}
    local = item.guid.startswith("local://")
    new = Item(key, section, item.type, found, f"local://{key}" if local else item.guid)
    new.guids, new.parent, new.index, new.media = (
        item.guids,
        item.parent,
        item.index,
        media,
    )
    for name, held in item.images.items():
        keys = [each for each in held.keys if not each.startswith("upload://")]
        new.images[name] = Images(keys, keys[0] if keys else None, now)
    return new


def _agents_tags(item: Item) -> dict[str, list[TagSpec]]:
    now = {kind: agent_tags(item, kind) for kind in item.tags}
    first = {kind: specs for kind, specs in item.agent.items() if kind in TAG_ELEMENTS}
    return {
        kind: specs for kind, specs in (now | first).items() if kind not in PERSONAL
    }


def _insert(catalog: Catalog, item: Item, tags: dict[str, list[TagSpec]]) -> None:
    catalog.insert(item)
    for kind, specs in tags.items():
        catalog.set_tags(item, kind, specs)
    catalog.notifier.timeline(item, DONE, catalog.now())


class Upheavals:
    """The same as methods of a model, items by themselves or by rating key."""

    catalog: Catalog

    def item(self, rating_key: int | str) -> Item:
        """Return an item, or raise `KeyError`."""
        return self.catalog.items[int(rating_key)]

    def remove_item(self, item: Item | int) -> None:
        """Delete an item and its files from the disk."""
        found = self._this(item)
        for path in found.files:
            self.catalog.disk.pop(path, None)
        self.catalog.remove(found)

    def remove_version(self, path: str) -> None:
        """Delete one file from the disk and from its items; the last one takes the item with it."""
        drop_file(self.catalog, path)

    def rekey(self, item: Item | int) -> Item:
        """Give an item a new rating key; the old one answers 404 from now on."""
        return self.catalog.rekey(self._this(item))

    def recreate(self, item: Item | int) -> Item:
        """Make an item anew: another rating key, the agent's defaults, nothing of ours."""
        return recreate(self.catalog, self._this(item))

    def merge(self, item: Item | int, *others: Item | int) -> Item:
        """Make the others versions of the first; their keys answer 404 from now on."""
        merge(self.catalog, self._this(item), [self._this(each) for each in others])
        return self._this(item)

    def split(self, item: Item | int) -> list[Item]:
        """Make an item of each version; the first keeps the rating key."""
        return split(self.catalog, self._this(item))

    def move(
        self, item: Item | int, section: Section, folder: str | None = None
    ) -> Item:
        """Take an item to another library, its files to another folder or not."""
        return move(self.catalog, self._this(item), section, folder)

    def identify(self, item: Item | int, guids: Iterable[str]) -> Item:
        """Let the agent take an item for another film, or for one that there is already."""
        found = self._this(item)
        found.guids = tuple(guids)
        self.catalog.touch(found, [])
        return found

    # Pictures

    def add_picture(self, item: Item | int, name: str, key: str) -> None:
        """Let the agent offer one more picture, as `metadata://posters/…`; none is selected by it."""
        held = self.catalog.images(self._this(item), name)
        held.keys += [] if key in held.keys else [key]

    def reset_picture(self, item: Item | int, name: str = "thumb") -> None:
        """Select the agent's picture again behind everybody's back, locked or not."""
        if images.select_agent_image(self._this(item), name, force=True):
            self.catalog.touch(self._this(item), [name])

    def empty_picture(self, item: Item | int, name: str = "thumb") -> None:
        """Let an item show no picture, as a failed download leaves it."""
        images.unselect(self.catalog, self._this(item), name)

    def delete_picture(self, item: Item | int, key: str, name: str = "thumb") -> None:
        """Delete one picture of an item; where it was selected, Plex chooses the agent's."""
        images.forget(self.catalog, self._this(item), name, key)

    def _this(self, item: Item | int) -> Item:
        return item if isinstance(item, Item) else self.item(item)
