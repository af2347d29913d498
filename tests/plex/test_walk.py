"""How a library is listed: at which size, from where on, and whether all of it."""

from collections.abc import Coroutine
from itertools import count, pairwise
from pathlib import Path
import sqlite3
import tempfile
from typing import Any

from hypothesis import given, settings, strategies as st
import pytest

from custom_components.plexsync.engine.database.database import Database
from custom_components.plexsync.engine.database.layout import Layout
from custom_components.plexsync.engine.model.faults import Fault, FaultClass
from custom_components.plexsync.engine.model.ports import Match
from custom_components.plexsync.engine.model.record import Find
from custom_components.plexsync.plex.api import PlexApi
from custom_components.plexsync.plex.catalogue import Catalogue
from custom_components.plexsync.plex.client import PlexClient
from custom_components.plexsync.plex.deadlines import Deadlines
from custom_components.plexsync.plex.index import SCHEMA, Index
from custom_components.plexsync.plex.library import Library, parse_libraries
from custom_components.plexsync.plex.listing import Page, Row, Slice, parse_page
from custom_components.plexsync.plex.matching import Matcher
from custom_components.plexsync.plex.server import PlexMediaServer
from tests.simulators.plex import ItemType, PlexCore, PlexSimulator, Section, synthetic
from tests.simulators.plex.messages import Request

from .conftest import TOKEN, MakeServer, known_files

LISTING = r"^/library/sections/\d+/all$"
ABSENT = [f"/data/movies/none/{number}.mkv" for number in range(9)]


def _files(section: Section) -> list[str]:
    return [each.files[0] for each in section.of_type(ItemType.MOVIE).values()]


async def _match(server: PlexMediaServer, *wanted: str) -> list[Match]:
    return await server.match([Find(paths=(path,)) for path in wanted])


def _pages(plex: PlexSimulator) -> list[tuple[int, int]]:
    """Give start and size of each page that was asked for."""
    return [
        (
            int(entry.param("X-Plex-Container-Start") or 0),
            int(entry.param("X-Plex-Container-Size") or 0),
        )
        for entry in plex.journal.matching(path=LISTING)
    ]


@pytest.mark.parametrize("action", ["short_body", "reset_mid_body", "truncate"])
async def test_page_that_is_too_much(
    plex: PlexSimulator, make_server: MakeServer, action: str
) -> None:
    """It is asked for again at half the size, which the next ones keep."""
    section = synthetic(plex.core, 1200)
    server = make_server()
    plex.faults.add(action, path=LISTING, rows=300)
    matches = await _match(server, *_files(section))
    assert all(match.rating_key for match in matches)
    assert _pages(plex) == [
        *((0, size) for size in (1000, 500, 250)),
        *((start, 250) for start in (249, 498, 747, 996)),
    ]


async def test_page_that_comes_too_late(
    plex: PlexSimulator, make_server: MakeServer
) -> None:
    """A deadline is no reason to ask for the same again, nor to give up."""
    section = synthetic(plex.core, 600)
    server = make_server(deadlines=Deadlines(listing=1))
    plex.faults.add("blackhole", path=LISTING, rows=300)
    matches = await _match(server, *_files(section))
    assert all(match.rating_key for match in matches)
    assert _pages(plex)[:3] == [(0, 1000), (0, 500), (0, 250)]


async def test_size_grows_again(plex: PlexSimulator, make_server: MakeServer) -> None:
    """After ten good pages, up to the largest."""
    section = synthetic(plex.core, 2010)
    server = make_server()
    plex.faults.add("short_body", path=LISTING, times=3)
    await _match(server, *_files(section))
    sizes = [size for _, size in _pages(plex)]
    assert sizes == [1000, 500, 250, *[125] * 10, *[250] * 4]


async def test_listing_that_never_comes(
    plex: PlexSimulator, make_server: MakeServer
) -> None:
    """After three halvings the fault is told; from then on each look asks once."""
    section = synthetic(plex.core, 60)
    server = make_server()
    rule = plex.faults.add("short_body", path=LISTING)
    for sizes in ([1000, 500, 250, 125], [62], [31], [25], [25]):
        plex.journal.clear()
        [match] = await _match(server, _files(section)[0])
        assert match.library == section.uuid
        assert match.fault is not None
        assert match.fault.reason == "short_answer"
        assert [size for _, size in _pages(plex)] == sizes
    plex.faults.remove(rule)
    assert all(match.rating_key for match in await _match(server, *_files(section)))


