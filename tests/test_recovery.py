"""Outages and recoveries: how much a server that is down is asked, how fast work goes on.

The hours are virtual, all else is real: the engine, the session, the listener,
the simulator, and each connection over 127.0.0.1. With ``-s`` or ``-rP`` each
test prints its figures.
"""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from random import Random
import sys
from typing import Any

import aiohttp
from homeassistant.core import HomeAssistant
import pytest

from custom_components.plexsync.engine.circuit.breaker import Policy, Result, State
from custom_components.plexsync.engine.database.database import Database
from custom_components.plexsync.engine.engine import Engine
from custom_components.plexsync.engine.jobs.job import Priority
from custom_components.plexsync.engine.layout import LAYOUT
from custom_components.plexsync.engine.model.holds import Hold
from custom_components.plexsync.engine.model.record import Find, Record
from custom_components.plexsync.engine.util.clock import Clock
from custom_components.plexsync.plex.deadlines import Deadlines
from custom_components.plexsync.plex.events import PATH, Delays, PlexEvents
from custom_components.plexsync.plex.index import SCHEMA as INDEX_SCHEMA
from tests.home import PLEX_ROOT, call, make_entry, set_up, until, until_state
from tests.rig import POLICY, Gallery, MemoryStore, Rig, library
from tests.simulators.plex import PlexCore, PlexSimulator, Request
from tests.simulators.plex.library import synthetic
from tests.virtual import VirtualLoop, run, virtual
from tests.wire import Network, Observer, VirtualServer
from tests.world import EPOCH, HOUR, World, world

BOUND = 80  # connection attempts in an hour of outage
SEEDS = range(12)
LONGEST = Policy().longest  # seconds between two probes
METADATA = r"/library/metadata/"  # what a job reads, and no probe


def show(text: str) -> None:
    """Print a figure."""
    sys.stdout.write(f"{text}\n")


async def _untouched(it: World, jobs: int, state: str = "ready") -> None:
    """Check that the outage cost no job anything."""
    waiting, total = await it.engine.job_status.jobs()
    assert total == jobs
    assert {(job.attempts, job.state) for job in waiting} == {(0, state)}


DOWN: dict[str, dict[str, Any]] = {
    "refused": {"action": "refuse"},
    "reset": {"action": "reset_accept"},
    "maintenance": {"action": "maintenance"},
    "starting": {"action": "startup"},
    "database gone": {"action": "db_down", "mode": "500"},
    "dead behind a proxy": {"action": "proxy_404"},
    "silent": {"action": "blackhole"},
}


@pytest.mark.parametrize("fault", DOWN)
def test_an_hour_of_outage(socket_enabled: None, tmp_path: Path, fault: str) -> None:
    """Fewer than 80 connections tried, no job attempted, and then back within one delay."""

    async def hour(seed: int) -> tuple[int, int, float, float]:
        async with world(tmp_path, seed) as it:
            loop, rng = virtual(), Random(seed)
            await it.plex.stop()
            it.plex.faults.add(**DOWN[fault])
            if fault == "silent":  # what never comes need not be waited for
                it.wait_for_answers(Deadlines(probe=0.03, read=0.03))
            await it.plex.start()
            began, before = loop.time(), it.attempts
            it.plex.journal.clear()
            it.accepted.clear()
            it.edited.clear()
            await asyncio.sleep(rng.uniform(0, 60))  # some time before there is work
            await it.submit(20, "After")
            await it.until(lambda: it.opened is not None)
            assert it.opened is not None
            await asyncio.sleep(0)
            sockets, puts = it.events.attempts, it.plex.journal.count(method="PUT")
            reads = it.plex.journal.count(path=METADATA)
            await asyncio.sleep(began + HOUR - loop.time())

            attempts = it.attempts - before
            assert attempts < BOUND
            assert it.events.attempts - sockets <= 1  # one may have been under way
            assert it.plex.journal.count(method="PUT") == puts == 0
            assert it.plex.journal.count(path=METADATA) == reads
            assert it.engine.circuit.breaker.state is State.OPEN
            await _untouched(it, 20)
            outage = it.engine.circuit.outages.current
            assert outage is not None
            probes = outage.probes

            await asyncio.sleep(rng.uniform(0, 60))
            it.wait_for_answers(Deadlines())
            it.plex.faults.clear()
            back = loop.time()
            await it.until(lambda: it.edited)
            # A server that is only starting up lets the socket in, and it stays.
            await it.until(lambda: it.events.connected, 2 * LONGEST)
            edit = it.edited[0] - back
            shake = next((at for at in it.accepted if at >= back), back) - back
            assert edit <= (shake + 2 if shake else LONGEST)
            assert edit <= LONGEST
            await it.drained()
            assert it.plex.journal.count(method="PUT") == 20
            return attempts, probes, edit, shake

    seeds = SEEDS if fault == "refused" else SEEDS[:2]
    found = [run(hour(seed)) for seed in seeds]
    attempts, probes, edits, shakes = zip(*found, strict=True)
    show(
        f"{fault}: seeds {seeds[0]}-{seeds[-1]}, connections tried in an hour"
        f" {min(attempts)}-{max(attempts)} (bound {BOUND}), probes"
        f" {min(probes)}-{max(probes)}, jobs attempted 0; back to first edit"
        f" {min(edits):.1f}-{max(edits):.1f} s, to accepted handshake"
        f" {min(shakes):.1f}-{max(shakes):.1f} s (one delay: {LONGEST:.0f} s)"
    )


