"""Failed jobs looked after: fresh records, outages, settings, the end; on a real server."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from itertools import count
import logging
from pathlib import Path

import pytest

from custom_components.plexsync.engine.circuit.breaker import State
from custom_components.plexsync.engine.jobs.failed_jobs import CHUNK, Retried
from custom_components.plexsync.engine.jobs.failed_rows import (
    KEEP_DAYS,
    MAX_OUTAGE_RETRIES,
    Choice,
)
from custom_components.plexsync.engine.jobs.jobs_view import JobInfo
from custom_components.plexsync.engine.model.faults import Fault, FaultClass
from custom_components.plexsync.engine.model.record import Find, Record
from tests.rig import Rig, library
from tests.virtual import run
from tests.world import World, world

FILMS = CHUNK + 20
DAY = 86_400
LOST = "imdb://tt0004711"


class Shelf:
    """What sources say of single records now; of some they know nothing."""

    def __init__(self) -> None:
        """Start with nothing to say."""
        self.says: dict[str, Record | str] = {}
        self.down: set[str] = set()
        self.asked: list[tuple[str, int]] = []

    async def fresh(
        self, source: str, keys: Sequence[str]
    ) -> Mapping[str, Record | str]:
        """Answer, unless the source is down."""
        self.asked.append((source, len(keys)))
        if source in self.down:
            raise Fault(FaultClass.SOURCE, "unreachable")
        return {key: self.says[key] for key in keys if key in self.says}


@pytest.fixture
def shelf() -> Shelf:
    """Give what sources say."""
    return Shelf()


@pytest.fixture
async def rig(socket_enabled: None, tmp_path: Path, shelf: Shelf) -> AsyncIterator[Rig]:
    """Give a working engine that can ask its sources."""
    async with library(FILMS) as plex:
        rig = Rig(plex, tmp_path, fresh=shelf.fresh)
        rig.item(1).guids = rig.item(2).guids = (LOST,)
        await rig.start()
        yield rig
        await rig.stop()


def lost(source: str, *keys: str) -> list[Record]:
    """Make records of a guid that two items have."""
    return [Record(source, key, Find(guids=(LOST,)), {"title": "Lost"}) for key in keys]


async def failed(rig: Rig) -> list[JobInfo]:
    """List the failed jobs."""
    return (await rig.engine.job_status.jobs(state="failed"))[0]


async def _fail(rig: Rig, records: Iterable[Record]) -> None:
    records = list(records)
    await rig.submit(records)
    await rig.drained(failed=len(records))


# By hand


async def test_a_retry_writes_what_the_sources_say_now(rig: Rig, shelf: Shelf) -> None:
    """Path and title were mended meanwhile; few questions for many jobs."""
    mended = rig.records(FILMS)
    await _fail(rig, lost("stash", *(record.key for record in mended)))
    shelf.says = {record.key: record for record in mended}
    assert await rig.engine.failed_jobs.retry() == Retried(FILMS, refreshed=FILMS)
    assert shelf.asked == [("stash", CHUNK), ("stash", FILMS - CHUNK)]
    await rig.drained()
    assert rig.in_line(mended) == []


async def test_a_source_that_is_down_keeps_nobody_back(rig: Rig, shelf: Shelf) -> None:
    """Its own jobs are tried with what is on disk, after one question."""
    (mended,) = rig.records(1)
    many = [str(number) for number in range(CHUNK + 1)]
    await _fail(
        rig,
        [*lost("down", *many), *lost("stash", mended.key), *lost("action", "a")],
    )
    shelf.says, shelf.down = {mended.key: mended}, {"down"}
    done = await rig.engine.failed_jobs.retry()
    assert done == Retried(CHUNK + 3, refreshed=1, stale=CHUNK + 1)
    assert [source for source, _ in shelf.asked].count("down") == 1
    await rig.drained(failed=CHUNK + 2)
    assert rig.in_line([mended]) == []


async def test_what_its_source_has_no_longer_stays_failed_and_says_so(
    rig: Rig, shelf: Shelf
) -> None:
    """One answer proves no deletion: when it is back, it is retried."""
    (mended,) = rig.records(1)
    await _fail(rig, lost("stash", mended.key))
    shelf.says = {mended.key: "gone"}
    assert await rig.engine.failed_jobs.retry() == Retried(withdrawn=1)
    (job,) = await failed(rig)
    assert job.reason == "gone"
    shelf.says = {mended.key: mended}
    assert await rig.engine.failed_jobs.retry(Choice("gone")) == Retried(1, refreshed=1)
    await rig.drained()
    assert rig.in_line([mended]) == []


async def test_a_newer_record_that_came_meanwhile_is_the_one_written(
    rig: Rig, shelf: Shelf
) -> None:
    """While the source answers, its own change has superseded the failed job."""
    (newer,) = rig.records(1, "Newer")
    (older,) = rig.records(1, "Older")
    await _fail(rig, lost("stash", newer.key))
    answer = shelf.fresh

    async def late(source: str, keys: Sequence[str]) -> Mapping[str, Record | str]:
        shelf.says = {newer.key: older}
        said = await answer(source, keys)
        await rig.submit([newer])
        await rig.drained()
        return said

    await rig.stop()
    rig.settings["fresh"] = late
    await rig.start()
    assert await rig.engine.failed_jobs.retry() == Retried()
    assert rig.in_line([newer]) == []


# After outages


async def _poisoned(rig: Rig, number: int) -> None:
    """Let a job use up its attempts."""
    rig.plex.faults.add("poison", rating_key=rig.item(number).rating_key)
    async with rig.traffic(number + 1):
        await rig.submit(rig.records(number)[-1:])
        await rig.failed(1)
    await rig.drained(failed=1)
    rig.plex.faults.clear()


async def _looked(rig: Rig) -> None:
    """Wait until it has looked for all there is to do."""
    await rig.engine.notes.keep("pruned", None)
    rig.engine.failed_jobs.look()

    async def pruned() -> bool:
        return await rig.engine.notes.get("pruned") is not None

    await rig.until(pruned)


async def test_after_an_outage_what_it_may_explain_is_tried_again(rig: Rig) -> None:
    """By itself, and nothing else; the job that failed of 500 is written."""
    await _poisoned(rig, 3)
    await rig.submit(lost("stash", "elsewhere"))
    await rig.drained(failed=2)
    await rig.plex.stop()
    await rig.submit(rig.records(1, "Newer"))
    await rig.state(State.OPEN)
    await rig.plex.start()
    await rig.drained(failed=1)
    assert rig.in_line([*rig.records(1, "Newer"), rig.records(3)[-1]]) == []
    (job,) = await failed(rig)
    assert (job.reason, job.history and job.history.retries) == ("ambiguous", 0)


async def test_a_restart_takes_nothing_up_twice_and_lets_no_day_pass(rig: Rig) -> None:
    """Unless the last one was killed before it was done with it."""

    async def days() -> int:
        return await rig.engine.database.run(
            lambda db: db.execute("SELECT days FROM job").fetchone()[0]
        )

    await rig.plex.stop()
    await rig.submit(rig.records(1))
    await rig.state(State.OPEN)
    await rig.plex.start()
    await rig.drained()
    await _poisoned(rig, 3)
    await rig.restart()
    assert await days() == 0
    await rig.restart()
    await _looked(rig)
    (job,) = await failed(rig)
    assert job.history is not None
    assert job.history.retries == 0
    assert await days() == 1
    await rig.engine.notes.keep("outage", None)
    await rig.restart()
    await rig.drained()
    assert rig.in_line(rig.records(3)[-1:]) == []


def test_never_endlessly(socket_enabled: None, tmp_path: Path) -> None:
    """Once an outage, flaps are none of their own; and after some not at all."""

    async def outage(it: World, tag: str) -> None:
        breaker, log = it.engine.circuit.breaker, it.engine.circuit.outages
        await it.plex.stop()
        await it.submit(3, tag)
        await it.until(lambda: breaker.state is State.OPEN)
        await it.plex.start()
        await it.until(lambda: breaker.state is State.CLOSED)
        while await it.engine.notes.get("outage") != repr(log.outages[-1].start):
            await asyncio.sleep(1)
        await it.drained()

    async def retries(it: World) -> int:
        (job,), _ = await it.engine.job_status.jobs(state="failed")
        assert job.reason == "error_500"
        assert job.history is not None
        assert job.history.failures == job.history.retries + 1
        return job.history.retries

    async def traffic(it: World) -> None:
        for number in count():
            await asyncio.sleep(20)
            await it.submit(1, f"Traffic {number}")

    async def story() -> None:
        async with world(tmp_path) as it:
            log = it.engine.circuit.outages
            others = asyncio.create_task(traffic(it))
            (rating_key,) = list(it.plex.core.items)[5:6]
            it.plex.faults.add("poison", rating_key=rating_key)
            await it.submit(6, "Poisoned")
            await it.drained()
            assert await retries(it) == 0
            for number in range(MAX_OUTAGE_RETRIES + 2):
                await outage(it, f"Outage {number}")
                assert log.count == number + 1
                assert await retries(it) == min(number + 1, MAX_OUTAGE_RETRIES)
                await asyncio.sleep(120)
            others.cancel()

    run(story())


async def test_a_flap_is_no_outage_of_its_own(rig: Rig) -> None:
    """Reopened within a minute, it is the same one: what failed in between waits."""
    await _poisoned(rig, 3)
    rig.plex.faults.add("poison", rating_key=rig.item(3).rating_key)

    async def failed_twice() -> bool:
        jobs = await failed(rig)
        histories = [job.history for job in jobs if job.history is not None]
        return [(each.failures, each.retries) for each in histories] == [(2, 1)]

    async with rig.traffic(4):
        for turn in range(2):
            await rig.plex.stop()
            await rig.submit(rig.records(1, f"Turn {turn}"))
            await rig.state(State.OPEN)
            await rig.plex.start()
            await rig.state(State.CLOSED)
            await _looked(rig)
            await rig.until(failed_twice)
    assert [each.reopened for each in rig.engine.circuit.outages.outages] == [1]


# After changes of settings


async def test_changed_settings_retry_a_sources_failed_jobs_once(
    rig: Rig, shelf: Shelf
) -> None:
    """With what it says under them; until it answers, that is still due."""
    failed_jobs = rig.engine.failed_jobs
    (mended,) = rig.records(1)
    assert await failed_jobs.is_new("stash")
    await failed_jobs.follow("stash", "old", read_again=True)
    assert not await failed_jobs.is_new("stash")
    await _fail(rig, [*lost("stash", mended.key), *lost("other", "x")])
    await rig.engine.notes.keep("cursor:stash", "here")
    shelf.says = {mended.key: mended}

    await failed_jobs.follow("stash", "old", read_again=True)
    await failed_jobs.retry_due("stash")
    assert shelf.asked == []
    assert await rig.engine.notes.cursor("stash") == "here"

    await failed_jobs.follow("stash", "new", read_again=False)
    assert await rig.engine.notes.cursor("stash") == "here"
    shelf.down = {"stash"}
    with pytest.raises(Fault, match="unreachable"):
        await failed_jobs.retry_due("stash")
    assert {job.history and job.history.retries for job in await failed(rig)} == {0}
    shelf.down = set()
    await failed_jobs.retry_due("stash")
    await rig.drained(failed=1)
    assert rig.in_line([mended]) == []
    asked = len(shelf.asked)
    await failed_jobs.retry_due("stash")
    assert len(shelf.asked) == asked

    await failed_jobs.follow("stash", "newest", read_again=True)
    assert await rig.engine.notes.cursor("stash") is None
    await rig.engine.remove_source("stash")
    assert await failed_jobs.is_new("stash")


# The end


def test_moments_are_kept_as_long_as_something_was_written_in_them(
    socket_enabled: None, tmp_path: Path
) -> None:
    """They do not add up over the years; each row still knows when it was written."""
    ledger = "SELECT item, field, written FROM ledger ORDER BY item, field"

    async def story() -> None:
        async with world(tmp_path, listen=False) as it:
            for title in ("One", "Two", "Three"):
                await it.submit(1, title)
                await it.drained()

            async def ask(sql: str) -> list[tuple[object, ...]]:
                return await it.engine.database.run(
                    lambda db: db.execute(sql).fetchall()
                )

            before, moments = await ask(ledger), await ask("SELECT id FROM moment")
            assert len(moments) > 2
            await asyncio.sleep(2 * DAY)
            assert await ask(ledger) == before
            assert len(await ask("SELECT id FROM moment")) < len(moments)

    run(story())


def test_a_failed_job_is_kept_for_thirty_days(
    socket_enabled: None, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Then it goes, with one line in the log; its next newer record starts anew."""

    async def story() -> None:
        async with world(tmp_path, listen=False) as it:
            it.plex.faults.add("status", code=400, method="PUT", times=1)
            await it.submit(1, "Rejected")
            await it.drained()
            (job,), _ = await it.engine.job_status.jobs(state="failed")
            await asyncio.sleep(KEEP_DAYS * DAY)
            assert (await it.engine.job_status.jobs(state="failed"))[1] == 1
            await it.submit(1, "Rejected")  # an equal record revives nothing
            assert (await it.engine.job_status.jobs())[0][0].history == job.history
            await asyncio.sleep(2 * DAY)
            assert (await it.engine.job_status.jobs())[1] == 0
            assert await it.engine.failed_jobs.retry(Choice()) == Retried()
            await it.submit(1, "Newer")
            await it.drained()
            assert (await it.engine.snapshot()).failed == 0

    with caplog.at_level(logging.INFO, "custom_components.plexsync"):
        run(story())
    lines = [line for line in caplog.messages if "were dropped" in line]
    assert len(lines) == 1
    assert lines[0].startswith("Plex: 1 failed jobs")
