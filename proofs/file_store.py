"""A breaker store on a plain file: written aside, synced, renamed."""

import asyncio
from collections.abc import Callable
import json
import os
from pathlib import Path
from typing import Any

type Listener = Callable[[dict[str, Any]], None]


def _nothing() -> None:
    """Do nothing between two steps."""


class FileStore:
    """Keep what the circuit saves; each save is on disk, whole, when it returns.

    ``step`` is called between any two steps of a save, on its thread: there a
    proof ends the process or raises. ``saved`` hears of each save that is done.
    """

    def __init__(
        self,
        path: Path,
        *,
        step: Callable[[], None] = _nothing,
        saved: Listener = lambda data: None,
    ) -> None:
        """Name the file."""
        self._path = path
        self._step = step
        self._saved = saved

    async def load(self) -> dict[str, Any] | None:
        """Give what was saved last, or None. Raises ValueError for what is no object."""
        return await asyncio.to_thread(read, self._path)

    async def save(self, data: dict[str, Any]) -> None:
        """Save durably. Raises OSError."""
        await asyncio.to_thread(self._write, json.dumps(data))
        self._saved(data)

    def _write(self, text: str) -> None:
        self._step()
        beside = self._path.with_name(f"{self._path.name}.new")
        with beside.open("w", encoding="utf-8") as file:
            file.write(text)
            self._step()
            file.flush()
            os.fsync(file.fileno())
        self._step()
        beside.replace(self._path)
        self._step()
        folder = os.open(self._path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
        self._step()


def read(path: Path) -> dict[str, Any] | None:
    """Read such a file; None where there is none. Raises ValueError for what is no object."""
    if not path.exists():
        return None
    data = json.loads(path.read_text("utf-8"))
    if not isinstance(data, dict):
        raise ValueError("not an object")  # noqa: TRY004  # unusable is one case
    return data
