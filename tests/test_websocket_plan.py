"""The plan over the websocket: it is looked at, decided, and written as it was shown."""

from typing import Any

from homeassistant.config_entries import ConfigSubentryData
from homeassistant.core import HomeAssistant
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import (
    ClientSessionGenerator,
    MockHAClientWebSocket,
    WebSocketGenerator,
)

from custom_components.plexsync.const import (
    CONF_START,
    SOURCE_ACTION,
    START_CHANGES,
    START_PREVIEW,
)
from custom_components.plexsync.engine.jobs.job import Priority
from tests.home import (
    PLEX_ROOT,
    SOURCE,
    call,
    make_entry,
    set_up,
    stash_subentry,
    state_of,
    until,
    until_state,
)
from tests.repairing import fix, issue, until_issue
from tests.simulators.films import FILMS
from tests.simulators.plex import PlexSimulator
from tests.simulators.stash import StashSimulator

from .test_websocket import ask, error

NUMBER = 12  # films that Stash knows
PATH = f"{PLEX_ROOT}/{FILMS[0].path}"


@pytest.fixture
async def entry(
    hass: HomeAssistant, plex: PlexSimulator, stash: StashSimulator
) -> MockConfigEntry:
    """Give a home whose source waits for the answer to its first plan."""
    source = stash_subentry(stash, **{CONF_START: START_PREVIEW})
    entry = await set_up(hass, make_entry(plex, source))
    asked = await until_issue(hass, "preview_ready", SOURCE)
    assert asked is not None
    assert asked.translation_placeholders is not None
    leads = asked.translation_placeholders["query"]
    assert leads == f"config_entry={entry.entry_id}&source={SOURCE}"
    return entry


@pytest.fixture
async def socket(
    hass: HomeAssistant, entry: MockConfigEntry, hass_ws_client: WebSocketGenerator
) -> MockHAClientWebSocket:
    """Give an administrator's connection."""
    return await hass_ws_client(hass)


def written(plex: PlexSimulator) -> int:
    """Count the edits that Plex took part in."""
    return plex.journal.count(method="PUT")


async def row_of(socket: MockHAClientWebSocket, path: str, plex: PlexSimulator) -> Any:
    """Give the row of one film."""
    key = str(plex.core.find(path).rating_key)
    rows = (await ask(socket, "plan"))["rows"]
    return next(row for row in rows if row["rating_key"] == key)


async def test_the_plan_is_there_with_the_question(
    hass: HomeAssistant, socket: MockHAClientWebSocket, plex: PlexSimulator
) -> None:
    """In pages, in the order of titles, counted by what would change; as the action says."""
    plan = await ask(socket, "plan")
    assert (plan["total"], plan["running"]) == (NUMBER, False)
    assert plan["computed"] is not None
    titles = [row["title"] for row in plan["rows"]]
    assert titles == sorted(titles, key=str.lower)
    assert plan["by_source"] == {SOURCE: NUMBER}
    assert plan["by_field"]["summary"] == NUMBER
    assert sum(plan["by_library"].values()) == NUMBER
    page = await ask(socket, "plan", limit=5, offset=10)
    assert page["rows"] == plan["rows"][10:]
    some = await ask(socket, "plan", field="title", search=titles[0][:4].upper())
    assert {row["title"] for row in some["rows"]} <= set(titles)
    assert (await ask(socket, "plan", source=SOURCE_ACTION))["total"] == 0
    assert await call(hass, "get_plan") == plan
    assert written(plex) == 0


