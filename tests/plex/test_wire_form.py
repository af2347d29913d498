"""plexapi as the judge of our wire form: the same change is the same request.

It is driven through its own classes; what the simulated Plex was asked is compared, whatever
the order of the parameters.
"""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from plexapi.server import PlexServer
from plexapi.video import Episode, Movie, Season, Show
import pytest

from custom_components.plexsync.engine.model.fields import FIELDS
from custom_components.plexsync.engine.model.ports import FieldEdit, Item
from custom_components.plexsync.engine.model.record import Actor, Find
from custom_components.plexsync.plex.items import FIELDS_OF
from custom_components.plexsync.plex.server import PlexMediaServer
from tests.simulators.plex import Entry, ItemType, PlexSimulator

from .conftest import TOKEN, MakeServer

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 20
AWKWARD = 'Rock, Paper & "Scissors" = 50 % + [x]; é 日本 🎬 /?#\nnext'
EPISODE = "/data/series/Show/S01E01.mkv"
FILE = "/data/films/1.mkv"

# What plexapi calls a list, and what stands in it at first.
LISTS = {
    "genres": ("Genre", ("Drama", "Sci-Fi, Fantasy")),
    "labels": ("Label", ("one",)),
    "collections": ("Collection", ("Set",)),
    "directors": ("Director", ("Ann",)),
    "writers": ("Writer", ("Ben",)),
}

type Params = dict[str, str | frozenset[str]]
type Change = Callable[[Any], object]


def _movie() -> dict[str, Any]:
    return {
        "title": "Old",
        **{name: list(there) for name, (_, there) in LISTS.items()},
        "actors": [("Cora", "Herself")],
        "userRating": 5,
        "summary": "Old",
    }


class Judge:
    """One item, seen by plexapi and by us."""

    def __init__(
        self, plex: PlexSimulator, server: PlexMediaServer, item: Item
    ) -> None:
        """Take what we read of it."""
        self._plex, self._server, self._item = plex, server, item
        self._theirs: Any = None

    async def fetch(self) -> None:
        """Let plexapi read the item in full, before anything changes."""

        def work() -> None:
            found = PlexServer(self._plex.url, TOKEN).fetchItem(
                int(self._item.rating_key)
            )
            self._theirs = found.reload()

        await asyncio.to_thread(work)

    async def theirs(self, change: Change) -> list[Entry]:
        """Give the writes that plexapi makes of a change."""
        self._plex.journal.clear()
        await asyncio.to_thread(change, self._theirs)
        return self._writes()

    async def ours(self, *edits: FieldEdit) -> list[Entry]:
        """Give the writes that we make of edits."""
        self._plex.journal.clear()
        await self._server.edit(self._item, edits)
        return self._writes()

    async def uploaded(self, name: str, data: bytes) -> list[Entry]:
        """Give the writes that we make of a picture."""
        self._plex.journal.clear()
        await self._server.upload(self._item, name, data)
        return self._writes()

    def _writes(self) -> list[Entry]:
        found = [each for each in self._plex.journal if each.method != "GET"]
        assert {each.status for each in found} == {200}
        return found


def _params(entry: Entry) -> Params:
    """Give the parameters without their order; those of a removal are a set of tags.

    We quote a slash within a tag and plexapi does not: decoded, as Plex does, it is the same.
    """
    found: Params = {}
    for name, value in entry.query:
        assert name not in found
        found[name] = value
        if name.endswith("-"):
            found[name] = frozenset(map(unquote, value.split(",")))
    return found


def _same(theirs: list[Entry], ours: list[Entry]) -> None:
    (their,), (our,) = theirs, ours
    assert (our.method, our.path) == (their.method, their.path)
    assert _params(our) == _params(their)


@pytest.fixture
async def judge(plex: PlexSimulator, make_server: MakeServer) -> Judge:
    """Give a film with something in every list."""
    section = plex.core.add_section("Films")
    plex.core.add_item(section, file=FILE, **_movie())
    return await _judge(plex, make_server, FILE)


