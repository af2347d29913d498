"""Sort titles: Plex leaves out one that equals the title."""

from dataclasses import replace

from ..model.change import Change, Kept
from ..model.compare import stands
from ..model.fields import SORT_TITLE
from ..model.record import Value
from .case import Case
from .values import plan_value


def plan_sort_title(case: Case, title: Value | None) -> Change | Kept | None:
    """Compute what becomes of a sort title beside the title that will stand."""
    shown, wanted, item, record = case.current, case.wanted, case.item, case.record
    current = stands(item.fields, SORT_TITLE)
    # What is not shown may still be ours, from when the title was the same.
    ours = any(row.value is not None or row.pending for row in case.rows)
    if current == (title if wanted is None else wanted) or (
        shown is None and wanted is None and not ours
    ):
        current = wanted
    if shown is None:
        record = replace(record, fill_only=record.fill_only - {SORT_TITLE})
    view = replace(item, fields={**item.fields, SORT_TITLE: current})
    result = plan_value(replace(case, item=view, record=record))
    if not isinstance(result, Change) or result.stands:
        return result
    return replace(result, before=shown)
