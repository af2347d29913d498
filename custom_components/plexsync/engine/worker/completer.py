"""Record what became of the jobs of a turn, all in one transaction."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from sqlite3 import Connection

from ..calls.bulkheads import Bulkheads, group_of
from ..calls.guarded_calls import GuardedCalls
from ..calls.judge import Judge
from ..circuit.circuit import Circuit
from ..database import stats
from ..jobs import queue, skipped, targets
from ..jobs.job import Job
from ..jobs.queue import Snooze
from ..ledger import known_items, ledger, settled, sources_lead
from ..look.common import Common
from ..model.reasons import Reason
from ..plan import approvals, plan_cache
from . import history_entries
from .ending import Ending
from .task import Task, Verdict, open_ones

SOON = 1.0  # seconds that a job waits for which nothing was done


@dataclass(frozen=True, slots=True)
class _Ended:
    """When a turn ended: by the queue's clock, by the wall's; and how its jobs did."""

    now: float
    wall: float
    counts: Counter[str] = field(default_factory=Counter)  # as the statistics have them
    good: list[bool] = field(default_factory=list)  # of each job that is over

    def count(self, db: Connection, seconds: float) -> None:
        """Add it to the statistics; ``seconds`` is what each job took."""
        for name, number in self.counts.items():
            stats.count(db, name, number)
        stats.note_ended(db, self.good, seconds)
        if "synced" in self.counts:
            stats.keep(db, "last_sync", repr(self.wall))


class Completer:
    """End turns, and remember from one to the next which job each doubt is about."""

    def __init__(self, common: Common, judge: Judge, circuit: Circuit) -> None:
        """Take the judge, who settles the doubts, and the circuit, which says how long to rest."""
        self._common = common
        self._judge = judge
        self._circuit = circuit
        self._doubted: dict[str, int] = {}  # subject → id of the job

    async def end_turn(
        self, tasks: Sequence[Task], calls: GuardedCalls, began: float
    ) -> list[Ending]:
        """Give open tasks their verdict, and record what becomes of their jobs.

        ``began`` is the monotonic time at which the turn did.
        """
        self._snooze_the_rest(tasks, calls)
        charged = self._take_charged(tasks)
        clock, bulkheads = self._common.clock, self._common.bulkheads
        jobs = _by_job(tasks)
        seconds = (clock.monotonic() - began) / max(1, len(jobs))
        now, wall = clock.steady(), clock.wall()
        for task in tasks:
            if task.blocked and not bulkheads.is_shut(task.blocked):
                task.blocked, task.delay = None, SOON  # it works again by now
        next_tries = _next_tries(bulkheads, now, clock.monotonic())
        history = self._common.history
        waited_for = set[str]()

        def record(db: Connection) -> tuple[list[Ending], set[tuple[str, str]]]:
            endings = [Ending(mine, targets.earlier(db, mine[0].job)) for mine in jobs]
            ended = _Ended(now, wall)
            for ending in endings:
                _record(db, ending, ended)
            history.note(db, history_entries.written(tasks), wall)
            ended.count(db, seconds)
            queue.charge(db, charged)
            for kind, due in next_tries.items():
                queue.choose_next(db, kind, due)
            waited_for.update(queue.waited_for(db))
            sources_lead.end_if_over(db)
            _follow_plans(db, endings, now)
            return endings, {each for task in tasks for each in _next_sources(db, task)}

        endings, next_sources = await self._common.database.run(record)
        for kind in next_tries.keys() - waited_for:
            if group_of(kind) == "address":
                bulkheads.worked(kind)  # no record names it any more
        if not any(task.is_left_undone for task in tasks):
            calls.completed()
        self._common.next_sources.ask(next_sources)
        history.prune_soon()
        return endings

    def _snooze_the_rest(self, tasks: Sequence[Task], calls: GuardedCalls) -> None:
        """Put off what the turn did not get to, until the server has had its rest."""
        wait, refused = self._circuit.wait() or 0.0, calls.refused
        # That the server is away is seen from the circuit; that it asked for a pause
        # is seen from this reason alone.
        reason = refused.reason if refused and refused.throttled else None
        for task in open_ones(tasks):
            task.snooze(reason, max(SOON, wait))
            if task.slowed:
                # What made the server ask for a pause comes after the others, alone.
                retry = self._common.retry.transient
                own = retry.delay(task.job.snoozes, self._common.random)
                task.solo, task.delay = True, max(task.delay, wait + own)

    def _take_charged(self, tasks: Sequence[Task]) -> set[int]:
        """Name the jobs whose fault of an earlier turn has proven to be their own."""
        for task in tasks:
            if task.doubt is not None:
                self._doubted[task.doubt] = task.job.id
        return {
            self._doubted.pop(subject)
            for subject in self._judge.take_proven()
            if subject in self._doubted
        }


def _next_tries(bulkheads: Bulkheads, now: float, monotonic: float) -> dict[str, float]:
    """Return when each kind of call that fails is tried next, by the queue's clock.

    For every one of them a job must be chosen that tries it: the one that was
    chosen may be gone, or may need it no more.
    """
    return {
        kind: now + bulkheads.until(kind, monotonic) for kind in bulkheads.failing()
    }


def _by_job(tasks: Sequence[Task]) -> list[list[Task]]:
    jobs: dict[int, list[Task]] = {}
    for task in tasks:
        jobs.setdefault(task.job.id, []).append(task)
    return list(jobs.values())


def _record(db: Connection, ending: Ending, ended: _Ended) -> None:
    for task in ending.tasks:
        _keep_ledger(db, task, ended.wall)
    match ending.verdict:
        case Verdict.FAILED:
            _record_failed(db, ending, ended)
        case Verdict.SNOOZED:
            _record_snoozed(db, ending, ended.now)
        case Verdict.SKIPPED:
            reason = ending.main.reason or Reason.NO_FILE
            ending.superseded = not queue.skip(db, ending.job, reason, ended.now)
        case _:
            _record_done(db, ending, ended)


def _keep_ledger(db: Connection, task: Task, wall: float) -> None:
    """Note what is known to stand there, and what of it is ours."""
    record, lookup, plan = task.job.record, task.lookup, task.plan
    if lookup.item is None:
        return
    arrived = [each for each in plan.changes if each.field in task.confirmed]
    waiting = plan.waiting(record)
    others = plan.adopted or plan.let_go or waiting or lookup.leads_once
    if not arrived and not (task.is_done and others):
        return
    source, key, known = record.source, record.key, lookup.ledger
    number = lookup.number or known_items.find_or_add(db, lookup.item, key)
    lookup.number = number
    ledger.confirm(db, number, source, known, arrived, wall, task.shown)
    if task.is_done:
        ledger.adopt(db, number, source, key, known, plan.adopted, wall)
        ledger.let_go(db, number, source, plan.let_go)
        ledger.wait(db, number, source, key, waiting, wall)
    if lookup.leads_once:
        names: Iterable[str] = task.confirmed
        if task.is_done:
            # What an action says of other fields is compared when it comes.
            names = (sources_lead.WHOLE,) if record.mirror else record.fields
        sources_lead.compared(db, number, source, names)


def _next_sources(db: Connection, task: Task) -> list[tuple[str, str]]:
    """Name the records that may lead what this task's source gave up."""
    led_no_more = task.plan.led_no_more
    if task.lookup.item is None or not task.is_done or not led_no_more:
        return []
    source = task.job.record.source
    return ledger.who_waits(db, task.lookup.number, source, led_no_more)


