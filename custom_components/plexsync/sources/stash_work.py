"""What a look at a Stash has found, and how that is read."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from .stash_cursor import BACK, Again, Cursor, Listing, ReadMark, ToRead, earlier
from .stash_queries import SCENES, ObjectKind
from .stash_reader import Listings
from .stash_walk import ScenePage

_NOTHING = ToRead()
_SINGLE = 50  # scenes that are asked for by id instead of by time


@dataclass(frozen=True, slots=True)
class Renamed:
    """Objects of one kind that changed, and with them the records of their scenes.

    ``state`` is where the kind stands once all of these scenes were read.
    """

    kind: ObjectKind
    ids: list[str]
    state: ReadMark
    listing: Listing


@dataclass(frozen=True, slots=True)
class Work:
    """What there is to read: scenes after ``bound``, those of ``again``, and of renamed.

    ``again`` is a page that was read already. Instead of ``bound`` there may be ``ids``,
    where these are few and lie far apart. ``states`` is where things stand once all but
    what was renamed is done.
    """

    states: Mapping[str, ReadMark]
    bound: str | None
    again: ScenePage
    renamed: list[Renamed]
    ids: tuple[str, ...] = ()


@dataclass(slots=True)
class LookFound:
    """What a look has found so far; ``surprised`` if no narrow one would have."""

    states: dict[str, ReadMark]
    scenes: ToRead = _NOTHING
    renamed: list[Renamed] = field(default_factory=list)
    surprised: bool = False

    def work(self, listings: Listings, place: Cursor) -> Work:
        """Decide how the scenes that changed are read, and the last ones of before again."""
        bound, ids = self.scenes.bound, self.scenes.ids or ()
        again = listings.again or ScenePage()
        old = place.states.get(SCENES.name)
        behind: str | None = None
        late = False
        if bound is not None and old is not None and 0 < len(ids) <= _SINGLE:
            # What changed after rows that came late was read before.
            late = bound < earlier(old.at, BACK)
        if not again.done:
            # They are many. Once their second is over they are read once more, unless
            # they were read after it: then hardly any of them can have changed.
            new, again = self.states[SCENES.name], ScenePage()
            over = new.again is not Again.MUST or (old and new.at != old.at)
            if old and old.again is Again.MUST and over:
                behind = earlier(old.at, 1)
        elif again.scenes and bound is not None and not late:
            # There is more to read than came along with the list: one run reads all.
            behind, again = listings.bound, ScenePage()
        if behind is not None:
            bound, late = min(bound or behind, behind), False
        if late:
            return Work(self.states, None, again, self.renamed, ids)
        return Work(self.states, bound, again, self.renamed)
