"""Servers on the network: answers of every kind, and none."""

import socket
import threading

import pytest

from custom_components.plexsync.plex.gdm import NearServer, read, search

GOOD = (
    b"HTTP/1.0 200 OK\r\nContent-Type: plex/media-server\r\nName: Cellar: below\r\n"
    b"Port: 32401\r\nResource-Identifier: abc\r\nUpdated-At: 12:34:56\r\n\r\n"
)
CELLAR = NearServer("abc", "Cellar: below", "http://10.0.0.5:32401")


@pytest.mark.parametrize(
    ("answer", "server"),
    [
        (GOOD, CELLAR),
        (b"HTTP/1.0 200 OK\r\nresource-identifier:abc", ("abc", "10.0.0.5", 32400)),
        (GOOD.replace(b"200 OK", b"404 No"), None),
        (GOOD.replace(b"Resource-Identifier: abc", b""), None),
        (GOOD.replace(b"32401", b"x"), None),
        (GOOD.replace(b"32401", b"99999"), None),
        (b"", None),
        (b"\xff\xfe\x00", None),
    ],
)
def test_one_answer(
    answer: bytes, server: NearServer | tuple[str, str, int] | None
) -> None:
    """Read what a server says of itself; a colon more is no reason to lose it."""
    if isinstance(server, tuple):
        machine_id, name, port = server
        server = NearServer(machine_id, name, f"http://10.0.0.5:{port}")
    assert read(answer, "10.0.0.5") == server


@pytest.mark.usefixtures("socket_enabled")
def test_a_network_that_answers() -> None:
    """Give each server once; what is no server's answer loses none."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as near:
        near.bind(("127.0.0.1", 0))
        heard: list[bytes] = []

        def serve() -> None:
            call, caller = near.recvfrom(100)
            heard.append(call)
            for answer in (b"garbage", GOOD, GOOD, GOOD.replace(b"abc", b"def")):
                near.sendto(answer, caller)

        thread = threading.Thread(target=serve)
        thread.start()
        found = search(near.getsockname(), 0.3)
        thread.join()
    assert [each.machine_id for each in found] == ["abc", "def"]
    assert heard == [b"M-SEARCH * HTTP/1.0"]


@pytest.mark.usefixtures("socket_enabled")
def test_a_network_that_is_silent_or_not_there() -> None:
    """Find nothing, and raise nothing."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        assert search(silent.getsockname(), 0.05) == []
    assert search(("127.0.0.1", 0), 0.05) == []
