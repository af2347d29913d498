"""The mutations that start a task, and those that set up the program itself."""

from collections.abc import Callable
from functools import partial
from typing import Any

from .base import Kind
from .conditions import numbers
from .execution import Row, Want
from .resolvers import Call


def _scan(call: Call, want: Want, input: Row) -> str:
    """Look for new files."""
    covers = bool(input.get("scanGenerateCovers"))
    return call.run("Scanning...", lambda: call.core.scan(covers=covers), scan=True)


def _clean(call: Call, want: Want, input: Row) -> str:
    """Forget files that are gone."""
    work = partial(call.core.clean, dry_run=bool(input.get("dryRun")))
    return call.run("Cleaning...", work, scan=True)


def _generate(call: Call, want: Want, input: Row) -> str:
    """Make covers; nothing else that can be generated matters here."""
    scenes = numbers(input["sceneIDs"]) if input.get("sceneIDs") else None

    def work() -> None:
        if input.get("covers"):
            overwrite = bool(input.get("overwrite"))
            call.core.generate_covers(scenes, overwrite=overwrite)

    return call.run("Generating...", work)


def _auto_tag(call: Call, want: Want, input: Row) -> str:
    """Add what the paths name."""
    wanted = {
        kind: input[kind.value]
        for kind in (Kind.PERFORMER, Kind.STUDIO, Kind.TAG)
        if input.get(kind.value)
    }
    return call.run("Auto-tagging...", lambda: call.core.auto_tag(wanted))


def _export(call: Call, want: Want) -> str:
    """Write everything down."""
    return call.run("Exporting...", call.core.export_all)


def _import(call: Call, want: Want) -> str:
    """Delete everything, and replace it by what was written down.

    The database is made anew first, and seems to be that of an old version meanwhile.
    """
    instance = call.instance

    def delete() -> None:
        call.core.begin_import()
        instance.status, instance.database_schema = "NEEDS_MIGRATION", 7

    def create() -> None:
        instance.status, instance.database_schema = "OK", None

    def fill() -> None:
        call.core.import_all(minor=call.minor)

    return call.run("Importing...", delete, create, fill)


def _migrate(call: Call, want: Want, input: Row) -> str:
    """Bring the database to the program's own schema."""
    instance = call.instance

    def work() -> None:
        instance.status, instance.database_schema = "OK", None

    return call.run("Migrating database...", work)


def _setup(call: Call, want: Want, input: Row) -> bool:
    """Set up a new server."""
    call.core.set_library([each["path"] for each in input["stashes"]])
    call.instance.status = "OK"
    return True


def _configure(call: Call, want: Want, input: Row) -> Row:
    """Save a page of the settings."""
    instance = call.instance
    if input.get("parallelTasks") is not None:
        instance.parallel_tasks = input["parallelTasks"]
    if input.get("stashes") is not None:
        call.core.set_library([each["path"] for each in input["stashes"]])
    if "username" in input or "password" in input:
        instance.auth.set_password(
            input.get("username") or "", input.get("password") or ""
        )
    return call.general()


def _generate_key(call: Call, want: Want, input: Row) -> str:
    """Deal out a new key, or take the old one away."""
    if input.get("clear"):
        call.instance.auth.api_key = None
        return ""
    return call.instance.auth.make_key()


TASK_MUTATIONS: dict[str, Callable[..., Any]] = {
    "metadataScan": _scan,
    "metadataClean": _clean,
    "metadataGenerate": _generate,
    "metadataAutoTag": _auto_tag,
    "metadataExport": _export,
    "metadataImport": _import,
}
# These need no database that is open.
PROGRAM_MUTATIONS: dict[str, Callable[..., Any]] = {
    "migrate": _migrate,
    "setup": _setup,
    "configureGeneral": _configure,
    "generateAPIKey": _generate_key,
}
