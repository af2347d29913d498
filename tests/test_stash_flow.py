"""The flow that adds a Stash to a server and changes how it is synced."""

from datetime import timedelta
from pathlib import Path
import re
import time
from typing import Any
from unittest.mock import patch

import aiohttp
from homeassistant.config_entries import ConfigEntryDisabler
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType, InvalidData
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components import plexsync
from custom_components.plexsync.const import SUBENTRY_STASH
from custom_components.plexsync.sources.stash.options import (
    FIELDS as FIELD_NAMES,
    StashOptions,
)
from custom_components.plexsync.stash_fields import schema
from tests.flows import add_entry, checked, suggested
from tests.home import until
from tests.simulators.films import FILMS
from tests.simulators.plex import PlexSimulator
from tests.simulators.stash import StashCore, StashSimulator, load_films
from tests.stash_flows import (
    DATA,
    EMPTY,
    FIELDS,
    FOUND,
    MAPPING,
    NOTHING,
    add,
    enter,
    keys,
    reconfigure,
    shown,
    start,
)


@pytest.fixture
async def entry(hass: HomeAssistant, plex: PlexSimulator) -> MockConfigEntry:
    """Give a server that is set up, for the library of films."""
    entry = add_entry(hass, plex)
    assert await hass.config_entries.async_setup(entry.entry_id)
    return entry


async def test_add(
    hass: HomeAssistant,
    entry: MockConfigEntry,
    stash: StashSimulator,
) -> None:
    """Add a Stash; paths are suggested and checked, fields have presets."""
    before = entry.runtime_data
    result = await start(hass, entry)
    assert result["step_id"] == "user"

    result = await enter(hass, result, url=f"{stash.url}/graphql")
    assert result["step_id"] == "paths"
    assert result["errors"] is None
    assert result["description_placeholders"] == FOUND
    assert suggested(result) == {"path_mappings": MAPPING}
    assert keys(result) == ["path_mappings"]

    result = await enter(hass, result, path_mappings=MAPPING)
    assert result["step_id"] == "fields"
    result = await enter(hass, result, **EMPTY)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert result["description"] == "preview"  # how this goes on

    (subentry,) = entry.subentries.values()
    assert subentry.subentry_type == SUBENTRY_STASH
    assert subentry.title == "Stash (127.0.0.1)"
    assert subentry.unique_id == stash.url
    assert shown(subentry.data) == {"url": stash.url} | DATA

    # The entry follows, and the plan is counted while nothing is written.
    await hass.async_block_till_done()
    coordinator = entry.runtime_data
    assert coordinator is not before
    assert list(coordinator.runners) == [subentry.subentry_id]


async def test_api_key(
    hass: HomeAssistant, entry: MockConfigEntry, stash: StashSimulator
) -> None:
    """Take the right key, and show none again."""
    stash.auth.api_key = "secret-key"
    result = await enter(hass, await start(hass, entry), url=stash.url)
    assert result["errors"] == {"base": "invalid_auth"}

    result = await enter(hass, result, url=stash.url, api_key="wrong", verify_ssl=False)
    assert result["errors"] == {"base": "invalid_auth"}
    assert suggested(result) == {"url": stash.url, "verify_ssl": False}

    result = await enter(hass, result, url=stash.url, api_key=" secret-key ")
    result = await enter(hass, result, path_mappings=MAPPING)
    await enter(hass, result, **FIELDS, start="changes_only")
    (subentry,) = entry.subentries.values()
    assert shown(subentry.data) == DATA | {
        "url": stash.url,
        "api_key": "secret-key",
        "start": "changes_only",
    }
    await hass.async_block_till_done()


