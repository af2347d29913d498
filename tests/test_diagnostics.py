"""Diagnostics and system health tell how it goes, and of nobody's films."""

import json

from homeassistant.components.system_health import DOMAIN as SYSTEM_HEALTH
from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
from pytest_homeassistant_custom_component.common import get_system_health_info
from pytest_homeassistant_custom_component.components.diagnostics import (
    get_diagnostics_for_config_entry,
)
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.plexsync.const import CONF_STALE_AFTER, DOMAIN
from custom_components.plexsync.flows.options_flow import SCHEMA
from tests.home import (
    PLEX_ROOT,
    SOURCE,
    STASH_ROOT,
    call,
    make_entry,
    ruin,
    set_up,
    stash_subentry,
    until,
    until_state,
)
from tests.simulators.films import FILMS
from tests.simulators.plex import PlexCore, PlexSimulator, from_films
from tests.simulators.stash import StashSimulator

TOKEN = "planted-token-4711"
KEY = "planted-key-0815"
MACHINE = "planted-machine-id"
# All that is the owner's own words among the options of a source.
OPTIONS = {
    "title_template": "Planted {file}",
    "content_rating": "Planted rating",
    "tags_below": "Planted parent",
    "tags_without": ["Planted tag"],
    "without_tags": ["Planted tag"],
    "without_studios": ["Planted studio", "Planted network"],
}


async def test_what_is_private_stays_out(
    hass: HomeAssistant,
    hass_client: ClientSessionGenerator,
    stash: StashSimulator,
) -> None:
    """Plant secrets and titles everywhere, and find none of them."""
    stash.auth.api_key = KEY
    core = PlexCore(token=TOKEN, machine_identifier=MACHINE)
    from_films(core, [{"path": film.path} for film in FILMS[:2]])
    for item in core.items.values():
        item.guids = ("imdb://planted",)
    async with PlexSimulator(core) as plex:
        entry = make_entry(
            plex,
            stash_subentry(stash, api_key=KEY, fields=OPTIONS),
            options={CONF_STALE_AFTER: 3},
        )
        await set_up(hass, entry)
        await until_state(hass, "sensor", "synced", "2")
        await call(
            hass,
            "sync_item",
            path="/planted/path.mkv",
            fields={"title": "Planted title"},
            wait=20,
        )
        await call(
            hass,
            "sync_item",
            guid="imdb://planted",
            fields={"title": "Planted title"},
            wait=20,
        )
        await until_state(hass, "sensor", "failed", "1")
        data = await get_diagnostics_for_config_entry(hass, hass_client, entry)
        assert await hass.config_entries.async_unload(entry.entry_id)

    text = json.dumps(data).lower()
    private = {
        TOKEN,
        KEY,
        MACHINE,
        "127.0.0.1",
        "planted",
        PLEX_ROOT,
        STASH_ROOT,
        core.sections[1].uuid,
        FILMS[0].title,
        FILMS[0].studio,
        FILMS[0].director,
        FILMS[0].path,
        SOURCE,
        entry.title,
    }
    assert not [each for each in private if each.lower() in text]

    assert data["versions"]["plexsync"]
    assert data["versions"]["plexapi"]
    assert data["versions"]["plex"] == core.identity.version
    assert data["entry"]["libraries"] == 1
    assert data["entry"]["options"].keys() == set(map(str, SCHEMA.schema))
    assert data["entry"]["options"][CONF_STALE_AFTER] == 3
    assert data["circuit"]["breaker"]["state"] == "closed"
    assert data["holds"] == []
    assert data["reachable"] is True
    assert data["outages"]["outages"] == []
    assert data["jobs"]["failed"] == 1
    assert data["jobs"]["reasons"]["failed:ambiguous"] == 1
    assert data["skipped"] == {"outside_libraries": 1}
    assert data["statistics"]["synced"] == 2
    assert data["last_sweep"] is None
    (source,) = data["sources"]
    assert source["connected"] is True
    assert source["version"] == stash.api.version_text
    assert source["unreadable"] == 0
    assert source["mappings"] == 1
    assert source["fields"]["without_studios"] == 2
    assert source["fields"]["poster"] is True


async def test_a_database_that_fails_is_told(
    hass: HomeAssistant, hass_client: ClientSessionGenerator, plex: PlexSimulator
) -> None:
    """Tell what is known without it: then somebody will want to read this."""
    entry = await set_up(hass, make_entry(plex))
    await ruin(entry)
    data = await get_diagnostics_for_config_entry(hass, hass_client, entry)
    assert data["jobs"] == {"pending": 0, "failed": 0, "reasons": None}
    assert data["circuit"]["breaker"]["state"] == "closed"


async def test_health_of_no_server(hass: HomeAssistant) -> None:
    """Have nothing to count before a server is set up."""
    assert await async_setup_component(hass, SYSTEM_HEALTH, {})
    assert await async_setup_component(hass, DOMAIN, {})
    await hass.async_block_till_done()
    info = await get_system_health_info(hass, DOMAIN)
    assert info["servers"] == 0
    assert info["pending"] == 0
    assert info["circuit"] == ""


async def test_health_of_a_server(hass: HomeAssistant, plex: PlexSimulator) -> None:
    """Add up what is loaded."""
    assert await async_setup_component(hass, SYSTEM_HEALTH, {})
    entry = await set_up(hass, make_entry(plex))
    await plex.stop()
    await call(hass, "sync_item", path="/data/films/x.mkv", fields={"title": "x"})
    await until_state(hass, "sensor", "circuit", "open")
    await until(hass, lambda: entry.runtime_data.data.pending == 1)
    info = await get_system_health_info(hass, DOMAIN)
    assert info == {
        "version": info["version"],
        "servers": 1,
        "reachable": 0,
        "circuit": "open",
        "pending": 1,
        "failed": 0,
    }
    assert info["version"]
