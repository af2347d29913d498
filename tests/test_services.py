"""The actions, from a call to what stands in Plex afterwards."""

import asyncio
from datetime import timedelta
import gzip
from pathlib import Path
from typing import Any

from aiohttp import web
from homeassistant.config_entries import ConfigEntryState, ConfigSubentryData
from homeassistant.const import ATTR_CONFIG_ENTRY_ID
from homeassistant.core import Context, HomeAssistant
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.helpers import config_validation as cv, device_registry as dr
from homeassistant.helpers.script import Script, async_validate_actions_config
from homeassistant.setup import async_setup_component
from homeassistant.util import dt as dt_util
import probatio
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.plexsync.const import CONF_FIELDS, DOMAIN
from custom_components.plexsync.services import ACTIONS
from tests.home import (
    PLEX_ROOT,
    SOURCE,
    call,
    make_entry,
    ruin,
    set_up,
    stash_subentry,
    state_of,
    until,
    until_state,
)
from tests.rig import PNG, WITHIN
from tests.serving import serving
from tests.simulators.films import FILMS
from tests.simulators.plex import PlexSimulator
from tests.simulators.plex.state import Item
from tests.simulators.stash import StashSimulator

PATH = f"{PLEX_ROOT}/{FILMS[0].path}"
OTHER = f"{PLEX_ROOT}/{FILMS[1].path}"
ELSEWHERE = "/elsewhere/film.mkv"
IMDB = "imdb://tt0000417"
WAIT = 20

# The least that each action asks for.
LEAST: dict[str, dict[str, Any]] = {name: {} for name in ACTIONS} | {
    "sync_item": {"path": PATH, "fields": {"summary": "Least."}},
    "preview_item": {"path": PATH, "fields": {"summary": "Least."}},
    "undo_item": {"path": PATH},
    "undo_since": {"since": "2026-01-01 00:00:00"},
    "pin_item": {"key": f"path:{PATH}", "rating_key": "1"},
    "unpin_item": {"key": f"path:{PATH}"},
    "discard_failed": {"all": True},
}


@pytest.fixture
async def entry(hass: HomeAssistant, plex: PlexSimulator) -> MockConfigEntry:
    """Give a loaded entry without sources."""
    plex.core.find(PATH).guids = (IMDB,)
    return await set_up(hass, make_entry(plex))


async def sync(hass: HomeAssistant, **data: Any) -> dict[str, Any]:
    """Sync an item and wait for its outcome."""
    return await call(hass, "sync_item", **{"wait": WAIT} | data)


async def refused(hass: HomeAssistant, action: str, **data: Any) -> HomeAssistantError:
    """Give the error that an action raises; it has words in our own texts."""
    with pytest.raises(HomeAssistantError) as caught:
        await call(hass, action, **data)
    assert caught.value.translation_domain == DOMAIN
    assert caught.value.translation_key
    return caught.value


# Which server


@pytest.mark.parametrize("action", ACTIONS)
async def test_actions_are_there_before_any_entry(
    hass: HomeAssistant, action: str
) -> None:
    """Let automations validate, and say what is missing when they run."""
    assert await async_setup_component(hass, DOMAIN, {})
    assert hass.services.has_service(DOMAIN, action)
    with pytest.raises(ServiceValidationError) as caught:
        await call(hass, action, **LEAST[action])
    assert caught.value.translation_key == "service_found_no_config_entry_for_domain"


@pytest.mark.parametrize("action", ACTIONS)
async def test_the_server_must_be_one_of_ours_and_loaded(
    hass: HomeAssistant, entry: MockConfigEntry, action: str
) -> None:
    """Refuse unknown, foreign and unloaded entries in words."""
    foreign = MockConfigEntry(domain="sun")
    foreign.add_to_hass(hass)

    async def key(entry_id: str) -> str | None:
        with pytest.raises(ServiceValidationError) as caught:
            await call(hass, action, **{ATTR_CONFIG_ENTRY_ID: entry_id} | LEAST[action])
        return caught.value.translation_key

    assert await key("nobody") == "service_config_entry_not_found"
    assert await key(foreign.entry_id) == "service_config_entry_wrong_domain"
    assert await hass.config_entries.async_unload(entry.entry_id)
    assert entry.state is ConfigEntryState.NOT_LOADED
    assert await key(entry.entry_id) == "service_config_entry_not_loaded"


async def test_among_several_servers_one_is_named(
    hass: HomeAssistant, entry: MockConfigEntry
) -> None:
    """Guess none when there are two."""
    MockConfigEntry(domain=DOMAIN, unique_id="another").add_to_hass(hass)
    with pytest.raises(ServiceValidationError):
        await call(hass, "get_jobs")
    assert await call(hass, "get_jobs", config_entry_id=entry.entry_id) == {
        "jobs": [],
        "total": 0,
    }


async def test_nobody_has_to_ask_for_the_answer(
    hass: HomeAssistant, plex: PlexSimulator, entry: MockConfigEntry
) -> None:
    """Do the work without a response variable; only the lists insist on one."""
    await hass.services.async_call(
        DOMAIN,
        "sync_item",
        {"path": PATH, "fields": {"summary": "Unasked."}, "wait": WAIT},
        blocking=True,
    )
    assert plex.core.find(PATH).value("summary") == "Unasked."
    with pytest.raises(ServiceValidationError):
        await hass.services.async_call(DOMAIN, "get_jobs", {}, blocking=True)


# sync_item


async def test_every_field_arrives(
    hass: HomeAssistant, plex: PlexSimulator, entry: MockConfigEntry
) -> None:
    """Write every field that is not a picture, and answer with the difference."""
    fields = {
        "title": "Le voyage",
        "sort_title": "Voyage",
        "original_title": "Le Voyage dans la Lune",
        "summary": "Two\nlines.",
        "tagline": "To the Moon!",
        "studio": "Star Film",
        "content_rating": "G",
        "date": "1902-09-01",
        "user_rating": 8.2,
        "genres": ["Adventure", "Silent"],
        "labels": ["Old"],
        "collections": ["Méliès"],
        "directors": ["Georges Méliès"],
        "writers": ["Jules Verne"],
        "actors": [{"name": "Georges Méliès", "role": "Professor"}, "Bleuette Bernon"],
    }
    answer = await sync(hass, path=PATH, fields=fields)
    assert answer["status"] == "written"
    assert answer["key"] == f"path:{PATH}"
    changes = {each["field"]: each for each in answer["changes"]}
    assert changes.keys() == fields.keys()
    assert changes["title"]["before"] == "A Trip to the Moon"
    assert changes["title"]["after"] == "Le voyage"

    item = plex.core.find(PATH)
    assert item.title == "Le voyage"
    assert item.value("summary") == "Two\nlines."
    assert item.value("originallyAvailableAt") == "1902-09-01"
    assert set(item.tag_names("genre")) == {"Adventure", "Silent"}
    assert item.tag_names("collection") == ["Méliès"]
    assert item.roles()["Georges Méliès"] == "Professor"
    assert item.locked("title")


@pytest.mark.parametrize(
    "identifier",
    [{"path": PATH}, {"guid": IMDB}, {"rating_key": "1"}, {"rating_key": 1}],
)
async def test_an_item_is_found_by_any_identifier(
    hass: HomeAssistant,
    plex: PlexSimulator,
    entry: MockConfigEntry,
    identifier: dict[str, Any],
) -> None:
    """Take a path, a GUID or a rating key, as text or as a number."""
    answer = await sync(hass, **identifier, fields={"tagline": "Found."})
    assert answer["status"] == "written"
    assert plex.core.find(PATH).value("tagline") == "Found."


