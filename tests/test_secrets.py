"""Secrets and private words are planted everywhere, and looked for in all that can be seen."""

from collections.abc import Iterator
from datetime import timedelta
import json
import logging
from typing import Any

from homeassistant.components.repairs import DOMAIN as REPAIRS
from homeassistant.components.system_health import DOMAIN as SYSTEM_HEALTH
from homeassistant.config_entries import SOURCE_REAUTH
from homeassistant.const import CONF_API_KEY, CONF_TOKEN, EVENT_CALL_SERVICE, MATCH_ALL
from homeassistant.core import Event, HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import (
    device_registry as dr,
    entity_registry as er,
    issue_registry as ir,
)
from homeassistant.setup import async_setup_component
from homeassistant.util import dt as dt_util
import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_fire_time_changed,
    get_system_health_info,
)
from pytest_homeassistant_custom_component.components.diagnostics import (
    get_diagnostics_for_config_entry,
)
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.plexsync.const import DOMAIN, SUBENTRY_STASH
from tests.home import (
    PLEX_ROOT,
    SOURCE,
    STASH_ROOT,
    call,
    make_entry,
    refused_soon,
    set_up,
    stash_subentry,
    until,
    until_state,
)
from tests.simulators.films import FILMS
from tests.simulators.plex import PlexCore, PlexSimulator, from_films
from tests.simulators.stash import StashSimulator

TOKEN = "planted-token-4711"
TYPED_TOKEN = "planted-typed-token-4712"
KEY = "planted-key-0815"
TYPED_KEY = "planted-typed-key-0816"
PASSWORD = "planted-password-2342"
SECRETS = (TOKEN, TYPED_TOKEN, KEY, TYPED_KEY, PASSWORD)

TITLE, SUMMARY, PERSON = "Planted Title", "Planted summary.", "Planted Person"
PATH = f"{PLEX_ROOT}/{FILMS[0].path}"
PRIVATE = (
    TITLE,
    SUMMARY,
    PERSON,
    PLEX_ROOT,
    STASH_ROOT,
    *(film.title for film in FILMS[:12]),
    *(film.path for film in FILMS[:12]),
    *(film.director for film in FILMS[:12] if film.director),
    *(name for film in FILMS[:12] for name, _ in film.cast),
)

# Core logs each event at this level, that of an action call included: its own record of
# what somebody passed to an action, which docs/privacy.md tells of.
_CORES_OWN = ("homeassistant.core", logging.DEBUG)


class Watcher:
    """Everything that can be seen, while it can be seen."""

    def __init__(self, hass: HomeAssistant, caplog: pytest.LogCaptureFixture) -> None:
        """Begin to watch."""
        self._hass = hass
        self._caplog = caplog
        self.shown: list[tuple[str, str]] = []  # where, what
        self.answers: list[str] = []
        hass.bus.async_listen(MATCH_ALL, self._heard)

    @callback
    def _heard(self, event: Event[Any]) -> None:
        if event.event_type != EVENT_CALL_SERVICE:
            self.see(f"event {event.event_type}", event.as_dict())

    def see(self, where: str, what: Any) -> None:
        """Keep what was shown."""
        self.shown.append((where, json.dumps(what, default=repr, ensure_ascii=False)))

    async def act(self, action: str, **data: Any) -> dict[str, Any] | None:
        """Call an action; keep its answer, or what it says of its failure."""
        try:
            answer = await call(self._hass, action, **data)
        except HomeAssistantError as error:
            told = [str(error), repr(error), error.translation_placeholders]
            self.see(f"error of {action}", told)
            return None
        self.answers.append(json.dumps(answer))
        return answer

    def look_around(self) -> None:
        """Keep what stands there now."""
        hass = self._hass
        for state in hass.states.async_all():
            self.see(f"state {state.entity_id}", state.as_dict())
        for issue in ir.async_get(hass).issues.values():
            self.see(f"repair {issue.issue_id}", repr(issue))
        for device in dr.async_get(hass).devices:
            self.see(f"device {device.name}", repr(device))
        for entity in er.async_get(hass).entities.values():
            self.see(f"entity {entity.entity_id}", repr(entity))
        for flow in hass.config_entries.flow.async_progress():
            self.see("flow", flow)
        for entry in hass.config_entries.async_entries(DOMAIN):
            kept = [{**entry.data, CONF_TOKEN: ""}, dict(entry.options), entry.title]
            self.see("entry", kept)
            for each in entry.subentries.values():
                self.see("source", [{**each.data, CONF_API_KEY: ""}, each.title])

    def logged(self) -> Iterator[tuple[str, str]]:
        """Give what was logged, but for core's own record of action calls."""
        formatter = logging.Formatter("%(message)s")
        for record in self._caplog.get_records("call"):
            if (record.name, record.levelno) != _CORES_OWN:
                yield f"log of {record.name}", formatter.format(record)

    def leaks(self, words: tuple[str, ...], *, but: tuple[str, ...] = ()) -> list[str]:
        """Name where one of the words was seen, but in some places."""
        everything = [*self.shown, *self.logged()]
        return sorted(
            {
                f"{where}: {word}"
                for where, text in everything
                for word in words
                if word in text and not where.startswith(but)
            }
        )


