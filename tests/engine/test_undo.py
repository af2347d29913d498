"""Undo by itself: what it says of a list is the whole list."""

import sqlite3

from custom_components.plexsync.engine.ledger import known_items, ledger
from custom_components.plexsync.engine.ledger.row import LedgerRow
from custom_components.plexsync.engine.model.fields import FIELDS
from custom_components.plexsync.engine.model.ports import Item
from custom_components.plexsync.engine.model.record import Find, Record, Value
from custom_components.plexsync.engine.plan.plan import make_plan
from custom_components.plexsync.engine.plan.undo import make_undo


def test_what_a_person_added_since_stays() -> None:
    """Ours goes, what we took comes back, and the lock, without which an agent could."""
    values = dict.fromkeys(FIELDS) | {"genres": ("Kept", "Ours", "Mine")}
    item = Item("41", "lib", ("/a.mkv",), values, frozenset({"genres"}), 0.0)
    row = LedgerRow(
        "genres",
        "stash",
        ("Ours",),
        locked=True,
        before=("Kept", "Taken"),
        before_known=True,
    )
    (restore,), kept = make_undo(item, {"genres": [row]})
    assert not kept
    assert restore.edit is not None
    assert restore.edit.members == ("Kept", "Taken", "Mine")
    assert restore.edit.remove == ("Ours",)
    assert restore.edit.lock is None


def test_what_others_wrote_and_we_only_found_stays() -> None:
    """A second source found that it agrees: the value of before that is not brought back."""
    values = dict.fromkeys(FIELDS) | {"studio": "Agent's newer"}
    item = Item("41", "lib", ("/a.mkv",), values, frozenset(), 0.0)
    first = LedgerRow("studio", "stash", "Old", before="Old", before_known=True)
    then = LedgerRow("studio", "action", "Agent's newer", before_known=True)
    restores, kept = make_undo(item, {"studio": [first, then]})
    assert not kept
    assert [(each.sources, each.edit) for each in restores] == [
        (("stash", "action"), None)
    ]


def test_what_one_source_dropped_and_another_kept_is_that_ones() -> None:
    """An action writes a tag, a mirror wants it too, and then nobody does: it goes."""
    db = sqlite3.connect(":memory:", isolation_level=None)
    db.executescript(ledger.SCHEMA)
    values: dict[str, Value | None] = dict.fromkeys(FIELDS) | {"genres": ("Theirs",)}
    locks: set[str] = set()

    def item() -> Item:
        return Item("41", "lib", ("/a.mkv",), dict(values), frozenset(locks), 0.0)

    def sync(source: str, fields: dict[str, Value | None]) -> None:
        mirror = source == "stash"
        record = Record(source, "1", Find(("/a.mkv",)), fields, 1, mirror=mirror)
        number = known_items.find_or_add(db, item())
        known = ledger.rows(db, number)
        plan = make_plan(record, item(), known)
        ledger.adopt(db, number, source, "1", known, plan.adopted, 0)
        ledger.let_go(db, number, source, plan.let_go)
        ledger.intend(db, number, source, "1", known, plan.changes, 0)
        for change in plan.changes:
            values[change.field] = change.after
            locks.add(change.field)
        ledger.confirm(db, number, source, known, plan.changes, 0, {})

    sync("action", {"genres": ("Ours",)})
    sync("stash", {"genres": ("Ours",)})
    sync("action", {"genres": ("Other",)})
    assert set(values["genres"] or ()) == {"Theirs", "Ours", "Other"}
    sync("stash", {})
    rows = ledger.rows(db, known_items.find(db, item()))
    restores, kept = make_undo(item(), rows)
    assert not kept
    (edit,) = (each.edit for each in restores if each.edit is not None)
    assert edit.members == ("Theirs",)
    assert set(edit.remove) == {"Ours", "Other"}
    db.close()
