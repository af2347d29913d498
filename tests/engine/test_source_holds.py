"""A source that is held: its jobs wait, nothing of it is written, all others go on."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
import sqlite3

import pytest

from custom_components.plexsync.engine.jobs import (
    blocked,
    failed_rows,
    intake,
    jobs_view,
    leases,
    queue,
    source_holds,
)
from custom_components.plexsync.engine.jobs.failed_rows import Choice
from custom_components.plexsync.engine.jobs.gone_records import WhenGone
from custom_components.plexsync.engine.jobs.job import Priority
from custom_components.plexsync.engine.jobs.queue import Snooze
from custom_components.plexsync.engine.layout import LAYOUT
from custom_components.plexsync.engine.model.events import SourceHoldChanged
from custom_components.plexsync.engine.model.holds import Hold, SourceHold, foremost
from custom_components.plexsync.engine.model.record import Find, Record
from tests.rig import Rig, library

from .test_owners import Shelf

FIRST, MASS = SourceHold.FIRST_PLAN, SourceHold.MASS_CHANGE
FILMS = 12
FREE = ("job_due", "job_tried_first", "job_age")  # indexes that have no held job


@pytest.fixture
def shelf() -> Shelf:
    """Give an empty source."""
    return Shelf()


@pytest.fixture
async def rig(socket_enabled: None, tmp_path: Path, shelf: Shelf) -> AsyncIterator[Rig]:
    """Give an engine that works."""
    async with library(FILMS) as plex:
        rig = Rig(plex, tmp_path, fresh=shelf.fresh)
        await rig.start()
        yield rig
        await rig.stop()


def by_hand(rig: Rig, number: int) -> Record:
    """Say something of a film that no source says."""
    return Record("action", f"a{number}", Find((rig.path(number),)), {"studio": "Ours"})


# The engine


async def test_jobs_of_a_held_source_wait_and_all_others_go_on(rig: Rig) -> None:
    """Over a restart, too; what comes in later waits with them, until the hold is over."""
    holds = rig.engine.source_holds
    await holds.hold("stash", FIRST)
    assert SourceHoldChanged("stash", FIRST, True) in rig.events
    await rig.submit([*rig.records(4), by_hand(rig, 12)])

    async def written() -> bool:
        return (await rig.engine.snapshot()).pending == 4

    await rig.until(written)
    assert rig.item(12).values["studio"] == "Ours"
    await rig.restart()
    assert rig.engine.source_holds.of("stash") == {FIRST: None}
    await rig.submit([*rig.records(8)[4:], by_hand(rig, 11)])

    async def more() -> bool:
        return (await rig.engine.snapshot()).pending == 8

    await rig.until(more)
    assert rig.edits() == 2
    snapshot = await rig.engine.snapshot()
    assert not snapshot.at_work
    assert snapshot.oldest is None  # what its owner holds is nobody's problem
    await rig.engine.source_holds.lift("stash", FIRST)
    await rig.drained()
    assert not rig.in_line(rig.records(8))


async def test_a_hold_is_known_though_its_caller_left(rig: Rig) -> None:
    """A comparison may be cancelled just as it asks its owner about records that are gone."""
    holds = rig.engine.source_holds
    for held in (True, False):
        change = holds.hold("stash", MASS) if held else holds.lift("stash", MASS)
        task = asyncio.ensure_future(change)
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
        await rig.until(lambda held=held: holds.is_held("stash") is held)  # type: ignore[misc]
    told = [event for event in rig.events if isinstance(event, SourceHoldChanged)]
    assert [event.active for event in told] == [True, False]


async def test_two_holds_are_lifted_one_by_one(rig: Rig) -> None:
    """Each has its own end, and its own event."""
    holds = rig.engine.source_holds
    await holds.hold("stash", FIRST)
    await holds.hold("stash", MASS, {"gone": 3, "known": 9})
    await rig.submit(rig.records(2))
    await holds.lift("stash", FIRST)
    assert holds.of("stash") == {MASS: {"gone": 3, "known": 9}}
    assert rig.edits() == 0
    await holds.lift("stash", FIRST)
    await holds.lift("stash", MASS)
    await rig.drained()
    assert [event for event in rig.events if isinstance(event, SourceHoldChanged)] == [
        SourceHoldChanged("stash", FIRST, True),
        SourceHoldChanged("stash", MASS, True),
        SourceHoldChanged("stash", FIRST, False),
        SourceHoldChanged("stash", MASS, False),
    ]


async def test_a_question_that_was_answered_has_no_numbers_any_more(rig: Rig) -> None:
    """They come late: somebody lifted the hold while they were counted."""
    holds = rig.engine.source_holds
    await holds.ask("stash", FIRST, {"differs": 3})
    assert not holds.of("stash")
    await holds.hold("stash", FIRST)
    await holds.ask("stash", FIRST, {"differs": 3})
    assert holds.of("stash") == {FIRST: {"differs": 3}}


async def test_jobs_say_what_holds_them(rig: Rig) -> None:
    """The server's hold first; each filter gives what it names."""
    await rig.halt()
    await rig.engine.source_holds.hold("stash", FIRST)
    await rig.submit([*rig.records(1), by_hand(rig, 2)])
    status = rig.engine.job_status

    async def shown(**filters: str) -> list[tuple[str, str, str | None, str | None]]:
        jobs, total = await status.jobs(**filters)
        assert total == len(jobs)
        return [(job.source, job.state, job.reason, job.hold) for job in jobs]

    held, ready = (
        ("stash", "held", "held", FIRST),
        ("action", "ready", None, None),
    )
    assert await shown() == [held, ready]
    assert await shown(state="pending") == [held, ready]
    assert await shown(state="held") == await shown(reason="held") == [held]
    assert await shown(state="ready") == [ready]
    assert await shown(state="waiting") == []
    assert (await status.of("stash", "scene:1")).reason == "held"
    assert status.hold_of("stash") == FIRST
    assert status.hold_of("action") is None

    await rig.engine.switch(False)
    off = [
        ("stash", "held", "held", Hold.SWITCH),
        ("action", "held", "held", Hold.SWITCH),
    ]
    assert await shown() == await shown(state="held", reason="held") == off
    assert await shown(state="ready") == []
    rig.engine.circuit.hold(Hold.AUTH, True)
    rig.engine.circuit.hold(Hold.WRONG_SERVER, True)
    assert status.hold_of("stash") == Hold.SWITCH
    await rig.engine.switch(True)
    assert status.hold_of("stash") == Hold.WRONG_SERVER


