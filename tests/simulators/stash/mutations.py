"""The mutations: what Stash's own pages send when a user saves something."""

from base64 import b64decode
from collections.abc import Callable, Sequence
import re
from typing import Any, cast

from .base import Kind, StashError
from .conditions import numbers
from .execution import Row, Want
from .resolvers import Call
from .scenes import SceneFields

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}$")
_PARTIAL_DATE = re.compile(r"\d{4}(-\d{2}(-\d{2})?)?$")
_TEXTS = ("title", "code", "details", "director")
_COLUMNS = {"rating100": "rating"}
_NULLABLE = {"rating100", "parent_id", "date"}


def _key(value: str) -> int:
    """Read one id."""
    return numbers([value])[0]


def _image(value: str | None) -> bytes | None:
    """Read a picture from a data URL; nothing means none."""
    if not value:
        return None
    head, _, body = value.partition("base64,")
    if not head.startswith("data:"):
        raise StashError("only data URLs are supported here")
    return b64decode(body)


def _date(call: Call, value: str | None) -> str | None:
    """Check a date; from 0.30 on a part of one will do."""
    if not value:
        return None
    if not (_PARTIAL_DATE if call.minor >= 30 else _DATE).match(value):
        raise StashError(f"converting date: parsing time {value!r}: cannot parse")
    return value


def _fields(call: Call, given: Row) -> SceneFields:
    """Translate what a scene's page sends; a field that is missing stays as it is."""
    fields: Row = {name: given[name] or "" for name in _TEXTS if name in given}
    if "date" in given:
        fields["date"] = _date(call, given["date"])
    if "rating100" in given:
        fields["rating100"] = given["rating100"]
    if given.get("organized") is not None:
        fields["organized"] = given["organized"]
    if "studio_id" in given:
        studio = given["studio_id"]
        fields["studio_id"] = (
            call.core.object_id(Kind.STUDIO, _key(studio)) if studio else None
        )
    if "urls" in given or "url" in given:
        fields["urls"] = given.get("urls") or [url for url in [given.get("url")] if url]
    for name in ("performer_ids", "tag_ids"):
        if name in given:
            fields[name] = numbers(given[name])
    for name, key in (("groups", "group_id"), ("movies", "movie_id")):
        if name in given:
            fields["group_ids"] = numbers([each[key] for each in given[name] or ()])
    if "cover_image" in given:
        fields["cover"] = _image(given["cover_image"])
    if "stash_ids" in given:
        fields["stash_ids"] = {
            each["endpoint"]: each["stash_id"] for each in given["stash_ids"] or ()
        }
    return cast("SceneFields", fields)


def _scene(call: Call, want: Want, key: int) -> Row:
    """Answer a scene that is certainly there."""
    return call.loader.scenes([key], want)[0]


def _scene_create(call: Call, want: Want, input: Row) -> Row:
    """Create a scene without a file."""
    return _scene(call, want, call.core.add_scene(**_fields(call, input)))


def _scene_update(call: Call, want: Want, input: Row) -> Row:
    """Save a scene's page."""
    key = _key(input["id"])
    call.core.check_scene(key)
    if input.get("title") == "" and not call.core.paths(key):
        raise StashError("title must be set if scene has no files")
    call.core.edit_scene(key, **_fields(call, input))
    return _scene(call, want, key)


def _scenes_update(call: Call, want: Want, input: Sequence[Row]) -> list[Row]:
    """Save several scenes, or none."""
    with call.core.store.transaction():
        return [_scene_update(call, want, each) for each in input]


def _bulk_scene_update(call: Call, want: Want, input: Row) -> list[Row]:
    """Save the same change to several scenes, or to none."""
    keys = numbers(input.get("ids"))
    plain = {
        name: value
        for name, value in input.items()
        if name not in ("performer_ids", "tag_ids", "group_ids")
    }
    lists = (
        ("performer_ids", "performers_scenes", "performer_id"),
        ("tag_ids", "scenes_tags", "tag_id"),
        ("group_ids", "groups_scenes", "group_id"),
    )
    with call.core.store.transaction():
        for key in keys:
            fields = cast("Row", _fields(call, plain))
            for name, table, column in lists:
                if change := input.get(name):
                    rows = call.core.store.rows(
                        f"SELECT {column} FROM {table} WHERE scene_id = ?", (key,)
                    )
                    present, given = (
                        {int(row[0]) for row in rows},
                        set(numbers(change["ids"])),
                    )
                    result = {
                        "SET": given,
                        "ADD": present | given,
                        "REMOVE": present - given,
                    }
                    fields[name] = sorted(result[change["mode"]])
            call.core.edit_scene(key, **cast("SceneFields", fields))
    return call.loader.scenes(keys, want)


