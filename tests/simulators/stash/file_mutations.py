"""The mutations of files, and those that count views."""

from collections.abc import Callable, Sequence
from typing import Any

from .base import StashError
from .conditions import numbers
from .execution import Row, Want
from .extras import ORGASMS, VIEWS
from .inputs import key_of
from .resolvers import Call


def _assign(call: Call, want: Want, input: Row) -> bool:
    """Hand a file over to another scene."""
    scene, file = key_of(input["scene_id"]), key_of(input["file_id"])
    if call.core.is_primary(file):
        raise StashError("assigning file to scene: cannot reassign primary file")
    if not call.core.exists("scene", scene):
        raise StashError(
            "assigning file to scene: inserting into scenes_files: executing `INSERT INTO `scenes_files`"
            f" (`scene_id`, `primary`, `file_id`) VALUES ({scene}, 1, {file})` [[]]: FOREIGN KEY constraint failed"
        )
    call.core.assign_file(scene, file)
    return True


def _move(call: Call, want: Want, input: Row) -> bool:
    """Move files, as renamer plugins do."""
    core = call.core
    with core.store.transaction():
        for key in numbers(input["ids"]):
            try:
                path = core.file_path(key)
            except StashError as err:
                raise StashError(f"finding file {key}: {err}") from err
            folder, name = core.split_path(path)
            folder = input.get("destination_folder") or folder
            roots = [row[0] for row in core.store.rows("SELECT path FROM library")]
            if roots and not any(
                f"{folder}{core.separator}".startswith(
                    root.rstrip(core.separator) + core.separator
                )
                for root in roots
            ):
                raise StashError(
                    f"folder path {folder} must be within a stash library path"
                )
            target = (
                f"{folder}{core.separator}{input.get('destination_basename') or name}"
            )
            if target != path and core.is_there(target):
                raise StashError(f"file {target} already exists")
            core.move_file(key, target)
    return True


def _delete(call: Call, want: Want, ids: Sequence[str]) -> bool:
    """Delete files, on the disk too, or none."""
    core = call.core
    with core.store.transaction():
        for key in numbers(ids):
            path = core.file_path(key)
            if core.is_primary(key):
                raise StashError(f"cannot delete primary file {path}")
            core.delete_file(key)
            core.store.run("DELETE FROM disk WHERE path = ?", (path,))
    return True


def _history(call: Call, key: int, kind: str) -> Row:
    """Answer how often, and when."""
    found = call.core.history(key, kind)
    return {"count": len(found), "history": found}


def _adder(kind: str) -> Callable[..., Row]:
    """Make the mutation that counts, now or at given times."""

    def resolve(
        call: Call, want: Want, id: str, times: Sequence[str] | None = None
    ) -> Row:
        key = key_of(id)
        call.core.check_scene(key)
        call.core.remember(key, kind, times or ())
        return _history(call, key, kind)

    return resolve


def _deleter(kind: str) -> Callable[..., Row]:
    """Make the mutation that takes the latest back."""

    def resolve(
        call: Call, want: Want, id: str, times: Sequence[str] | None = None
    ) -> Row:
        call.core.forget(key_of(id), kind)
        return _history(call, key_of(id), kind)

    return resolve


def _counter(kind: str, how: str) -> Callable[..., int]:
    """Make the older mutations, which answer a number only."""

    def resolve(call: Call, want: Want, id: str) -> int:
        key = key_of(id)
        call.core.check_scene(key)
        if how == "add":
            call.core.remember(key, kind)
        else:
            call.core.forget(key, kind, everything=how == "reset")
        return len(call.core.history(key, kind))

    return resolve


def _save_activity(
    call: Call,
    want: Want,
    id: str,
    resume_time: float | None = None,
    playDuration: float | None = None,  # noqa: N803 - so it is called
) -> bool:
    """Keep where somebody stopped, and for how long they watched."""
    call.core.store.run(
        "UPDATE scenes SET resume_time = coalesce(?, resume_time),"
        " play_duration = play_duration + coalesce(?, 0) WHERE id = ?",
        (resume_time, playDuration, key_of(id)),
    )
    return True


def _reset_activity(
    call: Call,
    want: Want,
    id: str,
    reset_resume: bool | None = None,
    reset_duration: bool | None = None,
) -> bool:
    """Forget where somebody stopped, or for how long they watched."""
    for column, wanted in (
        ("resume_time", reset_resume),
        ("play_duration", reset_duration),
    ):
        if wanted:
            call.core.store.run(
                f"UPDATE scenes SET {column} = 0 WHERE id = ?", (key_of(id),)
            )
    return True


FILE_MUTATIONS: dict[str, Callable[..., Any]] = {
    "sceneAssignFile": _assign,
    "moveFiles": _move,
    "deleteFiles": _delete,
}
HISTORY_MUTATIONS: dict[str, Callable[..., Any]] = {
    "sceneAddPlay": _adder(VIEWS),
    "sceneDeletePlay": _deleter(VIEWS),
    "sceneIncrementPlayCount": _counter(VIEWS, "add"),
    "sceneResetPlayCount": _counter(VIEWS, "reset"),
    "sceneAddO": _adder(ORGASMS),
    "sceneDeleteO": _deleter(ORGASMS),
    "sceneIncrementO": _counter(ORGASMS, "add"),
    "sceneDecrementO": _counter(ORGASMS, "delete"),
    "sceneResetO": _counter(ORGASMS, "reset"),
    "sceneSaveActivity": _save_activity,
    "sceneResetActivity": _reset_activity,
}
