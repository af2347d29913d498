"""What one month gives, and all of them together."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from proofs.report import listed


@dataclass(slots=True)
class Worst:
    """The worst that was seen of something, and what it may come to."""

    seen: float
    bound: float | None = None


@dataclass(slots=True)
class Report:
    """One month."""

    seed: int
    days: float
    broken: list[str] = field(default_factory=list)
    numbers: Counter[str] = field(default_factory=Counter)
    spells: Counter[str] = field(default_factory=Counter)  # by kind
    failed: Counter[str] = field(default_factory=Counter)  # by reason
    worst: dict[str, Worst] = field(default_factory=dict)

    def bound(self, what: str, seen: float, bound: float) -> None:
        """Note a figure, and that an invariant is broken if it is beyond its bound."""
        self.worst[what] = Worst(seen, bound)
        if seen > bound:
            self.broken.append(f"{what}: {seen:.3f}, bound {bound:g}")


@dataclass(slots=True)
class Total(Report):
    """All months."""

    seed: int = 0
    days: float = 0.0
    months: int = 0

    def add(self, report: Report) -> None:
        """Take in one."""
        self.months += 1
        self.days += report.days
        self.broken += report.broken
        self.numbers += report.numbers
        self.spells += report.spells
        self.failed += report.failed
        for what, worst in report.worst.items():
            known = self.worst.setdefault(what, worst)
            known.seen = max(known.seen, worst.seen)

    def lines(self) -> Iterator[str]:
        """Say all of it."""
        numbers = self.numbers
        yield f"months {self.months}, days {self.days:.0f}"
        yield f"trouble {self.spells.total()} ({listed(self.spells)})"
        yield (
            f"outages logged {numbers['outages']}, of which injected and seen"
            f" {numbers['expected']}; openings {numbers['openings']}"
        )
        yield (
            f"restarts {numbers['restarts']}, kills {numbers['kills']},"
            f" clock jumps {numbers['jumps']}, scans {numbers['scans']},"
            f" new rating keys {numbers['rekeyed']}, poisoned {numbers['poisoned']}"
        )
        yield (
            f"records promised {numbers['promised']}, edits {numbers['edits']},"
            f" requests {numbers['requests']}"
        )
        yield (
            f"edits by hand {numbers['by hand']}, of which {numbers['crossed']} met one"
            " of ours that had left, or that nobody could tell us of"
        )
        yield (
            f"failed with a reason {self.failed.total()}"
            f" ({listed(self.failed)}), retried"
        )
        for what, worst in self.worst.items():
            limit = "" if worst.bound is None else f" (bound {worst.bound:g})"
            yield f"worst {what} {worst.seen:.3f}".rstrip("0").rstrip(".") + limit
        yield f"invariants broken {len(self.broken)}"
