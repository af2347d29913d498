"""The requests that we make, each with its deadline, and what guards them."""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
import re
from urllib.parse import quote
from xml.etree.ElementTree import ParseError

from plexapi.server import PlexServer

from ..engine.ports import CHANGING, IsStale, Items, PictureChoice, never
from ..engine.retry import Fault, FaultClass
from .classify import MOVED, NOT_PLEX, UNPARSABLE, WRONG_SERVER, Verdict
from .deadlines import Deadlines
from .items import SectionOf, parse_items
from .library import Identity, Library, identity, parse_identity, parse_libraries
from .listing import CollectionPage, Page, Slice, parse_collections, parse_page
from .markup import parse
from .pictures import parse_pictures
from .same import cut
from .session import PlexSession

# An edit without an id edits the whole library.
NO_ID = Verdict(FaultClass.ITEM, "no_id", permanent=True)
_HAS_ID = re.compile(r"(?:^|&)id=[0-9]+(?:&|$)")


class Line:
    """One server at the other end. Every method raises Fault and nothing else."""

    def __init__(
        self,
        session: PlexSession,
        token: str,
        machine_id: str | None,
    ) -> None:
        """Take the session; without ``machine_id`` no write is ever let through."""
        self.session = session
        self._token = token
        self._machine_id = machine_id
        # The generation of connections over which the machine id was seen.
        self._confirmed: int | None = None
        self._confirming = asyncio.Lock()
        self.version: str | None = None  # of the server, as it last said

    @property
    def _deadlines(self) -> Deadlines:
        return self.session.deadlines

    # Who answers

    async def hello(self) -> Identity:
        """Say hello with the token, through plexapi: ``GET /``."""

        def work() -> Identity:
            try:
                server = PlexServer(  # type: ignore[no-untyped-call]
                    self.session.url, self._token, session=self.session
                )
            except ParseError:
                raise UNPARSABLE.fault() from None
            except AttributeError, TypeError, ValueError:
                # Well-formed, but not what plexapi can read.
                raise NOT_PLEX.fault() from None
            return identity(server._data)  # noqa: SLF001  # plexapi drops startState

        with about_the_server():
            who = await self._ask(work, self._deadlines.read)
        self._confirm(who)
        return who

    async def identify(self) -> None:
        """Ask who answers, as a probe: ``GET /identity``."""
        who = await self._probe(
            lambda: parse_identity(self.session.exchange("GET", "/identity"))
        )
        self._confirm(who)

    async def _assured(self) -> int:
        """Make sure that this is the configured machine; give over which connections it is.

        Asks only where that is in doubt: after whatever broke, or the server
        could not do, and after a silence longer than a connection is kept.
        """
        async with self._confirming:
            if self._machine_id is None:
                raise WRONG_SERVER.fault()
            if self._confirmed != self.session.tally.generation:
                await self.identify()
            assert self._confirmed is not None
            return self._confirmed

    def distrust(self) -> None:
        """Forget that this is the right machine."""
        self._confirmed = None

    def _confirm(self, who: Identity) -> None:
        if self._machine_id is not None and who.machine_id != self._machine_id:
            self._confirmed = None
            raise WRONG_SERVER.fault()
        self._confirmed = self.session.tally.generation
        self.version = who.version or self.version

    # What it holds

    async def libraries(self, *, probe: bool = False) -> tuple[Library, ...]:
        """Ask for all libraries."""
        if probe:
            return await self._probe(self._get_libraries)
        with about_the_server():
            return await self._ask(self._get_libraries, self._deadlines.read)

    async def count(self, library: Library) -> None:
        """Read the least that the database can be asked for, as a probe."""
        await self._probe(lambda: self._get_page(library, Slice(None, 0, 0)))

    async def page(self, library: Library, wanted: Slice) -> Page:
        """Ask for some rows of a library."""
        return await self._ask(
            lambda: self._get_page(library, wanted), self._deadlines.listing
        )

    async def collections(self, section_key: str, wanted: Slice) -> CollectionPage:
        """Ask for some collections of a library, and how many there are."""
        path = f"/library/sections/{section_key}/collections"
        return await self._ask(
            lambda: parse_collections(
                self.session.exchange("GET", path, wanted.query, headers=wanted.paging)
            ),
            self._deadlines.listing,
        )

    async def items(
        self,
        rating_keys: Sequence[str],
        read_at: float,
        section_of: SectionOf,
        known: Mapping[str, bytes],
    ) -> Items:
        """Read items in full, in one request; ``known`` as in ``Server.read``."""
        path = f"/library/metadata/{','.join(rating_keys)}"

        def work() -> Items:
            # By default a read may set off a refresh of the item, and wait for it.
            answer = cut(self.session.exchange("GET", path, "skipRefresh=1"), known)
            found = Items(
                parse_items(
                    parse(answer.rest),
                    read_at=read_at,
                    section_of=section_of,
                    digests=answer.digests,
                )
            )
            found.same = answer.same
            return found

        whole = self._deadlines.read
        return await self._ask(work, whole if len(rating_keys) > 1 else whole / 2)

    async def pictures(self, path: str) -> PictureChoice:
        """List the pictures of one kind that an item has."""

        def work() -> PictureChoice:
            return parse_pictures(parse(self.session.exchange("GET", path)))

        return await self._ask(work, self._deadlines.read / 2)

    # What we change

    async def put(self, path: str, query: str, is_stale: IsStale = never) -> None:
        """Send one edit of one item; raises Fault for one that names no item."""
        if not _HAS_ID.search(query):
            raise NO_ID.fault()
        await self._write("PUT", path, query, None, self._deadlines.edit, is_stale)

    async def post(self, path: str, body: bytes, is_stale: IsStale = never) -> None:
        """Send one picture."""
        await self._write("POST", path, "", body, self._deadlines.upload, is_stale)

    async def select(self, path: str, query: str) -> None:
        """Select one of the pictures that an item has."""
        await self._write("PUT", path, query, None, self._deadlines.edit, never)

    async def unselect(self, path: str) -> None:
        """Let an item show no picture of one kind."""
        await self._write("DELETE", path, "", None, self._deadlines.edit, never)

    async def scan(self, section_key: str, folder: str) -> None:
        """Have a folder of a library looked through for files; Plex does so later."""
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
                # While it was asked who is there, somebody was at the item.
                raise Fault(FaultClass.ITEM, CHANGING, doubtful=True)

            def work(generation: int = generation) -> None:
                self.session.exchange(
                    method,
                    path,
                    query,
                    body=body,
                    generation=generation,
                    write=True,
                )

            try:
                await self._ask(work, deadline)
            except Fault as fault:
                # The connection had been closed meanwhile: ask who is there now.
                if last or fault.reason != MOVED:
                    raise
            else:
                return

    # How

    def _get_libraries(self) -> tuple[Library, ...]:
        return parse_libraries(self.session.exchange("GET", "/library/sections"))

    def _get_page(self, library: Library, wanted: Slice) -> Page:
        path = f"/library/sections/{library.key}/all"
        return parse_page(
            self.session.exchange("GET", path, wanted.query, headers=wanted.paging)
        )

    async def _ask[T](self, work: Callable[[], T], deadline: float) -> T:
        """Run one call."""
        with self._noted():
            return await self.session.call(work, deadline=deadline)

    async def _probe[T](self, work: Callable[[], T]) -> T:
        """Run one call on the probes' own thread."""
        with self._noted(), about_the_server():
            return await self.session.call(
                work, deadline=self._deadlines.probe, probe=True
            )

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
    """Say of what a request for no one item met that it is the server's."""
    try:
        yield
    except Fault as fault:
        if fault.kind is not FaultClass.ITEM:
            raise
        raise Fault(FaultClass.SERVER, fault.reason) from None
