"""One month: lives of our process, what the source tells, what people and scans do."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
import heapq
from itertools import count
from pathlib import Path
from random import Random
from typing import Any

from custom_components.plexsync.engine.engine import Engine
from custom_components.plexsync.engine.jobs.job import Priority
from custom_components.plexsync.engine.util.clock import Clock
from proofs.promises import Promises
from tests.simulators.plex import Item, PlexCore
from tests.simulators.plex.library import synthetic
from tests.simulators.plex.snapshot import item_state
from tests.wire import Network

from .lives import Left, Life
from .watch import EPOCH, Spans, Streak, Wall, Watch
from .weather import DAY, HOUR, MINUTE, Spell, forecast

ITEMS = 30
_STEADY = "scene:1"  # nobody edits or moves this one: it always has work
_RECORDS = HOUR  # between two submissions, on average
_DRAIN = 4 * HOUR  # the longest wait of a job is one hour

type Happening = Callable[[], Awaitable[None]]


class World:
    """Everything there is in one month."""

    def __init__(self, seed: int, days: float, folder: Path) -> None:
        """Make the library and the plan; nothing runs yet."""
        loop = asyncio.get_running_loop()
        self.now = loop.time
        self.seed, self.days = seed, days
        self.folder = folder
        self.random = Random(f"{seed}/month")
        self.wall = Wall(loop.time)
        self.watch = Watch(loop.time)
        self.core = PlexCore(clock=lambda: EPOCH + loop.time(), seed=seed)
        self.section = synthetic(self.core, ITEMS)
        self.network = Network(self.core, self.watch)
        paths = [item.files[0] for item in self.core.items.values()]
        self._keys = {path: f"scene:{n}" for n, path in enumerate(paths, 1)}
        self.promises = Promises(seed, {key: path for path, key in self._keys.items()})
        self.spells = forecast(Random(f"{seed}/weather"), days)
        self.alive, self.held = Spans(), Spans()
        self.counts: Counter[str] = Counter()
        self.failed: Counter[str] = Counter()
        self._life: Life | None = None
        self._left: Left = (None, Streak())  # in the store, when our last process ended
        self._unsaid: set[str] = set()  # what changed while nobody was there to hear
        self._plan: list[tuple[float, int, Happening]] = []
        self._number = count()
        self._spell: Spell | None = None
        self.watch.item_key = self._key_of
        self.watch.circuit = lambda: (
            self._life.engine.circuit.breaker.state if self._life else None
        )

    # -- the course of things ------------------------------------------------------

    async def run(self) -> None:
        """Live through the month, and let everything come to its end."""
        self._make_plan()
        await self._start()
        while self._plan and self._plan[0][0] <= self.days * DAY:
            when, _, happening = heapq.heappop(self._plan)
            await asyncio.sleep(max(0.0, when - self.now()))
            await happening()
        await self._finish()

    def at(self, when: float, happening: Happening) -> None:
        """Plan something."""
        heapq.heappush(self._plan, (when, next(self._number), happening))

    def _make_plan(self) -> None:
        random, end = self.random, self.days * DAY - HOUR
        for spell in self.spells:
            self.at(spell.start, lambda spell=spell: self._begin(spell))  # type: ignore[misc]
            self.at(spell.end, self._end)
            if random.random() < 0.4:
                self.at(random.uniform(spell.start, spell.end), self._end_life)

        def often(mean: float, happening: Happening) -> None:
            when = random.expovariate(1 / mean)
            while when < end:
                self.at(when, happening)
                when += random.expovariate(1 / mean)

        often(_RECORDS, self._tell)
        often(5 * DAY, self._tell_much)
        often(2.5 * DAY, self._end_life)
        often(8 * HOUR, self._edit_by_hand)
        often(3 * DAY, self._move)
        often(3 * DAY, self._remove)
        often(2 * DAY, self._jump)

    # -- our process -----------------------------------------------------------------

    async def _start(self) -> None:
        self.counts["lives"] += 1
        # No process knows another's monotonic time.
        booted = self.random.uniform(0, 1e6)
        self._life = Life(
            self.network,
            self.database,
            self._left,
            clock=Clock(lambda: self.now() + booted, self.wall),
            seed=f"{self.seed}/{self.counts['lives']}",
            watch=self.watch,
            held=lambda active: (self.held.begin if active else self.held.end)(
                self.now()
            ),
        )
        await self._life.begin()
        self.alive.begin(self.now())
        if self._unsaid:
            await self._submit(self._unsaid)
            self._unsaid = set()

    async def _end_life(self) -> None:
        """Stop or kill our process, now or in the midst of a job, for a while."""
        if self._life is None:
            return
        if self.random.random() < 0.5:
            await self._submit([self._some_key()])
            await asyncio.sleep(self.random.uniform(0, 0.08))
        killed = self.random.random() < 0.6
        await self._stop(killed=killed)
        self.counts["kills" if killed else "restarts"] += 1
        self.at(self.now() + 2 * 3600 ** self.random.random(), self._start)

    async def _stop(self, *, killed: bool) -> None:
        life, self._life = self._life, None
        assert life is not None
        self._left = await life.end(killed=killed)
        self.watch.gone(self._left[1])
        self.alive.end(self.now())
        self.held.end(self.now())

    @property
    def database(self) -> Path:
        """Our database's file."""
        return self.folder / "month.db"

    # -- Plex --------------------------------------------------------------------------

    async def _begin(self, spell: Spell) -> None:
        self._spell = spell
        self.counts[spell.kind.name] += 1
        spell.begin(self.network)
        await self._submit([_STEADY])

    async def _end(self) -> None:
        assert self._spell is not None
        await self._check_attempts()
        self._spell.pass_over(self.network.faults)
        self._spell = None
        await self._submit([_STEADY])

    async def _check_attempts(self) -> None:
        """See that no job has paid for what the server, the token or the way did."""
        if self._life is None:
            return
        jobs, _ = await self._life.engine.job_status.jobs(limit=10_000)
        for job in jobs:
            if job.attempts and job.state != "failed":
                self.watch.breach(f"{job.key} has used {job.attempts} attempts")

    @property
    def _people_are_there(self) -> bool:
        return self._spell is None or self._spell.kind.edits

    # -- the source ----------------------------------------------------------------------

    def _some_key(self) -> str:
        return self.random.choice([*self.promises.keys])

    async def _tell(self) -> None:
        number = self.random.choice((1, 1, 1, 2, 4))
        await self._submit({self._some_key() for _ in range(number)})

    async def _tell_much(self) -> None:
        await self._submit(self.promises.keys)

    async def _submit(self, keys: Iterable[str]) -> None:
        """Hand over a new revision of each, whole: its item may be another one by now."""
        life, promises = self._life, self.promises
        if life is None:
            self._unsaid.update(keys)
            return
        chosen: dict[str, int] = {}
        for key in sorted(keys):
            chosen[key] = promises.keys[key].next_whole
            promises.submit(key, chosen[key])
        records = [promises.record(key, revision) for key, revision in chosen.items()]
        priority = Priority.INTERACTIVE if len(chosen) < 3 else Priority.BULK
        await life.engine.submit(records, priority)
        for key, revision in chosen.items():
            promises.answer(key, revision)

    # -- people, agents and disks ----------------------------------------------------------

    def item(self, key: str) -> Item | None:
        """Give the item of a record, if it is there."""
        path = self.promises.keys[key].path
        items = self.core.items.values()
        return next((item for item in items if path in item.files), None)

    def _key_of(self, rating_key: str) -> str | None:
        item = self.core.items.get(int(rating_key))
        return self._keys.get(item.files[0]) if item and item.files else None

    def _some_item(self) -> tuple[str, Item] | None:
        """Choose an item that things may happen to; None while nothing may."""
        key = self._some_key()
        if key == _STEADY or not self._people_are_there:
            return None
        return (key, item) if (item := self.item(key)) is not None else None

    async def _edit_by_hand(self) -> None:
        """Edit what no record of ours names, most often while we are at the same item."""
        if (chosen := self._some_item()) is None:
            return
        key, item = chosen
        if self.random.random() < 0.7:
            await self._submit([key])
            await asyncio.sleep(self.random.uniform(0, 0.06))
        if item.rating_key in self.core.items:
            self.counts["edits by hand"] += 1
            rating = f"By hand {self.counts['edits by hand']}"
            self.core.edit_by_person(item.rating_key, contentRating=rating)

    async def _move(self) -> None:
        """Rename a file: for Plex that is another item."""
        if (chosen := self._some_item()) is None:
            return
        key, item = chosen
        self.counts["moved"] += 1
        (old,) = item.files
        new = f"/data/movies/Moved {self.counts['moved']}/{old.rsplit('/', 1)[1]}"
        self.core.move_file(old, new)
        self._keys[new] = self._keys.pop(old)
        self.promises.keys[key].path = new
        await self._scan()
        await self._submit([key])

    async def _remove(self) -> None:
        """Take a file away; most come back."""
        if (chosen := self._some_item()) is None:
            return
        key, item = chosen
        self.counts["removed"] += 1
        self.core.remove_file(item.files[0])
        await self._scan()
        later = 10 * MINUTE * 240 ** self.random.random()
        self.at(self.now() + later, lambda: self._bring(key))

    async def _bring(self, key: str) -> None:
        """Put a file on the disk, and let Plex find it."""
        if not self._people_are_there:
            self.at(self.now() + HOUR, lambda: self._bring(key))
            return
        if self.item(key) is None:
            self.counts["added"] += 1
            self.core.add_file(self.promises.keys[key].path)
            await self._scan()
            await self._submit([key])

    async def _scan(self) -> None:
        """Have Plex look at its files."""
        self.core.scan(self.section)
        for _ in range(3):
            await asyncio.sleep(self.core.switches.scan_seconds / 2)
            self.core.tick()

    async def _jump(self) -> None:
        """Set the clock: by a little, by an hour, or by up to a day."""
        kind = self.random.random()
        seconds = self.random.uniform(0.5, 40) if kind < 0.5 else HOUR
        if kind > 0.9:
            seconds = self.random.uniform(HOUR, DAY)
        self.wall.jump(self.random.choice((1, -1)) * seconds)

    # -- the end -----------------------------------------------------------------------------

    async def _finish(self) -> None:
        """Let all be well, and see that every promise is kept."""
        if self._spell is not None:
            await self._end()
        self.network.faults.clear()
        if self._life is None:
            await self._start()
        for key in self.promises.keys:
            if self.item(key) is None:
                await self._bring(key)
        await self._submit([_STEADY])
        await self._drained()
        await self._compare()
        assert self._life is not None
        await self._life.engine.failed_jobs.retry()
        await self._drained()
        await self._compare()

    async def _drained(self) -> None:
        assert self._life is not None
        until = self.now() + _DRAIN
        while (await self._life.engine.snapshot()).pending:
            if self.now() > until:
                self.watch.breach(
                    f"still waiting: {await self._life.engine.job_status.reasons()}"
                )
                return
            await asyncio.sleep(10)

    async def _compare(self) -> None:
        """Compare Plex with what was promised."""
        failed, _ = await self.engine.job_status.jobs(state="failed", limit=10_000)
        for job in failed:
            self.failed[str(job.reason)] += 1
            if job.reason not in ("not_found", "crashed"):
                self.watch.breach(f"{job.key} failed: {job.reason}")
        states: dict[str, dict[str, Any]] = {}
        for key, known in self.promises.keys.items():
            if (item := self.item(key)) is None:
                self.watch.breach(f"{key} has no item")
                return
            states[known.path] = item_state(item)
        for lost in self.promises.lost_in_plex(states, {job.key for job in failed}):
            self.watch.breach(f"promised {lost}")

    async def close(self) -> None:
        """Stop our process."""
        if self._life is not None:
            await self._stop(killed=False)

    @property
    def engine(self) -> Engine:
        """Our engine, while it lives."""
        assert self._life is not None
        return self._life.engine
