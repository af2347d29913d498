"""Connecting, probing, and who it is that is written to."""

import asyncio
import contextlib

import pytest

from custom_components.plexsync.engine.model.faults import Fault, FaultClass
from custom_components.plexsync.engine.model.ports import FieldEdit, Item
from custom_components.plexsync.engine.model.reasons import Reason
from custom_components.plexsync.engine.model.record import Find
from custom_components.plexsync.plex.api import PlexApi
from custom_components.plexsync.plex.client import PlexClient
from custom_components.plexsync.plex.deadlines import Deadlines
from custom_components.plexsync.plex.library import Identity, Library
from custom_components.plexsync.plex.server import PlexMediaServer
from tests.rig import WITHIN
from tests.simulators.plex import PlexSimulator, synthetic

from .conftest import TOKEN, MakeServer

EDIT = [FieldEdit("tagline", "x")]


async def _caught(call: object) -> Fault:
    with pytest.raises(Fault) as caught:
        await call  # type: ignore[misc]
    return caught.value


async def _open(
    plex: PlexSimulator, make_server: MakeServer
) -> tuple[PlexMediaServer, Item]:
    """Give a server that has just matched and read an item, not yet written."""
    synthetic(plex.core, 1)
    server = make_server()
    [path] = plex.core.item(1).files
    await server.match([Find(paths=(path,))])
    item = (await server.read(["1"]))["1"]
    plex.journal.clear()
    return server, item


async def test_greeting(plex: PlexSimulator, api: PlexApi) -> None:
    """One request says who answers."""
    assert await api.identify("/", probe=False) == Identity(
        "sim0001", "Simulated Plex", "1.43.1.10611-sim"
    )
    assert [(entry.method, entry.path) for entry in plex.journal] == [("GET", "/")]
    assert api.client.history.requests == api.client.history.attempts == 1


async def test_greeting_with_a_bad_token(plex: PlexSimulator) -> None:
    """A token that is refused, and none at all."""
    for token in ("wrong", ""):
        client = PlexClient(plex.url, token, client_id="plexsync-test")
        fault = await _caught(PlexApi(client, None).identify("/"))
        assert fault.reason == "unauthorized"
        await client.aclose()
    assert "x-plex-token" not in plex.journal[-1].headers


@pytest.mark.parametrize("plex_like", [True, False])
async def test_greeting_of_what_knows_nothing(
    plex: PlexSimulator, api: PlexApi, plex_like: bool
) -> None:
    """No answer to a greeting is the fault of an item."""
    plex.faults.add("status", code=404, plex=plex_like)
    for call in (api.identify("/"), api.libraries()):
        assert (await _caught(call)).kind is FaultClass.SERVER


async def test_libraries(plex: PlexSimulator, make_server: MakeServer) -> None:
    """Libraries come as they are, chosen or not."""
    films = plex.core.add_section("Films", "movie", ["/data/a", "/data/b"])
    shows = plex.core.add_section("Shows", "show")
    assert await make_server().libraries() == (
        Library(
            str(films.key),
            films.uuid,
            "movie",
            "Films",
            ("/data/a", "/data/b"),
            films.content_changed_at,
        ),
        Library(
            str(shows.key),
            shows.uuid,
            "show",
            "Shows",
            ("/data/shows",),
            shows.content_changed_at,
        ),
    )


async def test_probes(plex: PlexSimulator, make_server: MakeServer) -> None:
    """The ladder: process, then a count of a chosen library; one request each once warm."""
    synthetic(plex.core, 5)
    server = make_server()
    await server.probe_process()
    await server.probe_database()
    plex.journal.clear()
    await server.probe_process()
    await server.probe_database()
    identity, count = plex.journal
    assert identity.path == "/identity"
    assert count.path.endswith("/all")
    assert count.bytes_out < 1000
    for names in (
        ("x-plex-container-start", "x-plex-container-size"),
        ("X-Plex-Container-Start", "X-Plex-Container-Size"),
    ):
        assert [count.headers.get(n) or count.param(n) for n in names] == ["0", "0"]


async def test_probe_of_a_dead_database(
    plex: PlexSimulator, make_server: MakeServer
) -> None:
    """The process answers, the database does not."""
    synthetic(plex.core, 5)
    server = make_server()
    plex.faults.add("db_down")
    await server.probe_process()
    assert (await _caught(server.probe_database())).reason == "error_500"
    plex.faults.clear()
    await server.probe_database()
    plex.faults.add("db_down")
    assert (await _caught(server.probe_database())).reason == "error_500"
    plex.faults.clear()
    plex.faults.add("maintenance", path="/library")
    assert (await _caught(server.probe_database())).reason == "maintenance"


async def test_probe_deadline(plex: PlexSimulator, make_server: MakeServer) -> None:
    """A probe does not take longer than it may."""
    server = make_server(deadlines=Deadlines(probe=0.2))
    plex.faults.add("blackhole")
    async with asyncio.timeout(WITHIN):
        assert (await _caught(server.probe_process())).reason == "timeout"


