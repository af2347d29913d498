"""Record + item + ledger → plan: exactly what would be written, and why not the rest."""

from collections.abc import Collection, Container, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
import json
from typing import Any, NamedTuple

from .fields import FIELDS, Field, Kind
from .ports import FieldEdit, Item
from .record import (
    Actor,
    Image,
    Record,
    Value,
    clean_text,
    value_from_json,
    value_to_json,
)


class Written(NamedTuple):
    """What the ledger says of one field of one item, for one source.

    For lists ``value`` holds the members that we own, else the whole value; for
    images the digest of the bytes; None where we emptied the field. ``intent`` is what a write that was not yet
    confirmed meant to leave behind; ``before`` what stood there before the first, which
    only an undo asks for: it stays encoded until then.
    """

    field: str
    source: str
    value: Value | None
    confirmed: bool = True  # else ``value`` says nothing: no write was ever seen
    intent: Value | None = None
    earlier: tuple[Value | None, ...] = ()  # intents before it, of unknown outcome, too
    pending: bool = False
    encoded_before: str | None = None
    before_known: bool = False
    before_locked: bool = False
    released: str | None = None
    removed: bool = False  # its source is: it owns nothing, but explains a lock of ours

    @property
    def before(self) -> Value | None:
        """Decode what stood there before the first write."""
        data = json.loads(self.encoded_before or "null")
        return value_from_json(self.field, data)

    @property
    def meant(self) -> tuple[Value | None, ...]:
        """What writes meant whose outcome nobody knows; that of the last one first."""
        return (self.intent, *self.earlier) if self.pending else ()


_SORT_TITLE = "sort_title"

type Ledger = Mapping[str, Sequence[Written]]
type Members = dict[str, str | Actor]  # by their folded names


class Kept(StrEnum):
    """Why a field that differs is left as it is."""

    LOCKED = "locked"  # a person locked it, or edited it after us
    IDENTITY = "identity"  # a title is never cleared
    UNIDENTIFIED = "unidentified"  # the source is not done with it
    RELEASED = "released"  # undone, until the record's next revision
    FILLED = "filled"  # the field is only to be filled, and is not empty
    NOT_OURS = "not_ours"  # empty at the source, but never written by us
    LAST_MEMBER = "last_member"  # a collection that we did not create would vanish
    UNSUPPORTED = "unsupported"  # this type of item has no such field


@dataclass(frozen=True, slots=True)
class Change:
    """One difference that a write would make.

    ``before`` and ``after`` are whole values; ``remove`` the list members that
    go, also those that an earlier write of ours may yet bring; ``own`` what the
    ledger holds as ours afterwards. With ``again`` it is written although it
    stands there: an earlier write meant something else, and may still arrive.
    """

    field: str
    before: Value | None
    after: Value | None
    own: Value | None
    remove: tuple[str, ...] = ()
    was_locked: bool = False
    again: bool = False

    def as_dict(self) -> dict[str, Any]:
        """Shape for action answers: field, before, after."""
        if FIELDS[self.field].kind is Kind.IMAGE:
            return {"field": self.field, "before": None, "after": "new picture"}
        return {
            "field": self.field,
            "before": value_to_json(self.before),
            "after": value_to_json(self.after),
        }


@dataclass(frozen=True, slots=True)
class Plan:
    """The exact difference between record, item and ledger."""

    changes: tuple[Change, ...] = ()
    adopted: tuple[Change, ...] = ()  # equal already: owned from now on, not written
    kept: Mapping[str, Kept] = field(default_factory=dict)

    def edits(self, item: Item) -> list[FieldEdit]:
        """Give the field edits that apply this plan.

        Adopted fields get their lock, where something of ours stands.
        """
        edits = [_edit(change) for change in self.changes if not _is_image(change)]
        if edits:
            edits += [
                FieldEdit(change.field, lock=True, touch=False)
                for change in self.adopted
                if change.own is not None
                and change.field not in item.locks
                and not _is_image(change)
            ]
        return edits

    def without(self, fields: Container[str]) -> Plan:
        """Give what is left where some fields are not to be had."""
        return replace(
            self,
            changes=tuple(each for each in self.changes if each.field not in fields),
            adopted=tuple(each for each in self.adopted if each.field not in fields),
        )

    def missed(self, item: Item) -> tuple[Change, ...]:
        """Give the changes that a read-back does not show."""
        return tuple(change for change in self.changes if not _arrived(change, item))


