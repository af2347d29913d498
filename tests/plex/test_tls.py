"""HTTPS: certificates, and deadlines beneath the encryption."""

import asyncio
from collections.abc import AsyncIterator, Callable
import contextlib
from pathlib import Path
import ssl
import warnings

import pytest

from custom_components.plexsync.engine.retry import Fault, FaultClass
from custom_components.plexsync.plex.session import PlexSession
from tests.rig import WITHIN
from tests.tls import make_certificate

from .conftest import TOKEN

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
async def make(server: _Server) -> AsyncIterator[Callable[..., PlexSession]]:
    """Give a maker of sessions to it."""
    made: list[PlexSession] = []

    def make(*, verify_ssl: bool) -> PlexSession:
        session = PlexSession(
            server.url, TOKEN, client_id="x", version="1", verify_ssl=verify_ssl
        )
        made.append(session)
        return session

    yield make
    for each in made:
        await each.aclose()


def _get(session: PlexSession) -> bytes:
    return session.exchange("GET", "/identity")


async def test_unknown_certificate(
    server: _Server,
    make: Callable[..., PlexSession],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A certificate that nobody vouches for ends it before the token is sent."""
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    session = make(verify_ssl=True)
    with pytest.raises(Fault) as caught:
        await session.call(lambda: _get(session), deadline=5)
    assert (caught.value.kind, caught.value.reason) == (FaultClass.SERVER, "tls")
    assert not server.requests


async def test_certificate_not_verified(
    server: _Server, make: Callable[..., PlexSession]
) -> None:
    """Who chose not to verify is not warned at each request; connections are kept."""
    session = make(verify_ssl=False)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(3):
            assert await session.call(lambda: _get(session), deadline=5) == ANSWER
    assert server.connections == 1


async def test_certificate_that_the_host_trusts(
    server: _Server,
    make: Callable[..., PlexSession],
    certificate: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What Home Assistant trusts as a whole is trusted here."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    session = make(verify_ssl=True)
    assert await session.call(lambda: _get(session), deadline=5) == ANSWER


async def test_drip_beneath_tls(
    server: _Server, make: Callable[..., PlexSession]
) -> None:
    """The deadline holds here too, on a kept connection as on a new one."""
    session = make(verify_ssl=False)
    await session.call(lambda: _get(session), deadline=5)
    server.dripping = True
    for _ in range(2):
        async with asyncio.timeout(WITHIN):
            with pytest.raises(Fault) as caught:
                await session.call(lambda: _get(session), deadline=0.2)
        assert caught.value.reason == "timeout"
        assert not session.busy
