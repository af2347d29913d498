"""What passes for a picture: by its size and its first bytes.

``plex.pictures.check`` refuses all else before an upload; whoever fetches a picture
reads no more of it than the limit.
"""

MAX_IMAGE = 10 * 1024 * 1024  # bytes; Plex answers 500 or 413 to more
# Ask for pictures as they are: aiohttp takes a packed answer that was cut for a whole one,
# and the first bytes of a picture do not say where it ends.
WHOLE_PICTURE = {"Accept-Encoding": "identity"}
_MAGIC = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF87a", b"GIF89a")


def is_picture(data: bytes) -> bool:
    """Know JPEG, PNG, GIF and WebP by their first bytes."""
    return data.startswith(_MAGIC) or (data[:4] == b"RIFF" and data[8:12] == b"WEBP")