def same_value(name: str, current: Value | None, wanted: Value | None) -> bool:
    """Say whether a text, date or rating in Plex is what was wanted."""
    return _same(FIELDS[name], current, wanted)


def stands(item: Item, name: str) -> Value | None:
    """Give what a field of an item amounts to: without a sort title it is the title.

    Plex leaves out a sort title that equals the title.
    """
    value = item.fields.get(name)
    if value is None and name == _SORT_TITLE:
        return item.fields.get("title")
    return value


def _is_image(change: Change) -> bool:
    return FIELDS[change.field].kind is Kind.IMAGE


def _edit(change: Change) -> FieldEdit:
    if FIELDS[change.field].is_list:
        members = change.after if isinstance(change.after, tuple) else ()
        return FieldEdit(change.field, members=members, remove=change.remove)
    value = change.after
    assert value is None or isinstance(value, str | float)  # images are uploaded
    return FieldEdit(change.field, value=value)


def _arrived(change: Change, item: Item) -> bool:
    if _is_image(change):
        return True  # the upload's own answer is the proof: Plex gives no digest here
    current = stands(item, change.field)
    if not FIELDS[change.field].is_list:
        wanted = change.after
        if wanted is None and change.field == _SORT_TITLE:
            wanted = item.fields.get("title")
        return _same(FIELDS[change.field], current, wanted)
    have = _by_name(current)
    return not any(_fold(name) in have for name in change.remove) and all(
        _same_member(have.get(name), member)
        for name, member in _by_name(change.after).items()
    )


def make_plan(
    record: Record,
    item: Item,
    ledger: Ledger,
    *,
    images: Mapping[str, str] | None = None,
) -> Plan:
    """Compute what bringing the item into line would write.

    ``images`` maps each image field whose bytes are at hand to their digest;
    other image fields of the record count as unchanged.
    """
    changes: list[Change] = []
    adopted: list[Change] = []
    kept: dict[str, Kept] = {}
    title = item.fields.get("title")  # as it will be
    # The title first: what a sort title amounts to depends on it.
    for name in sorted(record.fields, key=lambda name: name != "title"):
        spec, wanted = FIELDS[name], record.fields[name]
        if name not in item.fields:
            kept[name] = Kept.UNSUPPORTED
            continue
        # What was undone is nobody's, but for the record that it was undone against.
        rows = [
            row
            for row in ledger.get(name, ())
            if row.released is None
            or (row.source == record.source and _released(row, record))
        ]
        if spec.is_list and (change := _in_line(wanted, record, item, name, rows)):
            adopted.append(change)
            continue
        if spec.kind is Kind.IMAGE:
            result = _plan_image(name, wanted, record, item, rows, images or {})
        elif spec.is_list:
            result = _plan_list(spec, wanted, record, item, rows)
        elif name == _SORT_TITLE:
            result = _plan_sort_title(spec, wanted, record, item, rows, title)
        else:
            result = _plan_value(spec, wanted, record, item, rows)
        if name == "title" and isinstance(result, Change):
            title = result.after
        match result:
            case Kept():
                kept[name] = result
            case Change() if _needed(spec, result):
                changes.append(result)
            case Change():
                adopted.append(result)
    return Plan(tuple(changes), tuple(adopted), kept)


def _needed(spec: Field, change: Change) -> bool:
    if change.again:
        return True
    if spec.is_list:
        before, after = _by_name(change.before), _by_name(change.after)
        return before.keys() != after.keys() or any(
            not _same_member(before[name], member) for name, member in after.items()
        )
    return not _same(spec, change.before, change.after)


def _own_row(rows: Sequence[Written], source: str) -> Written | None:
    for row in rows:
        if row.source == source:
            return row
    return None


