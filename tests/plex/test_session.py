"""Deadlines, cancellation, kept connections, headers, and what reaches the log."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
import contextlib
import logging
import socket
import threading

import plexapi
from plexapi.server import PlexServer
import pytest

from custom_components.plexsync.engine.retry import Fault, FaultClass
from custom_components.plexsync.plex import quiet
from custom_components.plexsync.plex.deadlines import Deadlines
from custom_components.plexsync.plex.session import WORKERS, PlexSession
from tests.rig import WITHIN
from tests.simulators.plex import PlexSimulator

from .conftest import TOKEN

LONGER = 3 * WITHIN  # a deadline that no test waits for


@contextlib.asynccontextmanager
async def _listening(
    serve: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
    scheme: str = "http",
) -> AsyncIterator[PlexSession]:
    """Give a session to a server that is no HTTP server."""
    listener = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = listener.sockets[0].getsockname()[1]
    session = PlexSession(
        f"{scheme}://127.0.0.1:{port}",
        TOKEN,
        client_id="x",
        version="1",
        verify_ssl=False,
    )
    try:
        yield session
    finally:
        await session.aclose()
        listener.close()
        listener.abort_clients()
        await asyncio.sleep(0.05)


def _get(session: PlexSession, path: str = "/identity") -> bytes:
    return session.exchange("GET", path)


def _busy_threads() -> list[str]:
    return [
        each.name for each in threading.enumerate() if each.name.startswith("plexsync")
    ]


async def _fault(session: PlexSession, deadline: float = 0.2) -> Fault:
    with pytest.raises(Fault) as caught:
        await session.call(lambda: _get(session), deadline=deadline)
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
    plex: PlexSimulator, session: PlexSession, fault: str, settings: dict[str, int]
) -> None:
    """A server that hangs, drips or dawdles is left at the deadline, thread joined."""
    plex.faults.add(fault, **settings)
    async with asyncio.timeout(WITHIN):
        raised = await _fault(session)
    assert (raised.kind, raised.reason) == (FaultClass.SERVER, "timeout")
    assert raised.unreachable
    assert not session.busy
    plex.faults.clear()
    await session.call(lambda: _get(session), deadline=1)


async def test_dripped_headers_end_at_the_deadline(socket_enabled: None) -> None:
    """A status line that never ends keeps no thread."""

    async def drip(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            writer.write(b"HTTP/1.1 200 OK\r\n")
            while not writer.is_closing():
                writer.write(b"X-A: 1\r\n")
                await writer.drain()
                await asyncio.sleep(0.02)

    async with _listening(drip) as session:
        assert (await _fault(session)).reason == "timeout"
        assert not session.busy


async def test_lost_within_the_headers_is_no_success(socket_enabled: None) -> None:
    """A write of which only "200 OK" came back may have gone wrong after that."""

    async def die(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nX-Plex-Protocol: 1.0\r\n")
        writer.close()

    async with _listening(die) as session:
        with pytest.raises(Fault) as caught:
            await session.call(lambda: session.exchange("PUT", "/x"), deadline=1)
        assert caught.value.reason == "short_answer"
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
        session = PlexSession(
            f"http://127.0.0.1:{port}", TOKEN, client_id="x", version="1"
        )
        async with asyncio.timeout(WITHIN):
            raised = await _fault(session)
            assert raised.reason == "timeout"
            assert raised.unreachable
            task = asyncio.create_task(
                session.call(lambda: _get(session), deadline=LONGER)
            )
            await asyncio.wait([task], timeout=0.1)
            task.cancel()
            await asyncio.wait([task])
        assert not session.busy
        assert session.tally.attempts == 2
        await session.aclose()


async def test_tls_handshake_ends_at_the_deadline(socket_enabled: None) -> None:
    """The socket can be shut while TLS has it."""
    greeted = asyncio.Event()

    async def mute(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.read(1)
        greeted.set()
        await reader.read()

    async with _listening(mute, "https") as session:
        task = asyncio.create_task(session.call(lambda: _get(session), deadline=LONGER))
        await greeted.wait()
        task.cancel()
        await asyncio.wait([task], timeout=WITHIN)
        assert task.cancelled()
        assert not session.busy


async def test_cancellation_joins_the_thread(
    plex: PlexSimulator, session: PlexSession
) -> None:
    """A cancelled call returns when its thread is done, at once, and twice cancelled too."""
    plex.faults.add("blackhole")
    ended = threading.Event()

    def work() -> bytes:
        try:
            return _get(session)
        finally:
            ended.set()

    task = asyncio.create_task(session.call(work, deadline=LONGER))
    await plex.journal.arrived()
    task.cancel()
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task], timeout=WITHIN)
    assert task.cancelled()
    assert ended.is_set()


async def test_no_write_goes_on_behind_our_back(
    plex: PlexSimulator, session: PlexSession
) -> None:
    """What a call was still to send after its end is not sent."""

    def work() -> None:
        with contextlib.suppress(Fault):
            session.exchange("GET", "/identity")
        session.exchange("PUT", "/library/sections/1/all", "type=1&id=1")

    plex.faults.add("blackhole", method="GET")
    with pytest.raises(Fault):
        await session.call(work, deadline=0.1)
    assert plex.journal.count(method="PUT") == 0
    assert not session.busy


async def test_thread_that_computes_is_waited_for_a_while_only(
    plex: PlexSimulator,
) -> None:
    """The join is bounded, and so is closing."""
    session = PlexSession(
        plex.url,
        TOKEN,
        client_id="x",
        version="1",
        deadlines=Deadlines(join=0.1),
    )
    go_on = threading.Event()
    with pytest.raises(Fault) as caught:
        await session.call(go_on.wait, deadline=0.05)
    assert caught.value.reason == "timeout"
    assert session.busy
    closing = asyncio.create_task(session.aclose())
    await asyncio.sleep(0.05)
    go_on.set()
    await closing
    assert not _busy_threads()


async def test_closing_does_not_wait_for_ever(plex: PlexSimulator) -> None:
    """A thread that is lost in a name look-up, say, holds nobody up."""
    session = PlexSession(
        plex.url, TOKEN, client_id="x", version="1", deadlines=Deadlines(join=0.05)
    )
    go_on = threading.Event()
    with pytest.raises(Fault):
        await session.call(go_on.wait, deadline=0.05)
    async with asyncio.timeout(WITHIN):
        await session.aclose()
        await session.aclose()
        go_on.set()
        while any(
            thread.name.startswith("plexsync-plex") for thread in threading.enumerate()
        ):
            await asyncio.sleep(0.01)  # else it outlives the test


async def test_error_page_without_end(socket_enabled: None) -> None:
    """Of an error page the beginning is enough."""

    async def flood(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 503 Busy\r\n\r\nUnder maintenance")
        with contextlib.suppress(ConnectionError):
            while not writer.is_closing():
                writer.write(b" " * 100_000)
                await writer.drain()

    async with _listening(flood) as session:
        assert (await _fault(session, 20)).reason == "maintenance"


async def test_waiting_for_a_thread_counts(
    plex: PlexSimulator, session: PlexSession
) -> None:
    """A call that never got a thread ends at its deadline, and never begins."""
    plex.faults.add("blackhole")
    begun: list[int] = []
    hanging = [
        asyncio.create_task(session.call(lambda: _get(session), deadline=5))
        for _ in range(WORKERS)
    ]
    await plex.journal.arrived(WORKERS)
    with pytest.raises(Fault):
        await session.call(lambda: begun.append(1), deadline=0.05)
    # Probes have a thread of their own.
    await session.call(lambda: begun.append(2), deadline=1, probe=True)
    for each in hanging:
        each.cancel()
    await asyncio.gather(*hanging, return_exceptions=True)
    assert begun == [2]


async def test_close_ends_what_runs(plex: PlexSimulator, session: PlexSession) -> None:
    """Closing shuts the sockets, joins the threads and refuses further calls."""
    plex.faults.add("blackhole")
    task = asyncio.create_task(session.call(lambda: _get(session), deadline=LONGER))
    await plex.journal.arrived()
    async with asyncio.timeout(WITHIN):
        await session.aclose()
    assert not _busy_threads()
    with pytest.raises(Fault):
        await task
    assert (await _fault(session)).reason == "closed"


async def test_kept_connection_is_used_again(
    plex: PlexSimulator, session: PlexSession
) -> None:
    """Requests share a connection."""
    for _ in range(3):
        await session.call(lambda: _get(session), deadline=1)
    assert plex.connections == 1
    assert session.tally.attempts == 1


async def test_read_over_a_connection_just_closed_is_sent_again(
    plex: PlexSimulator, session: PlexSession
) -> None:
    """A kept connection that the server closes as we use it costs nothing."""
    await session.call(lambda: _get(session), deadline=1)
    plex.faults.add("fin_early", times=1)
    await session.call(lambda: _get(session), deadline=1)
    assert plex.connections == 2


@pytest.mark.parametrize("times", [1, 2])
async def test_first_use_of_a_connection_is_not_sent_again(
    plex: PlexSimulator, session: PlexSession, times: int
) -> None:
    """A server that closes new connections is in trouble; once is all we try."""
    plex.faults.add("fin_early", times=times)
    raised = await _fault(session)
    assert raised.reason == "reset"
    assert raised.unreachable
    assert len(plex.journal) == 1


async def test_write_is_never_sent_again(
    plex: PlexSimulator, session: PlexSession
) -> None:
    """Its outcome is unknown, and a fresh read has to tell."""
    await session.call(lambda: _get(session), deadline=1)
    plex.faults.add("commit_then_drop", times=1)
    with pytest.raises(Fault) as caught:
        await session.call(
            lambda: session.exchange("PUT", "/library/sections/1/all", "type=1&id=1"),
            deadline=1,
        )
    assert caught.value.unreachable
    assert plex.journal.count(method="PUT") == 1


async def test_refused_connections_are_counted(
    plex: PlexSimulator, session: PlexSession
) -> None:
    """An attempt is an attempt, whether anybody listens or not."""
    await plex.stop()
    for _ in range(3):
        raised = await _fault(session)
        assert raised.reason == "refused"
        assert raised.unreachable
    assert session.tally.attempts == 3


async def test_only_calls_may_send(session: PlexSession) -> None:
    """Nothing speaks to Plex without a deadline."""
    with pytest.raises(RuntimeError):
        session.get(session.url)


async def test_own_headers(
    plex: PlexSimulator, session: PlexSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    """We are who we are, also when Home Assistant's own integration renamed plexapi."""
    monkeypatch.setitem(plexapi.BASE_HEADERS, "X-Plex-Product", "Home Assistant")
    await session.call(
        lambda: PlexServer(plex.url, TOKEN, session=session),  # type: ignore[no-untyped-call]
        deadline=1,
    )
    headers = plex.journal[0].headers
    assert headers["x-plex-product"] == "PlexSync"
    assert headers["x-plex-client-identifier"] == "plexsync-test"
    assert headers["x-plex-token"] == TOKEN
    assert headers["user-agent"] == "PlexSync/1"