def test_an_hour_down_with_nothing_to_do(socket_enabled: None, tmp_path: Path) -> None:
    """Nobody probes then, and the listener alone keeps to the bound; it shows that Plex is gone."""

    async def hour(seed: int) -> int:
        async with world(tmp_path, seed) as it:
            await it.plex.stop()
            before = it.attempts
            await asyncio.sleep(HOUR)
            assert it.engine.circuit.breaker.state is State.CLOSED
            assert it.engine.circuit.reachable is False
            attempts = it.attempts - before
            await it.plex.start()
            it.accepted.clear()
            await it.until(lambda: it.accepted, LONGEST + 1)
            assert it.engine.circuit.reachable
            return attempts

    attempts = [run(hour(seed)) for seed in SEEDS]
    show(f"idle: connections tried in an hour {min(attempts)}-{max(attempts)}")
    assert max(attempts) < BOUND


def test_an_hour_of_no_socket(socket_enabled: None, tmp_path: Path) -> None:
    """A server whose websocket alone is refused is asked once a minute; work goes on."""

    async def hour() -> int:
        async with world(tmp_path) as it:
            it.plex.faults.add("ws_503")
            it.plex.hub.drop()
            before = it.events.attempts
            await asyncio.sleep(HOUR / 2)
            await it.submit(20, "Still")
            await it.drained()
            await asyncio.sleep(HOUR / 2)
            return it.events.attempts - before

    attempts = run(hour())
    show(f"no socket: connections tried in an hour {attempts}")
    assert 55 <= attempts < BOUND


def test_an_hour_of_refusal(socket_enabled: None, tmp_path: Path) -> None:
    """While the token is refused only the probe asks, and the listener follows it."""

    async def hour() -> int:
        async with world(tmp_path) as it:
            circuit = it.engine.circuit
            it.plex.faults.add("status", code=401)
            it.plex.hub.drop()
            await it.submit(20, "After")
            await it.until(lambda: Hold.AUTH in circuit.holds)
            before, sockets = it.attempts, it.events.attempts
            await asyncio.sleep(HOUR)
            assert it.events.attempts - sockets <= 1
            assert circuit.breaker.state is State.CLOSED
            await _untouched(it, 20, "held")
            attempts = it.attempts - before
            it.accepted.clear()
            it.plex.faults.clear()
            await it.until(lambda: it.accepted)
            assert not circuit.holds
            await it.drained()
            return attempts

    attempts = run(hour())
    show(f"refused token: connections tried in an hour {attempts}")
    assert attempts < 20


def test_a_handshake_under_way_brings_the_probe_forward(
    socket_enabled: None, tmp_path: Path
) -> None:
    """It was sent before the circuit opened, and accepted while the next probe was far."""

    async def main() -> None:
        async with world(tmp_path) as it:
            circuit = it.engine.circuit
            it.plex.faults.add("blackhole", path=PATH)
            it.plex.hub.drop()
            await it.plex.journal.arrived(2, path=PATH)
            token = circuit.breaker.begin_probe()
            for _ in range(6):  # as an hour of outage would have left it
                circuit.breaker.end_probe(token, Result.FAILURE, virtual().time())
                token = circuit.breaker.begin_probe()
            circuit.breaker.end_probe(token, Result.FAILURE, virtual().time())
            due = circuit.breaker.next_probe
            assert due is not None
            assert due - virtual().time() > 40
            assert not circuit.may_listen()
            it.edited.clear()
            await it.submit(5, "After")
            began = virtual().time()
            it.engine.health.sighted(True)
            await it.until(lambda: it.edited)
            assert it.edited[0] - began < 2

    run(main())


def test_work_after_an_outage_begins_with_one_edit(tmp_path: Path) -> None:
    """1,000 edits: one in flight, then more; it takes little longer than without an outage.

    The connections are virtual, too, as the server's latency has to be.
    """
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        in_flight, calm, after = runner.run(_edit_all(tmp_path))
    show(
        f"1,000 edits after an hour of outage took {after:.1f} s, {calm:.1f} s without:"
        f" {after / calm:.2f} times; in flight {in_flight[0]} to {max(in_flight)}"
    )
    assert in_flight[0] == 1
    assert max(in_flight) > 4
    assert after <= 1.5 * calm


