"""The zip in a bare Home Assistant: set up anew, upgraded, and refused after a downgrade."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
import sqlite3

from demo import flows
from tests.homes import OldHome, load_plex, versions
from tests.homes.leave import COUNT, WAITING, edit, new_title
from tests.simulators.films import FILMS
from tests.simulators.plex import PlexSimulator, from_films
from tests.simulators.stash import StashCore, StashSimulator, load_films

from .bare import BareHome, add_entry, bare_home
from .contents import ReleaseError, version

_TITLE = "Set up from a zip"


async def set_up(archive: Path, folder: Path) -> str:
    """Install it, add a server as a person does, and write one item. Raises ReleaseError."""
    async with PlexSimulator() as plex, bare_home(folder, archive) as home:
        from_films(plex.core, [{"path": film.path} for film in FILMS[:1]])
        path = f"/data/films/{FILMS[0].path}"
        await home.import_everything()
        await home.start()
        await flows.add_server(home.home, plex.url, plex.token)
        await home.until("sensor.circuit", "closed")
        answer = await home.home.act(
            "plexsync.sync_item", path=path, fields={"title": _TITLE}, wait=60
        )
        shown = plex.core.find(path).title
        if answer["status"] != "written" or shown != _TITLE:
            raise ReleaseError(f"the item was not written: {answer['status']}")
        if (installed := await home.installed()) != version():
            raise ReleaseError(f"{installed} was loaded")
        await home.stop()
    return "installed, set up, one item written"


async def upgrade(archive: Path, folder: Path, old_version: str) -> str:
    """Take over what a version left in an outage, and end it. Raises ReleaseError."""
    async with _world(old_version) as (plex, stash):
        old = OldHome(old_version, plex.url, stash.url)
        async with bare_home(folder, archive) as home:
            add_entry(home, old.entry())
            old.lay_out(home.storage)
            await plex.stop()
            await home.start()
            await home.until_entry("loaded")
            await home.until("sensor.circuit", "open")
            await home.until("sensor.synced", str(COUNT))
            listed = (await home.home.act("plexsync.get_jobs"))["jobs"]
            if set(old.jobs()) - {(job["source"], job["key"]) for job in listed}:
                raise ReleaseError(f"jobs of {old_version} are lost")
            await plex.start(port=int(plex.url.rpartition(":")[2]))
            await home.home.act("plexsync.reset_circuit")  # a person who will not wait
            await home.until("sensor.circuit", "closed")
            await home.until("sensor.pending", "0")
            for number in range(WAITING):
                path = f"/data/films/{FILMS[number].path}"
                if plex.core.find(path).title != new_title(number):
                    raise ReleaseError(f"job {number} of {old_version} did not arrive")
            if repairs := await home.repairs():
                raise ReleaseError(f"after the upgrade there are repairs: {repairs}")
            await home.stop()
    return f"from {old_version}: {WAITING} jobs arrived, circuit and ledger kept"


async def downgrade(archive: Path, folder: Path, old_version: str) -> str:
    """Meet files of a version to come, and leave them alone. Raises ReleaseError."""
    async with _world(old_version) as (plex, stash):
        old = OldHome(old_version, plex.url, stash.url)
        async with bare_home(folder, archive) as home:
            add_entry(home, old.entry())
            kept = old.lay_out(home.storage)
            with closing(sqlite3.connect(kept[1])) as db:
                db.execute("CREATE TABLE of_a_version_to_come (x)")
                db.execute("PRAGMA user_version=9999")
            before = {each.name: each.read_bytes() for each in _files(home)}
            await home.start()
            await home.until_entry("setup_error")
            if (repairs := await home.repairs()) != {"storage_too_new"}:
                raise ReleaseError(f"the owner is told of {repairs}")
            await home.stop(refused=True)
            if before != {each.name: each.read_bytes() for each in _files(home)}:
                raise ReleaseError("files of a newer version were touched")
    return "files of a newer version: left as they were, a repair says so"


def _files(home: BareHome) -> list[Path]:
    return sorted(home.storage.glob("plexsync.*"))


async def everything(archive: Path, folder: Path) -> AsyncIterator[str]:
    """Try all of it, and yield what went well. Raises ReleaseError."""
    yield await set_up(archive, folder / "set-up")
    for old in versions():
        yield await upgrade(archive, folder / f"from-{old}", old)
    yield await downgrade(archive, folder / "back", versions()[-1])


@asynccontextmanager
async def _world(
    old_version: str,
) -> AsyncIterator[tuple[PlexSimulator, StashSimulator]]:
    """Give the Plex that a version knew, and the Stash, edited since."""
    core = StashCore()
    load_films(core, films=FILMS[:COUNT], covers=False)
    async with PlexSimulator() as plex, StashSimulator(core) as stash:
        load_plex(plex.core, old_version)
        edit(stash)
        yield plex, stash
    core.close()
