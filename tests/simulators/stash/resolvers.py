"""The queries: each field of ``Query`` and how it is answered."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from graphql import (
    FieldNode,
    GraphQLObjectType,
    OperationDefinitionNode,
    is_non_null_type,
    value_from_ast_untyped,
)

from .base import Kind, StashError
from .conditions import numbers
from .core import StashCore
from .execution import Row, Want, below
from .finder import Page, chosen, query
from .instance import Instance
from .jobs import Jobs
from .loader import Loader

NO_DATABASE = "Internal system error. Error <runtime error: invalid memory address or nil pointer dereference>"
_FIRST_STRICT_SORT = 26


@dataclass(frozen=True, slots=True)
class Call:
    """What resolvers may look at: passed as graphql-core's context value."""

    core: StashCore
    jobs: Jobs
    loader: Loader
    minor: int
    version: str | None
    database_schema: int
    instance: Instance
    scene: GraphQLObjectType
    # The scenes that the request asks for each by itself.
    alone: frozenset[int] = frozenset()
    # What went wrong where null may stand, by its path below the root field.
    errors: list[tuple[tuple[str | int, ...], str]] = field(default_factory=list)

    def check_database(self) -> None:
        """Refuse whatever needs a database that is not open."""
        if self.instance.status != "OK":
            raise StashError(NO_DATABASE)

    def check_lock(self) -> None:
        """Refuse to write while another program holds the database."""
        if self.instance.locked:
            raise StashError("beginning transaction: database is locked")

    def run(
        self, description: str, *steps: Callable[[], None], scan: bool = False
    ) -> str:
        """Start a job; return its id."""

        def careful(work: Callable[[], None]) -> None:
            self.check_lock()
            work()

        return str(
            self.jobs.run(
                description, *(partial(careful, each) for each in steps), scan=scan
            )
        )

    def general(self) -> Row:
        """Return the general settings, with the library's roots."""
        roots = self.core.store.rows(
            "SELECT path, exclude_video FROM library ORDER BY path"
        )
        stashes = [
            {"path": path, "excludeVideo": bool(exclude), "excludeImage": False}
            for path, exclude in roots
        ]
        auth = self.instance.auth
        return {
            "stashes": stashes,
            "databasePath": "/config/stash-go.sqlite",
            "parallelTasks": self.instance.parallel_tasks,
            "username": auth.username,
            "apiKey": auth.api_key or "",
        }


def _key(value: str) -> int:
    """Read one id."""
    return numbers([value])[0]


def _check_rows(call: Call, keys: Sequence[int]) -> None:
    """Fail as a whole, as the query for the rows does if one cannot be read."""
    for key in keys:
        if call.core.sick.get(key) == "row":
            raise StashError(
                'sql: Scan error on column index 3, name "date": parsing time "x"'
            )


def asked_alone(operation: OperationDefinitionNode, variables: Row) -> frozenset[int]:
    """Return the ids that the fields ``findScene`` of a request ask for."""
    ids = {
        value_from_ast_untyped(argument.value, variables)
        for node in operation.selection_set.selections
        if isinstance(node, FieldNode) and node.name.value == "findScene"
        for argument in node.arguments
        if argument.name.value == "id"
    }
    return frozenset(int(each) for each in ids if str(each).isdigit())


def _check_fields(
    call: Call, want: Want, rows: Sequence[Row], place: tuple[str | int, ...]
) -> list[Row]:
    """Fail, or leave null, where the resolver of a field fails that was asked for.

    Stash loads what scenes refer to for all scenes of a request together: what cannot be
    loaded for one of them fails for each that has any of it.
    """
    sick, found = call.core.sick, list(rows)
    run_all = call.alone.union(int(row["id"]) for row in rows)
    failing = {sick[key] for key in run_all if key in sick} & want.keys()
    for index, row in enumerate(rows):
        own = sick.get(int(row["id"]))
        for name in sorted(failing):
            if own != name and not row[name]:
                continue
            where = (*place, index, name) if place else (name,)
            if is_non_null_type(call.scene.fields[name].type):
                # Null may stand no lower than in place of the root field.
                raise StashError(f"{name} of a scene not found", where)
            found[index] = found[index] | {name: None}
            call.errors.append((where, f"{name} of a scene not found"))
    return found


def _find_scene(
    call: Call, want: Want, id: str | None = None, checksum: str | None = None
) -> Row | None:
    """Answer one scene, or null if it is gone."""
    if id is not None:
        keys = [_key(id)]
    else:
        criteria = {"checksum": {"value": checksum or "", "modifier": "EQUALS"}}
        keys = query(call.core, "scenes", criteria, Page(per_page=1)).ids(
            Page(per_page=1)
        )
    _check_rows(call, keys)
    rows = call.loader.scenes(keys, want)
    return next(iter(_check_fields(call, want, rows, ())), None)


