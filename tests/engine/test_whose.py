"""Whose a value, a member, a lock or a part is, on a whole engine and a simulated Plex."""

import asyncio
import json
from typing import Any

import pytest

from custom_components.plexsync.engine.circuit.breaker import State
from custom_components.plexsync.engine.ledger.ledger_sources import SOURCES
from custom_components.plexsync.engine.model.faults import Fault
from custom_components.plexsync.engine.model.record import Actor, Find, Image, Record
from custom_components.plexsync.engine.plan.plan import Plan
from tests.rig import PNG, Rig

pytestmark = pytest.mark.usefixtures("tag_mode")

OTHER = b"\xff\xd8\xff\xe0 another picture" + bytes(64)


def record(rig: Rig, source: str = "stash", **fields: Any) -> Record:
    """Say something of the first film: an action does, or a mirror."""
    mirror = source != "action"
    return Record(source, "1", Find((rig.path(1),)), fields, mirror=mirror)


async def say(rig: Rig, source: str = "stash", **fields: Any) -> None:
    """Bring the first film into line with what a source says of it."""
    rig.engine.plex_notices.void(str(rig.item(1).rating_key))
    await rig.submit([record(rig, source, **fields)])
    await rig.drained()


async def kept(rig: Rig, source: str = "stash", **fields: Any) -> dict[str, str]:
    """Name what a preview would leave alone, and why."""
    preview = await rig.engine.on_demand.preview(record(rig, source, **fields))
    (plan,) = preview.plans.values()
    assert isinstance(plan, Plan)
    return {name: why.value for name, why in plan.kept.items()}


async def sweep(rig: Rig, *records: Record) -> dict[str, int]:
    """Compare with Plex, mend what differs, and compare again."""

    async def pages() -> Any:
        yield list(records)

    await rig.engine.sweep.run(pages())
    await rig.drained()
    rig.plex.journal.clear()
    counts = await rig.engine.sweep.run(pages())
    await rig.drained()
    assert rig.plex.journal.count(method="PUT") == 0
    assert rig.plex.journal.count(method="POST") == 0
    return counts


async def order(rig: Rig, *names: str) -> None:
    """Say which source leads."""
    await rig.engine.notes.keep(SOURCES, json.dumps(names))


def cast(rig: Rig) -> set[tuple[str, str, str]]:
    """Give name, part and portrait of each actor."""
    return {(t.tag.name, t.text, t.thumb) for t in rig.item(1).tags["actor"]}


# -- a lock that a person opens --------------------------------------------------------


@pytest.mark.parametrize("undone", [False, True])
@pytest.mark.parametrize(
    ("name", "plex", "first", "then"),
    [
        ("studio", "studio", "A", "B"),
        ("genres", "genre", ("A",), ("A", "B")),
    ],
)
async def test_a_lock_that_was_opened_since_does_not_come_back(
    rig: Rig, name: str, plex: str, first: Any, then: Any, undone: bool
) -> None:
    """It stood there before us; but its owner has opened it, and the next one was ours."""
    core, key = rig.plex.core, rig.item(1).rating_key
    theirs = first if isinstance(first, str) else list(first)
    core.edit_by_person(key, lock=True, **{plex: theirs})
    await say(rig, **{name: first})
    core.set_lock(key, plex, on=False)
    await say(rig, **{name: then})
    assert plex in rig.item(1).locks
    if undone:
        await rig.engine.undoing.undo(Find((rig.path(1),)))
    else:
        await say(rig, **{name: None})
    assert plex not in rig.item(1).locks


# -- two sources ---------------------------------------------------------------------


@pytest.mark.parametrize("second", ["stash", "other"])
async def test_one_of_two_sources_leads(rig: Rig, second: str) -> None:
    """An action beside a mirror, or two mirrors: nothing is written in turns."""
    await order(rig, "action", "first", "stash", "other")
    first = "action" if second == "stash" else "first"
    await say(rig, second, title="Second", genres=("B",))
    await say(rig, first, title="First", genres=("A",))
    mine = record(rig, first, title="First", genres=("A",))
    theirs = record(rig, second, title="Second", genres=("B",))
    assert await sweep(rig, mine, theirs) == {"in_line": 1, "kept:other_source": 1}
    assert rig.item(1).title == "First"
    assert {"A", "B"} <= set(rig.item(1).tag_names("genre"))
    assert await kept(rig, second, title="Second") == {"title": "other_source"}


