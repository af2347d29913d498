"""Backups: the file alone is whole, a restored one is recognised, a crash is not one."""

import asyncio
from collections.abc import AsyncGenerator
import contextlib
from datetime import timedelta
from pathlib import Path
import shutil
import sqlite3
import subprocess
import sys

from homeassistant.components.backup import BackupManagerError
from homeassistant.core import HomeAssistant
from homeassistant.helpers import issue_registry as ir
from homeassistant.setup import async_setup_component
from homeassistant.util import dt as dt_util
import pytest
from pytest_homeassistant_custom_component.common import async_fire_time_changed

from custom_components import plexsync
from custom_components.plexsync.backup import async_post_backup, async_pre_backup
from custom_components.plexsync.const import DOMAIN
from custom_components.plexsync.engine.database.database import Database
from custom_components.plexsync.engine.database.layout import Layout
from custom_components.plexsync.engine.model.holds import Hold
from tests.home import call, make_entry, set_up, until, until_state
from tests.simulators.plex import PlexSimulator
from tests.test_persistence import home

RING = Path(plexsync.__file__).parent
SCHEMA = "CREATE TABLE IF NOT EXISTS t (n INTEGER UNIQUE, filler TEXT);"
NAME = ".storage/plexsync.01ENTRY.db"


def insert(number: int) -> object:
    """Make a transaction that inserts a few kilobytes."""
    return lambda db: (
        db.execute("INSERT INTO t VALUES (?, ?)", (number, "x" * 3000)).rowcount
    )


async def fill(database: Database, first: int, count: int) -> None:
    """Insert so many rows, each in a transaction of its own; no power is cut here."""
    for number in range(first, first + count):
        await database.run(insert(number), durable=False)


def opened(path: Path) -> Database:
    """Open a database."""
    database = Database(path, Layout((SCHEMA,)))
    database.open()
    return database


def numbers(path: Path) -> list[int]:
    """Check a copy, and read what is in it."""
    with contextlib.closing(sqlite3.connect(path)) as copy:
        assert copy.execute("PRAGMA quick_check").fetchone() == ("ok",)
        return [row[0] for row in copy.execute("SELECT n FROM t ORDER BY n")]


def restore(path: Path, folder: Path, *, log: bool) -> Path:
    """Copy a database as a backup does, with or without its log; give where to."""
    folder.mkdir()
    target = folder / path.name
    shutil.copy2(path, target)
    if log:
        shutil.copy2(f"{path}-wal", f"{target}-wal")
    return target


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Name a file."""
    return tmp_path / "one" / "plexsync.db"


@pytest.fixture
async def database(path: Path) -> AsyncGenerator[Database]:
    """Give a database with 50 rows."""
    path.parent.mkdir()
    database = opened(path)
    await fill(database, 0, 50)
    yield database
    database.close()


async def test_the_file_alone_is_the_moment_of_the_freeze(
    database: Database, path: Path, tmp_path: Path
) -> None:
    """Copied ten times while rows are written: whole, and always the same."""
    await database.freeze(1.0)
    content: set[bytes] = set()
    for number in range(10):
        target = tmp_path / f"copy{number}.db"
        await asyncio.gather(
            fill(database, 50 + 100 * number, 100),
            asyncio.to_thread(shutil.copyfile, path, target),
        )
        assert numbers(target) == list(range(50))
        content.add(target.read_bytes())
    assert len(content) == 1
    log = path.with_name(path.name + "-wal")
    assert log.stat().st_size > 1000 * 3000
    await database.thaw()
    assert log.stat().st_size < 1 << 20  # moved into the file
    await fill(database, 5000, 1)
    database.close()
    assert len(numbers(path)) == 1051
    assert not log.exists()


@pytest.mark.parametrize("log", [False, True])
async def test_a_restored_file_is_recognised(
    database: Database, path: Path, tmp_path: Path, log: bool
) -> None:
    """With its log or without, and until somebody has said yes."""
    await database.freeze(1.0)
    await fill(database, 50, 10)
    target = restore(path, tmp_path / "two", log=log)
    await database.thaw()
    for _ in range(2):
        restored = opened(target)
        assert restored.file.restored
        assert restored.file.frozen_since is None
        # Another backup meanwhile makes nobody forget it.
        await restored.freeze(2.0)
        await restored.thaw()
        restored.close()
    assert numbers(target) == list(range(60 if log else 50))
    restored = opened(target)
    await restored.run(restored.file.accept)
    assert not restored.file.restored
    restored.close()
    restored = opened(target)
    assert not restored.file.restored
    restored.close()


async def test_a_copy_without_a_backup_is_none_of_ours(
    database: Database, path: Path, tmp_path: Path
) -> None:
    """Before and after a backup there is no mark, in the file or in its log."""
    for number in range(2):
        target = restore(path, tmp_path / f"copy{number}", log=True)
        copy = opened(target)
        assert not copy.file.restored
        copy.close()
        await database.freeze(1.0)
        await database.thaw()


async def test_a_stop_in_the_middle_is_no_restore(
    database: Database, path: Path
) -> None:
    """The file stays as it is over a stop and a start, too, and the backup goes on."""
    await database.freeze(7.0)
    await fill(database, 50, 600)
    frozen = path.read_bytes()
    for number in range(2):
        database.close()
        assert path.read_bytes() == frozen
        database.open()
        assert not database.file.restored
        assert database.file.frozen_since == 7.0
        await fill(database, 5000 + 600 * number, 600)
        assert path.read_bytes() == frozen
    await database.thaw()
    database.close()
    assert len(numbers(path)) == 1850
    database.open()
    assert (database.file.restored, database.file.frozen_since) == (False, None)


# The engine alone, without Home Assistant: so it is imported in no time.
_KILLED = """
import asyncio, os, sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from engine.database.database import Database
from engine.database.layout import Layout
async def main():
    database = Database(Path(sys.argv[1]), Layout((sys.argv[3],)))
    database.open()
    async def fill(first, count):
        for number in range(first, first + count):
            row = (number, "x" * 3000)
            work = lambda db: db.execute("INSERT INTO t VALUES (?, ?)", row).rowcount
            await database.run(work, durable=False)
    await fill(0, 50)
    await database.freeze(7.0)
    await fill(50, 600)
    os._exit(9)