async def test_a_key_outlives_an_error(
    hass: HomeAssistant, entry: MockConfigEntry, stash: StashSimulator
) -> None:
    """Whatever else was wrong, it need not be typed again; and no form shows it."""
    stash.auth.api_key = "secret-key"
    result = await start(hass, entry)
    wrong = ("ftp://stash", "http://127.0.0.1:9", stash.url.replace("http:", "https:"))
    given = {"api_key": " secret-key "}
    for url in wrong:
        result = await enter(hass, result, url=url, **given)
        assert result["errors"]
        assert "api_key" not in suggested(result)
        assert "secret-key" not in str(result)
        given = {}
    result = await enter(hass, result, url=stash.url)
    result = await enter(hass, result, path_mappings=MAPPING)
    await enter(hass, result, **FIELDS)
    (subentry,) = entry.subentries.values()
    assert subentry.data["api_key"] == "secret-key"
    await hass.async_block_till_done()

    stash.auth.api_key = "newer-key"
    result = await reconfigure(hass, entry, subentry.subentry_id)
    result = await enter(hass, result, url="ftp://stash", api_key="newer-key")
    assert result["errors"] == {"url": "invalid_url"}
    result = await enter(hass, result, url=stash.url)
    assert result["step_id"] == "paths"


@pytest.mark.parametrize("version", ["0.24.0", "0.30.1"])
async def test_key_that_nobody_wants(
    hass: HomeAssistant, entry: MockConfigEntry, stash: StashSimulator, version: str
) -> None:
    """Tell the owner of an open Stash, which refuses every key, to leave it out."""
    stash.set_version(version)
    result = await enter(
        hass, await start(hass, entry), url=stash.url, api_key="needless"
    )
    assert result["errors"] == {"api_key": "key_not_needed"}
    result = await enter(hass, result, url=stash.url)
    assert result["step_id"] == "paths"


def _down(stash: StashSimulator) -> None:
    stash.faults.reset()


def _busy(stash: StashSimulator) -> None:
    stash.faults.status(503)


def _exposed(stash: StashSimulator) -> None:
    stash.auth.tripwire = True


def _old(stash: StashSimulator) -> None:
    stash.status = "NEEDS_MIGRATION"


def _new(stash: StashSimulator) -> None:
    stash.status = "SETUP"


def _page(stash: StashSimulator) -> None:
    stash.faults.html200()


def _missing(stash: StashSimulator) -> None:
    stash.faults.status(404)


def _foreign(stash: StashSimulator) -> None:
    stash.faults.status(422, match="/graphql")


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (_down, "cannot_connect"),
        (_busy, "cannot_connect"),
        (_exposed, "tripwire"),
        (_old, "needs_migration"),
        (_new, "setup"),
        (_page, "not_stash"),
        (_missing, "not_stash"),
        (_foreign, "unsupported"),
    ],
)
async def test_errors_recover(
    hass: HomeAssistant,
    entry: MockConfigEntry,
    stash: StashSimulator,
    fault: Any,
    error: str,
) -> None:
    """Say what is wrong; go on as soon as it is not."""
    result = await start(hass, entry)
    fault(stash)
    result = await enter(hass, result, url=stash.url)
    assert result["type"] is FlowResultType.FORM
    assert result["errors"] == {"base": error}

    stash.faults.clear()
    stash.auth.tripwire = False
    stash.status = "OK"
    result = await enter(hass, result, url=stash.url)
    assert result["step_id"] == "paths"


async def test_stash_is_down(
    hass: HomeAssistant, entry: MockConfigEntry, stash: StashSimulator
) -> None:
    """Wait for a Stash that does not run; an address has to be one."""
    await stash.stop()
    result = await enter(hass, await start(hass, entry), url=stash.url)
    assert result["errors"] == {"base": "cannot_connect"}
    result = await enter(hass, result, url="ftp://stash")
    assert result["errors"] == {"url": "invalid_url"}


async def test_another_kind_of_server(
    hass: HomeAssistant, entry: MockConfigEntry, plex: PlexSimulator
) -> None:
    """Notice the address of something else."""
    plex.core.switches.require_token = False
    result = await enter(hass, await start(hass, entry), url=plex.url)
    assert result["errors"] == {"base": "not_stash"}