async def test_what_was_claimed_before_is_given_back(rig: Rig) -> None:
    """A mass change is seen while jobs are in flight: none of them is written."""
    rig.plex.latency_read = 0.3
    await rig.submit(rig.records(3))
    await rig.until(lambda: rig.plex.journal.count(path="/library/metadata"))
    await rig.engine.source_holds.hold("stash", MASS, {"gone": 3, "known": 9})

    async def idle() -> bool:
        jobs, _ = await rig.engine.job_status.jobs(state="held")
        return len(jobs) == 3

    await rig.until(idle)
    rig.plex.latency_read = 0.0
    assert rig.edits() == 0
    await rig.engine.source_holds.lift("stash", MASS)
    await rig.drained()
    assert not rig.in_line(rig.records(3))


async def test_a_sweep_hands_nothing_over(rig: Rig, shelf: Shelf) -> None:
    """The record that an item follows is gone; its heir waits like all of its source."""
    shelf.put(*rig.records(2))
    await rig.submit(shelf.records.values())
    await rig.drained()
    rig.plex.core.merge(rig.item(1), rig.item(2))
    await rig.engine.source_holds.hold("stash", MASS, {"gone": 3, "known": 9})
    del shelf.records["scene:1"]

    async def pages() -> AsyncIterator[Sequence[Record]]:
        yield list(shelf.records.values())

    edits = rig.edits()
    assert await rig.engine.sweep.run(pages()) == {"skipped:shared_item": 1}
    await rig.engine.source_holds.lift("stash", MASS)
    await rig.drained()
    assert rig.edits() == edits
    assert await rig.engine.sweep.run(pages()) == {"differs": 1}
    await rig.drained()
    assert rig.item(1).title == "New 2"


