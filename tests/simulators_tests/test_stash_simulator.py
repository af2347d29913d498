"""The simulated Stash: as awkward as the real one, and clean when it goes."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, date, datetime, timedelta
from email.utils import parsedate_to_datetime
import json
from pathlib import Path
import signal
import sys
from typing import Any
from zoneinfo import ZoneInfo

import aiohttp
from graphql import GraphQLObjectType, get_named_type
import pytest

from tests.simulators.films import FILMS
from tests.simulators.stash import (
    ControlServer,
    Kind,
    StashApi,
    StashCore,
    StashError,
    StashSimulator,
    load_films,
    load_synthetic,
)
from tests.simulators.stash.schema import NEWEST, OLDEST, schema_of

# What Stash's schemas from 0.23.1 on all accept.
COMMON = """
id title code details director urls date rating100 organized o_counter play_count play_duration resume_time
last_played_at created_at updated_at
files { id path basename size mod_time duration width height video_codec audio_codec frame_rate bit_rate
        fingerprints { type value } }
paths { screenshot } galleries { id title } studio { id name aliases image_path parent_studio { id name } }
tags { id name aliases description parents { id name } }
performers { id name disambiguation alias_list gender image_path } stash_ids { endpoint stash_id }
"""
VERSIONS = [f"0.{minor}.0" for minor in range(OLDEST, NEWEST + 1)]
ASK_JSON = {"Accept": "application/json"}


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        """Start on a winter afternoon."""
        self.now = 1_764_000_000.0

    def __call__(self) -> float:
        """Tell the time."""
        return self.now


@pytest.fixture
def clock() -> Clock:
    """Provide the clock of the core."""
    return Clock()


@pytest.fixture
def core(clock: Clock) -> Iterator[StashCore]:
    """Provide a core with the films."""
    made = StashCore(clock=clock)
    load_films(made)
    clock.now += 3600
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


def titles(core: StashCore, scene_filter: str, version: str = "0.30.1") -> list[str]:
    """Return the titles a filter finds."""
    query = f'{{ findScenes(scene_filter: {{{scene_filter}}}, filter: {{per_page: -1, sort: "id"}}) {{ scenes {{ title }} }} }}'
    return [
        scene["title"]
        for scene in ask(core, query, version)["data"]["findScenes"]["scenes"]
    ]


async def post(
    client: aiohttp.ClientSession, stash: StashSimulator, query: str, **headers: str
) -> tuple[int, Any]:
    """Ask over HTTP."""
    async with client.post(
        f"{stash.url}/graphql", json={"query": query}, headers=headers
    ) as answer:
        return answer.status, await answer.json(content_type=None)


def test_films() -> None:
    """Films are many, whole and told apart."""
    assert len(FILMS) >= 40
    assert len({film.path for film in FILMS}) == len(FILMS)
    for film in FILMS:
        assert date.fromisoformat(film.date).year == film.year
        assert film.cast and film.tags and film.summary and 1 <= film.rating100 <= 100
        assert not set(film.path) & set(':?*"<>|')
    assert any("\n" in film.summary for film in FILMS)


def everything(kind: GraphQLObjectType, depth: int) -> str:
    """Select every field that needs no argument."""
    parts = []
    for name, field in kind.fields.items():
        named = get_named_type(field.type)
        if name == "fingerprint":
            parts.append('fingerprint(type: "oshash")')
        elif not isinstance(named, GraphQLObjectType):
            parts.append(name)
        elif depth:
            parts.append(f"{name} {{ {everything(named, depth - 1)} }}")
    return " ".join(parts)


@pytest.mark.parametrize("version", VERSIONS)
def test_every_field_of_every_version(core: StashCore, version: str) -> None:
    """Whatever a schema promises can be asked for."""
    scene = schema_of(int(version.split(".")[1])).type_map["Scene"]
    assert isinstance(scene, GraphQLObjectType)
    body = ask(core, f"{{ findScene(id: 1) {{ {everything(scene, 2)} }} }}", version)
    assert "errors" not in body
    assert body["data"]["findScene"]["files"][0]["fingerprint"]
    assert "errors" not in ask(core, f"{{ findScene(id: 1) {{ {COMMON} }} }}", version)
    health = "{ version { version hash build_time } systemStatus { databaseSchema appSchema status } jobQueue { id } stats { scene_count } }"
    assert ask(core, health, version)["data"]["jobQueue"] is None


@pytest.mark.parametrize(
    ("query", "since"),
    [
        ("{ findScenes(ids: [1]) { count } }", 25),
        ("{ findScene(id: 1) { groups { scene_index } } }", 27),
        (
            '{ findScenes(scene_filter: {performers_filter: {updated_at: {value: "2", modifier: GREATER_THAN}}}) { count } }',
            27,
        ),
        ("{ findGroups { count } }", 27),
        (
            '{ findScenes(scene_filter: {files_filter: {path: {value: "x", modifier: EQUALS}}}) { count } }',
            30,
        ),
        ("{ findScene(id: 1) { custom_fields } }", 31),
    ],
)
def test_fields_come_with_their_version(
    core: StashCore, query: str, since: int
) -> None:
    """An unknown field is refused before anything is executed."""
    for minor in range(OLDEST, NEWEST + 1):
        answer = StashApi(core, f"0.{minor}.0").execute(query)
        assert answer.refused is (minor < since)
        if answer.refused:
            assert (
                answer.body["errors"][0]["extensions"]["code"]
                == "GRAPHQL_VALIDATION_FAILED"
            )
            assert answer.body["data"] is None


async def test_status_of_a_refused_query(
    client: aiohttp.ClientSession, stash: StashSimulator
) -> None:
    """It is 422, and from 0.29 on 400 for who takes the new media type."""
    wrong = "{ findScene(id: 1) { nonsense } }"
    assert (await post(client, stash, wrong))[0] == 422
    assert (await post(client, stash, wrong, Accept="*/*"))[0] == 400
    async with client.post(
        f"{stash.url}/graphql",
        json={"query": "{ stats { scene_count } }"},
        headers={"Accept": "*/*"},
    ) as answer:
        assert answer.status == 200
        assert answer.content_type == "application/graphql-response+json"
    stash.set_version("0.28.1")
    assert (await post(client, stash, wrong, Accept="*/*"))[0] == 422
    async with client.post(f"{stash.url}/graphql", data=b"{") as answer:
        assert answer.status == 400


def test_a_zone_with_summers(core: StashCore, clock: Clock) -> None:
    """The hour that comes twice is written twice; only its offset tells them apart."""
    core.set_zone(ZoneInfo("America/New_York"))
    clock.now = datetime(2024, 11, 3, 5, 30, tzinfo=UTC).timestamp()
    scene = core.add_scene("/data/a.mkv")
    assert core.updated_at(scene) == "2024-11-03T01:30:00-04:00"
    clock.now += 3600
    core.edit_scene(scene)
    assert core.updated_at(scene) == "2024-11-03T01:30:00-05:00"


async def test_the_date_of_answers(
    core: StashCore, clock: Clock, socket_enabled: None
) -> None:
    """It is the core's on request, as a server has one clock."""
    async with StashSimulator(core) as stash, aiohttp.ClientSession() as session:
        stash.dated_by_core = True
        async with session.get(f"{stash.url}/healthz") as answer:
            date = parsedate_to_datetime(answer.headers["Date"])
    assert date.timestamp() == clock.now


