"""What the index keeps of an item, as its files and guids come and go."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from custom_components.plexsync.engine.database.database import Database
from custom_components.plexsync.engine.database.layout import Layout
from custom_components.plexsync.engine.util.digests import short_digest
from custom_components.plexsync.plex import paths
from custom_components.plexsync.plex.index import SCHEMA, Index
from custom_components.plexsync.plex.library import Library
from custom_components.plexsync.plex.listing import Row

SECTION, MOVIE = "uuid-1", 1
PATHS = ["/data/A.mkv", "/data/a.mkv", "C:/B.mkv", "//nas/c.mkv"]
GUIDS = ["imdb://tt1", "tmdb://1", "/data/A.mkv"]


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """Open a database."""
    database = Database(tmp_path / "engine.db", Layout((SCHEMA,)), inline=True)
    database.open()
    yield database
    database.close()


@pytest.fixture
async def index(database: Database) -> Index:
    """Return an index with one library."""
    index = Index(database)
    await index.open()
    await index.save_libraries([Library("1", SECTION, "movie", "Films", ("/data",), 0)])
    return index


async def _found(index: Index) -> dict[str, set[str]]:
    """Return the items of all paths and guids that are found."""
    found = await index.find(PATHS, GUIDS, (SECTION,))
    assert found.libraries.keys() >= set().union(
        *found.by_path.values(), *found.by_guid.values()
    )
    return found.by_path | {
        f"guid {guid}": keys for guid, keys in found.by_guid.items()
    }


async def test_item_is_found_by_what_it_has_now(index: Index) -> None:
    """Not by files and guids that it had before, nor once it is forgotten."""
    await index.add(
        SECTION, MOVIE, 1, [Row(1, 0, PATHS[:1], {"imdb://tt1", "tmdb://1"})]
    )
    assert await _found(index) == {
        "/data/A.mkv": {"1"},
        "guid imdb://tt1": {"1"},
        "guid tmdb://1": {"1"},
    }
    new = [Row(1, 0, PATHS[1:3], {"tmdb://1"}), Row(2, 0, [], {"tmdb://1"})]
    await index.add(SECTION, MOVIE, 1, new)
    assert await _found(index) == {
        "/data/a.mkv": {"1"},
        "C:/B.mkv": {"1"},
        "guid tmdb://1": {"1", "2"},
    }
    assert set(await index.sample(SECTION, 9)) == {"/data/a.mkv", "C:/B.mkv"}
    assert await index.sample(SECTION, 1) == ("/data/a.mkv",)
    await index.forget(["1", "7"])
    assert await _found(index) == {"guid tmdb://1": {"2"}}


async def test_spelling_of_windows(index: Index) -> None:
    """Letters of either case are the same file there; the index follows a new spelling."""
    await index.add(SECTION, MOVIE, 1, [Row(1, 0, ["C:/b.MKV"])])
    assert await _found(index) == {"C:/B.mkv": {"1"}}
    await index.add(
        SECTION, MOVIE, 1, [Row(1, 0, ["C:/B.mkv"]), Row(2, 0, ["c:/b.mkv"])]
    )
    assert await _found(index) == {"C:/B.mkv": {"1"}}
    assert set(await index.sample(SECTION, 2)) == {"C:/B.mkv", "c:/b.mkv"}


async def test_a_name_alone_finds_nothing(index: Index, database: Database) -> None:
    """Two files may have the same name: only the item of the path itself is found."""
    other = Row(2, 0, ["/data/other.mkv"])
    await index.add(SECTION, MOVIE, 1, [other])
    name = short_digest(paths.key(PATHS[0]))
    await database.run(
        lambda db: db.execute("UPDATE plex_name SET name = ?", (name,)).rowcount
    )
    assert (await index.find(PATHS[:1], (), (SECTION,))).by_path == {}
    await index.add(SECTION, MOVIE, 1, [Row(1, 0, PATHS[:1])])
    found = await index.find(PATHS[:1], (), (SECTION,))
    assert found.by_path == {PATHS[0]: {"1"}}
    assert not found.doubtful


async def test_listing_again_changes_one_row_an_item(
    index: Index, database: Database
) -> None:
    """The names that are the same stay: that spares the disk."""
    rows = [Row(key, 0, [f"/{key}.mkv"], {f"tmdb://{key}"}) for key in range(1, 40)]

    async def changes() -> int:
        return await database.run(lambda db: db.total_changes)

    await index.add(SECTION, MOVIE, 1, rows)
    before = await changes()
    await index.add(SECTION, MOVIE, 2, rows)
    assert await changes() - before == len(rows)
