"""From paths and guids to rating keys, and how few requests that takes."""

import asyncio
from collections.abc import Sequence
from typing import Any
import unicodedata

import pytest

from custom_components.plexsync.engine.database.database import Database
from custom_components.plexsync.engine.model.faults import Fault, FaultClass
from custom_components.plexsync.engine.model.ports import Match
from custom_components.plexsync.engine.model.record import Find
from custom_components.plexsync.plex import catalogue
from custom_components.plexsync.plex.listing import FILE_TYPE
from custom_components.plexsync.plex.paths import suggest
from custom_components.plexsync.plex.server import PlexMediaServer
from tests.simulators.plex import ItemType, PlexSimulator, Section, synthetic

from .conftest import MakeServer, known_files

LISTING = r"^/library/sections/\d+/all$"


def _listings(plex: PlexSimulator) -> int:
    return plex.journal.count(path=LISTING)


def _files(section: Section) -> list[str]:
    kind = ItemType(FILE_TYPE[section.type.word])
    return [each.files[0] for each in section.of_type(kind).values()]


def _keys(section: Section) -> list[str]:
    kind = ItemType(FILE_TYPE[section.type.word])
    return [str(key) for key in section.of_type(kind)]


async def _match(server: PlexMediaServer, *wanted: str) -> list[Match]:
    return await server.match([Find(paths=(path,)) for path in wanted])


def _found(matches: Sequence[Match]) -> list[str | None]:
    return [match.rating_key or match.reason for match in matches]


async def _fault(server: PlexMediaServer, section: Section, *wanted: str) -> Fault:
    """Match what cannot be found, for the look through its library meets a fault."""
    faults: set[Fault] = set()
    for match in await _match(server, *wanted):
        assert (match.rating_key, match.reason) == (None, None)
        assert match.library == section.uuid
        assert match.fault is not None
        faults.add(match.fault)
    [fault] = faults
    return fault


@pytest.mark.parametrize(
    ("size", "pages"), [(0, 1), (1, 1), (1000, 1), (1001, 2), (2500, 3), (3000, 3)]
)
async def test_first_look(
    plex: PlexSimulator, make_server: MakeServer, size: int, pages: int
) -> None:
    """A library of N items is listed once, in ⌈N/1000⌉ requests."""
    section = synthetic(plex.core, size)
    server = make_server()
    matches = await _match(server, *_files(section), "/data/movies/none.mkv")
    assert _found(matches) == [*_keys(section), "not_found"]
    assert _listings(plex) == pages
    assert len(plex.journal) == pages + 1
    for entry in plex.journal.matching(path=LISTING):
        assert entry.param("X-Plex-Container-Start") is not None
        # One more where the row that is looked at twice would cost a page.
        wanted = {"1000", "1001"} if size == 3000 else {"1000"}
        assert entry.param("X-Plex-Container-Size") in wanted
        assert entry.param("sort") == "addedAt:asc"


async def test_hits_cost_nothing(plex: PlexSimulator, make_server: MakeServer) -> None:
    """Neither later on nor after a restart."""
    section = synthetic(plex.core, 50)
    server = make_server()
    await _match(server, _files(section)[0])
    plex.journal.clear()
    assert _found(await _match(server, *_files(section))) == _keys(section)
    again = make_server()
    assert _found(await _match(again, *_files(section))) == _keys(section)
    assert not len(plex.journal)


async def test_miss_costs_one(plex: PlexSimulator, make_server: MakeServer) -> None:
    """A new file is asked for by name, and after a restart too; so is one that is not there."""
    section = synthetic(plex.core, 50)
    server = make_server()
    await _match(server, _files(section)[0])
    for number, new in enumerate(("a.mkv", "Ünïcode & 100%.mkv", "日本.mkv", "ß.mkv")):
        path = f"/data/movies/new/{new}"
        made = plex.core.add_item(section, file=path)
        fresh = server if number % 2 else make_server()
        plex.journal.clear()
        assert _found(await _match(fresh, path)) == [str(made.rating_key)]
        assert len(plex.journal) == 1
        assert _found(await _match(fresh, path)) == [str(made.rating_key)]
        assert len(plex.journal) == 1
    plex.journal.clear()
    assert _found(await _match(server, "/data/movies/none.mkv")) == ["not_found"]
    assert len(plex.journal) == 1


