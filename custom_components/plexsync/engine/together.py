"""Run some coroutines side by side, or one thing ahead of another."""

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Coroutine, Iterable
from typing import Any


async def together(work: Iterable[Coroutine[Any, Any, None]]) -> None:
    """Wait for all; then raise the first error as it is, not in a group.

    Unlike a task group this lets the others finish: what they have sent to Plex
    has an outcome worth knowing. Cancelling cancels all of them.
    """
    results = await asyncio.gather(*work, return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException):
            raise result


async def ahead[T](stream: AsyncIterable[T], most: int) -> AsyncIterator[T]:
    """Give what a stream gives; it goes on meanwhile, and so many may lie ready.

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
        while True:
            try:
                each = await ready.get()
            except asyncio.QueueShutDown:
                break
            yield each
        await task
    finally:
        task.cancel()
        await asyncio.wait([task])
