"""Take stock of a Stash: what stands there now, and what of it is news."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from .stash_cursor import (
    Again,
    Cursor,
    Listing,
    News,
    Row,
    State,
    find_news,
    next_state,
)
from .stash_queries import SCENES, Kind
from .stash_reader import Listings, StashReader
from .stash_walk import Page


@dataclass(frozen=True, slots=True)
class Renamed:
    """Objects of one kind that changed, and with them the records of their scenes.

    ``state`` is where the kind stands once all of these scenes were read.
    """

    kind: Kind
    ids: list[str]
    state: State
    listing: Listing


@dataclass(frozen=True, slots=True)
class Work:
    """What there is to read: scenes after ``bound``, those of ``again``, and of renamed.

    ``again`` is a page that was read already. ``states`` is where things stand once
    all but what was renamed is done.
    """

    states: Mapping[str, State]
    bound: str | None
    again: Page
    renamed: list[Renamed]


class Stock:
    """List what changed last, and compare it with what was seen before."""

    def __init__(self, reader: StashReader) -> None:
        """Begin without having seen anything."""
        self._reader = reader
        # By kind: the rows behind a state, by id, for the last two states.
        self._seen: dict[str, dict[State, dict[str, Row]]] = {}

    async def take(self) -> dict[str, State]:
        """Return the state of each kind at this moment."""
        listings = await self._reader.listings({})
        kinds = await self._reader.kinds()
        states = {
            kind.name: next_state(
                None, listings.kinds[kind.name], listings.date, marked=bool(kind.marks)
            )
            for kind in kinds
            if kind.name in listings.kinds
        }
        if any(state.digest is None for state in states.values()):
            # Much was changed of late: only a listing of just the window tells.
            windows = {name: State(state.at) for name, state in states.items()}
            listings = await self._reader.listings(windows)
            states = {
                name: replace(state, digest=listings.kinds[name].digest())
                for name, state in states.items()
                if name in listings.kinds
            }
        for name, state in states.items():
            self.remember(name, state, listings.kinds[name])
        return states

    async def compare(self, place: Cursor) -> Work:
        """Find out what has to be read since a place."""
        listings = await self._reader.listings(place.states)
        states = dict(place.states)
        bound: str | None = None
        renamed = []
        for kind in await self._reader.kinds():
            if (listing := listings.kinds.get(kind.name)) is None:
                continue
            old = place.states.get(kind.name)
            if old and not old.again and old.digest == listing.digest():
                self.remember(kind.name, old, listing)
                continue
            new = next_state(old, listing, listings.date, marked=bool(kind.marks))
            news = self._news(kind.name, old, listing)
            if news.bound is not None and kind is not SCENES:
                ids = await self._ids(kind, news.bound, news.ids, listing)
                renamed.append(Renamed(kind, ids, new, listing))
                continue
            if kind is SCENES:
                bound = news.bound
                self._hurry_sick(old, listing)
            states[kind.name] = new
            self.remember(kind.name, new, listing)
        bound, again = _with_last(bound, listings, place)
        return Work(states, bound, again, renamed)

    def remember(self, name: str, state: State, listing: Listing) -> None:
        """Keep the rows behind a state, so that a later listing shows what is new."""
        known = self._seen.setdefault(name, {})
        known.pop(state, None)
        known[state] = {row.id: row for row in listing.rows}
        # The state before is kept too: it is needed if this reading fails on its way.
        for outdated in list(known)[:-2]:
            del known[outdated]

    def _news(self, name: str, old: State | None, listing: Listing) -> News:
        """Say what a listing shows that was not read; of a kind new to us, nothing."""
        if old is None or old.digest == listing.digest():
            return News()
        return find_news(old, listing, self._seen.get(name, {}).get(old))

    async def _ids(
        self, kind: Kind, bound: str, known: tuple[str, ...] | None, listing: Listing
    ) -> list[str]:
        """Name the objects of a kind that changed."""
        if known is not None:
            return list(known)
        if not listing.complete and listing.rows[-1].raw > bound:
            return await self._reader.ids(kind, bound)
        return [row.id for row in listing.rows if row.raw > bound]

    def _hurry_sick(self, old: State | None, listing: Listing) -> None:
        """Look soon at scenes that could not be read and were changed since."""
        before = self._seen.get(SCENES.name, {}).get(old) if old else None
        if before is None:
            return
        for row in listing.rows:
            if before.get(row.id) != row:
                self._reader.sick.hurry(row.id)


def _with_last(
    bound: str | None, listings: Listings, place: Cursor
) -> tuple[str | None, Page]:
    """Decide whether the last scenes of before are read again, and in which way.

    Return the bound of the run to read, and the page of them that needs no run.
    """
    again = listings.again or Page()
    if not again.done and place.states[SCENES.name].again is Again.MAY:
        again = Page()  # they are many, and hardly any of them can have changed
    if listings.bound and again.scenes and (bound or not again.done):
        # There is more to read than came along with the listing: one run reads all.
        return min(bound or listings.bound, listings.bound), Page()
    return bound, again
