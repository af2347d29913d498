"""The proof with a whole Home Assistant sees what it looks for.

``tests/test_sigkill.py`` kills one for real; here the books are tested, with the
real engine's database.
"""

from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
import sqlite3
from typing import Any

import pytest

from custom_components.plexsync.engine.job import Priority
from proofs.kill9.inquest import differences
from proofs.kill9_home.books import Books, Remains, examine
from proofs.kill9_home.figures import Figures
from tests.rig import Rig, library
from tests.simulators.plex.snapshot import item_state

FILMS = 4


@pytest.fixture
async def rig(socket_enabled: None, tmp_path: Path) -> AsyncIterator[Rig]:
    """Give an engine that takes in records and does not work yet."""
    async with library(FILMS) as plex:
        rig = await Rig(plex, tmp_path).start(work=False)
        yield rig
        await rig.stop()


@pytest.fixture
def figures() -> Figures:
    """Give figures in which nothing was found yet."""
    return Figures()


@pytest.fixture
def books(rig: Rig, figures: Figures) -> Books:
    """Give books about all films."""
    scenes = {f"scene:{n}": rig.path(n) for n in range(1, FILMS + 1)}
    return Books(figures, 7, scenes)


async def promise(rig: Rig, books: Books) -> None:
    """Have one more record of every film taken in, and written down as promised."""
    for path, known in books.actions.keys.items():
        revision = known.next
        books.actions.submit(path, revision)
        record = books.actions.record(path, revision)
        await rig.engine.submit([record], Priority.BULK)
        books.actions.answer(path, revision)


def items(rig: Rig) -> list[dict[str, Any]]:
    """Give what Plex shows."""
    return [item_state(item) for item in rig.items()]


def left(tmp_path: Path) -> Remains:
    """Look at the database as a kill would leave it now."""
    return examine(tmp_path / "engine.db", tmp_path)


async def test_a_job_that_waits_keeps_its_promise(
    rig: Rig, books: Books, figures: Figures, tmp_path: Path
) -> None:
    """Neither lost while it waits nor once it is written."""
    for _ in range(3):
        await promise(rig, books)
    remains = left(tmp_path)
    assert remains.integrity == "ok"
    assert remains.jobs.keys() == books.actions.keys.keys()
    assert list(books.lost(remains, items(rig))) == []
    assert len(books.missing(items(rig), ())) >= FILMS
    rig.work()
    await rig.drained()
    remains = left(tmp_path)
    assert remains.jobs == {}
    assert list(books.lost(remains, items(rig))) == []
    assert books.missing(items(rig), ()) == []
    books.see_items(items(rig))
    puts = [entry.query for entry in rig.plex.journal.matching(method="PUT")]
    books.see_edits(puts)
    assert len(puts) == FILMS
    assert figures.older.looked >= FILMS
    assert figures.older.found == []


async def test_a_job_that_is_gone_is_a_loss(
    rig: Rig, books: Books, tmp_path: Path
) -> None:
    """A promise, and what was seen in a job without ever having been promised."""
    await promise(rig, books)
    remains = left(tmp_path)
    path = rig.path(1)
    fields = list(books.actions.record(path, 1).fields)
    assert list(books.lost(remains, items(rig))) == []
    del remains.jobs[path]
    assert list(books.lost(remains, items(rig))) == [
        *(f"{path} {name} 1" for name in fields),
        *(f"{path} {name} 1, from a job" for name in fields),
    ]


async def test_an_older_value_is_noticed(
    rig: Rig, books: Books, figures: Figures
) -> None:
    """In an edit and in what is shown."""
    item = rig.item(1)
    for value in ("title rev3", "title rev2", "title rev4"):
        item.values["title"] = value
        books.see_items(items(rig))
        books.see_edits([[("id", "1"), ("title.value", value)]])
    assert len(figures.older.found) == 2


async def test_an_edit_in_stash_counts_at_the_end(rig: Rig, books: Books) -> None:
    """It is nobody's promise before it was read; then only its value will do."""
    books.edits.submit("scene:1", 1)
    assert books.missing(items(rig), ()) == []
    books.settle()
    assert books.missing(items(rig), ())
    assert books.missing(items(rig), ["scene:1"]) == []


def test_a_damaged_file_is_noticed(tmp_path: Path) -> None:
    """``integrity_check`` is asked, and its answer kept."""
    path = tmp_path / "damaged.db"
    with closing(sqlite3.connect(path)) as db:
        db.execute("CREATE TABLE job (key, fields, failed, reason)")
        db.execute("CREATE INDEX by_key ON job (key)")
        db.executemany(
            "INSERT INTO job VALUES (?, '{}', 0, NULL)", [(n,) for n in range(9)]
        )
        db.execute("PRAGMA writable_schema=ON")
        db.execute("UPDATE sqlite_schema SET rootpage = 2 WHERE name = 'by_key'")
        db.commit()
    assert examine(path, tmp_path).integrity != "ok"


def circuit(**changes: Any) -> dict[str, Any]:
    """Describe a store in the middle of an outage."""
    breaker = {"state": "open", "step": 3, "generation": 5}
    outage = {"start": 100.0, "end": None}
    return {
        "breaker": {name: changes.get(name, value) for name, value in breaker.items()},
        "outages": {
            "outages": [
                {name: changes.get(name, value) for name, value in outage.items()}
            ]
        },
    }


def test_a_circuit_that_is_not_as_it_was_left() -> None:
    """Later in the same outage is well; anything else is not."""
    assert differences(circuit(), circuit(step=4, generation=6)) == []
    for change in (
        {"state": "closed"},
        {"step": 2},
        {"generation": 4},
        {"start": 200.0},
        {"end": 150.0},
    ):
        assert len(differences(circuit(), circuit(**change))) == 1


def test_one_finding_spoils_the_series(figures: Figures) -> None:
    """And so does a series without a kill."""
    assert not figures.good
    figures.moments["time"] += 1
    assert figures.good
    for name in ("lost", "older", "damaged", "circuit", "complaints"):
        getattr(figures, name).found.append(name)
        assert not figures.good
        getattr(figures, name).found.clear()
