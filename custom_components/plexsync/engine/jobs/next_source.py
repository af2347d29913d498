"""Who leads a field that its source gave up: another source that has a value for it.

Such records are in line, and nothing of theirs changes: they have to be asked for.
"""

import asyncio
from collections.abc import Iterable
import contextlib
from dataclasses import replace
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
    """Have the records compared that may lead now; beside all other work.

    Where their source does not answer the next sweep finds them.
    """

    def __init__(
        self, database: Database, circuit: Circuit, clock: Clock, fresh: Fresh
    ) -> None:
        """Take where jobs are and how to ask sources."""
        self._database = database
        self._circuit = circuit
        self._clock = clock
        self._fresh = fresh
        self._waiting: dict[str, set[str]] = {}  # keys of records, by source
        self._wake = asyncio.Event()

    @property
    def is_idle(self) -> bool:
        """Whether nobody is to be asked for."""
        return not self._waiting

    def ask(self, records: Iterable[tuple[str, str]]) -> None:
        """Ask for records soon, given as source and key."""
        for source, key in records:
            self._waiting.setdefault(source, set()).add(key)
            self._wake.set()

    async def run(self) -> None:
        """Work until cancelled."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            for source, keys in list(self._waiting.items()):
                some = sorted(keys)[:_CHUNK]
                try:
                    with contextlib.suppress(StorageError):  # the worker tells of that
                        await self._compare(source, some)
                finally:
                    self._done(source, some)

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

        await self._database.run(work, if_left=self._circuit.notify)
        self._circuit.notify()

    def _done(self, source: str, keys: Iterable[str]) -> None:
        left = self._waiting[source].difference(keys)
        if left:
            self._waiting[source] = left
            self._wake.set()
        else:
            del self._waiting[source]