async def _judge(plex: PlexSimulator, make_server: MakeServer, path: str) -> Judge:
    server = make_server()
    [match] = await server.match([Find(paths=(path,))])
    assert match.rating_key is not None
    item = (await server.read([match.rating_key]))[match.rating_key]
    judge = Judge(plex, server, item)
    await judge.fetch()
    return judge


TEXTS = {
    "title": "editTitle",
    "sort_title": "editSortTitle",
    "original_title": "editOriginalTitle",
    "summary": "editSummary",
    "tagline": "editTagline",
    "studio": "editStudio",
    "content_rating": "editContentRating",
}


@pytest.mark.parametrize(
    "value", ["A", AWKWARD, "=x", None], ids=["plain", "awkward", "equals", "cleared"]
)
@pytest.mark.parametrize("name", TEXTS)
async def test_texts(judge: Judge, name: str, value: str | None) -> None:
    """Set and cleared, each with its lock."""
    theirs = await judge.theirs(lambda film: getattr(film, TEXTS[name])(value or ""))
    _same(theirs, await judge.ours(FieldEdit(name, value)))


@pytest.mark.parametrize("value", ["2024-05-01", None])
async def test_dates(judge: Judge, value: str | None) -> None:
    """As text."""
    theirs = await judge.theirs(lambda film: film.editOriginallyAvailable(value or ""))
    _same(theirs, await judge.ours(FieldEdit("date", value)))


@pytest.mark.parametrize("value", [7.5, 10, 8, 0.1, None])
async def test_ratings(judge: Judge, value: float | None) -> None:
    """Whole ones without a point."""
    theirs = await judge.theirs(lambda film: film.editUserRating(value))
    _same(theirs, await judge.ours(FieldEdit("user_rating", value)))


@pytest.mark.parametrize("name", LISTS)
async def test_lists_with_more(judge: Judge, name: str) -> None:
    """The whole list as it shall be, from 0."""
    method, there = LISTS[name]
    more = [AWKWARD.replace("\n", " "), "50%"]
    theirs = await judge.theirs(lambda film: getattr(film, f"add{method}")(more))
    _same(theirs, await judge.ours(FieldEdit(name, members=(*there, *more))))


@pytest.mark.parametrize("name", LISTS)
async def test_lists_with_nothing_left(judge: Judge, name: str) -> None:
    """By name, each quoted for itself; one with a slash too, whether it is there or not."""
    method, there = LISTS[name]
    gone = [*there, "a/b, c", "50%", "+"]
    theirs = await judge.theirs(lambda film: getattr(film, f"remove{method}")(gone))
    _same(theirs, await judge.ours(FieldEdit(name, remove=tuple(gone))))


@pytest.mark.parametrize("kind", [Movie, Show, Season, Episode])
def test_a_type_has_the_fields_that_plexapi_edits(kind: Any) -> None:
    """And actors, for which plexapi has no method."""
    methods = TEXTS | {name: f"add{method}" for name, (method, _) in LISTS.items()}
    methods |= {"date": "editOriginallyAvailable", "user_rating": "editUserRating"}
    methods |= {"poster": "uploadPoster", "background": "uploadArt"}
    assert methods.keys() ^ FIELDS.keys() == {"actors"}
    found = {name for name, method in methods.items() if hasattr(kind, method)}
    assert FIELDS_OF[kind.TYPE] - {"actors"} ^ found == set()


async def test_lists_with_less(judge: Judge) -> None:
    """We say beside it what stays, which plexapi leaves out: ours is right where lists are replaced."""
    (their,) = await judge.theirs(lambda film: film.removeGenre("Drama"))
    (our,) = await judge.ours(
        FieldEdit("genres", members=("Sci-Fi, Fantasy",), remove=("Drama",))
    )
    said = _params(our)
    assert said.pop("genre[0].tag.tag") == "Sci-Fi, Fantasy"
    assert said == _params(their)