async def test_null_clears_and_what_is_absent_stays(
    hass: HomeAssistant, plex: PlexSimulator, entry: MockConfigEntry
) -> None:
    """Know three states of a field."""
    await sync(hass, path=PATH, fields={"summary": "One.", "tagline": "Two."})
    answer = await sync(hass, path=PATH, fields={"summary": None})
    assert answer["status"] == "written"
    item = plex.core.find(PATH)
    assert not item.value("summary")
    assert item.value("tagline") == "Two."


@pytest.mark.parametrize("title", ["300", "1.10", "+1", "None"])
async def test_a_title_that_a_template_takes_for_something_else(
    hass: HomeAssistant, plex: PlexSimulator, entry: MockConfigEntry, title: str
) -> None:
    """Refuse what a template made of a title; take it from a template of all fields."""

    async def run(fields: Any) -> None:
        data = {"path": PATH, "fields": fields, "wait": WAIT}
        step = {"action": f"{DOMAIN}.sync_item", "data": data}
        steps = await async_validate_actions_config(hass, cv.SCRIPT_SCHEMA([step]))
        await Script(hass, steps, "one", "test").async_run({"title": title}, Context())

    before = plex.core.find(PATH).value("title")
    with pytest.raises(ServiceValidationError):
        await run({"title": "{{ title }}"})
    assert plex.core.find(PATH).value("title") == before
    await run("{{ {'title': title} }}")
    assert plex.core.find(PATH).value("title") == title


async def test_an_equal_record_costs_nothing(
    hass: HomeAssistant, plex: PlexSimulator, entry: MockConfigEntry
) -> None:
    """Answer a repetition without asking Plex; the key says what a repetition is."""
    fields = {"summary": "Once."}
    assert (await sync(hass, path=PATH, fields=fields, key="mine"))["key"] == "mine"
    plex.journal.clear()
    answer = await sync(hass, path=PATH, fields=fields, key="mine")
    assert answer == {"status": "unchanged", "key": "mine"}
    assert not plex.journal.entries
    # Under another key it is another record, which finds everything in line.
    answer = await sync(hass, path=PATH, fields=fields, key="other")
    assert answer["status"] == "unchanged"
    assert plex.journal.count(method="PUT") == 0


async def test_without_waiting_it_is_queued(
    hass: HomeAssistant, plex: PlexSimulator, entry: MockConfigEntry
) -> None:
    """Answer as soon as it is on disk."""
    answer = await sync(hass, path=PATH, fields={"summary": "Soon."}, wait=0)
    assert answer == {"status": "queued", "key": f"path:{PATH}"}
    await until_state(hass, "sensor", "synced", "1")


async def test_an_open_circuit_is_told_with_the_next_probe(
    hass: HomeAssistant, plex: PlexSimulator, entry: MockConfigEntry
) -> None:
    """Keep the record, and say when Plex is asked again."""
    await plex.stop()
    await sync(hass, path=PATH, fields={"summary": "Kept."}, wait=0)
    await until_state(hass, "sensor", "circuit", "open")
    answer = await sync(hass, path=PATH, fields={"summary": "Kept."}, wait=0)
    assert answer["status"] == "queued"
    assert answer["reason"] == "circuit_open"
    probe = dt_util.parse_datetime(answer["next_probe"])
    assert probe is not None
    assert abs(probe - dt_util.utcnow()) < timedelta(minutes=2)


async def test_not_yet_in_plex_waits(
    hass: HomeAssistant, entry: MockConfigEntry
) -> None:
    """Wait for a file that Plex has not found yet."""
    answer = await sync(
        hass, path=f"{PLEX_ROOT}/new.mkv", fields={"title": "x"}, wait=2
    )
    assert (answer["status"], answer["reason"]) == ("queued", "not_found")


async def test_several_items_are_not_guessed_among(
    hass: HomeAssistant, plex: PlexSimulator, entry: MockConfigEntry
) -> None:
    """Park what fits twice, until a person ties it to one."""
    plex.core.find(OTHER).guids = (IMDB,)
    answer = await sync(hass, guid=IMDB, fields={"tagline": "Which?"})
    assert (answer["status"], answer["reason"]) == ("failed", "ambiguous")
    job = (await call(hass, "get_jobs", state="failed"))["jobs"][0]
    assert len(job["candidates"]) == 2

    chosen = plex.core.find(OTHER).rating_key
    answer = await call(hass, "pin_item", key=job["key"], rating_key=chosen)
    assert answer == {"source": "action", "key": job["key"], "rating_key": str(chosen)}
    await until_state(hass, "sensor", "synced", "1")
    assert plex.core.find(OTHER).value("tagline") == "Which?"
    assert plex.core.find(PATH).value("tagline") is None

    answer = await call(hass, "unpin_item", key=job["key"])
    assert answer == {"source": "action", "key": job["key"], "rating_key": None}
    answer = await sync(hass, guid=IMDB, fields={"tagline": "Again?"})
    assert answer["reason"] == "ambiguous"


async def test_jobs_are_found_by_the_reason_that_is_shown_for_them(
    hass: HomeAssistant, plex: PlexSimulator, entry: MockConfigEntry
) -> None:
    """Also by what all of them wait for, which no job says for itself."""
    plex.faults.add("status", code=400, method="PUT", times=1)
    await sync(hass, path=PATH, fields={"summary": "Refused."})
    await entry.runtime_data.engine.switch(False)
    for number in range(3):
        fields = {"summary": "Kept."}
        await sync(hass, path=OTHER, fields=fields, key=f"held {number}", wait=0)
    held = await call(hass, "get_jobs", reason="held", limit=2)
    assert [job["reason"] for job in held["jobs"]] == ["held"] * 2
    assert held["total"] == 3
    assert (await call(hass, "get_jobs", reason="circuit_open"))["total"] == 0
    (failed,) = (await call(hass, "get_jobs", state="failed"))["jobs"]
    by_reason = await call(hass, "get_jobs", reason=failed["reason"])
    assert [job["id"] for job in by_reason["jobs"]] == [failed["id"]]
    assert by_reason["total"] == 1