def _owned(rows: Sequence[Written]) -> list[Written]:
    return [row for row in rows if not row.removed]


def _released(row: Written | None, record: Record) -> bool:
    return row is not None and row.released == record.token()


def _plan_value(
    spec: Field,
    wanted: Value | None,
    record: Record,
    item: Item,
    rows: Sequence[Written],
) -> Change | Kept | None:
    current = item.fields[spec.name]
    locked = spec.name in item.locks
    change = Change(spec.name, current, wanted, wanted, was_locked=locked)
    row = _own_row(rows, record.source)
    meant = row.meant if row else ()
    equal = _same(spec, current, wanted)
    if equal and not meant:
        return None if wanted is None else change  # an empty field is nobody's
    standing = [
        row
        for row in rows
        if (row.confirmed and _same(spec, current, row.value))
        or any(_same(spec, current, meant) for meant in row.meant)
    ]
    ours = any(not row.removed for row in standing)
    obstacle = None
    if _released(row, record):
        obstacle = Kept.RELEASED
    elif locked and not standing:
        obstacle = Kept.LOCKED
    elif wanted is None and spec.identity:
        obstacle = Kept.IDENTITY
    elif wanted is None and not record.identified:
        obstacle = Kept.UNIDENTIFIED
    elif wanted is None and record.mirror and not ours:
        obstacle = Kept.NOT_OURS
    elif spec.name in record.fill_only and current is not None and not ours:
        obstacle = Kept.FILLED
    if not equal:
        return obstacle or change
    if all(_same(spec, each, wanted) for each in meant):
        return change
    # Another write of ours may still arrive. To write what stands there takes nothing
    # from anybody; where we may not, the ledger goes on knowing of that write.
    if obstacle in (Kept.IDENTITY, Kept.UNIDENTIFIED, Kept.RELEASED):
        return obstacle
    return replace(change, again=True)


def _in_line(
    wanted: Value | None, record: Record, item: Item, name: str, rows: Sequence[Written]
) -> Change | None:
    """Give what a list comes to that we wrote and that stands there, as most do.

    It is what ``_plan_list`` would give, found without weighing each member.
    """
    row = _own_row(rows, record.source)
    if row is None or any(each.pending or each.released for each in rows):
        return None
    current, desired = _by_name(item.fields[name]), _by_name(wanted)
    if not desired or not all(
        _same_member(current.get(each), member) for each, member in desired.items()
    ):
        return None
    if row.value != wanted and not _by_name(row.value).keys() <= desired.keys():
        return None  # there is something to take back
    others = [member for each, member in current.items() if each not in desired]
    own: Any = tuple(desired.values())
    return Change(
        name,
        _members(item.fields[name]),
        (*own, *others),
        own,
        was_locked=name in item.locks,
    )


def _plan_sort_title(
    spec: Field,
    wanted: Value | None,
    record: Record,
    item: Item,
    rows: Sequence[Written],
    title: Value | None,
) -> Change | Kept | None:
    """Plan a sort title beside the title that will stand: none is one that equals it."""
    shown = item.fields[spec.name]
    current = stands(item, spec.name)
    # What is not shown may still be ours, from when the title was the same.
    ours = any(row.value is not None or row.pending for row in rows)
    if current == (title if wanted is None else wanted) or (
        shown is None and wanted is None and not ours
    ):
        current = wanted
    view = replace(item, fields={**item.fields, spec.name: current})
    if shown is None:
        record = replace(record, fill_only=record.fill_only - {spec.name})
    result = _plan_value(spec, wanted, record, view, rows)
    if not isinstance(result, Change) or (current == wanted and not result.again):
        return result
    return replace(result, before=shown, again=result.again or shown == wanted)


