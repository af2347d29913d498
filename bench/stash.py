"""A Stash with many scenes, beside a Plex that has their files: `python -m bench.stash 100000`.

Both are processes of their own. What costs memory and holds the loop is ours: the first
read, a list of all scenes, a sweep that finds all in line, and an hour of nothing.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
import gc
import sys
import time

from aiohttp import ClientSession

from custom_components.plexsync.ask_sources import AllRecords
from custom_components.plexsync.sources.runner import SourceRunner
from custom_components.plexsync.sources.stash.stash import StashOptions, StashSource

from .meters import Delays, Loop, settled_memory
from .ours import Ours, ours
from .processes import Stash, simulator, stash

_IDLE = 3.0  # seconds of doing nothing, before all else
_LOOKS = 360  # in an hour, one every ten seconds
_HOUR = 3600.0
# With only these, what Stash says is what Plex has: nothing is to be written.
_IN_LINE = StashOptions(fields=frozenset({"title"}), poster=False)


class _Bench:
    """Our side, what watches it, and the Stash that it reads."""

    def __init__(self, side: Ours, server: Stash, loop: Loop) -> None:
        self.side = side
        self._server = server
        self._loop = loop
        self.passed = 0.0  # seconds of the source's, beside those that really pass
        self._base = settled_memory()
        self._most = 0

    def monotonic(self) -> float:
        """Tell the source's time."""
        return time.monotonic() + self.passed

    @asynccontextmanager
    async def told(self, what: str) -> AsyncIterator[None]:
        """Print what something costs."""
        await self._server.forget()
        gaps, self._loop.own = Delays(), Delays()
        before = self._loop.peak = settled_memory()
        await asyncio.sleep(0.05)  # collecting held the loop: that is not our work
        started, cpu = time.perf_counter(), time.process_time()
        with self._loop.into(gaps):
            yield
        seconds, cpu = time.perf_counter() - started, time.process_time() - cpu
        peak, stays = self._loop.peak - before, settled_memory() - before
        self._most = max(self._most, self._loop.peak - self._base)
        requests, size = await self._server.asked()
        held, own = gaps.p999 - self._loop.idle.p999, self._loop.own.p999
        print(
            f"{what}: {seconds:.1f} s, {cpu:.1f} s of them ours;"
            f" {requests} requests to Stash, {size / 1e6:.2f} MB;"
            f" memory +{peak / 1e6:.1f} MB, {stays / 1e6:+.1f} MB after it,"
            f" +{self._most / 1e6:.1f} MB since the start at most;"
            f" the loop held {held * 1000:.1f} ms over idle (p99.9),"
            f" {gaps.longest * 1000:.0f} ms at most;"
            f" of its own thread's processor time that was {own * 1000:.1f} ms (p99.9)",
            flush=True,
        )


async def _read(bench: _Bench, source: StashSource) -> SourceRunner:
    """Read everything as the integration does, up to the first look that brings nothing."""
    runner = SourceRunner(source, bench.side.engine, name="Stash")
    reading = asyncio.create_task(runner.run())
    await runner.caught_up.wait()
    reading.cancel()
    await asyncio.wait([reading])
    return runner


async def _rest(bench: _Bench, source: StashSource) -> None:
    """Let an hour of looks pass at once."""
    cursor = await bench.side.engine.notes.cursor(source.id)
    for _ in range(_LOOKS):
        bench.passed += _HOUR / _LOOKS
        async for batch in source.changes(cursor):
            cursor = batch.cursor


async def _compare(bench: _Bench, runner: SourceRunner, scenes: int) -> None:
    clock = bench.side.engine.clock
    records = AllRecords([runner], clock.steady)
    counts = await bench.side.engine.sweep.run(records, everything=True, total=scenes)
    if counts != {"in_line": scenes}:
        raise RuntimeError(f"not all is in line: {counts}")


async def measure(scenes: int) -> None:
    """Measure, and print line by line."""
    async with (
        simulator(scenes, 0) as plex,
        stash(scenes) as server,
        ClientSession() as session,
    ):
        loop = Loop()
        ticking = asyncio.create_task(loop.run())
        gc.collect()
        with loop.into(loop.idle):
            await asyncio.sleep(_IDLE)

        def source(bench: _Bench, options: StashOptions) -> StashSource:
            return StashSource(
                "stash",
                session,
                server.url,
                to_plex=str,
                from_plex=lambda path: (path,),
                options=options,
                monotonic=bench.monotonic,
            )

        async with ours(plex.url, held=True) as side:
            bench = _Bench(side, server, loop)
            async with bench.told("first read, with all fields"):
                await _read(bench, source(bench, StashOptions()))
            if (left := await side.left()) != scenes:
                raise RuntimeError(f"{left} jobs wait, not {scenes}")
        async with ours(plex.url) as side:
            bench = _Bench(side, server, loop)
            only_titles = source(bench, _IN_LINE)
            async with bench.told("first read, with titles, and all jobs"):
                runner = await _read(bench, only_titles)
                await side.drained()
            await plex.keep_full_rows()
            gone_records = side.engine.gone_records
            async with bench.told("list of all scenes"):
                found = await gone_records.look("stash", only_titles.listing(), 0.0)
            if (found.known, found.gone) != (scenes, 0):
                raise RuntimeError(f"scenes are gone: {found}")
            for what in ("sweep", "sweep again"):
                async with bench.told(what):
                    await _compare(bench, runner, scenes)
            async with bench.told("an hour of nothing"):
                await _rest(bench, only_titles)
        ticking.cancel()


if __name__ == "__main__":
    asyncio.run(measure(int(sys.argv[1])))
