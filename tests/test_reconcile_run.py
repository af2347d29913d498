"""One run at a time compares all sources with Plex, whoever starts and stops it."""

import asyncio

from homeassistant.core import HomeAssistant

from custom_components.plexsync.actions.shared_plan import compute_plan
from custom_components.plexsync.const import CONF_FIELDS, CONF_START, START_PREVIEW
from custom_components.plexsync.reconcile_run import ReconcileRun
from custom_components.plexsync.sources.stash.options import StashOptions
from tests.home import SOURCE, call, make_entry, set_up, stash_subentry, until
from tests.simulators.plex import PlexSimulator
from tests.simulators.stash import Kind, StashSimulator


async def test_a_run_that_is_slow_to_stop_is_followed_by_the_one_asked_for(
    hass: HomeAssistant, plex: PlexSimulator, stash: StashSimulator
) -> None:
    """The new one neither runs beside it nor is forgotten."""
    entry = await set_up(hass, make_entry(plex, stash_subentry(stash)))
    looked, stopped = list[str](), asyncio.Event()

    async def look(source: str) -> None:
        looked.append(source)
        if len(looked) == 1:
            try:
                await asyncio.Event().wait()
            finally:
                await stopped.wait()

    run = ReconcileRun(entry.runtime_data.host, look)
    run.start()
    await until(hass, lambda: looked)
    await run.start_anew()  # it waits for some seconds, and no longer
    assert run.running
    assert looked == [SOURCE]
    stopped.set()
    await until(hass, lambda: len(looked) == 2)
    await run.over()
    assert (await run.answer(0))["status"] == "finished"


async def test_a_plan_that_is_asked_for_while_a_run_ends_is_made_after_it(
    hass: HomeAssistant, plex: PlexSimulator, stash: StashSimulator
) -> None:
    """Nothing tells the review page to ask again."""
    coordinator = (
        await set_up(hass, make_entry(plex, stash_subentry(stash)))
    ).runtime_data
    looked, stopped = list[str](), asyncio.Event()

    async def look(source: str) -> None:
        looked.append(source)
        try:
            await asyncio.Event().wait()
        finally:
            await stopped.wait()

    coordinator.reconcile = run = ReconcileRun(coordinator.host, look)
    run.start()
    await until(hass, lambda: looked)
    await run.cancel()
    answer = await compute_plan(coordinator, {"source": SOURCE})
    assert (answer["scope"], answer.get("next")) == ("all", "plan")
    stopped.set()
    await until(hass, lambda: run.scope != "all")
    await run.over()
    answer = await run.answer(0)
    assert (answer["status"], answer["scope"]) == ("finished", "plan")


async def test_what_waits_of_a_scene_that_passes_no_longer_is_dropped(
    hass: HomeAssistant, plex: PlexSimulator, stash: StashSimulator
) -> None:
    """Merged tags move no time in Stash, so a comparison is the first to see it."""
    fields = StashOptions(without_tags=("private",)).as_dict()
    first, second = stash.core.scene_ids()[:2]
    stash.core.edit_scene(first, tags=["friends"])
    stash.core.ensure(Kind.TAG, "private")
    subentry = stash_subentry(stash, **{CONF_FIELDS: fields, CONF_START: START_PREVIEW})
    coordinator = (await set_up(hass, make_entry(plex, subentry))).runtime_data
    await coordinator.runners[SOURCE].caught_up.wait()
    stash.core.merge_tags(["friends"], "private")

    async def waits() -> set[str]:
        jobs = await call(hass, "get_jobs", limit=100)
        return {job["key"] for job in jobs["jobs"]}

    assert f"scene:{first}" in await waits()
    for scope in ("plan", "all"):
        coordinator.reconcile.start(scope)
        await coordinator.reconcile.over()
        assert (f"scene:{first}" in await waits()) is (scope == "plan")
    assert f"scene:{second}" in await waits()
