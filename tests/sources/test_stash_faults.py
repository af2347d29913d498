"""What goes wrong with a Stash, and what each failure is called."""

import asyncio
from collections.abc import Awaitable
import gzip
import json

import aiohttp
from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult
import pytest

from custom_components.plexsync.engine.model.faults import Fault, FaultClass
from custom_components.plexsync.sources.stash.client import StashClient, TooMuchFault
from custom_components.plexsync.sources.stash.first_look import first_look
from custom_components.plexsync.sources.stash.stash import StashOptions, StashSource
from tests.rig import WITHIN
from tests.simulators.stash import StashCore, StashSimulator

from .conftest import KEY, MakeSource, Reader, Serve, from_plex, keys, to_plex
from .test_stash_changes import VERSIONS


async def _fault(call: Awaitable[object]) -> Fault:
    """Give the fault that a call ends with, and check that it is a quiet one."""
    with pytest.raises(Fault) as caught:
        await call
    fault = caught.value
    assert str(fault) == f"{fault.kind}: {fault.reason}"
    assert fault.__cause__ is None
    return fault


@pytest.mark.parametrize("version", ["0.24.0", "0.25.1", "0.26.0", "0.30.1"])
async def test_keys(
    version: str, stash: StashSimulator, core: StashCore, make_source: MakeSource
) -> None:
    """Right, wrong and no key, at a Stash that has one and at an open one."""
    stash.set_version(version)
    await make_source().connect()
    await make_source(api_key="").connect()
    assert (await _fault(make_source(api_key=KEY).connect())).reason == "unauthorized"
    stash.auth.api_key = KEY
    await make_source(api_key=KEY).connect()
    await make_source(api_key=f" {KEY}\n").connect()
    for wrong in (None, "", "wrong", "two\nlines", "schlüssel"):
        fault = await _fault(make_source(api_key=wrong).connect())
        assert fault.kind is FaultClass.SOURCE
        assert fault.reason == "unauthorized"
        assert not fault.unreachable
        assert not fault.permanent


async def test_tripwire(stash: StashSimulator, source: StashSource) -> None:
    """Stash locks itself up when it thinks that it is exposed."""
    stash.auth.tripwire = True
    assert (await _fault(source.connect())).reason == "tripwire"


@pytest.mark.parametrize(
    ("status", "reason"), [("NEEDS_MIGRATION", "needs_migration"), ("SETUP", "setup")]
)
async def test_a_stash_that_waits_for_its_owner(
    status: str,
    reason: str,
    stash: StashSimulator,
    core: StashCore,
    source: StashSource,
) -> None:
    """Before connecting, and found out in the middle."""
    scene = core.add_scene("/data/a.mkv", title="A")
    stash.status = status
    assert (await _fault(source.connect())).reason == reason
    assert (await _fault(source.latest())).reason == reason
    stash.status = "OK"
    await source.connect()
    stash.status = status
    assert (await _fault(source.latest())).reason == reason
    assert (await _fault(Reader(source).read())).reason == reason
    stash.status = "OK"
    assert (await Reader(source).read()).keys() == keys([scene])


@pytest.mark.parametrize("version", VERSIONS)
async def test_a_full_import(
    version: str,
    stash: StashSimulator,
    core: StashCore,
    session: aiohttp.ClientSession,
    source: StashSource,
) -> None:
    """It makes the database anew, which is nothing to confirm, and no scene is gone meanwhile."""
    stash.set_version(version)
    for number in range(3):
        core.add_scene(f"/data/{number}.mkv", title=str(number))
    reader = Reader(source)
    await reader.read()
    stash.jobs.patience = None
    question = {"query": "mutation { metadataImport }"}
    async with session.post(f"{stash.url}/graphql", json=question) as answer:
        assert answer.status == 200

    async def listing() -> list[str]:
        return [key async for keys in source.listing() for key in keys]

    await reader.read()
    assert (await _fault(listing())).reason == "importing"
    stash.jobs.step()
    for call in (
        source.connect(),
        reader.read(),
        source.fresh(["scene:1"]),
        source.count(),
        first_look(StashClient(session, stash.url)),
    ):
        fault = await _fault(call)
        assert (fault.reason, fault.permanent) == ("importing", False)
    assert not source.unreadable
    stash.jobs.step()
    source.look_far()
    await reader.read()
    assert source.busy
    assert not source.losses()
    assert (await _fault(listing())).reason == "importing"
    stash.jobs.step()
    await reader.read()
    assert source.jobs_ended() == {"import"}
    assert len(await listing()) == 3


async def test_version_of_ones_own_build(
    stash: StashSimulator, source: StashSource
) -> None:
    """It may be null."""
    stash.api.version_text = None
    assert (await source.connect()).version is None


