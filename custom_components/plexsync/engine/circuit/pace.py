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
_LEAST = 16  # edits that a rate is taken from: of fewer it says nothing
_PATIENCE = 20  # windows until it is tried again whether more pay, or fewer do as well
_OTHERWISE = 3.0  # how much faster or slower it has to be to be tried again at once


class Pace:
    """Bound the edits in flight: one after an outage, more while that pays.

    Trouble halves the number. Rates are compared only while all places are taken:
    who has little to do says nothing about the server.
    """

    def __init__(self, monotonic: Callable[[], float]) -> None:
        """Begin with a few edits in flight."""
        self._monotonic = monotonic
        self.limit = START
        self.in_flight = 0
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._started: float | None = None  # the window in which edits are counted
        self._count = 0
        self._before: tuple[int, float] | None = None  # the limit before, its rate
        self._up = True  # which way the next step goes
        self._rest = 0  # windows until then
        self._usual = 0.0  # the rate, with the number that stayed, when it turned round
        self._anew = False  # whether all is found out anew: down first, then up

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
        """Wait for a place, and hold it for one edit; first come, first served."""
        if self.in_flight < self.limit:
            self.in_flight += 1
        else:
            await self._wait()
        try:
            yield
        finally:
            self._leave()

    async def _wait(self) -> None:
        """Wait until an edit that ends hands its place over."""
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn in self._waiting:
                self._waiting.remove(turn)
            elif not turn.cancelled():
                self._leave()  # it came at the same moment
            raise

    def _leave(self) -> None:
        self.in_flight -= 1
        self._let_in()

    def _let_in(self) -> None:
        """Hand free places over: nobody can come in between, nor be forgotten."""
        while self._waiting and self.in_flight < self.limit:
            turn = self._waiting.popleft()
            if not turn.done():
                self.in_flight += 1
                turn.set_result(None)

    def worked(self) -> None:
        """Note an edit that went well; let more in where that pays."""
        if self.in_flight < self.limit:
            self._started = None
            return
        now = self._monotonic()
        if self._started is None:
            self._started, self._count = now, 0
            return
        self._count += 1
        if self._count < max(_LEAST, _WINDOW * self.limit):
            return
        elapsed = now - self._started
        rate = self._count / elapsed if elapsed > 0 else float("inf")
        self._started, self._count = now, 0
        self._compare(rate)
        self._let_in()

    def _compare(self, rate: float) -> None:
        """Keep the last step if it paid, and go on that way; else turn round and rest.

        Rates waver, so now and then a step up is kept that did not pay. Steps down
        take it back: fewer that do as well are better. Where the rate is far from what
        it was, what was found out then says nothing any more, and both ways are tried
        without a rest: down first, since rates that waver would only lead up.
        """
        if self._before is not None:
            limit, before = self._before
            self._before = None
            pays = rate >= before * _PAYS if self._up else rate * _PAYS >= before
            if not pays:
                self.limit = limit
                self._turn_round(before)
                return
        if self._rest and max(rate, self._usual) > _OTHERWISE * min(rate, self._usual):
            self._up, self._rest, self._anew = self.limit == 1, 0, True
        if self._rest:
            self._rest -= 1
        elif self.limit == (MOST if self._up else 1):
            self._turn_round(rate)
        elif not self._up or self._waiting:
            self._before = (self.limit, rate)
            self.limit = min(MOST, self.limit * 2) if self._up else self.limit // 2

    def _turn_round(self, rate: float) -> None:
        self._rest = 0 if self._anew and not self._up else _PATIENCE
        self._up, self._anew, self._usual = not self._up, False, rate

    def _forget(self) -> None:
        self._started, self._count = None, 0
        self._before, self._up, self._rest, self._anew = None, True, 0, False

    def snapshot(self) -> dict[str, Any]:
        """Describe the number for the store."""
        return {"in_flight": self.limit}

    def restore(self, data: Mapping[str, Any]) -> None:
        """Take up a snapshot; what is unreadable stays as it is."""
        limit = data.get("in_flight")
        if isinstance(limit, int) and not isinstance(limit, bool):
            self.limit = min(MOST, max(1, limit))