async def test_asking_again_tries_a_failed_item_again(
    hass: HomeAssistant, plex: PlexSimulator, entry: MockConfigEntry
) -> None:
    """Try again when a person or an automation says the same once more."""
    plex.faults.add("status", code=400, method="PUT", times=1)
    fields = {"summary": "Twice."}
    assert (await sync(hass, path=PATH, fields=fields))["status"] == "failed"
    assert (await sync(hass, path=PATH, fields=fields))["status"] == "written"


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"fields": {"summary": "x"}}, "identifier_missing"),
    ({"path": PATH, "guid": IMDB, "fields": {"summary": "x"}}, "identifier_ambiguous"),
    ({"path": " ", "fields": {"summary": "x"}}, "path_invalid"),
    ({"path": "/a\nb", "fields": {"summary": "x"}}, "path_invalid"),
    ({"guid": "tt0000417", "fields": {"summary": "x"}}, "guid_invalid"),
    ({"rating_key": "", "fields": {"summary": "x"}}, "rating_key_invalid"),
    ({"rating_key": "1,2", "fields": {"summary": "x"}}, "rating_key_invalid"),
    ({"rating_key": 0, "fields": {"summary": "x"}}, "rating_key_invalid"),
    ({"path": PATH, "fields": {}}, "fields_missing"),
    ({"path": PATH, "key": "x" * 1001, "fields": {"summary": "x"}}, "key_invalid"),
    ({"path": PATH, "key": "a\x00b", "fields": {"summary": "x"}}, "key_invalid"),
    ({"path": PATH, "fields": {"colour": "red"}}, "unknown_field"),
    ({"path": PATH, "fields": {7: "red"}}, "unknown_field"),
    ({"path": PATH, "fields": {"title": None}}, "title_required"),
    ({"path": PATH, "fields": {"title": " "}}, "title_required"),
    ({"path": PATH, "fields": {"summary": 5}}, "not_text"),
    ({"path": PATH, "fields": {"genres": ["Drama", 5]}}, "not_text"),
    ({"path": PATH, "fields": {"genres": "Drama"}}, "not_a_list"),
    ({"path": PATH, "fields": {"date": "1902"}}, "not_a_date"),
    ({"path": PATH, "fields": {"date": "1902-02-30"}}, "not_a_date"),
    ({"path": PATH, "fields": {"user_rating": "good"}}, "not_a_rating"),
    ({"path": PATH, "fields": {"user_rating": 11}}, "rating_out_of_range"),
    ({"path": PATH, "fields": {"actors": [{"role": "Nobody"}]}}, "not_an_actor"),
    ({"path": PATH, "fields": {"poster": 5}}, "not_an_image"),
    ({"path": PATH, "fields": {"poster": "/etc/passwd"}}, "image_not_allowed"),
    ({"path": PATH, "fields": {"poster": "http://x.test/"}}, "image_not_allowed"),
    ({"path": PATH, "fields": {"background": "file:///x"}}, "image_not_allowed"),
]


@pytest.mark.parametrize(("data", "key"), REFUSED)
async def test_bad_input_is_refused_in_words(
    hass: HomeAssistant, entry: MockConfigEntry, data: dict[str, Any], key: str
) -> None:
    """Say what is wrong with it, and take none of it."""
    for action in ("sync_item", "preview_item"):
        error = await refused(hass, action, **data)
        assert isinstance(error, ServiceValidationError)
        assert error.translation_key == key
        assert str(error) != key  # it has its words
    assert (await call(hass, "get_jobs"))["total"] == 0


@pytest.mark.parametrize(
    "data", [{"wait": 301}, {"wait": -1}, {"fields": "x"}, {"rating_key": True}]
)
async def test_shapes_are_checked_by_the_schema(
    hass: HomeAssistant, entry: MockConfigEntry, data: dict[str, Any]
) -> None:
    """Leave to the schema what needs no words of ours."""
    with pytest.raises(probatio.Invalid):
        await sync(hass, **{"path": PATH, "fields": {"summary": "x"}} | data)


# Pictures


async def test_a_picture_from_an_allowed_folder(
    hass: HomeAssistant, plex: PlexSimulator, entry: MockConfigEntry, tmp_path: Path
) -> None:
    """Upload a file, and notice when it is another one under the same name."""
    hass.config.allowlist_external_dirs = {str(tmp_path)}
    file = tmp_path / "poster.png"
    file.write_bytes(PNG)
    fields = {"poster": str(file)}
    answer = await sync(hass, path=PATH, fields=fields)
    assert answer["status"] == "written"
    assert answer["changes"][0]["field"] == "poster"
    assert plex.core.image(plex.core.find(PATH)) == PNG
    assert (await sync(hass, path=PATH, fields=fields))["status"] == "unchanged"
    file.write_bytes(PNG + b"more")
    assert (await sync(hass, path=PATH, fields=fields))["status"] == "written"
    assert plex.core.image(plex.core.find(PATH)) == PNG + b"more"


async def test_a_picture_from_an_allowed_address(
    hass: HomeAssistant,
    plex: PlexSimulator,
    stash: StashSimulator,
    entry: MockConfigEntry,
) -> None:
    """Fetch a URL anew each time, and upload only another picture."""
    hass.config.allowlist_external_urls = {f"{stash.url}/"}
    fields = {"background": f"{stash.url}/scene/1/screenshot"}
    assert (await sync(hass, path=PATH, fields=fields))["status"] == "written"
    assert plex.core.image(plex.core.find(PATH), "art")
    plex.journal.clear()
    assert (await sync(hass, path=PATH, fields=fields))["status"] == "unchanged"
    assert plex.journal.count(method="POST") == 0
    stash.core.set_cover(1, PNG)
    assert (await sync(hass, path=PATH, fields=fields))["status"] == "written"
    assert plex.core.image(plex.core.find(PATH), "art") == PNG


async def test_a_picture_is_asked_for_as_it_is(
    hass: HomeAssistant, plex: PlexSimulator, entry: MockConfigEntry
) -> None:
    """A packed answer that was cut before its end would pass for a whole one."""

    async def serve(request: web.BaseRequest) -> web.Response:
        if "gzip" not in request.headers.get("Accept-Encoding", ""):
            return web.Response(body=PNG)
        packed = gzip.compress(PNG)[:20]
        return web.Response(body=packed, headers={"Content-Encoding": "gzip"})

    async with serving(serve) as url:
        hass.config.allowlist_external_urls = {f"{url}/"}
        fields = {"poster": f"{url}/a"}
        assert (await sync(hass, path=PATH, fields=fields))["status"] == "written"
    assert plex.core.image(plex.core.find(PATH)) == PNG


@pytest.mark.parametrize(
    ("way", "reason"),
    [
        (["/b", "pictures/c", "HERE/d", "PNG"], None),
        (["/b", "http://127.0.0.1:1/elsewhere"], "image_not_allowed"),
        (["/b", "OTHER/picture"], "image_not_allowed"),
        (["HERE:80@evil/b"], "image_not_allowed"),
        (["ftp://127.0.0.1/b"], "image_not_allowed"),
        (["file:///etc/passwd"], "image_not_allowed"),
        (["http://[/"], "image_not_allowed"),
        (["http://[]@/"], "image_not_allowed"),
        ([f"/{number}" for number in range(9)], "image_not_allowed"),
        (["/b", ""], "image_missing"),
        (["/b", "GONE"], "image_missing"),
        (["/b", "SICK"], "image_unreachable"),
    ],
)
async def test_a_picture_that_is_elsewhere(
    hass: HomeAssistant,
    plex: PlexSimulator,
    entry: MockConfigEntry,
    way: list[str],
    reason: str | None,
) -> None:
    """It is followed to where it is, as long as each address may be named."""
    steps = iter(way)
    other: list[str] = []

    async def elsewhere(request: web.BaseRequest) -> web.StreamResponse:
        other.append(request.path)
        return web.Response(body=PNG)

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        assert request.headers.keys().isdisjoint({"Authorization", "Cookie", "Referer"})
        match next(steps):
            case "PNG":
                return web.Response(body=PNG)
            case "GONE":
                return web.Response(status=404)
            case "SICK":
                return web.Response(status=502)
            case step:
                place = step.replace("HERE", here).replace("OTHER", away)
                headers = {"Location": place, "Set-Cookie": "a=b; Path=/nowhere"}
                return web.Response(status=302, headers=headers)

    async with serving(answer) as here, serving(elsewhere) as away:
        hass.config.allowlist_external_urls = {f"{here}/"}
        fields = {"poster": f"{here}/a"}
        # A picture that is missing now may be there later: its job goes on waiting.
        wait = 3 if reason in ("image_missing", "image_unreachable") else WAIT
        outcome = await sync(hass, path=PATH, fields=fields, wait=wait)
    assert outcome.get("reason") == reason
    assert other == []
    assert (plex.core.image(plex.core.find(PATH)) == PNG) is (reason is None)