@pytest.mark.parametrize("how", ["clears", "drops", "is removed"])
async def test_the_next_source_takes_over(rig: Rig, how: str) -> None:
    """At its next sweep, once the one that leads lets go, however it does."""
    await order(rig, "first", "second")
    await say(rig, "first", studio="First")
    await say(rig, "second", studio="Second")
    assert rig.item(1).values["studio"] == "First"
    match how:
        case "clears":
            await say(rig, "first", studio=None)
        case "drops":
            await say(rig, "first", tagline="T")
        case _:
            await rig.engine.remove_source("first")
    await sweep(rig, record(rig, "second", studio="Second"))
    assert rig.item(1).values["studio"] == "Second"


async def test_a_title_that_an_action_clears_goes_back_to_the_mirror(rig: Rig) -> None:
    """A title is never emptied, but the action has no word in it any more."""
    await order(rig, "action", "stash")
    await say(rig, "action", title="Action")
    await say(rig, title="Mirror")
    await say(rig, "action", title=None)
    assert rig.item(1).title == "Action"
    await sweep(rig, record(rig, title="Mirror"))
    assert rig.item(1).title == "Mirror"


async def test_what_two_sources_want_stays_until_both_have_dropped_it(rig: Rig) -> None:
    """The first one to let go takes nothing from the other."""
    await order(rig, "first", "second")
    await say(rig, "first", studio="Both")
    await say(rig, "second", studio="Both")
    await say(rig, "first", studio=None)
    assert rig.item(1).values["studio"] == "Both"
    await say(rig, "second", studio=None)
    assert "studio" not in rig.item(1).values


async def test_what_stood_there_before_is_what_the_first_source_found(
    rig: Rig,
) -> None:
    """Also where that one was the last to write: an undo leaves nothing of either."""
    before = rig.item(1).tag_names("genre")
    await say(rig, "first", genres=("A",))
    await say(rig, "second", genres=("B",))
    await say(rig, "first", genres=("A", "C"))
    assert {"A", "B", "C"} <= set(rig.item(1).tag_names("genre"))
    await rig.engine.undoing.undo(Find((rig.path(1),)))
    assert rig.item(1).tag_names("genre") == before


async def test_one_of_two_pictures_leads(rig: Rig) -> None:
    """Until its source lets go of it."""
    await order(rig, "first", "second")
    rig.gallery.pictures |= {"/first": PNG, "/second": OTHER}
    await say(rig, "first", poster=Image("/first", "a"))
    await say(rig, "second", poster=Image("/second", "a"))
    assert rig.plex.journal.count(method="POST") == 1
    await say(rig, "first", tagline="T")
    await sweep(rig, record(rig, "second", poster=Image("/second", "a")))
    assert rig.plex.core.catalog.blobs[_selected(rig).rsplit("/", 1)[-1]] == OTHER


def _selected(rig: Rig) -> str:
    key = rig.item(1).image_key("thumb")
    assert key is not None
    return str(key)


# -- locks ---------------------------------------------------------------------------


@pytest.mark.parametrize("when", ["before we came", "after we came"])
@pytest.mark.parametrize(
    ("field", "plex", "there", "wanted"),
    [
        ("studio", "studio", "Same", "Another"),
        ("genres", "genre", ("Same",), ("Another",)),
    ],
)
async def test_a_person_locks_what_agrees(
    rig: Rig, field: str, plex: str, there: Any, wanted: Any, when: str
) -> None:
    """Then the source changes it: it is the person's, and stays."""
    core, key = rig.plex.core, rig.item(1).rating_key
    locked = when == "before we came"
    core.edit_by_person(key, lock=locked or None, **{plex: there})
    await say(rig, **{field: there})
    assert (plex in rig.item(1).locks) is locked  # as it was found
    core.set_lock(key, plex)
    edits = rig.edits()
    await say(rig, **{field: wanted})
    assert rig.edits() == edits
    assert await kept(rig, **{field: wanted}) == {field: "locked"}


