"""Tags and casts: lists whose members have owners."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ..ledger.row import LedgerRow, locked_before
from ..model.change import Change, Kept
from ..model.compare import (
    Members,
    by_name,
    fold,
    is_exactly,
    members_of,
    name_of,
    without,
)
from ..model.record import Actor, Value
from .case import Case

# In another spelling a collection is another one: the item would leave the one that
# people have given a poster, a summary and an order.
_KEEPS_SPELLING = frozenset({"collections"})


@dataclass(slots=True)
class _Ours:
    """Which members of a list are ours, and whether its lock is."""

    row: LedgerRow | None
    own: Members  # that a write of ours was seen to leave there
    meant: list[Members]  # of each write of unknown outcome
    maybe_own: Members  # those of all these
    lock_is_ours: bool
    taken: bool  # nobody knows whose the lock is, but the source leads once


def plan_list(case: Case) -> Change | Kept | None:
    """Compute what becomes of a list: ours follows the source, what is others' stays."""
    ours = _ours(case)
    current, desired = by_name(case.current), by_name(_in_shown_form(case))
    if obstacle := _obstacle(case, ours, current, desired):
        return obstacle
    dropped = _dropped(case, ours.maybe_own.keys() - desired.keys(), current)
    renamed = _renamed(case, ours.own, current, desired)
    target = _target(case, ours, current, desired, renamed)
    # What others have added stays.
    target |= without(current, dropped | target.keys())
    gone = without(current, target.keys())
    if not (desired or gone or ours.own or ours.meant):
        return None  # nothing of ours stands there, and nothing changes
    if ours.meant:
        # A write that hangs may yet bring these.
        gone |= {
            name: member
            for name, member in ours.maybe_own.items()
            if name in dropped and name not in current
        }
    remove = tuple(map(name_of, (*gone.values(), *renamed.values())))
    again = any(members.keys() != desired.keys() for members in ours.meant)
    stands = not again and not renamed and is_exactly(current, target)
    return _change(case, ours, current, desired, target, remove, stands=stands)


def _ours(case: Case) -> _Ours:
    """Tell whose members and whose lock the ledger knows."""
    row = case.row
    own = by_name(row.value) if row and row.owns(locked=case.is_locked) else {}
    meant = [by_name(each) for each in row.meant] if row else []
    maybe_own = dict(own)
    for members in meant:
        maybe_own |= members
    lock_is_ours = any(each.locked or any(each.meant) for each in case.rows)
    taken = case.leads_once and case.is_locked and not lock_is_ours
    return _Ours(row, own, meant, maybe_own, lock_is_ours or taken, taken)


def _target(
    case: Case, ours: _Ours, current: Members, desired: Members, renamed: Members
) -> Members:
    """Return the members that the source wants, as they shall stand there."""
    own, row = ours.own, ours.row
    # Our lock keeps agents out, so what is missing under it a person took away, unless
    # a write may have done it whose outcome nobody knows, or nobody knows whose lock it is.
    unsure = not case.is_sure or case.leads_once or (row is not None and row.let_go)
    declined = set(own) - set(current) if case.is_locked and not unsure else set()
    target = {
        name: _member(member, None if name in renamed else current.get(name), own)
        for name, member in without(desired, declined).items()
    }
    for name, member in renamed.items():
        target[name] = _with_what_is_unsaid(target[name], member, own.get(name))
    return target


def _change(
    case: Case,
    ours: _Ours,
    current: Members,
    desired: Members,
    target: Members,
    remove: tuple[str, ...],
    *,
    stands: bool,
) -> Change:
    """Shape what makes the target of what stands there, or takes it for ours."""
    row = ours.row
    claimed = target.keys() & (
        desired.keys() | _of_others(case.rows, case.record.source)
    )
    anew = case.is_sure and not case.is_locked and not _is_any_of_ours(case, current)
    known = stands and row and row.value == case.wanted
    return Change(
        case.name,
        members_of(case.current),
        tuple(target.values()) or None,  # type: ignore[arg-type]  # one kind per field
        case.wanted,
        remove=remove,
        was_locked=case.is_locked,
        # We lock only where a member of ours stands.
        lock=bool(claimed)
        or (case.is_locked and locked_before(case.rows) and not anew)
        or _is_a_persons(case, target),
        stands=stands,
        locked=case.is_locked
        and ours.lock_is_ours
        and bool(target.keys() & desired.keys()),
        shown=row.shown if row and known else None,
        anew=anew,
        taken=ours.taken,
    )


