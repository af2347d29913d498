"""From a record's paths and guids to exactly one rating key, or to the reason why not."""

import asyncio
from collections.abc import Iterable, Sequence
from itertools import chain

from ..engine.ports import Match
from ..engine.record import Find
from . import paths
from .catalogue import Catalogue
from .index import Found
from .items import is_rating_key
from .line import about_the_server

_ASK_AGAIN = 300.0  # seconds between two looks at where libraries lie


class Matcher:
    """Finds items within the chosen libraries; a hit costs no request."""

    def __init__(self, catalogue: Catalogue) -> None:
        """Take what is known of the libraries."""
        self._catalogue = catalogue
        self._lock = asyncio.Lock()

    async def ready(self) -> None:
        """Learn of every chosen library that is there; asks only where one is unknown."""
        async with self._lock:
            await self._catalogue.open()
            if not self._catalogue.is_complete and self._catalogue.is_stale(_ASK_AGAIN):
                await self._catalogue.refresh()

    async def match(self, finds: Sequence[Find]) -> list[Match]:
        """Find the item of each, in order. Raises Fault, never an item's."""
        wanted = [_Wanted(find) for find in finds]
        with about_the_server():
            await self.ready()
            found = await self._find(wanted)
            if any(each.is_missing(found) for each in wanted):
                async with self._lock:
                    # Another match may have looked meanwhile.
                    found = await self._find(wanted)
                    missing = [each for each in wanted if each.is_missing(found)]
                    if missing:
                        await self._look_for(missing)
                        found = await self._find(wanted)
        return [each.verdict(found) for each in wanted]

    async def _find(self, wanted: Sequence[_Wanted]) -> Found:
        return await self._catalogue.index.find(
            chain.from_iterable(each.paths for each in wanted),
            chain.from_iterable(each.guids for each in wanted),
            frozenset(self._catalogue.sections),
        )

    async def _look_for(self, missing: Sequence[_Wanted]) -> None:
        """Look in the libraries that the missing paths lie in."""
        catalogue = self._catalogue
        if catalogue.is_stale(_ASK_AGAIN) and not all(
            any(self._holding(each.paths)) for each in missing if each.paths
        ):
            await catalogue.refresh()  # a folder may have been added to one
        lost: dict[str, dict[str, None]] = {}
        for each in missing:
            holding = dict(self._holding(each.paths))
            each.is_outside = bool(each.paths) and not holding
            for uuid, inside in holding.items():
                lost.setdefault(uuid, {}).update(dict.fromkeys(inside))
            if not each.paths:  # a guid may be anywhere
                for uuid in catalogue.present():
                    lost.setdefault(uuid, {})
        await catalogue.search({uuid: tuple(inside) for uuid, inside in lost.items()})

    def _holding(self, wanted: Sequence[str]) -> Iterable[tuple[str, list[str]]]:
        """Give the libraries that some of these paths lie in, with those paths."""
        for uuid in self._catalogue.present():
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
        self.guids = tuple(guid for guid in find.guids if guid)
        self.is_outside = False  # of every chosen library

    def is_missing(self, found: Found) -> bool:
        """Say whether a look at Plex could help."""
        return (
            self.rating_key is None
            and bool(self.paths or self.guids)
            and not self._keys(found)
        )

    def verdict(self, found: Found) -> Match:
        """Give exactly one item, or say why not."""
        if self.rating_key is not None:
            # The read that follows shows whether it lies in a chosen library.
            if is_rating_key(self.rating_key):
                return Match(self.rating_key)
            return Match(reason="not_found")
        keys = self._keys(found)
        if len(keys) == 1:
            return Match(keys.pop())
        if keys:
            return Match(reason="ambiguous", candidates=tuple(sorted(keys, key=int)))
        return Match(reason="outside_libraries" if self.is_outside else "not_found")

    def _keys(self, found: Found) -> set[str]:
        by_path = (found.by_path.get(path, ()) for path in self.paths)
        by_guid = (found.by_guid.get(guid, ()) for guid in self.guids)
        return set(chain.from_iterable(by_path)) or set(chain.from_iterable(by_guid))
