"""Poll one source for ever, and put its records and cursor on disk together."""

import asyncio
from collections.abc import Callable
import contextlib
import logging

from ..engine.database.database import StorageError
from ..engine.engine import Engine
from ..engine.jobs.gone_records import WhenGone
from ..engine.jobs.job import Priority
from ..engine.model.faults import Backoff, Fault
from .asked import stamped
from .base import Source
from .rhythm import SLOWEST, PollRhythm

_LOGGER = logging.getLogger(__name__)

_RETRY = Backoff(5, 300)
_FEW = 20  # records at once, up to which a person may be waiting for them


class SourceRunner:
    """Poll a source and enqueue what changed.

    A fault of the source only stops the source, never the queue, and so does a database
    that accepts nothing: the cursor stays at the last record on disk, and the next try
    starts there. Each kind of failure is logged once when it begins and once when it ends.
    """

    def __init__(
        self,
        source: Source,
        engine: Engine,
        *,
        name: str,
        slowest: float = SLOWEST,
        changes_only: bool = False,
        when_gone: WhenGone = WhenGone.LEAVE,
        scan_new: bool = False,
        changed: Callable[[], None] = lambda: None,
        job_ended: Callable[[str], None] = lambda kind: None,
        lost: Callable[[str], None] = lambda kind: None,
    ) -> None:
        """Take the source and its name.

        ``slowest`` is the longest wait between two polls, in seconds. With ``scan_new``
        Plex is asked to scan for files that it does not have yet. ``changed`` is called
        when something that is shown changes, ``job_ended`` with each kind of job that the
        source has ended, and ``lost`` with each kind of loss (``Source.losses``).
        """
        self.source = source
        self.name = name
        self.when_gone = when_gone
        self.scan_new = scan_new
        self._engine = engine
        self._rhythm = PollRhythm(engine.clock.monotonic, slowest)
        self._changes_only = changes_only
        self._changed = changed
        self._job_ended = job_ended
        self._has_lost = lost
        self._failures = 0
        self.connected: bool | None = None
        self.fault: str | None = None  # the reason if it is not connected
        self.version: str | None = None
        self.last_look: float | None = None  # that went well; seconds since the epoch
        self.caught_up = asyncio.Event()  # set once everything has been enqueued
        self._unreadable = 0
        self._storage_failed = False
        self._hurry = asyncio.Event()

    def hurry(self) -> None:
        """Poll the source now, as far back as a poll can see."""
        self.source.look_far()
        self._hurry.set()

    async def run(self) -> None:
        """Read until cancelled."""
        while True:
            self._hurry.clear()
            try:
                await self._turn()
            except Fault as fault:
                self._lost(fault)
                wait = max(self._backoff(), fault.retry_after or 0)
            except StorageError as error:
                self._stuck(error)
                wait = self._backoff()
            else:
                self._went_well()
                wait = self._rhythm.wait(busy=self.source.busy)
                self._hear_of_jobs()
                for kind in sorted(self.source.losses()):
                    self._has_lost(kind)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait):
                    await self._hurry.wait()

    def _hear_of_jobs(self) -> None:
        """Poll at once, and far back, if a job has ended, to see its last changes."""
        for kind in sorted(self.source.jobs_ended()):
            self.hurry()
            self._job_ended(kind)

    def _backoff(self) -> float:
        delay = _RETRY.delay(self._failures, self._engine.random)
        self._failures += 1
        return delay

    async def _turn(self) -> None:
        if not self.connected:
            self.version = (await self.source.connect()).version
            if self.connected is None:
                self._found()  # reading everything for the first time may take long
        cursor = await self._engine.notes.cursor(self.source.id)
        if cursor is None and self._changes_only:
            mark = await self.source.latest()
            await self._engine.submit((), Priority.BULK, cursor=(self.source.id, mark))
            cursor = mark
        first = cursor is None
        skipped = self.source.skipped.total()
        batches = stamped(self.source.changes(cursor), self._engine.clock.steady)
        async for batch in batches:
            priority = Priority.INTERACTIVE
            if first or len(batch.records) > _FEW:
                priority = Priority.BULK
            await self._engine.submit(
                batch.records,
                priority,
                cursor=(self.source.id, batch.cursor),
                withheld=batch.withheld,
            )
            if batch.records or self.source.skipped.total() != skipped:
                self._rhythm.changed()
            self._found()
            self._count_unreadable()
        self._count_unreadable()
        await self._engine.failed_jobs.retry_due(self.source.id)

    def _count_unreadable(self) -> None:
        """Log how many records the source itself cannot read, but never which."""
        known, self._unreadable = self._unreadable, self.source.unreadable
        if self._unreadable == known:
            return
        self._changed()
        if not known:
            _LOGGER.warning(
                "Source %s cannot read %s of its records; they are skipped",
                self.name,
                self._unreadable,
            )
        elif not self._unreadable:
            _LOGGER.info("Source %s reads all of its records again", self.name)

    def _went_well(self) -> None:
        self._failures = 0
        self.last_look = self._engine.clock.wall()
        self._found()
        if self._storage_failed:
            self._storage_failed = False
            _LOGGER.info("Source %s is read again", self.name)
        self.caught_up.set()

    def _lost(self, fault: Fault) -> None:
        if self.connected is not False:
            _LOGGER.warning("Source %s is not available: %s", self.name, fault.reason)
        if self.connected is not False or self.fault != fault.reason:
            self.connected, self.fault = False, fault.reason
            self._changed()

    def _found(self) -> None:
        if self.connected:
            return
        if self.connected is False:
            _LOGGER.info("Source %s is available again", self.name)
        self.connected, self.fault = True, None
        self._changed()

    def _stuck(self, error: StorageError) -> None:
        """Log this once, because a worker without jobs would not notice."""
        if not self._storage_failed:
            self._storage_failed = True
            _LOGGER.error("Source %s is not read: %s", self.name, error)
