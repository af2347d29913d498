"""How far a Stash has been read: times as text, and what was seen last.

Stash stores ``updated_at`` as text in its own time zone, in whole seconds, and compares
it character by character. So times are text here, too: the first 19 characters, without
the zone, are compared and sent.

For each kind of object, a cursor has the latest raw time and a digest of what changed
within ``WINDOW`` before it. The window is wide because a server that moves to a zone
further west writes times hours before the latest one: only a look that far back can see
them. Equal digests mean that nothing happened.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
import hashlib
import json
from typing import Any, NamedTuple, Self

WINDOW = 26 * 3600  # seconds that time zones can be apart
OVERLAP = 2 * 3600  # seconds, for the hour that daylight saving repeats and clock steps
LATE = 300  # seconds: a write that waited for another commits later, with an older time
FRESH = 5  # seconds in which a row may change again without a new time
BACK = 2  # seconds that narrow looks list again while things change
LISTED = 1000  # rows of a list at most
BEGINNING = "0001-01-01T00:00:00"
_WALL = 19
_VERSION = 1


def earlier(raw: str, seconds: float) -> str:
    """Subtract seconds from a time; the zone is dropped."""
    try:
        wall = datetime.fromisoformat(raw[:_WALL]) - timedelta(seconds=seconds)
    except OverflowError, ValueError:
        return BEGINNING
    return wall.isoformat()


def offset(raw: str) -> str:
    """Return the zone's offset in this time, as text."""
    return raw[_WALL:]


def instant(raw: str) -> datetime | None:
    """Parse a time; None if it is invalid."""
    try:
        time = datetime.fromisoformat(raw)
    except ValueError:
        return None
    return time if time.tzinfo else time.replace(tzinfo=UTC)


class ListedObject(NamedTuple):
    """An object: its id, its raw time, and what else is compared (its name)."""

    id: str
    raw: str
    mark: str = ""


@dataclass(frozen=True, slots=True)
class Listing:
    """The last changed objects of one kind, newest first.

    ``count`` is the number of all rows, of which ``rows`` may only be the first.
    """

    count: int
    rows: tuple[ListedObject, ...]

    @property
    def complete(self) -> bool:
        """Return whether no row was left out."""
        return self.count <= len(self.rows)

    def updated(self, rows: Iterable[ListedObject]) -> Self:
        """Add newer rows; drop old ones that are no longer among the newest."""
        known = {row.id: row for row in self.rows}
        unlisted = self.count - len(known)
        known |= {row.id: row for row in rows}
        newest = sorted(known.values(), key=lambda row: row.raw, reverse=True)
        return replace(self, count=unlisted + len(newest), rows=tuple(newest[:LISTED]))

    def within(self, floor: str) -> Self:
        """Leave out rows that are not after a text time."""
        rows = tuple(row for row in self.rows if row.raw > floor)
        return replace(self, count=self.count - len(self.rows) + len(rows), rows=rows)

    def digest(self) -> str:
        """Digest the count and the rows; the order of rows with equal times does not matter."""
        text = json.dumps([self.count, sorted(self.rows)])
        return hashlib.sha256(text.encode()).hexdigest()[:16]


class Again(StrEnum):
    """Whether the last rows have to be read again.

    A row that changes twice within one second has the same time after both changes.
    """

    NO = ""
    MAY = "may"  # unlikely to find anything, but worth it while the rows are few
    MUST = "must"


@dataclass(frozen=True, slots=True)
class ReadMark:
    """How far one kind has been read.

    ``at`` is the latest raw time; ``digest`` is that of the listing from ``floor`` on,
    None if unknown; ``again`` says whether the last rows need another look.
    """

    at: str = BEGINNING
    digest: str | None = None
    again: Again = Again.NO

    @property
    def floor(self) -> str:
        """The time from which the next listing has to start."""
        return earlier(self.at, WINDOW)


def next_state(
    old: ReadMark | None, listing: Listing, date: datetime | None, *, marked: bool
) -> ReadMark:
    """Return the state after a listing from ``old.floor`` on.

    ``date`` is the server's clock at that moment. A row that is more than a day ahead of
    it (the clock was wrong once) never becomes the latest: it would hide all later ones.

    A scene can change twice within the second of its time. Rows that are ``marked`` show
    such a change in their mark.
    """
    at = _greatest([row.raw for row in listing.rows] + ([old.at] if old else []), date)
    changed = old is None or at != old.at
    again = Again.NO if marked else _again(at, date, changed=changed)
    if not changed:
        return ReadMark(at, listing.digest(), again)
    state = ReadMark(at, None, again)
    rows = tuple(row for row in listing.rows if row.raw > state.floor)
    covered = listing.complete or len(rows) < len(listing.rows)
    if not covered or (old and state.floor < old.floor):
        return state
    return replace(state, digest=Listing(len(rows), rows).digest())


