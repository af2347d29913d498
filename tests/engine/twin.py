"""One engine, the Plex that it works on, and a second Plex that has never heard of it."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
import json
from pathlib import Path
from random import Random
import shutil
from typing import Any, override

from custom_components.plexsync.engine.database.database import Database
from custom_components.plexsync.engine.engine import Engine
from custom_components.plexsync.engine.layout import LAYOUT
from custom_components.plexsync.engine.ledger.ledger_sources import SOURCES
from custom_components.plexsync.engine.model.events import (
    CircuitMoved,
    Event,
    HoldChanged,
)
from custom_components.plexsync.engine.model.ports import FetchedImage
from custom_components.plexsync.engine.model.record import Image, Record
from custom_components.plexsync.engine.util.clock import Clock
from custom_components.plexsync.plex.index import SCHEMA as INDEX_SCHEMA
from tests.rig import PNG, MemoryStore
from tests.simulators.plex import PlexCore, Request
from tests.simulators.plex.state import Item
from tests.simulators.plex.switches import TagMode
from tests.wire import Network, Observer, VirtualEvents, VirtualServer

EPOCH = 1_700_000_000.0
FILMS = 5
LIBRARIES = ("Films", "More films")
MIRRORS = ("stash", "other")
_LONGEST = 3 * 86_400.0  # seconds that work may take, all waits included


class BrokenError(AssertionError):
    """A promise was broken; the text says which, and by what program."""


class Gallery:
    """Pictures as the sources have them: each reference is another picture."""

    async def fetch(
        self, source: str, image: Image, known: str | None, files: object = ()
    ) -> FetchedImage:
        """Give a picture, or say that it is unchanged."""
        if known == image.ref:
            return FetchedImage(tag=image.ref, unchanged=True)
        return FetchedImage(PNG + image.ref.encode(), image.ref)


class Watch(Observer):
    """Counts what Plex was made to do, and watches nothing else."""

    writes = 0

    @override
    def applied(self, request: Request, left: float) -> None:
        self.writes += 1


def make_core(mode: TagMode, now: Any) -> PlexCore:
    """Make a Plex with a few films."""
    core = PlexCore(clock=now)
    core.switches.tag_mode_section = mode
    sections = [
        core.add_section(name, "movie", ["/data"])  # one folder, and two views of it
        for name in LIBRARIES
    ]
    for number in range(FILMS):
        core.add_item(
            sections[0],
            f"Film {number}",
            file=path_of(number),
            announce=False,
            genres=["Drama"],
            actors=[("Agent Actor", "Agent role")],
            summary="The agent's",
        )
    return core


def path_of(number: int) -> str:
    """Give the file of a film."""
    return f"/data/Film {number}/Film {number}.mkv"


class Life:
    """One engine and its Plex, and the twin of that Plex, in virtual time."""

    def __init__(self, mode: TagMode, folder: Path) -> None:
        """Put everything together; nothing is open yet."""
        self.loop = asyncio.get_running_loop()
        now = lambda: EPOCH + self.loop.time()  # noqa: E731  # a clock for both
        self.plex, self.twin = make_core(mode, now), make_core(mode, now)
        self.watch = Watch()
        self.network = Network(self.plex, self.watch)
        self.clock = Clock(self.loop.time, now)
        self.database, self.backup = folder / "engine.db", folder / "backup.db"
        self.store = MemoryStore()
        self.records: dict[tuple[str, str], Record] = {}
        self._tasks: list[asyncio.Task[None]] = []

    # Life

    async def open(self) -> None:
        """Start the engine."""
        database = Database(self.database, LAYOUT.beside(INDEX_SCHEMA), inline=True)
        self.server = VirtualServer(
            self.network, database, monotonic=self.clock.monotonic
        )
        self.engine = Engine(
            database,
            self.server,
            Gallery(),
            store=self.store,
            clock=self.clock,
            random=Random(1),
            tell=self._heard,
            fresh=self._fresh,
        )
        self.events = VirtualEvents(
            self.network, self.engine, arrived=self._arrived, random=Random(2)
        )
        await self.engine.open()
        await self.engine.notes.keep(SOURCES, json.dumps(["action", *MIRRORS]))
        self._tasks = [
            asyncio.create_task(self.engine.run()),
            asyncio.create_task(self.events.run()),
        ]
        await asyncio.sleep(1)

    async def back_up(self) -> None:
        """Copy the database as a backup does: the file alone, which then stands still."""
        await self.engine.database.freeze(self.clock.wall())
        shutil.copyfile(self.database, self.backup)
        await self.engine.database.thaw()

    def bring_back(self) -> None:
        """Put the copy in the place of whatever is there."""
        for left in self.database.parent.glob(f"{self.database.name}*"):
            left.unlink()
        shutil.copyfile(self.backup, self.database)

    async def close(self) -> None:
        """Stop as an unload does."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.engine.close()

    def _heard(self, event: Event) -> None:
        if isinstance(event, CircuitMoved | HoldChanged):
            self.events.look()

    async def _arrived(self, keys: Sequence[str]) -> None:
        paths = await self.engine.arrivals.came(keys)
        await self.engine.arrivals.compare(
            record
            for record in self.records.values()
            if record.mirror and {*record.find.paths} & {*paths}
        )

    async def _fresh(self, source: str, keys: Sequence[str]) -> dict[str, Record | str]:
        known = {key: self.records.get((source, key)) for key in keys}
        return {key: record or "gone" for key, record in known.items()}

    async def drained(self) -> None:
        """Wait until nothing waits but what lacks its item."""
        await asyncio.sleep(2)  # what Plex tells takes a moment
        end = self.loop.time() + _LONGEST
        while self.loop.time() < end:
            jobs, _ = await self.engine.job_status.jobs(limit=100)
            waiting = [
                job
                for job in jobs
                if job.state not in ("failed", "skipped") and job.reason != "not_found"
            ]
            if not (waiting or self.engine.next_sources.waiting):
                return
            await asyncio.sleep(5)
        raise BrokenError(f"never done: {[(j.key, j.reason) for j in waiting]}")

    # Looking

    def items(self, core: PlexCore) -> dict[str, Item]:
        """Give the item of each file."""
        return {path: item for item in core.items.values() for path in item.files}

    async def pages(self) -> AsyncIterator[list[Record]]:
        """Give what the mirrors say."""
        yield [record for record in self.records.values() if record.mirror]

    async def count(self) -> Counter[str]:
        """Compare everything, and mend nothing."""
        return Counter(await self.engine.sweep.run(self.pages(), enqueue=False))
