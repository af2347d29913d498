"""How a job ended, or where it stands."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from .change import Change


@dataclass(frozen=True, slots=True)
class ItemOutcome:
    """How one item of a record fared; ``kept`` says which fields stayed, and why."""

    rating_key: str
    status: str
    reason: str | None = None
    changes: tuple[Change, ...] = ()
    kept: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a job ended or where it stands.

    ``status`` is one of written, unchanged, queued, failed, skipped: the worst of its
    ``items``, each with an outcome of its own.
    """

    status: str
    reason: str | None = None
    items: tuple[ItemOutcome, ...] = ()

    @property
    def changes(self) -> tuple[Change, ...]:
        """What was written, of all items."""
        return tuple(change for item in self.items for change in item.changes)

    @property
    def kept(self) -> Mapping[str, str]:
        """Return the fields that were left alone, refused or lost, and why, of all items."""
        return {name: why for item in self.items for name, why in item.kept.items()}