def _find_scenes(
    call: Call,
    want: Want,
    scene_filter: Row | None = None,
    filter: Row | None = None,
    ids: Sequence[str] | None = None,
    scene_ids: Sequence[int] | None = None,
) -> Row:
    """Answer scenes by id, all of them or an error, or else those a filter finds."""
    if found := numbers(ids) or list(scene_ids or ()):
        for key in found:
            call.core.check_scene(key)
        selection, count = chosen(call.core, found), len(found)
    else:
        page = Page.of(filter)
        selection = query(
            call.core,
            "scenes",
            scene_filter,
            page,
            strict_sort=call.minor >= _FIRST_STRICT_SORT,
        )
        # The rows of the page are read whatever is wanted of them.
        found = selection.ids(page) if "scenes" in want or call.core.sick else []
        count = selection.count() if "count" in want else 0
    _check_rows(call, found)
    below_scenes = below(want, "scenes") or {}
    return {
        "count": count,
        "duration": selection.total("duration") if "duration" in want else 0.0,
        "filesize": selection.total("size") if "filesize" in want else 0.0,
        "scenes": _check_fields(
            call,
            below_scenes,
            call.loader.scenes(found, below_scenes) if "scenes" in want else [],
            ("scenes",),
        ),
    }


def _finder(kind: Kind, name: str) -> Callable[..., Row]:
    """Make the resolver for a page of objects; ``name`` is the list's field."""

    def resolve(call: Call, want: Want, **arguments: Any) -> Row:
        if kind in call.core.sick_kinds:
            raise StashError("sql: Scan error on column index 1")
        if found := numbers(arguments.get("ids")) or list(
            arguments.get("performer_ids") or ()
        ):
            for key in found:
                call.core.object_id(kind, key)
            return {
                "count": len(found),
                name: call.loader.objects(kind, found, want.get(name, {})),
            }
        page = Page.of(arguments.get("filter"))
        criteria = next(
            (value for key, value in arguments.items() if key.endswith("_filter")), None
        )
        selection = query(
            call.core,
            kind,
            criteria,
            page,
            strict_sort=call.minor >= _FIRST_STRICT_SORT,
        )
        return {
            "count": selection.count() if "count" in want else 0,
            name: call.loader.objects(kind, selection.ids(page), want.get(name, {}))
            if name in want
            else [],
        }

    return resolve


def _getter(kind: Kind) -> Callable[..., Row | None]:
    """Make the resolver for one object."""

    def resolve(call: Call, want: Want, id: str) -> Row | None:
        return next(iter(call.loader.objects(kind, [_key(id)], want)), None)

    return resolve


def _find_file(
    call: Call, want: Want, id: str | None = None, path: str | None = None
) -> Row:
    """Answer one file."""
    key = call.core.file_id(path or "") if id is None else _key(id)
    call.core.file_path(key)
    return call.loader.files([key], want)[key]


def _find_galleries(call: Call, want: Want, filter: Row | None = None, **_: Any) -> Row:
    """Answer galleries, all on one page."""
    rows = call.core.store.rows("SELECT id FROM galleries")
    found = call.loader.galleries([row[0] for row in rows])
    return {"count": len(found), "galleries": found}


def _find_markers(call: Call, want: Want, filter: Row | None = None, **_: Any) -> Row:
    """Answer markers, all on one page."""
    rows = call.core.store.rows("SELECT id FROM scene_markers")
    ids = [row[0] for row in rows]
    found = call.loader.markers(ids, want.get("scene_markers", {}))
    return {"count": len(found), "scene_markers": found}


QUERIES: dict[str, Callable[..., Any]] = {
    "findScene": _find_scene,
    "findScenes": _find_scenes,
    "findPerformer": _getter(Kind.PERFORMER),
    "findPerformers": _finder(Kind.PERFORMER, "performers"),
    "findStudio": _getter(Kind.STUDIO),
    "findStudios": _finder(Kind.STUDIO, "studios"),
    "findTag": _getter(Kind.TAG),
    "findTags": _finder(Kind.TAG, "tags"),
    "findMovie": _getter(Kind.GROUP),
    "findMovies": _finder(Kind.GROUP, "movies"),
    "findGroup": _getter(Kind.GROUP),
    "findGroups": _finder(Kind.GROUP, "groups"),
    "findFile": _find_file,
    "findGalleries": _find_galleries,
    "findSceneMarkers": _find_markers,
}
