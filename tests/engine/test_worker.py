"""The worker on a real server over real HTTP: budgets, faults, nothing lost."""

import asyncio
from collections.abc import Callable
import copy
from dataclasses import replace
from sqlite3 import Connection
import threading
import time
from typing import Any

import aiohttp
import pytest

from custom_components.plexsync.engine.circuit.breaker import State
from custom_components.plexsync.engine.jobs.job import Priority
from custom_components.plexsync.engine.model.events import (
    CircuitClosed,
    CircuitHalfOpened,
    CircuitMoved,
    CircuitOpened,
    HoldChanged,
)
from custom_components.plexsync.engine.model.fields import FIELDS
from custom_components.plexsync.engine.model.holds import Hold
from custom_components.plexsync.engine.model.ports import Item
from custom_components.plexsync.engine.model.record import (
    Actor,
    Find,
    Image,
    Record,
    Value,
)
from custom_components.plexsync.engine.plan.plan import Plan
from custom_components.plexsync.engine.worker.fresh import FRESH
from custom_components.plexsync.plex.events import PlexEvents
from tests.rig import PNG, WITHIN, Rig
from tests.simulators.plex.messages import Request

LISTING = r"/library/sections/\d+/all"


def _listings(rig: Rig) -> int:
    """Count the pages that were listed; a probe's count asks for no row."""
    return sum(
        entry.param("X-Plex-Container-Size") != "0"
        for entry in rig.plex.journal.matching(method="GET", path=LISTING)
    )


async def test_a_first_run_and_the_budgets(rig: Rig) -> None:
    """⌈N/1000⌉ listings once, 1 edit a record, shared reads; then nothing at all."""
    records = rig.records(120)
    await rig.submit(records)
    await rig.drained()
    assert rig.in_line(records) == []
    journal = rig.plex.journal
    assert journal.count(method="PUT") == 120
    assert _listings(rig) == 1

    journal.clear()
    await rig.submit(rig.records(120))
    await rig.drained()
    assert len(journal) == 0

    await rig.submit(rig.records(100, "Newer"))
    await rig.drained()
    assert len(journal) <= 105
    assert journal.count(method="PUT") == 100


async def test_a_single_change_takes_three_requests(rig: Rig) -> None:
    """Read, edit, read back."""
    await rig.submit(rig.records(1))
    await rig.drained()
    rig.plex.journal.clear()
    await rig.submit(rig.records(1, "Newer"))
    await rig.drained()
    assert [entry.method for entry in rig.plex.journal] == ["GET", "PUT", "GET"]


async def test_a_restart_lists_nothing_again(rig: Rig) -> None:
    """The index is on disk; a start verifies with a probe."""
    await rig.submit(rig.records(2))
    await rig.drained()
    await rig.restart()
    rig.plex.journal.clear()
    await rig.submit(rig.records(2, "Newer"))
    await rig.drained()
    assert _listings(rig) == 0


async def test_nothing_is_written_that_would_change_nothing(rig: Rig) -> None:
    """Plex shows already what the record says."""
    item = rig.item(1)
    record = Record("stash", "1", Find((rig.path(1),)), {"title": item.title})
    await rig.submit([record])
    await rig.drained()
    assert rig.edits() == 0
    assert (await rig.engine.snapshot()).statistics.unchanged == 1


async def test_what_a_source_says_again_is_no_news(rig: Rig) -> None:
    """Its looks overlap, and soon after a sync it doubts its pictures: neither counts."""
    posters = {"poster": Image("/scene/1", "perhaps")}
    records = rig.records(3, **posters)
    await rig.engine.submit(records, Priority.BULK, cursor=("stash", "1"))
    await rig.drained()
    await rig.engine.submit(records, Priority.BULK, cursor=("stash", "2"))
    surely = rig.records(3, poster=Image("/scene/1", "surely"))
    await rig.engine.submit(surely, Priority.BULK, cursor=("stash", "3"))
    await rig.drained()
    counted = (await rig.engine.snapshot()).statistics
    assert (counted.synced, counted.unchanged) == (3, 0)
    # Whoever asks is answered, and counted.
    receipts = await rig.engine.submit(surely, Priority.INTERACTIVE)
    assert {receipt.job for receipt in receipts} == {None}
    assert (await rig.engine.snapshot()).statistics.unchanged == 3


async def test_what_was_kept_is_known_of_an_equal_record(rig: Rig) -> None:
    """Also after a restart, until the record is brought into line anew."""
    item = rig.item(1)
    item.values["summary"] = "Theirs."
    item.locks.add("summary")
    (record,) = rig.records(1)
    kept: dict[str, str] = {"summary": "locked"}
    for _ in range(2):
        await rig.submit([record])
        await rig.drained()
        (receipt,) = await rig.engine.submit([record], Priority.INTERACTIVE)
        assert (receipt.job, receipt.kept) == (None, kept)
        await rig.restart()
    rig.plex.core.set_lock(item.rating_key, "summary", False)
    await rig.engine.submit(rig.records(1, "Newer"), Priority.INTERACTIVE)
    await rig.drained()
    (newer,) = rig.records(1, "Newer")
    (receipt,) = await rig.engine.submit([newer], Priority.INTERACTIVE)
    assert (receipt.job, receipt.kept) == (None, {})


async def test_pictures_are_sent_when_their_bytes_changed_only(rig: Rig) -> None:
    """One POST a changed picture, none for one that only may have changed."""
    posters = {"poster": Image("/scene/1", "a")}
    await rig.submit(rig.records(1, **posters))
    await rig.drained()
    assert rig.plex.journal.count(method="POST") == 1
    rig.plex.journal.clear()

    posters = {"poster": Image("/scene/1", "b")}
    await rig.submit(rig.records(1, **posters))
    await rig.drained()
    assert len(rig.plex.journal) == 0

    rig.gallery.pictures["/scene/1"] = b"\xff\xd8\xff\xe0 another picture" + bytes(64)
    posters = {"poster": Image("/scene/1", "c")}
    await rig.submit(rig.records(1, **posters))
    await rig.drained()
    assert rig.plex.journal.count(method="POST") == 1
    assert rig.plex.journal.count(method="PUT") == 0


