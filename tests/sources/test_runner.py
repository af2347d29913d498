"""From a real Stash into a real engine: nothing is passed over, and little is said.

The hours are virtual; the requests and the database are real.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable
import contextlib
import logging
from pathlib import Path
from random import Random
from sqlite3 import Connection

import aiohttp
import pytest

from custom_components.plexsync.engine.database.database import Database
from custom_components.plexsync.engine.engine import Engine
from custom_components.plexsync.engine.layout import LAYOUT
from custom_components.plexsync.engine.util.clock import Clock
from custom_components.plexsync.plex.server import PlexMediaServer
from custom_components.plexsync.sources.rhythm import (
    BUSY,
    LIVELY,
    QUICK,
    SLOWEST,
    USUAL,
)
from custom_components.plexsync.sources.runner import SourceRunner
from custom_components.plexsync.sources.stash.stash import StashSource
from custom_components.plexsync.sources.stash.walk import PAGE
from tests.rig import Gallery
from tests.simulators.stash import StashCore, StashSimulator
from tests.virtual import run, virtual

from .conftest import Clock as StashClock, from_plex, to_plex

HOUR = 3600.0
ID, NAME = "src", "Cellar"
FULL = "the database cannot be used (SQLITE_CONSTRAINT_TRIGGER)"

type Trouble = Callable[[StashSimulator], object]


class World:
    """A Stash, an engine that takes in what is read of it, and no Plex."""

    def __init__(self, stash: StashSimulator, clock: StashClock, folder: Path) -> None:
        """Put everything together; nothing is open yet."""
        loop = virtual()
        self.stash = stash
        self.clock = clock
        database = Database(folder / "engine.db", LAYOUT, inline=True)
        plex = PlexMediaServer(
            "http://127.0.0.1:9",
            "no-token",
            client_id="test",
            machine_id="none",
            libraries=frozenset(),
            transactions=database,
        )
        self.engine = Engine(
            database,
            plex,
            Gallery(),
            clock=Clock(loop.time, loop.time),
            random=Random(1),
        )
        self.runner: SourceRunner
        self.ended: list[str] = []  # jobs of Stash

    @contextlib.asynccontextmanager
    async def reading(self) -> AsyncGenerator[None]:
        """Let a runner read that remembers nothing, as after a start."""
        async with aiohttp.ClientSession() as session:
            source = StashSource(
                ID,
                session,
                self.stash.url,
                to_plex=to_plex,
                from_plex=from_plex,
                monotonic=virtual().time,
            )
            self.runner = SourceRunner(
                source, self.engine, name=NAME, job_ended=self.ended.append
            )
            task = asyncio.create_task(self.runner.run())
            try:
                yield
                assert not task.done()
            finally:
                task.cancel()
                await asyncio.wait([task])

    async def edit(self, scene: int, title: str) -> None:
        """Change a scene, long after whatever was before."""
        self.clock.tick(600)
        self.stash.core.edit_scene(scene, title=title)

    async def titles(self) -> dict[str, str]:
        """Give what waits to be written, by key."""

        def work(db: Connection) -> dict[str, str]:
            return dict(db.execute("SELECT key, fields ->> '$.title[1]' FROM job"))

        return await self.engine.database.run(work)

    async def refuse(self, when: str = "TRUE") -> None:
        """Have the database take in no record while a condition holds."""

        def work(db: Connection) -> None:
            for change in ("INSERT", "UPDATE"):
                db.execute(
                    f"CREATE TEMP TRIGGER refuse_{change} BEFORE {change} ON job"
                    f" WHEN {when} BEGIN SELECT raise(ABORT, 'full'); END"
                )

        await self.engine.database.run(work)

    async def take_in(self) -> None:
        """Have the database work again."""

        def work(db: Connection) -> None:
            for change in ("INSERT", "UPDATE"):
                db.execute(f"DROP TRIGGER refuse_{change}")

        await self.engine.database.run(work)


@contextlib.asynccontextmanager
async def world(folder: Path, scenes: int) -> AsyncGenerator[World]:
    """Give a world whose Stash has so many scenes."""
    clock = StashClock()
    core = StashCore(clock=clock)
    for number in range(1, scenes + 1):
        core.add_scene(f"/data/{number}.mkv", title=f"Old {number}")
    async with StashSimulator(core) as stash:
        it = World(stash, clock, folder)
        await it.engine.open()
        try:
            yield it
        finally:
            await it.engine.close()
            core.close()


def told(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Give the lines of the runner, from info on; nothing private is in any."""
    assert "Old" not in caplog.text
    assert "/data/" not in caplog.text
    return [
        f"{record.levelname} {record.getMessage()}"
        for record in caplog.records
        if record.name.endswith("sources.runner") and record.levelno >= logging.INFO
    ]


