"""A real Home Assistant in a process of its own, that can be killed."""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager
import json
from pathlib import Path
from typing import Any

from aiohttp import ClientSession

from demo import configuration, flows
from demo.home import Home
from demo.place import REPOSITORY, Place, any_ports
from demo.stack import home_program
from tests.simulators.plex import PlexSimulator
from tests.simulators.stash import StashSimulator

PATIENCE = 60.0  # seconds until a test gives up waiting; a busy machine is slow
_PAUSE = 0.05


async def until[T](look: Callable[[], T], patience: float = PATIENCE) -> T:
    """Wait until something is so; give what was seen."""
    async with asyncio.timeout(patience):
        while not (seen := look()):
            await asyncio.sleep(_PAUSE)
    return seen


class HassProcess:
    """Home Assistant with one server and one source, spoken to over HTTP."""

    def __init__(self, session: ClientSession, place: Place) -> None:
        """Take where it keeps its things; nothing runs yet."""
        self.place = place
        self.program = home_program(place)
        self.home = Home(session, place.home_url)
        self._entry_id = ""
        self._entities: dict[str, str] = {}

    # -- life ------------------------------------------------------------------

    async def start(self) -> None:
        """Start it, and wait until it runs."""
        configuration.write(self.place.config, REPOSITORY, self.place.ports.home)
        self.program.start()
        await self.home.log_in(PATIENCE)
        await self.home.running(PATIENCE)

    async def set_up(self, plex: PlexSimulator, stash: StashSimulator) -> None:
        """Add the server and the source as a person does."""
        self._entry_id = await flows.add_server(self.home, plex.url, plex.token)
        await flows.add_stash(self.home, self._entry_id, stash.url, stash.auth.api_key)
        async with asyncio.timeout(PATIENCE):
            while "binary_sensor.source" not in self._entities:
                self._entities = await self.home.entities("plexsync")
        # Home Assistant itself takes a moment until an entry is on disk.
        entries = self.place.config / ".storage" / "core.config_entries"
        await until(lambda: entries.exists() and stash.url in entries.read_text())

    def kill(self) -> None:
        """End it as a power failure would."""
        self.program.kill()
        assert self.program.pid is None

    # -- what it shows -----------------------------------------------------------

    async def state(self, key: str) -> str:
        """Give the state of an entity by platform and key."""
        return await self.home.state(self._entities[key])

    async def until_state(self, key: str, value: str) -> None:
        """Wait until an entity has a state."""
        await self.home.until(self._entities[key], value.__eq__, PATIENCE)

    @asynccontextmanager
    async def events(self) -> AsyncIterator[list[str]]:
        """Collect what the event entity tells from now on."""
        heard: list[str] = []

        async def listen() -> None:
            async for event in connection.events():
                if event["data"]["entity_id"] == self._entities["event.sync_event"]:
                    state = event["data"]["new_state"]
                    heard.append(
                        state["attributes"]["event_type"]
                    )  # read while it grows

        async with self.home.connection() as connection:
            await connection.command("subscribe_events", event_type="state_changed")
            listener = asyncio.create_task(listen())
            try:
                yield heard
            finally:
                listener.cancel()
                await asyncio.wait([listener])

    async def act(self, action: str, **data: Any) -> dict[str, Any]:
        """Call one of our actions and give its answer."""
        return await self.home.act(f"plexsync.{action}", **data)

    # -- what it keeps -----------------------------------------------------------

    @property
    def database(self) -> Path:
        """The entry's database."""
        return self.place.config / ".storage" / f"plexsync.{self._entry_id}.db"

    def store(self) -> dict[str, Any]:
        """Give the circuit, the pace and the outages as they are on disk."""
        data: dict[str, Any] = json.loads(self.database.with_suffix("").read_text())
        return dict(data["data"])

    def stored(self) -> dict[str, Any]:
        """Give the circuit's state as it is on disk."""
        return dict(self.store()["breaker"])

    def complaints(self, known: Collection[str] = ()) -> list[str]:
        """Give the errors in what it said since it was started last."""
        return [
            line
            for line in self.program.output.read_text().splitlines()
            if (" ERROR " in line or line.startswith("Traceback"))
            and not any(each in line for each in known)
        ]


@asynccontextmanager
async def hass_process(folder: Path) -> AsyncIterator[HassProcess]:
    """Give one that is not started yet, and leave nothing of it running."""
    async with ClientSession() as session:
        process = HassProcess(session, Place(folder, any_ports()))
        try:
            yield process
        finally:
            process.kill()
