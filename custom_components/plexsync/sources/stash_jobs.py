"""The jobs of a Stash: whether one runs, and which have ended."""

from typing import Any

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


class StashJobs:
    """Follow the queue of a Stash from look to look.

    A job that is over leaves the queue, but can be asked for by its id for a while.
    Ids count up from one: so a job that came and went between two looks is found, too.

    ``ended`` are the kinds of jobs that are over: scan, generate, auto_tag, clean,
    identify, import and other. Whoever reads them takes them away. Those that were
    over before the first look count for nothing.
    """

    def __init__(self) -> None:
        """Know of none."""
        self.ended: set[str] = set()
        self._queue: dict[int, str] = {}  # kinds, by id
        self._last = 0  # the greatest id so far
        self._caught_up = False  # whether no job is left that ended before we came

    @property
    def busy(self) -> bool:
        """Say whether a job runs or waits."""
        return bool(self._queue)

    @property
    def next(self) -> str:
        """Name the job that will be the next to begin."""
        return str(self._last + 1)

    def see(self, queue: Any, following: Any) -> None:
        """Take what a look brought: the queue, and the job that ``next`` named."""
        now: dict[int, str] = {}
        over: dict[int, str] = {}
        for job in (*(queue or ()), *((following,) if following else ())):
            place = over if job.get("status") in _OVER else now
            place[int(job["id"])] = _kind(str(job.get("description") or ""))
        ended = {key: kind for key, kind in self._queue.items() if key not in now}
        if self._caught_up:
            ended |= over
        self._caught_up = self._caught_up or following is None
        self.ended |= set(ended.values())
        begun = now.keys() - self._queue.keys()
        if any(key <= self._last for key in begun):
            self._last = 0  # a Stash that was started again counts from one
        self._last = max((self._last, *now, *over))
        self._queue = now


def _kind(description: str) -> str:
    text = description.lower()
    return next((kind for word, kind in _KINDS.items() if text.startswith(word)), OTHER)
