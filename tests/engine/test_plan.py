"""The plan: who owns what, and what would be written."""

from dataclasses import replace
from typing import Any

import pytest

from custom_components.plexsync.engine.ledger.row import LedgerRow, name_value
from custom_components.plexsync.engine.model.change import Kept
from custom_components.plexsync.engine.model.fields import FIELDS
from custom_components.plexsync.engine.model.ports import Item
from custom_components.plexsync.engine.model.record import (
    Actor,
    Find,
    Image,
    Record,
    Value,
)
from custom_components.plexsync.engine.plan.plan import Plan, make_plan


def item(locks: str = "", **fields: Any) -> Item:
    """Make an item that knows every field."""
    values = dict.fromkeys(FIELDS) | fields
    return Item("41", "lib", ("/a.mkv",), values, frozenset(locks.split()), 0.0)


def record(
    *, mirror: bool = True, identified: bool = True, fill: str = "", **fields: Any
) -> Record:
    """Make a mirrored record, as Stash gives it."""
    return Record(
        "stash",
        "1",
        Find(("/a.mkv",)),
        fields,
        7,
        identified=identified,
        mirror=mirror,
        fill_only=frozenset(fill.split()),
    )


def row(field: str, value: Any, **more: Any) -> dict[str, list[LedgerRow]]:
    """Make a ledger with one row, of what we wrote and locked."""
    more = {"source": "stash", "locked": value is not None} | more
    return {field: [LedgerRow(field, value=value, **more)]}


def after(plan: Plan) -> dict[str, Any]:
    """Give what the plan would leave behind, by field."""
    return {change.field: change.after for change in plan.changes}


def test_only_what_differs_is_written() -> None:
    """And what is equal is adopted, its lock as it was found."""
    plan = make_plan(record(title="T", studio="S"), item(title="T", studio="X"), {})
    assert after(plan) == {"studio": "S"}
    assert [change.field for change in plan.adopted] == ["title"]
    (edit,) = plan.edits()
    assert (edit.field, edit.value, edit.lock) == ("studio", "S", True)


def test_nothing_to_change_is_no_edit_not_even_a_lock() -> None:
    """A write that changes nothing is not sent."""
    plan = make_plan(record(title="T"), item(title="T"), {})
    assert plan.edits() == []


def test_what_the_ledger_says_already_is_not_noted_again() -> None:
    """Also of a list that has others' members, too; a lock that is gone is news."""
    rec, rows = record(genres=("Ours",)), row("genres", ("Ours",), key="1")
    for locks, adopted in (("genres", []), ("", ["genres"])):
        plan = make_plan(rec, item(locks, genres=("Ours", "Agent")), rows)
        assert plan.changes == ()
        assert [change.field for change in plan.adopted] == adopted


@pytest.mark.parametrize("mirror", [True, False])
@pytest.mark.parametrize("there", [None, ("Agent",)])
def test_an_empty_list_that_changes_nothing_is_nobodys(
    mirror: bool, there: tuple[str, ...] | None
) -> None:
    """No lock rides along, and no row says that the field is ours."""
    if there and not mirror:
        return  # an explicit clear takes all there is
    now = item(genres=there)
    rec = record(mirror=mirror, title="T", studio=None, genres=None, actors=None)
    for ledger in ({}, row("genres", None)):
        plan = make_plan(rec, now, ledger)
        assert [edit.field for edit in plan.edits()] == ["title"]
        assert plan.adopted == ()


def test_what_was_ours_and_is_gone_is_let_go_of_without_a_lock() -> None:
    """The source has dropped it too: the row says so from now on."""
    now = item(genres=("Agent",))
    plan = make_plan(record(title="T", genres=None), now, row("genres", ("Ours",)))
    assert [edit.field for edit in plan.edits()] == ["title"]
    (change,) = plan.adopted
    assert (change.field, change.own) == ("genres", None)