def test_a_copy_is_restored(core: StashCore) -> None:
    """As often as wanted."""
    scene = core.add_scene("/data/a.mkv", title="Before")
    ids, copy = core.scene_ids(), core.store.copy()
    for _ in range(2):
        core.edit_scene(scene, title="After")
        core.add_scene("/data/b.mkv")
        core.store.restore(copy)
        assert core.scene_ids() == ids
        assert core.find_scene("Before") == scene


def test_times_are_text_in_the_zone(core: StashCore, clock: Clock) -> None:
    """Comparing is done by character; another zone's text finds nothing."""
    core.set_zone(timedelta(hours=-8))
    core.edit_scene(1, title="Le Voyage dans la Lune")
    stored = core.updated_at(1)
    assert stored == "2025-11-24T09:00:00-08:00"
    after = 'updated_at: {value: "%s", modifier: GREATER_THAN}'
    # An hour earlier, told in UTC: the text is greater, and the scene is not found.
    assert core.find_scene("Le Voyage dans la Lune") == 1
    assert "Le Voyage dans la Lune" not in titles(core, after % "2025-11-24T16:00:00Z")
    assert "Le Voyage dans la Lune" in titles(core, after % stored[:18])
    core.set_zone(timedelta(0))
    core.edit_scene(1)
    assert core.updated_at(1) == "2025-11-24T17:00:00Z"