def _follow_plans(db: Connection, endings: Iterable[Ending], now: float) -> None:
    """Let the plan that is shown for review forget what is done, and show what changed.

    Where an approval ended while its turn went on, nobody waits for another one.
    """
    for ending in endings:
        whose = ending.job.record.source, ending.job.record.key
        if ending.verdict.is_done:
            plan_cache.drop(db, *whose)
        if any(task.reason == Reason.PLAN_CHANGED for task in ending.tasks):
            left = [task.lookup for task in ending.tasks if not task.is_done]
            plan_cache.keep(db, left[0], of=left)
        if ending.main.approval is None or ending.verdict is Verdict.SNOOZED:
            continue
        if approvals.find(db, *whose) is None:
            skipped.take_up(db, whose[0], Reason.PLAN_CHANGED, now, whose[1])
        approvals.drop(db, *whose)


def _record_failed(db: Connection, ending: Ending, ended: _Ended) -> None:
    main = ending.main
    ending.superseded = not queue.fail(
        db,
        ending.job,
        main.reason or Reason.UNKNOWN,
        ended.now,
        main.lookup.candidates,
        kept=ending.refused,
        passing=main.passing,
    )
    targets.remember(db, ending.job, ending.items)
    if not ending.superseded:
        ended.counts["failed"] += 1
        ended.good.append(False)


def _record_snoozed(db: Connection, ending: Ending, now: float) -> None:
    main = ending.main
    attempt = any(task.attempt for task in ending.tasks)
    why = Snooze(
        now + main.delay,
        main.reason,
        main.lookup.candidates,
        attempt=attempt,
        missed=main.missed and not attempt,
        solo=ending.solo,
        blocked=main.blocked,
    )
    queue.snooze(db, ending.job, why, now)
    targets.remember(db, ending.job, ending.items)


def _record_done(db: Connection, ending: Ending, ended: _Ended) -> None:
    written = ending.verdict is Verdict.WRITTEN
    rating_key = ending.main.lookup.rating_key
    kept = ending.outcome.kept
    is_news = written or not _says_the_same(db, ending.job)
    ending.superseded = not queue.settle(db, ending.job, rating_key, ended.now, kept)
    if is_news:
        ended.counts["synced" if written else "unchanged"] += 1
    ended.good.append(True)


def _says_the_same(db: Connection, job: Job) -> bool:
    """Return whether a source only repeats what is in line, perhaps with other pictures.

    Sources do that unasked, soon after a first sync for example. If nothing had to be
    written for it, it is not counted as a record that was unchanged.
    """
    return job.record.mirror and settled.same_but_pictures(db, job.record) is not None
