"""The queue on real SQLite: coalescing, order, leases, failed jobs."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
import sqlite3
from typing import Any

import pytest

from custom_components.plexsync.engine.jobs import (
    blocked,
    dropping,
    failed_rows,
    intake,
    jobs_view,
    leases,
    queue,
)
from custom_components.plexsync.engine.jobs.blocked import LONGEST_IF_SICK
from custom_components.plexsync.engine.jobs.failed_rows import Choice
from custom_components.plexsync.engine.jobs.job import Job, Priority
from custom_components.plexsync.engine.jobs.queue import Snooze
from custom_components.plexsync.engine.layout import LAYOUT
from custom_components.plexsync.engine.model.record import Find, Image, Record, Value


@pytest.fixture
def db(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    """Give a laid-out database."""
    connection = sqlite3.connect(tmp_path / "queue.db", isolation_level=None)
    connection.execute("PRAGMA synchronous=OFF")  # nothing here is about the disk
    for schema in LAYOUT.schemas:
        connection.executescript(schema)
    yield connection
    connection.close()


def record(
    key: str = "1", revision: int | None = None, **fields: Value | None
) -> Record:
    """Make a record of one source."""
    return Record("stash", key, Find((f"/m/{key}.mkv",)), fields, revision)


def mirrored(revision: int | None = None, **fields: Value | None) -> Record:
    """Make a record that is its source's whole view."""
    return replace(record(revision=revision, **fields), mirror=True)


def put(db: sqlite3.Connection, rec: Record, now: float = 0.0, **more: Any) -> Any:
    """Enqueue a record."""
    return intake.enqueue(db, rec, more.get("priority", Priority.BULK), now)


def only(db: sqlite3.Connection, now: float = 0.0) -> Job:
    """Claim the one job there is."""
    (job,) = queue.claim(db, 10, now)
    return job


def put_off(db: sqlite3.Connection, key: str, due: float, **why: Any) -> None:
    """Snooze a record's job, taken at 0 in whatever lane it is."""
    if jobs_view.find_job(db, "stash", key) is None:
        put(db, record(key, title="T"))
    for job in (*queue.claim(db, 99, 0), *queue.claim(db, 99, 0, solo=True)):
        if job.record.key == key:
            queue.snooze(db, job, Snooze(due, **why), 0)
    leases.end_all(db)


def next_attempt(db: sqlite3.Connection, key: str) -> float | None:
    """Give when a record's job is due."""
    info = jobs_view.find_job(db, "stash", key)
    assert info is not None
    return info.next_attempt


def keys(jobs: list[Job]) -> list[str]:
    """Name whose jobs they are."""
    return [job.record.key for job in jobs]


def test_one_row_per_key_and_the_newest_wins(db: sqlite3.Connection) -> None:
    """Two edits of one item are one job."""
    put(db, record(title="Old"))
    put(db, record(title="New"))
    assert jobs_view.counts(db).pending == 1
    assert only(db).record.fields == {"title": "New"}


def test_an_absent_field_never_supersedes_a_waiting_one(db: sqlite3.Connection) -> None:
    """Neither a set nor a clear."""
    put(db, record(title="T", studio=None))
    put(db, record(summary="S"))
    assert only(db).record.fields == {"title": "T", "studio": None, "summary": "S"}


def test_a_mirrors_record_replaces_what_waits(db: sqlite3.Connection) -> None:
    """What it lacks is not wanted any more: a title emptied meanwhile, say."""
    put(db, mirrored(1, title="T", studio="S", tagline=None))
    put(db, mirrored(2, studio="S", summary="new"))
    assert jobs_view.listing(db)[0][0].fields == ("studio", "summary")
    assert only(db).record.fields == {"studio": "S", "summary": "new"}


def test_what_is_only_filled_travels_with_the_record(db: sqlite3.Connection) -> None:
    """The newest record says it; to fill no more is news, waiting or settled."""

    def filling(revision: int, *names: str) -> Record:
        return replace(
            mirrored(revision, title="T", studio="S"), fill_only=frozenset(names)
        )

    put(db, filling(2, "studio", "title"))
    put(db, filling(1, "title"))  # too late
    assert (job := only(db)).record.fill_only == {"studio", "title"}
    put(db, filling(3, "studio"))
    assert not queue.settle(db, job, "41", 0)
    assert (job := only(db)).record == filling(3, "studio")
    assert queue.settle(db, job, "41", 0)
    assert put(db, filling(4, "studio")) is None
    put(db, filling(5))
    assert only(db).record == filling(5)


