"""Stamp records with the time at which their source was asked for them."""

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Callable
from dataclasses import replace
from itertools import batched

from ..engine.model.record import Record
from .base import Batch

_BREATH = 100  # records that are stamped before the event loop may run


async def stamped(
    batches: AsyncIterable[Batch], steady: Callable[[], float]
) -> AsyncIterator[Batch]:
    """Yield batches, stamped with the time of the request like each of their records.

    A source reads a batch only when it is pulled from the iterator. ``steady`` is the
    engine's ``Clock.steady``. Raises what the source raises.
    """
    pages = aiter(batches)
    while True:
        asked = steady()
        try:
            batch = await anext(pages)
        except StopAsyncIteration:
            return
        records: list[Record] = []
        for some in batched(batch.records, _BREATH, strict=False):
            records += (replace(each, asked=asked) for each in some)
            await asyncio.sleep(0)
        yield replace(batch, records=tuple(records), asked=asked)