async def test_we_lock_only_where_something_of_ours_stands(rig: Rig) -> None:
    """Empty lists are not locked, and what the source takes back is unlocked."""
    before = set(rig.item(1).locks)
    empty = dict.fromkeys(("genres", "directors", "collections", "actors"))
    await say(rig, title="Ours", **empty)
    assert set(rig.item(1).locks) == before | {"title"}
    await say(rig, title="Ours", genres=("G",), studio="S", directors=None)
    assert set(rig.item(1).locks) == before | {"title", "genre", "studio"}
    await say(rig, title="Ours", genres=None, studio=None)
    assert set(rig.item(1).locks) == before | {"title"}


async def test_an_agent_reaches_what_we_had_nothing_for(rig: Rig) -> None:
    """Its next refresh fills the lists and texts that the source has not."""
    core, key = rig.plex.core, rig.item(1).rating_key
    lists = {"genre": ["G"], "director": ["D"], "actor": [("Ann", "Queen", "")]}
    core.edit_by_person(key, lock=None, genre=[], director=[], actor=[], summary=None)
    rig.item(1).agent |= {"summary": "The agent's"} | {
        kind: [name if isinstance(name, tuple) else (name, "", "") for name in names]
        for kind, names in lists.items()
    }
    before = set(rig.item(1).locks)
    nothing = dict.fromkeys(("genres", "directors", "actors", "labels", "summary"))
    await say(rig, title="Ours", **nothing)
    core.agent_refresh(key)
    assert rig.item(1).title == "Ours"
    assert rig.item(1).values["summary"] == "The agent's"
    assert rig.item(1).tag_names("genre") == ["G"]
    assert rig.item(1).tag_names("director") == ["D"]
    assert cast(rig) == {("Ann", "Queen", "")}
    await rig.engine.undoing.undo(Find((rig.path(1),)))
    assert set(rig.item(1).locks) == before
    assert rig.item(1).tag_names("genre") == ["G"]


async def test_what_a_source_only_found_stays_at_an_undo(rig: Rig) -> None:
    """An agent brought it and a person kept it, between two lives of a list."""
    core, key = rig.plex.core, rig.item(1).rating_key
    core.edit_by_person(key, lock=None, genre=[])
    await say(rig, genres=("Ours",))
    await say(rig, genres=None)
    rig.item(1).agent["genre"] = [("The agent's", "", ""), ("Another", "", "")]
    core.agent_refresh(key)
    core.edit_by_person(key, lock=True, genre=["The agent's"])
    await say(rig, genres=("The agent's",))
    await rig.engine.undoing.undo(Find((rig.path(1),)))
    assert rig.item(1).tag_names("genre") == ["The agent's"]


@pytest.mark.parametrize("more", [(), ("New",)])
async def test_what_a_person_added_first_stays_at_an_undo(
    rig: Rig, more: tuple[str, ...]
) -> None:
    """Although the source says it as well since, and whether that writes anything."""
    theirs = rig.item(1).tag_names("genre")
    await say(rig, genres=(*theirs, "Ours"))
    core, key = rig.plex.core, rig.item(1).rating_key
    core.edit_by_person(key, lock=True, genre=[*theirs, "Ours", "Person's"])
    await say(rig, genres=(*theirs, "Ours", "Person's", *more))
    await rig.engine.undoing.undo(Find((rig.path(1),)))
    assert set(rig.item(1).tag_names("genre")) == {*theirs, "Person's"}


async def test_what_another_source_wrote_is_not_found(rig: Rig) -> None:
    """A source that joins what the other one wrote leaves nothing of it at an undo."""
    theirs = rig.item(1).tag_names("genre")
    await say(rig, "first", genres=(*theirs, "First"))
    await say(rig, "first", genres=None)
    await say(rig, "second", genres=(*theirs, "Second"))
    await say(rig, "first", genres=(*theirs, "Second"))
    await rig.engine.undoing.undo(Find((rig.path(1),)))
    assert set(rig.item(1).tag_names("genre")) == set(theirs)