@pytest.mark.parametrize("fields", [{"title": "five", "studio": "S"}, {}])
@pytest.mark.parametrize("settled", [True, False])
@pytest.mark.parametrize("unknown", [True, False])
def test_an_older_mirrors_record_brings_and_removes_nothing(
    db: sqlite3.Connection, settled: bool, unknown: bool, fields: Any
) -> None:
    """Whether the newer view waits or was written, or one of unknown age came after."""
    put(db, mirrored(7, title="seven", summary="seven"))
    if unknown:
        put(db, mirrored(None, summary="unknown"))
    job = only(db)
    if settled:
        queue.settle(db, job, "41", 0)
    else:
        leases.end_all(db)
    put(db, mirrored(5, **fields))
    if settled:
        assert jobs_view.counts(db).pending == 0
    else:
        assert only(db) == job


def test_a_view_that_wants_nothing_lets_no_older_one_in_again(
    db: sqlite3.Connection,
) -> None:
    """The title was written, then emptied, which no item can be."""
    put(db, mirrored(6, title="six"))
    queue.settle(db, only(db), "41", 0)
    assert put(db, mirrored(8)) is None
    assert put(db, mirrored(7, title="seven")) is None
    assert put(db, mirrored(9, title="six")) is None
    assert put(db, mirrored(10, title="ten")) is not None


def test_a_mirrors_record_leaves_what_is_newer(db: sqlite3.Connection) -> None:
    """It knows nothing of that."""
    put(db, record(revision=9, title="nine"))
    put(db, mirrored(8, studio="S"))
    assert only(db).record.fields == {"title": "nine", "studio": "S"}


def test_a_mirrors_record_runs_after_the_one_in_flight(db: sqlite3.Connection) -> None:
    """And brings no more than it has."""
    put(db, mirrored(1, title="one", studio="S"))
    job = only(db)
    put(db, mirrored(2, studio="S"), now=5)
    assert not queue.settle(db, job, "41", 6)
    assert only(db, 6).record.fields == {"studio": "S"}


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
    assert put(db, record(revision=6, title="six")) is None
    assert put(db, record(revision=6, title="six", studio="S")) is not None
    assert only(db).record.fields == {"studio": "S"}


@pytest.mark.parametrize("settled", [True, False])
def test_news_without_a_revision_let_no_older_ones_in_again(
    db: sqlite3.Connection, settled: bool
) -> None:
    """Neither those that waited nor those that were written."""
    for revision, title in ((7, "seven"), (None, "unknown"), (6, "six")):
        put(db, record(revision=revision, title=title))
        if settled and jobs_view.counts(db).pending:
            queue.settle(db, only(db), "41", 0)
    put(db, record(revision=6, title="six", studio="S"))
    assert only(db).record.fields.get("title", "written") in ("unknown", "written")


def test_an_equal_record_with_a_revision_shuts_out_older_ones(
    db: sqlite3.Connection,
) -> None:
    """What was written without one has its revision from then on."""
    put(db, record(title="T"))
    queue.settle(db, only(db), "41", 0)
    assert put(db, record(revision=5, title="T")) is None
    assert put(db, record(revision=3, title="three")) is None


def test_a_number_is_never_given_twice(db: sqlite3.Connection) -> None:
    """Whoever still works on a job whose source is gone takes nobody else's out."""
    put(db, record(title="T"))
    gone = only(db)
    dropping.discard_source(db, "stash", 0)
    put(db, Record("other", "9", Find(("/m/9.mkv",)), {"title": "N"}))
    queue.settle(db, gone, "41", 0)
    assert only(db).record.key == "9"


def test_an_equal_record_is_unchanged(db: sqlite3.Connection) -> None:
    """No job at all, whatever its revision."""
    put(db, record(revision=1, title="T"))
    queue.settle(db, only(db), "41", 0)
    assert put(db, record(revision=2, title="T")) is None
    assert jobs_view.counts(db).pending == 0


def test_a_record_in_flight_runs_again_afterwards(db: sqlite3.Connection) -> None:
    """The settling of the older one does not take the newer one out."""
    put(db, record(title="one"))
    job = only(db)
    put(db, record(title="two"), now=5)
    assert queue.claim(db, 10, 5) == []  # still in flight
    queue.settle(db, job, "41", 6)
    assert only(db, 6).record.fields == {"title": "two"}