async def test_same_name_in_another_folder_is_another_file(
    plex: PlexSimulator, make_server: MakeServer
) -> None:
    """The name narrows, the whole path decides."""
    section = synthetic(plex.core, 3)
    server = make_server()
    await _match(server, _files(section)[0])
    plex.core.add_item(section, file="/data/movies/a/video.mkv")
    made = plex.core.add_item(section, file="/data/movies/b/video.mkv")
    plex.core.add_item(section, file="/data/movies/b/video.mkv.mkv")
    assert _found(
        await _match(server, "/data/movies/c/video.mkv", "/data/movies/b/video.mkv")
    ) == ["not_found", str(made.rating_key)]


async def test_name_that_too_many_share(
    plex: PlexSimulator, make_server: MakeServer
) -> None:
    """When the name does not narrow enough, what is new is listed."""
    section = plex.core.add_section("Movies")
    for number in range(150):
        plex.core.add_item(section, file=f"/data/movies/{number}/video.mkv")
    server = make_server()
    await _match(server, "/data/movies/1/video.mkv")
    made = plex.core.add_item(section, file="/data/movies/new/video.mkv")
    assert _found(await _match(server, "/data/movies/new/video.mkv")) == [
        str(made.rating_key)
    ]


@pytest.mark.parametrize("code", [400, 500])
async def test_server_without_the_file_filter(
    plex: PlexSimulator, make_server: MakeServer, code: int
) -> None:
    """It is not documented, so it may go."""
    section = synthetic(plex.core, 3)
    server = make_server()
    await _match(server, _files(section)[0])
    made = plex.core.add_item(section, file="/data/movies/new.mkv")
    plex.faults.add("status", code=code, path=LISTING, times=1)
    assert _found(await _match(server, "/data/movies/new.mkv")) == [
        str(made.rating_key)
    ]


@pytest.mark.parametrize("count", [1, 9])
async def test_broken_library_is_not_an_empty_one(
    plex: PlexSimulator, make_server: MakeServer, count: int
) -> None:
    """When the one library that a path lies in cannot be read, nothing is known."""
    section = synthetic(plex.core, 3)
    synthetic(plex.core, 3, "/data/other", "Other")
    server = make_server()
    await _match(server, _files(section)[0])
    plex.core.add_item(section, file="/data/movies/new.mkv")
    plex.faults.add("section_corrupt", section=section.key)
    fault = await _fault(
        server, section, *(f"/data/movies/new{n}.mkv" for n in range(count))
    )
    assert fault.kind is FaultClass.SERVER


async def test_many_misses_list_what_is_new(
    plex: PlexSimulator, make_server: MakeServer
) -> None:
    """A hundred new files cost three requests; when nothing changed, one."""
    section = synthetic(plex.core, 1500)
    server = make_server()
    await _match(server, _files(section)[0])
    made = [
        plex.core.add_item(section, file=f"/data/movies/new/{number}.mkv")
        for number in range(100)
    ]
    plex.journal.clear()
    matches = await _match(server, *(each.files[0] for each in made))
    assert _found(matches) == [str(each.rating_key) for each in made]
    plex.journal.clear()
    absent = [f"/data/movies/none/{number}.mkv" for number in range(100)]
    assert _found(await _match(server, *absent)) == ["not_found"] * 100
    assert len(plex.journal) == 1


async def test_delta_costs_three(plex: PlexSimulator, make_server: MakeServer) -> None:
    """The libraries, what was added since, and the count."""
    section = synthetic(plex.core, 30)
    for item in section.of_type(ItemType.MOVIE).values():
        item.values["addedAt"] = 1_600_000_000
    server = make_server()
    await _match(server, _files(section)[0])
    made = [
        plex.core.add_item(section, file=f"/data/movies/new/{number}.mkv")
        for number in range(10)
    ]
    plex.journal.clear()
    matches = await _match(server, *(each.files[0] for each in made))
    assert _found(matches) == [str(each.rating_key) for each in made]
    assert len(plex.journal) == 3
    delta = plex.journal[1]
    assert delta.param("addedAt>>") == str(1_600_000_000 - 120)


async def test_removed_items_leave_the_index(
    plex: PlexSimulator, make_server: MakeServer
) -> None:
    """When counts disagree everything is listed again."""
    section = synthetic(plex.core, 30)
    server = make_server()
    files = _files(section)
    await _match(server, files[0])
    plex.core.remove_item(1)
    absent = [f"/data/movies/none/{number}.mkv" for number in range(10)]
    assert _found(await _match(server, *absent)) == ["not_found"] * 10
    assert await known_files(server, files) == files[1:]


