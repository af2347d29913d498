"""Our side: the real engine, on its SQLite file, against a server on a real socket."""

import asyncio
from collections.abc import AsyncIterable, AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from sqlite3 import Connection
from tempfile import TemporaryDirectory
from typing import Never
from xml.etree.ElementTree import fromstring

from aiohttp import ClientSession

from custom_components.plexsync.plex.index import SCHEMA
from custom_components.plexsync.plex.server import PlexMediaServer

from .meters import CountingDatabase
from .processes import TOKEN
from .product import Find, Images, Priority, Record, State, layout, make_engine, reasons
from .work import wanted

_LOOK = 0.005  # seconds between two looks at what is left


class _NoImages:
    async def fetch(
        self, source: str, image: object, known: str | None, files: object = ()
    ) -> Never:
        raise AssertionError("no record of the benchmark has a picture")


class Ours:
    """An engine at work."""

    def __init__(
        self,
        url: str,
        machine_id: str,
        library: str,
        file: Path,
        images: Images | None = None,
    ) -> None:
        """Put it together as the integration does."""
        self.database = CountingDatabase(file, layout(SCHEMA))
        self._server = PlexMediaServer(
            url,
            TOKEN,
            client_id="bench",
            machine_id=machine_id,
            libraries=frozenset({library}),
            transactions=self.database,
        )
        self._changed = asyncio.Event()
        self.engine = make_engine(
            self.database, self._server, images or _NoImages(), self._changed.set
        )

    async def list_library(self) -> None:
        """Look for one item, for which an empty index lists the whole library."""
        match = (await self._server.match([Find((wanted(1).path,))]))[0]
        if match.rating_key is None:
            raise RuntimeError("the simulated library is not what it was thought to be")

    async def submit(self, pages: AsyncIterable[list[Record]]) -> None:
        """Hand records over as a source does."""
        async for page in pages:
            await self.engine.submit(page, Priority.BULK)

    async def drained(self) -> None:
        """Wait until no job is left. Raises RuntimeError if one failed."""
        while True:
            self._changed.clear()
            if not await self.database.run(_any_left, durable=False):
                break
            await asyncio.sleep(_LOOK)
            await self._changed.wait()
        if failed := await reasons(self.engine):
            raise RuntimeError(f"jobs failed: {failed}")

    async def is_open(self) -> None:
        """Wait until the circuit is open."""
        while self.engine.circuit.breaker.state is not State.OPEN:
            await asyncio.sleep(_LOOK)

    async def left(self) -> int:
        """Count the jobs that are left."""
        return (await self.engine.snapshot()).pending


async def _said(url: str, path: str, name: str) -> str:
    """Return the first value that a Plex gives an attribute, whichever checkout is measured."""
    async with (
        ClientSession(headers={"X-Plex-Token": TOKEN}) as session,
        session.get(f"{url}{path}") as answer,
    ):
        nodes = fromstring(await answer.text()).iter()  # noqa: S314  # our own simulator
    return next(value for node in nodes if (value := node.get(name)))


def _any_left(db: Connection) -> bool:
    """Ask for as little as possible: this is no part of the work."""
    found = db.execute("SELECT 1 FROM job WHERE failed = 0 LIMIT 1").fetchone()
    return found is not None


@asynccontextmanager
async def ours(
    url: str,
    *,
    held: bool = False,
    file: Path | None = None,
    images: Images | None = None,
) -> AsyncIterator[Ours]:
    """Run an engine of ours with an empty database, or with one that stays.

    `held` has it switched off.
    """
    machine_id = await _said(url, "/identity", "machineIdentifier")
    library = await _said(url, "/library/sections", "uuid")
    with TemporaryDirectory(prefix="plexsync-bench-") as folder:
        place = file or Path(folder, "plexsync.db")
        side = Ours(url, machine_id, library, place, images)
        await side.engine.open()
        if held:
            await side.engine.switch(False)
        running = asyncio.create_task(side.engine.run())
        try:
            yield side
        finally:
            running.cancel()
            with suppress(asyncio.CancelledError):
                await running
            await side.engine.close()
