"""Texts, dates and ratings: one value, and whose it is."""

from dataclasses import replace

from ..ledger.row import LedgerRow, locked_before
from ..model.change import Change, Kept
from ..model.compare import is_form, same
from ..model.record import Value
from .case import Case


def plan_value(case: Case) -> Change | Kept | None:
    """Compute what becomes of one value."""
    row, wanted = case.row, case.wanted
    standing = [row for row in case.rows if _stands(case, row)]
    lock_is_ours = any(_explains(case, each) for each in standing)
    taken = case.leads_once and case.is_locked and not lock_is_ours
    lock_is_ours = lock_is_ours or taken
    # What the ledger knows as ours, and is another value by now, may be cleared, too.
    mine = row in standing or (taken and row is not None and row.claims)
    anew = case.is_sure and not standing and not case.is_locked
    change = Change(
        case.name,
        case.current,
        wanted,
        wanted,
        was_locked=case.is_locked,
        # We lock only where a value of ours stands.
        lock=wanted is not None
        or (case.is_locked and locked_before(case.rows) and not anew),
        anew=anew,
        taken=taken,
    )
    obstacle = _obstacle(case, mine=mine, lock_is_ours=lock_is_ours)
    meant = row.meant if row else ()
    shown = _shown_form(case, meant)
    if shown is None and not same(case.spec, case.current, wanted):
        if obstacle is None and wanted is None and _is_anothers_too(case):
            return Kept.OTHER_SOURCE
        return obstacle or change
    if wanted is None and not meant:
        return None  # an empty field is nobody's
    if shown is not None or all(same(case.spec, each, wanted) for each in meant):
        locked = case.is_locked and lock_is_ours
        return replace(change, stands=True, locked=locked, shown=shown)
    # Another write of ours may still arrive. To write what stands there takes nothing
    # from anybody; where we may not, the ledger goes on knowing of that write.
    return obstacle if obstacle in (Kept.IDENTITY, Kept.RELEASED) else change


def _obstacle(case: Case, *, mine: bool, lock_is_ours: bool) -> Kept | None:
    """Return why the field may not be written, or None where it may."""
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
    if wanted is not None and case.is_anothers:
        return Kept.OTHER_SOURCE
    if case.fills_only and case.current is not None and not mine:
        return Kept.FILLED
    return None


def _stands(case: Case, row: LedgerRow) -> bool:
    """Return whether what stands there is what a row stands for."""
    return (row.confirmed and _is_there(case, row.value, row.shown)) or any(
        _may_be(case, row, meant) for meant in row.meant
    )


def _explains(case: Case, row: LedgerRow) -> bool:
    """Return whether a lock on what stands there is ours by this row."""
    if row.confirmed and row.locked and _is_there(case, row.value, row.shown):
        return True
    return any(meant is not None and _may_be(case, row, meant) for meant in row.meant)


def _is_there(case: Case, value: Value | None, shown: Value | None) -> bool:
    return same(case.spec, case.current, value) or (
        shown is not None and case.current == shown
    )


def _may_be(case: Case, row: LedgerRow, meant: Value | None) -> bool:
    """Return whether what stands there is what a write of unknown outcome meant."""
    if same(case.spec, case.current, meant):
        return True
    was = row.value if row.confirmed else row.before
    return case.current not in (was, row.before, row.shown) and is_form(
        case.spec, meant, case.current
    )


def _shown_form(case: Case, meant: tuple[Value | None, ...]) -> Value | None:
    """Return what stands there if it is what is wanted, in Plex's own form."""
    wanted, current = case.wanted, case.current
    if wanted is None or same(case.spec, current, wanted):
        return None
    if any(
        row.confirmed and row.shown == current and same(case.spec, row.value, wanted)
        for row in case.rows
        if row.shown is not None
    ):
        return current
    row = case.row
    if row and meant and all(same(case.spec, each, wanted) for each in meant):
        return current if _may_be(case, row, wanted) else None
    return None


def _is_anothers_too(case: Case) -> bool:
    """Return whether another source wants what stands there as well."""
    return any(
        row.claims
        and row.source != case.record.source
        and _is_there(case, row.wants, row.shown)
        for row in case.rows
    )
