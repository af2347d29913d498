"""From every version that was released to this one, and back: nothing is lost on the way."""

from collections.abc import AsyncIterator
import contextlib
import json
from pathlib import Path
import sqlite3

from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.helpers import entity_registry as er, issue_registry as ir
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.plexsync import config_flow, entry_migration
from custom_components.plexsync.const import DOMAIN, SUBENTRY_STASH
from custom_components.plexsync.engine.layout import LAYOUT
from release.contents import changelog, version as this_version
from tests.home import call, set_up, until
from tests.homes import OldHome, load_plex, versions
from tests.homes.leave import COUNT, WAITING, edit, new_title
from tests.simulators.films import FILMS
from tests.simulators.plex import PlexSimulator
from tests.simulators.stash import StashCore, StashSimulator, load_films
from tests.test_persistence import home

pytestmark = pytest.mark.parametrize("version", versions())
FAR = 99


@pytest.fixture
async def old_plex(socket_enabled: None, version: str) -> AsyncIterator[PlexSimulator]:
    """Give the Plex that the old version knew; it is down, as it was."""
    async with PlexSimulator() as simulator:
        load_plex(simulator.core, version)
        await simulator.stop()
        yield simulator


@pytest.fixture
async def old_stash(socket_enabled: None) -> AsyncIterator[StashSimulator]:
    """Give the Stash that it knew."""
    core = StashCore()
    load_films(core, films=FILMS[:COUNT], covers=False)
    async with StashSimulator(core) as simulator:
        edit(simulator)
        yield simulator
    core.close()


@pytest.fixture
def old(version: str, old_plex: PlexSimulator, old_stash: StashSimulator) -> OldHome:
    """Give what it left."""
    return OldHome(version, old_plex.url, old_stash.url)


def make_old_entry(old: OldHome) -> MockConfigEntry:
    """Give the entry as the old version kept it."""
    kept = old.entry()
    return MockConfigEntry(
        domain=DOMAIN,
        title=kept["title"],
        entry_id=kept["entry_id"],
        unique_id=kept["unique_id"],
        version=kept["version"],
        minor_version=kept["minor_version"],
        data=kept["data"],
        options=kept["options"],
        subentries_data=kept["subentries"],
    )


def rows(path: Path, query: str) -> list[tuple[object, ...]]:
    """Ask a database that nobody has open."""
    with contextlib.closing(sqlite3.connect(path)) as db:
        return db.execute(query).fetchall()


def waited(old: OldHome) -> set[tuple[str, str]]:
    """Name the jobs that waited, or had failed, by source and key."""
    return set(old.jobs())


async def jobs(hass: HomeAssistant) -> set[tuple[str, str]]:
    """Name the jobs that there are now."""
    return {
        (job["source"], job["key"]) for job in (await call(hass, "get_jobs"))["jobs"]
    }


def title(plex: PlexSimulator, number: int) -> str:
    """Say what Plex shows as the title of the n-th film."""
    return plex.core.find(f"/data/films/{FILMS[number].path}").title


def test_every_release_has_left_its_home(version: str) -> None:
    """A version that is out can be upgraded from: what it leaves is here."""
    released = [
        each for each in changelog() if each not in ("Unreleased", this_version())
    ]
    assert set(released) == set(versions())
    assert version in released


async def test_the_circuit_is_as_it_was(
    tmp_path: Path, old: OldHome, old_plex: PlexSimulator
) -> None:
    """Open, with its outage, its counts and its jobs; nothing is set aside."""
    circuit, database = old.lay_out(tmp_path / ".storage")
    before = json.loads(circuit.read_text())["data"]
    assert len(waited(old)) == WAITING + 1  # and the one that has failed
    ledger = rows(
        database, "SELECT item, field, value, before FROM ledger ORDER BY 1, 2, 3"
    )
    assert ledger
    async with home(tmp_path) as hass:
        entry = await set_up(hass, make_old_entry(old))
        after = entry.runtime_data.engine.circuit.snapshot()
        assert after["breaker"]["state"] == before["breaker"]["state"] == "open"
        assert after["breaker"]["step"] >= before["breaker"]["step"]
        (was,), (outage,) = before["outages"]["outages"], after["outages"]["outages"]
        assert (outage["start"], outage["end"]) == (was["start"], None)
        assert _state(hass, entry, "circuit") == "open"
        assert _state(hass, entry, "synced") == str(COUNT)
        assert waited(old) <= await jobs(hass)
        assert not old_plex.journal.count(method="PUT")
        assert not [key for key in ir.async_get(hass).issues if key[0] == DOMAIN]
    assert ledger == rows(
        database, "SELECT item, field, value, before FROM ledger ORDER BY 1, 2, 3"
    )
    assert rows(database, "PRAGMA user_version") == [(LAYOUT.version,)]
    assert not list(database.parent.glob("*corrupt*"))


