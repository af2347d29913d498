"""One difference between record and item, and why others are left alone."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from .compare import (
    Members,
    by_name,
    first_of,
    fold,
    has_all,
    is_form,
    members_of,
    name_of,
    same,
    same_member,
    stands,
)
from .fields import FIELDS, SORT_TITLE, Kind
from .ports import FieldEdit, Item
from .record import Actor, Value


class Kept(StrEnum):
    """Why a field that differs is left as it is."""

    LOCKED = "locked"  # a person locked it, or edited it after us
    OTHER_SOURCE = "other_source"  # another source leads it
    IDENTITY = "identity"  # a title or a picture is never cleared
    UNIDENTIFIED = "unidentified"  # the source is not done with it
    RELEASED = "released"  # undone, until the record says another value
    FILLED = "filled"  # the field is only to be filled, and is not empty
    NOT_OURS = "not_ours"  # empty at the source, but never written by us
    LAST_MEMBER = "last_member"  # a collection that we did not create would vanish
    UNSUPPORTED = "unsupported"  # this type of item has no such field
    LEFT_ALONE = "left_alone"  # its owner said so: see ``left_alone``


@dataclass(frozen=True, slots=True)
class Change:
    """One difference that a write would make, or what is only owned from now on.

    ``before`` and ``after`` are whole values, for images Plex's mark and our digest;
    ``remove`` the list members that go, also those that an earlier write of ours may
    yet bring; ``own`` what the ledger holds as ours afterwards. Where it ``stands``
    there already it is not written. ``lock`` is the lock's state after a write.
    ``locked`` says whether the lock on what stands there is ours, ``shown`` in what
    form of its own Plex shows it. ``year`` is the item's where a date changes, 0 for none.
    ``anew`` says that nothing of ours stands there any more, ``taken`` that the lock was
    taken for ours just now, since the source leads once: what stands there now is what an
    undo brings back.
    """

    field: str
    before: Value | None
    after: Value | None
    own: Value | None
    remove: tuple[str, ...] = ()
    was_locked: bool = False
    lock: bool = True
    stands: bool = False
    locked: bool = False
    shown: Value | None = None
    year: int | None = None
    anew: bool = False
    taken: bool = False

    @property
    def is_picture(self) -> bool:
        """Whether it is uploaded, not edited."""
        return FIELDS[self.field].kind is Kind.IMAGE

    def as_dict(self) -> dict[str, Any]:
        """Shape for action answers: field, before, after."""
        before, after = shape(self.before), shape(self.after)
        if self.is_picture:
            before, after = None, "new picture"
        return {"field": self.field, "before": before, "after": after}

    def edit(self) -> FieldEdit:
        """Return the edit that makes this change."""
        after = self.after
        return FieldEdit(
            self.field,
            value=after if isinstance(after, str | float) else None,
            members=after if isinstance(after, tuple) else (),
            remove=self.remove,
            lock=self.lock,
        )

    def arrived(self, item: Item) -> bool:
        """Return whether a read-back shows it."""
        current = item.fields.get(self.field)
        if self.is_picture:
            # Another mark is another picture; whose it is Plex does not say here.
            return current is not None and current != self.before
        if not FIELDS[self.field].is_list:
            there, after = stands(item.fields, self.field), self.after
            if after is None and self.field == SORT_TITLE:
                after = item.fields.get("title")
            return same(FIELDS[self.field], there, after)
        have, wanted = by_name(current), by_name(self.after)
        gone = {fold(name) for name in self.remove} - wanted.keys()
        return not gone & have.keys() and has_all(have, wanted)

    def form(self, item: Item) -> Value | None:
        """Return what a read-back shows if that is what we sent in Plex's own form.

        A refusal is none: what stood there before still stands there, and no lock came.
        """
        current = item.fields.get(self.field)
        if self.is_picture:
            return None
        if FIELDS[self.field].is_list:
            return self._form_of_list(current)
        taken = self.lock and not self.was_locked and self.field in item.locks
        if current == self.before and not taken:
            return None
        if is_form(FIELDS[self.field], self.after, current):
            return current
        return None

    def _form_of_list(self, current: Value | None) -> Value | None:
        """Return the members of ours as they stand there, each in a form of what was sent."""
        have, before, wanted = map(by_name, (current, self.before, self.after))
        if ({fold(name) for name in self.remove} - wanted.keys()) & have.keys():
            return None
        if not all(
            _is_form_of(key, member, have.get(key), before.get(key), wanted)
            for key, member in wanted.items()
        ):
            return None
        ours = {fold(name_of(each)) for each in members_of(self.own) or ()}
        there = members_of(current) or ()
        return tuple(each for each in there if fold(name_of(each)) in ours) or None


def _is_form_of(
    key: str,
    wanted: str | Actor,
    there: str | Actor | None,
    was: str | Actor | None,
    all_wanted: Members,
) -> bool:
    """Return whether a member is there, its part perhaps in another form.

    Of two actors of one name Plex may keep one.
    """
    if same_member(there, wanted):
        return True
    if not isinstance(wanted, Actor):
        return False
    if not isinstance(there, Actor):
        return first_of(key) != key
    parts = [
        each.role
        for name, each in all_wanted.items()
        if isinstance(each, Actor) and first_of(name) == first_of(key)
    ]
    if len(parts) > 1:
        return there.role in parts
    changed = not isinstance(was, Actor) or was.role != there.role
    return changed and is_form(FIELDS["original_title"], wanted.role, there.role)


def shape(value: Value | None) -> Any:
    """Shape a value for answers: of an actor name and role."""
    if isinstance(value, tuple):
        return [
            {"name": each.name, "role": each.role or ""}
            if isinstance(each, Actor)
            else each
            for each in value
        ]
    return value
