"""The three programs of the demo."""

from dataclasses import dataclass
import sys

from .place import REPOSITORY, Place
from .programs import Program

PLEX_TOKEN = "demo-token"  # of a server that is made up


@dataclass(frozen=True, slots=True)
class Stack:
    """A Plex, a Stash and a Home Assistant."""

    plex: Program
    stash: Program
    home: Program

    @property
    def programs(self) -> tuple[Program, ...]:
        """All of them, in the order in which they start."""
        return (self.plex, self.stash, self.home)

    @property
    def is_running(self) -> bool:
        """Say whether any of them is."""
        return any(program.pid for program in self.programs)


def home_program(place: Place, name: str = "home-assistant") -> Program:
    """Describe Home Assistant; nothing is fetched, as scripts/setup installed everything."""
    return Program(
        name,
        [
            *(sys.executable, "-m", "homeassistant"),
            *("--config", str(place.config), "--skip-pip"),
        ],
        place.root,
        REPOSITORY,
        {"PYTHONUNBUFFERED": "1"},
    )


def stack_at(place: Place, items: int = 0) -> Stack:
    """Describe the programs that belong to a place: with films, or so many made-up items."""
    ports = place.ports
    films = ["--films", "--location", "/data/films"]
    plex = [
        *(["--items", str(items)] if items else films),
        *("--token", PLEX_TOKEN),
        *("--port", str(ports.plex), "--control-port", str(ports.plex_control)),
        *("--state", str(place.root / "plex.json")),
    ]
    stash = [
        *(["--scenes", str(items)] if items else ["--films", "--root", "/media/films"]),
        *("--port", str(ports.stash), "--control-port", str(ports.stash_control)),
        *("--state", str(place.root / "stash.db")),
    ]
    return Stack(
        _simulator("plex", plex, place),
        _simulator("stash", stash, place),
        home_program(place),
    )


def _simulator(name: str, arguments: list[str], place: Place) -> Program:
    command = [sys.executable, "-m", f"tests.simulators.{name}", *arguments]
    return Program(name, command, place.root, REPOSITORY)
