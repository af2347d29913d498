"""One turn of the worker: some jobs → look → write → verify → one transaction.

Reads are shared by all jobs of the turn; each gets its own verdict: done, failed,
or snoozed to a later time. What is about to be written is noted in the ledger
first, so that a kill between write and verdict loses neither ownership nor what
stood there before.
"""

from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass, field, replace
from enum import StrEnum
from sqlite3 import Connection

from . import ledger, pictures, queue, stats
from .aside import Aside
from .bulkheads import reason_of
from .contact import CircuitRefusedError, Contact
from .fields import FIELDS, Kind
from .judge import About, Judge, Purpose
from .look import Look, Sight, Tools
from .pace import MOST, Pace
from .plan import Change, Plan, same_value
from .ports import CHANGING, Item
from .queue import Job, Snooze
from .record import Actor, Find, Outcome
from .retry import Fault, FaultClass
from .together import together
from .unforeseen import tell

FRESH = 10.0  # seconds that a read may be old when the write leaves
REFRESHES = 3  # new reads of an item that others keep changing, before its job waits
SHORTLY = 0.05  # seconds that a job waits which its turn had no room for
SOON = 1.0  # seconds that a job waits which nothing was done for
BLOCKED = 3600.0  # seconds that one waits for a kind of call, unless it is woken


class Verdict(StrEnum):
    """What becomes of a job at the end of its turn."""

    WRITTEN = "written"
    UNCHANGED = "unchanged"
    SNOOZED = "snoozed"
    FAILED = "failed"


@dataclass(slots=True)
class Task:
    """One job on its way through the turn."""

    job: Job
    sight: Sight
    pictures: pictures.Pictures = field(default_factory=pictures.Pictures)
    settled_key: str | None = None  # all but its pictures is in line already
    verdict: Verdict | None = None
    reason: str | None = None
    delay: float = 0.0
    attempt: bool = False
    missed: bool = False
    solo: bool = False
    blocked: str | None = None  # the kind of call that it waits for
    passing: bool = False  # what failed may be over by itself
    doubt: str | None = None  # whom its fault is about, where that is not proven
    confirmed: tuple[str, ...] = ()  # fields that a read-back has shown
    wrote: bool = False
    slowed: bool = False  # its own call was asked to wait
    superseded: bool = False  # a newer record came in meanwhile: the job goes on
    kept: dict[str, str] = field(default_factory=dict)  # what was not taken, and why

    @property
    def plan(self) -> Plan:
        """What is to be written."""
        return self.sight.plan

    @property
    def item(self) -> Item:
        """The item, which was found."""
        assert self.sight.item is not None
        return self.sight.item

    def end(self, verdict: Verdict, reason: str | None = None) -> None:
        """Give the verdict."""
        self.verdict, self.reason = verdict, reason

    def refuse(self, fields: Mapping[str, str]) -> None:
        """Go on without what Plex does not take."""
        self.kept |= fields
        self.sight.plan = self.plan.without(fields)

    def end_refused(self) -> None:
        """Fail of the fields that Plex does not take; all others are done."""
        self.passing = "error_500" in self.kept.values()
        self.end(Verdict.FAILED, next(iter(self.kept.values())))

    def snooze(self, reason: str | None, delay: float) -> None:
        """Put it off without counting anything."""
        self.delay = delay
        self.end(Verdict.SNOOZED, reason)


