"""The mutations of scenes: what Stash's own pages send when a user saves one."""

from collections.abc import Callable, Sequence
from typing import Any, cast

from .base import Kind, StashError
from .conditions import numbers
from .execution import Row, Want
from .extras import Marker
from .inputs import key_of, scene_fields
from .resolvers import Call
from .scenes import SceneFields

_NO_TITLE = "title must be set if scene has no files"


def _scene(call: Call, want: Want, key: int) -> Row:
    """Answer a scene that is certainly there."""
    return call.loader.scenes([key], want)[0]


def _check_studio(call: Call, key: int, fields: SceneFields) -> None:
    """Refuse a studio that is not there, as the database does."""
    studio = fields.get("studio_id")
    if studio is not None and not call.core.exists("studio", studio):
        raise StashError(
            "updating scenes: executing `UPDATE `scenes` SET `studio_id`=?,`updated_at`=? WHERE"
            f" (`scenes`.`id` = ?)` [[{studio} {call.core.now()} {key}]]: FOREIGN KEY constraint failed"
        )


def _create(call: Call, want: Want, input: Row) -> Row:
    """Create a scene without a file."""
    fields = scene_fields(call, input)
    if not fields.get("title"):
        raise StashError(_NO_TITLE)
    try:
        return _scene(call, want, call.core.add_scene(**fields))
    except StashError as err:
        raise StashError(f"creating new scene: {err}") from err


def _update(call: Call, want: Want, input: Row) -> Row:
    """Save a scene's page."""
    key = key_of(input["id"])
    call.core.check_scene(key)
    fields = scene_fields(call, input)
    if fields.get("title") == "" and not call.core.paths(key):
        raise StashError(_NO_TITLE)
    _check_studio(call, key, fields)
    with call.core.store.transaction():
        call.core.edit_scene(key, **fields)
        if primary := input.get("primary_file_id"):
            call.core.set_primary(key, key_of(primary))
    return _scene(call, want, key)


def _update_all(call: Call, want: Want, input: Sequence[Row]) -> list[Row]:
    """Save several scenes, or none."""
    with call.core.store.transaction():
        return [_update(call, want, each) for each in input]


def _bulk_update(call: Call, want: Want, input: Row) -> list[Row]:
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
            if not call.core.exists("scene", key):
                raise StashError("sql: no rows in result set")
            fields = cast("Row", scene_fields(call, plain))
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


def _merge(call: Call, want: Want, input: Row) -> Row:
    """Merge scenes into one."""
    key, sources = key_of(input["destination"]), numbers(input["source"])
    for source in sources:
        if not call.core.exists("scene", source):
            raise StashError(f"finding source scenes: scene with id {source} not found")
    call.core.merge_scenes(
        sources, key, **scene_fields(call, input.get("values") or {})
    )
    return _scene(call, want, key)


def _destroy_all(call: Call, want: Want, input: Row) -> bool:
    """Delete scenes, or none; their files stay unless they are to go."""
    files = bool(input.get("delete_file"))
    with call.core.store.transaction():
        for key in numbers(input.get("ids") or [input["id"]]):
            paths = call.core.paths(key)
            call.core.delete_scene(key, delete_files=files)
            for path in paths if files else ():
                call.core.store.run("DELETE FROM disk WHERE path = ?", (path,))
    return True


def _screenshot(call: Call, want: Want, id: str, at: float | None = None) -> str:
    """Make a cover from a moment of the video."""
    key = key_of(id)
    call.core.check_scene(key)
    call.run("Generating screenshot...", lambda: call.core.draw_cover(key, at or 0.0))
    return "todo"


def _marker(call: Call, want: Want, key: int) -> Row:
    """Answer a marker that is certainly there."""
    return call.loader.markers([key], want)[0]


def _marker_create(call: Call, want: Want, input: Row) -> Row:
    """Make a marker."""
    scene, tag = key_of(input["scene_id"]), key_of(input["primary_tag_id"])
    call.core.check_scene(scene)
    call.core.object_id(Kind.TAG, tag)
    marker = Marker(input["title"], input["seconds"], scene, tag)
    key = call.core.add_marker(marker)
    return _marker(call, want, key)


def _marker_update(call: Call, want: Want, input: Row) -> Row:
    """Change a marker."""
    key = key_of(input["id"])
    given = {
        name: input[name]
        for name in ("title", "seconds")
        if input.get(name) is not None
    }
    if tag := input.get("primary_tag_id"):
        given["primary_tag_id"] = key_of(tag)
    call.core.edit_marker(key, **given)
    return _marker(call, want, key)


def _marker_destroy(call: Call, want: Want, id: str) -> bool:
    """Delete a marker."""
    call.core.delete_marker(key_of(id))
    return True


SCENE_MUTATIONS: dict[str, Callable[..., Any]] = {
    "sceneCreate": _create,
    "sceneUpdate": _update,
    "scenesUpdate": _update_all,
    "bulkSceneUpdate": _bulk_update,
    "sceneMerge": _merge,
    "sceneDestroy": _destroy_all,
    "scenesDestroy": _destroy_all,
    "sceneGenerateScreenshot": _screenshot,
    "sceneMarkerCreate": _marker_create,
    "sceneMarkerUpdate": _marker_update,
    "sceneMarkerDestroy": _marker_destroy,
}
