"""What real Stash servers were seen to do, where the recorded lives do not reach or as a reminder."""

from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from typing import Any

import aiohttp
import pytest

from tests.simulators.stash import (
    ControlServer,
    Kind,
    StashApi,
    StashCore,
    StashError,
    StashSimulator,
)

ROOT = "/media/films"
ASK_JSON = {"Accept": "application/json"}


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        """Start on a summer evening."""
        self.now = 1_781_000_000.0

    def __call__(self) -> float:
        """Tell the time."""
        return self.now


@pytest.fixture
def clock() -> Clock:
    """Provide the clock of the core."""
    return Clock()


@pytest.fixture
def core(clock: Clock) -> Iterator[StashCore]:
    """Provide a core with three scenes of one second."""
    made = StashCore(clock=clock)
    made.set_library([ROOT])
    for title in ("film 10", "Film 9", ""):
        made.add_scene(f"{ROOT}/{title or 'bare'}.mkv", title=title)
    yield made
    made.close()


@pytest.fixture
async def stash(core: StashCore, socket_enabled: None) -> AsyncIterator[StashSimulator]:
    """Provide a running server."""
    async with StashSimulator(core) as simulator:
        yield simulator


@pytest.fixture
async def client(socket_enabled: None) -> AsyncIterator[aiohttp.ClientSession]:
    """Provide a client that asks for plain JSON."""
    async with aiohttp.ClientSession(headers=ASK_JSON) as session:
        yield session


def ask(core: StashCore, query: str, version: str = "0.30.1", **variables: Any) -> Any:
    """Answer a query in process."""
    return StashApi(core, version).execute(query, variables).body


async def post(client: aiohttp.ClientSession, stash: StashSimulator, query: str) -> Any:
    """Ask over HTTP."""
    async with client.post(f"{stash.url}/graphql", json={"query": query}) as answer:
        return await answer.json()


def found(core: StashCore, after: str) -> int:
    """Count the scenes that changed after a text."""
    criterion = {"updated_at": {"value": after, "modifier": "GREATER_THAN"}}
    query = "query ($s: SceneFilterType) { findScenes(scene_filter: $s) { count } }"
    count: int = ask(core, query, s=criterion)["data"]["findScenes"]["count"]
    return count


def test_a_number_is_less_than_any_time(core: StashCore) -> None:
    """A text that reads as a number is compared as one; every other by its characters."""
    assert [found(core, text) for text in ("9", "2999", "1e3", "2999-01", "zzz")] == [
        3,
        3,
        3,
        0,
        0,
    ]


def test_rows_of_one_second(core: StashCore) -> None:
    """They come by title, in its natural order, whichever way the times go."""
    query = '{ findScenes(filter: {sort: "updated_at", direction: %s}) { scenes { title } } }'
    for direction in ("ASC", "DESC"):
        rows = ask(core, query % direction)["data"]["findScenes"]["scenes"]
        assert [row["title"] for row in rows] == ["", "Film 9", "film 10"]


def test_tags_come_by_name(core: StashCore) -> None:
    """In natural order; before 0.28 by bytes."""
    core.edit_scene(1, tags=["Beta", "10", "alpha", "9"])
    query = "{ findScene(id: 1) { tags { name } } }"

    def names(version: str) -> list[str]:
        tags = ask(core, query, version)["data"]["findScene"]["tags"]
        return [tag["name"] for tag in tags]

    assert names("0.30.1") == ["9", "10", "alpha", "Beta"]
    assert names("0.27.2") == ["10", "9", "Beta", "alpha"]


def test_names_are_one_whatever_their_case(core: StashCore) -> None:
    """A tag, a studio or a performer may not be named as another; a group may."""
    for kind in (Kind.TAG, Kind.STUDIO, Kind.PERFORMER):
        core.ensure_all(kind, ["One", "Two"])
        with pytest.raises(StashError, match="'ONE' already exists"):
            core.edit_object(kind, "Two", name="ONE")
    core.ensure_all(Kind.GROUP, ["One", "Two"])
    core.edit_object(Kind.GROUP, "Two", name="One")


def test_an_import_in_another_zone(core: StashCore, clock: Clock) -> None:
    """Ids run from 1 on without a gap, and every instant is told in the new zone."""
    core.delete_scene(1)
    assert core.updated_at(2) == "2026-06-09T12:13:20+02:00"
    core.set_zone(timedelta(hours=-7))
    clock.now += 3600
    core.import_all()
    assert core.scene_ids() == [1, 2]
    assert {core.updated_at(key) for key in (1, 2)} == {"2026-06-09T03:13:20-07:00"}
    assert core.add_scene(f"{ROOT}/new.mkv") == 3