async def test_our_own_edit_costs_no_read_before_the_picture(rig: Rig) -> None:
    """Plex tells of every edit, ours among them: read, edit, upload, read back."""
    await rig.submit(rig.records(1))
    await rig.drained()
    key = str(rig.item(1).rating_key)
    stop = rig.plex.core.subscribe(lambda event: rig.engine.plex_notices.void(key))
    rig.plex.journal.clear()
    await rig.submit(rig.records(1, "Newer", poster=Image("/scene/1", "a")))
    await rig.drained()
    stop()
    methods = [entry.method for entry in rig.plex.journal]
    # Between edit and upload: which picture was selected before our first.
    assert methods == ["GET", "PUT", "GET", "POST", "GET"]


async def test_no_picture_is_loaded_twice_for_want_of_room(rig: Rig) -> None:
    """A hundred covers of 450 kB are more than one turn holds in memory."""
    fields = []
    for number in range(1, 91):
        ref = f"/scene/{number}"
        rig.gallery.pictures[ref] = PNG + bytes([number]) * 450_000
        fields.append(Image(ref, "a"))
    await rig.submit(
        Record("stash", f"{n}", Find((rig.path(n),)), {"poster": poster})
        for n, poster in enumerate(fields, 1)
    )
    await rig.drained()
    assert rig.plex.journal.count(method="POST") == 90
    assert rig.gallery.asked == 90


async def test_what_a_cut_write_left_is_taken_back(rig: Rig) -> None:
    """Back to what was in line, with a picture that is the same: Plex is not so now."""
    first, second = (
        Record("stash", "1", Find((rig.path(1),)), {"title": title, "poster": poster})
        for title, poster in (
            ("A", Image("/scene/1", "a")),
            ("B", Image("/scene/1", "b")),
        )
    )
    await rig.submit([first])
    await rig.drained()
    rig.plex.kill_when(when="after", method="PUT")
    await rig.submit([second])
    await rig.state(State.OPEN)
    assert rig.item(1).title == "B"

    back = Record(
        "stash", "1", first.find, {"title": "A", "poster": Image("/scene/1", "c")}
    )
    await rig.submit([back])
    rig.plex.faults.clear()
    await rig.plex.start()
    await rig.drained()
    title = rig.item(1).title
    assert title == "A"


async def test_a_cut_write_locks_nothing_that_is_not_ours(rig: Rig) -> None:
    """It locked a field that was right already; then its source changes that one."""
    title = rig.item(1).title
    rig.plex.kill_when(when="after", method="PUT")
    find = Find((rig.path(1),))
    await rig.submit([Record("stash", "1", find, {"title": title, "studio": "S"})])
    await rig.state(State.OPEN)
    await rig.submit([Record("stash", "1", find, {"title": "New", "studio": "S"})])
    rig.plex.faults.clear()
    await rig.plex.start()
    await rig.drained()
    title = rig.item(1).title
    assert title == "New"


STEPS = {
    "connect": {"path": r"^/identity$"},
    "listing": {"path": LISTING, "method": "GET", "nth": 2},
    "read": {"path": r"/library/metadata/[\d,]+$", "method": "GET"},
    "edit": {"method": "PUT", "nth": 7},
    "poster": {"method": "POST", "nth": 3},
    "verify": {"path": r"/library/metadata/[\d,]+$", "method": "GET", "nth": 2},
}


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("step", STEPS)
async def test_killed_in_the_middle_of_a_job(rig: Rig, step: str, when: str) -> None:
    """At each step: no attempt used, the circuit opens, all jobs complete afterwards."""
    plex = rig.plex
    plex.kill_when(when=when, **STEPS[step])
    records = [
        record
        for number, record in enumerate(rig.records(20))
        for record in [rig.records(20, poster=Image(f"/scene/{number}"))[number]]
    ]
    await rig.submit(records)
    await rig.state(State.OPEN)
    jobs, pending = await rig.engine.job_status.jobs()
    assert pending == 20
    assert {(job.attempts, job.state == "failed") for job in jobs} == {(0, False)}

    edits_before = rig.edits()
    plex.faults.clear()
    await plex.start()
    await rig.drained()
    assert rig.in_line(records) == []
    assert rig.engine.circuit.breaker.state is State.CLOSED
    # An edit that was applied is not sent again: only what was cut short is.
    assert rig.edits() - edits_before <= 20
    log = rig.engine.circuit.outages
    assert len(log.outages) == 1
    assert log.current is None


async def test_an_answer_that_was_lost_is_not_written_twice(rig: Rig) -> None:
    """The edit was applied, its answer never came: a fresh read shows it."""
    rig.plex.faults.add("commit_then_drop", method="PUT", times=1)
    records = rig.records(1)
    await rig.submit(records)
    await rig.drained()
    assert rig.in_line(records) == []
    assert rig.edits() == 1
    # And what stood there before is still known.
    item, restored, kept = await rig.engine.undoing.undo(Find((rig.path(1),)))
    assert item is not None
    assert "title" in restored
    assert kept == {}
    assert rig.item(1).title == "Movie 00001"


@pytest.mark.usefixtures("tag_mode")
async def test_lists_come_right_whichever_way_the_server_reads_them(rig: Rig) -> None:
    """What the source dropped goes, what a person added stays."""
    await rig.submit(rig.records(1, genres=("One", "Two, really")))
    await rig.drained()
    item = rig.item(1)
    assert {"One", "Two, really"} <= set(item.tag_names("genre"))
    rig.plex.core.edit_by_person(
        item.rating_key, genres=[*item.tag_names("genre"), "Mine"]
    )
    rig.engine.plex_notices.void(str(item.rating_key))
    await rig.submit(rig.records(1, genres=("One", "Three")))
    await rig.drained()
    names = set(rig.item(1).tag_names("genre"))
    assert {"One", "Three", "Mine"} <= names
    assert "Two, really" not in names


