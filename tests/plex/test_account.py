"""Signing in with a Plex account: what is asked, what is waited for, what is kept."""

import asyncio
from collections.abc import AsyncIterator
import logging
from pathlib import Path
import subprocess
import sys
import threading

import aiohttp
import pytest

from custom_components.plexsync.plex.account import (
    AccountServer,
    PlexTv,
    PlexTvError,
    SignIn,
)
from tests.serving import serving
from tests.simulators.plex_tv import (
    ACCOUNT_TOKEN,
    Connection,
    PlexTvSimulator,
    Resource,
)

pytestmark = pytest.mark.usefixtures("socket_enabled")
PAUSE = 0.01
ROOT = Path(__file__).parents[2]
# Imports all there is, and says what of plexapi came with it.
IMPORT_ALL = """
import importlib, pkgutil, sys
import custom_components.plexsync as ours
for module in pkgutil.walk_packages(ours.__path__, f"{ours.__name__}."):
    importlib.import_module(module.name)
print(*(name for name in sys.modules if name.partition(".")[0] == "plexapi"))
"""


@pytest.fixture
async def client(plex_tv: PlexTvSimulator) -> AsyncIterator[PlexTv]:
    """Give the client of a fake plex.tv."""
    async with aiohttp.ClientSession() as session:
        yield PlexTv(session, client_id="ours", version="1.2", base=plex_tv.url)


async def signed_in(client: PlexTv, plex_tv: PlexTvSimulator, sign_in: SignIn) -> str:
    """Wait while a person signs in at the third look."""
    waiting = asyncio.create_task(client.wait(sign_in, PAUSE))
    async with asyncio.timeout(10):
        while plex_tv.asked["GET /api/v2/pins"] < 3:
            await asyncio.sleep(PAUSE)
    assert not waiting.done()
    plex_tv.sign_in(sign_in.code)
    return await waiting


async def test_by_the_code(client: PlexTv, plex_tv: PlexTvSimulator) -> None:
    """Give the token of whoever typed the code; name ourselves the same every time."""
    assert await signed_in(client, plex_tv, await client.begin()) == ACCOUNT_TOKEN
    assert {each["X-Plex-Client-Identifier"] for each in plex_tv.headers} == {"ours"}
    assert {each["X-Plex-Product"] for each in plex_tv.headers} == {"PlexSync"}


async def test_by_the_link(client: PlexTv, plex_tv: PlexTvSimulator) -> None:
    """Take either: the link holds a code of its own."""
    sign_in = await client.begin()
    (strong,) = (code for code in plex_tv.codes.values() if code != sign_in.code)
    assert f"clientID=ours&code={strong}&" in sign_in.link
    plex_tv.sign_in(strong)
    assert await client.wait(sign_in, PAUSE) == ACCOUNT_TOKEN


@pytest.mark.parametrize("status", [429, 500, 502, 503])
async def test_a_blip_is_no_reason_to_give_up(
    client: PlexTv, plex_tv: PlexTvSimulator, status: int
) -> None:
    """Look again; plexapi would call the code expired."""
    sign_in = await client.begin()
    plex_tv.statuses = [status] * 2
    assert await signed_in(client, plex_tv, sign_in) == ACCOUNT_TOKEN


async def test_a_code_that_plex_tv_forgot(
    client: PlexTv, plex_tv: PlexTvSimulator
) -> None:
    """Say that it is too old."""
    sign_in = await client.begin()
    plex_tv.forget_codes()
    with pytest.raises(PlexTvError, match="expired"):
        await client.wait(sign_in, PAUSE)


async def test_a_code_that_nobody_used(
    client: PlexTv, plex_tv: PlexTvSimulator
) -> None:
    """End when its time is over, whatever plex.tv goes on answering."""
    plex_tv.life = 1
    sign_in = await client.begin()
    with pytest.raises(PlexTvError, match="expired"):
        await client.wait(sign_in, PAUSE)


@pytest.mark.parametrize(
    ("status", "error"),
    [(429, "busy"), (500, "unreachable"), (401, "refused"), (404, "unreadable")],
)
async def test_no_code_is_given_out(
    client: PlexTv, plex_tv: PlexTvSimulator, status: int, error: str
) -> None:
    """Say why."""
    plex_tv.statuses = [status]
    with pytest.raises(PlexTvError, match=error):
        await client.begin()


