"""What a series of kills counts, and how it is printed."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

_SHOWN = 40  # findings that are printed, at most


@dataclass(slots=True)
class Claim:
    """Something that must never be seen: how often it was looked for, and what was found."""

    looked: int = 0
    found: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        """Say how many of how many."""
        return f"{len(self.found)} of {self.looked}"


@dataclass(slots=True)
class Figures:
    """The whole series."""

    moments: Counter[str] = field(default_factory=Counter)
    weathers: Counter[str] = field(default_factory=Counter)
    unanswered: int = 0  # what was handed over when the process died
    edits: int = 0
    left: Counter[str] = field(default_factory=Counter)  # reasons before the last retry
    in_outage: int = 0  # starts with an open circuit
    lost: Claim = field(default_factory=Claim)
    older: Claim = field(default_factory=Claim)
    damaged: Claim = field(default_factory=Claim)
    circuit: Claim = field(default_factory=Claim)
    complaints: Claim = field(default_factory=Claim)

    @property
    def claims(self) -> dict[str, Claim]:
        """Every claim, as it is printed."""
        looked = self.damaged.looked
        whole = looked - len(self.damaged.found)
        return {
            f"lost {self.lost} promises ({self.unanswered} more had no answer)": self.lost,
            f"older after newer {self.older}": self.older,
            f"integrity_check ok {whole} of {looked}": self.damaged,
            f"circuit not as it was left {self.circuit}, {self.in_outage} of them open": (
                self.circuit
            ),
            f"errors said {self.complaints}": self.complaints,
        }

    @property
    def kills(self) -> int:
        """How often it was killed."""
        return self.moments.total()

    @property
    def troubles(self) -> list[str]:
        """Everything that should not be."""
        return [found for claim in self.claims.values() for found in claim.found]

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
        yield f"kills {self.kills}: {listed(self.moments)}"
        yield f"Plex meanwhile: {listed(self.weathers)}"
        yield f"edits sent {self.edits}"
        yield from (said for said, claim in self.claims.items() if claim.looked)
        yield f"jobs failed at the end {self.left.total()}: {listed(self.left)}"
        if self.good:
            # The rule of three.
            share = 3 / self.kills
            yield f"nothing in {self.kills} kills: below {share:.2%} per kill at 95 %"


def listed(counter: Counter[str]) -> str:
    """Name what was counted, the most frequent first."""
    return ", ".join(f"{name} {count}" for name, count in counter.most_common()) or "-"
