"""Every row of the table from wire event to fault, by real answers of a server."""

import socket
from typing import Any

import pytest

from custom_components.plexsync.engine.model.faults import Fault, FaultClass
from custom_components.plexsync.engine.model.record import Find
from custom_components.plexsync.plex.api import PlexApi
from custom_components.plexsync.plex.classify import classify
from custom_components.plexsync.plex.client import PlexClient
from tests.simulators.plex import PlexSimulator

from .conftest import TOKEN, MakeServer

SERVER, AUTH, ITEM = FaultClass.SERVER, FaultClass.AUTH, FaultClass.ITEM


async def _fault(
    client: PlexClient, method: str = "GET", path: str = "/", *, deadline: float = 5
) -> Fault:
    with pytest.raises(Fault) as caught:
        await client.exchange(
            method, path, parse=bytes, deadline=deadline, write=method != "GET"
        )
    fault = caught.value
    assert fault.__context__ is None
    assert TOKEN not in str(fault)
    assert "127.0.0.1" not in str(fault)
    return fault


def _told(fault: Fault) -> dict[str, Any]:
    """Give what a fault says beyond the default."""
    names = ("unreachable", "throttled", "permanent", "retry_after")
    return {name: value for name in names if (value := getattr(fault, name))}


@pytest.mark.parametrize(
    ("action", "kind", "reason", "told"),
    [
        ("reset_before", SERVER, "reset", {"unreachable": True}),
        ("fin_early", SERVER, "reset", {"unreachable": True}),
        ("short_body", SERVER, "short_answer", {"unreachable": True}),
        ("reset_mid_body", SERVER, "short_answer", {"unreachable": True}),
        ("blackhole", SERVER, "timeout", {"unreachable": True}),
        ("drip", SERVER, "timeout", {"unreachable": True}),
        ("maintenance", SERVER, "maintenance", {}),
        ("maintenance code=200", SERVER, "maintenance", {}),
        ("empty200", SERVER, "empty_answer", {}),
        ("html200", SERVER, "not_plex", {}),
        ("json200", SERVER, "not_plex", {}),
        ("wrong_xml", SERVER, "not_plex", {}),
        ("garbage", SERVER, "not_plex", {}),
        ("redirect_login", SERVER, "redirect", {}),
        ("proxy_404", SERVER, "proxy_404", {}),
        ("status code=400", ITEM, "bad_request", {"permanent": True}),
        ("status code=400 plex=", SERVER, "proxy_400", {}),
        ("status code=401", AUTH, "unauthorized", {}),
        ("status code=403", AUTH, "forbidden", {}),
        ("status code=404", ITEM, "not_found", {}),
        ("status code=405", SERVER, "http_405", {}),
        ("status code=408", SERVER, "http_408", {}),
        ("status code=409", ITEM, "conflict", {"permanent": True}),
        ("status code=413", ITEM, "too_large", {"permanent": True}),
        ("status code=414", ITEM, "too_long", {"permanent": True}),
        ("status code=429", SERVER, "rate_limited", {"throttled": True}),
        (
            "status code=429 retry_after=7",
            SERVER,
            "rate_limited",
            {"throttled": True, "retry_after": 7.0},
        ),
        (
            "status code=429 retry_after=86400",
            SERVER,
            "rate_limited",
            {"throttled": True, "retry_after": 600.0},
        ),
        ("status code=500", SERVER, "error_500", {}),
        ("status code=501", SERVER, "http_501", {}),
        ("status code=502", SERVER, "http_502", {}),
        ("status code=503", SERVER, "http_503", {}),
        (
            "status code=503 retry_after=9",
            SERVER,
            "http_503",
            {"throttled": True, "retry_after": 9.0},
        ),
        ("status code=504", SERVER, "http_504", {}),
        ("status code=520", SERVER, "http_520", {}),
        ("status code=530", SERVER, "http_530", {}),
        ("status code=307", SERVER, "redirect", {}),
    ],
)
async def test_read(
    plex: PlexSimulator,
    client: PlexClient,
    action: str,
    kind: FaultClass,
    reason: str,
    told: dict[str, Any],
) -> None:
    """What a read meets is one fault, whatever exception plexapi or requests had for it."""
    name, *settings = action.split()
    plex.faults.add(name, **dict(each.split("=") for each in settings))
    fault = await _fault(client, deadline=0.2 if reason == "timeout" else 5)
    assert (fault.kind, fault.reason, _told(fault)) == (kind, reason, told)


