"""Scenes and kinds that make Stash answer with an error, and when to try them again."""

import asyncio
from collections.abc import Iterable, Iterator

from ...engine.model.faults import Backoff

_LOOKS = Backoff(10, 600)  # seconds between two tries
_AT_ONCE = 25  # tries at once, as each may need a request of its own


class Sick:
    """The names of scenes, or of kinds of object, that cannot be read.

    Each failed try doubles the wait for the next one.
    """

    def __init__(self) -> None:
        """Initialize without any names."""
        self._waits: dict[
            str, tuple[int, float]
        ] = {}  # number of waits, end of the last

    def __len__(self) -> int:
        """Return the number of names."""
        return len(self._waits)

    def __iter__(self) -> Iterator[str]:
        """Yield the names in the order in which they were found."""
        return iter(tuple(self._waits))

    def __contains__(self, name: object) -> bool:
        """Return whether a name is among them."""
        return name in self._waits

    def found(self, name: str) -> None:
        """Note that one could not be read."""
        now = asyncio.get_running_loop().time()
        waits, until = self._waits.get(name, (0, now))
        if now >= until:
            self._waits[name] = (waits + 1, now + _LOOKS.whole(waits))

    def known(self, names: Iterable[str]) -> None:
        """Add what an earlier process found; all of it is due at once."""
        for name in names:
            self._waits.setdefault(name, (0, 0.0))

    def forget(self, names: Iterable[str]) -> None:
        """Remove those that can be read again, or are gone."""
        for name in names:
            self._waits.pop(name, None)

    def hurry(self, name: str) -> None:
        """Make one due, because it was changed and perhaps repaired."""
        if name in self._waits:
            self._waits[name] = (0, 0.0)

    def due(self) -> list[str]:
        """Return those to try now, at most a few, the longest waiting first."""
        now = asyncio.get_running_loop().time()
        due = [name for name, (_, until) in self._waits.items() if now >= until]
        return sorted(due, key=lambda name: self._waits[name][1])[:_AT_ONCE]
