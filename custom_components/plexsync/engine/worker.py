"""The loop: wait for work and a permit, claim a batch, run it, begin again."""

import asyncio
from collections.abc import Callable
import contextlib
import logging
from sqlite3 import Connection

from . import queue
from .batch import FRESH, Batch, Tools
from .breaker import Permit
from .circuit import Circuit
from .contact import Contact
from .database import StorageError
from .queue import Job
from .record import Outcome

_LOGGER = logging.getLogger(__name__)

BATCH = 100  # jobs that share their reads, at most
_STORAGE_WAIT = 30.0  # seconds until a database that failed is tried again
_IDLE = 900.0

type Done = Callable[[Job, Outcome], None]


class Worker:
    """Drive jobs through the circuit, one batch at a time."""

    def __init__(self, tools: Tools, circuit: Circuit, done: Done) -> None:
        """Take the tools, the circuit, and whom to tell of each outcome."""
        self._tools = tools
        self._circuit = circuit
        self._done = done
        self.writing = asyncio.Lock()  # whoever writes to Plex holds it
        self.progress_at = tools.clock.monotonic()  # last time a job left a batch
        self.storage_failed = False
        self._leases_left = True  # by whoever worked here before
        self._pace = BATCH / FRESH * 2  # jobs per second, as of late
        self._claimed = 0  # jobs so far

    async def run(self) -> None:
        """Work until cancelled."""
        self._leases_left = True
        while True:
            try:
                await self._turn()
                self._database_works()
            except StorageError as error:
                self._leases_left = True
                if not self.storage_failed:
                    self.storage_failed = True
                    _LOGGER.error("%s: syncing waits: %s", self._circuit.name, error)
                    self._circuit.notify()
                await self._wait(_STORAGE_WAIT)

    async def _turn(self) -> None:
        """Do what there is to do once, or wait until there may be something."""
        circuit, database = self._circuit, self._tools.database
        circuit.changed.clear()
        if self._leases_left:
            # A batch that broke off, or whose verdicts could not be recorded.
            await database.run(release_all)
            self._leases_left = False
        if circuit.holds:
            self._database_works()
            await self._wait(None)
            return
        now = self._tools.clock.steady()
        due = await database.run(queue.next_due, durable=False)
        if due is None or due > now:
            await circuit.finish_trials()
            self._database_works()
            await self._wait(_IDLE if due is None else due - now)
            return
        if circuit.outages.current is not None:
            waiting = await database.run(
                lambda db: queue.count_due(db, now), durable=False
            )
            circuit.outages.touched(jobs=waiting)
        if (permit := circuit.admit()) is None:
            await self._wait(circuit.wait())
            return
        limit = self._limit(permit)
        if not limit:
            circuit.release(permit)
            await self._wait(circuit.ramp.wait(self._tools.clock.monotonic()))
            return
        await self._batch(permit, limit)

    def _database_works(self) -> None:
        """Tell once that a failure is over: a job was done, or none is to be done."""
        if self.storage_failed:
            self.storage_failed = False
            _LOGGER.info("%s: the database works again", self._circuit.name)
            self._circuit.notify()

    def _limit(self, permit: Permit) -> int:
        """Say how many jobs this batch may hold."""
        if permit.trial:
            return 1
        # Reads age: no more jobs than can be written while the read is fresh.
        fresh = max(3, min(BATCH, int(self._pace * FRESH / 2)))
        return self._circuit.ramp.take(self._tools.clock.monotonic(), fresh)

    async def _batch(self, permit: Permit, limit: int) -> None:
        clock, circuit = self._tools.clock, self._circuit
        contact = Contact(circuit, self._tools.server, permit)
        try:
            jobs = await self._tools.database.run(
                # A lease that a power cut undoes was never needed.
                lambda db: queue.claim(db, limit, clock.steady(), self._claimed),
                durable=False,
            )
            if not jobs:
                return
            self._claimed += len(jobs)
            started = clock.monotonic()
            batch = Batch(self._tools, contact, jobs)
            async with self.writing:
                await batch.run()
        finally:
            await contact.finish()
        outcomes = batch.outcomes()
        self.progress_at = clock.monotonic()
        if contact.fault is None and any(o.status == "written" for _, o in outcomes):
            seconds = clock.monotonic() - started
            circuit.ramp.worked(len(jobs), seconds)
            self._pace = (self._pace + len(jobs) / max(seconds, 0.001)) / 2
        for job, outcome in outcomes:
            self._done(job, outcome)

    async def _wait(self, seconds: float | None) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._circuit.changed.wait()


def release_all(db: Connection) -> None:
    """Give back whatever is in flight: nobody works on it any more."""
    db.execute("UPDATE job SET leased = NULL WHERE leased IS NOT NULL")