def test_a_locked_database(core: StashCore) -> None:
    """What is read is answered; what is written is refused, and nothing waits."""
    api = StashApi(core)
    api.instance.locked = True
    assert api.execute("{ findScenes { count } }").body["data"]
    edit = 'mutation { sceneUpdate(input: {id: 1, title: "x"}) { id } }'
    assert api.execute(edit).body["errors"] == [
        {
            "message": "beginning transaction: database is locked",
            "path": ["sceneUpdate"],
        }
    ]
    api.instance.locked = False
    assert "errors" not in api.execute(edit).body


async def test_gzip(client: aiohttp.ClientSession, stash: StashSimulator) -> None:
    """An answer is packed for who asks for it, and for nobody else."""
    for wanted in ("gzip", "identity"):
        async with client.post(
            f"{stash.url}/graphql",
            json={"query": "{ findScenes { count } }"},
            headers={"Accept-Encoding": wanted},
        ) as answer:
            assert answer.headers.get("Content-Encoding", "identity") == wanted
            assert (await answer.json())["data"]["findScenes"]["count"] == 3


async def test_jobs_take_their_time(
    client: aiohttp.ClientSession, stash: StashSimulator
) -> None:
    """A job is in the queue until it is over, and its work is done when it is."""
    async with ControlServer(stash) as control:

        async def do(what: str, **body: Any) -> int:
            async with client.post(f"{control.url}/__sim/{what}", json=body) as answer:
                return answer.status

        assert await do("state", jobs="held") == 200
        assert await do("disk", do="put", path=f"{ROOT}/new.mkv") == 200
        scan = "mutation { metadataScan(input: {scanGenerateCovers: true}) }"
        key = (await post(client, stash, scan))["data"]["metadataScan"]
        queue = "{ jobQueue { id description } findScenes { count } }"
        assert (await post(client, stash, queue))["data"] == {
            "jobQueue": [{"id": key, "description": "Scanning..."}],
            "findScenes": {"count": 3},
        }
        assert await do("job", release=True) == 200
        over = (await post(client, stash, queue))["data"]
        assert over == {"jobQueue": None, "findScenes": {"count": 4}}
        assert await do("disk", do="rot", path=f"{ROOT}/new.mkv") == 400
        assert await do("state", jobs=0.01) == 200
        clean = "mutation { metadataClean(input: {dryRun: true}) }"
        with stash.jobs.listen("jobsSubscribe") as news:
            await post(client, stash, clean)
            told = [await news.get(), await news.get()]
        assert [each["type"] for each in told] == ["ADD", "REMOVE"]
        assert stash.jobs.queue() is None


async def test_a_full_import_begins_with_nothing(
    client: aiohttp.ClientSession, stash: StashSimulator
) -> None:
    """The database is made anew: it seems to be an old one, then it is empty, then all is there."""
    stash.jobs.patience = None
    asked = "{ systemStatus { status databaseSchema } jobQueue { description } }"

    async def state() -> tuple[str, bool, object]:
        data = (await post(client, stash, asked))["data"]
        assert data["jobQueue"] == [{"description": "Importing..."}]
        found = await post(client, stash, "{ findScenes { count } }")
        status = data["systemStatus"]
        is_old = status["databaseSchema"] < 75
        return status["status"], is_old, found["data"] and found["data"]["findScenes"]

    await post(client, stash, "mutation { metadataImport }")
    assert await state() == ("OK", False, {"count": 3})
    stash.jobs.step()
    assert await state() == ("NEEDS_MIGRATION", True, None)
    stash.jobs.step()
    assert await state() == ("OK", False, {"count": 0})
    stash.jobs.step()
    found = await post(client, stash, "{ findScenes { count } jobQueue { id } }")
    assert found["data"] == {"findScenes": {"count": 3}, "jobQueue": None}


def test_a_scan_follows_a_file(core: StashCore, clock: Clock) -> None:
    """A file that moved keeps its scene and its time; a copy joins it; one that is gone is cleaned."""
    core.put(f"{ROOT}/a.mkv")
    core.scan(covers=True)
    (scene,) = set(core.scene_ids()) - {1, 2, 3}
    made = core.updated_at(scene)
    clock.now += 10
    core.move(f"{ROOT}/a.mkv", f"{ROOT}/b.mkv")
    core.scan()
    assert (core.paths(scene), core.updated_at(scene)) == ([f"{ROOT}/b.mkv"], made)
    core.copy(f"{ROOT}/b.mkv", f"{ROOT}/c.mkv")
    core.scan()
    assert core.paths(scene) == [f"{ROOT}/b.mkv", f"{ROOT}/c.mkv"]
    assert core.updated_at(scene) > made
    for name in ("b", "c"):
        core.remove(f"{ROOT}/{name}.mkv")
    core.scan()
    core.clean(dry_run=True)
    assert scene in core.scene_ids()
    core.clean()
    assert core.scene_ids() == [1, 2, 3]
