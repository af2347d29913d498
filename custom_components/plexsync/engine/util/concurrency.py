"""Run some coroutines side by side, or one thing ahead of another."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterable, Callable, Coroutine, Iterable
import contextlib
from typing import Any


async def wait_at_most(event: asyncio.Event, seconds: float | None) -> None:
    """Wait for an event, for so long at most."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()


async def to_its_end(work: Coroutine[Any, Any, None]) -> None:
    """Do some work to its end; a caller that is cancelled meanwhile is so afterwards."""
    task = asyncio.ensure_future(work)
    cancelled = await outlast(task)
    task.result()
    if cancelled:
        raise asyncio.CancelledError


async def outlast(task: asyncio.Task[Any]) -> bool:
    """Wait until a task has ended; return whether the caller was cancelled meanwhile."""
    cancelled = False
    while not task.done():
        try:
            await asyncio.wait({task})
        except asyncio.CancelledError:
            cancelled = True
    return cancelled


async def run_all(work: Iterable[Coroutine[Any, Any, None]]) -> None:
    """Wait for all; then raise the first error as it is, not in a group.

    Unlike a task group this lets the others finish: what they have sent to Plex
    has an outcome worth knowing. Cancelling cancels all of them.
    """
    results = await asyncio.gather(*work, return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException):
            raise result


async def read_ahead[T](stream: AsyncIterable[T], most: int) -> AsyncGenerator[T]:
    """Yield what a stream gives; it goes on meanwhile, and so many may lie ready.

    What the stream raises is raised once everything before it was given.
    """
    ready: asyncio.Queue[T] = asyncio.Queue(most)

    async def fill() -> None:
        try:
            async for each in stream:
                await ready.put(each)
        finally:
            ready.shutdown()

    task = asyncio.create_task(fill())
    try:
        with contextlib.suppress(asyncio.QueueShutDown):
            while True:
                yield await ready.get()
        await task
    finally:
        task.cancel()
        await asyncio.wait([task])


async def map_in_order[T, R](
    stream: AsyncIterable[T], work: Callable[[T], Coroutine[Any, Any, R]], most: int
) -> AsyncGenerator[R]:
    """Work on what a stream gives, on so many at once; yield the results in its order.

    What the stream or the work raises ends it, and the work that is under way.
    """
    tasks: deque[asyncio.Task[R]] = deque()
    try:
        async for each in stream:
            tasks.append(asyncio.create_task(work(each)))
            if len(tasks) == most:
                await asyncio.wait([tasks[0]])
                yield tasks.popleft().result()
        while tasks:
            await asyncio.wait([tasks[0]])
            yield tasks.popleft().result()
    finally:
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
