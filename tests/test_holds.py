"""What holds is seen: in the status, in the jobs, in the log, and until it is over."""

import asyncio
from collections.abc import Callable
from typing import Any

from homeassistant.config_entries import SOURCE_REAUTH
from homeassistant.const import CONF_TOKEN
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import issue_registry as ir
from homeassistant.util import dt as dt_util
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.plexsync.const import DOMAIN
from tests.home import (
    PATIENCE,
    PLEX_ROOT,
    SOURCE,
    call,
    make_entry,
    refused_soon,
    set_up,
    stash_subentry,
    state_of,
    until,
    until_state,
)
from tests.repairing import ENTRY, issue, until_issue
from tests.simulators.films import FILMS
from tests.simulators.plex import PlexSimulator
from tests.simulators.stash import StashSimulator

PATH = f"{PLEX_ROOT}/{FILMS[0].path}"

type Cause = Callable[[PlexSimulator], Callable[[], None]]


def refuse(plex: PlexSimulator) -> Callable[[], None]:
    """Refuse the token; give how to take it again."""
    rule = plex.faults.add("status", code=401)
    return lambda: plex.faults.remove(rule)


def impersonate(plex: PlexSimulator) -> Callable[[], None]:
    """Be another machine."""
    identity = plex.core.identity
    machine, identity.machine_identifier = identity.machine_identifier, "another"
    return lambda: setattr(identity, "machine_identifier", machine)


def lose_library(plex: PlexSimulator) -> Callable[[], None]:
    """Have none of the chosen libraries."""
    section = plex.core.sections.pop(1)
    return lambda: plex.core.sections.__setitem__(1, section)


HOLDS = [
    pytest.param(refuse, "auth", "token_refused", "off", "fault_auth", id="auth"),
    pytest.param(
        impersonate,
        "wrong_server",
        "wrong_server",
        "off",
        "fault_wrong_server",
        id="wrong_server",
    ),
    pytest.param(
        lose_library, "library", "library_gone", "on", "fault_library", id="library"
    ),
]


@pytest.mark.parametrize(("cause", "hold", "status", "plex_is", "says"), HOLDS)
async def test_a_hold_is_seen_until_its_cause_is_gone(
    hass: HomeAssistant,
    caplog: pytest.LogCaptureFixture,
    plex: PlexSimulator,
    stash: StashSimulator,
    cause: Cause,
    hold: str,
    status: str,
    plex_is: str,
    says: str,
) -> None:
    """By whoever looks at the device, at a job, at an answer, or into the log."""
    entry = await set_up(hass, make_entry(plex, stash_subentry(stash)))
    await until_state(hass, "sensor", "synced", "12")
    await until_state(hass, "sensor", "pending", "0")
    await until_state(hass, "sensor", "status", "up_to_date")
    refused_soon(entry)
    mend = cause(plex)
    health = entry.runtime_data.engine.health
    entry.runtime_data.engine.circuit.breaker.doubt()
    answer = await call(hass, "sync_item", path=PATH, fields={"tagline": "x"})
    assert answer["status"] == "queued"
    await until_state(hass, "sensor", "status", status)
    await until_state(hass, "binary_sensor", "plex", plex_is)
    assert state_of(hass, "sensor", "circuit").state == "closed"

    jobs = (await call(hass, "get_jobs"))["jobs"]
    assert "action" in {job["source"] for job in jobs}
    assert {(job["state"], job["reason"], job["hold"]) for job in jobs} == {
        ("held", "held", hold)
    }
    assert (await call(hass, "get_jobs", state="held"))["total"] == len(jobs)
    answer = await call(hass, "sync_item", path=PATH, fields={"tagline": "y"}, wait=1)
    assert (answer["status"], answer["reason"]) == ("queued", "held")
    assert answer["hold"] == hold
    with pytest.raises(HomeAssistantError) as caught:
        await call(hass, "undo_item", path=PATH)
    assert caught.value.translation_key == says
    # A comparison waits: it is neither at its end nor finished.
    answer = await call(hass, "reconcile", wait=1)
    assert answer["status"] == "running"
    assert answer["hold"] == hold
    assert answer["progress"] < 100
    assert float(state_of(hass, "sensor", "reconcile_progress").state) < 100

    mend()
    health.hurry()
    await until_state(hass, "sensor", "synced", "13")
    await until_state(hass, "sensor", "status", "up_to_date")
    await until_state(hass, "binary_sensor", "plex", "on")
    answer = await call(hass, "reconcile", wait=20)
    assert answer["status"] == "finished"
    told = [each for each in caplog.messages if each.startswith("Cellar: jobs are")]
    assert told == [
        f"Cellar: jobs are held ({hold})",
        f"Cellar: jobs are no longer held ({hold})",
    ]


