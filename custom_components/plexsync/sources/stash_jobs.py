"""The jobs of a Stash: whether one runs, and which have ended."""

from collections.abc import Mapping
from typing import Any, NamedTuple

OTHER = "other"
# How Stash describes its jobs begins like this, in all versions from 0.24 on.
_KINDS = {
    "scanning": "scan",
    "generating": "generate",
    "auto-tagging": "auto_tag",
    "cleaning generated": OTHER,
    "cleaning": "clean",
    "identifying": "identify",
    "importing": "import",
}
_OVER = frozenset({"FINISHED", "CANCELLED", "FAILED"})


class _Job(NamedTuple):
    """What is known of a job: of what kind it is, and since when Stash has it."""

    kind: str
    added: str


class StashJobs:
    """Follow the queue of a Stash from look to look.

    A job that is over leaves the queue, but the last ten can be asked for by their ids.
    Ids count up from one: so a job that came and went between two looks is found, too.
    A Stash that was started again counts from one anew, and knows no older job.

    ``ended`` are the kinds of jobs that are over: scan, generate, auto_tag, clean,
    identify, import and other. Whoever reads them takes them away. Those that were
    over before the first look count for nothing.
    """

    def __init__(self) -> None:
        """Know of none."""
        self.ended: set[str] = set()
        self._queue: dict[int, _Job] = {}
        self._last = 0  # the greatest id so far
        self._added = ""  # since when Stash has had that job
        self._caught_up = False  # whether no job is left that ended before we came

    @property
    def busy(self) -> bool:
        """Return whether a job runs or waits."""
        return bool(self._queue)

    @property
    def last(self) -> str:
        """Name the last job that was seen; 0 if there was none."""
        return str(self._last)

    @property
    def next(self) -> str:
        """Name the job that will be the next to begin."""
        return str(self._last + 1)

    def see(self, queue: Any, last: Any, following: Any) -> None:
        """Take what a look brought: the queue, and the jobs ``last`` and ``next`` named."""
        now: dict[int, _Job] = {}
        over: dict[int, _Job] = {}
        for job in (*(queue or ()), *((following,) if following else ())):
            place = over if job.get("status") in _OVER else now
            place[int(job["id"])] = _job(job)
        ended = {key: job for key, job in self._queue.items() if key not in now}
        if started_again := self._is_another_life(now, last, following):
            # What ended before this look is found from the first id on.
            ended |= self._queue | {0: _Job(OTHER, "")}
            self._last = 0
        elif self._caught_up:
            ended |= over
        self._caught_up = self._caught_up or following is None
        self.ended |= {job.kind for job in ended.values()}
        self._queue = now
        if not started_again and (seen := now | over) and max(seen) > self._last:
            self._last = max(seen)
            self._added = seen[self._last].added

    def _is_another_life(
        self, now: Mapping[int, _Job], last: Any, following: Any
    ) -> bool:
        """Return whether Stash was started again: no job that was seen is there still.

        So it is, too, where more jobs ended between two looks than Stash remembers.
        """
        known = {key: job.added for key, job in self._queue.items()}
        there = {key: job.added for key, job in now.items()}
        if self._last:
            known[self._last] = self._added
        if last:
            there[self._last] = _job(last).added
        elif following:
            return False  # it only fell out of those that Stash remembers
        return bool(known) and not known.items() & there.items()


def _job(told: Mapping[str, Any]) -> _Job:
    return _Job(_kind(str(told.get("description") or "")), str(told.get("addTime")))


def _kind(description: str) -> str:
    text = description.lower()
    return next((kind for word, kind in _KINDS.items() if text.startswith(word)), OTHER)
