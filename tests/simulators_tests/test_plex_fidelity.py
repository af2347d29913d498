"""What real Plex servers were seen to do, and where they differ: each switch both ways."""

from collections.abc import AsyncGenerator
from functools import partial
import hashlib
from typing import Literal
from urllib.parse import quote

import aiohttp
from plexapi.server import PlexServer
import pytest

from tests.simulators.plex import (
    Item,
    PlexCore,
    PlexSimulator,
    Request,
    Switches,
    synthetic,
)
from tests.simulators.plex.control import ControlServer
from tests.simulators_tests.asking import TOKEN, call, parse, rows, run

EDIT = "/library/sections/1/all?type=1&id=1&"
PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 20
PORTRAIT = "https://example.org/ann.jpg"


@pytest.fixture
def core() -> PlexCore:
    """Give a core with five films, whose lists are replaced whatever the run's default."""
    core = PlexCore(token=TOKEN)
    core.switches.tag_mode_section = "replace"
    synthetic(core, 5)
    return core


@pytest.fixture
async def sim(core: PlexCore, socket_enabled: None) -> AsyncGenerator[PlexSimulator]:
    """Give it on a socket."""
    async with PlexSimulator(core) as simulator:
        yield simulator


def read(core: PlexCore, key: int = 1) -> dict[str, str]:
    """Give the attributes of a full read."""
    return dict(rows(call(core, "GET", f"/library/metadata/{key}"))[0].attrib)


def cast(core: PlexCore) -> dict[str | None, tuple[str | None, str | None]]:
    """Give part and portrait of each actor in a full read."""
    (row,) = rows(call(core, "GET", "/library/metadata/1"))
    return {
        e.get("tag"): (e.get("role"), e.get("thumb"))
        for e in row
        if e.tag == "Role" and e.get("id") and e.get("filter") == f"actor={e.get('id')}"
    }


class TestLists:
    """Tags, and what an edit does not say of them."""

    def test_the_section_endpoint_replaces(self) -> None:
        """As real servers were reported to; unless a test run says otherwise."""
        switches = Switches()
        assert Switches.section_default == switches.tag_mode_section

    @pytest.mark.usefixtures("tag_mode")
    def test_both_meanings(self, tag_mode: str) -> None:
        """The fixture reaches whoever makes a server of its own."""
        core = PlexCore(token=TOKEN)
        synthetic(core, 1)
        before = core.item(1).tag_names("genre")
        call(core, "PUT", f"{EDIT}genre[0].tag.tag=New")
        kept = before if tag_mode == "append" else []
        assert core.item(1).tag_names("genre") == [*kept, "New"]

    @pytest.mark.parametrize("keep_roles", [True, False])
    @pytest.mark.parametrize("keep_portraits", [True, False])
    def test_a_member_sent_by_name_alone(
        self, core: PlexCore, keep_roles: bool, keep_portraits: bool
    ) -> None:
        """Its part and its portrait stay or go; what is sent along is there either way."""
        core.switches.keep_roles = keep_roles
        core.switches.keep_portraits = keep_portraits
        core.edit_by_person(
            1, lock=None, actors=[("Ann", "Self", PORTRAIT), ("Ben", "B", "")]
        )
        assert cast(core) == {"Ann": ("Self", PORTRAIT), "Ben": ("B", None)}
        call(core, "PUT", f"{EDIT}actor[0].tag.tag=Ann&actor[1].tag.tag=Cora")
        part = "Self" if keep_roles else None
        portrait = PORTRAIT if keep_portraits else None
        assert cast(core) == {"Ann": (part, portrait), "Cora": (None, None)}
        thumb = quote(PORTRAIT, safe="")
        for name in ("tag.thumb", "tagging.thumb"):
            call(core, "PUT", f"{EDIT}actor[0].tag.tag=Ann")
            call(
                core,
                "PUT",
                f"{EDIT}actor[0].tag.tag=Ann&actor[0].tagging.text=S&actor[0].{name}={thumb}",
            )
            assert cast(core) == {"Ann": ("S", PORTRAIT)}
        # Whatever became of it, the agent brings its own cast back to an unlocked list.
        core.agent_refresh(1)
        assert "Ann" not in cast(core)

    @pytest.mark.parametrize("raised", [True, False])
    def test_first_letters(self, core: PlexCore, raised: bool) -> None:
        """Of labels and collections, never of genres; such a tag goes by either spelling."""
        core.switches.raise_first_letters = raised
        call(
            core,
            "PUT",
            f"{EDIT}label[0].tag.tag=kids movie&collection[0].tag.tag=a set&genre[0].tag.tag=odd",
        )
        item = core.item(1)
        assert item.tag_names("label") == (["Kids movie"] if raised else ["kids movie"])
        assert item.tag_names("collection") == (["A set"] if raised else ["a set"])
        assert item.tag_names("genre") == ["odd"]
        call(core, "PUT", f"{EDIT}label[].tag.tag-=kids%2520movie")
        assert item.tag_names("label") == []

    @pytest.mark.parametrize("mode", ["replace", "append"])
    @pytest.mark.parametrize(
        ("identity", "replaced", "appended"),
        [
            ("exact", ["DRAMA"], ["Drama", "DRAMA"]),
            ("casefold", ["Drama"], ["Drama"]),
        ],
    )
    def test_letter_case(
        self,
        core: PlexCore,
        mode: Literal["replace", "append"],
        identity: Literal["exact", "casefold"],
        replaced: list[str],
        appended: list[str],
    ) -> None:
        """A tag that differs in case only is another one, or keeps its first spelling."""
        core.switches.set_tag_mode(mode)
        core.switches.tag_identity = identity
        core.edit_by_person(5, genres=["Drama"], lock=None)
        core.edit_by_person(1, genres=["Drama"], lock=None)
        call(core, "PUT", f"{EDIT}genre[0].tag.tag=DRAMA")
        expected = replaced if mode == "replace" else appended
        assert core.item(1).tag_names("genre") == expected
        assert core.item(5).tag_names("genre") == ["Drama"]