async def test_probe_of_a_proxy(plex: PlexSimulator, make_server: MakeServer) -> None:
    """What would be an item's fault elsewhere is the server's in a probe."""
    server = make_server()
    for settings in ({"plex": True}, {"plex": False}):
        for code in (400, 404, 413):
            plex.faults.add("status", code=code, **settings)
            assert (await _caught(server.probe_process())).kind is FaultClass.SERVER
            plex.faults.clear()


async def test_one_corrupt_library(
    plex: PlexSimulator, make_server: MakeServer
) -> None:
    """A library that alone is broken keeps no circuit open."""
    first = plex.core.add_section("A")
    plex.core.add_section("B")
    server = make_server()
    await server.probe_database()
    plex.faults.add("section_corrupt", section=first.key)
    for _ in range(4):
        await server.probe_database()


async def test_libraries_gone(plex: PlexSimulator, make_server: MakeServer) -> None:
    """None of the chosen libraries is a question; none at all a server that is not itself."""
    chosen = plex.core.add_section("A")
    now = 0.0
    server = make_server(monotonic=lambda: now)
    await server.probe_database()
    plex.core.add_section("B")
    plex.core.remove_section(chosen)
    fault = await _caught(server.probe_database())
    assert (fault.kind, fault.reason) == (FaultClass.ITEM, "library_gone")
    now = 1000.0
    plex.faults.add("impostor", empty_sections=True)
    fault = await _caught(server.probe_database())
    assert (fault.kind, fault.reason) == (FaultClass.SERVER, "listing_empty")


async def test_machine_is_asked_once(
    plex: PlexSimulator, make_server: MakeServer
) -> None:
    """Writes over the same connections need no second look."""
    server, item = await _open(plex, make_server)
    for _ in range(5):
        await server.edit(item, EDIT)
    assert plex.journal.count(path="/identity") == 1
    assert plex.journal.count(method="PUT") == 5


async def test_machine_is_asked_once_by_many(
    plex: PlexSimulator, make_server: MakeServer
) -> None:
    """Further connections made side by side are to the same server."""
    server, item = await _open(plex, make_server)
    await asyncio.gather(*(server.edit(item, EDIT) for _ in range(9)))
    assert plex.journal.count(path="/identity") == 1


async def test_probe_counts_as_a_look(
    plex: PlexSimulator, make_server: MakeServer
) -> None:
    """Who was just seen is not asked again."""
    server, item = await _open(plex, make_server)
    await server.probe_process()
    await server.edit(item, EDIT)
    server.distrust()
    await server.probe_process()
    await server.edit(item, EDIT)
    assert plex.journal.count(path="/identity") == 2  # the probes


async def test_another_machine_in_its_place(
    plex: PlexSimulator, make_server: MakeServer
) -> None:
    """A server that restarted as another one, between two requests, is not written to."""
    server, item = await _open(plex, make_server)
    await server.edit(item, EDIT)
    await plex.stop()
    plex.core.identity.machine_identifier = "another"
    await plex.start()
    plex.journal.clear()
    await server.read(["1"])
    for write in (server.edit(item, EDIT), server.upload(item, "poster", b"GIF89a")):
        assert (await _caught(write)).kind is FaultClass.WRONG_SERVER
    assert not plex.journal.count(method="PUT")
    assert not plex.journal.count(method="POST")


@pytest.mark.parametrize(
    "action", ["status", "reset_before", "maintenance", "redirect_login"]
)
async def test_trouble_raises_doubt(
    plex: PlexSimulator, make_server: MakeServer, action: str
) -> None:
    """After anything that may have been the server going away it is asked again."""
    server, item = await _open(plex, make_server)
    await server.edit(item, EDIT)
    plex.faults.add(action, times=1, path="/metadata")
    with contextlib.suppress(Fault):  # a read over a kept connection is sent again
        await server.read(["1"])
    plex.journal.clear()
    await server.edit(item, EDIT)
    assert [entry.path for entry in plex.journal][0] == "/identity"
    assert len(plex.journal) == 2


@pytest.mark.parametrize("what", ["a connection", "the notifications"])
async def test_what_was_asked_before_something_broke_proves_nothing(
    plex: PlexSimulator, make_server: MakeServer, what: str
) -> None:
    """Whoever answered then may be gone: it is asked again before the write."""
    server, item = await _open(plex, make_server)
    plex.faults.add("slow", ms=1000, times=1, path="^/identity")
    plex.journal.clear()
    editing = asyncio.create_task(server.edit(item, EDIT))
    await plex.journal.arrived(path="^/identity")
    if what == "a connection":
        plex.faults.add("reset_before", path="^/library/sections$")
        await _caught(server.libraries())
    else:
        server.distrust()
    await editing
    assert plex.journal.count(path="^/identity") == 2
    assert plex.journal.count(method="PUT") == 1


