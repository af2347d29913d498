"""Short digests, where the database need not keep a whole text a second time."""

import hashlib


def short_digest(text: str) -> int:
    """Return 64 bits of a text's digest, as a number that SQLite can keep.

    Equal texts have equal digests. Two others hardly ever do: whoever finds something by
    its digest compares the text where that matters.
    """
    data = text.encode("utf-8", "surrogatepass")
    digest = hashlib.blake2b(data, digest_size=8).digest()
    return int.from_bytes(digest, signed=True)