async def test_moved_files_are_noticed(
    plex: PlexSimulator, make_server: MakeServer
) -> None:
    """Renamed folders change neither count nor dates: a few samples tell."""
    section = synthetic(plex.core, 30)
    server = make_server()
    await _match(server, _files(section)[0])
    for item in section.of_type(ItemType.MOVIE).values():
        for part in item.media[0].parts:
            part.file = part.file.replace("/data/movies/", "/data/movies/moved/")
        item.rows.clear()
        item.values["addedAt"] = 1_500_000_000
    section.content_changed_at += 1
    assert _found(await _match(server, *_files(section))) == _keys(section)
    assert len(plex.journal) < 15


async def test_servers_with_a_page_cap(
    plex: PlexSimulator, make_server: MakeServer
) -> None:
    """Pages are followed by what came, not by what was asked for."""
    plex.core.switches.max_page = 400
    plex.core.switches.strict_paging = True
    section = synthetic(plex.core, 1000)
    assert _found(await _match(make_server(), *_files(section))) == _keys(section)
    assert _listings(plex) == 3


async def test_items_that_come_while_listing(
    plex: PlexSimulator, make_server: MakeServer
) -> None:
    """A page that repeats rows, or a total that grows, confuses nobody."""
    section = synthetic(plex.core, 2000)
    server = make_server()
    plex.latency_read = 0.02
    task = asyncio.create_task(_match(server, *_files(section)))
    await plex.journal.arrived(2, path=LISTING)
    plex.core.add_item(section, file="/data/movies/first.mkv", addedAt=1)
    assert _found(await task) == _keys(section)[:2000]


async def test_outside_libraries(plex: PlexSimulator, make_server: MakeServer) -> None:
    """A path in no chosen library is that, without a look at any item."""
    section = synthetic(plex.core, 3)
    other = synthetic(plex.core, 2, "/data/other", "Other")
    await _match(make_server(), _files(other)[0])  # it was chosen once
    plex.journal.clear()
    server = make_server(libraries=frozenset({section.uuid}))
    wanted = [_files(other)[0], "/database/x.mkv", "/data/movies2/x.mkv"]
    assert _found(await _match(server, *wanted)) == ["outside_libraries"] * 3
    assert _listings(plex) == 0


async def test_folder_added_to_a_library(
    plex: PlexSimulator, make_server: MakeServer
) -> None:
    """Before a path counts as outside, the libraries are looked at again."""
    now = 0.0
    section = synthetic(plex.core, 3)
    server = make_server(monotonic=lambda: now)
    await _match(server, _files(section)[0])
    plex.core.catalog.sections[section.key].locations.append(
        type(section.locations[0])(99, "/data/more")
    )
    made = plex.core.add_item(section, file="/data/more/1.mkv")
    assert _found(await _match(server, "/data/more/1.mkv")) == ["outside_libraries"]
    now = 1000.0
    assert _found(await _match(server, "/data/more/1.mkv")) == [str(made.rating_key)]


async def test_each_path_names_every_item_that_has_it(
    plex: PlexSimulator, make_server: MakeServer
) -> None:
    """One file in two libraries, or a record whose files are two items: all are meant."""
    section = plex.core.add_section("Movies")
    again = plex.core.add_section("Again", "movie", ["/data/movies"])
    for each in (section, again):
        plex.core.add_item(each, file="/data/movies/1.mkv")
    plex.core.add_item(section, file="/data/movies/2.mkv")
    plex.core.add_item(section, files=["/data/movies/3.mkv", "/data/movies/3b.mkv"])
    server = make_server()
    one, two, three = await server.match(
        [
            Find(paths=("/data/movies/1.mkv",)),
            Find(paths=("/data/movies/2.mkv", "/data/movies/3.mkv")),
            Find(paths=("/data/movies/3.mkv", "/data/movies/3b.mkv", "/gone.mkv")),
        ]
    )
    assert one == Match("1", library=section.uuid, twins=(("2", again.uuid),))
    assert two == Match("3", library=section.uuid, twins=(("4", section.uuid),))
    assert three == Match("4", library=section.uuid)
    # What a read does not confirm is forgotten, and a target no more.
    await server.forget(["1"])
    assert _found(await _match(server, "/data/movies/1.mkv")) == ["2"]


