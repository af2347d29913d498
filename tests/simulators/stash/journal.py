"""What was asked of the simulator."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(slots=True)
class Entry:
    """One request. ``status`` stays None where no answer was ever given.

    ``size`` is that of the answer in bytes, before it was packed.
    """

    method: str
    path: str
    at: float
    operation: str = ""
    fields: tuple[str, ...] = ()
    variables: dict[str, Any] = field(default_factory=dict)
    fault: str = ""
    status: int | None = None
    took: float = 0.0
    size: int = 0

    @property
    def field(self) -> str:
        """The first root field, by which most requests are told apart."""
        return self.fields[0] if self.fields else ""

    def is_about(self, what: str) -> bool:
        """Tell whether a word names the request: its operation, a root field, or a part of its path."""
        return (
            what == self.operation
            or what in self.fields
            or (what.startswith("/") and what in self.path)
        )


class Journal:
    """Every request in order of arrival, refused and unanswered ones too."""

    def __init__(self) -> None:
        """Start empty."""
        self.entries: list[Entry] = []

    def __iter__(self) -> Iterator[Entry]:
        """Go through the entries."""
        return iter(self.entries)

    def __len__(self) -> int:
        """Count all entries."""
        return len(self.entries)

    def find(
        self,
        what: str | None = None,
        *,
        method: str | None = None,
        status: int | None = None,
    ) -> list[Entry]:
        """Return the entries about ``what`` (an operation, a root field, or a path from "/" on)."""
        return [
            entry
            for entry in self.entries
            if (what is None or entry.is_about(what))
            and (method is None or entry.method == method)
            and (status is None or entry.status == status)
        ]

    def count(
        self,
        what: str | None = None,
        *,
        method: str | None = None,
        status: int | None = None,
    ) -> int:
        """Count the entries that :meth:`find` returns."""
        return len(self.find(what, method=method, status=status))

    def clear(self) -> None:
        """Forget everything."""
        self.entries.clear()

    def dump(self) -> list[dict[str, Any]]:
        """Return the entries in a form that JSON can hold."""
        return [asdict(entry) for entry in self.entries]
