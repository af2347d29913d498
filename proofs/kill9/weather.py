"""What Plex does during a life."""

from random import Random
from typing import Any

from proofs.simulator import Simulator

# Each with how often it comes, and its faults.
WEATHERS: dict[str, tuple[int, list[tuple[str, dict[str, Any]]]]] = {
    "fine": (40, []),
    "down": (10, []),
    "changing": (14, []),  # goes down or comes back in the middle of it
    "flapping": (8, [("flap", {"up": 0.15, "down": 0.1})]),
    "slow": (6, [("slow", {"ms": 20})]),
    "answers lost": (
        8,
        [("commit_then_drop", {"method": "PUT", "probability": 0.2}),
         ("reset_mid_body", {"probability": 0.03})],
    ),
    "busy": (
        5,
        [("rate_limit", {"per_second": 60, "burst": 20, "retry_after": 0}),
         ("status", {"code": 503, "probability": 0.03})],
    ),
    "edits refused": (
        8,
        [("status", {"code": 409, "method": "PUT", "probability": 0.1}),
         ("status", {"code": 500, "method": "PUT", "probability": 0.1})],
    ),
}  # fmt: skip

_LASTS = 0.6  # probability that an outage goes on through the next life


class Weather:
    """Plex's state of the day."""

    def __init__(self, plex: Simulator, random: Random) -> None:
        """Begin with a fine one."""
        self._plex = plex
        self._random = random
        self._up = True
        self.name = "fine"

    def change(self) -> None:
        """Choose another one; an outage may last for several lives."""
        if self.name == "down" and self._random.random() < _LASTS:
            return
        weights = [weight for weight, _ in WEATHERS.values()]
        self._set(self._random.choices([*WEATHERS], weights)[0])

    def clear_up(self) -> None:
        """Have Plex well."""
        self._set("fine")

    def turn(self) -> None:
        """Take Plex down if it is up, and bring it up if it is down."""
        self._plex.ask("POST", "stop" if self._up else "start", {})
        self._up = not self._up

    def _set(self, name: str) -> None:
        self.name = name
        self._plex.ask("DELETE", "faults")
        for action, spec in WEATHERS[name][1]:
            self._plex.fault(action, **spec)
        if self._up != (name != "down"):
            self.turn()
