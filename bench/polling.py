"""One Stash that is polled, and what that costs: `python -m bench.polling 200`.

The product may be that of an older checkout, which asked at a fixed pace.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
import inspect
from pathlib import Path
from random import Random
from statistics import median, quantiles
import sys
from tempfile import TemporaryDirectory
import time
from typing import Any

from aiohttp import ClientSession

from custom_components.plexsync.plex.index import SCHEMA
from custom_components.plexsync.plex.server import PlexMediaServer
from custom_components.plexsync.sources.runner import SourceRunner
from tests.simulators.plex import PlexCore, PlexSimulator
from tests.simulators.plex.library import synthetic
from tests.simulators.plex.state import Item, ItemType
from tests.simulators.stash import StashCore, StashSimulator
from tests.virtual import run, virtual

from .product import Clock, Database, Engine, FetchedImage, Image, StashSource, layout
from .results import Polls

SCENES = 2000
HOUR = 3600.0
_GAPS = (0.5, 3.0)  # seconds between two edits, at least and at most
_LOOK = 0.01
_WITHIN = 60.0
_FIXED = {"interval": 10.0}  # what older checkouts had as the default


@asynccontextmanager
async def _polled(
    engine: Engine, stash: StashSimulator, monotonic: Callable[[], float]
) -> AsyncIterator[SourceRunner]:
    """Poll a Stash as the integration does; go on once all was read."""
    settings: dict[str, Any] = {"to_plex": str, "from_plex": lambda path: (path,)}
    if "monotonic" in inspect.signature(StashSource).parameters:
        settings["monotonic"] = monotonic
    fixed = "interval" in inspect.signature(SourceRunner).parameters
    pace: dict[str, Any] = _FIXED if fixed else {}
    async with ClientSession() as session:
        source = StashSource("stash", session, stash.url, **settings)
        runner = SourceRunner(source, engine, name="Stash", **pace)
        task = asyncio.create_task(runner.run())
        try:
            await runner.caught_up.wait()
            yield runner
        finally:
            task.cancel()
            await asyncio.wait([task])


class _NoImages:
    async def fetch(
        self, source: str, image: Image, known: str | None, files: object = ()
    ) -> FetchedImage:
        return FetchedImage()


def _engine(plex: PlexSimulator, folder: Path) -> Engine:
    """Put an engine together as the integration does, with its server."""
    database = Database(folder / "engine.db", layout(SCHEMA))
    server = PlexMediaServer(
        plex.url,
        plex.token,
        client_id="bench",
        machine_id=plex.core.identity.machine_identifier,
        libraries=frozenset(section.uuid for section in plex.core.sections.values()),
        transactions=database,
    )
    return Engine(database, server, _NoImages())


async def edits(number: int, folder: Path) -> list[float]:
    """Edit so many scenes one after the other; give the seconds until Plex showed each."""
    plex, core = PlexSimulator(PlexCore()), StashCore()
    synthetic(plex.core, number)
    films = [
        film
        for section in plex.core.sections.values()
        for film in section.of_type(ItemType.MOVIE).values()
    ]
    with core.store.transaction():
        scenes = [core.add_scene(film.files[0], title=film.title) for film in films]
    async with plex, StashSimulator(core) as stash:
        engine = _engine(plex, folder)
        await engine.open()
        working = asyncio.create_task(engine.run())
        async with _polled(engine, stash, time.monotonic):
            while (await engine.snapshot()).pending:
                await asyncio.sleep(_LOOK)
            random, waiting = Random(1), []
            for each, scene in enumerate(scenes):
                title = f"Edited {each}"
                core.edit_scene(scene, title=title)
                waiting.append(asyncio.create_task(_arrives(films[each], title)))
                await asyncio.sleep(random.uniform(*_GAPS))
            found = await asyncio.gather(*waiting)
        working.cancel()
        await asyncio.wait([working])
        await engine.close()
    core.close()
    return found


async def _arrives(film: Item, title: str) -> float:
    began = time.perf_counter()
    async with asyncio.timeout(_WITHIN):
        while film.title != title:
            await asyncio.sleep(_LOOK)
    return time.perf_counter() - began


async def rest(hours: int, folder: Path, *, bulk: bool) -> list[tuple[int, int]]:
    """Let hours of nothing pass, in virtual time; give requests and bytes of each.

    With ``bulk`` all scenes were changed at once just before.
    """
    loop = virtual()
    start = datetime(2024, 5, 1, 12, tzinfo=UTC).timestamp()
    core = StashCore(clock=lambda: start + loop.time())
    with core.store.transaction():
        scenes = [
            core.add_scene(f"/data/{each}.mkv", title=f"Scene {each}")
            for each in range(1, SCENES + 1)
        ]
    start += 7 * 24 * HOUR
    core.edit_scene(scenes[0], title="The last one")
    database = Database(folder / "engine.db", layout(), inline=True)
    plex = PlexMediaServer(
        "http://127.0.0.1:9",
        "no-token",
        client_id="bench",
        machine_id="none",
        libraries=frozenset(),
        transactions=database,
    )
    clock = Clock(loop.time, loop.time)
    engine = Engine(database, plex, _NoImages(), clock=clock, random=Random(1))
    await engine.open()
    found = []
    async with StashSimulator(core) as stash, _polled(engine, stash, loop.time):
        await asyncio.sleep(300)
        if bulk:
            with core.store.transaction():
                for scene in scenes:
                    core.edit_scene(scene, organized=True)
            await asyncio.sleep(60)  # what is read once is not what is measured
        for _ in range(hours):
            stash.journal.clear()
            await asyncio.sleep(HOUR)
            sizes = [entry.size for entry in stash.journal]
            found.append((len(sizes), sum(sizes)))
    await engine.close()
    core.close()
    return found


def main(number: str) -> None:
    """Print one line."""
    with TemporaryDirectory(prefix="plexsync-bench-") as name:
        folders = [Path(name, each) for each in ("edits", "idle", "bulk")]
        for folder in folders:
            folder.mkdir()
        idle = run(rest(3, folders[1], bulk=False))
        bulk = run(rest(3, folders[2], bulk=True))
        seconds = asyncio.run(edits(int(number), folders[0]))
    print(
        Polls(
            edits=len(seconds),
            median=median(seconds),
            p95=quantiles(seconds, n=20)[-1],
            worst=max(seconds),
            idle=idle,
            bulk=bulk,
        ).to_json()
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