async def test_something_else_answers(client: PlexTv, plex_tv: PlexTvSimulator) -> None:
    """Say that it cannot be read."""
    plex_tv.is_broken = True
    with pytest.raises(PlexTvError, match="unreadable"):
        await client.begin()


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"<pin/>",
        b'<pin id="x" code="AB"/>',
        b'<pin id="5" code=""/>',
        b'<!DOCTYPE a [<!ENTITY b "c">]><pin id="5" code="&b;"/>',
        b"<pin",
        b"x" * (5 * 1024 * 1024),
    ],
    ids=["empty", "nothing", "no number", "no code", "entity", "cut", "huge"],
)
async def test_answers_that_are_none(answer: bytes) -> None:
    """Read nothing into them."""

    async def serve(request: aiohttp.web.BaseRequest) -> aiohttp.web.Response:
        return aiohttp.web.Response(body=answer)

    async with serving(serve) as url, aiohttp.ClientSession() as session:
        with pytest.raises(PlexTvError, match="unreadable"):
            await PlexTv(session, client_id="ours", base=url).begin()


async def test_nobody_answers() -> None:
    """Say so."""
    async with aiohttp.ClientSession() as session:
        client = PlexTv(session, client_id="ours", base="http://127.0.0.1:1")
        with pytest.raises(PlexTvError, match="unreachable"):
            await client.begin()


async def test_servers(
    client: PlexTv, plex_tv: PlexTvSimulator, caplog: pytest.LogCaptureFixture
) -> None:
    """List servers, one's own first, each with its own token; no secret is shown."""
    caplog.set_level(logging.DEBUG)
    plex_tv.resources = [
        Resource("Theirs", "b", "planted-b", owned=False, owner="Friend"),
        Resource("Phone", "c", provides="client,player"),
        Resource("Nameless", "", "x"),
        Resource("Mine", "a", "planted-a", provides="client,server"),
    ]
    found = await client.servers(ACCOUNT_TOKEN)
    assert found == (
        AccountServer("a", "Mine", True, "", (), "planted-a"),
        AccountServer("b", "Theirs", False, "Friend", (), "planted-b"),
    )
    assert "planted" not in repr(found)
    with pytest.raises(PlexTvError, match="refused") as error:
        await client.servers("planted-other")
    assert "planted" not in f"{error.value!r} {error.value.__context__!r}"
    assert "planted" not in caplog.text


@pytest.mark.parametrize(("secure_only", "plain"), [(False, True), (True, False)])
async def test_addresses_in_the_order_in_which_they_are_tried(
    client: PlexTv, plex_tv: PlexTvSimulator, secure_only: bool, plain: bool
) -> None:
    """Near and secure, near and plain, far and secure; never a relay."""
    plex_tv.resources = [
        Resource(
            "Mine",
            "a",
            https_required=secure_only,
            connections=[
                Connection("https://far.plex.direct:1", "8.8.8.8", 1, local=False),
                Connection("https://relay.plex.direct:2", "9.9.9.9", 2, relay=True),
                Connection("https://near.plex.direct:3", "192.168.1.5", 3),
                Connection("https://six.plex.direct:4", "fd00::5", 4, ipv6=True),
                Connection("http://far.example:5", "far.example", 5, local=False),
                Connection(""),
            ],
        )
    ]
    (server,) = await client.servers(ACCOUNT_TOKEN)
    near = ["https://near.plex.direct:3", "https://six.plex.direct:4"]
    http = ["http://192.168.1.5:3", "http://[fd00::5]:4"] if plain else []
    assert list(server.addresses) == [*near, *http, "https://far.plex.direct:1"]


def test_plexapi_is_not_imported_before_somebody_signs_in() -> None:
    """Home Assistant imports all of ours when it starts; plexapi takes megabytes."""
    said = subprocess.run(
        [sys.executable, "-c", IMPORT_ALL],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    assert said.stdout.split() == []


class Finder:
    """Finds nothing, and notes which thread looked for plexapi."""

    def __init__(self) -> None:
        """Begin with no thread."""
        self.threads: set[threading.Thread] = set()

    def find_spec(self, name: str, path: object, target: object = None) -> None:
        """Let the next one find it."""
        if name.partition(".")[0] == "plexapi":
            self.threads.add(threading.current_thread())


async def test_the_loop_does_not_wait_for_the_import_of_plexapi(
    client: PlexTv, plex_tv: PlexTvSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A thread imports it, once it is needed."""
    finder = Finder()
    for name in [each for each in sys.modules if each.partition(".")[0] == "plexapi"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "meta_path", [finder, *sys.meta_path])
    plex_tv.resources = [Resource("Mine", "a", "planted-a")]
    assert len(await client.servers(ACCOUNT_TOKEN)) == 1
    assert finder.threads
    assert threading.current_thread() not in finder.threads
