"""What Plex takes as a picture, checked before it travels."""

from ..engine.retry import Fault, FaultClass

MAX_BYTES = 10 * 1024 * 1024  # above, Plex answers 500 or 413
ENDPOINTS = {"poster": "posters", "background": "arts"}
_MAGIC = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF87a", b"GIF89a")


def check(data: bytes) -> None:
    """Raise Fault for what is too large, or no JPEG, PNG, WebP or GIF."""
    if len(data) > MAX_BYTES:
        raise Fault(FaultClass.ITEM, "image_too_large", permanent=True)
    if not (data.startswith(_MAGIC) or (data[:4] == b"RIFF" and data[8:12] == b"WEBP")):
        raise Fault(FaultClass.ITEM, "image_invalid", permanent=True)