@pytest.mark.parametrize("end", ["snooze", "fail"])
def test_a_newer_record_supersedes_a_bad_end(db: sqlite3.Connection, end: str) -> None:
    """Waiting and failing belong to the record that caused them."""
    put(db, record(title="one"))
    job = only(db)
    put(db, record(title="two"), now=5)
    if end == "snooze":
        queue.snooze(db, job, Snooze(1000, "not_found", missed=True), 6)
    else:
        queue.fail(db, job, "rejected", 6)
    assert only(db, 6).record.fields == {"title": "two"}


@pytest.mark.parametrize(
    ("ends", "state"),
    [
        ("bad_request", "failed"),
        ("shared_item", "skipped"),
        ("image_missing", "pending"),
    ],
)
def test_a_picture_that_may_be_another_one_revives_only_what_failed_of_it(
    db: sqlite3.Connection, ends: str, state: str
) -> None:
    """The job carries the newest mark; a new revision supersedes it, whatever it failed of."""

    def marked(revision: int, mark: str) -> Record:
        poster = Image("cover", mark)
        return mirrored(revision, title="T", poster=poster, background=None)

    def end() -> None:
        if state == "skipped":
            queue.skip(db, only(db), ends, 0)
        else:
            queue.fail(db, only(db), ends, 0)

    put(db, marked(1, "1?"))
    end()
    put(db, marked(1, "1"))
    assert len(jobs_view.listing(db, state=state)[0]) == 1
    if state != "pending":
        assert failed_rows.retry(db, Choice(skipped=True), 0) == 1
    assert only(db).record.fields["poster"] == Image("cover", "1")
    leases.end_all(db)
    end()
    put(db, marked(2, "2"))
    assert only(db).record == marked(2, "2")


def test_no_job_waits_behind_one_that_is_not_due(db: sqlite3.Connection) -> None:
    """A thousand waiting ones do not hold the ready one."""
    for number in range(1000):
        put(db, record(str(number), title="T"))
    for job in queue.claim(db, 1000, 0):
        queue.snooze(db, job, Snooze(600, "not_found"), 0)
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


def fail(
    db: sqlite3.Connection, key: str, reason: str, now: float = 0.0, **more: bool
) -> int:
    """Bring a record's job to fail; give its number."""
    if jobs_view.find_job(db, "stash", key) is None:
        put(db, record(key, title="T"), now)
    job = only(db, now)
    queue.fail(db, job, reason, now, **more)
    return job.id


def test_what_failed_with_a_kind_of_call_is_tried_at_once_after_a_start(
    db: sqlite3.Connection,
) -> None:
    """Nobody knows any more that the kind fails: neither who waits for it nor who failed."""
    whys: dict[str, dict[str, Any]] = {
        "waits": {"reason": "pictures_fail", "blocked": "pictures:films"},
        "failed": {"reason": "pictures_fail", "solo": True},
        "sick": {"reason": "error_500", "solo": True},
    }
    for key, why in whys.items():
        put_off(db, key, 3600.0, **why)
    assert blocked.waited_for(db) == ["pictures:films"]
    assert blocked.failing_groups(db) == ["pictures"]
    queue.recover(db, 10.0, 7200.0)
    due = {key: next_attempt(db, key) for key in whys}
    assert due == {"waits": 10.0, "failed": 10.0, "sick": 3600.0}
    assert keys(queue.claim(db, 9, 10.0)) == ["waits"]
    assert keys(queue.claim(db, 9, 10.0, solo=True)) == ["failed"]


def test_a_kind_that_works_again_wakes_nobody_who_is_sick_of_something_else(
    db: sqlite3.Connection,
) -> None:
    """Who waits for the kind comes at once, and whose own call of it failed soon."""
    put_off(db, "waits", 3600.0, reason="pictures_fail", blocked="pictures:films")
    put_off(db, "failed", 3600.0, reason="pictures_fail", solo=True)
    put_off(db, "sick", 3600.0, reason="error_500", solo=True)
    assert blocked.unblock(db, "pictures:films", "pictures_fail", 10.0) == 1
    due = {key: next_attempt(db, key) for key in ("waits", "failed", "sick")}
    assert due == {"waits": 10.0, "failed": 10.0 + LONGEST_IF_SICK, "sick": 3600.0}


