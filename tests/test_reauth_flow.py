"""Being let in again: tokens are tried first, and what is over goes away by itself."""

from datetime import timedelta
import logging

from homeassistant.config_entries import SOURCE_REAUTH
from homeassistant.const import CONF_TOKEN
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.util import dt as dt_util
import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_fire_time_changed,
)

from custom_components.plexsync.const import DOMAIN
from custom_components.plexsync.engine.model.events import HoldChanged
from custom_components.plexsync.engine.model.holds import Hold
from tests.flows import access, add_entry, checked, enter
from tests.home import (
    call,
    make_entry,
    refused_soon,
    set_up,
    state_of,
    until,
    until_state,
)
from tests.simulators.plex import PlexSimulator

GUEST = "planted-guest-token"


def reauths(hass: HomeAssistant) -> list[str]:
    """Name the steps of the reauthentications that wait."""
    return [
        flow["step_id"]
        for flow in hass.config_entries.flow.async_progress_by_handler(DOMAIN)
        if flow["context"]["source"] == SOURCE_REAUTH
    ]


def path(plex: PlexSimulator) -> str:
    """Name a file of the first library."""
    return str(next(iter(plex.core.items.values())).files[0])


async def begin(hass: HomeAssistant, entry: MockConfigEntry) -> dict[str, object]:
    """Open the dialog and choose to enter a token."""
    (flow,) = entry.async_get_active_flows(hass, {SOURCE_REAUTH})
    found = hass.config_entries.flow.async_get(flow["flow_id"])
    return await enter(hass, found, next_step_id="token")


async def test_reauth(hass: HomeAssistant, plex: PlexSimulator) -> None:
    """Take a new token for the same server, and nothing else."""
    plex.core.token = "new-token"
    entry = add_entry(hass, plex, **access(plex, token="old"))
    before = dict(entry.data)
    result = checked(await entry.start_reauth_flow(hass), "config")
    assert result["type"] is FlowResultType.MENU
    assert result["step_id"] == "reauth_confirm"
    assert result["menu_options"] == ["account", "token"]
    result = await enter(hass, result, next_step_id="token")

    result = await enter(hass, result, token="old")
    assert result["errors"] == {"base": "invalid_auth"}

    result = await enter(hass, result, token=" new-token ")
    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "reauth_successful"
    assert entry.data == before | {CONF_TOKEN: "new-token"}


async def test_a_token_that_could_not_be_tried_is_kept(
    hass: HomeAssistant, plex: PlexSimulator
) -> None:
    """An error that is not about it costs nobody what they entered."""
    plex.core.token = "new-token"
    entry = add_entry(hass, plex, **access(plex, token="old"))
    result = checked(await entry.start_reauth_flow(hass), "config")
    result = await enter(hass, result, next_step_id="token")
    rule = plex.faults.add("maintenance")
    result = await enter(hass, result, token="new-token")
    assert result["errors"] == {"base": "starting_up"}
    plex.faults.remove(rule)
    result = await enter(hass, result)
    assert result["reason"] == "reauth_successful"
    assert entry.data[CONF_TOKEN] == "new-token"


async def test_a_token_that_was_refused_is_forgotten(
    hass: HomeAssistant, plex: PlexSimulator
) -> None:
    """Leaving the field empty means the stored one, as the form says."""
    entry = add_entry(hass, plex)
    result = checked(await entry.start_reauth_flow(hass), "config")
    result = await enter(hass, result, next_step_id="token")
    result = await enter(hass, result, token="wrong")
    assert result["errors"] == {"base": "invalid_auth"}
    result = await enter(hass, result)
    assert result["reason"] == "reauth_successful"
    assert entry.data[CONF_TOKEN] == plex.token


async def test_a_token_that_may_only_read(
    hass: HomeAssistant, plex: PlexSimulator
) -> None:
    """Refuse it, as at the set-up."""
    plex.core.switches.guest_token = GUEST
    entry = add_entry(hass, plex)
    result = checked(await entry.start_reauth_flow(hass), "config")
    result = await enter(hass, result, next_step_id="token")
    result = await enter(hass, result, token=GUEST)
    assert result["errors"] == {"base": "read_only_token"}
    assert entry.data[CONF_TOKEN] == plex.token

    result = await enter(hass, result, token=plex.token)
    assert result["reason"] == "reauth_successful"


async def test_a_token_that_is_refused_behind_an_open_dialog(
    hass: HomeAssistant, plex: PlexSimulator
) -> None:
    """Home Assistant asks for none meanwhile; the next look after it was closed does."""
    entry = await set_up(hass, make_entry(plex))
    refused_soon(entry)
    dialog = await entry.start_reconfigure_flow(hass)
    plex.core.token = "new-token"
    await call(hass, "sync_item", path=path(plex), fields={"summary": "x"})
    await until_state(hass, "sensor", "status", "token_refused")
    await entry.runtime_data.async_refresh()
    assert reauths(hass) == []
    hass.config_entries.flow.async_abort(dialog["flow_id"])
    async_fire_time_changed(hass, dt_util.utcnow() + timedelta(seconds=90))
    await until(hass, lambda: reauths(hass) == ["reauth_confirm"])