def test_a_clear_that_may_have_arrived_is_seen_without_a_lock() -> None:
    """It is empty as that write meant it: now the ledger is sure, and no more."""
    now = item()
    for name in ("studio", "genres"):
        hangs = row(name, None, intent=None, pending=True)
        plan = make_plan(record(title="T", **{name: None}), now, hangs)
        assert [edit.field for edit in plan.edits()] == ["title"]
        assert [change.field for change in plan.adopted] == [name]


def test_what_a_person_locked_stays() -> None:
    """A locked field without a ledger row is a person's."""
    plan = make_plan(record(title="T"), item("title", title="Mine"), {})
    assert after(plan) == {}
    assert plan.kept == {"title": Kept.LOCKED}


def test_what_a_person_changed_after_us_stays() -> None:
    """It is locked and differs from what we wrote."""
    plan = make_plan(
        record(title="New"), item("title", title="Mine"), row("title", "Ours")
    )
    assert plan.kept == {"title": Kept.LOCKED}


def test_what_we_wrote_is_ours_to_change() -> None:
    """Locked by us, and still as we left it."""
    plan = make_plan(
        record(title="New"), item("title", title="Ours"), row("title", "Ours")
    )
    assert after(plan) == {"title": "New"}


def test_an_agents_unlocked_value_is_written_over() -> None:
    """After a refresh that found our lock gone."""
    plan = make_plan(record(title="T"), item(title="Agent"), row("title", "T"))
    assert after(plan) == {"title": "T"}


def test_a_write_that_was_cut_short_stays_ours() -> None:
    """Plex shows what we meant to write, the ledger only that we meant it."""
    ledger = row("title", "One", intent="Two", pending=True)
    plan = make_plan(record(title="Three"), item("title", title="Two"), ledger)
    assert after(plan) == {"title": "Three"}


@pytest.mark.parametrize(
    ("rec", "ledger", "kept"),
    [
        (record(studio=None), {}, Kept.NOT_OURS),
        (record(title=None), row("title", "T"), Kept.IDENTITY),
        (record(studio=None, identified=False), {}, Kept.UNIDENTIFIED),
        (record(studio=None), row("studio", "S", released="7"), Kept.RELEASED),
    ],
)
def test_what_is_not_cleared(rec: Record, ledger: Any, kept: Kept) -> None:
    """Each for its own reason."""
    plan = make_plan(rec, item(title="T", studio="S"), ledger)
    assert after(plan) == {}
    assert set(plan.kept.values()) == {kept}


def test_what_the_source_dropped_and_we_wrote_goes() -> None:
    """A mirror takes back its own; an explicit clear takes all."""
    ours = make_plan(
        record(studio=None), item("studio", studio="S"), row("studio", "S")
    )
    assert after(ours) == {"studio": None}
    explicit = make_plan(record(studio=None, mirror=False), item(studio="S"), {})
    assert after(explicit) == {"studio": None}


@pytest.mark.parametrize(
    ("name", "undone", "then", "held"),
    [
        ("title", "T", "T", True),
        ("title", "T", "U", False),
        ("studio", None, None, True),
        ("genres", ("A", "B"), ("B", "A"), True),
        ("genres", ("A", "B"), ("A", "B", "C"), False),
        ("actors", (Actor("Ann", "Herself"),), (Actor("Ann", "Herself"),), True),
        ("actors", (Actor("Ann", "Herself"),), (Actor("Ann", "A queen"),), False),
        ("user_rating", 7.0, 7.0, True),
        ("user_rating", 7.0, 7.5, False),
    ],
)
def test_released_until_the_record_says_another_value(
    name: str, undone: Value, then: Value, held: bool
) -> None:
    """Whichever revision says it: news of other fields are none of this one."""
    ledger = row(name, None, released=f"{name_value(undone)} 6")
    there = item(**{name: "X"}) if name in ("title", "studio") else item()
    plan = make_plan(record(**{name: then}), there, ledger)
    assert plan.kept == ({name: Kept.RELEASED} if held else {})