class TestFields:
    """Values that come back in another form than they were sent."""

    @pytest.mark.parametrize("omitted", [True, False])
    def test_a_sort_title_that_is_the_title(
        self, core: PlexCore, omitted: bool
    ) -> None:
        """It stands in no answer; the next title brings it back."""
        core.switches.omit_equal_sort_title = omitted
        call(core, "PUT", f"{EDIT}title.value=Nosferatu&titleSort.value=Nosferatu")
        assert read(core).get("titleSort") == (None if omitted else "Nosferatu")
        listed = rows(call(core, "GET", "/library/sections/1/all?type=1&id=1"))[0]
        assert listed.get("titleSort") == (None if omitted else "Nosferatu")
        call(core, "PUT", f"{EDIT}title.value=Other")
        assert read(core)["titleSort"] == "Nosferatu"

    @pytest.mark.parametrize(
        ("early", "sent", "shown"),
        [
            (True, "2024-07-01", "2024-06-30"),
            (True, "2024-01-31", "2024-01-31"),
            (False, "2024-07-01", "2024-07-01"),
        ],
    )
    def test_dates(self, core: PlexCore, early: bool, sent: str, shown: str) -> None:
        """A summer's date comes a day early where the agent counts in local time."""
        core.switches.early_summer_dates = early
        call(core, "PUT", f"{EDIT}originallyAvailableAt.value={sent}")
        assert read(core)["originallyAvailableAt"] == shown

    def test_an_edit_without_value(self, core: PlexCore) -> None:
        """It is taken, and locks; a lock that is named beside it has the last word."""
        call(core, "PUT", f"{EDIT}title=New&titleSort=A&studio=S&studio.locked=0")
        item = core.item(1)
        assert (item.title, item.value("titleSort")) == ("New", "A")
        assert item.value("studio") == "S"
        assert item.locks == {"title", "titleSort"}

    def test_one_refused_field(self, core: PlexCore, sim: PlexSimulator) -> None:
        """A 409 to one field leaves the whole edit undone."""
        sim.faults.add("status", code=409, method="PUT", param=r"^studio\.")
        verdicts = [
            sim.faults.judge(Request.build("PUT", f"{EDIT}{query}"), 0)
            for query in ("studio.value=S&title.value=T", "title.value=T")
        ]
        assert [verdict.apply for verdict in verdicts] == [False, True]
        assert verdicts[0].response is not None
        assert verdicts[0].response.status == 409

    @pytest.mark.parametrize(
        "when", [4_070_908_800, 910_692_730_085, 2**63, 2**64 + 5], ids=str
    )
    def test_added_in_the_future(self, core: PlexCore, when: int) -> None:
        """2098, the year 30828 and what no 64 bits hold stand in listings, reads and sorts."""
        core.edit_by_person(1, lock=None, added_at=when)
        assert read(core)["addedAt"] == str(when)
        listing = "/library/sections/1/all?type=1&sort=addedAt:desc"
        assert rows(call(core, "GET", listing))[0].get("addedAt") == str(when)
        late = rows(call(core, "GET", f"{listing}&addedAt>>=4070000000"))
        assert [row.get("ratingKey") for row in late] == ["1"]

    def test_a_legacy_agents_item(self, core: PlexCore) -> None:
        """Its guid names the agent and the language, and there are no others."""
        section = core.sections[1]
        section.agent = "com.plexapp.agents.imdb"
        guid = "com.plexapp.agents.imdb://tt0013442?lang=en"
        item = core.add_item(section, file="/data/movies/old.mkv", guid=guid)
        (row,) = rows(call(core, "GET", f"/library/metadata/{item.rating_key}"))
        assert row.get("guid") == guid
        assert row.get("slug") is None
        assert not [e for e in row if e.tag == "Guid"]


