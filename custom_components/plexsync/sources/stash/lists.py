"""The lists of a record: its tags, cast and collections, as chosen by the options."""

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

from ...engine.model.record import Actor
from .options import StashOptions


def names_of(things: Iterable[Any] | None) -> list[str]:
    """Return the names of performers, studios, tags or groups, without empty ones."""
    return [thing["name"] for thing in things or () if thing and thing.get("name")]


def fold(name: str) -> str:
    """Fold a name: in Stash, names of tags and studios are unique regardless of case."""
    return name.strip().casefold()


@lru_cache(maxsize=64)
def folded(names: tuple[str, ...]) -> frozenset[str]:
    """Fold the names in an option."""
    return frozenset(map(fold, names))


def tag_names(scene: Mapping[str, Any], options: StashOptions) -> list[str] | None:
    """Return the wanted tags of a scene; None if Stash does not send them."""
    if "tags" not in scene:
        return None
    below = fold(options.tags_below)
    names: list[str] = []
    for tag in scene["tags"] or ():
        if below and "parents" not in tag:
            return None
        parents = names_of(tag.get("parents"))
        if below and below not in map(fold, parents):
            continue
        names += names_of([tag])
        if options.tag_parents:
            names += parents
    if not (below or options.tags_without):
        return names
    unwanted = folded((*options.tags_without, options.tags_below))
    return [name for name in names if fold(name) not in unwanted]


def cast(scene: Mapping[str, Any], options: StashOptions) -> list[Actor] | None:
    """Return the wanted performers; None if Stash does not send them."""
    if "performers" not in scene:
        return None
    chosen = [each for each in scene["performers"] or () if each.get("name")]
    if options.gender and options.gender_only:
        if any("gender" not in each for each in chosen):
            return None
        chosen = [each for each in chosen if _gender(each) == options.gender]
    elif options.gender:
        chosen.sort(key=lambda each: _gender(each) != options.gender)
    return [Actor(each["name"], _role(each, options.role)) for each in chosen]


def _gender(performer: Mapping[str, Any]) -> str:
    return str(performer.get("gender") or "").lower()


def _role(performer: Mapping[str, Any], role: str | None) -> str | None:
    if role == "disambiguation":
        return performer.get("disambiguation") or None
    if role == "alias":
        return next(filter(None, performer.get("alias_list") or ()), None)
    return None


def collection_names(
    scene: Mapping[str, Any], options: StashOptions
) -> list[str] | None:
    """Return the collections of a scene; None if they are left alone."""
    studio = scene.get("studio") or {}
    names: list[str] = []
    parts = 0
    if "collections" in options.fields and ("groups" in scene or "movies" in scene):
        parts += 1
        for word, inner in (("groups", "group"), ("movies", "movie")):
            names += names_of(entry.get(inner) for entry in scene.get(word) or ())
    if options.studio_collection:
        parts += 1
        names += names_of([studio])
    if options.network_collection:
        parts += 1
        names += names_of([studio.get("parent_studio")])
    if options.tag_collections:
        parts += 1
        names += tag_names(scene, options) or ()
    return names if parts else None
