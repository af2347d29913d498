"""Compare what a Stash has now with what was seen before."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import NamedTuple

from .cursor import (
    BACK,
    Again,
    Cursor,
    ListedObject,
    Listing,
    ReadMark,
    ToRead,
    earlier,
    find_news,
    next_state,
    without_news,
)
from .known import Known
from .looks import Looks, Reach
from .queries import SCENES, ObjectKind
from .reader import Listings, StashReader
from .work import LookFound, Renamed, Work

_MOST = {Reach.NARROW: 200, Reach.WIDE: 50}  # rows of each kind at most
_SETTLED = 10.0  # seconds after which no more rows get the last time


class _Part(NamedTuple):
    """What a look shows of one kind: the rows that are not known yet.

    If the list was truncated, there may be more that is new after ``after``; ``mark``
    identifies the truncated list if it comes again.
    """

    kind: ObjectKind
    old: ReadMark
    known: Known
    fresh: list[ListedObject]
    after: str | None = None
    mark: str = ""


class Stock:
    """List the last changes, and compare them with what was seen before."""

    def __init__(
        self, reader: StashReader, looks: Looks, monotonic: Callable[[], float]
    ) -> None:
        """Initialize without anything seen."""
        self._reader = reader
        self._looks = looks
        self._monotonic = monotonic
        # By kind: the rows of each of the last two states.
        self._seen: dict[str, dict[ReadMark, Known]] = {}
        # By kind: the latest time, and since when it is known.
        self._since: dict[str, tuple[str, float]] = {}
        # Truncated lists with nothing new beyond them, and the states at which that was so.
        self._cut: dict[tuple[Reach, str], tuple[ReadMark, str]] = {}

    async def take(self) -> dict[str, ReadMark]:
        """Return the current state of each kind."""
        listings = await self._reader.listings({})
        states = {
            kind.name: next_state(
                None, listings.kinds[kind.name], listings.date, marked=bool(kind.marks)
            )
            for kind in await self._reader.kinds()
            if kind.name in listings.kinds
        }
        windows = await self._windows(states)
        for name, state in states.items():
            if name in windows:
                states[name] = replace(state, digest=windows[name].digest())
            listing = windows.get(name, listings.kinds[name])
            self.remember(name, states[name], listing)
        return states

    async def compare(self, place: Cursor) -> Work:
        """Return what has to be read since a place."""
        reach = self._looks.next()
        if reach is not Reach.FULL and (work := await self._look(place, reach)):
            return work
        return await self._look_fully(place)

    async def _look(self, place: Cursor, reach: Reach) -> Work | None:
        """Look at less than the whole window; None if that is not sufficient."""
        since = {}
        if reach is Reach.NARROW:
            since = {name: self._near(name, at) for name, at in place.states.items()}
        most = _MOST[reach]
        listings = await self._reader.listings(place.states, since, most)
        parts: list[_Part] = []
        for kind in await self._reader.kinds():
            if (listing := listings.kinds.get(kind.name)) is None:
                continue
            old = place.states.get(kind.name)
            if old is None or (known := self._known(kind.name, old)) is None:
                return None
            fresh, floor = known.lacks(listing), since.get(kind.name, old.floor)
            part = _Part(kind, old, known, fresh)
            sure = reach is Reach.NARROW or known.listing.complete
            if not (
                listing.complete or (sure and known.explains(listing, fresh, floor))
            ):
                part = _Part(kind, old, known, fresh, floor, listing.digest())
                if self._cut.get((reach, kind.name)) == (_lasting(old), part.mark):
                    part = _Part(kind, old, known, [])
            parts.append(part)
        cut = [part for part in parts if part.after is not None]
        if cut and reach is Reach.WIDE:
            return await self._look_behind(place, cut)
        found = LookFound(dict(place.states))
        for part in parts:
            await self._add(part, listings, found)
        full = reach is Reach.WIDE and all(
            listing.complete for listing in listings.kinds.values()
        )
        self._looks.done(
            Reach.FULL if full else reach, surprised=found.surprised, by=reach
        )
        return found.work(listings, place)

    async def _look_behind(self, place: Cursor, cut: list[_Part]) -> Work:
        """Look at everything, and remember the lists with nothing new beyond them."""
        work = await self._look_fully(place, by=Reach.WIDE)
        news = {renamed.kind.name for renamed in work.renamed}
        for kind, old, _, _, _, mark in cut:
            state = work.states.get(kind.name)
            if state and _lasting(state) == _lasting(old) and kind.name not in news:
                self._cut[Reach.WIDE, kind.name] = (_lasting(old), mark)
        return work

    async def _add(self, part: _Part, listings: Listings, found: LookFound) -> None:
        """Add what a look shows of one kind to ``found``."""
        kind, old, known, fresh, after, mark = part
        marked = bool(kind.marks)
        if not fresh and after is None:
            new = without_news(old, listings.date, marked=marked)
            found.states[kind.name] = new
            self._keep(kind.name, new, known)
            return
        found.surprised |= known.is_surprise(fresh, self._near(kind.name, old))
        listing = known.listing.updated(fresh)
        new = next_state(old, listing, listings.date, marked=marked)
        listing = listing.within(new.floor)
        # If not every row is known, no future list will have this digest.
        new = replace(new, digest=listing.digest())
        news = ToRead().along(fresh)
        if after is not None:
            news = ToRead(after)
            self._cut[Reach.NARROW, kind.name] = (_lasting(new), mark)
        self._hurry_sick(fresh if kind is SCENES else ())
        if kind is SCENES:
            found.scenes = news
            found.states[kind.name] = new
            self.remember(kind.name, new, listing)
            return
        ids = list(news.ids or ())
        if after is not None:
            ids = await self._reader.ids(kind, after)
        found.renamed.append(Renamed(kind, ids, new, listing))

    async def _look_fully(self, place: Cursor, by: Reach = Reach.FULL) -> Work:
        """Look at the whole window; ``by`` is the reach of the look that required it."""
        listings = await self._reader.listings(place.states)
        kinds = [
            kind for kind in await self._reader.kinds() if kind.name in listings.kinds
        ]
        states = dict(place.states)
        for kind in kinds:
            listing, old = listings.kinds[kind.name], place.states.get(kind.name)
            if not old or old.again or old.digest != listing.digest():
                states[kind.name] = next_state(
                    old, listing, listings.date, marked=bool(kind.marks)
                )
        windows = await self._windows({kind.name: states[kind.name] for kind in kinds})
        found = LookFound(dict(place.states))
        for kind in kinds:
            state = states[kind.name]
            if kind.name in windows:
                state = replace(state, digest=windows[kind.name].digest())
            await self._add_all(
                kind, state, listings, windows.get(kind.name), place, found
            )
        self._looks.done(Reach.FULL, surprised=found.surprised, by=by)
        return found.work(listings, place)

    async def _add_all(
        self,
        kind: ObjectKind,
        new: ReadMark,
        listings: Listings,
        window: Listing | None,
        place: Cursor,
        found: LookFound,
    ) -> None:
        """Add what a full look shows of one kind to ``found``."""
        name, listing = kind.name, listings.kinds[kind.name]
        old = place.states.get(name)
        news = self._news(name, old, listing)
        known = self._known(name, old)
        if old and known:
            fresh = known.lacks(listing)
            found.surprised |= known.is_surprise(fresh, self._near(name, old))
            if kind is SCENES:
                self._hurry_sick(fresh)
        behind = listing if window is None else window
        missed = _missed(old, listing, behind)
        news = news.along(missed)
        if news.bound is not None and kind is not SCENES:
            ids = await self._ids(kind, news.bound, news.ids, listing)
            ids += [row.id for row in missed if row.id not in ids]
            found.renamed.append(Renamed(kind, ids, new, behind))
            return
        if kind is SCENES:
            found.scenes = news
        found.states[name] = new
        self.remember(name, new, behind)

    async def _windows(self, states: Mapping[str, ReadMark]) -> Mapping[str, Listing]:
        """List exactly the window of each state, if a state has no digest yet.

        That is so if much changed lately and a list that reaches further back was
        truncated.
        """
        if all(state.digest is not None for state in states.values()):
            return {}
        bare = {name: ReadMark(state.at) for name, state in states.items()}
        listings = await self._reader.listings(bare)
        return {
            name: listings.kinds[name]
            for name, state in states.items()
            if state.digest is None and name in listings.kinds
        }

    def remember(self, name: str, state: ReadMark, listing: Listing) -> None:
        """Remember the rows of a state, so that a later listing shows what is new."""
        self._keep(name, state, Known.of(listing))

    def _keep(self, name: str, state: ReadMark, known: Known) -> None:
        states = self._seen.setdefault(name, {})
        states.pop(state, None)
        states[state] = known
        # Keep the previous state, too, which is needed if this reading fails.
        for outdated in list(states)[:-2]:
            del states[outdated]

    def _known(self, name: str, state: ReadMark | None) -> Known | None:
        return self._seen.get(name, {}).get(state) if state else None

    def _near(self, name: str, state: ReadMark) -> str:
        """Return the time after which a narrow look lists; new rows normally have a later one."""
        now = self._monotonic()
        at, since = self._since.get(name, ("", now))
        if at != state.at:
            since = now
        self._since[name] = (state.at, since)
        over = not state.again and now - since >= _SETTLED
        return earlier(state.at, -1 if over else BACK)

    def _news(self, name: str, old: ReadMark | None, listing: Listing) -> ToRead:
        """Return what is in a listing and was not read; nothing for a kind that is new to us."""
        if old is None or old.digest == listing.digest():
            return ToRead()
        known = self._known(name, old)
        return find_news(old, listing, known.rows if known else None)

    async def _ids(
        self,
        kind: ObjectKind,
        bound: str,
        known: tuple[str, ...] | None,
        listing: Listing,
    ) -> list[str]:
        """Return the ids of the objects of a kind that changed."""
        if known is not None:
            return list(known)
        if not listing.complete and listing.rows[-1].raw > bound:
            return await self._reader.ids(kind, bound)
        return [row.id for row in listing.rows if row.raw > bound]

    def _hurry_sick(self, fresh: Iterable[ListedObject]) -> None:
        """Try unreadable scenes soon if they have changed."""
        for row in fresh:
            self._reader.sick.hurry(row.id)


def _lasting(state: ReadMark) -> ReadMark:
    """Return a state without its temporary part."""
    return replace(state, again=Again.NO)


def _missed(
    old: ReadMark | None, listing: Listing, then: Listing
) -> list[ListedObject]:
    """Return the rows that changed between two lists, if there was a state before."""
    listed = set(listing.rows)
    return [
        row for row in then.rows if old and row.raw > old.floor and row not in listed
    ]
