"""What the review page asks over the websocket, and who may ask."""

from pathlib import Path
from typing import Any

from homeassistant.components.websocket_api.const import DOMAIN as WEBSOCKET
from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import (
    MockHAClientWebSocket,
    WebSocketGenerator,
)

from custom_components import plexsync as ours
from custom_components.plexsync.const import DOMAIN
from custom_components.plexsync.engine.model.holds import Hold
from tests.home import (
    PLEX_ROOT,
    SOURCE,
    call,
    make_entry,
    ruin,
    set_up,
    stash_subentry,
    until,
    until_state,
)
from tests.simulators.films import FILMS
from tests.simulators.plex import PlexSimulator
from tests.simulators.stash import StashSimulator
from tests.test_review_page import second_entry

PATH = f"{PLEX_ROOT}/{FILMS[0].path}"
OTHER = f"{PLEX_ROOT}/{FILMS[1].path}"
IMDB = "imdb://tt0000417"
WAIT = 20
HERE = {"config_entry_id": "01ENTRY"}
PANEL = Path(ours.__file__).parent / "panel"


@pytest.fixture
async def entry(hass: HomeAssistant, plex: PlexSimulator) -> MockConfigEntry:
    """Give a loaded entry without sources."""
    plex.core.find(PATH).guids = (IMDB,)
    return await set_up(hass, make_entry(plex))


@pytest.fixture
async def socket(
    hass: HomeAssistant, entry: MockConfigEntry, hass_ws_client: WebSocketGenerator
) -> MockHAClientWebSocket:
    """Give an administrator's connection."""
    return await hass_ws_client(hass)


async def ask(socket: MockHAClientWebSocket, name: str, **data: Any) -> Any:
    """Send a command about the one server and give its answer."""
    await socket.send_json_auto_id({"type": f"{DOMAIN}/{name}", **HERE, **data})
    answer = await socket.receive_json()
    assert answer["success"], answer
    return answer["result"]


async def error(socket: MockHAClientWebSocket, name: str, **data: Any) -> Any:
    """Send a command that is refused, and give the error."""
    await socket.send_json_auto_id({"type": f"{DOMAIN}/{name}", **data})
    answer = await socket.receive_json()
    assert not answer["success"], answer
    return answer["error"]


async def follow(socket: MockHAClientWebSocket) -> dict[str, Any]:
    """Subscribe, and give the first state."""
    assert await ask(socket, "subscribe") is None
    return await event(socket)


async def event(socket: MockHAClientWebSocket) -> dict[str, Any]:
    """Give the next event."""
    message = await socket.receive_json()
    assert message["type"] == "event"
    state: dict[str, Any] = message["event"]
    return state


# Who may ask


# The least that each command asks for, beside the server.
LEAST: dict[str, dict[str, Any]] = {
    "candidates": {"rating_keys": ["1"]},
    "pin": {"source": "action", "key": "x", "rating_key": "1"},
    "plan/item": {"source": "action", "key": "x"},
    "plan/leave": {"source": "action", "field": "title", "leave": True},
    "plan/write": {"items": [{"source": "action", "key": "x", "digest": ""}]},
    "undo": {"rating_key": "1"},
    "undo/plan": {"rating_key": "1"},
    "undo/run": {"run": 1},
    "undo/since": {"since": "2026-01-01 00:00:00"},
}


def least(hass: HomeAssistant) -> dict[str, dict[str, Any]]:
    """Give every command that is registered, with the least that it asks for."""
    prefix = f"{DOMAIN}/"
    names = [name for name in hass.data[WEBSOCKET] if name.startswith(prefix)]
    assert len(names) >= 10
    return {
        name: LEAST.get(name, {}) for name in (n.removeprefix(prefix) for n in names)
    }


