"""Who answers at the address that is entered for a Stash."""

import asyncio
from collections.abc import AsyncIterator
import contextlib
import ssl

import aiohttp
from aiohttp import web
from homeassistant.core import HomeAssistant
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from yarl import URL

from tests.flows import add_entry, suggested
from tests.serving import serving
from tests.simulators.plex import PlexSimulator
from tests.simulators.stash import StashSimulator
from tests.stash_flows import enter, start
from tests.tls import make_certificate

PLAIN = b"Client sent an HTTP request to an HTTPS server.\n"


@pytest.fixture
async def entry(hass: HomeAssistant, plex: PlexSimulator) -> MockConfigEntry:
    """Give a server that is set up, for the library of films."""
    entry = add_entry(hass, plex)
    assert await hass.config_entries.async_setup(entry.entry_id)
    return entry


@pytest.fixture(scope="module")
def secure(tmp_path_factory: pytest.TempPathFactory) -> ssl.SSLContext:
    """Give what a server speaks TLS with; nobody signed its certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(make_certificate(tmp_path_factory.mktemp("tls")))
    return context


@contextlib.asynccontextmanager
async def behind_tls(url: str, secure: ssl.SSLContext) -> AsyncIterator[str]:
    """Serve a Stash over TLS alone; who speaks none is told so, as Go does."""

    async def front(request: web.BaseRequest) -> web.Response:
        async with (
            aiohttp.ClientSession() as session,
            session.request(
                request.method,
                f"{url}{request.path_qs}",
                data=await request.read(),
                headers={"Content-Type": "application/json"},
            ) as answer,
        ):
            return web.Response(body=await answer.read(), status=answer.status)

    async def pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while some := await reader.read(65536):
                writer.write(some)
        writer.close()

    async with serving(front, secure) as inner:

        async def connect(
            reader: asyncio.StreamReader, writer: asyncio.StreamWriter
        ) -> None:
            first = await reader.read(1)
            if first != b"\x16":
                writer.write(b"HTTP/1.0 400 Bad Request\r\n\r\n" + PLAIN)
                writer.close()
                return
            there, back = await asyncio.open_connection("127.0.0.1", URL(inner).port)
            back.write(first)
            await asyncio.gather(pipe(reader, back), pipe(there, writer))

        server = await asyncio.start_server(connect, "127.0.0.1", 0)
        async with server:
            yield f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"
            server.close_clients()


@pytest.mark.parametrize("key", ["", "secret-key"])
async def test_a_plex_refuses(
    hass: HomeAssistant, entry: MockConfigEntry, plex: PlexSimulator, key: str
) -> None:
    """A Plex wants a token: that is not a Stash that wants a key."""
    result = await enter(hass, await start(hass, entry), url=plex.url, api_key=key)
    assert result["errors"] == {"base": "not_stash"}


@pytest.mark.parametrize("path", ["", "/lovelace/0"])
async def test_home_assistant_answers(
    hass: HomeAssistant, entry: MockConfigEntry, socket_enabled: None, path: str
) -> None:
    """Home Assistant knows no such page."""

    async def home(request: web.BaseRequest) -> web.Response:
        if request.method == "GET":
            return web.Response(text="<html>", content_type="text/html")
        return web.Response(status=405, text="405: Method Not Allowed")

    async with serving(home) as url:
        result = await enter(hass, await start(hass, entry), url=f"{url}{path}")
    assert result["errors"] == {"base": "not_stash"}


@pytest.mark.parametrize(
    ("status", "headers"),
    [
        (401, {"WWW-Authenticate": 'Basic realm="router"'}),
        (401, {"WWW-Authenticate": "Bearer"}),
        (403, {}),
        (422, {}),
        (500, {}),
    ],
)
async def test_something_else_refuses(
    hass: HomeAssistant,
    entry: MockConfigEntry,
    socket_enabled: None,
    status: int,
    headers: dict[str, str],
) -> None:
    """A router, a proxy that asks for a password, another service."""

    async def other(request: web.BaseRequest) -> web.Response:
        return web.Response(status=status, headers=headers, text="unauthorized")

    async with serving(other) as url:
        result = await enter(hass, await start(hass, entry), url=url, api_key="secret")
    assert result["errors"] == {"base": "not_stash"}


@pytest.mark.parametrize("version", ["0.24.0", "0.30.1"])
@pytest.mark.parametrize("prefix", ["", "/stash"])
async def test_a_stash_refuses(
    hass: HomeAssistant,
    entry: MockConfigEntry,
    stash: StashSimulator,
    version: str,
    prefix: str,
) -> None:
    """A Stash that refuses a key is still called one."""
    async with StashSimulator(stash.core, version, "right", prefix=prefix) as locked:
        result = await enter(
            hass, await start(hass, entry), url=locked.url, api_key="wrong"
        )
        assert result["errors"] == {"base": "invalid_auth"}


async def test_a_proxy_keeps_the_check_of_health_for_itself(
    hass: HomeAssistant, entry: MockConfigEntry, stash: StashSimulator
) -> None:
    """Then the way in which it refuses tells a Stash."""
    stash.auth.api_key = "right"
    stash.faults.html200(match="/healthz")
    result = await enter(hass, await start(hass, entry), url=stash.url)
    assert result["errors"] == {"base": "invalid_auth"}


async def test_https_typed_for_http(
    hass: HomeAssistant, entry: MockConfigEntry, stash: StashSimulator
) -> None:
    """Offer the address that answers; no key goes there unasked."""
    stash.auth.api_key = "secret-key"
    url = stash.url.replace("http:", "https:")
    result = await enter(
        hass, await start(hass, entry), url=url, api_key="secret-key", verify_ssl=False
    )
    assert result["errors"] == {"url": "other_scheme"}
    assert result["description_placeholders"]["other_url"] == stash.url
    assert suggested(result) == {"url": stash.url, "verify_ssl": False}
    assert [each.path for each in stash.journal.entries] == ["/healthz"]
    result = await enter(hass, result, url=stash.url, api_key="secret-key")
    assert result["step_id"] == "paths"


async def test_http_typed_for_https(
    hass: HomeAssistant,
    entry: MockConfigEntry,
    stash: StashSimulator,
    secure: ssl.SSLContext,
) -> None:
    """Offer it, also where its certificate is one that has to be allowed."""
    async with behind_tls(stash.url, secure) as url:
        typed = url.replace("https:", "http:")
        result = await enter(hass, await start(hass, entry), url=typed)
        assert result["errors"] == {"url": "other_scheme"}
        assert suggested(result)["url"] == url
        result = await enter(hass, result, url=url, verify_ssl=False)
        assert result["step_id"] == "paths"


async def test_the_way_to_https(
    hass: HomeAssistant, entry: MockConfigEntry, stash: StashSimulator
) -> None:
    """A server that only leads elsewhere is none; nobody follows it."""

    async def lead(request: web.BaseRequest) -> web.Response:
        return web.Response(status=301, headers={"Location": f"{stash.url}/graphql"})

    async with serving(lead) as url:
        result = await enter(hass, await start(hass, entry), url=url)
    assert result["errors"] == {"base": "not_stash"}
    assert not stash.journal.entries