def test_what_moves_a_scene(core: StashCore, clock: Clock) -> None:
    """Edits, merges and new files do; renames and moves do not."""
    scene = core.find_scene("Nosferatu")
    before = core.updated_at(scene)
    core.rename_performer("Max Schreck", "Maximilian Schreck")
    core.rename_studio("Prana-Film", "Prana")
    core.rename_tag("Horror", "Terror")
    core.rename_group("Sherlock Holmes", "Holmes and Watson")
    core.merge_tags(["Fantasy"], "Terror")
    core.move_file(core.paths(scene)[0], "/media/films/N/N.mkv")
    core.play(scene)
    core.delete_object(Kind.PERFORMER, "Greta Schröder")
    assert core.updated_at(scene) == before
    query = '{ findPerformers(performer_filter: {updated_at: {value: "%s", modifier: GREATER_THAN}}) { performers { name } } }'
    assert ask(core, query % before)["data"]["findPerformers"]["performers"] == [
        {"name": "Maximilian Schreck"}
    ]
    with pytest.raises(StashError, match="already exists"):
        core.rename_tag("Comedy", "Terror")
    core.attach_file(scene, "/media/films/N/N.2.mkv")
    moved = core.updated_at(scene)
    assert moved > before
    prints = f"{{ findScene(id: {scene}) {{ files {{ path fingerprints {{ type value }} }} }} }}"
    first, second = ask(core, prints)["data"]["findScene"]["files"]
    assert (first["path"], first["fingerprints"]) == (
        "/media/films/N/N.mkv",
        second["fingerprints"],
    )
    clock.now += 1
    core.set_cover(scene, None)
    assert core.updated_at(scene) > moved


def test_merge_delete_and_import(core: StashCore) -> None:
    """Merged scenes vanish, ids of deleted ones stay free, an import deals ids out anew."""
    kept, gone = core.find_scene("Metropolis"), core.find_scene("Faust")
    core.merge_scenes([gone], kept)
    assert core.paths(kept) == [
        "/media/films/Metropolis (1927)/Metropolis (1927).mkv",
        "/media/films/Faust (1926)/Faust (1926).mkv",
    ]
    body = ask(
        core,
        f"{{ a: findScene(id: {gone}) {{ id }} b: findScene(id: {kept}) {{ id }} }}",
    )
    assert body == {"data": {"a": None, "b": {"id": str(kept)}}}
    last = core.scene_ids()[-1]
    core.delete_scene(last)
    assert core.add_scene("/media/films/x.mkv", title="X") == last + 1
    before = {core.paths(key)[0]: core.updated_at(key) for key in core.scene_ids()}
    mapping = core.import_all()
    assert mapping[last + 1] == core.find_scene("X") == core.scene_ids()[-1]
    assert core.scene_ids() == list(range(1, len(before) + 1))
    assert mapping[kept] != kept
    assert {
        core.paths(key)[0]: core.updated_at(key) for key in core.scene_ids()
    } == before


def test_path_filters(core: StashCore) -> None:
    """EQUALS is LIKE, INCLUDES splits at blanks, a regular expression does what it says."""
    path = "/media/films/Detour (1945)/Detour (1945).mkv"
    assert titles(
        core, f'path: {{value: "{path.upper().replace("9", "_")}", modifier: EQUALS}}'
    ) == ["Detour"]
    assert set(titles(core, 'path: {value: "Detour Charade", modifier: INCLUDES}')) == {
        "Detour",
        "Charade",
    }
    assert (
        titles(core, r'path: {value: "\"Detour Charade\"", modifier: INCLUDES}') == []
    )
    assert titles(
        core, r'path: {value: "/Detour \\(1945\\)\\.mkv$", modifier: MATCHES_REGEX}'
    ) == ["Detour"]
    broken = ask(
        core,
        '{ findScenes(scene_filter: {path: {value: "(", modifier: MATCHES_REGEX}}) { count } }',
    )
    assert (
        broken["data"] is None
        and "error parsing regexp" in broken["errors"][0]["message"]
    )
    assert (
        titles(core, "id: {value: 1, modifier: LESS_THAN}, NOT: {organized: true}")
        == []
    )
    assert "cannot have AND and OR" in str(
        ask(
            core,
            "{ findScenes(scene_filter: {AND: {organized: true}, OR: {organized: true}}) { count } }",
        )
    )


