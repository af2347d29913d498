"""The loop: wait for work and a permit, claim some jobs, run their turn, begin again.

There are two lanes. One takes many jobs a turn. The other takes one at a time: a job
that is sick, or that tries whether a kind of call works again, keeps nobody waiting.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import nullcontext
import logging
from sqlite3 import Connection

from ..calls.bulkheads import reason_of
from ..calls.guarded_calls import GuardedCalls
from ..calls.judge import Judge
from ..calls.side_calls import SideCalls
from ..circuit.breaker import Permit, State
from ..circuit.circuit import Circuit
from ..circuit.health import Health
from ..database import stats
from ..database.database import StorageError
from ..jobs import leases, queue
from ..jobs.job import Job
from ..look.common import Common
from ..look.look import Look
from ..model.faults import Backoff
from ..model.outcome import Outcome
from ..model.reasons import Reason
from ..model.record import Record
from ..util.unforeseen import tell
from .completer import SOON, Completer
from .fresh import FRESH
from .turn import Turn

_LOGGER = logging.getLogger(__name__)

BATCH = 100  # jobs that share their reads, at most
_STORAGE_WAIT = 30.0  # seconds until a database that failed is tried again
_IDLE = 900.0  # seconds until the queue is looked at again, though nothing happened
_FRUITLESS = Backoff(0.1, 2.0)  # seconds after turns that brought no job further

type Done = Callable[[Job, Outcome], None]
type Missed = Callable[[Sequence[Record]], None]


class Worker:
    """Drive jobs through the circuit."""

    def __init__(
        self,
        common: Common,
        circuit: Circuit,
        health: Health,
        judge: Judge,
        done: Done,
        missed: Missed,
    ) -> None:
        """Take the shared parts.

        ``done`` is told of each outcome, ``missed`` of records whose item is not there yet.
        """
        self._common = common
        self._circuit = circuit
        self._health = health
        self._judge = judge
        self._done = done
        self._missed = missed
        self.progress_at = common.clock.monotonic()  # last time a job came to its end
        self.storage_failed = False
        self._rate = BATCH / FRESH * 2  # jobs per second, as of late
        self._claimed = 0  # jobs so far
        self._completer = Completer(common, judge, circuit)
        self._side_calls = SideCalls(
            common.bulkheads,
            lambda: GuardedCalls(circuit, health, judge),
            circuit.bell,
            common.clock.monotonic,
        )
        self._many = False  # whether the lane that takes many jobs is in a turn
        self._fruitless = {True: 0, False: 0}  # turns in a row, by lane
        self._turns = 0  # under way, with jobs in them

    @property
    def at_work(self) -> bool:
        """Whether a job is being done."""
        return self._turns > 0

    async def run(self) -> None:
        """Work until cancelled."""
        bell = self._circuit.bell
        while True:
            rung = bell.rung
            try:
                # A turn that broke off, or whose verdicts could not be recorded.
                await self._common.database.run(leases.end_all)
                await self._work()
            except StorageError as error:
                if not self.storage_failed:
                    self.storage_failed = True
                    _LOGGER.error("%s: syncing waits: %s", self._circuit.name, error)
                    self._circuit.notify()
                    rung = bell.rung
                await bell.wait(rung, _STORAGE_WAIT)

    async def _work(self) -> None:
        lanes = [asyncio.create_task(self._lane(solo=solo)) for solo in (False, True)]
        try:
            await asyncio.wait(lanes, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for lane in lanes:
                lane.cancel()
            results = await asyncio.gather(*lanes, return_exceptions=True)
            await self._side_calls.stop()
        for result in results:
            if isinstance(result, Exception):
                raise result

    async def _lane(self, *, solo: bool) -> None:
        while True:
            await self._step(solo=solo)
            self._database_works()

    async def _step(self, *, solo: bool) -> None:
        """Do what there is to do once, or wait until there may be something."""
        circuit, database = self._circuit, self._common.database
        rung = circuit.bell.rung
        await self._unblock()
        closed = circuit.breaker.state is State.CLOSED
        if circuit.holds or (solo and not closed):
            self._database_works()
            await circuit.bell.wait(rung, None)
            return
        now = self._common.clock.steady()
        due = await database.run(
            lambda db: queue.next_due(db, solo=solo if closed else None), durable=False
        )
        if due is None or due > now:
            if not closed:
                await circuit.finish_trials()
            self._database_works()
            await circuit.bell.wait(rung, _IDLE if due is None else due - now)
            return
        if solo and circuit.breaker.throttled and await self._others_go_on(now):
            # What made the server ask for a pause would only make it ask again.
            await circuit.bell.wait(rung, _IDLE)
            return
        if circuit.outages.current is not None:
            waiting = await database.run(
                lambda db: queue.count_due(db, now), durable=False
            )
            circuit.outages.touched(jobs=waiting)
        if (permit := circuit.admit()) is None:
            await circuit.bell.wait(rung, circuit.wait())
            return
        if solo:
            await self._turn(permit, solo=True)
            return
        self._many = True
        try:
            await self._turn(permit, solo=False)
        finally:
            self._many = False

    async def _others_go_on(self, now: float) -> bool:
        """Return whether the other lane is at work, or will be after the pause."""
        if self._many:
            return True
        due = await self._common.database.run(
            lambda db: queue.next_due(db, solo=False), durable=False
        )
        return due is not None and due <= now + (self._circuit.wait() or 0.0) + SOON

    async def _unblock(self) -> None:
        """Wake what waited for a kind of call that works again."""
        bulkheads, now = self._common.bulkheads, self._common.clock.steady()
        if not (reopened := bulkheads.take_reopened()):
            return

        def unblock(db: Connection) -> None:
            for kind in reopened:
                queue.unblock(db, kind, reason_of(kind), now)

        try:
            await self._common.database.run(unblock, durable=False)
        except StorageError:
            bulkheads.give_back(reopened)
            raise
        self._circuit.notify()

    def _database_works(self) -> None:
        """Tell once that a failure is over: a job was done, or none is to be done."""
        if self.storage_failed:
            self.storage_failed = False
            _LOGGER.info("%s: the database works again", self._circuit.name)
            self._circuit.notify()

    async def _turn(self, permit: Permit, *, solo: bool) -> None:
        clock, circuit = self._common.clock, self._circuit
        calls = GuardedCalls(circuit, self._health, self._judge, permit)
        jobs: list[Job] = []
        turn: Turn | None = None
        started = clock.monotonic()
        try:
            jobs = await self._claim(permit, solo=solo)
            if jobs:
                self._turns += 1
                # Kinds of call that fail are tried beside the other jobs, or while
                # these wait anyway. Who goes alone needs no place among them.
                side_calls = None if permit.trial else self._side_calls
                tries = solo or permit.trial
                look = Look(self._common, calls, side_calls, tries=tries)
                place = nullcontext if solo else circuit.pace.place
                turn = Turn(self._common, look, self._completer, place, jobs)
                await turn.run()
        except StorageError:
            raise
        except Exception as error:  # noqa: BLE001  # costs these jobs, nobody else
            tell(error)
            await self._set_apart(jobs, clock.monotonic() - started)
            turn = None
        finally:
            self._turns -= bool(jobs)
            await calls.finish()
        if turn is not None:
            self._take_note(turn, clock.monotonic() - started, solo=solo)
        await self._rest(turn, solo=solo)

    async def _claim(self, permit: Permit, *, solo: bool) -> list[Job]:
        now, before = self._common.clock.steady(), self._claimed
        # Reads age: no more jobs than can be written while the read is fresh.
        fresh = max(3, min(BATCH, int(self._rate * FRESH / 2)))
        jobs = await self._common.database.run(
            # A lease that a power cut undoes was never needed.
            lambda db: (
                queue.claim_trial(db, now)
                if permit.trial
                else queue.claim(db, 1 if solo else fresh, now, before, solo=solo)
            ),
            durable=False,
        )
        self._claimed += len(jobs)
        return jobs

    def _take_note(self, turn: Turn, seconds: float, *, solo: bool) -> None:
        outcomes = turn.outcomes()
        if turn.ended:
            self.progress_at = self._common.clock.monotonic()
        written = sum(outcome.status == "written" for _, outcome in outcomes)
        if written and not solo:
            rate = len(outcomes) / max(seconds, 0.001)
            self._rate = (self._rate + rate) / 2
        for job, outcome in outcomes:
            self._done(job, outcome)
        if missing := turn.missing():
            self._missed(missing)
        self._circuit.bell.ring()  # the other lane may have work now

    async def _set_apart(self, jobs: list[Job], seconds: float) -> None:
        """Put jobs into the second lane after a bug of ours; a single one pays an attempt."""
        now, retry = self._common.clock.steady(), self._common.retry
        if len(jobs) != 1:
            await self._common.database.run(lambda db: queue.make_solo(db, jobs, now))
            self._circuit.bell.ring()
            return
        (job,) = jobs
        if job.attempts + 1 >= retry.attempts:

            def fail(db: Connection) -> bool:
                failed = queue.fail(db, job, Reason.UNFORESEEN, now)
                stats.count(db, "failed", failed)
                stats.note_ended(db, [False] * failed, seconds)
                return failed

            if await self._common.database.run(fail):
                self._done(job, Outcome("failed", Reason.UNFORESEEN))
            return
        wait = retry.transient.delay(job.attempts, self._common.random)
        why = queue.Snooze(now + wait, Reason.UNFORESEEN, attempt=True, solo=True)
        await self._common.database.run(lambda db: queue.snooze(db, job, why, now))

    async def _rest(self, turn: Turn | None, *, solo: bool) -> None:
        """Wait after turns that brought no job any further, each time for longer."""
        if turn is None or not turn.is_fruitless:
            self._fruitless[solo] = 0
            return
        wait = _FRUITLESS.whole(self._fruitless[solo])
        self._fruitless[solo] += 1
        await asyncio.sleep(wait)