@pytest.fixture
async def planted(
    hass: HomeAssistant, socket_enabled: None, stash: StashSimulator
) -> Any:
    """Give a Plex whose token, and a source whose key, are known words."""
    stash.auth.api_key = KEY
    core = PlexCore(token=TOKEN)
    from_films(core, [{"path": film.path} for film in FILMS[:12]])
    async with PlexSimulator(core) as plex:
        yield plex, make_entry(plex, stash_subentry(stash, api_key=KEY))


async def use(watcher: Watcher) -> None:
    """Call each action, well and badly."""
    fields = {"title": TITLE, "summary": SUMMARY, "actors": [PERSON]}
    await watcher.act("sync_item", path=PATH, fields=fields, wait=20)
    await watcher.act("preview_item", path=PATH, fields={"tagline": TITLE})
    await watcher.act("preview_item", path=PATH)
    secret_url = f"http://user:{PASSWORD}@127.0.0.1/{TITLE}.jpg"
    for poster in (
        f"/{TITLE}.jpg",
        secret_url,
        f"http://127.0.0.1/?token={TYPED_TOKEN}",
    ):
        await watcher.act("sync_item", path=PATH, fields={"poster": poster}, wait=20)
    await watcher.act("sync_item", path=PATH, fields={"date": TITLE})
    await watcher.act("sync_item", path=PATH, fields={"of_no_such_name": TITLE})
    await watcher.act("sync_item", path=f"/elsewhere/{TITLE}", fields=fields, wait=20)
    await watcher.act("sync_item", guid="imdb://tt4711", fields=fields)
    await watcher.act("undo_item", path=f"/elsewhere/{TITLE}")
    await watcher.act("undo_item", path=PATH)
    await watcher.act("get_history", search=TITLE)
    await watcher.act("pin_item", key=TITLE, rating_key="999999")
    for action in (
        "get_history",
        "get_jobs",
        "get_outages",
        "retry_failed",
        "refresh_source",
    ):
        await watcher.act(action)
    await watcher.act("reconcile", wait=20)


async def break_plex(
    hass: HomeAssistant, watcher: Watcher, plex: PlexSimulator
) -> None:
    """Let Plex, and what stands before it, repeat secrets in every kind of answer."""
    said = f"{TOKEN} {TITLE} {PATH}"
    faults: list[tuple[str, dict[str, Any]]] = [
        ("status", {"code": 500, "body": said}),
        ("status", {"code": 400, "body": said, "plex": True}),
        ("status", {"code": 404, "body": said, "plex": False}),
        ("redirect_login", {"location": f"/?X-Plex-Token={TOKEN}&{TITLE}"}),
        ("html200", {}),
        ("garbage", {}),
        ("reset_mid_body", {}),
    ]
    for number, (action, spec) in enumerate(faults):
        rule = plex.faults.add(action, path="/library/.*", **spec)
        fields = {"summary": f"{SUMMARY} {number}"}
        await watcher.act("sync_item", path=PATH, fields=fields, wait=1)
        await watcher.act("preview_item", path=PATH, fields={"tagline": TITLE})
        watcher.look_around()
        plex.faults.remove(rule)
    await watcher.act("reset_circuit")
    await until_state(hass, "sensor", "circuit", "closed")


