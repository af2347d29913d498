"""Whole sweeps beside those of another checkout: `python -m bench.sweep DIR 5000 0,20 3`."""

import asyncio
from pathlib import Path
import shutil
from statistics import median
import sys
from tempfile import TemporaryDirectory

from .processes import Simulator, Sweeper, simulator, sweeper
from .results import Sweep, Sweeps

_HERE = Path(__file__).parent.parent


async def measure(
    other: Path, items: int, latencies: list[int], rounds: int
) -> list[Sweeps]:
    """Let the other one bring all into line; then both sweep in turns, with its database."""
    with TemporaryDirectory(prefix="plexsync-bench-") as folder:
        theirs, ours = Path(folder, "theirs.db"), Path(folder, "ours.db")
        async with simulator(items, 0) as server:
            async with sweeper(server, other, theirs, items) as first:
                await first.sync(1, items)
                await first.stop()
            shutil.copy(theirs, ours)
            await server.keep_full_rows()
            found = []
            async with (
                sweeper(server, _HERE, ours, items) as our,
                sweeper(server, other, theirs, items) as their,
            ):
                await our.sweep()  # once before it counts: a start asks who is there
                await their.sweep()
                for latency in latencies:
                    await server.delay(latency)
                    found.append(
                        await _in_turns(server, our, their, items, latency, rounds)
                    )
                await our.stop()
                await their.stop()
    return found


async def _in_turns(
    server: Simulator,
    ours: Sweeper,
    theirs: Sweeper,
    items: int,
    latency: int,
    rounds: int,
) -> Sweeps:
    mine: list[Sweep] = []
    others: list[Sweep] = []
    requests = {}
    for number in range(rounds):
        turn = [(ours, mine), (theirs, others)]
        for side, into in turn if number % 2 else reversed(turn):
            await server.forget()
            into.append(await side.sweep())
            requests[side] = sum((await server.requests()).values())
    return Sweeps(
        items=items,
        latency=latency,
        seconds=median(each.seconds for each in mine),
        cpu_seconds=median(each.cpu_seconds for each in mine),
        requests=requests[ours],
        memory=max(each.memory for each in mine),
        other_seconds=median(each.seconds for each in others),
        other_cpu_seconds=median(each.cpu_seconds for each in others),
        other_requests=requests[theirs],
        other_memory=max(each.memory for each in others),
    )


def main(other: str, items: str, latencies: str, rounds: str) -> None:
    """Print one line for each latency."""
    several = list(map(int, latencies.split(",")))
    found = asyncio.run(
        measure(Path(other).resolve(), int(items), several, int(rounds))
    )
    for sweeps in found:
        print(sweeps.to_json())


if __name__ == "__main__":
    main(*sys.argv[1:])
