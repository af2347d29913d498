"""The two other processes of a row: simulated Plex servers and the plain script."""

import asyncio
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
import json
import os
from pathlib import Path
import re
import sys
from tempfile import TemporaryDirectory
from typing import Any

from aiohttp import ClientSession

from .results import Sweep, Synced

TOKEN = "bench-token"
_HERE = Path(__file__).parent.parent


@asynccontextmanager
async def _process(*arguments: str, path: str = "") -> AsyncIterator[Process]:
    """Run a program; its modules are looked for in ``path`` first."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", *arguments),
        stdin=PIPE,
        stdout=PIPE,
        env=os.environ | {"PYTHONPATH": f"{path}{os.pathsep}{_HERE}"},
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def _line(process: Process) -> str:
    assert process.stdout is not None
    if not (line := await process.stdout.readline()):
        raise RuntimeError("a process of the benchmark ended early")
    return line.decode().strip()


class Simulator:
    """A simulated Plex in a process of its own, steered by its control port."""

    def __init__(self, url: str, control: str, session: ClientSession) -> None:
        """Keep where it is."""
        self.url = url
        self._control = control
        self._session = session

    async def delay(self, milliseconds: float) -> None:
        """Let every request take so much longer on its way.

        It is no time within the simulator's lock around writes, in which all writes
        of all clients queue: there, no client of any kind could make more than one
        write in that time.
        """
        await self.ask("DELETE", "faults")
        if milliseconds:
            await self.ask("POST", "faults", {"action": "slow", "ms": milliseconds})

    async def delay_writes(self, milliseconds: float) -> None:
        """Let every write hold all others up for so long, as behind one SQLite."""
        await self.ask("POST", "latency", {"write_ms": milliseconds})

    async def keep_full_rows(self) -> None:
        """Let it render each item once: a Plex is faster at that than a simulated one."""
        await self.ask("POST", "switches", {"keep_full_rows": True})

    async def stop(self) -> None:
        """Let it be away."""
        await self.ask("POST", "stop")

    async def start(self) -> None:
        """Let it be back."""
        await self.ask("POST", "start")

    async def forget(self) -> None:
        """Begin to count anew."""
        await self.ask("POST", "journal/clear")

    async def requests(self) -> dict[str, int]:
        """Count the requests since then, by method and path."""
        found: dict[str, int] = (await self.ask("GET", "stats"))["by_pattern"]
        return found

    async def rekey(self, rating_key: int) -> None:
        """Give an item a new rating key."""
        await self.ask("POST", f"item/{rating_key}/rekey", {})

    async def empty_picture(self, rating_key: int) -> None:
        """Let an item show no poster any more."""
        await self.ask("POST", f"item/{rating_key}/picture", {"empty": True})

    async def item(self, path: str) -> dict[str, Any]:
        """Give the item that holds a file."""
        states = await self.ask("GET", "items", params={"path": path})
        return dict(states[0])

    async def ask(
        self,
        method: str,
        what: str,
        data: dict[str, Any] | None = None,
        params: dict[str, str] | None = None,
    ) -> Any:
        """Ask the control port."""
        async with self._session.request(
            method, f"{self._control}/{what}", json=data, params=params
        ) as answer:
            answer.raise_for_status()
            return await answer.json()


@asynccontextmanager
async def simulator(items: int, milliseconds: float) -> AsyncIterator[Simulator]:
    """Run a simulated Plex with a library of this size."""
    async with (
        _process(
            "tests.simulators.plex",
            *("--port=0", f"--items={items}", f"--token={TOKEN}"),
        ) as process,
        ClientSession() as session,
    ):
        found = re.match(r"plex=(\S+) control=(\S+)", await _line(process))
        assert found is not None
        running = Simulator(found[1], found[2], session)
        await running.delay(milliseconds)
        yield running


class Stash:
    """A simulated Stash in a process of its own."""

    def __init__(self, url: str, control: str, session: ClientSession) -> None:
        """Keep where it is."""
        self.url = url
        self._journal = f"{control}/__sim/journal"
        self._session = session

    async def forget(self) -> None:
        """Begin to count anew."""
        async with self._session.delete(self._journal) as answer:
            answer.raise_for_status()

    async def asked(self) -> tuple[int, int]:
        """Count the requests since then, and the bytes of their answers."""
        async with self._session.get(self._journal) as answer:
            entries = await answer.json()
        return len(entries), sum(entry["size"] for entry in entries)


@asynccontextmanager
async def stash(scenes: int) -> AsyncIterator[Stash]:
    """Run a simulated Stash with so many scenes, those of ``simulator``'s items."""
    async with (
        _process(
            *("tests.simulators.stash", "--port=0", f"--scenes={scenes}")
        ) as process,
        ClientSession() as session,
    ):
        found = re.search(r"ready: (\S+) control (\S+)", await _line(process))
        assert found is not None
        yield Stash(found[1], found[2], session)


class Plain:
    """The plain script, which waits for orders."""

    def __init__(self, process: Process) -> None:
        """Take the process."""
        self._process = process

    async def sync(self, first: int, last: int) -> float:
        """Let it sync these items; give the seconds that it took."""
        assert self._process.stdin is not None
        order = json.dumps({"first": first, "last": last})
        self._process.stdin.write(f"{order}\n".encode())
        return float(await _line(self._process))


@asynccontextmanager
async def plain_script(server: Simulator) -> AsyncIterator[Plain]:
    """Start the plain script and wait until it has connected."""
    async with _process("bench.plain", server.url, TOKEN) as process:
        await _line(process)
        yield Plain(process)


class Sweeper:
    """An engine with a database that stays, which waits for orders."""

    def __init__(self, process: Process) -> None:
        """Take the process."""
        self._process = process

    async def list_library(self) -> None:
        """Let it learn which items there are."""
        await self._order("list")

    async def sync(self, first: int, last: int, *, edition: int = 1) -> Synced:
        """Let it bring these items into line."""
        return Synced.from_json(await self._order(f"sync {edition} {first} {last}"))

    async def sweep(self) -> Sweep:
        """Let it compare all records."""
        return Sweep.from_json(await self._order("sweep"))

    async def _order(self, order: str) -> str:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{order}\n".encode())
        return await _line(self._process)

    async def stop(self) -> None:
        """Let it close its database."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        await self._process.wait()


def _link(checkout: Path, folder: Path) -> None:
    Path(folder, "custom_components").symlink_to(checkout / "custom_components")


@asynccontextmanager
async def sweeper(
    server: Simulator, checkout: Path, file: Path, items: int
) -> AsyncIterator[Sweeper]:
    """Start a sweeper with the product of a checkout, and of that nothing else."""
    with TemporaryDirectory(prefix="plexsync-bench-") as folder:
        _link(checkout, Path(folder))
        async with _process(
            *("bench.sweeper", server.url, str(file), str(items)), path=folder
        ) as process:
            yield Sweeper(process)
