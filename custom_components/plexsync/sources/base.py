"""What a source of records looks like from the outside."""

from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from ..engine.ports import FetchedImage
from ..engine.record import Image, Record


@dataclass(frozen=True, slots=True)
class Batch:
    """Some records and where to read on once they are on disk.

    ``cursor`` is the source's own text and is saved in the transaction that
    enqueues the records: it never moves past what was not enqueued. ``withheld``
    are keys of records that are not to be sent, whatever of them was before.
    """

    records: tuple[Record, ...]
    cursor: str
    withheld: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SourceInfo:
    """What a source says of itself: its version and its library roots."""

    version: str | None
    roots: tuple[str, ...] = ()


class Source(Protocol):
    """One source. Every method raises ``Fault`` of class source and nothing else.

    Subclasses implement the methods that have only a docstring here. The others return
    what suits a source that gives no such sign. All methods run on the event loop.
    """

    @property
    def id(self) -> str:
        """Name the source in records, jobs and the ledger."""

    @property
    def skipped(self) -> Counter[str]:
        """Count, by reason, what was read so far but has nothing to write to."""
        return Counter()

    @property
    def unreadable(self) -> int:
        """Count what cannot be read at the moment although the source is well."""
        return 0

    @property
    def lacking(self) -> frozenset[str] | None:
        """Name the options in use that it cannot serve; None until that is known."""
        return frozenset()

    @property
    def busy(self) -> bool:
        """Return whether a job of the source runs that may bring changes."""
        return False

    def jobs_ended(self) -> set[str]:
        """Name the kinds of jobs that have ended since this was asked last."""
        return set()

    def losses(self) -> set[str]:
        """Name what has become less since this was asked last.

        These are the kinds of things of which there are fewer, ``records`` among them,
        and ``back``, where a source seems to be an older copy of itself.
        """
        return set()

    def look_far(self) -> None:
        """Let the next ``changes`` look as far back as ever, not only for the newest."""

    async def connect(self) -> SourceInfo:
        """Check health and access, and learn what this version can answer."""

    def changes(self, cursor: str | None) -> AsyncIterator[Batch]:
        """Yield what changed since the cursor, oldest first; all, without one."""

    async def latest(self) -> str:
        """Return the cursor of this moment, to start from now on."""

    def listing(self) -> AsyncIterator[Sequence[str]]:
        """Name all records that there are, whether they are sent or not."""

    async def count(self) -> int:
        """Return how many records there are."""

    async def fresh(self, keys: Sequence[str]) -> Mapping[str, Record | str]:
        """Read records afresh, by key; see ``engine.ports.Fresh``.

        ``gone`` is the word for one that the source no longer has.
        """

    async def find(self, path: str) -> Record | str | None:
        """Read the record of a file, named by its path as Plex sees it.

        In place of one that is not sent stands why, in a word of ``engine.skipped``.
        """

    async def fetch(
        self, image: Image, known: str | None, files: Sequence[str] = ()
    ) -> FetchedImage:
        """Fetch a picture of this source; see ``engine.ports.Images``."""
