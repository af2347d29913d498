"""What Plex takes as a picture, checked before it travels."""

from ..engine.image_bytes import MAX_IMAGE, is_picture
from ..engine.retry import Fault, FaultClass

ENDPOINTS = {"poster": "posters", "background": "arts"}


def check(data: bytes) -> None:
    """Raise Fault for what is too large, or no JPEG, PNG, WebP or GIF."""
    if len(data) > MAX_IMAGE:
        raise Fault(FaultClass.ITEM, "image_too_large", permanent=True)
    if not is_picture(data):
        raise Fault(FaultClass.ITEM, "image_invalid", permanent=True)
