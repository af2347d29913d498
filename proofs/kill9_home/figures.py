"""What is counted, and how it is printed."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from proofs.kill9.figures import Claim, listed

_SHOWN = 40  # findings that are printed, at most


@dataclass(slots=True)
class Figures:
    """The whole series."""

    moments: Counter[str] = field(default_factory=Counter)
    weathers: Counter[str] = field(default_factory=Counter)
    unanswered: int = 0  # actions under way when the process died
    edits_in_stash: int = 0
    edits_of_plex: int = 0
    failed: Counter[str] = field(default_factory=Counter)  # before the last retry
    shown_open: int = 0  # starts in an outage that showed it at once
    lost: Claim = field(default_factory=Claim)
    older: Claim = field(default_factory=Claim)
    damaged: Claim = field(default_factory=Claim)
    circuit: Claim = field(default_factory=Claim)
    complaints: Claim = field(default_factory=Claim)  # looked: logs that were read

    @property
    def kills(self) -> int:
        """How often it was killed."""
        return self.moments.total()

    @property
    def troubles(self) -> list[str]:
        """Everything that should not be."""
        claims = (self.lost, self.older, self.damaged, self.circuit, self.complaints)
        return [found for claim in claims for found in claim.found]

    @property
    def good(self) -> bool:
        """Whether every claim holds, of a series that took place."""
        return self.kills > 0 and not self.troubles

    def report(self) -> Iterator[str]:
        """Give the lines to print: what was found first, then the figures."""
        troubles = self.troubles
        yield from (f"  ! {trouble}" for trouble in troubles[:_SHOWN])
        if len(troubles) > _SHOWN:
            yield f"  ! and {len(troubles) - _SHOWN} more"
        looked = self.damaged.looked
        yield f"kills of a whole Home Assistant {self.kills}: {listed(self.moments)}"
        yield f"Plex meanwhile: {listed(self.weathers)}"
        yield f"edits in Stash {self.edits_in_stash}, edits sent {self.edits_of_plex}"
        yield f"lost {self.lost} promises ({self.unanswered} more had no answer)"
        yield f"older after newer {self.older}"
        yield f"integrity_check ok {looked - len(self.damaged.found)} of {looked}"
        yield f"circuit not as it was left {self.circuit}, {self.shown_open} shown open"
        yield f"failed until retried {self.failed.total()}: {listed(self.failed)}"
        yield f"errors {len(self.complaints.found)} in {self.complaints.looked} logs"