class TestPictures:
    """What is selected, and what becomes of it."""

    KEY = f"upload://posters/{hashlib.sha1(PNG, usedforsecurity=False).hexdigest()}"

    def posters(self, core: PlexCore, key: int = 1) -> dict[str | None, str | None]:
        """Give which of an item's posters is the selected one."""
        answer = call(core, "GET", f"/library/metadata/{key}/posters")
        return {row.get("ratingKey"): row.get("selected") for row in rows(answer)}

    def upload(self, core: PlexCore) -> Item:
        """Upload a poster to the first film."""
        assert call(core, "POST", "/library/metadata/1/posters", PNG).status == 200
        return core.item(1)

    def choose(self, core: PlexCore, key: str) -> int:
        """Select a poster as clients do; return the status."""
        target = f"/library/metadata/1/poster?url={quote(key, safe='')}"
        return call(core, "PUT", target).status

    def test_an_upload_that_is_not_selected(self, core: PlexCore) -> None:
        """It is listed, nothing else; to select it is a request of its own."""
        core.switches.select_uploads = False
        before = read(core)["thumb"]
        item = self.upload(core)
        self.upload(core)
        assert list(self.posters(core).values()) == ["1", "0"]
        assert read(core)["thumb"] == before
        assert not item.locks
        assert self.choose(core, self.KEY) == 200
        assert self.posters(core)[self.KEY] == "1"
        assert core.image(item) == PNG
        assert item.locked("thumb")
        assert read(core)["thumb"] != before

    def test_what_an_agent_offers(self, core: PlexCore) -> None:
        """Its pictures can be chosen like ours, and nothing that is not listed."""
        agents = "metadata://posters/tv.plex.agents.movie_0123"
        core.add_picture(1, "thumb", agents)
        media = next(iter(self.posters(core)))
        assert media is not None
        for key in (agents, media):
            assert self.choose(core, key) == 200
            assert [k for k, on in self.posters(core).items() if on == "1"] == [key]
        assert self.choose(core, self.KEY) == 404

    def test_reset_and_emptied(self, core: PlexCore) -> None:
        """A refresh respects the lock, the rest does not; each changes what the item shows."""
        item = self.upload(core)
        mine = read(core)["thumb"]
        core.agent_refresh(1)
        assert read(core)["thumb"] == mine
        core.reset_picture(item)
        assert self.posters(core)[self.KEY] == "0"
        assert read(core)["thumb"] != mine
        core.empty_picture(item)
        assert set(self.posters(core).values()) == {"0"}
        assert "thumb" not in read(core)
        core.set_lock(1, "thumb", False)
        core.agent_refresh(1)
        assert "thumb" in read(core)

    def test_an_uploaded_picture_is_deleted(self, core: PlexCore) -> None:
        """It can be chosen no more; Plex shows the agent's."""
        item = self.upload(core)
        core.delete_picture(item, self.KEY)
        assert list(self.posters(core).values()) == ["1"]
        assert self.choose(core, self.KEY) == 404

    @pytest.mark.parametrize("library", [None, 1])
    async def test_picture_endpoints_that_fail_alone(
        self, sim: PlexSimulator, library: int | None
    ) -> None:
        """All of them, or those of one library; texts go on."""
        other = synthetic(sim.core, 1, "/data/more", "More")
        key = next(iter(next(iter(other.items.values()))))
        path = r"/(posters|arts)$"
        sim.faults.add("status", code=500, path=path, section=library)
        headers = {"X-Plex-Token": TOKEN}
        async with aiohttp.ClientSession(sim.url, headers=headers) as http:
            statuses = []
            for target in ("1", str(key)):
                url = f"/library/metadata/{target}/posters"
                async with http.post(url, data=PNG) as answer:
                    statuses.append(answer.status)
            async with http.put(f"{EDIT}title.value=T") as answer:
                statuses.append(answer.status)
        assert statuses == [500, 200 if library else 500, 200]


