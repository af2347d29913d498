"""Edits, seen through what the simulated Plex holds afterwards."""

from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import parse_qsl

import pytest

from custom_components.plexsync.engine.model.faults import Fault, FaultClass
from custom_components.plexsync.engine.model.fields import FIELDS
from custom_components.plexsync.engine.model.ports import FieldEdit, Item
from custom_components.plexsync.engine.model.record import Actor, Find
from custom_components.plexsync.plex.api import PlexApi
from custom_components.plexsync.plex.client import PlexClient
from custom_components.plexsync.plex.edit import MAX_URL, requests
from custom_components.plexsync.plex.items import Handle
from custom_components.plexsync.plex.server import PlexMediaServer
from tests.simulators.plex import PlexSimulator
from tests.simulators.plex.messages import Request

from .conftest import MakeServer

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 20
FILE = "/data/films/1.mkv"


async def _open(
    plex: PlexSimulator, make_server: MakeServer, **fields: Any
) -> tuple[PlexMediaServer, Item]:
    section = plex.core.add_section("Films")
    plex.core.add_item(section, file=FILE, **fields)
    server = make_server()
    return server, await _read(server)


async def _read(server: PlexMediaServer) -> Item:
    [match] = await server.match([Find(paths=(FILE,))])
    assert match.rating_key is not None
    return (await server.read([match.rating_key]))[match.rating_key]


EVERYTHING = [
    FieldEdit("title", "A & B = 100 % + [x]"),
    FieldEdit("sort_title", "b"),
    FieldEdit("original_title", "=Amélie"),
    FieldEdit("summary", "First line\nsecond; “quoted” 日本 🎬"),
    FieldEdit("tagline", "?"),
    FieldEdit("studio", "Studio/One"),
    FieldEdit("content_rating", "PG-13"),
    FieldEdit("date", "2024-05-01"),
    FieldEdit("user_rating", 7.5),
    FieldEdit("genres", members=("Drama", "Sci-Fi, Fantasy", "50% off")),
    FieldEdit("labels", members=("a,b", "c")),
    FieldEdit("collections", members=("Best of / Worst of",)),
    FieldEdit("directors", members=("Ann Example",)),
    FieldEdit("writers", members=("Ben", "Cora")),
    FieldEdit("actors", members=(Actor("Dan", "Himself"), Actor("Eve", ""))),
]


@pytest.mark.usefixtures("tag_mode")
async def test_everything_in_one_request(
    plex: PlexSimulator, make_server: MakeServer
) -> None:
    """All fields, lists and locks fit in one request and read back as meant."""
    pictures = {"poster", "background"}
    assert {edit.field for edit in EVERYTHING} == FIELDS.keys() - pictures
    server, item = await _open(plex, make_server)
    plex.journal.clear()
    await server.edit(item, EVERYTHING)
    assert plex.journal.count(method="PUT") == 1
    after = await _read(server)
    for edit in EVERYTHING:
        assert after.fields[edit.field] == (edit.members or edit.value)
    assert after.locks == {edit.field for edit in EVERYTHING}


@pytest.mark.usefixtures("tag_mode")
async def test_lists_end_up_as_meant(
    plex: PlexSimulator, make_server: MakeServer
) -> None:
    """What stays, what comes and what goes, whatever an index means."""
    server, item = await _open(
        plex,
        make_server,
        genres=["Keep", "Go, away", "Go/too", "50%"],
        actors=[("Dan", "Old part"), ("Gone", "")],
        labels=["only"],
    )
    await server.edit(
        item,
        [
            FieldEdit(
                "genres", members=("Keep", "New"), remove=("Go, away", "Go/too", "50%")
            ),
            FieldEdit(
                "actors",
                members=(Actor("Dan", ""), Actor("Ida", "X")),
                remove=("Gone",),
            ),
            FieldEdit("labels", remove=("only",)),
        ],
    )
    after = await _read(server)
    assert set(after.fields["genres"] or ()) == {"Keep", "New"}  # type: ignore[arg-type]
    assert set(after.fields["actors"] or ()) == {Actor("Dan", ""), Actor("Ida", "X")}  # type: ignore[arg-type]
    assert after.fields["labels"] is None


