"""The mutations of what scenes refer to: performers, studios, tags, groups, galleries."""

from collections.abc import Callable, Sequence
from typing import Any

from .base import Kind, StashError
from .conditions import numbers
from .dates import date_of
from .execution import Row, Want
from .inputs import image, key_of, trimmed
from .resolvers import Call

_COLUMNS = {"rating100": "rating"}
_NULLABLE = {"rating100", "parent_id", "date", "birthdate", "gender"}
_PICTURES = {"image": "", "front_image": "", "back_image": "_back"}


def _save(call: Call, kind: Kind, key: int | None, given: Row) -> int:
    """Make an object, or change one; return its id."""
    changes = {
        _COLUMNS.get(name, name): ""
        if value is None and name not in _NULLABLE
        else value
        for name, value in given.items()
        if name not in ("id", "clientMutationId")
    }
    aliases = changes.pop("alias_list", changes.pop("aliases", None))
    if isinstance(aliases, str):
        aliases = [aliases] if aliases else []
    parents = changes.pop("parent_ids", None)
    pictures = {
        ending: image(changes.pop(name))
        for name, ending in _PICTURES.items()
        if name in changes
    }
    for name in ("parent_id", "studio_id"):
        if changes.get(name):
            changes[name] = key_of(changes[name])
    for name in ("date", "birthdate"):
        if name in changes:
            changes[name] = date_of(changes[name], call.minor)
    name = changes.pop("name", None)
    if name is not None:
        name = trimmed(call, name)
    with call.core.store.transaction():
        if key is None:
            key = call.core.add_object(kind, name or "", aliases=aliases, **changes)
        else:
            call.core.edit_object(kind, key, name=name, aliases=aliases, **changes)
        if parents is not None:
            call.core.set_tag_parents(key, numbers(parents))
        for ending, data in pictures.items():
            call.core.set_image(kind.noun + ending, key, data)
    return key


def _creator(kind: Kind) -> Callable[..., Row]:
    """Make the mutation that makes an object."""

    def resolve(call: Call, want: Want, input: Row) -> Row:
        key = _save(call, kind, None, input)
        return call.loader.objects(kind, [key], want)[0]

    return resolve


def _updater(kind: Kind) -> Callable[..., Row]:
    """Make the mutation that saves an object's page."""

    def resolve(call: Call, want: Want, input: Row) -> Row:
        key = _save(call, kind, key_of(input["id"]), input)
        return call.loader.objects(kind, [key], want)[0]

    return resolve


def _bulk_tag_update(call: Call, want: Want, input: Row) -> list[Row]:
    """Save the same change to several tags, or to none."""
    keys = numbers(input.get("ids"))
    plain = {name: value for name, value in input.items() if name != "ids"}
    with call.core.store.transaction():
        for key in keys:
            _save(call, Kind.TAG, key, plain)
    return call.loader.objects(Kind.TAG, keys, want)


def _delete(call: Call, kind: Kind, keys: Sequence[int]) -> bool:
    """Delete objects, or none."""
    with call.core.store.transaction():
        for key in keys:
            if not call.core.exists(kind.noun, key):
                raise StashError(f"id {key} does not exist in {kind}")
            call.core.delete_object(kind, key)
    return True


def _destroyer(kind: Kind) -> Callable[..., bool]:
    """Make the mutation that deletes an object."""

    def resolve(call: Call, want: Want, input: Row) -> bool:
        return _delete(call, kind, [key_of(input["id"])])

    return resolve


def _all_destroyer(kind: Kind) -> Callable[..., bool]:
    """Make the mutation that deletes several objects."""

    def resolve(call: Call, want: Want, ids: Sequence[str]) -> bool:
        return _delete(call, kind, numbers(ids))

    return resolve


def _tags_merge(call: Call, want: Want, input: Row) -> Row:
    """Merge tags."""
    key = call.core.merge_tags(numbers(input["source"]), key_of(input["destination"]))
    return call.loader.objects(Kind.TAG, [key], want)[0]


def _performer_merge(call: Call, want: Want, input: Row) -> Row:
    """Merge performers; the values are for the one that stays."""
    source, target = numbers(input["source"]), key_of(input["destination"])
    if target in source:
        raise StashError("destination performer cannot be in source list")
    call.core.merge_performers(source, target)
    if values := input.get("values"):
        _updater(Kind.PERFORMER)(call, want, values | {"id": str(target)})
    return call.loader.objects(Kind.PERFORMER, [target], want)[0]


def _gallery_create(call: Call, want: Want, input: Row) -> Row:
    """Make a gallery."""
    return call.loader.galleries(
        [call.core.add_gallery(trimmed(call, input["title"]))]
    )[0]


def _gallery_update(call: Call, want: Want, input: Row) -> Row:
    """Save a gallery's page."""
    key = key_of(input["id"])
    call.core.rename_gallery(key, trimmed(call, input.get("title") or ""))
    return call.loader.galleries([key])[0]


def _gallery_destroy(call: Call, want: Want, input: Row) -> bool:
    """Delete galleries."""
    call.core.delete_galleries(numbers(input["ids"]))
    return True


def _of(kind: Kind, noun: str) -> dict[str, Callable[..., Any]]:
    """Return the mutations every kind of object has."""
    return {
        f"{noun}Create": _creator(kind),
        f"{noun}Update": _updater(kind),
        f"{noun}Destroy": _destroyer(kind),
        f"{noun}sDestroy": _all_destroyer(kind),
    }


OBJECT_MUTATIONS: dict[str, Callable[..., Any]] = {
    **{name: made for kind in Kind for name, made in _of(kind, kind.noun).items()},
    **_of(Kind.GROUP, "movie"),
    "bulkTagUpdate": _bulk_tag_update,
    "tagsMerge": _tags_merge,
    "performerMerge": _performer_merge,
    "galleryCreate": _gallery_create,
    "galleryUpdate": _gallery_update,
    "galleryDestroy": _gallery_destroy,
}
