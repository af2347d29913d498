"""`scripts/soak`: thousands of jobs through a server that flaps, dawdles and limits its rate.

Everything is real: HTTP to a simulated Plex in a process of its own, the database
on disk, the threads. Home Assistant's guard watches the loop's thread for
blocking calls.
"""

import argparse
import asyncio
from collections import Counter
from collections.abc import Iterator
import contextlib
from dataclasses import dataclass, field
import logging
from pathlib import Path
import sys
import tempfile
import time
from types import SimpleNamespace
from typing import Any, cast

from homeassistant import block_async_io

from bench.meters import Loop, settled_memory
from bench.processes import TOKEN, Simulator, simulator
from bench.work import is_done, pages, wanted
from custom_components.plexsync.engine.model.events import CircuitOpened
from custom_components.plexsync.plex.deadlines import Deadlines
from tests.rig import Rig, library
from tests.simulators.plex import PlexSimulator

from .report import conclude

ROUNDS = 4  # editions of every item, one after the other
GAP = 0.010  # seconds that the loop may be held, over idle
MEMORY = 10e6  # bytes that it may grow by, once it has seen every item
_IDLE = 2.0  # seconds of doing nothing before each round
_LOOK = 0.05  # seconds between two looks at what is left
_STUCK = 1800.0  # seconds that a round may take on any machine
# An answer that is late is a fault too, but none of those that this is about.
_DEADLINES = Deadlines(probe=2, read=10, listing=30, edit=10, upload=10)

WEATHER: tuple[tuple[str, dict[str, Any]], ...] = (
    ("flap", {"up": 7, "down": 0.8}),
    ("slow", {"ms": 1, "jitter_ms": 10}),
    ("rate_limit", {"per_second": 60, "burst": 60, "retry_after": 1}),
    ("commit_then_drop", {"method": "PUT", "probability": 0.004}),
)


class Guard(logging.Handler):
    """Home Assistant's guard against blocking calls, on the thread that makes this."""

    def __init__(self) -> None:
        """Switch it on, and see that it is awake."""
        super().__init__(logging.WARNING)
        self.calls: list[str] = []
        logging.getLogger("homeassistant.util.loop").addHandler(self)
        block_async_io.enable()
        with contextlib.suppress(RuntimeError):
            time.sleep(0)  # this is what it has to catch
            if not self.calls:
                raise SystemExit("the guard against blocking calls sleeps")
        self.calls.clear()

    def emit(self, record: logging.LogRecord) -> None:
        """Note a call."""
        self.calls.append(record.getMessage().splitlines()[0])


@dataclass(slots=True)
class Figures:
    """What is printed at the end."""

    jobs: int
    edits: int = 0  # applied
    twice: int = 0  # gave an item what it had been given already
    lost_answers: int = 0
    limited: int = 0
    requests: int = 0
    openings: int = 0
    wrong: list[str] = field(default_factory=list)
    blocking: list[str] = field(default_factory=list)
    reasons: dict[str, int] = field(default_factory=dict)
    growth: int = 0
    peak: int = 0
    gap: float = 0.0
    idle_gap: float = 0.0

    @property
    def held(self) -> float:
        """How much longer than when idle the loop was held, in seconds."""
        return max(0.0, self.gap - self.idle_gap)

    def troubles(self, *, quick: bool) -> Iterator[str]:
        """Say what is not as promised; a short run tells nothing of gaps and memory."""
        yield from self.wrong
        if self.edits != self.jobs:
            yield f"{self.edits} edits for {self.jobs} jobs"
        if self.twice:
            yield f"{self.twice} edits that changed nothing"
        if self.reasons:
            yield f"left over: {self.reasons}"
        yield from self.blocking
        for what, number in (
            ("the circuit never opened", self.openings),
            ("no request was limited", self.limited),
        ):
            if not number and not quick:
                yield what
        if self.growth > MEMORY and not quick:
            yield f"memory grew by {self.growth / 1e6:.1f} MB"
        if self.held > GAP and not quick:
            yield f"the loop was held {self.held * 1000:.1f} ms longer than when idle"

    def lines(self) -> Iterator[str]:
        """Say all of it."""
        yield (
            f"jobs {self.jobs}, written once in effect {self.edits - self.twice},"
            f" edits that changed nothing {self.twice}, items not as wanted"
            f" {len(self.wrong)}"
        )
        yield (
            f"requests {self.requests}, rate limited {self.limited}, answers lost after"
            f" the effect {self.lost_answers}, circuit opened {self.openings}"
        )
        yield (
            f"memory grew by {self.growth / 1e6:.1f} MB after the first round (bound"
            f" {MEMORY / 1e6:.0f}), peak {self.peak / 1e6:.0f} MB"
        )
        yield (
            f"loop held {self.gap * 1000:.1f} ms, idle {self.idle_gap * 1000:.1f} ms,"
            f" over idle {self.held * 1000:.1f} ms (p99.9, bound {GAP * 1000:.0f})"
        )
        yield f"blocking calls on the loop {len(self.blocking)}"


