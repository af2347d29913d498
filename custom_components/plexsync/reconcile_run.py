"""The run that compares all sources with Plex; an entry has one, whoever starts it."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
import contextlib
from datetime import datetime
import logging
from typing import Any

from homeassistant.core import CALLBACK_TYPE, callback
from homeassistant.helpers.event import async_call_later

from . import issues
from .answers import counts_answer
from .ask_sources import AllRecords, count_records
from .const import DOMAIN, SCOPE_PLAN, SCOPES
from .engine.database.database import StorageClosedError, StorageError
from .engine.jobs import skipped
from .engine.model.faults import Backoff
from .engine.util.unforeseen import tell
from .host import Host
from .sources.runner import SourceRunner

_LOGGER = logging.getLogger(__name__)

_RECENT = 7 * 86_400  # seconds that a "recent" run looks back
_JOIN = 5.0  # seconds that a run may take to stop
_AGAIN = Backoff(300.0, 6 * 3600.0)  # seconds before a full run that failed is repeated


class ReconcileRun:
    """One run at a time, which continues by itself until it is done or cancelled.

    A run that does more than the one under way follows it.
    A run over everything is repeated later if it fails.
    """

    def __init__(
        self, host: Host, look_for_gone: Callable[[str], Awaitable[None]]
    ) -> None:
        """Initialize without a run.

        ``look_for_gone`` is called for each source that a whole run has read.
        """
        self._look_for_gone = look_for_gone
        self._host = host
        self._task: asyncio.Task[dict[str, int]] | None = None
        self._records: AllRecords
        self._scope = ""
        self._cancelled = False
        # The run that follows: its scope, and its only source if it has one.
        self._next: tuple[str, str | None] | None = None
        self._is_owed = False  # whether the run is repeated if it fails
        self._failures = 0  # in a row
        self._later: CALLBACK_TYPE | None = None
        self._closed = False

    @property
    def running(self) -> bool:
        """Return whether a run is under way."""
        return self._task is not None and not self._task.done()

    @property
    def scope(self) -> str | None:
        """What the run under way looks at."""
        return self._scope if self.running else None

    def start(self, scope: str = "all", source: str | None = None) -> bool:
        """Start a run, now or once one that does less has ended; return whether one will.

        None will where the one under way does all that is asked for. A run over the
        plan may look at one ``source`` alone. Raises StorageClosedError once the entry
        is being unloaded.
        """
        if self._closed:  # the database follows
            raise StorageClosedError
        if self.running:
            # One that was cancelled, and takes its time to end, does nothing any more.
            under_way = None if self._cancelled else self._scope
            does = self._next[0] if self._next else under_way
            if does is not None and SCOPES.index(scope) <= SCOPES.index(does):
                return False
            self._next = scope, source
            return True
        self._is_owed = scope == "all"
        if self._is_owed:
            self._forget_later()
        host = self._host
        clock = host.engine.clock
        runners = tuple(
            runner
            for number, runner in host.runners.items()
            if source in (None, number)
        )
        since = clock.wall() - _RECENT if scope == "recent" else 0
        withhold = None if scope == SCOPE_PLAN else host.engine.withhold
        self._records = AllRecords(runners, clock.steady, since, withhold)
        self._scope, self._cancelled = scope, False
        self._task = host.entry.async_create_background_task(
            host.hass, self._run(runners), f"{DOMAIN} reconcile"
        )
        self._task.add_done_callback(self._ended)
        return True

    @callback
    def _ended(self, task: asyncio.Task[dict[str, int]]) -> None:
        """Retrieve the result, as maybe nobody waits for it, and start what follows."""
        if task is not self._task:
            return
        failed = not task.cancelled() and task.exception() is not None
        following, self._next = self._next, None
        if following is not None:
            self.start(*following)
        elif self._is_owed and failed:
            self._wait()
            self._failures += 1
        elif self._is_owed and not task.cancelled():
            self._failures = 0

    @callback
    def _wait(self) -> None:
        """Schedule a failed run over everything again."""
        host = self._host
        wait = _AGAIN.delay(self._failures, host.engine.random)
        self._later = async_call_later(host.hass, wait, self._begin_again)

    @callback
    def _begin_again(self, now: datetime) -> None:
        self._later = None
        if self.running:  # a run over recent records
            self._wait()
        else:
            self.start()

    @callback
    def _forget_later(self) -> None:
        if self._later is not None:
            self._later()
            self._later = None

    async def start_anew(self) -> None:
        """Cancel the run that is under way, and start one over everything once it has ended."""
        await self.cancel()
        self.start()

    async def start_next(self) -> None:
        """Start a run over everything once the one under way has ended."""
        await self.over()
        self.start()

    async def _run(self, runners: tuple[SourceRunner, ...]) -> dict[str, int]:
        engine, records = self._host.engine, self._records
        before = {each.source.id: each.source.skipped.copy() for each in runners}

        def passed_over() -> Counter[str]:
            return sum(
                (each.source.skipped - before[each.source.id] for each in runners),
                Counter[str](),
            )

        try:
            counts = await engine.sweep.run(
                records,
                enqueue=self._scope != SCOPE_PLAN,
                everything=self._scope == "all",
                total=await count_records(runners),
                left_out=lambda: len(records.away),
                passed_over=passed_over,
                read_whole=lambda: (
                    () if self._scope == "recent" else before.keys() - records.away
                ),
            )
            if self._scope == "all":
                await self._look_at_paths(before)
                for number in before.keys() - records.away:
                    await self._look_for_gone(number)
        except StorageError as error:
            _LOGGER.warning("The reconcile run ended early: %s", error)
            raise
        except Exception as error:
            tell(error)
            raise
        return counts

    async def _look_at_paths(self, before: Mapping[str, Counter[str]]) -> None:
        """Ask the owner about sources with many files outside the Plex libraries."""
        host = self._host
        found = await host.engine.database.run(skipped.of_paths, durable=False)
        for number, runner in host.runners.items():
            if number in self._records.away or number not in before:
                continue
            news = runner.source.skipped - before[number]
            missed = sum(news[reason] for reason in skipped.OF_PATHS)
            issues.async_follow_paths(
                host.hass,
                host.entry,
                number,
                found.get(number, 0) + missed,
                self._records.read[number] + sum(news.values()),
            )

    async def answer(self, seconds: float) -> dict[str, Any]:
        """Wait up to ``seconds`` for the run, and describe it. Raises StorageError.

        Where another one follows, wait for that.
        """
        if self._next is not None and seconds:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self.over()
            seconds = 0
        if (task := self._task) is None:
            raise RuntimeError("no run was started")
        records, answer = self._records, {"scope": self._scope}
        if seconds:
            await asyncio.wait([task], timeout=seconds)
        if not task.done():
            sweep = self._host.engine.sweep
            if (hold := sweep.held) is not None:
                answer["hold"] = str(hold)
            if self._next is not None:
                answer["next"] = self._next[0]
            progress = round(sweep.progress or 0.0, 1)
            return {"status": "running", "progress": progress} | answer
        if task.cancelled():
            return {"status": "cancelled"} | answer
        return {
            "status": "finished",
            "counts": counts_answer(task.result()),
            "sources_away": len(records.away),
        } | answer

    async def over(self) -> None:
        """Wait until the run under way has ended."""
        while (task := self._task) is not None and not task.done():
            await asyncio.wait([task])

    async def cancel(self) -> bool:
        """Stop the run, and what was to follow; return whether there was one.

        A full run that failed is repeated all the same, unless this one was full too.
        """
        if not self.running or self._scope == "all":
            self._forget_later()
        self._is_owed, self._next = False, None  # even if it has just failed
        if (task := self._task) is None or task.done():
            return False
        self._cancelled = True
        task.cancel()
        await asyncio.wait([task], timeout=_JOIN)
        return True

    async def close(self) -> None:
        """Stop the run, and begin none any more."""
        self._closed = True
        self._forget_later()
        await self.cancel()