@pytest.mark.parametrize(
    ("action", "reason", "told"),
    [
        ("starting_400", "starting", {}),
        ("db_locked mode=500", "error_500", {}),
        ("db_locked mode=hang", "timeout", {"unreachable": True}),
        ("commit_then_drop", "reset", {"unreachable": True}),
        ("commit_then_drop how=reset", "reset", {"unreachable": True}),
        ("html200", "not_plex", {}),
        ("json200", "not_plex", {}),
        ("garbage", "not_plex", {}),
        ("wrong_xml", "not_plex", {}),
        ("maintenance", "maintenance", {}),
        ("redirect_login", "redirect", {}),
        ("status code=503", "http_503", {}),
    ],
)
async def test_write(
    plex: PlexSimulator,
    client: PlexClient,
    action: str,
    reason: str,
    told: dict[str, Any],
) -> None:
    """A write is judged like a read, but may be answered with nothing."""
    item = plex.core.add_item(plex.core.add_section("A"), file="/data/a/1.mkv")
    path = f"/library/metadata/{item.rating_key}/refresh"
    assert (
        await client.exchange("PUT", path, parse=bytes, deadline=5, write=True) == b""
    )
    name, *settings = action.split()
    plex.faults.add(name, **dict(each.split("=") for each in settings))
    fault = await _fault(
        client, "PUT", path, deadline=0.2 if reason == "timeout" else 5
    )
    assert (fault.kind, fault.reason, _told(fault)) == (SERVER, reason, told)
    await _settle(plex)


async def _settle(plex: PlexSimulator) -> None:
    plex.faults.clear()
    await plex.settled()


async def test_nobody_there(plex: PlexSimulator, client: PlexClient) -> None:
    """A closed port."""
    await plex.stop()
    fault = await _fault(client)
    assert (fault.kind, fault.reason) == (SERVER, "refused")
    assert fault.unreachable