def _scene_merge(call: Call, want: Want, input: Row) -> Row:
    """Merge scenes into one."""
    key = _key(input["destination"])
    call.core.merge_scenes(
        numbers(input["source"]), key, **_fields(call, input.get("values") or {})
    )
    return _scene(call, want, key)


def _scene_destroy(call: Call, want: Want, input: Row) -> bool:
    """Delete one scene."""
    call.core.delete_scene(_key(input["id"]))
    return True


def _scenes_destroy(call: Call, want: Want, input: Row) -> bool:
    """Delete several scenes, or none."""
    with call.core.store.transaction():
        for key in numbers(input["ids"]):
            call.core.delete_scene(key)
    return True


def _assign_file(call: Call, want: Want, input: Row) -> bool:
    """Hand a file over to another scene."""
    call.core.assign_file(_key(input["scene_id"]), _key(input["file_id"]))
    return True


def _move_files(call: Call, want: Want, input: Row) -> bool:
    """Move files, as renamer plugins do."""
    keys = numbers(input["ids"])
    for key in keys:
        row = call.loader.files([key], {})[key]
        folder = input.get("destination_folder") or row["folder"]
        name = input.get("destination_basename") or row["basename"]
        call.core.move_file(key, f"{folder}{call.core.separator}{name}")
    return True


def _updater(kind: Kind) -> Callable[..., Row]:
    """Make the mutation that saves an object's page."""
    image_kind = kind.noun

    def resolve(call: Call, want: Want, input: Row) -> Row:
        key = _key(input["id"])
        changes = {
            _COLUMNS.get(name, name): ""
            if value is None and name not in _NULLABLE
            else value
            for name, value in input.items()
            if name != "id"
        }
        aliases = changes.pop("alias_list", changes.pop("aliases", None))
        parents = changes.pop("parent_ids", None)
        images = [
            changes.pop(name) for name in ("image", "front_image") if name in changes
        ]
        if changes.get("parent_id"):
            changes["parent_id"] = _key(changes["parent_id"])
        if "date" in changes:
            changes["date"] = _date(call, changes["date"])
        name = changes.pop("name", None)
        with call.core.store.transaction():
            call.core.edit_object(kind, key, name=name, aliases=aliases, **changes)
            if parents is not None:
                call.core.set_tag_parents(key, numbers(parents))
            for image in images:
                call.core.set_image(image_kind, key, _image(image))
        return call.loader.objects(kind, [key], want)[0]

    return resolve


def _destroyer(kind: Kind) -> Callable[..., bool]:
    """Make the mutation that deletes an object."""

    def resolve(call: Call, want: Want, input: Row) -> bool:
        call.core.delete_object(kind, _key(input["id"]))
        return True

    return resolve


def _tags_merge(call: Call, want: Want, input: Row) -> Row:
    """Merge tags."""
    key = call.core.merge_tags(numbers(input["source"]), _key(input["destination"]))
    return call.loader.objects(Kind.TAG, [key], want)[0]


MUTATIONS: dict[str, Callable[..., Any]] = {
    "sceneCreate": _scene_create,
    "sceneUpdate": _scene_update,
    "scenesUpdate": _scenes_update,
    "bulkSceneUpdate": _bulk_scene_update,
    "sceneMerge": _scene_merge,
    "sceneDestroy": _scene_destroy,
    "scenesDestroy": _scenes_destroy,
    "sceneAssignFile": _assign_file,
    "moveFiles": _move_files,
    "performerUpdate": _updater(Kind.PERFORMER),
    "performerDestroy": _destroyer(Kind.PERFORMER),
    "studioUpdate": _updater(Kind.STUDIO),
    "studioDestroy": _destroyer(Kind.STUDIO),
    "tagUpdate": _updater(Kind.TAG),
    "tagDestroy": _destroyer(Kind.TAG),
    "tagsMerge": _tags_merge,
    "movieUpdate": _updater(Kind.GROUP),
    "groupUpdate": _updater(Kind.GROUP),
}