async def test_clearing(plex: PlexSimulator, make_server: MakeServer) -> None:
    """An empty value clears, and zero stars are not none."""
    server, item = await _open(
        plex,
        make_server,
        summary="x",
        tagline="x",
        userRating=8.0,
        originallyAvailableAt="2020-01-01",
    )
    await server.edit(
        item,
        [
            FieldEdit("summary", None),
            FieldEdit("tagline", None),
            FieldEdit("date", None),
            FieldEdit("user_rating", 0.0),
        ],
    )
    after = await _read(server)
    assert [after.fields[name] for name in ("summary", "tagline", "date")] == [None] * 3
    assert after.fields["user_rating"] == 0.0
    await server.edit(after, [FieldEdit("user_rating", None)])
    assert (await _read(server)).fields["user_rating"] is None


async def test_locks_alone(plex: PlexSimulator, make_server: MakeServer) -> None:
    """A lock changes without its value, a value without its lock."""
    server, item = await _open(plex, make_server, studio="S", genres=["G"])
    await server.edit(
        item,
        [
            FieldEdit("studio", lock=True, touch=False),
            FieldEdit("genres", lock=True, touch=False),
            FieldEdit("poster", lock=True, touch=False),
            FieldEdit("tagline", "T", lock=None),
        ],
    )
    after = await _read(server)
    assert after.locks == {"studio", "genres", "poster"}
    assert after.fields["studio"] == "S"
    assert after.fields["genres"] == ("G",)
    assert after.fields["tagline"] == "T"
    await server.edit(after, [FieldEdit("studio", lock=False, touch=False)])
    assert (await _read(server)).locks == {"genres", "poster"}
    plex.journal.clear()
    await server.edit(
        after,
        [FieldEdit("studio", lock=None, touch=False), FieldEdit("genres", lock=None)],
    )
    assert not len(plex.journal)  # nothing to say


@pytest.mark.usefixtures("tag_mode")
async def test_long_edit_is_split(plex: PlexSimulator, make_server: MakeServer) -> None:
    """Nothing is dropped where one URL does not do; only what cannot be cut is long."""
    plex.core.switches.max_request_line = 8000
    old = [f"Old genre number {i}, with a comma" for i in range(150)]
    server, item = await _open(plex, make_server, genres=["Keep", *old])
    edits = [
        FieldEdit("title", "T"),
        FieldEdit("summary", "日本" * 300),
        FieldEdit("tagline", "ü" * 500),
        FieldEdit("genres", members=("Keep", "New"), remove=tuple(old)),
        FieldEdit("labels", members=tuple(f"Label number {i}" for i in range(100))),
        FieldEdit("actors", members=tuple(Actor(f"N {i}", "R") for i in range(40))),
    ]
    plex.journal.clear()
    await server.edit(item, edits)
    puts = list(plex.journal.matching(method="PUT"))
    assert 1 < len(puts) < 9
    assert all(entry.target_bytes <= MAX_URL for entry in puts)
    after = await _read(server)
    assert after.fields["summary"] == "日本" * 300
    assert after.fields["genres"] == ("Keep", "New")
    assert len(after.fields["labels"] or ()) == 100  # type: ignore[arg-type]
    assert len(after.fields["actors"] or ()) == 40  # type: ignore[arg-type]
    assert after.locks == {edit.field for edit in edits}


CAST = tuple(Actor(f"Somebody with a name {i}", f"Part {i}") for i in range(399))


async def test_a_list_that_no_proxy_shortens_goes_out_whole(
    tag_mode: str, plex: PlexSimulator, make_server: MakeServer
) -> None:
    """Where the server takes it in one request nothing is cut."""
    server, item = await _open(plex, make_server)
    plex.journal.clear()
    assert await server.edit(item, [FieldEdit("actors", members=CAST)]) == {}
    assert plex.journal.count(method="PUT") == 1
    assert (await _read(server)).fields["actors"] == CAST


LIMITS = [600, 2000, 8000]


