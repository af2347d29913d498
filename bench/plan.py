"""The plan of many records that all differ: `python -m bench.plan 50000`.

A comparison makes it and writes nothing; then pages of it are read as the review page
reads them. Beside it stands a comparison that finds all in line.
"""

import asyncio
from dataclasses import asdict
import json
import sys
import time

from custom_components.plexsync.engine.plan.plan_cache import Filter

from .meters import Delays, Loop, settled_memory
from .ours import Ours, ours
from .processes import simulator
from .work import pages

_IDLE = 3.0  # seconds of doing nothing, before all else
_PAGE = 100  # rows, as the review page asks for them
_EVERY = Filter()


async def _compare(side: Ours, items: int) -> float:
    """Compare all records, and write nothing; return the seconds."""
    began = time.perf_counter()
    await side.engine.sweep.run(
        pages(range(1, items + 1)),
        enqueue=False,
        total=items,
        read_whole=lambda: ["bench"],
    )
    return time.perf_counter() - began


async def _make(side: Ours, loop: Loop, items: int) -> None:
    gaps, before = Delays(), settled_memory()
    loop.peak = before
    await asyncio.sleep(0.05)  # collecting held the loop: that is not our work
    with loop.into(gaps):
        seconds = await _compare(side, items)
    print(
        f"plan of {await side.engine.review.count()} records that differ:"
        f" {seconds:.1f} s; memory +{(loop.peak - before) / 1e6:.1f} MB at most;"
        f" the loop held {(gaps.p999 - loop.idle.p999) * 1000:.1f} ms over idle (p99.9)",
        flush=True,
    )


async def _read(side: Ours, offset: int) -> None:
    began = time.perf_counter()
    rows = await side.engine.review.page(_EVERY, _PAGE, offset)
    page = time.perf_counter()
    await side.engine.review.totals(_EVERY)
    counted = time.perf_counter() - page
    size = sum(len(json.dumps(asdict(row))) for row in rows)
    print(
        f"rows from {offset}: {(page - began) * 1000:.0f} ms, {size / 1000:.0f} kB;"
        f" counted by field, source and library: {counted * 1000:.0f} ms",
        flush=True,
    )


async def measure(items: int) -> None:
    """Measure, and print line by line."""
    async with simulator(items, 0) as plex, ours(plex.url) as side:
        await side.list_library()
        loop = Loop()
        ticking = asyncio.create_task(loop.run())
        with loop.into(loop.idle):
            await asyncio.sleep(_IDLE)
        await _make(side, loop, items)
        for offset in (0, items // 2, max(0, items - _PAGE)):
            await _read(side, offset)
        ticking.cancel()
        await side.submit(pages(range(1, items + 1)))
        await side.drained()
        await _compare(side, items)
        print(f"the same once all is in line: {await _compare(side, items):.1f} s")


if __name__ == "__main__":
    asyncio.run(measure(int(sys.argv[1])))
