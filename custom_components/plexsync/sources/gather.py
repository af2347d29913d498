"""Put questions together that come while another one is under way."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence


class Gather[K, V]:
    """Ask for many keys at once what is asked for one by one.

    Raises what ``ask`` raises, to each that waits for its own answer.
    """

    def __init__(self, ask: Callable[[Sequence[K]], Awaitable[Mapping[K, V]]]) -> None:
        """Take what gives the values of keys; it leaves out what it does not know."""
        self._ask = ask
        self._waiting: dict[K, asyncio.Future[V | None]] = {}
        self._one_question = asyncio.Lock()

    async def get(self, key: K) -> V | None:
        """Return the value of a key, as it is after this was called; None for no value."""
        loop = asyncio.get_running_loop()
        mine = self._waiting.setdefault(key, loop.create_future())
        async with self._one_question:
            if not mine.done():
                await self._ask_all(key, mine)
        return mine.result()

    async def _ask_all(self, key: K, mine: asyncio.Future[V | None]) -> None:
        """Ask for all keys that wait; where that fails the others wait on."""
        some, self._waiting = self._waiting | {key: mine}, {}
        try:
            found = await self._ask(list(some))
        except BaseException:
            del some[key]
            self._waiting = some | self._waiting
            raise
        for each, future in some.items():
            future.set_result(found.get(each))