async def test_environment_is_left_out(
    plex: PlexSimulator, session: PlexSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No proxy of the process gets to see the token."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    await session.call(lambda: _get(session), deadline=1)


async def test_cookies_are_not_kept(plex: PlexSimulator, session: PlexSession) -> None:
    """What a proxy sets is not carried along."""
    rule = plex.faults.add("status", code=503, headers={"Set-Cookie": "a=b"})
    await _fault(session)
    plex.faults.remove(rule)
    await session.call(lambda: _get(session), deadline=1)
    assert not session.cookies


async def test_answer_without_end(socket_enabled: None) -> None:
    """What is too big is left, not kept in memory."""

    async def flood(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n<MediaContainer>")
        with contextlib.suppress(ConnectionError):
            while not writer.is_closing():
                writer.write(b" " * 1_000_000)
                await writer.drain()

    async with _listening(flood) as session:
        assert (await _fault(session, 20)).reason == "answer_too_big"


async def test_log_says_nothing_of_ours(
    plex: PlexSimulator, session: PlexSession, caplog: pytest.LogCaptureFixture
) -> None:
    """Debug lines about our requests are dropped, those of others stay."""
    caplog.set_level(logging.DEBUG)
    await session.call(
        lambda: PlexServer(plex.url, TOKEN, session=session),  # type: ignore[no-untyped-call]
        deadline=1,
    )
    await session.call(lambda: session.exchange("GET", "/library/sections"), deadline=1)
    ours = [
        each
        for each in caplog.records
        if each.name.startswith(("urllib3", "plexapi", "requests"))
    ]
    assert not ours
    logging.getLogger("urllib3.connectionpool").debug("theirs")
    assert "theirs" in caplog.text


def test_filter_goes_with_its_last_user() -> None:
    """Loggers are left as they were."""
    logger = logging.getLogger("plexapi")
    before = list(logger.filters)
    quiet.install()
    quiet.install()
    quiet.remove()
    assert logger.filters != before
    quiet.remove()
    assert logger.filters == before


@pytest.mark.parametrize(
    "url", ["", "plex:32400", "ftp://plex", "http://", "http://[::1"]
)
def test_bad_address(url: str) -> None:
    """What is no address is refused before anything is asked of it."""
    with pytest.raises(ValueError):
        PlexSession(url, TOKEN, client_id="x", version="1")
