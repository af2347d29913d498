"""The page in the sidebar: there once, for administrators, and gone with the last server."""

from http import HTTPStatus
import json
from pathlib import Path
import re
from typing import Any

from homeassistant.components.frontend import async_panel_exists
from homeassistant.config_entries import ConfigEntryDisabler
from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_capture_events,
)
from pytest_homeassistant_custom_component.typing import (
    ClientSessionGenerator,
    WebSocketGenerator,
)

from custom_components.plexsync.answers import WINDOWS
from custom_components.plexsync.const import CONF_REVIEW_PAGE, DOMAIN
from custom_components.plexsync.engine.model.change import Kept
from custom_components.plexsync.engine.model.holds import Hold, SourceHold
from demo.dashboard import TITLE
from tests.home import make_entry, set_up
from tests.simulators.plex import PlexSimulator


@pytest.fixture(autouse=True)
async def frontend(hass: HomeAssistant) -> None:
    """Have a user interface."""
    assert await async_setup_component(hass, "frontend", {})


def has_page(hass: HomeAssistant) -> bool:
    """Say whether the sidebar has the page."""
    return async_panel_exists(hass, DOMAIN)


def second_entry(plex: PlexSimulator, **options: Any) -> MockConfigEntry:
    """Describe another server."""
    entry = make_entry(plex, entry_id="02ENTRY", options=options)
    object.__setattr__(entry, "unique_id", "another")
    return entry


async def panels(hass: HomeAssistant, client: WebSocketGenerator, *token: str) -> Any:
    """Give the panels that a user's browser gets."""
    socket = await client(hass, *token)
    await socket.send_json_auto_id({"type": "get_panels"})
    return (await socket.receive_json())["result"]


async def test_the_page_is_in_the_sidebar_of_administrators(
    hass: HomeAssistant,
    plex: PlexSimulator,
    hass_ws_client: WebSocketGenerator,
    hass_read_only_access_token: str,
) -> None:
    """Others do not get it; every command refuses them as well."""
    await set_up(hass, make_entry(plex))
    panel = (await panels(hass, hass_ws_client))[DOMAIN]
    assert (panel["title"], panel["require_admin"]) == ("PlexSync", True)
    assert panel["config"]["_panel_custom"]["name"] == "plexsync-panel"
    assert panel["config_panel_domain"] is None  # or the entry's cog opens the page
    assert DOMAIN not in await panels(hass, hass_ws_client, hass_read_only_access_token)


async def test_nothing_else_in_the_demo_s_sidebar_has_its_name(
    hass: HomeAssistant, plex: PlexSimulator, hass_ws_client: WebSocketGenerator
) -> None:
    """Two entries of one name lead to two pages."""
    await set_up(hass, make_entry(plex))
    panel = (await panels(hass, hass_ws_client))[DOMAIN]
    assert panel["title"] != TITLE


async def test_its_files_have_an_address_of_their_version(
    hass: HomeAssistant,
    plex: PlexSimulator,
    hass_client: ClientSessionGenerator,
    hass_ws_client: WebSocketGenerator,
) -> None:
    """A browser may keep them for as long as it likes; the page knows its own version."""
    await set_up(hass, make_entry(plex))
    config = (await panels(hass, hass_ws_client))[DOMAIN]["config"]
    address = config["_panel_custom"]["module_url"]
    assert address == f"/plexsync_static/{config['version']}/panel.js"
    client = await hass_client()
    answer = await client.get(address)
    assert answer.status == HTTPStatus.OK
    assert "javascript" in answer.content_type
    assert "max-age" in answer.headers["Cache-Control"]
    socket = await hass_ws_client(hass)
    await socket.send_json_auto_id({"type": "plexsync/overview"})
    told = (await socket.receive_json())["result"]["version"]
    assert told == config["version"]


async def test_two_servers_have_one_page_and_the_last_takes_it_along(
    hass: HomeAssistant, plex: PlexSimulator
) -> None:
    """It is there before and after the other one, and while one is loaded anew."""
    assert await async_setup_component(hass, DOMAIN, {})
    assert not has_page(hass)
    first = await set_up(hass, make_entry(plex))
    assert has_page(hass)
    updates = async_capture_events(hass, "panels_updated")
    second = await set_up(hass, second_entry(plex))
    assert await hass.config_entries.async_reload(first.entry_id)
    assert await hass.config_entries.async_remove(first.entry_id)
    await hass.async_block_till_done()
    assert has_page(hass)
    assert not updates
    assert await hass.config_entries.async_remove(second.entry_id)
    await hass.async_block_till_done()
    assert not has_page(hass)


async def test_a_server_that_is_disabled_takes_it_along(
    hass: HomeAssistant, plex: PlexSimulator
) -> None:
    """And brings it back."""
    entry = await set_up(hass, make_entry(plex))
    by = hass.config_entries.async_set_disabled_by
    await by(entry.entry_id, ConfigEntryDisabler.USER)
    await hass.async_block_till_done()
    assert not has_page(hass)
    await by(entry.entry_id, None)
    await hass.async_block_till_done()
    assert has_page(hass)


