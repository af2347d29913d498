"""A fresh source rewrites nothing until its owner says so."""

import asyncio

from homeassistant.components.repairs import DOMAIN as REPAIRS
from homeassistant.config_entries import ConfigSubentryData
from homeassistant.core import HomeAssistant
from homeassistant.helpers import issue_registry as ir
from homeassistant.setup import async_setup_component
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.plexsync.const import CONF_START, DOMAIN, START_PREVIEW
from tests.home import (
    PATIENCE,
    SOURCE,
    make_entry,
    set_up,
    stash_subentry,
    state_of,
    until,
    until_state,
)
from tests.simulators.plex import PlexSimulator
from tests.simulators.stash import StashSimulator

ISSUE = "preview_ready_01ENTRY"


async def test_the_first_plan_is_counted_and_waits_for_an_answer(
    hass: HomeAssistant,
    hass_client: ClientSessionGenerator,
    issue_registry: ir.IssueRegistry,
    plex: PlexSimulator,
    stash: StashSimulator,
) -> None:
    """Jobs are kept, nothing is written; the repair says how much, and begins."""
    await async_setup_component(hass, REPAIRS, {})
    entry = make_entry(plex, stash_subentry(stash, **{CONF_START: START_PREVIEW}))
    await set_up(hass, entry)
    await until(
        hass,
        lambda: issue_registry.async_get_issue(DOMAIN, ISSUE),
        [ir.EVENT_REPAIRS_ISSUE_REGISTRY_UPDATED],
    )
    issue = issue_registry.async_get_issue(DOMAIN, ISSUE)
    assert issue is not None
    assert issue.translation_placeholders == {
        "name": "Cellar",
        "differs": "12",
        "in_line": "0",
        "others": "0",
    }
    assert state_of(hass, "switch", "sync").state == "off"
    await until_state(hass, "sensor", "pending", "12")
    assert plex.journal.count(method="PUT") == 0
    assert plex.journal.count(method="POST") == 0

    client = await hass_client()
    flow = await client.post(
        "/api/repairs/issues/fix", json={"handler": DOMAIN, "issue_id": ISSUE}
    )
    flow_id = (await flow.json())["flow_id"]
    done = await client.post(f"/api/repairs/issues/fix/{flow_id}", json={})
    assert (await done.json())["type"] == "create_entry"
    await until_state(hass, "sensor", "synced", "12")
    assert state_of(hass, "switch", "sync").state == "on"
    assert issue_registry.async_get_issue(DOMAIN, ISSUE) is None
    assert plex.journal.count(method="PUT") == 12


async def test_a_source_that_stumbles_is_counted_later(
    hass: HomeAssistant,
    issue_registry: ir.IssueRegistry,
    plex: PlexSimulator,
    stash: StashSimulator,
) -> None:
    """The owner waits for that answer: it comes with the source's next reading."""
    stash.faults.status(503, match="Count")
    entry = make_entry(plex, stash_subentry(stash, **{CONF_START: START_PREVIEW}))
    await set_up(hass, entry)
    await until(hass, lambda: stash.journal.count("Count"))
    await until_state(hass, "sensor", "pending", "12")
    assert issue_registry.async_get_issue(DOMAIN, ISSUE) is None
    stash.faults.clear()
    entry.runtime_data.runners[SOURCE].hurry()
    await until(
        hass,
        lambda: issue_registry.async_get_issue(DOMAIN, ISSUE),
        [ir.EVENT_REPAIRS_ISSUE_REGISTRY_UPDATED],
    )


async def test_each_of_two_sources_is_counted(
    hass: HomeAssistant, plex: PlexSimulator, stash: StashSimulator
) -> None:
    """One run at a time: the second has to wait for the first."""
    first = stash_subentry(stash, **{CONF_START: START_PREVIEW})
    second = dict(first) | {"subentry_id": "01OTHER", "unique_id": "other"}
    entry = make_entry(plex, first, ConfigSubentryData(**second))
    plex.latency_read = 0.2
    await set_up(hass, entry)
    data = entry.runtime_data
    counted: set[str] = set()
    async with asyncio.timeout(PATIENCE):
        while len(counted) < 2:
            for number, runner in data.runners.items():
                runner.hurry()
                if await data.engine.notes.get(f"previewed:{number}") is not None:
                    counted.add(number)
            await asyncio.sleep(0.05)


async def test_it_is_counted_once(
    hass: HomeAssistant,
    issue_registry: ir.IssueRegistry,
    plex: PlexSimulator,
    stash: StashSimulator,
) -> None:
    """Not again at every start."""
    entry = make_entry(plex, stash_subentry(stash, **{CONF_START: START_PREVIEW}))
    await set_up(hass, entry)
    await until(
        hass,
        lambda: issue_registry.async_get_issue(DOMAIN, ISSUE),
        [ir.EVENT_REPAIRS_ISSUE_REGISTRY_UPDATED],
    )
    plex.journal.clear()
    assert await hass.config_entries.async_reload(entry.entry_id)
    await hass.async_block_till_done()
    assert state_of(hass, "switch", "sync").state == "off"
    assert plex.journal.count(path="/library/metadata") == 0