async def test_what_a_person_edited_stays(rig: Rig) -> None:
    """Locked and different from what we wrote."""
    await rig.submit(rig.records(1))
    await rig.drained()
    rig.plex.core.edit_by_person(rig.item(1).rating_key, title="My own words")
    await rig.submit(rig.records(1, "Newer"))
    await rig.drained()
    assert rig.item(1).title == "My own words"
    assert "Newer" in rig.item(1).tag_names("genre")


async def test_an_edit_by_hand_right_after_ours_stays(rig: Rig) -> None:
    """The look at what was written finds a person's words: they are not written over."""
    await rig.submit(rig.records(1))
    await rig.drained()
    core, item = rig.plex.core, rig.item(1)

    def edit_at_once(event: dict[str, Any]) -> None:
        if item.title == "Newer 1":
            core.edit_by_person(item.rating_key, title="My own words")

    stop = core.subscribe(edit_at_once)
    rig.plex.journal.clear()
    await rig.submit(rig.records(1, "Newer"))
    await rig.drained(failed=1)
    stop()
    assert await rig.engine.job_status.reasons() == {"failed:not_kept": 1}
    await rig.engine.failed_jobs.retry()
    await rig.drained()
    assert item.title == "My own words"
    assert item.value("summary") == "Newer lines\nof 1"
    assert rig.edits() == 1


METADATA = r"/library/metadata/\d+$"


@pytest.mark.parametrize("edits", [1, 2, 3])
async def test_what_is_edited_while_it_is_read_is_read_again(
    rig: Rig, edits: int
) -> None:
    """However often that happens; after the third time the job waits a moment."""
    await rig.submit(rig.records(1))
    await rig.drained()
    key = str(rig.item(1).rating_key)
    rig.plex.faults.add("slow", method="GET", path=METADATA, ms=50)
    rig.plex.journal.clear()
    await rig.submit(rig.records(1, "Newer"))
    for number in range(1, edits + 1):
        await rig.plex.journal.arrived(number, method="GET", path=METADATA)
        rig.engine.plex_notices.void(key)
    await rig.drained()
    methods = [entry.method for entry in rig.plex.journal]
    assert methods == ["GET"] * (edits + 1) + ["PUT", "GET"]
    assert rig.item(1).title == "Newer 1"


async def test_what_was_read_too_long_ago_is_read_again(rig: Rig) -> None:
    """No notification is needed for that: Plex may tell us nothing."""
    await rig.submit(rig.records(1))
    await rig.drained()
    ages = iter((FRESH + 1.0,))  # of the first read that is done now
    rig.server._monotonic = lambda: time.monotonic() - next(ages, 0.0)  # noqa: SLF001
    rig.plex.journal.clear()
    await rig.submit(rig.records(1, "Newer"))
    await rig.drained()
    methods = [entry.method for entry in rig.plex.journal]
    assert methods == ["GET", "GET", "PUT", "GET"]


async def test_what_never_stops_changing_waits_unwritten(rig: Rig) -> None:
    """It costs no attempt, and says why."""
    await rig.submit(rig.records(1))
    await rig.drained()
    key = str(rig.item(1).rating_key)
    rig.plex.faults.add("slow", method="GET", path=METADATA, ms=50)
    rig.plex.journal.clear()
    await rig.submit(rig.records(1, "Newer"))
    for number in range(1, 5):
        await rig.plex.journal.arrived(number, method="GET", path=METADATA)
        rig.engine.plex_notices.void(key)

    async def waiting() -> bool:
        return await rig.engine.job_status.reasons() == {"waiting:changing": 1}

    await rig.until(waiting)
    (job,), _ = await rig.engine.job_status.jobs()
    assert job.attempts == 0
    assert rig.edits() == 0
    await rig.drained()
    assert rig.item(1).title == "Newer 1"


async def test_not_in_plex_waits_and_arrives(rig: Rig) -> None:
    """On its own schedule, without an attempt, and not by way of the circuit."""
    path = "/data/movies/Late (2001)/Late (2001).mkv"
    record = Record("stash", "late", Find((path,)), {"title": "At last"})
    await rig.submit([record])
    await rig.until(lambda: _waiting(rig, "not_found"))
    assert rig.engine.circuit.breaker.state is State.CLOSED
    section = next(iter(rig.plex.core.sections.values()))
    rig.plex.core.add_item(section, "Late", file=path)
    await rig.drained()
    assert rig.in_line([record]) == []


async def _waiting(rig: Rig, reason: str) -> bool:
    jobs, _ = await rig.engine.job_status.jobs(reason=reason)
    return bool(jobs)


async def test_two_items_of_one_guid_are_parked(rig: Rig) -> None:
    """Never guessed; the candidates are named."""
    for number in (1, 2):
        rig.item(number).guids = ("imdb://tt9",)
    record = Record("action", "guid", Find(guids=("imdb://tt9",)), {"title": "Which?"})
    await rig.submit([record])
    await rig.drained(failed=1)
    (job,), _ = await rig.engine.job_status.jobs(state="failed")
    assert job.reason == "ambiguous"
    assert len(job.candidates) == 2
    assert rig.edits() == 0


@pytest.mark.usefixtures("tag_mode")
async def test_a_new_rating_key_is_followed_by_the_path(rig: Rig) -> None:
    """The ledger moves with the file; the next record still knows its own tags."""
    await rig.submit(rig.records(1))
    await rig.drained()
    newer = rig.records(1, "Newer")
    rig.plex.core.rekey(rig.item(1))
    await rig.submit(newer)
    await rig.drained()
    moved = next(item for item in rig.items() if "Movie 00001" in item.files[0])
    assert moved.title == "Newer 1"
    assert "New" not in moved.tag_names("genre")