async def test_a_picture_that_is_not_there(
    hass: HomeAssistant, entry: MockConfigEntry, tmp_path: Path
) -> None:
    """Say so; whether it may be looked for was clear before."""
    hass.config.allowlist_external_dirs = {str(tmp_path)}
    answer = await sync(
        hass, path=PATH, fields={"poster": str(tmp_path / "no.png")}, wait=3
    )
    assert answer["reason"] == "image_missing"


async def test_an_address_that_does_not_answer_keeps_no_other_back(
    hass: HomeAssistant, plex: PlexSimulator, entry: MockConfigEntry, tmp_path: Path
) -> None:
    """Neither files nor other addresses; and it is forgotten once nobody names it."""
    file = tmp_path / "poster.png"
    file.write_bytes(PNG)
    hass.config.allowlist_external_dirs = {str(tmp_path)}

    async def serve(request: web.BaseRequest) -> web.StreamResponse:
        return web.Response(body=PNG)

    async with serving(serve) as url:
        dead = "http://127.0.0.1:1/"
        hass.config.allowlist_external_urls = {dead, f"{url}/"}
        # The first one waits in the second lane, and shuts what it waits for.
        answer = await sync(hass, path=PATH, fields={"poster": f"{dead}a"}, wait=3)
        assert (answer["status"], answer["reason"]) == ("queued", "image_unreachable")
        failing = entry.runtime_data.engine.common.bulkheads.failing
        assert [*failing()] == ["address:127.0.0.1:1"]
        for poster in (str(file), f"{url}/b"):
            answer = await sync(hass, path=OTHER, fields={"poster": poster})
            assert answer["status"] in ("written", "unchanged")
        assert [*failing()] == ["address:127.0.0.1:1"]
        answer = await sync(hass, path=PATH, fields={"poster": str(file)})
    assert answer["status"] == "written"
    assert not failing()


@pytest.mark.parametrize("refused", ["by us", "by Plex"])
async def test_a_picture_that_is_refused_keeps_the_other_one_not_back(
    hass: HomeAssistant,
    plex: PlexSimulator,
    entry: MockConfigEntry,
    tmp_path: Path,
    refused: str,
) -> None:
    """The other one is uploaded, and the answer names the one."""
    hass.config.allowlist_external_dirs = {str(tmp_path)}
    poster, background = tmp_path / "poster", tmp_path / "background"
    poster.write_bytes(PNG if refused == "by Plex" else b"<svg/>")
    background.write_bytes(PNG)
    if refused == "by Plex":
        plex.faults.add("status", code=413, method="POST", path="posters")
    fields = {"poster": str(poster), "background": str(background)}
    answer = await sync(hass, path=PATH, fields=fields)
    assert answer["status"] == "failed"
    assert answer["kept"] == {"poster": answer["reason"]}
    assert plex.core.image(plex.core.find(PATH), "art") == PNG


async def test_a_picture_that_changes_while_its_job_waits(
    hass: HomeAssistant, plex: PlexSimulator, entry: MockConfigEntry, tmp_path: Path
) -> None:
    """What was uploaded is known as what it is: the first one comes back, and no second time."""
    hass.config.allowlist_external_dirs = {str(tmp_path)}
    file = tmp_path / "poster"
    plex.faults.add("status", code=400, method="POST", path="posters")
    file.write_bytes(PNG)
    fields = {"poster": str(file)}
    assert (await sync(hass, path=PATH, fields=fields))["status"] == "failed"
    plex.faults.clear()
    file.write_bytes(PNG + b"more")
    await call(hass, "retry_failed", all=True)
    item = plex.core.find(PATH)
    await until(hass, lambda: plex.core.image(item) == PNG + b"more")
    file.write_bytes(PNG)
    assert (await sync(hass, path=PATH, fields=fields))["status"] == "written"
    assert plex.core.image(item) == PNG
    assert (await sync(hass, path=PATH, fields=fields))["status"] == "unchanged"


# preview_item


async def test_a_preview_is_the_plan_and_writes_nothing(
    hass: HomeAssistant, plex: PlexSimulator, entry: MockConfigEntry
) -> None:
    """Show what would be written and why the rest stays, held or not."""
    item = plex.core.find(PATH)
    plex.core.edit_by_person(item.rating_key, studio="A person's")
    await entry.runtime_data.engine.switch(False)
    fields = {"summary": "Planned.", "studio": "Ours", "genres": ["Drama"]}
    answer = await call(hass, "preview_item", path=PATH, fields=fields)
    assert answer["rating_key"] == str(item.rating_key)
    assert {each["field"] for each in answer["changes"]} == {"summary", "genres"}
    assert answer["kept"] == {"studio": "locked"}
    assert "reason" not in answer
    assert plex.journal.count(method="PUT") == 0
    assert (await call(hass, "get_jobs"))["total"] == 0

    await entry.runtime_data.engine.switch(True)
    written = await sync(hass, path=PATH, fields=fields)
    assert written["changes"] == answer["changes"]


async def test_a_preview_says_why_there_is_no_plan(
    hass: HomeAssistant, plex: PlexSimulator, entry: MockConfigEntry
) -> None:
    """Name the reason, and the candidates where there are several."""
    plex.core.find(OTHER).guids = (IMDB,)
    fields = {"summary": "x"}
    answer = await call(hass, "preview_item", path=ELSEWHERE, fields=fields)
    assert answer["reason"] == "outside_libraries"
    assert answer["changes"] == []
    answer = await call(hass, "preview_item", guid=IMDB, fields=fields)
    assert answer["reason"] == "ambiguous"
    assert len(answer["candidates"]) == 2


async def test_what_is_left_alone_is_named_in_every_answer(
    hass: HomeAssistant, plex: PlexSimulator, entry: MockConfigEntry
) -> None:
    """A field that a person locked; by the preview, by the write and by its equal."""
    item = plex.core.find(PATH)
    item.values["summary"] = "Theirs."
    item.locks.add("summary")
    fields: dict[str, Any] = {"summary": "Ours.", "tagline": "Ours."}
    kept = {"summary": "locked"}
    assert (await call(hass, "preview_item", path=PATH, fields=fields))["kept"] == kept
    answer = await sync(hass, path=PATH, fields=fields)
    assert (answer["status"], answer["kept"]) == ("written", kept)
    (one,) = answer["items"]
    assert (one["rating_key"], one["kept"]) == (str(item.rating_key), kept)
    for key in ("again", "again"):  # the second time Plex is not even asked
        answer = await sync(hass, path=PATH, key=key, fields=fields)
        assert (answer["status"], answer["kept"]) == ("unchanged", kept)
    answer = await sync(hass, path=PATH, fields=fields, wait=0)
    assert (answer["status"], answer["kept"]) == ("unchanged", kept)


