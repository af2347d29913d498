"""The library behind the answers: what may change, and what each change entails."""

from collections.abc import Callable, Iterable, Sequence
import re
from uuid import NAMESPACE_URL, uuid5
import zlib

from .events import DELETED, DONE, Notifier
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
    Value,
)
from .switches import Switches

# (name, text, thumb): text and thumb matter for actors only.
TagSpec = tuple[str, str, str]

SECTION_TYPES = {"movie": ItemType.MOVIE, "show": ItemType.SHOW}

_YEAR = re.compile(r"^(?P<title>.+?)\s*\((?P<year>(?:19|20)\d{2})\)")


def file_name(path: str) -> str:
    """Return the last component of a path of either kind."""
    return path.replace("\\", "/").rsplit("/", 1)[-1]


def guess_title(path: str) -> tuple[str, int | None]:
    """Return title and year as a scanner reads them off a file name."""
    stem = file_name(path).rsplit(".", 1)[0]
    if match := _YEAR.match(stem):
        return match["title"], int(match["year"])
    return stem, None


def membership(item_type: ItemType) -> str:
    """Return the name under which a section counts comings and goings of a type."""
    return f"*{int(item_type)}"


def make_tagging(tag: Tag, text: str, thumb: str) -> Tagging:
    """Return a tagging; the portrait belongs to the tag as well."""
    if thumb:
        tag.thumb = thumb
    return Tagging(tag, text, thumb or tag.thumb)


