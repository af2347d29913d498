"""The blueprints, as automations in a real Home Assistant, started by our own entities."""

from datetime import timedelta
from pathlib import Path
import shutil
from typing import Any

from homeassistant.components.automation import DOMAIN as AUTOMATION
from homeassistant.components.automation.config import AUTOMATION_BLUEPRINT_SCHEMA
from homeassistant.components.blueprint.models import Blueprint
from homeassistant.components.input_boolean import DOMAIN as INPUT_BOOLEAN
from homeassistant.components.notify import DOMAIN as NOTIFY
from homeassistant.components.persistent_notification import (
    DOMAIN as PERSISTENT_NOTIFICATION,
)
from homeassistant.components.switch import DOMAIN as SWITCH
from homeassistant.core import CoreState, HomeAssistant, ServiceCall
from homeassistant.helpers import device_registry as dr
from homeassistant.setup import async_setup_component
from homeassistant.util import dt as dt_util
from homeassistant.util.yaml import load_yaml_dict
import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_fire_time_changed,
    async_mock_service,
)

from custom_components.plexsync.const import CONF_RECORD_TITLES, DOMAIN
from tests.home import (
    PLEX_ROOT,
    call,
    entity_id,
    make_entry,
    set_up,
    stash_subentry,
    state_of,
    until,
    until_state,
)
from tests.simulators.films import FILMS
from tests.simulators.plex import PlexSimulator
from tests.simulators.stash import StashSimulator

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / "blueprints" / "automation" / DOMAIN
PATH = f"{PLEX_ROOT}/{FILMS[0].path}"
IMDB = "imdb://tt0000417"
PLAYERS = ["media_player.den", "media_player.attic"]
HELPER = "input_boolean.paused"
REST = timedelta(minutes=5)


async def use(hass: HomeAssistant, name: str, **inputs: Any) -> None:
    """Make an automation of a blueprint, as its import and its form do."""
    shutil.copytree(
        FOLDER, hass.config.path("blueprints", AUTOMATION, DOMAIN), dirs_exist_ok=True
    )
    config = {"use_blueprint": {"path": f"{DOMAIN}/{name}.yaml", "input": inputs}}
    assert await async_setup_component(hass, AUTOMATION, {AUTOMATION: config})
    await hass.async_block_till_done()
    (automation,) = hass.states.async_all(AUTOMATION)
    assert automation.state == "on"


def events(hass: HomeAssistant) -> str:
    """Name the event entity."""
    return entity_id(hass, "event", "sync_event")


def notes(hass: HomeAssistant) -> list[ServiceCall]:
    """Hear of the notifications in Home Assistant."""
    return async_mock_service(hass, PERSISTENT_NOTIFICATION, "create")


@pytest.mark.parametrize("file", sorted(FOLDER.iterdir()), ids=lambda file: file.stem)
def test_a_blueprint_is_one(file: Path) -> None:
    """Name, describe and ask for everything in words, with a link to import it from."""
    blueprint = Blueprint(
        load_yaml_dict(str(file)),
        expected_domain=AUTOMATION,
        schema=AUTOMATION_BLUEPRINT_SCHEMA,
    )
    assert blueprint.validate() is None
    path = file.relative_to(ROOT).as_posix()
    assert blueprint.metadata["source_url"].endswith(f"/plexsync/blob/main/{path}")
    assert blueprint.metadata["homeassistant"]["min_version"] == "2026.10.0"
    for field in blueprint.inputs.values():
        assert field.keys() >= {"name", "selector"}
    link = f"blueprint_url=https%3A%2F%2Fgithub.com%2Fplexsync%2Fplexsync%2Fblob%2Fmain%2F{path.replace('/', '%2F')}"
    assert link in (ROOT / "docs/blueprints.md").read_text()


async def test_outages_are_told_with_their_length(
    hass: HomeAssistant, plex: PlexSimulator
) -> None:
    """Say why it began, and at its end how long it was and how many jobs had waited."""
    entry = await set_up(hass, make_entry(plex))
    told = notes(hass)
    await use(hass, "outage", events=events(hass))
    await plex.stop()
    for number in range(3):
        fields = {"summary": "Later."}
        await call(hass, "sync_item", path=PATH, key=str(number), fields=fields)
    await until(hass, lambda: told, ["call_service"])
    assert told[0].data["title"] == "Cellar is not available"
    assert told[0].data["message"].startswith("Cause: refused.")
    await until_state(hass, "sensor", "pending", "3")
    await plex.start()
    entry.runtime_data.engine.health.hurry()
    await until(hass, lambda: len(told) == 2, ["call_service"])
    assert told[1].data["title"] == "Cellar is available again"
    assert told[1].data["message"].startswith("It was away for 0:00:")
    assert told[1].data["message"].endswith(". 3 jobs had waited for it.")


