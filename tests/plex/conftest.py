"""A simulated Plex, and servers of ours that speak to it."""

from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from custom_components.plexsync.engine.database.database import Database
from custom_components.plexsync.engine.database.layout import Layout
from custom_components.plexsync.engine.model.record import Find
from custom_components.plexsync.plex.api import PlexApi
from custom_components.plexsync.plex.client import PlexClient
from custom_components.plexsync.plex.index import SCHEMA
from custom_components.plexsync.plex.server import PlexMediaServer
from tests.simulators.plex import PlexCore, PlexSimulator

TOKEN = "a-secret-token"

type MakeServer = Callable[..., PlexMediaServer]


@pytest.fixture
async def plex(socket_enabled: None) -> AsyncIterator[PlexSimulator]:
    """Give a running, empty Plex; no request of a test may carry the token in its URL."""
    async with PlexSimulator(PlexCore(token=TOKEN)) as simulator:
        yield simulator
        for entry in simulator.journal:
            assert TOKEN not in entry.path
            assert all(TOKEN not in value for _, value in entry.query)
        assert simulator.whole_section_edits == 0


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    """Give the engine's database, without the engine's tables."""
    database = Database(tmp_path / "test.db", Layout((SCHEMA,)))
    database.open()
    yield database
    database.close()


@pytest.fixture
async def make_server(
    plex: PlexSimulator, database: Database
) -> AsyncIterator[MakeServer]:
    """Give a maker of servers, by default for all libraries of the simulator as they are then."""
    made: list[PlexMediaServer] = []

    def make(**changes: Any) -> PlexMediaServer:
        settings: dict[str, Any] = {
            "client_id": "plexsync-test",
            "machine_id": plex.core.identity.machine_identifier,
            "libraries": frozenset(each.uuid for each in plex.core.sections.values()),
            "transactions": database,
        } | changes
        url = settings.pop("url", plex.url)
        server = PlexMediaServer(url, settings.pop("token", TOKEN), **settings)
        made.append(server)
        return server

    yield make
    for server in made:
        await server.close()


@pytest.fixture
async def client(plex: PlexSimulator) -> AsyncIterator[PlexClient]:
    """Give a bare client."""
    client = PlexClient(plex.url, TOKEN, client_id="plexsync-test")
    yield client
    await client.aclose()


@pytest.fixture
def api(client: PlexClient) -> PlexApi:
    """Give what a flow asks a server with that it does not know yet."""
    return PlexApi(client, None)


async def get(
    client: PlexClient,
    path: str = "/identity",
    *,
    deadline: float,
    probe: bool = False,
) -> bytes:
    """Read something as it comes."""
    return await client.exchange(
        "GET", path, parse=bytes, deadline=deadline, probe=probe
    )


async def known_files(server: PlexMediaServer, files: Sequence[str]) -> list[str]:
    """Give those of the files that are remembered; no request."""
    matches = await server.recall([Find(paths=(file,)) for file in files])
    return [
        file
        for file, match in zip(files, matches, strict=True)
        if match.rating_key is not None
    ]