class Catalog:
    """Sections, items, tags, images and the disk, with all indexes kept in step."""

    def __init__(
        self,
        clock: Callable[[], float],
        seed: int,
        switches: Switches,
        notifier: Notifier,
    ) -> None:
        """Start empty."""
        self.clock = clock
        self.seed = seed
        self.switches = switches
        self.notifier = notifier
        self.skew = 0.0
        self.sections: dict[int, Section] = {}
        self.items: dict[int, Item] = {}
        self.blobs: dict[str, bytes] = {}
        self.disk: dict[str, DiskFile] = {}
        self.next_key = 1
        self.next_id = 1
        self.next_change = 1

    def now(self) -> int:
        """Return the server's idea of the time."""
        return int(self.clock() + self.skew)

    def new_id(self) -> int:
        """Return an id for a tag, a version, a file or a location."""
        self.next_id += 1
        return self.next_id - 1

    def new_key(self) -> int:
        """Return a rating key that was never used."""
        self.next_key += 1
        return self.next_key - 1

    # Sections

    def add_section(self, title: str, kind: str, locations: Iterable[str]) -> Section:
        """Create a library."""
        key = max(self.sections, default=0) + 1
        now = self.now()
        section = Section(
            key=key,
            type=SECTION_TYPES[kind],
            title=title,
            uuid=str(uuid5(NAMESPACE_URL, f"plex-simulator/{self.seed}/{key}/{title}")),
            agent="tv.plex.agents.none" if kind == "movie" else "tv.plex.agents.series",
            scanner="Plex Video Files" if kind == "movie" else "Plex TV Series",
            language="xn" if kind == "movie" else "en-US",
            locations=[Location(self.new_id(), path) for path in locations],
            created_at=now,
            updated_at=now,
            scanned_at=now,
            content_changed_at=self._change(),
        )
        self.sections[key] = section
        return section

    def remove_section(self, section: Section) -> None:
        """Delete a library with all its items."""
        for by_type in section.items.values():
            for rating_key in by_type:
                self.items.pop(rating_key, None)
        self.sections.pop(section.key, None)

    # Items

    def insert(self, item: Item) -> None:
        """Put a finished item into every index."""
        self.items[item.rating_key] = item
        item.section.of_type(item.type)[item.rating_key] = item
        if item.parent is not None:
            item.parent.children.append(item)
        self._structure_changed(item.section, item.type)

    def remove(self, item: Item) -> None:
        """Take an item and its children out of every index."""
        for child in tuple(item.children):
            self.remove(child)
        if item.tag is not None:
            for member in tuple(item.tag.members.values()):
                self.drop_tag(member, item.tag)
        for kind in tuple(item.tags):
            self.set_tags(item, kind, [])
        if item.parent is not None:
            item.parent.children.remove(item)
        if self.items.pop(item.rating_key, None) is None:
            return  # emptying its tag has removed this collection already
        item.section.of_type(item.type).pop(item.rating_key, None)
        self._structure_changed(item.section, item.type)
        self.notifier.timeline(item, DELETED, self.now(), "deleted")

    def rekey(self, item: Item) -> Item:
        """Give an item a new rating key, as removing and adding it again does."""
        old = item.rating_key
        self.notifier.timeline(item, DELETED, self.now(), "deleted")
        del self.items[old], item.section.of_type(item.type)[old]
        item.rating_key = self.new_key()
        if item.guid == f"local://{old}":
            item.guid = f"local://{item.rating_key}"
        self.items[item.rating_key] = item
        item.section.of_type(item.type)[item.rating_key] = item
        for taggings in item.tags.values():
            for tagging in taggings:
                tagging.tag.members.pop(old, None)
                tagging.tag.members[item.rating_key] = item
        if item.tag is not None:
            item.tag.collection = item.rating_key
        self._structure_changed(item.section, item.type)
        self.touch(item, ())
        return item

    def touch(self, item: Item, fields: Iterable[str], *, bump: bool = True) -> None:
        """Let the world know that an item changed; O(fields)."""
        item.rows.clear()
        section = item.section
        section.versions.update(fields)
        if bump:
            item.values["updatedAt"] = self.now()
            section.versions["updatedAt"] += 1
        section.content_changed_at = self._change()
        for child in item.children:
            forget_rows(child)  # their rows repeat the parent's title
        if item.tag is not None:
            for member in item.tag.members.values():
                member.rows.clear()
        for tagging in item.tags.get("collection", ()):
            if tagging.tag.collection is not None:
                self.items[tagging.tag.collection].rows.clear()
        self.notifier.timeline(item, DONE, int(item.values.get("updatedAt", 0)))

    def add_media(
        self,
        item: Item,
        files: str | Sequence[str],
        *,
        size: int | None = None,
        duration: int | None = None,
        proxy_type: int | None = None,
    ) -> Media:
        """Add one version, of one file or of several parts, and put the files on the disk."""
        paths = [files] if isinstance(files, str) else list(files)
        parts = []
        for path in paths:
            seed = zlib.crc32(path.encode())
            on_disk = self.add_file(
                path, size if size is not None else 700_000_000 + seed % 3_000_000_000
            )
            length = duration if duration is not None else 4_800_000 + seed % 4_200_000
            extension = (
                file_name(path).rsplit(".", 1)[-1].lower()
                if "." in file_name(path)
                else "mkv"
            )
            parts.append(
                Part(
                    self.new_id(), path, on_disk.size, length, extension, on_disk.inode
                )
            )
        media = Media(
            self.new_id(),
            sum(p.duration for p in parts),
            1920,
            1080,
            4812,
            parts,
            proxy_type,
        )
        item.media.append(media)
        item.values.setdefault("duration", media.duration)
        item.rows.clear()
        return media

    def add_file(self, path: str, size: int) -> DiskFile:
        """Put a file on the disk, where the next scan finds it."""
        if (present := self.disk.get(path)) is not None:
            return present
        self.disk[path] = found = DiskFile(path, size, self.new_id())
        return found

    # Tags

    def tag(self, section: Section, kind: str, name: str) -> Tag:
        """Return the tag of that name, created when new."""
        name = self.spelled(kind, name)
        lookup = self._lookup(kind, name)
        if (tag := section.tags_by_name.get(lookup)) is None:
            tag = Tag(self.new_id(), kind, name)
            section.tags_by_name[lookup] = tag
            section.tags_by_id[tag.id] = tag
        return tag

    def find_tag(self, section: Section, kind: str, name: str) -> Tag | None:
        """Return the tag of that name, if there is one."""
        return section.tags_by_name.get(self._lookup(kind, self.spelled(kind, name)))

    def spelled(self, kind: str, name: str) -> str:
        """Return the name that a tag gets when it is sent by this one."""
        if self.switches.raise_first_letters and kind in ("label", "collection"):
            return name[:1].upper() + name[1:]
        return name

    def set_tags(self, item: Item, kind: str, specs: Sequence[TagSpec]) -> bool:
        """Replace an item's tags of one kind; return whether that changed anything."""
        wanted: dict[int, Tagging] = {}
        for name, text, thumb in specs:
            tag = self.tag(item.section, kind, name)
            wanted.setdefault(tag.id, make_tagging(tag, text, thumb))
        return self.put_taggings(item, kind, list(wanted.values()))

    def put_taggings(self, item: Item, kind: str, wanted: list[Tagging]) -> bool:
        """Replace the list, and keep memberships and collections in step."""
        before = item.tags.get(kind, [])
        if [(t.tag.id, t.text, t.thumb) for t in before] == [
            (t.tag.id, t.text, t.thumb) for t in wanted
        ]:
            return False
        if wanted:
            item.tags[kind] = wanted
        else:
            item.tags.pop(kind, None)
        kept = {tagging.tag.id for tagging in wanted}
        had = {tagging.tag.id for tagging in before}
        for tagging in wanted:
            if tagging.tag.id not in had:
                self._join(item, tagging.tag)
        for tagging in before:
            if tagging.tag.id not in kept:
                self._leave(item, tagging.tag)
        return True

    def add_tagging(self, item: Item, tag: Tag) -> bool:
        """Put one tag onto an item; return whether it was new."""
        current = item.tags.get(tag.kind, [])
        if any(tagging.tag is tag for tagging in current):
            return False
        return self.put_taggings(item, tag.kind, [*current, make_tagging(tag, "", "")])

    def drop_tag(self, item: Item, tag: Tag) -> None:
        """Take one tag off an item."""
        rest = [
            tagging for tagging in item.tags.get(tag.kind, []) if tagging.tag is not tag
        ]
        if self.put_taggings(item, tag.kind, rest):
            self.touch(item, [tag.kind])

    def _lookup(self, kind: str, name: str) -> tuple[str, str]:
        return (
            kind,
            name.casefold() if self.switches.tag_identity == "casefold" else name,
        )

    def _join(self, item: Item, tag: Tag) -> None:
        tag.members[item.rating_key] = item
        if tag.kind != "collection":
            return
        if tag.collection is None:
            self.add_collection(item.section, tag.name, item.type, tag)
        else:
            self.items[tag.collection].rows.clear()

    def _leave(self, item: Item, tag: Tag) -> None:
        tag.members.pop(item.rating_key, None)
        if tag.collection is None:
            return
        collection = self.items[tag.collection]
        collection.rows.clear()
        if not tag.members:
            tag.collection = collection.tag = None
            self.forget_tag(item.section, tag)
            self.remove(collection)

    def forget_tag(self, section: Section, tag: Tag) -> None:
        """Drop a tag from the section's indexes."""
        section.tags_by_id.pop(tag.id, None)
        lookup = self._lookup(tag.kind, tag.name)
        if section.tags_by_name.get(lookup) is tag:
            del section.tags_by_name[lookup]

    def rename_tag(self, section: Section, tag: Tag, name: str) -> None:
        """Give a tag another name; whoever wears it shows that."""
        self.forget_tag(section, tag)
        tag.name = name
        section.tags_by_id[tag.id] = tag
        section.tags_by_name[self._lookup(tag.kind, name)] = tag

    def add_collection(
        self, section: Section, title: str, subtype: ItemType, tag: Tag | None = None
    ) -> Item:
        """Create the item that stands for a collection tag; without one it is a smart, empty one."""
        now = self.now()
        values: dict[str, Value] = {
            "title": title,
            "addedAt": now,
            "updatedAt": now,
            "subtype": subtype.word,
        }
        key = self.new_key()
        guid = (
            f"collection://{uuid5(NAMESPACE_URL, f'{self.seed}/{section.key}/{key}')}"
        )
        item = Item(key, section, ItemType.COLLECTION, values, guid, smart=tag is None)
        if tag is not None:
            item.tag, item.index, tag.collection = tag, tag.id, key
        self.insert(item)
        self.notifier.timeline(item, DONE, now)
        return item

    # Images

    def images(self, item: Item, name: str) -> Images:
        """Return the images of a field, created when new."""
        return item.images.setdefault(name, Images())

    def select_image(
        self, item: Item, name: str, key: str, *, lock: bool = True
    ) -> None:
        """Make an image the one that shows; the thumb's URL changes with it."""
        images = self.images(item, name)
        if key not in images.keys:
            images.keys.append(key)
        images.selected = key
        # Two uploads within one second must still give two URLs.
        images.stamp = max(self.now(), images.stamp + 1)
        if lock:
            item.locks.add(name)

    def _structure_changed(self, section: Section, item_type: ItemType) -> None:
        section.versions[membership(item_type)] += 1
        section.content_changed_at = self._change()

    def _change(self) -> int:
        self.next_change += 1
        return self.next_change - 1


def forget_rows(item: Item) -> None:
    """Drop the rendered rows of an item and of its children."""
    item.rows.clear()
    for child in item.children:
        forget_rows(child)