def test_failed_jobs_are_kept_retried_and_discarded(db: sqlite3.Connection) -> None:
    """By reason, by id, by source, and all."""
    first, second, third = (
        fail(db, str(number), reason)
        for number, reason in enumerate(["not_found", "rejected", "rejected"])
    )
    assert jobs_view.counts(db) == jobs_view.Counts(0, 3, None)
    assert failed_rows.retry(db, Choice(reason="not_found"), 1) == 1
    assert [job.id for job in failed_rows.chosen(db, Choice())] == [second, third]
    assert failed_rows.chosen(db, Choice(source="other")) == []
    assert failed_rows.discard(db, Choice(ids=[first, second])) == 1
    assert failed_rows.retry(db, Choice(ids=[third]), 1) == 1
    assert jobs_view.counts(db) == jobs_view.Counts(2, 0, 1)
    assert failed_rows.retry(db, Choice(), 1) == failed_rows.discard(db, Choice()) == 0


def test_a_failed_job_has_a_history(db: sqlite3.Connection) -> None:
    """It outlives retries, and ends with the record that it is of."""
    put(db, record("1", title="T"))
    assert jobs_view.listing(db)[0][0].history is None
    fail(db, "1", "rejected", 5)
    failed_rows.retry(db, Choice(), 6)
    assert jobs_view.listing(db)[0][0].history == jobs_view.History(1, 5, 5, 1)
    fail(db, "1", "not_kept", 7)
    (job,), _ = jobs_view.listing(db)
    assert job.history == jobs_view.History(2, 5, 7, 1)
    assert (job.state, job.reason) == ("failed", "not_kept")
    put(db, record("1", title="New"), 8)
    assert jobs_view.listing(db)[0][0].history is None


def test_after_outages_only_what_they_explain_and_not_for_ever(
    db: sqlite3.Connection,
) -> None:
    """Three times a record; by hand as often as one likes, with a new record anew."""
    fail(db, "1", "error_500", passing=True)
    fail(db, "2", "not_found")
    for _ in range(failed_rows.MAX_OUTAGE_RETRIES):
        assert failed_rows.retry(db, Choice(passing=True), 1) == 1
        fail(db, "1", "error_500", 1, passing=True)
    assert failed_rows.retry(db, Choice(passing=True), 1) == 0
    assert failed_rows.retry(db, Choice(reason="error_500"), 1) == 1
    put(db, record("1", title="New"), 1)
    fail(db, "1", "error_500", 1, passing=True)
    assert failed_rows.retry(db, Choice(passing=True), 1) == 1


def test_what_brings_the_process_down_starts_anew_only_by_hand(
    db: sqlite3.Connection,
) -> None:
    """After an outage one more unclean stop sets it aside again."""

    def crash(times: int) -> int:
        for _ in range(times):
            only(db)
            queue.recover(db, 0, 600)
        return jobs_view.counts(db).failed

    put(db, record("1", title="T"))
    assert crash(queue.MAX_CRASHES) == 1
    assert failed_rows.retry(db, Choice(passing=True), 0) == 1
    assert crash(1) == 1
    assert failed_rows.retry(db, Choice(), 0) == 1
    assert crash(queue.MAX_CRASHES - 1) == 0
    assert crash(1) == 1


def test_old_and_too_many_failed_jobs_are_pruned(db: sqlite3.Connection) -> None:
    """After thirty days, and the oldest of more than a thousand; no other job is."""
    many = failed_rows.KEEP_JOBS
    first = fail(db, "first", "rejected", 1)
    put(db, record("waiting", title="T"), 2)
    queue.snooze(db, only(db, 2), Snooze(1e9, "not_found"), 2)
    for number in range(many):
        fail(db, f"n{number}", "rejected", 3)
    assert failed_rows.prune(db) == 1
    assert jobs_view.counts(db) == jobs_view.Counts(1, many, 2)
    assert first not in [job.id for job in failed_rows.chosen(db, Choice())]
    for _ in range(failed_rows.KEEP_DAYS - 1):
        assert failed_rows.prune(db) == 0
    failed_rows.retry(db, Choice(ids=[failed_rows.chosen(db, Choice())[0].id]), 4)
    fail(db, "n0", "rejected", 4)
    assert failed_rows.prune(db) == many - 1
    assert jobs_view.counts(db) == jobs_view.Counts(1, 1, 2)


def test_a_pruned_failure_does_not_come_back_by_itself(db: sqlite3.Connection) -> None:
    """A newer record starts anew; nothing remembers the pruned one as done."""
    put(db, record(revision=1, title="one"))
    queue.settle(db, only(db), "41", 0)
    put(db, record(revision=2, title="two"))
    queue.fail(db, only(db), "rejected", 0)
    for _ in range(failed_rows.KEEP_DAYS + 1):
        failed_rows.prune(db)
    assert jobs_view.counts(db) == jobs_view.Counts(0, 0, None)
    assert put(db, record(revision=1, title="one")) is None
    assert put(db, record(revision=3, title="two")) is not None
    assert jobs_view.listing(db)[0][0].history is None