class Soak:
    """One engine at work, and what it costs."""

    def __init__(self, plex: Simulator, folder: Path, items: int) -> None:
        """Put it together as the integration does, with faster delays."""
        # The same library as in the process of the simulated Plex.
        core = library(items, token=TOKEN).core
        there = cast("PlexSimulator", SimpleNamespace(core=core, url=plex.url))
        self.plex = plex
        self.items = items
        self.figures = Figures(items * ROUNDS)
        self.rig = Rig(there, folder, deadlines=_DEADLINES)

    async def run(self) -> Figures:
        """Work through all rounds."""
        figures = self.figures
        guard = Guard()
        meter = Loop()
        rig = await self.rig.start()
        ticking = asyncio.create_task(meter.run())
        settled: list[int] = []  # memory after each round
        try:
            for edition in range(1, ROUNDS + 1):
                await asyncio.sleep(0.05)  # looking at memory and journal held the loop
                with meter.into(meter.idle):
                    await asyncio.sleep(_IDLE)
                with meter.into(meter.busy):
                    async for page in pages(range(1, self.items + 1), edition=edition):
                        await rig.submit(page)
                    async with asyncio.timeout(_STUCK):
                        while (await rig.engine.snapshot()).pending:
                            await asyncio.sleep(_LOOK)
                await self._read_journal(edition)
                settled.append(settled_memory())
            figures.growth = settled[-1] - settled[0]
            figures.reasons = await rig.engine.job_status.reasons()
        finally:
            ticking.cancel()
            await rig.stop()
        await self._compare()
        figures.openings = sum(isinstance(each, CircuitOpened) for each in rig.events)
        figures.peak = meter.peak
        figures.gap, figures.idle_gap = meter.busy.p999, meter.idle.p999
        figures.blocking = list(guard.calls)  # what follows has no loop
        return figures

    async def _read_journal(self, edition: int) -> None:
        """Count what the server did; a lost answer was an edit all the same."""
        figures = self.figures
        items = Counter[str]()
        while (await self.plex.ask("GET", "stats"))["in_flight"]:
            await asyncio.sleep(_LOOK)
        for entry in (await self.plex.ask("GET", "journal"))["entries"]:
            figures.requests += 1
            figures.limited += entry["status"] == 429
            if entry["method"] != "PUT" or not entry["applied"]:
                continue
            lost = entry["status"] != 200
            figures.lost_answers += lost
            query = dict(entry["query"])
            items[query["id"]] += 1
            if f"Edition {edition} of" not in query.get("summary.value", ""):
                figures.wrong.append(f"item {query['id']} was edited out of turn")
        await self.plex.forget()
        figures.edits += items.total()
        figures.twice += items.total() - len(items)

    async def _compare(self) -> None:
        found = await self.plex.ask("GET", "items?size=1000000")
        states = {item["files"][0]: item for item in found if item["files"]}
        for number in range(1, self.items + 1):
            item = wanted(number, edition=ROUNDS)
            if not is_done(item, states[item.path]):
                self.figures.wrong.append(f"item {number} is not as wanted")


async def _soak(items: int) -> Figures:
    async with simulator(items, 0) as plex:
        for action, spec in WEATHER:
            await plex.ask("POST", "faults", {"action": action, **spec})
        with tempfile.TemporaryDirectory(prefix="plexsync-soak-") as folder:
            return await Soak(plex, Path(folder), items).run()


def main() -> int:
    """Soak; 1 if anything is not as promised."""
    parser = argparse.ArgumentParser(prog="scripts/soak", description=__doc__)
    parser.add_argument("--jobs", type=int, default=10_000)
    parser.add_argument(
        "--quick", action="store_true", help="200 jobs; gaps and memory are only shown"
    )
    args = parser.parse_args()
    items = (200 if args.quick else args.jobs) // ROUNDS
    began = time.monotonic()
    figures = asyncio.run(_soak(items))
    code = conclude(list(figures.troubles(quick=args.quick)), figures.lines())
    print(f"seconds {time.monotonic() - began:.0f}, {items} items, {ROUNDS} rounds")
    return code


if __name__ == "__main__":
    sys.exit(main())