async def test_unknown_name(
    socket_enabled: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A host that no name server knows."""

    def unknown(*args: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "no-such-host.invalid")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    client = PlexClient("http://plex.invalid", TOKEN, client_id="x")
    fault = await _fault(client)
    await client.aclose()
    assert (fault.kind, fault.reason) == (SERVER, "dns")
    assert fault.unreachable


async def test_no_tls_there(plex: PlexSimulator) -> None:
    """HTTPS to what only speaks HTTP is told apart."""
    client = PlexClient(plex.url.replace("http:", "https:"), TOKEN, client_id="x")
    fault = await _fault(client)
    assert (fault.kind, fault.reason) == (SERVER, "tls")
    await client.aclose()


async def test_cut_document(plex: PlexSimulator, make_server: MakeServer) -> None:
    """A document without its end is a fault of the server, through plexapi too."""
    server = make_server()
    plex.faults.add("truncate")
    for call in (server.libraries, server.probe_process):
        with pytest.raises(Fault) as caught:
            await call()
        assert (caught.value.kind, caught.value.reason) == (SERVER, "unparsable")


@pytest.mark.parametrize("action", ["wrong_xml", "html200", "empty200", "garbage"])
async def test_hello_to_what_is_not_plex(
    plex: PlexSimulator, api: PlexApi, action: str
) -> None:
    """What plexapi would take for a server, or stumble over, is a fault."""
    plex.faults.add(action)
    with pytest.raises(Fault) as caught:
        await api.identify("/", probe=False)
    assert caught.value.kind is SERVER


async def test_hello_to_a_container_of_something_else(
    plex: PlexSimulator, api: PlexApi
) -> None:
    """What has no machine id is no Plex server."""
    plex.faults.add("status", code=200, body="<MediaContainer/>")
    with pytest.raises(Fault) as caught:
        await api.identify("/", probe=False)
    assert (caught.value.kind, caught.value.reason) == (SERVER, "not_plex")


@pytest.mark.parametrize("path", ["/", "/identity"])
async def test_starting(plex: PlexSimulator, api: PlexApi, path: str) -> None:
    """A server that is starting answers, but is not there yet."""
    plex.faults.add("startup")
    with pytest.raises(Fault) as caught:
        await api.identify(path)
    assert (caught.value.kind, caught.value.reason) == (SERVER, "starting")


async def test_wrong_machine(plex: PlexSimulator, make_server: MakeServer) -> None:
    """Another machine is told apart from a broken one."""
    server = make_server()
    plex.faults.add("impostor")
    with pytest.raises(Fault) as caught:
        await server.probe_process()
    assert caught.value.kind is FaultClass.WRONG_SERVER


async def test_404_of_a_proxy(plex: PlexSimulator, make_server: MakeServer) -> None:
    """A 404 that does not say it is Plex's is in doubt; proven it says what Plex's says."""
    item = plex.core.add_item(plex.core.add_section("A"), file="/data/a/1.mkv")
    server = make_server()
    await server.match([Find(paths=("/data/a/1.mkv",))])
    plex.faults.add("proxy_404", path="/library/metadata")
    with pytest.raises(Fault) as caught:
        await server.read([str(item.rating_key)])
    fault = caught.value
    assert (fault.kind, fault.reason) == (SERVER, "proxy_404")
    assert fault.proven is not None
    assert (fault.proven.kind, fault.proven.reason) == (ITEM, "not_found")


async def test_404_of_plex(plex: PlexSimulator, make_server: MakeServer) -> None:
    """Plex's own 404 needs no probe."""
    plex.core.add_section("A")
    server = make_server()
    await server.probe_database()
    plex.journal.clear()
    assert await server.read(["99"]) == {}
    assert len(plex.journal) == 1


@pytest.mark.parametrize(
    ("wish", "date", "seconds"),
    [
        ("120", "", 120.0),
        ("99999", "", 600.0),
        ("Wed, 21 Oct 2026 07:28:30 GMT", "Wed, 21 Oct 2026 07:28:00 GMT", 30.0),
        ("Wed, 21 Oct 2026 07:28:30 GMT", "", 40.0),
        ("Wed, 21 Oct 2026 07:00:00 GMT", "Wed, 21 Oct 2026 07:28:00 GMT", 0.0),
        ("Wed, 21 Oct 2099 07:28:30 GMT", "", 600.0),
        ("9" * 400, "", 600.0),
        ("soon", "", None),
        (f"Wed, 21 Oct {'9' * 20} 07:28:30 GMT", "", None),
        ("Wed, 21 Oct 2026 07:28:30 GMT", f"Wed, 21 Oct {'9' * 20} 07:28:00 GMT", 40.0),
        ("-5", "", None),
        ("", "", None),
    ],
)
def test_retry_after(wish: str, date: str, seconds: float | None) -> None:
    """Seconds or a date, by the server's own clock where it tells it, and never long."""
    fault = classify(
        429,
        {"Retry-After": wish, "Date": date},
        b"",
        write=False,
        now=1792567670.0,  # 07:27:50
    )
    assert fault is not None
    assert fault.retry_after == seconds


def test_plex_may_say_ok_in_html() -> None:
    """An answer to a write that is Plex's own page is a success; anybody else's is none."""
    page = b"<html><head><title>OK</title></head><body><h1>200 OK</h1></body></html>"
    headers = {"Content-Length": str(len(page))}
    assert classify(200, headers | {"X-Plex-Protocol": "1.0"}, page, write=True) is None
    assert classify(200, headers, page, write=True) is not None


@pytest.mark.parametrize(
    "body",
    [
        b"<MediaContainer/>",
        b"\xef\xbb\xbf<?xml version='1.0'?>\n<MediaContainer size='0'></MediaContainer>",
    ],
)
def test_good_answers(body: bytes) -> None:
    """A byte order mark or a missing declaration are no fault."""
    assert classify(200, {}, body, write=False) is None


def test_no_document_type_gets_through() -> None:
    """Entities never reach the parser."""
    body = b'<!DOCTYPE a [<!ENTITY b "c">]><MediaContainer>&b;</MediaContainer>'
    assert classify(200, {}, body, write=False) is not None
