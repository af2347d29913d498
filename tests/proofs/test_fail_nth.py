"""The quick form of ``scripts/fail_nth``, and that its bookkeeping can object."""

from collections.abc import Iterator
import contextlib
import logging
import sqlite3

import pytest

from custom_components.plexsync.engine.layout import LAYOUT
from custom_components.plexsync.engine.model.record import Find, Record
from proofs.edge import COUNTED, Way
from proofs.fail_nth.books import PROOF_SCHEMA, Books
from proofs.fail_nth.series import Telling, run

_EACH = 3  # places that fail, of every way


@pytest.fixture(scope="module")
def undisturbed() -> Iterator[Telling]:
    """Give the telling in which nothing fails."""
    level = logging.root.manager.disable
    logging.disable()  # its failures are meant
    yield run(Way.STATEMENT, 0)
    logging.disable(level)


@pytest.mark.parametrize("way", Way)
def test_some_of_every_kind_fail_once(undisturbed: Telling, way: Way) -> None:
    """Before or after, never between; and in the end as if nothing had happened."""
    assert undisturbed.wrong == []
    number = undisturbed.seen[COUNTED[way]]
    assert number > 20
    for at in range(number // _EACH // 2, number + 1, number // _EACH):
        telling = run(way, at)
        telling.compare(undisturbed.end)
        assert telling.struck
        assert telling.wrong == []


def test_nothing_fails_behind_the_last(undisturbed: Telling) -> None:
    """The count is the whole story's."""
    assert run(Way.COMMIT, undisturbed.seen["commits"] + 1).struck is None


_JOB = (
    "INSERT INTO job (source, key, find, fields, identified, mirror, rev, priority,"
    " enqueued, due) VALUES ('s', 'k', '{}', '{\"title\": [1, \"T\"]}', 1, 1,"
    " 1, 1, 0, 0)"
)
_LEASE = "INSERT INTO lease SELECT id, 0.0 FROM job"
_INTENT = (
    "INSERT INTO ledger_field VALUES (1, 'title')",
    "INSERT INTO ledger_source VALUES (1, 's')",
    "INSERT INTO moment VALUES (1, 0)",
    (
        "INSERT INTO written (id, key, value, moment, place)"
        " VALUES ((1 << 20) + (1 << 12) + 1, 'k', '\"T\"', 1, 1)"
    ),
    "INSERT INTO unconfirmed (id) SELECT id FROM written",
)
_SETTLED = (
    "INSERT INTO settled (source, key, fingerprint, plain, token, revisions)"
    " VALUES ('s', 'k', x'', x'', '', '1:a')"
)


@pytest.mark.parametrize(
    ("statements", "objection"),
    [
        ((_JOB,), None),
        ((_JOB, _LEASE, "DELETE FROM job"), "a job went without an outcome"),
        ((_JOB, _SETTLED), "recent jobs: 0, not 1"),
        (
            (_JOB, "UPDATE job SET failed = 1", "INSERT INTO recent VALUES (1, 0, 0)"),
            "failures: 0, not 1",
        ),
        (("INSERT INTO setting VALUES ('cursor:s', 'here')",), "neither waiting nor done"),
        (_INTENT, "is about to be written by nobody"),
    ],
)  # fmt: skip
def test_the_books_object(statements: tuple[str, ...], objection: str | None) -> None:
    """Each state is one that two transactions instead of one would leave between."""
    books = Books(pages={"here": [Record("s", "new", Find(), {"title": "T"}, 1)]})
    with contextlib.closing(sqlite3.connect(":memory:")) as db:
        for schema in LAYOUT.beside(PROOF_SCHEMA).schemas:
            db.executescript(schema)
        for statement in statements:
            db.execute(statement)
        found = books.look(db)
    assert bool(found) is (objection is not None)
    assert objection is None or objection in "; ".join(found)