@pytest.mark.parametrize("limit", LIMITS)
async def test_list_too_long_for_any_url(
    tag_mode: str, plex: PlexSimulator, make_server: MakeServer, limit: int
) -> None:
    """It comes in parts where they are added, else what stood there is brought back.

    All other fields are written, and what was learnt outlives a restart.
    """
    cast = [(f"Agent {i}", "Old") for i in range(9)]
    server, item = await _open(plex, make_server, actors=cast, genres=["G"])
    plex.core.switches.max_request_line = limit
    stay = tuple(Actor(name, role) for name, role in cast[:8])
    edits = [
        FieldEdit("title", "T"),
        FieldEdit("actors", members=stay + CAST, remove=("Agent 8",)),
        FieldEdit("genres", members=("G", "H")),
    ]
    before = set(item.fields["actors"] or ())  # type: ignore[arg-type]
    plex.journal.clear()
    refused = await server.edit(item, edits)
    after = await _read(server)
    assert (after.fields["title"], after.fields["genres"]) == ("T", ("G", "H"))
    actors = set(after.fields["actors"] or ())  # type: ignore[arg-type]
    if tag_mode == "append":
        assert refused == {}
        assert actors == {*stay, *CAST}
        assert after.locks == {"title", "actors", "genres"}
    else:
        assert refused == {"actors": "too_long_list"}
        assert actors == before
        assert after.locks == {"title", "genres"}
    assert plex.journal.count(method="PUT") < 2 * 45_000 / limit + 16

    plex.journal.clear()
    server = make_server()
    more = FieldEdit("actors", members=(*stay, *CAST, Actor("One more")))
    if tag_mode == "append":
        assert await server.edit(after, [more]) == {}
        actors.add(Actor("One more", ""))
        assert plex.journal.count(method="PUT") < 10
    else:
        fault = await _refusal(server, after, [more])
        assert (fault.reason, fault.fields) == ("too_long_list", ("actors",))
        assert plex.journal.count(method="PUT") == 1
    assert set((await _read(server)).fields["actors"] or ()) == actors  # type: ignore[arg-type]


async def test_a_list_that_could_not_be_brought_back_is_not_tried(
    tag_mode: str, plex: PlexSimulator, make_server: MakeServer
) -> None:
    """An agent's long list is not put at risk to find out what the server does."""
    server, item = await _open(plex, make_server, actors=[(a.name, "") for a in CAST])
    plex.core.switches.max_request_line = 8000
    edit = FieldEdit("actors", members=(*CAST, Actor("One more")))
    fault = await _refusal(server, item, [edit])
    assert (fault.reason, fault.permanent) == ("too_long_list", True)
    assert (await _read(server)).fields == item.fields
    # To take members out is no danger: they are named, whatever stays.
    edit = FieldEdit(
        "actors",
        members=tuple(item.fields["actors"] or ())[:9],  # type: ignore[arg-type]
        remove=tuple(a.name for a in CAST[9:]),
    )
    assert await server.edit(item, [edit]) == {}
    assert (await _read(server)).fields["actors"] == edit.members


async def test_a_text_that_is_too_long(
    plex: PlexSimulator, make_server: MakeServer
) -> None:
    """It cannot be cut; the others are written."""
    server, item = await _open(plex, make_server)
    plex.core.switches.max_request_line = 2000
    edits = [FieldEdit("title", "T"), FieldEdit("summary", "x" * 3000)]
    assert await server.edit(item, edits) == {"summary": "too_long"}
    after = await _read(server)
    assert (after.fields["title"], after.fields["summary"]) == ("T", None)
    fault = await _refusal(server, item, edits[1:])
    assert (fault.kind, fault.reason) == (FaultClass.ITEM, "too_long")
    assert (fault.permanent, fault.fields) == (True, ("summary",))


async def test_parts_that_are_refused(
    plex: PlexSimulator, make_server: MakeServer
) -> None:
    """What came before them is taken back."""
    plex.core.switches.set_tag_mode("append")
    server, item = await _open(plex, make_server, actors=[("Agent", "")])
    plex.core.switches.max_request_line = 8000
    names = _names("actor", CAST[300].name)
    plex.faults.add(
        "status",
        code=400,
        where=lambda request: request.length < 8000 and names(request),
    )
    members = (Actor("Agent"), *CAST)
    refused = await server.edit(item, [FieldEdit("actors", members=members)])
    assert refused == {"actors": "bad_request"}
    after = await _read(server)
    assert (after.fields, after.locks) == (item.fields, item.locks)


@pytest.mark.usefixtures("tag_mode")
@pytest.mark.parametrize(
    ("code", "reason"), [(400, "bad_request"), (409, "conflict"), (413, "too_large")]
)
@pytest.mark.parametrize("bad", [["collection"], ["title", "actor"], ["summary"]])
async def test_a_refused_field_keeps_no_other_back(
    plex: PlexSimulator,
    make_server: MakeServer,
    code: int,
    reason: str,
    bad: list[str],
) -> None:
    """Which one it is nobody says: it is found by halving, in few requests."""
    server, item = await _open(plex, make_server)
    for name in bad:
        plex.faults.add("status", code=code, method="PUT", where=_names(name))
    plex.journal.clear()
    refused = await server.edit(item, EVERYTHING)
    ours = {"collection": "collections", "actor": "actors"}
    names = {ours.get(name, name) for name in bad}
    assert refused == dict.fromkeys(names, reason)
    assert plex.journal.count(method="PUT") <= 1 + 8 * len(bad)
    after = await _read(server)
    for edit in EVERYTHING:
        meant = None if edit.field in names else edit.members or edit.value
        if edit.field != "title" or edit.field not in names:
            assert after.fields[edit.field] == meant
    assert after.locks == {edit.field for edit in EVERYTHING} - names


