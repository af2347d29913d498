"""Ours with a database that stays, which waits for orders: `python -m bench.sweeper URL FILE 1000`.

Reads lines from its input and answers each with what it took: `list` the library, `sync`
items from one number to another in some edition, `sweep`.
"""

import asyncio
from collections.abc import AsyncIterator
import gc
from pathlib import Path
import sys
import time
from typing import Self

from .meters import memory, settled_memory, written
from .ours import Ours, ours
from .product import Record, sweep
from .results import Sweep, Synced
from .work import pages

_LOOK = 0.05  # seconds between two looks at the memory


class Meter:
    """What some work takes: seconds, of the processor, bytes written, memory at the peak."""

    async def __aenter__(self) -> Self:
        """Begin."""
        self._before = self._peak = settled_memory()
        self._watching = asyncio.create_task(self._watch())
        self._disk = written()
        self._started, self._cpu = time.perf_counter(), time.process_time()
        return self

    async def __aexit__(self, *error: object) -> None:
        """Read off."""
        self.seconds = time.perf_counter() - self._started
        self.cpu_seconds = time.process_time() - self._cpu
        self.written = written() - self._disk
        self._watching.cancel()
        self.memory = self._peak - self._before

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(_LOOK)
            self._peak = max(self._peak, memory())


async def _sweep(side: Ours, items: int) -> Sweep:
    """Compare records that are all in line; what makes them is no part of the work."""
    records = [page async for page in pages(range(1, items + 1))]

    async def source() -> AsyncIterator[list[Record]]:
        for page in records:
            yield page

    gc.freeze()  # a source does not hold them all either
    async with Meter() as meter:
        counts = await sweep(side.engine, source(), items)
    gc.unfreeze()
    if counts != {"in_line": items}:
        raise RuntimeError(f"not all is in line: {counts}")
    return Sweep(meter.seconds, meter.cpu_seconds, meter.memory)


async def _sync(side: Ours, edition: int, first: int, last: int) -> Synced:
    """Bring some items into line with an edition of their records."""
    numbers = range(first, last + 1)
    async with Meter() as meter:
        await side.submit(pages(numbers, edition=edition))
        await side.drained()
    return Synced(
        len(numbers), meter.seconds, meter.cpu_seconds, meter.written, meter.memory
    )


async def serve(url: str, file: Path, items: int) -> None:
    """Serve the lines that come in."""
    async with ours(url, file=file) as side:
        while order := (await asyncio.to_thread(sys.stdin.readline)).strip():
            match order.split():
                case ["list"]:
                    await side.list_library()
                    print("done", flush=True)
                case ["sync", *numbers]:
                    print((await _sync(side, *map(int, numbers))).to_json(), flush=True)
                case ["sweep"]:
                    print((await _sweep(side, items)).to_json(), flush=True)


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])))
