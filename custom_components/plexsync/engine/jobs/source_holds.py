"""Holds of one source: its jobs are kept, and nothing of it is written.

A hold is on disk, and so is the mark that each job of the source carries: whoever looks
for work passes by an index that has none of them. ``SourceHold.AWAY`` is none of these:
it is seen, not set, and marks no job.
"""

from collections.abc import Callable, Mapping
import json
from sqlite3 import Connection
from types import MappingProxyType
from typing import Final

from ..circuit.circuit import Circuit
from ..database.database import Database
from ..model.events import SourceHoldChanged, Tell
from ..model.holds import SourceHold
from ..model.reasons import Reason
from ..plan import approvals
from ..util.clock import Clock
from . import blocked, skipped

type Shown = Mapping[str, int]
type Holds = Mapping[SourceHold, Shown | None]

_NONE: Final[Holds] = MappingProxyType({})


class SourceHolds:
    """Set and lift the holds of sources, and know them without asking the disk."""

    def __init__(
        self, database: Database, circuit: Circuit, clock: Clock, tell: Tell
    ) -> None:
        """Take the database, the circuit to wake, and the listener to tell."""
        self._database = database
        self._circuit = circuit
        self._clock = clock
        self._tell = tell
        self.all: Mapping[str, Holds] = {}  # by source

    def of(self, source: str) -> Holds:
        """Return what holds a source, and the numbers that its owner is asked about.

        Where these are None the question is not ready yet.
        """
        return self.all.get(source, _NONE)

    def is_held(self, source: str) -> bool:
        """Return whether the jobs of a source wait for their owner."""
        return bool(self.of(source))

    async def load(self) -> None:
        """Load the holds from disk. Raises StorageError."""
        self._follow(await self._database.run(_read, durable=False))

    async def hold(
        self, source: str, hold: SourceHold, shown: Shown | None = None
    ) -> None:
        """Hold a source, and keep the numbers of the question. Raises StorageError.

        What its owner has approved goes on, unless it is the plan that is asked about
        anew: then it is another one.
        """

        def work(db: Connection) -> None:
            if hold is SourceHold.FIRST_PLAN:
                approvals.forget_source(db, source)
            row = source, hold, None if shown is None else json.dumps(shown)
            db.execute("INSERT OR REPLACE INTO source_hold VALUES (?, ?, ?)", row)
            mark_held(db, source, self._clock.steady(), held=True)
            approvals.go_on(db, source)

        await self._change(work)

    async def ask(self, source: str, hold: SourceHold, shown: Shown) -> None:
        """Keep the numbers of the question, if it still stands. Raises StorageError."""
        sql = "UPDATE source_hold SET shown = ? WHERE source = ? AND hold = ?"
        row = json.dumps(shown), source, hold
        await self._change(lambda db: db.execute(sql, row))

    async def lift(self, source: str, hold: SourceHold) -> None:
        """Let a source go on, unless something else holds it. Raises StorageError."""
        if hold not in self.of(source):
            return

        def work(db: Connection) -> None:
            sql = "DELETE FROM source_hold WHERE source = ? AND hold = ?"
            db.execute(sql, (source, hold))
            if source not in _read(db):
                now = self._clock.steady()
                approvals.forget_source(db, source)
                skipped.take_up(db, source, Reason.PLAN_CHANGED, now)
                mark_held(db, source, now, held=False)

        await self._change(work)

    async def _change(self, work: Callable[[Connection], object]) -> None:
        news: dict[str, Holds] = {}

        def change(db: Connection) -> None:
            work(db)
            news.update(_read(db))

        await self._database.run(change, then=lambda: self._follow(news))

    def _follow(self, news: Mapping[str, Holds]) -> None:
        before, self.all = self.all, news
        for source in sorted(before.keys() | news.keys()):
            was, now = before.get(source, _NONE), news.get(source, _NONE)
            for hold in SourceHold:
                if (hold in was) is not (hold in now):
                    self._tell(SourceHoldChanged(source, hold, hold in now))
        self._circuit.notify()


def _read(db: Connection) -> Mapping[str, Holds]:
    """Return what holds each source."""
    found: dict[str, dict[SourceHold, Shown | None]] = {}
    rows = db.execute("SELECT source, hold, shown FROM source_hold")
    for source, hold, shown in rows:
        numbers = None if shown is None else json.loads(shown)
        found.setdefault(source, {})[SourceHold(hold)] = numbers
    return found


def forget_source(db: Connection, source: str) -> None:
    """Forget what held a source that is removed."""
    db.execute("DELETE FROM source_hold WHERE source = ?", (source,))


def mark_held(db: Connection, source: str, now: float, *, held: bool) -> None:
    """Take all jobs of a source out of what is worked on, or put them back.

    Those in flight end as they do. Where one was to try a kind of call that fails,
    another one does.
    """
    db.execute(
        f"UPDATE job SET held = {held:d}, solo = iif(blocked IS NULL, solo, 0)"
        f" WHERE source = ? AND held = {not held:d}",
        (source,),
    )
    for kind in blocked.waited_for(db):
        blocked.choose_next(db, kind, now)
