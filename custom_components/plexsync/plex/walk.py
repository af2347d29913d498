"""List a library page by page, in pages that the server can handle, and resumably.

Rows are sorted by the time at which they were added, so new rows come last and shift
nothing. Removed rows shift those after them. Therefore each page begins with the last
row of the page before; if it does not, rows were removed meanwhile.
"""

from collections.abc import Callable
from dataclasses import replace
from urllib.parse import quote

from ..engine.model.faults import Fault
from ..engine.model.reasons import Reason
from .api import PlexApi
from .index import Index, Place, Section
from .listing import FILE_TYPE, PAGE, TYPES_OF, Page, Row, Slice

_HALVINGS = 3  # in a row without a successful page
_TOO_MUCH = frozenset(
    {
        Reason.TIMEOUT,
        Reason.SHORT_ANSWER,
        Reason.RESET,
        Reason.UNPARSABLE,
        Reason.ANSWER_TOO_BIG,
    }
)
_ORDER = "sort=addedAt%3Aasc&includeGuids=1"


class Walker:
    """List libraries; each is walked through once at a time."""

    def __init__(self, index: Index, api: PlexApi, wall: Callable[[], float]) -> None:
        """Take the index for the rows, the API to ask for them, and the wall clock."""
        self._index = index
        self._api = api
        self._wall = wall

    async def walk(self, section: Section, place: Place) -> Place:
        """Store the rest of a listing; return the place at its end.

        After each page the place is kept in the section, and on disk together with the
        rows before it. Raises Fault.
        """
        kinds = TYPES_OF[section.library.type]
        for kind in kinds[kinds.index(place.kind) :]:
            if kind != place.kind:
                place = replace(place, kind=kind, start=0, total=0)
            place = await self._walk_type(section, place)
        return place

    async def _walk_type(self, section: Section, place: Place) -> Place:
        """List the rows of one type.

        If this listing has already shown the first row of a page, it has missed no row
        before it, whatever was added or removed, and whatever the library's counter
        says (each edit of ours changes that). Otherwise rows were removed: the walk
        steps back, first by as many rows as the total has lost and then by more each
        time, until it meets a row that it knows. So a removal costs a page or two, not a
        new start. If stepping back all the way does not help (rows are not in order),
        the page is accepted: the count at the next search will show what is missing.
        """
        uuid, furthest, back = section.library.uuid, place.start, 0
        overlaps = True
        while True:
            before = place.start
            at = before - (overlaps and before > 0)
            page = await self._page(section, place, at)
            if (
                at < before
                and back < furthest
                and not await self._follows(uuid, place, page)
            ):
                back = max(2 * back, place.total - (page.total or 0), 1)
                place = replace(place, start=max(0, furthest - back))
                continue
            start, now = at + page.received, int(self._wall())
            place = replace(
                place,
                start=start,
                total=start if page.total is None else page.total,
                seen=start if place.kind in FILE_TYPE.values() else place.seen,
                # A file with a wrong timestamp may be added in 2098: nothing is newer than now.
                newest=max(
                    [place.newest, *(min(row.added_at, now) for row in page.rows)]
                ),
            )
            await self._index.add(uuid, place.kind, place.listing, page.rows, place)
            section.place = place
            if not page.received or start >= place.total:
                return place
            overlaps = start > before  # a server may send only one row at a time
            if start > furthest:
                furthest, back = start, 0

    async def _follows(self, uuid: str, place: Place, page: Page[Row]) -> bool:
        """Return whether this listing has already shown the first row of a page."""
        if not page.rows:
            return page.received > 0  # rows that cannot be used prove nothing
        return await self._index.has_shown(uuid, place.listing, page.rows[0].rating_key)

    async def _page(self, section: Section, place: Place, at: int) -> Page[Row]:
        """Ask for a page; if it is too large, ask again for half of it."""
        size = section.page_size
        halvings = 0
        while True:
            left = place.total - place.start
            # The overlapping row must not cause an additional page.
            more = at < place.start and left > 0 and left % size.rows == 0
            wanted = Slice(place.kind, at, size.rows + more, _query(place.since))
            try:
                page = await self._api.page(section.library, wanted)
            except Fault as fault:
                refused = wanted.size > PAGE and fault.reason == Reason.BAD_REQUEST
                if (
                    not (refused or fault.reason in _TOO_MUCH)
                    or not await self._is_there(fault)
                    or not size.shrink()
                    # After a failed walk, try once, and with a smaller page next time.
                    or halvings == (0 if size.is_failing else _HALVINGS)
                ):
                    size.is_failing = True
                    raise
                halvings += 1
            else:
                size.went_well()
                return page

    async def _is_there(self, fault: Fault) -> bool:
        """Return whether the server answers; if not, the size of the page is not the cause."""
        if not fault.unreachable:
            return True
        try:
            await self._api.libraries(probe=True)
        except Fault:
            return False
        return True


def _query(since: int | None) -> str:
    return _ORDER if since is None else f"{quote('addedAt>>')}={since}&{_ORDER}"
