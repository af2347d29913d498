"""What survives a restart: Home Assistant's real ``Store`` on real files."""

from collections.abc import AsyncGenerator
import contextlib
import json
import math
from pathlib import Path
from typing import Any

from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import frame, issue_registry as ir
from homeassistant.helpers.event import async_track_state_change_event
from homeassistant.loader import DATA_CUSTOM_COMPONENTS
from homeassistant.util import dt as dt_util
import pytest
from pytest_homeassistant_custom_component.common import async_test_home_assistant

from custom_components.plexsync.const import DOMAIN
from custom_components.plexsync.engine.circuit.breaker import Result, State
from tests.home import call, entity_id, make_entry, set_up, state_of, until, until_state
from tests.simulators.plex import PlexSimulator

STORE = ".storage/plexsync.01ENTRY"


@contextlib.asynccontextmanager
async def home(folder: Path) -> AsyncGenerator[HomeAssistant]:
    """Start a Home Assistant on a folder, and stop it as a person does."""
    (folder / ".storage").mkdir(parents=True, exist_ok=True)
    (folder / "custom_components").mkdir(exist_ok=True)
    async with async_test_home_assistant(config_dir=str(folder)) as hass:
        hass.data.pop(DATA_CUSTOM_COMPONENTS, None)
        frame.async_setup(hass)  # as every start of its own does
        try:
            yield hass
        finally:
            await hass.async_stop(force=True)


def stored(folder: Path) -> dict[str, Any]:
    """Read what the store wrote."""
    return json.loads((folder / STORE).read_text())["data"]  # type: ignore[no-any-return]


async def sync(hass: HomeAssistant, plex: PlexSimulator, tag: str, count: int) -> None:
    """Ask for a new title of so many films."""
    for item in list(plex.core.items.values())[:count]:
        await call(
            hass, "sync_item", path=item.files[0], fields={"title": f"{tag} {item.key}"}
        )


def titled(plex: PlexSimulator, tag: str) -> int:
    """Count the films that show such a title."""
    return sum(item.title.startswith(tag) for item in plex.core.items.values())


async def test_an_outage_over_a_restart(tmp_path: Path, plex: PlexSimulator) -> None:
    """Open stays open, one probe comes at its time, then each job arrives once."""
    async with home(tmp_path) as hass:
        await set_up(hass, make_entry(plex))
        await sync(hass, plex, "First", 5)
        await until_state(hass, "sensor", "synced", "5")
        await until_state(hass, "sensor", "pending", "0")
        synced = state_of(hass, "sensor", "synced").state
        assert synced == "5"
        plex.faults.add("maintenance")
        await sync(hass, plex, "Second", 5)
        await until_state(hass, "sensor", "circuit", "open")
        assert state_of(hass, "binary_sensor", "plex").state == "off"
    breaker = stored(tmp_path)["breaker"]
    assert breaker["state"] == "open"

    plex.journal.clear()
    async with home(tmp_path) as hass:
        entry = await set_up(hass, make_entry(plex))
        assert state_of(hass, "sensor", "circuit").state == "open"
        assert state_of(hass, "sensor", "pending").state == "5"
        assert state_of(hass, "sensor", "synced").state == synced
        assert state_of(hass, "event", "sync_event").state == "unknown"
        due = dt_util.parse_datetime(state_of(hass, "sensor", "next_probe").state)
        assert due is not None
        assert abs(due.timestamp() - breaker["probe_at"]) < 1 or due <= dt_util.utcnow()
        (probe,) = await plex.journal.arrived(1, within=20)
        assert probe.path == "/identity"
        assert plex.core.clock() >= breaker["probe_at"] - 0.1
        await until(hass, lambda: entry.runtime_data.engine.circuit.breaker.step == 1)
        assert len(plex.journal) == 1
        jobs = (await call(hass, "get_jobs"))["jobs"]
        assert [job["attempts"] for job in jobs] == [0] * 5

        shown: list[str] = []
        circuit = entity_id(hass, "sensor", "circuit")
        async_track_state_change_event(
            hass, circuit, callback(lambda e: shown.append(e.data["new_state"].state))
        )
        plex.faults.clear()
        entry.runtime_data.engine.health.hurry()
        await until_state(hass, "sensor", "circuit", "closed")
        assert list(dict.fromkeys(shown)) == ["half_open", "closed"]
        await until_state(hass, "sensor", "synced", "10")
        await until_state(hass, "sensor", "pending", "0")
        assert titled(plex, "Second") == 5
        assert plex.journal.count(method="PUT") == 5
        assert state_of(hass, "sensor", "outages").state == "1"
        assert state_of(hass, "sensor", "synced").state == "10"
    assert stored(tmp_path)["breaker"]["state"] == "closed"
    (outage,) = stored(tmp_path)["outages"]["outages"]
    assert outage["end"] > outage["start"]


