"""Reading what mutations are given."""

from base64 import b64decode
from typing import cast
from urllib.parse import quote

from .base import StashError
from .conditions import numbers
from .dates import date_of
from .execution import Row
from .resolvers import Call
from .scenes import SceneFields

# Measured: 0.27.2 keeps blanks, 0.30.1 does not; the change is somewhere between.
_FIRST_TRIMMED = 28
_TEXTS = ("title", "code", "details", "director")


def key_of(value: str) -> int:
    """Read one id."""
    return numbers([value])[0]


def trimmed(call: Call, value: str) -> str:
    """Take off the blanks around a text, as newer versions do."""
    return value.strip() if call.minor >= _FIRST_TRIMMED else value


def image(value: str | None) -> bytes | None:
    """Read a picture from a data URL; nothing, and no bytes, mean none. No byte is checked."""
    if not value:
        return None
    head, _, body = value.partition("base64,")
    if not head.startswith("data:"):
        raise StashError(
            f'processing cover image: Get "{quote(value)}": unsupported protocol scheme ""'
        )
    return b64decode(body) or None


def scene_fields(call: Call, given: Row) -> SceneFields:
    """Translate what a scene's page sends; a field that is missing stays as it is."""
    fields: Row = {
        name: trimmed(call, given[name] or "") for name in _TEXTS if name in given
    }
    if "date" in given:
        fields["date"] = date_of(given["date"], call.minor)
    if "rating100" in given:
        fields["rating100"] = given["rating100"]
    if given.get("organized") is not None:
        fields["organized"] = given["organized"]
    if "studio_id" in given:
        studio = given["studio_id"]
        fields["studio_id"] = key_of(studio) if studio else None
    if "urls" in given or "url" in given:
        fields["urls"] = given.get("urls") or [url for url in [given.get("url")] if url]
    for name in ("performer_ids", "tag_ids", "gallery_ids"):
        if name in given:
            fields[name] = numbers(given[name])
    for name, key in (("groups", "group_id"), ("movies", "movie_id")):
        if name in given:
            links = given[name] or ()
            fields["group_ids"] = numbers([each[key] for each in links])
            fields["group_indexes"] = {
                key_of(each[key]): each.get("scene_index") for each in links
            }
    if (cover := image(given.get("cover_image"))) is not None:
        # Nothing takes a cover away: null and empty data keep it.
        fields["cover"] = cover
    if "stash_ids" in given:
        fields["stash_ids"] = {
            each["endpoint"]: each["stash_id"] for each in given["stash_ids"] or ()
        }
    return cast("SceneFields", fields)