async def test_a_poison_item_fails_alone(rig: Rig) -> None:
    """500 for one item, for ever: its attempts are used, the others are written."""
    rig.plex.faults.add("poison", rating_key=rig.item(3).rating_key)
    records = rig.records(10)
    async with rig.traffic(20):
        await rig.submit(records)
        await rig.failed(1)
    await rig.drained(failed=1)
    (job,), _ = await rig.engine.job_status.jobs(state="failed")
    assert job.key == "scene:3"
    assert rig.in_line(records) == ["scene:3"]
    assert rig.engine.circuit.breaker.state is State.CLOSED


def _says(field: str) -> Callable[[Request], bool]:
    return lambda request: any(name.startswith(field) for name, _ in request.query)


@pytest.mark.usefixtures("tag_mode")
@pytest.mark.parametrize(
    ("code", "reason"), [(409, "conflict"), (400, "bad_request"), (500, "error_500")]
)
async def test_a_refused_field_keeps_no_other_back(
    rig: Rig, code: int, reason: str
) -> None:
    """All others are written, pictures too; the job fails and names the one."""
    rig.plex.faults.add(
        "status",
        code=code,
        method="PUT",
        rating_key=rig.item(3).rating_key,
        where=_says("collection"),
    )
    fields = {"collections": ("Ours",), "poster": Image("/scene/3")}
    async with rig.traffic(20):
        await rig.submit(rig.records(4, **fields)[2:])
        await rig.failed(1)
    await rig.drained(failed=1)
    (job,), _ = await rig.engine.job_status.jobs(state="failed")
    assert (job.key, job.reason) == ("scene:3", reason)
    assert (job.kept, job.candidates) == ({"collections": reason}, ())
    item = rig.item(3)
    assert item.title == "New 3"
    assert {"title", "genre", "actor", "thumb"} <= item.locks
    assert "collection" not in item.locks
    assert rig.item(4).tag_names("collection") == ["Ours"]
    rig.plex.faults.clear()
    await rig.engine.failed_jobs.retry()
    await rig.drained()
    assert item.tag_names("collection") == ["Ours"]


@pytest.mark.parametrize("attempts", [1, 2])
async def test_a_field_that_fails_is_found_after_two_charges_too(
    rig: Rig, attempts: int
) -> None:
    """Two doubts may be settled between two turns: then the first attempt is no turn."""
    rig.plex.faults.add("status", code=500, method="PUT", where=_says("tagline"))
    await rig.halt()
    await rig.submit(rig.records(1, tagline="Refused"))
    await rig.engine.database.run(
        lambda db: db.execute("UPDATE job SET attempts = ?", (attempts,))
    )
    rig.work()
    await rig.drained(failed=1)
    (job,), _ = await rig.engine.job_status.jobs(state="failed")
    assert job.kept == {"tagline": "error_500"}
    assert rig.item(1).title == "New 1"


async def test_a_picture_goes_up_where_all_fields_are_refused(rig: Rig) -> None:
    """The job fails of the fields alone."""
    rig.plex.faults.add("status", code=400, method="PUT")
    fields = {"title": "New", "poster": Image("/scene/1")}
    await rig.submit([Record("automation", "1", Find((rig.path(1),)), fields)])
    await rig.drained(failed=1)
    (job,), _ = await rig.engine.job_status.jobs(state="failed")
    assert (job.reason, job.kept) == ("bad_request", {"title": "bad_request"})
    assert rig.plex.core.image(rig.item(1))


async def test_a_cast_that_no_proxy_lets_through(tag_mode: str, rig: Rig) -> None:
    """399 names behind 8 kB: added bit by bit, or left as they are and named."""
    rig.plex.core.switches.max_request_line = 8000
    before = rig.item(1).tag_names("actor")
    cast = tuple(Actor(f"Somebody with a name {number}") for number in range(399))
    await rig.submit(rig.records(1, actors=cast))
    await rig.drained(failed=int(tag_mode == "replace"))
    item = rig.item(1)
    assert item.title == "New 1"
    if tag_mode == "append":
        assert {*item.tag_names("actor")} == {*before, *(each.name for each in cast)}
        return
    (job,), _ = await rig.engine.job_status.jobs(state="failed")
    assert (job.reason, job.kept) == ("too_long_list", {"actors": "too_long_list"})
    assert item.tag_names("actor") == before
    assert "actor" not in item.locks
    assert rig.edits() < 20


async def test_a_kill_between_the_parts_of_a_list(rig: Rig) -> None:
    """The rest comes later, and all of it is ours: the source takes it back."""
    rig.plex.core.switches.set_tag_mode("append")
    rig.plex.core.switches.max_request_line = 8000
    before = set(rig.item(1).tag_names("actor"))
    cast = tuple(Actor(f"Somebody with a name {number}") for number in range(399))
    rig.plex.kill_when(when="after", method="PUT", nth=5)
    await rig.submit(rig.records(1, actors=cast))
    await rig.until(lambda: not rig.plex.running)
    some = {*rig.item(1).tag_names("actor")} - before
    assert 0 < len(some) < 399
    rig.plex.faults.clear()
    await rig.plex.start()
    await rig.drained()
    names = {each.name for each in cast}
    assert {*rig.item(1).tag_names("actor")} == before | names
    await rig.submit(rig.records(1, "Newer"))
    await rig.drained()
    assert not names & {*rig.item(1).tag_names("actor")}


async def test_refused_access_holds_and_dead_letters_nothing(rig: Rig) -> None:
    """Three 401 in a row ask the owner; the jobs stay, unattempted."""
    rule = rig.plex.faults.add("status", code=401)
    await rig.submit(rig.records(5))
    rig.engine.circuit.breaker.verified = True
    async with asyncio.timeout(25):
        await rig.until(lambda: HoldChanged(Hold.AUTH, True) in rig.events)
    jobs, total = await rig.engine.job_status.jobs()
    assert total == 5
    assert {job.attempts for job in jobs} == {0}
    assert rig.engine.circuit.breaker.state is State.CLOSED
    rig.plex.faults.remove(rule)
    rig.engine.health.hurry()
    await rig.drained()


