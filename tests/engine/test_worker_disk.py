"""The engine at work on a disk that fails for a while, as SQLite says it."""

from tests.rig import Rig


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
    await rig.engine.database.run(lambda db: db.execute("UPDATE job SET leased = rev"))
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
    await rig.engine.database.run(lambda db: db.execute("DROP TRIGGER broken").close())