@pytest.mark.parametrize("state", list(State))
async def test_every_state_survives_an_unload(
    tmp_path: Path, plex: PlexSimulator, state: State
) -> None:
    """Change the state, unload, set up a second entry on the same files."""
    plex.faults.add("maintenance")
    async with home(tmp_path) as hass:
        entry = await set_up(hass, make_entry(plex))
        circuit = entry.runtime_data.engine.circuit
        now = entry.runtime_data.engine.clock.wall()
        if state is State.CLOSED:
            for item in ("101", "102"):
                circuit.evidence.edit_failed(item, now, refused=False)
        else:
            await circuit.trip("error_500", since=now)
        if state is State.HALF_OPEN:
            circuit.breaker.end_probe(circuit.breaker.begin_probe(), Result.SUCCESS, 0)
        assert circuit.breaker.state is state
        before = circuit.snapshot()
        assert await hass.config_entries.async_unload(entry.entry_id)

    async with home(tmp_path) as hass:
        entry = await set_up(hass, make_entry(plex))
        assert state_of(hass, "sensor", "circuit").state == state
        after = entry.runtime_data.engine.circuit.snapshot()
        for each in (before, after):
            each["breaker"]["probe_at"] = 0
        for part in ("breaker", "pace", "run"):
            assert after[part] == before[part]
        if state is State.CLOSED:  # else it stands in the outage's record
            assert after["first_fault"] == before["first_fault"]


GOOD: dict[str, Any] = {
    "breaker": {
        "format": 1,
        "state": "open",
        "generation": 3,
        "quiet": False,
        "step": 2,
        "probe_at": 1e12,
        "wait": 60.0,
    },
    "pace": {"in_flight": 4},
    "outages": {"outages": [], "unknown": [], "since": 1e9, "seen": 1e9, "dropped": 0},
    "first_fault": None,
    "run": {},
    "ledger_id": None,
}


def envelope(**breaker: Any) -> str:
    """Write a store's file with a changed circuit record."""
    record = {**GOOD["breaker"], **breaker}
    record = {key: value for key, value in record.items() if value is not ...}
    return json.dumps(
        {
            "version": 1,
            "minor_version": 1,
            "key": "plexsync.01ENTRY",
            "data": {**GOOD, "breaker": record},
        }
    )


FILES: dict[str, str | bytes] = {
    "empty": "",
    "braces": "{}",
    "truncated": '{"version": 1, "mino',
    "nul": b"\0" * 400,
    "not utf-8": b'{"version": "\xff\xfe"}',
    "list": "[]",
    "null": "null",
    "number": "5",
    "no version": '{"data": {}}',
    "no data": '{"version": 1, "minor_version": 1, "key": "k"}',
    "data is a list": '{"version": 1, "minor_version": 1, "key": "k", "data": []}',
    "data is text": '{"version": 1, "minor_version": 1, "key": "k", "data": "x"}',
    "no breaker": '{"version": 1, "minor_version": 1, "key": "k", "data": {}}',
    "lower major": '{"version": 0, "minor_version": 1, "key": "k", "data": {}}',
    "wait missing": envelope(wait=...),
    "wait too long": envelope(wait=1e6),
    "time null": envelope(probe_at=None),
    "time nan": envelope(probe_at=math.nan),
    "time text": envelope(probe_at="tomorrow"),
    "time negative": envelope(probe_at=-1),
    "unknown state": envelope(state="melted"),
    "missing key": envelope(step=...),
}
READABLE = {"braces"}  # nothing lost: no reason to tell anybody