async def test_another_machine_is_never_written_to(rig: Rig) -> None:
    """Same address, another server: writing stops before the first edit."""
    rig.plex.faults.add("impostor")
    await rig.submit(rig.records(5))
    await rig.until(lambda: HoldChanged(Hold.WRONG_SERVER, True) in rig.events)
    assert rig.edits() == 0
    rig.plex.faults.clear()
    rig.engine.health.hurry()
    await rig.drained()


async def test_switched_off_keeps_jobs_and_writes_nothing(rig: Rig) -> None:
    """Over a restart too."""
    await rig.engine.switch(False)
    await rig.submit(rig.records(3))
    await rig.restart()
    assert (await rig.engine.snapshot()).pending == 3
    assert rig.edits() == 0
    await rig.engine.switch(True)
    await rig.drained()


async def test_the_switch_takes_effect_though_its_caller_left(rig: Rig) -> None:
    """An automation may be stopped while the switch is written to the disk."""
    for on in (False, True):
        task = asyncio.ensure_future(rig.engine.switch(on))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
        await rig.until(
            lambda on=on: (Hold.SWITCH in rig.engine.circuit.holds) is not on
        )  # type: ignore[misc]


@pytest.mark.parametrize("killed", [False, True])
async def test_a_restart_in_an_outage(rig: Rig, killed: bool) -> None:
    """Still open, no job sent, no attempt used, the statistics exact."""
    await rig.submit(rig.records(10))
    await rig.drained()
    before = (await rig.engine.snapshot()).statistics
    await rig.plex.stop()
    await rig.submit(rig.records(10, "Newer"))
    await rig.state(State.OPEN)
    step = rig.engine.circuit.breaker.step
    if killed:
        # Whoever is killed saves nothing more.
        await rig.until(lambda: rig.store.data["breaker"]["state"] == State.OPEN)
        left = copy.deepcopy(rig.store)
    await rig.stop()
    if killed:
        rig.store = left
    rig.plex.journal.clear()
    await rig.start(work=False)
    assert rig.engine.circuit.breaker.state is State.OPEN
    assert rig.engine.circuit.breaker.step >= step
    assert (await rig.engine.snapshot()).statistics == before
    rig.work()
    await rig.plex.start()
    await rig.drained()
    kinds = [type(event) for event in rig.events if isinstance(event, CircuitMoved)]
    assert kinds == [CircuitOpened, CircuitHalfOpened, CircuitClosed]
    after = (await rig.engine.snapshot()).statistics
    assert after.synced == before.synced + 10


async def test_a_trial_that_is_cut_short_says_nothing(rig: Rig) -> None:
    """It is not taken for one that had nothing to write, in the next life either."""
    asked = asyncio.Event()

    async def hang(*_: object) -> None:
        asked.set()
        await asyncio.Event().wait()

    await rig.plex.stop()
    await rig.submit(rig.records(1))
    await rig.state(State.OPEN)
    rig.gallery.fetch = hang
    await rig.submit(rig.records(1, poster=Image("poster", "a")))
    await rig.plex.start()
    await rig.until(asked.is_set)
    assert rig.engine.circuit.breaker.state is State.HALF_OPEN
    await rig.stop()
    assert rig.store.data["breaker"]["quiet"] is False


async def test_every_transition_is_saved_at_once(rig: Rig) -> None:
    """Nobody needs to stop in good order, nor anything else to happen."""
    states: list[str] = []
    save = rig.store.save

    async def keep(data: dict[str, Any]) -> None:
        await save(data)
        if (state := data["breaker"]["state"]) not in states[-1:]:
            states.append(state)

    rig.store.save = keep
    await rig.plex.stop()
    await rig.submit(rig.records(10))
    await rig.state(State.OPEN)
    await rig.plex.start()
    await rig.drained()
    await rig.until(lambda: states == ["open", "half_open", "closed"])


async def test_a_fault_that_is_over_is_not_left_in_the_store(rig: Rig) -> None:
    """After a kill the next outage would be dated back to it."""
    rig.plex.faults.add("status", code=502, method="PUT", times=1)
    circuit = rig.engine.circuit

    async def heartbeat() -> None:
        await rig.until(lambda: circuit.snapshot()["first_fault"] is not None)
        await circuit.save()

    beating = asyncio.create_task(heartbeat())
    await rig.submit(rig.records(1))
    await beating
    assert circuit.breaker.state is State.CLOSED
    await rig.drained()
    await rig.until(lambda: rig.store.data["first_fault"] is None)


async def test_a_fault_that_an_earlier_process_left_is_forgotten_too(rig: Rig) -> None:
    """The first job that goes well says that it is over, on disk as well."""
    await rig.stop()
    now = rig.clock.wall()
    rig.store.data |= {"run": {"7": False}}
    rig.store.data["first_fault"] = now
    await rig.start()
    assert rig.engine.circuit.snapshot()["first_fault"] == now
    await rig.submit(rig.records(1))
    await rig.drained()
    await rig.until(lambda: rig.store.data["first_fault"] is None)


@pytest.mark.parametrize(
    ("action", "what"),
    [("maintenance", {}), ("status", {"code": 502, "method": "PUT"})],
)
async def test_a_server_that_answers_only_some_calls_is_not_hammered(
    rig: Rig, action: str, what: dict[str, Any]
) -> None:
    """A hit in the index proves nothing, nor does a read prove that edits work."""
    await rig.submit(rig.records(10))
    await rig.drained()
    rig.plex.journal.clear()
    rig.plex.faults.add(action, **what)
    await rig.submit(rig.records(10, "Newer"))
    await rig.state(State.OPEN)
    assert len(rig.plex.journal) <= 40
    jobs, _ = await rig.engine.job_status.jobs()
    assert {job.attempts for job in jobs} == {0}
    rig.plex.faults.clear()
    await rig.drained()


