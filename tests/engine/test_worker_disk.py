"""The engine at work on a disk that fails for a while, as SQLite says it."""

from collections.abc import AsyncIterator
import contextlib
import time

import pytest

from custom_components.plexsync.engine.database.database import StorageError
from custom_components.plexsync.engine.model.record import Find, Record
from custom_components.plexsync.engine.worker.fresh import FRESH
from tests.rig import Rig


async def test_an_undo_that_could_not_be_noted_is_finished_by_the_next(
    rig: Rig,
) -> None:
    """Plex has it, our disk does not: it is let go of, not taken for a person's edit."""
    title = rig.item(1).title
    records = rig.records(1)
    await rig.submit(records)
    await rig.drained()
    find = Find((rig.path(1),))
    await _break(rig, "UPDATE OF released ON written")
    with pytest.raises(StorageError):
        await rig.engine.undoing.undo(find)
    assert rig.item(1).title == title
    await _mend(rig)
    _, fields, kept = await rig.engine.undoing.undo(find)
    assert "title" in fields
    assert not kept
    counts = await rig.engine.sweep.run(_pages(records), total=1)
    assert counts == {"kept:released": 1}  # what was undone stays so
    assert rig.item(1).title == title


async def test_a_database_that_fails_makes_the_worker_wait(rig: Rig) -> None:
    """It says so as long as it lasts, and nothing is lost or counted twice."""
    await _break(rig, "INSERT ON settled")
    await rig.submit(rig.records(3))
    await rig.until(lambda: rig.engine.worker.storage_failed)
    assert (await rig.engine.snapshot()).storage_failed
    await _mend(rig)
    rig.engine.circuit.notify()
    await rig.drained()
    snapshot = await rig.engine.snapshot()
    assert not snapshot.storage_failed
    assert snapshot.statistics.synced == 3
    assert not rig.in_line(rig.records(3))


async def test_a_database_that_fails_while_edits_leave_costs_no_attempt(
    rig: Rig,
) -> None:
    """A read has grown old, and what the new one says to write cannot be noted."""
    await rig.submit(rig.records(1))
    await rig.drained()
    ages = iter((FRESH + 1.0,))  # of the first read that is done now
    rig.server._monotonic = lambda: time.monotonic() - next(ages, 0.0)  # noqa: SLF001
    await _break(rig, "UPDATE ON unconfirmed")
    await rig.submit(rig.records(1, "Newer"))
    await rig.until(lambda: rig.engine.worker.storage_failed)
    (job,), _ = await rig.engine.job_status.jobs()
    assert job.attempts == 0
    await _mend(rig)
    rig.engine.circuit.notify()
    await rig.drained()
    assert not rig.in_line(rig.records(1, "Newer"))


async def test_what_waited_for_a_call_is_woken_although_the_disk_failed_then(
    rig: Rig,
) -> None:
    """That the call works again is not forgotten: else its jobs would wait for an hour."""
    (section, *_) = rig.plex.core.sections.values()
    bulkheads, kind = rig.engine.bulkheads, f"edits:{section.uuid}"
    bulkheads.failed(kind, "1", time.monotonic(), at_once=True, wait=900.0)
    await rig.submit(rig.records(3))

    async def waiting() -> bool:
        reasons = await rig.engine.job_status.reasons()
        return reasons == {"waiting:edits_fail": 3}

    await rig.until(waiting)
    await _break(rig, "UPDATE ON job WHEN old.blocked <> '' AND new.blocked IS NULL")
    bulkheads.worked(kind)
    rig.engine.circuit.notify()
    await rig.until(lambda: rig.engine.worker.storage_failed)
    await _mend(rig)
    rig.engine.circuit.notify()
    await rig.drained()


async def test_a_mended_database_shows_although_nothing_is_to_be_done(
    rig: Rig,
) -> None:
    """Whoever switches syncing off is not told of a failure that is over."""
    await _break(rig, "INSERT ON settled")
    await rig.submit(rig.records(1))
    await rig.until(lambda: rig.engine.worker.storage_failed)
    await _mend(rig)
    await rig.engine.switch(False)
    await rig.until(lambda: not rig.engine.worker.storage_failed)


async def test_a_start_that_the_database_spoils_ends_no_task(rig: Rig) -> None:
    """The first statement of the work fails: it waits and begins again."""
    await rig.halt()
    await rig.submit(rig.records(2))
    await rig.engine.database.run(
        lambda db: db.execute("INSERT INTO lease SELECT id, 0.0 FROM job")
    )
    await _break(rig, "UPDATE ON job")
    rig.work()
    await rig.until(lambda: rig.engine.worker.storage_failed)
    await _mend(rig)
    rig.engine.circuit.notify()
    await rig.drained()
    assert not rig.in_line(rig.records(2))


async def _break(rig: Rig, what: str) -> None:
    """Let a kind of statement fail as on a broken disk."""
    await rig.engine.database.run(
        lambda db: db.execute(
            f"CREATE TEMP TRIGGER broken BEFORE {what}"
            " BEGIN SELECT raise(ABORT, 'disk'); END"
        ).close()
    )


async def _mend(rig: Rig) -> None:
    """Mend it, though a statement that fails may share a transaction with us."""
    for _ in range(100):
        with contextlib.suppress(StorageError):
            return await rig.engine.database.run(
                lambda db: db.execute("DROP TRIGGER broken").close()
            )
    raise AssertionError("it stays broken")


async def _pages(records: list[Record]) -> AsyncIterator[list[Record]]:
    yield records
