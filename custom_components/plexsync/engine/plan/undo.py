"""Restore what stood there before us, where our value still stands."""

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum
import hashlib
from typing import Any

from ..ledger.row import Ledger, LedgerRow
from ..model.change import Change
from ..model.compare import by_name, day, members_of, name_of, same, stands
from ..model.fields import FIELDS, Field, Kind
from ..model.ports import FieldEdit, Item, PictureChoice, Year
from ..model.record import Actor, Value
from .pictures import is_picture_of
from .values import is_value_of, may_be_of


class NotRestored(StrEnum):
    """Why a field does not get back what stood there before us."""

    BEFORE_UNKNOWN = "before_unknown"  # nobody noted what stood there
    CHANGED_SINCE = "changed_since"  # what stands there now is not ours
    PICTURE_GONE = "picture_gone"  # Plex has that picture no more, and chooses another
    LAST_MEMBER = "last_member"  # a collection that we did not create would vanish


# Why the rest of a field is restored all the same.
_IN_PART = (NotRestored.PICTURE_GONE, NotRestored.LAST_MEMBER)


@dataclass(frozen=True, slots=True)
class Restore:
    """One field that an undo restores; ``edit`` is None where only we let go.

    ``sources`` name those whose it was. ``before`` is what it restores: of a picture the
    key of the one that was selected. ``stands`` says whether that of ours is still shown.
    """

    field: str
    sources: tuple[str, ...]
    edit: FieldEdit | None
    before: Value | None
    stands: bool = True

    @property
    def is_picture(self) -> bool:
        """Whether a picture is selected."""
        return FIELDS[self.field].kind is Kind.IMAGE


@dataclass(frozen=True, slots=True)
class UndoPlan:
    """What an undo would do to an item as it was read, and for each field that stays why."""

    item: Item
    restores: Sequence[Restore]
    kept: Mapping[str, str]

    @property
    def to_do(self) -> Sequence[Restore]:
        """What is restored: not what stays."""
        return [
            each
            for each in self.restores
            if self.kept.get(each.field) in (None, *_IN_PART)
        ]

    @property
    def digest(self) -> str:
        """Name the plan: equal names mean that equal values make way for equal ones.

        What was found out since of a picture that is to be restored has no part in it.
        """
        there = {each.field: self.item.fields[each.field] for each in self.restores}
        kept = sorted(each for each in self.kept.items() if each[0] not in there)
        text = repr((list(self.restores), list(there.items()), kept))
        return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def make_undo(
    item: Item, ledger: Ledger, spared: Container[str] = (), *, by_hand: bool = True
) -> tuple[list[Restore], dict[str, str]]:
    """Return what to restore, and for each field that stays the reason.

    One that nobody asked for ``by_hand`` leaves what a source still wants of a list.
    Reasons: before_unknown (nobody noted what stood there when we came),
    changed_since (somebody changed it after us), last_member (of the collections that
    are ``spared`` the item would be the last one to leave).
    """
    restores: list[Restore] = []
    kept: dict[str, str] = {}
    for name, rows in ledger.items():
        story = [row for row in rows if row.released is None]
        if name not in item.fields or not any(
            row.value is not None or row.pending or _clears(row) for row in story
        ):
            continue
        spec, current = FIELDS[name], item.fields[name]
        # The oldest row knows what stood there before any of us, whoever has taken
        # back since what it wrote.
        first = story[0]
        edit: FieldEdit | None = None
        is_shown = True
        if not first.before_known:
            kept[name] = NotRestored.BEFORE_UNKNOWN
            continue
        if spec.kind is Kind.IMAGE:
            edit = _picture_lock(name, item, story)
            is_shown = any(row.pending or is_picture_of(row, item) for row in story)
        elif spec.is_list:
            stays = spared if name == "collections" else ()
            wanted = [row for row in story if row.claims and not by_hand]
            edit = _list_edit(name, item, story, stays, wanted)
            story = [row for row in story if row not in wanted]
            if stays:
                kept[name] = NotRestored.LAST_MEMBER
        elif any(_stands(spec, stands(item.fields, name), row) for row in story):
            edit = _value_edit(spec, item, story)
        elif same(spec, current, first.before) or any(
            is_value_of(row, spec, current) for row in story
        ):
            # An undo was cut short after it restored the value and before it gave the
            # field up; or others wrote the value, and we only found that it agrees.
            pass
        else:
            kept[name] = NotRestored.CHANGED_SINCE
            continue
        sources = tuple(row.source for row in story)
        restores.append(Restore(name, sources, edit, first.before, is_shown))
    return restores, kept


def once_more(restores: Iterable[Restore], item: Item) -> dict[str, FieldEdit]:
    """Return the edits, by field, for what a read-back does not show as it was to be.

    Where a server shows dates a day off, so was the one that we noted: what was
    meant lies a day on the other side.
    """
    return {
        edit.field: _moved_back(edit, item)
        for restore in restores
        if (edit := restore.edit) is not None and not _arrived(edit, item)
    }


def _arrived(edit: FieldEdit, item: Item) -> bool:
    if not edit.touch:
        return edit.lock is None or (edit.field in item.locks) is edit.lock
    after: Any = edit.members or None if FIELDS[edit.field].is_list else edit.value
    return Change(edit.field, None, after, None, remove=edit.remove).arrived(item)


