"""One sweep mends what Plex did behind our back: `python -m bench.mended 50000`.

Of a library that is in line a tenth of the items get new rating keys, and another
tenth, all those that have a poster of ours, lose it.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import replace
import sys
import time

from .ours import Ours, ours
from .processes import Simulator, simulator
from .product import FetchedImage, Image, Record, sweep
from .work import pages, wanted

_TENTH = 10
_PNG = b"\x89PNG\r\n\x1a\n"  # how one begins is all that anybody looks at here


class _Pictures:
    async def fetch(
        self, source: str, image: Image, known: str | None, files: object = ()
    ) -> FetchedImage:
        """Give a picture of which every record has its own."""
        if known == image.ref:
            return FetchedImage(tag=image.ref, unchanged=True)
        return FetchedImage(_PNG + image.ref.encode(), image.ref)


async def _records(items: int) -> AsyncIterator[list[Record]]:
    number = 0
    async for page in pages(range(1, items + 1)):
        made = []
        for record in page:
            number += 1
            picture = {"poster": Image(str(number))} if not number % _TENTH else {}
            made.append(replace(record, fields={**record.fields, **picture}))
        yield made


async def _upset(server: Simulator, items: int) -> None:
    for number in range(1, items + 1):
        if number % _TENTH < 2:
            key = (await server.item(wanted(number).path))["ratingKey"]
            change = server.rekey if number % _TENTH else server.empty_picture
            await change(key)


async def _sweep(server: Simulator, side: Ours, items: int) -> None:
    await server.forget()
    started = time.perf_counter()
    counts = await sweep(side.engine, _records(items), items)
    compared = time.perf_counter() - started
    await side.drained()
    mended = time.perf_counter() - started
    methods = Counter[str]()
    for pattern, number in (await server.requests()).items():
        methods[pattern.partition(" ")[0]] += number
    print(counts, dict(methods), f"{compared:.1f} s, all done {mended:.1f} s")


async def main(items: int) -> None:
    """Bring a library into line, upset it, and sweep until there is nothing to do."""
    async with (
        simulator(items, 0) as server,
        ours(server.url, images=_Pictures()) as side,
    ):
        await side.submit(_records(items))
        await side.drained()
        await server.keep_full_rows()
        for name in ("in line", "the same again"):
            print(name, end=": ")
            await _sweep(server, side, items)
        await _upset(server, items)
        for name in ("upset", "mended"):
            print(name, end=": ")
            await _sweep(server, side, items)


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