async def test_a_preview_names_the_pictures_that_nobody_has_seen(
    hass: HomeAssistant, plex: PlexSimulator, entry: MockConfigEntry, tmp_path: Path
) -> None:
    """Whether they are others is known once they were fetched."""
    hass.config.allowlist_external_dirs = {str(tmp_path)}
    file = tmp_path / "poster.png"
    file.write_bytes(PNG)
    order = {"path": PATH, "fields": {"poster": str(file)}}
    answer = await call(hass, "preview_item", **order)
    assert (answer["changes"], answer["to_be_compared"]) == ([], ["poster"])
    await sync(hass, **order)
    answer = await call(hass, "preview_item", **order)
    assert (answer["changes"], "to_be_compared" in answer) == ([], False)


@pytest.mark.usefixtures("tag_mode")
async def test_a_preview_names_the_collection_that_is_spared(
    hass: HomeAssistant, plex: PlexSimulator, stash: StashSimulator
) -> None:
    """A person made it, and it would vanish with its last member: the write says the same."""
    entry = await set_up(hass, make_entry(plex))
    plex.core.edit_by_person(plex.core.find(OTHER).rating_key, collections=["Theirs"])
    fields: dict[str, Any] = {"collections": ["Ours", "Theirs"]}
    await sync(hass, path=PATH, fields=fields)
    plex.core.edit_by_person(plex.core.find(OTHER).rating_key, collections=[])
    item = plex.core.find(PATH)
    order = {"path": PATH, "fields": {"collections": None}}
    answer = await call(hass, "preview_item", **order)
    assert answer["kept"] == {"collections": "last_member"}
    written = await sync(hass, **order)
    assert (written["status"], written["kept"]) == ("written", answer["kept"])
    assert written["changes"] == answer["changes"]
    assert item.tag_names("collection") == ["Theirs"]
    assert not entry.runtime_data.engine.circuit.holds


async def test_a_preview_of_what_a_source_says(
    hass: HomeAssistant, plex: PlexSimulator, stash: StashSimulator
) -> None:
    """Ask the sources about a file."""
    entry = await set_up(hass, make_entry(plex, stash_subentry(stash)))
    await entry.runtime_data.engine.switch(False)
    answer = await call(hass, "preview_item", path=PATH)
    changes = {each["field"]: each["after"] for each in answer["changes"]}
    assert changes["summary"] == FILMS[0].summary
    assert (await refused(hass, "preview_item", path=ELSEWHERE)).translation_key == (
        "record_not_found"
    )
    assert (await refused(hass, "preview_item", guid=IMDB)).translation_key == (
        "preview_needs_path"
    )
    await stash.stop()
    error = await refused(hass, "preview_item", path=PATH)
    assert error.translation_key == "sources_away"
    assert error.translation_placeholders == {"away": "1", "sources": "1"}
    assert "127.0.0.1" not in str(error)


@pytest.mark.parametrize(
    ("fields", "why"),
    [({"organized_only": True}, "not_organized"), ({"min_rating": 10}, "filtered")],
)
async def test_a_preview_of_a_scene_that_is_left_out(
    hass: HomeAssistant,
    plex: PlexSimulator,
    stash: StashSimulator,
    fields: dict[str, Any],
    why: str,
) -> None:
    """It is not sent, so there is no plan: say why."""
    stash.core.edit_scene(stash.core.find_scene(FILMS[0].title), organized=False)
    source = stash_subentry(stash, **{CONF_FIELDS: fields})
    await set_up(hass, make_entry(plex, source))
    answer = await call(hass, "preview_item", path=PATH)
    assert answer["reason"] == why
    assert (answer["changes"], answer["items"]) == ([], [])


async def test_a_preview_says_what_a_source_waits_for(
    hass: HomeAssistant, plex: PlexSimulator, stash: StashSimulator
) -> None:
    """What its owner has to do there stands in the answer."""
    await set_up(hass, make_entry(plex, stash_subentry(stash)))
    for status, key in (
        ("NEEDS_MIGRATION", "source_needs_migration"),
        ("SETUP", "source_setup"),
    ):
        stash.status = status
        error = await refused(hass, "preview_item", path=PATH)
        assert error.translation_key == key
    stash.status = "OK"
    stash.auth.api_key = "another-key"
    error = await refused(hass, "preview_item", path=PATH)
    assert error.translation_key == "source_unauthorized"


async def test_a_preview_asks_past_a_source_that_is_away(
    hass: HomeAssistant, plex: PlexSimulator, stash: StashSimulator
) -> None:
    """Let the others answer; only a file that none of them knows is left in doubt."""
    gone = dict(stash_subentry(stash, url="http://127.0.0.1:9")) | {
        "subentry_id": "00GONE",
        "unique_id": "gone",
    }
    entry = make_entry(plex, ConfigSubentryData(**gone), stash_subentry(stash))
    await set_up(hass, entry)
    answer = await call(hass, "preview_item", path=PATH)
    assert answer["rating_key"]
    error = await refused(hass, "preview_item", path=f"{PLEX_ROOT}/none.mkv")
    assert error.translation_key == "sources_away"
    assert error.translation_placeholders == {"away": "1", "sources": "2"}


# undo_item


async def test_undo_restores_what_stood_there(
    hass: HomeAssistant, plex: PlexSimulator, entry: MockConfigEntry
) -> None:
    """Restore one item, also while syncing is held, and keep what was changed since."""
    item = plex.core.find(PATH)
    title = item.title
    await sync(hass, path=PATH, fields={"title": "Ours", "studio": "Ours"})
    plex.core.edit_by_person(item.rating_key, studio="A person's")
    await entry.runtime_data.engine.switch(False)
    answer = await call(hass, "undo_item", path=PATH)
    assert answer == {
        "rating_key": str(item.rating_key),
        "restored": ["title"],
        "kept": {"studio": "changed_since"},
    }
    assert item.title == title
    assert not item.locked("title")
    assert item.value("studio") == "A person's"


async def test_what_was_undone_is_named_in_the_next_answer(
    hass: HomeAssistant, plex: PlexSimulator, entry: MockConfigEntry
) -> None:
    """The same record again is not in line: its field stays as it is."""
    fields = {"summary": "Ours."}
    await sync(hass, path=PATH, fields=fields)
    await call(hass, "undo_item", path=PATH)
    for _ in range(2):
        answer = await sync(hass, path=PATH, fields=fields)
        assert (answer["status"], answer["kept"]) == (
            "unchanged",
            {"summary": "released"},
        )
    assert plex.core.find(PATH).values.get("summary") != "Ours."


async def test_undo_of_everything_since(
    hass: HomeAssistant, plex: PlexSimulator, entry: MockConfigEntry
) -> None:
    """Restore all that was written since a time; a naive time is a local one."""
    titles = [plex.core.find(path).title for path in (PATH, OTHER)]
    await sync(hass, path=PATH, fields={"title": "First"})
    between = dt_util.utcnow()
    await sync(hass, path=OTHER, fields={"title": "Second"})
    answer = await call(hass, "undo_since", since=between.isoformat(), wait=60)
    assert answer == {"status": "finished", "items": 1, "fields": 1, "kept": {}}
    assert plex.core.find(PATH).title == "First"
    assert plex.core.find(OTHER).title == titles[1]
    naive = dt_util.as_local(between - timedelta(hours=1)).strftime("%Y-%m-%d %H:%M:%S")
    answer = await call(hass, "undo_since", since=naive, wait=60)
    assert answer["items"] == 1
    assert plex.core.find(PATH).title == titles[0]


