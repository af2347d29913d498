"""Stash's job queue, and who listens to it."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from .base import StashError

type Row = dict[str, Any]
type Work = Callable[[], None]

_REMEMBERED = 10


class Jobs:
    """Jobs under way. A finished one leaves the queue, as in Stash, and is found for a while.

    ``patience`` is how many seconds each step of a job of :meth:`run` takes. At 0 it is
    over before its request is answered; None means until :meth:`step` or :meth:`release`.
    """

    def __init__(self, now: Callable[[], str]) -> None:
        """Start with an empty queue."""
        self.patience: float | None = 0.0
        self._now = now
        self._last = 0
        self._running: dict[int, Row] = {}
        self._over: dict[int, Row] = {}
        self._work: dict[int, tuple[list[Work], bool]] = {}
        self._timers: set[asyncio.TimerHandle] = set()
        self._listeners: dict[str, set[asyncio.Queue[Any]]] = {
            "jobsSubscribe": set(),
            "scanCompleteSubscribe": set(),
        }

    def queue(self, minor: int = 31) -> list[Row] | None:
        """Return what ``jobQueue`` answers: null if there is nothing."""
        return [self._shown(job, minor) for job in self._running.values()] or None

    def find(self, key: int, minor: int = 31) -> Row | None:
        """Return a job that is under way, or has just ended."""
        job = self._running.get(key) or self._over.get(key)
        return None if job is None else self._shown(job, minor)

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

    def run(self, description: str, *steps: Work, scan: bool = False) -> int:
        """Begin a job that does something in steps, and ends with the last; return its id."""
        key = self.start(description)
        self._work[key] = (list(steps), scan)
        if self.patience == 0:
            while key in self._work:
                self._step(key)
        else:
            self._wait(key)
        return key

    def release(self) -> None:
        """End every job of :meth:`run` that is under way, in order."""
        for key in list(self._work):
            while key in self._work:
                self._step(key)

    def step(self) -> None:
        """Do the next step of every job of :meth:`run` that is under way, in order."""
        for key in list(self._work):
            self._step(key)

    def _wait(self, key: int) -> None:
        """Do the next step of a job when its time has come."""
        if self.patience is not None:
            loop = asyncio.get_running_loop()
            self._timers.add(loop.call_later(self.patience, self._step, key))

    def _step(self, key: int) -> None:
        """Do the next step of a job, if one is still to be done."""
        steps, scan = self._work.get(key, ([], False))
        if not steps:
            return
        try:
            steps.pop(0)()
        except StashError as err:
            del self._work[key]
            self.finish(key, status="FAILED", error=str(err), scan=scan)
            return
        if steps:
            self._wait(key)
        else:
            del self._work[key]
            self.finish(key, scan=scan)

    def forget(self) -> None:
        """Lose everything, as a program that ends does; the next job is number 1 again."""
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()
        for kept in (self._running, self._over, self._work):
            kept.clear()
        self._last = 0

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
        self._over[key] = job
        while len(self._over) > _REMEMBERED:
            del self._over[next(iter(self._over))]
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
