"""The listener against real sockets: it hears, it never ends, it says nothing private."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
import contextlib
from itertools import pairwise
import json
import logging
from random import Random
from typing import Any

import aiohttp
from aiohttp import web
import pytest

from custom_components.plexsync.plex.events import PATH, Delays, News, PlexEvents, parse
from tests.serving import serving
from tests.simulators.plex import PlexCore, PlexSimulator
from tests.simulators.plex.events import SCANNING
from tests.simulators.plex.library import synthetic
from tests.virtual import run, virtual

from .conftest import TOKEN

# As fast as can be where nothing is waited for but the next try; where a machine
# that is busy might be taken for a server that is silent, the real patience stays.
PACE = Delays(first=0.02, cap=0.2, lasting=0.5, closing=0.2, spacing=0.1, slow=0.4)
IMPATIENT = 0.4
WITHIN = 15.0

type Serve = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


class Ear:
    """A listener, and all that it reported."""

    def __init__(self, url: str, session: aiohttp.ClientSession, **pace: Any) -> None:
        """Point it at a server; nothing is connected yet."""
        self.open = True
        self.patience, self.look = WITHIN, 0.05
        self.contacts: list[bool] = []
        self.arrivals: list[float] = []
        self.came: list[str] = []
        self.changes: list[str] = []
        self.news = asyncio.Event()
        self.task: asyncio.Task[None] | None = None
        self.events = PlexEvents(
            session,
            url,
            TOKEN,
            client_id="plexsync-test",
            allowed=lambda: self.open,
            contact=self._contact,
            arrived=self._arrived,
            changed=self._changed,
            delays=Delays(**{**_fields(PACE), **pace}),
            random=Random(1),
        )

    def _contact(self, there: bool) -> None:
        self.contacts.append(there)
        self.news.set()

    async def _arrived(self, keys: Sequence[str]) -> None:
        self.came += keys
        self.arrivals.append(asyncio.get_running_loop().time())
        self.news.set()

    def _changed(self, key: str) -> None:
        self.changes.append(key)
        self.news.set()

    def start(self) -> None:
        """Listen."""
        self.task = asyncio.create_task(self.events.run())

    async def stop(self) -> None:
        """Cancel, as an unload does."""
        if self.task is not None:
            self.task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self.task

    async def until(self, condition: Callable[[], object]) -> None:
        """Wait until something holds; looked at with every report."""
        async with asyncio.timeout(self.patience):
            while not condition():
                assert self.task is not None
                assert not self.task.done()
                self.news.clear()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(self.look):
                        await self.news.wait()

    async def quiet(self) -> None:
        """Wait until every report that was due has been made, its repetition too."""
        await self.until(lambda: self.events._due is None)  # noqa: SLF001  # nobody else can tell


def _fields(pace: Delays) -> dict[str, float]:
    return {name: getattr(pace, name) for name in Delays.__dataclass_fields__}


type MakeEar = Callable[..., Ear]


@pytest.fixture
async def make_ear(
    plex: PlexSimulator, caplog: pytest.LogCaptureFixture
) -> AsyncIterator[MakeEar]:
    """Give a maker of listeners; the token may be in no log, whatever happens."""
    caplog.set_level(logging.DEBUG)
    made: list[Ear] = []
    async with aiohttp.ClientSession() as session:

        def make(url: str | None = None, **pace: Any) -> Ear:
            ear = Ear(url or plex.url, session, **pace)
            made.append(ear)
            ear.start()
            return ear

        yield make
        for ear in made:
            await ear.stop()
    assert TOKEN not in caplog.text


def handshakes(plex: PlexSimulator) -> list[Any]:
    """Give the requests for the socket."""
    return list(plex.journal.matching(path=f"^{PATH}$"))


async def scan(plex: PlexSimulator, key: int) -> None:
    """Ask for a scan, as anybody may."""
    async with (
        aiohttp.ClientSession(headers={"X-Plex-Token": TOKEN}) as session,
        session.get(f"{plex.url}/library/sections/{key}/refresh") as answer,
    ):
        assert answer.status == 200


def test_it_hears_a_scan_and_an_edit(socket_enabled: None) -> None:
    """New items once, edits by their rating key, all with the token in a header."""

    async def main() -> None:
        async with listening() as (plex, ear):
            (shake,) = handshakes(plex)
            assert shake.headers["x-plex-token"] == TOKEN
            assert shake.headers["x-plex-client-identifier"] == "plexsync-test"
            assert shake.headers["user-agent"].startswith("PlexSync/")
            assert ear.contacts == [True]

            section = synthetic(plex.core, 3)
            plex.core.add_file("/data/movies/New (2020)/New (2020).mkv")
            await scan(plex, section.key)
            await ear.until(lambda: ear.arrivals)
            await ear.quiet()
            new = max(plex.core.items)
            assert str(new) in ear.changes
            # The item, the end of the scan, and once more a little later.
            assert 2 <= len(ear.arrivals) <= 3

            ear.changes.clear()
            ear.arrivals.clear()
            first = next(iter(plex.core.items.values()))
            plex.core.catalog.touch(first, ("title",))
            await ear.until(lambda: ear.changes)
            assert ear.changes == [str(first.rating_key)]
            await asyncio.sleep(60)
            # An edit, our own say, makes nothing appear.
            assert ear.arrivals == []

    run(main())


def test_an_accepted_handshake_is_news(socket_enabled: None) -> None:
    """What came meanwhile nobody told: items are looked for at once, and once more."""

    async def main() -> None:
        async with listening() as (plex, ear):
            loop = asyncio.get_running_loop()
            plex.faults.add("ws_drop")
            await ear.until(lambda: len(ear.contacts) == 2)
            back = loop.time()
            await ear.quiet()
            one, other = ear.arrivals
            assert one - back < 0.1
            assert 14.9 <= other - one <= 15.1

    run(main())


async def test_ids_may_be_numbers(plex: PlexSimulator, make_ear: MakeEar) -> None:
    """Some servers send them so."""
    synthetic(plex.core, 1)
    plex.core.switches.numeric_event_ids = True
    ear = make_ear()
    await ear.until(lambda: ear.contacts)
    (item,) = plex.core.items.values()
    plex.core.catalog.touch(item, ("title",))
    await ear.until(lambda: ear.changes == [str(item.rating_key)])


FAULTS: dict[str, dict[str, Any]] = {
    "refused": {"action": "refuse"},
    "reset": {"action": "reset_accept"},
    "401": {"action": "ws_401"},
    "503": {"action": "ws_503"},
    "404": {"action": "proxy_404"},
    "maintenance": {"action": "maintenance"},
    "200": {"action": "status", "code": 200},
    "redirected": {"action": "redirect_login"},
    "hanging": {"action": "blackhole"},
    "cut": {"action": "fin_early"},
}
ANSWERED = {"401", "503", "404", "maintenance", "200", "redirected"}


@pytest.mark.parametrize("fault", FAULTS)
async def test_no_fault_ends_it(
    plex: PlexSimulator,
    make_ear: MakeEar,
    fault: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Refused again and again, it comes back by itself, and tells of it once."""
    plex.faults.add(**FAULTS[fault])
    ear = make_ear(**({"handshake": IMPATIENT} if fault == "hanging" else {}))
    await ear.until(lambda: ear.events.attempts >= 4)
    assert not ear.events.connected
    assert True not in ear.contacts
    assert bool(ear.contacts) is (fault not in ANSWERED)
    plex.faults.clear()
    await ear.until(lambda: ear.events.connected)
    await ear.until(lambda: ear.arrivals)
    told = [r for r in caplog.records if r.name.endswith("plex.events")]
    assert [record.levelno for record in told] == [logging.INFO] * 2


