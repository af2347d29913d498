"""Cut lists so that each piece has room in a request line."""

from collections.abc import Callable, Iterable, Iterator


def chunks[T](
    members: Iterable[T], room: int, size: Callable[[T], int], most: int | None = None
) -> Iterator[list[T]]:
    """Cut into pieces of at most so much room, and so many members; never an empty one.

    A member that is too large by itself is a piece of its own.
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