async def test_spellings_of_one_path(
    plex: PlexSimulator, make_server: MakeServer
) -> None:
    """Unicode forms, slashes and, on Windows, case are no differences; elsewhere case is one."""
    windows = plex.core.add_section("W", "movie", [r"D:\Media"])
    linux = plex.core.add_section("L", "movie", ["/data"])
    one = plex.core.add_item(windows, file=r"D:\Media\Amélie.mkv")
    two = plex.core.add_item(
        linux, file=unicodedata.normalize("NFD", "/data/Amélie.mkv")
    )
    three = plex.core.add_item(linux, file="/data/CASE.mkv")
    four = plex.core.add_item(linux, file="/data/case.mkv")
    five = plex.core.add_item(windows, file=r"D:\Media\x.mkv")
    six = plex.core.add_item(windows, file=r"D:\Media\X.mkv")
    server = make_server()
    await _match(server, "/data/none.mkv", "d:/media/none.mkv")
    late = plex.core.add_item(
        linux, file=unicodedata.normalize("NFD", "/data/Zoë Later.mkv")
    )
    wanted = {
        "d:/MEDIA//amélie.MKV": str(one.rating_key),
        "/data/Amélie.mkv": str(two.rating_key),
        "/data//CASE.mkv": str(three.rating_key),
        "/data/case.mkv": str(four.rating_key),
        "/data/Case.mkv": "not_found",
        r"D:\Media\x.mkv": str(five.rating_key),
        r"D:\Media\X.mkv": str(six.rating_key),
        r"d:\media\X.MKV": "ambiguous",
        "/data/Zoë Later.mkv": str(late.rating_key),
    }
    assert _found(await _match(server, *wanted)) == list(wanted.values())


async def test_optimised_versions_are_nobodys_file(
    plex: PlexSimulator, make_server: MakeServer
) -> None:
    """What Plex made for a device is not a way to find an item."""
    section = plex.core.add_section("Movies")
    item = plex.core.add_item(section, file="/data/movies/1.mkv")
    plex.core.add_media(item, "/data/movies/Optimised/1.mp4", proxy_type=42)
    server = make_server()
    assert _found(
        await _match(server, "/data/movies/Optimised/1.mp4", "/data/movies/1.mkv")
    ) == ["not_found", str(item.rating_key)]


async def test_guids(plex: PlexSimulator, make_server: MakeServer) -> None:
    """A guid finds where no path does; one that several items share is a question."""
    section = synthetic(plex.core, 30)
    server = make_server()
    assert _found(
        await server.match(
            [
                Find(guids=("imdb://tt0000007",)),
                Find(guids=("plex://movie/000000000000000000000008",)),
                Find(paths=("/data/movies/none.mkv",), guids=("tmdb://9",)),
                Find(paths=(_files(section)[0],), guids=("tmdb://9",)),
                Find(guids=("imdb://none",)),
                Find(),
            ]
        )
    ) == ["7", "8", "9", "1", "not_found", "not_found"]
    assert _listings(plex) == 1
    plex.core.add_item(section, file="/data/movies/x.mkv", guids=("tmdb://9",))
    section.content_changed_at += 1
    [match] = await server.match([Find(guids=("imdb://new", "tmdb://9"))])
    assert match.rating_key == "9"  # a hit is not questioned
    await server.match([Find(guids=("imdb://new",))])
    [match] = await server.match([Find(guids=("tmdb://9",))])
    assert match.reason == "ambiguous"


async def test_rating_keys(plex: PlexSimulator, make_server: MakeServer) -> None:
    """A rating key is taken at its word; the read that follows shows what it is worth."""
    synthetic(plex.core, 1)
    server = make_server()
    wanted = ["12", "", "1,2", "x", "²"]
    assert _found(await server.match([Find(rating_key=each) for each in wanted])) == [
        "12",
        *["not_found"] * 4,
    ]
    assert _listings(plex) == 0


LEGACY = {
    "com.plexapp.agents.imdb://tt0000007?lang=en": "imdb://tt0000007",
    "com.plexapp.agents.themoviedb://7?lang=de": "tmdb://7",
    "com.plexapp.agents.thetvdb://7?lang=en": "tvdb://7",
    "com.plexapp.agents.thetvdb://7/1/2?lang=en": "tvdb://7/1/2",
    "com.plexapp.agents.none://abc?lang=xn": "com.plexapp.agents.none://abc",
}


@pytest.mark.parametrize("is_legacy", [True, False])
@pytest.mark.parametrize(("legacy", "modern"), LEGACY.items())
async def test_guids_of_legacy_agents(
    plex: PlexSimulator,
    make_server: MakeServer,
    legacy: str,
    modern: str,
    is_legacy: bool,
) -> None:
    """Either spelling finds, and confirms, an item that has the other."""
    section = plex.core.add_section("Films", "movie", ["/data/movies"])
    # A legacy agent knows one guid; other items are like it, but for the number.
    names: dict[str, Any] = {"guid": legacy} if is_legacy else {"guids": (modern,)}
    item = plex.core.add_item(section, file="/data/movies/7.mkv", **names)
    plex.core.add_item(
        section,
        file="/data/movies/8.mkv",
        guid=legacy.replace("7", "8").replace("abc", "d"),
    )
    server = make_server()
    key = str(item.rating_key)
    read = (await server.read([key]))[key]
    for guid in (
        legacy,
        modern,
        legacy.partition("?")[0],
        legacy.replace("lang=", "lang=x"),
    ):
        [match] = await server.match([Find(guids=(guid,))])
        assert match.rating_key == key
        assert server.confirms(Find(guids=(guid,)), read)
    for guid in (modern + "/9", modern + "0", "local://7", "7", ""):
        assert not server.confirms(Find(guids=(guid,)), read)


