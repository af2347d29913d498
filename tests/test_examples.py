"""Every example in the documentation is run as it stands there."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
import re
from typing import Any

from homeassistant.components.automation import DOMAIN as AUTOMATION
from homeassistant.components.notify import DOMAIN as NOTIFY
from homeassistant.components.persistent_notification import (
    DOMAIN as PERSISTENT_NOTIFICATION,
)
from homeassistant.components.webhook import DOMAIN as WEBHOOK
from homeassistant.core import Context, HomeAssistant
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.script import Script, async_validate_actions_config
from homeassistant.setup import async_setup_component
from homeassistant.util import dt as dt_util
from homeassistant.util.yaml import parse_yaml
import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_fire_time_changed,
    async_mock_service,
)
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.plexsync.const import DOMAIN
from custom_components.plexsync.services import ACTIONS
from tests.home import (
    PLEX_ROOT,
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

ROOT = Path(__file__).parent.parent
PAGES = ("README.md", "docs/actions.md", "docs/blueprints.md", "docs/events.md")
PATH = f"{PLEX_ROOT}/{FILMS[0].path}"
IMDB = "imdb://tt0000417"


def examples(page: str) -> Iterator[dict[str, Any]]:
    """Yield the examples in YAML of one page."""
    text = (ROOT / page).read_text()
    for block in re.findall(r"^```yaml\n(.*?)^```$", text, re.DOTALL | re.MULTILINE):
        example = parse_yaml(re.sub(r"\b(sensor|event)\.plex_", r"\1.cellar_", block))
        assert isinstance(example, dict)
        yield example


def actions(example: Any) -> Iterator[str]:
    """Name the actions that an example calls."""
    if isinstance(example, list):
        for each in example:
            yield from actions(each)
    elif isinstance(example, dict):
        if isinstance(name := example.get("action"), str):
            yield name
        for value in example.values():
            yield from actions(value)


CALLS = [each for page in PAGES for each in examples(page) if "action" in each]
AUTOMATIONS = [each for page in PAGES for each in examples(page) if "triggers" in each]
NOTHING_RETRIED = {"retried": 1, "refreshed": 0, "stale": 0, "withdrawn": 0}
# What each answers in a home where one job has failed of two items with one guid.
ANSWERS: dict[str, dict[str, Any]] = {
    "cancel_reconcile": {"cancelled": False},
    "discard_failed": {"discarded": 1},
    "get_history": {"total": None, "next": None, "kept_days": 30},
    "get_jobs": {"total": 1},
    "get_outages": {"outages": [], "mttr": None, "mtbf": None},
    "get_plan": {"total": 0, "running": False, "rows": []},
    "preview_item": {"rating_key": "1", "changes": []},
    "reconcile": {"status": "finished", "counts": {"in_line": len(FILMS[:12])}},
    "reset_circuit": {"before": "closed", "circuit": "closed"},
    "retry_failed": NOTHING_RETRIED,
    "sync_item": {"status": "written"},
    "undo_item": {"rating_key": "1"},
    "undo_since": {"items": 12},
}


def test_every_action_has_an_example() -> None:
    """Show how each of them is called."""
    found = {name for page in PAGES for name in actions(list(examples(page)))}
    assert {f"{DOMAIN}.{action}" for action in ACTIONS} <= found
    assert {each["action"] for each in CALLS} > {f"{DOMAIN}.{name}" for name in ANSWERS}


@pytest.fixture
async def entry(
    hass: HomeAssistant, plex: PlexSimulator, stash: StashSimulator
) -> MockConfigEntry:
    """Give a home in which twelve films are in line and a job has failed."""
    for film in FILMS[1:3]:
        plex.core.find(f"{PLEX_ROOT}/{film.path}").guids = (IMDB,)
    entry = await set_up(hass, make_entry(plex, stash_subentry(stash)))
    await until_state(hass, "sensor", "synced", "12")
    fields = {"tagline": "Which?"}
    answer = await call(hass, "sync_item", guid=IMDB, fields=fields, wait=20)
    assert answer["reason"] == "ambiguous"
    return entry


@pytest.mark.parametrize("example", CALLS, ids=lambda each: each["action"])
async def test_a_call(
    hass: HomeAssistant, entry: MockConfigEntry, example: dict[str, Any]
) -> None:
    """Run it as an automation would, and look at what it answers."""
    name = example["action"].partition(".")[2]
    if name == "sync_item" and not example["data"]["path"].startswith(PATH):
        # The readme's own film is not among those of the tests.
        example = example | {"data": example["data"] | {"path": PATH}}
    steps = await async_validate_actions_config(hass, cv.SCRIPT_SCHEMA([example]))
    done = await Script(hass, steps, name, "test").async_run(context=Context())
    assert done is not None
    if name not in ANSWERS:
        assert name in ("pin_item", "unpin_item")
        return
    answer = done.variables[example["response_variable"]]
    assert answer.items() >= ANSWERS[name].items()


async def test_an_automation_that_a_webhook_starts(
    hass: HomeAssistant,
    hass_client_no_auth: ClientSessionGenerator,
    plex: PlexSimulator,
) -> None:
    """Ask the sources when Stash says that something has changed."""
    assert await async_setup_component(hass, WEBHOOK, {})
    await set_up(hass, make_entry(plex))
    (config,) = [each for each in AUTOMATIONS if "webhook_id" in str(each)]
    assert await async_setup_component(hass, AUTOMATION, {AUTOMATION: config})
    asked = []
    hass.bus.async_listen("call_service", asked.append)
    client = await hass_client_no_auth()
    webhook = config["triggers"][0]["webhook_id"]
    assert (await client.post(f"/api/webhook/{webhook}")).status == 200
    await until(hass, lambda: asked, ["call_service"])
    assert [each.data["service"] for each in asked] == ["refresh_source"]


async def test_an_automation_that_tells_of_an_outage(
    hass: HomeAssistant, plex: PlexSimulator
) -> None:
    """Say for how long Plex was away."""
    entry = await set_up(hass, make_entry(plex))
    told = async_mock_service(hass, NOTIFY, "notify")
    (config,) = [each for each in AUTOMATIONS if "circuit_closed" in str(each)]
    assert await async_setup_component(hass, AUTOMATION, {AUTOMATION: config})
    await plex.stop()
    await call(hass, "sync_item", path=PATH, fields={"summary": "Later."})
    await until_state(hass, "sensor", "circuit", "open")
    await plex.start()
    entry.runtime_data.engine.health.hurry()
    await until(hass, lambda: told)
    assert re.fullmatch(
        r"Plex is back after \d+(\.0)? seconds; 1 changes are being written now\.",
        told[0].data["message"],
    )


@pytest.mark.usefixtures("entry")
async def test_an_automation_that_an_event_starts(hass: HomeAssistant) -> None:
    """Tell of what our event on the bus says."""
    told = async_mock_service(hass, PERSISTENT_NOTIFICATION, "create")
    (config,) = [each for each in AUTOMATIONS if "plexsync_event" in str(each)]
    assert await async_setup_component(hass, AUTOMATION, {AUTOMATION: config})
    async_fire_time_changed(hass, dt_util.utcnow() + timedelta(seconds=61))
    await until(hass, lambda: told, ["call_service"])
    assert told[0].data["message"].endswith("to be pinned: 1")
