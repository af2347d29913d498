"""Our files when the disk, or somebody else, is in the way."""

import contextlib
from pathlib import Path
import sqlite3

from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import issue_registry as ir
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.plexsync.const import DOMAIN
from custom_components.plexsync.engine.model.holds import Hold
from tests.home import call, make_entry, set_up, until, until_state
from tests.simulators.plex import PlexSimulator
from tests.test_persistence import home

STORE = ".storage/plexsync.01ENTRY"
NAME = f"{STORE}.db"
LOST = (DOMAIN, "database_lost_01ENTRY")
TOO_NEW = (DOMAIN, "storage_too_new_01ENTRY")


async def test_somebody_else_has_the_database(
    hass: HomeAssistant, plex: PlexSimulator
) -> None:
    """A second owner is told why it waits, and gets its turn."""
    entry = make_entry(plex)
    entry.add_to_hass(hass)
    with contextlib.closing(sqlite3.connect(hass.config.path(NAME))) as other:
        other.execute("PRAGMA locking_mode=EXCLUSIVE")
        other.execute("BEGIN EXCLUSIVE")
        other.execute("COMMIT")
        assert not await hass.config_entries.async_setup(entry.entry_id)
        assert entry.state is ConfigEntryState.SETUP_RETRY
        assert entry.error_reason_translation_domain == DOMAIN
        assert entry.error_reason_translation_key == "storage_in_use"
    assert await hass.config_entries.async_reload(entry.entry_id)
    assert entry.state is ConfigEntryState.LOADED


async def test_the_database_cannot_be_opened(
    hass: HomeAssistant, plex: PlexSimulator
) -> None:
    """Set-up is tried again, and nothing is moved out of the way."""
    # Root opens anything, but nobody opens a folder.
    path = Path(hass.config.path(NAME))
    path.mkdir()
    entry = make_entry(plex)
    entry.add_to_hass(hass)
    assert not await hass.config_entries.async_setup(entry.entry_id)
    assert entry.state is ConfigEntryState.SETUP_RETRY
    assert entry.error_reason_translation_key == "storage_unusable"
    path.rmdir()
    assert await hass.config_entries.async_reload(entry.entry_id)
    assert entry.state is ConfigEntryState.LOADED
    assert not list(path.parent.glob(f"{path.name}.*.1"))


async def test_a_database_from_a_newer_version(
    hass: HomeAssistant, plex: PlexSimulator
) -> None:
    """It stays as it is, and the owner is told until the newer version is back."""
    path = Path(hass.config.path(NAME))
    with contextlib.closing(sqlite3.connect(path)) as newer:
        newer.execute("PRAGMA user_version=99")
    content = path.read_bytes()
    entry = make_entry(plex)
    entry.add_to_hass(hass)
    assert not await hass.config_entries.async_setup(entry.entry_id)
    assert entry.state is ConfigEntryState.SETUP_ERROR
    assert entry.error_reason_translation_key == "storage_too_new"
    assert path.read_bytes() == content
    assert [each.name for each in path.parent.glob(f"{path.name}*")] == [path.name]
    assert TOO_NEW in ir.async_get(hass).issues

    with contextlib.closing(sqlite3.connect(path)) as newer:
        newer.execute("PRAGMA user_version=0")
    await _reload(hass, entry)
    assert TOO_NEW not in ir.async_get(hass).issues


@pytest.mark.parametrize(
    "content",
    [
        '{"version": 9, "minor_version": 1, "key": "k", "data": {"what": "ever"}}',
        '{"version": 1, "minor_version": 7, "key": "k", "data": {}}',
    ],
)
async def test_a_store_from_a_newer_version(
    tmp_path: Path, plex: PlexSimulator, content: str
) -> None:
    """Not written anew as ours, which would lose what only the newer one knows."""
    path = tmp_path / STORE
    path.parent.mkdir()
    path.write_text(content)
    async with home(tmp_path) as hass:
        entry = make_entry(plex)
        entry.add_to_hass(hass)
        assert not await hass.config_entries.async_setup(entry.entry_id)
        assert entry.state is ConfigEntryState.SETUP_ERROR
        assert entry.error_reason_translation_key == "storage_too_new"
        assert TOO_NEW in ir.async_get(hass).issues
    assert path.read_text() == content
    path.unlink()
    async with home(tmp_path) as hass:
        await set_up(hass, make_entry(plex))
        assert TOO_NEW not in ir.async_get(hass).issues
    assert not list(path.parent.glob(f"{path.name}.corrupt*"))


