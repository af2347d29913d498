"""Restore what stood there before us, where our value still stands."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from .fields import FIELDS, Kind
from .plan import Change, Ledger, Plan, Written, same_value, stands
from .ports import FieldEdit, Item
from .record import Actor, Value


@dataclass(frozen=True, slots=True)
class Restore:
    """One field that an undo restores; ``edit`` is None where only we let go."""

    field: str
    source: str
    edit: FieldEdit | None
    before: Value | None


def make_undo(item: Item, ledger: Ledger) -> tuple[list[Restore], dict[str, str]]:
    """Give what to restore, and for each field that stays the reason.

    Reasons: before_unknown (the value stood there already when we came, or is a
    picture), changed_since (somebody changed it after us).
    """
    restores: list[Restore] = []
    kept: dict[str, str] = {}
    for name, rows in ledger.items():
        story = [row for row in rows if row.released is None]
        if name not in item.fields or not any(
            row.value is not None or row.pending or _clears(row) for row in story
        ):
            continue
        spec = FIELDS[name]
        # The oldest row knows what stood there before any of us, whoever has taken
        # back since what it wrote.
        first = story[0]
        if spec.kind is Kind.IMAGE or not first.before_known:
            kept[name] = "before_unknown"
        elif spec.is_list:
            restores += _restore_list(name, item, story)
        elif any(stands(item, name) in (row.value, *row.meant) for row in story):
            before = first.before
            assert before is None or isinstance(before, str | float)
            edit = FieldEdit(name, value=before, lock=first.before_locked)
            restores += [
                Restore(name, row.source, edit if row is first else None, before)
                for row in story
            ]
        elif same_value(name, item.fields[name], first.before):
            # Of an undo that was cut short: restored, but never let go of.
            restores += [Restore(name, row.source, None, first.before) for row in story]
        else:
            kept[name] = "changed_since"
    return restores, kept


def missed(restores: Iterable[Restore], item: Item) -> set[str]:
    """Name the fields that a read-back does not show as they were to be."""
    edits = [restore.edit for restore in restores if restore.edit is not None]
    plan = Plan(tuple(map(_as_change, edits)))
    return {change.field for change in plan.missed(item)}


def _as_change(edit: FieldEdit) -> Change:
    after = edit.members or None if FIELDS[edit.field].is_list else edit.value
    return Change(edit.field, None, after, None, remove=edit.remove)


def _clears(row: Written) -> bool:
    """Say whether the row stands for a field that we emptied."""
    return row.before_known and row.before is not None


def _restore_list(name: str, item: Item, story: Sequence[Written]) -> list[Restore]:
    first = story[0]
    before = first.before if isinstance(first.before, tuple) else ()
    current = item.fields[name]
    current = current if isinstance(current, tuple) else ()
    own = {_key(member) for row in story for member in _all(row)}
    old = {_key(member) for member in before}
    present = {_key(member) for member in current}
    # What a person added since stays; what we added goes; what we took comes back.
    members = [m for m in current if _key(m) in old or _key(m) not in own]
    members += [m for m in before if _key(m) not in present]
    gone = tuple(_name(m) for m in current if _key(m) in own and _key(m) not in old)
    edit = FieldEdit(
        name,
        members=tuple(members),  # type: ignore[arg-type]  # one kind per field
        remove=gone,
        lock=first.before_locked,
    )
    return [
        Restore(name, row.source, edit if row is first else None, first.before or None)
        for row in story
    ]


def _all(row: Written) -> tuple[str | Actor, ...]:
    return tuple(
        member
        for value in (row.value, *row.meant)
        if isinstance(value, tuple)
        for member in value
    )


def _name(member: str | Actor) -> str:
    return member.name if isinstance(member, Actor) else member


def _key(member: str | Actor) -> str:
    return _name(member).casefold()
