"""What was written when, by whom, and what stood there before; and a run undone."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
import json
from pathlib import Path
from random import Random
import sqlite3
from typing import Any

import pytest

from custom_components.plexsync.engine import other_machine
from custom_components.plexsync.engine.database.database import Database
from custom_components.plexsync.engine.history.history import (
    UNDO,
    Entry,
    WriteHistory,
    bounded,
    pack,
    unpack,
)
from custom_components.plexsync.engine.history.view import (
    HistoryRun,
    HistoryView,
    Wanted,
    WrittenRow,
)
from custom_components.plexsync.engine.layout import LAYOUT
from custom_components.plexsync.engine.ledger import known_items
from custom_components.plexsync.engine.model.faults import Fault
from custom_components.plexsync.engine.model.ports import Item
from custom_components.plexsync.engine.model.record import Actor, Find, Image, Record
from custom_components.plexsync.engine.undo.undoing import NotAsShownError
from custom_components.plexsync.engine.util.clock import Clock
from custom_components.plexsync.engine.worker import history_entries
from tests.rig import Rig, library

HOUR = 3600.0
OLD_ROW = "4362fae700c34ac92fb51c6c3b2cc8b0846e2c00"
MARKED_ROW = (
    "078b46925472049532601a5206a5a496803c59960acdcc88b21c924441b103296275c0b10a2e2ec0"
    "991b2c052a12c13e410f149018ac0e045a87569d02e3341600"
)


def says(rig: Rig, number: int = 1, source: str = "stash", **fields: Any) -> Record:
    """Let a source say something of a film."""
    find = Find((rig.path(number),))
    return Record(source, str(number), find, fields, mirror=source != "action")


async def write(rig: Rig, *records: Record, failed: int = 0) -> None:
    """Bring films into line."""
    for record in records:
        rig.engine.plex_notices.void(str(known(rig, record).rating_key))
    await rig.submit(records)
    await rig.drained(failed)


def known(rig: Rig, record: Record) -> Any:
    """Give the film of a record."""
    return rig.plex.core.find(record.find.paths[0])


async def rows(rig: Rig, **wanted: Any) -> list[WrittenRow]:
    """Give one page, newest first."""
    return list((await rig.engine.history.page(Wanted(**wanted))).rows)


async def runs(rig: Rig) -> list[HistoryRun]:
    """Give all runs, newest first."""
    return await rig.engine.history.runs(1000)


def pass_time(rig: Rig, seconds: float) -> None:
    """Let the clock that people read go on."""
    earlier = rig.clock.wall
    rig.clock.wall = lambda: earlier() + seconds


# -- what is noted -------------------------------------------------------------------


async def test_a_write_is_told_with_what_plex_had_before(rig: Rig) -> None:
    """Each field that was written, and no other; of a picture only that it is new."""
    film = rig.item(1)
    title, summary = film.title, film.value("summary")
    cast = [{"name": t.tag.name, "role": t.text} for t in film.tags["actor"]]
    studio = film.value("studio")
    first = {
        "title": "First",
        "studio": "Ours",
        "actors": (Actor("Ann", "A"),),
        "poster": Image("/p", "a"),
    }
    await write(rig, says(rig, **first))
    rig.plex.core.edit_by_person(film.rating_key, lock=False, title="A person's")
    await write(rig, says(rig, **first | {"studio": "Newer", "title": "Second"}))
    await write(rig, says(rig, **first | {"studio": "Newer", "title": "Second"}))
    newer, older = await rows(rig)
    assert dict_of(older) == {
        "title": (title, "First"),
        "studio": (studio, "Ours"),
        "actors": (cast, [{"name": "Ann", "role": "A"}, *cast]),
        "poster": (None, "new picture"),
    }
    assert dict_of(newer) == {
        "title": ("A person's", "Second"),
        "studio": ("Ours", "Newer"),
    }
    assert summary == film.value("summary")
    assert (newer.source, newer.key) == ("stash", "1")
    assert (newer.rating_key, newer.path) == (str(film.rating_key), rig.path(1))
    assert newer.section == film.section.uuid
    assert newer.taken_back == older.taken_back == frozenset()


def dict_of(row: WrittenRow) -> dict[str, tuple[Any, Any]]:
    """Give before and after by field."""
    return {name: (before, after) for name, before, after in row.changes}


async def test_what_did_not_arrive_is_not_told(rig: Rig) -> None:
    """Of a record that failed in part, only what a read-back has shown."""
    rig.plex.faults.add("status", code=200, body="", method="PUT", times=2)
    await write(rig, says(rig, tagline="Never"), failed=1)
    assert await rows(rig) == []


async def test_what_was_cut_short_is_told_once_it_was_seen(rig: Rig) -> None:
    """The answer was lost with the connection; the next look shows that it stands there."""
    title = rig.item(1).title
    rig.plex.faults.add("commit_then_drop", method="PUT", times=1)
    await write(rig, says(rig, title="Arrived"))
    (row,) = await rows(rig)
    assert dict_of(row) == {"title": (title, "Arrived")}


@pytest.mark.parametrize("seen", [True, False])
async def test_what_was_written_over_before_it_was_seen_is_told_too(
    rig: Rig, seen: bool
) -> None:
    """Two rows then, however far the first write had come when its record changed."""
    title, genres = rig.item(1).title, set(rig.item(1).tag_names("genre"))
    rig.plex.faults.add("commit_then_drop", method="PUT", times=1)
    await rig.submit([says(rig, title="First", genres=("One",))])
    await rig.until(lambda: rig.item(1).title == "First")
    if seen:
        await rig.drained()
    await rig.halt()
    await rig.submit([says(rig, title="Second", genres=("Two",))])
    rig.work()
    await rig.drained()
    newer, older = await rows(rig)
    assert dict_of(older)["title"] == (title, "First")
    assert dict_of(newer)["title"] == ("First", "Second")
    told = [set(values) for row in (older, newer) for values in dict_of(row)["genres"]]
    assert told == [genres, genres | {"One"}, genres | {"One"}, genres | {"Two"}]


async def test_a_source_begins_another_run_after_a_pause(rig: Rig) -> None:
    """Of ten minutes; each source has runs of its own."""
    await write(rig, says(rig, 1, title="A"), says(rig, 2, title="B", studio="S"))
    await write(rig, says(rig, 3, "action", title="C"))
    pass_time(rig, 500)
    await write(rig, says(rig, 1, title="D"))
    pass_time(rig, 700)
    await write(rig, says(rig, 1, title="E"))
    assert [(each.source, each.items, each.fields) for each in await runs(rig)] == [
        ("stash", 1, 1),
        ("action", 1, 1),
        ("stash", 3, 4),
    ]
    for run in await runs(rig):
        mine = [row for row in await rows(rig) if row.run == run.id]
        assert (min(r.at for r in mine), max(r.at for r in mine)) == (
            run.first,
            run.last,
        )
        assert await rig.engine.history.find_run(run.id) == run
    assert await rig.engine.history.find_run(99) is None
    assert len(await rig.engine.history.runs(2)) == 2
    assert len(await rig.engine.history.runs(2, 2)) == 1


async def test_nothing_is_kept_where_the_owner_wants_none(
    socket_enabled: None, tmp_path: Path
) -> None:
    """What was kept goes; undo works all the same."""
    async with library(3) as plex:
        rig = await Rig(plex, tmp_path).start()
        title = rig.item(1).title
        await write(rig, says(rig, title="Ours"))
        assert await rows(rig)
        await rig.stop()
        rig.settings["keep_history"] = 0
        await rig.start()

        async def is_gone() -> bool:
            return not await rows(rig) and not await runs(rig)

        await rig.until(is_gone)
        await write(rig, says(rig, 2, title="Ours, too"))
        await rig.engine.undoing.undo(Find((rig.path(1),)))
        assert (rig.item(1).title, await rows(rig)) == (title, [])
        await rig.stop()


# -- undo ----------------------------------------------------------------------------


async def test_an_undo_is_history_too(rig: Rig) -> None:
    """It is told, and so is what it took back: field by field, and not what came later."""
    film = rig.item(1)
    title, studio = film.title, film.value("studio")
    poster = {"poster": Image("/p", "a")}
    await write(rig, says(rig, title="First", studio="Ours", **poster))
    await rig.engine.undoing.undo(
        Find((rig.path(1),)), lambda story: story[0].field == "title"
    )
    assert (film.title, film.value("studio")) == (title, "Ours")
    undone, first = await rows(rig)
    assert (undone.source, undone.key) == (UNDO, None)
    assert dict_of(undone) == {"title": ("First", title)}
    assert first.taken_back == {"title"}
    assert [(run.fields, run.undone) for run in await runs(rig)] == [(1, 0), (3, 1)]
    await rig.engine.undoing.undo(Find((rig.path(1),)))
    second, _, first = await rows(rig)
    assert dict_of(second)["studio"] == ("Ours", studio)
    assert dict_of(second)["poster"][1] in (
        "earlier picture",
        "picture that Plex chose",
    )
    assert first.taken_back == {"title", "studio", "poster"}
    await write(rig, says(rig, title="Again", studio="Ours", **poster))
    newest, *_ = await rows(rig)
    assert newest.taken_back == frozenset()
    assert dict_of(newest) == {"title": (title, "Again")}  # what else was undone holds
    assert [(run.fields, run.undone) for run in await runs(rig)] == [(3, 0), (4, 3)]


async def test_an_undo_does_what_was_shown(rig: Rig) -> None:
    """What stood there before us, be the row that one looks at younger; or nothing at all."""
    film = rig.item(1)
    title, studio = film.title, film.value("studio")
    poster = {"poster": Image("/p", "a")}
    await write(rig, says(rig, title="First", studio="Ours", **poster))
    await write(rig, says(rig, title="Second", studio="Ours", **poster))
    plan = await rig.engine.undoing.plan(str(film.rating_key))
    told = history_entries.restored(plan.item, plan.to_do, plan.kept)
    shown = {name: tuple(values) for name, *values in told}
    assert shown["title"] == ("Second", title)
    assert shown["studio"] == ("Ours", studio)
    assert (film.title, rig.edits()) == ("Second", 2)

    rig.plex.core.edit_by_person(film.rating_key, studio="A person's")
    with pytest.raises(NotAsShownError):
        await rig.engine.undoing.undo(Find((rig.path(1),)), shown=plan.digest)
    assert (film.title, rig.edits()) == ("Second", 2)
    plan = await rig.engine.undoing.plan(str(film.rating_key))
    assert plan.kept["studio"] == "changed_since"
    told = history_entries.restored(plan.item, plan.to_do, plan.kept)
    await rig.engine.undoing.undo(Find((rig.path(1),)), shown=plan.digest)
    undone, *_ = await rows(rig)
    assert dict_of(undone) == {name: tuple(values) for name, *values in told if values}
    assert (film.title, film.value("studio")) == (title, "A person's")


async def test_what_a_person_changed_is_not_told_as_undone(rig: Rig) -> None:
    """It stays, and with it the row of our write."""
    await write(rig, says(rig, title="Ours", studio="Ours"))
    rig.plex.core.edit_by_person(rig.item(1).rating_key, studio="A person's")
    _, restored, kept = await rig.engine.undoing.undo(Find((rig.path(1),)))
    assert (restored, kept) == (["title"], {"studio": "changed_since"})
    undone, first = await rows(rig)
    assert set(dict_of(undone)) == first.taken_back == {"title"}


@pytest.mark.parametrize("seed", range(4))
async def test_an_undone_run_leaves_all_as_it_was(rig: Rig, seed: int) -> None:
    """Where our values still stand, of what it wrote last; all else is left alone.

    Several sources write to several films at several times, people edit between them,
    and then any run is undone, by its own bounds.
    """
    random, films = Random(seed), range(1, 6)
    names, sources = ("title", "studio", "tagline"), ("stash", "other", "action")

    def shown() -> dict[tuple[int, str], Any]:
        return {
            (film, name): rig.item(film).title
            if name == "title"
            else rig.item(film).value(name)
            for film in films
            for name in names
        }

    first = shown()
    wrote: dict[tuple[int, str], int | None] = {}  # the run that wrote last
    said: dict[tuple[str, int], dict[str, Any]] = {}
    for turn in range(12):
        source, film = random.choice(sources), random.choice(films)
        mine = said.setdefault((source, film), {})
        mine |= dict.fromkeys(random.sample(names, 2), f"{source} {turn}")
        before = shown()
        await write(rig, says(rig, film, source, **mine))
        (newest, *_) = await runs(rig)
        for place, value in shown().items():
            if value != before[place]:
                wrote[place] = newest.id
        if random.random() < 0.3:
            name = random.choice(("studio", "tagline"))
            key = rig.item(film).rating_key
            rig.plex.core.edit_by_person(key, **{name: f"A person {turn}"})
            wrote[film, name] = None
        pass_time(rig, random.choice((60, HOUR)))
    last = shown()
    run = random.choice([each for each in await runs(rig) if each.id in wrote.values()])
    items, fields, _ = await rig.engine.undo_runs.undo_since(
        run.first, run.last, run.source
    )
    mine = {place for place, number in wrote.items() if number == run.id}
    assert shown() == last | {place: first[place] for place in mine}
    assert (items, fields) == (len({film for film, _ in mine}), len(mine))
    of_run = [row for row in await rows(rig, limit=100) if row.run == run.id]
    films_of = {rig.path(film): film for film in films}
    for film, name in mine:
        (newest, *_) = [r for r in of_run if films_of[r.path] == film]
        assert name in newest.taken_back or name not in dict_of(newest)
    assert await rig.engine.undo_runs.undo_since(run.first, run.last, run.source) == (
        0,
        0,
        {},
    )


async def test_undos_of_several_runs_wait_for_one_another(rig: Rig) -> None:
    """What an outage cut short is done with its own bounds, before the next one."""
    before = [rig.item(number).title for number in range(1, 7)]
    first = says(rig, 1, "first", title="First", studio="S")
    await write(rig, first, says(rig, 2, "first", title="First"))
    await write(rig, says(rig, 3, "second", title="Second"))
    await write(rig, says(rig, 4, "third", title="Third"))
    await rig.plex.stop()
    for source in ("first", "second"):
        with pytest.raises(Fault):
            await rig.engine.undo_runs.undo_since(0, None, source)
    noted = json.loads(await rig.engine.notes.get("undo") or "")
    assert [each["source"] for each in noted] == ["first", "second"]
    await rig.stop()
    await rig.plex.start()
    await rig.start()
    rig.engine.health.hurry()

    async def done() -> bool:
        rig.engine.undo_runs.look()
        return await rig.engine.notes.get("undo") is None

    await rig.until(done)
    shown = [rig.item(number).title for number in range(1, 7)]
    assert shown == [*before[:3], "Third", *before[4:]]


# -- whatever becomes of sources and items ---------------------------------------------


async def test_a_removed_source_is_still_told_of(rig: Rig) -> None:
    """Under the id that it had, and its run can be undone; added again, it is the same."""
    titles = [rig.item(number).title for number in (1, 2)]
    await rig.engine.recognise("stash", "here")
    await write(rig, says(rig, 1, title="Ours"))
    pass_time(rig, HOUR)
    await write(rig, says(rig, 2, title="Ours"))
    await rig.engine.remove_source("stash")
    assert [row.source for row in await rows(rig)] == ["stash", "stash"]
    assert await rig.engine.history.knows("stash")
    (run, _) = await runs(rig)
    await rig.engine.undo_runs.undo_since(run.first, run.last, run.source)
    assert [rig.item(number).title for number in (1, 2)] == ["Ours", titles[1]]
    await rig.engine.recognise("another", "here")
    assert {row.source for row in await rows(rig)} == {"another", UNDO}
    (_, _, run) = await runs(rig)
    await rig.engine.undo_runs.undo_since(run.first, run.last, run.source)
    assert [rig.item(number).title for number in (1, 2)] == titles


async def test_what_was_written_to_a_merged_item_is_shown_as_the_whole(
    rig: Rig,
) -> None:
    """Rows of both are found by the key that is left; a new key is followed."""
    one, two = rig.item(1), rig.item(2)
    await write(rig, says(rig, 1, title="One"), says(rig, 2, title="Two"))
    rig.plex.core.merge(one, two)
    whole = says(rig, 1, title="Whole")
    await write(rig, whole)
    key = str(one.rating_key)
    told = await rows(rig, rating_key=key)
    assert [dict_of(row)["title"][1] for row in told] == ["Whole", "Two", "One"]
    assert {row.rating_key for row in told} == {key}
    rig.plex.core.rekey(one)
    await write(rig, replace(whole, fields={"title": "Newest"}))
    told = await rows(rig, rating_key=str(one.rating_key))
    assert len(told) == 4
    assert {row.rating_key for row in told} == {str(one.rating_key)}
    assert await rows(rig, rating_key=key) == []


async def test_what_was_written_to_a_whole_is_found_under_its_parts(rig: Rig) -> None:
    """That of before the split: after it each has its own."""
    one, of_part = rig.item(1), says(rig, 2, title="Part")
    rig.plex.core.merge(one, rig.item(2))
    await write(rig, says(rig, 1, title="Whole"))
    _, part = rig.plex.core.split(one)
    await write(rig, of_part)
    await write(rig, says(rig, 1, title="Newest"))
    for item, titles in ((one, ["Newest", "Whole"]), (part, ["Part", "Whole"])):
        told = await rows(rig, rating_key=str(item.rating_key))
        assert [dict_of(row)["title"][1] for row in told] == titles


# -- pages and bounds, on a database alone ---------------------------------------------


class Shelf:
    """A history without a Plex."""

    def __init__(self, folder: Path, **settings: Any) -> None:
        """Begin at noon."""
        self.now = 1_000_000.0
        self.database = Database(folder / "history.db", LAYOUT, inline=True)
        self.database.open()
        clock = Clock(lambda: self.now, lambda: self.now)
        self.history = WriteHistory(self.database, clock, **settings)
        self.view = HistoryView(self.database)

    async def add(self, *entries: Entry) -> None:
        """Note what was written now."""
        await self.database.run(lambda db: self.history.note(db, entries, self.now))

    async def item(self, number: int) -> int:
        """Let the ledger number an item."""
        item = Item(
            str(number), "uuid", (f"/films/{number}.mkv",), {}, frozenset(), 0.0
        )
        return await self.database.run(lambda db: known_items.find_or_add(db, item))

    async def tidy(self) -> None:
        """Let what is too much go."""
        running = asyncio.create_task(self.history.run())
        for _ in range(20):
            await asyncio.sleep(0)
        running.cancel()

    async def all(self) -> list[WrittenRow]:
        """Give all rows, page by page."""
        return await self.pages(Wanted(limit=7))

    async def pages(self, wanted: Wanted) -> list[WrittenRow]:
        """Give all rows that fit."""
        found: list[WrittenRow] = []
        while True:
            page = await self.view.page(wanted)
            assert len(page.rows) <= wanted.limit
            found += page.rows
            if page.next is None:
                return found
            wanted = replace(wanted, before=page.next)

    async def sizes(self) -> tuple[int, int, int]:
        """Give how many rows and bytes the runs tell of, and how many rows there are."""

        def count(db: sqlite3.Connection) -> tuple[int, int, int]:
            told = "SELECT coalesce(sum(rows), 0), coalesce(sum(bytes), 0) FROM history_run"
            (there,) = db.execute("SELECT count(*) FROM history").fetchone()
            return (*db.execute(told).fetchone(), there)

        return await self.database.run(count)


@pytest.fixture
def shelf(tmp_path: Path) -> Iterator[Shelf]:
    """Give an empty one that holds 20 kB."""
    shelf = Shelf(tmp_path, most=20_000)
    yield shelf
    shelf.database.close()


def entry(item: int, after: Any = "After", source: str = "stash", **more: Any) -> Entry:
    """Say that something was written."""
    told = [["title", "Before", after], *more.pop("changes", [])]
    changes = [[name, bounded(before), bounded(now)] for name, before, now in told]
    return Entry(source, item, more.pop("key", str(item)), changes)


async def test_pages_hold_all_that_fits_once_and_nothing_else(shelf: Shelf) -> None:
    """Whatever is asked for, compared with a look at every row."""
    random, titles = Random(1), ("Solaris", "Stalker", "Nostalghia", "Sculpting")
    items = [await shelf.item(number) for number in range(1, 9)]
    for _ in range(60):
        shelf.now += random.choice((1, 30, 2000))
        await shelf.add(
            *(
                entry(
                    random.choice(items),
                    random.choice(titles),
                    random.choice(("stash", "action")),
                    changes=[["genres", None, ["Drama"]]] * (random.random() < 0.3),
                )
                for _ in range(random.randint(1, 4))
            )
        )
    every = await shelf.all()
    assert [row.id for row in every] == list(range(len(every), 0, -1))
    (rows, _, there) = await shelf.sizes()
    assert rows == there == len(every)
    for _ in range(40):
        asks = {
            "source": random.choice((None, "stash")),
            "rating_key": random.choice((None, None, "3")),
            "field": random.choice((None, None, "genres")),
            "search": random.choice((None, None, "STAL", "/films/2", "dRAM")),
            "since": random.choice((None, None, random.choice(every).at)),
            "until": random.choice((None, None, random.choice(every).at)),
        }
        fitting = [row for row in every if fits(row, asks)]
        wanted = Wanted(limit=random.randint(1, 9), **asks)  # type: ignore[arg-type]
        assert await shelf.pages(wanted) == fitting, asks
        page = await shelf.view.page(wanted)
        assert page.total in (None, len(fitting))
        assert page.oldest == every[-1].at
        if set(asks.values()) <= {None, "stash"}:
            assert page.total == len(fitting)


def fits(row: WrittenRow, asks: dict[str, Any]) -> bool:
    """Say the same of one row in plain words."""
    text = (row.path + repr([change[1:] for change in row.changes])).casefold()
    return (
        asks["source"] in (None, row.source)
        and asks["rating_key"] in (None, row.rating_key)
        and (asks["field"] is None or asks["field"] in dict_of(row))
        and (asks["since"] is None or row.at >= asks["since"])
        and (asks["until"] is None or row.at <= asks["until"])
        and (asks["search"] is None or asks["search"].casefold() in text)
    )


async def test_a_page_is_never_too_large_to_send(shelf: Shelf) -> None:
    """Long rows make short pages, and one row is always there."""
    long = "\u4e16" * 50_000
    for number in range(1, 30):
        await shelf.add(
            entry(number, long, changes=[["genres", [long], ["x" * 90] * 999]])
        )
    page = await shelf.view.page(Wanted(limit=100))
    assert 1 <= len(page.rows) < 29
    sent = json.dumps([row.changes for row in page.rows], ensure_ascii=False)
    assert len(sent.encode()) < 200_000
    assert len(await shelf.pages(Wanted(limit=100))) == 29


@pytest.mark.parametrize(
    "value", ["x" * 4_001, ["x" * 90] * 50, ["x" * 5_000], None, 7.5]
)
def test_a_value_is_cut_where_it_is_too_long(value: Any) -> None:
    """So that it is seen."""
    cut = bounded(value)
    assert len(json.dumps(cut)) < 4_400
    if cut != value:
        assert cut[-1] == "…"


@pytest.mark.parametrize(
    "changes",
    [
        [["title", None, "A"]],
        [["actors", [{"name": "Ann", "role": ""}], []], ["studio"]],
        [["summary", "\ud800", "half of a letter"]],
    ],
)
def test_what_is_packed_can_be_read(changes: list[Any]) -> None:
    """But for what is no text; and what is damaged is nothing."""
    packed = pack(changes)
    expected = json.dumps(changes, ensure_ascii=False).replace("\ud800", "?")
    assert unpack(packed) == json.loads(expected)
    assert unpack(b"\x00broken") == unpack(pack([])) == []


def test_rows_of_earlier_versions_can_be_read() -> None:
    """The words that are not said again must never change."""
    old = bytes.fromhex(OLD_ROW)
    assert unpack(old) == [["title", "Old", "New"], ["poster", None, "new picture"]]
    found = "finds something about the murder, and must leave the city"
    assert unpack(bytes.fromhex(MARKED_ROW)) == [
        ["summary", "A man", f"A young detective {found}"],
        ["genres", ["Drama"], ["Thriller", "Science Fiction"]],
    ]


async def test_the_oldest_rows_make_room(shelf: Shelf) -> None:
    """Whole rows, until it fits; what is counted is what is there."""
    random = Random(2)
    for number in range(1, 1501):
        shelf.now += 700 * (number % 200 == 0)
        await shelf.add(entry(number, random.randbytes(20).hex()))
    await shelf.tidy()
    rows, size, there = await shelf.sizes()
    assert 15_000 < size <= 20_000
    assert rows == there
    left = await shelf.all()
    assert [row.id for row in left] == list(range(1500, 1500 - there, -1))
    assert {row.run for row in left} == {run.id for run in await shelf.view.runs(99)}


async def test_much_that_is_written_at_once_makes_room_at_once(tmp_path: Path) -> None:
    """Nobody waits for the end of the day."""
    shelf = Shelf(tmp_path, most=100_000)
    running = asyncio.create_task(shelf.history.run())
    await asyncio.sleep(0)
    random = Random(3)
    for _ in range(40):
        await shelf.add(*(entry(n, random.randbytes(500).hex()) for n in range(1, 41)))
        shelf.history.prune_soon()
        await asyncio.sleep(0)
        for _ in range(10):
            await asyncio.sleep(0)
    assert (await shelf.sizes())[1] < 100_000 + 600_000
    running.cancel()
    shelf.database.close()


async def test_rows_go_after_their_days_and_no_clock_makes_it_sooner(
    shelf: Shelf,
) -> None:
    """Days that pass are counted, and a clock that jumps is one of them at most."""
    shelf.history.days = 3
    day = 86_400
    for number in range(1, 9):
        await shelf.tidy()
        await shelf.add(entry(number))
        shelf.now += day + 1
    await shelf.tidy()
    assert [row.key for row in await shelf.all()] == ["8", "7", "6"]
    shelf.now += 100 * day
    await shelf.tidy()
    assert [row.key for row in await shelf.all()] == ["8", "7"]
    for _ in range(5):
        shelf.now += day + 1
        await shelf.tidy()
    assert (await shelf.all(), await shelf.sizes()) == ([], (0, 0, 0))
    await shelf.add(entry(9))
    for _ in range(3):
        await shelf.tidy()
        assert [row.key for row in await shelf.all()] == ["9"]
        shelf.now += day + 1


async def test_a_reused_number_brings_no_history(shelf: Shelf) -> None:
    """Another machine has the place of the server: an item without a file is forgotten."""
    show = Item("9", "uuid", (), {}, frozenset(), 0.0)
    film = await shelf.item(1)
    number = await shelf.database.run(lambda db: known_items.find_or_add(db, show))
    await shelf.add(entry(number, key="show"), entry(film, key="film"))
    await shelf.add(entry(number, "Undone", UNDO, key=None))
    for machine in ("one", "two"):
        await shelf.database.run(lambda db, m=machine: other_machine.recognise(db, m))
    assert await shelf.item(2) == number
    told = {row.key: (row.rating_key, row.path) for row in await shelf.all()}
    assert told == {None: ("", ""), "show": ("", ""), "film": ("", "/films/1.mkv")}
    assert await shelf.pages(Wanted(rating_key="2")) == []


async def test_an_undo_of_one_lost_item_is_not_another_s(shelf: Shelf) -> None:
    """Nobody can tell any more which of them was undone."""
    for number in ("8", "9"):
        show = Item(number, "uuid", (), {}, frozenset(), 0.0)
        item = await shelf.database.run(
            lambda db, i=show: known_items.find_or_add(db, i)
        )
        await shelf.add(entry(item, key=number))
    await shelf.add(entry(item, "Undone", UNDO, key=None))
    assert [run.undone for run in await shelf.view.runs(9)] == [0, 1]
    for machine in ("one", "two"):
        await shelf.database.run(lambda db, m=machine: other_machine.recognise(db, m))
    assert not any(row.taken_back for row in await shelf.all())
    assert [run.undone for run in await shelf.view.runs(9)] == [0, 0]
