"""What somebody else sends, read up to a limit."""

from collections.abc import AsyncIterable


async def read_at_most(chunks: AsyncIterable[bytes], most: int) -> tuple[bytes, bool]:
    """Return what comes, and whether that is all.

    Reading ends with the chunk that makes it more than ``most`` bytes.
    """
    data = bytearray()
    async for chunk in chunks:
        data += chunk
        if len(data) > most:
            return bytes(data), False
    return bytes(data), True
