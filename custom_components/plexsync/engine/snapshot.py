"""Everything that is shown, at one moment."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from .circuit import outages
from .circuit.breaker import State
from .circuit.circuit import Circuit
from .circuit.outages import Availability
from .database import stats
from .jobs import jobs_view, queue, skipped
from .jobs.source_holds import Holds, SourceHolds
from .look.common import Common
from .model.holds import REFUSED, Hold
from .sweep import last_sweep
from .sweep.sweep import Sweep
from .worker.worker import Worker


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What every entity reads.

    Times are seconds since the epoch, durations seconds, rates percent; ``oldest`` alone
    is by ``Clock.steady``, like all times of jobs, and ``show.py`` makes an age of it. Mean
    times and availability are as of their last news (``OutageLog.news``).
    """

    circuit: State
    holds: frozenset[Hold]
    source_holds: Mapping[str, Holds]
    reachable: bool | None
    at_work: bool  # there is a job that may be done now, or is being done
    pending: int
    failed: int
    skipped: Mapping[str, int]  # records with nothing to write to, by reason
    failed_for: float  # seconds that a job has been left failed at most
    oldest: float | None  # when the oldest pending job came in
    stalled: float  # since the worker last finished a job, while there is work due
    statistics: stats.Statistics
    next_probe: float | None
    outages: int
    last_outage: float | None
    turned: float | None  # when the circuit last opened or closed for good
    mttr: float | None
    mtbf: float | None
    availability: Availability
    save_failed: bool
    storage_failed: bool
    failing: Mapping[str, float] = field(default_factory=dict)  # kinds of call, since
    reconcile: float | None = None  # progress in percent while one runs
    last_sweep: float | None = None  # the end of the last one that read every source
    sources: Mapping[str, bool | None] = field(default_factory=dict)
    unreadable: Mapping[str, int] = field(default_factory=dict)  # records, by source
    out_of_sync: bool = False

    @property
    def plex_answers(self) -> bool | None:
        """Whether Plex answers as the server that was set up; None: nobody knows."""
        return False if self.holds & REFUSED else self.reachable

    def follow(self, circuit: Circuit) -> Snapshot:
        """Return the same moment with the circuit as it is now."""
        return replace(
            self,
            circuit=circuit.breaker.state,
            turned=circuit.outages.turned,
            next_probe=circuit.next_probe(),
            reachable=circuit.reachable,
        )


async def take_snapshot(
    common: Common,
    circuit: Circuit,
    worker: Worker,
    sweep: Sweep,
    source_holds: SourceHolds,
) -> Snapshot:
    """Describe the moment. Raises StorageError."""
    counts, failed, statistics, due, passed, last = await common.database.run(
        lambda db: (
            jobs_view.counts(db),
            jobs_view.failed_since(db),
            stats.read(db),
            queue.next_due(db),
            skipped.counts(db),
            last_sweep.recall(db),
        ),
        durable=False,
    )
    wall, now, log = common.clock.wall(), common.clock.steady(), circuit.outages
    return Snapshot(
        circuit=circuit.breaker.state,
        holds=frozenset(circuit.holds),
        source_holds=source_holds.all,
        reachable=circuit.reachable,
        at_work=worker.at_work or (due is not None and due <= now),
        pending=counts.pending,
        failed=counts.failed,
        skipped=passed,
        failed_for=0.0 if failed is None else max(0.0, now - failed),
        oldest=counts.oldest,
        stalled=_stalled(common, worker, due),
        statistics=statistics,
        next_probe=circuit.next_probe(),
        outages=log.count,
        last_outage=log.outages[-1].start if log.outages else None,
        turned=log.turned,
        mttr=log.mttr(wall),
        mtbf=log.mtbf(log.news(wall)),
        availability=log.availability(log.news(wall), 30 * outages.DAY),
        save_failed=bool(circuit.saves.failed),
        storage_failed=worker.storage_failed,
        failing=common.bulkheads.failing(),
        reconcile=sweep.progress,
        last_sweep=None if last is None else last.whole,
    )


def _stalled(common: Common, worker: Worker, due: float | None) -> float:
    """Say for how long the worker has had work and finished none of it."""
    if due is None:
        return 0.0
    idle = common.clock.monotonic() - worker.progress_at
    return max(0.0, min(idle, common.clock.steady() - due))
