"""Items that somebody writes to: each has one writer at a time."""

from collections.abc import AsyncGenerator, Iterable
import contextlib

from ..util.bell import Bell


class BusyItems:
    """Know whose turn it is at an item, by its rating key."""

    def __init__(self) -> None:
        """Begin with every item free."""
        self._keys: set[str] = set()
        self._bell = Bell()  # rings when items are free again

    def __contains__(self, rating_key: str | None) -> bool:
        """Return whether somebody has an item."""
        return rating_key in self._keys

    def take(self, rating_key: str) -> None:
        """Take an item that nobody has."""
        self._keys.add(rating_key)

    def leave(self, rating_keys: Iterable[str]) -> None:
        """Let others have these items."""
        self._keys.difference_update(rating_keys)
        self._bell.ring()

    @contextlib.asynccontextmanager
    async def alone(self, rating_key: str) -> AsyncGenerator[None]:
        """Wait for an item, and have it for oneself."""
        while rating_key in self._keys:
            await self._bell.wait(self._bell.rung, None)
        self.take(rating_key)
        try:
            yield
        finally:
            self.leave([rating_key])
