"""An event loop in virtual time: no waiting, whether with real sockets or without.

Time stands still while anything happens, and jumps to the next timer when nothing
does. Where there are sockets, the kernel and those other threads that the loop is
told of are part of "anything"; without them a month passes in seconds, and a seed
replays to the letter. Work for an executor is done at once.
"""

import asyncio
from collections.abc import Callable, Coroutine
from concurrent.futures import Executor
import selectors
from typing import Any, override

_GRACE = 0.0005  # real seconds in which the kernel may still bring something
_LOOK = 0.002  # real seconds between two looks at other threads
_TURN = 1e-6  # virtual seconds that each turn of the loop takes: a wait may be tiny
_OWN = 1  # sockets of the loop itself, by which threads wake it


class _Jumping(selectors.DefaultSelector):
    """Where the loop would wait, let time pass instead."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.outside: list[Callable[[], bool]] = []  # threads at work

    @override
    def select(self, timeout: float | None = None) -> Any:
        self.now += _TURN
        if (len(self.get_map()) > _OWN or self.outside) and (
            found := self._look(timeout)
        ):
            return found
        if timeout is None:
            raise RuntimeError("everybody waits for ever")
        self.now += timeout
        return []

    def _look(self, timeout: float | None) -> Any:
        """Give what sockets and other threads bring."""
        found = super().select(0)
        if found or timeout == 0:
            return found
        while any(busy() for busy in self.outside):
            if found := super().select(_LOOK):
                return found
        # A thread counts as idle a moment before it has told the loop.
        return super().select(_GRACE if timeout is not None else None)


class VirtualLoop(asyncio.SelectorEventLoop):
    """A loop whose time passes only where nothing happens."""

    def __init__(self) -> None:
        """Begin at zero."""
        self.jumping = _Jumping()
        super().__init__(self.jumping)
        self._clock_resolution = 1e-6

    def watch(self, busy: Callable[[], bool]) -> None:
        """Let no time pass while this says that other threads are at work."""
        self.jumping.outside.append(busy)

    @override
    def time(self) -> float:
        """Give the virtual time in seconds."""
        return self.jumping.now

    @override
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


def run[T](main: Coroutine[Any, Any, T]) -> T:
    """Run to the end in a virtual loop of its own."""
    loop = VirtualLoop()
    try:
        return loop.run_until_complete(main)
    finally:
        loop.run_until_complete(_end(asyncio.all_tasks(loop)))
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.run_until_complete(loop.shutdown_default_executor())
        loop.close()


async def _end(tasks: set[asyncio.Task[Any]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def virtual() -> VirtualLoop:
    """Give the running loop."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualLoop)
    return loop
