"""A Stash server as a source of records.

One poll is one request when nothing changed: for every kind of object (scenes, and
what their records are made of) it lists what changed last, and compares. What is
new is then read by id, page by page. ``stash_cursor`` says how time is treated.

What no poll can see (files moved, scenes merged or deleted, tags merged, imports;
``reference/stash.md`` §4.4) a sweep finds.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import aiohttp

from ..engine.ports import FetchedImage
from ..engine.record import Image, Record
from ..engine.retry import Fault, FaultClass
from .base import Batch, SourceInfo
from .stash_client import DEADLINE, StashClient, source_fault
from .stash_cursor import (
    BEGINNING,
    Cursor,
    Listing,
    Look,
    News,
    Row,
    Run,
    State,
    find_news,
    next_state,
)
from .stash_images import fetch_image, scene_of
from .stash_mapping import (
    PathMap,
    StashOptions,
    file_paths,
    id_of,
    key_of,
    make_record,
    revision_of,
    why_skipped,
)
from .stash_queries import SCENES, Kind
from .stash_reader import StashReader
from .stash_walk import Page

__all__ = ["StashOptions", "StashSource"]

_BREATH = 20  # scenes made into records before the event loop gets its turn


@dataclass(frozen=True, slots=True)
class _Work:
    """What a look found: where things stand once it is done, and what is to read.

    That are the scenes changed after ``bound``, the page ``again`` which is at hand
    already, and the scenes of ``renamed`` objects.
    """

    states: Mapping[str, State]
    bound: str | None
    again: Page
    renamed: list[tuple[Kind, list[str], State, Listing]]


class StashSource:
    """One Stash; implements ``sources.base.Source``.

    Faults are of class source with the reasons of ``stash_client``, ``setup`` and
    ``needs_migration``; ``fetch`` adds three of class item. ``skipped`` counts, since
    the start, scenes that were read but not sent, by reason: no_file, not_mapped,
    not_organized, invalid. A scene that is read twice counts twice.

    A scene that alone makes Stash answer with an error is passed, and looked at again
    by itself: by every reading of everything, and by polls, less and less often.
    """

    def __init__(
        self,
        id: str,
        session: aiohttp.ClientSession,
        url: str,
        api_key: str | None = None,
        *,
        to_plex: PathMap,
        from_plex: PathMap,
        options: StashOptions | None = None,
        verify_ssl: bool = True,
        deadline: float = DEADLINE,
    ) -> None:
        """Set up; nothing is sent.

        ``to_plex`` and ``from_plex`` map a path from one server's view to the
        other's, None if it lies outside the mappings. ``deadline`` bounds each
        request in seconds, its answer included.
        """
        self._id = id
        self._to_plex = to_plex
        self._from_plex = from_plex
        self._options = options or StashOptions()
        self._client = StashClient(
            session, url, api_key, verify_ssl=verify_ssl, deadline=deadline
        )
        self._reader = StashReader(self._client, self._options)
        # What is behind a state, while it is still known: rows of its listing, by id.
        self._seen: dict[str, dict[State, dict[str, Row]]] = {}
        self.skipped: Counter[str] = Counter()

    @property
    def id(self) -> str:
        """Name the source in records, jobs and the ledger."""
        return self._id

    @property
    def unreadable(self) -> int:
        """Count the scenes, and kinds of object, that cannot be read at the moment."""
        return self._reader.unreadable

    async def connect(self) -> SourceInfo:
        """Check health and access, and learn what this version can answer."""
        return await self._reader.learn()

    async def latest(self) -> str:
        """Give the cursor of this moment, to start from now on."""
        return self._text(await self._start())

    async def changes(self, cursor: str | None) -> AsyncIterator[Batch]:
        """Give what changed since the cursor; everything, without one.

        Nothing is given when nothing changed. A cursor that cannot be read counts
        as none. Every batch's cursor can be resumed from: it misses nothing, and
        repeats at most what one run reads.
        """
        place, sick = Cursor.from_text(cursor), self._reader.sick
        if place is None:
            known = tuple(sick)
            place = await self._start()
            async for batch in self._finish(place, Run(BEGINNING)):
                yield batch
            async for batch in self._look_again(place, known):
                yield batch
            return
        sick.known(place.sick)
        if place.run:
            async for batch in self._finish(place, place.run):
                yield batch
        place = replace(place, run=None)
        async for batch in self._look_again(place, sick.due(), forget=True):
            yield batch
        async for batch in self._poll(place):
            yield batch

    async def fresh(self, keys: Sequence[str]) -> dict[str, Record | str]:
        """Read records afresh, many in one request.

        In place of one that is not to be sent stands why: gone, not_organized, no_file
        or not_mapped. A scene that makes no record, or cannot be read, is left out.
        """
        ids = {key: scene_id for key in keys if (scene_id := id_of(key))}
        scenes = await self._reader.by_ids(ids.values()) if ids else {}
        found: dict[str, Record | str] = {}
        for number, key in enumerate(keys):
            if number % _BREATH == _BREATH - 1:
                await asyncio.sleep(0)
            if key in ids and ids[key] not in scenes:
                continue  # it is there, and cannot be read
            if (scene := scenes.get(ids.get(key, ""))) is None:
                found[key] = "gone"
            elif (record := self._record(scene)) is not None:
                found[key] = why_skipped(scene, record, self._options) or record
        return found

    async def find(self, path: str) -> Record | None:
        """Read the record of a file, named by its path as Plex sees it.

        A scene that has the file as its primary one is preferred. Raises the Fault
        ``error`` where the only one that has it cannot be read.
        """
        if (wanted := self._from_plex(path)) is None:
            return None
        candidates = []
        scenes, passed = await self._reader.by_path(wanted)
        for scene in scenes:
            record = self._record(scene)
            if record and (path in record.find.paths or wanted in file_paths(scene)):
                candidates.append(record)
        if passed and not candidates:
            raise source_fault("error")
        return min(
            candidates,
            key=lambda record: record.find.paths[:1] != (path,),
            default=None,
        )

    async def fetch(self, image: Image, known: str | None) -> FetchedImage:
        """Fetch a picture of this Stash; a placeholder counts as none.

        Raises Fault of class source, or of class item with the reasons image_too_large
        (beyond 10 MB) and image_invalid, both permanent, and image_missing, permanent
        where the scene is gone.
        """
        try:
            return await fetch_image(self._client, image, known)
        except Fault as fault:
            if fault.reason != "not_found":
                raise
        # A proxy before a dead Stash says 404 too, and so does Stash for a scene that
        # it failed to read: only the question for the scene itself tells.
        gone = False
        if (scene_id := scene_of(image)) is None:
            await self._reader.check_health()
        else:
            gone = await self._reader.lacks(scene_id)
        raise Fault(FaultClass.ITEM, "image_missing", permanent=gone)

    async def sweep(self) -> AsyncIterator[tuple[tuple[str, int | None], ...]]:
        """Give key and revision of every scene, in pages of 1,000."""
        async for scenes in self._reader.sweep():
            yield tuple(
                (key_of(scene["id"]), revision_of(scene.get("updated_at")))
                for scene in scenes
            )

    async def count(self) -> int:
        """Count the scenes that a sweep would give."""
        return await self._reader.count()

    async def sample_paths(self) -> tuple[str, ...]:
        """List some files as Stash names them, to try path mappings on."""
        async for page in self._reader.pages({}):
            return tuple(path for scene in page.scenes for path in file_paths(scene))
        return ()

    async def _start(self) -> Cursor:
        """Take stock: the states of this moment."""
        listings = await self._reader.listings({})
        kinds = await self._reader.kinds()
        states = {
            kind.name: next_state(
                None, listings.kinds[kind.name], listings.date, marked=bool(kind.marks)
            )
            for kind in kinds
            if kind.name in listings.kinds
        }
        if any(state.digest is None for state in states.values()):
            # Much was changed of late: only a listing of just the window tells.
            windows = {name: State(state.at) for name, state in states.items()}
            listings = await self._reader.listings(windows)
            states = {
                name: replace(state, digest=listings.kinds[name].digest())
                for name, state in states.items()
                if name in listings.kinds
            }
        for name, state in states.items():
            self._remember(name, state, listings.kinds[name])
        return Cursor(states)

    async def _poll(self, place: Cursor) -> AsyncIterator[Batch]:
        """Look for changes, and read what they touch."""
        work = await self._look(place)
        states = dict(work.states)
        sent: set[int] = set()
        if work.bound is not None:
            run = Run(work.bound)
            async for batch in self._finish(Cursor(states, run), run, sent):
                yield batch
        elif work.again.scenes or (states != place.states and not work.renamed):
            yield await self._batch(work.again, Cursor(states), sent)
        for kind, object_ids, state, listing in work.renamed:
            async for page in self._reader.related(kind, object_ids):
                yield await self._batch(page, Cursor(states), sent)
            # Not before: a crash on the way must find these objects changed again.
            states[kind.name] = state
            self._remember(kind.name, state, listing)
            yield Batch((), self._text(Cursor(states)))

    async def _look(self, place: Cursor) -> _Work:
        """Find out what has to be read."""
        listings = await self._reader.listings(place.states)
        states = dict(place.states)
        bound: str | None = None
        renamed = []
        for kind in await self._reader.kinds():
            if (listing := listings.kinds.get(kind.name)) is None:
                continue
            old = place.states.get(kind.name)
            if old and not old.again and old.digest == listing.digest():
                self._remember(kind.name, old, listing)
                continue
            new = next_state(old, listing, listings.date, marked=bool(kind.marks))
            news = self._news(kind.name, old, listing)
            if news.bound is not None and kind is not SCENES:
                object_ids = await self._object_ids(kind, news.bound, news.ids, listing)
                renamed.append((kind, object_ids, new, listing))
                continue
            if kind is SCENES:
                bound = news.bound
                self._hurry_sick(old, listing)
            states[kind.name] = new
            self._remember(kind.name, new, listing)
        again = listings.again or Page()
        if not again.done and place.states[SCENES.name].again is Look.MAY:
            again = Page()  # they are many, and long since what they were
        if listings.bound and again.scenes and (bound or not again.done):
            # Both are wanted, or more than came along: one run reads them all.
            bound, again = min(bound or listings.bound, listings.bound), Page()
        return _Work(states, bound, again, renamed)

    async def _finish(
        self, place: Cursor, run: Run, sent: set[int] | None = None
    ) -> AsyncIterator[Batch]:
        """Read the scenes that a run still has to read."""
        async for page in self._reader.changed(run.bound, run.after):
            rest = None if page.done else Run(run.bound, page.last)
            yield await self._batch(page, replace(place, run=rest), sent)

    async def _look_again(
        self, place: Cursor, ids: Sequence[str], *, forget: bool = False
    ) -> AsyncIterator[Batch]:
        """Read scenes by themselves that could not be read before.

        Only polls ``forget`` those that are well again, and not before they were taken
        in: whoever else reads need not keep what it reads.
        """
        if not ids:
            return
        scenes = await self._reader.by_ids(ids)
        if not scenes:
            return
        page = Page(tuple(scene for scene in scenes.values() if scene is not None))
        batch = await self._batch(page, place, None)
        if not forget:
            yield batch
            return
        yield replace(batch, cursor=self._text(place, scenes))
        self._reader.sick.forget(scenes)

    def _text(self, place: Cursor, well: Collection[str] = ()) -> str:
        """Write down a place, and the scenes that cannot be read."""
        sick = tuple(each for each in self._reader.sick if each not in well)
        return replace(place, sick=sick).to_text()

    async def _object_ids(
        self, kind: Kind, bound: str, known: tuple[str, ...] | None, listing: Listing
    ) -> list[str]:
        """Name the performers and the like that changed."""
        if known is not None:
            return list(known)
        if not listing.complete and listing.rows[-1].raw > bound:
            return await self._reader.ids(kind, bound)
        return [row.id for row in listing.rows if row.raw > bound]

    async def _batch(self, page: Page, place: Cursor, sent: set[int] | None) -> Batch:
        """Make the records of a page; scenes in ``sent`` were read after the change too."""
        records = []
        for index, scene in enumerate(page.scenes):
            if index % _BREATH == _BREATH - 1:
                await asyncio.sleep(0)
            if sent is not None:
                if (number := int(scene["id"])) in sent:
                    continue
                sent.add(number)
            if (record := self._record(scene)) and not self._skip(scene, record):
                records.append(record)
        return Batch(tuple(records), self._text(place))

    def _record(self, scene: Mapping[str, Any]) -> Record | None:
        try:
            return make_record(scene, self._id, self._to_plex, self._options)
        except AttributeError, KeyError, TypeError, ValueError:
            # One scene of a shape that nobody foresaw must not stop all others.
            self.skipped["invalid"] += 1
            return None

    def _skip(self, scene: Mapping[str, Any], record: Record) -> bool:
        if reason := why_skipped(scene, record, self._options):
            self.skipped[reason] += 1
        return reason is not None

    def _news(self, name: str, old: State | None, listing: Listing) -> News:
        """Say what a listing shows that was not read; nothing, of a kind new to us."""
        if old is None or old.digest == listing.digest():
            return News()
        return find_news(old, listing, self._seen.get(name, {}).get(old))

    def _hurry_sick(self, old: State | None, listing: Listing) -> None:
        """Look soon at scenes that cannot be read and were changed."""
        before = self._seen.get(SCENES.name, {}).get(old) if old else None
        if before is None:
            return
        for row in listing.rows:
            if before.get(row.id) != row:
                self._reader.sick.hurry(row.id)

    def _remember(self, name: str, state: State, listing: Listing) -> None:
        known = self._seen.setdefault(name, {})
        known.pop(state, None)
        known[state] = {row.id: row for row in listing.rows}
        # The one before is kept: it is asked for if this reading fails on its way.
        for outdated in list(known)[:-2]:
            del known[outdated]