class _Edits(Observer):
    """Counts the edits on the wire; in order, how many there were at each that left."""

    def __init__(self) -> None:
        self.in_flight: list[int] = []
        self.ended_at: list[float] = []
        self._now = 0

    def sends(self, request: Request, *, probe: bool) -> None:
        if request.method == "PUT":
            self._now += 1
            self.in_flight.append(self._now)

    def ended(self, request: Request, *, probe: bool) -> None:
        if request.method == "PUT":
            self._now -= 1
            self.ended_at.append(asyncio.get_running_loop().time())


async def _edit_all(folder: Path) -> tuple[list[int], float, float]:
    """Edit all films, and once more after an outage; give edits in flight, and seconds."""
    loop, edits = asyncio.get_running_loop(), _Edits()
    core = PlexCore(clock=loop.time)
    synthetic(core, 1000)
    network = Network(core, edits)
    network.faults.add("slow", ms=20)
    database = Database(folder / "pace.db", LAYOUT.beside(INDEX_SCHEMA), inline=True)
    server = VirtualServer(network, database, monotonic=loop.time)
    clock = Clock(loop.time, lambda: EPOCH + loop.time())
    engine = Engine(
        database, server, Gallery(), store=MemoryStore(), clock=clock, random=Random(1)
    )

    async def submit(tag: str) -> None:
        await engine.submit(
            [
                Record("s", str(i), Find(tuple(item.files)), {"title": f"{tag} {i}"})
                for i, item in enumerate(core.items.values())
            ],
            Priority.BULK,
        )

    async def drain() -> float:
        while (await engine.snapshot()).pending:
            await asyncio.sleep(0.1)
        times, edits.ended_at = edits.ended_at, []
        assert len(times) == 1000
        return times[-1] - times[0]

    await engine.open()
    working = asyncio.create_task(engine.run())
    try:
        await submit("Calm")
        calm = await drain()
        outage = network.faults.add("refuse")
        network.cut()
        await submit("After")
        await asyncio.sleep(HOUR)
        assert engine.circuit.breaker.state is State.OPEN
        edits.in_flight.clear()
        network.faults.remove(outage)
        return edits.in_flight, calm, await drain()
    finally:
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)
        await engine.close()


def test_a_late_item_wakes_its_job(socket_enabled: None, tmp_path: Path) -> None:
    """A job that has been waiting for an hour and longer is done as the scan ends."""

    async def main() -> float:
        async with world(tmp_path) as it:
            path = "/data/movies/Late (2026)/Late (2026).mkv"
            await it.engine.submit(
                [Record("s", "late", Find((path,)), {"title": "Late"})], Priority.BULK
            )
            await asyncio.sleep(6 * HOUR)
            (job,), _ = await it.engine.job_status.jobs(reason="not_found")
            assert job.next_attempt is not None
            wait = job.next_attempt - it.engine.clock.steady()
            requests = len(it.plex.journal)
            section = next(iter(it.plex.core.sections.values()))
            it.plex.core.add_file(path)
            it.plex.core.scan(section)
            it.plex.faults.clear()  # the simulator looks at its clock
            began = virtual().time()
            await it.drained()
            assert any(item.title == "Late" for item in it.plex.core.items.values())
            show(
                f"late item: written {virtual().time() - began:.1f} s after the scan"
                f" began, {wait:.0f} s early, with"
                f" {len(it.plex.journal) - requests} requests"
            )
            return wait

    assert run(main()) > 60


def test_a_storm_of_new_items(socket_enabled: None, tmp_path: Path) -> None:
    """2,000 items in ten minutes, while 20 jobs wait for others: a request now and then."""

    async def main() -> None:
        async with world(tmp_path) as it:
            await it.engine.submit(
                [
                    Record(
                        "s",
                        f"{n}",
                        Find((f"/data/movies/No {n}/No.mkv",)),
                        {"title": "No"},
                    )
                    for n in range(20)
                ],
                Priority.BULK,
            )
            await asyncio.sleep(6 * HOUR)
            before = len(it.plex.journal)
            for number in range(2_000):
                for state, more in ((0, {"metadataState": "created"}), (5, {})):
                    entry = {"itemID": str(10**6 + number), "state": state, **more}
                    it.plex.hub.publish({"type": "timeline", "TimelineEntry": [entry]})
                await asyncio.sleep(0.3)
            await asyncio.sleep(60)
            requests = len(it.plex.journal) - before
            show(
                f"storm: 2,000 new items in 10 minutes, 20 jobs waiting, {requests} requests"
            )
            assert requests < 300
            assert it.events.attempts == 1

    run(main())


