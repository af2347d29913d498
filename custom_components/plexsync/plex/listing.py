"""Pages of a library: only what finding an item needs."""

from dataclasses import dataclass, field
from urllib.parse import quote

from . import paths
from .guids import canonical
from .items import is_rating_key
from .markup import feed, number, total

PAGE = 1000  # rows; some servers cap it there
LEAST = 25  # rows; a page as small as this comes, or it is not the page's size
_GOOD = 10  # pages in a row after which a larger one is tried
_OPTIMISED = "42"
# The types whose rows carry files, by type of library; shows themselves have none.
FILE_TYPE = {"movie": 1, "show": 4}
SHOW_TYPE = 2


@dataclass(slots=True)
class Row:
    """One item of a listing: its key, its files in normal form, its guids likewise.

    ``added_at`` is when it came, by the server's clock.
    """

    rating_key: int
    added_at: int
    paths: list[str] = field(default_factory=list)
    guids: set[str] = field(default_factory=set)


@dataclass(slots=True)
class Page:
    """Some rows, how many the server sent in all, and how many there are.

    ``total`` is None when the server did not page.
    """

    rows: list[Row]
    received: int
    total: int | None


@dataclass(slots=True)
class PageSize:
    """How many rows of a library to ask for at once: fewer after a page was too much."""

    rows: int = PAGE
    is_failing: bool = False  # the last walk ended with it
    _good: int = 0

    def shrink(self) -> bool:
        """Ask for half from now on; False where it cannot be less."""
        self._good = 0
        before, self.rows = self.rows, max(LEAST, self.rows // 2)
        return self.rows < before

    def went_well(self) -> None:
        """Count a page that came; after ten of them the size doubles again."""
        self.is_failing = False
        self._good += 1
        if self._good >= _GOOD and self.rows < PAGE:
            self.rows, self._good = min(PAGE, self.rows * 2), 0


@dataclass(frozen=True, slots=True)
class Collection:
    """One collection of a library that an edit can put items into.

    A smart one fills itself: it is another thing, even of the same title.
    """

    key: str
    title: str
    members: int


@dataclass(frozen=True, slots=True)
class CollectionPage:
    """Some collections, how many the server sent in all, and how many there are."""

    found: list[Collection]
    received: int
    total: int | None


@dataclass(frozen=True, slots=True)
class Slice:
    """Which rows to ask for: of one type or of all, from where, how many at most.

    ``extra`` holds filters and order, encoded already.
    """

    type_number: int | None = None
    start: int = 0
    size: int = PAGE
    extra: str = ""

    @property
    def paging(self) -> dict[str, str]:
        """What servers want as headers, others as parameters, and always together."""
        return {
            "X-Plex-Container-Start": str(self.start),
            "X-Plex-Container-Size": str(self.size),
        }

    @property
    def query(self) -> str:
        """The whole query."""
        parts = [] if self.type_number is None else [f"type={self.type_number}"]
        parts += [f"{name}={value}" for name, value in self.paging.items()]
        return "&".join([*parts, self.extra] if self.extra else parts)


def file_filter(path: str) -> str:
    """Return the filter for rows with a file whose path contains this one's name.

    Plex compares as it stored: of a name that has several spellings in Unicode,
    the longest part that has one is asked for.
    """
    name = paths.name(path)
    best = run = ""
    for letter in name:
        run = run + letter if paths.has_one_spelling(letter) else ""
        best = max(best, run, key=len)
    return f"file={quote(best if len(best) > 3 else name, safe='')}"


class _Rows:
    """A parser's target: takes down what is wanted and builds no tree."""

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
            self._optimised = attributes.get("proxyType") == _OPTIMISED
        elif tag == "Guid" and (guid := attributes.get("id")):
            self._row.guids.add(canonical(guid))

    def end(self, tag: str) -> None:
        self._depth -= 1

    def close(self) -> Page:
        return Page(self._rows, self._received, self._total)

    def _begin(self, attributes: dict[str, str]) -> None:
        self._row = None
        if (rating_key := attributes.get("ratingKey")) is None:
            return
        self._received += 1
        if not is_rating_key(rating_key):
            return
        added = number(attributes.get("addedAt")) or 0
        # A file with a broken clock was added in 2098, but the server that took
        # it in wrote down when it did.
        updated = number(attributes.get("updatedAt")) or added
        self._row = Row(int(rating_key), min(added, updated))
        if guid := attributes.get("guid"):
            self._row.guids.add(canonical(guid))
        self._rows.append(self._row)


class _Collections:
    """A parser's target for collections."""

    def __init__(self) -> None:
        self._found: list[Collection] = []
        self._received = 0
        self._total: int | None = None
        self._depth = 0

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        if self._depth == 1:
            self._total = total(attributes)
        elif self._depth == 2:
            self._received += 1
            title, count = attributes.get("title"), attributes.get("childCount")
            if title and count is not None and attributes.get("smart", "0") == "0":
                members = number(count)
                # A count that is none is no reason to take the last member out.
                members = 1 if members is None else members
                key = attributes.get("ratingKey") or ""
                self._found.append(Collection(key, title, members))

    def end(self, tag: str) -> None:
        self._depth -= 1

    def close(self) -> CollectionPage:
        return CollectionPage(self._found, self._received, self._total)


def parse_page(data: bytes) -> Page:
    """Read one page of items; raises Fault."""
    page: Page = feed(data, _Rows)
    return page


def parse_collections(data: bytes) -> CollectionPage:
    """Read one page of collections; raises Fault."""
    page: CollectionPage = feed(data, _Collections)
    return page
