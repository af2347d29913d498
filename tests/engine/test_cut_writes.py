"""Writes that nobody saw arrive, one after the other: what stands there stays ours."""

import sqlite3

import pytest

from custom_components.plexsync.engine.ledger import known_items, ledger
from custom_components.plexsync.engine.model.fields import FIELDS
from custom_components.plexsync.engine.model.ports import Item
from custom_components.plexsync.engine.model.record import Actor, Find, Record, Value
from custom_components.plexsync.engine.plan.plan import Plan, make_plan


def _actors(name: str) -> tuple[Actor, ...]:
    return (Actor(f"{name} One", "Role"), Actor(f"{name} Two", None))


@pytest.mark.parametrize(
    ("name", "arrived", "shown"),
    [
        ("title", "Arrived", "Arrived"),
        ("title", "arrived", "Arrived"),  # in Plex's own form
        ("studio", "Arrived", "Arrived"),
        ("user_rating", 3.0, 3.0),
        ("date", "1999-12-31", "2000-01-01"),
        ("genres", ("Arrived", "Too"), ("Arrived", "Too")),
        ("actors", _actors("Arrived"), _actors("Arrived")),
    ],
)
def test_what_arrived_is_ours_after_many_writes_that_did_not(
    name: str, arrived: Value, shown: Value
) -> None:
    """A kill, or a Plex that reads but does not write, may come between any two."""
    db = sqlite3.connect(":memory:", isolation_level=None)
    db.executescript(ledger.SCHEMA)
    values: dict[str, Value | None] = dict.fromkeys(FIELDS)
    locks: set[str] = set()

    def item() -> Item:
        return Item("41", "lib", ("/a.mkv",), dict(values), frozenset(locks), 0.0)

    def begin(value: Value) -> Plan:
        """Note a write, of which nobody hears again."""
        record = Record("stash", "1", Find(("/a.mkv",)), {name: value}, mirror=True)
        known = ledger.rows(db, known_items.find(db, item()))
        plan = make_plan(record, item(), known)
        assert not plan.kept
        number = known_items.find_or_add(db, item())
        ledger.intend(db, number, "stash", "1", known, plan.changes, 0)
        return plan

    begin(arrived)
    values[name] = shown
    locks.add(name)
    for number in range(20):
        later: Value = f"Later {number}"
        if FIELDS[name].is_list:
            later = _actors(later) if name == "actors" else (later, f"{later} too")
        elif isinstance(arrived, float):
            later = 4.0 + number / 4
        elif name == "date":
            later = f"2010-01-{number + 1:02d}"
        (change,) = begin(later).changes
    members = change.after
    if FIELDS[name].is_list:
        assert isinstance(members, tuple)
        assert not set(shown if isinstance(shown, tuple) else ()) & set(members)
    db.close()