async def test_one_record_is_opened_and_written(
    hass: HomeAssistant, socket: MockHAClientWebSocket, plex: PlexSimulator
) -> None:
    """Before and after of each field; all others still wait for the answer."""
    row = await row_of(socket, PATH, plex)
    whose = {"source": row["source"], "key": row["key"]}
    shown = await ask(socket, "plan/item", **whose)
    assert shown["digest"] == row["digest"]
    (item,) = shown["items"]
    changes = {change["field"]: change for change in item["changes"]}
    assert list(row["fields"]) == [name for name in row["fields"] if name in changes]
    summary = changes["summary"]
    there = plex.core.find(PATH).values.get("summary") or None
    assert (summary["kind"], summary["before"]) == ("prose", there)
    assert summary["after"] not in (None, there)
    answer = await ask(
        socket, "plan/write", items=[{**whose, "digest": shown["digest"]}]
    )
    assert answer == {"items": [{**whose, "status": "queued", "reason": None}]}
    await until(
        hass, lambda: plex.core.find(PATH).values.get("summary") == summary["after"]
    )
    await until_state(hass, "sensor", "pending", str(NUMBER - 1))
    assert written(plex) == 1
    assert (await ask(socket, "plan"))["total"] == NUMBER - 1
    assert state_of(hass, "sensor", "status").state == "needs_review"


async def test_what_has_changed_since_is_shown_anew(
    socket: MockHAClientWebSocket, plex: PlexSimulator
) -> None:
    """Nothing of it is written."""
    row = await row_of(socket, PATH, plex)
    plex.core.edit_by_person(row["rating_key"], summary="Mine.")
    shown = {name: row[name] for name in ("source", "key", "digest")}
    (answer,) = (await ask(socket, "plan/write", items=[shown]))["items"]
    assert answer["status"] == "changed"
    anew = await row_of(socket, PATH, plex)
    assert anew["digest"] != row["digest"]
    assert anew["kept"]["summary"] == "locked"
    assert written(plex) == 0


async def test_a_record_that_is_gone_says_so(
    socket: MockHAClientWebSocket, plex: PlexSimulator, stash: StashSimulator
) -> None:
    """It was deleted in Stash after it was shown."""
    row = await row_of(socket, PATH, plex)
    whose = {"source": row["source"], "key": row["key"]}
    stash.core.delete_scene(int(row["key"].removeprefix("scene:")))
    assert await ask(socket, "plan/item", **whose) == {"reason": "gone", "items": []}
    (answer,) = (
        await ask(socket, "plan/write", items=[{**whose, "digest": row["digest"]}])
    )["items"]
    assert (answer["status"], answer["reason"]) == ("failed", "gone")
    assert written(plex) == 0


async def test_all_that_fits_is_written(
    hass: HomeAssistant, socket: MockHAClientWebSocket, plex: PlexSimulator
) -> None:
    """Without the end of the hold: it is for its owner to say."""
    assert await ask(socket, "plan/write_all", field="summary") == {
        "queued": NUMBER,
        "asked": 0,
    }
    await until_state(hass, "sensor", "pending", "0")
    assert written(plex) == NUMBER
    assert (await ask(socket, "plan"))["total"] == 0
    assert state_of(hass, "sensor", "status").state == "needs_review"


async def test_a_field_is_left_alone_and_followed_again(
    hass: HomeAssistant, socket: MockHAClientWebSocket, plex: PlexSimulator
) -> None:
    """Of the whole source, and of one record."""
    before = plex.core.find(PATH).values.get("summary")
    row = await row_of(socket, PATH, plex)
    one = {"source": SOURCE, "key": row["key"], "field": "summary"}
    every = {"source": SOURCE, "field": "title"}
    for rule in (one, every):
        assert await ask(socket, "plan/leave", **rule, leave=True) == {"changed": True}
    whole, mine = every | {"key": None, "title": None}, one | {"title": row["title"]}
    assert await ask(socket, "plan/left") == {"rules": [whole, mine], "total": 2}
    page = await ask(socket, "plan/left", limit=1, offset=1)
    assert page == {"rules": [mine], "total": 2}
    assert "title" not in (await ask(socket, "plan"))["by_field"]
    await ask(socket, "plan/write_all")
    await until_state(hass, "sensor", "pending", "0")
    assert plex.core.find(PATH).values.get("summary") == before
    assert await ask(socket, "plan/leave", **one, leave=False) == {"changed": True}
    assert (await ask(socket, "plan/left"))["rules"] == [whole]