async def test_reads_that_fail_are_no_outage(rig: Rig) -> None:
    """What is read waits as a whole, is not hammered, and says why."""
    await rig.submit(rig.records(10))
    await rig.drained()
    rig.plex.journal.clear()
    rig.plex.faults.add("status", code=503, path="/library/metadata")
    await rig.submit(rig.records(10, "Newer"))

    async def waiting() -> bool:
        return await rig.engine.job_status.reasons() == {"waiting:reads_fail": 10}

    await rig.until(waiting)
    assert len(rig.plex.journal) <= 50
    jobs, _ = await rig.engine.job_status.jobs()
    assert {job.attempts for job in jobs} == {0}
    rig.plex.faults.clear()
    await rig.drained()
    assert not rig.engine.circuit.outages.outages


async def test_an_idle_worker_does_nothing(rig: Rig) -> None:
    """No request, no transaction: it waits to be woken."""
    await rig.submit(rig.records(1))
    await rig.drained()
    await rig.halt()
    rig.work()
    await asyncio.sleep(0.2)
    rig.plex.journal.clear()
    commits = rig.engine.database.commits
    await asyncio.sleep(0.5)
    assert len(rig.plex.journal) == 0
    assert rig.engine.database.commits == commits


async def test_without_a_store_it_works_the_same(rig: Rig) -> None:
    """And keeps nothing."""
    await rig.stop()
    rig.store = None
    await rig.start()
    await rig.plex.stop()
    await rig.submit(rig.records(3))
    await rig.state(State.OPEN)
    await rig.restart()
    await rig.state(State.OPEN)  # measured anew, by the first probe
    await rig.plex.start()
    await rig.drained()


@pytest.mark.usefixtures("tag_mode")
async def test_collections_of_others_are_not_emptied(rig: Rig) -> None:
    """The last member stays in a collection that a person made, and leaves ours."""
    rig.plex.core.edit_by_person(rig.item(2).rating_key, collections=["Theirs"])
    await rig.submit(rig.records(2, collections=("Ours", "Theirs")))
    await rig.drained()
    # The person's own member leaves: ours is the last one.
    rig.plex.core.edit_by_person(rig.item(2).rating_key, collections=["Ours"])
    await rig.submit(rig.records(1, "Newer", collections=None))
    await rig.drained()
    assert rig.item(1).tag_names("collection") == ["Theirs"]


TWINS = {
    "an empty smart one": [("Theirs", "1", 0), ("Theirs", "0", 5)],
    "many smart ones": [("Theirs", "0", 5), *[("Theirs", "1", 0)] * 162],
    "an empty one": [("Theirs", "0", 0), ("Theirs", "0", 5), ("Theirs", "0", 0)],
    "another case": [("Theirs", "0", 5), ("theirs", "0", 1), ("THEIRS", "0", 1)],
    "its last member": [("Theirs", "1", 9), ("Theirs", "0", 1), ("theirs", "0", 9)],
    "two that may be meant": [("Theirs", "0", 1), ("Theirs", "0", 9)],
}


@pytest.mark.usefixtures("tag_mode")
@pytest.mark.parametrize("twins", TWINS.values(), ids=TWINS)
async def test_collections_of_one_title(
    rig: Rig, twins: list[tuple[str, str, int]]
) -> None:
    """A member leaves the one that it is in, whatever else is called like it."""
    rig.plex.core.edit_by_person(rig.item(2).rating_key, collections=["Theirs"])
    await rig.submit(rig.records(1, collections=("Theirs", "Ours")))
    await rig.drained()
    rows = "".join(
        f'<Directory ratingKey="{900 + n}" title="{title}" smart="{smart}"'
        f' childCount="{members}"/>'
        for n, (title, smart, members) in enumerate(twins)
    )
    body = f'<MediaContainer totalSize="{len(twins)}">{rows}</MediaContainer>'
    rig.plex.faults.add("status", code=200, body=body, path=r"/collections$")
    await rig.submit(rig.records(1, "Newer", collections=("Ours",)))
    await rig.drained()
    stays = twins in (TWINS["its last member"], TWINS["two that may be meant"])
    assert ("Theirs" in rig.item(1).tag_names("collection")) is stays


SORTED: dict[str, list[tuple[dict[str, Any], str | None]]] = {
    "as the title": [({"title": "N", "sort_title": "N"}, "N")],
    "as the title, then another": [
        ({"title": "N", "sort_title": "N"}, "N"),
        ({"title": "N", "sort_title": "M"}, "M"),
    ],
    "as the new title": [
        ({"title": "A", "sort_title": "S"}, "S"),
        ({"title": "S", "sort_title": "S"}, "S"),
        ({"title": "B", "sort_title": "B"}, "B"),
    ],
    "dropped as the title changes": [
        ({"title": "A", "sort_title": "A"}, "A"),
        ({"title": "B", "sort_title": None}, None),
    ],
    "dropped": [
        ({"title": "A", "sort_title": "S"}, "S"),
        ({"title": "A", "sort_title": None}, None),
    ],
    "never there": [({"title": "A", "sort_title": None}, None)],
}


@pytest.mark.parametrize("omits", [True, False])
@pytest.mark.parametrize("mirror", [True, False])
@pytest.mark.parametrize("story", SORTED.values(), ids=SORTED)
async def test_a_sort_title_that_equals_the_title(
    rig: Rig, story: list[tuple[dict[str, Any], str | None]], omits: bool, mirror: bool
) -> None:
    """Left out or shown, it is in line; one edit each, and undo takes it all back."""
    rig.plex.core.switches.omit_equal_sort_title = omits
    values = dict(rig.item(1).values)
    locks = set(rig.item(1).locks)
    find = Find((rig.path(1),))
    for revision, (fields, sorted_as) in enumerate(story):
        rig.plex.journal.clear()
        record = Record("stash", "1", find, fields, revision, mirror=mirror)
        await rig.submit([record])
        await rig.drained()
        assert rig.edits() == 1
        assert rig.item(1).values.get("titleSort") == sorted_as
        (plan,) = (await rig.engine.on_demand.preview(record)).plans.values()
        assert isinstance(plan, Plan)
        assert plan.changes == ()
    await rig.engine.undoing.undo(find)
    item = rig.item(1)
    now, before = dict(item.values), values
    now["updatedAt"] = before["updatedAt"]
    assert now == before
    if sorted_as is not None:  # a lock where we emptied the field stays so far
        assert set(item.locks) == locks


