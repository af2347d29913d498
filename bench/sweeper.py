"""Ours with a database that stays, which waits for orders: `python -m bench.sweeper URL FILE 1000`.

Reads `sync` and `sweep` lines from its input and answers each with what it took.
"""

import asyncio
from collections.abc import AsyncIterator
import gc
from pathlib import Path
import sys
import time

from custom_components.plexsync.engine.record import Record

from .meters import memory, settled_memory
from .ours import Ours, ours
from .product import sweep
from .results import Sweep
from .work import pages

_LOOK = 0.05  # seconds between two looks at the memory


async def _sweep(side: Ours, items: int) -> Sweep:
    """Compare records that are all in line; what makes them is no part of the work."""
    records = [page async for page in pages(range(1, items + 1))]

    async def source() -> AsyncIterator[list[Record]]:
        for page in records:
            yield page

    before = peak = settled_memory()
    gc.freeze()  # a source does not hold them all either

    async def watch() -> None:
        nonlocal peak
        while True:
            await asyncio.sleep(_LOOK)
            peak = max(peak, memory())

    watching = asyncio.create_task(watch())
    started, cpu = time.perf_counter(), time.process_time()
    counts = await sweep(side.engine, source(), items)
    seconds, cpu = time.perf_counter() - started, time.process_time() - cpu
    watching.cancel()
    gc.unfreeze()
    if counts != {"in_line": items}:
        raise RuntimeError(f"not all is in line: {counts}")
    return Sweep(seconds, cpu, peak - before)


async def serve(url: str, file: Path, items: int) -> None:
    """Serve the lines that come in."""
    async with ours(url, file=file) as side:
        while order := (await asyncio.to_thread(sys.stdin.readline)).strip():
            if order == "sync":
                await side.submit(pages(range(1, items + 1)))
                await side.drained()
                print("done", flush=True)
            else:
                print((await _sweep(side, items)).to_json(), flush=True)


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])))
