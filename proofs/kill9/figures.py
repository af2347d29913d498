"""What a series of kills counts, and how it is printed."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from proofs.promises import Claim
from proofs.report import listed


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

    def lines(self) -> Iterator[str]:
        """Give the figures to print."""
        yield f"kills {self.kills}: {listed(self.moments)}"
        yield f"Plex meanwhile: {listed(self.weathers)}"
        yield f"edits sent {self.edits}"
        yield from (said for said, claim in self.claims.items() if claim.looked)
        yield f"jobs failed at the end {self.left.total()}: {listed(self.left)}"
        if not self.troubles:
            # The rule of three.
            share = 3 / self.kills
            yield f"nothing in {self.kills} kills: below {share:.2%} per kill at 95 %"
