"""A simulated Stash, and sources that read it over real HTTP."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from datetime import UTC, datetime
from typing import Any

import aiohttp
from aiohttp import web
from aiohttp.test_utils import TestServer
import pytest

from custom_components.plexsync.engine.model.record import Record
from custom_components.plexsync.sources.base import Batch, Source
from custom_components.plexsync.sources.stash.stash import StashSource
from tests.simulators.stash import StashCore, StashSimulator

type MakeSource = Callable[..., StashSource]
type Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
type Serve = Callable[[Handler], Awaitable[str]]

KEY = "eyJhbGciOi.SECRET.key"
STASH_ROOT, PLEX_ROOT = "/data/", "/plex/"


class Clock:
    """The simulated server's clock, in Unix seconds: set by hand, never by itself."""

    def __init__(self) -> None:
        """Start at some noon that is long over."""
        self.time = datetime(2024, 5, 1, 12, tzinfo=UTC).timestamp()
        self.passed = 0.0

    def __call__(self) -> float:
        """Tell the time."""
        return self.time

    def set(self, text: str) -> None:
        """Set the clock to an instant."""
        self.time = datetime.fromisoformat(text).timestamp()

    def tick(self, seconds: float = 60) -> None:
        """Let time pass, or set the clock back."""
        self.time += seconds
        self.passed += max(0.0, seconds)

    def monotonic(self) -> float:
        """Tell how many seconds passed, whatever the clock was set to."""
        return self.passed


@pytest.fixture
def clock() -> Clock:
    """Give the server's clock."""
    return Clock()


@pytest.fixture
def core(clock: Clock) -> Iterable[StashCore]:
    """Give the state of a Stash without scenes."""
    core = StashCore(clock=clock)
    yield core
    core.close()


@pytest.fixture
async def stash(
    core: StashCore, socket_enabled: None
) -> AsyncGenerator[StashSimulator]:
    """Give a running Stash."""
    async with StashSimulator(core) as simulator:
        yield simulator


@pytest.fixture
async def session(socket_enabled: None) -> AsyncGenerator[aiohttp.ClientSession]:
    """Give an HTTP session."""
    async with aiohttp.ClientSession() as session:
        yield session


@pytest.fixture
async def serve(socket_enabled: None) -> AsyncGenerator[Serve]:
    """Give a server that answers as a test says."""
    servers: list[TestServer] = []

    async def start(handler: Handler) -> str:
        app = web.Application()
        app.router.add_route("*", "/{tail:.*}", handler)
        server = TestServer(app)
        await server.start_server()
        servers.append(server)
        return str(server.make_url("/"))

    yield start
    for server in servers:
        await server.close()


def to_plex(path: str) -> str | None:
    """Map a path of the simulated Stash to Plex's view."""
    if not path.startswith(STASH_ROOT):
        return None
    return PLEX_ROOT + path.removeprefix(STASH_ROOT)


def from_plex(path: str) -> tuple[str, ...]:
    """Map a path of Plex to the simulated Stash's view."""
    if not path.startswith(PLEX_ROOT):
        return ()
    return (STASH_ROOT + path.removeprefix(PLEX_ROOT),)


@pytest.fixture
def make_source(
    session: aiohttp.ClientSession, stash: StashSimulator, clock: Clock
) -> MakeSource:
    """Make sources that read the simulated Stash; each starts without memory."""

    def make(**changes: Any) -> StashSource:
        settings: dict[str, Any] = {
            "url": stash.url,
            "to_plex": to_plex,
            "from_plex": from_plex,
            "monotonic": clock.monotonic,
        }
        return StashSource("src", session, **(settings | changes))

    return make


@pytest.fixture
def source(make_source: MakeSource) -> StashSource:
    """Give a source that reads the simulated Stash."""
    return make_source()


class Reader:
    """What a host does with a source: read, keep the cursor, ask again."""

    def __init__(self, source: Source, cursor: str | None = None) -> None:
        """Start at a cursor."""
        self.source = source
        self.cursor = cursor
        self.batches: list[Batch] = []

    async def read(self, batches: int | None = None) -> dict[str, Record]:
        """Read what changed, or so many batches of it; give the records by key."""
        self.batches = []
        changes = self.source.changes(self.cursor)
        async for batch in changes:
            self.batches.append(batch)
            self.cursor = batch.cursor
            if len(self.batches) == batches:
                break
        return {
            record.key: record for batch in self.batches for record in batch.records
        }


def keys(ids: Iterable[int]) -> set[str]:
    """Give the record keys of scenes."""
    return {f"scene:{scene_id}" for scene_id in ids}
