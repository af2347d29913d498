"""The buttons do by hand what otherwise takes its time."""

import asyncio

from homeassistant.components.button import DOMAIN as BUTTON, SERVICE_PRESS
from homeassistant.const import ATTR_ENTITY_ID
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
import pytest

from tests.home import (
    PLEX_ROOT,
    call,
    entity_id,
    make_entry,
    ruin,
    set_up,
    stash_subentry,
    state_of,
    until,
    until_state,
)
from tests.simulators.films import FILMS
from tests.simulators.plex import PlexSimulator
from tests.simulators.stash import StashSimulator

PATH = f"{PLEX_ROOT}/{FILMS[0].path}"


async def press(hass: HomeAssistant, key: str) -> None:
    """Press a button."""
    await hass.services.async_call(
        BUTTON,
        SERVICE_PRESS,
        {ATTR_ENTITY_ID: entity_id(hass, "button", key)},
        blocking=True,
    )


async def test_reset_closes_the_circuit(
    hass: HomeAssistant, plex: PlexSimulator
) -> None:
    """Close at once, and go on after one look at Plex."""
    await set_up(hass, make_entry(plex))
    await plex.stop()
    await call(hass, "sync_item", path=PATH, fields={"summary": "Reset."})
    await until_state(hass, "sensor", "circuit", "open")
    await plex.start()
    await press(hass, "reset_circuit")
    await until_state(hass, "sensor", "circuit", "closed")
    await until_state(hass, "sensor", "synced", "1")


async def test_retry_tries_failed_jobs_again(
    hass: HomeAssistant, plex: PlexSimulator
) -> None:
    """Try all failed jobs again."""
    await set_up(hass, make_entry(plex))
    plex.faults.add("status", code=400, method="PUT", times=1)
    answer = await call(hass, "sync_item", path=PATH, fields={"summary": "!"}, wait=20)
    assert (answer["status"], answer["reason"]) == ("failed", "bad_request")
    await until_state(hass, "sensor", "failed", "1")
    await press(hass, "retry_failed")
    await until_state(hass, "sensor", "synced", "1")
    assert state_of(hass, "sensor", "failed").state == "0"


async def test_reconcile_finds_what_was_changed_in_plex(
    hass: HomeAssistant, plex: PlexSimulator, stash: StashSimulator
) -> None:
    """Write again what no longer is as the source has it."""
    await set_up(hass, make_entry(plex, stash_subentry(stash)))
    await until_state(hass, "sensor", "synced", "12")
    item = plex.core.find(PATH)
    plex.core.set_lock(item.rating_key, "summary", False)
    item.values["summary"] = "An agent's."
    await press(hass, "reconcile")
    await until_state(hass, "sensor", "synced", "13")
    assert item.value("summary") == FILMS[0].summary


async def test_a_second_run_is_refused(
    hass: HomeAssistant, plex: PlexSimulator, stash: StashSimulator
) -> None:
    """Run one comparison at a time, and block no other button meanwhile."""
    entry = await set_up(hass, make_entry(plex, stash_subentry(stash)))
    await until_state(hass, "sensor", "synced", "12")
    plex.latency_read = 1
    await press(hass, "reconcile")
    with pytest.raises(ServiceValidationError) as caught:
        await press(hass, "reconcile")
    assert caught.value.translation_key == "reconcile_running"
    await press(hass, "retry_failed")
    assert entry.runtime_data.reconcile.running
    plex.latency_read = 0
    await until(hass, lambda: not entry.runtime_data.reconcile.running)


async def test_a_source_that_hangs_holds_up_no_other_button(
    hass: HomeAssistant, plex: PlexSimulator, stash: StashSimulator
) -> None:
    """A retry asks it first, and waits; a second one does no harm."""
    plex.faults.add("status", code=400, method="PUT")
    await set_up(hass, make_entry(plex, stash_subentry(stash)))
    await until_state(hass, "sensor", "failed", "12")
    plex.faults.clear()
    stash.faults.blackhole()
    asked = len(stash.journal.entries)
    retries = [asyncio.ensure_future(press(hass, "retry_failed")) for _ in range(2)]
    await until(hass, lambda: len(stash.journal.entries) >= asked + 2)
    await press(hass, "reset_circuit")
    assert not any(each.done() for each in retries)
    await stash.stop()
    await asyncio.gather(*retries)
    await until_state(hass, "sensor", "failed", "0")


async def test_a_press_that_cannot_be_kept_is_an_error(
    hass: HomeAssistant, plex: PlexSimulator
) -> None:
    """Say so in words when the disk refuses."""
    entry = await set_up(hass, make_entry(plex))
    await ruin(entry)
    with pytest.raises(HomeAssistantError) as caught:
        await press(hass, "retry_failed")
    assert caught.value.translation_key == "storage_failed"