def test_released_until_the_next_revision() -> None:
    """Where nobody knew what was undone, or an earlier version undid it."""
    ledger = row("title", None, released="6")
    assert after(make_plan(record(title="T"), item(title="X"), ledger)) == {
        "title": "T"
    }


def test_what_was_undone_says_nothing_of_the_lock_of_before() -> None:
    """It was locked when the first of us came, was undone, and was open for the next."""
    undone = LedgerRow(
        "studio",
        "action",
        None,
        released="6",
        before="B",
        before_known=True,
        before_locked=True,
    )
    ours = row("studio", "S", locked=True, before="B", before_known=True)
    ledger = {"studio": [undone, *ours["studio"]]}
    rec = record(studio=None, mirror=False)
    there = item("studio", studio="S")
    (change,) = make_plan(rec, there, ledger).changes
    assert change.lock is False


@pytest.mark.parametrize(("name", "value"), [("studio", "S"), ("genres", ("G",))])
def test_a_lock_that_a_person_opened_stays_open(name: str, value: Any) -> None:
    """It stood there before us; what is ours goes, and nothing is locked again."""
    ours = row(name, value, locked=True, before=value, before_known=True)
    ours[name] = [replace(ours[name][0], before_locked=True)]
    rec = record(**{name: None}, mirror=False)
    (change,) = make_plan(rec, item(**{name: value}), ours).changes
    assert change.lock is False


def test_fill_only_writes_where_nothing_is() -> None:
    """And goes on owning what it filled."""
    rec = record(studio="S", fill="studio")
    assert make_plan(rec, item(studio="X"), {}).kept == {"studio": Kept.FILLED}
    assert after(make_plan(rec, item(), {})) == {"studio": "S"}
    mine = make_plan(rec, item(studio="R"), row("studio", "R"))
    assert after(mine) == {"studio": "S"}


def test_a_persons_tags_stay_and_ours_follow_the_source() -> None:
    """Members have owners."""
    plan = make_plan(
        record(genres=("Drama", "Noir")),
        item("genres", genres=("Drama", "Horror", "Mine")),
        row("genres", ("Drama", "Horror")),
    )
    (change,) = plan.changes
    assert change.after == ("Drama", "Noir", "Mine")
    assert change.remove == ("Horror",)
    assert change.own == ("Drama", "Noir")


def test_a_tag_that_a_person_removed_is_not_put_back() -> None:
    """Under our lock nobody else can have removed it."""
    plan = make_plan(
        record(genres=("Drama", "Noir", "War")),
        item("genres", genres=("Drama",)),
        row("genres", ("Drama", "Noir")),
    )
    assert after(plan) == {"genres": ("Drama", "War")}


def test_a_tag_that_another_sources_write_may_have_taken_is_put_back() -> None:
    """While nobody knows what became of it, no person is taken for the one who did."""
    mine = LedgerRow("genres", "stash", ("Drama", "Noir"), locked=True)
    other = LedgerRow("genres", "action", ("Noir",), intent=None, pending=True)
    there = item("genres", genres=("Drama",))
    plan = make_plan(record(genres=("Drama", "Noir")), there, {"genres": [mine, other]})
    assert after(plan) == {"genres": ("Drama", "Noir")}


def test_what_a_write_that_hangs_may_yet_bring_is_taken_out() -> None:
    """It may arrive right before ours: to look at what is there now is not enough."""
    plan = make_plan(
        record(genres=("New",)),
        item("genres", genres=("Old", "Mine")),
        row("genres", ("Old",), intent=("Hung",), earlier=(("Lost",),), pending=True),
    )
    (change,) = plan.changes
    assert change.after == ("New", "Mine")
    assert change.remove == ("Old", "Hung", "Lost")
    arrived = item("genres", genres=("Mine", "New", "Hung"))
    assert not change.arrived(arrived)


