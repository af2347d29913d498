"""The interface of a source of records."""

from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from math import inf
from typing import Any, Protocol

from ..engine.model.faults import Fault, FaultClass
from ..engine.model.ports import FetchedImage
from ..engine.model.record import Image, Record


def source_fault(reason: str, **evidence: Any) -> Fault:
    """Return a fault of class source."""
    return Fault(FaultClass.SOURCE, reason, **evidence)


@dataclass(frozen=True, slots=True)
class Batch:
    """Some records, and where to continue once they are on disk.

    ``cursor`` is a text of the source's own. It is saved in the transaction that enqueues
    the records, so it never moves past records that were not enqueued. ``withheld`` are
    keys of records that are not to be written, even if they were sent before. ``asked``
    is when the source was asked for them, as in ``Record``.
    """

    records: tuple[Record, ...]
    cursor: str
    withheld: tuple[str, ...] = ()
    asked: float = inf


@dataclass(frozen=True, slots=True)
class SourceInfo:
    """What a source says about itself: its version and its library roots."""

    version: str | None
    roots: tuple[str, ...] = ()


class Source(Protocol):
    """One source. Every method raises ``Fault`` of class source and nothing else.

    Subclasses implement the methods that have only a docstring here. The others return
    what suits a source that gives no such sign. All methods run on the event loop.
    """

    @property
    def id(self) -> str:
        """Return the id of the source in records, jobs and the ledger."""

    @property
    def skipped(self) -> Counter[str]:
        """Count the records read so far that cannot be written, by reason."""
        return Counter()

    @property
    def unreadable(self) -> int:
        """Count what cannot be read now although the source is well."""
        return 0

    @property
    def lacking(self) -> frozenset[str] | None:
        """Return the options in use that it does not support; None until that is known."""
        return frozenset()

    @property
    def busy(self) -> bool:
        """Return whether the source runs a job that may cause changes."""
        return False

    def jobs_ended(self) -> set[str]:
        """Return the kinds of jobs that have ended since the last call."""
        return set()

    def losses(self) -> set[str]:
        """Return the kinds of losses since the last call.

        These are the kinds of objects of which there are fewer, such as ``records``, and
        ``back`` if the source seems to be an older copy of itself.
        """
        return set()

    def look_far(self) -> None:
        """Let the next ``changes`` look as far back as possible, not only at the newest."""

    async def connect(self) -> SourceInfo:
        """Check health and access, and learn what this version supports."""

    def changes(self, cursor: str | None) -> AsyncIterator[Batch]:
        """Yield what changed since the cursor, oldest first; without one, everything."""

    async def latest(self) -> str:
        """Return a cursor to start with the changes from now on."""

    def listing(self) -> AsyncIterator[Sequence[str]]:
        """Yield the keys of all records that exist, whether they are sent or not."""

    async def count(self) -> int:
        """Return the number of records."""

    async def fresh(self, keys: Sequence[str]) -> Mapping[str, Record | str]:
        """Read records again, by key; see ``model.ports.Fresh``.

        The reason for a record that the source no longer has is ``gone``.
        """

    async def find(self, path: str) -> Record | str | None:
        """Read the record of a file, given by its path in Plex.

        For a record that is not sent, return the reason, one of ``jobs.skipped``.
        """

    async def fetch(
        self, image: Image, known: str | None, files: Sequence[str] = ()
    ) -> FetchedImage:
        """Fetch a picture of this source; see ``model.ports.Images``.

        Only this method also raises ``Fault`` of class item.
        """