@pytest.mark.parametrize(
    ("code", "reason"), [(400, "bad_request"), (409, "conflict"), (414, "too_long")]
)
async def test_where_every_field_is_refused(
    plex: PlexSimulator, make_server: MakeServer, code: int, reason: str
) -> None:
    """The search has an end, and the fault names them all."""
    server, item = await _open(plex, make_server, genres=["a", "b", "c"], labels=["d"])
    edits = [
        *(edit for edit in EVERYTHING if edit.field not in ("genres", "labels")),
        FieldEdit("genres", members=("a",), remove=("b", "c")),
        FieldEdit("labels", remove=("d",)),
        FieldEdit("poster", touch=False),
    ]
    plex.faults.add("status", code=code, method="PUT")
    plex.journal.clear()
    fault = await _refusal(server, item, edits)
    assert (fault.reason, fault.permanent) == (reason, True)
    assert set(fault.fields) == {edit.field for edit in edits}
    assert plex.journal.count(method="PUT") <= 20


async def test_a_bad_value_is_told_apart_once_it_is_the_items_own(
    plex: PlexSimulator, make_server: MakeServer
) -> None:
    """A 500 may be the server's: until it is known not to be, one is enough."""
    server, item = await _open(plex, make_server)
    edits = [
        FieldEdit("title", "T"),
        FieldEdit("date", "soon"),
        FieldEdit("tagline", "x"),
    ]
    plex.journal.clear()
    fault = await _refusal(server, item, edits)
    assert (fault.kind, fault.reason) == (FaultClass.SERVER, "error_500")
    assert plex.journal.count(method="PUT") == 1
    assert await server.edit(item, edits, apart=True) == {"date": "error_500"}
    assert (await _read(server)).fields["title"] == "T"
    plex.faults.add("status", code=500, method="PUT")
    with pytest.raises(Fault) as caught:
        await server.edit(item, edits, apart=True)
    assert (caught.value.kind, caught.value.fields) == (FaultClass.SERVER, ())


def _names(field: str, value: str | None = None) -> Callable[[Request], bool]:
    """Pick the requests that say something of a field, or this of it."""
    return lambda request: any(
        name.startswith((f"{field}.", f"{field}[")) and value in (None, text)
        for name, text in request.query
    )


async def _refusal(
    server: PlexMediaServer, item: Item, edits: Sequence[FieldEdit]
) -> Fault:
    with pytest.raises(Fault) as caught:
        await server.edit(item, edits)
    return caught.value


@pytest.mark.parametrize("room", [300, 600, 1200, 2400, 20_000])
def test_splitting_drops_and_doubles_nothing(room: int) -> None:
    """Whatever the room, the same parameters go out, each once, each request with its id."""
    edits = [
        *EVERYTHING,
        FieldEdit(
            "genres", members=("a", "b"), remove=tuple(f"r{i}" for i in range(40))
        ),
    ]

    def params(room: int) -> list[tuple[str, str]]:
        found: list[tuple[str, str]] = []
        for request in requests("7", Handle("1", 1), edits, room=room):
            pairs = parse_qsl(
                request.query, keep_blank_values=True, strict_parsing=True
            )
            assert pairs[:2] == [("type", "1"), ("id", "7")]
            for name, value in pairs[2:]:
                if name.endswith("-"):
                    found += [(name, tag) for tag in value.split(",")]
                else:
                    found.append((name, value))
        return sorted(found)

    assert params(room) == params(1_000_000)


@pytest.mark.parametrize("rating_key", ["", " ", "1,2", "²", "all", "1 ", "-1"])
async def test_no_edit_without_an_id(
    plex: PlexSimulator, make_server: MakeServer, rating_key: str
) -> None:
    """An edit without an id edits the whole library: it never leaves."""
    server, item = await _open(plex, make_server)
    bad = Item(rating_key, item.section, (), {}, frozenset(), 0.0, handle=item.handle)
    plex.journal.clear()
    for write in (
        server.edit(bad, [FieldEdit("title", "x")]),
        server.upload(bad, "poster", PNG),
    ):
        with pytest.raises(Fault) as caught:
            await write
        assert (caught.value.kind, caught.value.reason) == (FaultClass.ITEM, "no_id")
    assert not len(plex.journal)