def test_nested_or_loses_scenes(core: StashCore) -> None:
    """The inner joins of one branch are asked of all; a filter by group is ignored."""
    core.edit_scene(core.find_scene("Nosferatu"), tags=[])
    core.edit_scene(core.find_scene("Metropolis"), title="")
    prana = 'studios_filter: {name: {value: "Prana-Film", modifier: EQUALS}}'
    terror = 'tags_filter: {name: {value: "Nothing", modifier: EQUALS}}'
    assert titles(core, prana) == ["Nosferatu"]
    assert titles(core, f"{prana}, OR: {{{terror}}}") == []
    assert len(
        titles(
            core, 'groups_filter: {name: {value: "Sherlock Holmes", modifier: EQUALS}}'
        )
    ) == len(FILMS)
    assert (
        len(
            titles(
                core,
                'movies_filter: {name: {value: "Sherlock Holmes", modifier: EQUALS}}',
            )
        )
        == 2
    )
    group = core.object_id(Kind.GROUP, "Sherlock Holmes")
    assert len(titles(core, f"groups: {{value: [{group}], modifier: INCLUDES}}")) == 2
    assert titles(core, 'is_missing: "tags"') == ["Nosferatu"]
    assert titles(core, 'is_missing: "title"') == [""]
    grant = core.object_id(Kind.PERFORMER, "Cary Grant")
    assert (
        len(titles(core, f"performers: {{value: [{grant}], modifier: INCLUDES_ALL}}"))
        == 3
    )


def test_ids_and_pages(core: StashCore) -> None:
    """One id that is gone fails all; no ids filter nothing; -1 is every page."""
    body = ask(core, "{ findScenes(ids: [1, 9999]) { scenes { id } } }")
    assert body == {
        "errors": [{"message": "scene with id 9999 not found", "path": ["findScenes"]}],
        "data": None,
    }
    body = ask(
        core, "{ findScenes(ids: [], filter: {per_page: -1}) { count scenes { id } } }"
    )
    assert (
        body["data"]["findScenes"]["count"]
        == len(body["data"]["findScenes"]["scenes"])
        == len(FILMS)
    )
    assert (
        len(
            ask(core, "{ findScenes { scenes { id } } }")["data"]["findScenes"][
                "scenes"
            ]
        )
        == 25
    )
    page = '{ findScenes(filter: {sort: "id", direction: DESC, per_page: 10, page: 2, q: "the"}) { scenes { id } } }'
    assert len(ask(core, page)["data"]["findScenes"]["scenes"]) == 10
    assert "invalid sort" in str(
        ask(core, '{ findScenes(filter: {sort: "x"}) { count scenes { id } } }')
    )


def test_mutations(core: StashCore, clock: Clock) -> None:
    """A scene's page can be saved as Stash's own interface saves it."""
    save = "mutation ($input: SceneUpdateInput!) { sceneUpdate(input: $input) { title date rating100 studio { name } tags { name } } }"
    tag = str(core.object_id(Kind.TAG, "Comedy"))
    sent = {
        "id": "1",
        "title": "Moon",
        "date": "1902",
        "rating100": None,
        "studio_id": None,
        "tag_ids": [tag],
    }
    saved = {
        "title": "Moon",
        "date": "1902",
        "rating100": None,
        "studio": None,
        "tags": [{"name": "Comedy"}],
    }
    assert ask(core, save, input=sent) == {"data": {"sceneUpdate": saved}}
    assert (
        ask(core, "{ findScene(id: 1) { date } }", "0.29.0")["data"]["findScene"][
            "date"
        ]
        == "1902-01-01"
    )
    assert "errors" in ask(core, save, "0.29.0", input=sent)
    assert "errors" in ask(core, save, input={"id": "999"})
    rename = 'mutation { studioUpdate(input: {id: 1, name: "Star", aliases: ["Star Film"]}) { name aliases } }'
    assert ask(core, rename)["data"]["studioUpdate"] == {
        "name": "Star",
        "aliases": ["Star Film"],
    }
    bulk = f"mutation {{ bulkSceneUpdate(input: {{ids: [1, 2], tag_ids: {{ids: [{tag}], mode: REMOVE}}}}) {{ tags {{ name }} }} }}"
    assert ask(core, bulk)["data"]["bulkSceneUpdate"][0]["tags"] == []
    assert ask(
        core,
        "mutation { sceneMerge(input: {source: [2], destination: 1}) { files { id } } }",
    )["data"]["sceneMerge"]["files"]
    assert ask(core, "mutation { sceneDestroy(input: {id: 1}) }")["data"] == {
        "sceneDestroy": True
    }
    assert 1 not in core.scene_ids() and 2 not in core.scene_ids()