@pytest.mark.parametrize("name", FILES)
async def test_a_damaged_circuit_record(
    tmp_path: Path, plex: PlexSimulator, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Closed with a probe before the first job; syncs; tells the owner once."""
    content = FILES[name]
    (tmp_path / ".storage").mkdir()
    raw = content if isinstance(content, bytes) else content.encode()
    (tmp_path / STORE).write_bytes(raw)
    async with home(tmp_path) as hass:
        await set_up(hass, make_entry(plex))
        await until_state(hass, "sensor", "circuit", "closed")
        await sync(hass, plex, "Sane", 1)
        await until_state(hass, "sensor", "synced", "1")
        assert titled(plex, "Sane") == 1
        asked = [e.path for e in plex.journal if "notifications" not in e.path]
        assert asked[0] == "/identity"
        told = [
            issue
            for issue in ir.async_get(hass).issues.values()
            if DOMAIN in (issue.issue_domain, issue.domain)
        ]
        assert len(told) == (name not in READABLE)
    assert stored(tmp_path)["breaker"]["state"] == "closed"
    ours = [r for r in caplog.records if r.name.startswith("custom_components")]
    assert not [record for record in ours if record.exc_info]


async def test_a_time_in_the_far_future_waits_no_longer_than_the_cap(
    tmp_path: Path, plex: PlexSimulator
) -> None:
    """The clock jumped: the record is sane, its wait is not."""
    (tmp_path / ".storage").mkdir()
    (tmp_path / STORE).write_text(envelope())
    async with home(tmp_path) as hass:
        await set_up(hass, make_entry(plex))
        due = dt_util.parse_datetime(state_of(hass, "sensor", "next_probe").state)
        assert due is not None
        assert (due - dt_util.utcnow()).total_seconds() <= 72


async def test_a_store_that_cannot_be_written(
    tmp_path: Path, plex: PlexSimulator
) -> None:
    """Home Assistant swallows it; we tell, go on, and take the repair back."""
    async with home(tmp_path) as hass:
        entry = await set_up(hass, make_entry(plex))
        # Root writes anywhere, but nobody replaces a folder by a file.
        path = tmp_path / STORE
        path.unlink()
        path.mkdir()
        (path / "occupied").touch()
        circuit = entry.runtime_data.engine.circuit
        await circuit.save()
        assert circuit.saves.failed
        issues = ir.async_get(hass).issues
        await until(
            hass,
            lambda: any("store" in key[1] for key in issues),
            ["repairs_issue_registry_updated"],
        )
        await sync(hass, plex, "Still", 1)
        await until_state(hass, "sensor", "synced", "1")
        (path / "occupied").unlink()
        path.rmdir()
        await circuit.save()
        assert not circuit.saves.failed
        await until(
            hass,
            lambda: not any("store" in key[1] for key in issues),
            ["repairs_issue_registry_updated"],
        )
    assert stored(tmp_path)["breaker"]["state"] == "closed"


async def test_a_lost_ledger_holds_writing_until_the_owner_answers(
    tmp_path: Path, plex: PlexSimulator
) -> None:
    """The circuit's store knows a ledger that is not there any more."""
    async with home(tmp_path) as hass:
        await set_up(hass, make_entry(plex))
        await sync(hass, plex, "One", 1)
        await until_state(hass, "sensor", "synced", "1")
    database = tmp_path / f"{STORE}.db"
    database.write_bytes(b"scribble" * 1000)
    edits = plex.journal.count(method="PUT")
    async with home(tmp_path) as hass:
        entry = await set_up(hass, make_entry(plex))
        assert entry.state is ConfigEntryState.LOADED
        await sync(hass, plex, "Two", 1)
        answer = await call(
            hass,
            "sync_item",
            path=list(plex.core.items.values())[1].files[0],
            fields={"title": "Three"},
            wait=1,
        )
        assert (answer["status"], answer["reason"]) == ("queued", "held")
        assert plex.journal.count(method="PUT") == edits
        await entry.runtime_data.engine.ledger_identity.accept()
        await until(hass, lambda: titled(plex, "Three") == 1)
        # What we had written and locked looks like a person's now, and stays.
        assert (titled(plex, "One"), titled(plex, "Two")) == (1, 0)
    assert database.with_name(database.name + ".corrupt.1").exists()
