"""Many items in one request, and the one that breaks it found by halving."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence

from ..engine.ports import Items
from ..engine.retry import Fault, FaultClass
from .items import SectionOf, is_rating_key
from .line import Line

_MAX_IDS = 100  # in one request
_MAX_URL = 7_000  # bytes
_TOO_DEEP = 7  # failed requests: a hundred items, their halves and quarters
_SUSPECTS = 3  # items that fail alone; more are no coincidence


class Reader:
    """Reads items in full."""

    def __init__(
        self, line: Line, section_of: SectionOf, monotonic: Callable[[], float]
    ) -> None:
        """Take the line, and what tells the chosen libraries."""
        self._line = line
        self._section_of = section_of
        self._monotonic = monotonic

    async def read(self, rating_keys: Sequence[str]) -> Items:
        """Read items; what is missing, or lies in no chosen library, is left out.

        An item that breaks the answer is left out too, with its fault in
        ``faults``, once others or the database have shown to be well. Raises
        Fault, never an item's.
        """
        found = Items()
        wanted = [each for each in dict.fromkeys(rating_keys) if is_rating_key(each)]
        for chunk in self._chunks(wanted):
            await self._read_chunk(chunk, found)
        return found

    def _chunks(self, rating_keys: Sequence[str]) -> Iterator[list[str]]:
        url = f"{self._line.session.url}/library/metadata/?skipRefresh=1"
        room = _MAX_URL - len(url)
        chunk: list[str] = []
        used = 0
        for each in rating_keys:
            if chunk and (len(chunk) == _MAX_IDS or used + len(each) + 1 > room):
                yield chunk
                chunk, used = [], 0
            chunk.append(each)
            used += len(each) + 1
        if chunk:
            yield chunk

    async def _read_chunk(self, rating_keys: list[str], found: Items) -> None:
        waiting = deque([rating_keys])
        answers = failures = 0
        broken: dict[str, Fault] = {}
        while waiting:
            part = waiting.popleft()
            middle = len(part) // 2
            try:
                found.update(
                    await self._line.items(part, self._monotonic(), self._section_of)
                )
                answers += 1
                continue
            except Fault as fault:
                if fault.kind is not FaultClass.ITEM and not fault.ambiguous:
                    raise
                if fault.reason == "not_found":
                    answers += not middle  # of several, one may have caused it
                else:
                    failures += 1
                    if not middle:
                        broken[part[0]] = fault
                    if not answers and (
                        failures == _TOO_DEEP or len(broken) == _SUSPECTS
                    ):
                        raise Fault(
                            FaultClass.SERVER, fault.reason, ambiguous=fault.ambiguous
                        ) from None
            if middle:
                waiting += (part[:middle], part[middle:])
        if broken and not answers:
            await self._line.check_database()
        found.faults |= broken
