"""Single records, look-ups by path, and sweeps."""

from datetime import timedelta
from typing import Literal
import unicodedata

import aiohttp
import pytest

from custom_components.plexsync.engine.model.record import Record
from custom_components.plexsync.plex.paths import PathMapper
from custom_components.plexsync.sources.base import Source
from custom_components.plexsync.sources.stash.stash import StashOptions, StashSource
from custom_components.plexsync.sources.stash.walk import numbers_of
from tests.simulators.stash import StashCore, StashSimulator

from .conftest import Clock, MakeSource, Reader, keys, to_plex


def test_is_a_source(session: aiohttp.ClientSession, make_source: MakeSource) -> None:
    """The type checker agrees as well."""
    source: Source = make_source()
    assert source.id == "src"


async def _fresh(source: StashSource, scene: int) -> Record:
    """Read the record of one scene."""
    (record,) = (await source.fresh([f"scene:{scene}"])).values()
    assert isinstance(record, Record)
    return record


async def test_record(core: StashCore, clock: Clock, source: StashSource) -> None:
    """Fresh, whatever was read before; gone when deleted."""
    scene = core.add_scene("/data/a.mkv", title="A")
    assert (await _fresh(source, scene)).fields["title"] == "A"
    core.edit_scene(scene, title="B")
    assert (await _fresh(source, scene)).fields["title"] == "B"
    core.delete_scene(scene)
    key = f"scene:{scene}"
    assert await source.fresh([key]) == {key: "gone"}


@pytest.mark.parametrize("key", ["scene:x", "", "7", "film:7", "scene:2147483648"])
async def test_foreign_keys(
    key: str, stash: StashSimulator, core: StashCore, source: StashSource
) -> None:
    """A key that is none of ours is a record that is not there."""
    assert await source.fresh([key]) == {key: "gone"}


async def test_records_are_read_many_at_once(
    stash: StashSimulator, core: StashCore, source: StashSource
) -> None:
    """One that is gone does not spoil the others; unmapped ones are told from those gone."""
    ids = [core.add_scene(f"/data/{number}.mkv") for number in range(60)]
    elsewhere = core.add_scene("/elsewhere/a.mkv", title="E")
    core.delete_scene(ids[3])
    await source.connect()
    stash.journal.clear()
    wanted = [f"scene:{scene_id}" for scene_id in (*ids, elsewhere)]
    records = await source.fresh([*wanted, "nonsense"])
    assert len(stash.journal) == 2
    assert list(records) == [*wanted, "nonsense"]
    assert {key: why for key, why in records.items() if isinstance(why, str)} == {
        f"scene:{ids[3]}": "gone",
        f"scene:{elsewhere}": "not_mapped",
        "nonsense": "gone",
    }


AWKWARD = [
    "plain.mkv",
    "with space and 'quotes' \"double\".mkv",
    "a+b (1999) [x264] {edition}.mkv",
    "100%_sure^$|?*.mkv",
    "dots...mkv",
    "ünïcödé 🎬 – dash.mkv",
    "back\\slash.mkv",
    "sub folder/deeper/file.mkv",
]


@pytest.mark.parametrize("version", ["0.24.0", "0.31.0"])
async def test_find_by_path(
    version: str, stash: StashSimulator, core: StashCore, source: StashSource
) -> None:
    """No character of a path means anything but itself."""
    stash.set_version(version)
    for name in AWKWARD:
        core.add_scene(f"/data/{name}", title=name)
    core.add_scene("/data/100x_sure^$|?*.mkv", title="Not by wildcard")
    core.add_scene("/data/deep/plain.mkv", title="Not by ending")
    core.add_scene("/data/plain.mkv.mkv", title="Not by beginning")
    for name in AWKWARD:
        record = await source.find(f"/plex/{name}")
        assert isinstance(record, Record), name
        assert record.fields["title"] == name
    for missing in ("/plex/Plain.mkv", "/plex/plain", "/plex/", "/other/plain.mkv", ""):
        assert await source.find(missing) is None


async def test_find_prefers_the_primary_file(
    core: StashCore, source: StashSource
) -> None:
    """Any file of a scene leads to it."""
    core.add_scene("/data/a.mkv", more_paths=["/data/b.mkv"], title="A")
    for path in ("/plex/a.mkv", "/plex/b.mkv"):
        record = await source.find(path)
        assert isinstance(record, Record)
        assert record.find.paths == ("/plex/a.mkv", "/plex/b.mkv")


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (StashOptions(organized_only=True), "not_organized"),
        (StashOptions(min_rating=5), "filtered"),
        (StashOptions(), "not_mapped"),
    ],
)
async def test_find_says_why_a_scene_is_not_sent(
    core: StashCore, make_source: MakeSource, options: StashOptions, why: str
) -> None:
    """The word is the one that polls count it by."""
    core.add_scene("/data/a.mkv", title="A")
    source = make_source(
        options=options, to_plex=(lambda path: None) if why == "not_mapped" else to_plex
    )
    assert await source.find("/plex/a.mkv") == why
    assert await source.find("/plex/none.mkv") is None


async def test_find_prefers_a_scene_that_is_sent(
    core: StashCore, make_source: MakeSource
) -> None:
    """What is left out hides no other scene of the same file."""
    core.add_scene("/data/a.mkv", title="Left out")
    sent = core.add_scene("/data//a.mkv", title="Sent", organized=True)
    source = make_source(
        options=StashOptions(organized_only=True), to_plex=lambda path: "/plex/a.mkv"
    )
    record = await source.find("/plex/a.mkv")
    assert isinstance(record, Record)
    assert record.key == f"scene:{sent}"


