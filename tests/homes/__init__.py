"""What Home Assistants keep that ran an older version, one folder for each release.

``leave`` says how they are made. Each stopped in the middle of an outage: six films
were synced, five jobs wait, one has failed, the circuit is open.
"""

import contextlib
from dataclasses import dataclass, field
import json
from pathlib import Path
import re
import sqlite3
import time
from typing import Any

from tests.simulators.plex import PlexCore

from .leave import PLEX_URL, STASH_URL

_HERE = Path(__file__).parent
_MOMENT = re.compile(r"\b\d{10}(?:\.\d+)?\b")  # seconds since the epoch
_LIVED = 3600.0  # seconds that a home was lived in, at most
_AGO = 60.0  # seconds since it was left


def versions() -> list[str]:
    """Name the versions that left a home."""
    return sorted(each.parent.name for each in _HERE.glob("*/entry.json"))


@dataclass(frozen=True, slots=True)
class OldHome:
    """What one version left, for a Plex and a Stash at today's addresses."""

    version: str
    plex_url: str
    stash_url: str
    now: float = field(default_factory=time.time)

    def _read(self, name: str) -> str:
        text = (_HERE / self.version / name).read_text()
        text = text.replace(PLEX_URL, self.plex_url)
        return self._lately(text.replace(STASH_URL, self.stash_url))

    def _lately(self, text: str) -> str:
        """Let it have been left a minute ago: its outage must not grow with the files."""
        circuit = json.loads((_HERE / self.version / "circuit.json").read_text())
        left = circuit["data"]["outages"]["seen"]

        def move(found: re.Match[str]) -> str:
            at = found[0]
            if abs(float(at) - left) > _LIVED:
                return at
            kind = float if "." in at else int
            return repr(kind(float(at) + self.now - _AGO - left))

        return _MOMENT.sub(move, text)

    def entry(self) -> dict[str, Any]:
        """Give the config entry, as Home Assistant kept it."""
        return dict(json.loads(self._read("entry.json")))

    def breaker(self) -> dict[str, Any]:
        """Give the state of the circuit."""
        return dict(json.loads(self._read("circuit.json"))["data"]["breaker"])

    def jobs(self) -> list[tuple[str, str]]:
        """Name the jobs that are open or have failed, by source and key."""
        with contextlib.closing(sqlite3.connect(":memory:")) as db:
            db.executescript(self._read("database.sql"))
            return db.execute("SELECT source, key FROM job").fetchall()

    def lay_out(self, storage: Path) -> tuple[Path, Path]:
        """Make the two files of the entry; give the circuit's and the database."""
        storage.mkdir(parents=True, exist_ok=True)
        circuit = storage / f"plexsync.{self.entry()['entry_id']}"
        circuit.write_text(self._read("circuit.json"))
        database = circuit.with_name(f"{circuit.name}.db")
        with contextlib.closing(sqlite3.connect(database)) as db:
            db.execute("PRAGMA journal_mode=WAL")
            db.executescript(self._read("database.sql"))
        return circuit, database


def load_plex(core: PlexCore, version: str) -> None:
    """Let a Plex hold what it held when a version was stopped."""
    core.load(json.loads((_HERE / version / "plex.json").read_text()))
