"""One writer at a time: who waits for an item goes on as soon as it is free."""

import asyncio
from pathlib import Path

from custom_components.plexsync.engine.jobs.job import Priority
from custom_components.plexsync.engine.look.busy_items import BusyItems
from custom_components.plexsync.engine.model.record import Find, Record
from tests.virtual import run, virtual
from tests.world import world


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


def test_two_records_of_one_item_wait_for_each_others_turn_alone(
    socket_enabled: None, tmp_path: Path
) -> None:
    """Not for a second more: a library may have many such pairs."""

    async def story() -> None:
        async with world(tmp_path) as it:
            pairs = [
                Record(f"source {each}", key, Find(tuple(item.files)), {field: "New"})
                for key, item in it.plex.core.items.items()
                for each, field in enumerate(("tagline", "summary"))
            ]
            began = virtual().time()
            await it.engine.submit(pairs, Priority.BULK)
            await it.drained()
            assert virtual().time() - began < 0.5
            for item in it.plex.core.items.values():
                assert item.values["tagline"] == item.values["summary"] == "New"

    run(story())