async def test_an_undo_that_an_unload_cuts_short(
    hass: HomeAssistant, plex: PlexSimulator, entry: MockConfigEntry
) -> None:
    """Whoever waits for it is told that it is not over."""
    await sync(hass, path=PATH, fields={"title": "First"})
    engine = entry.runtime_data.engine
    engine.common.busy_items.take(str(plex.core.find(PATH).rating_key))
    undo = call(hass, "undo_since", since="2026-01-01 00:00:00", wait=60)
    waiting = asyncio.ensure_future(undo)
    async with asyncio.timeout(WITHIN):
        while engine.undo_runs.progress is None:
            await asyncio.sleep(0.01)
    assert await hass.config_entries.async_unload(entry.entry_id)
    assert (await waiting)["status"] == "running"


async def test_an_undo_goes_on_whoever_waits(
    hass: HomeAssistant, plex: PlexSimulator, entry: MockConfigEntry
) -> None:
    """While Plex is away it answers that it runs, and it ends once Plex is back."""
    title = plex.core.find(PATH).title
    await sync(hass, path=PATH, fields={"title": "First"})
    plex.faults.add("refuse")
    answer = await call(hass, "undo_since", since="2026-01-01 00:00:00", wait=30)
    assert answer["status"] == "running"
    plex.faults.clear()
    entry.runtime_data.engine.health.hurry()
    async with asyncio.timeout(WITHIN):
        while plex.core.find(PATH).title != title:
            entry.runtime_data.engine.undo_runs.look()
            await asyncio.sleep(0.05)


async def test_undo_says_why_not(
    hass: HomeAssistant, plex: PlexSimulator, entry: MockConfigEntry
) -> None:
    """Tell a bad order from one that cannot be done."""
    plex.core.find(OTHER).guids = (IMDB,)
    for data, key in (
        ({}, "identifier_missing"),
        ({"path": PATH, "guid": IMDB}, "identifier_ambiguous"),
    ):
        error = await refused(hass, "undo_item", **data)
        assert isinstance(error, ServiceValidationError)
        assert error.translation_key == key
    for data in ({}, {"path": PATH}):
        with pytest.raises(probatio.Invalid):
            await call(hass, "undo_since", **data)
    error = await refused(hass, "undo_item", path=ELSEWHERE)
    assert error.translation_key == "item_outside_libraries"
    error = await refused(hass, "undo_item", path=f"{PLEX_ROOT}/none.mkv")
    assert error.translation_key == "item_not_found"
    error = await refused(hass, "undo_item", guid=IMDB)
    assert error.translation_key == "item_ambiguous"
    await plex.stop()
    await sync(hass, path=PATH, fields={"title": "Later"}, wait=0)
    await until_state(hass, "sensor", "circuit", "open")
    for action in ("undo_item", "preview_item"):
        error = await refused(hass, action, **LEAST[action])
        assert error.translation_key == "circuit_open"
        assert not isinstance(error, ServiceValidationError)


@pytest.mark.parametrize(
    ("fault", "key"),
    [
        ({"action": "status", "code": 401}, "fault_auth"),
        ({"action": "status", "code": 503}, "fault_server"),
        ({"action": "status", "code": 400, "method": "PUT"}, "fault_item"),
        ({"action": "status", "code": 403, "method": "PUT"}, "fault_refused"),
        ({"action": "status", "code": 500, "method": "PUT"}, "fault_server"),
        ({"action": "impostor", "path": "/identity"}, "fault_wrong_server"),
    ],
)
async def test_a_fault_of_plex_is_an_error_in_words(
    hass: HomeAssistant,
    plex: PlexSimulator,
    entry: MockConfigEntry,
    fault: dict[str, Any],
    key: str,
) -> None:
    """Map each class of fault to its words."""
    await sync(hass, path=PATH, fields={"title": "Before"})
    if key == "fault_wrong_server":
        # Who answers is asked anew on a new connection.
        await plex.stop()
        await plex.start()
    plex.faults.add(**fault)
    error = await refused(hass, "undo_item", path=PATH)
    assert error.translation_key == key  # also where somebody else found out first
    assert plex.core.find(PATH).title == "Before"


async def test_a_library_that_cannot_be_listed_is_an_error_in_words(
    hass: HomeAssistant, plex: PlexSimulator, entry: MockConfigEntry
) -> None:
    """Name what fails, also to who comes while it is known to."""
    plex.faults.add("status", code=500, path=r"/sections/\d+/all")
    for action in ("preview_item", "undo_item"):
        error = await refused(hass, action, **LEAST[action])
        assert error.translation_key == "fault_listing"
    plex.faults.clear()


# pin_item


@pytest.mark.parametrize(
    ("data", "key"),
    [
        ({"key": " ", "rating_key": 1}, "key_invalid"),
        ({"key": "x", "rating_key": "one"}, "rating_key_invalid"),
        ({"key": "x", "rating_key": 1, "source": "nobody"}, "source_unknown"),
    ],
)
async def test_a_pin_names_one_record_and_one_item(
    hass: HomeAssistant, entry: MockConfigEntry, data: dict[str, Any], key: str
) -> None:
    """Refuse what would tie nothing."""
    assert (await refused(hass, "pin_item", **data)).translation_key == key
    with pytest.raises(probatio.Invalid):
        await call(hass, "pin_item", key="x")
    data = {name: value for name, value in data.items() if name != "rating_key"}
    if key != "rating_key_invalid":
        assert (await refused(hass, "unpin_item", **data)).translation_key == key


async def test_a_source_is_named_by_its_device(
    hass: HomeAssistant, plex: PlexSimulator, stash: StashSimulator
) -> None:
    """As the form gives it; the server's device stands for actions, others for nothing."""
    entry = await set_up(hass, make_entry(plex, stash_subentry(stash)))
    await until_state(hass, "sensor", "synced", "12")
    devices = {
        each.name: each.id
        for each in dr.async_entries_for_config_entry(
            dr.async_get(hass), entry.entry_id
        )
    }
    item = plex.core.find(PATH).rating_key
    tie = {"key": "scene:1", "rating_key": item}
    answer = await call(hass, "pin_item", source=devices["Stash"], **tie)
    assert answer == {"source": SOURCE, "key": "scene:1", "rating_key": str(item)}
    answer = await call(hass, "unpin_item", source=devices["Cellar"], key="scene:1")
    assert answer["source"] == "action"
    plex.faults.add("status", code=400, method="PUT", times=1)
    await sync(hass, path=OTHER, fields={"tagline": "Ours."})
    for source in ("action", devices["Cellar"]):
        assert (await call(hass, "get_jobs", source=source))["total"] == 1
    # A scene may be on its way once more; none of the jobs is an action's.
    of_stash = (await call(hass, "get_jobs", source=devices["Stash"]))["jobs"]
    assert all(job["source"] == SOURCE for job in of_stash)
    assert await call(hass, "refresh_source", source=SOURCE) == {"sources": 1}
    assert await call(hass, "refresh_source") == {"sources": 1}
    other = MockConfigEntry(domain="sun")
    other.add_to_hass(hass)
    foreign = dr.async_get(hass).async_get_or_create(
        config_entry_id=other.entry_id, identifiers={("sun", entry.entry_id)}
    )
    for action in ("get_jobs", "refresh_source"):
        for source in ("nobody", foreign.id):
            error = await refused(hass, action, source=source)
            assert error.translation_key == "source_unknown"


