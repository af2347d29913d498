"""The queue on real SQLite: coalescing, order, leases, failed jobs."""

from collections.abc import Iterator
from pathlib import Path
import sqlite3
from typing import Any

import pytest

from custom_components.plexsync.engine import queue
from custom_components.plexsync.engine.queue import Accepted, Priority
from custom_components.plexsync.engine.record import Find, Record, Value


@pytest.fixture
def db(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    """Give a laid-out database."""
    connection = sqlite3.connect(tmp_path / "queue.db", isolation_level=None)
    connection.executescript(queue.SCHEMA)
    yield connection
    connection.close()


def record(
    key: str = "1", revision: int | None = None, **fields: Value | None
) -> Record:
    """Make a record of one source."""
    return Record("stash", key, Find((f"/m/{key}.mkv",)), fields, revision)


def put(db: sqlite3.Connection, rec: Record, now: float = 0.0, **more: Any) -> Any:
    """Enqueue a record."""
    return queue.enqueue(db, rec, more.get("priority", Priority.BULK), now)


def only(db: sqlite3.Connection, now: float = 0.0) -> queue.Job:
    """Claim the one job there is."""
    (job,) = queue.claim(db, 10, now)
    return job


def test_one_row_per_key_and_the_newest_wins(db: sqlite3.Connection) -> None:
    """Two edits of one item are one job."""
    put(db, record(title="Old"))
    put(db, record(title="New"))
    assert queue.counts(db).pending == 1
    assert only(db).record.fields == {"title": "New"}


def test_an_absent_field_never_supersedes_a_waiting_one(db: sqlite3.Connection) -> None:
    """Neither a set nor a clear."""
    put(db, record(title="T", studio=None))
    put(db, record(summary="S"))
    assert only(db).record.fields == {"title": "T", "studio": None, "summary": "S"}


def test_the_sources_own_order_beats_arrival(db: sqlite3.Connection) -> None:
    """Field by field: an older record still brings what the newer one lacks."""
    put(db, record(revision=5, title="five"))
    put(db, record(revision=7, summary="seven"))
    put(db, record(revision=6, title="six", summary="six"))
    job = only(db)
    assert job.record.fields == {"title": "six", "summary": "seven"}
    assert job.record.revision == 7


def test_an_older_revision_after_the_job_is_done_is_dropped(
    db: sqlite3.Connection,
) -> None:
    """What was written is newer than what arrives."""
    put(db, record(revision=7, title="seven"))
    queue.settle(db, only(db), "41", 0)
    assert put(db, record(revision=6, title="six"))[0] is Accepted.UNCHANGED
    assert put(db, record(revision=6, title="six", studio="S"))[0] is Accepted.QUEUED
    assert only(db).record.fields == {"studio": "S"}


def test_an_equal_record_is_unchanged(db: sqlite3.Connection) -> None:
    """No job at all, whatever its revision."""
    put(db, record(revision=1, title="T"))
    queue.settle(db, only(db), "41", 0)
    assert put(db, record(revision=2, title="T")) == (Accepted.UNCHANGED, None)
    assert queue.counts(db).pending == 0


def test_a_record_in_flight_runs_again_afterwards(db: sqlite3.Connection) -> None:
    """The settling of the older one does not take the newer one out."""
    put(db, record(title="one"))
    job = only(db)
    put(db, record(title="two"), now=5)
    assert queue.claim(db, 10, 5) == []  # still in flight
    queue.settle(db, job, "41", 6)
    assert only(db, 6).record.fields == {"title": "two"}


@pytest.mark.parametrize("end", ["later", "fail"])
def test_a_newer_record_supersedes_a_bad_end(db: sqlite3.Connection, end: str) -> None:
    """Waiting and failing belong to the record that caused them."""
    put(db, record(title="one"))
    job = only(db)
    put(db, record(title="two"), now=5)
    if end == "later":
        queue.later(db, job, 1000, 6, reason="not_found", missed=True)
    else:
        queue.fail(db, job, "rejected", 6)
    assert only(db, 6).record.fields == {"title": "two"}


def test_no_job_waits_behind_one_that_is_not_due(db: sqlite3.Connection) -> None:
    """A thousand waiting ones do not hold the ready one."""
    for number in range(1000):
        put(db, record(str(number), title="T"))
    for job in queue.claim(db, 1000, 0):
        queue.later(db, job, 600, 0, reason="not_found")
    put(db, record("ready", title="T"), now=1)
    assert [job.record.key for job in queue.claim(db, 10, 1)] == ["ready"]
    assert queue.next_due(db) == 600


def test_interactive_first_and_bulk_never_starved(db: sqlite3.Connection) -> None:
    """One place in four stays with bulk work."""
    for number in range(100):
        put(db, record(f"b{number}", title="T"))
        put(db, record(f"i{number}", title="T"), priority=Priority.INTERACTIVE)
    keys = [job.record.key[0] for job in queue.claim(db, 40, 0)]
    assert keys.count("i") == 30
    assert keys.count("b") == 10
    assert keys == sorted(keys, reverse=True)


def test_failed_jobs_are_kept_retried_and_discarded(db: sqlite3.Connection) -> None:
    """By reason, by id, and all."""
    for number, reason in enumerate(["not_found", "rejected", "rejected"]):
        put(db, record(str(number), title="T"))
        queue.fail(db, only(db), reason, 0)
    assert queue.counts(db) == queue.Counts(0, 3, None)
    assert queue.retry_failed(db, 1, reason="not_found") == 1
    assert queue.counts(db).failed == 2
    (first, second), total = queue.listing(db, state="failed")
    assert total == 2
    assert queue.discard_failed(db, ids=[first.id]) == 1
    assert queue.retry_failed(db, 1, ids=[second.id]) == 1
    assert queue.counts(db) == queue.Counts(2, 0, 0)


def test_an_equal_record_does_not_revive_a_failed_job(db: sqlite3.Connection) -> None:
    """Reconcile sees it as missing for ever; only news supersede it."""
    put(db, record(title="T"))
    queue.fail(db, only(db), "not_found", 0)
    put(db, record(title="T"), now=9)
    assert queue.counts(db) == queue.Counts(0, 1, None)
    put(db, record(title="New"), now=9)
    assert queue.counts(db).failed == 0


def test_an_outage_uses_no_attempt(db: sqlite3.Connection) -> None:
    """However often it eats the job."""
    put(db, record(title="T"))
    for _ in range(50):
        queue.release(db, [only(db)])
    job = only(db)
    assert (job.attempts, job.misses, job.crashes) == (0, 0, 0)


def test_an_unclean_stop_returns_what_was_in_flight(db: sqlite3.Connection) -> None:
    """Ready at once; only what is alone when it happens again and again is set aside."""
    for number in range(5):
        put(db, record(str(number), title="T"))
    assert len(queue.claim(db, 10, 0)) == 5
    queue.recover(db, 0, 600)
    put(db, record("calm", title="T"))
    assert [job.record.key for job in queue.claim(db, 10, 0)] == ["calm"]
    queue.settle(
        db, queue.Job(6, 1, record("calm"), {}, Priority.BULK, 0, 0, None, 0), "1", 0
    )
    (suspect,) = queue.claim(db, 10, 0)  # alone
    queue.recover(db, 0, 600)
    again = queue.claim(db, 1, 0)
    assert len(again) == 1
    queue.recover(db, 0, 600)
    failed, _ = queue.listing(db, state="failed")
    assert len(failed) <= 1
    assert suspect.crashes == 1


def test_a_wait_is_never_longer_than_the_longest(db: sqlite3.Connection) -> None:
    """The clock stood in the far future when the job was put off."""
    put(db, record(title="T"))
    queue.later(db, only(db), 1e12, 0, reason="not_found")
    queue.recover(db, 100, 3600)
    assert queue.next_due(db) == 100
