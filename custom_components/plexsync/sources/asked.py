"""Note on records when their source was asked for them."""

from collections.abc import AsyncIterable, AsyncIterator, Callable
from dataclasses import replace

from .base import Batch


async def stamped(
    batches: AsyncIterable[Batch], steady: Callable[[], float]
) -> AsyncIterator[Batch]:
    """Give batches, each record with the time at which its batch was asked for.

    A source reads a batch when it is pulled, never before. ``steady`` is the engine's
    ``Clock.steady``. Raises what the source does.
    """
    pages = aiter(batches)
    while True:
        asked = steady()
        try:
            batch = await anext(pages)
        except StopAsyncIteration:
            return
        records = tuple(replace(each, asked=asked) for each in batch.records)
        yield replace(batch, records=records)
