"""Which Plex stands behind an address: asked without a token."""

import contextlib
from typing import Any

from aiohttp import web
import pytest

from custom_components.plexsync.plex.api import who_answers
from tests.serving import serving
from tests.simulators.plex import PlexSimulator

pytestmark = pytest.mark.usefixtures("socket_enabled")


async def test_a_plex(plex: PlexSimulator) -> None:
    """Name the machine, and show it no token."""
    assert await who_answers(plex.url, client_id="ours") == "sim0001"
    assert await who_answers(f"{plex.url}/", client_id="ours") == "sim0001"
    assert [entry.path for entry in plex.journal.entries] == ["/identity"] * 2
    assert not any("x-plex-token" in entry.headers for entry in plex.journal.entries)


@pytest.mark.parametrize(
    "fault",
    [
        {"action": "reset_before"},
        {"action": "status", "code": 503},
        {"action": "html200"},
        {"action": "garbage"},
        {"action": "empty200"},
        {"action": "redirect_login"},
        {"action": "startup"},
    ],
)
async def test_a_plex_in_trouble(plex: PlexSimulator, fault: dict[str, Any]) -> None:
    """Name nobody."""
    plex.faults.add(fault)
    assert await who_answers(plex.url, client_id="ours") is None


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "http://", "no address"])
async def test_nobody(url: str) -> None:
    """Name nobody, and raise nothing."""
    assert await who_answers(url, client_id="ours") is None


async def test_a_name_that_does_not_resolve() -> None:
    """Name nobody where a router keeps the name of a server in the house to itself."""
    url = "https://192-168-1-5.abc.plex.invalid:32400"
    assert await who_answers(url, client_id="ours", verify_ssl=True) is None


async def test_an_answer_without_end() -> None:
    """Read a little of it, no more."""
    sent = 0

    async def serve(request: web.BaseRequest) -> web.StreamResponse:
        nonlocal sent
        answer = web.StreamResponse()
        await answer.prepare(request)
        with contextlib.suppress(ConnectionError):  # the asker has had enough
            while True:
                await answer.write(b"<" * 65536)
                sent += 65536
        return answer

    async with serving(serve) as url:
        assert await who_answers(url, client_id="ours") is None
    assert sent < 16 << 20  # the sockets on the way hold some megabytes