def test_news_of_a_failed_job_are_held_against_what_was_written(
    db: sqlite3.Connection,
) -> None:
    """Also where what failed has no revision."""
    put(db, mirrored(2, title="written"))
    queue.settle(db, only(db), "41", 0)
    put(db, mirrored(None, studio="failed"))
    queue.fail(db, only(db), "rejected", 0)
    assert not intake.refresh(db, mirrored(1, title="older"), 0)
    assert intake.refresh(db, mirrored(3, title="newer"), 0)


def test_a_failed_job_is_refreshed_with_what_its_source_says_now(
    db: sqlite3.Connection,
) -> None:
    """A mirror's record as a whole, another's field by field, an older one not at all."""
    put(db, record(revision=5, title="T", studio="S"))
    assert not intake.refresh(db, record(revision=6, title="not failed"), 0)
    queue.fail(db, only(db), "rejected", 0)
    assert not intake.refresh(db, record(revision=4, title="older"), 0)
    moved = Find(("/moved/1.mkv",))
    part = replace(record(revision=5, title="part"), find=moved)
    assert intake.refresh(db, part, 0)
    whole = mirrored(6, title="whole")
    for fresh, fields in (
        (part, {"title": "part", "studio": "S"}),
        (whole, {"title": "whole"}),
    ):
        assert intake.refresh(db, fresh, 0)
        failed_rows.retry(db, Choice(), 0)
        taken = only(db)
        assert taken.record == replace(fresh, fields=fields)
        queue.fail(db, taken, "rejected", 0)
    assert intake.refresh(db, mirrored(None, title="unknown"), 0)
    assert not intake.refresh(db, mirrored(5, title="older"), 0)


def test_a_withdrawn_job_is_not_explained_by_outages(
    db: sqlite3.Connection,
) -> None:
    """Its source has it no longer: that is the reason now."""
    job = fail(db, "1", "error_500", passing=True)
    assert failed_rows.withdraw(db, job, "gone") == 1
    assert jobs_view.reasons(db) == {"failed:gone": 1}
    assert failed_rows.chosen(db, Choice(passing=True)) == []


def test_an_equal_record_does_not_revive_a_failed_job(db: sqlite3.Connection) -> None:
    """Reconcile sees it as missing for ever; only news supersede it."""
    put(db, record(title="T"))
    queue.fail(db, only(db), "not_found", 0)
    put(db, record(title="T"), now=9)
    assert jobs_view.counts(db) == jobs_view.Counts(0, 1, None)
    put(db, record(title="New"), now=9)
    assert jobs_view.counts(db).failed == 0


def test_an_outage_uses_no_attempt(db: sqlite3.Connection) -> None:
    """However often it eats the job, or the worker is stopped."""
    put(db, record(title="T"))
    for _ in range(50):
        queue.snooze(db, only(db), Snooze(0), 0)
        only(db)
        leases.end_all(db)
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
    queue.settle(db, Job(6, 1, record("calm"), {}, 0, 0, None, 0), "1", 0)
    (suspect,) = queue.claim(db, 10, 0)  # alone
    queue.recover(db, 0, 600)
    again = queue.claim(db, 1, 0)
    assert len(again) == 1
    queue.recover(db, 0, 600)
    failed, _ = jobs_view.listing(db, state="failed")
    assert len(failed) <= 1
    assert suspect.crashes == 1


def test_a_wait_is_never_longer_than_the_longest(db: sqlite3.Connection) -> None:
    """The clock stood in the far future when the job was put off."""
    put(db, record(title="T"))
    queue.snooze(db, only(db), Snooze(1e12, "not_found"), 0)
    queue.recover(db, 100, 3600)
    assert queue.next_due(db) == 100


def test_what_is_sick_comes_beside_the_others(db: sqlite3.Connection) -> None:
    """It takes no place among them, nor do they take its own."""
    put_off(db, "sick", 0, reason="error_500", solo=True)
    put(db, record("well", title="T"))
    assert keys(queue.claim(db, 10, 0)) == ["well"]
    assert keys(queue.claim(db, 10, 0, solo=True)) == ["sick"]


