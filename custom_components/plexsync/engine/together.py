"""Run some coroutines side by side, to the end of each."""

import asyncio
from collections.abc import Coroutine, Iterable
from typing import Any


async def together(work: Iterable[Coroutine[Any, Any, None]]) -> None:
    """Wait for all; then raise the first error as it is, not in a group.

    Unlike a task group this lets the others finish: what they have sent to Plex
    has an outcome worth knowing. Cancelling cancels all of them.
    """
    results = await asyncio.gather(*work, return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException):
            raise result
