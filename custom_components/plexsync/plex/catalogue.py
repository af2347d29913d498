"""The chosen libraries and the index of their items, kept fresh with few requests.

A full listing takes ⌈N/1000⌉ requests, once; a single missing file takes one.

A library that vanishes is a fault for ten minutes, and so is a listing that lacks a
fifth of the known items, if these are more than a few: one answer is no reason to forget
so much. A few items that a listing lacks are forgotten at once. The index is a cache, so
that costs no more than another search.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from math import inf
import time

from ..engine.model.faults import Fault, FaultClass
from ..engine.model.reasons import Reason
from . import paths
from .index import Index, Place, Section
from .library import SUPPORTED, Library
from .listing import FILE_TYPE, Slice, file_filter
from .walk import Lister, Walker, types_of

# As many missing files of one library are asked for one by one, and as many items may be
# missing from a listing without putting it in doubt.
FEW = 5
_FILTER_AGAIN = 86_400.0  # seconds until a filter that failed is tried again
_FILE_PAGE = 100  # rows; if more files share a name, they are not all read
_OVERLAP = 120  # seconds; items enter the database a little after their timestamp
_GONE_AFTER = (
    600.0  # seconds for which a library, or much of it, is missing before it is gone
)
_MASS = 5  # if one in so many items is gone at once, the listing is in doubt


class Catalogue:
    """What is known of the chosen libraries. Each is searched once at a time."""

    def __init__(
        self,
        index: Index,
        lister: Lister,
        chosen: frozenset[str],
        monotonic: Callable[[], float],
        wall: Callable[[], float] = time.time,
    ) -> None:
        """Take the uuids of the chosen libraries; call ``open`` first."""
        self.index = index
        self._lister = lister
        self._chosen = chosen
        self._monotonic = monotonic
        self._sections: dict[str, Section] = {}
        self._filter_failed: dict[str, float] = {}  # by library, when
        self._asked_at: float | None = None
        self._missing_since: dict[str, float] = {}
        self._shrunk_since: dict[str, float] = {}
        self._walker = Walker(index, lister, wall)
        self.is_open = False

    @property
    def sections(self) -> Mapping[str, Section]:
        """The chosen libraries that are known, by uuid."""
        return self._sections

    @property
    def is_complete(self) -> bool:
        """Whether every chosen library is known."""
        return self._chosen <= self._sections.keys()

    def is_stale(self, age: float) -> bool:
        """Return whether the list of libraries is older than ``age`` seconds."""
        return self._asked_at is None or self._monotonic() - self._asked_at > age

    def section_of(self, key: str, uuid: str) -> str | None:
        """Return the uuid of the chosen library with this uuid, or else with this key."""
        if uuid:
            return uuid if uuid in self._chosen else None
        return next(
            (
                each
                for each in self.present()
                if self._sections[each].library.key == key
            ),
            None,
        )

    def present(self) -> list[str]:
        """Return the libraries that exist, as far as is known.

        One that has been missing for long counts as gone.
        """
        now = self._monotonic()
        return [
            uuid
            for uuid in self._sections
            if now - self._missing_since.get(uuid, now) <= _GONE_AFTER
        ]

    async def open(self) -> None:
        """Load what earlier runs learned; no request."""
        if not self.is_open:
            known = await self.index.open()
            self._sections = {
                uuid: each for uuid, each in known.items() if uuid in self._chosen
            }
            self.is_open = True

    async def refresh(self) -> None:
        """Ask for the libraries' folders, and whether they changed. Raises Fault."""
        if not await self.accept(await self._lister.libraries()):
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
            known = self._sections.get(library.uuid)
            self._sections[library.uuid] = (
                replace(known, library=library) if known else Section(library)
            )
        now = self._asked_at = self._monotonic()
        keys = {each.key for each in libraries}
        self._missing_since = {
            uuid: -inf
            if section.library.key in keys
            else self._missing_since.get(uuid, now)
            for uuid, section in self._sections.items()
            if uuid not in there
        }
        return True

    def goes_by_counter(self, uuid: str, lost: Sequence[str], guids: bool) -> bool:
        """Return whether ``search`` would use the library's counter from the last answer."""
        if self._sections[uuid].listing == 0:
            return (
                self._asked_at is None
            )  # the counter has to be older than the listing
        return guids or len(lost) > FEW

    async def check(self) -> None:
        """Check, within a few seconds, that the server answers at all. Raises Fault."""
        await self._lister.libraries(probe=True)

    async def search(self, uuid: str, lost: Sequence[str], guids: bool) -> None:
        """Update the index of one library, in which normal paths were not found.

        With ``guids``, guids were not found either. Raises Fault, also of class item;
        what was learned until then is kept.
        """
        if self._sections[uuid].listing == 0:
            await self._list(uuid)
            return
        many = len(lost) > FEW
        if not many and self._may_filter(uuid):
            reliable = True
            for path in lost:
                reliable = await self._ask_for(uuid, path) and reliable
                if not self._may_filter(uuid):
                    break
            if reliable and not guids:
                return
        section = self._sections[uuid]
        if many or guids:
            counter = section.library.content_changed_at
            if counter and counter == section.changed_at and section.place is None:
                return
        if not await self._catch_up(section) and many:
            await self._look_for_moved(uuid, lost)

    async def catch_up(self, uuid: str) -> None:
        """List what was added to a library since it was listed, if it changed.

        A library that was never listed is left alone: it is listed when it is needed.
        Raises Fault.
        """
        section = self._sections[uuid]
        counter = section.library.content_changed_at
        is_news = not counter or counter != section.changed_at or section.place
        if section.listing and is_news:
            await self._catch_up(section)

    def _may_filter(self, uuid: str) -> bool:
        """Return whether to try asking a library for a file by its name."""
        failed = self._filter_failed.get(uuid)
        return failed is None or self._monotonic() - failed > _FILTER_AGAIN

    async def _ask_for(self, uuid: str, path: str) -> bool:
        """Ask for a file by its name; return whether the answer is reliable.

        The filter is undocumented, so its results are compared here.
        """
        section = self._sections[uuid]
        kind = FILE_TYPE[section.library.type]
        try:
            page = await self._lister.page(
                section.library, Slice(kind, 0, _FILE_PAGE, file_filter(path))
            )
        except Fault as fault:
            if fault.throttled:
                raise
            # The server lacks this filter, or the library is broken: the listing will show.
            self._filter_failed[uuid] = self._monotonic()
            if fault.unreachable:
                raise
            return False
        wanted = paths.key(path)
        rows = [row for row in page.rows if wanted in map(paths.key, row.paths)]
        if rows:
            await self.index.add(uuid, kind, section.listing, rows)
        return bool(rows) or page.total is None or page.total <= page.received

    async def _catch_up(self, section: Section) -> bool:
        """List what was added since the last listing, or everything if counts differ.

        Return whether it was everything.
        """
        uuid = section.library.uuid
        place = section.place or Place(
            section.listing + 1,
            section.library.content_changed_at,
            types_of(section.library)[0],
            since=max(0, section.newest - _OVERLAP),
            newest=section.newest,
        )
        if place.since is not None and await self._list_added(uuid, place):
            return False
        await self._list(uuid)
        return True

    async def _list_added(self, uuid: str, place: Place) -> bool:
        """List what was added; return whether the counts then agree."""
        library = self._sections[uuid].library
        try:
            place = await self._walk(uuid, place)
        except Fault as fault:
            if fault.reason != Reason.BAD_REQUEST:
                raise
            return False  # the server lacks this filter
        kind = FILE_TYPE[library.type]
        count = await self._lister.page(library, Slice(kind, 0, 0))
        if count.total != await self.index.count(uuid, kind):
            return False
        await self._finish(uuid, place, prune=False)
        return True

    async def _look_for_moved(self, uuid: str, lost: Sequence[str]) -> None:
        """List everything again if files that are still missing turn out to have moved."""
        found = await self.index.find(lost, (), (uuid,))
        sample = [path for path in lost if path not in found.by_path][:3]
        if len(sample) < 2:
            return
        for path in sample:
            await self._ask_for(uuid, path)
        if (await self.index.find(sample, (), (uuid,))).by_path:
            await self._list(uuid)

    async def _list(self, uuid: str) -> None:
        """List a whole library, or the rest of it."""
        section = self._sections[uuid]
        place = section.place
        if place is None or place.since is not None:
            last = section.listing if place is None else place.listing
            place = await self._beginning(uuid, last + 1)
        place = await self._walk(uuid, place)
        if doubt := self._doubt(uuid, place):
            # List it again under a new number, so that no row counts as shown.
            again = await self._beginning(uuid, place.listing + 1)
            await self.index.keep_place(uuid, again)
            self._note(uuid, again)
            raise doubt
        await self._finish(uuid, place, prune=True)

    async def _beginning(self, uuid: str, listing: int) -> Place:
        """Return the place at the beginning of a full listing."""
        library = self._sections[uuid].library
        known = await self.index.count(uuid, FILE_TYPE[library.type])
        counter = library.content_changed_at
        return Place(listing, counter, types_of(library)[0], known)

    def _doubt(self, uuid: str, place: Place) -> Fault | None:
        """Return a fault if a listing lacks too many of the known items.

        An empty listing is never believed, and one that lacks a fifth only if it stays
        like that. A few items may be missing from any listing.
        """
        if place.known and not place.seen:
            return Fault(FaultClass.SERVER, Reason.LISTING_EMPTY)
        gone = place.known - place.seen
        if gone <= FEW or gone * _MASS < place.known:
            self._shrunk_since.pop(uuid, None)
            return None
        now = self._monotonic()
        if now - self._shrunk_since.setdefault(uuid, now) <= _GONE_AFTER:
            return Fault(FaultClass.SERVER, Reason.LISTING_SHRUNK)
        del self._shrunk_since[uuid]
        return None

    async def _walk(self, uuid: str, place: Place) -> Place:
        """List from a place to the end; return the place at the end."""
        library = self._sections[uuid].library
        async for reached in self._walker.walk(library, place):
            self._note(uuid, place := reached)
        return place

    def _note(self, uuid: str, place: Place) -> None:
        self._sections[uuid] = replace(self._sections[uuid], place=place)

    async def _finish(self, uuid: str, place: Place, *, prune: bool) -> None:
        done = replace(
            self._sections[uuid],
            changed_at=place.changed_at,
            listing=place.listing,
            newest=place.newest,
            place=None,
        )
        await self.index.finish(done, prune=prune)
        # The library may have been refreshed meanwhile.
        library = self._sections[uuid].library
        self._sections[uuid] = replace(done, library=library)