async def test_server_that_is_gone_has_no_page_size(
    plex: PlexSimulator, make_server: MakeServer
) -> None:
    """Where nothing answers, no smaller page is asked for, then or later."""
    section = synthetic(plex.core, 3)
    server = make_server()
    await server.probe_database()
    plex.journal.clear()
    plex.faults.add("fin_early")
    [match] = await _match(server, _files(section)[0])
    assert match.fault is not None
    assert {size for _, size in _pages(plex)} == {1000}
    plex.faults.clear()
    plex.journal.clear()
    assert (await _match(server, _files(section)[0]))[0].rating_key
    assert _pages(plex) == [(0, 1000)]


async def test_server_that_refuses_more_than_a_thousand(
    plex: PlexSimulator, make_server: MakeServer
) -> None:
    """One row more than usual is a wish, not a need."""
    section = synthetic(plex.core, 2000)
    server = make_server()
    plex.faults.add("status", code=400, path=LISTING, rows=1000)
    assert all(match.rating_key for match in await _match(server, *_files(section)))
    assert _pages(plex) == [(0, 1000), (999, 1001), (999, 501), (1499, 501)]


@pytest.mark.parametrize("restarts", [False, True])
async def test_listing_goes_on_where_it_was(
    plex: PlexSimulator, make_server: MakeServer, restarts: bool
) -> None:
    """A fault at each third page, and a restart after each, still come to the end."""
    plex.core.switches.max_page = 100
    section = synthetic(plex.core, 1000)
    server = make_server()
    for number in count(1):
        rule = plex.faults.add("status", code=500, path=LISTING, nth=3)
        last = (await _match(server, _files(section)[-1]))[0]
        plex.faults.remove(rule)
        if last.rating_key:
            break
        assert last.fault is not None
        known = await known_files(server, _files(section))
        assert len(known) == 198 * number + 1
        if restarts:
            server = make_server()
    starts = [start for start, _ in _pages(plex)]
    assert all(after >= before for before, after in pairwise(starts))
    assert len(starts) == 11 + 5  # pages, and those that met the fault
    assert all(match.rating_key for match in await _match(server, *_files(section)))


async def test_new_items_go_on_where_they_were(
    plex: PlexSimulator, make_server: MakeServer
) -> None:
    """What was added since is listed bit by bit too, shows and all."""
    plex.core.switches.max_page = 100
    section = plex.core.add_section("Shows", "show", ["/data/shows"])
    for number in range(10):
        plex.core.add_episode(
            section, "A", 1, number, file=f"/data/shows/A/{number}.mkv"
        )
    await _match(make_server(), "/data/shows/A/1.mkv")
    files = [f"/data/shows/B/{number}.mkv" for number in range(600)]
    for number, file in enumerate(files):
        plex.core.add_episode(section, "B", 1, number, file=file)
    for _ in range(5):
        plex.faults.add("status", code=503, path=LISTING, nth=3)
    plex.journal.clear()
    for _ in range(6):
        matches = await _match(make_server(), *files)
        if all(match.rating_key for match in matches):
            break
    else:
        pytest.fail("it never came to the end")
    starts = [start for start, size in _pages(plex) if size]
    assert starts.count(0) <= 2  # of the episodes, of the shows


async def test_removal_while_listing(
    plex: PlexSimulator, make_server: MakeServer
) -> None:
    """It shifts what follows: the walk steps back by what is missing and misses nothing."""
    plex.core.switches.max_page = 100
    section = synthetic(plex.core, 1000)
    server = make_server()
    plex.faults.add("status", code=500, path=LISTING, nth=4)
    await _match(server, _files(section)[-1])
    for key in (10, 20, 150):
        plex.core.remove_item(key)
    plex.faults.clear()
    plex.journal.clear()
    assert all(match.rating_key for match in await _match(server, *_files(section)))
    assert [start for start, _ in _pages(plex)] == [297, *range(294, 990, 99)]


@pytest.mark.parametrize("of_the_server", [False, True])
async def test_file_from_the_future(
    plex: PlexSimulator, make_server: MakeServer, of_the_server: bool
) -> None:
    """A broken clock, a file's or the server's, does not have all listed at each look."""
    section = synthetic(plex.core, 2500)
    for item in section.of_type(ItemType.MOVIE).values():
        item.values["addedAt"] = item.values["updatedAt"] = 1_600_000_000
    for number, date in enumerate((4_040_000_000, 9 * 10**11, 2**63 - 1)):
        item = plex.core.add_item(
            section, file=f"/data/movies/future/{number}.mkv", addedAt=date
        )
        if of_the_server:
            item.values["updatedAt"] = date
    server = make_server()
    await _match(server, *_files(section))
    for turn in range(3):
        made = [
            plex.core.add_item(section, file=f"/data/movies/new/{turn}/{number}.mkv")
            for number in range(9)
        ]
        plex.journal.clear()
        matches = await _match(server, *(each.files[0] for each in made))
        assert [match.rating_key for match in matches] == [
            str(each.rating_key) for each in made
        ]
        assert len(plex.journal) == 3
        delta = plex.journal[1].param("addedAt>>")
        assert delta is not None
        assert int(delta) <= plex.core.catalog.now()


