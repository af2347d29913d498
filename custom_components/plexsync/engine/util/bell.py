"""A doorbell that several can listen for, and nobody misses."""

import asyncio

from .concurrency import wait_at_most


class Bell:
    """Wake everybody who waits; ``rung`` counts how often."""

    def __init__(self) -> None:
        """Begin in silence."""
        self.rung = 0
        self._next = asyncio.Event()

    def ring(self) -> None:
        """Wake everybody."""
        self.rung += 1
        self._next.set()
        self._next = asyncio.Event()

    async def wait(self, heard: int, seconds: float | None) -> None:
        """Wait for a ring after the one heard last, for so long at most."""
        if self.rung == heard:
            await wait_at_most(self._next, seconds)