class TestAccess:
    """Who may do what, and how the server speaks."""

    def test_a_guests_token(self, core: PlexCore) -> None:
        """It reads what is in the libraries, and gets 403 for every edit."""
        core.switches.guest_token = "guest"
        guest = partial(call, core, X_Plex_Token="guest")
        assert guest("GET", "/library/metadata/1").status == 200
        assert guest("GET", "/library/sections/1/all?type=1").status == 200
        for method, target in (
            ("PUT", f"{EDIT}title.value=T"),
            ("POST", "/library/metadata/1/posters"),
            ("DELETE", "/library/metadata/1/thumb"),
            ("GET", "/status/sessions"),
            ("GET", "/accounts"),
            ("GET", "/library/sections/1/refresh"),
        ):
            assert guest(method, target).status == 403, target
        assert core.item(1).title == "Movie 00001"
        assert call(core, "PUT", f"{EDIT}title.value=T").status == 200
        assert call(core, "GET", "/", X_Plex_Token="nobody").status == 401

    async def test_plain_http_is_hung_up(self, sim: PlexSimulator) -> None:
        """Where secure connections are required: accepted, and not a byte in answer."""
        sim.core.switches.secure_only = True
        async with aiohttp.ClientSession(sim.url) as http:
            with pytest.raises(aiohttp.ServerDisconnectedError):
                await http.get("/identity")
        assert sim.connections >= 1
        assert {entry.outcome for entry in sim.journal} == {"hung up"}
        sim.core.switches.secure_only = False
        async with aiohttp.ClientSession(sim.url) as http, http.get("/identity") as got:
            assert got.status == 200

    async def test_switches_by_the_control_port(self, sim: PlexSimulator) -> None:
        """Those above are set from outside too; one that is none is refused."""
        async with ControlServer(sim) as control, aiohttp.ClientSession() as http:
            for data, status in (
                ({"keep_portraits": False, "guest_token": "g"}, 200),
                ({"section_default": "append"}, 400),
                ({"no_such": 1}, 400),
            ):
                url = f"{control.url}/switches"
                async with http.post(url, json=data) as answer:
                    assert answer.status == status, data
        assert not sim.core.switches.keep_portraits
        assert sim.core.switches.guest_token == "g"


class TestRecordings:
    """Answers as they were recorded (1.43.1)."""

    def test_unknown_sorts_are_ignored(self, core: PlexCore) -> None:
        """Alone or beside a known one."""
        for sort in ("movie.guid", "nothing,year:desc"):
            answer = call(core, "GET", f"/library/sections/1/all?type=1&sort={sort}")
            found = [row.get("ratingKey") for row in rows(answer)]
            order = ["1", "2", "3", "4", "5"]
            assert found == (order if "year" not in sort else order[::-1])

    def test_seasons_by_their_show(self, core: PlexCore) -> None:
        """Not by the order in which they came."""
        series = core.add_section("Series", "show")
        for show, season in (("Zebra", 1), ("Apple", 10), ("Apple", 2)):
            core.add_episode(series, show, season, 1)
        answer = call(core, "GET", f"/library/sections/{series.key}/all?type=3")
        found = [(row.get("parentTitle"), row.get("index")) for row in rows(answer)]
        assert found == [("Apple", "2"), ("Apple", "10"), ("Zebra", "1")]

    def test_attributes(self, core: PlexCore) -> None:
        """What newer servers have, and what they have no more."""
        (library,) = rows(call(core, "GET", "/library/sections"))
        assert not {"art", "composite", "thumb"} & library.attrib.keys()
        container = parse(call(core, "GET", "/library/sections/1/all?type=1").body)
        assert {"title2", "viewMode"} <= container.attrib.keys()
        row = container[0]
        assert row.get("slug") == "movie-00001"
        assert {"Image", "UltraBlurColors"} <= {e.tag for e in row}
        assert row[0].get("hasVoiceActivity") == "0"
        root = parse(call(core, "GET", "/").body)
        assert {"diagnostics", "hubSearch", "ownerFeatures"} <= root.attrib.keys()

    async def test_collections(self, sim: PlexSimulator) -> None:
        """Mode, order and the place of a member are kept."""
        for key in (1, 2, 3):
            sim.core.edit_by_person(key, collections=["Set"], lock=None)

        def work() -> None:
            plex = PlexServer(sim.url, TOKEN)
            collection = plex.library.section("Movies").collection("Set")
            collection.modeUpdate("hide").sortUpdate("custom").reload()
            assert (collection.collectionMode, collection.collectionSort) == (0, 2)
            first, second, third = collection.items()
            collection.moveItem(third, after=first).moveItem(second)
            found = [item.ratingKey for item in collection.reload().items()]
            assert found == [2, 1, 3]

        await run(work)
