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

from custom_components.plexsync.engine.jobs.job import Priority
from proofs.kill9.books import Books
from proofs.kill9.figures import Figures
from proofs.kill9.home import BY_ACTION, BY_STASH
from proofs.kill9.inquest import Findings, differences, look
from proofs.promises import Promises
from proofs.records import revisions_of_item
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
def edits(rig: Rig) -> Promises:
    """Give what edits in Stash promise."""
    scenes = {f"scene:{n}": rig.path(n) for n in range(1, FILMS + 1)}
    return Promises(7, scenes, BY_STASH)


@pytest.fixture
def actions(rig: Rig) -> Promises:
    """Give what actions promise."""
    paths = [rig.path(n) for n in range(1, FILMS + 1)]
    return Promises(7, {path: path for path in paths}, BY_ACTION)


@pytest.fixture
def books(figures: Figures, edits: Promises, actions: Promises) -> Books:
    """Give books about all films."""
    return Books(figures, edits, actions)


async def promise(rig: Rig, actions: Promises) -> None:
    """Have one more record of every film taken in, and written down as promised."""
    for path, known in actions.keys.items():
        revision = known.next
        actions.submit(path, revision)
        record = actions.record(path, revision)
        await rig.engine.submit([record], Priority.BULK)
        actions.answer(path, revision)


def items(rig: Rig) -> list[dict[str, Any]]:
    """Give what Plex shows."""
    return [item_state(item) for item in rig.items()]


def left(tmp_path: Path) -> Findings:
    """Look at the database as a kill would leave it now."""
    return look(tmp_path / "engine.db", by_value=True)


def done(rig: Rig, books: Books) -> dict[str, dict[str, int]]:
    """Give what each key's item shows."""
    shown = {item["files"][0]: revisions_of_item(item) for item in items(rig)}
    return {
        key: shown[known.path]
        for promises in books.promises
        for key, known in promises.keys.items()
    }


async def test_a_job_that_waits_keeps_its_promise(
    rig: Rig, books: Books, actions: Promises, figures: Figures, tmp_path: Path
) -> None:
    """Neither lost while it waits nor once it is written."""
    for _ in range(3):
        await promise(rig, actions)
    found = left(tmp_path)
    assert found.waiting.keys() == actions.keys.keys()
    books.look(found, done(rig, books))
    assert len(books.missing(items(rig), ())) >= FILMS
    rig.work()
    await rig.drained()
    found = left(tmp_path)
    assert found.waiting == {}
    books.look(found, done(rig, books))
    assert figures.troubles == []
    assert figures.damaged.looked == 2
    assert books.missing(items(rig), ()) == []
    puts = [entry.query for entry in rig.plex.journal.matching(method="PUT")]
    books.see(puts, items(rig))
    assert figures.edits == FILMS
    assert figures.older.looked >= FILMS
    assert figures.older.found == []


async def test_a_job_that_is_gone_is_a_loss(
    rig: Rig, books: Books, actions: Promises, tmp_path: Path
) -> None:
    """A promise, and what was seen in a job without ever having been promised."""
    await promise(rig, actions)
    waiting = left(tmp_path).waiting
    path = rig.path(1)
    fields = list(actions.record(path, 1).fields)
    assert list(books.lost(waiting, done(rig, books))) == []
    del waiting[path]
    assert list(books.lost(waiting, done(rig, books))) == [
        *(f"{path} {name} 1" for name in fields),
        *(f"{path} {name} 1, from a job" for name in fields),
    ]


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
    assert look(path).integrity != "ok"


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