async def test_shows(plex: PlexSimulator, make_server: MakeServer) -> None:
    """Episodes are found by file, shows by guid, and seasons not at all."""
    section = plex.core.add_section("Shows", "show", ["/data/shows"])
    files = [f"/data/shows/A/S01E{number:02d}.mkv" for number in range(1, 11)]
    episodes = [
        plex.core.add_episode(section, "A", 1, number, file=file)
        for number, file in enumerate(files, 1)
    ]
    [show] = section.of_type(ItemType.SHOW).values()
    show.guids = ("tvdb://1",)
    server = make_server()
    assert _found(await _match(server, *files)) == [
        str(each.rating_key) for each in episodes
    ]
    assert _listings(plex) == 2
    assert _found(await server.match([Find(guids=("tvdb://1",))])) == [
        str(show.rating_key)
    ]
    new = plex.core.add_episode(section, "A", 2, 1, file="/data/shows/A/S02E01.mkv")
    plex.journal.clear()
    assert _found(await _match(server, *new.files)) == [str(new.rating_key)]
    assert len(plex.journal) == 1
    more = [
        plex.core.add_episode(section, "B", 1, n, file=f"/data/shows/B/{n}.mkv")
        for n in range(7)
    ]
    assert _found(await _match(server, *(each.files[0] for each in more))) == [
        str(each.rating_key) for each in more
    ]


async def test_file_of_two_episodes(
    plex: PlexSimulator, make_server: MakeServer
) -> None:
    """One file that is two episodes names both."""
    section = plex.core.add_section("Shows", "show", ["/data/shows"])
    one, two = (
        plex.core.add_episode(section, "A", 1, number, file="/data/shows/A/1-2.mkv")
        for number in (1, 2)
    )
    [match] = await _match(make_server(), "/data/shows/A/1-2.mkv")
    assert match.rating_key == str(one.rating_key)
    assert match.twins == ((str(two.rating_key), section.uuid),)


async def test_a_library_that_was_chosen_later(
    plex: PlexSimulator, make_server: MakeServer
) -> None:
    """What is found in the first library is looked for in the second too, once."""
    section = synthetic(plex.core, 3)
    first = make_server(libraries=frozenset({section.uuid}))
    await _match(first, *_files(section))
    again = plex.core.add_section("Again", "movie", ["/data/movies"])
    copies = [plex.core.add_item(again, file=path) for path in _files(section)]
    server = make_server()
    await server.probe_database()  # it learns of the second library
    find = Find(paths=(_files(section)[0],))
    plex.faults.add("section_corrupt", section=again.key)
    [match] = await server.match([find])
    assert (match.rating_key, match.twins, match.beyond) == ("1", (), again.uuid)
    assert match.fault is not None
    plex.faults.clear()
    [match] = await server.recall([find])
    assert (match.rating_key, match.beyond, match.fault) == ("1", again.uuid, None)
    [match] = await server.match([find])
    assert match.twins == ((str(copies[0].rating_key), again.uuid),)
    plex.journal.clear()
    assert await server.match([find]) == [match]
    assert not len(plex.journal)


async def test_forget(plex: PlexSimulator, make_server: MakeServer) -> None:
    """What turned out wrong is looked for again."""
    section = synthetic(plex.core, 3)
    server = make_server()
    files = _files(section)
    await _match(server, files[0])
    new = plex.core.rekey(2)
    await server.forget(["2", "", "nonsense"])
    plex.journal.clear()
    assert _found(await _match(server, *files)) == ["1", str(new.rating_key), "3"]
    assert len(plex.journal) == 1


async def test_empty_listing_is_no_deletion(
    plex: PlexSimulator, make_server: MakeServer
) -> None:
    """A library whose folders are gone is trouble, and what was known stays known."""
    section = synthetic(plex.core, 30)
    files = _files(section)
    server = make_server()
    await _match(server, files[0])
    plex.core.unmount(section, vanish=True)
    section.content_changed_at += 1
    absent = [f"/data/movies/none/{n}.mkv" for n in range(9)]
    fault = await _fault(server, section, *absent)
    assert (fault.kind, fault.reason) == (FaultClass.SERVER, "listing_empty")
    assert _found(await _match(server, *files)) == _keys(section)


