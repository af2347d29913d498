"""Virtual time without sockets and threads: a month in seconds, and every seed replays.

``tests/virtual.py`` is for real connections: there time stands still while the
kernel and other threads work, which costs a thousand times as much.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
import selectors
from typing import Any

_TURN = 1e-6  # virtual seconds that each turn of the loop takes: a wait may be tiny


class _Selector(selectors.SelectSelector):
    """Where the loop would wait, the time goes by."""

    now = 0.0

    def select(
        self, timeout: float | None = None
    ) -> list[tuple[selectors.SelectorKey, int]]:
        """Let the time pass; raises RuntimeError when nothing would ever happen."""
        if timeout is None:
            raise RuntimeError("everybody waits for ever")
        self.now += max(_TURN, timeout)
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop whose time advances to the next timer whenever it is idle.

    Work for other threads is done at once, in this one.
    """

    def __init__(self) -> None:
        """Begin at zero."""
        self._virtual = _Selector()
        super().__init__(self._virtual)
        self._clock_resolution = 1e-6

    def time(self) -> float:
        """Give the virtual seconds since the loop began."""
        return self._virtual.now

    def run_in_executor[T](  # type: ignore[override]  # typeshed's has TypeVarTuples
        self, executor: Executor | None, func: Callable[..., T], *args: Any
    ) -> asyncio.Future[T]:
        """Do it now."""
        future = self.create_future()
        try:
            future.set_result(func(*args))
        except Exception as error:  # noqa: BLE001  # it belongs to the caller
            future.set_exception(error)
        return future
