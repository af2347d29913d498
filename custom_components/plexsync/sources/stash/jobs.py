"""Follow the jobs of a Stash: whether one runs, and which have ended."""

from collections.abc import Mapping
from typing import Any, NamedTuple

OTHER = "other"
IMPORT = "import"
# Stash's descriptions of its jobs begin like this, in all versions from 0.24 on.
_KINDS = {
    "scanning": "scan",
    "generating": "generate",
    "auto-tagging": "auto_tag",
    "cleaning generated": OTHER,
    "cleaning": "clean",
    "identifying": "identify",
    "importing": IMPORT,
}
_OVER = frozenset({"FINISHED", "CANCELLED", "FAILED"})


class _Job(NamedTuple):
    """A job: its kind, and when it was added to the queue."""

    kind: str
    added: str


class StashJobs:
    """Follow the job queue of a Stash from look to look.

    A finished job leaves the queue, but the last ten can be asked for by their ids. Ids
    count up from one, so a job that came and went between two looks is found, too. After
    a restart Stash counts from one again, and knows no older job.

    ``ended`` has the kinds of finished jobs: scan, generate, auto_tag, clean, identify,
    import and other. Whoever reads them has to remove them. Jobs that had finished before
    the first look do not count.
    """

    def __init__(self) -> None:
        """Initialize without any jobs."""
        self.ended: set[str] = set()
        self._queue: dict[int, _Job] = {}
        self._last = 0  # the highest id so far
        self._added = ""  # when that job was added
        self._caught_up = (
            False  # whether all jobs from before the first look are passed
        )

    @property
    def busy(self) -> bool:
        """Return whether a job is running or waiting."""
        return bool(self._queue)

    @property
    def importing(self) -> bool:
        """Return whether an import is running or waiting."""
        return any(job.kind == IMPORT for job in self._queue.values())

    @property
    def last(self) -> str:
        """The id of the last job that was seen; 0 if there was none."""
        return str(self._last)

    @property
    def next(self) -> str:
        """The id of the job that will be added next."""
        return str(self._last + 1)

    def see(self, queue: Any, last: Any, following: Any) -> None:
        """Process a look: the queue, and the jobs with the ids ``last`` and ``next``."""
        now: dict[int, _Job] = {}
        over: dict[int, _Job] = {}
        for job in (*(queue or ()), *((following,) if following else ())):
            place = over if job.get("status") in _OVER else now
            place[int(job["id"])] = _job(job)
        ended = {key: job for key, job in self._queue.items() if key not in now}
        if started_again := self._is_another_life(now, last, following):
            # Look for jobs that ended before this look from the first id on.
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
        """Return whether Stash was restarted, because no job seen before exists.

        More finished jobs between two looks than Stash remembers look the same.
        """
        known = {key: job.added for key, job in self._queue.items()}
        there = {key: job.added for key, job in now.items()}
        if self._last:
            known[self._last] = self._added
        if last:
            there[self._last] = _job(last).added
        elif following:
            return (
                False  # the last job is just no longer among those that Stash remembers
            )
        return bool(known) and not known.items() & there.items()


def _job(told: Mapping[str, Any]) -> _Job:
    return _Job(kind_of(told), str(told.get("addTime")))


def kind_of(job: Mapping[str, Any]) -> str:
    """Return the kind of a job, by its description."""
    text = str(job.get("description") or "").lower()
    return next((kind for word, kind in _KINDS.items() if text.startswith(word)), OTHER)
