"""What the engine asks of the world around it.

The rings outside implement these; the engine never imports them.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from .faults import Fault
from .record import Actor, Find, Image, Record, Value


@dataclass(frozen=True, slots=True)
class Item:
    """A full read of one item, as Plex holds it.

    ``fields`` holds every field of ``model.fields`` that the item's type knows
    (``None`` where empty; lists are complete; images are the server's own mark
    of the selected picture, as text). ``locks`` names the locked fields.
    ``read_at`` is the monotonic time, in seconds, at which the read began. The
    ``year`` is no field of ours, but may follow the date; ``locks`` names it too.
    ``episode`` tells the episodes of one file apart; other items have none.
    """

    rating_key: str
    section: str  # uuid of the library
    paths: tuple[str, ...]
    fields: Mapping[str, Value | None]
    locks: frozenset[str]
    read_at: float
    year: int | None = None
    episode: str = ""
    # What the outer ring needs to address the item again; opaque to the engine.
    handle: Any = field(default=None, compare=False, repr=False)
    # Names the very words in which Plex told all this; empty where they have no name.
    digest: bytes = field(default=b"", compare=False, repr=False)


class Items(dict[str, Item]):
    """Items by rating key.

    Those that alone cannot be read have a fault instead, and those of which Plex says
    the very same as before are merely named.
    """

    def __init__(self, items: Mapping[str, Item] | None = None) -> None:
        """Begin with some items, or with none."""
        super().__init__(items or {})
        self.faults: dict[str, Fault] = {}
        self.same: set[str] = set()

    def add(self, others: Items) -> None:
        """Add what another answer says."""
        self.update(others)
        self.faults |= others.faults
        self.same |= others.same


@dataclass(frozen=True, slots=True)
class Match:
    """What looking for a record found: its items, or why there are none.

    Each of a record's paths names every item that has the file: ``twins`` are those
    beside the first, as pairs of rating key and library. ``reason`` says why there
    is none: not_found, outside_libraries or ambiguous, which a guid is that several
    items have. ``candidates`` are the rating keys of an ambiguous match, all that
    are remembered: worth a read before anything is concluded from them.
    ``library`` is the uuid of the library that holds the item, or may hold it. With
    neither rating key nor reason that one could not be looked through: nothing is
    known. ``beyond`` names a library that may hold a further item and was not looked
    through. ``fault`` is what a look met, None where it was to be avoided.
    """

    rating_key: str | None = None
    reason: str | None = None
    candidates: tuple[str, ...] = ()
    library: str | None = None
    fault: Fault | None = None
    twins: tuple[tuple[str, str], ...] = ()
    beyond: str | None = None


@dataclass(frozen=True, slots=True)
class PictureChoice:
    """The keys of the pictures that an item has for one field, and the selected one."""

    keys: tuple[str, ...] = ()
    selected: str | None = None

    def of(self, digest: str) -> str | None:
        """Find the picture that was uploaded with these bytes: Plex names it by SHA-1."""
        for key in self.keys:
            if key.startswith("upload://") and key.endswith(f"/{digest}"):
                return key
        return None


type IsStale = Callable[[], bool]


def never() -> bool:
    """Say that what was read is good enough."""
    return False


@dataclass(frozen=True, slots=True)
class Year:
    """The year of an item, as it shall be; 0 for none."""

    number: int
    locked: bool


@dataclass(frozen=True, slots=True)
class FieldEdit:
    """One field of an edit.

    For text, dates and ratings ``value`` is what to set (``None`` clears). For
    lists ``members`` is the whole list as it shall be afterwards and ``remove``
    what has to go. ``lock`` is the lock's state afterwards, ``None`` leaves it.
    With ``touch`` False only the lock changes. A ``year`` goes with a date.
    """

    field: str
    value: str | float | None = None
    members: tuple[str, ...] | tuple[Actor, ...] = ()
    remove: tuple[str, ...] = ()
    lock: bool | None = True
    touch: bool = True
    year: Year | None = None


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder of a library, by its uuid; ``key`` is one for all spellings of a path."""

    library: str
    key: str
    path: str = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class FetchedImage:
    """What fetching an image gave.

    ``data`` is None when the source says that it is unchanged since ``known``
    (``unchanged``), or has no picture at all (a placeholder is none).
    ``tag`` is the source's mark to send next time.
    """

    data: bytes | None = None
    tag: str | None = None
    unchanged: bool = False