def test_a_sick_item_is_not_asked_more_often_for_news(db: sqlite3.Connection) -> None:
    """Neither where they come while it waits, nor in mid-flight."""
    put_off(db, "1", 100, reason="error_500", solo=True)
    put(db, record("1", title="two"))
    assert next_attempt(db, "1") == 5
    (job,) = queue.claim(db, 1, 5, solo=True)
    put(db, record("1", title="three"), 5)
    queue.snooze(db, job, Snooze(60, "error_500", solo=True), 6)
    assert next_attempt(db, "1") == 60
    assert queue.claim(db, 9, 59) == queue.claim(db, 9, 59, solo=True) == []
    (job,) = queue.claim(db, 1, 60, solo=True)
    assert job.record.fields == {"title": "three"}


def test_news_wait_for_no_kind_of_call(db: sqlite3.Connection) -> None:
    """What else a record says is not kept back by pictures that fail."""
    put_off(db, "1", 3600, reason="pictures_fail", blocked="pictures:1")
    put(db, record("1", summary="S"), 9)
    assert only(db, 9).blocked is None


def test_one_of_those_who_wait_tries_a_kind_of_call(db: sqlite3.Connection) -> None:
    """Whoever was tried longest ago, and nobody else until it is known."""
    for key in ("1", "2", "3"):
        put_off(db, key, 3600, reason="edits_fail", blocked="edits:1")
    put_off(db, "other", 3600, reason="edits_fail", blocked="edits:2")
    for now in (1.0, 2.0, 3.0):
        blocked.choose_next(db, "edits:1", now)
        blocked.choose_next(db, "edits:1", now)
        assert queue.next_due(db, solo=True) == now
        (job,) = queue.claim(db, 9, now, solo=True)
        assert job.record.key == f"{now:.0f}"
        blocked.choose_next(db, "edits:1", now)
        assert queue.next_due(db, solo=True) is None  # it is in flight
        why = Snooze(3600, "edits_fail", blocked="edits:1")
        queue.snooze(db, job, why, now)
    assert queue.next_due(db, solo=False) == 3600


def test_who_was_to_try_goes_and_another_one_does(db: sqlite3.Connection) -> None:
    """With its source: nobody waits for it in vain."""
    other = replace(record("first", title="T"), source="other")
    put(db, other)
    put(db, record("second", title="T"))
    for job in queue.claim(db, 9, 0):
        queue.snooze(db, job, Snooze(3600, "edits_fail", blocked="edits:1"), 0)
    blocked.choose_next(db, "edits:1", 60)
    assert dropping.discard_source(db, "other", 1) == 1
    assert keys(queue.claim(db, 9, 1, solo=True)) == ["second"]


def test_a_kind_that_works_again_wakes_whoever_waits_for_it(
    db: sqlite3.Connection,
) -> None:
    """Those whose own call failed come alone, and a little later."""
    put_off(db, "own", 0, reason="edits_fail", solo=True)
    for key in ("own", "calm", "chosen"):
        put_off(db, key, 3600, reason="edits_fail", blocked="edits:1")
    put_off(db, "asked", 3600, reason="edits_fail", solo=True)
    put_off(db, "item", 3600, reason="error_500", solo=True)
    put_off(db, "elsewhere", 3600, reason="edits_fail", blocked="edits:2")
    blocked.choose_next(db, "edits:1", 600)
    assert blocked.unblock(db, "edits:1", "edits_fail", 100) == 3
    assert keys(queue.claim(db, 9, 100)) == ["calm", "chosen"]
    assert queue.claim(db, 9, 109, solo=True) == []
    assert keys(queue.claim(db, 9, 110, solo=True)) == ["own"]
    assert keys(queue.claim(db, 9, 160, solo=True)) == ["asked"]
    assert next_attempt(db, "item") == next_attempt(db, "elsewhere") == 3600


def test_a_trial_that_failed_is_not_the_next_one(db: sqlite3.Connection) -> None:
    """Never tried comes first, then tried longest ago; whatever came in meanwhile."""
    for key in ("1", "2", "3"):
        put(db, record(key, title="T"), priority=Priority(key != "3"))
    tried = []
    for now in range(1, 7):
        (job,) = queue.claim_trial(db, now)
        tried.append(job.record.key)
        if now == 4:  # overtaken: it is due at once
            put(db, record(job.record.key, title="New"), now)
        queue.snooze(db, job, Snooze(now + 0.5), now)
    assert tried == ["3", "1", "2"] * 2


def test_a_clock_that_was_ahead_keeps_no_trial_in_front(db: sqlite3.Connection) -> None:
    """Else the same one would come first until the clock is there again."""
    for key in ("1", "2"):
        put(db, record(key, title="T"))
        put_off(db, key, 0)
    db.execute("UPDATE job SET tried = 1e6")
    queue.recover(db, 10, 3600)
    (first,) = queue.claim_trial(db, 11)
    queue.snooze(db, first, Snooze(12), 11)
    assert queue.claim_trial(db, 12)[0].id != first.id


