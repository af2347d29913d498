"""Read many items in one request."""

from collections.abc import Callable, Iterator, Mapping, Sequence

from ..engine.model.faults import Fault, FaultClass
from ..engine.model.ports import Items
from ..engine.model.reasons import Reason
from .api import PlexApi
from .chunks import chunks
from .items import SectionOf, is_rating_key

_MAX_IDS = 100  # items in one request
_MAX_URL = 7_000  # bytes of the URL


class Reader:
    """Read items in full."""

    def __init__(
        self, api: PlexApi, section_of: SectionOf, monotonic: Callable[[], float]
    ) -> None:
        """Take the API, and a function that recognises chosen libraries."""
        self._api = api
        self._section_of = section_of
        self._monotonic = monotonic

    async def read(
        self, rating_keys: Sequence[str], known: Mapping[str, bytes] | None = None
    ) -> Items:
        """Read items; those that are missing or in other libraries are left out.

        Raises Fault, which one of several items may have caused. A 404 from Plex only
        means that an item is missing if it was the only one asked for.
        """
        found = Items()
        wanted = [each for each in dict.fromkeys(rating_keys) if is_rating_key(each)]
        for chunk in self._chunks(wanted):
            try:
                found.add(
                    await self._api.items(
                        chunk, self._monotonic(), self._section_of, known
                    )
                )
            except Fault as fault:
                item = (
                    fault.kind is FaultClass.ITEM and fault.reason == Reason.NOT_FOUND
                )
                if not item or len(wanted) > 1:
                    raise
        return found

    def _chunks(self, rating_keys: Sequence[str]) -> Iterator[list[str]]:
        url = f"{self._api.client.url}/library/metadata/?skipRefresh=1"
        room = _MAX_URL - len(url)
        return chunks(rating_keys, room, lambda key: len(key) + 1, _MAX_IDS)