@pytest.mark.parametrize("folds", [False, True])
async def test_blanks_within_a_summary(rig: Rig, folds: bool) -> None:
    """They arrive as they stand; where Plex folds them, that is learnt and in line."""
    rig.plex.core.switches.fold_blanks = folds
    find = Find((rig.path(1),))
    for revision, (text, edits) in enumerate(
        (("A  B\n  \tC", 1), ("A  B\n  \tC", 0), ("A B\n C", 0 if folds else 1))
    ):
        rig.plex.journal.clear()
        record = Record("s", "1", find, {"summary": text}, revision, mirror=True)
        await rig.submit([record])
        await rig.drained()
        assert rig.edits() == edits
        shown = "A B\n C" if folds else text
        assert rig.item(1).value("summary") == shown
        (plan,) = (await rig.engine.on_demand.preview(record)).plans.values()
        assert isinstance(plan, Plan)
        assert plan.changes == ()


async def test_what_does_not_stay_is_named(rig: Rig) -> None:
    """In the outcome and in the failed job; the other fields are ours."""
    rig.plex.faults.add(
        "status", code=200, body="", method="PUT", where=_says("tagline")
    )
    record = Record("automation", "1", Find((rig.path(1),)), {"tagline": "New"})
    await rig.submit([record])
    outcome = await rig.engine.outcomes.wait_for("automation", "1", WITHIN)
    assert (outcome.status, outcome.reason) == ("failed", "not_kept")
    assert outcome.kept == {"tagline": "not_kept"}
    (job,), _ = await rig.engine.job_status.jobs(state="failed")
    assert (job.reason, job.kept) == ("not_kept", {"tagline": "not_kept"})


@pytest.mark.usefixtures("tag_mode")
async def test_undo_restores_and_lets_go(rig: Rig) -> None:
    """What stood there before comes back, until the record's next revision."""
    old = rig.item(1)
    title, genres, locks = old.title, old.tag_names("genre"), set(old.locks)
    records = rig.records(1, studio="Ours")
    await rig.submit(records)
    await rig.drained()
    await rig.engine.undoing.undo(Find((rig.path(1),)))
    item = rig.item(1)
    assert (item.title, item.tag_names("genre"), set(item.locks)) == (
        title,
        genres,
        locks,
    )
    await rig.submit(rig.records(1, "Newer", studio="Ours"))
    await rig.drained()
    assert rig.item(1).title == "Newer 1"


async def test_an_undo_that_plex_does_not_keep(rig: Rig) -> None:
    """The answer says OK and nothing has changed: said, and still ours to undo."""
    title = rig.item(1).title
    await rig.submit(rig.records(1))
    await rig.drained()
    rig.plex.faults.add("status", code=200, method="PUT", times=2)
    _, restored, kept = await rig.engine.undoing.undo(Find((rig.path(1),)))
    assert restored == []
    assert set(kept) == {"title", "summary", "genres", "actors"}
    assert set(kept.values()) == {"not_kept"}
    _, restored, kept = await rig.engine.undoing.undo(Find((rig.path(1),)))
    assert restored == ["actors", "genres", "summary", "title"]
    assert kept == {}
    assert rig.item(1).title == title


async def test_an_outage_counts_the_jobs_that_wait(rig: Rig) -> None:
    """Those that came before it, and those that came while it lasted."""
    await rig.plex.stop()
    records = rig.records(16)
    await rig.submit(records[:6])
    await rig.state(State.OPEN)
    await rig.submit(records[6:])
    await rig.until(lambda: rig.engine.circuit.outages.outages[-1].jobs == 16)
    await rig.plex.start()
    await rig.drained()
    await rig.state(State.CLOSED)
    assert [outage.jobs for outage in rig.engine.circuit.outages.outages] == [16]


async def test_waiting_for_what_came_while_an_older_one_was_written(rig: Rig) -> None:
    """The older one's outcome answers nobody who waits for the newer."""
    rig.plex.faults.add("slow", ms=200, method="PUT", times=1)
    await rig.submit(rig.records(1, "Older"))
    await rig.plex.journal.arrived(method="PUT")
    await rig.submit(rig.records(1, "Newer"), Priority.INTERACTIVE)
    outcome = await rig.engine.outcomes.wait_for("stash", "scene:1", WITHIN)
    changes = {change.field: change.as_dict() for change in outcome.changes}
    assert (changes["title"]["before"], changes["title"]["after"]) == (
        "Older 1",
        "Newer 1",
    )
    assert (await rig.engine.snapshot()).statistics.synced == 2


async def test_what_a_mirror_emptied_while_its_job_waited_is_not_written(
    rig: Rig,
) -> None:
    """The title is gone at the source, and no item is without one: it stays."""
    await rig.halt()
    (record,) = rig.records(1)
    await rig.submit([record])
    fields = {name: record.fields[name] for name in ("summary", "genres")}
    await rig.submit([replace(record, fields=fields)])
    rig.work()
    await rig.drained()
    item = rig.item(1)
    assert (item.title, item.value("summary")) == ("Movie 00001", "New lines\nof 1")


async def test_what_fails_of_a_bug_is_counted(rig: Rig) -> None:
    """It breaks the turn, not a call, and counts like all that fails."""
    confirms, sick = rig.server.confirms, rig.path(1)

    def broken(find: Find, item: Item) -> bool:
        if sick in find.paths:
            raise ZeroDivisionError
        return confirms(find, item)

    rig.server.confirms = broken  # type: ignore[method-assign]
    await rig.submit(rig.records(3))
    await rig.drained(failed=1)
    found = (await rig.engine.snapshot()).statistics
    assert (found.synced, found.failed) == (2, 1)
    assert found.success_rate == pytest.approx(200 / 3)