async def test_a_mass_change_holds_its_source_until_it_is_answered(
    rig: Rig, shelf: Shelf
) -> None:
    """Or until the records are there again; no undo that was owed goes on meanwhile."""
    shelf.put(*(replace(each, mirror=True) for each in rig.records(FILMS)))
    await rig.submit(shelf.records.values())
    await rig.drained()

    async def listing() -> AsyncIterator[Sequence[str]]:
        yield list(shelf.records)

    async def look() -> bool:
        now = rig.engine.clock.steady()
        found = await rig.engine.gone_records.look(
            "stash", listing(), now, WhenGone.UNDO
        )
        return found.asks

    kept = dict(shelf.records)
    shelf.records.clear()
    assert await look()
    holds = rig.engine.source_holds
    assert holds.of("stash") == {MASS: {"known": FILMS, "gone": FILMS}}
    await rig.submit(rig.records(1, "Newer"))
    shelf.put(*kept.values())
    assert not await look()
    assert not holds.of("stash")
    await rig.drained()
    assert rig.item(1).title == "Newer 1"

    shelf.records.clear()
    assert await look()
    await rig.engine.gone_records.agree("stash")
    assert not holds.of("stash")
    assert not await look()
    await rig.until(lambda: not any(item.locks for item in rig.items()))


async def test_what_is_owed_to_items_waits_with_their_source(
    rig: Rig, shelf: Shelf
) -> None:
    """And goes on by itself once the hold is over."""
    shelf.put(*(replace(each, mirror=True) for each in rig.records(FILMS)))
    await rig.submit(shelf.records.values())
    await rig.drained()
    lost = shelf.records.pop("scene:1")

    async def listing() -> AsyncIterator[Sequence[str]]:
        yield list(shelf.records)

    await rig.halt()
    for _ in range(2):
        now = rig.engine.clock.steady()
        await rig.engine.gone_records.look("stash", listing(), now, WhenGone.UNDO)
    await rig.engine.source_holds.hold("stash", FIRST)
    rig.work()
    rig.engine.undo_runs.look()
    await rig.submit([by_hand(rig, 12)])
    await rig.until(lambda: rig.item(12).values["studio"] == "Ours")
    assert rig.item(1).title == lost.fields["title"]
    await rig.engine.source_holds.lift("stash", FIRST)
    await rig.until(lambda: not rig.item(1).locks)


async def test_a_source_that_is_removed_is_held_no_more(rig: Rig) -> None:
    """Nothing is left of it that a source of the same name would find."""
    await rig.engine.source_holds.hold("stash", FIRST)
    await rig.submit(rig.records(2))
    assert await rig.engine.remove_source("stash") == 2
    assert not rig.engine.source_holds.all
    await rig.submit(rig.records(2))
    await rig.drained()
    assert rig.edits() == 2


async def test_some_items_are_shown_and_nothing_is_written(rig: Rig) -> None:
    """Those that would change, by their titles in Plex, with the fields that would."""
    await rig.engine.source_holds.hold("stash", FIRST)
    same = rig.item(1)
    await rig.submit(
        [
            Record("stash", "same", Find((rig.path(1),)), {"title": same.title}),
            Record("stash", "lost", Find(("/nowhere.mkv",)), {"title": "x"}),
            *rig.records(FILMS)[1:],
        ]
    )
    found = await rig.engine.on_demand.glimpse("stash", 6)
    assert 4 <= len(found) <= 6
    assert {each.title for each in found} <= {item.title for item in rig.items()[1:]}
    assert set(found[0].fields) == {"title", "summary", "genres", "actors"}
    assert rig.edits() == 0


# The queue


