"""A Plex Media Server, as the engine sees it."""

from collections.abc import Callable, Mapping, Sequence
from itertools import batched, chain
import time
from urllib.parse import quote

from ..engine.database.database import Database
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
from ..engine.util.image_bytes import MAX_IMAGE
from . import paths, pictures
from .api import PlexApi
from .catalogue import Catalogue
from .client import PlexClient
from .deadlines import Deadlines
from .guids import canonical
from .index import Index
from .items import Handle, is_rating_key
from .library import Library
from .listing import Collection, Row, Slice, parse_collections
from .matching import Matcher
from .writer import Write

_TOGETHER = 100  # items in one read
_LIST_AGAIN = 600.0  # seconds after which a probe asks for the list of libraries
_COUNT_AGAIN = 6 * 3600.0  # seconds until a library that failed is counted again
_MISSING = FaultClass.ITEM, Reason.NOT_FOUND


class PlexMediaServer:
    """Implement the engine's ``Server``; what the engine does not need is for flows.

    Every method raises ``Fault``; those that need the index also raise the errors of its
    database.
    """

    def __init__(
        self,
        url: str,
        token: str,
        *,
        client_id: str,
        machine_id: str,
        libraries: frozenset[str],
        transactions: Database,
        verify_ssl: bool = True,
        monotonic: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
        deadlines: Deadlines | None = None,
    ) -> None:
        """Take the address and the uuids of the chosen libraries, without connecting.

        The index lies in the database of ``transactions``. Raises ValueError for an
        invalid URL.
        """
        self._client = PlexClient(
            url,
            token,
            client_id=client_id,
            verify_ssl=verify_ssl,
            deadlines=deadlines,
        )
        self._api = PlexApi(self._client, machine_id)
        self._chosen = libraries
        self._monotonic = monotonic
        self._index = Index(transactions)
        self._catalogue = Catalogue(self._index, self._api, libraries, monotonic, wall)
        self._matcher = Matcher(self._catalogue, monotonic)

    @property
    def attempts(self) -> int:
        """Attempts to connect so far, including refused ones."""
        return self._client.history.attempts

    @property
    def version(self) -> str | None:
        """The server's version, from its last identity."""
        return self._api.version

    async def close(self) -> None:
        """Reset all connections and end all calls."""
        await self._client.aclose()

    # For flows

    async def libraries(self) -> tuple[Library, ...]:
        """Ask for all libraries, chosen or not; one request."""
        return await self._api.libraries()

    async def known_libraries(self) -> tuple[Library, ...]:
        """Return the remembered data of the chosen libraries; no request."""
        await self._catalogue.open()
        return tuple(each.library for each in self._catalogue.sections.values())

    async def sample_paths(self, limit: int = 200) -> tuple[str, ...]:
        """Return a sample of the libraries' normal paths; no request."""
        await self._catalogue.open()
        sections = self._catalogue.sections
        share = max(1, limit // max(1, len(sections)))
        samples = [await self._index.sample(uuid, share) for uuid in sections]
        return tuple(chain.from_iterable(samples))

    # Probes

    async def probe_process(self) -> None:
        """Check that the configured machine answers; one request."""
        await self._api.identify()

    async def probe_database(self) -> None:
        """Check that the database can be read, and that a chosen library exists.

        The items of one library are counted; if that fails, the list of libraries
        decides, so a library that alone is broken fails no probe. One request, sometimes
        three. Raises Fault of class item, ``library_gone``, if the server is well but has
        none of the chosen libraries.
        """
        catalogue, now = self._catalogue, self._monotonic()
        await catalogue.open()
        if catalogue.is_stale(_LIST_AGAIN):
            await self._probe_list()
        for section in catalogue.present().values():
            if now - section.count_failed > _COUNT_AGAIN:
                try:
                    await self._api.count(section.library)
                except Fault:
                    section.count_failed = now
                    break
                return
        await self._probe_list()

    async def _probe_list(self) -> None:
        if not await self._catalogue.accept(await self._api.libraries(probe=True)):
            raise Fault(FaultClass.ITEM, Reason.LIBRARY_GONE)

    def distrust(self) -> None:
        """Forget that the right machine answers: the next write checks that again."""
        self._api.distrust()

    # Finding and reading

    async def recall(self, finds: Sequence[Find]) -> list[Match]:
        """Return remembered matches; no request."""
        return await self._matcher.recall(finds)

    async def match(
        self, finds: Sequence[Find], avoid: frozenset[str] = frozenset()
    ) -> list[Match]:
        """Return the match of each find, in order, in the chosen libraries."""
        return await self._matcher.match(finds, avoid)

    async def catch_up(self, avoid: frozenset[str]) -> Mapping[str, Fault]:
        """Find items that were added to libraries that were listed before."""
        return await self._matcher.catch_up(avoid)

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
        return not item.handle.guids.isdisjoint(map(canonical, find.guids))

    async def learn(self, items: Sequence[Item]) -> None:
        """Remember the files of items that were read; no request."""
        await self._catalogue.open()
        for item in items:
            section = self._catalogue.sections.get(item.section)
            # A library that was never listed will get a full listing later.
            if section and section.listing and item.paths:
                handle: Handle = item.handle
                files = list(map(paths.normal, item.paths))
                row = Row(int(item.rating_key), 0, files, set(handle.guids))
                await self._index.add(
                    item.section, handle.type_number, section.listing, [row]
                )

    async def forget(self, rating_keys: Sequence[str]) -> None:
        """Forget the files of these items."""
        await self._index.forget(rating_keys)

    async def read(
        self, rating_keys: Sequence[str], known: Mapping[str, bytes] | None = None
    ) -> Items:
        """Read items in full, at most 100 in one request.

        Those that are missing or in other libraries are left out. Raises Fault, which one
        of several items may have caused. A 404 from Plex only means that an item is
        missing if it was the only one asked for.
        """
        await self._matcher.ready()
        found, section_of = Items(), self._catalogue.section_of
        wanted = [each for each in dict.fromkeys(rating_keys) if is_rating_key(each)]
        for some in batched(wanted, _TOGETHER, strict=False):
            began = self._monotonic()
            try:
                found.add(await self._api.items(some, began, section_of, known))
            except Fault as fault:
                is_missing = (fault.kind, fault.reason) == _MISSING
                if not is_missing or len(wanted) > 1:
                    raise
        return found

    async def collections(self, item: Item) -> dict[str, int]:
        """Return the number of members of each collection in the item's library, by title.

        Smart collections do not count. If two collections have the same title, the
        smaller one decides whether a member is the last, unless it is empty: then the
        item cannot be in it.
        """
        path = f"/library/sections/{self._handle(item).section_key}/collections"
        deadline = self._client.deadlines.listing
        found: dict[tuple[str, str], Collection] = {}
        start, total = 0, 1
        while start < total:
            wanted = Slice(start=start)
            page = await self._api.get(path, parse_collections, deadline, wanted)
            # A collection that is on two pages is the same one.
            found |= {(each.key, each.title): each for each in page.rows}
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
        await self._catalogue.open()
        found: dict[Folder, None] = {}
        for uuid in self._catalogue.present():
            library = self._catalogue.sections[uuid].library
            for root in library.locations:
                for path in files:
                    if (folder := paths.folder_in(root, path)) is not None:
                        found[Folder(uuid, paths.key(folder), folder)] = None
        return list(found)

    async def scan(self, folder: Folder) -> None:
        """Request a scan of a folder for new files; one request."""
        key = self._catalogue.sections[folder.library].library.key
        query = f"path={quote(folder.path, safe='')}"
        await self._api.write("GET", f"/library/sections/{key}/refresh", query)

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
        write = Write(self._api, self._index, self._read, item, self._handle(item))
        return await write.run(edits, is_stale, apart=apart)

    async def _read(self, rating_key: str) -> Item | None:
        return (await self.read([rating_key])).get(rating_key)

    async def upload(
        self, item: Item, field_name: str, data: bytes, is_stale: IsStale = never
    ) -> None:
        """Upload, select and lock a picture (poster or background); one request."""
        path = self._pictures_of(item, field_name)
        pictures.check(data)
        await self._api.write("POST", path, body=data, is_stale=is_stale)

    async def pictures(self, item: Item, field_name: str) -> PictureChoice:
        """Return the pictures that the item has for a field; one request."""
        path, deadline = (
            self._pictures_of(item, field_name),
            self._client.deadlines.read / 2,
        )
        return await self._api.get(path, pictures.parse_pictures, deadline)

    async def picture(self, rating_key: str, field_name: str) -> bytes | None:
        """Fetch what an item of a chosen library shows for one field; two requests."""
        item = await self._read(rating_key)
        path = item.fields.get(field_name) if item else None
        # The path is Plex's word: it leads nowhere but into its own items.
        if not isinstance(path, str) or not path.startswith("/library/metadata/"):
            return None
        return await self._client.download(
            quote(path, safe="/"),
            deadline=self._client.deadlines.read / 2,
            most=MAX_IMAGE,
        )

    async def select(self, item: Item, field_name: str, key: str) -> None:
        """Select one of its pictures, which locks the field; one request."""
        path = self._pictures_of(item, field_name).removesuffix("s")
        await self._api.write("PUT", path, f"url={quote(key, safe='')}")

    async def unselect(self, item: Item, field_name: str) -> None:
        """Select no picture, until Plex chooses one; one request."""
        path = self._pictures_of(item, field_name).removesuffix("s")
        await self._api.write("DELETE", path)

    def _pictures_of(self, item: Item, field_name: str) -> str:
        self._handle(item)
        endpoint = pictures.ENDPOINTS[field_name]
        return f"/library/metadata/{item.rating_key}/{endpoint}"

    def _handle(self, item: Item) -> Handle:
        """Return the handle to write an item; raises Fault if it must not be written."""
        handle: Handle = item.handle
        if not is_rating_key(item.rating_key) or not is_rating_key(handle.section_key):
            raise Fault(FaultClass.ITEM, Reason.NO_ID, permanent=True)
        if item.section not in self._chosen:
            raise Fault(FaultClass.ITEM, Reason.OUTSIDE_LIBRARIES, permanent=True)
        return handle
