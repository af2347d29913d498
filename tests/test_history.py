"""The history by the action and by the commands of the review page, and undo by it."""

from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.exceptions import ServiceValidationError
from homeassistant.util import dt as dt_util
import probatio
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import WebSocketGenerator

from tests.home import PLEX_ROOT, call, make_entry, set_up, until
from tests.simulators.films import FILMS
from tests.simulators.plex import PlexSimulator

PATHS = [f"{PLEX_ROOT}/{film.path}" for film in FILMS[:3]]
WAIT = 20


@pytest.fixture
async def entry(hass: HomeAssistant, plex: PlexSimulator) -> MockConfigEntry:
    """Give a loaded entry without sources."""
    return await set_up(hass, make_entry(plex))


async def sync(hass: HomeAssistant, number: int, **fields: Any) -> None:
    """Write to a film."""
    data = {"path": PATHS[number], "fields": fields, "wait": WAIT}
    assert (await call(hass, "sync_item", **data))["status"] == "written"


async def told(hass: HomeAssistant, **wanted: Any) -> list[dict[str, Any]]:
    """Give rows of the history."""
    rows: list[dict[str, Any]] = (await call(hass, "get_history", **wanted))["rows"]
    return rows


async def test_a_row_says_it_all(
    hass: HomeAssistant, plex: PlexSimulator, entry: MockConfigEntry
) -> None:
    """What, when, by whom, before and after; the title is the one that Plex has now."""
    item = plex.core.find(PATHS[0])
    before, began = item.title, dt_util.utcnow()
    await sync(hass, 0, title="Ours", genres=["One", "Two"])
    answer = await call(hass, "get_history")
    (row,) = answer["rows"]
    assert began.isoformat() < row.pop("at") == answer.pop("oldest")
    genres = {each["field"]: each for each in row["changes"]}["genres"]
    assert set(genres["after"]) == {*(genres["before"] or ()), "One", "Two"}
    assert row == {
        "id": 1,
        "run": 1,
        "source": "action",
        "key": f"path:{PATHS[0]}",
        "rating_key": str(item.rating_key),
        "title": "Ours",
        "path": PATHS[0],
        "library": item.section.uuid,
        "changes": [
            {"field": "title", "before": before, "after": "Ours", "undone": False},
            genres,
        ],
        "undone": False,
    }
    assert answer.keys() == {"rows", "total", "next", "kept_days"}
    assert (answer["total"], answer["next"], answer["kept_days"]) == (1, None, 30)
    await plex.stop()
    (row,) = await told(hass)
    assert (row["title"], row["path"]) == (None, PATHS[0])


async def test_one_field_can_be_undone(
    hass: HomeAssistant, plex: PlexSimulator, entry: MockConfigEntry
) -> None:
    """The others stay ours; the history tells of it."""
    item = plex.core.find(PATHS[0])
    title = item.title
    await sync(hass, 0, title="Ours", studio="Ours")
    answer = await call(hass, "undo_item", path=PATHS[0], fields="title")
    assert answer["restored"] == ["title"]
    assert (item.title, item.value("studio")) == (title, "Ours")
    undone, row = await told(hass)
    assert (undone["source"], undone["key"]) == ("undo", None)
    assert [each["undone"] for each in row["changes"]] == [True, False]
    assert row["undone"] is False
    with pytest.raises(ServiceValidationError) as caught:
        await call(hass, "undo_item", path=PATHS[0], fields=["nothing"])
    assert caught.value.translation_key == "unknown_field"
    with pytest.raises(probatio.Invalid):
        await call(hass, "undo_item", path=PATHS[0], fields=[])


async def test_what_was_written_between_two_times_can_be_undone(
    hass: HomeAssistant, plex: PlexSimulator, entry: MockConfigEntry
) -> None:
    """As the history tells them, by the source that wrote."""
    titles = [plex.core.find(path).title for path in PATHS]
    for number in range(3):
        await sync(hass, number, title=f"Ours {number}")
    row = (await told(hass))[1]
    data = {"since": row["at"], "until": row["at"], "source": "action", "wait": 60}
    answer = await call(hass, "undo_since", **data)
    assert answer == {"status": "finished", "items": 1, "fields": 1, "kept": {}}
    shown = [plex.core.find(path).title for path in PATHS]
    assert shown == ["Ours 0", titles[1], "Ours 2"]
    for wrong, key in (
        ({"source": "nobody"}, "source_unknown"),
        ({"until": "2020-01-01 00:00:00"}, "until_before_since"),
    ):
        for action in ("undo_since", "get_history"):
            with pytest.raises(ServiceValidationError) as caught:
                await call(hass, action, since=row["at"], **wrong)
            assert caught.value.translation_key == key


