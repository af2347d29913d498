"""A Home Assistant that has the zip and nothing of this repository."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
import json
from pathlib import Path
import subprocess
import sys
from typing import Any

from aiohttp import ClientSession

from demo import configuration
from demo.home import Home
from demo.place import REPOSITORY, Place, any_ports
from demo.programs import Program

from .archive import install
from .contents import DOMAIN, ReleaseError

PATIENCE = 90.0  # seconds until it is given up; a busy machine is slow
_PAUSE = 0.1
# Whatever is imported comes from the folder that is named, or from Python's own.
_ISOLATED = {"PYTHONPATH": "", "PYTHONSAFEPATH": "1", "PYTHONUNBUFFERED": "1"}
_IMPORT_ALL = """
import importlib, pkgutil, sys
sys.path.insert(0, sys.argv[1])
package = importlib.import_module(f"custom_components.{sys.argv[2]}")
for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
    importlib.import_module(module.name)
foreign = [name for name in ("tests", "demo", "proofs", "bench") if name in sys.modules]
sys.exit(f"it needs {foreign}" if foreign else 0)
"""


class BareHome:
    """One Home Assistant in a process and a folder of its own."""

    def __init__(self, session: ClientSession, folder: Path, archive: Path) -> None:
        """Unpack the zip into an empty configuration; nothing runs yet."""
        self.place = Place(folder, any_ports())
        self.component = install(archive, self.config)
        self.home = Home(session, self.place.home_url)
        self._program = Program(
            "home-assistant",
            [
                *(sys.executable, "-m", "homeassistant"),
                *("--config", str(self.config), "--skip-pip"),
            ],
            folder,
            folder,
            _ISOLATED,
        )

    @property
    def config(self) -> Path:
        """Home Assistant's own folder."""
        return self.place.config

    @property
    def storage(self) -> Path:
        """Where it keeps things."""
        return self.config / ".storage"

    # -- life ------------------------------------------------------------------

    async def start(self) -> None:
        """Start it, and wait until it runs."""
        configuration.write(self.config, REPOSITORY, self.place.ports.home)
        await asyncio.to_thread(self._program.start)
        await self.home.log_in(PATIENCE)
        await self.home.running(PATIENCE)

    async def stop(self, *, refused: bool = False) -> None:
        """Stop it as a person does. Raises ReleaseError if it complained.

        Of an entry that was refused, Home Assistant itself logs where.
        """
        await asyncio.to_thread(self._program.stop)
        said = self._program.output.read_text()
        if "Traceback" in said and not refused:
            raise ReleaseError(f"Home Assistant said:\n{said}")

    def kill(self) -> None:
        """Leave nothing of it running."""
        self._program.kill()

    # -- what it has and shows -----------------------------------------------------

    async def import_everything(self) -> None:
        """Import each module in a process of its own. Raises ReleaseError."""
        ran = await asyncio.to_thread(
            subprocess.run,
            [sys.executable, "-c", _IMPORT_ALL, str(self.config), DOMAIN],
            cwd=self.config,
            env=_ISOLATED,
            capture_output=True,
            text=True,
            check=False,
        )
        if ran.returncode:
            raise ReleaseError(f"the zip cannot be imported:\n{ran.stderr}")

    async def until(self, key: str, value: str) -> None:
        """Wait until an entity, named by platform and key, has a state."""
        async with asyncio.timeout(PATIENCE):
            while key not in (entities := await self.home.entities(DOMAIN)):
                await asyncio.sleep(_PAUSE)
        try:
            await self.home.until(entities[key], value.__eq__, PATIENCE)
        except TimeoutError:
            state = await self.home.state(entities[key])
            raise ReleaseError(f"{key} is {state}, not {value}") from None

    async def entry(self) -> dict[str, Any]:
        """Give what Home Assistant says of our entry."""
        entries = await self.home.get(
            f"/api/config/config_entries/entry?domain={DOMAIN}"
        )
        return dict(entries[0])

    async def until_entry(self, state: str) -> dict[str, Any]:
        """Wait until the entry has a state, and give it."""
        async with asyncio.timeout(PATIENCE):
            while (entry := await self.entry())["state"] != state:
                await asyncio.sleep(_PAUSE)
        return entry

    async def repairs(self) -> set[str]:
        """Name what our repairs are about."""
        async with self.home.connection() as connection:
            found = await connection.command("repairs/list_issues")
        return {
            issue["translation_key"]
            for issue in found["issues"]
            if issue["domain"] == DOMAIN
        }

    async def installed(self) -> str:
        """Give the version that Home Assistant has loaded."""
        async with self.home.connection() as connection:
            found = await connection.command("manifest/get", integration=DOMAIN)
        return str(found["version"])


def add_entry(home: BareHome, entry: dict[str, Any]) -> None:
    """Let a Home Assistant that was never started have an entry already."""
    home.storage.mkdir(parents=True, exist_ok=True)
    key = "core.config_entries"
    content = {
        "version": 1,
        "minor_version": 5,
        "key": key,
        "data": {"entries": [entry]},
    }
    (home.storage / key).write_text(json.dumps(content))


@asynccontextmanager
async def bare_home(folder: Path, archive: Path) -> AsyncIterator[BareHome]:
    """Give one that is not started yet, and leave nothing of it running."""
    async with ClientSession() as session:
        home = BareHome(session, folder, archive)
        try:
            yield home
        finally:
            home.kill()