class Turn:
    """Run some claimed jobs to their verdicts."""

    def __init__(
        self,
        tools: Tools,
        contact: Contact,
        judge: Judge,
        pace: Pace,
        aside: Aside | None,
        jobs: Sequence[Job],
        *,
        solo: bool = False,
    ) -> None:
        """Take the jobs as claimed; with ``aside`` no call that takes long is waited for."""
        self._t = tools
        self._contact = contact
        self._judge = judge
        self._pace = pace
        self._solo = solo
        # Beside the others, or while they wait, it is tried what fails otherwise.
        self._look = Look(tools, contact, aside, tries=solo or aside is None)
        self._mine: set[str] = set()  # items in hand
        self.tasks = [Task(job, Sight(job.record.find, job.record)) for job in jobs]
        self._started = tools.clock.monotonic()

    async def run(self, doubted: dict[str, int], wait: Callable[[], float]) -> None:
        """Bring the jobs to their verdicts and record them.

        ``doubted`` keeps, over turns, which job each doubt is about; ``wait`` gives
        the seconds for which the server asked for a pause.
        """
        try:
            try:
                await self._prepare()
                await self._fetch_pictures()
                await self._find()
                await self._plan()
                await self._write()
                await self._verify()
            except CircuitRefusedError:
                pass
            except Fault as fault:
                if self._contact.refused is None:
                    raise AssertionError(f"{fault} has no one's scope") from fault
            await self._settle(doubted, wait())
        finally:
            self._t.in_hand.difference_update(self._mine)

    def _open(self) -> list[Task]:
        return [task for task in self.tasks if task.verdict is None]

    # -- before Plex is asked ----------------------------------------------------

    async def _prepare(self) -> None:
        def look_up(db: Connection) -> None:
            for task in self.tasks:
                record = task.job.record
                if key := ledger.pinned(db, record.source, record.key):
                    task.sight.find = Find(rating_key=key)
                task.settled_key = queue.same_but_pictures(db, task.job)

        await self._t.database.run(look_up, durable=False)

    async def _fetch_pictures(self) -> None:
        jobs = [task.job for task in self.tasks if pictures.wanted(task.job.record)]
        if not jobs:
            return
        found = await pictures.fetch_all(self._t, jobs)
        for task in self.tasks:
            if task.job.id not in found:
                continue
            task.pictures = mine = found[task.job.id]
            task.sight.images = mine.digests
            if mine.later:
                task.snooze(None, SHORTLY)
            elif mine.fault is not None:
                if task.job.blocked == mine.fault.kept_from is not None:
                    self._put_off(task, mine.fault)  # it still waits for that alone
            elif task.settled_key and not mine.changed:
                # A record that only says "perhaps another picture", and has none, is
                # done without a request to Plex.
                task.sight.rating_key = task.settled_key
                task.end(Verdict.UNCHANGED)

    # -- find and plan -------------------------------------------------------------

    async def _find(self) -> None:
        tasks = self._open()
        try:
            await self._look.find([task.sight for task in tasks])
        finally:
            for task in tasks:
                task.slowed = task.sight.slowed
        for task in tasks:
            sight = task.sight
            if sight.fault is not None:
                self._put_off(task, sight.fault, About(Purpose.READ, sight.rating_key))
            elif not sight.is_open:
                self._not_found(task)
            elif sight.rating_key in self._t.in_hand:
                task.snooze(None, SOON)  # one writer at a time: its turn comes next
            else:
                assert sight.rating_key is not None
                self._mine.add(sight.rating_key)
                self._t.in_hand.add(sight.rating_key)

    def _not_found(self, task: Task) -> None:
        reason = task.sight.reason or "not_found"
        if reason != "not_found":
            task.end(Verdict.FAILED, reason)
            return
        job, now = task.job, self._t.clock.steady()
        since = now if job.missed_since is None else job.missed_since
        if now - since >= self._t.retry.missing_for:
            task.end(Verdict.FAILED, reason)
            return
        task.missed = True
        task.snooze(reason, self._t.retry.missing.delay(job.misses, self._t.random))

    async def _plan(self) -> None:
        tasks = self._open()
        await self._look.plan([task.sight for task in tasks])
        for task in tasks:
            if resumed := _resumed(task):
                self._contact.saw_write()
            if not task.plan.changes and not self._still_waits(task):
                # Fields of a write that was cut short stand there: they were written.
                task.end(Verdict.WRITTEN if resumed else Verdict.UNCHANGED)

    def _still_waits(self, task: Task) -> bool:
        """Put off a job of which a part could not be had, when the rest is done."""
        fault = task.pictures.fault or task.sight.waits
        if fault is not None:
            self._put_off(task, fault)
        return fault is not None

    # -- what a fault means for a job ------------------------------------------------

    def _put_off(self, task: Task, fault: Fault, about: About | None = None) -> None:
        job, retry = task.job, self._t.retry
        if fault.kept_from is not None:
            task.blocked = fault.kept_from
            task.snooze(fault.reason, BLOCKED)
        elif fault.permanent or (
            not fault.doubtful and job.attempts + 1 >= retry.attempts
        ):
            task.passing = not fault.permanent
            task.end(Verdict.FAILED, fault.reason)
        elif fault.doubtful and job.attempts >= retry.attempts:
            task.passing = True
            task.end(Verdict.FAILED, fault.reason)
        else:
            task.attempt = not fault.doubtful
            task.solo = fault.doubtful
            if fault.doubtful and about is not None:
                task.doubt = about.subject
            step = job.snoozes + job.attempts
            task.snooze(fault.reason, retry.transient.delay(step, self._t.random))

    def _unforeseen(self, task: Task, error: Exception) -> None:
        """Let a bug of ours cost one job one attempt, and say where it is."""
        tell(error)
        if task.job.attempts + 1 >= self._t.retry.attempts:
            task.end(Verdict.FAILED, "unforeseen")
            return
        task.attempt = True
        delay = self._t.retry.transient.delay(task.job.attempts, self._t.random)
        task.snooze("unforeseen", delay)

    # -- apply ---------------------------------------------------------------------

    async def _write(self) -> None:
        """Write the fields of all items, then their pictures, which may take long."""
        tasks = self._open()
        if not tasks:
            return
        await self._intend(tasks)
        await self._side_by_side(tasks, self._edit)
        await self._side_by_side(self._open(), self._upload)
        for task in self._open():
            if task.wrote or self._contact.refused is not None:
                continue
            if not self._still_waits(task) and task.kept:
                task.end_refused()

    async def _side_by_side(
        self, tasks: Sequence[Task], work: Callable[[Task], Awaitable[None]]
    ) -> None:
        waiting = deque(tasks)

        async def lane() -> None:
            while waiting and self._contact.refused is None:
                task = waiting.popleft()
                try:
                    await work(task)
                except CircuitRefusedError, Fault:
                    # What was written so far is still verified, if that is possible.
                    return
                except Exception as error:  # noqa: BLE001  # costs this job alone
                    self._unforeseen(task, error)

        await together(lane() for _ in range(min(MOST, len(tasks))))

    async def _intend(self, tasks: Iterable[Task]) -> None:
        now = self._t.clock.wall()

        def note(db: Connection) -> None:
            for task in tasks:
                record, plan = task.job.record, task.plan
                whose = (task.item, record.source, record.key)
                ledger.intend(db, *whose, plan.changes, now)
                # Their locks ride along: without a row they would pass for a person's.
                ledger.adopt(db, *whose, plan.adopted, now)
                # Until this is settled, what was in line before need not be so now.
                queue.forget_settled(db, record.source, record.key)
                if task.sight.creates:
                    ledger.note_collections(db, task.item.section, task.sight.creates)

        await self._t.database.run(note)

    async def _edit(self, task: Task) -> None:
        """Write the fields of one item. Raises what ends the lane."""

        async def send() -> None:
            item = task.item
            if edits := task.plan.edits(item):
                try:
                    refused = await self._contact.call(
                        lambda: self._t.server.edit(
                            item,
                            edits,
                            lambda: self._is_stale(task),
                            apart=task.job.attempts > 0,
                        ),
                        self._about(task),
                    )
                except Fault as fault:
                    if not fault.fields:
                        raise
                    task.refuse(dict.fromkeys(fault.fields, fault.reason))
                else:
                    task.wrote = True
                    task.refuse(refused)

        if task.plan.edits(task.item):
            await self._send(task, send, self._about(task))

    async def _upload(self, task: Task) -> None:
        """Send the pictures of one item. Raises what ends the lane."""
        about = self._about(task, Purpose.UPLOAD)
        for name in _pictures(task.plan):
            data = await self._bytes(task, name)

            async def send(name: str = name, data: bytes | None = data) -> None:
                item = task.item
                if data is not None and name in _pictures(task.plan):
                    await self._contact.call(
                        lambda: self._t.server.upload(
                            item,
                            name,
                            data,
                            lambda: not task.wrote and self._is_stale(task),
                        ),
                        about,
                    )
                    task.wrote = True
                    task.confirmed += (name,)  # the answer to an upload is its proof

            if data is not None:
                await self._send(task, send, about)
            if task.verdict is not None:
                return

    def _about(self, task: Task, purpose: Purpose = Purpose.EDIT) -> About:
        return About(purpose, task.item.rating_key, task.item.section)

    async def _send(
        self, task: Task, send: Callable[[], Awaitable[None]], about: About
    ) -> None:
        """Send from a read that is fresh, when its kind of call and a place are free."""
        try:
            async with self._place():
                if not self._look.may(about.bulkhead):
                    self._put_off(task, self._t.bulkheads.why(about.bulkhead), about)
                elif await self._freshen(task):
                    await send()
        except Fault as fault:
            if self._contact.refused is not None:
                task.slowed = fault.throttled
                raise
            await self._not_sent(task, fault, about)

    def _place(self) -> AbstractAsyncContextManager[None]:
        """Give a place among the edits in flight; who goes alone takes none of them."""
        return nullcontext() if self._solo else self._pace.place()

    async def _bytes(self, task: Task, name: str) -> bytes | None:
        """Give the bytes of a picture; None where they cannot be had."""
        if (data := task.pictures.data.pop(name, None)) is not None:
            return data
        record = task.job.record
        try:
            return await pictures.load(
                self._t, record.source, pictures.wanted(record)[name]
            )
        except Fault as fault:
            task.pictures.fault = fault
            return None

    async def _not_sent(self, task: Task, fault: Fault, about: About) -> None:
        if fault.kind is FaultClass.ITEM and fault.reason == "not_found":
            await self._t.server.forget([task.item.rating_key])
            task.sight.miss()
            self._not_found(task)
        elif fault.reason == CHANGING:
            task.snooze(CHANGING, self._t.retry.transient.delay(0, self._t.random))
        else:
            self._put_off(task, fault, about)

    async def _freshen(self, task: Task) -> bool:
        """Read and plan anew while the read is too old; say whether to go on writing."""
        if task.wrote:
            return True  # it is we who were at the item: Plex tells of our edits, too
        for _ in range(REFRESHES):
            if not self._is_stale(task):
                return True
            await self._look.refresh(task.sight)
            sight = task.sight
            if sight.fault is not None:
                self._put_off(task, sight.fault, About(Purpose.READ, sight.rating_key))
            elif sight.item is None:
                self._not_found(task)
            elif not task.plan.changes:
                if not self._still_waits(task):
                    task.end(Verdict.UNCHANGED)
            else:
                await self._intend([task])
                continue
            return False
        if self._is_stale(task):
            task.snooze(CHANGING, self._t.retry.transient.delay(0, self._t.random))
            return False
        return True

    def _is_stale(self, task: Task) -> bool:
        item = task.item
        return (
            self._t.clock.monotonic() - item.read_at > FRESH
            or self._t.voided.get(item.rating_key, item.read_at) > item.read_at
        )

    # -- verify --------------------------------------------------------------------

    async def _verify(self) -> None:
        tasks = [
            task for task in self.tasks if task.wrote and task.sight.item is not None
        ]
        missed = await self._check(tasks)
        for task in missed:
            if task.verdict is None:
                await self._repair(task)
        for task in await self._check([t for t in missed if t.verdict is None]):
            task.passing = True
            lacking = (change.field for change in task.plan.missed(task.item))
            task.kept = dict.fromkeys(lacking, "not_kept") | task.kept
            task.end(Verdict.FAILED, "not_kept")
        for task in tasks:
            if task.verdict is not None or self._still_waits(task):
                continue
            if task.kept:
                task.end_refused()
            elif all(change.field in task.confirmed for change in task.plan.changes):
                task.end(Verdict.WRITTEN)

    async def _repair(self, task: Task) -> None:
        """Write once more, from what is there now, then give up on the field.

        Servers differ in whether a list replaces or adds.
        """
        repair = Plan(
            tuple(
                _again(change, task.item)
                for change in task.plan.missed(task.item)
                if not _is_another(change, task.item)
            )
        )
        if not (edits := repair.edits(task.item)):
            return
        item = task.item
        about = About(Purpose.EDIT, item.rating_key, item.section)
        try:
            async with self._place():
                refused = await self._contact.call(
                    lambda: self._t.server.edit(item, edits), about
                )
            task.refuse(refused)
        except Fault as fault:
            if self._contact.refused is not None:
                raise
            if fault.fields:
                task.refuse(dict.fromkeys(fault.fields, fault.reason))
            else:
                self._put_off(task, fault, about)

    async def _check(self, tasks: Sequence[Task]) -> list[Task]:
        """Read back in bulk; note what arrived, give the tasks where some did not."""
        if not tasks:
            return []
        items = await self._look.read(
            {task.item.rating_key: task.item.section for task in tasks}
        )
        missed = []
        for task in tasks:
            key = task.item.rating_key
            if (fault := items.faults.get(key)) is not None:
                if task.verdict is None:
                    self._put_off(task, fault, About(Purpose.READ, key))
                continue
            if (item := items.get(key)) is None:
                if task.verdict is None:
                    task.sight.miss()
                    self._not_found(task)
                continue
            task.sight.item = item
            lacking = {change.field for change in task.plan.missed(item)}
            task.confirmed += tuple(
                change.field
                for change in task.plan.changes
                if change.field not in lacking
                and FIELDS[change.field].kind is not Kind.IMAGE
                and change.field not in task.confirmed
            )
            if lacking:
                missed.append(task)
        return missed

    # -- settle --------------------------------------------------------------------

    async def _settle(self, doubted: dict[str, int], wait: float) -> None:
        refused = self._contact.refused
        # Where the server is away the circuit tells; a pause has no other sign.
        reason = refused.reason if refused and refused.throttled else None
        for task in self._open():
            task.snooze(reason, max(SOON, wait))
            if task.slowed:
                # What asked for the pause comes after the others, and alone.
                own = self._t.retry.transient.delay(task.job.snoozes, self._t.random)
                task.solo, task.delay = True, max(task.delay, wait + own)
        for task in self.tasks:
            if task.doubt is not None:
                doubted[task.doubt] = task.job.id
        proven = {
            doubted.pop(subject)
            for subject in self._judge.take_proven()
            if subject in doubted
        }
        now, wall = self._t.clock.steady(), self._t.clock.wall()
        seconds = (self._t.clock.monotonic() - self._started) / max(1, len(self.tasks))
        for task in self.tasks:
            if task.blocked and not self._t.bulkheads.is_shut(task.blocked):
                task.blocked, task.delay = None, SOON  # it works again by now
        # Of every kind: who was to try it may have gone, or has nothing to try it for.
        until = {
            kind: now + self._t.bulkheads.until(kind, self._t.clock.monotonic())
            for kind in self._t.bulkheads.failing()
        }
        if any(task.blocked or task.solo for task in self.tasks):
            self._contact.proves_nothing()
        reopened = self._t.bulkheads.take_reopened()

        def record(db: Connection) -> None:
            for task in self.tasks:
                self._record(db, task, now, wall, seconds)
            queue.charge(db, proven)
            for kind, due in until.items():
                queue.choose_next(db, kind, due)
            for kind in reopened:
                queue.unblock(db, kind, reason_of(kind), now)

        await self._t.database.run(record)

    def _record(
        self, db: Connection, task: Task, now: float, wall: float, seconds: float
    ) -> None:
        job, record, sight = task.job, task.job.record, task.sight
        if sight.item is not None:
            ledger.confirm(db, sight.item, record.source, task.confirmed, wall)
            done = task.verdict in (Verdict.WRITTEN, Verdict.UNCHANGED)
            if done and not task.plan.changes:  # else it was done before the write
                whose = (sight.item, record.source, record.key)
                ledger.adopt(db, *whose, task.plan.adopted, wall)
        if task.verdict is Verdict.FAILED:
            task.superseded = not queue.fail(
                db,
                job,
                task.reason or "unknown",
                now,
                sight.candidates,
                kept=task.kept,
                passing=task.passing,
            )
            if not task.superseded:
                stats.count(db, "failed")
                stats.settled(db, good=False, seconds=seconds)
        elif task.verdict is Verdict.SNOOZED:
            why = Snooze(
                now + task.delay,
                task.reason,
                sight.candidates,
                attempt=task.attempt,
                missed=task.missed,
                solo=task.solo,
                blocked=task.blocked,
            )
            queue.snooze(db, job, why, now)
        else:
            written = task.verdict is Verdict.WRITTEN
            task.superseded = not queue.settle(db, job, sight.rating_key, now)
            stats.count(db, "synced" if written else "unchanged")
            if written:
                stats.keep(db, "last_sync", repr(wall))
            stats.settled(db, good=True, seconds=seconds)

    def outcomes(self) -> list[tuple[Job, Outcome]]:
        """Give each job's outcome as it is told to whoever waits for it."""
        return [(task.job, _outcome(task)) for task in self.tasks]

    @property
    def settled(self) -> int:
        """How many jobs it brought to their end."""
        return sum(task.verdict is not Verdict.SNOOZED for task in self.tasks)

    @property
    def is_fruitless(self) -> bool:
        """Say whether it brought nobody further."""
        return all(
            task.verdict is Verdict.SNOOZED and not task.missed and not task.blocked
            for task in self.tasks
        )


