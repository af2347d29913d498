"""Pictures of a Stash: fetched only when changed, never the placeholder."""

import re

from ..engine.image_bytes import MAX_IMAGE, is_picture
from ..engine.ports import FetchedImage
from ..engine.record import Image
from ..engine.retry import Fault, FaultClass
from .stash_client import StashClient, source_fault

_HEAD = 65_536  # bytes in which an SVG shows its root
_ROUTE = re.compile(r"(/([a-z]++)/(\d++)/[a-z]++)(\?[\w=&-]*)?")
_BLANKS = re.compile(rb"\s*")
_SVG = re.compile(rb"<svg[\s>]")
_HTML = re.compile(rb"\s*+<(!doctype html|html)[\s>]", re.IGNORECASE)


def screenshot(scene_id: str, updated_at: str) -> Image:
    """Name the cover of a scene.

    Only the route is kept: the address in Stash's answers is made from the
    request's Host header and may not be reachable from here. The mark moves with
    every edit of the scene, not only with the picture; the ETag tells then.
    """
    return Image(f"/scene/{scene_id}/screenshot", updated_at)


def scene_of(image: Image) -> str | None:
    """Give the id of the scene whose picture this is, if it is a scene's."""
    route = _ROUTE.fullmatch(image.ref)
    return route[3] if route and route[2] == "scene" else None


async def fetch_image(
    client: StashClient, image: Image, known: str | None
) -> FetchedImage:
    """Fetch a picture, unless it still is the one that the tag ``known`` names.

    Raises faults of class source, and of class item with the reasons
    image_too_large and image_invalid.
    """
    if not (route := _ROUTE.fullmatch(image.ref)):
        raise _invalid()
    if "default=true" in (route[4] or ""):
        return FetchedImage()  # performers and the like without a picture of their own
    answer = await client.download(route[1], known, MAX_IMAGE)
    if answer.body is None:
        return FetchedImage(tag=answer.etag, unchanged=True)
    if answer.content_type == "image/svg+xml" or _is_svg(answer.body[:_HEAD]):
        # No tag: the next answer has to be looked at again.
        return FetchedImage()
    if answer.content_type in {"text/html", "application/json"} or _HTML.match(
        answer.body
    ):
        raise source_fault("broken_answer")
    if not is_picture(answer.body):
        raise _invalid()
    return FetchedImage(answer.body, answer.etag)


def _is_svg(head: bytes) -> bool:
    """Say whether the root is an SVG's, whatever comes before it.

    Looks at each byte once: a source may send anything.
    """
    at = 0
    while blanks := _BLANKS.match(head, at):
        at = blanks.end()
        if head.startswith(b"<!--", at):
            begin, end = b"<!--", b"-->"
        elif head.startswith((b"<?", b"<!"), at):
            begin, end = b"<?", b">"
        else:
            break
        if (at := head.find(end, at + len(begin))) < 0:
            return False
        at += len(end)
    return _SVG.match(head, at) is not None


def _invalid() -> Fault:
    return Fault(FaultClass.ITEM, "image_invalid", permanent=True)