async def test_prefix_and_ways_to_write_an_address(
    core: StashCore, session: aiohttp.ClientSession
) -> None:
    """A proxy's prefix stays; what people copy along is cut off."""
    async with StashSimulator(core, prefix="/stash", api_key=KEY) as stash:
        for url in ("", "/", "/graphql", "/graphql/", f"?apikey={KEY}", "/#top"):
            source = StashSource(
                "src",
                session,
                f" {stash.url}{url}",
                KEY,
                to_plex=to_plex,
                from_plex=from_plex,
            )
            await source.connect()
        assert {entry.path for entry in stash.journal} == {"/stash/graphql"}


@pytest.mark.parametrize(
    "url",
    ["", "nonsense", "http://", "http://host:99999", "ftp://127.0.0.1/", "http://[::"],
)
async def test_addresses_that_are_none(
    url: str, session: aiohttp.ClientSession
) -> None:
    """A typing error is a fault like any other."""
    assert (await _fault(StashClient(session, url).query("{}"))).reason == "unreachable"


async def test_stopped(stash: StashSimulator, source: StashSource) -> None:
    """Refused connections."""
    await source.connect()
    await stash.stop()
    fault = await _fault(source.latest())
    assert fault.reason == "unreachable"
    assert fault.unreachable


async def test_unresolved(socket_enabled: None) -> None:
    """A name that nobody knows."""

    class Nobody(AbstractResolver):
        async def resolve(self, *_: object, **__: object) -> list[ResolveResult]:
            raise OSError("unknown")

        async def close(self) -> None:
            pass

    connector = aiohttp.TCPConnector(resolver=Nobody())
    async with aiohttp.ClientSession(connector=connector) as session:
        fault = await _fault(StashClient(session, "http://stash.test").query("{}"))
    assert (fault.reason, fault.unreachable) == ("unreachable", True)


@pytest.mark.parametrize(
    ("what", "reason"),
    [
        ("reset", "unreachable"),
        ("blackhole", "unreachable"),
        ("truncate", "broken_answer"),
        ("garbage", "broken_answer"),
        ("html200", "broken_answer"),
    ],
)
async def test_broken_answers(
    what: str, reason: str, stash: StashSimulator, make_source: MakeSource
) -> None:
    """Every question, with every one of them."""
    source = make_source(deadline=0.5)
    await source.connect()
    getattr(stash.faults, what)()
    for call in (
        source.connect(),
        source.latest(),
        Reader(source).read(),
        source.fresh(["scene:1"]),
        source.find("/plex/a.mkv"),
        source.count(),
    ):
        fault = await _fault(call)
        assert (fault.kind, fault.reason) == (FaultClass.SOURCE, reason)
        assert fault.unreachable is (reason == "unreachable")


@pytest.mark.parametrize(
    ("status", "body", "reason"),
    [
        (302, "", "broken_answer"),
        (204, "", "broken_answer"),
        (400, "bad", "status_4xx"),
        (401, "", "unauthorized"),
        (403, "", "tripwire"),
        (404, "404 page not found", "status_4xx"),
        (413, "", "status_4xx"),
        (422, "", "schema"),
        (429, "", "status_4xx"),
        (500, "boom", "status_5xx"),
        (500, "Unauthorized\n", "unauthorized"),
        (502, "unauthorized", "status_5xx"),
        (503, "", "status_5xx"),
    ],
)
async def test_statuses(
    status: int, body: str, reason: str, stash: StashSimulator, source: StashSource
) -> None:
    """Each has one meaning."""
    stash.faults.status(status, body)
    fault = await _fault(source.connect())
    assert fault.reason == reason
    assert fault.permanent is (reason == "schema")


