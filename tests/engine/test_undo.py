"""Undo by itself: what it says of a list is the whole list."""

from custom_components.plexsync.engine.fields import FIELDS
from custom_components.plexsync.engine.ports import Item
from custom_components.plexsync.engine.undo import make_undo
from custom_components.plexsync.engine.written import Written


def test_what_a_person_added_since_stays() -> None:
    """Ours goes, what we took comes back, and the lock, without which an agent could."""
    values = dict.fromkeys(FIELDS) | {"genres": ("Kept", "Ours", "Mine")}
    item = Item("41", "lib", ("/a.mkv",), values, frozenset({"genres"}), 0.0)
    row = Written(
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
    first = Written("studio", "stash", "Old", before="Old", before_known=True)
    then = Written("studio", "action", "Agent's newer", before_known=True)
    restores, kept = make_undo(item, {"studio": [first, then]})
    assert not kept
    assert [(each.source, each.edit) for each in restores] == [
        ("stash", None),
        ("action", None),
    ]
