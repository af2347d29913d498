"""What follows when items come into Plex: the jobs that lack them are tried again.

A job that waits for its item is woken by any news. One that has failed for want of it,
or was skipped, is tried once the item that came has its file, or was one with an item
that has: Plex may have split it. And a source is asked for its records of these files,
for Plex may have made an item anew that was in line.
"""

from collections.abc import Iterable, Sequence
import contextlib
import json
from sqlite3 import Connection

from .calls.admission import Admission
from .calls.judge import About, Purpose
from .circuit.circuit import Circuit
from .jobs import failed_rows, intake, queue
from .jobs.job import Priority
from .ledger import parts
from .look.common import Common
from .model.faults import Fault
from .model.holds import READING
from .model.ports import Item
from .model.reasons import Reason
from .model.record import Record

_LACKING = (Reason.NOT_FOUND, Reason.OUTSIDE_LIBRARIES, Reason.SHARED_ITEM)
MOST = 100  # items of one report that are read; a sweep finds the others


class Arrivals:
    """Follow up on items that came into Plex."""

    def __init__(self, common: Common, circuit: Circuit, admission: Admission) -> None:
        """Take the shared parts, the circuit and the admission of calls."""
        self._common = common
        self._circuit = circuit
        self._admission = admission

    async def came(self, rating_keys: Sequence[str]) -> tuple[str, ...]:
        """Wake whatever may be about items that came; return the paths of their files.

        Behind them come those of the files that were in one item with them. Where items
        cannot be read now there are none. Raises StorageError.
        """
        now = self._common.clock.steady()
        await self._common.database.run(
            lambda db: queue.wake(db, now, Reason.NOT_FOUND),
            durable=False,
            then=self._circuit.notify,
        )
        items = await self._read(rating_keys[:MOST])
        if not items:
            return ()
        return await self._common.database.run(
            lambda db: self._take_up(db, items), then=self._circuit.notify
        )

    async def compare(self, records: Iterable[Record]) -> None:
        """Have records compared with Plex, even where they were in line."""
        now = self._common.clock.steady()
        news = list(records)

        def work(db: Connection) -> None:
            for record in news:
                intake.compare_anew(db, record, Priority.BULK, now)

        if news:
            await self._common.database.run(work, then=self._circuit.notify)

    async def _read(self, keys: Sequence[str]) -> list[Item]:
        """Read items in one request, and remember where they are.

        One item may spoil the answer for all: it is not worth looking for, a sweep
        finds what this misses.
        """
        if not keys:
            return []
        with contextlib.suppress(Fault):
            async with self._admission.calls(READING) as calls:
                items = await calls.make(
                    lambda: self._common.server.read(keys), About(Purpose.READ)
                )
                await self._common.server.learn(found := list(items.values()))
                return found
        return []

    def _take_up(self, db: Connection, items: Sequence[Item]) -> tuple[str, ...]:
        """Try the jobs again that failed, or were skipped, for want of the items' files."""
        paths = [path for item in items for path in item.paths]
        for item in items:
            paths += sorted(parts.beside(db, item))
        parts.recognise(db, *items)
        paths = list(dict.fromkeys(paths))
        ids = [
            row[0]
            for path in paths
            for row in db.execute(
                "SELECT id FROM job WHERE failed > 0 AND reason IN (?, ?, ?)"
                " AND instr(find, ?) > 0",
                (*_LACKING, json.dumps(path)),
            )
        ]
        failed_rows.try_again(db, ids, self._common.clock.steady())
        return tuple(paths)
