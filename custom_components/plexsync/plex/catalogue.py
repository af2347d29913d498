"""The chosen libraries and the index of what is in them, kept fresh as cheaply as can be.

A whole listing takes ⌈N/1000⌉ requests, once; a single miss one. What is said
of one library by one answer is never taken for a deletion.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Protocol
from urllib.parse import quote

from ..engine.retry import Fault, FaultClass
from . import paths
from .index import Index, Section
from .library import SUPPORTED, Library
from .listing import FILE_TYPE, PAGE, SHOW_TYPE, Page, Row, Slice, file_filter

FEW = 5  # misses in one library that are worth a request each
_FILE_PAGE = 100  # rows; a name that more files share is not worth reading them all
_OVERLAP = 120  # seconds; items enter the database a little after their time stamp
_GONE_AFTER = 600.0  # seconds that a library is missing before its paths lie in none
_WHOLE = "sort=addedAt%3Aasc&includeGuids=1"


class Lister(Protocol):
    """The requests that this takes. Raises Fault."""

    async def page(self, library: Library, wanted: Slice) -> Page:
        """Give some rows of a library."""

    async def libraries(self) -> tuple[Library, ...]:
        """Ask for all libraries."""


class Catalogue:
    """What is known of the chosen libraries. One caller at a time."""

    def __init__(
        self,
        index: Index,
        lister: Lister,
        chosen: frozenset[str],
        monotonic: Callable[[], float],
    ) -> None:
        """Take the uuids of the chosen libraries; ``open`` comes first."""
        self.index = index
        self._lister = lister
        self._chosen = chosen
        self._monotonic = monotonic
        self._sections: dict[str, Section] = {}
        self._asked_at: float | None = None
        self._missing_since: dict[str, float] = {}
        self._is_open = False

    @property
    def sections(self) -> Mapping[str, Section]:
        """The chosen libraries that are known, by uuid."""
        return self._sections

    @property
    def is_complete(self) -> bool:
        """Whether every chosen library is known."""
        return self._chosen <= self._sections.keys()

    def is_stale(self, age: float) -> bool:
        """Say whether the libraries were last asked for longer ago than ``age`` seconds."""
        return self._asked_at is None or self._monotonic() - self._asked_at > age

    def section_of(self, key: str, uuid: str) -> str | None:
        """Give the uuid of the chosen library that an answer names, by uuid or by key."""
        if uuid:
            return uuid if uuid in self._chosen else None
        return next(
            (
                section.library.uuid
                for section in self._sections.values()
                if section.library.key == key
            ),
            None,
        )

    def present(self) -> list[str]:
        """Give the libraries that are there, as far as is known.

        One that has been missing for long is not: that is no accident.
        """
        now = self._monotonic()
        return [
            uuid
            for uuid in self._sections
            if now - self._missing_since.get(uuid, now) <= _GONE_AFTER
        ]

    async def open(self) -> None:
        """Read what earlier runs learned; no request."""
        if not self._is_open:
            known = await self.index.open()
            self._sections = {
                uuid: each for uuid, each in known.items() if uuid in self._chosen
            }
            self._is_open = True

    async def refresh(self) -> None:
        """Ask where the libraries lie and whether they changed. Raises Fault."""
        if not await self.accept(await self._lister.libraries()):
            raise Fault(FaultClass.SERVER, "listing_empty")

    async def accept(self, libraries: Sequence[Library]) -> bool:
        """Take in what the server says of its libraries; False if none of the chosen is there.

        One that is missing stays known. Raises Fault for not one library at
        all: such a server is not itself.
        """
        if not libraries:
            raise Fault(FaultClass.SERVER, "listing_empty")
        there = {each.uuid: each for each in libraries if each.uuid in self._chosen}
        if not there:
            return False
        usable = [each for each in there.values() if each.type in SUPPORTED]
        await self.index.save_libraries(usable)
        for library in usable:
            known = self._sections.get(library.uuid)
            self._sections[library.uuid] = (
                replace(known, library=library) if known else Section(library)
            )
        now = self._asked_at = self._monotonic()
        self._missing_since = {
            uuid: self._missing_since.get(uuid, now)
            for uuid in self._sections
            if uuid not in there
        }
        return True

    async def search(self, lost: Mapping[str, Sequence[str]]) -> None:
        """Bring the index up to date where paths were not found: by library, normal paths.

        A library with no paths is looked through for what is new. Raises Fault.
        """
        asked_at = self._asked_at
        for uuid, missing in lost.items():
            try:
                await self._search(uuid, missing, asked_at)
            except Fault as fault:
                if fault.kind is not FaultClass.ITEM or fault.reason != "not_found":
                    raise
                # Plex knows no such library: trouble, unless it stays like that.
                await self.refresh()
                if uuid in self.present():
                    raise Fault(FaultClass.SERVER, "listing_empty") from None

    async def _search(
        self, uuid: str, lost: Sequence[str], asked_at: float | None
    ) -> None:
        if self._sections[uuid].listing == 0:
            if self._asked_at is None:
                await self.refresh()  # the counter has to be from before the listing
            await self._list(uuid)
            return
        if 0 < len(lost) <= FEW:
            if all([await self._ask_for(uuid, path) for path in lost]):
                return
        elif self._asked_at == asked_at:
            await self.refresh()
        section = self._sections[uuid]
        if len(lost) > FEW or not lost:
            counter = section.library.content_changed_at
            if counter and counter == section.changed_at:
                return
        await self._catch_up(section)
        if len(lost) > FEW:
            await self._look_for_moved(uuid, section.listing, lost)

    async def _ask_for(self, uuid: str, path: str) -> bool:
        """Ask for one file by its name; say whether the answer can be relied on.

        The filter is not documented: what it gives is compared here.
        """
        section = self._sections[uuid]
        kind = FILE_TYPE[section.library.type]
        try:
            page = await self._lister.page(
                section.library, Slice(kind, 0, _FILE_PAGE, file_filter(path))
            )
        except Fault as fault:
            if not fault.unreachable or fault.reason == "bad_request":
                return False
            raise
        wanted = paths.key(path)
        rows = [row for row in page.rows if wanted in map(paths.key, row.paths)]
        if rows:
            await self.index.add(uuid, kind, section.listing, rows)
        return bool(rows) or page.total is None or page.total <= page.received

    async def _catch_up(self, section: Section) -> None:
        """List what was added since the last listing, or all when that does not add up."""
        if (newest := await self._list_added(section)) is None:
            await self._list(section.library.uuid)
        else:
            counter = section.library.content_changed_at
            await self._finish(
                replace(section, changed_at=counter, newest=newest), prune=False
            )

    async def _list_added(self, section: Section) -> int | None:
        """List what was added; give the time of the newest, None when that is not all."""
        newest = section.newest
        extra = f"{quote('addedAt>>')}={max(0, newest - _OVERLAP)}&{_WHOLE}"
        try:
            for kind in _types(section):
                _, latest = await self._list_type(section, kind, section.listing, extra)
                newest = max(newest, latest)
        except Fault as fault:
            if fault.reason != "bad_request":
                raise
            return None  # a server without this filter
        kind = FILE_TYPE[section.library.type]
        count = await self._lister.page(section.library, Slice(kind, 0, 0))
        known = await self.index.count(section.library.uuid, kind)
        return newest if count.total == known else None

    async def _look_for_moved(
        self, uuid: str, listing: int, lost: Sequence[str]
    ) -> None:
        """List all again when files that are still missing turn out to have moved."""
        found = await self.index.find(lost, (), (uuid,))
        sample = [path for path in lost if path not in found.by_path][:3]
        if self._sections[uuid].listing != listing or len(sample) < 2:
            return
        for path in sample:
            await self._ask_for(uuid, path)
        if (await self.index.find(sample, (), (uuid,))).by_path:
            await self._list(uuid)

    async def _list(self, uuid: str) -> None:
        """List a whole library, page by page; a cancelled listing leaves what it learned."""
        section = self._sections[uuid]
        file_type = FILE_TYPE[section.library.type]
        known = await self.index.count(uuid, file_type)
        listing = section.listing + 1
        seen = newest = 0
        for kind in _types(section):
            received, latest = await self._list_type(section, kind, listing, _WHOLE)
            newest = max(newest, latest)
            if kind == file_type:
                seen = received
                if known and not received:
                    raise Fault(FaultClass.SERVER, "listing_empty")
        counter = section.library.content_changed_at
        # A server that shows less than half may not be all there: rows that are
        # wrong cost one read, rows that are lost cost their items.
        await self._finish(
            replace(section, changed_at=counter, listing=listing, newest=newest),
            prune=seen * 2 >= known,
        )

    async def _list_type(
        self, section: Section, kind: int, listing: int, extra: str
    ) -> tuple[int, int]:
        """List the rows of one type: how many came, and when the newest was added."""
        start = newest = 0
        while True:
            page = await self._lister.page(
                section.library, Slice(kind, start, PAGE, extra)
            )
            rows = _once(page.rows, files=kind != SHOW_TYPE)
            await self.index.add(section.library.uuid, kind, listing, rows)
            newest = max([newest, *(row.added_at for row in page.rows)])
            start += page.received
            if not page.received or page.total is None or start >= page.total:
                return start, newest

    async def _finish(self, section: Section, *, prune: bool) -> None:
        await self.index.finish(section, prune=prune)
        self._sections[section.library.uuid] = section


def _types(section: Section) -> tuple[int, ...]:
    if section.library.type == "show":
        return FILE_TYPE["show"], SHOW_TYPE
    return (FILE_TYPE[section.library.type],)


def _once(rows: Iterable[Row], *, files: bool) -> list[Row]:
    """Drop rows that a page repeats, because something was inserted meanwhile."""
    by_key = {row.rating_key: row for row in rows}
    if not files:
        for row in by_key.values():
            row.paths.clear()
    return list(by_key.values())
