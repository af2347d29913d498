"""A Plex that was installed anew takes the place of the old one, once the owner says so."""

from collections.abc import AsyncIterator

from homeassistant.config_entries import ConfigFlowResult
from homeassistant.const import CONF_URL
from homeassistant.core import HomeAssistant
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.plexsync.const import CONF_LIBRARIES, CONF_MACHINE_ID
from custom_components.plexsync.engine.model.holds import Hold
from custom_components.plexsync.plex.library import Library
from custom_components.plexsync.takeover import preset
from tests.flows import access, add_entry, checked, enter, reconfigure, start, uuids
from tests.home import call, make_entry, set_up, stash_subentry, until, until_state
from tests.repair_flows import answer, begin, issue
from tests.simulators.films import FILMS
from tests.simulators.plex import PlexCore, PlexSimulator, from_films
from tests.simulators.stash import StashSimulator

WRONG = "wrong_server_01ENTRY"


@pytest.fixture
async def anew(socket_enabled: None) -> AsyncIterator[PlexSimulator]:
    """Give a Plex that was installed anew: other keys and uuids, the same files."""
    core = PlexCore(machine_identifier="sim0002", seed=7)
    core.identity.friendly_name = "Cellar, new"
    async with PlexSimulator(core) as simulator:
        core.add_section("Series", "show")
        # The last film comes first, so that old keys are other films' now.
        films = [{"path": film.path} for film in reversed(FILMS[:12])]
        from_films(core, films)
        yield simulator


async def settled(hass: HomeAssistant, synced: int) -> None:
    """Wait until so many jobs are done, and none waits."""
    await until_state(hass, "sensor", "synced", str(synced))
    await until_state(hass, "sensor", "pending", "0")


def titles(plex: PlexSimulator) -> dict[str, str]:
    """Give the summary that each file shows."""
    return {
        item.files[0]: str(item.value("summary"))
        for item in plex.core.items.values()
        if item.files
    }


async def test_a_new_machine_at_a_new_address(
    hass: HomeAssistant,
    plex: PlexSimulator,
    anew: PlexSimulator,
    stash: StashSimulator,
) -> None:
    """Ask, preset the libraries, keep what is known by file, and write everything again."""
    entry = await set_up(hass, make_entry(plex, stash_subentry(stash)))
    await settled(hass, 12)
    before = titles(plex)
    keys = {item.files[0]: key for key, item in plex.core.items.items() if item.files}
    there = {item.files[0]: key for key, item in anew.core.items.items() if item.files}
    moved = {file for file, key in keys.items() if there[file] != key}
    assert moved  # else this test shows nothing
    await plex.stop()

    result = await reconfigure(hass, entry, "address")
    result = await enter(hass, result, **access(anew))
    assert result["step_id"] == "another_server"
    assert result["menu_options"] == ["take_over", "reconfigure"]
    assert result["description_placeholders"] == {
        "server": "Cellar",
        "other": "Cellar, new",
    }
    result = await enter(hass, result, next_step_id="take_over")
    (marker,) = result["data_schema"].schema
    assert marker.default() == _films(anew)
    result = await enter(hass, result, libraries=marker.default())
    assert result["reason"] == "reconfigure_successful"
    assert entry.unique_id == entry.data[CONF_MACHINE_ID] == "sim0002"
    assert entry.data[CONF_URL] == anew.url
    assert entry.data[CONF_LIBRARIES] == _films(anew)

    await until(hass, lambda: titles(anew) == before)
    await settled(hass, 24)
    assert anew.whole_section_edits == 0
    # The ledger went along with the files: what we wrote can be undone there.
    items, _, _ = await entry.runtime_data.engine.undo_runs.undo_since(0.0)
    assert items == 12


def _films(plex: PlexSimulator) -> list[str]:
    return [
        section.uuid
        for section in plex.core.sections.values()
        if section.title == "Films"
    ]


async def test_a_new_machine_at_the_same_address(
    hass: HomeAssistant, plex: PlexSimulator
) -> None:
    """Lead from the repair to the question, and end the repair with the answer."""
    entry = await set_up(hass, make_entry(plex))
    path = next(iter(plex.core.items.values())).files[0]
    plex.core.identity.machine_identifier = "sim0002"
    await call(hass, "sync_item", path=path, fields={"summary": "x"})
    await until(hass, lambda: issue(hass, WRONG))

    result = await answer(hass, await begin(hass, WRONG))
    flow_id = result["next_flow"][1]
    asked = await hass.config_entries.flow.async_configure(flow_id)
    assert checked(asked, "config")["step_id"] == "another_server"
    asked = await enter(hass, asked, next_step_id="take_over")
    asked = await enter(hass, asked, libraries=uuids(plex)[:1])
    assert asked["reason"] == "reconfigure_successful"
    await until(hass, lambda: not issue(hass, WRONG))
    await until(hass, lambda: plex.core.find(path).value("summary") == "x")
    assert entry.unique_id == "sim0002"


async def test_the_repair_of_a_machine_that_is_set_up_already(
    hass: HomeAssistant, plex: PlexSimulator
) -> None:
    """Say so: to try again in a moment would not help."""
    await set_up(hass, make_entry(plex))
    path = next(iter(plex.core.items.values())).files[0]
    plex.core.identity.machine_identifier = "sim0002"
    await call(hass, "sync_item", path=path, fields={"summary": "x"})
    await until(hass, lambda: issue(hass, WRONG))
    add_entry(hass, plex)
    result = await answer(hass, await begin(hass, WRONG))
    assert result["reason"] == "already_configured"
    assert issue(hass, WRONG)


