"""Sixty jobs, a Plex of three libraries and its sick parts, in virtual time without sockets.

The engine has its default policies and deadlines: hours cost nothing here.
"""

import asyncio
from collections.abc import (
    Awaitable,
    Callable,
    Collection,
    Iterable,
    Iterator,
    Sequence,
)
import contextlib
from dataclasses import dataclass, field, replace
import hashlib
import logging
from pathlib import Path
from random import Random
import re
import tempfile
from typing import Any

from custom_components.plexsync.engine.database.database import Database
from custom_components.plexsync.engine.engine import Engine
from custom_components.plexsync.engine.jobs.job import Priority
from custom_components.plexsync.engine.jobs.jobs_view import JobInfo
from custom_components.plexsync.engine.layout import LAYOUT
from custom_components.plexsync.engine.model.events import (
    CircuitMoved,
    Event,
    HoldChanged,
)
from custom_components.plexsync.engine.model.faults import Fault, FaultClass
from custom_components.plexsync.engine.model.ports import FetchedImage
from custom_components.plexsync.engine.model.record import Find, Image, Record, Value
from custom_components.plexsync.engine.util.clock import Clock
from custom_components.plexsync.plex.index import SCHEMA as INDEX_SCHEMA
from tests.rig import PNG, MemoryStore
from tests.simulators.plex import Item, PlexCore, Request, Response, Section
from tests.simulators.plex.rules import named_keys, named_sections
from tests.virtual import VirtualLoop
from tests.wire import Network, Observer, VirtualEvents, VirtualServer

EPOCH = 1_800_000_000.0
MINUTE, HOUR = 60.0, 3600.0

LIBRARIES = 3
SIZE = 20  # items in each
NUMBERS = range(LIBRARIES * SIZE)
LATE = (8, 3, 0)  # of each library's, the last ones come after it was listed
_QUIET = 700.0  # seconds between what comes before and the jobs
_RUNAWAY = 2000  # requests, or pictures, that nobody needs for so few jobs
_LOOKS = 300_000  # at the loop's clock: more are made only where no time passes
_NEVER = 1e7
_AGAIN = 30.0  # seconds after which the coordinator begins again what ended
_DEADLINE = 30.0  # seconds after which the fetcher of pictures gives up

PARTS = ("fields", "collections", "poster")
type Part = tuple[int, str]  # of which record, and what of it


class NothingMovesError(Exception):
    """Time does not pass any more: somebody is busy with nothing."""


class RunawayError(Exception):
    """So much is asked of Plex, or of a source, that nobody needs to see the rest."""


class Loop(VirtualLoop):
    """Stops where turns without end pass no time."""

    looks = 0
    exhausted = False

    def time(self) -> float:
        """Give the virtual seconds since the loop began."""
        self.looks += 1
        if self.looks > _LOOKS and not self.exhausted:
            self.exhausted = True
            self.stop()
        return super().time()


# -- what passes over the wire -----------------------------------------------------

_ALL = re.compile(r"^/library/sections/\d+/all$")
_COLLECTIONS = re.compile(r"^/library/sections/\d+/collections$")
_ITEMS = re.compile(r"^/library/metadata/[\d,]+$")
_PICTURES = re.compile(r"^/library/metadata/\d+/(posters|arts)$")


def kind_of(request: Request) -> str:
    """Name the endpoint that a request calls."""
    path = request.path
    if path == "/identity":
        return "identity"
    if path == "/library/sections":
        return "sections"
    if "/:/websockets/" in path:
        return "socket"
    if _ALL.match(path):
        if request.is_write:
            return "edit"
        if request.param("file") is not None:
            return "file"
        size = request.param("X-Plex-Container-Size")
        # The probe counts whatever there is, a listing rows of one type.
        return "count" if size == "0" and request.param("type") is None else "listing"
    if _COLLECTIONS.match(path):
        return "collections"
    if _ITEMS.match(path) and not request.is_write:
        return "bulk" if "," in path else "read"
    if _PICTURES.match(path) and request.is_write:
        return "upload"
    return "other"


@dataclass(frozen=True, slots=True)
class Seen:
    """One request that reached Plex."""

    at: float
    kind: str
    items: frozenset[int]
    target: str
    status: int | None = None  # None: no answer came


class Wire(Network):
    """The way to Plex, with a journal."""

    def __init__(self, core: PlexCore) -> None:
        """Take the server."""
        super().__init__(core, Observer())
        self.journal: list[Seen] = []
        self.runaway = asyncio.Event()

    async def carry(self, request: Request) -> Response:
        """Carry a request, and write it down; give up what never ends."""
        now = asyncio.get_running_loop().time()
        if self.runaway.is_set():
            await asyncio.sleep(_NEVER)
        place = len(self.journal)
        if place > _RUNAWAY:
            self.runaway.set()
        items = frozenset(named_keys(request))
        target = f"{request.method} {request.path}"
        seen = Seen(now, kind_of(request), items, target)
        self.journal.append(seen)
        response = await super().carry(request)
        self.journal[place] = replace(seen, status=response.status)
        return response


