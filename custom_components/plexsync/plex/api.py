"""The requests to Plex, each with its deadline, and the checks that guard them.

A write only goes to the configured machine: whenever another machine may have taken its
place, ``GET /identity`` asks first.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping
import re

from ..engine.model.faults import Fault, FaultClass
from ..engine.model.ports import IsStale, Items, never
from ..engine.model.reasons import Reason
from .client import PlexClient
from .connections import Call
from .items import SectionOf, parse_items
from .library import Identity, Library, parse_identity, parse_libraries
from .listing import Page, Row, Slice, parse_page

_NO_GENERATION = -1
_IDENTITY = 65_536  # bytes of an answer of whoever stands behind an address
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

    # Who answers

    async def identify(
        self, path: str = "/identity", *, probe: bool = True
    ) -> Identity:
        """Ask for the identity, and check that it is the configured one.

        Only ``/`` also checks the token.
        """
        call, doubts = Call(), self._doubts
        who = await self._ask(path, parse_identity, probe=probe, call=call)
        if self._machine_id not in (None, who.machine_id):
            self._confirmed = _NO_GENERATION
            raise Fault(FaultClass.WRONG_SERVER, Reason.WRONG_MACHINE)
        # Trust the connections unless something broke since the call.
        if doubts == self._doubts and call.sent_in is not None:
            self._confirmed = call.sent_in
        self.version = who.version or self.version
        return who

    async def _assured(self) -> int:
        """Make sure that the configured machine answers; return the confirmed generation.

        This asks only if there is a doubt: after a fault of the connection or the server,
        and after a silence longer than a connection is kept.
        """
        async with self._confirming:
            if self._machine_id is None:
                raise Fault(FaultClass.WRONG_SERVER, Reason.WRONG_MACHINE)
            for _ in range(_LOOKS):
                if self._confirmed == self.client.history.generation:
                    break
                await self.identify()
            return self._confirmed

    def distrust(self) -> None:
        """Forget that the right machine answers: the next write checks that again."""
        self._confirmed = _NO_GENERATION
        self._doubts += 1

    # What it holds

    async def libraries(self, *, probe: bool = False) -> tuple[Library, ...]:
        """Ask for all libraries."""
        return await self._ask("/library/sections", parse_libraries, probe=probe)

    async def may_edit(self) -> bool:
        """Return whether the token is the owner's, as far as that shows without an edit.

        Plex refuses home users and shared users both the account and the list of
        accounts; only two refusals count. Two requests at most.
        """
        for path in ("/myplex/account", "/accounts"):
            try:
                await self.get(path, _nothing, self.client.deadlines.probe)
            except Fault as fault:
                if fault.kind is FaultClass.AUTH:
                    continue
            return True
        return False

    async def count(self, library: Library) -> None:
        """Count the items of a library as a probe: the cheapest read from the database."""
        await self._ask(_listing(library), parse_page, Slice(size=0), probe=True)

    async def page(self, library: Library, wanted: Slice) -> Page[Row]:
        """Ask for some rows of a library."""
        path, deadline = _listing(library), self.client.deadlines.listing
        return await self.get(path, parse_page, deadline, wanted)

    async def items(
        self,
        rating_keys: Iterable[str],
        read_at: float,
        section_of: SectionOf,
        known: Mapping[str, bytes] | None,
    ) -> Items:
        """Read items in full, in one request; see ``parse_items``."""
        keys = ",".join(rating_keys)
        return await self.get(
            f"/library/metadata/{keys}",
            lambda body: parse_items(body, read_at, section_of, known),
            self.client.deadlines.read
            if "," in keys
            else self.client.deadlines.read / 2,
            # By default Plex may refresh the item first, and delay the answer until then.
            query="skipRefresh=1",
        )

    async def get[T](
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
        try:
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
        except Fault as fault:
            self._note(fault)
            raise

    async def _ask[T](
        self,
        path: str,
        parse: Callable[[bytes], T],
        wanted: Slice | None = None,
        *,
        probe: bool,
        call: Call | None = None,
    ) -> T:
        """Send a GET request that is about no item: all its faults are the server's.

        A probe takes only a few seconds, and waits behind no other call.
        """
        deadline = self.client.deadlines.probe if probe else self.client.deadlines.read
        try:
            return await self.get(path, parse, deadline, wanted, probe=probe, call=call)
        except Fault as fault:
            if fault.kind is not FaultClass.ITEM:
                raise
            raise Fault(FaultClass.SERVER, fault.reason) from None

    # What we change

    async def put(self, path: str, query: str, is_stale: IsStale = never) -> None:
        """Send an edit of one item; raises Fault if the query names no item."""
        if not _HAS_ID.search(query):
            # An edit without an id edits the whole library.
            raise Fault(FaultClass.ITEM, Reason.NO_ID, permanent=True)
        await self.write("PUT", path, query, is_stale=is_stale)

    async def write(
        self,
        method: str,
        path: str,
        query: str = "",
        body: bytes | None = None,
        is_stale: IsStale = never,
    ) -> None:
        """Send a request that changes something, once the right machine answers."""
        for last in (False, True):
            generation = await self._assured()
            if is_stale():
                # Somebody edited the item while the identity was checked.
                raise Fault(FaultClass.ITEM, Reason.CHANGING, doubtful=True)
            try:
                await self.client.exchange(
                    method,
                    path,
                    query,
                    parse=_nothing,
                    deadline=self.client.deadlines.upload
                    if body
                    else self.client.deadlines.edit,
                    body=body,
                    call=Call(generation),
                    write=True,
                )
            except Fault as fault:
                self._note(fault)
                # The connection was closed meanwhile: check the identity again.
                if last or fault.reason != Reason.MOVED:
                    raise
            else:
                return

    def _note(self, fault: Fault) -> None:
        if fault.kind is not FaultClass.ITEM:
            self.distrust()


def _listing(library: Library) -> str:
    return f"/library/sections/{library.key}/all"


def _nothing(body: bytes) -> None:
    """Parse nothing: a successful answer is all that matters."""


async def who_answers(
    url: str, *, client_id: str, verify_ssl: bool = False
) -> str | None:
    """Return the machine identifier of the Plex server at an address, None if none answers.

    One request, without a token; raises nothing.
    """
    try:
        client = PlexClient(url, "", client_id=client_id, verify_ssl=verify_ssl)
    except ValueError:
        return None
    try:
        answer = await client.download(
            "/identity", deadline=client.deadlines.probe, most=_IDENTITY
        )
        return parse_identity(answer).machine_id
    except Fault:
        return None
    finally:
        await client.aclose()