async def test_every_command_is_for_administrators(
    hass: HomeAssistant,
    entry: MockConfigEntry,
    hass_ws_client: WebSocketGenerator,
    hass_read_only_access_token: str,
) -> None:
    """Nobody else learns or does anything; they are told so before anything is read."""
    socket = await hass_ws_client(hass, hass_read_only_access_token)
    for name, data in least(hass).items():
        sent = data if name == "overview" else HERE | data
        assert (await error(socket, name, **sent))["code"] == "unauthorized", name


async def test_what_fails_is_named_by_its_reason(
    hass: HomeAssistant, entry: MockConfigEntry, hass_ws_client: WebSocketGenerator
) -> None:
    """The page has words for reasons; a kind of call has none."""
    bulkheads = entry.runtime_data.engine.common.bulkheads
    for kind in ("listing:1", "listing:2", "source:1", "address:example.org"):
        bulkheads.failed(kind, "", 0.0)
    state = await follow(await hass_ws_client(hass))
    assert state["failing"] == ["image_unreachable", "listing_fails", "source_away"]


async def test_every_command_is_one_that_the_page_sends(
    hass: HomeAssistant, entry: MockConfigEntry
) -> None:
    """What an owner decides elsewhere, in a repair, has no second way in."""
    files = await hass.async_add_executor_job(lambda: sorted(PANEL.glob("*.js")))
    page = "".join(
        [await hass.async_add_executor_job(file.read_text) for file in files]
    )
    sent = {
        name
        for name in least(hass)
        if f'"{name}"' in page or f'"{DOMAIN}/{name}"' in page
    }
    assert least(hass).keys() == sent


async def test_commands_are_there_before_any_entry(
    hass: HomeAssistant, hass_ws_client: WebSocketGenerator
) -> None:
    """Say that there is no server, as the page shows it."""
    assert await async_setup_component(hass, DOMAIN, {})
    socket = await hass_ws_client(hass)
    await socket.send_json_auto_id({"type": f"{DOMAIN}/overview"})
    assert (await socket.receive_json())["result"]["servers"] == []


@pytest.mark.parametrize(
    ("given", "key"),
    [
        ("nobody", "service_config_entry_not_found"),
        ("01SUN", "service_config_entry_wrong_domain"),
        ("01ENTRY", "service_config_entry_not_loaded"),
    ],
)
async def test_the_server_must_be_one_of_ours_and_loaded(
    hass: HomeAssistant,
    entry: MockConfigEntry,
    socket: MockHAClientWebSocket,
    given: str,
    key: str,
) -> None:
    """Say in words which server is not there."""
    MockConfigEntry(domain="sun", entry_id="01SUN").add_to_hass(hass)
    assert await hass.config_entries.async_unload(entry.entry_id)
    for name, data in least(hass).items():
        if name == "overview":
            continue
        answer = await error(socket, name, **data, config_entry_id=given)
        assert answer["translation_key"] == key, name


TITLE = {"source": "action", "field": "title", "leave": True}


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("jobs", {}),
        ("jobs", {**HERE, "limit": 101}),
        ("jobs", {**HERE, "limit": 0}),
        ("jobs", {**HERE, "state": "lost"}),
        ("jobs", {**HERE, "colour": "red"}),
        ("retry", {**HERE, "ids": ["x"]}),
        ("pin", {**HERE, "source": "action", "key": "x"}),
        ("candidates", {**HERE, "rating_keys": []}),
        ("candidates", {**HERE, "rating_keys": ["1"] * 21}),
        ("candidates", {**HERE, "rating_keys": [None]}),
        ("sweep", {**HERE, "scope": "some"}),
        # Without a key every record of the source would be meant.
        ("plan/leave", {**HERE, **TITLE, "key": ""}),
        ("plan/leave", {**HERE, **TITLE, "field": "colour"}),
        ("subscribe", {}),
    ],
)
async def test_bad_data_are_refused(
    socket: MockHAClientWebSocket, name: str, data: dict[str, Any]
) -> None:
    """Check shapes before anything is done."""
    assert (await error(socket, name, **data))["code"] == "invalid_format"


