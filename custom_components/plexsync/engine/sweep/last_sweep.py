"""The last comparison of all sources with Plex, and whether another one is owed.

All times are wall-clock seconds since the epoch.
"""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
import json
from sqlite3 import Connection

from ..circuit.outages import DAY, Outage
from ..database import stats

_NAME = "last_sweep"
LONG = DAY  # an outage of more seconds than this is followed by a sweep
# A night counts as missed only if the last sweep began longer ago than this: an owner
# who sets the time of day to one that has just passed does not ask for a sweep now.
_FRESH = DAY / 2


@dataclass(frozen=True, slots=True)
class LastSweep:
    """The last sweep over all sources that came to its end.

    If there was none yet, ``began`` is when somebody first asked for it.
    ``whole`` is the end of the last sweep that could read every source.
    """

    began: float
    ended: float | None = None
    whole: float | None = None

    def is_owed(self, night: float, outages: Iterable[Outage], now: float) -> bool:
        """Return whether the night's sweep was missed, or a long outage calls for one.

        ``night`` is when the latest nightly sweep was due.
        """
        missed = self.began < night and now - self.began > _FRESH
        return missed or any(self._owes(outage) for outage in outages)

    def _owes(self, outage: Outage) -> bool:
        """Return whether nothing was compared since a long outage ended."""
        end = outage.end
        if end is None or end - outage.start <= LONG or self.began >= end:
            return False
        if self.began < outage.start or self.ended is None:
            return True
        # It began during the outage, and so waited for its end. If it did not, it had
        # nothing to compare; if a source was away, that one had no part in it.
        return self.ended < end and self.ended != self.whole


def recall(db: Connection) -> LastSweep | None:
    """Return the last one, or None if nobody has asked yet."""
    text = stats.setting(db, _NAME)
    if text is None:
        return None
    return LastSweep(**json.loads(text))


def look_up(db: Connection, now: float) -> LastSweep:
    """Return the last one; the first time, count from now on."""
    if (last := recall(db)) is None:
        last = LastSweep(now)
        _keep(db, last)
    return last


def finish(db: Connection, began: float, ended: float, *, whole: bool) -> None:
    """Note that a sweep over all sources has ended; ``whole`` if it could read them all."""
    before = recall(db) or LastSweep(began)
    _keep(db, LastSweep(began, ended, ended if whole else before.whole))


def _keep(db: Connection, last: LastSweep) -> None:
    stats.keep(db, _NAME, json.dumps(asdict(last)))
