"""The jobs of a Stash: what runs, and what has ended since the last look."""

import pytest

from custom_components.plexsync.sources.stash.jobs import StashJobs
from custom_components.plexsync.sources.stash.stash import StashSource
from tests.simulators.stash import StashCore, StashSimulator

from .conftest import Clock, Reader
from .test_stash_changes import VERSIONS


def job(
    number: int, description: str | None, status: str = "RUNNING", life: int = 1
) -> dict[str, str | None]:
    """Tell of a job as Stash does; each life of it has times of its own."""
    added = f"2024-05-{life:02}T12:00:{number:02}.123456789Z"
    return {
        "id": str(number),
        "status": status,
        "description": description,
        "addTime": added,
    }


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
    jobs.see([job(7, description)], None, None)
    assert jobs.busy
    jobs.see(None, job(7, description, "FINISHED"), None)
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
    jobs.see([job(57, "Scanning...")], None, None)
    assert (jobs.last, jobs.next) == ("57", "58")
    jobs.see([job(1, "Cleaning...", life=2)], None, None)
    assert jobs.ended == {"scan", "other"}
    assert (jobs.last, jobs.next, jobs.busy) == ("0", "1", True)
    jobs.see([job(1, "Cleaning...", life=2)], None, job(1, "Cleaning...", life=2))
    assert (jobs.last, jobs.next, jobs.busy) == ("1", "2", True)


@pytest.mark.parametrize("before", [1, 5])
@pytest.mark.parametrize("after", [1, 2])
async def test_jobs_just_after_a_start(
    before: int, after: int, clock: Clock, stash: StashSimulator, source: StashSource
) -> None:
    """They are found although they came and went between two looks."""
    reader = Reader(source)
    for _ in range(before):
        stash.jobs.finish(stash.jobs.start("Scanning..."))
    for _ in range(before + 1):
        await reader.read()
    assert not source.jobs_ended()
    clock.tick()
    stash.jobs.forget()
    for _ in range(after):
        stash.jobs.finish(stash.jobs.start("Importing..."))
    await reader.read()
    assert source.jobs_ended() == {"other"}, "It has to look again soon."
    for _ in range(after):
        await reader.read()
        assert source.jobs_ended() == {"import"}
    await reader.read()
    assert not source.jobs_ended()


async def test_more_jobs_than_are_remembered(
    stash: StashSimulator, source: StashSource
) -> None:
    """Something has ended, that is all there is to know; later ones are followed."""
    reader = Reader(source)
    stash.jobs.finish(stash.jobs.start("Scanning..."))
    await reader.read()
    await reader.read()
    for _ in range(12):
        stash.jobs.finish(stash.jobs.start("Scanning..."))
    await reader.read()
    assert source.jobs_ended() == {"other"}
    await reader.read()
    clean = stash.jobs.start("Cleaning...")
    await reader.read()
    assert not source.jobs_ended()
    stash.jobs.finish(clean)
    stash.jobs.finish(stash.jobs.start("Importing..."))
    await reader.read()
    await reader.read()
    assert source.jobs_ended() == {"clean", "import"}


def test_a_long_job_beside_short_ones() -> None:
    """An older job that still runs is no sign of a start."""
    jobs = StashJobs()
    long = job(3, "Generating...")
    jobs.see([long], None, None)
    last = long
    for number in (4, 5):
        assert jobs.next == str(number)
        over = job(number, "Scanning...", "FINISHED")
        jobs.see([long], last, over)
        assert jobs.ended == {"scan"}
        jobs.ended.clear()
        last = over
    jobs.see([long], None, None)
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