def from_now_on(state: ReadMark) -> ReadMark:
    """Begin at a state: what may have changed before, unseen, is nobody's news."""
    return replace(state, again=Again.NO) if state.again is Again.MAY else state


def without_news(old: ReadMark, date: datetime | None, *, marked: bool) -> ReadMark:
    """Return the state after a look that found nothing new."""
    again = Again.NO if marked else _again(old.at, date, changed=False)
    return replace(old, again=again)


def _again(at: str, date: datetime | None, *, changed: bool) -> Again:
    """Return whether the last scenes have to be read again."""
    if at == BEGINNING:
        return Again.NO
    if is_just_now(at, date) or (changed and date is None):
        return Again.MUST
    return Again.MAY if changed else Again.NO


def _greatest(times: list[str], date: datetime | None) -> str:
    """Return the latest raw time that can be trusted."""
    if date is None:
        return max(times, default=BEGINNING)
    horizon = date + timedelta(seconds=WINDOW)
    trusted = [
        raw for raw in times if (time := instant(raw)) is None or time <= horizon
    ]
    if trusted or not times:
        return max(trusted, default=BEGINNING)
    # The window then starts at the current time of the westernmost zone.
    wall = date.astimezone(UTC) + timedelta(hours=14)
    return wall.isoformat()[:_WALL]


def is_just_now(at: str, date: datetime | None) -> bool:
    """Return whether a time is so recent that another change may get the same one."""
    time = instant(at)
    return (
        date is not None
        and time is not None
        and abs((date - time).total_seconds()) < FRESH
    )


@dataclass(frozen=True, slots=True)
class ToRead:
    """What has to be read: everything after ``bound``, or only ``ids`` if known."""

    bound: str | None = None
    ids: tuple[str, ...] | None = None

    def along(self, rows: Collection[ListedObject]) -> ToRead:
        """Add rows to what has to be read."""
        if not rows:
            return self
        bound = min(earlier(row.raw, 0) for row in rows)
        ids = tuple(row.id for row in rows)
        if self.bound is None:
            return ToRead(bound, ids)
        known = None if self.ids is None else (*self.ids, *ids)
        return ToRead(min(bound, self.bound), known)


def find_news(
    old: ReadMark, listing: Listing, seen: Mapping[str, ListedObject] | None
) -> ToRead:
    """Return what is in a listing from ``old.floor`` on and has not been read yet.

    ``seen`` are the rows of the state ``old``, by id, if they are still known. Otherwise
    the overlap is read again, or the whole window if the zone's offset changed in it.
    """
    moved = len({offset(row.raw) for row in listing.rows} | {offset(old.at)}) > 1
    overlap = earlier(old.at, WINDOW if moved else OVERLAP)
    if seen is None:
        return ToRead(overlap)
    fresh = [row for row in listing.rows if seen.get(row.id) != row]
    bounds = [earlier(row.raw, 0) for row in fresh]
    if not listing.complete:
        # Unlisted rows are older than these, but may not have been read.
        return ToRead(min([overlap if moved else earlier(old.at, LATE), *bounds]))
    return ToRead(min(bounds), tuple(row.id for row in fresh)) if fresh else ToRead()


@dataclass(frozen=True, slots=True)
class Run:
    """A run under way: scenes changed after ``bound``, read up to the id ``after``."""

    bound: str
    after: int = 0


@dataclass(frozen=True, slots=True)
class Cursor:
    """The states by kind, and the run that has to be finished for them to be true.

    ``sick`` are the scenes that were skipped because they cannot be read.
    """

    states: Mapping[str, ReadMark] = field(default_factory=dict)
    run: Run | None = None
    sick: tuple[str, ...] = ()

    def to_text(self) -> str:
        """Encode the cursor for storage."""
        data: dict[str, Any] = {
            "v": _VERSION,
            "kinds": {
                name: [state.at, state.digest, state.again]
                for name, state in self.states.items()
            },
        }
        if self.run:
            data["run"] = [self.run.bound, self.run.after]
        if self.sick:
            data["sick"] = [int(scene_id) for scene_id in self.sick]
        return json.dumps(data, separators=(",", ":"))

    @classmethod
    def from_text(cls, text: str | None) -> Self | None:
        """Decode a cursor; None, for a start from the beginning, if it is invalid."""
        try:
            data = json.loads(text or "")
            if data["v"] != _VERSION:
                return None
            states = {
                str(name): ReadMark(
                    _text(at), None if digest is None else _text(digest), Again(again)
                )
                for name, (at, digest, again) in data["kinds"].items()
            }
            run = data.get("run")
            return cls(
                states,
                Run(_text(run[0]), int(run[1])) if run else None,
                tuple(str(int(scene_id)) for scene_id in data.get("sick", ())),
            )
        except AttributeError, KeyError, IndexError, TypeError, ValueError:
            return None


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value