async def test_a_switch_that_is_off_is_a_hold(
    hass: HomeAssistant, caplog: pytest.LogCaptureFixture, plex: PlexSimulator
) -> None:
    """The owner knows why, and may have forgotten."""
    entry = await set_up(hass, make_entry(plex))
    await entry.runtime_data.engine.switch(False)
    answer = await call(hass, "sync_item", path=PATH, fields={"tagline": "x"})
    assert (answer["reason"], answer["hold"]) == ("held", "switch")
    await until_state(hass, "sensor", "status", "off")
    (level,) = {
        record.levelname
        for record in caplog.records
        if record.getMessage() == "Cellar: jobs are held (switch)"
    }
    assert level == "INFO"


async def test_the_dialog_goes_with_the_hold(
    hass: HomeAssistant, plex: PlexSimulator
) -> None:
    """A minute in which a good token was refused leaves nothing to be answered."""
    entry = await set_up(hass, make_entry(plex))
    refused_soon(entry)
    mend = refuse(plex)
    await call(hass, "sync_item", path=PATH, fields={"summary": "x"})

    def asked() -> bool:
        return any(entry.async_get_active_flows(hass, {SOURCE_REAUTH}))

    await until(hass, asked, [ir.EVENT_REPAIRS_ISSUE_REGISTRY_UPDATED])
    mend()
    entry.runtime_data.engine.health.hurry()
    await until_state(hass, "sensor", "synced", "1")
    await until(hass, lambda: not asked())
    registry = ir.async_get(hass)
    assert not registry.async_get_issue(
        "homeassistant", f"config_entry_reauth_plexsync_{entry.entry_id}"
    )
    assert entry.data[CONF_TOKEN] == plex.token


async def test_a_source_that_is_away_is_a_hold_of_what_needs_it(
    hass: HomeAssistant, plex: PlexSimulator, stash: StashSimulator
) -> None:
    """The status says so; what it has sent is whole, and is written."""
    entry = await set_up(hass, make_entry(plex, stash_subentry(stash)))
    await until_state(hass, "sensor", "synced", "12")
    await stash.stop()
    entry.runtime_data.runners[SOURCE].hurry()
    await until_state(hass, "sensor", "status", "waiting_for_source")
    answer = await call(hass, "sync_item", path=PATH, fields={"tagline": "x"}, wait=20)
    assert answer["status"] == "written"
    await stash.start()
    entry.runtime_data.runners[SOURCE].hurry()
    await until_state(hass, "sensor", "status", "up_to_date")


async def test_a_picture_of_a_source_that_is_away_is_held(
    hass: HomeAssistant, plex: PlexSimulator, stash: StashSimulator
) -> None:
    """Its job says what it waits for, and which hold that is."""
    stash.faults.status(503, match="/scene/")
    await set_up(hass, make_entry(plex, stash_subentry(stash)))

    async def jobs() -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = (await call(hass, "get_jobs", state="held"))[
            "jobs"
        ]
        return found

    async with asyncio.timeout(PATIENCE):
        while not (found := await jobs()):
            await hass.async_block_till_done()
    assert {(job["reason"], job["hold"]) for job in found} == {("source_away", "away")}