async def test_a_record_whose_caller_left_is_worked_on_at_once(rig: Rig) -> None:
    """Its transaction goes on without the caller, and wakes the worker."""
    await rig.submit(rig.records(1))
    await rig.drained()
    await asyncio.sleep(0.2)  # it has found nothing more to do
    begun, go_on = threading.Event(), threading.Event()

    def hold(_: Connection) -> None:
        begun.set()
        go_on.wait()

    holding = asyncio.create_task(rig.engine.database.run(hold))
    await asyncio.to_thread(begun.wait)
    caller = asyncio.create_task(rig.submit(rig.records(1, "Newer")))
    await asyncio.sleep(0)
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    go_on.set()
    await holding
    await rig.drained()
    assert rig.in_line(rig.records(1, "Newer")) == []


async def test_waiting_for_an_outcome(rig: Rig) -> None:
    """Written with its diff; in an outage queued, with the reason."""
    (record,) = rig.records(1)
    waiting = asyncio.ensure_future(
        rig.engine.outcomes.wait_for("stash", "scene:1", 10)
    )
    await rig.submit([record], Priority.INTERACTIVE)
    outcome = await waiting
    assert outcome.status == "written"
    changes = {change.field: change.as_dict() for change in outcome.changes}
    assert changes["title"] == {
        "field": "title",
        "before": "Movie 00001",
        "after": "New 1",
    }
    await rig.plex.stop()
    (record,) = rig.records(1, "Newer")
    await rig.submit([record], Priority.INTERACTIVE)
    await rig.state(State.OPEN)
    outcome = await rig.engine.outcomes.wait_for("stash", "scene:1", 0.01)
    assert (outcome.status, outcome.reason) == ("queued", "circuit_open")
    await rig.plex.start()
    await rig.drained()


async def test_an_item_that_cannot_be_read_fails_alone(rig: Rig) -> None:
    """500 for every call about it, reads included."""
    key = rig.item(3).rating_key
    rig.plex.faults.add("status", code=500, path=rf"metadata/(.*\b)?{key}(\b|$)")
    records = rig.records(10)
    async with rig.traffic(20):
        await rig.submit(records)
        await rig.failed(1)
    await rig.drained(failed=1)
    (job,), _ = await rig.engine.job_status.jobs(state="failed")
    assert (job.key, job.reason) == ("scene:3", "error_500")
    assert rig.in_line(records) == ["scene:3"]
    assert rig.engine.circuit.breaker.state is State.CLOSED


@pytest.mark.parametrize("fields", [{"title": "New"}, {"studio": None}])
async def test_a_write_of_unknown_outcome_that_stands_there_proves_writes(
    rig: Rig, fields: dict[str, Value | None]
) -> None:
    """The server hung, and committed after we gave up: the circuit still closes."""
    rig.plex.faults.add("blackhole", method="PUT", apply=True, times=1)
    rig.plex.faults.add("status", code=503, path="^/identity$", times=1)
    await rig.submit([Record("automation", "1", Find((rig.path(1),)), fields)])
    await rig.state(State.OPEN)
    await rig.drained()
    await rig.state(State.CLOSED)
    values = rig.item(1).values
    assert {name: values.get(name) for name in fields} == fields
    assert rig.edits() == 1
    counted = (await rig.engine.snapshot()).statistics
    assert (counted.synced, counted.unchanged) == (1, 0)


@pytest.mark.usefixtures("tag_mode")
async def test_what_two_writes_of_unknown_outcome_left_is_still_ours(rig: Rig) -> None:
    """Plex dies after it took the one and before it took the other; a third goes through."""
    plex = rig.plex
    for name, when in (("One", "after"), ("Two", "before")):
        plex.kill_when(when=when, method="PUT")
        await rig.submit(rig.records(1, name, genres=("Drama", name)))
        await plex.start()
        await rig.until(lambda: not plex.running)
        plex.faults.clear()
    await rig.submit(rig.records(1, "Three", genres=("Drama", "Three")))
    await plex.start()
    await rig.drained()
    item = rig.item(1)
    assert item.title == "Three 1"
    assert {"Drama", "Three"} <= set(item.tag_names("genre"))
    assert not {"One", "Two"} & set(item.tag_names("genre"))


@pytest.mark.usefixtures("tag_mode")
async def test_only_fields_in_which_something_of_ours_stands_are_locked(
    rig: Rig,
) -> None:
    """What the source has nothing for stays open to agents, lists like texts."""
    nothing = dict.fromkeys(name for name in FIELDS if name != "title")
    films = range(1, 4)
    await rig.submit(
        Record(
            "stash",
            f"scene:{number}",
            Find((rig.path(number),)),
            nothing | {"title": f"New {number}"},
            mirror=True,
        )
        for number in films
    )
    await rig.drained()
    assert [rig.item(number).title for number in films] == ["New 1", "New 2", "New 3"]
    assert [set(rig.item(number).locks) for number in films] == [{"title"}] * 3

    def owned(db: Connection) -> list[str]:
        return [name for (name,) in db.execute("SELECT field FROM ledger")]

    assert await rig.engine.database.run(owned) == ["title"] * 3


async def test_a_broken_socket_makes_the_next_write_ask_who_answers(rig: Rig) -> None:
    """Another machine answers over connections that stayed open: it gets no edit."""
    await rig.submit(rig.records(1))
    await rig.drained()
    async with aiohttp.ClientSession() as session:
        events = PlexEvents(
            session,
            rig.plex.url,
            rig.plex.token,
            client_id="rig",
            allowed=rig.engine.circuit.may_listen,
            contact=rig.engine.health.sighted,
            broke=rig.server.distrust,
            arrived=rig.engine.arrivals.came,
            changed=rig.engine.plex_notices.void,
        )
        listening = asyncio.create_task(events.run())
        await rig.until(lambda: events.connected)
        edits = rig.edits()
        rig.plex.faults.add("impostor")
        rig.plex.faults.add("ws_drop")
        await rig.until(lambda: not events.connected)
        await rig.submit(rig.records(5, "Newer"))
        await rig.until(lambda: HoldChanged(Hold.WRONG_SERVER, True) in rig.events)
        assert rig.edits() == edits
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)