class Server(Protocol):
    """One Plex Media Server. Every method raises ``Fault``, or StorageError."""

    async def probe_process(self) -> None:
        """Check that the process answers and is the configured machine."""

    async def probe_database(self) -> None:
        """Check that the database can be read."""

    async def recall(self, finds: Sequence[Find]) -> list[Match]:
        """Return what is remembered of where each item is; no request.

        Where nothing is there is neither rating key nor reason, and ``library`` names
        one in which it may lie, if that is known. ``beyond`` stands where a library
        that a path lies in was never looked through.
        """

    async def match(
        self, finds: Sequence[Find], avoid: frozenset[str] = frozenset()
    ) -> list[Match]:
        """Find the items of each, in order, within the chosen libraries.

        Libraries to ``avoid``, by uuid, are not asked for anything now. What a
        look through one library met stands, as it came, in the matches of what
        may lie there and touches no other; only what concerns the server as a
        whole is raised.
        """

    async def catch_up(self, avoid: frozenset[str]) -> Mapping[str, Fault]:
        """Learn of items that came into libraries that were listed before.

        Libraries to ``avoid``, by uuid, are not asked. Gives what a look at one library
        met, by uuid; only what concerns the server as a whole is raised.
        """

    def confirms(self, find: Find, item: Item) -> bool:
        """Return whether the item read is the one that was looked for."""

    async def read(
        self, rating_keys: Sequence[str], known: Mapping[str, bytes] | None = None
    ) -> Items:
        """Read items in full, many in one request; missing ones are left out.

        ``known`` gives the digests of earlier answers: where one is the same it is
        enough to say so. Without it no item needs its digest.

        Only an answer that is recognisably Plex's may leave an item out. One that
        is there and cannot be read has its fault beside the others.
        """

    async def edit(
        self,
        item: Item,
        edits: Sequence[FieldEdit],
        is_stale: IsStale = never,
        *,
        apart: bool = False,
    ) -> Mapping[str, str]:
        """Apply field edits to one item, in one request where they fit and are taken.

        Gives the fields that were refused, and why: the others are written. Where
        nothing was written it raises Fault, with those fields. ``is_stale`` is asked
        as the first request leaves; raises Fault of the reason ``changing`` when it
        says so, and nothing is sent. ``apart``: what this item meets has shown to be
        its own, so that a doubtful answer, too, is taken for one field's.
        """

    async def upload(
        self, item: Item, field_name: str, data: bytes, is_stale: IsStale = never
    ) -> None:
        """Upload, select and lock one picture (poster or background), likewise."""

    async def pictures(self, item: Item, field_name: str) -> PictureChoice:
        """List the pictures that the item has for one field, by Plex's own keys."""

    async def select(self, item: Item, field_name: str, key: str) -> None:
        """Select one of its pictures, which locks the field."""

    async def unselect(self, item: Item, field_name: str) -> None:
        """Let the item show no picture, until Plex chooses one."""

    async def collections(self, item: Item) -> dict[str, int]:
        """Count the members of each collection in the item's library, by title.

        Only of those that an edit can put items into.
        """

    async def folders(self, files: Sequence[str]) -> list[Folder]:
        """Name the folders in which files would lie, within the chosen libraries.

        What no library has room for is left out. No request.
        """

    async def scan(self, folder: Folder) -> None:
        """Ask for a look through one folder, for files that are new; it takes its time."""

    async def learn(self, items: Sequence[Item]) -> None:
        """Remember where items are that were read; no request."""

    async def forget(self, rating_keys: Sequence[str]) -> None:
        """Drop what is remembered of where these items are."""

    async def close(self) -> None:
        """Shut every socket and join every thread."""


class Images(Protocol):
    """Fetches the pictures that records name."""

    async def fetch(
        self,
        source: str,
        image: Image,
        known: str | None,
        files: Sequence[str] = (),
    ) -> FetchedImage:
        """Fetch one picture; ``known`` is the tag of the last fetch.

        ``files`` are the marks of its record (``Record.files``): what belongs to other
        files by now is missing.
        Raises ``Fault`` of class source (it did not answer: it is left alone for a
        while) or item (it did, and this picture is not to be had).
        """


# Gives what a source says now of records, by key: the record, or in one word why there
# is none to write. What is left out stands as it is on disk. Raises the source's Fault.
type Fresh = Callable[[str, Sequence[str]], Awaitable[Mapping[str, Record | str]]]


# Says of a source whether folders are to be looked through for its files.
type WantsScan = Callable[[str], bool]


def nobody_does(source: str) -> bool:
    """Leave it to the server when it looks for new files."""
    return False


async def nothing_newer(source: str, keys: Sequence[str]) -> Mapping[str, Record | str]:
    """Know no more than is on disk."""
    return {}


class BreakerStore(Protocol):
    """Keeps the circuit across restarts."""

    async def load(self) -> dict[str, Any] | None:
        """Return what was saved last, or None.

        Raises ValueError when what is there cannot be used, OSError when it
        cannot be read; either has then been set aside.
        """

    async def save(self, data: dict[str, Any]) -> None:
        """Save durably; raises OSError when that failed."""