@pytest.mark.parametrize("gone", [6, 29])
async def test_shrunken_listing_forgets_nothing(
    plex: PlexSimulator, make_server: MakeServer, gone: int
) -> None:
    """A server that lacks a fifth is not all there, unless it stays like that."""
    now = 0.0
    section = synthetic(plex.core, 30)
    files = _files(section)
    server = make_server(monotonic=lambda: now)
    await _match(server, files[0])
    for key in range(31 - gone, 31):
        plex.core.remove_item(key)
    absent = [f"/data/movies/none/{n}.mkv" for n in range(9)]
    for seconds in (0.0, 600.0):
        now = seconds
        fault = await _fault(server, section, *absent)
        assert (fault.kind, fault.reason) == (FaultClass.SERVER, "listing_shrunk")
        assert await known_files(server, files) == files
    now = 601.0
    assert _found(await _match(server, *absent)) == ["not_found"] * 9
    assert await known_files(server, files) == files[:-gone]


async def test_vanished_library(plex: PlexSimulator, make_server: MakeServer) -> None:
    """A library that is gone is trouble at first, and for good only when it stays gone."""
    now = 0.0
    section = synthetic(plex.core, 3)
    other = synthetic(plex.core, 3, "/data/other", "Other")
    server = make_server(monotonic=lambda: now)
    await _match(server, _files(section)[0], _files(other)[0])
    known = _files(section)[1]
    plex.core.remove_section(section)
    for _ in range(2):
        fault = await _fault(server, section, "/data/movies/new.mkv")
        assert (fault.kind, fault.reason) == (FaultClass.SERVER, "listing_empty")
        now += 500
    assert await known_files(server, [known])
    now = 2000.0
    await server.probe_database()
    wanted = ["/data/movies/new.mkv", "/data/other/new.mkv"]
    assert _found(await _match(server, *wanted)) == ["outside_libraries", "not_found"]


async def test_a_library_that_was_made_anew_under_its_key(
    plex: PlexSimulator, make_server: MakeServer
) -> None:
    """The next list of the libraries shows it: the new one was not chosen."""
    now = 0.0
    section = synthetic(plex.core, 3)
    other = synthetic(plex.core, 3, "/data/other", "Other")
    server = make_server(monotonic=lambda: now)
    await _match(server, _files(section)[0], _files(other)[0])
    plex.core.remove_section(other)
    anew = synthetic(plex.core, 4, "/data/other", "Anew")
    assert (anew.key, anew.uuid != other.uuid) == (other.key, True)
    plex.journal.clear()
    now = 700.0  # a probe asks for the list anyway
    for _ in range(3):
        await server.probe_database()
    assert plex.journal.count(path="/library/sections$") == 1
    assert _found(await _match(server, _files(anew)[3])) == ["outside_libraries"]
    assert not plex.journal.count(path=f"/sections/{anew.key}/all")
    assert _found(await _match(server, _files(section)[0])) == [_keys(section)[0]]


async def test_no_libraries_at_all(
    plex: PlexSimulator, make_server: MakeServer
) -> None:
    """A server that shows none, or none of ours, is not one to conclude anything from."""
    section = synthetic(plex.core, 3)
    server = make_server()
    plex.faults.add("impostor", empty_sections=True)
    with pytest.raises(Fault) as caught:
        await _match(server, _files(section)[0])
    assert (caught.value.kind, caught.value.reason) == (
        FaultClass.SERVER,
        "listing_empty",
    )
    plex.faults.clear()
    server = make_server(libraries=frozenset({"another"}))
    with pytest.raises(Fault) as caught:
        await _match(server, _files(section)[0])
    assert caught.value.kind is FaultClass.SERVER


@pytest.mark.parametrize("code", [400, 401, 403, 404, 409, 429, 500, 503])
async def test_a_library_that_fails_stops_no_other(
    plex: PlexSimulator, make_server: MakeServer, code: int
) -> None:
    """What its listing meets stands, as it came, in the matches of what may lie there."""
    sick = synthetic(plex.core, 3)
    well = synthetic(plex.core, 3, "/data/other", "Other")
    server = make_server()
    plex.faults.add("status", code=code, path=LISTING, section=sick.key)
    guids = [Find(guids=("tmdb://2",)), Find(guids=("tmdb://none",))]
    finds = [Find(paths=(path,)) for path in (_files(sick)[0], *_files(well), "/x")]
    one, *others, two, three = await server.match([*finds, *guids])
    assert _found([*others, two]) == [*_keys(well), "outside_libraries", _keys(well)[1]]
    for match in (one, three):
        assert (match.rating_key, match.library) == (None, sick.uuid)
        assert match.fault is not None
        with pytest.raises(Fault) as caught:
            raise match.fault
        assert (
            caught.value.reason
            == {
                400: "bad_request",
                401: "unauthorized",
                403: "forbidden",
                404: "listing_empty",
                409: "conflict",
                429: "rate_limited",
                500: "error_500",
                503: "http_503",
            }[code]
        )


