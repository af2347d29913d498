"""What an owner reviews: what is written is what was shown, and nothing else."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
import os
from pathlib import Path
from random import Random

import pytest

from custom_components.plexsync.engine.ledger.left_alone import Rule, Rules
from custom_components.plexsync.engine.model.holds import SourceHold
from custom_components.plexsync.engine.model.record import Record
from custom_components.plexsync.engine.plan.plan_cache import Filter, PlannedRecord
from tests.rig import Rig, library

from .test_owners import Shelf

FIRST = SourceHold.FIRST_PLAN
FILMS = 12
PLANS = int(os.environ.get("PLEXSYNC_PLANS", "60"))
ALL = Filter()


@pytest.fixture
async def shelf() -> Shelf:
    """Give an empty source."""
    return Shelf()


@pytest.fixture
async def rig(socket_enabled: None, tmp_path: Path, shelf: Shelf) -> AsyncIterator[Rig]:
    """Give an engine whose only source is held until its first plan is answered."""
    async with library(FILMS) as plex:
        rig = Rig(plex, tmp_path, fresh=shelf.fresh)
        await rig.start()
        await rig.engine.source_holds.hold("stash", FIRST)
        shelf.put(*rig.records(FILMS))
        await rig.submit(shelf.records.values())
        yield rig
        await rig.stop()


async def compare(rig: Rig, shelf: Shelf, *, everything: bool = True) -> None:
    """Make the plan, and write nothing."""
    whole = ["stash"] if everything else []
    await rig.engine.sweep.run(shelf.pages(), enqueue=False, read_whole=lambda: whole)


async def rows(rig: Rig, chosen: Filter = ALL) -> list[PlannedRecord]:
    """Give the whole plan."""
    return await rig.engine.review.page(chosen, 100, 0)


async def pending(rig: Rig, number: int) -> None:
    """Wait until so many jobs are left."""

    async def left() -> bool:
        return (await rig.engine.snapshot()).pending == number

    await rig.until(left)


async def test_a_title_is_found_whatever_its_case(rig: Rig, shelf: Shelf) -> None:
    """In any alphabet, and however its letters are encoded."""
    titles = {
        "Броненосец": ("бронен", "БРОНЕН"),
        "İstanbul IŞIK": ("istanbul", "İSTANBUL", "ışık"),
        "Ame\u0301lie": ("amélie", "AMÉL"),
    }
    for number, title in enumerate(titles, 1):
        rig.item(number).values["title"] = title
    await compare(rig, shelf)
    for title, searches in titles.items():
        for search in searches:
            (row,) = await rows(rig, Filter(search=search))
            assert row.title == title
            assert (await rig.engine.review.totals(Filter(search=search))).records == 1


async def test_the_plan_names_what_would_change(rig: Rig, shelf: Shelf) -> None:
    """By title, in pages, filtered; and it is gone once all is in line."""
    assert await rows(rig) == []
    await compare(rig, shelf)
    plan = await rows(rig)
    assert [row.key for row in plan] == [f"scene:{n}" for n in range(1, FILMS + 1)]
    assert all("title" in row.fields for row in plan)
    assert await rig.engine.review.page(ALL, 5, 5) == plan[5:10]
    totals = await rig.engine.review.totals(ALL)
    assert totals.records == totals.by_field["title"] == FILMS
    assert totals.by_source == {"stash": FILMS}
    assert totals.by_library == {plan[0].library: FILMS}
    assert await rig.engine.review.totals(ALL) is totals  # not counted once more
    assert (await rig.engine.review.totals(Filter(field="tagline"))).records == 0
    assert await rows(rig, Filter(search=plan[3].title.upper())) == [plan[3]]
    assert await rows(rig, Filter(field="tagline")) == []
    assert await rows(rig, Filter(source="other")) == []
    assert await rows(rig, Filter(library="other")) == []
    await rig.engine.source_holds.lift("stash", FIRST)
    await rig.drained()
    assert await rows(rig) == []
    assert (await rig.engine.review.totals(ALL)).records == 0


async def test_a_comparison_of_everything_forgets_what_is_gone(
    rig: Rig, shelf: Shelf
) -> None:
    """One of some records leaves all others as they are."""
    await compare(rig, shelf)
    gone = shelf.records.pop("scene:3")
    await compare(rig, shelf, everything=False)
    assert gone.key in {row.key for row in await rows(rig)}
    await compare(rig, shelf)
    assert gone.key not in {row.key for row in await rows(rig)}
    assert len(await rows(rig)) == FILMS - 1


async def test_what_its_source_does_not_send_any_more_leaves_the_plan(
    rig: Rig, shelf: Shelf
) -> None:
    """It will not be written, approved or not; a scene that came again meanwhile may be."""
    await compare(rig, shelf)
    await rig.halt()
    await rig.engine.review.write_all(Filter(key="scene:2"))
    asked = rig.clock.steady()
    await rig.submit([replace(shelf.records["scene:3"], revision=2)])
    keys = ["scene:1", "scene:2", "scene:3"]
    await rig.engine.withhold("stash", keys, asked)
    left = {row.key for row in await rows(rig)}
    assert left == shelf.records.keys() - {"scene:1", "scene:2"}
    assert (await rig.engine.review.totals(ALL)).records == FILMS - 2


async def test_what_makes_no_record_takes_nothing_out_of_the_plan(
    rig: Rig, shelf: Shelf
) -> None:
    """However many there are of it."""
    for passed_over in ({"filtered": 7}, {"filtered": 0}):
        shelf.records.popitem()
        counts = await rig.engine.sweep.run(
            shelf.pages(),
            enqueue=False,
            passed_over=lambda found=passed_over: found,
            read_whole=lambda: ["stash"],
        )
        assert counts["skipped:filtered"] == passed_over["filtered"]
        assert {row.key for row in await rows(rig)} == shelf.records.keys()


async def test_one_record_is_written_though_its_source_is_held(
    rig: Rig, shelf: Shelf
) -> None:
    """Just this one; the others wait for the answer, over a restart as well."""
    await compare(rig, shelf)
    row = (await rows(rig))[4]
    record = shelf.records[row.key]
    (fresh,) = await rig.engine.review.look([record])
    assert fresh.digest == row.digest
    (answer,) = await rig.engine.review.write([(record, row.digest)])
    assert answer.status == "queued"
    await pending(rig, FILMS - 1)
    assert not rig.in_line([record])
    assert rig.edits() == 1
    assert row not in await rows(rig)
    await rig.restart()
    assert rig.edits() == 1
    assert (await rig.engine.snapshot()).pending == FILMS - 1


async def test_what_was_approved_is_written_after_a_restart(
    rig: Rig, shelf: Shelf
) -> None:
    """The approval is on disk with its job."""
    await compare(rig, shelf)
    row = (await rows(rig))[4]
    record = shelf.records[row.key]
    await rig.halt()
    await rig.engine.review.write([(record, row.digest)])
    await rig.restart()
    await pending(rig, FILMS - 1)
    assert not rig.in_line([record])
    assert rig.edits() == 1


async def test_what_fails_is_held_again(rig: Rig, shelf: Shelf) -> None:
    """A retry writes nothing that its owner has not approved anew."""
    await compare(rig, shelf)
    row = (await rows(rig))[0]
    record = shelf.records[row.key]
    rig.plex.faults.add("status", code=400, method="PUT")
    await rig.engine.review.write([(record, row.digest)])
    await rig.failed(1)
    rig.plex.faults.clear()
    await rig.engine.failed_jobs.retry()
    await rig.submit([by_hand(rig)])
    await pending(rig, FILMS)
    assert rig.in_line([record])


async def test_another_plan_is_shown_anew_and_not_written(
    rig: Rig, shelf: Shelf
) -> None:
    """Somebody edits the item between the look and the button."""
    await compare(rig, shelf)
    row = (await rows(rig))[0]
    record = shelf.records[row.key]
    rig.plex.core.edit_by_person(row.rating_key, summary="A person's")
    (answer,) = await rig.engine.review.write([(record, row.digest)])
    assert answer.status == "changed"
    anew = next(each for each in await rows(rig) if each.key == row.key)
    assert anew.digest != row.digest
    assert rig.edits() == 0
    (answer,) = await rig.engine.review.write([(record, anew.digest)])
    assert answer.status == "queued"
    await pending(rig, FILMS - 1)
    assert rig.item(1).values["summary"] == "A person's"


async def test_a_plan_that_changes_before_the_write_is_not_written(
    rig: Rig, shelf: Shelf
) -> None:
    """The job waits for another look; the end of the hold takes it up."""
    await compare(rig, shelf)
    row = (await rows(rig))[0]
    record = shelf.records[row.key]
    await rig.halt()
    await rig.engine.review.write([(record, row.digest)])
    rig.plex.core.edit_by_person(row.rating_key, summary="A person's")
    rig.work()

    async def skipped() -> bool:
        return (await rig.engine.snapshot()).skipped == {"plan_changed": 1}

    await rig.until(skipped)
    assert rig.edits() == 0
    anew = next(each for each in await rows(rig) if each.key == row.key)
    assert anew.digest != row.digest
    await rig.engine.source_holds.lift("stash", FIRST)
    await rig.drained()
    assert rig.edits() == FILMS
    assert (await rig.engine.snapshot()).skipped == {}


async def test_news_of_a_record_ends_its_approval(rig: Rig, shelf: Shelf) -> None:
    """What it says now was shown to nobody."""
    await compare(rig, shelf)
    row = (await rows(rig))[0]
    record = shelf.records[row.key]
    await rig.halt()
    await rig.engine.review.write([(record, row.digest)])
    news = replace(record, fields={**record.fields, "title": "News"}, revision=9)
    await rig.submit([news])
    rig.work()
    await rig.submit([by_hand(rig)])
    await pending(rig, FILMS)
    assert rig.edits() == 1
    assert rig.item(1).values["title"] != "News"


def by_hand(rig: Rig) -> Record:
    """Say something of the last film that no source says."""
    (record,) = rig.records(FILMS)[-1:]
    return replace(record, source="action", key="a", fields={"tagline": "By hand"})


async def test_all_that_fits_a_filter_is_written_as_it_was_shown(
    rig: Rig, shelf: Shelf
) -> None:
    """What has changed since is left, and shown anew."""
    await compare(rig, shelf)
    plan = await rows(rig)
    await rig.halt()
    number, unknown = await rig.engine.review.write_all(ALL)
    assert (number, unknown) == (FILMS, {})
    rig.plex.core.edit_by_person(plan[2].rating_key, summary="A person's")
    rig.work()
    await pending(rig, 0)
    assert rig.edits() == FILMS - 1
    assert [row.key for row in await rows(rig)] == [plan[2].key]


async def test_records_without_a_job_have_to_be_asked_for(
    rig: Rig, shelf: Shelf
) -> None:
    """A comparison that writes nothing makes none."""
    await rig.engine.source_holds.lift("stash", FIRST)
    await rig.drained()
    shelf.put(*rig.records(3, tagline="New"))
    await compare(rig, shelf)
    assert len(await rows(rig)) == 3
    number, unknown = await rig.engine.review.write_all(ALL)
    assert (number, sorted(unknown)) == (
        0,
        [("stash", f"scene:{n}") for n in (1, 2, 3)],
    )


async def test_a_field_is_left_alone_until_that_is_taken_back(
    rig: Rig, shelf: Shelf
) -> None:
    """Of one record, and of all: in the plan, in what is written, and in the answer."""
    review = rig.engine.review
    one, every = Rule("stash", "scene:2", "summary"), Rule("stash", None, "title")
    await compare(rig, shelf)
    key_of_two = str(rig.item(2).rating_key)
    titles = [rig.item(n).values["title"] for n in range(1, FILMS + 1)]
    assert await review.leave(one, leave=True)
    assert await review.leave(every, leave=True)
    assert not await review.leave(every, leave=True)
    rules = await review.rules(9)
    assert rules == Rules([every, one], {(one.source, one.key): key_of_two}, 2)
    assert await review.rules(1, 1) == replace(rules, page=[one])
    assert (await review.totals(ALL)).by_field.get("title") is None
    shown = {row.key: row for row in await rows(rig)}
    assert "summary" not in shown["scene:2"].fields
    assert shown["scene:2"].kept == dict.fromkeys(("summary", "title"), "left_alone")
    await compare(rig, shelf)
    assert {row.key: row for row in await rows(rig)} == shown
    await rig.engine.source_holds.lift("stash", FIRST)
    await rig.drained()
    assert [rig.item(n).values["title"] for n in range(1, FILMS + 1)] == titles
    assert rig.item(2).values["summary"] != shelf.records["scene:2"].fields["summary"]
    assert rig.item(3).values["summary"] == shelf.records["scene:3"].fields["summary"]
    assert await review.leave(one, leave=False)
    assert await review.leave(every, leave=False)
    assert not await review.leave(every, leave=False)
    await rig.submit(shelf.records.values())
    await rig.drained()
    assert not rig.in_line(list(shelf.records.values()))


async def test_a_plan_that_lacks_what_is_held_is_none(rig: Rig, shelf: Shelf) -> None:
    """A sweep leaves what has a job to it. Of what an earlier run saw the plan holds."""
    sweep = rig.engine.sweep

    async def compare_all() -> None:
        await sweep.run(shelf.pages(), everything=True, read_whole=lambda: ["stash"])

    await compare_all()
    assert await rows(rig) == []
    assert not sweep.compared
    await compare(rig, shelf)
    before = sweep.compared["stash"]
    await compare_all()
    assert len(await rows(rig)) == FILMS
    assert sweep.compared["stash"] > before


async def test_the_rules_of_a_source_come_back_with_it(rig: Rig) -> None:
    """It is removed, and added again at the same address under another id."""
    engine = rig.engine
    await engine.recognise("stash", "address")
    await engine.review.leave(Rule("stash", None, "title"), leave=True)
    await engine.remove_source("stash")
    await engine.recognise("again", "address")
    assert await engine.review.rules(9) == Rules([Rule("again", None, "title")], {}, 1)


@pytest.mark.parametrize("seed", range(PLANS // FILMS))
async def test_what_is_written_is_what_was_shown(
    rig: Rig, shelf: Shelf, seed: int
) -> None:
    """Random records, edits and choices: Plex differs in just what the plan named."""
    random = Random(seed)
    values = {"studio": ["S", "T", None], "genres": [("A",), ("A", "B"), ()]}
    for record in list(shelf.records.values()):
        said = {name: random.choice(those) for name, those in values.items()}
        shelf.put(replace(record, fields={**record.fields, **said}, revision=5))
    await rig.submit(shelf.records.values())
    await compare(rig, shelf)
    plan = await rows(rig)
    chosen = random.sample(plan, 6)
    for row in random.sample(plan, 4):
        rig.plex.core.edit_by_person(row.rating_key, studio="A person's")
    before = _state(rig, plan)
    answers = await rig.engine.review.write(
        [(shelf.records[row.key], row.digest) for row in chosen]
    )
    good = [
        row
        for row, answer in zip(chosen, answers, strict=True)
        if answer.status == "queued"
    ]
    await pending(rig, FILMS - len(good))
    after = _state(rig, plan)
    for row in plan:
        changed = {
            name
            for name in after[row.key]
            if after[row.key][name] != before[row.key][name]
        }
        assert changed == (set(row.fields) if row in good else set())


def _state(rig: Rig, plan: Sequence[PlannedRecord]) -> dict[str, dict[str, object]]:
    names = {"title": "title", "summary": "summary", "studio": "studio"}
    items, found = {str(item.rating_key): item for item in rig.items()}, {}
    for row in plan:
        item = items[row.rating_key]
        state: dict[str, object] = {
            name: item.values.get(each) for name, each in names.items()
        }
        for name in ("genres", "actors"):
            there = item.tags.get(name.removesuffix("s"), ())
            state[name] = sorted(map(repr, there))
        found[row.key] = state
    return found