async def test_numbers_that_no_database_holds(
    plex: PlexSimulator, make_server: MakeServer
) -> None:
    """Rows with such a key are passed over, such dates and counters are none."""
    section = synthetic(plex.core, 1)
    server = make_server()
    key = await _match(server, _files(section)[0])
    huge = 2**63
    body = (
        f'<MediaContainer totalSize="3"><Video ratingKey="{huge}"><Media>'
        '<Part file="/data/movies/a.mkv"/></Media></Video>'
        f'<Video ratingKey="{"9" * 5000}"/>'
        f'<Video ratingKey="{huge - 1}" addedAt="{huge}" updatedAt="{huge}"><Media>'
        '<Part file="/data/movies/b.mkv"/></Media></Video></MediaContainer>'
    )
    plex.faults.add("status", code=200, body=body, path=LISTING)
    a, b = await _match(server, "/data/movies/a.mkv", "/data/movies/b.mkv")
    assert (a.reason, b.rating_key) == ("not_found", str(huge - 1))
    [match] = await server.match([Find(rating_key=str(huge))])
    assert match.reason == "not_found"
    await server.forget([str(huge), "9" * 5000, str(huge - 1)])
    plex.faults.clear()
    section.content_changed_at = huge
    assert {m.reason for m in await _match(server, *ABSENT)} == {"not_found"}
    assert await _match(server, _files(section)[0]) == key


NO_NUMBERS = ["", "nan", "-1", "1e3", "1.5", " 7", "٧", "7_000", str(2**63), "9" * 5000]


@pytest.mark.parametrize("text", NO_NUMBERS)
async def test_attributes_that_are_no_numbers(
    plex: PlexSimulator, make_server: MakeServer, text: str
) -> None:
    """No attribute of a row, a library or an item does more harm than its lack."""
    section = synthetic(plex.core, 1)
    server = make_server()
    [path] = _files(section)
    await _match(server, path)
    row = (
        f'<Video ratingKey="{text}" addedAt="1" updatedAt="1"/><Video ratingKey="7"'
        f' type="movie" title="T" librarySectionID="1" userRating="{text}"'
        f' addedAt="{text}" updatedAt="{text}" index="{text}">'
        f'<Media><Part file="/data/movies/b.mkv" size="{text}"/></Media></Video>'
    )
    body = f'<MediaContainer totalSize="2">{row}</MediaContainer>'
    rule = plex.faults.add("status", code=200, body=body, path=LISTING)
    [match] = await _match(server, "/data/movies/b.mkv")
    assert match.rating_key == "7"
    plex.faults.remove(rule)
    plex.faults.add("status", code=200, body=body, path="/library/metadata/7")
    rating = (await server.read(["7"]))["7"].fields["user_rating"]
    assert rating in (None, 7.0, 1.5)
    body = (
        '<MediaContainer><Directory key="1" type="movie" title="A" uuid="a"'
        f' contentChangedAt="{text}"/><Directory key="{text}" type="movie" title="B"'
        ' uuid="b"/></MediaContainer>'
    )
    assert [(a.uuid, a.content_changed_at) for a in parse_libraries(body.encode())] == [
        ("a", 0)
    ]


@pytest.mark.parametrize("text", NO_NUMBERS)
async def test_total_that_is_no_number(
    plex: PlexSimulator, make_server: MakeServer, text: str
) -> None:
    """It ends no listing: what was not shown is still there."""
    section = synthetic(plex.core, 3)
    server = make_server()
    await _match(server, *_files(section))
    section.content_changed_at += 1
    body = f'<MediaContainer totalSize="{text}"/>'
    plex.faults.add("status", code=200, body=body, path=LISTING)
    for match in await _match(server, *ABSENT):
        assert match.fault is not None
        assert match.fault.reason == "unparsable"
    assert len(await known_files(server, _files(section))) == 3


type Change = tuple[str, int]  # what happens, and to which item

_CHANGES = st.one_of(
    st.tuples(st.just("add"), st.just(0)),
    st.tuples(st.just("insert"), st.integers(0, 99)),
    st.tuples(st.just("remove"), st.integers(0, 99)),
    st.tuples(st.sampled_from(["error_500", "timeout", "http_503"]), st.just(0)),
    st.tuples(st.just("restart"), st.just(0)),
)


