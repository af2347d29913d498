"""Deadlines, cancellation, kept connections, headers, and what reaches the log."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
import contextlib
import gzip
import logging
import socket
import threading
import time

import aiohttp
import pytest

from custom_components.plexsync.engine.model.faults import Fault, FaultClass
from custom_components.plexsync.plex.client import PLACES, PlexClient
from custom_components.plexsync.plex.connections import (
    Call,
    ConnectionHistory,
    Connector,
)
from tests.rig import WITHIN
from tests.simulators.plex import PlexSimulator

from .conftest import TOKEN, get

LONGER = 3 * WITHIN  # a deadline that no test waits for


@contextlib.asynccontextmanager
async def _listening(
    serve: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
    scheme: str = "http",
) -> AsyncIterator[PlexClient]:
    """Give a client of a server that is no HTTP server."""
    listener = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = listener.sockets[0].getsockname()[1]
    client = PlexClient(
        f"{scheme}://127.0.0.1:{port}",
        TOKEN,
        client_id="x",
        verify_ssl=False,
    )
    try:
        yield client
    finally:
        await client.aclose()
        listener.close()
        listener.abort_clients()
        await asyncio.sleep(0.05)


async def _put(client: PlexClient, generation: int | None = None) -> None:
    await client.exchange(
        "PUT",
        "/library/sections/1/all",
        "type=1&id=1",
        parse=len,
        deadline=1,
        call=Call(generation),
        write=True,
    )


async def _fault(client: PlexClient, deadline: float = 0.2) -> Fault:
    with pytest.raises(Fault) as caught:
        await get(client, deadline=deadline)
    return caught.value


@pytest.mark.parametrize(
    ("fault", "settings"),
    [
        ("blackhole", {}),
        ("drip", {"rate": 30}),
        ("slow", {"ms": 5000}),
    ],
)
async def test_deadline_is_total(
    plex: PlexSimulator, client: PlexClient, fault: str, settings: dict[str, int]
) -> None:
    """A server that hangs, drips or dawdles is left at the deadline."""
    plex.faults.add(fault, **settings)
    async with asyncio.timeout(WITHIN):
        raised = await _fault(client)
    assert (raised.kind, raised.reason) == (FaultClass.SERVER, "timeout")
    assert raised.unreachable
    assert not client.busy
    plex.faults.clear()
    await get(client, deadline=1)


async def test_dripped_headers_end_at_the_deadline(socket_enabled: None) -> None:
    """Headers that never end keep nobody."""

    async def drip(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            writer.write(b"HTTP/1.1 200 OK\r\n")
            while not writer.is_closing():
                writer.write(b"X-A: 1\r\n")
                await writer.drain()
                await asyncio.sleep(0.02)

    async with _listening(drip) as client:
        assert (await _fault(client)).reason == "timeout"
        assert not client.busy


async def test_lost_within_the_headers_is_no_success(socket_enabled: None) -> None:
    """A write of which only "200 OK" came back may have gone wrong after that."""

    async def die(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nX-Plex-Protocol: 1.0\r\n")
        writer.close()

    async with _listening(die) as client:
        with pytest.raises(Fault) as caught:
            await _put(client)
        assert caught.value.reason in ("short_answer", "reset")
        assert caught.value.unreachable


async def test_connecting_ends_at_the_deadline(socket_enabled: None) -> None:
    """An address that swallows packets is left too, and when the caller is cancelled."""
    with socket.socket() as full, contextlib.ExitStack() as stack:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        for _ in range(4):  # a full backlog: further handshakes get no answer
            client = stack.enter_context(socket.socket())
            client.setblocking(False)
            client.connect_ex(full.getsockname())
        port = full.getsockname()[1]
        client = PlexClient(f"http://127.0.0.1:{port}", TOKEN, client_id="x")
        async with asyncio.timeout(WITHIN):
            raised = await _fault(client)
            assert raised.reason == "timeout"
            assert raised.unreachable
            task = asyncio.create_task(get(client, deadline=LONGER))
            await asyncio.wait([task], timeout=0.1)
            task.cancel()
            await asyncio.wait([task])
        assert not client.busy
        assert client.history.attempts == 2
        await client.aclose()


async def test_tls_handshake_ends_at_the_deadline(socket_enabled: None) -> None:
    """The socket can be shut while TLS has it."""
    greeted = asyncio.Event()

    async def mute(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.read(1)
        greeted.set()
        await reader.read()

    async with _listening(mute, "https") as client:
        task = asyncio.create_task(get(client, deadline=LONGER))
        await greeted.wait()
        task.cancel()
        await asyncio.wait([task], timeout=WITHIN)
        assert task.cancelled()
        assert not client.busy


async def test_a_cancelled_call_is_over_when_it_returns(
    plex: PlexSimulator, client: PlexClient
) -> None:
    """At once, and when it is cancelled twice, too."""
    plex.faults.add("blackhole")
    task = asyncio.create_task(get(client, deadline=LONGER))
    await plex.journal.arrived()
    task.cancel()
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task], timeout=WITHIN)
    assert task.cancelled()
    assert not client.busy


@pytest.mark.parametrize("how", ["deadline", "cancelled", "closed"])
async def test_what_is_given_up_arrives_no_more(socket_enabled: None, how: str) -> None:
    """Neither what we have not sent yet, nor what the kernel still holds."""
    body, arrived = bytes(20_000_000), bytearray()
    may_read, done = asyncio.Event(), asyncio.Event()

    async def slow(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await may_read.wait()
        with contextlib.suppress(ConnectionError):
            while chunk := await reader.read(65536):
                arrived.extend(chunk)
        done.set()

    async with _listening(slow) as client:
        task = asyncio.create_task(
            client.exchange(
                "POST",
                "/x",
                parse=len,
                body=body,
                deadline=0.2 if how == "deadline" else LONGER,
            )
        )
        await asyncio.sleep(0.1)
        if how == "cancelled":
            task.cancel()
        if how == "closed":
            await client.aclose()
        await asyncio.wait([task], timeout=WITHIN)
        assert task.done()
        may_read.set()
        async with asyncio.timeout(WITHIN):
            await done.wait()
    assert len(arrived) < len(body) / 2


async def test_error_page_without_end(socket_enabled: None) -> None:
    """Of an error page the beginning is enough."""

    async def flood(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 503 Busy\r\n\r\nUnder maintenance")
        with contextlib.suppress(ConnectionError):
            while not writer.is_closing():
                writer.write(b" " * 100_000)
                await writer.drain()

    async with _listening(flood) as client:
        assert (await _fault(client, 20)).reason == "maintenance"


async def test_waiting_for_a_place_counts(
    plex: PlexSimulator, client: PlexClient
) -> None:
    """A call that never got a place ends at its deadline, and never begins."""
    plex.faults.add("blackhole", times=PLACES)
    hanging = [asyncio.create_task(get(client, deadline=LONGER)) for _ in range(PLACES)]
    await plex.journal.arrived(PLACES)
    assert (await _fault(client)).reason == "timeout"
    assert len(plex.journal) == PLACES
    await get(client, deadline=WITHIN, probe=True)  # probes need none
    for each in hanging:
        each.cancel()
    await asyncio.gather(*hanging, return_exceptions=True)


async def test_close_ends_what_runs(plex: PlexSimulator, client: PlexClient) -> None:
    """Closing resets the connections and refuses further calls."""
    plex.faults.add("blackhole")
    task = asyncio.create_task(get(client, deadline=LONGER))
    await plex.journal.arrived()
    async with asyncio.timeout(WITHIN):
        await client.aclose()
    assert not client.busy
    with pytest.raises(Fault) as caught:
        await task
    assert caught.value.reason == "closed"
    assert (await _fault(client)).reason == "closed"


async def test_close_waits_for_what_is_parsed(socket_enabled: None) -> None:
    """An answer that is being parsed in a thread comes through; then no thread is left."""
    body = b"<MediaContainer/>".ljust(100_000)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nX-Plex-Protocol: 1.0\r\n")
        writer.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)

    begun, goes_on = threading.Event(), threading.Event()

    def parse(content: bytes) -> tuple[int, threading.Thread]:
        begun.set()
        goes_on.wait(WITHIN)
        return len(content), threading.current_thread()

    async with _listening(serve) as client:
        reading = asyncio.create_task(
            client.exchange("GET", "/", parse=parse, deadline=WITHIN)
        )
        await asyncio.to_thread(begun.wait, WITHIN)
        closing = asyncio.create_task(client.aclose())
        for _ in range(20):  # everything else is closed by then
            await asyncio.sleep(0.001)
        assert not closing.done()
        goes_on.set()
        await closing
        length, thread = await reading
        assert (length, thread.is_alive()) == (len(body), False)


async def test_kept_connection_is_used_again(
    plex: PlexSimulator, client: PlexClient
) -> None:
    """Requests share a connection."""
    for _ in range(3):
        await get(client, deadline=1)
    assert plex.connections == 1
    assert client.history.attempts == 1


@pytest.mark.parametrize("late", ["reads the end", "is given up"])
async def test_a_connection_is_in_one_hand(socket_enabled: None, late: str) -> None:
    """It is passed on with the last byte: whoever had it must let go of it."""
    begun, finish = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\na", asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(begun + b"b")
        await reader.readuntil(b"\r\n\r\n")
        writer.write(begun)
        await finish.wait()
        writer.write(b"b")

    async with _listening(serve) as client:
        connector = Connector(ConnectionHistory(15, time.monotonic), trust=False)
        async with aiohttp.ClientSession(connector=connector) as session:
            first, second, third = Call(), Call(), Call()
            connector.enter(first)
            async with session.get(client.url) as response:
                await response.read()
            connector.enter(second)
            async with session.get(client.url) as response:
                assert second.reused
                if late == "is given up":
                    first.end()
                connector.leave(first)
                finish.set()
                await asyncio.sleep(0)  # the answer is there, and nobody has read it
                connector.enter(third)
                async with session.get(client.url):
                    assert not third.reused
                    assert await response.read() == b"ab"


async def test_read_over_a_connection_just_closed_is_sent_again(
    plex: PlexSimulator, client: PlexClient
) -> None:
    """A kept connection that the server closes as we use it costs nothing."""
    await get(client, deadline=1)
    plex.faults.add("fin_early", times=1)
    await get(client, deadline=1)
    assert plex.connections == 2
    assert client.history.requests == 3


@pytest.mark.parametrize("times", [1, 2])
async def test_first_use_of_a_connection_is_not_sent_again(
    plex: PlexSimulator, client: PlexClient, times: int
) -> None:
    """A server that closes new connections is in trouble; once is all we try."""
    plex.faults.add("fin_early", times=times)
    raised = await _fault(client)
    assert raised.reason == "reset"
    assert raised.unreachable
    assert len(plex.journal) == 1


async def test_write_is_never_sent_again(
    plex: PlexSimulator, client: PlexClient
) -> None:
    """Its outcome is unknown, and a fresh read has to tell."""
    await get(client, deadline=1)
    plex.faults.add("commit_then_drop", times=1)
    with pytest.raises(Fault) as caught:
        await _put(client)
    assert caught.value.unreachable
    assert plex.journal.count(method="PUT") == 1


async def test_refused_connections_are_counted(
    plex: PlexSimulator, client: PlexClient
) -> None:
    """An attempt is an attempt, whether anybody listens or not."""
    await plex.stop()
    for _ in range(3):
        raised = await _fault(client)
        assert raised.reason == "refused"
        assert raised.unreachable
    assert client.history.attempts == 3


async def test_own_headers(plex: PlexSimulator, client: PlexClient) -> None:
    """We are who we are."""
    await get(client, deadline=WITHIN)
    headers = plex.journal[0].headers
    assert headers["x-plex-product"] == "PlexSync"
    assert headers["x-plex-client-identifier"] == "plexsync-test"
    assert headers["x-plex-token"] == TOKEN
    assert headers["user-agent"] == "PlexSync/0"


async def test_environment_is_left_out(
    plex: PlexSimulator, client: PlexClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No proxy of the process gets to see the token."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    await get(client, deadline=1)


async def test_cookies_are_not_kept(plex: PlexSimulator, client: PlexClient) -> None:
    """What a proxy sets is not carried along."""
    rule = plex.faults.add("status", code=503, headers={"Set-Cookie": "a=b"})
    await _fault(client)
    plex.faults.remove(rule)
    await get(client, deadline=1)
    assert "cookie" not in plex.journal[-1].headers


async def test_answer_without_end(socket_enabled: None) -> None:
    """What is too big is left, not kept in memory."""

    async def flood(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n<MediaContainer>")
        with contextlib.suppress(ConnectionError):
            while not writer.is_closing():
                writer.write(b" " * 1_000_000)
                await writer.drain()

    async with _listening(flood) as client:
        assert (await _fault(client, 20)).reason == "answer_too_big"


_BEGIN, _END = gzip.compress(b"<MediaContainer>"), gzip.compress(b"</MediaContainer>")
_BOMB = gzip.compress(b"<MediaContainer>" + bytes(65 * 1024 * 1024))


@pytest.mark.parametrize(
    ("packed", "reason"),
    [
        pytest.param(_BEGIN + _END, None, id="in two members"),
        pytest.param(_BOMB, "answer_too_big", id="bomb"),
        pytest.param(_BEGIN + _BOMB, "answer_too_big", id="bomb in two members"),
        pytest.param(_BOMB[: len(_BOMB) // 2], "short_answer", id="cut"),
        pytest.param(_BEGIN + _END[:-9], "short_answer", id="cut in two members"),
        pytest.param(b"<MediaContainer/>", "short_answer", id="no gzip at all"),
    ],
)
async def test_packed_answers(
    socket_enabled: None, packed: bytes, reason: str | None
) -> None:
    """What is too big once unpacked is left, and what cannot be unpacked is no answer."""
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n"

    async def answer(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(head % len(packed) + packed)
        writer.close()

    async with _listening(answer) as client:
        if reason is None:
            await get(client, deadline=WITHIN)
        else:
            assert (await _fault(client, WITHIN)).reason == reason


async def test_a_write_for_another_generation(
    plex: PlexSimulator, client: PlexClient
) -> None:
    """Nothing is sent: another machine may be there by now."""
    section = plex.core.add_section("Films", "movie", ["/data"])
    plex.core.add_item(section, "Film", file="/data/film.mkv")
    await get(client, deadline=WITHIN)
    meant = client.history.generation
    await _put(client, meant)
    await plex.stop()
    await plex.start()
    with pytest.raises(Fault) as caught:
        await _put(client, meant)
    assert caught.value.reason == "moved"
    assert plex.journal.count(method="PUT") == 1
    await _put(client, client.history.generation)
    assert plex.journal.count(method="PUT") == 2


async def test_log_says_nothing_of_ours(
    plex: PlexSimulator, client: PlexClient, caplog: pytest.LogCaptureFixture
) -> None:
    """No line tells what we ask for, whatever becomes of it."""
    caplog.set_level(logging.DEBUG)
    await get(client, "/library/sections", deadline=WITHIN)
    plex.faults.add("status", code=500, times=1)
    await _fault(client)
    await plex.stop()
    await _fault(client)
    said = "\n".join(each.getMessage() for each in caplog.records)
    assert TOKEN not in said
    assert "/library" not in said


@pytest.mark.parametrize(
    "url", ["", "plex:32400", "ftp://plex", "http://", "http://[::1"]
)
def test_bad_address(url: str) -> None:
    """What is no address is refused before anything is asked of it."""
    with pytest.raises(ValueError):
        PlexClient(url, TOKEN, client_id="x")