async def refuse_the_token(
    hass: HomeAssistant, watcher: Watcher, plex: PlexSimulator
) -> None:
    """Let Plex refuse its token, and type a wrong one when asked for another."""
    plex.core.token = "another"
    await watcher.act("sync_item", path=PATH, fields={"studio": TITLE})
    await until(
        hass,
        lambda: [
            flow
            for flow in hass.config_entries.flow.async_progress()
            if flow["context"]["source"] == SOURCE_REAUTH
        ],
    )
    watcher.look_around()
    (flow,) = hass.config_entries.flow.async_progress()
    for answer in ({"next_step_id": "token"}, {CONF_TOKEN: TYPED_TOKEN}):
        shown = await hass.config_entries.flow.async_configure(flow["flow_id"], answer)
        watcher.see("flow", shown)
    plex.core.token = TOKEN


async def break_stash(
    hass: HomeAssistant, watcher: Watcher, entry: MockConfigEntry, stash: StashSimulator
) -> None:
    """Let Stash refuse its key and repeat it, and type a wrong one."""
    stash.faults.status(500, body=f"{KEY} {TITLE}", times=2)
    runner = entry.runtime_data.runners[SOURCE]
    await watcher.act("refresh_source")
    await until(hass, lambda: not stash.faults.active)
    stash.auth.api_key = "another"
    runner.hurry()
    await until(
        hass, lambda: (DOMAIN, f"source_auth_01ENTRY_{SOURCE}") in _issues(hass)
    )
    watcher.look_around()
    flow = await hass.config_entries.subentries.async_init(
        (entry.entry_id, SUBENTRY_STASH),
        context={"source": "reconfigure", "subentry_id": SOURCE},
    )
    watcher.see("flow", flow)
    entered = {"url": stash.url, "api_key": TYPED_KEY, "verify_ssl": True}
    shown = await hass.config_entries.subentries.async_configure(
        flow["flow_id"], entered
    )
    watcher.see("flow", shown)


def _issues(hass: HomeAssistant) -> Any:
    return ir.async_get(hass).issues


async def test_nothing_private_is_seen_anywhere(
    hass: HomeAssistant,
    hass_client: ClientSessionGenerator,
    caplog: pytest.LogCaptureFixture,
    planted: tuple[PlexSimulator, MockConfigEntry],
    stash: StashSimulator,
) -> None:
    """Use it, break it, refuse it; then look through everything."""
    plex, entry = planted
    for component in (REPAIRS, SYSTEM_HEALTH):
        assert await async_setup_component(hass, component, {})
    watcher = Watcher(hass, caplog)
    await set_up(hass, entry)
    refused_soon(entry)
    await until_state(hass, "sensor", "synced", "12")
    await use(watcher)
    await break_plex(hass, watcher, plex)
    await refuse_the_token(hass, watcher, plex)
    await break_stash(hass, watcher, entry, stash)
    async_fire_time_changed(hass, dt_util.utcnow() + timedelta(seconds=61))
    await hass.async_block_till_done()
    watcher.look_around()
    found = await get_diagnostics_for_config_entry(hass, hass_client, entry)
    watcher.see("diagnostics", found)
    watcher.see("health", await get_system_health_info(hass, DOMAIN))
    await plex.stop()
    await watcher.act("sync_item", path=PATH, fields={"summary": SUMMARY}, wait=1)
    assert await hass.config_entries.async_unload(entry.entry_id)
    watcher.look_around()

    assert len(watcher.shown) > 500
    assert len(watcher.answers) > 10
    assert not watcher.leaks(SECRETS)
    assert not [each for each in watcher.answers if any(s in each for s in SECRETS)]
    # An entry holds the paths that its owner maps, and a form shows them.
    assert not watcher.leaks(PRIVATE, but=("source", "flow"))


def test_the_watcher_sees(
    hass: HomeAssistant, caplog: pytest.LogCaptureFixture
) -> None:
    """Find what is planted in each place, so that the test above can fail."""
    watcher = Watcher(hass, caplog)
    hass.bus.async_fire("told", {"token": TOKEN})
    hass.states.async_set("sensor.a", "1", {"title": TITLE})
    logging.getLogger("urllib3").debug("GET /?X-Plex-Token=%s", TOKEN)
    try:
        int(KEY)
    except ValueError:
        logging.getLogger("custom_components.plexsync").exception("Failed")
    watcher.look_around()
    leaks = watcher.leaks((TOKEN, KEY, TITLE))
    assert f"event told: {TOKEN}" in leaks
    assert f"state sensor.a: {TITLE}" in leaks
    assert f"log of urllib3: {TOKEN}" in leaks
    assert f"log of custom_components.plexsync: {KEY}" in leaks
