"""One process of ours, from its start to its stop or to kill -9."""

import asyncio
from collections.abc import Callable
import json
from pathlib import Path
from random import Random
import sqlite3
from typing import Any

from custom_components.plexsync.engine.database.database import Database
from custom_components.plexsync.engine.engine import Engine
from custom_components.plexsync.engine.layout import LAYOUT
from custom_components.plexsync.engine.model.events import (
    CircuitMoved,
    Event,
    HoldChanged,
)
from custom_components.plexsync.engine.model.holds import Hold
from custom_components.plexsync.engine.util import unforeseen
from custom_components.plexsync.engine.util.clock import Clock
from custom_components.plexsync.plex.index import SCHEMA as INDEX_SCHEMA
from tests.rig import Gallery
from tests.wire import Network, VirtualEvents, VirtualServer

from .watch import Streak, Watch

_SAVING = 0.002  # seconds until what is saved is on disk

type Left = tuple[str | None, Streak]  # the store's text, and what a start knows by it


class _Database(Database):
    """A database that stays as it is when its process is killed."""

    dead = False

    async def run[T](
        self,
        work: Callable[[sqlite3.Connection], T],
        *,
        durable: bool = True,
        then: Callable[[], None] | None = None,
    ) -> T:
        """Run a transaction; in a dead process nothing goes on."""
        if self.dead:
            await asyncio.get_running_loop().create_future()
        return await super().run(work, durable=durable, then=then)


class _Store:
    """Keeps the circuit as text, as a file does; a dead process saves no more."""

    def __init__(self, text: str | None, streak: Streak, watch: Watch) -> None:
        """Begin with what the last process left; ``watch`` hears of each save."""
        self.text, self.streak = text, streak
        self.dead = False
        self._watch = watch

    async def load(self) -> dict[str, Any] | None:
        """Give what was saved last."""
        return None if self.text is None else json.loads(self.text)

    async def save(self, data: dict[str, Any]) -> None:
        """Keep it, a moment later."""
        text, streak = json.dumps(data), self._watch.saving()
        await asyncio.sleep(_SAVING)
        if not self.dead:
            self.text, self.streak = text, streak
            self._watch.saved(data)


class Life:
    """The engine, its server and its listener, joined as the coordinator joins them."""

    def __init__(
        self,
        network: Network,
        file: Path,
        left: Left,
        *,
        clock: Clock,
        seed: str,
        watch: Watch,
        held: Callable[[bool], None],
    ) -> None:
        """Take the database's file, and what the last life left in the store.

        ``held`` hears when access is refused and when it is granted again.
        """
        self._watch, self._held = watch, held
        self._database = _Database(file, LAYOUT.beside(INDEX_SCHEMA), inline=True)
        self._store = _Store(*left, watch)
        self._told = len(unforeseen._told)  # noqa: SLF001  # what is logged goes nowhere
        self._server = VirtualServer(network, self._database, monotonic=clock.monotonic)
        self.engine = Engine(
            self._database,
            self._server,
            Gallery(),
            store=self._store,
            clock=clock,
            random=Random(f"{seed}/engine"),
            tell=self._hear,
        )
        self._events = VirtualEvents(
            network,
            self.engine,
            random=Random(f"{seed}/listener"),
        )
        self._tasks: list[asyncio.Task[None]] = []

    async def begin(self) -> None:
        """Open our files, which are as they were left, and work."""
        engine = self.engine
        await engine.open()
        if (
            engine.circuit_problem
            or self._database.file.set_aside
            or engine.ledger_identity.lost
        ):
            self._watch.breach("our files are not as they were left")
        self._tasks += [
            asyncio.create_task(engine.run()),
            asyncio.create_task(self._events.run()),
        ]

    async def end(self, *, killed: bool) -> Left:
        """Stop, or die on the spot; give what is in the store then."""
        for task in self._tasks:
            if task.done():
                self._watch.breach(f"a task of ours ended: {task}")
        self._database.dead = self._store.dead = killed
        pending = set(self._tasks)
        while pending:
            for task in pending:
                task.cancel()
            _, pending = await asyncio.wait(pending, timeout=0.001)
        if killed:
            await self._server.close()
            self._database.close()
        else:
            await self.engine.close()
        for place in [*unforeseen._told][self._told :]:  # noqa: SLF001  # as above
            self._watch.breach(f"nobody foresaw {place}")
        return self._store.text, self._store.streak

    def _hear(self, event: Event) -> None:
        if isinstance(event, CircuitMoved):
            self._watch.moves(event)
        if isinstance(event, CircuitMoved | HoldChanged):
            self._events.look()
        match event:
            case HoldChanged(Hold.AUTH | Hold.WRONG_SERVER, active):
                self._held(active)
