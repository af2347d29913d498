"""The queue on a real database against plain dictionaries, and against Plex itself.

Two things are held against it. A model of the rules says what each job is, when
it is due and who comes first. And a plain "Plex" knows what was really written,
so that the end counts: of every field that was promised, what stands there is
the newest. Q1 to Q9 of the resilience notes.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from sqlite3 import Connection
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import invariant, precondition, rule
import pytest

from custom_components.plexsync.engine.database.database import Database
from custom_components.plexsync.engine.database.layout import Layout
from custom_components.plexsync.engine.jobs import (
    blocked,
    dropping,
    failed_rows,
    intake,
    jobs_view,
    leases,
    queue,
    targets,
)
from custom_components.plexsync.engine.jobs.failed_rows import Choice
from custom_components.plexsync.engine.jobs.job import SCHEMA as JOBS, Job, Priority
from custom_components.plexsync.engine.jobs.queue import Snooze
from custom_components.plexsync.engine.ledger import settled
from custom_components.plexsync.engine.model.record import Find, Image, Record, Value
from custom_components.plexsync.engine.plan import approvals

from .machines import LIMIT, Machine, run
from .queue_model import (
    ABSENT,
    WHOLE,
    Done,
    Key,
    Promise,
    Row,
    Truth,
    content,
    names,
    newest,
    seen,
    too_old,
    unmarked,
)

LONGEST = 3600.0  # no wait is longer than this
CRASHES = 3
OUTAGE_RETRIES = 3
KEPT_DAYS = 30
QUEUE = Layout((JOBS, *(each.SCHEMA for each in (leases, settled, targets, approvals))))
KEYS = [f"{number}" for number in range(8)]

titles = st.sampled_from(["A", "B", "C"])
posters = st.builds(Image, st.sampled_from(["p", "q"]), st.sampled_from(["1", "2"]))
contents = st.fixed_dictionaries(
    {},
    optional={
        "title": titles,
        "studio": st.sampled_from(["S", None]),
        "poster": posters,
    },
)
revisions = st.none() | st.integers(1, 9)
pick = st.integers(0, 63)
ranks = st.sampled_from(list(Priority))
reasons = st.sampled_from(["not_found", "rejected", "error_500", "image_missing"])
kinds = st.sampled_from(["edits:1", "pictures:1"])  # their reasons: rejected, error_500
REASONS = {"edits:1": "rejected", "pictures:1": "error_500"}


class QueueMachine(Machine):
    """Two sources, a worker that is broken off now and then, an owner."""

    def __init__(self) -> None:
        """Start with an empty file."""
        super().__init__()
        self.folder = TemporaryDirectory()
        self.path = Path(self.folder.name, "queue.db")
        self.path.write_bytes(self.laid_out())
        self.now = 1_000_000.0
        self.rows: dict[Key, Row] = {}
        self.done: dict[Key, Done] = {}
        self.truth: dict[Key, Truth] = {}
        self.flight: dict[int, Job] = {}  # what the worker holds, by id
        self.strays: list[Job] = []  # the same, of sources that have gone
        self.sources = ["stash", "action"]
        self.ids: set[int] = set()
        self.claimed = 0  # jobs so far
        self.open()

    def open(self) -> None:
        """Open the file."""
        self.database = Database(self.path, QUEUE, inline=True)
        self.database.open()

    def run[T](self, work: Callable[[Connection], T]) -> T:
        """Run one transaction: inline it never waits."""
        try:
            self.database.run(work, durable=False).send(None)
        except StopIteration as done:
            return done.value  # type: ignore[no-any-return]
        raise AssertionError("it waited")

    def teardown(self) -> None:
        """Q1 at last: work off whatever is left."""
        try:
            self.drain()
        finally:
            self.database.close()
            self.folder.cleanup()

    @staticmethod
    @cache
    def laid_out() -> bytes:
        """Give an empty file with its tables: to lay them out takes a disk its time."""
        with TemporaryDirectory() as folder:
            database = Database(Path(folder, "q"), QUEUE, inline=True)
            database.open()
            database.close()
            return Path(folder, "q").read_bytes()

    # -- records come in -------------------------------------------------------------

    def record(self, key: Key, revision: int | None, fields: dict[str, Any]) -> Record:
        """Make a record; where the item lies, and what is filled, changes now and then."""
        path = f"/m/{key[1]}{'.new' if (revision or 0) > 6 else ''}.mkv"
        filled = frozenset({"studio"} if (revision or 0) in {3, 4, 5} else ())
        mirror = key[0] == "stash"
        return Record(
            *key, Find((path,)), fields, revision, mirror=mirror, fill_only=filled
        )

    def put(self, record: Record, priority: Priority) -> None:
        """Promise a record in both worlds."""
        number = self.run(lambda db: intake.enqueue(db, record, priority, self.now))
        key = record.source, record.key
        self.truth.setdefault(key, Truth())
        row, done = self.rows.get(key), self.done.get(key)
        went_back = self.goes_back(key, record)
        late = self.too_late(key, record)
        if not late:
            if went_back:
                self.promise_anew(key, record)
            self.promise_all(key, record)
        if row is None and done is not None:
            if done.record is not None and content(done.record) == content(record):
                self.confirm(done, record, record.fields)
                assert number is None
                return
        written = done.revisions if done else {}
        news = {
            name: value
            for name, value in record.fields.items()
            if not too_old(record.revision, written.get(name))
        }
        if row is None and done is not None and (late or not news):
            if not late:
                self.confirm(done, record, {})
            assert number is None
            return
        assert number is not None
        if row is None:
            assert (
                number not in self.ids
            )  # whoever still holds an old one finds nothing
            self.ids.add(number)
            self.rows[key] = Row(
                number,
                replace(record, fields=news),
                dict.fromkeys(names(record, news), record.revision),
                priority,
                self.now,
                self.now,
                self.now,
            )
        else:
            assert number == row.id
            if not late:
                self.merge(row, record, news)
            row.priority = min(row.priority, priority)

    def too_late(self, key: Key, record: Record) -> bool:
        """Say whether a mirror gave a newer view of the whole before."""
        row, done = self.rows.get(key), self.done.get(key)
        known = [each.revisions.get(WHOLE) for each in (row, done) if each is not None]
        return record.mirror and any(too_old(record.revision, each) for each in known)

    def promise_all(self, key: Key, record: Record) -> None:
        """Note what somebody was told of a record."""
        for name, value in record.fields.items():
            self.promise(key, name, value, record.revision)
        if record.mirror:
            for name, promise in self.truth[key].promised.items():
                if name not in record.fields and not too_old(
                    record.revision, promise.revision
                ):
                    self.withdraw(key, name)

    def promise(
        self, key: Key, name: str, value: Value | None, revision: int | None
    ) -> None:
        """Note what somebody was told of a field."""
        promise = self.truth[key].promised.setdefault(name, Promise())
        if not too_old(revision, promise.revision):
            promise.value = value
            promise.revision = newest(revision, promise.revision)

    def withdraw(self, key: Key, name: str) -> None:
        """Note that a field is not wanted any more: only what was written counts."""
        written = self.done[key].revisions if key in self.done else {}
        truth = self.truth[key]
        truth.promised[name] = Promise(written.get(name))
        truth.started[name] = written.get(name) or 0

    def merge(self, row: Row, record: Record, news: Mapping[str, Value | None]) -> None:
        """Let a record into a job: the newest of each field, the newest whereabouts."""
        before = row.record, dict(row.revisions)
        fields = self.merged(row, record, news)
        merged = replace(row.record, fields=fields)
        if not too_old(record.revision, row.record.revision):
            merged = replace(record, fields=fields)
        revisions = row.revisions.values()
        marked = (
            row.failed
            and row.reason != "image_missing"
            and None not in revisions
            and row.revisions == before[1]
            and unmarked(merged) == unmarked(row.record)
        )
        if content(merged) != content(row.record) and not marked:
            row.news += 1
            row.fresh(self.now)
        row.record = merged
        if (row.record, row.revisions) != before:
            row.heard = self.now

    def merged(
        self, row: Row, record: Record, news: Mapping[str, Value | None]
    ) -> dict[str, Value | None]:
        """Give the fields of a job with a record in it, and note their revisions."""
        fields = dict(row.record.fields)
        for name in names(record, news):
            known = row.revisions.get(name)
            if name not in row.revisions or not too_old(record.revision, known):
                row.revisions[name] = newest(record.revision, known)
                if name != WHOLE:
                    fields[name] = news[name]
        if record.mirror:  # the whole of it: the rest is not wanted any more
            for name in fields.keys() - record.fields.keys():
                if not too_old(record.revision, row.revisions[name]):
                    del fields[name], row.revisions[name]
        return fields

    def confirm(
        self, done: Done, record: Record, fields: Mapping[str, Value | None]
    ) -> None:
        """Note that a newer revision says the same as what stands there."""
        before = dict(done.revisions)
        for name in names(record, fields):
            done.revisions[name] = newest(record.revision, before.get(name))
        if done.revisions != before:
            done.token, done.heard = record.token(), self.now

    @rule(
        source=pick,
        key=st.sampled_from(KEYS[:3]),
        revision=revisions,
        fields=contents,
        priority=ranks,
    )
    def enqueue(
        self,
        source: int,
        key: str,
        revision: int | None,
        fields: dict[str, Any],
        priority: Priority,
    ) -> None:
        """Take in a record, in whatever order they arrive."""
        place = self.sources[source % 2], key
        self.put(self.record(place, revision, fields), priority)

    @rule(which=pick, revision=revisions, priority=ranks)
    def enqueue_the_same(
        self, which: int, revision: int | None, priority: Priority
    ) -> None:
        """Say again, perhaps as another revision, what was promised last."""
        known = [
            (key, {name: p.value for name, p in truth.promised.items()})
            for key, truth in self.truth.items()
            if all(promise.value is not ABSENT for promise in truth.promised.values())
        ]
        if known:
            key, fields = known[which % len(known)]
            self.put(self.record(key, revision, fields), priority)

    @rule(
        which=pick,
        revision=st.integers(1, 9),
        fields=contents,
        priority=ranks,
        ago=st.sampled_from([-0.5, -0.5, -0.5, 0.5, 30.0, LONGEST]),
    )
    def go_back(
        self,
        which: int,
        revision: int,
        fields: dict[str, Any],
        priority: Priority,
        ago: float,
    ) -> None:
        """Have a mirror asked that went back in time: all before that is older."""
        known = [key for key in self.truth if key[0] == "stash" in self.sources]
        if known:
            record = self.record(known[which % len(known)], revision, fields)
            self.put(replace(record, asked=self.now - ago), priority)

    def goes_back(self, key: Key, record: Record) -> bool:
        """Let revisions count from this one on, where what is newer came in before."""
        went_back = False
        for each in (self.rows.get(key), self.done.get(key)):
            if (
                each is None
                or record.asked is None
                or record.asked <= each.heard
                or not any(too_old(record.revision, r) for r in each.revisions.values())
            ):
                continue
            went_back = True
            if isinstance(each, Done):
                each.revisions = {}
            else:
                each.revisions = dict.fromkeys(each.revisions)
                each.record = replace(each.record, revision=None)
        return went_back

    def promise_anew(self, key: Key, record: Record) -> None:
        """Let the newest that was promised and begun count from this revision on."""
        truth = self.truth[key]
        for promise in truth.promised.values():
            if too_old(record.revision, promise.revision):
                promise.revision = None
        truth.started.clear()

    @rule(which=pick, revision=revisions)
    def turn_back(self, which: int, revision: int | None) -> None:
        """Say again what was brought into line before, whatever was tried since."""
        known = [
            done.record
            for done in self.done.values()
            if done.record is not None and done.record.source in self.sources
        ]
        if known:
            record = known[which % len(known)]
            fields = dict(record.fields)
            if isinstance(image := fields.get("poster"), Image):
                fields["poster"] = Image(image.ref, "3")  # changes with each edit
            key = record.source, record.key
            self.put(self.record(key, revision, fields), Priority.BULK)

    @rule(
        number=st.integers(1, len(KEYS)),
        source=pick,
        title=titles,
        revision=revisions,
        priority=ranks,
    )
    def enqueue_many(
        self,
        number: int,
        source: int,
        title: str,
        revision: int | None,
        priority: Priority,
    ) -> None:
        """Take in a burst."""
        for key in KEYS[:number]:
            place = self.sources[source % 2], key
            self.put(self.record(place, revision, {"title": title}), priority)

    # -- the worker ------------------------------------------------------------------

    def due(self) -> list[Row]:
        """Say who waits for nothing but the worker."""
        return [r for r in self.rows.values() if r.is_live and r.due <= self.now]

    def expected(self, limit: int, *, solo: bool = False) -> list[Row]:
        """Say who is to be handed out: Q6."""
        ready = sorted(
            (row for row in self.due() if row.solo is solo),
            key=lambda row: (row.due, row.id),
        )
        hurried = [row for row in ready if row.priority is Priority.INTERACTIVE]
        others = [row for row in ready if row.priority is Priority.BULK]
        # Every fourth place is kept for those whom nobody waits for.
        places = range(self.claimed + 1, self.claimed + limit + 1)
        kept = min(len(others), sum(place % 4 == 0 for place in places))
        hurried = hurried[: limit - kept]
        chosen = hurried + others[: limit - len(hurried)]
        calm = [row for row in chosen if not row.crashes]
        # Whoever was there when the process died is tried alone, when all else is done.
        return calm or chosen[:1]

    @rule(limit=st.sampled_from([1, 2, 3, 4, 4, 8, 8, 100]), solo=st.booleans())
    def claim(self, limit: int, solo: bool) -> None:
        """Let the worker take some jobs."""
        self.take(limit, solo=solo)

    def take(self, limit: int, *, solo: bool = False) -> list[Job]:
        """Hand out jobs in both worlds."""
        expected = self.expected(limit, solo=solo)
        jobs = self.run(
            lambda db: queue.claim(db, limit, self.now, self.claimed, solo=solo)
        )
        self.claimed += len(jobs)
        self.taken(jobs, expected)
        return jobs

    @rule()
    def claim_trial(self) -> None:
        """Let the worker take one job to try whether the server is well."""
        self.take_trial()

    def take_trial(self) -> list[Job]:
        """Hand out the job that was never tried, or was tried longest ago."""
        due = sorted(
            self.due(),
            key=lambda row: (
                row.tried is not None,
                row.tried or 0.0,
                row.priority,
                row.due,
                row.id,
            ),
        )
        jobs = self.run(lambda db: queue.claim_trial(db, self.now))
        self.taken(jobs, due[:1])
        return jobs

    def taken(self, jobs: list[Job], expected: list[Row]) -> None:
        """Note who is in flight."""
        assert jobs == [row.job() for row in expected]
        assert [job.heard for job in jobs] == [row.heard for row in expected]
        assert len({(job.record.source, job.record.key) for job in jobs}) == len(jobs)
        for row, job in zip(expected, jobs, strict=True):
            assert job.id not in self.flight  # Q2
            row.flying, row.tried = True, self.now
            self.flight[job.id] = job
            truth = self.truth[job.record.source, job.record.key]
            for name, revision in job.revisions.items():  # Q3
                if revision is not None:
                    assert revision >= truth.started.get(name, 0)
                    truth.started[name] = revision

    def write(self, job: Job, share: int) -> None:
        """Write some of it, as a batch does: from then on nothing is sure any more."""
        key = job.record.source, job.record.key
        self.run(lambda db: settled.compare_again(db, *key))
        if key in self.done:
            self.done[key].record = None
        plex = self.truth.setdefault(key, Truth()).plex
        for name in list(job.record.fields)[:share]:
            plex[name] = seen(job.record.fields[name])

    def bring_into_line(self, job: Job) -> None:
        """Write all of it, or nothing where all stands there already, and settle."""
        record = job.record
        plex = self.truth.setdefault((record.source, record.key), Truth()).plex
        known = self.run(lambda db: settled.same_but_pictures(db, job.record))
        done = self.done.get((record.source, record.key))
        if done is not None and done.record is not None:
            same = content(done.record, images=False) == content(record, images=False)
            assert known == (done.rating_key if same else None)
        if known is not None:
            # What is taken for done is done: all but the picture stands there.
            assert all(
                plex.get(name, ABSENT) == value
                for name, value in record.fields.items()
                if name != "poster"
            )
        if known is None or seen(record.fields.get("poster")) != plex.get("poster"):
            self.write(job, 9)
        rating_key = f"key{record.key}"
        gone = self.run(lambda db: queue.settle(db, job, rating_key, self.now))
        row = self.land(job)
        assert gone is (row is not None and row.news == job.rev)
        if row is None:
            return  # of a record that is known no more
        brought, written, heard = record, job.revisions, job.heard or 0.0
        if row.news == job.rev:  # Q4
            brought, written, heard = row.record, row.revisions, row.heard
            del self.rows[record.source, record.key]
        else:
            row.overtaken(self.now)
        old = self.done.get((record.source, record.key), Done({})).revisions
        self.done[record.source, record.key] = Done(
            old
            | {name: newest(known, old.get(name)) for name, known in written.items()},
            heard,
            brought,
            brought.token(),
            rating_key,
        )

    def land(self, job: Job) -> Row | None:
        """Take a job out of the worker's hands; give its row, if it has not gone."""
        if job in self.strays:
            self.strays.remove(job)
            return None
        del self.flight[job.id]
        row = self.rows[job.record.source, job.record.key]
        row.flying = False
        return row

    def held(self, which: int) -> Job:
        """Choose one of the jobs in flight."""
        jobs = [*self.flight.values(), *self.strays]
        return jobs[which % len(jobs)]

    @precondition(lambda self: self.flight or self.strays)
    @rule(which=pick)
    def settle(self, which: int) -> None:
        """Finish a job."""
        self.bring_into_line(self.held(which))

    @precondition(lambda self: self.flight or self.strays)
    @rule(
        which=pick,
        share=st.sampled_from([0, 0, 1, 2, 9]),
        wait=st.sampled_from([0.05, 1.0, 30.0, 600.0, LONGEST]),
        reason=reasons | st.none(),
        attempt=st.booleans(),
        missed=st.booleans(),
        solo=st.booleans(),
    )
    def snooze(self, which: int, **how: Any) -> None:
        """Put a job off, perhaps when some of it was written."""
        self.put_off(self.held(which), **how)

    @precondition(lambda self: self.flight or self.strays)
    @rule(which=pick, kind=kinds, share=st.sampled_from([0, 0, 1]))
    def block(self, which: int, kind: str, share: int) -> None:
        """Let a job wait for a kind of call, and one of all such jobs try it."""
        self.put_off(self.held(which), share, LONGEST, REASONS[kind], blocked=kind)
        self.choose(kind, 30.0)

    def put_off(
        self,
        job: Job,
        share: int,
        wait: float,
        reason: str | None,
        attempt: bool = False,
        missed: bool = False,
        solo: bool = False,
        blocked: str | None = None,
    ) -> None:
        """Put a job off in both worlds."""
        if share:
            self.write(job, share)
        why = Snooze(
            self.now + wait,
            reason,
            ("1", "2") if missed else (),
            attempt=attempt,
            missed=missed,
            solo=solo,
            blocked=blocked,
        )
        self.run(lambda db: queue.snooze(db, job, why, self.now))
        if (row := self.land(job)) is None:
            return
        if row.news != job.rev and not solo:
            row.overtaken(self.now)
            return
        row.due, row.reason, row.crashes = why.due, reason, 0
        row.solo, row.blocked = solo, blocked
        row.snoozes += solo
        row.candidates = ("1", "2") if missed else ()
        row.attempts += attempt
        row.misses += missed
        if missed and row.missed_since is None:
            row.missed_since = self.now

    @precondition(lambda self: self.flight or self.strays)
    @rule(
        which=pick,
        share=st.sampled_from([0, 1, 2, 9]),
        reason=reasons,
        passing=st.booleans(),
    )
    def fail(self, which: int, share: int, reason: str, passing: bool) -> None:
        """Give a job up, perhaps when some of it was written."""
        self.be_failed(self.held(which), share, reason, passing)

    def be_failed(self, job: Job, share: int, reason: str, passing: bool) -> None:
        """Give a job up in both worlds."""
        if share:
            self.write(job, share)
        kept = self.run(
            lambda db: queue.fail(db, job, reason, self.now, ("7",), passing=passing)
        )
        row = self.land(job)
        assert kept is (row is not None and row.news == job.rev)
        if row is None:
            return
        if row.news != job.rev:
            row.overtaken(self.now)
            return
        row.fail(reason, self.now, passing=passing)
        row.candidates = ("7",)
        row.attempts += 1

    @rule(share=st.sampled_from([0, 1, 9]))
    def release_all(self, share: int) -> None:
        """Stop the worker: nothing is counted, whatever was written."""
        jobs = [*self.flight.values(), *self.strays]
        for job in jobs:
            if share:
                self.write(job, share)
        self.run(leases.end_all)
        for job in jobs:
            self.land(job)  # Q7: and nothing else

    @precondition(lambda self: self.flight or self.strays)
    @rule(which=pick, number=st.sampled_from([1, 9]))
    def alone(self, which: int, number: int) -> None:
        """Let one job, or all in flight, be handled alone after what nobody foresaw."""
        jobs = [*self.flight.values(), *self.strays]
        if number == 1:
            jobs = [self.held(which)]
        self.run(lambda db: queue.make_solo(db, jobs, self.now))
        for job in jobs:
            if (row := self.land(job)) is not None:
                row.join()
                row.solo, row.due = True, self.now

    @rule(numbers=st.lists(pick, max_size=2, unique=True))
    def charge(self, numbers: list[int]) -> None:
        """Have jobs pay for what has shown to be their own, also those that have gone."""
        self.run(lambda db: queue.charge(db, numbers))
        for row in self.rows.values():
            row.attempts += row.id in numbers

    # -- kinds of call that fail -----------------------------------------------------

    def choose(self, kind: str, wait: float) -> None:
        """Let one of those try a kind of call who wait for it, unless one does already."""
        self.run(lambda db: blocked.choose_next(db, kind, self.now + wait))
        self.chosen_next(kind, self.now + wait)

    def chosen_next(self, kind: str, due: float) -> None:
        """Say who is to try it: whoever was tried longest ago."""
        waiting = [row for row in self.rows.values() if row.blocked == kind]
        if any(row.solo for row in waiting):
            return
        live = [row for row in waiting if row.is_live]
        if live:
            row = min(live, key=lambda row: (row.tried or 0.0, row.id))
            row.solo, row.due = True, due

    @rule(kind=kinds, wait=st.sampled_from([1.0, 600.0]))
    def choose_next(self, kind: str, wait: float) -> None:
        """End a turn while a kind of call fails."""
        self.choose(kind, wait)

    @rule(kind=kinds)
    def unblock(self, kind: str) -> None:
        """Let a kind of call work again."""
        self.free(kind)

    def free(self, kind: str) -> None:
        """Let nobody wait any more for a kind of call."""
        reason = REASONS[kind]
        number = self.run(lambda db: blocked.unblock(db, kind, reason, self.now))
        for row in self.rows.values():
            if row.is_sick and row.reason == reason and not row.failed:
                row.due = min(row.due, self.now + 60)
        freed = [row for row in self.rows.values() if row.blocked == kind]
        assert number == len(freed)
        for row in freed:
            row.join()
            row.solo, row.reason, row.due = row.snoozes > 0, None, self.now
            if row.snoozes:
                row.due += min(60.0, 5.0 * 2**row.snoozes)
        assert self.run(
            lambda db: db.execute(
                "SELECT count(*) FROM job WHERE blocked = ?", (kind,)
            ).fetchone()
        ) == (0,)

    @precondition(lambda self: self.flight)
    @rule(which=pick, share=st.sampled_from([1, 2, 9]))
    def begin_to_write(self, which: int, share: int) -> None:
        """Write without coming to an end: the process may die now."""
        jobs = list(self.flight.values())
        self.write(jobs[which % len(jobs)], share)

    # -- stories that chance alone would seldom tell -----------------------------------

    def hand_out(self, row: Row) -> Job:
        """Have the worker take this job, and whatever comes before it."""
        self.now = max(self.now, row.due)
        while not row.flying:
            assert self.take(100, solo=row.solo)
        return self.flight[row.id]

    @rule(source=pick, key=st.sampled_from(KEYS[:3]), solo=st.booleans())
    def overtake(self, source: int, key: str, solo: bool) -> None:
        """Have news come in while a job is in flight, and while it waits."""
        row = self.news(source, key, f"Before {self.steps}", "1")
        job = self.flight.get(row.id) or self.hand_out(row)
        self.news(source, key, f"Meanwhile {self.steps}", "1")
        self.put_off(job, 0, 30.0, "rejected", solo=solo)
        self.they_agree()
        self.news(source, key, f"After {self.steps}", "1")

    @rule(number=st.integers(2, 4), wait=st.sampled_from([0.05, 1.0]))
    def trials(self, number: int, wait: float) -> None:
        """Try job after job while the server is sick: never the same one again."""
        last = None
        for _ in range(number):
            self.now += wait  # between two of them some time passes
            others = {row.id for row in self.due()} - {last}
            for job in self.take_trial():
                assert job.id in (others or {last})
                last = job.id
                self.put_off(job, 0, wait, "error_500", solo=True)

    @rule(
        kind=kinds,
        sick=st.booleans(),
        end=st.sampled_from(
            ["settle", "fail", "news", "sick", "alone", "gone", "die", "works"]
        ),
        reason=reasons,
    )
    def one_tries(self, kind: str, sick: bool, end: str, reason: str) -> None:
        """Have three wait for a kind of call, and whoever tries it come to some end.

        Beside them somebody is sick, of the same or of something else.
        """
        for number, key in enumerate(KEYS[:3]):
            row = self.news(number, key, f"Tries {self.steps}", "1")
            if row.flying:
                continue
            if sick:
                self.put_off(self.hand_out(row), 0, 1.0, REASONS[kind], solo=True)
            self.put_off(self.hand_out(row), 0, LONGEST, REASONS[kind], blocked=kind)
        row = self.news(0, KEYS[3], f"Beside {self.steps}", "1")
        job = self.flight.get(row.id) or self.hand_out(row)
        self.put_off(job, 0, 600.0, reason, solo=True)
        self.choose(kind, 1.0)
        for row in [r for r in self.rows.values() if r.blocked == kind and r.solo]:
            job = self.flight.get(row.id) or self.hand_out(row)
            match end:
                case "settle":
                    self.bring_into_line(job)
                case "fail":
                    self.be_failed(job, 0, "rejected", passing=False)
                case "news":
                    number = self.sources.index(job.record.source)
                    self.news(number, job.record.key, f"News {self.steps}", "2")
                case "sick":
                    self.put_off(job, 0, 1.0, REASONS[kind], solo=True)
                case "alone":
                    self.run(lambda db, job=job: queue.make_solo(db, [job], self.now))
                    self.land(job)
                    row.join()
                    row.solo, row.due = True, self.now
                case "gone":
                    self.discard_source(self.sources.index(job.record.source))
                case "works":
                    self.free(kind)
                case _:
                    self.restart(killed=True, jump=0.0)
        self.they_agree()
        self.choose(kind, 1.0)
        self.they_agree()

    def news(self, source: int, key: str, title: str, mark: str) -> Row:
        """Promise something of a record, whatever was promised before."""
        place = self.sources[source % 2], key
        fields = {"title": title, "poster": Image("p", mark)}
        self.put(self.record(place, None, fields), Priority.BULK)
        return self.rows[place]

    @rule(
        source=pick,
        key=st.sampled_from(KEYS[:3]),
        blows=st.lists(
            st.tuples(
                st.sampled_from(["die", "fail", "snooze", "miss", "release"]),
                st.sampled_from([1, 2, 3, 6]),
                st.booleans(),
            ),
            min_size=1,
            max_size=3,
        ),
    )
    def ordeal(self, source: int, key: str, blows: list[tuple[str, int, bool]]) -> None:
        """Let one record come to grief again and again, tried again each time."""
        row = self.news(source, key, f"Ordeal {self.steps}", "1")
        for blow, times, passing in blows:
            for _ in range(times):
                if row.failed:
                    self.retry(Choice(ids=[row.id], passing=passing))
                if row.failed:
                    return  # for good, unless a person says otherwise
                job = self.hand_out(row)
                match blow:
                    case "die":
                        self.restart(killed=True, jump=0.0)
                    case "fail":
                        self.be_failed(job, 0, "error_500", passing=True)
                    case "release":
                        self.release_all(0)
                    case _:
                        missed = blow == "miss"
                        self.put_off(job, 0, 1.0, "not_found", not missed, missed)

    @rule(
        source=pick,
        key=st.sampled_from(KEYS[:3]),
        share=st.sampled_from([0, 1, 2]),
        killed=st.booleans(),
        mark=st.sampled_from(["1", "2"]),
    )
    def change_of_mind(
        self, source: int, key: str, share: int, killed: bool, mark: str
    ) -> None:
        """Want again what was written, when another wish was cut short."""
        self.news(source, key, f"One {self.steps}", "1")
        self.finish(source, key)
        row = self.news(source, key, f"Other {self.steps}", "1")
        job = self.hand_out(row)
        if killed:
            if share:
                self.write(job, share)
            self.restart(killed=True, jump=0.0)
        else:
            self.release_all(share)
        self.news(source, key, f"One {self.steps}", mark)
        self.finish(source, key)

    @rule(
        source=pick,
        key=st.sampled_from(KEYS[:3]),
        written=revisions,
        failing=revisions,
        asked=revisions,
        late=revisions,
    )
    def fails_and_is_asked_again(
        self,
        source: int,
        key: str,
        written: int | None,
        failing: int | None,
        asked: int | None,
        late: int | None,
    ) -> None:
        """Have a job fail, and its source say something else of what was written."""
        place = self.sources[source % 2], key
        title, studio = f"Title {self.steps}", f"Studio {self.steps}"
        self.put(self.record(place, written, {"title": title}), Priority.BULK)
        self.finish(source, key)
        self.put(self.record(place, failing, {"studio": studio}), Priority.BULK)
        if (row := self.rows.get(place)) is None:
            return  # too old
        self.be_failed(self.hand_out(row), 0, "rejected", passing=False)
        told = {"title": f"Other {self.steps}", "studio": f"Other {self.steps}"}
        self.ask_again(place, row, asked, told)
        self.they_agree()
        self.put(
            self.record(place, late, {"studio": f"Late {self.steps}"}), Priority.BULK
        )
        self.they_agree()
        self.finish(source, key)

    @rule(limit=st.sampled_from([1, 1, 2, 3, 5]), first=ranks)
    def crowd(self, limit: int, first: Priority) -> None:
        """Have many of both kinds wait, for few places at a time."""
        for number, key in enumerate(KEYS):
            priority = first if number % 2 else Priority(1 - first)
            place = self.sources[0], key
            fields = {"title": f"Crowd {self.steps}"}
            self.put(self.record(place, None, fields), priority)
        for _ in range(6):
            self.take(limit)

    def finish(self, source: int, key: str) -> None:
        """Work until nothing of a record is left to do."""
        place = self.sources[source % 2], key
        while (row := self.rows.get(place)) is not None:
            if row.failed:
                self.retry(Choice(ids=[row.id]))
            self.bring_into_line(self.hand_out(row))

    @rule()
    def drain(self) -> None:
        """Work everything off: every promise is kept, the newest of each field."""
        for job in [*self.flight.values(), *self.strays]:
            self.bring_into_line(job)
        self.retry(Choice())
        while self.rows:
            due = self.run(queue.next_due)
            assert due is not None
            assert due <= self.now + LONGEST
            self.now = max(self.now, due)
            jobs = [*self.take(100), *self.take(100, solo=True)]
            assert jobs
            for job in jobs:
                self.bring_into_line(job)
        assert self.run(queue.next_due) is None
        for truth in self.truth.values():  # Q1
            for name, promise in truth.promised.items():
                if promise.value is not ABSENT:
                    assert truth.plex.get(name, ABSENT) == seen(promise.value)

    # -- the owner -------------------------------------------------------------------

    def chosen(self, choice: Choice) -> list[tuple[Key, Row]]:
        """Give the failed jobs that are meant."""
        return [
            (key, row)
            for key, row in self.rows.items()
            if row.failed
            and choice.reason in (None, row.reason)
            and choice.source in (None, key[0])
            and (choice.ids is None or row.id in choice.ids)
            and (
                not choice.passing
                or (row.passing and row.outage_retries < OUTAGE_RETRIES)
            )
        ]

    def choice(
        self, reason: str | None, which: int | None, source: int | None, passing: bool
    ) -> Choice:
        """Choose, also by numbers of jobs that have gone or have not failed."""
        ids = None if which is None else [n for n in self.ids if n % 4 == which % 4]
        name = None if source is None else self.sources[source % 2]
        return Choice(reason, ids, name, passing)

    def retry(self, choice: Choice) -> None:
        """Retry in both worlds."""
        number = self.run(lambda db: failed_rows.retry(db, choice, self.now))
        rows = self.chosen(choice)
        assert number == len(rows)  # Q5
        for _, row in rows:
            row.ready(self.now)
            row.enqueued = self.now
            row.retries += 1
            row.outage_retries += choice.passing
            # Only by hand does what may bring the process down get a whole new start.
            row.crashes = min(row.crashes, CRASHES - 1) if choice.passing else 0

    def give_up(self, key: Key) -> None:
        """Drop a failed job in the model: what was promised with it is no longer."""
        row = self.rows.pop(key)
        for name in row.revisions:
            self.withdraw(key, name)

    @rule(
        reason=st.none() | reasons | st.just("crashed"),
        which=st.none() | pick,
        source=st.none() | pick,
        passing=st.booleans(),
    )
    def retry_failed(
        self, reason: str | None, which: int | None, source: int | None, passing: bool
    ) -> None:
        """Try again what failed."""
        self.retry(self.choice(reason, which, source, passing))

    @rule(reason=st.none() | reasons, which=st.none() | pick, source=st.none() | pick)
    def discard_failed(
        self, reason: str | None, which: int | None, source: int | None
    ) -> None:
        """Give up what failed."""
        choice = self.choice(reason, which, source, False)
        number = self.run(lambda db: failed_rows.discard(db, choice))
        rows = self.chosen(choice)
        assert number == len(rows)
        for key, _ in rows:
            self.give_up(key)

    @rule(which=pick, revision=revisions, fields=contents)
    def refresh_failed(
        self, which: int, revision: int | None, fields: dict[str, Any]
    ) -> None:
        """Have the source say anew what a job is about, if that has failed."""
        rows = self.chosen(Choice()) or list(self.rows.items())
        if not rows:
            return
        self.ask_again(*rows[which % len(rows)], revision, fields)

    def ask_again(
        self, key: Key, row: Row, revision: int | None, fields: dict[str, Any]
    ) -> None:
        """Refresh a job in both worlds."""
        record = self.record(key, revision, fields)
        taken = self.run(lambda db: intake.refresh(db, record, self.now))
        older = too_old(revision, row.record.revision) or self.too_late(key, record)
        assert taken is (row.failed and not older)
        if not taken:
            return
        self.promise_all(key, record)
        written = self.done[key].revisions if key in self.done else {}
        news = {
            name: value
            for name, value in fields.items()
            if not too_old(revision, written.get(name))
        }
        row.record = replace(record, fields=self.merged(row, record, news))
        row.news += 1
        row.heard = self.now

    @rule(days=st.sampled_from([1, 1, 16, KEPT_DAYS]))
    def prune(self, days: int) -> None:
        """Let days pass: what failed long ago goes."""
        for _ in range(days):
            number = self.run(failed_rows.prune)
            gone = []
            for key, row in self.rows.items():
                row.days += row.failed
                if row.failed and row.days > KEPT_DAYS:
                    gone.append(key)
            assert number == len(gone)
            for key in gone:
                self.give_up(key)

    @rule(reason=reasons)
    def wake(self, reason: str) -> None:
        """Wake those who wait for something."""
        number = self.run(lambda db: queue.wake(db, self.now, reason))
        rows = [
            row
            for row in self.rows.values()
            if row.reason == reason and not row.failed and not row.flying
        ]
        assert number == len(rows)
        for row in rows:
            row.due = self.now

    @rule(which=pick)
    def forget_settled(self, which: int) -> None:
        """Have the next record compared with Plex, even an equal one."""
        if self.done:
            key = list(self.done)[which % len(self.done)]
            self.run(lambda db: settled.compare_again(db, *key))
            self.done[key].record = None

    @rule(which=pick)
    def discard_source(self, which: int) -> None:
        """Remove a source, also while its jobs are in flight; another one comes."""
        source = self.sources.pop(which % 2)
        number = self.run(lambda db: dropping.discard_source(db, source, self.now))
        gone = [key for key in self.rows if key[0] == source]
        assert number == len(gone)
        tried = set()
        for key in gone:
            row = self.rows.pop(key)
            if row.flying:
                self.strays.append(self.flight.pop(row.id))
            if row.solo and row.blocked is not None:
                tried.add(row.blocked)
        for kind in tried:
            self.chosen_next(kind, self.now)  # it waits for nobody who has gone
        self.truth = {k: truth for k, truth in self.truth.items() if k[0] != source}
        self.done = {k: done for k, done in self.done.items() if k[0] != source}
        self.sources.append(f"source{len(self.ids)}.{self.steps}")

    # -- time ------------------------------------------------------------------------

    @rule(seconds=st.sampled_from([0.0, 1.0, 29.0, 60.0, 599.0, LONGEST]))
    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.now += seconds

    @rule(
        killed=st.sampled_from([True, True, False]),
        jump=st.sampled_from([0.0, 0.0, 1.0, 600.0, -600.0, 1e8, -1e5, -9e5]),
    )
    def restart(self, killed: bool, jump: float) -> None:
        """End the process, well or badly, and start with a clock that may have moved."""
        if not killed:
            self.run(leases.end_all)
        self.database.close()
        self.now = max(0.0, self.now + jump)
        self.open()
        number = self.run(lambda db: queue.recover(db, self.now, LONGEST))
        aside = 0
        for row in self.rows.values():
            if row.flying and killed:
                row.crashes += 1
                row.solo = False
                if row.crashes >= CRASHES:
                    row.fail("crashed", self.now, passing=True)
                    aside += 1
            row.flying = False
            if row.due > self.now + LONGEST:
                row.due = self.now
            if row.blocked is not None:
                row.join()
                row.due = self.now
            if row.tried is not None:
                row.tried = min(row.tried, self.now)
        for each in [*self.rows.values(), *self.done.values()]:
            each.heard = min(each.heard, self.now)
        assert number == aside
        self.flight.clear()
        self.strays.clear()

    @rule(fields=contents, limit=st.integers(1, 9))
    def break_off(self, fields: dict[str, Any], limit: int) -> None:
        """Break a transaction off at its end: all is as before."""

        def work(db: Connection) -> None:
            record = self.record(("stash", "0"), 9, fields)
            intake.enqueue(db, record, Priority.BULK, self.now)
            for job in queue.claim(db, limit, self.now):
                queue.settle(db, job, None, self.now)
            failed_rows.retry(db, Choice(), self.now)
            raise InterruptedError

        before = self.run(_everything)
        with pytest.raises(InterruptedError):
            self.run(work)
        assert self.run(_everything) == before  # Q9

    # -- always ----------------------------------------------------------------------

    @invariant()
    def they_agree(self) -> None:
        """Everything that shows is as the rules say; Q2, Q5, Q8."""
        rows = sorted(self.rows.values(), key=lambda row: row.id)
        shown, total = self.run(lambda db: jobs_view.listing(db, limit=1000))
        in_order = [replace(job, fields=tuple(sorted(job.fields))) for job in shown]
        assert in_order == [row.info() for row in rows]
        assert total == len(rows) == len({(job.source, job.key) for job in shown})
        assert total <= len(self.truth)
        alive = [row for row in rows if not row.failed]
        assert self.run(jobs_view.counts) == jobs_view.Counts(
            len(alive),
            len(rows) - len(alive),
            min((row.enqueued for row in alive), default=None),
        )
        for solo in (None, False, True):
            assert self.run(lambda db, solo=solo: queue.next_due(db, solo=solo)) == min(
                (r.due for r in alive if r.is_live and solo in (None, r.solo)),
                default=None,
            )
        assert self.run(_turns) == [row.turn() for row in rows]
        chosen = [row.blocked for row in rows if row.blocked and row.solo]
        assert len(chosen) == len(set(chosen))
        for key, done in self.done.items():
            assert self.run(lambda db, key=key: settled.token(db, *key)) == (done.token)
            known = self.run(lambda db, key=key: settled.find(db, *key))
            assert known is not None
            assert known.heard == done.heard

    @invariant()
    def nothing_is_lost(self) -> None:
        """Q1: each promise is kept in Plex, or a job stands for it."""
        for key, truth in self.truth.items():
            row = self.rows.get(key)
            for name, promise in truth.promised.items():
                if promise.value is ABSENT:
                    continue
                if row is not None and name in row.record.fields:
                    assert row.record.fields[name] == promise.value
                else:
                    assert truth.plex.get(name, ABSENT) == seen(promise.value)

    @invariant()
    def no_wait_is_too_long(self) -> None:
        """Whatever the clock did, and whoever is put off."""
        due = self.run(queue.next_due)
        assert due is None or due <= self.now + LONGEST


def _turns(db: Connection) -> list[tuple[Any, ...]]:
    return db.execute(
        "SELECT id, solo, blocked, snoozes, coalesce(taken, tried), attempts, due"
        " FROM job LEFT JOIN lease ON lease.job = job.id ORDER BY id"
    ).fetchall()


def _everything(db: Connection) -> list[list[tuple[Any, ...]]]:
    return [
        db.execute("SELECT * FROM job").fetchall(),
        db.execute("SELECT * FROM settled").fetchall(),
    ]


@pytest.mark.timeout(LIMIT)
@pytest.mark.filterwarnings("ignore:It looks like `register_random`")
def test_queue_machine() -> None:
    """Let it run."""
    run(QueueMachine, 180, 40)
