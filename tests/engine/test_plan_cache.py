"""The plan that is shown: little is kept of it, and what is asked of it is all there."""

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace
import sqlite3

import pytest

from custom_components.plexsync.engine.model.change import Change, Kept
from custom_components.plexsync.engine.model.fields import FIELDS
from custom_components.plexsync.engine.model.ports import Item
from custom_components.plexsync.engine.model.record import Find, Image, Record
from custom_components.plexsync.engine.plan import plan_cache
from custom_components.plexsync.engine.plan.lookup_result import LookupResult
from custom_components.plexsync.engine.plan.plan import Plan
from custom_components.plexsync.engine.plan.plan_cache import Filter
from custom_components.plexsync.engine.util.search_text import search_text

SOURCE = "01JABCDEFGHJKMNPQRSTVWXYZ0"
LIBRARY = "5c2f8bb1-7a3e-4b0a-9d8e-2f6c1d0e9a77"
MOST = 160  # bytes of a row that changes eight fields
EIGHT = ("title", "summary", "studio", "date", "genres", "labels", "actors", "writers")
ALL = Filter()
ANY = "TRUE"


@pytest.fixture
def db() -> Iterator[sqlite3.Connection]:
    """Give a database with the table laid out."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as db:
        db.execute("PRAGMA temp_store=MEMORY")
        db.create_function("search_text", 1, search_text, deterministic=True)
        db.executescript(plan_cache.SCHEMA)
        yield db


def lookup(key: str, *items: Sequence[str], source: str = SOURCE) -> LookupResult:
    """Look at a record whose items would change in some fields each."""
    poster = Image(f"https://example.org/{key}", "1")
    record = Record(source, key, Find(), {"poster": poster})
    found = LookupResult(Find(), record)
    for number, fields in enumerate(items):
        target = found if not number else found.add_twin(None, LIBRARY)
        target.rating_key = f"{key}{number}"
        target.item = Item(
            target.rating_key, LIBRARY, (), {"title": f"Film {key}"}, frozenset(), 0.0
        )
        changes = [
            Change(name, None, f"{name} of {target.rating_key}", None)
            for name in fields
        ]
        target.plan = Plan(tuple(changes), kept={"tagline": Kept.LOCKED})
    return found


def marks(db: sqlite3.Connection) -> dict[str, list[str]]:
    """Give the marks that are kept, by record."""
    return {key: sorted(marks) for _, key, marks, _ in plan_cache.shown(db, ALL, ANY)}


def test_the_marks_are_those_of_every_item(db: sqlite3.Connection) -> None:
    """Also where each item would change in other fields, whatever their order."""
    looks = [
        lookup("1", ["title"]),
        lookup("2", ["genres", "title"], ["summary"], ["title", "actors"]),
        lookup("3", [], ["studio"]),
        lookup("4", list(FIELDS)),
    ]
    for each in looks:
        plan_cache.keep(db, each)
    wanted = {
        each.record.key: plan_cache.marks_of(each.targets)
        for each in looks
        if each.record
    }
    assert marks(db) == wanted
    rows = plan_cache.page(db, ALL, 10, 0)
    assert [row.digest for row in rows] == [
        plan_cache.digest(marks) for marks in wanted.values()
    ]
    assert [row.items for row in rows] == [1, 3, 1, 1]
    assert rows[1].fields == ("title", "summary", "genres", "actors")
    assert rows[2].rating_key == "31"
    assert rows[3].fields == tuple(FIELDS)


def test_a_field_that_is_left_alone_is_taken_out_of_every_item(
    db: sqlite3.Connection,
) -> None:
    """And a record goes that would change in nothing else."""
    plan_cache.keep(db, lookup("1", ["title"], ["title"]))
    plan_cache.keep(db, lookup("2", ["genres", "title"], ["summary"], ["title"]))
    plan_cache.keep(db, lookup("3", ["title", "studio"], source="other"))
    plan_cache.leave(db, SOURCE, None, "title")
    left = {
        "2": plan_cache.marks_of(lookup("2", ["genres"], ["summary"]).targets),
        "3": plan_cache.marks_of(lookup("3", ["title", "studio"]).targets),
    }
    assert marks(db) == left


def test_what_a_row_says_comes_back(db: sqlite3.Connection) -> None:
    """Though words that many rows say are kept once."""
    plan_cache.keep(db, lookup("1", ["title"]), run=1)
    plan_cache.keep(db, lookup("2", ["genres"], source="other"), run=1)
    (row,) = plan_cache.page(db, Filter(source="other", library=LIBRARY), 10, 0)
    assert (row.source, row.key, row.library) == ("other", "2", LIBRARY)
    assert (row.title, row.fields) == ("Film 2", ("genres",))
    assert row.kept == {"tagline": "locked"}
    assert [unseen for *_, unseen in plan_cache.shown(db, ALL, ANY)] == [["poster"]] * 2
    for chosen, key in (
        (Filter(source=SOURCE), "1"),
        (Filter(field="genres"), "2"),
        (Filter(key="1"), "1"),
        (Filter(search="film 2"), "2"),
    ):
        assert [row.key for row in plan_cache.page(db, chosen, 10, 0)] == [key]
        assert plan_cache.totals(db, chosen).records == 1
    assert not plan_cache.page(db, Filter(library="unknown"), 10, 0)
    totals = plan_cache.totals(db, ALL)
    assert totals.by_source == {SOURCE: 1, "other": 1}
    assert (totals.by_library, totals.by_field) == (
        {LIBRARY: 2},
        {"title": 1, "genres": 1},
    )
    plan_cache.end_run(db, 2, ["other"])
    assert list(marks(db)) == ["1"]
    plan_cache.drop(db, SOURCE, "1")
    assert plan_cache.count(db) == 0


def test_a_record_with_items_in_several_libraries(db: sqlite3.Connection) -> None:
    """Each of them finds it, and counts it."""
    two, three = (
        lookup("2", ["title"], ["title"]),
        lookup("3", ["title"], ["title"], []),
    )
    for each, library in zip((*two.twins, *three.twins), "aab", strict=True):
        assert each.item is not None
        each.item = replace(each.item, section=library)
    for found in (lookup("1", ["title"]), two, three):
        plan_cache.keep(db, found)
    totals = plan_cache.totals(db, ALL)
    assert (totals.records, totals.by_library) == (3, {LIBRARY: 3, "a": 2})
    rows = plan_cache.page(db, Filter(library="a"), 10, 0)
    assert [(row.key, row.library) for row in rows] == [("2", LIBRARY), ("3", LIBRARY)]
    assert plan_cache.totals(db, Filter(library="a")).records == 2
    assert not plan_cache.page(db, Filter(library="b"), 10, 0)


def test_a_row_is_small(db: sqlite3.Connection) -> None:
    """All of them are in memory, and before the first sync there is one for each record."""
    number = 2000
    for key in range(number):
        plan_cache.keep(db, lookup(str(key), EIGHT))
    pages, size = (
        db.execute(f"PRAGMA temp.{name}").fetchone()[0]
        for name in ("page_count", "page_size")
    )
    assert pages * size / number < MOST
