"""Pictures of a Stash: fetched only if they changed, and never a placeholder."""

from collections.abc import Sequence
import re

from ...engine.jobs.reused_keys import is_another
from ...engine.model.faults import Fault, FaultClass
from ...engine.model.ports import FetchedImage
from ...engine.model.reasons import Reason
from ...engine.model.record import Image
from ...engine.util.image_bytes import MAX_IMAGE, is_picture
from ..base import source_fault
from ..gather import Gather
from .client import StashClient
from .reader import StashReader

_HEAD = 65_536  # bytes in which the root of an SVG is looked for
_ROUTE = re.compile(r"(/([a-z]++)/(\d++)/[a-z]++)(\?[\w=&-]*)?")
_BLANKS = re.compile(rb"\s*")
_SVG = re.compile(rb"<svg[\s>]")
_HTML = re.compile(rb"\s*+<(!doctype html|html)[\s>]", re.IGNORECASE)


class StashPictures:
    """The pictures of one Stash."""

    def __init__(self, client: StashClient, reader: StashReader) -> None:
        """Take the client to fetch with, and the reader that knows the scenes."""
        self._client = client
        self._reader = reader
        self._files = Gather(reader.single.files)
        self._placeholder: str | None = None  # the ETag of Stash's own placeholder

    async def fetch(
        self, image: Image, known: str | None, files: Sequence[str]
    ) -> FetchedImage:
        """Fetch a picture; see ``StashSource.fetch``."""
        if not (route := _ROUTE.fullmatch(image.ref)):
            raise _invalid()
        if "default=true" in (route[4] or ""):
            return FetchedImage()  # performers and the like without a picture
        scene_id = route[3] if route[2] == "scene" else None
        try:
            found = await self._download(route[1], known)
        except Fault as fault:
            if fault.reason != Reason.NOT_FOUND:
                raise
            raise await self._why_missing(scene_id) from None
        if scene_id and files and found.data is not None:
            await self._confirm(scene_id, files)
        return found

    async def _download(self, path: str, known: str | None) -> FetchedImage:
        answer = await self._client.download(
            path, (known, self._placeholder), MAX_IMAGE
        )
        if answer.body is None:
            if answer.etag != known and answer.etag == self._placeholder:
                return FetchedImage()
            return FetchedImage(tag=answer.etag, unchanged=True)
        if answer.content_type == "image/svg+xml" or _is_svg(answer.body[:_HEAD]):
            self._placeholder = answer.etag
            return FetchedImage()
        if answer.content_type in {"text/html", "application/json"} or _HTML.match(
            answer.body
        ):
            raise source_fault("broken_answer")
        if not is_picture(answer.body):
            raise _invalid()
        return FetchedImage(answer.body, answer.etag)

    async def _why_missing(self, scene_id: str | None) -> Fault:
        """Return the fault of a missing picture, permanent if its scene is gone.

        A proxy in front of a dead Stash answers 404, too, and so does Stash for a scene
        that it failed to read. So ask for the scene itself.
        """
        if scene_id is None:
            await self._reader.check_health()
            return _missing(permanent=False)
        return _missing(permanent=await self._reader.single.lacks(scene_id))

    async def _confirm(self, scene_id: str, files: Sequence[str]) -> None:
        """Check that the scene still has these files after its picture was fetched.

        Its id may have been reused: then this is the cover of another film.
        """
        there = await self._files.get(scene_id)
        if there is None or is_another(files, there):
            raise _missing(permanent=True)


def _is_svg(head: bytes) -> bool:
    """Return whether the root element is an SVG's, whatever precedes it.

    This looks at each byte once, because a source may send anything.
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


def _missing(*, permanent: bool) -> Fault:
    return Fault(FaultClass.ITEM, Reason.IMAGE_MISSING, permanent=permanent)


def _invalid() -> Fault:
    return Fault(FaultClass.ITEM, Reason.IMAGE_INVALID, permanent=True)