def test_a_list_that_is_cleared_loses_what_a_write_that_hangs_may_yet_bring() -> None:
    """By an action, which takes all there is, and by a mirror, which takes its own."""
    there = item("genres", genres=("Mine",))
    hangs = row("genres", None, intent=("Hung",), pending=True, confirmed=False)
    for mirror, gone in ((False, ("Mine", "Hung")), (True, ("Hung",))):
        (change,) = make_plan(record(mirror=mirror, genres=None), there, hangs).changes
        assert change.remove == gone


@pytest.mark.parametrize(
    ("name", "meant", "wanted", "there"),
    [("title", "Hung", "T", "T"), ("genres", ("Hung",), ("T",), ("T", "Mine"))],
)
def test_what_stands_there_is_written_again_while_a_write_hangs(
    name: str, meant: Any, wanted: Any, there: Any
) -> None:
    """If that meant something else: Plex does one after the other."""
    rec, now = record(**{name: wanted}), item(name, **{name: there})
    other = make_plan(rec, now, row(name, wanted, intent=meant, pending=True))
    assert after(other) == {name: there}
    before = row(name, wanted, intent=wanted, earlier=(meant,), pending=True)
    assert after(make_plan(rec, now, before)) == {name: there}
    same = make_plan(rec, now, row(name, None, intent=wanted, pending=True))
    assert not same.changes
    assert [change.field for change in same.adopted] == [name]


@pytest.mark.parametrize("locks", ["", "studio"])
def test_what_is_empty_is_emptied_again_while_a_write_hangs(locks: str) -> None:
    """Also where we never owned it, or a person locked it: that write is ours."""
    hangs = row("studio", None, intent="Hung", pending=True, confirmed=False)
    plan = make_plan(record(studio=None), item(locks), hangs)
    assert after(plan) == {"studio": None}
    assert plan.kept == {}


def test_a_write_that_hangs_is_not_forgotten_where_nothing_may_be_done() -> None:
    """A title is never cleared, but what comes there yet is ours."""
    hangs = row("title", None, intent="Hung", pending=True, confirmed=False)
    plan = make_plan(record(title=None), item(), hangs)
    assert (plan.changes, plan.adopted) == ((), ())
    assert plan.kept == {"title": Kept.IDENTITY}


def test_what_another_source_is_about_to_write_stays() -> None:
    """Nor does what it is about to take back keep anything."""
    mine = LedgerRow("genres", "stash", ("Both", "Gone"))
    other = LedgerRow(
        "genres", "action", ("Gone",), intent=("Both",), pending=True, confirmed=True
    )
    there = item("genres", genres=("Both", "Gone"))
    plan = make_plan(record(genres=None), there, {"genres": [mine, other]})
    assert after(plan) == {"genres": ("Both",)}


def test_a_removed_source_owns_nothing() -> None:
    """What it wrote stays, unless another one takes it over, and goes with that then."""
    gone = LedgerRow("genres", "gone", ("Both", "Old"), locked=True, let_go=True)
    there = item("genres", genres=("Both", "Old"))
    (change,) = make_plan(record(genres=("Both",)), there, {"genres": [gone]}).adopted
    assert change.own == ("Both",)
    mine = LedgerRow("genres", "stash", ("Both",))
    plan = make_plan(record(genres=None), there, {"genres": [gone, mine]})
    assert after(plan) == {"genres": ("Old",)}


def test_what_a_removed_source_locked_is_no_persons() -> None:
    """It is written over, but neither emptied nor filled for it."""
    there, gone = (
        item("studio", studio="Old"),
        row("studio", "Old", source="gone", let_go=True),
    )
    assert after(make_plan(record(studio="S"), there, gone)) == {"studio": "S"}
    empty = make_plan(record(studio=None), there, gone)
    assert empty.kept == {"studio": Kept.NOT_OURS}
    for name, value, old in (("studio", "S", "Old"), ("genres", ("G",), ("Old",))):
        there = item(name, **{name: old})
        gone = row(name, old, source="gone", let_go=True)
        plan = make_plan(record(fill=name, **{name: value}), there, gone)
        assert plan.kept == {name: Kept.FILLED}


