"""An event loop in virtual time: real sockets, and no waiting.

Time stands still while anything happens, and jumps to the next timer when
nothing does. What other threads do is part of "anything", as far as the loop is
told of it.
"""

import asyncio
from collections.abc import Callable, Coroutine
import selectors
from typing import Any, override

_GRACE = 0.0005  # real seconds in which the kernel may still bring something
_LOOK = 0.002  # real seconds between two looks at other threads
_TURN = 1e-6  # virtual seconds that each turn of the loop takes: a wait may be tiny


class _Jumping(selectors.DefaultSelector):
    """Where the loop would wait, let time pass instead."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.outside: list[Callable[[], bool]] = []  # threads at work

    @override
    def select(self, timeout: float | None = None) -> Any:
        self.now += _TURN
        found = super().select(0)
        if found or timeout == 0:
            return found
        while any(busy() for busy in self.outside):
            if found := super().select(_LOOK):
                return found
        # A thread counts as idle a moment before it has told the loop.
        if found := super().select(_GRACE if timeout is not None else None):
            return found
        assert timeout is not None
        self.now += timeout
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """A loop whose time passes only where nothing happens."""

    def __init__(self) -> None:
        """Begin at 1000 seconds."""
        self.jumping = _Jumping()
        self.jumping.now = 1000.0
        self._executed = 0
        super().__init__(self.jumping)
        self.watch(lambda: self._executed > 0)

    def watch(self, busy: Callable[[], bool]) -> None:
        """Let no time pass while this says that other threads are at work."""
        self.jumping.outside.append(busy)

    @override
    def time(self) -> float:
        """Give the virtual time in seconds."""
        return self.jumping.now

    @override
    def run_in_executor(  # type: ignore[override]  # the stub's is generic
        self, executor: Any, func: Callable[..., Any], *args: Any
    ) -> asyncio.Future[Any]:
        """Let no time pass while an executor works."""
        self._executed += 1

        def over(_: Any) -> None:
            self._executed -= 1

        future = super().run_in_executor(executor, func, *args)
        future.add_done_callback(over)
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
