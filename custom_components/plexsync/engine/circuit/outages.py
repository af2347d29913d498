"""Outage history and what follows from it.

Definitions. An outage runs from the first server fault of an opening to the
closing; openings within a minute of a closing belong to the same outage. MTTR is
the mean length of ended outages of 90 days, those ended by ``reset`` left out;
MTBF the observed up time of 90 days divided by the number of outages begun in
it; availability is up / (up + down) by time, the running outage counted.
Time in which nobody looked (Home Assistant stopped, a hold) is unknown, neither
up nor down; coverage is the observed share of the window. Times are wall-clock
seconds since the epoch, durations seconds.

History leaves by age, and its age is time that somebody looked for: a clock that is
far ahead once, or set back, makes nothing older and takes nothing away.
"""

from collections.abc import Iterable, Mapping
import contextlib
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from .stored import read_count, read_time

DAY = 86_400.0
KEEP = 400 * DAY
MEAN_WINDOW = 90 * DAY
FLAP = 60.0
_SHOWN = 21_600.0  # seconds until what time alone does to a figure is shown
# Seconds between two looks, at most: more is a gap, or a clock that jumps.
_LOOKS = 900.0


@dataclass(frozen=True, slots=True)
class Outage:
    """One outage; ``end`` is None while it lasts."""

    start: float
    end: float | None
    cause: str
    jobs: int = 0  # jobs that waited for its end, at most at one time
    probes: int = 0  # failed ones
    reopened: int = 0
    ended_by: str | None = None  # recovery, reset
    mark: float = field(default=0.0, compare=False)  # what was counted when it ended

    @property
    def duration(self) -> float | None:
        """The length in seconds; never negative, None while it lasts."""
        return None if self.end is None else max(0.0, self.end - self.start)


@dataclass(frozen=True, slots=True)
class Availability:
    """One window's shares, in percent; ``availability`` None where nothing is known."""

    availability: float | None
    coverage: float