def _dropped(case: Case, no_longer_wanted: set[str], current: Members) -> set[str]:
    """Name the members that go: ours that are wanted no more, and no other source's."""
    if case.wanted is None and case.record.identified and not case.record.mirror:
        # An explicit clear empties the field; a mirrored list only takes back its own.
        no_longer_wanted = no_longer_wanted | current.keys()
    return no_longer_wanted - _of_others(case.rows, case.record.source)


def _obstacle(
    case: Case, ours: _Ours, current: Members, desired: Members
) -> Kept | None:
    """Return why the list may not be written, or None where it may."""
    maybe_own = ours.maybe_own
    if case.is_released:
        return Kept.RELEASED
    if current and not desired and not case.record.identified and not maybe_own:
        return Kept.UNIDENTIFIED
    if case.is_locked and not ours.lock_is_ours and not is_exactly(current, desired):
        return Kept.LOCKED
    if case.fills_only and current and not maybe_own:
        return Kept.FILLED
    return None


def _renamed(
    case: Case, own: Members, current: Members, desired: Members
) -> dict[str, str | Actor]:
    """Return the members of ours that the source spells anew, as they stand there."""
    if case.name in _KEEPS_SPELLING:
        return {}
    return {
        name: current[name]
        for name, member in desired.items()
        if name in own and name in current and _is_renamed(own, current, name, member)
    }


def _in_shown_form(case: Case) -> Value | None:
    """Return what is wanted as Plex is known to show it."""
    row = case.row
    if row and row.shown is not None and row.value == case.wanted:
        return row.shown
    return case.wanted


def _of_others(rows: Sequence[LedgerRow], source: str) -> set[str]:
    """Name the members that belong to other sources."""
    return {
        name
        for other in rows
        if other.source != source and other.claims
        for name in by_name(other.wants)
    }


def _is_a_persons(case: Case, target: Members) -> bool:
    """Return whether a person has added to the list, which our lock has protected since.

    The lock keeps agents out: whatever came under it is neither theirs nor ours.
    """
    if not case.is_locked or not case.rows or not case.rows[0].before_known:
        return False
    known = set(by_name(case.rows[0].before))
    for row in case.rows:
        for value in (row.value, row.shown, *row.meant):
            known |= by_name(value).keys()
    return bool(target.keys() - known)


def _is_any_of_ours(case: Case, current: Members) -> bool:
    """Return whether a member of ours stands there, or nothing since we emptied the list."""
    if not current:
        return any(row.confirmed and row.value is None for row in case.rows)
    return any(current.keys() & by_name(row.value).keys() for row in case.rows)


def _is_renamed(own: Members, current: Members, name: str, wanted: str | Actor) -> bool:
    """Return whether the source spells a member of ours in other letters than it did."""
    spelled = name_of(wanted)
    return spelled != name_of(own[name]) and spelled != name_of(current[name])


def _member(
    wanted: str | Actor, there: str | Actor | None, own: Members
) -> str | Actor:
    """Give a member as it shall stand there: as Plex spells it, with what is unsaid."""
    if there is None:
        return wanted
    if isinstance(wanted, Actor):
        wanted = replace(wanted, name=name_of(there))
        return _with_what_is_unsaid(wanted, there, own.get(fold(wanted.name)))
    return there


def _with_what_is_unsaid(
    wanted: str | Actor, there: str | Actor, own: str | Actor | None
) -> str | Actor:
    """Keep role and portrait of an actor where the record says nothing of them.

    A role that the source has dropped and we wrote goes.
    """
    if not isinstance(wanted, Actor) or not isinstance(there, Actor):
        return wanted
    role = wanted.role
    if role is None:
        written = own.role if isinstance(own, Actor) else None
        role = "" if written is not None and written == there.role else there.role
    return replace(wanted, role=role, thumb=wanted.thumb or there.thumb)
