"""Check pictures before an upload, and parse Plex's lists of pictures."""

from ..engine.model.faults import Fault, FaultClass
from ..engine.model.ports import PictureChoice
from ..engine.model.reasons import Reason
from ..engine.util.image_bytes import MAX_IMAGE, is_picture
from .markup import parse

ENDPOINTS = {"poster": "posters", "background": "arts"}


def check(data: bytes) -> None:
    """Raise Fault for data that is too large, or no JPEG, PNG, WebP or GIF."""
    if len(data) > MAX_IMAGE:
        raise Fault(FaultClass.ITEM, Reason.IMAGE_TOO_LARGE, permanent=True)
    if not is_picture(data):
        raise Fault(FaultClass.ITEM, Reason.IMAGE_INVALID, permanent=True)


def parse_pictures(data: bytes) -> PictureChoice:
    """Parse the list of pictures of one kind; raises Fault."""
    found = [
        (node.get("ratingKey") or "", node.get("selected")) for node in parse(data)
    ]
    return PictureChoice(
        tuple(key for key, _ in found if key),
        next((key for key, selected in found if key and selected == "1"), None),
    )
