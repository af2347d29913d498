"""What planning one field starts from."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from ..ledger.row import LedgerRow, row_of
from ..model.compare import by_name, has_all
from ..model.fields import Field
from ..model.ports import Item
from ..model.record import Record, Value


@dataclass  # not frozen: that takes longer, and there is one for each field of each plan
class Case:
    """One field of a record, what stands in Plex, and what the ledger says of it."""

    name: str
    spec: Field
    wanted: Value | None
    current: Value | None  # what stands in Plex
    record: Record
    item: Item
    rows: Sequence[LedgerRow]  # those that count
    order: Sequence[str] = ()  # of the sources: the first one leads
    leads_once: bool = False  # now, whatever is locked: see ``sources_lead``

    @property
    def is_locked(self) -> bool:
        """Whether the field is locked."""
        return self.name in self.item.locks

    @cached_property
    def row(self) -> LedgerRow | None:
        """What the ledger says of it for the record's own source."""
        return row_of(self.rows, self.record.source)

    @property
    def is_filled(self) -> bool:
        """Whether it is to be written only where Plex has nothing, and Plex has something."""
        return (
            self.name in self.record.fill_only
            and self.item.fields[self.name] is not None
        )

    @property
    def is_released(self) -> bool:
        """Whether an undo took back just what this record says: else the row would not count."""
        return self.row is not None and self.row.released is not None

    @property
    def is_sure(self) -> bool:
        """Whether the outcome of every write to the field is known."""
        return not any(row.pending for row in self.rows)

    @property
    def is_known(self) -> bool:
        """Whether what is wanted stands there, and the ledger has nothing to learn of it."""
        if self.wanted is None or self.leads_once or len(self.rows) != 1:
            return False
        (row,) = self.rows
        if not row.is_all_of(self.record, locked=self.is_locked):
            return False
        value = self.wanted if row.shown is None else row.shown
        # Of a list it may stand among others' members, in any order.
        return self.current == value or (
            self.spec.is_list and has_all(by_name(self.current), by_name(value))
        )
