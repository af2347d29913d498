"""The library of a simulated Plex, and all that people, agents and disks do to it."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
import random
from typing import Any, Literal
import zlib

from . import images, snapshot
from .catalog import Catalog, TagSpec, forget_rows, guess_title
from .edit import agent_tags, apply_values, parse_value, remember, restore_agent_values
from .events import DONE, LOADING, REFRESHING, Notifier
from .messages import PlexError
from .scan import Scanner, episode_numbers
from .state import (
    ALIASES,
    FIELD_KINDS,
    IMAGE_FIELDS,
    TAG_ELEMENTS,
    Images,
    Item,
    ItemType,
    Media,
    Section,
    Value,
)
from .switches import Switches
from .upheavals import Upheavals


class Model(Upheavals):
    """A library without the API in front of it."""

    def __init__(
        self, seed: int, clock: Callable[[], float], switches: Switches
    ) -> None:
        """Start empty; `clock` gives seconds since the epoch."""
        self.seed = seed
        self.clock = clock
        self.rng = random.Random(seed)
        self.switches = switches
        self.notifier = Notifier(switches)
        self.catalog = Catalog(clock, seed, switches, self.notifier)
        self.scanner = Scanner(self.catalog, self._item_of_file)

    # The library

    @property
    def sections(self) -> dict[int, Section]:
        """Return the libraries by key."""
        return self.catalog.sections

    @property
    def items(self) -> dict[int, Item]:
        """Return all items by rating key."""
        return self.catalog.items

    def add_section(
        self,
        title: str,
        type: Literal["movie", "show"] = "movie",
        locations: Collection[str] = (),
    ) -> Section:
        """Create a library; its uuid depends on the seed, the key and the title only."""
        return self.catalog.add_section(
            title, type, locations or [f"/data/{title.lower()}"]
        )

    def remove_section(self, section: Section) -> None:
        """Delete a library."""
        self.catalog.remove_section(section)

    def add_item(
        self,
        section: Section,
        title: str | None = None,
        *,
        file: str | None = None,
        files: Sequence[str | Sequence[str]] = (),
        type: ItemType | None = None,
        parent: Item | None = None,
        index: int | None = None,
        size: int | None = None,
        duration: int | None = None,
        guid: str | None = None,
        guids: Iterable[str] = (),
        agent: Mapping[str, Any] | None = None,
        announce: bool = True,
        **fields: Any,
    ) -> Item:
        """Add an item as a finished scan leaves it.

        Each of `files` is one version; a nested sequence makes a version of several parts.
        `fields` are values and tags by Plex's names or a person's (`year=1950`,
        `genres=["Drama"]`, `actors=[("Ann", "Herself")]`). `agent` is what a refresh brings;
        without it, what stands here.
        """
        catalog = self.catalog
        versions = [file, *files] if file is not None else list(files)
        if title is None:
            first = versions[0] if versions else ""
            title, year = guess_title(first if isinstance(first, str) else first[0])
            if year is not None:
                fields.setdefault("year", year)
        now = catalog.now()
        key = catalog.new_key()
        kind = type or section.type
        values: dict[str, Value] = {"title": title, "addedAt": now, "updatedAt": now}
        item = Item(
            key,
            section,
            kind,
            values,
            guid if guid is not None else f"local://{key}",
            tuple(guids),
            parent,
            index,
        )
        catalog.insert(item)
        for version in versions:
            catalog.add_media(item, version, size=size, duration=duration)
        if duration is not None:
            values["duration"] = duration
        for name, value in fields.items():
            name = ALIASES.get(name, name)
            if name in TAG_ELEMENTS:
                catalog.set_tags(item, name, tag_specs(value))
            elif value is not None:
                values[name] = checked(name, value)
        if item.media:
            picture = f"media://{zlib.crc32(item.files[0].encode()):08x}.bundle/Contents/Thumbnails/thumb1.jpg"
            item.images["thumb"] = Images([picture], picture, now)
        if agent is not None:
            item.agent = {
                ALIASES.get(name, name): value for name, value in agent.items()
            }
            for name in item.agent.keys() & TAG_ELEMENTS.keys():
                item.agent[name] = tag_specs(item.agent[name])
        if announce:
            self.notifier.timeline(item, DONE, now)
        return item

    def add_media(
        self,
        item: Item,
        files: str | Sequence[str],
        *,
        size: int | None = None,
        proxy_type: int | None = None,
    ) -> Media:
        """Add a version to an item; `proxy_type=42` makes it an optimised one."""
        return self.catalog.add_media(item, files, size=size, proxy_type=proxy_type)

    def find(self, path: str) -> Item:
        """Return the first item that holds a file, or raise `KeyError`."""
        for item in self.catalog.items.values():
            if path in item.files:
                return item
        raise KeyError(path)

    def find_all(self, path: str) -> list[Item]:
        """Return all items that hold a file: one for each library that has its folder."""
        return [item for item in self.catalog.items.values() if path in item.files]

    def add_smart_collection(self, section: Section, title: str) -> Item:
        """Add an empty smart collection, whatever others of that title there are."""
        return self.catalog.add_collection(section, title, section.type)

    def collection(self, section: Section, title: str) -> Item | None:
        """Return the collection of that title, if there is one."""
        tag = self.catalog.find_tag(section, "collection", title)
        return (
            None
            if tag is None or tag.collection is None
            else self.catalog.items[tag.collection]
        )

    def image(self, item: Item, name: str = "thumb") -> bytes | None:
        """Return the bytes of the selected image, if it was uploaded."""
        key = item.image_key(name)
        return (
            images.data_of(self.catalog, key)
            if key and key.startswith("upload://")
            else None
        )

    # What people and agents do

    def edit_by_person(
        self, rating_key: int, lock: bool | None = True, **fields: Any
    ) -> Item:
        """Edit as a person does in Plex's own UI; `None` clears, lists are exact, `lock=None` keeps locks."""
        item = self.item(rating_key)
        changed = []
        for name, value in fields.items():
            name = ALIASES.get(name, name)
            if name in TAG_ELEMENTS:
                before = agent_tags(item, name)
                if self.catalog.set_tags(item, name, tag_specs(value or ())):
                    remember(item, name, before)
                    changed.append(name)
            else:
                changed += apply_values(
                    self.catalog, item, {name: checked(name, value)}
                )
            if lock is not None:
                (item.locks.add if lock else item.locks.discard)(name)
        self.catalog.touch(item, changed)
        return item

    def set_lock(self, rating_key: int, name: str, on: bool = True) -> None:
        """Lock or unlock a field without changing it."""
        item = self.item(rating_key)
        (item.locks.add if on else item.locks.discard)(ALIASES.get(name, name))
        self.catalog.touch(item, ["locks"])

    def agent_refresh(self, rating_key: int) -> Item:
        """Overwrite the unlocked fields with what the agent says."""
        item = self.item(rating_key)
        notifier = self.notifier
        uuid = notifier.new_activity()
        notifier.activity(uuid, "started", REFRESHING, item.section)
        notifier.timeline(item, LOADING, self.catalog.now(), "loading")
        changed = restore_agent_values(self.catalog, item)
        changed += [
            name for name in IMAGE_FIELDS if images.select_agent_image(item, name)
        ]
        self.catalog.touch(item, changed)
        notifier.activity(uuid, "ended", REFRESHING, item.section)
        return item

    def scan(
        self, section: Section, path: str | None = None, *, force: bool = False
    ) -> None:
        """Queue a scan; it goes on as the clock does."""
        self.scanner.start(section, path, force=force)

    # The disk

    def add_file(self, path: str, size: int = 1_000_000_000) -> None:
        """Put a file on the disk; the next scan makes an item of it."""
        self.catalog.add_file(path, size)

    def remove_file(self, path: str) -> None:
        """Take a file off the disk; the next scan notices."""
        del self.catalog.disk[path]

    def move_file(self, old: str, new: str) -> None:
        """Rename a file on the disk; the next scan notices."""
        file = self.catalog.disk.pop(old)
        file.path = new
        self.catalog.disk[new] = file

    def unmount(self, section: Section, *, vanish: bool = False) -> None:
        """Take a library's folders away: its items become unavailable, or the listing empty."""
        section.mounted = False
        section.vanished = vanish
        for by_type in section.items.values():
            for item in by_type.values():
                item.deleted_at = self.catalog.now()
                forget_rows(item)

    def mount(self, section: Section) -> None:
        """Bring a library's folders back."""
        section.mounted = True
        section.vanished = False
        for by_type in section.items.values():
            for item in by_type.values():
                item.deleted_at = None
                forget_rows(item)

    # Persistence

    def dump(self) -> dict[str, Any]:
        """Return everything as JSON-able data."""
        return snapshot.dump(self.catalog)

    def load(self, data: Mapping[str, Any]) -> None:
        """Replace everything with what `dump` returned."""
        snapshot.load(self.catalog, data)

    def _item_of_file(self, section: Section, path: str) -> Item:
        numbers = episode_numbers(path)
        if section.type is ItemType.MOVIE or numbers is None:
            kind = (
                ItemType.MOVIE if section.type is ItemType.MOVIE else ItemType.EPISODE
            )
            return self.add_item(section, file=path, type=kind, announce=False)
        place = next(
            p.path for p in section.locations if path.startswith(p.path.rstrip("/\\"))
        )
        show_title = path[len(place) :].replace("\\", "/").strip("/").split("/")[0]
        return self.add_episode(
            section, show_title, *numbers, file=path, announce=False
        )

    def add_episode(
        self,
        section: Section,
        show: str,
        season: int,
        episode: int,
        title: str | None = None,
        **more: Any,
    ) -> Item:
        """Add an episode, and its season and show when they are new."""
        shows = section.of_type(ItemType.SHOW).values()
        above = next((item for item in shows if item.title == show), None)
        above = above or self.add_item(section, show, type=ItemType.SHOW)
        middle = next((item for item in above.children if item.index == season), None)
        middle = middle or self.add_item(
            section,
            f"Season {season}",
            type=ItemType.SEASON,
            parent=above,
            index=season,
        )
        return self.add_item(
            section,
            title or f"Episode {episode}",
            type=ItemType.EPISODE,
            parent=middle,
            index=episode,
            **more,
        )


def tag_specs(tags: Iterable[Any]) -> list[TagSpec]:
    """Accept names, (name, part) pairs and `{"name": …, "role": …}`."""
    specs: list[TagSpec] = []
    for tag in tags:
        if isinstance(tag, str):
            specs.append((tag, "", ""))
        elif isinstance(tag, Mapping):
            specs.append(
                (str(tag["name"]), str(tag.get("role", "")), str(tag.get("thumb", "")))
            )
        else:
            name, text, thumb = (*tag, "", "")[:3]
            specs.append((str(name), str(text), str(thumb)))
    return specs


def checked(name: str, value: Any) -> Any:
    """Return a field's value in its own type, or raise `ValueError`."""
    if name not in FIELD_KINDS:
        raise ValueError(f"unknown field {name}")
    if value is None or (isinstance(value, str) and FIELD_KINDS[name] == "text"):
        return value
    try:
        return parse_value(name, str(value))
    except PlexError as err:
        raise ValueError(str(err)) from err