@pytest.fixture
def db() -> Iterator[sqlite3.Connection]:
    """Give an empty queue in memory."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    for schema in LAYOUT.schemas:
        connection.executescript(schema)
    yield connection
    connection.close()


def put(db: sqlite3.Connection, source: str, key: str) -> None:
    """Enqueue."""
    record = Record(source, key, Find((f"/{key}",)), {"title": key})
    intake.enqueue(db, record, Priority.BULK, 0)


def hold(db: sqlite3.Connection, source: str, *, held: bool = True) -> None:
    """Hold a source, or let it go on."""
    if held:
        db.execute("INSERT INTO source_hold VALUES (?, ?, NULL)", (source, FIRST))
    else:
        db.execute("DELETE FROM source_hold WHERE source = ?", (source,))
    source_holds.mark_held(db, source, 0, held=held)


def test_no_trial_is_a_held_job(db: sqlite3.Connection) -> None:
    """Neither one that was never tried nor one that was; nor is one due, or counted."""
    put(db, "s", "tried")
    (job,) = queue.claim(db, 1, 0)
    queue.snooze(db, job, Snooze(0), 0)
    hold(db, "s")
    put(db, "s", "new")
    assert queue.claim_trial(db, 0) == queue.claim(db, 9, 0) == []
    assert queue.claim(db, 9, 0, solo=True) == []
    assert queue.next_due(db) is None
    assert queue.count_due(db, 0) == 0
    put(db, "t", "other")
    assert [job.record.key for job in queue.claim_trial(db, 0)] == ["other"]
    hold(db, "s", held=False)
    assert [job.record.key for job in queue.claim_trial(db, 0)] == ["new"]
    assert [job.record.key for job in queue.claim_trial(db, 0)] == ["tried"]
    assert jobs_view.counts(db).pending == 3


def test_failed_jobs_that_are_retried_wait_as_well(db: sqlite3.Connection) -> None:
    """Whether they failed before the hold or not."""
    put(db, "s", "k")
    (job,) = queue.claim(db, 1, 0)
    queue.fail(db, job, "ambiguous", 0)
    hold(db, "s")
    assert failed_rows.retry(db, Choice(), 0) == 1
    assert queue.claim(db, 1, 0) == []
    assert [each.hold for each in jobs_view.listing(db)[0]] == [FIRST]


def test_a_kind_of_call_is_tried_by_a_job_that_may(db: sqlite3.Connection) -> None:
    """Else nobody would find out that it works again."""
    for source in ("s", "t"):
        put(db, source, source)
    for job in queue.claim(db, 9, 0):
        queue.snooze(db, job, Snooze(600, blocked="picture"), 0)
    blocked.choose_next(db, "picture", 1)
    hold(db, "s")
    assert [job.record.key for job in queue.claim(db, 9, 1, solo=True)] == ["t"]
    leases.end_all(db)
    hold(db, "s", held=False)
    assert [job.record.key for job in queue.claim(db, 9, 1, solo=True)] == ["t"]


@pytest.mark.parametrize("held", [0, 2000])
def test_the_take_does_not_look_at_held_jobs(db: sqlite3.Connection, held: int) -> None:
    """However many they are: each question walks an index that has none of them."""
    hold(db, "s")
    for number in range(held):
        put(db, "s", str(number))
    asked: list[str] = []
    db.set_trace_callback(asked.append)
    queue.claim(db, 100, 0)
    queue.claim_trial(db, 0)
    queue.next_due(db)
    queue.next_due(db, solo=False, priorities=[Priority.INTERACTIVE])
    queue.count_due(db, 0)
    db.set_trace_callback(None)
    assert len(asked) >= 10
    for sql in asked:
        steps = [row[3] for row in db.execute(f"EXPLAIN QUERY PLAN {sql}")]
        assert any(f"INDEX {index}" in steps[0] for index in FREE), steps
        assert not [
            step for step in steps[1:] if "ROWID SEARCH ON TABLE lease" not in step
        ]
    for index in FREE:
        (condition,) = db.execute(
            "SELECT sql FROM sqlite_schema WHERE name = ?", (index,)
        ).fetchone()
        where = condition.partition("WHERE")[2]
        sql = f"SELECT count(*) FROM job WHERE {where}"  # noqa: S608  # our own words
        assert db.execute(sql).fetchone() == (0,)


def test_the_foremost_hold_is_the_first_of_its_kind() -> None:
    """None where there is none."""
    assert foremost([]) is None
    assert foremost([Hold.LEDGER, Hold.AUTH]) is Hold.AUTH
    assert foremost({SourceHold.AWAY: None, MASS: None}) is MASS