@pytest.mark.parametrize(
    ("name", "data", "key"),
    [
        (
            "pin",
            {"source": "nobody", "key": "x", "rating_key": "1"},
            "source_unknown",
        ),
        (
            "pin",
            {"source": "action", "key": " ", "rating_key": "1"},
            "key_invalid",
        ),
        ("candidates", {"rating_keys": ["1,2"]}, "rating_key_invalid"),
        ("discard", {}, "failed_jobs_unnamed"),
        ("retry", {"ids": [1], "all": True}, "failed_jobs_contradict"),
    ],
)
async def test_what_makes_no_sense_is_refused_in_words(
    socket: MockHAClientWebSocket, name: str, data: dict[str, Any], key: str
) -> None:
    """Refuse as the actions do, with the same sentences."""
    answer = await error(socket, name, **HERE, **data)
    assert (answer["translation_domain"], answer["translation_key"]) == (DOMAIN, key)


async def test_a_database_that_fails_is_told(
    entry: MockConfigEntry, socket: MockHAClientWebSocket
) -> None:
    """Let no traceback out where nothing can be read."""
    await ruin(entry)
    answer = await error(socket, "jobs", **HERE)
    assert answer["translation_key"] == "storage_failed"


# What is there


async def test_the_overview_names_servers_and_sources(
    hass: HomeAssistant,
    plex: PlexSimulator,
    stash: StashSimulator,
    hass_ws_client: WebSocketGenerator,
) -> None:
    """Give what the page can choose from; of one that is not loaded its name."""
    entry = await set_up(hass, make_entry(plex, stash_subentry(stash)))
    socket = await hass_ws_client(hass)
    await socket.send_json_auto_id({"type": f"{DOMAIN}/overview"})
    (server,) = (await socket.receive_json())["result"]["servers"]
    assert (server["config_entry_id"], server["title"]) == (entry.entry_id, "Cellar")
    assert server["loaded"]
    assert [each["id"] for each in server["sources"]] == ["action", SOURCE]
    assert server["sources"][1]["title"] == "Stash"
    assert await hass.config_entries.async_unload(entry.entry_id)
    await socket.send_json_auto_id({"type": f"{DOMAIN}/overview"})
    (server,) = (await socket.receive_json())["result"]["servers"]
    assert (server["loaded"], server["sources"]) == (False, [])


async def test_libraries_are_named_as_soon_as_they_are_known(
    hass: HomeAssistant, plex: PlexSimulator, socket: MockHAClientWebSocket
) -> None:
    """Whoever looks at the page before Plex was looked at learns of them, too."""
    assert (await follow(socket))["libraries"] == []
    await call(hass, "sync_item", path=PATH, fields={"tagline": "x"}, wait=WAIT)
    while not (libraries := (await event(socket))["libraries"]):
        pass
    section = next(iter(plex.core.sections.values()))
    assert libraries == [{"id": section.uuid, "title": section.title}]


async def test_a_server_that_cannot_be_read_hides_no_other(
    hass: HomeAssistant, plex: PlexSimulator, socket: MockHAClientWebSocket
) -> None:
    """The page lists both, and says why it does not show the one."""
    broken = await set_up(hass, second_entry(plex))
    await ruin(broken)
    await socket.send_json_auto_id({"type": f"{DOMAIN}/overview"})
    servers = (await socket.receive_json())["result"]["servers"]
    assert [each["loaded"] for each in servers] == [True, True]
    assert await ask(socket, "subscribe", config_entry_id=broken.entry_id) is None
    told = (await event(socket))["error"]
    assert told["translation_key"] == "storage_failed"
    assert "status" in await follow(socket)


