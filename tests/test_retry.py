"""Failed jobs of a Stash, taken up again on Home Assistant: by hand and by itself."""

import asyncio
import time
from typing import Any

from homeassistant.core import HomeAssistant
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.plexsync.const import (
    CONF_FIELDS,
    CONF_LIBRARIES,
    CONF_PATH_MAPPINGS,
    CONF_STALE_AFTER,
    CONF_START,
    START_EVERYTHING,
    START_PREVIEW,
)
from custom_components.plexsync.engine.model.holds import SourceHold
from tests.home import (
    PLEX_ROOT,
    SOURCE,
    STASH_ROOT,
    call,
    make_entry,
    set_up,
    stash_subentry,
    state_of,
    until,
    until_state,
)
from tests.rig import WITHIN
from tests.simulators.films import FILMS
from tests.simulators.plex import PlexSimulator
from tests.simulators.stash import StashCore, StashSimulator, load_films

PATH = f"{PLEX_ROOT}/{FILMS[0].path}"
ALL = 12
NOWHERE = [{"source": STASH_ROOT, "plex": "/nowhere"}]


async def _failed(hass: HomeAssistant) -> list[dict[str, Any]]:
    jobs: list[dict[str, Any]] = (await call(hass, "get_jobs", state="failed"))["jobs"]
    return jobs


async def _skipped(entry: MockConfigEntry, number: int) -> None:
    """Wait until so many records have nothing to write to."""
    async with asyncio.timeout(WITHIN):
        while (await entry.runtime_data.engine.snapshot()).skipped != {
            "outside_libraries": number
        }:
            await asyncio.sleep(0.05)


async def _one_failed(
    hass: HomeAssistant, plex: PlexSimulator, stash: StashSimulator
) -> int:
    """Let the job of the first film fail, as Plex rejects it until then; give its scene."""
    rating_key = plex.core.find(PATH).rating_key
    rule = plex.faults.add("status", code=400, method="PUT", rating_key=rating_key)
    await set_up(
        hass,
        make_entry(
            plex,
            stash_subentry(stash, **{CONF_FIELDS: {"poster": False}}),
        ),
    )
    await until_state(hass, "sensor", "synced", str(ALL - 1))
    await until_state(hass, "sensor", "failed", "1")
    plex.faults.remove(rule)
    (job,) = await _failed(hass)
    assert (job["reason"], job["paths"]) == ("bad_request", [PATH])
    return int(job["key"].removeprefix("scene:"))


def _change(hass: HomeAssistant, entry: MockConfigEntry, **changes: Any) -> None:
    """Change what the source's subentry holds, as its flow does."""
    subentry = entry.subentries[SOURCE]
    hass.config_entries.async_update_subentry(
        entry, subentry, data=dict(subentry.data) | changes
    )


# By hand


async def test_a_retry_writes_what_stash_says_now(
    hass: HomeAssistant, plex: PlexSimulator, stash: StashSimulator
) -> None:
    """A title that was mended in Stash, before the next look at it."""
    scene = await _one_failed(hass, plex, stash)
    stash.faults.blackhole(match="Changed")
    stash.core.edit_scene(scene, title="Mended")
    answer = await call(hass, "retry_failed")
    assert answer == {"retried": 1, "refreshed": 1, "stale": 0, "withdrawn": 0}
    await until_state(hass, "sensor", "synced", str(ALL))
    assert plex.core.find(PATH).title == "Mended"
    assert state_of(hass, "sensor", "failed").state == "0"


async def test_a_retry_while_stash_is_down_writes_what_is_on_disk(
    hass: HomeAssistant, plex: PlexSimulator, stash: StashSimulator
) -> None:
    """And says so."""
    scene = await _one_failed(hass, plex, stash)
    stash.core.edit_scene(scene, title="Mended")
    await stash.stop()
    answer = await call(hass, "retry_failed", reason="bad_request")
    assert answer == {"retried": 1, "refreshed": 0, "stale": 1, "withdrawn": 0}
    await until_state(hass, "sensor", "synced", str(ALL))
    assert plex.core.find(PATH).title == FILMS[0].title


async def test_a_scene_that_is_gone_stays_failed_until_discarded(
    hass: HomeAssistant, plex: PlexSimulator, stash: StashSimulator
) -> None:
    """Nothing is written for it, and nothing disappears in silence."""
    scene = await _one_failed(hass, plex, stash)
    stash.core.delete_scene(scene)
    answer = await call(hass, "retry_failed")
    assert answer == {"retried": 0, "refreshed": 0, "stale": 0, "withdrawn": 1}
    (job,) = await _failed(hass)
    assert job["reason"] == "gone"
    assert await call(hass, "discard_failed", reason="gone") == {"discarded": 1}