@dataclass(slots=True)
class Ailment:
    """One sick part of Plex: when which of its requests came."""

    kinds: frozenset[str]
    keys: frozenset[int] = frozenset()  # of items; none means any
    section: int | None = None
    names: frozenset[str] = frozenset()  # of files that are asked for; none means any
    hits: list[tuple[float, object]] = field(default_factory=list)


# -- pictures -----------------------------------------------------------------------


def picture(number: int) -> bytes:
    """Draw the picture of one record; no two are the same."""
    return PNG + b"%06d" % number


class Gallery:
    """Pictures as a source hands them out, some of which are sick."""

    def __init__(self, busy: Callable[[], None]) -> None:
        """Take whom to tell of each request."""
        self.sick: dict[int, str] = {}  # how, by number
        self.asked: list[tuple[float, int]] = []
        self.hits: list[tuple[float, object]] = []
        self._busy = busy

    async def fetch(
        self, source: str, image: Image, known: str | None, files: object = ()
    ) -> FetchedImage:
        """Give a picture, or fail as a source fails."""
        number, now = int(image.ref), asyncio.get_running_loop().time()
        self.asked.append((now, number))
        self._busy()
        await asyncio.sleep(0.005)
        if (how := self.sick.get(number)) is not None:
            self.hits.append((now, number))
            await _fail(how)
        data = picture(number)
        tag = hashlib.sha1(data, usedforsecurity=False).hexdigest()
        if tag == known:
            return FetchedImage(tag=tag, unchanged=True)
        return FetchedImage(data, tag)


async def _fail(how: str) -> None:
    match how:
        case "away":
            raise Fault(FaultClass.SOURCE, "unreachable", unreachable=True)
        case "busy":
            raise Fault(FaultClass.SOURCE, "status_4xx", retry_after=300)
        case "hang":
            # Who fetches for real has a deadline of its own.
            await asyncio.sleep(_DEADLINE)
            raise Fault(FaultClass.SOURCE, "timeout", unreachable=True)
        case "gone":
            raise Fault(FaultClass.ITEM, "image_gone", permanent=True)
        case _:
            raise ZeroDivisionError


# -- the world ----------------------------------------------------------------------


def library_of(number: int) -> int:
    """Give the library of an item: 0, 1 or 2."""
    return number // SIZE


def is_late(number: int) -> bool:
    """Say whether an item came after its library had been listed."""
    return number % SIZE >= SIZE - LATE[library_of(number)]


def parts_of(number: int) -> tuple[str, ...]:
    """Name what the record of an item says: a part of them have more to say."""
    place = number % SIZE
    return (
        "fields",
        *(("collections",) if place % 4 in (0, 2) else ()),
        *(("poster",) if place % 4 in (0, 1) else ()),
    )


def path_of(number: int) -> str:
    """Give the file of an item."""
    return f"/data/{library_of(number)}/Film {number:02d}/Film {number:02d}.mkv"


@dataclass(slots=True)
class Watched:
    """What the engine has shown of its jobs and of its circuit, looked at now and then."""

    attempts: dict[str, int] = field(default_factory=dict)  # the most of each record
    failed: dict[str, str | None] = field(default_factory=dict)
    reasons: dict[str, set[str]] = field(default_factory=dict)
    states: set[str] = field(default_factory=set)
    holds: set[str] = field(default_factory=set)


