"""What our entities leave in the recorder: the real one, over days of virtual time.

Everything is as at home but the clock: Home Assistant, its recorder with a database in
memory, Plex and Stash over real HTTP. With ``-s`` or ``-rP`` each test prints its figures.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Callable
import contextlib
from functools import partial
import logging
from pathlib import Path
from sqlite3 import Connection
import sys
from typing import Any, override

from homeassistant.components import recorder
from homeassistant.components.recorder import DOMAIN as RECORDER, get_instance
from homeassistant.components.recorder.db_schema import (
    Events,
    EventTypes,
    States,
    StatesMeta,
)
from homeassistant.components.recorder.util import session_scope
from homeassistant.core import HomeAssistant
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.recorder import async_initialize_recorder
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.plexsync import coordinator
from custom_components.plexsync.const import EVENT_PLEXSYNC
from custom_components.plexsync.engine.database.database import Database
from custom_components.plexsync.engine.util.clock import Clock
from tests.home import call, enable_all, make_entry, set_up, stash_subentry
from tests.simulators.films import FILMS
from tests.simulators.plex import PlexSimulator, from_films
from tests.simulators.stash import StashCore, StashSimulator, load_films
from tests.test_persistence import home
from tests.virtual import run, virtual
from tests.world import EPOCH, HOUR

pytestmark = pytest.mark.timeout(400)  # for a busy machine: days are long

DAY = 24 * HOUR
QUIET = 100  # rows of a day on which nothing happens, at most
COUNT = 12
_POLL = 600  # seconds between looks at Stash: days pass more quickly


class Watched(Database):
    """Lets no time pass while its thread has something to do."""

    def __init__(self, *args: Any) -> None:
        """Have the loop look."""
        super().__init__(*args)
        self._waiting = 0
        virtual().watch(lambda: self._waiting > 0)

    @override
    async def run[T](self, work: Callable[[Connection], T], **how: Any) -> T:
        self._waiting += 1
        try:
            return await super().run(work, **how)
        finally:
            self._waiting -= 1


class Recorded:
    """A Home Assistant with one server and one source, and what is recorded of them."""

    def __init__(
        self, hass: HomeAssistant, entry: MockConfigEntry, plex: PlexSimulator
    ) -> None:
        """Take what there is."""
        self.hass = hass
        self.entry = entry
        self.plex = plex

    async def until(self, holds: Callable[[], object]) -> None:
        """Wait until something is so."""
        async with asyncio.timeout(HOUR):
            while not holds():
                await asyncio.sleep(1)

    async def rows(self) -> Counter[str]:
        """Count all rows so far: states of our entities by key, and our events."""
        await get_instance(self.hass).async_block_till_done()
        return await get_instance(self.hass).async_add_executor_job(self._count)

    def _count(self) -> Counter[str]:
        ours = {
            each.entity_id: f"{each.domain}.{each.unique_id.partition('_')[2]}"
            for each in er.async_entries_for_config_entry(
                er.async_get(self.hass), self.entry.entry_id
            )
        }
        found = Counter[str]()
        with session_scope(hass=self.hass, read_only=True) as session:
            states = session.query(StatesMeta.entity_id).join(
                States, States.metadata_id == StatesMeta.metadata_id
            )
            found.update(ours[name] for (name,) in states if name in ours)
            events = (
                session.query(EventTypes.event_type)
                .join(Events, Events.event_type_id == EventTypes.event_type_id)
                .filter(EventTypes.event_type == EVENT_PLEXSYNC)
            )
            found.update(kind for (kind,) in events)
        return found

    async def quiet_day(self) -> Counter[str]:
        """Let a day pass with a comparison in it; give its rows."""
        before = await self.rows()
        await asyncio.sleep(DAY / 2)
        counts = (await call(self.hass, "reconcile", wait=300))["counts"]
        assert counts == {"in_line": COUNT}
        await asyncio.sleep(DAY / 2)
        return await self.rows() - before

    async def outage(self, minutes: int) -> None:
        """Let Plex refuse everybody for a while, with a job that waits for it."""
        self.plex.faults.add("refuse")
        path = next(iter(self.plex.core.items.values())).files[0]
        fields = {"tagline": f"After {virtual().time()}"}
        await call(self.hass, "sync_item", path=path, fields=fields)
        await asyncio.sleep(minutes * 60)
        assert self.entry.runtime_data.data.circuit == "open"
        self.plex.faults.clear()
        await self.until(lambda: self.entry.runtime_data.data.circuit == "closed")


@contextlib.asynccontextmanager
async def recorded(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncGenerator[Recorded]:
    """Give one in which everything is in line, an hour ago."""
    loop, starting = virtual(), True
    clock = partial(Clock, loop.time, lambda: EPOCH + loop.time())
    monkeypatch.setattr(coordinator, "Clock", clock)  # the engine's time is the loop's
    core = StashCore()
    load_films(core, films=FILMS[:COUNT])
    async with (
        PlexSimulator() as plex,
        StashSimulator(core) as stash,
        home(folder) as hass,
    ):
        from_films(plex.core, [{"path": film.path} for film in FILMS[:COUNT]])
        loop.watch(lambda: starting)  # the recorder's thread, that is
        async_initialize_recorder(hass)
        config = {RECORDER: {"db_url": "sqlite://", "commit_interval": 0}}
        assert await async_setup_component(hass, RECORDER, config)
        await get_instance(hass).async_recorder_ready.wait()
        starting = False
        loop.watch(lambda: get_instance(hass).backlog > 0)
        monkeypatch.setattr(coordinator, "Database", Watched)
        source = stash_subentry(stash, poll_slowest=_POLL)
        entry = enable_all(hass, make_entry(plex, source))
        await set_up(hass, entry)
        it = Recorded(hass, entry, plex)
        await it.until(lambda: entry.runtime_data.data.statistics.synced == COUNT)
        await asyncio.sleep(HOUR)
        yield it
    core.close()


def show(what: str, rows: Counter[str]) -> None:
    """Print the figures."""
    sys.stdout.write(f"{what}: {rows.total()} rows, {dict(rows.most_common())}\n")


@pytest.fixture
def patient(
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    socket_enabled: None,
) -> pytest.MonkeyPatch:
    """Let a recorder have a database in memory, as core's own tests do, and say less."""
    monkeypatch.setattr(recorder, "ALLOW_IN_MEMORY_DB", True)
    for logger in (None, "sqlalchemy.engine"):
        caplog.set_level(logging.WARNING, logger)
    return monkeypatch


