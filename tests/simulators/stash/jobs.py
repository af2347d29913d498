"""Stash's job queue, and who listens to it."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

type Row = dict[str, Any]


class Jobs:
    """Jobs under way. A finished one leaves the queue, as in Stash.

    The last ten of them can still be asked for by their ids.
    """

    def __init__(self, now: Callable[[], str]) -> None:
        """Start with an empty queue."""
        self._now = now
        self._last = 0
        self._running: dict[int, Row] = {}
        self._over: deque[Row] = deque(maxlen=10)
        self._listeners: dict[str, set[asyncio.Queue[Any]]] = {
            "jobsSubscribe": set(),
            "scanCompleteSubscribe": set(),
        }

    def queue(self, minor: int = 31) -> list[Row] | None:
        """Return what ``jobQueue`` answers: null if there is nothing."""
        return [self._shown(job, minor) for job in self._running.values()] or None

    def find(self, key: int) -> Row | None:
        """Return a job that is under way, or was until lately."""
        over = (job for job in self._over if job["id"] == str(key))
        return self._running.get(key) or next(over, None)

    @staticmethod
    def _shown(job: Row, minor: int) -> Row:
        """Return a job as a version shows it."""
        # FAILED came with 0.26; before that a failed job had been cancelled.
        return (
            job | {"status": "CANCELLED"}
            if minor < 26 and job["status"] == "FAILED"
            else job
        )

    def start(self, description: str = "Scanning...") -> int:
        """Begin a job, and tell whoever listens; return its id."""
        self._last += 1
        now = self._now()
        job: Row = {
            "id": str(self._last),
            "status": "RUNNING",
            "subTasks": None,
            "description": description,
            "progress": 0.0,
            "startTime": now,
            "endTime": None,
            "addTime": now,
            "error": None,
        }
        self._running[self._last] = job
        self._tell("ADD", job)
        return self._last

    def progress(self, key: int, done: float) -> None:
        """Report progress, from 0 to 1."""
        self._running[key]["progress"] = done
        self._tell("UPDATE", self._running[key])

    def finish(
        self,
        key: int,
        *,
        status: str = "FINISHED",
        error: str | None = None,
        scan: bool = True,
    ) -> None:
        """End a job; ``scan`` also rings the bell that scan and clean ring."""
        job = self._running.pop(key) | {
            "status": status,
            "error": error,
            "endTime": self._now(),
            "progress": 1.0,
        }
        self._over.append(job)
        self._tell("REMOVE", job)
        if scan:
            self._put("scanCompleteSubscribe", True)

    def _tell(self, kind: str, job: Row) -> None:
        """Tell whoever listens of a job."""
        self._put("jobsSubscribe", {"type": kind, "job": dict(job)})

    def _put(self, name: str, payload: object) -> None:
        """Hand a payload to the listeners of one subscription."""
        for listener in self._listeners[name]:
            listener.put_nowait(payload)

    @contextmanager
    def listen(self, name: str) -> Iterator[asyncio.Queue[Any]]:
        """Collect what the subscription of that name brings."""
        queue: asyncio.Queue[Any] = asyncio.Queue()
        self._listeners[name].add(queue)
        try:
            yield queue
        finally:
            self._listeners[name].discard(queue)