# By itself, once the settings changed


@pytest.mark.parametrize("start", [START_EVERYTHING, START_PREVIEW])
async def test_a_mended_path_mapping_reaches_the_jobs(
    hass: HomeAssistant, plex: PlexSimulator, stash: StashSimulator, start: str
) -> None:
    """Those that failed of it, and those that nobody has tried yet."""
    entry = make_entry(
        plex,
        stash_subentry(stash, **{CONF_PATH_MAPPINGS: NOWHERE, CONF_START: start}),
    )
    await set_up(hass, entry)
    held = start == START_PREVIEW
    if held:
        await until_state(hass, "sensor", "pending", str(ALL))
    else:
        await _skipped(entry, ALL)
    mended = [{"source": STASH_ROOT, "plex": PLEX_ROOT}]
    _change(hass, entry, **{CONF_PATH_MAPPINGS: mended})
    await hass.async_block_till_done()
    if held:
        await entry.runtime_data.runners[SOURCE].caught_up.wait()
        holds = entry.runtime_data.engine.source_holds
        await until(hass, lambda: holds.of(SOURCE).get(SourceHold.FIRST_PLAN))
        assert holds.of(SOURCE)[SourceHold.FIRST_PLAN]["differs"] == ALL
        await holds.lift(SOURCE, SourceHold.FIRST_PLAN)
    await until_state(hass, "sensor", "synced", str(ALL))
    assert plex.core.find(PATH).title == FILMS[0].title


async def test_scenes_that_the_settings_left_out_come_in(
    hass: HomeAssistant, plex: PlexSimulator, socket_enabled: None
) -> None:
    """They have no job, and are not what changed last in Stash: it is read anew."""
    age = 86_400.0
    core = StashCore(clock=lambda: time.time() - age)
    load_films(core, films=FILMS[:ALL])
    core.edit_scene(1, organized=False)
    age = 3600.0
    core.edit_scene(2, organized=True)
    age = 0.0
    async with StashSimulator(core) as stash:
        left_out = stash_subentry(stash, **{CONF_FIELDS: {"organized_only": True}})
        entry = await set_up(hass, make_entry(plex, left_out))
        await until_state(hass, "sensor", "synced", str(ALL - 1))
        _change(hass, entry, **{CONF_FIELDS: {}})
        await until_state(hass, "sensor", "synced", str(ALL))
        assert await hass.config_entries.async_unload(entry.entry_id)
    core.close()


async def test_another_choice_of_libraries_retries_what_lay_outside(
    hass: HomeAssistant, plex: PlexSimulator, stash: StashSimulator
) -> None:
    """Whether a source or an action said it."""
    films, series = (section.uuid for section in plex.core.sections.values())
    entry = make_entry(plex, stash_subentry(stash), **{CONF_LIBRARIES: [series]})
    await set_up(hass, entry)
    await call(hass, "sync_item", path=PATH, fields={"tagline": "Asked for."})
    await _skipped(entry, ALL + 1)
    hass.config_entries.async_update_entry(
        entry, data={**entry.data, CONF_LIBRARIES: [films, series]}
    )
    await until_state(hass, "sensor", "synced", str(ALL + 1))
    assert plex.core.find(PATH).value("tagline") == "Asked for."
    assert state_of(hass, "sensor", "failed").state == "0"


async def test_settings_that_explain_nothing_retry_nothing(
    hass: HomeAssistant, plex: PlexSimulator, stash: StashSimulator
) -> None:
    """Nor does a reload without any change."""
    await _one_failed(hass, plex, stash)
    (entry,) = hass.config_entries.async_entries("plexsync")
    hass.config_entries.async_update_entry(entry, options={CONF_STALE_AFTER: 7})
    await hass.async_block_till_done()
    await entry.runtime_data.runners[SOURCE].caught_up.wait()
    (job,) = await _failed(hass)
    assert job["history"]["retries"] == 0


async def test_a_field_that_is_switched_off_lets_its_job_through(
    hass: HomeAssistant, plex: PlexSimulator, stash: StashSimulator
) -> None:
    """The picture was what Plex would not take."""
    rating_key = plex.core.find(PATH).rating_key
    plex.faults.add("status", code=413, path=f"/library/metadata/{rating_key}/posters")
    entry = make_entry(plex, stash_subentry(stash))
    await set_up(hass, entry)
    await until_state(hass, "sensor", "failed", "1")
    (job,) = await _failed(hass)
    assert job["reason"] == "too_large"
    _change(hass, entry, **{CONF_FIELDS: {"poster": False}})
    await until_state(hass, "sensor", "failed", "0")
    await until_state(hass, "sensor", "pending", "0")
