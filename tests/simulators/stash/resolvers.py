"""The queries: each field of ``Query`` and how it is answered."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from graphql import GraphQLObjectType, GraphQLResolveInfo, is_non_null_type

from .base import Kind, StashError
from .conditions import numbers
from .core import StashCore
from .execution import Row, Want, below, wanted
from .finder import Page, chosen, query
from .jobs import Jobs
from .loader import Loader
from .schema import DATABASE_SCHEMAS

_FIRST_STRICT_SORT = 26


@dataclass(frozen=True, slots=True)
class Call:
    """What resolvers may look at: passed as graphql-core's context value."""

    core: StashCore
    jobs: Jobs
    loader: Loader
    minor: int
    version: str | None
    status: str
    scene: GraphQLObjectType
    # What went wrong where null may stand, by its path below the root field.
    errors: list[tuple[tuple[str | int, ...], str]] = field(default_factory=list)

    def check_database(self) -> None:
        """Refuse whatever needs a database that is not open."""
        if self.status != "OK":
            raise StashError("database not initialized")


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


def _check_fields(
    call: Call, want: Want, rows: Sequence[Row], place: tuple[str | int, ...]
) -> list[Row]:
    """Fail, or leave null, where the resolver of a field fails that was asked for."""
    found = list(rows)
    for index, row in enumerate(rows):
        name = call.core.sick.get(int(row["id"]), "")
        if name not in want:
            continue
        where = (*place, index, name) if place else (name,)
        if is_non_null_type(call.scene.fields[name].type):
            # Null may stand no lower than in place of the root field.
            raise StashError(f"{name} of a scene not found", where)
        found[index] = row | {name: None}
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
    key = call.core.file_id(_key(id) if id is not None else path or "")
    return call.loader.files([key], want)[key]


def _stats(call: Call, want: Want) -> Row:
    """Count everything."""
    count = call.core.store.number
    groups = count('SELECT count(*) FROM "groups"')
    return {
        "scene_count": count("SELECT count(*) FROM scenes"),
        "scenes_size": float(count("SELECT sum(size) FROM files")),
        "scenes_duration": float(count("SELECT sum(duration) FROM files")),
        "image_count": 0,
        "images_size": 0.0,
        "gallery_count": 0,
        "performer_count": count("SELECT count(*) FROM performers"),
        "studio_count": count("SELECT count(*) FROM studios"),
        "movie_count": groups,
        "group_count": groups,
        "tag_count": count("SELECT count(*) FROM tags"),
        "total_o_count": count("SELECT sum(o_counter) FROM scenes"),
        "total_play_duration": float(count("SELECT sum(play_duration) FROM scenes")),
        "total_play_count": count("SELECT sum(play_count) FROM scenes"),
        "scenes_played": count("SELECT count(*) FROM scenes WHERE play_count > 0"),
    }


def _configuration(call: Call, want: Want) -> Row:
    """Answer the library's roots."""
    roots = call.core.store.rows(
        "SELECT path, exclude_video FROM library ORDER BY path"
    )
    stashes = [
        {"path": path, "excludeVideo": bool(exclude), "excludeImage": False}
        for path, exclude in roots
    ]
    return {"general": {"stashes": stashes, "databasePath": "/config/stash-go.sqlite"}}


def _system_status(call: Call, want: Want) -> Row:
    """Answer how the database stands to the program."""
    wanted_schema = DATABASE_SCHEMAS[call.minor]
    present = {"SETUP": None, "NEEDS_MIGRATION": wanted_schema - 1}.get(
        call.status, wanted_schema
    )
    return {
        "databaseSchema": present,
        "databasePath": "/config/stash-go.sqlite",
        "configPath": "/config/config.yml",
        "appSchema": wanted_schema,
        "status": call.status,
    }


def _version(call: Call, want: Want) -> Row:
    """Answer the version, which is null on builds people make themselves."""
    return {
        "version": call.version,
        "hash": "5ca7a0de",
        "build_time": "2026-01-01 00:00:00",
    }


def _job_queue(call: Call, want: Want) -> list[Row] | None:
    """Answer the jobs under way."""
    return call.jobs.queue(call.minor)


def _find_job(call: Call, want: Want, input: Row) -> Row | None:
    """Answer one job."""
    return call.jobs.find(_key(input["id"]))


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
    "stats": _stats,
    "configuration": _configuration,
    "systemStatus": _system_status,
    "version": _version,
    "jobQueue": _job_queue,
    "findJob": _find_job,
}
_WITHOUT_DATABASE = {"configuration", "systemStatus", "version", "jobQueue", "findJob"}


def resolve_root(
    functions: dict[str, Callable[..., Any]], info: GraphQLResolveInfo, arguments: Row
) -> Any:
    """Answer one root field with the function of its name."""
    call: Call = info.context
    if info.field_name not in _WITHOUT_DATABASE:
        call.check_database()
    before = len(call.errors)
    answer = functions[info.field_name](call, wanted(info), **arguments)
    for number, (below_field, message) in enumerate(call.errors[before:], before):
        call.errors[number] = (*info.path.as_list(), *below_field), message
    return answer