async def test_the_page_can_be_switched_off(
    hass: HomeAssistant, plex: PlexSimulator
) -> None:
    """By the option of every server that there is, at once and over a restart."""
    off = {CONF_REVIEW_PAGE: False}
    first = await set_up(hass, make_entry(plex, options=off))
    assert not has_page(hass)
    second = await set_up(hass, second_entry(plex))
    assert has_page(hass)
    hass.config_entries.async_update_entry(second, options=off)
    await hass.async_block_till_done()
    assert not has_page(hass)
    hass.config_entries.async_update_entry(first, options={CONF_REVIEW_PAGE: True})
    await hass.async_block_till_done()
    assert has_page(hass)


async def test_a_panel_of_the_same_name_is_left_alone(
    hass: HomeAssistant, plex: PlexSimulator, hass_ws_client: WebSocketGenerator
) -> None:
    """What an owner has put there by hand stays, also after the last server."""
    own = {"name": "mine", "url_path": DOMAIN, "module_url": "/local/mine.js"}
    assert await async_setup_component(hass, "panel_custom", {"panel_custom": [own]})
    entry = await set_up(hass, make_entry(plex))
    panel = (await panels(hass, hass_ws_client))[DOMAIN]
    assert panel["config"]["_panel_custom"]["name"] == "mine"
    assert await hass.config_entries.async_remove(entry.entry_id)
    await hass.async_block_till_done()
    assert has_page(hass)


# Its texts

PANEL = Path(__file__).parent.parent / "custom_components/plexsync/panel"
SCRIPTS = {file.name: file.read_text("utf-8") for file in PANEL.glob("*.js")}
# What comes after a prefix that a script completes by itself.
COMPLETED = {
    "advice": None,
    "asked": None,
    "held": {str(each) for each in SourceHold},
    "hold": {
        str(each) for each in (*Hold, SourceHold.FIRST_PLAN, SourceHold.MASS_CHANGE)
    },
    "reason": None,
    "source_reason": None,
    "health.window": set(WINDOWS),
    "plan.status": {"queued", "changed", "unchanged", "failed", "asked"},
}


def panel_texts() -> dict[str, Any]:
    """Give the page's own texts by their dotted keys; those for one and several once."""
    file = PANEL.parent / "translations/en.json"
    found: dict[str, Any] = {}

    def walk(data: dict[str, Any], path: str) -> None:
        for name, value in data.items():
            key = f"{path}.{name}" if path else name
            if isinstance(value, str) or value.keys() == {"one", "other"}:
                found[key] = value
            else:
                walk(value, key)

    walk(json.loads(file.read_text("utf-8"))["config_panel"], "")
    return found


def test_every_text_of_the_page_is_there_and_used() -> None:
    """No key stands in the page's place for words, and no words wait for a key."""
    texts, source = panel_texts(), "\n".join(SCRIPTS.values())
    named = set(re.findall(r'"([a-z_]+(?:\.[a-z0-9_]+)*)"', source))
    asked = set(re.findall(r'(?:\bt|count|label)\(\s*"([a-z0-9_.]+)"', source))
    assert not asked - texts.keys()
    completed = tuple(f"{prefix}." for prefix in COMPLETED)
    tabs = {f"{view}.tab" for view in ("plan", "needs", "history", "health")}
    columns = {
        f"health.{name}" for name in ("began", "lasted", "cause", "jobs", "probes")
    }
    by = {f"plan.by_{name}" for name in ("source", "library", "field")}
    days = {"history.since_day", "history.until_day"}
    left = texts.keys() - named - tabs - columns - by - days
    assert not {key for key in left if not key.startswith(completed)}


@pytest.mark.parametrize(
    ("prefix", "names"), [each for each in COMPLETED.items() if each[1] is not None]
)
def test_what_a_script_completes_is_complete(prefix: str, names: set[str]) -> None:
    """Each of what there can be has its words, and nothing else has."""
    texts = panel_texts()
    there = {
        key.split(".")[prefix.count(".") + 1]
        for key in texts
        if key.startswith(f"{prefix}.")
    }
    assert there == names


def test_every_reason_has_words() -> None:
    """Of what is kept, of a source that is away, and advice only for what there is."""
    texts = panel_texts()
    reasons = {
        key.removeprefix("reason.") for key in texts if key.startswith("reason.")
    }
    assert {str(each) for each in Kept} <= reasons
    file = PANEL.parent / "translations/en.json"
    known = json.loads(file.read_text("utf-8"))["selector"]["reason"]["options"]
    assert not reasons & known.keys()  # the selector's words are taken first
    advice = {key.removeprefix("advice.") for key in texts if key.startswith("advice.")}
    assert advice <= known.keys()


def test_scripts_build_no_markup_and_fetch_nothing() -> None:
    """Foreign text stays text, and the page works where there is no internet."""
    for name, source in SCRIPTS.items():
        for word in (
            "innerHTML",
            "outerHTML",
            "insertAdjacentHTML",
            "eval(",
            "document.write",
        ):
            assert word not in source, f"{name}: {word}"
        addresses = re.findall(r"https?://[^\"'` ]+", source)
        assert set(addresses) <= {"http://www.w3.org/2000/svg"}, name
        for module in re.findall(
            r'^(?:import|export) .* from "(.*)";$', source, re.MULTILINE
        ):
            assert module.startswith("./"), name
            assert module.removeprefix("./") in SCRIPTS, module


@pytest.mark.parametrize("name", SCRIPTS)
def test_files_are_short(name: str) -> None:
    """A few hundred lines each."""
    assert SCRIPTS[name].count("\n") < 500