async def test_the_right_machine_is_back_meanwhile(
    hass: HomeAssistant, plex: PlexSimulator
) -> None:
    """Go on with it at once."""
    entry = await set_up(hass, make_entry(plex))
    path = next(iter(plex.core.items.values())).files[0]
    plex.core.identity.machine_identifier = "sim0002"
    await call(hass, "sync_item", path=path, fields={"summary": "x"})
    await until(hass, lambda: issue(hass, WRONG))
    plex.core.identity.machine_identifier = "sim0001"
    result = await answer(hass, await begin(hass, WRONG))
    asked: ConfigFlowResult = await hass.config_entries.flow.async_configure(
        result["next_flow"][1]
    )
    assert asked["step_id"] == "libraries"
    await enter(hass, asked, libraries=uuids(plex)[:1])
    await until(hass, lambda: plex.core.find(path).value("summary") == "x")
    assert Hold.WRONG_SERVER not in entry.runtime_data.engine.circuit.holds


async def test_it_is_another_one_after_all(
    hass: HomeAssistant, plex: PlexSimulator, anew: PlexSimulator
) -> None:
    """Let the address be corrected, and change nothing before."""
    entry = add_entry(hass, plex)
    before = dict(entry.data)
    result = await reconfigure(hass, entry, "address")
    result = await enter(hass, result, **access(anew))
    result = await enter(hass, result, next_step_id="reconfigure")
    assert result["step_id"] == "reconfigure"
    result = await enter(hass, result, next_step_id="address")
    result = await enter(hass, result, **access(plex))
    assert result["step_id"] == "libraries"
    assert entry.data == before


async def test_a_machine_that_is_set_up_already(
    hass: HomeAssistant, plex: PlexSimulator, anew: PlexSimulator
) -> None:
    """Let no entry have another one's server."""
    entry = add_entry(hass, plex)
    MockConfigEntry(domain="plexsync", unique_id="sim0002").add_to_hass(hass)
    result = await reconfigure(hass, entry, "address")
    result = await enter(hass, result, **access(anew))
    assert result["reason"] == "already_configured"


async def test_a_machine_that_is_set_up_meanwhile(
    hass: HomeAssistant, plex: PlexSimulator, anew: PlexSimulator
) -> None:
    """By another window: the entry that got it stays as it is, and no other one gets it."""

    async def take_over(entry: MockConfigEntry) -> ConfigFlowResult:
        result = await reconfigure(hass, entry, "address")
        result = await enter(hass, result, **access(anew))
        return await enter(hass, result, next_step_id="take_over")

    first, second = add_entry(hass, plex), add_entry(hass, plex)
    hass.config_entries.async_update_entry(second, unique_id="sim0003")
    adding = await enter(hass, await start(hass, "manual"), **access(anew))
    taking = [await take_over(each) for each in (first, second)]
    reasons = [
        (await enter(hass, each, libraries=_films(anew))).get("reason")
        for each in (*taking, adding)
    ]
    assert reasons == ["reconfigure_successful", *["already_configured"] * 2]
    assert len(hass.config_entries.async_entries("plexsync")) == 2
    assert (first.unique_id, second.unique_id) == ("sim0002", "sim0003")


async def test_what_knows_only_a_key_is_written_nowhere(
    hass: HomeAssistant, plex: PlexSimulator, anew: PlexSimulator
) -> None:
    """The key is another film's on the new machine."""
    entry = await set_up(hass, make_entry(plex))
    await plex.stop()
    key = next(iter(plex.core.items))
    await call(hass, "sync_item", rating_key=str(key), fields={"summary": "wrong"})
    result = await reconfigure(hass, entry, "address")
    result = await enter(hass, result, **access(anew))
    result = await enter(hass, result, next_step_id="take_over")
    await enter(hass, result, libraries=_films(anew))
    await hass.async_block_till_done()

    async def reasons() -> set[str]:
        jobs = (await call(hass, "get_jobs"))["jobs"]
        return {str(job["reason"]) for job in jobs}

    path = next(iter(anew.core.items.values())).files[0]
    await call(hass, "sync_item", path=path, fields={"summary": "right"}, wait=10)
    await until_state(hass, "sensor", "synced", "1")
    assert "wrong" not in titles(anew).values()
    assert await reasons() <= {"not_found", "None"}


def library(uuid: str, title: str, *folders: str, kind: str = "movie") -> Library:
    """Describe a library."""
    return Library("1", uuid, kind, title, folders, 0)


@pytest.mark.parametrize(
    ("known", "there", "chosen"),
    [
        # By folder, whatever it is called now.
        (
            [library("a", "Films", "/data/films")],
            [library("x", "Kino", "/data/films/")],
            "x",
        ),
        # By title, where the folder is another one.
        (
            [library("a", "Films", "/data/films")],
            [library("x", "Films", "/films")],
            "x",
        ),
        # The folder tells more than the title.
        (
            [library("a", "Films", "/data/films")],
            [library("x", "Films", "/other"), library("y", "Kino", "/data/films")],
            "y",
        ),
        # The database was taken along.
        (
            [library("a", "Films", "/data/films")],
            [library("a", "Films", "/films")],
            "a",
        ),
        # Of another type it is another one.
        ([library("a", "Films", "/d")], [library("x", "Films", "/d", kind="show")], ""),
        # Nothing is known of it.
        ([], [library("x", "Films", "/d")], ""),
        ([library("b", "Films", "/d")], [library("x", "Films", "/d")], ""),
    ],
)
def test_which_libraries_are_preset(
    known: list[Library], there: list[Library], chosen: str
) -> None:
    """Preset what stands for a chosen library, and nothing by guess."""
    assert "".join(preset(["a"], known, there)) == chosen
