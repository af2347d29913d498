"""Many items in one request."""

from collections.abc import Callable, Iterator, Mapping, Sequence

from ..engine.ports import Items
from ..engine.retry import Fault, FaultClass
from .api import PlexApi
from .chunks import chunks
from .items import SectionOf, is_rating_key

_MAX_IDS = 100  # in one request
_MAX_URL = 7_000  # bytes


class Reader:
    """Reads items in full."""

    def __init__(
        self, api: PlexApi, section_of: SectionOf, monotonic: Callable[[], float]
    ) -> None:
        """Take whom to ask, and what tells the chosen libraries."""
        self._api = api
        self._section_of = section_of
        self._monotonic = monotonic

    async def read(
        self, rating_keys: Sequence[str], known: Mapping[str, bytes] | None = None
    ) -> Items:
        """Read items; what is missing, or lies in no chosen library, is left out.

        Raises Fault; of several items one may have caused it. Only of one that is asked
        for alone does a 404 of Plex's say that it is missing.
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
                item = fault.kind is FaultClass.ITEM and fault.reason == "not_found"
                if not item or len(wanted) > 1:
                    raise
        return found

    def _chunks(self, rating_keys: Sequence[str]) -> Iterator[list[str]]:
        url = f"{self._api.client.url}/library/metadata/?skipRefresh=1"
        room = _MAX_URL - len(url)
        return chunks(rating_keys, room, lambda key: len(key) + 1, _MAX_IDS)
