"""The real engine against a simulated Plex: what the proofs of the engine run on."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterable
import contextlib
from itertools import count
from pathlib import Path
from random import Random
from typing import Any

from custom_components.plexsync.engine.circuit.breaker import Policy, State
from custom_components.plexsync.engine.database.database import Database
from custom_components.plexsync.engine.engine import Engine
from custom_components.plexsync.engine.jobs.job import Priority
from custom_components.plexsync.engine.layout import LAYOUT
from custom_components.plexsync.engine.model.events import Changed, Event
from custom_components.plexsync.engine.model.faults import Backoff, RetryPolicy
from custom_components.plexsync.engine.model.ports import FetchedImage
from custom_components.plexsync.engine.model.record import (
    Actor,
    Find,
    Image,
    Record,
    Value,
)
from custom_components.plexsync.engine.util.clock import Clock
from custom_components.plexsync.plex.deadlines import Deadlines
from custom_components.plexsync.plex.index import SCHEMA as INDEX_SCHEMA
from custom_components.plexsync.plex.server import PlexMediaServer

from .simulators.plex import PlexCore, PlexSimulator
from .simulators.plex.library import synthetic
from .simulators.plex.state import ItemType

# The proportions of the real ones, a hundred times faster.
POLICY = Policy(first_delay=0.05, cap=0.3, refused=0.05, held=3)
RETRY = RetryPolicy(transient=Backoff(0.05, 0.5), missing=Backoff(0.05, 0.5))
DEADLINES = Deadlines(probe=1, read=2, listing=2, edit=1, upload=1)
WITHIN = 20.0  # seconds that anything may take on a busy machine

PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c489"
    "0000000d4944415478da63f8cfc0f01f0005000201"
) + bytes(12)


class Gallery:
    """Pictures by reference, as a source would hand them out."""

    def __init__(self) -> None:
        """Start with one picture for everybody."""
        self.pictures: dict[str, bytes] = {}
        self.asked = 0

    async def fetch(
        self, source: str, image: Image, known: str | None, files: object = ()
    ) -> FetchedImage:
        """Give a picture, or say that it is unchanged."""
        self.asked += 1
        data = self.pictures.get(image.ref, PNG)
        tag = f'"{hash(data)}"'
        if known == tag:
            return FetchedImage(tag=tag, unchanged=True)
        return FetchedImage(data, tag)


class MemoryStore:
    """A store of one process."""

    def __init__(self) -> None:
        """Start empty."""
        self.data: dict[str, Any] | None = None
        self.saves = 0

    async def load(self) -> dict[str, Any] | None:
        """Give what was saved."""
        return self.data

    async def save(self, data: dict[str, Any]) -> None:
        """Keep it."""
        self.data = data
        self.saves += 1


class Rig:
    """One engine, one server, one folder; can be stopped and started again."""

    def __init__(self, plex: PlexSimulator, folder: Path, **settings: Any) -> None:
        """Take the simulator, which has its libraries already."""
        self.plex = plex
        self.folder = folder
        self.store: Any = settings.pop("store", MemoryStore())
        self.gallery: Any = settings.pop("images", Gallery())
        self.clock: Clock = settings.pop("clock", Clock())
        self.deadlines: Deadlines = settings.pop("deadlines", DEADLINES)
        self.settings: dict[str, Any] = {"policy": POLICY, "retry": RETRY} | settings
        self.events: list[Event] = []
        self.engine: Engine
        self.server: PlexMediaServer
        self._changed = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def start(self, *, work: bool = True) -> Rig:
        """Open the engine and let it work."""
        database = Database(self.folder / "engine.db", LAYOUT.beside(INDEX_SCHEMA))
        self.server = server_of(
            self.plex.core,
            self.plex.url,
            database,
            deadlines=self.deadlines,
            monotonic=self.clock.monotonic,
        )
        self.engine = Engine(
            database,
            self.server,
            self.gallery,
            store=self.store,
            clock=self.clock,
            tell=self._heard,
            random=Random(1),
            **self.settings,
        )
        await self.engine.open()
        if work:
            self.work()
        return self

    def work(self) -> None:
        """Begin to work."""
        self._task = asyncio.create_task(self.engine.run())

    async def stop(self) -> None:
        """Stop as an unload does."""
        await self.halt()
        await self.engine.close()

    async def halt(self) -> None:
        """Stop working, keep the engine open."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
            self._task = None

    async def restart(self) -> None:
        """Stop and start."""
        await self.stop()
        await self.start()

    def _heard(self, event: Event) -> None:
        self._changed.set()
        if not isinstance(event, Changed):
            self.events.append(event)

    async def until(self, condition: Callable[[], Any]) -> None:
        """Wait until something holds; looked at on every change."""
        async with asyncio.timeout(WITHIN):
            while True:
                self._changed.clear()
                result = condition()
                if asyncio.iscoroutine(result):
                    result = await result
                if result:
                    return
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(0.2):
                        await self._changed.wait()

    @contextlib.asynccontextmanager
    async def traffic(self, number: int) -> AsyncGenerator[None]:
        """Let edits of one item go well all the while: they show what is whose."""

        async def edit() -> None:
            find = Find((self.path(number),))
            for turn in count():
                fields = {"title": f"Traffic {turn}"}
                await self.submit([Record("traffic", "1", find, fields)])
                await asyncio.sleep(0.05)

        editing = asyncio.create_task(edit())
        try:
            yield
        finally:
            editing.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await editing

    async def failed(self, number: int) -> None:
        """Wait until so many jobs have failed."""

        async def have() -> bool:
            return (await self.engine.snapshot()).failed == number

        await self.until(have)

    async def state(self, state: State) -> None:
        """Wait until the circuit has this state."""
        await self.until(lambda: self.engine.circuit.breaker.state is state)

    async def drained(self, failed: int = 0) -> None:
        """Wait until every job is done."""

        async def done() -> bool:
            snapshot = await self.engine.snapshot()
            return snapshot.pending == 0 and snapshot.failed == failed

        await self.until(done)

    async def submit(
        self, records: Iterable[Record], priority: Priority = Priority.BULK
    ) -> None:
        """Enqueue."""
        await self.engine.submit(records, priority)

    def path(self, number: int) -> str:
        """Give the file of the n-th item (from 1)."""
        return str(self.item(number).files[0])

    def items(self) -> list[Any]:
        """Give all films."""
        return [
            item
            for section in self.plex.core.sections.values()
            for item in section.of_type(ItemType.MOVIE).values()
        ]

    def item(self, number: int) -> Any:
        """Give the n-th item of the first library (from 1)."""
        return self.items()[number - 1]

    def records(
        self, count: int, tag: str = "New", **fields: Value | None
    ) -> list[Record]:
        """Make one record per item."""
        made = []
        for number in range(1, count + 1):
            values: dict[str, Value | None] = {
                "title": f"{tag} {number}",
                "summary": f"{tag} lines\nof {number}",
                "genres": ("Drama", tag),
                "actors": (Actor("Ann Example", f"Role {number}"),),
            }
            find = Find((self.path(number),))
            key = f"scene:{number}"
            made.append(Record("stash", key, find, values | fields, mirror=True))
        return made

    def in_line(self, records: Iterable[Record]) -> list[str]:
        """Give the keys of the records whose title Plex does not show."""
        titles = {path: item.title for item in self.items() for path in item.files}
        return [
            record.key
            for record in records
            if titles[record.find.paths[0]] != record.fields["title"]
        ]

    def edits(self) -> int:
        """Count the edits that Plex took part in."""
        return self.plex.journal.count(method="PUT")


def identity(core: PlexCore) -> dict[str, Any]:
    """Give what the real server has to know of a simulated Plex."""
    return {
        "client_id": "proof",
        "machine_id": core.identity.machine_identifier,
        "libraries": frozenset(section.uuid for section in core.sections.values()),
    }


def server_of(
    core: PlexCore, url: str, database: Database, **settings: Any
) -> PlexMediaServer:
    """Give the real server, to talk to a simulated Plex at an address."""
    return PlexMediaServer(
        url, core.token, transactions=database, **identity(core), **settings
    )


def library(count: int, **core: Any) -> PlexSimulator:
    """Make a simulator with a movie library."""
    plex = PlexSimulator(PlexCore(**core))
    synthetic(plex.core, count)
    return plex