async def test_jobs_are_the_same_as_the_action_gives(
    hass: HomeAssistant, plex: PlexSimulator, socket: MockHAClientWebSocket
) -> None:
    """A failed one, with its reason; and it is retried, and discarded."""
    plex.faults.add("status", code=400, method="PUT", times=2)
    fields = {"summary": "Refused."}
    await call(hass, "sync_item", path=PATH, fields=fields, wait=WAIT)
    shown = await ask(socket, "jobs", state="failed")
    given = await call(hass, "get_jobs", state="failed")
    assert shown.keys() == given.keys()
    (job,) = shown["jobs"]
    assert job.keys() == given["jobs"][0].keys()
    assert (job["reason"], job["paths"]) == ("bad_request", [PATH])
    number = job["id"]
    assert (await ask(socket, "retry", ids=[number]))["retried"] == 1
    await until_state(hass, "sensor", "failed", "1")
    await until_state(hass, "sensor", "pending", "0")
    assert await ask(socket, "discard", ids=[number]) == {"discarded": 1}
    assert (await ask(socket, "jobs"))["total"] == 0


async def test_an_ambiguous_item_is_picked(
    hass: HomeAssistant, plex: PlexSimulator, socket: MockHAClientWebSocket
) -> None:
    """Show the candidates as Plex has them now, tie the record to one, and untie it."""
    plex.core.find(OTHER).guids = (IMDB,)
    asked = {"guid": IMDB, "fields": {"tagline": "Which?"}}
    await call(hass, "sync_item", wait=WAIT, **asked)
    (job,) = (await ask(socket, "jobs", reason="ambiguous"))["jobs"]
    found = await ask(socket, "candidates", rating_keys=[*job["candidates"], "999"])
    assert {path for item in found["items"] for path in item["paths"]} == {PATH, OTHER}
    chosen = next(item for item in found["items"] if item["paths"] == [OTHER])
    assert chosen["title"] == plex.core.find(OTHER).title
    assert chosen["library"] == next(iter(plex.core.sections.values())).title

    tie = {"source": job["source"], "key": job["key"]}
    await ask(socket, "pin", **tie, rating_key=chosen["rating_key"])
    await until_state(hass, "sensor", "synced", "1")
    assert plex.core.find(OTHER).value("tagline") == "Which?"
    answer = await ask(socket, "pin", **tie, rating_key=None)
    assert answer == {**tie, "rating_key": None}


async def test_candidates_of_a_plex_that_is_away_are_refused_in_words(
    plex: PlexSimulator, entry: MockConfigEntry, socket: MockHAClientWebSocket
) -> None:
    """Say that it cannot be asked."""
    entry.runtime_data.engine.circuit.hold(Hold.AUTH, True)
    answer = await error(socket, "candidates", **HERE, rating_keys=["1"])
    assert answer["translation_key"] == "fault_auth"


async def test_outages_are_the_same_as_the_action_gives(
    hass: HomeAssistant, socket: MockHAClientWebSocket
) -> None:
    """One list of them, one shape."""
    shown = await ask(socket, "outages")
    assert shown.keys() == (await call(hass, "get_outages")).keys()
    assert shown["outages"] == []


# What is followed


async def test_a_sweep_is_begun_seen_and_stopped(
    entry: MockConfigEntry, socket: MockHAClientWebSocket
) -> None:
    """The same run as the button's; a subscription shows it."""
    entry.runtime_data.engine.circuit.hold(Hold.ADDRESS, True)  # it waits at its start
    answer = await ask(socket, "sweep")
    assert (answer["status"], answer["scope"]) == ("running", "all")
    state = await follow(socket)
    while not state["sweep"]["hold"]:
        state = await event(socket)
    assert state["sweep"] == {
        "running": True,
        "scope": "all",
        "progress": 0.0,
        "hold": "address",
    }
    await socket.send_json_auto_id({"type": f"{DOMAIN}/sweep/cancel", **HERE})
    seen = [await socket.receive_json()]
    while seen[-1]["type"] == "event":
        seen.append(await socket.receive_json())
    assert seen[-1]["result"] == {"cancelled": True}


