"""What speaks against the server while its circuit is closed.

One edit that fails may be its item's trouble. Several different items in a row, with
no edit between them that went well, are the server's.
"""

from collections.abc import Mapping
import contextlib
from typing import Any

from .validation import read_time

LATELY = 60.0  # seconds between faults that are of one outage


class Evidence:
    """The run of failed edits, and when the outage began that may come of it."""

    def __init__(self) -> None:
        """Begin without a failure."""
        # The items whose edits failed in a row, and whether each was only refused.
        self.run: dict[str, bool] = {}
        self.first_fault: float | None = None  # wall time
        self.on_disk = False  # the store knows of a first fault

    def edit_failed(self, item: str, wall: float, *, refused: bool) -> int:
        """Note whose edit failed, and when; return how many items did in a row."""
        if self.first_fault is None:
            self.first_fault = wall
        self.run[item] = refused and self.run.get(item, True)
        return len(self.run)

    def begins(self, wall: float) -> None:
        """Date an outage that may come of a fault at this time.

        It began with an earlier fault, unless that is long over: probes have passed
        since an item failed an hour ago.
        """
        first = self.first_fault
        if first is None or wall < first or wall - first > LATELY:
            self.first_fault = wall

    def forget(self) -> None:
        """Forget everything: the server is well, or its outage is over."""
        self.run.clear()
        self.first_fault = None

    def snapshot(self) -> dict[str, Any]:
        """Describe it for the store."""
        return {"first_fault": self.first_fault, "run": dict(self.run)}

    def restore(self, data: Mapping[str, Any], wall: float) -> None:
        """Take up a snapshot; what is unreadable counts as not there."""
        run = data.get("run")
        if isinstance(run, dict):
            self.run = {item: refused is True for item, refused in run.items()}
        with contextlib.suppress(ValueError):
            first = read_time(data.get("first_fault"))
            if self.run and 0 < first <= wall:
                self.first_fault, self.on_disk = first, True
