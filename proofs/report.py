"""How a proof says what it found."""

from collections import Counter
from collections.abc import Iterable, Sequence

_SHOWN = 40  # findings that are printed, at most


def conclude(troubles: Sequence[str], figures: Iterable[str]) -> int:
    """Print what should not be, then the figures; give the exit code."""
    for trouble in troubles[:_SHOWN]:
        print(f"  ! {trouble}")
    if len(troubles) > _SHOWN:
        print(f"  ! and {len(troubles) - _SHOWN} more")
    for line in figures:
        print(line)
    return 1 if troubles else 0


def listed(counter: Counter[str]) -> str:
    """Name what was counted, the most frequent first."""
    return ", ".join(f"{name} {count}" for name, count in counter.most_common()) or "-"
