"""The sweep: one run at a time that compares records with Plex."""

import asyncio
from collections.abc import AsyncIterable, Callable, Iterable, Mapping, Sequence
from sqlite3 import Connection

from ..calls.admission import Admission
from ..circuit.circuit import Circuit
from ..jobs import skipped
from ..ledger import sources_lead
from ..look.common import Common
from ..model.events import Changed, ReconcileFinished, Tell
from ..model.holds import Hold
from ..model.record import Record
from ..plan import plan_cache
from . import last_sweep
from .last_sweep import LastSweep
from .reconcile import Reconcile


class Sweep:
    """Run comparisons one after another, and tell how far the current one is."""

    def __init__(
        self,
        common: Common,
        circuit: Circuit,
        admission: Admission,
        tell: Tell,
    ) -> None:
        """Take the shared parts, the admission of calls, and the listener to tell of the end."""
        self._common = common
        self._circuit = circuit
        self._admission = admission
        self._tell = tell
        self._one_run = asyncio.Lock()
        self._run: Reconcile | None = None
        # When all records of a source were compared last, since the start, by wall time.
        self.compared: dict[str, float] = {}

    @property
    def progress(self) -> float | None:
        """How far the run is, in percent; None while none is under way."""
        return None if self._run is None else self._run.progress

    @property
    def held(self) -> Hold | None:
        """What keeps the run from looking at Plex."""
        return None if self._run is None else self._run.held

    async def run(
        self,
        records: AsyncIterable[Sequence[Record]],
        *,
        enqueue: bool = True,
        everything: bool = False,
        total: int | None = None,
        left_out: Callable[[], int] = lambda: 0,
        passed_over: Callable[[], Mapping[str, int]] = dict,
        read_whole: Callable[[], Iterable[str]] = tuple,
    ) -> dict[str, int]:
        """Compare records with Plex; return counts by kind (see ``Reconcile``).

        A second run waits for the first. With ``everything`` the records are all those
        of all sources: what came into Plex unheard is looked for as well, and the end of
        the run is remembered. At the end ``left_out`` says how many sources could not be
        read, ``passed_over`` counts by reason what the sources have that makes no record,
        and ``read_whole`` names the sources that gave all their records. Raises what
        reading the records does.
        """
        async with self._one_run:
            began, since = self._common.clock.monotonic(), self._common.clock.wall()
            due = self._common.clock.steady()

            def begin(db: Connection) -> tuple[bool, int]:
                if enqueue:
                    skipped.take_up_of_actions(db, due)
                return sources_lead.is_to_compare(db), plan_cache.next_run(db)

            lead_once, number = await self._common.database.run(begin)
            self._run = Reconcile(
                self._common,
                self._circuit,
                self._admission,
                number=number,
                enqueue=enqueue,
                total=total,
                catches_up=everything,
                insists=lead_once,
            )
            self._tell(Changed())
            try:
                found = await self._run.run(records)
                found.update({f"skipped:{why}": n for why, n in passed_over().items()})
                counts = dict(found)
                whole, away = tuple(read_whole()), left_out()
                now = self._common.clock.wall()

                def end(db: Connection) -> None:
                    plan_cache.end_run(db, number, whole)
                    if everything:
                        last_sweep.finish(db, since, now, whole=not away)
                        if lead_once and not away:
                            sources_lead.all_compared(db)

                await self._common.database.run(end)
                lacking = self._not_looked_at(self._run.passed_over)
                self.compared |= dict.fromkeys(set(whole) - lacking, now)
            finally:
                self._run = None
                self._tell(Changed())
        duration = round(self._common.clock.monotonic() - began, 1)
        scope = "all" if everything else "recent" if enqueue else "plan"
        self._tell(ReconcileFinished(counts, duration, away, scope))
        return counts

    def _not_looked_at(self, passed_over: Iterable[str]) -> set[str]:
        """Name the sources whose held jobs no run has looked at, so that the plan lacks them."""
        is_held = self._common.is_held
        held = {each for each in passed_over if self._circuit.holds or is_held(each)}
        return held - self.compared.keys()

    async def last(self) -> LastSweep:
        """Return the last run over all sources that came to its end. Raises StorageError."""
        now = self._common.clock.wall()
        return await self._common.database.run(lambda db: last_sweep.look_up(db, now))
