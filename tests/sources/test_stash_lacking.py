"""A version of Stash that lacks a field costs the options that need it, and nothing else."""

from collections.abc import Iterable

import pytest

from custom_components.plexsync.sources.stash.options import (
    ALL_FIELDS,
    ROLES,
    StashOptions,
)
from tests.simulators.stash import Kind, StashCore, StashSimulator
from tests.simulators.stash.schema import NEWEST

from .conftest import MakeSource, Reader

VERSIONS = ("0.24.3", "0.27.2", "0.30.1", f"0.{NEWEST}.0")
# What each field is needed for. Where it is gone, those have no effect.
NEEDED = {
    "Scene.title": {"title"},
    "Scene.details": {"summary"},
    "Scene.date": {"date", "title_template"},
    "Scene.rating100": {"user_rating", "min_rating"},
    "Scene.organized": {"organized_only"},
    "Scene.code": {"code_to", "title_template"},
    "Scene.director": {"directors"},
    "Scene.studio": {
        "studio",
        "studio_collection",
        "only_studios",
        "without_studios",
        "title_template",
    },
    "Scene.performers": {"actors", "title_template"},
    "Scene.tags": {
        "genres",
        "labels",
        "tag_collections",
        "with_tags",
        "without_tags",
    },
    "Scene.groups Scene.movies": {"collections"},
    "Performer.alias_list": {"role"},
    "Performer.disambiguation": {"role"},
    "Performer.gender": {"gender", "gender_only"},
    "Tag.parents": {"tags_below", "tag_parents"},
    "Studio.parent_studio": {"network_collection"},
}
TEMPLATE = "{studio} {date} {performers} {code} {file}"


def everything(role: str) -> StashOptions:
    """Give options that make use of all that there is, and let every scene pass."""
    return StashOptions(
        fields=ALL_FIELDS,
        title_template=TEMPLATE,
        code_to="tagline",
        gender="female",
        gender_only=True,
        role=role,
        tag_collections=True,
        tags_below="Kind",
        tag_parents=True,
        studio_collection=True,
        network_collection=True,
        organized_only=True,
        with_tags=("A",),
        without_tags=("B",),
        only_studios=("Studio",),
        without_studios=("Other",),
        min_rating=5,
    )


@pytest.fixture
def scenes(core: StashCore) -> list[int]:
    """Give some scenes that pass all filters."""
    core.ensure(Kind.STUDIO, "Studio")
    return [
        core.add_scene(
            f"/data/{number}.mp4",
            title=f"Scene {number}",
            studio="Studio",
            tags=["A"],
            organized=True,
            rating100=80,
        )
        for number in range(3)
    ]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("role", ROLES)
async def test_every_version_has_what_all_options_need(
    stash: StashSimulator,
    make_source: MakeSource,
    scenes: list[int],
    version: str,
    role: str,
) -> None:
    """As far as is known; before it was asked, nothing is."""
    stash.set_version(version)
    source = make_source(options=everything(role))
    assert source.lacking is None
    assert len(await Reader(source).read()) == len(scenes)
    assert source.lacking == frozenset()


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("lost", NEEDED)
async def test_a_field_that_is_missing_costs_its_options(
    stash: StashSimulator,
    make_source: MakeSource,
    scenes: list[int],
    version: str,
    lost: str,
) -> None:
    """All scenes come all the same, and the options work again once it is there."""
    stash.set_version(version, lacks=_present(version, lost.split()))
    role = "disambiguation" if "disambiguation" in lost else "alias"
    source = make_source(options=everything(role))
    assert len(await Reader(source).read()) == len(scenes)
    assert source.lacking == NEEDED[lost]
    stash.set_version(version)
    await source.connect()
    assert source.lacking == frozenset()


@pytest.mark.parametrize("lost", NEEDED)
async def test_what_is_not_in_use_lacks_nothing(
    stash: StashSimulator, make_source: MakeSource, scenes: list[int], lost: str
) -> None:
    """An owner is told of no option that is off."""
    stash.set_version(VERSIONS[0], lacks=_present(VERSIONS[0], lost.split()))
    source = make_source(options=StashOptions(fields=frozenset()))
    assert len(await Reader(source).read()) == len(scenes)
    assert source.lacking == frozenset()


def _present(version: str, names: Iterable[str]) -> list[str]:
    """Leave out what a version never had."""
    return [name for name in names if name != "Scene.groups" or version >= "0.27"]