asyncio.run(main())
"""


async def test_a_crash_in_the_middle_is_no_restore(tmp_path: Path) -> None:
    """The process ended between the two calls: nothing is lost, nobody is asked."""
    path = tmp_path / "plexsync.db"
    ended = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-c", _KILLED, str(path), str(RING), SCHEMA],
        timeout=60,
        check=False,
    )
    assert ended.returncode == 9
    database = opened(path)
    assert not database.file.restored
    assert database.file.frozen_since == 7.0
    await database.thaw()
    database.close()
    assert len(numbers(path)) == 650


async def test_a_second_backup_takes_over(
    database: Database, path: Path, tmp_path: Path
) -> None:
    """The first never said that it was over."""
    await database.freeze(1.0)
    await fill(database, 50, 10)
    await database.freeze(2.0)
    assert database.file.frozen_since == 2.0
    target = restore(path, tmp_path / "two", log=False)
    assert numbers(target) == list(range(60))
    await database.thaw()
    await database.thaw()
    database.close()
    database.open()
    assert (database.file.restored, database.file.frozen_since) == (False, None)


# -- within Home Assistant -------------------------------------------------------


async def sync(hass: HomeAssistant, plex: PlexSimulator, tag: str, count: int) -> None:
    """Ask for a new title of so many films, and wait until they have it."""
    for item in list(plex.core.items.values())[:count]:
        await call(hass, "sync_item", path=item.files[0], fields={"title": tag})
    await until(
        hass, lambda: sum(i.title == tag for i in plex.core.items.values()) == count
    )
    await until_state(hass, "sensor", "pending", "0")


async def test_a_restored_home_holds_until_the_owner_answers(
    tmp_path: Path, plex: PlexSimulator
) -> None:
    """Copied between the two calls, in the middle of work; then it all is put back."""
    old, new = tmp_path / "old", tmp_path / "new"
    async with home(old) as hass:
        await set_up(hass, make_entry(plex))
        await sync(hass, plex, "Before", 3)
        await async_pre_backup(hass)
        await sync(hass, plex, "Meanwhile", 3)
        new.mkdir()
        (new / ".storage").mkdir()
        for name in (NAME, f"{NAME}-wal", NAME.removesuffix(".db")):
            shutil.copy2(old / name, new / name)
        await async_post_backup(hass)
        await sync(hass, plex, "After", 3)

    # Where nothing was restored nobody is asked.
    async with home(old) as hass:
        entry = await set_up(hass, make_entry(plex))
        assert not entry.runtime_data.engine.circuit.holds
        await sync(hass, plex, "Later", 3)

    edits = plex.journal.count(method="PUT")
    for _ in range(2):  # it is not forgotten by another start
        async with home(new) as hass:
            entry = await set_up(hass, make_entry(plex))
            path = next(iter(plex.core.items.values())).files[0]
            answer = await call(
                hass, "sync_item", path=path, fields={"title": "Old"}, wait=1
            )
            assert (answer["status"], answer["reason"]) == ("queued", "held")
            assert entry.runtime_data.engine.circuit.holds == {Hold.LEDGER}
            await until(
                hass,
                lambda: (DOMAIN, "ledger_lost_01ENTRY") in ir.async_get(hass).issues,
                ["repairs_issue_registry_updated"],
            )
            # A backup of what is in doubt does not settle the doubt.
            await async_pre_backup(hass)
            await async_post_backup(hass)
    assert plex.journal.count(method="PUT") == edits

    async with home(new) as hass:
        entry = await set_up(hass, make_entry(plex))
        await entry.runtime_data.engine.ledger_identity.accept()
        await until_state(hass, "sensor", "pending", "0")
        # What stands in Plex is not what that ledger knows: it counts as a person's.
        assert plex.journal.count(method="PUT") == edits
        path = list(plex.core.items.values())[5].files[0]
        await call(hass, "sync_item", path=path, fields={"title": "New"})
        await until(hass, lambda: plex.journal.count(method="PUT") == edits + 1)
    async with home(new) as hass:
        entry = await set_up(hass, make_entry(plex))
        assert not entry.runtime_data.engine.circuit.holds


async def test_a_reload_during_a_backup(
    hass: HomeAssistant, plex: PlexSimulator
) -> None:
    """The file is left alone by the next one as well, and no longer than an hour in all."""
    entry = await set_up(hass, make_entry(plex))
    await sync(hass, plex, "Before", 2)
    await async_pre_backup(hass)
    path = Path(hass.config.path(NAME))
    frozen = path.read_bytes()
    await sync(hass, plex, "Meanwhile", 2)
    assert await hass.config_entries.async_reload(entry.entry_id)
    await hass.async_block_till_done()
    await sync(hass, plex, "Still", 2)
    assert path.read_bytes() == frozen
    database = entry.runtime_data.engine.database
    assert database.file.frozen_since is not None
    async_fire_time_changed(hass, dt_util.utcnow() + timedelta(minutes=59))
    await hass.async_block_till_done()
    assert database.file.frozen_since is not None
    async_fire_time_changed(hass, dt_util.utcnow() + timedelta(minutes=61))
    await until(hass, lambda: path.read_bytes() != frozen)
    assert database.file.frozen_since is None
    assert not entry.runtime_data.engine.circuit.holds


async def test_a_backup_that_begins_while_an_entry_closes(
    hass: HomeAssistant, plex: PlexSimulator
) -> None:
    """No timer is left behind, which the end of this test would tell."""
    entry = await set_up(hass, make_entry(plex))
    beginning = hass.async_create_task(async_pre_backup(hass), eager_start=False)
    await entry.runtime_data.async_close()
    await beginning


async def test_an_hour_later_it_is_over(
    hass: HomeAssistant, plex: PlexSimulator
) -> None:
    """The call that it is over never came; one that comes too late does no harm."""
    entry = await set_up(hass, make_entry(plex))
    database = entry.runtime_data.engine.database
    await async_pre_backup(hass)
    assert database.file.frozen_since is not None
    async_fire_time_changed(hass, dt_util.utcnow() + timedelta(hours=1, seconds=1))
    await until(hass, lambda: database.file.frozen_since is None)
    await async_post_backup(hass)
    assert database.file.frozen_since is None
    await sync(hass, plex, "After", 1)


async def test_nothing_is_held_and_nothing_is_raised(
    hass: HomeAssistant, plex: PlexSimulator, caplog: pytest.LogCaptureFixture
) -> None:
    """Records are accepted and written all the time; a database that fails stops no backup."""
    await async_pre_backup(hass)
    await async_post_backup(hass)
    entry = await set_up(hass, make_entry(plex))
    await asyncio.gather(async_pre_backup(hass), sync(hass, plex, "During", 5))
    await async_post_backup(hass)
    await async_post_backup(hass)

    await entry.runtime_data.async_close()
    await async_pre_backup(hass)
    assert "The backup may lack the newest changes (StorageClosedError(" in caplog.text
    await async_post_backup(hass)


async def test_home_assistants_own_backup(
    hass: HomeAssistant, plex: PlexSimulator
) -> None:
    """Its manager finds the platform, calls both, and is content."""
    entry = await set_up(hass, make_entry(plex))
    assert await async_setup_component(hass, "backup", {})
    await hass.async_block_till_done()
    manager = hass.data["backup"]
    assert DOMAIN in manager.platforms
    database = entry.runtime_data.engine.database
    with contextlib.suppress(BackupManagerError):  # another platform's
        await manager.async_pre_backup_actions()
    assert database.file.frozen_since is not None
    await manager.async_post_backup_actions()
    assert database.file.frozen_since is None


async def test_steps_that_fail(
    hass: HomeAssistant, plex: PlexSimulator, caplog: pytest.LogCaptureFixture
) -> None:
    """Each of them once: the backup goes on, and so do we once the database works again."""
    entry = await set_up(hass, make_entry(plex))
    database = entry.runtime_data.engine.database
    began = dt_util.utcnow()
    for number, step in enumerate(("INSERT", "UPDATE", "DELETE"), 1):
        await database.run(
            lambda db, step=step: db.execute(  # type: ignore[misc]
                f"CREATE TEMP TRIGGER broken BEFORE {step} ON backup"
                " BEGIN SELECT raise(ABORT, 'disk'); END"
            )
        )
        await async_pre_backup(hass)
        assert ("lack the newest changes" in caplog.text) is (step != "DELETE")
        await async_post_backup(hass)
        assert ("cannot be ended yet" in caplog.text) is (step == "DELETE")
        await database.run(lambda db: db.execute("DROP TRIGGER broken"))
        async_fire_time_changed(hass, began + timedelta(minutes=2 * number))
        await until(hass, lambda: database.file.frozen_since is None)
        await sync(hass, plex, step, 1)
        caplog.clear()
    assert await hass.config_entries.async_reload(entry.entry_id)
    await hass.async_block_till_done()
    assert not entry.runtime_data.engine.circuit.holds
