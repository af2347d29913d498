"""What a sweep saw is not compared again, and whatever has changed since is."""

from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from dataclasses import replace
import json
from pathlib import Path
from sqlite3 import Connection
from typing import Any

import pytest

from custom_components.plexsync.engine.ledger.ledger_sources import SOURCES
from custom_components.plexsync.engine.ledger.seen import Seen, find
from custom_components.plexsync.engine.model.record import Find, Record, Value
from tests.rig import Rig, library

type Step = Callable[[Rig], Coroutine[Any, Any, None]]


@pytest.fixture
async def rig(socket_enabled: None, tmp_path: Path) -> AsyncIterator[Rig]:
    """Give a working engine and a Plex with three films that it has brought into line."""
    async with library(3) as plex:
        rig = Rig(plex, tmp_path)
        await rig.start()
        await rig.engine.notes.keep(SOURCES, json.dumps(["action", "stash"]))
        await rig.submit(rig.records(3))
        await rig.drained()
        yield rig
        await rig.stop()


async def count(rig: Rig, records: Sequence[Record]) -> dict[str, int]:
    """Compare records, and mend nothing."""

    async def pages() -> AsyncIterator[Sequence[Record]]:
        yield records

    return await rig.engine.sweep.run(pages(), enqueue=False)


async def remembered(rig: Rig, record: Record) -> Seen | None:
    """Give what is remembered of a record."""
    return await rig.engine.database.run(lambda db: find(db, record))


async def test_what_is_the_same_is_read_and_no_more(rig: Rig) -> None:
    """Plex is asked as before; the next process compares all of it once."""
    records = rig.records(3)
    rig.plex.journal.clear()
    assert await count(rig, records) == {"in_line": 3}
    asked = rig.plex.journal.count()
    first = [await remembered(rig, record) for record in records]
    assert None not in first
    rig.plex.journal.clear()
    assert await count(rig, records) == {"in_line": 3}
    assert rig.plex.journal.count() == asked
    assert [await remembered(rig, record) for record in records] == first
    await rig.engine.database.run(_plant)
    assert await count(rig, records) == {"in_line": 2, "kept:planted": 1}
    await rig.restart()
    assert await count(rig, records) == {"in_line": 3}
    assert [await remembered(rig, record) for record in records] == first


def _plant(db: Connection) -> None:
    """Remember what was not so: it tells whether anybody asks the memory."""
    db.execute("UPDATE seen SET kind = 'kept:planted' WHERE key = 'scene:1'")


async def test_what_could_not_be_told_is_not_remembered(rig: Rig) -> None:
    """How many a collection has stands at no item: while that is unknown, and after."""
    records = rig.records(2, collections=("Theirs",))
    rig.plex.core.edit_by_person(rig.item(2).rating_key, collections=["Theirs"])
    await rig.submit(records)
    await rig.drained()
    rig.plex.core.edit_by_person(rig.item(2).rating_key, collections=[])
    left = [replace(records[0], fields={**records[0].fields, "collections": None})]
    assert await count(rig, left) == {"kept:last_member": 1}
    assert await remembered(rig, left[0]) is None
    rig.plex.core.edit_by_person(rig.item(2).rating_key, collections=["Theirs"])
    assert await count(rig, left) == {"differs": 1}
    rig.plex.faults.add("status", code=500, path=r"/sections/\d+/collections")
    await count(rig, left)
    assert await remembered(rig, left[0]) is None


async def _retitle(rig: Rig) -> None:
    rig.plex.core.edit_by_person(rig.item(1).rating_key, title="A person's")


async def _lose_a_genre(rig: Rig) -> None:
    rig.plex.core.set_lock(rig.item(1).rating_key, "genre", on=False)
    rig.plex.core.catalog.set_tags(rig.item(1), "genre", [])


async def _undo(rig: Rig) -> None:
    await rig.engine.undoing.undo(Find((rig.path(1),)))


async def _say_otherwise(rig: Rig) -> None:
    fields = {"title": "The action's"}
    await rig.submit([Record("action", "1", Find((rig.path(1),)), fields)])
    await rig.drained()


async def _lead(rig: Rig) -> None:
    await _say_otherwise(rig)
    await count(rig, rig.records(3))
    await rig.engine.notes.keep(SOURCES, json.dumps(["stash", "action"]))


async def _let_go(rig: Rig) -> None:
    await _say_otherwise(rig)
    await count(rig, rig.records(3))
    await rig.engine.remove_source("action")


async def _remake(rig: Rig) -> None:
    rig.plex.core.recreate(rig.item(1))


async def _rekey(rig: Rig) -> None:
    rig.plex.core.rekey(rig.item(1))


async def _tie(rig: Rig) -> None:
    await rig.engine.on_demand.pin("stash", "another", str(rig.item(1).rating_key))


async def _answer(rig: Rig) -> None:
    await _retitle(rig)
    await count(rig, rig.records(3))
    await rig.engine.ledger_identity.accept(lead=True)


@pytest.mark.parametrize(
    "step",
    [
        _retitle,
        _lose_a_genre,
        _undo,
        _say_otherwise,
        _lead,
        _let_go,
        _remake,
        _rekey,
        _tie,
        _answer,
    ],
)
async def test_whatever_changed_is_compared(rig: Rig, step: Step) -> None:
    """As a sweep does that has seen nothing before."""
    records = rig.records(3)
    await count(rig, records)
    await step(rig)
    warm = await count(rig, records)
    assert warm != {"in_line": 3} or step is _rekey
    await rig.engine.database.run(lambda db: db.execute("DELETE FROM seen") and None)
    assert warm == await count(rig, records)


@pytest.mark.parametrize(
    ("name", "value", "kind"),
    [
        ("title", "T", "differs"),
        ("genres", None, "differs"),
        ("studio", "S", "differs"),
    ],
)
async def test_a_record_that_says_something_else_is_compared(
    rig: Rig, name: str, value: Value | None, kind: str
) -> None:
    """Whatever it is; and one that means another file."""
    records = rig.records(3)
    await count(rig, records)
    other = replace(records[0], fields={**records[0].fields, name: value})
    assert await count(rig, [other, *records[1:]]) == {kind: 1, "in_line": 2}
    elsewhere = replace(records[0], find=Find((rig.path(2),)))
    counts = await count(rig, [elsewhere, records[2]])
    assert counts == {"in_line": 1, "skipped:shared_item": 1}
