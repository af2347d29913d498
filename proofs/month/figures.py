"""What one month gives, and all of them together."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from proofs.report import listed


@dataclass(slots=True)
class Report:
    """One month, or several."""

    broken: list[str] = field(default_factory=list)
    numbers: Counter[str] = field(default_factory=Counter)
    spells: Counter[str] = field(default_factory=Counter)  # by kind
    failed: Counter[str] = field(default_factory=Counter)  # by reason
    # The worst that was seen of something, and what it may come to.
    worst: dict[str, tuple[float, float]] = field(default_factory=dict)

    def bound(self, what: str, seen: float, bound: float) -> None:
        """Note a figure, and that an invariant is broken if it is beyond its bound."""
        self.worst[what] = seen, bound
        if seen > bound:
            self.broken.append(f"{what}: {seen:.3f}, bound {bound:g}")

    def add(self, seed: int, month: Report) -> None:
        """Take in the month of a seed."""
        self.broken += [f"seed {seed}, {broken}" for broken in month.broken]
        self.numbers += month.numbers
        self.spells += month.spells
        self.failed += month.failed
        for what, worst in month.worst.items():
            self.worst[what] = max(self.worst.get(what, worst), worst)

    def lines(self) -> Iterator[str]:
        """Say all of it."""
        numbers = self.numbers
        yield f"months {numbers['months']}, trouble {self.spells.total()} ({listed(self.spells)})"
        yield (
            f"outages logged {numbers['outages']}, of which injected and seen"
            f" {numbers['expected']}; openings {numbers['openings']}"
        )
        yield (
            f"restarts {numbers['restarts']}, kills {numbers['kills']},"
            f" clock jumps {numbers['jumps']}, scans {numbers['scans']}"
        )
        yield (
            f"records promised {numbers['promised']}, edits {numbers['edits']},"
            f" edits by hand {numbers['by hand']}, requests {numbers['requests']}"
        )
        yield (
            f"failed with a reason {self.failed.total()}"
            f" ({listed(self.failed)}), retried"
        )
        for what, (seen, bound) in self.worst.items():
            shown = f"{seen:.3f}".rstrip("0").rstrip(".")
            yield f"worst {what} {shown} (bound {bound:g})"
        yield f"invariants broken {len(self.broken)}"