def test_tags_compare_without_case() -> None:
    """Plex keeps the first spelling in a library."""
    plan = make_plan(record(genres=("sci-fi",)), item(genres=("Sci-Fi",)), {})
    assert plan.changes == ()


def test_locked_tags_of_a_person_stay() -> None:
    """Unless they are what the record says anyway."""
    plan = make_plan(record(genres=("A",)), item("genres", genres=("B",)), {})
    assert plan.kept == {"genres": Kept.LOCKED}
    same = make_plan(record(genres=("A", "B")), item("genres", genres=("B", "A")), {})
    assert same.kept == {}
    assert same.changes == ()


def test_actors_follow_names_and_roles() -> None:
    """A new role is a change; a person's guest star stays."""
    plan = make_plan(
        record(actors=(Actor("Ann", "Queen"), Actor("Bob"))),
        item(actors=(Actor("Ann", "Maid"), Actor("Guest"))),
        row("actors", (Actor("Ann", "Maid"),)),
    )
    assert after(plan) == {
        "actors": (Actor("Ann", "Queen"), Actor("Bob"), Actor("Guest"))
    }


def test_unsupported_fields_are_said() -> None:
    """A season has no tagline."""
    season = Item("1", "lib", (), {"title": "S"}, frozenset(), 0.0)
    assert make_plan(record(tagline="x"), season, {}).kept == {
        "tagline": Kept.UNSUPPORTED
    }


def test_pictures_go_by_digest() -> None:
    """Equal bytes are not sent twice; a person's locked picture stays."""
    rec = record(poster=Image("/p"))
    assert after(make_plan(rec, item(poster="/t/1"), {}, images={"poster": "d1"})) == {
        "poster": "d1"
    }
    known = row("poster", "d1")
    assert (
        make_plan(rec, item(poster="/t/2"), known, images={"poster": "d1"}).changes
        == ()
    )
    locked = make_plan(rec, item("poster", poster="/t"), {}, images={"poster": "d1"})
    assert locked.kept == {"poster": Kept.LOCKED}
    for mirror, kept in ((False, {"poster": Kept.IDENTITY}), (True, {})):
        cleared = make_plan(
            record(mirror=mirror, poster=None), item(poster="/t/1"), known
        )
        assert (cleared.kept, cleared.changes) == (kept, ())


def test_a_zero_rating_is_a_value() -> None:
    """Not an empty one."""
    plan = make_plan(record(user_rating=0.0), item(user_rating=8.0), {})
    assert after(plan) == {"user_rating": 0.0}


def test_a_read_back_shows_what_arrived() -> None:
    """By member for lists, by value else."""
    plan = make_plan(
        record(title="T", genres=("A",)),
        item(title="X", genres=("B",)),
        row("genres", ("B",)),
    )
    assert {change.field for change in plan.changes} == {"title", "genres"}
    for change in plan.changes:
        assert not change.arrived(item(title="X", genres=("A", "B")))
        assert change.arrived(item(title="T", genres=("a",)))


@pytest.mark.parametrize(
    ("name", "there", "wanted"),
    [
        ("studio", None, "S"),
        ("genres", ("Mine",), ("G",)),
        ("poster", "mark", Image("/p")),
    ],
)
def test_what_was_undone_and_then_locked_by_a_person_stays(
    name: str, there: Any, wanted: Any
) -> None:
    """The next revision finds a person's field, not one of ours."""
    undone = row(name, None, released="6", before=there, before_known=True)
    plan = make_plan(
        record(**{name: wanted}),
        item(name, **{name: there}),
        undone,
        images={"poster": "digest"},
    )
    assert plan.kept == {name: Kept.LOCKED}
    assert (plan.changes, plan.adopted) == ((), ())


# -- where the sources lead once -----------------------------------------------------

EVERY = frozenset(FIELDS)


