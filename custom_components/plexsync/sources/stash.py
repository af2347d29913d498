"""A Stash server as a source of records.

One poll is one request when nothing changed: for every kind of object (scenes, and
what their records are made of) it lists what changed last, and compares. What is
new is then read by id, page by page. ``stash_cursor`` says how time is treated.

What no poll can see (files moved, scenes merged or deleted, tags merged,
imports) a sweep finds.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from dataclasses import replace
from operator import itemgetter
import time

import aiohttp

from ..engine.ports import FetchedImage
from ..engine.record import Image, Record
from .base import Batch, SourceInfo
from .stash_client import DEADLINE, StashClient, source_fault
from .stash_cursor import BEGINNING, Cursor, Run
from .stash_images import StashPictures
from .stash_looks import Looks
from .stash_mapping import PathMap, StashOptions, file_paths, id_of, key_of
from .stash_queries import SCENES
from .stash_reader import StashReader
from .stash_records import BREATH, Records
from .stash_sent import Sent
from .stash_stock import Stock
from .stash_walk import ScenePage

__all__ = ["StashOptions", "StashSource"]


class StashSource:
    """One Stash; implements ``sources.base.Source``.

    Faults are of class source, with the reasons of ``stash_client``, ``setup`` and
    ``needs_migration``; ``fetch`` adds three of class item.

    A scene that alone makes Stash answer with an error is passed over, and looked at
    again by itself: whenever everything is read, and by polls, less and less often.
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
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Set up; nothing is sent.

        ``to_plex`` and ``from_plex`` map a path from one server's view to the
        other's, None if it lies outside the mappings. ``deadline`` bounds each
        request in seconds, its answer included. ``monotonic`` tells how long ago a
        look was.
        """
        self._id = id
        self._from_plex = from_plex
        options = options or StashOptions()
        self._client = StashClient(
            session, url, api_key, verify_ssl=verify_ssl, deadline=deadline
        )
        self._reader = StashReader(self._client, options)
        self._looks = Looks(monotonic)
        self._stock = Stock(self._reader, self._looks, monotonic)
        self._sent = Sent(None)
        self._is_read = True  # whatever the last poll found
        self._records = Records(id, to_plex, options)
        self._pictures = StashPictures(self._client, self._reader)

    @property
    def id(self) -> str:
        """Name the source in records, jobs and the ledger."""
        return self._id

    @property
    def skipped(self) -> Counter[str]:
        """Count the scenes that were read but not sent since the start, by reason.

        The reasons are no_file, not_mapped, not_organized, filtered and invalid. A scene
        that is read twice counts twice.
        """
        return self._records.skipped

    @property
    def unreadable(self) -> int:
        """Count the scenes, and kinds of object, that cannot be read at the moment."""
        return self._reader.unreadable

    @property
    def lacking(self) -> frozenset[str] | None:
        """Name the fields and options in use that this Stash cannot serve.

        Its version lacks what they need. None until it has been asked.
        """
        return self._reader.lacking

    @property
    def busy(self) -> bool:
        """Return whether a job of this Stash runs, as of the last look."""
        return self._reader.jobs.busy

    def jobs_ended(self) -> set[str]:
        """Name the kinds of jobs that have ended since this was asked last.

        These are scan, generate, auto_tag, clean, identify, import and other.
        """
        jobs = self._reader.jobs
        ended, jobs.ended = jobs.ended, set()
        return ended

    def losses(self) -> set[str]:
        """Name the kinds of objects that have become fewer, and ``back``; see ``Source``.

        Those are records (the scenes), performers, studios, tags and groups.
        """
        losses = self._reader.losses
        lost, losses.lost = losses.lost, set()
        return {"records" if kind == SCENES.name else kind for kind in lost}

    def look_far(self) -> None:
        """Let the next poll look as far back as ever."""
        self._looks.widen()

    async def connect(self) -> SourceInfo:
        """Check health and access, and find out what this version can answer."""
        self.look_far()
        return await self._reader.learn()

    async def latest(self) -> str:
        """Return the cursor of this moment, to start from now on."""
        return self._text(Cursor(await self._stock.take()))

    async def changes(self, cursor: str | None) -> AsyncIterator[Batch]:
        """Yield what changed since the cursor; without one, everything.

        When nothing changed, nothing is given. A cursor that cannot be read counts
        as none. Reading can go on from the cursor of any batch: nothing is missed,
        and at most what one run reads is repeated.
        """
        place, sick = Cursor.from_text(cursor), self._reader.sick
        if place is None:
            known = tuple(sick)
            place = Cursor(await self._stock.take())
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
        if not self._is_read:
            self.look_far()  # what the last look found may not have been taken in
        self._is_read = False
        sent = self._sent.following(cursor)
        async for batch in self._poll(place, sent):
            # One that changes nothing is not worth the disk.
            if batch.records or batch.cursor != sent.cursor:
                yield batch
                sent.taken(batch.cursor)
                self._sent = sent
        self._is_read = True

    async def fresh(self, keys: Sequence[str]) -> dict[str, Record | str]:
        """Read records afresh, many in one request.

        In place of one that is not to be sent stands why: gone, not_organized, filtered,
        no_file or not_mapped. A scene that makes no record, or cannot be read, is left out.
        """
        ids = {key: scene_id for key in keys if (scene_id := id_of(key))}
        scenes = await self._reader.single.read(ids.values()) if ids else {}
        found: dict[str, Record | str] = {}
        for number, key in enumerate(keys):
            if number % BREATH == BREATH - 1:
                await asyncio.sleep(0)
            if key in ids and ids[key] not in scenes:
                continue  # it is there, and cannot be read
            if (scene := scenes.get(ids.get(key, ""))) is None:
                found[key] = "gone"
            elif (record := self._records.make(scene)) is not None:
                found[key] = self._records.why_not(scene, record) or record
        return found

    async def find(self, path: str) -> Record | str | None:
        """Read the record of a file, named by its path as Plex sees it.

        In place of one that is not to be sent stands why, as in ``fresh``. A scene that
        is sent is preferred, then one that has the file as its primary one. Raises the
        Fault ``error`` where the only one that has it cannot be read.
        """
        if (wanted := self._from_plex(path)) is None:
            return None
        candidates: list[tuple[bool, bool, Record | str]] = []
        scenes, passed = await self._reader.by_path(wanted)
        for scene in scenes:
            record = self._records.make(scene)
            if record and (path in record.find.paths or wanted in file_paths(scene)):
                reason = self._records.why_not(scene, record)
                is_another = record.find.paths[:1] != (path,)
                candidates.append((reason is not None, is_another, reason or record))
        if passed and not candidates:
            raise source_fault("error")
        return min(candidates, key=itemgetter(0, 1), default=(None,))[-1]

    async def fetch(
        self, image: Image, known: str | None, files: Sequence[str] = ()
    ) -> FetchedImage:
        """Fetch a picture of this Stash; a placeholder counts as none.

        Raises Fault of class source, or of class item with the reasons image_too_large
        (beyond 10 MB) and image_invalid, both permanent, and image_missing, permanent
        where the scene is gone, or is about other ``files`` by now.
        """
        return await self._pictures.fetch(image, known, files)

    async def listing(self) -> AsyncIterator[tuple[str, ...]]:
        """Name every scene there is, in pages of 1,000; also those that cannot be read."""
        async for scenes in self._reader.sweep():
            yield tuple(key_of(scene["id"]) for scene in scenes)

    async def count(self) -> int:
        """Count the scenes that a sweep would give."""
        return await self._reader.count()

    async def _poll(self, place: Cursor, sent: Sent) -> AsyncIterator[Batch]:
        """Look for changes, and read what they touch."""
        work = await self._stock.compare(place)
        states = dict(work.states)
        if work.bound is not None:
            run = Run(work.bound)
            async for batch in self._finish(Cursor(states, run), run, sent):
                yield batch
        elif (
            work.ids
            or work.again.scenes
            or (states != place.states and not work.renamed)
        ):
            scenes = list(work.again.scenes)
            if work.ids:
                found = (await self._reader.single.read(work.ids)).values()
                scenes += [scene for scene in found if scene is not None]
            page = replace(work.again, scenes=tuple(scenes))
            yield await self._batch(page, Cursor(states), sent)
        for renamed in work.renamed:
            kind = renamed.kind
            async for page in self._reader.related(kind, renamed.ids):
                yield await self._batch(page, Cursor(states), sent)
            # Not before: after a crash on the way, these must be found changed again.
            states[kind.name] = renamed.state
            self._stock.remember(kind.name, renamed.state, renamed.listing)
            yield Batch((), self._text(Cursor(states)))

    async def _finish(
        self, place: Cursor, run: Run, sent: Sent | None = None
    ) -> AsyncIterator[Batch]:
        """Read the scenes that a run still has to read."""
        async for page in self._reader.changed(run.bound, run.after):
            rest = None if page.done else Run(run.bound, page.last)
            yield await self._batch(page, replace(place, run=rest), sent)

    async def _look_again(
        self, place: Cursor, ids: Sequence[str], *, forget: bool = False
    ) -> AsyncIterator[Batch]:
        """Read scenes again, each by itself, that could not be read before.

        Only polls ``forget`` those that can be read by now, and only once these were
        taken in: other readers need not keep what they read.
        """
        if not ids:
            return
        scenes = await self._reader.single.read(ids)
        if not scenes:
            return
        page = ScenePage(tuple(scene for scene in scenes.values() if scene is not None))
        batch = await self._batch(page, place, None)
        if not forget:
            yield batch
            return
        yield replace(batch, cursor=self._text(place, scenes))
        self._reader.sick.forget(scenes)

    def _text(self, place: Cursor, well: Collection[str] = ()) -> str:
        """Encode a place together with the scenes that cannot be read."""
        sick = tuple(each for each in self._reader.sick if each not in well)
        return replace(place, sick=sick).to_text()

    async def _batch(self, page: ScenePage, place: Cursor, sent: Sent | None) -> Batch:
        """Make the batch of a page, without what polls have sent already."""
        offered = page if sent is None else sent.offer(page)
        sent_now = sent.ids if sent else None
        records, withheld = await self._records.to_send(offered, sent_now)
        return Batch(records, self._text(place), withheld)
