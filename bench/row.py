"""One row, in a process of its own: `python -m bench.row 1000 20 300 60`."""

import asyncio
from collections.abc import Awaitable, Sequence
import sys
import time

from .meters import Loop, settled_memory, written
from .ours import Ours, ours
from .processes import Simulator, plain_script, simulator
from .results import Row
from .work import is_done, pages, wanted

ROUNDS = 4  # turns that both sides take, so that what else the machine does hits both
_IDLE = 1.0  # seconds of doing nothing in each round


async def measure(items: int, latency: int, jobs: int, plain_jobs: int) -> Row:
    """Sync the first time in turns with the plain script, then unchanged, then changed."""
    # Spread over the library, and never the same to do twice: each side has its server.
    numbers = [1 + index * items // jobs for index in range(jobs)]
    async with (
        simulator(items, latency) as server,
        simulator(items, latency) as other,
        plain_script(other) as plain,
        ours(server.url) as side,
    ):
        loop = Loop()
        ticking = asyncio.create_task(loop.run())
        await side.drained()
        await server.forget()
        await other.forget()
        before = loop.peak = settled_memory()
        await asyncio.sleep(0.05)  # collecting held the loop: that is not our work
        with loop.into(loop.busy):
            listing_seconds = await _timed(side.list_library())
        listing = sum(
            number
            for name, number in (await server.requests()).items()
            if name.endswith("/all")
        )
        await server.forget()
        disk, syncs = written(), side.database.syncs
        first_seconds = plain_seconds = cpu_seconds = 0.0
        for turn in range(ROUNDS):
            with loop.into(loop.idle):
                await asyncio.sleep(_IDLE)
            share = plain_jobs // ROUNDS
            plain_seconds += await plain.sync(turn * share + 1, (turn + 1) * share)
            part = numbers[turn * jobs // ROUNDS : (turn + 1) * jobs // ROUNDS]
            cpu = time.process_time()
            with loop.into(loop.busy):
                first_seconds += await _timed(_sync(side, part))
            cpu_seconds += time.process_time() - cpu
        disk, syncs = written() - disk, side.database.syncs - syncs
        first_requests = sum((await server.requests()).values())
        plain_requests = sum((await other.requests()).values())
        await server.forget()
        with loop.into(loop.busy):
            unchanged_seconds = await _timed(_sync(side, numbers))
        unchanged_requests = sum((await server.requests()).values())
        await server.forget()
        with loop.into(loop.busy):
            changed_seconds = await _timed(_sync(side, numbers, edition=2))
        changed_requests = sum((await server.requests()).values())
        ticking.cancel()
        resumed_seconds = await _resume(server, side, numbers, edition=3)
        await _check(server, numbers, edition=3)
        await _check(other, range(1, plain_jobs // ROUNDS * ROUNDS + 1), edition=1)
    return Row(
        items=items,
        latency=latency,
        jobs=jobs,
        listing_seconds=listing_seconds,
        listing_requests=listing,
        first_seconds=first_seconds,
        first_requests=first_requests,
        unchanged_seconds=unchanged_seconds,
        unchanged_requests=unchanged_requests,
        changed_seconds=changed_seconds,
        changed_requests=changed_requests,
        resumed_seconds=resumed_seconds,
        plain_jobs=plain_jobs // ROUNDS * ROUNDS,
        plain_seconds=plain_seconds,
        plain_requests=plain_requests,
        cpu_seconds=cpu_seconds,
        gap=loop.busy.p999,
        gap_max=loop.busy.longest,
        idle_gap=loop.idle.p999,
        idle_gap_max=loop.idle.longest,
        memory=loop.peak - before,
        written=disk,
        syncs=syncs,
    )


async def _timed(work: Awaitable[None]) -> float:
    started = time.perf_counter()
    await work
    return time.perf_counter() - started


async def _sync(side: Ours, numbers: Sequence[int], *, edition: int = 1) -> None:
    await side.submit(pages(numbers, edition=edition))
    await side.drained()


async def _resume(
    server: Simulator, side: Ours, numbers: Sequence[int], *, edition: int
) -> float:
    """Sync what changed while the server was away; its waiting for a probe is left out.

    How long the server was away makes no difference to what is done then.
    """
    await server.stop()
    seconds = await _timed(side.submit(pages(numbers, edition=edition)))
    await side.is_open()
    await server.start()
    side.engine.health.hurry()
    return seconds + await _timed(side.drained())


async def _check(server: Simulator, numbers: Sequence[int], *, edition: int) -> None:
    """Look at twenty items: speed counts for nothing if the work was not done."""
    for number in numbers[:: max(1, len(numbers) // 20)]:
        item = wanted(number, edition=edition)
        if not is_done(item, await server.item(item.path)):
            raise RuntimeError(f"item {number} is not as it should be")


if __name__ == "__main__":
    print(asyncio.run(measure(*map(int, sys.argv[1:]))).to_json())
