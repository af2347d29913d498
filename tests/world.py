"""One engine and one listener in virtual time, joined as the coordinator joins them."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
import contextlib
from pathlib import Path
from random import Random
from typing import Any

import aiohttp

from custom_components.plexsync.engine.database.database import Database
from custom_components.plexsync.engine.engine import Engine
from custom_components.plexsync.engine.jobs.job import Priority
from custom_components.plexsync.engine.layout import LAYOUT
from custom_components.plexsync.engine.model.events import (
    CircuitMoved,
    CircuitOpened,
    Event,
    HoldChanged,
)
from custom_components.plexsync.engine.model.ports import WantsScan, nobody_does
from custom_components.plexsync.engine.model.record import Find, Record
from custom_components.plexsync.engine.util.clock import Clock
from custom_components.plexsync.plex.deadlines import Deadlines
from custom_components.plexsync.plex.events import PlexEvents
from custom_components.plexsync.plex.index import SCHEMA as INDEX_SCHEMA
from tests.rig import Gallery, MemoryStore, library, server_of
from tests.simulators.plex import PlexSimulator
from tests.virtual import virtual

EPOCH = 1_700_000_000.0
HOUR = 3600.0


class World:
    """One engine and one listener, joined as the coordinator joins them, in virtual time."""

    def __init__(
        self,
        plex: PlexSimulator,
        folder: Path,
        session: aiohttp.ClientSession,
        seed: int,
        wants_scan: WantsScan,
    ) -> None:
        """Put everything together; nothing is open yet."""
        loop = virtual()
        self.plex = plex
        self.changed = asyncio.Event()
        self.opened: float | None = None
        self.accepted: list[float] = []
        self.edited: list[float] = []
        database = Database(
            folder / f"{seed}.db", LAYOUT.beside(INDEX_SCHEMA), inline=True
        )
        self.server = server_of(plex.core, plex.url, database, monotonic=loop.time)
        self.engine = Engine(
            database,
            self.server,
            Gallery(),
            store=MemoryStore(),
            clock=Clock(loop.time, lambda: EPOCH + loop.time()),
            random=Random(seed),
            wants_scan=wants_scan,
            tell=self._heard,
        )
        circuit = self.engine.circuit
        self.events = PlexEvents(
            session,
            plex.url,
            plex.token,
            client_id="world",
            allowed=circuit.may_listen,
            contact=self._contact,
            arrived=self._arrived,
            changed=self.engine.plex_notices.void,
            random=Random(-seed),
        )
        plex.core.subscribe(self._told)

    def _heard(self, event: Event) -> None:
        self.changed.set()
        if isinstance(event, CircuitOpened) and self.opened is None:
            self.opened = virtual().time()
        if isinstance(event, CircuitMoved | HoldChanged):
            self.events.look()

    def _contact(self, there: bool) -> None:
        if there:
            self.accepted.append(virtual().time())
        self.engine.health.sighted(there)

    async def _arrived(self, keys: Sequence[str]) -> None:
        await self.engine.arrivals.came(keys)

    def _told(self, event: Any) -> None:
        if event["type"] == "timeline":
            self.edited.append(virtual().time())
            self.changed.set()

    @property
    def attempts(self) -> int:
        """Connections tried, by the client and by the listener, refused ones counted."""
        return self.server.attempts + self.events.attempts

    def wait_for_answers(self, deadlines: Deadlines) -> None:
        """Give answers so much time."""
        self.server._client.deadlines = deadlines  # noqa: SLF001  # read at each call

    async def submit(self, count: int, tag: str) -> None:
        """Enqueue a new title for so many films."""
        items = list(self.plex.core.items.values())[:count]
        await self.engine.submit(
            [
                Record("s", str(i), Find(tuple(item.files)), {"title": f"{tag} {i}"})
                for i, item in enumerate(items)
            ],
            Priority.BULK,
        )

    async def until(self, condition: Callable[[], Any], within: float = HOUR) -> None:
        """Wait in virtual time until something holds."""
        async with asyncio.timeout(within):
            while not condition():
                self.changed.clear()
                await self.changed.wait()

    async def drained(self) -> None:
        """Wait until every job is done."""
        async with asyncio.timeout(HOUR):
            while (await self.engine.snapshot()).pending:
                self.changed.clear()
                await self.changed.wait()


@contextlib.asynccontextmanager
async def world(
    folder: Path,
    seed: int = 0,
    *,
    listen: bool = True,
    wants_scan: WantsScan = nobody_does,
) -> AsyncGenerator[World]:
    """Give a world in which everything works and nothing is left to do.

    Without ``listen`` nobody hears the server: days pass quickly.
    """
    loop = virtual()
    async with (
        library(30, clock=lambda: EPOCH + loop.time()) as plex,
        aiohttp.ClientSession() as session,
    ):
        it = World(plex, folder, session, seed, wants_scan)
        await it.engine.open()
        tasks = [asyncio.create_task(it.engine.run())]
        if listen:
            tasks.append(asyncio.create_task(it.events.run()))
        try:
            await it.submit(10, "Before")
            await it.drained()
            await it.until(lambda: it.accepted or not listen)
            yield it
            assert plex.whole_section_edits == 0
            assert not any(task.done() for task in tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await it.engine.close()
