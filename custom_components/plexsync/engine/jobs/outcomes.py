"""Outcomes of jobs, told to whoever waits for one and to the host."""

import asyncio
from collections import defaultdict

from ..model.events import Changed, ItemFailed, Tell
from ..model.outcome import Outcome
from .job import Job
from .job_status import JobStatus


class Outcomes:
    """Let callers wait for what becomes of a record."""

    def __init__(self, status: JobStatus, tell: Tell) -> None:
        """Take the status of jobs, and the listener to pass all events on to."""
        self._status = status
        self._tell = tell
        # By source and key of the record.
        self._waiting = defaultdict[tuple[str, str], set[asyncio.Future[Outcome]]](set)
        self._closed = False

    async def wait_for(self, source: str, key: str, seconds: float) -> Outcome:
        """Wait for the outcome of a record's job, at most so long."""
        if self._closed:
            return self._status.queued(source)
        future: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        waiting = self._waiting[source, key]
        waiting.add(future)
        try:
            async with asyncio.timeout(seconds):
                return await future
        except TimeoutError:
            return await self._status.of(source, key)
        finally:
            waiting.remove(future)
            if not waiting:
                del self._waiting[source, key]

    def done(self, job: Job, outcome: Outcome) -> None:
        """Tell what has become of a job."""
        if outcome.status != "queued":
            whose = job.record.source, job.record.key
            for future in self._waiting.get(whose, ()):
                if not future.done():
                    future.set_result(outcome)
        if outcome.status == "failed":
            title = job.record.fields.get("title")
            self._tell(
                ItemFailed(
                    job.id,
                    outcome.reason,
                    title if isinstance(title, str) else None,
                    next(iter(job.record.find.paths), None),
                )
            )
        self._tell(Changed())

    def close(self) -> None:
        """Tell whoever waits that the record is queued: it is on disk."""
        self._closed = True
        for (source, _), futures in self._waiting.items():
            for future in futures:
                if not future.done():
                    future.set_result(self._status.queued(source))
