"""From a Stash scene to a record; ``docs/stash.md`` has the table of the fields.

A partial date (Stash 0.30) is no emptiness, yet Plex only takes whole dates: it
leaves the item's date alone. Text is taken as it stands: a director "A & B" is
one name. Records are mirrors, so clear only takes back what we wrote.
"""

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
import re
from typing import Any

from ..engine.record import Find, InvalidRecordError, Record, Value, normalise
from .stash_filter import is_wanted
from .stash_images import screenshot
from .stash_lists import cast, collection_names, names_of, tag_names
from .stash_options import StashOptions
from .stash_title import fill

__all__ = [
    "PathMap",
    "StashOptions",
    "file_paths",
    "id_of",
    "key_of",
    "make_record",
    "revision_of",
    "why_skipped",
]

type PathMap = Callable[[str], str | None]

_PARTIAL_DATE = re.compile(r"\d{4}(-\d{2})?")


def key_of(scene_id: object) -> str:
    """Make the record key of a scene."""
    return f"scene:{scene_id}"


def id_of(key: str) -> str | None:
    """Give the scene's id of a record key; None if it is no such key."""
    match = re.fullmatch(r"scene:(\d{1,10})", key, re.ASCII)
    return match[1] if match else None


def revision_of(updated_at: object) -> int | None:
    """Turn Stash's time, local with its offset, into epoch seconds."""
    try:
        time = datetime.fromisoformat(updated_at)  # type: ignore[arg-type]
    except TypeError, ValueError:
        return None
    if time.tzinfo is None:
        time = time.replace(tzinfo=UTC)
    return int((time - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds())


def make_record(
    scene: Mapping[str, Any], source: str, to_plex: PathMap, options: StashOptions
) -> Record:
    """Make the record of a scene as ``stash_queries`` asks for it.

    Fields that this Stash does not know, or that make no sense, are absent.
    """
    scene_id, updated_at = str(scene["id"]), scene.get("updated_at")
    values: dict[str, Value | None] = {}
    for name, raw in _wanted(scene, options):
        with suppress(InvalidRecordError):
            values[name] = normalise(name, raw)
    if values.get("title", ...) is None:
        del values["title"]
    cover = screenshot(scene_id, str(updated_at or ""))
    if options.poster:
        values["poster"] = cover
    if options.background:
        values["background"] = cover
    mapped = (to_plex(path) for path in file_paths(scene))
    return Record(
        source=source,
        key=key_of(scene_id),
        find=Find(paths=tuple(dict.fromkeys(path for path in mapped if path))),
        fields=values,
        revision=revision_of(updated_at),
        identified=_identified(scene),
        mirror=True,
        fill_only=options.fill_only,
    )


def why_skipped(
    scene: Mapping[str, Any], record: Record, options: StashOptions
) -> str | None:
    """Say why a scene is not to be sent: not_organized, filtered, no_file or not_mapped."""
    if options.organized_only and scene.get("organized") is False:
        return "not_organized"
    if not is_wanted(scene, options):
        return "filtered"
    if record.find.paths:
        return None
    return "not_mapped" if file_paths(scene) else "no_file"


def file_paths(scene: Mapping[str, Any]) -> list[str]:
    """List a scene's files as Stash names them; the primary file comes first."""
    return [
        path
        for file in scene.get("files") or ()
        if isinstance(path := file.get("path"), str) and path
    ]


def _wanted(
    scene: Mapping[str, Any], options: StashOptions
) -> Iterable[tuple[str, object]]:
    """Pair the enabled fields with what this Stash says of them."""
    for name, raw in _values(scene, options):
        if name in options.fields:
            yield name, raw
    if (collections := collection_names(scene, options)) is not None:
        yield "collections", collections
    if options.code_to and "code" in scene:
        yield options.code_to, scene["code"]
    if options.content_rating:
        yield "content_rating", options.content_rating


def _values(
    scene: Mapping[str, Any], options: StashOptions
) -> Iterable[tuple[str, object]]:
    if title := _title(scene, options):
        yield "title", title
    if "details" in scene:
        yield "summary", scene["details"]
    if "date" in scene and not _PARTIAL_DATE.fullmatch(scene["date"] or ""):
        yield "date", scene["date"]
    if "rating100" in scene:
        rating = scene["rating100"]
        yield "user_rating", rating / 10 if rating else None
    if "studio" in scene:
        yield "studio", next(iter(names_of([scene["studio"]])), None)
    if (actors := cast(scene, options)) is not None:
        yield "actors", actors
    if (tags := tag_names(scene, options)) is not None:
        yield "genres", tags
        yield "labels", tags
    if "director" in scene:
        yield "directors", names_of([{"name": scene["director"]}])


def _title(scene: Mapping[str, Any], options: StashOptions) -> str:
    """Give the title, or what stands in its place; empty leaves Plex's alone."""
    if "title" not in scene:
        return ""
    if isinstance(title := scene["title"], str) and title.strip():
        return title
    if not options.title_template:
        return ""
    actors = cast(scene, options) or ()
    return fill(options.title_template, scene, [actor.name for actor in actors])


def _identified(scene: Mapping[str, Any]) -> bool:
    """Say whether anything beyond the file itself is known of a scene."""
    return any(
        value.strip() if isinstance(value, str) else value
        for value in (
            scene.get(name)
            for name in ("studio", "performers", "tags", "details", "date")
        )
    )
