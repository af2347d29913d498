"""What happens to items behind everybody's back: made anew, merged, split, moved."""

from collections.abc import AsyncGenerator
from typing import Any

import aiohttp
from plexapi.server import PlexServer
import pytest

from tests.simulators.plex import Item, ItemType, PlexCore, PlexSimulator, synthetic
from tests.simulators.plex.control import ControlServer
from tests.simulators_tests.asking import TOKEN, call, rows, run

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 20


@pytest.fixture
def core() -> PlexCore:
    """Give a core with five films."""
    core = PlexCore(token=TOKEN)
    synthetic(core, 5)
    return core


@pytest.fixture
async def sim(core: PlexCore, socket_enabled: None) -> AsyncGenerator[PlexSimulator]:
    """Give it on a socket."""
    async with PlexSimulator(core) as simulator:
        yield simulator


def curate(core: PlexCore, key: int = 1) -> Item:
    """Edit a film as people do, and give it a poster."""
    item = core.edit_by_person(
        key,
        title="Mine",
        tagline="New",
        genres=["Mine"],
        labels=["Mine"],
        collections=["Mine"],
        userRating=8,
    )
    call(core, "POST", f"/library/metadata/{key}/posters", PNG)
    return item


def status(core: PlexCore, key: int) -> int:
    """Read an item; return the status."""
    return call(core, "GET", f"/library/metadata/{key}").status


def test_made_anew(core: PlexCore) -> None:
    """Same file, new key, the agent's defaults; edits, locks, pictures are gone."""
    before = core.item(2)
    curated = curate(core)
    events: list[Any] = []
    core.subscribe(lambda event: events.extend(event.get("TimelineEntry", [])))
    new = core.recreate(curated)
    assert status(core, 1) == 404
    assert new.rating_key > 5
    assert core.find(curated.files[0]) is new
    assert (new.title, new.value("tagline")) == ("Movie 00001", None)
    assert new.tag_names("genre") == ["Comedy", "Documentary", "Animation"]
    assert new.roles()
    assert not new.locks
    assert not new.tag_names("labels") + new.tag_names("collections")
    assert new.value("userRating") is None
    assert core.collection(new.section, "Mine") is None
    posters = rows(call(core, "GET", f"/library/metadata/{new.rating_key}/posters"))
    assert [row.get("selected") for row in posters] == ["1"]
    assert (posters[0].get("ratingKey") or "").startswith("media://")
    assert {event["itemID"] for event in events} >= {"1", str(new.rating_key)}
    # The library is as it was, and nothing happens to the others.
    listed = rows(call(core, "GET", "/library/sections/1/all?type=1"))
    assert len(listed) == 5
    assert core.item(2) is before
    data = core.dump()
    other = PlexCore()
    other.load(data)
    assert other.dump() == data


def test_local_guids_follow_the_key(core: PlexCore) -> None:
    """Where no agent names it, the guid is made of the key."""
    item = core.add_item(core.sections[1], file="/data/movies/x.mkv")
    new = core.recreate(item.rating_key)
    assert new.guid == f"local://{new.rating_key}"


async def test_merged_and_split_by_plexapi(sim: PlexSimulator) -> None:
    """Versions of one item, and items of its versions, as plexapi asks for it."""
    core = sim.core
    curate(core)
    file = core.item(2).files[0]

    def merge() -> None:
        PlexServer(sim.url, TOKEN).fetchItem(1).merge([2, 3])

    await run(merge)
    item = core.item(1)
    assert [status(core, key) for key in (1, 2, 3)] == [200, 404, 404]
    assert len(item.media) == 3
    assert core.find(file) is item
    assert item.title == "Mine"

    await run(lambda: PlexServer(sim.url, TOKEN).fetchItem(1).split())
    part = core.find(file)
    assert len(item.media) == len(part.media) == 1
    assert part.rating_key > 5
    assert (part.title, part.locks) == ("Mine", item.locks)
    assert core.image(part) == PNG
    assert [i.title for i in core.items.values() if i.type is ItemType.MOVIE] == [
        "Mine",
        *("Movie 00004", "Movie 00005", "Mine", "Mine"),
    ]


@pytest.mark.parametrize("kept", [True, False])
def test_what_a_part_keeps(core: PlexCore, kept: bool) -> None:
    """What stood in the whole, or the agent's defaults."""
    core.switches.split_keeps_edits = kept
    curate(core)
    first, second = core.split(core.merge(1, 2))
    assert first.title == "Mine"
    assert second.title == ("Mine" if kept else "Movie 00001")
    assert second.tag_names("genre")[0] == ("Mine" if kept else "Comedy")
    collection = core.collection(second.section, "Mine")
    assert collection is not None
    assert collection.tag is not None
    assert len(collection.tag.members) == 1 + kept