async def test_a_store_that_cannot_be_read(tmp_path: Path, plex: PlexSimulator) -> None:
    """Not taken for a damaged one: set-up waits, and finds it as it was."""
    path = tmp_path / STORE
    path.mkdir(parents=True)  # root reads anything but a folder
    async with home(tmp_path) as hass:
        entry = make_entry(plex)
        entry.add_to_hass(hass)
        assert not await hass.config_entries.async_setup(entry.entry_id)
        assert entry.state is ConfigEntryState.SETUP_RETRY
        assert entry.error_reason_translation_key == "storage_unusable"
        path.rmdir()
        await _reload(hass, entry)


async def test_no_log_can_be_made(hass: HomeAssistant, plex: PlexSimulator) -> None:
    """What is beside the database is in the way: nothing is taken for damage."""
    path = Path(hass.config.path(NAME))
    log = path.with_name(f"{path.name}-wal")
    log.mkdir()
    entry = make_entry(plex)
    entry.add_to_hass(hass)
    assert not await hass.config_entries.async_setup(entry.entry_id)
    assert entry.state is ConfigEntryState.SETUP_RETRY
    log.rmdir()
    await _reload(hass, entry)
    assert not list(path.parent.glob(f"{path.name}.*"))


@pytest.mark.parametrize("what", ["INSERT ON setting", "UPDATE ON job"])
async def test_the_disk_is_full_while_it_is_set_up(
    hass: HomeAssistant, plex: PlexSimulator, what: str
) -> None:
    """The file opens, and then a statement fails: set-up waits all the same."""
    entry = await set_up(hass, make_entry(plex))
    engine = entry.runtime_data.engine
    await engine.switch(False)
    item = next(iter(plex.core.items.values()))
    await call(hass, "sync_item", path=item.files[0], fields={"title": "Accepted"})
    await hass.config_entries.async_unload(entry.entry_id)
    path = Path(hass.config.path(NAME))
    with contextlib.closing(sqlite3.connect(path)) as db:
        db.execute("INSERT INTO lease SELECT id, 0.0 FROM job")
        db.execute("DELETE FROM setting WHERE name = 'sources'")
        db.execute(
            f"CREATE TRIGGER full BEFORE {what} BEGIN SELECT raise(ABORT, 'disk'); END"
        )
        db.commit()
    assert not await hass.config_entries.async_setup(entry.entry_id)
    assert entry.state is ConfigEntryState.SETUP_RETRY
    assert entry.error_reason_translation_key == "storage_unusable"
    with contextlib.closing(sqlite3.connect(path)) as db:
        db.execute("DROP TRIGGER full")
    await _reload(hass, entry)
    assert not list(path.parent.glob(f"{path.name}.*"))
    assert (await call(hass, "get_jobs"))["total"] == 1


async def test_damage_that_set_up_comes_upon(
    hass: HomeAssistant, plex: PlexSimulator
) -> None:
    """It begins anew at once, and tells."""
    entry = await set_up(hass, make_entry(plex))
    await hass.config_entries.async_unload(entry.entry_id)
    path = Path(hass.config.path(NAME))
    _spoil(path, "job")
    await set_up(hass, entry)
    assert path.with_name(f"{path.name}.corrupt.1").exists()
    assert LOST in ir.async_get(hass).issues
    assert entry.runtime_data.engine.circuit.holds == {Hold.LEDGER}


