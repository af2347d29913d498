"""The devices say what stands behind them, and lead there."""

from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers.device_registry import DeviceEntry
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.plexsync.const import CONF_REUSE, CONF_REVIEW_PAGE, DOMAIN
from tests.home import (
    PLEX_ROOT,
    SOURCE,
    call,
    make_entry,
    set_up,
    stash_subentry,
    until,
    until_state,
)
from tests.simulators.films import FILMS
from tests.simulators.plex import PlexSimulator
from tests.simulators.stash import StashSimulator

PATH = f"{PLEX_ROOT}/{FILMS[0].path}"


def device(
    hass: HomeAssistant, entry: MockConfigEntry, source: str = ""
) -> DeviceEntry:
    """Find the device of the server, or of a source."""
    name = "_".join(filter(None, (entry.entry_id, source)))
    found = dr.async_get(hass).async_get_device_by_identifier(
        (DOMAIN, name), entry.entry_id
    )
    assert found is not None
    return found


async def test_a_device_leads_to_its_server(
    hass: HomeAssistant, plex: PlexSimulator, stash: StashSimulator
) -> None:
    """Name model, version and page of each, as soon as it has said them."""
    entry = await set_up(hass, make_entry(plex, stash_subentry(stash)))
    await until_state(hass, "sensor", "synced", "12")
    await until(hass, lambda: device(hass, entry).sw_version)
    server, source = device(hass, entry), device(hass, entry, SOURCE)
    assert (server.manufacturer, server.model) == ("Plex", "Plex Media Server")
    assert server.sw_version == plex.core.identity.version
    page = f"homeassistant://plexsync/plan?config_entry={entry.entry_id}"
    assert server.configuration_url == page
    assert (source.manufacturer, source.model) == ("Stash", "Stash")
    assert source.sw_version == entry.runtime_data.runners[SOURCE].version
    assert source.configuration_url == stash.url


async def test_without_the_review_page_a_device_leads_to_plex(
    hass: HomeAssistant, plex: PlexSimulator
) -> None:
    """As soon as its owner has switched that off."""
    entry = await set_up(hass, make_entry(plex))
    hass.config_entries.async_update_entry(entry, options={CONF_REVIEW_PAGE: False})
    await until(
        hass, lambda: device(hass, entry).configuration_url == f"{plex.url}/web"
    )


async def test_a_version_costs_no_request_and_is_kept(
    hass: HomeAssistant, plex: PlexSimulator
) -> None:
    """Take it from who answered a job; show it after a start that asked nobody."""
    entry = await set_up(hass, make_entry(plex))
    await call(hass, "sync_item", path=PATH, fields={"tagline": "Told."}, wait=20)
    await until(hass, lambda: device(hass, entry).sw_version)
    asked = {each.path for each in plex.journal.entries}
    assert "/" not in asked
    assert plex.journal.count(path="/identity") == 1
    await plex.stop()
    assert await hass.config_entries.async_reload(entry.entry_id)
    assert entry.runtime_data.server.version is None
    assert device(hass, entry).sw_version == plex.core.identity.version


async def test_an_update_is_shown(hass: HomeAssistant, plex: PlexSimulator) -> None:
    """Follow a server that comes back as another version of itself."""
    entry = await set_up(hass, make_entry(plex))
    await call(hass, "sync_item", path=PATH, fields={"tagline": "Old."}, wait=20)
    await until(hass, lambda: device(hass, entry).sw_version)
    await plex.stop()
    plex.core.identity.version = "9.9.9"
    await plex.start()
    await call(hass, "sync_item", path=PATH, fields={"tagline": "New."}, wait=20)
    await until(hass, lambda: device(hass, entry).sw_version == "9.9.9")


async def test_no_link_carries_what_lets_anybody_in(
    hass: HomeAssistant, plex: PlexSimulator
) -> None:
    """Neither the token, nor what an address of the Plex integration may hold."""
    url = plex.url.replace("//", "//planted:secret@") + "/?X-Plex-Token=planted"
    config = {"url": url, "token": "planted", "verify_ssl": True}
    core = MockConfigEntry(
        domain="plex", unique_id="sim0001", data={"server_config": config}
    )
    core.add_to_hass(hass)
    options = {CONF_REVIEW_PAGE: False}
    entry = await set_up(hass, make_entry(plex, options=options, **{CONF_REUSE: True}))
    link = device(hass, entry).configuration_url
    assert link is not None
    assert "planted" not in link
    assert "secret" not in link
    assert link.endswith("/web")
