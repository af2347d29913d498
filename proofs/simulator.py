"""A simulated Plex in a process of its own, and the way to steer it."""

import asyncio
from collections.abc import Callable
import http.client
import json
import signal
import time
from typing import Any
from urllib.parse import urlsplit

from tests.simulators.plex import PlexCore, PlexSimulator
from tests.simulators.plex.control import ControlServer

from .forks import Life, Say, begin

_PATIENCE = 30.0


class Simulator:
    """The running server; blocking calls to its control port."""

    def __init__(self, life: Life, url: str, control: str) -> None:
        """Keep where it is."""
        self.url = url
        self._life = life
        parts = urlsplit(control)
        self._path = parts.path
        self._connection = http.client.HTTPConnection(
            parts.hostname or "", parts.port, timeout=_PATIENCE
        )

    def ask(self, method: str, what: str, data: dict[str, Any] | None = None) -> Any:
        """Ask the control port."""
        body = None if data is None else json.dumps(data)
        self._connection.request(
            method,
            f"{self._path}/{what}",
            body,
            {} if body is None else {"Content-Type": "application/json"},
        )
        answer = self._connection.getresponse()
        found = json.loads(answer.read())
        if answer.status != 200:
            raise RuntimeError(f"{what}: {found}")
        return found

    def fault(self, action: str, **spec: Any) -> None:
        """Set a fault."""
        self.ask("POST", "faults", {"action": action, **spec})

    def settle(self) -> None:
        """Wait until no request is under way, those included that nobody waits for."""
        until = time.monotonic() + _PATIENCE
        while self.ask("GET", "stats")["in_flight"]:
            if time.monotonic() > until:
                raise TimeoutError("requests stay under way")
            time.sleep(0.005)

    def journal(self) -> list[dict[str, Any]]:
        """Give the requests since the last time."""
        entries: list[dict[str, Any]] = self.ask("GET", "journal")["entries"]
        self.ask("POST", "journal/clear", {})
        return entries

    def items(self) -> list[dict[str, Any]]:
        """Give what all items hold."""
        found: list[dict[str, Any]] = self.ask("GET", "items?size=1000000")
        return found

    def hang_up(self) -> None:
        """Close this process's connection to it, as a fork has to."""
        self._connection.close()

    def close(self) -> None:
        """End it."""
        self.hang_up()
        self._life.kill()
        self._life.bury()


def start(make: Callable[[], PlexCore], *, latency: float = 0.0) -> Simulator:
    """Run a simulator of the core that ``make`` gives there; ``latency`` in seconds."""

    async def serve(say: Say) -> None:
        simulator = PlexSimulator(make())
        simulator.latency_read = simulator.latency_write = latency
        control = ControlServer(simulator)
        stop = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent ends it
        await simulator.start()
        await control.start()
        say(f"{simulator.url} {control.url}")
        await stop.wait()

    life = begin(serve)
    until = time.monotonic() + _PATIENCE
    while not life.ended and time.monotonic() < until:
        for line in life.lines(until):
            url, _, control = line.partition(" ")
            return Simulator(life, url, control)
    raise RuntimeError("the simulator did not start")