class World:
    """One engine, one listener and one Plex, joined as the coordinator joins them."""

    def __init__(self, folder: Path, *, cold: bool = False) -> None:
        """Make the libraries; a ``cold`` engine has not listed any of them."""
        loop = asyncio.get_running_loop()
        self.now = loop.time
        self.cold = cold
        self.core = PlexCore(clock=lambda: EPOCH + loop.time())
        self.wire = Wire(self.core)
        self.sections = [self._library(number) for number in range(LIBRARIES)]
        self.gallery = Gallery(self._fetched)
        self.wanted: dict[int, dict[str, Value]] = {n: _fields(n) for n in NUMBERS}
        self.done: dict[Part, float] = {}  # when each part first stood in Plex
        self.watched = Watched()
        self.ended: list[str] = []  # why something of ours ended, each time
        self.began = 0.0
        database = Database(
            folder / "engine.db", LAYOUT.beside(INDEX_SCHEMA), inline=True
        )
        clock = Clock(loop.time, lambda: EPOCH + loop.time())
        self.server = VirtualServer(self.wire, database, monotonic=clock.monotonic)
        self.engine = Engine(
            database,
            self.server,
            self.gallery,
            name="liveness",
            store=MemoryStore(),
            clock=clock,
            random=Random(1),
            tell=self._heard,
        )
        self.events = VirtualEvents(
            self.wire, self.engine, arrived=self._arrived, random=Random(2)
        )
        self._tasks: list[asyncio.Task[None]] = []
        self._news = asyncio.Event()
        self._items: dict[int, Item] = {}  # by number
        self._numbers: dict[int, int] = {}  # by rating key

    def _library(self, number: int) -> Section:
        section = self.core.add_section(
            f"Library {number}", "movie", [f"/data/{number}"]
        )
        for n in NUMBERS:
            if library_of(n) == number and (self.cold or not is_late(n)):
                self._add(section, n)
        return section

    def _add(self, section: Section, number: int) -> None:
        self.core.add_item(
            section,
            f"Film {number}",
            file=path_of(number),
            announce=False,
            genres=["Drama"],
        )

    # Life

    async def begin(self) -> None:
        """Start; unless ``cold``, let every library be listed, and then grow."""
        await self.engine.open()
        self.core.subscribe(self._told)
        self._tasks = [
            asyncio.create_task(self._host(self.engine.run)),
            asyncio.create_task(self._host(self.events.run)),
        ]
        if not self.cold:
            known = [SIZE * (number + 1) - 1 - late for number, late in enumerate(LATE)]
            await self.submit(known, {"title": "Before"})
            await self.until(self._drained, HOUR)
            for n in filter(is_late, NUMBERS):
                self._add(self.sections[library_of(n)], n)
            await self.sleep(_QUIET)
        self._items = {
            int(item.files[0][-6:-4]): item
            for item in self.core.items.values()
            if item.files
        }
        self._numbers = {item.rating_key: n for n, item in self._items.items()}
        self.began = self.now()
        self._tasks.append(asyncio.create_task(self._watch()))

    async def end(self) -> None:
        """Stop as an unload does."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.engine.close()

    async def _host(self, work: Callable[[], Awaitable[None]]) -> None:
        """Let something run for ever, and begin again should it end."""
        while True:
            try:
                await work()
            except Exception as error:  # noqa: BLE001  # whatever it is, it is noted
                self.ended.append(repr(error))
            else:
                self.ended.append("of itself")
            await asyncio.sleep(_AGAIN)

    # What happens

    def ail(self, ailment: Ailment, action: str, **params: Any) -> None:
        """Let a part of Plex be sick from now on."""

        def meets(request: Request) -> bool:
            if kind_of(request) not in ailment.kinds:
                return False
            keys: frozenset[object] = ailment.keys & named_keys(request)
            if ailment.keys and not keys:
                return False
            if ailment.section is not None and ailment.section not in named_sections(
                request, self.core.catalog
            ):
                return False
            if ailment.names and request.param("file") not in ailment.names:
                return False
            what = keys or {request.param("file")}
            ailment.hits += [(self.now(), each) for each in what]
            return True

        self.wire.faults.add(action, where=meets, **params)

    def recover(self) -> None:
        """Let everything be well."""
        self.wire.faults.clear()
        self.gallery.sick = {}

    async def submit(
        self, numbers: Iterable[int], fields: dict[str, Value] | None = None
    ) -> None:
        """Enqueue a record of each, ``fields`` or all that is wanted of it."""
        await self.engine.submit(
            [
                Record(
                    "source",
                    f"scene:{n}",
                    Find((path_of(n),)),
                    self.wanted[n] if fields is None else fields,
                )
                for n in numbers
            ],
            Priority.BULK,
        )

    async def retitle(self, number: int, title: str) -> None:
        """Let the source say another title for one item."""
        self.wanted[number]["title"] = title
        await self.submit([number])

    # What is seen

    def item(self, number: int) -> Item:
        """Give an item."""
        return self._items[number]

    def rating_keys(self, numbers: Iterable[int]) -> frozenset[int]:
        """Give the rating keys of items."""
        return frozenset(self.item(number).rating_key for number in numbers)

    def lacking(self, parts: Iterable[Part]) -> list[Part]:
        """Give those of some parts that do not stand in Plex."""
        return [part for part in parts if not self._stands(self.item(part[0]), *part)]

    def _stands(self, item: Item, number: int, part: str) -> bool:
        wanted = self.wanted[number]
        match part:
            case "collections":
                there = item.tag_names("collection")
                return {*_names(wanted["collections"])} <= {*there}
            case "poster":
                data = picture(number)
                digest = hashlib.sha1(data, usedforsecurity=False).hexdigest()
                return item.image_key("thumb") == f"upload://posters/{digest}"
            case _:
                return (
                    item.title == wanted["title"]
                    and item.value("summary") == wanted["summary"]
                    and {*_names(wanted["genres"])} <= {*item.tag_names("genre")}
                )

    async def jobs(self) -> dict[int, JobInfo]:
        """Give every job by the number of its record."""
        found, _ = await self.engine.job_status.jobs(limit=1000)
        return {int(job.key.partition(":")[2]): job for job in found}

    async def until(
        self, condition: Callable[[], bool | Awaitable[bool]], within: float
    ) -> bool:
        """Wait until something holds; say whether it came to that."""
        end = self.now() + within
        while True:
            self._news.clear()
            held = condition()
            if held if isinstance(held, bool) else await held:
                return True
            if (left := end - self.now()) <= 0:
                return False
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(min(left, 5.0)):
                    await self._news.wait()
            self._stop_runaway()

    async def sleep(self, seconds: float) -> None:
        """Let time pass."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.wire.runaway.wait()
        self._stop_runaway()

    def _stop_runaway(self) -> None:
        if self.wire.runaway.is_set():
            raise RunawayError

    async def _drained(self) -> bool:
        return (await self.engine.snapshot()).pending == 0

    # How it is joined

    def _heard(self, event: Event) -> None:
        if isinstance(event, CircuitMoved | HoldChanged):
            self.events.look()
        self._news.set()

    async def _arrived(self, keys: Sequence[str]) -> None:
        await self.engine.arrivals.came(keys)

    def _told(self, event: dict[str, Any]) -> None:
        for entry in event.get("TimelineEntry", ()):
            if (number := self._numbers.get(int(entry["itemID"]))) is not None:
                self._note(number)
        self._news.set()

    def _note(self, number: int) -> None:
        item = self.item(number)
        for part in parts_of(number):
            place = (number, part)
            if place not in self.done and self._stands(item, *place):
                self.done[place] = self.now() - self.began

    def _fetched(self) -> None:
        if len(self.gallery.asked) > _RUNAWAY:
            self.wire.runaway.set()

    async def _watch(self) -> None:
        """Look at what the engine shows, often at first."""
        while True:
            await self.look()
            await asyncio.sleep(5 if self.now() - self.began < 5 * MINUTE else MINUTE)

    async def look(self) -> dict[int, JobInfo]:
        """Take down what the engine shows."""
        watched, circuit = self.watched, self.engine.circuit
        watched.states.add(str(circuit.breaker.state))
        watched.holds |= {str(hold) for hold in circuit.holds}
        jobs = await self.jobs()
        for job in jobs.values():
            known = watched.attempts.get(job.key, 0)
            watched.attempts[job.key] = max(known, job.attempts)
            if job.state == "failed":
                watched.failed[job.key] = job.reason
            if job.reason is not None:
                watched.reasons.setdefault(job.key, set()).add(job.reason)
        for number in NUMBERS:
            self._note(number)
        return jobs


