"""How many edits are in flight: one number, ramp and pace in one."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable, Mapping
import contextlib
from typing import Any

MOST = 16
START = 4
_PAYS = 1.1  # how much faster more edits in flight have to make it
_WINDOW = 4  # edits for each one in flight, before their rate is compared
_PATIENCE = 10  # windows until it is tried again whether more pay


class Pace:
    """Bound the edits in flight: one after an outage, more while that pays.

    Trouble halves the number. What is learnt is compared only while somebody
    waits for a place: who has nothing to do says nothing about the server.
    """

    def __init__(self, monotonic: Callable[[], float]) -> None:
        """Begin with a few."""
        self._monotonic = monotonic
        self.limit = START
        self.in_flight = 0
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._started: float | None = None  # the window in which edits are counted
        self._count = 0
        self._smaller: tuple[int, float] | None = None  # the limit before, its rate
        self._rest = 0  # windows until the next step

    def begin(self) -> None:
        """Start with one: the circuit has just closed."""
        self.limit = 1
        self._forget()

    def trouble(self) -> None:
        """Halve the number."""
        self.limit = max(1, self.limit // 2)
        self._forget()

    @contextlib.asynccontextmanager
    async def place(self) -> AsyncGenerator[None]:
        """Wait for a place, and hold it for one edit."""
        while self.in_flight >= self.limit:
            turn = asyncio.get_running_loop().create_future()
            self._waiting.append(turn)
            try:
                await turn
            finally:
                if turn in self._waiting:
                    self._waiting.remove(turn)
                elif turn.cancelled():
                    self._let_in()
        self.in_flight += 1
        try:
            yield
        finally:
            self.in_flight -= 1
            self._let_in()

    def _let_in(self) -> None:
        for _ in range(self.limit - self.in_flight):
            if not self._waiting:
                return
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)

    def worked(self) -> None:
        """Note an edit that went well; let more in where that pays."""
        if not self._waiting:
            self._started = None
            return
        now = self._monotonic()
        if self._started is None:
            self._started, self._count = now, 0
            return
        self._count += 1
        if self._count < _WINDOW * self.limit:
            return
        elapsed = now - self._started
        rate = self._count / elapsed if elapsed > 0 else float("inf")
        self._started, self._count = now, 0
        self._compare(rate)
        self._let_in()

    def _compare(self, rate: float) -> None:
        if self._smaller is not None:
            # The last step is on trial.
            limit, before = self._smaller
            self._smaller = None
            if rate < before * _PAYS:
                self.limit, self._rest = limit, _PATIENCE
                return
        if self._rest:
            self._rest -= 1
            return
        if self.limit < MOST:
            self._smaller = (self.limit, rate)
            self.limit = min(MOST, self.limit * 2)

    def _forget(self) -> None:
        self._started, self._count = None, 0
        self._smaller, self._rest = None, 0

    def snapshot(self) -> dict[str, Any]:
        """Describe the number for the store."""
        return {"in_flight": self.limit}

    def restore(self, data: Mapping[str, Any]) -> None:
        """Take up a snapshot; what is unreadable stays as it is."""
        limit = data.get("in_flight")
        if isinstance(limit, int) and not isinstance(limit, bool):
            self.limit = min(MOST, max(1, limit))