def _moved_back(edit: FieldEdit, item: Item) -> FieldEdit:
    sent, shown = edit.value, item.fields.get(edit.field)
    is_date = FIELDS[edit.field].kind is Kind.DATE
    if is_date and isinstance(sent, str) and isinstance(shown, str):
        off = day(sent) - day(shown)
        if abs(off) == timedelta(days=1):
            return replace(edit, value=(day(sent) + off).isoformat())
    return edit


def _clears(row: LedgerRow) -> bool:
    """Return whether the row stands for a field that we emptied."""
    return row.before_known and row.before is not None


def _stands(spec: Field, current: Value | None, row: LedgerRow) -> bool:
    """Return whether what stands there was written by us, by this row."""
    written = row.locked or row.value is None
    is_left = written and is_value_of(row, spec, current)
    return is_left or may_be_of(row, spec, current)


def _lock(name: str, item: Item, story: Sequence[LedgerRow]) -> bool | None:
    """Return the lock's state of before; None where the lock is a person's since."""
    if name in item.locks and not any(row.locked or row.pending for row in story):
        return None
    return story[0].before_locked


def _only_lock(name: str, item: Item, story: Sequence[LedgerRow]) -> FieldEdit | None:
    """Return the edit where all but the lock is as it was before."""
    lock = _lock(name, item, story)
    if lock is None or lock is (name in item.locks):
        return None
    return FieldEdit(name, lock=lock, touch=False)


def _picture_lock(
    name: str, item: Item, story: Sequence[LedgerRow]
) -> FieldEdit | None:
    """Return the edit that opens the lock that comes with the selection of a picture."""
    if _lock(name, item, story) is False:
        return FieldEdit(name, lock=False, touch=False)
    return _only_lock(name, item, story)


def _value_edit(
    spec: Field, item: Item, story: Sequence[LedgerRow]
) -> FieldEdit | None:
    first, name = story[0], spec.name
    if same(spec, stands(item.fields, name), first.before):
        return _only_lock(name, item, story)
    assert first.before is None or isinstance(first.before, str | float)
    lock = _lock(name, item, story)
    return FieldEdit(name, first.before, lock=lock, year=_year(item, first))


def _year(item: Item, first: LedgerRow) -> Year | None:
    """Return the year of before where the date may have brought another one."""
    number = first.before_year
    if number is None:
        return None
    before = first.before if isinstance(first.before, str) else ""
    if number == (item.year or 0) and before.startswith(f"{number:04}-"):
        return None
    return Year(number, "year" in item.locks)


def _list_edit(
    name: str,
    item: Item,
    story: Sequence[LedgerRow],
    spared: Container[str],
    wanted: Sequence[LedgerRow],
) -> FieldEdit | None:
    """Return the edit that takes our members out, but those of rows that are ``wanted``."""
    before, current = by_name(story[0].before), by_name(item.fields[name])
    ours: dict[str, list[str | Actor]] = {}
    for row in story:
        # What it only found there, and has let go of since, is not its own.
        found = by_name(row.before) if row.let_go and row is not story[0] else {}
        for value in (row.value, row.shown, *row.meant):
            for key, member in by_name(value).items():
                if key not in found:
                    ours.setdefault(key, []).append(member)
    for row in wanted:
        for key in by_name(row.wants):
            ours.pop(key, None)
    # What a person added since stays; what we added goes; what we took comes back.
    members = [
        there
        if (there := current.get(key)) is not None
        and _is_persons(there, member, ours.get(key, []))
        else member
        for key, member in before.items()
    ]
    added = [
        member
        for key, member in current.items()
        if key not in before and key not in ours
    ]
    members += added
    members += [
        member
        for key, member in current.items()
        if key not in before and key in ours and name_of(member) in spared
    ]
    # Our lock keeps agents out: whoever added something is a person, and keeps it.
    theirs = bool(added or wanted) and name in item.locks
    if tuple(members) == (members_of(item.fields[name]) or ()):
        return None if theirs else _only_lock(name, item, story)
    left = {name_of(member) for member in members}
    return FieldEdit(
        name,
        members=tuple(members),  # type: ignore[arg-type]  # one kind per field
        remove=tuple(
            spelled for spelled in map(name_of, current.values()) if spelled not in left
        ),
        lock=None if theirs else _lock(name, item, story),
    )


def _is_persons(
    there: str | Actor, before: str | Actor, ours: list[str | Actor]
) -> bool:
    """Return whether somebody else gave an actor another part since."""
    if not isinstance(there, Actor) or not isinstance(before, Actor):
        return False
    roles = [each.role for each in ours if isinstance(each, Actor)]
    return there.role not in (before.role, *roles)


def why_no_picture(restore: Restore, found: PictureChoice) -> str | None:
    """Return why the picture of before cannot be selected, or None.

    Of one that is gone Plex chooses another; one that a person chose since stays.
    """
    if found.selected == restore.before is not None:
        return None
    if not restore.stands:
        return NotRestored.CHANGED_SINCE
    return None if restore.before in found.keys else NotRestored.PICTURE_GONE
