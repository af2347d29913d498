"""What an owner asks for by hand, and waits for: preview and pin."""

from dataclasses import dataclass
from sqlite3 import Connection

from . import failed, jobs_view, ledger, settled
from .admission import Admission
from .circuit import Circuit
from .failed import Choice
from .holds import READING
from .look import Look
from .pictures import known_digests
from .plan import Plan
from .record import Find, Record
from .sight import Sight
from .tools import Tools


@dataclass(frozen=True, slots=True)
class Preview:
    """The plan for one record; ``reason`` where there is none."""

    rating_key: str | None
    plan: Plan
    reason: str | None = None
    candidates: tuple[str, ...] = ()


class ByHand:
    """Do at once what is asked for, past the queue."""

    def __init__(self, tools: Tools, circuit: Circuit, admission: Admission) -> None:
        """Take what to look with, and who lets us in."""
        self._t = tools
        self._circuit = circuit
        self._admission = admission

    async def preview(self, record: Record) -> Preview:
        """Compute the plan for one record and write nothing. Raises Fault."""
        sight = Sight(record.find, record)

        def look_up(db: Connection) -> None:
            if pin := ledger.pinned(db, record.source, record.key):
                sight.find = Find(rating_key=pin)
            sight.images = known_digests(db, record)

        await self._t.database.run(look_up, durable=False)
        async with self._admission.contact(READING) as contact:
            look = Look(self._t, contact)
            await look.find([sight])
            if sight.item is not None:
                await look.plan([sight])
        if sight.fault is not None:
            raise sight.fault
        if sight.item is None:
            return Preview(None, Plan(), sight.reason, sight.candidates)
        return Preview(sight.item.rating_key, sight.plan)

    async def pin(self, source: str, key: str, rating_key: str | None) -> None:
        """Tie a record to one item, or untie it."""

        def work(db: Connection) -> None:
            ledger.pin(db, source, key, rating_key)
            settled.forget(db, source, key)
            if info := jobs_view.find_job(db, source, key):
                failed.retry(db, Choice(ids=[info.id]), self._t.clock.steady())

        await self._t.database.run(work)
        self._circuit.notify()
