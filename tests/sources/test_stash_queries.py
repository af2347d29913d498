"""What is asked of a Stash, by its options and by what it knows."""

from dataclasses import replace
from typing import Any

import pytest

from custom_components.plexsync.sources.stash.options import FIELDS, StashOptions
from custom_components.plexsync.sources.stash.queries import Schema

ALL = StashOptions(
    fields=FIELDS | {"labels"},
    code_to="tagline",
    gender="female",
    role="alias",
    tag_collections=True,
    tags_below="Kind",
    tag_parents=True,
    studio_collection=True,
    network_collection=True,
    organized_only=True,
    with_tags=("A",),
    without_tags=("B",),
    only_studios=("C",),
    without_studios=("D",),
    min_rating=5,
)
SCENE = "id updated_at organized title code details director date rating100 files studio tags performers groups"
FILTERS = ("Performer", "Studio", "Tag", "Group")


def _schema(**changes: str) -> Schema:
    """Make the schema of a Stash that has everything; types can be changed."""
    types = {
        "Scene": SCENE,
        "Performer": "name disambiguation alias_list gender",
        "Studio": "name parent_studio",
        "Tag": "name parents",
        "Query": "findPerformers findStudios findTags findGroups",
    } | changes
    inputs = {f"{name}FilterType": "updated_at" for name in FILTERS} | {
        "SceneFilterType": "id updated_at performers studios tags groups"
    }

    def members(names: str) -> list[dict[str, Any]]:
        return [{"name": name} for name in names.split()]

    return Schema.from_answer(
        {name: {"fields": members(names)} for name, names in types.items()}
        | {name: {"inputFields": members(names)} for name, names in inputs.items()}
    )


def _marks(schema: Schema, options: StashOptions) -> dict[str, tuple[str, ...]]:
    return {kind.name: kind.marks for kind in schema.dependencies(options)}


def _depths(options: StashOptions) -> dict[str, int]:
    return {kind.name: kind.depth for kind in _schema().dependencies(options)}


def test_only_what_options_need_is_read() -> None:
    """A default asks for names; the options for what they show."""
    selection = _schema().scene(StashOptions())
    for part in ("studio { name }", "tags { name }", "performers { name }"):
        assert part in selection
    selection = _schema().scene(ALL)
    for part in (
        "studio { name parent_studio { name } }",
        "tags { name parents { name } }",
        "performers { name alias_list gender }",
    ):
        assert part in selection
    assert _marks(_schema(), StashOptions()) == dict.fromkeys(
        ("performers", "studios", "tags", "groups"), ("name",)
    )
    assert _marks(_schema(), ALL) == {
        "performers": ("name", "alias_list", "gender"),
        "studios": ("name", "parent_studio"),
        "tags": ("name", "parents"),
        "groups": ("name",),
    }
    assert set(_depths(StashOptions()).values()) == {0}
    assert _depths(ALL) == {"performers": 0, "studios": 1, "tags": 1, "groups": 0}


@pytest.mark.parametrize(
    ("changes", "kinds"),
    [
        ({}, set()),
        ({"fields": frozenset({"labels"})}, {"tags"}),
        ({"tag_collections": True}, {"tags"}),
        ({"with_tags": ("A",)}, {"tags"}),
        ({"without_tags": ("A",)}, {"tags"}),
        ({"tag_parents": True, "tags_below": "A"}, set()),
        ({"only_studios": ("A",)}, {"studios"}),
        ({"without_studios": ("A",)}, {"studios"}),
        ({"network_collection": True}, {"studios"}),
        ({"title_template": "{studio} {performers}"}, set()),
        (
            {
                "fields": frozenset({"title"}),
                "title_template": "{studio} {performers}",
            },
            {"studios", "performers"},
        ),
        ({"role": "alias", "gender": "male"}, set()),
    ],
)
def test_which_kinds_matter(changes: dict[str, Any], kinds: set[str]) -> None:
    """A kind is followed where an option lets it be seen, or filters by it."""
    nothing = StashOptions(fields=frozenset(), poster=False)
    assert _marks(_schema(), replace(nothing, **changes)).keys() == kinds


@pytest.mark.parametrize(
    ("lost", "part"),
    [
        ({"Tag": "name"}, "tags { name }"),
        ({"Studio": "name"}, "studio { name }"),
        ({"Performer": "name gender"}, "performers { name gender }"),
        ({"Performer": "name alias_list"}, "performers { name alias_list }"),
    ],
)
def test_a_field_that_is_missing_is_not_asked_for(
    lost: dict[str, str], part: str
) -> None:
    """All else is."""
    assert part in _schema(**lost).scene(ALL)
