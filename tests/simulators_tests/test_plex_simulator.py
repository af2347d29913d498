"""The simulated Plex: what plexapi sees of it, and that its faults are real ones."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from functools import partial
import hashlib
import json
from pathlib import Path
import signal
import sys
from typing import Any
from urllib.parse import quote
from xml.etree import ElementTree as ET

import aiohttp
from plexapi.collection import Collection
from plexapi.exceptions import BadRequest, NotFound, Unauthorized
from plexapi.server import PlexServer
import pytest
import requests

from tests.simulators.plex import (
    ItemType,
    PlexCore,
    PlexSimulator,
    Response,
    Switches,
    from_films,
    synthetic,
)
from tests.simulators.plex.control import ControlServer
from tests.simulators.plex.images import PLACEHOLDER
from tests.simulators_tests.asking import TOKEN, call, parse, rows, run
from tests.virtual import run as run_virtually, virtual

JPEG = b"\xff\xd8\xff\xe0" + b"picture" * 100
NEVER = aiohttp.ClientTimeout(total=None)
AWKWARD = 'Rock, Paper & "Scissors" +50% [x] é/?=#'


def calls(work: Callable[[], object]) -> int:
    """Count the calls of Python functions that something takes."""
    count = 0

    def note(*_: object) -> None:
        nonlocal count
        count += 1

    sys.setprofile(note)
    try:
        work()
    finally:
        sys.setprofile(None)
    return count


@pytest.fixture
def core() -> PlexCore:
    """Return a core with thirty films."""
    core = PlexCore(token=TOKEN)
    synthetic(core, 30)
    return core


@pytest.fixture
async def sim(core: PlexCore, socket_enabled: None) -> AsyncGenerator[PlexSimulator]:
    """Return a running simulator."""
    async with PlexSimulator(core) as simulator:
        yield simulator


@pytest.fixture
async def plex(sim: PlexSimulator) -> PlexServer:
    """Return a connected plexapi server."""
    return await run(partial(PlexServer, sim.url, TOKEN))


@pytest.fixture
async def http(sim: PlexSimulator) -> AsyncGenerator[aiohttp.ClientSession]:
    """Return a raw client."""
    async with aiohttp.ClientSession(
        sim.url, headers={"X-Plex-Token": TOKEN}, timeout=aiohttp.ClientTimeout(total=5)
    ) as session:
        yield session


class TestPlexapi:
    """The real library gets what it wants."""

    async def test_connect_and_list(self, sim: PlexSimulator, plex: PlexServer) -> None:
        """Connecting, sections, pages of a hundred and of any size."""

        def work() -> None:
            assert plex.machineIdentifier == "sim0001"
            section = plex.library.section("Movies")
            assert section.uuid == sim.core.sections[1].uuid
            assert section.locations == ["/data/movies"]
            assert section.totalSize == 30
            assert len(section.all(container_size=7)) == 30
            found = section.all()[4]
            assert (
                found.media[0].parts[0].file
                == "/data/movies/Movie 00005 (1954)/Movie 00005 (1954).mkv"
            )
            assert [movie.title for movie in section.search(title="movie 0001")] == [
                f"Movie 000{n}" for n in range(10, 20)
            ]
            assert section.get("Movie 00007").ratingKey == 7
            assert len(section.search(genre="Drama")) == len(
                [i for i in sim.core.items.values() if "Drama" in i.tag_names("genre")]
            )
            assert len(section.search(filters={"year>>": 1970})) == 9
            assert section.search(sort="year:desc", maxresults=1)[0].year == 1979

        await run(work)
        # 30 rows in sevens are five requests.
        assert sim.journal.count(method="GET", path="/all$") >= 6
        assert all(entry.param("X-Plex-Token") is None for entry in sim.journal)

    async def test_full_item(self, sim: PlexSimulator, plex: PlexServer) -> None:
        """A single read carries what a listing leaves out."""
        sim.core.edit_by_person(3, title="Mine", labels=["seen"])

        def work() -> None:
            listed = plex.library.section("Movies").get("Mine")
            listed._autoReload = False  # noqa: SLF001 - what a listing lacks must stay lacking
            assert len(listed.genres) == 2
            assert len(listed.roles) == 3
            assert not listed.labels
            assert not listed.fields
            assert [guid.id for guid in listed.guids] == [
                "imdb://tt0000003",
                "tmdb://3",
            ]
            full = plex.fetchItem(3).reload()
            assert len(full.genres) == 3
            assert full.roles[0].role == "Part 1"
            assert [label.tag for label in full.labels] == ["seen"]
            assert {f.name for f in full.fields if f.locked} == {"title", "label"}
            assert [movie.ratingKey for movie in plex.fetchItems([5, 9, 7])] == [
                5,
                9,
                7,
            ]
            with pytest.raises(NotFound):
                plex.fetchItem(999)

        await run(work)

    @pytest.mark.parametrize("mode", ["append", "replace"])
    async def test_batch_edit(
        self, sim: PlexSimulator, plex: PlexServer, mode: Any
    ) -> None:
        """All fields and tags in one PUT, under both meanings of a tag list."""
        sim.core.switches.set_tag_mode(mode)
        before = sim.core.item(1).tag_names("genre")

        def work() -> None:
            movie = plex.fetchItem(1)
            sim.journal.clear()
            movie.batchEdits()
            movie.editTitle("A").editSortTitle("a").editSummary(
                "x\ny & <z>"
            ).editTagline(AWKWARD)
            movie.editStudio("S").editOriginallyAvailable(
                "2024-05-01"
            ).editContentRating("PG")
            movie.editUserRating(8)
            movie.addGenre([AWKWARD, "b"]).addLabel("L").addCollection("C").addDirector(
                "D"
            )
            movie.saveEdits()
            movie.reload()
            assert movie.title == "A"
            assert movie.summary == "x\ny & <z>"
            assert movie.tagline == AWKWARD
            assert movie.userRating == 8.0
            assert movie.isLocked("title")
            assert [genre.tag for genre in movie.genres] == [*before, AWKWARD, "b"]
            movie.removeGenre([AWKWARD, before[0]])
            movie.removeLabel("L", locked=False)
            movie.reload()
            assert [genre.tag for genre in movie.genres] == [*before[1:], "b"]
            assert not movie.labels
            assert not movie.isLocked("label")
            movie.editTagline("").reload()
            assert movie.tagline is None

        await run(work)
        assert sim.journal.count(method="PUT") == 4
        assert sim.whole_section_edits == 0
        item = sim.core.item(1)
        assert item.value("date") == "2024-05-01"
        assert item.value("year") == 1950
        assert item.tag_names("directors") == ["Ben Sample", "D"]

    async def test_multi_edit_and_rate(
        self, sim: PlexSimulator, plex: PlexServer
    ) -> None:
        """One PUT for several items; ratings by their own path."""

        def work() -> None:
            section = plex.library.section("Movies")
            section.batchMultiEdits(plex.fetchItems([21, 22, 23]))
            section.editStudio("Together").addLabel("multi")
            section.saveMultiEdits()
            plex.fetchItem(21).rate(7.5)
            plex.fetchItem(22).rate(3).rate()

        await run(work)
        for key in (21, 22, 23):
            assert sim.core.item(key).value("studio") == "Together"
            assert sim.core.item(key).tag_names("labels") == ["multi"]
        assert sim.core.item(21).value("userRating") == 7.5
        assert sim.core.item(22).value("userRating") is None

    async def test_collections(self, sim: PlexSimulator, plex: PlexServer) -> None:
        """Collections come with their first item and go with their last."""

        def work() -> None:
            section = plex.library.section("Movies")
            movie, other = plex.fetchItem(1), plex.fetchItem(2)
            movie.addCollection("Heist")
            collection = section.collection("Heist")
            assert isinstance(collection, Collection)
            assert collection.childCount == 1
            collection.addItems(other)
            assert {m.title for m in collection.reload().items()} == {
                "Movie 00001",
                "Movie 00002",
            }
            collection.editTitle("Heists").editSummary("s")
            assert [c.tag for c in movie.reload().collections] == ["Heists"]
            made = section.createCollection("Made", items=[movie, other])
            assert made.title == "Made"
            with pytest.raises(BadRequest, match="409"):
                made.editTitle("Heists")
            made.delete()
            collection.reload().removeItems([movie, other])
            with pytest.raises(NotFound):
                section.collection("Heists")

        await run(work)
        assert not sim.core.sections[1].of_type(ItemType.COLLECTION)

    async def test_posters(
        self,
        sim: PlexSimulator,
        plex: PlexServer,
        http: aiohttp.ClientSession,
        tmp_path: Path,
    ) -> None:
        """Uploads by bytes and by URL, selection, and what is refused."""
        source = tmp_path / "poster.jpg"
        source.write_bytes(JPEG)
        served = f"{sim.url}/library/metadata/2/thumb/1?X-Plex-Token={TOKEN}"

        def work() -> None:
            movie = plex.fetchItem(1)
            before = movie.thumb
            movie.uploadPoster(filepath=str(source))
            posters = movie.posters()
            assert (
                posters[1].ratingKey
                == f"upload://posters/{hashlib.sha1(JPEG, usedforsecurity=False).hexdigest()}"
            )
            assert [poster.selected for poster in posters] == [False, True]
            movie.reload()
            assert movie.thumb != before
            assert movie.isLocked("thumb")
            movie.setPoster(posters[0])
            assert movie.posters()[0].selected
            movie.uploadArt(url=served)
            movie.lockArt().reload()
            assert requests.get(movie.artUrl, timeout=5).content == PLACEHOLDER
            movie.deleteArt()
            with pytest.raises(BadRequest, match="500"):
                movie.uploadPoster(url="http://127.0.0.1:9/nothing.jpg")

        await run(work)
        for data, status in ((b"no image", 400), (JPEG + b"x" * 10485760, 500)):
            async with http.post("/library/metadata/1/arts", data=data) as answer:
                assert answer.status == status
        await run(work)
        sim.core.switches.big_image_status = 413
        async with http.post(
            "/library/metadata/1/arts", data=JPEG + b"x" * 10485760
        ) as answer:
            assert answer.status == 413

    async def test_shows(self, sim: PlexSimulator, plex: PlexServer) -> None:
        """Shows have seasons, and only episodes have files."""
        series = sim.core.add_section("Series", "show", ["/data/series"])
        for number in (1, 2):
            sim.core.add_episode(
                series,
                "The Show",
                1,
                number,
                file=f"/data/series/The Show/S01E0{number}.mkv",
            )

        def work() -> None:
            section = plex.library.section("Series")
            show = section.get("The Show")
            assert not hasattr(show, "media")
            assert [e.index for e in show.episodes()] == [1, 2]
            assert [s.title for s in show.seasons()] == ["Season 1"]
            episode = section.search(libtype="episode")[0]
            assert episode.media[0].parts[0].file.endswith("S01E01.mkv")
            show.editTitle("Other")
            assert episode.reload().grandparentTitle == "Other"
            episode.editSummary("s").addLabel("L")
            with pytest.raises(BadRequest, match="400"):
                episode.edit(**{"tagline.value": "t"})

        await run(work)

    async def test_wrong_token(self, sim: PlexSimulator, plex: PlexServer) -> None:
        """Everything but the identity wants the token."""
        with pytest.raises(Unauthorized):
            await run(partial(PlexServer, sim.url, "wrong"))
        answer = await run(lambda: requests.get(f"{sim.url}/identity", timeout=5))
        assert parse(answer.content).attrib["machineIdentifier"] == "sim0001"
        refused = await run(lambda: requests.get(f"{sim.url}/", timeout=5))
        assert refused.status_code == 401
        assert refused.headers["X-Plex-Protocol"] == "1.0"
        assert "<title>Unauthorized</title>" in refused.text
        sim.core.switches.require_token = False
        await run(partial(PlexServer, sim.url, "wrong"))


class TestEditGrammar:
    """Requests as §1.3 of the reference has them, and those that are wrong."""

    def test_combined_edit(self, core: PlexCore) -> None:
        """The combined edit, brackets encoded, the removal encoded twice."""
        core.edit_by_person(15, lock=None, labels=["old, 1", "old2", "keep"])
        removal = quote(",".join(quote(tag) for tag in ("old, 1", "old2")), safe="")
        answer = call(
            core,
            "PUT",
            "/library/sections/1/all?type=1&id=15&title.value=A&title.locked=1&titleSort.value=a"
            "&genre%5B0%5D.tag.tag=g1&genre%5B1%5D.tag.tag=g%202&genre.locked=1"
            "&actor[0].tag.tag=Ann&actor[0].tagging.text=Self&actor[0].tag.thumb=http%3A%2F%2Fx%2Fa.jpg"
            f"&collection[0].tag.tag=C&label[].tag.tag-={removal}",
        )
        assert (answer.status, answer.body) == (200, b"")
        item = core.item(15)
        assert item.title == "A"
        assert item.locks == {"title", "genre"}
        assert item.tag_names("genres")[-2:] == ["g1", "g 2"]
        assert item.tag_names("labels") == ["keep"]
        assert item.roles()["Ann"] == "Self"
        role = next(
            e
            for e in rows(call(core, "GET", "/library/metadata/15"))[0]
            if e.get("tag") == "Ann"
        )
        assert role.get("thumb") == "http://x/a.jpg"
        collection = core.collection(core.sections[1], "C")
        assert collection is not None
        assert collection.index == item.tags["collection"][0].tag.id

    def test_tag_modes_differ_by_endpoint(self, core: PlexCore) -> None:
        """Each endpoint has its own meaning of a list."""
        core.switches.tag_mode_section = "replace"
        core.edit_by_person(1, genres=["a", "b"])
        call(core, "PUT", "/library/sections/1/all?type=1&id=1&genre[0].tag.tag=c")
        assert core.item(1).tag_names("genre") == ["c"]
        core.switches.set_tag_mode("append")
        call(core, "PUT", "/library/sections/1/all?type=1&id=1&genre[0].tag.tag=b")
        assert core.item(1).tag_names("genre") == ["c", "b"]
        core.switches.tag_mode_metadata = "replace"
        call(core, "PUT", "/library/metadata/1?genre[0].tag.tag=d&genre[1].tag.tag=e")
        assert core.item(1).tag_names("genre") == ["d", "e"]
        call(
            core,
            "PUT",
            "/library/metadata/1?genre[0].tag.tag=e&genre[1].tag.tag=f&genre[].tag.tag-=d,f",
        )
        assert core.item(1).tag_names("genre") == ["e"]
        call(core, "PUT", "/library/sections/1/all?type=1&id=1&genre[].tag=")
        assert core.item(1).tag_names("genre") == []

    @pytest.mark.parametrize(
        ("query", "status"),
        [
            ("id=1&nonsense.value=1", 400),
            ("id=1&nonsense.locked=1", 400),
            ("id=1&nonsense[0].tag.tag=x", 400),
            ("id=1&actor[0].tagging.text=Self", 400),
            ("id=x&title.value=A", 400),
            ("id=1&originallyAvailableAt.value=tomorrow", 500),
            ("id=1&originallyAvailableAt.value=2024-02-31", 500),
            ("id=1&userRating.value=eleven", 500),
            ("id=1&userRating.value=11", 500),
            ("id=1&year.value=MCM", 500),
            ("id=999&title.value=A", 404),
            ("id=1,999&title.value=A", 404),
            ("id=1,2&studio.value=S", 200),
            ("id=1&title=A&titleSort=B", 200),
            ("id=1&userRating.value=0&userRating.locked=1", 200),
        ],
    )
    def test_statuses(self, core: PlexCore, query: str, status: int) -> None:
        """A bad name is a 400, a bad value a 500, an unknown id a 404; nothing is half done."""
        before = core.dump()["items"]
        assert (
            call(core, "PUT", f"/library/sections/1/all?type=1&{query}").status
            == status
        )
        if status != 200:
            assert core.dump()["items"] == before

    def test_edit_without_id_edits_everything(self, core: PlexCore) -> None:
        """The dangerous behaviour is there, and loud."""
        answer = call(core, "PUT", "/library/sections/1/all?type=1&studio.value=Oops")
        assert answer.outcome == "EDITED WHOLE SECTION"
        assert core.whole_section_edits == 1
        assert {item.value("studio") for item in core.items.values()} == {"Oops"}

    def test_locks_and_refresh(self, core: PlexCore) -> None:
        """A refresh overwrites what is not locked with what the agent said first."""
        call(
            core,
            "PUT",
            "/library/sections/1/all?type=1&id=1&title.value=A&title.locked=1&summary.value=B",
        )
        call(
            core,
            "PUT",
            "/library/sections/1/all?type=1&id=1&genre[0].tag.tag=x&genre[].tag.tag-=Comedy",
        )
        summary = core.item(2).value("summary")
        assert call(core, "PUT", "/library/metadata/1/refresh").status == 200
        item = core.item(1)
        assert item.title == "A"
        assert item.value("summary") == str(summary).replace("number 2", "number 1")
        assert item.tag_names("genre") == ["Comedy", "Documentary", "Animation"]

    def test_switches(self, core: PlexCore) -> None:
        """Disputed behaviour goes both ways."""
        now = [core.clock()]
        core.catalog.clock = lambda: now[0]
        switches = core.switches
        put = partial(call, core, "PUT")
        switches.year_follows_date = True
        put("/library/metadata/1?originallyAvailableAt.value=2001-02-03")
        assert core.item(1).value("year") == 2001
        switches.noop_bumps_updated = False
        before = core.item(1).value("updatedAt")
        now[0] += 10
        put("/library/metadata/1?originallyAvailableAt.value=2001-02-03")
        assert core.item(1).value("updatedAt") == before
        switches.noop_bumps_updated = True
        put("/library/metadata/1?originallyAvailableAt.value=2001-02-03")
        assert core.item(1).value("updatedAt") == int(now[0])
        assert len(rows(call(core, "GET", "/library/metadata/1,999"))) == 1
        switches.partial_multi_get = False
        assert call(core, "GET", "/library/metadata/1,999").status == 404
        switches.max_request_line = 50
        assert call(core, "GET", f"/library/metadata/1?{'x' * 60}").status == 414


class TestListing:
    """Pages, filters and sorts."""

    def page(
        self, core: PlexCore, query: str = "", **headers: str
    ) -> tuple[ET.Element, Response]:
        """Return the container of one page."""
        answer = call(core, "GET", f"/library/sections/1/all?type=1{query}", **headers)
        assert answer.status == 200, answer
        return parse(answer.body), answer

    def test_paging(self, core: PlexCore) -> None:
        """Start and size count together only, by header or by query."""
        found, answer = self.page(
            core, X_Plex_Container_Start="25", X_Plex_Container_Size="10"
        )
        assert (len(found), found.get("totalSize"), found.get("offset")) == (
            5,
            "30",
            "25",
        )
        assert answer.headers["X-Plex-Container-Total-Size"] == "30"
        found, _ = self.page(core, "&X-Plex-Container-Start=0&X-Plex-Container-Size=0")
        assert (len(found), found.get("totalSize")) == (0, "30")
        found, _ = self.page(core, "&X-Plex-Container-Size=10")
        assert (len(found), found.get("totalSize")) == (30, None)
        core.switches.max_page = 4
        found, _ = self.page(core, "&X-Plex-Container-Start=0&X-Plex-Container-Size=10")
        assert (len(found), found.get("totalSize")) == (4, "30")
        core.switches.strict_paging = True
        assert call(core, "GET", "/library/sections/1/all?type=1").status == 400

    @pytest.mark.parametrize(
        ("query", "count"),
        [
            ("&year>>=1970", 9),
            ("&year%3C%3C=1952", 2),
            ("&title==movie%2000003", 1),
            ("&title=0000", 9),
            ("&title<=movie", 30),
            ("&file=Movie%2000012%20", 1),
            ("&file=MOVIE%2000012%20(1961).MKV", 1),
            ("&file=nothing", 0),
            ("&guid=plex://movie/" + "0" * 23 + "5", 1),
            ("&addedAt>>=-1d", 30),
            ("&addedAt<<=-1d", 0),
            (
                "&push=1&title==Movie%2000001&or=1&title==Movie%2000002&pop=1&year=1950",
                1,
            ),
            ("&limit=4", 4),
            ("&movie.year=1951,1953", 2),
            ("&year!=1951,1953", 28),
            ("&decade=1950,1960", 20),
            ("&guid=plex://movie/" + "0" * 23 + "5,plex://movie/" + "0" * 23 + "6", 2),
            ("&originallyAvailableAt=1951-03-03,1952-04-04", 2),
            ("&id!=3,4", 28),
            ("&id=3,4", 2),
        ],
    )
    def test_filters(self, core: PlexCore, query: str, count: int) -> None:
        """Operators as the real server has them."""
        assert len(self.page(core, query)[0]) == count

    def test_refused(self, core: PlexCore) -> None:
        """A misspelt filter is an error, and so is `file` without a type."""
        assert (
            call(core, "GET", "/library/sections/1/all?type=1&adedAt>>=1").status == 400
        )
        assert call(core, "GET", "/library/sections/1/all?file=x").status == 500
        assert call(core, "GET", "/library/sections/9/all").status == 404

    def test_order_follows_edits(self, core: PlexCore) -> None:
        """A kept order is made anew when one of its fields changes."""
        assert (
            self.page(core, "&sort=titleSort:asc")[0][0].get("title") == "Movie 00001"
        )
        core.edit_by_person(30, title="AAA")
        assert self.page(core, "&sort=titleSort:asc")[0][0].get("title") == "AAA"
        assert (
            self.page(core, "&sort=updatedAt:desc,titleSort:asc")[0][0].get("title")
            == "AAA"
        )
        core.add_item(core.sections[1], file="/data/movies/AA.mkv")
        assert self.page(core, "&sort=titleSort:asc")[0][0].get("title") == "AA"

    def test_rows(self, core: PlexCore) -> None:
        """Rows are short unless switched, and hold what was asked for."""
        names = [child.tag for child in self.page(core)[0][0]]
        assert (names.count("Genre"), names.count("Role"), names.count("Guid")) == (
            2,
            3,
            0,
        )
        names = [
            child.tag
            for child in self.page(core, "&includeGuids=1&excludeElements=Genre,Role")[
                0
            ][0]
        ]
        assert (names.count("Genre"), names.count("Role"), names.count("Guid")) == (
            0,
            0,
            2,
        )
        core.switches.truncate_listing = False
        core.edit_by_person(1, labels=["L"])
        names = [child.tag for child in self.page(core)[0][0]]
        assert (names.count("Genre"), names.count("Role"), names.count("Label")) == (
            3,
            4,
            1,
        )
        assert "Field" in names

    def test_json(self, core: PlexCore) -> None:
        """JSON holds the same."""
        answer = call(
            core,
            "GET",
            "/library/sections/1/all?type=1&limit=2",
            Accept="application/json",
        )
        found = json.loads(answer.body)["MediaContainer"]
        assert found["size"] == 2
        assert found["Metadata"][0]["ratingKey"] == "1"
        assert found["Metadata"][0]["Media"][0]["Part"][0]["file"].startswith(
            "/data/movies/"
        )
        sections = json.loads(
            call(core, "GET", "/library/sections", Accept="application/json").body
        )
        assert (
            sections["MediaContainer"]["Directory"][0]["Location"][0]["path"]
            == "/data/movies"
        )

    def test_large_library(self) -> None:
        """A page looks at each item a few times at most, an edit at none but its own."""

        def work(films: int) -> tuple[int, int]:
            core = PlexCore(token=TOKEN)
            synthetic(core, films)
            self.page(core)
            size = {"X_Plex_Container_Start": "500", "X_Plex_Container_Size": "500"}
            page = calls(lambda: self.page(core, "&sort=addedAt:asc", **size))
            edit = "/library/sections/1/all?type=1&id=700&title.value=T"
            return page, calls(lambda: call(core, "PUT", edit))

        small, large = work(1000), work(5000)
        assert large[0] < 5 * small[0]
        assert large[1] < 2 * small[1]


class TestModel:
    """What goes on in the library without any request."""

    def test_events(self, core: PlexCore) -> None:
        """Edits tell, with the ids as texts or numbers."""
        events: list[dict[str, Any]] = []
        stop = core.subscribe(events.append)
        call(core, "PUT", "/library/sections/1/all?type=1&id=4&title.value=A")
        entry = events[-1]["TimelineEntry"][0]
        assert (entry["itemID"], entry["sectionID"], entry["state"]) == ("4", "1", 5)
        assert "metadataState" not in entry
        core.switches.numeric_event_ids = True
        core.edit_by_person(4, title="B")
        assert events[-1]["TimelineEntry"][0]["itemID"] == 4
        stop()
        count = len(events)
        core.edit_by_person(4, title="C")
        assert len(events) == count

    def test_scan(self) -> None:
        """A scan takes its time, finds, and loses."""
        now = [1_700_000_000.0]
        core = PlexCore(token=TOKEN, clock=lambda: now[0])
        section = synthetic(core, 3)
        events: list[dict[str, Any]] = []
        core.subscribe(events.append)
        core.add_file("/data/movies/New (1999)/New (1999).mkv")
        assert call(core, "GET", "/library/sections/1/refresh").status == 200
        assert section.refreshing
        assert len(core.items) == 3
        assert core.due is not None
        now[0] += 1
        core.tick()
        assert not section.refreshing
        assert core.due is None
        new = core.find("/data/movies/New (1999)/New (1999).mkv")
        assert (new.title, new.value("year")) == ("New", 1999)
        kinds = [event["type"] for event in events]
        assert kinds == [
            "activity",
            "timeline",
            "timeline",
            "activity",
            "timeline",
            "activity",
            "status",
        ]
        # A path that is a file finds nothing; its folder does, and nothing beside it.
        for path in ("Sub/x.mkv", "Sub 2/y.mkv"):
            core.add_file(f"/data/movies/{path}")
        core.add_file("/data/series/z.mkv")
        for path, found in (
            ("/data/movies/Sub/x.mkv", 4),
            ("/data/series", 4),
            ("/data/movies/Nowhere", 4),
            ("/data/movies/Sub", 5),
            ("/data/movies/Sub 2/", 6),
        ):
            call(core, "GET", f"/library/sections/1/refresh?path={quote(path)}")
            now[0] += 1
            core.tick()
            assert len(core.items) == found
        core.remove_file("/data/movies/Sub/x.mkv")
        core.scan(section)
        now[0] += 1
        core.tick()
        assert len(core.items) == 5

    @pytest.mark.parametrize("rekey", [True, False])
    def test_rename_on_disk(self, rekey: bool) -> None:
        """A renamed file is a new item, or the old one under a new path."""
        now = [0.0]
        core = PlexCore(
            token=TOKEN, clock=lambda: now[0], switches=Switches(rekey_on_rename=rekey)
        )
        section = synthetic(core, 1)
        core.move_file(core.item(1).files[0], "/data/movies/Renamed.mkv")
        core.scan(section)
        now[0] += 1
        core.tick()
        item = core.find("/data/movies/Renamed.mkv")
        assert (item.rating_key != 1) is rekey

    def test_rekey_and_unmount(self, core: PlexCore) -> None:
        """Keys change under a client; folders go away."""
        core.edit_by_person(1, collections=["C"], labels=["L"])
        item = core.rekey(1)
        assert item.rating_key == 32
        assert call(core, "GET", "/library/metadata/1").status == 404
        assert (
            rows(call(core, "GET", "/library/metadata/32"))[0].get("title")
            == "Movie 00001"
        )
        collection = core.collection(item.section, "C")
        assert collection is not None
        members = call(core, "GET", f"{collection.key}/children")
        assert [row.get("ratingKey") for row in rows(members)] == ["32"]
        core.unmount(item.section)
        part = rows(call(core, "GET", "/library/metadata/32?checkFiles=1"))[0].find(
            "Media/Part"
        )
        assert part is not None
        assert (part.get("accessible"), part.get("exists")) == ("0", "0")
        core.unmount(item.section, vanish=True)
        assert rows(call(core, "GET", "/library/sections/1/all?type=1")) == []
        core.mount(item.section)
        assert len(rows(call(core, "GET", "/library/sections/1/all?type=1"))) == 30

    def test_remove(self, core: PlexCore) -> None:
        """What goes takes its collection with it."""
        core.edit_by_person(1, collections=["C"])
        core.remove_item(1)
        assert core.collection(core.sections[1], "C") is None
        with pytest.raises(KeyError):
            core.item(1)
        assert not core.sections[1].of_type(ItemType.COLLECTION)

    def test_versions(self, core: PlexCore) -> None:
        """An item may have versions, and versions parts."""
        item = core.add_item(
            core.sections[1],
            "Two",
            files=[
                "/data/movies/a.mkv",
                ["/data/movies/b1.mkv", "/data/movies/b2.mkv"],
            ],
        )
        core.add_media(item, "/data/movies/opt.mp4", proxy_type=42)
        node = rows(call(core, "GET", f"/library/metadata/{item.rating_key}"))[0]
        assert [len(media) for media in node.findall("Media")] == [1, 2, 1]
        assert node.findall("Media")[2].get("proxyType") == "42"
        assert (
            len(rows(call(core, "GET", "/library/sections/1/all?type=1&file=b2.mkv")))
            == 1
        )

    def test_persistence(self, core: PlexCore) -> None:
        """What is dumped comes back, to the byte."""
        core.edit_by_person(
            1, title="Mine", collections=["C"], actors=[("Ann", "Self")]
        )
        call(core, "POST", "/library/metadata/1/posters", JPEG)
        other = PlexCore(token=TOKEN)
        other.load(json.loads(json.dumps(core.dump())))
        for target in (
            "/library/sections",
            "/library/metadata/1,2,31",
            "/library/sections/1/all?type=18",
        ):
            assert call(other, "GET", target).body == call(core, "GET", target).body
        assert other.image(other.item(1)) == JPEG
        call(
            other, "PUT", "/library/sections/1/all?type=1&id=1&collection[].tag.tag-=C"
        )
        assert other.collection(other.sections[1], "C") is None

    def test_films(self) -> None:
        """A library of films knows their file names only."""
        core = PlexCore()
        section = from_films(
            core,
            [
                {
                    "title": "Trip",
                    "year": 1902,
                    "path": "/data/films/A Trip (1902)/A Trip (1902).mkv",
                }
            ],
        )
        item = core.item(1)
        assert (item.title, item.value("year"), item.value("summary")) == (
            "A Trip",
            1902,
            None,
        )
        assert section.locations[0].path == "/data/films"


class TestFaults:
    """Faults as a client meets them."""

    @pytest.mark.parametrize(
        ("fault", "error"),
        [
            ("reset_before", requests.ConnectionError),
            ("fin_early", requests.ConnectionError),
            (
                "reset_mid_body",
                (requests.ConnectionError, requests.exceptions.ChunkedEncodingError),
            ),
            (
                "short_body",
                (requests.ConnectionError, requests.exceptions.ChunkedEncodingError),
            ),
            ("blackhole", requests.ReadTimeout),
            ("refuse", requests.ConnectionError),
            ("reset_accept", requests.ConnectionError),
        ],
    )
    async def test_transport(
        self, sim: PlexSimulator, fault: str, error: type[Exception]
    ) -> None:
        """What breaks the connection breaks it for real."""
        rule = sim.faults.add(fault)

        def work() -> None:
            with pytest.raises(error):
                requests.get(
                    f"{sim.url}/library/sections",
                    headers={"X-Plex-Token": TOKEN},
                    timeout=0.5,
                )

        await run(work)
        sim.faults.remove(rule)
        await asyncio.sleep(0.05)
        answer = await run(lambda: requests.get(f"{sim.url}/identity", timeout=2))
        assert answer.status_code == 200

    @pytest.mark.parametrize(
        ("fault", "status", "plex_header", "text"),
        [
            ({"action": "status", "code": 500}, 500, True, "Internal Server Error"),
            ({"action": "status", "code": 502}, 502, False, "Bad Gateway"),
            ({"action": "status", "code": 520}, 520, False, ""),
            ({"action": "status", "code": 429, "retry_after": 3}, 429, True, ""),
            ({"action": "proxy_404"}, 404, False, "Not Found"),
            ({"action": "maintenance"}, 503, True, "database migrations"),
            ({"action": "maintenance", "code": 200}, 200, True, "database migrations"),
            ({"action": "html200"}, 200, False, "It works!"),
            ({"action": "json200"}, 200, False, "ok"),
            ({"action": "empty200"}, 200, False, ""),
            ({"action": "wrong_xml"}, 200, False, "Not a Plex"),
            ({"action": "redirect_login"}, 302, False, ""),
            ({"action": "section_corrupt", "section": 1}, 500, True, ""),
            ({"action": "db_down"}, 500, True, ""),
        ],
    )
    async def test_answers(
        self,
        sim: PlexSimulator,
        http: aiohttp.ClientSession,
        fault: dict[str, Any],
        status: int,
        plex_header: bool,
        text: str,
    ) -> None:
        """Answers that are none."""
        sim.faults.add(fault)
        async with http.get(
            "/library/sections/1/all?type=1", allow_redirects=False
        ) as answer:
            assert answer.status == status
            assert ("X-Plex-Protocol" in answer.headers) is plex_header
            assert text in await answer.text()
            assert answer.headers.get("Retry-After") == (
                str(fault["retry_after"]) if "retry_after" in fault else None
            )
        assert sim.journal[-1].outcome == fault["action"]

    async def test_truncated_and_garbage(
        self, sim: PlexSimulator, http: aiohttp.ClientSession
    ) -> None:
        """Whole answers with half a body."""
        for fault in ("truncate", "garbage"):
            sim.faults.add(fault, times=1)
            async with http.get("/library/sections") as answer:
                data = await answer.read()
            with pytest.raises(ET.ParseError):
                parse(data)

    async def test_drip(self, sim: PlexSimulator, http: aiohttp.ClientSession) -> None:
        """A dripping answer beats a timeout per read, and not one of the whole."""
        sim.faults.add("drip", rate=50)
        with pytest.raises(TimeoutError):
            async with http.get(
                "/library/sections",
                timeout=aiohttp.ClientTimeout(total=0.5, sock_read=0.2),
            ) as answer:
                await answer.read()

    async def test_commit_then_drop(
        self, sim: PlexSimulator, http: aiohttp.ClientSession
    ) -> None:
        """The write is there, its answer is not."""
        sim.faults.add("commit_then_drop", method="PUT")
        with pytest.raises(aiohttp.ClientError):
            await http.put("/library/sections/1/all?type=1&id=1&title.value=A")
        assert sim.core.item(1).title == "A"

    @pytest.mark.parametrize(
        ("when", "title"), [("before", "Movie 00001"), ("after", "A")]
    )
    async def test_kill(
        self, sim: PlexSimulator, http: aiohttp.ClientSession, when: str, title: str
    ) -> None:
        """The server dies at a request, and comes back on the same port with what it had."""
        url = sim.url
        sim.kill_when(method="PUT", path="/all", when=when)
        with pytest.raises(aiohttp.ClientError):
            await http.put("/library/sections/1/all?type=1&id=1&title.value=A")
        with pytest.raises(aiohttp.ClientConnectorError):
            await http.get("/identity")
        assert sim.core.item(1).title == title
        await sim.start()
        assert sim.url == url
        async with http.get("/identity") as answer:
            assert answer.status == 200

    async def test_locked_database_applies_late(
        self, sim: PlexSimulator, http: aiohttp.ClientSession
    ) -> None:
        """A write behind a lock goes through after the client has given up."""
        rule = sim.faults.add("db_locked", mode="hang")
        with pytest.raises(TimeoutError):
            await http.put(
                "/library/sections/1/all?type=1&id=1&title.value=Late",
                timeout=aiohttp.ClientTimeout(total=0.2),
            )
        async with http.get("/library/metadata/1") as answer:
            assert answer.status == 200
        assert sim.core.item(1).title == "Movie 00001"
        sim.faults.remove(rule)
        await sim.settled()
        assert sim.core.item(1).title == "Late"

    async def test_matchers(
        self, sim: PlexSimulator, http: aiohttp.ClientSession
    ) -> None:
        """Rules meet what they say, as often as they say."""

        async def put(key: int) -> int:
            async with http.put(
                f"/library/sections/1/all?type=1&id={key}&studio.value=S"
            ) as answer:
                return answer.status

        sim.faults.add("poison", rating_key=3)
        sim.faults.add("status", code=503, method="PUT", nth=3)
        assert [await put(key) for key in (1, 3, 2, 1)] == [200, 500, 503, 200]
        async with http.get("/library/metadata/3") as answer:
            assert answer.status == 200
        sim.faults.clear()
        sim.faults.add("status", code=503, probability=0.5)
        found = [await put(1) for _ in range(30)]
        assert 5 < found.count(503) < 25
        sim.faults.clear()
        sim.faults.add("rate_limit", per_second=1, burst=2, retry_after=7)
        assert [await put(1) for _ in range(4)] == [200, 200, 429, 429]
        with pytest.raises(ValueError, match="unknown fault"):
            sim.faults.add("nonsense")
        with pytest.raises(ValueError, match="takes no"):
            sim.faults.add("slow", milliseconds=3)

    async def test_startup_and_impostor(
        self, sim: PlexSimulator, http: aiohttp.ClientSession
    ) -> None:
        """A server that is not ready, and one that is not it."""
        sim.faults.add("startup", duration=60)
        async with http.get("/identity") as answer:
            assert parse(await answer.read()).get("startState") == "startingPlugins"
        async with http.put(
            "/library/sections/1/all?type=1&id=1&title.value=A"
        ) as answer:
            assert answer.status == 400
            assert "starting up" in await answer.text()
        sim.faults.clear()
        sim.faults.add("impostor")
        async with http.get("/identity") as answer:
            assert parse(await answer.read()).get("machineIdentifier") == "impostor"
        sim.faults.clear()
        sim.faults.add("impostor", empty_sections=True)
        async with http.get("/library/sections") as answer:
            assert len(parse(await answer.read())) == 0
        sim.faults.clear()
        sim.faults.add("clock_skew", seconds=3600)
        async with http.get("/") as answer:
            assert (
                float(parse(await answer.read()).get("updatedAt", 0))
                > sim.core.clock() + 3000
            )

    async def test_timeline_of_faults(
        self, sim: PlexSimulator, http: aiohttp.ClientSession
    ) -> None:
        """A script opens and closes the port by time."""
        sim.faults.script("t=0.1 refuse 0.3 s; t=0.6 status code=503; t=0.9 ok")
        seen = []
        for _ in range(24):
            try:
                async with http.get("/identity") as answer:
                    seen.append(answer.status)
            except aiohttp.ClientError:
                seen.append(0)
            await asyncio.sleep(0.05)
        order = [
            state
            for state, before in zip(seen, [None, *seen], strict=False)
            if state != before
        ]
        assert order == [200, 0, 200, 503, 200]

    async def test_rekey_between_read_and_write(
        self, sim: PlexSimulator, http: aiohttp.ClientSession
    ) -> None:
        """A key can change just as a request comes."""
        sim.faults.add("rekey", item=1, method="PUT")
        async with http.put(
            "/library/sections/1/all?type=1&id=1&title.value=A"
        ) as answer:
            assert answer.status == 404
        assert sim.core.item(31).title == "Movie 00001"


class TestServer:
    """Life, latency, journal and events of the real server."""

    async def test_stop_and_start(
        self, sim: PlexSimulator, http: aiohttp.ClientSession
    ) -> None:
        """A stopped server refuses, and hangs up on those who wait."""
        sim.latency_read = 60
        waiting = asyncio.create_task(http.get("/library/sections").__aenter__())
        await sim.journal.arrived(path="/library/sections")
        await sim.stop()
        with pytest.raises(aiohttp.ClientError):
            await waiting
        with pytest.raises(aiohttp.ClientConnectorError):
            await http.get("/identity")
        sim.latency_read = 0
        before = sim.connections
        await sim.start()
        async with http.get("/identity") as answer:
            assert answer.status == 200
        assert sim.connections == before + 1
        assert sim.journal[0].outcome == "stopped"

    def test_latency_and_single_writer(
        self, core: PlexCore, socket_enabled: None
    ) -> None:
        """Writes queue, reads do not; in virtual time, which no busy machine stretches."""

        async def main() -> None:
            async with (
                PlexSimulator(core) as sim,
                aiohttp.ClientSession(
                    sim.url, headers={"X-Plex-Token": TOKEN}, timeout=NEVER
                ) as http,
            ):
                sim.latency_write = sim.latency_read = 100

                async def ask(method: str, target: str) -> None:
                    async with http.request(method, target) as answer:
                        assert answer.status == 200

                began = virtual().time()
                await asyncio.gather(*(ask("GET", "/identity") for _ in range(5)))
                assert virtual().time() - began == pytest.approx(100, abs=20)
                began = virtual().time()
                edits = (
                    f"/library/metadata/{key}?studio.value=S" for key in range(1, 6)
                )
                await asyncio.gather(*(ask("PUT", edit) for edit in edits))
                assert virtual().time() - began == pytest.approx(500, abs=20)

        run_virtually(main())

    async def test_journal(
        self, sim: PlexSimulator, http: aiohttp.ClientSession
    ) -> None:
        """Every request leaves an entry."""
        async with http.post("/library/metadata/1/posters", data=JPEG) as answer:
            assert answer.status == 200
        async with http.put(
            "/library/sections/1/all?type=1&studio.value=Oops"
        ) as answer:
            assert answer.status == 200
        entry = sim.journal[0]
        assert (entry.method, entry.path, entry.body_bytes, entry.status) == (
            "POST",
            "/library/metadata/1/posters",
            len(JPEG),
            200,
        )
        assert entry.headers["x-plex-token"] == TOKEN
        assert sim.journal[1].outcome == "EDITED WHOLE SECTION"
        assert sim.whole_section_edits == 1
        assert sim.journal.count(method="PUT", path=r"^/library/sections/\d+/all$") == 1
        assert sim.journal.by_pattern() == {
            "POST /library/metadata/{n}/posters": 1,
            "PUT /library/sections/{n}/all": 1,
        }
        sim.journal.clear()
        assert len(sim.journal) == 0

    async def test_long_request_line(
        self, sim: PlexSimulator, http: aiohttp.ClientSession
    ) -> None:
        """Long edits pass, unless a proxy's limit is simulated."""
        target = f"/library/metadata/1?summary.value={'x' * 60_000}"
        async with http.put(target) as answer:
            assert answer.status == 200
        assert len(str(sim.core.item(1).value("summary"))) == 60_000
        sim.core.switches.max_request_line = 8192
        async with http.put(target) as answer:
            assert answer.status == 414

    async def test_websocket(
        self, sim: PlexSimulator, http: aiohttp.ClientSession
    ) -> None:
        """Events arrive, unless a fault takes, doubles or swaps them."""

        async def titles(
            socket: aiohttp.ClientWebSocketResponse, count: int
        ) -> list[str]:
            found = [
                json.loads(await socket.receive_str(timeout=2)) for _ in range(count)
            ]
            return [
                event["NotificationContainer"]["TimelineEntry"][0]["title"]
                for event in found
            ]

        async with http.ws_connect("/:/websockets/notifications") as socket:
            sim.core.edit_by_person(1, title="one")
            assert await titles(socket, 1) == ["one"]
            sim.faults.add("ws_lost", times=1)
            sim.core.edit_by_person(1, title="two")
            sim.core.edit_by_person(1, title="three")
            assert await titles(socket, 1) == ["three"]
            sim.faults.add("ws_dup", times=1)
            sim.core.edit_by_person(1, title="four")
            assert await titles(socket, 2) == ["four", "four"]
            sim.faults.add("ws_reorder", times=2)
            sim.core.edit_by_person(1, title="five")
            sim.core.edit_by_person(1, title="six")
            assert await titles(socket, 2) == ["six", "five"]
            sim.faults.add("ws_close", code=1012)
            message = await socket.receive(timeout=2)
            assert message.type is aiohttp.WSMsgType.CLOSE
            assert message.data == 1012
        async with http.ws_connect("/:/websockets/notifications") as socket:
            sim.faults.add("ws_drop")
            assert (await socket.receive(timeout=2)).type in (
                aiohttp.WSMsgType.CLOSED,
                aiohttp.WSMsgType.ERROR,
            )
        sim.faults.add("ws_503")
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await http.ws_connect("/:/websockets/notifications")
        async with http.get("/identity") as answer:
            assert answer.status == 200
        sim.faults.clear()
        async with aiohttp.ClientSession() as stranger:
            with pytest.raises(aiohttp.WSServerHandshakeError):
                await stranger.ws_connect(f"{sim.url}/:/websockets/notifications")

    async def test_websocket_ends_with_the_server(
        self, sim: PlexSimulator, http: aiohttp.ClientSession
    ) -> None:
        """An open socket dies with its server, and nothing lingers."""
        async with http.ws_connect("/:/websockets/notifications") as socket:
            await sim.stop()
            assert (await socket.receive(timeout=2)).type in (
                aiohttp.WSMsgType.CLOSED,
                aiohttp.WSMsgType.ERROR,
            )

    async def test_eventsource_and_scan(
        self, sim: PlexSimulator, http: aiohttp.ClientSession
    ) -> None:
        """A scan runs by itself on the server, and the stream tells of it."""
        sim.core.add_file("/data/movies/New.mkv")
        async with http.get(
            "/:/eventsource/notifications?filters=activity,timeline"
        ) as stream:
            async with http.get("/library/sections/1/refresh") as answer:
                assert answer.status == 200
                assert await answer.read() == b""
            kinds = []
            async for line in stream.content:
                if line.startswith(b"event:"):
                    kinds.append(line.split()[1].decode())
                elif b'"ended"' in line:
                    break
        assert kinds.count("timeline") == 3
        assert sim.core.find("/data/movies/New.mkv").title == "New"

    async def test_gzip_and_keep_alive(self, sim: PlexSimulator) -> None:
        """Large answers are compressed, connections kept."""
        async with aiohttp.ClientSession(auto_decompress=False) as session:
            for accepted, encoding in (("gzip", "gzip"), ("identity", None)):
                async with session.get(
                    f"{sim.url}/library/sections/1/all?type=1",
                    headers={"X-Plex-Token": TOKEN, "Accept-Encoding": accepted},
                ) as answer:
                    assert answer.headers.get("Content-Encoding") == encoding
                    assert answer.headers["Keep-Alive"] == "timeout=20"
                    await answer.read()
        assert sim.connections == 1

    async def test_control_port(self, sim: PlexSimulator) -> None:
        """The control port knows everything and survives a stop."""
        async with ControlServer(sim) as control, aiohttp.ClientSession() as session:

            async def ask(method: str, path: str, data: Any = None) -> Any:
                async with session.request(
                    method, f"{control.url}{path}", json=data
                ) as answer:
                    return await answer.json()

            assert (await ask("GET", "/ready"))["items"] == 30
            await ask(
                "POST",
                "/faults",
                {"action": "status", "code": 503, "path": "identity", "times": 1},
            )
            for status in (503, 200):
                async with session.get(f"{sim.url}/identity") as answer:
                    assert answer.status == status
            assert (await ask("GET", "/journal?since=1"))["entries"][0]["status"] == 200
            assert (await ask("GET", "/stats"))["by_pattern"] == {"GET /identity": 2}
            await ask(
                "POST", "/item/1/edit", {"fields": {"title": "Mine", "genres": ["x"]}}
            )
            item = await ask("GET", "/item/1")
            assert (item["values"]["title"], item["tags"]["genre"]) == ("Mine", ["x"])
            assert item["locks"] == ["genre", "title"]
            await ask("DELETE", "/faults")
            await ask("POST", "/latency", {"read_ms": 20, "write_ms": 30})
            assert (sim.latency_read, sim.latency_write) == (0.02, 0.03)
            assert (await ask("POST", "/stop"))["listening"] is False
            with pytest.raises(aiohttp.ClientConnectorError):
                await session.get(f"{sim.url}/identity")
            assert (await ask("POST", "/start"))["listening"] is True
            assert "error" in await ask("POST", "/faults", {"action": "nonsense"})
            assert "error" in await ask("GET", "/item/999")
            await ask("POST", "/journal/clear")
            assert (await ask("GET", "/journal"))["entries"] == []

    async def test_command_line(self, socket_enabled: None, tmp_path: Path) -> None:
        """The program serves, saves on SIGTERM and comes back with what it had."""
        state = tmp_path / "plex.json"
        for expected in ("Movie 00001", "Mine"):
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                *(
                    "-m",
                    "tests.simulators.plex",
                    "--port",
                    "0",
                    "--items",
                    "5",
                    "--state",
                    str(state),
                ),
                stdout=asyncio.subprocess.PIPE,
            )
            assert process.stdout is not None
            line = (await asyncio.wait_for(process.stdout.readline(), 30)).decode()
            urls = dict(word.split("=", 1) for word in line.split())
            async with aiohttp.ClientSession() as session:
                async with session.get(f"{urls['control']}/item/1") as answer:
                    assert (await answer.json())["values"]["title"] == expected
                await session.post(
                    f"{urls['control']}/item/1/edit", json={"title": "Mine"}
                )
            process.send_signal(signal.SIGTERM)
            assert await asyncio.wait_for(process.wait(), 10) == 0