TROUBLES: dict[str, Trouble] = {
    "unreachable": lambda stash: stash.faults.reset(),
    "unauthorized": lambda stash: stash.faults.status(401),
    "tripwire": lambda stash: setattr(stash.auth, "tripwire", True),
    "needs_migration": lambda stash: setattr(stash, "status", "NEEDS_MIGRATION"),
    "setup": lambda stash: setattr(stash, "status", "SETUP"),
    "schema": lambda stash: stash.faults.status(422),
    "broken_answer": lambda stash: stash.faults.garbage(),
    "status_5xx": lambda stash: stash.faults.status(503),
}


@pytest.mark.parametrize("reason", TROUBLES)
def test_trouble_holds_the_source_only(
    socket_enabled: None,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    reason: str,
) -> None:
    """An hour of it costs a try now and then, two lines in the log, and no change."""
    caplog.set_level(logging.DEBUG)

    async def main() -> None:
        async with world(tmp_path, 3) as it, it.reading():
            await it.runner.caught_up.wait()
            assert len(await it.titles()) == 3
            assert it.runner.connected
            TROUBLES[reason](it.stash)
            cursor = await it.engine.notes.cursor(ID)
            await it.edit(1, "New")
            it.stash.journal.clear()
            await asyncio.sleep(HOUR)
            assert (it.runner.connected, it.runner.fault) == (False, reason)
            assert await it.engine.notes.cursor(ID) == cursor
            assert (await it.titles())["scene:1"] == "Old 1"
            assert 10 < len(it.stash.journal) < 40
            assert not it.engine.circuit.holds

            it.stash.faults.clear()
            it.stash.auth.tripwire = False
            it.stash.status = "OK"
            await asyncio.sleep(300 + SLOWEST)
            assert (it.runner.connected, it.runner.fault) == (True, None)
            assert (await it.titles())["scene:1"] == "New"

    run(main())
    assert told(caplog) == [
        f"WARNING Source {NAME} is not available: {reason}",
        f"INFO Source {NAME} is available again",
    ]