async def test_keys(client: aiohttp.ClientSession, stash: StashSimulator) -> None:
    """Queries get 401, pictures the login page; a wrong key is refused even where none is needed."""
    query = "{ stats { scene_count } }"
    image = f"{stash.url}/scene/1/screenshot"

    async def status(path: str = "/graphql", **headers: str) -> int:
        async with client.get(
            stash.url + path,
            params={"query": query},
            headers=headers,
            allow_redirects=False,
        ) as answer:
            return answer.status

    assert await status() == 200
    assert await status(ApiKey="wrong") == 401
    stash.set_version("0.25.1")
    assert await status(ApiKey="wrong") == 500
    stash.auth.tripwire = True
    assert await status() == 403
    stash.auth.api_key = "secret"
    assert [
        await status(),
        await status(ApiKey="secret"),
        await status("/healthz"),
    ] == [401, 200, 200]
    assert await status("/scene/1/screenshot?apikey=secret") == 200
    assert await status("/scene/1_sprite.jpg") == 401
    async with client.get(image) as answer:
        assert (answer.status, answer.content_type) == (200, "text/html")
        assert answer.history[0].status == 302 and answer.url.path == "/login"


async def test_status_of_the_database(
    client: aiohttp.ClientSession, stash: StashSimulator
) -> None:
    """A Stash that waits for its migration answers, but not about scenes."""
    stash.status = "NEEDS_MIGRATION"
    _, body = await post(
        client, stash, "{ systemStatus { status databaseSchema appSchema } }"
    )
    assert body["data"]["systemStatus"] == {
        "status": "NEEDS_MIGRATION",
        "databaseSchema": 74,
        "appSchema": 75,
    }
    status, body = await post(client, stash, "{ findScenes { count } }")
    assert status == 200 and body["errors"]


async def test_pictures(client: aiohttp.ClientSession, stash: StashSimulator) -> None:
    """Covers have a tag that holds; what has none is told by its type, or by its address."""
    _, body = await post(
        client,
        stash,
        "{ findScene(id: 1) { paths { screenshot } performers { image_path } studio { image_path } } }",
    )
    scene = body["data"]["findScene"]
    assert scene["paths"]["screenshot"].startswith(f"{stash.url}/scene/1/screenshot?t=")
    async with client.get(scene["paths"]["screenshot"]) as answer:
        assert answer.content_type == "image/jpeg" and len(await answer.read()) > 5000
        tag = answer.headers["ETag"]
    async with client.get(
        f"{stash.url}/scene/1/screenshot", headers={"If-None-Match": tag}
    ) as answer:
        assert answer.status == 304
    stash.core.set_cover(1, None)
    assert "default=true" in scene["performers"][0]["image_path"]
    kinds = []
    for url in (
        f"{stash.url}/scene/1/screenshot",
        scene["performers"][0]["image_path"],
        scene["studio"]["image_path"],
    ):
        async with client.get(url) as answer:
            kinds.append(answer.content_type)
    assert kinds == ["image/svg+xml", "image/png", "image/svg+xml"]
    async with client.get(f"{stash.url}/scene/9999/screenshot") as answer:
        assert answer.status == 404


