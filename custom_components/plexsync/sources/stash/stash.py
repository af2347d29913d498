"""A Stash server as a source of records.

If nothing changed, a poll is one request: for every kind of object (scenes, and what
their records refer to) it lists what changed last, and compares. What is new is then
read by id, page by page. ``cursor`` explains how times are handled.

A sweep finds what no poll can see: moved files, merged or deleted scenes, merged tags,
and imports.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from dataclasses import replace
from operator import itemgetter
import time

import aiohttp

from ...engine.model.ports import FetchedImage
from ...engine.model.reasons import Reason
from ...engine.model.record import Image, Record
from ..base import Batch, SourceInfo, source_fault
from . import queries
from .client import DEADLINE, StashClient
from .cursor import BEGINNING, Cursor, Run, from_now_on
from .images import StashPictures
from .looks import Looks
from .mapping import PathMap, StashOptions, file_paths, id_of, key_of
from .queries import SCENES
from .reader import StashReader
from .records import BREATH, Records
from .sent import Sent
from .stock import Stock
from .walk import ScenePage

__all__ = ["StashOptions", "StashSource"]


class StashSource:
    """A Stash server; implements ``sources.base.Source``.

    Faults are of class source. Their reasons are those of ``client``, ``setup``,
    ``needs_migration`` and ``importing``; ``fetch`` adds three of class item.

    A scene that by itself makes Stash answer with an error is skipped, and tried again
    alone: whenever everything is read, and by polls, with growing waits.
    """

    def __init__(
        self,
        id: str,
        session: aiohttp.ClientSession,
        url: str,
        api_key: str | None = None,
        *,
        to_plex: PathMap,
        from_plex: Callable[[str], Sequence[str]],
        options: StashOptions | None = None,
        verify_ssl: bool = True,
        deadline: float = DEADLINE,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Initialize the source, without sending anything.

        ``to_plex`` returns a path as Plex sees it, None if it is outside the mappings;
        ``from_plex`` returns all paths of Stash that Plex sees as one. ``deadline``
        limits each request with its answer, in seconds. ``monotonic`` is the clock for
        the time between two looks.
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
        self._is_read = True  # whether everything that the last poll found was taken
        self._records = Records(id, to_plex, options)
        self._pictures = StashPictures(self._client, self._reader)

    @property
    def id(self) -> str:
        """Return the id of the source in records, jobs and the ledger."""
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
        """Count the scenes and kinds of object that cannot be read now."""
        return self._reader.unreadable

    @property
    def lacking(self) -> frozenset[str] | None:
        """Return the fields and options in use that this Stash does not support.

        Its version lacks what they need. None until Stash has been asked.
        """
        return self._reader.lacking

    @property
    def busy(self) -> bool:
        """Return whether this Stash ran a job at the last look."""
        return self._reader.jobs.busy

    def jobs_ended(self) -> set[str]:
        """Return the kinds of jobs that have ended since the last call.

        These are scan, generate, auto_tag, clean, identify, import and other.
        """
        jobs = self._reader.jobs
        ended, jobs.ended = jobs.ended, set()
        return ended

    def losses(self) -> set[str]:
        """Return the kinds of objects of which there are fewer, and ``back``.

        The kinds are records (the scenes), performers, studios, tags and groups. See
        ``Source.losses``.
        """
        losses = self._reader.losses
        lost, losses.lost = losses.lost, set()
        return {"records" if kind == SCENES.name else kind for kind in lost}

    def look_far(self) -> None:
        """Let the next poll look as far back as possible."""
        self._looks.widen()

    async def connect(self) -> SourceInfo:
        """Check health and access, and learn what this version supports."""
        self.look_far()
        return await self._reader.learn()

    async def latest(self) -> str:
        """Return a cursor to start with the changes from now on."""
        states = await self._stock.take()
        return self._text(
            Cursor({name: from_now_on(state) for name, state in states.items()})
        )

    async def changes(self, cursor: str | None) -> AsyncIterator[Batch]:
        """Yield what changed since the cursor; without one, everything.

        If nothing changed, nothing is yielded. A cursor that cannot be read counts as
        none. Reading can continue from the cursor of any batch: nothing is missed, and at
        most what one run reads is repeated.
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
            self.look_far()  # what the last poll found may not have been taken
        self._is_read = False
        sent = self._sent.following(cursor)
        async for batch in self._poll(place, sent):
            # A batch that changes nothing need not be written to disk.
            if batch.records or batch.cursor != sent.cursor:
                yield batch
                sent.taken(batch.cursor)
                self._sent = sent
        self._is_read = True

    async def fresh(self, keys: Sequence[str]) -> dict[str, Record | str]:
        """Read records again, many in one request.

        For a record that is not to be sent, return the reason: gone, not_organized,
        filtered, no_file or not_mapped. A scene that cannot be read, or cannot be turned
        into a record, is left out.
        """
        ids = {key: scene_id for key in keys if (scene_id := id_of(key))}
        scenes = await self._reader.single.read(ids.values()) if ids else {}
        found: dict[str, Record | str] = {}
        for number, key in enumerate(keys):
            if number % BREATH == BREATH - 1:
                await asyncio.sleep(0)
            if key in ids and ids[key] not in scenes:
                continue  # it exists, but cannot be read
            if (scene := scenes.get(ids.get(key, ""))) is None:
                found[key] = Reason.GONE
            elif (made := self._records.make(scene)) is not None:
                record, reason = made
                found[key] = reason or record
        return found

    async def find(self, path: str) -> Record | str | None:
        """Read the record of a file, given by its path in Plex.

        For a record that is not to be sent, return the reason, as in ``fresh``. Scenes
        that are sent are preferred, then scenes with the file as their primary file.
        Raises the Fault ``error`` if the only scene with the file cannot be read.
        """
        if not (wanted := self._from_plex(path)):
            return None
        candidates: list[tuple[bool, bool, Record | str]] = []
        scenes, passed = await self._reader.by_path(queries.spellings(wanted))
        files = set(map(queries.spelling, wanted))
        for scene in scenes:
            if (made := self._records.make(scene)) is None:
                continue
            record, reason = made
            has = [queries.spelling(each) in files for each in file_paths(scene)]
            if any(has):
                candidates.append((reason is not None, not has[0], reason or record))
        if passed and not candidates:
            raise source_fault("error")
        return min(candidates, key=itemgetter(0, 1), default=(None,))[-1]

    async def fetch(
        self, image: Image, known: str | None, files: Sequence[str] = ()
    ) -> FetchedImage:
        """Fetch a picture of this Stash; a placeholder counts as no picture.

        Raises Fault of class source, or of class item with the reasons image_too_large
        (over 10 MB) and image_invalid, both permanent, and image_missing, permanent if the
        scene is gone or now has other files than ``files``.
        """
        return await self._pictures.fetch(image, known, files)

    async def listing(self) -> AsyncIterator[tuple[str, ...]]:
        """Yield the keys of all scenes in pages of 1,000, even of scenes that cannot be read."""
        async for scenes in self._reader.sweep():
            yield tuple(key_of(scene["id"]) for scene in scenes)

    async def count(self) -> int:
        """Count the scenes."""
        return await self._reader.count()

    async def _poll(self, place: Cursor, sent: Sent) -> AsyncIterator[Batch]:
        """Look for changes, and read the scenes that they affect."""
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
            # Not before: after a crash on the way, these changes must be found again.
            states[kind.name] = renamed.state
            self._stock.remember(kind.name, renamed.state, renamed.listing)
            yield Batch((), self._text(Cursor(states)))

    async def _finish(
        self, place: Cursor, run: Run, sent: Sent | None = None
    ) -> AsyncIterator[Batch]:
        """Read the remaining scenes of a run."""
        async for page in self._reader.changed(run.bound, run.after):
            rest = None if page.done else Run(run.bound, page.last)
            yield await self._batch(page, replace(place, run=rest), sent)

    async def _look_again(
        self, place: Cursor, ids: Sequence[str], *, forget: bool = False
    ) -> AsyncIterator[Batch]:
        """Try to read scenes again that could not be read before.

        Only polls ``forget`` scenes that can now be read, and only once their records were
        taken: other readers may drop what they read.
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
        self._reader.forget_sick(scenes)

    def _text(self, place: Cursor, well: Collection[str] = ()) -> str:
        """Encode a place as text, with the scenes that cannot be read."""
        sick = tuple(each for each in self._reader.sick if each not in well)
        return replace(place, sick=sick).to_text()

    async def _batch(self, page: ScenePage, place: Cursor, sent: Sent | None) -> Batch:
        """Create the batch of a page, without what polls have sent already."""
        offered = page if sent is None else sent.offer(page)
        records, withheld = await self._records.to_send(offered)
        return Batch(records, self._text(place), withheld)