async def test_silence_raises_doubt(
    plex: PlexSimulator, make_server: MakeServer
) -> None:
    """So does a pause longer than a connection is kept."""
    _, item = await _open(plex, make_server)
    server = make_server(deadlines=Deadlines(idle=0.05))
    await server.edit(item, EDIT)
    await asyncio.sleep(0.1)
    plex.journal.clear()
    await server.edit(item, EDIT)
    assert [entry.path for entry in plex.journal][0] == "/identity"
    assert len(plex.journal) == 2


async def test_what_went_stale_while_it_was_asked_who_is_there(
    plex: PlexSimulator, make_server: MakeServer
) -> None:
    """Somebody was at the item meanwhile: nothing is sent."""
    server, item = await _open(plex, make_server)

    def is_stale() -> bool:
        return bool(plex.journal.count(path="^/identity"))

    for write in (
        server.edit(item, EDIT, is_stale),
        server.upload(item, "poster", b"GIF89a", is_stale),
    ):
        plex.journal.clear()
        server.distrust()
        assert (await _caught(write)).reason == Reason.CHANGING
        assert [entry.path for entry in plex.journal] == ["/identity"]


async def test_restart_between_read_and_write(
    plex: PlexSimulator, make_server: MakeServer
) -> None:
    """A write that finds its connection closed does not go out over a new one unasked."""
    server, item = await _open(plex, make_server)
    await server.edit(item, EDIT)
    await plex.stop()
    await plex.start()
    plex.journal.clear()
    await server.edit(item, EDIT)
    assert [(entry.method, entry.path) for entry in plex.journal] == [
        ("GET", "/identity"),
        ("PUT", "/library/sections/1/all"),
    ]
    await plex.stop()
    plex.core.identity.machine_identifier = "another"
    await plex.start()
    plex.journal.clear()
    fault = await _caught(server.edit(item, EDIT))
    assert fault.kind is FaultClass.WRONG_SERVER
    assert not plex.journal.count(method="PUT")


async def test_restart_under_many_writes(
    plex: PlexSimulator, make_server: MakeServer
) -> None:
    """Connections that one restart closed make one doubt, not as many as they are."""
    server, item = await _open(plex, make_server)
    plex.latency_write = 0.02
    await asyncio.gather(*(server.edit(item, EDIT) for _ in range(6)))
    await plex.stop()
    await plex.start()
    plex.journal.clear()
    await asyncio.gather(*(server.edit(item, EDIT) for _ in range(6)))
    assert plex.journal.count(method="PUT") == 6
    assert plex.journal.count(path="/identity") <= 2


async def test_nothing_is_written_to_a_server_nobody_named(
    plex: PlexSimulator, make_server: MakeServer
) -> None:
    """Without a machine id there is no right machine."""
    _, item = await _open(plex, make_server)
    server = make_server(machine_id=None)
    await server.probe_process()
    assert (await _caught(server.edit(item, EDIT))).kind is FaultClass.WRONG_SERVER
    assert not plex.journal.count(method="PUT")


async def test_write_whose_answer_is_lost(
    plex: PlexSimulator, make_server: MakeServer
) -> None:
    """It had its effect, once, and is told as unknown."""
    server, item = await _open(plex, make_server)
    plex.faults.add("commit_then_drop", method="PUT", times=1)
    fault = await _caught(server.edit(item, EDIT))
    assert fault.unreachable
    assert plex.journal.count(method="PUT") == 1
    assert (await server.read(["1"]))["1"].fields["tagline"] == "x"


async def test_cancelled_write(plex: PlexSimulator, make_server: MakeServer) -> None:
    """A cancelled edit leaves no thread and no connection behind."""
    server, item = await _open(plex, make_server)
    plex.faults.add("blackhole", method="PUT")
    task = asyncio.create_task(server.edit(item, EDIT))
    await plex.journal.arrived(method="PUT")
    task.cancel()
    await asyncio.wait([task], timeout=WITHIN)
    assert task.cancelled()
    await plex.settled()


async def test_attempts(plex: PlexSimulator, make_server: MakeServer) -> None:
    """Connections tried are counted, refused ones too."""
    server = make_server()
    await server.probe_process()
    await plex.stop()
    for _ in range(4):
        await _caught(server.probe_process())
    # The first of them noticed on the kept connection that it was closed.
    assert server.attempts == 5


async def test_secrets(plex: PlexSimulator, make_server: MakeServer) -> None:
    """The token travels in the header, on every request that needs it."""
    server, item = await _open(plex, make_server)
    await server.libraries()
    await server.probe_process()
    await server.probe_database()
    await server.edit(item, EDIT)
    await server.upload(item, "poster", b"GIF89a")
    await server.collections(item)
    assert all(entry.headers["x-plex-token"] == TOKEN for entry in plex.journal)
    assert all(entry.status in (200, 201, 204) for entry in plex.journal)
    for text in (repr(server), str(server)):
        assert TOKEN not in text