async def test_library_to_avoid(plex: PlexSimulator, make_server: MakeServer) -> None:
    """It is asked for nothing, and what may lie there is not said to be missing."""
    sick = synthetic(plex.core, 3)
    well = synthetic(plex.core, 3, "/data/other", "Other")
    server = make_server()
    await _match(server, _files(sick)[0])
    plex.journal.clear()
    avoid = frozenset({sick.uuid})
    known, new, other, guid = await server.match(
        [
            Find(paths=(_files(sick)[1],)),
            Find(paths=("/data/movies/new.mkv",)),
            Find(paths=(_files(well)[0],)),
            Find(guids=("tmdb://none",)),
        ],
        avoid,
    )
    assert _found([known, other]) == [_keys(sick)[1], _keys(well)[0]]
    assert (new, guid) == (Match(library=sick.uuid), Match(library=sick.uuid))
    assert [each.path for each in plex.journal] == [f"/library/sections/{well.key}/all"]
    plex.faults.add("section_corrupt", section=well.key)
    both = Find(paths=("/data/movies/new.mkv", "/data/other/new.mkv"))
    [match] = await server.match([both], avoid)
    assert match.library == well.uuid  # its fault is news
    assert match.fault is not None


async def test_what_concerns_the_server_is_raised(
    plex: PlexSimulator, make_server: MakeServer
) -> None:
    """The list of libraries is no library's; a server that is gone is asked once more."""
    one = synthetic(plex.core, 3)
    two = synthetic(plex.core, 3, "/data/other", "Other")
    plex.faults.add("status", code=500, path="^/library/sections$")
    with pytest.raises(Fault) as caught:
        await _match(make_server(), _files(one)[0])
    assert caught.value.reason == "error_500"
    plex.faults.clear()
    server = make_server()
    await server.probe_database()
    await plex.stop()
    with pytest.raises(Fault) as caught:
        await _match(server, _files(one)[0], _files(two)[0])
    assert caught.value.unreachable


async def test_few_paths_and_a_guid(
    plex: PlexSimulator, make_server: MakeServer
) -> None:
    """That the paths were asked for by name does not answer for the guid beside them."""
    section = synthetic(plex.core, 3)
    server = make_server()
    await _match(server, _files(section)[0])
    made = plex.core.add_item(
        section, file="/data/movies/new.mkv", guids=("tmdb://new",)
    )
    plex.core.add_item(section, file="/data/movies/newer.mkv")
    finds = [Find(paths=("/data/movies/newer.mkv",)), Find(guids=("tmdb://new",))]
    assert _found(await server.match(finds)) == [
        str(made.rating_key + 1),
        str(made.rating_key),
    ]


async def test_hits_wait_for_no_listing(
    plex: PlexSimulator, make_server: MakeServer
) -> None:
    """What is known, and another library, are matched while one is being listed."""
    slow = synthetic(plex.core, 3)
    well = synthetic(plex.core, 3, "/data/other", "Other")
    server = make_server()
    await _match(server, _files(well)[0])
    plex.faults.add("blackhole", path=LISTING, section=slow.key)
    listing = asyncio.create_task(_match(server, _files(slow)[0]))
    await plex.journal.arrived(2, path=LISTING)
    made = plex.core.add_item(well, file="/data/other/new.mkv")
    wanted = [*_files(well)[:3], "/data/other/new.mkv"]
    assert _found(await _match(server, *wanted)) == [
        *_keys(well)[:3],
        str(made.rating_key),
    ]
    assert not listing.done()
    plex.faults.clear()
    listing.cancel()


async def test_who_waits_for_a_look_hears_what_it_met(
    plex: PlexSimulator, make_server: MakeServer
) -> None:
    """A library that fails is asked once for all who wait for it."""
    section = synthetic(plex.core, 9)
    server = make_server()
    plex.faults.add("section_corrupt", section=section.key)
    plex.faults.add("slow", ms=200, path=LISTING)
    await asyncio.gather(*(_fault(server, section, each) for each in _files(section)))
    asked = _listings(plex)
    assert asked < 9
    await _fault(server, section, _files(section)[0])
    assert _listings(plex) == asked + 1  # whoever comes later has it asked again


