"""Where the demo keeps its things, and on which ports its programs listen."""

from dataclasses import asdict, dataclass, field
import json
from pathlib import Path
import socket

REPOSITORY = Path(__file__).resolve().parent.parent
HOST = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Ports:
    """One port a program, chosen once: Home Assistant remembers the addresses."""

    home: int = 8211
    plex: int = 32411
    plex_control: int = 32412
    stash: int = 9911
    stash_control: int = 9912


def usual_ports() -> Ports:
    """Take the usual ports, and any other where one is taken."""
    return Ports(
        **{
            name: port if is_free(port) else _any_port()
            for name, port in asdict(Ports()).items()
        }
    )


def any_ports() -> Ports:
    """Take ports that nobody else would think of."""
    return Ports(**{name: _any_port() for name in asdict(Ports())})


def is_free(port: int) -> bool:
    """Say whether a program could listen there."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
        return True


def _any_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


@dataclass(frozen=True, slots=True)
class Place:
    """One folder and the ports that belong to it."""

    root: Path
    ports: Ports = field(default_factory=Ports)

    @property
    def config(self) -> Path:
        """Home Assistant's own folder."""
        return self.root / "config"

    @property
    def home_url(self) -> str:
        """Where Home Assistant is."""
        return f"http://{HOST}:{self.ports.home}"

    @property
    def plex_url(self) -> str:
        """Where Plex is."""
        return f"http://{HOST}:{self.ports.plex}"

    @property
    def plex_control_url(self) -> str:
        """Where Plex is stopped and looked into."""
        return f"http://{HOST}:{self.ports.plex_control}/__sim"

    @property
    def stash_url(self) -> str:
        """Where Stash is."""
        return f"http://{HOST}:{self.ports.stash}"

    @property
    def is_new(self) -> bool:
        """Say whether nothing was ever started here."""
        return not self._file.exists()

    @property
    def _file(self) -> Path:
        return self.root / "ports.json"

    def save(self) -> None:
        """Keep the ports for the next start."""
        self.root.mkdir(parents=True, exist_ok=True)
        self._file.write_text(json.dumps(asdict(self.ports), indent=2))

    @classmethod
    def load(cls, root: Path) -> Place:
        """Find the ports of an earlier start, or choose some."""
        place = cls(root)
        if place.is_new:
            return cls(root, usual_ports())
        return cls(root, Ports(**json.loads(place._file.read_text())))