# reconcile


async def reconciled(hass: HomeAssistant, **data: Any) -> dict[str, Any]:
    """Let everything be compared, and wait for the end."""
    answer = await call(hass, "reconcile", **{"wait": WAIT} | data)
    assert answer.pop("status") == "finished"
    return answer


def spoil(plex: PlexSimulator) -> Item:
    """Change an item behind our back."""
    item = plex.core.find(PATH)
    plex.core.set_lock(item.rating_key, "summary", False)
    item.values["summary"] = "An agent's."
    return item


async def test_a_run_counts_by_kind_and_enqueues_the_gaps(
    hass: HomeAssistant, plex: PlexSimulator, stash: StashSimulator
) -> None:
    """Find what was changed in Plex behind our back."""
    await set_up(hass, make_entry(plex, stash_subentry(stash)))
    await until_state(hass, "sensor", "synced", "12")
    answer = await reconciled(hass)
    assert answer == {"scope": "all", "counts": {"in_line": 12}, "sources_away": 0}
    item = spoil(plex)
    answer = await reconciled(hass, scope="recent")
    assert answer["scope"] == "recent"
    assert answer["counts"] == {"in_line": 11, "differs": 1}
    await until_state(hass, "sensor", "synced", "13")
    assert item.value("summary") == FILMS[0].summary


async def test_a_run_counts_what_a_person_keeps(
    hass: HomeAssistant, plex: PlexSimulator, stash: StashSimulator
) -> None:
    """Apart from what is in line, with the reason; nothing is written for it."""
    await set_up(hass, make_entry(plex, stash_subentry(stash)))
    await until_state(hass, "sensor", "synced", "12")
    item = plex.core.find(PATH)
    plex.core.edit_by_person(item.rating_key, summary="A person's.")
    edits = plex.journal.count(method="PUT")
    for _ in range(2):
        answer = await reconciled(hass)
        assert answer["counts"] == {"in_line": 11, "kept": {"locked": 1}}
    assert plex.journal.count(method="PUT") == edits
    assert item.value("summary") == "A person's."


async def test_a_run_is_nobodys_but_the_entrys(
    hass: HomeAssistant, plex: PlexSimulator, stash: StashSimulator
) -> None:
    """Answer at once; whoever asks again, or is stopped, neither doubles nor ends it."""
    entry = await set_up(hass, make_entry(plex, stash_subentry(stash)))
    await until_state(hass, "sensor", "synced", "12")
    item = spoil(plex)
    plex.latency_read = 1
    answer = await call(hass, "reconcile")
    assert answer == {"status": "running", "scope": "all", "progress": 0.0}
    again = await call(hass, "reconcile", scope="recent")
    assert again == answer  # it is about the one that is under way
    waiting = hass.async_create_task(call(hass, "reconcile", wait=WAIT))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert entry.runtime_data.reconcile.running
    plex.latency_read = 0
    await until(hass, lambda: not entry.runtime_data.reconcile.running)
    await until_state(hass, "sensor", "synced", "13")
    assert item.value("summary") == FILMS[0].summary


async def test_a_run_that_does_more_follows_the_one_under_way(
    hass: HomeAssistant, plex: PlexSimulator, stash: StashSimulator
) -> None:
    """Whoever asks for it is told, and waits for that one; a stop ends both."""
    entry = await set_up(hass, make_entry(plex, stash_subentry(stash)))
    await until_state(hass, "sensor", "synced", "12")
    item = spoil(plex)
    run = entry.runtime_data.reconcile
    plex.latency_read = 1
    under_way = {"status": "running", "scope": "plan", "progress": 0.0}
    assert await call(hass, "reconcile", scope="plan") == under_way
    assert await call(hass, "reconcile") == under_way | {"next": "all"}
    again = await call(hass, "reconcile", scope="recent")
    assert again == under_way | {"next": "all"}
    assert await call(hass, "cancel_reconcile") == {"cancelled": True}
    assert not run.running

    await call(hass, "reconcile", scope="plan")
    waiting = asyncio.create_task(call(hass, "reconcile", wait=WAIT))
    await until(hass, lambda: run.running, ["call_service"])
    plex.latency_read = 0
    answer = await waiting
    assert (answer["status"], answer["scope"]) == ("finished", "all")
    assert answer["counts"]["differs"] == 1
    await until_state(hass, "sensor", "synced", "13")
    assert item.value("summary") == FILMS[0].summary


async def test_a_run_can_be_stopped(
    hass: HomeAssistant, plex: PlexSimulator, stash: StashSimulator
) -> None:
    """Stop a run from elsewhere; whoever waits for it is told, not cancelled."""
    entry = await set_up(hass, make_entry(plex, stash_subentry(stash)))
    assert await call(hass, "cancel_reconcile") == {"cancelled": False}
    await until_state(hass, "sensor", "synced", "12")
    plex.latency_read = 5
    run = asyncio.create_task(call(hass, "reconcile", wait=WAIT))
    await until(hass, lambda: entry.runtime_data.reconcile.running, ["call_service"])
    assert await call(hass, "cancel_reconcile") == {"cancelled": True}
    assert await run == {"status": "cancelled", "scope": "all"}
    assert not entry.runtime_data.reconcile.running
    assert await call(hass, "cancel_reconcile") == {"cancelled": False}


async def test_a_run_waits_for_plex_by_itself(
    hass: HomeAssistant, plex: PlexSimulator, stash: StashSimulator
) -> None:
    """Answer in an outage as at any time, and go on when it is over; or be stopped."""
    entry = await set_up(hass, make_entry(plex, stash_subentry(stash)))
    await until_state(hass, "sensor", "synced", "12")
    item = spoil(plex)
    await plex.stop()
    await sync(hass, path=OTHER, fields={"tagline": "Out."}, wait=0)
    await until_state(hass, "sensor", "circuit", "open")
    assert (await call(hass, "reconcile"))["status"] == "running"
    assert await call(hass, "cancel_reconcile") == {"cancelled": True}
    assert (await call(hass, "reconcile", wait=0.1))["status"] == "running"
    await plex.start()
    entry.runtime_data.engine.health.hurry()
    answer = await reconciled(hass)
    assert answer["counts"]["differs"] == 1
    await until(hass, lambda: item.value("summary") == FILMS[0].summary)


async def test_a_source_that_is_away_is_left_out_of_a_run(
    hass: HomeAssistant, plex: PlexSimulator, stash: StashSimulator
) -> None:
    """Compare what the others say, and say how many are missing."""
    async with StashSimulator() as other:
        gone = dict(stash_subentry(other)) | {
            "subentry_id": "00GONE",
            "unique_id": "gone",
        }
        entry = make_entry(plex, ConfigSubentryData(**gone), stash_subentry(stash))
        await set_up(hass, entry)
        await until_state(hass, "sensor", "synced", "12")
    answer = await reconciled(hass)
    assert answer == {"scope": "all", "counts": {"in_line": 12}, "sources_away": 1}
    await stash.stop()
    answer = await reconciled(hass)
    assert answer == {"scope": "all", "counts": {}, "sources_away": 2}
    assert state_of(hass, "sensor", "circuit").state == "closed"