async def test_faults(client: aiohttp.ClientSession, stash: StashSimulator) -> None:
    """Each goes wrong in its own way, as often as ordered."""
    query = "query Ping { stats { scene_count } }"
    stash.faults.status(503, "busy", times=1)
    assert await post_status(client, stash, query) == 503
    stash.faults.reset(times=1)
    with pytest.raises(aiohttp.ClientOSError):
        await post(client, stash, query)
    stash.faults.truncate(times=1)
    with pytest.raises(aiohttp.ClientPayloadError):
        await post(client, stash, query)
    stash.faults.garbage(times=1)
    with pytest.raises(json.JSONDecodeError):
        await post(client, stash, query)
    stash.faults.html200(times=1, match="findScenes")
    assert await post_status(client, stash, query) == 200
    async with client.post(
        f"{stash.url}/graphql", json={"query": "{ findScenes { count } }"}
    ) as answer:
        assert (answer.status, answer.content_type) == (200, "text/html")
    stash.faults.slow(0.05, times=1, match="Ping")
    assert await post_status(client, stash, query) == 200
    assert stash.faults.active == []
    stash.faults.blackhole(match="/graphql")
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(post(client, stash, query), 0.1)
    assert [entry.status for entry in stash.journal] == [
        503,
        None,
        200,
        200,
        200,
        200,
        200,
        None,
    ]
    assert stash.journal.count("Ping") == 7 and stash.journal.count("findScenes") == 1
    assert stash.journal.entries[0].field == "stats"


async def post_status(
    client: aiohttp.ClientSession, stash: StashSimulator, query: str
) -> int:
    """Ask, and look at the status only."""
    async with client.post(f"{stash.url}/graphql", json={"query": query}) as answer:
        return answer.status


async def test_stop_and_start(
    client: aiohttp.ClientSession, stash: StashSimulator
) -> None:
    """A stopped server cuts what is under way, refuses, and comes back where it was."""
    url = stash.url
    stash.faults.blackhole(times=1)
    waiting = asyncio.create_task(
        post_status(client, stash, "{ stats { scene_count } }")
    )
    while not len(stash.journal):
        await asyncio.sleep(0)
    await stash.stop()
    with pytest.raises(aiohttp.ClientError):
        await waiting
    with pytest.raises(aiohttp.ClientConnectorError):
        await post_status(client, stash, "{ stats { scene_count } }")
    await stash.start()
    assert stash.url == url
    assert await post_status(client, stash, "{ stats { scene_count } }") == 200


@pytest.mark.parametrize(
    ("protocols", "start", "data"),
    [
        (("graphql-transport-ws",), "subscribe", "next"),
        (("graphql-transport-ws", "graphql-ws"), "start", "data"),
    ],
)
async def test_subscriptions(
    client: aiohttp.ClientSession,
    stash: StashSimulator,
    protocols: tuple[str, ...],
    start: str,
    data: str,
) -> None:
    """A job that ends is told; where both protocols are offered, the older wins."""
    async with client.ws_connect(f"{stash.url}/graphql", protocols=protocols) as socket:
        assert socket.protocol == protocols[-1]
        await socket.send_json({"type": "connection_init"})
        assert (await socket.receive_json())["type"] == "connection_ack"
        await socket.send_json(
            {
                "id": "1",
                "type": start,
                "payload": {
                    "query": "subscription { jobsSubscribe { type job { description status } } }"
                },
            }
        )
        await socket.send_json(
            {"id": "2", "type": start, "payload": {"query": "{ version { version } }"}}
        )
        while (message := await socket.receive_json()).get("id") != "2":
            assert message["type"] == "ka"
        assert message["payload"]["data"] == {"version": {"version": "v0.30.1"}}
        assert (await socket.receive_json())["type"] == "complete"
        job = stash.jobs.start("Identifying...")
        assert stash.jobs.queue() is not None
        stash.jobs.finish(job)
        told = [(await socket.receive_json()) for _ in range(2)]
        assert {message["type"] for message in told} == {data}
        assert [
            message["payload"]["data"]["jobsSubscribe"]["type"] for message in told
        ] == ["ADD", "REMOVE"]


async def test_control(client: aiohttp.ClientSession, stash: StashSimulator) -> None:
    """The other port does what a user or the weather does."""
    async with ControlServer(stash) as control:

        async def do(method: str, path: str, body: Any = None) -> Any:
            async with client.request(
                method, f"{control.url}/__sim/{path}", json=body
            ) as answer:
                return answer.status, await answer.json()

        assert (await do("GET", "ready"))[1]["scenes"] == len(FILMS)
        assert (await do("POST", "scene/1", {"title": "Moon", "tags": ["Short"]}))[
            0
        ] == 200
        assert stash.core.find_scene("Moon") == 1
        assert (await do("POST", "scene/1", {"nonsense": 1}))[0] == 400
        await do("POST", "faults", {"kind": "status", "status": 502})
        assert await post_status(client, stash, "{ stats { scene_count } }") == 502
        await do("DELETE", "faults")
        await do("POST", "stop")
        assert (await do("GET", "ready"))[1]["running"] is False
        await do("POST", "start")
        assert await post_status(client, stash, "{ stats { scene_count } }") == 200
        assert [entry["status"] for entry in (await do("GET", "journal"))[1]] == [
            502,
            200,
        ]
        assert (
            await do(
                "POST", "rename", {"kind": "tags", "which": "Horror", "name": "Terror"}
            )
        )[0] == 200
        assert (
            await do("POST", "state", {"version": "0.27.2", "zone": 1, "latency": 0})
        )[0] == 200
        assert stash.api.minor == 27


