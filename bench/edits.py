"""Edits beside those of another checkout: `python -m bench.edits DIR 10000 3000 3`.

Each side has a simulated Plex of its own, and they work in turns.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import reduce
from operator import add
from pathlib import Path
import sys
from tempfile import TemporaryDirectory

from .processes import Simulator, Sweeper, simulator, sweeper
from .results import Edits, Synced

_HERE = Path(__file__).parent.parent
_LATENCY = 20  # milliseconds


@asynccontextmanager
async def _side(
    checkout: Path, file: Path, items: int
) -> AsyncIterator[tuple[Simulator, Sweeper]]:
    async with (
        simulator(items, 0) as server,
        sweeper(server, checkout, file, items) as side,
    ):
        await side.list_library()
        yield server, side
        await side.stop()


async def _slow(server: Simulator, latency: str) -> None:
    await server.delay(_LATENCY if latency == "each" else 0)
    await server.delay_writes(_LATENCY if latency == "writes" else 0)


async def measure(other: Path, items: int, jobs: int, rounds: int) -> None:
    """Bring all into line, then change some of it at each kind of latency."""
    with TemporaryDirectory(prefix="plexsync-bench-") as folder:
        files = [Path(folder, name) for name in ("ours.db", "theirs.db")]
        async with (
            _side(_HERE, files[0], items) as (our_plex, ours),
            _side(other, files[1], items) as (their_plex, theirs),
        ):
            mine, others = await ours.sync(1, items), await theirs.sync(1, items)
            print(Edits("none", True, mine, others).to_json(), flush=True)
            edition = 1
            for latency in ("none", "each", "writes"):
                await _slow(our_plex, latency)
                await _slow(their_plex, latency)
                found: dict[Sweeper, list[Synced]] = {ours: [], theirs: []}
                for number in range(rounds):
                    edition += 1
                    share = range(
                        number * jobs // rounds, (number + 1) * jobs // rounds
                    )
                    for side in (ours, theirs) if number % 2 else (theirs, ours):
                        done = await side.sync(
                            share.start + 1, share.stop, edition=edition
                        )
                        found[side].append(done)
                both = (reduce(add, found[side]) for side in (ours, theirs))
                print(Edits(latency, False, *both).to_json(), flush=True)
        for file in files:
            print(file.stat().st_size / items, flush=True)


def main(other: str, items: str, jobs: str, rounds: str) -> None:
    """Print one line for each kind of work, then the bytes of both databases an item."""
    asyncio.run(measure(Path(other).resolve(), int(items), int(jobs), int(rounds)))


if __name__ == "__main__":
    main(*sys.argv[1:])
