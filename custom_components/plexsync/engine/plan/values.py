"""Texts, dates and ratings: one value, and whose it is."""

from dataclasses import replace

from ..ledger.row import LedgerRow, another_leads, locked_before
from ..model.change import Change, Kept
from ..model.compare import is_form, same, stands
from ..model.fields import SORT_TITLE, Field, Kind
from ..model.record import Value
from .case import Case


def plan_value(case: Case) -> Change | Kept | None:
    """Compute what becomes of one value."""
    row, wanted = case.row, case.wanted
    meant = row.meant if row else ()
    is_there = same(case.spec, case.current, wanted)
    if is_there and wanted is None and not meant:
        return None  # an empty field is nobody's
    standing = [row for row in case.rows if _stands(case, row)]
    lock_is_ours = any(_explains(case, each) for each in standing)
    taken = case.leads_once and case.is_locked and not lock_is_ours
    lock_is_ours = lock_is_ours or taken
    shown = None if is_there else _shown_form(case, meant)
    in_line = shown is not None or (
        is_there and all(same(case.spec, each, wanted) for each in meant)
    )
    if not in_line:
        # What the ledger knows as ours, and is another value by now, may be cleared, too.
        mine = row in standing or (taken and row is not None and row.claims)
        obstacle = find_obstacle(case, mine=mine, lock_is_ours=lock_is_ours)
        # Of what is there another write of ours may still arrive. To write it takes
        # nothing from anybody; where we may not, the ledger goes on knowing of that write.
        if obstacle and (not is_there or obstacle in (Kept.IDENTITY, Kept.RELEASED)):
            return obstacle
    anew = case.is_sure and not standing and not case.is_locked
    return Change(
        case.name,
        case.current,
        wanted,
        wanted,
        was_locked=case.is_locked,
        # We lock only where a value of ours stands.
        lock=wanted is not None
        or (case.is_locked and locked_before(case.rows) and not anew),
        stands=in_line,
        locked=in_line and case.is_locked and lock_is_ours,
        shown=shown,
        year=(case.item.year or 0) if case.spec.kind is Kind.DATE else None,
        anew=anew,
        taken=taken,
    )


def plan_sort_title(case: Case, title: Value | None) -> Change | Kept | None:
    """Compute what becomes of a sort title beside the title that will stand.

    Plex leaves out one that equals the title.
    """
    shown, wanted = case.current, case.wanted
    current = stands(case.item.fields, SORT_TITLE)
    # What is not shown may still be ours, from when the title was the same.
    ours = any(row.value is not None or row.pending for row in case.rows)
    if current == (title if wanted is None else wanted) or (
        shown is None and wanted is None and not ours
    ):
        current = wanted
    result = plan_value(replace(case, current=current))
    if isinstance(result, Change) and not result.stands:
        return replace(result, before=shown)
    return result


def find_obstacle(case: Case, *, mine: bool, lock_is_ours: bool) -> Kept | None:
    """Return why a value or a picture may not be written, or None where it may."""
    wanted, record = case.wanted, case.record
    if case.is_released:
        return Kept.RELEASED
    if case.is_locked and not lock_is_ours:
        return Kept.LOCKED
    if wanted is None and case.spec.identity:
        return Kept.IDENTITY
    if wanted is None and not mine:
        if not record.identified:
            return Kept.UNIDENTIFIED
        if record.mirror:
            return Kept.NOT_OURS
    if wanted is not None and another_leads(case.rows, record.source, case.order):
        return Kept.OTHER_SOURCE
    if case.is_filled and not mine:
        return Kept.OTHER_SOURCE if _is_anothers_too(case) else Kept.FILLED
    if wanted is None and _is_anothers_too(case):
        return Kept.OTHER_SOURCE
    return None


def is_value_of(row: LedgerRow, spec: Field, current: Value | None) -> bool:
    """Return whether what stands there is what a row stands for."""
    return row.confirmed and (
        same(spec, current, row.value) or row.shown == current is not None
    )


def may_be_of(row: LedgerRow, spec: Field, current: Value | None) -> bool:
    """Return whether what stands there is what a write of unknown outcome meant."""
    was = row.value if row.confirmed else row.before
    is_new = current not in (was, row.before, row.shown)
    return any(
        same(spec, current, meant) or (is_new and is_form(spec, meant, current))
        for meant in row.meant
    )


def _stands(case: Case, row: LedgerRow) -> bool:
    """Return whether what stands there was left by a write of a row, or found by it."""
    spec, current = case.spec, case.current
    return is_value_of(row, spec, current) or may_be_of(row, spec, current)


def _explains(case: Case, row: LedgerRow) -> bool:
    """Return whether a lock on what stands there is ours by this row."""
    spec, current = case.spec, case.current
    return (row.locked and is_value_of(row, spec, current)) or (
        current is not None and may_be_of(row, spec, current)
    )


def _shown_form(case: Case, meant: tuple[Value | None, ...]) -> Value | None:
    """Return what stands there if it is what is wanted, in Plex's own form."""
    row, spec, wanted, current = case.row, case.spec, case.wanted, case.current
    if any(
        each.confirmed
        and each.shown == current is not None
        and same(spec, each.value, wanted)
        for each in case.rows
    ):
        return current
    if row and meant and all(same(spec, each, wanted) for each in meant):
        return current if may_be_of(row, spec, current) else None
    return None


def _is_anothers_too(case: Case) -> bool:
    """Return whether another source wants what stands there as well."""
    current = case.current
    return any(
        row.claims
        and row.source != case.record.source
        and (same(case.spec, current, row.wants) or row.shown == current is not None)
        for row in case.rows
    )
