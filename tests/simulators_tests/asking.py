"""How the tests ask a simulated Plex, in process and beside its loop."""

import asyncio
from collections.abc import Callable
from xml.etree import ElementTree as ET

from tests.simulators.plex import PlexCore, Request, Response

TOKEN = "sim-token"


def call(
    core: PlexCore, method: str, target: str, body: bytes = b"", **headers: str
) -> Response:
    """Ask a core in process."""
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return core.handle(
        Request.build(method, target, {"X-Plex-Token": TOKEN, **names}, body)
    )


def parse(data: bytes) -> ET.Element:
    """Parse what our own simulator sent."""
    return ET.fromstring(data)  # noqa: S314


def rows(response: Response) -> list[ET.Element]:
    """Return the elements of an answer."""
    assert response.status == 200, response
    return list(parse(response.body))


async def run[T](work: Callable[[], T]) -> T:
    """Run blocking code beside the loop that serves it."""
    return await asyncio.get_running_loop().run_in_executor(None, work)
