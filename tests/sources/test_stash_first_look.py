"""A first look at a Stash: which one it is, and some of its files."""

from datetime import timedelta

import aiohttp
import pytest

from custom_components.plexsync.engine.model.faults import Fault
from custom_components.plexsync.sources.stash.client import StashClient
from custom_components.plexsync.sources.stash.first_look import first_look
from tests.simulators.stash import StashCore, StashSimulator

from .conftest import Clock


@pytest.fixture
def client(session: aiohttp.ClientSession, stash: StashSimulator) -> StashClient:
    """Give what speaks to the simulated Stash."""
    return StashClient(session, stash.url)


async def test_files_as_stash_names_them(client: StashClient, core: StashCore) -> None:
    """All files of a scene; one without any tells nothing."""
    core.add_scene("/data/a.mkv", more_paths=["/data/b.mkv"])
    core.add_scene("/elsewhere/c.mkv")
    core.add_scene(None)
    look = await first_look(client)
    assert look.files == ("/data/a.mkv", "/data/b.mkv", "/elsewhere/c.mkv")


async def test_files_from_all_over(
    client: StashClient, core: StashCore, stash: StashSimulator
) -> None:
    """A folder that came late is among the samples; four small questions do."""
    with core.store.transaction():
        for number in range(4000):
            folder = "early" if number < 3000 else "late"
            core.add_scene(f"/{folder}/{number}.mkv")
    look = await first_look(client)
    assert len(look.files) == 50
    assert {path.split("/")[1] for path in look.files} == {"early", "late"}
    assert stash.journal.count() == 4
    assert stash.journal.count("Scenes") == 0


async def test_an_empty_stash(client: StashClient) -> None:
    """There is nothing to know it by."""
    look = await first_look(client)
    assert (look.files, look.marks) == ((), ())


@pytest.mark.parametrize("version", ["0.24.0", "0.27.2", "0.30.1", "0.31.0"])
async def test_marks_outlive_what_changes(
    client: StashClient,
    core: StashCore,
    stash: StashSimulator,
    clock: Clock,
    version: str,
) -> None:
    """Another version, zone, name; files that move; scenes that come and go."""
    ids = [core.add_scene(f"/data/{number}.mkv") for number in range(9)]
    before = set((await first_look(client)).marks)
    stash.set_version(version)
    core.set_zone(timedelta(hours=-8))
    for scene in ids[:4]:
        core.delete_scene(scene)
    core.edit_scene(ids[4], title="Other")
    core.add_scene("/data/new.mkv")
    assert before & set((await first_look(client)).marks)


async def test_a_scene_that_cannot_be_read(
    client: StashClient, core: StashCore
) -> None:
    """It hides the others' files no more than it hides their records."""
    ids = [core.add_scene(f"/data/{number}.mkv") for number in range(12)]
    core.sick[ids[1]] = "row"
    look = await first_look(client)
    assert len(look.files) == 11


async def test_not_ready(client: StashClient, stash: StashSimulator) -> None:
    """Say what it waits for."""
    stash.status = "NEEDS_MIGRATION"
    with pytest.raises(Fault) as caught:
        await first_look(client)
    assert caught.value.reason == "needs_migration"