def _fields(number: int) -> dict[str, Value]:
    fields: dict[str, Value] = {
        "title": f"New {number}",
        "summary": f"All that is new of {number}",
        "genres": ("Crime", f"Genre {number % 5}"),
    }
    if "collections" in (parts := parts_of(number)):
        fields["collections"] = (f"Collection {library_of(number)}",)
    if "poster" in parts:
        fields["poster"] = Image(str(number))
    return fields


def _names(value: Value) -> tuple[str, ...]:
    assert isinstance(value, tuple)
    return tuple(str(name) for name in value)


def parts(numbers: Collection[int] = NUMBERS) -> Iterator[Part]:
    """Yield all parts of some items."""
    for number in numbers:
        for part in parts_of(number):
            yield number, part


def run[T](main: Callable[[World], Awaitable[T]], *, cold: bool = False) -> T:
    """Let one world begin, do something in it, and end it."""
    memory = Path("/dev/shm")  # noqa: S108  # each run has a folder of its own there

    async def live(folder: Path) -> T:
        world = World(folder, cold=cold)
        try:
            await world.begin()
            return await main(world)
        finally:
            await world.end()

    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with (
            tempfile.TemporaryDirectory(
                prefix="plexsync-liveness-", dir=memory if memory.is_dir() else None
            ) as folder,
            asyncio.Runner(loop_factory=Loop) as runner,
        ):
            try:
                return runner.run(live(Path(folder)))
            except RuntimeError:
                loop = runner.get_loop()
                if isinstance(loop, Loop) and loop.exhausted:
                    raise NothingMovesError from None
                raise
    finally:
        logging.disable(before)
