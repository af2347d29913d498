"""The requests to Plex, each with its deadline, and the checks that guard them.

A write only goes to the configured machine: whenever another machine may have taken its
place, ``GET /identity`` asks first.
"""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
import re
from urllib.parse import quote

from ..engine.model.faults import Fault, FaultClass
from ..engine.model.ports import IsStale, Items, PictureChoice, never
from ..engine.model.reasons import Reason
from ..engine.util.image_bytes import MAX_IMAGE
from .classify import WRONG_SERVER, FaultRow
from .client import PlexClient
from .connections import Call
from .deadlines import Deadlines
from .items import SectionOf, parse_items
from .library import Identity, Library, parse_identity, parse_libraries
from .listing import CollectionPage, Page, Slice, parse_collections, parse_page
from .markup import parse
from .pictures import parse_pictures
from .same import Cut, cut

# An edit without an id edits the whole library.
NO_ID = FaultRow(FaultClass.ITEM, Reason.NO_ID, permanent=True)
_NO_GENERATION = -1
_LOOKS = 3  # times to ask for the identity if connections break meanwhile
_HAS_ID = re.compile(r"(?:^|&)id=[0-9]+(?:&|$)")


class PlexApi:
    """The API of one server. Every method raises Fault and nothing else."""

    def __init__(self, client: PlexClient, machine_id: str | None) -> None:
        """Take the client; without ``machine_id`` all writes are refused."""
        self.client = client
        self._machine_id = machine_id
        # The generation of connections over which the machine id was confirmed.
        self._confirmed = _NO_GENERATION
        self._doubts = 0  # how often it has been distrusted
        self._confirming = asyncio.Lock()
        self.version: str | None = None  # of the server, from its last answer

    @property
    def _deadlines(self) -> Deadlines:
        return self.client.deadlines

    # Who answers

    async def hello(self) -> Identity:
        """Ask for the identity with the token: ``GET /``."""
        call, doubts = Call(), self._doubts
        with about_the_server():
            deadline = self._deadlines.read
            who = await self._get("/", parse_identity, deadline, call=call)
        self._confirm(who, call, doubts)
        return who

    async def identify(self) -> None:
        """Ask for the identity as a probe: ``GET /identity``."""
        call, doubts = Call(), self._doubts
        who = await self._probe("/identity", parse_identity, call=call)
        self._confirm(who, call, doubts)

    async def _assured(self) -> int:
        """Make sure that the configured machine answers; return the confirmed generation.

        This asks only if there is a doubt: after a fault of the connection or the server,
        and after a silence longer than a connection is kept.
        """
        async with self._confirming:
            if self._machine_id is None:
                raise WRONG_SERVER.fault()
            for _ in range(_LOOKS):
                if self._confirmed == self.client.history.generation:
                    break
                await self.identify()
            return self._confirmed

    def distrust(self) -> None:
        """Forget that the right machine answers."""
        self._confirmed = _NO_GENERATION
        self._doubts += 1

    def _confirm(self, who: Identity, call: Call, doubts: int) -> None:
        """Check who answered; trust the connections unless something broke since the call."""
        if self._machine_id is not None and who.machine_id != self._machine_id:
            self._confirmed = _NO_GENERATION
            raise WRONG_SERVER.fault()
        if doubts == self._doubts and call.sent_in is not None:
            self._confirmed = call.sent_in
        self.version = who.version or self.version

    # What it holds

    async def libraries(self, *, probe: bool = False) -> tuple[Library, ...]:
        """Ask for all libraries."""
        path = "/library/sections"
        if probe:
            return await self._probe(path, parse_libraries)
        with about_the_server():
            return await self._get(path, parse_libraries, self._deadlines.read)

    async def is_refused(self, path: str) -> bool:
        """Return whether Plex refuses a read with this token."""
        try:
            await self.client.exchange(
                "GET", path, parse=_nothing, deadline=self._deadlines.probe
            )
        except Fault as fault:
            return fault.kind is FaultClass.AUTH
        return False

    async def count(self, library: Library) -> None:
        """Count the items of a library as a probe: the cheapest read from the database."""
        await self._probe(_listing(library), parse_page, Slice(None, 0, 0))

    async def page(self, library: Library, wanted: Slice) -> Page:
        """Ask for some rows of a library."""
        deadline = self._deadlines.listing
        return await self._get(_listing(library), parse_page, deadline, wanted)

    async def collections(self, section_key: str, wanted: Slice) -> CollectionPage:
        """Ask for some collections of a library, and for their number."""
        path = f"/library/sections/{section_key}/collections"
        return await self._get(path, parse_collections, self._deadlines.listing, wanted)

    async def items(
        self,
        rating_keys: Sequence[str],
        read_at: float,
        section_of: SectionOf,
        known: Mapping[str, bytes] | None,
    ) -> Items:
        """Read items in full, in one request; ``known`` as in ``Server.read``."""

        def read(body: bytes) -> Items:
            answer = Cut(body) if known is None else cut(body, known)
            found = Items(
                parse_items(
                    answer.rest,
                    read_at=read_at,
                    section_of=section_of,
                    digests=answer.digests,
                )
            )
            found.same = answer.same
            return found

        path = f"/library/metadata/{','.join(rating_keys)}"
        whole = self._deadlines.read
        deadline = whole if len(rating_keys) > 1 else whole / 2
        # By default Plex may refresh the item first, and delay the answer until then.
        return await self._get(path, read, deadline, query="skipRefresh=1")

    async def pictures(self, path: str) -> PictureChoice:
        """Return the pictures of one kind that an item has."""
        return await self._get(
            path, lambda body: parse_pictures(parse(body)), self._deadlines.read / 2
        )

    async def picture(self, path: str) -> bytes:
        """Fetch a picture that an item shows."""
        target = quote(path, safe="/")
        deadline = self._deadlines.read / 2
        return await self.client.download(target, deadline=deadline, most=MAX_IMAGE)

    # What we change

    async def put(self, path: str, query: str, is_stale: IsStale = never) -> None:
        """Send an edit of one item; raises Fault if the query names no item."""
        if not _HAS_ID.search(query):
            raise NO_ID.fault()
        await self._write("PUT", path, query, None, self._deadlines.edit, is_stale)

    async def post(self, path: str, body: bytes, is_stale: IsStale = never) -> None:
        """Upload a picture."""
        await self._write("POST", path, "", body, self._deadlines.upload, is_stale)

    async def select(self, path: str, query: str) -> None:
        """Select one of the pictures that an item has."""
        await self._write("PUT", path, query, None, self._deadlines.edit, never)

    async def unselect(self, path: str) -> None:
        """Select no picture of one kind for an item."""
        await self._write("DELETE", path, "", None, self._deadlines.edit, never)

    async def scan(self, section_key: str, folder: str) -> None:
        """Request a scan of a library's folder; Plex runs it later."""
        path = f"/library/sections/{section_key}/refresh"
        query = f"path={quote(folder, safe='')}"
        await self._write("GET", path, query, None, self._deadlines.read, never)

    async def _write(
        self,
        method: str,
        path: str,
        query: str,
        body: bytes | None,
        deadline: float,
        is_stale: IsStale,
    ) -> None:
        for last in (False, True):
            generation = await self._assured()
            if is_stale():
                # Somebody edited the item while the identity was checked.
                raise Fault(FaultClass.ITEM, Reason.CHANGING, doubtful=True)

            try:
                with self._noted():
                    await self.client.exchange(
                        method,
                        path,
                        query,
                        parse=_nothing,
                        deadline=deadline,
                        body=body,
                        call=Call(generation),
                        write=True,
                    )
            except Fault as fault:
                # The connection was closed meanwhile: check the identity again.
                if last or fault.reason != Reason.MOVED:
                    raise
            else:
                return

    # How

    async def _get[T](
        self,
        path: str,
        parse: Callable[[bytes], T],
        deadline: float,
        wanted: Slice | None = None,
        *,
        query: str = "",
        probe: bool = False,
        call: Call | None = None,
    ) -> T:
        """Send a GET request, for a list with the slice that is wanted."""
        with self._noted():
            return await self.client.exchange(
                "GET",
                path,
                wanted.query if wanted else query,
                parse=parse,
                deadline=deadline,
                headers=wanted.paging if wanted else None,
                call=call,
                probe=probe,
            )

    async def _probe[T](
        self,
        path: str,
        parse: Callable[[bytes], T],
        wanted: Slice | None = None,
        *,
        call: Call | None = None,
    ) -> T:
        """Send a GET request as a probe, which waits behind no other call."""
        with about_the_server():
            deadline = self._deadlines.probe
            return await self._get(path, parse, deadline, wanted, probe=True, call=call)

    @contextmanager
    def _noted(self) -> Iterator[None]:
        try:
            yield
        except Fault as fault:
            if fault.kind is not FaultClass.ITEM:
                self.distrust()
            raise


@contextmanager
def about_the_server() -> Iterator[None]:
    """Turn faults of a request that is not about an item into faults of the server."""
    try:
        yield
    except Fault as fault:
        if fault.kind is not FaultClass.ITEM:
            raise
        raise Fault(FaultClass.SERVER, fault.reason) from None


def _listing(library: Library) -> str:
    return f"/library/sections/{library.key}/all"


def _nothing(body: bytes) -> None:
    """Parse nothing: a successful answer is all that matters."""
