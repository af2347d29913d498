"""A Plex Media Server, as the engine and the config flow see it."""

from collections.abc import Callable, Mapping, Sequence
import time
from urllib.parse import quote

from ..engine.model.faults import Fault, FaultClass
from ..engine.model.ports import (
    FieldEdit,
    Folder,
    IsStale,
    Item,
    Items,
    Match,
    PictureChoice,
    never,
)
from ..engine.model.reasons import Reason
from ..engine.model.record import Find
from . import paths, pictures
from .api import NO_ID, PlexApi
from .catalogue import Catalogue
from .client import PlexClient
from .deadlines import Deadlines
from .guids import canonical
from .index import Index, Transactions
from .items import Handle, is_rating_key
from .library import Identity, Library
from .listing import PAGE, Collection, Row, Slice
from .matching import Matcher
from .probe import DatabaseProbe
from .reading import Reader
from .writer import Lists, Write


class PlexMediaServer:
    """Implement the engine's ``Server``, and what the config flow needs.

    Every method raises ``Fault``; those that need the index also raise the errors of its
    database. Without ``machine_id`` nothing is ever written; without ``transactions``
    nothing can be matched or read.
    """

    def __init__(
        self,
        url: str,
        token: str,
        *,
        client_id: str,
        version: str = "0",
        verify_ssl: bool = True,
        machine_id: str | None = None,
        libraries: frozenset[str] = frozenset(),
        transactions: Transactions | None = None,
        monotonic: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
        deadlines: Deadlines | None = None,
    ) -> None:
        """Take the address and the uuids of the chosen libraries, without connecting.

        Raises ValueError for an invalid URL.
        """
        self._client = PlexClient(
            url,
            token,
            client_id=client_id,
            version=version,
            verify_ssl=verify_ssl,
            deadlines=deadlines,
        )
        self._api = PlexApi(self._client, machine_id)
        self._chosen = libraries
        self._catalogue: Catalogue | None = None
        self._probe: DatabaseProbe | None = None
        if transactions is not None and libraries:
            self._catalogue = Catalogue(
                Index(transactions), self._api, libraries, monotonic, wall
            )
            self._probe = DatabaseProbe(self._api, self._catalogue, monotonic)
            self._matcher = Matcher(self._catalogue, monotonic)
            self._reader = Reader(self._api, self._catalogue.section_of, monotonic)
        self._lists = Lists(self._catalogue.index if self._catalogue else None)

    @property
    def attempts(self) -> int:
        """Attempts to connect so far, including refused ones."""
        return self._client.history.attempts

    @property
    def requests(self) -> int:
        """Requests made so far, answered or not."""
        return self._client.history.requests

    @property
    def version(self) -> str | None:
        """The server's version, from its last identity."""
        return self._api.version

    async def close(self) -> None:
        """Reset all connections and end all calls."""
        await self._client.aclose()

    # For the config flow

    async def connect(self) -> Identity:
        """Ask for the identity with the token; one request."""
        return await self._api.hello()

    async def libraries(self) -> tuple[Library, ...]:
        """Ask for all libraries, chosen or not; one request."""
        return await self._api.libraries()

    async def may_edit(self) -> bool:
        """Return whether the token is the owner's, as far as that shows without an edit.

        Plex refuses home users and shared users both the account and the list of
        accounts; only two refusals count. Two requests at most.
        """
        return not (
            await self._api.is_refused("/myplex/account")
            and await self._api.is_refused("/accounts")
        )

    async def known_libraries(self) -> tuple[Library, ...]:
        """Return the remembered data of the chosen libraries; no request."""
        if (catalogue := self._catalogue) is None:
            return ()
        await catalogue.open()
        return tuple(section.library for section in catalogue.sections.values())

    async def sample_paths(self, limit: int = 200) -> tuple[str, ...]:
        """Return a sample of the libraries' normal paths; no request."""
        if (catalogue := self._catalogue) is None:
            return ()
        await catalogue.open()
        share = max(1, limit // max(1, len(catalogue.sections)))
        found: list[str] = []
        for uuid in catalogue.sections:
            found += await catalogue.index.sample(uuid, share)
        return tuple(found)

    # Probes

    async def probe_process(self) -> None:
        """Check that the configured machine answers; one request."""
        await self._api.identify()

    async def probe_database(self) -> None:
        """Check that the database can be read, and that a chosen library exists.

        One request, sometimes two. Raises Fault of class item, ``library_gone``, if the
        server is well but has none of the chosen libraries.
        """
        if self._probe is None:
            await self._api.libraries(probe=True)
        else:
            await self._probe.run()

    def distrust(self) -> None:
        """Forget that the right machine answers: the next write checks that again."""
        self._api.distrust()

    # Finding and reading

    async def recall(self, finds: Sequence[Find]) -> list[Match]:
        """Return remembered matches; no request."""
        if self._catalogue is None:
            return [Match(reason=Reason.OUTSIDE_LIBRARIES) for _ in finds]
        return await self._matcher.recall(finds)

    async def match(
        self, finds: Sequence[Find], avoid: frozenset[str] = frozenset()
    ) -> list[Match]:
        """Return the match of each find, in order, in the chosen libraries."""
        if self._catalogue is None:
            return [Match(reason=Reason.OUTSIDE_LIBRARIES) for _ in finds]
        return await self._matcher.match(finds, avoid)

    async def catch_up(self, avoid: frozenset[str]) -> Mapping[str, Fault]:
        """Find items that were added to libraries that were listed before."""
        return {} if self._catalogue is None else await self._matcher.catch_up(avoid)

    def confirms(self, find: Find, item: Item) -> bool:
        """Return whether an item that was read is the one that was looked for.

        A rating key is a cache, the path is the identity: a key together with paths only
        matches an item that has one of these paths.
        """
        if find.rating_key not in (None, item.rating_key):
            return False
        if find.rating_key is not None and not find.paths:
            return True
        held = set(map(paths.key, item.paths))
        if any(paths.key(path) in held for path in find.paths):
            return True
        handle = item.handle
        return isinstance(handle, Handle) and not handle.guids.isdisjoint(
            map(canonical, find.guids)
        )

    async def learn(self, items: Sequence[Item]) -> None:
        """Remember the files of items that were read; no request."""
        if (catalogue := self._catalogue) is None:
            return
        await catalogue.open()
        for item in items:
            section, handle = catalogue.sections.get(item.section), item.handle
            # A library that was never listed will get a full listing later.
            if section and section.listing and item.paths:
                assert isinstance(handle, Handle)
                files = list(map(paths.normal, item.paths))
                row = Row(int(item.rating_key), 0, files, set(handle.guids))
                await catalogue.index.add(
                    item.section, handle.type_number, section.listing, [row]
                )

    async def forget(self, rating_keys: Sequence[str]) -> None:
        """Forget the files of these items."""
        if self._catalogue is not None:
            await self._catalogue.index.forget(rating_keys)

    async def read(
        self, rating_keys: Sequence[str], known: Mapping[str, bytes] | None = None
    ) -> Items:
        """Read items in full, at most 100 in one request; see ``Reader.read``."""
        if self._catalogue is None:
            return Items()
        await self._matcher.ready()
        return await self._reader.read(rating_keys, known)

    async def collections(self, item: Item) -> dict[str, int]:
        """Return the number of members of each collection in the item's library, by title.

        Smart collections do not count. If two collections have the same title, the
        smaller one decides whether a member is the last, unless it is empty: then the
        item cannot be in it.
        """
        key = self._handle(item).section_key
        found: dict[str, Collection] = {}
        start, total = 0, 1
        while start < total:
            page = await self._api.collections(key, Slice(None, start, PAGE))
            # A collection that is on two pages is the same one.
            found |= {
                each.key or f"{start}:{n}": each for n, each in enumerate(page.found)
            }
            start += page.received
            total = (page.total or 0) if page.received else 0
        counts: dict[str, int] = {}
        for each in found.values():
            known = counts.get(each.title, 0)
            counts[each.title] = min(each.members or known, known or each.members)
        return counts

    # Looking for new files

    async def folders(self, files: Sequence[str]) -> list[Folder]:
        """Return the folders of these files in the chosen libraries; no request."""
        if (catalogue := self._catalogue) is None:
            return []
        await catalogue.open()
        found: dict[Folder, None] = {}
        for uuid in catalogue.present():
            library = catalogue.sections[uuid].library
            for root in library.locations:
                for path in files:
                    if (folder := paths.folder_in(root, path)) is not None:
                        found[Folder(uuid, paths.key(folder), folder)] = None
        return list(found)

    async def scan(self, folder: Folder) -> None:
        """Request a scan of a folder for new files; one request."""
        if (catalogue := self._catalogue) is None:
            raise Fault(FaultClass.ITEM, Reason.OUTSIDE_LIBRARIES, permanent=True)
        section = catalogue.sections[folder.library]
        await self._api.scan(section.library.key, folder.path)

    # Writing

    async def edit(
        self,
        item: Item,
        edits: Sequence[FieldEdit],
        is_stale: IsStale = never,
        *,
        apart: bool = False,
    ) -> Mapping[str, str]:
        """Apply field edits to an item; a single request if it fits and is accepted."""
        write = Write(
            self._api, self._lists, self._read, item, self._handle(item), is_stale
        )
        return await write.run(edits, apart=apart)

    async def _read(self, rating_key: str) -> Item | None:
        return (await self.read([rating_key])).get(rating_key)

    async def upload(
        self, item: Item, field_name: str, data: bytes, is_stale: IsStale = never
    ) -> None:
        """Upload, select and lock a picture (poster or background); one request."""
        path = self._pictures_of(item, field_name)
        pictures.check(data)
        await self._api.post(path, data, is_stale)

    async def pictures(self, item: Item, field_name: str) -> PictureChoice:
        """Return the pictures that the item has for a field; one request."""
        return await self._api.pictures(self._pictures_of(item, field_name))

    async def picture(self, rating_key: str, field_name: str) -> bytes | None:
        """Fetch what an item of a chosen library shows for one field; two requests."""
        item = (await self.read([rating_key])).get(rating_key)
        path = item.fields.get(field_name) if item else None
        # The path is Plex's word: it leads nowhere but into its own items.
        if not isinstance(path, str) or not path.startswith("/library/metadata/"):
            return None
        return await self._api.picture(path)

    async def select(self, item: Item, field_name: str, key: str) -> None:
        """Select one of its pictures, which locks the field; one request."""
        path = self._pictures_of(item, field_name).removesuffix("s")
        await self._api.select(path, f"url={quote(key, safe='')}")

    async def unselect(self, item: Item, field_name: str) -> None:
        """Select no picture, until Plex chooses one; one request."""
        await self._api.unselect(self._pictures_of(item, field_name).removesuffix("s"))

    def _pictures_of(self, item: Item, field_name: str) -> str:
        self._handle(item)
        endpoint = pictures.ENDPOINTS[field_name]
        return f"/library/metadata/{item.rating_key}/{endpoint}"

    def _handle(self, item: Item) -> Handle:
        """Return the handle to write an item; raises Fault if it must not be written."""
        handle = item.handle
        if (
            not is_rating_key(item.rating_key)
            or not isinstance(handle, Handle)
            or not is_rating_key(handle.section_key)
        ):
            raise NO_ID.fault()
        if item.section not in self._chosen:
            raise Fault(FaultClass.ITEM, Reason.OUTSIDE_LIBRARIES, permanent=True)
        return handle