async def test_back_at_once_over_real_time(
    socket_enabled: None, tmp_path: Path
) -> None:
    """The same with delays a hundred times shorter: from accepted handshake to edit."""
    async with library(30) as plex, aiohttp.ClientSession() as session:
        rig = Rig(plex, tmp_path)
        await rig.start()
        accepted: list[float] = []
        edited: list[float] = []
        loop = asyncio.get_running_loop()

        def contact(there: bool) -> None:
            if there:
                accepted.append(loop.time())
            rig.engine.health.sighted(there)

        async def arrived(keys: Sequence[str]) -> None:
            await rig.engine.arrivals.came(keys)

        events = PlexEvents(
            session,
            plex.url,
            plex.token,
            client_id="rig",
            allowed=rig.engine.circuit.may_listen,
            contact=contact,
            arrived=arrived,
            changed=rig.engine.plex_notices.void,
            delays=Delays(first=0.02, cap=0.3),
        )
        listening = asyncio.create_task(events.run())

        async def look() -> None:
            while True:
                events.look()  # Rig has no way to pass its events on
                await asyncio.sleep(0.01)

        looking = asyncio.create_task(look())
        try:
            await rig.submit(rig.records(3))
            await rig.drained()
            worst = late = 0.0
            for number in range(10):
                await rig.until(lambda: events.connected)
                await plex.stop()
                await rig.submit(rig.records(5, f"Round {number}"))
                await rig.state(State.OPEN)
                accepted.clear()
                edited.clear()
                stop = plex.core.subscribe(
                    lambda event: (
                        edited.append(loop.time())
                        if event["type"] == "timeline"
                        else None
                    )
                )
                await plex.start()
                back = loop.time()
                await rig.until(lambda: edited)
                await rig.until(lambda: accepted)
                stop()
                worst = max(worst, edited[0] - accepted[0])
                late = max(late, edited[0] - back)
                await rig.drained()
        finally:
            looking.cancel()
            listening.cancel()
            await asyncio.gather(looking, listening, return_exceptions=True)
            await rig.stop()
    show(
        f"real time, 10 outages: from back to first edit {late:.2f} s at most"
        f" (longest delay {POLICY.longest:.2f} s), from accepted handshake {worst:.2f} s"
    )
    assert worst <= 2


async def test_home_assistant_is_back_at_once(
    hass: HomeAssistant, plex: PlexSimulator
) -> None:
    """The whole integration, with its own delays: Plex stops, comes back, is edited."""
    entry = await set_up(hass, make_entry(plex))
    events = entry.runtime_data.events
    await plex.journal.arrived(path=PATH)
    paths = [item.files[0] for item in plex.core.items.values()]
    await call(hass, "sync_item", path=paths[0], fields={"title": "One"}, wait=10)
    assert events.connected
    assert entry.runtime_data.engine.circuit.reachable

    await plex.stop()
    await call(hass, "sync_item", path=paths[1], fields={"title": "Two"})
    await until_state(hass, "sensor", "circuit", "open")
    tried = events.attempts
    plex.journal.clear()
    await plex.start()
    await until_state(hass, "sensor", "circuit", "closed")
    await plex.journal.arrived(path=PATH)
    (edit,) = plex.journal.matching(method="PUT")
    (shake,) = plex.journal.matching(path=PATH)
    show(f"Home Assistant: edited {edit.time - shake.time:+.2f} s after the handshake")
    assert edit.time - shake.time < 2
    assert events.attempts - tried == 1

    assert await hass.config_entries.async_unload(entry.entry_id)
    assert not events.connected


async def test_home_assistant_hears_of_new_items(
    hass: HomeAssistant, plex: PlexSimulator
) -> None:
    """A job that waits for its item is done as soon as a scan has found it."""
    entry = await set_up(hass, make_entry(plex))
    engine = entry.runtime_data.engine
    path = f"{PLEX_ROOT}/Late (2026)/Late (2026).mkv"
    answer = await call(hass, "sync_item", path=path, fields={"title": "Late"}, wait=2)
    assert (answer["status"], answer["reason"]) == ("queued", "not_found")
    plex.core.add_file(path)
    section = next(iter(plex.core.sections.values()))
    plex.core.scan(section)
    plex.faults.clear()  # the simulator looks at its clock
    await until(hass, lambda: any(i.title == "Late" for i in plex.core.items.values()))
    await until_state(hass, "sensor", "pending", "0")

    key = str(next(iter(plex.core.items)))
    plex.core.catalog.touch(plex.core.items[int(key)], ("title",))
    async with asyncio.timeout(10):
        while key not in engine.plex_notices.voided:  # it only shows in a race
            await asyncio.sleep(0.01)
