"""Map a Stash scene to a record; ``docs/stash.md`` has the table of the fields.

Plex only accepts complete dates. A partial date (Stash 0.30) is not empty either, so it
leaves the item's date alone. Text is used as it is: a director "A & B" is one name.
Records are mirrors, so an empty field only takes back what we wrote.
"""

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from hashlib import blake2b
import re
from typing import Any

from ...engine.model.reasons import Reason
from ...engine.model.record import (
    Find,
    Image,
    InvalidRecordError,
    Record,
    Value,
    normalise,
)
from .cursor import is_just_now
from .filter import is_wanted
from .lists import cast, collection_names, names_of, tag_names
from .options import StashOptions
from .title import fill

__all__ = [
    "PathMap",
    "StashOptions",
    "file_paths",
    "id_of",
    "key_of",
    "make_record",
    "marks_of",
    "revision_of",
    "why_skipped",
]

type PathMap = Callable[[str], str | None]

_EXACT = frozenset({"oshash", "md5"})
_MARK = 64  # characters of a mark at most
_PARTIAL_DATE = re.compile(r"\d{4}(-\d{2})?")


def key_of(scene_id: object) -> str:
    """Return the record key of a scene."""
    return f"scene:{scene_id}"


def id_of(key: str) -> str | None:
    """Return the scene's id from a record key; None if it is no key of a scene."""
    match = re.fullmatch(r"scene:(\d{1,10})", key, re.ASCII)
    return match[1] if match else None


def revision_of(updated_at: object) -> int | None:
    """Convert Stash's local time with offset to epoch seconds."""
    try:
        time = datetime.fromisoformat(updated_at)  # type: ignore[arg-type]
    except TypeError, ValueError:
        return None
    if time.tzinfo is None:
        time = time.replace(tzinfo=UTC)
    return int((time - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds())


def make_record(
    scene: Mapping[str, Any],
    source: str,
    to_plex: PathMap,
    options: StashOptions,
    read_at: datetime | None = None,
) -> Record:
    """Return the record of a scene with the fields that ``queries`` asks for.

    Fields that this Stash does not know, or that are invalid, are absent. ``read_at`` is
    the server's clock when the scene was read: the cover may still change within the
    second of the scene's time.
    """
    scene_id, updated_at = str(scene["id"]), scene.get("updated_at")
    values: dict[str, Value | None] = {}
    for name, raw in _wanted(scene, options):
        with suppress(InvalidRecordError):
            values[name] = normalise(name, raw)
    if values.get("title", ...) is None:
        del values["title"]
    cover = screenshot(scene_id, str(updated_at or ""), read_at)
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
        files=marks_of(scene),
    )


def screenshot(scene_id: str, updated_at: str, read_at: datetime | None) -> Image:
    """Return the cover of a scene.

    Only the route is kept, because Stash builds the address from the request's Host
    header, and it may not be reachable from here. The mark changes with every edit of the
    scene, not only of the cover; the ETag then shows whether the cover has changed. While
    the cover may still change within the second of the scene's time, the mark is temporary.
    """
    passing = "?" if is_just_now(updated_at, read_at) else ""
    return Image(f"/scene/{scene_id}/screenshot", f"{updated_at}{passing}")


def why_skipped(
    scene: Mapping[str, Any], record: Record, options: StashOptions
) -> str | None:
    """Return why a scene is not sent: not_organized, filtered, no_file or not_mapped."""
    if options.organized_only and scene.get("organized") is False:
        return Reason.NOT_ORGANIZED
    if not is_wanted(scene, options):
        return Reason.FILTERED
    if record.find.paths:
        return None
    return Reason.NOT_MAPPED if file_paths(scene) else Reason.NO_FILE


def marks_of(scene: Mapping[str, Any]) -> tuple[str, ...]:
    """Return marks of a scene's files, some of which survive a move or a change.

    The perceptual hash is not among them, because two cuts of one film share it.
    """
    marks: list[str] = []
    for file in scene.get("files") or ():
        marks += (
            f"{each['type']}:{each['value']}"[:_MARK]
            for each in file.get("fingerprints") or ()
            if each.get("type") in _EXACT and each.get("value")
        )
        if isinstance(path := file.get("path"), str) and path:
            digest = blake2b(path.encode(errors="replace"), digest_size=8)
            marks.append(f"path:{digest.hexdigest()}")
    return tuple(dict.fromkeys(marks))


def file_paths(scene: Mapping[str, Any]) -> list[str]:
    """Return the paths of a scene's files in Stash; the primary file comes first."""
    return [
        path
        for file in scene.get("files") or ()
        if isinstance(path := file.get("path"), str) and path
    ]


def _wanted(
    scene: Mapping[str, Any], options: StashOptions
) -> Iterable[tuple[str, object]]:
    """Yield the enabled fields with the values that Stash has for them."""
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
    """Return the title or a substitute; an empty one leaves Plex's title alone."""
    if "title" not in scene:
        return ""
    if isinstance(title := scene["title"], str) and title.strip():
        return title
    if not options.title_template:
        return ""
    actors = cast(scene, options) or ()
    return fill(options.title_template, scene, [actor.name for actor in actors])


def _identified(scene: Mapping[str, Any]) -> bool:
    """Return whether a scene has any metadata besides its file."""
    return any(
        value.strip() if isinstance(value, str) else value
        for value in (
            scene.get(name)
            for name in ("studio", "performers", "tags", "details", "date")
        )
    )
