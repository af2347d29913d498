"""Combine requests that arrive while another one is under way."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence


class Gather[K, V]:
    """Turn requests for single keys into requests for many keys.

    The exception of a failed request goes to the caller who sent it; the others ask again.
    """

    def __init__(self, ask: Callable[[Sequence[K]], Awaitable[Mapping[K, V]]]) -> None:
        """Take a function that returns the values of keys, without those it does not know."""
        self._ask = ask
        self._waiting: dict[K, asyncio.Future[V | None]] = {}
        self._one_question = asyncio.Lock()

    async def get(self, key: K) -> V | None:
        """Return the value of a key, read after this call; None if there is none."""
        loop = asyncio.get_running_loop()
        mine = self._waiting.setdefault(key, loop.create_future())
        async with self._one_question:
            if not mine.done():
                await self._ask_all(key, mine)
        return mine.result()

    async def _ask_all(self, key: K, mine: asyncio.Future[V | None]) -> None:
        """Ask for all waiting keys; if that fails, the other keys keep waiting."""
        some, self._waiting = self._waiting | {key: mine}, {}
        try:
            found = await self._ask(list(some))
        except BaseException:
            del some[key]
            self._waiting = some | self._waiting
            raise
        for each, future in some.items():
            future.set_result(found.get(each))
