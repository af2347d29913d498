"""One month from its first to its last second, in a process that may run others."""

import asyncio
import gc
import logging
from pathlib import Path
import tempfile

from tests.virtual import VirtualLoop

from .figures import Report
from .truth import judge
from .world import World

_MEMORY = Path("/dev/shm")  # noqa: S108  # each run has a folder of its own there


async def _live(seed: int, days: float, folder: Path) -> Report:
    world = World(seed, days, folder)
    try:
        await world.run()
        world.alive.end(world.now())
        return judge(world)
    finally:
        await world.close()


def month(seed: int, days: float) -> Report:
    """Live one month; the same arguments give the same report."""
    logging.disable(logging.CRITICAL)
    gc.set_threshold(100_000)  # a month makes much and keeps little of it
    # What a disk loses is no matter of this proof, so memory does.
    where = _MEMORY if _MEMORY.is_dir() else None
    with (
        tempfile.TemporaryDirectory(prefix="plexsync-month-", dir=where) as folder,
        asyncio.Runner(loop_factory=VirtualLoop) as runner,
    ):
        return runner.run(_live(seed, days, Path(folder)))