async def test_a_run_that_our_disk_ends_is_an_error(
    hass: HomeAssistant,
    plex: PlexSimulator,
    stash: StashSimulator,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Say so to whoever waits, and in the log."""
    entry = await set_up(hass, make_entry(plex, stash_subentry(stash)))
    await until_state(hass, "sensor", "synced", "12")
    await ruin(entry)
    error = await refused(hass, "reconcile", wait=WAIT)
    assert error.translation_key == "storage_failed"
    assert "The reconcile run ended early" in caplog.text


# Jobs


async def test_jobs_are_listed_filtered_and_paged(
    hass: HomeAssistant, plex: PlexSimulator, stash: StashSimulator
) -> None:
    """Show each job with its reason, its times and its paths."""
    plex.core.remove_item(plex.core.find(PATH))
    for film in FILMS[1:3]:
        plex.core.find(f"{PLEX_ROOT}/{film.path}").guids = (IMDB,)
    await set_up(hass, make_entry(plex, stash_subentry(stash)))
    await until_state(hass, "sensor", "synced", "11")
    await sync(hass, guid=IMDB, fields={"title": "x"})
    everything = await call(hass, "get_jobs")
    assert everything["total"] == 2
    waiting, failed = everything["jobs"]
    assert waiting["state"] == "waiting"
    assert waiting["source"] == SOURCE
    assert waiting["reason"] == "not_found"
    assert waiting["paths"] == [PATH]
    for time in (waiting["enqueued"], waiting["next_attempt"]):
        moment = dt_util.parse_datetime(time)
        assert moment is not None
        assert abs(moment - dt_util.utcnow()) < timedelta(minutes=2)
    assert failed["state"] == "failed"
    assert failed["source"] == "action"
    assert failed["reason"] == "ambiguous"
    assert failed["fields"] == ["title"]
    assert failed["next_attempt"] is None
    assert waiting["history"] is None
    history = failed["history"]
    assert (history["failures"], history["retries"]) == (1, 0)
    assert history["first"] == history["last"] > failed["enqueued"]

    async def found(**data: Any) -> list[int]:
        return [job["id"] for job in (await call(hass, "get_jobs", **data))["jobs"]]

    assert await found(state="failed") == [failed["id"]]
    assert await found(state="pending") == [waiting["id"]]
    assert await found(state="waiting") == [waiting["id"]]
    assert await found(state="ready") == await found(state="held") == []
    assert await found(source=SOURCE) == [waiting["id"]]
    assert await found(reason="ambiguous") == [failed["id"]]
    assert await found(limit=1) == [waiting["id"]]
    assert await found(limit=1, offset=1) == [failed["id"]]
    with pytest.raises(probatio.Invalid):
        await found(limit=501)


async def test_failed_jobs_are_retried_and_discarded(
    hass: HomeAssistant, plex: PlexSimulator, entry: MockConfigEntry
) -> None:
    """Choose by reason, by number, or take all."""
    plex.core.find(OTHER).guids = (IMDB,)
    for number in range(3):
        await sync(hass, guid=IMDB, key=f"{number}", fields={"title": "x"})
    jobs = (await call(hass, "get_jobs", state="failed"))["jobs"]
    assert len(jobs) == 3
    none = {"retried": 0, "refreshed": 0, "stale": 0, "withdrawn": 0}
    assert await call(hass, "retry_failed", reason="not_found") == none
    assert await call(hass, "discard_failed", ids=[jobs[0]["id"]]) == {"discarded": 1}
    assert await call(hass, "discard_failed", ids=jobs[1]["id"]) == {"discarded": 1}
    # What an action said stands: there is nobody to ask.
    assert await call(hass, "retry_failed") == none | {"retried": 1}
    answer = await sync(hass, guid=IMDB, key="2", fields={"title": "x"})
    assert answer["status"] == "failed"
    assert await call(hass, "retry_failed", all=True) == none | {"retried": 1}
    await sync(hass, guid=IMDB, key="2", fields={"title": "x"})
    await sync(hass, guid=IMDB, key="3", fields={"title": "x"})
    assert await call(hass, "discard_failed", ids=["2", jobs[2]["id"]]) == {
        "discarded": 1
    }
    assert await call(hass, "discard_failed", reason="ambiguous") == {"discarded": 1}
    assert (await call(hass, "get_jobs"))["total"] == 0
    await sync(hass, guid=IMDB, key="4", fields={"title": "x"})
    for data in ({}, {"all": False}):
        error = await refused(hass, "discard_failed", **data)
        assert error.translation_key == "failed_jobs_unnamed"
    for action in ("retry_failed", "discard_failed"):
        error = await refused(hass, action, all=True, reason="ambiguous")
        assert error.translation_key == "failed_jobs_contradict"
    assert await call(hass, "discard_failed", all=True) == {"discarded": 1}
    for ids in ([0], ["x"], [2**63]):
        with pytest.raises(probatio.Invalid):
            await call(hass, "discard_failed", ids=ids)


# The circuit


async def test_a_reset_closes_and_ends_the_outage(
    hass: HomeAssistant, plex: PlexSimulator, entry: MockConfigEntry
) -> None:
    """Close by hand; the outage is kept, and left out of the mean."""
    answer = await call(hass, "reset_circuit")
    assert answer == {"before": "closed", "circuit": "closed"}
    await plex.stop()
    await sync(hass, path=PATH, fields={"summary": "Out."}, wait=0)
    await until_state(hass, "sensor", "circuit", "open")
    lasting = (await call(hass, "get_outages"))["outages"]
    assert lasting[0]["end"] is None
    assert lasting[0]["duration"] is None

    await plex.start()
    answer = await call(hass, "reset_circuit")
    assert answer == {"before": "open", "circuit": "closed"}
    await until_state(hass, "sensor", "synced", "1")
    answer = await call(hass, "get_outages")
    (outage,) = answer["outages"]
    assert outage["cause"] == "refused"
    assert outage["ended_by"] == "reset"
    assert outage.keys() >= {"jobs", "probes"}
    start, end = (dt_util.parse_datetime(outage[name]) for name in ("start", "end"))
    assert start is not None
    assert end is not None
    assert outage["duration"] == pytest.approx((end - start).total_seconds(), abs=0.01)
    assert answer["mttr"] is None
    assert answer["mtbf"] >= 0
    assert answer["availability"].keys() == {"24h", "7d", "30d"}
    for window in answer["availability"].values():
        assert 0 <= window["availability"] < 100
        assert 0 < window["coverage"] < 1
    (before,) = answer["unknown"]  # until the server was added
    ended, begun = map(dt_util.parse_datetime, (before["end"], outage["start"]))
    assert ended is not None
    assert begun is not None
    assert ended < begun


# Our own storage


@pytest.mark.parametrize(
    "action",
    ["sync_item", "preview_item", "undo_item", "pin_item", "get_jobs", "retry_failed"],
)
async def test_a_disk_that_fails_is_an_error_in_words(
    hass: HomeAssistant, entry: MockConfigEntry, action: str
) -> None:
    """Accept nothing that is not on disk."""
    await sync(hass, path=PATH, fields={"summary": "Before."})
    await ruin(entry)
    error = await refused(hass, action, **LEAST[action])
    assert not isinstance(error, ServiceValidationError)
    assert error.translation_key == "storage_failed"
