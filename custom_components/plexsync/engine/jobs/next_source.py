"""Who leads a field that its source gave up: another source that has a value for it.

Such records are in line, and nothing of theirs changes: they have to be asked for.
"""

import asyncio
from collections.abc import Iterable
import contextlib
from dataclasses import replace
from itertools import islice
import logging
from sqlite3 import Connection

from ..circuit.circuit import Circuit
from ..database.database import Database, StorageError
from ..model.faults import Fault
from ..model.ports import Fresh
from ..model.record import Record
from ..util.clock import Clock
from . import intake
from .job import Priority

_LOGGER = logging.getLogger(__name__)

_CHUNK = 100  # records that a source is asked for at once
_DEADLINE = 30.0  # seconds that it may take to answer


class NextSources:
    """Have records compared that may lead now, beside all other work.

    Where their source does not answer, the next sweep finds them.
    """

    def __init__(
        self, database: Database, circuit: Circuit, clock: Clock, fresh: Fresh
    ) -> None:
        """Take the database, and ``fresh`` to ask sources for their records."""
        self._database = database
        self._circuit = circuit
        self._clock = clock
        self._fresh = fresh
        self.waiting = dict[str, dict[str, None]]()  # keys of records, by source
        self._wake = asyncio.Event()

    def ask(self, records: Iterable[tuple[str, str]]) -> None:
        """Ask for records soon, given as source and key."""
        for source, key in records:
            self.waiting.setdefault(source, {})[key] = None
        self._wake.set()

    async def run(self) -> None:
        """Work until cancelled."""
        while True:
            for source, keys in list(self.waiting.items()):
                some = list(islice(keys, _CHUNK))
                try:
                    with contextlib.suppress(StorageError):  # the worker tells of that
                        await self._compare(source, some)
                finally:
                    for key in some:
                        del keys[key]
                    if not keys:
                        del self.waiting[source]
            if not self.waiting:
                self._wake.clear()
                await self._wake.wait()

    async def _compare(self, source: str, keys: list[str]) -> None:
        asked = self._clock.steady()
        try:
            async with asyncio.timeout(_DEADLINE):
                found = await self._fresh(source, keys)
        except (Fault, TimeoutError) as error:
            _LOGGER.debug("A source is compared later (%s)", error)
            return
        records = [
            replace(each, asked=asked)
            for each in found.values()
            if isinstance(each, Record)
        ]

        def work(db: Connection) -> None:
            for record in records:
                intake.compare_anew(db, record, Priority.BULK, self._clock.steady())

        await self._database.run(work, then=self._circuit.notify)