class OutageLog:
    """Keep one record per outage and the spans in which nobody looked."""

    def __init__(self) -> None:
        """Start with no history and no observation."""
        self.outages: list[Outage] = []
        self.unknown: list[tuple[float, float, float]] = []  # start, end, mark
        self.since: float | None = None  # observation began
        self.seen: float | None = None  # and was last known to go on
        self.counted = 0.0  # seconds that somebody looked for, ever
        self._last: float | None = None  # the last look of this process
        self._dropped = 0  # outages too old to keep

    @property
    def current(self) -> Outage | None:
        """The outage that lasts."""
        if self.outages and self.outages[-1].end is None:
            return self.outages[-1]
        return None

    @property
    def count(self) -> int:
        """How many outages began, ever."""
        return self._dropped + len(self.outages)

    def observe(self, now: float, *, gap: bool = False) -> None:
        """Say that somebody looks now; with ``gap`` nobody did since the last time."""
        if self._last is not None:
            self.counted += min(max(0.0, now - self._last), _LOOKS)
        self._last = now
        # What lies ahead was seen by a clock that has been put right since.
        self.since = now if self.since is None else min(self.since, now)
        self.unknown = [
            (start, min(end, now), mark)
            for start, end, mark in self.unknown
            if start < now
        ]
        if gap and self.seen is not None and now > self.seen:
            start = self.seen
            if self.unknown and self.unknown[-1][1] >= start:
                # A hold of weeks is one span, not one per save.
                start = min(start, self.unknown.pop()[0])
            self.unknown.append((start, now, self.counted))
        self.seen = now
        self._prune()

    def began(self, at: float, cause: str) -> bool:
        """Open an outage, or reopen one that ended less than a minute ago.

        Say whether it is a new one. While one lasts, nothing changes.
        """
        if self.current is not None:
            return False
        last = self.outages[-1] if self.outages else None
        if last is not None and last.end is not None:
            if last.ended_by != "reset" and 0 <= at - last.end < FLAP:
                again = last.reopened + 1
                self.outages[-1] = replace(
                    last, end=None, ended_by=None, reopened=again
                )
                return False
            at = max(at, last.end)
        self.outages.append(Outage(at, None, cause))
        return True

    def touched(self, *, jobs: int = 0, probes: int = 0) -> None:
        """Note how many jobs the outage that lasts makes wait, and count failed probes."""
        if (current := self.current) is not None:
            self.outages[-1] = replace(
                current, jobs=max(current.jobs, jobs), probes=current.probes + probes
            )

    def ended(self, at: float, by: str = "recovery") -> Outage | None:
        """Close the outage that lasts; return it, or None when there is none."""
        if (current := self.current) is None:
            return None
        self.outages[-1] = replace(
            current, end=max(at, current.start), ended_by=by, mark=self.counted
        )
        return self.outages[-1]

    def news(self, now: float) -> float:
        """Return the moment as of which figures are shown: that of the last news.

        News are the beginning and the end of an outage, and each quarter of a day: what
        time alone does to a figure is not worth a row of a history a minute. Without any
        outage it does nothing to a figure, and now it is.
        """
        if (turned := self.turned) is None:
            return now
        return min(now, max(turned, now // _SHOWN * _SHOWN))

    @property
    def turned(self) -> float | None:
        """When the last outage began, if it lasts, or ended."""
        if not self.outages:
            return None
        last = self.outages[-1]
        return last.start if last.end is None else last.end

    def mttr(self, now: float) -> float | None:
        """Mean time to recovery, in seconds."""
        durations = [
            outage.duration
            for outage in self.outages
            if outage.duration is not None
            and outage.ended_by != "reset"
            and outage.start >= now - MEAN_WINDOW
        ]
        return sum(durations) / len(durations) if durations else None

    def mtbf(self, now: float) -> float | None:
        """Mean observed up time between outages, in seconds."""
        began = sum(outage.start >= now - MEAN_WINDOW for outage in self.outages)
        if not began:
            return None
        up, _, _ = self._shares(now, MEAN_WINDOW)
        return up / began

    def availability(self, now: float, window: float) -> Availability:
        """Say how much of the window (seconds) the server was up."""
        up, down, unknown = self._shares(now, window)
        observed = up + down
        return Availability(
            100 * up / observed if observed > 0 else None,
            100 * observed / (observed + unknown) if observed + unknown else 0.0,
        )

    def blind(self, now: float, window: float) -> list[tuple[float, float]]:
        """Return begin and end of each span of the window in which nobody looked."""
        start = now - window
        seen = now if self.since is None else self.since
        spans = [(low, high) for low, high, _ in self.unknown]
        return _union([(start, seen), *spans], start, now)

    def _shares(self, now: float, window: float) -> tuple[float, float, float]:
        """Divide the window into seconds up, down and unknown."""
        start, blind = now - window, self.blind(now, window)
        unknown = _length(blind)
        down_spans = _union(
            ((o.start, now if o.end is None else o.end) for o in self.outages),
            start,
            now,
        )
        # An outage that was known before and after a blind span is down only where
        # somebody looked.
        down = _length(_union([*down_spans, *blind], start, now)) - unknown
        return max(0.0, window - unknown - down), max(0.0, down), unknown

    def _prune(self) -> None:
        horizon = self.counted - KEEP
        kept = [o for o in self.outages if o.end is None or o.mark > horizon]
        self._dropped += len(self.outages) - len(kept)
        self.outages = kept
        self.unknown = [span for span in self.unknown if span[2] > horizon]

    def snapshot(self) -> dict[str, Any]:
        """Describe the history for the store."""
        return {
            "outages": [asdict(outage) for outage in self.outages],
            "unknown": [list(span) for span in self.unknown],
            "since": self.since,
            "seen": self.seen,
            "counted": self.counted,
            "dropped": self._dropped,
        }

    @classmethod
    def restore(cls, data: Mapping[str, Any]) -> tuple[OutageLog, int]:
        """Take up a snapshot; return the log and how many records were unreadable."""
        log, bad = cls(), 0
        for entry in _list(data.get("outages")):
            try:
                log.outages.append(_outage(entry))
            except ValueError, TypeError, AttributeError:
                bad += 1
        log.outages.sort(key=lambda outage: outage.start)
        # Only the newest may still last: an older open record is a leftover.
        older, newest = log.outages[:-1], log.outages[-1:]
        log.outages = [each for each in older if each.end is not None] + newest
        for span in _list(data.get("unknown")):
            try:
                # An earlier version kept no marks: it is as young as the count is.
                begin, end, mark = (*map(read_time, span), 0.0)[:3]
            except ValueError, TypeError:
                bad += 1
            else:
                if begin <= end:
                    log.unknown.append((begin, end, mark))
        # Each of these is the same as none where it cannot be read.
        with contextlib.suppress(ValueError):
            log.since = read_time(data.get("since"))
        with contextlib.suppress(ValueError):
            log.seen = read_time(data.get("seen"))
        with contextlib.suppress(ValueError):
            log.counted = read_time(data.get("counted"))
        with contextlib.suppress(ValueError):
            log._dropped = read_count(data.get("dropped"))
        return log, bad


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _outage(entry: Any) -> Outage:
    start, end = read_time(entry.get("start")), entry.get("end")
    return Outage(
        start,
        None if end is None else max(start, read_time(end)),
        str(entry.get("cause")),
        read_count(entry.get("jobs", 0)),
        read_count(entry.get("probes", 0)),
        read_count(entry.get("reopened", 0)),
        entry.get("ended_by"),
        read_time(entry.get("mark", 0.0)),
    )


def _union(
    spans: Iterable[tuple[float, float]], start: float, end: float
) -> list[tuple[float, float]]:
    merged: list[tuple[float, float]] = []
    for low, high in sorted((max(a, start), min(b, end)) for a, b in spans):
        if low >= high:
            continue
        if merged and low <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(high, merged[-1][1]))
        else:
            merged.append((low, high))
    return merged


def _length(spans: Iterable[tuple[float, float]]) -> float:
    return sum(high - low for low, high in spans)
