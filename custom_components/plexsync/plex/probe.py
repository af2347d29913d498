"""Probe Plex's database: check that it can be read and has a chosen library."""

from collections.abc import Callable
from math import inf

from ..engine.model.faults import Fault, FaultClass
from ..engine.model.reasons import Reason
from .api import PlexApi
from .catalogue import Catalogue
from .library import Library

_LOOK_AGAIN = 600.0  # seconds between two requests for the list of libraries
_PROBED = 3  # libraries in one probe at most
_COUNT_AGAIN = 6 * 3600.0  # seconds until a library that failed is probed again


class DatabaseProbe:
    """Count the items of a library, each time of another one.

    If only one library is broken, the next one decides; if all are, the list of libraries
    does.
    """

    def __init__(
        self, api: PlexApi, catalogue: Catalogue, monotonic: Callable[[], float]
    ) -> None:
        """Take the API, and the catalogue of the chosen libraries."""
        self._api = api
        self._catalogue = catalogue
        self._monotonic = monotonic
        self._failed: dict[str, float] = {}  # when a library failed last
        self._turn = 0  # selects the library to begin with

    async def run(self) -> None:
        """Probe with one request, sometimes with two.

        Raises Fault; one of class item, ``library_gone``, if the server is well but has
        none of the chosen libraries.
        """
        await self._catalogue.open()
        if self._catalogue.is_stale(_LOOK_AGAIN):
            await self._look_at_the_list()
        for library in self._worth_counting():
            try:
                await self._api.count(library)
            except Fault as fault:
                if fault.kind is FaultClass.WRONG_SERVER:
                    raise
                self._failed[library.uuid] = self._monotonic()
                if fault.unreachable:
                    break
            else:
                self._failed.pop(library.uuid, None)
                return
        await self._look_at_the_list()

    def _worth_counting(self) -> list[Library]:
        """Return some libraries in turn, without those that failed lately."""
        self._turn += 1
        now = self._monotonic()
        known = [
            self._catalogue.sections[uuid].library
            for uuid in self._catalogue.present()
            if now - self._failed.get(uuid, -inf) > _COUNT_AGAIN
        ]
        first = self._turn % max(1, len(known))
        return [*known[first:], *known[:first]][:_PROBED]

    async def _look_at_the_list(self) -> None:
        if not await self._catalogue.accept(await self._api.libraries(probe=True)):
            raise Fault(FaultClass.ITEM, Reason.LIBRARY_GONE)
