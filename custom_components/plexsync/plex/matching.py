"""From a record's paths and guids to the items that it is about, or to why there are none."""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain

from ..engine.ports import Match
from ..engine.record import Find
from ..engine.retry import Fault, FaultClass
from . import paths
from .catalogue import Catalogue
from .guids import canonical
from .index import Found
from .items import is_rating_key

_ASK_AGAIN = 300.0  # seconds between two looks at where libraries lie


@dataclass(slots=True)
class _Desk:
    """Where the matches that want to look through one library queue up."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    looks: int = 0  # that came to an end
    fault: Fault | None = None  # what the last one met


class Matcher:
    """Finds items within the chosen libraries; a hit costs no request.

    Libraries are bulkheads: what a look through one meets, and how long it
    takes, concerns only what may lie there.
    """

    def __init__(self, catalogue: Catalogue, monotonic: Callable[[], float]) -> None:
        """Take what is known of the libraries."""
        self._catalogue = catalogue
        self._monotonic = monotonic
        self._asked_in_vain = float("-inf")
        self._opening = asyncio.Lock()
        self._desks: defaultdict[str, _Desk] = defaultdict(_Desk)

    async def ready(self) -> None:
        """Learn of every chosen library that is there; asks only where one is unknown."""
        catalogue = self._catalogue
        if catalogue.is_open and catalogue.is_complete:
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
                    raise  # else those that are known have to do

    async def recall(self, finds: Sequence[Find]) -> list[Match]:
        """Return what is remembered, without a request; see the engine's ``Server``."""
        await self._catalogue.open()
        wanted = [_Wanted(find) for find in finds]
        found = await self._find(wanted)
        matches: list[Match] = []
        for each in wanted:
            if each.is_missing(found):
                library = next((uuid for uuid, _ in self._holding(each.paths)), None)
                matches.append(Match(library=library))
            else:
                beyond = next(iter(self._unlisted(each)), None)
                matches.append(replace(each.verdict(found), beyond=beyond))
        return matches

    async def match(self, finds: Sequence[Find], avoid: frozenset[str]) -> list[Match]:
        """Find the item of each, in order; see the engine's ``Server.match``."""
        wanted = [_Wanted(find) for find in finds]
        await self.ready()
        looks = {uuid: desk.looks for uuid, desk in self._desks.items()}
        found = await self._find(wanted)
        missing = [each for each in wanted if each.is_missing(found)]
        partly = [each for each in wanted if not each.is_missing(found)]
        for each in partly:
            each.places = self._unlisted(each)
        if missing := [*missing, *(each for each in partly if each.places)]:
            await self._look_for(missing, avoid, looks)
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
        looks: Mapping[str, int],
    ) -> None:
        """Look in the libraries that what is missing may lie in.

        ``looks`` are those that had come to an end when it was found missing.
        """
        catalogue = self._catalogue
        asked = catalogue.is_stale(_ASK_AGAIN) and not all(
            any(self._holding(each.paths)) for each in missing if each.paths
        )
        if asked:
            await catalogue.refresh()  # a folder may have been added to one
        lost: dict[str, list[_Wanted]] = {}
        for each in missing:
            if not each.paths:  # a guid may be anywhere
                each.places = {uuid: [] for uuid in catalogue.present()}
            elif not each.places:
                each.places = dict(self._holding(each.paths))
                each.is_outside = not each.places
            for uuid in each.places:
                if uuid in avoid:
                    each.failed[uuid] = None
                else:
                    lost.setdefault(uuid, []).append(each)
        if not asked and any(
            catalogue.goes_by_counter(uuid, *_sought(uuid, those))
            for uuid, those in lost.items()
        ):
            await catalogue.refresh()
        silent = False
        for uuid in sorted(lost, key=lambda uuid: self._desks[uuid].fault is not None):
            fault = await self._look_in(
                uuid, lost[uuid], looks.get(uuid, 0), check=silent
            )
            silent = fault is not None and fault.unreachable
            if fault is not None:
                for each in lost[uuid]:
                    each.failed[uuid] = fault

    async def _look_in(
        self, uuid: str, missing: Sequence[_Wanted], looks: int, *, check: bool
    ) -> Fault | None:
        """Look through one library; give the fault that this met.

        ``check``: see first whether the server answers at all.
        """
        catalogue, desk = self._catalogue, self._desks[uuid]
        async with desk.lock:
            if desk.looks != looks:  # another match has looked meanwhile
                if desk.fault is not None:
                    return desk.fault
                found = await self._find(missing)
                missing = [each for each in missing if each.is_missing(found)]
                if not missing:
                    return None
            if check:
                await catalogue.check()
            sought = _sought(uuid, missing)
            return await self._end_look(uuid, catalogue.search(uuid, *sought))

    async def catch_up(self, avoid: frozenset[str]) -> dict[str, Fault]:
        """List what came into libraries that were listed; see the engine's ``Server``."""
        catalogue = self._catalogue
        await self.ready()
        await catalogue.refresh()
        faults: dict[str, Fault] = {}
        for uuid in set(catalogue.present()) - avoid:
            async with self._desks[uuid].lock:
                fault = await self._end_look(uuid, catalogue.catch_up(uuid))
            if fault is not None:
                faults[uuid] = fault
        return faults

    async def _end_look(self, uuid: str, look: Awaitable[None]) -> Fault | None:
        """Look through one library, whose lock is ours; give the fault that this met."""
        catalogue, desk = self._catalogue, self._desks[uuid]
        fault = None
        try:
            await look
        except Fault as met:
            if met.kind is FaultClass.WRONG_SERVER:
                raise
            fault = met
        if fault is not None and fault.reason == "not_found":
            # Plex knows no such library: trouble, unless it stays like that.
            await catalogue.refresh()
            gone = uuid not in catalogue.present()
            fault = None if gone else Fault(FaultClass.SERVER, "listing_empty")
        desk.looks += 1
        desk.fault = fault
        return fault

    def _unlisted(self, each: _Wanted) -> dict[str, list[str]]:
        """Return the libraries that may have more items of its files: never listed so far."""
        if each.rating_key is not None:
            return {}
        never = [
            uuid
            for uuid in self._catalogue.present()
            if not self._catalogue.sections[uuid].listing
        ]
        return dict(self._holding(each.paths, never)) if never else {}

    def _holding(
        self, wanted: Sequence[str], among: Sequence[str] | None = None
    ) -> Iterable[tuple[str, list[str]]]:
        """Return the libraries that some of these paths lie in, with those paths."""
        for uuid in self._catalogue.present() if among is None else among:
            folders = self._catalogue.sections[uuid].library.locations
            inside = [
                path
                for path in wanted
                if any(paths.lies_in(path, folder) for folder in folders)
            ]
            if inside:
                yield uuid, inside


