"""HTTPS: certificates, and deadlines beneath the encryption."""

import asyncio
from collections.abc import AsyncIterator, Callable
import contextlib
from pathlib import Path
import ssl
import warnings

import pytest

from custom_components.plexsync.engine.model.faults import Fault, FaultClass
from custom_components.plexsync.plex.client import PlexClient
from tests.rig import WITHIN
from tests.tls import make_certificate

from .conftest import TOKEN, get

ANSWER = b'<MediaContainer machineIdentifier="tls"/>'


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a certificate, with its key."""
    return make_certificate(tmp_path_factory.mktemp("tls"))


class _Server:
    """Answers every request alike, or drips."""

    def __init__(self) -> None:
        self.connections = 0
        self.requests = 0
        self.dripping = False
        self.url = ""

    async def serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.connections += 1
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:
                await reader.readuntil(b"\r\n\r\n")
                self.requests += 1
                writer.write(
                    b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(ANSWER)
                )
                if not self.dripping:
                    writer.write(ANSWER)
                    continue
                for byte in ANSWER:
                    writer.write(bytes([byte]))
                    await writer.drain()
                    await asyncio.sleep(0.02)


@pytest.fixture
async def server(socket_enabled: None, certificate: Path) -> AsyncIterator[_Server]:
    """Give a running HTTPS server."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    server = _Server()
    listener = await asyncio.start_server(server.serve, "127.0.0.1", 0, ssl=context)
    server.url = f"https://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
    yield server
    listener.close()
    listener.abort_clients()
    await asyncio.sleep(0.05)


@pytest.fixture
async def make(server: _Server) -> AsyncIterator[Callable[..., PlexClient]]:
    """Give a maker of clients to it."""
    made: list[PlexClient] = []

    def make(*, verify_ssl: bool) -> PlexClient:
        client = PlexClient(server.url, TOKEN, client_id="x", verify_ssl=verify_ssl)
        made.append(client)
        return client

    yield make
    for each in made:
        await each.aclose()


async def test_unknown_certificate(
    server: _Server,
    make: Callable[..., PlexClient],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A certificate that nobody vouches for ends it before the token is sent."""
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    client = make(verify_ssl=True)
    with pytest.raises(Fault) as caught:
        await get(client, deadline=5)
    assert (caught.value.kind, caught.value.reason) == (FaultClass.SERVER, "tls")
    assert not server.requests


async def test_certificate_not_verified(
    server: _Server, make: Callable[..., PlexClient]
) -> None:
    """Who chose not to verify is not warned at each request; connections are kept."""
    client = make(verify_ssl=False)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(3):
            assert await get(client, deadline=5) == ANSWER
    assert server.connections == 1


async def test_certificate_that_the_host_trusts(
    server: _Server,
    make: Callable[..., PlexClient],
    certificate: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What Home Assistant trusts as a whole is trusted here."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    client = make(verify_ssl=True)
    assert await get(client, deadline=5) == ANSWER


async def test_drip_beneath_tls(
    server: _Server, make: Callable[..., PlexClient]
) -> None:
    """The deadline holds here too, on a kept connection as on a new one."""
    client = make(verify_ssl=False)
    await get(client, deadline=5)
    server.dripping = True
    for _ in range(2):
        async with asyncio.timeout(WITHIN):
            with pytest.raises(Fault) as caught:
                await get(client, deadline=0.2)
        assert caught.value.reason == "timeout"
        assert not client.busy
