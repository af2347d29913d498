"""The GraphQL queries, fitted to what a Stash supports.

Versions 0.24 to 0.31 are supported by introspection, once per connect, not by comparing
version numbers: groups were movies until 0.27, and fields such as ``rating100`` may come
and go. Every list of fields is written by hand.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
import re
from typing import Any, Self
import unicodedata

from ..base import source_fault
from .options import StashOptions

HEALTH = "query Health { systemStatus { status } version { version } }"
JOBS = "query Jobs { jobQueue { description } }"

_OBJECTS = ("Scene", "Performer", "Studio", "Tag", "Query")
_FILTERS = (
    "SceneFilterType",
    "PerformerFilterType",
    "StudioFilterType",
    "TagFilterType",
    "GroupFilterType",
    "MovieFilterType",
)
LEARN = " ".join(
    (
        "query Learn {",
        *(
            f'{name}: __type(name: "{name}") '
            "{ fields(includeDeprecated: true) { name } }"
            for name in _OBJECTS
        ),
        # Older servers have no argument here, and list deprecated fields anyway.
        *(
            f'{name}: __type(name: "{name}") {{ inputFields {{ name }} }}'
            for name in _FILTERS
        ),
        "configuration { general { stashes { path excludeVideo } } } }",
    )
)

_JOB = "id status description addTime"

# An empty page: scenes are counted without reading any.
COUNT = (
    "query Count($filter: SceneFilterType) { "
    "found: findScenes(scene_filter: $filter, filter: {per_page: 0}) { count } }"
)


@dataclass(frozen=True, slots=True)
class ObjectKind:
    """A kind of object whose changes are tracked.

    ``name`` is used in cursors. ``word`` is Stash's own: the name of the list in answers,
    and of the relation in scene filters.
    """

    name: str
    word: str
    finder: str
    argument: str
    type: str
    marks: tuple[str, ...] = ("name",)  # the fields that appear in records
    depth: int = 0  # levels of the hierarchy below an object to look for its scenes


SCENES = ObjectKind(
    "scenes",
    "scenes",
    "findScenes",
    "scene_filter",
    "SceneFilterType",
    (),
)
_DEPENDENCIES = (
    ObjectKind(
        "performers",
        "performers",
        "findPerformers",
        "performer_filter",
        "PerformerFilterType",
    ),
    ObjectKind(
        "studios", "studios", "findStudios", "studio_filter", "StudioFilterType"
    ),
    ObjectKind("tags", "tags", "findTags", "tag_filter", "TagFilterType"),
    # Renaming movies to groups kept ids and times, so both share a key in cursors.
    ObjectKind("groups", "groups", "findGroups", "group_filter", "GroupFilterType"),
    ObjectKind("groups", "movies", "findMovies", "movie_filter", "MovieFilterType"),
)
_SPECIAL = re.compile(r"[.+*?()|\[\]{}^$]")
_SEPARATORS = re.compile(r"[\\/]+")
_WINDOWS = re.compile(r"[A-Za-z]:[\\/]|[\\/]{2}")
_REQUIRED = frozenset({"id", "updated_at", "files"})
FILES = "files { path fingerprints { type value } }"
_TYPES = {"performers": "Performer", "studios": "Studio", "tags": "Tag"}
ROLE_FIELDS = {"disambiguation": "disambiguation", "alias": "alias_list"}
_SELECTIONS = {
    "parents": "parents { name }",
    "parent_studio": "parent_studio { name }",
}
_SCENE_FIELDS = {
    "id": "id",
    "updated_at": "updated_at",
    "organized": "organized",
    "title": "title",
    "code": "code",
    "details": "details",
    "director": "director",
    "date": "date",
    "rating100": "rating100",
    "files": FILES,
    "studio": "studio",
    "tags": "tags",
    "performers": "performers",
    "groups": "groups { group { name } }",
    "movies": "movies { movie { name } }",
}


@dataclass(frozen=True, slots=True)
class Schema:
    """The fields that a Stash has, by type."""

    names: Mapping[str, frozenset[str]]

    @classmethod
    def from_answer(cls, data: Mapping[str, Any]) -> Self:
        """Parse the answer to ``LEARN``; raises Fault (schema) if it is no Stash."""
        try:
            schema = cls(
                {
                    name: frozenset(member["name"] for member in found[word])
                    for word, names in (("fields", _OBJECTS), ("inputFields", _FILTERS))
                    for name in names
                    if (found := data.get(name))
                }
            )
        except AttributeError, KeyError, TypeError:
            raise source_fault("broken_answer") from None
        if not (
            schema.has("Scene", *_REQUIRED)
            and schema.has(SCENES.type, "id", "updated_at")
        ):
            raise source_fault("schema", permanent=True)
        return schema

    def has(self, type_name: str, *names: str) -> bool:
        """Return whether a type exists and has all these fields."""
        return self.names.get(type_name, frozenset()).issuperset(names)

    def dependencies(self, options: StashOptions) -> list[ObjectKind]:
        """Return the kinds whose changes can change the wanted records."""
        wanted = {
            "performers": options.performers_wanted,
            "studios": options.studios_wanted,
            "tags": options.tags_wanted,
            "groups": "collections" in options.fields,
        }
        below = {"studios": options.network_wanted, "tags": options.relatives_wanted}
        found: dict[str, ObjectKind] = {}
        for kind in _DEPENDENCIES:
            if (
                wanted[kind.name]
                and self.has("Query", kind.finder)
                and self.has(kind.type, "updated_at")
                and self.has(SCENES.type, kind.word)
            ):
                marks = self._read(kind.name, options)
                depth = int(below.get(kind.name, False))
                found.setdefault(kind.name, replace(kind, marks=marks, depth=depth))
        return list(found.values())

    @property
    def jobs(self) -> bool:
        """Return whether this Stash can be asked for its jobs."""
        return self.has("Query", "jobQueue", "findJob")

    def scene(self, options: StashOptions) -> str:
        """Return the selection for a scene."""
        parts = {
            name: part
            for name, part in _SCENE_FIELDS.items()
            if self.has("Scene", name)
        }
        if "groups" in parts:
            parts.pop("movies", None)
        for name, kind in (
            ("studio", "studios"),
            ("tags", "tags"),
            ("performers", "performers"),
        ):
            if name in parts:
                parts[name] += f" {{ {_selection(self._read(kind, options))} }}"
        return " ".join(parts.values())

    def _read(self, kind: str, options: StashOptions) -> tuple[str, ...]:
        """Return the selections for performers, studios, tags and groups."""
        more = {
            "performers": (
                ROLE_FIELDS.get(options.role or ""),
                "gender" if options.gender else None,
            ),
            "studios": ("parent_studio" if options.network_wanted else None,),
            "tags": ("parents" if options.relatives_wanted else None,),
        }
        return (
            "name",
            *(
                field
                for field in more.get(kind, ())
                if field and self.has(_TYPES[kind], field)
            ),
        )


def _selection(names: Iterable[str]) -> str:
    return " ".join(_SELECTIONS.get(name, name) for name in names)


def listing(
    kinds: Iterable[ObjectKind],
    selection: str | None = None,
    *,
    jobs: bool = False,
    totals: bool = False,
) -> str:
    """Return the query for what changed last in several kinds, newest first.

    The alias of each kind is its name. Variables are a filter for each kind, of the same
    name, and ``$page``. With a selection, there is also a page of scenes as ``again``, by
    ``$again`` and ``$againPage``. With ``jobs`` there is the job queue, and the jobs with
    the ids ``$job`` and ``$last`` as ``job`` and ``last``. With ``totals`` there is the
    number of objects of each kind, as its alias with ``Total``.
    """
    variables, lists = ["$page: FindFilterType"], []
    for kind in kinds:
        variables.append(f"${kind.name}: {kind.type}")
        lists.append(
            f"{kind.name}: {kind.finder}({kind.argument}: ${kind.name}, filter: $page)"
            f" {{ count {kind.word} {{ id updated_at {_selection(kind.marks)} }} }}"
        )
        if totals:
            lists.append(
                f"{kind.name}Total: {kind.finder}(filter: {{per_page: 0}}) {{ count }}"
            )
    if selection:
        variables += ["$again: SceneFilterType", "$againPage: FindFilterType"]
        lists.append(
            "again: findScenes(scene_filter: $again, filter: $againPage)"
            f" {{ count scenes {{ {selection} }} }}"
        )
    if jobs:
        variables += ["$job: ID!", "$last: ID!"]
        lists.append(
            f"jobQueue {{ {_JOB} }} job: findJob(input: {{id: $job}}) {{ {_JOB} }}"
            " last: findJob(input: {id: $last}) { addTime }"
        )
    return f"query Changed({', '.join(variables)}) {{ {' '.join(lists)} }}"


def ids(kind: ObjectKind) -> str:
    """Return the query for the ids of one kind that match a filter."""
    return (
        f"query Ids($filter: {kind.type}, $page: FindFilterType) {{ "
        f"found: {kind.finder}({kind.argument}: $filter, filter: $page) "
        f"{{ {kind.word} {{ id }} }} }}"
    )


def scenes(selection: str) -> str:
    """Return the query for a page of scenes that match a filter."""
    return (
        "query Scenes($filter: SceneFilterType, $page: FindFilterType) { "
        "found: findScenes(scene_filter: $filter, filter: $page) "
        f"{{ count scenes {{ {selection} }} }} }}"
    )


def scenes_by_id(selection: str, scene_ids: Iterable[str]) -> str:
    """Return the query for single scenes; the answer for one that is gone is null.

    ``findScenes(ids: …)`` would fail as a whole if one of them were gone.
    """
    aliases = " ".join(
        f's{scene_id}: findScene(id: "{scene_id}") {{ {selection} }}'
        for scene_id in scene_ids
    )
    return f"query Reread {{ {aliases} }}"


def after(text: str) -> dict[str, Any]:
    """Return the filter on ``updated_at``, which Stash compares as text."""
    return {"updated_at": {"value": text, "modifier": "GREATER_THAN"}}


def beyond(scene_id: int) -> dict[str, Any]:
    """Return the filter on the id, for pages that stay in place while rows come and go."""
    return {"id": {"value": scene_id, "modifier": "GREATER_THAN"}}


def without(criteria: Mapping[str, Any], scene_ids: Iterable[str]) -> Mapping[str, Any]:
    """Return the criteria without some scenes."""
    filtered = criteria
    for scene_id in scene_ids:
        unwanted = {"value": int(scene_id), "modifier": "NOT_EQUALS"}
        filtered = {"id": unwanted, "AND": filtered} if filtered else {"id": unwanted}
    return filtered


def related(kind: ObjectKind, object_ids: Iterable[str]) -> dict[str, Any]:
    """Return the filter for scenes with any of these performers, studios, tags or groups.

    Scenes with an object below these are included if records contain its parents.

    This does not use ``performers_filter`` and the like, because they only exist from
    0.27 on, lose scenes when combined by OR, and ``groups_filter`` filters nothing.
    """
    criterion = {"value": list(object_ids), "modifier": "INCLUDES"}
    return {kind.word: criterion | ({"depth": kind.depth} if kind.depth else {})}


def spellings(paths: Iterable[str]) -> str:
    """Return an expression for some whole paths, each in all of its spellings.

    These are any separators, both Unicode forms, and for a path of Windows any case: those
    with one ``spelling``.
    """
    return "|".join(map(_spellings, paths))


def _spellings(path: str) -> str:
    parts = _SEPARATORS.split(unicodedata.normalize("NFC", path))
    text = r"[\\/]+".join("".join(map(_spelt, part)) for part in parts)
    return f"(?i:{text})" if _WINDOWS.match(path) else text


def _spelt(letter: str) -> str:
    apart = unicodedata.normalize("NFD", letter)
    letter = _SPECIAL.sub(r"\\\g<0>", letter)
    return f"(?:{letter}|{apart})" if len(apart) > 1 else letter


def spelling(path: str) -> str:
    """Return one spelling of a path, the same for all that name the same file."""
    text = "/".join(_SEPARATORS.split(unicodedata.normalize("NFC", path)))
    return text.casefold() if _WINDOWS.match(path) else text


def exactly(spellings: str) -> dict[str, Any]:
    """Return the filter on the path of a file.

    EQUALS would act as LIKE: case-insensitive, with wildcards.
    """
    return {"path": {"value": f"^(?:{spellings})$", "modifier": "MATCHES_REGEX"}}


def page(
    per_page: int, *, number: int = 1, sort: str = "id", direction: str = "ASC"
) -> dict[str, Any]:
    """Return the filter for a page of a listing."""
    return {
        "page": number,
        "per_page": per_page,
        "sort": sort,
        "direction": direction,
    }
