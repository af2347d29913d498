"""Answers that go wrong, on order."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from random import Random


class FaultKind(StrEnum):
    """What can go wrong."""

    SLOW = "slow"
    BLACKHOLE = "blackhole"
    STATUS = "status"
    TRUNCATE = "truncate"
    GARBAGE = "garbage"
    RESET = "reset"
    HTML200 = "html200"


@dataclass(slots=True)
class Fault:
    """One order. ``times`` None means for ever; ``match`` as in the journal, None meaning every request."""

    kind: FaultKind
    times: int | None = None
    match: str | None = None
    chance: float = 1.0
    seconds: float = 1.0
    status: int = 500
    body: str = ""
    content_type: str = "text/plain"
    retry_after: int | None = None


class Faults:
    """The orders in force; the oldest that fits a request is used up first."""

    def __init__(self, random: Random) -> None:
        """Start with none."""
        self._random = random
        self.active: list[Fault] = []

    def add(self, fault: Fault) -> Fault:
        """Add an order."""
        fault.kind = FaultKind(fault.kind)
        self.active.append(fault)
        return fault

    def slow(
        self, seconds: float, *, times: int | None = None, match: str | None = None
    ) -> Fault:
        """Answer rightly, but late."""
        return self.add(Fault(FaultKind.SLOW, times, match, seconds=seconds))

    def blackhole(self, *, times: int | None = None, match: str | None = None) -> Fault:
        """Accept the request and never answer."""
        return self.add(Fault(FaultKind.BLACKHOLE, times, match))

    def status(
        self,
        status: int,
        body: str = "",
        *,
        times: int | None = None,
        match: str | None = None,
        retry_after: int | None = None,
    ) -> Fault:
        """Answer with a status of one's choice; it may ask for patience, in seconds."""
        fault = Fault(FaultKind.STATUS, times, match, status=status, body=body)
        fault.retry_after = retry_after
        return self.add(fault)

    def truncate(self, *, times: int | None = None, match: str | None = None) -> Fault:
        """Announce the whole answer, send half of it and hang up."""
        return self.add(Fault(FaultKind.TRUNCATE, times, match))

    def garbage(self, *, times: int | None = None, match: str | None = None) -> Fault:
        """Answer 200 with a body that is no JSON, though it says so."""
        return self.add(Fault(FaultKind.GARBAGE, times, match))

    def reset(self, *, times: int | None = None, match: str | None = None) -> Fault:
        """Reset the connection."""
        return self.add(Fault(FaultKind.RESET, times, match))

    def html200(self, *, times: int | None = None, match: str | None = None) -> Fault:
        """Answer 200 with a web page, as proxies and captive portals do."""
        return self.add(Fault(FaultKind.HTML200, times, match))

    def clear(self) -> None:
        """Withdraw all orders."""
        self.active.clear()

    def take(self, path: str, names: Iterable[str]) -> Fault | None:
        """Return the order that a request falls under, and use it up by one."""
        known = set(names)
        for fault in self.active:
            if (
                fault.match is not None
                and fault.match not in known
                and not (fault.match.startswith("/") and fault.match in path)
            ):
                continue
            if fault.chance < 1 and self._random.random() >= fault.chance:
                continue
            if fault.times is not None:
                fault.times -= 1
                if fault.times <= 0:
                    self.active.remove(fault)
            return fault
        return None
