"""Many records at once, in a process of its own: `python -m bench.backlog 50000 100000 1000`."""

import asyncio
from collections.abc import AsyncIterator
import sys
import time

from .meters import Delays, Loop, settled_memory, written
from .ours import ours
from .processes import simulator
from .product import Record
from .results import Backlog
from .work import pages

_IDLE = 3.0  # seconds of doing nothing, before and after
_LOOK = 0.2  # seconds between two looks at what is left


async def measure(items: int, records: int, jobs: int) -> Backlog:
    """Take in records while syncing is held, then do some of the jobs while all others wait."""
    incoming, working = Delays(), Delays()
    async with simulator(items, 0) as server, ours(server.url, held=True) as side:
        await side.list_library()
        loop = Loop()
        ticking = asyncio.create_task(loop.run())
        with loop.into(loop.idle):
            await asyncio.sleep(_IDLE)
        before = loop.peak = settled_memory()
        await asyncio.sleep(0.05)  # collecting held the loop: that is not our work
        disk, started = written(), time.perf_counter()
        with loop.into(incoming):
            await side.submit(_stream(items, records))
        seconds = time.perf_counter() - started
        disk, memory = written() - disk, loop.peak - before
        if (waiting := await side.left()) != records:
            raise RuntimeError(f"{waiting} jobs wait, not {records}")
        await side.engine.switch(True)
        started = time.perf_counter()
        with loop.into(working):
            while (waiting := await side.left()) > records - jobs:
                await asyncio.sleep(_LOOK)
        work_seconds = time.perf_counter() - started
        await side.engine.switch(False)
        with loop.into(loop.idle):
            await asyncio.sleep(_IDLE)
        ticking.cancel()
    return Backlog(
        items=items,
        records=records,
        seconds=seconds,
        memory=memory,
        written=disk,
        gap=incoming.p999,
        jobs=records - waiting,
        work_seconds=work_seconds,
        work_gap=working.p999,
        idle_gap=loop.idle.p999,
    )


async def _stream(items: int, records: int) -> AsyncIterator[list[Record]]:
    """Give the library's records over and over, each time of another series."""
    for first in range(0, records, items):
        numbers = range(1, min(items, records - first) + 1)
        async for page in pages(numbers, series=f"series {first}"):
            yield page


if __name__ == "__main__":
    print(asyncio.run(measure(*map(int, sys.argv[1:]))).to_json())