@pytest.mark.parametrize("order", ["ws_drop", "ws_close"])
async def test_a_lost_socket_is_replaced(
    plex: PlexSimulator,
    make_ear: MakeEar,
    order: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """What happened in between nobody told: each time it is reported that items may have come."""
    ear = make_ear()
    for number in range(1, 4):
        await ear.until(lambda: ear.contacts == [True] * number)  # noqa: B023
        await ear.until(lambda: len(ear.arrivals) >= number)  # noqa: B023
        plex.faults.add(order)
    await ear.until(lambda: len(ear.contacts) == 4)
    assert ear.events.attempts == 4
    assert "notifications again" not in caplog.text  # it was back at once


async def test_a_restarted_server_is_found_again(
    plex: PlexSimulator, make_ear: MakeEar
) -> None:
    """Its port was closed for a while."""
    ear = make_ear()
    await ear.until(lambda: ear.events.connected)
    await plex.stop()
    await ear.until(lambda: ear.contacts[-1:] == [False])
    await plex.start()
    await ear.until(lambda: ear.events.connected)


async def test_a_silent_server_is_noticed(make_ear: MakeEar) -> None:
    """It accepted, and then neither speaks nor answers a ping."""
    met = 0

    async def mute(request: web.BaseRequest) -> web.StreamResponse:
        nonlocal met
        met += 1
        socket = web.WebSocketResponse(autoping=False)
        await socket.prepare(request)
        while not (await socket.receive()).type.name.startswith("CLOS"):
            pass
        return socket

    async with serving(mute) as url:
        ear = make_ear(url, heartbeat=IMPATIENT)
        await ear.until(lambda: met >= 3)
        await ear.stop()


GARBAGE = [
    "",
    "no json",
    "null",
    "[]",
    "[[]]",
    "7",
    '"NotificationContainer"',
    "{}",
    '{"NotificationContainer": null}',
    '{"NotificationContainer": []}',
    '{"NotificationContainer": "timeline"}',
    '{"NotificationContainer": {}}',
    '{"NotificationContainer": {"type": ["timeline"]}}',
    '{"NotificationContainer": {"type": "timeline"}}',
    '{"NotificationContainer": {"type": "timeline", "TimelineEntry": 3}}',
    '{"NotificationContainer": {"type": "timeline", "TimelineEntry": [null, 1, [], {}]}}',
    '{"NotificationContainer": {"type": "activity", "ActivityNotification": [{}]}}',
    (
        '{"NotificationContainer": {"type": "activity", "ActivityNotification":'
        ' [{"event": "ended", "Activity": "library.update.section"}]}}'
    ),
    (
        '{"NotificationContainer": {"type": "activity", "ActivityNotification":'
        ' [{"event": "ended", "Activity": {"type": {}}}]}}'
    ),
    '{"NotificationContainer": {"type": "status", "StatusNotification": [[]]}}',
    "[" * 100_000,
    "1" * 10_000,
    '{"a": "\\ud800"}',
]


def timeline(*entries: dict[str, Any]) -> str:
    """Write a message about items."""
    whole = [{"identifier": "com.plexapp.plugins.library"} | each for each in entries]
    content = {"type": "timeline", "size": len(whole), "TimelineEntry": whole}
    return json.dumps({"NotificationContainer": content})


@pytest.mark.parametrize("text", [*GARBAGE, None, 3, b"\xff"])
def test_garbage_tells_nothing(text: Any) -> None:
    """And raises nothing."""
    assert parse(text) == News()


@pytest.mark.parametrize(
    ("entry", "news"),
    [
        ({"itemID": "7", "state": 5}, News(finished=("7",), changed=("7",))),
        ({"itemID": 7, "state": "5"}, News(finished=("7",), changed=("7",))),
        ({"itemID": 7, "state": 5, "type": -1}, News(finished=("7",), changed=("7",))),
        ({"itemID": 7, "state": 5, "metadataState": "queued"}, News(changed=("7",))),
        ({"itemID": 7, "state": 5, "queueSize": 8}, News(changed=("7",))),
        ({"itemID": 7, "state": 0, "metadataState": "created"}, News(created=("7",))),
        ({"itemID": 7, "state": 9, "metadataState": "deleted"}, News(changed=("7",))),
        ({"itemID": 7, "state": 9}, News(changed=("7",))),
        ({"itemID": 7, "state": 1}, News()),
        ({"itemID": -1, "state": 5}, News()),
        ({"itemID": "7,8", "state": 5}, News()),
        ({"itemID": True, "state": 5}, News()),
        ({"itemID": 7.0, "state": 5}, News()),
        ({"itemID": 7, "state": True}, News()),
        ({"itemID": 7, "state": 5, "identifier": "com.plexapp.music"}, News()),
    ],
)
def test_what_a_timeline_says(entry: dict[str, Any], news: News) -> None:
    """Ids as text or numbers, types of any kind, only the library's own items."""
    assert parse(timeline(entry)) == news


async def test_garbage_costs_no_connection(make_ear: MakeEar) -> None:
    """All of it on one socket, and then something true."""

    async def babble(request: web.BaseRequest) -> web.StreamResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        for text in GARBAGE:
            await socket.send_str(text)
        await socket.send_bytes(b"\x00\xff")
        await socket.send_str(timeline({"itemID": 7, "state": 5}))
        async for _ in socket:
            pass
        return socket

    async with serving(babble) as url:
        ear = make_ear(url)
        await ear.until(lambda: ear.changes == ["7"])
        assert ear.events.attempts == 1
        await ear.stop()


async def test_a_message_past_all_bounds_costs_the_socket_only(
    make_ear: MakeEar,
) -> None:
    """It is not taken in, and the next socket works."""
    met = 0

    async def shout(request: web.BaseRequest) -> web.StreamResponse:
        nonlocal met
        met += 1
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        if met == 1:
            with contextlib.suppress(ConnectionError):
                await socket.send_str(" " * (5 << 20))
        else:
            await socket.send_str(timeline({"itemID": 7, "state": 5}))
        async for _ in socket:
            pass
        return socket

    async with serving(shout) as url:
        ear = make_ear(url)
        await ear.until(lambda: ear.changes == ["7"])
        assert met == 2
        await ear.stop()


async def test_a_redirect_takes_the_token_nowhere(
    plex: PlexSimulator, make_ear: MakeEar
) -> None:
    """Neither to another host nor back."""
    met: list[str] = []

    async def redirect(request: web.BaseRequest) -> web.StreamResponse:
        met.append("asked")
        raise web.HTTPTemporaryRedirect(f"{plex.url}{PATH}")

    async with serving(redirect) as url:
        ear = make_ear(url)
        await ear.until(lambda: len(met) >= 3)
        await ear.stop()
    assert len(plex.journal) == 0
    assert ear.contacts == []


@contextlib.asynccontextmanager
async def listening() -> AsyncIterator[tuple[PlexSimulator, Ear]]:
    """Give a Plex and a listener at its real pace, for virtual time."""
    loop = virtual()
    core = PlexCore(token=TOKEN, clock=loop.time)
    async with PlexSimulator(core) as plex, aiohttp.ClientSession() as session:
        ear = Ear(plex.url, session, **_fields(Delays()))
        ear.patience, ear.look = 600, 1
        ear.start()
        await ear.until(lambda: ear.events.connected)
        await ear.quiet()
        await asyncio.sleep(60)
        ear.arrivals.clear()
        try:
            yield plex, ear
        finally:
            await ear.stop()


def test_a_storm_is_one_report_in_a_while(socket_enabled: None) -> None:
    """10,000 new items in ten minutes: each was heard of, reported every 15 seconds."""

    async def main() -> None:
        async with listening() as (plex, ear):
            for number in range(10_000):
                for state, more in ((0, {"metadataState": "created"}), (5, {})):
                    text = timeline({"itemID": number, "state": state, **more})
                    plex.hub.publish(json.loads(text)["NotificationContainer"])
                if number % 10 == 0:
                    await asyncio.sleep(0.6)
            await ear.until(lambda: len(ear.changes) == 10_000)
            await ear.quiet()
            assert 40 <= len(ear.arrivals) <= 43
            assert min(_gaps(ear.arrivals)) >= 14.9
            assert len(set(ear.came)) == 10_000
            assert not ear.events._coming  # noqa: SLF001  # it would grow for ever

    run(main())


def test_a_scan_that_ended_is_not_kept_waiting(socket_enabled: None) -> None:
    """A hundred scans in fifty seconds, reported at most every two; the last at once."""

    async def main() -> None:
        async with listening() as (plex, ear):
            section = synthetic(plex.core, 1)
            notifier = plex.core.catalog.notifier
            loop = asyncio.get_running_loop()
            began = loop.time()
            for number in range(100):
                notifier.activity(str(number), "ended", SCANNING, section)
                await asyncio.sleep(0.5)
            last = loop.time() - 0.5
            assert ear.arrivals[0] - began < 0.1
            await ear.quiet()
            assert 25 <= len(ear.arrivals) <= 28
            assert min(_gaps(ear.arrivals)) >= 1.99
            assert any(last <= at <= last + 2 for at in ear.arrivals)
            assert ear.arrivals[-1] >= last + 14  # and once more

    run(main())


def _gaps(times: list[float]) -> list[float]:
    return [later - earlier for earlier, later in pairwise(times)]


def test_nothing_is_tried_while_it_may_not(socket_enabled: None) -> None:
    """Whoever closes the door opens it; a socket that lives is left alone."""

    async def main() -> None:
        async with listening() as (plex, ear):
            ear.open = False
            await asyncio.sleep(600)
            assert ear.events.connected
            plex.faults.add("ws_drop")
            await ear.until(lambda: not ear.events.connected)
            await asyncio.sleep(600)
            assert ear.events.attempts == 1
            ear.open = True
            ear.events.look()
            await ear.until(lambda: ear.events.connected)
            assert ear.events.attempts == 2

    run(main())


def test_delays_grow_and_are_forgotten(socket_enabled: None) -> None:
    """Twice as long each time, to the cap, a fifth more or less; a socket that lasts ends it."""

    async def main() -> None:
        async with listening() as (plex, ear):
            for _ in range(2):
                times: list[float] = []
                await plex.stop()
                for number in range(1, 10):
                    await ear.until(lambda: len(ear.contacts) > number)  # noqa: B023
                    times.append(asyncio.get_running_loop().time())
                wanted = [2.0, 4, 8, 16, 32, 60, 60, 60]
                shares = [
                    gap / want for gap, want in zip(_gaps(times), wanted, strict=True)
                ]
                assert 0.75 < min(shares) < 0.95
                assert 1.05 < max(shares) < 1.25
                await plex.start()
                await ear.until(lambda: ear.events.connected)
                await asyncio.sleep(31)
                ear.contacts[:] = [True]

    run(main())


def test_a_socket_that_never_lasts_is_asked_for_ever_less(socket_enabled: None) -> None:
    """An accepted handshake alone does not begin the delays anew."""

    async def hang_up(request: web.BaseRequest) -> web.StreamResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.close()
        return socket

    async def main() -> None:
        async with serving(hang_up) as url, aiohttp.ClientSession() as session:
            ear = Ear(url, session, **_fields(Delays()))
            ear.start()
            await asyncio.sleep(3600)
            await ear.stop()
            assert 55 <= ear.events.attempts < 80

    run(main())


async def test_it_leaves_nothing_behind(plex: PlexSimulator, make_ear: MakeEar) -> None:
    """Cancelled while it listens, while it shakes hands and while it waits."""
    before = asyncio.all_tasks()
    ear = make_ear()
    await ear.until(lambda: ear.events.connected)
    await ear.stop()
    async with asyncio.timeout(WITHIN):
        while plex.hub.sockets:
            await asyncio.sleep(0.01)

    plex.faults.add("blackhole")
    ear = make_ear(handshake=30)
    await ear.until(lambda: handshakes(plex)[1:])
    await ear.stop()
    plex.faults.clear()

    ear = make_ear()
    ear.open = False
    await asyncio.sleep(0)
    await ear.stop()
    await plex.settled()
    left = {t for t in asyncio.all_tasks() - before if "events.py" in repr(t)}
    assert left == set()
