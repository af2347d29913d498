"""Discover Plex servers on the network (GDM).

plexapi can do this, but one answer with an unexpected line (a second colon) makes it
lose all others, and it never ends while answers keep coming.
"""

from dataclasses import dataclass
import socket
import time

from .markup import number

GROUP = ("239.0.0.250", 32414)  # the multicast group that Plex servers listen to
_CALL = b"M-SEARCH * HTTP/1.0"
_LARGEST = 4096  # bytes of an answer at most
_MOST = 64  # servers at most


@dataclass(frozen=True, slots=True)
class NearServer:
    """A server that answered: its identity, and the address it answered from."""

    machine_id: str
    name: str
    url: str


def search(group: tuple[str, int] = GROUP, seconds: float = 1.0) -> list[NearServer]:
    """Return the servers that answer within ``seconds``, each once. Blocking.

    Raises nothing: without a network, nobody answers.
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
    except OSError:  # includes timeouts
        pass
    return list(found.values())


def read(answer: bytes, address: str) -> NearServer | None:
    """Parse an answer from an address; None if it is not a server's."""
    first, *lines = answer.decode("utf-8", "replace").splitlines() or [""]
    said = {
        name.strip().lower(): value.strip()
        for name, colon, value in (line.partition(":") for line in lines)
        if colon
    }
    machine_id = said.get("resource-identifier")
    port = number(said.get("port", "32400")) or 0
    if "200 OK" not in first or not machine_id or not 0 < port < 65536:
        return None
    name = said.get("name") or address
    return NearServer(machine_id, name, f"http://{address}:{port}")
