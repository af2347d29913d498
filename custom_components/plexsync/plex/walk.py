"""Listing a library page by page: at a size that the server manages, from where it stopped.

Rows come in the order in which they were added, so that new ones come last and
shift nothing. Ones that go shift what follows: each page begins with the last row
of the page before, and one that does not was overtaken by a removal.
"""

from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import replace
from typing import Protocol
from urllib.parse import quote

from ..engine.retry import Fault
from .index import Index, Place
from .library import Library
from .listing import FILE_TYPE, PAGE, SHOW_TYPE, Page, PageSize, Row, Slice

_HALVINGS = 3  # in a row, without a row received
_TOO_MUCH = frozenset(
    {"timeout", "short_answer", "reset", "unparsable", "answer_too_big"}
)
_ORDER = "sort=addedAt%3Aasc&includeGuids=1"


class Lister(Protocol):
    """The requests that listing takes. Raises Fault."""

    async def page(self, library: Library, wanted: Slice) -> Page:
        """Return some rows of a library."""

    async def libraries(self, *, probe: bool = False) -> tuple[Library, ...]:
        """Ask for all libraries; as a probe it takes a few seconds at most."""


class Walker:
    """Lists libraries; one walk at a time through each."""

    def __init__(self, index: Index, lister: Lister, wall: Callable[[], float]) -> None:
        """Take where the rows go, whom to ask for them, and what time it is."""
        self._index = index
        self._lister = lister
        self._wall = wall
        self._sizes: dict[str, PageSize] = {}

    async def walk(self, library: Library, place: Place) -> AsyncIterator[Place]:
        """Take in what is left of a listing; give the place after each page.

        The place is on disk by then, with the rows before it. Raises Fault.
        """
        kinds = types_of(library)
        for kind in kinds[kinds.index(place.kind) :]:
            if kind != place.kind:
                place = replace(place, kind=kind, start=0, total=0)
            begun = place
            async for place in self._walk_type(library, begun):
                yield place

    async def _walk_type(self, library: Library, place: Place) -> AsyncIterator[Place]:
        """List the rows of one type.

        If the first row of a page was shown before, no row in front of it was
        missed, whatever came or went, and whatever the library's counter says
        (each edit of ours moves it). Else rows have gone: the walk steps back, by
        as many as the total lacks and then by ever more, until it meets a row
        that it knows. So a removal costs a page or two, not a new beginning.
        Where even the whole way back does not help (an order that is none) the
        page is taken as it is: the count at the next look tells.
        """
        furthest, back = place.start, 0
        overlaps = True
        while True:
            before = place.start
            at = before - (overlaps and before > 0)
            page = await self._page(library, place, at)
            if (
                at < before
                and back < furthest
                and not await self._follows(library, place, page)
            ):
                back = max(2 * back, place.total - (page.total or 0), 1)
                place = replace(place, start=max(0, furthest - back))
                continue
            start, now = at + page.received, int(self._wall())
            rows = _once(page.rows, files=place.kind != SHOW_TYPE)
            place = replace(
                place,
                start=start,
                total=start if page.total is None else page.total,
                seen=start if place.kind in FILE_TYPE.values() else place.seen,
                # A file with a broken clock was added in 2098: nothing is newer than now.
                newest=max([place.newest, *(min(row.added_at, now) for row in rows)]),
            )
            await self._index.add(library.uuid, place.kind, place.listing, rows, place)
            yield place
            if not page.received or start >= place.total:
                return
            overlaps = start > before  # a server may give one row at a time
            if start > furthest:
                furthest, back = start, 0

    async def _follows(self, library: Library, place: Place, page: Page) -> bool:
        """Return whether a page begins with a row that this listing has shown."""
        if not page.rows:
            return page.received > 0  # rows that are none of ours prove nothing
        first = page.rows[0].rating_key
        return await self._index.has_shown(library.uuid, place.listing, first)

    async def _page(self, library: Library, place: Place, at: int) -> Page:
        """Ask for some rows; what is too much is asked for again at half the size."""
        size = self._sizes.setdefault(library.uuid, PageSize())
        halvings = 0
        while True:
            left = place.total - place.start
            # The row that is looked at twice shall not cost a page of its own.
            more = at < place.start and left > 0 and left % size.rows == 0
            wanted = Slice(place.kind, at, size.rows + more, _query(place.since))
            try:
                page = await self._lister.page(library, wanted)
            except Fault as fault:
                if (
                    not _is_too_much(fault, wanted.size)
                    or not await self._is_there(fault)
                    or not size.shrink()
                    # What failed all along is asked for once: next time less of it.
                    or halvings == (0 if size.is_failing else _HALVINGS)
                ):
                    size.is_failing = True
                    raise
                halvings += 1
            else:
                size.went_well()
                return page

    async def _is_there(self, fault: Fault) -> bool:
        """Return whether the server answers at all; else no page is to blame for its size."""
        if not fault.unreachable:
            return True
        try:
            await self._lister.libraries(probe=True)
        except Fault:
            return False
        return True


def types_of(library: Library) -> tuple[int, ...]:
    """Return the types to list of a library, the one that carries files first."""
    if library.type == "show":
        return FILE_TYPE["show"], SHOW_TYPE
    return (FILE_TYPE[library.type],)


def _query(since: int | None) -> str:
    return _ORDER if since is None else f"{quote('addedAt>>')}={since}&{_ORDER}"


def _is_too_much(fault: Fault, rows: int) -> bool:
    return fault.reason in _TOO_MUCH or (rows > PAGE and fault.reason == "bad_request")


def _once(rows: Iterable[Row], *, files: bool) -> list[Row]:
    """Drop rows that a page repeats, because something was inserted meanwhile."""
    by_key = {row.rating_key: row for row in rows}
    if not files:
        for row in by_key.values():
            row.paths.clear()
    return list(by_key.values())
