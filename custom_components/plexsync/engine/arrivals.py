"""What follows when items come into Plex: the jobs that lack them are tried again.

A job that waits for its item is woken by any news. One that has failed for want of it,
or was skipped, is tried once the item that came has its file, or was one with an item
that has: Plex may have split it. And a source is asked for its records of these files,
for Plex may have made an item anew that was in line.
"""

from collections.abc import Iterable, Sequence
import contextlib
from dataclasses import replace
import re
from sqlite3 import Connection
from unicodedata import normalize

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
from .model.record import Record, find_from_json

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
        whole = [
            replace(item, paths=(*item.paths, *sorted(parts.beside(db, item))))
            for item in items
        ]
        parts.recognise(db, *items)
        ids = {job for item in whole for job in self._lacking(db, item)}
        failed_rows.try_again(db, list(ids), self._common.clock.steady())
        own = [path for item in items for path in item.paths]
        return tuple(
            dict.fromkeys([*own, *(path for each in whole for path in each.paths)])
        )

    def _lacking(self, db: Connection, item: Item) -> Iterable[int]:
        """Return the jobs that failed, or were skipped, for want of an item's files.

        Part of a file's name narrows the search; the server knows all spellings of a path.
        """
        for part in {_plain_part(path) for path in item.paths}:
            for job, find in db.execute(
                "SELECT id, find FROM job WHERE failed > 0 AND reason IN (?, ?, ?)"
                " AND instr(lower(find), ?) > 0",
                (*_LACKING, part),
            ):
                if self._common.server.confirms(find_from_json(find), item):
                    yield job


def _plain_part(path: str) -> str:
    """Return the longest part of a file's name that is the same in all spellings of its path.

    That is what SQLite makes lower case and JSON writes as it is.
    """
    last = re.split(r"[\\/]", normalize("NFC", path))[-1]
    return max(re.findall(r"[ !#-~]+", last), key=len, default="").lower()
