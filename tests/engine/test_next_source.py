"""Two sources, one value: who leads once the other gives it up, and what an undo means to both."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
import json
from pathlib import Path

import pytest

from custom_components.plexsync.engine.jobs.gone_records import WhenGone
from custom_components.plexsync.engine.ledger.ledger_sources import SOURCES
from custom_components.plexsync.engine.model.record import Actor, Find, Record
from tests.rig import Rig, library

from .test_owners import Shelf, sweep

pytestmark = pytest.mark.usefixtures("tag_mode")

FILMS = 3


class Own(Shelf):
    """Each source has its own records alone."""

    async def fresh(
        self, source: str, keys: Sequence[str]
    ) -> Mapping[str, Record | str]:
        """Give what there is of them."""
        found = await super().fresh(source, keys)
        return {
            key: each if isinstance(each, Record) and each.source == source else "gone"
            for key, each in found.items()
        }


@pytest.fixture
def shelf() -> Shelf:
    """Give what the second source has."""
    return Own()


@pytest.fixture
async def rig(socket_enabled: None, tmp_path: Path, shelf: Shelf) -> AsyncIterator[Rig]:
    """Give three films of which two sources want different studios; the first one leads."""
    async with library(FILMS) as plex:
        rig = Rig(plex, tmp_path, fresh=shelf.fresh)
        await rig.start()
        await rig.engine.notes.keep(SOURCES, json.dumps(["first", "second"]))
        await rig.submit(mirror(rig, "first", number) for number in range(1, FILMS + 1))
        await rig.drained()
        shelf.put(*(mirror(rig, "second", number) for number in range(1, FILMS + 1)))
        await rig.submit(shelf.records.values())
        await rig.drained()
        assert studios(rig) == ["first"] * FILMS
        yield rig
        await rig.stop()


def mirror(rig: Rig, source: str, number: int) -> Record:
    """Say of a film that its studio is called like the source."""
    find = Find((rig.path(number),))
    return Record(source, f"{number}", find, {"studio": source}, mirror=True)


def studios(rig: Rig) -> list[str | None]:
    """Give the studios of the films."""
    return [rig.item(number).values.get("studio") for number in range(1, FILMS + 1)]


@pytest.mark.parametrize("fields", [{"studio": None}, {"tagline": "T"}])
async def test_the_next_source_leads_at_once(rig: Rig, fields: dict[str, str]) -> None:
    """Its record is as it was: it is asked for, and no sweep is needed."""
    rig.plex.journal.clear()
    await rig.submit([replace(mirror(rig, "first", 1), fields=fields)])
    await rig.until(lambda: studios(rig) == ["second", "first", "first"])
    await rig.drained()
    assert rig.plex.journal.count(method="PUT", path="/library/sections") <= 2


@pytest.mark.parametrize("leader", ["first", "action"])
async def test_who_wrote_before_the_one_that_leads_leads_again(
    rig: Rig, shelf: Shelf, leader: str
) -> None:
    """Its value stood there once, and was written over: it is asked for as well."""
    earlier = replace(mirror(rig, "second", 1), fields={"tagline": "Earlier"})
    shelf.put(earlier)
    later = replace(mirror(rig, leader, 1), fields={"tagline": "Later"})
    later = replace(later, mirror=leader != "action")
    await rig.engine.notes.keep(SOURCES, json.dumps(["action", "first", "second"]))
    for each in (earlier, later):
        await rig.submit([each])
        await rig.drained()
    assert rig.item(1).values["tagline"] == "Later"
    await rig.submit([replace(later, fields={"tagline": None})])
    await rig.until(lambda: rig.item(1).values.get("tagline") == "Earlier")
    await rig.drained()


async def gone(rig: Rig, source: str, when_gone: WhenGone) -> None:
    """Let a source have none of its records any more, as its owner knows."""

    async def nothing() -> AsyncIterator[Sequence[str]]:
        yield []

    looks = rig.engine.gone_records
    assert (await looks.look(source, nothing(), 0.0, when_gone)).asks
    await looks.agree(source)
    assert (await looks.look(source, nothing(), 0.0, when_gone)).parted


@pytest.mark.parametrize("when_gone", WhenGone)
async def test_the_next_source_leads_once_a_record_is_gone(
    rig: Rig, shelf: Shelf, when_gone: WhenGone
) -> None:
    """At once, as if it had let go of each field."""
    await gone(rig, "first", when_gone)
    await rig.until(lambda: studios(rig) == ["second"] * FILMS)
    await rig.drained()
    assert await sweep(rig, shelf) == {"in_line": FILMS}


@pytest.mark.parametrize("came_first", ["first", "second"])
async def test_members_of_a_record_that_is_gone_are_undone(
    rig: Rig, shelf: Shelf, came_first: str
) -> None:
    """Those that another source wants stay, and an undo of these leaves none of both."""
    film = rig.item(1)
    before, locks = set(film.tag_names("genre")), set(film.locks)
    says = {
        source: replace(mirror(rig, source, 1), fields={"genres": (source, "Both")})
        for source in ("first", "second")
    }
    shelf.put(says["second"])
    for source in sorted(says, reverse=came_first == "second"):
        await rig.submit([says[source]])
        await rig.drained()
    assert set(film.tag_names("genre")) == before | {"first", "second", "Both"}
    await gone(rig, "first", WhenGone.UNDO)
    await rig.until(lambda: "first" not in film.tag_names("genre"))
    await rig.drained()
    assert set(film.tag_names("genre")) == before | {"second", "Both"}
    assert "genre" in film.locks
    await rig.engine.undoing.undo(Find((rig.path(1),)))
    assert set(film.tag_names("genre")) == before
    assert set(film.locks) == locks - {"studio"}


async def test_an_undo_of_one_source_leaves_what_another_has_written_since(
    rig: Rig, shelf: Shelf
) -> None:
    """What was last written by it alone is meant; members of lists stand together."""
    theirs = replace(
        mirror(rig, "second", 1), fields={"tagline": "Second", "labels": ("Second",)}
    )
    ours = replace(
        mirror(rig, "first", 1), fields={"tagline": "First", "labels": ("First",)}
    )
    shelf.put(theirs)
    for each in (theirs, ours):
        await rig.submit([each])
        await rig.drained()
    runs = rig.engine.undo_runs
    assert await runs.undo_since(0, source="second") == (1, 1, {})
    assert rig.item(1).values["tagline"] == "First"
    assert not rig.item(1).tag_names("label")
    assert (await runs.undo_since(0, source="first"))[0] == FILMS
    assert "tagline" not in rig.item(1).values


async def test_a_source_that_is_away_keeps_nobody_waiting(
    rig: Rig, shelf: Shelf
) -> None:
    """It leads from the next sweep on."""
    shelf.away = True
    cleared = [
        replace(mirror(rig, "first", number), fields={"studio": None})
        for number in range(1, FILMS + 1)
    ]
    await rig.submit(cleared)
    await rig.drained()
    await rig.until(lambda: not rig.engine.next_sources.waiting)
    assert studios(rig) == [None] * FILMS
    shelf.away = False
    assert await sweep(rig, shelf) == {"differs": FILMS}
    assert studios(rig) == ["second"] * FILMS
    assert await sweep(rig, shelf) == {"in_line": FILMS}


async def test_a_disk_that_fails_keeps_nobody_waiting(
    rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    """Who was to be asked for beside is asked all the same, and no bug is told of."""
    database, next_sources = rig.engine.database, rig.engine.next_sources
    broken = (
        "CREATE TEMP TRIGGER broken BEFORE INSERT ON job"
        " BEGIN SELECT raise(ABORT, 'disk'); END"
    )
    await database.run(lambda db: db.execute(broken).close())
    next_sources.ask([("second", "1"), ("third", "1")])
    await rig.until(lambda: not next_sources.waiting)
    assert not [each for each in caplog.records if each.levelname == "ERROR"]


async def test_many_that_wait_are_not_sorted_for_each_request(rig: Rig) -> None:
    """A source may lose thousands of records at once, and nothing else waits for that."""
    compared = 0

    class Key(str):
        __slots__ = ()

        def __lt__(self, other: str) -> bool:
            nonlocal compared
            compared += 1
            return str.__lt__(self, other)

    number = 3000
    next_sources = rig.engine.next_sources
    next_sources.ask([("third", Key(each)) for each in range(number)])
    await rig.until(lambda: not next_sources.waiting)
    assert compared < 20 * number


async def test_an_undo_is_meant_for_all_sources(rig: Rig, shelf: Shelf) -> None:
    """What stood there before us stays, until one of them has another value."""
    await rig.engine.undoing.undo(Find((rig.path(1),)))
    assert studios(rig) == ["Studio 1", "first", "first"]
    assert await sweep(rig, shelf) == {"kept:other_source": 2, "kept:released": 1}
    assert studios(rig) == ["Studio 1", "first", "first"]
    newer = replace(mirror(rig, "second", 1), fields={"studio": "third"})
    shelf.put(newer)
    assert await sweep(rig, shelf) == {"kept:other_source": 2, "differs": 1}
    assert studios(rig) == ["third", "first", "first"]
    await rig.engine.undoing.undo(Find((rig.path(1),)))
    assert studios(rig) == ["Studio 1", "first", "first"]


async def test_a_sweep_alone_tells_who_waits(rig: Rig, shelf: Shelf) -> None:
    """A record of which no job was ever made leads as soon as it may."""
    await rig.engine.remove_source("second")
    assert await sweep(rig, shelf) == {"kept:other_source": FILMS}
    await rig.submit([replace(mirror(rig, "first", 2), fields={"studio": None})])
    await rig.until(lambda: studios(rig) == ["first", "second", "first"])
    await rig.drained()


@pytest.mark.parametrize("leader", ["action", "first"])
async def test_an_actor_has_the_role_that_the_leading_source_says(
    rig: Rig, shelf: Shelf, leader: str
) -> None:
    """The other one wants the same person with another role: nothing is written in turns."""
    film = rig.item(1)
    await rig.engine.notes.keep(SOURCES, json.dumps(["action", "first", "second"]))

    def roles() -> set[str]:
        return {each.text for each in film.tags["actor"] if each.tag.name == "Ann"}

    says = {
        source: replace(
            mirror(rig, source, 1),
            fields={"studio": source, "actors": (Actor("Ann", source),)},
            mirror=source != "action",
        )
        for source in (leader, "second")
    }
    shelf.records = {each.source: each for each in says.values() if each.mirror}
    for each in (says["second"], says[leader], says["second"]):
        rig.engine.plex_notices.void(str(film.rating_key))
        await rig.submit([each])
        await rig.drained()
    await sweep(rig, shelf)
    edits = rig.edits()
    for _ in range(2):
        await sweep(rig, shelf)
        assert (roles(), rig.edits()) == ({leader}, edits)
    silent = replace(says[leader], fields={"actors": (Actor("Ann"),)})
    shelf.records |= {leader: silent} if silent.mirror else {}
    await rig.submit([silent])
    await rig.drained()
    await sweep(rig, shelf)
    assert roles() == {"second"}


FILLED = {"tagline": "Filled", "labels": ("Filled",)}


@pytest.mark.parametrize("name", FILLED)
@pytest.mark.parametrize("how", ["given up", "undone"])
async def test_what_another_source_has_filled(
    rig: Rig, shelf: Shelf, name: str, how: str
) -> None:
    """A source that only fills leads once the other one lets go; an undo is against it, too."""

    def shown() -> object:
        item = rig.item(1)
        return item.values.get(name) or (*item.tag_names(name[:-1]),) or None

    filled = FILLED[name]
    theirs = replace(mirror(rig, "second", 1), fields={name: filled})
    await rig.submit([theirs])
    await rig.drained()
    fills = replace(
        mirror(rig, "first", 1),
        fields={name: ("First",) if name == "labels" else "First"},
        fill_only=frozenset({name}),
    )
    shelf.put(fills)
    assert (await sweep(rig, shelf))["kept:other_source"]
    if how == "undone":
        await rig.engine.undoing.undo(Find((rig.path(1),)))
        assert (await sweep(rig, shelf))["kept:released"]
        assert shown() is None
    else:
        await rig.submit([replace(theirs, fields={name: None})])
        await rig.until(lambda: shown() == fills.fields[name])
        await rig.drained()
