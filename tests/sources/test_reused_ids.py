"""No word of one scene ever stands on another one's item, whatever becomes of their ids.

A Stash that uses ids again, whose database is restored, whose clock is wrong; a
Plex that is written to now and then. Every word, and every cover, names its film. A few
programs each time; ``PLEXSYNC_IDS=2000`` tries so many.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
import hashlib
import os
from pathlib import Path
from random import Random
import re
from sqlite3 import Connection
from typing import Any

import aiohttp
import pytest

from custom_components.plexsync.engine.jobs.failed_rows import EVERYTHING
from custom_components.plexsync.engine.jobs.gone_records import WhenGone
from custom_components.plexsync.engine.jobs.job import Priority
from custom_components.plexsync.engine.model.faults import Fault
from custom_components.plexsync.engine.model.ports import FetchedImage
from custom_components.plexsync.engine.model.record import Image, Record
from custom_components.plexsync.sources.asked import stamped
from custom_components.plexsync.sources.base import Batch
from custom_components.plexsync.sources.stash.stash import StashSource
from tests.rig import Rig, library
from tests.simulators.stash import StashCore, StashSimulator

from .conftest import Clock

PROGRAMS = int(os.environ.get("PLEXSYNC_IDS", "10"))
START = int(os.environ.get("PLEXSYNC_IDS_FROM", "0"))
FILMS = 5
STEPS = 14
_NAMED = re.compile(r"(F\d+)-")
JPEG = b"\xff\xd8\xff\xe0"


class Covers:
    """The pictures of the one source there is."""

    def __init__(self) -> None:
        """Wait for the source."""
        self.source: StashSource
        self.under_way = 0

    async def fetch(
        self, source: str, image: Image, known: str | None, files: Sequence[str] = ()
    ) -> FetchedImage:
        """Fetch one."""
        self.under_way += 1
        try:
            return await self.source.fetch(image, known, files)
        finally:
            self.under_way -= 1


class Life:
    """One program on one Stash and one Plex."""

    def __init__(
        self, seed: int, rig: Rig, core: StashCore, source: StashSource
    ) -> None:
        """Give each film a scene of its own."""
        self.random = Random(seed)
        self.rig, self.core, self.source = rig, core, source
        self.clock: Clock = core.clock  # type: ignore[assignment]
        self.files = [rig.path(number) for number in range(1, FILMS + 1)]
        self.words = 0
        self.kept: Connection | None = None
        self.pictures: dict[str, str] = {}  # digest → whose
        for number, file in enumerate(self.files, 1):
            scene = core.add_scene(file, **self.fields(number))
            core.set_cover(scene, self.picture(number))

    def fields(self, film: int) -> dict[str, Any]:
        """Make up something to say of a film."""
        self.words += 1
        name = f"F{film}-{self.words}"
        return {"title": name, "details": name, "tags": [name], "performers": [name]}

    def picture(self, film: int) -> bytes:
        """Draw a picture of a film."""
        self.words += 1
        data = JPEG + f"F{film}-{self.words}".encode() + bytes(64)
        digest = hashlib.sha1(data, usedforsecurity=False).hexdigest()
        self.pictures[digest] = f"F{film}"
        return data

    def scene(self, film: int) -> int:
        """Give the id that the scene of a film has now."""
        (found,) = (
            scene
            for scene in self.core.scene_ids()
            if self.files[film - 1] in self.core.paths(scene)
        )
        return found

    # -- what may happen -------------------------------------------------------------

    def edit(self) -> None:
        """Say something else of a film."""
        film = self.random.randint(1, FILMS)
        self.core.edit_scene(self.scene(film), **self.fields(film))

    def cover(self) -> None:
        """Give a film another cover."""
        film = self.random.randint(1, FILMS)
        self.core.set_cover(self.scene(film), self.picture(film))

    def deal(self) -> None:
        """Deal all ids again, as an import does."""
        before = self.core.scene_ids()
        after = self.random.sample(before, len(before))
        self.core.import_all(dict(zip(before, after, strict=True)))

    def lose(self) -> None:
        """Scan anew after the database was lost: other ids, and nothing known."""
        self.deal()
        for scene in self.core.scene_ids():
            if self.random.random() < 0.5:
                self.core.edit_scene(
                    scene, title="", details="", tags=[], performers=[]
                )

    def back_up(self) -> None:
        """Keep a copy of the database."""
        self.kept = self.core.store.copy()

    def restore(self) -> None:
        """Bring the copy back."""
        if self.kept is not None:
            self.core.store.restore(self.kept)

    def turn_clock(self) -> None:
        """Set Stash's clock two hours ahead, or back."""
        self.clock.tick(self.random.choice([-7200, 7200]))

    def wait(self) -> None:
        """Let time pass."""
        self.clock.tick(self.random.choice([1, 60, 3600]))

    async def poll(self) -> None:
        """Read what changed, as the runner does."""
        await self.rig.engine.switch(self.random.random() < 0.6)
        engine = self.rig.engine
        cursor = await engine.notes.cursor("src")
        async for batch in self.batches(cursor):
            await engine.submit(
                batch.records, Priority.INTERACTIVE, cursor=("src", batch.cursor)
            )

    async def sweep(self) -> None:
        """Compare all there is, and let go of what is not."""
        engine, now = self.rig.engine, self.rig.engine.clock.steady
        await engine.sweep.run(self.pages())
        await engine.gone_records.look(
            "src", self.source.listing(), now(), self.random.choice([*WhenGone])
        )

    async def retry(self) -> None:
        """Try again what failed."""
        await self.rig.engine.failed_jobs.retry(EVERYTHING)

    async def refuse(self) -> None:
        """Let Plex refuse what is said of one film, or take it again."""
        if self.rig.plex.faults.rules:
            self.rig.plex.faults.clear()
            return
        key = self.rig.item(self.random.randint(1, FILMS)).rating_key
        self.rig.plex.faults.add("status", code=409, method="PUT", rating_key=key)

    def batches(self, cursor: str | None) -> AsyncIterator[Batch]:
        """Read the source from a place on."""
        return stamped(self.source.changes(cursor), self.rig.engine.clock.steady)

    async def pages(self) -> AsyncIterator[Sequence[Record]]:
        """Read the whole source."""
        async for batch in self.batches(None):
            yield batch.records

    async def step(self) -> None:
        """Let something happen; nobody deals ids twice while a picture is on its way."""
        does = self.random.choices(
            [
                *(self.edit, self.cover, self.deal, self.lose, self.back_up),
                *(self.restore, self.turn_clock, self.wait, self.poll, self.sweep),
                *(self.retry, self.refuse),
            ],
            [4, 2, 3, 1, 1, 2, 1, 2, 6, 2, 1, 1],
        )[0]
        if does in (self.deal, self.lose, self.restore):
            await self.rig.until(lambda: not self.rig.gallery.under_way)
        result = does()
        if result is not None:
            await result

    # -- what has to hold ------------------------------------------------------------

    def check(self) -> None:
        """See that each item has its own film's words alone."""
        for film in range(1, FILMS + 1):
            item = self.rig.item(film)
            words = [item.title, str(item.values.get("summary"))]
            words += [tag.tag.name for kind in item.tags.values() for tag in kind]
            names = {found[1] for word in words if (found := _NAMED.match(word))}
            names |= {
                self.pictures[key.rpartition("/")[2]]
                for images in item.images.values()
                for key in images.keys
                if key.startswith("upload://")
            }
            assert names <= {f"F{film}"}, (film, names)

    async def idle(self) -> bool:
        """Say whether no job waits."""
        return (await self.rig.engine.snapshot()).pending == 0

    async def end(self) -> None:
        """See that all arrives once nothing is in the way any more."""
        self.rig.plex.faults.clear()
        await self.rig.engine.switch(True)
        self.clock.tick(60)
        for _ in range(3):
            await self.retry()
            await self.sweep()
            await self.rig.until(self.idle)
        await self.rig.drained()
        self.check()
        for film in range(1, FILMS + 1):
            row = self.core.store.first(
                "SELECT title FROM scenes WHERE id = ?", (self.scene(film),)
            )
            assert row is not None
            if row[0]:
                assert self.rig.item(film).title == row[0]


async def live(seed: int, folder: Path, session: aiohttp.ClientSession) -> None:
    """Play one program."""
    clock, covers = Clock(), Covers()
    core = StashCore(clock=clock)
    async with library(FILMS) as plex, StashSimulator(core) as stash:
        covers.source = source = StashSource(
            "src", session, stash.url, to_plex=str, from_plex=lambda path: (path,)
        )
        rig = Rig(plex, folder, images=covers, fresh=lambda _, keys: source.fresh(keys))
        await rig.start()
        life = Life(seed, rig, core, source)
        try:
            for _ in range(STEPS):
                with suppress(Fault):  # the circuit is shut, or so
                    await life.step()
                life.check()
            await life.end()
        finally:
            await rig.stop()
            core.close()


@pytest.mark.timeout(60 + PROGRAMS)
@pytest.mark.parametrize("part", range(5))
async def test_each_word_stays_with_its_film(
    part: int, tmp_path: Path, session: aiohttp.ClientSession
) -> None:
    """Whatever happens."""
    for seed in range(part + START, START + PROGRAMS, 5):
        folder = tmp_path / str(seed)
        folder.mkdir()
        try:
            await live(seed, folder, session)
        except BaseException as error:
            error.add_note(f"seed {seed}")
            raise
