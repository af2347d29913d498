"""Ask all sources of a server, and let one that is away keep no other from answering."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Collection, Sequence
import contextlib
from dataclasses import replace

from .engine.record import Record
from .engine.retry import Fault
from .sources.asked import stamped
from .sources.runner import SourceRunner

_TRIES = 3  # of a source that fails and gave nothing in between
_PAUSE = 1.0  # seconds before the next try


async def find_record(
    runners: Collection[SourceRunner], path: str
) -> tuple[Record | str | None, list[Fault]]:
    """Ask all sources at once for the record of a file, named as Plex sees it.

    Of several the first source's counts; where none sends one, the first word that says
    why. Gives too the faults of those that could not be asked; one that was away before
    is not waited for where another has the record.
    """
    asked = {
        asyncio.create_task(runner.source.find(path)): runner.connected is False
        for runner in runners
    }
    try:
        for task, was_away in asked.items():
            if not was_away:
                await asyncio.wait([task])
        if (record := _first(asked, Record)) is None and asked:
            await asyncio.wait(asked)
            record = _first(asked, Record)
        faults = [fault for task in asked if (fault := _fault(task)) is not None]
        return record or _first(asked, str), faults
    finally:
        for task in asked:
            task.cancel()


async def find_all(
    runners: Collection[SourceRunner], paths: Sequence[str], steady: Callable[[], float]
) -> list[Record]:
    """Ask all sources for what they send of some files, named as Plex sees them.

    One question a file: a source that does not answer is asked no more.
    """
    found: list[Record] = []
    for runner in runners:
        with contextlib.suppress(Fault):
            for path in paths:
                asked = steady()
                record = await runner.source.find(path)
                if isinstance(record, Record):
                    # Not all at once: what came before a fault counts.
                    found.append(replace(record, asked=asked))
    return found


def _first[T: (Record, str)](
    tasks: Collection[asyncio.Task[Record | str | None]], kind: type[T]
) -> T | None:
    for task in tasks:
        if task.done() and _fault(task) is None:
            found = task.result()
            if isinstance(found, kind):
                return found
    return None


def _fault(task: asyncio.Task[Record | str | None]) -> Fault | None:
    """Give the fault that a source ended with; raise anything that is none."""
    if not task.done() or (error := task.exception()) is None:
        return None
    if not isinstance(error, Fault):
        raise error
    return error


async def count_records(runners: Collection[SourceRunner]) -> int:
    """Count what the sources have, as far as they answer."""
    total = 0
    for runner in runners:
        with contextlib.suppress(Fault):
            total += await runner.source.count()
    return total


class AllRecords:
    """The records of all sources; ``away`` are those that could not be read to the end."""

    def __init__(
        self,
        runners: Collection[SourceRunner],
        steady: Callable[[], float],
        since: float = 0,
    ) -> None:
        """Take the sources, and the revision from which on records are wanted.

        ``steady`` is the engine's ``Clock.steady``.
        """
        self._runners = runners
        self._steady = steady
        self._since = since
        self.away: set[str] = set()
        self.read: Counter[str] = Counter()  # records, by source

    async def __aiter__(self) -> AsyncIterator[Sequence[Record]]:
        """Read one source after the other; one that fails goes on last, where it was."""
        waiting = list(self._runners)
        places: dict[str, str] = {}
        tries: Counter[str] = Counter()
        while waiting:
            runner = waiting.pop(0)
            name = runner.source.id
            if tries[name]:
                await asyncio.sleep(_PAUSE)
            try:
                batches = runner.source.changes(places.get(name))
                async for batch in stamped(batches, self._steady):
                    places[name], tries[name] = batch.cursor, 0
                    self.read[name] += len(batch.records)
                    yield [
                        record
                        for record in batch.records
                        if (record.revision or 0) >= self._since
                    ]
            except Fault:
                tries[name] += 1
                if tries[name] < _TRIES:
                    waiting.append(runner)
                else:
                    self.away.add(name)