async def test_another_server(hass: HomeAssistant, plex: PlexSimulator) -> None:
    """Keep the token away from a server that took the place of ours, and say what to do."""
    entry = add_entry(hass, plex)
    before = dict(entry.data)
    plex.core.identity.machine_identifier = "another"
    plex.core.identity.friendly_name = "Attic"
    result = checked(await entry.start_reauth_flow(hass), "config")
    result = await enter(hass, result, next_step_id="token")
    result = await enter(hass, result, token=plex.token)
    assert result["reason"] == "wrong_server"
    assert result["description_placeholders"] == {
        "server": "Simulated Plex",
        "other": "Attic",
    }
    assert entry.data == before


async def test_the_same_token_is_accepted_again(
    hass: HomeAssistant, plex: PlexSimulator
) -> None:
    """Go on at once, not when the hold would look again: the token alone tells no change."""
    entry = await set_up(hass, make_entry(plex))
    refused_soon(entry)
    rule = plex.faults.add("status", code=401)
    await call(hass, "sync_item", path=path(plex), fields={"summary": "x"})
    await until(hass, lambda: reauths(hass))
    result = await begin(hass, entry)
    result = await enter(hass, result)
    assert result["errors"] == {"base": "invalid_auth"}

    plex.faults.remove(rule)
    result = await enter(hass, result)
    assert result["reason"] == "reauth_successful"
    await until_state(hass, "sensor", "synced", "1")
    assert entry.runtime_data.engine.circuit.holds == set()


async def test_the_end_of_a_hold_is_told_after_the_reload(
    hass: HomeAssistant, plex: PlexSimulator, caplog: pytest.LogCaptureFixture
) -> None:
    """A new token reloads the entry, which then knows of no hold."""
    entry = await set_up(hass, make_entry(plex))
    refused_soon(entry)
    plex.core.token = "new-token"
    await call(hass, "sync_item", path=path(plex), fields={"summary": "x"})
    await until(hass, lambda: reauths(hass))
    result = await enter(hass, await begin(hass, entry), token="new-token")
    assert result["reason"] == "reauth_successful"
    await until_state(hass, "sensor", "synced", "1")
    held = [
        record.getMessage()
        for record in caplog.records
        if record.name.startswith("custom_components") and "held" in record.getMessage()
    ]
    assert held == [
        f"{entry.title}: jobs are held (auth)",
        f"{entry.title}: jobs are no longer held (auth)",
    ]


async def test_the_dialog_goes_when_plex_accepts_the_token_again(
    hass: HomeAssistant, plex: PlexSimulator
) -> None:
    """Ask for nothing any more, once it is seen that nothing is needed."""
    entry = await set_up(hass, make_entry(plex))
    refused_soon(entry)
    rule = plex.faults.add("status", code=401)
    await call(hass, "sync_item", path=path(plex), fields={"summary": "x"})
    await until(hass, lambda: reauths(hass))
    assert reauths(hass) == ["reauth_confirm"]
    plex.faults.remove(rule)
    assert reauths(hass)
    entry.runtime_data.engine.health.hurry()  # its turn comes in five minutes
    await until_state(hass, "sensor", "synced", "1")
    await until(hass, lambda: not reauths(hass))


async def test_edits_are_refused(
    hass: HomeAssistant, plex: PlexSimulator, caplog: pytest.LogCaptureFixture
) -> None:
    """Say that the token may read and not edit, until one that may edit is entered."""
    caplog.set_level(logging.DEBUG)
    plex.core.switches.guest_token = GUEST
    entry = await set_up(hass, make_entry(plex, **{CONF_TOKEN: GUEST}))
    for item in list(plex.core.items.values())[:6]:
        await call(hass, "sync_item", path=item.files[0], fields={"summary": "x"})
    await until(hass, lambda: reauths(hass))
    assert reauths(hass) == ["reauth_read_only"]
    # A probe only reads, and so it finds nothing wrong.
    heard: list[object] = []
    entry.runtime_data.async_listen(heard.append)
    entry.runtime_data.engine.health.hurry()
    await until(hass, lambda: HoldChanged(Hold.AUTH, False) in heard)
    await until(hass, lambda: HoldChanged(Hold.AUTH, True) in heard)
    assert reauths(hass) == ["reauth_read_only"]

    result = await begin(hass, entry)
    result = await enter(hass, result, token=plex.token)
    assert result["reason"] == "reauth_successful"
    await until_state(hass, "sensor", "synced", "6")
    assert state_of(hass, "sensor", "failed").state == "0"
    assert not reauths(hass)
    assert GUEST not in caplog.text
    assert plex.token not in caplog.text
