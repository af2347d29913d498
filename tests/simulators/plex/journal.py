"""What the simulator was asked: one entry a request, written when it arrives."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
import re
from typing import Any

from .messages import Request

_KEPT_HEADERS = (
    "accept",
    "accept-encoding",
    "content-length",
    "content-type",
    "user-agent",
    "x-plex-token",
    "x-plex-client-identifier",
    "x-plex-product",
    "x-plex-container-start",
    "x-plex-container-size",
    "x-plex-pms-api-version",
)

_NUMBERS = re.compile(r"\d+(?:,\d+)*")


@dataclass(slots=True)
class Entry:
    """One request; `status` 0 means that no answer was sent (yet).

    `applied` says that no fault kept it from the library, whatever became of the answer.
    """

    time: float
    method: str
    path: str
    query: list[tuple[str, str]]
    headers: dict[str, str] = field(default_factory=dict)
    body_bytes: int = 0
    target_bytes: int = 0
    status: int = 0
    bytes_out: int = 0
    outcome: str = "pending"
    applied: bool = False
    duration: float = 0.0

    def param(self, name: str) -> str | None:
        """Return the last value of a query parameter."""
        return next((value for key, value in reversed(self.query) if key == name), None)

    def as_json(self) -> dict[str, Any]:
        """Return the entry for the control port."""
        return asdict(self)


class Journal:
    """The entries since the start or the last `clear`, oldest first."""

    def __init__(self) -> None:
        """Start empty."""
        self.entries: list[Entry] = []
        self._news = asyncio.Event()

    def __len__(self) -> int:
        """Return how many requests came."""
        return len(self.entries)

    def __iter__(self) -> Iterator[Entry]:
        """Iterate over the entries."""
        return iter(self.entries)

    def __getitem__(self, index: int) -> Entry:
        """Return one entry."""
        return self.entries[index]

    def clear(self) -> None:
        """Forget what came so far."""
        self.entries.clear()

    def record(self, request: Request, time: float) -> Entry:
        """Add an entry for a request that arrived."""
        headers = {
            name: value
            for name in _KEPT_HEADERS
            if (value := request.header(name)) is not None
        }
        entry = Entry(
            time,
            request.method,
            request.path,
            list(request.query),
            headers,
            len(request.body),
            request.length,
        )
        self.entries.append(entry)
        self._news.set()
        return entry

    def matching(
        self,
        *,
        method: str | None = None,
        path: str | None = None,
        status: int | None = None,
    ) -> Iterator[Entry]:
        """Yield the entries of a method, of a path (regex, searched) and of a status."""
        wanted = re.compile(path) if path else None
        for entry in self.entries:
            if (
                (method is None or entry.method == method)
                and (wanted is None or wanted.search(entry.path))
                and (status is None or entry.status == status)
            ):
                yield entry

    def count(
        self,
        *,
        method: str | None = None,
        path: str | None = None,
        status: int | None = None,
    ) -> int:
        """Return how many entries match."""
        return sum(1 for _ in self.matching(method=method, path=path, status=status))

    def by_pattern(self) -> dict[str, int]:
        """Return how often each method and path came, numbers in the path left out."""
        found = Counter(
            f"{entry.method} {_NUMBERS.sub('{n}', entry.path)}"
            for entry in self.entries
        )
        return dict(found.most_common())

    async def arrived(
        self,
        count: int = 1,
        *,
        method: str | None = None,
        path: str | None = None,
        within: float = 10,
    ) -> list[Entry]:
        """Wait until so many matching requests have arrived; return them."""
        async with asyncio.timeout(within):
            while len(found := list(self.matching(method=method, path=path))) < count:
                self._news.clear()
                await self._news.wait()
        return found