def test_a_day_on_which_nothing_happens(
    tmp_path: Path, patient: pytest.MonkeyPatch
) -> None:
    """Little is written but what the nightly comparison says."""

    async def day() -> Counter[str]:
        async with recorded(tmp_path, patient) as it:
            assert it.entry.runtime_data.data.statistics.unchanged == 0
            return await it.quiet_day()

    rows = run(day())
    show("A day of nothing", rows)
    assert rows["event.sync_event"] == rows[EVENT_PLEXSYNC] == 1
    assert rows.total() <= QUIET


def test_a_day_with_three_outages(tmp_path: Path, patient: pytest.MonkeyPatch) -> None:
    """Figures change when there is news, and not each minute from the first outage on."""

    async def days() -> tuple[Counter[str], Counter[str]]:
        async with recorded(tmp_path, patient) as it:
            before, begin = await it.rows(), virtual().time()
            for minutes in (3, 20, 90):
                await asyncio.sleep(5 * HOUR)
                await it.outage(minutes)
            await asyncio.sleep(begin + DAY - virtual().time())
            return await it.rows() - before, await it.quiet_day()

    rows, after = run(days())
    show("A day with three outages", rows)
    show("The quiet day after it", after)
    assert rows["sensor.outages"] == rows["sensor.mttr"] == 3
    assert rows[EVENT_PLEXSYNC] == 9  # opened, half opened and closed, each time
    for figure in ("sensor.availability", "sensor.mtbf"):
        assert rows[figure] <= 6 + 4  # as outages begin and end, and four times a day
    assert rows.total() <= 3 * QUIET
    assert after.total() <= QUIET