def test_a_source_that_greets_and_says_nothing(
    socket_enabled: None, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """It is back when records come, not each time that it says that it is well."""

    async def main() -> None:
        async with world(tmp_path, 3) as it, it.reading():
            await it.runner.caught_up.wait()
            it.stash.faults.garbage(match="Changed")
            await it.edit(1, "New")
            await asyncio.sleep(HOUR)
            assert it.runner.connected is False
            assert it.stash.journal.count("Learn") > 10
            it.stash.faults.clear()
            await asyncio.sleep(300)
            assert it.runner.connected
            assert (await it.titles())["scene:1"] == "New"

    run(main())
    assert len(told(caplog)) == 2


def test_a_scene_that_cannot_be_read_is_not_hammered(
    socket_enabled: None, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """It is asked for alone, less and less often, and comes when it is mended."""
    caplog.set_level(logging.DEBUG)

    async def main() -> None:
        async with world(tmp_path, 30) as it, it.reading():
            await it.runner.caught_up.wait()
            for scene in (4, 5):
                await it.edit(scene, "New")
            it.stash.core.sick = {4: "performers"}
            it.stash.journal.clear()
            await asyncio.sleep(HOUR)
            assert it.runner.connected
            assert (await it.titles())["scene:4"] == "Old 4"
            assert (await it.titles())["scene:5"] == "New"
            assert it.runner.source.unreadable == 1
            alone = it.stash.journal.count("Reread")
            assert 6 <= alone < 12
            polls = int(LIVELY / QUICK + HOUR / USUAL)
            assert len(it.stash.journal) < polls + alone + 40
            it.stash.journal.clear()
            await asyncio.sleep(HOUR)
            assert 5 <= it.stash.journal.count("Reread") <= 6

            it.stash.core.sick = {}
            await asyncio.sleep(600 + SLOWEST)
            assert (await it.titles())["scene:4"] == "New"
            assert it.runner.source.unreadable == 0

    run(main())
    assert told(caplog) == [
        f"WARNING Source {NAME} cannot read 1 of its records; they are skipped",
        f"INFO Source {NAME} reads all of its records again",
    ]


def test_a_server_that_asks_for_patience_gets_it(
    socket_enabled: None, tmp_path: Path
) -> None:
    """Retry-After is waited for, however early the next try would be."""

    async def main() -> None:
        async with world(tmp_path, 1) as it, it.reading():
            await it.runner.caught_up.wait()
            it.stash.journal.clear()
            it.stash.faults.status(503, retry_after=600)
            await asyncio.sleep(HOUR)
            assert 6 <= len(it.stash.journal) <= 7

    run(main())


def test_a_database_that_takes_nothing_in(
    socket_enabled: None, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The source is well and is not blamed; its cursor stays, and one line says why."""

    async def main() -> None:
        async with world(tmp_path, 3) as it, it.reading():
            await it.runner.caught_up.wait()
            await it.refuse()
            cursor = await it.engine.notes.cursor(ID)
            assert cursor is not None
            await it.edit(1, "New")
            it.stash.journal.clear()
            await asyncio.sleep(HOUR)
            assert await it.engine.notes.cursor(ID) == cursor
            assert (await it.titles())["scene:1"] == "Old 1"
            assert it.runner.connected
            assert 10 < len(it.stash.journal) < 80
            await it.take_in()
            await asyncio.sleep(300)
            assert (await it.titles())["scene:1"] == "New"

    run(main())
    assert told(caplog) == [
        f"ERROR Source {NAME} is not read: {FULL}",
        f"INFO Source {NAME} is read again",
    ]


def test_a_disk_that_fills_up_on_the_way(socket_enabled: None, tmp_path: Path) -> None:
    """The pages before stay taken in; a later start reads on from there, and nothing twice."""

    async def main() -> None:
        async with world(tmp_path, 1200) as it:
            await it.refuse("(SELECT count(*) FROM job) >= 700")
            async with it.reading():
                await asyncio.sleep(HOUR)
            assert not it.runner.caught_up.is_set()
            assert len(await it.titles()) == 2 * PAGE  # whole pages only
            await it.take_in()
            it.stash.journal.clear()
            async with it.reading():
                await it.runner.caught_up.wait()
            assert len(await it.titles()) == 1200
            assert (
                await it.engine.database.run(
                    lambda db: db.execute("SELECT max(rev) FROM job").fetchone()[0]
                )
                == 1
            )
            assert it.stash.journal.count("Scenes") == 3  # 700 scenes

    run(main())


def test_an_idle_stash_is_asked_little(socket_enabled: None, tmp_path: Path) -> None:
    """Six small requests a minute; two, after an hour of nothing."""

    async def main() -> None:
        async with world(tmp_path, 30) as it, it.reading():
            await it.runner.caught_up.wait()
            await asyncio.sleep(2 * LIVELY)
            for hours, requests in ((0.9, 6 * 54), (0.1, 0), (8, 2 * 480)):
                it.stash.journal.clear()
                await asyncio.sleep(hours * HOUR)
                if requests:
                    assert len(it.stash.journal) == pytest.approx(requests, rel=0.05)
                    assert max(entry.size for entry in it.stash.journal) < 4000
            # Whoever does not want to wait asks, and is answered at once.
            await it.edit(1, "New")
            it.stash.journal.clear()
            it.runner.hurry()
            await asyncio.sleep(0.5)
            assert (await it.titles())["scene:1"] == "New"

    run(main())


def test_while_somebody_edits(socket_enabled: None, tmp_path: Path) -> None:
    """The first one after a pause is taken in within ten seconds, the others within one."""

    async def main() -> None:
        async with world(tmp_path, 30) as it, it.reading():
            await it.runner.caught_up.wait()
            await asyncio.sleep(2 * LIVELY)
            wait = USUAL
            for number in range(60):
                title = f"Edit {number}"
                it.clock.tick(60)
                it.stash.core.edit_scene(1 + number % 30, title=title)
                await asyncio.sleep(wait + 0.1)
                assert (await it.titles())[f"scene:{1 + number % 30}"] == title
                await asyncio.sleep(number % 10)
                wait = QUICK

    run(main())


def test_the_end_of_a_job_starts_a_look(socket_enabled: None, tmp_path: Path) -> None:
    """While it changes nothing looks are as usual; one after its end sees what none did."""

    async def main() -> None:
        async with world(tmp_path, 30) as it, it.reading():
            await it.runner.caught_up.wait()
            await asyncio.sleep(2 * LIVELY)
            await it.edit(2, "New")
            job = it.stash.jobs.start("Auto-tagging...")
            await asyncio.sleep(2 * USUAL)
            it.stash.journal.clear()
            await asyncio.sleep(HOUR)
            looks = BUSY / QUICK + HOUR / USUAL
            assert len(it.stash.journal) == pytest.approx(looks, rel=0.1)
            assert not it.ended
            await it.edit(3, "Generated")
            await asyncio.sleep(USUAL)
            it.stash.journal.clear()
            await asyncio.sleep(USUAL)
            assert len(it.stash.journal) == pytest.approx(USUAL / QUICK, abs=2)
            await asyncio.sleep(BUSY)
            it.clock.tick(-300)
            it.stash.core.edit_scene(1, title="Tagged")
            it.stash.jobs.finish(job)
            await asyncio.sleep(USUAL + QUICK)
            assert it.ended == ["auto_tag"]
            assert (await it.titles())["scene:1"] == "Tagged"

            # One that nobody sees running is heard of all the same.
            await asyncio.sleep(2 * LIVELY)
            it.stash.jobs.finish(it.stash.jobs.start("Cleaning..."))
            await asyncio.sleep(USUAL)
            assert it.ended == ["auto_tag", "clean"]
            it.stash.journal.clear()
            await asyncio.sleep(60)
            assert len(it.stash.journal) == pytest.approx(6, abs=1)

    run(main())
