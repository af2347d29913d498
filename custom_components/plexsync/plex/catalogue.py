"""The chosen libraries and the index of their items, kept fresh with few requests.

A full listing takes ⌈N/1000⌉ requests, once; a single missing file takes one.

A library that vanishes is a fault for ten minutes, and so is a listing that lacks a
fifth of the known items, if these are more than a few: one answer is no reason to forget
so much. A few items that a listing lacks are forgotten at once. The index is a cache, so
that costs no more than another search.
"""

from collections.abc import Callable, Sequence
from math import inf
import time

from ..engine.model.faults import Fault, FaultClass
from ..engine.model.reasons import Reason
from . import paths
from .api import PlexApi
from .index import Index, Place, Section
from .library import SUPPORTED, Library
from .listing import FILE_TYPE, Slice, file_filter
from .walk import Walker

# As many missing files of one library are asked for one by one, and as many items may be
# missing from a listing without putting it in doubt.
FEW = 5
_FILTER_AGAIN = 86_400.0  # seconds until a filter that failed is tried again
_FILE_PAGE = 100  # rows; if more files share a name, they are not all read
_OVERLAP = 120  # seconds; items enter the database a little after their timestamp
# Seconds for which a library, or much of it, is missing before it is gone.
_GONE_AFTER = 600.0
_MASS = 5  # if one in so many items is gone at once, the listing is in doubt