async def test_what_we_wrote_goes_although_only_a_title_is_left(rig: Rig) -> None:
    """The source hardly identifies it any more; what others gave it stays."""
    theirs = set(rig.item(1).tag_names("genre"))
    await say(rig, title="T", studio="S", user_rating=8.0, genres=("G",))
    rec = record(rig, title="T", studio=None, user_rating=None, genres=None)
    bare = Record("stash", "1", rec.find, rec.fields, identified=False, mirror=True)
    await rig.submit([bare])
    await rig.drained()
    assert "studio" not in rig.item(1).values
    assert "userRating" not in rig.item(1).values
    assert set(rig.item(1).tag_names("genre")) == theirs


# -- casts ---------------------------------------------------------------------------


@pytest.mark.parametrize("portraits", [True, False])
@pytest.mark.parametrize("roles", [True, False])
async def test_a_cast_by_names_keeps_roles_and_portraits(
    rig: Rig, roles: bool, portraits: bool
) -> None:
    """Whatever Plex does with what an edit does not say of its members."""
    switches = rig.plex.core.switches
    switches.keep_roles, switches.keep_portraits = roles, portraits
    rig.plex.core.edit_by_person(
        rig.item(1).rating_key,
        lock=False,
        actor=[
            ("Ann", "Queen", "http://portraits/ann"),
            ("Bob", "King", "http://portraits/bob"),
        ],
    )
    before = cast(rig)
    await say(rig, actors=(Actor("Ann"), Actor("New")))
    assert cast(rig) == before | {("New", "", "")}
    await say(rig, actors=(Actor("Ann", "Maid"), Actor("New")))
    assert ("Ann", "Maid", "http://portraits/ann") in cast(rig)
    await rig.engine.undoing.undo(Find((rig.path(1),)))
    assert cast(rig) == before
    assert "actor" not in rig.item(1).locks


# -- spelling and forms --------------------------------------------------------------


@pytest.mark.parametrize("identity", ["exact", "casefold"])
async def test_what_is_renamed_in_letter_case_arrives(rig: Rig, identity: Any) -> None:
    """Or counts as in line where Plex keeps its first spelling."""
    rig.plex.core.switches.tag_identity = identity
    genres, actors = ("drama", "Noir"), (Actor("ann example"), Actor("Bob"))
    await say(rig, genres=genres, actors=actors)
    genres, actors = ("Drama", "Noir"), (Actor("Ann Example"), Actor("Bob"))
    await say(rig, genres=genres, actors=actors)
    await sweep(rig, record(rig, genres=genres, actors=actors))
    names = rig.item(1).tag_names("genre")
    assert [name.casefold() for name in names].count("drama") == 1
    if identity == "exact":
        assert "Drama" in names
        assert {"Ann Example", "Bob"} <= set(rig.item(1).tag_names("actor"))


@pytest.mark.parametrize("repeated", [True, False])
async def test_two_actors_of_one_name(rig: Rig, repeated: bool) -> None:
    """Both stand there by their parts; where Plex keeps one of them it is in line, too."""
    rig.plex.core.switches.repeat_actors = repeated
    before = cast(rig)
    elder, younger = ("Ann", "the elder", ""), ("Ann", "the younger", "")
    for actors in ([elder, younger], [elder, ("Ann", "the youngest", "")], [elder]):
        said = tuple(Actor(name, part) for name, part, _ in actors)
        await say(rig, actors=said)
        assert not await rig.engine.job_status.reasons()
        assert await sweep(rig, record(rig, actors=said)) == {"in_line": 1}
        ours = cast(rig) - before
        assert ours == {*actors} if repeated else ours <= {*actors}
        assert ours
    await rig.engine.undoing.undo(Find((rig.path(1),)))
    assert cast(rig) == before


