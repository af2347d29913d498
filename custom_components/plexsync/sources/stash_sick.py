"""What alone makes a Stash answer with an error, and when to look at it again."""

import asyncio
from collections.abc import Iterable, Iterator

from ..engine.retry import Backoff

_LOOKS = Backoff(10, 600)  # seconds between two
_AT_ONCE = 25  # looked at in one turn: each may have to be asked for by itself


class Sick:
    """The scenes, or kinds of object, that cannot be read; each by its name.

    A look that finds one sick again makes the wait for the next one twice as long.
    """

    def __init__(self) -> None:
        """Know of none."""
        self._waits: dict[str, tuple[int, float]] = {}  # how many, and until when

    def __len__(self) -> int:
        """Count them."""
        return len(self._waits)

    def __iter__(self) -> Iterator[str]:
        """Name them, in the order in which they were found."""
        return iter(tuple(self._waits))

    def __contains__(self, name: object) -> bool:
        """Return whether this is one of them."""
        return name in self._waits

    def found(self, name: str) -> None:
        """Note one that was just seen to be sick."""
        now = asyncio.get_running_loop().time()
        waits, until = self._waits.get(name, (0, now))
        if now >= until:
            self._waits[name] = (waits + 1, now + _LOOKS.whole(waits))

    def known(self, names: Iterable[str]) -> None:
        """Take over what an earlier process found; it is due at once."""
        for name in names:
            self._waits.setdefault(name, (0, 0.0))

    def forget(self, names: Iterable[str]) -> None:
        """Note that these are well, or gone."""
        for name in names:
            self._waits.pop(name, None)

    def hurry(self, name: str) -> None:
        """Make one due: it was changed, and perhaps mended."""
        if name in self._waits:
            self._waits[name] = (0, 0.0)

    def due(self) -> list[str]:
        """Name those to be looked at now, not too many of them: who waited longest first."""
        now = asyncio.get_running_loop().time()
        due = [name for name, (_, until) in self._waits.items() if now >= until]
        return sorted(due, key=lambda name: self._waits[name][1])[:_AT_ONCE]
