"""Match a record's paths and guids to items, or give the reason why there are none."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import chain

from ..engine.model.faults import Fault, FaultClass
from ..engine.model.ports import Match
from ..engine.model.reasons import Reason
from ..engine.model.record import Find
from . import paths
from .catalogue import Catalogue
from .guids import canonical
from .index import Found, Section
from .items import is_rating_key

_ASK_AGAIN = 300.0  # seconds between two requests for the libraries' folders


class Matcher:
    """Find items in the chosen libraries; a hit costs no request.

    Libraries are bulkheads: a search that fails or takes long only affects records whose
    files may be in that library.
    """

    def __init__(self, catalogue: Catalogue, monotonic: Callable[[], float]) -> None:
        """Take the catalogue of the chosen libraries."""
        self._catalogue = catalogue
        self._monotonic = monotonic
        self._asked_in_vain = float("-inf")
        self._opening = asyncio.Lock()

    async def ready(self) -> None:
        """Load the chosen libraries; ask the server only if one of them is unknown."""
        catalogue = self._catalogue
        if catalogue.is_complete:
            return
        async with self._opening:
            await catalogue.open()
            if catalogue.is_complete or not catalogue.is_stale(_ASK_AGAIN):
                return
            now = self._monotonic()
            if catalogue.sections and now - self._asked_in_vain < _ASK_AGAIN:
                return
            try:
                await catalogue.refresh()
            except Fault:
                self._asked_in_vain = now
                if not catalogue.sections:
                    raise  # otherwise make do with the known ones

    async def recall(self, finds: Sequence[Find]) -> list[Match]:
        """Return remembered matches, without a request; see the engine's ``Server``."""
        await self._catalogue.open()
        wanted = [_Wanted(find) for find in finds]
        found = await self._find(wanted)
        matches: list[Match] = []
        for each in wanted:
            if each.is_missing(found):
                library = next(iter(self._holding(each.paths)), None)
                matches.append(Match(library=library))
                continue
            beyond = next(iter(self._unlisted(each, found)), None)
            if beyond is not None and each.goes_by_guid(found):
                matches.append(Match())  # it may not be the only one in all libraries
            else:
                matches.append(replace(each.verdict(found), beyond=beyond))
        return matches

    async def match(self, finds: Sequence[Find], avoid: frozenset[str]) -> list[Match]:
        """Return the match of each find, in order; see the engine's ``Server.match``."""
        wanted = [_Wanted(find) for find in finds]
        await self.ready()
        searches = {
            uuid: each.searches for uuid, each in self._catalogue.sections.items()
        }
        found = await self._find(wanted)
        missing: list[_Wanted] = []
        for each in wanted:
            is_missing = each.is_missing(found)
            if not is_missing:
                each.places = self._unlisted(each, found)
            if is_missing or each.places:
                missing.append(each)
        if missing:
            await self._look_for(missing, avoid, searches)
            found = await self._find(wanted)
        return [each.verdict(found) for each in wanted]

    async def _find(self, wanted: Sequence[_Wanted]) -> Found:
        return await self._catalogue.index.find(
            chain.from_iterable(each.paths for each in wanted),
            chain.from_iterable(each.guids for each in wanted),
            frozenset(self._catalogue.sections),
        )

    async def _look_for(
        self,
        missing: Sequence[_Wanted],
        avoid: frozenset[str],
        searches: Mapping[str, int],
    ) -> None:
        """Search the libraries that may have the missing items.

        ``searches`` counts each library's searches that had ended before the items were
        found missing.
        """
        catalogue = self._catalogue
        asked = catalogue.is_stale(_ASK_AGAIN) and not all(
            self._holding(each.paths) for each in missing if each.paths
        )
        if asked:
            await catalogue.refresh()  # a library may have a new folder
        lost: dict[str, list[_Wanted]] = {}
        for each in missing:
            if not each.places:
                each.places = (
                    self._holding(each.paths)
                    if each.paths
                    else _anywhere(catalogue.present())
                )
            for uuid in each.places:
                if uuid in avoid:
                    each.was_not_searched(uuid, None)
                else:
                    lost.setdefault(uuid, []).append(each)
        if not asked and any(
            catalogue.goes_by_counter(uuid, *_sought(uuid, those))
            for uuid, those in lost.items()
        ):
            await catalogue.refresh()
        fault = None
        for uuid, those in lost.items():
            if fault is not None and fault.unreachable:
                await catalogue.refresh(probe=True)
            fault = await self._look_in(uuid, those, searches.get(uuid, 0))
            if fault is not None:
                for each in those:
                    each.was_not_searched(uuid, fault)

    async def _look_in(
        self, uuid: str, missing: Sequence[_Wanted], searches: int
    ) -> Fault | None:
        """Search one library; return the fault of the search."""
        section = self._catalogue.sections[uuid]
        async with section.lock:
            if section.searches != searches:  # another match has searched meanwhile
                if section.fault is not None:
                    return section.fault
                found = await self._find(missing)
                missing = [each for each in missing if each.is_missing(found)]
                if not missing:
                    return None
            sought = _sought(uuid, missing)
            return await self._end_look(uuid, self._catalogue.search(uuid, *sought))

    async def catch_up(self, avoid: frozenset[str]) -> dict[str, Fault]:
        """List what was added to listed libraries; see the engine's ``Server``."""
        catalogue = self._catalogue
        await self.ready()
        await catalogue.refresh()
        faults: dict[str, Fault] = {}
        for uuid in catalogue.present().keys() - avoid:
            async with catalogue.sections[uuid].lock:
                fault = await self._end_look(uuid, catalogue.catch_up(uuid))
            if fault is not None:
                faults[uuid] = fault
        return faults

    async def _end_look(self, uuid: str, look: Awaitable[None]) -> Fault | None:
        """Search one library while holding its lock; return the fault of the search."""
        catalogue, section = self._catalogue, self._catalogue.sections[uuid]
        fault = None
        try:
            await look
        except Fault as met:
            fault = met
        if fault is not None and fault.reason == Reason.NOT_FOUND:
            # Plex does not know the library: a fault, unless it stays like that.
            await catalogue.refresh()
            gone = uuid not in catalogue.present()
            fault = None if gone else Fault(FaultClass.SERVER, Reason.LISTING_EMPTY)
        section.searches += 1
        section.fault = fault
        return fault

    def _unlisted(self, each: _Wanted, found: Found) -> dict[str, list[str]]:
        """Return the never listed libraries, which may have more items of its files or guids."""
        if each.rating_key is not None:
            return {}
        never = {
            uuid: section
            for uuid, section in self._catalogue.present().items()
            if not section.listing
        }
        if each.goes_by_guid(found):
            return _anywhere(never)
        return self._holding(each.paths, never)

    def _holding(
        self, wanted: Sequence[str], among: Mapping[str, Section] | None = None
    ) -> dict[str, list[str]]:
        """Return the libraries that contain some of the paths, with those paths."""
        found: dict[str, list[str]] = {}
        sections = self._catalogue.present() if among is None else among
        for uuid, section in sections.items():
            folders = section.library.locations
            inside = [
                path
                for path in wanted
                if any(paths.lies_in(path, folder) for folder in folders)
            ]
            if inside:
                found[uuid] = inside
        return found