async def test_a_form_of_plexs_own_is_learnt(rig: Rig) -> None:
    """In line afterwards, and ours: neither given up nor taken for a person's."""
    switches = rig.plex.core.switches
    switches.early_summer_dates = switches.raise_first_letters = True
    first = {"date": "2001-07-15", "labels": ("kids",), "collections": ("evening",)}
    await say(rig, **first)
    assert not await rig.engine.job_status.reasons()
    assert rig.edits() == 1
    assert await sweep(rig, record(rig, **first)) == {"in_line": 1}
    await say(rig, **first | {"date": "2002-08-20"})
    assert rig.item(1).values["originallyAvailableAt"] == "2002-08-20"
    assert await kept(rig, **first) == {}


async def test_a_refusal_is_no_form(rig: Rig) -> None:
    """What stood there before still stands there: that is said."""
    await say(rig, tagline="Ours")
    rig.plex.faults.add("status", code=200, method="PUT")
    await rig.submit([record(rig, tagline="OURS")])
    await rig.drained(failed=1)
    assert await rig.engine.job_status.reasons() == {"failed:not_kept": 1}


# -- undo ----------------------------------------------------------------------------


def state(rig: Rig) -> dict[str, Any]:
    """Give all that an undo has to bring back."""
    item = rig.item(1)
    tags = {
        kind: [(t.tag.name, t.text, t.thumb) for t in tags]
        for kind, tags in item.tags.items()
        if tags
    }
    values = {
        name: value
        for name, value in item.values.items()
        if value is not None and name not in ("updatedAt", "lastRatedAt")
    }
    selected = {name: item.image_key(name) for name in ("thumb", "art")}
    return {
        "tags": {kind: sorted(members) for kind, members in tags.items()},
        "values": values,
        "locks": set(item.locks),
        "selected": selected,
    }


EVERYTHING = {
    "title": "Ours",
    "summary": "Ours",
    "studio": "Ours",
    "date": "1999-01-01",
    "user_rating": 9.0,
    "genres": ("Ours",),
    "labels": ("ours",),
    "actors": (Actor("Ann", "Ours"), Actor("Ours")),
    "poster": Image("/p", "a"),
}


@pytest.mark.parametrize("follows", [True, False])
async def test_undo_brings_everything_back(rig: Rig, follows: bool) -> None:
    """Values, members with their parts, the picture, the year and every lock."""
    rig.plex.core.switches.year_follows_date = follows
    key = rig.item(1).rating_key
    rig.plex.core.edit_by_person(
        key, lock=None, actor=[("Ann", "Queen", "http://a/p")], year=1980
    )
    rig.plex.core.set_lock(key, "tagline")
    before = state(rig)
    await say(rig, **EVERYTHING)
    assert state(rig) != before
    _, restored, kept_back = await rig.engine.undoing.undo(Find((rig.path(1),)))
    assert set(restored) | set(kept_back) == set(EVERYTHING)
    assert state(rig)["values"] == before["values"]
    assert state(rig)["tags"] == before["tags"]
    assert state(rig)["locks"] == before["locks"]
    if before["selected"]["thumb"] is None:
        assert kept_back == {"poster": "picture_gone"}
    edits = rig.edits()
    await sweep(rig, record(rig, **EVERYTHING))
    assert rig.edits() == edits or not rig.edits()


@pytest.mark.parametrize("source", ["stash", "action"])
async def test_undo_brings_back_what_a_clear_took_from_a_person(
    rig: Rig, source: str
) -> None:
    """Who added it after we had written to the list, and locked it with that."""
    await say(rig, source, labels=("ours",))
    added = ["ours", "theirs"]
    rig.plex.core.edit_by_person(rig.item(1).rating_key, label=added)
    await rig.engine.remove_source("stash")
    await say(rig, "action", labels=None)
    assert rig.item(1).tag_names("label") == []
    await rig.engine.undoing.undo(Find((rig.path(1),)))
    assert rig.item(1).tag_names("label") == ["theirs"]
    assert "label" in rig.item(1).locks


