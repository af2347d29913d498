"""Posters and backgrounds: the picture that is selected, and whose it is.

Plex gives no digest here, only its own mark of the selected picture: it changes when
somebody or something chooses another one.
"""

from collections.abc import Mapping

from ..ledger.row import LedgerRow
from ..model.change import Change, Kept
from ..model.ports import Item
from ..model.record import Value
from .case import Case
from .values import find_obstacle


def plan_picture(case: Case, images: Mapping[str, str]) -> Change | Kept | None:
    """Compute what becomes of one picture; ``images`` are the digests at hand."""
    digest, row, mark = images.get(case.name), case.row, case.current
    if case.wanted is None:  # a picture is never cleared; a mirror does not ask for it
        return None if case.record.mirror or mark is None else Kept.IDENTITY
    if digest is None:
        return None  # known to be the same picture
    shown = [each for each in case.rows if is_picture_of(each, case.item)]
    if row in shown and row.value == digest and not row.pending:
        stands, taken = True, False
        if row.shown is not None or mark is None:
            return None
    else:
        stands, ours = False, any(_explains(each, case.item) for each in case.rows)
        taken = case.leads_once and case.is_locked and not ours
        mine = row is not None and (row.pending or (row.claims and row in shown))
        if obstacle := find_obstacle(case, mine=mine, lock_is_ours=ours or taken):
            return obstacle
    return Change(
        case.name,
        mark,
        digest,
        digest,
        was_locked=case.is_locked,
        stands=stands,
        locked=True,
        shown=mark if stands else None,  # its mark is learnt
        anew=case.is_sure and not case.is_locked and not shown,
        taken=taken,
    )


def is_picture_of(row: LedgerRow, item: Item) -> bool:
    """Return whether the picture of a row is still the one that is selected.

    Plex's mark holds the item's rating key: where that is another one by now, the time
    stamp tells, and the lock, which an item that was made anew has lost.
    """
    mark = item.fields[row.field]
    if row.shown is None or row.shown == mark:
        return True
    return row.field in item.locks and _stamp(row.shown) == _stamp(mark)


def _stamp(mark: Value | None) -> str | None:
    return mark.rpartition("/")[2] if isinstance(mark, str) else None


def _explains(row: LedgerRow, item: Item) -> bool:
    """Return whether the lock on a picture is ours by this row."""
    lost = item.fields[row.field] is None
    return row.pending or (row.locked and (lost or is_picture_of(row, item)))