async def test_a_circuit_that_was_closed_by_hand_is_told_as_such(
    hass: HomeAssistant, plex: PlexSimulator
) -> None:
    """And whoever chose another way to be told is told that way."""
    await set_up(hass, make_entry(plex))
    told, begun = async_mock_service(hass, NOTIFY, "me"), notes(hass)
    ended = [{"action": "notify.me", "data": {"message": "{{ title }}: {{ message }}"}}]
    await use(hass, "outage", events=events(hass), ended=ended)
    await plex.stop()
    await call(hass, "sync_item", path=PATH, fields={"summary": "Later."})
    await until_state(hass, "sensor", "pending", "1")
    await until(hass, lambda: begun, ["call_service"])
    await plex.start()
    await call(hass, "reset_circuit")
    await until(hass, lambda: told, ["call_service"])
    message = told[0].data["message"]
    assert message.startswith("Cellar is available again: Taken for available by hand")
    assert message.endswith("One job had waited for it.")


@pytest.mark.parametrize(
    ("titles", "ending"), [(False, ""), (True, " Film 0, Film 1.")], ids=str
)
async def test_failed_items_are_told_and_retried(
    hass: HomeAssistant, plex: PlexSimulator, titles: bool, ending: str
) -> None:
    """Send a notification with a button; what it is about is tried again at its press."""
    for film in FILMS[:2]:
        plex.core.find(f"{PLEX_ROOT}/{film.path}").guids = (IMDB,)
    await set_up(hass, make_entry(plex, options={CONF_RECORD_TITLES: titles}))
    app = MockConfigEntry(domain="mobile_app")
    app.add_to_hass(hass)
    phone = dr.async_get(hass).async_get_or_create(
        config_entry_id=app.entry_id, identifiers={("mobile_app", "1")}, name="My Phone"
    )
    told = async_mock_service(hass, NOTIFY, "mobile_app_my_phone")
    await use(hass, "failed_items", events=events(hass), phone=phone.id)
    for number in range(2):
        fields = {"title": f"Film {number}"}
        order = {"guid": IMDB, "key": str(number), "fields": fields}
        await call(hass, "sync_item", **order, wait=20)
    async_fire_time_changed(hass, dt_util.utcnow() + timedelta(seconds=61))
    await until(hass, lambda: told, ["call_service"])
    assert told[0].data["title"] == "Cellar"
    message = "2 items could not be written (ambiguous)."
    assert told[0].data["message"] == message + ending
    (button,) = told[0].data["data"]["actions"]
    assert button["title"] == "Try again"
    page = "/plexsync/needs?config_entry=01ENTRY&reason=ambiguous"
    assert told[0].data["data"]["url"] == told[0].data["data"]["clickAction"] == page

    hass.bus.async_fire("mobile_app_notification_action", {"action": "SOMETHING"})
    for _ in range(3):
        assert (await call(hass, "get_jobs", state="failed"))["total"] == 2
    plex.core.find(f"{PLEX_ROOT}/{FILMS[1].path}").guids = ()
    hass.bus.async_fire("mobile_app_notification_action", button)
    await until_state(hass, "sensor", "failed", "0")
    await until_state(hass, "sensor", "synced", "2")


async def test_the_night_is_reported(
    hass: HomeAssistant, plex: PlexSimulator, stash: StashSimulator
) -> None:
    """Sum up what a comparison found, and what waits for a person."""
    await set_up(hass, make_entry(plex, stash_subentry(stash)))
    await until_state(hass, "sensor", "synced", "12")
    told = notes(hass)
    await use(hass, "nightly_report", events=events(hass))
    item = plex.core.find(PATH)
    plex.core.edit_by_person(item.rating_key, summary="A person's.")
    plex.faults.add("status", code=400, method="PUT", times=1)
    other = f"{PLEX_ROOT}/{FILMS[1].path}"
    fields = {"tagline": "x"}
    await call(hass, "sync_item", path=other, fields=fields, wait=20)
    await call(hass, "reconcile", scope="plan", wait=60)  # of which it says nothing
    await call(hass, "reconcile", wait=60)
    await until(hass, lambda: told, ["call_service"])
    assert len(told) == 1
    assert told[0].data["title"] == "Cellar: everything was compared"
    assert told[0].data["message"] == (
        "In line: 11. To be written: 0. Not in Plex: 0. Left alone: 1."
        " Nothing to write to: 0. Failed jobs: 1."
        " Plex was available for 100.0 % of the last day."
        " [See more](/plexsync/needs?config_entry=01ENTRY)"
    )


async def test_a_night_without_news_can_be_left_out(
    hass: HomeAssistant, plex: PlexSimulator, stash: StashSimulator
) -> None:
    """Stay silent where everything is in line, and speak where a source was away."""
    await set_up(hass, make_entry(plex, stash_subentry(stash)))
    await until_state(hass, "sensor", "synced", "12")
    told = notes(hass)
    await use(hass, "nightly_report", events=events(hass), only_news=True)
    await call(hass, "reconcile", wait=60)
    await hass.async_block_till_done()
    await stash.stop()
    await call(hass, "reconcile", wait=60)
    await until(hass, lambda: told, ["call_service"])
    (report,) = told
    assert "Sources that could not be read: 1." in report.data["message"]