async def test_the_page_asks_for_the_history(
    hass: HomeAssistant,
    hass_ws_client: WebSocketGenerator,
    plex: PlexSimulator,
    entry: MockConfigEntry,
) -> None:
    """The same rows as the action gives; the runs; and undo in all its sizes."""
    client = await hass_ws_client(hass)

    async def ask(command: str, **data: Any) -> Any:
        named = {"config_entry_id": entry.entry_id} | data
        await client.send_json_auto_id({"type": f"plexsync/{command}"} | named)
        answer = await client.receive_json()
        return answer["result"] if answer["success"] else answer["error"]

    titles = [plex.core.find(path).title for path in PATHS]

    def shown() -> list[str]:
        return [plex.core.find(path).title for path in PATHS]

    for number in range(3):
        await sync(hass, number, title=f"Ours {number}", studio="Ours")
    assert await ask("history", limit=2) == await call(hass, "get_history", limit=2)
    page = await ask("history", limit=2)
    assert [row["title"] for row in page["rows"]] == ["Ours 2", "Ours 1"]
    assert page["total"] == 3
    (last,) = (await ask("history", limit=2, before=page["next"]))["rows"]
    key = last["rating_key"]
    assert (await ask("history", rating_key=key))["rows"] == [last]
    found = await ask("history", search="oURS 1", field="title", source="action")
    assert [row["path"] for row in found["rows"]] == [PATHS[1]]

    runs = await ask("history/runs")
    (run,) = runs["runs"]
    assert (run["source"], run["items"], run["fields"]) == ("action", 3, 6)
    assert run["undone"] == 0
    assert (run["from"], run["until"]) == (last["at"], page["rows"][0]["at"])
    assert (await ask("history/runs", limit=1))["next"] == run["run"]
    assert await ask("history/runs", before=run["run"]) == {"runs": [], "next": None}

    wanted = {"rating_key": key, "fields": ["title"]}
    plan = await ask("undo/plan", **wanted)
    digest = plan.pop("digest")
    change = {"field": "title", "before": "Ours 0", "after": titles[0]}
    assert plan == {
        "rating_key": key,
        "title": "Ours 0",
        "changes": [change],
        "in_line": [],
        "kept": {},
    }
    assert await ask("undo", **wanted, digest="of something else") == {"changed": True}
    assert shown() == ["Ours 0", "Ours 1", "Ours 2"]
    answer = await ask("undo", **wanted, digest=digest)
    assert answer == {"rating_key": key, "restored": ["title"], "kept": {}}
    assert [each["undone"] for each in (await ask("history/runs"))["runs"]] == [0, 1]
    assert shown() == [titles[0], "Ours 1", "Ours 2"]
    assert (await ask("undo/run", run=run["run"]))["status"] in ("running", "finished")
    await until(hass, lambda: shown() == titles)
    await sync(hass, 0, title="Newer")
    assert (await ask("undo/since", since=run["until"]))["status"]
    await until(hass, lambda: shown() == titles)

    undos = next(
        r for r in (await ask("history/runs"))["runs"] if r["source"] == "undo"
    )
    for number in (undos["run"], 99):
        assert (await ask("undo/run", run=number))["translation_key"] == "run_unknown"
    assert (await ask("undo", rating_key="x"))[
        "translation_key"
    ] == "rating_key_invalid"
    assert (await ask("history", config_entry_id="other"))["code"]
    for command, wrong in (
        ("history", {"limit": 101}),
        ("history", {"before": 0}),
        ("history", {"since": "yesterday"}),
        ("undo", {}),
        ("undo/since", {"since": None}),
    ):
        assert (await ask(command, **wrong))["code"] == "invalid_format"


async def test_a_script_is_only_text(
    hass: HomeAssistant, plex: PlexSimulator, entry: MockConfigEntry
) -> None:
    """What somebody planted comes out as it went in."""
    planted = "<img src=x onerror=alert(1)>"
    await sync(hass, 0, title=planted)
    (row,) = await told(hass, search=planted)
    assert (row["title"], row["changes"][0]["after"]) == (planted, planted)
