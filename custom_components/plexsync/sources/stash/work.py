"""What a look at a Stash has found, and how to read it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from .cursor import BACK, Again, Cursor, Listing, ReadMark, ToRead, earlier
from .queries import SCENES, ObjectKind
from .reader import Listings
from .walk import ScenePage

_NOTHING = ToRead()
_SINGLE = 50  # scenes at most that are read by id instead of by time


@dataclass(frozen=True, slots=True)
class Renamed:
    """Changed objects of one kind, which change the records of their scenes.

    ``state`` is the state of the kind once all of these scenes have been read.
    """

    kind: ObjectKind
    ids: list[str]
    state: ReadMark
    listing: Listing


@dataclass(frozen=True, slots=True)
class Work:
    """What there is to read: scenes after ``bound``, ``again``, and those of ``renamed``.

    ``again`` is a page that has been read already. ``ids`` may replace ``bound`` if they
    are few and far apart. ``states`` are the states once everything but the renamed
    objects is done.
    """

    states: Mapping[str, ReadMark]
    bound: str | None
    again: ScenePage
    renamed: list[Renamed]
    ids: tuple[str, ...] = ()


@dataclass(slots=True)
class LookFound:
    """What a look has found; ``surprised`` if a narrow look would have missed some of it."""

    states: dict[str, ReadMark]
    scenes: ToRead = _NOTHING
    renamed: list[Renamed] = field(default_factory=list)
    surprised: bool = False

    def work(self, listings: Listings, place: Cursor) -> Work:
        """Decide how to read the changed scenes, and the last scenes of before once more."""
        bound, ids = self.scenes.bound, self.scenes.ids or ()
        again = listings.again or ScenePage()
        old = place.states.get(SCENES.name)
        behind: str | None = None
        late = False
        if bound is not None and old is not None and 0 < len(ids) <= _SINGLE:
            # If rows came late, what changed after them has been read before.
            late = bound < earlier(old.at, BACK)
        if not again.done:
            # There are many. Read them once more when their second is over, unless they
            # were read after it: then hardly any of them can have changed.
            new, again = self.states[SCENES.name], ScenePage()
            over = new.again is not Again.MUST or (old and new.at != old.at)
            if old and old.again is Again.MUST and over:
                behind = earlier(old.at, 1)
        elif again.scenes and bound is not None and not late:
            # There is more to read than was sent along with the lists: read all in one run.
            behind, again = listings.bound, ScenePage()
        if behind is not None:
            bound, late = min(bound or behind, behind), False
        if late:
            return Work(self.states, None, again, self.renamed, ids)
        return Work(self.states, bound, again, self.renamed)