async def test_an_undo_holds_until_the_record_says_another_value(rig: Rig) -> None:
    """News of other fields are none of this one; but nothing at all is another value."""
    title, core = rig.item(1).title, rig.plex.core
    core.edit_by_person(rig.item(1).rating_key, lock=False, studio="A person's")
    await say(rig, title="Ours", studio="Ours", genres=("A", "B"))
    await rig.engine.undoing.undo(Find((rig.path(1),)))
    await say(rig, title="Ours", studio="Ours", genres=("B", "A"), tagline="News")
    film = rig.item(1)
    assert (film.title, film.values["studio"]) == (title, "A person's")
    assert film.values["tagline"] == "News"
    assert not {"A", "B"} & set(film.tag_names("genre"))
    await say(rig, title="Newer", studio=None, genres=("A", "B", "C"), tagline="News")
    assert (rig.item(1).title, rig.item(1).values["studio"]) == ("Newer", "A person's")
    assert {"A", "B", "C"} <= set(rig.item(1).tag_names("genre"))
    await say(rig, title="Newer", studio="Ours", genres=("A",), tagline="News")
    assert rig.item(1).values["studio"] == "Ours"


async def test_an_undo_holds_against_what_waited_for_another_source(rig: Rig) -> None:
    """Its record says another value than the one that it wrote before the other one came."""
    title = rig.item(1).title
    await say(rig, title="First")
    await say(rig, "action", title="The action's")
    await say(rig, title="Waits")
    await rig.engine.undoing.undo(Find((rig.path(1),)))
    assert await sweep(rig, record(rig, title="Waits")) == {"kept:released": 1}
    assert rig.item(1).title == title


async def test_undo_selects_the_picture_of_before(rig: Rig) -> None:
    """Or lets Plex choose, where it has that one no more."""
    core, item = rig.plex.core, rig.item(1)
    core.add_picture(item, "thumb", "metadata://posters/agent_1")
    core.catalog.select_image(item, "thumb", "metadata://posters/agent_1", lock=False)
    await say(rig, poster=Image("/p", "a"))
    assert _selected(rig).startswith("upload://")
    _, restored, why = await rig.engine.undoing.undo(Find((rig.path(1),)))
    assert (restored, why) == (["poster"], {})
    assert _selected(rig) == "metadata://posters/agent_1"
    assert "thumb" not in item.locks
    await say(rig, poster=Image("/p", "b"), title="The same picture")
    assert _selected(rig) == "metadata://posters/agent_1"
    rig.gallery.pictures["/q"] = OTHER
    await say(rig, poster=Image("/q", "b"), title="Another picture")
    core.delete_picture(item, "metadata://posters/agent_1")
    _, _, why = await rig.engine.undoing.undo(Find((rig.path(1),)))
    assert why == {"poster": "picture_gone"}
    assert not str(item.image_key("thumb")).startswith("upload://")
    assert "thumb" not in item.locks


async def test_undo_of_a_picture_that_a_person_unlocked_leaves_no_lock(
    rig: Rig,
) -> None:
    """Plex locks whichever picture is selected."""
    core, item = rig.plex.core, rig.item(1)
    core.add_picture(item, "thumb", "metadata://posters/agent_1")
    core.catalog.select_image(item, "thumb", "metadata://posters/agent_1", lock=False)
    await say(rig, poster=Image("/p", "a"))
    core.set_lock(item.rating_key, "thumb", False)
    _, restored, _ = await rig.engine.undoing.undo(Find((rig.path(1),)))
    assert restored == ["poster"]
    assert _selected(rig) == "metadata://posters/agent_1"
    assert "thumb" not in item.locks


async def test_undo_since_finds_items_by_their_files_and_survives_a_restart(
    rig: Rig,
) -> None:
    """What an outage cut short goes on, at items that Plex gave new rating keys."""
    before = [rig.item(number).title for number in range(1, 6)]
    await rig.submit(rig.records(5))
    await rig.drained()
    for number in range(1, 6):
        rig.plex.core.rekey(rig.item(number))
    await rig.engine.notes.keep(
        "undo", json.dumps({"since": 0.0, "total": 5, "last": 0})
    )
    await rig.restart()

    async def done() -> bool:
        return await rig.engine.notes.get("undo") is None

    await rig.until(done)
    after = {path: item.title for item in rig.items() for path in item.files}
    assert sorted(after.values())[:5] == sorted(before)