@pytest.mark.parametrize("query", ["", "type=1", "type=1&id=", "type=1&id=1,2", "id=a"])
async def test_no_query_without_an_id(
    plex: PlexSimulator, client: PlexClient, query: str
) -> None:
    """Nor does the last hand before the wire let one through."""
    api = PlexApi(client, "sim0001")
    with pytest.raises(Fault) as caught:
        await api.put("/library/sections/1/all", query)
    assert (caught.value.kind, caught.value.reason) == (FaultClass.ITEM, "no_id")
    assert not len(plex.journal)


async def test_no_edit_outside_the_chosen_libraries(
    plex: PlexSimulator, make_server: MakeServer
) -> None:
    """An item of another library is not ours to write."""
    server, item = await _open(plex, make_server)
    other = Item("1", "other", (), {}, frozenset(), 0.0, handle=item.handle)
    with pytest.raises(Fault) as caught:
        await server.edit(other, [FieldEdit("title", "x")])
    assert caught.value.reason == "outside_libraries"
    assert not plex.journal.count(method="PUT")


async def test_pictures_are_not_edited(
    plex: PlexSimulator, make_server: MakeServer
) -> None:
    """A picture's value is no text."""
    server, item = await _open(plex, make_server)
    with pytest.raises(ValueError):
        await server.edit(item, [FieldEdit("poster", "x")])


@pytest.mark.parametrize(
    ("name", "attribute"), [("poster", "thumb"), ("background", "art")]
)
async def test_upload(
    plex: PlexSimulator, make_server: MakeServer, name: str, attribute: str
) -> None:
    """A picture arrives byte by byte, is selected and locked."""
    server, item = await _open(plex, make_server)
    plex.journal.clear()
    await server.upload(item, name, PNG)
    assert plex.journal.count(method="POST") == 1
    held = plex.core.item(item.rating_key)
    assert plex.core.image(held, attribute) == PNG
    after = await _read(server)
    assert name in after.locks
    assert after.fields[name] != item.fields[name]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (PNG.ljust(10 * 1024 * 1024 + 1), "image_too_large"),
        (b"", "image_invalid"),
        (b"<html>", "image_invalid"),
        (b"RIFF1234WAVE", "image_invalid"),
    ],
    ids=["large", "empty", "page", "sound"],
)
async def test_upload_of_what_plex_would_not_take(
    plex: PlexSimulator, make_server: MakeServer, data: bytes, reason: str
) -> None:
    """It does not travel."""
    server, item = await _open(plex, make_server)
    with pytest.raises(Fault) as caught:
        await server.upload(item, "poster", data)
    assert (caught.value.kind, caught.value.reason) == (FaultClass.ITEM, reason)
    assert caught.value.permanent
    assert not plex.journal.count(method="POST")


@pytest.mark.parametrize(
    "data",
    [b"\xff\xd8\xff\xe0", PNG, b"GIF89a", b"RIFF\0\0\0\0WEBPVP8 "],
    ids=["jpeg", "png", "gif", "webp"],
)
async def test_kinds_of_pictures(
    plex: PlexSimulator, make_server: MakeServer, data: bytes
) -> None:
    """JPEG, PNG, GIF and WebP pass."""
    server, item = await _open(plex, make_server)
    await server.upload(item, "poster", data)


async def test_bad_value_is_in_doubt(
    plex: PlexSimulator, make_server: MakeServer
) -> None:
    """Plex answers 500 to a date that is none; whose fault that is the engine finds out."""
    server, item = await _open(plex, make_server)
    with pytest.raises(Fault) as caught:
        await server.edit(item, [FieldEdit("date", "soon")])
    assert (caught.value.kind, caught.value.reason) == (FaultClass.SERVER, "error_500")


async def test_edit_of_what_is_gone(
    plex: PlexSimulator, make_server: MakeServer
) -> None:
    """A rating key that is no more is the item's fault, to be found again by path."""
    server, item = await _open(plex, make_server)
    plex.core.rekey(int(item.rating_key))
    with pytest.raises(Fault) as caught:
        await server.edit(item, [FieldEdit("title", "x")])
    assert (caught.value.kind, caught.value.reason) == (FaultClass.ITEM, "not_found")
    assert not caught.value.permanent