def test_what_was_in_doubt_is_paid_for_once_proven(db: sqlite3.Connection) -> None:
    """By nobody else, and not by who has gone."""
    put_off(db, "1", 5, reason="error_500", solo=True)
    put(db, record("2", title="T"))
    queue.charge(db, [1, 77])
    assert [job.attempts for job in jobs_view.listing(db)[0]] == [1, 0]


def test_after_what_nobody_foresaw_each_comes_alone(db: sqlite3.Connection) -> None:
    """And waits for no kind of call any more: who is to try one is chosen."""
    for key in ("1", "2"):
        put_off(db, key, 0, reason="edits_fail", blocked="edits:1")
    queue.make_solo(db, queue.claim(db, 9, 0), 0)
    assert queue.claim(db, 9, 0) == []
    jobs = queue.claim(db, 9, 0, solo=True)
    assert [(job.attempts, job.blocked) for job in jobs] == [(0, None)] * 2


def test_nobody_beside_it_is_taken_for_what_brings_the_process_down(
    db: sqlite3.Connection,
) -> None:
    """Whoever was in flight then is not beside others any more."""
    put_off(db, "sick", 0, reason="error_500", solo=True)
    put(db, record("poison", title="T"))
    for _ in range(6):
        jobs = [*queue.claim(db, 1, 0, solo=True), *queue.claim(db, 9, 0)]
        if "poison" in keys(jobs):
            queue.recover(db, 0, 600)
        else:
            queue.snooze(db, jobs[0], Snooze(0, "error_500", solo=True), 0)
    failed, _ = jobs_view.listing(db, state="failed")
    assert [job.key for job in failed] == ["poison"]


def test_a_trial_is_found_without_looking_through_all_that_is_due(
    db: sqlite3.Connection,
) -> None:
    """Each of its questions walks an index, whose order is the wanted one."""
    for sql, values, index in (
        (queue.NEVER_TRIED, (0, 1, 5.0), "job_due"),
        (queue.TRIED_LONGEST_AGO, (5.0,), "job_tried_first"),
    ):
        steps = [row[3] for row in db.execute(f"EXPLAIN QUERY PLAN {sql}", values)]
        assert f"INDEX {index}" in steps[0]
        assert not [
            step for step in steps[1:] if "ROWID SEARCH ON TABLE lease" not in step
        ]


def test_a_record_that_goes_well_is_never_listed_among_those_tried(
    db: sqlite3.Connection,
) -> None:
    """The index of a trial costs what goes well no write to the disk."""
    (condition,) = db.execute(
        "SELECT sql FROM sqlite_schema WHERE name = 'job_tried_first'"
    ).fetchone()
    condition = condition.partition("WHERE")[2]

    def listed() -> int:
        sql = f"SELECT count(*) FROM job WHERE {condition}"  # noqa: S608  # our own
        return int(db.execute(sql).fetchone()[0])

    put(db, record(title="T"))
    assert listed() == 0
    job = only(db)
    assert listed() == 0
    queue.snooze(db, job, Snooze(5), 0)
    assert listed() == 1


# -- a source that goes back, and keys that are used again ----------------------------


@pytest.mark.parametrize("state", ["waits", "failed", "in line"])
def test_a_reused_key_is_another_record(db: sqlite3.Connection, state: str) -> None:
    """Nothing of the old one is left to be written, however much newer it was."""
    old = replace(mirrored(9, title="Old", studio="S"), files=("a", "path a"))
    put(db, old)
    if state == "in line":
        queue.settle(db, only(db), "1", 0)
    elif state == "failed":
        queue.fail(db, only(db), "rejected", 0)
    elsewhere = Find(("/m/other.mkv",))
    new = replace(mirrored(3, title="New"), files=("b",), find=elsewhere)
    assert put(db, new) is not None
    job = only(db)
    assert job.record == new
    assert queue.settle(db, job, "2", 0)
    assert put(db, new) is None