async def test_windows_paths(
    stash: StashSimulator, core: StashCore, make_source: MakeSource
) -> None:
    """The server's separator is not ours."""
    core.separator = "\\"
    scene = core.add_scene("D:\\Films\\A (1)\\a.mkv", title="A")

    def to_plex(path: str) -> str | None:
        return path.replace("D:\\Films\\", "/plex/").replace("\\", "/")

    def from_plex(path: str) -> tuple[str, ...]:
        return (path.replace("/plex/", "D:\\Films\\").replace("/", "\\"),)

    source = make_source(to_plex=to_plex, from_plex=from_plex)
    record = await source.find("/plex/A (1)/a.mkv")
    assert isinstance(record, Record)
    assert record.key == f"scene:{scene}"
    assert record.find.paths == ("/plex/A (1)/a.mkv",)
    # A mapping that leaves the separators alone is forgiven.
    lazy = make_source(
        to_plex=to_plex, from_plex=lambda path: (path.replace("/plex/", "d:/films/"),)
    )
    assert await lazy.find("/plex/A (1)/a.mkv") == record


async def test_stash_and_plex_on_one_windows(
    core: StashCore, make_source: MakeSource
) -> None:
    """Without a mapping both spell a path alike, and not as we do."""
    core.separator = "\\"
    core.add_scene("D:\\Films\\É\\a.mkv", title="A")
    mapper = PathMapper([])
    source = make_source(to_plex=mapper.to_plex, from_plex=mapper.from_plex)
    for path in (
        "D:\\Films\\É\\a.mkv",
        "d:/films/é/A.MKV",
        "D:\\Films\\E\u0301\\a.mkv",
    ):
        assert isinstance(await source.find(path), Record)
    assert await source.find("D:\\Films\\E\\a.mkv") is None


@pytest.mark.parametrize("form", ["NFC", "NFD"])
async def test_both_unicode_forms(
    core: StashCore, source: StashSource, form: Literal["NFC", "NFD"]
) -> None:
    """A Mac writes letters and their accents apart, Plex's machine may not."""
    core.add_scene(unicodedata.normalize(form, "/data/Amélie ≠ 각.mkv"), title="A")
    record = await source.find("/plex/Amélie ≠ 각.mkv")
    assert isinstance(record, Record)
    assert await source.find("/plex/Amelie ≠ 각.mkv") is None


async def test_folders_that_plex_shows_as_one(
    core: StashCore, make_source: MakeSource
) -> None:
    """A file is found in each of them, and not where Plex sees another path."""
    core.add_scene("/disk2/a.mkv", title="A")
    core.add_scene("/disk1/x/b.mkv", title="B")
    mapper = PathMapper(
        [("/disk1", "/media"), ("/disk2", "/media"), ("/disk1/x", "/other")]
    )
    source = make_source(to_plex=mapper.to_plex, from_plex=mapper.from_plex)
    assert isinstance(await source.find("/media/a.mkv"), Record)
    assert isinstance(await source.find("/other/b.mkv"), Record)
    assert await source.find("/media/x/b.mkv") is None


async def test_sweep(
    stash: StashSimulator, core: StashCore, clock: Clock, source: StashSource
) -> None:
    """Every scene once, with the revision its record has, in few requests."""
    core.set_zone(timedelta(hours=-8))
    with core.store.transaction():
        ids = [core.add_scene(f"/data/{number}.mkv") for number in range(2300)]
    await source.connect()
    stash.journal.clear()
    pages = [page async for page in source.listing()]
    assert [len(page) for page in pages] == [1000, 1000, 300]
    assert len(stash.journal) == 3
    assert await source.count() == 2300
    assert {key for page in pages for key in page} == keys(ids)


async def test_sweep_while_scenes_vanish(core: StashCore, source: StashSource) -> None:
    """A scene that is deleted makes no other one look deleted."""
    with core.store.transaction():
        ids = [core.add_scene(f"/data/{number}.mkv") for number in range(2100)]
    found: set[str] = set()
    async for page in source.listing():
        found |= set(page)
        for scene_id in ids[:50]:
            if scene_id in core.scene_ids():
                core.delete_scene(scene_id)
    assert found == keys(ids)


async def test_sweep_of_nothing(core: StashCore, source: StashSource) -> None:
    """No scenes, no pages."""
    assert [page async for page in source.listing()] == []
    assert await source.count() == 0


@pytest.mark.parametrize("text", ["", "x", "-1", "1.5", str(2**31), "9" * 5000])
def test_ids_that_cannot_be_asked_for(text: str) -> None:
    """No such id gets into a question, where it would be no fault of Stash's."""
    assert numbers_of([{"id": "7"}]) == [7]
    with pytest.raises(ValueError):
        numbers_of([{"id": "7"}, {"id": text}])


async def test_what_is_withheld_is_named(
    core: StashCore, clock: Clock, make_source: MakeSource
) -> None:
    """A scene that is not to be sent any more takes back what waits of it."""
    source = make_source(options=StashOptions(organized_only=True))
    one = core.add_scene("/data/a.mkv", organized=True)
    two = core.add_scene("/data/b.mkv")
    reader = Reader(source)
    assert (await reader.read()).keys() == keys([one])
    assert {key for batch in reader.batches for key in batch.withheld} == keys([two])
    clock.tick()
    core.edit_scene(one, organized=False)
    assert await reader.read() == {}
    assert keys([one]) <= {key for batch in reader.batches for key in batch.withheld}