def _pictures(plan: Plan) -> list[str]:
    return [
        change.field
        for change in plan.changes
        if FIELDS[change.field].kind is Kind.IMAGE
    ]


def _outcome(task: Task) -> Outcome:
    if task.superseded:
        return Outcome("queued")
    match task.verdict:
        case Verdict.WRITTEN:
            changes = tuple(change.as_dict() for change in task.plan.changes)
            return Outcome("written", changes=changes)
        case Verdict.UNCHANGED:
            return Outcome("unchanged")
        case Verdict.FAILED:
            return Outcome("failed", task.reason, kept=task.kept)
        case _:
            return Outcome("queued", task.reason)


def _resumed(task: Task) -> bool:
    adopted = {change.field for change in task.plan.adopted}
    return any(
        row.pending and row.source == task.job.record.source
        for name in adopted
        for row in task.sight.ledger.get(name, ())
    )


def _is_another(change: Change, item: Item) -> bool:
    """Say whether neither our value nor that of before stands there.

    Somebody may have edited the field since: it is not ours to write again.
    """
    return not FIELDS[change.field].is_list and not same_value(
        change.field, item.fields.get(change.field), change.before
    )


def _again(change: Change, item: Item) -> Change:
    """Aim a change at what a read-back shows: remove all that has no business there."""
    if not FIELDS[change.field].is_list:
        return change
    current = item.fields.get(change.field)
    members = current if isinstance(current, tuple) else ()
    names = [m.name if isinstance(m, Actor) else m for m in members]
    gone = {name.casefold() for name in change.remove}
    return replace(
        change, remove=tuple(name for name in names if name.casefold() in gone)
    )