class Catalogue:
    """What is known of the chosen libraries. Each is searched once at a time."""

    def __init__(
        self,
        index: Index,
        api: PlexApi,
        chosen: frozenset[str],
        monotonic: Callable[[], float],
        wall: Callable[[], float] = time.time,
    ) -> None:
        """Take the uuids of the chosen libraries; call ``open`` first."""
        self.index = index
        self._api = api
        self._chosen = chosen
        self._monotonic = monotonic
        self._asked_at: float | None = None
        self._walker = Walker(index, api, wall)
        self.is_open = False
        self.sections: dict[str, Section] = {}  # the chosen libraries, by uuid

    @property
    def is_complete(self) -> bool:
        """Whether every chosen library is known."""
        return self._chosen <= self.sections.keys()

    def is_stale(self, age: float) -> bool:
        """Return whether the list of libraries is older than ``age`` seconds."""
        return self._asked_at is None or self._monotonic() - self._asked_at > age

    def section_of(self, key: str, uuid: str) -> str | None:
        """Return the uuid of the chosen library with this uuid, or else with this key."""
        if uuid:
            return uuid if uuid in self._chosen else None
        found = (
            uuid for uuid, each in self.present().items() if each.library.key == key
        )
        return next(found, None)

    def present(self) -> dict[str, Section]:
        """Return the libraries that exist, as far as is known, by uuid.

        One that has been missing for long counts as gone.
        """
        missing_after = self._monotonic() - _GONE_AFTER
        return {
            uuid: section
            for uuid, section in self.sections.items()
            if section.missing_since is None or section.missing_since >= missing_after
        }

    async def open(self) -> None:
        """Load what earlier runs learned; no request."""
        if not self.is_open:
            known = await self.index.open()
            self.sections = {
                uuid: each for uuid, each in known.items() if uuid in self._chosen
            }
            self.is_open = True

    async def refresh(self, *, probe: bool = False) -> None:
        """Ask for the libraries' folders, and whether they changed. Raises Fault.

        A probe takes only a few seconds: it shows whether the server answers at all.
        """
        if not await self.accept(await self._api.libraries(probe=probe)):
            raise Fault(FaultClass.SERVER, Reason.LISTING_EMPTY)

    async def accept(self, libraries: Sequence[Library]) -> bool:
        """Store the server's list of libraries; return False if no chosen one is in it.

        A missing library stays known, and counts as there for a while, unless another
        library has its key: that one was created in its place. Raises Fault for an empty
        list, which no healthy server sends.
        """
        if not libraries:
            raise Fault(FaultClass.SERVER, Reason.LISTING_EMPTY)
        there = {each.uuid: each for each in libraries if each.uuid in self._chosen}
        if not there:
            return False
        usable = [each for each in there.values() if each.type in SUPPORTED]
        await self.index.save_libraries(usable)
        for library in usable:
            self.sections.setdefault(library.uuid, Section(library)).library = library
        now = self._asked_at = self._monotonic()
        keys = {each.key for each in libraries}
        for uuid, section in self.sections.items():
            if uuid in there:
                section.missing_since = None
            elif section.library.key in keys:
                section.missing_since = -inf
            elif section.missing_since is None:
                section.missing_since = now
        return True

    def goes_by_counter(self, uuid: str, lost: Sequence[str], guids: bool) -> bool:
        """Return whether ``search`` would use the library's counter from the last answer."""
        if self.sections[uuid].listing == 0:
            # The counter has to be older than the listing.
            return self._asked_at is None
        return guids or len(lost) > FEW

    async def search(self, uuid: str, lost: Sequence[str], guids: bool) -> None:
        """Update the index of one library, in which normal paths were not found.

        With ``guids``, guids were not found either. Raises Fault, also of class item;
        what was learned until then is kept.
        """
        section = self.sections[uuid]
        if section.listing == 0:
            await self._list(section)
            return
        many = len(lost) > FEW
        filter_failed = self._monotonic() - section.filter_failed <= _FILTER_AGAIN
        if not many and not filter_failed:
            reliable = await self._ask_for(section, lost)
            if reliable and not guids:
                return
        if (many or guids) and not section.has_news:
            return
        if not await self._catch_up(section) and many:
            await self._look_for_moved(section, lost)

    async def catch_up(self, uuid: str) -> None:
        """List what was added to a library since it was listed, if it changed.

        A library that was never listed is left alone: it is listed when it is needed.
        Raises Fault.
        """
        section = self.sections[uuid]
        if section.listing and section.has_news:
            await self._catch_up(section)

    async def _ask_for(self, section: Section, wanted: Sequence[str]) -> bool:
        """Ask for files by their names; return whether the answers are reliable.

        The filter is undocumented, so its results are compared here.
        """
        library, reliable = section.library, True
        kind = FILE_TYPE[library.type]
        for path in wanted:
            only = Slice(kind, size=_FILE_PAGE, extra=file_filter(path))
            try:
                page = await self._api.page(library, only)
            except Fault as fault:
                if fault.throttled:
                    raise
                # The server lacks this filter, or the library is broken: the listing
                # will show.
                section.filter_failed = self._monotonic()
                if fault.unreachable:
                    raise
                return False
            key = paths.key(path)
            rows = [row for row in page.rows if key in map(paths.key, row.paths)]
            if rows:
                await self.index.add(library.uuid, kind, section.listing, rows)
            elif page.total is not None and page.total > page.received:
                reliable = False
        return reliable

    async def _catch_up(self, section: Section) -> bool:
        """List what was added since the last listing, or everything if counts differ.

        Return whether it was everything.
        """
        place = section.place or Place(
            section.listing + 1,
            section.library.content_changed_at,
            FILE_TYPE[section.library.type],
            since=max(0, section.newest - _OVERLAP),
            newest=section.newest,
        )
        if place.since is not None and await self._list_added(section, place):
            return False
        await self._list(section)
        return True

    async def _list_added(self, section: Section, place: Place) -> bool:
        """List what was added; return whether the counts then agree."""
        library = section.library
        try:
            place = await self._walker.walk(section, place)
        except Fault as fault:
            if fault.reason != Reason.BAD_REQUEST:
                raise
            return False  # the server lacks this filter
        kind = FILE_TYPE[library.type]
        count = await self._api.page(library, Slice(kind, size=0))
        if count.total != await self.index.count(library.uuid, kind):
            return False
        await self._finish(section, place, prune=False)
        return True

    async def _look_for_moved(self, section: Section, lost: Sequence[str]) -> None:
        """List everything again if files that are still missing turn out to have moved."""
        among = (section.library.uuid,)
        found = await self.index.find(lost, (), among)
        sample = [path for path in lost if path not in found.by_path][:3]
        if len(sample) < 2:
            return
        await self._ask_for(section, sample)
        if (await self.index.find(sample, (), among)).by_path:
            await self._list(section)

    async def _list(self, section: Section) -> None:
        """List a whole library, or the rest of it."""
        uuid, place = section.library.uuid, section.place
        if place is None or place.since is not None:
            last = section.listing if place is None else place.listing
            place = await self._beginning(section.library, last + 1)
        place = await self._walker.walk(section, place)
        if doubt := self._doubt(section, place):
            # List it again under a new number, so that no row counts as shown.
            again = await self._beginning(section.library, place.listing + 1)
            await self.index.add(uuid, again.kind, again.listing, (), again)
            section.place = again
            raise doubt
        await self._finish(section, place, prune=True)

    async def _beginning(self, library: Library, listing: int) -> Place:
        """Return the place at the beginning of a full listing."""
        kind = FILE_TYPE[library.type]
        known = await self.index.count(library.uuid, kind)
        return Place(listing, library.content_changed_at, kind, known)

    def _doubt(self, section: Section, place: Place) -> Fault | None:
        """Return a fault if a listing lacks too many of the known items.

        An empty listing is never believed, and one that lacks a fifth only if it stays
        like that. A few items may be missing from any listing.
        """
        if place.known and not place.seen:
            return Fault(FaultClass.SERVER, Reason.LISTING_EMPTY)
        gone, now = place.known - place.seen, self._monotonic()
        if gone > FEW and gone * _MASS >= place.known:
            if section.shrunk_since is None:
                section.shrunk_since = now
            if now - section.shrunk_since <= _GONE_AFTER:
                return Fault(FaultClass.SERVER, Reason.LISTING_SHRUNK)
        section.shrunk_since = None
        return None

    async def _finish(self, section: Section, place: Place, *, prune: bool) -> None:
        await self.index.finish(section.library.uuid, place, prune=prune)
        section.changed_at = place.changed_at
        section.listing = place.listing
        section.newest = place.newest
        section.place = None