class Streaming:
    """A home in which the blueprint pauses, and people who play, stop and switch."""

    def __init__(self, hass: HomeAssistant) -> None:
        """Take what there is."""
        self.hass = hass

    def plays(self, player: int, state: str = "playing") -> None:
        """Let a player play, or do something else."""
        self.hass.states.async_set(PLAYERS[player], state)

    async def switch(self, service: str) -> None:
        """Switch syncing by hand."""
        target = {"entity_id": entity_id(self.hass, SWITCH, "sync")}
        await self.hass.services.async_call(SWITCH, service, target, blocking=True)
        await self.hass.async_block_till_done()

    async def rest(self, time: timedelta = REST) -> None:
        """Let time pass."""
        await self.hass.async_block_till_done()
        later = dt_util.utcnow() + time + timedelta(seconds=1)
        async_fire_time_changed(self.hass, later)
        await self.hass.async_block_till_done()

    @property
    def syncs(self) -> bool:
        """Whether the switch is on."""
        return state_of(self.hass, SWITCH, "sync").state == "on"

    @property
    def remembers(self) -> bool:
        """Whether the helper says that it was the automation."""
        state = self.hass.states.get(HELPER)
        assert state is not None
        return state.state == "on"

    async def until(self, *, syncs: bool) -> None:
        """Wait until syncing is on or off, and the automation done."""
        await until(self.hass, lambda: self.syncs is syncs)
        await self.hass.async_block_till_done()


@pytest.fixture
async def streaming(hass: HomeAssistant, plex: PlexSimulator) -> Streaming:
    """Give one in which nobody plays."""
    return await _streaming(hass, plex, paused=False)


async def _streaming(
    hass: HomeAssistant, plex: PlexSimulator, *, paused: bool
) -> Streaming:
    it = Streaming(hass)
    for player in range(len(PLAYERS)):
        it.plays(player, "idle")
    helper = {INPUT_BOOLEAN: {"paused": {"initial": paused}}}
    assert await async_setup_component(hass, INPUT_BOOLEAN, helper)
    await set_up(hass, make_entry(plex))
    sync = entity_id(hass, SWITCH, "sync")
    inputs = {"sync": sync, "players": PLAYERS, "paused": HELPER}
    await use(hass, "pause_while_streaming", **inputs)
    return it


async def test_syncing_pauses_while_somebody_streams(streaming: Streaming) -> None:
    """Off with the first player, on again some time after the last one."""
    streaming.plays(0)
    await streaming.until(syncs=False)
    assert streaming.remembers
    streaming.plays(1)
    streaming.plays(0, "paused")
    await streaming.rest()
    assert not streaming.syncs  # the other one still plays
    streaming.plays(1, "idle")
    await streaming.rest(timedelta(minutes=1))
    assert not streaming.syncs
    await streaming.rest()
    await streaming.until(syncs=True)
    assert not streaming.remembers


async def test_what_the_owner_turned_off_stays_off(streaming: Streaming) -> None:
    """Before anybody played, or in the midst of it."""
    await streaming.switch("turn_off")
    streaming.plays(0)
    await streaming.hass.async_block_till_done()
    streaming.plays(0, "idle")
    await streaming.rest()
    assert not streaming.syncs
    assert not streaming.remembers

    await streaming.switch("turn_on")
    streaming.plays(0)
    await streaming.until(syncs=False)
    await streaming.switch("turn_on")
    assert streaming.syncs  # by hand, although somebody plays
    assert not streaming.remembers
    await streaming.switch("turn_off")
    streaming.plays(0, "idle")
    await streaming.rest()
    assert not streaming.syncs


async def test_the_next_player_pauses_what_was_turned_on(streaming: Streaming) -> None:
    """By hand it is on until somebody else begins."""
    streaming.plays(0)
    await streaming.until(syncs=False)
    await streaming.switch("turn_on")
    streaming.plays(1)
    await streaming.until(syncs=False)
    assert streaming.remembers


@pytest.mark.parametrize("plays", [True, False])
async def test_a_start_in_the_midst_of_it(
    hass: HomeAssistant, plex: PlexSimulator, plays: bool
) -> None:
    """Go on if nobody plays any more, and wait if somebody does."""
    hass.set_state(CoreState.not_running)
    it = await _streaming(hass, plex, paused=True)
    it.plays(0, "playing" if plays else "idle")
    await it.switch("turn_off")
    await hass.async_start()
    await hass.async_block_till_done()
    (automation,) = hass.states.async_all(AUTOMATION)
    assert automation.attributes["last_triggered"]
    assert it.syncs is not plays
    assert it.remembers is plays


async def test_a_reload_in_the_midst_of_it(streaming: Streaming) -> None:
    """Look at how things are where the wait for a player's rest was forgotten."""
    streaming.plays(0)
    await streaming.until(syncs=False)
    streaming.hass.bus.async_fire("automation_reloaded")
    await streaming.hass.async_block_till_done()
    assert not streaming.syncs
    streaming.plays(0, "idle")
    await streaming.hass.async_block_till_done()
    streaming.hass.bus.async_fire("automation_reloaded")
    await streaming.until(syncs=True)
    assert not streaming.remembers
    await streaming.rest()
    assert streaming.syncs
