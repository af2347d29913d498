"""The breaker's host: what is saved before anything else goes on, and what is told."""

import asyncio
from random import Random
from typing import Any

import pytest

from custom_components.plexsync.engine.circuit.breaker import Policy, Result, State
from custom_components.plexsync.engine.circuit.circuit import Circuit
from custom_components.plexsync.engine.circuit.health import Health
from custom_components.plexsync.engine.model.events import (
    CircuitClosed,
    CircuitHalfOpened,
    CircuitMoved,
    CircuitOpened,
    Event,
)
from custom_components.plexsync.engine.model.faults import Fault, FaultClass
from custom_components.plexsync.engine.model.holds import Hold
from custom_components.plexsync.engine.util.clock import Clock
from tests.rig import WITHIN, MemoryStore


class _SlowStore(MemoryStore):
    """A store that saves only when it is let."""

    def __init__(self) -> None:
        super().__init__()
        self.may = asyncio.Event()
        self.may.set()
        self.saving = asyncio.Event()

    async def save(self, data: dict[str, Any]) -> None:
        """Wait for leave."""
        self.saving.set()
        await self.may.wait()
        await super().save(data)


def _circuit(store: MemoryStore) -> tuple[Circuit, list[Event]]:
    events: list[Event] = []
    circuit = Circuit(clock=Clock(), random=Random(1), store=store, tell=events.append)
    circuit.breaker.verified = True
    return circuit, events


async def _probe(circuit: Circuit, result: Result) -> None:
    """Let a probe end like this."""
    token = circuit.breaker.begin_probe()
    circuit.breaker.end_probe(token, result, 0.0)
    await circuit.moved("recovery")


async def test_no_permit_while_half_open_is_being_saved() -> None:
    """A kill in between would leave a disk that knows less than the server."""
    store = _SlowStore()
    circuit, _ = _circuit(store)
    await circuit.trip("refused", since=1.0)
    store.may.clear()
    store.saving.clear()
    moving = asyncio.create_task(_probe(circuit, Result.SUCCESS))
    await store.saving.wait()
    assert circuit.breaker.state is State.HALF_OPEN
    assert circuit.admit() is None
    store.may.set()
    await moving
    assert circuit.admit() is not None


async def test_who_is_cancelled_during_a_save_leaves_nobody_waiting() -> None:
    """An action that was stopped, say; the new state is on disk, and the worker wakes."""
    store = _SlowStore()
    circuit, _ = _circuit(store)
    await circuit.trip("refused", since=1.0)
    store.may.clear()
    store.saving.clear()
    resetting = asyncio.create_task(circuit.reset())
    await store.saving.wait()
    heard = circuit.bell.rung
    circuit.wake.clear()
    resetting.cancel()
    await asyncio.sleep(0)
    assert circuit.admit() is None
    store.may.set()
    with pytest.raises(asyncio.CancelledError):
        await resetting
    assert store.data is not None
    assert store.data["breaker"]["state"] == "closed"
    assert circuit.bell.rung > heard
    assert circuit.wake.is_set()


async def test_half_open_is_told_once_an_outage() -> None:
    """However often a probe passes and no edit goes well."""
    circuit, events = _circuit(MemoryStore())
    for _ in range(2):
        await circuit.trip("refused", since=1.0)
        for _ in range(3):
            await _probe(circuit, Result.SUCCESS)
            assert circuit.breaker.state is State.HALF_OPEN
            await circuit.trip("refused", since=1.0)
        await _probe(circuit, Result.SUCCESS)
        permit = circuit.admit()
        assert permit is not None
        await circuit.end_trial(permit, Result.SUCCESS)
    told = [type(event) for event in events if isinstance(event, CircuitMoved)]
    assert told == [CircuitOpened, CircuitHalfOpened, CircuitClosed] * 2


async def test_a_reset_by_hand_ends_the_outage_and_begins_gently() -> None:
    """Like every closing; that it was by hand stands in the outage's record."""
    circuit, events = _circuit(MemoryStore())
    await circuit.trip("refused", since=1.0)
    await circuit.reset()
    assert circuit.outages.outages[-1].ended_by == "reset"
    assert circuit.pace.limit == 1
    assert circuit.admit() is None  # a probe comes first
    await circuit.reset()
    closed = [event.cause for event in events if isinstance(event, CircuitClosed)]
    assert closed == ["reset"]


async def test_an_item_that_failed_long_ago_began_no_outage() -> None:
    """An outage is dated back to faults shortly before it, and no further."""
    now = Clock().wall()
    for earlier, began in ((now - 3600, now - 10), (now - 40, now - 40)):
        circuit, _ = _circuit(MemoryStore())
        circuit.evidence.edit_failed("1", earlier, refused=False)
        await circuit.trip("refused", since=now - 10)
        assert circuit.outages.current is not None
        assert circuit.outages.current.start == began


async def test_time_in_which_nobody_could_look_is_unknown() -> None:
    """From the last save to the next start, and while access is refused."""
    now = 1000.0
    store, clock = MemoryStore(), Clock(lambda: now, lambda: now)

    async def start() -> Circuit:
        circuit = Circuit(clock=clock, random=Random(1), store=store, tell=repr)
        await circuit.load()
        return circuit

    await (await start()).save()
    now = 1100.0
    circuit = await start()
    now = 1150.0
    await circuit.save()
    circuit.holds.add(Hold.AUTH)
    now = 1180.0
    await circuit.save()
    assert circuit.outages.blind(now, 180.0) == [(1000.0, 1100.0), (1150.0, 1180.0)]


async def test_time_that_the_machine_slept_through_is_unknown() -> None:
    """Nobody looked then; what passes on the wall alone was seen by nobody."""
    steady = wall = 1000.0
    clock = Clock(lambda: steady, lambda: wall)
    circuit = Circuit(clock=clock, random=Random(1), tell=repr)
    await circuit.save()
    steady, wall = steady + 900, wall + 900
    await circuit.save()
    steady, wall = steady + 10, wall + 8 * 3600
    await circuit.save()
    steady, wall = steady + 900, wall + 900
    await circuit.save()
    asleep = 1900.0, 1900.0 + 8 * 3600
    assert circuit.outages.blind(wall, wall - 1000.0) == [asleep]


async def test_a_sign_of_life_during_a_probe_is_not_lost() -> None:
    """The probe that is under way began before it, and fails: another one follows."""
    circuit, _ = _circuit(MemoryStore())
    hour = 3600.0  # by themselves probes do not follow each other sooner
    circuit.breaker.policy = Policy(first_delay=hour, cap=hour, refused=hour)
    await circuit.trip("refused", since=1.0)
    under_way, over = asyncio.Event(), asyncio.Event()
    probes = 0

    async def probe() -> None:
        nonlocal probes
        probes += 1
        if probes == 1:
            under_way.set()
            await over.wait()
            raise Fault(FaultClass.SERVER, "refused", unreachable=True)

    health = Health(circuit, probe, Clock())
    health.hurry()
    running = asyncio.create_task(health.run())
    await under_way.wait()
    health.hurry()
    over.set()
    async with asyncio.timeout(WITHIN):
        while circuit.breaker.state is State.OPEN:
            await asyncio.sleep(0)
    assert probes == 2
    running.cancel()
