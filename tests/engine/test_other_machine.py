"""Another machine has the server's place: what is known goes on under the files."""

from collections.abc import Iterator
import json
import sqlite3

import pytest

from custom_components.plexsync.engine import other_machine
from custom_components.plexsync.engine.layout import LAYOUT
from custom_components.plexsync.engine.ledger import known_items, ledger, parts, pins
from custom_components.plexsync.engine.ledger.row import Ledger
from custom_components.plexsync.engine.model.change import Change
from custom_components.plexsync.engine.model.ports import Item
from custom_components.plexsync.engine.model.record import Find

OLD, NEW = "old-uuid", "new-uuid"


@pytest.fixture
def db() -> Iterator[sqlite3.Connection]:
    """Give a database that knows the first machine."""
    connection = sqlite3.connect(":memory:")
    LAYOUT.climb(connection)
    assert not other_machine.recognise(connection, "first")
    yield connection
    connection.close()


def item(key: str, section: str, *paths: str) -> Item:
    """Describe an item without values."""
    return Item(key, section, paths, {"summary": None}, frozenset(), 0.0)


def write(db: sqlite3.Connection, where: Item) -> None:
    """Let a source write to an item."""
    change = Change("summary", before=None, after="x", own="x")
    number = known_items.find_or_add(db, where)
    ledger.intend(db, number, "stash", "1", {}, [change], 0.0)
    ledger.confirm(db, number, "stash", {}, [change], 1.0, {})


def rows(db: sqlite3.Connection, where: Item) -> Ledger:
    """Give what the ledger says of an item."""
    return ledger.rows(db, known_items.find(db, where))


def test_the_same_machine_keeps_its_keys(db: sqlite3.Connection) -> None:
    """Let go of nothing."""
    write(db, item("5", OLD, "/a"))
    assert not other_machine.recognise(db, "first")
    assert rows(db, item("5", OLD, "/a"))


def test_a_row_follows_its_file(db: sqlite3.Connection) -> None:
    """Find it by the file under another key, and never under its old key."""
    write(db, item("5", OLD, "/a"))
    assert other_machine.recognise(db, "second")
    assert not rows(db, item("5", NEW, "/b"))
    assert rows(db, item("7", NEW, "/a"))
    assert rows(db, item("7", NEW, "/a"))  # and from now on by that key
    assert not other_machine.recognise(db, "second")


def test_a_file_in_two_libraries(db: sqlite3.Connection) -> None:
    """Give each of the two items there one of the two rows."""
    for key, section in (("5", OLD), ("6", "other-uuid")):
        write(db, item(key, section, "/a"))
    other_machine.recognise(db, "second")
    for key, section in (("8", NEW), ("9", "newer-uuid")):
        assert rows(db, item(key, section, "/a"))
    assert not rows(db, item("10", "newest-uuid", "/a"))


def test_what_has_no_file_is_forgotten(db: sqlite3.Connection) -> None:
    """Nothing can tell it there."""
    write(db, item("5", OLD))
    other_machine.recognise(db, "second")
    assert not rows(db, item("5", NEW))
    assert db.execute("SELECT count(*) FROM ledger").fetchone() == (0,)


def test_what_was_merged_is_known_in_each_part(db: sqlite3.Connection) -> None:
    """Let both items that have its files there have what was written to it."""
    whole = item("5", OLD, "/a", "/b")
    write(db, whole)
    number = known_items.find(db, whole)
    assert number is not None
    parts.note(db, whole, number)
    other_machine.recognise(db, "second")
    one, other = item("7", NEW, "/a"), item("8", NEW, "/b")
    parts.recognise(db, one, other)
    assert rows(db, one)
    assert rows(db, other)
    assert parts.of(db, known_items.find_or_add(db, one)) == []


def test_pins(db: sqlite3.Connection) -> None:
    """Keep one that remembers its files, and untie one that knows a key alone."""
    pins.tie(db, "stash", "1", "5", item("5", OLD, "/a"))
    pins.tie(db, "stash", "2", "6", None)
    other_machine.recognise(db, "second")
    found = pins.find(db, "stash", "1")
    assert found == Find(("/a",), (), "0")  # a key that nothing has
    assert pins.find(db, "stash", "2") is None


def test_jobs(db: sqlite3.Connection) -> None:
    """Take the key from a job; its files stay."""
    for key, paths, rating_key in (("1", ["/a"], None), ("2", [], "6")):
        find = {"paths": paths, "guids": [], "rating_key": rating_key}
        db.execute(
            "INSERT INTO job (source, key, find, fields, identified, mirror, rev,"
            " priority, enqueued, due) VALUES ('a', ?, ?, '{}', 1, 0, 1, 0, 0, 0)",
            (key, json.dumps(find)),
        )
    other_machine.recognise(db, "second")
    found = [json.loads(row[0]) for row in db.execute("SELECT find FROM job")]
    assert [each["rating_key"] for each in found] == [None, "0"]
    assert found[0]["paths"] == ["/a"]