async def test_actors(judge: Judge) -> None:
    """Plexapi has no parts, which we add; without them it is the same."""
    (their,) = await judge.theirs(lambda film: film.editTags("actor", ["Dan"]))
    (our,) = await judge.ours(
        FieldEdit("actors", members=(Actor("Cora", "Herself"), Actor("Dan", "X")))
    )
    said = _params(our)
    parts = {name: said.pop(name) for name in tuple(said) if ".tagging." in name}
    assert parts == {"actor[0].tagging.text": "Herself", "actor[1].tagging.text": "X"}
    assert said == _params(their)
    (their,) = await judge.theirs(
        lambda film: film.editTags("actor", ["Cora", "Dan"], remove=True)
    )
    _same([their], await judge.ours(FieldEdit("actors", remove=("Cora", "Dan"))))


@pytest.mark.parametrize("locked", [True, False])
@pytest.mark.parametrize(
    ("name", "plexs"),
    [("title", "title"), ("genres", "genre"), ("actors", "actor"), ("date", "")],
)
async def test_locks(judge: Judge, name: str, plexs: str, locked: bool) -> None:
    """Alone, and beside a value."""
    plexs = plexs or "originallyAvailableAt"
    theirs = await judge.theirs(lambda film: film.edit(**{f"{plexs}.locked": +locked}))
    ours = await judge.ours(FieldEdit(name, lock=locked, touch=False))
    _same(theirs, ours)
    theirs = await judge.theirs(lambda film: film.editTitle("T", locked=locked))
    _same(theirs, await judge.ours(FieldEdit("title", "T", lock=locked)))


@pytest.mark.parametrize(
    ("name", "word"), [("poster", "Poster"), ("background", "Art")]
)
async def test_pictures(judge: Judge, tmp_path: Path, name: str, word: str) -> None:
    """The bytes as they are; locks as of any field."""
    file = tmp_path / "picture.png"
    file.write_bytes(PNG)
    theirs = await judge.theirs(
        lambda film: getattr(film, f"upload{word}")(filepath=str(file))
    )
    ours = await judge.uploaded(name, PNG)
    _same(theirs, ours)
    assert ours[0].body_bytes == theirs[0].body_bytes == len(PNG)
    assert ours[0].headers.get("content-type") == theirs[0].headers.get("content-type")
    for method, locked in ((f"lock{word}", True), (f"unlock{word}", False)):
        theirs = await judge.theirs(lambda film, m=method: getattr(film, m)())  # type: ignore[misc]
        _same(theirs, await judge.ours(FieldEdit(name, lock=locked, touch=False)))


async def test_all_at_once(judge: Judge) -> None:
    """One request for either of us."""

    def change(film: Any) -> None:
        film.batchEdits()
        for method in TEXTS.values():
            getattr(film, method)(AWKWARD)
        film.editOriginallyAvailable("2024-05-01").editUserRating(7.5)
        for method, _ in LISTS.values():
            getattr(film, f"add{method}")(["New"])
        film.lockPoster().unlockArt()
        film.saveEdits()

    edits = [FieldEdit(name, AWKWARD) for name in TEXTS]
    edits += [FieldEdit("date", "2024-05-01"), FieldEdit("user_rating", 7.5)]
    edits += [
        FieldEdit(name, members=(*there, "New")) for name, (_, there) in LISTS.items()
    ]
    edits += [
        FieldEdit("poster", lock=True, touch=False),
        FieldEdit("background", lock=False, touch=False),
    ]
    _same(await judge.theirs(change), await judge.ours(*edits))


async def test_episodes(plex: PlexSimulator, make_server: MakeServer) -> None:
    """An item of another type goes by its own number."""
    section = plex.core.add_section("Series", "show")
    plex.core.add_episode(section, "Show", 1, 1, file=EPISODE)
    judge = await _judge(plex, make_server, EPISODE)
    theirs = await judge.theirs(lambda episode: episode.editTitle("T"))
    _same(theirs, ours := await judge.ours(FieldEdit("title", "T")))
    assert ours[0].param("type") == str(int(ItemType.EPISODE))
    theirs = await judge.theirs(lambda episode: episode.addWriter(["Ben"]))
    _same(theirs, await judge.ours(FieldEdit("writers", members=("Ben",))))
