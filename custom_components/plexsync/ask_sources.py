"""Ask all sources of a server; one that is away does not hold up the others."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
import contextlib
from dataclasses import replace

from .engine.model.faults import Fault
from .engine.model.record import Record
from .sources.asked import stamped
from .sources.runner import SourceRunner

type Withhold = Callable[[str, Sequence[str], float], Awaitable[None]]

_TRIES = 3  # failures in a row, with no records in between, until a source is given up
_PAUSE = 1.0  # seconds between two tries


async def find_record(
    runners: Collection[SourceRunner], path: str
) -> tuple[Record | str | None, list[Fault]]:
    """Ask all sources at once for the record of a file, given by its path in Plex.

    Return the record of the first source that has one; if none has, the first reason
    that a source gives. Also return the faults of the sources that could not be asked.
    A source that was away before is not waited for if another one has the record.
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
    """Ask all sources for their records of some files, given by their paths in Plex.

    Each file is one request, so a source that does not answer is not asked again.
    """
    found: list[Record] = []
    for runner in runners:
        with contextlib.suppress(Fault):
            for path in paths:
                asked = steady()
                record = await runner.source.find(path)
                if isinstance(record, Record):
                    # One by one, so that what came before a fault is kept.
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
    """Return the fault that a source ended with; raise any other error."""
    if not task.done() or (error := task.exception()) is None:
        return None
    if not isinstance(error, Fault):
        raise error
    return error


async def count_records(runners: Collection[SourceRunner]) -> int:
    """Count the records of all sources that answer."""
    total = 0
    for runner in runners:
        with contextlib.suppress(Fault):
            total += await runner.source.count()
    return total


class AllRecords:
    """The records of all sources; ``away`` names the sources not read to the end."""

    def __init__(
        self,
        runners: Collection[SourceRunner],
        steady: Callable[[], float],
        since: float = 0,
        withhold: Withhold | None = None,
    ) -> None:
        """Take the sources, and the lowest revision of the records that are wanted.

        ``steady`` is the engine's ``Clock.steady``, and ``withhold`` the engine's
        function that drops what waits of records that are not sent.
        """
        self._runners = runners
        self._steady = steady
        self._since = since
        self._withhold = withhold
        self.away: set[str] = set()
        self.read: Counter[str] = Counter()  # records, by source

    async def __aiter__(self) -> AsyncIterator[Sequence[Record]]:
        """Read the sources in turn; one that fails resumes after the others."""
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
                    if batch.withheld and self._withhold is not None:
                        await self._withhold(name, batch.withheld, batch.asked)
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
