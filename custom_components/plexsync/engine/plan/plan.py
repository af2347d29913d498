"""Record + item + ledger → plan: exactly what would be written, and why not the rest.

Nothing is written that would change nothing: a plan without changes sends no edit.
"""

from collections.abc import Collection, Container, Mapping, Sequence
from dataclasses import dataclass, field, replace

from ..ledger.row import Ledger, LedgerRow, row_of
from ..model.change import Change, Kept
from ..model.fields import FIELDS, SORT_TITLE, Kind
from ..model.ports import FieldEdit, Item
from ..model.record import Record, Value
from .case import Case
from .lists import plan_list
from .pictures import plan_picture
from .values import plan_sort_title, plan_value


@dataclass(frozen=True, slots=True)
class Plan:
    """The exact difference between record, item and ledger."""

    changes: tuple[Change, ...] = ()
    adopted: tuple[Change, ...] = ()  # there already: owned from now on, not written
    kept: Mapping[str, Kept] = field(default_factory=dict)
    # What its source wants no more, though it may have to stay: others may lead it now.
    let_go: tuple[str, ...] = ()

    def waiting(self, record: Record) -> list[str]:
        """Name the fields that another source leads, while the record has values, too."""
        return [
            name
            for name, reason in self.kept.items()
            if reason is Kept.OTHER_SOURCE and record.fields[name] is not None
        ]

    @property
    def led_no_more(self) -> list[str]:
        """Name the fields that the record's source leads no more, once this is done."""
        return [*self.let_go, *(e.field for e in self.changes if e.own is None)]

    def edits(self) -> list[FieldEdit]:
        """Return the field edits that apply this plan."""
        return [change.edit() for change in self.changes if not change.is_picture]

    def without(self, fields: Container[str]) -> Plan:
        """Return what is left where some fields are not to be had."""
        return replace(
            self,
            changes=tuple(each for each in self.changes if each.field not in fields),
            adopted=tuple(each for each in self.adopted if each.field not in fields),
        )


def make_plan(
    record: Record,
    item: Item,
    ledger: Ledger,
    *,
    images: Mapping[str, str] | None = None,
    order: Sequence[str] = (),
    leads_once: Container[str] = (),
    left_alone: Container[str] = (),
) -> Plan:
    """Compute what bringing the item into line would write.

    ``images`` maps each image field whose bytes are at hand to their digest;
    other image fields of the record count as unchanged. ``order`` names the sources:
    a value follows the first one that has one. In the fields that ``leads_once`` names a lock
    counts as ours. Those in ``left_alone`` stay as they are.
    """
    changes: list[Change] = []
    adopted: list[Change] = []
    kept: dict[str, Kept] = {}
    title = item.fields.get("title")  # as it will be
    for name, spec in FIELDS.items():  # the title first: a sort title depends on it
        if name not in record.fields:
            continue
        if name not in item.fields:
            kept[name] = Kept.UNSUPPORTED
            continue
        wanted, current = record.fields[name], item.fields[name]
        if wanted is None and current is None and name not in ledger:
            continue  # an empty field is nobody's
        value = (images or {}).get(name) if spec.kind is Kind.IMAGE else wanted
        rows = _rows_that_count(record, value, ledger.get(name, ()))
        leads = name in leads_once
        case = Case(name, spec, wanted, current, record, item, rows, order, leads)
        if case.is_known:
            continue
        if spec.kind is Kind.IMAGE:
            result = plan_picture(case, images or {})
        elif spec.is_list:
            result = plan_list(case)
        elif name == SORT_TITLE:
            result = plan_sort_title(case, title)
        else:
            result = plan_value(case)
        if name in left_alone and isinstance(result, Change):
            result = Kept.LEFT_ALONE
        if name == "title" and isinstance(result, Change):
            title = result.after
        match result:
            case Kept():
                kept[name] = result
            case Change(stands=True):
                adopted.append(result)
            case Change():
                changes.append(result)
    let_go = _unclaimed(record, ledger, {each.field for each in (*changes, *adopted)})
    return Plan(tuple(changes), tuple(adopted), kept, let_go)


def _rows_that_count(
    record: Record, value: Value | None, rows: Sequence[LedgerRow]
) -> list[LedgerRow]:
    """Leave out the rows that an undo released.

    Only a record that still says the value that was undone sees them: it must not write
    it again.
    """
    return [
        row
        for row in rows
        if row.released is None
        or (row.source == record.source and row.is_undone(record, value))
    ]


def _unclaimed(
    record: Record, ledger: Ledger, changed: Collection[str]
) -> tuple[str, ...]:
    """Name the fields that the record's source wrote once and now wants no value in.

    Where what it wrote was undone, it may say the same again later. A field that this plan
    changes is not among them: the change says the same.
    """
    names = {name for name, wanted in record.fields.items() if wanted is None}
    if record.mirror:
        names |= ledger.keys() - record.fields.keys()
    return tuple(
        name
        for name in sorted(names - set(changed))
        if (row := row_of(ledger.get(name, ()), record.source))
        and (row.claims or (row.has_undone_value and not row.is_undone(record, None)))
    )
