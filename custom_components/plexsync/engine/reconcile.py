"""Compare a whole source with Plex, count what differs, enqueue the gaps."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from sqlite3 import Connection

from . import ledger, queue
from .batch import Tools
from .breaker import State
from .circuit import READING, Circuit
from .contact import CircuitRefusedError, Contact
from .plan import Ledger, make_plan
from .ports import Item, Items, Match
from .queue import Priority
from .record import Find, Record
from .retry import Fault, FaultClass
from .together import ahead

CHUNK = 100
_PAGES = 2  # of a source, read ahead
_CHUNKS = 1  # read from Plex ahead of the one that is compared
_PATIENCE = 5.0  # seconds between looks at a circuit that refuses
_TRIES = 3  # of a chunk that fails although the circuit lets it through
_GIVE_WAY = 0.2  # seconds between looks at jobs that somebody waits for
_LONGEST = 50  # of these looks, before each chunk
_BREATH = 5  # plans made in a row
_OF_ALL = {FaultClass.SERVER, FaultClass.AUTH, FaultClass.WRONG_SERVER}


@dataclass(frozen=True, slots=True)
class _Part:
    """Some records, what to find them by, and what Plex has of them."""

    records: Sequence[Record]
    finds: Sequence[Find]
    matches: Sequence[Match] = ()
    items: Items | None = None  # None where it could not be told

    def halves(self) -> tuple[_Part, _Part]:
        """Cut it in two."""
        middle = len(self.records) // 2
        return (
            _Part(self.records[:middle], self.finds[:middle]),
            _Part(self.records[middle:], self.finds[middle:]),
        )


class Reconcile:
    """One run over the records of some sources.

    Counts by kind: in_line, differs, missing, ambiguous, outside_libraries,
    pending (a job is at it already) and failed (a failed job stands for it, or its
    item cannot be read at the moment). With ``enqueue`` every record that differs
    becomes a job, and those that have one already are not compared.

    While Plex is away the run waits where it is. The source is read ahead of Plex, and
    Plex ahead of the comparing; jobs that somebody waits for go first.
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
        """Compare all records; give the counts. Raises what reading the records does."""
        async for part in ahead(self._read_all(ahead(records, _PAGES)), _CHUNKS):
            if part.items is None:
                self.counts["failed"] += len(part.records)
            else:
                await self._compare(part, part.items)
            self._done += len(part.records)
            self._circuit.notify()
        return self.counts

    async def _read_all(
        self, records: AsyncIterable[Sequence[Record]]
    ) -> AsyncIterator[_Part]:
        """Give all records with what Plex has of them, some at a time."""
        async for some in records:
            for start in range(0, len(some), CHUNK):
                chunk = some[start : start + CHUNK]
                part = await self._unhandled(chunk)
                self._done += len(chunk) - len(part.records)
                waiting = [part] if part.records else []
                while waiting:
                    part = waiting.pop(0)
                    await self._give_way()
                    read = await self._read(part)
                    if read.items is None and len(part.records) > 1:
                        # One of them spoils the answer, or it is too much at once.
                        waiting[:0] = part.halves()
                        continue
                    yield read

    async def _unhandled(self, records: Sequence[Record]) -> _Part:
        """Leave out what a job stands for already, unless this run only counts."""

        def look_up(db: Connection) -> tuple[_Part, Counter[str]]:
            fresh, finds, counts = list[Record](), list[Find](), Counter[str]()
            for record in records:
                job = queue.find_job(db, record.source, record.key)
                if job is not None and self._enqueue:
                    counts["failed" if job.state == "failed" else "pending"] += 1
                    continue
                pin = ledger.pinned(db, record.source, record.key)
                fresh.append(record)
                finds.append(Find(rating_key=pin) if pin else record.find)
            return _Part(fresh, finds), counts

        part, counts = await self._t.database.run(look_up, durable=False)
        self.counts += counts
        return part

    async def _give_way(self) -> None:
        """Let jobs that somebody waits for go first, while they can go."""
        for _ in range(_LONGEST):
            if self._circuit.holds or self._circuit.breaker.state is not State.CLOSED:
                return
            due = partial(
                queue.is_due,
                priority=Priority.INTERACTIVE,
                now=self._t.clock.steady(),
            )
            if not await self._t.database.run(due, durable=False):
                return
            await asyncio.sleep(_GIVE_WAY)

    async def _read(self, part: _Part) -> _Part:
        """Match and read some records; wait for as long as Plex is away.

        What fails each time that the circuit lets it through is given without items.
        """
        tries = 0
        while True:
            try:
                matches, items = await self._ask(part.finds)
            except CircuitRefusedError:
                pass  # that is the server's, and it passes
            except Fault as fault:
                tries += 1
                if fault.kind not in _OF_ALL or tries >= _TRIES:
                    return part
            else:
                return _Part(part.records, part.finds, matches, items)
            await asyncio.sleep(_PATIENCE)

    async def _ask(self, finds: Sequence[Find]) -> tuple[list[Match], Items]:
        """Ask Plex once: the only calls to it. Raises CircuitRefusedError or Fault."""
        server = self._t.server
        contact = Contact(self._circuit, server, None, READING)
        try:
            matches = await contact.call(lambda: server.match(finds))
            keys = list(dict.fromkeys(m.rating_key for m in matches if m.rating_key))
            if not keys:
                return matches, Items()
            return matches, await contact.call(lambda: server.read(keys))
        finally:
            await contact.finish()

    async def _compare(self, part: _Part, items: Items) -> None:
        counts: Counter[str] = Counter()
        differing: list[Record] = []
        ledgers = await self._ledgers(items.values())
        for number, (record, match) in enumerate(
            zip(part.records, part.matches, strict=True)
        ):
            kind = self._kind(record, match, items, ledgers)
            counts[kind] += 1
            if kind == "differs":
                differing.append(record)
            if number % _BREATH == _BREATH - 1:
                await asyncio.sleep(0)
        if differing and self._enqueue:
            now = self._t.clock.steady()

            def enqueue(db: Connection) -> None:
                for record in differing:
                    queue.forget_settled(db, record.source, record.key)
                    queue.enqueue(db, record, Priority.BULK, now)

            await self._t.database.run(enqueue)
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
        items: Items,
        ledgers: dict[str, Ledger],
    ) -> str:
        if match.rating_key is None:
            return (
                "missing" if match.reason == "not_found" else match.reason or "missing"
            )
        if match.rating_key in items.faults:
            return "failed"
        if (item := items.get(match.rating_key)) is None:
            return "missing"
        plan = make_plan(
            record,
            item,
            ledgers[item.rating_key],
            fill_only=self._t.fill_only(record.source),
        )
        return "differs" if plan.changes else "in_line"
