"""Compare a whole source with Plex, count what differs, enqueue the gaps."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterable, Iterable, Sequence
from sqlite3 import Connection

from . import ledger, queue
from .batch import Tools
from .circuit import READING, Circuit
from .contact import CircuitRefusedError, Contact
from .plan import Ledger, make_plan
from .ports import Item, Match
from .queue import Priority
from .record import Find, Record
from .retry import Fault, FaultClass
from .whole import match_all

CHUNK = 100
_PATIENCE = 5.0  # seconds between looks at a circuit that refuses


class ReconcileRunningError(Exception):
    """There is one run at a time, and one is under way."""

    def __init__(self) -> None:
        """Say so."""
        super().__init__("a run is under way")


class Reconcile:
    """One run over the records of some sources.

    Counts by kind: in_line, differs, missing, ambiguous, outside_libraries,
    pending (a job is at it already) and failed (a failed job stands for it).
    With ``enqueue`` every record that differs becomes a job, and those that have
    one already are not compared.
    """

    def __init__(
        self, tools: Tools, circuit: Circuit, *, enqueue: bool, total: int | None
    ) -> None:
        """Take how many records there will be, if that is known."""
        self._t = tools
        self._circuit = circuit
        self._enqueue = enqueue
        self._total = total
        self._done = 0
        self.counts: Counter[str] = Counter()

    @property
    def progress(self) -> float:
        """How far it is, in percent."""
        if not self._total:
            return 0.0
        return min(100.0, 100 * self._done / self._total)

    async def run(self, records: AsyncIterable[Sequence[Record]]) -> Counter[str]:
        """Compare all records; give the counts. Raises the source's Fault."""
        async for some in records:
            for start in range(0, len(some), CHUNK):
                await self._chunk(some[start : start + CHUNK])
        return self.counts

    async def _chunk(self, records: Sequence[Record]) -> None:
        self._done += len(records)
        self._circuit.notify()
        fresh, finds = await self._unhandled(records)
        while fresh:
            try:
                await self._compare(fresh, finds)
            except CircuitRefusedError:
                await asyncio.sleep(_PATIENCE)
            except Fault as fault:
                if fault.kind is FaultClass.SOURCE:
                    raise
                await asyncio.sleep(_PATIENCE)
            else:
                return

    async def _unhandled(
        self, records: Sequence[Record]
    ) -> tuple[list[Record], list[Find]]:
        """Leave out what a job stands for already, unless this run only counts."""

        def look_up(db: Connection) -> tuple[list[Record], list[Find], Counter[str]]:
            fresh, finds, counts = list[Record](), list[Find](), Counter[str]()
            for record in records:
                job = queue.find_job(db, record.source, record.key)
                if job is not None and self._enqueue:
                    counts["failed" if job.state == "failed" else "pending"] += 1
                    continue
                pin = ledger.pinned(db, record.source, record.key)
                fresh.append(record)
                finds.append(Find(rating_key=pin) if pin else record.find)
            return fresh, finds, counts

        fresh, finds, counts = await self._t.database.run(look_up, durable=False)
        self.counts += counts
        return fresh, finds

    async def _compare(self, records: Sequence[Record], finds: Sequence[Find]) -> None:
        contact = Contact(self._circuit, self._t.server, None, READING)
        try:
            matches = await contact.call(lambda: match_all(self._t.server, finds))
            keys = list(dict.fromkeys(m.rating_key for m in matches if m.rating_key))
            items = (
                await contact.call(lambda: self._t.server.read(keys)) if keys else {}
            )
        finally:
            await contact.finish()
        counts: Counter[str] = Counter()
        differing: list[Record] = []
        ledgers = await self._ledgers(items.values())
        for record, match in zip(records, matches, strict=True):
            kind = self._kind(record, match, items, ledgers)
            counts[kind] += 1
            if kind == "differs":
                differing.append(record)
            await asyncio.sleep(0)
        if differing and self._enqueue:
            now = self._t.clock.steady()

            def enqueue(db: Connection) -> None:
                for record in differing:
                    queue.forget_settled(db, record.source, record.key)
                    queue.enqueue(db, record, Priority.BULK, now)

            await self._t.database.run(enqueue)
            self._circuit.notify()
        self.counts += counts

    async def _ledgers(self, items: Iterable[Item]) -> dict[str, Ledger]:
        read = list(items)
        return await self._t.database.run(
            lambda db: {item.rating_key: ledger.rows(db, item) for item in read},
            durable=False,
        )

    def _kind(
        self,
        record: Record,
        match: Match,
        items: dict[str, Item],
        ledgers: dict[str, Ledger],
    ) -> str:
        if match.rating_key is None:
            return (
                "missing" if match.reason == "not_found" else match.reason or "missing"
            )
        if (item := items.get(match.rating_key)) is None:
            return "missing"
        plan = make_plan(
            record,
            item,
            ledgers[item.rating_key],
            fill_only=self._t.fill_only(record.source),
        )
        return "differs" if plan.changes else "in_line"