async def test_what_is_left_alone_has_a_title_while_plex_is_away(
    socket: MockHAClientWebSocket, plex: PlexSimulator, stash: StashSimulator
) -> None:
    """The one that its source says, and none while nobody can be asked."""
    row = await row_of(socket, PATH, plex)
    rule = {"source": SOURCE, "key": row["key"], "field": "summary"}
    await ask(socket, "plan/leave", **rule, leave=True)
    await plex.stop()
    (told,) = (await ask(socket, "plan/left"))["rules"]
    scene = stash.core.find_scene(told["title"])
    assert row["key"] == f"scene:{scene}"
    await stash.stop()
    assert (await ask(socket, "plan/left"))["rules"] == [rule | {"title": None}]


async def test_what_was_left_alone_of_a_removed_source_is_taken_back(
    hass: HomeAssistant,
    entry: MockConfigEntry,
    socket: MockHAClientWebSocket,
    plex: PlexSimulator,
) -> None:
    """Nobody else can: it is in no list of sources any more."""
    rules = [
        {"source": SOURCE, "field": "title"},
        {"source": SOURCE, "key": "scene:1", "field": "summary"},
    ]
    for rule in rules:
        await ask(socket, "plan/leave", **rule, leave=True)
    assert hass.config_entries.async_remove_subentry(entry, SOURCE)
    await hass.async_block_till_done()
    left = (await ask(socket, "plan/left"))["rules"]
    assert [rule["source"] for rule in left] == [SOURCE, SOURCE]
    for rule in rules:
        assert await ask(socket, "plan/leave", **rule, leave=False) == {"changed": True}
    assert await ask(socket, "plan/left") == {"rules": [], "total": 0}
    here = {"config_entry_id": "01ENTRY"}
    for leave in (True, False):
        found = await error(socket, "plan/leave", **here, **rules[0], leave=leave)
        assert found["translation_key"] == "source_unknown"


async def test_the_question_is_answered(
    hass: HomeAssistant,
    entry: MockConfigEntry,
    hass_client: ClientSessionGenerator,
) -> None:
    """All is written, and the plan is empty."""
    await fix(hass, hass_client, "preview_ready", "begin", SOURCE)
    await until_state(hass, "sensor", "synced", str(NUMBER))
    await until(hass, lambda: issue(hass, "preview_ready", SOURCE) is None)
    assert (await call(hass, "get_plan"))["total"] == 0


async def test_a_plan_is_made_at_any_time(
    hass: HomeAssistant,
    hass_ws_client: WebSocketGenerator,
    plex: PlexSimulator,
    stash: StashSimulator,
) -> None:
    """Of a source that gives changes only, of which nothing waits; and its gaps are written."""
    source = stash_subentry(stash, **{CONF_START: START_CHANGES})
    entry = await set_up(hass, make_entry(plex, source))
    socket = await hass_ws_client(hass)
    plan = await ask(socket, "plan")
    assert (plan["computed"], plan["computed_by_source"]) == (None, {SOURCE: None})
    answer = await ask(socket, "plan/compute", source=SOURCE)
    assert answer["scope"] == "plan"
    await entry.runtime_data.reconcile.over()
    plan = await ask(socket, "plan")
    assert plan["total"] == NUMBER
    assert plan["computed_by_source"] == {SOURCE: plan["computed"]}
    assert plan["computed"] is not None
    assert state_of(hass, "sensor", "pending").state == "0"
    answer = await ask(socket, "plan/write_all")
    assert answer == {"queued": 0, "asked": NUMBER}  # nothing is on disk yet
    await until_state(hass, "sensor", "synced", str(NUMBER))
    answer = await call(hass, "reconcile", scope="plan", wait=60)
    assert answer["counts"] == {"in_line": NUMBER}
    assert (await ask(socket, "plan"))["total"] == 0


