"""What is in a file."""

from dataclasses import dataclass
from hashlib import md5


@dataclass(frozen=True, slots=True)
class Video:
    """What is in a file; files of the same content have the same fingerprints."""

    oshash: str
    md5: str
    phash: str
    size: int
    duration: float
    width: int
    height: int

    @classmethod
    def of(cls, name: str, *, seconds: float, width: int, height: int) -> Video:
        """Make up a video; ``name`` stands for its bytes."""
        digest = md5(name.encode(), usedforsecurity=False).hexdigest()
        size = 10_000 + int(digest[:4], 16)
        return cls(digest[:16], digest, digest[16:], size, seconds, width, height)