async def test_what_waited_arrives(
    tmp_path: Path, old: OldHome, old_plex: PlexSimulator
) -> None:
    """Once Plex is back each job is done, and what was written can still be undone."""
    old.lay_out(tmp_path / ".storage")
    async with home(tmp_path) as hass:
        entry = await set_up(hass, make_old_entry(old))
        engine = entry.runtime_data.engine
        # The probe that is due finds it down; the next one is brought forward.
        step = old.breaker()["step"]
        await until(hass, lambda: engine.circuit.breaker.step > step)
        await old_plex.start(port=int(old.plex_url.rpartition(":")[2]))
        engine.health.hurry()
        await until(hass, lambda: _state(hass, entry, "circuit") == "closed")
        await until(hass, lambda: _state(hass, entry, "pending") == "0")
        for number in range(WAITING):
            assert title(old_plex, number) == new_title(number)
        path = f"/data/films/{FILMS[2].path}"
        await call(hass, "undo_item", path=path)
        assert title(old_plex, 2) == Path(path).stem.partition(" (")[0]
        assert _state(hass, entry, "failed") == "1"


async def test_the_entry_is_brought_up_to_date(
    hass: HomeAssistant, old: OldHome
) -> None:
    """Each choice of its owner stands where this version looks for it."""
    old.lay_out(Path(hass.config.path(".storage")))
    entry = make_old_entry(old)
    kept = old.entry()
    await set_up(hass, entry)
    flow = config_flow.PlexSyncConfigFlow
    assert (entry.version, entry.minor_version) == (flow.VERSION, flow.MINOR_VERSION)
    assert entry.options["stale_after"] == 9
    assert "poll_interval" not in entry.options
    (source,) = entry.get_subentries_of_type(SUBENTRY_STASH)
    assert "fill_only" not in source.data
    assert source.data["fields"]["fill_only"] == ["summary"]
    assert source.data["fields"]["code_to"] == "tagline"
    assert source.data["poll_slowest"] == 45
    for name in ("url", "path_mappings", "start", "verify_ssl"):
        assert source.data[name] == kept["subentries"][0]["data"][name]
    assert dict(entry.data) == kept["data"]


async def test_a_newer_database_is_left_as_it_is(
    tmp_path: Path, old: OldHome, old_plex: PlexSimulator
) -> None:
    """Whoever goes back is told so; not a byte changes, and the newer version goes on."""
    circuit, database = old.lay_out(tmp_path / ".storage")
    async with home(tmp_path) as hass:
        await set_up(hass, make_old_entry(old))  # of this version now
    with contextlib.closing(sqlite3.connect(database)) as db:
        db.execute(f"PRAGMA user_version={LAYOUT.version + 1}")
    before = {each: each.read_bytes() for each in (circuit, database)}
    async with home(tmp_path) as hass:
        entry = make_old_entry(old)
        entry.add_to_hass(hass)
        assert not await hass.config_entries.async_setup(entry.entry_id)
        assert entry.state is ConfigEntryState.SETUP_ERROR
        issue = (DOMAIN, f"storage_too_new_{entry.entry_id}")
        assert issue in ir.async_get(hass).issues
    assert before == {each: each.read_bytes() for each in before}
    with contextlib.closing(sqlite3.connect(database)) as db:
        db.execute(f"PRAGMA user_version={LAYOUT.version}")
    async with home(tmp_path) as hass:
        await set_up(hass, make_old_entry(old))
        assert waited(old) <= await jobs(hass)
        assert not [key for key in ir.async_get(hass).issues if key[0] == DOMAIN]


@pytest.mark.parametrize(("major", "minor"), [(1, FAR), (2, 1)])
async def test_an_entry_of_a_newer_version(
    hass: HomeAssistant, old: OldHome, old_plex: PlexSimulator, major: int, minor: int
) -> None:
    """A newer minor version is read and left as it is; a newer major one is refused."""
    entry = make_old_entry(old)
    entry.add_to_hass(hass)
    entry_migration.async_migrate(hass, entry)
    data = {each.subentry_id: dict(each.data) for each in entry.subentries.values()}
    hass.config_entries.async_update_entry(entry, version=major, minor_version=minor)
    loads = await hass.config_entries.async_setup(entry.entry_id)
    assert loads is (major == 1)
    expected = ConfigEntryState.LOADED if loads else ConfigEntryState.MIGRATION_ERROR
    assert entry.state is expected
    assert (entry.version, entry.minor_version) == (major, minor)
    assert data == {k: dict(each.data) for k, each in entry.subentries.items()}


def _state(hass: HomeAssistant, entry: MockConfigEntry, key: str) -> str:
    """Give the state of a sensor by its key, whatever id the entry has."""
    registry = er.async_get(hass)
    unique_id = f"{entry.entry_id}_{key}"
    entity = registry.async_get_entity_id("sensor", DOMAIN, unique_id)
    assert entity is not None, key
    state = hass.states.get(entity)
    assert state is not None
    return state.state