async def test_invalid_query_in_both_media_types(
    stash: StashSimulator, session: aiohttp.ClientSession, serve: Serve
) -> None:
    """422, or the 400 of the newer media type: both are permanent."""
    for version in ("0.24.0", "0.31.0"):
        stash.set_version(version)
        for query in ("{ nothing }", "{"):
            fault = await _fault(StashClient(session, stash.url).query(query))
            assert (fault.reason, fault.permanent) == ("schema", True)
    for status in (200, 400):

        async def answer(_: web.Request, status: int = status) -> web.Response:
            error = {"extensions": {"code": "GRAPHQL_VALIDATION_FAILED"}}
            return web.json_response({"errors": [error], "data": None}, status=status)

        fault = await _fault(StashClient(session, await serve(answer)).query("{}"))
        assert (fault.reason, fault.permanent) == ("schema", True)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "broken_answer"),
        ("null", "broken_answer"),
        ("[]", "broken_answer"),
        ("{}", "broken_answer"),
        ('{"data": null}', "broken_answer"),
        ('{"data": []}', "broken_answer"),
        ('{"data": {"a": 1}, "errors": [{"message": "secret"}]}', "error"),
        ('{"data": {"a": 1}, "errors": "secret"}', "error"),
        ('{"data": {"a": 1}, "errors": [7]}', "error"),
        ('{"data": {"a": 1}}trailing', "broken_answer"),
        ('{"data": {"a": "\udcff"}}', "broken_answer"),
    ],
)
async def test_answers_that_are_none(
    text: str, reason: str, session: aiohttp.ClientSession, serve: Serve
) -> None:
    """JSON of any shape but GraphQL's."""

    async def answer(_: web.Request) -> web.Response:
        return web.Response(
            body=text.encode(errors="surrogateescape"), content_type="application/json"
        )

    fault = await _fault(StashClient(session, await serve(answer)).query("{}"))
    assert fault.reason == reason


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"systemStatus": None},
        {"systemStatus": {"status": "OK"}, "version": "1"},
        {"systemStatus": {"status": "WHAT"}, "version": None},
    ],
)
async def test_health_of_another_shape(
    data: object, session: aiohttp.ClientSession, serve: Serve
) -> None:
    """Another server that speaks GraphQL is no Stash."""

    async def answer(_: web.Request) -> web.Response:
        return web.json_response({"data": data})

    url = await serve(answer)
    source = StashSource("s", session, url, to_plex=to_plex, from_plex=from_plex)
    assert (await _fault(source.connect())).reason == "broken_answer"


async def test_another_graphql_server(
    session: aiohttp.ClientSession, serve: Serve
) -> None:
    """One that says OK, and has no scenes."""

    async def answer(request: web.Request) -> web.Response:
        names = ["Scene", "Query", "SceneFilterType"]
        data: dict[str, object] = {
            "systemStatus": {"status": "OK"},
            "version": {"version": "v1"},
            "configuration": {"general": {"stashes": []}},
        } | dict.fromkeys(names)
        return web.json_response({"data": data})

    url = await serve(answer)
    source = StashSource("s", session, url, to_plex=to_plex, from_plex=from_plex)
    fault = await _fault(source.connect())
    assert (fault.reason, fault.permanent) == ("schema", True)


async def test_rows_of_another_shape(
    session: aiohttp.ClientSession, stash: StashSimulator, serve: Serve
) -> None:
    """A page that does not go forward would never end; it is a fault instead."""
    stash.core.add_scene("/data/a.mkv", title="A")
    found: dict[str, object] = {}

    async def answer(request: web.Request) -> web.Response:
        body = await request.json()
        if "Scenes" in body["query"].split("(")[0]:
            return web.json_response({"data": {"found": found}})
        async with session.post(f"{stash.url}/graphql", json=body) as real:
            return web.json_response(await real.json(content_type=None))

    url = await serve(answer)
    source = StashSource("s", session, url, to_plex=to_plex, from_plex=from_plex)
    for wrong in (
        {"count": 5, "scenes": [{"id": "0"}]},
        {"count": 5, "scenes": [{"id": "x"}]},
        {"count": 5, "scenes": [{}]},
        {"count": 5, "scenes": None},
        {"count": "many", "scenes": []},
        {},
    ):
        found.clear()
        found.update(wrong)
        fault = await _fault(Reader(source).read())
        assert fault.reason == "broken_answer"
    # A count that promises what never comes ends as well.
    found.update({"count": 5, "scenes": []})
    assert not await Reader(source).read()
    # And a scene that nobody can read does not stop the others.
    good = {"id": "2", "files": [{"path": "/data/b.mkv"}], "title": "B"}
    for odd in ({"performers": [7]}, {"studio": {"name": 7}}):
        source = StashSource(
            "s",
            session,
            url,
            to_plex=to_plex,
            from_plex=from_plex,
            options=StashOptions(without_studios=("House",)),
        )
        scenes = [{"id": "1", "updated_at": "2024-05-01T12:00:00Z"} | odd, good]
        found.update({"count": 2, "scenes": scenes})
        assert (await Reader(source).read()).keys() == {"scene:2"}
        assert source.skipped == {"invalid": 1}


async def test_headers(session: aiohttp.ClientSession, serve: Serve) -> None:
    """The key goes into its header, when there is one, and never into the address."""
    seen: list[web.Request] = []

    async def answer(request: web.Request) -> web.Response:
        seen.append(request)
        return web.json_response({"data": {}})

    url = await serve(answer)
    await StashClient(session, url).query("{}")
    await StashClient(session, url, KEY).query("{}")
    assert "ApiKey" not in seen[0].headers
    assert seen[1].headers["ApiKey"] == KEY
    assert {request.headers["Accept"] for request in seen} == {"application/json"}
    assert {request.raw_path for request in seen} == {"/graphql"}
    assert {request.method for request in seen} == {"POST"}


