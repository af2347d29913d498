"""One writer at a time: who waits for an item goes on as soon as it is free."""

import asyncio

from custom_components.plexsync.engine.look.busy_items import BusyItems


async def test_whoever_waits_for_an_item_gets_it_when_it_is_free() -> None:
    """Not for another item that is free, and never two at once."""
    busy_items, seen = BusyItems(), list[str]()
    busy_items.take("41")

    async def use(name: str) -> None:
        async with busy_items.alone("41"):
            seen.append(f"{name} begins")
            await asyncio.sleep(0)
            seen.append(f"{name} ends")

    using = [asyncio.create_task(use(name)) for name in ("first", "second")]
    await asyncio.sleep(0)
    busy_items.leave(["42"])
    await asyncio.sleep(0)
    assert not seen
    busy_items.leave(["41", "43"])
    await asyncio.gather(*using)
    assert seen == ["first begins", "first ends", "second begins", "second ends"]
    assert "41" not in busy_items
