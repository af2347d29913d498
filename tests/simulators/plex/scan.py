"""Library scans: queued, taking time by the core's clock, telling how they go."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
import re

from .catalog import Catalog, forget_rows
from .edit import restore_agent_values
from .events import CREATED, DONE, PROCESSING, SCANNING
from .state import DiskFile, Item, ItemType, Part, Section

_EPISODE = re.compile(r"[Ss](?P<season>\d{1,3})[Ee](?P<episode>\d{1,4})")

AddItem = Callable[[Section, str], Item]


@dataclass(slots=True)
class Scan:
    """One scan of a section, or of a folder in it."""

    section: Section
    path: str | None
    force: bool
    uuid: str = ""
    due: float = 0.0
    found: list[Item] | None = None
    changed: list[Item] = field(default_factory=list)


class Scanner:
    """Run scans one after another; `tick` moves them on."""

    def __init__(self, catalog: Catalog, add_item: AddItem) -> None:
        """Start idle; `add_item` makes an item of a new file."""
        self._catalog = catalog
        self._add_item = add_item
        self._queue: deque[Scan] = deque()

    @property
    def due(self) -> float | None:
        """Return when `tick` has something to do, by the core's clock."""
        return self._queue[0].due if self._queue else None

    @property
    def running(self) -> list[Scan]:
        """Return the scans under way and waiting."""
        return list(self._queue)

    def start(
        self, section: Section, path: str | None = None, *, force: bool = False
    ) -> None:
        """Queue a scan."""
        self._queue.append(Scan(section, path, force))
        if len(self._queue) == 1:
            self._begin(self._queue[0])

    def cancel(self, section: Section) -> None:
        """Stop the scans of a section; what was found so far stays."""
        running = self._queue[0] if self._queue else None
        self._queue = deque(scan for scan in self._queue if scan.section is not section)
        if running is not None and running.section is section:
            self._end(running)

    def tick(self) -> None:
        """Do what is due."""
        while self._queue and self._queue[0].due <= self._catalog.clock():
            scan = self._queue[0]
            if scan.found is None:
                self._discover(scan)
            else:
                self._queue.popleft()
                self._finish(scan)

    def _begin(self, scan: Scan) -> None:
        notifier = self._catalog.notifier
        scan.uuid = notifier.new_activity()
        scan.due = self._catalog.clock() + self._catalog.switches.scan_seconds / 2
        scan.section.refreshing = True
        notifier.activity(scan.uuid, "started", SCANNING, scan.section)

    def _discover(self, scan: Scan) -> None:
        catalog = self._catalog
        section = scan.section
        on_disk = self._files(section, scan.path)
        known = {
            part.file: (item, part)
            for item_type in (ItemType.MOVIE, ItemType.EPISODE)
            for item in section.of_type(item_type).values()
            for part in item.parts()
            if _inside(part.file, scan.path)
        }
        fresh = {path: file for path, file in on_disk.items() if path not in known}
        gone = {path: entry for path, entry in known.items() if path not in on_disk}
        if not catalog.switches.rekey_on_rename:
            self._follow_renames(scan, fresh, gone)
        for path, (item, _) in known.items():
            if path in on_disk and item.deleted_at is not None:
                item.deleted_at = None
                scan.changed.append(item)
        self._bury(scan, gone)
        scan.found = []
        for path in fresh:
            item = self._add_item(section, path)
            scan.found.append(item)
            catalog.notifier.timeline(item, CREATED, catalog.now(), "created")
            catalog.notifier.timeline(item, PROCESSING, catalog.now(), "queued")
        catalog.notifier.activity(scan.uuid, "progress", SCANNING, section)
        scan.due += catalog.switches.scan_seconds / 2

    def _finish(self, scan: Scan) -> None:
        catalog = self._catalog
        for item in scan.found or ():
            if item.rating_key in catalog.items:
                catalog.notifier.timeline(item, DONE, catalog.now())
        for item in {item.rating_key: item for item in scan.changed}.values():
            forget_rows(item)
            if item.rating_key in catalog.items:
                catalog.touch(item, ())
        if scan.force:
            for by_type in scan.section.items.values():
                for item in by_type.values():
                    if changed := restore_agent_values(catalog, item):
                        catalog.touch(item, changed)
        scan.section.scanned_at = scan.section.updated_at = catalog.now()
        self._end(scan)

    def _end(self, scan: Scan) -> None:
        notifier = self._catalog.notifier
        scan.section.refreshing = False
        notifier.activity(scan.uuid, "ended", SCANNING, scan.section)
        notifier.status("Library scan complete", "LIBRARY_UPDATE")
        if self._queue:
            self._begin(self._queue[0])

    def _files(self, section: Section, path: str | None) -> dict[str, DiskFile]:
        if not section.mounted or (path is not None and path in self._catalog.disk):
            return {}
        places = [place.path for place in section.locations]
        return {
            name: file
            for name, file in self._catalog.disk.items()
            if _inside(name, path) and any(_inside(name, place) for place in places)
        }

    def _follow_renames(
        self, scan: Scan, fresh: dict[str, DiskFile], gone: dict[str, tuple[Item, Part]]
    ) -> None:
        by_inode = {file.inode: path for path, file in fresh.items()}
        for old, (item, part) in list(gone.items()):
            if (new := by_inode.get(part.inode)) is not None:
                part.rename(new)
                del fresh[new], gone[old]
                scan.changed.append(item)

    def _bury(self, scan: Scan, gone: dict[str, tuple[Item, Part]]) -> None:
        catalog = self._catalog
        for item, part in gone.values():
            if not catalog.switches.empty_trash or not scan.section.mounted:
                # Plex keeps what it cannot see while a whole folder is away.
                item.deleted_at = item.deleted_at or catalog.now()
                scan.changed.append(item)
                continue
            for media in item.media:
                media.parts = [kept for kept in media.parts if kept is not part]
            item.media = [media for media in item.media if media.parts]
            if item.media:
                scan.changed.append(item)
            else:
                catalog.remove(item)


def episode_numbers(path: str) -> tuple[int, int] | None:
    """Return season and episode as a file name tells them."""
    match = _EPISODE.search(path)
    return (int(match["season"]), int(match["episode"])) if match else None


def _inside(path: str, folder: str | None) -> bool:
    """Return whether a path lies in a folder, component by component."""
    if folder is None:
        return True
    base = folder.rstrip("/\\")
    return path.startswith((f"{base}/", f"{base}\\"))