def test_a_file_in_common_is_the_same_record(db: sqlite3.Connection) -> None:
    """A file was moved, or one was added: by its hash, or its path, it is known again."""
    put(db, replace(mirrored(3, title="T"), files=("hash a", "path a")))
    put(db, replace(mirrored(2, title="older"), files=("hash a",)))
    put(db, replace(mirrored(3, title="T"), files=("hash a", "path b")))
    assert only(db).record.fields == {"title": "T"}
    leases.end_all(db)
    put(db, replace(mirrored(4, title="T"), files=("hash c", "path b")))
    queue.settle(db, only(db), "1", 0)
    # Path by path, it is still the same: each look remembers the marks of today.
    put(db, replace(mirrored(4, title="T"), files=("hash d", "path b")))
    put(db, replace(mirrored(4, title="T"), files=("hash d", "path e")))
    assert put(db, replace(mirrored(3, title="x"), files=("path e",))) is None


def test_a_job_in_flight_of_a_reused_key(db: sqlite3.Connection) -> None:
    """What it brought into line says nothing of the record that has the key now."""
    put(db, replace(mirrored(9, title="Old"), files=("a",)))
    flying = only(db)
    new = replace(mirrored(3, title="New"), files=("b",))
    put(db, new)
    assert not queue.settle(db, flying, "1", 0)
    assert only(db).record == new


@pytest.mark.parametrize("state", ["waits", "in line"])
def test_a_source_that_went_back_counts(db: sqlite3.Connection, state: str) -> None:
    """A restored database, or a clock that was ahead: what was asked for later is later."""
    put(db, mirrored(9, title="New", studio="S"), now=100)
    if state == "in line":
        queue.settle(db, only(db, 100), "1", 100)
    before = replace(mirrored(3, title="Old"), asked=99.0)
    put(db, before, now=101)
    if state == "in line":
        assert jobs_view.find_job(db, "stash", "1") is None
    else:
        assert only(db, 101).record.revision == 9
        leases.end_all(db)
    after = replace(mirrored(3, title="Old"), asked=101.5)
    assert put(db, after, now=102) is not None
    job = only(db, 102)
    assert job.record == after
    queue.settle(db, job, "1", 102)
    # From then on revisions count from there.
    assert put(db, mirrored(4, title="Newer"), now=103) is not None


def test_what_was_asked_for_before_an_equal_one_came_in_is_older(
    db: sqlite3.Connection,
) -> None:
    """Somebody edits and takes it back while a slow page is under way."""
    put(db, mirrored(1, title="T"), now=100)
    queue.settle(db, only(db, 100), "1", 100)
    put(db, mirrored(3, title="T"), now=200)
    slow = replace(mirrored(2, title="For a moment"), asked=150.0)
    assert put(db, slow, now=201) is None
    restored = replace(mirrored(2, title="Restored"), asked=202.0)
    assert put(db, restored, now=203) is not None


@pytest.mark.parametrize("state", ["waits", "failed", "in line"])
def test_a_source_that_went_back_counts_after_the_clock_did(
    db: sqlite3.Connection, state: str
) -> None:
    """What came in before a start is older than what is asked for after it."""
    put(db, mirrored(9, title="New", studio="S"), now=1000)
    if state == "in line":
        queue.settle(db, only(db, 1000), "1", 1000)
    if state == "failed":
        queue.fail(db, only(db, 1000), "rejected", 1000)
    queue.recover(db, 400, 3600)
    before = replace(mirrored(3, title="Old"), asked=401.0)
    if state == "failed":
        assert intake.refresh(db, before, 402)
        failed_rows.retry(db, Choice(), 402)
    else:
        assert put(db, before, now=402) is not None
    assert only(db, 402).record == before


def test_what_came_in_later_is_not_withheld(db: sqlite3.Connection) -> None:
    """A long comparison may tell what its source said before the newest record."""
    put(db, mirrored(1, title="T"), now=9)
    dropping.withhold(db, "stash", ["1"], 9, asked=8)
    assert only(db, 9).record.key == "1"
    dropping.withhold(db, "stash", ["1"], 9, asked=10)
    assert jobs_view.listing(db) == ([], 0)


@pytest.mark.parametrize("failed_before", [False, True])
def test_what_is_withheld_goes(db: sqlite3.Connection, failed_before: bool) -> None:
    """Its source does not want it any more: what waits is not written; others are."""
    put(db, mirrored(1, title="T"))
    put(db, record(key="2", title="T"))
    put(db, replace(mirrored(1, title="T"), source="other"))
    if failed_before:
        (job,) = [each for each in queue.claim(db, 9, 0) if each.record.key == "1"][:1]
        queue.fail(db, job, "rejected", 0)
        leases.end_all(db)
    dropping.withhold(db, "stash", ["1", "3"], 0)
    jobs, _ = jobs_view.listing(db)
    assert {(job.source, job.key) for job in jobs} == {("stash", "2"), ("other", "1")}
