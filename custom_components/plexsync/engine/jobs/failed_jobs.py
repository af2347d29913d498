"""Look after failed jobs: try them again with fresh records, drop them, prune them.

By hand; once after every outage, where the outage may explain the failure; once after
the settings changed. Each job gets what its source says of its record at that time.
"""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import batched
import logging
from sqlite3 import Connection

from ..circuit.breaker import State
from ..circuit.circuit import Circuit
from ..database import stats
from ..database.database import Database, StorageError
from ..database.notes import Notes
from ..ledger import ledger_tables
from ..model.faults import Fault
from ..model.ports import Fresh
from ..model.record import Record
from ..util.clock import Clock
from ..util.concurrency import run_all, wait_at_most
from . import failed_rows, intake
from .failed_rows import EVERYTHING, Choice, Failed

_LOGGER = logging.getLogger(__name__)

CHUNK = 100  # records that a source is asked for at once
_DAY = 86_400.0
_AGAIN = 300.0  # seconds until a database that failed is tried again


@dataclass(frozen=True, slots=True)
class Retried:
    """How many failed jobs were taken up again.

    Of these ``refreshed`` carry what their source says now, and ``stale`` what is on
    disk, because it did not answer. ``withdrawn`` ones were not: their source has
    nothing to write any more, and they stay failed for that reason.
    """

    retried: int = 0
    refreshed: int = 0
    stale: int = 0
    withdrawn: int = 0


class FailedJobs:
    """Look after the failed jobs of one engine."""

    def __init__(
        self, database: Database, circuit: Circuit, clock: Clock, fresh: Fresh
    ) -> None:
        """Take the database, and ``fresh`` to ask sources for their records."""
        self._database = database
        self._circuit = circuit
        self._clock = clock
        self._fresh = fresh
        self._notes = Notes(database)
        self._wake = asyncio.Event()

    def look(self) -> None:
        """Look now whether there is something to do: an outage may be over."""
        self._wake.set()

    async def run(self) -> None:
        """Work until cancelled."""
        while True:
            self._wake.clear()
            try:
                await self._after_outage()
                wait = await self._prune()
            except StorageError:
                wait = _AGAIN  # the worker tells of that
            await wait_at_most(self._wake, wait)

    # -- retries -----------------------------------------------------------------

    async def retry(
        self, choice: Choice = EVERYTHING, *, insist: bool = False
    ) -> Retried:
        """Take failed jobs up again, each with what its source says of it now.

        A source that does not answer keeps nobody from being retried. With ``insist``
        its own jobs stay failed instead, and its Fault is raised.
        """
        jobs = await self._database.run(
            lambda db: failed_rows.chosen(db, choice), durable=False
        )
        by_source = defaultdict[str, list[Failed]](list)
        for job in jobs:
            by_source[job.source].append(job)
        counts: Counter[str] = Counter()

        async def of_source(source: str, mine: Sequence[Failed]) -> None:
            answers = True
            for some in batched(mine, CHUNK, strict=False):
                fresh: Mapping[str, Record | str] = {}
                asked = self._clock.steady()
                if answers:
                    try:
                        fresh = await self._fresh(source, [job.key for job in some])
                    except Fault:
                        if insist:
                            raise
                        answers = False
                take_up = partial(
                    self._take_up,
                    jobs=some,
                    fresh=fresh,
                    asked=asked,
                    passing=choice.passing,
                )
                done = await self._database.run(take_up, then=self._circuit.notify)
                counts.update(done)
                if not answers:
                    counts["stale"] += done["retried"]

        await run_all(of_source(*each) for each in by_source.items())
        return Retried(**counts)

    def _take_up(
        self,
        db: Connection,
        jobs: Sequence[Failed],
        fresh: Mapping[str, Record | str],
        asked: float,
        *,
        passing: bool,
    ) -> Counter[str]:
        now = self._clock.steady()
        counts: Counter[str] = Counter()
        ready = []
        for job in jobs:
            news = fresh.get(job.key)
            if isinstance(news, str):
                counts["withdrawn"] += failed_rows.withdraw(db, job.id, news)
                continue
            ready.append(job.id)
            if news is not None:
                news = replace(news, asked=asked)
                counts["refreshed"] += intake.refresh(db, news, now)
        choice = Choice(ids=ready, passing=passing, skipped=True)
        counts["retried"] += failed_rows.retry(db, choice, now)
        return counts

    async def discard(self, choice: Choice) -> int:
        """Drop failed jobs; return how many."""
        return await self._database.run(
            lambda db: failed_rows.discard(db, choice), then=self._circuit.notify
        )

    # -- after outages -------------------------------------------------------------

    async def _after_outage(self) -> None:
        """Try again, once per outage, what failed for a reason that may have passed."""
        log = self._circuit.outages
        if self._circuit.breaker.state is not State.CLOSED or not log.outages:
            return
        # A flap reopens the same outage, and a restart finds it here again.
        outage = repr(log.outages[-1].start)
        if await self._notes.get("outage") == outage:
            return
        done = await self.retry(Choice(passing=True))
        if done.retried:
            _LOGGER.info(
                "%s: %s failed jobs are tried again after the outage",
                self._circuit.name,
                done.retried,
            )
        # Only now: a process that is killed on the way does it again.
        await self._notes.keep("outage", outage)

    # -- after changes of settings ---------------------------------------------------

    async def is_new(self, source: str) -> bool:
        """Return whether a source was never followed before."""
        return await self._notes.get(f"settings:{source}") is None

    async def follow(self, source: str, settings: str, *, read_again: bool) -> None:
        """Compare a digest of the settings that concern a source with the last one.

        If it is another, ``retry_due`` will retry the source's failed jobs once; with
        ``read_again`` its cursor is forgotten, too, so that what the old settings left
        out, or led elsewhere, comes in.
        """

        def work(db: Connection) -> None:
            known = stats.setting(db, f"settings:{source}")
            stats.keep(db, f"settings:{source}", settings)
            if known in (None, settings):
                return
            _LOGGER.debug("The settings of source %s are others now", source)
            stats.keep(db, f"retry:{source}", "due")
            if read_again:
                stats.keep(db, f"cursor:{source}", None)

        await self._database.run(work)

    async def retry_due(self, source: str) -> None:
        """Retry a source's failed jobs if its settings changed since they failed.

        Raises the source's Fault, and then it is still due.
        """
        if await self._notes.get(f"retry:{source}") is not None:
            await self.retry(Choice(source=source, skipped=True), insist=True)
            await self._notes.keep(f"retry:{source}", None)

    # -- the end -------------------------------------------------------------------

    async def _prune(self) -> float:
        """Prune once a day; return the seconds until the next time."""
        now = self._clock.steady()

        def work(db: Connection) -> tuple[float, int]:
            last = float(stats.setting(db, "pruned") or "-inf")
            if 0 <= now - last < _DAY:
                return _DAY - (now - last), 0
            stats.keep(db, "pruned", repr(now))
            ledger_tables.prune_moments(db)
            return _DAY, failed_rows.prune(db)

        wait, number = await self._database.run(work)
        if number:
            _LOGGER.info(
                "%s: %s failed jobs were dropped: older than %s days, or beyond the newest %s",
                self._circuit.name,
                number,
                failed_rows.KEEP_DAYS,
                failed_rows.KEEP_JOBS,
            )
            self._circuit.notify()
        return wait