class _Wanted:
    """One record's ways to be found, and what was found of them."""

    def __init__(self, find: Find) -> None:
        self.rating_key = find.rating_key
        self.paths = tuple(
            dict.fromkeys(paths.normal(each) for each in find.paths if each)
        )
        self.guids = tuple(
            dict.fromkeys(canonical(each) for each in find.guids if each)
        )
        self.places: dict[str, list[str]] = {}  # by library, the paths that lie in it
        self.is_outside = False  # of every chosen library
        self.failed: dict[str, Fault | None] = {}  # libraries not looked through

    def is_missing(self, found: Found) -> bool:
        """Return whether a look at Plex could help."""
        return (
            self.rating_key is None
            and bool(self.paths or self.guids)
            and not self._keys(found)
        )

    def verdict(self, found: Found) -> Match:
        """Return the items, or say why there are none."""
        if self.rating_key is not None:
            # The read that follows shows whether it lies in a chosen library.
            if is_rating_key(self.rating_key):
                return Match(self.rating_key)
            return Match(reason="not_found")
        # A library that met a fault tells more than one that was avoided.
        library = max(
            self.failed, key=lambda uuid: self.failed[uuid] is not None, default=None
        )
        fault = self.failed[library] if library else None
        if keys := sorted(self._by_path(found), key=int):
            first, *twins = ((key, found.libraries[key]) for key in keys)
            return Match(
                first[0],
                library=first[1],
                fault=fault,
                twins=tuple(twins),
                beyond=library,
            )
        keys = sorted(self._guesses(found), key=int)
        if len(keys) == 1:
            return Match(keys[0], library=found.libraries[keys[0]])
        if keys:
            return Match(reason="ambiguous", candidates=tuple(keys))
        if library:
            return Match(library=library, fault=fault)
        return Match(reason="outside_libraries" if self.is_outside else "not_found")

    def _keys(self, found: Found) -> set[str]:
        return self._by_path(found) or self._guesses(found)

    def _by_path(self, found: Found) -> set[str]:
        """Return every item that has one of the files."""
        return {
            key
            for path in self.paths
            if path not in found.doubtful
            for key in found.by_path.get(path, ())
        }

    def _guesses(self, found: Found) -> set[str]:
        """Return what a path nearly names, or else a guid: of several none is it for sure."""
        nearly = (found.by_path.get(path, ()) for path in self.paths)
        by_guid = (found.by_guid.get(guid, ()) for guid in self.guids)
        return set(chain.from_iterable(nearly)) or set(chain.from_iterable(by_guid))


def _sought(uuid: str, missing: Iterable[_Wanted]) -> tuple[list[str], bool]:
    """Return the paths to look for in one library, each once, and whether guids are too."""
    inside = [each.places[uuid] for each in missing]
    return list(dict.fromkeys(chain.from_iterable(inside))), not all(inside)