class _Wanted:
    """The ways to find one record's items, and the state of the search."""

    def __init__(self, find: Find) -> None:
        self.rating_key = find.rating_key
        self.paths = tuple(
            dict.fromkeys(paths.normal(each) for each in find.paths if each)
        )
        self.guids = tuple(
            dict.fromkeys(canonical(each) for each in find.guids if each)
        )
        self.places: dict[str, list[str]] = {}  # by library, the paths inside it
        self.library: str | None = None  # that may hold it and was not searched
        self.fault: Fault | None = None  # that its search met

    def was_not_searched(self, library: str, fault: Fault | None) -> None:
        """Note a library; one whose search failed goes before one that was avoided."""
        if self.library is None or (fault is not None and self.fault is None):
            self.library, self.fault = library, fault

    def is_missing(self, found: Found) -> bool:
        """Return whether a search could find more."""
        return (
            self.rating_key is None
            and bool(self.paths or self.guids)
            and not self._by_path(found)
            and not self._guesses(found)
        )

    def verdict(self, found: Found) -> Match:
        """Return the match: items, or the reason why there are none."""
        if self.rating_key is not None:
            # The read that follows shows whether it is in a chosen library.
            if is_rating_key(self.rating_key):
                return Match(self.rating_key)
            return Match(reason=Reason.NOT_FOUND)
        if keys := sorted(self._by_path(found), key=int):
            first, *twins = ((key, found.libraries[key]) for key in keys)
            return Match(
                first[0],
                library=first[1],
                fault=self.fault,
                twins=tuple(twins),
                beyond=self.library,
            )
        keys = sorted(self._guesses(found), key=int)
        if len(keys) == 1:
            return Match(keys[0], library=found.libraries[keys[0]])
        if keys:
            return Match(reason=Reason.AMBIGUOUS, candidates=tuple(keys))
        if self.library is not None:
            return Match(library=self.library, fault=self.fault)
        is_outside = self.paths and not self.places
        return Match(
            reason=Reason.OUTSIDE_LIBRARIES if is_outside else Reason.NOT_FOUND
        )

    def _by_path(self, found: Found) -> set[str]:
        """Return all items that have one of the files."""
        return {
            key
            for path in self.paths
            if path not in found.doubtful
            for key in found.by_path.get(path, ())
        }

    def _guesses(self, found: Found) -> set[str]:
        """Return items that match a path except for case, or else a guid."""
        nearly = (found.by_path.get(path, ()) for path in self.paths)
        by_guid = (found.by_guid.get(guid, ()) for guid in self.guids)
        return set(chain.from_iterable(nearly)) or set(chain.from_iterable(by_guid))

    def goes_by_guid(self, found: Found) -> bool:
        """Return whether no path leads anywhere, so that an item of any library may be meant."""
        by_path = any(found.by_path.get(path) for path in self.paths)
        return bool(self.guids) and not by_path


def _anywhere(libraries: Iterable[str]) -> dict[str, list[str]]:
    """Search libraries for guids alone."""
    return {uuid: [] for uuid in libraries}


def _sought(uuid: str, missing: Iterable[_Wanted]) -> tuple[list[str], bool]:
    """Return the unique paths to search a library for, and whether to search for guids."""
    inside = [each.places[uuid] for each in missing]
    return list(dict.fromkeys(chain.from_iterable(inside))), not all(inside)