async def test_unexpected_error(
    hass: HomeAssistant,
    entry: MockConfigEntry,
    stash: StashSimulator,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Answer even to what nobody foresaw."""
    result = await start(hass, entry)
    with patch.object(aiohttp.ClientSession, "request", side_effect=RuntimeError("x")):
        result = await enter(hass, result, url=stash.url, api_key="secret-key")
    assert result["errors"] == {"base": "unknown"}
    assert "RuntimeError: x" in caplog.text
    assert "secret-key" not in caplog.text


async def test_twice(
    hass: HomeAssistant, entry: MockConfigEntry, stash: StashSimulator
) -> None:
    """Refuse a Stash that is a source of this server already, however it is written."""
    await add(hass, entry, stash)
    result = await enter(
        hass, await start(hass, entry), url=f"{stash.url.upper()}/playground/"
    )
    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "already_configured"


async def test_twice_under_two_names(
    hass: HomeAssistant, entry: MockConfigEntry, stash: StashSimulator
) -> None:
    """Know a Stash again at another address; what it is known by is no word of its own."""
    number = await add(hass, entry, stash)
    marks = entry.subentries[number].data["marks"]
    assert marks
    assert all(re.fullmatch("[0-9a-f]{64}", mark) for mark in marks)

    # Scenes come and go, files move, its owner moves to another zone.
    core = stash.core
    core.set_zone(timedelta(hours=9))
    core.delete_scene(1)
    core.add_scene("/media/films/another.mkv", title="Another")
    async with StashSimulator(core, prefix="/stash") as again:
        result = await enter(hass, await start(hass, entry), url=again.url)
    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "same_stash"
    assert result["description_placeholders"] == {"name": "Stash (127.0.0.1)"}


async def test_twice_in_two_windows(
    hass: HomeAssistant, entry: MockConfigEntry, stash: StashSimulator
) -> None:
    """Refuse the second one at its end, where the first one ended meanwhile."""
    async with StashSimulator(stash.core, prefix="/stash") as again:
        waiting = await enter(hass, await start(hass, entry), url=again.url)
        await add(hass, entry, stash)
        result = await enter(hass, waiting, path_mappings=MAPPING)
        result = await enter(hass, result, **FIELDS)
    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "same_stash"


async def test_two_of_the_same_films(
    hass: HomeAssistant, entry: MockConfigEntry, stash: StashSimulator
) -> None:
    """Another Stash is another one, whatever it holds and wherever its files lie."""
    await add(hass, entry, stash)
    core = StashCore(clock=lambda: time.time() - 86_400)
    load_films(core, films=FILMS[:12])
    async with StashSimulator(core) as other:
        result = await enter(hass, await start(hass, entry), url=other.url)
    core.close()
    assert result["step_id"] == "paths"


async def test_a_source_of_before_is_known_from_its_next_change_on(
    hass: HomeAssistant, entry: MockConfigEntry, stash: StashSimulator
) -> None:
    """One that was added when nothing told it goes on."""
    number = await add(hass, entry, stash)
    old = dict(entry.subentries[number].data)
    marks = old.pop("marks")
    hass.config_entries.async_update_subentry(entry, entry.subentries[number], data=old)
    await hass.async_block_till_done()
    assert list(entry.runtime_data.runners) == [number]
    async with StashSimulator(stash.core) as again:
        result = await enter(hass, await start(hass, entry), url=again.url)
        assert result["step_id"] == "paths"
    result = await reconfigure(hass, entry, number)
    result = await enter(hass, result, url=stash.url)
    result = await enter(hass, result, path_mappings=MAPPING)
    await enter(hass, result, **FIELDS)
    assert entry.subentries[number].data["marks"] == marks
    await hass.async_block_till_done()


async def test_mappings_are_counted_again(
    hass: HomeAssistant, entry: MockConfigEntry, stash: StashSimulator
) -> None:
    """Show what changed mappings find before they are taken."""
    result = await enter(hass, await start(hass, entry), url=stash.url)

    result = await enter(hass, result, path_mappings=NOTHING)
    assert result["step_id"] == "paths"
    assert result["errors"] == {"base": "no_files_found"}
    assert result["description_placeholders"] == {"found": "0", "total": "12"}
    assert suggested(result) == {"path_mappings": NOTHING}
    assert keys(result) == ["path_mappings", "accept_anyway"]

    # Insisting is not enough; it has to be said.
    result = await enter(hass, result, path_mappings=NOTHING)
    assert result["errors"] == {"base": "no_files_found"}

    folder = FILMS[0].path.partition("/")[0]
    one = [
        {"source": f" /media/films/{folder}/ ", "plex": f"/data/films/{folder}"},
        {"source": "", "plex": " "},
    ]
    result = await enter(hass, result, path_mappings=one)
    assert result["errors"] is None
    assert result["description_placeholders"] == {"found": "1", "total": "12"}
    one = [{"source": f"/media/films/{folder}/", "plex": f"/data/films/{folder}"}]
    assert suggested(result) == {"path_mappings": one}

    # Where all are found nothing is left to ask.
    result = await enter(hass, result, path_mappings=MAPPING)
    assert result["step_id"] == "fields"
    assert FOUND.items() <= result["description_placeholders"].items()


async def test_accept_anyway(
    hass: HomeAssistant, entry: MockConfigEntry, stash: StashSimulator
) -> None:
    """Take mappings that find nothing, if somebody says so."""
    result = await enter(hass, await start(hass, entry), url=stash.url)
    result = await enter(hass, result, path_mappings=NOTHING)
    result = await enter(hass, result, path_mappings=NOTHING, accept_anyway=True)
    assert result["step_id"] == "fields"
    await enter(hass, result, **FIELDS)
    (subentry,) = entry.subentries.values()
    assert subentry.data["path_mappings"] == NOTHING
    await hass.async_block_till_done()


@pytest.mark.parametrize(
    ("rows", "error"),
    [
        ([{"source": "/media", "plex": ""}], "invalid_mapping"),
        ([{"source": "media", "plex": "/data"}], "invalid_mapping"),
        ([*MAPPING, {"source": "/media/", "plex": "/more"}], "duplicate_mapping"),
    ],
)
async def test_invalid_mapping(
    hass: HomeAssistant,
    entry: MockConfigEntry,
    stash: StashSimulator,
    rows: list[dict[str, str]],
    error: str,
) -> None:
    """Refuse what is no mapping, and keep what was entered."""
    result = await enter(hass, await start(hass, entry), url=stash.url)
    result = await enter(hass, result, path_mappings=rows)
    assert result["errors"] == {"path_mappings": error}
    assert suggested(result) == {"path_mappings": rows}
    result = await enter(hass, result, path_mappings=MAPPING)
    assert result["step_id"] == "fields"


async def test_one_mapping_is_a_list_of_one(
    hass: HomeAssistant, entry: MockConfigEntry, stash: StashSimulator
) -> None:
    """Home Assistant 2026.10 takes one object for a list; later ones refuse it."""
    result = await enter(hass, await start(hass, entry), url=stash.url)
    try:
        result = await enter(hass, result, path_mappings=MAPPING[0])
    except InvalidData:
        result = await enter(hass, result, path_mappings=MAPPING)
    assert result["step_id"] == "fields"
    await enter(hass, result, **FIELDS)
    (subentry,) = entry.subentries.values()
    assert subentry.data["path_mappings"] == MAPPING
    await hass.async_block_till_done()


async def test_mapping_of_another_shape(
    hass: HomeAssistant, entry: MockConfigEntry, stash: StashSimulator
) -> None:
    """Refuse what the form does not offer."""
    result = await enter(hass, await start(hass, entry), url=stash.url)
    for wrong in ("text", [{"source": "/media"}], [{"a": "b"}], {"source": "/a"}):
        with pytest.raises(InvalidData):
            await enter(hass, result, path_mappings=wrong)


async def test_same_paths(
    hass: HomeAssistant, entry: MockConfigEntry, stash: StashSimulator
) -> None:
    """Ask nothing where both servers see the same paths, and say so."""
    core = StashCore()
    load_films(core, "/data/films", FILMS[:12])
    async with StashSimulator(core) as same:
        result = await enter(hass, await start(hass, entry), url=same.url)
    assert result["step_id"] == "fields"
    assert FOUND.items() <= result["description_placeholders"].items()
    await enter(hass, result, **FIELDS)
    (subentry,) = entry.subentries.values()
    assert subentry.data["path_mappings"] == []
    await hass.async_block_till_done()

    # Who comes to change them is asked.
    async with StashSimulator(core) as same:
        result = await reconfigure(hass, entry, subentry.subentry_id)
        result = await enter(hass, result, url=same.url)
        assert result["step_id"] == "paths"
        assert suggested(result) == {"path_mappings": []}
        result = await enter(hass, result)
        assert result["step_id"] == "fields"
        assert await hass.config_entries.async_unload(entry.entry_id)
    core.close()


async def test_windows_paths(
    hass: HomeAssistant, entry: MockConfigEntry, socket_enabled: None
) -> None:
    """Map from a Stash on Windows."""
    core = StashCore(separator="\\")
    load_films(core, "D:\\Media\\films", FILMS[:12])
    async with StashSimulator(core) as windows:
        result = await enter(hass, await start(hass, entry), url=windows.url)
    core.close()
    assert result["description_placeholders"] == FOUND
    assert suggested(result) == {
        "path_mappings": [{"source": "D:/Media", "plex": "/data"}]
    }


async def test_other_files(
    hass: HomeAssistant, entry: MockConfigEntry, socket_enabled: None
) -> None:
    """Suggest by the names of the folders where no file is known to both."""
    core = StashCore()
    load_films(core, "/media/films", FILMS[12:14])
    async with StashSimulator(core) as other:
        result = await enter(hass, await start(hass, entry), url=other.url)
    core.close()
    assert result["errors"] == {"base": "no_files_found"}
    assert suggested(result) == {"path_mappings": MAPPING}


async def test_empty_stash(
    hass: HomeAssistant, entry: MockConfigEntry, socket_enabled: None
) -> None:
    """Go on without samples."""
    core = StashCore()
    core.set_library(["/media/films"])
    async with StashSimulator(core) as empty:
        result = await enter(hass, await start(hass, entry), url=empty.url)
    core.close()
    assert result["errors"] is None
    assert result["description_placeholders"] == {"found": "0", "total": "0"}
    assert suggested(result) == {"path_mappings": MAPPING}
    result = await enter(hass, result, path_mappings=MAPPING)
    assert result["step_id"] == "fields"


async def test_plex_is_down(
    hass: HomeAssistant,
    entry: MockConfigEntry,
    plex: PlexSimulator,
    stash: StashSimulator,
) -> None:
    """Say that nothing can be checked, check as soon as it can, and let people go on."""
    await plex.stop()
    result = await enter(hass, await start(hass, entry), url=stash.url)
    assert result["errors"] == {"base": "not_checked"}
    assert result["description_placeholders"] == {"found": "?", "total": "12"}
    assert suggested(result) == {"path_mappings": []}

    result = await enter(hass, result, path_mappings=NOTHING)
    assert result["errors"] == {"base": "not_checked"}
    await plex.start()
    folder = FILMS[0].path.partition("/")[0]
    one = [
        {"source": f"/media/films/{folder}", "plex": f"/data/films/{folder}"},
    ]
    result = await enter(hass, result, path_mappings=one)
    assert result["description_placeholders"] == FOUND | {"found": "1"}

    # Lost again: once that is told, going on is the owner's choice.
    await plex.stop()
    deeper = [{"source": "/media", "plex": "/data/films"}]
    result = await enter(hass, result, path_mappings=deeper)
    assert result["errors"] == {"base": "not_checked"}
    result = await enter(hass, result, path_mappings=deeper)
    assert result["step_id"] == "fields"


async def test_a_small_library(
    hass: HomeAssistant, entry: MockConfigEntry, stash: StashSimulator
) -> None:
    """Show no progress: its end could come before the page listens for it."""
    await hass.async_block_till_done()
    result = await start(hass, entry)
    result = await hass.config_entries.subentries.async_configure(
        result["flow_id"], {"url": stash.url}
    )
    assert result["type"] is FlowResultType.FORM
    assert result["step_id"] == "paths"


async def test_a_large_library(
    hass: HomeAssistant,
    entry: MockConfigEntry,
    plex: PlexSimulator,
    stash: StashSimulator,
) -> None:
    """Show that something goes on while Plex lists what it has; leaving ends it."""
    await hass.async_block_till_done()
    flows = hass.config_entries.subentries
    fault = plex.faults.add("blackhole", path="/library/sections/1/all")
    asked = plex.journal.count(path="/library/sections/1/all")
    result = await start(hass, entry)
    result = await flows.async_configure(result["flow_id"], {"url": stash.url})
    checked(result, "config_subentries", SUBENTRY_STASH)
    assert result["type"] is FlowResultType.SHOW_PROGRESS
    await until(
        hass, lambda: plex.journal.count(path="/library/sections/1/all") > asked
    )
    result = await flows.async_configure(result["flow_id"])
    assert result["type"] is FlowResultType.SHOW_PROGRESS
    flows.async_abort(result["flow_id"])
    plex.faults.remove(fault)


async def test_server_is_not_set_up(
    hass: HomeAssistant, plex: PlexSimulator, stash: StashSimulator
) -> None:
    """Add a source to a server that is switched off."""
    entry = add_entry(hass, plex)
    await hass.config_entries.async_set_disabled_by(
        entry.entry_id, ConfigEntryDisabler.USER
    )
    result = await enter(hass, await start(hass, entry), url=stash.url)
    assert result["errors"] == {"base": "not_checked"}
    result = await enter(hass, result)
    assert result["step_id"] == "fields"


async def test_fields(
    hass: HomeAssistant, entry: MockConfigEntry, stash: StashSimulator
) -> None:
    """Keep each field's behaviour, as the source and the engine read it."""
    result = await enter(hass, await start(hass, entry), url=stash.url)
    result = await enter(hass, result, path_mappings=MAPPING)
    await enter(
        hass,
        result,
        text={
            "title": "off",
            "summary": "fill",
            "date": "mirror",
            "user_rating": "off",
            "studio": "fill",
            "code_to": "tagline",
            "title_template": " {studio} {date} ",
            "content_rating": "XXX",
        },
        people={
            "actors": "mirror",
            "directors": "off",
            "gender": "female",
            "gender_only": True,
            "role": "alias",
        },
        tags={
            "genres": "fill",
            "labels": "mirror",
            "tag_collections": True,
            "tags_below": "Kind",
            "tags_without": ["Seen", " Seen ", ""],
            "tag_parents": True,
        },
        collections={
            "collections": "off",
            "studio_collection": True,
            "network_collection": True,
        },
        pictures={"poster": "off", "background": "fill"},
        scenes={
            "organized_only": True,
            "with_tags": ["One"],
            "without_tags": ["Two"],
            "only_studios": ["Three"],
            "without_studios": ["Four"],
            "min_rating": 7.5,
        },
        start="everything",
    )
    (subentry,) = entry.subentries.values()
    assert StashOptions.from_dict(subentry.data["fields"]) == StashOptions(
        fields=frozenset({"summary", "date", "studio", "actors", "genres", "labels"}),
        poster=False,
        background=True,
        title_template="{studio} {date}",
        content_rating="XXX",
        code_to="tagline",
        gender="female",
        gender_only=True,
        role="alias",
        tag_collections=True,
        tags_below="Kind",
        tags_without=("Seen",),
        tag_parents=True,
        studio_collection=True,
        network_collection=True,
        organized_only=True,
        with_tags=("One",),
        without_tags=("Two",),
        only_studios=("Three",),
        without_studios=("Four",),
        min_rating=7.5,
        fill_only=frozenset({"background", "genres", "studio", "summary"}),
    )
    assert subentry.data["start"] == "everything"
    await hass.async_block_till_done()


@pytest.mark.parametrize(
    ("section", "option", "value", "error"),
    [
        ("text", "title_template", "{studio} {year}", "invalid_template"),
        ("text", "title_template", "{studio", "invalid_template"),
        ("text", "title_template", "The same for all", "invalid_template"),
        ("text", "title_template", "{file}" + "x" * 200, "too_long"),
        ("text", "content_rating", "x" * 201, "too_long"),
        ("tags", "tags_without", ["x" * 201], "too_long"),
        ("scenes", "with_tags", [str(number) for number in range(101)], "too_long"),
    ],
)
async def test_unfit_options(
    hass: HomeAssistant,
    entry: MockConfigEntry,
    stash: StashSimulator,
    section: str,
    option: str,
    value: Any,
    error: str,
) -> None:
    """Refuse what could not be kept as it is; nothing that was entered is lost."""
    result = await enter(hass, await start(hass, entry), url=stash.url)
    result = await enter(hass, result, path_mappings=MAPPING)
    wrong = EMPTY | {section: {option: value}, "pictures": {"poster": "off"}}
    result = await enter(hass, result, **wrong)
    assert result["step_id"] == "fields"
    assert result["errors"] == {"base": error}
    shown = dict(result["data_schema"].schema)
    assert suggested({"data_schema": shown[section].schema})[option] == value
    assert suggested({"data_schema": shown["pictures"].schema})["poster"] == "off"
    result = await enter(hass, result, **EMPTY)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    await hass.async_block_till_done()


async def test_an_option_of_old_is_shown_and_kept(
    hass: HomeAssistant, entry: MockConfigEntry, stash: StashSimulator
) -> None:
    """The disambiguation as role was a switch of its own once."""
    number = await add(hass, entry, stash)
    old = StashOptions().as_dict() | {"disambiguation_as_role": True}
    del old["role"]
    hass.config_entries.async_update_subentry(
        entry,
        entry.subentries[number],
        data=entry.subentries[number].data | {"fields": old},
    )
    await hass.async_block_till_done()
    result = await reconfigure(hass, entry, number)
    result = await enter(hass, result, url=stash.url)
    result = await enter(hass, result, path_mappings=MAPPING)
    people = dict(result["data_schema"].schema)["people"]
    assert suggested({"data_schema": people.schema})["role"] == "disambiguation"
    await enter(hass, result, **FIELDS | {"people": {"role": "disambiguation"}})
    kept = entry.subentries[number].data["fields"]
    assert kept == StashOptions(role="disambiguation").as_dict()
    await hass.async_block_till_done()


def test_every_option_is_described() -> None:
    """Each that the form asks for has its place in the table of the options."""
    page = (Path(plexsync.__file__).parents[2] / "docs" / "stash.md").read_text("utf-8")
    asked = [
        str(option)
        for part in schema(with_start=False).schema.values()
        for option in part.schema.schema
        if str(option) not in FIELD_NAMES
    ]
    assert "min_rating" in asked
    assert [option for option in asked if f"`{option}`" not in page] == []


async def test_title_is_not_filled(
    hass: HomeAssistant, entry: MockConfigEntry, stash: StashSimulator
) -> None:
    """Offer no behaviour that would never do anything."""
    result = await enter(hass, await start(hass, entry), url=stash.url)
    result = await enter(hass, result, path_mappings=MAPPING)
    with pytest.raises(InvalidData):
        await enter(
            hass, result, **FIELDS | {"text": FIELDS["text"] | {"title": "fill"}}
        )


async def test_reconfigure(
    hass: HomeAssistant, entry: MockConfigEntry, stash: StashSimulator
) -> None:
    """Show what is stored, without the key, and change it."""
    stash.auth.api_key = "secret-key"
    number = await add(hass, entry, stash, api_key="secret-key")
    hass.config_entries.async_update_subentry(
        entry,
        entry.subentries[number],
        data=entry.subentries[number].data
        | {"fields": StashOptions(fill_only=frozenset({"genres"})).as_dict()},
    )
    await hass.async_block_till_done()

    result = await reconfigure(hass, entry, number)
    assert result["step_id"] == "reconfigure"
    assert suggested(result) == {"url": stash.url, "verify_ssl": True}
    result = await enter(hass, result, url=stash.url)
    assert result["description_placeholders"] == FOUND
    assert suggested(result) == {"path_mappings": MAPPING}
    result = await enter(hass, result, path_mappings=MAPPING)
    assert result["step_id"] == "fields"
    assert keys(result) == [*FIELDS, "poll_slowest"]
    sections = dict(result["data_schema"].schema)
    assert suggested({"data_schema": sections["tags"].schema})["genres"] == "fill"
    assert suggested({"data_schema": sections["people"].schema})["actors"] == "mirror"

    changed = FIELDS | {"scenes": {"organized_only": True}, "poll_slowest": 600.0}
    result = await enter(hass, result, **changed)
    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "reconfigure_successful"
    assert shown(entry.subentries[number].data) == DATA | {
        "url": stash.url,
        "api_key": "secret-key",
        "fields": StashOptions(organized_only=True).as_dict(),
        "poll_slowest": 600,
    }
    await hass.async_block_till_done()


async def test_reconfigure_drops_a_key_that_is_not_wanted_any_more(
    hass: HomeAssistant, entry: MockConfigEntry, stash: StashSimulator
) -> None:
    """Go on without the stored key where Stash has lost its password."""
    stash.auth.api_key = "secret-key"
    number = await add(hass, entry, stash, api_key="secret-key")
    stash.auth.api_key = None
    result = await reconfigure(hass, entry, number)
    result = await enter(hass, result, url=stash.url)
    result = await enter(hass, result, path_mappings=MAPPING)
    await enter(hass, result, **FIELDS)
    assert shown(entry.subentries[number].data) == DATA | {"url": stash.url}
    await hass.async_block_till_done()


async def test_reconfigure_that_changes_nothing_asks_at_once(
    hass: HomeAssistant, entry: MockConfigEntry, stash: StashSimulator
) -> None:
    """Whoever mended the Stash itself does not wait until its turn comes again."""
    number = await add(hass, entry, stash)
    runner = entry.runtime_data.runners[number]
    await until(hass, lambda: runner.connected)
    stash.auth.api_key = "secret-key"
    runner._failures = 20  # noqa: SLF001  # then it takes minutes
    runner.hurry()
    await until(hass, lambda: runner.fault == "unauthorized")
    stash.auth.api_key = None
    result = await reconfigure(hass, entry, number)
    result = await enter(hass, result, url=stash.url)
    result = await enter(hass, result, path_mappings=MAPPING)
    result = await enter(hass, result, **FIELDS)
    assert result["reason"] == "reconfigure_successful"
    await until(hass, lambda: runner.connected)


async def test_reconfigure_moves(
    hass: HomeAssistant, entry: MockConfigEntry, stash: StashSimulator
) -> None:
    """Follow a Stash to another address, but not to that of another source."""
    number = await add(hass, entry, stash)
    async with StashSimulator(stash.core) as moved:
        result = await reconfigure(hass, entry, number)
        result = await enter(hass, result, url=moved.url)
        result = await enter(hass, result, path_mappings=MAPPING)
        result = await enter(hass, result, **FIELDS)
        assert result["reason"] == "reconfigure_successful"
        subentry = entry.subentries[number]
        assert subentry.unique_id == subentry.data["url"] == moved.url
        await hass.async_block_till_done()

        core = StashCore(clock=lambda: time.time() - 86_400)
        load_films(core, films=FILMS[:12])
        async with StashSimulator(core) as other:
            second = await add(hass, entry, other)
            result = await reconfigure(hass, entry, second)
            result = await enter(hass, result, url=moved.url)
            assert result["reason"] == "already_configured"
            # Nor by another name of it.
            result = await reconfigure(hass, entry, second)
            result = await enter(hass, result, url=stash.url)
            assert result["reason"] == "same_stash"
            # Nobody knocks while it closes.
            assert await hass.config_entries.async_unload(entry.entry_id)
        core.close()


async def test_reconfigure_keeps_a_name(
    hass: HomeAssistant, entry: MockConfigEntry, stash: StashSimulator
) -> None:
    """Leave a title alone that somebody chose."""
    number = await add(hass, entry, stash)
    hass.config_entries.async_update_subentry(
        entry, entry.subentries[number], title="Films"
    )
    await hass.async_block_till_done()
    result = await reconfigure(hass, entry, number)
    result = await enter(hass, result, url=stash.url)
    result = await enter(hass, result, path_mappings=MAPPING)
    await enter(hass, result, **FIELDS)
    assert entry.subentries[number].title == "Films"
    await hass.async_block_till_done()