async def test_the_circuit_says_since_when(
    hass: HomeAssistant, plex: PlexSimulator
) -> None:
    """Not since the restart: since the last outage began, or ended."""
    entry = await set_up(hass, make_entry(plex))
    assert state_of(hass, "sensor", "circuit").attributes["since"] is None
    await plex.stop()
    await call(hass, "sync_item", path=PATH, fields={"summary": "x"})
    await until_state(hass, "sensor", "circuit", "open")
    await until_state(hass, "sensor", "status", "waiting_for_plex")
    log = entry.runtime_data.engine.circuit.outages
    since = state_of(hass, "sensor", "circuit").attributes["since"]
    assert since == dt_util.utc_from_timestamp(log.outages[-1].start)
    await plex.start()
    entry.runtime_data.engine.health.hurry()
    await until_state(hass, "sensor", "circuit", "closed")
    since = state_of(hass, "sensor", "circuit").attributes["since"]
    assert log.outages[-1].end is not None
    assert since == dt_util.utc_from_timestamp(log.outages[-1].end)
    assert await hass.config_entries.async_reload(entry.entry_id)
    assert state_of(hass, "sensor", "circuit").attributes["since"] == since


BY_LOOK = pytest.mark.parametrize(
    ("key", "cause"), [("wrong_server", impersonate), ("library_gone", lose_library)]
)


async def held(
    hass: HomeAssistant, plex: PlexSimulator, key: str, cause: Cause
) -> tuple[MockConfigEntry, Callable[[], object]]:
    """Give an entry that a look at Plex has held, with its repair, and how to mend it."""
    entry = await set_up(hass, make_entry(plex))
    mend = cause(plex)
    await call(hass, "sync_item", path=PATH, fields={"summary": "x"})
    await until_issue(hass, key)
    return entry, mend


async def check_ignored(hass: HomeAssistant, entry: MockConfigEntry, key: str) -> None:
    """See that a repair stands, and that its owner still ignores it."""
    await entry.runtime_data.async_refresh()
    found = issue(hass, key)
    assert found is not None
    assert found.dismissed_version is not None


@BY_LOOK
async def test_the_repair_of_a_hold_goes_with_it(
    hass: HomeAssistant, plex: PlexSimulator, key: str, cause: Cause
) -> None:
    """Nobody has answered it."""
    entry, mend = await held(hass, plex, key, cause)
    mend()
    entry.runtime_data.engine.health.hurry()
    await until_issue(hass, key, gone=True)
    assert issue(hass, key) is None


@BY_LOOK
async def test_a_repair_that_is_ignored_stays_so_over_a_start(
    hass: HomeAssistant, plex: PlexSimulator, key: str, cause: Cause
) -> None:
    """It is not taken back before it is known whether its cause is gone."""
    entry, mend = await held(hass, plex, key, cause)
    ir.async_ignore_issue(hass, DOMAIN, f"{key}_{ENTRY}", True)
    plex.latency_read = 0.5
    assert await hass.config_entries.async_reload(entry.entry_id)
    engine = entry.runtime_data.engine
    await until(hass, lambda: engine.circuit.holds)
    await check_ignored(hass, entry, key)

    # No job is tried while syncing is off: somebody has to look all the same.
    await engine.switch(False)
    await hass.config_entries.async_unload(entry.entry_id)
    mend()
    await set_up(hass, entry)
    await until_issue(hass, key, gone=True)


@BY_LOOK
async def test_a_repair_that_is_ignored_stays_so_while_plex_is_away(
    hass: HomeAssistant,
    plex: PlexSimulator,
    caplog: pytest.LogCaptureFixture,
    key: str,
    cause: Cause,
) -> None:
    """An open circuit knows nothing of what would hold the server."""
    entry, mend = await held(hass, plex, key, cause)
    ir.async_ignore_issue(hass, DOMAIN, f"{key}_{ENTRY}", True)
    await hass.config_entries.async_unload(entry.entry_id)
    await plex.stop()
    await set_up(hass, entry)
    await until_state(hass, "sensor", "circuit", "open")
    await check_ignored(hass, entry, key)
    assert "no longer held" not in caplog.text

    mend()
    await plex.start()
    entry.runtime_data.engine.health.hurry()
    await until_issue(hass, key, gone=True)
