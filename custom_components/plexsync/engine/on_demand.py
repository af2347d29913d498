"""What an owner asks for by hand, and waits for: preview, titles and pin."""

import asyncio
from collections.abc import Mapping, Sequence
import contextlib
from dataclasses import dataclass
from sqlite3 import Connection

from .calls.admission import Admission
from .circuit.circuit import Circuit
from .jobs import failed_rows, job, jobs_view
from .ledger import pins, settled
from .look.common import Common
from .look.look import Look, lookup_of
from .model.faults import Fault
from .model.holds import READING
from .model.ports import Item
from .model.record import Find, Record
from .plan import approvals, plan_cache
from .plan.lookup_result import LookupResult, every
from .plan.plan import Plan

_PATIENCE = 2.0  # seconds that somebody waits for titles


@dataclass(frozen=True, slots=True)
class Preview:
    """What would be written to each item of one record; ``reason`` where there is none.

    An item that cannot be looked at now has its reason in place of a plan. ``unseen``
    are the pictures that were not fetched so far: a write compares them.
    """

    plans: Mapping[str, Plan | str]  # by rating key
    reason: str | None = None
    candidates: tuple[str, ...] = ()
    unseen: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Glimpse:
    """An item that would change: its title in Plex, and the names of the fields."""

    title: str
    fields: tuple[str, ...]


async def look_afresh(
    common: Common, admission: Admission, records: Sequence[Record]
) -> list[LookupResult]:
    """Compute the plans of some records as they are now. Raises Fault, StorageError."""
    lookups = await common.database.run(
        lambda db: [lookup_of(db, each) for each in records], durable=False
    )
    async with admission.calls(READING) as calls:
        look = Look(common, calls)
        await look.find(lookups)
        await look.plan(every(lookups))
    return lookups


class OnDemand:
    """Do at once what is asked for, past the queue."""

    def __init__(self, common: Common, circuit: Circuit, admission: Admission) -> None:
        """Take the shared parts, the circuit and the admission of calls."""
        self._common = common
        self._circuit = circuit
        self._admission = admission

    async def preview(self, record: Record) -> Preview:
        """Compute the plan for one record and write nothing. Raises Fault."""
        (lookup,) = await look_afresh(self._common, self._admission, [record])
        first = lookup.targets[0]
        if not any(each.item for each in lookup.targets):
            if first.fault is not None:
                raise first.fault
            return Preview({}, first.reason, first.candidates)
        return Preview(
            {
                each.rating_key: each.reason or each.plan
                for each in lookup.targets
                if each.rating_key is not None
            },
            unseen=tuple(plan_cache.unseen(lookup)),
        )

    async def glimpse(self, source: str, looks: int) -> list[Glimpse]:
        """Look at some records of a source that is held; return what would change.

        They are taken from all over, so many at most. Nothing is written. Raises Fault.
        """

        def look_up(db: Connection) -> list[Record]:
            waiting = db.execute(
                "SELECT id FROM job WHERE source = ? AND held = 1 AND failed = 0",
                (source,),
            ).fetchall()
            step = max(1, len(waiting) // looks)
            ids = [row[0] for row in waiting[::step][:looks]]
            return [each.record for each in job.load(db, ids)]

        records = await self._common.database.run(look_up, durable=False)
        lookups = await look_afresh(self._common, self._admission, records)
        return [
            Glimpse(
                str(target.item.fields.get("title") or ""),
                tuple(change.field for change in target.plan.changes),
            )
            for lookup in lookups
            for target in lookup.targets
            if target.item is not None and target.plan.changes
        ]

    async def pin(self, source: str, key: str, rating_key: str | None) -> None:
        """Tie a record to one item, or untie it; its job, if there is one, tries it."""
        keys = () if rating_key is None else (rating_key,)
        item = next(iter((await self._read(keys)).values()), None)
        now = self._common.clock.steady()

        def work(db: Connection) -> None:
            tied = pins.find(db, source, key)
            if (tied and tied.rating_key) != rating_key:
                settled.compare_again(db, source, key)
                approvals.drop(db, source, key)  # it was shown for another item
            if rating_key is None:
                pins.untie(db, source, key)
            else:
                pins.tie(db, source, key, rating_key, item)
            if info := jobs_view.find_job(db, source, key):
                if item is not None:
                    (mine,) = job.load(db, [info.id])
                    way = Find(rating_key=rating_key)
                    pins.confirm(db, mine.record, way, item, self._common.server)
                failed_rows.try_again(db, [info.id], now)

        await self._common.database.run(work, then=self._circuit.notify)

    async def titles(self, rating_keys: Sequence[str]) -> dict[str, str]:
        """Return the titles that items have in Plex, as far as it says so at once."""
        items = await self._read(rating_keys, _PATIENCE)
        return {key: str(item.fields.get("title") or "") for key, item in items.items()}

    async def _read(
        self, rating_keys: Sequence[str], seconds: float | None = None
    ) -> Mapping[str, Item]:
        """Read items within some seconds; none where Plex cannot be asked now."""
        if not rating_keys:
            return {}
        with contextlib.suppress(Fault, TimeoutError):
            async with (
                asyncio.timeout(seconds),
                self._admission.calls(READING) as calls,
            ):
                look = Look(self._common, calls)
                return await look.read(dict.fromkeys(rating_keys, ""))
        return {}