async def test_two_undos_follow_one_another(rig: Rig) -> None:
    """Whichever asks first: together they took back everything since the earlier time."""
    before = [rig.item(number).title for number in range(1, 6)]
    await rig.submit(rig.records(5))
    await rig.drained()
    undo = rig.engine.undo_runs.undo_since
    one, two = await asyncio.gather(undo(0), undo(rig.clock.wall() - 3600))
    assert one[0] + two[0] == 5
    assert [rig.item(number).title for number in range(1, 6)] == before
    assert await rig.engine.notes.get("undo") is None


async def test_an_undo_that_was_cut_short_is_done_with_the_next(rig: Rig) -> None:
    """It reaches back further than the one that is asked for."""
    before = [rig.item(number).title for number in range(1, 4)]
    await rig.submit(rig.records(3))
    await rig.drained()
    await rig.plex.stop()
    with pytest.raises(Fault):
        await rig.engine.undo_runs.undo_since(0)
    await rig.plex.start()
    await rig.submit(rig.records(5)[-1:])  # the trial
    await rig.until(lambda: rig.engine.circuit.breaker.state is State.CLOSED)
    items, _, why = await rig.engine.undo_runs.undo_since(rig.clock.wall() + 3600)
    assert (items, why) == (4, {})
    assert [rig.item(number).title for number in range(1, 4)] == before


# -- pictures ------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["unlocked and reset", "emptied", "made anew"])
async def test_a_picture_that_was_lost_is_uploaded_again(rig: Rig, how: str) -> None:
    """The sweep sees it by Plex's own mark."""
    core = rig.plex.core
    core.add_picture(rig.item(1), "thumb", "metadata://posters/agent_1")
    fields = {"title": "T", "poster": Image("/p", "a")}
    await say(rig, **fields)
    ours = _selected(rig)
    path = rig.path(1)
    match how:
        case "unlocked and reset":
            core.set_lock(rig.item(1).rating_key, "thumb", on=False)
            core.reset_picture(rig.item(1))
        case "emptied":
            core.empty_picture(rig.item(1))
        case _:
            core.recreate(rig.item(1))
    item = core.find(path)
    assert item is not None
    assert item.image_key("thumb") != ours
    rec = Record("stash", "1", Find((path,)), fields, mirror=True)

    async def in_line() -> bool:
        return await sweep(rig, rec) == {"in_line": 1}

    await rig.until(in_line)  # a new item may have to be listed first
    item = core.find(path)
    assert item is not None
    assert item.image_key("thumb") == ours


async def test_a_picture_that_a_person_chose_stays(rig: Rig) -> None:
    """It is locked, and another one than ours."""
    fields = {"poster": Image("/p", "a")}
    await say(rig, **fields)
    rig.plex.core.catalog.select_image(rig.item(1), "thumb", "upload://posters/mine")
    await sweep(rig, record(rig, **fields))
    assert _selected(rig) == "upload://posters/mine"
    assert await kept(rig, **fields) == {"poster": "locked"}


async def test_an_upload_that_is_not_selected_is(rig: Rig) -> None:
    """The answer was 200, and Plex shows another picture."""
    rig.plex.core.switches.select_uploads = False
    await say(rig, poster=Image("/p", "a"))
    assert _selected(rig).startswith("upload://")
    assert "thumb" in rig.item(1).locks
    await sweep(rig, record(rig, poster=Image("/p", "a")))


async def test_nothing_is_uploaded_twice_for_a_new_rating_key(rig: Rig) -> None:
    """The item is the same, and so is its picture."""
    await say(rig, poster=Image("/p", "a"))
    path = rig.path(1)
    rig.plex.core.rekey(rig.item(1))
    rig.plex.journal.clear()
    rec = Record("stash", "1", Find((path,)), {"poster": Image("/p", "a")}, mirror=True)
    await sweep(rig, rec)
