"""Pages of a library, with only what is needed to find items."""

from dataclasses import dataclass, field
from urllib.parse import quote

from . import paths
from .guids import canonical
from .items import OPTIMISED, TYPES, is_rating_key
from .markup import feed, number, parse, total

PAGE = 1000  # rows; some servers send no more
LEAST = 25  # rows; if a page as small as this fails, its size is not the cause
_GOOD = 10  # successful pages in a row before a larger one is tried
# The types of rows to list, by type of library. The first one has files; shows have none.
TYPES_OF = {"movie": (TYPES["movie"],), "show": (TYPES["episode"], TYPES["show"])}
FILE_TYPE = {library: types[0] for library, types in TYPES_OF.items()}


@dataclass(slots=True)
class Row:
    """An item of a listing: its key, and its files and guids in normal form.

    ``added_at`` is when it was added, by the server's clock.
    """

    rating_key: int
    added_at: int
    paths: list[str] = field(default_factory=list)
    guids: set[str] = field(default_factory=set)


@dataclass(slots=True)
class Page[T]:
    """Some rows of a list, how many rows the server sent, and how many there are in total.

    ``total`` is None if the server did not page.
    """

    rows: list[T]
    received: int
    total: int | None


@dataclass(slots=True)
class PageSize:
    """How many rows of a library to ask for at once; fewer after a page was too large."""

    rows: int = PAGE
    is_failing: bool = False  # whether the last walk ended with a failed page
    _good: int = 0

    def shrink(self) -> bool:
        """Halve the size; return False if it is already the smallest."""
        self._good = 0
        before, self.rows = self.rows, max(LEAST, self.rows // 2)
        return self.rows < before

    def went_well(self) -> None:
        """Count a successful page; after ten of them the size is doubled."""
        self.is_failing = False
        self._good += 1
        if self._good >= _GOOD and self.rows < PAGE:
            self.rows, self._good = min(PAGE, self.rows * 2), 0


@dataclass(frozen=True, slots=True)
class Collection:
    """A collection that items can be added to by an edit.

    Smart collections fill themselves, so they are not among these.
    """

    key: str
    title: str
    members: int


@dataclass(frozen=True, slots=True)
class Slice:
    """Which rows to ask for: of which type, from which index, and how many.

    ``extra`` is the encoded filter and order.
    """

    type_number: int | None = None
    start: int = 0
    size: int = PAGE
    extra: str = ""

    @property
    def paging(self) -> dict[str, str]:
        """The window: some servers want it as headers, others as parameters."""
        return {
            "X-Plex-Container-Start": str(self.start),
            "X-Plex-Container-Size": str(self.size),
        }

    @property
    def query(self) -> str:
        """The complete query."""
        parts = [] if self.type_number is None else [f"type={self.type_number}"]
        parts += [f"{name}={value}" for name, value in self.paging.items()]
        return "&".join([*parts, self.extra] if self.extra else parts)


def file_filter(path: str) -> str:
    """Return the filter for rows with a file whose path contains this file's name.

    Plex compares names as they are stored. If Unicode has several spellings of a name,
    the filter uses the longest part that has only one.
    """
    name = paths.name(path)
    best = run = ""
    for letter in name:
        run = run + letter if paths.has_one_spelling(letter) else ""
        best = max(best, run, key=len)
    return f"file={quote(best if len(best) > 3 else name, safe='')}"


class _Rows:
    """A parser target that collects rows without building a tree."""

    def __init__(self) -> None:
        self._rows: list[Row] = []
        self._received = 0
        self._total: int | None = None
        self._depth = 0
        self._row: Row | None = None
        self._optimised = False

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        if self._depth == 2:
            self._begin(attributes)
        elif self._row is None:
            if self._depth == 1:
                self._total = total(attributes)
        elif tag == "Part":
            if not self._optimised and (path := attributes.get("file")):
                self._row.paths.append(paths.normal(path))
        elif tag == "Media":
            self._optimised = attributes.get("proxyType") == OPTIMISED
        elif tag == "Guid" and (guid := attributes.get("id")):
            self._row.guids.add(canonical(guid))

    def end(self, tag: str) -> None:
        self._depth -= 1

    def close(self) -> Page[Row]:
        return Page(self._rows, self._received, self._total)

    def _begin(self, attributes: dict[str, str]) -> None:
        self._row = None
        if (rating_key := attributes.get("ratingKey")) is None:
            return
        self._received += 1
        if not is_rating_key(rating_key):
            return
        added = number(attributes.get("addedAt")) or 0
        # A file with a wrong timestamp may be added in 2098, but ``updatedAt`` is when
        # the server really stored it.
        updated = number(attributes.get("updatedAt")) or added
        self._row = Row(int(rating_key), min(added, updated))
        if guid := attributes.get("guid"):
            self._row.guids.add(canonical(guid))
        self._rows.append(self._row)


def parse_page(data: bytes) -> Page[Row]:
    """Parse a page of items; raises Fault."""
    page: Page[Row] = feed(data, _Rows)
    return page


def parse_collections(data: bytes) -> Page[Collection]:
    """Parse a page of collections; raises Fault."""
    root = parse(data)
    found: list[Collection] = []
    for node in root:
        title, count = node.get("title"), node.get("childCount")
        if title and count is not None and node.get("smart", "0") == "0":
            members = number(count)
            # An unreadable count must not look like an empty collection.
            members = 1 if members is None else members
            found.append(Collection(node.get("ratingKey", ""), title, members))
    return Page(found, len(root), total(root.attrib))
