"""Split lists so that each part fits into a request line."""

from collections.abc import Callable, Iterable, Iterator


def chunks[T](
    members: Iterable[T], room: int, size: Callable[[T], int], most: int | None = None
) -> Iterator[list[T]]:
    """Split into parts of at most ``room`` in size and ``most`` members; none is empty.

    A member that is too large by itself becomes a part of its own.
    """
    chunk: list[T] = []
    used = 0
    for member in members:
        needed = size(member)
        if chunk and (len(chunk) == most or used + needed > room):
            yield chunk
            chunk, used = [], 0
        chunk.append(member)
        used += needed
    if chunk:
        yield chunk
