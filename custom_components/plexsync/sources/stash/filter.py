"""The filter for scenes that the owner chose."""

from collections.abc import Mapping
from typing import Any

from .lists import fold, folded, names_of
from .options import StashOptions


def is_wanted(scene: Mapping[str, Any], options: StashOptions) -> bool:
    """Return whether a scene passes the filter; fields that Stash lacks let it pass."""
    return (
        _has_tags(scene, options)
        and _has_studio(scene, options)
        and _is_rated(scene, options)
    )


def _has_tags(scene: Mapping[str, Any], options: StashOptions) -> bool:
    if not (options.with_tags or options.without_tags) or "tags" not in scene:
        return True
    tags = set(map(fold, names_of(scene["tags"])))
    return folded(options.with_tags) <= tags and tags.isdisjoint(
        folded(options.without_tags)
    )


def _has_studio(scene: Mapping[str, Any], options: StashOptions) -> bool:
    if not (options.only_studios or options.without_studios) or "studio" not in scene:
        return True
    studio = scene["studio"] or {}
    studios = set(map(fold, names_of([studio, studio.get("parent_studio")])))
    if options.only_studios and studios.isdisjoint(folded(options.only_studios)):
        return False
    return studios.isdisjoint(folded(options.without_studios))


def _is_rated(scene: Mapping[str, Any], options: StashOptions) -> bool:
    if not options.min_rating or "rating100" not in scene:
        return True
    return (scene["rating100"] or 0) / 10 >= options.min_rating
