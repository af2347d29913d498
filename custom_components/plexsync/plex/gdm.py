"""Plex servers on the network that answer a call to all of them.

plexapi has such a search, but one answer with an unexpected line (a second colon)
loses all the others, and a network that goes on talking keeps it for ever.
"""

from dataclasses import dataclass
import socket
import time

GROUP = ("239.0.0.250", 32414)  # where Plex servers listen; multicast
_CALL = b"M-SEARCH * HTTP/1.0"
_LARGEST = 4096  # bytes of one answer
_MOST = 64  # servers


@dataclass(frozen=True, slots=True)
class NearServer:
    """A server that answered: who it says it is, and where its answer came from."""

    machine_id: str
    name: str
    url: str


def search(group: tuple[str, int] = GROUP, seconds: float = 1.0) -> list[NearServer]:
    """Call, and give who answers within so many seconds, each once. Blocking.

    Raises nothing: where there is no network, nobody answers.
    """
    found: dict[str, NearServer] = {}
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 1)
            sock.sendto(_CALL, group)
            until = time.monotonic() + seconds
            while (left := until - time.monotonic()) > 0 and len(found) < _MOST:
                sock.settimeout(left)
                answer, (address, *_) = sock.recvfrom(_LARGEST)
                if (server := read(answer, address)) is not None:
                    found.setdefault(server.machine_id, server)
    except OSError:  # a timeout is one, too
        pass
    return list(found.values())


def read(answer: bytes, address: str) -> NearServer | None:
    """Read one answer that came from an address; None for what is not a server's."""
    first, *lines = answer.decode("utf-8", "replace").splitlines() or [""]
    said = {
        name.strip().lower(): value.strip()
        for name, colon, value in (line.partition(":") for line in lines)
        if colon
    }
    machine_id, port = said.get("resource-identifier"), said.get("port", "32400")
    if "200 OK" not in first or not machine_id:
        return None
    if not (port.isascii() and port.isdecimal() and 0 < int(port) < 65536):
        return None
    name = said.get("name") or address
    return NearServer(machine_id, name, f"http://{address}:{int(port)}")