async def test_damage_after_a_kill_is_found_behind_the_start(
    hass: HomeAssistant, plex: PlexSimulator
) -> None:
    """Set-up does not read the whole file; what is found then is set aside."""
    entry = await set_up(hass, make_entry(plex))
    await hass.config_entries.async_unload(entry.entry_id)
    path = Path(hass.config.path(NAME))
    _spoil(path, "picture")
    aside = path.with_name(f"{path.name}.corrupt.1")
    await set_up(hass, entry)  # closed well: nobody looks
    await hass.config_entries.async_unload(entry.entry_id)
    assert not aside.exists()
    path.with_name(f"{path.name}-wal").touch()  # what a kill leaves
    assert await hass.config_entries.async_setup(entry.entry_id)
    assert not entry.runtime_data.engine.database.file.set_aside
    await until(hass, aside.exists)
    await until(hass, lambda: entry.state is ConfigEntryState.LOADED)
    assert LOST in ir.async_get(hass).issues
    assert entry.runtime_data.engine.circuit.holds == {Hold.LEDGER}
    answer = await call(
        hass,
        "sync_item",
        path=next(iter(plex.core.items.values())).files[0],
        fields={"title": "Kept"},
    )
    assert answer["status"] == "queued"


async def test_damage_that_the_work_comes_upon(
    hass: HomeAssistant, plex: PlexSimulator
) -> None:
    """Whoever reads the page finds it: the same way out."""
    entry = await set_up(hass, make_entry(plex))
    await hass.config_entries.async_unload(entry.entry_id)
    path = Path(hass.config.path(NAME))
    _spoil(path, "written")
    await set_up(hass, entry)
    item = next(iter(plex.core.items.values()))
    await call(hass, "sync_item", path=item.files[0], fields={"title": "Found"})
    await until(hass, path.with_name(f"{path.name}.corrupt.1").exists)
    await until(hass, lambda: entry.state is ConfigEntryState.LOADED)
    assert LOST in ir.async_get(hass).issues


async def test_nothing_is_left_of_an_entry(
    hass: HomeAssistant, plex: PlexSimulator
) -> None:
    """Nor of what was set aside; another entry's files stay."""
    entry = await set_up(hass, make_entry(plex))
    folder = Path(hass.config.path(".storage"))
    mine = [
        f"{NAME}.corrupt.1",
        f"{NAME}.corrupt.1-wal",
        f"{NAME}-journal",
        f"{STORE}.corrupt.2026-01-01T00-00-00+00-00",
    ]
    others = ["plexsync.01ENTRY2.db", "plexsync.01ENTRY2", "core.config"]
    for name in (*mine, *(f".storage/{other}" for other in others)):
        Path(hass.config.path(name)).touch()
    await entry.runtime_data.engine.circuit.save()
    assert await hass.config_entries.async_remove(entry.entry_id)
    assert sorted(
        each.name for each in folder.iterdir() if "plexsync" in each.name
    ) == sorted(others[:2])
    assert (folder / "core.config").exists()


async def test_the_disk_fills_up(hass: HomeAssistant, plex: PlexSimulator) -> None:
    """Whoever asks is told; what was accepted is written once there is room."""
    entry = await set_up(hass, make_entry(plex))
    engine = entry.runtime_data.engine
    item = next(iter(plex.core.items.values()))
    await engine.switch(False)
    await call(hass, "sync_item", path=item.files[0], fields={"title": "Accepted"})
    await engine.database.run(_room(0))
    with pytest.raises(HomeAssistantError) as caught:
        await call(
            hass, "sync_item", path=item.files[0], fields={"summary": "x" * 9000}
        )
    assert caught.value.translation_key == "storage_failed"
    await engine.database.run(_room(100_000))
    await engine.switch(True)
    await until(hass, lambda: item.title == "Accepted")
    await until_state(hass, "sensor", "pending", "0")
    assert item.values.get("summary") != "x" * 9000


async def _reload(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    assert await hass.config_entries.async_reload(entry.entry_id)
    await hass.async_block_till_done()
    assert entry.state is ConfigEntryState.LOADED


def _spoil(path: Path, table: str) -> None:
    """Write over the root page of a table."""
    with contextlib.closing(sqlite3.connect(path)) as db:
        (page,) = db.execute(
            "SELECT rootpage FROM sqlite_schema WHERE name = ?", (table,)
        ).fetchone()
        (size,) = db.execute("PRAGMA page_size").fetchone()
    with path.open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(b"\xff" * size)


def _room(pages: int) -> object:
    """Make a disk have room for so many pages, or for no more than there are now."""
    return lambda db: db.execute(f"PRAGMA max_page_count={pages or 1}").fetchone()