@pytest.mark.parametrize(
    "onward", ["/loop", "", "ftp://127.0.0.1/", "http://[/", "//localhost/"]
)
async def test_redirects_that_are_not_followed(
    session: aiohttp.ClientSession, serve: Serve, onward: str
) -> None:
    """No question's to a login page, no circle, and not with the key to anywhere else."""
    paths: list[str] = []
    elsewhere: list[str] = []

    async def other(request: web.Request) -> web.Response:
        elsewhere.append(request.path)
        return web.Response(body=b"x")

    async def answer(request: web.Request) -> web.Response:
        paths.append(request.path)
        return web.Response(status=302, headers={"Location": onward or away})

    away = await serve(other)
    client = StashClient(session, await serve(answer), KEY)
    assert (await _fault(client.query("{}"))).reason == "broken_answer"
    fault = await _fault(client.download("/scene/1/screenshot", (), 10))
    assert fault.reason == "broken_answer"
    loop = ["/loop"] * 4 if onward == "/loop" else []
    assert paths == ["/graphql", "/scene/1/screenshot", *loop]
    assert elsewhere == []


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_picture_that_moved_on_the_same_server(
    session: aiohttp.ClientSession, serve: Serve, status: int
) -> None:
    """It is followed, with the key and the tag."""

    async def answer(request: web.Request) -> web.Response:
        assert request.headers["ApiKey"] == KEY
        if request.path == "/stash/moved/1":
            assert request.headers["If-None-Match"] == "tag"
            return web.Response(body=b"x")
        return web.Response(status=status, headers={"Location": "../../moved/1#top"})

    client = StashClient(session, f"{await serve(answer)}stash", KEY)
    assert (await client.download("/scene/1/screenshot", ["tag"], 10)).body == b"x"


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("7", 7),
        ("999999", 3600),
        ("Wed, 21 Oct 2099 07:28:30 GMT", 3600),
        ("9" * 5000, 3600),
        ("soon", None),
        ("-5", None),
        (None, None),
    ],
)
async def test_retry_after(
    header: str | None,
    expected: float | None,
    session: aiohttp.ClientSession,
    serve: Serve,
) -> None:
    """The server's wish is passed on, within reason."""

    async def answer(_: web.Request) -> web.Response:
        headers = {"Retry-After": header} if header else None
        return web.Response(status=503, headers=headers)

    fault = await _fault(StashClient(session, await serve(answer)).query("{}"))
    assert fault.retry_after == expected


async def test_the_deadline_holds_for_the_whole_answer(
    session: aiohttp.ClientSession, serve: Serve
) -> None:
    """A server that sends a byte now and then does not hold us for ever."""

    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(b" ")
            await asyncio.sleep(0.05)

    client = StashClient(session, await serve(answer), deadline=0.3)
    async with asyncio.timeout(WITHIN):
        fault = await _fault(client.query("{}"))
    assert isinstance(fault, TooMuchFault)
    assert (fault.reason, fault.unreachable) == ("unreachable", True)


async def test_an_answer_without_end(
    session: aiohttp.ClientSession, serve: Serve
) -> None:
    """It comes packed, as was asked for; size is counted unpacked."""

    async def answer(request: web.Request) -> web.Response:
        assert "gzip" in request.headers["Accept-Encoding"]
        body = json.dumps({"data": {"a": " " * 1_000_000}}).encode()
        return web.Response(
            body=gzip.compress(body), headers={"Content-Encoding": "gzip"}
        )

    url = await serve(answer)
    await StashClient(session, url).query("{}")
    fault = await _fault(StashClient(session, url, max_answer=100_000).query("{}"))
    assert fault.reason == "broken_answer"


async def test_not_http(session: aiohttp.ClientSession) -> None:
    """Some other service on that port."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail ready\r\n\r\n")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(talk, "127.0.0.1") as server:
        port = server.sockets[0].getsockname()[1]
        for scheme, reason in (("http", "broken_answer"), ("https", "unreachable")):
            client = StashClient(session, f"{scheme}://127.0.0.1:{port}")
            assert (await _fault(client.query("{}"))).reason == reason


async def test_cancelling_is_no_fault(
    stash: StashSimulator, source: StashSource
) -> None:
    """A call that is cancelled ends at once, as cancelled."""
    stash.faults.blackhole()
    task = asyncio.create_task(source.connect())
    async with asyncio.timeout(10):
        while not stash.journal.entries:
            await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