@pytest.mark.parametrize("ledger", [{}, row("studio", "Older")])
def test_what_is_locked_is_taken_where_the_source_leads(ledger: Any) -> None:
    """What stands there is what was before; so it is where it agrees."""
    now = item("studio", studio="Mine")
    (change,) = make_plan(record(studio="S"), now, ledger, leads_once=EVERY).changes
    assert (change.after, change.before) == ("S", "Mine")
    assert (change.taken, change.was_locked, change.lock) == (True, True, True)
    (found,) = make_plan(record(studio="Mine"), now, ledger, leads_once=EVERY).adopted
    assert (found.taken, found.locked) == (True, True)
    assert make_plan(record(studio="S"), now, ledger).kept == {"studio": Kept.LOCKED}


def test_nothing_is_taken_that_is_not_locked_or_is_ours_anyway() -> None:
    """The ordinary rules say what becomes of it."""
    for now in (item(studio="Agent"), item("studio", studio="Ours")):
        plan = make_plan(
            record(studio="S"), now, row("studio", "Ours"), leads_once=EVERY
        )
        assert [change.taken for change in plan.changes] == [False]


@pytest.mark.parametrize(
    ("rec", "ledger", "kept"),
    [
        (record(studio=None), {}, Kept.NOT_OURS),
        (record(studio=None, identified=False), {}, Kept.UNIDENTIFIED),
        (record(title=None), {}, Kept.IDENTITY),
        (record(studio="S", fill="studio"), {}, Kept.FILLED),
        (record(studio="S"), row("studio", "S", released="7"), Kept.RELEASED),
        (record(studio="S"), row("studio", "O", source="action"), Kept.OTHER_SOURCE),
    ],
)
def test_what_stays_although_the_source_leads(
    rec: Record, ledger: Any, kept: Kept
) -> None:
    """Only a lock is no reason any more."""
    now = item("title studio", title="Mine", studio="Mine")
    plan = make_plan(rec, now, ledger, leads_once=EVERY)
    assert after(plan) == {}
    assert set(plan.kept.values()) == {kept}


def test_what_the_ledger_knows_is_cleared_where_the_source_leads() -> None:
    """Though its value is another one by now; the lock goes with it."""
    now = item("studio", studio="Newer")
    plan = make_plan(record(studio=None), now, row("studio", "Older"), leads_once=EVERY)
    (change,) = plan.changes
    assert (change.after, change.lock, change.taken) == (None, False, True)


def test_a_locked_list_where_the_source_leads() -> None:
    """Its members come, those of the older ledger go, all others stay."""
    now = item("genres", genres=("Older", "Mine"))
    ledger = row("genres", ("Older", "Gone"), locked=False)
    rec = record(genres=("Gone", "New"))
    (change,) = make_plan(rec, now, ledger, leads_once=EVERY).changes
    assert change.after == ("Gone", "New", "Mine")
    assert (change.remove, change.taken) == (("Older",), True)
    assert make_plan(rec, now, ledger).kept == {"genres": Kept.LOCKED}


def test_what_is_missing_under_our_own_lock_comes_where_the_source_leads() -> None:
    """A write of ours that is forgotten may have taken it, not a person."""
    now, rec = item("genres", genres=("A",)), record(genres=("A", "B"))
    ledger = row("genres", ("A", "B"))
    assert after(make_plan(rec, now, ledger)) == {}
    assert after(make_plan(rec, now, ledger, leads_once=EVERY)) == {
        "genres": ("A", "B")
    }


def test_a_sort_title_and_a_picture_where_the_source_leads() -> None:
    """As any other field."""
    now = item("sort_title poster", title="T", sort_title="Mine", poster="/mark/1")
    rec = record(title="T", sort_title="S", poster=Image("/p", "a"))
    images = {"poster": "digest"}
    plan = make_plan(rec, now, {}, images=images, leads_once=EVERY)
    assert after(plan) == {"sort_title": "S", "poster": "digest"}
    assert all(change.taken for change in plan.changes)
    plan = make_plan(rec, now, {}, images=images)
    assert plan.kept == {"sort_title": Kept.LOCKED, "poster": Kept.LOCKED}