async def test_listing_that_breaks_off(
    plex: PlexSimulator, make_server: MakeServer
) -> None:
    """What was listed before stays, and counts: it is found without another request."""
    section = synthetic(plex.core, 1500)
    server = make_server()
    plex.faults.add("status", code=503, path=LISTING, nth=2)
    first, last = await _match(server, _files(section)[0], _files(section)[-1])
    assert first.rating_key == "1"
    assert last.fault is not None
    assert last.fault.reason == "http_503"
    assert len(await known_files(server, _files(section))) == 1000
    assert _found(await _match(server, *_files(section))) == _keys(section)


async def test_listing_that_never_began(
    plex: PlexSimulator, make_server: MakeServer
) -> None:
    """After a restart too the library is looked at before it is listed."""
    section = synthetic(plex.core, 3)
    plex.faults.add("status", code=503, path=LISTING, times=1)
    await _fault(make_server(), section, _files(section)[0])
    plex.journal.clear()
    server = make_server()
    assert _found(await _match(server, *_files(section))) == _keys(section)
    assert [entry.path for entry in plex.journal] == [
        "/library/sections",
        "/library/sections/1/all",
    ]
    absent = [f"/data/movies/none/{number}.mkv" for number in range(10)]
    plex.journal.clear()
    await _match(server, *absent)
    assert len(plex.journal) == 1


async def test_server_without_filters_by_date(
    plex: PlexSimulator, make_server: MakeServer
) -> None:
    """Then everything is listed, and other trouble is trouble."""
    section = synthetic(plex.core, 3)
    server = make_server()
    await _match(server, _files(section)[0])
    made = [
        plex.core.add_item(section, file=f"/data/movies/new/{n}.mkv") for n in range(7)
    ]
    files = [each.files[0] for each in made]
    plex.faults.add("status", code=503, path=LISTING, times=1)
    await _fault(server, section, *files)
    plex.faults.add("status", code=400, path=LISTING, times=1)
    assert _found(await _match(server, *files)) == [
        str(each.rating_key) for each in made
    ]


async def test_rows_of_nonsense(plex: PlexSimulator, make_server: MakeServer) -> None:
    """Rows without a usable key are passed over, and counted as rows."""
    synthetic(plex.core, 1)
    server = make_server()
    body = (
        '<MediaContainer totalSize="4"><Meta><Type><Part file="/data/movies/no"/></Type></Meta>'
        '<Video ratingKey="x"/><Video ratingKey="7" addedAt="y"><Media><Part/>'
        '<Part file="/data/movies/a.mkv"/></Media><Guid/></Video>'
        '<Video ratingKey="8"/><Video ratingKey="8"/></MediaContainer>'
    )
    plex.faults.add("status", code=200, body=body, path=LISTING)
    assert _found(await _match(server, "/data/movies/a.mkv")) == ["7"]
    assert _listings(plex) == 1


async def test_matches_side_by_side_list_once(
    plex: PlexSimulator, make_server: MakeServer
) -> None:
    """Who comes second finds what the first one listed."""
    section = synthetic(plex.core, 30)
    server = make_server()
    await asyncio.gather(*(_match(server, path) for path in _files(section)))
    assert _listings(plex) == 1


async def test_samples_for_the_config_flow(
    plex: PlexSimulator, make_server: MakeServer
) -> None:
    """What is indexed gives samples, and pairs of prefixes with them."""
    section = synthetic(plex.core, 300)
    plex.core.add_section("Shows", "show")
    server = make_server()
    assert await server.sample_paths() == ()
    await _match(server, _files(section)[0])
    sample = await server.sample_paths(40)
    assert len(set(sample)) == 20
    assert set(sample) <= set(_files(section))
    theirs = [path.replace("/data/movies", "/mnt/films") for path in sample]
    assert suggest(theirs, sample) == (("/mnt/films", "/data/movies"),)


async def test_library_that_holds_no_videos(
    plex: PlexSimulator, make_server: MakeServer, database: Database
) -> None:
    """Music and photos are not looked into."""
    section = synthetic(plex.core, 3)
    plex.core.add_section("Music")
    for entry in plex.core.sections.values():
        if entry is not section:
            entry.type = ItemType.COLLECTION
    server = make_server()
    assert _found(await _match(server, "/data/music/1.mp3")) == ["outside_libraries"]
    await server.probe_database()


def test_few_is_few() -> None:
    """A handful of misses is asked for one by one; what that costs is promised."""
    assert catalogue.FEW == 5