def test_made_up_scenes_are_quick() -> None:
    """Scenes pair with the simulated Plex's, and a page of a thousand takes no time to speak of."""
    core = StashCore()
    load_synthetic(core, 3000)
    assert (
        core.paths(core.find_scene("Movie 00072"))[0]
        == "/data/movies/Movie 00072 (2021)/Movie 00072 (2021).mkv"
    )
    page = '{sort: "id", per_page: 1000, page: 3}'
    query = f"{{ findScenes(filter: {page}) {{ count scenes {{ {COMMON} }} }} }}"
    body = ask(core, query)["data"]["findScenes"]
    assert body["count"] == 3000 and len(body["scenes"]) == 1000
    assert len(body["scenes"][0]["performers"]) == 2


async def test_program(
    socket_enabled: None, client: aiohttp.ClientSession, tmp_path: Path
) -> None:
    """The program says when it is ready, keeps its state, and ends when it is told to."""
    command = [
        sys.executable,
        "-m",
        "tests.simulators.stash",
        "--port",
        "0",
        "--films",
        "--state",
        str(tmp_path / "stash.db"),
    ]
    for expected in (200, 400):
        process = await asyncio.create_subprocess_exec(
            *command, stdout=asyncio.subprocess.PIPE, cwd=Path(__file__).parents[2]
        )
        assert process.stdout is not None
        line = (await asyncio.wait_for(process.stdout.readline(), 60)).decode().split()
        control = line[line.index("control") + 1]
        async with client.delete(f"{control}/__sim/scene/1") as answer:
            assert answer.status == expected
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), 20) == 0


# Scenes that cannot be read


async def test_sick_scenes_answer_as_those_of_gqlgen(core: StashCore) -> None:
    """Null climbs to where it may stand; a row that cannot be read spoils every list."""
    first, second, *_ = core.scene_ids()
    listed = '{ found: findScenes(filter: {sort: "id"}) { count scenes { id %s } } }'
    single = f'{{ a: findScene(id: "{first}") {{ id %s }} b: findScene(id: "{second}") {{ id }} }}'

    def errors(answer: Any) -> list[Any]:
        return [error["path"] for error in answer["errors"]]

    core.sick = {first: "files"}
    answer = ask(core, listed % "files { path }")
    assert answer["data"] is None
    assert errors(answer) == [["found", "scenes", 0, "files"]]
    assert "errors" not in ask(core, listed % "title")
    answer = ask(core, single % "files { path }")
    assert answer["data"] == {"a": None, "b": {"id": str(second)}}
    assert errors(answer) == [["a", "files"]]

    core.sick = {first: "studio"}
    answer = ask(core, listed % "studio { name }")
    assert answer["data"]["found"]["scenes"][0] == {"id": str(first), "studio": None}
    # Studios are loaded for all scenes at once, and one of them spoils that.
    assert errors(answer) == [
        ["found", "scenes", number, "studio"]
        for number in range(len(answer["data"]["found"]["scenes"]))
    ]
    answer = ask(core, single % "studio { name }")
    assert answer["data"]["a"] == {"id": str(first), "studio": None}
    assert errors(answer) == [["a", "studio"]]

    core.sick = {first: "row"}
    for query in (listed % "", "{ found: findScenes { count } }"):
        answer = ask(core, query)
        assert answer["data"] is None
        assert errors(answer) == [["found"]]
    assert ask(core, single % "")["data"] == {"a": None, "b": {"id": str(second)}}
    count = ask(core, "{ findScenes(filter: {per_page: 0}) { count } }")
    assert count["data"]["findScenes"]["count"] == len(core.scene_ids())