def test_what_cannot_be_merged_or_moved(core: PlexCore) -> None:
    """Items of two libraries, an item with itself, a film into a library of shows."""
    other = synthetic(core, 1, "/data/more", "More")
    (stranger,) = other.of_type(ItemType.MOVIE)
    with pytest.raises(ValueError, match="one library"):
        core.merge(1, stranger)
    with pytest.raises(ValueError, match="other items"):
        core.merge(1, 1)
    with pytest.raises(ValueError, match="library of films"):
        core.move(1, core.add_section("Series", "show"))
    assert call(core, "PUT", f"/library/metadata/1/merge?ids={stranger}").status == 400
    assert call(core, "PUT", "/library/metadata/1/merge?ids=999").status == 404


def test_moved_to_another_library(core: PlexCore) -> None:
    """It is a new item there, with the file in another folder or not."""
    other = core.add_section("Other", "movie", ["/data/other"])
    curated = curate(core)
    file = curated.files[0].rsplit("/", 1)[-1]
    new = core.move(curated, other, "/data/other")
    assert status(core, 1) == 404
    assert new.section is other
    assert new.files == [f"/data/other/{file}"]
    assert new.title == "Movie 00001"
    assert list(other.of_type(ItemType.MOVIE)) == [new.rating_key]
    genres = {tag.name for tag in other.tags_by_id.values() if tag.kind == "genre"}
    assert set(new.tag_names("genre")) == genres
    found = rows(
        call(core, "GET", f"/library/sections/{other.key}/all?type=1&file={file}")
    )
    assert len(found) == 1


def test_one_file_in_two_libraries(core: PlexCore) -> None:
    """Two keys for one path; a scan of either changes nothing."""
    file = core.item(1).files[0]
    other = core.add_section("Again", "movie", ["/data/movies/Movie 00001 (1950)"])
    twin = core.add_item(other, file=file)
    assert core.find_all(file) == [core.item(1), twin]
    core.remove_version(file)
    assert core.find_all(file) == []
    assert [status(core, key) for key in (1, twin.rating_key)] == [404, 404]


def test_one_file_of_several_goes(core: PlexCore) -> None:
    """The item stays as long as it has one."""
    item = core.merge(1, 2)
    first, second = item.files
    core.remove_version(first)
    assert item.files == [second]
    core.remove_version(second)
    assert status(core, 1) == 404


def test_an_empty_smart_twin(core: PlexCore) -> None:
    """A smart collection without members beside a regular one of the same title."""
    core.edit_by_person(1, collections=["Heist"], lock=None)
    smart = core.add_smart_collection(core.sections[1], "Heist")
    found = rows(call(core, "GET", "/library/sections/1/collections"))
    twins = [(r.get("title"), r.get("smart"), r.get("childCount")) for r in found]
    assert twins == [("Heist", "0", "1"), ("Heist", "1", "0")]
    key = smart.rating_key
    assert not rows(call(core, "GET", f"/library/collections/{key}/children"))
    uri = "server://sim0001/com.plexapp.plugins.library/library/metadata/2"
    assert (
        call(core, "PUT", f"/library/collections/{key}/items?uri={uri}").status == 400
    )
    core.edit_by_person(1, collections=[], lock=None)
    left = rows(call(core, "GET", "/library/sections/1/collections"))
    assert [row.get("ratingKey") for row in left] == [str(key)]
    assert call(core, "DELETE", f"/library/collections/{key}").status == 200
    assert core.dump()


async def test_by_the_control_port(sim: PlexSimulator) -> None:
    """Each of these can be done from outside the process."""
    core = sim.core
    other = core.add_section("Other", "movie", ["/data/other"])
    curate(core)
    async with ControlServer(sim) as control, aiohttp.ClientSession() as http:

        async def order(target: str, data: Any = None, expected: int = 200) -> Any:
            async with http.post(f"{control.url}/{target}", json=data) as answer:
                assert answer.status == expected, await answer.text()
                return await answer.json()

        upload = (await order("item/1/picture", {}))["pictures"]["thumb"][-1]
        state = await order("item/1/picture", {"reset": True})
        assert state["images"]["thumb"] != upload
        state = await order("item/1/picture", {"delete": upload, "add": "metadata://x"})
        assert state["pictures"]["thumb"][1:] == ["metadata://x"]
        assert (await order("item/1/picture", {"empty": True}))["images"][
            "thumb"
        ] is None
        await order("item/1/picture", {"delete": "upload://posters/0"}, 400)
        new = (await order("item/1/recreate"))["ratingKey"]
        assert len((await order(f"item/{new}/merge", {"items": [2]}))["files"]) == 2
        parts = await order(f"item/{new}/split")
        assert [len(part["files"]) for part in parts] == [1, 1]
        moved = await order(
            "item/3/move", {"section": other.key, "folder": "/data/other"}
        )
        assert moved["section"] == other.key
        await order("file", {"drop": moved["files"][0]})
        assert not other.of_type(ItemType.MOVIE)
        state = await order("item/4/guids", {"guids": core.item(5).guids})
        assert state["guids"] == list(core.item(5).guids)
        await order("smart_collection", {"section": 1, "title": "Empty"})
        await order("item/999/recreate", expected=404)
    assert core.sections[1].of_type(ItemType.COLLECTION)
