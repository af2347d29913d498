"""The jobs of a Stash: what runs, and what has ended since the last look."""

import pytest

from custom_components.plexsync.sources.stash import StashSource
from custom_components.plexsync.sources.stash_jobs import StashJobs
from tests.simulators.stash import StashCore, StashSimulator

from .conftest import Clock, Reader
from .test_stash_changes import VERSIONS


@pytest.mark.parametrize(
    ("description", "kind"),
    [
        ("Scanning...", "scan"),
        ("Generating...", "generate"),
        ("Auto-tagging...", "auto_tag"),
        ("Cleaning...", "clean"),
        ("Cleaning generated files...", "other"),
        ("Identifying...", "identify"),
        ("Importing...", "import"),
        ("Optimising database...", "other"),
        ("Running plugin task: scanning for words", "other"),
        ("", "other"),
        (None, "other"),
    ],
)
def test_kinds(description: str | None, kind: str) -> None:
    """Stash tells of what kind a job is in a sentence only."""
    jobs = StashJobs()
    jobs.see([{"id": "7", "status": "RUNNING", "description": description}], None)
    assert jobs.busy
    jobs.see(None, None)
    assert not jobs.busy
    assert jobs.ended == {kind}


@pytest.mark.parametrize("version", VERSIONS)
async def test_a_job_that_runs_and_ends(
    version: str, stash: StashSimulator, source: StashSource
) -> None:
    """In every version; and told once."""
    stash.set_version(version)
    reader = Reader(source)
    await reader.read()
    assert not source.busy
    job = stash.jobs.start("Cleaning...")
    await reader.read()
    assert source.busy
    assert not source.jobs_ended()
    stash.jobs.finish(job)
    await reader.read()
    assert not source.busy
    assert source.jobs_ended() == {"clean"}
    await reader.read()
    assert not source.jobs_ended()


async def test_a_job_between_two_looks(
    stash: StashSimulator, source: StashSource
) -> None:
    """It is found by the id that it must have had; several come one after the other."""
    reader = Reader(source)
    await reader.read()
    await reader.read()
    stash.jobs.finish(stash.jobs.start("Importing..."), status="FAILED", error="no")
    stash.jobs.finish(stash.jobs.start("Scanning..."), status="CANCELLED")
    await reader.read()
    assert source.jobs_ended() == {"import"}
    await reader.read()
    assert source.jobs_ended() == {"scan"}
    await reader.read()
    assert not source.jobs_ended()


async def test_what_was_over_before_the_first_look(
    stash: StashSimulator, source: StashSource
) -> None:
    """Nobody knows for how long; those that follow count."""
    for _ in range(3):
        stash.jobs.finish(stash.jobs.start("Scanning..."))
    reader = Reader(source)
    for _ in range(5):
        await reader.read()
    assert not source.jobs_ended()
    stash.jobs.finish(stash.jobs.start("Scanning..."))
    await reader.read()
    assert source.jobs_ended() == {"scan"}


def test_a_stash_that_was_started_again() -> None:
    """Ids count from one again; the job that it broke off has ended."""
    jobs = StashJobs()
    jobs.see([{"id": "57", "status": "RUNNING", "description": "Scanning..."}], None)
    assert jobs.next == "58"
    jobs.see([{"id": "1", "status": "READY", "description": "Cleaning..."}], None)
    assert jobs.ended == {"scan"}
    assert jobs.next == "2"


def test_a_long_job_beside_short_ones() -> None:
    """An older job that still runs is no sign of a start."""
    jobs = StashJobs()
    long = {"id": "3", "status": "RUNNING", "description": "Generating..."}
    jobs.see([long], None)
    for number in ("4", "5"):
        assert jobs.next == number
        over = {"id": number, "status": "FINISHED", "description": "Scanning..."}
        jobs.see([long], over)
        assert jobs.ended == {"scan"}
        jobs.ended.clear()
    jobs.see([long], None)
    assert (jobs.next, jobs.ended, jobs.busy) == ("6", set(), True)


async def test_a_stash_without_a_queue(
    core: StashCore,
    clock: Clock,
    stash: StashSimulator,
    source: StashSource,
) -> None:
    """Where the queue is what fails, each kind is asked for without it."""
    scene = core.add_scene("/data/1.mkv", title="Old")
    reader = Reader(source)
    await reader.read()
    stash.faults.status(200, '{"errors":[{"message":"no"}]}', match="jobQueue")
    clock.tick()
    core.edit_scene(scene, title="New")
    assert len(await reader.read()) == 1
    assert not source.busy