class Restless(PlexApi):
    """A library that changes while it is listed, asked without a wire between."""

    def __init__(self, size: int, page: int, changes: list[list[Change]]) -> None:
        """Begin with so many items, listed in pages of so many at most."""
        super().__init__(PlexClient("http://none", TOKEN, client_id="none"), None)
        self._seconds = count(1_600_000_000)
        self.core = PlexCore(token=TOKEN, clock=lambda: next(self._seconds))
        self.core.switches.max_page = page
        self.section = self.core.add_section("Movies", "movie", ["/data/movies"])
        self.ever: dict[str, str] = {}  # the files of all that ever was there
        for _ in range(size):
            self.add()
        self._changes = changes
        self.restarts = False

    def held(self) -> dict[str, str]:
        """Give the file of each item."""
        return {
            str(key): item.files[0]
            for key, item in self.section.of_type(ItemType.MOVIE).items()
        }

    def add(self, **fields: Any) -> None:
        """Add an item, the newest unless a date is given."""
        key = self.core.catalog.next_key
        self.ever[str(key)] = file = f"/data/movies/{key}.mkv"
        self.core.add_item(self.section, file=file, **fields)

    async def libraries(self, *, probe: bool = False) -> tuple[Library, ...]:
        """Ask for all libraries."""
        return parse_libraries(self._get("/library/sections", "", {}))

    async def page(self, library: Library, wanted: Slice) -> Page[Row]:
        """Give some rows, after what is due has happened. Raises Fault."""
        fault = None
        for what, number in self._changes.pop(0) if self._changes else ():
            match what:
                case "add":
                    self.add()
                case "insert":
                    self.add(addedAt=1_600_000_000 + number)
                case "remove" if keys := list(self.section.of_type(ItemType.MOVIE)):
                    self.core.remove_item(keys[number % len(keys)])
                case "restart":
                    self.restarts = True
                case "error_500" | "timeout" | "http_503":
                    fault = Fault(FaultClass.SERVER, what)
        if fault is not None:
            raise fault
        path = f"/library/sections/{library.key}/all"
        return parse_page(self._get(path, wanted.query, wanted.paging))

    def _get(self, path: str, query: str, headers: dict[str, str]) -> bytes:
        headers = headers | {"X-Plex-Token": TOKEN}
        answer = self.core.handle(Request.build("GET", f"{path}?{query}", headers))
        assert answer.status == 200
        return answer.body


def _in_memory(_: Path, **how: Any) -> sqlite3.Connection:
    return sqlite3.connect(":memory:", **how)


def _run[T](work: Coroutine[Any, Any, T]) -> T:
    """Run what never has to wait."""
    try:
        work.send(None)
    except StopIteration as done:
        result: T = done.value
        return result
    raise AssertionError("it waits")


@settings(max_examples=150, deadline=None)
@given(
    st.integers(0, 40),
    st.integers(2, 9),
    st.lists(st.lists(_CHANGES, max_size=3), max_size=12),
)
def test_library_that_changes_while_it_is_listed(
    size: int, page: int, changes: list[list[Change]]
) -> None:
    """No item is passed over, whatever comes, goes and fails; in the end the index is the library."""
    happens = [what for each in changes for what, _ in each]
    restless = Restless(size, page, changes)
    now = 0.0
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "test.db"
        file.touch()
        database = Database(file, Layout((SCHEMA,)), inline=True, connect=_in_memory)
        database.open()

        def make() -> tuple[Index, Matcher]:
            index = Index(database)
            chosen = frozenset({restless.section.uuid})
            return index, Matcher(
                Catalogue(index, restless, chosen, lambda: now), lambda: now
            )

        index, matcher = make()
        absent = [Find(paths=(path,)) for path in ABSENT]

        def look() -> bool:
            nonlocal index, matcher, now
            now += 601
            if restless.restarts:
                index, matcher = make()
                restless.restarts = False
            matches = _run(matcher.match(absent, frozenset()))
            return all(match.reason == "not_found" for match in matches)

        def known() -> dict[str, str]:
            ever = restless.ever.values()
            found = _run(index.find(ever, (), {restless.section.uuid}))
            return {key: path for path, keys in found.by_path.items() for key in keys}

        for _ in range(20):
            if look():
                break
        # What was there from the beginning to the end has been seen. (A walk that
        # is made to turn back at each step takes a page as it is in the end.)
        if happens.count("remove") <= 3:
            stayed = restless.held()
            stayed = {key: stayed[key] for key in stayed if int(key) <= size}
            assert known().items() >= stayed.items()
        for _ in changes:
            look()
        changes.clear()
        # A library that is empty is never believed to be; what goes while something
        # with an older date comes is not counted. Either ends as it does in life:
        # an item that went is forgotten when it is read.
        if "insert" in happens or not restless.held():
            assert look() or look() or look() or not restless.held()
            _run(index.forget(known().keys() - restless.held().keys()))
            restless.section.content_changed_at += 1
        assert look() or look() or look()
        assert known() == restless.held()
        database.close()
