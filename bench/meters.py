"""What a process costs: how long its event loop is held, memory, disk."""

from array import array
import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
import gc
from pathlib import Path
from sqlite3 import Connection
import time
from typing import Any, BinaryIO

from .product import Database

_TICK = 0.001  # seconds
_LOOK = 50  # ticks between two looks at the memory
_STEP = 1e-5  # seconds
_STEPS = 200_000  # what takes longer than all of them counts as the last


class Delays:
    """How often something took how long.

    Its size is fixed: a list would grow with every tick, and be taken for memory that
    the product keeps.
    """

    def __init__(self) -> None:
        """Begin with nothing noted."""
        self._counts = array("L", [0]) * _STEPS
        self.longest = 0.0  # seconds

    def note(self, seconds: float) -> None:
        """Note one delay."""
        self._counts[min(int(seconds / _STEP), _STEPS - 1)] += 1
        self.longest = max(self.longest, seconds)

    @property
    def p999(self) -> float:
        """Give the delay that one in a thousand exceeds, in seconds."""
        left = sum(self._counts) / 1000
        for step in range(_STEPS - 1, -1, -1):
            left -= self._counts[step]
            if left < 0:
                return step * _STEP
        return 0.0


class Loop:
    """A task that wants to run every millisecond, and notes by how much it was late.

    What other threads, mostly those of other processes, had of the processor while
    the loop's was ready to run is left out where the kernel tells it: that is the
    machine's load. Waiting for the interpreter's lock counts.
    """

    def __init__(self) -> None:
        """Begin with nothing noted; on the thread whose loop this is."""
        self._queue: BinaryIO | None = None
        with suppress(OSError):
            self._queue = Path("/proc/thread-self/schedstat").open("rb", buffering=0)
        self.busy = Delays()
        self.idle = Delays()
        self.own = Delays()  # processor time of this thread from tick to tick
        self._into: Delays | None = None
        self.peak = 0

    async def run(self) -> None:
        """Tick until cancelled."""
        ticks = 0
        while True:
            before, own = time.perf_counter() - self._queued(), time.thread_time()
            await asyncio.sleep(_TICK)
            late = time.perf_counter() - self._queued() - before - _TICK
            if self._into is not None:
                self._into.note(max(0.0, late))
                self.own.note(time.thread_time() - own)
            ticks += 1
            if ticks % _LOOK == 0:
                self.peak = max(self.peak, memory())

    def _queued(self) -> float:
        """Give the seconds that this thread was ready to run, and another ran."""
        if self._queue is None:
            return 0.0
        self._queue.seek(0)
        return int(self._queue.read().split()[1]) / 1e9

    @contextmanager
    def into(self, gaps: Delays) -> Iterator[None]:
        """Note what happens meanwhile as busy or idle."""
        self._into = gaps
        try:
            yield
        finally:
            self._into = None


def memory() -> int:
    """Give the resident memory of this process in bytes."""
    pages = Path("/proc/self/statm").read_text("ascii").split()[1]
    return int(pages) * 4096


def settled_memory() -> int:
    """Give the resident memory after a collection.

    What is there by now is left alone by later collections: how long it holds the loop
    to go through all modules of a process says nothing of us.
    """
    gc.collect()
    gc.freeze()
    return memory()


def written() -> int:
    """Give the bytes that this process has written to files; sockets are not counted."""
    text = Path("/proc/self/io").read_text("ascii")
    return int(dict(line.split(": ") for line in text.splitlines())["wchar"])


class CountingDatabase(Database):
    """Counts the transactions that wait for the disk; some may share one commit."""

    syncs = 0

    async def run[T](
        self,
        work: Callable[[Connection], T],
        *,
        durable: bool = True,
        **others: Any,  # what an older checkout does not have
    ) -> T:
        """Count, and run as ever."""
        self.syncs += durable
        return await super().run(work, durable=durable, **others)