async def test_the_whole_picture_comes_first(
    hass: HomeAssistant,
    plex: PlexSimulator,
    stash: StashSimulator,
    hass_ws_client: WebSocketGenerator,
) -> None:
    """What a browser shows after it has lost its connection is up to date at once."""
    await set_up(hass, make_entry(plex, stash_subentry(stash)))
    socket = await hass_ws_client(hass)
    state = await follow(socket)
    while state["sources"][0]["last_look"] is None or state["pending"]:
        state = await event(socket)
    assert (state["circuit"], state["failed"]) == ("closed", 0)
    (source,) = state["sources"]
    assert (source["id"], source["connected"], source["held"]) == (SOURCE, True, None)
    assert state["next_sweep"] is not None
    assert state["holds"] == []


async def test_many_changes_make_one_event(
    hass: HomeAssistant, entry: MockConfigEntry, socket: MockHAClientWebSocket
) -> None:
    """However fast things change, the browser is told of how they stand, now and then."""
    await follow(socket)
    circuit = entry.runtime_data.engine.circuit
    for turn in range(41):
        circuit.hold(Hold.SWITCH, turn % 2 == 0)
        entry.runtime_data.async_update_listeners()
    state = await event(socket)
    assert state["status"] == "off"
    assert [each["hold"] for each in state["holds"]] == ["switch"]
    # Nothing else is on its way: the next message is the answer to this.
    await ask(socket, "outages")


async def test_what_failed_is_counted_by_its_reason(
    hass: HomeAssistant, plex: PlexSimulator, socket: MockHAClientWebSocket
) -> None:
    """Also what has nothing to write to, with what it lacks."""
    plex.faults.add("status", code=400, method="PUT", times=1)
    elsewhere = {"path": "/elsewhere/film.mkv", "fields": {"summary": "x"}}
    await call(hass, "sync_item", path=PATH, fields={"summary": "x"}, wait=WAIT)
    await call(hass, "sync_item", wait=WAIT, **elsewhere)
    state = await follow(socket)
    assert state["reasons"] == {
        "failed:bad_request": 1,
        "skipped:outside_libraries": 1,
    }


async def test_a_hold_names_its_repair(
    hass: HomeAssistant,
    plex: PlexSimulator,
    stash: StashSimulator,
    hass_ws_client: WebSocketGenerator,
) -> None:
    """What waits for its owner's answer leads to where it is given."""
    subentry = stash_subentry(stash, start="preview")
    await set_up(hass, make_entry(plex, subentry))
    socket = await hass_ws_client(hass)
    state = await follow(socket)
    while not any(each["issue"] for each in state["holds"]):
        state = await event(socket)
    (hold,) = state["holds"]
    assert (hold["hold"], hold["source"]) == ("first_plan", SOURCE)
    assert hold["issue"] == f"preview_ready_01ENTRY_{SOURCE}"
    assert hold["asked"]


async def test_subscriptions_end_with_their_entry(
    hass: HomeAssistant, entry: MockConfigEntry, socket: MockHAClientWebSocket
) -> None:
    """The last event says that there is nothing to follow any more."""
    await follow(socket)
    assert await hass.config_entries.async_unload(entry.entry_id)
    message = await event(socket)
    while "unloaded" not in message:
        message = await event(socket)
    assert message == {"unloaded": True}
    await hass.async_block_till_done()
    assert (await error(socket, "subscribe", **HERE))["translation_key"]


async def test_a_browser_that_goes_is_told_nothing_more(
    hass: HomeAssistant, entry: MockConfigEntry, socket: MockHAClientWebSocket
) -> None:
    """Nothing of it stays behind."""
    await follow(socket)
    tasks = entry._background_tasks  # noqa: SLF001  # what an entry leaves running
    assert any("live" in task.get_name() for task in tasks)
    await socket.close()
    await until(hass, lambda: not any("live" in task.get_name() for task in tasks))