def _plan_list(
    spec: Field,
    wanted: Value | None,
    record: Record,
    item: Item,
    rows: Sequence[Written],
) -> Change | Kept | None:
    current = _by_name(item.fields[spec.name])
    desired = _by_name(wanted)
    row = _own_row(rows, record.source)
    locked = spec.name in item.locks
    if _released(row, record):
        return Kept.RELEASED
    if not desired and not record.identified:
        return Kept.UNIDENTIFIED if current else None
    if locked and not rows and not _covers(current, desired):
        return Kept.LOCKED
    if spec.name in record.fill_only and current and not _owned(rows):
        return Kept.FILLED
    own = _by_name(row.value) if row else {}
    meant = [_by_name(each) for each in row.meant] if row else []
    maybe_own = dict(own)
    for members in meant:
        maybe_own |= members
    dropped = set(maybe_own) - set(desired)
    if wanted is None and not record.mirror:
        # An explicit clear empties the field; a mirrored list only takes back its own.
        dropped |= set(current)
    dropped -= _of_others(rows, record.source)
    # Our lock keeps agents out, so what is missing under it a person took away, unless
    # a write may have done it whose outcome nobody knows.
    unsure = any(each.meant for each in rows)
    declined = set(own) - set(current) if locked and not unsure else set()
    target = _without(desired, declined)
    target |= _without(current, dropped | target.keys())
    gone = _without(current, target.keys())
    if not (desired or gone or own or meant):
        return None  # nothing of ours stands there, and nothing changes
    if meant:
        gone |= {
            name: member
            for name, member in maybe_own.items()
            if name in dropped and name not in current
        }
    return Change(
        spec.name,
        _members(item.fields[spec.name]),
        tuple(target.values()) or None,  # type: ignore[arg-type]  # one kind per field
        tuple(desired.values()) or None,  # type: ignore[arg-type]
        remove=tuple(map(_name, gone.values())),
        was_locked=locked,
        again=any(members.keys() != desired.keys() for members in meant),
    )


def _of_others(rows: Sequence[Written], source: str) -> set[str]:
    """Name the members that belong to other sources."""
    return {
        name
        for other in _owned(rows)
        if other.source != source
        for name in _by_name(other.intent if other.pending else other.value)
    }


def _without(members: Members, names: Collection[str]) -> Members:
    return {name: member for name, member in members.items() if name not in names}


def _plan_image(
    name: str,
    wanted: Value | None,
    record: Record,
    item: Item,
    rows: Sequence[Written],
    images: Mapping[str, str],
) -> Change | Kept | None:
    digest = images.get(name)
    if wanted is None or digest is None:
        return None  # nothing to show instead, or known to be the same picture
    row = _own_row(rows, record.source)
    locked = name in item.locks
    before = row.value if row else None
    if row and digest == row.value and not row.pending:
        return None
    if _released(row, record):
        return Kept.RELEASED
    if locked and not rows:
        return Kept.LOCKED
    if name in record.fill_only and item.fields[name] is not None and not _owned(rows):
        return Kept.FILLED
    # A picture of which the ledger is unsure is uploaded again: same bytes, no harm.
    return Change(
        name, before if before != digest else None, digest, digest, was_locked=locked
    )


# Plex shares tags per library and keeps the first spelling of each.
_fold = str.casefold


def _name(member: str | Actor) -> str:
    return member.name if isinstance(member, Actor) else member


def _members(value: Value | None) -> tuple[Any, ...] | None:
    return value if isinstance(value, tuple) and value else None


def _by_name(value: Value | None) -> Members:
    if not isinstance(value, tuple):
        return {}
    return {
        _fold(member if isinstance(member, str) else member.name): member
        for member in value
    }


def _same_member(current: str | Actor | None, wanted: str | Actor) -> bool:
    if isinstance(current, Actor) and isinstance(wanted, Actor):
        return current.role == wanted.role
    return current is not None


def _covers(current: Members, desired: Members) -> bool:
    return current.keys() == desired.keys() and all(
        _same_member(current[name], member) for name, member in desired.items()
    )


def _same(spec: Field, current: Value | None, wanted: Value | None) -> bool:
    if current == wanted:
        return True
    if isinstance(current, float) and isinstance(wanted, float):
        return abs(current - wanted) < 0.05  # Plex keeps one decimal
    if spec.kind is Kind.PROSE and isinstance(current, str) and isinstance(wanted, str):
        return clean_text(current, prose=True) == clean_text(wanted, prose=True)
    assert not isinstance(wanted, Image)
    return False
