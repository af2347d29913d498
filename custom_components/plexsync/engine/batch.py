"""One batch of jobs: match → read → plan → apply → verify → settle.

Reads are shared by the whole batch; each job gets its own verdict, and all
verdicts are recorded in one transaction. What is about to be written is noted
in the ledger first, so that a kill between write and verdict loses neither
ownership nor what stood there before.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
import contextlib
from dataclasses import dataclass, field, replace
from enum import StrEnum
from random import Random
from sqlite3 import Connection
from typing import Any

from . import ledger, pictures, queue, stats
from .clock import Clock
from .contact import CircuitRefusedError, Contact
from .database import Database
from .fields import FIELDS, Kind
from .plan import Change, Kept, Ledger, Plan, make_plan, same_value
from .ports import Images, Item, Match, Server
from .queue import Job
from .record import Actor, Find, Outcome
from .retry import Fault, FaultClass, RetryPolicy
from .together import together
from .whole import match_all

FRESH = 10.0  # seconds that a read may be old when the write leaves
LANES = 3  # edits in flight at once
REFRESHES = 3  # new reads of an item that others keep changing, before its job waits


class Verdict(StrEnum):
    """What becomes of a job at the end of its batch."""

    WRITTEN = "written"
    UNCHANGED = "unchanged"
    LATER = "later"
    FAILED = "failed"
    RELEASED = "released"  # as if nothing had happened: no attempt is used


@dataclass(slots=True)
class Task:
    """One job on its way through the batch."""

    job: Job
    pictures: pictures.Pictures = field(default_factory=pictures.Pictures)
    find: Find = field(default_factory=Find)
    settled_key: str | None = None  # all but its pictures is in line already
    item: Item | None = None
    ledger: Ledger = field(default_factory=dict)
    plan: Plan = field(default_factory=Plan)
    rating_key: str | None = None
    verdict: Verdict | None = None
    reason: str | None = None
    passing: bool = False  # what failed may be over by itself
    candidates: tuple[str, ...] = ()
    delay: float = 0.0
    attempt: bool = False
    missed: bool = False
    confirmed: tuple[str, ...] = ()  # fields that a read-back has shown
    wrote: bool = False
    superseded: bool = False  # a newer record came in meanwhile: the job goes on

    def end(self, verdict: Verdict, reason: str | None = None) -> None:
        """Give the verdict."""
        self.verdict, self.reason = verdict, reason


@dataclass(frozen=True, slots=True)
class Tools:
    """What a batch works with."""

    database: Database
    server: Server
    images: Images
    clock: Clock
    random: Random
    retry: RetryPolicy
    fill_only: Callable[[str], frozenset[str]]
    voided: dict[str, float]  # rating key → monotonic time of somebody else's edit
    lanes: int = LANES


class Batch:
    """Run some claimed jobs to their verdicts."""

    def __init__(self, tools: Tools, contact: Contact, jobs: Sequence[Job]) -> None:
        """Take the jobs as claimed."""
        self._t = tools
        self._contact = contact
        self.tasks = [Task(job, find=job.record.find) for job in jobs]
        self._started = tools.clock.monotonic()

    async def run(self) -> None:
        """Bring the jobs to their verdicts and record them."""
        try:
            await self._prepare()
            await self._fetch_pictures()
            await self._match()
            await self._read()
            await self._plan()
            await self._write()
            await self._verify()
        except CircuitRefusedError:
            pass
        except Fault:
            pass  # the contact knows; every job without a verdict is released
        await self._settle()

    def _open(self) -> list[Task]:
        return [task for task in self.tasks if task.verdict is None]

    # -- before Plex is asked ----------------------------------------------------

    async def _prepare(self) -> None:
        def look_up(db: Connection) -> None:
            for task in self.tasks:
                record = task.job.record
                if key := ledger.pinned(db, record.source, record.key):
                    task.find = Find(rating_key=key)
                task.settled_key = queue.same_but_pictures(db, task.job)

        await self._t.database.run(look_up, durable=False)

    async def _fetch_pictures(self) -> None:
        jobs = [task.job for task in self.tasks if pictures.wanted(task.job.record)]
        if not jobs:
            return
        found = await pictures.fetch_all(self._t.database, self._t.images, jobs)
        for task in self.tasks:
            if task.job.id not in found:
                continue
            task.pictures = mine = found[task.job.id]
            # A record that only says "perhaps another picture", and has none, is done
            # without a request to Plex.
            if task.settled_key and not mine.changed and mine.fault is None:
                task.rating_key = task.settled_key
                task.end(Verdict.UNCHANGED)

    # -- match and read ------------------------------------------------------------

    async def _match(self) -> None:
        tasks = self._open()
        if not tasks:
            return
        matches = await self._contact.call(
            lambda: match_all(self._t.server, [task.find for task in tasks])
        )
        taken: set[str] = set()
        for task, match in zip(tasks, matches, strict=True):
            self._take_match(task, match, taken)

    def _take_match(self, task: Task, match: Match, taken: set[str]) -> None:
        task.rating_key = match.rating_key
        if match.rating_key is None:
            self._not_matched(task, match)
        elif match.rating_key in taken:
            task.end(Verdict.RELEASED)  # one writer at a time: its turn comes next
        else:
            taken.add(match.rating_key)

    def _not_matched(self, task: Task, match: Match) -> None:
        task.candidates = match.candidates
        if match.reason != "not_found":
            task.end(Verdict.FAILED, match.reason)
            return
        job, now = task.job, self._t.clock.steady()
        since = now if job.missed_since is None else job.missed_since
        if now - since >= self._t.retry.missing_for:
            task.end(Verdict.FAILED, "not_found")
            return
        task.missed = True
        task.delay = self._t.retry.missing.delay(job.misses, self._t.random)
        task.end(Verdict.LATER, "not_found")

    async def _read(self) -> None:
        tasks = self._open()
        await self._read_items(tasks)
        lost = [
            task
            for task in tasks
            if task.verdict is None
            and (task.item is None or not self._t.server.confirms(task.find, task.item))
        ]
        if not lost:
            return
        # The rating key was a cache, and it was wrong: look again by path.
        keys = [task.rating_key for task in lost if task.rating_key]
        await self._t.server.forget(keys)
        matches = await self._contact.call(
            lambda: match_all(self._t.server, [task.find for task in lost])
        )
        taken = {t.rating_key for t in tasks if t not in lost and t.rating_key}
        for task, match in zip(lost, matches, strict=True):
            task.item = None
            self._take_match(task, match, taken)
        found = [task for task in lost if task.verdict is None]
        await self._read_items(found)
        for task in found:
            if task.verdict is not None:
                continue
            if task.item is None or not self._t.server.confirms(task.find, task.item):
                self._not_matched(task, Match(reason="not_found"))

    async def _read_items(self, tasks: Iterable[Task]) -> None:
        """Read the tasks' items, all in shared requests."""
        by_key = {task.rating_key: task for task in tasks if task.rating_key}
        if not by_key:
            return
        keys = list(by_key)
        items = await self._contact.call(lambda: self._t.server.read(keys))
        for key, task in by_key.items():
            task.item = items.get(key)
            if (fault := items.faults.get(key)) is not None:
                self._item_fault(task, fault)

    # -- plan ----------------------------------------------------------------------

    async def _plan(self) -> None:
        tasks = self._open()

        def read_ledger(db: Connection) -> None:
            for task in tasks:
                assert task.item is not None
                task.ledger = ledger.rows(db, task.item)

        await self._t.database.run(read_ledger, durable=False)
        for number, task in enumerate(tasks):
            if number % 10 == 9:
                await asyncio.sleep(0)  # a hundred plans in a row would be a pause
            self._plan_one(task)
        await self._spare_collections([task for task in tasks if task.plan.changes])
        for task in tasks:
            if resumed := _resumed(task):
                self._contact.saw_write()
            if not task.plan.changes and not self._picture_trouble(task):
                # Fields of a write that was cut short stand there: they were written.
                task.end(Verdict.WRITTEN if resumed else Verdict.UNCHANGED)

    def _plan_one(self, task: Task) -> None:
        assert task.item is not None
        task.plan = make_plan(
            task.job.record,
            task.item,
            task.ledger,
            images=task.pictures.digests,
            fill_only=self._t.fill_only(task.job.record.source),
        )

    def _picture_trouble(self, task: Task) -> bool:
        """Let a job whose picture could not be had wait, or fail, for that alone."""
        if (fault := task.pictures.fault) is None:
            return False
        self._item_fault(task, fault)
        return True

    def _item_fault(self, task: Task, fault: Fault) -> None:
        job, retry = task.job, self._t.retry
        counted = fault.kind is not FaultClass.SOURCE
        if fault.permanent or (counted and job.attempts + 1 >= retry.attempts):
            task.passing = not fault.permanent
            task.end(Verdict.FAILED, fault.reason)
            return
        task.attempt = counted
        task.delay = retry.transient.delay(job.attempts, self._t.random)
        task.end(Verdict.LATER, fault.reason)

    async def _spare_collections(self, tasks: Sequence[Task]) -> None:
        """Leave an item in a collection that would vanish and is not ours.

        The collections that a write will create are noted as ours; what there is
        already is asked once a library, and only where that is not known.
        """
        concerned = [
            (task, task.item, change)
            for task in tasks
            if task.item is not None
            and (change := _change_of(task.plan, "collections")) is not None
        ]
        if not concerned:
            return
        sections = {item.section for _, item, _ in concerned}
        created = await self._t.database.run(
            lambda db: {
                uuid: ledger.created_collections(db, uuid) for uuid in sections
            },
            durable=False,
        )
        sizes: dict[str, dict[str, int]] = {}
        fresh: dict[str, set[str]] = {}
        for task, item, change in concerned:
            ours = created[item.section]
            if not change.remove and _names(change.after) <= ours:
                continue
            if item.section not in sizes:
                found = await self._contact.call(
                    lambda item=item: self._t.server.collections(item)  # type: ignore[misc]
                )
                sizes[item.section] = {
                    title.casefold(): size for title, size in found.items()
                }
            counts = sizes[item.section]
            new = _names(change.after) - counts.keys()
            fresh.setdefault(item.section, set()).update(new - ours)
            ours |= new
            spared = tuple(
                name
                for name in change.remove
                if name.casefold() in _names(change.before) - ours
                and counts.get(name.casefold(), 2) <= 1
            )
            if spared:
                task.plan = _without(task.plan, change, spared)

        def note(db: Connection) -> None:
            for uuid, titles in fresh.items():
                ledger.note_collections(db, uuid, titles)

        if any(fresh.values()):
            await self._t.database.run(note)

    # -- apply ---------------------------------------------------------------------

    async def _write(self) -> None:
        tasks = self._open()
        if not tasks:
            return
        await self._intend(tasks)
        waiting = deque(tasks)

        async def lane() -> None:
            while waiting and self._contact.fault is None:
                await self._apply(waiting.popleft())

        with contextlib.suppress(CircuitRefusedError):
            # What was written so far is still verified, if that is possible.
            await together(lane() for _ in range(min(self._t.lanes, len(tasks))))

    async def _intend(self, tasks: Iterable[Task]) -> None:
        now = self._t.clock.wall()

        def note(db: Connection) -> None:
            for task in tasks:
                assert task.item is not None
                record, plan = task.job.record, task.plan
                whose = (task.item, record.source, record.key)
                ledger.intend(db, *whose, plan.changes, now)
                # Their locks ride along: without a row they would pass for a person's.
                ledger.adopt(db, *whose, plan.adopted, now)
                # Until this is settled, what was in line before need not be so now.
                queue.forget_settled(db, record.source, record.key)

        await self._t.database.run(note)

    async def _apply(self, task: Task) -> None:
        try:
            refreshed = 0
            while self._stale(task):
                if refreshed == REFRESHES:
                    task.delay = self._t.retry.transient.delay(0, self._t.random)
                    task.end(Verdict.LATER, "changing")
                    return
                refreshed += 1
                if not await self._refresh(task):
                    return
            await self._apply_to_item(task)
        except Fault as fault:
            if fault.kind is FaultClass.ITEM:
                if fault.reason == "not_found" and task.rating_key:
                    await self._t.server.forget([task.rating_key])
                    self._not_matched(task, Match(reason="not_found"))
                else:
                    self._item_fault(task, fault)
            elif fault.kind is FaultClass.SOURCE:
                task.pictures.fault = fault

    def _stale(self, task: Task) -> bool:
        assert task.item is not None
        read_at = task.item.read_at
        return (
            self._t.clock.monotonic() - read_at > FRESH
            or self._t.voided.get(task.item.rating_key, read_at) > read_at
        )

    async def _refresh(self, task: Task) -> bool:
        """Read and plan anew; say whether there is still something to write."""
        await self._read_items([task])
        if task.verdict is not None:
            return False
        if task.item is None or not self._t.server.confirms(task.find, task.item):
            self._not_matched(task, Match(reason="not_found"))
            return False
        self._plan_one(task)
        await self._spare_collections([task])
        if not task.plan.changes:
            task.end(Verdict.UNCHANGED)
            return False
        await self._intend([task])
        return True

    async def _apply_to_item(self, task: Task) -> None:
        item = task.item
        assert item is not None
        if edits := task.plan.edits(item):
            await self._contact.call(
                lambda: self._t.server.edit(item, edits), item.rating_key
            )
            task.wrote = True
        for change in task.plan.changes:
            if FIELDS[change.field].kind is not Kind.IMAGE:
                continue
            data = task.pictures.data.pop(change.field, None)
            if data is None:
                image = pictures.wanted(task.job.record)[change.field]
                data = await pictures.load(
                    self._t.images, task.job.record.source, image
                )
            if data is None:
                continue
            await self._contact.call(
                lambda name=change.field, data=data: self._t.server.upload(  # type: ignore[misc]
                    item, name, data
                ),
                item.rating_key,
            )
            task.wrote = True
            task.confirmed += (change.field,)  # the answer to an upload is its proof

    # -- verify --------------------------------------------------------------------

    async def _verify(self) -> None:
        tasks = [task for task in self._open() if task.wrote]
        if not tasks:
            return
        missed = await self._check(tasks)
        if missed:
            # Servers differ in whether a list replaces or adds: repair once, from what
            # is there now, then give up on the field.
            for task in missed:
                assert task.item is not None
                repair = Plan(
                    tuple(
                        _again(change, task.item)
                        for change in task.plan.missed(task.item)
                        if not _is_another(change, task.item)
                    )
                )
                if not (edits := repair.edits(task.item)):
                    continue
                try:
                    await self._contact.call(
                        lambda task=task, edits=edits: self._t.server.edit(  # type: ignore[misc]
                            task.item, edits
                        ),
                        task.rating_key,
                    )
                except Fault as fault:
                    if fault.kind is not FaultClass.ITEM:
                        raise
                    self._item_fault(task, fault)
            for task in await self._check([t for t in missed if t.verdict is None]):
                task.passing = True
                task.end(Verdict.FAILED, "not_kept")
        for task in tasks:
            if task.verdict is not None or self._picture_trouble(task):
                continue
            if all(change.field in task.confirmed for change in task.plan.changes):
                task.end(Verdict.WRITTEN)
            # Else a picture is still to be sent: the job is released as it was.

    async def _check(self, tasks: Sequence[Task]) -> list[Task]:
        """Read back in bulk; note what arrived, give the tasks where some did not."""
        if not tasks:
            return []
        await self._read_items(tasks)
        missed = []
        for task in tasks:
            if task.verdict is not None:
                continue
            if task.item is None:
                self._not_matched(task, Match(reason="not_found"))
                continue
            lacking = {change.field for change in task.plan.missed(task.item)}
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

    async def _settle(self) -> None:
        for task in self._open():
            task.end(Verdict.RELEASED)
        now, wall = self._t.clock.steady(), self._t.clock.wall()
        seconds = (self._t.clock.monotonic() - self._started) / max(1, len(self.tasks))
        await self._t.database.run(lambda db: self._record(db, now, wall, seconds))

    def _record(self, db: Connection, now: float, wall: float, seconds: float) -> None:
        for task in self.tasks:
            job, record = task.job, task.job.record
            if task.item is not None:
                ledger.confirm(db, task.item, record.source, task.confirmed, wall)
                done = task.verdict in (Verdict.WRITTEN, Verdict.UNCHANGED)
                if done and not task.plan.changes:  # else it was done before the write
                    ledger.adopt(
                        db,
                        task.item,
                        record.source,
                        record.key,
                        task.plan.adopted,
                        wall,
                    )
            match task.verdict:
                case Verdict.WRITTEN:
                    task.superseded = not queue.settle(db, job, task.rating_key, now)
                    stats.count(db, "synced")
                    stats.keep(db, "last_sync", repr(wall))
                    stats.settled(db, good=True, seconds=seconds)
                case Verdict.UNCHANGED:
                    task.superseded = not queue.settle(db, job, task.rating_key, now)
                    stats.count(db, "unchanged")
                    stats.settled(db, good=True, seconds=seconds)
                case Verdict.FAILED:
                    task.superseded = not queue.fail(
                        db,
                        job,
                        task.reason or "unknown",
                        now,
                        task.candidates,
                        passing=task.passing,
                    )
                    if not task.superseded:
                        stats.count(db, "failed")
                        stats.settled(db, good=False, seconds=seconds)
                case Verdict.LATER:
                    queue.later(
                        db,
                        job,
                        now + task.delay,
                        now,
                        reason=task.reason,
                        candidates=task.candidates,
                        attempt=task.attempt,
                        missed=task.missed,
                    )
                case _:
                    queue.release(db, [job])

    def outcomes(self) -> list[tuple[Job, Outcome]]:
        """Give each job's outcome as it is told to whoever waits for it."""
        return [(task.job, _outcome(task)) for task in self.tasks]


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
            return Outcome("failed", task.reason)
        case _:
            return Outcome("queued", task.reason)


def _resumed(task: Task) -> bool:
    adopted = {change.field for change in task.plan.adopted}
    return any(
        row.pending and row.source == task.job.record.source
        for name in adopted
        for row in task.ledger.get(name, ())
    )


def _change_of(plan: Plan, name: str) -> Change | None:
    return next((change for change in plan.changes if change.field == name), None)


def _members(value: Any) -> tuple[str, ...]:
    return value if isinstance(value, tuple) else ()


def _names(value: Any) -> set[str]:
    return {name.casefold() for name in _members(value)}


def _without(plan: Plan, change: Change, spared: tuple[str, ...]) -> Plan:
    """Take removals out of a plan."""
    after = (*_members(change.after), *spared)
    remove = tuple(name for name in change.remove if name not in spared)
    rest = tuple(other for other in plan.changes if other is not change)
    kept: Mapping[str, Kept] = {**plan.kept, change.field: Kept.LAST_MEMBER}
    smaller = replace(change, after=after or None, remove=remove)
    if not remove and _names(after) == _names(change.before):
        return replace(plan, changes=rest, kept=kept)
    return replace(plan, changes=(*rest, smaller), kept=kept)


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