async def test_a_plan_is_as_old_as_its_oldest_part(
    hass: HomeAssistant,
    hass_ws_client: WebSocketGenerator,
    plex: PlexSimulator,
    stash: StashSimulator,
) -> None:
    """A look at recent records makes none, nor does that of one source the others'."""
    sources = [
        ConfigSubentryData(
            **{**stash_subentry(stash, **{CONF_START: START_CHANGES}), **names}  # type: ignore[typeddict-item]  # names are two of its keys
        )
        for names in ({}, {"subentry_id": "02SOURCE", "unique_id": "another"})
    ]
    entry = await set_up(hass, make_entry(plex, *sources))
    socket, run = await hass_ws_client(hass), entry.runtime_data.reconcile

    async def computed() -> tuple[str | None, dict[str, str | None]]:
        await run.over()
        plan = await ask(socket, "plan")
        return plan["computed"], plan["computed_by_source"]

    await ask(socket, "plan/compute", source=SOURCE)
    whole, moments = await computed()
    first = moments[SOURCE]
    assert first is not None
    assert moments == {SOURCE: first, "02SOURCE": None}
    assert whole is None
    await ask(socket, "plan/compute", source="02SOURCE")
    oldest, moments = await computed()
    later = moments["02SOURCE"]
    assert oldest == first == moments[SOURCE]
    assert later is not None
    assert later > first
    await ask(socket, "sweep", scope="recent")
    assert await computed() == (first, moments)


async def test_a_whole_plan_keeps_nobody_waiting(
    hass: HomeAssistant,
    hass_ws_client: WebSocketGenerator,
    plex: PlexSimulator,
    stash: StashSimulator,
) -> None:
    """What somebody waits for goes first; a few records that were chosen do so, too."""
    source = stash_subentry(stash, **{CONF_START: START_CHANGES})
    entry = await set_up(hass, make_entry(plex, source))
    socket = await hass_ws_client(hass)
    await call(hass, "reconcile", scope="plan", wait=60)
    engine = entry.runtime_data.engine
    await engine.switch(on=False)
    row, *_ = (await ask(socket, "plan"))["rows"]
    shown = {name: row[name] for name in ("source", "key", "digest")}
    await ask(socket, "plan/write", items=[shown])
    await ask(socket, "plan/write_all")
    await until_state(hass, "sensor", "pending", str(NUMBER))
    priorities = await engine.database.run(
        lambda db: db.execute("SELECT priority FROM job ORDER BY 1").fetchall()
    )
    assert priorities == [(Priority.INTERACTIVE,)] + [(Priority.BULK,)] * (NUMBER - 1)


async def test_a_source_that_is_not_there(socket: MockHAClientWebSocket) -> None:
    """Say so in words."""
    here = {"config_entry_id": "01ENTRY", "source": "nobody"}
    for name, more in (
        ("plan", {}),
        ("plan/compute", {}),
        ("plan/leave", {"field": "title", "leave": True}),
        ("plan/write_all", {}),
    ):
        found = await error(socket, name, **here, **more)
        assert found["translation_key"] == "source_unknown", name


async def test_a_stash_that_is_away_is_told(
    hass: HomeAssistant, socket: MockHAClientWebSocket, stash: StashSimulator
) -> None:
    """Nothing can be shown afresh, and nothing is written."""
    (row, *_) = (await ask(socket, "plan"))["rows"]
    await stash.stop()
    here = {"config_entry_id": "01ENTRY", "source": SOURCE, "key": row["key"]}
    found = await error(socket, "plan/item", **here)
    assert found["code"] == "home_assistant_error"


async def test_what_an_action_said_is_in_no_plan_but_can_be_opened(
    hass: HomeAssistant, socket: MockHAClientWebSocket, plex: PlexSimulator
) -> None:
    """As long as its job waits."""
    await hass.services.async_call(
        "switch",
        "turn_off",
        {"entity_id": state_of(hass, "switch", "sync").entity_id},
        blocking=True,
    )
    await call(hass, "sync_item", path=PATH, fields={"tagline": "New"}, key="one")
    found = await ask(socket, "plan/item", source=SOURCE_ACTION, key="one")
    assert [change["field"] for change in found["items"][0]["changes"]] == ["tagline"]
    gone = {"reason": "gone", "items": []}
    for source in (SOURCE_ACTION, "removed"):
        assert await ask(socket, "plan/item", source=source, key="two") == gone
