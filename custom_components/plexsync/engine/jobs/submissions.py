"""Records come in as jobs, and go with their source."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from sqlite3 import Connection

from ..circuit.circuit import Circuit
from ..database import stats
from ..database.database import Database
from ..ledger import ledger_sources, left_alone, settled
from ..model.events import Changed, Tell
from ..model.record import Record
from ..plan import approvals
from ..util.clock import Clock
from . import gone_records, intake, queue, source_holds
from .intake import Accepted
from .job import Priority

_IDENTITY = "identity:"  # begins the notes that tell what each source is


@dataclass(frozen=True, slots=True)
class Receipt:
    """What submitting one record did; it is on disk.

    ``kept`` are the fields of an equal record that were left alone, and why.
    """

    accepted: Accepted
    job: int | None
    kept: Mapping[str, str] = field(default_factory=dict)


def _say_what_is_kept(
    db: Connection, records: Sequence[Record], receipts: Sequence[Receipt]
) -> list[Receipt]:
    """Count records that say nothing new, and name what was left alone of each.

    This is for those who asked. What a source says again of its own accord, because its
    looks overlap, or after a restart, is no news of the item: it counts as nothing.
    """
    same = sum(receipt.accepted is Accepted.UNCHANGED for receipt in receipts)
    if same:
        stats.count(db, "unchanged", same)
    return [
        replace(receipt, kept=settled.kept_of(db, record.source, record.key))
        if receipt.accepted is Accepted.UNCHANGED
        else receipt
        for record, receipt in zip(records, receipts, strict=True)
    ]


class Submissions:
    """Put what sources say on disk."""

    def __init__(
        self, database: Database, circuit: Circuit, clock: Clock, tell: Tell
    ) -> None:
        """Take where jobs are, and the bell for whoever works on them."""
        self._database = database
        self._circuit = circuit
        self._clock = clock
        self._tell = tell

    async def submit(
        self,
        records: Iterable[Record],
        priority: Priority,
        cursor: tuple[str, str] | None,
        withheld: Sequence[str],
    ) -> list[Receipt]:
        """Accept records, and where their source was read up to, in one transaction.

        What waits of records that are withheld goes: their source does not want it.
        """
        accepted = list(records)

        def work(db: Connection) -> list[Receipt]:
            now = self._clock.steady()
            receipts = [
                Receipt(*intake.enqueue(db, record, priority, now))
                for record in accepted
            ]
            if cursor is None:
                receipts = _say_what_is_kept(db, accepted, receipts)
            else:
                queue.withhold(db, cursor[0], withheld, now)
                stats.keep(db, f"cursor:{cursor[0]}", cursor[1])
            return receipts

        receipts = await self._database.run(work, if_left=self._circuit.notify)
        if any(receipt.job is not None for receipt in receipts):
            self._circuit.notify()
        elif receipts:
            self._tell(Changed())
        return receipts

    async def recognise(self, source: str, identity: str) -> None:
        """Let a source that was removed, and added again, go on with what it wrote.

        ``identity`` tells what it is, whatever its name: a digest of its address.
        """
        mine = f"{_IDENTITY}{source}"

        def work(db: Connection) -> None:
            there = {*ledger_sources.in_order(db)} - {source}
            for name in sorted(stats.named(db, _IDENTITY, identity)):
                if (removed := name.removeprefix(_IDENTITY)) not in there:
                    ledger_sources.take_back(db, removed, source)
                    left_alone.follow(db, removed, source)
                    stats.keep(db, name, None)
            stats.keep(db, mine, identity)

        await self._database.run(work)

    async def remove_source(self, source: str) -> int:
        """Discard a source's jobs and release its ownership; return how many jobs."""

        def work(db: Connection) -> int:
            ledger_sources.remove(db, source)
            gone_records.forget_source(db, source)
            source_holds.forget_source(db, source)
            approvals.forget_source(db, source)
            for mark in ("cursor", "planned", "settings", "retry"):
                stats.keep(db, f"{mark}:{source}", None)
            return queue.discard_source(db, source, self._clock.steady())

        number = await self._database.run(work, if_left=self._circuit.notify)
        self._circuit.notify()
        return number
